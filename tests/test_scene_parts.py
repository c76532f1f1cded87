"""The parts of a scene: start poses, supports, capacity, occluders and light."""

from __future__ import annotations

from typing import Any, get_args

import manifold3d
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scene_things import FASTENERS, HOUSEHOLD, FamilyStore, catalog, family_source, model_of, pipeline, solid

from synthgen.assets.environments import environment_kinds
from synthgen.config.distributions import constant
from synthgen.config.models import ClutterConfig, EnvironmentConfig, LampKind, LightsConfig, SupportConfig
from synthgen.scene.bodies import turned_box
from synthgen.scene.capacity import capacity_fault
from synthgen.scene.drop import Region, Thing, start_poses
from synthgen.scene.lights import LAMPS, LUMINANCE, WALLED_LEAN_DEG, blackbody_rgb, draw_environment, draw_lights
from synthgen.scene.occluders import draw_occluder
from synthgen.scene.regions import CLUTTER, drop_region
from synthgen.scene.supports import Support, draw_support, tote_obstacles, tote_size
from synthgen.types.catalog import AssetSpec, Catalog, Category, FamilySource, FileAsset

STORE = FamilyStore()
UP_AXIS = {"x": 0, "y": 1, "z": 2}


def rng_of(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def support_of(kind: str, families: tuple[str, ...] = HOUSEHOLD, seed: int = 0, **values: Any) -> Support:
    models = tuple(model_of(family_source(family)) for family in families)
    return draw_support(SupportConfig(kind=kind, **values), models, STORE, rng=rng_of(seed))  # type: ignore[arg-type]


# ---------------------------------------------------------------- start poses


@settings(max_examples=25, deadline=None)
@given(
    families=st.lists(st.sampled_from((*HOUSEHOLD, *FASTENERS)), min_size=1, max_size=10),
    seed=st.integers(0, 2**31),
    upright=st.booleans(),
    tries=st.sampled_from([1, 5]),
)
def test_start_boxes_are_apart_above_the_support_and_within_its_edges(
    families: list[str], seed: int, upright: bool, tries: int
) -> None:
    things = tuple(Thing(model_of(family_source(family)), "z", upright) for family in families)
    region = Region((0.05, 0.0), (0.2, 0.15), (0.4, 0.35), ellipse=True, tries=tries)
    poses = start_poses(things, region, (), rng=rng_of(seed))
    boxes = [turned_box(thing.model, pose) for thing, pose in zip(things, poses, strict=True)]
    for i, (low, high) in enumerate(boxes):
        assert low[2] > 0.0
        assert (np.abs(np.stack([low, high])[:, :2]) <= np.array([0.4, 0.35]) + 1e-9).all()
        assert all((low >= other_high).any() or (high <= other_low).any() for other_low, other_high in boxes[:i])


@pytest.mark.parametrize("up", ["x", "y", "z"])
def test_upright_turns_the_up_axis_to_the_ceiling(up: Any) -> None:
    region = Region((0.0, 0.0), (0.2, 0.2), (0.4, 0.4), ellipse=True, tries=3)
    thing = Thing(model_of(family_source("box")), up, upright=True)
    yaws = set()
    for seed in range(5):
        pose = start_poses((thing,), region, (), rng=rng_of(seed))[0]
        assert pose[2, UP_AXIS[up]] == pytest.approx(1.0)
        assert np.linalg.det(pose[:3, :3]) == pytest.approx(1.0)
        yaws.add(round(float(pose[0, (UP_AXIS[up] + 1) % 3]), 6))
    assert len(yaws) == 5, "turned about the vertical"


def test_random_orientations_have_no_preferred_direction() -> None:
    region = Region((0.0, 0.0), (0.2, 0.2), (0.4, 0.4), ellipse=True, tries=1)
    thing = Thing(model_of(family_source("die")), "any", upright=True)
    axes = np.array([start_poses((thing,), region, (), rng=rng_of(seed))[0][:3, 2] for seed in range(400)])
    assert np.abs(axes.mean(axis=0)).max() < 0.1
    assert np.abs((axes**2).mean(axis=0) - 1 / 3).max() < 0.06


def test_starts_avoid_obstacles() -> None:
    corner = np.array([[x, y, z] for x in (-0.4, 0.0) for y in (-0.4, 0.4) for z in (0.0, 0.3)])
    region = Region((0.0, 0.0), (0.3, 0.3), (0.4, 0.4), ellipse=False, tries=20)
    thing = Thing(model_of(family_source("can")), "z", upright=True)
    for seed in range(10):
        low, _ = turned_box(thing.model, start_poses((thing,), region, (corner,), rng=rng_of(seed))[0])
        assert low[0] >= 0.0
        assert low[2] < 0.01


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**31), kind=st.sampled_from(["table", "tote"]), count=st.integers(0, 12))
def test_drop_regions_lie_on_their_support(seed: int, kind: str, count: int) -> None:
    support = support_of(kind)
    region = drop_region((model_of(family_source("box")),) * count, support, ClutterConfig(), rng=rng_of(seed))
    reach = np.abs(region.centre_m) + region.half_size_m
    assert (reach <= np.array(support.half_size_m) + 1e-9).all()


