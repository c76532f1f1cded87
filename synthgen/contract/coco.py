"""The manifest's COCO projection: rows -> COCO records -> the bytes of a file, without holding the dataset."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from synthgen.contract.layout import part_path
from synthgen.types.arrays import F64
from synthgen.types.catalog import Category

KEYPOINT_NAMES = [f"corner_{i}" for i in range(8)] + ["centre"]
# Edges of the 3D box as COCO's 1-based keypoint pairs: corners that differ in one bit.
SKELETON = [[i + 1, (i | bit) + 1] for bit in (1, 2, 4) for i in range(8) if not i & bit]

# Images and annotations of a shard that are in memory at a time.
ROWS_AT_ONCE = 1024
POSE_DIGITS = 9
SMALLEST = 1e-12
PIXEL_DECIMALS = 3
SHARE_DECIMALS = 6


@dataclass(frozen=True)
class CocoHead:
    """What the manifest does not say: the file's own description.

    Attributes:
        name: the pipeline's name.
        description: "" or the pipeline's description.
        licence: SPDX identifier or free text.
        version: of synthgen.
        categories: all declared categories, ids ascending.
    """

    name: str
    description: str
    licence: str
    version: str
    categories: tuple[Category, ...]


def coco_chunks(folder: Path, shards: Iterable[int], split: str, head: CocoHead) -> Iterator[tuple[str, bytes]]:
    """The bytes of ``annotations/instances_<split>.json`` piece by piece, each with a name for error sentences.

    Args:
        folder: the dataset.
        shards: finished shards, ascending; read twice (images, then annotations).
        split: the split to project.
        head: description and categories.
    """
    numbers = list(shards)
    yield "the head of the file", f'{_json(_head(head))[:-1]},"images":['.encode()
    separator = "\n"
    for shard in numbers:
        for batch in _batches(folder / part_path("images", shard)):
            for record in image_records(batch, split):
                yield f"image {record['id']}", f"{separator}{_json(record)}".encode()
                separator = ",\n"
    yield "the head of the annotations", b'\n],"annotations":['
    separator = "\n"
    for shard in numbers:
        sizes = image_sizes(folder, shard, split)
        for batch in _batches(folder / part_path("instances", shard)):
            for record in annotation_records(batch, sizes):
                yield f"annotation {record['id']}", f"{separator}{_json(record)}".encode()
                separator = ",\n"
    yield "the end of the file", b"\n]}\n"


def image_sizes(folder: Path, shard: int, split: str | None = None) -> dict[int, tuple[int, int]]:
    """Image id -> (height, width) of a shard's images, of one split if given; empty slots left out."""
    table = pq.read_table(
        folder / part_path("images", shard), columns=["image_id", "split", "height", "width", "file_name"]
    ).to_pydict()
    rows = zip(*(table[name] for name in ("image_id", "split", "height", "width", "file_name")), strict=True)
    return {key: (height, width) for key, of, height, width, name in rows if name and split in (None, of)}


def image_records(batch: pa.RecordBatch, split: str) -> Iterator[dict[str, Any]]:
    """COCO image records of one split from rows of the images table; empty slots have none."""
    for row in batch.to_pylist():
        if row["split"] != split or row["file_name"] is None:
            continue
        camera = row["camera"]
        yield {
            "id": row["image_id"],
            "file_name": row["file_name"],
            "width": row["width"],
            "height": row["height"],
            "license": 1,
            "scene_id": row["scene"],
            "seed": row["draw_seed"],
            "camera": {
                "K": significant(camera["K"]),
                "distortion": significant(camera["distortion"]),
                "world_from_camera": significant(camera["world_from_camera"]),
            },
        }


