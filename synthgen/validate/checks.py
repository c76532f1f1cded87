"""Checks of one finished sample against its own maps, its scene and its meshes, before anything is written.

They go the other way round than labelling: runs are laid back onto the id map, corners are projected with OpenCV, and
pixels are carried through depth and pose into the object's own box.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import cv2
import numpy as np

from synthgen import rle
from synthgen.errors import InternalError
from synthgen.types.annotations import Annotation
from synthgen.types.arrays import F32, F64, I64, U16, Bool
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
    _require(bool(np.isfinite(sample.depth_m[::7, ::5]).all()), sample, "depth is not finite")
    if not sample.annotations:
        return
    things = [scene.instances[found.instance_index - 1] for found in sample.annotations]
    models = [store.model(thing.source) for thing in things]
    masks = _check_masks(sample, sample.instances, pixels)
    _check_poses(sample, things, models, sample.camera)
    fault = grasp_fault(sample.annotations, models, sample.camera)
    if fault is not None:
        _require(False, sample, fault[1], sample.annotations[fault[0]])
    poses = np.array([found.camera_from_object for found in sample.annotations])
    placed = Placed(masks, poses, np.array([model.bounds_m for model in models]))
    outside = outside_box_m(sample.depth_m, sample.camera.intrinsics, placed, depth_error_m=0.0)
    _require_each(outside < np.inf, sample, lambda k: "has a pixel without depth")
    _require_each(
        outside <= 0,
        sample,
        lambda k: f"has a pixel whose depth lies {outside[k] * 1000:.3g} mm outside its 3D box",
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


def _check_masks(sample: Sample, instances: U16, pixels: I64) -> rle.Runs:
    """Masks against the instance map, boxes and shares against the masks; returns the visible masks."""
    labels = sample.annotations
    held = pixels[[found.instance_index for found in labels]]
    _require_each(
        (held > 0) & (held == [found.area for found in labels]),
        sample,
        lambda k: f"has area {labels[k].area}, the instance map {held[k]} pixels",
    )
    for found in labels:
        for mask in (found.segmentation, found.amodal_segmentation):
            size = (mask.height, mask.width)
            _require(
                size == instances.shape, sample, f"has a mask of {size} pixels, its image {instances.shape}", found
            )
    masks = rle.read_runs([found.segmentation for found in labels])
    whole = rle.read_runs([found.amodal_segmentation for found in labels])
    under = rle.pixels_held(masks, instances, np.array([found.instance_index for found in labels]))
    same = (masks.areas == held) & (under == held)
    _require_each(same, sample, lambda k: "has a mask that is not its pixels in the instance map")
    boxes, whole_boxes = _boxes(masks), _boxes(whole)
    _require_each(
        [found.bbox == box for found, box in zip(labels, boxes, strict=True)],
        sample,
        lambda k: f"has box {labels[k].bbox}, its mask {boxes[k]}",
    )
    _require_each(
        [found.amodal_bbox == box for found, box in zip(labels, whole_boxes, strict=True)],
        sample,
        lambda k: f"has amodal box {labels[k].amodal_bbox}, not {whole_boxes[k]}",
    )
    _require_each(rle.each_contains(whole, masks), sample, lambda k: "is visible outside its amodal mask")
    shares = held / whole.areas
    _require_each(
        np.abs(np.array([found.visibility for found in labels]) - shares) < 1e-9,
        sample,
        lambda k: f"has visibility {labels[k].visibility}, not {shares[k]}",
    )
    cut = [0.0 <= found.truncation <= 1.0 for found in labels]
    _require_each(cut, sample, lambda k: f"has truncation {labels[k].truncation}")
    return masks


def _boxes(masks: rle.Runs) -> list[tuple[int, ...]]:
    return [tuple(box) for box in masks.bounds.tolist()]


def _check_poses(sample: Sample, things: Sequence[SceneObject], models: Sequence[ObjectModel], camera: Camera) -> None:
    """Poses against the scene, corners against OpenCV's projection, amodal boxes within the corners."""
    labels = sample.annotations
    poses = np.array([found.camera_from_object for found in labels])
    numbers = np.array([(*found.corners_px, *found.keypoints, *found.extent_m) for found in labels])
    finite = np.isfinite(poses).all(axis=(1, 2)) & np.isfinite(numbers).all(axis=1)
    _require_each(finite, sample, lambda k: "has a number that is not finite")
    placed = np.array([thing.world_from_object for thing in things])
    apart = np.abs(camera.world_from_camera @ poses - placed).max(axis=(1, 2))
    _require_each(apart < POSE_TOLERANCE, sample, lambda k: f"has a pose {apart[k]:.3g} off its scene's")
    _require_each(
        [found.model_id == model.key for found, model in zip(labels, models, strict=True)],
        sample,
        lambda k: f"names model {labels[k].model_id}, its scene {models[k].key}",
    )
    sizes = np.array([model.extent_m for model in models])
    wrong = np.abs(sizes - np.array([found.extent_m for found in labels])).max(axis=1)
    _require_each(wrong < POSE_TOLERANCE, sample, lambda k: f"has an extent {wrong[k]:.3g} m off its model's")
    _check_corners(sample, poses, np.array([model.bounds_m for model in models]), camera.intrinsics)


