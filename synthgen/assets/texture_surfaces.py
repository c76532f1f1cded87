"""Procedural surfaces: table tops, belts, mats and tote plastic. All tile; colours are sRGB in [0, 1].

Every function draws one variant, (H, W, 3) float32, from its ``rng``; its span in metres is in ``texture_patterns``.
"""

from __future__ import annotations

import cv2
import numpy as np

from synthgen.assets.texture_fields import Colour, band, blur, fractal, mix, scratches, step
from synthgen.types.arrays import F32

SIZE = (768, 768)


def _flat(colour: Colour | F32) -> F32:
    image = np.empty((*SIZE, 3), dtype=np.float32)
    image[:] = colour
    return image


def _grey(value: F32) -> F32:
    return np.repeat(np.asarray(value, dtype=np.float32)[..., None], 3, axis=2)


def _pick(colours: tuple[Colour, ...], rng: np.random.Generator) -> F32:
    return np.array(colours[int(rng.integers(len(colours)))], dtype=np.float32)


def _grid(count: int) -> tuple[F32, F32]:
    """Cell coordinates (y, x) of ``count`` cells along either axis; whole numbers at the borders of cells."""
    line = (np.arange(SIZE[0], dtype=np.float32) + np.float32(0.5)) * np.float32(count / SIZE[0])
    y, x = np.meshgrid(line, line, indexing="ij")
    return y, x


LAMINATES: tuple[Colour, ...] = (
    (0.91, 0.91, 0.90), (0.78, 0.79, 0.79), (0.88, 0.86, 0.82), (0.62, 0.63, 0.64), (0.93, 0.93, 0.92),
    (0.82, 0.77, 0.69), (0.33, 0.34, 0.35), (0.70, 0.72, 0.73),
)  # fmt: skip


def laminate(rng: np.random.Generator) -> F32:
    """Office or laboratory laminate: plain white and grey, some with fine flecks; wiped, with few hairlines."""
    ground = _pick(LAMINATES, rng)
    image = _flat(ground) * (1 + 0.006 * fractal(rng, SIZE, slope=1.9))[..., None]
    if rng.random() < 0.55:
        depth = float(rng.uniform(0.6, 1.3))
        for pixels, rarity, share in ((3.0, 1.5, 0.16), (6.0, 1.9, 0.12)):
            flecks = step(band(rng, SIZE, pixels=pixels), rarity, rarity + 0.6)
            image = mix(image, _flat(ground * float(rng.choice([0.72, 1.12]))), depth * share * 4 * flecks)
    image *= (1 - 0.035 * scratches(rng, SIZE, count=26, length=(15, 140), spread=2.0))[..., None]
    return np.asarray(image, dtype=np.float32)


def brushed_metal(rng: np.random.Generator) -> F32:
    """Neutral: stainless bench top, long fine hairlines along u, wiped smears, faint finger marks."""
    lines = 0.5 * fractal(rng, SIZE, slope=0.25, stretch=(1, 120)) + 0.5 * fractal(
        rng, SIZE, slope=0.9, stretch=(1, 60)
    )
    value = 0.88 + 0.028 * lines + 0.014 * fractal(rng, SIZE, slope=1.9)
    marks = step(fractal(rng, SIZE, slope=1.4), 1.5, 3.2)
    value = value - 0.05 * marks - 0.06 * scratches(rng, SIZE, count=34, length=(20, 160), spread=0.6)
    return _grey(value)


CLOTHS: tuple[Colour, ...] = (
    (0.83, 0.81, 0.76), (0.60, 0.60, 0.59), (0.30, 0.36, 0.46), (0.88, 0.88, 0.86), (0.55, 0.49, 0.41),
    (0.24, 0.25, 0.27), (0.42, 0.47, 0.41), (0.52, 0.26, 0.24),
)  # fmt: skip


