"""Camera calibration files: ROS camera_info YAML, a dumped sensor_msgs/CameraInfo, OpenCV FileStorage YAML.

Both worlds put (0, 0) at the *centre* of the top-left pixel; ours is its outer corner, so cx and cy grow by 0.5.
Distortion is OpenCV's (docs "Camera Calibration and 3D Reconstruction"): plumb_bob = k1 k2 p1 p2 k3,
rational_polynomial = k1 k2 p1 p2 k3 k4 k5 k6.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from synthgen.config.faults import shown
from synthgen.errors import AssetError
from synthgen.types.geometry import Intrinsics

MAX_BYTES = 1_000_000
MAX_VALUES = 50_000
FOCAL_SHARES = (0.13, 11.5)  # focal length / image width of 150 and 5 deg
# Our name -> names used by ROS and OpenCV, lower case, letters and digits only; the first one present counts.
NAMES = {
    "width": ("imagewidth", "width", "calibrationimagewidth"),
    "height": ("imageheight", "height", "calibrationimageheight"),
    "size": ("imagesize", "resolution"),
    "matrix": ("cameramatrix", "k", "intrinsicmatrix", "intrinsics", "m1", "k1", "mtx", "cameramatrix1"),
    "distortion": ("distortioncoefficients", "distcoeffs", "d", "d1", "dist", "distortion", "distcoeffs1"),
    "model": ("distortionmodel", "cameramodel"),
}
MODELS = ("", "plumb_bob", "rational_polynomial", "pinhole", "none", "brown_conrady")
FISHEYE = ("equidistant", "fisheye", "kannala_brandt", "kannala_brandt4", "thinprism_fisheye", "omni", "ds")
FORMATS = "a ROS camera_info YAML (camera_matrix, distortion_coefficients), a CameraInfo dump or an OpenCV YAML"


class _Loader(yaml.SafeLoader):
    """SafeLoader that reads OpenCV's matrices as plain blocks."""


def _opencv_matrix(loader: yaml.SafeLoader, node: yaml.MappingNode) -> dict[Any, Any]:
    return loader.construct_mapping(node, deep=True)


_Loader.add_constructor("tag:yaml.org,2002:opencv-matrix", _opencv_matrix)


def load_calibration(path: Path, *, width: int, height: int) -> Intrinsics:
    """Intrinsics from a calibration file, at the size of the images to be made.

    Args:
        path: the file.
        width, height: image size in pixels; K is scaled when the file was made at another size of the same shape.

    Raises:
        AssetError: the file cannot be read or understood, is of a fisheye lens, has another aspect ratio, or its
            distortion folds over inside the image.
    """
    content = _read(path)
    _check_model(path, content)
    matrix = _matrix(path, content)
    own_width, own_height = _size(path, content, matrix, width=width, height=height)
    scale_x, scale_y = width / own_width, height / own_height
    if abs(own_height * scale_x - height) > 1.0 and abs(own_width * scale_y - width) > 1.0:
        fitting = round(width * own_height / own_width)
        raise AssetError(
            f"{path} was calibrated at {own_width:g}x{own_height:g}, not in the shape of the pipeline's "
            f"{width}x{height}; set image.width: {width} and image.height: {fitting}, or calibrate at this size"
        )
    intrinsics = Intrinsics(
        width=width,
        height=height,
        fx=matrix[0] * scale_x,
        fy=matrix[4] * scale_y,
        cx=(matrix[2] + 0.5) * scale_x,
        cy=(matrix[5] + 0.5) * scale_y,
        distortion=_distortion(path, content),
    )
    low, high = (share * width for share in FOCAL_SHARES)
    if not (low <= intrinsics.fx <= high and 0.5 <= intrinsics.fy / intrinsics.fx <= 2):
        raise AssetError(
            f"{path}: focal lengths {intrinsics.fx:.4g} and {intrinsics.fy:.4g} px do not fit images of "
            f"{width}x{height}; allowed: fx from {low:g} to {high:g} px (150 to 5 deg) and fy within a factor 2 of it; "
            "check the image size in the file, or recalibrate"
        )
    fault = lens_fault(intrinsics)
    if fault:
        raise AssetError(f"{path}: {fault}")
    return intrinsics


