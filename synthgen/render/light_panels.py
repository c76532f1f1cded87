"""Compiled kernels: rectangular area lights, with exact diffuse form factors."""

from __future__ import annotations

import math

import numpy as np

from synthgen.kernels import njit
from synthgen.render.light_cells import STEPS, UNSET, between, spread
from synthgen.render.light_highlight import fresnel, highlight_lobe
from synthgen.types.arrays import F32, F64, U8, U16

FACTOR_SPREAD = 0.08  # relative; bilinear interpolation is then within about 1 %


@njit(cache=True, nogil=True)
def _edge(p: F64, i: int, j: int) -> float:  # pragma: no cover - compiled
    """z of one edge's share of Lambert's formula: angle between two unit vectors times the unit edge normal.

    theta / sin(theta) / 2 pi by the rational fit of Heitz and Hill 2016 ("Real-Time Polygonal-Light Shading")."""
    x = p[i, 0] * p[j, 0] + p[i, 1] * p[j, 1] + p[i, 2] * p[j, 2]
    y = abs(x)
    ratio = (0.8543985 + (0.4965155 + 0.0145206 * y) * y) / (3.4175940 + (4.1616724 + y) * y)
    if x <= 0.0:
        ratio = 0.5 / math.sqrt(max(1.0 - x * x, 1e-7)) - ratio
    return (p[i, 0] * p[j, 1] - p[i, 1] * p[j, 0]) * ratio


@njit(cache=True, nogil=True)
def form_factor(
    corners: F64, px: float, py: float, pz: float, nx: float, ny: float, nz: float, local: F64, clipped: F64
) -> float:  # pragma: no cover - compiled
    """Share of a surface's cosine-weighted hemisphere that a polygon fills (Lambert 1760), clipped at the horizon.

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
        return 0.0
    for i in range(count):
        length = clipped[i, 0] ** 2 + clipped[i, 1] ** 2 + clipped[i, 2] ** 2
        inverse = 1.0 / max(1e-9, math.sqrt(length))
        for k in range(3):
            clipped[i, k] *= inverse
    total = _edge(clipped, count - 1, 0)
    for i in range(count - 1):
        total += _edge(clipped, i, i + 1)
    return abs(total)


@njit(cache=True, nogil=True)
def _factors(
    thing: U16, position: F32, normal: F32, shadow: F32, agree: U8, corners: F64
) -> F32:  # pragma: no cover - compiled
    """(H, W, 1) form factors of the light, computed where light arrives; interpolated over smooth cells."""
    height, width = thing.shape
    local, clipped = np.empty((4, 3)), np.empty((8, 3))
    out = np.full((height, width, 1), UNSET, np.float32)
    for step in STEPS:
        for y0 in range(0, height, step):
            for x0 in range(0, width, step):
                if step == 1:
                    if out[y0, x0, 0] != UNSET:
                        continue
                    if shadow[y0, x0, 0] <= 0.0:
                        out[y0, x0, 0] = 0.0
                        continue
                elif agree[y0, x0] < step or out[y0 + step // 2, x0 + step // 2, 0] != UNSET:
                    continue
                y1, x1 = y0 + step, x0 + step
                for corner in range(1 if step == 1 else 4):
                    y, x = (y1 if corner & 1 else y0), (x1 if corner & 2 else x0)
                    if out[y, x, 0] == UNSET:
                        out[y, x, 0] = form_factor(
                            corners, position[y, x, 0], position[y, x, 1], position[y, x, 2], normal[y, x, 0],
                            normal[y, x, 1], normal[y, x, 2], local, clipped,
                        )  # fmt: skip
                if step == 1 or spread(out, y0, x0, y1, x1, 0) > FACTOR_SPREAD * out[y0, x0, 0]:
                    continue
                for y in range(y0, y1):
                    for x in range(x0, x1):
                        if out[y, x, 0] == UNSET:
                            out[y, x, 0] = between(out, y0, x0, y1, x1, y, x, 0)
    return out


@njit(cache=True, nogil=True)
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
    frame: F64,
    centre: F64,
    half: F64,
    radiance: F64,
    corners: F64,
    direct: F32,
    highlight: F32,
) -> None:  # pragma: no cover - compiled
    """Adds a one-sided rectangular light to ``direct`` and ``highlight`` of one view.

    Args:
        shadow: from ``shadow_field``.
        frame: (3, 3) rows: its width axis, height axis, and the way it shines.
        centre: (3,); half: (2,) half edge lengths; corners: (4, 3); radiance: (3,).
    """
    height, width = thing.shape
    factors = _factors(thing, position, normal, shadow, agree, corners)
    area = 4.0 * half[0] * half[1]
    size = math.sqrt(area / math.pi)
    ax, ay, az = frame[0, 0], frame[0, 1], frame[0, 2]
    bx, by, bz = frame[1, 0], frame[1, 1], frame[1, 2]
    fx, fy, fz = frame[2, 0], frame[2, 1], frame[2, 2]
    for y in range(height):
        for x in range(width):
            lit = shadow[y, x, 0]
            if lit <= 0.0:
                continue
            px, py, pz = position[y, x, 0], position[y, x, 1], position[y, x, 2]
            nx, ny, nz = normal[y, x, 0], normal[y, x, 1], normal[y, x, 2]
            factor = factors[y, x, 0]
            if factor <= 1e-6:
                continue
            for k in range(3):
                direct[y, x, k] += radiance[k] * (factor * lit)
            # Representative point: where the mirror ray meets the light's plane, clamped into the rectangle.
            ox, oy, oz = px - centre[0], py - centre[1], pz - centre[2]
            w = fx * ox + fy * oy + fz * oz
            rx, ry, rz = ray[y, x, 0], ray[y, x, 1], ray[y, x, 2]
            v_n = 2.0 * (nx * rx + ny * ry + nz * rz)
            mx, my, mz = rx - v_n * nx, ry - v_n * ny, rz - v_n * nz
            t = w / max(0.02, -(fx * mx + fy * my + fz * mz))
            a = ax * (ox + t * mx) + ay * (oy + t * my) + az * (oz + t * mz)
            b = bx * (ox + t * mx) + by * (oy + t * my) + bz * (oz + t * mz)
            a, b = min(half[0], max(-half[0], a)), min(half[1], max(-half[1], b))
            lx, ly, lz = a * ax + b * bx - ox, a * ay + b * by - oy, a * az + b * bz - oz
            d2 = lx * lx + ly * ly + lz * lz
            inverse = 1.0 / math.sqrt(d2)
            lobe, schlick = highlight_lobe(
                lx * inverse, ly * inverse, lz * inverse, nx, ny, nz, rx, ry, rz, roughness[y, x], size * inverse / 3.0
            )
            # Never brighter than the light itself in a perfect mirror.
            seen = min(lobe * area * w * inverse / d2, 1.0) * lit
            for k in range(3):
                highlight[y, x, k] += fresnel(albedo[y, x, k], metallic[y, x], schlick) * seen * radiance[k]
