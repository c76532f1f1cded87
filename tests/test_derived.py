"""The cache on disk: a hit never changes a byte, damage only costs time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from synthgen.assets import derived
from synthgen.assets.families.build import build_family
from synthgen.assets.model_arrays import pack_model, unpack_model
from synthgen.types.catalog import FamilySource


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(derived, "cache_folder", lambda: tmp_path)
    return tmp_path


def made(calls: list[int]) -> derived.Arrays:
    calls.append(1)
    return {"a": np.arange(3), "b": np.eye(2, dtype=np.float32)}


def test_second_look_up_reads_what_the_first_made(folder: Path) -> None:
    calls: list[int] = []
    first = derived.derived("kind", "key", lambda: made(calls))
    second = derived.derived("kind", "key", lambda: made(calls))
    assert len(calls) == 1
    assert {name: (a.tobytes(), a.dtype) for name, a in first.items()} == {
        name: (a.tobytes(), a.dtype) for name, a in second.items()
    }


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04", b"not a zip at all"])
def test_a_damaged_entry_is_made_again(folder: Path, damage: bytes) -> None:
    calls: list[int] = []
    derived.derived("kind", "key", lambda: made(calls))
    (entry,) = folder.glob("*.npz")
    entry.write_bytes(damage)
    again = derived.derived("kind", "key", lambda: made(calls))
    assert len(calls) == 2
    assert again["a"].tolist() == [0, 1, 2]


def test_no_cache_folder_only_costs_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(derived, "cache_folder", lambda: None)
    assert derived.derived("kind", "key", lambda: made([]))["a"].tolist() == [0, 1, 2]


@pytest.mark.parametrize("family", ["block", "cylinder"])
def test_a_model_comes_back_to_the_last_bit(family: str) -> None:
    sizes = {
        "block": (("size_x", 0.1), ("size_y", 0.05), ("size_z", 0.03)),
        "cylinder": (("diameter", 0.05), ("height", 0.1)),
    }
    model = build_family(FamilySource(family, sizes[family]))
    again = unpack_model(pack_model(model))
    assert again.mesh.vertices.tobytes() == model.mesh.vertices.tobytes()
    assert again.light_mesh.faces.tobytes() == model.light_mesh.faces.tobytes()
    assert [part.tobytes() for part in again.parts] == [part.tobytes() for part in model.parts]
    assert (again.slots, again.diameter_m, again.volume_m3, again.watertight, again.key) == (
        model.slots,
        model.diameter_m,
        model.volume_m3,
        model.watertight,
        model.key,
    )