def cloth(rng: np.random.Generator) -> F32:
    """Linen or canvas: a fine plain weave with slubs, soft creases, and on some towels woven stripes or checks."""
    ground = _pick(CLOTHS, rng)
    threads = int(rng.choice([192, 256]))
    y, x = _grid(threads)
    x = x + 0.05 * fractal(rng, SIZE, slope=1.4, stretch=(6, 1))
    y = y + 0.05 * fractal(rng, SIZE, slope=1.4, stretch=(1, 6))
    weave = np.cos(np.pi * x) * np.cos(np.pi * y)
    line_v, line_h = rng.normal(0, 1, threads), rng.normal(0, 1, threads)
    slubs = line_v[np.floor(x).astype(int) % threads] + line_h[np.floor(y).astype(int) % threads]
    shade = 1 + 0.07 * weave + 0.022 * slubs + 0.03 * fractal(rng, SIZE, slope=0.4)
    creases = fractal(rng, SIZE, slope=2.2)
    shade = shade * (1 + 0.03 * creases)
    image = _flat(ground)
    kind = int(rng.integers(5))
    if kind < 2:
        other = _pick(CLOTHS, rng)
        period = int(rng.choice([4, 6, 8]))
        stripe = (np.sin(2 * np.pi * period * np.arange(SIZE[0]) / SIZE[0]) > 0.6).astype(np.float32)
        share = 0.5 * stripe[:, None] + (0.5 * stripe[None, :] if kind else 0)
        image = mix(image, other, np.broadcast_to(0.9 * share, SIZE).astype(np.float32))
    return np.asarray(image * shade[..., None], dtype=np.float32)


BELTS: tuple[Colour, ...] = (
    (0.15, 0.27, 0.40), (0.17, 0.31, 0.25), (0.80, 0.81, 0.80), (0.13, 0.13, 0.135), (0.24, 0.25, 0.26),
)  # fmt: skip


def conveyor(rng: np.random.Generator) -> F32:
    """PVC or rubber belt: fine embossing (3 mm at a span of 0.6 m), faint lanes and dull traces along u."""
    height, _ = SIZE
    base = _pick(BELTS, rng)
    y, x = _grid(192)
    emboss = np.sin(np.pi * (x + y)) * np.sin(np.pi * (x - y))
    lanes = blur(np.repeat(rng.standard_normal((height, 1)).astype(np.float32), 64, axis=1), 24.0)[:, :1]
    lanes = lanes / max(float(lanes.std()), 1e-9)
    value = 1 + 0.07 * emboss + 0.02 * lanes + 0.03 * fractal(rng, SIZE, slope=1.4, stretch=(1, 4))
    image = np.asarray(base * value[..., None], dtype=np.float32)
    traces = step(fractal(rng, SIZE, slope=1.5, stretch=(1, 10)), 0.8, 3.0)
    image = mix(image, (0.45, 0.44, 0.42), 0.10 * traces)
    return mix(image, (0.45, 0.45, 0.45), 0.10 * scratches(rng, SIZE, count=30, length=(20, 160), spread=0.25))


def cardboard_sheet(rng: np.random.Generator) -> F32:
    """Kraft liner over flutes (about 7 mm at a span of 0.9 m): faint stripes along u, fibres, soft stains, a crease."""
    height, _ = SIZE
    base = np.array((0.71, 0.57, 0.41), dtype=np.float32) * np.float32(rng.uniform(0.88, 1.08))
    flutes = np.sin(2 * np.pi * 128 * np.arange(height, dtype=np.float32)[:, None] / height)
    value = 1 + 0.012 * flutes + 0.018 * fractal(rng, SIZE, slope=1.6) + 0.02 * fractal(rng, SIZE, slope=0.4)
    image = np.asarray(base * value[..., None], dtype=np.float32)
    fibre = scratches(rng, SIZE, count=200, length=(4, 12), spread=2.0)
    image = mix(image, (0.46, 0.34, 0.22), 0.22 * fibre)
    crease = np.zeros(SIZE, dtype=np.float32)
    crease[int(rng.integers(height))] = 1.0
    image *= (1 - 0.12 * np.minimum(blur(crease, 1.4) * 3, 1))[..., None]
    return mix(image, (0.55, 0.43, 0.30), 0.16 * step(fractal(rng, SIZE, slope=1.9), 1.6, 3.2))


MATS: tuple[Colour, ...] = (
    (0.14, 0.14, 0.145), (0.24, 0.25, 0.26), (0.36, 0.42, 0.46), (0.30, 0.42, 0.37), (0.17, 0.17, 0.175),
    (0.44, 0.45, 0.46),
)  # fmt: skip


