"""Counting in fine fixed bins (bounded memory, any number of values), and coarser bins to draw."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from synthgen.report.facts import Histogram
from synthgen.types.arrays import F64, I64

WIDEST = 32
BINS_PER_OCTAVE = 24


@dataclass(frozen=True)
class Axis:
    """Fine bins of one quantity; values outside fall into the first or last bin.

    Attributes:
        unit: of the values.
        start, bins: the first edge and how many bins there are.
        step: width of a bin; on a log axis, bins per octave are fixed and this is unused.
        log: bins of equal ratio.
        multiples: how many fine bins one drawn bin may hold, ascending; the first that gives at most 32 is taken.
        whole: draw the whole axis even where it is empty.
    """

    unit: str
    start: float
    bins: int
    step: float = 1.0
    log: bool = False
    multiples: tuple[int, ...] = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
    whole: bool = False

    @cached_property
    def edges(self) -> F64:
        """(bins + 1,) ascending."""
        if self.log:
            return np.array([self.start * 2.0 ** (i / BINS_PER_OCTAVE) for i in range(self.bins + 1)])
        return np.array([round(self.start + i * self.step, 9) for i in range(self.bins + 1)])

    def index(self, values: F64) -> I64:
        """Bin of each value."""
        found = np.searchsorted(self.edges, values, side="right") - 1
        return np.asarray(np.clip(found, 0, self.bins - 1), np.int64)

    def middle(self, i: int) -> float:
        """Value that stands for a bin: its centre, or geometric centre; whole numbers for bins of width 1 at -0.5."""
        low, high = float(self.edges[i]), float(self.edges[i + 1])
        return math.sqrt(low * high) if self.log else (low + high) / 2


_HALF_OCTAVES = (BINS_PER_OCTAVE // 2, BINS_PER_OCTAVE, 2 * BINS_PER_OCTAVE)

AREA_PX = Axis("px", 1.0, 25 * BINS_PER_OCTAVE, log=True, multiples=_HALF_OCTAVES)
SHARE = Axis("", 0.0, 1000, step=0.001, multiples=(50,), whole=True)
DISTANCE_M = Axis("m", 0.0, 5000, step=0.01)
COUNT = Axis("", -0.5, 1000)
LUMA = Axis("", 0.0, 256, multiples=(8,), whole=True)
SHARPNESS = Axis("", 2.0**-6, 24 * BINS_PER_OCTAVE, log=True, multiples=_HALF_OCTAVES)
ELEVATION_DEG = Axis("deg", -90.0, 180)


def count(axis: Axis, values: F64) -> I64:
    """(bins,) how many of the values lie in each fine bin."""
    return np.bincount(axis.index(values), minlength=axis.bins)


def count_by(axis: Axis, values: F64, groups: I64, number: int) -> I64:
    """(number, bins): the same per group; groups are 0..number - 1."""
    flat = groups * axis.bins + axis.index(values)
    return np.bincount(flat, minlength=number * axis.bins).reshape(number, axis.bins)


def quantile(axis: Axis, counts: I64, share: float) -> float | None:
    """The value below which ``share`` of all values lie, to the width of a fine bin; None when there are none."""
    total = int(counts.sum())
    if total == 0:
        return None
    rank = min(int(share * total), total - 1)
    return axis.middle(int(np.searchsorted(np.cumsum(counts), rank, side="right")))


def drawn(axis: Axis, counts: I64) -> Histogram:
    """At most 32 bins over the range that is used (the whole axis where ``axis.whole``)."""
    used = np.flatnonzero(counts)
    if axis.whole or used.size == 0:
        first, last = 0, axis.bins - 1 if axis.whole else 0
    else:
        first, last = int(used[0]), int(used[-1])
    multiple = next((m for m in axis.multiples if last // m - first // m < WIDEST), axis.multiples[-1])
    first = first // multiple * multiple
    number = (last - first) // multiple + 1
    padded = np.zeros(number * multiple, np.int64)
    end = min(first + number * multiple, axis.bins)
    padded[: end - first] = counts[first:end]
    at = np.minimum(first + multiple * np.arange(number + 1), axis.bins)
    return Histogram(
        unit=axis.unit,
        edges=tuple(float(edge) for edge in axis.edges[at]),
        counts=tuple(int(n) for n in padded.reshape(number, multiple).sum(axis=1)),
        median=quantile(axis, counts, 0.5),
        log=axis.log,
    )
