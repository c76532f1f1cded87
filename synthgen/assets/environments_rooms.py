"""Procedural environments: office, workshop, daylight from a window, light lab, warehouse, overcast yard."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from synthgen.assets.environments_casting import (
    HEIGHT,
    WIDTH,
    Colour,
    Furniture,
    Patch,
    Room,
    cast_room,
    directions,
)
from synthgen.assets.environments_painting import FurnitureKind, paint_floor, scrambled
from synthgen.types.arrays import F32, F64


def room_radiance(kind: str, seed: int) -> F32:
    """(256, 512, 3) float32 linear radiance of one procedural environment, row 0 = zenith, not normalised."""
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, list(ROOM_KINDS).index(kind)])))
    fine = ROOM_KINDS[kind](rng)
    return cv2.resize(fine.astype(np.float32), (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)


def kelvin(temperature: float) -> Colour:
    """Linear RGB of a black body with luminance 1 (fit of Helland 2012 to Charity's table, decoded from sRGB)."""
    t = temperature / 100.0
    red = 255.0 if t <= 66 else 329.7 * (t - 60) ** -0.1332
    green = 99.47 * np.log(t) - 161.12 if t <= 66 else 288.12 * (t - 60) ** -0.0755
    blue = 255.0 if t >= 66 else (138.52 * np.log(t - 10) - 305.04 if t > 19 else 0.0)
    linear = (np.clip([red, green, blue], 0, 255) / 255.0) ** 2.2
    linear = linear / (linear @ (0.2126, 0.7152, 0.0722))
    return float(linear[0]), float(linear[1]), float(linear[2])


def _scaled(colour: Colour, factor: float) -> Colour:
    return colour[0] * factor, colour[1] * factor, colour[2] * factor


def _clutter(rng: np.random.Generator, half: tuple[float, float], below: float, pieces: int) -> list[Furniture]:
    """Cabinets, benches and shelves along the walls: mostly wood, white and grey, now and then a colour."""
    palette: tuple[Colour, ...] = (
        (0.42, 0.29, 0.17), (0.08, 0.09, 0.10), (0.55, 0.55, 0.53), (0.30, 0.31, 0.33), (0.60, 0.52, 0.40),
        (0.12, 0.19, 0.30), (0.22, 0.13, 0.08), (0.48, 0.50, 0.50), (0.20, 0.27, 0.21), (0.38, 0.12, 0.09),
    )  # fmt: skip
    kinds: tuple[FurnitureKind, ...] = ("cabinet", "shelf", "bench", "shelf", "plain")
    things = []
    for _ in range(pieces):
        along = int(rng.integers(0, 2))
        side = float(rng.choice([-1.0, 1.0]))
        kind = kinds[int(rng.integers(len(kinds)))]
        depth, length = rng.uniform(0.35, 0.8), rng.uniform(0.8, 2.6)
        height = {"shelf": rng.uniform(1.2, 2.2), "bench": rng.uniform(0.84, 1.1)}.get(kind, rng.uniform(0.7, 2.1))
        centre = [0.0, 0.0]
        centre[along] = float(rng.uniform(-0.8, 0.8)) * half[along]
        centre[1 - along] = side * (half[1 - along] - depth / 2)
        size = (length, depth) if along == 0 else (depth, length)
        albedo = palette[int(rng.integers(len(palette)))]
        things.append(Furniture((centre[0], centre[1]), size, (-below, -below + height), albedo, kind))
    return things


def _posters(rng: np.random.Generator, half: tuple[float, float], count: int) -> list[Patch]:
    """Doors, boards and posters: flat patches of another albedo on the walls."""
    patches = []
    for _ in range(count):
        face = int(rng.integers(0, 4))
        width = half[1] if face < 2 else half[0]
        colour = tuple(float(c) for c in rng.uniform(0.1, 0.6) * rng.uniform(0.6, 1.25, 3))
        size = (float(rng.uniform(0.4, 1.6)), float(rng.uniform(0.5, 1.2)))
        at = (float(rng.uniform(-0.8, 0.8)) * width, float(rng.uniform(-0.1, 0.9)))
        patches.append(Patch(face, at, size, (colour[0], colour[1], colour[2]), emits=False))
    return patches


def _ceiling_grid(
    half: tuple[float, float], pitch: tuple[float, float], size: tuple[float, float], colour: Colour
) -> list[Patch]:
    """A regular array of lamps on the ceiling."""
    columns = max(1, int(2 * half[0] / pitch[0]))
    rows = max(1, int(2 * half[1] / pitch[1]))
    return [
        Patch(5, ((i - (columns - 1) / 2) * pitch[0], (j - (rows - 1) / 2) * pitch[1]), size, colour)
        for i in range(columns)
        for j in range(rows)
    ]


def _half(rng: np.random.Generator, low: float, high: float) -> tuple[float, float]:
    return float(rng.uniform(low, high)), float(rng.uniform(low, high))


def _office(rng: np.random.Generator) -> F64:
    """Suspended ceiling with square LED panels, pale walls, a window now and then."""
    half = _half(rng, 2.2, 4.5)
    colour = _scaled(kelvin(rng.uniform(3500, 5200)), rng.uniform(9, 14))
    patches = _posters(rng, half, 4)
    patches += _ceiling_grid(half, (float(rng.choice([1.8, 2.4])), float(rng.choice([1.8, 2.4]))), (0.58, 0.58), colour)
    if rng.random() < 0.5:
        patches.append(Patch(int(rng.integers(0, 4)), (0.0, 0.6), (2.4, 1.4), _scaled(kelvin(6800), 5.0), window=True))
    tint = rng.uniform(0.9, 1.0, 3) * rng.uniform(0.55, 0.75)
    wall = (float(tint[0]), float(tint[1]), float(tint[2]))
    return cast_room(
        Room(half, 1.7, 0.95, wall, (0.78, 0.78, 0.76), (0.14, 0.14, 0.16), 0.6, patches, _clutter(rng, half, 0.95, 6))
    )


def _workshop(rng: np.random.Generator) -> F64:
    """Long fluorescent tubes under a dark ceiling, benches and cabinets all round."""
    half = _half(rng, 3.0, 6.0)
    colour = _scaled(kelvin(rng.uniform(3800, 6200)), rng.uniform(15, 20))
    patches = _posters(rng, half, 7)
    patches += _ceiling_grid(half, (2.0, float(rng.uniform(1.2, 1.8))), (1.5, 0.18), colour)
    wall = (0.36, 0.37, 0.35) if rng.random() < 0.5 else (0.42, 0.36, 0.28)
    return cast_room(
        Room(half, 2.3, 0.95, wall, (0.22, 0.22, 0.22), (0.1, 0.1, 0.095), 0.0, patches, _clutter(rng, half, 0.95, 12))
    )


def _window(rng: np.random.Generator) -> F64:
    """Daylight from one side through tall windows; lamps off or one warm lamp."""
    half = _half(rng, 2.0, 3.6)
    face = int(rng.integers(0, 4))
    width = float(rng.uniform(1.8, 3.4))
    sky = _scaled(kelvin(rng.uniform(6000, 9000)), rng.uniform(9, 16))
    patches = [
        *_posters(rng, half, 4),
        Patch(face, (float(rng.uniform(-0.4, 0.4)), 0.55), (width, 1.9), sky, window=True),
    ]
    if rng.random() < 0.5:
        patches.append(Patch(5, (0.6, -0.7), (0.4, 0.4), _scaled(kelvin(2800), 6.0)))
    tint = rng.uniform(0.8, 1.0, 3) * rng.uniform(0.5, 0.75)
    wall = (float(tint[0]), float(tint[1]), float(tint[2]))
    return cast_room(
        Room(half, 1.65, 0.95, wall, (0.75, 0.74, 0.72), (0.2, 0.12, 0.07), 0.0, patches, _clutter(rng, half, 0.95, 6))
    )


def _lab(rng: np.random.Generator) -> F64:
    """A test cell: two or three large softboxes in an otherwise dim, dark room."""
    half = _half(rng, 2.0, 3.2)
    patches = _posters(rng, half, 3)
    for _ in range(int(rng.integers(2, 4))):
        face = int(rng.choice([0, 1, 2, 3, 5]))
        at = (float(rng.uniform(-1.0, 1.0)), float(rng.uniform(0.4, 1.0)))
        side = float(rng.uniform(0.7, 1.2))
        colour = _scaled(kelvin(rng.uniform(4500, 6000)), rng.uniform(10, 16))
        patches.append(Patch(face, at, (side, side * float(rng.uniform(0.7, 1.3))), colour))
    patches.append(Patch(5, (0.0, 0.0), (0.9, 0.9), _scaled(kelvin(5000), 8.0)))
    return cast_room(
        Room(
            half,
            1.8,
            0.95,
            (0.2, 0.2, 0.21),
            (0.3, 0.3, 0.3),
            (0.05, 0.05, 0.05),
            0.0,
            patches,
            _clutter(rng, half, 0.95, 5),
        )
    )


def _warehouse(rng: np.random.Generator) -> F64:
    """High bays: round-ish lamps far up in a large hall with racks and a strip of roof light."""
    half = _half(rng, 9.0, 16.0)
    above = float(rng.uniform(6.0, 9.0))
    colour = _scaled(kelvin(rng.uniform(3900, 5800)), rng.uniform(15, 22))
    patches = [*_posters(rng, half, 6), *_ceiling_grid(half, (4.5, 5.0), (1.2, 1.2), colour)]
    if rng.random() < 0.6:
        patches.append(Patch(5, (2.2, 0.0), (0.9, 2 * half[1] * 0.8), _scaled(kelvin(7000), 5.0)))
    racks = [
        Furniture((float(x), float(rng.uniform(-0.3, 0.3)) * half[1]), (1.1, half[1]), (-0.95, 3.5), albedo, "rack")
        for x, albedo in ((-0.7 * half[0], (0.28, 0.12, 0.03)), (0.6 * half[0], (0.05, 0.08, 0.2)))
    ]
    floor = (0.19, 0.19, 0.18)
    return cast_room(
        Room(
            half,
            above,
            0.95,
            (0.45, 0.46, 0.47),
            (0.3, 0.31, 0.32),
            floor,
            0.0,
            patches,
            racks + _clutter(rng, half, 0.95, 8),
        )
    )


def _overcast(rng: np.random.Generator) -> F64:
    """Outdoors, CIE overcast sky (L = Lz (1 + 2 sin elevation) / 3) with a skyline and grey ground."""
    direction = directions()
    elevation = np.arcsin(np.clip(direction[..., 2], -1, 1))
    azimuth = np.arctan2(direction[..., 1], direction[..., 0])
    zenith = np.array(kelvin(rng.uniform(6200, 7500)))
    clouds = np.ones_like(elevation)
    for frequency in (2, 3, 5, 8):
        phase = rng.uniform(0, 2 * np.pi, 2)
        clouds += (
            0.22 / frequency * np.sin(frequency * azimuth + phase[0]) * np.sin(frequency * 2 * elevation + phase[1])
        )
    sky = (1 + 2 * np.maximum(np.sin(elevation), 0)) / 3 * clouds
    image = sky[..., None] * zenith
    turn = (azimuth + np.pi) / (2 * np.pi)
    for layer, (blocks, tallest, haze) in enumerate(((46, 0.14, 0.55), (26, 0.22, 0.25))):
        _buildings(image, turn, elevation, int(rng.integers(blocks, blocks + 12)), tallest, haze, layer, rng=rng)
    leaves = 0.05 + 0.035 * np.sin(14 * azimuth + 1.0) + 0.02 * np.sin(41 * azimuth) + 0.012 * np.sin(97 * azimuth)
    trees = (elevation < leaves) & (elevation > 0) & (np.sin(3 * azimuth + float(rng.uniform(0, 6))) > -0.2)
    image[trees] = np.array([0.055, 0.075, 0.035])
    ground = elevation <= 0
    near = np.clip(-elevation[ground] / 0.6, 0, 1)[:, None]
    away = 1.5 / np.maximum(np.tan(-elevation[ground]), 0.02)
    slabs = paint_floor(away * np.cos(azimuth[ground]), away * np.sin(azimuth[ground]), 2.5)
    image[ground] = np.array([0.17, 0.165, 0.155]) * (0.7 + 0.3 * near) * slabs[:, None]
    return image


def _buildings(
    image: F64,
    turn: F64,
    elevation: F64,
    blocks: int,
    tallest: float,
    haze: float,
    layer: int,
    *,
    rng: np.random.Generator,
) -> None:
    """A row of houses with rows of windows round the horizon, in place; ``haze`` = share of sky over them."""
    heights = rng.uniform(0.25, 1.0, blocks) * tallest
    shades = rng.uniform(0.10, 0.42, (blocks, 1)) * rng.uniform(0.88, 1.08, (blocks, 3))
    index = np.floor(turn * blocks).astype(int) % blocks
    wall = (elevation < heights[index]) & (elevation > 0)
    column, row = np.floor(turn[wall] * blocks * 7), np.floor(elevation[wall] / 0.022)
    glass = (np.abs(turn[wall] * blocks * 7 % 1.0 - 0.5) < 0.3) & (np.abs(elevation[wall] / 0.022 % 1.0 - 0.5) < 0.3)
    colour = shades[index[wall]]
    reflecting = 0.08 + 0.5 * scrambled(column, row, np.array(layer)) ** 3
    colour = np.where(glass[:, None], reflecting[:, None] * np.array([0.9, 1.0, 1.1]), colour)
    image[wall] = (1 - haze) * colour + haze * 0.55


ROOM_KINDS: dict[str, Callable[[np.random.Generator], F64]] = {
    "office": _office,
    "workshop": _workshop,
    "window": _window,
    "lab": _lab,
    "warehouse": _warehouse,
    "overcast": _overcast,
}
