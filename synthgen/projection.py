"""Pinhole projection with Brown-Conrady lens distortion (OpenCV's model, docs "Camera Calibration", eq. of calib3d)."""

from __future__ import annotations

import numpy as np

from synthgen.types.arrays import F64
from synthgen.types.geometry import Intrinsics


def distort(u: F64, v: F64, distortion: tuple[float, ...]) -> tuple[F64, F64]:
    """Ideal normalised image coordinates (x/z, y/z) -> distorted ones, same shape."""
    if not distortion:
        return u, v
    k1, k2, p1, p2, k3 = distortion[:5]
    k4, k5, k6 = distortion[5:8] if len(distortion) == 8 else (0.0, 0.0, 0.0)
    r2 = u * u + v * v
    radial = (1 + r2 * (k1 + r2 * (k2 + r2 * k3))) / (1 + r2 * (k4 + r2 * (k5 + r2 * k6)))
    return (
        u * radial + 2 * p1 * u * v + p2 * (r2 + 2 * u * u),
        v * radial + p1 * (r2 + 2 * v * v) + 2 * p2 * u * v,
    )


def undistort(u: F64, v: F64, distortion: tuple[float, ...], *, steps: int = 30) -> tuple[F64, F64]:
    """Inverse of ``distort`` by Newton's method with a numerical Jacobian; exact to < 1e-10 on invertible lenses."""
    if not distortion:
        return u, v
    x, y = u.copy(), v.copy()
    h = 1e-6
    for _ in range(steps):
        fx, fy = distort(x, y, distortion)
        fx_x, fy_x = distort(x + h, y, distortion)
        fx_y, fy_y = distort(x, y + h, distortion)
        a, c = (fx_x - fx) / h, (fy_x - fy) / h
        b, d = (fx_y - fx) / h, (fy_y - fy) / h
        det = a * d - b * c
        det = np.where(np.abs(det) < 1e-12, 1e-12, det)
        ex, ey = u - fx, v - fy
        step_x, step_y = (d * ex - b * ey) / det, (a * ey - c * ex) / det
        x, y = x + step_x, y + step_y
        if max(np.abs(step_x).max(initial=0.0), np.abs(step_y).max(initial=0.0)) < 1e-13:
            break
    return x, y


def project(points: F64, intrinsics: Intrinsics) -> F64:
    """(N, 3) points in camera axes -> (N, 2) pixels, lens distortion included; z must be > 0."""
    u, v = distort(points[:, 0] / points[:, 2], points[:, 1] / points[:, 2], intrinsics.distortion)
    return np.stack([intrinsics.fx * u + intrinsics.cx, intrinsics.fy * v + intrinsics.cy], axis=1)


def pixel_rays(intrinsics: Intrinsics) -> tuple[F64, F64]:
    """Ideal normalised coordinates (x/z, y/z) of every pixel centre, each (H, W) float64."""
    x = (np.arange(intrinsics.width) + 0.5 - intrinsics.cx) / intrinsics.fx
    y = (np.arange(intrinsics.height) + 0.5 - intrinsics.cy) / intrinsics.fy
    u, v = np.meshgrid(x, y)
    return undistort(u, v, intrinsics.distortion)


def unproject(depth_m: F64, intrinsics: Intrinsics) -> F64:
    """(H, W) camera z -> (H, W, 3) points in camera axes."""
    u, v = pixel_rays(intrinsics)
    return np.stack([u * depth_m, v * depth_m, depth_m], axis=-1)
