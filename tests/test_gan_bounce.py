"""Light between surfaces: a floor before a wall, where form factors say what arrives."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from test_gan_mirror import FLOOR_M, FOCAL, LEVEL, SIDE, WALL_M, room

from synthgen.generate.gan_bounce import bounced
from synthgen.generate.gan_channels import condition
from synthgen.generate.shaded import shade
from synthgen.types.arrays import F32

WALL_HEIGHT_M = FLOOR_M + WALL_M * SIDE / 2 / FOCAL  # as far as the picture shows it


def on_the_floor(*, wall: bool = True, red: float = 2.0) -> tuple[F32, F32, F32]:
    """(H, W, 4) light between a black floor and a red wall, the distance of every floor pixel from the wall, depth."""
    gbuffers, _ = room(wall=wall)
    depth, normal = gbuffers.depth_m[0], gbuffers.normal[0].astype(np.float32)
    lit = np.zeros((SIDE, SIDE, 3), np.float32)
    lit[normal[..., 2] < -0.5] = (red, 0.0, 0.0)
    floor = normal[..., 1] < -0.5
    return bounced(depth, normal, LEVEL, lit), np.where(floor, WALL_M - depth, np.nan).astype(np.float32), depth


@pytest.mark.parametrize(("row", "column"), [(97, 64), (97, 40), (99, 64), (102, 80)])
def test_a_floor_gets_what_the_wall_fills_of_its_sky(row: int, column: int) -> None:
    """Howell, "A Catalog of Radiation Heat Transfer Configuration Factors", B-3: an upright strip beside a point; the
    wall ends with the picture, and rays after 0.6 m."""
    light, away, _ = on_the_floor()
    distance = float(away[row, column])
    expected = 0.5 * (1.0 - distance / math.hypot(distance, WALL_HEIGHT_M))
    assert light[row, column, 3] == pytest.approx(expected, abs=0.1)
    assert light[row, column, 0] == pytest.approx(2.0 * light[row, column, 3], rel=1e-3), "all that is seen is red wall"
    assert not light[..., 1:3].any()


def test_the_nearer_the_wall_the_more() -> None:
    light, away, _ = on_the_floor()
    rows = [97, 103, 112, 122]
    shares = [float(light[row, 40:90, 3].mean()) for row in rows]
    assert [float(away[row, 64]) for row in rows] == sorted(float(away[row, 64]) for row in rows)
    assert shares == sorted(shares, reverse=True) and shares[0] > 2 * shares[-1]


def test_a_plane_gets_nothing_from_itself() -> None:
    light, _, depth = on_the_floor(wall=False)
    assert (depth > 0).sum() > 1000
    assert not light.any()


def test_light_is_linear_and_of_this_view_alone() -> None:
    once, again, twice = on_the_floor()[0], on_the_floor()[0], on_the_floor(red=4.0)[0]
    np.testing.assert_array_equal(once, again)
    np.testing.assert_allclose(twice[..., 0], 2 * once[..., 0], rtol=1e-6)
    np.testing.assert_array_equal(twice[..., 3], once[..., 3])


def test_what_the_picture_shows_takes_the_place_of_what_was_guessed() -> None:
    """A white floor under a grey sky, half of it hidden: before a red wall it turns red, without one it stays grey."""
    lit = {}
    for wall in (True, False):
        gbuffers, _ = room(metallic=0.0, roughness=1.0, wall=wall)
        upright = gbuffers.normal[0, ..., 2] < -0.5
        white = np.ones_like(gbuffers.albedo)
        direct = np.zeros_like(gbuffers.direct)
        direct[0, upright] = (2.0, 0.0, 0.0)
        sky = 0.5 * white
        sky[0, upright] = 0
        scene = replace(
            gbuffers,
            albedo=white,
            direct=direct,
            irradiance=sky,
            occlusion=np.full_like(gbuffers.occlusion, 0.5),
        )
        lit[wall] = condition(scene, 0, LEVEL).lit
        before, at = np.empty_like(lit[wall]), (98, 64)
        shade(scene, 0, LEVEL.intrinsics, before)
        if wall:
            assert lit[wall][at][0] > 1.5 * lit[wall][at][1], "the red wall lights it"
            assert lit[wall][at][1] < before[at][1], "and hides what was guessed to be white"
        else:
            np.testing.assert_allclose(lit[wall], before, atol=2e-3)
