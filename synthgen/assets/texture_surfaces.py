"""Procedural surfaces: table tops, belts, mats, floors and tote plastic. All tile; colours are sRGB in [0, 1].

Every function draws one variant, (H, W, 3) float32, from its ``rng``; its span in metres is in ``texture_patterns``.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from synthgen.assets.texture_fields import Colour, band, blur, cells, fractal, mix, ramp, scratches, step
from synthgen.types.arrays import F32

SIZE = (640, 640)
WOODS: tuple[tuple[Colour, Colour, Colour], ...] = (  # dark line, body, light
    ((0.40, 0.25, 0.14), (0.66, 0.47, 0.29), (0.78, 0.61, 0.41)),  # oak
    ((0.22, 0.13, 0.08), (0.40, 0.25, 0.16), (0.52, 0.35, 0.23)),  # walnut
    ((0.66, 0.48, 0.30), (0.82, 0.67, 0.47), (0.90, 0.78, 0.60)),  # pine
    ((0.62, 0.46, 0.34), (0.77, 0.62, 0.48), (0.85, 0.72, 0.58)),  # beech
    ((0.33, 0.14, 0.08), (0.52, 0.26, 0.16), (0.64, 0.37, 0.24)),  # mahogany
    ((0.40, 0.37, 0.33), (0.58, 0.54, 0.49), (0.70, 0.66, 0.60)),  # weathered grey
)


def wood_grain(rng: np.random.Generator, size: tuple[int, int], *, rings: int, wander: float) -> tuple[F32, F32]:
    """Growth rings along u in [0, 1], and fibre noise with standard deviation 1, both periodic.

    Args:
        rng: source of randomness.
        size: (H, W).
        rings: number of rings across v.
        wander: how far the rings bend, in rings.
    """
    height = size[0]
    y = np.linspace(0, 1, height, endpoint=False, dtype=np.float32)[:, None]
    warp = fractal(rng, size, slope=2.2, stretch=(1.0, 5.0)) * wander
    warp += fractal(rng, size, slope=1.4, stretch=(1.0, 24.0)) * 0.12
    phase = np.asarray((y * rings + warp) % 1.0, dtype=np.float32)
    late = np.asarray(
        step(phase, 0.25, 0.9) * (1 - step(phase, 0.92, 1.0)), dtype=np.float32
    )  # slow darkening, sharp end: late wood
    fibre = fractal(rng, size, slope=0.55, stretch=(1.0, 40.0))
    return late, fibre


def _wood_colour(rng: np.random.Generator, late: F32, fibre: F32, wood: tuple[Colour, Colour, Colour]) -> F32:
    dark, body, light = wood
    tone = np.clip(0.64 - 0.42 * late + 0.10 * fibre, 0, 1)
    image = ramp(tone, [(0.0, dark), (0.55, body), (1.0, light)])
    pores = step(fractal(rng, late.shape, slope=0.35, stretch=(1.0, 30.0)), 1.5, 2.6)
    return mix(image, dark, 0.55 * pores)


def wood_planks(rng: np.random.Generator) -> F32:
    """Glued planks of one wood: staggered joints, each plank its own grain and tone."""
    height, width = SIZE
    wood = WOODS[int(rng.integers(len(WOODS)))]
    rows = int(rng.integers(5, 8))
    late, fibre = wood_grain(rng, SIZE, rings=int(rng.integers(18, 30)), wander=float(rng.uniform(0.8, 2.0)))
    image = np.empty((*SIZE, 3), dtype=np.float32)
    grain = _wood_colour(rng, late, fibre, wood)
    edges = np.rint(np.linspace(0, height, rows + 1)).astype(int)
    gap = np.zeros(SIZE, dtype=np.float32)
    for top, bottom in pairwise(edges):
        first = int(rng.integers(0, width))
        joints = np.sort([first, (first + int(rng.uniform(0.35, 0.65) * width)) % width][: int(rng.integers(1, 3))])
        strip = np.arange(width)
        plank = np.searchsorted(joints, strip, side="right") % len(joints)
        for number in range(len(joints)):
            rolled = np.roll(grain, tuple(rng.integers(0, SIZE)), axis=(0, 1))[top:bottom]
            tone = np.float32(rng.normal(1.0, 0.07)) * (1 + rng.normal(0, 0.012, 3).astype(np.float32))
            image[top:bottom, plank == number] = rolled[:, plank == number] * tone
        gap[top] = 1.0
        gap[top:bottom, joints] = 1.0
    image = mix(image, (0.10, 0.06, 0.04), 0.75 * np.minimum(blur(gap, 0.8) * 1.6, 1))
    wear = fractal(rng, SIZE, slope=1.7)
    return np.asarray(image * (1 + 0.035 * wear[..., None]), dtype=np.float32)


def wood_veneer(rng: np.random.Generator) -> F32:
    """One continuous veneer with broad cathedral figure."""
    wood = WOODS[int(rng.integers(len(WOODS)))]
    late, fibre = wood_grain(rng, SIZE, rings=int(rng.integers(14, 26)), wander=float(rng.uniform(2.0, 4.5)))
    image = _wood_colour(rng, late, fibre, wood)
    return np.asarray(image * (1 + 0.05 * fractal(rng, SIZE, slope=2.0, stretch=(1, 4))[..., None]), dtype=np.float32)


def laminate(rng: np.random.Generator) -> F32:
    """Speckled kitchen or lab laminate: two or three sizes of flecks on a pale or dark ground."""
    grounds: tuple[Colour, ...] = ((0.86, 0.85, 0.82), (0.72, 0.72, 0.70), (0.30, 0.31, 0.33), (0.80, 0.74, 0.64))
    ground = np.array(grounds[int(rng.integers(len(grounds)))], dtype=np.float32)
    image = np.broadcast_to(ground, (*SIZE, 3)).copy()
    image *= 1 + 0.02 * fractal(rng, SIZE, slope=1.2)[..., None]
    for pixels, rarity in ((3.0, 1.5), (6.0, 1.8), (11.0, 2.1)):
        shade = ground + rng.uniform(-0.28, 0.2) * rng.uniform(0.85, 1.15, 3).astype(np.float32)
        flecks = step(band(rng, SIZE, pixels=pixels), rarity, rarity + 0.35)
        image = mix(image, np.broadcast_to(shade.astype(np.float32), image.shape), 0.8 * flecks)
    return image


def brushed_metal(rng: np.random.Generator) -> F32:
    """Neutral: long parallel hairlines along u, a few crossing scratches."""
    lines = 0.6 * fractal(rng, SIZE, slope=0.25, stretch=(1, 120)) + 0.4 * fractal(
        rng, SIZE, slope=0.9, stretch=(1, 60)
    )
    value = 0.87 + 0.045 * lines + 0.012 * fractal(rng, SIZE, slope=1.8)
    value -= 0.18 * scratches(rng, SIZE, count=40, length=(25, 160), spread=0.35)
    return np.repeat(value[..., None], 3, axis=2).astype(np.float32)


def cloth(rng: np.random.Generator) -> F32:
    """Plain weave: threads over and under, slubs, two yarn colours."""
    height, width = SIZE
    threads = int(rng.choice([48, 64, 80]))
    palette: tuple[Colour, ...] = (
        (0.80, 0.77, 0.70), (0.24, 0.30, 0.42), (0.46, 0.16, 0.15), (0.33, 0.42, 0.33), (0.18, 0.18, 0.19),
        (0.86, 0.86, 0.85),
    )  # fmt: skip
    warp = np.array(palette[int(rng.integers(len(palette)))], dtype=np.float32)
    weft = warp * np.float32(rng.uniform(0.82, 1.1))
    y, x = np.meshgrid(np.arange(height) * threads / height, np.arange(width) * threads / width, indexing="ij")
    x = x + 0.09 * fractal(rng, SIZE, slope=1.3, stretch=(6, 1))
    y = y + 0.09 * fractal(rng, SIZE, slope=1.3, stretch=(1, 6))
    over = (np.floor(x) + np.floor(y)) % 2 < 1
    across = np.where(over, x % 1, y % 1) - 0.5
    along = np.where(over, y % 1, x % 1) - 0.5
    shade = (1 - 1.9 * across**2) * (1 - 0.9 * along**2)
    shade = shade + 0.05 * fractal(rng, SIZE, slope=0.2)
    thread_v = rng.normal(1, 0.06, threads)[np.floor(x).astype(int) % threads]
    thread_h = rng.normal(1, 0.06, threads)[np.floor(y).astype(int) % threads]
    shade = shade * np.where(over, thread_v, thread_h)
    image = np.where(over[..., None], warp, weft) * shade[..., None]
    return np.asarray(image * (1 + 0.03 * fractal(rng, SIZE, slope=1.9)[..., None]), dtype=np.float32)


def conveyor(rng: np.random.Generator) -> F32:
    """Rubber or PVC belt: diamond embossing, wear lanes along u, dust and scuffs."""
    height, width = SIZE
    colours: tuple[Colour, ...] = ((0.13, 0.13, 0.135), (0.10, 0.26, 0.20), (0.11, 0.19, 0.33), (0.20, 0.20, 0.21))
    base = np.array(colours[int(rng.integers(len(colours)))], dtype=np.float32)
    count = int(rng.choice([64, 80]))
    y, x = np.meshgrid(np.arange(height) * count / height, np.arange(width) * count / width, indexing="ij")
    emboss = np.sin(np.pi * (x + y)) * np.sin(np.pi * (x - y))
    lanes = blur(rng.standard_normal((height, 1)).astype(np.float32), 20.0)
    lanes = lanes / max(float(lanes.std()), 1e-9)
    dust = step(fractal(rng, SIZE, slope=1.1, stretch=(1, 3)), 0.4, 3.0)
    value = 1 + 0.10 * emboss + 0.06 * lanes + 0.05 * fractal(rng, SIZE, slope=0.6)
    image = np.asarray(base * value[..., None], dtype=np.float32)
    image = mix(image, (0.55, 0.53, 0.50), 0.28 * dust)
    return mix(image, (0.5, 0.5, 0.5), 0.35 * scratches(rng, SIZE, count=70, length=(20, 200), spread=0.25))


def cardboard_sheet(rng: np.random.Generator) -> F32:
    """Kraft liner over flutes: faint stripes along u, fibres, stains, a crease."""
    height, _ = SIZE
    base = np.array((0.70, 0.55, 0.38), dtype=np.float32) * np.float32(rng.uniform(0.88, 1.08))
    flutes = np.sin(2 * np.pi * 56 * np.arange(height, dtype=np.float32)[:, None] / height)
    value = 1 + 0.020 * flutes + 0.03 * fractal(rng, SIZE, slope=1.5) + 0.02 * fractal(rng, SIZE, slope=0.2)
    image = np.asarray(base * value[..., None], dtype=np.float32)
    fibre = scratches(rng, SIZE, count=240, length=(5, 18), spread=2.0)
    image = mix(image, (0.42, 0.30, 0.19), 0.30 * fibre)
    image = mix(image, (0.86, 0.75, 0.58), 0.25 * scratches(rng, SIZE, count=170, length=(4, 14), spread=2.0))
    return mix(image, (0.50, 0.38, 0.26), 0.3 * step(fractal(rng, SIZE, slope=2.0), 1.4, 2.6))


def rubber_mat(rng: np.random.Generator) -> F32:
    """Round studs in a grid on dark rubber, lit from one side, dust between them."""
    height, width = SIZE
    colours: tuple[Colour, ...] = ((0.12, 0.12, 0.12), (0.20, 0.21, 0.23), (0.13, 0.20, 0.30), (0.24, 0.12, 0.11))
    base = np.array(colours[int(rng.integers(len(colours)))], dtype=np.float32)
    count = int(rng.choice([10, 12, 16]))
    y, x = np.meshgrid(
        (np.arange(height) * count / height) % 1 - 0.5, (np.arange(width) * count / width) % 1 - 0.5, indexing="ij"
    )
    radius = np.hypot(x, y).astype(np.float32)
    top = np.asarray(1 - step(radius, 0.24, 0.30), dtype=np.float32)
    rim = np.exp(-(((radius - 0.27) / 0.03) ** 2)).astype(np.float32)
    slope = ((x + y) / np.maximum(radius, 1e-3) * 0.7071).astype(np.float32)
    value = 1 + 0.22 * top - 0.35 * rim * slope + 0.05 * fractal(rng, SIZE, slope=0.5)
    image = np.asarray(base * value[..., None], dtype=np.float32)
    dust = step(fractal(rng, SIZE, slope=1.2), 0.2, 2.8)
    return mix(image, (0.56, 0.54, 0.50), np.asarray(0.30 * dust * (1 - 0.7 * top), dtype=np.float32))


def concrete(rng: np.random.Generator) -> F32:
    """Trowelled concrete: clouds, aggregate, pores, a few hairline cracks."""
    base = np.array((0.56, 0.55, 0.53), dtype=np.float32) * np.float32(rng.uniform(0.75, 1.15))
    value = (
        1
        + 0.07 * fractal(rng, SIZE, slope=1.6)
        + 0.04 * fractal(rng, SIZE, slope=0.7)
        + 0.02 * fractal(rng, SIZE, slope=0)
    )
    image = np.asarray(base * value[..., None], dtype=np.float32)
    image = mix(image, (0.26, 0.25, 0.24), 0.7 * step(band(rng, SIZE, pixels=3.5), 2.4, 3.2))
    _, border = cells(rng, SIZE, count=7)
    crack = (1 - step(border + 3.5 * fractal(rng, SIZE, slope=1.2), 0.6, 2.2)) * step(
        fractal(rng, SIZE, slope=2.0), 0.3, 1.2
    )
    image = mix(image, (0.22, 0.21, 0.20), 0.6 * crack)
    return mix(image, (0.72, 0.71, 0.69), 0.25 * step(fractal(rng, SIZE, slope=1.5), 1.2, 2.5))


def tiles(rng: np.random.Generator) -> F32:
    """Square floor or wall tiles with grout; each tile its own tone."""
    height, width = SIZE
    count = int(rng.choice([3, 4, 5]))
    colours: tuple[Colour, ...] = (
        (0.78, 0.76, 0.72),
        (0.45, 0.47, 0.48),
        (0.62, 0.50, 0.40),
        (0.83, 0.84, 0.84),
        (0.30, 0.33, 0.34),
    )
    base = np.array(colours[int(rng.integers(len(colours)))], dtype=np.float32)
    y, x = np.meshgrid(np.arange(height) * count / height, np.arange(width) * count / width, indexing="ij")
    tone = rng.normal(1, 0.035, (count, count))[np.floor(y).astype(int), np.floor(x).astype(int)]
    veins = fractal(rng, SIZE, slope=1.5)
    image = np.asarray(base * (tone * (1 + 0.035 * veins))[..., None], dtype=np.float32)
    edge = np.minimum(np.minimum(x % 1, 1 - x % 1), np.minimum(y % 1, 1 - y % 1)).astype(np.float32)
    grout = np.asarray((0.52, 0.50, 0.47), dtype=np.float32) * (1 + 0.08 * fractal(rng, SIZE, slope=0.6))[..., None]
    image = mix(image, image * 0.86, 1 - step(edge, 0.012, 0.022))
    return mix(image, grout.astype(np.float32), 1 - step(edge, 0.008, 0.012))


def terrazzo(rng: np.random.Generator) -> F32:
    """Stone chips of several colours and sizes in a pale binder."""
    binder = np.array((0.80, 0.79, 0.76), dtype=np.float32) * np.float32(rng.uniform(0.8, 1.05))
    image = np.broadcast_to(binder, (*SIZE, 3)) * (1 + 0.02 * fractal(rng, SIZE, slope=0.4))[..., None]
    image = image.astype(np.float32)
    chips = np.array(
        [(0.36, 0.33, 0.31), (0.62, 0.48, 0.38), (0.90, 0.88, 0.84), (0.50, 0.52, 0.54), (0.45, 0.27, 0.22)]
    )
    for count, share in ((1600, 0.5), (600, 0.45), (180, 0.35)):
        index, border = cells(rng, SIZE, count=count)
        stone = (chips[rng.integers(0, len(chips), count)] * rng.uniform(0.8, 1.15, (count, 1)))[index].astype(
            np.float32
        )
        keep = (rng.random(count) < share)[index]
        inset = np.float32(0.14 * np.sqrt(SIZE[0] * SIZE[1] / count))
        image = mix(
            image, stone, np.where(keep, step(border, float(inset) - 0.8, float(inset) + 0.8), 0).astype(np.float32)
        )
    return image


def tote_plastic(rng: np.random.Generator) -> F32:
    """Neutral: fine moulded grain, scuffs and scratches from use."""
    value = 0.93 + 0.012 * band(rng, SIZE, pixels=3.0) + 0.018 * fractal(rng, SIZE, slope=1.6)
    value += 0.09 * scratches(rng, SIZE, count=110, length=(10, 120), spread=2.0)
    value -= 0.07 * scratches(rng, SIZE, count=60, length=(12, 150), spread=2.0)
    value -= 0.05 * step(fractal(rng, SIZE, slope=1.3), 1.2, 2.8)
    return np.repeat(value[..., None], 3, axis=2).astype(np.float32)


def painted(rng: np.random.Generator) -> F32:
    """Neutral: a painted or powder-coated sheet with light soiling, rub marks and scratches."""
    value = 0.95 + 0.006 * band(rng, SIZE, pixels=4.0) + 0.015 * fractal(rng, SIZE, slope=1.9)
    value -= 0.05 * scratches(rng, SIZE, count=60, length=(12, 160), spread=2.0)
    value -= 0.05 * step(fractal(rng, SIZE, slope=1.5), 1.5, 3.0)
    return np.repeat(value[..., None], 3, axis=2).astype(np.float32)
