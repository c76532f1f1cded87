"""Sentences that no other test brings about, each from a real cause, one row per intent."""

from __future__ import annotations

import errno
import struct
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import small_dataset

from synthgen.errors import (
    AssetError,
    ConfigError,
    DatasetError,
    EnvironmentFault,
    IncompleteError,
    SynthgenError,
    UserError,
)

BASE = "name: t\nscene:\n  objects:\n    - {family: mug}\n"
FORMS = (
    "allowed: a number, {uniform: [a, b]}, {uniform_int: [a, b]}, {normal: [mean, sd]}, {log_uniform: [a, b]} or "
    "{choice: [...], weights: [...]}"
)
Patch = pytest.MonkeyPatch
Trigger = Callable[[Path, Patch], object]


def load(text: str, *overrides: str) -> Trigger:
    def trigger(folder: Path, patch: Patch) -> None:
        from synthgen.config.load import load_pipeline

        (folder / "p.yaml").write_text(text, encoding="utf-8")
        load_pipeline("p.yaml", overrides)

    return trigger


def coco_classes(content: str | None) -> Trigger:
    def trigger(folder: Path, patch: Patch) -> None:
        from synthgen.config.classes import read_coco_categories

        if content is not None:
            (folder / "coco.json").write_text(content)
        read_coco_categories(folder / "coco.json")

    return trigger


def refuse_reading(patch: Patch) -> None:
    def refuse(path: Path) -> bytes:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    patch.setattr(Path, "read_bytes", refuse)


def coco_file_that_may_not_be_read(folder: Path, patch: Patch) -> None:
    from synthgen.config.classes import read_coco_categories

    refuse_reading(patch)
    read_coco_categories(folder / "coco.json")


def photograph_that_may_not_be_read(folder: Path, patch: Patch) -> None:
    from synthgen.run.calibrate import calibrate

    (folder / "a.png").write_bytes(b"")
    refuse_reading(patch)
    calibrate([str(folder)], preset="generic", out=None)


def calibration_into_a_file(folder: Path, patch: Patch) -> None:
    import cv2

    from synthgen.run.calibrate import calibrate

    image = np.random.default_rng(0).integers(0, 255, (96, 128, 3), np.uint8)
    cv2.imwrite(str(folder / "a.png"), image)
    (folder / "file").touch()
    calibrate([str(folder / "a.png")], preset="generic", out=folder / "file" / "sense.yaml")


def asset_that_may_not_be_read(folder: Path, patch: Patch) -> None:
    from synthgen.run.catalog import _file

    refuse_reading(patch)
    _file(folder / "a.hdr")


def hdr_header(folder: Path, patch: Patch) -> None:
    from synthgen.assets.environments import load_environment

    (folder / "a.hdr").write_bytes(b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 5000 +X 10000\n")
    load_environment("file:0", str(folder / "a.hdr"))


def hdr_too_bright(folder: Path, patch: Patch) -> None:
    """Averaging 2 x 2 pixels of the largest value that the format holds overflows float32."""
    from synthgen.assets.environments import load_environment

    width, height = 2048, 1024
    pixels = struct.pack("4B", 255, 255, 255, 255) * width * height
    (folder / "a.hdr").write_bytes(f"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y {height} +X {width}\n".encode() + pixels)
    with np.errstate(all="ignore"):
        load_environment("file:0", str(folder / "a.hdr"))


def shell_without_completion(folder: Path, patch: Patch) -> None:
    from click import shell_completion

    from synthgen.cli import cli

    patch.setattr(shell_completion, "get_completion_class", lambda shell: None)
    cli.main(["completion", "fish"], prog_name="synthgen", standalone_mode=False)


def init_below_a_file(folder: Path, patch: Patch) -> None:
    from synthgen.config.template import copy_pipeline

    (folder / "file").touch()
    copy_pipeline("smoke", folder / "file" / "a.yaml")


def tree_that_is_a_list(folder: Path, patch: Patch) -> str:
    from synthgen.config.load import check_tree

    tree: Any = ["name"]
    return check_tree(tree)[1][0].sentence


def finding_without_words(folder: Path, patch: Patch) -> str:
    """pydantic may find what no table of ours knows."""
    from pydantic_core import ValidationError

    from synthgen.config.translate import faults_of

    error = ValidationError.from_exception_data("Pipeline", [{"type": "date_type", "loc": ("none",), "input": 3}])
    return faults_of(error, {"none": 3})[0].sentence


def pose_that_is_not_finite(folder: Path, patch: Patch) -> str | None:
    from synthgen.scene.camera_faults import _rigid_fault

    return _rigid_fault("camera.placement.world_from_camera[2]", [float("nan")] * 16)


def preset_like_no_other(folder: Path, patch: Patch) -> None:
    from synthgen.sense.presets import preset_named

    preset_named("qqq")


# ------------------------------------------------------------------------------------------- running and evaluating


def receipt_that_is_a_folder(folder: Path, patch: Patch) -> None:
    from synthgen.contract.receipts import read_receipts

    (folder / "receipts" / "00000.json").mkdir(parents=True)
    read_receipts(folder)


def dataset_json_cut(folder: Path, patch: Patch) -> None:
    from synthgen.contract.receipts import read_dataset

    (folder / "dataset.json").write_text('{"name": ')
    read_dataset(folder)


def dataset_json_of_a_report_cut(folder: Path, patch: Patch) -> None:
    from synthgen.report.reading import read_head

    (folder / "dataset.json").write_text('{"name": "x"}')
    read_head(folder)


def manifest_part_cut(folder: Path, patch: Patch) -> None:
    from synthgen.report.reading import image_rows

    path = folder / "manifest" / "images" / "part-00000.parquet"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"PAR1")
    image_rows(folder, 0)


