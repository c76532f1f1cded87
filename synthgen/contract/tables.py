"""Arrow schemas of the manifest parts and of models.parquet; units, frames and meaning in the field metadata."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from synthgen.contract.layout import SCHEMA_VERSION


def _field(name: str, kind: pa.DataType, about: str, unit: str = "", *, nullable: bool = False) -> pa.Field:
    metadata = {"description": about} | ({"unit": unit} if unit else {})
    return pa.field(name, kind, nullable=nullable, metadata=metadata)


def _numbers(count: int) -> pa.DataType:
    return pa.list_(pa.field("element", pa.float64(), nullable=False), count)


_LIST = pa.list_(pa.field("element", pa.float64(), nullable=False))

# Plain lists, not fixed-size ones: Parquet cannot read a null struct with fixed-size lists in it back.
CAMERA = pa.struct(
    [
        _field("K", _LIST, "9 numbers: pinhole matrix, row-major; (0, 0) is the top-left pixel's outer corner", "px"),
        _field("distortion", _LIST, "OpenCV order k1 k2 p1 p2 k3 (k4 k5 k6); empty = none"),
        _field("world_from_camera", _LIST, "16 numbers: rigid transform, row-major; OpenCV axes, world z up", "m"),
    ]
)

REJECTED = pa.struct(
    [
        _field("stage", pa.string(), "stage that rejected the draw"),
        _field("attempt", pa.int32(), "0 = first try"),
        _field("reason", pa.string(), "short reason"),
    ]
)

PARAMETER = pa.struct(
    [
        _field("name", pa.string(), "as in the pipeline; its ending is the unit"),
        _field("value", pa.float64(), "as drawn"),
    ]
)

EFFECT = pa.struct(
    [
        _field("name", pa.string(), "as in the pipeline"),
        _field("parameters", pa.list_(pa.field("element", PARAMETER, nullable=False)), "its drawn values"),
        _field("seed", pa.int64(), "draws what is too much to list: noise, places of specks"),
    ]
)

GRASP_NUMBERS = {"rotation": 9, "translation_m": 3, "object_rotation": 9, "object_translation_m": 3}
_SHORT_LIST = pa.list_(pa.field("element", pa.float32(), nullable=False))
GRASP = pa.struct(
    [
        _field("rotation", _SHORT_LIST, "9 numbers: camera_from_gripper rotation, row-major; gripper +z approaches"),
        _field("translation_m", _SHORT_LIST, "3 numbers: origin between the finger tips, camera axes", "m"),
        _field("object_rotation", _SHORT_LIST, "9 numbers: object_from_gripper rotation, row-major; +x closes"),
        _field("object_translation_m", _SHORT_LIST, "3 numbers: origin between the finger tips, object frame", "m"),
        _field("width_m", pa.float32(), "distance of the two contacts", "m"),
        _field("min_friction", pa.float32(), "smallest Coulomb friction coefficient that holds"),
        _field("score", pa.float32(), "1 - min_friction / labels.grasps.friction_max, in [0, 1]"),
        _field(
            "collision_free", pa.bool_(), "the open gripper gets there on a straight path without touching anything"
        ),
        _field(
            "rect_px",
            _SHORT_LIST,
            "cx, cy, width, jaw, angle_deg (Jacquard's, clockwise); empty = approach > 30 deg off the optical axis",
            "px",
        ),
    ]
)

IMAGES = pa.schema(
    [
        _field("image_id", pa.int64(), "scene * views_per_scene + view + 1"),
        _field("scene", pa.int64(), "scene number, from 0"),
        _field("view", pa.int32(), "view within the scene, from 0"),
        _field("split", pa.string(), "train, val or test; whole scenes"),
        _field("file_name", pa.string(), "image, relative to images/; null = empty slot", nullable=True),
        _field("image_sha256", pa.string(), "of the image file; null = not written", nullable=True),
        _field("depth_sha256", pa.string(), "of the depth file; null = not written", nullable=True),
        _field("depth_sensor_sha256", pa.string(), "of the sensor depth file; null = not written", nullable=True),
        _field("instances_sha256", pa.string(), "of the instance map; null = not written", nullable=True),
        _field("width", pa.int32(), "image width", "px"),
        _field("height", pa.int32(), "image height", "px"),
        _field("camera", CAMERA, "intrinsics and pose; null = empty slot", nullable=True),
        _field("scene_seed", pa.int64(), "seed of the scene"),
        _field("draw_seed", pa.int64(), "seed of the drawn image"),
        _field("scene_attempt", pa.int32(), "0 = first try"),
        _field("camera_attempt", pa.int32(), "0 = first try"),
        _field("draw_attempt", pa.int32(), "0 = first try"),
        _field("rejected", pa.list_(pa.field("element", REJECTED, nullable=False)), "draws thrown away on the way"),
        _field("empty_reason", pa.string(), "why the slot stayed empty; '' = it holds an image"),
        _field("generator", pa.string(), "fingerprint of the generator: weights and settings"),
        _field("device", pa.string(), "kind of device that drew the image; equal kinds give equal bytes"),
        _field(
            "augment",
            pa.list_(pa.field("element", EFFECT, nullable=False)),
            "effects applied after the camera model, in order; null = the pipeline has none",
            nullable=True,
        ),
        _field(
            "unlabelled",
            pa.list_(pa.field("element", pa.int32(), nullable=False)),
            "instance indices seen in the instance map that have no annotation: distractors, and objects with fewer "
            "than labels.min_visible_px visible pixels",
        ),
    ],
    metadata={"schema_version": str(SCHEMA_VERSION), "table": "images"},
)

INSTANCES = pa.schema(
    [
        _field("image_id", pa.int64(), "the image"),
        _field("annotation_id", pa.int64(), "image_id * 65536 + instance_index"),
        _field("instance_index", pa.int32(), "1-based object number in its scene; value in the instance map"),
        _field("category_id", pa.int32(), "COCO category"),
        _field("model_id", pa.string(), "models/<model_id>.ply"),
        _field("bbox", _numbers(4), "x, y, width, height: bounds of the visible mask", "px"),
        _field("area", pa.int64(), "visible mask", "px"),
        _field("segmentation", pa.string(), "visible mask: counts of COCO's compressed RLE, column-major"),
        _field("amodal_bbox", _numbers(4), "x, y, width, height: bounds of the amodal mask, in the frame", "px"),
        _field("amodal_segmentation", pa.string(), "amodal mask in the frame: counts of COCO's compressed RLE"),
        _field("visibility", pa.float64(), "area / amodal area in the frame, in (0, 1]"),
        _field("truncation", pa.float64(), "share of the silhouette outside the frame, in [0, 1]"),
        _field("rotation", _numbers(9), "camera_from_object rotation, row-major; OpenCV camera axes"),
        _field("translation_m", _numbers(3), "camera_from_object translation", "m"),
        _field("corners_px", _numbers(16), "x, y of the 3D box's corners 0..7, unclipped; (0, 0) = not imaged", "px"),
        _field("extent_m", _numbers(3), "size of the 3D box along the object's axes", "m"),
        _field("keypoints", _numbers(27), "x, y, v of corners 0..7 and the centre; v = 2 seen, 1 hidden, 0 out", "px"),
        _field(
            "grasps",
            pa.list_(pa.field("element", GRASP, nullable=False)),
            "parallel-jaw grasps, collision-free ones first, then by worth; null = not asked for",
            nullable=True,
        ),
        _field(
            "agreement",
            pa.float64(),
            "overlap (IoU) of the mask with what a network sees in the final image; null = no verify",
            nullable=True,
        ),
        _field(
            "ceiling",
            pa.float64(),
            "the same for shaded's picture of this view; null = outside the sample it is made for, or no verify",
            nullable=True,
        ),
    ],
    metadata={"schema_version": str(SCHEMA_VERSION), "table": "instances"},
)

CONTINUOUS = pa.struct(
    [
        _field("axis", _numbers(3), "unit axis of rotational symmetry, object frame"),
        _field("offset", _numbers(3), "a point on the axis, object frame", "m"),
    ]
)

MODELS = pa.schema(
    [
        _field("model_id", pa.string(), "content hash"),
        _field("name", pa.string(), "for people"),
        _field("category_id", pa.int32(), "COCO category"),
        _field("class_name", pa.string(), "name of the category"),
        _field("file", pa.string(), "mesh, relative to the dataset; metres, object frame"),
        _field("sha256", pa.string(), "of the mesh file"),
        _field("vertices", pa.int64(), "number of vertices"),
        _field("faces", pa.int64(), "number of triangles"),
        _field("bounds_min_m", _numbers(3), "minimum corner of the 3D box, object frame", "m"),
        _field("extent_m", _numbers(3), "size of the 3D box along the object's axes", "m"),
        _field("diameter_m", pa.float64(), "largest distance between two vertices (BOP)", "m"),
        _field("volume_m3", pa.float64(), "volume of the solid", "m3"),
        _field("watertight", pa.bool_(), "whether the mesh encloses a volume"),
        _field(
            "symmetries_discrete",
            pa.list_(pa.field("element", _numbers(16), nullable=False)),
            "rigid transforms other than the identity, row-major (BOP symmetries_discrete, but in metres)",
            "m",
        ),
        _field(
            "symmetries_continuous",
            pa.list_(pa.field("element", CONTINUOUS, nullable=False)),
            "rotational symmetries (BOP symmetries_continuous, but in metres)",
            "m",
        ),
        _field("source", pa.string(), "where the model comes from"),
        _field("licence", pa.string(), "its licence"),
        _field("attribution", pa.string(), "whom to name"),
    ],
    metadata={"schema_version": str(SCHEMA_VERSION), "table": "models"},
)

TABLES: dict[str, pa.Schema] = {"images": IMAGES, "instances": INSTANCES, "models": MODELS}

# Fixed codec and level: deterministic bytes. Row groups of 4096 rows bound what a reader has to hold.
PARQUET: dict[str, Any] = {"compression": "zstd", "compression_level": 3, "row_group_size": 4096}
