"""Shadow depth maps, and how surfaces look them up; ``shadow_cast`` makes them, once per scene and light.

One linear depth ``s`` serves both projections: s grows towards the light and is linear on the map, so planes stay
planes. Orthographic (sun, sky): s = distance along the direction to the light. Perspective (area light): s = 1 / w,
w = distance from the light along its axis. Penumbra radii are proportional to a difference of s in both
(similar triangles; Fernando 2005, "Percentage-Closer Soft Shadows").
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from synthgen.kernels import inner
from synthgen.types.arrays import F32, F64

EMPTY = np.float32(-1.0e9)
SEARCH_EVERY = 2
UMBRA_EVERY = 3
MAX_STRIDE = 8
BLOCK = 8  # texels per side of one cell of the coarse map


@dataclass(frozen=True, eq=False)
class DepthMaps:
    """N square depth maps of one kind.

    Attributes:
        depth: (N, S, S) float32 s just beneath what is nearest to the light (``shadow_cast``), ``EMPTY`` where nothing
            is.
        coarse: (N, S / BLOCK, S / BLOCK) float32 largest s of each block and the blocks around it.
        frames: (N, 3, 3) float64 rows right, up, forward; forward points to the light (sun, sky) or away from
            it (area light), world axes.
        origins: (N, 3) float64 world point that the frames refer to (the light's centre for area lights).
        scales: (N, 4) float64 texels per unit right, per unit up, offset right, offset up.
        perspective: whether the maps are seen from a point.
    """

    depth: F32
    coarse: F32
    frames: F64
    origins: F64
    scales: F64
    perspective: bool


@inner
def blocked_share(
    depth: F32, n: int, u: float, v: float, s: float, gu: float, gv: float, stride: int
) -> float:  # pragma: no cover - compiled
    """Bilinear percentage-closer look-up on every ``stride``-th texel: 0 = open, 1 = blocked.

    Args:
        depth: (N, S, S); n: which map.
        u, v: texels; s: depth of the receiver, bias included.
        gu, gv: change of s per texel on the receiver's plane, so that a tilted plane does not shadow itself.
        stride: a power of two: wide penumbrae are sampled coarsely and come out as smooth ramps.
    """
    size = depth.shape[1]
    inverse = 1.0 / stride
    x, y = (u - 0.5) * inverse, (v - 0.5) * inverse
    i, j = math.floor(x), math.floor(y)
    fx, fy = x - i, y - j
    left, top = i * stride, j * stride
    right, bottom = left + stride, top + stride
    if left < 0 or top < 0 or right >= size or bottom >= size:
        left, top = min(max(left, 0), size - 1), min(max(top, 0), size - 1)
        right, bottom = min(max(right, 0), size - 1), min(max(bottom, 0), size - 1)
    base = s + gu * (left + 0.5 - u) + gv * (top + 0.5 - v)
    across, down = gu * (right - left), gv * (bottom - top)
    total = 0.0
    if depth[n, top, left] > base:
        total += (1.0 - fx) * (1.0 - fy)
    if depth[n, top, right] > base + across:
        total += fx * (1.0 - fy)
    if depth[n, bottom, left] > base + down:
        total += (1.0 - fx) * fy
    if depth[n, bottom, right] > base + across + down:
        total += fx * fy
    return total


@inner
def blocker_reach(coarse: F32, n: int, u: float, v: float, s: float) -> float:  # pragma: no cover - compiled
    """How far blockers near a point of map ``n`` rise above it, 0 = there are none; continuous over the map."""
    last = coarse.shape[1] - 1
    x, y = u / BLOCK - 0.5, v / BLOCK - 0.5
    i, j = int(max(x, 0.0)), int(max(y, 0.0))
    fx, fy = min(1.0, max(0.0, x - i)), min(1.0, max(0.0, y - j))
    right, down = min(i + 1, last), min(j + 1, last)
    a, b = max(0.0, coarse[n, j, i] - s), max(0.0, coarse[n, j, right] - s)
    c, d = max(0.0, coarse[n, down, i] - s), max(0.0, coarse[n, down, right] - s)
    return (a * (1.0 - fx) + b * fx) * (1.0 - fy) + (c * (1.0 - fx) + d * fx) * fy


@inner
def soft_block(
    depth: F32, n: int, u: float, v: float, s: float, gu: float, gv: float, width: float
) -> float:  # pragma: no cover - compiled
    """Blocked share with a penumbra ``width`` texels wide: strides of powers of two, blended so that none shows."""
    if width <= 1.0:
        return blocked_share(depth, n, u, v, s, gu, gv, 1)
    stride = 1
    while stride < MAX_STRIDE and width >= 2.0 * stride:
        stride *= 2
    fine = blocked_share(depth, n, u, v, s, gu, gv, stride)
    if stride == MAX_STRIDE:
        return fine
    share = width / stride - 1.0
    return fine * (1.0 - share) + share * blocked_share(depth, n, u, v, s, gu, gv, 2 * stride)


@inner
def soft_shadow(
    depth: F32, coarse: F32, n: int, taps: F64, u: float, v: float, s: float, gu: float, gv: float, ku: float, kv: float
) -> float:  # pragma: no cover - compiled
    """Percentage-closer soft shadow: 1 = lit, 0 = in the umbra.

    Args:
        taps: (T, 2) points of the light's shape in [-1, 1]^2, every prefix spread evenly.
        ku, kv: penumbra radius in texels per unit of s between blocker and receiver.
        others: see ``blocked_share``.
    """
    size = depth.shape[1]
    if u < 0.0 or v < 0.0 or u >= size or v >= size:
        return 1.0
    reach = blocker_reach(coarse, n, u, v, s)
    if reach <= 0.0:
        return 1.0
    ru, rv = ku * reach, kv * reach
    blockers, found, looked = 0.0, 0, 0
    for k in range(0, len(taps), SEARCH_EVERY):
        looked += 1
        i, j = math.floor(u + taps[k, 0] * ru), math.floor(v + taps[k, 1] * rv)
        if 0 <= i < size and 0 <= j < size:
            at = depth[n, j, i]
            if at > s + gu * (i + 0.5 - u) + gv * (j + 0.5 - v):
                blockers += at
                found += 1
    if found == 0:
        return 1.0
    reach = max(0.0, blockers / found - s)
    ru, rv = max(0.7, ku * reach), max(0.7, kv * reach)
    spacing = 2.0 * math.sqrt(ru * rv / len(taps))
    # A penumbra of a few texels needs no more samples than it has texels.
    step = 4 if max(ru, rv) < 1.5 else (2 if max(ru, rv) < 4.0 else 1)
    # All of a wide search blocked: most likely the umbra. A few taps of the real width tell it from a small gap, which
    # the search stepped over (taking its word for it leaves black patches with hard edges in half-shade).
    if found == looked and step == 1:
        step = UMBRA_EVERY
    total, count = 0.0, 0
    for k in range(0, len(taps), step):
        du, dv = taps[k, 0] * ru, taps[k, 1] * rv
        total += soft_block(depth, n, u + du, v + dv, s + gu * du + gv * dv, gu, gv, 1.3 * spacing)
        count += 1
    if step == UMBRA_EVERY and total < count:
        for k in range(len(taps)):
            if k % step != 0:
                du, dv = taps[k, 0] * ru, taps[k, 1] * rv
                total += soft_block(depth, n, u + du, v + dv, s + gu * du + gv * dv, gu, gv, 1.3 * spacing)
                count += 1
    return 1.0 - total / count
