"""Light: environments, shadows, ambient visibility and key lights against geometry and closed forms."""

from __future__ import annotations

import dataclasses
import gc
import math
import weakref

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgen.ggx import ggx_density
from synthgen.render import environment as env
from synthgen.render import light as light_module
from synthgen.render.environment_filter import LEVEL_ROUGHNESS, lookup_reflection, map_coordinates, prefilter_ggx
from synthgen.render.light import DISC_TAPS, LitChannels, build_scene_light, light_surfaces
from synthgen.render.light_cells import agreeing
from synthgen.render.light_fresnel import dielectric
from synthgen.render.light_lobes import lobe_at, lobe_table
from synthgen.render.light_mirror import mirror_at, mirror_table
from synthgen.render.light_panels import form_factor, lobe_share
from synthgen.render.light_visibility import table_shadow
from synthgen.render.shadow import BLOCK, soft_shadow
from synthgen.render.surfaces import Surfaces
from synthgen.types.assets import EnvironmentMap, Material, MaterialSlot, ObjectModel, Symmetries, Texture
from synthgen.types.catalog import FamilySource, MeshSource, Role
from synthgen.types.geometry import Mesh
from synthgen.types.scene import AreaLight, EnvironmentLight, Scene, SceneObject


def model_of(name: str, mesh: trimesh.Trimesh) -> ObjectModel:
    """A model with flat normals, enough for the light stage."""
    corners = np.asarray(mesh.vertices)[mesh.faces].reshape(-1, 3).astype(np.float32)
    ours = Mesh(
        vertices=corners,
        normals=np.repeat(mesh.face_normals, 3, axis=0).astype(np.float32),
        uvs=np.zeros((len(corners), 2), np.float32),
        faces=np.arange(len(corners), dtype=np.int32).reshape(-1, 3),
        face_slot=np.zeros(len(mesh.faces), np.int32),
    )
    return ObjectModel(
        key=name, name=name, mesh=ours, light_mesh=ours, parts=(), bounds_m=np.asarray(mesh.bounds), diameter_m=1.0,
        volume_m3=1.0, watertight=True, slots=(MaterialSlot("body", "fixed"),), symmetries=Symmetries.none(),
        source="", licence="", attribution="",
    )  # fmt: skip


class SmallStore:
    """The asset store's three look-ups over a dictionary."""

    def __init__(self, meshes: dict[str, trimesh.Trimesh], radiance: np.ndarray) -> None:
        self.models = {name: model_of(name, mesh) for name, mesh in meshes.items()}
        self.map = EnvironmentMap("test", radiance.astype(np.float32))

    def model(self, source: FamilySource | MeshSource) -> ObjectModel:
        assert isinstance(source, FamilySource)
        return self.models[source.family]

    def texture(self, key: str) -> Texture:
        raise KeyError(key)

    def environment(self, key: str) -> EnvironmentMap:
        return self.map


def uniform_map(value: float = 1.0, height: int = 64) -> np.ndarray:
    return np.full((height, 2 * height, 3), value, np.float32)


def sun_map(direction: tuple[float, float, float], irradiance: float, sky: float, radius: float = 0.03) -> np.ndarray:
    """A uniform sky with a disc that gives ``irradiance`` to a surface facing it."""
    directions, solid = env.texel_directions(256)
    axis = np.array(direction) / np.linalg.norm(direction)
    disc = directions @ axis > math.cos(radius)
    radiance = uniform_map(sky, 256)
    radiance[disc] += irradiance / solid[disc].sum()
    return radiance


def thing(name: str, role: Role, index: int, z: float = 0.0, xy: tuple[float, float] = (0, 0)) -> SceneObject:
    pose = np.eye(4)
    pose[:3, 3] = (*xy, z)
    return SceneObject(index, role, name, FamilySource(name, ()), min(index, 1), pose, (Material((0.5, 0.5, 0.5)),))


def scene_of(*things: SceneObject, lights: tuple[AreaLight, ...] = (), turn: float = 0.0) -> Scene:
    return Scene(0, 0, 0, things, EnvironmentLight("test", turn, 1.0), lights, (), ())


TABLE = trimesh.creation.box((1.2, 1.2, 0.02))
BOX = trimesh.creation.box((0.06, 0.06, 0.1))
TABLE_AND_BOX = (thing("table", "support", 0, -0.01), thing("box", "object", 1, 0.05))


def surfaces_at(points: np.ndarray, normals: np.ndarray, number: int, rays: np.ndarray | None = None) -> Surfaces:
    """(H, W, 3) points and normals of one thing, seen from straight ahead unless rays are given."""
    shape = points.shape[:2]
    f32 = np.float32
    return Surfaces(
        thing=np.full(shape, number, np.uint16),
        position=points.astype(f32),
        normal=normals.astype(f32),
        geometric_normal=normals.astype(f32),
        ray=(-normals if rays is None else rays).astype(f32),
        albedo=np.full((*shape, 3), 0.5, f32),
        roughness=np.full(shape, 0.5, f32),
        metallic=np.zeros(shape, f32),
    )


