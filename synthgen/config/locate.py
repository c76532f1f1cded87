"""Finds files that travel with synthgen: pipelines and schemas, in the package (wheel) or in the repository root."""

from __future__ import annotations

from pathlib import Path

from synthgen.config.faults import nearest, shown
from synthgen.errors import ConfigError

SUFFIXES = (".yaml", ".yml")
_PACKAGE = Path(__file__).parents[1]


def shipped(kind: str, suffix: str) -> dict[str, Path]:
    """Name -> file of everything shipped: kind "pipelines" with ".yaml", or "schemas" with ".schema.json"."""
    for root in (_PACKAGE, _PACKAGE.parent):
        folder = root / kind
        found = {path.name.removesuffix(suffix): path for path in sorted(folder.glob(f"*{suffix}"))}
        if found:
            return found
    return {}


def shipped_pipelines() -> dict[str, Path]:
    """Name -> file of the shipped pipelines."""
    return shipped("pipelines", ".yaml")


def find_pipeline(path_or_name: str) -> Path:
    """The file a user means by "grasping", "grasping.yaml", "pipelines/grasping.yaml" or a path of their own.

    An existing path wins; then the shipped pipelines are looked at, from any working directory.

    Raises:
        ConfigError: no such file or name, or a folder.
    """
    path = Path(path_or_name)
    names = shipped_pipelines()
    if path.is_file():
        return path
    stem = path.name.removesuffix(".yaml").removesuffix(".yml")
    if stem in names and str(path.parent) in (".", "pipelines"):
        return names[stem]
    listed = ", ".join(names)
    if path.is_dir():
        inside = sorted(item.name for item in path.iterdir() if item.suffix in SUFFIXES)
        hint = f"it holds {', '.join(inside[:5])}: give one of them" if inside else f"or give one of: {listed}"
        raise ConfigError(f"{path_or_name} is a folder; allowed: a pipeline file (.yaml) or a shipped name; {hint}")
    close = nearest(stem, names)
    hint = f"nearest: {close}; " if close else ""
    raise ConfigError(
        f"{shown(path_or_name)} is no file and no shipped pipeline; {hint}shipped: {listed}; "
        "synthgen init NAME copies one to edit"
    )
