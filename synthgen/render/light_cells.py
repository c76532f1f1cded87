"""Where light may be interpolated: cells of pixels that see one smooth surface.

Soft light changes little over a few pixels of one surface, so it is computed at the corners of such cells first, and
inside them only where the corners differ. Silhouettes, creases and contacts always fall into cells that do not agree.
"""

from __future__ import annotations

import numpy as np

from synthgen.kernels import njit
from synthgen.types.arrays import F32, U8, U16

# Cell edges in pixels, tried in this order; then every other pixel, and last (0) the pixels between those.
STEPS = (8, 4, 2, 1, 0)
# Corners that differ by more are not interpolated, by cell edge: over two pixels a ramp
# is straight, over more it may bend.
SPREAD = (0.0, 0.0, 0.18, 0.0, 0.06, 0.0, 0.0, 0.0, 0.0)
CENTRE_SPREAD = 0.03
LARGEST_M = 0.03  # distance between a large cell's corners: what casts a shadow that matters is not much smaller
AGREE_NORMAL = 0.94  # cosine
TURN = 0.25  # 1 - cosine between a cell's normals per alpha squared: half a lobe's width
AGREE_BEND = 0.15  # second difference of three pixels' points, as a share of their distance
AGREE_PLANE = 0.35  # sine of the angle by which a corner may leave the first one's tangent plane
UNSET = np.float32(-1.0)


@njit(cache=True, nogil=True)
def agreeing(thing: U16, position: F32, normal: F32) -> U8:  # pragma: no cover - compiled
    """(H, W) uint8: at the upper left pixel of a cell the edge of the largest cell (8, 4, 2) that agrees, else 0."""
    height, width = thing.shape
    out = np.zeros((height, width), np.uint8)
    for step in (2, 4, 8):
        for y in range(0, height - step, step):
            for x in range(0, width - step, step):
                h = step // 2
                # All four quarters of a large cell have to agree first: nothing small hides between its corners.
                if step > 2 and min(out[y, x], out[y, x + h], out[y + h, x], out[y + h, x + h]) < h:
                    continue
                if thing[y, x] == 0:
                    continue
                if _agree(thing, position, normal, y, x, step):
                    out[y, x] = step
    return out


@njit(cache=True, nogil=True)
def _agree(thing: U16, position: F32, normal: F32, y0: int, x0: int, step: int) -> bool:  # pragma: no cover - compiled
    """Whether the pixels of a small cell show one thing, and the four corners of any cell one smooth surface."""
    if step == 2:
        for y in range(y0, y0 + 3):
            for x in range(x0, x0 + 3):
                if thing[y, x] != thing[y0, x0]:
                    return False
    for corner in range(1, 4):
        y = y0 + step if corner & 1 else y0
        x = x0 + step if corner & 2 else x0
        cosine, along, length = 0.0, 0.0, 0.0
        for k in range(3):
            cosine += normal[y0, x0, k] * normal[y, x, k]
            d = position[y, x, k] - position[y0, x0, k]
            along += d * normal[y0, x0, k]
            length += d * d
        if step > 2 and length > LARGEST_M * LARGEST_M:
            return False
        if cosine < AGREE_NORMAL or along * along > AGREE_PLANE * AGREE_PLANE * length:
            return False
    return True


@njit(cache=True, nogil=True)
def skipped(step: int, y: int, x: int) -> bool:  # pragma: no cover - compiled
    """Whether a pixel has to wait for the pass after this one: passes 1 and 0 share the pixels like a chessboard."""
    return step == 1 and (x + y) % 2 == 1


