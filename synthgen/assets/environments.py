"""Environment light: equirectangular .hdr files and procedural rooms, normalised to one brightness."""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import numpy as np

from synthgen.assets.environments_rooms import ROOM_KINDS, room_radiance
from synthgen.assets.hashing import require_file
from synthgen.assets.pixels import decode_pixels
from synthgen.errors import AssetError
from synthgen.types.arrays import F32, F64
from synthgen.types.assets import EnvironmentMap

MAP_WIDTH = 1024
FILE_MAX_WIDTH = 8192
SEEDS_PER_KIND = 8
LAMP_CAP = 20.0  # of procedural rooms, white-card units: brighter small lamps speckle whatever they light
CAP_ROUNDS = 3
LUMINANCE = np.array([0.2126, 0.7152, 0.0722])  # Rec. 709


def environment_kinds() -> tuple[str, ...]:
    """Kinds of procedural environment, for keys "procedural:<kind>:<seed>" with 0 <= seed < SEEDS_PER_KIND."""
    return tuple(ROOM_KINDS)


def procedural_environment(kind: str, seed: int) -> EnvironmentMap:
    """A procedural room, (256, 512, 3) linear radiance, normalised; the same arguments give the same bytes."""
    if kind not in ROOM_KINDS:
        raise AssetError(
            f"there is no procedural environment {kind!r}; allowed: {', '.join(ROOM_KINDS)}. Correct the name"
        )
    radiance = normalise(room_radiance(kind, seed))
    for _ in range(CAP_ROUNDS):  # what is cut off the lamps goes to everything else
        radiance = normalise(np.minimum(radiance, LAMP_CAP))
    return EnvironmentMap(key=f"procedural:{kind}:{seed}", radiance=radiance)


def load_environment(key: str, path: str) -> EnvironmentMap:
    """Reads an equirectangular Radiance .hdr file.

    The file shows the world as seen from inside, so its columns run clockwise (to the viewer's right) and are turned
    round to the map's counter-clockwise azimuth. Files wider than 1024 pixels are area-averaged to 1024 x 512.

    Raises:
        AssetError: missing, not Radiance .hdr, truncated, not 2:1, wider than 8192 pixels, not finite, or black.
    """
    require_file(path)
    data = Path(path).read_bytes()
    width, height = _header_size(data, path)
    if abs(width - 2 * height) > 0.01 * width or height < 16:
        raise AssetError(
            f"{path} has {width} x {height} pixels; an equirectangular environment is twice as wide as high and at "
            "least 32 x 16. Export it as equirectangular (latitude-longitude), not as cube map or mirror ball"
        )
    if width > FILE_MAX_WIDTH:
        raise AssetError(
            f"{path} is {width} pixels wide; allowed: up to {FILE_MAX_WIDTH}. Take the 1k or 2k version: "
            f"it is averaged to {MAP_WIDTH} anyway"
        )
    radiance = _decode(data, path)
    if width > MAP_WIDTH:
        radiance = cv2.resize(radiance, (MAP_WIDTH, MAP_WIDTH // 2), interpolation=cv2.INTER_AREA)
    if not np.isfinite(radiance).all():
        raise AssetError(
            f"{path} holds values that are not finite (NaN, infinity, or too bright to be averaged); allowed: radiance "
            "from 0 to 1e30. Export it again"
        )
    if horizontal_irradiance(radiance.astype(np.float64)) <= 1e-9:
        raise AssetError(f"{path} is black above the horizon and would light nothing; check that row 0 is the sky")
    return EnvironmentMap(key=key, radiance=normalise(radiance[:, ::-1]))


def _header_size(data: bytes, path: str) -> tuple[int, int]:
    """Width and height from the text header of a Radiance file."""
    head = data[:4096]
    found = re.search(rb"\n\n-Y (\d+) \+X (\d+)\n", head)
    if not head.startswith(b"#?") or found is None:
        raise AssetError(
            f"{path} is not a Radiance .hdr file (it does not begin with #?RADIANCE and a -Y +X size); "
            "convert other formats, such as .exr, to .hdr"
        )
    return int(found[2]), int(found[1])


def _decode(data: bytes, path: str) -> F32:
    """(H, W, 3) float32 RGB."""
    bgr = decode_pixels(data, cv2.IMREAD_ANYDEPTH | cv2.IMREAD_COLOR)
    if bgr is None or bgr.dtype != np.float32:
        raise AssetError(f"{path} is damaged: its pixels end early or cannot be decoded; download or export it again")
    return np.ascontiguousarray(bgr[..., ::-1])


def horizontal_irradiance(radiance: F64) -> float:
    """Irradiance (luminance) on a horizontal, upward-facing surface: the cosine-weighted integral of the upper half.

    Args:
        radiance: (H, W, 3) equirectangular, row 0 = zenith.
    """
    height, width = radiance.shape[:2]
    theta = (np.arange(height) + 0.5) * np.pi / height
    weight = np.maximum(np.cos(theta), 0.0) * np.sin(theta) * (np.pi / height) * (2 * np.pi / width)
    return float((radiance.sum(axis=1) @ LUMINANCE * weight).sum())


def normalise(radiance: F32 | F64) -> F32:
    """Scales a map so that a white card on the table has radiance 1 (horizontal irradiance pi)."""
    scaled = radiance * (np.pi / horizontal_irradiance(radiance.astype(np.float64)))
    return np.ascontiguousarray(np.maximum(scaled, 0.0), dtype=np.float32)
