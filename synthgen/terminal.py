"""What the command line shows: progress, tables of label and value, and the sentence and exit code of an error.

Nothing here prints; ``cli`` does. rich is imported only when a bar is drawn.
"""

from __future__ import annotations

import errno
import shutil
import textwrap
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from synthgen.errors import ConfigError, SynthgenError

PLAIN_INTERVAL_S = 10.0
RATE_WINDOW = 24  # shards
PARTS = ("images", "annotations", "depth", "depth_sensor", "instances", "models", "manifest", "report/index.html")
# What the operating system may refuse, in plain words.
ERRNO_SENTENCES = {
    errno.ENOSPC: "the disk is full; free some space or give another --out, then run the same command again",
    errno.EDQUOT: "your disk quota is used up; free some space or give another --out, then run the same command again",
    errno.EACCES: "permission denied; give a folder you may write, or fix its permissions",
    errno.EPERM: "not permitted; give a folder you may write, or fix its permissions",
    errno.EROFS: "the file system is read-only; give another --out",
    errno.EMFILE: "too many open files; raise the limit (ulimit -n) or use fewer --workers",
    errno.ENOMEM: "out of memory; use fewer --workers or smaller images",
    errno.ENOTDIR: "a part of the path is a file, not a folder; give another path",
    errno.EISDIR: "it is a folder; give the name of a file",
}
OUT_OF_MEMORY = "out of memory; use fewer --workers, smaller images or lighter meshes. Finished shards are kept"


class Terminated(BaseException):
    """SIGTERM arrived."""


class ProgressLike(Protocol):
    """The part of ``run.api.Progress`` that is shown."""

    @property
    def images_done(self) -> int: ...
    @property
    def images_total(self) -> int: ...
    @property
    def elapsed_s(self) -> float: ...
    @property
    def note(self) -> str: ...
    @property
    def workers(self) -> int: ...


Show = Callable[[ProgressLike], None]


def error_text(error: BaseException) -> tuple[int, str]:
    """(exit code, text) of an error that ends a command; see DESIGN 5 for the codes."""
    if isinstance(error, ConfigError) and len(error.faults) > 1:
        return error.exit_code, f"{len(error.faults)} faults\n" + "\n".join(f"  {line}" for line in error.faults)
    if isinstance(error, SynthgenError):
        return error.exit_code, str(error)
    if isinstance(error, MemoryError):
        return 5, OUT_OF_MEMORY
    if isinstance(error, OSError):
        sentence = ERRNO_SENTENCES.get(error.errno or 0, f"{error.strerror or error}; check the path and the disk")
        return 5, f"{error.filename}: {sentence}" if error.filename else sentence
    if isinstance(error, KeyboardInterrupt):
        return 130, "interrupted; finished shards are kept, the same command makes the rest"
    if isinstance(error, Terminated):
        return 143, "terminated; finished shards are kept, the same command makes the rest"
    return 1, f"this is a bug in synthgen, not in your input: {type(error).__name__}: {error}"


def write_traceback(error: BaseException, folder: Path) -> Path | None:
    """Writes the traceback of an unexpected error into a new file in ``folder``; None when that fails too."""
    for number in range(1, 1000):
        path = folder / f"synthgen-bug-{number:03d}.log"
        try:
            with path.open("x", encoding="utf-8") as file:
                file.writelines(traceback.format_exception(error))
            return path
        except FileExistsError:
            continue
        except OSError:
            return None
    return None


def pairs(lines: Sequence[tuple[str, str]], *, width: int | None) -> str:
    """Aligned "label  value" lines; values are wrapped to ``width`` columns (None: never, for pipes and files)."""
    column = max((len(label) for label, _ in lines), default=0) + 2
    rows: list[str] = []
    for label, value in lines:
        room = None if width is None else max(width - column, 20)
        parts = textwrap.wrap(value, room, break_long_words=False, break_on_hyphens=False) if room else [value]
        rows.append(f"{label:<{column}}{parts[0] if parts else ''}".rstrip())
        rows += [" " * column + part for part in parts[1:]]
    return "\n".join(rows)


def terminal_width() -> int:
    """Columns of the terminal."""
    return shutil.get_terminal_size().columns