def projection_of_a_cut_part(folder: Path, patch: Patch) -> None:
    from synthgen.write import coco

    def chunks(*arguments: object) -> None:
        raise pa.ArrowInvalid("it is cut")

    patch.setattr(coco, "coco_chunks", chunks)
    head: Any = None
    coco.write_coco(folder, {}, ["train"], head)


def no_graspable_scene(folder: Path, patch: Patch) -> None:
    from synthgen.evaluate import grasps
    from synthgen.evaluate.lift import LiftSetup

    patch.setattr(grasps.recipe, "prepare", lambda job, batch: SimpleNamespace(accepted=()))
    job: Any = SimpleNamespace(pipeline=small_dataset.PIPELINE)
    grasps.evaluate_grasps(job, grasps=1, setup=LiftSetup(), progress=lambda *counts: None)


def lift_report_below_a_file(folder: Path, patch: Patch) -> None:
    from synthgen.evaluate.grasps import GraspReport, write_report

    (folder / "file").touch()
    write_report(GraspReport([], {}), folder / "file" / "lift.json")


def writers_that_stay(folder: Path, patch: Patch) -> None:
    from synthgen.run import api

    patch.setattr(api, "make_plan", lambda loaded, folder: None)
    patch.setattr(api.finish, "opened", lambda plan, out, fresh: nullcontext({}))
    patch.setattr(api.finish, "is_complete", lambda *arguments: False)
    patch.setattr(api, "wait_for_writers", lambda out, seconds: False)
    loaded: Any = None
    api.run_pipeline(
        loaded, out=folder, workers=1, scheduler=None, device="cpu", fresh=False, progress=lambda progress: None
    )


def shards_that_fail(folder: Path, patch: Patch) -> None:
    from synthgen.run import api

    plan: Any = SimpleNamespace(shard_count=12)
    raise api._failed_shards(plan, {number: f"cause {number}" for number in range(7)})


class Client:
    """A Dask client that knows no workers."""

    def __init__(self, *arguments: object, **named: object) -> None: ...

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *error: object) -> None: ...

    def scheduler_info(self, n_workers: int) -> dict[str, Any]:
        return {"workers": {}}


def connecting(client: Callable[..., Any]) -> Trigger:
    def trigger(folder: Path, patch: Patch) -> None:
        from synthgen.run import cluster

        patch.setattr(cluster.distributed, "Client", client)
        with cluster._connect_running("tcp://h:1"):
            pass

    return trigger


def raising(error: Exception) -> Callable[..., Any]:
    def call(*arguments: object, **named: object) -> None:
        raise error

    return call


def no_gpu(folder: Path, patch: Patch) -> None:
    from synthgen.run.cluster import _require_gpu

    client: Any = Client()
    _require_gpu(client, "tcp://h:1")


def out_below_a_file(folder: Path, patch: Patch) -> None:
    from synthgen.run.finish import opened

    (folder / "file").touch()
    plan: Any = None
    with opened(plan, folder / "file" / "out", fresh=False):
        pass


