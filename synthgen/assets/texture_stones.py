"""Procedural stone and floors: concrete, tiles, terrazzo, granite, marble and slate. All tile; sRGB in [0, 1]."""

from __future__ import annotations

import numpy as np

from synthgen.assets.texture_fields import Colour, band, cells, fractal, mix, step
from synthgen.types.arrays import F32

SIZE = (768, 768)


def _tinted(colour: Colour, value: F32) -> F32:
    return np.asarray(np.array(colour, dtype=np.float32) * value[..., None], dtype=np.float32)


def concrete(rng: np.random.Generator) -> F32:
    """A trowelled, sealed industrial floor: soft clouds, fine aggregate, traces of traffic, a hairline crack or two."""
    tone = float(rng.uniform(0.72, 1.12))
    warm = float(rng.uniform(-0.012, 0.012))
    base = (0.56 * tone + warm, 0.55 * tone, 0.535 * tone - warm)
    value = 1 + 0.045 * fractal(rng, SIZE, slope=1.9) + 0.025 * fractal(rng, SIZE, slope=0.9)
    image = _tinted(base, np.asarray(value, dtype=np.float32))
    image = mix(image, (0.30, 0.29, 0.28), 0.35 * step(band(rng, SIZE, pixels=3.0), 2.4, 3.4))
    _, border = cells(rng, SIZE, count=5)
    wander = border + 3.5 * fractal(rng, SIZE, slope=1.2)
    crack = (1 - step(wander, 0.2, 1.2)) * step(fractal(rng, SIZE, slope=1.9), 0.7, 1.6)
    return mix(image, (0.27, 0.26, 0.25), 0.45 * crack)


TILES: tuple[Colour, ...] = (
    (0.80, 0.78, 0.74), (0.52, 0.53, 0.53), (0.66, 0.60, 0.53), (0.85, 0.85, 0.84), (0.36, 0.38, 0.39),
)  # fmt: skip


def tiles(rng: np.random.Generator) -> F32:
    """Square floor tiles (30 to 50 cm at a span of 2 m) with grout; each its own tone and its own piece of marbling."""
    height, width = SIZE
    count = int(rng.choice([4, 5, 6]))
    line_y, line_x = (np.arange(height) + 0.5) * count / height, (np.arange(width) + 0.5) * count / width
    row, column = np.floor(line_y).astype(int), np.floor(line_x).astype(int)
    tone = rng.normal(1, 0.018, (count, count)).astype(np.float32)[row[:, None], column[None, :]]
    shift = rng.integers(0, height, (2, count, count))
    y = (np.arange(height)[:, None] + shift[0][row[:, None], column[None, :]]) % height
    x = (np.arange(width)[None, :] + shift[1][row[:, None], column[None, :]]) % width
    value = tone * (1 + 0.035 * fractal(rng, SIZE, slope=1.6)[y, x])
    image = _tinted(TILES[int(rng.integers(len(TILES)))], value)
    edge = np.minimum(
        np.minimum(line_x % 1, 1 - line_x % 1)[None, :], np.minimum(line_y % 1, 1 - line_y % 1)[:, None]
    ).astype(np.float32)
    grout = _tinted((0.50, 0.48, 0.46), np.asarray(1 + 0.03 * fractal(rng, SIZE, slope=0.9), dtype=np.float32))
    return mix(image, grout, 1 - step(edge, 0.006, 0.011))


def terrazzo(rng: np.random.Generator) -> F32:
    """Stone chips of several colours and sizes in a pale binder."""
    value = np.asarray(float(rng.uniform(0.85, 1.06)) * (1 + 0.02 * fractal(rng, SIZE, slope=0.4)), dtype=np.float32)
    image = _tinted((0.80, 0.79, 0.76), value)
    chips = np.array(
        [(0.40, 0.37, 0.35), (0.62, 0.52, 0.44), (0.90, 0.88, 0.84), (0.55, 0.56, 0.57), (0.48, 0.36, 0.31)]
    )
    for count, share in ((9000, 0.5), (2600, 0.35), (700, 0.12)):
        index, border = cells(rng, SIZE, count=count)
        stone = (chips[rng.integers(0, len(chips), count)] * rng.uniform(0.85, 1.12, (count, 1)))[index]
        keep = (rng.random(count) < share)[index]
        inset = 0.16 * float(np.sqrt(SIZE[0] * SIZE[1] / count))
        image = mix(image, stone.astype(np.float32), np.where(keep, 0.85 * step(border, inset - 0.8, inset + 0.8), 0))
    return image


def stone(rng: np.random.Generator) -> F32:
    """A worktop of granite (light or dark), marble or slate."""
    return (_slate, _marble, _slate, _granite)[int(rng.integers(4))](rng)


def _granite(rng: np.random.Generator) -> F32:
    """Crystals of feldspar, quartz and mica."""
    dark = rng.random() < 0.4
    value = np.asarray(
        1 + 0.05 * fractal(rng, SIZE, slope=0.9) + 0.03 * fractal(rng, SIZE, slope=1.9), dtype=np.float32
    )
    image = _tinted((0.20, 0.20, 0.21) if dark else (0.70, 0.68, 0.66), value)
    for pixels, rarity, colour in (
        (6.0, 1.0, (0.34, 0.33, 0.33) if dark else (0.56, 0.53, 0.50)),
        (4.0, 1.5, (0.10, 0.10, 0.11) if dark else (0.26, 0.25, 0.25)),
        (3.0, 1.9, (0.52, 0.51, 0.50) if dark else (0.86, 0.85, 0.83)),
    ):
        image = mix(image, colour, 0.7 * step(band(rng, SIZE, pixels=pixels), rarity, rarity + 0.6))
    return image


def _marble(rng: np.random.Generator) -> F32:
    """Pale ground with soft clouds and thin branching veins."""
    cloud = fractal(rng, SIZE, slope=1.9)
    image = _tinted((0.88, 0.87, 0.86), np.asarray(1 + 0.022 * cloud, dtype=np.float32))
    for width, share in ((0.10, 0.6), (0.03, 0.4)):
        vein = np.abs(fractal(rng, SIZE, slope=1.6) + 0.3 * cloud)
        along = step(fractal(rng, SIZE, slope=1.9), -0.2, 1.4)
        image = mix(image, (0.52, 0.52, 0.54), np.asarray(share * (1 - step(vein, 0.0, width * 2)) * along))
    return image


def _slate(rng: np.random.Generator) -> F32:
    """Dark, split surface with layers."""
    layers = fractal(rng, SIZE, slope=1.4, stretch=(1.0, 4.0))
    value = np.asarray(1 + 0.07 * layers + 0.05 * fractal(rng, SIZE, slope=0.9), dtype=np.float32)
    return _tinted((0.27, 0.28, 0.29), value)
