"""Effects that albumentations (2.0.8, MIT) does well. Imported when the first of them is used, never before."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from synthgen.types.arrays import U8

NO_UPDATE = "NO_ALBUMENTATIONS_UPDATE"


@lru_cache(maxsize=1)
def library() -> Any:
    """The module, imported without its look-up of newer versions; the environment is left as it was."""
    before = os.environ.get(NO_UPDATE)
    os.environ[NO_UPDATE] = "1"
    try:
        import albumentations
    finally:
        if before is None:
            del os.environ[NO_UPDATE]
        else:
            os.environ[NO_UPDATE] = before
    return albumentations


def iso_noise(image: U8, parameters: Mapping[str, float], seed: int) -> U8:
    """Noise in hue and lightness, stronger in the shadows."""
    shift, strength = parameters["color_shift"], parameters["strength"]
    if strength <= 0 and shift <= 0:
        return image
    transform = library().ISONoise(color_shift=(shift, shift), intensity=(strength, strength), p=1.0)
    return _applied(transform, image, seed)


def channel_dropout(image: U8, parameters: Mapping[str, float], seed: int) -> U8:
    """Some channels black; the seed says which."""
    count = round(parameters["channels"])
    return _applied(library().ChannelDropout(channel_drop_range=(count, count), fill=0, p=1.0), image, seed)


def local_contrast(image: U8, parameters: Mapping[str, float], seed: int) -> U8:
    """CLAHE (Zuiderveld 1994) on the lightness of CIE Lab, 8 x 8 tiles."""
    clip = parameters["clip"]
    return _applied(library().CLAHE(clip_limit=(clip, clip), tile_grid_size=(8, 8), p=1.0), image, seed)


def _applied(transform: Any, image: U8, seed: int) -> U8:
    transform.set_random_seed(seed)
    return np.ascontiguousarray(transform(image=image)["image"], dtype=np.uint8)
