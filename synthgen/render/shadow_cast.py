"""Casts shadow depth maps: all triangles of a scene into one map per light, or per cell of the sky."""

from __future__ import annotations

import numpy as np

from synthgen.kernels import inner, njit
from synthgen.render.shadow import BLOCK, EMPTY, DepthMaps
from synthgen.types.arrays import F32, F64, I32, freeze

MARGIN_TEXELS = 3
MIN_TEXEL_M = 0.0006
BLUR_TEXEL = 0.1 / 16.0  # a blocker 10 cm away from its shadow blurs it over about 16 texels each way
REACH_SPANS = 1.5
MAX_RINGS = 16
MOST_BENEATH_M = np.float32(0.010)  # how far beneath a lit surface its depth is stored, where the body is that thick
SHEET_BENEATH_M = np.float32(0.0015)  # the same where nothing closes the body: a single sheet
BEHIND_M = np.float32(0.02)  # casters nearer to an area light's plane cast nothing
WIDEST = np.float32(4.0)  # tangent beyond which casters are drawn in to the border of an area light's map
EDGE = np.float32(1.0e-4)  # barycentric slack: neighbouring triangles overlap rather than leave a crack
HALF, ONE, ZERO = np.float32(0.5), np.float32(1.0), np.float32(0.0)
ZERO_I, ONE_I = np.int32(0), np.int32(1)

# Triangles are prepared BATCH at a time, row by row, in loops that the compiler turns into vector code (offsets are
# unsigned because numba wraps signed ones around, which prevents that). Nine rows hold their corners; then come
# barycentric coordinates q and r at the first texel and their steps along x and y, depth there and its steps.
BATCH = 128
_ROW = [np.uint64(BATCH * row) for row in range(12)]
PY, PZ, QX, QY, QZ, RX, RY, RZ = _ROW[1:9]
R0, QDX, RDX, QDY, RDY, DEPTH, DDX, DDY = _ROW[1:9]
RIGHT, TOP, BOTTOM, LAYER, LIST = _ROW[1:6]
CORNER_ROWS, SETUP_ROWS, BOX_ROWS = 9, 9, 6


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
    if count and len(faces):
        span = _cast(vertices, _corners(vertices, faces), frames, origins, perspective, spread, depth, scales)
        # The coarse map must see as far as a penumbra search goes, also for receivers somewhat below all casters.
        reach = spread * REACH_SPANS * span * scales[:, :2].max(axis=1)
        rings = np.clip(np.ceil(reach / BLOCK), 1, MAX_RINGS).astype(np.int32)
        _coarsen(depth, coarse, rings)
    return DepthMaps(freeze(depth), freeze(coarse), freeze(frames), freeze(origins), freeze(scales), perspective)


