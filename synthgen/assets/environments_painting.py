"""What walls, floors, shelves and cabinets of rooms look like from a few metres away: albedo by position, no geometry.

Maps have 0.7 degrees per pixel: details below some 4 cm would be lost, as in a photograph that is focused on the table.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from synthgen.types.arrays import F64

FurnitureKind = Literal["plain", "cabinet", "shelf", "rack", "bench"]

# Boxes, binders, tools and cases on shelves: linear albedo.
SHELVED = np.array(
    [
        (0.46, 0.33, 0.19), (0.52, 0.40, 0.25), (0.60, 0.60, 0.58), (0.10, 0.13, 0.20), (0.35, 0.36, 0.37),
        (0.05, 0.05, 0.06), (0.38, 0.08, 0.06), (0.08, 0.20, 0.36), (0.66, 0.64, 0.58), (0.16, 0.24, 0.15),
        (0.50, 0.34, 0.05), (0.24, 0.24, 0.25),
    ]
)  # fmt: skip
SHELF_PITCH_M = 0.40
RACK_SCALE = 3.2  # a pallet rack is a large shelf
BOARD_M = 0.035
DOOR_M = 0.50
DRAWER_M = 0.28


def scrambled(*whole: np.ndarray) -> F64:
    """A number in [0, 1) for every tuple of whole numbers; neighbours are unrelated (Jarzynski and Olano 2020: pcg)."""
    state = np.zeros(np.broadcast(*whole).shape, dtype=np.uint32)
    with np.errstate(over="ignore"):  # whole numbers modulo 2^32
        for part in whole:
            state = (state ^ np.asarray(part).astype(np.int64).astype(np.uint32)) * np.uint32(747796405)
            state = state + np.uint32(2891336453)
            state = ((state >> ((state >> np.uint32(28)) + np.uint32(4))) ^ state) * np.uint32(277803737)
            state = (state >> np.uint32(22)) ^ state
    return np.asarray(state / 2.0**32, dtype=np.float64)


def paint_furniture(kind: FurnitureKind, albedo: F64, along: F64, height: F64, number: int) -> F64:
    """Albedo on the upright faces of one piece.

    Args:
        kind: what it is.
        albedo: (3,) its own colour.
        along: (N,) metres along the wall.
        height: (N,) metres above its foot.
        number: which piece: two shelves hold different things.

    Returns:
        (N, 3) linear.
    """
    base = np.broadcast_to(albedo, (len(along), 3)).copy()
    if kind == "shelf":
        return _shelf(base, along, height, number)
    if kind == "rack":
        return _shelf(base, along / RACK_SCALE, height / RACK_SCALE, number)
    if kind == "cabinet":
        door, drawer = (along / DOOR_M) % 1.0, (height / DRAWER_M) % 1.0
        drawers = scrambled(np.floor(along / DOOR_M), np.array(number)) < 0.4
        line = (np.minimum(door, 1 - door) * DOOR_M < 0.014) | (
            drawers & (np.minimum(drawer, 1 - drawer) * DRAWER_M < 0.014)
        )
        handle = np.where(drawers, np.hypot(door - 0.5, (drawer - 0.6) * 0.6) < 0.1, (np.abs(door - 0.86) < 0.05))
        handle &= drawers | (np.abs(height % 0.9 - 0.5) < 0.07)
        base[line] *= 0.35
        base[handle] = 0.5 * base[handle] + 0.22
        base[height < 0.08] *= 0.3
    if kind == "bench":
        # A work top on legs, dark underneath with what is stored there.
        under = height < 0.78
        leg = (along % 1.1) < 0.07
        things = SHELVED[(scrambled(np.floor(along / 0.34), np.array(number)) * len(SHELVED)).astype(int)]
        stored = under & (height < 0.2 + 0.45 * scrambled(np.floor(along / 0.34), np.array(number + 77)))
        base[under] = 0.03
        base[stored] = 0.45 * things[stored]
        base[under & leg] = (0.25, 0.26, 0.27)
        above = height > 0.84
        base[above] = SHELVED[(scrambled(np.floor(along / 0.23), np.array(number + 5)) * len(SHELVED)).astype(int)][
            above
        ]
    return base


def _shelf(base: F64, along: F64, height: F64, number: int) -> F64:
    """Rows of things of different widths and heights between boards; dark behind them."""
    row = np.floor(height / SHELF_PITCH_M)
    up = height - row * SHELF_PITCH_M
    # Things are 9, 18 or 36 cm wide: groups of four cells are one, two or four things.
    cell = np.floor(along / 0.09)
    group = np.floor(cell / 4)
    width = np.array([1, 2, 4])[(scrambled(group, row, np.array(number)) * 3).astype(int)]
    thing = np.floor(cell / width)
    tall = BOARD_M + (0.35 + 0.6 * scrambled(thing, row, np.array(number + 1))) * (SHELF_PITCH_M - BOARD_M)
    colour = SHELVED[(scrambled(thing, row, np.array(number + 2)) * len(SHELVED)).astype(int)]
    tone = 0.7 + 0.6 * scrambled(thing, row, np.array(number + 3))
    label = (scrambled(thing, row, np.array(number + 4)) < 0.4) & (np.abs(up - 0.5 * tall) < 0.04)
    inside = np.where((up < tall)[:, None], colour * tone[:, None], 0.035)
    inside[label & (up < tall)] = 0.6
    inside[scrambled(group, row, np.array(number + 6)) < 0.12] = 0.035  # gaps
    return np.where((up < BOARD_M)[:, None], base, inside)


def paint_picture(albedo: F64, u: F64, v: F64, number: int) -> F64:
    """A poster, notice board or white board in [-0.5, 0.5]^2, v up: (N, 3) linear albedo."""
    sheet = np.broadcast_to(albedo, (len(u), 3)).copy()
    pale = 0.62 + 0.16 * float(scrambled(np.array(number), np.array(1)))
    if number % 3 == 0:  # white board: a few lines of writing
        sheet[:] = pale
        row = np.floor((v + 0.5) * 9)
        written = (np.abs((v + 0.5) * 9 % 1.0 - 0.5) < 0.14) & (u + 0.4 < 0.8 * scrambled(row, np.array(number)))
        sheet[written & (u > -0.4) & (scrambled(row, np.array(number + 1)) < 0.6)] = (0.12, 0.14, 0.30)
    elif number % 3 == 1:  # a photograph: sky, hill, foreground
        hill = 0.1 + 0.12 * np.sin(5 * u + number) + 0.05 * np.sin(13 * u)
        sheet = np.where((v > hill)[:, None], 0.35 + 0.5 * albedo, 0.5 * albedo * (0.7 + (v + 0.5))[:, None])
    else:  # notices pinned to a board
        cell_u, cell_v = np.floor((u + 0.5) * 4), np.floor((v + 0.5) * 3)
        inside = (np.abs((u + 0.5) * 4 % 1.0 - 0.5) < 0.36) & (np.abs((v + 0.5) * 3 % 1.0 - 0.5) < 0.40)
        sheet[:] = (0.32, 0.22, 0.13)
        paper = scrambled(cell_u, cell_v, np.array(number))
        sheet[inside & (paper < 0.75)] = (pale * (0.6 + 0.5 * paper[inside & (paper < 0.75)]))[:, None]
    rim = np.maximum(np.abs(u), np.abs(v)) > 0.47
    sheet[rim] = (0.10, 0.10, 0.11) if number % 2 else (0.55, 0.55, 0.54)
    return sheet


def paint_floor(x: F64, y: F64, cell_m: float) -> F64:
    """(N,) tone of floor tiles or boards, with darker joints."""
    row = np.floor(y / cell_m)
    column = np.floor(x / cell_m)
    tone = 0.92 + 0.16 * scrambled(row, column)
    edge = np.maximum(np.abs(x / cell_m % 1.0 - 0.5), np.abs(y / cell_m % 1.0 - 0.5)) > 0.5 - 0.012 / cell_m
    return np.asarray(np.where(edge, tone * 0.75, tone), dtype=np.float64)


def paint_wall(along: F64, height: F64) -> F64:
    """(N,) tone of a wall: slow stains, a cable duct at 0.9 m and sockets, paler where nothing rubs."""
    slow = 1 + 0.03 * np.sin(1.7 * along + 0.6 * height) + 0.02 * np.sin(4.1 * along - 1.3 * height)
    rubbed = 1 - 0.10 * np.exp(-np.maximum(height, 0) / 0.25)
    duct = np.where(np.abs(height - 0.95) < 0.05, 1.14, 1.0)
    return np.asarray(slow * rubbed * duct, dtype=np.float64)
