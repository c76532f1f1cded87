"""Checks of grasps against their object and their camera: rigid poses, contacts on the object, rectangles that fit."""

from __future__ import annotations

import numpy as np

from synthgen.projection import project
from synthgen.types.annotations import Annotation
from synthgen.types.arrays import F64
from synthgen.types.assets import ObjectModel
from synthgen.types.geometry import Camera
from synthgen.types.grasps import Grasp

POSE_TOLERANCE = 1e-6
RECT_TOLERANCE_PX = 1e-3
# Contacts lie on the surface, so inside the object's box; the tips may reach past it.
BOX_TOLERANCE_M = 0.05


def grasp_fault(found: Annotation, model: ObjectModel, camera: Camera) -> str:
    """What is wrong with the grasps of an annotation, "" when nothing is."""
    grasps = found.grasps or ()
    free = [grasp.collision_free for grasp in grasps]
    if free != sorted(free, reverse=True):
        return "has a colliding grasp before a collision-free one"
    for grasp in grasps:
        fault = _fault(grasp, found.camera_from_object, model, camera)
        if fault:
            return fault
    return ""


def _fault(grasp: Grasp, camera_from_object: F64, model: ObjectModel, camera: Camera) -> str:
    pose = grasp.object_from_gripper
    off = float(np.abs(camera_from_object @ pose - grasp.camera_from_gripper).max())
    if not off < POSE_TOLERANCE:
        return f"has a grasp whose camera pose is {off:.3g} off its object pose"
    off = float(np.abs(pose[:3, :3].T @ pose[:3, :3] - np.eye(3)).max())
    if not (off < POSE_TOLERANCE and np.linalg.det(pose[:3, :3]) > 0):
        return f"has a grasp whose rotation is {off:.3g} off a rotation"
    if not (0.0 <= grasp.score <= 1.0 and grasp.min_friction >= 0.0 and grasp.width_m > 0.0):
        return f"has a grasp with score {grasp.score}, friction {grasp.min_friction}, width {grasp.width_m}"
    low, high = model.bounds_m
    outside = float(np.maximum(np.maximum(low - pose[:3, 3], pose[:3, 3] - high), 0.0).max())
    if outside > BOX_TOLERANCE_M:
        return f"has a grasp {outside:.3g} m outside its 3D box"
    if grasp.rect_px is not None:
        centre = project(grasp.camera_from_gripper[None, :3, 3], camera.intrinsics)[0]
        off = float(np.abs(centre - grasp.rect_px[:2]).max())
        if off > RECT_TOLERANCE_PX or not -90.0 <= grasp.rect_px[4] < 90.0:
            return f"has a grasp rectangle {off:.3g} px off its pose, at {grasp.rect_px[4]:.4g} degrees"
    return ""