@njit(cache=True, nogil=True)
def _corners(vertices: F32, faces: I32) -> F32:  # pragma: no cover - compiled
    """(batches * CORNER_ROWS * BATCH,) float32 world corners of all triangles, as ``_prepare`` reads them; the last
    batch is filled up with triangles of no area."""
    batches = (len(faces) + BATCH - 1) // BATCH
    corners = np.zeros((batches, CORNER_ROWS, BATCH), np.float32)
    for f in range(len(faces)):
        for corner in range(3):
            for axis in range(3):
                corners[f // BATCH, 3 * corner + axis, f % BATCH] = vertices[faces[f, corner], axis]
    return corners.ravel()


@njit(cache=True, nogil=True)
def _cast(
    vertices: F32, corners: F32, frames: F64, origins: F64, perspective: bool, spread: F64, depth: F32, scales: F64
) -> F64:  # pragma: no cover - compiled
    """Fills depth and scales; returns the (N,) range of s over the casters."""
    count, size = depth.shape[0], depth.shape[1]
    span = np.zeros(count)
    layers = np.empty(2 * size * size, np.float32)
    setup, box = np.empty(SETUP_ROWS * BATCH, np.float32), np.empty(BOX_ROWS * BATCH, np.int32)
    for n in range(count):
        frame, shift = frames[n].astype(np.float32), (-frames[n] @ origins[n]).astype(np.float32)
        low_u, high_u, low_v, high_v, low_s, high_s = _bounds(vertices, frame, shift, perspective)
        if high_u < low_u:
            continue
        span[n] = high_s - low_s
        # A texel is never finer than the bias nor than what the light blurs anyway: it would only cost searches.
        nearest = high_s if perspective else 1.0
        finest = max(MIN_TEXEL_M, spread[n] * nearest * BLUR_TEXEL) * nearest
        room = size - 2.0 * MARGIN_TEXELS
        scales[n, 0] = room / max(high_u - low_u, room * finest)
        scales[n, 1] = room / max(high_v - low_v, room * finest)
        scales[n, 2] = MARGIN_TEXELS - low_u * scales[n, 0]
        scales[n, 3] = MARGIN_TEXELS - low_v * scales[n, 1]
        layers[:] = EMPTY
        scale = scales[n].astype(np.float32)
        for batch in range(len(corners) // (CORNER_ROWS * BATCH)):
            _prepare(corners, np.uint64(batch), frame, shift, scale, perspective, np.int32(size), setup, box)
            _fill(setup, box, size, layers)
        _midway(layers, perspective, depth[n].reshape(size * size))
    return span


@inner
def _placed(
    x: float, y: float, z: float, frame: F32, shift: F32, perspective: bool
) -> tuple[np.float32, np.float32, np.float32]:  # pragma: no cover - compiled
    """A world point in a light's frame: u, v, s; s is ``EMPTY`` behind an area light. shift: (3,) of the origin."""
    a = frame[0, 0] * x + frame[0, 1] * y + frame[0, 2] * z + shift[0]
    b = frame[1, 0] * x + frame[1, 1] * y + frame[1, 2] * z + shift[1]
    c = frame[2, 0] * x + frame[2, 1] * y + frame[2, 2] * z + shift[2]
    if perspective:
        inverse = ONE / (c if c > BEHIND_M else BEHIND_M)
        a, b = a * inverse, b * inverse
        a, b = (a if a > -WIDEST else -WIDEST), (b if b > -WIDEST else -WIDEST)
        a, b = (a if a < WIDEST else WIDEST), (b if b < WIDEST else WIDEST)
        c = inverse if c >= BEHIND_M else EMPTY
    return a, b, c


@inner
def _bounds(
    vertices: F32, frame: F32, shift: F32, perspective: bool
) -> tuple[np.float32, np.float32, np.float32, np.float32, np.float32, np.float32]:  # pragma: no cover - compiled
    """Least and largest u, v and s of the vertices before the light."""
    low_u, high_u, low_v, high_v, low_s, high_s = -EMPTY, EMPTY, -EMPTY, EMPTY, -EMPTY, EMPTY
    for i in range(len(vertices)):
        u, v, s = _placed(vertices[i, 0], vertices[i, 1], vertices[i, 2], frame, shift, perspective)
        if s == EMPTY:
            continue
        low_u, high_u = (u if u < low_u else low_u), (u if u > high_u else high_u)
        low_v, high_v = (v if v < low_v else low_v), (v if v > high_v else high_v)
        low_s, high_s = (s if s < low_s else low_s), (s if s > high_s else high_s)
    return low_u, high_u, low_v, high_v, low_s, high_s


@inner
def _prepare(
    corners: F32, batch: int, frame: F32, shift: F32, scale: F32, perspective: bool, size: int, setup: F32, box: I32
) -> None:  # pragma: no cover - compiled
    """Places one batch of triangles on the map: which texel centres may be covered (right < left: none), in which
    layer (the first for those that face one way), and everything that changes linearly over them."""
    su, sv, ou, ov, most = scale[0], scale[1], scale[2], scale[3], size - ONE_I
    for i in range(BATCH):
        k = np.uint64(i)
        c = batch * np.uint64(CORNER_ROWS * BATCH) + k
        px, py, ps = _placed(corners[c], corners[c + PY], corners[c + PZ], frame, shift, perspective)
        qx, qy, qs = _placed(corners[c + QX], corners[c + QY], corners[c + QZ], frame, shift, perspective)
        rx, ry, rs = _placed(corners[c + RX], corners[c + RY], corners[c + RZ], frame, shift, perspective)
        px, qx, rx = px * su + ou, qx * su + ou, rx * su + ou
        py, qy, ry = py * sv + ov, qy * sv + ov, ry * sv + ov
        low_x, high_x = _least(px, qx, rx), -_least(-px, -qx, -rx)
        low_y, high_y = _least(py, qy, ry), -_least(-py, -qy, -ry)
        # The first centre at or right of x is that of texel int(x + 0.5): nothing lies left of the margin.
        left, right = np.int32(low_x + HALF), np.int32(high_x + HALF) - ONE_I
        top, bottom = np.int32(low_y + HALF), np.int32(high_y + HALF) - ONE_I
        right, bottom = (right if right < most else most), (bottom if bottom < most else most)
        area = (qx - px) * (ry - py) - (qy - py) * (rx - px)
        drawn = ONE if (ZERO if area == ZERO else _least(ps, qs, rs) - EMPTY) > ZERO else ZERO
        inverse = ONE / area
        q_dx, r_dx = (ry - py) * inverse, (py - qy) * inverse
        q_dy, r_dy = (px - rx) * inverse, (qx - px) * inverse
        fx, fy = np.float32(left) + HALF - px, np.float32(top) + HALF - py
        q, r = fx * q_dx + fy * q_dy, fx * r_dx + fy * r_dy
        setup[k], setup[k + R0] = q, r
        setup[k + QDX], setup[k + RDX], setup[k + QDY], setup[k + RDY] = q_dx, r_dx, q_dy, r_dy
        setup[k + DEPTH] = ps + q * (qs - ps) + r * (rs - ps)
        setup[k + DDX] = q_dx * (qs - ps) + r_dx * (rs - ps)
        setup[k + DDY] = q_dy * (qs - ps) + r_dy * (rs - ps)
        box[k], box[k + RIGHT] = left, (right if drawn > ZERO else left - ONE_I)
        box[k + TOP], box[k + BOTTOM] = top, bottom
        box[k + LAYER] = ZERO_I if area > ZERO else size * size


@inner
def _least(a: float, b: float, c: float) -> float:  # pragma: no cover - compiled
    least = a if a < b else b
    return least if least < c else c


@inner
def _fill(setup: F32, box: I32, size: int, layers: F32) -> None:  # pragma: no cover - compiled
    """Keeps the largest s of every triangle of a batch at the texel centres that it covers, in its layer."""
    slack, found = ONE + EDGE, 0
    for i in range(BATCH):
        k = np.uint64(i)
        box[np.uint64(found) + LIST] = i
        found += 1 if (box[k] <= box[k + RIGHT]) & (box[k + TOP] <= box[k + BOTTOM]) else 0
    for n in range(found):
        k = np.uint64(box[np.uint64(n) + LIST])
        left, right, top, bottom = box[k], box[k + RIGHT], box[k + TOP], box[k + BOTTOM]
        q_row, r_row, depth_row = setup[k], setup[k + R0], setup[k + DEPTH]
        q_dx, r_dx, depth_dx = setup[k + QDX], setup[k + RDX], setup[k + DDX]
        q_dy, r_dy, depth_dy = setup[k + QDY], setup[k + RDY], setup[k + DDY]
        row = np.int64(box[k + LAYER]) + top * size + left
        for _ in range(bottom - top + 1):
            q, r, depth = q_row, r_row, depth_row
            for x in range(right - left + 1):
                at = np.uint64(row + x)
                covered = (q >= -EDGE) & (r >= -EDGE) & (q + r <= slack)
                old, new = layers[at], (depth if covered else EMPTY)
                layers[at] = new if new > old else old
                q += q_dx
                r += r_dx
                depth += depth_dx
            q_row += q_dy
            r_row += r_dy
            depth_row += depth_dy
            row += size


@inner
def _midway(layers: F32, perspective: bool, depth: F32) -> None:  # pragma: no cover - compiled
    """One map's depth: from the lit surface halfway to where the light would leave the body again.

    Midpoint shadow maps (Woo 1992, "The Shadow Depth Map Revisited"): a lit surface lies above the stored depth by half
    its body's thickness, so neither a simplified caster nor the texels' size can make it shade itself, while whatever
    touches it from behind is still below. Which of the two layers faces the light does not matter.
    """
    away = np.uint64(len(depth))
    for i in range(len(depth)):
        k = np.uint64(i)
        a, b = layers[k], layers[k + away]
        first, second = (a if a > b else b), (b if a > b else a)
        if perspective:
            near = ONE / first
            thick = HALF * (ONE / second - near)
            thick = thick if thick < MOST_BENEATH_M else MOST_BENEATH_M
            middle = ONE / (near + (SHEET_BENEATH_M if second == EMPTY else thick))
        else:
            thick = HALF * (first - second)
            thick = thick if thick < MOST_BENEATH_M else MOST_BENEATH_M
            middle = first - (SHEET_BENEATH_M if second == EMPTY else thick)
        depth[k] = EMPTY if first == EMPTY else middle


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
