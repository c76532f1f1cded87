"""Drawing grasps: rectangles where seen along the approach, else the gripper's fork."""

from __future__ import annotations

import colorsys

import cv2
import numpy as np

from synthgen.projection import project
from synthgen.types.annotations import Annotation
from synthgen.types.arrays import F64, U8
from synthgen.types.geometry import Camera
from synthgen.types.grasps import Grasp

GRASPS_DRAWN = 3
FORK_M = 0.035
NEAR_PLANE_M = 0.02
FARTHEST_PX = 5000.0

Color = tuple[int, int, int]


def draw_grasps(canvas: U8, annotation: Annotation, camera: Camera, scale: float) -> None:
    """The best collision-free grasps of an instance, green = high score, red = low; changes ``canvas``."""
    free = [grasp for grasp in annotation.grasps or () if grasp.collision_free][:GRASPS_DRAWN]
    for grasp in reversed(free):
        red, green, blue = colorsys.hsv_to_rgb(grasp.score / 3.0, 1.0, 1.0)
        color = (int(255 * red), int(255 * green), int(255 * blue))
        if grasp.rect_px is not None:
            _draw_rectangle(canvas, grasp.rect_px, color, scale)
        else:
            _draw_fork(canvas, grasp, camera, color, scale)


def _draw_rectangle(canvas: U8, rect: tuple[float, float, float, float, float], color: Color, scale: float) -> None:
    """The jaws are the thick sides."""
    angle = np.radians(rect[4])
    along = np.array([np.cos(angle), np.sin(angle)]) * rect[2] / 2
    beside = np.array([-np.sin(angle), np.cos(angle)]) * rect[3] / 2
    corners = np.array(rect[:2]) + np.array([along + beside, along - beside, -along - beside, -along + beside])
    a, b, c, d = (_pixel(corner * scale) for corner in corners)
    for start, end, thickness in ((a, b, 2), (b, c, 1), (c, d, 2), (d, a, 1)):
        cv2.line(canvas, start, end, color, thickness, cv2.LINE_AA)


def _draw_fork(canvas: U8, grasp: Grasp, camera: Camera, color: Color, scale: float) -> None:
    """Both fingers, the bar between them and the approach, as lines."""
    half = grasp.width_m / 2
    points = np.array([[-half, 0, 0], [-half, 0, -FORK_M], [half, 0, -FORK_M], [half, 0, 0],
                       [0, 0, -FORK_M], [0, 0, -2 * FORK_M]])  # fmt: skip
    seen = points @ grasp.camera_from_gripper[:3, :3].T + grasp.camera_from_gripper[:3, 3]
    if seen[:, 2].min() <= NEAR_PLANE_M:
        return
    pixels = [_pixel(point) for point in project(seen, camera.intrinsics) * scale]
    for start, end in ((0, 1), (1, 2), (2, 3), (4, 5)):
        cv2.line(canvas, pixels[start], pixels[end], color, 1, cv2.LINE_AA)


def _pixel(point: F64) -> tuple[int, int]:
    x, y = np.clip(point, -FARTHEST_PX, FARTHEST_PX)
    return int(x), int(y)