def differing(stored: str, **given: object) -> Trigger:
    def trigger(folder: Path, patch: Patch) -> str:
        from synthgen.run.finish import _what_differs

        (folder / "pipeline.yaml").write_text(stored, encoding="latin-1")
        plan: Any = SimpleNamespace(loaded=SimpleNamespace(as_given=given))
        return _what_differs(plan, folder)

    return trigger


def channels_that_are_not_made(folder: Path, patch: Patch) -> None:
    from synthgen.run import plan

    generator: Any = SimpleNamespace(channels=frozenset({"smell", "depth_m"}))
    plan._check_channels(small_dataset.PIPELINE, generator)


def preview_of_nothing(folder: Path, patch: Patch) -> None:
    from synthgen.run import preview

    patch.setattr(preview, "make_plan", lambda loaded, folder: None)
    patch.setattr(preview, "_first_views", lambda plan, views: iter(()))
    loaded: Any = SimpleNamespace(path=Path("a.yaml"))
    preview.preview_pipeline(loaded, out=folder / "a.png", views=3)


def preview_of_an_empty_dataset(folder: Path, patch: Patch) -> None:
    from synthgen.run import preview

    patch.setattr(preview, "read_head", lambda folder: None)
    patch.setattr(preview, "shards", lambda folder: [])
    preview.preview_dataset(folder, out=folder / "a.png", views=3)


def preview_below_a_file(folder: Path, patch: Patch) -> None:
    from synthgen.run.preview import write_png

    (folder / "file").touch()
    write_png(folder / "file" / "a.png", np.zeros((2, 2, 3), np.uint8))


def replay_of_no_dataset(folder: Path, patch: Patch) -> None:
    from synthgen.run.replay import replay_image

    replay_image(folder, 1, out=None)


def refused_by_the_system(number: int) -> Trigger:
    def trigger(folder: Path, patch: Patch) -> str:
        from synthgen.terminal import error_text

        code, text = error_text(OSError(number, "refused", "d/x"))
        assert code == 5
        return text

    return trigger


def refused_while_writing(number: int) -> Trigger:
    def trigger(folder: Path, patch: Patch) -> None:
        from synthgen.write.files import writing

        with writing(Path("d/x")):
            raise OSError(number, "refused")

    return trigger


# ---------------------------------------------------------------------------------------------- findings of validate


def findings_of(folder: Path) -> str:
    from synthgen.validate.dataset import validate_dataset

    return "\n".join(f"{problem.file}: {problem.sentence}" for problem in validate_dataset(folder).problems)


def coco_that_goes_on(folder: Path, patch: Patch) -> str:
    small_dataset.build(folder / "d")
    with (folder / "d" / "annotations" / "instances_val.json").open("ab") as file:
        file.write(b" ")
    return findings_of(folder / "d").splitlines()[-1]


def models_that_are_no_parquet(folder: Path, patch: Patch) -> str:
    small_dataset.build(folder / "d")
    (folder / "d" / "models" / "models.parquet").write_bytes(b"no parquet")
    return findings_of(folder / "d").splitlines()[-1].partition(" (")[0] + " (...)"


def models_of_other_columns(folder: Path, patch: Patch) -> str:
    small_dataset.build(folder / "d")
    pq.write_table(pa.table({"colour": [1]}), folder / "d" / "models" / "models.parquet")
    return findings_of(folder / "d").splitlines()[-1]


def labels_without_image(folder: Path, patch: Patch) -> str:
    from synthgen.contract import layout
    from synthgen.validate import dataset as checked
    from synthgen.validate.report import Findings

    small_dataset.build(folder / "d")
    part = layout.part_path("instances", 0)
    table = pq.read_table(folder / "d" / part)
    column = table.schema.get_field_index("image_id")
    moved = pa.array([999] * len(table), table.schema.field(column).type)
    pq.write_table(table.set_column(column, table.schema.field(column), moved), folder / "d" / part)
    patch.setattr(checked, "_check_hash", lambda *arguments: True)
    findings = Findings()
    checked._check_shard(folder / "d", checked.read_receipts(folder / "d").done[0], None, findings)
    return "\n".join(f"{problem.file}: {problem.sentence}" for problem in findings.problems)


def empty_slot_without_reason(folder: Path, patch: Patch) -> str:
    from synthgen.validate.images import check_image
    from synthgen.validate.report import Findings

    findings = Findings()
    check_image(folder, {"image_id": 7, "file_name": None, "empty_reason": ""}, [], None, findings)
    return findings.problems[0].sentence


