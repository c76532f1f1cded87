"""Samples -> manifest rows, and rows -> Parquet bytes."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from synthgen.contract.tables import PARQUET
from synthgen.types.annotations import Annotation
from synthgen.types.geometry import Camera
from synthgen.types.grasps import Grasp
from synthgen.types.images import AppliedEffect
from synthgen.types.records import Sample

Row = dict[str, Any]
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
    }


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
        "grasps": None if annotation.grasps is None else [_grasp(grasp) for grasp in annotation.grasps],
    }


def _effect(effect: AppliedEffect) -> Row:
    parameters = [{"name": name, "value": value} for name, value in effect.parameters]
    return {"name": effect.name, "parameters": parameters, "seed": effect.seed}


def _grasp(grasp: Grasp) -> Row:
    seen, own = grasp.camera_from_gripper, grasp.object_from_gripper
    return {
        "rotation": seen[:3, :3].ravel(),
        "translation_m": seen[:3, 3],
        "object_rotation": own[:3, :3].ravel(),
        "object_translation_m": own[:3, 3],
        "width_m": grasp.width_m,
        "min_friction": grasp.min_friction,
        "score": grasp.score,
        "collision_free": grasp.collision_free,
        "rect_px": grasp.rect_px or (),
    }


def parquet_bytes(rows: Sequence[Row], schema: pa.Schema) -> bytes:
    """A Parquet file of these rows; equal rows give equal bytes for one pyarrow version."""
    sink = io.BytesIO()
    table = pa.Table.from_pylist(list(rows), schema=schema)
    settings = {name: value for name, value in PARQUET.items() if name != "row_group_size"}
    with pq.ParquetWriter(sink, schema, **settings) as writer:
        writer.write_table(table, row_group_size=PARQUET["row_group_size"])
    return sink.getvalue()


def _camera(camera: Camera) -> Row:
    intrinsics = camera.intrinsics
    return {
        "K": intrinsics.K.ravel().tolist(),
        "distortion": list(intrinsics.distortion),
        "world_from_camera": camera.world_from_camera.ravel().tolist(),
    }
