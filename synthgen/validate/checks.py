"""Checks of one finished sample against its own maps, its scene and its meshes, before anything is written.

They go the other way round than labelling: runs are laid back onto the id map, corners are projected with OpenCV, and
pixels are carried through depth and pose into the object's own box.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import cv2
import numpy as np

from synthgen import rle
from synthgen.errors import InternalError
from synthgen.types.annotations import Annotation
from synthgen.types.arrays import F32, F64, I64
from synthgen.types.assets import ObjectModel
from synthgen.types.catalog import FamilySource, MeshSource
from synthgen.types.geometry import Camera, Intrinsics
from synthgen.types.records import Sample
from synthgen.types.scene import Scene, SceneObject
from synthgen.validate.geometry import Placed, outside_box_m
from synthgen.validate.grasps import grasp_fault

POSE_TOLERANCE = 1e-6
CORNER_TOLERANCE_PX = 1e-3
# A pixel centre in the silhouette lies within the projected corners; its pixel reaches half a pixel further.
SILHOUETTE_TOLERANCE_PX = 1.0
# (8, 3): whether corner i takes the maximum along x, y, z.
_MAXIMUM = np.array([[i & 1, i & 2, i & 4] for i in range(8)], dtype=bool)


class Models(Protocol):
    """The part of the asset store that the checks need."""

    def model(self, source: FamilySource | MeshSource) -> ObjectModel: ...


def check_sample(sample: Sample, store: Models, scene: Scene, *, min_visible_px: int | None = None) -> None:
    """Raises unless every label of a sample agrees with its pixels, its depth and its scene.

    Args:
        sample: a finished or empty slot.
        store: gives the model of each object.
        scene: the scene that the sample shows.
        min_visible_px: given, no object with at least that many visible pixels may be without an annotation.

    Raises:
        InternalError: a label that does not fit its geometry; our bug.
    """
    if sample.image is None:
        _require(not sample.annotations, sample, "an empty slot has annotations")
        _require(bool(sample.empty_reason), sample, "an empty slot does not say why")
        return
    if sample.depth_m is None or sample.instances is None or sample.camera is None:
        raise InternalError(f"image {sample.image_id}: an image comes without depth, instance map or camera")
    shape = (sample.camera.intrinsics.height, sample.camera.intrinsics.width)
    for array in (sample.image, sample.depth_m, sample.instances):
        _require(array.shape[:2] == shape, sample, f"an array has shape {array.shape}, its camera {shape}")
    if sample.depth_sensor_m is not None:
        _check_sensor(sample, sample.depth_sensor_m, sample.depth_m)
    pixels = rle.histogram(sample.instances)
    _check_indices(sample, scene, pixels, min_visible_px)
    things = {thing.instance_index: thing for thing in scene.instances}
    for found in sample.annotations:
        thing = things[found.instance_index]
        _check_masks(sample, found, int(pixels[found.instance_index]))
        _check_pose(sample, found, thing, store.model(thing.source), sample.camera)
        fault = grasp_fault(found, store.model(thing.source), sample.camera)
        _require(not fault, sample, fault, found)
    _check_depth(
        sample,
        sample.camera,
        sample.depth_m,
        [store.model(things[a.instance_index].source) for a in sample.annotations],
    )


def _check_indices(sample: Sample, scene: Scene, pixels: I64, min_visible_px: int | None) -> None:
    count = len(scene.instances)
    highest = int(np.flatnonzero(pixels)[-1])
    _require(highest <= count, sample, f"the instance map holds index {highest}, the scene {count} instances")
    indices = [found.instance_index for found in sample.annotations]
    _require(indices == sorted(set(indices)), sample, f"instance indices {indices} are not ascending")
    by_index = {thing.instance_index: thing for thing in scene.instances}
    for found in sample.annotations:
        thing = by_index.get(found.instance_index)
        good = thing is not None and thing.role == "object" and thing.category_id == found.category_id > 0
        _require(good, sample, "is labelled but is no object of that category", found)
    if min_visible_px is None:
        return
    labelled = set(indices)
    for thing in scene.instances:
        seen = int(pixels[thing.instance_index])
        if thing.role == "object" and thing.category_id > 0 and seen >= min_visible_px:
            missing = f"instance {thing.instance_index} has {seen} visible pixels and no annotation"
            _require(thing.instance_index in labelled, sample, missing)


def _check_masks(sample: Sample, found: Annotation, pixels: int) -> None:
    assert sample.instances is not None
    mask, whole = found.segmentation, found.amodal_segmentation
    _require(found.area == pixels > 0, sample, f"has area {found.area}, the instance map {pixels} pixels", found)
    same = rle.covers_exactly(mask, sample.instances, found.instance_index, pixels)
    _require(same, sample, "has a mask that is not its pixels in the instance map", found)
    _require(found.bbox == rle.bounds(mask), sample, f"has box {found.bbox}, its mask {rle.bounds(mask)}", found)
    amodal_box = rle.bounds(whole)
    _require(found.amodal_bbox == amodal_box, sample, f"has amodal box {found.amodal_bbox}, not {amodal_box}", found)
    _require(rle.contains(whole, mask), sample, "is visible outside its amodal mask", found)
    share = found.area / rle.area(whole)
    _require(abs(found.visibility - share) < 1e-9, sample, f"has visibility {found.visibility}, not {share}", found)
    _require(0.0 <= found.truncation <= 1.0, sample, f"has truncation {found.truncation}", found)


def _check_pose(sample: Sample, found: Annotation, thing: SceneObject, model: ObjectModel, camera: Camera) -> None:
    """Pose against the scene, corners against OpenCV's projection, amodal box within the corners."""
    pose = found.camera_from_object
    numbers = np.concatenate([pose.ravel(), found.corners_px, found.keypoints, found.extent_m])
    _require(bool(np.isfinite(numbers).all()), sample, "has a number that is not finite", found)
    back = camera.world_from_camera @ pose
    off = float(np.abs(back - thing.world_from_object).max())
    _require(off < POSE_TOLERANCE, sample, f"has a pose {off:.3g} off its scene's", found)
    _require(found.model_id == model.key, sample, f"names model {found.model_id}, its scene {model.key}", found)
    off = float(np.abs(model.extent_m - found.extent_m).max())
    _require(off < POSE_TOLERANCE, sample, f"has an extent {off:.3g} m off its model's", found)
    corners, given = _corners(model), np.array(found.corners_px).reshape(8, 2)
    depth = corners @ pose[2, :3] + pose[2, 3]
    imaged = (depth > 0.0) & (given != 0.0).any(axis=1)
    if not imaged.any():
        return
    intrinsics = camera.intrinsics
    lens = np.array(intrinsics.distortion) if intrinsics.distortion else None
    here = corners[imaged] @ pose[:3, :3].T + pose[:3, 3]
    again, _ = cv2.projectPoints(here, np.zeros(3), np.zeros(3), intrinsics.K, lens)
    scale = np.maximum(1.0, np.abs(given[imaged]) * 1e-3)
    off = float((np.abs(again.reshape(-1, 2) - given[imaged]) / scale).max())
    _require(off < CORNER_TOLERANCE_PX, sample, f"has a 3D box corner {off:.3g} px off its pose", found)
    if imaged.all() and not intrinsics.distortion:  # straight lines stay straight: the silhouette is within the corners
        _check_silhouette(sample, found, given, intrinsics)


