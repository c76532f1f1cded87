"""JSON Schemas of the files that other programs read: COCO with our extra keys, dataset.json, manifest rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from synthgen.contract.layout import SCHEMA_VERSION, SPLITS
from synthgen.contract.tables import TABLES

Schema = dict[str, Any]
_DRAFT = "https://json-schema.org/draft/2020-12/schema"


def schemas() -> dict[str, Schema]:
    """File name in schemas/ -> its content."""
    return {
        "coco.schema.json": coco_schema(),
        "dataset.schema.json": dataset_schema(),
        "manifest.schema.json": manifest_schema(),
    }


def _object(description: str = "", optional: Sequence[str] = (), /, **properties: Schema) -> Schema:
    """An object that has no other keys; all but the ``optional`` ones are required."""
    about = {"description": description} if description else {}
    return {
        "type": "object",
        **about,
        "properties": properties,
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }


def _list(items: Schema, description: str = "", *, length: int | None = None) -> Schema:
    bounds = {} if length is None else {"minItems": length, "maxItems": length}
    return {"type": "array", **({"description": description} if description else {}), "items": items, **bounds}


def _text(description: str = "", **more: Any) -> Schema:
    return {"type": "string", **({"description": description} if description else {}), **more}


def _whole(minimum: int = 0, description: str = "") -> Schema:
    return {"type": "integer", "minimum": minimum, **({"description": description} if description else {})}


def _number(description: str = "", **more: Any) -> Schema:
    return {"type": "number", **({"description": description} if description else {}), **more}


_SHA256 = _text(pattern="^[0-9a-f]{64}$")
_COUNT = {"type": "object", "additionalProperties": _whole()}
_BOX = _list(_number(), "x, y, width, height in pixels", length=4)


def coco_schema() -> Schema:
    """annotations/instances_*.json."""
    return {
        "$schema": _DRAFT,
        "title": "synthgen COCO annotations",
        **_object(
            "",
            info=_object(description=_text(), version=_text(), contributor=_text()),
            licenses=_list(_object(id=_whole(1), name=_text(), url=_text())),
            categories=_list(_coco_category()),
            images=_list(_coco_image()),
            annotations=_list(_coco_annotation()),
        ),
    }


def _coco_category() -> Schema:
    return _object(
        id=_whole(1),
        name=_text(),
        supercategory=_text(),
        keypoints=_list(_text(), "corners 0..7 of the 3D box (bits x = i & 1, y = i >> 1 & 1, z = i >> 2 & 1), centre"),
        skeleton=_list(_list(_whole(1), length=2), "edges of the 3D box, 1-based"),
    )


def _coco_image() -> Schema:
    return _object(
        id=_whole(1, "scene * views_per_scene + view + 1"),
        file_name=_text("relative to images/", pattern=r"^\d{5,}/\d{9,}\.(jpg|png)$"),
        width=_whole(1),
        height=_whole(1),
        license=_whole(1),
        scene_id=_whole(),
        seed=_whole(),
        camera=_object(
            "OpenCV axes (x right, y down, z forward); (0, 0) is the outer corner of the top-left pixel",
            K=_list(_number(), "row-major, pixels", length=9),
            distortion=_list(_number(), "k1 k2 p1 p2 k3 (k4 k5 k6); empty = none"),
            world_from_camera=_list(_number(), "row-major 4 x 4, metres, world z up", length=16),
        ),
    )


def _coco_annotation() -> Schema:
    mask = _object(size=_list(_whole(1), "height, width", length=2), counts=_text("COCO compressed RLE", minLength=1))
    return _object(
        "grasps: only where the pipeline asks for labels.grasps; agreement: only where it has verify",
        ("grasps", "agreement"),
        id=_whole(1, "image_id * 65536 + instance_index"),
        image_id=_whole(1),
        category_id=_whole(1),
        bbox=_BOX,
        area=_whole(1, "visible pixels"),
        iscrowd={"const": 0},
        segmentation=mask,
        instance_index=_whole(1, "value in the instance map; the same in all views of a scene"),
        model_id=_text("models/<model_id>.ply"),
        visibility=_number("area / amodal area in the frame", exclusiveMinimum=0, maximum=1),
        truncation=_number("share of the silhouette outside the frame", minimum=0, maximum=1),
        amodal_bbox=_BOX,
        amodal_segmentation=mask,
        pose=_object(
            "camera_from_object",
            rotation=_list(_number(), "row-major", length=9),
            translation_m=_list(_number(), length=3),
        ),
        bbox_3d=_object(
            corners_px=_list(_number(), "x, y of corners 0..7, unclipped; (0, 0) = not imaged", length=16),
            extent_m=_list(_number(), "along the object's axes", length=3),
        ),
        keypoints=_list(_number(), "x, y, v of corners 0..7 and the centre; v = 2 seen, 1 hidden, 0 out", length=27),
        num_keypoints=_whole(0, "keypoints with v > 0"),
        grasps=_coco_grasps(),
        agreement=_number("IoU of the mask with what a network sees in the final image", minimum=0, maximum=1),
    )


def _coco_grasps() -> Schema:
    def pose(about: str) -> Schema:
        return _object(
            about, rotation=_list(_number(), "row-major", length=9), translation_m=_list(_number(), length=3)
        )

    about = (
        "cx, cy, width, jaw in pixels, angle_deg (Jacquard's, clockwise); null = approach > 30 deg off the optical axis"
    )
    grasp = _object(
        "gripper frame: origin between the finger tips, +z approach, +x closing",
        pose=pose("camera_from_gripper"),
        object_pose=pose("object_from_gripper"),
        width_m=_number("distance of the contacts", exclusiveMinimum=0),
        score=_number("1 - min_friction / labels.grasps.friction_max", minimum=0, maximum=1),
        min_friction=_number("smallest Coulomb friction coefficient that holds", minimum=0),
        collision_free={"type": "boolean"},
        rect_px={**_list(_number(), about, length=5), "type": ["array", "null"]},
    )
    return _list(grasp, "the best 5, collision-free ones first; the manifest has all")


def dataset_schema() -> Schema:
    """dataset.json."""
    totals = _object(**{name: _whole() for name in ("images", "slots", "empty", "annotations", "scenes", "shards")})
    split = _object(file=_text(), images=_whole(), annotations=_whole())
    return {
        "$schema": _DRAFT,
        "title": "synthgen dataset.json",
        **_object(
            "Its presence means that the dataset is complete.",
            schema_version={"const": SCHEMA_VERSION},
            name=_text(),
            description=_text(),
            licence=_text(),
            pipeline_fingerprint=_text(),
            seed=_whole(),
            image=_object(width=_whole(1), height=_whole(1), format={"enum": ["jpeg", "png"]}),
            counts=totals,
            classes=_list(_object(id=_whole(1), name=_text(), supercategory=_text(), annotations=_whole())),
            splits={
                "type": "object",
                "properties": dict.fromkeys(SPLITS, split),
                "additionalProperties": False,
            },
            empty_reasons=_COUNT,
            rejections={**_COUNT, "description": "stage:reason -> draws"},
            outputs=_list({"enum": ["depth", "depth_sensor", "instances"]}),
            min_visible_px=_whole(1),
            versions={"type": "object", "additionalProperties": _text(), "required": ["synthgen"]},
            attributions=_list(
                _object(
                    kind={"enum": ["mesh", "environment", "texture"]},
                    name=_text(),
                    key=_text(),
                    source=_text(),
                    licence=_text(),
                    attribution=_text(),
                )
            ),
            receipts_sha256=_SHA256,
            sha256={"type": "object", "additionalProperties": _SHA256, "description": "file -> sha256"},
        ),
    }


def manifest_schema() -> Schema:
    """Rows of the Parquet tables as JSON (``to_pylist``), with the Arrow type of each column beside it."""
    tables = {name: _row(schema) for name, schema in TABLES.items()}
    return {
        "$schema": _DRAFT,
        "title": "synthgen Parquet tables",
        "description": "Rows of manifest/images, manifest/instances and models/models.parquet, with their Arrow types",
        "x-schema-version": SCHEMA_VERSION,
        "$defs": tables,
    }


def _row(schema: pa.Schema) -> Schema:
    return _object(**{field.name: _column(field) for field in schema})


def _column(field: pa.Field) -> Schema:
    metadata = {key.decode(): value.decode() for key, value in (field.metadata or {}).items()}
    found = _kind(field.type)
    if field.nullable:
        found = {"anyOf": [found, {"type": "null"}]}
    about = {"description": metadata["description"]} if "description" in metadata else {}
    unit = {"x-unit": metadata["unit"]} if "unit" in metadata else {}
    return {**about, **unit, "x-arrow-type": _arrow_name(field.type), **found}


def _arrow_name(kind: pa.DataType) -> str:
    """Arrow's type name without the field details, which pyarrow versions spell differently."""
    if pa.types.is_fixed_size_list(kind):
        return f"fixed_size_list<{_arrow_name(kind.value_type)}>[{kind.list_size}]"
    if pa.types.is_list(kind):
        return f"list<{_arrow_name(kind.value_type)}>"
    return "struct" if pa.types.is_struct(kind) else str(kind)


def _kind(kind: pa.DataType) -> Schema:
    if pa.types.is_struct(kind):
        return _object(**{kind.field(i).name: _column(kind.field(i)) for i in range(kind.num_fields)})
    if pa.types.is_fixed_size_list(kind):
        return _list(_kind(kind.value_type), length=kind.list_size)
    if pa.types.is_list(kind):
        return _list(_kind(kind.value_type))
    for test, name in _SIMPLE:
        if test(kind):
            return {"type": name}
    raise TypeError(f"no JSON type for {kind}")


_SIMPLE = (
    (pa.types.is_boolean, "boolean"),
    (pa.types.is_integer, "integer"),
    (pa.types.is_floating, "number"),
    (pa.types.is_string, "string"),
)
