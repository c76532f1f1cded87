"""Compiled kernels: rectangular area lights, with exact diffuse form factors."""

from __future__ import annotations

import math

import numpy as np

from synthgen.ggx import ggx_density
from synthgen.kernels import inner, njit
from synthgen.render.light_cells import STEPS, UNSET, fill, halved, lit_alike, no_cells, open_cells, open_pixels
from synthgen.render.light_fresnel import dielectric, fresnel, schlick
from synthgen.render.light_lobes import lobe_at, stretched_density
from synthgen.types.arrays import F32, F64, U8, U16

DARK = 1.0e-6
GRAZING = 0.01  # cosine below which a light is at the surface's horizon
MOST_CORRECTION = 8.0


@inner
def _edge(p: F64, i: int, j: int) -> tuple[float, float, float]:  # pragma: no cover - compiled
    """One edge's share of Lambert's formula: angle between two unit vectors times the unit edge normal, over 2 pi.

    theta / sin(theta) / 2 pi by the rational fit of Heitz and Hill 2016 ("Real-Time Polygonal-Light Shading")."""
    x = p[i, 0] * p[j, 0] + p[i, 1] * p[j, 1] + p[i, 2] * p[j, 2]
    y = abs(x)
    ratio = (0.8543985 + (0.4965155 + 0.0145206 * y) * y) / (3.4175940 + (4.1616724 + y) * y)
    if x <= 0.0:
        ratio = 0.5 / math.sqrt(max(1.0 - x * x, 1e-7)) - ratio
    return (
        (p[i, 1] * p[j, 2] - p[i, 2] * p[j, 1]) * ratio,
        (p[i, 2] * p[j, 0] - p[i, 0] * p[j, 2]) * ratio,
        (p[i, 0] * p[j, 1] - p[i, 1] * p[j, 0]) * ratio,
    )


@inner
def _closed_sum(p: F64, count: int) -> tuple[float, float, float]:  # pragma: no cover - compiled
    """Sum of ``_edge`` round the polygon of the first ``count`` points, which are scaled to unit length in place; z is
    never negative."""
    for i in range(count):
        length = p[i, 0] ** 2 + p[i, 1] ** 2 + p[i, 2] ** 2
        inverse = 1.0 / max(1e-9, math.sqrt(length))
        p[i, 0] *= inverse
        p[i, 1] *= inverse
        p[i, 2] *= inverse
    x, y, z = _edge(p, count - 1, 0)
    for i in range(count - 1):
        dx, dy, dz = _edge(p, i, i + 1)
        x, y, z = x + dx, y + dy, z + dz
    turn = 1.0 if z >= 0.0 else -1.0
    return turn * x, turn * y, turn * z


@inner
def _polygon_sum(local: F64, clipped: F64) -> tuple[float, float, float]:  # pragma: no cover - compiled
    """Mean direction of what a quadrilateral, clipped at z = 0, fills of the cosine-weighted upper hemisphere, not of
    unit length: its z is the share of the hemisphere (Lambert 1760)."""
    least = min(min(local[0, 2], local[1, 2]), min(local[2, 2], local[3, 2]))
    most = max(max(local[0, 2], local[1, 2]), max(local[2, 2], local[3, 2]))
    if most <= 0.0:
        return 0.0, 0.0, 0.0
    if least >= 0.0:  # nothing to clip, as nearly always
        return _closed_sum(local, 4)
    count = 0
    for i in range(4):
        j = (i + 1) & 3
        if local[i, 2] >= 0.0:
            clipped[count, 0], clipped[count, 1], clipped[count, 2] = local[i, 0], local[i, 1], local[i, 2]
            count += 1
        if (local[i, 2] >= 0.0) != (local[j, 2] >= 0.0):
            t = local[i, 2] / (local[i, 2] - local[j, 2])
            clipped[count, 0] = local[i, 0] + t * (local[j, 0] - local[i, 0])
            clipped[count, 1] = local[i, 1] + t * (local[j, 1] - local[i, 1])
            clipped[count, 2] = 0.0
            count += 1
    if count < 3:
        return 0.0, 0.0, 0.0
    return _closed_sum(clipped, count)


