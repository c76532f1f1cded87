"""What a run asks of the receipts in its folder. A receipt that cannot be read means: that shard is made again."""

from __future__ import annotations

from pathlib import Path

from synthgen.contract.receipts import (
    DamagedReceipt,
    Receipts,
    read_dataset,
    read_receipts,
    receipt_bytes,
    receipts_digest,
)
from synthgen.errors import DatasetError

__all__ = [
    "DamagedReceipt",
    "Receipts",
    "read_dataset",
    "read_receipts",
    "receipt_bytes",
    "receipts_digest",
    "require_fingerprint",
]


def require_fingerprint(folder: Path, receipts: Receipts, fingerprint: str) -> None:
    """Refuses a folder whose shards were made by another pipeline.

    Raises:
        DatasetError: with the way out.
    """
    others = {receipt.fingerprint for receipt in receipts.done.values()} - {fingerprint}
    if others:
        raise DatasetError(
            f"{str(folder)!r} holds a dataset of another pipeline, seed, count, asset or synthgen version (fingerprint "
            f"{min(others)[:16]}, this run has {fingerprint[:16]}). Give another --out, or --fresh to delete that "
            "dataset and start again"
        )
