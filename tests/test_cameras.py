"""Cameras: where they stand, what they look at, and which are refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scene_things import FamilyStore, catalog, family_source, pipeline
from scipy.spatial.transform import Rotation

from synthgen.errors import Rejection
from synthgen.projection import project
from synthgen.scene.camera_poses import look, rigid
from synthgen.scene.cameras import camera_fault, sample_camera, with_cameras
from synthgen.types.assets import Material
from synthgen.types.geometry import Camera, Intrinsics
from synthgen.types.scene import EnvironmentLight, Scene, SceneObject

STORE, CATALOG = FamilyStore(), catalog()
LOOKING_DOWN = [1, 0, 0, 0, 0, -1, 0, 0, 0, 0, -1, 0.7, 0, 0, 0, 1]


def scene(*placed: tuple[str, tuple[float, float, float]], category_id: int = 1) -> Scene:
    """Things at given positions, all labelled unless ``category_id`` is 0."""
    things = []
    for index, (family, position) in enumerate(placed, start=1):
        source, pose = family_source(family), np.eye(4)
        pose[:3, 3] = position
        key = STORE.model(source).key
        role = "object" if category_id else "distractor"
        things.append(SceneObject(index, role, key, source, category_id, pose, (Material(),)))
    return Scene(3, 0, 1, tuple(things), EnvironmentLight("procedural:lab:0", 0.0, 1.0), (), (), ())


def placement(**values: Any) -> dict[str, Any]:
    return {"placement": {"kind": "hemisphere"} | values}


def draw(camera: dict[str, Any], where: Scene, view: int = 0, **top: Any) -> Camera:
    return sample_camera(pipeline(None, camera, **top), CATALOG, where, STORE, view=view, attempt=0)


def optical_axis_miss_m(camera: Camera, target: tuple[float, float, float]) -> float:
    """Distance of the target from the optical axis."""
    offset = np.array(target) - camera.world_from_camera[:3, 3]
    forward = camera.world_from_camera[:3, 2]
    assert offset @ forward > 0
    return float(np.linalg.norm(offset - (offset @ forward) * forward))


@pytest.mark.parametrize("elevation_deg", [5, 45, 89.999, 90])
@pytest.mark.parametrize("azimuth_deg", [0, 90, 217])
def test_hemisphere_stands_at_its_angles_and_looks_at_the_objects(elevation_deg: float, azimuth_deg: float) -> None:
    where = scene(("can", (0.2, -0.1, 0.06)))
    wanted = placement(distance_m=0.6, elevation_deg=elevation_deg, azimuth_deg=azimuth_deg, roll_deg=0,
                       target_jitter_m=0)  # fmt: skip
    camera = draw(wanted, where)
    offset = camera.world_from_camera[:3, 3] - (0.2, -0.1, 0.06)
    assert np.linalg.norm(offset) == pytest.approx(0.6)
    assert np.degrees(np.arcsin(offset[2] / 0.6)) == pytest.approx(elevation_deg, abs=1e-4)
    assert optical_axis_miss_m(camera, (0.2, -0.1, 0.06)) < 1e-9
    assert camera.world_from_camera[2, 0] == pytest.approx(0, abs=1e-12), "without roll the image's rows are level"
    assert camera.world_from_camera[2, 1] <= 1e-9, "image y runs down"


@settings(max_examples=60, deadline=None)
@given(
    st.floats(0, 1), st.floats(-np.pi, np.pi), st.floats(-np.pi, np.pi)
)  # fmt: skip
def test_every_look_is_a_rigid_right_handed_pose(steepness: float, azimuth: float, roll: float) -> None:
    elevation = steepness * np.pi / 2
    forward = -np.array([np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)])
    pose = look(forward, np.array([-np.sin(azimuth), np.cos(azimuth), 0.0]), np.ones(3), roll_rad=roll)
    assert np.abs(pose[:3, :3] @ pose[:3, :3].T - np.eye(3)).max() < 1e-12
    assert np.linalg.det(pose[:3, :3]) == pytest.approx(1)
    assert np.abs(pose[:3, 2] - forward).max() < 1e-12


def test_roll_turns_the_image_about_its_axis() -> None:
    where = scene(("can", (0, 0, 0.06)))
    fixed = {"distance_m": 0.6, "elevation_deg": 40, "azimuth_deg": 0, "target_jitter_m": 0}
    level, rolled = (draw(placement(**fixed, roll_deg=roll), where) for roll in (0, 90))
    assert np.abs(rolled.world_from_camera[:3, 0] - level.world_from_camera[:3, 1]).max() < 1e-12
    assert np.abs(rolled.world_from_camera[:3, 2:] - level.world_from_camera[:3, 2:]).max() < 1e-12


@pytest.mark.parametrize("tilt_deg", [0, 20, 60])
def test_above_stands_at_its_height_over_the_support(tilt_deg: float) -> None:
    where = scene(("can", (0.1, 0.05, 0.06)))
    wanted = placement(kind="above", height_m=0.8, tilt_deg=tilt_deg, target_jitter_m=0)
    camera = draw(wanted, where)
    assert camera.world_from_camera[2, 3] == pytest.approx(0.8)
    assert np.degrees(np.arccos(-camera.world_from_camera[2, 2])) == pytest.approx(tilt_deg, abs=1e-4)
    assert optical_axis_miss_m(camera, (0.1, 0.05, 0.06)) < 1e-9


def test_jitter_stays_within_its_radius_and_differs_by_view() -> None:
    where = scene(("can", (0, 0, 0.06)))
    misses = [
        optical_axis_miss_m(draw(placement(target_jitter_m=0.05), where, view), (0, 0, 0.06)) for view in range(20)
    ]
    assert max(misses) <= 0.05
    assert len({round(miss, 9) for miss in misses}) == 20


@settings(max_examples=25, deadline=None)
@given(
    kind=st.sampled_from(["hemisphere", "above"]), share=st.floats(0, 1), view=st.integers(0, 1000),
    roll_deg=st.floats(-180, 180),
)  # fmt: skip
def test_off_centre_puts_the_objects_that_far_from_the_middle(
    kind: str, share: float, view: int, roll_deg: float
) -> None:
    where = scene(("can", (0.1, -0.05, 0.06)))
    wanted = placement(kind=kind, target_jitter_m=0, off_centre=share, roll_deg=roll_deg)
    camera = draw(wanted, where, view)
    lens, pose = camera.intrinsics, camera.world_from_camera
    target = pose[:3, :3].T @ (np.array([0.1, -0.05, 0.06]) - pose[:3, 3])
    assert target[2] > 0
    x = lens.fx * target[0] / target[2] / (lens.width / 2)
    y = lens.fy * target[1] / target[2] / (lens.height / 2)
    assert np.hypot(x, y) == pytest.approx(share, abs=1e-6)
    assert np.abs(pose[:3, :3] @ pose[:3, :3].T - np.eye(3)).max() < 1e-12
    centred = draw(placement(kind=kind, target_jitter_m=0, off_centre=0, roll_deg=roll_deg), where, view)
    assert np.array_equal(centred.world_from_camera[:3, 3], pose[:3, 3]), "the camera turns and stays where it is"


def test_poses_are_taken_in_turn() -> None:
    shifted = [*LOOKING_DOWN[:3], 0.1, *LOOKING_DOWN[4:]]
    wanted = placement(kind="poses", world_from_camera=[LOOKING_DOWN, shifted])
    where = scene(("can", (0, 0, 0.06)))
    assert [float(draw(wanted, where, view).world_from_camera[0, 3]) for view in range(4)] == [0, 0.1, 0, 0.1]


def test_a_pose_written_with_few_digits_becomes_exactly_rigid() -> None:
    rotation = Rotation.from_euler("xyz", (200, 10, 30), degrees=True).as_matrix().round(4)
    pose = np.eye(4)
    pose[:3, :3] = rotation
    exact = rigid(pose.ravel().tolist())
    assert np.abs(exact[:3, :3] @ exact[:3, :3].T - np.eye(3)).max() < 1e-14
    assert np.abs(exact[:3, :3] - rotation).max() < 1e-4


def test_field_of_view_is_horizontal() -> None:
    camera = draw({"fov_deg": 60}, scene(("can", (0, 0, 0.06))), image={"width": 640, "height": 480})
    lens = camera.intrinsics
    edge = np.array([[np.tan(np.radians(30)), 0.0, 1.0], [0.0, 0.0, 1.0]])
    assert np.abs(project(edge, lens) - [[640, 240], [320, 240]]).max() < 1e-9
    assert lens.fx == lens.fy


@pytest.mark.parametrize(
    ("given_distortion", "wanted", "intent"),
    [
        ([], (), "none"),
        ([0.1, -0.2, 0.001, 0.002], (0.1, -0.2, 0.001, 0.002, 0.0), "four numbers: k3 = 0"),
        ([0.1, -0.2, 0.0, 0.0, 0.05], (0.1, -0.2, 0.0, 0.0, 0.05), "five as they are"),
        ([0.1] * 8, (0.1,) * 8, "eight as they are"),
    ],
)
def test_K_and_distortion_are_taken_over(given_distortion: list[float], wanted: tuple[float, ...], intent: str) -> None:
    camera = draw({"K": [300, 310, 120, 130], "distortion": given_distortion}, scene(("can", (0, 0, 0.06))))
    lens = camera.intrinsics
    assert (lens.fx, lens.fy, lens.cx, lens.cy, lens.distortion) == (300, 310, 120, 130, wanted), intent


def test_calibration_of_the_catalog_wins() -> None:
    lens = Intrinsics(256, 256, 200, 201, 127, 126, (0.1, 0, 0, 0, 0))
    plan = pipeline(None, {"calibration": "camera.yaml"})
    calibrated = replace(CATALOG, calibration=lens)
    where = scene(("can", (0, 0, 0.06)))
    assert sample_camera(plan, calibrated, where, STORE, view=0, attempt=0).intrinsics == lens


@pytest.mark.parametrize(
    ("camera", "where", "reason"),
    [
        (placement(kind="poses", world_from_camera=[[*LOOKING_DOWN[:11], -0.2, 0, 0, 0, 1]]),
         scene(("can", (0, 0, 0.06))), "camera_below_support"),
        (placement(kind="poses", world_from_camera=[[*LOOKING_DOWN[:11], 0.06, 0, 0, 0, 1]]),
         scene(("can", (0, 0, 0.06))), "camera_inside_object"),
        (placement(kind="poses", world_from_camera=[LOOKING_DOWN]),
         scene(("can", (3.0, 0, 0.06))), "nothing_in_view"),
        (placement(kind="poses", world_from_camera=[[1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0.5, 0, 0, 0, 1]]),
         scene(("can", (0, 0, 0.06))), "nothing_in_view"),
    ],
)  # fmt: skip
def test_cameras_that_cannot_see_are_rejected(camera: dict[str, Any], where: Scene, reason: str) -> None:
    with pytest.raises(Rejection) as caught:
        draw(camera, where)
    assert caught.value.reason == reason


def test_a_mug_is_hollow_for_cameras_too() -> None:
    hovering = placement(kind="poses", world_from_camera=[[*LOOKING_DOWN[:11], 0.075, 0, 0, 0, 1]])
    where = scene(("mug", (0, 0, 0.05)))
    assert draw(hovering, where).world_from_camera[2, 3] == 0.075


@pytest.mark.parametrize("where", [scene(), scene(("can", (3.0, 0, 0.06)), category_id=0)])
def test_scenes_without_labelled_objects_need_nothing_in_view(where: Scene) -> None:
    draw(placement(kind="poses", world_from_camera=[LOOKING_DOWN]), where)


def test_views_and_attempts_have_their_own_draws_and_repeat() -> None:
    where, plan = scene(("can", (0, 0, 0.06))), pipeline()
    poses = {
        (view, attempt): sample_camera(plan, CATALOG, where, STORE, view=view, attempt=attempt).world_from_camera
        for view in (0, 1)
        for attempt in (0, 1)
    }
    again = sample_camera(plan, CATALOG, where, STORE, view=1, attempt=1)
    assert again.world_from_camera.tobytes() == poses[1, 1].tobytes()
    assert len({pose.tobytes() for pose in poses.values()}) == 4


def test_with_cameras_keeps_everything_else() -> None:
    where = scene(("can", (0, 0, 0.06)))
    camera = draw({}, where)
    seen = with_cameras(where, [camera], [4])
    assert (seen.cameras, seen.view_indices, seen.objects) == ((camera,), (4,), where.objects)


FAULTS = [
    (None, {}, None, "the defaults are fine"),
    (None, placement(kind="poses", world_from_camera=[LOOKING_DOWN]), None, "so is a camera that looks down"),
    (
        None,
        placement(kind="poses", world_from_camera=[[1.0, 0, 0]]),
        "camera.placement.world_from_camera[0]: has 3 numbers; a pose is 16 numbers, a 4 x 4 matrix row by row",
        "too few numbers",
    ),
    (
        None,
        placement(kind="poses", world_from_camera=[LOOKING_DOWN, [-1, *LOOKING_DOWN[1:]]]),
        "camera.placement.world_from_camera[1]: its 3 x 3 part is not a rotation (determinant -1; a rotation has "
        "orthonormal rows and determinant 1). Remove scale and mirroring, e.g. flip a left-handed axis",
        "a mirrored pose",
    ),
    (
        None,
        placement(kind="poses", world_from_camera=[np.array(LOOKING_DOWN).reshape(4, 4).T.ravel().tolist()]),
        "camera.placement.world_from_camera[0]: its last row is [0.0, 0.0, 0.7, 1.0]; a pose ends with [0, 0, 0, 1]. "
        "Give the matrix row by row (transpose it if it was stored by columns)",
        "a transposed pose",
    ),
    (
        None,
        placement(kind="poses", world_from_camera=[[*LOOKING_DOWN[:11], -0.3, 0, 0, 0, 1]]),
        "camera.placement.world_from_camera: every camera is at or below the support (z = 0; the highest is at "
        "z = -0.3 m). World z points up and the support's surface is z = 0: raise the cameras, and check that the "
        "poses are world_from_camera, not camera_from_world",
        "below the table",
    ),
    (
        None,
        placement(kind="poses", world_from_camera=[[1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0.7, 0, 0, 0, 1]]),
        "camera.placement.world_from_camera: no camera looks at the support, so that nothing can be seen. Camera axes "
        "are x right, y down, z forward (OpenCV); check that the poses are world_from_camera, in metres, and do not "
        "use OpenGL's axes (x right, y up, z backward)",
        "looking at the ceiling",
    ),
    (
        None,
        {"K": [0, 300, 128, 128]},
        "camera.K: the focal lengths (0, 300) must be positive pixels. Give K as [fx, fy, cx, cy], or use "
        "camera.fov_deg",
        "no focal length",
    ),
    (
        None,
        {"K": [615, 615, 320, 240]},
        "camera.K: the principal point (320, 240) lies outside the 256 x 256 image, so that a camera aimed at the "
        "objects does not see them. Give K for this image size (scale all four numbers with the image), or set "
        "image.width and image.height to the size K was measured at",
        "K of another image size",
    ),
    (
        None,
        {"fov_deg": 150, **placement(distance_m=20)},
        "camera.placement.distance_m: from 20 m even an object of 2 m covers only 11.8 pixels, fewer than "
        "labels.min_visible_px = 32, so that nothing can be labelled. Bring the camera nearer, narrow camera.fov_deg, "
        "or enlarge the image",
        "too far away",
    ),
    (
        {"support": {"kind": "tote", "size_m": [0.3, 0.2], "height_m": 0.3}},
        placement(elevation_deg={"uniform": [5, 30]}),
        "camera.placement.elevation_deg: cameras at most 30 deg above the horizon cannot look into a tote of 0.3 x 0.2 "
        "m with walls of 0.3 m; at least 40 deg are needed. Raise elevation_deg, or lower scene.support.height_m",
        "too flat for a tote",
    ),
    (
        {"support": {"kind": "tote", "height_m": 0.3}},
        placement(kind="above", height_m=0.2),
        "camera.placement.height_m: at most 0.2 m above the tote's floor, but its walls are 0.3 m high. Raise height_m "
        "above the walls",
        "inside the tote",
    ),
]


@pytest.mark.parametrize(("in_scene", "camera", "sentence", "intent"), FAULTS)
def test_impossible_cameras_are_told_before_the_run(
    in_scene: dict[str, Any] | None, camera: dict[str, Any], sentence: str | None, intent: str
) -> None:
    assert camera_fault(pipeline(in_scene, camera), CATALOG) == sentence, intent
