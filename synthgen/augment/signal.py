"""Effects of the sensor's electronics and of the file format."""

from __future__ import annotations

import math
from collections.abc import Mapping

import cv2
import numpy as np

from synthgen.augment.light import to_bytes, to_linear
from synthgen.augment.tone import rounded
from synthgen.errors import InternalError
from synthgen.types.arrays import U8


def noise(image: U8, parameters: Mapping[str, float], seed: int) -> U8:
    """Gaussian noise, shared by the channels in part; its standard deviation is the same in every channel."""
    rng = np.random.default_rng(seed)
    own = parameters["color"]
    height, width = image.shape[:2]
    shared = rng.standard_normal((height, width, 1), dtype=np.float32)
    single = rng.standard_normal((height, width, 3), dtype=np.float32)
    mixed = np.float32(math.sqrt(1.0 - own)) * shared + np.float32(math.sqrt(own)) * single
    return rounded(image.astype(np.float32) + np.float32(parameters["sd_levels"]) * mixed)


def jpeg(image: U8, parameters: Mapping[str, float], seed: int) -> U8:
    """There and back through libjpeg, 4:2:0."""
    settings = [cv2.IMWRITE_JPEG_QUALITY, round(parameters["quality"])]
    settings += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420]
    done, data = cv2.imencode(".jpg", np.ascontiguousarray(image[:, :, ::-1]), settings)
    if not done:
        raise InternalError(f"OpenCV could not encode a JPEG of shape {image.shape}; report this as a bug")
    return np.ascontiguousarray(np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)[:, :, ::-1])


def downscale(image: U8, parameters: Mapping[str, float], seed: int) -> U8:
    """Area average of the light to the low resolution, linear back; both keep the image's corners in place."""
    height, width = image.shape[:2]
    factor = parameters["factor"]
    small = (max(round(width / factor), 1), max(round(height / factor), 1))
    if small == (width, height):
        return image
    low = cv2.resize(to_linear(image), small, interpolation=cv2.INTER_AREA)
    return to_bytes(cv2.resize(low, (width, height), interpolation=cv2.INTER_LINEAR))
