"""Which scene a process was at when it died: a small file per batch being worked on, in logs/working/.

The file is there while a step runs and goes when it ends, by an exception too; what is left belongs to a process that
was killed (out of memory), crashed (segmentation fault), or lost its machine.
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TextIO

from synthgen.recipe import Batch, Drawn, Job, Prepared, Shard
from synthgen.write.poison import replay_command

WORKING = "logs/working"
CRASHES = "logs/crashes"


@dataclass(frozen=True)
class Breadcrumb:
    """What a process was doing: ``first_image`` to ``last_image`` of a scene; scene -1 = the shard as a whole."""

    shard: int
    scene: int
    first_image: int
    last_image: int
    step: str
    process: str

    def sentence(self, folder: Path) -> str:
        """Where its process died, the traceback if there is one, and how to make it happen again."""
        log = folder / CRASHES / f"{self.process}.log"
        traced = log.is_file() and log.stat().st_size > 0
        seen = f"its traceback is in {log}" if traced else "killed from outside, as when memory runs out"
        if self.scene < 0:
            return f"a worker process died while it finished shard {self.shard} ({seen})"
        again = replay_command(folder, self.first_image, self.last_image)
        images = (
            f"image {self.first_image}"
            if self.first_image == self.last_image
            else f"images {self.first_image} to {self.last_image}"
        )
        return f"a worker process died at scene {self.scene}, {images}, step {self.step} ({seen}); again: {again}"


@contextmanager
def working(job: Job, shard: Shard, step: str, args: tuple[Any, ...]) -> Iterator[None]:
    """The breadcrumb is there while the block runs. A disk that refuses it is left to the step itself to report."""
    crumb = _crumb(job, shard, step, args)
    path = Path(job.folder) / WORKING / f"{shard.number:05d}-{crumb.first_image:09d}.json"
    with contextlib.suppress(OSError):
        try:
            path.write_text(json.dumps(asdict(crumb)), encoding="utf-8")
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(asdict(crumb)), encoding="utf-8")
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            path.unlink()


def _crumb(job: Job, shard: Shard, step: str, args: tuple[Any, ...]) -> Breadcrumb:
    batch = next((found for found in map(_batch, args) if found is not None), None)
    if batch is None:
        return Breadcrumb(shard.number, -1, 0, 0, step, process_name())
    first = batch.scene * job.pipeline.camera.views_per_scene + batch.first_view + 1
    return Breadcrumb(shard.number, batch.scene, first, first + batch.views - 1, step, process_name())


def _batch(arg: Any) -> Batch | None:
    match arg:
        case Batch():
            return arg
        case Prepared():
            return arg.batch
        case Drawn():
            return arg.prepared.batch
    return None


def pick_up(folder: Path, shard: int | None = None) -> list[Breadcrumb]:
    """Takes away and returns the breadcrumbs of dead processes: of one shard, or all. Call it when none is at work."""
    found = []
    pattern = "*.json" if shard is None else f"{shard:05d}-*.json"
    for path in sorted((folder / WORKING).glob(pattern)):
        with contextlib.suppress(OSError, ValueError, TypeError):
            found.append(Breadcrumb(**json.loads(path.read_text(encoding="utf-8"))))
        path.unlink(missing_ok=True)
    return found


def process_name() -> str:
    """Host and process id, in letters that a file name may have."""
    return f"{platform.node() or 'host'}-{os.getpid()}"


_crash_log: TextIO | None = None


def keep_crash_log(folder: Path) -> None:
    """A segmentation fault in this process from now on leaves its Python traceback in logs/crashes/."""
    global _crash_log
    path = folder / CRASHES / f"{process_name()}.log"
    if _crash_log is not None and _crash_log.name == str(path):
        return
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        log = path.open("w", encoding="utf-8")
        faulthandler.enable(log)
        _crash_log = log


def forget_empty_logs(folder: Path) -> None:
    """Removes the crash logs of processes that did not crash, and the folders if nothing is left in them."""
    for path in (folder / CRASHES).glob("*.log"):
        if path.stat().st_size == 0:
            path.unlink(missing_ok=True)
    for name in (CRASHES, WORKING):
        with contextlib.suppress(OSError):
            (folder / name).rmdir()
