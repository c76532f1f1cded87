"""Smooth fractal noise: what fog, shadows and dirt are shaped from."""

from __future__ import annotations

import math

import cv2
import numpy as np

from synthgen.types.arrays import F32


def clouds(height: int, width: int, *, cells: int, octaves: int, rng: np.random.Generator) -> F32:
    """(height, width) float32 smooth fractal noise, mean about 0, standard deviation about 1."""
    total = np.zeros((height, width), np.float32)
    power = 0.0
    for octave in range(octaves):
        count = cells * 2**octave + 1
        grid = rng.standard_normal((count, count), dtype=np.float32)
        total += np.float32(0.55**octave) * cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)
        power += 0.55 ** (2 * octave) * 0.5  # interpolation averages about half of the variance away
    return np.asarray(total / np.float32(math.sqrt(power)), np.float32)
