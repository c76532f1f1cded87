"""Checks of grasps against their object and their camera: rigid poses, contacts on the object, rectangles that fit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from synthgen.projection import project
from synthgen.types.annotations import Annotation
from synthgen.types.arrays import F64, I64
from synthgen.types.assets import ObjectModel
from synthgen.types.geometry import Camera
from synthgen.types.grasps import Grasp

POSE_TOLERANCE = 1e-6
RECT_TOLERANCE_PX = 1e-3
# Contacts lie on the surface, so inside the object's box; the tips may reach past it.
BOX_TOLERANCE_M = 0.05


def grasp_fault(found: Sequence[Annotation], models: Sequence[ObjectModel], camera: Camera) -> tuple[int, str] | None:
    """Which of an image's annotations has grasps that are wrong, and what is wrong with them; None when nothing is.

    Args:
        found: annotations of one image.
        models: of each annotation.
        camera: of the image.
    """
    for k, annotation in enumerate(found):
        free = [grasp.collision_free for grasp in annotation.grasps or ()]
        if free != sorted(free, reverse=True):
            return k, "has a colliding grasp before a collision-free one"
    grasps = [grasp for annotation in found for grasp in annotation.grasps or ()]
    if not grasps:
        return None
    owner = np.repeat(np.arange(len(found)), [len(annotation.grasps or ()) for annotation in found])
    own = np.array([grasp.object_from_gripper for grasp in grasps])
    seen = np.array([grasp.camera_from_gripper for grasp in grasps])
    camera_from_object = np.array([annotation.camera_from_object for annotation in found])[owner]
    bounds = np.array([model.bounds_m for model in models])[owner]
    return _pose_fault(owner, own, seen, camera_from_object, bounds) or _number_fault(owner, grasps, seen, camera)


def _pose_fault(owner: I64, own: F64, seen: F64, camera_from_object: F64, bounds_m: F64) -> tuple[int, str] | None:
    """Poses (G, 4, 4) that agree, turn rightly and lie at their object, whose pose and bounds (G, 2, 3) are given."""
    apart = np.abs(camera_from_object @ own - seen).max(axis=(1, 2))
    rotation, origin = own[:, :3, :3], own[:, :3, 3]
    skew = np.abs(np.swapaxes(rotation, 1, 2) @ rotation - np.eye(3)).max(axis=(1, 2))
    rigid = (skew < POSE_TOLERANCE) & (np.linalg.det(rotation) > 0)
    outside = np.maximum(np.maximum(bounds_m[:, 0] - origin, origin - bounds_m[:, 1]), 0.0).max(axis=1)
    for holds, off, sentence in (
        (apart < POSE_TOLERANCE, apart, "has a grasp whose camera pose is {:.3g} off its object pose"),
        (rigid, skew, "has a grasp whose rotation is {:.3g} off a rotation"),
        (outside <= BOX_TOLERANCE_M, outside, "has a grasp {:.3g} m outside its 3D box"),
    ):
        if not holds.all():
            first = int(np.argmin(holds))
            return int(owner[first]), sentence.format(off[first])
    return None


def _number_fault(owner: I64, grasps: Sequence[Grasp], seen: F64, camera: Camera) -> tuple[int, str] | None:
    for row, grasp in enumerate(grasps):
        if not (0.0 <= grasp.score <= 1.0 and grasp.min_friction >= 0.0 and grasp.width_m > 0.0):
            sentence = f"has a grasp with score {grasp.score}, friction {grasp.min_friction}, width {grasp.width_m}"
            return int(owner[row]), sentence
    drawn = [(row, grasp.rect_px) for row, grasp in enumerate(grasps) if grasp.rect_px is not None]
    if not drawn:
        return None
    rows = [row for row, _ in drawn]
    centres = project(seen[rows, :3, 3], camera.intrinsics)
    off = np.abs(centres - np.array([rect[:2] for _, rect in drawn])).max(axis=1)
    for (row, rect), apart in zip(drawn, off.tolist(), strict=True):
        if not apart <= RECT_TOLERANCE_PX or not -90.0 <= rect[4] < 90.0:
            return int(owner[row]), f"has a grasp rectangle {apart:.3g} px off its pose, at {rect[4]:.4g} degrees"
    return None
