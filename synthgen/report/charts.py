"""Inline SVG charts. Colours are CSS classes of page.html.j2, so that light, dark and print all work."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from html import escape

import numpy as np

from synthgen.report import viewpoints
from synthgen.report.facts import Histogram

WIDTH, HEIGHT = 340, 190
LEFT, RIGHT, TOP, BOTTOM = 34, 18, 34, 34
GAP = 1.0
# A bar more than CUT_FROM times as tall as the next one is cut at CUT_TO times the next one.
CUT_FROM, CUT_TO = 4, 2.5
ENOUGH = 10
HEAT_TOP, HEAT_HEIGHT = 20, 190

# A named limit: its value, and the names of what lies before and after it.
Mark = tuple[float, str, str]


def short(value: float) -> str:
    """A number as people write it: 0.25, 7, 640, 12k, 3.4M."""
    for limit, unit in ((1e6, "M"), (1e4, "k")):
        if abs(value) >= limit:
            return f"{value / (limit if unit == 'M' else 1e3):.3g}{unit}"
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"


def histogram(data: Histogram, *, title: str, marks: Sequence[Mark] = (), percent: bool = False) -> str:
    """Bars over an axis in the values' own unit, the median as a line, and named limits."""
    if not data.total:
        return f'<p class="empty">{escape(title)}: no values</p>'
    scale = _Scale(data)
    top = _top(data.counts)
    parts = [_frame(title, top)]
    for low, high, count in zip(data.edges, data.edges[1:], data.counts, strict=False):
        if count:
            parts.append(_bar(scale, low, high, count, top, data, percent))
    parts += [_mark(scale.x(mark[0]), mark[1], mark[2]) for mark in marks if scale.inside(mark[0])]
    parts += _breaks(scale, data, top)
    parts += [_tick(scale.x(value), _label(value, percent)) for value in _ticks(data)]
    if data.median is not None:
        label = f"median {_label(data.median, percent)}{'' if percent else _unit(data)}"
        parts.append(_median(scale.x(data.median), label))
    return _svg(WIDTH, HEIGHT, title, parts)


def _top(counts: Sequence[int]) -> int:
    """Height of the chart: the tallest bar, but one that dwarfs all others is cut (and says so), to show the rest."""
    ordered = sorted(counts)
    if len(ordered) > 2 and 0 < ordered[-2] < ordered[-1] / CUT_FROM:
        return math.ceil(CUT_TO * ordered[-2])
    return ordered[-1]


def _breaks(scale: _Scale, data: Histogram, top: int) -> list[str]:
    """A gap through each bar that is cut, and its number above."""
    parts = []
    for low, high, count in zip(data.edges, data.edges[1:], data.counts, strict=False):
        if count > top:
            x0, x1, y = scale.x(low), scale.x(high), TOP + 14
            anchor, x = ("end", x1) if (x0 + x1) / 2 > WIDTH / 2 else ("start", x0)
            parts.append(f'<path class="cut" d="M{x0 - 2:.1f} {y + 3}L{x1 + 2:.1f} {y - 3}"/>')
            parts.append(f'<text class="note" x="{x:.1f}" y="{TOP - 4}" text-anchor="{anchor}">{count:,}</text>')
    return parts


class _Scale:
    """Values -> x in pixels, linear or logarithmic."""

    def __init__(self, data: Histogram) -> None:
        self.log = data.log
        self.low, self.high = self._warp(data.edges[0]), self._warp(data.edges[-1])

    def _warp(self, value: float) -> float:
        return math.log2(value) if self.log else value

    def x(self, value: float) -> float:
        share = (self._warp(value) - self.low) / (self.high - self.low)
        return LEFT + min(max(share, 0.0), 1.0) * (WIDTH - LEFT - RIGHT)

    def inside(self, value: float) -> bool:
        return self.low < self._warp(value) < self.high


def _bar(scale: _Scale, low: float, high: float, count: int, top: int, data: Histogram, percent: bool) -> str:
    x0, x1 = scale.x(low), scale.x(high)
    height = (HEIGHT - TOP - BOTTOM) * min(count / top, 1.0)
    if data.unit == "" and not percent and high - low == 1 and low != int(low):
        span = f"{(low + high) / 2:g}"  # whole numbers
    else:
        span = f"{_label(low, percent)} to {_label(high, percent)}{'' if percent else _unit(data)}"
    tip = f"{span}: {count:,} ({count / data.total:.1%})"
    return (
        f'<rect class="bar" x="{x0 + GAP / 2:.1f}" y="{HEIGHT - BOTTOM - height:.1f}" '
        f'width="{max(x1 - x0 - GAP, 0.6):.1f}" height="{height:.1f}"><title>{escape(tip)}</title></rect>'
    )


def _frame(title: str, top: int) -> str:
    base = HEIGHT - BOTTOM
    return (
        f'<text class="chart-title" x="0" y="12">{escape(title)}</text>'
        f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{TOP}" y2="{TOP}"/>'
        f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{base}" y2="{base}"/>'
        f'<text class="tick" x="{LEFT - 4}" y="{TOP + 3}" text-anchor="end">{short(top)}</text>'
        f'<text class="tick" x="{LEFT - 4}" y="{base}" text-anchor="end">0</text>'
    )


