"""Content hashes: assets are known by what is in the file, never by where it lies."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from synthgen.errors import AssetError

KEY_DIGITS = 16


def hash_bytes(*chunks: bytes) -> str:
    """First 16 hex digits of the sha256 of the chunks, one after the other."""
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
    return digest.hexdigest()[:KEY_DIGITS]


def hash_file(path: str) -> str:
    """First 16 hex digits of the sha256 of a file's bytes.

    Raises:
        AssetError: the file is missing or cannot be read.
    """
    return hash_files([path])


def hash_files(paths: Sequence[str], *, salt: bytes = b"") -> str:
    """As ``hash_file`` over ``salt`` and several files, one after the other, read in blocks."""
    digest = hashlib.sha256(salt)
    for path in paths:
        require_file(path)
        with Path(path).open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()[:KEY_DIGITS]


def file_key(path: str) -> str:
    """Key of an image or .hdr file, as in ``types.catalog.FileAsset``."""
    return f"file:{hash_file(path)}"


def require_file(path: str) -> None:
    """Raises AssetError when ``path`` is not a readable file."""
    file = Path(path)
    if file.is_dir():
        raise AssetError(f"{path} is a folder, not a file; name the file itself or give a glob such as {path}/*.glb")
    if not file.is_file():
        raise AssetError(
            f"{path} does not exist; paths in a pipeline are relative to the pipeline file, "
            "on the command line to the working directory"
        )
    try:
        with file.open("rb"):
            pass
    except OSError as error:
        raise AssetError(f"{path} cannot be read ({error.strerror}); check its permissions") from error
