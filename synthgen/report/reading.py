"""A dataset on disk as batches of plain arrays: one manifest part after the other, never all of it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import yaml

from synthgen.contract import layout
from synthgen.contract.tables import IMAGES
from synthgen.errors import DatasetError
from synthgen.types.arrays import F64, I64
from synthgen.types.catalog import Category

ROWS_AT_ONCE = 65536

IMAGE_COLUMNS = ["image_id", "scene", "split", "file_name", "width", "height", "empty_reason", "rejected"]
INSTANCE_COLUMNS = [
    "image_id",
    "category_id",
    "model_id",
    "bbox",
    "area",
    "visibility",
    "truncation",
    "rotation",
    "translation_m",
]
SCORES = ["agreement", "ceiling"]  # columns that older datasets do not have


@dataclass(frozen=True)
class DatasetHead:
    """What dataset.json says about the whole set. ``splits``: those that were asked for (share above 0), in order."""

    name: str
    description: str
    licence: str
    synthgen_version: str
    fingerprint: str
    categories: tuple[Category, ...]
    splits: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class ImageRows:
    """The slots of one shard, by image id.

    Attributes:
        shard: number of the shard.
        image_id, scene: (N,) int64.
        split: N names.
        file_name: N names relative to images/, "" for an empty slot.
        width, height: (N,) int64 pixels.
        empty_reasons: reason -> slots.
        redraws: "stage:reason" -> draws thrown away (a scene's own counted once, not once per view).
    """

    shard: int
    image_id: I64
    scene: I64
    split: list[str]
    file_name: list[str]
    width: I64
    height: I64
    empty_reasons: Counter[str]
    redraws: Counter[str]


@dataclass(frozen=True, eq=False)
class InstanceRows:
    """Some instances of one shard.

    Attributes:
        image_id, category_id: (N,) int64.
        bbox: (N, 4) float64 x, y, width, height in pixels.
        area: (N,) float64 visible mask pixels.
        visibility, truncation: (N,) float64 in [0, 1].
        camera_from_object: (N, 4, 4) float64.
        models: (category id, model id) pairs that occur.
        agreement, ceiling: (N,) float64 in [0, 1], nan where there is none.
    """

    image_id: I64
    category_id: I64
    bbox: F64
    area: F64
    visibility: F64
    truncation: F64
    camera_from_object: F64
    models: set[tuple[int, str]]
    agreement: F64
    ceiling: F64


def read_head(folder: Path) -> DatasetHead:
    """Reads dataset.json.

    Raises:
        DatasetError: the folder holds no finished dataset, or dataset.json is damaged.
    """
    path = folder / layout.DATASET
    try:
        return _head(json.loads(path.read_text(encoding="utf-8")), _unwanted_splits(folder))
    except FileNotFoundError as error:
        raise DatasetError(
            f"{str(folder)!r} is not a finished dataset: it has no {layout.DATASET}; give the folder of a finished "
            "run, or finish it with the same 'synthgen run' command"
        ) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DatasetError(
            f"{str(path)!r} cannot be read ({type(error).__name__}: {error}); allowed: the file that 'synthgen run' "
            "wrote. Remove it and give the same 'synthgen run' command again: it is rebuilt from the shards"
        ) from error


def _unwanted_splits(folder: Path) -> set[str]:
    """Splits that pipeline.yaml gives a share of 0: that they are empty is no news. A damaged file names none."""
    try:
        shares = yaml.safe_load((folder / layout.PIPELINE).read_text(encoding="utf-8"))["splits"]
        return {name for name, share in shares.items() if share == 0}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, yaml.YAMLError):
        return set()


def _head(document: dict[str, Any], unwanted: set[str]) -> DatasetHead:
    return DatasetHead(
        name=document["name"],
        description=document.get("description", ""),
        licence=document["licence"],
        synthgen_version=document["versions"]["synthgen"],
        fingerprint=document["pipeline_fingerprint"],
        categories=tuple(Category(c["id"], c["name"], c["supercategory"]) for c in document["classes"]),
        splits=tuple(name for name in document["splits"] if name not in unwanted),
    )


def shards(folder: Path) -> list[int]:
    """Numbers of the shards whose manifest parts are there, ascending.

    Raises:
        DatasetError: there are none.
    """
    names = (layout.OWN_PART.fullmatch(path.name) for path in (folder / "manifest" / "images").glob("*.parquet"))
    found = sorted(int(match.group(1)) for match in names if match)
    if not found:
        raise DatasetError(
            f"{str(folder)!r} has no manifest (manifest/images holds no part-*.parquet); allowed: a finished dataset. "
            "Give the same 'synthgen run' command again to make it"
        )
    return found


def image_rows(folder: Path, shard: int) -> ImageRows:
    """The images part of one shard.

    Raises:
        DatasetError: the part is missing or damaged.
    """
    schema = pa.schema([IMAGES.field(name) for name in IMAGE_COLUMNS])
    table = pa.Table.from_batches(list(_batches(folder, "images", shard, IMAGE_COLUMNS)), schema=schema)
    scene = _numbers(table["scene"])
    redraws: Counter[str] = Counter()
    seen: set[tuple[int, str, int]] = set()
    # Most slots have no rejected draw: only the others become Python objects.
    picked = pc.indices_nonzero(pc.greater(pc.list_value_length(table["rejected"]), 0)).to_numpy()
    for i, rejected in zip(picked.tolist(), table["rejected"].take(picked).to_pylist(), strict=True):
        for draw in rejected:
            key = (int(scene[i]), draw["stage"], draw["attempt"])
            if draw["stage"] != "scene" or key not in seen:
                redraws[f"{draw['stage']}:{draw['reason']}"] += 1
            seen.add(key)
    reasons = Counter(table["empty_reason"].to_pylist())
    reasons.pop("", None)
    return ImageRows(
        shard=shard,
        image_id=_numbers(table["image_id"]),
        scene=scene,
        split=table["split"].to_pylist(),
        file_name=[name or "" for name in table["file_name"].to_pylist()],
        width=_numbers(table["width"]),
        height=_numbers(table["height"]),
        empty_reasons=reasons,
        redraws=redraws,
    )


def instance_rows(folder: Path, shard: int) -> Iterator[InstanceRows]:
    """The instances part of one shard, at most 65536 rows at a time.

    Raises:
        DatasetError: the part is missing or damaged.
    """
    for batch in _batches(folder, "instances", shard, INSTANCE_COLUMNS, SCORES):
        if batch.num_rows == 0:
            continue
        pose = np.tile(np.eye(4), (batch.num_rows, 1, 1))
        pose[:, :3, :3] = _matrix(batch["rotation"], 9).reshape(-1, 3, 3)
        pose[:, :3, 3] = _matrix(batch["translation_m"], 3)
        kinds = pa.Table.from_batches([batch]).group_by(["category_id", "model_id"], use_threads=False).aggregate([])
        yield InstanceRows(
            image_id=_numbers(batch["image_id"]),
            category_id=_numbers(batch["category_id"]),
            bbox=_matrix(batch["bbox"], 4),
            area=_numbers(batch["area"]).astype(np.float64),
            visibility=np.asarray(batch["visibility"], np.float64),
            truncation=np.asarray(batch["truncation"], np.float64),
            camera_from_object=pose,
            models=set(zip(kinds["category_id"].to_pylist(), kinds["model_id"].to_pylist(), strict=True)),
            agreement=_scores(batch, "agreement"),
            ceiling=_scores(batch, "ceiling"),
        )


def rows_of(folder: Path, part: layout.Part, shard: int, image_ids: list[int]) -> list[dict[str, Any]]:
    """All columns of the rows that belong to these images.

    Raises:
        DatasetError: the part is missing or damaged.
    """
    found: list[dict[str, Any]] = []
    for batch in _batches(folder, part, shard, None):
        found += batch.filter(pc.is_in(batch["image_id"], value_set=pa.array(image_ids, pa.int64()))).to_pylist()
    return found


def _scores(batch: pa.RecordBatch, name: str) -> F64:
    if name not in batch.schema.names:
        return np.full(batch.num_rows, np.nan)
    return np.asarray(pc.fill_null(batch[name], np.nan), np.float64)


def _batches(
    folder: Path, part: layout.Part, shard: int, columns: list[str] | None, optional: Sequence[str] = ()
) -> Iterator[pa.RecordBatch]:
    path = folder / layout.part_path(part, shard)
    try:
        with pq.ParquetFile(path) as file:
            missing = sorted(set(columns or ()) - set(file.schema_arrow.names))
            if missing:
                raise pa.ArrowInvalid(f"column {missing[0]!r} is missing")
            there = [name for name in optional if name in file.schema_arrow.names]
            wanted = None if columns is None else [*columns, *there]
            for batch in file.iter_batches(batch_size=ROWS_AT_ONCE, columns=wanted, use_threads=False):
                if "file_name" in batch.schema.names and (fault := layout.name_fault(batch["file_name"].to_pylist())):
                    raise pa.ArrowInvalid(fault)
                yield batch
    except (OSError, ValueError, pa.ArrowException) as error:
        raise DatasetError(
            f"{str(path)!r} cannot be read ({error}); allowed: the manifest part that 'synthgen run' wrote. "
            "'synthgen validate' lists everything that is damaged"
        ) from error


def _numbers(column: Any) -> I64:
    return np.asarray(column, np.int64)


def _matrix(column: pa.FixedSizeListArray, width: int) -> F64:
    return np.asarray(column.flatten(), np.float64).reshape(-1, width)
