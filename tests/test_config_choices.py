"""Names that config repeats as literal tables are those of the stages, both ways; the schema file is up to date."""

from __future__ import annotations

import json

import jsonschema
import pytest
import yaml

from synthgen.assets.families.build import BUILDERS
from synthgen.config.choices import OBJECT_FINISHES, SENSE_PRESETS, SURFACE_FINISHES
from synthgen.config.family_ranges import FAMILIES
from synthgen.config.load import load_pipeline
from synthgen.config.locate import shipped, shipped_pipelines
from synthgen.config.schema import key_paths, pipeline_schema, schema_text
from synthgen.scene.materials import finish_names, surface_names
from synthgen.sense.presets import sense_preset_names

TABLES = [
    ("camera presets", SENSE_PRESETS, sense_preset_names()),
    ("object finishes", OBJECT_FINISHES, finish_names()),
    ("surface finishes", SURFACE_FINISHES, surface_names()),
]


@pytest.mark.parametrize(("intent", "ours", "theirs"), TABLES, ids=[row[0] for row in TABLES])
def test_table_equals_its_stage(intent: str, ours: tuple[str, ...], theirs: tuple[str, ...]) -> None:
    assert sorted(ours) == sorted(theirs), intent


def test_every_family_a_pipeline_may_name_can_be_built() -> None:
    assert set(FAMILIES) <= set(BUILDERS)
    assert len(FAMILIES) >= 14


def test_schema_file_is_what_the_code_generates() -> None:
    stored = shipped("schemas", ".schema.json")["pipeline"].read_text(encoding="utf-8")
    assert stored == schema_text(), "run: python -m synthgen.config.schema > schemas/pipeline.schema.json"


def test_schema_is_a_valid_schema_and_accepts_what_ships() -> None:
    schema = pipeline_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    seen = 0
    for name, path in shipped_pipelines().items():
        validator.validate(yaml.safe_load(path.read_text(encoding="utf-8")))
        validator.validate(load_pipeline(name).as_given)
        seen += 1
    assert seen == 4


REFUSED = [
    ("unknown key", {"colour": 1}),
    ("unknown family", {"scene": {"objects": [{"family": "mugg"}]}}),
    ("unknown preset", {"sense": {"preset": "d435"}}),
    ("constant out of bounds", {"camera": {"fov_deg": 4000}}),
    ("two forms of a distribution", {"camera": {"fov_deg": {"uniform": [45, 60], "normal": [45, 1]}}}),
    ("text for a number", {"count": "200"}),
    ("augmentation", {"augment": [{"blur": 1}]}),
]


@pytest.mark.parametrize(("intent", "change"), REFUSED, ids=[row[0] for row in REFUSED])
def test_schema_refuses(intent: str, change: dict[str, object]) -> None:
    tree = {"name": "t", "scene": {"objects": [{"family": "mug"}]}} | change
    assert not jsonschema.Draft202012Validator(pipeline_schema()).is_valid(json.loads(json.dumps(tree))), intent


def test_every_property_of_the_schema_says_what_it_is() -> None:
    schema = pipeline_schema()
    silent = [
        f"{name}.{key}"
        for name, node in {**schema["$defs"], "Pipeline": schema}.items()
        for key, value in node.get("properties", {}).items()
        if name != "Distribution" and not value.get("description") and "$ref" not in value and key != "kind"
    ]
    assert silent == []


def test_keys_that_set_completes_to_exist() -> None:
    keys = key_paths()
    assert {"count", "camera.fov_deg", "camera.placement.distance_m", "scene.support.kind"} <= set(keys)
