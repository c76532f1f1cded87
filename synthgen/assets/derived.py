"""A cache on disk for what takes long to derive: procedural models, textures, rooms, environments, grasp candidates.

Entries are pure functions of their key and of the code that makes them, so that a hit never changes a byte: the
folder's name carries a hash of that code and of the libraries it uses. A damaged or unwritable cache only costs time.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Callable
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

LIMIT_BYTES = 3 << 30
PRUNE_EVERY = 200  # writes of one process between two looks at the folder's size
LIBRARIES = (
    "numpy",
    "scipy",
    "trimesh",
    "manifold3d",
    "fast-simplification",
    "opencv-python-headless",
    "pillow",
    "numba",
)
SOURCES = (
    *("assets/**/*.py", "render/environment*.py", "render/light_fresnel.py", "ggx.py"),
    *("label/grasps_*.py", "scene/collision.py", "seeding.py"),
)

Arrays = dict[str, npt.NDArray[Any]]

_writes = 0


def derived(kind: str, key: str, make: Callable[[], Arrays]) -> Arrays:
    """The arrays of an entry: read from disk, or made and stored.

    Args:
        kind: name of what is derived ("model", "texture", ...); part of the file name.
        key: everything that decides the entry's content, beside the code.
        make: makes the arrays (no object arrays).
    """
    folder = cache_folder()
    if folder is None:
        return make()
    path = folder / f"{kind}-{hashlib.sha256(key.encode()).hexdigest()[:24]}.npz"
    # Opened here, not by numpy: numpy leaves a damaged file open.
    with contextlib.suppress(OSError, ValueError, KeyError, EOFError, BadZipFile), path.open("rb") as file:
        stored = np.load(file)
        return {name: stored[name] for name in stored.files}
    arrays = make()
    _store(path, arrays)
    return arrays


@cache
def cache_folder() -> Path | None:
    """The folder of this version's entries, made; None where it cannot be written."""
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    with contextlib.suppress(OSError, RuntimeError):
        folder = Path(base).expanduser() / "synthgen" / _code_hash()
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            return folder
    return None


def _code_hash() -> str:
    """Hash of the modules that make entries, and of their libraries' versions."""
    digest = hashlib.sha256()
    package = Path(__file__).parents[1]
    for pattern in SOURCES:
        for source in sorted(package.glob(pattern)):
            digest.update(source.read_bytes())
    for library in LIBRARIES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            digest.update(f"{library} {metadata.version(library)}".encode())
    return digest.hexdigest()[:16]


def _store(path: Path, arrays: Arrays) -> None:
    """Writes beside and renames: another process sees a whole entry or none."""
    global _writes
    with contextlib.suppress(OSError):
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".tmp", delete=False) as file:
            try:
                np.savez(file, **arrays)  # type: ignore[arg-type]
            except OSError:
                Path(file.name).unlink(missing_ok=True)
                raise
        Path(file.name).replace(path)
    _writes += 1
    if _writes % PRUNE_EVERY == 1:
        _prune(path.parent.parent)


def _prune(folder: Path) -> None:
    """Removes the oldest entries of all versions until they fit into ``LIMIT_BYTES``."""
    with contextlib.suppress(OSError):
        entries = sorted((e for e in folder.rglob("*.npz")), key=lambda entry: entry.stat().st_mtime, reverse=True)
        total = 0
        for entry in entries:
            total += entry.stat().st_size
            if total > LIMIT_BYTES:
                entry.unlink(missing_ok=True)
