"""The per-pixel kernels of the camera: sensor noise and tone, then the processor's finish."""

from __future__ import annotations

import math

import numpy as np

from synthgen.kernels import njit
from synthgen.sense.tone import TABLE_MAX, TABLE_STEPS
from synthgen.types.arrays import F32, U8


@njit(cache=True, nogil=True)
def develop(
    image: F32,
    noise: F32,
    gains: F32,
    vignette: float,
    shot: float,
    read: float,
    table: F32,
) -> F32:  # pragma: no cover - compiled
    """Vignette, noise, white balance and tone curve.

    Args:
        image: (H, W, 3) linear, 1 = white.
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
    falloff = 1.0 / math.sqrt(max(1.0 - vignette, 0.01)) - 1.0
    corner = 4.0 / (height * height + width * width)
    last = np.float32(TABLE_STEPS - 1)
    for y in range(height):
        dy = y + 0.5 - height / 2.0
        for x in range(width):
            dx = x + 0.5 - width / 2.0
            loss = np.float32(1.0 / (1.0 + falloff * (dx * dx + dy * dy) * corner) ** 2)
            for k in range(3):
                signal = image[y, x, k] * loss
                # Noise saturates with the pixel: no more than a full well of electrons is counted.
                sigma = math.sqrt(shot * min(signal, np.float32(1.5)) + read)
                value = (signal + sigma * noise[y, x, k]) * gains[k]
                u = math.sqrt(min(max(value / TABLE_MAX, 0.0), 1.0)) * last
                i = min(int(u), TABLE_STEPS - 2)
                f = u - i
                out[y, x, k] = table[i] * (1.0 - f) + table[i + 1] * f
    return out


@njit(cache=True, nogil=True)
def finish(encoded: F32, halo: F32, sharpen: float, saturation: float) -> U8:  # pragma: no cover - compiled
    """Unsharp mask against the blurred ``halo``, saturation, rounding; (H, W, 3) float32 in 0..1 -> uint8."""
    height, width = encoded.shape[:2]
    out = np.empty((height, width, 3), np.uint8)
    for y in range(height):
        for x in range(width):
            r = encoded[y, x, 0] + sharpen * (encoded[y, x, 0] - halo[y, x, 0])
            g = encoded[y, x, 1] + sharpen * (encoded[y, x, 1] - halo[y, x, 1])
            b = encoded[y, x, 2] + sharpen * (encoded[y, x, 2] - halo[y, x, 2])
            luma = 0.2126 * r + 0.7152 * g + 0.0722 * b
            out[y, x, 0] = _byte(luma + saturation * (r - luma))
            out[y, x, 1] = _byte(luma + saturation * (g - luma))
            out[y, x, 2] = _byte(luma + saturation * (b - luma))
    return out


@njit(cache=True, nogil=True)
def _byte(value: float) -> np.uint8:  # pragma: no cover - compiled
    return np.uint8(min(max(value, 0.0), 1.0) * 255.0 + 0.5)
