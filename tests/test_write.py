"""Writing: shards whole or not at all, COCO as other programs read it, locks, leftovers, --fresh, full disks."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import hashlib
import importlib.util
import io
import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest
import small_dataset
import trimesh
import yaml
from analytic_scene import CATEGORIES, Store, make_pipeline, make_samples, make_scene, specs, sphere_model
from hypothesis import given
from hypothesis import strategies as st
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from synthgen.config.models import Pipeline
from synthgen.contract import layout
from synthgen.errors import DatasetError, EnvironmentFault, InternalError
from synthgen.write import files as files_module
from synthgen.write.clean import clean_leftovers, fresh
from synthgen.write.coco import write_coco
from synthgen.write.dataset import coco_head, installed_versions
from synthgen.write.encode import depth_mm, encode_depth, encode_image, encode_instances
from synthgen.write.files import replace_file, write_file
from synthgen.write.lock import locked
from synthgen.write.models import ply_bytes, write_models
from synthgen.write.receipts import read_dataset, read_receipts, require_fingerprint
from synthgen.write.shard import close_shard, write_sample

SPLITS = ("train", "val", "test")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Read only."""
    return small_dataset.build(tmp_path_factory.mktemp("write") / "set")


def tree(folder: Path) -> dict[str, str]:
    """sha256 of every file but the logs."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "logs" not in path.parts
    }


# ------------------------------------------------------------------------------------------------------- encoding


def test_depth_is_rounded_millimetres() -> None:
    depth = np.array([[0.0, 0.0004, 0.0006, 1.2344], [1.2346, 65.535, 65.536, 1e9]], np.float32)
    assert depth_mm(depth).tolist() == [[0, 0, 1, 1234], [1235, 65535, 0, 0]]
    read = cv2.imdecode(np.frombuffer(encode_depth(depth), np.uint8), cv2.IMREAD_UNCHANGED)
    assert read.dtype == np.uint16 and np.array_equal(read, depth_mm(depth))


def test_maps_and_png_images_are_lossless() -> None:
    rng = np.random.default_rng(0)
    ids = rng.integers(0, 65536, (31, 47)).astype(np.uint16)
    assert np.array_equal(cv2.imdecode(np.frombuffer(encode_instances(ids), np.uint8), cv2.IMREAD_UNCHANGED), ids)
    rgb = rng.integers(0, 256, (31, 47, 3)).astype(np.uint8)
    read = cv2.imdecode(np.frombuffer(encode_image(rgb, "png", 95), np.uint8), cv2.IMREAD_COLOR)
    assert np.array_equal(read[..., ::-1], rgb), "RGB order in, RGB order out"


@pytest.mark.parametrize(("quality", "full_chroma"), [(95, True), (90, True), (89, False), (40, False)])
def test_jpeg_chroma_is_full_from_quality_90_on(quality: int, full_chroma: bool) -> None:
    rgb = np.zeros((64, 64, 3), np.uint8)
    rgb[:, ::2, 0] = 255
    data = encode_image(rgb, "jpeg", quality)
    assert data == encode_image(rgb.copy(order="F"), "jpeg", quality), "memory order does not matter"
    start = data.index(b"\xff\xc0")  # baseline frame header: component 1's sampling is its 12th byte
    assert (data[start + 11] == 0x11) == full_chroma


# -------------------------------------------------------------------------------------------- what others read


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools' own decode
def test_pycocotools_finds_ground_truth_perfect(dataset: Path) -> None:
    seen = 0
    for split in ("train", "val"):
        with contextlib.redirect_stdout(io.StringIO()):
            truth = COCO(dataset / f"annotations/instances_{split}.json")
            found = [
                {key: a[key] for key in ("image_id", "category_id", "bbox", "segmentation")} | {"score": 1.0}
                for a in truth.loadAnns(truth.getAnnIds())
            ]
            detections = truth.loadRes(found)
            for kind in ("segm", "bbox"):
                evaluation = COCOeval(truth, detections, kind)
                evaluation.evaluate()
                evaluation.accumulate()
                evaluation.summarize()
                assert evaluation.stats[0] == evaluation.stats[8] == 1.0, (split, kind)
        for annotation in truth.loadAnns(truth.getAnnIds()):
            image = truth.loadImgs(annotation["image_id"])[0]
            path = dataset / "instances" / image["file_name"].replace(".jpg", ".png")
            ids = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
            assert np.array_equal(truth.annToMask(annotation), ids == annotation["instance_index"])
            seen += 1
    assert seen == 33
    with contextlib.redirect_stdout(io.StringIO()):
        assert COCO(dataset / "annotations/instances_test.json").getCatIds() == [1, 2, 3]


def test_supervision_loads_it(dataset: Path) -> None:
    supervision = pytest.importorskip("supervision")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning)  # of supervision's own making
        found = supervision.DetectionDataset.from_coco(
            str(dataset / "images"), str(dataset / "annotations/instances_train.json"), force_masks=True
        )
    assert found.classes == ["ball", "globe", "never seen"] and len(found) == 9
    boxes = 0
    for _, image, detections in found:
        assert image.shape == (64, 96, 3)
        boxes += len(detections)
        for mask, box in zip(detections.mask, detections.xyxy, strict=True):
            rows, columns = np.nonzero(mask)
            assert box.tolist() == [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    assert boxes == 27


@pytest.mark.skipif(importlib.util.find_spec("datumaro") is None, reason="datumaro is not installed here")
def test_datumaro_loads_it(dataset: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import datumaro

        found = datumaro.Dataset.import_from(str(dataset), "coco_instances")
        items = list(found)
    assert len(items) == 11
    masks = [a for item in items for a in item.annotations if a.type == datumaro.AnnotationType.mask]
    assert len(masks) == 33


def test_coco_holds_what_the_manifest_holds(dataset: Path) -> None:
    rows = {
        row["annotation_id"]: row
        for shard in (0, 1)
        for row in pq.read_table(dataset / f"manifest/instances/part-0000{shard}.parquet").to_pylist()
    }
    met = 0
    for split in SPLITS:
        coco = json.loads((dataset / f"annotations/instances_{split}.json").read_bytes())
        assert coco["licenses"][0]["name"] == "CC0-1.0" and coco["info"]["description"] == "spheres on a plane"
        assert [c["name"] for c in coco["categories"]] == ["ball", "globe", "never seen"]
        sizes = {image["id"]: [image["height"], image["width"]] for image in coco["images"]}
        assert list(sizes) == sorted(sizes)
        for a in coco["annotations"]:
            row = rows[a["id"]]
            met += 1
            assert a["id"] == a["image_id"] * 65536 + a["instance_index"]
            assert a["segmentation"] == {"size": sizes[a["image_id"]], "counts": row["segmentation"]}
            assert a["amodal_segmentation"]["counts"] == row["amodal_segmentation"]
            assert np.allclose(a["pose"]["rotation"], row["rotation"], rtol=1e-8, atol=1e-12)
            assert np.allclose(a["bbox_3d"]["corners_px"], row["corners_px"], rtol=1e-6)
            assert np.allclose(a["keypoints"], row["keypoints"], rtol=1e-6)
            assert a["bbox"] == row["bbox"] and a["area"] == row["area"]
            assert a["num_keypoints"] == sum(v > 0 for v in a["keypoints"][2::3])
            assert abs(a["visibility"] - row["visibility"]) <= 5e-7
            assert "agreement" not in a and "grasps" not in a, "keys appear only when their step ran"
    assert met == len(rows) == 33


def test_memory_of_the_projection_does_not_grow(tmp_path: Path) -> None:
    """Intent: chunks are written as they come; one chunk is one record, whichever split is asked for beside it."""
    from synthgen.contract.coco import coco_chunks

    small_dataset.build(tmp_path)
    head = coco_head(small_dataset.PIPELINE, CATEGORIES, "0.1.0")
    chunks = list(coco_chunks(tmp_path, [0, 1], ["train"], head))
    assert max(len(chunk.data) for chunk in chunks) < 4000
    assert sum(chunk.name.startswith("image ") for chunk in chunks) == 9
    assert sum(chunk.name.startswith("annotation ") for chunk in chunks) == 27
    together = list(coco_chunks(tmp_path, [0, 1], ["val", "train", "test"], head))
    assert [chunk for chunk in together if chunk.split == "train"] == chunks


# ---------------------------------------------------------------------------------------- same bytes, order, resume


def test_order_and_interruption_do_not_change_a_byte(dataset: Path, tmp_path: Path) -> None:
    """Intent: shards made in another order, after a killed attempt and a truncated receipt, give the same tree."""
    small_dataset.write_shard(tmp_path, 1)
    small_dataset.write_shard(tmp_path, 0)
    receipt = tmp_path / "receipts/00001.json"
    receipt.write_bytes(receipt.read_bytes()[:100])
    (tmp_path / "receipts/00000.json").unlink()
    (tmp_path / "images/00000/000000001.jpg").write_bytes(b"half")
    cleaned = clean_leftovers(tmp_path)
    assert [damaged.sentence for damaged in cleaned.damaged] == [
        "receipts/00001.json: is not whole JSON (100 bytes); shard 1 is made again"
    ]
    assert tree(tmp_path) == {}
    small_dataset.build(tmp_path)
    assert tree(tmp_path) == tree(dataset)


def test_slots_may_come_in_any_order(tmp_path: Path) -> None:
    samples = make_samples(small_dataset.scene_of(0))
    for name, order in (("a", samples), ("b", samples[::-1])):
        stored = [write_sample(tmp_path / name, sample, small_dataset.PIPELINE, 0) for sample in order]
        close_shard(tmp_path / name, 0, stored, first_scene=0, scenes=1, fingerprint="x")
    assert tree(tmp_path / "a") == tree(tmp_path / "b")


def test_a_receipt_says_what_its_shard_holds(dataset: Path) -> None:
    receipts = read_receipts(dataset)
    assert receipts.damaged == () and list(receipts.done) == [0, 1]
    first = receipts.done[0]
    assert (first.slots, first.images, first.empty, first.annotations) == (6, 5, 1, 15)
    assert first.per_class == {1: 10, 2: 5}
    assert first.empty_reasons == {"nothing_visible": 1} and first.rejections == {"camera:nothing_visible": 2}
    for part, sha256 in first.sha256.items():
        assert hashlib.sha256((dataset / part).read_bytes()).hexdigest() == sha256
    assert (dataset / "receipts/00000.json").stat().st_size < 1200
    empty = pq.read_table(dataset / "manifest/images/part-00000.parquet").to_pylist()[5]
    assert (empty["image_id"], empty["file_name"], empty["camera"]) == (6, None, None)
    assert empty["rejected"][1] == {"stage": "camera", "attempt": 1, "reason": "nothing_visible"}


def test_a_leftover_is_only_what_is_named_like_ours(tmp_path: Path) -> None:
    small_dataset.write_shard(tmp_path, 0)
    small_dataset.write_shard(tmp_path, 1)
    (tmp_path / "receipts/00001.json").unlink()
    foreign = ["images/00001/notes.txt", "images/holiday/000000001.jpg", "manifest/images/mine.parquet", "README"]
    temporary = ["annotations/instances_train.json.tmp", "receipts/00001.json.tmp", "models/0123456789abcdef.ply.tmp"]
    for name in foreign + temporary:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    clean_leftovers(tmp_path)
    left = set(tree(tmp_path))
    assert set(foreign) <= left and not set(temporary) & left
    ours = left - set(foreign)
    assert len(ours) == 5 * 3 + 2 + 1 and all("00000" in name for name in ours)


def test_fresh_deletes_only_what_is_listed(tmp_path: Path) -> None:
    small_dataset.build(tmp_path)
    foreign = ["images/00000/000009999.jpg", "models/mine.ply", "notes.txt", "annotations/mine.json"]
    for name in foreign:
        (tmp_path / name).write_text("x")
    before = len(tree(tmp_path))
    assert fresh(tmp_path) == before - len(foreign) + 1
    # without its receipts a shard's folder is a leftover, and there a file named like ours is taken for ours
    assert set(tree(tmp_path)) == set(foreign) - {"images/00000/000009999.jpg"}
    assert fresh(tmp_path / "missing") == 0


def test_complete_files_are_left_alone(tmp_path: Path) -> None:
    folder = tmp_path
    models = [(spec, Store().model(spec.source)) for spec in specs()]
    first = write_models(folder, models)
    path = folder / f"models/{models[0][1].key}.ply"
    os.utime(path, (1, 1))
    assert write_models(folder, iter(models)) == first
    assert path.stat().st_mtime == 1


# -------------------------------------------------------------------------------------------------- clear errors


RECEIPT_ROWS = [
    (lambda text: text[:50], "is not whole JSON (50 bytes)"),
    (lambda text: "", "is not whole JSON (0 bytes)"),
    (lambda text: "[]", "lacks or garbles list indices must be integers or slices, not str"),
    (lambda text: text.replace('"images": 5', '"images": "5"'), "lacks or garbles 'images'"),
    (lambda text: text.replace('"fingerprint"', '"finger"'), "lacks or garbles 'fingerprint'"),
    (lambda text: text.replace('"shard": 0', '"shard": 3'), "says it is shard 3"),
    (
        lambda text: text.replace("part-00000", "part-00009"),
        "lists the parts ['manifest/images/part-00009.parquet', 'manifest/instances/part-00009.parquet'] instead of "
        "['manifest/images/part-00000.parquet', 'manifest/instances/part-00000.parquet']",
    ),
]


@pytest.mark.parametrize(("damage", "sentence"), RECEIPT_ROWS)
def test_damaged_receipts_do_not_count(damage: object, sentence: str, tmp_path: Path) -> None:
    small_dataset.write_shard(tmp_path, 0)
    path = tmp_path / "receipts/00000.json"
    path.write_text(damage(path.read_text()))  # type: ignore[operator]
    found = read_receipts(tmp_path)
    assert found.done == {}
    assert [d.sentence for d in found.damaged] == [f"receipts/00000.json: {sentence}; shard 0 is made again"]


def test_a_receipt_without_its_part_does_not_count(tmp_path: Path) -> None:
    small_dataset.write_shard(tmp_path, 0)
    (tmp_path / "manifest/images/part-00000.parquet").unlink()
    (damaged,) = read_receipts(tmp_path).damaged
    assert damaged.sentence == (
        "receipts/00000.json: its part manifest/images/part-00000.parquet is missing; shard 0 is made again"
    )


def test_another_pipelines_folder_is_refused(tmp_path: Path) -> None:
    small_dataset.write_shard(tmp_path, 0, fingerprint="a" * 64)
    require_fingerprint(tmp_path, read_receipts(tmp_path), "a" * 64)
    with pytest.raises(DatasetError) as caught:
        require_fingerprint(tmp_path, read_receipts(tmp_path), "b" * 64)
    assert str(caught.value) == (
        f"{str(tmp_path)!r} holds a dataset of another pipeline, seed, count, asset or synthgen version (fingerprint "
        f"{'a' * 16}, this run has {'b' * 16}). Give another --out, or --fresh to delete that dataset and start again"
    )


def test_a_changed_part_is_not_projected(tmp_path: Path) -> None:
    receipts = {0: small_dataset.write_shard(tmp_path, 0)}
    part = tmp_path / "manifest/instances/part-00000.parquet"
    part.write_bytes(part.read_bytes()[:-1])
    found = hashlib.sha256(part.read_bytes()).hexdigest()[:16]
    said = receipts[0].sha256["manifest/instances/part-00000.parquet"][:16]
    with pytest.raises(DatasetError) as caught:
        write_coco(tmp_path, receipts, SPLITS, coco_head(small_dataset.PIPELINE, CATEGORIES, "0"))
    assert str(caught.value) == (
        f"{str(part)!r} is not what its receipt says (sha256 {found}, receipt {said}). Remove receipts/00000.json and "
        "give the same command again: the shard is made anew"
    )
    assert not (tmp_path / "annotations").exists() or not any((tmp_path / "annotations").iterdir())


ERRNO_ROWS = [
    (
        errno.ENOSPC,
        "the disk is full. Nothing half-written counts; free some space, then give the same command again: "
        "it goes on where it stopped",
    ),
    (
        errno.EACCES,
        "permission denied. Nothing half-written counts; make the folder writable for this user, or give another --out",
    ),
    (
        errno.EROFS,
        "the file system is read-only. Nothing half-written counts; give an --out on a writable disk",
    ),
    (
        errno.ENAMETOOLONG,
        "File name too long. Nothing half-written counts; check the disk and the folder's permissions",
    ),
]


@pytest.mark.parametrize(("number", "sentence"), ERRNO_ROWS)
def test_disk_faults(number: int, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Intent: whichever file the disk refuses, the error is a sentence and no receipt appears."""
    stored = [write_sample(tmp_path, s, small_dataset.PIPELINE, 0) for s in make_samples(small_dataset.scene_of(0))]

    def refuse(path: Path, data: bytes) -> int:
        raise OSError(number, os.strerror(number), str(path))

    monkeypatch.setattr(Path, "write_bytes", refuse)
    path = tmp_path / "images/00000/000000001.jpg"
    with pytest.raises(EnvironmentFault) as caught:
        write_sample(tmp_path, make_samples(small_dataset.scene_of(0))[0], small_dataset.PIPELINE, 0)
    assert str(caught.value) == f"cannot write {str(path)!r}: {sentence}"
    with pytest.raises(EnvironmentFault):
        close_shard(tmp_path, 0, stored, first_scene=0, scenes=1, fingerprint="x")
    assert read_receipts(tmp_path).done == {}


