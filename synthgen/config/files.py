"""Paths in a pipeline: which keys hold them, what they are relative to, and which files a glob matches."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from synthgen.config.choices import HDR_SUFFIXES, IMAGE_SUFFIXES, MESH_SUFFIXES
from synthgen.config.faults import Fault, Origin, YamlPath, nearest, origin_of
from synthgen.config.grasps import GRIPPER_SUFFIXES

ANY_SUFFIX: tuple[str, ...] = ()
GRIPPER = ("labels", "grasps", "gripper")  # a name, unless it ends like a file
# Keys that hold a path ("*" = every list entry) -> file types a glob there picks up.
PATH_KEYS: dict[tuple[str, ...], tuple[str, ...]] = {
    ("scene", "objects", "*", "mesh"): MESH_SUFFIXES,
    ("scene", "objects", "*", "material", "texture"): IMAGE_SUFFIXES,
    ("scene", "distractor_objects", "*", "mesh"): MESH_SUFFIXES,
    ("scene", "distractor_objects", "*", "material", "texture"): IMAGE_SUFFIXES,
    ("scene", "fixtures", "*", "mesh"): MESH_SUFFIXES,
    ("scene", "fixtures", "*", "material", "texture"): IMAGE_SUFFIXES,
    ("scene", "support", "texture"): IMAGE_SUFFIXES,
    ("scene", "environment", "hdr"): HDR_SUFFIXES,
    ("scene", "backdrop"): IMAGE_SUFFIXES,
    ("camera", "calibration"): ANY_SUFFIX,
    ("labels", "classes"): ANY_SUFFIX,
    GRIPPER: GRIPPER_SUFFIXES,
}
FOLDER_KEYS: tuple[tuple[str, ...], ...] = (("generate", "weights"), ("verify", "weights"))  # hold the path of a folder
RELATIVE = "relative paths start at the pipeline file's folder, in --set at the working directory"
SINGLE_FILE = {("scene", "fixtures", "*", "mesh"), ("camera", "calibration"), ("labels", "classes"), GRIPPER}


def make_absolute(tree: dict[str, Any], origins: Mapping[YamlPath, Origin]) -> dict[str, Any]:
    """A copy of the tree whose paths are absolute, each taken relative to where it was written."""
    copied: dict[str, Any] = _copy(tree)
    for pattern in (*PATH_KEYS, *FOLDER_KEYS):
        for path, holder in list(_holders(copied, pattern)):
            given = holder[path[-1]]
            if isinstance(given, str) and given and is_path(pattern, given):
                base = origin_of(path, origins).base_dir
                home = given == "~" or given.startswith("~/")
                holder[path[-1]] = os.path.normpath(base / (Path(given).expanduser() if home else given))
    return copied


def is_path(pattern: tuple[str, ...], given: str) -> bool:
    """Whether the text at a key is a path: always, but for keys that take names too."""
    return pattern != GRIPPER or given.lower().endswith(GRIPPER_SUFFIXES)


def matched_files(pattern: str, suffixes: tuple[str, ...] = ANY_SUFFIX) -> tuple[Path, ...]:
    """Files that a path or glob matches, sorted; a glob only picks up files of the given types."""
    if not glob.has_magic(pattern) or Path(pattern).is_file():
        return (Path(pattern),) if Path(pattern).is_file() else ()
    # Path.glob takes no absolute patterns.
    found = (Path(name) for name in glob.glob(pattern, recursive=True))  # noqa: PTH207
    return tuple(sorted(path for path in found if path.is_file() and _fits(path, suffixes)))


def file_faults(tree: dict[str, Any]) -> Iterator[Fault]:
    """A fault for every path of an absolute tree that leads to no file, to a folder or to a wrong type of file."""
    for pattern, suffixes in PATH_KEYS.items():
        for path, holder in _holders(tree, pattern):
            given = holder[path[-1]]
            if not isinstance(given, str) or not is_path(pattern, given):
                continue
            sentence = _file_fault(given, suffixes, single=pattern in SINGLE_FILE)
            if sentence:
                yield Fault(path, sentence)


def _file_fault(given: str, suffixes: tuple[str, ...], *, single: bool) -> str:
    types = " ".join(suffixes)
    found = matched_files(given, suffixes)
    if not given:
        return "is empty; give the path of a file, or remove the key"
    if Path(given).is_dir():
        first = suffixes[0] if suffixes else ".yaml"
        return f"{given!r} is a folder; allowed: a file{' or a glob' if not single else ''}; try {given}/*{first}"
    if not found and glob.has_magic(given):
        return f"{given!r} matches no file{f' of type {types}' if types else ''}; {_what_is_there(given, suffixes)}"
    if not found:
        return f"{given!r} does not exist; {_what_is_there(given, suffixes)}"
    if suffixes and not _fits(found[0], suffixes):
        return f"{given!r} is not of an allowed file type; allowed: {types}; convert the file"
    if single and len(found) > 1:
        return f"{given!r} matches {len(found)} files; allowed: one file; name it, e.g. {found[0]}"
    return ""


def _what_is_there(given: str, suffixes: tuple[str, ...]) -> str:
    folder = Path(given).parent
    while glob.has_magic(str(folder)):
        folder = folder.parent
    if not folder.is_dir():
        return f"there is no folder {folder}; {RELATIVE}"
    names = sorted(path.name for path in folder.iterdir() if path.is_file() and _fits(path, suffixes))
    if not names:
        return f"the folder {folder} has no {' or '.join(suffixes) or 'files'}; check the path"
    close = nearest(Path(given).name, names)
    listed = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
    return f"the folder {folder} has {listed}" + (f"; did you mean {close}?" if close else "; check the path")


def _fits(path: Path, suffixes: tuple[str, ...]) -> bool:
    return not suffixes or path.suffix.lower() in suffixes


def _holders(tree: Any, pattern: tuple[str, ...]) -> Iterator[tuple[YamlPath, Any]]:
    """(full path, block that holds the last key) for every place in the tree that fits the pattern."""
    here: list[tuple[YamlPath, Any]] = [((), tree)]
    for part in pattern[:-1]:
        following: list[tuple[YamlPath, Any]] = []
        for path, node in here:
            if part == "*" and isinstance(node, list):
                following += [((*path, index), item) for index, item in enumerate(node)]
            elif isinstance(node, dict) and part in node:
                following.append(((*path, part), node[part]))
        here = following
    last = pattern[-1]
    return (((*path, last), node) for path, node in here if isinstance(node, dict) and last in node)


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list) else value
