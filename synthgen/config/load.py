"""Loads a pipeline file: YAML -> overrides -> types -> meaning, and reports every fault at once."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from synthgen.config import document
from synthgen.config.camera_presets import CAMERA_PRESETS
from synthgen.config.faults import Fault, Origin, YamlPath, kind_of, sentences
from synthgen.config.files import make_absolute
from synthgen.config.gripper_files import read_gripper
from synthgen.config.locate import find_pipeline
from synthgen.config.models import Pipeline
from synthgen.config.overrides import apply_overrides
from synthgen.config.semantics import semantic_faults
from synthgen.config.translate import faults_of, validate
from synthgen.errors import ConfigError


@dataclass(frozen=True)
class LoadedPipeline:
    """A valid pipeline.

    Attributes:
        pipeline: ready to run: all paths absolute.
        as_given: plain tree for the dataset's pipeline.yaml: defaults filled in, paths as the user wrote them.
        base_dir: folder that relative paths of the file refer to.
        path: the pipeline file, absolute.
    """

    pipeline: Pipeline
    as_given: dict[str, Any]
    base_dir: Path
    path: Path


def load_pipeline(path_or_name: str, overrides: Sequence[str] = (), *, base_dir: Path | None = None) -> LoadedPipeline:
    """Loads and checks a pipeline.

    Args:
        path_or_name: a file, or the name of a shipped pipeline ("grasping").
        overrides: "key.path=value" each, applied in order; relative paths in them refer to the working directory.
        base_dir: what relative paths in the file refer to; default: the file's own folder.

    Raises:
        ConfigError: with one sentence per fault, each with its place ("FILE:LINE: KEY: ...") and a remedy.
    """
    path = find_pipeline(path_or_name)
    name = _display(path)
    base = (base_dir or path.parent).resolve()
    parsed = document.parse(_read(path, name))
    origins: dict[YamlPath, Origin] = {key: Origin(name, line, base) for key, line in parsed.lines.items()}
    faults = list(parsed.faults)
    if parsed.tree is None and not faults:
        faults.append(Fault((), "is empty; synthgen init NAME writes a pipeline to start from", 1))
    elif not isinstance(parsed.tree, dict) and parsed.tree is not None:
        sentence = f"holds {kind_of(parsed.tree)}; allowed: a block of keys such as name:, scene:, camera:"
        faults.append(Fault((), sentence, 1))
    if not isinstance(parsed.tree, dict):
        raise ConfigError(sentences(faults, origins))
    tree: dict[str, Any] = parsed.tree
    faults += apply_overrides(tree, origins, overrides, base_dir=Path.cwd())
    _sense_follows_camera(tree)
    absolute = make_absolute(tree, origins)
    faults += read_gripper(absolute)
    pipeline, found = check_tree(absolute)
    faults += found
    if faults or pipeline is None:
        raise ConfigError(sentences(_without_echoes(faults, parsed.unread), origins))
    return LoadedPipeline(pipeline, _resolved(validate(Pipeline, tree)), base, path.resolve())


def check_tree(tree: dict[str, Any]) -> tuple[Pipeline | None, list[Fault]]:
    """The pipeline of an absolute tree, or None, and everything that is wrong with it."""
    faults: list[Fault] = []
    pipeline: Pipeline | None = None
    try:
        pipeline = validate(Pipeline, tree)
    except ValidationError as error:
        faults += faults_of(error, tree)
    faults += semantic_faults(tree)
    return pipeline, faults


def _read(path: Path, name: str) -> str:
    try:
        size = path.stat().st_size
        if size > document.MAX_BYTES:
            raise ConfigError(
                f"{name} is {size / 1e6:.1f} MB, no pipeline file; allowed: at most "
                f"{document.MAX_BYTES / 1e6:g} MB of YAML; synthgen init NAME writes one to start from"
            )
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{name}: byte {error.start} is not UTF-8 text; allowed: a YAML file in UTF-8; save it in that encoding"
        ) from error
    except OSError as error:
        raise ConfigError(f"{name} cannot be read ({error.strerror}); check its permissions") from error


def _display(path: Path) -> str:
    """The path as short as it can be said from the working directory."""
    absolute = path.resolve()
    relative = os.path.relpath(absolute)
    return str(absolute) if relative.startswith("..") else relative


def _sense_follows_camera(tree: dict[str, Any]) -> None:
    """A camera preset brings its own noise, blur and colours, unless the file names others."""
    camera, sense = tree.get("camera"), tree.get("sense", {})
    name = camera.get("preset") if isinstance(camera, dict) else None
    if isinstance(name, str) and name in CAMERA_PRESETS and isinstance(sense, dict):
        tree["sense"] = {"preset": CAMERA_PRESETS[name].sense, **sense}


def _resolved(pipeline: Pipeline) -> dict[str, Any]:
    return pipeline.model_dump(mode="json", by_alias=True, exclude_none=True)


def _without_echoes(faults: list[Fault], unread: list[YamlPath]) -> list[Fault]:
    """Drops what merely follows from a value that could not be read: its absence in and around its place."""

    inside = set(unread)
    around = {path[:depth] for path in unread for depth in range(len(path))}

    def echoes(path: YamlPath) -> bool:
        return path in around or any(path[:depth] in inside for depth in range(len(path) + 1))

    return [fault for fault in faults if fault.line or not echoes(fault.path)]
