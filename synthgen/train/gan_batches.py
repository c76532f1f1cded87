"""Batches for the objective "gan": targets of packs with their views, whole or a part of each.

Packs of several sizes are learned from together: of larger images a square as large as the smallest side of all is
taken, so that near and far, fine and coarse shadows and textures all occur.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synthgen.train.pack_pool import PackPool
from synthgen.types.arrays import F32, I64
from synthgen.weights import Array

VARIED = 0.35  # share of targets with varied light and finishes, where the pool has any


@dataclass(frozen=True, eq=False)
class Shown:
    """Target ``row`` of a pool: the whole image, or the square of ``side`` pixels whose first pixel is (top, left)."""

    pool: PackPool
    row: int
    top: int = 0
    left: int = 0
    side: int = 0

    @property
    def window(self) -> tuple[slice, slice]:
        if not self.side:
            return slice(None), slice(None)
        return slice(self.top, self.top + self.side), slice(self.left, self.left + self.side)


def drawn(pool: PackPool, side: int, rng: np.random.Generator) -> Shown:
    """A target of a pool, somewhere; varied ones, a fifth of most packs, are drawn more often."""
    varied = rng.random() < VARIED and len(pool.varied_rows)
    row = int(rng.choice(pool.varied_rows if varied else pool.plain_rows))
    height, width = pool.ids.shape[1:]
    return Shown(pool, row, int(rng.integers(height - side + 1)), int(rng.integers(width - side + 1)), side)


def gathered(shown: list[Shown]) -> tuple[Array, ...]:
    """A batch of targets with their views, all of one size.

    Returns:
        channels (B, 16, H, W), shaded and target (B, 3, H, W) float32, ids (B, H, W) int32, and of all edge pixels
        their place (E,) and those of their neighbours (E, 9) in the flattened batch, int64, with shares (E, 9) float32.
    """
    found: list[tuple[Array, ...]] = []
    for k, each in enumerate(shown):
        pool, view = each.pool, int(each.pool.view_of[each.row])
        window = each.window
        ids = pool.ids[view][window].astype(np.int32)
        found.append(
            (
                pool.channels[view][:, *window].astype(np.float32),
                pool.shaded[view][window].astype(np.float32).transpose(2, 0, 1),
                pool.targets[each.row][window].astype(np.float32).transpose(2, 0, 1),
                ids,
                *_edges(each, view, ids.shape, k),
            )
        )
    parts = list(zip(*found, strict=True))
    return (*(np.stack(part) for part in parts[:4]), *(np.concatenate(part) for part in parts[4:]))


def _edges(each: Shown, view: int, size: tuple[int, ...], k: int) -> tuple[I64, I64, F32]:
    """Edge pixels of the k-th image of a batch, their neighbours and shares. Those at a square's border are left out:
    some of their neighbours are not there."""
    width = each.pool.ids.shape[2]
    places, weights = each.pool.edges(view)
    y, x = places // width - each.top, places % width - each.left
    kept = np.ones(len(places), bool)
    if each.side:
        kept = (y > 0) & (y < size[0] - 1) & (x > 0) & (x < size[1] - 1)
        if size == each.pool.ids.shape[1:]:
            kept[:] = True  # the whole image: what lies outside has no share
    pixels = (y[kept].astype(np.int64) * size[1] + x[kept]) + k * size[0] * size[1]
    steps = np.array([-1, 0, 1], np.int64)
    neighbours = pixels[:, None] + (size[1] * steps[:, None] + steps).ravel()
    shares = weights[kept].astype(np.float32) / np.float32(16)
    return pixels, np.clip(neighbours, k * size[0] * size[1], (k + 1) * size[0] * size[1] - 1), shares
