"""Where a rough surface looks when it mirrors, and how widely: not along the mirror ray, and not as if seen head on.

Maps are filtered for surfaces seen head on. Aslant the lobe is another: masking and Fresnel tilt it off the mirror ray,
and its width changes. Both are read off the lobe itself, by mean direction and resultant length (Mardia & Jupp 2000,
"Directional Statistics", 9.2), and given to the filtered map that is as wide.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from synthgen.ggx import mirrored_to
from synthgen.kernels import inner, njit
from synthgen.render.environment_filter import lobe_floor
from synthgen.render.light_fresnel import dielectric
from synthgen.render.light_lobes import SAMPLES, SIDE, table_place
from synthgen.types.arrays import F32, F64, freeze

ROUGHNESSES = 96  # of the head-on lobes that are compared with
HEAD_ON_STEPS = 20_000


@lru_cache(maxsize=1)
def mirror_table() -> F32:
    """(32, 32, 4) float32 by roughness and cosine between normal and view, at (i + 0.5) / 32.

    Of dielectrics, then of metals: the angle in rad from the mirror ray towards the normal to the mean direction of
    what is mirrored, and the roughness at which a surface seen head on mirrors as widely, in units of the roughness.
    """
    roughness = np.linspace(0.01, 1.0, ROUGHNESSES)
    return freeze(_measured(SIDE, SAMPLES, roughness, np.array([_head_on(r) for r in roughness])))


def _head_on(roughness: float) -> float:
    """Resultant length of the lobe that ``environment_filter.prefilter_ggx`` filters with."""
    # Squares of the sine of half the angle to the mirror ray, denser towards it: smooth surfaces have narrow lobes.
    half = ((np.arange(HEAD_ON_STEPS) + 0.5) / HEAD_ON_STEPS) ** 4
    cosine = 1.0 - 2.0 * half
    spread = (1.0 - half) * (roughness**4 - 1.0) + 1.0
    weight = np.where(cosine > lobe_floor(roughness), cosine / spread**2, 0.0) * half**0.75
    return float((weight * cosine).sum() / weight.sum())


@njit(cache=True, nogil=True)
def _measured(side: int, samples: int, roughness: F64, head_on: F64) -> F32:  # pragma: no cover - compiled
    out = np.zeros((side, side, 4), np.float32)
    for row in range(side):
        for column in range(side):
            rough, n_v = (row + 0.5) / side, (column + 0.5) / side
            sums = np.zeros((2, 3))
            for i in range(samples * samples):
                x, _, z, v_h, seen = mirrored_to(rough * rough, n_v, i, samples)
                for kind in range(2):
                    weight = seen * dielectric(v_h) if kind == 0 else seen
                    sums[kind, 0] -= weight * x
                    sums[kind, 1] += weight * z
                    sums[kind, 2] += weight
            for kind in range(2):
                along, up = sums[kind, 0], sums[kind, 1]
                out[row, column, 2 * kind] = math.acos(n_v) - math.atan2(along, up)
                resultant = math.hypot(along, up) / sums[kind, 2]
                found = np.interp(-resultant, -head_on, roughness)
                out[row, column, 2 * kind + 1] = found / rough
    return out


@inner
def mirror_at(
    table: F32, roughness: float, n_v: float, metallic: float
) -> tuple[float, float]:  # pragma: no cover - compiled
    """Tilt from the mirror ray towards the normal, rad, and the roughness to filter with."""
    i, j, a, b, c, d = table_place(roughness, n_v)
    tilt, wide = 0.0, 0.0
    for kind in range(2):
        share, k, m = (metallic if kind == 1 else 1.0 - metallic), 2 * kind, 2 * kind + 1
        tilt += share * (
            a * table[i, j, k] + b * table[i, j + 1, k] + c * table[i + 1, j, k] + d * table[i + 1, j + 1, k]
        )
        wide += share * (
            a * table[i, j, m] + b * table[i, j + 1, m] + c * table[i + 1, j, m] + d * table[i + 1, j + 1, m]
        )
    return tilt, min(1.0, wide * roughness)
