"""Scenes: who appears, where, under which light; the same seed gives the same scene, one setting moves one thing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scene_things import HOUSEHOLD, FamilyStore, catalog, model_of, pipeline, spec, world_vertices

from synthgen import seeding
from synthgen.assets.store import AssetStore
from synthgen.config.models import Pipeline
from synthgen.scene.cast import Cast, draw_cast
from synthgen.scene.sample import fixture_pose, sample_scene
from synthgen.types.catalog import DISTRACTOR_ENTRIES, AssetSpec, Catalog, Category, FamilySource, FileAsset, MeshSource
from synthgen.types.scene import Scene, SceneObject

CATALOG, STORE = catalog(), FamilyStore()
SCANS = Path(__file__).parents[2] / "shared" / "data" / "meshes"


def drawn(scene: dict[str, Any] | None = None, *, index: int = 0, attempt: int = 0, **top: Any) -> Scene:
    return sample_scene(pipeline(scene, **top), CATALOG, STORE, scene_index=index, attempt=attempt)


@cache
def full_scene() -> Scene:
    return drawn({"distractors": 2, "occluders": 2, "lights": {"area": 2}}, index=5)


def fingerprint(scene: Scene) -> tuple[object, ...]:
    things = [(t.instance_index, t.asset_key, t.world_from_object.tobytes(), t.materials) for t in scene.objects]
    lights = [(light.position_m.tobytes(), light.radiance) for light in scene.lights]
    return (*things, *lights, scene.environment, scene.seed)


def with_role(scene: Scene, *roles: str) -> list[SceneObject]:
    return [thing for thing in scene.objects if thing.role in roles]


def casts(scene: dict[str, Any], count: int, of: Catalog = CATALOG) -> list[Cast]:
    plan = pipeline(scene)
    return [draw_cast(plan.scene, of, partial(seeding.stream, plan.seed, scene=i)) for i in range(count)]


def test_the_same_seed_gives_the_same_scene() -> None:
    again = drawn({"distractors": 2, "occluders": 2, "lights": {"area": 2}}, index=5)
    assert fingerprint(again) == fingerprint(full_scene())


@pytest.mark.parametrize("other", [{"index": 6}, {"index": 5, "attempt": 1}, {"index": 5, "seed": 1}])
def test_scene_attempt_and_seed_all_matter(other: dict[str, Any]) -> None:
    scene = drawn({"distractors": 2, "occluders": 2, "lights": {"area": 2}}, **other)
    assert fingerprint(scene) != fingerprint(full_scene())
    assert scene.seed != full_scene().seed


def test_instances_are_numbered_objects_first() -> None:
    scene = full_scene()
    assert [thing.instance_index for thing in scene.instances] == list(range(1, 9))
    assert [thing.role for thing in scene.instances] == ["object"] * 6 + ["distractor"] * 2
    assert [thing.category_id > 0 for thing in scene.instances] == [True] * 6 + [False] * 2
    assert all(thing.instance_index == 0 for thing in with_role(scene, "floor", "support", "occluder"))
    assert Counter(thing.role for thing in scene.objects) == {
        "object": 6, "distractor": 2, "occluder": 2, "floor": 1, "support": 1
    }  # fmt: skip


def test_every_thing_has_one_material_per_slot() -> None:
    for thing in full_scene().objects:
        assert len(thing.materials) == len(model_of(thing.source).slots)  # type: ignore[arg-type]


SETTINGS: list[tuple[str, dict[str, Any], Callable[[Scene], object]]] = [
    ("lights move no object", {"lights": {"area": 4}}, lambda s: fingerprint(replace(s, lights=()))),
    ("occluders move no object", {"occluders": 0}, lambda s: [t.world_from_object.tobytes() for t in s.instances]),
    ("distractors choose no object", {"distractors": 0}, lambda s: [t.asset_key for t in with_role(s, "object")]),
    ("environments move no object", {"environment": {"intensity": 2}}, lambda s: [
        t.world_from_object.tobytes() for t in s.instances
    ]),
]  # fmt: skip


@pytest.mark.parametrize(("intent", "change", "view"), SETTINGS)
def test_one_setting_does_not_reshuffle_the_rest(
    intent: str, change: dict[str, Any], view: Callable[[Scene], object]
) -> None:
    base = {"distractors": 2, "occluders": 2, "lights": {"area": 2}}
    assert view(drawn(base | change, index=5)) == view(full_scene()), intent


def test_negatives_have_their_share_and_may_hold_distractors() -> None:
    many = casts({"negatives": 0.3, "distractors": 1}, 1000)
    empty = [one for one in many if not one.objects]
    assert 250 < len(empty) < 350
    assert all(len(one.distractors) == 1 for one in empty)


def test_a_scene_without_anything_is_a_scene() -> None:
    scene = drawn({"negatives": 1.0})
    assert scene.instances == ()
    assert {thing.role for thing in scene.objects} == {"floor", "support"}


def test_counts_follow_their_distribution() -> None:
    counts = Counter(len(one.objects) for one in casts({"objects_per_scene": {"uniform_int": [2, 4]}}, 600))
    assert set(counts) == {2, 3, 4}
    assert min(counts.values()) > 150


@pytest.mark.parametrize(("balance", "wanted"), [("weights", 0.1), ("classes", 0.5)])
def test_class_balance(balance: str, wanted: float) -> None:
    """One heavy class of nine variants and one light one: by weight 9 : 1, by class 1 : 1."""
    specs = (*[spec("mug", 1, variant) for variant in range(9)], spec("can", 2))
    two = Catalog(specs, (Category(1, "mug", "object"), Category(2, "can", "object")))
    found = Counter(s.category_id for one in casts({"balance": balance, "objects_per_scene": 10}, 300, two)
                    for s in one.objects)  # fmt: skip
    assert found[2] / 3000 == pytest.approx(wanted, abs=0.03)


def test_weights_within_a_class_count_under_class_balance() -> None:
    specs = (spec("mug", 1, 0, weight=3.0), spec("mug", 1, 1, weight=1.0), spec("can", 2))
    two = Catalog(specs, (Category(1, "mug", "object"), Category(2, "can", "object")))
    found = Counter(s.key for one in casts({"balance": "classes", "objects_per_scene": 10}, 300, two)
                    for s in one.objects)  # fmt: skip
    assert found[specs[0].key] / (found[specs[0].key] + found[specs[1].key]) == pytest.approx(0.75, abs=0.04)


def test_upright_things_stand_and_the_rest_lies_as_it_fell() -> None:
    cans = Catalog((spec("can", 1), spec("can", 1, 1)), (Category(1, "can", "object"),))

    def standing(share: float) -> int:
        plan = pipeline({"upright": share, "objects_per_scene": 6})
        scenes = [sample_scene(plan, cans, STORE, scene_index=i, attempt=0) for i in range(3)]
        return sum(thing.world_from_object[2, 2] > 0.99 for scene in scenes for thing in scene.instances)

    assert standing(1.0) >= 15
    assert standing(0.0) <= 9


def test_occluders_clear_everything_that_lies_below() -> None:
    scene = full_scene()
    top = max(world_vertices(model_of(t.source), t.world_from_object)[:, 2].max() for t in scene.instances)
    for occluder in with_role(scene, "occluder"):
        low = world_vertices(model_of(occluder.source), occluder.world_from_object)[:, 2].min()
        assert low > max(0.24, top)


def test_materials_of_entries_reach_their_objects() -> None:
    red = {"colors": [[1.0, 0.0, 0.0]]}
    plan = pipeline({
        "objects": [{"family": "mug", "material": red}], "objects_per_scene": 1, "distractors": 1,
        "distractor_objects": [{"family": "brick", "material": {"roughness": 0.77}}],
    })  # fmt: skip
    specs = (spec("mug", 1), spec("brick", 0, role="distractor", entry=DISTRACTOR_ENTRIES))
    scene = sample_scene(plan, Catalog(specs, (Category(1, "mug", "object"),)), STORE, scene_index=0, attempt=0)
    assert {m.base_color for m in scene.instances[0].materials} == {(1.0, 0.0, 0.0)}
    assert {m.roughness for m in scene.instances[1].materials} == {0.77}


def test_photographs_lie_on_the_table_and_on_the_floor() -> None:
    photo, backdrop = FileAsset("file:aa", "table.jpg"), FileAsset("file:bb", "floor.jpg")
    pictured = replace(CATALOG, support_textures=(photo,), backdrop_textures=(backdrop,))
    scene = sample_scene(pipeline({"negatives": 1.0}), pictured, STORE, scene_index=0, attempt=0)
    textures = {thing.role: thing.materials[0].texture for thing in scene.objects}
    assert textures == {"support": "file:aa", "floor": "file:bb"}


def test_fixture_poses_turn_about_the_world_axes_in_order() -> None:
    plan = pipeline({"fixtures": [{"mesh": "a.glb", "position_m": [1, 2, 3], "rotation_deg": [90, 0, 90]}]})
    pose = fixture_pose(plan.scene.fixtures[0])
    # y goes to z about x and stays there about z; x goes to y about z.
    assert np.abs(pose[:3, :3] @ (0, 1, 0) - (0, 0, 1)).max() < 1e-12
    assert np.abs(pose[:3, :3] @ (1, 0, 0) - (0, 1, 0)).max() < 1e-12
    assert tuple(pose[:3, 3]) == (1, 2, 3)


def test_things_do_not_enter_fixtures() -> None:
    """A block in the middle of the table is a fixture: nothing may lie inside its box."""
    plan = pipeline({"fixtures": [{"mesh": "block.glb", "position_m": [0, 0, 0.05]}]})
    block = FamilySource("block", (("size_x", 0.2), ("size_y", 0.15), ("size_z", 0.1)))
    fixture = AssetSpec(model_of(block).key, "block", "fixture", block, entry=0)
    scene = sample_scene(plan, replace(CATALOG, specs=(*CATALOG.specs, fixture)), STORE, scene_index=2, attempt=0)
    placed = with_role(scene, "fixture")[0]
    assert (placed.instance_index, placed.category_id) == (0, 0)
    for thing in scene.instances:
        points = world_vertices(model_of(thing.source), thing.world_from_object)
        assert not (np.abs(points - (0, 0, 0.05)) < (0.098, 0.073, 0.048)).all(axis=1).any()


def acceptance(plan: Pipeline, of: Catalog, store: Any, scenes: int) -> int:
    from synthgen.errors import Rejection

    accepted = 0
    for index in range(scenes):
        try:
            sample_scene(plan, of, store, scene_index=index, attempt=0)
            accepted += 1
        except Rejection:
            pass
    return accepted


@pytest.mark.slow
@pytest.mark.parametrize(("support", "count"), [("table", 10), ("tote", 25)])
def test_nearly_every_first_attempt_is_accepted(support: str, count: int) -> None:
    many = catalog((*HOUSEHOLD, "washer", "wrench", "plate", "bottle", "die", "hex_bolt"))
    plan = pipeline({"objects_per_scene": count, "support": {"kind": support}})
    assert acceptance(plan, many, STORE, 40) >= 38


@cache
def scans() -> tuple[Catalog, AssetStore]:
    paths = sorted(SCANS.glob("*.glb"))
    assert len(paths) == 14
    specs = tuple(
        AssetSpec(path.stem, path.stem, "object", MeshSource(str(path)), path.stem, "object", i, entry=0)
        for i, path in enumerate(paths, start=1)
    )
    real = Catalog(specs, tuple(Category(i, path.stem, "object") for i, path in enumerate(paths, start=1)))
    return real, AssetStore(real)


@pytest.mark.real
@pytest.mark.skipif(not SCANS.is_dir(), reason="the real scans are not beside the repository (../shared/data/meshes)")
@pytest.mark.parametrize(("support", "count"), [("table", 10), ("tote", 20)])
def test_real_scans_settle(support: str, count: int) -> None:
    real, store = scans()
    plan = pipeline({"objects_per_scene": count, "support": {"kind": support}})
    scenes = [sample_scene(plan, real, store, scene_index=index, attempt=0) for index in range(3)]
    for thing in (thing for scene in scenes for thing in scene.instances):
        assert world_vertices(store.model(thing.source), thing.world_from_object)[:, 2].min() > -0.001
