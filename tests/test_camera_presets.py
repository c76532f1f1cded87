"""Camera presets: field of view of the data sheet, crops as the camera itself makes them, lenses that can be undone."""

from __future__ import annotations

import math

import jsonschema
import numpy as np
import pytest

from synthgen.config.calibration import lens_fault
from synthgen.config.camera_presets import CAMERA_PRESETS, preset_intrinsics
from synthgen.config.choices import SENSE_PRESETS
from synthgen.config.models import CameraConfig, ImageConfig
from synthgen.config.schema import pipeline_schema
from synthgen.projection import distort, project, undistort
from synthgen.render.lens import lens_of
from synthgen.scene.camera_poses import draw_intrinsics
from synthgen.types.catalog import Catalog
from synthgen.types.geometry import Intrinsics

# name, image size, (horizontal, vertical) field of view in degrees as the data sheet states it, tolerance
FIELDS = [
    ("realsense_d435", (1920, 1080), (69, 42), 1.5),
    ("realsense_d415", (1920, 1080), (69, 42), 1.5),
    ("azure_kinect", (4096, 3072), (90, 74.3), 1.0),
    ("azure_kinect", (1280, 720), (90, 59), 1.0),
    ("industrial_5mp_8mm", (2448, 2048), (55.7, 47.7), 0.7),
]


def field_deg(lens: Intrinsics) -> tuple[float, float]:
    """Angle between the rays through the middles of opposite image edges."""
    x = np.array([-lens.cx, lens.width - lens.cx, 0.0, 0.0]) / lens.fx
    y = np.array([0.0, 0.0, -lens.cy, lens.height - lens.cy]) / lens.fy
    u, v = undistort(x, y, lens.distortion)
    angle = np.degrees(np.arctan(np.hypot(u, v)))
    return float(angle[0] + angle[1]), float(angle[2] + angle[3])


@pytest.mark.parametrize(("name", "size", "field", "tolerance"), FIELDS)
def test_field_of_view_is_the_data_sheets(
    name: str, size: tuple[int, int], field: tuple[float, float], tolerance: float
) -> None:
    assert field_deg(preset_intrinsics(name, width=size[0], height=size[1])) == pytest.approx(field, abs=tolerance)


def test_the_known_focal_lengths_of_the_d435() -> None:
    """What the driver reports at its usual sizes: about 613 px at 640x480 (a crop) and about 920 px at 1280x720."""
    assert preset_intrinsics("realsense_d435", width=640, height=480).fx == pytest.approx(613, rel=0.01)
    assert preset_intrinsics("realsense_d435", width=1280, height=720).fx == pytest.approx(920, rel=0.01)


@pytest.mark.parametrize("name", CAMERA_PRESETS)
@pytest.mark.parametrize("size", [(64, 64), (640, 480), (640, 360), (300, 900)])
def test_lenses_can_be_undone_at_every_shape(name: str, size: tuple[int, int]) -> None:
    lens = preset_intrinsics(name, width=size[0], height=size[1])
    assert lens_fault(lens) == ""
    assert lens_of(lens).curved
    preset = CAMERA_PRESETS[name]
    assert lens.width / lens.fx <= preset.width / preset.focal_px + 1e-9, "never more than the sensor sees"
    assert lens.height / lens.fy <= preset.height / preset.focal_px + 1e-9


@pytest.mark.parametrize(
    ("name", "share"), [("realsense_d435", 0.015), ("realsense_d415", 0.015), ("industrial_5mp_8mm", 0.015)]
)
def test_distortion_is_of_the_stated_size(name: str, share: float) -> None:
    preset = CAMERA_PRESETS[name]
    radius = np.linspace(0.01, math.hypot(preset.width, preset.height) / 2 / preset.focal_px, 50)
    bent, _ = distort(radius, np.zeros(50), preset.distortion)
    off = np.abs(bent / radius - 1).max()
    assert 0.005 < off <= share


def test_points_follow_the_lens() -> None:
    straight = preset_intrinsics("industrial_5mp_8mm", width=640, height=535)
    corner = np.array([[0.5, 0.4, 1.0]])
    pinhole = Intrinsics(640, 535, straight.fx, straight.fy, straight.cx, straight.cy)
    inward = project(corner, straight) - project(corner, pinhole)
    assert (inward < -1).all(), "barrel: towards the middle"


def test_a_preset_gives_the_camera_of_every_view() -> None:
    config, image = CameraConfig(preset="azure_kinect"), ImageConfig(width=320, height=240)
    lens = draw_intrinsics(config, image, Catalog((), ()), rng=np.random.default_rng(0))
    assert lens == preset_intrinsics("azure_kinect", width=320, height=240)
    assert config.fov_deg is None


def test_sense_presets_of_the_cameras_exist() -> None:
    assert {preset.sense for preset in CAMERA_PRESETS.values()} <= set(SENSE_PRESETS)


SCHEMA = [
    ("camera preset", {"camera": {"preset": "azure_kinect"}}, True),
    ("unknown camera preset", {"camera": {"preset": "kinect"}}, False),
    ("a depth sensor in one word", {"labels": {"depth_sensor": "tof"}}, True),
    ("a depth sensor as a block", {"labels": {"depth_sensor": {"kind": "stereo", "noise": 0.5}}}, True),
    ("an unknown depth sensor", {"labels": {"depth_sensor": "lidar"}}, False),
    ("effects", {"augment": [{"blur": {"p": 0.1}}, {"noise": {"sd_levels": {"uniform": [1, 2]}}}]}, True),
    ("two effects in one entry", {"augment": [{"blur": {}, "noise": {}}]}, False),
    ("an unknown effect", {"augment": [{"swirl": {}}]}, False),
]


@pytest.mark.parametrize(("intent", "change", "good"), SCHEMA, ids=[row[0] for row in SCHEMA])
def test_schema(intent: str, change: dict[str, object], good: bool) -> None:
    tree = {"name": "t", "scene": {"objects": [{"family": "mug"}]}} | change
    assert jsonschema.Draft202012Validator(pipeline_schema()).is_valid(tree) is good, intent
