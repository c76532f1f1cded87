"""Compiled kernels on equirectangular maps: the GGX prefilter and bilinear look-ups."""

from __future__ import annotations

import math

import numpy as np

from synthgen.kernels import njit
from synthgen.types.arrays import F32, I32

LOBE_CUT = 2.0e-3  # texels below this share of the lobe's peak are left out
LEVEL_ROUGHNESS = np.array([0.0, 0.12, 0.25, 0.4, 0.6, 0.8, 1.0])


@njit(cache=True, nogil=True)
def prefilter_ggx(source: F32, height: int, roughness: float) -> F32:  # pragma: no cover - compiled
    """Radiance blurred by the GGX lobe seen head on (normal = view = mirror direction; Karis 2013, "Real Shading in
    Unreal Engine 4"): out(r) = sum L(l) D(h) (r.l) / sum D(h) (r.l).

    Args:
        source: (h, 2h, 3) float32.
        height: of the result, (height, 2 height, 3) float32.
        roughness: perceptual; alpha = roughness squared.
    """
    rows, columns = source.shape[:2]
    a2 = roughness**4
    # D(h) falls to LOBE_CUT of its peak where (cos^2 h (a2 - 1) + 1)^2 = a2^2 / LOBE_CUT.
    cut = min(1.0, max(0.0, (1.0 - a2 / math.sqrt(LOBE_CUT)) / (1.0 - a2))) if a2 < 1.0 else 0.0
    cos_cut = max(0.0, 2.0 * cut - 1.0)  # of the angle between r and l, twice the half angle
    reach = math.acos(cos_cut)
    delta = 2.0 * math.pi / columns
    sin_t, cos_t = np.empty(rows), np.empty(rows)
    for j in range(rows):
        theta = (j + 0.5) / rows * math.pi
        sin_t[j], cos_t[j] = math.sin(theta), math.cos(theta)
    out = np.empty((height, 2 * height, 3), np.float32)
    cosines = np.empty(2 * columns + 4)  # of the difference in azimuth, from first = floor(centre) - columns on
    for x in range(2 * height):
        centre = (x + 0.5) / (2 * height) * columns - 0.5
        middle = math.floor(centre)
        for m in range(len(cosines)):
            cosines[m] = math.cos((m - columns + middle - centre) * delta)
        for y in range(height):
            theta = (y + 0.5) / height * math.pi
            st, ct = math.sin(theta), math.cos(theta)
            low = max(0, math.floor((theta - reach) / math.pi * rows))
            high = min(rows, math.ceil((theta + reach) / math.pi * rows) + 1)
            r, g, b, total = 0.0, 0.0, 0.0, 0.0
            for j in range(low, high):
                base, across = ct * cos_t[j], st * sin_t[j]
                # cos of the widest difference in azimuth that still lies inside the lobe.
                edge = (cos_cut - base) / max(across, 1e-12)
                if edge >= 1.0:
                    continue
                width = columns // 2 if edge <= -1.0 else int(math.acos(edge) / delta) + 1
                for m in range(-width, min(columns - width, width + 2)):
                    cosine = base + across * cosines[m + columns]
                    if cosine <= cos_cut:
                        continue
                    i = (m + middle) % columns
                    d = 0.5 * (1.0 + cosine) * (a2 - 1.0) + 1.0
                    weight = cosine * sin_t[j] / (d * d)
                    r += weight * source[j, i, 0]
                    g += weight * source[j, i, 1]
                    b += weight * source[j, i, 2]
                    total += weight
            out[y, x, 0], out[y, x, 1], out[y, x, 2] = r / total, g / total, b / total
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
    height: int, turn: float, fall: float
) -> tuple[int, int, int, int, float, float]:  # pragma: no cover - compiled
    """Flat indices of the four texels around a point of an (h, 2h) map, and the shares of the right and lower ones.

    Wraps in azimuth, clamps at the poles.
    """
    width = 2 * height
    u = turn * width + (width - 0.5)
    v = min(max(fall * height - 0.5, 0.0), height - 1.0)
    i = int(u)
    j = min(int(v), height - 2)
    left, right = i % width, (i + 1) % width
    return j * width + left, j * width + right, (j + 1) * width + left, (j + 1) * width + right, u - i, v - j


@njit(cache=True, nogil=True)
def lookup(
    texels: F32, offset: int, height: int, turn: float, fall: float
) -> tuple[float, float, float]:  # pragma: no cover - compiled
    """Bilinear look-up in the (h, 2h) level that starts at ``offset`` of the packed (T, 3 or more) texels."""
    a, b, c, d, fu, fv = bilinear_corners(height, turn, fall)
    a, b, c, d = a + offset, b + offset, c + offset, d + offset
    wa, wb, wc, wd = (1.0 - fu) * (1.0 - fv), fu * (1.0 - fv), (1.0 - fu) * fv, fu * fv
    return (
        wa * texels[a, 0] + wb * texels[b, 0] + wc * texels[c, 0] + wd * texels[d, 0],
        wa * texels[a, 1] + wb * texels[b, 1] + wc * texels[c, 1] + wd * texels[d, 1],
        wa * texels[a, 2] + wb * texels[b, 2] + wc * texels[c, 2] + wd * texels[d, 2],
    )


@njit(cache=True, nogil=True)
def lookup_reflection(
    sharp: F32, sharp_height: int, texels: F32, offsets: I32, heights: I32, turn: float, fall: float, roughness: float
) -> tuple[float, float, float]:  # pragma: no cover - compiled
    """Radiance along a direction, blurred for ``roughness``: linear between the two nearest levels."""
    last = len(LEVEL_ROUGHNESS) - 1
    level = 0
    while level < last - 1 and roughness >= LEVEL_ROUGHNESS[level + 1]:
        level += 1
    low, high = LEVEL_ROUGHNESS[level], LEVEL_ROUGHNESS[level + 1]
    share = min(1.0, max(0.0, (roughness - low) / (high - low)))
    r, g, b = lookup(texels, offsets[level], heights[level], turn, fall)
    if level == 0:
        fr, fg, fb = lookup(sharp, 0, sharp_height, turn, fall)
    else:
        fr, fg, fb = lookup(texels, offsets[level - 1], heights[level - 1], turn, fall)
    rest = 1.0 - share
    return share * r + rest * fr, share * g + rest * fg, share * b + rest * fb
