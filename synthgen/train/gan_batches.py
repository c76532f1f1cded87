"""Batches for the objective "gan": targets of packs with their views, whole or a part of each.

Packs of several sizes are learned from together: of larger images a square as large as the smallest side of all is
taken, so that near and far, fine and coarse shadows and textures all occur. Every other one is mirrored: light travels
in a mirrored scene as it does in the scene itself, so that each target serves for two.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synthgen.generate.gan_channels import CHANNELS
from synthgen.train.pack_pool import PackPool
from synthgen.types.arrays import F32, I32, I64
from synthgen.weights import Array

NORMAL_X = CHANNELS.index("normal.x")
VARIED = 0.25  # share of targets with varied light and finishes, where the pool has any


@dataclass(frozen=True, eq=False)
class Shown:
    """A part of target ``row`` of a pool: the pixels of ``rows`` and ``columns``, perhaps left and right exchanged."""

    pool: PackPool
    row: int
    rows: slice
    columns: slice
    mirrored: bool = False


def whole(pool: PackPool, row: int) -> Shown:
    """All of a target."""
    height, width = pool.ids.shape[1:]
    return Shown(pool, row, slice(0, height), slice(0, width))


def drawn(pool: PackPool, side: int, rng: np.random.Generator) -> Shown:
    """A target of a pool, somewhere; varied ones, a fifth of most packs, are drawn more often."""
    varied = rng.random() < VARIED and len(pool.varied_rows)
    row = int(rng.choice(pool.varied_rows if varied else pool.plain_rows))
    top, left = (int(rng.integers(length - side + 1)) for length in pool.ids.shape[1:])
    return Shown(pool, row, slice(top, top + side), slice(left, left + side), mirrored=bool(rng.integers(2)))


def gathered(shown: list[Shown]) -> tuple[Array, ...]:
    """A batch of targets with their views, all of one size.

    Returns:
        channels (B, 28, H, W), lit and target (B, 3, H, W) float32, ids (B, H, W) int32, and of all edge pixels
        their place (E,) and those of their neighbours (E, 9) in the flattened batch, int64, with shares (E, 9) float32.
    """
    found: list[tuple[Array, ...]] = []
    for k, each in enumerate(shown):
        pool, view, window = each.pool, int(each.pool.view_of[each.row]), (each.rows, each.columns)
        turn = -1 if each.mirrored else 1
        channels = pool.channels[view][:, *window][..., ::turn].astype(np.float32)
        channels[NORMAL_X] *= turn
        found.append(
            (
                channels,
                pool.lit[view][window][:, ::turn].astype(np.float32).transpose(2, 0, 1),
                pool.targets[each.row][window][:, ::turn].astype(np.float32).transpose(2, 0, 1),
                pool.ids[view][window][:, ::turn].astype(np.int32),
                *_edges(each, view, k),
            )
        )
    parts = list(zip(*found, strict=True))
    return (*(np.stack(part) for part in parts[:4]), *(np.concatenate(part) for part in parts[4:]))


def _edges(each: Shown, view: int, k: int) -> tuple[I64, I64, F32]:
    """Edge pixels of the k-th image of a batch, their neighbours and shares; those are left out that have a neighbour
    in the target, but not in this part of it."""
    places, weights = each.pool.edges(view)
    y, first_y, last_y = _along(places // each.pool.ids.shape[2], each.rows, each.pool.ids.shape[1])
    x, first_x, last_x = _along(places % each.pool.ids.shape[2], each.columns, each.pool.ids.shape[2])
    kept = (y >= first_y) & (y <= last_y) & (x >= first_x) & (x <= last_x)
    height, width = each.rows.stop - each.rows.start, each.columns.stop - each.columns.start
    first = k * height * width
    column = width - 1 - x if each.mirrored else x
    pixels = first + width * y[kept] + column[kept]
    steps = np.array([-1, 0, 1], np.int64)
    across = -steps if each.mirrored else steps
    neighbours = pixels[:, None] + (width * steps[:, None] + across).ravel()
    shares = weights[kept].astype(np.float32) / np.float32(16)
    return pixels, np.clip(neighbours, first, first + height * width - 1), shares  # outside the target: has no share


def _along(places: I32, part: slice, length: int) -> tuple[I64, int, int]:
    """Places within a part of an axis, and the first and last of them whose neighbours are all there."""
    first, last = int(part.start > 0), part.stop - part.start - 1 - int(part.stop < length)
    return places.astype(np.int64) - part.start, first, last
