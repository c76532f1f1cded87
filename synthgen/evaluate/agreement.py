"""Agreement between pictures and labels, as ``verify`` stored it with every annotation, per class and size."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from synthgen.contract import layout
from synthgen.errors import DatasetError
from synthgen.report.reading import read_head, shards
from synthgen.verify.size_bins import SIZE_BINS

COLUMNS = ("category_id", "area", "agreement", "ceiling")


@dataclass
class _Sum:
    """Sums over instances; ``beside``: agreement of those that have a ceiling."""

    instances: int = 0
    agreement: float = 0.0
    with_ceiling: int = 0
    beside: float = 0.0
    ceiling: float = 0.0

    def add(self, agreement: float, ceiling: float | None) -> None:
        self.instances += 1
        self.agreement += agreement
        if ceiling is not None:
            self.with_ceiling += 1
            self.beside += agreement
            self.ceiling += ceiling


def agreement_of(folder: Path) -> dict[str, Any] | None:
    """Mean agreement of a dataset's instances; None where ``verify`` did not run.

    Returns:
        {"all": cell, "classes": {name: cell}, "sizes": {bin: cell}}. A cell has "instances" and "mean", and where the
        ceiling (the same score on plainly shaded pictures of a sample of the views) is known of some instances,
        "ceiling_instances", "ceiling" and "of_ceiling": their mean agreement over their mean ceiling.

    Raises:
        DatasetError: not a finished dataset, or damaged.
    """
    names = {category.id: category.name for category in read_head(folder).categories}
    sums: dict[tuple[str, str], _Sum] = defaultdict(_Sum)
    for shard in shards(folder):
        for batch in _batches(folder / layout.part_path("instances", shard)):
            for row in batch.to_pylist():
                if row["agreement"] is not None:
                    key = names[row["category_id"]], size_bin(row["area"])
                    sums[key].add(row["agreement"], row.get("ceiling"))
    if not sums:
        return None
    classes = sorted({name for name, _ in sums})
    sizes = [name for name, _ in SIZE_BINS if any(size == name for _, size in sums)]
    return {
        "all": _cell(sums.values()),
        "classes": {name: _cell(one for (label, _), one in sums.items() if label == name) for name in classes},
        "sizes": {name: _cell(one for (_, size), one in sums.items() if size == name) for name in sizes},
    }


def size_bin(area_px: int) -> str:
    """Name of the bin of so many visible pixels (>= 1)."""
    return [name for name, least in SIZE_BINS if area_px >= least][-1]


def _cell(sums: Iterable[_Sum]) -> dict[str, Any]:
    found = list(sums)
    instances, known = sum(one.instances for one in found), sum(one.with_ceiling for one in found)
    cell: dict[str, Any] = {"instances": instances, "mean": sum(one.agreement for one in found) / instances}
    ceiling = sum(one.ceiling for one in found)
    if ceiling > 0:
        beside = sum(one.beside for one in found)
        cell |= {"ceiling_instances": known, "ceiling": ceiling / known, "of_ceiling": beside / ceiling}
    return cell


def _batches(path: Path) -> Iterator[pa.RecordBatch]:
    try:
        with pq.ParquetFile(path) as file:
            columns = [name for name in COLUMNS if name in file.schema_arrow.names]
            if "agreement" in columns:
                yield from file.iter_batches(columns=columns, use_threads=False)
    except (OSError, pa.ArrowException) as error:
        raise DatasetError(
            f"{str(path)!r} cannot be read ({error}); allowed: the manifest part that 'synthgen run' wrote. "
            "'synthgen validate' lists everything that is damaged"
        ) from error
