"""One run per folder: an advisory lock that the kernel frees when its process ends, however it ends."""

from __future__ import annotations

import errno
import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from synthgen.contract.layout import DATA_FOLDERS, DATASET, LOCK
from synthgen.errors import DatasetError
from synthgen.write.files import writing


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Holds the folder (made if needed) while the block runs.

    The lock file stays: removing it would let two runs lock two different files of one name.

    Raises:
        DatasetError: another run holds it, or the folder holds somebody else's data.
        EnvironmentFault: the folder cannot be written.
    """
    path = folder / LOCK
    _require_ours(folder)
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = path.open("ab")
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                raise
            raise DatasetError(
                f"{str(folder)!r} is in use by another synthgen run; only one run may write a dataset at a time. "
                "Wait until it has ended, stop it, or give another --out"
            ) from error
        yield
    finally:
        handle.close()


def _require_ours(folder: Path) -> None:
    """Refuses a folder whose data folders were filled by somebody else: a run removes leftovers from them."""
    if (folder / LOCK).exists() or (folder / DATASET).exists() or any((folder / "receipts").glob("*.json")):
        return
    foreign = [name for name in DATA_FOLDERS if (folder / name).is_dir() and any((folder / name).iterdir())]
    if foreign:
        raise DatasetError(
            f"{str(folder)!r} already has {' and '.join(f'{name}/' for name in foreign)} that synthgen did not write; "
            "give an --out that does not exist yet, or an empty folder"
        )
