"""Preview and replay of datasets in which a file is damaged: a sentence of ours or a result, never another error.

``test_validate`` does the same for validate, ``test_write`` for receipts.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import small_dataset
from analytic_scene import make_samples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synthgen.contract import layout
from synthgen.errors import SynthgenError
from synthgen.evaluate.pictures import dataset_pictures
from synthgen.recipe import Batch
from synthgen.run import replay
from synthgen.run.preview import preview_dataset
from synthgen.types.records import Sample
from synthgen.validate.dataset import validate_dataset
from synthgen.validate.images import check_image
from synthgen.validate.report import Findings
from synthgen.write.clean import fresh

CONTENTS = [b"", b"[]", b"null", b"{}", b'"a"', b"[[]]", b'{"name": 3}', b"\xff\xfe", b"a: [1"]
RELAXED = {"deadline": None, "suppress_health_check": [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_dataset.build(tmp_path_factory.mktemp("damaged") / "d")


def told_or_done(work: Callable[[], object]) -> str:
    """What the user is told, or ""."""
    try:
        work()
    except SynthgenError as error:
        return str(error)
    return ""


def files_of(built: Path) -> list[Path]:
    files = sorted(path for path in built.rglob("*") if path.is_file())
    assert len(files) > 40
    return files


def damaged_preview(data: st.DataObject, built: Path, out: Path) -> None:
    path = data.draw(st.sampled_from(files_of(built)))
    original = path.read_bytes()
    at = data.draw(st.integers(0, len(original) - 1))
    junk = data.draw(st.sampled_from([b"", b"\0", b"[]", b"\xff" * 64, b"null", b"-1", b'"x"']))
    tail = original[at + len(junk) :] if data.draw(st.booleans()) else b""
    try:
        path.write_bytes(original[:at] + junk + tail)
        told_or_done(lambda: preview_dataset(built, out=out, views=2))
    finally:
        path.write_bytes(original)


@settings(max_examples=25, **RELAXED)
@given(data=st.data())
def test_a_preview_of_any_damage(data: st.DataObject, built: Path, tmp_path: Path) -> None:
    damaged_preview(data, built, tmp_path / "sheet.png")


@pytest.mark.slow
@settings(max_examples=400, **RELAXED)
@given(data=st.data())
def test_long_preview_of_any_damage(data: st.DataObject, built: Path, tmp_path: Path) -> None:
    damaged_preview(data, built, tmp_path / "sheet.png")


@pytest.mark.parametrize("content", CONTENTS)
@pytest.mark.parametrize("name", ["dataset.json", "pipeline.yaml", "receipts/00000.json", "models/models.parquet"])
def test_other_content(name: str, content: bytes, built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def remake(job: object, batch: Batch) -> list[Sample]:
        return make_samples(small_dataset.scene_of(batch.scene))[batch.first_view : batch.first_view + batch.views]

    # rendering is not what is tested here
    monkeypatch.setattr(replay.recipe, "prepare", lambda job, batch: batch)
    monkeypatch.setattr(replay.recipe, "draw", lambda job, batch: batch)
    monkeypatch.setattr(replay.recipe, "samples", remake)
    path = built / name
    original = path.read_bytes()
    try:
        path.write_bytes(content)
        told_or_done(lambda: preview_dataset(built, out=tmp_path / "sheet.png", views=1))
        said = told_or_done(lambda: replay.replay_image(built, 2, out=tmp_path / "again.jpg"))
    finally:
        path.write_bytes(original)
    if name == "pipeline.yaml":
        assert "pipeline.yaml" in said, said


NAMES = [
    ("a null byte", "\0" + "0001/000000001.jpg"),
    ("leads elsewhere", "../../precious.jpg"),
    ("absolute", "/etc/hosts"),
]


@pytest.mark.parametrize(("intent", "name"), NAMES, ids=[row[0] for row in NAMES])
def test_an_image_name_that_is_not_ours_is_never_opened_nor_removed(intent: str, name: str, tmp_path: Path) -> None:
    folder = small_dataset.build(tmp_path / "a" / "d")
    precious = tmp_path / "precious.jpg"
    precious.write_bytes(b"kept")
    part = folder / layout.part_path("images", 0)
    table = pq.read_table(part)
    names = [name, *table["file_name"].to_pylist()[1:]]
    place = table.schema.get_field_index("file_name")
    pq.write_table(table.set_column(place, table.schema.field(place), pa.array(names, pa.string())), part)
    said = f"it names an image {name!r}, which is not like 00000/000000001.jpg"
    for work in (
        lambda: preview_dataset(folder, out=tmp_path / "p.png", views=2),
        lambda: dataset_pictures(folder, 10),
    ):
        assert told_or_done(work) == (
            f"{str(part)!r} cannot be read ({said}); allowed: the manifest part that 'synthgen run' wrote. 'synthgen "
            "validate' lists everything that is damaged"
        )
    assert not validate_dataset(folder).ok
    findings = Findings()
    check_image(folder, {"image_id": 1, "file_name": name}, [], None, findings)
    assert [problem.sentence for problem in findings.problems] == [f"image 1: {said}"]
    fresh(folder)
    assert precious.read_bytes() == b"kept"
