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
# (8, 3): whether corner i takes the maximum along x, y, z.
_TAKES_MAXIMUM = np.array([[i & 1, i & 2, i & 4] for i in range(CORNERS)], dtype=np.bool_)


@dataclass(frozen=True)
class ProjectedBox:
    """Corners 0..7 (16 numbers, unclipped) and keypoints 0..8 (27 numbers, x y v), as in ``Annotation``."""

    corners_px: tuple[float, ...]
    keypoints: tuple[float, ...]


def box_points(bounds_m: F64) -> F64:
    """(N, 9, 3) corners and centre of (N, 2, 3) bounds, object frame: corner i takes the maximum where its bit is set.

    Bits: x = i & 1, y = i >> 1 & 1, z = i >> 2 & 1.
    """
    corners = np.where(_TAKES_MAXIMUM, bounds_m[:, 1, None], bounds_m[:, 0, None])
    return np.concatenate([corners, bounds_m.mean(axis=1, keepdims=True)], axis=1)


def project_boxes(bounds_m: F64, camera_from_object: F64, intrinsics: Intrinsics, depth_m: F32) -> list[ProjectedBox]:
    """Projects the boxes of N objects and says which of their nine points can be seen.

    Args:
        bounds_m: (N, 2, 3) minimum and maximum corner, object frame.
        camera_from_object: (N, 4, 4) rigid poses.
        intrinsics: camera, lens distortion included.
        depth_m: (H, W) camera z of the surface seen at each pixel's centre, 0 = none.
    """
    rotation, translation = camera_from_object[:, :3, :3], camera_from_object[:, None, :3, 3]
    points = (box_points(bounds_m) @ np.swapaxes(rotation, 1, 2) + translation).reshape(-1, 3)
    able = imaged(points, intrinsics)
    pixels = np.zeros((len(points), 2))
    pixels[able] = project(points[able], intrinsics)
    flags = _flags(points[:, 2], pixels, able, intrinsics, depth_m)
    keypoints = np.concatenate([np.where(flags[:, None] > 0, pixels, 0.0), flags[:, None]], axis=1)
    corners = pixels.reshape(-1, CORNERS + 1, 2)[:, :CORNERS].reshape(-1, 2 * CORNERS)
    return [
        ProjectedBox(tuple(corner), tuple(keypoint))
        for corner, keypoint in zip(corners.tolist(), keypoints.reshape(-1, 3 * (CORNERS + 1)).tolist(), strict=True)
    ]


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
