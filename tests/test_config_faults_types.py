"""Keys, types, ranges and distributions: the literal sentence of every fault, one row per intent."""

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
        "unknown key at the top",
        BASE + "colour: red\n",
        [
            (
                "p.yaml:5: colour: unknown key; allowed keys: version, name, description, count, seed, licence, "
                "image, scene, camera, generate, sense, augment, verify, labels, splits, run, pairs"
            ),
        ],
    ),
    (
        "misspelt key, three levels down",
        "name: t\nscene:\n  objects:\n    - {famly: mug}\n",
        [
            (
                "p.yaml:4: scene.objects[0].famly: unknown key; nearest known: family. Allowed keys: family, mesh, "
                "class, supercategory, weight, variants, size, scale, up, density_kg_m3, friction, collision, "
                "material"
            ),
        ],
    ),
    (
        "misspelt key in a placement",
        BASE + "camera:\n  placement: {kind: above, hight_m: 1}\n",
        [
            (
                "p.yaml:6: camera.placement.hight_m: unknown key; nearest known: height_m. Allowed keys: kind, "
                "height_m, tilt_deg, azimuth_deg, roll_deg, target_jitter_m, off_centre"
            ),
        ],
    ),
    (
        "missing name",
        "scene: {objects: [{family: mug}]}\n",
        [
            (
                "p.yaml:1: name: missing (letters, digits, '.', '_' and '-', starting with a letter or digit); add "
                "name: grasping"
            ),
        ],
    ),
    (
        "missing scene",
        "name: t\n",
        [
            "p.yaml:1: scene: missing; add scene: {objects: [{family: mug}]}",
        ],
    ),
    (
        "no objects",
        "name: t\nscene: {objects: []}\n",
        [
            "p.yaml:2: scene.objects: has 0 entries; allowed: at least 1; try objects: [{family: mug}]",
        ],
    ),
    (
        "objects is no list",
        "name: t\nscene: {objects: {family: mug}}\n",
        [
            "p.yaml:2: scene.objects: a block of keys is not a list; try objects: [{family: mug}]",
        ],
    ),
    (
        "an entry is only a word",
        "name: t\nscene:\n  objects: [mug]\n",
        [
            (
                "p.yaml:3: scene.objects[0]: 'mug' (text) is not a block of keys; allowed keys: family, mesh, "
                "class, supercategory, weight, variants, size, scale, up, density_kg_m3, friction, collision, "
                "material"
            ),
        ],
    ),
    (
        "entry without source",
        "name: t\nscene:\n  objects:\n    - {weight: 2}\n",
        [
            "p.yaml:4: scene.objects[0]: needs 'family' (procedural) or 'mesh' (file or glob); try family: mug",
        ],
    ),
    (
        "entry with two sources",
        "name: t\nscene:\n  objects:\n    - {family: mug, mesh: cup.glb}\n",
        [
            (
                "p.yaml:4: scene.objects[0]: has both 'family' (procedural) and 'mesh' (file or glob), allowed: "
                "one of them; write two entries"
            ),
            (
                "p.yaml:4: scene.objects[0].mesh: 'DIR/cup.glb' does not exist; the folder DIR has no .glb or "
                ".gltf or .obj or .ply or .stl; check the path"
            ),
        ],
    ),
    (
        "bad name",
        "name: my set\nscene:\n  objects:\n    - {family: mug}\n",
        [
            (
                "p.yaml:1: name: 'my set' is not allowed; allowed: letters, digits, '.', '_' and '-', starting "
                "with a letter or digit, at most 100 of them; try name: grasping"
            ),
        ],
    ),
    (
        "empty name",
        "name: ''\nscene:\n  objects:\n    - {family: mug}\n",
        [
            (
                "p.yaml:1: name: '' is not allowed; allowed: letters, digits, '.', '_' and '-', starting with a "
                "letter or digit, at most 100 of them; try name: grasping"
            ),
        ],
    ),
    (
        "number for text",
        "name: 7\nscene:\n  objects:\n    - {family: mug}\n",
        [
            'p.yaml:1: name: 7 is not text; put it in quotes: "7"',
        ],
    ),
    (
        "count zero",
        BASE + "count: 0\n",
        [
            "p.yaml:5: count: 0 is outside what is allowed: 1 to 100000000 images; try count: 200",
        ],
    ),
    (
        "count as text",
        BASE + "count: '200'\n",
        [
            "p.yaml:5: count: '200' (text) is not a whole number; try count: 200",
        ],
    ),
    (
        "count with a fraction",
        BASE + "count: 1.5\n",
        [
            "p.yaml:5: count: 1.5 is not a whole number; try count: 200",
        ],
    ),
    (
        "count true",
        BASE + "count: true\n",
        [
            "p.yaml:5: count: true is not a whole number; try count: 200",
        ],
    ),
    (
        "count empty",
        BASE + "count:\n",
        [
            "p.yaml:5: count: nothing (null) is not a whole number; try count: 200",
        ],
    ),
    (
        "seed negative",
        BASE + "seed: -1\n",
        [
            "p.yaml:5: seed: -1 is outside what is allowed: 0 to 9223372036854775807; try seed: 0",
        ],
    ),
    (
        "block for a number",
        BASE + "count: {uniform: [1, 2]}\n",
        [
            "p.yaml:5: count: a block of keys is not a whole number; try count: 200",
        ],
    ),
    (
        "number for a block",
        BASE + "image: 256\n",
        [
            "p.yaml:5: image: 256 is not a block of keys; allowed keys: width, height, format, quality",
        ],
    ),
    (
        "image too large",
        BASE + "image: {width: 10000}\n",
        [
            "p.yaml:5: image.width: 10000 is outside what is allowed: 32 to 4096 pixels; try width: 256",
        ],
    ),
    (
        "image not a number",
        BASE + "image: {height: .nan}\n",
        [
            "p.yaml:5: image.height: nan is not a whole number; try height: 256",
        ],
    ),
    (
        "format",
        BASE + "image: {format: jpg}\n",
        [
            "p.yaml:5: image.format: 'jpg' is not known; nearest known: jpeg. Allowed: jpeg, png",
        ],
    ),
    (
        "fov in the wrong unit",
        BASE + "camera: {fov_deg: 4000}\n",
        [
            "p.yaml:5: camera.fov_deg: 4000 is outside 5 to 150 deg; try fov_deg: {uniform: [45, 65]}",
        ],
    ),
    (
        "fov range that leaves the bounds",
        BASE + "camera: {fov_deg: {uniform: [45, 200]}}\n",
        [
            (
                "p.yaml:5: camera.fov_deg: reaches from 45 to 200, outside 5 to 150 deg; try fov_deg: {uniform: "
                "[45, 65]}"
            ),
        ],
    ),
    (
        "normal that leaves the bounds",
        BASE + "camera: {fov_deg: {normal: [20, 6]}}\n",
        [
            (
                "p.yaml:5: camera.fov_deg: reaches from 2 to 38, outside 5 to 150 deg (a normal is clipped at 3 "
                "standard deviations); try fov_deg: {uniform: [45, 65]}"
            ),
        ],
    ),
    (
        "backwards range",
        BASE + "camera: {fov_deg: {uniform: [65, 45]}}\n",
        [
            "p.yaml:5: camera.fov_deg: {uniform: [65, 45]} runs backwards; write the smaller number first",
        ],
    ),
    (
        "three numbers",
        BASE + "camera: {fov_deg: {uniform: [1, 2, 3]}}\n",
        [
            (
                "p.yaml:5: camera.fov_deg: {uniform: [1, 2, 3]} has 3 numbers; allowed: exactly two, [low, high]; "
                "try fov_deg: {uniform: [45, 65]}"
            ),
        ],
    ),
    (
        "unknown distribution",
        BASE + "camera: {fov_deg: {unifrom: [45, 65]}}\n",
        [
            (
                "p.yaml:5: camera.fov_deg: {'unifrom': [45, 65]} is not a distribution; allowed: a number, "
                "{uniform: [a, b]}, {uniform_int: [a, b]}, {normal: [mean, sd]}, {log_uniform: [a, b]} or {choice: "
                "[...], weights: [...]}"
            ),
        ],
    ),
    (
        "distribution of text",
        BASE + "camera: {fov_deg: wide}\n",
        [
            (
                "p.yaml:5: camera.fov_deg: 'wide' is not a finite number; allowed: a number, {uniform: [a, b]}, "
                "{uniform_int: [a, b]}, {normal: [mean, sd]}, {log_uniform: [a, b]} or {choice: [...], weights: "
                "[...]}"
            ),
        ],
    ),
    (
        "weights that do not fit",
        BASE + "camera: {fov_deg: {choice: [45, 65], weights: [1]}}\n",
        [
            (
                "p.yaml:5: camera.fov_deg: weights [1] do not fit 2 choices; allowed: one number >= 0 per choice, "
                "not all 0; or leave weights out"
            ),
        ],
    ),
    (
        "negative standard deviation",
        BASE + "camera: {fov_deg: {normal: [45, -1]}}\n",
        [
            (
                "p.yaml:5: camera.fov_deg: {normal: [45, -1]} has a negative standard deviation; allowed: [mean, "
                "sd] with sd >= 0; try fov_deg: {uniform: [45, 65]}"
            ),
        ],
    ),
    (
        "fractional uniform_int",
        "name: t\nscene:\n  objects: [{family: mug}]\n  distractors: {uniform_int: [0, 1.5]}\n",
        [
            (
                "p.yaml:4: scene.distractors: {uniform_int: [0, 1.5]} has a fraction; allowed: whole numbers; or "
                "use uniform"
            ),
        ],
    ),
    (
        "log_uniform from zero",
        BASE + "camera: {fov_deg: {log_uniform: [0, 50]}}\n",
        [
            (
                "p.yaml:5: camera.fov_deg: {log_uniform: [0, 50]} reaches 0 or below; allowed: [low, high] with "
                "low > 0; try fov_deg: {uniform: [45, 65]}"
            ),
        ],
    ),
    (
        "empty choice",
        BASE + "camera: {fov_deg: {choice: []}}\n",
        [
            "p.yaml:5: camera.fov_deg: {choice: []} is empty; give at least one value",
        ],
    ),
    (
        "constant that is no list",
        BASE + "camera: {fov_deg: {uniform: 45}}\n",
        [
            (
                "p.yaml:5: camera.fov_deg: {uniform: 45} needs a list; allowed: a number, {uniform: [a, b]}, "
                "{uniform_int: [a, b]}, {normal: [mean, sd]}, {log_uniform: [a, b]} or {choice: [...], weights: "
                "[...]}"
            ),
        ],
    ),
    (
        "placement kind",
        BASE + "camera:\n  placement: {kind: hemisfere}\n",
        [
            (
                "p.yaml:6: camera.placement.kind: 'hemisfere' is not known; nearest known: hemisphere. Allowed: "
                "hemisphere, above, poses"
            ),
        ],
    ),
    (
        "placement without kind",
        BASE + "camera:\n  placement: {distance_m: 1}\n",
        [
            "p.yaml:6: camera.placement.kind: missing; allowed: hemisphere, above, poses; try kind: hemisphere",
        ],
    ),
]


@pytest.mark.parametrize(("intent", "text", "expected"), ROWS, ids=[row[0] for row in ROWS])
def test_sentence(intent: str, text: str, expected: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("meshes").mkdir()
    for name in ("cup.stl", "jug.stl", "readme.txt"):
        Path("meshes", name).write_text("x", encoding="utf-8")
    Path("p.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_pipeline("p.yaml")
    expected = [sentence.replace("<families>", ", ".join(FAMILIES)) for sentence in expected]
    assert [fault.replace(str(tmp_path), "DIR") for fault in caught.value.faults] == expected, intent


def test_rows_are_distinct() -> None:
    assert len({row[0] for row in ROWS}) == len({row[1] for row in ROWS}) == len(ROWS) == 39
