"""The dataset contract: schemas equal what the code says, and what is written fits them."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import numpy as np
import pyarrow.parquet as pq
import pytest
import small_dataset
from hypothesis import given
from hypothesis import strategies as st

from synthgen.contract import layout
from synthgen.contract.coco import KEYPOINT_NAMES, SKELETON, significant
from synthgen.contract.jsonschemas import schemas
from synthgen.contract.tables import TABLES

SCHEMAS = Path(__file__).parents[1] / "schemas"


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_dataset.build(tmp_path_factory.mktemp("contract") / "set")


def test_schema_files_equal_the_code() -> None:
    generated = schemas()
    assert sorted(generated) == ["coco.schema.json", "dataset.schema.json", "manifest.schema.json"]
    for name, schema in generated.items():
        text = json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
        assert (SCHEMAS / name).read_text(encoding="utf-8") == text, f"schemas/{name} is stale"
        jsonschema.Draft202012Validator.check_schema(schema)


def test_coco_files_fit_their_schema(dataset: Path) -> None:
    validator = jsonschema.Draft202012Validator(schemas()["coco.schema.json"])
    files = sorted((dataset / "annotations").iterdir())
    assert len(files) == 3
    for file in files:
        validator.validate(json.loads(file.read_text(encoding="utf-8")))


def test_dataset_json_fits_its_schema(dataset: Path) -> None:
    jsonschema.validate(json.loads((dataset / "dataset.json").read_bytes()), schemas()["dataset.schema.json"])


def test_tables_fit_their_schemas(dataset: Path) -> None:
    rows = 0
    definitions = schemas()["manifest.schema.json"]["$defs"]
    for table, files in (
        ("images", sorted((dataset / "manifest/images").iterdir())),
        ("instances", sorted((dataset / "manifest/instances").iterdir())),
        ("models", [dataset / layout.MODELS_TABLE]),
    ):
        validator = jsonschema.Draft202012Validator(definitions[table])
        for file in files:
            found = pq.read_table(file)
            assert found.schema.equals(TABLES[table], check_metadata=True), "units travel in the field metadata"
            for row in found.to_pylist():
                validator.validate(row)
                rows += 1
    assert rows == 12 + 33 + 2


def test_every_physical_column_has_a_unit() -> None:
    wanted = {"bbox", "area", "translation_m", "corners_px", "extent_m", "diameter_m", "width", "K"}
    met = set()
    for schema in TABLES.values():
        fields = [*schema, *(f for one in schema if str(one.type).startswith("struct") for f in one.type)]
        for field in fields:
            assert field.metadata[b"description"]
            if field.name in wanted:
                met.add(field.name)
                assert field.metadata[b"unit"] in (b"px", b"m"), field.name
    assert met == wanted


PATHS = [
    (layout.file_name(0, 123, "jpeg"), "00000/000000123.jpg"),
    (layout.file_name(123456, 1234567890, "png"), "123456/1234567890.png"),
    (layout.pixel_path("images", "00000/000000123.jpg"), "images/00000/000000123.jpg"),
    (layout.pixel_path("depth", "00000/000000123.jpg"), "depth/00000/000000123.png"),
    (layout.pixel_path("instances", "00000/000000123.png"), "instances/00000/000000123.png"),
    (layout.part_path("images", 7), "manifest/images/part-00007.parquet"),
    (layout.receipt_path(7), "receipts/00007.json"),
    (layout.coco_path("val"), "annotations/instances_val.json"),
    (layout.model_path("0123456789abcdef"), "models/0123456789abcdef.ply"),
]


@pytest.mark.parametrize(("path", "expected"), PATHS)
def test_paths(path: str, expected: str) -> None:
    assert path == expected


def test_the_skeleton_is_the_twelve_edges_of_a_box() -> None:
    assert len(KEYPOINT_NAMES) == 9 and len({tuple(edge) for edge in SKELETON}) == 12
    for a, b in SKELETON:
        assert bin((a - 1) ^ (b - 1)).count("1") == 1, "an edge joins corners that differ in one bit"


@given(st.floats(-1e6, 1e6))
def test_nine_significant_digits(value: float) -> None:
    (rounded,) = significant(np.array([value]))
    assert abs(rounded - value) <= 0.5000001e-8 * abs(value) or (rounded == 0 and abs(value) < 1e-12)
    assert len(f"{abs(rounded):.17g}".replace(".", "").split("e")[0].strip("0")) <= 17
    assert float(f"{rounded:.9g}") == rounded
    assert np.copysign(1, rounded) == 1 or rounded != 0, "no negative zeros"
