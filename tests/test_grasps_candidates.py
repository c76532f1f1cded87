"""Candidates of one object alone: contacts, friction, what is clear of the object itself."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from scene_things import family_source, model_of

from synthgen.assets.model import make_model, split_creases
from synthgen.label.grasps_candidates import (
    OPENING_MARGIN_M,
    antipodal_pairs,
    approach_directions,
    gripper_poses,
    make_candidates,
    swept_boxes,
)
from synthgen.label.grasps_mesh import make_tree
from synthgen.label.grippers import make_gripper
from synthgen.types.assets import ObjectModel, Symmetries
from synthgen.types.grasps import GraspCandidates

FRANKA = make_gripper("franka_hand")


def model_from(solid: trimesh.Trimesh, key: str = "0123456789abcdef") -> ObjectModel:
    uvs, slots = np.zeros((len(solid.vertices), 2)), np.zeros(len(solid.faces), np.int32)
    return make_model(
        key=key,
        name=key,
        mesh=split_creases(np.asarray(solid.vertices), np.asarray(solid.faces), uvs, slots, crease_deg=30.0),
        parts=(np.asarray(solid.vertices),),
        slots=(),
        symmetries=Symmetries.none(),
        watertight=True,
        volume_m3=1e-4,
        source="",
        licence="",
        attribution="",
    )


def candidates(model: ObjectModel, friction_max: float = 1.0, preshape_m: float | None = None) -> GraspCandidates:
    return make_candidates(
        model, make_tree(model.mesh), FRANKA, friction_max=friction_max, approach_m=0.1, preshape_m=preshape_m
    )


def wedge(slope_deg: float) -> trimesh.Trimesh:
    """A prism with two large faces that lean towards each other by ``slope_deg`` each."""
    lean = np.tan(np.radians(slope_deg)) * 0.03
    points = [(sign * (0.02 - z * lean), y, z * 0.03) for sign in (-1, 1) for y in (-0.03, 0.03) for z in (-1, 1)]
    return trimesh.convex.convex_hull(np.array(points))


@cache
def mug() -> tuple[ObjectModel, GraspCandidates]:
    model = model_of(family_source("mug"))
    return model, candidates(model)


def test_a_brick_is_held_without_friction_across_its_narrow_sides() -> None:
    found = candidates(model_from(trimesh.creation.box((0.05, 0.12, 0.2))))
    best = found.min_friction < 1e-3
    assert best.any() and np.allclose(found.width_m[best], 0.05, atol=1e-5)
    assert np.allclose(np.abs(found.closing[best, 0]), 1.0, atol=1e-5)
    assert found.clear[best].any()


def test_what_is_wider_than_the_opening_is_not_graspable() -> None:
    found = candidates(model_from(trimesh.creation.box((0.09, 0.12, 0.2))))
    assert found.pairs_found == 0 and found.clear.size == 0 and len(found.width_m) == 0


@pytest.mark.parametrize("slope_deg", [5.0, 10.0, 20.0])
def test_leaning_faces_need_the_friction_of_their_slope(slope_deg: float) -> None:
    """Intent: a level closing axis on faces that lean by a holds from mu = tan(a) on (friction cone, Nguyen 1988)."""
    model = model_from(wedge(slope_deg))
    rng = np.random.default_rng(0)
    pairs = antipodal_pairs(model.mesh, make_tree(model.mesh), opening_m=0.08, friction_max=1.0, rng=rng)
    on_faces = (np.abs(pairs.axis[:, 0]) > 0.9).nonzero()[0]
    tangent = np.tan(np.radians(slope_deg))
    assert len(on_faces) > 50
    assert pairs.min_friction[on_faces].min() >= tangent - 1e-6
    level = np.abs(pairs.axis[on_faces, 2]) < 0.02
    assert level.any() and pairs.min_friction[on_faces][level].min() == pytest.approx(tangent, abs=0.03)


def test_friction_limits_the_pairs() -> None:
    model = model_from(wedge(20.0))
    pairs = antipodal_pairs(
        model.mesh, make_tree(model.mesh), opening_m=0.08, friction_max=0.3, rng=np.random.default_rng(0)
    )
    assert (pairs.min_friction <= 0.3 + 1e-9).all()
    assert not (np.abs(pairs.axis[:, 0]) > 0.9).any(), "these faces need 0.36"


def test_a_mug_is_grasped_by_its_wall_and_its_handle() -> None:
    model, found = mug()
    clear = found.clear.any(axis=(1, 2))
    wall = clear & (found.width_m < 0.008) & (found.middle_m[:, 2] > 0.2 * model.extent_m[2])
    assert wall.any(), "the rim's wall, with one finger inside"
    assert (found.width_m <= FRANKA.opening_m - OPENING_MARGIN_M).all()


def test_the_same_model_gives_the_same_candidates_and_another_key_others() -> None:
    box = trimesh.creation.box((0.05, 0.06, 0.07))
    one, two, other = candidates(model_from(box)), candidates(model_from(box)), candidates(model_from(box, "f" * 16))
    assert np.array_equal(one.middle_m, two.middle_m) and np.array_equal(one.clear, two.clear)
    assert not np.array_equal(one.middle_m, other.middle_m)


@settings(max_examples=30, deadline=None)
@given(row=st.integers(0, 10**6))
def test_clear_approaches_hold_no_surface_inside_the_gripper(row: int) -> None:
    """Intent: dense points of the true mesh, not the tree, decide."""
    found = mug()[1]
    spots = np.argwhere(found.clear)
    pair, angle, depth = spots[row % len(spots)]
    pose = gripper_poses(
        found.middle_m[[pair]], found.closing[[pair]], found.approach[[pair], angle], float(found.reach_m[depth])
    )[0]
    points = _surface_points()
    local = (points - pose[:3, 3]) @ pose[:3, :3]
    lows, highs = swept_boxes(FRANKA, 0.1, np.array([FRANKA.opening_m]))
    for low, high in zip(lows[0], highs[0], strict=True):
        assert not ((local > low + 1e-6) & (local < high - 1e-6)).all(axis=1).any()


@cache
def _surface_points() -> np.ndarray:
    mesh = mug()[0].mesh
    solid = trimesh.Trimesh(mesh.vertices, mesh.faces, process=False)
    return np.asarray(trimesh.sample.sample_surface(solid, 20000, seed=3)[0])


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_approaches_are_unit_and_across_the_closing_axis(seed: int) -> None:
    axis = np.random.default_rng(seed).normal(size=(4, 3))
    axis /= np.linalg.norm(axis, axis=1, keepdims=True)
    approach = approach_directions(axis)
    assert np.allclose(np.linalg.norm(approach, axis=2), 1.0)
    assert np.allclose((approach * axis[:, None]).sum(axis=2), 0.0, atol=1e-12)
    assert np.allclose(approach.sum(axis=1), 0.0, atol=1e-12), "even all around"
    for k in range(approach.shape[1]):
        poses = gripper_poses(np.zeros((4, 3)), axis, approach[:, k], 0.01)
        assert np.allclose(np.linalg.det(poses[:, :3, :3]), 1.0)
