"""Texture look-up: magnified textures are bilinear, minified ones keep their mean, and nothing shimmers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from render_doubles import ShelfStore, looking, mesh_of, model_of, pinhole, placed, pose, pyramid, scene_of

from synthgen.projection import pixel_rays
from synthgen.render.channels import fill_surfaces, new_surfaces
from synthgen.render.texture import LINEAR_OF_SRGB, footprint, sample
from synthgen.render.things import things_of
from synthgen.render.views import draw_view
from synthgen.types.assets import Material, Texture
from synthgen.types.geometry import Camera, Intrinsics

CHECKER = pyramid(
    "checker", np.where(np.indices((256, 256)).sum(axis=0) % 2, 255, 0).astype(np.uint8)[..., None].repeat(3, 2)
)
NOISE = pyramid("noise", np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))


def look_up(texture: Texture, u: float, v: float, gradient: tuple[float, float, float, float]) -> npt.NDArray:
    return np.array(
        sample(texture.texels, texture.offsets, texture.widths, texture.heights, u, v, *gradient, LINEAR_OF_SRGB)
    )


def linear(texture: Texture) -> npt.NDArray:
    n = int(texture.widths[0])
    return LINEAR_OF_SRGB[texture.texels[: n * n]].reshape(n, n, 3)


def plane_view(
    texture: Texture, camera: Camera, *, uv_scale: float, size: float = 4.0
) -> tuple[npt.NDArray, npt.NDArray]:
    """(H, W, 3) albedo of a textured square on z = 0 (u, v = x, y), and where it was hit."""
    square = trimesh.Trimesh(np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]]) * size, [[0, 1, 2], [0, 2, 3]])
    scene = scene_of(
        [placed("square", pose(), index=0, material=Material((1, 1, 1), texture=texture.key, uv_scale=uv_scale))],
        [camera],
    )
    things = things_of(scene, ShelfStore([model_of("square", mesh_of(square))], [texture]))
    h, w = camera.intrinsics.height, camera.intrinsics.width
    drawn = draw_view(things, camera, np.zeros((h, w, 1), np.uint64))
    surfaces = new_surfaces(h, w)
    fill_surfaces(surfaces, drawn.seen, drawn.things, drawn.lens, camera.world_from_camera)
    return surfaces.albedo, surfaces.thing > 0


@settings(deadline=None)
@given(u=st.floats(-3, 3), v=st.floats(-3, 3))
def test_magnified_is_bilinear_and_repeats(u: float, v: float) -> None:
    texels = linear(NOISE)
    x, y = (u % 1) * 64 - 0.5, (v % 1) * 64 - 0.5
    x0, y0 = int(np.floor(x)), int(np.floor(y))
    expected = sum(
        texels[(y0 + j) % 64, (x0 + i) % 64] * (1 - abs(x - x0 - i)) * (1 - abs(y - y0 - j))
        for i in (0, 1)
        for j in (0, 1)
    )
    np.testing.assert_allclose(look_up(NOISE, u, v, (0.2 / 64, 0, 0, 0.2 / 64)), expected, atol=2e-5)


FOOTPRINTS = {
    # intent: texels per pixel step (right: u, v; down: u, v)
    "two texels a pixel": (2, 0, 0, 2),
    "seven texels a pixel": (7, 0, 0, 7),
    "grazing, eight to one": (16, 0, 0, 2),
    "grazing and turned": (11, 11, -1.5, 1.5),
    "beyond the last level": (1e4, 0, 0, 1e4),
    "a line": (64, 0, 0, 0),
}


@pytest.mark.parametrize("case", FOOTPRINTS)
def test_a_minified_checker_is_its_mean(case: str) -> None:
    gradient = tuple(x / 256 for x in FOOTPRINTS[case])
    rng = np.random.default_rng(1)
    for u, v in rng.random((50, 2)):
        # A line across a checker is as wide as nothing: the taps lie eight texels apart, at a level eight texels wide.
        np.testing.assert_allclose(look_up(CHECKER, u, v, gradient), 0.5, atol=0.01)  # type: ignore[arg-type]


@settings(deadline=None)
@given(
    matrix=st.tuples(*[st.floats(-20, 20).map(lambda x: round(x, 6))] * 4),
)
def test_footprint_axes_are_singular_values(matrix: tuple[float, float, float, float]) -> None:
    long2, short2, u, v = footprint(*matrix)
    left, singular, _ = np.linalg.svd(np.reshape(matrix, (2, 2)).T)
    assert long2 == pytest.approx(singular[0] ** 2, abs=1e-9)
    assert short2 == pytest.approx(singular[1] ** 2, abs=1e-9)
    if singular[0] > singular[1] * 1.01:
        assert abs(left[0, 0] * v - left[1, 0] * u) <= 1e-6 * np.hypot(u, v)
        assert np.hypot(u, v) > 0


def test_a_receding_checker_does_not_alias() -> None:
    """Moiré test: a checker finer than a pixel must be grey all the way to the horizon, without patterns."""
    camera = looking((0, -3.9, 0.35), (0, 1, 0), pinhole(160, 120, f=150))
    albedo, hit = plane_view(CHECKER, camera, uv_scale=2.0)
    assert hit.sum() > 5000
    assert np.abs(albedo[hit] - 0.5).max() < 0.03


def test_a_minified_zone_plate_keeps_its_mean() -> None:
    """Every frequency up to the texture's limit, seen at a fifth of its size: all above half a pixel must vanish."""
    y, x = (np.indices((512, 512)) - 255.5) / 512
    wave = 0.5 + 0.5 * np.cos(np.pi * 512 * (x**2 + y**2))
    coded = np.where(wave <= 0.0031308, 12.92 * wave, 1.055 * wave ** (1 / 2.4) - 0.055)
    plate = pyramid("plate", np.rint(coded * 255).astype(np.uint8)[..., None].repeat(3, 2))
    n = 96
    camera = Camera(Intrinsics(n, n, float(n), float(n), n / 2, n / 2), np.diag([1.0, -1.0, -1.0, 1.0]))
    camera.world_from_camera[:3, 3] = (0.5, 0.5, 1.0)
    albedo, hit = plane_view(plate, camera, uv_scale=1.0)
    assert hit.all()
    px = (np.indices((n, n)) - (n - 1) / 2) / n
    cycles_per_pixel = 512 * np.hypot(*px) / n
    too_fine = cycles_per_pixel > 1.2
    assert np.abs(albedo[too_fine] - 0.5).max() < 0.1
    assert albedo[too_fine].mean() == pytest.approx(0.5, abs=0.01)
    assert np.ptp(albedo[cycles_per_pixel < 0.3]) > 0.6


