"""Finds every sentence that the source can say to a user, and every text that the tests spell out.

A sentence is a string that reaches an error class, a ``Fault``, a click error, a finding of ``validate``, or (in the
packages that read what users write) a ``ValueError``: given there directly, through a name of the same function or
module, or as the return value of a function of the same module. Functions named ``...fault``, ``...faults`` and
``...sentence`` are followed wherever they are called, and so are tables named ``...SENTENCES`` and ``...CAUSES``.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE, TESTS = ROOT / "synthgen", ROOT / "tests"
ERRORS = frozenset({
    "ConfigError", "AssetError", "DatasetError", "UserError", "GateError", "IncompleteError", "EnvironmentFault",
    "Fault", "Problem", "UsageError", "BadParameter",
})  # fmt: skip
READERS = ("config", "assets")  # their ValueErrors become sentences
SPEAKING = re.compile(r"(fault|faults|sentence)$")
TABLE = re.compile(r"(SENTENCES|CAUSES|OUT_OF_MEMORY)$")
SHORTEST_PIECE = 10  # characters; shorter ones between two values say nothing on their own
GAP = "\0"  # stands for a value inside a text of a test


@dataclass(frozen=True)
class Sentence:
    """One sentence of the source: ``pieces`` are its literal parts between the values."""

    module: str
    line: int
    pieces: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.module}:{self.line}: {'...'.join(self.pieces)}"

    def pinned_by(self, text: str) -> bool:
        """Whether all literal parts stand in ``text``, in their order."""
        position = 0
        for piece in self.telling():
            found = text.find(piece, position)
            if found < 0:
                return False
            position = found + len(piece)
        return True

    def telling(self) -> list[str]:
        """The parts that say something."""
        stripped = [piece.strip() for piece in self.pieces]
        return [piece for piece in stripped if len(piece) >= SHORTEST_PIECE] or [max(stripped, key=len)]


def sentences(path: Path) -> list[Sentence]:
    """Every sentence of one module, by line."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    module = str(path.relative_to(ROOT))
    finder = _Finder(tree, reader=path.relative_to(PACKAGE).parts[0] in READERS)
    found = {(node.lineno, pieces) for node, pieces in finder.run()}
    return [Sentence(module, line, pieces) for line, pieces in sorted(found)]


class _Finder:
    """Follows what is given to an error back to its strings, within one module."""

    def __init__(self, tree: ast.Module, *, reader: bool) -> None:
        self.tree, self.reader = tree, reader
        self.functions = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        self.constants = _assigned(tree.body)
        self.visited: set[int] = set()

    def run(self) -> Iterator[tuple[ast.expr, tuple[str, ...]]]:
        scopes = [*self.functions.values(), self.tree]
        for scope in scopes:
            names = self.constants if scope is self.tree else {**self.constants, **_assigned(scope.body)}
            for node in _own_nodes(scope):
                if isinstance(node, ast.Call) and self._is_error(node):
                    for argument in (*node.args, *(keyword.value for keyword in node.keywords)):
                        yield from self._follow(argument, names)
        for name, values in self.constants.items():
            if TABLE.search(name):
                for value in values:
                    yield from self._follow(value, self.constants)
        for name, function in self.functions.items():
            if SPEAKING.search(name):
                yield from self._returns(function)

    def _is_error(self, call: ast.Call) -> bool:
        name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
        if name == "add":  # findings.add(file, sentence)
            return isinstance(call.func, ast.Attribute) and getattr(call.func.value, "id", "") == "findings"
        return name in ERRORS or (name == "ValueError" and self.reader)

    def _follow(self, node: ast.expr, names: dict[str, list[ast.expr]]) -> Iterator[tuple[ast.expr, tuple[str, ...]]]:
        pieces = literal_pieces(node)
        if pieces is not None:
            if any(re.search(r"[a-z]{2}.* ", piece) for piece in pieces):  # words, not a key or a file name
                yield node, pieces
            for inner in _values(node):
                yield from self._follow(inner, names)
        elif isinstance(node, ast.IfExp):
            yield from self._follow(node.body, names)
            yield from self._follow(node.orelse, names)
        elif isinstance(node, ast.Dict | ast.Tuple):
            for value in node.values if isinstance(node, ast.Dict) else node.elts:
                yield from self._follow(value, names)
        elif isinstance(node, ast.BoolOp):
            for value in node.values:
                yield from self._follow(value, names)
        elif isinstance(node, ast.Name) and node.id in names and id(node) not in self.visited:
            self.visited.add(id(node))
            for value in names[node.id]:
                yield from self._follow(value, names)
        elif isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            if name in self.functions:
                yield from self._returns(self.functions[name])

    def _returns(self, function: ast.FunctionDef) -> Iterator[tuple[ast.expr, tuple[str, ...]]]:
        if id(function) in self.visited:
            return
        self.visited.add(id(function))
        names = {**self.constants, **_assigned(function.body)}
        for node in _own_nodes(function):
            if isinstance(node, ast.Return | ast.Yield) and node.value is not None:
                yield from self._follow(node.value, names)