def plane(xs: np.ndarray, ys: np.ndarray, z: float = 0.0, number: int = 1) -> Surfaces:
    """The top of the table at a grid of points."""
    x, y = np.meshgrid(xs, ys)
    points = np.stack([x, y, np.full_like(x, z)], axis=-1)
    return surfaces_at(points, np.broadcast_to([0.0, 0.0, 1.0], points.shape).copy(), number)


def lit(scene: Scene, store: SmallStore, surfaces: Surfaces) -> LitChannels:
    return light_surfaces(build_scene_light(scene, store), surfaces)


def sphere_surfaces(radius: float, number: int) -> Surfaces:
    """Normals all over a sphere that stands at the origin, in a grid."""
    directions, _ = env.texel_directions(24)
    return surfaces_at(directions * radius * 1.0, directions, number)


# ---------------------------------------------------------------- environments


def test_white_furnace_lights_every_normal_with_one() -> None:
    store = SmallStore({"ball": trimesh.creation.icosphere(4, 0.1)}, uniform_map())
    channels = lit(scene_of(thing("ball", "object", 1)), store, sphere_surfaces(0.1, 1))
    assert np.allclose(channels.irradiance, 1.0, atol=0.01)
    assert np.allclose(channels.reflection, 1.0, atol=0.03)
    assert channels.occlusion.min() > 0.97 and channels.occlusion.max() <= 1.0
    assert not channels.direct.any() and not channels.highlight.any()


@pytest.mark.parametrize(
    ("intent", "irradiance", "sky", "count"),
    [
        ("a sun in a blue sky is taken out", 6.0, 0.3, 1),
        ("a uniform sky has no key light", 0.0, 1.0, 0),
        ("a source too weak to cast a visible shadow stays in the map", 0.2, 0.9, 0),
    ],
)
def test_key_sources(intent: str, irradiance: float, sky: float, count: int) -> None:
    direction = np.array([0.5, -0.3, 0.8]) / np.linalg.norm([0.5, -0.3, 0.8])
    residual, keys = env.split_keys(env._resized(sun_map(tuple(direction), irradiance, sky), env.ANALYSIS_HEIGHT))
    assert len(keys) == count, intent
    assert residual.min() >= 0
    for key in keys:
        assert key.direction @ direction > math.cos(0.01)
        assert key.irradiance[0] == pytest.approx(irradiance, rel=0.12)
        assert key.radius_rad == pytest.approx(0.03, abs=0.02)


def test_splitting_keeps_the_energy_of_the_map() -> None:
    radiance = env._resized(sun_map((0.2, 0.9, 0.6), 5.0, 0.4), env.ANALYSIS_HEIGHT)
    residual, keys = env.split_keys(radiance)
    _, solid = env.texel_directions(env.ANALYSIS_HEIGHT)
    before = (radiance.astype(float) * solid[..., None]).sum(axis=(0, 1))
    after = (residual.astype(float) * solid[..., None]).sum(axis=(0, 1)) + sum(key.irradiance for key in keys)
    assert np.allclose(before, after, rtol=1e-5)


def test_sky_cells_hold_the_upper_half_and_point_into_it() -> None:
    ready = env.prepare(uniform_map())
    assert len(ready.strata_energy) == sum(env.RING_CELLS)
    assert ready.strata_energy.sum() == pytest.approx(2 * math.pi, rel=1e-3)
    assert ready.strata_direction[:, 2].min() > 0
    assert np.allclose(np.linalg.norm(ready.strata_direction, axis=1), 1)
    cosine = ready.strata_direction[:, 2] @ ready.strata_energy
    assert cosine == pytest.approx(math.pi, rel=0.04), "cells are small: their mean directions stand for them"


def test_black_environment_gives_no_light_and_no_nan() -> None:
    store = SmallStore({"table": TABLE, "box": BOX}, uniform_map(0.0))
    channels = lit(scene_of(*TABLE_AND_BOX), store, plane(np.linspace(-0.2, 0.2, 9), np.linspace(-0.2, 0.2, 9)))
    for name in ("direct", "highlight", "irradiance", "reflection"):
        assert not getattr(channels, name).any(), name
    assert np.isfinite(channels.occlusion).all()


@pytest.mark.parametrize("roughness", [0.12, 0.4, 1.0])
def test_prefilter_keeps_a_uniform_map_and_blurs_a_spot(roughness: float) -> None:
    uniform = prefilter_ggx(uniform_map(2.0, 32), 16, roughness)
    assert np.allclose(uniform[..., :3] + uniform[..., 3:6], 2.0, rtol=1e-5)
    assert np.allclose(uniform[..., :3], 2.0 * uniform[..., 6:], rtol=1e-5), "above: its share of the lobe"
    spot = uniform_map(0.0, 64)
    spot[31:33] = 1.0
    blurred = prefilter_ggx(spot, 32, roughness)[..., :6]
    assert 0 < blurred[15].mean() <= 1
    assert blurred[15].mean() > blurred[4].mean()


