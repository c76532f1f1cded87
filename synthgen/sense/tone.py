"""Tone curves as tables over the square root of the linear value (shadows need the finer steps)."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from synthgen.types.arrays import F32, F64, freeze

TABLE_STEPS = 4096
TABLE_MAX = 16.0  # linear value at the end of the table; larger ones are white


@lru_cache(maxsize=32)
def tone_table(shoulder: float, contrast: float) -> F32:
    """(4096,) encoded value in 0..1 for linear value x at index sqrt(x / 16) * 4095.

    Args:
        shoulder: linear value from which highlights roll off exponentially towards white; 1 = hard clip.
        contrast: 0..1, share of a smooth S-curve mixed into the sRGB-encoded value.
    """
    linear = TABLE_MAX * np.linspace(0.0, 1.0, TABLE_STEPS) ** 2
    encoded = srgb_encode(roll_off(linear, shoulder))
    curved = encoded * encoded * (3.0 - 2.0 * encoded)
    return freeze(((1.0 - contrast) * encoded + contrast * curved).astype(np.float32))


def roll_off(linear: F64, shoulder: float) -> F64:
    """Identity below ``shoulder``, then an exponential approach to 1 with equal slope at the joint."""
    if shoulder >= 1.0:
        return np.clip(linear, 0.0, 1.0)
    room = 1.0 - shoulder
    above = 1.0 - room * np.exp(-np.maximum(linear - shoulder, 0.0) / room)
    return np.where(linear < shoulder, linear, above)


def srgb_encode(linear: F64) -> F64:
    """IEC 61966-2-1 transfer curve, 0..1 -> 0..1."""
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 1e-9) ** (1 / 2.4) - 0.055)
