"""Rays through a depth image: what of the picture they meet (McGuire and Mara 2014, "Efficient GPU Screen-Space Ray
Tracing", with growing 3D steps). Compiled; what it is for: ``gan_mirror``, ``gan_bounce``."""

from __future__ import annotations

import numpy as np

from synthgen.kernels import inner
from synthgen.types.arrays import F32
from synthgen.types.geometry import Intrinsics

NEAREST_M = 0.02  # to the camera that a ray is followed
BEHIND = 0.001  # of the distance: how far behind a surface a point is at least


def lens_of(intrinsics: Intrinsics) -> F32:
    """(4,) fx, fy, cx, cy: rays are projected without the lens's distortion."""
    return np.array([intrinsics.fx, intrinsics.fy, intrinsics.cx, intrinsics.cy], np.float32)


@inner
def met(depth, px, py, pz, rx, ry, rz, lens, steps, first, growth, thickness):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """The pixel (row * width + column) where a ray goes behind a visible surface, or -1.

    Args:
        depth: (H, W) float32 camera z in metres, 0 = nothing.
        p, r: float32 start and unit direction, camera axes, metres; lens: from ``lens_of``.
        steps, first, growth: how many, the first in metres, and how they grow.
        thickness: how deep behind a visible surface a ray still hits it, at least, metres.
    """
    height, width = depth.shape
    before, t = np.float32(0.0), np.float32(first)
    for _ in range(steps):
        z = pz + t * rz
        if z < np.float32(NEAREST_M):
            return -1
        u, v = lens[0] * (px + t * rx) / z + lens[2], lens[1] * (py + t * ry) / z + lens[3]
        if u < 0 or v < 0 or u >= width or v >= height:
            return -1
        surface = depth[int(v), int(u)]
        behind = z - surface
        deep = max(np.float32(thickness), np.float32(1.5) * (t - before) * abs(rz))
        if surface > 0 and behind > np.float32(BEHIND) * surface and behind < deep:
            return int(v) * width + int(u)
        before = t
        t *= np.float32(growth)
    return -1
