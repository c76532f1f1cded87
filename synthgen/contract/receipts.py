"""Receipts: which shards exist; dataset.json: whether all do. Reading never trusts what it finds."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from synthgen.contract import layout
from synthgen.errors import DatasetError, EnvironmentFault
from synthgen.types.records import Receipt

_COUNTS = ("shard", "first_scene", "scenes", "slots", "images", "empty", "annotations")


@dataclass(frozen=True)
class DamagedReceipt:
    """A receipt that does not count. ``shard`` is -1 where the file name does not say it."""

    shard: int
    file: str
    sentence: str


@dataclass(frozen=True)
class Receipts:
    """All receipts of a folder: by shard, ascending, and those that do not count."""

    done: dict[int, Receipt]
    damaged: tuple[DamagedReceipt, ...]


def receipt_bytes(receipt: Receipt) -> bytes:
    """The receipt file: JSON, keys in a fixed order."""
    return (json.dumps(asdict(receipt), indent=1, ensure_ascii=False) + "\n").encode()


def read_receipts(folder: Path) -> Receipts:
    """Reads every receipt of a dataset folder (none if it does not exist).

    A receipt counts when it is whole, belongs to the shard in its name, and its two manifest parts exist. What does not
    count is reported, not raised: the next run makes those shards again.

    Raises:
        EnvironmentFault: the folder cannot be read.
    """
    done: dict[int, Receipt] = {}
    damaged: list[DamagedReceipt] = []
    try:
        paths = sorted((folder / "receipts").glob("*.json"), key=lambda path: (len(path.name), path.name))
        for path in paths:
            match = layout.OWN_RECEIPT.fullmatch(path.name)
            if match is None:
                continue  # a foreign file
            shard, file = int(match[1]), f"receipts/{path.name}"
            found = parse_receipt(path.read_bytes(), shard, lambda part: (folder / part).is_file())
            if isinstance(found, str):
                damaged.append(DamagedReceipt(shard, file, f"{file}: {found}; shard {shard} is made again"))
            else:
                done[shard] = found
    except OSError as error:
        raise EnvironmentFault(
            f"cannot read the receipts in {str(folder)!r}: {error.strerror}. Make the folder readable for this user"
        ) from error
    return Receipts(dict(sorted(done.items())), tuple(damaged))


def parse_receipt(
    data: bytes, shard: int, exists: Callable[[str], bool], *, parts: frozenset[str] | None = None
) -> Receipt | str:
    """A receipt from its file's bytes, or what is wrong with it. ``parts``: files it must list, if not a manifest's."""
    try:
        raw = json.loads(data)
    except ValueError:
        return f"is not whole JSON ({len(data)} bytes)"
    try:
        receipt = _receipt(raw)
    except (KeyError, TypeError, ValueError) as error:
        return f"lacks or garbles {error}"
    if receipt.shard != shard:
        return f"says it is shard {receipt.shard}"
    expected = {layout.part_path(part, shard) for part in layout.PARTS} if parts is None else parts
    if set(receipt.sha256) != expected:
        return f"lists the parts {sorted(receipt.sha256)} instead of {sorted(expected)}"
    missing = sorted(part for part in expected if not exists(part))
    return f"its part {missing[0]} is missing" if missing else receipt


def receipts_digest(receipts: Mapping[int, Receipt]) -> str:
    """sha256 over all receipts in shard order; receipts name the sha256 of their parts, and parts of their files."""
    digest = hashlib.sha256()
    for shard in sorted(receipts):
        digest.update(receipt_bytes(receipts[shard]))
    return digest.hexdigest()


def read_dataset(folder: Path) -> dict[str, Any] | None:
    """What dataset.json says, or None where there is none (the dataset is not complete).

    Raises:
        DatasetError: it is not JSON, or of another schema version.
    """
    path = folder / layout.DATASET
    try:
        body = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise DatasetError(
            f"{str(path)!r} cannot be read ({error}). Remove it and give the same command again: it is written anew"
        ) from error
    version = body.get("schema_version") if isinstance(body, dict) else None
    if version != layout.SCHEMA_VERSION:
        raise DatasetError(
            f"{str(path)!r} has schema version {version!r}; this synthgen reads {layout.SCHEMA_VERSION}. "
            "Give another --out, or use the synthgen version that wrote it"
        )
    return dict(body)


def _receipt(raw: Any) -> Receipt:
    counts = {name: _whole(raw, name) for name in _COUNTS}
    return Receipt(
        **counts,
        per_class={int(key): int(value) for key, value in dict(raw["per_class"]).items()},
        empty_reasons={str(key): int(value) for key, value in dict(raw["empty_reasons"]).items()},
        rejections={str(key): int(value) for key, value in dict(raw["rejections"]).items()},
        sha256={str(key): str(value) for key, value in dict(raw["sha256"]).items()},
        fingerprint=str(raw["fingerprint"]),
    )


def _whole(raw: Any, name: str) -> int:
    value = raw[name]
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{name!r}")
    return value