@inner
def form_factor(
    corners: F64, px: float, py: float, pz: float, nx: float, ny: float, nz: float, local: F64, clipped: F64
) -> float:  # pragma: no cover - compiled
    """Share of a surface's cosine-weighted hemisphere that a rectangle fills.

    Args:
        corners: (4, 3) world points, in order; p, n: receiver and its unit normal.
        local: (4, 3), clipped: (8, 3) scratch.
    """
    if abs(nz) < 0.9:
        scale = 1.0 / math.sqrt(nx * nx + ny * ny)
        tx, ty, tz = ny * scale, -nx * scale, 0.0
    else:
        scale = 1.0 / math.sqrt(ny * ny + nz * nz)
        tx, ty, tz = 0.0, nz * scale, -ny * scale
    bx, by, bz = ny * tz - nz * ty, nz * tx - nx * tz, nx * ty - ny * tx
    for i in range(4):
        dx, dy, dz = corners[i, 0] - px, corners[i, 1] - py, corners[i, 2] - pz
        local[i, 0] = tx * dx + ty * dy + tz * dz
        local[i, 1] = bx * dx + by * dy + bz * dz
        local[i, 2] = nx * dx + ny * dy + nz * dz
    return _polygon_sum(local, clipped)[2]


@inner
def lobe_share(
    corners: F64,
    px: float,
    py: float,
    pz: float,
    nx: float,
    ny: float,
    nz: float,
    rx: float,
    ry: float,
    rz: float,
    roughness: float,
    table: F32,
    local: F64,
    clipped: F64,
) -> tuple[float, float]:  # pragma: no cover - compiled
    """What a white mirror of this roughness reflects of a rectangle of radiance 1, and v.h for Fresnel.

    Share of the lobe times its albedo (``light_lobes``), corrected by what GGX has more than the stretched cosine in
    the mean direction which the light fills of the lobe; the more of it the light fills, the less there is to correct.
    v.h is that direction's too: far beside the mirror ray, where rough tables show most of a lamp, it is not the
    lobe's own.

    Args:
        corners: (4, 3) world points, in order; p, n: receiver and its unit normal; r: view ray, away from the camera.
        table: ``light_lobes.lobe_table()``.
        local: (4, 3), clipped: (8, 3) scratch.
    """
    n_v = -(nx * rx + ny * ry + nz * rz)
    sine, cosine, along, across, white = lobe_at(table, roughness, n_v)
    # t: in the plane of incidence and the surface, away from the viewer; any will do where the view is straight down.
    tx, ty, tz = rx + n_v * nx, ry + n_v * ny, rz + n_v * nz
    length = math.sqrt(tx * tx + ty * ty + tz * tz)
    if length < 1e-4:
        tx, ty, tz = (-ny, nx, 0.0) if abs(nz) < 0.7 else (0.0, -nz, ny)
        length = math.sqrt(tx * tx + ty * ty + tz * tz)
    tx, ty, tz = tx / length, ty / length, tz / length
    zx, zy, zz = sine * tx + cosine * nx, sine * ty + cosine * ny, sine * tz + cosine * nz
    xx, xy, xz = cosine * tx - sine * nx, cosine * ty - sine * ny, cosine * tz - sine * nz
    yx, yy, yz = zy * xz - zz * xy, zz * xx - zx * xz, zx * xy - zy * xx
    low, high = math.inf, 0.0
    for i in range(4):
        dx, dy, dz = corners[i, 0] - px, corners[i, 1] - py, corners[i, 2] - pz
        height = nx * dx + ny * dy + nz * dz
        low, high = min(low, height), max(high, height)
        local[i, 0] = along * (xx * dx + xy * dy + xz * dz)
        local[i, 1] = across * (yx * dx + yy * dy + yz * dz)
        local[i, 2] = zx * dx + zy * dy + zz * dz
    a, b, share = _polygon_sum(local, clipped)
    if share <= 0.0:
        return 0.0, 1.0
    density = stretched_density(a, b, share, along, across)
    a, b = a / along, b / across
    lx, ly, lz = a * xx + b * yx + share * zx, a * xy + b * yy + share * zy, a * xz + b * yz + share * zz
    inverse = 1.0 / math.sqrt(lx * lx + ly * ly + lz * lz)
    v_l = -(rx * lx + ry * ly + rz * lz) * inverse
    v_h = math.sqrt(max(0.0, 0.5 + 0.5 * v_l))
    n_l = (nx * lx + ny * ly + nz * lz) * inverse
    if n_l > GRAZING:
        rest = 1.0 - share
        if low < 0.0:  # what is below the surface's horizon moves the mean direction, but gives no light
            rest *= max(0.0, 1.0 + 2.0 * low / (high - low))
        n_h = (max(n_v, GRAZING) + n_l) / (2.0 * max(v_h, GRAZING))
        truth = ggx_density(roughness * roughness, max(n_v, GRAZING), n_l, min(n_h, 1.0))
        share *= 1.0 + rest * rest * (min(truth / max(white * density, 1e-9), MOST_CORRECTION) - 1.0)
    return min(share, 1.0) * white, v_h


