"""Visibility: a z-buffer whose inside test is a ray caster's.

For camera-space corners v0, v1, v2 the edge planes n0 = v1 x v2, n1 = v2 x v0, n2 = v0 x v1 pass through the camera
centre; the ray d = (u, v, 1) of a pixel centre passes through the triangle where all d . n_i have the sign of the
corners' determinant. Nothing is divided by z before the test ("2D homogeneous rasterisation", Olano and Greer 1997), so
triangles that cross the camera plane need no clipping, and since a x b = -(b x a) holds bit for bit in IEEE arithmetic
no ray slips between two triangles that share an edge. Scans are not watertight: triangles have two sides.
"""

from __future__ import annotations

import numpy as np

from synthgen.kernels import njit
from synthgen.render.lens import Lens
from synthgen.types.arrays import F32, F64, I32, U16, U64

NEAR_M = 0.01
WINDOW_PAD_PX = 1e-6  # rounding of projected corners
WIDE_WINDOW = 12  # columns from which solving for a row's span is cheaper than testing all of them
SMALL_WINDOW = 6  # pixels up to which asking whether a face is hidden is cheaper than its set-up


@njit(cache=True, nogil=True, error_model="numpy")
def distorted(u: float, v: float, k: F64) -> tuple[float, float]:
    """``projection.distort`` of one point; ``k``: ``Lens.coefficients``."""
    r2 = u * u + v * v
    radial = (1 + r2 * (k[0] + r2 * (k[1] + r2 * k[4]))) / (1 + r2 * (k[5] + r2 * (k[6] + r2 * k[7])))
    return (
        u * radial + 2 * k[2] * u * v + k[3] * (r2 + 2 * u * u),
        v * radial + k[2] * (r2 + 2 * v * v) + 2 * k[3] * u * v,
    )


@njit(cache=True, nogil=True, error_model="numpy")
def place_vertices(
    vertices: F32, camera_from_object: F64, lens: Lens, camera: F64, image: F64
) -> tuple[int, int, float, float, float, float]:
    """Moves vertices into camera axes and projects them.

    Args:
        vertices: (V, 3) float32, object frame, metres.
        camera_from_object: (4, 4) float64.
        camera: (V, 3) float64 output, camera axes, metres.
        image: (V, 2) float64 output, distorted pixels; nan at z <= NEAR_M or outside the lens region.

    Returns:
        (vertices in front of the near plane, vertices with pixels, x_min, x_max, y_min, y_max in pixels).
    """
    m = camera_from_object
    k = lens.coefficients
    region = lens.region
    front = 0
    projected = 0
    x_min, x_max, y_min, y_max = np.inf, -np.inf, np.inf, -np.inf
    for i in range(vertices.shape[0]):
        a, b, c = np.float64(vertices[i, 0]), np.float64(vertices[i, 1]), np.float64(vertices[i, 2])
        x = m[0, 0] * a + m[0, 1] * b + m[0, 2] * c + m[0, 3]
        y = m[1, 0] * a + m[1, 1] * b + m[1, 2] * c + m[1, 3]
        z = m[2, 0] * a + m[2, 1] * b + m[2, 2] * c + m[2, 3]
        camera[i, 0], camera[i, 1], camera[i, 2] = x, y, z
        if not z > NEAR_M:
            image[i, 0] = image[i, 1] = np.nan
            continue
        front += 1
        u, v = x / z, y / z
        if lens.curved:
            if not (region[0] <= u <= region[1] and region[2] <= v <= region[3]):
                image[i, 0] = image[i, 1] = np.nan
                continue
            u, v = distorted(u, v, k)
        projected += 1
        px, py = lens.fx * u + lens.cx, lens.fy * v + lens.cy
        image[i, 0], image[i, 1] = px, py
        x_min, x_max = min(x_min, px), max(x_max, px)
        y_min, y_max = min(y_min, py), max(y_max, py)
    return front, projected, x_min, x_max, y_min, y_max


@njit(cache=True, nogil=True, error_model="numpy")
def ideal_bounds(camera: F64, a: int, b: int, c: int) -> tuple[float, float, float, float]:
    """Bounds (u_min, u_max, v_min, v_max) of the part of a triangle beyond the near plane; inf, -inf, ... if none."""
    u_min, u_max, v_min, v_max = np.inf, -np.inf, np.inf, -np.inf
    corners = (a, b, c)
    for i in range(3):
        p, q = corners[i], corners[(i + 1) % 3]
        zp, zq = camera[p, 2], camera[q, 2]
        if zp > NEAR_M:
            u, v = camera[p, 0] / zp, camera[p, 1] / zp
            u_min, u_max = min(u_min, u), max(u_max, u)
            v_min, v_max = min(v_min, v), max(v_max, v)
        if (zp > NEAR_M) != (zq > NEAR_M):
            t = (NEAR_M - zp) / (zq - zp)
            u = (camera[p, 0] + t * (camera[q, 0] - camera[p, 0])) / NEAR_M
            v = (camera[p, 1] + t * (camera[q, 1] - camera[p, 1])) / NEAR_M
            u_min, u_max = min(u_min, u), max(u_max, u)
            v_min, v_max = min(v_min, v), max(v_max, v)
    return u_min, u_max, v_min, v_max


