"""Samples -> manifest rows, and rows -> Parquet bytes."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from synthgen.contract.tables import GRASP, GRASP_NUMBERS, INSTANCES, PARQUET
from synthgen.types.annotations import Annotation
from synthgen.types.geometry import Camera
from synthgen.types.grasps import Grasp
from synthgen.types.images import AppliedEffect
from synthgen.types.records import Sample

Row = dict[str, Any]
Array = npt.NDArray[Any]
Columns = dict[str, Array]
NO_RECT = (np.nan,) * 5
ANNOTATIONS_PER_IMAGE = 65536


def image_row(sample: Sample, *, width: int, height: int, file_name: str | None, sha256: dict[str, str]) -> Row:
    """One row of the images table; ``sha256`` maps ``layout.PIXELS`` to hashes of written files."""
    return {
        "image_id": sample.image_id,
        "scene": sample.scene,
        "view": sample.view,
        "split": sample.split,
        "file_name": file_name,
        "image_sha256": sha256.get("images"),
        "depth_sha256": sha256.get("depth"),
        "depth_sensor_sha256": sha256.get("depth_sensor"),
        "instances_sha256": sha256.get("instances"),
        "width": width,
        "height": height,
        "camera": None if sample.camera is None else _camera(sample.camera),
        "scene_seed": sample.scene_seed,
        "draw_seed": sample.draw_seed,
        "scene_attempt": sample.scene_attempt,
        "camera_attempt": sample.camera_attempt,
        "draw_attempt": sample.draw_attempt,
        "rejected": [{"stage": r.stage, "attempt": r.attempt, "reason": r.reason} for r in sample.rejected],
        "empty_reason": sample.empty_reason,
        "generator": sample.generator,
        "device": sample.device,
        "augment": None if sample.augment is None else [_effect(effect) for effect in sample.augment],
        "unlabelled": _unlabelled(sample),
    }


def _unlabelled(sample: Sample) -> list[int]:
    """Instance indices in the sample's map, ascending, that none of its annotations has."""
    if sample.instances is None:
        return []
    seen = np.flatnonzero(np.bincount(sample.instances.ravel()))
    labelled = {0} | {annotation.instance_index for annotation in sample.annotations}
    return [int(index) for index in seen if int(index) not in labelled]


def instance_row(image_id: int, annotation: Annotation) -> Row:
    """One row of the instances table."""
    pose = annotation.camera_from_object
    return {
        "image_id": image_id,
        "annotation_id": image_id * ANNOTATIONS_PER_IMAGE + annotation.instance_index,
        "instance_index": annotation.instance_index,
        "category_id": annotation.category_id,
        "model_id": annotation.model_id,
        "bbox": annotation.bbox,
        "area": annotation.area,
        "segmentation": annotation.segmentation.counts,
        "amodal_bbox": annotation.amodal_bbox,
        "amodal_segmentation": annotation.amodal_segmentation.counts,
        "visibility": annotation.visibility,
        "truncation": annotation.truncation,
        "rotation": pose[:3, :3].ravel().tolist(),
        "translation_m": pose[:3, 3].tolist(),
        "corners_px": annotation.corners_px,
        "extent_m": annotation.extent_m,
        "keypoints": annotation.keypoints,
        "grasps": None if annotation.grasps is None else _grasp_columns(annotation.grasps),
        "agreement": annotation.agreement,
        "ceiling": annotation.ceiling,
    }


def _effect(effect: AppliedEffect) -> Row:
    parameters = [{"name": name, "value": value} for name, value in effect.parameters]
    return {"name": effect.name, "parameters": parameters, "seed": effect.seed}


def _grasp_columns(grasps: Sequence[Grasp]) -> Columns:
    """The grasps of one instance, one array per field of ``GRASP``; rows of nan where a grasp has no rectangle.

    Arrays, not dictionaries: a shard has some hundred grasps per image.
    """
    seen = np.array([grasp.camera_from_gripper for grasp in grasps]).reshape(-1, 4, 4)
    own = np.array([grasp.object_from_gripper for grasp in grasps]).reshape(-1, 4, 4)
    return {
        "rotation": seen[:, :3, :3].reshape(-1, 9),
        "translation_m": seen[:, :3, 3],
        "object_rotation": own[:, :3, :3].reshape(-1, 9),
        "object_translation_m": own[:, :3, 3],
        "width_m": np.array([grasp.width_m for grasp in grasps]),
        "min_friction": np.array([grasp.min_friction for grasp in grasps]),
        "score": np.array([grasp.score for grasp in grasps]),
        "collision_free": np.array([grasp.collision_free for grasp in grasps], dtype=np.bool_),
        "rect_px": np.array([grasp.rect_px or NO_RECT for grasp in grasps]).reshape(-1, len(NO_RECT)),
    }


def parquet_bytes(rows: Sequence[Row], schema: pa.Schema) -> bytes:
    """A Parquet file of these rows; equal rows give equal bytes for one pyarrow version."""
    sink = io.BytesIO()
    arrays = [_column([row.get(field.name) for row in rows], field) for field in schema]
    settings = {name: value for name, value in PARQUET.items() if name != "row_group_size"}
    with pq.ParquetWriter(sink, schema, **settings) as writer:
        writer.write_table(pa.Table.from_arrays(arrays, schema=schema), row_group_size=PARQUET["row_group_size"])
    return sink.getvalue()


def _column(values: list[Any], field: pa.Field) -> pa.Array:
    return _grasp_array(values) if field.name == "grasps" else pa.array(values, type=field.type)


def _grasp_array(values: Sequence[Columns | None]) -> pa.ListArray:
    """The column ``grasps`` of the instances table from what ``_grasp_columns`` gave for each row."""
    there = [columns for columns in values if columns is not None]
    fields = []
    for field in GRASP:
        parts = [columns[field.name] for columns in there]
        numbers = np.concatenate(parts) if parts else np.zeros((0, GRASP_NUMBERS.get(field.name, len(NO_RECT))))
        fields.append(_lists(numbers, field) if pa.types.is_list(field.type) else _plain(numbers, field))
    ends = np.cumsum([0, *(0 if columns is None else len(columns["score"]) for columns in values)])
    nothing = np.array([columns is None for columns in values] + [False], dtype=np.bool_)
    offsets = pa.array(ends, pa.int32(), mask=nothing)
    kind = INSTANCES.field("grasps").type
    return pa.ListArray.from_arrays(offsets, pa.StructArray.from_arrays(fields, fields=list(GRASP)), type=kind)


def _plain(numbers: Array, field: pa.Field) -> pa.Array:
    return pa.array(numbers.ravel() if field.type == pa.bool_() else numbers.ravel().astype(np.float32), field.type)


def _lists(numbers: Array, field: pa.Field) -> pa.ListArray:
    """(N, n) numbers -> N lists of n; no rectangle (nan) is an empty list."""
    full = ~np.isnan(numbers[:, 0]) if field.name == "rect_px" else np.ones(len(numbers), dtype=np.bool_)
    offsets = np.concatenate([[0], np.cumsum(full * numbers.shape[1])]).astype(np.int32)
    return pa.ListArray.from_arrays(offsets, pa.array(numbers[full].ravel().astype(np.float32)), type=field.type)


def _camera(camera: Camera) -> Row:
    intrinsics = camera.intrinsics
    return {
        "K": intrinsics.K.ravel().tolist(),
        "distortion": list(intrinsics.distortion),
        "world_from_camera": camera.world_from_camera.ravel().tolist(),
    }
