"""Settling: repeatable to the bit, at rest, and not inside one another as true meshes."""

from __future__ import annotations

import hashlib
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scene_things import FASTENERS, HOUSEHOLD, FamilyStore, catalog, family_source, model_of, pipeline, solid
from scipy.spatial.transform import Rotation

from synthgen.errors import Rejection
from synthgen.scene import settle as settling
from synthgen.scene.bodies import Arena, Body
from synthgen.scene.collision import fitted_parts
from synthgen.scene.sample import sample_scene
from synthgen.scene.settle import settle
from synthgen.types.scene import Scene

OPEN = Arena(half_size_m=(0.6, 0.4), keep_half_m=(0.6, 0.4))
MAX_OVERLAP_CM3, MAX_OVERLAP_SHARE = 0.02, 0.005


def body(family: str, position: tuple[float, float, float], euler_deg: tuple[float, float, float] = (0, 0, 0)) -> Body:
    pose = np.eye(4)
    pose[:3, :3] = Rotation.from_euler("xyz", euler_deg, degrees=True).as_matrix()
    pose[:3, 3] = position
    return Body(model_of(family_source(family)), pose, 1000.0, 0.5)


def some_bodies() -> tuple[Body, ...]:
    return tuple(
        body(family, (0.1 * (i % 3) - 0.1, 0.12 * (i // 3) - 0.06, 0.15), (17 * i, 31 * i, 5 * i))
        for i, family in enumerate(HOUSEHOLD)
    )


def settled_scene(families: tuple[str, ...], support: str, count: int, index: int) -> Scene:
    plan = pipeline({"objects_per_scene": count, "support": {"kind": support}})
    return sample_scene(plan, catalog(families), FamilyStore(), scene_index=index, attempt=0)


def test_the_same_bodies_give_the_same_bits() -> None:
    first = settle(some_bodies(), OPEN)
    again = settle(some_bodies(), OPEN)
    assert first.steps == again.steps
    assert first.world_from_object.tobytes() == again.world_from_object.tobytes()


def test_a_fresh_process_gives_the_same_bits(tmp_path: Path) -> None:
    stored = tmp_path / "bodies.pickle"
    stored.write_bytes(pickle.dumps((some_bodies(), OPEN)))
    program = (
        "import hashlib, pickle, sys; from synthgen.scene.settle import settle; "
        "bodies, arena = pickle.load(open(sys.argv[1], 'rb')); "
        "print(hashlib.sha256(settle(bodies, arena).world_from_object.tobytes()).hexdigest())"
    )
    run = subprocess.run([sys.executable, "-c", program, stored], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == hashlib.sha256(settle(some_bodies(), OPEN).world_from_object.tobytes()).hexdigest()


def test_what_was_settled_before_does_not_matter() -> None:
    alone = settle(some_bodies()[:2], OPEN)
    settle(some_bodies(), OPEN)
    assert settle(some_bodies()[:2], OPEN).world_from_object.tobytes() == alone.world_from_object.tobytes()


def test_no_bodies_are_at_rest_at_once() -> None:
    settled = settle((), OPEN)
    assert settled.world_from_object.shape == (0, 4, 4)
    assert settled.steps == 0


@pytest.mark.parametrize(
    ("family", "euler_deg", "intent"),
    [
        ("can", (0, 0, 0), "a standing can keeps standing"),
        ("can", (90, 0, 20), "a lying can comes to rest though it could roll"),
        ("bottle", (88, 0, 0), "so does a bottle with its cone"),
        ("washer", (80, 0, 0), "a thin ring falls over and lies flat"),
        ("hex_nut", (20, 30, 0), "a nut of a few grams does not jitter"),
        ("plate", (5, 0, 0), "a wobbling plate calms down"),
    ],
)
def test_a_single_thing_rests_on_the_surface(family: str, euler_deg: tuple[float, float, float], intent: str) -> None:
    thing = body(family, (0.0, 0.0, 0.2), euler_deg)
    settled = settle((thing,), OPEN)
    vertices = thing.model.mesh.vertices @ settled.world_from_object[0, :3, :3].T + settled.world_from_object[0, :3, 3]
    assert abs(vertices[:, 2].min()) < 0.0005, intent
    assert settled.penetration_m < 0.0003


def test_a_dropped_thing_neither_slides_off_nor_turns_when_it_stands() -> None:
    settled = settle((body("box", (0.1, 0.05, 0.12)),), OPEN).world_from_object[0]
    assert np.abs(settled[:2, 3] - (0.1, 0.05)).max() < 0.002
    assert settled[2, 2] > 0.9999


@settings(max_examples=12, deadline=None, derandomize=True)
@given(
    family=st.sampled_from((*HOUSEHOLD, *FASTENERS)),
    euler_deg=st.tuples(*[st.floats(-180, 180)] * 3),
    height_m=st.floats(0.15, 0.5),
)
def test_poses_stay_rigid_and_above_the_surface(
    family: str, euler_deg: tuple[float, float, float], height_m: float
) -> None:
    settled = settle((body(family, (0, 0, height_m), euler_deg),), OPEN)
    pose = settled.world_from_object[0]
    assert np.abs(pose[:3, :3] @ pose[:3, :3].T - np.eye(3)).max() < 1e-12
    assert np.linalg.det(pose[:3, :3]) > 0
    assert (pose[3] == (0, 0, 0, 1)).all()
    model = model_of(family_source(family))
    part_low = min((part @ pose[:3, :3].T + pose[:3, 3])[:, 2].min() for part in fitted_parts(model))
    assert -0.0003 < part_low < 0.0003
    assert (model.mesh.vertices @ pose[:3, :3].T + pose[:3, 3])[:, 2].min() > -0.0006


def test_a_thing_that_starts_beside_the_support_is_hung_over_it_again() -> None:
    inside, outside = body("box", (0.0, 0.0, 0.12)), body("can", (0.75, 0.0, 0.1))
    arena = Arena(half_size_m=(1.0, 1.0), keep_half_m=(0.6, 0.4))
    poses = settle((inside, outside), arena).world_from_object
    assert (np.abs(poses[:, :2, 3]) < (0.6, 0.4)).all()


def test_a_thing_that_cannot_stay_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling, "REPAIRS", 0)
    arena = Arena(half_size_m=(2.0, 2.0), keep_half_m=(0.6, 0.4))
    with pytest.raises(Rejection, match="object_lost"):
        settle((body("can", (1.0, 0.0, 0.1)),), arena)


def test_things_that_never_rest_are_rejected_after_the_step_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling, "MAX_STEPS", 20)
    with pytest.raises(Rejection, match="settling_restless"):
        settle((body("can", (0, 0, 0.3)),), OPEN)


def test_jammed_things_are_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling, "REPAIRS", 0)
    monkeypatch.setattr(settling, "MAX_PENETRATION_M", -1.0)
    with pytest.raises(Rejection, match="settling_overlap"):
        settle((body("box", (0, 0, 0.12)),), OPEN)


def test_a_diverging_simulation_is_rejected() -> None:
    thing = body("can", (0, 0, 0.3))
    start = thing.world_from_object.copy()
    start[2, 3] = 2 * settling.LOST_M
    with pytest.raises(Rejection, match="settling_unstable"):
        settle((Body(thing.model, start, 1000.0, 0.5),), OPEN)


@pytest.mark.parametrize(
    ("families", "support", "count", "index"),
    [
        (HOUSEHOLD, "table", 14, 0),
        (FASTENERS, "table", 14, 1),
        (HOUSEHOLD, "tote", 12, 2),
    ],
)
def test_true_meshes_hardly_overlap(families: tuple[str, ...], support: str, count: int, index: int) -> None:
    check_overlap(settled_scene(families, support, count, index))


@pytest.mark.slow
@pytest.mark.parametrize("index", range(8))
@pytest.mark.parametrize("support", ["table", "tote"])
def test_true_meshes_hardly_overlap_in_many_scenes(support: str, index: int) -> None:
    check_overlap(settled_scene(HOUSEHOLD + FASTENERS[1:], support, 25, index))


def check_overlap(scene: Scene) -> None:
    """Every pair of true meshes: overlap volume below 0.02 cm3 or 0.5 % of the smaller; nothing below the surface."""
    models = [model_of(thing.source) for thing in scene.instances]
    solids = [solid(model, thing.world_from_object) for model, thing in zip(models, scene.instances, strict=True)]
    checked = 0
    for i, first in enumerate(solids):
        low = first.bounding_box()
        assert low[2] > -0.0008, f"{models[i].name} is sunk by {-1000 * low[2]:.2f} mm"
        for j in range(i):
            other = solids[j].bounding_box()
            if any(low[k] > other[k + 3] or other[k] > low[k + 3] for k in range(3)):
                continue
            checked += 1
            overlap_m3 = (first ^ solids[j]).volume()
            smaller_m3 = min(models[i].volume_m3, models[j].volume_m3)
            assert overlap_m3 < max(MAX_OVERLAP_CM3 * 1e-6, MAX_OVERLAP_SHARE * smaller_m3), (
                f"{models[i].name} and {models[j].name} share {overlap_m3 * 1e6:.3f} cm3"
            )
    assert checked > 0
