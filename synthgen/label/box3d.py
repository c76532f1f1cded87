"""The 3D box of an object, projected: corners, keypoints and their visibility flags (DESIGN 5)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from synthgen.projection import project
from synthgen.types.arrays import F32, F64, Bool
from synthgen.types.geometry import Intrinsics

CORNERS = 8
# A point that has to be this close or closer to the camera plane is not projected (the renderer's near plane).
NEAR_M = 0.01
# A keypoint counts as hidden when something is nearer by more than this; the object itself counts.
HIDDEN_BY_M = 0.005
LENS_STEPS = 4096


@dataclass(frozen=True)
class ProjectedBox:
    """Corners 0..7 (16 numbers, unclipped) and keypoints 0..8 (27 numbers, x y v), as in ``Annotation``."""

    corners_px: tuple[float, ...]
    keypoints: tuple[float, ...]


def box_points(bounds_m: F64) -> F64:
    """(9, 3) corners and centre of (2, 3) bounds, object frame: corner i takes the maximum where its bit is set.

    Bits: x = i & 1, y = i >> 1 & 1, z = i >> 2 & 1.
    """
    index = np.arange(CORNERS)
    bits = np.stack([index & 1, index >> 1 & 1, index >> 2 & 1], axis=1)
    corners = np.where(bits == 1, bounds_m[1], bounds_m[0])
    return np.concatenate([corners, bounds_m.mean(axis=0, keepdims=True)])


def project_box(bounds_m: F64, camera_from_object: F64, intrinsics: Intrinsics, depth_m: F32) -> ProjectedBox:
    """Projects an object's box and says which of its nine points can be seen.

    Args:
        bounds_m: (2, 3) minimum and maximum corner, object frame.
        camera_from_object: (4, 4) rigid pose.
        intrinsics: camera, lens distortion included.
        depth_m: (H, W) camera z of the surface seen at each pixel's centre, 0 = none.
    """
    points = box_points(bounds_m) @ camera_from_object[:3, :3].T + camera_from_object[:3, 3]
    able = imaged(points, intrinsics)
    pixels = np.zeros((len(points), 2))
    pixels[able] = project(points[able], intrinsics)
    flags = _flags(points[:, 2], pixels, able, intrinsics, depth_m)
    keypoints = np.concatenate([np.where(flags[:, None] > 0, pixels, 0.0), flags[:, None]], axis=1)
    return ProjectedBox(
        corners_px=tuple(pixels[:CORNERS].ravel().tolist()),
        keypoints=tuple(keypoints.ravel().tolist()),
    )


def imaged(points: F64, intrinsics: Intrinsics) -> Bool:
    """(N,) whether the lens can image a point: in front of the near plane, and within the lens model's valid radius."""
    front = points[:, 2] > NEAR_M
    depth = np.where(front, points[:, 2], 1.0)
    return front & (np.hypot(points[:, 0] / depth, points[:, 1] / depth) <= valid_radius(intrinsics.distortion))


@lru_cache(maxsize=256)
def valid_radius(distortion: tuple[float, ...]) -> float:
    """Largest ideal radius r = |(x/z, y/z)| up to which the radial polynomial r * radial(r) still grows.

    Beyond it the polynomial folds back, and a point far outside the field of view would land inside the image. With
    s = r^2, N = 1 + k1 s + k2 s^2 + k3 s^3 and D = 1 + k4 s + k5 s^2 + k6 s^3 the derivative of r N / D has the sign of
    N D + 2 s (N' D - N D'), and D itself must stay positive. Found on a grid of half angles up to 89 degrees (roots of
    the polynomial are ill-conditioned for tiny coefficients). Infinity when it grows up to there.
    """
    if not distortion:
        return float("inf")
    k = (*distortion, *([0.0] * (8 - len(distortion))))
    numerator = np.polynomial.Polynomial([1.0, k[0], k[1], k[4]])
    denominator = np.polynomial.Polynomial([1.0, k[5], k[6], k[7]])
    radius = np.tan(np.radians(np.linspace(0.0, 89.0, LENS_STEPS)))
    s = radius * radius
    n, d = numerator(s), denominator(s)
    slope = n * d + 2 * s * (numerator.deriv()(s) * d - n * denominator.deriv()(s))
    bad = np.flatnonzero((slope <= 0) | (d <= 0))
    return float(radius[bad[0] - 1]) if bad.size else float("inf")


def _flags(depth_of_point: F64, pixels: F64, able: Bool, intrinsics: Intrinsics, depth_m: F32) -> F64:
    """COCO visibility: 2 in frame with nothing nearer by > 5 mm, 1 in frame and hidden, 0 outside."""
    inside = (
        able
        & (pixels[:, 0] >= 0)
        & (pixels[:, 1] >= 0)
        & (pixels[:, 0] < intrinsics.width)
        & (pixels[:, 1] < intrinsics.height)
    )
    column = np.where(inside, pixels[:, 0], 0).astype(np.int64)
    row = np.where(inside, pixels[:, 1], 0).astype(np.int64)
    seen = depth_m[row, column].astype(np.float64)
    hidden = (seen > 0) & (seen < depth_of_point - HIDDEN_BY_M)
    return np.where(inside, np.where(hidden, 1.0, 2.0), 0.0)