def stored_image(content: bytes) -> Trigger:
    def trigger(folder: Path, patch: Patch) -> str:
        import hashlib

        from synthgen.validate.images import _SHA_COLUMN, _read
        from synthgen.validate.report import Findings

        (folder / "a.png").write_bytes(content)
        row = {"height": 2, "width": 3, _SHA_COLUMN["images"]: hashlib.sha256(content).hexdigest()}
        findings = Findings()
        assert _read(folder, "images", "a.png", row, findings) is None
        return findings.problems[0].sentence

    return trigger


def png_of(pixels: np.ndarray) -> bytes:
    import cv2

    return bytes(cv2.imencode(".png", pixels)[1].tobytes())


def depth_outside_its_box(folder: Path, patch: Patch) -> str:
    from synthgen import rle
    from synthgen.validate import images
    from synthgen.validate.report import Findings

    patch.setattr(images, "outside_box_m", lambda *arguments, **named: np.array([0.0125]))
    row = {"width": 3, "height": 2, "file_name": "a", "camera": {"K": [1.0] * 9, "distortion": []}}
    seen = images._Seen({"annotation_id": 65537}, rle.encode(np.ones((2, 3), bool)), np.eye(4), np.zeros((2, 3)))
    findings = Findings()
    images._check_depth(row, np.zeros((2, 3), np.uint16), [seen], findings)
    return findings.problems[0].sentence


def grasps(**changes: Any) -> Trigger:
    """The first fault of two grasps of which the second has these changes."""

    def trigger(folder: Path, patch: Patch) -> str:
        from synthgen.types.geometry import Camera, Intrinsics
        from synthgen.validate.grasps import grasp_fault

        sound = {
            "object_from_gripper": np.eye(4),
            "camera_from_gripper": np.eye(4) + 0.0,
            "score": 0.5,
            "min_friction": 0.5,
            "width_m": 0.05,
            "collision_free": False,
            "rect_px": None,
        }
        pose = changes.get("object_from_gripper")
        follows = {} if pose is None or "camera_from_gripper" in changes else {"camera_from_gripper": pose}
        found: Any = SimpleNamespace(
            camera_from_object=np.eye(4),
            grasps=(SimpleNamespace(**sound), SimpleNamespace(**{**sound, **follows, **changes})),
        )
        model: Any = SimpleNamespace(bounds_m=np.array([[-0.1] * 3, [0.1] * 3]))
        fault = grasp_fault([found], [model], Camera(Intrinsics(64, 48, 60.0, 60.0, 32.0, 24.0), np.eye(4)))
        assert fault is not None
        return fault[1]

    return trigger


def moved(z: float) -> np.ndarray:
    pose = np.eye(4)
    pose[2, 3] = z
    return pose


