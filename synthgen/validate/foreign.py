"""Files in the data folders that no receipt, manifest or table accounts for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from synthgen.contract import layout
from synthgen.validate.report import Findings

# Names that a killed run may leave behind: a shard's folder or part, or a half-written file.
_LEFTOVER = re.compile(r"\d{5,}|part-\d{5,}\.parquet|.*\.tmp")


def check_foreign(folder: Path, shards: set[int], findings: Findings, *, complete: bool) -> None:
    """Adds a problem per foreign file or folder. Files beside the data folders are the user's own business.

    In an incomplete dataset, shards without a receipt are not foreign: the next run removes them.
    """
    for path in _foreign(folder, shards):
        if complete or not _LEFTOVER.fullmatch(path.name):
            findings.add(path.relative_to(folder).as_posix(), "is foreign: no receipt accounts for it")


def _foreign(folder: Path, shards: set[int]) -> Iterator[Path]:
    names = {f"{shard:05d}" for shard in shards}
    for pixels in layout.PIXELS:  # what lies inside a finished shard's folder is compared with its manifest
        yield from (path for path in _entries(folder / pixels) if path.name not in names)
    for part in layout.PARTS:
        expected = {Path(layout.part_path(part, shard)).name for shard in shards}
        yield from (path for path in _entries(folder / "manifest" / part) if path.name not in expected)
    yield from (path for path in _entries(folder / "manifest") if path.name not in layout.PARTS)
    receipts = {Path(layout.receipt_path(shard)).name for shard in shards}
    yield from (path for path in _entries(folder / "receipts") if path.name not in receipts)
    coco = {Path(layout.coco_path(split)).name for split in layout.SPLITS}
    yield from (path for path in _entries(folder / "annotations") if path.name not in coco)
    models = _model_files(folder)
    yield from (path for path in _entries(folder / "models") if models is not None and path.name not in models)


def _model_files(folder: Path) -> set[str] | None:
    """Names in models/, or None where the table cannot be read (which is a problem of its own)."""
    try:
        keys = pq.read_table(folder / layout.MODELS_TABLE, columns=["model_id"]).column("model_id").to_pylist()
    except (OSError, pa.ArrowException):
        return None
    return {Path(layout.MODELS_TABLE).name} | {Path(layout.model_path(str(key))).name for key in keys}


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []
