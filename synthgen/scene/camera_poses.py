"""Where a camera stands and what its lens is: intrinsics, poses, and which boxes reach into the image.

Camera axes are OpenCV's (x right, y down, z forward); the world's z is up; poses are world_from_camera.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.spatial.transform import Rotation

from synthgen.config.camera_presets import preset_intrinsics
from synthgen.config.distributions import uniform
from synthgen.config.models import AbovePlacement, CameraConfig, HemispherePlacement, ImageConfig
from synthgen.types.arrays import F64
from synthgen.types.assets import ObjectModel
from synthgen.types.catalog import Catalog
from synthgen.types.geometry import Camera, Intrinsics
from synthgen.types.scene import SceneObject

DEFAULT_FOV_DEG = uniform(45, 65)


def draw_intrinsics(
    config: CameraConfig, image: ImageConfig, catalog: Catalog, *, rng: np.random.Generator
) -> Intrinsics:
    """From the calibration file, K, a preset, or a field of view (square pixels, centred axis)."""
    if catalog.calibration is not None:
        return catalog.calibration
    if config.K is not None:
        fx, fy, cx, cy = config.K
        return Intrinsics(image.width, image.height, fx, fy, cx, cy, _padded(config.distortion))
    if config.preset is not None:
        return preset_intrinsics(config.preset, width=image.width, height=image.height)
    fov = np.radians((config.fov_deg or DEFAULT_FOV_DEG).sample(rng=rng))
    focal = float(image.width / 2 / np.tan(fov / 2))
    return Intrinsics(image.width, image.height, focal, focal, image.width / 2, image.height / 2)


def _padded(distortion: list[float]) -> tuple[float, ...]:
    """k1 k2 p1 p2 gets a k3 of zero."""
    return (*distortion, 0.0) if len(distortion) == 4 else tuple(distortion)


def look(forward: F64, right: F64, position: F64, *, roll_rad: float) -> F64:
    """(4, 4) world_from_camera from the optical axis and the image's x axis (both unit, orthogonal), then rolled.

    Taking x from the azimuth instead of from a cross product with the vertical keeps straight-down views well defined.
    """
    down = np.cross(forward, right)
    c, s = np.cos(roll_rad), np.sin(roll_rad)
    pose = np.eye(4)
    pose[:3, 0], pose[:3, 1], pose[:3, 2] = c * right + s * down, c * down - s * right, forward
    pose[:3, 3] = position
    return pose


def rigid(numbers: Sequence[float]) -> F64:
    """(4, 4) pose from 16 row-major numbers, its rotation made exactly orthonormal (nearest, by SVD)."""
    pose = np.array(numbers, dtype=np.float64).reshape(4, 4)
    u, _, vt = np.linalg.svd(pose[:3, :3])
    pose[:3, :3] = u @ vt
    pose[3] = (0.0, 0.0, 0.0, 1.0)
    return pose


def on_hemisphere(placement: HemispherePlacement, target_m: F64, *, rng: np.random.Generator) -> F64:
    distance = placement.distance_m.sample(rng=rng)
    elevation = np.radians(placement.elevation_deg.sample(rng=rng))
    azimuth = np.radians(placement.azimuth_deg.sample(rng=rng))
    roll = float(np.radians(placement.roll_deg.sample(rng=rng)))
    target = target_m + _jitter(placement.target_jitter_m.sample(rng=rng), rng=rng)
    horizontal = np.array([np.cos(azimuth), np.sin(azimuth), 0.0])
    outward = np.cos(elevation) * horizontal + np.array([0.0, 0.0, np.sin(elevation)])
    return look(-outward, _right(azimuth), target + distance * outward, roll_rad=roll)


def above(placement: AbovePlacement, target_m: F64, *, rng: np.random.Generator) -> F64:
    """``height_m`` over the support surface, tilted from straight down by ``tilt_deg`` towards the azimuth."""
    height = placement.height_m.sample(rng=rng)
    tilt = np.radians(placement.tilt_deg.sample(rng=rng))
    azimuth = np.radians(placement.azimuth_deg.sample(rng=rng))
    roll = float(np.radians(placement.roll_deg.sample(rng=rng)))
    target = target_m + _jitter(placement.target_jitter_m.sample(rng=rng), rng=rng)
    horizontal = np.array([np.cos(azimuth), np.sin(azimuth), 0.0])
    outward = np.sin(tilt) * horizontal + np.array([0.0, 0.0, np.cos(tilt)])
    reach = max(height - float(target[2]), 0.0) / float(np.cos(tilt))
    position = target + reach * outward
    position[2] = height
    return look(-outward, _right(azimuth), position, roll_rad=roll)


def aside(pose: F64, lens: Intrinsics, share: float, *, rng: np.random.Generator) -> F64:
    """The pose turned so that what was on the optical axis appears ``share`` of the way to the image's border.

    The direction is drawn; the way is measured from the principal point in half widths and half heights, by the pinhole
    alone. The turn is the smallest one (no roll is added but what it brings about).
    """
    angle = float(rng.uniform(0.0, 2 * np.pi))
    x = share * np.cos(angle) * 0.5 * lens.width / lens.fx
    y = share * np.sin(angle) * 0.5 * lens.height / lens.fy
    tangent = float(np.hypot(x, y))
    if not tangent:
        return pose
    turn = np.arctan(tangent) / tangent * np.array([y, -x, 0.0])
    turned = pose.copy()
    turned[:3, :3] = pose[:3, :3] @ Rotation.from_rotvec(turn).as_matrix()
    return turned


def _right(azimuth_rad: float) -> F64:
    """The image's x axis for a camera standing at an azimuth and looking inwards: horizontal at every elevation."""
    return np.array([-np.sin(azimuth_rad), np.cos(azimuth_rad), 0.0])


def _jitter(radius_m: float, *, rng: np.random.Generator) -> F64:
    """A shift of length <= ``radius_m``, uniform in the ball."""
    direction = rng.normal(size=3)
    length = radius_m * float(rng.random()) ** (1 / 3)
    return direction * (length / max(float(np.linalg.norm(direction)), 1e-12))


def box_corners(thing: SceneObject, model: ObjectModel) -> F64:
    """(8, 3) corners of the object's box in the world."""
    low, high = model.bounds_m
    bits = np.array([[i & 1, i >> 1 & 1, i >> 2 & 1] for i in range(8)])
    return np.where(bits, high, low) @ thing.world_from_object[:3, :3].T + thing.world_from_object[:3, 3]


def reaches_view(camera: Camera, points_m: F64) -> bool:
    """Whether the rectangle around projected (N, 3) world points meets the image.

    By the pinhole alone: lens distortion moves points near the border, and what is really seen shows when rendered.
    """
    pose = camera.camera_from_world
    points = points_m @ pose[:3, :3].T + pose[:3, 3]
    points = points[points[:, 2] > 1e-3]
    if not len(points):
        return False
    lens = camera.intrinsics
    x = lens.fx * points[:, 0] / points[:, 2] + lens.cx
    y = lens.fy * points[:, 1] / points[:, 2] + lens.cy
    return bool(x.max() > 0 and x.min() < lens.width and y.max() > 0 and y.min() < lens.height)