def test_reflection_levels_join_without_a_step() -> None:
    rng = np.random.default_rng(3)
    ready = env.prepare(rng.random((64, 128, 3)).astype(np.float32))
    for roughness in LEVEL_ROUGHNESS[1:-1]:
        low, high = np.empty(7), np.empty(7)
        for r, found in ((roughness - 1e-5, low), (roughness + 1e-5, high)):
            lookup_reflection(
                ready.sharp, ready.sharp_height, ready.texels, ready.offsets, ready.heights, 0.3, 0.4, r, found
            )
        assert np.allclose(low, high, atol=1e-3), roughness


@settings(max_examples=60, deadline=None)
@given(st.floats(-math.pi, math.pi), st.floats(0.01, math.pi - 0.01))
def test_map_coordinates_follow_the_convention(azimuth: float, fall: float) -> None:
    """Zenith first row; azimuth counter-clockwise from +x."""
    x, y, z = math.sin(fall) * math.cos(azimuth), math.sin(fall) * math.sin(azimuth), math.cos(fall)
    turn, down = map_coordinates(x, y, z)
    assert down == pytest.approx(fall / math.pi, abs=2e-4)
    assert math.cos(2 * math.pi * turn) == pytest.approx(math.cos(azimuth), abs=1e-3)
    assert math.sin(2 * math.pi * turn) == pytest.approx(math.sin(azimuth), abs=1e-3)


def test_environment_turns_with_the_scene() -> None:
    """A turn by +90 degrees moves a sun from +x to +y: seen in the background, and felt as a key light."""
    store = SmallStore({"table": TABLE}, sun_map((1, 0, 1), 6.0, 0.2))
    light = build_scene_light(scene_of(thing("table", "support", 0, -0.01), turn=math.pi / 2), store)
    assert light.keys[0].direction @ (np.array([0, 1, 1]) / math.sqrt(2)) > 0.999
    background = plane(np.zeros(2), np.zeros(2), number=0)
    background.ray[...] = np.array([0, 1, 1]) / math.sqrt(2)
    assert light_surfaces(light, background).reflection.min() > 100


def test_preparation_is_shared_and_goes_with_the_map() -> None:
    first = EnvironmentMap("a", uniform_map())
    assert env.prepared(first) is env.prepared(first)
    ready, loaded = weakref.ref(env.prepared(first)), weakref.ref(first)
    del first
    gc.collect()
    assert loaded() is None and ready() is None


# ---------------------------------------------------------------- shadows and ambient visibility

SUN_TILT = math.radians(50)
SUN = (math.cos(SUN_TILT), 0.0, math.sin(SUN_TILT))


def test_shadow_of_a_box_ends_where_geometry_says() -> None:
    """The sun stands over +x at 50 degrees: the 10 cm box throws a shadow to -x, as long as 10 cm / tan 50."""
    store = SmallStore({"table": TABLE, "box": BOX}, sun_map(SUN, 6.0, 0.2, radius=0.01))
    xs = np.linspace(-0.25, 0.25, 501)
    direct = lit(scene_of(*TABLE_AND_BOX), store, plane(xs, np.zeros(1))).direct[0, :, 1]
    open_sun = direct.max()
    assert open_sun == pytest.approx(6.0 * math.sin(SUN_TILT) / math.pi, rel=0.1)
    tip = -0.03 - 0.1 / math.tan(SUN_TILT)
    dark = (direct < 0.5 * open_sun) & (np.abs(xs) > 0.031)
    assert xs[dark].min() == pytest.approx(tip, abs=0.003)
    assert xs[dark].max() < -0.03, "nothing is dark on the sunny side"
    assert direct[(xs > tip + 0.01) & (xs < -0.032)].max() < 0.02 * open_sun, "no light leaks between box and shadow"


def test_sunlit_faces_carry_no_acne() -> None:
    store = SmallStore({"table": TABLE, "box": BOX}, sun_map(SUN, 6.0, 0.2))
    x, y = np.meshgrid(np.linspace(-0.028, 0.028, 40), np.linspace(-0.028, 0.028, 40))
    top = surfaces_at(np.stack([x, y, np.full_like(x, 0.1)], -1), np.broadcast_to([0, 0, 1.0], (40, 40, 3)).copy(), 2)
    side = surfaces_at(
        np.stack([np.full_like(x, 0.03), x, 0.05 + 1.6 * y], -1), np.broadcast_to([1.0, 0, 0], (40, 40, 3)).copy(), 2
    )
    for face, cosine in ((top, math.sin(SUN_TILT)), (side, math.cos(SUN_TILT))):
        direct = lit(scene_of(*TABLE_AND_BOX), store, face).direct[..., 1]
        assert np.allclose(direct, direct.max(), rtol=0.01)
        assert direct.max() == pytest.approx(6.0 * cosine / math.pi, rel=0.1)