def literal_pieces(node: ast.expr) -> tuple[str, ...] | None:
    """The literal parts of a string expression, split where values stand; None for anything else."""
    if isinstance(node, ast.Constant):
        return (node.value,) if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        parts = [""]
        for value in node.values:
            if isinstance(value, ast.Constant):
                parts[-1] += str(value.value)
            else:
                parts.append("")
        return tuple(parts)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = literal_pieces(node.left), literal_pieces(node.right)
        if left is None and right is None:
            return None
        left, right = left or ("", ""), right or ("", "")
        return (*left[:-1], left[-1] + right[0], *right[1:])
    return None


def _values(node: ast.expr) -> Iterator[ast.expr]:
    """Expressions whose values a string expression takes in."""
    if isinstance(node, ast.JoinedStr):
        yield from (value.value for value in node.values if isinstance(value, ast.FormattedValue))
    elif isinstance(node, ast.BinOp):
        for side in (node.left, node.right):
            if literal_pieces(side) is None:
                yield side
            else:
                yield from _values(side)


def _own_nodes(scope: ast.AST) -> Iterator[ast.AST]:
    """Nodes of a scope without those of functions inside it."""
    for child in ast.iter_child_nodes(scope):
        if not isinstance(child, ast.FunctionDef):
            yield child
            yield from _own_nodes(child)


def _assigned(body: list[ast.stmt]) -> dict[str, list[ast.expr]]:
    """Name -> every expression assigned to it, wherever in the body."""
    found: dict[str, list[ast.expr]] = {}
    for statement in body:
        for node in ast.walk(statement):
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    if isinstance(target, ast.Name):
                        found.setdefault(target.id, []).append(node.value)
                    elif isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                        for name, value in zip(target.elts, node.value.elts, strict=False):
                            if isinstance(name, ast.Name):
                                found.setdefault(name.id, []).append(value)
            elif (
                isinstance(node, ast.AnnAssign | ast.AugAssign | ast.NamedExpr)
                and isinstance(node.target, ast.Name)
                and node.value is not None
            ):
                found.setdefault(node.target.id, []).append(node.value)
    return found


def texts(path: Path) -> list[str]:
    """Every text that a test module spells out, implicit concatenation and constants of the module resolved."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    constants: dict[str, str] = {}
    for name, values in _assigned([node for node in tree.body if isinstance(node, ast.Assign)]).items():
        pieces = literal_pieces(values[-1])
        if pieces is not None:
            constants[name] = _text(values[-1], constants)
    return [_text(node, constants) for node in _outermost(tree)]


def _outermost(node: ast.AST) -> Iterator[ast.expr]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr) and literal_pieces(child) is not None:
            yield child
        else:
            yield from _outermost(child)


def _text(node: ast.expr, constants: dict[str, str]) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.BinOp):
        return _text(node.left, constants) + _text(node.right, constants)
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(value, constants) for value in node.values)
    if isinstance(node, ast.FormattedValue):
        return _text(node.value, constants)
    return constants.get(node.id, GAP) if isinstance(node, ast.Name) else GAP
