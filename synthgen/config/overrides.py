"""``--set key.path=value``: replaces one value in the parsed pipeline before it is validated."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from synthgen.config.document import parse
from synthgen.config.faults import COMMAND_LINE, Fault, Origin, YamlPath, dotted, kind_of, shown

EXAMPLE = "--set image.width=640 or --set scene.objects[0].weight=3"
_PART = re.compile(r"\.?([A-Za-z_][A-Za-z0-9_-]*|\d+)|\[(\d+)\]")


def apply_overrides(
    tree: dict[str, Any], origins: dict[YamlPath, Origin], overrides: Sequence[str], *, base_dir: Path
) -> list[Fault]:
    """Applies overrides in order, in place; returns what is wrong with them.

    Args:
        tree: the parsed file.
        origins: where each path was written; overridden paths are marked as coming from the command line.
        overrides: "key.path=value" each, the value in YAML.
        base_dir: folder that relative paths inside the values refer to (the working directory).
    """
    origin = Origin(COMMAND_LINE, 0, base_dir)
    faults: list[Fault] = []
    for override in overrides:
        fault = _apply(tree, origins, override, origin)
        if fault is not None:
            origins[fault.path] = origin
            faults.append(fault)
    return faults


def _apply(tree: dict[str, Any], origins: dict[YamlPath, Origin], override: str, origin: Origin) -> Fault | None:
    key, equals, text = override.partition("=")
    path = _split(key.strip())
    if not equals or path is None:
        return Fault(("--set",), f"{shown(override)} is not key.path=value; write it like {EXAMPLE}")
    document = parse(text)
    if document.faults:
        sentence = document.faults[0].sentence
        return Fault(path, f"the value {shown(text)} cannot be read: {sentence}, and quote it for the shell")
    problem = _put(tree, path, document.tree)
    if problem:
        return Fault(path, problem)
    for known in [known for known in origins if known[: len(path)] == path]:
        del origins[known]
    origins[path] = origin
    return None


def _split(key: str) -> YamlPath | None:
    parts: list[str | int] = []
    position = 0
    while position < len(key):
        match = _PART.match(key, position)
        if match is None or (position == 0 and key[0] in ".["):
            return None
        word, index = match.groups()
        parts.append(int(index) if index is not None else int(word) if word.isdigit() else word)
        position = match.end()
    return tuple(parts) if parts and isinstance(parts[0], str) else None


def _put(tree: dict[str, Any], path: YamlPath, value: Any) -> str:
    """Sets the value; returns "" or a sentence."""
    here: Any = tree
    for depth, part in enumerate(path):
        last = depth == len(path) - 1
        name = dotted(path[:depth]) or "the pipeline"
        if isinstance(here, list):
            if not isinstance(part, int) or part >= len(here):
                allowed = f"an index from 0 to {len(here) - 1}" if here else f"the whole list: --set {name}='[...]'"
                return f"{part!r} is not an entry of {name}, a list of {len(here)}; allowed: {allowed}"
        elif isinstance(here, dict):
            part = str(part)
            if not last and here.get(part) is None:
                here[part] = {}
        else:
            return f"{name} is {kind_of(here)} ({shown(here)}) without keys; set it as a whole: --set {name}=..."
        if last:
            here[part] = value
        else:
            here = here[part]
    return ""
