"""Procedural grain and wear for objects, whose uvs span the part once. sRGB in [0, 1], tiled, mostly neutral.

Neutral patterns lie near white and are multiplied by the material's base colour.
"""

from __future__ import annotations

import numpy as np

from synthgen.assets.texture_fields import Colour, band, fractal, mix, scratches, step
from synthgen.assets.texture_lettering import BOLD, write
from synthgen.types.arrays import F32

SIZE = (384, 384)


def _grey(value: F32) -> F32:
    return np.repeat(np.asarray(value, dtype=np.float32)[..., None], 3, axis=2)


def brushed(rng: np.random.Generator) -> F32:
    """Neutral: hairlines along u."""
    lines = 0.6 * fractal(rng, SIZE, slope=0.2, stretch=(1, 60)) + 0.4 * fractal(rng, SIZE, slope=0.9, stretch=(1, 30))
    return _grey(0.88 + 0.05 * lines - 0.12 * scratches(rng, SIZE, count=14, length=(20, 120), spread=0.5))


def steel_scratches(rng: np.random.Generator) -> F32:
    """Neutral: handled steel, scratches in every direction and faint stains."""
    value = (
        0.92
        + 0.02 * fractal(rng, SIZE, slope=1.6)
        - 0.14 * scratches(rng, SIZE, count=60, length=(10, 130), spread=2.0)
    )
    marks = step(fractal(rng, SIZE, slope=1.4), 1.2, 3.0)  # where fingers dulled it
    return _grey(value - 0.06 * marks + 0.06 * scratches(rng, SIZE, count=40, length=(8, 90), spread=2.0))


def zinc_spangle(rng: np.random.Generator) -> F32:
    """Neutral with a trace of yellow and blue: zinc plating that has been in a drawer."""
    value = 0.90 + 0.035 * fractal(rng, SIZE, slope=1.3)
    tint = 0.012 * fractal(rng, SIZE, slope=1.8)
    value -= 0.10 * scratches(rng, SIZE, count=30, length=(8, 70), spread=2.0)
    return np.stack([value + tint, value + 0.3 * tint, value - tint], axis=-1).astype(np.float32)


def worn_paint(rng: np.random.Generator) -> F32:
    """Neutral paint with chips and scratches that show darker metal."""
    value = 0.96 + 0.012 * fractal(rng, SIZE, slope=1.5) + 0.006 * band(rng, SIZE, pixels=3)
    image = _grey(value)
    chips = step(band(rng, SIZE, pixels=9) + 0.5 * fractal(rng, SIZE, slope=1.5), 2.7, 2.95)
    image = mix(image, (0.42, 0.41, 0.40), 0.85 * chips)
    return mix(image, (0.55, 0.54, 0.53), 0.7 * scratches(rng, SIZE, count=26, length=(8, 90), spread=2.0))


def cast_grain(rng: np.random.Generator) -> F32:
    """Neutral: sand-cast skin, coarse grain with dark pits and a little rust."""
    value = 0.84 + 0.07 * band(rng, SIZE, pixels=4) + 0.05 * fractal(rng, SIZE, slope=1.2)
    image = mix(_grey(value), (0.35, 0.34, 0.34), 0.7 * step(band(rng, SIZE, pixels=5), 2.0, 2.8))
    return mix(image, (0.72, 0.50, 0.36), 0.35 * step(fractal(rng, SIZE, slope=1.6), 1.3, 2.6))


def clay_grain(rng: np.random.Generator) -> F32:
    """Neutral: fired clay, sand specks, pale bloom and scuffs."""
    value = 0.86 + 0.05 * fractal(rng, SIZE, slope=1.0) + 0.03 * band(rng, SIZE, pixels=3)
    image = mix(_grey(value), (0.45, 0.40, 0.38), 0.6 * step(band(rng, SIZE, pixels=5), 1.9, 2.6))
    return mix(image, (1.0, 0.97, 0.93), 0.35 * step(fractal(rng, SIZE, slope=1.5), 1.1, 2.4))


