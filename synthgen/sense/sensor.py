"""The per-pixel kernels of the camera: sensor noise and tone, then the processor's finish."""

from __future__ import annotations

import math

import numpy as np

from synthgen.kernels import njit
from synthgen.sense.tone import TABLE_MAX, TABLE_STEPS
from synthgen.types.arrays import F32, U8


@njit(cache=True, nogil=True, error_model="numpy")
def develop(
    image: F32,
    noise: F32,
    exposure: np.float32,
    gains: F32,
    vignette: np.float32,
    shot: np.float32,
    read: np.float32,
    table: F32,
) -> F32:  # pragma: no cover - compiled
    """Exposure, vignette, noise, white balance and tone curve, in single precision throughout.

    Args:
        image: (H, W, 3) linear; 1 / exposure = white.
        noise: (H, W, 3) standard normal.
        gains: (3,) white balance; applied after the noise, as in a camera, so the weak channel gets noisier.
        vignette: relative loss in the corners; cos^4-like, (1 + t r^2)^-2 with r = 1 in the corner.
        shot: variance per unit of signal (analogue gain / full well); read: constant variance.
        table: tone curve, see ``tone.tone_table``.

    Returns:
        (H, W, 3) float32 encoded values in 0..1.
    """
    height, width = image.shape[:2]
    out = np.empty((height, width, 3), np.float32)
    falloff = 1.0 / math.sqrt(max(1.0 - float(vignette), 0.01)) - 1.0
    corner = np.float32(falloff * 4.0 / (height * height + width * width))
    zero, one, full = np.float32(0.0), np.float32(1.0), np.float32(1.5)
    last, steps = np.int32(TABLE_STEPS - 2), np.float32((TABLE_STEPS - 1) / math.sqrt(TABLE_MAX))
    place = np.empty(3 * width, np.float32)
    for y in range(height):
        dy = np.float32(y + 0.5 - height / 2.0)
        for x in range(width):
            dx = np.float32(x) + np.float32(0.5) - np.float32(0.5) * np.float32(width)
            loss = one + corner * (dx * dx + dy * dy)
            loss = exposure / (loss * loss)
            for k in range(3):
                signal = image[y, x, k] * loss
                # Noise saturates with the pixel: no more than a full well of electrons is counted.
                sigma = np.sqrt(shot * (signal if signal < full else full) + read)
                value = (signal + sigma * noise[y, x, k]) * gains[k]
                place[3 * x + k] = np.sqrt(value if value > zero else zero) * steps
        for x in range(width):
            for k in range(3):
                u = place[3 * x + k]
                i = min(np.int32(u), last)
                f = min(u - np.float32(i), one)
                out[y, x, k] = table[i] + (table[i + 1] - table[i]) * f
    return out


@njit(cache=True, nogil=True, error_model="numpy")
def finish(encoded: F32, halo: F32, sharpen: np.float32, saturation: np.float32) -> U8:  # pragma: no cover - compiled
    """Unsharp mask against the blurred ``halo``, saturation, rounding; (H, W, 3) float32 in 0..1 -> uint8."""
    height, width = encoded.shape[:2]
    out = np.empty((height, width, 3), np.uint8)
    for y in range(height):
        for x in range(width):
            r = encoded[y, x, 0] + sharpen * (encoded[y, x, 0] - halo[y, x, 0])
            g = encoded[y, x, 1] + sharpen * (encoded[y, x, 1] - halo[y, x, 1])
            b = encoded[y, x, 2] + sharpen * (encoded[y, x, 2] - halo[y, x, 2])
            luma = np.float32(0.2126) * r + np.float32(0.7152) * g + np.float32(0.0722) * b
            out[y, x, 0] = _byte(luma + saturation * (r - luma))
            out[y, x, 1] = _byte(luma + saturation * (g - luma))
            out[y, x, 2] = _byte(luma + saturation * (b - luma))
    return out


@njit(cache=True, nogil=True, error_model="numpy")
def _byte(value):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    level = value * np.float32(255.0) + np.float32(0.5)
    level = level if level > np.float32(0.0) else np.float32(0.0)
    return np.uint8(np.int32(level if level < np.float32(255.0) else np.float32(255.0)))
