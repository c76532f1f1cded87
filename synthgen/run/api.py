"""What the command line calls: run and check a pipeline."""

from __future__ import annotations

import math
import os
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from synthgen import kernels
from synthgen.config.load import LoadedPipeline
from synthgen.errors import EnvironmentFault, IncompleteError
from synthgen.networks.gpu import gpu_kind
from synthgen.recipe import Shard
from synthgen.run import breadcrumbs, finish, local, timing
from synthgen.run.beside import Beside, here
from synthgen.run.closeness import closeness_warning
from synthgen.run.failures import FailureGroup, failure_groups, failure_lines, redrawn_errors
from synthgen.run.plan import Plan, make_plan
from synthgen.run.worker import ShardReport, wait_for_writers
from synthgen.types.records import Receipt
from synthgen.write.poison import replay_command

# Starting worker processes costs some seconds: below this many images one process is quicker.
CLUSTER_FROM_IMAGES = 60
SHOWN_FAILURES = 5
FIRST_RUN = "first run of this version: kernels are compiled and textures drawn, a minute or two, once"


@dataclass(frozen=True)
class Progress:
    """How far a run is. ``images_done`` counts slots, empty ones included; ``resumed_images`` were there before.

    ``note``: what the user should know about this stretch, "" for nothing. ``workers``: processes that make shards.
    """

    images_done: int
    images_total: int
    shards_done: int
    shards_total: int
    elapsed_s: float
    resumed_images: int
    note: str = ""
    workers: int = 1