def test_a_really_full_disk() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with pytest.raises(EnvironmentFault, match=r"^cannot write '/dev/full': the disk is full\. "):
        write_file(Path("/dev/full"), b"x")


def test_a_failed_sync_leaves_no_receipt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from synthgen.write import shard

    def fail(folder: Path) -> None:
        with files_module.writing(folder):
            raise OSError(errno.EIO, "x")

    monkeypatch.setattr(shard, "sync_all", fail)
    with pytest.raises(EnvironmentFault, match="the disk reports an input/output error"):
        small_dataset.write_shard(tmp_path, 0)
    assert read_receipts(tmp_path).done == {}


def test_replacing_keeps_the_old_file_on_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replace_file(tmp_path / "a", b"old")

    def fail(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "x")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(EnvironmentFault):
        replace_file(tmp_path / "a", b"new")
    assert tree(tmp_path) == {"a": hashlib.sha256(b"old").hexdigest()}


def test_a_file_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "images").write_text("a file")
    with pytest.raises(EnvironmentFault, match="a part of the path is a file, not a folder"):
        small_dataset.write_shard(tmp_path, 0)


def test_dataset_json_that_cannot_be_used(tmp_path: Path) -> None:
    assert read_dataset(tmp_path) is None
    path = tmp_path / "dataset.json"
    path.write_text('{"schema_version": 99}')
    with pytest.raises(DatasetError) as caught:
        read_dataset(tmp_path)
    assert str(caught.value) == (
        f"{str(path)!r} has schema version 99; this synthgen reads 1. Give another --out, or use the synthgen version "
        "that wrote it"
    )
    path.write_text("{")
    with pytest.raises(DatasetError, match=r"Remove it and give the same command again: it is written anew$"):
        read_dataset(tmp_path)


