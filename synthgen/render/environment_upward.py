"""What surfaces that face up mirror of an environment, integrated: tables, most of many pictures.

Half of a lobe seen aslant lies behind the table's own horizon, where neither mean direction nor width help: there the
integral itself is tabulated, over roughness, view and azimuth.
"""

from __future__ import annotations

import math

import numpy as np

from synthgen.ggx import mirrored_to
from synthgen.kernels import inner, njit
from synthgen.render.environment_filter import lookup, map_coordinates, picture_row
from synthgen.render.light_fresnel import dielectric
from synthgen.types.arrays import F32, F64

UPWARD_ROUGHNESS = np.array([0.25, 0.4, 0.6, 0.8, 1.0])  # smoother surfaces mirror details finer than the table
VIEWS, TURNS = 24, 48  # cosines of the view at (i + 0.5) / 24; azimuths of the mirror ray at (i + 0.5) / 48 turns
SAMPLES = 32  # along each of the two random numbers
FACING_UP = 0.9999  # z of the normal


@njit(cache=True, nogil=True)
def upward_reflection(source: F32) -> F32:  # pragma: no cover - compiled
    """Mean radiance in the lobe of a surface that faces up: (5, 24, 48, 6) float32, RGB of dielectrics (Fresnel's
    weights included, then divided by their sum), RGB of metals.

    Args:
        source: (h, 2h, 3) float32 radiance.
    """
    height = len(source)
    flat = source.reshape(-1, 3)
    out = np.zeros((len(UPWARD_ROUGHNESS), VIEWS, TURNS, 6), np.float32)
    count = SAMPLES * SAMPLES
    x, y, z, dull, white = np.empty(count), np.empty(count), np.empty(count), np.empty(count), np.empty(count)
    for level in range(len(UPWARD_ROUGHNESS)):
        for view in range(VIEWS):
            for i in range(count):
                lx, y[i], z[i], v_h, white[i] = mirrored_to(
                    UPWARD_ROUGHNESS[level] ** 2, (view + 0.5) / VIEWS, i, SAMPLES
                )
                x[i], dull[i] = -lx, white[i] * dielectric(v_h)
            all_dull, all_white = dull.sum(), white.sum()
            for turn in range(TURNS):
                angle = (turn + 0.5) / TURNS * 2.0 * math.pi
                cosine, sine = math.cos(angle), math.sin(angle)
                sums = np.zeros(6)
                for i in range(count):
                    if white[i] <= 0.0:
                        continue
                    across, fall = map_coordinates(cosine * x[i] - sine * y[i], sine * x[i] + cosine * y[i], z[i])
                    r, g, b = lookup(flat, 0, height, across, picture_row(height, fall))
                    sums[0] += dull[i] * r
                    sums[1] += dull[i] * g
                    sums[2] += dull[i] * b
                    sums[3] += white[i] * r
                    sums[4] += white[i] * g
                    sums[5] += white[i] * b
                for k in range(3):
                    out[level, view, turn, k] = sums[k] / all_dull
                    out[level, view, turn, 3 + k] = sums[3 + k] / all_white
    return out


@inner
def lookup_upward(
    table: F32, roughness: float, n_v: float, turn: float, metallic: float, out: F64
) -> None:  # pragma: no cover - compiled
    """Fills out[:3] with what a surface that faces up mirrors, and the rest as ``prefilter_ggx`` says: all from above.

    Args:
        turn: azimuth of the mirror ray on the map, in turns.
    """
    level = 0
    while level < len(UPWARD_ROUGHNESS) - 2 and roughness >= UPWARD_ROUGHNESS[level + 1]:
        level += 1
    low, high = UPWARD_ROUGHNESS[level], UPWARD_ROUGHNESS[level + 1]
    rough = min(1.0, max(0.0, (roughness - low) / (high - low)))
    row = min(max(n_v * VIEWS - 0.5, 0.0), VIEWS - 1.001)
    column = turn * TURNS + (TURNS - 0.5)
    i, j = int(row), int(column)
    fy, fx = row - i, column - j
    left, right = j % TURNS, (j + 1) % TURNS
    out[:] = 0.0
    out[6] = 1.0
    for above in range(2):
        for below in range(2):
            weight = (rough if above == 1 else 1.0 - rough) * (fy if below == 1 else 1.0 - fy)
            a, b = level + above, i + below
            for k in range(3):
                dull = (1.0 - fx) * table[a, b, left, k] + fx * table[a, b, right, k]
                metal = (1.0 - fx) * table[a, b, left, 3 + k] + fx * table[a, b, right, 3 + k]
                out[k] += weight * ((1.0 - metallic) * dull + metallic * metal)
