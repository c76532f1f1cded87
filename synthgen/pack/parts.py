"""One part of a pack: a Parquet file with a row per scene, and the receipt in its footer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from synthgen.contract.receipts import parse_receipt, receipt_bytes
from synthgen.contract.scene_records import parse_scene, scene_text
from synthgen.errors import DatasetError
from synthgen.types.pairs import SceneTargets, Target
from synthgen.types.records import Receipt

RECEIPT = b"synthgen_receipt"
ZSTD_LEVEL = 19

TARGET = pa.struct(
    [
        pa.field("pair_id", pa.int64(), nullable=False),
        pa.field("camera", pa.int32(), nullable=False),
        pa.field("variation", pa.int32(), nullable=False),
        pa.field("camera_attempt", pa.int32(), nullable=False),
        pa.field("seed", pa.int64(), nullable=False),
        pa.field("instance_crc32", pa.int64(), nullable=False),
        pa.field("brightness", pa.float64(), nullable=False),
        pa.field("knee", pa.float64(), nullable=False, metadata={"unit": "radiance"}),
        pa.field("span", pa.float64(), nullable=False),
        pa.field("code", pa.binary(), nullable=False),
    ]
)
SCHEMA = pa.schema(
    [
        pa.field("scene", pa.int64(), nullable=False),
        pa.field("split", pa.string(), nullable=False),
        pa.field("record", pa.string(), nullable=False),
        pa.field("targets", pa.list_(TARGET), nullable=False),
    ]
)
INDEX = ("scene", "split", "targets.list.element.pair_id", "targets.list.element.variation")


def write_part(path: Path, scenes: Sequence[SceneTargets], receipt: Receipt) -> None:
    """Writes a part (the caller renames it into place); the same scenes give the same bytes."""
    rows = [
        {
            "scene": entry.scene.index,
            "split": entry.split,
            "record": scene_text(entry.scene),
            "targets": [asdict(target) for target in entry.targets],
        }
        for entry in scenes
    ]
    table = pa.Table.from_pylist(rows, schema=SCHEMA.with_metadata({RECEIPT: receipt_bytes(receipt)}))
    plain = {"targets.list.element.code": "NONE"}  # is compressed already
    pq.write_table(
        table,
        path,
        compression={name: plain.get(name, "ZSTD") for name in _columns()},
        compression_level={name: ZSTD_LEVEL for name in _columns() if name not in plain},
        use_dictionary=False,
        write_statistics=False,
        write_page_checksum=True,
        row_group_size=max(1, len(rows)),
    )


def _columns() -> list[str]:
    return ["scene", "split", "record", *(f"targets.list.element.{field.name}" for field in TARGET)]


def read_receipt(path: Path, part: int) -> Receipt | None:
    """The receipt of a part, or None where the file is no whole part of this number."""
    try:
        metadata = pq.read_schema(path).metadata or {}
    except (OSError, pa.ArrowException):
        return None
    found = parse_receipt(metadata.get(RECEIPT, b""), part, lambda name: True, parts=frozenset())
    return found if isinstance(found, Receipt) else None


def read_index(path: Path) -> list[tuple[int, str, list[tuple[int, int]]]]:
    """(scene, split, [(pair id, variation), ...]) of every row, without the images.

    Raises:
        DatasetError: the file is damaged.
    """
    rows = _read(path, list(INDEX))
    return [
        (row["scene"], row["split"], [(target["pair_id"], target["variation"]) for target in row["targets"]])
        for row in rows
    ]


def read_part(path: Path) -> list[SceneTargets]:
    """Every scene of a part, with its images as they are stored.

    Raises:
        DatasetError: the file is damaged.
    """
    try:
        return [
            SceneTargets(parse_scene(row["record"]), row["split"], tuple(Target(**target) for target in row["targets"]))
            for row in _read(path, None)
        ]
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise _damaged(path, error) from error


def _read(path: Path, columns: list[str] | None) -> list[dict[str, Any]]:
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            rows: list[dict[str, Any]] = file.read(columns=columns, use_threads=False).to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise _damaged(path, error) from error
    return rows


def _damaged(path: Path, error: Exception) -> DatasetError:
    cause = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return DatasetError(
        f"{str(path)!r} is damaged ({cause}); remove that file and give the 'synthgen pairs' command that made the "
        "pack again: only this part is made anew"
    )
