"""A fault: where it is, and one sentence. Where = file and line, or the command line, plus the YAML path."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

YamlPath = tuple[str | int, ...]
COMMAND_LINE = "command line"
LONGEST_VALUE = 60
MOST_SENTENCES = 100


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong.

    Attributes:
        path: YAML path of the key at fault, () for the file as a whole.
        sentence: what is wrong, the value, what is allowed, what to try.
        line: 1-based line where it is known better than by ``path`` (syntax errors), else 0.
    """

    path: YamlPath
    sentence: str
    line: int = 0


@dataclass(frozen=True)
class Origin:
    """Where a value was written: a line of a file (``line`` >= 1) or the command line (0).

    ``base_dir``: folder that relative paths in the value refer to.
    """

    name: str
    line: int
    base_dir: Path

    def __str__(self) -> str:
        return f"{self.name}:{self.line}" if self.line else self.name


def origin_of(path: YamlPath, origins: Mapping[YamlPath, Origin]) -> Origin:
    """Origin of the value at ``path``, or of the nearest block around it; ``origins[()]`` must exist."""
    while path not in origins:
        path = path[:-1]
    return origins[path]


def dotted(path: YamlPath) -> str:
    """("scene", "objects", 1, "family") -> "scene.objects[1].family"."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def sentences(faults: Iterable[Fault], origins: Mapping[YamlPath, Origin]) -> list[str]:
    """ "pipelines/grasping.yaml:14: scene.objects[1].famly: unknown key; ...", in file order, without repeats.

    More than 100 are cut short.
    """
    rows: dict[str, tuple[bool, int, int]] = {}
    for number, fault in enumerate(faults):
        origin = origin_of(fault.path, origins)
        line = fault.line or origin.line
        place = f"{origin.name}:{line}" if line else origin.name
        where = f"{place}: {dotted(fault.path)}: " if fault.path else f"{place}: "
        rows.setdefault(where + fault.sentence, (origin.line == 0, line, number))
    listed = sorted(rows, key=lambda text: rows[text])
    if len(listed) <= MOST_SENTENCES:
        return listed
    left = len(listed) - MOST_SENTENCES
    return [*listed[:MOST_SENTENCES], f"{origins[()].name}: at least {left} more faults; mend these first"]


def nearest(word: str, known: Iterable[str]) -> str:
    """The known name most like ``word``, or ""."""
    table = {name.lower(): name for name in known}
    found = difflib.get_close_matches(word.lower(), list(table), n=1, cutoff=0.6)
    holding = [name for name in table if len(word) > 2 and word.lower() in name]
    return table[(found or holding)[0]] if found or holding else ""


def unknown_name(value: str, known: Iterable[str]) -> str:
    """ "'mugg' is not known; nearest known: mug. Allowed: ..."."""
    names = list(known)
    close = nearest(value, names)
    hint = f"nearest known: {close}. Allowed" if close else "allowed"
    return f"{shown(value)} is not known; {hint}: {', '.join(names)}"


def shown(value: Any) -> str:
    """A value as the user would recognise it, shortened."""
    text = repr(value)
    if isinstance(value, bool) or value is None:
        text = {True: "true", False: "false", None: "nothing (null)"}[value]
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 3] + "..."


def kind_of(value: Any) -> str:
    """Plain words for the type of a YAML value."""
    if isinstance(value, bool):
        return "true or false"
    for kinds, words in ((int, "a whole number"), (float, "a number"), (str, "text"), (list, "a list")):
        if isinstance(value, kinds):
            return words
    return "empty" if value is None else "a block of keys"