@njit(cache=True, nogil=True)
def settled_pair(
    field: F32, thing: U16, position: F32, normal: F32, y: int, x: int, most: float
) -> tuple[int, int, int, int]:  # pragma: no cover - compiled
    """Two opposite neighbours of a pixel whose light its own must lie between: (y, x, y, x), or -1 first if none.

    Args:
        field: (H, W, C) what is settled so far, ``UNSET`` elsewhere.
        most: largest difference of the neighbours in channel 0, half of what the last one may differ by.
    """
    height, width = thing.shape
    for turn in range(2):
        dy, dx = turn, 1 - turn
        y0, x0, y1, x1 = y - dy, x - dx, y + dy, x + dx
        if y0 < 0 or x0 < 0 or y1 >= height or x1 >= width:
            continue
        if thing[y0, x0] != thing[y, x] or thing[y1, x1] != thing[y, x]:
            continue
        if field[y0, x0, 0] == UNSET or field[y1, x1, 0] == UNSET or abs(field[y0, x0, 0] - field[y1, x1, 0]) > most:
            continue
        if abs(field[y0, x0, -1] - field[y1, x1, -1]) > 2.0 * most:
            continue
        before, after, bend, length = 0.0, 0.0, 0.0, 0.0
        for k in range(3):
            before += normal[y0, x0, k] * normal[y, x, k]
            after += normal[y1, x1, k] * normal[y, x, k]
            bend += (position[y0, x0, k] + position[y1, x1, k] - 2.0 * position[y, x, k]) ** 2
            length += (position[y1, x1, k] - position[y0, x0, k]) ** 2
        if before > AGREE_NORMAL and after > AGREE_NORMAL and bend < AGREE_BEND * AGREE_BEND * length:
            return y0, x0, y1, x1
    return -1, -1, -1, -1


@njit(cache=True, nogil=True)
def spread(field: F32, y0: int, x0: int, y1: int, x1: int, k: int) -> float:  # pragma: no cover - compiled
    """Largest difference between the four corners of a cell in channel k."""
    a, b, c, d = field[y0, x0, k], field[y0, x1, k], field[y1, x0, k], field[y1, x1, k]
    return max(max(a, b), max(c, d)) - min(min(a, b), min(c, d))


@njit(cache=True, nogil=True)
def between(
    field: F32, y0: int, x0: int, y1: int, x1: int, y: int, x: int, k: int
) -> float:  # pragma: no cover - compiled
    """Bilinear value of channel k at (y, x) from the corners of its cell."""
    fy, fx = (y - y0) / (y1 - y0), (x - x0) / (x1 - x0)
    top = field[y0, x0, k] * (1.0 - fx) + field[y0, x1, k] * fx
    return top * (1.0 - fy) + (field[y1, x0, k] * (1.0 - fx) + field[y1, x1, k] * fx) * fy


@njit(cache=True, nogil=True)
def fill(field: F32, y0: int, x0: int, step: int) -> None:  # pragma: no cover - compiled
    """Bilinear values in all channels for the pixels of a cell that are not settled yet; its corners are."""
    y1, x1, share = y0 + step, x0 + step, np.float32(1.0 / step)
    for y in range(y0, y1):
        low = share * np.float32(y - y0)
        high = np.float32(1.0) - low
        for x in range(x0, x1):
            if field[y, x, 0] != UNSET:
                continue
            right = share * np.float32(x - x0)
            left = np.float32(1.0) - right
            a, b, c, d = high * left, high * right, low * left, low * right
            for k in range(field.shape[2]):
                upper = a * field[y0, x0, k] + b * field[y0, x1, k]
                field[y, x, k] = upper + (c * field[y1, x0, k] + d * field[y1, x1, k])


@njit(cache=True, nogil=True)
def turned(normal: F32, y0: int, x0: int, step: int, roughness: float) -> bool:  # pragma: no cover - compiled
    """Whether the normals of a cell's corners differ so much that a highlight of this roughness fits between them."""
    most = TURN * roughness**4
    for corner in range(1, 4):
        y, x = y0 + (step if corner & 1 else 0), x0 + (step if corner & 2 else 0)
        cosine = np.float32(0.0)
        for k in range(3):
            cosine += normal[y0, x0, k] * normal[y, x, k]
        if 1.0 - cosine > most:
            return True
    return False
