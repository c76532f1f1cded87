"""The GGX lobe as a stretched cosine: what of it a rectangular light fills is then a form factor.

Heitz et al. 2016, "Real-Time Polygonal-Light Shading with Linearly Transformed Cosines". Instead of their fit the
stretch is read off the lobe itself: a cosine lobe's slopes have a median of 1 / sqrt(3) to either side of any plane
through its axis, whatever its tails do; so the axis is where half of the lobe lies to either side, and the stretches
are ratios of medians.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from synthgen.ggx import mirrored_to
from synthgen.kernels import inner, njit
from synthgen.types.arrays import F32, F64, freeze

SIDE = 32  # entries along roughness and along the cosine of the view
SAMPLES = 32  # along each of the two random numbers
LOBE_NUMBERS = 5
COSINE_MEDIAN = 1.0 / math.sqrt(3.0)
AXIS_STEPS = 4
BEHIND = 1.0e3  # slope of what lies behind the axis


@lru_cache(maxsize=1)
def lobe_table() -> F32:
    """(32, 32, 5) float32 by roughness and cosine between normal and view, at (i + 0.5) / 32.

    Sine and cosine of the axis's tilt from the normal towards the mirror ray; inverse stretches in the plane of
    incidence and across it; albedo of a surface whose facets mirror all.
    """
    return freeze(_measured(SIDE, SAMPLES))


@njit(cache=True, nogil=True)
def _measured(side: int, samples: int) -> F32:  # pragma: no cover - compiled
    out = np.zeros((side, side, LOBE_NUMBERS), np.float32)
    count = samples * samples
    along, across, up, weight = np.empty(count), np.empty(count), np.empty(count), np.empty(count)
    slopes = np.empty(count)
    for row in range(side):
        for column in range(side):
            alpha, n_v = ((row + 0.5) / side) ** 2, (column + 0.5) / side
            for i in range(count):
                x, across[i], up[i], _, weight[i] = mirrored_to(alpha, n_v, i, samples)
                along[i] = -x
            tilt = math.atan2((along * weight).sum(), (up * weight).sum())
            for _ in range(AXIS_STEPS):
                _slopes(along, up, tilt, slopes)
                tilt += 0.9 * math.atan(_median(slopes, weight))
            _slopes(along, up, tilt, slopes)
            in_plane = _median(np.abs(slopes), weight)
            sine, cosine = math.sin(tilt), math.cos(tilt)
            for i in range(count):
                z = along[i] * sine + up[i] * cosine
                slopes[i] = abs(across[i]) / z if z > 0.0 else BEHIND
            out[row, column, 0], out[row, column, 1] = sine, cosine
            out[row, column, 2] = COSINE_MEDIAN / in_plane
            out[row, column, 3] = COSINE_MEDIAN / _median(slopes, weight)
            out[row, column, 4] = weight.mean()
    return out


@njit(cache=True, nogil=True)
def _slopes(along: F64, up: F64, tilt: float, slopes: F64) -> None:  # pragma: no cover - compiled
    """Slope of every direction from an axis, in the plane of incidence."""
    sine, cosine = math.sin(tilt), math.cos(tilt)
    for i in range(len(along)):
        x, z = along[i] * cosine - up[i] * sine, along[i] * sine + up[i] * cosine
        slopes[i] = x / z if z > 0.0 else math.copysign(BEHIND, x)


@njit(cache=True, nogil=True)
def _median(values: F64, weight: F64) -> float:  # pragma: no cover - compiled
    order = np.argsort(values)
    half, passed = 0.5 * weight.sum(), 0.0
    for i in order:
        passed += weight[i]
        if passed >= half:
            return float(values[i])
    return float(values[order[-1]])


@inner
def table_place(
    roughness: float, n_v: float
) -> tuple[int, int, float, float, float, float]:  # pragma: no cover - compiled
    """Row and column of the first of four entries of a (SIDE, SIDE) table, and the shares of [i, j], [i, j + 1],
    [i + 1, j] and [i + 1, j + 1]."""
    top = SIDE - 1.001
    y, x = min(max(roughness * SIDE - 0.5, 0.0), top), min(max(n_v * SIDE - 0.5, 0.0), top)
    i, j = int(y), int(x)
    fy, fx = y - i, x - j
    return i, j, (1.0 - fy) * (1.0 - fx), (1.0 - fy) * fx, fy * (1.0 - fx), fy * fx


@inner
def lobe_at(
    table: F32, roughness: float, n_v: float
) -> tuple[float, float, float, float, float]:  # pragma: no cover - compiled
    """The table's five numbers, bilinear; sine and cosine of one angle."""
    i, j, a, b, c, d = table_place(roughness, n_v)
    sine = a * table[i, j, 0] + b * table[i, j + 1, 0] + c * table[i + 1, j, 0] + d * table[i + 1, j + 1, 0]
    cosine = a * table[i, j, 1] + b * table[i, j + 1, 1] + c * table[i + 1, j, 1] + d * table[i + 1, j + 1, 1]
    scale = 1.0 / math.sqrt(sine * sine + cosine * cosine)
    return (
        sine * scale,
        cosine * scale,
        a * table[i, j, 2] + b * table[i, j + 1, 2] + c * table[i + 1, j, 2] + d * table[i + 1, j + 1, 2],
        a * table[i, j, 3] + b * table[i, j + 1, 3] + c * table[i + 1, j, 3] + d * table[i + 1, j + 1, 3],
        a * table[i, j, 4] + b * table[i, j + 1, 4] + c * table[i + 1, j, 4] + d * table[i + 1, j + 1, 4],
    )


@inner
def stretched_density(
    x: float, y: float, z: float, along: float, across: float
) -> float:  # pragma: no cover - compiled
    """Density, per sr, of the stretched cosine in the direction that is (x, y, z) once unstretched, of any length
    (Heitz et al. 2016, eq. 1)."""
    length = x * x + y * y + z * z
    x, y = x / along, y / across
    shrunk = x * x + y * y + z * z
    ratio = shrunk / length  # 1 / length^2 of the unit direction's unstretched image
    return z / math.sqrt(shrunk) * along * across * ratio * ratio / math.pi
