"""Compiled kernels on equirectangular maps: the GGX prefilter and bilinear look-ups.

Pictures have their texels' centres within the map. Filtered maps have their first row at the zenith and their last at
the nadir: a table faces the zenith, and what half a coarse texel beside it gets is a tenth less under a low sun.
"""

from __future__ import annotations

import math

import numpy as np

from synthgen.kernels import njit
from synthgen.types.arrays import F32, F64, I32

LOBE_CUT = 2.0e-3  # texels below this share of the lobe's peak are left out
LEVEL_ROUGHNESS = np.array([0.0, 0.12, 0.25, 0.4, 0.6, 0.8, 1.0])


@njit(cache=True, nogil=True)
def lobe_floor(roughness: float) -> float:  # pragma: no cover - compiled
    """Cosine between mirror ray and light below which the head-on lobe counts as empty: D(h) falls to LOBE_CUT of its
    peak where (cos^2 h (a2 - 1) + 1)^2 = a2^2 / LOBE_CUT."""
    a2 = roughness**4
    cut = min(1.0, max(0.0, (1.0 - a2 / math.sqrt(LOBE_CUT)) / (1.0 - a2))) if a2 < 1.0 else 0.0
    return max(0.0, 2.0 * cut - 1.0)  # of the angle between r and l, twice the half angle


@njit(cache=True, nogil=True)
def prefilter_ggx(source: F32, height: int, roughness: float) -> F32:  # pragma: no cover - compiled
    """Radiance blurred by the GGX lobe seen head on (normal = view = mirror direction; Karis 2013, "Real Shading in
    Unreal Engine 4"): out(r) = sum L(l) D(h) (r.l) / sum D(h) (r.l).

    Args:
        source: (h, 2h, 3) float32, h even.
        height: of the result, rows from pole to pole.
        roughness: perceptual; alpha = roughness squared.

    Returns:
        (height, 2 height, 7) float32: RGB that the upper half of the source adds, RGB that the lower half adds, and the
        upper half's share of the lobe.
    """
    rows, columns = source.shape[:2]
    a2 = roughness**4
    cos_cut = lobe_floor(roughness)
    reach = math.acos(cos_cut)
    delta = 2.0 * math.pi / columns
    sin_t, cos_t = np.empty(rows), np.empty(rows)
    for j in range(rows):
        theta = (j + 0.5) / rows * math.pi
        sin_t[j], cos_t[j] = math.sin(theta), math.cos(theta)
    out = np.empty((height, 2 * height, 7), np.float32)
    cosines = np.empty(2 * columns + 4)  # of the difference in azimuth, from first = floor(centre) - columns on
    sums = np.empty((2, 4))
    for x in range(2 * height):
        centre = (x + 0.5) / (2 * height) * columns - 0.5
        middle = math.floor(centre)
        for m in range(len(cosines)):
            cosines[m] = math.cos((m - columns + middle - centre) * delta)
        for y in range(height):
            theta = y / (height - 1) * math.pi
            st, ct = math.sin(theta), math.cos(theta)
            low = max(0, math.floor((theta - reach) / math.pi * rows))
            high = min(rows, math.ceil((theta + reach) / math.pi * rows) + 1)
            sums[:] = 0.0
            for j in range(low, high):
                base, across = ct * cos_t[j], st * sin_t[j]
                # cos of the widest difference in azimuth that still lies inside the lobe.
                edge = (cos_cut - base) / max(across, 1e-12)
                if edge >= 1.0:
                    continue
                width = columns // 2 if edge <= -1.0 else int(math.acos(edge) / delta) + 1
                half = 0 if 2 * j < rows else 1
                for m in range(-width, min(columns - width, width + 2)):
                    cosine = base + across * cosines[m + columns]
                    if cosine <= cos_cut:
                        continue
                    i = (m + middle) % columns
                    d = 0.5 * (1.0 + cosine) * (a2 - 1.0) + 1.0
                    weight = cosine * sin_t[j] / (d * d)
                    for k in range(3):
                        sums[half, k] += weight * source[j, i, k]
                    sums[half, 3] += weight
            total = sums[0, 3] + sums[1, 3]
            for k in range(3):
                out[y, x, k], out[y, x, 3 + k] = sums[0, k] / total, sums[1, k] / total
            out[y, x, 6] = sums[0, 3] / total
    return out


