"""Every error of a command becomes one clean message on stderr and an exit code."""

from __future__ import annotations

import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from synthgen import terminal
from synthgen.errors import SynthgenError

BROKEN_PIPE = 141


class Commands(click.Group):
    """Turns every error into one clean message on stderr and the exit code of DESIGN 5."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)  # in the order of use, not of the alphabet

    def invoke(self, ctx: click.Context) -> Any:
        try:
            with _sigterm_raises():
                return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except BrokenPipeError:
            sys.stdout = None  # the reader has gone: nothing left to flush
            ctx.exit(BROKEN_PIPE)
        except (Exception, KeyboardInterrupt, terminal.Terminated) as error:
            ctx.exit(_report_error(error, debug=bool(ctx.params.get("debug"))))


def _report_error(error: BaseException, *, debug: bool) -> int:
    code, text = terminal.error_text(error)
    if debug:
        click.echo("".join(traceback.format_exception(error)), err=True)
    click.echo(f"{click.style('error:', fg='red', bold=True)} {text}", err=True)
    if code == 1 and not isinstance(error, SynthgenError) and not debug:
        log = terminal.write_traceback(error, Path.cwd())
        where = f"its traceback is in {log}" if log else "run it again as 'synthgen --debug ...' for a traceback"
        click.echo(f"Please report it; {where}.", err=True)
    return code


@contextmanager
def _sigterm_raises() -> Iterator[None]:
    def raise_terminated(signum: int, frame: object) -> None:
        raise terminal.Terminated

    try:
        before = signal.signal(signal.SIGTERM, raise_terminated)
    except ValueError:  # not the main thread (embedded use): the host keeps its own handling
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
