"""The Dask runner: a LocalCluster of one-thread processes, or a running cluster. The only module with dask."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import dask
import distributed
from distributed.scheduler import KilledWorker
from distributed.system import MEMORY_LIMIT

from synthgen.errors import EnvironmentFault, SynthgenError, UserError
from synthgen.recipe import Job, Shard
from synthgen.run import breadcrumbs
from synthgen.run.beside import Beside
from synthgen.run.recycling import Recycling, default_limit_bytes
from synthgen.run.retries import Retries
from synthgen.run.worker import THREAD_CAPS, ShardReport, line_of, report_of, run_one, run_step
from synthgen.types.records import Receipt

SHARDS_IN_FLIGHT_PER_WORKER = 2
CONNECT_TIMEOUT_S = 10.0
LOOK_S = 10.0
NO_WORKERS_S = 600.0  # a process may take minutes to start on a busy machine
DRAIN_S = 5.0  # for the client to fetch what a worker has made before it leaves
OWN_CLUSTER = {
    # Shards are small and results tiny: nothing to spill, and a paused worker would wait for memory that never comes.
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    # Dask keeps an hour of its own statistics in every process, a stack profile of each second among them: tens of MB
    # that look like a leak, and that nobody reads.
    "distributed.worker.profile.enabled": False,
    "distributed.admin.system-monitor.log-length": 60,
    "distributed.admin.system-monitor.gil.enabled": False,
    # Fifty times a second every process would look whether its event loop keeps up, and ten times at its memory:
    # with one worker per core, that is taken from the workers.
    "distributed.admin.tick.interval": "2s",
    "distributed.admin.tick.cycle": "10s",
    "distributed.admin.system-monitor.interval": "2s",
    "distributed.worker.memory.monitor-interval": "500ms",
    # Every death of a process is told to us at once: the breadcrumbs, not Dask, know which of its shards was to blame.
    "distributed.scheduler.allowed-failures": 0,
    # A process that starts anew on a busy machine takes its time; after 15 s Dask would give its place up for good.
    "distributed.deploy.lost-worker-timeout": "1 hour",
}


@contextmanager
def connect(*, scheduler: str | None, workers: int, gpu: bool) -> Iterator[distributed.Client]:
    """A client of the running cluster at ``scheduler``, or of a LocalCluster made for this run.

    Args:
        scheduler: address of a running scheduler; None = a LocalCluster of this machine's CPUs.
        workers: processes of the LocalCluster.
        gpu: some worker of the running cluster must have the Dask resource GPU.

    Raises:
        UserError: ``scheduler`` is no address.
        EnvironmentFault: the scheduler cannot be reached, or lacks workers.
    """
    # Faults reach the user as our own sentences; distributed would print tracebacks beside them.
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    if scheduler is not None:
        with _connect_running(scheduler) as client:
            if gpu:
                _require_gpu(client, scheduler)
            yield client
        return
    caps = {f"distributed.nanny.pre-spawn-environ.{name}": value for name, value in THREAD_CAPS.items()}
    with dask.config.set({**caps, **OWN_CLUSTER}):
        with _interrupts_ignored():
            cluster = distributed.LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                processes=True,
                dashboard_address="127.0.0.1:0",
                host="127.0.0.1",
                silence_logs=logging.CRITICAL,
            )
        with cluster, distributed.Client(cluster) as client:
            yield client


@contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """Ctrl-C reaches the whole process group: workers started in here ignore it, and are ended by this process."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _require_gpu(client: distributed.Client, scheduler: str) -> None:
    found = client.scheduler_info(n_workers=-1)["workers"].values()
    if not any(worker.get("resources", {}).get("GPU") for worker in found):
        raise EnvironmentFault(
            f"--device gpu: the scheduler {scheduler!r} has no worker with the Dask resource GPU. Start one with "
            "'dask worker tcp://host:8786 --nthreads 1 --resources GPU=1' and give --scheduler, or leave --device out: "
            "the generator 'shaded' needs no GPU"
        )


