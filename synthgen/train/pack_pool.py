"""A pack -> what a generator is trained on, on disk: every view as the network sees it, beside its targets.

A G-buffer costs some 40 ms, a step of training on it as much: each is rendered once, and kept in half floats.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from synthgen.generate.gan_channels import CHANNELS, condition
from synthgen.pack.reading import Pack
from synthgen.types.arrays import F16, F32, I32, I64, U8, U16
from synthgen.weights import Array
from synthgen.write.files import replacing

BRIGHTEST = 6.0e4  # below the largest half
FORMAT = 5
ARRAYS = ("channels", "lit", "targets", "ids", "edge_pixels", "edge_weights", "edge_ends", "view_of", "variation")


@dataclass(frozen=True, eq=False)
class PackPool:
    """V views and P >= V targets of a pack. Radiance is divided by the view's exposure (``gan_channels``).

    Attributes:
        name: of the pack's folder.
        card: of the pack.
        channels: (V, 27, H, W) float16, see ``gan_channels.CHANNELS``.
        lit, targets: (V, H, W, 3) and (P, H, W, 3) float16.
        ids: (V, H, W) uint16.
        edge_pixels, edge_weights: (E,) int32 and (E, 9) uint8: ``EdgeBlend`` of all views, one after the other.
        edge_ends: (V,) int64: where each view's ends.
        view_of: (P,) int64: the view of each target.
        variation: (P,) int64: 0, or which variation of factors that the G-buffer does not show.
    """

    name: str
    card: dict[str, object]
    channels: F16
    lit: F16
    targets: F16
    ids: U16
    edge_pixels: I32
    edge_weights: U8
    edge_ends: I64
    view_of: I64
    variation: I64

    @cached_property
    def plain_rows(self) -> I64:
        """Targets that show their scene as it is."""
        return np.flatnonzero(self.variation == 0)

    @cached_property
    def varied_rows(self) -> I64:
        """Targets of other light and finishes."""
        return np.flatnonzero(self.variation > 0)

    def edges(self, view: int) -> tuple[I32, U8]:
        """Edge pixels (E,) and weights (E, 9) of one view."""
        start = int(self.edge_ends[view - 1]) if view else 0
        cut = slice(start, int(self.edge_ends[view]))
        return self.edge_pixels[cut], self.edge_weights[cut]


def open_pack_pool(pack: Pack, split: str | None, cache: Path, tell: Callable[[int, int], None]) -> PackPool:
    """The pool of a split of a pack (None: all of it), made in ``cache`` when it is not there yet.

    Args:
        pack: all of its images have one size.
        split: "train", "held_out" or None.
        cache: folder of pools.
        tell: told (views rendered, of).

    Raises:
        DatasetError: the pack does not render as it was made.
    """
    folder = cache / f"{pack.folder.name}-{split or 'all'}-{str(pack.card['fingerprint'])[:16]}-{FORMAT}"
    if not (folder / "whole.json").exists():
        _build(pack, split, folder, tell)
    arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in ARRAYS}
    return PackPool(pack.folder.name, pack.card, **arrays)


def _build(pack: Pack, split: str | None, folder: Path, tell: Callable[[int, int], None]) -> None:
    """Renders every view once. ``whole.json`` is written last: it says that the pool is whole."""
    folder.mkdir(parents=True, exist_ok=True)
    indices = pack.where(split=split)
    shown = [_shown(pack, index) for index in indices]
    views = {key: view for view, key in enumerate(dict.fromkeys(shown))}
    height, width = int(pack.card["image"]["height"]), int(pack.card["image"]["width"])
    size = (height, width)
    channels = _new(folder, "channels", np.float16, (len(views), len(CHANNELS), *size))
    lit = _new(folder, "lit", np.float16, (len(views), *size, 3))
    targets = _new(folder, "targets", np.float16, (len(indices), *size, 3))
    ids = _new(folder, "ids", np.uint16, (len(views), *size))
    edges: list[tuple[I32, U8]] = [_no_edges()] * len(views)
    exposures: dict[int, float] = {}
    for place, (index, key) in enumerate(zip(indices, shown, strict=True)):
        view = views[key]
        if view not in exposures:
            seen_from = pack.views(index, gathered=True)
            gbuffers = seen_from.gbuffers
            seen = condition(gbuffers, 0, seen_from.scene.cameras[seen_from.first])
            exposures[view] = seen.exposure
            channels[view] = seen.channels
            lit[view] = _relative(seen.lit, seen.exposure)
            ids[view] = gbuffers.instance[0]
            edges[view] = gbuffers.edges[0].pixels, gbuffers.edges[0].weights
            tell(len(exposures), len(views))
        targets[place] = _relative(pack.target(index), exposures[view])
    del channels, lit, targets, ids  # writes them to disk
    _save(folder, "edge_pixels", np.concatenate([pixels for pixels, _ in edges]).astype(np.int32))
    _save(folder, "edge_weights", np.concatenate([weights for _, weights in edges]).astype(np.uint8))
    _save(folder, "edge_ends", np.cumsum([len(pixels) for pixels, _ in edges]).astype(np.int64))
    _save(folder, "view_of", np.array([views[key] for key in shown], np.int64))
    _save(folder, "variation", np.array([pack.keys[index].variation for index in indices], np.int64))
    with replacing(folder / "whole.json") as path:
        path.write_text(json.dumps({"views": len(views), "targets": len(indices)}))


def _shown(pack: Pack, index: int) -> tuple[int, int]:
    """Scene and camera: what two targets share when they show the same G-buffer."""
    return pack.keys[index].scene, pack.camera(index)


def _relative(radiance: F32, exposure: float) -> F16:
    return np.minimum(radiance / np.float32(exposure), np.float32(BRIGHTEST)).astype(np.float16)


def _no_edges() -> tuple[I32, U8]:
    return np.zeros(0, np.int32), np.zeros((0, 9), np.uint8)


def _new(folder: Path, name: str, dtype: type[np.generic], shape: tuple[int, ...]) -> Array:
    return np.lib.format.open_memmap(folder / f"{name}.npy", "w+", dtype, shape)


def _save(folder: Path, name: str, array: Array) -> None:
    np.save(folder / f"{name}.npy", array)
