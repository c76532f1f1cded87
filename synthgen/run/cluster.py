"""The Dask runner: a LocalCluster of one-thread processes, or a running cluster. The only module with dask."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

import dask
import distributed

from synthgen import recipe
from synthgen.errors import EnvironmentFault, SynthgenError, UserError
from synthgen.recipe import Job, Shard
from synthgen.run.local import RETRIES
from synthgen.run.worker import THREAD_CAPS, ShardReport, report_of, run_one

SHARDS_IN_FLIGHT_PER_WORKER = 2
CONNECT_TIMEOUT_S = 10.0


@contextmanager
def connect(*, scheduler: str | None, workers: int, gpu: bool) -> Iterator[distributed.Client]:
    """A client of the running cluster at ``scheduler``, or of a LocalCluster made for this run.

    Args:
        scheduler: address of a running scheduler; None = a LocalCluster of this machine's CPUs.
        workers: processes of the LocalCluster.
        gpu: some worker must have the Dask resource GPU.

    Raises:
        UserError: ``scheduler`` is no address.
        EnvironmentFault: the scheduler cannot be reached, or lacks workers.
    """
    # Faults reach the user as our own sentences; distributed would print tracebacks beside them.
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    if scheduler is not None:
        with _connect_running(scheduler) as client:
            if gpu:
                _require_gpu(client, f"the scheduler {scheduler!r}")
            yield client
        return
    caps = {f"distributed.nanny.pre-spawn-environ.{name}": value for name, value in THREAD_CAPS.items()}
    memory = {"distributed.worker.memory.target": False, "distributed.worker.memory.spill": False}
    with dask.config.set({**caps, **memory}):
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
            if gpu:
                _require_gpu(client, "this machine's own cluster")
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


def _require_gpu(client: distributed.Client, whose: str) -> None:
    found = client.scheduler_info(n_workers=-1)["workers"].values()
    if not any(worker.get("resources", {}).get("GPU") for worker in found):
        raise EnvironmentFault(
            f"--device gpu: {whose} has no worker with the Dask resource GPU. Start one with "
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


def run_shards(
    client: distributed.Client,
    job: Job,
    shards: Iterable[Shard],
    *,
    gpu: bool,
    done: Callable[[ShardReport], None],
    failed: Callable[[Shard, str], None],
) -> None:
    """Keeps a bounded number of shards in flight; each failed shard is retried twice, then reported.

    Without GPU a shard is one task (no array travels); with GPU each of its submits is a task, ``draw`` on a worker
    that has the resource "GPU".
    """
    workers = len(client.scheduler_info(n_workers=-1)["workers"])
    queue, attempts = iter(shards), dict[int, int]()
    shared = client.scatter(job, broadcast=True, hash=False)
    make = _submit_line if gpu else _submit_whole
    running: dict[Any, Shard] = {}
    for shard in islice(queue, max(2, SHARDS_IN_FLIGHT_PER_WORKER * workers)):
        running[make(client, shared, job, shard)] = shard
    completed = distributed.as_completed(list(running))
    for future in completed:
        shard = running.pop(future)
        error = future.exception()
        if error is None:
            done(future.result())
            following = next(queue, None)
        elif isinstance(error, SynthgenError):
            client.cancel(list(running))
            raise error
        elif attempts.setdefault(shard.number, 0) < RETRIES:
            attempts[shard.number] += 1
            following = shard
        else:
            failed(shard, f"{type(error).__name__}: {error}")
            following = next(queue, None)
        future.release()
        if following is not None:
            fresh = make(client, shared, job, following)
            running[fresh] = following
            completed.add(fresh)


def _submit_whole(client: distributed.Client, shared: Any, job: Job, shard: Shard) -> Any:
    return client.submit(run_one, shared, shard, pure=False, retries=0)


def _submit_line(client: distributed.Client, shared: Any, job: Job, shard: Shard) -> Any:
    """One task per submit; the job goes along as the scattered future."""

    def submit(kind: str, fn: Callable[..., Any], *args: Any) -> Any:
        resources = {"GPU": 1} if kind == "gpu" else None
        sent = [shared if arg is job else arg for arg in args]
        return client.submit(fn, *sent, pure=False, resources=resources)

    receipt = recipe.run_shard(job, shard, submit)
    return client.submit(report_of, receipt, {}, 0.0, pure=False)
