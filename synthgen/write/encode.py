"""Arrays -> bytes of image files. Deterministic for equal library versions; lossless where it is PNG."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np

from synthgen.errors import InternalError
from synthgen.types.arrays import F32, U8, U16

# Chroma at full resolution from this quality on: small saturated objects keep their edges.
FULL_CHROMA_QUALITY = 90
MM_PER_M = 1000.0
MAX_MM = 65535

# zlib level 1. Rows of a depth map differ little from the row above (filter "up"); flat id maps need no filter.
# OpenCV before 4.11 has no filter flag and takes its own default.
_PNG_FAST = [cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_DEFAULT]
_HAS_FILTER = hasattr(cv2, "IMWRITE_PNG_FILTER")
_PNG_DEPTH = _PNG_FAST + ([cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_UP] if _HAS_FILTER else [])
_PNG_IDS = _PNG_FAST + ([cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_NONE] if _HAS_FILTER else [])


def encode_image(rgb: U8, image_format: Literal["jpeg", "png"], quality: int) -> bytes:
    """(H, W, 3) uint8 RGB -> JPEG (``quality`` 1..100; 4:4:4 from 90 on, else 4:2:0) or PNG."""
    bgr = cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2BGR)
    if image_format == "png":
        return _encode(".png", bgr, _PNG_DEPTH)
    full = quality >= FULL_CHROMA_QUALITY
    sampling = cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444 if full else cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420
    return _encode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling])


def depth_mm(depth_m: F32) -> U16:
    """(H, W) camera z in metres -> uint16 millimetres, rounded; 0 = none, also for what is beyond 65.535 m."""
    millimetres = np.rint(depth_m * np.float32(MM_PER_M))
    return np.where((millimetres > 0) & (millimetres <= MAX_MM), millimetres, 0).astype(np.uint16)


def encode_depth(depth_m: F32) -> bytes:
    """(H, W) camera z in metres -> 16-bit PNG in millimetres."""
    return _encode(".png", depth_mm(depth_m), _PNG_DEPTH)


def encode_instances(instances: U16) -> bytes:
    """(H, W) uint16 instance index -> 16-bit PNG."""
    return _encode(".png", np.ascontiguousarray(instances), _PNG_IDS)


def _encode(suffix: str, pixels: U8 | U16, flags: list[int]) -> bytes:
    done, data = cv2.imencode(suffix, pixels, flags)
    if not done:
        raise InternalError(f"OpenCV could not encode a {suffix} image of shape {pixels.shape} and type {pixels.dtype}")
    return bytes(data.tobytes())