@njit(cache=True, nogil=True, error_model="numpy")
def table_window(camera: F64, a: int, b: int, c: int, lens: Lens, reach: float) -> tuple[int, int, int, int]:
    """Conservative pixel window of any triangle, from its ideal bounds and the lens's column and row tables."""
    u_min, u_max, v_min, v_max = ideal_bounds(camera, a, b, c)
    if u_min > u_max:
        return 0, -1, 0, -1
    slack = 1e-9 * (1.0 + abs(u_min) + abs(u_max) + abs(v_min) + abs(v_max))
    spread = 1 if reach > 0 else 0
    x0 = np.searchsorted(lens.column_high, u_min - slack) - spread
    x1 = np.searchsorted(lens.column_low, u_max + slack, side="right") - 1 + spread
    y0 = np.searchsorted(lens.row_high, v_min - slack) - spread
    y1 = np.searchsorted(lens.row_low, v_max + slack, side="right") - 1 + spread
    return max(x0, 0), min(x1, lens.width - 1), max(y0, 0), min(y1, lens.height - 1)


@njit(cache=True, nogil=True, error_model="numpy")
def bend_pad(camera: F64, a: int, b: int, c: int, bend: float) -> float:
    """How far, in pixels, a curved lens can push a triangle's points beyond its distorted corners (``Lens.bend``)."""
    ua, va = camera[a, 0] / camera[a, 2], camera[a, 1] / camera[a, 2]
    ub, vb = camera[b, 0] / camera[b, 2], camera[b, 1] / camera[b, 2]
    uc, vc = camera[c, 0] / camera[c, 2], camera[c, 1] / camera[c, 2]
    ab, bc, ca = (ua - ub) ** 2 + (va - vb) ** 2, (ub - uc) ** 2 + (vb - vc) ** 2, (uc - ua) ** 2 + (vc - va) ** 2
    return bend * max(ab, max(bc, ca))


@njit(cache=True, nogil=True, error_model="numpy")
def image_window(image: F64, a: int, b: int, c: int, pad: float, width: int, height: int) -> tuple[int, int, int, int]:
    """Inclusive pixel window (x0, x1, y0, y1) whose centres lie within ``pad`` of a projected triangle's bounds.

    x0 > x1 when empty; x0 = -1 when a corner has no pixels (see ``table_window``). This runs for every face of every
    view: it takes numbers, not the lens, because a struct of arrays as argument costs ten times the work done here.
    """
    xa, xb, xc = image[a, 0], image[b, 0], image[c, 0]
    total = xa + xb + xc
    if total != total:
        return -1, 0, 0, 0
    # Truncation rounds towards zero: that is floor where it matters, and conservative left of and above the image.
    x0 = max(int(min(xa, min(xb, xc)) + (0.5 - pad)), 0)
    x1 = min(int(max(xa, max(xb, xc)) - (0.5 - pad)), width - 1)
    if x0 > x1:
        return 0, -1, 0, -1
    ya, yb, yc = image[a, 1], image[b, 1], image[c, 1]
    y0 = max(int(min(ya, min(yb, yc)) + (0.5 - pad)), 0)
    y1 = min(int(max(ya, max(yb, yc)) - (0.5 - pad)), height - 1)
    return x0, x1, y0, y1


@njit(cache=True, nogil=True, error_model="numpy")
def turns_away(image: F64, a: int, b: int, c: int) -> bool:
    """Whether a face is seen from behind: its corners run clockwise with y down. Only decides the order of work."""
    xa, ya = image[a, 0], image[a, 1]
    return bool((image[b, 0] - xa) * (image[c, 1] - ya) - (image[c, 0] - xa) * (image[b, 1] - ya) > 0.0)


