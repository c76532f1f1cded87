"""Cameras and meshes. OpenCV camera axes (x right, y down, z forward); world z up; metres.

Image coordinates are continuous: (0, 0) is the outer corner of the top-left pixel, pixel centres lie at +0.5.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synthgen.types.arrays import F32, F64, I32, freeze


@dataclass(frozen=True)
class Intrinsics:
    """Pinhole K plus Brown-Conrady distortion in OpenCV's order.

    Attributes:
        width, height: image size in pixels.
        fx, fy, cx, cy: pixels, in continuous coordinates (a centred principal point is width / 2, height / 2).
        distortion: () or 5 (k1 k2 p1 p2 k3, "plumb_bob") or 8 (... k4 k5 k6, "rational_polynomial") numbers.
    """

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float
    distortion: tuple[float, ...] = ()

    @property
    def K(self) -> F64:
        """(3, 3) pinhole matrix."""
        return np.array([[self.fx, 0.0, self.cx], [0.0, self.fy, self.cy], [0.0, 0.0, 1.0]])


@dataclass(frozen=True, eq=False)
class Camera:
    """Intrinsics and pose. ``world_from_camera``: (4, 4) float64 rigid transform."""

    intrinsics: Intrinsics
    world_from_camera: F64

    @property
    def camera_from_world(self) -> F64:
        """(4, 4) inverse of the pose."""
        rotation, translation = self.world_from_camera[:3, :3], self.world_from_camera[:3, 3]
        inverse = np.eye(4)
        inverse[:3, :3] = rotation.T
        inverse[:3, 3] = -rotation.T @ translation
        return inverse


@dataclass(frozen=True, eq=False)
class Mesh:
    """A triangle mesh ready to render: attributes per vertex, vertices already split at UV seams and creases.

    Attributes:
        vertices: (V, 3) float32, object frame, metres.
        normals: (V, 3) float32 unit length, outward (crease-angle normals: smooth below the crease, flat above).
        uvs: (V, 2) float32; v runs down, so that (0, 0) is the texture's first texel.
        faces: (F, 3) int32, counter-clockwise seen from outside.
        face_slot: (F,) int32 index into the model's material slots.
    """

    vertices: F32
    normals: F32
    uvs: F32
    faces: I32
    face_slot: I32

    def __post_init__(self) -> None:
        for array in (self.vertices, self.normals, self.uvs, self.faces, self.face_slot):
            freeze(array)
