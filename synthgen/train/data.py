"""Finished datasets -> a pool of images and id maps on disk, and a table of the instances in it.

Whatever drew the images (``shaded``, the path tracer, photographs with instance maps), a dataset is a dataset.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from synthgen.contract import layout
from synthgen.errors import DatasetError
from synthgen.types.arrays import F32, I64, U8, U16
from synthgen.verify.crops import Box, bounds, crop, mask_crop
from synthgen.verify.size_bins import SIZE_BINS, bins_of
from synthgen.write.files import replacing

FEWEST_PX = 24  # smaller instances are not learned: nothing could be told from them


@dataclass(frozen=True, eq=False)
class Pool:
    """The images of one dataset.

    Attributes:
        name: for tables.
        fingerprint: of the dataset.
        seed: it was drawn from.
        pixels: (N, H, W, 3) uint8 RGB, on disk.
        ids: (N, H, W) uint16, on disk.
        table: (M, 6) int64: image, instance index, x0, y0, x1, y1 of every instance that is large enough.
        areas: (M,) int64 visible pixels.
    """

    name: str
    fingerprint: str
    seed: int
    pixels: U8
    ids: U16
    table: I64
    areas: I64

    def box(self, row: int) -> Box:
        x0, y0, x1, y1 = (float(v) for v in self.table[row, 2:])
        return Box(x0, y0, x1, y1)

    def example(self, row: int, box: Box | None = None) -> tuple[F32, U8]:
        """Crop (4, 64, 64) float32 and mask (64, 64) uint8 (255 = covered) of one instance."""
        image, index = int(self.table[row, 0]), int(self.table[row, 1])
        where = box or self.box(row)
        return crop(np.asarray(self.pixels[image]), where), mask_crop(np.asarray(self.ids[image]), index, where)

    @cached_property
    def bin_rows(self) -> list[I64]:
        """Rows of the table in each size bin that has any; found once, not at every step. Batches draw from the bins
        alike, so that large things, which are many pixels, and small ones, which are many, both count."""
        bins = bins_of(self.areas)
        return [np.flatnonzero(bins == k) for k in range(len(SIZE_BINS)) if (bins == k).any()]


def open_pool(dataset: Path, cache: Path) -> Pool:
    """The pool of a dataset, made in ``cache`` when it is not there yet.

    Raises:
        DatasetError: not a finished dataset with instance maps, or a file of it cannot be read.
    """
    facts = _facts(dataset)
    fingerprint = str(facts["pipeline_fingerprint"])
    folder = cache / f"{dataset.name}-{fingerprint[:16]}"
    if not (folder / "table.npy").exists():
        _build(dataset, folder)
    pixels = np.load(folder / "pixels.npy", mmap_mode="r")
    ids = np.load(folder / "ids.npy", mmap_mode="r")
    table = np.load(folder / "table.npy")
    return Pool(dataset.name, fingerprint, int(facts["seed"]), pixels, ids, table[:, :6], table[:, 6])


def _facts(dataset: Path) -> dict[str, Any]:
    path = dataset / layout.DATASET
    try:
        facts: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        _ = facts["seed"], facts["pipeline_fingerprint"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DatasetError(
            f"{str(dataset)!r} is not a finished dataset: {layout.DATASET} cannot be read; allowed: a folder that "
            "'synthgen run' has finished; finish it with the same command"
        ) from error
    return facts


def _build(dataset: Path, folder: Path) -> None:
    """Decodes every image once. The table is written last: it says that the pool is whole."""
    maps = sorted((dataset / "instances").glob("*/*.png"))
    if not maps:
        raise DatasetError(
            f"{str(dataset)!r} has no instance maps; allowed: a dataset with labels.outputs: [instances]; make it "
            "again with --set labels.outputs=[instances]"
        )
    height, width = _read(maps[0], cv2.IMREAD_UNCHANGED).shape[:2]
    rows: list[list[int]] = []
    with replacing(folder / "pixels.npy") as pixels_path, replacing(folder / "ids.npy") as ids_path:
        size = (len(maps), height, width)
        pixels = np.lib.format.open_memmap(pixels_path, "w+", np.uint8, (*size, 3))
        ids = np.lib.format.open_memmap(ids_path, "w+", np.uint16, size)
        for i, path in enumerate(maps):
            ids[i] = _read(path, cv2.IMREAD_UNCHANGED)
            pixels[i] = _read(_image_of(dataset, path), cv2.IMREAD_COLOR)[..., ::-1]
            found = bounds(ids[i], [int(k) for k in np.unique(ids[i]) if k])
            rows += [
                [i, k, *(int(v) for v in (box.x0, box.y0, box.x1, box.y1)), area]
                for k, (box, area) in found.items()
                if area >= FEWEST_PX
            ]
        pixels.flush()
        ids.flush()
    with replacing(folder / "table.npy") as table_path, table_path.open("wb") as file:
        np.save(file, np.array(rows, np.int64).reshape(-1, 7))


def _image_of(dataset: Path, instances: Path) -> Path:
    stem = dataset / "images" / instances.parent.name / instances.stem
    return next((path for path in (stem.with_suffix(".jpg"), stem.with_suffix(".png")) if path.exists()), stem)


def _read(path: Path, flag: int) -> U8:
    pixels = cv2.imread(str(path), flag)
    if pixels is None:
        raise DatasetError(
            f"{str(path)!r} cannot be read as an image; 'synthgen validate' says what else is damaged; make the "
            "dataset again"
        )
    return np.asarray(pixels)