@pytest.mark.parametrize(("intent", "scale"), [("stands out by 2 mm", 1.02), ("lies 2 mm beneath", 0.98)])
def test_a_simplified_caster_does_not_shade_its_own_surface(intent: str, scale: float) -> None:
    """The light mesh of a scan strays from its surface; a lit ball stays clean up to close to its terminator."""
    store = SmallStore({"ball": trimesh.creation.icosphere(4, 0.1)}, sun_map(SUN, 6.0, 0.2))
    coarse = model_of("coarse", trimesh.creation.icosphere(2, 0.1 * scale)).mesh
    store.models["ball"] = dataclasses.replace(store.models["ball"], light_mesh=coarse)
    seen = sphere_surfaces(0.1, 1)
    cosine = seen.normal @ np.array(SUN)
    direct = lit(scene_of(thing("ball", "object", 1)), store, seen).direct[..., 1]
    share = direct / np.maximum(cosine, 1e-3) / (direct.max() / cosine.max())
    assert share[cosine > 0.3].min() > 0.97, intent
    assert direct[cosine < -0.05].max() < 0.01 * direct.max(), "and no light leaks through it"


@pytest.mark.parametrize("thick_m", [0.0015, 0.004])
def test_shadows_of_thin_things_begin_at_the_contact(thick_m: float) -> None:
    """A coin on the table: dark from its edge on, for as long as its height allows."""
    coin = trimesh.creation.cylinder(0.02, thick_m, sections=64)
    store = SmallStore({"table": TABLE, "coin": coin}, sun_map(SUN, 6.0, 0.2, radius=0.01))
    scene = scene_of(thing("table", "support", 0, -0.01), thing("coin", "object", 1, thick_m / 2))
    length = thick_m / math.tan(SUN_TILT)
    xs = -0.02 - np.array([0.0003, 0.3 * length, length + 0.002])
    direct = lit(scene, store, plane(xs, np.zeros(1))).direct[0, :, 1]
    assert direct[0] < 0.1 * direct[2] and direct[1] < 0.15 * direct[2]


