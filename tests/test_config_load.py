"""Where pipelines are found, what --set does, which folder a path starts from, and what comes out."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from synthgen.config.document import parse
from synthgen.config.load import load_pipeline
from synthgen.config.template import copy_pipeline
from synthgen.errors import ConfigError

TEXT = """\
name: t
scene:
  objects:
    - {family: mug}
    - {mesh: "meshes/*.stl", class: part}
camera: {fov_deg: 50}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """DIR/here is the working directory, DIR/there/t.yaml the pipeline; both have a folder of meshes."""
    for name in ("here", "there"):
        (tmp_path / name / "meshes").mkdir(parents=True)
        (tmp_path / name / "meshes" / f"{name}.stl").touch()
    (tmp_path / "there" / "t.yaml").write_text(TEXT, encoding="utf-8")
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path


def faults(path: str, *overrides: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_pipeline(path, overrides)
    return list(caught.value.faults)


def test_paths_in_a_file_start_at_the_file_and_those_in_set_at_the_working_directory(folder: Path) -> None:
    given = "../there/t.yaml"
    plain = load_pipeline(given)
    assert plain.pipeline.scene.objects[1].mesh == str(folder / "there" / "meshes" / "*.stl")
    assert plain.base_dir == folder / "there"
    assert plain.path == folder / "there" / "t.yaml"
    replaced = load_pipeline(given, ['scene.objects=[{mesh: "meshes/*.stl"}]'])
    assert replaced.pipeline.scene.objects[0].mesh == str(folder / "here" / "meshes" / "*.stl")
    single = load_pipeline(given, ["scene.objects[0]={mesh: meshes/here.stl}"])
    assert [entry.mesh for entry in single.pipeline.scene.objects] == [
        str(folder / "here" / "meshes" / "here.stl"),
        str(folder / "there" / "meshes" / "*.stl"),
    ]


def test_as_given_keeps_paths_and_fills_defaults(folder: Path) -> None:
    loaded = load_pipeline("../there/t.yaml")
    assert loaded.as_given["scene"]["objects"][1]["mesh"] == "meshes/*.stl"
    assert loaded.as_given["scene"]["objects"][0]["supercategory"] == "tableware"
    assert loaded.as_given["camera"]["views_per_scene"] == 5
    assert loaded.as_given["camera"]["fov_deg"] == 50
    assert loaded.as_given["splits"] == {"train": 0.8, "val": 0.1, "test": 0.1}


def test_as_given_loads_again_to_the_same_pipeline(folder: Path) -> None:
    loaded = load_pipeline("../there/t.yaml")
    again = folder / "again.yaml"
    again.write_text(yaml.safe_dump(loaded.as_given, sort_keys=False), encoding="utf-8")
    reloaded = load_pipeline(str(again), base_dir=folder / "there")
    assert reloaded.pipeline == loaded.pipeline
    assert reloaded.as_given == loaded.as_given


def test_calibration_or_matrix_takes_the_place_of_the_default_field_of_view(folder: Path) -> None:
    given = "../there/t.yaml"
    assert load_pipeline(given, ["camera={}"]).as_given["camera"]["fov_deg"] == {"uniform": [45, 65]}
    with_matrix = load_pipeline(given, ["camera={K: [200, 200, 128, 128]}"]).pipeline.camera
    assert (with_matrix.K, with_matrix.fov_deg) == ((200.0, 200.0, 128.0, 128.0), None)
    swapped = load_pipeline(given, ["camera.fov_deg=null", "camera.K=[200, 200, 128, 128]"]).pipeline.camera
    assert swapped.fov_deg is None


OVERRIDES = [
    ("a number", "image.width=640", lambda p: p.image.width == 640),
    ("a block that the file does not have", "sense.preset=webcam", lambda p: p.sense.preset == "webcam"),
    ("index in brackets", "scene.objects[0].weight=3", lambda p: p.scene.objects[0].weight == 3),
    ("index as a part", "scene.objects.0.weight=3", lambda p: p.scene.objects[0].weight == 3),
    ("a distribution", "camera.fov_deg={normal: [50, 2]}", lambda p: p.camera.fov_deg.kind == "normal"),
    ("a value with an equals sign", "description=a=b", lambda p: p.description == "a=b"),
    ("YAML 1.2 number", "run.failure_budget=1e-3", lambda p: p.run.failure_budget == 0.001),
    ("text that YAML 1.1 takes for a boolean", "licence=on", lambda p: p.licence == "on"),
    ("spaces around", " count = 7 ", lambda p: p.count == 7),
]


@pytest.mark.parametrize(("intent", "override", "holds"), OVERRIDES, ids=[row[0] for row in OVERRIDES])
def test_override(intent: str, override: str, holds: object, folder: Path) -> None:
    assert callable(holds)
    assert holds(load_pipeline("../there/t.yaml", [override]).pipeline), intent


def test_later_overrides_win(folder: Path) -> None:
    assert load_pipeline("../there/t.yaml", ["count=3", "count=4"]).pipeline.count == 4


BAD_OVERRIDES = [
    (
        "no equals sign",
        "count",
        "command line: --set: 'count' is not key.path=value; write it like --set image.width=640 or "
        "--set scene.objects[0].weight=3",
    ),
    (
        "no key",
        "=3",
        "command line: --set: '=3' is not key.path=value; write it like --set image.width=640 or "
        "--set scene.objects[0].weight=3",
    ),
    (
        "unknown key",
        "camera.fov=50",
        "command line: camera.fov: unknown key; nearest known: fov_deg. Allowed keys: views_per_scene, K, distortion, "
        "calibration, preset, fov_deg, placement",
    ),
    (
        "index beyond the list",
        "scene.objects[2].weight=3",
        "command line: scene.objects[2].weight: 2 is not an entry of scene.objects, a list of 2; "
        "allowed: an index from 0 to 1",
    ),
    (
        "index into nothing",
        "scene.objects=[]",
        "command line: scene.objects: has 0 entries; allowed: at least 1; try objects: [{family: mug}]",
    ),
    (
        "key of a number",
        "camera.fov_deg.uniform=[1, 2]",
        "command line: camera.fov_deg.uniform: camera.fov_deg is a whole number (50) without keys; set it as a whole: "
        "--set camera.fov_deg=...",
    ),
    (
        "broken YAML",
        "scene.objects=[{family: mug}",
        "command line: scene.objects: the value '[{family: mug}' cannot be read: not valid YAML here, column 15: "
        "expected ',' or ']', but got '<stream end>'; check indentation, colons, quotes and brackets up to here, "
        "and quote it for the shell",
    ),
    (
        "wrong value",
        "count=0",
        "command line: count: 0 is outside what is allowed: 1 to 100000000 images; try count: 200",
    ),
]


@pytest.mark.parametrize(("intent", "override", "sentence"), BAD_OVERRIDES, ids=[row[0] for row in BAD_OVERRIDES])
def test_bad_override(intent: str, override: str, sentence: str, folder: Path) -> None:
    assert faults("../there/t.yaml", override) == [sentence], intent


def test_all_faults_at_once_in_file_order_and_then_the_command_line(folder: Path) -> None:
    (folder / "here" / "bad.yaml").write_text(
        "name: t\ncount: 0\nscene:\n  objects:\n    - {famly: mug}\n    - {family: mugg}\n    - {mesh: none.glb}\n"
        "sense: {preset: d435}\ncount: 5\n",
        encoding="utf-8",
    )
    found = faults("bad.yaml", "seed=-1", "nothing=2")
    places = [sentence.split(": ")[:2] for sentence in found]
    assert places == [
        ["bad.yaml:2", "count"],
        ["bad.yaml:5", "scene.objects[0].famly"],
        ["bad.yaml:6", "scene.objects[1].family"],
        ["bad.yaml:7", "scene.objects[2].mesh"],
        ["bad.yaml:8", "sense.preset"],
        ["bad.yaml:9", "count"],
        ["command line", "seed"],
        ["command line", "nothing"],
    ]


def test_empty_augment_asks_for_nothing(folder: Path) -> None:
    assert load_pipeline("../there/t.yaml", ["augment=[]"]).pipeline.augment == []


def test_sense_follows_the_camera_preset_unless_it_names_its_own(folder: Path) -> None:
    given, preset = "../there/t.yaml", "camera={preset: industrial_5mp_8mm}"
    loaded = load_pipeline(given, [preset, "sense={noise: 2}"])
    assert loaded.pipeline.sense.preset == loaded.as_given["sense"]["preset"] == "industrial_5mp"
    assert loaded.pipeline.sense.noise is not None and loaded.pipeline.camera.fov_deg is None
    assert load_pipeline(given, [preset, "sense={preset: webcam}"]).pipeline.sense.preset == "webcam"


LOOKUPS = [
    ("a shipped name", "smoke"),
    ("with its ending", "smoke.yaml"),
    ("as in the repository", "pipelines/smoke.yaml"),
]


@pytest.mark.parametrize(("intent", "name"), LOOKUPS, ids=[row[0] for row in LOOKUPS])
def test_shipped_pipelines_are_found_from_any_folder(intent: str, name: str, folder: Path) -> None:
    assert load_pipeline(name).pipeline.name == "smoke", intent


def test_an_own_file_goes_before_a_shipped_name(folder: Path) -> None:
    Path("smoke.yaml").write_text(TEXT.replace("name: t", "name: own"), encoding="utf-8")
    assert load_pipeline("smoke.yaml").pipeline.name == "own"
    assert load_pipeline("smoke").pipeline.name == "smoke"


UNUSABLE = [
    (
        "misspelt name",
        "graspin",
        "'graspin' is no file and no shipped pipeline; nearest: grasping; shipped: bin_picking, grasping, smoke, "
        "training; synthgen init NAME copies one to edit",
    ),
    (
        "missing file",
        "cells/left.yaml",
        "'cells/left.yaml' is no file and no shipped pipeline; shipped: bin_picking, grasping, smoke, "
        "training; synthgen init NAME copies one to edit",
    ),
    (
        "folder with a pipeline",
        "../there",
        "../there is a folder; allowed: a pipeline file (.yaml) or a shipped name; it holds t.yaml: give one of them",
    ),
    (
        "folder without",
        "..",
        ".. is a folder; allowed: a pipeline file (.yaml) or a shipped name; or give one of: bin_picking, grasping, "
        "smoke, training",
    ),
    (
        "not text",
        "meshes/latin.yaml",
        "meshes/latin.yaml: byte 7 is not UTF-8 text; allowed: a YAML file in UTF-8; save it in that encoding",
    ),
    (
        "no pipeline at all",
        "meshes/large.yaml",
        "meshes/large.yaml is 1.5 MB, no pipeline file; allowed: at most 1 MB of YAML; synthgen init NAME writes one "
        "to start from",
    ),
]


@pytest.mark.parametrize(("intent", "given", "sentence"), UNUSABLE, ids=[row[0] for row in UNUSABLE])
def test_unusable_file(intent: str, given: str, sentence: str, folder: Path) -> None:
    Path("meshes/latin.yaml").write_bytes(b"name: K\xe4fig\n")
    Path("meshes/large.yaml").write_bytes(b"#" * 1_500_000)
    assert faults(given) == [sentence], intent


def test_unreadable_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    Path("locked.yaml").touch()
    monkeypatch.setattr(Path, "read_bytes", refuse)  # not by file mode: root may read everything
    assert faults("locked.yaml") == ["locked.yaml cannot be read (Permission denied); check its permissions"]


def test_byte_order_mark_and_windows_lines_are_read(folder: Path) -> None:
    Path("windows.yaml").write_bytes(b"\xef\xbb\xbf" + b"name: w\r\nscene:\r\n  objects:\r\n    - {family: mug}\r\n")
    assert load_pipeline("windows.yaml").pipeline.name == "w"


def test_anchors_and_merge_keys_are_read_with_their_lines() -> None:
    document = parse("a: &base {x: 1, y: 2}\nb:\n  <<: *base\n  y: 3\n")
    assert document.tree == {"a": {"x": 1, "y": 2}, "b": {"y": 3, "x": 1}}
    assert document.lines["b", "y"] == 4
    assert document.faults == []


def test_recursive_aliases_are_refused_and_aliases_that_explode_too() -> None:
    for text in ("a: &a [*a]\n", "\n".join(f"k{i}: &k{i} [{', '.join([f'*k{i - 1}'] * 9)}]" for i in range(1, 9))):
        text = "k0: &k0 [1]\n" + text
        assert "too deep or long" in parse(text).faults[0].sentence


def test_init_copies_with_comments_renames_and_never_overwrites(folder: Path) -> None:
    written = copy_pipeline("smoke", Path("my cell.yaml"))
    assert load_pipeline(str(written)).pipeline.name == "my_cell"
    assert "#" in written.read_text(encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        copy_pipeline("smoke", written)
    assert str(caught.value) == "my cell.yaml exists already and is left as it is; give another name, or move it away"
    assert copy_pipeline("grasping.yaml", Path("meshes")) == Path("meshes/grasping.yaml")


INIT_FAULTS = [
    (
        "unknown",
        "smok",
        None,
        "'smok' is no shipped pipeline; nearest: smoke; shipped: bin_picking, grasping, smoke, training",
    ),
    ("no YAML", "smoke", Path("a.txt"), "a.txt has no YAML ending; allowed: .yaml or .yml; try a.yaml"),
]


@pytest.mark.parametrize(("intent", "name", "target", "sentence"), INIT_FAULTS, ids=[row[0] for row in INIT_FAULTS])
def test_init_faults(intent: str, name: str, target: Path | None, sentence: str, folder: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        copy_pipeline(name, target)
    assert str(caught.value) == sentence, intent
