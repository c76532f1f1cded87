"""The clock: timing log of a run (logs/ is the only place in a dataset with a clock), and estimates."""

from __future__ import annotations

import contextlib
import json
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

from synthgen import recipe
from synthgen.recipe import Batch
from synthgen.run.breadcrumbs import Breadcrumb
from synthgen.run.plan import Plan
from synthgen.run.worker import ShardReport, settle_process
from synthgen.write.encode import encode_depth, encode_image, encode_instances

SHARDS_LOG = "shards.jsonl"
DIED = "died_at_scene"


@dataclass(frozen=True)
class TimingLog:
    """Appends one JSON line per shard to logs/shards.jsonl."""

    folder: Path

    def add(self, report: ShardReport) -> None:
        row = asdict(report)
        row["receipt"] = {key: row["receipt"][key] for key in ("shard", "images", "empty", "annotations")}
        self._append({"time": time.time(), **row})

    def failure(self, shard: int, reason: str) -> None:
        self._append({"time": time.time(), "failed_shard": shard, "reason": reason})

    def recycled(self, report: ShardReport, limit_bytes: int) -> None:
        """A worker process had grown above the limit and is replaced by a fresh one."""
        row = {"recycled_worker": report.worker, "rss_bytes": report.rss_bytes, "limit_bytes": limit_bytes}
        self._append({"time": time.time(), **row})

    def died(self, crumb: Breadcrumb) -> None:
        """A process of an earlier run died while it worked on this scene."""
        self._append({"time": time.time(), DIED: crumb.scene, **asdict(crumb)})

    def deaths(self) -> Counter[int]:
        """How often a process died at each scene, of all that this log knows."""
        found: Counter[int] = Counter()
        with contextlib.suppress(OSError), (self.folder / SHARDS_LOG).open(encoding="utf-8") as lines:
            for line in lines:
                if DIED in line:
                    with contextlib.suppress(ValueError, KeyError):
                        found[int(json.loads(line)[DIED])] += 1
        return found

    def _append(self, row: dict[str, object]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / SHARDS_LOG).open("a", encoding="utf-8") as handle:
            handle.write(json.dumps(row) + "\n")


def measure_image(plan: Plan) -> tuple[float, float]:
    """(seconds, bytes on disk) per image, measured on one scene in memory; the first scene warms the caches."""
    settle_process()
    job, pipeline = plan.job, plan.pipeline
    views = min(pipeline.camera.views_per_scene, 2)
    seconds, size = 0.0, 0.0
    for scene in (0, min(1, plan.scenes - 1)):
        start = time.perf_counter()
        prepared = recipe.prepare(job, Batch(scene, 0, views))
        samples = recipe.samples(job, recipe.draw(job, prepared))
        sizes = [
            len(encode_image(s.image, pipeline.image.format, pipeline.image.quality))
            + (len(encode_depth(s.depth_m)) if "depth" in pipeline.labels.outputs else 0)
            + (len(encode_depth(s.depth_sensor_m)) if s.depth_sensor_m is not None else 0)
            + (len(encode_instances(s.instances)) if "instances" in pipeline.labels.outputs else 0)
            + 1500 * len(s.annotations)  # manifest and COCO rows, measured on shipped pipelines
            for s in samples
            if s.image is not None and s.depth_m is not None and s.instances is not None
        ]
        seconds = (time.perf_counter() - start) / views
        size = max(size, sum(sizes) / max(len(sizes), 1))
        recipe.settled_scene.cache_clear()
    return seconds, size


def human_seconds(seconds: float) -> str:
    """'45 s', '12 min', '3.4 h'."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def human_bytes(size: float) -> str:
    """'850 KB', '1.2 GB' (powers of ten)."""
    for unit in ("B", "KB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit in ("B", "KB") else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
