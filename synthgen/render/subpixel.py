"""Sub-pixel visibility, only at given pixels: the rasteriser's ray test at sixteen points of each.

Edge functions and inverse depth are affine in the image plane: per face and pixel they are set up once at the pixel's
centre, in double precision, and a sample then costs a few products in single precision and no division. A shared edge
gets the same number with the other sign on both sides, so no sample slips through.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from synthgen.kernels import njit
from synthgen.render.lens import Lens
from synthgen.render.raster import (
    NEAR_M,
    WIDE_WINDOW,
    WINDOW_PAD_PX,
    bend_pad,
    edge_planes,
    face_normal,
    image_window,
    row_span,
    table_window,
    turns_away,
)
from synthgen.types.arrays import F32, F64, I32, U16

SAMPLES = 16


def _rotated_grid() -> F64:
    """(16, 2) sub-pixel offsets in (-0.5, 0.5), sixteen different columns and rows: near-level edges get 17 shades."""
    i, j = np.meshgrid(np.arange(4), np.arange(4), indexing="ij")
    x = i / 4 + (j + 0.5) / 16
    y = j / 4 + (3 - i + 0.5) / 16
    return np.stack([x.ravel(), y.ravel()], axis=1) - 0.5  # row c lies in the c-th sixteenth of the pixel


OFFSETS = _rotated_grid()
OFFSETS_X, OFFSETS_Y = (np.ascontiguousarray(column, np.float32) for column in OFFSETS.T)


class Hits(NamedTuple):
    """The faces that sub-pixel rays hit; row 0 stands for nothing.

    Attributes:
        thing: (F + 1,) uint16 thing number; face: (F + 1,) int32.
        normal: (F + 1, 3) float32 unit mean of the corners' normals, world axes (0 where they cancel).
    """

    thing: U16
    face: I32
    normal: F32


def room_for_hits(faces: int) -> Hits:
    """Room for every one of ``faces`` faces; row 0 is filled in."""
    hits = Hits(np.empty(faces + 1, np.uint16), np.empty(faces + 1, np.int32), np.empty((faces + 1, 3), np.float32))
    hits.thing[0], hits.face[0], hits.normal[0] = 0, -1, 0.0
    return hits


@njit(cache=True, nogil=True, error_model="numpy")
def _note_hit(hits: Hits, row: int, number: int, f: int, normals: F32, rotation: F64, a: int, b: int, c: int) -> None:
    """Writes one row of ``hits``."""
    x = np.float64(normals[a, 0]) + normals[b, 0] + normals[c, 0]
    y = np.float64(normals[a, 1]) + normals[b, 1] + normals[c, 1]
    z = np.float64(normals[a, 2]) + normals[b, 2] + normals[c, 2]
    length = np.sqrt(x * x + y * y + z * z)
    scale = 1.0 / length if length > 0.0 else 0.0
    hits.thing[row], hits.face[row] = number, f
    for k in range(3):
        hits.normal[row, k] = (rotation[k, 0] * x + rotation[k, 1] * y + rotation[k, 2] * z) * scale


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _spread(nx: float, ny: float, ux: float, vx: float, uy: float, vy: float):  # type: ignore[no-untyped-def]
    """Change of d . n per pixel right and down, and how much it can grow from a pixel's centre towards a corner."""
    right, down = nx * ux + ny * vx, nx * uy + ny * vy
    return right, down, 0.5 * (abs(right) + abs(down))


