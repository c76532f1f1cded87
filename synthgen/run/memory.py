"""Resident memory of a run over its length: sampled beside it, then fitted against the images made.

A run of any length must fit in the memory that its first minutes need, so the figures that count are slopes: MB per
1,000 images by least squares once caches are full, and what the last third needs more than the first.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import psutil

INTERVAL_S = 0.5
WARM_UP = 0.1  # share of the images that does not count: caches are still filling
FEWEST_SAMPLES = 8
CURVE_POINTS = 200
WORKER_COMMAND = "spawn_main"  # how multiprocessing starts a worker; its resource tracker is started otherwise


@dataclass(frozen=True)
class MemorySample:
    """One process at one moment: ``images`` done by the whole run so far, ``rss_bytes`` resident."""

    process: str
    images: int
    rss_bytes: int


@dataclass(frozen=True)
class MemoryGrowth:
    """How the resident memory of one process went.

    Attributes:
        process: "client" or "worker <pid>".
        slope_mb_per_1000: least-squares slope after the warm-up, MB (10^6 bytes) per 1,000 images of the whole run.
        first_third_mb, last_third_mb: medians of those thirds of the images, warm-up left out.
        peak_mb: largest sample, warm-up included.
        samples: number of samples that count.
    """

    process: str
    slope_mb_per_1000: float
    first_third_mb: float
    last_third_mb: float
    peak_mb: float
    samples: int

    @property
    def growth_mb(self) -> float:
        return self.last_third_mb - self.first_third_mb


@dataclass
class MemoryWatch:
    """Samples this process and the worker processes it started. Set ``images`` as they are made."""

    images: int = 0
    samples: list[MemorySample] = field(default_factory=list)

    @contextmanager
    def watching(self, interval_s: float = INTERVAL_S) -> Iterator[None]:
        """Samples from a thread of its own while the block runs."""
        stop = threading.Event()

        def sample() -> None:
            while not stop.wait(interval_s):
                self.sample()

        thread = threading.Thread(target=sample, name="memory-watch", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def sample(self) -> None:
        """One sample of every process."""
        own = psutil.Process()
        self._add("client", own)
        for child in own.children(recursive=True):
            with contextlib.suppress(psutil.Error):
                if any(WORKER_COMMAND in word for word in child.cmdline()):
                    self._add(f"worker {child.pid}", child)

    def _add(self, name: str, process: psutil.Process) -> None:
        with contextlib.suppress(psutil.Error):
            self.samples.append(MemorySample(name, self.images, process.memory_info().rss))


def growth_of(samples: Sequence[MemorySample]) -> list[MemoryGrowth]:
    """The growth of every process that lived through most of the run, the client first."""
    if not samples:
        return []
    by_process: dict[str, list[MemorySample]] = defaultdict(list)
    for sample in samples:
        by_process[sample.process].append(sample)
    last = max(sample.images for sample in samples)
    found = [_growth(name, rows, last) for name, rows in by_process.items()]
    return sorted((row for row in found if row is not None), key=lambda row: (row.process != "client", row.process))


def _growth(name: str, rows: Sequence[MemorySample], last: int) -> MemoryGrowth | None:
    """None for a process with too few samples, or that saw less than half of what counts (it was recycled)."""
    start = WARM_UP * last
    images = np.array([row.images for row in rows], np.float64)
    rss_mb = np.array([row.rss_bytes / 1e6 for row in rows])
    counts = images >= start
    if np.count_nonzero(counts) < FEWEST_SAMPLES or np.ptp(images[counts]) < 0.5 * (last - start):
        return None
    x, y = images[counts], rss_mb[counts]
    slope = float(np.polynomial.Polynomial.fit(x, y, 1).convert().coef[1])
    low, span = float(x.min()), float(np.ptp(x))
    first, end = y[x <= low + span / 3], y[x >= low + 2 * span / 3]
    return MemoryGrowth(
        name, 1000 * slope, float(np.median(first)), float(np.median(end)), float(rss_mb.max()), int(counts.sum())
    )


def memory_lines(growth: Sequence[MemoryGrowth]) -> list[tuple[str, str]]:
    """Label and value pairs for the terminal."""
    return [
        (
            f"memory, {row.process}",
            f"{row.slope_mb_per_1000:+.1f} MB per 1,000 images; first third {row.first_third_mb:.0f} MB, "
            f"last third {row.last_third_mb:.0f} MB ({row.growth_mb:+.0f} MB), peak {row.peak_mb:.0f} MB",
        )
        for row in growth
    ] or [("memory", "too short a run to tell: give more --images")]


def memory_json(samples: Sequence[MemorySample]) -> list[dict[str, Any]]:
    """The same as data, with up to 200 points (images, MB) per process for a plot."""
    rows = []
    for row in growth_of(samples):
        points = [[s.images, round(s.rss_bytes / 1e6, 1)] for s in samples if s.process == row.process]
        rows.append({**asdict(row), "growth_mb": row.growth_mb, "points": points[:: -(-len(points) // CURVE_POINTS)]})
    return rows


def rss_bytes() -> int:
    """Resident memory of this process now."""
    return int(psutil.Process(os.getpid()).memory_info().rss)
