"""The generator ``shaded``: closed forms of its shading, and finite output on anything."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgen.config.models import ShadedConfig
from synthgen.errors import InternalError
from synthgen.generate.halves import unpack
from synthgen.generate.shaded import RADIANCE_LIMIT, Shaded
from synthgen.projection import pixel_rays
from synthgen.shading import albedo_table, look_up, multibounce
from synthgen.types.gbuffer import EdgeBlend, GBuffers, Views
from synthgen.types.geometry import Camera, Intrinsics
from synthgen.types.scene import EnvironmentLight, Scene

SIZE = 16


def views_of(count: int = 1, **channels: object) -> Views:
    """Views of one wall that faces the camera; every channel can be set to a constant."""
    shape = (count, SIZE, SIZE)
    defaults: dict[str, object] = {
        "albedo": 0.5, "roughness": 0.5, "metallic": 0.0, "direct": 0.0, "highlight": 0.0, "irradiance": 0.0,
        "occlusion": 1.0, "reflection": 0.0, "depth_m": 1.0, "normal": (0.0, 0.0, -1.0),
    }  # fmt: skip
    colors = ("albedo", "direct", "highlight", "irradiance", "reflection", "normal")
    arrays: dict[str, np.ndarray] = {}
    for name, default in defaults.items():
        array = np.empty((*shape, 3) if name in colors else shape, np.float32 if name == "depth_m" else np.float16)
        array[...] = channels.get(name, default)  # type: ignore[call-overload]
        arrays[name] = array
    edges = EdgeBlend(np.zeros(0, np.int32), np.zeros((0, 9), np.uint8))
    gbuffers = GBuffers(
        instance=np.zeros(shape, np.uint16),
        category=np.zeros(shape, np.uint16),
        amodal=np.zeros((*shape, 1), np.uint64),
        truncation=(np.zeros(0, np.float32),) * count,
        edges=(edges,) * count,
        **arrays,
    )
    camera = Camera(Intrinsics(SIZE, SIZE, 200.0, 200.0, SIZE / 2, SIZE / 2), np.eye(4))
    light = EnvironmentLight("none", 0.0, 1.0)
    scene = Scene(0, 0, 0, (), light, (), (camera,) * count, tuple(range(count)))
    return Views(scene, 0, gbuffers)


def shade_one(**channels: object) -> np.ndarray:
    return Shaded(ShadedConfig())(views_of(**channels), [0]).pixels[0]


@pytest.mark.parametrize(
    ("intent", "metallic", "roughness"),
    [("white plaster", 0.0, 1.0), ("white gloss", 0.0, 0.1), ("white mirror", 1.0, 0.05), ("rough silver", 1.0, 0.9)],
)
def test_white_furnace(intent: str, metallic: float, roughness: float) -> None:
    """A white thing in a room of radiance 1 has radiance 1 whatever its finish: no energy appears or is lost."""
    out = shade_one(albedo=1.0, irradiance=1.0, reflection=1.0, metallic=metallic, roughness=roughness)
    assert np.allclose(out, 1.0, atol=0.02), intent


@pytest.mark.parametrize("metallic", [0.0, 1.0])
def test_black_room_is_black(metallic: float) -> None:
    assert not shade_one(metallic=metallic).any()


def test_diffuse_light_scales_with_albedo() -> None:
    grey, light = shade_one(albedo=0.2, direct=2.0), shade_one(albedo=0.4, direct=2.0)
    assert np.allclose(light, 2 * grey, rtol=2e-3)
    assert grey[8, 8, 0] == pytest.approx(0.4 * (1 - 0.04), rel=0.02), "what the gloss reflects does not enter"


def test_metals_have_no_diffuse_and_coloured_reflections() -> None:
    gold = shade_one(albedo=(1.0, 0.76, 0.33), metallic=1.0, roughness=0.1, reflection=1.0, direct=5.0, irradiance=5.0)
    assert np.allclose(gold[8, 8], (1.0, 0.76, 0.33), atol=0.03)


def test_highlight_passes_through() -> None:
    assert np.allclose(shade_one(albedo=0.0, highlight=0.75), 0.75)


def test_background_is_the_reflection_channel() -> None:
    out = shade_one(depth_m=0.0, reflection=0.33, direct=9.0, highlight=9.0)
    assert np.allclose(out, np.float16(0.33), atol=1e-4)


def test_occlusion_darkens_less_where_walls_are_white() -> None:
    dark, white = (shade_one(albedo=a, irradiance=1.0, occlusion=0.4)[8, 8, 0] / a for a in (0.05, 0.9))
    assert dark == pytest.approx(0.4 * 0.96, abs=0.06)
    assert white > dark + 0.15


def test_edges_are_mixed_in_linear_light() -> None:
    views = views_of(depth_m=0.0)
    views.gbuffers.reflection[0, :, :8] = 1.0
    weights = np.zeros((1, 9), np.uint8)
    weights[0, 3], weights[0, 4] = 12, 4
    edges = (EdgeBlend(np.array([5 * SIZE + 8], np.int32), weights),)
    mixed = Views(views.scene, 0, GBuffers(**{**vars(views.gbuffers), "edges": edges}))
    out = Shaded(ShadedConfig())(mixed, [0]).pixels[0]
    assert out[5, 8] == pytest.approx(0.75)
    assert out[5, 9, 0] == 0 and out[5, 7, 0] == 1


@settings(max_examples=40, deadline=None)
@given(st.floats(0.03, 1.0), st.floats(0.0, 1.0))
def test_directional_albedo_is_a_share(roughness: float, n_dot_v: float) -> None:
    scale, bias, dielectric, white = look_up(albedo_table(), roughness, n_dot_v)
    assert scale >= 0 and bias >= 0 and scale + bias == pytest.approx(white, abs=1e-3) and white <= 1.001
    assert 0 <= dielectric <= white


@settings(max_examples=40, deadline=None)
@given(st.floats(0, 1), st.floats(0, 1))
def test_multibounce_brightens_within_bounds(occlusion: float, albedo: float) -> None:
    assert occlusion <= multibounce(occlusion, albedo) <= 1.0 + 1e-3 or occlusion == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("value", [np.nan, np.inf, 65504.0])
def test_output_is_finite_on_anything(value: float) -> None:
    out = shade_one(highlight=value, reflection=value)
    assert np.isfinite(out).all() and out.min() >= 0 and out.max() <= RADIANCE_LIMIT


def test_every_finite_half_is_read_exactly() -> None:
    halves = np.arange(65536, dtype=np.uint16)
    values = np.empty(len(halves), np.float32)
    unpack(halves, values.view(np.uint32), values)
    expected = halves.view(np.float16).astype(np.float32)
    finite = np.isfinite(expected)
    assert finite.sum() == 63488
    np.testing.assert_array_equal(values.view(np.uint32)[finite], expected.view(np.uint32)[finite])


@pytest.mark.parametrize("distortion", [(), (0.1, -0.05, 0.001, -0.002, 0.01)])
def test_view_angle_follows_the_lens(distortion: tuple[float, ...]) -> None:
    """The reflection of a glossy wall depends on the angle alone: it must match the closed form at every pixel."""
    views = views_of(reflection=1.0, roughness=0.2, albedo=0.0)
    camera = Camera(Intrinsics(SIZE, SIZE, 10.0, 12.0, SIZE / 2 + 1, SIZE / 2, distortion), np.eye(4))
    scene = Scene(0, 0, 0, (), views.scene.environment, (), (camera,), (0,))
    out = Shaded(ShadedConfig())(Views(scene, 0, views.gbuffers), [0]).pixels[0]
    u, v = pixel_rays(camera.intrinsics)
    for y, x in np.ndindex(SIZE, SIZE):
        facing = 1 / np.sqrt(u[y, x] ** 2 + v[y, x] ** 2 + 1)
        _, _, single, white = look_up(albedo_table(), float(np.float16(0.2)), facing)
        expected = single * (1 + 0.04 * (1 / max(white, 0.05) - 1))
        assert out[y, x, 0] == pytest.approx(expected, rel=1e-4)


def test_one_seed_per_view() -> None:
    with pytest.raises(InternalError) as error:
        Shaded(ShadedConfig())(views_of(count=2), [1])
    assert str(error.value) == (
        "shaded was given 1 seeds for 2 views; exactly one per view is allowed; report this as a bug"
    )
