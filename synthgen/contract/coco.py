"""The manifest's COCO projection: rows -> COCO records -> the bytes of a file, without holding the dataset."""

from __future__ import annotations

import itertools
import json
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from synthgen.contract.layout import part_path
from synthgen.contract.tables import GRASP_NUMBERS
from synthgen.types.arrays import F64
from synthgen.types.catalog import Category

KEYPOINT_NAMES = [f"corner_{i}" for i in range(8)] + ["centre"]
# Edges of the 3D box as COCO's 1-based keypoint pairs: corners that differ in one bit.
SKELETON = [[i + 1, (i | bit) + 1] for bit in (1, 2, 4) for i in range(8) if not i & bit]

# Images and annotations of a shard that are in memory at a time.
ROWS_AT_ONCE = 1024
POSE_DIGITS = 9
SMALLEST = 1e-12
COCO_GRASPS = 5  # the best of each instance; the manifest has all of them


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


@dataclass(frozen=True)
class CocoChunk:
    """Some bytes of ``annotations/instances_<split>.json``, with a name for error sentences ("image 7")."""

    split: str
    name: str
    data: bytes


def coco_chunks(folder: Path, shards: Iterable[int], splits: Sequence[str], head: CocoHead) -> Iterator[CocoChunk]:
    """The COCO files of several splits piece by piece, side by side: a manifest part is read once for all of them.

    Args:
        folder: the dataset.
        shards: finished shards, ascending; read twice (images, then annotations).
        splits: the splits to project.
        head: description and categories.
    """
    numbers = list(shards)
    for split in splits:
        yield CocoChunk(split, "the head of the file", f'{_json(_head(head))[:-1]},"images":['.encode())
    separators = dict.fromkeys(splits, "\n")
    for shard in numbers:
        for batch in _batches(folder / part_path("images", shard)):
            for split, record in image_records(batch, separators):
                yield CocoChunk(split, f"image {record['id']}", f"{separators[split]}{_json(record)}".encode())
                separators[split] = ",\n"
    for split in splits:
        yield CocoChunk(split, "the head of the annotations", b'\n],"annotations":[')
    separators = dict.fromkeys(splits, "\n")
    for shard in numbers:
        images = image_sizes(folder, shard, separators)
        sizes = {key: size for key, (_, *size) in images.items()}
        for batch in _batches(folder / part_path("instances", shard)) if images else ():
            for image_id, annotation_id, text in annotation_texts(batch, sizes):
                split = images[image_id][0]
                yield CocoChunk(split, f"annotation {annotation_id}", f"{separators[split]}{text}".encode())
                separators[split] = ",\n"
    for split in splits:
        yield CocoChunk(split, "the end of the file", b"\n]}\n")


def image_sizes(folder: Path, shard: int, splits: Container[str]) -> dict[int, tuple[str, int, int]]:
    """Image id -> (split, height, width) of a shard's images of these splits; empty slots left out."""
    names = ("image_id", "split", "height", "width", "file_name")
    with pq.ParquetFile(folder / part_path("images", shard)) as part:
        table = part.read(columns=list(names), use_threads=False).to_pydict()
    rows = zip(*(table[name] for name in names), strict=True)
    return {key: (split, height, width) for key, split, height, width, name in rows if name and split in splits}


