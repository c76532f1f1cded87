"""Cameras: one view drawn, and what is known to be wrong with it before anything is rendered.

Camera axes are OpenCV's (x right, y down, z forward); the world's z is up; poses are world_from_camera.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.spatial import ConvexHull

from synthgen import seeding
from synthgen.config.models import AbovePlacement, HemispherePlacement, Pipeline, PosesPlacement
from synthgen.errors import Rejection
from synthgen.scene.camera_faults import camera_fault
from synthgen.scene.camera_poses import above, aside, box_corners, draw_intrinsics, on_hemisphere, reaches_view, rigid
from synthgen.scene.cast import ModelStore
from synthgen.types.arrays import F64
from synthgen.types.assets import ObjectModel
from synthgen.types.catalog import Catalog
from synthgen.types.geometry import Camera
from synthgen.types.scene import Scene, SceneObject

__all__ = ["camera_fault", "sample_camera", "with_cameras"]

KEEP_CLEAR_M = 0.015  # a lens has a housing: nothing may come nearer to the centre than this
SUPPORT_CLEAR_M = 0.01


def sample_camera(
    pipeline: Pipeline, catalog: Catalog, scene: Scene, store: ModelStore, *, view: int, attempt: int
) -> Camera:
    """The camera of one view, drawn from the stream ("camera", scene, view, attempt).

    Raises:
        Rejection: "camera_below_support", "camera_inside_object", or "nothing_in_view" (no labelled object's box
            reaches into the image, though the scene has some).
    """
    rng = seeding.stream(pipeline.seed, "camera", scene=scene.index, view=view, attempt=attempt)
    intrinsics = draw_intrinsics(pipeline.camera, pipeline.image, catalog, rng=rng)
    placement = pipeline.camera.placement
    match placement:
        case HemispherePlacement():
            pose = on_hemisphere(placement, _target(scene, store), rng=rng)
            pose = aside(pose, intrinsics, placement.off_centre.sample(rng=rng), rng=rng)
        case AbovePlacement():
            pose = above(placement, _target(scene, store), rng=rng)
            pose = aside(pose, intrinsics, placement.off_centre.sample(rng=rng), rng=rng)
        case PosesPlacement():
            pose = rigid(placement.world_from_camera[view % len(placement.world_from_camera)])
    camera = Camera(intrinsics, pose)
    _check(camera, scene, store)
    return camera


def with_cameras(scene: Scene, cameras: Sequence[Camera], view_indices: Sequence[int]) -> Scene:
    """The scene with the cameras of its views, in view order."""
    return replace(scene, cameras=tuple(cameras), view_indices=tuple(view_indices))


def _target(scene: Scene, store: ModelStore) -> F64:
    """Middle of the labelled objects; of the distractors where there are none; else the middle of the support."""
    labelled = [thing for thing in scene.instances if thing.category_id > 0]
    things = labelled or list(scene.instances)
    if not things:
        return np.zeros(3)
    return np.mean([_box_middle(thing, store.model(thing.source)) for thing in things], axis=0)


def _box_middle(thing: SceneObject, model: ObjectModel) -> F64:
    return thing.world_from_object[:3, :3] @ model.bounds_m.mean(axis=0) + thing.world_from_object[:3, 3]


def _check(camera: Camera, scene: Scene, store: ModelStore) -> None:
    position = camera.world_from_camera[:3, 3]
    if position[2] < SUPPORT_CLEAR_M:
        raise Rejection("camera_below_support")
    if any(encloses(thing, store.model(thing.source), position) for thing in scene.objects):
        raise Rejection("camera_inside_object")
    labelled = [thing for thing in scene.instances if thing.category_id > 0]
    if labelled and not any(reaches_view(camera, box_corners(thing, store.model(thing.source))) for thing in labelled):
        raise Rejection("nothing_in_view")


def encloses(thing: SceneObject, model: ObjectModel, position: F64) -> bool:
    """Whether a world point lies within ``KEEP_CLEAR_M`` of any convex part."""
    rotation, translation = thing.world_from_object[:3, :3], thing.world_from_object[:3, 3]
    local = rotation.T @ (position - translation)
    low, high = model.bounds_m
    if (local < low - KEEP_CLEAR_M).any() or (local > high + KEEP_CLEAR_M).any():
        return False
    return any(
        bool((hull[:, :3] @ local + hull[:, 3] < KEEP_CLEAR_M).all())
        for hull in (ConvexHull(part).equations for part in model.parts)
    )
