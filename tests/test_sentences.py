"""Every sentence that the source can say to a user stands, word for word, in some test."""

from __future__ import annotations

from pathlib import Path

import pytest
from sentence_sources import PACKAGE, TESTS, Sentence, sentences, texts

MODULES = sorted(PACKAGE.rglob("*.py"))
TEST_MODULES = sorted(TESTS.glob("test_*.py"))
FEWEST_SENTENCES, FEWEST_MODULES = 340, 50  # what this check saw when it was written: it must not go blind


@pytest.fixture(scope="module")
def spoken() -> list[Sentence]:
    return [sentence for path in MODULES for sentence in sentences(path)]


def test_every_sentence_is_pinned_by_a_test(spoken: list[Sentence]) -> None:
    pinned = [text for path in TEST_MODULES for text in texts(path)]
    unpinned = [str(sentence) for sentence in spoken if not any(sentence.pinned_by(text) for text in pinned)]
    assert not unpinned, "no test spells out these sentences:\n" + "\n".join(unpinned)


def test_the_check_sees_the_sentences(spoken: list[Sentence]) -> None:
    assert len(spoken) >= FEWEST_SENTENCES
    assert len({sentence.module for sentence in spoken}) >= FEWEST_MODULES
    assert len(MODULES) > 180 and len(TEST_MODULES) >= 50


SOURCE = '''
LIMITS_SENTENCES = {1: "the disk is full of sand"}
HINT = "a hint from a constant"

def read(path, size):
    """A docstring that is no sentence."""
    if size > 3:
        raise AssetError(f"{path} is too large: {size}; " + "take a smaller one")
    sentence = "given in one way" if size else f"or in another, {path}"
    yield Fault(("a", "b"), sentence)
    raise ConfigError(_told(size))

def _told(size):
    return f"told by a function, {HINT}"

def lens_fault(x):
    problem = "a problem in the lens" if x else ""
    return problem

def quiet():
    raise KeyError("a word to ourselves")
'''
FOUND = [
    ("the disk is full of sand",),
    ("a hint from a constant",),
    ("", " is too large: ", "; take a smaller one"),
    ("given in one way",),
    ("or in another, ", ""),
    ("told by a function, ", ""),
    ("a problem in the lens",),
]


def test_what_counts_as_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sentence_sources

    monkeypatch.setattr(sentence_sources, "ROOT", tmp_path)
    monkeypatch.setattr(sentence_sources, "PACKAGE", tmp_path)
    (tmp_path / "reader.py").write_text(SOURCE)
    assert [sentence.pieces for sentence in sentences(tmp_path / "reader.py")] == FOUND


PINNED = [
    ("the same words", "a.glb is too large: 7; take a smaller one", True),
    ("other words", "a.glb is too big: 7; take a smaller one", False),
    ("only a part", "is too large: 7", False),
    ("the parts in another order", "take a smaller one; a.glb is too large: 7", False),
]


@pytest.mark.parametrize(("intent", "text", "pinned"), PINNED, ids=[row[0] for row in PINNED])
def test_what_pins_a_sentence(intent: str, text: str, pinned: bool) -> None:
    sentence = Sentence("reader.py", 8, ("", " is too large: ", "; take a smaller one"))
    assert sentence.pinned_by(text) is pinned, intent


def test_texts_of_a_test_are_put_together(tmp_path: Path) -> None:
    (tmp_path / "test_a.py").write_text('END = "the end"\nROW = ("one " "two " f"{x} three; {END}", "a" + END)\n')
    assert texts(tmp_path / "test_a.py") == ["the end", "one two \0 three; the end", "athe end"]