@njit(cache=True, nogil=True, error_model="numpy")
def _factors(
    thing: U16,
    position: F32,
    normal: F32,
    ray: F32,
    roughness: F32,
    shadow: F32,
    agree: U8,
    corners: F64,
    table: F32,
) -> F32:  # pragma: no cover - compiled
    """(H, W, 3) form factor of the light, its share of the mirror lobe, and v.h, where light arrives.

    Computed at the corners of smooth cells first, and inside them only where the corners differ; unset where no light
    arrives.
    """
    height, width = thing.shape
    local, clipped = np.empty((4, 3)), np.empty((8, 3))
    out = np.full((height, width, 3), UNSET, np.float32)
    filled, todo = no_cells(height, width)
    for step in STEPS:
        for n in range(open_cells(agree, filled, step, todo)):
            y0, x0 = divmod(todo[n], width)
            for corner in range(4):
                y, x = y0 + (step if corner & 1 else 0), x0 + (step if corner & 2 else 0)
                if out[y, x, 0] == UNSET:
                    _factors_at(y, x, position, normal, ray, roughness, corners, table, local, clipped, out)
            if lit_alike(out, normal, roughness, y0, x0, step):
                fill(out, filled, y0, x0, step)
    for odd in range(2):
        for n in range(open_pixels(filled, height, width, odd, todo)):
            y, x = divmod(todo[n], width)
            if out[y, x, 0] != UNSET:
                continue
            if shadow[y, x, 0] <= 0.0:
                continue
            if odd == 0 or not halved(out, thing, position, normal, roughness, y, x):
                _factors_at(y, x, position, normal, ray, roughness, corners, table, local, clipped, out)
    return out


@inner
def _factors_at(
    y: int,
    x: int,
    position: F32,
    normal: F32,
    ray: F32,
    roughness: F32,
    corners: F64,
    table: F32,
    local: F64,
    clipped: F64,
    out: F32,
) -> None:  # pragma: no cover - compiled
    px, py, pz = position[y, x, 0], position[y, x, 1], position[y, x, 2]
    nx, ny, nz = normal[y, x, 0], normal[y, x, 1], normal[y, x, 2]
    out[y, x, 0] = form_factor(corners, px, py, pz, nx, ny, nz, local, clipped)
    if out[y, x, 0] > DARK:
        out[y, x, 1], out[y, x, 2] = lobe_share(
            corners, px, py, pz, nx, ny, nz, ray[y, x, 0], ray[y, x, 1], ray[y, x, 2], roughness[y, x], table, local,
            clipped,
        )  # fmt: skip
    else:
        out[y, x, 1], out[y, x, 2] = 0.0, 1.0


@njit(cache=True, nogil=True, error_model="numpy")
def add_area(
    thing: U16,
    position: F32,
    normal: F32,
    ray: F32,
    albedo: F32,
    roughness: F32,
    metallic: F32,
    shadow: F32,
    agree: U8,
    radiance: F64,
    corners: F64,
    table: F32,
    direct: F32,
    highlight: F32,
) -> None:  # pragma: no cover - compiled
    """Adds a one-sided rectangular light to ``direct`` and ``highlight`` of one view.

    Args:
        shadow: from ``shadow_field``: 0 behind the light.
        radiance: (3,); corners: (4, 3) world points, in order; table: ``light_lobes.lobe_table()``.
    """
    height, width = thing.shape
    factors = _factors(thing, position, normal, ray, roughness, shadow, agree, corners, table)
    red, green, blue = np.float32(radiance[0]), np.float32(radiance[1]), np.float32(radiance[2])
    for y in range(height):
        for x in range(width):
            factor = factors[y, x, 0] * shadow[y, x, 0]
            if factor <= DARK:
                continue
            direct[y, x, 0] += red * factor
            direct[y, x, 1] += green * factor
            direct[y, x, 2] += blue * factor
            seen = factors[y, x, 1] * shadow[y, x, 0]
            dull, bright, metal = dielectric(factors[y, x, 2]), schlick(factors[y, x, 2]), metallic[y, x]
            highlight[y, x, 0] += fresnel(albedo[y, x, 0], metal, dull, bright) * seen * red
            highlight[y, x, 1] += fresnel(albedo[y, x, 1], metal, dull, bright) * seen * green
            highlight[y, x, 2] += fresnel(albedo[y, x, 2], metal, dull, bright) * seen * blue
