"""JSON schema of the pipeline file, for editors and for people; schemas/pipeline.schema.json holds its output."""

from __future__ import annotations

import json
from typing import Any, get_args

from synthgen.config.camera_presets import CAMERA_PRESETS
from synthgen.config.choices import OBJECT_FINISHES, SENSE_PRESETS, SURFACE_FINISHES
from synthgen.config.depth_sensor import SensorKind
from synthgen.config.family_ranges import FAMILIES
from synthgen.config.models import Pipeline

DIALECT = "https://json-schema.org/draft/2020-12/schema"
# Names that live in tables: definition, property -> allowed values.
NAMES: dict[tuple[str, str], tuple[str, ...]] = {
    ("ObjectEntry", "family"): tuple(FAMILIES),
    ("MaterialConfig", "finish"): OBJECT_FINISHES,
    ("SupportConfig", "finishes"): SURFACE_FINISHES,
    ("SenseConfig", "preset"): SENSE_PRESETS,
    ("CameraConfig", "preset"): tuple(CAMERA_PRESETS),
}


def pipeline_schema() -> dict[str, Any]:
    """The JSON schema (draft 2020-12) of the pipeline file, as plain data."""
    schema = Pipeline.model_json_schema(by_alias=True)
    for (definition, key), names in NAMES.items():
        _restrict(schema["$defs"][definition]["properties"][key], names)
    entry = schema["$defs"]["ObjectEntry"]["properties"]
    entry["size"]["description"] = "family parameters to override; " + "; ".join(
        f"{family}: {', '.join(ranges.parameters)}" for family, ranges in FAMILIES.items()
    )
    entry = schema["$defs"]["AugmentEntry"]
    entry["minProperties"] = entry["maxProperties"] = 1
    for effect in entry["properties"].values():
        effect["anyOf"] = [choice for choice in effect["anyOf"] if choice.get("type") != "null"]
    sensor = schema["$defs"]["LabelsConfig"]["properties"]["depth_sensor"]
    sensor["anyOf"].append({"enum": list(get_args(SensorKind)), "type": "string"})
    _drop_titles(schema)
    return {"$schema": DIALECT, "title": "synthgen pipeline", **schema}


def schema_text() -> str:
    """What schemas/pipeline.schema.json holds."""
    return json.dumps(pipeline_schema(), indent=2, ensure_ascii=False) + "\n"


def key_paths() -> dict[str, str]:
    """Dotted keys that ``--set`` can be completed to, with their descriptions; list entries are left out."""
    schema = pipeline_schema()
    found: dict[str, str] = {}

    def walk(node: dict[str, Any], prefix: str) -> None:
        for key, value in node.get("properties", {}).items():
            path = f"{prefix}{key}"
            found[path] = value.get("description", "")
            for inner in _blocks(value, schema["$defs"]):
                walk(inner, f"{path}.")

    walk(schema, "")
    return found


def _blocks(value: dict[str, Any], definitions: dict[str, Any]) -> list[dict[str, Any]]:
    choices = [value, *value.get("oneOf", []), *value.get("anyOf", [])]
    names = [choice["$ref"].rpartition("/")[2] for choice in choices if "$ref" in choice]
    return [definitions[name] for name in names if "properties" in definitions[name]]


def _restrict(node: dict[str, Any], names: tuple[str, ...]) -> None:
    """Adds the enum to the string inside a property (itself, one of its alternatives, or the items of its list)."""
    for choice in [node, *node.get("anyOf", [])]:
        if choice.get("type") == "string":
            choice["enum"] = list(names)
        elif choice.get("type") == "array":
            choice["items"]["enum"] = list(names)


def _drop_titles(node: Any, *, properties: bool = False) -> None:
    """pydantic's titles only repeat the keys; a property that is itself called "title" stays."""
    if isinstance(node, dict):
        if not properties and isinstance(node.get("title"), str):
            del node["title"]
        for key, value in node.items():
            _drop_titles(value, properties=key in ("properties", "$defs"))
    elif isinstance(node, list):
        for item in node:
            _drop_titles(item)


if __name__ == "__main__":
    import sys

    sys.stdout.write(schema_text())
