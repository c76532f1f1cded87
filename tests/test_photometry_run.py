"""Whole runs with augment, a depth sensor and a camera preset: written, valid, replayed; labels the same as without."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest

import synthgen
from synthgen.augment.pictures import replay
from synthgen.config.load import load_pipeline
from synthgen.contract.receipts import read_dataset
from synthgen.run.api import run_pipeline
from synthgen.run.replay import replay_image
from synthgen.types.images import AppliedEffect
from synthgen.validate.dataset import validate_dataset
from synthgen.write.clean import fresh

OVERRIDES = [
    "count=4",
    "camera={preset: realsense_d435, views_per_scene: 2}",
    "labels.depth_sensor=stereo",
    "augment=[{blur: {p: 0.5}}, {noise: {p: 0.8}}, {dust: {p: 0.5}}]",
]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photometry") / "set"
    loaded = load_pipeline("smoke", OVERRIDES)
    run_pipeline(
        loaded, out=folder, workers=1, scheduler=None, device="cpu", fresh=False, progress=lambda progress: None
    )
    return folder


def image_rows(folder: Path) -> list[dict[str, object]]:
    return [row for part in sorted((folder / "manifest/images").iterdir()) for row in pq.read_table(part).to_pylist()]


def test_it_is_valid_and_says_what_it_holds(dataset: Path) -> None:
    report = validate_dataset(dataset)
    assert report.ok and report.complete, report.problems
    body = read_dataset(dataset)
    assert body is not None and body["outputs"] == ["depth", "instances", "depth_sensor"]
    assert len(list((dataset / "depth_sensor").rglob("*.png"))) == report.images == 4


def test_sensor_depth_is_millimetres_near_the_ideal(dataset: Path) -> None:
    seen = 0
    for path in sorted((dataset / "depth_sensor").rglob("*.png")):
        found = cv2.imread(str(path), cv2.IMREAD_UNCHANGED).astype(int)
        ideal = cv2.imread(str(dataset / "depth" / path.relative_to(dataset / "depth_sensor")), cv2.IMREAD_UNCHANGED)
        there = found > 0
        assert 0.3 < there.mean() < 1.0
        assert np.median(np.abs(found - ideal)[there]) < 12
        seen += 1
    assert seen == 4


def test_every_image_can_be_replayed(dataset: Path, tmp_path: Path) -> None:
    report = replay_image(dataset, 3, out=tmp_path / "again.png")
    assert report.identical
    assert any(name.startswith("depth_sensor/") and verdict == "identical" for name, verdict in report.lines)


def test_the_augmented_picture_follows_from_its_row_and_the_plain_picture(dataset: Path) -> None:
    plain = {s.image_id: s for s in synthgen.stream("smoke", overrides=[*OVERRIDES[:3], "augment=[]"])}
    done = 0
    for row in image_rows(dataset):
        effects = [
            AppliedEffect(e["name"], tuple((p["name"], p["value"]) for p in e["parameters"]), e["seed"])
            for e in row["augment"]  # type: ignore[attr-defined]
        ]
        sample = plain[int(row["image_id"])]  # type: ignore[call-overload]
        assert sample.image is not None and sample.augment is None
        stored = cv2.imread(str(dataset / "images" / str(row["file_name"])))[:, :, ::-1]
        assert (replay(sample.image, effects) == stored).all()
        done += len(effects)
    assert done > 0


def test_labels_do_not_depend_on_the_photometry(dataset: Path) -> None:
    plain = list(synthgen.stream("smoke", overrides=[*OVERRIDES[:2], "augment=[]"]))
    rich = list(synthgen.stream("smoke", overrides=OVERRIDES))
    assert len(plain) == len(rich) == 4
    for a, b in zip(plain, rich, strict=True):
        assert a.instances is not None and b.instances is not None and (a.instances == b.instances).all()
        assert [x.segmentation for x in a.annotations] == [x.segmentation for x in b.annotations]
        assert a.depth_sensor_m is None and b.depth_sensor_m is not None and b.depth_sensor_m.dtype == np.float32
        assert replace(b, depth_sensor_m=None).augment is not None


def test_fresh_deletes_the_sensor_depth_too(dataset: Path, tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(dataset, copy)
    fresh(copy)
    assert not (copy / "depth_sensor").exists()
