"""Calibration files of ROS and OpenCV: what is read, how K is scaled, and what is refused in which words."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.config.calibration import lens_fault, load_calibration
from synthgen.errors import AssetError
from synthgen.projection import distort, project
from synthgen.types.geometry import Intrinsics

ROS = """\
image_width: 640
image_height: 480
camera_name: narrow_stereo
camera_matrix:
  rows: 3
  cols: 3
  data: [600.0, 0.0, 319.5, 0.0, 605.0, 239.5, 0.0, 0.0, 1.0]
distortion_model: plumb_bob
distortion_coefficients:
  rows: 1
  cols: 5
  data: [0.05, -0.1, 0.001, -0.002, 0.0]
rectification_matrix: {rows: 3, cols: 3, data: [1, 0, 0, 0, 1, 0, 0, 0, 1]}
"""
TOPIC = """\
header:
  seq: 12
  frame_id: "camera"
height: 480
width: 640
distortion_model: "rational_polynomial"
D: [0.1, 0.02, 0.0, 0.0, 0.003, 0.1, 0.0, 0.001]
K: [600.0, 0.0, 319.5, 0.0, 605.0, 239.5, 0.0, 0.0, 1.0]
R: [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
roi: {x_offset: 0, y_offset: 0, height: 0, width: 0, do_rectify: false}
---
height: 480
"""
TOPIC_2 = """\
height: 480
width: 640
distortion_model: plumb_bob
d:
- 0.0
- 0.0
- 0.0
- 0.0
- 0.0
k:
- 600.0
- 0.0
- 319.5
- 0.0
- 605.0
- 239.5
- 0.0
- 0.0
- 1.0
---
"""
OPENCV = """\
%YAML:1.0
---
calibration_time: "Mon 3 Feb 2025"
image_width: 640
image_height: 480
camera_matrix: !!opencv-matrix
   rows: 3
   cols: 3
   dt: d
   data: [ 600., 0., 319.5, 0., 605., 239.5, 0., 0., 1. ]
distortion_coefficients: !!opencv-matrix
   rows: 5
   cols: 1
   dt: d
   data: [ 5.0e-02, -1.e-01, 1.0e-03, -2.0e-03, 0. ]
"""
NUMPY = "K: [[600, 0, 319.5], [0, 605, 239.5], [0, 0, 1]]\ndist_coeffs: [0.05, -0.1, 0.001, -0.002]\n"

READ = [
    ("ROS camera_info file", ROS, (0.05, -0.1, 0.001, -0.002, 0.0)),
    ("ROS 1 topic, two messages", TOPIC, (0.1, 0.02, 0.0, 0.0, 0.003, 0.1, 0.0, 0.001)),
    ("ROS 2 topic, no distortion", TOPIC_2, ()),
    ("OpenCV FileStorage", OPENCV, (0.05, -0.1, 0.001, -0.002, 0.0)),
    ("nested lists, no size, four coefficients", NUMPY, (0.05, -0.1, 0.001, -0.002, 0.0)),
    ("OpenCV's 14 coefficients that end in zeros", OPENCV.replace(", 0. ]", ", 0.,0,0,0,0,0,0,0,0,0 ]"), None),
]


@pytest.mark.parametrize(("intent", "text", "distortion"), READ, ids=[row[0] for row in READ])
def test_read(intent: str, text: str, distortion: tuple[float, ...] | None, tmp_path: Path) -> None:
    path = tmp_path / "camera.yaml"
    path.write_text(text, encoding="utf-8")
    read = load_calibration(path, width=640, height=480)
    # Integer-centre convention of both worlds: a principal point in the middle, 319.5, is 320 with us.
    assert (read.width, read.height, read.fx, read.fy, read.cx, read.cy) == (640, 480, 600.0, 605.0, 320.0, 240.0)
    if distortion is not None:
        assert read.distortion == distortion, intent


def test_read_what_opencv_itself_writes_and_project_like_opencv(tmp_path: Path) -> None:
    matrix = np.array([[612.3, 0, 301.7], [0, 611.9, 255.1], [0, 0, 1]])
    coefficients = np.array([[0.05, -0.12, 0.001, -0.002, 0.03]])
    path = tmp_path / "camera.yml"
    storage = cv2.FileStorage(str(path), cv2.FILE_STORAGE_WRITE)
    for key, value in (("image_width", 640), ("image_height", 480), ("camera_matrix", matrix)):
        storage.write(key, value)
    storage.write("distortion_coefficients", coefficients)
    storage.release()
    read = load_calibration(path, width=640, height=480)
    points = np.random.default_rng(0).uniform([-0.3, -0.2, 0.8], [0.3, 0.2, 1.5], (50, 3))
    theirs = cv2.projectPoints(points, np.zeros(3), np.zeros(3), matrix, coefficients)[0][:, 0]
    np.testing.assert_allclose(project(points, read), theirs + 0.5, atol=1e-9)


@given(factor=st.sampled_from([0.25, 0.5, 0.75, 1.5, 2.0]))
def test_scaling_moves_every_pixel_with_the_image(factor: float, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("scale") / "camera.yaml"
    path.write_text(ROS, encoding="utf-8")
    full = load_calibration(path, width=640, height=480)
    scaled = load_calibration(path, width=round(640 * factor), height=round(480 * factor))
    points = np.array([[0.1, -0.05, 1.0], [-0.2, 0.1, 0.9]])
    np.testing.assert_allclose(project(points, scaled), project(points, full) * factor, rtol=1e-12)


MATRIX = "camera_matrix: {data: [600, 0, 320, 0, 600, 240, 0, 0, 1]}\n"
FORMATS = "a ROS camera_info YAML (camera_matrix, distortion_coefficients), a CameraInfo dump or an OpenCV YAML"
REFUSED = [
    (
        "another shape",
        ROS.replace("480", "360"),
        "P was calibrated at 640x360, not in the shape of the pipeline's 640x480; set image.width: 640 and "
        "image.height: 360, or calibrate at this size",
    ),
    (
        "fisheye",
        ROS.replace("plumb_bob", "equidistant"),
        "P is of a fisheye lens (equidistant), which this version cannot render; allowed: plumb_bob, "
        "rational_polynomial; undistort the camera's images and use the new K, or give fov_deg",
    ),
    (
        "fisheye by OpenCV's flag",
        OPENCV + "fisheye_model: 1\n",
        "P is of a fisheye lens (fisheye_model: 1), which this version cannot render; allowed: plumb_bob, "
        "rational_polynomial; undistort the camera's images and use the new K, or give fov_deg",
    ),
    (
        "unknown model",
        ROS.replace("plumb_bob", "division"),
        "P has distortion_model 'division'; allowed: plumb_bob, rational_polynomial; recalibrate with one of them, or "
        "give camera.K and camera.distortion",
    ),
    (
        "cropped",
        TOPIC.replace("x_offset: 0", "x_offset: 16"),
        "P describes a cropped image (roi); use the calibration of the whole image",
    ),
    (
        "uncalibrated camera",
        "width: 640\nheight: 480\nk: [0, 0, 0, 0, 0, 0, 0, 0, 0]\n",
        "P: camera matrix [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0] is not [fx, 0, cx, 0, fy, cy, 0, 0, 1] with "
        "fx, fy > 0; an uncalibrated camera publishes zeros: calibrate it first",
    ),
    (
        "skew",
        MATRIX.replace("600, 0, 320", "600, 2, 320"),
        "P: camera matrix has skew 2; allowed: 0; calibrate without skew",
    ),
    ("no matrix", "image_width: 640\n", f"P has no camera_matrix (or K) of 9 numbers; allowed: {FORMATS}"),
    (
        "matrix of text",
        "camera_matrix: {data: [a]}\n",
        f"P has no camera_matrix (or K) of 9 numbers; allowed: {FORMATS}",
    ),
    (
        "no size, and K of another size",
        MATRIX.replace("320", "960"),
        "P names no image size and its principal point (960, 240) is not near the middle of 640x480; add image_width "
        "and image_height to the file",
    ),
    (
        "size of text",
        MATRIX + "image_width: wide\nimage_height: 480\n",
        "P: image size ['wide', 480] cannot be used; allowed: image_width and image_height in pixels",
    ),
    (
        "three coefficients",
        MATRIX + "d: [1, 2, 3]\n",
        "P has 3 distortion coefficients; allowed: 0, 4, 5 or 8",
    ),
    (
        "thin prism",
        MATRIX + "d: [0, 0, 0, 0, 0, 0, 0, 0, 0.1, 0, 0, 0]\n",
        "P has 12 distortion coefficients (thin prism or tilted sensor); allowed: 4, 5 or 8; recalibrate with "
        "plumb_bob or rational_polynomial",
    ),
    (
        "coefficients of text",
        MATRIX + "d: many\n",
        "P: distortion coefficients 'many' are not a list of numbers; allowed: 0, 4, 5 or 8",
    ),
    (
        "folds over",
        MATRIX + "d: [-0.9, 0, 0, 0, 0]\n",
        "P: the distortion [-0.9, 0.0, 0.0, 0.0, 0.0] folds over at 61% of the way to the image corner, so that some "
        "pixels see nothing; allowed: coefficients that fit the whole image; check their order "
        "(k1 k2 p1 p2 k3 k4 k5 k6) or recalibrate",
    ),
    (
        "XML",
        "<?xml version='1.0'?>\n<opencv_storage/>\n",
        f"P is XML; allowed: {FORMATS}; OpenCV writes YAML when the file is named .yaml",
    ),
    ("a list", "- 1\n", f"P holds no camera calibration; allowed: {FORMATS}"),
    ("empty", "", f"P holds no camera calibration; allowed: {FORMATS}"),
    ("broken YAML", "a: [1\nb: 2\n", f"P:2: not valid YAML; allowed: {FORMATS}"),
    ("python object", "K: !!python/object:os.system {}\n", f"P:1: not valid YAML; allowed: {FORMATS}"),
]


@pytest.mark.parametrize(("intent", "text", "sentence"), REFUSED, ids=[row[0] for row in REFUSED])
def test_refused(intent: str, text: str, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "camera.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(AssetError) as caught:
        load_calibration(path, width=640, height=480)
    assert str(caught.value).replace(str(path), "P") == sentence, intent


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    missing, binary, large = tmp_path / "none.yaml", tmp_path / "b.yaml", tmp_path / "l.yaml"
    binary.write_bytes(b"\xff\xfe\x00")
    large.write_bytes(b"#" * 2_000_000)
    for path, sentence in (
        (missing, f"{missing} cannot be read (No such file or directory); check the path in camera.calibration"),
        (binary, f"{binary} is not a text file; allowed: {FORMATS}"),
        (large, f"{large} is 2000000 bytes, no calibration file; allowed: {FORMATS}"),
    ):
        with pytest.raises(AssetError) as caught:
            load_calibration(path, width=640, height=480)
        assert str(caught.value) == sentence


@given(
    k1=st.floats(-0.5, 0.5),
    k2=st.floats(-0.5, 0.5),
    k3=st.floats(-0.2, 0.2),
    focal=st.floats(150, 1500),
)
def test_lens_fault_agrees_with_walking_out_to_the_corner(k1: float, k2: float, k3: float, focal: float) -> None:
    intrinsics = Intrinsics(640, 480, focal, focal, 320.0, 240.0, (k1, k2, 0.0, 0.0, k3))
    reach = 400 / focal
    r = np.linspace(0, 20, 20_001)
    seen, _ = distort(r, np.zeros_like(r), intrinsics.distortion)
    climbs = np.flatnonzero(~(np.diff(seen) > 0))
    furthest = seen[climbs[0]] if len(climbs) else seen[-1]
    if abs(furthest - reach) > 1e-2:
        assert bool(lens_fault(intrinsics)) == (furthest < reach)


BOMB = "a: &a [0]\n" + "".join(
    f"{x}: &{x} [{', '.join([f'*{y}'] * 9)}]\n" for x, y in zip("bcdefghij", "abcdefghi", strict=True)
)
ODD_YAML = [
    ("an empty whole number", 'a: !!int ""\n' + MATRIX),
    ("a date that is none", "a: !!timestamp soon\n" + MATRIX),
    ("a truth value that is none", "a: !!bool perhaps\n" + MATRIX),
    ("nested thousands deep", "[" * 3000),
]


@pytest.mark.parametrize(("intent", "text"), ODD_YAML, ids=[row[0] for row in ODD_YAML])
def test_odd_yaml_is_refused(intent: str, text: str, tmp_path: Path) -> None:
    path = tmp_path / "camera.yaml"
    path.write_text(text)
    with pytest.raises(AssetError) as caught:
        load_calibration(path, width=640, height=480)
    assert str(caught.value) == f"{path}:1: not valid YAML; allowed: {FORMATS}", intent


def test_aliases_that_stand_for_a_thousand_million_values(tmp_path: Path) -> None:
    path = tmp_path / "camera.yaml"
    path.write_text(BOMB + MATRIX)
    with pytest.raises(AssetError) as caught:
        load_calibration(path, width=640, height=480)
    assert str(caught.value) == f"{path} holds more than 50,000 values (aliases count); allowed: {FORMATS}"


@pytest.mark.parametrize(("focal", "words"), [("1e+300", "1e+300"), ("6", "6")])
def test_focal_lengths_that_no_lens_has(focal: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "camera.yaml"
    path.write_text(MATRIX.replace("600", focal))
    with pytest.raises(AssetError) as caught:
        load_calibration(path, width=640, height=480)
    assert str(caught.value) == (
        f"{path}: focal lengths {words} and {words} px do not fit images of 640x480; allowed: fx from 83.2 to 7360 px "
        "(150 to 5 deg) and fy within a factor 2 of it; check the image size in the file, or recalibrate"
    )


@given(content=st.text(max_size=60) | st.binary(max_size=60))
def test_any_content_is_read_or_refused(content: str | bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("any") / "camera.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
    with pytest.raises(AssetError):
        load_calibration(path, width=640, height=480)