def test_albedo_does_not_shimmer_between_close_views() -> None:
    """A camera that moves by a tenth of a pixel must see almost the same colours on a detailed texture."""
    intrinsics = pinhole(128, 96, f=120)
    first, hit = plane_view(NOISE, looking((0, -2, 1.4), (0, 0, 0), intrinsics), uv_scale=4.0)
    second, _ = plane_view(NOISE, looking((0.002, -2, 1.4), (0.002, 0, 0), intrinsics), uv_scale=4.0)
    assert hit.mean() > 0.9
    assert np.abs(first - second).max() < 0.12
    assert np.abs(first - second).mean() < 0.015


@pytest.mark.parametrize("distortion", [(), (-0.2, 0.05, 0.001, -0.001, 0.0)])
def test_texture_coordinates_are_perspective_correct(distortion: tuple[float, ...]) -> None:
    """A gradient texture on the floor gives back the coordinates at which rays meet the floor."""
    ramp = (np.arange(256) / 255.0)[None, :, None].repeat(256, 0).repeat(3, 2)
    texture = pyramid("ramp", np.rint(ramp * 255).astype(np.uint8))
    camera = looking((0.3, -0.6, 0.5), (0.4, 0.3, 0), pinhole(96, 72, f=90, distortion=distortion))
    albedo, hit = plane_view(texture, camera, uv_scale=0.5)
    u, v = pixel_rays(camera.intrinsics)
    direction = np.stack([u, v, np.ones_like(u)], -1) @ camera.world_from_camera[:3, :3].T
    x = camera.world_from_camera[0, 3] - direction[..., 0] * camera.world_from_camera[2, 3] / direction[..., 2]
    inner = hit & (x > 0.15) & (x < 1.85) & (direction[..., 2] < -0.2)
    coded = np.interp(albedo[..., 0], LINEAR_OF_SRGB, np.arange(256) / 255.0)
    assert inner.sum() > 1000
    np.testing.assert_allclose(coded[inner], ((x * 0.5 * 256 - 0.5) / 255)[inner], atol=0.004)
