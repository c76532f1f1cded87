"""Trained models on disk: a folder with model.safetensors, card.json and README.md. Needs numpy alone, runs no code.

The safetensors format (https://github.com/huggingface/safetensors): 8 bytes little-endian length of the header, the
header as JSON (name -> dtype, shape, data_offsets), then the bytes. It is read here in a few lines, so that checking a
dataset's labels needs neither torch nor another package, and so that nothing but numbers can come out of the file.
"""

from __future__ import annotations

import hashlib
import json
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from synthgen.errors import AssetError

MODEL, CARD, README = "model.safetensors", "card.json", "README.md"
CARD_VERSION = 1
MAX_BYTES = 2_000_000_000
MAX_HEADER_BYTES = 50_000_000
DTYPES: dict[str, str] = {"F16": "<f2", "F32": "<f4", "I64": "<i8", "U8": "|u1"}

Array = npt.NDArray[Any]
Tensors = dict[str, Array]


@dataclass(frozen=True, eq=False)
class Weights:
    """A trained model, read and checked.

    Attributes:
        tensors: name -> array, in the file's own dtypes.
        card: what card.json says.
        sha256: of model.safetensors.
    """

    tensors: Tensors
    card: dict[str, Any]
    sha256: str


def encode_safetensors(tensors: Mapping[str, Array], metadata: Mapping[str, str] | None = None) -> bytes:
    """The bytes of a safetensors file; equal tensors give equal bytes, whatever their order.

    Args:
        tensors: float16, float32, int64 or uint8 arrays.
        metadata: texts for the header.
    """
    names = {np.dtype(spec): name for name, spec in DTYPES.items()}
    header: dict[str, Any] = {"__metadata__": dict(sorted(metadata.items()))} if metadata else {}
    chunks, start = [], 0
    for name in sorted(tensors):
        array = np.asarray(tensors[name], order="C")
        data = array.astype(array.dtype.newbyteorder("<")).tobytes()
        dtype = names[array.dtype]
        header[name] = {"dtype": dtype, "shape": list(array.shape), "data_offsets": [start, start + len(data)]}
        chunks.append(data)
        start += len(data)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + b"".join(chunks)


def decode_safetensors(data: bytes, name: str) -> Tensors:
    """The tensors of a safetensors file.

    Args:
        data: the whole file.
        name: of the file, for sentences.

    Raises:
        AssetError: a pickle, or not a whole and well-formed safetensors file.
    """
    # A safetensors header, whose length comes first and may well begin like a pickle, opens with a brace.
    if data[:2] == b"PK" or (data[:1] == b"\x80" and data[8:9] != b"{"):
        raise AssetError(
            f"{name} is a pickle (what torch.save writes), which can run code when it is read; allowed: safetensors; "
            "save the tensors with safetensors.torch.save_file"
        )
    fault = _header_fault(data)
    if fault:
        raise AssetError(
            f"{name} is no whole safetensors file: {fault}; allowed: the file as it was saved; copy it again"
        )
    (length,) = struct.unpack("<Q", data[:8])
    body = memoryview(data)[8 + length :]
    found: Tensors = {}
    for key, entry in json.loads(data[8 : 8 + length]).items():
        if key != "__metadata__":
            start, end = entry["data_offsets"]
            found[key] = np.frombuffer(body[start:end], DTYPES[entry["dtype"]]).reshape(entry["shape"])
    return found


def _header_fault(data: bytes) -> str:
    """What is wrong with the header, or ""."""
    if len(data) < 8:
        return f"it has {len(data)} bytes"
    (length,) = struct.unpack("<Q", data[:8])
    if length > min(MAX_HEADER_BYTES, len(data) - 8):
        return f"its header should have {length} bytes, the whole file has {len(data)}"
    try:
        header = json.loads(data[8 : 8 + length])
        entries = [entry for key, entry in header.items() if key != "__metadata__"]
        end = 0
        for entry in sorted(entries, key=lambda item: int(item["data_offsets"][0])):
            start, stop = entry["data_offsets"]
            size = math.prod(entry["shape"]) * np.dtype(DTYPES[entry["dtype"]]).itemsize
            if start != end or stop - start != size or any(side < 0 for side in entry["shape"]):
                return "the places of its tensors do not fit their shapes"
            end = stop
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        return f"its header cannot be read ({type(error).__name__})"
    return "" if end == len(data) - 8 - length else "it is cut short, or has bytes that no tensor uses"