def glaze(rng: np.random.Generator) -> F32:
    """Neutral: plain glaze, or stoneware with iron specks of two sizes; slow tone changes where it ran."""
    value = 0.96 + 0.012 * fractal(rng, SIZE, slope=1.9)
    image = _grey(value)
    density = float(rng.choice([0.0, 0.0, 0.4, 0.8]))
    if density:
        specks = step(band(rng, SIZE, pixels=3), 2.6 - 0.5 * density, 3.2 - 0.5 * density)
        image = mix(image, (0.40, 0.31, 0.24), 0.6 * specks)
        blots = step(band(rng, SIZE, pixels=5), 3.0 - 0.4 * density, 3.5 - 0.4 * density)
        image = mix(image, (0.34, 0.27, 0.22), 0.6 * blots)
    return image


def moulded(rng: np.random.Generator) -> F32:
    """Neutral: moulded plastic that has been handled: erosion grain, dull rubs, hairlines."""
    value = 0.965 + 0.008 * band(rng, SIZE, pixels=3) + 0.008 * fractal(rng, SIZE, slope=1.6)
    rubs = step(fractal(rng, SIZE, slope=1.4), 1.4, 3.0)
    image = mix(_grey(value), (0.88, 0.87, 0.85), 0.25 * rubs)
    return image - (0.05 * scratches(rng, SIZE, count=22, length=(8, 90), spread=2.0))[..., None]


def tarnish(rng: np.random.Generator) -> F32:
    """Neutral to brown: brass that has been handled, with brown clouds and bright rubs."""
    value = 0.93 + 0.02 * fractal(rng, SIZE, slope=0.9)
    image = mix(_grey(value), (0.66, 0.55, 0.44), 0.55 * step(fractal(rng, SIZE, slope=1.6), 0.2, 2.4))
    return image - (0.10 * scratches(rng, SIZE, count=26, length=(6, 60), spread=2.0))[..., None]


def tape_layers(rng: np.random.Generator) -> F32:
    """Neutral: a roll of tape, wound layers on its flat sides (mapped to a disc about the middle), a plain face."""
    y, x = np.mgrid[0 : SIZE[0], 0 : SIZE[1]].astype(np.float32)
    radius = np.hypot(x - SIZE[1] / 2, y - SIZE[0] / 2)
    line = rng.standard_normal(SIZE[0]).astype(np.float32)
    layers = 0.05 * np.interp(radius * 0.9, np.arange(SIZE[0]), line).astype(np.float32)
    side = radius < 0.19 * SIZE[0]
    value = np.where(side, 0.90 + layers, 0.965) + 0.012 * fractal(rng, SIZE, slope=1.6, stretch=(1, 4))
    return _grey(value - 0.03 * step(fractal(rng, SIZE, slope=1.4), 1.6, 3.0))


GRIPS: tuple[tuple[Colour, Colour], ...] = (  # hard plastic, soft zone
    ((0.74, 0.11, 0.09), (0.11, 0.11, 0.12)), ((0.90, 0.70, 0.10), (0.11, 0.11, 0.12)),
    ((0.10, 0.26, 0.52), (0.34, 0.35, 0.37)), ((0.16, 0.42, 0.24), (0.12, 0.12, 0.12)),
    ((0.88, 0.42, 0.08), (0.13, 0.13, 0.14)), ((0.12, 0.12, 0.13), (0.66, 0.11, 0.10)),
    ((0.66, 0.36, 0.10), (0.66, 0.36, 0.10)), ((0.14, 0.15, 0.17), (0.28, 0.29, 0.31)),
    ((0.62, 0.10, 0.09), (0.62, 0.10, 0.09)), ((0.85, 0.85, 0.83), (0.14, 0.34, 0.56)),
)  # fmt: skip


