"""Depth against pose and mesh: a few pixels of a mask, carried into the object's own box."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synthgen import rle
from synthgen.projection import undistort
from synthgen.rle import Runs
from synthgen.types.arrays import F32, F64
from synthgen.types.geometry import Intrinsics

POINTS_PER_INSTANCE = 12
# Depth and mesh are float32: their error is far below this at 20 m.
SURFACE_TOLERANCE_M = 5e-4
# A G-buffer warped by a lens takes ids and depth from the nearest pixel: up to half a pixel's diagonal aside.
WARP_PX = 0.75


@dataclass(frozen=True, eq=False)
class Placed:
    """N masks (none of them empty) with what they show: ``camera_from_object`` (N, 4, 4), ``bounds_m`` (N, 2, 3)."""

    masks: Runs
    camera_from_object: F64
    bounds_m: F64


def outside_box_m(depth_m: F32, intrinsics: Intrinsics, placed: Placed, *, depth_error_m: float) -> F64:
    """How far the surface seen in each mask lies outside its object's box, metres; <= 0 is inside.

    Args:
        depth_m: (H, W) camera z, 0 = none.
        intrinsics: camera, lens distortion included.
        placed: the masks.
        depth_error_m: quantisation of ``depth_m``; 0 for the renderer's own.

    Returns:
        (N,); infinity where a pixel of the mask has no depth.
    """
    if not placed.masks.areas.size:
        return np.zeros(0)
    rows, columns = np.moveaxis(rle.spread_pixels(placed.masks, POINTS_PER_INSTANCE), -1, 0)
    u, v = undistort(
        (columns + 0.5 - intrinsics.cx) / intrinsics.fx,
        (rows + 0.5 - intrinsics.cy) / intrinsics.fy,
        intrinsics.distortion,
    )
    z = depth_m[rows, columns].astype(np.float64)
    points = np.stack([u * z, v * z, z], axis=-1)
    # an error of depth moves the point along its ray, which is longer than its z component
    slack = SURFACE_TOLERANCE_M + depth_error_m * np.sqrt(1 + u * u + v * v)
    if intrinsics.distortion:
        slack = slack + WARP_PX * z / min(intrinsics.fx, intrinsics.fy)
    pose, bounds = placed.camera_from_object, placed.bounds_m[:, :, None]
    local = (points - pose[:, None, :3, 3]) @ pose[:, :3, :3]
    outside = np.maximum(bounds[:, 0] - local, local - bounds[:, 1]).max(axis=-1) - slack
    return np.asarray(np.where(z > 0, outside, np.inf).max(axis=1), np.float64)
