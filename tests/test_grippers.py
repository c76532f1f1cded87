"""Grippers as data: shipped sizes, boxes, own grippers in YAML, and what is said about wrong ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from synthgen.config.grasps import GRIPPERS, GraspsConfig, GripperConfig
from synthgen.config.load import load_pipeline
from synthgen.errors import ConfigError
from synthgen.label.grippers import SHIPPED, make_gripper

SIZES = """\
opening_m: 0.1
finger_depth_m: 0.05
finger_width_m: 0.02
finger_thickness_m: 0.01
palm_m: [0.12, 0.06, 0.08]
"""
PIPELINE = "name: test\nscene: {objects: [{family: mug}]}\nlabels: {grasps: {gripper: GRIPPER}}\n"


def test_the_names_of_the_config_are_those_of_the_table() -> None:
    assert tuple(SHIPPED) == GRIPPERS
    assert GraspsConfig().gripper in GRIPPERS


@pytest.mark.parametrize("name", GRIPPERS)
def test_shipped_grippers_are_symmetric_boxes_behind_the_tips(name: str) -> None:
    gripper = make_gripper(name)
    low, high = gripper.corners()
    assert (low < high).all() and high[:, 2].max() == 0.0
    mirrored = {(round(-b.high_m[0], 9), *b.low_m[1:], round(-b.low_m[0], 9), *b.high_m[1:]) for b in gripper.boxes}
    given = {(round(b.low_m[0], 9), *b.low_m[1:], round(b.high_m[0], 9), *b.high_m[1:]) for b in gripper.boxes}
    assert mirrored == given
    inner = min(b.low_m[0] for b in gripper.boxes if b.finger == 1)
    assert inner == pytest.approx(gripper.opening_m / 2)
    palm = max(b.high_m[2] for b in gripper.boxes if b.finger == 0)
    assert palm == pytest.approx(-gripper.depth_m)


@pytest.mark.parametrize(("name", "opening_mm"), [("franka_hand", 80), ("robotiq_2f85", 85)])
def test_openings_are_those_of_the_data_sheets(name: str, opening_mm: int) -> None:
    assert make_gripper(name).opening_m == pytest.approx(opening_mm / 1000)


def test_fingers_without_a_base_are_one_box_each() -> None:
    sizes = GripperConfig(
        opening_m=0.1, finger_depth_m=0.05, finger_width_m=0.02, finger_thickness_m=0.01, palm_m=(0.12, 0.06, 0.08)
    )
    gripper = make_gripper(sizes)
    assert [box.finger for box in gripper.boxes] == [-1, 1, 0]
    assert gripper.pad_length_m == 0.05
    assert np.allclose(gripper.boxes[1].low_m, (0.05, -0.01, -0.05))


def test_an_unknown_gripper_is_refused_in_code_too() -> None:
    with pytest.raises(ConfigError) as error:
        make_gripper("vacuum")
    assert str(error.value) == (
        "labels.grasps.gripper: there is no gripper 'vacuum'; shipped: franka_hand, robotiq_2f85; "
        "or give a YAML file or block with its sizes (opening_m, finger_depth_m, ...)"
    )


def test_a_gripper_file_takes_the_place_of_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "wide.yaml").write_text(SIZES)
    (tmp_path / "p.yaml").write_text(PIPELINE.replace("GRIPPER", "parts/wide.yaml"))
    monkeypatch.chdir(tmp_path)
    loaded = load_pipeline("p.yaml")
    assert loaded.pipeline.labels.grasps is not None
    gripper = loaded.pipeline.labels.grasps.gripper
    assert isinstance(gripper, GripperConfig)
    assert (gripper.name, gripper.opening_m, gripper.palm_m) == ("wide", 0.1, (0.12, 0.06, 0.08))
    assert loaded.as_given["labels"]["grasps"]["gripper"] == "parts/wide.yaml", "the dataset keeps the path as given"


ROWS = [
    (
        "a name that is nearly right",
        "franka",
        None,
        "p.yaml:3: labels.grasps.gripper: 'franka' is not known; nearest known: franka_hand. "
        "Allowed: franka_hand, robotiq_2f85; or give a YAML file with the sizes of your own",
    ),
    (
        "a number",
        "5",
        None,
        'p.yaml:3: labels.grasps.gripper: 5 is not text; put it in quotes: "5"',
    ),
    (
        "a file that is missing",
        "wide.yml",
        None,
        "p.yaml:3: labels.grasps.gripper: 'FOLDER/wide.yml' does not exist; the folder FOLDER has own.yaml, p.yaml; "
        "did you mean own.yaml?",
    ),
    (
        "a file that is no YAML",
        "own.yaml",
        "a: [1\n",
        "p.yaml:3: labels.grasps.gripper: 'FOLDER/own.yaml' cannot be read as YAML (line 2: not valid YAML here, "
        "column 1: expected ',' or ']', but got '<stream end>'; check indentation, colons, quotes and brackets up to "
        "here); mend the file, or name a shipped gripper",
    ),
    (
        "a file that is nested thousands deep",
        "own.yaml",
        "[" * 5000,
        "p.yaml:3: labels.grasps.gripper: 'FOLDER/own.yaml' cannot be read as YAML (line 1: blocks are nested more "
        "than 40 deep; flatten the file); mend the file, or name a shipped gripper",
    ),
    (
        "a file of 200 kB",
        "own.yaml",
        "#" * 200_000,
        "p.yaml:3: labels.grasps.gripper: 'FOLDER/own.yaml' cannot be read as YAML (200000 bytes; allowed: 100000); "
        "mend the file, or name a shipped gripper",
    ),
    (
        "a date for a length",
        "own.yaml",
        SIZES.replace("opening_m: 0.1", "opening_m: 2001-01-01"),
        "p.yaml:3: labels.grasps.gripper.opening_m: '2001-01-01' (text) is not a number; try opening_m: 0.08",
    ),
    (
        "a file with a list",
        "own.yaml",
        "- 1\n",
        "p.yaml:3: labels.grasps.gripper: 'FOLDER/own.yaml' holds no block of sizes; allowed: opening_m, "
        "finger_depth_m, finger_width_m, ...; name a shipped gripper, or write one key per line",
    ),
    (
        "a size out of range",
        "own.yaml",
        SIZES.replace("opening_m: 0.1", "opening_m: 80"),
        "p.yaml:3: labels.grasps.gripper.opening_m: 80 is outside what is allowed: 0 to 1 m; try opening_m: 0.08",
    ),
    (
        "pads longer than fingers",
        "own.yaml",
        SIZES + "pad_length_m: 0.06\n",
        "p.yaml:3: labels.grasps.gripper.pad_length_m: 0.06 m is more than finger_depth_m, 0.05 m; allowed: up to the "
        "length of the finger; leave it out when the pad covers the whole finger",
    ),
    (
        "a palm of two numbers",
        "own.yaml",
        SIZES.replace(", 0.08]", "]"),
        "p.yaml:3: labels.grasps.gripper.palm_m: has 2 entries; allowed: exactly 3; try palm_m: [0.2, 0.065, 0.09]",
    ),
]


@pytest.mark.parametrize(("intent", "given", "file", "sentence"), ROWS, ids=[row[0] for row in ROWS])
def test_wrong_grippers(
    intent: str, given: str, file: str | None, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own.yaml").write_text(SIZES if file is None else file)
    (tmp_path / "p.yaml").write_text(PIPELINE.replace("GRIPPER", given))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError) as error:
        load_pipeline("p.yaml")
    assert str(error.value) == sentence.replace("FOLDER", str(tmp_path)), intent