def lens_fault(intrinsics: Intrinsics) -> str:
    """ "" or a sentence when no ray reaches some pixels: the radial distortion folds over inside the image."""
    if not any(intrinsics.distortion):
        return ""
    k1, k2, _, _, k3 = intrinsics.distortion[:5]
    k4, k5, k6 = intrinsics.distortion[5:8] or (0.0, 0.0, 0.0)
    corners_x = np.array([0.0, intrinsics.width]) - intrinsics.cx
    corners_y = np.array([0.0, intrinsics.height]) - intrinsics.cy
    reach = math.hypot(np.abs(corners_x).max() / intrinsics.fx, np.abs(corners_y).max() / intrinsics.fy)
    r = np.linspace(0.0, 20.0, 20001)
    r2 = r * r
    with np.errstate(all="ignore"):
        seen = r * (1 + r2 * (k1 + r2 * (k2 + r2 * k3))) / (1 + r2 * (k4 + r2 * (k5 + r2 * k6)))
    falling = np.flatnonzero(~(np.diff(seen) > 0))
    furthest = float(seen[falling[0]] if len(falling) else seen[-1])
    if furthest >= reach:
        return ""
    return (
        f"the distortion {[float(f'{value:.6g}') for value in intrinsics.distortion]} folds over at "
        f"{furthest / reach:.0%} of the way to the image corner, so that some pixels see nothing; "
        "allowed: coefficients that fit the whole image; check their order (k1 k2 p1 p2 k3 k4 k5 k6) or recalibrate"
    )


def _read(path: Path) -> Mapping[str, Any]:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise AssetError(f"{path} is {path.stat().st_size} bytes, no calibration file; allowed: {FORMATS}")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise AssetError(f"{path} cannot be read ({error.strerror}); check the path in camera.calibration") from error
    except UnicodeDecodeError as error:
        raise AssetError(f"{path} is not a text file; allowed: {FORMATS}") from error
    if text.lstrip().startswith("<"):
        raise AssetError(f"{path} is XML; allowed: {FORMATS}; OpenCV writes YAML when the file is named .yaml")
    text = re.sub(r"\A%YAML[: ]\S*\s*\n(---)?", "", text)
    try:
        content = next(iter(_documents(text, path)), None)
    except (yaml.YAMLError, ValueError, LookupError, AttributeError, RecursionError) as error:  # !!int "" is IndexError
        line = getattr(getattr(error, "problem_mark", None), "line", 0) + 1
        raise AssetError(f"{path}:{line}: not valid YAML; allowed: {FORMATS}") from error
    if not isinstance(content, dict):
        raise AssetError(f"{path} holds no camera calibration; allowed: {FORMATS}")
    return {re.sub(r"[^a-z0-9]", "", str(key).lower()): value for key, value in content.items()}


def _documents(text: str, path: Path) -> Iterator[Any]:
    """The documents of a YAML text.

    Raises:
        AssetError: one holds more values, with aliases written out, than a calibration can have.
    """
    loader = _Loader(text)
    try:
        while loader.check_node():
            node = loader.get_node()
            _count(node, [0], path)
            yield loader.construct_document(node)
    finally:
        loader.dispose()


def _count(node: Any, seen: list[int], path: Path) -> None:
    seen[0] += 1
    if seen[0] > MAX_VALUES:
        raise AssetError(f"{path} holds more than {MAX_VALUES:,} values (aliases count); allowed: {FORMATS}")
    for child in node.value if isinstance(node.value, list) else ():
        for part in child if isinstance(child, tuple) else (child,):
            _count(part, seen, path)


def _get(content: Mapping[str, Any], name: str) -> Any:
    return next((content[alias] for alias in NAMES[name] if alias in content), None)