@njit(cache=True, nogil=True, error_model="numpy")
def edge_planes(
    camera: F64, a: int, b: int, c: int
) -> tuple[float, float, float, float, float, float, float, float, float]:
    """The planes through the camera centre and each edge, opposite to corner a, b, c (x, y, z each)."""
    ax, ay, az = camera[a, 0], camera[a, 1], camera[a, 2]
    bx, by, bz = camera[b, 0], camera[b, 1], camera[b, 2]
    cx, cy, cz = camera[c, 0], camera[c, 1], camera[c, 2]
    return (
        by * cz - bz * cy,
        bz * cx - bx * cz,
        bx * cy - by * cx,
        cy * az - cz * ay,
        cz * ax - cx * az,
        cx * ay - cy * ax,
        ay * bz - az * by,
        az * bx - ax * bz,
        ax * by - ay * bx,
    )


@njit(cache=True, nogil=True, error_model="numpy")
def face_normal(camera: F64, a: int, b: int, c: int) -> tuple[float, float, float]:
    """(b - a) x (c - a), from differences: the sum of the edge planes is the same vector, but cancels badly."""
    px, py, pz = camera[b, 0] - camera[a, 0], camera[b, 1] - camera[a, 1], camera[b, 2] - camera[a, 2]
    qx, qy, qz = camera[c, 0] - camera[a, 0], camera[c, 1] - camera[a, 1], camera[c, 2] - camera[a, 2]
    return py * qz - pz * qy, pz * qx - px * qz, px * qy - py * qx


@njit(cache=True, nogil=True, error_model="numpy")
def _hidden(x0: int, x1: int, y0: int, y1: int, z_min: float, depth: F64, amodal: U64, word: int, bit: int) -> bool:
    """Whether every pixel of a window already holds a nearer surface and, where asked for, the coverage bit."""
    for y in range(y0, y1 + 1):
        for x in range(x0, x1 + 1):
            if depth[y, x] > z_min or (amodal[y, x, word] & bit) != bit:
                return False
    return True


@njit(cache=True, nogil=True, error_model="numpy")
def row_span(
    n0: float, c0: float, n1: float, c1: float, n2: float, c2: float, u0: float, fx: float, x0: int, x1: int
) -> tuple[int, int]:
    """Narrows columns x0..x1 of one row to those where no n_i * u + c_i can be negative, one column to spare each side.

    Args:
        u0: u of column x0; columns are 1 / fx apart.
    """
    low, high = 0.0, float(x1 - x0)
    for n, c in ((n0, c0), (n1, c1), (n2, c2)):
        if n > 0.0:
            low = max(low, (-c / n - u0) * fx - 1.0)
        elif n < 0.0:
            high = min(high, (-c / n - u0) * fx + 1.0)
        elif c < 0.0:
            return 0, -1
    if low > high:
        return 0, -1
    return x0 + int(low), x0 + int(high)


@njit(cache=True, nogil=True, error_model="numpy")
def _fill_row(
    n: float,
    c: float,
    det: float,
    z_min: float,
    z_max: float,
    ray_u: F64,
    y: int,
    x0: int,
    x1: int,
    number: int,
    f: int,
    depth: F64,
    thing: U16,
    face: I32,
) -> None:
    """``rasterise`` in columns x0..x1 of a row that lie wholly inside a face beyond the near plane: no edge
    tests; leaves ``amodal`` alone.

    Args:
        n, c: d . normal = n * u + c.
    """
    for x in range(x0, x1 + 1):
        slope = c + ray_u[y, x] * n
        z = det / slope
        z = z if z > z_min else z_min
        z = z if z < z_max else z_max
        z = z if slope > 0.0 else z_max
        old, old_thing, old_face = depth[y, x], thing[y, x], face[y, x]
        nearer = z < old
        depth[y, x] = z if nearer else old
        thing[y, x] = np.uint16(number) if nearer else old_thing
        face[y, x] = np.int32(f) if nearer else old_face


@njit(cache=True, nogil=True, error_model="numpy")
def _interior(
    n0: float, c0: float, n1: float, c1: float, n2: float, c2: float, u0: float, fx: float, x0: int, x1: int
) -> tuple[int, int]:
    """Columns of one row that lie inside a face by a column or more, as ``row_span``; first > last if none do."""
    low, high = 0.0, float(x1 - x0)
    for n, c in ((n0, c0), (n1, c1), (n2, c2)):
        if n > 0.0:
            low = max(low, (-c / n - u0) * fx + 1.0)
        elif n < 0.0:
            high = min(high, (-c / n - u0) * fx - 1.0)
        elif c <= 0.0:
            return x1 + 1, x1
    if not low <= high:
        return x1 + 1, x1
    return x0 + int(np.ceil(low)), x0 + int(high)


