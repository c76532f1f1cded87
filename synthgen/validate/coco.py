"""A COCO file against the manifest it was projected from: byte for byte, both streamed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from synthgen.contract import layout
from synthgen.contract.coco import CocoHead, coco_chunks
from synthgen.validate.report import Findings


def check_coco(folder: Path, shards: Sequence[int], split: str, head: CocoHead, findings: Findings) -> None:
    """Adds a problem that names the first record of a COCO file that is not what the manifest says."""
    file = layout.coco_path(split)
    try:
        with (folder / file).open("rb") as handle:
            for chunk in coco_chunks(folder, shards, [split], head):
                found = handle.read(len(chunk.data))
                if found != chunk.data:
                    what = "ends before" if len(found) < len(chunk.data) else "differs from the manifest at"
                    findings.add(file, f"{what} {chunk.name} (byte {handle.tell() - len(found)})")
                    return
            if handle.read(1):
                findings.add(file, "goes on behind its end")
    except FileNotFoundError:
        findings.add(file, "is missing")
    except OSError as error:
        findings.add(file, f"cannot be read ({error.strerror})")
