"""COCO files: a streamed projection of the manifest. Memory does not grow with the dataset."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pyarrow as pa

from synthgen.contract import layout
from synthgen.contract.coco import CocoChunk, CocoHead, coco_chunks
from synthgen.errors import DatasetError
from synthgen.types.records import Receipt
from synthgen.write.files import replacing, writing

_FLUSH_BYTES = 1 << 20


@dataclass(frozen=True)
class CocoFile:
    """One written COCO file."""

    file: str
    sha256: str
    images: int
    annotations: int


def write_coco(
    folder: Path, receipts: Mapping[int, Receipt], splits: Iterable[str], head: CocoHead
) -> dict[str, CocoFile]:
    """Writes annotations/instances_<split>.json for every declared split, empty ones too; each appears whole or not.

    Args:
        folder: the dataset.
        receipts: finished shards.
        splits: the pipeline's splits, also those with a share of 0.
        head: description and categories.

    Raises:
        DatasetError: a manifest part differs from its receipt or cannot be read.
        EnvironmentFault: disk full, no permission, ...
    """
    for receipt in receipts.values():
        _check_parts(folder, receipt)
    writers = {split: _Writer(folder / layout.coco_path(split)) for split in splits}
    with ExitStack() as stack:
        for writer in writers.values():
            temporary = stack.enter_context(replacing(writer.path))
            writer.file = stack.enter_context(temporary.open("wb", buffering=_FLUSH_BYTES))
        try:
            for chunk in coco_chunks(folder, sorted(receipts), list(writers), head):
                writers[chunk.split].add(chunk)
        except pa.ArrowException as error:
            raise DatasetError(
                f"a manifest part in {str(folder / 'manifest')!r} cannot be read ({error}). "
                "'synthgen validate' names it; remove that shard's receipt and give the same command again"
            ) from error
    return {split: writer.result(split) for split, writer in writers.items()}


class _Writer:
    """One file while it is written: its bytes hashed and its records counted as they pass."""

    file: IO[bytes]

    def __init__(self, path: Path) -> None:
        self.path = path
        self._digest = hashlib.sha256()
        self._counts = {"image": 0, "annotation": 0}

    def add(self, chunk: CocoChunk) -> None:
        with writing(self.path):
            self.file.write(chunk.data)
        self._digest.update(chunk.data)
        kind = chunk.name.split(" ", 1)[0]
        if kind in self._counts:
            self._counts[kind] += 1

    def result(self, split: str) -> CocoFile:
        counts = self._counts
        return CocoFile(layout.coco_path(split), self._digest.hexdigest(), counts["image"], counts["annotation"])


def _check_parts(folder: Path, receipt: Receipt) -> None:
    for part, expected in receipt.sha256.items():
        try:
            with (folder / part).open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            found = error.strerror or "cannot be read"
        if found != expected:
            raise DatasetError(
                f"{str(folder / part)!r} is not what its receipt says (sha256 {found[:16]}, receipt {expected[:16]}). "
                f"Remove {layout.receipt_path(receipt.shard)} and give the same command again: the shard is made anew"
            )
