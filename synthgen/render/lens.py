"""The camera as the rasteriser sees it: a ray per pixel centre, and bounds of the pixels that a triangle can reach.

Distortion is never a warp of finished images: every pixel centre is traced along its own undistorted ray, so a label
is exact at that centre. Rays are written in ideal normalised coordinates d = (u, v, 1), camera axes, u = x/z, v = y/z.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from synthgen.errors import UserError
from synthgen.projection import distort, pixel_rays
from synthgen.types.arrays import F64
from synthgen.types.geometry import Intrinsics

REGION_MARGIN = 0.1  # the region of valid projection reaches this share of the frame beyond the frame
BEND_SAFETY = 1.5  # sampled second derivatives -> bound


class Lens(NamedTuple):
    """Rays and bounds of one camera (a NamedTuple of arrays, because numba reads those).

    Attributes:
        width, height: pixels.
        fx, fy, cx, cy: pixels.
        curved: whether there is distortion.
        coefficients: (8,) float64 k1 k2 p1 p2 k3 k4 k5 k6, zero padded.
        u, v: (H, W) float64 ray of each pixel centre. Without distortion these are broadcast rows and columns.
        column_high, row_high: (W,), (H,) largest u (v) in this column (row) or any before it, ascending.
        column_low, row_low: (W,), (H,) smallest u (v) in this column (row) or any after it, ascending.
        region: (4,) u_min, u_max, v_min, v_max: where ``distort`` may be trusted to stay on the frame's branch.
        bend: pixels per squared ideal length: a triangle of longest edge L within the region appears within
            bend * L**2 of the straight triangle through its distorted corners.
    """

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float
    curved: bool
    coefficients: F64
    u: F64
    v: F64
    column_high: F64
    column_low: F64
    row_high: F64
    row_low: F64
    region: F64
    bend: float


@lru_cache(maxsize=4)
def lens_of(intrinsics: Intrinsics) -> Lens:
    """The rays and bounds of a camera.

    Raises:
        UserError: the distortion cannot be inverted somewhere in the image.
    """
    width, height = intrinsics.width, intrinsics.height
    if intrinsics.distortion:
        u, v = (_strided(plane) for plane in pixel_rays(intrinsics))
        _check_invertible(u, v, intrinsics)
    else:
        row = (np.arange(width) + 0.5 - intrinsics.cx) / intrinsics.fx
        column = (np.arange(height) + 0.5 - intrinsics.cy) / intrinsics.fy
        u = np.broadcast_to(row, (height, width))
        v = np.broadcast_to(column[:, None], (height, width))
    # Without distortion every row and every column is like the first.
    columns, rows = (u, v) if intrinsics.distortion else (u[:1], v[:, :1])
    bounds = np.array([columns.min(), columns.max(), rows.min(), rows.max()])
    margin_u, margin_v = REGION_MARGIN * (bounds[1] - bounds[0]), REGION_MARGIN * (bounds[3] - bounds[2])
    region = bounds + np.array([-margin_u, margin_u, -margin_v, margin_v])
    coefficients = np.zeros(8)
    coefficients[: len(intrinsics.distortion)] = intrinsics.distortion
    return Lens(
        width=width,
        height=height,
        fx=float(intrinsics.fx),
        fy=float(intrinsics.fy),
        cx=float(intrinsics.cx),
        cy=float(intrinsics.cy),
        curved=bool(intrinsics.distortion),
        coefficients=coefficients,
        u=u,
        v=v,
        column_high=_ascending_high(columns.max(axis=0)),
        column_low=_ascending_low(columns.min(axis=0)),
        row_high=_ascending_high(rows.max(axis=1)),
        row_low=_ascending_low(rows.min(axis=1)),
        region=region,
        bend=_bend_px(region, intrinsics) if intrinsics.distortion else 0.0,
    )


def _strided(plane: F64) -> F64:
    """A read-only copy that is not contiguous: numba then compiles one kernel for it and for broadcast rays."""
    padded = np.zeros((plane.shape[0], plane.shape[1] + 1))
    view = padded[:, : plane.shape[1]]
    view[...] = plane
    view.flags.writeable = False
    return view


def _ascending_high(values: F64) -> F64:
    return np.maximum.accumulate(values)


def _ascending_low(values: F64) -> F64:
    return np.ascontiguousarray(np.minimum.accumulate(values[::-1])[::-1])


def _check_invertible(u: F64, v: F64, intrinsics: Intrinsics) -> None:
    """Rays must project back onto their pixels, on a branch that has not folded over."""
    back_u, back_v = distort(u, v, intrinsics.distortion)
    x = np.arange(intrinsics.width) + 0.5
    y = np.arange(intrinsics.height)[:, None] + 0.5
    miss_px = np.hypot(back_u * intrinsics.fx + intrinsics.cx - x, back_v * intrinsics.fy + intrinsics.cy - y)
    h = 1e-6
    right_u, right_v = distort(u + h, v, intrinsics.distortion)
    down_u, down_v = distort(u, v + h, intrinsics.distortion)
    # Both eigenvalues of the Jacobian must be positive: beyond a fold one is negative, beyond the centre both are.
    det = (right_u - back_u) * (down_v - back_v) - (right_v - back_v) * (down_u - back_u)
    trace = (right_u - back_u) + (down_v - back_v)
    bad = ~(miss_px < 1e-6) | ~(det > 0) | ~(trace > 0)
    if bad.any():
        row, column = (int(i) for i in np.argwhere(bad)[0])
        numbers = ", ".join(f"{k:g}" for k in intrinsics.distortion)
        raise UserError(
            f"the lens distortion [{numbers}] cannot be undone at pixel ({column}, {row}): the image folds over there; "
            f"allowed: coefficients whose distorted radius grows up to the image corners; "
            f"try calibrating again with fewer coefficients, or a larger focal length"
        )


def _bend_px(region: F64, intrinsics: Intrinsics) -> float:
    """Half the largest second derivative of the distortion over the region, in pixels, with a safety factor.

    Linear interpolation over a triangle of longest edge L errs by at most max|f''| L**2 / 2 (Taylor's theorem).
    """
    u, v = np.meshgrid(np.linspace(region[0], region[1], 65), np.linspace(region[2], region[3], 65))
    h = 1e-3 * max(region[1] - region[0], region[3] - region[2])

    def at(du: int, dv: int) -> npt.NDArray[np.float64]:
        return np.stack(distort(u + du * h, v + dv * h, intrinsics.distortion))

    centre = at(0, 0)
    uu = (at(1, 0) - 2 * centre + at(-1, 0)) / h**2
    vv = (at(0, 1) - 2 * centre + at(0, -1)) / h**2
    uv = (at(1, 1) - at(1, -1) - at(-1, 1) + at(-1, -1)) / (4 * h**2)
    # Frobenius norm of the Hessian: an upper bound of its spectral norm.
    norm = np.sqrt(uu**2 + vv**2 + 2 * uv**2).max()
    return float(BEND_SAFETY * 0.5 * norm * max(intrinsics.fx, intrinsics.fy))