SAMPLE_ROWS = [
    (
        {"empty_reason": "x"},
        "image 1 must have either pixels or a reason for being empty; its reason is 'x'",
    ),
    (
        {"instances": None},
        "instances of image 1 has shape None; the pipeline's images are 64 rows x 96 columns",
    ),
    (
        {"depth_m": np.zeros((9, 9), np.float32)},
        "depth_m of image 1 has shape (9, 9); the pipeline's images are 64 rows x 96 columns",
    ),
]


@pytest.mark.parametrize(("changes", "sentence"), SAMPLE_ROWS)
def test_samples_that_cannot_be_written_are_our_bug(changes: dict[str, object], sentence: str, tmp_path: Path) -> None:
    sample = dataclasses.replace(make_samples(make_scene([("large", 0, 0, 0.07)]))[0], **changes)
    with pytest.raises(InternalError) as caught:
        write_sample(tmp_path, sample, small_dataset.PIPELINE, 0)
    assert str(caught.value) == sentence
    assert tree(tmp_path) == {}


def test_a_slot_twice_is_our_bug(tmp_path: Path) -> None:
    stored = [write_sample(tmp_path, s, small_dataset.PIPELINE, 0) for s in make_samples(small_dataset.scene_of(0))]
    with pytest.raises(InternalError, match=r"^shard 0 holds an image id twice: \[1\]$"):
        close_shard(tmp_path, 0, [*stored, stored[0]], first_scene=0, scenes=1, fingerprint="x")