def _check_model(path: Path, content: Mapping[str, Any]) -> None:
    model = str(_get(content, "model") or "").lower()
    if model in FISHEYE or content.get("fisheyemodel") in (1, True):
        raise AssetError(
            f"{path} is of a fisheye lens ({model or 'fisheye_model: 1'}), which this version cannot render; "
            "allowed: plumb_bob, rational_polynomial; undistort the camera's images and use the new K, or give fov_deg"
        )
    if model not in MODELS:
        raise AssetError(
            f"{path} has distortion_model {shown(model)}; allowed: plumb_bob, rational_polynomial; "
            "recalibrate with one of them, or give camera.K and camera.distortion"
        )
    roi = content.get("roi")
    if isinstance(roi, dict) and (roi.get("x_offset") or roi.get("y_offset")):
        raise AssetError(f"{path} describes a cropped image (roi); use the calibration of the whole image")


def _numbers(value: Any) -> list[float] | None:
    if isinstance(value, dict):
        value = value.get("data")
    if not isinstance(value, list):
        return None
    flat = [item for row in value for item in (row if isinstance(row, list) else [row])]
    try:
        numbers = [float(item) for item in flat]
    except (TypeError, ValueError, OverflowError):
        return None
    return numbers if all(math.isfinite(number) for number in numbers) else None


def _matrix(path: Path, content: Mapping[str, Any]) -> list[float]:
    matrix = _numbers(_get(content, "matrix"))
    if matrix is None:
        raise AssetError(f"{path} has no camera_matrix (or K) of 9 numbers; allowed: {FORMATS}")
    if len(matrix) != 9 or matrix[0] <= 0 or matrix[4] <= 0 or matrix[6:] != [0.0, 0.0, 1.0]:
        raise AssetError(
            f"{path}: camera matrix {shown(matrix)} is not [fx, 0, cx, 0, fy, cy, 0, 0, 1] with fx, fy > 0; "
            "an uncalibrated camera publishes zeros: calibrate it first"
        )
    if abs(matrix[1]) > 1e-6 * matrix[0]:
        raise AssetError(f"{path}: camera matrix has skew {matrix[1]:g}; allowed: 0; calibrate without skew")
    return matrix


def _size(
    path: Path, content: Mapping[str, Any], matrix: list[float], *, width: int, height: int
) -> tuple[float, float]:
    given = [_get(content, "width"), _get(content, "height")]
    if given == [None, None]:
        given = _numbers(_get(content, "size")) or [None, None]
    if given == [None, None]:
        # Without a size the only sane reading is that K belongs to the pipeline's size; check that it can.
        if not (0.25 < matrix[2] / width < 0.75 and 0.25 < matrix[5] / height < 0.75):
            raise AssetError(
                f"{path} names no image size and its principal point ({matrix[2]:g}, {matrix[5]:g}) is not near the "
                f"middle of {width}x{height}; add image_width and image_height to the file"
            )
        return float(width), float(height)
    try:
        own = float(given[0]), float(given[1])
    except (TypeError, ValueError, IndexError):
        own = (0.0, 0.0)
    if not (1 <= own[0] < 1e6 and 1 <= own[1] < 1e6):
        raise AssetError(
            f"{path}: image size {shown(given)} cannot be used; allowed: image_width and image_height in pixels"
        )
    return own


def _distortion(path: Path, content: Mapping[str, Any]) -> tuple[float, ...]:
    raw = _get(content, "distortion")
    numbers = [] if raw is None else _numbers(raw)
    if numbers is None:
        raise AssetError(
            f"{path}: distortion coefficients {shown(raw)} are not a list of numbers; allowed: 0, 4, 5 or 8"
        )
    if any(numbers[8:]):
        raise AssetError(
            f"{path} has {len(numbers)} distortion coefficients (thin prism or tilted sensor); allowed: 4, 5 or 8; "
            "recalibrate with plumb_bob or rational_polynomial"
        )
    if len(numbers) not in (0, 4, 5, 8, 12, 14):
        raise AssetError(f"{path} has {len(numbers)} distortion coefficients; allowed: 0, 4, 5 or 8")
    if not any(numbers):
        return ()
    padded = numbers[:8] + [0.0] * (5 - len(numbers))
    return tuple(padded[:8] if any(padded[5:8]) else padded[:5])
