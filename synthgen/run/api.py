"""What the command line calls: run and check a pipeline."""

from __future__ import annotations

import os
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from synthgen import kernels
from synthgen.config.load import LoadedPipeline
from synthgen.errors import EnvironmentFault, IncompleteError
from synthgen.recipe import Shard
from synthgen.run import finish, local, timing
from synthgen.run.plan import Plan, make_plan
from synthgen.run.worker import ShardReport, wait_for_writers
from synthgen.types.records import Receipt

# Starting worker processes costs some seconds: below this many images one process is quicker.
CLUSTER_FROM_IMAGES = 60
FIRST_RUN = "first run of this version: kernels are compiled and textures drawn, a minute or two, once"


@dataclass(frozen=True)
class Progress:
    """How far a run is. ``images_done`` counts slots, empty ones included; ``resumed_images`` were there before.

    ``note``: what the user should know about this stretch, "" for nothing.
    """

    images_done: int
    images_total: int
    shards_done: int
    shards_total: int
    elapsed_s: float
    resumed_images: int
    note: str = ""


@dataclass(frozen=True)
class RunSummary:
    """The short table at the end of a run."""

    folder: Path
    already_complete: bool
    images: int
    slots: int
    annotations: int
    per_class: dict[str, int]
    empty_reasons: dict[str, int]
    elapsed_s: float
    images_per_s: float


@dataclass(frozen=True)
class CheckReport:
    """What ``synthgen check`` prints: label and value pairs."""

    lines: list[tuple[str, str]] = field(default_factory=list)


def run_pipeline(
    loaded: LoadedPipeline,
    *,
    out: Path,
    workers: int | None,
    scheduler: str | None,
    device: str,
    fresh: bool,
    progress: Callable[[Progress], None],
) -> RunSummary:
    """Makes the dataset, or the rest of it.

    Args:
        loaded: the pipeline.
        out: dataset folder, made when missing.
        workers: processes; None = one per core where it pays, 1 = this process.
        scheduler: address of a running Dask scheduler, or None.
        device: "auto", "cpu" or "gpu" (draw on workers with the Dask resource GPU).
        fresh: delete what an earlier run listed in this folder, first.
        progress: called from time to time.

    Raises:
        ConfigError, AssetError: the user's input.
        DatasetError: the folder belongs to another pipeline or another run is writing it.
        IncompleteError: failure budget exceeded, or shards that failed three times.
        EnvironmentFault: disk, permissions, scheduler.
    """
    start = time.monotonic()
    note = "" if kernels.compiled() else FIRST_RUN
    plan = make_plan(loaded, folder=out)
    with finish.opened(plan, out, fresh=fresh) as receipts:
        if finish.is_complete(plan, out, receipts):
            finish.mend_report(out)
            return _summary(plan, out, receipts, start, made=0, already_complete=True)
        if not wait_for_writers(out, seconds=60):
            raise EnvironmentFault(
                f"workers of an earlier run still write into {str(out)!r}; wait until they have ended, or end them"
            )
        begun = finish.begin(plan, out)
        made = _make_missing(plan, out, receipts, workers, scheduler, device, progress, start, note)
        finish.complete(plan, out, receipts, begun)
    return _summary(plan, out, receipts, start, made=made, already_complete=False)


def _make_missing(
    plan: Plan,
    out: Path,
    receipts: dict[int, Receipt],
    workers: int | None,
    scheduler: str | None,
    device: str,
    progress: Callable[[Progress], None],
    start: float,
    note: str,
) -> int:
    """Makes the shards without receipt; returns the number of slots made. Fills ``receipts``."""
    resumed = sum(receipt.slots for receipt in receipts.values())
    failures: dict[int, str] = {}
    budget = plan.pipeline.run.failure_budget * plan.pipeline.count
    log = timing.TimingLog(out / "logs")

    def tell() -> None:
        done = sum(receipt.slots for receipt in receipts.values())
        elapsed = time.monotonic() - start
        shown = note if done == resumed else ""
        progress(Progress(done, plan.pipeline.count, len(receipts), plan.shard_count, elapsed, resumed, shown))

    def done(report: ShardReport) -> None:
        receipts[report.receipt.shard] = report.receipt
        log.add(report)
        tell()
        if sum(receipt.empty for receipt in receipts.values()) > budget:
            raise _over_budget(plan, receipts)

    def failed(shard: Shard, reason: str) -> None:
        failures[shard.number] = reason
        log.failure(shard.number, reason)

    missing = (shard for shard in plan.shards() if shard.number not in receipts)
    tell()
    with _runner(plan, workers, scheduler, device, resumed) as run:
        run(plan, missing, done, failed)
    if failures:
        grouped = Counter(failures.values())
        table = "; ".join(f"{count} x {reason}" for reason, count in grouped.most_common(5))
        raise IncompleteError(
            f"{len(failures)} of {plan.shard_count} shards failed three times ({table}). The finished shards are kept: "
            "the same command makes the rest"
        )
    return sum(receipt.slots for receipt in receipts.values()) - resumed


