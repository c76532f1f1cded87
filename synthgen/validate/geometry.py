"""Depth against pose and mesh: a few pixels of a mask, carried into the object's own box."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from synthgen import rle
from synthgen.projection import undistort
from synthgen.types.annotations import Rle
from synthgen.types.arrays import F32, F64, I64
from synthgen.types.geometry import Intrinsics

POINTS_PER_INSTANCE = 12
# Depth and mesh are float32: their error is far below this at 20 m.
SURFACE_TOLERANCE_M = 5e-4
# A G-buffer warped by a lens takes ids and depth from the nearest pixel: up to half a pixel's diagonal aside.
WARP_PX = 0.75


@dataclass(frozen=True, eq=False)
class Placed:
    """One mask with the pose (4, 4) camera_from_object and the (2, 3) bounds, object frame, of what it shows."""

    mask: Rle
    camera_from_object: F64
    bounds_m: F64


def outside_box_m(
    depth_m: F32, intrinsics: Intrinsics, placed: Sequence[Placed], *, depth_error_m: float
) -> list[float]:
    """How far the surface seen in each mask lies outside its object's box, metres; <= 0 is inside.

    Args:
        depth_m: (H, W) camera z, 0 = none.
        intrinsics: camera, lens distortion included.
        placed: one entry per (not empty) mask.
        depth_error_m: quantisation of ``depth_m``; 0 for the renderer's own.

    Returns:
        One number per mask; infinity where a pixel of the mask has no depth.
    """
    if not placed:
        return []
    spots = [_spots(found.mask) for found in placed]
    rows, columns = np.concatenate(spots, axis=1)
    u, v = undistort(
        (columns + 0.5 - intrinsics.cx) / intrinsics.fx,
        (rows + 0.5 - intrinsics.cy) / intrinsics.fy,
        intrinsics.distortion,
    )
    z = depth_m[rows, columns].astype(np.float64)
    points = np.stack([u * z, v * z, z], axis=1)
    # an error of depth moves the point along its ray, which is longer than its z component
    slack = SURFACE_TOLERANCE_M + depth_error_m * np.sqrt(1 + u * u + v * v)
    if intrinsics.distortion:
        slack = slack + WARP_PX * z / min(intrinsics.fx, intrinsics.fy)
    found_m, start = [], 0
    for found, spot in zip(placed, spots, strict=True):
        part = slice(start, start + spot.shape[1])
        start = part.stop
        pose = found.camera_from_object
        local = (points[part] - pose[:3, 3]) @ pose[:3, :3]
        outside = np.maximum(found.bounds_m[0] - local, local - found.bounds_m[1]).max(axis=1) - slack[part]
        found_m.append(float(np.where(z[part] > 0, outside, np.inf).max()))
    return found_m


def _spots(mask: Rle) -> I64:
    """(2, n) rows and columns of a few of the mask's pixels, spread evenly over its runs."""
    runs = rle.edges(mask).reshape(-1, 2)
    ends = np.cumsum(runs[:, 1] - runs[:, 0])
    wanted = np.arange(POINTS_PER_INSTANCE) * (ends[-1] - 1) // (POINTS_PER_INSTANCE - 1)
    run = np.searchsorted(ends, wanted, side="right")
    position = runs[run, 1] - (ends[run] - wanted)
    return np.stack([position % mask.height, position // mask.height])
