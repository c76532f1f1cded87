"""Independent runs beside each other: what as many one-worker runs reach together that know nothing of each other."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty
from typing import Any

from synthgen.errors import InternalError
from synthgen.run.worker import THREAD_CAPS

POLL_S = 1.0

# (folder, ready) -> (images, seconds): warms up, calls ready() and waits there for the others, then makes the images.
TimedRun = Callable[[Path, Callable[[], object]], tuple[int, float]]


def together_per_s(run: TimedRun, folder: Path, runs: int) -> float:
    """Images/s that ``runs`` processes reach together, each making its own dataset; their clocks start at once.

    Args:
        run: a function of a module (it is sent to the processes).
        folder: a temporary one; run k writes into ``run-k`` below it.
        runs: number of processes.

    Raises:
        InternalError: a process ended without a result.
    """
    context = multiprocessing.get_context("spawn")
    barrier, results = context.Barrier(runs), context.Queue()
    processes = [
        context.Process(target=_one, args=(run, folder / f"run-{k}", barrier, results), daemon=True)
        for k in range(runs)
    ]
    with _capped_threads():
        for process in processes:
            process.start()
    try:
        found = [_next_result(results, processes) for _ in processes]
        for process in processes:
            process.join()
    finally:
        for process in processes:
            process.terminate()
    return sum(images / seconds for images, seconds in found)


def _one(run: TimedRun, folder: Path, barrier: Any, results: Any) -> None:
    results.put(run(folder, barrier.wait))


def _next_result(results: Any, processes: list[Any]) -> tuple[int, float]:
    while True:
        try:
            images, seconds = results.get(timeout=POLL_S)
            return images, seconds
        except Empty:
            failed = [process.exitcode for process in processes if process.exitcode not in (None, 0)]
            if failed:
                raise InternalError(
                    f"an independent run of the benchmark ended with exit code {failed[0]}; its error stands above"
                ) from None


@contextmanager
def _capped_threads() -> Iterator[None]:
    """Processes started in here get one thread per library, as workers do."""
    before = {name: os.environ.get(name) for name in THREAD_CAPS}
    os.environ.update(THREAD_CAPS)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