def only(mode: str) -> ClutterConfig:
    return ClutterConfig(**{name: float(name == mode) for name in CLUTTER})


def test_every_arrangement_of_the_pipeline_is_built() -> None:
    assert set(CLUTTER) == set(ClutterConfig.model_fields)


def test_arrangements_get_closer_and_then_heap() -> None:
    models = tuple(model_of(family_source(family)) for family in ("mug", "can", "hex_nut", "die", "bowl", "battery"))
    support = support_of("table")
    area, height = {}, {}
    for mode in CLUTTER:
        regions = [drop_region(models, support, only(mode), rng=rng_of(seed)) for seed in range(20)]
        area[mode] = np.mean([np.prod(region.half_size_m) for region in regions])
        things = tuple(Thing(model, "z", False) for model in models)
        starts = [start_poses(things, region, (), rng=rng_of(3)) for region in regions]
        height[mode] = np.mean([pose[:, 2, 3].max() for pose in starts])
    assert area["scattered"] > 2 * area["close"] > 3 * area["piled"]
    assert height["piled"] > 1.3 * height["close"] > 1.3 * height["scattered"]


def test_shares_of_arrangements_are_followed() -> None:
    models, support = (model_of(family_source("mug")),) * 6, support_of("table")
    config = ClutterConfig(scattered=3, close=0, piled=1)
    tries = [drop_region(models, support, config, rng=rng_of(seed)).tries for seed in range(400)]
    assert tries.count(CLUTTER["scattered"].tries) / 400 == pytest.approx(0.75, abs=0.06)
    assert tries.count(CLUTTER["close"].tries) == 0


# ---------------------------------------------------------------- occluders


def slab(low: tuple[float, float, float], high: tuple[float, float, float]) -> np.ndarray:
    corners = np.array([[i & 1, i >> 1 & 1, i >> 2 & 1] for i in range(8)])
    return np.where(corners, high, low).astype(np.float64)


def test_occluders_keep_clear_of_fixtures() -> None:
    pillar = slab((0.05, -0.4, 0.0), (0.25, 0.4, 1.0))
    hung = 0
    for seed in range(40):
        placed = draw_occluder(STORE, (pillar,), middle_m=np.zeros(2), top_m=0.2, rng=rng_of(seed))
        if placed is None:
            continue
        source, pose = placed
        body = solid(model_of(source), pose)
        block = manifold3d.Manifold.cube((0.2, 0.8, 1.0)).translate((0.05, -0.4, 0.0))
        assert (body ^ block).is_empty()
        hung += 1
    assert hung >= 30, "there is room beside the pillar"
    met = sum(
        not (solid(model_of(source), pose) ^ block).is_empty()
        for source, pose in (draw_free(seed) for seed in range(40))
    )
    assert met >= 10, "without care many would have met it"


