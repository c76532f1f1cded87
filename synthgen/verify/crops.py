"""Image and box -> the network's input; id map and box -> the mask it is compared with.

A crop is the box with a quarter of its size round it, at least 4 pixels, resampled to 64 x 64: fine enough for a
small thing's outline, and the same work for every instance. Long boxes are widened to at most 3 : 1. What lies outside
the image is grey, and the fifth channel says so.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from synthgen.types.arrays import F32, U8, U16
from synthgen.verify.network import CROP_PX, INPUTS

MARGIN = 0.25
MARGIN_PX = 4.0
LONGEST = 3.0  # longer side : shorter side of the region
GREY = 128


@dataclass(frozen=True)
class Box:
    """Edges in pixels, continuous: (0, 0) is the outer corner of the top-left pixel; x0 < x1, y0 < y1."""

    x0: float
    y0: float
    x1: float
    y1: float


@dataclass(frozen=True)
class Region:
    """Pixel columns x0 .. x1 - 1 and rows y0 .. y1 - 1 of the image that a crop shows; may reach beyond it."""

    x0: int
    y0: int
    x1: int
    y1: int


def region_of(box: Box) -> Region:
    """What the crop of a box shows."""
    width, height = box.x1 - box.x0, box.y1 - box.y0
    across = width + 2 * max(MARGIN * width, MARGIN_PX)
    down = height + 2 * max(MARGIN * height, MARGIN_PX)
    across, down = max(across, down / LONGEST), max(down, across / LONGEST)
    x, y = (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2
    x0, y0 = int(np.floor(x - across / 2)), int(np.floor(y - down / 2))
    return Region(x0, y0, int(np.ceil(x + across / 2)), int(np.ceil(y + down / 2)))


def bounds(ids: U16, indices: list[int]) -> dict[int, tuple[Box, int]]:
    """Instance index -> (bounds, pixels) of those of ``indices`` that the (H, W) id map shows.

    One pass over the map, whatever the number of instances.
    """
    height, width = ids.shape
    flat = np.flatnonzero(ids)
    values = ids.ravel()[flat].astype(np.int64)
    most = int(values.max(initial=0)) + 1
    y, x = flat // width, flat % width
    low_x, low_y = np.full(most, width), np.full(most, height)
    high_x, high_y = np.full(most, -1), np.full(most, -1)
    np.minimum.at(low_x, values, x)
    np.maximum.at(high_x, values, x)
    np.minimum.at(low_y, values, y)
    np.maximum.at(high_y, values, y)
    pixels = np.bincount(values, minlength=most)
    return {
        k: (Box(float(low_x[k]), float(low_y[k]), float(high_x[k] + 1), float(high_y[k] + 1)), int(pixels[k]))
        for k in indices
        if k < most and pixels[k]
    }


def crop(image: U8, box: Box) -> F32:
    """The network's input for one box.

    Args:
        image: (H, W, 3) uint8 RGB.
        box: in its pixels.

    Returns:
        (5, 64, 64) float32: red, green, blue in [-1, 1], the shares of the pixel in the box and in the image.
    """
    region = region_of(box)
    out = np.empty((INPUTS, CROP_PX, CROP_PX), np.float32)
    pixels = _resized(_cut(image, region, GREY))
    out[:3] = pixels.transpose(2, 0, 1)
    out[:3] *= np.float32(1 / 127.5)
    out[:3] -= np.float32(1)
    out[3] = _share(region, box)
    out[4] = _share(region, Box(0, 0, image.shape[1], image.shape[0]))
    return out


def mask_crop(mask: U8, box: Box) -> U8:
    """(H, W) uint8 mask of 0 and 255 -> (64, 64) uint8: the share of each crop pixel that it covers, times 255."""
    return _resized(_cut(mask, region_of(box), 0))


def _cut(pixels: U8, region: Region, outside: int) -> U8:
    """The region of the image, with ``outside`` where there is none."""
    height, width = pixels.shape[:2]
    x0, y0, x1, y1 = max(region.x0, 0), max(region.y0, 0), min(region.x1, width), min(region.y1, height)
    if (x0, y0, x1, y1) == (region.x0, region.y0, region.x1, region.y1):
        return pixels[y0:y1, x0:x1]
    out = np.full((region.y1 - region.y0, region.x1 - region.x0, *pixels.shape[2:]), outside, np.uint8)
    if x0 < x1 and y0 < y1:
        out[y0 - region.y0 : y1 - region.y0, x0 - region.x0 : x1 - region.x0] = pixels[y0:y1, x0:x1]
    return out


def _resized(pixels: U8) -> U8:
    """To 64 x 64: averaged along an axis that shrinks, interpolated along one that grows."""
    height, width = pixels.shape[:2]
    across = cv2.INTER_AREA if width > CROP_PX else cv2.INTER_LINEAR
    down = cv2.INTER_AREA if height > CROP_PX else cv2.INTER_LINEAR
    if across == down:
        return np.asarray(cv2.resize(pixels, (CROP_PX, CROP_PX), interpolation=across), np.uint8)
    half = cv2.resize(pixels, (CROP_PX, height), interpolation=across)
    return np.asarray(cv2.resize(half, (CROP_PX, CROP_PX), interpolation=down), np.uint8)


def _share(region: Region, box: Box) -> F32:
    """(64, 64) share of every crop pixel that lies in the box."""
    columns = _covered(region.x0, region.x1, box.x0, box.x1)
    rows = _covered(region.y0, region.y1, box.y0, box.y1)
    return rows[:, None] * columns[None]


def _covered(start: int, end: int, low: float, high: float) -> F32:
    """(64,) share of 64 equal cells of [start, end] that lies in [low, high]."""
    edges = start + (end - start) * np.arange(CROP_PX + 1) / CROP_PX
    inside = np.clip(edges, low, high)
    return (np.diff(inside) * (CROP_PX / (end - start))).astype(np.float32)
