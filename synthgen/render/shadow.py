"""Shadow depth maps cast once per scene and light, and how surfaces look them up.

One linear depth ``s`` serves both projections: s grows towards the light and is linear on the map, so planes stay
planes. Orthographic (sun, sky): s = distance along the direction to the light. Perspective (area light): s = 1 / w,
w = distance from the light along its axis. Penumbra radii are proportional to a difference of s in both
(similar triangles; Fernando 2005, "Percentage-Closer Soft Shadows").
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from synthgen.kernels import njit
from synthgen.types.arrays import F32, F64, I32, freeze

EMPTY = np.float32(-1.0e9)
MARGIN_TEXELS = 3
MIN_TEXEL_M = 0.0006
BLUR_TEXEL = 0.1 / 16.0  # a blocker 10 cm away from its shadow blurs it over about 16 texels each way
REACH_SPANS = 1.5
MAX_RINGS = 16
SEARCH_EVERY = 2
UMBRA_EVERY = 3
MAX_STRIDE = 8
MOST_BENEATH_M = np.float32(0.010)  # how far beneath a lit surface its depth is stored, where the body is that thick
SHEET_BENEATH_M = np.float32(0.0015)  # the same where nothing closes the body: a single sheet
EDGE = np.float32(1.0e-4)  # barycentric slack: neighbouring triangles overlap rather than leave a crack
BLOCK = 8  # texels per side of one cell of the coarse map


@dataclass(frozen=True, eq=False)
class DepthMaps:
    """N square depth maps of one kind.

    Attributes:
        depth: (N, S, S) float32 s just beneath what is nearest to the light (``_midway``), ``EMPTY`` where nothing is.
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


def frame_towards(direction: F64) -> F64:
    """(3, 3) right-handed orthonormal rows right, up, forward = ``direction``."""
    forward = direction / np.linalg.norm(direction)
    helper = np.array([0.0, 0.0, 1.0]) if abs(forward[2]) < 0.9 else np.array([0.0, 1.0, 0.0])
    right = np.cross(helper, forward)
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(forward, right), forward])


