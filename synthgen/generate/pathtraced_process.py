"""The path tracer's process: started when first needed, kept, asked through a pipe, gone when this process is."""

from __future__ import annotations

import atexit
import importlib.util
import os
import subprocess
import sys
import tempfile
import threading
from importlib import metadata
from multiprocessing import Pipe
from pathlib import Path
from typing import Any

from synthgen.errors import EnvironmentFault, InternalError
from synthgen.generate.pathtraced_packing import Known

CHILD = ("-m", "synthgen.generate.pathtraced_child")
PYTHON = sys.version_info[:2]
CYCLES = "4.2"  # the Blender series whose settings and shaders the child knows
# One thread: workers are processes, and a fixed number makes the same image everywhere.
THREADS = {"OIDN_NUM_THREADS": "1", "OIDN_SET_AFFINITY": "0", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
GOODBYE_S = 5.0


def cycles_version() -> str:
    """Version of the installed path tracer, e.g. "4.2.23", without loading it.

    Raises:
        EnvironmentFault: it is not installed, or is of another series.
    """
    try:
        version = metadata.version("bpy") if importlib.util.find_spec("bpy") else ""
    except metadata.PackageNotFoundError:  # a Blender's own modules on the path
        version = ""
    if not version:
        here = "" if PYTHON == (3, 11) else f"; this is Python {PYTHON[0]}.{PYTHON[1]}"
        raise EnvironmentFault(
            "generate.kind: 'pathtraced' needs Cycles, and the Python package 'bpy' is not installed; install it with: "
            f'pip install "synthgen[pathtraced]" (it exists for Python 3.11{here}), or use generate: {{kind: shaded}}'
        )
    if not version.startswith(f"{CYCLES}."):
        raise EnvironmentFault(
            f"generate.kind: 'pathtraced' was given bpy {version}; allowed: {CYCLES}.*, whose images are known; "
            'install it with: pip install "synthgen[pathtraced]"'
        )
    return version


class ChildLost(Exception):
    """The process ended in the middle of a request; ``str`` says how, and its last words."""


class PathTracer:
    """One child process and what it holds.

    Attributes:
        known: assets the child has.
        scene: what identifies the scene it has built, None before the first.
    """

    def __init__(self) -> None:
        cycles_version()
        self.known = Known()
        self.scene: tuple[object, ...] | None = None
        self.owner = os.getpid()
        self._words = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the process
        self._pipe, theirs = Pipe()
        root = str(Path(__file__).parents[2])  # finds this synthgen, however this process found it
        module_path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
        self.process = subprocess.Popen(
            [sys.executable, "-P", *CHILD, str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._words,
            env={**os.environ, **THREADS, "PYTHONPATH": module_path},
            start_new_session=True,  # Ctrl-C is for this process, which then ends that one
        )
        theirs.close()

    def ask(self, request: dict[str, Any]) -> Any:
        """One request, one answer.

        Raises:
            ChildLost: the process ended instead of answering.
            InternalError: it answered with an error.
        """
        try:
            self._pipe.send(request)
            kind, value = self._pipe.recv()
        except (EOFError, OSError) as error:
            raise ChildLost(self._obituary()) from error
        if kind == "error":
            self.close()  # what it holds now is anybody's guess
            raise InternalError(f"the path tracer refused a request ({value}); report this as a bug")
        return value

    def _obituary(self) -> str:
        self._end()
        code = self.process.returncode
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        self._words.seek(0)
        lines = self._words.read().decode(errors="replace").strip().splitlines()
        self._words.close()
        return how + (f" ({lines[-1].strip()})" if lines else "")

    @property
    def alive(self) -> bool:
        """Whether it is ours (not a fork's) and runs."""
        return self.owner == os.getpid() and self.process.poll() is None

    def close(self) -> None:
        """Ends the process: by closing the pipe, after a few seconds by force. Nothing is left behind."""
        self._end()
        self._words.close()

    def _end(self) -> None:
        self._pipe.close()
        if self.owner != os.getpid():
            return
        try:
            self.process.wait(GOODBYE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


_tracer: PathTracer | None = None
_lock = threading.RLock()


def path_tracer() -> PathTracer:
    """This process's path tracer; a new one if there is none, or the last one ended."""
    global _tracer
    with _lock:
        if _tracer is None or not _tracer.alive:
            close_path_tracer()
            _tracer = PathTracer()
        return _tracer


@atexit.register
def close_path_tracer() -> None:
    """Ends this process's path tracer, if there is one."""
    global _tracer
    with _lock:
        if _tracer is not None:
            _tracer.close()
        _tracer = None


def lock() -> threading.RLock:
    """Held while a scene's views are drawn: one child serves all threads of this process, one after the other."""
    return _lock


__all__ = ["ChildLost", "PathTracer", "close_path_tracer", "cycles_version", "lock", "path_tracer"]
