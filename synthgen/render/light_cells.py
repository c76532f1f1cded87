"""Where light may be interpolated: cells of pixels that see one smooth surface.

Soft light changes little over a few pixels of one surface, so it is computed at the corners of such cells first, and
inside them only where the corners differ. Silhouettes, creases and contacts always fall into cells that do not agree.
"""

from __future__ import annotations

import numpy as np

from synthgen.kernels import njit
from synthgen.types.arrays import F32, U8, U16

STEPS = (4, 2, 1)  # cell edges in pixels, tried in this order
# Corners that differ by more are not interpolated, by cell edge: over two pixels a ramp
# is straight, over four it may bend.
SPREAD = (0.0, 0.0, 0.18, 0.0, 0.06)
CENTRE_SPREAD = 0.03
AGREE_NORMAL = 0.94  # cosine
AGREE_PLANE = 0.35  # sine of the angle by which a corner may leave the first one's tangent plane
UNSET = np.float32(-1.0)


@njit(cache=True, nogil=True)
def agreeing(thing: U16, position: F32, normal: F32) -> U8:  # pragma: no cover - compiled
    """(H, W) uint8: at the upper left pixel of a cell the edge of the largest cell (4, 2) that agrees, else 0."""
    height, width = thing.shape
    out = np.zeros((height, width), np.uint8)
    for step in (2, 4):
        for y in range(0, height - step, step):
            for x in range(0, width - step, step):
                if thing[y, x] > 0 and _agree(thing, position, normal, y, x, step):
                    out[y, x] = step
    return out


@njit(cache=True, nogil=True)
def _agree(thing: U16, position: F32, normal: F32, y0: int, x0: int, step: int) -> bool:  # pragma: no cover - compiled
    """Whether all pixels of the cell show one thing and its four corners one smooth surface."""
    first = thing[y0, x0]
    for y in range(y0, y0 + step + 1):
        for x in range(x0, x0 + step + 1):
            if thing[y, x] != first:
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
        if cosine < AGREE_NORMAL or along * along > AGREE_PLANE * AGREE_PLANE * length:
            return False
    return True


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