def _over_budget(plan: Plan, receipts: dict[int, Receipt]) -> IncompleteError:
    reasons: Counter[str] = Counter()
    for receipt in receipts.values():
        reasons.update(receipt.empty_reasons)
    table = ", ".join(f"{reason}: {count}" for reason, count in reasons.most_common())
    empty, budget = sum(reasons.values()), plan.pipeline.run.failure_budget
    return IncompleteError(
        f"{empty} of {plan.pipeline.count} slots stayed empty after 8 attempts each ({table}); allowed by "
        f"run.failure_budget: {budget:g}. Mend the cause (see 'synthgen preview'), or raise the budget"
    )


Runner = Callable[[Plan, Iterator[Shard], Callable[[ShardReport], None], Callable[[Shard, str], None]], None]


@contextmanager
def _runner(plan: Plan, workers: int | None, scheduler: str | None, device: str, resumed: int) -> Iterator[Runner]:
    """In-process for one worker and small sets; Dask otherwise."""
    count = workers or default_workers(plan, plan.pipeline.count - resumed)
    if scheduler is None and count == 1 and device != "gpu":
        yield lambda p, shards, done, failed: local.run_shards(p.job, shards, done=done, failed=failed)
        return
    with ExitStack() as stack:
        from synthgen.run import cluster

        client = stack.enter_context(cluster.connect(scheduler=scheduler, workers=count, gpu=device == "gpu"))
        yield lambda p, shards, done, failed: cluster.run_shards(
            client, p.job, shards, gpu=device == "gpu", done=done, failed=failed
        )


def default_workers(plan: Plan, images: int) -> int:
    """One process per usable core, never more than shards, and just this process for small sets."""
    if images < CLUSTER_FROM_IMAGES:
        return 1
    return max(1, min(len(os.sched_getaffinity(0)), plan.shard_count))


def _summary(
    plan: Plan, out: Path, receipts: dict[int, Receipt], start: float, *, made: int, already_complete: bool
) -> RunSummary:
    names = {category.id: category.name for category in plan.job.catalog.categories}
    per_class: Counter[str] = Counter(dict.fromkeys(names.values(), 0))
    empty: Counter[str] = Counter()
    for receipt in receipts.values():
        per_class.update({names[int(key)]: value for key, value in receipt.per_class.items()})
        empty.update(receipt.empty_reasons)
    elapsed = time.monotonic() - start
    return RunSummary(
        folder=out,
        already_complete=already_complete,
        images=sum(receipt.images for receipt in receipts.values()),
        slots=plan.pipeline.count,
        annotations=sum(receipt.annotations for receipt in receipts.values()),
        per_class=dict(per_class),
        empty_reasons=dict(empty),
        elapsed_s=elapsed,
        images_per_s=made / elapsed if elapsed > 0 else 0.0,
    )


def check_pipeline(loaded: LoadedPipeline, *, workers: int | None, out: Path | None = None) -> CheckReport:
    """Faults, plan, estimated time and disk; makes one scene in memory to measure, writes nothing."""
    plan = make_plan(loaded, folder=None)
    pipeline, catalog = plan.pipeline, plan.job.catalog
    count = workers or default_workers(plan, pipeline.count)
    seconds, bytes_per_image = timing.measure_image(plan)
    objects = catalog.with_role("object")
    total_s = seconds * pipeline.count / count
    disk = bytes_per_image * pipeline.count
    free = shutil.disk_usage(_existing_parent(out or Path.cwd())).free
    lines = [
        ("pipeline", f"{pipeline.name} ({loaded.path})"),
        ("images", f"{pipeline.count} at {pipeline.image.width}x{pipeline.image.height}, {pipeline.image.format}"),
        ("scenes", f"{plan.scenes} with {pipeline.camera.views_per_scene} views each, in {plan.shard_count} shards"),
        ("objects", f"{len(objects)} models in {len(catalog.categories)} classes"),
        ("classes", ", ".join(category.name for category in catalog.categories)),
        ("environments", f"{len(catalog.environments)} .hdr files" if catalog.environments else "procedural"),
        ("workers", str(count)),
        ("estimated time", timing.human_seconds(total_s)),
        ("estimated disk", f"{timing.human_bytes(disk)} ({timing.human_bytes(free)} free)"),
        ("fingerprint", plan.job.fingerprint[:16]),
    ]
    if pipeline.scene.upright > 0 and all(spec.up == "any" for spec in objects):
        lines.append(
            (
                "note",
                "no object has a known 'up', so that all of them fall as they will: give 'up: z' (or x, y) to an "
                "entry of scene.objects to have scene.upright of them stand",
            )
        )
    if disk > free:
        lines.append(("warning", "the dataset will not fit on this disk: lower count, image size or outputs"))
    return CheckReport(lines)


def _existing_parent(path: Path) -> Path:
    path = path.absolute()
    while not path.exists():
        path = path.parent
    return path