def read_weights(folder: Path, *, kind: str, version: int) -> Weights:
    """Reads a trained model.

    Args:
        folder: holds model.safetensors and card.json.
        kind: what it has to be ("verifier").
        version: of that kind's network that this code draws.

    Raises:
        AssetError: not such a folder, damaged or tampered with, another kind, or another version.
    """
    card, data = _card(folder), _bytes(folder / MODEL)
    if card["kind"] != kind:
        raise AssetError(f"{str(folder)!r} is a {card['kind']}; allowed here: a {kind}; give the folder of one")
    if card["version"] != version:
        raise AssetError(
            f"{str(folder)!r} is version {card['version']} of the {kind}; this synthgen reads version {version}; "
            "train it again with this version, or install the version of synthgen it was made with"
        )
    tensors = decode_safetensors(data, repr(str(folder / MODEL)))
    sha256 = hashlib.sha256(data).hexdigest()
    if sha256 != card["sha256"]:
        raise AssetError(
            f"{str(folder / MODEL)!r} is not the file its card describes: its sha256 is {sha256[:16]}..., the card "
            f"says {str(card['sha256'])[:16]}...; it was changed or damaged: copy the whole folder again"
        )
    return Weights(tensors, card, sha256)


def _card(folder: Path) -> dict[str, Any]:
    path = folder / CARD
    try:
        card = json.loads(_bytes(path))
        if isinstance(card, dict) and {"kind", "version", "sha256", "architecture"} <= card.keys():
            return card
        cause = "kind, version, sha256 or architecture is missing"
    except ValueError as error:
        cause = f"{type(error).__name__}"
    raise AssetError(f"{str(path)!r} is no model card ({cause}); allowed: the card.json that 'synthgen train' wrote")


def _bytes(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise AssetError(f"{str(path)!r} has {size} bytes; allowed: at most {MAX_BYTES}; give a smaller model")
        return path.read_bytes()
    except OSError as error:
        raise AssetError(
            f"{str(path)!r} cannot be read ({error.strerror}); allowed: a folder that holds {MODEL} and {CARD}, as "
            "'synthgen train' writes it"
        ) from error


def check_fit(weights: Weights, shapes: Mapping[str, tuple[int, ...]], folder: Path | str) -> None:
    """Whether the tensors are those that the network has.

    Raises:
        AssetError: a tensor is missing, has another shape, or is one too many.
    """
    for name, shape in shapes.items():
        found = weights.tensors.get(name)
        if found is None or found.shape != shape:
            there = "is missing" if found is None else f"has the shape {list(found.shape)}"
            raise AssetError(
                f"the weights in {str(folder)!r} do not fit: {name} {there}; allowed: the shape {list(shape)}; the "
                "file belongs to another architecture"
            )
    more = sorted(set(weights.tensors) - set(shapes))
    if more:
        raise AssetError(
            f"the weights in {str(folder)!r} do not fit: the network has no {more[0]}; allowed: {len(shapes)} tensors; "
            "the file belongs to another architecture"
        )
    bad = [name for name in shapes if not np.isfinite(weights.tensors[name]).all()]
    if bad:
        raise AssetError(
            f"the weights in {str(folder)!r} do not fit: {bad[0]} holds nan or infinite numbers; train it again"
        )


def model_files(tensors: Mapping[str, Array], card: Mapping[str, Any], readme: str) -> dict[str, bytes]:
    """File name -> bytes of a trained model's folder; the card's sha256 is filled in. Matrices become float16."""
    halves = {name: array.astype(np.float16 if array.ndim > 1 else np.float32) for name, array in tensors.items()}
    model = encode_safetensors(halves)
    full = {"card_version": CARD_VERSION, **card, "sha256": hashlib.sha256(model).hexdigest()}
    text = json.dumps(full, indent=2, ensure_ascii=False) + "\n"
    return {MODEL: model, CARD: text.encode(), README: readme.encode()}
