"""8-bit sRGB <-> linear light, by table."""

from __future__ import annotations

import numpy as np

from synthgen.types.arrays import F32, U8, freeze

STEPS = 4096


def _linear_table() -> F32:
    value = np.arange(256) / 255.0
    return freeze(np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4).astype(np.float32))


def _byte_table() -> U8:
    # Over the square root of the linear value: shadows need the finer steps.
    linear = (np.arange(STEPS) / (STEPS - 1)) ** 2
    value = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 1e-9) ** (1 / 2.4) - 0.055)
    return freeze(np.rint(255.0 * value).astype(np.uint8))


LINEAR = _linear_table()  # IEC 61966-2-1
BYTES = _byte_table()


def to_linear(image: U8) -> F32:
    """uint8 sRGB -> float32 linear light in 0..1, same shape."""
    return LINEAR[image]


def to_bytes(linear: F32) -> U8:
    """Linear light -> uint8 sRGB, clipped; exact inverse of ``to_linear``."""
    index = np.sqrt(np.clip(linear, 0.0, 1.0)) * np.float32(STEPS - 1)
    return BYTES[np.rint(index).astype(np.int32)]
