"""What surfaces mirror of the scene: a mirroring floor before a wall, where the law of reflection says what is seen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from test_generators import random_views

from synthgen.generate.gan_mirror import GUESSED, SEEN
from synthgen.generate.gan_mirror import mirrored as of_arrays
from synthgen.types.gbuffer import GBuffers
from synthgen.types.geometry import Camera, Intrinsics

SIDE, FOCAL, FLOOR_M, WALL_M = 128, 128.0, 0.25, 1.0
LEVEL = Camera(
    Intrinsics(SIDE, SIDE, FOCAL, FOCAL, SIDE / 2, SIDE / 2),
    np.array([[1.0, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0], [0, 0, 0, 1]]),  # looks along world y; image up is world up
)


def room(*, metallic: float = 1.0, roughness: float = 0.1, wall: bool = True) -> tuple[GBuffers, np.ndarray]:
    """A floor 0.25 m below a level camera, a wall 1 m before it; every pixel's red is its row, its green its column."""
    rows, columns = (np.mgrid[:SIDE, :SIDE] + 0.5).astype(np.float32)
    below = np.maximum((rows - SIDE / 2) / FOCAL, 1e-6)
    floor = FLOOR_M / below < WALL_M
    depth = np.where(floor, FLOOR_M / below, WALL_M if wall else 0).astype(np.float32)
    normal = np.where(floor[..., None], [0.0, -1.0, 0.0], [0.0, 0.0, -1.0]).astype(np.float16)
    base = random_views(1).gbuffers
    channels = {
        "depth_m": depth[None],
        "normal": normal[None],
        "instance": np.zeros((1, SIDE, SIDE), np.uint16),
        "metallic": np.full((1, SIDE, SIDE), metallic, np.float16),
        "roughness": np.full((1, SIDE, SIDE), roughness, np.float16),
    }
    others = {
        name: np.zeros((1, SIDE, SIDE, *getattr(base, name).shape[3:]), getattr(base, name).dtype)
        for name in ("category", "albedo", "direct", "highlight", "irradiance", "occlusion", "reflection", "amodal")
    }
    shaded = np.stack([rows, columns, np.ones_like(rows)], axis=-1)
    return replace(base, **channels, **others, edges=base.edges[:1]), shaded


def mirrored(gbuffers: GBuffers, camera: Camera, lit: np.ndarray) -> np.ndarray:
    surface = (getattr(gbuffers, name)[0].astype(np.float32) for name in ("normal", "roughness", "metallic"))
    return of_arrays(gbuffers.depth_m[0], gbuffers.instance[0], *surface, camera, lit)


@pytest.mark.parametrize(
    ("intent", "row", "column"),
    [("straight ahead", 120, 64), ("to the side", 110, 30), ("near the wall", 98, 64), ("at the border", 126, 100)],
)
def test_a_floor_mirrors_the_wall(intent: str, row: int, column: int) -> None:
    gbuffers, shaded = room()
    found = mirrored(gbuffers, LEVEL, shaded)
    assert found.shape == (4, SIDE, SIDE) and found.dtype == np.float32
    x, y = (column + 0.5 - SIDE / 2) / FOCAL, (row + 0.5 - SIDE / 2) / FOCAL
    rising = y * (WALL_M - FLOOR_M / y)  # from where the ray meets the floor to the wall
    seen_row, seen_column = SIDE / 2 + FOCAL * (FLOOR_M - rising) / WALL_M, SIDE / 2 + FOCAL * x
    assert found[3, row, column] == SEEN
    assert found[0, row, column] == pytest.approx(seen_row, abs=6)  # steps grow: near misses of a few pixels
    assert found[1, row, column] == pytest.approx(seen_column, abs=3)


def test_what_is_not_in_the_picture_is_guessed_downwards_and_unknown_upwards() -> None:
    gbuffers, shaded = room(wall=False)
    found = mirrored(gbuffers, LEVEL, shaded)
    assert not found[:, 120].any()  # the floor sees the sky
    tilted = replace(
        LEVEL, world_from_camera=np.diag([1.0, -1.0, -1.0, 1.0])
    )  # looks straight down: the wall is ground
    gbuffers, shaded = room()
    seen = mirrored(gbuffers, tilted, shaded)[3]
    assert set(np.unique(seen)) <= {0, np.float32(GUESSED), np.float32(SEEN)}
    assert not seen[:60].any()  # the ground sends its rays up, to the camera


@pytest.mark.parametrize(
    ("intent", "metallic", "roughness", "looked_at"),
    [("polished metal", 1.0, 0.1, True), ("rough metal", 1.0, 0.8, True), ("glaze", 0.0, 0.2, True),
     ("paper", 0.0, 0.9, False)],
)  # fmt: skip
def test_only_shiny_surfaces_are_looked_at(intent: str, metallic: float, roughness: float, looked_at: bool) -> None:
    gbuffers, shaded = room(metallic=metallic, roughness=roughness)
    assert mirrored(gbuffers, LEVEL, shaded)[3].any() == looked_at
