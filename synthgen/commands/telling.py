"""What commands share: reading their pipeline, showing progress, printing what came out."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from synthgen import terminal
from synthgen.errors import ConfigError, DatasetError

if TYPE_CHECKING:
    from synthgen.config.load import LoadedPipeline
    from synthgen.evaluate.reports import Report


def load(pipeline: str, sets: tuple[str, ...], **short: int | None) -> LoadedPipeline:
    """The pipeline with its overrides. A value given twice would hide one of the two, wrong or not: that is a fault."""
    from synthgen.config.load import load_pipeline

    for key, value in short.items():
        twice = next((word for word in sets if word.partition("=")[0].strip() == key), None)
        if value is not None and twice is not None:
            raise ConfigError(
                f"command line: {key} is given twice, as --{key} {value} and as --set {twice}; one is allowed. "
                "Leave one of them out"
            )
    overrides = [*sets, *(f"{key}={value}" for key, value in short.items() if value is not None)]
    return load_pipeline(pipeline, overrides)


def existing_folder(dataset: Path) -> None:
    """
    Raises:
        DatasetError: it is none.
    """
    if not dataset.is_dir():
        raise DatasetError(f"{dataset} is not a folder; give the folder that 'synthgen run' wrote, e.g. out/grasping")


def echo_pairs(lines: list[tuple[str, str]]) -> None:
    """Names and values in two columns, wrapped where someone is looking."""
    click.echo(terminal.pairs(lines, width=terminal.terminal_width() if sys.stdout.isatty() else None))


def tell_report(report: Report, json_path: Path | None) -> None:
    """A measurement's numbers into a file, where one is asked for, and its table."""
    from synthgen.write.files import write_file

    if json_path is not None:
        write_file(json_path, report.json_text().encode())
    echo_pairs(report.lines)


def tenths(what: str) -> Callable[[int, int], None]:
    """A progress (done, of) that tells every tenth."""

    def tell(done: int, of: int) -> None:
        if done * 10 // of > (done - 1) * 10 // of:
            click.echo(f"{done}/{of} {what}", err=True)

    return tell


@contextmanager
def progress() -> Iterator[terminal.Show]:
    """A progress bar on a terminal, now and then a line elsewhere."""
    if sys.stderr.isatty():
        with terminal.progress_bar() as show:
            yield show
    else:
        yield terminal.plain_progress(lambda line: click.echo(line, err=True))