def test_a_gap_in_half_shade_is_no_umbra() -> None:
    """A tall neighbour makes the blocker search wide; it steps over the small gap right above the point."""
    depth = np.full((1, 128, 128), 0.03, np.float32)
    depth[0, 60:69, 60:69] = -1e9
    coarse = np.full((1, 128 // BLOCK, 128 // BLOCK), 0.2, np.float32)
    share = soft_shadow(depth, coarse, 0, DISC_TAPS, 64.5, 64.5, 0.0, 0.0, 0.0, 150.0, 150.0)
    assert share > 0.4
    depth[...] = 0.03
    assert soft_shadow(depth, coarse, 0, DISC_TAPS, 64.5, 64.5, 0.0, 0.0, 0.0, 150.0, 150.0) == 0.0


def test_interpolated_light_agrees_with_light_at_every_pixel(monkeypatch: pytest.MonkeyPatch) -> None:
    store = SmallStore({"table": TABLE, "box": BOX}, sun_map(SUN, 6.0, 0.3))
    panel = AreaLight(np.array([0.3, 0.2, 0.8]), np.array([0, 0, -1.0]), (0.2, 0.3), (5.0, 5.0, 5.0))
    scene = scene_of(*TABLE_AND_BOX, lights=(panel,))
    light, floor = build_scene_light(scene, store), plane(np.linspace(-0.25, 0.25, 161), np.linspace(-0.25, 0.25, 161))
    fast = light_surfaces(light, floor)
    monkeypatch.setattr(light_module, "agreeing", lambda thing, position, normal: np.zeros(thing.shape, np.uint8))
    slow = light_surfaces(light, floor)
    for name, mean, most in (("occlusion", 0.004, 0.12), ("direct", 0.01, 0.4), ("highlight", 0.002, 0.1)):
        error = np.abs(getattr(fast, name) - getattr(slow, name))
        assert error.mean() < mean and error.max() < most, (name, error.mean(), error.max())


def test_penumbra_widens_with_the_source() -> None:
    widths = []
    for radius in (0.02, 0.12):
        store = SmallStore({"table": TABLE, "box": BOX}, sun_map(SUN, 6.0, 0.2, radius=radius))
        xs = np.linspace(-0.25, -0.04, 400)
        direct = lit(scene_of(*TABLE_AND_BOX), store, plane(xs, np.zeros(1))).direct[0, :, 1]
        share = direct / direct.max()
        widths.append(((share > 0.1) & (share < 0.9)).sum() * (xs[1] - xs[0]))
    distance = 0.1 / math.sin(SUN_TILT)  # from the upper edge to its shadow, along the light
    assert widths[0] < 0.02
    assert widths[1] == pytest.approx(1.3 * 0.12 * distance / math.sin(SUN_TILT), rel=0.4)


def test_occlusion_is_one_in_the_open_and_dark_at_contact() -> None:
    store = SmallStore({"table": TABLE, "box": BOX}, uniform_map())
    scene = scene_of(*TABLE_AND_BOX)
    far = lit(scene, store, plane(np.linspace(0.45, 0.55, 9), np.linspace(-0.05, 0.05, 9))).occlusion
    assert far.min() > 0.97
    under = lit(scene, store, plane(np.linspace(-0.02, 0.02, 9), np.linspace(-0.02, 0.02, 9))).occlusion
    assert under.max() < 0.05
    wall = lit(scene, store, plane(np.array([0.032]), np.zeros(1))).occlusion[0, 0]
    assert wall == pytest.approx(0.55, abs=0.12), "2 mm before a wall half of the sky is hidden"
    ladder = lit(scene, store, plane(np.array([0.032, 0.05, 0.08, 0.15, 0.3]), np.zeros(1))).occlusion[0]
    assert (np.diff(ladder) > -0.02).all(), "and more of it shows with distance"


def test_a_table_shades_the_floor_below_it() -> None:
    floor = trimesh.creation.box((8, 8, 0.02))
    store = SmallStore({"table": TABLE, "floor": floor}, uniform_map())
    scene = scene_of(thing("floor", "floor", 0, -0.75), thing("table", "support", 0, -0.01))
    occlusion = lit(scene, store, plane(np.array([0.0, 0.9, 3.0]), np.zeros(1), -0.74, number=1)).occlusion[0]
    assert occlusion[0] < 0.65 < occlusion[1] < 0.99
    assert occlusion[2] > 0.95


@settings(max_examples=60, deadline=None)
@given(st.floats(-2, 2), st.floats(-2, 2), st.floats(0.05, 1.0))
def test_table_shadow_agrees_with_a_ray(x: float, y: float, dz: float) -> None:
    """A point light far away: either the ray to it meets the table's top or it does not."""
    table = np.array([0.1, -0.2, 0.5, 0.3, math.cos(0.4), math.sin(0.4), 0.0])
    dx = math.sqrt(1 - dz * dz)
    reach = 0.7 / dz
    at = np.array([x + dx * reach - 0.1, y + 0.2])
    along = abs(math.cos(0.4) * at[0] + math.sin(0.4) * at[1]), abs(-math.sin(0.4) * at[0] + math.cos(0.4) * at[1])
    open_share = table_shadow(x, y, -0.7, dx, 0.0, dz, 0.001, table)
    margin = 0.001 * reach + 0.006
    if along[0] < 0.5 - margin and along[1] < 0.3 - margin:
        assert open_share == pytest.approx(0.0, abs=1e-9)
    if along[0] > 0.5 + margin or along[1] > 0.3 + margin:
        assert open_share == pytest.approx(1.0, abs=1e-9)


def test_metal_deep_between_parts_mirrors_parts_and_not_the_coloured_support() -> None:
    """Mirrors that look down to a red table: in the open they show it, in a slot 1 cm wide mostly what is around."""
    store = SmallStore({"table": TABLE, "box": BOX}, uniform_map())
    red = dataclasses.replace(thing("table", "support", 0, -0.01), materials=(Material((0.9, 0.05, 0.05)),))
    boxes = (thing("box", "object", 1, 0.05, (0.0, 0.0)), thing("box", "object", 2, 0.05, (0.07, 0.0)))
    points = np.array([[[0.031, 0.0, 0.02], [0.4, 0.0, 0.02]]])
    normals, rays = np.zeros_like(points), np.zeros_like(points)
    normals[..., 0], rays[..., :] = 1.0, np.array([-0.8, 0.0, -0.6])
    metal = surfaces_at(points, normals, 2, rays)
    metal.roughness[...], metal.metallic[...] = 0.1, 1.0
    reflection = lit(scene_of(red, *boxes), store, metal).reflection[0]
    tint = (reflection[:, 0] - reflection[:, 1]) / reflection.sum(axis=-1)
    assert tint[1] > 0.5 and tint[0] < 0.6 * tint[1]
    assert 0.0 < reflection[0].max() < reflection[1].max()


def test_an_edge_one_pixel_wide_is_no_smooth_cell() -> None:
    """A bevel between two level faces: the corners of the cell over it agree, the pixels between them do not."""
    floor = plane(np.linspace(0.0, 0.02, 17), np.linspace(0.0, 0.02, 17))
    assert agreeing(floor.thing, floor.position, floor.normal)[8, 8] == 8
    floor.normal[:, 9] = (0.6, 0.0, 0.8)
    agree = agreeing(floor.thing, floor.position, floor.normal)
    assert (agree[:, 8] == 0).all() and agree[0, 0] == 8


# ---------------------------------------------------------------- key lights


def parallel_form_factor(half_a: float, half_b: float, distance: float) -> float:
    """A small element to a parallel rectangle centred above it (Howell, configuration factor B-3, four quadrants)."""
    x, y = half_a / distance, half_b / distance
    rx, ry = math.sqrt(1 + x * x), math.sqrt(1 + y * y)
    return 2 / math.pi * (x / rx * math.atan(y / rx) + y / ry * math.atan(x / ry))


@pytest.mark.parametrize(("half_a", "half_b", "distance"), [(0.1, 0.1, 1.0), (0.5, 0.2, 0.6), (1.0, 1.0, 0.3)])
def test_grey_card_under_an_area_light(half_a: float, half_b: float, distance: float) -> None:
    store = SmallStore({"table": TABLE}, uniform_map(0.0))
    panel = AreaLight(np.array([0, 0, distance]), np.array([0, 0, -1.0]), (2 * half_a, 2 * half_b), (3.0, 2.0, 1.0))
    scene = scene_of(thing("table", "support", 0, -0.01), lights=(panel,))
    direct = lit(scene, store, plane(np.zeros(1), np.zeros(1))).direct[0, 0]
    # frame_towards may lay the width along y: the factor is the same, the card is centred.
    assert direct == pytest.approx(np.array([3.0, 2.0, 1.0]) * parallel_form_factor(half_a, half_b, distance), rel=3e-3)


def test_an_area_light_shines_one_way() -> None:
    store = SmallStore({"table": TABLE}, uniform_map(0.0))
    panel = AreaLight(np.array([0, 0, 0.5]), np.array([0, 0, 1.0]), (0.3, 0.3), (3.0, 3.0, 3.0))
    channels = lit(
        scene_of(thing("table", "support", 0, -0.01), lights=(panel,)), store, plane(np.zeros(3), np.zeros(3))
    )
    assert not channels.direct.any() and not channels.highlight.any()


def test_area_light_shadow_lies_opposite_and_is_dark_inside() -> None:
    store = SmallStore({"table": TABLE, "box": BOX}, uniform_map(0.0))
    position = np.array([0.5, 0.0, 0.8])
    panel = AreaLight(position, -position / np.linalg.norm(position), (0.1, 0.1), (30.0, 30.0, 30.0))
    scene = scene_of(*TABLE_AND_BOX, lights=(panel,))
    xs = np.linspace(-0.2, 0.2, 401)
    direct = lit(scene, store, plane(xs, np.zeros(1))).direct[0, :, 0]
    tip = -0.03 - 0.1 * 0.53 / 0.7  # from the light over the far upper edge of the box to the table
    share = direct / direct.max()
    dark = (share < 0.4) & (np.abs(xs) > 0.031)
    assert xs[dark].min() == pytest.approx(tip, abs=0.01)
    assert share[(xs > -0.06) & (xs < -0.031)].max() < 0.02
    assert share[xs > 0.035].min() > 0.7


@settings(max_examples=80, deadline=None)
@given(st.floats(0, math.pi), st.floats(0, 2 * math.pi), st.floats(0.15, 2.0))
def test_form_factor_is_a_share(tilt: float, azimuth: float, distance: float) -> None:
    """Against brute-force integration over the rectangle, for every orientation of the receiver."""
    corners = np.array([(-0.2, -0.1, 0), (0.2, -0.1, 0), (0.2, 0.1, 0), (-0.2, 0.1, 0)], float)
    corners[:, 2] = distance
    n = np.array([math.sin(tilt) * math.cos(azimuth), math.sin(tilt) * math.sin(azimuth), math.cos(tilt)])
    factor = form_factor(corners, 0.0, 0.0, 0.0, *n, np.empty((4, 3)), np.empty((8, 3)))
    x, y = np.meshgrid(np.linspace(-0.2, 0.2, 121)[:-1] + 1 / 600, np.linspace(-0.1, 0.1, 61)[:-1] + 1 / 1200)
    to = np.stack([x, y, np.full_like(x, distance)], -1)
    d2 = (to**2).sum(-1)
    cos_n, cos_l = np.maximum(to @ n, 0) / np.sqrt(d2), distance / np.sqrt(d2)
    brute = (cos_n * cos_l / (math.pi * d2)).mean() * 0.4 * 0.2
    assert 0 <= factor <= 1
    assert factor == pytest.approx(brute, rel=0.01, abs=2e-3)


def lobe_by_brute_force(roughness: float, n_v: float, corners: np.ndarray, count: int = 160) -> float:
    """Integral of D V n.l over a rectangle seen from the origin, normal +z, view in the xz plane."""
    alpha = roughness**2
    u, v = np.meshgrid((np.arange(count) + 0.5) / count, (np.arange(count) + 0.5) / count)
    along, across = corners[1] - corners[0], corners[3] - corners[0]
    points = corners[0] + u[..., None] * along + v[..., None] * across
    d2 = (points**2).sum(-1)
    l = points / np.sqrt(d2)[..., None]  # noqa: E741 - the letter of the literature
    normal = np.cross(along, across)
    solid = np.abs(l @ normal) / d2 / count**2
    h = l + np.array([math.sqrt(1 - n_v * n_v), 0.0, n_v])
    n_h, n_l = h[..., 2] / np.linalg.norm(h, axis=-1), np.maximum(l[..., 2], 1e-6)
    a2 = alpha * alpha
    d = a2 / (np.pi * (n_h**2 * (a2 - 1) + 1) ** 2)
    vis = 0.5 / (n_l * np.sqrt(n_v**2 * (1 - a2) + a2) + n_v * np.sqrt(n_l**2 * (1 - a2) + a2))
    return float((np.where(l[..., 2] > 0, d * vis * n_l, 0.0) * solid).sum())


@pytest.mark.parametrize("roughness", [0.15, 0.3, 0.5, 0.7, 1.0])
@pytest.mark.parametrize("n_v", [0.95, 0.6, 0.25])
@pytest.mark.parametrize(
    ("intent", "size", "aside"), [("covers the lobe", 1.6, 0.0), ("part", 0.4, 0.1), ("off", 0.4, 0.6)]
)
def test_highlight_of_an_area_light(roughness: float, n_v: float, intent: str, size: float, aside: float) -> None:
    """Against brute force; never brighter than the light itself."""
    sine = math.sqrt(1 - n_v * n_v)
    across = np.array([0.0, 1.0, 0.0])
    mirror = np.array([-sine, 0.0, n_v])
    along = np.cross(across, mirror)
    signs = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * 0.5 * size
    corners = mirror + aside * across + signs @ np.stack([along, across])
    share, _ = lobe_share(
        corners, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, -sine, 0.0, -n_v, roughness, lobe_table(), np.empty((4, 3)),
        np.empty((8, 3)),
    )  # fmt: skip
    assert 0.0 <= share <= 1.0
    assert share == pytest.approx(lobe_by_brute_force(roughness, n_v, corners), abs=0.05), intent


@pytest.mark.parametrize("roughness", [0.1, 0.3, 0.6, 1.0])
@pytest.mark.parametrize("view_deg", [12, 45, 80])
def test_facets_never_give_back_more_than_they_get(roughness: float, view_deg: float) -> None:
    """Albedo of white facets: at most 1, near 1 where it is smooth; the lobe's axis lies before the mirror ray."""
    sine, cosine, along, across, white = lobe_at(lobe_table(), roughness, math.cos(math.radians(view_deg)))
    assert (0.88 if roughness < 0.4 else 0.3) < white <= 1.001
    assert 0 < math.degrees(math.atan2(sine, cosine)) < view_deg + 3
    assert along > 0.5 and across > 0.5


def dielectric_highlight_by_brute_force(roughness: float, n_v: float, corners: np.ndarray, view: np.ndarray) -> float:
    """As ``lobe_by_brute_force``, with Fresnel at every half vector."""
    count, total, parts = 24, 0.0, (np.arange(24) + 0.5) / 24
    cell = [corners[0], *((corners[k] - corners[0]) / count for k in (1, 3))]
    for u in parts:
        for v in parts:
            low = cell[0] + (u * count - 0.5) * cell[1] + (v * count - 0.5) * cell[2]
            small = np.array([low, low + cell[1], low + cell[1] + cell[2], low + cell[2]])
            middle = small.mean(axis=0) / np.linalg.norm(small.mean(axis=0))
            v_h = math.sqrt(0.5 + 0.5 * float(middle @ view))
            total += dielectric(v_h) * lobe_by_brute_force(roughness, n_v, small, count=1)
    return total


@pytest.mark.parametrize("roughness", [0.35, 0.5, 0.7, 0.9])
@pytest.mark.parametrize("n_v", [0.8, 0.5, 0.3])
def test_a_lamp_over_a_table_gleams_as_it_should(roughness: float, n_v: float) -> None:
    """Wide lamps above and around: what they add, and what is the light's most visible fault where it is wrong."""
    view = np.array([math.sqrt(1 - n_v * n_v), 0.0, n_v])
    found, expected = [], []
    for x in (-1.5, -0.7, 0.0, 0.7):
        for y in (-0.6, 0.2):
            corners = np.array([(x, y, 1.0), (x + 0.7, y, 1.0), (x + 0.7, y + 0.7, 1.0), (x, y + 0.7, 1.0)])
            share, v_h = lobe_share(
                corners, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, *(-view), roughness, lobe_table(), np.empty((4, 3)),
                np.empty((8, 3)),
            )  # fmt: skip
            found.append(share * dielectric(v_h))
            expected.append(dielectric_highlight_by_brute_force(roughness, n_v, corners, view))
    assert sum(found) == pytest.approx(sum(expected), rel=0.13)
    assert np.abs(np.array(found) - expected).max() < 0.12 * max(expected)


def test_light_at_the_horizon_reaches_a_table_in_full() -> None:
    """Tables face the pole of the filtered maps: what a texel's width beside it gets is 10 % off under a low sun."""
    radiance = sun_map((0.97, 0.0, 0.25), 0.5, 0.1, radius=0.2)
    directions, solid = env.texel_directions(256)
    expected = (radiance[..., 1] * solid * np.maximum(directions[..., 2], 0)).sum() / math.pi
    store = SmallStore({"table": TABLE}, radiance)
    channels = lit(scene_of(TABLE_AND_BOX[0]), store, plane(np.linspace(-0.2, 0.2, 5), np.linspace(-0.2, 0.2, 5)))
    assert channels.irradiance[2, 2, 1] + channels.direct[2, 2, 1] == pytest.approx(expected, rel=0.01)


def lobe_mean_by_brute_force(
    radiance: np.ndarray, roughness: float, metallic: float, normal: np.ndarray, view: np.ndarray
) -> float:
    """Mean of a map in the lobe of a surface, weighted as the surface mirrors (Walter et al. 2007)."""
    directions, solid = env.texel_directions(len(radiance))
    h = directions + view
    h /= np.linalg.norm(h, axis=-1, keepdims=True)
    n_v, n_l, n_h, v_h = float(normal @ view), directions @ normal, h @ normal, h @ view
    above = n_l > 1e-3
    weight = np.zeros_like(solid)
    for place in zip(*np.nonzero(above), strict=True):
        mirrored = metallic + (1 - metallic) * dielectric(float(v_h[place]))
        weight[place] = solid[place] * mirrored * ggx_density(roughness**2, n_v, float(n_l[place]), float(n_h[place]))
    return float((weight * radiance[..., 1]).sum() / weight.sum())


@pytest.mark.parametrize("roughness", [0.35, 0.6, 0.9])
@pytest.mark.parametrize("view_deg", [20, 50, 75])
@pytest.mark.parametrize("metallic", [0.0, 1.0])
@pytest.mark.parametrize(("intent", "tilt_deg", "within"), [("a table", 0, 0.03), ("any other", 40, 0.15)])
def test_rough_surfaces_mirror_what_their_lobe_holds(
    roughness: float, view_deg: float, metallic: float, intent: str, tilt_deg: float, within: float
) -> None:
    """Seen aslant, against the integral; between a bright wall, a dark one and a bright ceiling."""
    directions, _ = env.texel_directions(64)
    radiance = (0.5 + 0.4 * directions[..., :1] + 0.5 * np.maximum(directions[..., 2:], 0)).repeat(3, axis=-1)
    tilt, view = math.radians(tilt_deg), math.radians(view_deg)
    normal = np.array([math.sin(tilt), 0.0, math.cos(tilt)])
    away = np.cross(normal, [0.0, 1.0, 0.0])
    towards = math.cos(view) * normal + math.sin(view) * (0.8 * away + 0.6 * np.array([0.0, 1.0, 0.0]))
    expected = lobe_mean_by_brute_force(radiance.astype(np.float32), roughness, metallic, normal, towards)
    surfaces = surfaces_at(np.zeros((3, 3, 3)), np.tile(normal, (3, 3, 1)), 1, rays=np.tile(-towards, (3, 3, 1)))
    surfaces = dataclasses.replace(
        surfaces, roughness=np.full((3, 3), roughness, np.float32), metallic=np.full((3, 3), metallic, np.float32)
    )
    store = SmallStore({"ball": trimesh.creation.icosphere(2, 0.001)}, radiance.astype(np.float32))
    found = lit(scene_of(thing("ball", "floor", 1, z=-1.0)), store, surfaces).reflection[1, 1, 1]
    assert found == pytest.approx(expected, rel=within), intent


@pytest.mark.parametrize("view_deg", [10, 45, 80])
def test_a_smooth_surface_mirrors_along_its_mirror_ray(view_deg: float) -> None:
    tilt, wide = mirror_at(mirror_table(), 0.05, math.cos(math.radians(view_deg)), 1.0)
    assert abs(math.degrees(tilt)) < 0.5
    assert wide == pytest.approx(0.05, rel=0.35)


@pytest.mark.parametrize(("v_h", "expected"), [(1.0, 0.04), (0.5, 0.0892), (0.0, 1.0)])
def test_reflectance_of_a_dielectric(v_h: float, expected: float) -> None:
    assert dielectric(v_h) == pytest.approx(expected, rel=1e-3)


def test_same_scene_same_bytes() -> None:
    results = []
    for _ in range(2):
        store = SmallStore({"table": TABLE, "box": BOX}, sun_map(SUN, 6.0, 0.2))
        panel = AreaLight(np.array([0.3, 0.2, 0.8]), np.array([0, 0, -1.0]), (0.2, 0.3), (5.0, 5.0, 5.0))
        channels = lit(
            scene_of(*TABLE_AND_BOX, lights=(panel,)),
            store,
            plane(np.linspace(-0.3, 0.3, 65), np.linspace(-0.3, 0.3, 65)),
        )
        results.append([getattr(channels, name).tobytes() for name in LitChannels.__dataclass_fields__])
    assert results[0] == results[1]


def test_a_scene_of_nothing_shows_the_environment() -> None:
    store = SmallStore({}, uniform_map(0.7))
    channels = lit(scene_of(), store, plane(np.zeros(4), np.zeros(5), number=0))
    assert np.allclose(channels.reflection, 0.7)
    assert (channels.occlusion == 1).all()
    assert not channels.irradiance.any()
