"""Faults planted into pictures or labels: what a verifier has to notice.

Each takes the picture and the id map of a dataset, in which everything is right, and makes one instance wrong.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from synthgen.types.arrays import U8, U16, Bool

SHIFT_PX_AT_256 = 6.0
INPAINT_PX = 3.0
MELT_PX_AT_256 = 10.0
FEWEST_PX = 20

# (picture, id map, instance index, rng) -> picture and mask with the fault; None where it does not apply
Fault = Callable[[U8, U16, int, np.random.Generator], tuple[U8, Bool] | None]


def shifted(image: U8, ids: U16, index: int, rng: np.random.Generator) -> tuple[U8, Bool] | None:
    """The mask moved by 6 pixels (at 256) in a random direction."""
    mask = ids == index
    angle, length = rng.uniform(0, 2 * np.pi), SHIFT_PX_AT_256 * min(ids.shape) / 256
    moved = _moved(mask, round(length * np.sin(angle)), round(length * np.cos(angle)))
    return (image, moved) if moved.sum() >= FEWEST_PX else None


def erased(image: U8, ids: U16, index: int, rng: np.random.Generator) -> tuple[U8, Bool] | None:
    """The object painted over with what is round it."""
    mask = ids == index
    return _painted(image, mask), mask


def half_erased(image: U8, ids: U16, index: int, rng: np.random.Generator) -> tuple[U8, Bool] | None:
    """Half of the object, on one side of a line through its middle, painted over."""
    mask = ids == index
    y, x = np.nonzero(mask)
    angle = rng.uniform(0, 2 * np.pi)
    along = x * np.cos(angle) + y * np.sin(angle)
    half = np.zeros_like(mask)
    side = along > np.median(along)
    half[y[side], x[side]] = True
    # Painted over as a whole, and only half of that taken: the other half must not flow into the gap.
    gap = cv2.dilate(half.astype(np.uint8), np.ones((5, 5), np.uint8)).astype(bool) & ~(mask & ~half)
    return np.where(gap[..., None], _painted(image, mask), image), mask


def exchanged(image: U8, ids: U16, index: int, rng: np.random.Generator) -> tuple[U8, Bool] | None:
    """The object's mask has the silhouette of another one, fitted into its box; only where the two shapes differ."""
    mask = ids == index
    box = _box(mask)
    others = [int(k) for k in np.unique(ids) if k and k != index and int((ids == k).sum()) >= 4 * FEWEST_PX]
    for k in rng.permutation(others).tolist():
        other = ids == int(k)
        y0, y1, x0, x1 = _box(other)
        size = (box[3] - box[2], box[1] - box[0])
        shape = cv2.resize(other[y0:y1, x0:x1].astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
        found = np.zeros_like(mask)
        found[box[0] : box[1], box[2] : box[3]] = shape
        union = (found | mask).sum()
        if found.sum() >= FEWEST_PX and (found & mask).sum() < 0.7 * union:
            return image, found
    return None


def melted(image: U8, ids: U16, index: int, rng: np.random.Generator) -> tuple[U8, Bool] | None:
    """The object's colours flow over its outline, by about 10 pixels (at 256), wavy."""
    mask = ids == index
    reach = MELT_PX_AT_256 * min(ids.shape) / 256
    waves = cv2.GaussianBlur(rng.normal(size=ids.shape).astype(np.float32), (0, 0), reach)
    waves /= max(float(waves.std()), 1e-6)
    distance = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 5)
    flows = ~mask & (distance < reach * np.clip(1 + 0.5 * waves, 0, 2))
    # the nearest pixel of the object gives the colour
    _, labels = cv2.distanceTransformWithLabels(
        (~mask).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    colours = np.zeros((int(labels.max()) + 1, 3), np.uint8)
    colours[labels[mask]] = image[mask]
    out = image.copy()
    out[flows] = colours[labels[flows]]
    return out, mask


def mirrored(image: U8, ids: U16, index: int, rng: np.random.Generator) -> tuple[U8, Bool] | None:
    """The picture mirrored under its labels; only where the mirrored mask is another one."""
    mask = ids == index
    turned = mask[:, ::-1]
    if (mask & turned).sum() > 0.5 * (mask | turned).sum():
        return None
    return np.ascontiguousarray(image[:, ::-1]), mask


FAULTS: dict[str, Fault] = {
    "shifted": shifted,
    "erased": erased,
    "half_erased": half_erased,
    "exchanged": exchanged,
    "melted": melted,
    "mirrored": mirrored,
}


def _moved(mask: Bool, down: int, across: int) -> Bool:
    height, width = mask.shape
    out = np.zeros_like(mask)
    y0, y1, x0, x1 = max(down, 0), min(height + down, height), max(across, 0), min(width + across, width)
    out[y0:y1, x0:x1] = mask[y0 - down : y1 - down, x0 - across : x1 - across]
    return out


def _painted(image: U8, mask: Bool) -> U8:
    """The pixels of the mask, and two round it, filled from outside (Telea 2004)."""
    grown = cv2.dilate(mask.astype(np.uint8), np.ones((5, 5), np.uint8))
    return np.asarray(cv2.inpaint(np.ascontiguousarray(image), grown, INPAINT_PX, cv2.INPAINT_TELEA), np.uint8)


def _box(mask: Bool) -> tuple[int, int, int, int]:
    y, x = np.nonzero(mask)
    return int(y.min()), int(y.max()) + 1, int(x.min()), int(x.max()) + 1
