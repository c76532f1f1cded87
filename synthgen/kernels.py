"""numba's ``njit`` for every kernel, with compiled code kept in a folder of this very source.

numba renews a compiled kernel when its own file changes, but not when a kernel that it calls from another file does.
Here the folder's name carries a hash of all kernels, so that an upgrade or an edit never runs stale code, and installed
packages that cannot be written to are cached as well.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from numba import config, njit

__all__ = ["compiled", "inner", "njit"]

KEPT_FOLDERS = 4


def _cache_folder() -> str:
    """The folder, made; "" where none can be written (numba then falls back to its own choice)."""
    package = Path(__file__).parent
    digest = hashlib.sha256()
    for source in sorted(package.rglob("*.py")):
        content = source.read_bytes()
        if b"@njit" in content or b"@inner" in content:
            digest.update(content)
    base = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache")
    with contextlib.suppress(OSError, RuntimeError):
        parent = base.expanduser() / "synthgen" / "kernels"
        folder = parent / digest.hexdigest()[:16]
        if not folder.is_dir():
            folder.mkdir(parents=True)
            _forget_old(parent)
        if os.access(folder, os.W_OK):
            return str(folder)
    return ""


def _forget_old(parent: Path) -> None:
    """Keeps the newest few folders: each holds some 10 MB."""
    with contextlib.suppress(OSError):
        folders = sorted(parent.iterdir(), key=lambda folder: folder.stat().st_mtime, reverse=True)
        for folder in folders[KEPT_FOLDERS:]:
            shutil.rmtree(folder, ignore_errors=True)


# numba reads this when a kernel is decorated; a folder that the user set has the last word.
if not config.CACHE_DIR:
    config.CACHE_DIR = _cache_folder()


def compiled() -> bool:
    """Whether an earlier process has compiled kernels of this version (the first run takes about a minute longer)."""
    return not config.CACHE_DIR or any(Path(config.CACHE_DIR).rglob("*.nbi"))


def inner(function: Callable[..., Any]) -> Any:
    """``njit`` for what kernels call per pixel: it may not make arrays, in exchange numba counts no references.

    Counting costs two locked instructions per array argument and call, which took a third of the light's time.
    Divisions by zero give inf or nan as in numpy.
    """
    return njit(cache=True, nogil=True, error_model="numpy", _nrt=False)(function)
