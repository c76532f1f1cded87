"""``synthgen bench``: ms per stage, images/s, images/s per core, peak memory; start-up excluded."""

from __future__ import annotations

import json
import os
import platform
import shutil
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from synthgen.config.load import LoadedPipeline
from synthgen.recipe import Shard
from synthgen.run import finish, local
from synthgen.run.beside import here
from synthgen.run.memory import MemoryWatch, growth_of, memory_json, memory_lines
from synthgen.run.plan import Plan, make_plan, scenes_per_shard
from synthgen.run.side_by_side import together_per_s
from synthgen.run.stages import stage_milliseconds
from synthgen.run.worker import ShardReport, settle_process


@dataclass(frozen=True)
class BenchReport:
    """``lines``: label and value pairs for the terminal; ``json``: the same as data."""

    lines: list[tuple[str, str]]
    json: dict[str, Any]


@dataclass(frozen=True, eq=False)
class _Timed:
    """One timed run: reports of the counted shards; seconds from the first draw to the last file, and of its parts."""

    reports: list[ShardReport]
    seconds: float
    end_s: float

    @property
    def images(self) -> int:
        return sum(report.receipt.images for report in self.reports)


def run_bench(
    loaded: LoadedPipeline,
    *,
    workers: int,
    json_path: Path | None,
    memory: bool = False,
    independent: bool = False,
) -> BenchReport:
    """Makes the pipeline's images into a temporary folder and times it.

    Two shards per worker are made first and do not count (imports, kernels, assets); nor do the models, which a run
    writes before its first shard. Then the clock runs from the first counted shard to the last file of the finished
    dataset: COCO, dataset.json and report included.

    Args:
        loaded: the pipeline; ``count`` images are counted.
        workers: processes.
        json_path: also write the numbers there.
        memory: also sample the resident memory of this process and the workers, and report how it grew.
        independent: then time as many independent one-worker runs at the same time, each with its share of the images.
    """
    watch = MemoryWatch() if memory else None
    folder = Path(tempfile.mkdtemp(prefix="synthgen-bench-"))
    try:
        plan = make_plan(_with_warm_up(loaded, loaded.pipeline.count, workers), folder=folder / "dataset")
        timed = _timed_run(plan, folder / "dataset", workers, watch)
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        together = together_per_s(partial(_independent_run, loaded, workers), folder, workers) if independent else None
        stages = stage_milliseconds(plan)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    report = _report(plan, timed, stages, workers, size, together)
    if watch is not None:
        lines = report.lines + memory_lines(growth_of(watch.samples))
        report = BenchReport(lines, {**report.json, "memory": memory_json(watch.samples)})
    if json_path is not None:
        json_path.write_text(json.dumps(report.json, indent=2) + "\n", encoding="utf-8")
    return report