def duration(seconds: float) -> str:
    """ "42 s", "3 min 20 s", "2 h 05 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def summary_lines(
    *,
    folder: Path,
    images: int,
    slots: int,
    annotations: int,
    per_class: Mapping[str, int],
    failures: Sequence[tuple[str, str]],
    redrawn_errors: Mapping[str, int],
    elapsed_s: float,
    images_per_s: float,
) -> list[tuple[str, str]]:
    """The table at the end of a run; ``failures`` are the lines about its empty slots, by reason."""
    lines = [("images", f"{images} of {slots}"), ("instances", str(annotations))]
    lines += [(f"  {name}", str(count)) for name, count in per_class.items()]
    lines += [("empty slots", str(slots - images)), *failures]
    if redrawn_errors:
        lines.append(("exceptions", f"{sum(redrawn_errors.values())} draws were thrown away: please report them"))
        lines += [(f"  {reason}", str(count)) for reason, count in redrawn_errors.items()]
        lines.append(("  tracebacks", str(folder / "logs" / "poison")))
    if images_per_s > 0:
        lines.append(("time", f"{duration(elapsed_s)}, {images_per_s:.1f} images/s"))
    lines.append(("dataset", str(folder)))
    for name in PARTS:
        if (folder / name).exists():
            lines.append((f"  {name.partition('/')[0]}", str(folder / name)))
    return lines


class Rate:
    """Images per second of late, without what every process does once: start, compile, load.

    The first shard of each process does not count, and nothing is told before each has made another one: with several
    processes shards end in bursts, and a rate over half a burst is off by a factor.
    """

    def __init__(self) -> None:
        self._ends: list[tuple[int, float]] = []  # (images done, at which second), one per change

    def __call__(self, progress: ProgressLike) -> tuple[float, float]:
        """(images per second, seconds left); both 0 while nothing is known."""
        if not self._ends or progress.images_done != self._ends[-1][0]:
            self._ends.append((progress.images_done, progress.elapsed_s))
        workers, done = max(1, progress.workers), progress.images_done >= progress.images_total
        if len(self._ends) <= 2 * workers:
            return (self._between(0), 0.0) if done else (0.0, 0.0)
        window = max(RATE_WINDOW, 4 * workers)
        if len(self._ends) > window + workers:
            del self._ends[: len(self._ends) - window - workers]  # the oldest left stand for the warm-up
        rate = self._between(workers)
        if rate <= 0:
            return 0.0, 0.0
        since_s = progress.elapsed_s - self._ends[-1][1]
        return rate, max(0.0, (progress.images_total - progress.images_done) / rate - since_s)

    def _between(self, first: int) -> float:
        (images, start_s), (now, end_s) = self._ends[first], self._ends[-1]
        return (now - images) / (end_s - start_s) if end_s > start_s else 0.0


def progress_line(progress: ProgressLike, rate: float, left_s: float) -> str:
    """ "120/200 images, 8.1 images/s, 10 s left"."""
    line = f"{progress.images_done}/{progress.images_total} images"
    if rate > 0:
        line += f", {rate:.1f} images/s, {duration(left_s)} left" if left_s > 0 else f", {rate:.1f} images/s"
    return f"{line} ({progress.note})" if progress.note else line


def plain_progress(write: Callable[[str], None]) -> Show:
    """Progress as lines: the first, then at most one every 10 s, and the last."""
    rate, last_s = Rate(), -PLAIN_INTERVAL_S

    def show(progress: ProgressLike) -> None:
        nonlocal last_s
        per_s, left_s = rate(progress)
        if progress.elapsed_s - last_s >= PLAIN_INTERVAL_S or progress.images_done >= progress.images_total:
            last_s = progress.elapsed_s
            write(progress_line(progress, per_s, left_s))

    return show


@contextmanager
def progress_bar() -> Iterator[Show]:
    """A live bar on stderr with images/s and the time left."""
    from rich.console import Console
    from rich.progress import BarColumn, SpinnerColumn, TextColumn
    from rich.progress import Progress as Bar

    rate = Rate()
    columns = (SpinnerColumn(), BarColumn(bar_width=32), TextColumn("{task.description}"))
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting workers", total=None)

        def show(progress: ProgressLike) -> None:
            per_s, left_s = rate(progress)
            text = progress_line(progress, per_s, left_s)
            bar.update(task, completed=progress.images_done, total=progress.images_total, description=text)

        yield show


class TrainingStep(Protocol):
    """What a training tells: see ``train.loop.Progress``."""

    @property
    def step(self) -> int: ...
    @property
    def steps(self) -> int: ...
    @property
    def losses(self) -> dict[str, float]: ...
    @property
    def scores(self) -> dict[str, float]: ...
    @property
    def eta_s(self) -> float: ...


class PreparingStep(Protocol):
    """What a training tells before its first step: see ``train.run.Prepared``."""

    @property
    def what(self) -> str: ...
    @property
    def done(self) -> int: ...
    @property
    def of(self) -> int: ...


def preparing_line(now: PreparingStep) -> str:
    """One line about data that a training prepares."""
    return f"{now.what}: {now.done}/{now.of} views rendered"


def training_line(now: TrainingStep) -> str:
    """One line about a training: step, losses, scores, time left."""
    numbers = " ".join(f"{name} {value:.4f}" for name, value in {**now.losses, **now.scores}.items())
    return f"{now.step}/{now.steps} steps, {duration(now.eta_s)} left: {numbers}"