def draw_free(seed: int) -> tuple[FamilySource, np.ndarray]:
    placed = draw_occluder(STORE, (), middle_m=np.zeros(2), top_m=0.2, rng=rng_of(seed))
    assert placed is not None
    return placed


def test_no_occluder_hangs_where_the_cell_leaves_no_room() -> None:
    everything = slab((-3.0, -3.0, 0.1), (3.0, 3.0, 2.0))
    assert draw_occluder(STORE, (everything,), middle_m=np.zeros(2), top_m=0.1, rng=rng_of(0)) is None


# ---------------------------------------------------------------- supports


@pytest.mark.parametrize("kind", ["table", "tote"])
def test_the_carrying_surface_is_z_zero(kind: str) -> None:
    support = support_of(kind)
    tops = {}
    for piece in support.furnishings:
        bounds = model_of(piece.source).bounds_m + piece.world_from_object[:3, 3]
        tops[piece.kind] = (bounds[0, 2], bounds[1, 2])
    if kind == "table":
        assert tops["table"][1] == pytest.approx(0.0, abs=1e-6)
    else:
        assert tops["tote"][1] == pytest.approx(support.wall_m, abs=1e-6)
        assert tops["table"][1] == pytest.approx(tops["tote"][0], abs=1e-6), "the tote stands on the table"
    assert tops["floor"][1] == pytest.approx(tops["table"][1] - 0.74, abs=1e-6)


def test_the_inner_floor_of_a_tote_is_z_zero() -> None:
    support = support_of("tote", size_m=(0.4, 0.3))
    tote = solid(model_of(support.furnishings[-1].source), support.furnishings[-1].world_from_object)
    probe = tote.translate((0, 0, 0)) ^ type(tote).cube((0.1, 0.1, 0.1), True)
    assert probe.bounding_box()[5] == pytest.approx(0.0, abs=1e-6)


def test_tote_obstacles_cover_the_walls_and_leave_the_inside_free() -> None:
    """Just inside the true walls no obstacle begins, just outside of their inner faces one does: within 1 mm."""
    import manifold3d

    support = support_of("tote", size_m=(0.4, 0.3))
    tote = solid(model_of(support.furnishings[-1].source), support.furnishings[-1].world_from_object)
    walls = [manifold3d.Manifold.hull_points(part) for part in tote_obstacles(support, STORE)]
    blocked = manifold3d.Manifold.batch_boolean(walls, manifold3d.OpType.Add)
    wall_band = manifold3d.Manifold.cube((2, 2, support.wall_m - 0.014), True).translate(
        (0, 0, 0.001 + (support.wall_m - 0.014) / 2)
    )
    uncovered = (tote ^ wall_band) - blocked
    assert uncovered.volume() < 2e-6, "less than 2 cm3 of 500"
    inside = manifold3d.Manifold.cube((0.398, 0.258, 0.1), True).translate((0, 0, 0.06))
    assert (blocked ^ inside).volume() < 1e-9


@pytest.mark.parametrize("seed", range(4))
def test_default_tables_have_human_sizes_in_steps(seed: int) -> None:
    half_x, half_y = support_of("table", seed=seed).half_size_m
    assert 0.6 <= half_x <= 0.9
    assert 0.4 <= half_y <= 0.6
    assert round(20 * half_x) == pytest.approx(20 * half_x)


def test_given_sizes_are_taken() -> None:
    assert support_of("table", size_m=(0.7, 0.5)).half_size_m == (0.35, 0.25)
    tote = support_of("tote", size_m=(0.5, 0.3), height_m=constant(0.2))
    assert (tote.half_size_m, tote.wall_m) == ((0.25, 0.15), 0.2)