def image_records(batch: pa.RecordBatch, splits: Container[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(split, COCO image record) of the rows of the images table in these splits; empty slots have none."""
    for row in batch.to_pylist():
        if row["split"] not in splits or row["file_name"] is None:
            continue
        camera = row["camera"]
        yield (
            row["split"],
            {
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
            },
        )


def annotation_texts(batch: pa.RecordBatch, sizes: Mapping[int, Sequence[int]]) -> Iterator[tuple[int, int, str]]:
    """(image id, annotation id, JSON) of COCO annotations from rows of the instances table, for the images in ``sizes``
    (height, width).

    One ``%`` per record instead of a JSON encoder: a set of ten million images has a hundred million of them.
    """
    wanted = [image_id in sizes for image_id in batch.column("image_id").to_pylist()]
    if not all(wanted):  # before anything is converted: most of the cost of a record is its numbers
        batch = batch.filter(pa.array(wanted, pa.bool_()))
    if batch.num_rows == 0:
        return
    plain = {name: batch.column(name).to_pylist() for name in _PLAIN}
    counts = {name: list(map(_quoted, plain[name])) for name in ("segmentation", "amodal_segmentation", "model_id")}
    numbers = {name: _rows(batch.column(name)) for name in _LISTS}
    shares = {name: batch.column(name).to_pylist() for name in ("visibility", "truncation")}
    grasps = grasp_texts(batch.column("grasps")) if "grasps" in batch.schema.names else None
    agreements = batch.column("agreement").to_pylist() if "agreement" in batch.schema.names else None
    for i, image_id in enumerate(plain["image_id"]):
        size, keypoints = sizes[image_id], numbers["keypoints"][i]
        values = (
            plain["annotation_id"][i],
            image_id,
            plain["category_id"][i],
            *numbers["bbox"][i],
            plain["area"][i],
            *size,
            counts["segmentation"][i],
            plain["instance_index"][i],
            counts["model_id"][i],
            shares["visibility"][i],
            shares["truncation"][i],
            *numbers["amodal_bbox"][i],
            *size,
            counts["amodal_segmentation"][i],
            *numbers["rotation"][i],
            *numbers["translation_m"][i],
            *numbers["corners_px"][i],
            *numbers["extent_m"][i],
            *keypoints,
            sum(flag > 0 for flag in keypoints[2::3]),
        )
        text = _ANNOTATION % values
        if grasps is not None and grasps[i] is not None:
            text = f'{text[:-1]},"grasps":{grasps[i]}}}'
        if agreements is not None and agreements[i] is not None:
            text = f'{text[:-1]},"agreement":{agreements[i]:.6g}}}'
        yield image_id, plain["annotation_id"][i], text


def grasp_texts(column: pa.ListArray) -> list[str | None]:
    """JSON of the best ``COCO_GRASPS`` grasps of every row; None where none were asked for."""
    found = column.flatten()
    lengths = np.array([0 if n is None else n for n in pc.list_value_length(column).to_pylist()], dtype=np.int64)
    starts = np.cumsum(lengths) - lengths
    ranks = np.arange(len(found)) - np.repeat(starts, lengths)
    kept = found.take(pa.array(np.flatnonzero(ranks < COCO_GRASPS)))
    lists = [
        np.where(np.abs(values) < SMALLEST, 0.0, values).reshape(-1, count).tolist()
        for name, count in GRASP_NUMBERS.items()
        for values in (kept.field(name).flatten().to_numpy().astype(np.float64),)
    ]
    numbers = [kept.field(name).to_pylist() for name in ("width_m", "score", "min_friction", "collision_free")]
    texts = [
        _GRASP % (*itertools.chain(*poses), *plain[:3], "true" if plain[3] else "false", _rect(rect))
        for *poses, plain, rect in zip(
            *lists, zip(*numbers, strict=True), kept.field("rect_px").to_pylist(), strict=True
        )
    ]
    ends = np.cumsum(np.minimum(lengths, COCO_GRASPS))
    valid = column.is_valid().to_pylist()
    return [
        f"[{','.join(texts[end - min(length, COCO_GRASPS) : end])}]" if there else None
        for there, end, length in zip(valid, ends.tolist(), lengths.tolist(), strict=True)
    ]


def _rect(values: list[float]) -> str:
    return _RECT % tuple(values) if values else "null"


def significant(values: Any) -> Any:
    """Rounds a (nested) list or array of numbers to 9 significant digits, as lists; magnitudes below 1e-12 become 0.

    Through the decimal text, not through powers of ten: vectorised powers and logarithms differ between CPUs.
    """
    if isinstance(values, np.ndarray):
        values = values.tolist()
    if isinstance(values, list):
        return [significant(value) for value in values]
    return float(f"{values:.{POSE_DIGITS}g}") if abs(values) >= SMALLEST else 0.0


def _several(form: str, count: int) -> str:
    return "[" + ",".join([form] * count) + "]"


# Poses and lengths to 9 significant digits; pixels to 7 (a thousandth within 4096); shares to 6.
_MASK = '{"size":[%d,%d],"counts":%s}'
_ANNOTATION = (
    '{"id":%d,"image_id":%d,"category_id":%d,'
    f'"bbox":{_several("%.1f", 4)},"area":%d,"iscrowd":0,"segmentation":{_MASK},'
    '"instance_index":%d,"model_id":%s,"visibility":%.6g,"truncation":%.6g,'
    f'"amodal_bbox":{_several("%.1f", 4)},"amodal_segmentation":{_MASK},'
    f'"pose":{{"rotation":{_several("%.9g", 9)},"translation_m":{_several("%.9g", 3)}}},'
    f'"bbox_3d":{{"corners_px":{_several("%.7g", 16)},"extent_m":{_several("%.9g", 3)}}},'
    f'"keypoints":[{",".join(["%.7g,%.7g,%d"] * 9)}],"num_keypoints":%d}}'
)
# Grasps are float32 in the manifest.
_POSE = f'{{"rotation":{_several("%.7g", 9)},"translation_m":{_several("%.7g", 3)}}}'
_GRASP = (
    f'{{"pose":{_POSE},"object_pose":{_POSE},'
    '"width_m":%.6g,"score":%.6g,"min_friction":%.6g,"collision_free":%s,"rect_px":%s}'
)
_RECT = _several("%.6g", 5)
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
_LISTS = ("bbox", "amodal_bbox", "rotation", "translation_m", "corners_px", "extent_m", "keypoints")
_quoted = json.encoder.encode_basestring


def _rows(column: pa.FixedSizeListArray) -> list[list[float]]:
    """The lists of a column without rounding noise: magnitudes below 1e-12, and so negative zeros, become 0."""
    matrix = _matrix(column)
    return (np.where(np.abs(matrix) < SMALLEST, 0.0, matrix)).tolist()


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
