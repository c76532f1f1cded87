"""Checkpoints: one safetensors file, replaced whole. All that the loop needs to go on as if never stopped."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from pathlib import Path

from synthgen.errors import AssetError, DatasetError
from synthgen.weights import Array, decode_safetensors, encode_safetensors
from synthgen.write.files import replace_file

FILE = "checkpoint.safetensors"


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """The state after ``step`` steps.

    Attributes:
        step: steps done.
        settings: hash of the training file and its data.
        tensors: float32 by "weights/NAME", "average/NAME", "first/NAME", "second/NAME" (Adam's moments).
    """

    step: int
    settings: str
    tensors: dict[str, Array]


def save_checkpoint(folder: Path, state: Checkpoint) -> None:
    """Replaces the checkpoint; a kill at any moment leaves the old or the new one."""
    metadata = {"step": str(state.step), "settings": state.settings}
    replace_file(folder / FILE, encode_safetensors(state.tensors, metadata))


def load_checkpoint(folder: Path, settings: str) -> Checkpoint | None:
    """The checkpoint in a folder, None when there is none.

    Raises:
        DatasetError: it is of another training, or damaged.
    """
    path = folder / FILE
    if not path.exists():
        return None
    data = path.read_bytes()
    try:
        tensors = decode_safetensors(data, repr(str(path)))
        (length,) = struct.unpack("<Q", data[:8])
        facts = json.loads(data[8 : 8 + length])["__metadata__"]
        found = Checkpoint(int(facts["step"]), facts["settings"], tensors)
    except (AssetError, ValueError, KeyError) as error:
        raise DatasetError(
            f"{str(path)!r} is damaged; allowed: the checkpoint as it was saved; remove it to train from the start"
        ) from error
    if found.settings != settings:
        raise DatasetError(
            f"{str(folder)!r} holds a training with other settings or data; the same file goes on with it, another "
            "one needs another --out (its start_from may name the model of this one)"
        )
    return found
