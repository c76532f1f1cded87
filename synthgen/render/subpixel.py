"""Sub-pixel visibility, only at given pixels: the rasteriser's ray test at sixteen points of each."""

from __future__ import annotations

import numpy as np

from synthgen.kernels import njit
from synthgen.render.lens import Lens
from synthgen.render.raster import (
    NEAR_M,
    WINDOW_PAD_PX,
    bend_pad,
    edge_planes,
    face_normal,
    image_window,
    table_window,
    turns_away,
)
from synthgen.types.arrays import F32, F64, I32, U8, U16

SAMPLES = 16


def _rotated_grid() -> F64:
    """(16, 2) sub-pixel offsets in (-0.5, 0.5), sixteen different columns and rows: near-level edges get 17 shades."""
    i, j = np.meshgrid(np.arange(4), np.arange(4), indexing="ij")
    x = i / 4 + (j + 0.5) / 16
    y = j / 4 + (3 - i + 0.5) / 16
    return np.stack([x.ravel(), y.ravel()], axis=1) - 0.5  # row c lies in the c-th sixteenth of the pixel


OFFSETS = _rotated_grid()


@njit(cache=True, nogil=True, error_model="numpy")
def _half_extent(nx: float, ny: float, ux: float, vx: float, uy: float, vy: float) -> float:
    """How much d . n can grow from a pixel's centre to its corners (``ray_step`` in ux, vx, uy, vy)."""
    return 0.5 * (abs(nx * ux + ny * vx) + abs(nx * uy + ny * vy))


@njit(cache=True, nogil=True, error_model="numpy")
def cast_subpixels(
    camera: F64,
    image: F64,
    faces: I32,
    normals: F32,
    rotation: F64,
    lens: Lens,
    number: int,
    slot: I32,
    edges_above: I32,
    mark: U8,
    ceiling: F64,
    ray: F64,
    offsets: F64,
    sample_depth: F64,
    sample_thing: U16,
    sample_normal: F32,
) -> None:
    """Casts the sub-pixel rays of all edge pixels against one thing, with the test of ``raster.rasterise``.

    Args:
        edges_above: (H + 1, W + 1) summed-area table of edge pixels: whether a window holds any, in four reads.
        rotation: (3, 3+) world_from_object; normals of the samples are in world axes, interpolated, not unit length.
    """
    width, height, bend = lens.width, lens.height, lens.bend
    turned_away = np.empty(faces.shape[0], np.int32)
    fronts, backs = faces.shape[0], 0
    for i in range(2 * fronts):  # as in ``raster.rasterise``: faces that look away come last
        if i >= fronts + backs:
            break
        f = i if i < fronts else turned_away[i - fronts]
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        pad = 0.5 + WINDOW_PAD_PX + (bend_pad(camera, a, b, c, bend) if bend > 0.0 else 0.0)
        x0, x1, y0, y1 = image_window(image, a, b, c, pad, width, height)
        known = x0 >= 0
        if not known:
            x0, x1, y0, y1 = table_window(camera, a, b, c, lens, 0.5)
        if x0 > x1 or y0 > y1:
            continue
        inside = edges_above[y1 + 1, x1 + 1] - edges_above[y0, x1 + 1] - edges_above[y1 + 1, x0] + edges_above[y0, x0]
        if inside == 0:
            continue
        if known and i < fronts and turns_away(image, a, b, c):
            turned_away[backs] = f
            backs += 1
            continue
        za, zb, zc = camera[a, 2], camera[b, 2], camera[c, 2]
        z_min, z_max = min(za, min(zb, zc)), max(za, max(zb, zc))
        xa, xb, xc = image[a, 0], image[b, 0], image[c, 0]
        left, right = min(xa, min(xb, xc)) - pad + 0.5, max(xa, max(xb, xc)) + pad - 0.5
        ready = False
        n0x = n0y = n0z = n1x = n1y = n1z = n2x = n2y = n2z = nx = ny = nz = det = 0.0
        for y in range(y0, y1 + 1):
            for x in range(x0, x1 + 1):
                e = slot[y, x]
                if e < 0 or z_min > ceiling[e]:
                    continue
                # Sample c lies in the c-th sixteenth of the pixel: only those under the face need the test.
                c0, c1 = 0, SAMPLES - 1
                if known:
                    c0 = max(int((left - x) * SAMPLES), 0)
                    c1 = min(int((right - x) * SAMPLES), SAMPLES - 1)
                hidden = True
                for s in range(c0, c1 + 1):
                    hidden = hidden and sample_depth[e, s] <= z_min
                if hidden:
                    continue
                if not ready:
                    ready = True
                    n0x, n0y, n0z, n1x, n1y, n1z, n2x, n2y, n2z = edge_planes(camera, a, b, c)
                    nx, ny, nz = face_normal(camera, a, b, c)
                    det = camera[a, 0] * nx + camera[a, 1] * ny + za * nz
                    if det < 0.0:
                        det, nx, ny, nz = -det, -nx, -ny, -nz
                        n0x, n0y, n0z = -n0x, -n0y, -n0z
                        n1x, n1y, n1z = -n1x, -n1y, -n1z
                        n2x, n2y, n2z = -n2x, -n2y, -n2z
                if det == 0.0:
                    continue
                # Most pixels of a window lie wholly beyond an edge of the face, or before everything it could show.
                u, v = ray[e, 0], ray[e, 1]
                ux, vx, uy, vy = ray[e, 2], ray[e, 3], ray[e, 4], ray[e, 5]
                if (v * n0y + n0z) + u * n0x + _half_extent(n0x, n0y, ux, vx, uy, vy) < 0.0:
                    continue
                if (v * n1y + n1z) + u * n1x + _half_extent(n1x, n1y, ux, vx, uy, vy) < 0.0:
                    continue
                if (v * n2y + n2z) + u * n2x + _half_extent(n2x, n2y, ux, vx, uy, vy) < 0.0:
                    continue
                if det > ceiling[e] * ((v * ny + nz) + u * nx + _half_extent(nx, ny, ux, vx, uy, vy)):
                    continue
                for s in range(c0, c1 + 1):
                    u = ray[e, 0] + ray[e, 2] * offsets[s, 0] + ray[e, 4] * offsets[s, 1]
                    v = ray[e, 1] + ray[e, 3] * offsets[s, 0] + ray[e, 5] * offsets[s, 1]
                    e0 = (v * n0y + n0z) + u * n0x
                    e1 = (v * n1y + n1z) + u * n1x
                    e2 = (v * n2y + n2z) + u * n2x
                    if e0 < 0.0 or e1 < 0.0 or e2 < 0.0:
                        continue
                    slope = (v * ny + nz) + u * nx
                    z = min(max(det / slope, z_min), z_max) if slope > 0.0 else z_max
                    if z <= NEAR_M or z >= sample_depth[e, s]:
                        continue
                    sample_depth[e, s] = z
                    sample_thing[e, s] = number
                    if mark[y, x] & 2:
                        sx = e0 * normals[a, 0] + e1 * normals[b, 0] + e2 * normals[c, 0]
                        sy = e0 * normals[a, 1] + e1 * normals[b, 1] + e2 * normals[c, 1]
                        sz = e0 * normals[a, 2] + e1 * normals[b, 2] + e2 * normals[c, 2]
                        for k in range(3):
                            sample_normal[e, s, k] = (
                                rotation[k, 0] * sx + rotation[k, 1] * sy + rotation[k, 2] * sz
                            ) / (e0 + e1 + e2)
