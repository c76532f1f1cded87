"""Lenses of common robot cameras: one literal table of focal length, sensor shape and distortion.

An image smaller than the sensor, or of another shape, is what the camera itself would give: the largest crop of that
shape around the sensor's centre, scaled. A 4:3 image of a 16:9 camera therefore has a narrower field of view.
"""

from __future__ import annotations

from dataclasses import dataclass

from synthgen.types.geometry import Intrinsics


@dataclass(frozen=True)
class CameraPreset:
    """One camera.

    Attributes:
        width, height: full colour image, pixels.
        focal_px: focal length at that size; pixels are square.
        distortion: OpenCV's coefficients; () = none.
        sense: the ``sense.preset`` of the same camera.
    """

    width: int
    height: int
    focal_px: float
    distortion: tuple[float, ...]
    sense: str


CAMERA_PRESETS: dict[str, CameraPreset] = {
    # Intel RealSense D400 series datasheet: RGB sensor 1920 x 1080, field of view 69 x 42 deg, distortion <= 1.5 %.
    # Factory focal lengths read back from units are 1365 to 1390 px; the SDK reports no distortion. Checkerboard
    # calibrations find this shape (k1 > 0, k2 < 0); the amount here is the datasheet's: +1.4 % half way, -1 % in the
    # corners.
    "realsense_d435": CameraPreset(1920, 1080, 1380.0, (0.10, -0.18, 0.0, 0.0, 0.0), "realsense_d435"),
    # The same colour module; units differ more between each other than from the D435's.
    "realsense_d415": CameraPreset(1920, 1080, 1381.0, (0.09, -0.16, 0.0, 0.0, 0.0), "realsense_d415"),
    # Azure Kinect DK hardware specification: RGB 4096 x 3072 in 4:3 modes, 90 x 74.3 deg; 16:9 modes (90 x 59 deg) are
    # a crop. Coefficients of one published factory calibration (rational model; other units look alike).
    "azure_kinect": CameraPreset(
        4096, 3072, 1961.6, (0.4039, -2.6029, 0.0, 0.0, 1.5119, 0.2843, -2.4207, 1.4354), "azure_kinect"
    ),
    # Sony IMX264 (2448 x 2048 pixels of 3.45 um) behind an 8 mm C-mount lens: 2319 px, 55.7 x 47.6 deg.
    # Barrel distortion of about 1 % in the corners, as data sheets of 2/3-inch machine-vision lenses state.
    "industrial_5mp_8mm": CameraPreset(2448, 2048, 2318.8, (-0.035, 0.015, 0.0, 0.0, 0.0), "industrial_5mp"),
}


def preset_intrinsics(name: str, *, width: int, height: int) -> Intrinsics:
    """The preset's lens for images of this size: the largest centred crop of that shape, scaled."""
    preset = CAMERA_PRESETS[name]
    scale = max(width / preset.width, height / preset.height)
    focal = preset.focal_px * scale
    return Intrinsics(width, height, focal, focal, width / 2, height / 2, preset.distortion)
