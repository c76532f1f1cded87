"""Truncation: the share of an instance's silhouette that lies outside the frame.

A silhouette that leaves the frame is drawn once more, alone, on a small canvas that holds all of it. The canvas lies in
the ideal image plane, where distortion cannot fold; each of its samples is distorted to learn whether the frame has it.
Parts behind the near plane do not count.
"""

from __future__ import annotations

import numpy as np

from synthgen.kernels import njit
from synthgen.render.lens import Lens, lens_of
from synthgen.render.raster import (
    NEAR_M,
    WINDOW_PAD_PX,
    distorted,
    ideal_bounds,
    image_window,
    place_vertices,
    rasterise,
)
from synthgen.render.things import Thing
from synthgen.types.arrays import F64, I32, Bool
from synthgen.types.geometry import Intrinsics

CANVAS_PX = 192


@njit(cache=True, nogil=True, error_model="numpy")
def _silhouette_bounds(camera: F64, faces: I32) -> tuple[float, float, float, float]:
    """Ideal bounds (u_min, u_max, v_min, v_max) of everything beyond the near plane."""
    u_min, u_max, v_min, v_max = np.inf, -np.inf, np.inf, -np.inf
    behind = False
    for i in range(camera.shape[0]):
        z = camera[i, 2]
        behind |= not z > NEAR_M
        u, v = camera[i, 0] / z, camera[i, 1] / z
        u_min, u_max, v_min, v_max = min(u_min, u), max(u_max, u), min(v_min, v), max(v_max, v)
    if not behind:  # no face is cut: its bounds are those of its corners
        return u_min, u_max, v_min, v_max
    u_min, u_max, v_min, v_max = np.inf, -np.inf, np.inf, -np.inf
    for f in range(faces.shape[0]):
        a, b, c, d = ideal_bounds(camera, faces[f, 0], faces[f, 1], faces[f, 2])
        u_min, u_max, v_min, v_max = min(u_min, a), max(u_max, b), min(v_min, c), max(v_max, d)
    return u_min, u_max, v_min, v_max


def truncation_of(thing: Thing, camera_from_object: F64, lens: Lens) -> float:
    """Share in [0, 1] of a thing's silhouette outside the frame; 1 when nothing of it lies before the camera.

    Args:
        thing: with this view's vertices in ``thing.camera``.
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
    covered, own = _draw_alone(thing, camera_from_object, canvas)
    total, inside = _count_in_frame(covered, own.u, own.v, lens)
    return 1.0 - inside / total if total else 1.0


def _draw_alone(thing: Thing, camera_from_object: F64, canvas: Intrinsics) -> tuple[Bool, Lens]:
    """(H, W) coverage of the canvas and its rays."""
    mesh = thing.model.mesh
    lens = lens_of.__wrapped__(canvas)
    camera, image = np.empty_like(thing.camera), np.empty_like(thing.image)
    _, projected, *_ = place_vertices(mesh.vertices, camera_from_object, lens, camera, image)
    shape = (canvas.height, canvas.width)
    if projected == len(mesh.vertices):
        covered = np.zeros(shape, np.bool_)
        _cover(image, mesh.faces, covered)
        return covered, lens
    # Faces that cross the near plane need the rasteriser. Depth nearer than everything lets none be written.
    marked, nearer = np.zeros((*shape, 1), np.uint64), np.full(shape, -np.inf)
    unread = np.empty(shape, np.uint16), np.empty(shape, np.int32)
    rasterise(camera, image, mesh.faces, lens, 1, 0, np.uint64(1), nearer, *unread, marked)
    return marked[..., 0] > 0, lens


@njit(cache=True, nogil=True, error_model="numpy")
def _cover(image: F64, faces: I32, covered: Bool) -> None:
    """Marks the pixel centres on the projected (V, 2) corners' faces, whichever way these look: a third of the
    rasteriser's time, for detailed meshes are looked at here as if through a magnifying glass."""
    height, width = covered.shape
    for f in range(faces.shape[0]):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        x0, x1, y0, y1 = image_window(image, a, b, c, WINDOW_PAD_PX, width, height)
        if x0 > x1 or y0 > y1:
            continue
        xa, ya, xb, yb, xc, yc = image[a, 0], image[a, 1], image[b, 0], image[b, 1], image[c, 0], image[c, 1]
        area = (xb - xa) * (yc - ya) - (xc - xa) * (yb - ya)
        if area == 0.0:
            continue
        if area < 0.0:
            xb, yb, xc, yc = xc, yc, xb, yb
        for y in range(y0, y1 + 1):
            v = y + 0.5
            for x in range(x0, x1 + 1):
                if covered[y, x]:
                    continue
                u = x + 0.5
                covered[y, x] = (
                    (xb - xa) * (v - ya) >= (u - xa) * (yb - ya)
                    and (xc - xb) * (v - yb) >= (u - xb) * (yc - yb)
                    and (xa - xc) * (v - yc) >= (u - xc) * (ya - yc)
                )


@njit(cache=True, nogil=True, error_model="numpy")
def _count_in_frame(covered: Bool, u: F64, v: F64, lens: Lens) -> tuple[int, int]:
    """Covered samples, and those of them that the camera sees; ``u``, ``v``: ideal coordinates of the samples."""
    region = lens.region
    total = inside = 0
    for y in range(covered.shape[0]):
        for x in range(covered.shape[1]):
            if not covered[y, x]:
                continue
            total += 1
            a, b = u[y, x], v[y, x]
            # Beyond the lens region the polynomial may fold back: not seen.
            if not (region[0] <= a <= region[1] and region[2] <= b <= region[3]):
                continue
            if lens.curved:
                a, b = distorted(a, b, lens.coefficients)
            px, py = lens.fx * a + lens.cx, lens.fy * b + lens.cy
            inside += 0 <= px < lens.width and 0 <= py < lens.height
    return total, inside
