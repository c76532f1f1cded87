"""YAML text -> plain tree plus the line of every key; syntax faults and repeated keys as sentences.

Scalars follow the YAML 1.2 core schema (``1e-3`` is a number; ``on``, ``yes``, ``1:30`` and dates stay text), because
YAML 1.1, PyYAML's default, silently turns them into something else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from synthgen.config.faults import Fault, YamlPath

MAX_BYTES = 1_000_000
MAX_DEPTH = 40
MAX_NODES = 50_000
TRUE_FALSE = {"true": True, "false": False}


class _Loader(yaml.SafeLoader):
    """SafeLoader with the scalars of YAML 1.2."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  (the class attribute PyYAML looks at)


for _tag, _pattern, _first in (
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("int", r"^[-+]?[0-9]+$|^0x[0-9a-fA-F]+$", "-+0123456789"),
    ("float", r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$", "-+.0123456789"),
    ("float", r"^[-+]?\.(?:inf|Inf|INF)$|^\.(?:nan|NaN|NAN)$", "-+."),
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("merge", r"^<<$", "<"),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), list(_first))


@dataclass
class Document:
    """A parsed YAML text.

    Attributes:
        tree: dicts (text keys), lists and scalars; None for an empty text or one that could not be parsed.
        lines: 1-based line of every key and list item, by path; () is the first line.
        faults: what is wrong with the text itself.
        unread: paths whose value could not be read (the tree holds None there).
        nodes: values read so far.
    """

    tree: Any = None
    lines: dict[YamlPath, int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    unread: list[YamlPath] = field(default_factory=list)
    nodes: int = 0


def parse(text: str) -> Document:
    """Parses one YAML document; never raises on bad text, see ``Document.faults``."""
    document = Document(lines={(): 1})
    try:
        root = yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError as error:
        document.faults.append(_syntax_fault(error, text))
        return document
    except RecursionError:
        document.faults.append(Fault((), f"blocks are nested more than {MAX_DEPTH} deep; flatten the file", 1))
        return document
    if root is not None:
        document.tree = _build(root, (), document)
    return document


def _syntax_fault(error: yaml.YAMLError, text: str) -> Fault:
    if isinstance(error, yaml.reader.ReaderError):
        line = text.count("\n", 0, error.position) + 1
        return Fault((), f"character #x{error.character:04x} is not allowed in YAML; delete it", line)
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None) or str(error)
    line = mark.line + 1 if mark else 1
    if "\\t" in problem:
        return Fault((), "a tab is used to indent; YAML only takes spaces: replace the tab by spaces", line)
    if "single document" in str(getattr(error, "context", "")):
        return Fault((), "a second document starts here ('---'); keep one pipeline per file", line)
    if "undefined alias" in problem:
        return Fault((), f"{problem}; define it with & before it is used, or write the value out", line)
    column = f", column {mark.column + 1}" if mark else ""
    return Fault(
        (), f"not valid YAML here{column}: {problem}; check indentation, colons, quotes and brackets up to here", line
    )


def _build(node: Node, path: YamlPath, document: Document) -> Any:
    document.nodes += 1
    line = node.start_mark.line + 1
    if len(path) > MAX_DEPTH or document.nodes > MAX_NODES:
        if not any("deep or long" in fault.sentence for fault in document.faults):
            sentence = f"too deep or long: more than {MAX_DEPTH} levels or {MAX_NODES} values (aliases count); shorten"
            document.faults.append(Fault(path[:3], sentence, line))
        document.unread.append(path)
        return None
    if not isinstance(node, ScalarNode) and node.tag not in ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"):
        document.faults.append(Fault(path, f"the tag {node.tag!r} is not allowed; remove it", line))
        document.unread.append(path)
        return None
    if isinstance(node, MappingNode):
        return _mapping(node, path, document)
    if isinstance(node, SequenceNode):
        for index, item in enumerate(node.value):
            document.lines[(*path, index)] = item.start_mark.line + 1
        return [_build(item, (*path, index), document) for index, item in enumerate(node.value)]
    return _scalar(node, path, document) if isinstance(node, ScalarNode) else None


def _mapping(node: MappingNode, path: YamlPath, document: Document) -> dict[str, Any]:
    result: dict[str, Any] = {}
    first_line: dict[str, int] = {}
    merged: dict[str, Node] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, ScalarNode):
            document.faults.append(Fault(path, "a key is a list or a block; keys are plain words", line))
            continue
        if key_node.tag == "tag:yaml.org,2002:merge":
            merged.update((k.value, v) for k, v in _merge_pairs(value_node) if k.value not in merged)
            continue
        key = key_node.value
        if key in first_line:
            document.faults.append(
                Fault((*path, key), f"given twice, here and in line {first_line[key]}; keep one of them", line)
            )
            continue
        first_line[key] = line
        document.lines[(*path, key)] = line
        result[key] = _build(value_node, (*path, key), document)
    for key, value_node in merged.items():
        if key not in result:
            document.lines[(*path, key)] = value_node.start_mark.line + 1
            result[key] = _build(value_node, (*path, key), document)
    return result


def _merge_pairs(node: Node) -> Iterator[tuple[ScalarNode, Node]]:
    for block in node.value if isinstance(node, SequenceNode) else [node]:
        if isinstance(block, MappingNode):
            yield from ((key, value) for key, value in block.value if isinstance(key, ScalarNode))


def _scalar(node: ScalarNode, path: YamlPath, document: Document) -> Any:
    kind = node.tag.removeprefix("tag:yaml.org,2002:")
    text = node.value
    line = node.start_mark.line + 1
    try:
        if kind == "null":
            return None
        if kind == "bool":
            return TRUE_FALSE[text.lower()]
        if kind == "int":
            return int(text, 16 if text.lower().startswith("0x") else 10)
        if kind == "float":
            return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
        if kind == "str":
            text.encode("utf-8")
            return text
    except (ValueError, KeyError):
        words = {"str": "text", "int": "a whole number", "float": "a number", "bool": "true or false"}[kind]
        sentence = f"{text[:40]!r} cannot be read as {words}; write it plainly"
    else:
        sentence = f"the tag {node.tag!r} is not allowed; remove it"
    document.faults.append(Fault(path, sentence, line))
    document.unread.append(path)
    return None
