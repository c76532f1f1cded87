"""What runs on a worker: one shard, or the submits of one; and the process settings that every worker needs."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from synthgen import recipe
from synthgen.recipe import Job, Shard, Submit
from synthgen.run.breadcrumbs import working
from synthgen.run.memory import rss_bytes
from synthgen.run.pairs_part import run_part
from synthgen.run.pairs_scenes import PairsJob
from synthgen.types.records import Receipt

# One thread per process: parallelism is processes, and a library's own threads would only fight over the cores.
THREAD_CAPS = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMEXPR_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    # One heap for all threads of a worker: shards are made in another thread than the main one, and glibc's heaps of
    # such threads keep what the main heap gives back.
    "MALLOC_ARENA_MAX": "1",
}


@dataclass(frozen=True)
class ShardReport:
    """A receipt and the clock: seconds per stage, wall seconds, resident memory of the process at most and now.

    ``worker``: address of the Dask worker, or "pid N".
    """

    receipt: Receipt
    seconds: dict[str, float]
    wall_s: float
    peak_rss_bytes: int
    rss_bytes: int
    worker: str


@dataclass
class Stopwatch:
    """An in-process ``Submit`` that adds up the seconds of each step."""

    seconds: dict[str, float] = field(default_factory=dict)

    def __call__(self, kind: str, fn: Callable[..., Any], *args: Any) -> Any:
        start = time.perf_counter()
        try:
            return fn(*args)
        finally:
            self.seconds[fn.__name__] = self.seconds.get(fn.__name__, 0.0) + time.perf_counter() - start


# glibc's mallopt: M_MMAP_THRESHOLD and M_TRIM_THRESHOLD. Image arrays of some megabytes are kept in the heap and used
# again, instead of being returned to the kernel and faulted in anew for every image.
MALLOC_OPTIONS = ((-3, 32 << 20), (-1, 256 << 20))


def settle_process() -> None:
    """Caps the threads of the libraries that are steered at run time (the others by ``THREAD_CAPS`` at start)."""
    import cv2

    cv2.setNumThreads(1)
    _keep_heap()


@cache
def _keep_heap() -> None:
    with contextlib.suppress(OSError, AttributeError):  # not glibc: only slower
        libc = ctypes.CDLL("libc.so.6")
        for option, value in MALLOC_OPTIONS:
            libc.mallopt(option, value)


def run_one(job: Job, shard: Shard) -> ShardReport:
    """Makes one shard in this process."""
    settle_process()
    watch, start = Stopwatch(), time.perf_counter()

    def submit(kind: str, fn: Callable[..., Any], *args: Any) -> Any:
        with working(job, shard, fn.__name__, args):
            return watch(kind, fn, *args)

    with writing(Path(job.folder)):
        receipt = line_of(job)(job, shard, submit)
    _return_free_heap()
    return report_of(receipt, watch.seconds, time.perf_counter() - start)


def line_of(job: Job) -> Callable[[Job, Shard, Submit], Any]:
    """What makes a shard of this job: of a dataset, or of a pack."""
    if isinstance(job, PairsJob):
        return run_part
    return recipe.run_shard


def run_step(job: Job, shard: Shard, fn: Callable[..., Any], *args: Any) -> Any:
    """Makes one submit of a shard in this process."""
    settle_process()
    with working(job, shard, fn.__name__, args), writing(Path(job.folder)):
        return fn(*args)


def _return_free_heap() -> None:
    """Once per shard: what the heap kept but nobody uses goes back to the kernel, so that fragments do not add up."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def report_of(receipt: Receipt, seconds: dict[str, float], wall_s: float) -> ShardReport:
    return ShardReport(receipt, seconds, wall_s, peak_rss_bytes(), rss_bytes(), f"pid {os.getpid()}")


def peak_rss_bytes() -> int:
    """Peak resident memory of this process (Linux: VmHWM)."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Held (shared) while this process writes into the dataset: a new run waits for stragglers of a killed one."""
    with (folder / "logs" / "writers.lock").open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_SH)
        yield


def wait_for_writers(folder: Path, *, seconds: float) -> bool:
    """True as soon as no process writes into the dataset any more, False after ``seconds``."""
    (folder / "logs").mkdir(parents=True, exist_ok=True)
    end = time.monotonic() + seconds
    with (folder / "logs" / "writers.lock").open("a") as handle:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
            except OSError:
                if time.monotonic() > end:
                    return False
                time.sleep(0.1)