@njit(cache=True, nogil=True)
def map_coordinates(x: float, y: float, z: float) -> tuple[float, float]:  # pragma: no cover - compiled
    """Unit direction -> (turn in [0, 1), share of the way from zenith to nadir in [0, 1]).

    Polynomials of Abramowitz and Stegun (4.4.45, 4.4.47 in minimax form): within 5e-4 rad, a tenth of a texel.
    """
    ax, ay = abs(x), abs(y)
    large = max(ax, ay)
    r = min(ax, ay) / large if large > 0.0 else 0.0
    q = r * r
    angle = ((-0.0464964749 * q + 0.15931422) * q - 0.327622764) * q * r + r
    if ay > ax:
        angle = 0.5 * math.pi - angle
    if x < 0.0:
        angle = math.pi - angle
    if y < 0.0:
        angle = 2.0 * math.pi - angle
    turn = angle * (0.5 / math.pi)
    az = min(1.0, abs(z))
    fall = math.sqrt(1.0 - az) * (1.5707288 + az * (-0.2121144 + az * (0.0742610 - 0.0187293 * az)))
    if z < 0.0:
        fall = math.pi - fall
    return turn if turn < 1.0 else 0.0, fall / math.pi


@njit(cache=True, nogil=True)
def bilinear_corners(
    height: int, turn: float, row: float
) -> tuple[int, int, int, int, float, float]:  # pragma: no cover - compiled
    """Flat indices of the four texels around a point of an (h, 2h) map, and the shares of the right and lower ones.

    Wraps in azimuth. ``row``: in [0, height - 1], whole at the texels' centres.
    """
    width = 2 * height
    u = turn * width + (width - 0.5)
    i = int(u)
    j = min(int(row), height - 2)
    left, right = i % width, (i + 1) % width
    return j * width + left, j * width + right, (j + 1) * width + left, (j + 1) * width + right, u - i, row - j


@njit(cache=True, nogil=True)
def picture_row(height: int, fall: float) -> float:  # pragma: no cover - compiled
    """Row of a picture, clamped at the poles."""
    return min(max(fall * height - 0.5, 0.0), height - 1.0)


@njit(cache=True, nogil=True)
def filtered_row(height: int, fall: float) -> float:  # pragma: no cover - compiled
    """Row of a filtered map, from pole to pole."""
    return fall * (height - 1.0)


@njit(cache=True, nogil=True)
def lookup(
    texels: F32, offset: int, height: int, turn: float, row: float
) -> tuple[float, float, float]:  # pragma: no cover - compiled
    """Bilinear look-up in the (h, 2h) level that starts at ``offset`` of the packed (T, 3 or more) texels."""
    a, b, c, d, fu, fv = bilinear_corners(height, turn, row)
    a, b, c, d = a + offset, b + offset, c + offset, d + offset
    wa, wb, wc, wd = (1.0 - fu) * (1.0 - fv), fu * (1.0 - fv), (1.0 - fu) * fv, fu * fv
    return (
        wa * texels[a, 0] + wb * texels[b, 0] + wc * texels[c, 0] + wd * texels[d, 0],
        wa * texels[a, 1] + wb * texels[b, 1] + wc * texels[c, 1] + wd * texels[d, 1],
        wa * texels[a, 2] + wb * texels[b, 2] + wc * texels[c, 2] + wd * texels[d, 2],
    )


@njit(cache=True, nogil=True)
def _add_level(
    texels: F32, offset: int, height: int, turn: float, fall: float, share: float, out: F64
) -> None:  # pragma: no cover - compiled
    """Adds ``share`` of a filtered level, bilinear."""
    a, b, c, d, fu, fv = bilinear_corners(height, turn, filtered_row(height, fall))
    a, b, c, d = a + offset, b + offset, c + offset, d + offset
    wa, wb = share * (1.0 - fu) * (1.0 - fv), share * fu * (1.0 - fv)
    wc, wd = share * (1.0 - fu) * fv, share * fu * fv
    for k in range(7):
        out[k] += wa * texels[a, k] + wb * texels[b, k] + wc * texels[c, k] + wd * texels[d, k]


@njit(cache=True, nogil=True)
def lookup_reflection(
    sharp: F32,
    sharp_height: int,
    texels: F32,
    offsets: I32,
    heights: I32,
    turn: float,
    fall: float,
    roughness: float,
    out: F64,
) -> None:  # pragma: no cover - compiled
    """Radiance along a direction, blurred for ``roughness``: linear between the two nearest levels.

    Args:
        out: (7,) filled as ``prefilter_ggx`` says.
    """
    last = len(LEVEL_ROUGHNESS) - 1
    level = 0
    while level < last - 1 and roughness >= LEVEL_ROUGHNESS[level + 1]:
        level += 1
    low, high = LEVEL_ROUGHNESS[level], LEVEL_ROUGHNESS[level + 1]
    share = min(1.0, max(0.0, (roughness - low) / (high - low)))
    out[:] = 0.0
    _add_level(texels, offsets[level], heights[level], turn, fall, share, out)
    if level > 0:
        _add_level(texels, offsets[level - 1], heights[level - 1], turn, fall, 1.0 - share, out)
        return
    red, green, blue = lookup(sharp, 0, sharp_height, turn, picture_row(sharp_height, fall))
    k = 0 if fall <= 0.5 else 3
    out[k] += (1.0 - share) * red
    out[k + 1] += (1.0 - share) * green
    out[k + 2] += (1.0 - share) * blue
    if k == 0:
        out[6] += 1.0 - share
