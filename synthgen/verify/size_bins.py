"""By what sizes agreement is learned, measured and told."""

from __future__ import annotations

import numpy as np

from synthgen.types.arrays import F64, I64

SIZE_BINS = (("tiny", 0), ("small", 256), ("medium", 1024), ("large", 4096))  # from so many visible pixels on
BOUNDS = {"tiny": "< 16x16", "small": "< 32x32", "medium": "< 64x64"}


def bins_of(areas_px: I64 | F64) -> I64:
    """Index into ``SIZE_BINS`` of each number of visible pixels."""
    return np.asarray(np.digitize(areas_px, [least for _, least in SIZE_BINS[1:]]), np.int64)


def titled(name: str) -> str:
    """A bin's name with its upper bound: "tiny (< 16x16)"."""
    return f"{name} ({BOUNDS[name]})" if name in BOUNDS else name