def test_outputs_that_are_not_wanted_are_not_written(tmp_path: Path) -> None:
    pipeline = make_pipeline(
        labels={"min_visible_px": 8, "outputs": []}, image={"width": 96, "height": 64, "format": "png"}
    )
    stored = [write_sample(tmp_path, s, pipeline, 0) for s in make_samples(make_scene([("large", 0, 0, 0.07)]))]
    assert list(tree(tmp_path)) == ["images/00000/000000001.png"]
    assert stored[0].image["depth_sha256"] is None and stored[0].image["instances_sha256"] is None


# ---------------------------------------------------------------------------------------------------------- lock

HOLD = """
import sys
from pathlib import Path
from synthgen.write.lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_one_run_per_folder_and_a_kill_frees_it(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None and other.stdout.readline() == "held\n"
        with pytest.raises(DatasetError) as caught, locked(tmp_path):
            pass
        other.kill()
        other.wait()
    assert str(caught.value) == (
        f"{str(tmp_path)!r} is in use by another synthgen run; only one run may write a dataset at a time. "
        "Wait until it has ended, stop it, or give another --out"
    )
    with locked(tmp_path):
        pass
    with locked(tmp_path):
        pass


def test_somebody_elses_data_folder_is_refused(tmp_path: Path) -> None:
    """Intent: a run removes leftovers by name; it must never do so in a folder that it did not begin."""
    (tmp_path / "images/00000").mkdir(parents=True)
    (tmp_path / "images/00000/000000001.jpg").write_text("holiday")
    with pytest.raises(DatasetError) as caught, locked(tmp_path):
        pass
    assert str(caught.value) == (
        f"{str(tmp_path)!r} already has images/ that synthgen did not write; give an --out that does not exist yet, "
        "or an empty folder"
    )
    assert not (tmp_path / "logs").exists()


# ------------------------------------------------------------------------------------------------------ models etc.


def test_models_are_readable_meshes(dataset: Path) -> None:
    rows = pq.read_table(dataset / "models/models.parquet").to_pylist()
    assert [(row["name"], row["category_id"], row["class_name"]) for row in rows] == [
        ("small", 1, "ball"),
        ("large", 2, "globe"),
    ]
    for row in rows:
        mesh = trimesh.load(dataset / row["file"], process=False)
        model = sphere_model(row["name"])
        assert np.array_equal(mesh.vertices.astype(np.float32), model.mesh.vertices)
        assert np.array_equal(mesh.faces, model.mesh.faces)
        assert np.allclose(mesh.vertex_normals, model.mesh.normals, atol=1e-6)
        assert np.allclose(mesh.extents, row["extent_m"], atol=1e-6)
        assert hashlib.sha256((dataset / row["file"]).read_bytes()).hexdigest() == row["sha256"]
        assert len(row["symmetries_continuous"]) == 3 and row["symmetries_discrete"] == []


def test_ply_texture_coordinates_run_up() -> None:
    mesh = sphere_model("small").mesh
    data = ply_bytes(mesh)
    body = data[data.index(b"end_header\n") + len(b"end_header\n") :]
    vertices = np.frombuffer(body[: len(mesh.vertices) * 32], "<f4").reshape(-1, 8)
    assert np.array_equal(vertices[:, 6], mesh.uvs[:, 0]) and np.allclose(vertices[:, 7], 1 - mesh.uvs[:, 1])
    assert data == ply_bytes(mesh)


def test_pipeline_yaml_loads_again(dataset: Path) -> None:
    raw = yaml.safe_load((dataset / "pipeline.yaml").read_text(encoding="utf-8"))
    assert Pipeline.model_validate(raw) == small_dataset.PIPELINE


def test_dataset_json_counts(dataset: Path) -> None:
    body = read_dataset(dataset)
    assert body is not None
    assert body["counts"] == {"images": 11, "slots": 12, "empty": 1, "annotations": 33, "scenes": 4, "shards": 2}
    assert [entry["annotations"] for entry in body["classes"]] == [22, 11, 0]
    assert {split: entry["images"] for split, entry in body["splits"].items()} == {"train": 9, "val": 2, "test": 0}
    for file, sha256 in body["sha256"].items():
        assert hashlib.sha256((dataset / file).read_bytes()).hexdigest() == sha256
    assert len(body["sha256"]) == 3 + 2 + 1 + 1


def test_installed_versions() -> None:
    found = installed_versions("1.2.3")
    assert found["synthgen"] == "1.2.3" and found["numpy"] == np.__version__ and found["mujoco"]


@given(st.lists(st.binary(max_size=40), max_size=3))
def test_any_receipt_bytes_are_a_receipt_or_a_sentence(data: list[bytes]) -> None:
    from synthgen.contract.receipts import parse_receipt

    for one in data:
        assert isinstance(parse_receipt(one, 0, lambda part: True), str)


def test_what_is_seen_without_a_label_is_listed(dataset: Path) -> None:
    """Distractors and slivers stand in the instance maps: whoever trains on the maps must be able to ignore them."""
    rows = [row for part in sorted((dataset / "manifest/images").iterdir()) for row in pq.read_table(part).to_pylist()]
    labelled = {
        (row["image_id"], row["instance_index"])
        for part in sorted((dataset / "manifest/instances").iterdir())
        for row in pq.read_table(part).to_pylist()
    }
    seen = 0
    for row in rows:
        if row["file_name"] is None:
            assert row["unlabelled"] == []
            continue
        path = dataset / layout.pixel_path("instances", row["file_name"])
        indices = {int(index) for index in np.unique(cv2.imread(str(path), cv2.IMREAD_UNCHANGED))} - {0}
        assert row["unlabelled"] == sorted(i for i in indices if (row["image_id"], i) not in labelled)
        seen += len(row["unlabelled"])
    assert seen > 0