def cast(
    vertices: F32, faces: I32, frames: F64, origins: F64, *, size: int, perspective: bool, spread: F64
) -> DepthMaps:
    """Rasterises the casters into one map per frame, each fitted to the casters.

    Args:
        vertices: (V, 3) float32 world points; faces: (F, 3) int32.
        frames, origins: see ``DepthMaps``.
        size: edge of a map in texels, a multiple of BLOCK.
        perspective: seen from each origin along forward; triangles behind or at the light cast nothing.
        spread: (N,) penumbra radius per unit of s: tangent of the angular radius, or half the light's longer edge.
    """
    count = len(frames)
    depth = np.full((count, size, size), EMPTY, np.float32)
    scales = np.zeros((count, 4))
    coarse = np.full((count, size // BLOCK, size // BLOCK), EMPTY, np.float32)
    if len(faces):
        span = _cast(vertices, faces, frames, origins, perspective, spread, depth, scales)
        # The coarse map must see as far as a penumbra search goes, also for receivers somewhat below all casters.
        reach = spread * REACH_SPANS * span * scales[:, :2].max(axis=1)
        rings = np.clip(np.ceil(reach / BLOCK), 1, MAX_RINGS).astype(np.int32)
        _coarsen(depth, coarse, rings)
    return DepthMaps(freeze(depth), freeze(coarse), freeze(frames), freeze(origins), freeze(scales), perspective)


@njit(cache=True, nogil=True)
def _cast(
    vertices: F32, faces: I32, frames: F64, origins: F64, perspective: bool, spread: F64, depth: F32, scales: F64
) -> F64:  # pragma: no cover - compiled
    """Fills depth and scales; returns the (N,) range of s over the casters."""
    span = np.zeros(depth.shape[0])
    count, size = depth.shape[0], depth.shape[1]
    points = np.empty((len(vertices), 3), np.float32)
    away = np.empty((size, size), np.float32)  # what turns away from the light, nearest first
    for n in range(count):
        away[:] = EMPTY
        low_a, high_a, low_b, high_b, low_s, high_s = 1e9, -1e9, 1e9, -1e9, 1e9, -1e9
        for i in range(len(vertices)):
            dx = vertices[i, 0] - origins[n, 0]
            dy = vertices[i, 1] - origins[n, 1]
            dz = vertices[i, 2] - origins[n, 2]
            a = frames[n, 0, 0] * dx + frames[n, 0, 1] * dy + frames[n, 0, 2] * dz
            b = frames[n, 1, 0] * dx + frames[n, 1, 1] * dy + frames[n, 1, 2] * dz
            s = frames[n, 2, 0] * dx + frames[n, 2, 1] * dy + frames[n, 2, 2] * dz
            if perspective:
                if s < 0.02:
                    points[i, 2] = EMPTY
                    continue
                a, b, s = a / s, b / s, 1.0 / s
                a, b = min(max(a, -4.0), 4.0), min(max(b, -4.0), 4.0)
            points[i, 0], points[i, 1], points[i, 2] = a, b, s
            low_a, high_a, low_b, high_b = min(low_a, a), max(high_a, a), min(low_b, b), max(high_b, b)
            low_s, high_s = min(low_s, s), max(high_s, s)
        if high_a < low_a:
            continue
        span[n] = high_s - low_s
        # A texel is never finer than the bias nor than what the light blurs anyway: it would only cost searches.
        nearest = high_s if perspective else 1.0
        finest = max(MIN_TEXEL_M, spread[n] * nearest * BLUR_TEXEL) * nearest
        room = size - 2.0 * MARGIN_TEXELS
        scale_a = room / max(high_a - low_a, room * finest)
        scale_b = room / max(high_b - low_b, room * finest)
        scales[n, 0], scales[n, 1] = scale_a, scale_b
        scales[n, 2], scales[n, 3] = MARGIN_TEXELS - low_a * scale_a, MARGIN_TEXELS - low_b * scale_b
        for i in range(len(vertices)):
            points[i, 0] = points[i, 0] * scale_a + scales[n, 2]
            points[i, 1] = points[i, 1] * scale_b + scales[n, 3]
        for f in range(len(faces)):
            i, j, k = faces[f, 0], faces[f, 1], faces[f, 2]
            if points[i, 2] == EMPTY or points[j, 2] == EMPTY or points[k, 2] == EMPTY:
                continue
            _fill(
                depth[n], away, points[i, 0], points[i, 1], points[i, 2], points[j, 0], points[j, 1], points[j, 2],
                points[k, 0], points[k, 1], points[k, 2],
            )  # fmt: skip
        _midway(depth[n], away, perspective)
    return span


@njit(cache=True, nogil=True)
def _midway(depth: F32, away: F32, perspective: bool) -> None:  # pragma: no cover - compiled
    """Moves one map's depth from the lit surface halfway to where the light would leave the body again.

    Midpoint shadow maps (Woo 1992, "The Shadow Depth Map Revisited"): a lit surface lies above the stored depth by half
    its body's thickness, so neither a simplified caster nor the texels' size can make it shade itself, while whatever
    touches it from behind is still below. Which of the two layers faces the light does not matter.
    """
    rows, columns = depth.shape
    for y in range(rows):
        for x in range(columns):
            a, b = depth[y, x], away[y, x]
            first, second = max(a, b), min(a, b)
            if first == EMPTY:
                continue
            if perspective:
                w = np.float32(1.0) / first
                if second == EMPTY:
                    w += SHEET_BENEATH_M
                else:
                    w += min(np.float32(0.5) * (np.float32(1.0) / second - w), MOST_BENEATH_M)
                depth[y, x] = np.float32(1.0) / w
            elif second == EMPTY:
                depth[y, x] = first - SHEET_BENEATH_M
            else:
                depth[y, x] = first - min(np.float32(0.5) * (first - second), MOST_BENEATH_M)


@njit(cache=True, nogil=True)
def _fill(
    towards: F32,
    away: F32,
    px: float,
    py: float,
    ps: float,
    qx: float,
    qy: float,
    qs: float,
    rx: float,
    ry: float,
    rs: float,
) -> None:  # pragma: no cover - compiled
    """Keeps the largest s of one triangle at every texel centre that it covers, in the map of the way it faces."""
    size = towards.shape[1]
    half = np.float32(0.5)
    left = max(0, math.ceil(min(px, qx, rx) - half))
    right = min(size - 1, math.floor(max(px, qx, rx) - half))
    top = max(0, math.ceil(min(py, qy, ry) - half))
    bottom = min(size - 1, math.floor(max(py, qy, ry) - half))
    if left > right or top > bottom:
        return
    area = (qx - px) * (ry - py) - (qy - py) * (rx - px)
    if area == 0.0:
        return
    depth = towards if area > 0.0 else away
    inverse = np.float32(1.0) / area
    # Barycentric coordinates of q and r, stepped along x.
    dq, dr = (ry - py) * inverse, (py - qy) * inverse
    eq, er = (px - rx) * inverse, (qx - px) * inverse
    sq, sr = qs - ps, rs - ps
    fx = np.float32(left) + half - px
    for y in range(top, bottom + 1):
        fy = np.float32(y) + half - py
        bq, br = fx * dq + fy * eq, fx * dr + fy * er
        for x in range(left, right + 1):
            if bq >= -EDGE and br >= -EDGE and bq + br <= np.float32(1.0) + EDGE:
                s = ps + bq * sq + br * sr
                if s > depth[y, x]:
                    depth[y, x] = s
            bq += dq
            br += dr


@njit(cache=True, nogil=True)
def _coarsen(depth: F32, coarse: F32, rings: I32) -> None:  # pragma: no cover - compiled
    """Largest s per block, then of ``rings[n]`` blocks around it (separable)."""
    count, cells = coarse.shape[0], coarse.shape[1]
    block = np.empty((cells, cells), np.float32)
    rows = np.empty((cells, cells), np.float32)
    for n in range(count):
        for y in range(cells):
            for x in range(cells):
                largest = EMPTY
                for j in range(y * BLOCK, (y + 1) * BLOCK):
                    for i in range(x * BLOCK, (x + 1) * BLOCK):
                        largest = max(largest, depth[n, j, i])
                block[y, x] = largest
        for y in range(cells):
            for x in range(cells):
                largest = EMPTY
                for i in range(max(0, x - rings[n]), min(cells, x + rings[n] + 1)):
                    largest = max(largest, block[y, i])
                rows[y, x] = largest
        for y in range(cells):
            for x in range(cells):
                largest = EMPTY
                for j in range(max(0, y - rings[n]), min(cells, y + rings[n] + 1)):
                    largest = max(largest, rows[j, x])
                coarse[n, y, x] = largest


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True)
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
