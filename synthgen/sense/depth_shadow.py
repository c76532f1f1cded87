"""Which points the second eye of a stereo pair, or the projector of a structured-light sensor, cannot see."""

from __future__ import annotations

import numpy as np

from synthgen.kernels import njit
from synthgen.types.arrays import F64, Bool

TOLERANCE = 0.004  # relative depth by which a blocker must be nearer
CONNECTED = 0.02  # relative jump between neighbours below which they are one surface, seen whole by the second eye


@njit(cache=True, nogil=True)
def shadowed(depth_m: F64, u: F64, fx: float, cx: float, baseline_m: float) -> Bool:  # pragma: no cover - compiled
    """Points hidden from an equal camera that stands ``baseline_m`` along image +x, or outside its image.

    Rows are epipolar lines: a point at column x appears at x - fx * baseline / z in the second camera. Every row is
    drawn into a row of a second depth buffer and compared with it. (With lens distortion u is the undistorted ray;
    that rows bend by a pixel or two does not matter to where shadows fall.)

    Args:
        depth_m: (H, W) camera z, 0 = nothing.
        u: (H, W) x / z of every pixel's ray.
        fx, cx: of the camera, pixels.

    Returns:
        (H, W) bool; False where ``depth_m`` is 0.
    """
    height, width = depth_m.shape
    out = np.zeros((height, width), np.bool_)
    nearest = np.empty(width, np.float64)
    seen_at = np.empty(width, np.float64)
    slope = np.empty(width, np.float64)
    for y in range(height):
        nearest[:] = np.inf
        for x in range(width):
            z = depth_m[y, x]
            seen_at[x] = fx * (u[y, x] - baseline_m / z) + cx if z > 0 else -1.0
        for x in range(width):
            z = depth_m[y, x]
            if z <= 0:
                continue
            # A surface covers what lies between this pixel and its neighbours' halves.
            low, high = seen_at[x] - 0.5, seen_at[x] + 0.5
            slope[x] = 0.0
            for step in (-1, 1):
                other = min(max(x + step, 0), width - 1)
                jump = abs(depth_m[y, other] - z)
                if depth_m[y, other] > 0 and jump < CONNECTED * z:
                    middle = 0.5 * (seen_at[x] + seen_at[other])
                    low, high, slope[x] = min(low, middle), max(high, middle), max(slope[x], jump)
            for cell in range(max(int(np.ceil(low - 0.5)), 0), min(int(np.floor(high - 0.5)), width - 1) + 1):
                nearest[cell] = min(nearest[cell], z)
        for x in range(width):
            z = depth_m[y, x]
            if z <= 0:
                continue
            cell = int(np.floor(seen_at[x]))
            out[y, x] = cell < 0 or cell >= width or nearest[cell] < z * (1.0 - TOLERANCE) - slope[x]
    return out