@njit(cache=True, nogil=True, error_model="numpy")
def cast_subpixels(
    camera: F64,
    image: F64,
    faces: I32,
    normals: F32,
    rotation: F64,
    lens: Lens,
    number: int,
    edges_above: I32,
    ray: F64,
    offset_x: F32,
    offset_y: F32,
    hits: Hits,
    hit_rows: int,
    floor: F32,
    nearness: F32,
    hit: I32,
) -> int:
    """Casts the sub-pixel rays of all edge pixels against one thing, with the test of ``raster.rasterise``.

    Args:
        rotation: (3, 3+) world_from_object.
        edges_above: (H + 1, W + 1) summed-area table of edge pixels: whether a window holds any, and which, in four
            reads.
        ray: (E, 6) u, v and their steps per pixel (``channels.ray_step``).
        hits, hit_rows: the faces hit so far, and how many rows of it are in use.
        floor: (E,) 1 / depth that nothing of interest lies beneath: of the farthest surface seen around the pixel, or
            of the farthest sample; in and out.
        nearness: (E, 16) 1 / depth of what each sample hit, 0 = nothing yet; in and out.
        hit: (E, 16) its row in ``hits``; in and out.

    Returns:
        The rows of ``hits`` in use now.
    """
    width, height, bend = lens.width, lens.height, lens.bend
    turned_away = np.empty(faces.shape[0], np.int32)
    fronts, backs = faces.shape[0], 0
    too_near = np.float32(1.0 / NEAR_M)
    dx, dy = 1.0 / lens.fx, 1.0 / lens.fy
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
        if z_max <= NEAR_M:
            continue
        least = np.float32(1.0 / z_max)
        most = np.float32(1.0 / z_min) if z_min > NEAR_M else np.float32(np.inf)
        n0x, n0y, n0z, n1x, n1y, n1z, n2x, n2y, n2z = edge_planes(camera, a, b, c)
        nx, ny, nz = face_normal(camera, a, b, c)
        det = camera[a, 0] * nx + camera[a, 1] * ny + za * nz
        if det == 0.0:  # no area, or seen exactly edge-on
            continue
        if det < 0.0:
            n0x, n0y, n0z = -n0x, -n0y, -n0z
            n1x, n1y, n1z = -n1x, -n1y, -n1z
            n2x, n2y, n2z = -n2x, -n2y, -n2z
        nx, ny, nz = nx / det, ny / det, nz / det
        wide = x1 - x0 >= WIDE_WINDOW and not lens.curved
        # Without distortion all pixels are alike: what changes from one to the next is known once per face.
        r0, d0, r1, d1, r2, d2, rw, dw = n0x * dx, n0y * dy, n1x * dx, n1y * dy, n2x * dx, n2y * dy, nx * dx, ny * dy
        g0, g1, g2, gw = (
            0.5 * (abs(r0) + abs(d0)),
            0.5 * (abs(r1) + abs(d1)),
            0.5 * (abs(r2) + abs(d2)),
            0.5 * (abs(rw) + abs(dw)),
        )
        noted = False
        for y in range(y0, y1 + 1):
            left, right = x0, x1
            if wide:
                v = lens.v[y, x0]
                p0, p1, p2 = v * n0y + n0z + g0, v * n1y + n1z + g1, v * n2y + n2z + g2
                left, right = row_span(n0x, p0, n1x, p1, n2x, p2, lens.u[y, x0], lens.fx, x0, x1)
            # Edge pixels are numbered in raster order: those of a row between two columns follow each other.
            before = edges_above[y, width] - edges_above[y, left] + edges_above[y + 1, left]
            behind = edges_above[y, width] - edges_above[y, right + 1] + edges_above[y + 1, right + 1]
            for e in range(before, behind):
                if most <= floor[e]:
                    continue
                # Most pixels of a window lie wholly beyond an edge of the face, or before everything it could show.
                u, v = ray[e, 0], ray[e, 1]
                if lens.curved:
                    ux, vx, uy, vy = ray[e, 2], ray[e, 3], ray[e, 4], ray[e, 5]
                    r0, d0, g0 = _spread(n0x, n0y, ux, vx, uy, vy)
                    r1, d1, g1 = _spread(n1x, n1y, ux, vx, uy, vy)
                    r2, d2, g2 = _spread(n2x, n2y, ux, vx, uy, vy)
                    rw, dw, gw = _spread(nx, ny, ux, vx, uy, vy)
                c0, c1, c2 = (v * n0y + n0z) + u * n0x, (v * n1y + n1z) + u * n1x, (v * n2y + n2z) + u * n2x
                if c0 + g0 < 0.0 or c1 + g1 < 0.0 or c2 + g2 < 0.0:
                    continue
                cw = (v * ny + nz) + u * nx
                if cw + gw <= floor[e]:
                    continue
                f0, f0x, f0y = np.float32(c0), np.float32(r0), np.float32(d0)
                f1, f1x, f1y = np.float32(c1), np.float32(r1), np.float32(d1)
                f2, f2x, f2y = np.float32(c2), np.float32(r2), np.float32(d2)
                w, wx, wy = np.float32(cw), np.float32(rw), np.float32(dw)
                farthest, claimed = np.float32(np.inf), np.int32(0)
                for s in range(SAMPLES):
                    ox, oy = offset_x[s], offset_y[s]
                    e0, e1, e2 = f0 + f0x * ox + f0y * oy, f1 + f1x * ox + f1y * oy, f2 + f2x * ox + f2y * oy
                    near = w + wx * ox + wy * oy
                    # Grazing faces: rounding may take a sample off the face; its corners bound it.
                    near = near if near < most else most
                    near = near if near > least else least
                    old, old_hit = nearness[e, s], hit[e, s]
                    wins = (e0 >= 0.0) & (e1 >= 0.0) & (e2 >= 0.0) & (near > old) & (near < too_near)
                    new = near if wins else old
                    nearness[e, s] = new
                    hit[e, s] = np.int32(hit_rows) if wins else old_hit
                    farthest = new if new < farthest else farthest
                    claimed |= np.int32(wins)
                floor[e] = max(floor[e], farthest)
                if claimed and not noted:
                    noted = True
                    _note_hit(hits, hit_rows, number, f, normals, rotation, a, b, c)
        hit_rows += noted
    return hit_rows
