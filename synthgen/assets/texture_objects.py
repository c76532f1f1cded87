"""Procedural grain and wear for objects, whose uvs span the part once. sRGB in [0, 1], tiled, mostly neutral.

Neutral patterns lie near white and are multiplied by the material's base colour.
"""

from __future__ import annotations

import numpy as np

from synthgen.assets.texture_fields import band, fractal, mix, scratches, step
from synthgen.assets.texture_surfaces import wood_grain
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
    return _grey(value + 0.06 * scratches(rng, SIZE, count=40, length=(8, 90), spread=2.0))


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
    """Neutral: stoneware glaze, slow tone changes and fine iron specks."""
    value = 0.96 + 0.012 * fractal(rng, SIZE, slope=2.0)
    specks = step(band(rng, SIZE, pixels=4), 2.5, 3.1)
    return mix(_grey(value), (0.52, 0.42, 0.34), 0.55 * specks)


def moulded(rng: np.random.Generator) -> F32:
    """Neutral: moulded plastic that has been handled."""
    value = 0.965 + 0.006 * band(rng, SIZE, pixels=3) + 0.008 * fractal(rng, SIZE, slope=1.7)
    return _grey(value - 0.05 * scratches(rng, SIZE, count=22, length=(8, 90), spread=2.0))


def rubber_grain(rng: np.random.Generator) -> F32:
    """Neutral: matt rubber with dust in its grain."""
    value = 0.86 + 0.04 * band(rng, SIZE, pixels=4) + 0.03 * fractal(rng, SIZE, slope=1.0)
    return mix(_grey(value), (1.0, 0.98, 0.95), 0.3 * step(fractal(rng, SIZE, slope=1.4), 0.8, 2.6))


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
