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


def altered(path: tuple[Any, ...], value: Any) -> str:
    tree = copy.deepcopy(TREE)
    holder = tree
    for part in path[:-1]:
        holder = holder[part]
    holder[path[-1]] = value
    return yaml.safe_dump(tree, allow_unicode=False)


@settings(max_examples=50, deadline=None)
@given(path=st.sampled_from(PLACES), value=values)
def test_any_value_at_any_place(path: tuple[Any, ...], value: Any, folder: Path) -> None:
    load_text(altered(path, value), folder)


@pytest.mark.slow
@settings(max_examples=1500, deadline=None)
@given(path=st.sampled_from(PLACES), value=values)
def test_long_any_value_at_any_place(path: tuple[Any, ...], value: Any, folder: Path) -> None:
    load_text(altered(path, value), folder)


def aliases(levels: int, *, merge: bool = False) -> str:
    """Every level names the one before it nine times: 9 ** levels values."""
    rows = ["b0: &b0 {x: 1}" if merge else "b0: &b0 [x]"]
    for level in range(1, levels):
        names = ", ".join([f"*b{level - 1}"] * 9)
        rows.append(f"b{level}: &b{level} {{<<: [{names}], y{level}: *b{level - 1}}}" if merge else
                    f"b{level}: &b{level} [{names}]")  # fmt: skip
    return "\n".join(rows) + "\n"


HOSTILE: list[tuple[str, str | bytes]] = [
    ("nothing", b""),
    ("one zero byte", b"\0"),
    ("only a byte order mark", b"\xef\xbb\xbf"),
    ("UTF-16", TEXT.encode("utf-16")),
    ("UTF-32", TEXT.encode("utf-32")),
    ("Latin-1", TEXT.encode() + b"# caf\xe9\n"),
    ("a picture", bytes(range(256)) * 40),
    ("five megabytes", TEXT + "#" * 5_000_000),
    ("a megabyte of brackets", "name: " + "[" * 999_000),
    ("a megabyte of braces", "{a: " * 249_000),
    ("a megabyte of dashes", "- " * 499_000),
    ("a megabyte of question marks", "? " * 499_000),
    ("indented a thousand times", "\n".join(" " * i + "a:" for i in range(1300))),
    ("a million aliases", aliases(8)),
    ("ten thousand million aliases", aliases(11)),
    ("ten thousand million merged keys", aliases(11, merge=True)),
    ("a list that holds itself", "name: &a [*a]\n"),
    ("a block that merges itself", "scene: &a {<<: *a}\n"),
    ("a hundred thousand keys", "".join(f"k{i}: 1\n" for i in range(60_000))),
    ("every key twice", TEXT + TEXT),
    ("tabs for spaces", TEXT.replace("  ", "\t")),
    ("a key of a megabyte", "a" * 900_000 + ": 1\n"),
    ("a number of a megabyte", "count: " + "9" * 900_000 + "\n"),
    ("a fraction of a megabyte", "count: 0." + "9" * 900_000 + "\n"),
    ("letters of every kind", "name: \U0001f600\u202e\n"),
    ("tags of Python", "name: !!python/object/apply:os.system [ls]\nscene: !!python/tuple [1]\n"),
    ("tags that do not fit", "name: !!int x\ncount: !!float y\nseed: !!bool z\nscene: !!null w\n"),
]


@pytest.mark.parametrize(("intent", "content"), HOSTILE, ids=[row[0] for row in HOSTILE])
def test_hostile_files_are_refused(
    intent: str, content: str | bytes, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "p.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ConfigError) as caught:
        load_pipeline(str(path))
    assert caught.value.faults and all("p.yaml" in sentence for sentence in caught.value.faults), intent
    assert max(len(sentence) for sentence in caught.value.faults) < 2000, intent
    assert capfd.readouterr() == ("", ""), intent


def test_many_faults_are_not_all_told(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(TEXT + "".join(f"k{i}: 1\n" for i in range(150)))
    with pytest.raises(ConfigError) as caught:
        load_pipeline(str(path))
    assert len(caught.value.faults) == 101
    assert caught.value.faults[-1] == f"{path}: at least 50 more faults; mend these first"


def test_a_byte_order_mark_and_windows_line_ends_are_fine(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + TEXT.replace("\n", "\r\n").encode())
    assert load_pipeline(str(path)).pipeline == load_pipeline("smoke").pipeline


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