def _independent_run(loaded: LoadedPipeline, runs: int, folder: Path, ready: Callable[[], object]) -> tuple[int, float]:
    """(images, seconds) of one of ``runs`` one-worker runs, which share the images between them."""
    settle_process()
    count = max(1, loaded.pipeline.count // runs)
    plan = make_plan(_with_warm_up(loaded, count, 1), folder=folder)
    timed = _timed_run(plan, folder, 1, ready=ready)
    return timed.images, timed.seconds


def _warm_up_shards(workers: int) -> int:
    """Twice as many as workers, so that each of them gets one at least."""
    return 2 * workers


def _with_warm_up(loaded: LoadedPipeline, images: int, workers: int) -> LoadedPipeline:
    """The pipeline with as many images more as the warm-up takes; its shards are as large as those of a small run."""
    pipeline = loaded.pipeline
    per_shard = scenes_per_shard(pipeline) * pipeline.camera.views_per_scene
    run = pipeline.run.model_copy(update={"shard_images": per_shard})
    count = images + _warm_up_shards(workers) * per_shard
    return replace(loaded, pipeline=pipeline.model_copy(update={"count": count, "run": run}))


def _timed_run(
    plan: Plan,
    folder: Path,
    workers: int,
    watch: MemoryWatch | None = None,
    ready: Callable[[], object] = lambda: None,
) -> _Timed:
    """All shards; the first of them warm the processes up and are not counted. ``ready`` is called in between."""
    reports: list[ShardReport] = []
    receipts: dict[int, Any] = {}

    def done(report: ShardReport) -> None:
        reports.append(report)
        receipts[report.receipt.shard] = report.receipt
        if watch is not None:
            watch.images = sum(counted.receipt.slots for counted in reports)

    def failed(shard: Shard, reason: str) -> None:
        raise RuntimeError(f"shard {shard.number} failed: {reason}")

    with finish.opened(plan, folder, fresh=False) as _, ExitStack() as stack:
        begun = finish.begin(plan, folder)
        run: Any
        beside = here
        if workers == 1:

            def run(shards: Any) -> None:
                local.run_shards(plan.job, shards, done=done, failed=failed)
        else:
            from synthgen.run import cluster

            client = stack.enter_context(cluster.connect(scheduler=None, workers=workers, gpu=False))

            def run(shards: Any) -> None:
                cluster.run_shards(client, plan.job, shards, gpu=False, done=done, failed=failed)

            beside = cluster.beside(client)

        warm = _warm_up_shards(workers)
        run(plan.shard(number) for number in range(warm))
        reports.clear()
        ready()
        start = time.perf_counter()
        with nullcontext() if watch is None else watch.watching():
            run(plan.shard(number) for number in range(warm, plan.shard_count))
        shards_s = time.perf_counter() - start
        finish.complete(plan, folder, receipts, begun, beside)
        seconds = time.perf_counter() - start
    return _Timed(reports, seconds, seconds - shards_s)


def _report(
    plan: Plan, timed: _Timed, stages: dict[str, float], workers: int, size: int, together: float | None
) -> BenchReport:
    images, reports = timed.images, timed.reports
    rate = images / timed.seconds
    submits: dict[str, float] = defaultdict(float)
    for report in reports:
        for name, seconds in report.seconds.items():
            submits[name] += 1000 * seconds / images
    image, objects = plan.pipeline.image, plan.pipeline.scene.objects_per_scene
    annotations = sum(report.receipt.annotations for report in reports) / images
    peak_mb = max(report.peak_rss_bytes for report in reports) / 1e6
    busy = sum(report.wall_s for report in reports) / (workers * (timed.seconds - timed.end_s))
    data: dict[str, Any] = {
        "pipeline": plan.pipeline.name,
        "width": image.width,
        "height": image.height,
        "objects_per_scene": f"{objects.low:g}"
        if objects.low == objects.high
        else f"{objects.low:g} to {objects.high:g}",
        "views_per_scene": plan.pipeline.camera.views_per_scene,
        "labels": _labels(plan),
        "workers": workers,
        "cores": len(os.sched_getaffinity(0)),
        "cpu": cpu_name(),
        "images": images,
        "shards": len(reports),
        "annotations_per_image": annotations,
        "seconds": timed.seconds,
        "end_seconds": timed.end_s,
        "workers_busy_share": busy,
        "images_per_s": rate,
        "images_per_s_per_core": rate / workers,
        "ms_per_image_by_submit": dict(submits),
        "ms_per_image_by_stage": stages,
        "peak_rss_mb_per_worker": peak_mb,
        "median_shard_s": statistics.median(report.wall_s for report in reports),
        "mb_per_image": size / 1e6 / plan.pipeline.count,
    }
    if together is not None:
        data |= {"independent_images_per_s": together, "share_of_independent": rate / together}
    return BenchReport(_lines(data), data)


def _labels(plan: Plan) -> list[str]:
    """What is written per image, beside boxes, masks, amodal masks, poses and keypoints."""
    labels = plan.pipeline.labels
    extra = [("depth_sensor", labels.depth_sensor), ("grasps", labels.grasps)]
    return [*labels.outputs, *(name for name, config in extra if config is not None)]


def _lines(data: dict[str, Any]) -> list[tuple[str, str]]:
    stages, submits = data["ms_per_image_by_stage"], data["ms_per_image_by_submit"]
    workers, rate, together = data["workers"], data["images_per_s"], data.get("independent_images_per_s")
    pairs = []
    if together is not None:
        share = data["share_of_independent"]
        text = f"{together:.2f} images/s together; {workers} workers of one run reach {share:.0%} of it"
        pairs.append((f"{workers} independent runs", text))
    return [
        (
            "pipeline",
            f"{data['pipeline']}: {data['objects_per_scene']} objects, {data['views_per_scene']} views per scene",
        ),
        ("labels", ", ".join(["boxes, masks, poses", *data["labels"]])),
        ("counted", f"{data['images']} images in {data['shards']} shards, from the first draw to the last file"),
        ("size", f"{data['width']}x{data['height']}, {data['annotations_per_image']:.1f} labels each"),
        ("machine", f"{data['cpu']}, {workers} workers on {data['cores']} cores"),
        ("images/s", f"{rate:.2f}"),
        ("images/s per core", f"{rate / workers:.2f}"),
        *pairs,
        ("end of the run", f"{data['end_seconds']:.1f} s behind the last shard (COCO, dataset.json, report)"),
        ("workers busy", f"{data['workers_busy_share']:.0%} of the time before"),
        ("peak RSS per worker", f"{data['peak_rss_mb_per_worker']:.0f} MB"),
        ("disk per image", f"{1000 * data['mb_per_image']:.0f} KB"),
        *((f"{name}, in the run", f"{ms:.1f} ms/image (wall, all workers busy)") for name, ms in submits.items()),
        *((f"{name}, alone", f"{ms:.1f} ms/image (median)") for name, ms in stages.items()),
    ]


def cpu_name() -> str:
    """The processor's model name (Linux), or what platform knows."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
