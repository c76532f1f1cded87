"""Whole runs: contract, resume, replay, stream, on a tiny pipeline."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import synthgen
from synthgen.config.load import LoadedPipeline, load_pipeline
from synthgen.errors import DatasetError, EnvironmentFault, IncompleteError, UserError
from synthgen.report.reading import read_head
from synthgen.run.api import Progress, RunSummary, check_pipeline, run_pipeline
from synthgen.run.finish import report_head
from synthgen.run.plan import make_plan
from synthgen.run.preview import preview_pipeline
from synthgen.run.replay import replay_image
from synthgen.validate.dataset import validate_dataset

TINY = [
    "count=6",
    "image.format=jpeg",
    "image.width=96",
    "image.height=80",
    "camera.views_per_scene=2",
    "run.shard_images=2",
]


def tiny(*extra: str) -> LoadedPipeline:
    return load_pipeline("smoke", [*TINY, *extra])


def run(
    loaded: LoadedPipeline,
    out: Path,
    *,
    workers: int = 1,
    device: str = "cpu",
    scheduler: str | None = None,
    fresh: bool = False,
    progress: Callable[[Progress], None] = lambda _: None,
) -> RunSummary:
    return run_pipeline(
        loaded, out=out, workers=workers, scheduler=scheduler, device=device, fresh=fresh, progress=progress
    )


def digest(folder: Path) -> dict[str, str]:
    """sha256 of every file the byte promise covers (logs/ and report/ are not)."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.relative_to(folder).parts[0] not in ("logs", "report")
    }


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished tiny dataset, shared by the tests that only read it."""
    out = tmp_path_factory.mktemp("runs") / "tiny"
    run(tiny(), out)
    return out


def test_run_makes_a_dataset_that_validates(dataset: Path) -> None:
    report = validate_dataset(dataset)
    assert report.problems == ()
    facts = json.loads((dataset / "dataset.json").read_text())
    assert facts["schema_version"] == 1
    assert len(list((dataset / "images").rglob("*.jpg"))) == 6
    assert (dataset / "report" / "index.html").is_file()


def test_the_report_is_read_before_dataset_json_is_there_with_the_head_it_will_have(dataset: Path) -> None:
    assert report_head(make_plan(tiny(), folder=dataset)) == read_head(dataset)


WORKER_ENDS = [
    ("its result", lambda: 3, 3),
    ("our own error is the user's to read", EnvironmentFault("'/x' is full"), EnvironmentFault),
    ("a worker that died: done here", OSError("connection lost"), 7),
]


@pytest.mark.parametrize(("intent", "outcome", "expected"), WORKER_ENDS, ids=[row[0] for row in WORKER_ENDS])
def test_what_a_worker_is_given_at_the_end_is_done_there_or_here(
    intent: str, outcome: object, expected: object
) -> None:
    from synthgen.run import cluster

    class Future:
        def result(self) -> object:
            if isinstance(outcome, Exception):
                raise outcome
            return 3

    class Client:
        def submit(self, fn: object, *args: object, pure: bool, retries: int) -> Future:
            return Future()

    wait = cluster.beside(Client())(lambda x: x + 1, 6)
    if isinstance(expected, type):
        with pytest.raises(expected, match="'/x' is full"):
            wait()
    else:
        assert wait() == expected


def test_complete_dataset_and_same_command_changes_nothing(dataset: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in dataset.rglob("*") if "logs" not in path.parts}
    summary = run(tiny(), dataset)
    assert summary.already_complete
    assert summary.images == 6
    assert {path: path.stat().st_mtime_ns for path in dataset.rglob("*") if "logs" not in path.parts} == before


def test_another_pipeline_in_the_same_folder_is_refused(dataset: Path) -> None:
    before = digest(dataset)
    with pytest.raises(DatasetError, match=r"of another pipeline.*Only count differs \(6 there, 8 here\).*NEW_FOLDER"):
        run(tiny("count=8"), dataset)
    assert digest(dataset) == before


def test_progress_counts_slots_up_to_the_total(tmp_path: Path) -> None:
    seen: list[Progress] = []
    run(tiny("count=4"), tmp_path / "a", progress=seen.append)
    assert [p.images_done for p in seen] == [0, 2, 4]
    assert {p.images_total for p in seen} == {4}


def test_a_lost_receipt_or_image_shard_is_made_again_with_the_same_bytes(dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "again"
    run(tiny(), out)
    (out / "receipts" / "00001.json").write_text('{"shard": 1, "ima')
    summary = run(tiny(), out)
    assert not summary.already_complete
    assert digest(out) == digest(dataset)


def test_growing_gives_the_same_first_images(dataset: Path, tmp_path: Path) -> None:
    run(tiny("count=2"), tmp_path / "small")
    small = sorted((tmp_path / "small" / "images").rglob("*.jpg"))
    big = sorted((dataset / "images").rglob("*.jpg"))
    assert [path.read_bytes() for path in small] == [path.read_bytes() for path in big[: len(small)]]
    assert len(small) == 2


def test_fresh_deletes_only_what_the_receipts_list(dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "fresh"
    run(tiny("seed=5"), out)
    foreign = out / "images" / "notes.txt"
    foreign.write_text("mine")
    run(tiny(), out, fresh=True)
    assert foreign.read_text() == "mine"
    foreign.unlink()
    assert digest(out) == digest(dataset)


def test_replay_gives_the_stored_bytes(dataset: Path, tmp_path: Path) -> None:
    report = replay_image(dataset, 3, out=tmp_path / "r.jpg")
    assert report.identical, report.lines
    assert report.image.read_bytes() == (dataset / "images" / "00001" / "000000003.jpg").read_bytes()


@pytest.mark.parametrize("image_id", [0, 7])
def test_replay_of_an_image_that_does_not_exist(dataset: Path, image_id: int) -> None:
    with pytest.raises(DatasetError, match=rf"has no image {image_id}; allowed: 1 to 6"):
        replay_image(dataset, image_id, out=None)


def test_stream_yields_what_the_run_writes(dataset: Path) -> None:
    samples = list(synthgen.stream("smoke", overrides=TINY))
    assert [sample.image_id for sample in samples] == [1, 2, 3, 4, 5, 6]
    rows = json.loads((dataset / "annotations" / "instances_train.json").read_text())["annotations"]
    train = [sample for sample in samples if sample.split == "train"]
    assert sum(len(sample.annotations) for sample in train) == len(rows)
    assert all(sample.image is not None and sample.image.dtype == np.uint8 for sample in samples)


def test_preview_writes_only_the_sheet(tmp_path: Path) -> None:
    sheet = preview_pipeline(tiny(), out=tmp_path / "sheet.png", views=2)
    assert sheet.is_file()
    assert [path.name for path in tmp_path.iterdir()] == ["sheet.png"]


def test_check_writes_nothing_and_estimates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    labels = dict(check_pipeline(tiny(), workers=None).lines)
    assert labels["images"] == "6 at 96x80, jpeg"
    assert labels["scenes"] == "3 with 2 views each, in 3 shards"
    assert list(tmp_path.iterdir()) == []


def test_a_second_run_in_the_same_folder_is_refused(dataset: Path) -> None:
    from synthgen.write.lock import locked

    with locked(dataset), pytest.raises(DatasetError, match="is in use by another synthgen run"):
        run(tiny(), dataset)


def test_exhausted_slots_stay_empty_and_count_against_the_budget(tmp_path: Path) -> None:
    # Every object is far smaller than this many pixels, so that no view ever shows enough of one.
    impossible = ("labels.min_visible_px=4000", "count=2", "scene.objects_per_scene=1")
    out = tmp_path / "strict"
    with pytest.raises(IncompleteError) as caught:
        run(tiny(*impossible), out)
    assert str(caught.value) == (
        "2 of the 2 slots so far stayed empty; allowed of 2 by run.failure_budget 0.01: 0. What is made is kept: mend "
        "the cause and start anew, or go on with the same command and --set run.failure_budget=1\n"
        "  nothing_visible: 2 (100.0%), images 1, 2\n"
        "    try: bring the camera nearer (camera.placement.distance_m) or lower labels.min_visible_px\n"
        f"    again: synthgen replay {out} 1"
    )
    with pytest.raises(IncompleteError):  # every shard is there, and still the budget is exceeded
        run(tiny(*impossible), out)
    assert not (out / "dataset.json").exists()
    assert run(tiny(*impossible, "run.failure_budget=1.0"), out).images == 0  # as the sentence proposes
    summary = run(tiny(*impossible, "run.failure_budget=1.0"), tmp_path / "lenient")
    assert summary.images == 0
    assert summary.empty_reasons == {"nothing_visible": 2}
    assert validate_dataset(tmp_path / "lenient").problems == ()


def test_unreachable_scheduler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from synthgen.run import cluster

    monkeypatch.setattr(cluster, "CONNECT_TIMEOUT_S", 0.5)
    with pytest.raises(EnvironmentFault, match=r"--scheduler 'tcp://127.0.0.1:1' cannot be reached"):
        run(tiny(), tmp_path / "x", scheduler="tcp://127.0.0.1:1")


@pytest.mark.slow
@pytest.mark.parametrize("workers", [2, 3])
def test_same_bytes_for_any_number_of_workers(dataset: Path, tmp_path: Path, workers: int) -> None:
    run(tiny(), tmp_path / "many", workers=workers)
    assert digest(tmp_path / "many") == digest(dataset)


@pytest.mark.slow
def test_same_bytes_after_kill_9_at_any_moment(tmp_path: Path) -> None:
    settings = ["count=60", *TINY[1:]]
    run(load_pipeline("smoke", settings), tmp_path / "whole")
    out = tmp_path / "killed"
    command = [sys.executable, "-m", "synthgen.cli", "run", "smoke", "--out", str(out), "--workers", "2"]
    command += [word for setting in settings for word in ("--set", setting)]
    receipts = out / "receipts"
    for kill in range(6):
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        before = len(list(receipts.glob("*.json")))
        while kill > 0 and process.poll() is None and len(list(receipts.glob("*.json"))) <= before:
            time.sleep(0.01)  # the first kill comes while it starts, the others while it makes shards
        time.sleep(1.0 if kill == 0 else 0.07 * kill)
        assert process.poll() is None, "it was done before it could be killed"
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert 5 <= len(list(receipts.glob("*.json"))) < 30
    assert subprocess.run(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False).returncode == 0
    assert digest(out) == digest(tmp_path / "whole")


@pytest.mark.slow
@pytest.mark.parametrize("device", ["cpu", "gpu"])
def test_a_running_scheduler_can_be_used(dataset: Path, tmp_path: Path, device: str) -> None:
    import distributed

    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, dashboard_address="127.0.0.1:0", resources={"GPU": 1}
    ) as cluster:
        run(tiny(), tmp_path / "remote", scheduler=cluster.scheduler_address, device=device)
    assert digest(tmp_path / "remote") == digest(dataset)


def test_gpu_without_a_gpu_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch", reason='needs torch: pip install "synthgen[train]"')
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(
        EnvironmentFault, match="--device gpu: PyTorch finds no GPU here; allowed: a machine with a CUDA"
    ):
        run(tiny(), tmp_path / "x", device="gpu")


def test_a_scheduler_that_is_no_address(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"--scheduler 'foo' is not an address .*; allowed: tcp://host:port"):
        run(tiny(), tmp_path / "x", scheduler="foo")


@pytest.mark.parametrize(
    "file", ["dataset.json", "pipeline.yaml", "annotations/instances_train.json", "models/models.parquet"]
)
@pytest.mark.parametrize("damage", ["missing", "garbled"])
def test_the_same_command_mends_files_of_the_whole_dataset(
    dataset: Path, tmp_path: Path, file: str, damage: str
) -> None:
    out = tmp_path / "damaged"
    shutil.copytree(dataset, out)
    if damage == "missing":
        (out / file).unlink()
    else:
        (out / file).write_text("{")
    report = validate_dataset(out)
    assert not (report.ok and report.complete)
    assert damage == "missing" or "give the same 'synthgen run' command again" in report.remedy
    assert not run(tiny(), out).already_complete
    assert digest(out) == digest(dataset)


def test_an_interrupted_dataset_validates_as_incomplete(dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "interrupted"
    shutil.copytree(dataset, out)
    (out / "dataset.json").unlink()
    shutil.rmtree(out / "annotations")
    (out / "receipts" / "00002.json").unlink()
    report = validate_dataset(out)
    assert report.problems == ()
    assert not report.complete
    assert report.shards == 2