ROWS: list[tuple[str, Trigger, type[Exception] | None, str]] = [
    # the pipeline file
    ("weights beside a range", load(BASE + "camera: {fov_deg: {uniform: [40, 60], weights: [1, 2]}}\n"), ConfigError,
     "p.yaml:5: camera.fov_deg: {uniform: [40, 60]} has weights; allowed: weights only beside choice; try fov_deg: "
     "{uniform: [45, 65]}"),
    ("nested thousands deep", load(BASE + "image: " + "[" * 5000 + "]" * 5000), ConfigError,
     "p.yaml:1: blocks are nested more than 40 deep; flatten the file"),
    ("empty path", load(BASE + 'labels: {classes: ""}\n'), ConfigError,
     "p.yaml:5: labels.classes: is empty; give the path of a file, or remove the key"),
    ("entry of an empty list", load(BASE, "scene.fixtures=[]", "scene.fixtures[0].mesh=x"), ConfigError,
     "command line: scene.fixtures[0].mesh: 0 is not an entry of scene.fixtures, a list of 0; allowed: the whole list: "
     "--set scene.fixtures='[...]'"),
    ("empty class", load('name: t\nscene:\n  objects:\n    - {family: mug, class: " "}\n'), ConfigError,
     "p.yaml:4: scene.objects[0].class: is empty; give a name, e.g. class: mug, or remove the key"),
    ("no classes", load(BASE + "labels: {classes: []}\n"), ConfigError,
     "p.yaml:5: labels.classes: is an empty list; list the class names, or remove the key"),
    ("tree that is a list", tree_that_is_a_list, None,
     "the file is a list; allowed: a block of keys, e.g. name: grasping"),
    ("finding without words of ours", finding_without_words, None, "3 cannot be used; allowed: see synthgen schema"),
    ("pose that is not finite", pose_that_is_not_finite, None,
     "camera.placement.world_from_camera[2]: holds a number that is not finite; all 16 numbers must be"),
    ("preset like no other", preset_like_no_other, ConfigError,
     "sense.preset: 'qqq' is not known; allowed: none, generic, realsense_d435, realsense_d415, azure_kinect, "
     "industrial_5mp, webcam; use generic if unsure"),
    # files of the user
    ("classes from a file that may not be read", coco_file_that_may_not_be_read, AssetError,
     "DIR/coco.json cannot be read (Permission denied); check the path in labels.classes"),
    ("classes from a file that is no COCO", coco_classes("[]"), AssetError,
     "DIR/coco.json is not a COCO file: it needs a list 'categories' of {id, name}; or list the class names: labels: "
     "{classes: [mug, bottle]}"),
    ("classes with one id twice", coco_classes('{"categories": [{"id": 2, "name": "a"}, {"id": 2, "name": "b"}]}'),
     AssetError,
     "DIR/coco.json has 2 categories with ids [2, 2]; allowed: at least one, ids from 1, every id and name once; or "
     "list the class names in labels.classes"),
    ("photograph that may not be read", photograph_that_may_not_be_read, AssetError,
     "'DIR/a.png' cannot be read (Permission denied). Check its permissions"),
    ("environment that may not be read", asset_that_may_not_be_read, AssetError,
     "'DIR/a.hdr' cannot be read (Permission denied). Check its permissions"),
    ("environment that is too wide", hdr_header, AssetError,
     "DIR/a.hdr is 10000 pixels wide; allowed: up to 8192. Take the 1k or 2k version: it is averaged to 1024 anyway"),
    ("environment that is too bright", hdr_too_bright, AssetError,
     "DIR/a.hdr holds values that are not finite (NaN, infinity, or too bright to be averaged); allowed: radiance from "
     "0 to 1e30. Export it again"),
    # outputs
    ("init below a file", init_below_a_file, EnvironmentFault,
     "DIR/file/a.yaml cannot be written (File exists); give a folder you may write"),
    ("calibration below a file", calibration_into_a_file, EnvironmentFault,
     "'DIR/file/sense.yaml' cannot be written (File exists); give --out a file in a folder that you may write"),
    ("preview below a file", preview_below_a_file, EnvironmentFault,
     "'DIR/file/a.png' cannot be written (File exists); give --out a file in a folder that you may write"),
    ("lift report below a file", lift_report_below_a_file, EnvironmentFault,
     "'DIR/file/lift.json' cannot be written (File exists); give --json a file in a folder that you may write"),
    ("dataset below a file", out_below_a_file, DatasetError,
     "'DIR/file' is a file; --out needs a folder. Give another --out"),
    ("shell without completion", shell_without_completion, click.UsageError,
     "fish is not supported; allowed: bash, zsh, fish."),
    # runs
    ("receipt that is a folder", receipt_that_is_a_folder, EnvironmentFault,
     "cannot read the receipts in 'DIR': Is a directory. Make the folder readable for this user"),
    ("dataset.json cut", dataset_json_cut, DatasetError,
     "'DIR/dataset.json' cannot be read (Expecting value: line 1 column 10 (char 9)). Remove it and give the same "
     "command again: it is written anew"),
    ("dataset.json without a licence", dataset_json_of_a_report_cut, DatasetError,
     "'DIR/dataset.json' cannot be read (KeyError: 'licence'); allowed: the file that 'synthgen run' wrote. Remove it "
     "and give the same 'synthgen run' command again: it is rebuilt from the shards"),
    ("manifest part cut", manifest_part_cut, DatasetError,
     "'DIR/manifest/images/part-00000.parquet' cannot be read (Parquet file size is 4 bytes, smaller than the minimum "
     "file footer (8 bytes)); allowed: the manifest part that 'synthgen run' wrote. 'synthgen validate' lists "
     "everything that is damaged"),
    ("projection of a cut part", projection_of_a_cut_part, DatasetError,
     "a manifest part in 'DIR/manifest' cannot be read (it is cut). 'synthgen validate' names it; remove that shard's "
     "receipt and give the same command again"),
    ("no graspable scene", no_graspable_scene, IncompleteError,
     "none of 0 scenes has a visible object with a collision-free grasp; look at 'synthgen preview', or try another "
     "gripper (labels.grasps.gripper) or looser scenes"),
    ("writers of a killed run", writers_that_stay, EnvironmentFault,
     "workers of an earlier run still write into 'DIR'; wait until they have ended, or end them"),
    ("shards that fail", shards_that_fail, IncompleteError,
     "7 shards of 12 failed three times. The finished shards are kept: once the cause is gone, the same command makes "
     "the rest\n  1 x cause 0\n  1 x cause 1\n  1 x cause 2\n  1 x cause 3\n  1 x cause 4\n  and 2 other causes"),
    ("scheduler that is no address", connecting(raising(ValueError("no port"))), UserError,
     "--scheduler 'tcp://h:1' is not an address (no port); allowed: tcp://host:port, e.g. tcp://127.0.0.1:8786"),
    ("scheduler that does not answer", connecting(raising(TimeoutError())), EnvironmentFault,
     "--scheduler 'tcp://h:1' cannot be reached within 10 s (TimeoutError); allowed: the address of a running Dask "
     "scheduler such as tcp://host:8786. Start one with 'dask scheduler' and 'dask worker tcp://host:8786 --nthreads "
     "1', or leave --scheduler out"),
    ("scheduler without workers", connecting(Client), EnvironmentFault,
     "the scheduler 'tcp://h:1' has no workers; at least one is needed. Start some with 'dask worker tcp://h:1 "
     "--nthreads 1'"),
    ("no GPU", no_gpu, EnvironmentFault,
     "--device gpu: the scheduler 'tcp://h:1' has no worker with the Dask resource GPU. Start one with 'dask worker "
     "tcp://host:8786 --nthreads 1 --resources GPU=1' and give --scheduler, or leave --device out: the generator "
     "'shaded' needs no GPU"),
    ("other count", differing("count: 5\nseed: 1\n", count=9, seed=1), None,
     "Only count differs (5 there, 9 here). A finished set grows into a new folder: the same command with --out "
     "NEW_FOLDER; the first 5 images come out the same"),
    ("other settings", differing("seed: 1\nimage: {width: 64}\n", seed=2, image={"width": 96}), None,
     "What differs: image.width (64 there, 96 here), seed (1 there, 2 here)"),
    ("other assets", differing("seed: 1\n", seed=1), None,
     "The settings are the same: an asset's content, or a library's version, is not"),
    ("pipeline of a dataset cut", differing("seed: [1\n", seed=1), None, "Its pipeline.yaml cannot be read"),
    ("pipeline of a dataset in another encoding", differing("name: caf\xe9\n", seed=1), None,
     "Its pipeline.yaml cannot be read"),
    ("pipeline of a dataset that is a list", differing("- a\n", seed=1), None, "Its pipeline.yaml cannot be read"),
    ("channels that are not made", channels_that_are_not_made, ConfigError,
     "generate.kind: 'shaded' needs the channels ['smell'], which the renderer does not make; allowed: <channels>. Use "
     "weights made for this version"),
    ("preview of nothing", preview_of_nothing, IncompleteError,
     "none of the first 3 scenes of a.yaml gave an image; see 'synthgen check' for the cause"),
    ("preview of an empty dataset", preview_of_an_empty_dataset, DatasetError,
     "'DIR' holds no images (every slot stayed empty); there is nothing to show"),
    ("replay of no dataset", replay_of_no_dataset, DatasetError,
     "'DIR' is not a synthgen dataset: it has no pipeline.yaml. Give the folder that 'synthgen run' wrote"),
    # the machine
    ("quota", refused_by_the_system(errno.EDQUOT), None,
     "d/x: your disk quota is used up; free some space or give another --out, then run the same command again"),
    ("not permitted", refused_by_the_system(errno.EPERM), None,
     "d/x: not permitted; give a folder you may write, or fix its permissions"),
    ("read-only", refused_by_the_system(errno.EROFS), None, "d/x: the file system is read-only; give another --out"),
    ("too many files", refused_by_the_system(errno.EMFILE), None,
     "d/x: too many open files; raise the limit (ulimit -n) or use fewer --workers"),
    ("no memory", refused_by_the_system(errno.ENOMEM), None,
     "d/x: out of memory; use fewer --workers or smaller images"),
    ("file in the way", refused_by_the_system(errno.ENOTDIR), None,
     "d/x: a part of the path is a file, not a folder; give another path"),
    ("folder in the way", refused_by_the_system(errno.EISDIR), None, "d/x: it is a folder; give the name of a file"),
    ("quota while writing", refused_while_writing(errno.EDQUOT), EnvironmentFault,
     "cannot write 'd/x': your disk quota is used up. Nothing half-written counts; free some space, then give the same "
     "command again: it goes on"),
    ("not permitted while writing", refused_while_writing(errno.EPERM), EnvironmentFault,
     "cannot write 'd/x': operation not permitted. Nothing half-written counts; make the folder writable for this "
     "user, or give another --out"),
    ("broken disk", refused_while_writing(errno.EIO), EnvironmentFault,
     "cannot write 'd/x': the disk reports an input/output error. Nothing half-written counts; check the disk, then "
     "give the same command again"),
    ("file in the way of a dataset", refused_while_writing(errno.ENOTDIR), EnvironmentFault,
     "cannot write 'd/x': a part of the path is a file, not a folder. Nothing half-written counts; give another --out, "
     "or move that file away"),
    ("too many files while writing", refused_while_writing(errno.EMFILE), EnvironmentFault,
     "cannot write 'd/x': too many open files. Nothing half-written counts; raise the limit with 'ulimit -n 4096', "
     "then give the same command again"),
    # findings of validate
    ("COCO file that goes on", coco_that_goes_on, None, "annotations/instances_val.json: goes on behind its end"),
    ("models that are no Parquet", models_that_are_no_parquet, None,
     "models/models.parquet: cannot be read as Parquet (...)"),
    ("models of other columns", models_of_other_columns, None,
     "models/models.parquet: does not have the columns of the models table (schema version 1)"),
    ("labels without their image", labels_without_image, None,
     "manifest/instances/part-00000.parquet: labels images that its shard does not have: [999]"),
    ("empty slot without reason", empty_slot_without_reason, None,
     "image 7 is an empty slot, but has labels or no reason"),
    ("image that is none", stored_image(b"no image"), None, "cannot be decoded as an image"),
    ("image of another size", stored_image(png_of(np.zeros((4, 5, 3), np.uint8))), None,
     "holds uint8 (4, 5, 3); the manifest says uint8, 3x2 pixels"),
    ("depth outside its box", depth_outside_its_box, None, "annotation 65537 has depth 12.5 mm outside its 3D box"),
    ("colliding grasp first", grasps(collision_free=True), None, "has a colliding grasp before a collision-free one"),
    ("grasp beside its object", grasps(camera_from_gripper=moved(0.5)), None,
     "has a grasp whose camera pose is 0.5 off its object pose"),
    ("grasp that is scaled", grasps(object_from_gripper=np.diag([1.0, 1.0, 2.0, 1.0])), None,
     "has a grasp whose rotation is 3 off a rotation"),
    ("grasp far from its object", grasps(object_from_gripper=moved(0.4)), None,
     "has a grasp 0.3 m outside its 3D box"),
    ("rectangle beside its grasp",
     grasps(object_from_gripper=moved(0.1), rect_px=(35.0, 24.0, 9.0, 9.0, 10.0)), None,
     "has a grasp rectangle 3 px off its pose, at 10 degrees"),
]  # fmt: skip


@pytest.mark.parametrize(("intent", "trigger", "kind", "sentence"), ROWS, ids=[row[0] for row in ROWS])
def test_sentence(
    intent: str,
    trigger: Trigger,
    kind: type[Exception] | None,
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from synthgen.types.gbuffer import GBuffers

    monkeypatch.chdir(tmp_path)
    if kind is None:
        said = str(trigger(tmp_path, monkeypatch))
    else:
        with pytest.raises(kind) as caught:
            trigger(tmp_path, monkeypatch)
        assert type(caught.value) is kind
        said = caught.value.message if isinstance(caught.value, click.ClickException) else str(caught.value)
        assert isinstance(caught.value, SynthgenError | click.ClickException)
    said = said.replace(str(tmp_path), "DIR").replace(", ".join(GBuffers.__dataclass_fields__), "<channels>")
    assert said == sentence, intent


def test_rows_are_distinct() -> None:
    assert len({row[0] for row in ROWS}) == len(ROWS) == 70
