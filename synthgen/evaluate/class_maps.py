"""Finished datasets -> images beside maps of classes, for measurements that train on them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from synthgen.contract import layout
from synthgen.errors import DatasetError
from synthgen.evaluate.labelled_images import annotations_of, image_names, labelled_image
from synthgen.report import reading
from synthgen.types.arrays import U8

BACKGROUND, UNKNOWN = 0, 255  # UNKNOWN: things without annotation; not trained on, not counted
MOST_CLASSES = UNKNOWN - 1


@dataclass(frozen=True, eq=False)
class ClassMaps:
    """Images of one size with the class of every pixel.

    Attributes:
        name: of the dataset.
        seed: it was drawn from.
        classes: names; pixels of class k hold k + 1.
        images: (N, H, W, 3) uint8 RGB.
        maps: (N, H, W) uint8: 0 background, 255 unknown.
    """

    name: str
    seed: int
    classes: tuple[str, ...]
    images: U8
    maps: U8


def read_class_maps(dataset: Path, most: int) -> ClassMaps:
    """The first ``most`` images of a finished dataset.

    Raises:
        DatasetError: not a finished dataset with instance maps, too many classes, or images of several sizes.
    """
    head = reading.read_head(dataset)
    number = {category.id: k + 1 for k, category in enumerate(head.categories)}
    if len(number) > MOST_CLASSES:
        raise DatasetError(
            f"{str(dataset)!r} has {len(number)} classes; at most {MOST_CLASSES} fit this measurement; give fewer "
            "scene.objects a class of their own"
        )
    images: list[U8] = []
    maps: list[U8] = []
    for name, annotated in annotations_of(dataset, image_names(dataset)[:most]):
        image, ids = labelled_image(dataset, name)
        if images and image.shape != images[0].shape:
            raise DatasetError(
                f"{str(dataset)!r} has images of several sizes; allowed: one size; set image.width and image.height"
            )
        table = np.full(max(int(ids.max(initial=0)), *annotated, 0) + 1, UNKNOWN, np.uint8)
        table[0] = BACKGROUND
        for index, category in annotated.items():
            table[index] = number[category]
        images.append(image)
        maps.append(table[ids])
    seed = int(json.loads((dataset / layout.DATASET).read_text(encoding="utf-8"))["seed"])
    names = tuple(category.name for category in head.categories)
    return ClassMaps(dataset.name, seed, names, np.stack(images), np.stack(maps))
