"""The benchmark: what it counts and says, and independent runs beside each other."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from synthgen.config.load import load_pipeline
from synthgen.errors import InternalError
from synthgen.run.bench import run_bench
from synthgen.run.side_by_side import together_per_s


def _quick(folder: Path, ready: Callable[[], object]) -> tuple[int, float]:
    """A run of 30 images in 2 s; the first folder's takes longer to warm up."""
    if folder.name == "run-0":
        time.sleep(0.3)
    folder.mkdir()
    ready()
    (folder / "started").write_text(str(time.time()))
    return 30, 2.0


def _fails(folder: Path, ready: Callable[[], object]) -> tuple[int, float]:
    sys.exit(7)


def test_independent_runs_start_together_and_their_rates_add_up(tmp_path: Path) -> None:
    assert together_per_s(_quick, tmp_path, 2) == 30.0
    started = [float((tmp_path / f"run-{k}/started").read_text()) for k in range(2)]
    ended_warm_up = min((tmp_path / f"run-{k}").stat().st_ctime for k in range(2))
    assert min(started) >= ended_warm_up, "nobody starts before the slowest has warmed up"


def test_a_failed_independent_run_ends_the_benchmark(tmp_path: Path) -> None:
    with pytest.raises(InternalError) as caught:
        together_per_s(_fails, tmp_path, 1)
    assert str(caught.value) == ("an independent run of the benchmark ended with exit code 7; its error stands above")


@pytest.mark.slow
def test_bench_counts_the_images_it_was_asked_for(tmp_path: Path) -> None:
    """Intent: the warm-up comes on top; conditions are said; every stage of the pipeline is measured alone."""
    loaded = load_pipeline("smoke", ["count=20", "labels.grasps={gripper: franka_hand}"])
    report = run_bench(loaded, workers=1, json_path=tmp_path / "bench.json", independent=True)
    lines, data = dict(report.lines), json.loads((tmp_path / "bench.json").read_text(encoding="utf-8"))
    assert data == report.json
    views = loaded.pipeline.camera.views_per_scene
    assert data["images"] == 20
    assert lines["pipeline"] == f"smoke: {data['objects_per_scene']} objects, {views} views per scene"
    assert lines["labels"].endswith("grasps")
    assert lines["counted"] == f"20 images in {data['shards']} shards, from the first draw to the last file"
    assert 0 < data["end_seconds"] < data["seconds"]
    assert data["images_per_s"] == pytest.approx(20 / data["seconds"])
    assert data["share_of_independent"] == pytest.approx(data["images_per_s"] / data["independent_images_per_s"])
    assert {"scene", "render", "label", "grasps", "validate", "write"} <= data["ms_per_image_by_stage"].keys()
