"""Copies a shipped pipeline, comments included, for the user to edit."""

from __future__ import annotations

import re
from pathlib import Path

from synthgen.config.faults import nearest, shown
from synthgen.config.locate import SUFFIXES, shipped_pipelines
from synthgen.errors import ConfigError, EnvironmentFault

_NAME_LINE = re.compile(r"^name: *[^ #\n]+", re.MULTILINE)


def pipeline_titles() -> dict[str, str]:
    """Name -> first comment line of every shipped pipeline."""
    return {
        name: path.read_text(encoding="utf-8").partition("\n")[0].lstrip("# ")
        for name, path in shipped_pipelines().items()
    }


def copy_pipeline(name: str, target: Path | None) -> Path:
    """Writes a copy of the shipped pipeline ``name``; the copy is named after its file.

    Args:
        name: a shipped name, with or without ".yaml".
        target: a file, or a folder to write NAME.yaml into; default: ./NAME.yaml.

    Raises:
        ConfigError: no such pipeline, a target that exists already, or one that is no YAML file.
        EnvironmentFault: the target cannot be written.
    """
    pipelines = shipped_pipelines()
    stem = name.removesuffix(".yaml")
    if stem not in pipelines:
        close = nearest(stem, pipelines)
        hint = f"nearest: {close}; " if close else ""
        raise ConfigError(f"{shown(name)} is no shipped pipeline; {hint}shipped: {', '.join(pipelines)}")
    path = target or Path(f"{stem}.yaml")
    if path.is_dir():
        path = path / f"{stem}.yaml"
    if path.suffix not in SUFFIXES:
        raise ConfigError(f"{path} has no YAML ending; allowed: .yaml or .yml; try {path.with_suffix('.yaml')}")
    text = pipelines[stem].read_text(encoding="utf-8")
    own_name = re.sub(r"[^A-Za-z0-9._-]+", "_", path.stem).lstrip("._-") or stem
    text = _NAME_LINE.sub(f"name: {own_name}", text, count=1)
    if path.exists():
        raise ConfigError(f"{path} exists already and is left as it is; give another name, or move it away")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise EnvironmentFault(f"{path} cannot be written ({error.strerror}); give a folder you may write") from error
    return path
