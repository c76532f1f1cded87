"""From scene to G-buffer: channels mean what ``types.gbuffer`` says, edges anti-alias, batching changes no byte."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from render_doubles import ShelfStore, looking, mesh_of, model_of, pinhole, placed, pose, pyramid, scene_of

from synthgen.antialias import resolve
from synthgen.errors import InternalError
from synthgen.projection import unproject
from synthgen.render.channels import fill_surfaces, new_surfaces
from synthgen.render.compact import store_half
from synthgen.render.edges import blend_edges
from synthgen.render.surfaces import Surfaces
from synthgen.render.things import things_of
from synthgen.render.views import draw_view, render_views
from synthgen.types.assets import Material
from synthgen.types.gbuffer import EdgeBlend, GBuffers
from synthgen.types.geometry import Camera, Intrinsics
from synthgen.types.scene import Scene


def faceted(shape: trimesh.Trimesh) -> trimesh.Trimesh:
    """The shape with its vertices split, so that every face has its own normals."""
    return trimesh.Trimesh(
        shape.triangles.reshape(-1, 3), np.arange(3 * len(shape.faces)).reshape(-1, 3), process=False
    )


BARREL = (-0.25, 0.08, 0.001, -0.0005, 0.0)
STRIPES = pyramid(
    "stripes", np.tile(np.repeat([40, 220], 8), 4).astype(np.uint8)[None, :, None].repeat(64, 0).repeat(3, 2)
)
STORE = ShelfStore(
    [
        model_of("table", mesh_of(faceted(trimesh.creation.box((1.0, 1.0, 0.04))))),
        model_of("ball", mesh_of(trimesh.creation.icosphere(4, 0.06))),
        model_of("ring", mesh_of(trimesh.creation.torus(0.07, 0.004, major_sections=96, minor_sections=16))),
        model_of("crate", mesh_of(faceted(trimesh.creation.box((0.12, 0.1, 0.14))))),
    ],
    [STRIPES],
)
RED, STEEL = Material((0.8, 0.1, 0.1), 0.4, 0.0), Material((0.6, 0.6, 0.6), 0.25, 1.0)


def a_scene(cameras: list[Camera]) -> Scene:
    return scene_of(
        [
            placed("table", pose(z=-0.02), index=0, role="support", material=Material((1, 1, 1), texture="stripes")),
            placed("ball", pose(0.1, 0.05, 0.06), index=1, material=RED),
            placed("ring", pose(-0.05, -0.12, 0.075, turn=(1.5, 0, 0.4)), index=2, material=STEEL),
            placed("crate", pose(-0.08, 0.08, 0.07, turn=(0, 0, 0.5)), index=3, role="distractor", material=RED),
        ],
        cameras,
    )


def cameras(count: int, *, width: int = 96, height: int = 72, distortion: tuple[float, ...] = ()) -> list[Camera]:
    intrinsics = pinhole(width, height, f=width * 1.05, distortion=distortion)
    return [
        looking((0.6 * np.cos(a), 0.6 * np.sin(a), 0.25 + 0.05 * a), (0, 0, 0.03), intrinsics) for a in range(count)
    ]


def a_view(scene: Scene, index: int = 0) -> tuple[Surfaces, EdgeBlend, Any]:
    camera = scene.cameras[index]
    things = things_of(scene, STORE)
    h, w = camera.intrinsics.height, camera.intrinsics.width
    drawn = draw_view(things, camera, np.zeros((h, w, 1), np.uint64))
    surfaces = new_surfaces(h, w)
    fill_surfaces(surfaces, drawn.seen, drawn.things, drawn.lens, camera.world_from_camera)
    return surfaces, blend_edges(surfaces, drawn.seen, drawn.things, drawn.lens, camera.world_from_camera), drawn


@pytest.fixture(scope="module")
def ten_views() -> list[Any]:
    return render_views(a_scene(cameras(10)), STORE, gathered=True)


def test_batches_hold_at_most_eight_views_in_camera_order(ten_views: list[Any]) -> None:
    assert [(views.first, len(views)) for views in ten_views] == [(0, 8), (8, 2)]
    assert render_views(a_scene([]), STORE) == []


def test_channels_have_the_declared_shapes_and_types(ten_views: list[Any]) -> None:
    declared = {
        "instance": ("u2", ()), "category": ("u2", ()), "depth_m": ("f4", ()), "normal": ("f2", (3,)),
        "albedo": ("f2", (3,)), "roughness": ("f2", ()), "metallic": ("f2", ()), "direct": ("f2", (3,)),
        "highlight": ("f2", (3,)), "irradiance": ("f2", (3,)), "occlusion": ("f2", ()), "reflection": ("f2", (3,)),
        "amodal": ("u8", (1,)), "skylight": ("f2", (3,)), "bounce": ("f2", (3,)), "gloss": ("f2", (3,)),
    }  # fmt: skip
    assert {*declared, "truncation", "edges"} == {field.name for field in fields(GBuffers)}
    for name, (kind, tail) in declared.items():
        channel = getattr(ten_views[0].gbuffers, name)
        assert channel.shape == (8, 72, 96, *tail) and channel.dtype == np.dtype(kind), name
        assert np.isfinite(channel).all(), name
    assert all(len(share) == 3 and share.dtype == np.float32 for share in ten_views[0].gbuffers.truncation)


def test_bytes_do_not_depend_on_batching(ten_views: list[Any]) -> None:
    scene = a_scene(cameras(10))
    for index in (0, 9):
        one_view = replace(scene, cameras=(scene.cameras[index],), view_indices=(index,))
        alone = render_views(one_view, STORE, gathered=True)[0].gbuffers
        batch = ten_views[index // 8].gbuffers
        for field in fields(GBuffers):
            one, many = getattr(alone, field.name)[0], getattr(batch, field.name)[index % 8]
            if field.name == "edges":
                assert one.pixels.tobytes() == many.pixels.tobytes() and one.weights.tobytes() == many.weights.tobytes()
            else:
                assert one.tobytes() == many.tobytes(), field.name


def test_ids_categories_and_background(ten_views: list[Any]) -> None:
    g = ten_views[0].gbuffers
    assert set(np.unique(g.instance)) == {0, 1, 2, 3}
    np.testing.assert_array_equal(g.category, np.isin(g.instance, (1, 2)).astype(np.uint16))
    nothing = g.depth_m == 0
    assert nothing.any() and not g.instance[nothing].any()
    assert not g.normal[nothing].any() and not g.albedo[nothing].any()
    assert (g.roughness[g.instance == 2] == np.float16(0.25)).all()
    assert (g.metallic[g.instance == 2] == 1).all()
    np.testing.assert_allclose(g.albedo[g.instance == 1], [[0.8, 0.1, 0.1]] * int((g.instance == 1).sum()), atol=1e-3)


@pytest.mark.parametrize("distortion", [(), BARREL])
def test_normals_face_the_camera_and_fit_the_geometry(distortion: tuple[float, ...]) -> None:
    [camera] = cameras(1, distortion=distortion)
    g = render_views(a_scene([camera]), STORE)[0].gbuffers
    hit = g.depth_m[0] > 0
    points = unproject(g.depth_m[0].astype(np.float64), camera.intrinsics)
    normal = g.normal[0].astype(np.float64)
    np.testing.assert_allclose(np.linalg.norm(normal[hit], axis=1), 1, atol=2e-3)
    assert (np.einsum("ij,ij->i", normal[hit], points[hit]) < 0).all()
    ball = g.instance[0] == 1
    centre = camera.camera_from_world @ [0.1, 0.05, 0.06, 1]
    outward = points[ball] - centre[:3]
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    # 2.5 degrees: half precision, and a sphere of 5120 flat faces.
    facing = np.einsum("ij,ij->i", outward, points[ball]) / np.linalg.norm(points[ball], axis=1) < -0.1
    assert np.einsum("ij,ij->i", outward, normal[ball])[facing].min() > 0.999


def test_surfaces_are_in_world_axes() -> None:
    scene = a_scene(cameras(1, distortion=BARREL))
    surfaces, _, drawn = a_view(scene)
    camera = scene.cameras[0]
    points = unproject(np.where(surfaces.thing > 0, drawn.seen.depth_m, 0), camera.intrinsics)
    world = points @ camera.world_from_camera[:3, :3].T + camera.world_from_camera[:3, 3]
    hit = surfaces.thing > 0
    np.testing.assert_allclose(surfaces.position[hit], world[hit], atol=1e-6)
    along = world[hit] - camera.world_from_camera[:3, 3]
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    np.testing.assert_allclose(surfaces.ray[hit], along, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(surfaces.ray, axis=-1), 1, atol=1e-6)
    table_top = hit & (surfaces.thing == 1) & (surfaces.position[..., 2] > -1e-6)
    np.testing.assert_allclose(surfaces.geometric_normal[table_top], [[0, 0, 1]] * int(table_top.sum()), atol=1e-6)


def test_scene_faults_are_internal_errors() -> None:
    with pytest.raises(InternalError) as refused:
        render_views(a_scene([*cameras(1), *cameras(1, width=64, height=48)]), STORE)
    assert str(refused.value) == "scene 0 has cameras of sizes [(64, 48), (96, 72)]; all must have the same size"
    scene = a_scene(cameras(1))
    bare = replace(scene, objects=(replace(scene.objects[0], materials=()), *scene.objects[1:]))
    with pytest.raises(InternalError) as refused:
        render_views(bare, STORE)
    assert str(refused.value) == (
        "object 0 of scene 0 (table) has 0 materials for 1 slots; every slot needs exactly one"
    )


def finer(camera: Camera, times: int) -> Camera:
    """The same view with every pixel split into times x times."""
    k = camera.intrinsics
    return Camera(
        Intrinsics(
            k.width * times, k.height * times, k.fx * times, k.fy * times, k.cx * times, k.cy * times, k.distortion
        ),
        camera.world_from_camera,
    )


def flat_shade(surfaces: Surfaces) -> npt.NDArray[np.float32]:
    """A colour per thing and orientation: constant on flat faces, so that a box-filtered finer view is the truth."""
    tint = np.array([[0.0, 0, 0], [0.2, 0.2, 0.25], [1, 0.3, 0.1], [0.9, 0.9, 0.9], [0.1, 0.8, 0.3]], np.float32)
    light = 0.5 + 0.5 * np.abs(surfaces.normal @ np.array([0.6, 0.3, 0.74], np.float32))
    return tint[surfaces.thing] * light[..., None]


@pytest.mark.parametrize("distortion", [(), BARREL])
def test_resolved_edges_are_close_to_a_supersampled_view(distortion: tuple[float, ...]) -> None:
    scene = a_scene(cameras(1, distortion=distortion))
    surfaces, edges, _ = a_view(scene)
    plain = flat_shade(surfaces)
    resolved = resolve(plain, edges)
    dense = flat_shade(a_view(replace(scene, cameras=(finer(scene.cameras[0], 8),)))[0])
    truth = dense.reshape(72, 8, 96, 8, 3).mean(axis=(1, 3))
    at_edges = np.zeros(72 * 96, bool)
    at_edges[edges.pixels] = True
    at_edges = at_edges.reshape(72, 96)
    before, after = np.abs(plain - truth)[at_edges], np.abs(resolved - truth)[at_edges]
    assert after.mean() < 0.25 * before.mean()
    assert np.quantile(after, 0.95) < 0.12
    # What was left out as no edge really needed nothing, save details thinner than a pixel.
    assert np.quantile(np.abs(plain - truth)[~at_edges], 0.999) < 0.1


def test_a_straight_edge_has_its_analytic_coverage() -> None:
    """A half plane at a slope of 1 in 10: coverage along a row rises linearly, in at least ten steps."""
    camera = Camera(Intrinsics(64, 48, 64.0, 64.0, 32.0, 24.0), np.eye(4))
    half = trimesh.Trimesh([[-9, -0.9, 1], [9, 0.9, 1], [9, 9, 1], [-9, 9, 1]], [[0, 1, 2], [0, 2, 3]], process=False)
    store = ShelfStore([model_of("half", mesh_of(half))])
    scene = scene_of([placed("half", np.eye(4), index=1)], [camera])
    things = things_of(scene, store)
    drawn = draw_view(things, camera, np.zeros((48, 64, 1), np.uint64))
    surfaces = new_surfaces(48, 64)
    fill_surfaces(surfaces, drawn.seen, drawn.things, drawn.lens, np.eye(4))
    edges = blend_edges(surfaces, drawn.seen, drawn.things, drawn.lens, np.eye(4))
    image = resolve((surfaces.thing > 0)[..., None].repeat(3, 2).astype(np.float32), edges)[..., 0]
    x, y = np.meshgrid((np.arange(64 * 16) + 0.5) / 16, (np.arange(48 * 16) + 0.5) / 16)
    truth = ((y - 24) / 64 > (x - 32) / 640).reshape(48, 16, 64, 16).mean(axis=(1, 3))
    assert np.abs(image - truth).max() <= 1.5 / 16
    assert len(np.unique(image)) >= 10


def test_edge_blends_are_well_formed(ten_views: list[Any]) -> None:
    for views in ten_views:
        for edges in views.gbuffers.edges:
            assert edges.pixels.dtype == np.int32 and edges.weights.dtype == np.uint8
            assert edges.weights.shape == (len(edges.pixels), 9)
            assert (edges.weights.sum(axis=1) == 16).all() and (edges.weights[:, 4] < 16).all()
            assert (np.diff(edges.pixels) > 0).all()
            y, x = np.divmod(edges.pixels, 96)
            for k in range(9):
                ny, nx = y + k // 3 - 1, x + k % 3 - 1
                outside = (ny < 0) | (nx < 0) | (ny >= 72) | (nx >= 96)
                assert not edges.weights[outside, k].any()
    assert len(ten_views[0].gbuffers.edges[0].pixels) > 200


def test_flat_regions_are_not_edges() -> None:
    """The inside of a table top or of a face is left alone; a smooth ball is an edge only around its outline."""
    surfaces, edges, _ = a_view(a_scene(cameras(1)))
    thing = np.pad(surfaces.thing, 2, mode="edge")
    around = np.stack([thing[2 + dy : 74 + dy, 2 + dx : 98 + dx] for dy in range(-2, 3) for dx in range(-2, 3)])
    inside = (around == surfaces.thing).all(axis=0)
    smooth = inside & np.isin(surfaces.thing, (2,))
    assert smooth.sum() > 50
    assert not smooth.ravel()[edges.pixels].any()


def test_resolve_leaves_other_pixels_and_its_input_alone() -> None:
    image = np.random.default_rng(0).random((6, 8, 3), dtype=np.float32)
    before = image.copy()
    weights = np.array([[0, 0, 0, 4, 8, 4, 0, 0, 0]], np.uint8)
    mixed = resolve(image, EdgeBlend(np.array([8 * 2 + 3], np.int32), weights))
    np.testing.assert_array_equal(image, before)
    np.testing.assert_allclose(mixed[2, 3], (4 * image[2, 2] + 8 * image[2, 3] + 4 * image[2, 4]) / 16, rtol=1e-6)
    mixed[2, 3] = image[2, 3]
    np.testing.assert_array_equal(mixed, image)


@settings(deadline=None, max_examples=50)
@given(hnp.arrays(np.float32, (7, 3), elements=st.floats(-65000, 65000, width=32)))
def test_halves_are_numpys(values: npt.NDArray[np.float32]) -> None:
    out = np.empty(values.shape, np.float16)
    store_half(values, out)
    assert out.tobytes() == values.astype(np.float16).tobytes()


def test_overlong_radiance_stays_finite() -> None:
    out = np.empty(4, np.float16)
    store_half(np.array([1e9, -np.inf, 6e-8, np.nan], np.float32), out)
    np.testing.assert_array_equal(out, np.array([65504, -65504, 6e-8, np.nan], np.float16))
