"""Whatever stands in the file, only ConfigError comes out, and it names a place."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgen.config.distributions import Distribution
from synthgen.config.load import load_pipeline
from synthgen.config.locate import shipped_pipelines
from synthgen.errors import ConfigError

TREE = yaml.safe_load(shipped_pipelines()["bin_picking"].read_text(encoding="utf-8"))
TEXT = shipped_pipelines()["smoke"].read_text(encoding="utf-8")
JARGON = ("Input should", "pydantic", "errors.pydantic.dev", "Field required", "Value error", "Traceback", "NoneType")

numbers = st.integers() | st.floats() | st.sampled_from([0, -1, 10**400, 1e308, float("nan"), float("inf")])
words = st.text(max_size=8) | st.sampled_from(["mug", "kind", "{stem}", "**", "[", "~", "../x", "\x00", "uniform", ""])
scalars = st.none() | st.booleans() | numbers | words
distributions = st.dictionaries(
    st.sampled_from(["uniform", "uniform_int", "normal", "log_uniform", "choice", "weights", "kind", "values"]),
    st.lists(numbers, max_size=4) | scalars,
    max_size=2,
)
values = st.recursive(
    scalars | distributions, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3)
)


def places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every path into a tree."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [path, *(inner for key, value in items for inner in places(value, (*path, key)))]


PLACES = [path for path in places(TREE) if path]
ALL_KEYS = sorted({part for path in PLACES for part in path if isinstance(part, str)} | {"mesh", "hdr", "K", "classes"})


def load_text(text: str, folder: Path) -> None:
    path = folder / "p.yaml"
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    try:
        load_pipeline(str(path))
    except ConfigError as error:
        assert error.faults
        for sentence in error.faults:
            assert "p.yaml" in sentence, sentence
            assert not any(word in sentence for word in JARGON), sentence
            assert len(sentence) < 2000, sentence


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


@settings(max_examples=50, deadline=None)
@given(path=st.sampled_from(PLACES), value=values)
def test_any_value_at_any_place(path: tuple[Any, ...], value: Any, folder: Path) -> None:
    tree = copy.deepcopy(TREE)
    holder = tree
    for part in path[:-1]:
        holder = holder[part]
    holder[path[-1]] = value
    load_text(yaml.safe_dump(tree, allow_unicode=False), folder)


@settings(max_examples=40, deadline=None)
@given(path=st.sampled_from(PLACES), key=st.sampled_from(ALL_KEYS) | words, value=values)
def test_any_key_in_any_block(path: tuple[Any, ...], key: str, value: Any, folder: Path) -> None:
    tree = copy.deepcopy(TREE)
    holder = tree
    for part in path[:-1]:
        holder = holder[part]
    if isinstance(holder, dict):
        holder[key] = value
    load_text(yaml.safe_dump(tree, allow_unicode=False), folder)


@settings(max_examples=60, deadline=None)
@given(
    start=st.integers(0, len(TEXT)),
    length=st.integers(0, 20),
    patch=st.text(alphabet=st.sampled_from(list("{}[]:,#&*!|>'\"%@`-? \t\n\x00\x85ab01.~<")), max_size=6),
)
def test_any_damage_to_the_text(start: int, length: int, patch: str, folder: Path) -> None:
    load_text(TEXT[:start] + patch + TEXT[start + length :], folder)


@settings(max_examples=60, deadline=None)
@given(override=st.text(max_size=30) | st.builds("{}={}".format, st.sampled_from(ALL_KEYS), st.text(max_size=12)))
def test_any_override(override: str) -> None:
    try:
        load_pipeline("smoke", [override])
    except ConfigError as error:
        assert error.faults and all(sentence.startswith("command line: ") for sentence in error.faults), error


@settings(max_examples=60, deadline=None)
@given(raw=distributions | scalars)
def test_a_distribution_survives_its_own_form(raw: Any) -> None:
    try:
        made = Distribution.model_validate(raw)
    except ValueError:
        return
    assert made.low <= made.high
    assert Distribution.model_validate(made.model_dump(mode="json")) == made
