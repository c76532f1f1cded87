"""Normal noise for whole pictures, many times as fast as numpy's draws: a counter-based generator and a table.

Sample i is a function of key and i alone: four samples share one splitmix64 output (Steele, Lea and Flood 2014, "Fast
Splittable Pseudorandom Number Generators"), each takes twelve of its bits and looks a quantile up. So the values are
4096 different ones out to 3.5 standard deviations, finer than any sensor's noise can be told from after eight bits.
"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

from synthgen.kernels import njit
from synthgen.types.arrays import F32

QUANTILE_BITS = 12
GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def _normal_quantiles() -> F32:
    """(4096,) float32 quantiles of the standard normal at the middles of equal shares, scaled to unit variance."""
    count = 1 << QUANTILE_BITS
    values = np.array([NormalDist().inv_cdf((i + 0.5) / count) for i in range(count)])
    return (values / values.std()).astype(np.float32)


NORMAL_QUANTILES = _normal_quantiles()


@njit(cache=True, nogil=True, error_model="numpy")
def fill_normal(out: F32, key: np.uint64, quantiles: F32) -> None:
    """Writes standard normal samples to flat float32 ``out``; ``quantiles`` = ``NORMAL_QUANTILES``."""
    count, last = len(out), np.uint64(len(quantiles) - 1)
    for block in range((count + 3) // 4):
        z = np.uint64(key) + np.uint64(block + 1) * GOLDEN
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
        for k in range(min(4, count - 4 * block)):
            out[4 * block + k] = quantiles[(z >> np.uint64(16 * k)) & last]