@contextmanager
def _connect_running(scheduler: str) -> Iterator[distributed.Client]:
    try:
        client = distributed.Client(scheduler, timeout=CONNECT_TIMEOUT_S)
    except ValueError as error:
        raise UserError(
            f"--scheduler {scheduler!r} is not an address ({error}); allowed: tcp://host:port, e.g. tcp://127.0.0.1:8786"
        ) from None
    except (OSError, TimeoutError) as error:
        raise EnvironmentFault(
            f"--scheduler {scheduler!r} cannot be reached within {CONNECT_TIMEOUT_S:g} s ({type(error).__name__}); "
            "allowed: the address of a running Dask scheduler such as tcp://host:8786. Start one with "
            "'dask scheduler' and 'dask worker tcp://host:8786 --nthreads 1', or leave --scheduler out"
        ) from None
    with client:
        if not client.scheduler_info(n_workers=-1)["workers"]:
            raise EnvironmentFault(
                f"the scheduler {scheduler!r} has no workers; at least one is needed. Start some with "
                f"'dask worker {scheduler} --nthreads 1'"
            )
        yield client


def worker_count(client: distributed.Client) -> int:
    """Worker processes of the cluster now."""
    return len(client.scheduler_info(n_workers=-1)["workers"])


def recycling(client: distributed.Client, limit_bytes: int | None) -> Recycling:
    """The policy for this cluster: with the given limit, or the default for its share of this machine."""
    return Recycling(limit_bytes or default_limit_bytes(MEMORY_LIMIT, max(1, worker_count(client))))


def beside(client: distributed.Client) -> Beside:
    """Has things done on a worker; what none of them brings to an end is done here."""

    def begin(fn: Callable[..., Any], *args: Any) -> Callable[[], Any]:
        future = client.submit(fn, *args, pure=False, retries=0)

        def result() -> Any:
            try:
                return future.result()
            except SynthgenError:
                raise
            except Exception:  # the worker has died, or is leaving
                return fn(*args)

        return result

    return begin


def run_shards(
    client: distributed.Client,
    job: Job,
    shards: Iterable[Shard],
    *,
    gpu: bool,
    done: Callable[[ShardReport], None],
    failed: Callable[[Shard, str], None],
    recycle: Recycling | None = None,
    recycled: Callable[[ShardReport], None] = lambda report: None,
) -> None:
    """Keeps a bounded number of shards in flight; each failed shard is retried twice, then reported.

    Without GPU a shard is one task (no array travels); with GPU each of its submits is a task, ``draw`` on a worker
    that has the resource "GPU". Every worker has the job, also one that comes later: see ``_JobPlugin``.

    Args:
        client: of the cluster.
        job: the run.
        shards: to be made, in any order.
        gpu: see above.
        done: told of every shard that was made.
        failed: told of every shard that failed three times, and why.
        recycle: which workers to replace by a fresh process; None = none.
        recycled: told of the report after which that is done.
    """
    queue, retries = iter(shards), Retries(Path(job.folder))
    make = _submit_line if gpu else _submit_whole
    running: dict[Any, Shard] = {}
    with _job_on_workers(client, job) as name:
        for shard in islice(queue, max(2, SHARDS_IN_FLIGHT_PER_WORKER * worker_count(client))):
            running[make(client, name, job, shard)] = shard
        completed = distributed.as_completed(list(running))
        for future in _ended(client, completed):
            shard = running.pop(future)
            report, error = _outcome(future)
            if report is not None:
                done(report)
                following = next(queue, None)
                grown = recycle is not None and recycle.due(report.worker, report.rss_bytes)
                if grown and _restart(client, report.worker):
                    recycled(report)
            elif isinstance(error, SynthgenError):
                client.cancel(list(running))
                raise error
            else:
                assert error is not None
                reason = retries.reason_to_give_up(shard, error, lost=isinstance(error, KilledWorker))
                following = shard if reason is None else next(queue, None)
                if reason is not None:
                    failed(shard, reason)
            future.release()
            if following is not None:
                fresh = make(client, name, job, following)
                running[fresh] = following
                completed.add(fresh)


def _ended(client: distributed.Client, completed: Any) -> Iterator[Any]:
    """Tasks as they end, those added on the way included.

    Raises:
        EnvironmentFault: for some minutes there has been no worker that could end one.
    """
    seen_s = looked_s = time.monotonic()
    while not completed.is_empty():
        batch = completed.next_batch(block=False)
        yield from batch
        now_s = time.monotonic()
        if batch:
            seen_s = now_s
            continue
        if now_s - looked_s > LOOK_S:
            looked_s = now_s
            if worker_count(client) > 0:
                seen_s = now_s
            elif now_s - seen_s > NO_WORKERS_S:
                raise EnvironmentFault(
                    f"the cluster has had no worker for {NO_WORKERS_S:g} s; at least one is needed. The finished "
                    "shards are kept: start workers (or look why they end), then give the same command again"
                )
        time.sleep(0.02)


