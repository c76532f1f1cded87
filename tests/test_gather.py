"""Light between surfaces: a wall on a table under an even sky, where form factors and the law of reflection say what
arrives, and rooms in which nothing may be told apart."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from render_doubles import ShelfStore, looking, mesh_of, model_of, pinhole, placed, pose, scene_of
from test_render_views import faceted

from synthgen.errors import InternalError
from synthgen.generate.catalog import GATHERING, GENERATORS
from synthgen.generate.gan import Gan
from synthgen.generate.gan_channels import condition
from synthgen.generate.pathtraced import Pathtraced
from synthgen.generate.shaded import Shaded
from synthgen.render.gather_rays import cosine_rays, lobe_rays
from synthgen.render.scene_rays import scene_rays
from synthgen.render.things import things_of
from synthgen.render.views import render_views
from synthgen.shading import albedo_table
from synthgen.types.arrays import F32
from synthgen.types.assets import Material
from synthgen.types.gbuffer import GATHERED, GBuffers
from synthgen.types.scene import Scene

HEIGHT_M, LENGTH_M = 0.2, 2.0  # of the wall; it stands along world y at x = 0
STORE = ShelfStore(
    [
        model_of("table", mesh_of(faceted(trimesh.creation.box((3.0, 3.0, 0.04))))),
        model_of("wall", mesh_of(faceted(trimesh.creation.box((0.04, LENGTH_M, HEIGHT_M))))),
        model_of("ball", mesh_of(trimesh.creation.icosphere(4, 0.06))),
    ]
)
RED, WHITE, BLACK = (0.8, 0.1, 0.1), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0)
LENS = pinhole(160, 120, f=150.0)


def room(
    table: Material,
    *,
    wall: Material | None = None,
    ball: Material | None = None,
    eye: tuple[float, ...] = (0.9, 0, 0.5),
) -> Scene:
    things = [placed("table", pose(z=-0.02), index=0, role="support", material=table)]
    if wall is not None:
        things.append(placed("wall", pose(-0.02, 0, HEIGHT_M / 2), index=1, material=wall))
    if ball is not None:
        things.append(placed("ball", pose(0.0, 0, 0.06), index=1, material=ball))
    return scene_of(things, [looking(eye, (0.1, 0, 0.05), LENS)])


def seen(scene: Scene) -> tuple[GBuffers, F32]:
    """Its G-buffer, and (H, W, 3) world points."""
    (views,) = render_views(scene, STORE, gathered=True)
    camera, depth = scene.cameras[0], views.gbuffers.depth_m[0]
    height, width = depth.shape
    x = (np.arange(width) + 0.5 - camera.intrinsics.cx) / camera.intrinsics.fx
    y = (np.arange(height) + 0.5 - camera.intrinsics.cy) / camera.intrinsics.fy
    rays = np.stack(
        [np.broadcast_to(x, depth.shape), np.broadcast_to(y[:, None], depth.shape), np.ones(depth.shape)], -1
    )
    points = (depth[..., None] * rays) @ camera.world_from_camera[:3, :3].T + camera.world_from_camera[:3, 3]
    return views.gbuffers, points.astype(np.float32)


def light(gbuffers: GBuffers, name: str) -> F32:
    return np.asarray(getattr(gbuffers, name)[0], np.float32)


def wall_pixels(gbuffers: GBuffers) -> np.ndarray:
    """Of the side that faces the camera."""
    return (gbuffers.instance[0] == 1) & (np.abs(light(gbuffers, "normal")[..., 2]) > 0.7)


@pytest.mark.parametrize("distance_m", [0.03, 0.08, 0.15, 0.3])
def test_a_table_gets_what_the_wall_fills_of_its_sky(distance_m: float) -> None:
    """Howell, "A Catalog of Radiation Heat Transfer Configuration Factors", B-3: a long upright strip by a point."""
    gbuffers, points = seen(room(Material(BLACK, 1.0, 0.0), wall=Material(RED, 1.0, 0.0)))
    bounce = light(gbuffers, "bounce")
    at = (gbuffers.instance[0] == 0) & (np.abs(points[..., 0] - distance_m) < 0.012) & (np.abs(points[..., 1]) < 0.2)
    assert at.sum() > 20
    share = 0.5 * (1.0 - distance_m / math.hypot(distance_m, HEIGHT_M))
    # An upright wall sees half of the even sky, and of a black table nothing; dielectrics mirror some 5 %.
    sent = 0.5 * np.array(RED) * 0.95 + 0.02
    np.testing.assert_allclose(bounce[at].mean(axis=0), share * sent, rtol=0.2, atol=0.005)


def test_the_nearer_the_wall_the_more() -> None:
    gbuffers, points = seen(room(Material(BLACK, 1.0, 0.0), wall=Material(RED, 1.0, 0.0)))
    bounce, table = light(gbuffers, "bounce")[..., 0], gbuffers.instance[0] == 0
    rings = [table & (abs(points[..., 0] - x) < 0.02) & (abs(points[..., 1]) < 0.2) for x in (0.04, 0.1, 0.2, 0.4)]
    means = [float(bounce[ring].mean()) for ring in rings]
    assert means == sorted(means, reverse=True) and means[0] > 3 * means[-1]


def test_a_table_alone_gets_nothing_from_itself() -> None:
    gbuffers, _ = seen(room(Material(WHITE, 0.5, 0.0)))
    hit = gbuffers.depth_m[0] > 0
    assert hit.sum() > 5000
    assert not light(gbuffers, "bounce")[hit].any()
    np.testing.assert_array_equal(light(gbuffers, "gloss")[hit], light(gbuffers, "reflection")[hit])
    np.testing.assert_allclose(
        light(gbuffers, "skylight")[hit],
        light(gbuffers, "irradiance")[hit] * light(gbuffers, "occlusion")[hit][:, None],
        rtol=2e-3,
    )


@pytest.mark.parametrize("roughness", [0.05, 0.2])
def test_a_polished_table_mirrors_the_wall_and_above_it_the_sky(roughness: float) -> None:
    scene = room(Material((0.9, 0.9, 0.9), roughness, 1.0), wall=Material(RED, 1.0, 0.0))
    gbuffers, points = seen(scene)
    eye = scene.cameras[0].world_from_camera[:3, 3]
    table = gbuffers.instance[0] == 0
    # A ray from the eye that the table throws back meets the plane of the wall at this height.
    met_m = points[..., 0] / np.maximum(eye[0] - points[..., 0], 1e-6) * eye[2]
    gloss, wall = light(gbuffers, "gloss"), wall_pixels(gbuffers)
    low = table & (met_m > 0.02) & (met_m < 0.5 * HEIGHT_M) & (np.abs(points[..., 1]) < 0.2) & (points[..., 0] > 0.02)
    high = table & (met_m > 2.5 * HEIGHT_M) & (np.abs(points[..., 1]) < 0.2)
    assert low.sum() > 50 and high.sum() > 50 and wall.sum() > 50
    assert (gloss[low, 0] > 2.5 * gloss[low, 1]).mean() > 0.9, "the wall is red"
    np.testing.assert_allclose(gloss[high], 1.0, atol=0.1)


@pytest.mark.parametrize(
    ("intent", "ball"),
    [("white paint", Material(WHITE, 1.0, 0.0)), ("white metal", Material(WHITE, 0.3, 1.0))],
)
def test_white_things_in_a_white_room_are_white(intent: str, ball: Material) -> None:
    """What the sky does not send to them, white neighbours do."""
    gbuffers, _ = seen(room(Material(WHITE, 1.0, 0.0), ball=ball))
    lit, hit = condition(gbuffers, 0, room(Material(WHITE, 1.0, 0.0)).cameras[0]).lit, gbuffers.instance[0] == 1
    assert hit.sum() > 200
    assert abs(float(lit[hit].mean()) - 1.0) < 0.06, intent
    assert np.quantile(lit[hit], 0.05) > 0.8


def test_light_is_of_this_view_alone() -> None:
    """The same bytes again, and beside other views."""
    scene = room(Material(WHITE, 0.4, 0.0), wall=Material(RED, 0.3, 0.0))
    two = replace(scene, cameras=(looking((0.5, 0.6, 0.4), (0, 0, 0.1), LENS), *scene.cameras), view_indices=(0, 1))
    alone, (both,) = seen(scene)[0], render_views(two, STORE, gathered=True)
    again = seen(scene)[0]
    for name in sorted(GATHERED):
        assert getattr(alone, name)[0].tobytes() == getattr(both.gbuffers, name)[1].tobytes(), name
        assert getattr(alone, name).tobytes() == getattr(again, name).tobytes(), name
        assert getattr(both.part(range(1, 2)).gbuffers, name).tobytes() == getattr(alone, name).tobytes(), name


def test_who_asks_for_it_gets_it() -> None:
    """The table of kinds says what the generators say; others get no such channels, and nobody draws without."""
    by_kind = {"gan": Gan, "pathtraced": Pathtraced, "shaded": Shaded}
    assert set(by_kind) == set(GENERATORS)
    assert {kind for kind, generator in by_kind.items() if generator.channels & GATHERED} == GATHERING
    scene = room(Material(WHITE, 0.4, 0.0))
    (views,) = render_views(scene, STORE)
    assert all(getattr(views.gbuffers, name) is None for name in GATHERED)
    assert views.part(range(0)).gbuffers.gloss is None
    with pytest.raises(InternalError) as refused:
        condition(views.gbuffers, 0, scene.cameras[0])
    assert str(refused.value) == (
        "gan was given a G-buffer without light between surfaces; it has to be rendered with gathered=True; report "
        "this as a bug"
    )


def test_rays_meet_what_stands_there() -> None:
    scene = room(Material(WHITE, 1.0, 0.0), ball=Material(RED, 1.0, 0.0))
    rays = scene_rays(things_of(scene, STORE), [thing.role for thing in scene.objects])
    origins = np.array([[0, 0, 1], [1, 0, 1], [5, 0, 1], [0, 0, 1]], np.float32)
    directions = np.array([[0, 0, -1], [0, 0, -1], [0, 0, -1], [0, 0, 1]], np.float32)
    face, distance, normal = rays.first_hits(origins, directions)
    assert list(face >= 0) == [True, True, False, False]
    assert [int(rays.thing[k]) for k in face[:2]] == [2, 1], "the ball, the table"
    np.testing.assert_allclose(distance[:2], [0.88, 1.0], atol=1e-3)
    assert abs(normal[1, 2]) == pytest.approx(np.linalg.norm(normal[1]), rel=1e-3)
    np.testing.assert_allclose(rays.color[2], RED, rtol=1e-5)
    assert list(rays.support) == [False, True, False]


def test_a_scene_of_nothing() -> None:
    rays = scene_rays([], [])
    face, _, _ = rays.first_hits(np.zeros((2, 3), np.float32), np.eye(3, dtype=np.float32)[:2])
    assert (face < 0).all()


directions_of = st.tuples(*[st.floats(-1, 1)] * 3).filter(lambda v: np.linalg.norm(v) > 0.1)


def _unit(v: tuple[float, ...]) -> F32:
    return (np.array(v) / np.linalg.norm(v)).astype(np.float32)


@settings(deadline=None, max_examples=40)
@given(directions_of)
def test_cosine_rays(normal: tuple[float, ...]) -> None:
    """Unit length, above the surface, and of the mean cosine 2/3 that Lambert's law asks for."""
    n, count = _unit(normal), 64
    pixels = np.arange(20)
    places = np.zeros((20, 3), np.float32)
    origins, directions = np.empty((20 * count, 3), np.float32), np.empty((20 * count, 3), np.float32)
    cosine_rays(pixels, 5, places, np.tile(n, (20, 1)), np.tile(0.01 * n, (20, 1)), count, origins, directions)
    np.testing.assert_allclose(np.linalg.norm(directions, axis=1), 1.0, atol=1e-4)
    cosine = directions @ n
    assert cosine.min() > -1e-4 and abs(float(cosine.mean()) - 2 / 3) < 0.01
    sideways = directions - cosine[:, None] * n
    assert np.linalg.norm(sideways.mean(axis=0)) < 0.03, "to all sides alike"
    np.testing.assert_allclose(origins, np.tile(0.01 * n, (len(origins), 1)), atol=1e-6)