def rubber_mat(rng: np.random.Generator) -> F32:
    """Rubber mats at a span of 0.5 m: coins of 12 mm, fine ribs, a diamond tread, or the smooth mat of a lab bench."""
    base = _pick(MATS, rng)
    kind = int(rng.integers(4))
    grain = 0.022 * fractal(rng, SIZE, slope=0.4) + 0.02 * fractal(rng, SIZE, slope=1.6)
    relief = np.zeros(SIZE, dtype=np.float32)
    raised = np.zeros(SIZE, dtype=np.float32)
    if kind == 0:
        y, x = _grid(25)
        dx, dy = x % 1 - 0.5, y % 1 - 0.5
        radius = np.hypot(dx, dy)
        raised = 1 - step(radius, 0.28, 0.32)
        relief = np.exp(-(((radius - 0.30) / 0.03) ** 2)) * (dx + dy) / np.maximum(radius, 1e-3)
    elif kind == 1:
        y, _ = _grid(100)
        relief = 0.6 * np.sin(2 * np.pi * y)
    elif kind == 2:
        y, x = _grid(32)
        a, b = (x + y) % 2 - 1, (x - y) % 2 - 1
        turned = (np.floor(x) + np.floor(y)) % 2 < 1
        bar = np.where(turned, np.hypot((a % 1 - 0.5) / 0.30, (b % 1 - 0.5) / 0.12), 9.0)
        raised = np.asarray(1 - step(bar.astype(np.float32), 0.7, 1.0), dtype=np.float32)
        relief = 0.8 * (raised - np.roll(raised, (2, 2), axis=(0, 1)))
    value = 1 + 0.05 * raised - 0.14 * relief + grain
    image = np.asarray(base * value[..., None], dtype=np.float32)
    dust = step(fractal(rng, SIZE, slope=1.2), 0.6, 3.2)
    return mix(image, (0.52, 0.51, 0.49), np.asarray(0.12 * dust * (1 - 0.6 * raised), dtype=np.float32))


CUTTING_MATS: tuple[Colour, ...] = (
    (0.10, 0.35, 0.27), (0.12, 0.27, 0.42), (0.16, 0.16, 0.17), (0.44, 0.46, 0.47), (0.10, 0.30, 0.24),
)  # fmt: skip


def cutting_mat(rng: np.random.Generator) -> F32:
    """A cutting mat with a 1 cm grid, every fifth line heavier (50 cm a repeat), straight cuts and matt wear."""
    base = _pick(CUTTING_MATS, rng)
    image = _flat(base) * (1 + 0.02 * fractal(rng, SIZE, slope=1.6) + 0.02 * fractal(rng, SIZE, slope=0.4))[..., None]
    image = np.asarray(image, dtype=np.float32)
    y, x = _grid(50)
    y, x = y + 0.5, x + 0.5  # the repeat ends between two lines
    ink = np.array((0.80, 0.82, 0.74) if rng.random() < 0.7 else (0.86, 0.80, 0.40), dtype=np.float32)
    for step_cm, width, share in ((1, 0.035, 0.30), (5, 0.055, 0.62)):
        away = np.minimum(np.abs(y / step_cm - np.rint(y / step_cm)), np.abs(x / step_cm - np.rint(x / step_cm)))
        image = mix(image, ink, np.asarray(share * np.clip(1.5 - away * step_cm / width, 0, 1), dtype=np.float32))
    cuts = np.zeros(SIZE, dtype=np.float32)
    for _ in range(26):
        start, angle = rng.integers(60, 700, 2), float(rng.choice([0, np.pi / 2])) + float(rng.normal(0, 0.25))
        end = start + float(rng.uniform(60, 330)) * np.array([np.cos(angle), np.sin(angle)])
        cv2.line(cuts, start.tolist(), np.rint(end).astype(int).tolist(), float(rng.uniform(0.3, 1)), 1, cv2.LINE_AA)
    image = mix(image, np.asarray(base * 1.7 + 0.03, dtype=np.float32), np.asarray(0.22 * np.minimum(cuts, 1)))
    return mix(image, (0.5, 0.5, 0.48), 0.07 * step(fractal(rng, SIZE, slope=1.2), 0.8, 3.0))


def tote_plastic(rng: np.random.Generator) -> F32:
    """Neutral: fine moulded grain, scuffs and scratches from use, dust in a few places."""
    value = 0.93 + 0.010 * band(rng, SIZE, pixels=3.0) + 0.015 * fractal(rng, SIZE, slope=1.6)
    value += 0.05 * scratches(rng, SIZE, count=90, length=(10, 120), spread=2.0)
    value -= 0.06 * scratches(rng, SIZE, count=60, length=(12, 150), spread=2.0)
    value -= 0.03 * step(fractal(rng, SIZE, slope=1.4), 1.2, 3.0)
    return _grey(value)


def painted(rng: np.random.Generator) -> F32:
    """Neutral: a painted or powder-coated sheet with light soiling, rub marks and few scratches."""
    value = 0.955 + 0.006 * band(rng, SIZE, pixels=3.0) + 0.007 * fractal(rng, SIZE, slope=1.9)
    value -= 0.045 * scratches(rng, SIZE, count=32, length=(12, 140), spread=2.0)
    value -= 0.03 * step(fractal(rng, SIZE, slope=1.6), 1.6, 3.2)
    return _grey(value)
