"""Trained models on disk: what is written is read, everything else is refused with a sentence."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.errors import AssetError
from synthgen.weights import (
    CARD,
    MODEL,
    Weights,
    check_fit,
    decode_safetensors,
    encode_safetensors,
    model_files,
    read_weights,
)

TENSORS = {
    "b.weight": np.arange(8, dtype=np.float32).reshape(2, 4) / 3,
    "a": np.array([1, -2], np.int64),
    "none": np.zeros((0, 3), np.float16),
    "scalar": np.array(7, np.uint8),
}


def write(folder: Path, **card: object) -> Path:
    folder.mkdir(exist_ok=True)
    facts = {"kind": "verifier", "version": 1, "architecture": {}, **card}
    for name, data in model_files({"w": np.ones((2, 2), np.float32), "b": np.ones(2, np.float32)}, facts, "x").items():
        (folder / name).write_bytes(data)
    return folder


def test_tensors_come_back_and_the_order_does_not_matter() -> None:
    data = encode_safetensors(TENSORS, {"step": "3"})
    assert data == encode_safetensors(dict(reversed(TENSORS.items())), {"step": "3"})
    found = decode_safetensors(data, "x")
    assert found.keys() == TENSORS.keys()
    for name, array in TENSORS.items():
        assert found[name].dtype == array.dtype and found[name].shape == array.shape
        np.testing.assert_array_equal(found[name], array)


def test_the_format_is_that_of_the_safetensors_library() -> None:
    library = pytest.importorskip("safetensors.numpy", reason="needs safetensors: pip install safetensors")
    data = encode_safetensors(TENSORS)
    for name, array in library.load(data).items():
        np.testing.assert_array_equal(array, TENSORS[name])
    again = decode_safetensors(library.save(TENSORS), "x")
    assert all(np.array_equal(again[name], array) for name, array in TENSORS.items())


@given(st.data())
def test_damaged_bytes_give_a_sentence_or_tensors(data: st.DataObject) -> None:
    whole = bytearray(encode_safetensors(TENSORS))
    for _ in range(data.draw(st.integers(1, 3))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        decode_safetensors(bytes(whole[: data.draw(st.integers(0, len(whole)))]), "x")
    except AssetError as error:
        assert str(error).startswith("x is ")


def pickled(folder: Path) -> None:
    (folder / MODEL).write_bytes(pickle.dumps({"w": [1.0]}))


def zipped(folder: Path) -> None:
    (folder / MODEL).write_bytes(b"PK\x03\x04 as torch.save writes")


def cut_short(folder: Path) -> None:
    (folder / MODEL).write_bytes((folder / MODEL).read_bytes()[:-3])


def tampered(folder: Path) -> None:
    data = bytearray((folder / MODEL).read_bytes())
    data[-1] ^= 1
    (folder / MODEL).write_bytes(bytes(data))


def header_length(folder: Path) -> None:
    (folder / MODEL).write_bytes(b"\xff" * 8 + b"{}")


def overlapping(folder: Path) -> None:
    data = (folder / MODEL).read_bytes().replace(b'"data_offsets":[0,8]', b'"data_offsets":[0,9]')
    (folder / MODEL).write_bytes(data)


def tiny(folder: Path) -> None:
    (folder / MODEL).write_bytes(b"abc")


def no_json(folder: Path) -> None:
    length = (4).to_bytes(8, "little")
    (folder / MODEL).write_bytes(length + b"nope")


def other_kind(folder: Path) -> None:
    write(folder, kind="gan")


def other_version(folder: Path) -> None:
    write(folder, version=9)


def no_card(folder: Path) -> None:
    (folder / CARD).unlink()


def card_without_keys(folder: Path) -> None:
    (folder / CARD).write_text("{}")


def card_no_json(folder: Path) -> None:
    (folder / CARD).write_text("{")


PICKLE = (
    "'F/model.safetensors' is a pickle (what torch.save writes), which can run code when it is read; allowed: "
    "safetensors; save the tensors with safetensors.torch.save_file"
)
WHOLE = "allowed: the file as it was saved; copy it again"
CARD_ENDING = "allowed: the card.json that 'synthgen train' wrote"
REFUSED: list[tuple[Callable[[Path], None], str]] = [
    (pickled, PICKLE),
    (zipped, PICKLE),
    (
        cut_short,
        "'F/model.safetensors' is no whole safetensors file: it is cut short, or has bytes that no tensor uses; "
        + WHOLE,
    ),
    (tiny, "'F/model.safetensors' is no whole safetensors file: it has 3 bytes; " + WHOLE),
    (
        header_length,
        "'F/model.safetensors' is no whole safetensors file: its header should have 18446744073709551615 bytes, the "
        "whole file has 10; " + WHOLE,
    ),
    (
        overlapping,
        "'F/model.safetensors' is no whole safetensors file: the places of its tensors do not fit their shapes; "
        + WHOLE,
    ),
    (
        no_json,
        "'F/model.safetensors' is no whole safetensors file: its header cannot be read (JSONDecodeError); " + WHOLE,
    ),
    (
        tampered,
        "'F/model.safetensors' is not the file its card describes: its sha256 is SHA..., the card says SHA...; it was "
        "changed or damaged: copy the whole folder again",
    ),
    (other_kind, "'F' is a gan; allowed here: a verifier; give the folder of one"),
    (
        other_version,
        "'F' is version 9 of the verifier; this synthgen reads version 1; train it again with this version, or install "
        "the version of synthgen it was made with",
    ),
    (
        no_card,
        "'F/card.json' cannot be read (No such file or directory); allowed: a folder that holds model.safetensors and "
        "card.json, as 'synthgen train' writes it",
    ),
    (
        card_without_keys,
        "'F/card.json' is no model card (kind, version, sha256 or architecture is missing); " + CARD_ENDING,
    ),
    (card_no_json, "'F/card.json' is no model card (JSONDecodeError); " + CARD_ENDING),
]


@pytest.mark.parametrize(("damage", "sentence"), REFUSED, ids=[row[0].__name__ for row in REFUSED])
def test_what_is_refused(damage: Callable[[Path], None], sentence: str, tmp_path: Path) -> None:
    import re

    folder = write(tmp_path / "F")
    assert read_weights(folder, kind="verifier", version=1).tensors["w"].dtype == np.float16
    damage(folder)
    with pytest.raises(AssetError) as caught:
        read_weights(folder, kind="verifier", version=1)
    text = str(caught.value).replace(str(tmp_path) + "/", "")
    assert re.sub(r"[0-9a-f]{16}\.\.\.", "SHA...", text) == sentence


def test_a_file_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write(tmp_path / "F")
    monkeypatch.setattr("synthgen.weights.MAX_BYTES", 10)
    size = (folder / CARD).stat().st_size
    with pytest.raises(AssetError) as caught:
        read_weights(folder, kind="verifier", version=1)
    assert str(caught.value) == (f"{str(folder / CARD)!r} has {size} bytes; allowed: at most 10; give a smaller model")


FITS = [
    (
        "missing",
        {"v": (1,)},
        "the weights in 'F' do not fit: v is missing; allowed: the shape [1]; the file belongs to another architecture",
    ),
    (
        "another shape",
        {"w": (3,)},
        "the weights in 'F' do not fit: w has the shape [2]; allowed: the shape [3]; the file belongs to another "
        "architecture",
    ),
    (
        "one too many",
        {},
        "the weights in 'F' do not fit: the network has no w; allowed: 0 tensors; the file belongs to another "
        "architecture",
    ),
    ("not finite", {"w": (2,)}, "the weights in 'F' do not fit: w holds nan or infinite numbers; train it again"),
]


@pytest.mark.parametrize(("intent", "shapes", "sentence"), FITS, ids=[row[0] for row in FITS])
def test_weights_that_do_not_fit(intent: str, shapes: dict[str, tuple[int, ...]], sentence: str) -> None:
    with pytest.raises(AssetError) as caught:
        check_fit(Weights({"w": np.array([1, np.nan], np.float32)}, {}, ""), shapes, "F")
    assert str(caught.value) == sentence


def test_the_card_names_the_hash_of_its_file(tmp_path: Path) -> None:
    folder = write(tmp_path / "F")
    found = read_weights(folder, kind="verifier", version=1)
    assert json.loads((folder / CARD).read_text())["sha256"] == found.sha256


def test_a_header_as_long_as_a_pickle_begins_is_none() -> None:
    begins = set()
    for letters in range(0, 256, 4):
        data = encode_safetensors(TENSORS, {"note": "x" * letters})
        begins.add(data[0])
        assert decode_safetensors(data, "w").keys() == TENSORS.keys()
    assert 0x80 in begins