def _outcome(future: Any) -> tuple[ShardReport | None, BaseException | None]:
    """(report, None) or (None, error) of a task that has ended.

    A worker can die between the end of a task and the fetching of its report: Dask then makes the shard again, with
    the same bytes, and what goes wrong there is only raised here.
    """
    error = future.exception()
    if error is not None:
        return None, error
    try:
        return future.result(), None
    except Exception as lost:
        return None, lost


def _submit_whole(client: distributed.Client, plugin: str, job: Job, shard: Shard) -> Any:
    return client.submit(_make, plugin, shard, pure=False, retries=0)


def _submit_line(client: distributed.Client, plugin: str, job: Job, shard: Shard) -> Any:
    """One task per submit."""

    def submit(kind: str, fn: Callable[..., Any], *args: Any) -> Any:
        resources = {"GPU": 1} if kind == "gpu" else None
        sent = [None if arg is job else arg for arg in args]
        return client.submit(_step, plugin, shard, fn, *sent, pure=False, resources=resources)

    receipt = line_of(job)(job, shard, submit)
    return client.submit(_report, receipt, pure=False)


class _JobPlugin(distributed.WorkerPlugin):  # type: ignore[misc]
    """Brings the job to every worker, also to one that starts later: small tasks, and no death can lose the job.

    Sent along with each task it would stay in the scheduler's memory once per shard; scattered it would be gone with
    the last worker that holds it.
    """

    idempotent = False

    def __init__(self, name: str, job: Job) -> None:
        self.name = name
        self.job = job


@contextmanager
def _job_on_workers(client: distributed.Client, job: Job) -> Iterator[str]:
    """Yields the name under which the workers know the job; a running cluster forgets it afterwards."""
    plugin = _JobPlugin(f"synthgen-{client.id}", job)
    client.register_plugin(plugin)
    try:
        yield plugin.name
    finally:
        with contextlib.suppress(Exception):
            client.unregister_worker_plugin(plugin.name)


def _job_of(plugin: str) -> Job:
    """On a worker: the job, one object per process and run, so that it can key caches."""
    job: Job = distributed.get_worker().plugins[plugin].job
    return job


def _make(plugin: str, shard: Shard) -> ShardReport:
    """On a worker: one shard."""
    with _gate.entered():
        job = _job_of(plugin)
        breadcrumbs.keep_crash_log(Path(job.folder))
        return replace(run_one(job, shard), worker=distributed.get_worker().address)


def _step(plugin: str, shard: Shard, fn: Callable[..., Any], *args: Any) -> Any:
    """On a worker: one submit of a shard; None stands for the job."""
    with _gate.entered():
        job = _job_of(plugin)
        breadcrumbs.keep_crash_log(Path(job.folder))
        return run_step(job, shard, fn, *(job if arg is None else arg for arg in args))


def _report(receipt: Receipt) -> ShardReport:
    return replace(report_of(receipt, {}, 0.0), worker=distributed.get_worker().address)


class _Gate:
    """Of a worker process: tasks go in as long as it is not about to leave; it leaves when all have come out."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self.leaving = False

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Sends the task to another worker, or to this one's successor, when the process is about to leave."""
        with self._lock:
            self._inside += not self.leaving
            leaving = self.leaving
        if leaving:
            time.sleep(0.1)  # the scheduler may offer the task a few times until it knows
            raise distributed.Reschedule
        try:
            yield
        finally:
            with self._lock:
                self._inside -= 1

    @property
    def empty(self) -> bool:
        return self._inside == 0


_gate = _Gate()


def _restart(client: distributed.Client, worker: str) -> bool:
    """Asks a worker to be replaced by a fresh process after its present shard; False if nobody would start that."""
    known = client.scheduler_info(n_workers=-1)["workers"].get(worker)
    if known is None or not known.get("nanny"):
        return False
    client.run(_leave, workers=[worker], wait=False)
    return True


async def _leave(dask_worker: Any) -> None:
    """On a worker's event loop: takes no more tasks, ends the present ones, and goes; its nanny starts another one."""
    if _gate.leaving:
        return
    _gate.leaving = True
    while not _gate.empty:
        await asyncio.sleep(0.05)
    end = time.monotonic() + DRAIN_S
    while dask_worker.data and time.monotonic() < end:
        await asyncio.sleep(0.05)
    await dask_worker.close_gracefully(restart=True)
