"""Image bytes to arrays through OpenCV, without its exceptions and without what it prints."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np


def decode_pixels(data: bytes, flags: int) -> Any:
    """As ``cv2.imdecode``: the array, channels in OpenCV's order; None for what is no whole image, or far too large.

    OpenCV raises for images above a thousand megapixels and for some damage, and logs the rest on stderr.
    """
    if not data:
        return None
    before = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        return cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error:
        return None
    finally:
        cv2.utils.logging.setLogLevel(before)
