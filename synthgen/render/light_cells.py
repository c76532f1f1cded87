"""Where light may be interpolated: cells of pixels that see one smooth surface.

Soft light changes little over a few pixels of one surface, so it is computed at the corners of such cells first, and
inside them only where the corners differ. Silhouettes, creases and contacts always fall into cells that do not agree.
"""

from __future__ import annotations

import numpy as np

from synthgen.kernels import inner, njit
from synthgen.types.arrays import F32, I32, U8, U16

# Cell edges in pixels, tried in this order; then every other pixel, and last the pixels between those.
STEPS = (8, 4, 2)
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
FACTOR_SPREAD = 0.08  # of a light's cosine or form factor, relative; interpolation is then within about 1 %
LOBE_SPREAD = 0.05  # of its highlight


@njit(cache=True, nogil=True, error_model="numpy")
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


@inner
def _agree(thing: U16, position: F32, normal: F32, y0: int, x0: int, step: int) -> bool:  # pragma: no cover - compiled
    """Whether the pixels of a small cell show one thing without an edge, and the corners of any cell one surface."""
    if step == 2:
        for y in range(y0, y0 + 3):
            for x in range(x0, x0 + 3):
                turn = np.float32(0.0)
                for k in range(3):
                    turn += normal[y0, x0, k] * normal[y, x, k]
                if thing[y, x] != thing[y0, x0] or turn < AGREE_NORMAL:  # also edges one pixel wide
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


@njit(cache=True, nogil=True, error_model="numpy")
def no_cells(height: int, width: int) -> tuple[U8, I32]:  # pragma: no cover - compiled
    """Book-keeping for one field: which blocks of 2 x 2 pixels are interpolated (none yet), and room for a list."""
    filled = np.zeros(((height + 1) // 2, (width + 1) // 2), np.uint8)
    return filled, np.empty(height * width, np.int32)


@inner
def open_cells(agree: U8, filled: U8, step: int, out: I32) -> int:  # pragma: no cover - compiled
    """Lists the cells of this edge that agree and that no larger one has filled; returns how many.

    ``out`` gets the flat index y * width + x of their upper left pixels, row by row.
    """
    height, width = agree.shape
    count = 0
    for y in range(0, height - step, step):
        for x in range(0, width - step, step):
            if agree[y, x] >= step and filled[y >> 1, x >> 1] == 0:
                out[count] = y * width + x
                count += 1
    return count


@inner
def open_pixels(filled: U8, height: int, width: int, odd: int, out: I32) -> int:  # pragma: no cover - compiled
    """Lists half of the pixels that no cell has filled, those with (x + y) % 2 == ``odd``; returns how many.

    The two halves interlock like the fields of a chessboard: what the first finds, the second may interpolate.
    """
    count = 0
    for row in range(filled.shape[0]):
        for column in range(filled.shape[1]):
            if filled[row, column] != 0:
                continue
            for y in range(2 * row, min(2 * row + 2, height)):
                x = 2 * column + ((y + odd) & 1)
                if x < width:
                    out[count] = y * width + x
                    count += 1
    return count


@inner
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


@inner
def spread(field: F32, y0: int, x0: int, y1: int, x1: int, k: int) -> float:  # pragma: no cover - compiled
    """Largest difference between the four corners of a cell in channel k."""
    a, b, c, d = field[y0, x0, k], field[y0, x1, k], field[y1, x0, k], field[y1, x1, k]
    return max(max(a, b), max(c, d)) - min(min(a, b), min(c, d))


@inner
def between(
    field: F32, y0: int, x0: int, y1: int, x1: int, y: int, x: int, k: int
) -> float:  # pragma: no cover - compiled
    """Bilinear value of channel k at (y, x) from the corners of its cell."""
    fy, fx = (y - y0) / (y1 - y0), (x - x0) / (x1 - x0)
    top = field[y0, x0, k] * (1.0 - fx) + field[y0, x1, k] * fx
    return top * (1.0 - fy) + (field[y1, x0, k] * (1.0 - fx) + field[y1, x1, k] * fx) * fy


@inner
def fill(field: F32, filled: U8, y0: int, x0: int, step: int) -> None:  # pragma: no cover - compiled
    """Bilinear values in all channels for the pixels of a cell from its corners, and a note that it is done."""
    share = np.float32(1.0) / np.float32(step)
    for k in range(field.shape[2]):
        left, right = field[y0, x0, k], field[y0, x0 + step, k]
        left_dy, right_dy = (field[y0 + step, x0, k] - left) * share, (field[y0 + step, x0 + step, k] - right) * share
        for y in range(step):
            value = left + left_dy * np.float32(y)
            dx = (right + right_dy * np.float32(y) - value) * share
            for x in range(step):
                field[y0 + y, x0 + x, k] = value + dx * np.float32(x)
    for row in range(y0 >> 1, (y0 + step) >> 1):
        for column in range(x0 >> 1, (x0 + step) >> 1):
            filled[row, column] = 1


@inner
def turned(normal: F32, y0: int, x0: int, step: int, roughness: float) -> bool:  # pragma: no cover - compiled
    """Whether the normals of a cell differ so much that a highlight of this roughness fits between its corners.

    Looks at three by three pixels: all of the smallest cells."""
    least = np.float32(1.0 - TURN * roughness**4)
    for y in range(y0, y0 + step + 1, step // 2):
        for x in range(x0, x0 + step + 1, step // 2):
            cosine = np.float32(0.0)
            for k in range(3):
                cosine += normal[y0, x0, k] * normal[y, x, k]
            if cosine < least:
                return True
    return False


@inner
def lit_alike(
    out: F32, normal: F32, roughness: F32, y0: int, x0: int, step: int
) -> bool:  # pragma: no cover - compiled
    """Whether the corners of a cell get so much the same of a light that the pixels between them need no look.

    Args:
        out: (H, W, 3) diffuse share, highlight, Fresnel's power.
    """
    r, y1, x1 = roughness[y0, x0], y0 + step, x0 + step
    if roughness[y0, x1] != r or roughness[y1, x0] != r or roughness[y1, x1] != r:
        return False
    return not turned(normal, y0, x0, step, r) and (
        spread(out, y0, x0, y1, x1, 0) <= FACTOR_SPREAD * out[y0, x0, 0]
        and spread(out, y0, x0, y1, x1, 1) <= LOBE_SPREAD
        and spread(out, y0, x0, y1, x1, 2) <= LOBE_SPREAD
    )


@inner
def halved(
    out: F32, thing: U16, position: F32, normal: F32, roughness: F32, y: int, x: int
) -> bool:  # pragma: no cover - compiled
    """Gives a pixel what two opposite neighbours get of a light, on average, where no highlight fits between them."""
    ya, xa, yb, xb = settled_pair(out, thing, position, normal, y, x, LOBE_SPREAD)
    if ya < 0 or abs(out[ya, xa, 1] - out[yb, xb, 1]) > LOBE_SPREAD:
        return False
    r, before, after = roughness[y, x], np.float32(0.0), np.float32(0.0)
    for k in range(3):
        before += normal[ya, xa, k] * normal[y, x, k]
        after += normal[yb, xb, k] * normal[y, x, k]
    if roughness[ya, xa] != r or roughness[yb, xb] != r or 1.0 - min(before, after) > TURN * r**4:
        return False
    for k in range(3):
        out[y, x, k] = np.float32(0.5) * (out[ya, xa, k] + out[yb, xb, k])
    return True
