"""Images of finished datasets beside their instance maps and annotations, for measurements."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from synthgen.contract import layout
from synthgen.errors import DatasetError
from synthgen.report import reading
from synthgen.types.arrays import U8, U16


def image_names(dataset: Path) -> list[tuple[int, str]]:
    """(shard, file name) of every image of a finished dataset with instance maps.

    Raises:
        DatasetError: it is not one.
    """
    reading.read_head(dataset)
    rows = [
        (shard, name)
        for shard in reading.shards(dataset)
        for name in reading.image_rows(dataset, shard).file_name
        if name
    ]
    if not rows or not (dataset / layout.pixel_path("instances", rows[0][1])).is_file():
        raise DatasetError(
            f"{str(dataset)!r} has no images with instance maps; allowed: a finished dataset with labels.outputs: "
            "[instances]; make it again with --set labels.outputs=[instances]"
        )
    return rows


def labelled_image(dataset: Path, name: str) -> tuple[U8, U16]:
    """(H, W, 3) uint8 RGB and (H, W) uint16 instance map of an image.

    Raises:
        DatasetError: one of them cannot be read.
    """
    image = cv2.imread(str(dataset / "images" / name), cv2.IMREAD_COLOR)
    path = dataset / layout.pixel_path("instances", name)
    ids = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if image is None or ids is None:
        raise DatasetError(
            f"image {name} of {str(dataset)!r} or its instance map cannot be read; 'synthgen validate' says what is "
            "damaged"
        )
    return np.ascontiguousarray(image[..., ::-1]), np.asarray(ids, np.uint16)


def annotations_of(dataset: Path, chosen: list[tuple[int, str]]) -> Iterator[tuple[str, dict[int, int]]]:
    """File names of the chosen images, with their instances that have an annotation: index -> category id."""
    for shard in sorted({shard for shard, _ in chosen}):
        names = [name for of, name in chosen if of == shard]
        ids = {name: int(Path(name).stem) for name in names}
        found: dict[int, dict[int, int]] = {}
        for row in reading.rows_of(dataset, "instances", shard, list(ids.values())):
            found.setdefault(row["image_id"], {})[row["instance_index"]] = row["category_id"]
        for name in names:
            yield name, found.get(ids[name], {})
