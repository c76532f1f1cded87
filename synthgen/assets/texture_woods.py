"""Procedural wood: flat-sawn figure of growth rings in boards, staves, veneer leaves and parquet. sRGB in [0, 1].

A board is a plane cut through a trunk: at distance y across and d(x) below the pith, the ring number is
sqrt(y^2 + d^2) / ring width. Where the pith line comes close to the plane the rings open into cathedral arches.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synthgen.assets.texture_fields import Colour, blur, fractal, mix, ramp, step
from synthgen.types.arrays import F32


@dataclass(frozen=True)
class Wood:
    """Colours of late wood, body and light wood; how much the rings and the pores show."""

    dark: Colour
    body: Colour
    light: Colour
    rings: float
    pores: float


OAK = Wood((0.50, 0.37, 0.24), (0.69, 0.54, 0.37), (0.78, 0.65, 0.48), 0.75, 0.65)
BEECH = Wood((0.66, 0.49, 0.35), (0.78, 0.62, 0.46), (0.84, 0.70, 0.55), 0.4, 0.4)
WALNUT = Wood((0.20, 0.14, 0.10), (0.35, 0.25, 0.18), (0.46, 0.34, 0.25), 0.7, 0.5)
PINE = Wood((0.69, 0.48, 0.29), (0.84, 0.69, 0.48), (0.90, 0.78, 0.59), 0.85, 0.1)
BIRCH = Wood((0.74, 0.60, 0.44), (0.85, 0.73, 0.57), (0.90, 0.80, 0.66), 0.45, 0.2)
GREY_OAK = Wood((0.42, 0.38, 0.33), (0.57, 0.53, 0.47), (0.67, 0.63, 0.57), 0.7, 0.6)
CHERRY = Wood((0.46, 0.30, 0.20), (0.60, 0.43, 0.31), (0.69, 0.53, 0.39), 0.5, 0.3)
STAINED = Wood((0.16, 0.11, 0.08), (0.27, 0.20, 0.15), (0.35, 0.27, 0.20), 0.6, 0.4)

BOARD_WOODS = (OAK, BEECH, WALNUT, PINE, BIRCH, OAK, CHERRY, GREY_OAK)
STAVE_WOODS = (BEECH, OAK, BIRCH, BEECH, WALNUT, PINE)
VENEER_WOODS = (OAK, BIRCH, WALNUT, BEECH, CHERRY, GREY_OAK, OAK)
FLOOR_WOODS = (BEECH, GREY_OAK, WALNUT, STAINED, BIRCH, OAK)

TABLE_SIZE = (1280, 512)  # finer across the grain than along it
FLOOR_SIZE = (896, 448)


@dataclass(frozen=True)
class Cut:
    """How a sheet is put together; lengths are shares of the span.

    Attributes:
        rows: boards across.
        joints: end joints per board, 0 = as long as the span.
        gap: darkness of the joints.
        tone: standard deviation of the boards' brightness.
        ring: width of a growth ring.
        depth: distance of the plane from the pith, lowest and highest.
    """

    rows: int
    joints: int
    gap: float
    tone: float
    ring: float
    depth: tuple[float, float]


def wood_boards(rng: np.random.Generator) -> F32:
    """A solid table top of edge-glued boards, 8 to 14 cm wide at a span of 1.1 m."""
    cut = Cut(int(rng.integers(8, 13)), 0, 0.16, 0.045, float(rng.uniform(0.006, 0.009)), (0.02, 0.10))
    return _sheet(rng, _pick(BOARD_WOODS, rng), cut, TABLE_SIZE)


def wood_planks(rng: np.random.Generator) -> F32:
    """A workbench top of finger-jointed staves, about 4 cm wide at a span of 1.1 m."""
    cut = Cut(int(rng.integers(22, 30)), 2, 0.2, 0.06, float(rng.uniform(0.005, 0.007)), (0.04, 0.14))
    return _sheet(rng, _pick(STAVE_WOODS, rng), cut, TABLE_SIZE)


def wood_veneer(rng: np.random.Generator) -> F32:
    """Veneer leaves, 25 to 40 cm wide at a span of 1.1 m, without visible joints."""
    cut = Cut(int(rng.integers(3, 5)), 0, 0.0, 0.012, float(rng.uniform(0.008, 0.013)), (0.015, 0.06))
    return _sheet(rng, _pick(VENEER_WOODS, rng), cut, TABLE_SIZE)


def parquet(rng: np.random.Generator) -> F32:
    """Floor boards with gaps, 15 to 20 cm wide at a span of 2 m."""
    cut = Cut(int(rng.integers(10, 14)), 1, 0.6, 0.07, float(rng.uniform(0.006, 0.009)), (0.015, 0.08))
    return _sheet(rng, _pick(FLOOR_WOODS, rng), cut, FLOOR_SIZE)


def _pick(woods: tuple[Wood, ...], rng: np.random.Generator) -> Wood:
    return woods[int(rng.integers(len(woods)))]


def _sheet(rng: np.random.Generator, wood: Wood, cut: Cut, size: tuple[int, int]) -> F32:
    """(H, W, 3) of boards along u."""
    height, width = size
    late = np.empty(size, dtype=np.float32)
    tone = np.zeros(size, dtype=np.float32)
    gap = np.zeros(size, dtype=np.float32)
    waver = fractal(rng, size, slope=1.9, stretch=(1.0, 4.0))
    fibre = fractal(rng, size, slope=0.5, stretch=(1.0, 36.0))
    edges = np.rint(np.linspace(0, height, cut.rows + 1)).astype(int)
    columns = np.arange(width)
    for row in range(cut.rows):
        top, bottom = int(edges[row]), int(edges[row + 1])
        first = int(rng.integers(width))
        ends = np.sort((first + np.arange(max(cut.joints, 1)) * width // max(cut.joints, 1)) % width)
        piece = np.searchsorted(ends, columns, side="right") % len(ends)
        for number in range(len(ends)):
            inside = piece == number
            late[top:bottom, inside] = _rings(rng, waver[top:bottom], cut, height)[:, inside]
            tone[top:bottom, inside] = rng.normal(0, cut.tone)
        gap[top] = 1.0
        if cut.joints:
            gap[top:bottom, ends] = 1.0
    shade = np.asarray(0.60 - 0.40 * wood.rings * late + 0.085 * fibre + 0.04 * waver, dtype=np.float32)
    image = ramp(np.clip(shade, 0, 1), [(0.0, wood.dark), (0.5, wood.body), (1.0, wood.light)])
    pores = step(fractal(rng, size, slope=0.3, stretch=(1.0, 16.0)) + 0.8 * late, 1.6, 3.0)
    image = mix(image, wood.dark, 0.8 * wood.pores * pores)
    image *= 1 + tone[..., None]
    if cut.gap:
        image = mix(image, (0.07, 0.05, 0.04), cut.gap * np.minimum(blur(gap, 0.7) * 1.7, 1))
    wear = fractal(rng, size, slope=1.9)
    return np.asarray(image * (1 + 0.022 * wear[..., None]), dtype=np.float32)


def _rings(rng: np.random.Generator, waver: F32, cut: Cut, height: int) -> F32:
    """(rows, W) darkness of the growth rings in one board: slow towards the late wood, then a sharp end."""
    rows, width = waver.shape
    across = (np.arange(rows, dtype=np.float32) / height)[:, None] - np.float32(rng.uniform(-1.2, 2.2) * rows / height)
    x = np.arange(width, dtype=np.float32) * np.float32(2 * np.pi / width)
    sway = sum(float(rng.normal(0, 0.42 / k**1.5)) * np.sin(k * x + float(rng.uniform(0, 6.3))) for k in (1, 2, 3))
    depth = float(rng.uniform(*cut.depth)) * np.asarray(1 + 0.6 * sway, dtype=np.float32)[None, :] + 0.0008 * waver
    number = np.sqrt(across * across + depth * depth) / np.float32(cut.ring) + 0.16 * waver + float(rng.random())
    phase = number % 1.0
    return np.asarray(step(phase, 0.1, 0.88) * (1 - step(phase, 0.9, 1.0)), dtype=np.float32)