@njit(cache=True, nogil=True, error_model="numpy")
def rasterise(
    camera: F64,
    image: F64,
    faces: I32,
    lens: Lens,
    number: int,
    word: int,
    bit: int,
    depth: F64,
    thing: U16,
    face: I32,
    amodal: U64,
) -> None:
    """Draws one thing into the visibility buffers; of equally near surfaces the first drawn stays
    (things in order; within a thing, faces that look towards the camera before those that look away).

    Args:
        camera, image: from ``place_vertices``.
        faces: (F, 3) int32.
        number: what is written to ``thing``.
        word, bit: which bit of ``amodal`` marks coverage regardless of depth; a ``bit`` of 0 marks nothing.
        depth: (H, W) float64 camera z, inf where nothing was drawn yet; in and out.
        thing, face: (H, W); in and out.
        amodal: (H, W, words) uint64; in and out.
    """
    width, height, bend = lens.width, lens.height, lens.bend
    ray_u, ray_v = lens.u, lens.v
    turned_away = np.empty(faces.shape[0], np.int32)
    fronts, backs = faces.shape[0], 0
    # Faces that look away come last: most of them are then hidden, which is cheaper to see than to draw.
    for i in range(2 * fronts):
        if i >= fronts + backs:
            break
        f = i if i < fronts else turned_away[i - fronts]
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        pad = WINDOW_PAD_PX + (bend_pad(camera, a, b, c, bend) if bend > 0.0 else 0.0)
        x0, x1, y0, y1 = image_window(image, a, b, c, pad, width, height)
        known = x0 >= 0
        if not known:
            x0, x1, y0, y1 = table_window(camera, a, b, c, lens, 0.0)
        if x0 > x1 or y0 > y1:
            continue
        if known and i < fronts and turns_away(image, a, b, c):
            turned_away[backs] = f
            backs += 1
            continue
        za, zb, zc = camera[a, 2], camera[b, 2], camera[c, 2]
        z_min, z_max = min(za, min(zb, zc)), max(za, max(zb, zc))
        if (x1 - x0 + 1) * (y1 - y0 + 1) <= SMALL_WINDOW and _hidden(x0, x1, y0, y1, z_min, depth, amodal, word, bit):
            continue
        n0x, n0y, n0z, n1x, n1y, n1z, n2x, n2y, n2z = edge_planes(camera, a, b, c)
        nx, ny, nz = face_normal(camera, a, b, c)
        det = camera[a, 0] * nx + camera[a, 1] * ny + za * nz
        if det == 0.0:  # no area, or seen exactly edge-on
            continue
        if det < 0.0:
            det, nx, ny, nz = -det, -nx, -ny, -nz
            n0x, n0y, n0z = -n0x, -n0y, -n0z
            n1x, n1y, n1z = -n1x, -n1y, -n1z
            n2x, n2y, n2z = -n2x, -n2y, -n2z
        wide = x1 - x0 >= WIDE_WINDOW and not lens.curved
        for y in range(y0, y1 + 1):
            left, right, first, end = x0, x1, x1 + 1, x1
            if wide:
                v = ray_v[y, x0]
                c0, c1, c2 = v * n0y + n0z, v * n1y + n1z, v * n2y + n2z
                left, right = row_span(n0x, c0, n1x, c1, n2x, c2, ray_u[y, x0], lens.fx, x0, x1)
                # The middle of a long row needs no edge tests, only its ends do.
                first, end = _interior(n0x, c0, n1x, c1, n2x, c2, ray_u[y, x0], lens.fx, x0, x1)
                if z_min > NEAR_M and end - first >= WIDE_WINDOW:
                    _fill_row(nx, v * ny + nz, det, z_min, z_max, ray_u, y, first, end, number, f, depth, thing, face)
                    if bit != 0:
                        for x in range(first, end + 1):
                            amodal[y, x, word] |= bit
                else:
                    first = x1 + 1
            x = left - 1
            while x < right:
                x += 1
                if x == first:
                    x = end
                    continue
                u, v = ray_u[y, x], ray_v[y, x]
                if (v * n0y + n0z) + u * n0x < 0.0:
                    continue
                if (v * n1y + n1z) + u * n1x < 0.0:
                    continue
                if (v * n2y + n2z) + u * n2x < 0.0:
                    continue
                slope = (v * ny + nz) + u * nx
                # Grazing triangles: the quotient may leave the triangle by rounding; its corners bound it.
                z = min(max(det / slope, z_min), z_max) if slope > 0.0 else z_max
                if z <= NEAR_M:
                    continue
                if bit != 0:
                    amodal[y, x, word] |= bit
                if z < depth[y, x]:
                    depth[y, x] = z
                    thing[y, x] = number
                    face[y, x] = f
