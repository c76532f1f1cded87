"""The shipped pipelines: load, plan, and hold what their comments promise."""

from __future__ import annotations

from pathlib import Path

import pytest

from synthgen.config.family_ranges import FAMILIES
from synthgen.config.load import load_pipeline
from synthgen.config.locate import shipped_pipelines
from synthgen.run.plan import make_plan

NAMES = ("bin_picking", "grasping", "smoke", "training")


def test_four_pipelines_ship_and_no_other_file_hides_among_them() -> None:
    assert tuple(shipped_pipelines()) == NAMES
    folder = next(iter(shipped_pipelines().values())).parent
    assert sorted(path.name for path in folder.iterdir()) == [f"{name}.yaml" for name in NAMES]


@pytest.mark.parametrize("name", NAMES)
def test_loads_and_plans(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    entries = len(load_pipeline(name).pipeline.scene.objects)
    # One size of each family, so that the test is quick.
    loaded = load_pipeline(name, [f"scene.objects[{index}].variants=1" for index in range(entries)])
    assert loaded.pipeline.name == name
    assert make_plan(loaded, folder=None).shard_count >= 1


def test_grasping_shows_every_family_of_known_things() -> None:
    entries = load_pipeline("grasping").pipeline.scene.objects
    assert sorted(str(entry.family) for entry in entries) == sorted(set(FAMILIES) - {"gadget"})
    assert len(entries) >= 14


def test_bin_picking_piles_up_at_least_twenty_parts() -> None:
    scene = load_pipeline("bin_picking").pipeline.scene
    assert scene.support.kind == "tote"
    assert scene.objects_per_scene.low >= 20


def test_smoke_is_small() -> None:
    pipeline = load_pipeline("smoke").pipeline
    assert pipeline.count * pipeline.image.width * pipeline.image.height <= 10 * 160 * 120
