"""Linear radiance in a few kilobytes: a logarithmic curve from the image's own shadows to its own maximum, 8 bits, AVIF
without chroma subsampling, and the lowest quality at which the image still looks the same.

"Looks the same" is measured after one fixed tone curve: PSNR of at least 46 dB. Of what was tried at 128 x 128 (JPEG
2000 with 16 bits, AVIF with 10 bits, and this with other curves) this was smallest at equal PSNR; a fixed rate would
give flat pictures too much and fine print too little.
"""

from __future__ import annotations

import io
import math

import numpy as np

from synthgen.errors import EnvironmentFault, InternalError
from synthgen.types.arrays import F32, U8

# Where the curve turns from linear to logarithmic, as a share of the median, and in which range of radiance (white
# paper has about 1).
KNEE_SHARE = 0.1
KNEES = (1e-4, 0.1)
LEAST_SPAN = 10.0  # between the knee and the curve's upper end
MOST = 256.0  # brighter is stored as this: cameras see no difference, and the sun would leave few levels to all else
PSNR_DB = 46.0
QUALITIES = range(88, 101)  # below, AVIF smooths fine grain away that a PSNR does not miss
SPEED = 6
GAMMA = 2.2
CODEC = f"avif-8bit-444, log(1 + radiance / knee) / log(1 + scale / knee), >= {PSNR_DB:g} dB"


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


def encode(linear: F32) -> tuple[bytes, float, float]:
    """The image as AVIF, and its curve.

    Args:
        linear: (H, W, 3) float32 radiance, finite, >= 0.

    Returns:
        The smallest code with at least ``PSNR_DB`` (of quality 100 where none reaches that), and the curve's
        knee and scale: the radiance that its upper end stands for.
    """
    knee = float(np.clip(KNEE_SHARE * np.median(linear), *KNEES))
    scale = max(min(float(linear.max()), MOST), LEAST_SPAN * knee)
    levels = np.rint(np.log1p(np.minimum(linear, scale) / knee) * (255.0 / math.log1p(scale / knee))).astype(np.uint8)
    low, high = QUALITIES.start, QUALITIES.stop - 1
    best: bytes | None = None
    while low < high:
        middle = (low + high) // 2
        code = _avif(levels, middle)
        if psnr_db(linear, decode(code, knee, scale)) >= PSNR_DB:
            best, high = code, middle
        else:
            low = middle + 1
    return best if best is not None else _avif(levels, QUALITIES.stop - 1), knee, scale


def decode(code: bytes, knee: float, scale: float) -> F32:
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
    table = knee * np.expm1(np.arange(256) * (math.log1p(scale / knee) / 255.0))
    return np.asarray(table, np.float32)[levels]


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
        advanced={"tune": "psnr"},  # the default, for eyes, spends a tenth more and keeps less of wood and cloth
    )
    return file.getvalue()