def test_totes_grow_with_what_lies_in_them() -> None:
    nuts = (model_of(family_source("hex_nut")),) * 20
    boxes = (model_of(family_source("box")),) * 20
    assert tote_size(nuts, 0.16) == (0.17, 0.11)
    assert tote_size(boxes, 0.16)[0] >= 0.55
    assert tote_size((), 0.16) == (0.17, 0.11)


# ---------------------------------------------------------------- capacity


def blocks(x: float, y: float, z: float) -> Catalog:
    source = FamilySource("block", (("size_x", x), ("size_y", y), ("size_z", z)))
    only = AssetSpec(model_of(source).key, "block", "object", source, "block", "object", 1, entry=0)
    return Catalog((only,), (Category(1, "block", "object"),))


CAPACITY: list[tuple[str, dict[str, Any], Catalog, str | None]] = [
    ("the default scene fits", {"objects_per_scene": 12}, catalog(), None),
    ("thirty things in a tote fit", {"objects_per_scene": 30, "support": {"kind": "tote"}}, catalog(), None),
    (
        "too many for a small table",
        {"objects_per_scene": {"uniform_int": [1, 60]}, "support": {"size_m": [0.4, 0.3]}},
        blocks(0.1, 0.08, 0.05),
        "scene.objects_per_scene: up to 60 objects (distractors included) cover about 0.48 m2 when they lie, but a "
        "table of 0.4 x 0.3 m carries 0.18 m2 of objects, heaps included. Allow at most 22 objects per scene, or give "
        "scene.support.size_m a larger table",
    ),
    (
        "too many for a tote",
        {"objects_per_scene": 80, "support": {"kind": "tote", "size_m": [0.4, 0.3]}},
        blocks(0.1, 0.08, 0.05),
        "scene.objects_per_scene: up to 80 objects (distractors included) pile up to about 32.0 litres, but a tote of "
        "0.4 x 0.3 x 0.16 m holds 23.0 litres, heaped. Allow at most 57 objects per scene, or give scene.support a "
        "larger size_m or height_m",
    ),
    (
        "too long for a tote",
        {"support": {"kind": "tote", "size_m": [0.12, 0.1]}},
        blocks(0.2, 0.03, 0.02),
        "scene.support: block (0.2 x 0.03 x 0.02 m) does not fit into a tote of 0.12 x 0.1 m. Give "
        "scene.support.size_m a larger tote, use support.kind: table, or leave this object out",
    ),
]


@pytest.mark.parametrize(("intent", "scene", "of", "sentence"), CAPACITY)
def test_capacity(intent: str, scene: dict[str, Any], of: Catalog, sentence: str | None) -> None:
    assert capacity_fault(pipeline(scene), of, STORE) == sentence, intent


# ---------------------------------------------------------------- light


def card_radiance(light: Any, *, patches: int = 40) -> float:
    """Irradiance / pi of a lamp on a horizontal card at the origin, luminance, summed over the lamp's surface."""
    side = np.cross(light.direction, (0.3, 0.5, 0.8))
    side /= np.linalg.norm(side)
    other = np.cross(light.direction, side)
    steps = (np.arange(patches) + 0.5) / patches - 0.5
    u, v = (axis.ravel() for axis in np.meshgrid(steps * light.size_m[0], steps * light.size_m[1]))
    points = light.position_m + u[:, None] * side + v[:, None] * other
    distance = np.linalg.norm(points, axis=1)
    cos_card = points[:, 2] / distance
    cos_lamp = -(points @ light.direction) / distance
    area = light.size_m[0] * light.size_m[1] / len(points)
    irradiance = (np.maximum(cos_card, 0) * np.maximum(cos_lamp, 0) / distance**2).sum() * area
    return float(irradiance * (LUMINANCE @ np.array(light.radiance)) / np.pi)


def test_lamps_give_the_card_their_intensity() -> None:
    config = LightsConfig(intensity=constant(1.3))
    lights = draw_lights(config, count=40, target_m=np.zeros(3), rng=rng_of(1))
    assert [card_radiance(light) for light in lights] == pytest.approx([1.3] * 40, rel=0.25)