def _check_silhouette(sample: Sample, found: Annotation, corners: F64, intrinsics: Intrinsics) -> None:
    x, y, width, height = found.amodal_bbox
    low, high = corners.min(axis=0) - SILHOUETTE_TOLERANCE_PX, corners.max(axis=0) + SILHOUETTE_TOLERANCE_PX
    inside = x >= low[0] and y >= low[1] and x + width <= high[0] and y + height <= high[1]
    _require(bool(inside), sample, f"has amodal box {found.amodal_bbox} outside its projected 3D box", found)


def _check_depth(sample: Sample, camera: Camera, depth_m: F32, models: Sequence[ObjectModel]) -> None:
    """A few pixels of every mask, carried through depth and pose, lie within the object's box."""
    _require(bool(np.isfinite(depth_m[::7, ::5]).all()), sample, "depth is not finite")
    placed = [
        Placed(found.segmentation, found.camera_from_object, model.bounds_m)
        for found, model in zip(sample.annotations, models, strict=True)
    ]
    outside = outside_box_m(depth_m, camera.intrinsics, placed, depth_error_m=0.0)
    for found, worst in zip(sample.annotations, outside, strict=True):
        _require(worst < np.inf, sample, "has a pixel without depth", found)
        _require(worst <= 0, sample, f"has a pixel whose depth lies {worst * 1000:.3g} mm outside its 3D box", found)


def _check_sensor(sample: Sample, sensor_m: F32, depth_m: F32) -> None:
    """Whatever a sensor gets wrong, it measures nothing where nothing is, and no negative distance."""
    _require(sensor_m.shape == depth_m.shape, sample, f"sensor depth has shape {sensor_m.shape}")
    good = np.isfinite(sensor_m) & (sensor_m >= 0) & ((depth_m > 0) | (sensor_m == 0))
    _require(bool(good.all()), sample, "sensor depth is negative, not finite, or there where nothing is")


def _corners(model: ObjectModel) -> F64:
    return np.where(_MAXIMUM, model.bounds_m[1], model.bounds_m[0]).astype(np.float64)


def _require(holds: bool, sample: Sample, sentence: str, found: Annotation | None = None) -> None:
    if not holds:
        who = f"image {sample.image_id}" + (f", instance {found.instance_index}" if found else "")
        raise InternalError(f"{who}: {sentence}. This is a bug in synthgen: please report it with the pipeline file")
