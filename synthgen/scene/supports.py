"""What the objects lie on: floor, table, tote. The carrying surface (table top, inner floor of the tote) is z = 0."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np

from synthgen.assets.families.supports import TOTE_TAPER
from synthgen.config.models import SupportConfig
from synthgen.scene.bodies import Arena, placed_parts, turned_box
from synthgen.scene.cast import ModelStore
from synthgen.types.arrays import F64
from synthgen.types.assets import ObjectModel
from synthgen.types.catalog import FamilySource, Role

TABLE_SIZES_M = ((1.2, 1.8), (0.8, 1.2))  # range of the default table's edges, drawn in steps of 0.1 m
TABLE_THICKNESS_M = 0.03
TABLE_HEIGHT_M = 0.74
FLOOR_SIZE_M = 8.0
# Inner floors of common small-load carriers (outer 200 x 150 ... 800 x 600 mm); the smallest that holds the pile.
TOTE_SIZES_M = ((0.17, 0.11), (0.26, 0.17), (0.36, 0.26), (0.55, 0.35), (0.75, 0.55))
TOTE_WALL_M = 0.004
TOTE_CORNER_M = 0.02  # radius of its vertical corners, as the family builds them
CORNER_CHORDS = 4
TIPPING_MARGIN_M = 0.03
TOTE_LEAN_OUT_M = 0.02
WALL_GROWTH_M = 0.1
PILE_FILL = 0.65  # of the tote's height, when its size is chosen
PILE_PACKING = 1.0  # volume a thing takes in a pile / volume of its own box
LONGEST_SHARE = 0.95  # of the inner length that the longest thing may have


@dataclass(frozen=True, eq=False)
class Furnishing:
    """One static thing: ``kind`` says which surface finishes it gets ("floor", "table", "tote")."""

    kind: Literal["table", "tote", "floor"]
    role: Role
    source: FamilySource
    world_from_object: F64


@dataclass(frozen=True, eq=False)
class Support:
    """Where things can lie.

    Attributes:
        half_size_m: half edge lengths of the carrying surface around the world origin.
        wall_m: height of the walls around it, 0 for a table.
        furnishings: floor, table and tote, in scene order.
    """

    half_size_m: tuple[float, float]
    wall_m: float
    furnishings: tuple[Furnishing, ...]


def draw_support(
    config: SupportConfig, models: tuple[ObjectModel, ...], store: ModelStore, *, rng: np.random.Generator
) -> Support:
    """The support of one scene, large enough for ``models`` where the size is ours to choose."""
    drawn = [float(rng.integers(round(low * 10), round(high * 10), endpoint=True)) / 10 for low, high in TABLE_SIZES_M]
    wall_m = round(config.height_m.sample(rng=rng), 2)
    if config.kind == "table":
        size = config.size_m or (drawn[0], drawn[1])
        return Support((size[0] / 2, size[1] / 2), 0.0, _table(size, 0.0, store))
    inner = config.size_m or tote_size(models, wall_m)
    table = (max(drawn[0], inner[0] + 0.3), max(drawn[1], inner[1] + 0.3))
    source = FamilySource(
        "tote",
        (("height", wall_m + TOTE_WALL_M), ("inner_x", inner[0]), ("inner_y", inner[1]), ("wall", TOTE_WALL_M)),
    )
    bottom = float(store.model(source).bounds_m[0, 2])
    tote = Furnishing("tote", "support", source, _raised(-TOTE_WALL_M - bottom))
    return Support((inner[0] / 2, inner[1] / 2), wall_m, (*_table(table, -TOTE_WALL_M, store), tote))


def tote_size(models: tuple[ObjectModel, ...], wall_m: float) -> tuple[float, float]:
    """The smallest common tote in which ``models`` pile up to at most ``PILE_FILL`` of its height."""
    volume = sum(pile_volume_m3(model) for model in models)
    longest = max((float(model.extent_m.max()) for model in models), default=0.0)
    for size in TOTE_SIZES_M:
        if volume <= PILE_FILL * wall_m * size[0] * size[1] and longest <= LONGEST_SHARE * size[0]:
            return size
    return TOTE_SIZES_M[-1]


def pile_volume_m3(model: ObjectModel) -> float:
    """Volume that one thing takes in a random pile, gaps included."""
    return PILE_PACKING * float(np.prod(model.extent_m))


def _table(size: tuple[float, float], top_z: float, store: ModelStore) -> tuple[Furnishing, Furnishing]:
    top = FamilySource("table_top", (("size_x", size[0]), ("size_y", size[1]), ("thickness", TABLE_THICKNESS_M)))
    floor = FamilySource("floor", (("size", FLOOR_SIZE_M),))
    return (
        Furnishing("floor", "floor", floor, _raised(top_z - TABLE_HEIGHT_M - _top(floor, store))),
        Furnishing("table", "support", top, _raised(top_z - _top(top, store))),
    )


def _top(source: FamilySource, store: ModelStore) -> float:
    return float(store.model(source).bounds_m[1, 2])


def _raised(z: float) -> F64:
    pose = np.eye(4)
    pose[2, 3] = z
    return pose


def tote_obstacles(support: Support, store: ModelStore) -> tuple[F64, ...]:
    """Convex parts of the tote's walls and rounded corners in the world frame; () for a table.

    Walls are grown outwards: nothing squeezes through a few millimetres. The bottom is left out: the plane carries.
    """
    if not support.wall_m:
        return ()
    tote = support.furnishings[-1]
    model = store.model(tote.source)
    walls = [part for part in placed_parts(model, tote.world_from_object) if part[:, 2].max() > 0.005]
    return tuple(_thickened(part) for part in walls) + _corners(support)


def _thickened(part: F64) -> F64:
    """A wall part and its copy further out, across its own plane."""
    middle = (part.min(axis=0) + part.max(axis=0)) / 2
    axis = int(np.argmin(np.ptp(part[:, :2], axis=0)))
    outwards = np.zeros(3)
    outwards[axis] = np.sign(middle[axis]) * WALL_GROWTH_M
    return np.concatenate([part, part + outwards])


def _corners(support: Support) -> tuple[F64, ...]:
    """Prisms between the arc of each rounded vertical corner and its square corner; they lean out as the walls do."""
    lean = TOTE_TAPER * (support.wall_m + TOTE_WALL_M)
    arc = np.linspace(0.0, np.pi / 2, CORNER_CHORDS + 1)
    bow = np.stack([np.cos(arc), np.sin(arc)], axis=1)
    prisms = []
    for sign_x, sign_y in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
        sign = np.array([sign_x, sign_y], dtype=np.float64)
        for first, second in pairwise(bow):
            triangle = (np.array([first, second, [1.05, 1.05]]) - 1.0) * TOTE_CORNER_M
            low = sign * (np.array(support.half_size_m) + triangle)
            high = low + sign * lean
            prisms.append(np.vstack([np.c_[low, np.zeros(3)], np.c_[high, np.full(3, support.wall_m)]]))
    return tuple(prisms)


def arena_of(support: Support, models: tuple[ObjectModel, ...], starts: F64, obstacles: tuple[F64, ...]) -> Arena:
    """What does not move. Guards stand at the table's edge or on the tote's rim, never through a thing's start box."""
    half = np.array(support.half_size_m)
    if support.wall_m:
        half = half + TOTE_TAPER * (support.wall_m + TOTE_WALL_M)
    guards = half
    for model, start in zip(models, starts, strict=True):
        low, high = turned_box(model, start)
        guards = np.maximum(guards, np.maximum(-low[:2], high[:2]) + 0.01)
    # A long thing may lean out over the rim. The plane goes on beyond a table: there, what has its middle near the edge
    # or outside would tip over in truth.
    keep = half + TOTE_LEAN_OUT_M if support.wall_m else half - np.minimum(TIPPING_MARGIN_M, 0.05 * half)
    return Arena(
        half_size_m=(float(guards[0]), float(guards[1])),
        keep_half_m=(float(keep[0]), float(keep[1])),
        guard_from_z_m=support.wall_m,
        obstacles=obstacles,
    )