def _check_corners(sample: Sample, poses: F64, bounds_m: F64, intrinsics: Intrinsics) -> None:
    corners = np.where(_MAXIMUM, bounds_m[:, 1, None], bounds_m[:, 0, None])
    here = corners @ np.swapaxes(poses[:, :3, :3], 1, 2) + poses[:, None, :3, 3]
    given = np.array([found.corners_px for found in sample.annotations]).reshape(-1, 8, 2)
    imaged = (here[:, :, 2] > 0.0) & (given != 0.0).any(axis=2)
    if not imaged.any():
        return
    lens = np.array(intrinsics.distortion) if intrinsics.distortion else None
    again, _ = cv2.projectPoints(here[imaged], np.zeros(3), np.zeros(3), intrinsics.K, lens)
    scale = np.maximum(1.0, np.abs(given[imaged]) * 1e-3)
    off = np.zeros(imaged.shape)
    off[imaged] = (np.abs(again.reshape(-1, 2) - given[imaged]) / scale).max(axis=1)
    _require_each(
        off.max(axis=1) < CORNER_TOLERANCE_PX,
        sample,
        lambda k: f"has a 3D box corner {off[k].max():.3g} px off its pose",
    )
    if intrinsics.distortion:
        return
    # straight lines stay straight: the silhouette is within the corners
    low, high = given.min(axis=1) - SILHOUETTE_TOLERANCE_PX, given.max(axis=1) + SILHOUETTE_TOLERANCE_PX
    box = np.array([found.amodal_bbox for found in sample.annotations])
    inside = (box[:, :2] >= low).all(axis=1) & (box[:, :2] + box[:, 2:] <= high).all(axis=1)
    _require_each(
        inside | ~imaged.all(axis=1),
        sample,
        lambda k: f"has amodal box {sample.annotations[k].amodal_bbox} outside its projected 3D box",
    )


def _check_sensor(sample: Sample, sensor_m: F32, depth_m: F32) -> None:
    """Whatever a sensor gets wrong, it measures nothing where nothing is, and no negative distance."""
    _require(sensor_m.shape == depth_m.shape, sample, f"sensor depth has shape {sensor_m.shape}")
    good = np.isfinite(sensor_m) & (sensor_m >= 0) & ((depth_m > 0) | (sensor_m == 0))
    _require(bool(good.all()), sample, "sensor depth is negative, not finite, or there where nothing is")


def _require_each(holds: Bool | Sequence[bool], sample: Sample, sentence: Callable[[int], str]) -> None:
    """Raises for the first annotation k that does not hold, with ``sentence(k)``."""
    if not all(holds):
        k = list(holds).index(False)
        _require(False, sample, sentence(k), sample.annotations[k])


def _require(holds: bool, sample: Sample, sentence: str, found: Annotation | None = None) -> None:
    if not holds:
        who = f"image {sample.image_id}" + (f", instance {found.instance_index}" if found else "")
        raise InternalError(f"{who}: {sentence}. This is a bug in synthgen: please report it with the pipeline file")
