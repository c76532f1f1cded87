"""Truncation: the share of an instance's silhouette that lies outside the frame.

A silhouette that leaves the frame is drawn once more, alone, on a small canvas that holds all of it. The canvas lies in
the ideal image plane, where distortion cannot fold; each of its samples is distorted to learn whether the frame has it.
Parts behind the near plane do not count.
"""

from __future__ import annotations

import numpy as np

from synthgen.kernels import njit
from synthgen.projection import distort
from synthgen.render.lens import Lens, lens_of
from synthgen.render.raster import ideal_bounds, place_vertices, rasterise
from synthgen.render.things import Thing
from synthgen.types.arrays import F64, I32, Bool
from synthgen.types.geometry import Intrinsics

CANVAS_PX = 192


@njit(cache=True, nogil=True)
def _silhouette_bounds(camera: F64, faces: I32) -> tuple[float, float, float, float]:
    """Ideal bounds (u_min, u_max, v_min, v_max) of everything beyond the near plane."""
    u_min, u_max, v_min, v_max = np.inf, -np.inf, np.inf, -np.inf
    for f in range(faces.shape[0]):
        a, b, c, d = ideal_bounds(camera, faces[f, 0], faces[f, 1], faces[f, 2])
        u_min, u_max, v_min, v_max = min(u_min, a), max(u_max, b), min(v_min, c), max(v_max, d)
    return u_min, u_max, v_min, v_max


def truncation_of(thing: Thing, camera_from_object: F64, lens: Lens, coefficients: tuple[float, ...]) -> float:
    """Share in [0, 1] of a thing's silhouette outside the frame; 1 when nothing of it lies before the camera.

    Args:
        thing: with this view's vertices in ``thing.camera``.
        coefficients: the camera's distortion, as in ``Intrinsics``.
    """
    mesh = thing.model.mesh
    u_min, u_max, v_min, v_max = _silhouette_bounds(thing.camera, mesh.faces)
    if not (u_max > u_min and v_max > v_min):
        return 1.0
    step = max(u_max - u_min, v_max - v_min) / CANVAS_PX
    canvas = Intrinsics(
        width=max(int(np.ceil((u_max - u_min) / step - 1e-9)), 1),
        height=max(int(np.ceil((v_max - v_min) / step - 1e-9)), 1),
        fx=1 / step,
        fy=1 / step,
        cx=-u_min / step,
        cy=-v_min / step,
    )
    covered, u, v = _draw_alone(thing, camera_from_object, canvas)
    total = int(covered.sum())
    if total == 0:
        return 1.0
    inside = _in_frame(u, v, lens, coefficients)
    return 1.0 - int((covered & inside).sum()) / total


def _draw_alone(thing: Thing, camera_from_object: F64, canvas: Intrinsics) -> tuple[Bool, F64, F64]:
    """(H, W) coverage on the canvas, and the ideal coordinates of its samples."""
    mesh = thing.model.mesh
    lens = lens_of.__wrapped__(canvas)
    camera, image = np.empty_like(thing.camera), np.empty_like(thing.image)
    place_vertices(mesh.vertices, camera_from_object, lens, camera, image)
    shape = (canvas.height, canvas.width)
    thing_map = np.zeros(shape, np.uint16)
    rasterise(
        camera,
        image,
        mesh.faces,
        lens,
        1,
        0,
        np.uint64(0),
        np.full(shape, np.inf),
        thing_map,
        np.empty(shape, np.int32),
        np.zeros((*shape, 1), np.uint64),
    )
    return thing_map > 0, lens.u, lens.v


def _in_frame(u: F64, v: F64, lens: Lens, coefficients: tuple[float, ...]) -> Bool:
    """Whether the camera sees ideal coordinates. Beyond the lens region the polynomial may fold back: not seen."""
    region = lens.region
    valid = (u >= region[0]) & (u <= region[1]) & (v >= region[2]) & (v <= region[3])
    seen_u, seen_v = distort(np.where(valid, u, 0.0), np.where(valid, v, 0.0), coefficients)
    x, y = lens.fx * seen_u + lens.cx, lens.fy * seen_v + lens.cy
    return valid & (x >= 0) & (x < lens.width) & (y >= 0) & (y < lens.height)