@settings(deadline=None, max_examples=40)
@given(st.floats(0.05, 1.0), st.floats(0.15, 1.0), st.floats(0, 6.28))
def test_lobe_rays(roughness: float, n_v: float, turn: float) -> None:
    """Their mean weight is the albedo of a surface whose facets mirror all; smooth ones mirror along the mirror ray."""
    count, sine = 400, math.sqrt(1 - n_v * n_v)
    view = np.array([[sine * math.cos(turn), sine * math.sin(turn), n_v]], np.float32)
    up, one = np.array([[0, 0, 1]], np.float32), np.ones(1, np.float32)
    origins, directions = np.empty((count, 3), np.float32), np.empty((count, 3), np.float32)
    weights = np.empty(count, np.float32)
    lobe_rays(
        np.zeros(1, np.int64), 1, 0 * up, up, 0 * up, -view, np.float32(roughness) * one, one, count,
        origins, directions, weights,
    )  # fmt: skip
    np.testing.assert_allclose(np.linalg.norm(directions, axis=1), 1.0, atol=1e-3)
    assert (directions[weights > 0, 2] > 0).all() and weights.max() <= 1.0 + 1e-5
    row, column = min(int(roughness * 32), 31), min(int(n_v * 32), 31)
    assert float(weights.mean()) == pytest.approx(float(albedo_table()[row, column, 3]), abs=0.06)
    if roughness < 0.15:
        mirrored = np.array([-view[0, 0], -view[0, 1], n_v])
        mean = (directions * weights[:, None]).sum(axis=0)
        assert mean @ mirrored / np.linalg.norm(mean) > 0.98