def lean_deg(light: Any) -> float:
    return float(np.degrees(np.arccos(light.position_m[2] / np.linalg.norm(light.position_m))))


def test_lamps_between_walls_hang_over_them() -> None:
    free, walled = (
        [lean_deg(x) for x in draw_lights(LightsConfig(), count=60, target_m=np.zeros(3), walled=w, rng=rng_of(5))]
        for w in (False, True)
    )
    assert max(free) > 55
    assert max(walled) <= WALLED_LEAN_DEG + 1e-9
    assert np.minimum(free, WALLED_LEAN_DEG) == pytest.approx(walled), "nothing else moves"


def test_kinds_of_lamps_are_those_of_the_pipeline() -> None:
    assert tuple(LAMPS) == get_args(LampKind)
    for kind, lamp in LAMPS.items():
        lights = draw_lights(LightsConfig(kinds=[kind]), count=5, target_m=np.zeros(3), rng=rng_of(1))
        assert all(lamp.width_m[0] <= light.size_m[0] <= lamp.width_m[1] for light in lights), kind
        assert all(lamp.lean_deg[0] - 1e-6 <= lean_deg(light) <= lamp.lean_deg[1] + 1e-6 for light in lights), kind


def test_lamps_hang_above_and_shine_down() -> None:
    lights = draw_lights(LightsConfig(), count=60, target_m=np.array([0.2, 0.1, 0.0]), rng=rng_of(2))
    heights = [float(light.position_m[2]) for light in lights]
    assert min(heights) >= 0.6
    assert max(heights) <= 2.0
    assert all(light.direction[2] < -0.3 for light in lights)
    assert all(np.linalg.norm(light.direction) == pytest.approx(1.0) for light in lights)
    assert {lamp.aimed for lamp in LAMPS.values()} == {True, False}


@pytest.mark.parametrize(
    ("temperature_k", "rgb", "intent"),
    [
        (6500, (1.0, 1.0, 1.0), "daylight is nearly white"),
        (2700, (1.99, 0.79, 0.19), "a bulb is orange"),
        (10000, (0.854, 1.0, 1.41), "the blue sky is blue"),
    ],
)
def test_black_bodies(temperature_k: float, rgb: tuple[float, float, float], intent: str) -> None:
    found = blackbody_rgb(temperature_k)
    assert found == pytest.approx(rgb, rel=0.12), intent
    assert float(LUMINANCE @ found) == pytest.approx(1.0)


def test_black_bodies_get_steadily_bluer() -> None:
    ratios = [blackbody_rgb(t)[2] / blackbody_rgb(t)[0] for t in range(1700, 15000, 100)]
    assert (np.diff(ratios) > 0).all()


def test_environments_are_the_users_or_procedural() -> None:
    own = Catalog((), (), environments=(FileAsset("file:aa", "a.hdr"), FileAsset("file:bb", "b.hdr")))
    keys = {draw_environment(EnvironmentConfig(), own, rng=rng_of(seed)).key for seed in range(20)}
    assert keys == {"file:aa", "file:bb"}
    drawn = [draw_environment(EnvironmentConfig(), Catalog((), ()), rng=rng_of(seed)) for seed in range(200)]
    assert {light.key.split(":")[1] for light in drawn} == set(environment_kinds())
    assert all(light.key.startswith("procedural:") and int(light.key.split(":")[2]) < 8 for light in drawn)
    assert all(0 <= light.rotation_rad < 2 * np.pi and 0.6 <= light.intensity <= 1.4 for light in drawn)


def test_sources_name_their_parameters_in_order() -> None:
    """Equal supports must be equal keys: a worker builds each once."""
    for piece in (*support_of("tote").furnishings, *support_of("table").furnishings):
        assert isinstance(piece.source, FamilySource)
        assert list(piece.source.parameters) == sorted(piece.source.parameters)