@dataclass(frozen=True)
class RunSummary:
    """The short table at the end of a run.

    ``failures``: the empty slots by reason. ``redrawn_errors``: exceptions among all rejected draws, by "stage:reason".
    """

    folder: Path
    already_complete: bool
    images: int
    slots: int
    annotations: int
    per_class: dict[str, int]
    empty_reasons: dict[str, int]
    elapsed_s: float
    images_per_s: float
    failures: tuple[FailureGroup, ...] = ()
    redrawn_errors: dict[str, int] = field(default_factory=dict)


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
    worker_memory_mb: int | None = None,
) -> RunSummary:
    """Makes the dataset, or the rest of it.

    Args:
        loaded: the pipeline.
        out: dataset folder, made when missing.
        workers: processes; None = one per core where it pays, 1 = this process.
        scheduler: address of a running Dask scheduler, or None.
        device: "auto", "cpu" or "gpu" (draw on this machine's GPU, or on workers with the Dask resource GPU).
        fresh: delete what an earlier run listed in this folder, first.
        progress: called from time to time.
        worker_memory_mb: a worker process that has grown above this is replaced by a fresh one between two shards;
            None = 2,000, or 60 % of its share of this machine where that is less.

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
        crew = Crew(workers, scheduler, device, worker_memory_mb)
        complete = partial(finish.complete, plan, out, receipts, begun)
        made = make_missing(plan, out, receipts, crew, progress, note, then=complete)
    return _summary(plan, out, receipts, start, made=made, already_complete=False)


@dataclass(frozen=True)
class Crew:
    """Who makes the shards; see ``run_pipeline``."""

    workers: int | None
    scheduler: str | None
    device: str
    worker_memory_mb: int | None


Budget = Callable[[Plan, Path, dict[int, Receipt]], None]


def make_missing(
    plan: Plan,
    out: Path,
    receipts: dict[int, Receipt],
    crew: Crew,
    progress: Callable[[Progress], None],
    note: str,
    require_budget: Budget | None = None,
    then: Callable[[Beside], None] = lambda beside: None,
) -> int:
    """Makes the shards without receipt; returns the number of slots made. Fills ``receipts``.

    ``require_budget``: raises when too many slots stay empty; default: by the manifest's reasons.
    ``then``: called when all shards are there, while the workers that made them are.

    Raises:
        IncompleteError: too many slots stay empty, also when those of an earlier run alone are too many; or shards
            failed three times.
    """
    start, require_budget = time.monotonic(), require_budget or _require_budget
    resumed = sum(receipt.slots for receipt in receipts.values())
    failures: dict[int, str] = {}
    log = timing.TimingLog(out / "logs")
    note = "; ".join(filter(None, (note, _deaths(out, log))))
    workers = 1

    def tell() -> None:
        done = sum(receipt.slots for receipt in receipts.values())
        elapsed = time.monotonic() - start
        shown = note if done == resumed else ""
        progress(Progress(done, plan.pipeline.count, len(receipts), plan.shard_count, elapsed, resumed, shown, workers))

    def done(report: ShardReport) -> None:
        receipts[report.receipt.shard] = report.receipt
        log.add(report)
        tell()
        require_budget(plan, out, receipts)

    def failed(shard: Shard, reason: str) -> None:
        failures[shard.number] = reason
        log.failure(shard.number, reason)

    missing = (shard for shard in plan.shards() if shard.number not in receipts)
    require_budget(plan, out, receipts)
    tell()
    try:
        with _runner(plan, crew, resumed, log) as (run, workers, beside):
            run(missing, done, failed)
            if failures:
                raise _failed_shards(plan, failures)
            then(beside)
    finally:
        breadcrumbs.forget_empty_logs(out)
    return sum(receipt.slots for receipt in receipts.values()) - resumed


def _deaths(out: Path, log: timing.TimingLog) -> str:
    """Notes where processes of earlier runs died; a sentence if that was the same scene twice, else ""."""
    left = breadcrumbs.pick_up(out)
    for crumb in left:
        log.died(crumb)
    before = log.deaths() if left else Counter()
    again = [crumb for crumb in left if crumb.scene >= 0 and before[crumb.scene] > 1]
    if not again:
        return ""
    crumb = again[0]
    command = replay_command(out, crumb.first_image, crumb.last_image)
    return (
        f"{before[crumb.scene]} earlier processes ended at scene {crumb.scene}; if it was not you who ended them, try "
        f"'{command}'"
    )


def _failed_shards(plan: Plan, failures: dict[int, str]) -> IncompleteError:
    grouped = Counter(failures.values())
    noun = "shard" if len(failures) == 1 else "shards"
    table = "\n".join(f"  {count} x {reason}" for reason, count in grouped.most_common(SHOWN_FAILURES))
    more = f"\n  and {len(grouped) - SHOWN_FAILURES} other causes" if len(grouped) > SHOWN_FAILURES else ""
    return IncompleteError(
        f"{len(failures)} {noun} of {plan.shard_count} failed three times. The finished shards are kept: once the "
        f"cause is gone, the same command makes the rest\n{table}{more}"
    )


def _require_budget(plan: Plan, out: Path, receipts: dict[int, Receipt]) -> None:
    """Raises ``IncompleteError``, with the table of reasons, if more slots are empty than the budget allows."""
    empty, budget = sum(receipt.empty for receipt in receipts.values()), plan.pipeline.run.failure_budget
    if empty <= budget * plan.pipeline.count:
        return
    made = sum(receipt.slots for receipt in receipts.values())
    groups = failure_groups(out, receipts, count=plan.pipeline.count)
    enough = min(1.0, math.ceil(200 * empty / made) / 100)
    table = "\n".join(f"{label}: {value}" for label, value in failure_lines(groups))
    raise IncompleteError(
        f"{empty} of the {made} slots so far stayed empty; allowed of {plan.pipeline.count} by run.failure_budget "
        f"{budget:g}: {math.floor(budget * plan.pipeline.count)}. What is made is kept: mend the cause and start anew, "
        f"or go on with the same command and --set run.failure_budget={enough:g}\n{table}"
    )


Runner = Callable[[Iterator[Shard], Callable[[ShardReport], None], Callable[[Shard, str], None]], None]


@contextmanager
def _runner(plan: Plan, crew: Crew, resumed: int, log: timing.TimingLog) -> Iterator[tuple[Runner, int, Beside]]:
    """The runner, its number of processes, and its ``Beside``: this process for one worker and small sets, else Dask.

    This machine's own workers share its GPU, and each makes whole shards; of a cluster only some have one.
    """
    count = crew.workers or default_workers(plan, plan.pipeline.count - resumed)
    gpu = crew.device == "gpu"
    job = replace(plan.job, device="gpu") if gpu else plan.job
    if gpu and crew.scheduler is None:
        gpu_kind()  # there is one
    if crew.scheduler is None and count == 1:
        yield lambda shards, done, failed: local.run_shards(job, shards, done=done, failed=failed), 1, here
        return
    apart = gpu and crew.scheduler is not None
    with ExitStack() as stack:
        from synthgen.run import cluster

        client = stack.enter_context(cluster.connect(scheduler=crew.scheduler, workers=count, gpu=apart))
        limit = None if crew.worker_memory_mb is None else crew.worker_memory_mb * 1_000_000
        recycle = cluster.recycling(client, limit)
        yield (
            lambda shards, done, failed: cluster.run_shards(
                client,
                job,
                shards,
                gpu=apart,
                done=done,
                failed=failed,
                recycle=recycle,
                recycled=lambda report: log.recycled(report, recycle.limit_bytes),
            ),
            cluster.worker_count(client),
            cluster.beside(client),
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
        failures=failure_groups(out, receipts, count=plan.pipeline.count),
        redrawn_errors=redrawn_errors(receipts),
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
    near = closeness_warning(plan)
    if near is not None:
        lines.append(("warning", near))
    if disk > free:
        lines.append(("warning", "the dataset will not fit on this disk: lower count, image size or outputs"))
    return CheckReport(lines)


def _existing_parent(path: Path) -> Path:
    path = path.absolute()
    while not path.exists():
        path = path.parent
    return path