def tool_grip(rng: np.random.Generator) -> F32:
    """A screwdriver's handle, v from its ferrule to its butt: hard plastic, a soft ribbed zone, a size print."""
    hard, soft = GRIPS[int(rng.integers(len(GRIPS)))]
    v = np.linspace(0, 1, SIZE[0], dtype=np.float32)[:, None]
    start, end = float(rng.uniform(0.24, 0.34)), float(rng.uniform(0.74, 0.86))
    zone = np.repeat(step(v, start - 0.008, start + 0.008) * (1 - step(v, end - 0.008, end + 0.008)), SIZE[1], axis=1)
    image = np.empty((*SIZE, 3), dtype=np.float32)
    image[:] = hard
    image = mix(image, soft, zone)
    image *= (1 + 0.05 * zone * np.sin(2 * np.pi * 46 * v))[..., None]
    size_print = f"{rng.choice(('PH', 'PZ', 'SL', 'TX'))} {rng.integers(0, 4)} x {rng.choice((75, 100, 125, 150))}"
    for x in (20, 148, 276):
        write(image, size_print, (x, int(0.10 * SIZE[0]), 88, 22), (0.86, 0.86, 0.84), BOLD)
    image *= (1 + 0.015 * fractal(rng, SIZE, slope=1.6))[..., None]
    rubs = step(fractal(rng, SIZE, slope=1.4), 1.5, 3.0) + 0.6 * scratches(
        rng, SIZE, count=20, length=(8, 60), spread=2.0
    )
    return mix(image, (0.62, 0.60, 0.57), np.asarray(0.16 * rubs, dtype=np.float32))


def rubber_grain(rng: np.random.Generator) -> F32:
    """Neutral: matt rubber with dust in its grain."""
    value = 0.86 + 0.04 * band(rng, SIZE, pixels=4) + 0.03 * fractal(rng, SIZE, slope=1.0)
    return mix(_grey(value), (1.0, 0.98, 0.95), 0.3 * step(fractal(rng, SIZE, slope=1.4), 0.8, 2.6))


def wood_grain(rng: np.random.Generator, size: tuple[int, int], *, rings: int, wander: float) -> tuple[F32, F32]:
    """Growth rings along u in [0, 1], and fibre noise with standard deviation 1, both periodic.

    Args:
        rng: source of randomness.
        size: (H, W).
        rings: number of rings across v.
        wander: how far the rings bend, in rings.
    """
    y = np.linspace(0, 1, size[0], endpoint=False, dtype=np.float32)[:, None]
    warp = fractal(rng, size, slope=2.2, stretch=(1.0, 5.0)) * wander
    warp += fractal(rng, size, slope=1.4, stretch=(1.0, 24.0)) * 0.12
    phase = np.asarray((y * rings + warp) % 1.0, dtype=np.float32)
    late = step(phase, 0.25, 0.9) * (1 - step(phase, 0.92, 1.0))  # slow darkening, sharp end: late wood
    return np.asarray(late, dtype=np.float32), fractal(rng, size, slope=0.55, stretch=(1.0, 40.0))


def handle_wood(rng: np.random.Generator) -> F32:
    """Turned wood for handles: fine straight grain along v, with its own colour."""
    late, fibre = wood_grain(rng, SIZE, rings=int(rng.integers(10, 18)), wander=0.7)
    woods = (
        ((0.62, 0.44, 0.26), (0.86, 0.70, 0.48)),
        ((0.42, 0.24, 0.13), (0.66, 0.44, 0.27)),
        ((0.55, 0.34, 0.20), (0.80, 0.60, 0.40)),
    )
    dark, light = woods[int(rng.integers(len(woods)))]
    tone = np.clip(0.75 - 0.45 * late + 0.1 * fibre, 0, 1).astype(np.float32)
    image = mix(np.broadcast_to(np.array(dark, dtype=np.float32), (*SIZE, 3)), light, tone)
    return np.ascontiguousarray(image.transpose(1, 0, 2))


def kraft(rng: np.random.Generator) -> F32:
    """Brown corrugated board: fibres and faint flutes, with its own colour."""
    flutes = np.sin(2 * np.pi * 40 * np.arange(SIZE[0], dtype=np.float32)[:, None] / SIZE[0])
    value = 1 + 0.018 * flutes + 0.03 * fractal(rng, SIZE, slope=1.4) + 0.02 * fractal(rng, SIZE, slope=0.2)
    image = np.asarray(np.array((0.70, 0.55, 0.38), dtype=np.float32) * value[..., None], dtype=np.float32)
    return mix(image, (0.44, 0.32, 0.2), 0.3 * scratches(rng, SIZE, count=160, length=(5, 22), spread=2.0))


def paper_fibre(rng: np.random.Generator) -> F32:
    """Neutral: uncoated paper."""
    value = 0.96 + 0.010 * fractal(rng, SIZE, slope=0.4) + 0.010 * fractal(rng, SIZE, slope=1.6)
    return _grey(value - 0.03 * scratches(rng, SIZE, count=90, length=(4, 16), spread=2.0))
