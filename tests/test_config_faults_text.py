"""YAML text that cannot be read: the literal sentence of every fault, one row per intent."""

from __future__ import annotations

from pathlib import Path

import pytest

from synthgen.config.family_ranges import FAMILIES
from synthgen.config.load import load_pipeline
from synthgen.errors import ConfigError

BASE = "name: t\nscene:\n  objects:\n    - {family: mug}\n"
# intent, pipeline file, sentences (DIR stands for the folder of the file, <families> for their names)
ROWS: list[tuple[str, str, list[str]]] = [
    (
        "repeated key",
        BASE + "count: 3\ncount: 4\n",
        [
            "p.yaml:6: count: given twice, here and in line 5; keep one of them",
        ],
    ),
    (
        "tab",
        "name: t\nscene:\n\tobjects: []\n",
        [
            "p.yaml:3: a tab is used to indent; YAML only takes spaces: replace the tab by spaces",
        ],
    ),
    (
        "bracket left open",
        "name: t\nscene: {objects: [{family: mug}\n",
        [
            (
                "p.yaml:3: not valid YAML here, column 1: expected ',' or ']', but got '<stream end>'; check "
                "indentation, colons, quotes and brackets up to here"
            ),
        ],
    ),
    (
        "colon in a value",
        "name: t: u\n",
        [
            (
                "p.yaml:1: not valid YAML here, column 8: mapping values are not allowed here; check indentation, "
                "colons, quotes and brackets up to here"
            ),
        ],
    ),
    (
        "two documents",
        BASE + "---\nname: u\n",
        [
            "p.yaml:5: a second document starts here ('---'); keep one pipeline per file",
        ],
    ),
    (
        "a tag",
        "name: !!python/name:os.system t\nscene: {objects: [{family: mug}]}\n",
        [
            "p.yaml:1: name: the tag 'tag:yaml.org,2002:python/name:os.system' is not allowed; remove it",
        ],
    ),
    (
        "undefined alias",
        BASE + "image: *size\n",
        [
            ("p.yaml:5: found undefined alias 'size'; define it with & before it is used, or write the value out"),
        ],
    ),
    (
        "list as key",
        BASE + "? [a, b]\n: 1\n",
        [
            "p.yaml:5: a key is a list or a block; keys are plain words",
        ],
    ),
    (
        "control character",
        BASE + 'licence: "a\u0001"\n',
        [
            "p.yaml:5: character #x0001 is not allowed in YAML; delete it",
        ],
    ),
    (
        "empty file",
        "",
        [
            "p.yaml:1: is empty; synthgen init NAME writes a pipeline to start from",
        ],
    ),
    (
        "only comments",
        "# nothing\n",
        [
            "p.yaml:1: is empty; synthgen init NAME writes a pipeline to start from",
        ],
    ),
    (
        "a list",
        "- name: t\n",
        [
            "p.yaml:1: holds a list; allowed: a block of keys such as name:, scene:, camera:",
        ],
    ),
    (
        "one word",
        "grasping\n",
        [
            "p.yaml:1: holds text; allowed: a block of keys such as name:, scene:, camera:",
        ],
    ),
    (
        "lone surrogate",
        BASE + 'licence: "\\ud800"\n',
        [
            "p.yaml:5: licence: '\\ud800' cannot be read as text; write it plainly",
        ],
    ),
    (
        "deep nesting",
        BASE + "image: " + "[" * 60 + "]" * 60 + "\n",
        [
            ("p.yaml:5: image[0][0]: too deep or long: more than 40 levels or 50000 values (aliases count); shorten"),
        ],
    ),
    (
        "huge number",
        BASE + "camera: {fov_deg: " + "9" * 400 + "}\n",
        [
            (
                "p.yaml:5: camera.fov_deg: 999999999999999999999999999999999999999999999999999999999... is not a "
                "finite number; allowed: a number, {uniform: [a, b]}, {uniform_int: [a, b]}, {normal: [mean, sd]}, "
                "{log_uniform: [a, b]} or {choice: [...], weights: [...]}"
            ),
        ],
    ),
    (
        "huge seed",
        BASE + "seed: " + "9" * 30 + "\n",
        [
            (
                "p.yaml:5: seed: 999999999999999999999999999999 is outside what is allowed: 0 to "
                "9223372036854775807; try seed: 0"
            ),
        ],
    ),
]


@pytest.mark.parametrize(("intent", "text", "expected"), ROWS, ids=[row[0] for row in ROWS])
def test_sentence(intent: str, text: str, expected: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("p.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_pipeline("p.yaml")
    expected = [sentence.replace("<families>", ", ".join(FAMILIES)) for sentence in expected]
    assert [fault.replace(str(tmp_path), "DIR") for fault in caught.value.faults] == expected, intent


def test_rows_are_distinct() -> None:
    assert len({row[0] for row in ROWS}) == len({row[1] for row in ROWS}) == len(ROWS) == 17
