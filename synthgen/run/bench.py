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
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from synthgen.config.load import LoadedPipeline
from synthgen.recipe import Shard
from synthgen.run import finish, local
from synthgen.run.memory import MemoryWatch, growth_of, memory_json, memory_lines
from synthgen.run.plan import Plan, make_plan, scenes_per_shard
from synthgen.run.stages import stage_milliseconds
from synthgen.run.worker import ShardReport


@dataclass(frozen=True)
class BenchReport:
    """``lines``: label and value pairs for the terminal; ``json``: the same as data."""

    lines: list[tuple[str, str]]
    json: dict[str, Any]


def run_bench(loaded: LoadedPipeline, *, workers: int, json_path: Path | None, memory: bool = False) -> BenchReport:
    """Makes the pipeline's images into a temporary folder and times it.

    Some shards more are made first and do not count (imports, kernels, assets). Then the clock runs from the first
    counted shard to the last file of the finished dataset: COCO, manifest, models and report included. ``memory``:
    also sample the resident memory of this process and the workers, and report how it grew.
    """
    watch = MemoryWatch() if memory else None
    folder = Path(tempfile.mkdtemp(prefix="synthgen-bench-"))
    try:
        plan = make_plan(_with_warm_up(loaded, workers), folder=folder / "dataset")
        reports, wall_s = _timed_run(plan, folder / "dataset", workers, watch)
        stages = stage_milliseconds(plan)
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    report = _report(plan, reports, wall_s, stages, workers, size)
    if watch is not None:
        lines = report.lines + memory_lines(growth_of(watch.samples))
        report = BenchReport(lines, {**report.json, "memory": memory_json(watch.samples)})
    if json_path is not None:
        json_path.write_text(json.dumps(report.json, indent=2) + "\n", encoding="utf-8")
    return report


def _warm_up_shards(workers: int) -> int:
    """Twice as many as workers, so that each of them gets one at least."""
    return 2 * workers


def _with_warm_up(loaded: LoadedPipeline, workers: int) -> LoadedPipeline:
    """The pipeline with as many images more as the warm-up takes; its shards are as large as those of a small run."""
    pipeline = loaded.pipeline
    per_shard = scenes_per_shard(pipeline) * pipeline.camera.views_per_scene
    run = pipeline.run.model_copy(update={"shard_images": per_shard})
    count = pipeline.count + _warm_up_shards(workers) * per_shard
    return replace(loaded, pipeline=pipeline.model_copy(update={"count": count, "run": run}))


def _timed_run(plan: Plan, folder: Path, workers: int, watch: MemoryWatch | None) -> tuple[list[ShardReport], float]:
    """All shards; the first ``workers`` of them warm the processes up and are taken out of the clock."""
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
        if workers == 1:

            def run(shards: Any) -> None:
                local.run_shards(plan.job, shards, done=done, failed=failed)
        else:
            from synthgen.run import cluster

            client = stack.enter_context(cluster.connect(scheduler=None, workers=workers, gpu=False))

            def run(shards: Any) -> None:
                cluster.run_shards(client, plan.job, shards, gpu=False, done=done, failed=failed)

        warm = _warm_up_shards(workers)
        run(plan.shard(number) for number in range(warm))
        reports.clear()
        start = time.perf_counter()
        with nullcontext() if watch is None else watch.watching():
            run(plan.shard(number) for number in range(warm, plan.shard_count))
        finish.complete(plan, folder, receipts, begun)
        wall_s = time.perf_counter() - start
    return reports, wall_s


def _report(
    plan: Plan, reports: list[ShardReport], wall_s: float, stages: dict[str, float], workers: int, size: int
) -> BenchReport:
    images = sum(report.receipt.images for report in reports)
    rate = images / wall_s
    submits: dict[str, float] = defaultdict(float)
    for report in reports:
        for name, seconds in report.seconds.items():
            submits[name] += 1000 * seconds / images
    image = plan.pipeline.image
    annotations = sum(report.receipt.annotations for report in reports) / images
    peak_mb = max(report.peak_rss_bytes for report in reports) / 1e6
    data: dict[str, Any] = {
        "pipeline": plan.pipeline.name,
        "width": image.width,
        "height": image.height,
        "views_per_scene": plan.pipeline.camera.views_per_scene,
        "workers": workers,
        "cores": len(os.sched_getaffinity(0)),
        "cpu": cpu_name(),
        "images": images,
        "annotations_per_image": annotations,
        "seconds": wall_s,
        "images_per_s": rate,
        "images_per_s_per_core": rate / workers,
        "ms_per_image_by_submit": dict(submits),
        "ms_per_image_by_stage": stages,
        "peak_rss_mb_per_worker": peak_mb,
        "median_shard_s": statistics.median(report.wall_s for report in reports),
        "mb_per_image": size / 1e6 / plan.pipeline.count,
    }
    lines = [
        ("images counted", f"{images} at {image.width}x{image.height}, {annotations:.1f} labels each"),
        ("machine", f"{data['cpu']}, {workers} workers on {data['cores']} cores"),
        ("images/s", f"{rate:.2f}"),
        ("images/s per core", f"{rate / workers:.2f}"),
        ("peak RSS per worker", f"{peak_mb:.0f} MB"),
        ("disk per image", f"{size / 1e3 / plan.pipeline.count:.0f} KB"),
        *((f"{name}, in the run", f"{value:.1f} ms/image (wall, all workers busy)") for name, value in submits.items()),
        *((f"{name}, alone", f"{value:.1f} ms/image (median)") for name, value in stages.items()),
    ]
    return BenchReport(lines, data)


def cpu_name() -> str:
    """The processor's model name (Linux), or what platform knows."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