def _tick(x: float, label: str) -> str:
    base = HEIGHT - BOTTOM
    return (
        f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{base}" y2="{base + 3}"/>'
        f'<text class="tick" x="{x:.1f}" y="{base + 14}" text-anchor="middle">{escape(label)}</text>'
    )


def _mark(x: float, before: str, after: str) -> str:
    return (
        f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>'
        f'<text class="note" x="{x - 3:.1f}" y="{TOP - 4}" text-anchor="end">{escape(before)}</text>'
        f'<text class="note" x="{x + 3:.1f}" y="{TOP - 4}">{escape(after)}</text>'
    )


def _median(x: float, label: str) -> str:
    anchor = "end" if x > WIDTH * 0.75 else "start" if x < WIDTH * 0.25 else "middle"
    return (
        f'<line class="median" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>'
        f'<text class="note strong" x="{x:.1f}" y="{HEIGHT - 5}" text-anchor="{anchor}">{escape(label)}</text>'
    )


def _ticks(data: Histogram) -> list[float]:
    low, high = data.edges[0], data.edges[-1]
    if data.log:
        powers = [10.0**p for p in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)]
        steps = powers if math.log10(high / low) > 2 else [p * m for p in powers for m in (1, 2, 5)]
        return [value for value in steps if low <= value <= high]
    step = nice_step((high - low) / 5)
    first = math.ceil(low / step - 1e-9)
    return [round(i * step, 9) for i in range(first, math.floor(high / step + 1e-9) + 1)]


def nice_step(rough: float) -> float:
    """The smallest of 1, 2, 5 times a power of ten that is at least ``rough`` (> 0)."""
    power = 10.0 ** math.floor(math.log10(rough))
    return next(power * m for m in (1, 2, 5, 10) if power * m >= rough * (1 - 1e-9))


def _label(value: float, percent: bool) -> str:
    return f"{value:.0%}" if percent else short(value)


def _unit(data: Histogram) -> str:
    return f" {data.unit}" if data.unit else ""


def heat_map(cells: Sequence[Sequence[int]], *, title: str, width: int = WIDTH) -> str:
    """Counts over the frame, stronger = more; cells are joined until they hold some counts on average."""
    cells = _joined(cells)
    side = min(width / len(cells[0]), HEAT_HEIGHT / len(cells))
    top = max(max(row) for row in cells)
    height = side * len(cells)
    parts = [
        f'<text class="chart-title" x="0" y="12">{escape(title)}</text>'
        f'<rect class="frame" x="0" y="{HEAT_TOP}" width="{side * len(cells[0]):.1f}" height="{height:.1f}"/>'
    ]
    for y, row in enumerate(cells):
        for x, count in enumerate(row):
            if count:
                shade = 0.04 + 0.96 * count / top
                parts.append(
                    f'<rect class="heat" x="{x * side:.2f}" y="{HEAT_TOP + y * side:.2f}" width="{side + 0.3:.2f}" '
                    f'height="{side + 0.3:.2f}" fill-opacity="{shade:.2f}"><title>{count:,}</title></rect>'
                )
    return _svg(width, HEAT_TOP + height, title, parts)


def _joined(cells: Sequence[Sequence[int]]) -> Sequence[Sequence[int]]:
    """Cells joined to squares of 2, 3, ... until the average one holds ENOUGH counts, where the frame divides so."""
    rows, columns = len(cells), len(cells[0])
    total = sum(map(sum, cells))
    sides = [side for side in range(1, 5) if rows % side == 0 and columns % side == 0]
    side = next((s for s in sides if total >= ENOUGH * rows * columns / s**2), sides[-1])
    grid = np.array(cells).reshape(rows // side, side, columns // side, side).sum(axis=(1, 3))
    return [[int(count) for count in row] for row in grid]


def sphere_map(counts: Sequence[int], *, title: str, width: int = 200) -> str:
    """Directions of the camera in the object frame on a Mollweide (equal-area) map: +z at the top, +x in the middle."""
    top = max(counts)
    radius = width / 4 - 1
    parts = [f'<g transform="translate({width / 2} {width / 4}) scale({radius:.2f} {-radius:.2f})">']
    parts.append('<ellipse class="frame" cx="0" cy="0" rx="2" ry="1"/>')
    for cell, count in enumerate(counts):
        if count:
            parts.append(f'<path class="heat" d="{_cell_path(cell)}" fill-opacity="{_ramp(count / top)}"/>')
    parts.append('<line class="equator" x1="-2" x2="2" y1="0" y2="0"/></g>')
    return _svg(width, width / 2, title, parts)


@lru_cache(maxsize=viewpoints.CELLS)
def _cell_path(cell: int) -> str:
    points = " ".join(f"{x:.3f},{y:.3f}" for x, y in viewpoints.cell_outline(cell))
    return f"M{points}Z"


def _ramp(share: float) -> str:
    """Opacity of a cell: visible from the first count on, the square root spreads the low end."""
    return f"{0.10 + 0.90 * math.sqrt(share):.2f}"


def _svg(width: float, height: float, title: str, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {width:g} {height:.1f}" role="img" aria-label="{escape(title)}" '
        f'preserveAspectRatio="xMidYMid meet">{"".join(parts)}</svg>'
    )
