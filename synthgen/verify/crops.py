"""Image and box -> the network's input; id map and box -> the mask it is compared with.

A crop is the box with a quarter of its size round it, at least 4 pixels, resampled to 64 x 64: fine enough for a
small thing's outline, and the same work for every instance. Long boxes are widened to at most 3 : 1. What lies outside
the image is grey, and the fourth channel says so.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from synthgen.kernels import njit
from synthgen.types.arrays import F32, I64, U8, U16, Bool
from synthgen.verify.network import CROP_PX, INPUTS
from synthgen.weights import Array

MARGIN = 0.25
MARGIN_PX = 4.0
LONGEST = 3.0  # longer side : shorter side of the region
GREY = 128
HALF = 128  # of 255: a cell belongs to the label when the mask covers half of it


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
    """Instance index -> (bounds, pixels) of those of ``indices`` that the (H, W) id map shows, in one pass over it."""
    most = max(indices, default=0)
    edges, pixels = _bounds(np.ascontiguousarray(ids), most)
    return {
        k: (Box(float(edges[k, 0]), float(edges[k, 1]), float(edges[k, 2]), float(edges[k, 3])), int(pixels[k]))
        for k in indices
        if pixels[k]
    }


@njit(cache=True, nogil=True)
def _bounds(ids: U16, most: int) -> tuple[I64, I64]:  # pragma: no cover - compiled
    """(most + 1, 4) x0, y0, x1, y1 and (most + 1,) pixels of every index up to ``most``; 0 is left out."""
    height, width = ids.shape
    edges, pixels = np.zeros((most + 1, 4), np.int64), np.zeros(most + 1, np.int64)
    edges[:, 0], edges[:, 1] = width, height
    for y in range(height):
        for x in range(width):
            k = np.int64(ids[y, x])
            if k == 0 or k > most:
                continue
            pixels[k] += 1
            edges[k, 0] = min(edges[k, 0], x)
            edges[k, 1] = min(edges[k, 1], y)
            edges[k, 2] = max(edges[k, 2], x + 1)
            edges[k, 3] = max(edges[k, 3], y + 1)
    return edges, pixels


def crop(image: U8, box: Box) -> F32:
    """The network's input for one box.

    Args:
        image: (H, W, 3) uint8 RGB.
        box: in its pixels.

    Returns:
        (4, 64, 64) float32 in [-1, 1]: red, green, blue, and 1 in the box, 0 round it, -1 outside the image.
    """
    region = region_of(box)
    pixels = _resized(_cut(image, region, GREY))
    columns = _covered(region.x0, region.x1, float(box.x0), float(box.x1))
    rows = _covered(region.y0, region.y1, float(box.y0), float(box.y1))
    across = _covered(region.x0, region.x1, 0.0, float(image.shape[1]))
    down = _covered(region.y0, region.y1, 0.0, float(image.shape[0]))
    return _filled(pixels, columns, rows, across, down)


@njit(cache=True, nogil=True)
def _filled(pixels: U8, columns: F32, rows: F32, across: F32, down: F32) -> F32:  # pragma: no cover - compiled
    """The crop of (64, 64, 3) pixels; shares of its columns and rows in the box, and in the image."""
    out = np.empty((INPUTS, CROP_PX, CROP_PX), np.float32)
    scale, one = np.float32(1 / 127.5), np.float32(1)
    for y in range(CROP_PX):
        for x in range(CROP_PX):
            for k in range(3):
                out[k, y, x] = np.float32(pixels[y, x, k]) * scale - one
            out[3, y, x] = columns[x] * rows[y] + across[x] * down[y] - one
    return out


def mask_crop(ids: U16, index: int, box: Box) -> U8:
    """The share of each crop pixel that an instance covers, times 255: (64, 64) uint8.

    Args:
        ids: (H, W) uint16 instance map.
        index: of the instance, > 0.
        box: in its pixels.
    """
    return _resized((_cut(ids, region_of(box), 0) == index).view(np.uint8) * np.uint8(255))


def grid_of(box: Box) -> tuple[int, int]:
    """Columns and rows in which a prediction and its label are compared: the crop's or the image's pixels, whichever
    are coarser; in a crop finer than its image a right outline has no steps, and the label has."""
    region = region_of(box)
    return min(region.x1 - region.x0, CROP_PX), min(region.y1 - region.y0, CROP_PX)


def label_on_grid(ids: U16, index: int, box: Box) -> Bool:
    """Which cells of ``grid_of(box)`` an instance covers at least half of: (rows, columns) bool."""
    mask = (_cut(ids, region_of(box), 0) == index).view(np.uint8) * np.uint8(255)
    if mask.shape[::-1] == grid_of(box):
        return np.asarray(mask > 0)
    return np.asarray(cv2.resize(mask, grid_of(box), interpolation=cv2.INTER_AREA) >= HALF)


def prediction_on_grid(logits: F32, box: Box) -> Bool:
    """Which cells of ``grid_of(box)`` are predicted, from the crop's (64, 64) logits: (rows, columns) bool."""
    if grid_of(box) == (CROP_PX, CROP_PX):
        return np.asarray(logits > 0)
    shares = 1 / (1 + np.exp(-np.clip(logits, -30, 30)))
    return np.asarray(cv2.resize(shares, grid_of(box), interpolation=cv2.INTER_AREA) > 0.5)


def _cut(pixels: Array, region: Region, outside: int) -> Array:
    """The region of the image, with ``outside`` where there is none."""
    height, width = pixels.shape[0], pixels.shape[1]
    x0, y0, x1, y1 = max(region.x0, 0), max(region.y0, 0), min(region.x1, width), min(region.y1, height)
    if (x0, y0, x1, y1) == (region.x0, region.y0, region.x1, region.y1):
        return pixels[y0:y1, x0:x1]
    out = np.full((region.y1 - region.y0, region.x1 - region.x0, *pixels.shape[2:]), outside, pixels.dtype)
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


@njit(cache=True, nogil=True)
def _covered(start: int, end: int, low: float, high: float) -> F32:  # pragma: no cover - compiled
    """(64,) share of 64 equal cells of [start, end] that lies in [low, high]."""
    out = np.empty(CROP_PX, np.float32)
    cell = (end - start) / CROP_PX
    for k in range(CROP_PX):
        left, right = start + k * cell, start + (k + 1) * cell
        out[k] = max(min(right, high) - max(left, low), 0.0) / cell
    return out
