"""``synthgen validate``: a stored dataset against its own promises. Damaged data gives sentences, never a traceback."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from synthgen.contract import layout
from synthgen.contract.coco import CocoHead
from synthgen.contract.receipts import read_dataset, read_receipts, receipts_digest
from synthgen.contract.tables import TABLES
from synthgen.errors import DatasetError
from synthgen.types.arrays import F64
from synthgen.types.catalog import Category
from synthgen.types.records import Receipt
from synthgen.validate.coco import check_coco
from synthgen.validate.foreign import check_foreign
from synthgen.validate.images import Known, check_image, listed_files
from synthgen.validate.report import Findings, Problem, ValidationReport

__all__ = ["Problem", "ValidationReport", "validate_dataset"]


@dataclass(frozen=True)
class _Said:
    """The parts of dataset.json that can be compared with something."""

    head: CocoHead
    splits: tuple[str, ...]
    shards: int
    receipts_sha256: str
    sha256: dict[str, str]


def validate_dataset(folder: Path) -> ValidationReport:
    """Reads everything in a dataset folder and compares it with its receipts, hashes, maps and geometry.

    Memory does not grow with the dataset: one shard's manifest is held at a time. An incomplete dataset is checked as
    far as it goes.

    Raises:
        DatasetError: the folder is not a synthgen dataset at all.
    """
    if not (folder / layout.DATASET).is_file() and not (folder / "receipts").is_dir():
        raise DatasetError(
            f"{str(folder)!r} is not a synthgen dataset: it has neither {layout.DATASET} nor receipts/. "
            "Give the folder that 'synthgen run --out' wrote"
        )
    findings = Findings()
    said = _dataset_json(folder, findings)
    receipts = read_receipts(folder)
    for damaged in receipts.damaged:
        findings.add(damaged.file, damaged.sentence.removeprefix(f"{damaged.file}: "))
    if said is not None:
        _check_totals(folder, said, receipts.done, findings)
    known = _known(folder, said, findings)
    sound = [shard for shard, receipt in receipts.done.items() if _check_shard(folder, receipt, known, findings)]
    if said is not None and len(sound) == len(receipts.done) == said.shards:
        for split in said.splits:
            check_coco(folder, sound, split, said.head, findings)
    complete = (folder / layout.DATASET).is_file()
    accounted = set(receipts.done) | {damaged.shard for damaged in receipts.damaged}
    check_foreign(folder, accounted, findings, complete=complete)
    done = receipts.done.values()
    return ValidationReport(
        folder=folder,
        complete=complete,
        shards=len(receipts.done),
        slots=sum(receipt.slots for receipt in done),
        images=sum(receipt.images for receipt in done),
        empty=sum(receipt.empty for receipt in done),
        annotations=sum(receipt.annotations for receipt in done),
        problems=tuple(findings.problems),
        problem_count=findings.count,
    )


def _dataset_json(folder: Path, findings: Findings) -> _Said | None:
    try:
        body = read_dataset(folder)
        return None if body is None else _said(body)
    except DatasetError as error:
        findings.add(layout.DATASET, str(error))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        findings.add(layout.DATASET, f"lacks or garbles {error}")
    return None


def _said(body: Mapping[str, Any]) -> _Said:
    categories = tuple(Category(int(c["id"]), str(c["name"]), str(c["supercategory"])) for c in body["classes"])
    return _Said(
        head=CocoHead(
            str(body["name"]),
            str(body["description"]),
            str(body["licence"]),
            str(body["versions"]["synthgen"]),
            categories,
        ),
        splits=tuple(split for split in layout.SPLITS if split in body["splits"]),
        shards=int(body["counts"]["shards"]),
        receipts_sha256=str(body["receipts_sha256"]),
        sha256={str(file): str(value) for file, value in body["sha256"].items()},
    )


def _check_totals(folder: Path, said: _Said, done: Mapping[int, Receipt], findings: Findings) -> None:
    """dataset.json against the receipts, and the files it lists against their sha256."""
    missing = sorted(set(range(said.shards)) - set(done))
    if missing:
        listed = ", ".join(map(str, missing[:5])) + (", ..." if len(missing) > 5 else "")
        findings.add("receipts", f"{len(missing)} of {said.shards} shards have no whole receipt: {listed}")
    elif receipts_digest(done) != said.receipts_sha256:
        findings.add(layout.DATASET, "was written for other receipts: their sha256 differs")
    for file, expected in said.sha256.items():
        _check_hash(folder, file, expected, findings)


def _check_hash(folder: Path, file: str, expected: str, findings: Findings) -> bool:
    try:
        with (folder / file).open("rb") as handle:
            found = hashlib.file_digest(handle, "sha256").hexdigest()
    except FileNotFoundError:
        findings.add(file, "is missing")
        return False
    except OSError as error:
        findings.add(file, f"cannot be read ({error.strerror})")
        return False
    if found != expected:
        findings.add(file, "was changed or damaged: it has another sha256 than the dataset says")
    return found == expected


def _known(folder: Path, said: _Said | None, findings: Findings) -> Known | None:
    """Categories and model bounds, from models.parquet (and dataset.json); None (and one finding) if unreadable."""
    bounds: dict[str, F64] = {}
    categories: set[int] = set()
    rows = _read_table(folder, layout.MODELS_TABLE, "models", findings)
    if rows is None:
        return None
    for row in rows:
        low = np.array(row["bounds_min_m"])
        bounds[row["model_id"]] = np.stack([low, low + np.array(row["extent_m"])])
        categories.add(row["category_id"])
        if said is None:
            _check_hash(folder, row["file"], row["sha256"], findings)
    if said is not None:
        categories |= {category.id for category in said.head.categories}
    return Known(frozenset(categories), bounds)


def _read_table(folder: Path, file: str, table: str, findings: Findings) -> list[dict[str, Any]] | None:
    try:
        found = pq.read_table(folder / file)
    except FileNotFoundError:
        findings.add(file, "is missing")
        return None
    except (OSError, pa.ArrowException) as error:
        findings.add(file, f"cannot be read as Parquet ({str(error).splitlines()[0]})")
        return None
    if not found.schema.equals(TABLES[table]):
        findings.add(file, f"does not have the columns of the {table} table (schema version {layout.SCHEMA_VERSION})")
        return None
    return list(found.to_pylist())


def _check_shard(folder: Path, receipt: Receipt, known: Known | None, findings: Findings) -> bool:
    """Checks everything of one shard; whether its manifest parts are sound."""
    sound = [_check_hash(folder, part, sha256, findings) for part, sha256 in receipt.sha256.items()]
    if not all(sound):
        return False
    images = _read_table(folder, layout.part_path("images", receipt.shard), "images", findings)
    instances = _read_table(folder, layout.part_path("instances", receipt.shard), "instances", findings)
    if images is None or instances is None:
        return False
    counts = (len(images), sum(row["file_name"] is not None for row in images), len(instances))
    if counts != (receipt.slots, receipt.images, receipt.annotations):
        findings.add(layout.receipt_path(receipt.shard), "counts other slots, images or annotations than its manifest")
    by_image: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in instances:
        by_image[row["image_id"]].append(row)
    expected: set[str] = set()
    for row in images:
        check_image(folder, row, by_image.pop(row["image_id"], []), known, findings)
        expected.update(listed_files(row).values())
    if by_image:
        file = layout.part_path("instances", receipt.shard)
        findings.add(file, f"labels images that its shard does not have: {sorted(by_image)[:5]}")
    for pixels in layout.PIXELS:
        sub = layout.shard_folder(pixels, receipt.shard)
        for path in sorted((folder / sub).iterdir()) if (folder / sub).is_dir() else ():
            if f"{sub}/{path.name}" not in expected:
                findings.add(f"{sub}/{path.name}", "is foreign: no manifest lists it")
    return True
