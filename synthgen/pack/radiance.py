"""Linear radiance in a few kilobytes: how it differs from what ``shaded`` draws of the same view.

A reader of a pack renders the G-buffer again anyway, and with it what ``shaded`` makes of it: texture, print and
outlines are there to the last digit, and only the light that a path tracer adds has to be stored. It is the difference
of logarithms of radiance, in 256 steps that are finest round 0, as AVIF without chroma subsampling, of the lowest
quality at which the image still looks the same: PSNR of at least 50 dB after one fixed tone curve.

At 128 x 128 that is some 4 KB. Radiance itself, coded the same way in as many bytes (44 to 46 dB), was smoothed: its
Lite0 feature distance from what was drawn was 0.040, of 0.100 between ``shaded`` and path-traced pictures; now 0.014.
"""

from __future__ import annotations

import io
import math

import numpy as np

from synthgen.errors import EnvironmentFault, InternalError
from synthgen.generate.shaded import SHADING_VERSION
from synthgen.types.arrays import F32, U8

KNEE_SHARE = 0.02  # of the prediction's median: where logarithms of radiance become linear, towards 0
KNEES = (1e-4, 0.1)
MOST = 256.0  # brighter is stored as this: cameras see no difference
FINEST = 0.3  # differences of logarithms below this have nearly equal steps, those above ever larger ones
LEAST_SPAN = 0.25
PSNR_DB = 50.0
QUALITIES = range(75, 101)
SPEED = 6
GAMMA = 2.2
CODEC = f"avif-8bit-444, asinh of log((radiance + knee) / (shaded + knee)), shaded-{SHADING_VERSION}, >= {PSNR_DB:g} dB"


def tone_mapped(linear: F32) -> F32:
    """The one tone curve that packs are judged by: Reinhard's x / (1 + x), then gamma 2.2; [0, inf) -> [0, 1)."""
    return np.asarray((linear / (1.0 + linear)) ** (1.0 / GAMMA), np.float32)


def psnr_db(truth: F32, shown: F32) -> float:
    """Peak signal to noise ratio of two linear images after the tone curve, decibels."""
    error = float(np.mean((tone_mapped(truth) - tone_mapped(shown)) ** 2, dtype=np.float64))
    return 10.0 * math.log10(1.0 / max(error, 1e-12))


def require_avif() -> None:
    """Raises EnvironmentFault where this Pillow cannot read and write AVIF."""
    from PIL import features

    if not features.check("avif"):
        from PIL import __version__ as version

        raise EnvironmentFault(
            f"packs hold their images as AVIF, which this Pillow ({version}) was built without; install one with: "
            'pip install "pillow>=11.3"'
        )


def encode(linear: F32, predicted: F32) -> tuple[bytes, float, float]:
    """The image as AVIF, and its curve.

    Args:
        linear: (H, W, 3) float32 radiance, finite, >= 0.
        predicted: the same of ``shaded``; ``decode`` has to be given it too.

    Returns:
        The smallest code with at least ``PSNR_DB`` (of quality 100 where none reaches that), and the curve's knee and
        span: the difference of logarithms that its ends stand for.
    """
    knee = float(np.clip(KNEE_SHARE * np.median(predicted), *KNEES))
    difference = _logarithm(linear, knee) - _logarithm(predicted, knee)
    span = max(float(np.abs(difference).max()), LEAST_SPAN)
    steps = np.arcsinh(difference / FINEST) * (127.5 / math.asinh(span / FINEST)) + 127.5
    levels = np.clip(np.rint(steps), 0, 255).astype(np.uint8)
    low, high = QUALITIES.start, QUALITIES.stop - 1
    best: bytes | None = None
    while low < high:
        middle = (low + high) // 2
        code = _avif(levels, middle)
        if psnr_db(linear, decode(code, knee, span, predicted)) >= PSNR_DB:
            best, high = code, middle
        else:
            low = middle + 1
    return best if best is not None else _avif(levels, QUALITIES.stop - 1), knee, span


def decode(code: bytes, knee: float, span: float, predicted: F32) -> F32:
    """(H, W, 3) float32 linear radiance of a code.

    Raises:
        InternalError: it is no image (the file's own checksums have been looked at before).
    """
    from PIL import Image

    try:
        with Image.open(io.BytesIO(code), formats=("AVIF",)) as image:
            levels = np.asarray(image.convert("RGB"))
    except (OSError, ValueError, SyntaxError) as error:
        raise InternalError(f"an image of a pack cannot be decoded ({error}); report this as a bug") from error
    steps = (np.arange(256) - 127.5) * (math.asinh(span / FINEST) / 127.5)
    difference = (FINEST * np.sinh(steps)).astype(np.float32)[levels]
    found = np.float32(knee) * np.expm1(_logarithm(predicted, knee) + difference)
    return np.asarray(np.clip(found, np.float32(0), np.float32(MOST)), np.float32)


def brightness(predicted: F32, knee: float) -> float:
    """Of a prediction, for a reader to see whether it is the one that the image was coded with."""
    return float(_logarithm(predicted, knee).mean(dtype=np.float64))


def _logarithm(radiance: F32, knee: float) -> F32:
    return np.asarray(np.log1p(np.minimum(radiance, np.float32(MOST)) / np.float32(knee)), np.float32)


def _avif(levels: U8, quality: int) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(levels).save(
        file,
        "AVIF",
        quality=quality,
        subsampling="4:4:4",
        speed=SPEED,
        range="full",
        codec="aom",
        max_threads=1,
        advanced={"tune": "psnr"},  # the default is for eyes, and they never see these levels
    )
    return file.getvalue()