def annotation_records(batch: pa.RecordBatch, sizes: dict[int, tuple[int, int]]) -> Iterator[dict[str, Any]]:
    """COCO annotation records from rows of the instances table, for the images in ``sizes`` (id -> (height, width))."""
    if batch.num_rows == 0:
        return
    columns = {name: batch.column(name) for name in batch.schema.names}
    plain = {name: columns[name].to_pylist() for name in _PLAIN}
    lists = {name: rounding(_matrix(columns[name])) for name, rounding in _ROUNDED_LISTS.items()}
    shares = {
        name: np.round(columns[name].to_numpy(), SHARE_DECIMALS).tolist() for name in ("visibility", "truncation")
    }
    for i, image_id in enumerate(plain["image_id"]):
        if image_id in sizes:
            yield _annotation_record(i, list(sizes[image_id]), plain, lists, shares)


def significant(values: Any) -> Any:
    """Rounds a (nested) list or array of numbers to 9 significant digits, as lists; magnitudes below 1e-12 become 0.

    Through the decimal text, not through powers of ten: vectorised powers and logarithms differ between CPUs.
    """
    if isinstance(values, np.ndarray):
        values = values.tolist()
    if isinstance(values, list):
        return [significant(value) for value in values]
    return float(f"{values:.{POSE_DIGITS}g}") if abs(values) >= SMALLEST else 0.0


def _pixels(values: F64) -> Any:
    return (np.round(values, PIXEL_DECIMALS) + 0.0).tolist()  # + 0.0 turns -0.0 into 0.0


_PLAIN = (
    "image_id",
    "annotation_id",
    "instance_index",
    "category_id",
    "model_id",
    "area",
    "segmentation",
    "amodal_segmentation",
)
_ROUNDED_LISTS = {
    "bbox": _pixels,
    "amodal_bbox": _pixels,
    "rotation": significant,
    "translation_m": significant,
    "corners_px": _pixels,
    "extent_m": significant,
    "keypoints": _pixels,
}


def _annotation_record(
    i: int, size: list[int], plain: dict[str, list[Any]], lists: dict[str, Any], shares: dict[str, Any]
) -> dict[str, Any]:
    keypoints = lists["keypoints"][i]
    flags = [int(v) for v in keypoints[2::3]]
    keypoints[2::3] = flags
    return {
        "id": plain["annotation_id"][i],
        "image_id": plain["image_id"][i],
        "category_id": plain["category_id"][i],
        "bbox": lists["bbox"][i],
        "area": plain["area"][i],
        "iscrowd": 0,
        "segmentation": {"size": size, "counts": plain["segmentation"][i]},
        "instance_index": plain["instance_index"][i],
        "model_id": plain["model_id"][i],
        "visibility": shares["visibility"][i],
        "truncation": shares["truncation"][i],
        "amodal_bbox": lists["amodal_bbox"][i],
        "amodal_segmentation": {"size": size, "counts": plain["amodal_segmentation"][i]},
        "pose": {"rotation": lists["rotation"][i], "translation_m": lists["translation_m"][i]},
        "bbox_3d": {"corners_px": lists["corners_px"][i], "extent_m": lists["extent_m"][i]},
        "keypoints": keypoints,
        "num_keypoints": sum(flag > 0 for flag in flags),
    }


def _head(head: CocoHead) -> dict[str, Any]:
    info = {"description": head.description or head.name, "version": "1.0", "contributor": f"synthgen {head.version}"}
    categories = [
        {
            "id": category.id,
            "name": category.name,
            "supercategory": category.supercategory,
            "keypoints": KEYPOINT_NAMES,
            "skeleton": SKELETON,
        }
        for category in head.categories
    ]
    return {"info": info, "licenses": [{"id": 1, "name": head.licence, "url": ""}], "categories": categories}


def _matrix(column: pa.FixedSizeListArray) -> F64:
    """(rows, n) of a column of fixed-size lists; ``flatten`` respects the slice that a batch may be."""
    width = column.type.list_size
    return column.flatten().to_numpy(zero_copy_only=False).reshape(-1, width)


def _batches(path: Path) -> Iterator[pa.RecordBatch]:
    with pq.ParquetFile(path) as part:
        yield from part.iter_batches(batch_size=ROWS_AT_ONCE)


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
