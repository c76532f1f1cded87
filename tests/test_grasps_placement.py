"""Grasps in a scene: support, neighbours, what is kept, what is written."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from test_grasps_candidates import FRANKA, candidates, model_from

from synthgen.label.grasps import grasp_rectangles, seen_grasps
from synthgen.label.grasps_candidates import swept_boxes
from synthgen.label.grasps_mesh import Forest, Tree, make_forest, make_tree
from synthgen.label.grasps_placement import Choice, place_grasps
from synthgen.types.geometry import Camera, Intrinsics
from synthgen.types.grasps import GraspCandidates, PlacedGrasp

BLOCK = model_from(trimesh.creation.box((0.04, 0.05, 0.06)))
BLOCK_CANDIDATES = candidates(BLOCK)
CHOICE = Choice(friction_max=1.0, per_object=16, approach_m=0.1, clearance_m=0.001)
EMPTY = make_forest([], [])
CAMERA = Camera(Intrinsics(640, 480, 500.0, 500.0, 320.0, 240.0), np.eye(4))


def at(x: float, y: float, z: float, yaw_deg: float = 0.0) -> np.ndarray:
    pose = np.eye(4)
    pose[:3, :3] = Rotation.from_euler("z", yaw_deg, degrees=True).as_matrix()
    pose[:3, 3] = x, y, z
    return pose


def wall(size: tuple[float, float, float]) -> Tree:
    return make_tree(model_from(trimesh.creation.box(size)).mesh)


def place(
    pose: np.ndarray, forest: Forest = EMPTY, found: GraspCandidates = BLOCK_CANDIDATES, choice: Choice = CHOICE
) -> tuple[PlacedGrasp, ...]:
    return place_grasps(found, FRANKA, pose, forest, -1, diameter_m=BLOCK.diameter_m, choice=choice)


def world_boxes(grasp: PlacedGrasp, pose: np.ndarray) -> np.ndarray:
    """All corners of the swept gripper in the world, (8 B, 3)."""
    lows, highs = swept_boxes(FRANKA, CHOICE.approach_m, np.array([FRANKA.opening_m]))
    low, high = lows[0], highs[0]
    picks = [np.array([bit & 1, bit >> 1 & 1, bit >> 2 & 1], dtype=bool) for bit in range(8)]
    corners = np.concatenate([np.where(pick, high, low) for pick in picks])
    full = pose @ grasp.object_from_gripper
    return corners @ full[:3, :3].T + full[:3, 3]


def test_on_a_table_every_free_gripper_stays_above_it() -> None:
    pose = at(0.1, 0.2, 0.03)
    grasps = place(pose)
    free = [grasp for grasp in grasps if grasp.collision_free]
    assert len(free) == 16
    for grasp in free:
        assert world_boxes(grasp, pose)[:, 2].min() >= CHOICE.clearance_m - 1e-9
    assert len({grasp.object_from_gripper.tobytes() for grasp in grasps}) == 16


def test_a_flat_thing_on_the_table_leaves_only_colliding_grasps() -> None:
    flat = model_from(trimesh.creation.box((0.05, 0.05, 0.001)))
    grasps = place(at(0, 0, 0.0005), found=candidates(flat))
    assert grasps and not any(grasp.collision_free for grasp in grasps)


def test_walls_on_two_sides_leave_the_other_two() -> None:
    """Intent: with walls 4 mm from both x sides no finger fits there; it closes along y."""
    walls = [at(x, 0, 0.03) for x in (-0.026, 0.026)]
    forest = make_forest([wall((0.004, 0.3, 0.06))] * 2, walls)
    free = [grasp for grasp in place(at(0, 0, 0.03), forest) if grasp.collision_free]
    assert free
    for grasp in free:
        assert abs(grasp.object_from_gripper[1, 0]) > 0.9


def test_a_lid_leaves_the_sides_and_a_box_around_leaves_nothing() -> None:
    lid = make_forest([wall((0.3, 0.3, 0.004))], [at(0, 0, 0.075)])
    for grasp in place(at(0, 0, 0.03), lid):
        assert not grasp.collision_free or abs(grasp.object_from_gripper[2, 2]) < 0.6
    sides = [(at(0.05, 0, 0.05), (0.004, 0.1, 0.1)), (at(-0.05, 0, 0.05), (0.004, 0.1, 0.1)),
             (at(0, 0.05, 0.05), (0.1, 0.004, 0.1)), (at(0, -0.05, 0.05), (0.1, 0.004, 0.1))]  # fmt: skip
    cage = make_forest(
        [wall((0.3, 0.3, 0.004)), *(wall(size) for _, size in sides)], [at(0, 0, 0.075), *(pose for pose, _ in sides)]
    )
    grasps = place(at(0, 0, 0.03), cage)
    assert len(grasps) == 16 and not any(grasp.collision_free for grasp in grasps)


def test_a_thing_between_the_open_fingers_counts_as_a_collision() -> None:
    """Intent: the fingers would close on it first."""
    narrow = model_from(trimesh.creation.box((0.01, 0.05, 0.06)))
    found = candidates(narrow)
    post = make_forest([wall((0.004, 0.004, 0.06))], [at(0.012, 0.0, 0.03)])
    # The post is lower than the object and thinner than the gap: only closing on it touches it.
    for grasp in place(at(0, 0, 0.03), post, found):
        origin = grasp.object_from_gripper[:3, 3]
        crosses = abs(origin[1]) < 0.008 and abs(grasp.object_from_gripper[0, 0]) > 0.9
        assert not (crosses and grasp.collision_free and abs(grasp.object_from_gripper[2, 2]) > 0.9)


def test_the_object_itself_is_no_obstacle() -> None:
    own = make_forest([make_tree(BLOCK.mesh)], [at(0, 0, 0.03)])
    grasps = place_grasps(BLOCK_CANDIDATES, FRANKA, at(0, 0, 0.03), own, 0, diameter_m=BLOCK.diameter_m, choice=CHOICE)
    assert all(np.array_equal(a.object_from_gripper, b.object_from_gripper)
               for a, b in zip(grasps, place(at(0, 0, 0.03)), strict=True))  # fmt: skip


def test_preshaped_fingers_fit_where_open_ones_do_not() -> None:
    """Intent: four walls 30 mm from the sides: open fingers, 40 mm from the middle plus their thickness, hit them."""
    shut = make_forest(
        [wall((0.004, 0.3, 0.05))] * 2 + [wall((0.3, 0.004, 0.05))] * 2,
        [at(0.052, 0, 0.025), at(-0.052, 0, 0.025), at(0, 0.057, 0.025), at(0, -0.057, 0.025)],
    )
    narrow = Choice(1.0, 16, 0.1, 0.001, preshape_m=0.008)
    found = candidates(BLOCK, preshape_m=0.008)
    level = [g for g in place(at(0, 0, 0.03), shut) if g.collision_free and g.object_from_gripper[2, 2] < -0.9
             and g.object_from_gripper[2, 3] < 0.01]  # fmt: skip
    fitted = [g for g in place(at(0, 0, 0.03), shut, found, narrow) if g.collision_free]
    assert not level and fitted


@pytest.mark.parametrize("per_object", [1, 5, 16])
def test_no_more_than_asked_for(per_object: int) -> None:
    grasps = place(at(0, 0, 0.03), choice=Choice(1.0, per_object, 0.1, 0.001))
    assert len(grasps) == per_object
    assert grasps[0].score > 0.9, "the best comes first"


def test_scores_follow_from_friction() -> None:
    for grasp in place(at(0, 0, 0.03), choice=Choice(0.5, 16, 0.1, 0.001)):
        assert grasp.score == pytest.approx(max(0.0, 1 - grasp.min_friction / 0.5))


@settings(max_examples=25, deadline=None)
@given(yaw_deg=st.floats(-180, 180), x=st.floats(-1, 1), y=st.floats(-1, 1))
def test_turning_and_moving_a_scene_about_the_vertical_keeps_its_grasps(yaw_deg: float, x: float, y: float) -> None:
    neighbour, move = wall((0.02, 0.05, 0.08)), at(x, y, 0.0, yaw_deg)
    still = place(at(0, 0, 0.03), make_forest([neighbour], [at(0.05, 0, 0.04)]))
    moved = place(move @ at(0, 0, 0.03), make_forest([neighbour], [move @ at(0.05, 0, 0.04)]))
    same = [np.array_equal(a.object_from_gripper, b.object_from_gripper) for a, b in zip(still, moved, strict=True)]
    assert np.mean(same) > 0.8, "only grasps that just touch may change"


def grasp_rectangle(pose: np.ndarray, camera: Camera, *, width_m: float, jaw_m: float) -> tuple[float, ...] | None:
    return grasp_rectangles(pose[None], camera, width_m=np.array([width_m]), jaw_m=jaw_m)[0]


def looking_down(roll_deg: float = 0.0, tilt_deg: float = 0.0, depth_m: float = 0.6) -> np.ndarray:
    """camera_from_gripper of a gripper that approaches along the optical axis."""
    pose = np.eye(4)
    pose[:3, :3] = Rotation.from_euler("xz", [tilt_deg, roll_deg], degrees=True).as_matrix()
    pose[:3, 3] = 0.01, -0.02, depth_m
    return pose


@settings(max_examples=60, deadline=None)
@given(roll_deg=st.floats(-89.9, 89.9), width_m=st.floats(0.002, 0.077), depth_m=st.floats(0.3, 1.5))
def test_a_rectangle_seen_straight_on(roll_deg: float, width_m: float, depth_m: float) -> None:
    rect = grasp_rectangle(looking_down(roll_deg, depth_m=depth_m), CAMERA, width_m=width_m, jaw_m=0.02)
    assert rect is not None
    assert rect[0] == pytest.approx(320 + 500 * 0.01 / depth_m)
    assert rect[1] == pytest.approx(240 - 500 * 0.02 / depth_m)
    assert rect[2] == pytest.approx(500 * width_m / depth_m)
    assert rect[3] == pytest.approx(500 * 0.02 / depth_m)
    assert rect[4] == pytest.approx(roll_deg, abs=1e-6), "from image +x towards image +y"


@pytest.mark.parametrize(
    ("intent", "pose", "there"),
    [
        ("29 degrees off the optical axis", looking_down(tilt_deg=29.0), True),
        ("31 degrees off", looking_down(tilt_deg=31.0), False),
        ("from behind", looking_down(tilt_deg=180.0), False),
        ("behind the camera", looking_down(depth_m=-0.5), False),
        ("out of frame", looking_down(depth_m=0.02), False),
    ],
)
def test_rectangles_only_where_the_camera_looks_along_the_approach(intent: str, pose: np.ndarray, there: bool) -> None:
    assert (grasp_rectangle(pose, CAMERA, width_m=0.03, jaw_m=0.02) is not None) == there, intent


def test_a_half_turn_of_the_gripper_is_the_same_rectangle() -> None:
    one = grasp_rectangle(looking_down(40.0), CAMERA, width_m=0.03, jaw_m=0.02)
    two = grasp_rectangle(looking_down(-140.0), CAMERA, width_m=0.03, jaw_m=0.02)
    assert one is not None and two is not None and np.allclose(one, two)


def test_seen_grasps_compose_the_poses() -> None:
    placed = place(at(0, 0, 0.03))
    camera_from_object = looking_down(20.0, 10.0)
    none, seen_ones = seen_grasps([(), placed], np.stack([np.eye(4), camera_from_object]), CAMERA, jaw_m=0.02)
    assert none == () and seen_ones
    for before, seen in zip(placed, seen_ones, strict=True):
        assert np.allclose(seen.camera_from_gripper, camera_from_object @ before.object_from_gripper)
        assert (seen.score, seen.collision_free) == (before.score, before.collision_free)
