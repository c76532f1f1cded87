"""Validation finds what is wrong, says it in a sentence, and never breaks on damaged data."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import small_dataset
from analytic_scene import Store, make_samples, make_scene
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synthgen import rle
from synthgen.errors import DatasetError, InternalError
from synthgen.types.annotations import Annotation
from synthgen.types.geometry import Intrinsics
from synthgen.types.records import Sample
from synthgen.types.scene import Scene
from synthgen.validate.checks import check_sample
from synthgen.validate.dataset import validate_dataset
from synthgen.validate.geometry import Placed, outside_box_m

REPORT_IT = ". This is a bug in synthgen: please report it with the pipeline file"
BARREL = (-0.25, 0.06, 0.001, -0.001, 0.0)


def sample_and_scene() -> tuple[Sample, Scene]:
    scene = make_scene(
        [("large", 0.0, 0.0, 0.07), ("small", -0.15, 0.05, 0.03), ("small", 0.03, 0.0, 0.2)], distractors=(3,)
    )
    return make_samples(scene)[0], scene


def changed(sample: Sample, **changes: object) -> Sample:
    """With these changes to the first annotation."""
    first = dataclasses.replace(sample.annotations[0], **changes)
    return dataclasses.replace(sample, annotations=(first, *sample.annotations[1:]))


# ------------------------------------------------------------------------------------------------------ one sample

POSITION = st.tuples(st.sampled_from(["small", "large"]), st.floats(-0.3, 0.3), st.floats(-0.2, 0.2), st.floats(0, 0.3))


@given(st.lists(POSITION, max_size=6), st.sampled_from([(), BARREL]))
@settings(max_examples=40, deadline=None)
def test_true_labels_pass(spheres: list[tuple[str, float, float, float]], lens: tuple[float, ...]) -> None:
    scene = make_scene(
        spheres, distractors=(1,), intrinsics=Intrinsics(96, 64, 90.0, 90.0, 48.0, 32.0, lens), cameras=2
    )
    for sample in make_samples(scene):
        check_sample(sample, Store(), scene, min_visible_px=8)


def _half(found: Annotation) -> rle.Rle:
    mask = rle.decode(found.segmentation)
    mask[: mask.shape[0] // 2] = False
    return rle.encode(mask)


def _turned(found: Annotation) -> np.ndarray:
    pose = found.camera_from_object.copy()
    pose[:3, 3] += [0.0, 0.0, 0.01]
    return pose


SAMPLE_ROWS: list[tuple[str, Callable[[Sample], Sample], str]] = [
    ("area", lambda s: changed(s, area=3), "image 1, instance 1: has area 3, the instance map {n} pixels"),
    (
        "another mask of the same size",
        lambda s: changed(s, segmentation=s.annotations[1].segmentation),
        "image 1, instance 1: has a mask that is not its pixels in the instance map",
    ),
    (
        "half a mask",
        lambda s: changed(s, segmentation=_half(s.annotations[0])),
        "image 1, instance 1: has a mask that is not its pixels in the instance map",
    ),
    (
        "a mask of another size",
        lambda s: changed(s, amodal_segmentation=rle.encode(np.ones((3, 4), bool))),
        "image 1, instance 1: has a mask of (3, 4) pixels, its image (64, 96)",
    ),
    (
        "box",
        lambda s: changed(s, bbox=(1.0, 2.0, 3.0, 4.0)),
        "image 1, instance 1: has box (1.0, 2.0, 3.0, 4.0), its mask {box}",
    ),
    (
        "amodal smaller than visible",
        lambda s: changed(s, amodal_segmentation=_half(s.annotations[0]), amodal_bbox=_bounds(_half(s.annotations[0]))),
        "image 1, instance 1: is visible outside its amodal mask",
    ),
    ("visibility", lambda s: changed(s, visibility=0.5), "image 1, instance 1: has visibility 0.5, not {share}"),
    ("truncation", lambda s: changed(s, truncation=1.5), "image 1, instance 1: has truncation 1.5"),
    ("pose", lambda s: changed(s, camera_from_object=_turned(s.annotations[0])), "has a pose 0.01 off its scene's"),
    ("model", lambda s: changed(s, model_id="0123"), "image 1, instance 1: names model 0123, its scene {model}"),
    ("extent", lambda s: changed(s, extent_m=(0.1, 0.1, 0.1)), "has an extent 0.04 m off its model's"),
    ("nan", lambda s: changed(s, keypoints=(float("nan"),) * 27), "has a number that is not finite"),
    (
        "a corner",
        lambda s: changed(s, corners_px=(s.annotations[0].corners_px[0] + 1, *s.annotations[0].corners_px[1:])),
        "image 1, instance 1: has a 3D box corner 1 px off its pose",
    ),
    (
        "depth of another surface",
        lambda s: dataclasses.replace(s, depth_m=s.depth_m + np.float32(0.2)),
        "mm outside its 3D box",
    ),
    (
        "no depth",
        lambda s: dataclasses.replace(s, depth_m=np.zeros_like(s.depth_m)),
        "image 1, instance 1: has a pixel without depth",
    ),
    (
        "depth not finite",
        lambda s: dataclasses.replace(s, depth_m=np.full_like(s.depth_m, np.nan)),
        "image 1: depth is not finite",
    ),
    (
        "sensor depth below zero",
        lambda s: dataclasses.replace(s, depth_sensor_m=-s.depth_m),
        "image 1: sensor depth is negative, not finite, or there where nothing is",
    ),
    (
        "sensor depth of another size",
        lambda s: dataclasses.replace(s, depth_sensor_m=s.depth_m[1:]),
        "image 1: sensor depth has shape (63, 96)",
    ),
    (
        "an object left out",
        lambda s: dataclasses.replace(s, annotations=s.annotations[1:]),
        "image 1: instance 1 has {n} visible pixels and no annotation",
    ),
    (
        "order",
        lambda s: dataclasses.replace(s, annotations=s.annotations[::-1]),
        "image 1: instance indices [2, 1] are not ascending",
    ),
    (
        "a labelled distractor",
        lambda s: dataclasses.replace(
            s, annotations=(*s.annotations, dataclasses.replace(s.annotations[0], instance_index=3))
        ),
        "image 1, instance 3: is labelled but is no object of that category",
    ),
    (
        "an index the scene does not have",
        lambda s: dataclasses.replace(s, instances=np.full_like(s.instances, 7)),
        "image 1: the instance map holds index 7, the scene 3 instances",
    ),
    (
        "sizes",
        lambda s: dataclasses.replace(s, image=np.zeros((3, 4, 3), np.uint8)),
        "image 1: an array has shape (3, 4, 3), its camera (64, 96)",
    ),
    (
        "an empty slot with labels",
        lambda s: dataclasses.replace(s, image=None, empty_reason="x"),
        "image 1: an empty slot has annotations",
    ),
    (
        "an empty slot without reason",
        lambda s: dataclasses.replace(s, image=None, annotations=()),
        "image 1: an empty slot does not say why",
    ),
]


def _bounds(mask: rle.Rle) -> tuple[float, float, float, float]:
    x, y, width, height = rle.bounds(mask)
    return float(x), float(y), float(width), float(height)


@pytest.mark.parametrize(("intent", "spoil", "sentence"), SAMPLE_ROWS, ids=[row[0] for row in SAMPLE_ROWS])
def test_wrong_labels_are_our_bug(intent: str, spoil: Callable[[Sample], Sample], sentence: str) -> None:
    sample, scene = sample_and_scene()
    check_sample(sample, Store(), scene, min_visible_px=8)
    first = sample.annotations[0]
    expected = sentence.format(
        n=first.area, box=rle.bounds(first.segmentation), share=first.visibility, model=first.model_id
    )
    with pytest.raises(InternalError) as caught:
        check_sample(spoil(sample), Store(), scene, min_visible_px=8)
    assert str(caught.value).endswith(expected + REPORT_IT), intent
    assert str(caught.value).startswith("image 1")


def test_a_box_that_does_not_hold_the_silhouette_is_found() -> None:
    """Intent: a model smaller than what was rendered (pose, extent and corners agree with it, pixels do not)."""
    sample, scene = sample_and_scene()

    class Shrunk(Store):
        def model(self, source):  # type: ignore[no-untyped-def]
            model = super().model(source)
            return dataclasses.replace(model, bounds_m=model.bounds_m * 0.5)

    from analytic_scene import render

    from synthgen.label.annotate import annotate

    shrunk = dataclasses.replace(sample, annotations=annotate(render(scene), Shrunk(), min_visible_px=8)[0])
    with pytest.raises(InternalError, match=r"has amodal box .* outside its projected 3D box"):
        check_sample(shrunk, Shrunk(), scene)


def test_depth_outside_a_box_is_measured() -> None:
    """Intent: a wall 30 mm behind a box of 20 mm depth lies 20 mm outside it, less the tolerance."""
    lens = Intrinsics(20, 20, 100.0, 100.0, 10.0, 10.0)
    mask = np.zeros((20, 20), bool)
    mask[9:11, 9:11] = True
    pose = np.eye(4)
    pose[2, 3] = 1.0
    bounds = np.array([[[-0.1, -0.1, -0.01], [0.1, 0.1, 0.01]]])
    placed = Placed(rle.read_runs([rle.encode(mask)]), pose[None], bounds)
    none = Placed(rle.read_runs([]), np.zeros((0, 4, 4)), np.zeros((0, 2, 3)))
    depth = np.full((20, 20), 1.03, np.float32)
    assert outside_box_m(depth, lens, placed, depth_error_m=0.0) == pytest.approx([0.0195], abs=1e-6)
    assert outside_box_m(depth - np.float32(0.025), lens, placed, depth_error_m=0.0)[0] < 0
    assert outside_box_m(depth * 0, lens, placed, depth_error_m=0.0) == [np.inf]
    assert outside_box_m(depth, lens, none, depth_error_m=0.0).size == 0


# -------------------------------------------------------------------------------------------------- a whole dataset


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_dataset.build(tmp_path_factory.mktemp("validate") / "set")


@pytest.fixture
def dataset(built: Path, tmp_path: Path) -> Path:
    """A copy that may be damaged."""
    return Path(shutil.copytree(built, tmp_path / "set"))


def test_a_good_dataset_is_ok(dataset: Path) -> None:
    (dataset / "README.md").write_text("the user's own notes beside the data are nobody's business")
    (dataset / "logs").mkdir()
    report = validate_dataset(dataset)
    assert report.problems == () and report.ok and report.complete
    assert report.counts == {"shards": 2, "slots": 12, "images": 11, "empty": 1, "annotations": 33, "problems": 0}


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def _swap(a: Path, b: Path) -> None:
    data = a.read_bytes()
    a.write_bytes(b.read_bytes())
    b.write_bytes(data)


HASH = "was changed or damaged: it has another sha256 than the dataset says"
DAMAGE: list[tuple[str, Callable[[Path], object], list[tuple[str, str]]]] = [
    (
        "missing image",
        lambda d: (d / "images/00000/000000002.jpg").unlink(),
        [("images/00000/000000002.jpg", "is missing")],
    ),
    (
        "cut image",
        lambda d: _cut(d / "images/00001/000000008.jpg"),
        [
            (
                "images/00001/000000008.jpg",
                "was changed or damaged: its N bytes have another sha256 than the manifest says",
            )
        ],
    ),
    (
        "swapped depth maps",
        lambda d: _swap(d / "depth/00000/000000001.png", d / "depth/00000/000000002.png"),
        [
            (
                f"depth/00000/00000000{i}.png",
                "was changed or damaged: its N bytes have another sha256 than the manifest says",
            )
            for i in (1, 2)
        ],
    ),
    (
        "empty instance map",
        lambda d: (d / "instances/00000/000000003.png").write_bytes(b""),
        [
            (
                "instances/00000/000000003.png",
                "was changed or damaged: its N bytes have another sha256 than the manifest says",
            )
        ],
    ),
    (
        "truncated receipt",
        lambda d: _cut(d / "receipts/00001.json"),
        [
            ("receipts/00001.json", "is not whole JSON (N bytes); shard 1 is made again"),
            ("receipts", "1 of 2 shards have no whole receipt: 1"),
        ],
    ),
    (
        "missing receipt",
        lambda d: (d / "receipts/00001.json").unlink(),
        [
            ("receipts", "1 of 2 shards have no whole receipt: 1"),
            ("images/00001", "is foreign: no receipt accounts for it"),
            ("depth/00001", "is foreign: no receipt accounts for it"),
            ("instances/00001", "is foreign: no receipt accounts for it"),
            ("manifest/images/part-00001.parquet", "is foreign: no receipt accounts for it"),
            ("manifest/instances/part-00001.parquet", "is foreign: no receipt accounts for it"),
        ],
    ),
    (
        "an edited receipt",
        lambda d: _edit(d / "receipts/00000.json", '"images": 5', '"images": 4'),
        [
            ("dataset.json", "was written for other receipts: their sha256 differs"),
            ("receipts/00000.json", "counts other slots, images or annotations than its manifest"),
        ],
    ),
    (
        "corrupt part",
        lambda d: _cut(d / "manifest/instances/part-00000.parquet"),
        [("manifest/instances/part-00000.parquet", HASH)],
    ),
    (
        "broken dataset.json",
        lambda d: _cut(d / "dataset.json"),
        [("dataset.json", "cannot be read")],
    ),
    (
        "a garbled dataset.json",
        lambda d: _edit(d / "dataset.json", '"classes": [', '"classes": [7, '),
        [("dataset.json", "lacks or garbles 'int' object is not subscriptable")],
    ),
    (
        "a changed number in COCO",
        lambda d: _edit(d / "annotations/instances_val.json", '"iscrowd":0', '"iscrowd":1'),
        [
            ("annotations/instances_val.json", HASH),
            ("annotations/instances_val.json", "differs from the manifest at annotation 262145 (byte N)"),
        ],
    ),
    (
        "a cut COCO file",
        lambda d: (d / "annotations/instances_test.json").write_bytes(
            (d / "annotations/instances_test.json").read_bytes()[:-2]
        ),
        [
            ("annotations/instances_test.json", HASH),
            ("annotations/instances_test.json", "ends before the end of the file (byte N)"),
        ],
    ),
    (
        "a COCO file gone",
        lambda d: (d / "annotations/instances_train.json").unlink(),
        [("annotations/instances_train.json", "is missing"), ("annotations/instances_train.json", "is missing")],
    ),
    (
        "corrupt models table",
        lambda d: (d / "models/models.parquet").write_bytes(b"PAR1 nonsense PAR1"),
        [("models/models.parquet", HASH), ("models/models.parquet", "cannot be read as Parquet")],
    ),
    (
        "a model gone",
        lambda d: next((d / "models").glob("*.ply")).unlink(),
        [("models/", "is missing")],
    ),
    (
        "foreign files",
        lambda d: [
            (d / name).write_text("x")
            for name in ("images/00000/x.jpg", "annotations/mine.json", "models/mine.ply", "receipts/note.txt")
        ],
        [
            ("images/00000/x.jpg", "is foreign: no manifest lists it"),
            ("receipts/note.txt", "is foreign: no receipt accounts for it"),
            ("annotations/mine.json", "is foreign: no receipt accounts for it"),
            ("models/mine.ply", "is foreign: no receipt accounts for it"),
        ],
    ),
    ("a changed pipeline", lambda d: _edit(d / "pipeline.yaml", "seed: 0", "seed: 1"), [("pipeline.yaml", HASH)]),
]


@pytest.mark.parametrize(("intent", "damage", "expected"), DAMAGE, ids=[row[0] for row in DAMAGE])
def test_damage_is_named(
    intent: str, damage: Callable[[Path], object], expected: list[tuple[str, str]], dataset: Path
) -> None:
    damage(dataset)
    report = validate_dataset(dataset)
    assert not report.ok, intent
    found = [
        (p.file, re.sub(r"\d+ bytes", "N bytes", re.sub(r"byte \d+", "byte N", p.sentence))) for p in report.problems
    ]
    for (file, sentence), (wanted_file, wanted) in zip(found, expected, strict=False):
        assert file.startswith(wanted_file) and wanted in sentence, found
    if intent not in ("corrupt models table",):  # without it every annotation's model is unknown
        assert len(found) == len(expected), found


def test_an_incomplete_dataset_says_so(dataset: Path) -> None:
    """Intent: killed in shard 1: what is finished is checked, leftovers are no fault."""
    (dataset / "dataset.json").unlink()
    (dataset / "receipts/00001.json").unlink()
    (dataset / "images/00001/000000009.jpg").unlink()
    (dataset / "annotations/instances_train.json.tmp").write_text("half")
    report = validate_dataset(dataset)
    assert report.ok and not report.complete and report.counts["images"] == 5


def test_a_folder_that_is_no_dataset(tmp_path: Path) -> None:
    with pytest.raises(DatasetError) as caught:
        validate_dataset(tmp_path)
    assert str(caught.value) == (
        f"{str(tmp_path)!r} is not a synthgen dataset: it has neither dataset.json nor receipts/. "
        "Give the folder that 'synthgen run --out' wrote"
    )


def test_labels_that_do_not_fit_are_found(tmp_path: Path) -> None:
    """Intent: a dataset whose hashes all agree, but whose labels are wrong, as another program might write it."""
    from synthgen.write.shard import close_shard, write_sample

    sample, _ = sample_and_scene()
    first = sample.annotations[0]
    wrong = changed(
        sample,
        segmentation=_half(first),
        category_id=9,
        truncation=-1.0,
        camera_from_object=_turned(first),
        amodal_segmentation=dataclasses.replace(first.amodal_segmentation, counts="not a mask"),
    )
    second = dataclasses.replace(wrong.annotations[1], visibility=0.25, model_id="0" * 16)
    wrong = dataclasses.replace(wrong, annotations=(wrong.annotations[0], second))
    stored = [write_sample(tmp_path, wrong, small_dataset.PIPELINE, 0)]
    receipts = {0: close_shard(tmp_path, 0, stored, first_scene=0, scenes=1, fingerprint="x")}
    small_dataset.finish(tmp_path, receipts)
    sentences = [p.sentence for p in validate_dataset(tmp_path).problems]
    assert sentences == [
        "annotation 65537: 'not a mask' is not a COCO run-length mask of 96 x 64 pixels; its runs must be >= 0 and "
        "add up to width * height",
        "annotation 65538 names model 0000000000000000, which models.parquet does not list",
        "annotation 65538 has a visibility that is not area / amodal area",
    ]


@given(data=st.data())
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_damage_gives_a_traceback(data: st.DataObject, built: Path, tmp_path: Path) -> None:
    """Intent: any file cut, emptied or overwritten anywhere: problems, never an exception."""
    files = sorted(path for path in built.rglob("*") if path.is_file())
    assert len(files) > 40
    path = data.draw(st.sampled_from(files))
    original = path.read_bytes()
    try:
        at = data.draw(st.integers(0, len(original) - 1))
        junk = data.draw(st.sampled_from([b"", b"\x00", b"[]", b"\xff" * 64]))
        keep_tail = data.draw(st.booleans())
        path.write_bytes(original[:at] + junk + (original[at + len(junk) :] if keep_tail else b""))
        changed_it = path.read_bytes() != original
        report = validate_dataset(built)
        if path.name != "dataset.json":  # nothing vouches for the words in it
            assert report.ok != changed_it, (path, report.problems)
        json.dumps([dataclasses.asdict(p) for p in report.problems])
    finally:
        path.write_bytes(original)
