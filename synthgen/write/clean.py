"""Removing what does not count (leftovers of killed shards) and what the user wants gone (``--fresh``)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from synthgen.contract import layout
from synthgen.write.files import writing
from synthgen.write.receipts import DamagedReceipt, read_receipts


@dataclass(frozen=True)
class Cleaned:
    """What was removed: number of files, and the receipts that did not count."""

    files: int
    damaged: tuple[DamagedReceipt, ...]


def clean_leftovers(folder: Path) -> Cleaned:
    """Removes files of shards without a (whole) receipt, and temporary files; only what is named like our own files.

    Raises:
        EnvironmentFault: no permission to remove or read.
    """
    receipts = read_receipts(folder)
    done = set(receipts.done)
    doomed = [folder / damaged.file for damaged in receipts.damaged]
    doomed += [path for shard, path in _own_files(folder) if shard not in done]
    doomed += _temporaries(folder)
    with writing(folder):
        removed = _remove(doomed)
        _remove_empty(folder)
    return Cleaned(removed, receipts.damaged)


def fresh(folder: Path) -> int:
    """Deletes a dataset: what its receipts list, what is made from it, and leftovers; never a foreign file.

    ``dataset.json`` goes first and each receipt before its files: a kill in between leaves an incomplete dataset, which
    the next run cleans up. Returns the number of files removed.

    Raises:
        EnvironmentFault: no permission to remove or read.
    """
    receipts = read_receipts(folder)
    with writing(folder):
        models = _listed_models(folder)
        removed = _remove(folder / name for name in (layout.DATASET, layout.PIPELINE))
        removed += _remove(folder / layout.coco_path(split) for split in layout.SPLITS)
        removed += _remove([*models, folder / layout.MODELS_TABLE])
        for shard in receipts.done:
            listed = list(_listed_files(folder, shard))
            removed += _remove([folder / layout.receipt_path(shard), *listed])
    removed += clean_leftovers(folder).files
    with writing(folder):
        _remove_empty(folder)
    return removed


def _own_files(folder: Path) -> Iterator[tuple[int, Path]]:
    """(shard, file) of everything in the data folders that is named like a file of ours."""
    for pixels in layout.PIXELS:
        for sub in _folders(folder / pixels):
            for where, what in layout.OWN_FILES:
                match = where.fullmatch(f"{pixels}/{sub.name}")
                if match is not None:
                    yield from ((int(match[1]), path) for path in sorted(sub.iterdir()) if what.fullmatch(path.name))
    for part in layout.PARTS:
        parts = folder / "manifest" / part
        for path in sorted(parts.iterdir()) if parts.is_dir() else ():
            match = layout.OWN_PART.fullmatch(path.name)
            if match is not None:
                yield int(match[1]), path


def _temporaries(folder: Path) -> list[Path]:
    """Half-written files of ours: known names with the temporary suffix."""
    fixed = [layout.DATASET, layout.PIPELINE, layout.MODELS_TABLE, *map(layout.coco_path, layout.SPLITS)]
    found = [folder / f"{name}{layout.TEMPORARY}" for name in fixed]
    found += [path for path in (folder / "receipts").glob(f"*.json{layout.TEMPORARY}") if _is_receipt(path)]
    found += list((folder / "models").glob(f"{'[0-9a-f]' * 16}.ply{layout.TEMPORARY}"))
    return [path for path in found if path.is_file()]


def _is_receipt(path: Path) -> bool:
    return layout.OWN_RECEIPT.fullmatch(path.name.removesuffix(layout.TEMPORARY)) is not None


def _listed_files(folder: Path, shard: int) -> Iterator[Path]:
    """The files that a shard's manifest lists; of a part that cannot be read only the part itself."""
    try:
        part = pq.read_table(folder / layout.part_path("images", shard), columns=["file_name"])
        names = [str(name) for name in part.column("file_name").to_pylist() if name]
    except (OSError, pa.ArrowException):
        names = []
    for name in (name for name in names if not layout.name_fault([name])):
        for pixels in layout.PIXELS:
            yield folder / layout.pixel_path(pixels, name)
    yield from (folder / layout.part_path(part, shard) for part in layout.PARTS)


def _listed_models(folder: Path) -> list[Path]:
    try:
        keys = pq.read_table(folder / layout.MODELS_TABLE, columns=["model_id"]).column("model_id").to_pylist()
    except (OSError, pa.ArrowException):
        return []
    return [folder / layout.model_path(str(key)) for key in dict.fromkeys(keys)]


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []


def _remove(paths: Iterable[Path]) -> int:
    count = 0
    for path in paths:
        if path.is_file() or path.is_symlink():
            path.unlink()
            count += 1
    return count


def _remove_empty(folder: Path) -> None:
    """Removes our own folders where nothing is left in them, innermost first."""
    own = [sub for pixels in layout.PIXELS for sub in _folders(folder / pixels)]
    own += [folder / pixels for pixels in layout.PIXELS]
    own += [folder / "manifest" / part for part in layout.PARTS]
    own += [folder / name for name in ("manifest", "receipts", "annotations", "models")]
    for path in own:
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()
