"""Batches of crops and masks for the verifier, varied so that it has to look at the image.

Three in ten boxes do not promise what the image shows. A verifier that has only seen boxes of whole things in their
place draws a plausible thing into every box, and labels that are off by a little, or on nothing, pass it:

- *loose* boxes are off by up to a fifth of their size: the mask goes on where the thing does,
- *empty* boxes stand where no thing is: there is no mask,
- *covered* crops have a part of another crop laid over them: the mask ends there.
"""

from __future__ import annotations

import numpy as np

from synthgen.train.data import Pool
from synthgen.types.arrays import F32, I64, U8
from synthgen.verify.crops import Box
from synthgen.verify.network import CROP_PX

CLOSE, LOOSE, EMPTY = 0.25, 0.2, 0.08  # shares of the boxes; the others are exact
COVERED = 0.12  # share of the crops
CLOSE_BY, CLOSE_PX = 0.04, 0.5  # of the size, and pixels: labels of others are not exact to the pixel
LOOSE_BY, LOOSE_PX = 0.2, 2.0
TINTED = 0.5  # share of the crops
MOST_SHARED = 0.25  # of a box's area and an empty one's, by intersection over union
TRIES = 6


def batch(pools: list[Pool], shares: list[float], size: int, *, rng: np.random.Generator) -> tuple[F32, F32]:
    """Crops (B, 4, 64, 64) and masks (B, 1, 64, 64) in [0, 1].

    Datasets are drawn by share, then a size bin, then an instance; then its box is varied, the crop mirrored, turned,
    tinted and partly covered.
    """
    crops, masks = [], []
    for k in rng.choice(len(pools), size, p=np.array(shares) / sum(shares)):
        bins = pools[int(k)].bin_rows
        rows = bins[int(rng.integers(len(bins)))]
        pixels, mask = example(pools[int(k)], int(rows[int(rng.integers(len(rows)))]), rng=rng)
        crops.append(pixels)
        masks.append(mask)
    covers = [crops[int(k)] for k in rng.permutation(size)]
    for crop, mask, cover in zip(crops, masks, covers, strict=True):
        if rng.random() < COVERED and cover is not crop:
            lay_over(crop, mask, cover, rng=rng)
    return np.stack(crops), np.stack(masks)[:, None].astype(np.float32) / np.float32(255)


def example(pool: Pool, row: int, *, rng: np.random.Generator) -> tuple[F32, U8]:
    """Crop (4, 64, 64) and mask (64, 64) uint8 of one instance, varied."""
    box, kind = pool.box(row), rng.random()
    if kind < CLOSE:
        box = moved(box, CLOSE_BY, CLOSE_PX, rng=rng)
    elif kind < CLOSE + LOOSE:
        box = moved(box, LOOSE_BY, LOOSE_PX, rng=rng)
    elif kind < CLOSE + LOOSE + EMPTY:
        elsewhere = empty_box(pool, row, rng=rng)
        if elsewhere is not None:
            pixels, mask = pool.example(row, elsewhere)
            return _tinted(pixels, rng=rng), np.zeros_like(mask)
    pixels, mask = pool.example(row, box)
    if rng.random() < 0.5:
        pixels, mask = pixels.transpose(0, 2, 1), mask.T
    across, down = (int(v) for v in rng.integers(0, 2, 2))
    turn = (slice(None, None, 1 - 2 * down), slice(None, None, 1 - 2 * across))
    return _tinted(pixels[(slice(None), *turn)], rng=rng), mask[turn].copy()


def moved(box: Box, share: float, pixels: float, *, rng: np.random.Generator) -> Box:
    """The box with every edge moved by up to a share of its size plus some pixels."""
    dx, dy = share * (box.x1 - box.x0) + pixels, share * (box.y1 - box.y0) + pixels
    x0, x1, y0, y1 = rng.uniform(-1, 1, 4)
    x0, x1 = sorted((box.x0 + x0 * dx, box.x1 + x1 * dx))
    y0, y1 = sorted((box.y0 + y0 * dy, box.y1 + y1 * dy))
    return Box(x0, y0, max(x1, x0 + 1), max(y1, y0 + 1))


def empty_box(pool: Pool, row: int, *, rng: np.random.Generator) -> Box | None:
    """A box of the instance's size, in its image, that is no thing's; None where none was found."""
    box, height, width = pool.box(row), pool.ids.shape[1], pool.ids.shape[2]
    across, down = box.x1 - box.x0, box.y1 - box.y0
    others = pool.table[pool.table[:, 0] == pool.table[row, 0], 2:]
    for _ in range(TRIES):
        x0, y0 = rng.uniform(0, max(width - across, 1)), rng.uniform(0, max(height - down, 1))
        found = Box(x0, y0, x0 + across, y0 + down)
        if max(_shared(found, others)) < MOST_SHARED:
            return found
    return None


def _shared(box: Box, others: I64) -> list[float]:
    """Intersection over union of a box with each of (N, 4) boxes."""
    across = np.minimum(box.x1, others[:, 2]) - np.maximum(box.x0, others[:, 0])
    down = np.minimum(box.y1, others[:, 3]) - np.maximum(box.y0, others[:, 1])
    both = np.clip(across, 0, None) * np.clip(down, 0, None)
    areas = (others[:, 2] - others[:, 0]) * (others[:, 3] - others[:, 1])
    found: list[float] = (both / ((box.x1 - box.x0) * (box.y1 - box.y0) + areas - both)).tolist()
    return found


def lay_over(crop: F32, mask: U8, cover: F32, *, rng: np.random.Generator) -> None:
    """Lays a half or a corner of another crop's colours over a crop, in place; its mask ends there."""
    y, x = np.mgrid[:CROP_PX, :CROP_PX] + 0.5 - CROP_PX / 2
    over = np.ones((CROP_PX, CROP_PX), bool)
    for _ in range(int(rng.integers(1, 3))):
        angle, offset = rng.uniform(0, 2 * np.pi), rng.uniform(-0.2, 0.35) * CROP_PX
        over &= x * np.cos(angle) + y * np.sin(angle) > offset
    crop[:3, over] = cover[:3, over]
    mask[over] = 0


def _tinted(crop: F32, *, rng: np.random.Generator) -> F32:
    """A copy with other brightness, contrast and colours, in half of the cases."""
    out = np.ascontiguousarray(crop)
    if rng.random() < TINTED:
        gamma = float(np.exp(rng.normal(0, 0.25)))
        gains = np.exp(rng.normal(0, 0.1, 3) + rng.normal(0, 0.15)).astype(np.float32)
        levels = np.clip(0.5 * (out[:3] + 1), 0, 1) ** np.float32(gamma) * gains[:, None, None]
        out[:3] = 2 * np.clip(levels, 0, 1) - 1
    return out
