"""Files: atomic replacement, one sync for many files, and system errors turned into sentences."""

from __future__ import annotations

import ctypes
import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from synthgen.contract.layout import TEMPORARY
from synthgen.errors import EnvironmentFault

# errno -> (what is wrong, what to try)
_CAUSES: dict[int, tuple[str, str]] = {
    errno.ENOSPC: (
        "the disk is full",
        "free some space, then give the same command again: it goes on where it stopped",
    ),
    errno.EDQUOT: ("your disk quota is used up", "free some space, then give the same command again: it goes on"),
    errno.EACCES: ("permission denied", "make the folder writable for this user, or give another --out"),
    errno.EPERM: ("operation not permitted", "make the folder writable for this user, or give another --out"),
    errno.EROFS: ("the file system is read-only", "give an --out on a writable disk"),
    errno.EIO: ("the disk reports an input/output error", "check the disk, then give the same command again"),
    errno.ENOTDIR: ("a part of the path is a file, not a folder", "give another --out, or move that file away"),
    errno.EMFILE: ("too many open files", "raise the limit with 'ulimit -n 4096', then give the same command again"),
}


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turns system errors while ``path`` is written into an ``EnvironmentFault`` that says what to try."""
    try:
        yield
    except OSError as error:
        cause, remedy = _CAUSES.get(
            error.errno or 0, (error.strerror or type(error).__name__, "check the disk and the folder's permissions")
        )
        raise EnvironmentFault(f"cannot write {str(path)!r}: {cause}. Nothing half-written counts; {remedy}") from error


def write_file(path: Path, data: bytes) -> str:
    """Writes a file (folders made as needed, not synced) and returns its sha256.

    Raises:
        EnvironmentFault: disk full, no permission, ...
    """
    with writing(path):
        try:
            path.write_bytes(data)
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def replace_file(path: Path, data: bytes) -> str:
    """As ``write_file``, but the file appears whole or not at all, and survives a power cut."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)
    return hashlib.sha256(data).hexdigest()


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Gives a temporary path beside ``path``; when the block ends well it is synced and renamed to ``path``.

    Raises:
        EnvironmentFault: disk full, no permission, ...
    """
    temporary = path.with_name(path.name + TEMPORARY)
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield temporary
            _sync(temporary)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        _sync(path.parent)


def sync_all(folder: Path) -> None:
    """Flushes everything written below ``folder`` to its disk: one call for a shard instead of one per file.

    Raises:
        EnvironmentFault: the disk reports that something could not be written.
    """
    with writing(folder):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
            if syncfs is None:  # not Linux
                os.sync()
            elif syncfs(descriptor) != 0:
                raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        finally:
            os.close(descriptor)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
