"""Compiled kernels on equirectangular maps: the GGX prefilter and bilinear look-ups."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

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
    sin_t, cos_t, solid = np.empty(rows), np.empty(rows), np.empty(rows)
    for j in range(rows):
        theta = (j + 0.5) / rows * math.pi
        sin_t[j], cos_t[j], solid[j] = math.sin(theta), math.cos(theta), math.sin(theta)
    cos_p = np.empty(columns)
    out = np.empty((height, 2 * height, 3), np.float32)
    for y in range(height):
        theta = (y + 0.5) / height * math.pi
        st, ct = math.sin(theta), math.cos(theta)
        low = max(0, int(math.floor((theta - reach) / math.pi * rows)))
        high = min(rows, int(math.ceil((theta + reach) / math.pi * rows)) + 1)
        for x in range(2 * height):
            phi = (x + 0.5) / height * math.pi
            for i in range(columns):
                cos_p[i] = math.cos((i + 0.5) / rows * math.pi - phi)
            r, g, b, total = 0.0, 0.0, 0.0, 0.0
            for j in range(low, high):
                base, across = ct * cos_t[j], st * sin_t[j]
                for i in range(columns):
                    cosine = base + across * cos_p[i]
                    if cosine <= cos_cut:
                        continue
                    h2 = 0.5 * (1.0 + cosine)
                    d = h2 * (a2 - 1.0) + 1.0
                    weight = cosine * solid[j] / (d * d)
                    r += weight * source[j, i, 0]
                    g += weight * source[j, i, 1]
                    b += weight * source[j, i, 2]
                    total += weight
            out[y, x, 0], out[y, x, 1], out[y, x, 2] = r / total, g / total, b / total
    return out


@njit(cache=True, nogil=True)
def map_coordinates(x: float, y: float, z: float) -> tuple[float, float]:  # pragma: no cover - compiled
    """Unit direction -> (turn in [0, 1), share of the way from zenith to nadir in [0, 1])."""
    turn = math.atan2(y, x) * (0.5 / math.pi)
    if turn < 0.0:
        turn += 1.0
    return turn, math.acos(min(1.0, max(-1.0, z))) / math.pi


@njit(cache=True, nogil=True)
def lookup(texels: F32, turn: float, fall: float, out: F32) -> None:  # pragma: no cover - compiled
    """Bilinear look-up in an (h, 2h, 3) map: wraps in azimuth, clamps at the poles; writes out[0:3]."""
    height, width = texels.shape[0], texels.shape[1]
    u = turn * width - 0.5
    v = min(max(fall * height - 0.5, 0.0), height - 1.0)
    i, j = int(math.floor(u)), min(int(v), height - 2)
    fu, fv = u - i, v - j
    i0 = i % width
    i1 = (i + 1) % width
    for k in range(3):
        top = texels[j, i0, k] * (1.0 - fu) + texels[j, i1, k] * fu
        bottom = texels[j + 1, i0, k] * (1.0 - fu) + texels[j + 1, i1, k] * fu
        out[k] = top * (1.0 - fv) + bottom * fv


@njit(cache=True, nogil=True)
def lookup_level(
    texels: F32, offset: int, height: int, turn: float, fall: float, weight: float, out: F32
) -> None:  # pragma: no cover - compiled
    """As ``lookup``, in one packed level; adds ``weight`` times the radiance to out[0:3]."""
    width = 2 * height
    u = turn * width - 0.5
    v = min(max(fall * height - 0.5, 0.0), height - 1.0)
    i, j = int(math.floor(u)), min(int(v), height - 2)
    fu, fv = u - i, v - j
    i0 = i % width
    i1 = (i + 1) % width
    top = offset + j * width
    bottom = top + width
    for k in range(3):
        above = texels[top + i0, k] * (1.0 - fu) + texels[top + i1, k] * fu
        below = texels[bottom + i0, k] * (1.0 - fu) + texels[bottom + i1, k] * fu
        out[k] += weight * (above * (1.0 - fv) + below * fv)


@njit(cache=True, nogil=True)
def lookup_reflection(
    sharp: F32, texels: F32, offsets: I32, heights: I32, turn: float, fall: float, roughness: float, out: F32
) -> None:  # pragma: no cover - compiled
    """Radiance along a direction, blurred for ``roughness``: linear between the two nearest levels; writes out[0:3]."""
    last = len(LEVEL_ROUGHNESS) - 1
    level = 0
    while level < last - 1 and roughness >= LEVEL_ROUGHNESS[level + 1]:
        level += 1
    low, high = LEVEL_ROUGHNESS[level], LEVEL_ROUGHNESS[level + 1]
    share = min(1.0, max(0.0, (roughness - low) / (high - low)))
    if level == 0:
        lookup(sharp, turn, fall, out)
        for k in range(3):
            out[k] *= 1.0 - share
    else:
        out[0], out[1], out[2] = 0.0, 0.0, 0.0
        lookup_level(texels, offsets[level - 1], heights[level - 1], turn, fall, 1.0 - share, out)
    lookup_level(texels, offsets[level], heights[level], turn, fall, share, out)
