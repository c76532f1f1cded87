"""Compiled kernels for key lights: exact diffuse form factors, GGX highlights, soft shadows."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from synthgen.render.light_ambient import table_shadow
from synthgen.render.light_cells import CENTRE_SPREAD, SPREAD, STEPS, UNSET, between, spread
from synthgen.render.shadow import soft_shadow
from synthgen.types.arrays import F32, F64, U8, U16

MIN_FACING = 0.1
MIN_ALPHA = 0.003
SAMPLES = (0, 1, 4, 0, 5)  # of a cell, by its edge: its corners, and its centre
FACTOR_SPREAD = 0.08  # relative; bilinear interpolation is then within about 1 %


@njit(cache=True, nogil=True)
def ggx(alpha: float, n_l: float, n_v: float, n_h: float) -> float:  # pragma: no cover - compiled
    """D V of the microfacet model without Fresnel: Walter et al. 2007 eq. 33, height-correlated Smith of
    Heitz 2014 eq. 99 (V = G / (4 n.l n.v))."""
    a2 = alpha * alpha
    d = n_h * n_h * (a2 - 1.0) + 1.0
    v = n_l * math.sqrt(n_v * n_v * (1.0 - a2) + a2) + n_v * math.sqrt(n_l * n_l * (1.0 - a2) + a2)
    return a2 / (math.pi * d * d) * 0.5 / max(v, 1e-6)


@njit(cache=True, nogil=True)
def highlight_lobe(
    lx: float,
    ly: float,
    lz: float,
    nx: float,
    ny: float,
    nz: float,
    rx: float,
    ry: float,
    rz: float,
    roughness: float,
    widening: float,
) -> tuple[float, float]:  # pragma: no cover - compiled
    """D V n.l towards a light's representative point and Schlick's (1 - v.h)^5.

    The lobe is lowered by (alpha / (alpha + widening))^2 as the light's size spreads it (Karis 2013).

    Args:
        l: unit direction to the point; n: normal; r: view ray (away from the camera).
    """
    n_l = nx * lx + ny * ly + nz * lz
    if n_l <= 0.0:
        return 0.0, 0.0
    n_v = max(1e-3, -(nx * rx + ny * ry + nz * rz))
    hx, hy, hz = lx - rx, ly - ry, lz - rz
    inverse = 1.0 / max(1e-6, math.sqrt(hx * hx + hy * hy + hz * hz))
    n_h = min(1.0, (nx * hx + ny * hy + nz * hz) * inverse)
    v_h = min(1.0, max(0.0, -(rx * hx + ry * hy + rz * hz) * inverse))
    alpha = max(MIN_ALPHA, roughness * roughness)
    wide = min(1.0, alpha + widening)
    grazing = 1.0 - v_h
    squared = grazing * grazing
    return ggx(alpha, n_l, n_v, n_h) * (alpha / wide) ** 2 * n_l, squared * squared * grazing


@njit(cache=True, nogil=True)
def fresnel(albedo: float, metallic: float, schlick: float) -> float:  # pragma: no cover - compiled
    """Schlick's approximation with F0 = 0.04 for dielectrics and the base colour for metals."""
    f0 = 0.04 * (1.0 - metallic) + albedo * metallic
    return f0 + (1.0 - f0) * schlick


@njit(cache=True, nogil=True)
def _shadow_at(
    px: float,
    py: float,
    pz: float,
    gx: float,
    gy: float,
    gz: float,
    below: bool,
    bias: float,
    spread_u: float,
    spread_v: float,
    taps: F64,
    frames: F64,
    origins: F64,
    scales: F64,
    perspective: bool,
    depth: F32,
    coarse: F32,
    n: int,
    table: F64,
) -> float:  # pragma: no cover - compiled
    """Share of light ``n`` that reaches a point: 1 = all of it."""
    ox, oy, oz = px - origins[n, 0], py - origins[n, 1], pz - origins[n, 2]
    a = frames[n, 0, 0] * ox + frames[n, 0, 1] * oy + frames[n, 0, 2] * oz
    b = frames[n, 1, 0] * ox + frames[n, 1, 1] * oy + frames[n, 1, 2] * oz
    w = frames[n, 2, 0] * ox + frames[n, 2, 1] * oy + frames[n, 2, 2] * oz
    ga = gx * frames[n, 0, 0] + gy * frames[n, 0, 1] + gz * frames[n, 0, 2]
    gb = gx * frames[n, 1, 0] + gy * frames[n, 1, 1] + gz * frames[n, 1, 2]
    if perspective:
        if w <= 1e-3:
            return 0.0
        distance = math.sqrt(ox * ox + oy * oy + oz * oz)
        lx, ly, lz = -ox / distance, -oy / distance, -oz / distance
        angular = max(spread_u, spread_v) / distance
        plane = gx * ox + gy * oy + gz * oz
        facing = -plane / distance
        # On a plane g.p = c through the light's frame, 1 / w = (g_a a/w + g_b b/w + g_w) / c.
        c = min(-MIN_FACING * distance, plane)
        a, b, s = a / w, b / w, 1.0 / max(1e-3, w - bias)
        gu, gv = ga / c, gb / c
    else:
        lx, ly, lz = frames[n, 2, 0], frames[n, 2, 1], frames[n, 2, 2]
        angular = spread_u
        facing = gx * lx + gy * ly + gz * lz
        s = w + bias
        gu, gv = -ga / max(facing, MIN_FACING), -gb / max(facing, MIN_FACING)
    # Facets that turn away from the light stay dark even where the smooth normal still sees it.
    shadow = min(1.0, max(0.0, 1.0 + facing / max(0.05, angular)))
    su, sv = scales[n, 0], scales[n, 1]
    if shadow > 0.0 and su > 0.0:
        shadow *= soft_shadow(
            depth, coarse, n, taps, a * su + scales[n, 2], b * sv + scales[n, 3], s, gu / su, gv / sv,
            spread_u * su, spread_v * sv,
        )  # fmt: skip
    if below and shadow > 0.0:
        shadow *= table_shadow(px, py, pz, lx, ly, lz, angular, table)
    return shadow


@njit(cache=True, nogil=True)
def shadow_field(
    thing: U16,
    position: F32,
    geometric: F32,
    flags: U8,
    biases: F32,
    agree: U8,
    spread_u: float,
    spread_v: float,
    taps: F64,
    frames: F64,
    origins: F64,
    scales: F64,
    perspective: bool,
    depth: F32,
    coarse: F32,
    n: int,
    table: F64,
) -> F32:  # pragma: no cover - compiled
    """(H, W, 1) float32 share of light ``n`` that reaches each pixel; interpolated where corners and centre agree.

    Args:
        agree: from ``light_cells.agreeing``.
        spread_u, spread_v: penumbra radius per unit of s (see ``shadow``) along the map's axes.
        taps .. n: see ``soft_shadow`` and ``DepthMaps``; table: see ``table_shadow``.
    """
    height, width = thing.shape
    out = np.full((height, width, 1), UNSET, np.float32)
    for step in STEPS:
        middle = step // 2
        for y0 in range(0, height, step):
            for x0 in range(0, width, step):
                if step == 1:
                    if out[y0, x0, 0] != UNSET:
                        continue
                    if thing[y0, x0] == 0:
                        out[y0, x0, 0] = 0.0
                        continue
                elif agree[y0, x0] < step or out[y0 + middle, x0 + 1, 0] != UNSET:
                    continue
                below, bias = flags[thing[y0, x0]] == 1, biases[thing[y0, x0]]
                y1, x1 = y0 + step, x0 + step
                # Corners, and the centre of large cells: what slips between these is not wider than a pixel or two.
                for sample in range(SAMPLES[step]):
                    if sample == 4:
                        y, x = y0 + middle, x0 + middle
                    else:
                        y, x = (y1 if sample & 1 else y0), (x1 if sample & 2 else x0)
                    if out[y, x, 0] == UNSET:
                        out[y, x, 0] = _shadow_at(
                            position[y, x, 0], position[y, x, 1], position[y, x, 2], geometric[y, x, 0],
                            geometric[y, x, 1], geometric[y, x, 2], below, bias, spread_u, spread_v, taps, frames,
                            origins, scales, perspective, depth, coarse, n, table,
                        )  # fmt: skip
                if step == 1 or spread(out, y0, x0, y1, x1, 0) > SPREAD[step]:
                    continue
                if step == 4:
                    off = out[y0 + 2, x0 + 2, 0] - between(out, y0, x0, y1, x1, y0 + 2, x0 + 2, 0)
                    if abs(off) > CENTRE_SPREAD:
                        continue
                for y in range(y0, y1):
                    for x in range(x0, x1):
                        if out[y, x, 0] == UNSET:
                            out[y, x, 0] = between(out, y0, x0, y1, x1, y, x, 0)
    return out


@njit(cache=True, nogil=True)
def add_key(
    thing: U16,
    normal: F32,
    ray: F32,
    albedo: F32,
    roughness: F32,
    metallic: F32,
    shadow: F32,
    direction: F64,
    irradiance: F64,
    radius: float,
    gloss_from: float,
    gloss_to: float,
    direct: F32,
    highlight: F32,
) -> None:  # pragma: no cover - compiled
    """Adds a distant disc light (sun, window) to ``direct`` and ``highlight`` of one view.

    Args:
        shadow: from ``shadow_field``.
        direction: (3,) unit, towards the light; irradiance: (3,) on a facing surface; radius: angular, rad.
        gloss_from, gloss_to: below the first roughness the reflection shows this light, above the second the
            highlight does, between them both in part.
    """
    height, width = thing.shape
    lx, ly, lz = direction[0], direction[1], direction[2]
    cos_r, sin_r = math.cos(radius), math.sin(radius)
    radiance = irradiance / (math.pi * sin_r * sin_r)
    for y in range(height):
        for x in range(width):
            lit = shadow[y, x, 0]
            if lit <= 0.0:
                continue
            nx, ny, nz = normal[y, x, 0], normal[y, x, 1], normal[y, x, 2]
            n_l = nx * lx + ny * ly + nz * lz
            if n_l <= -sin_r:
                continue
            # Irradiance of a disc that the horizon cuts: smooth from -radius to +radius.
            cosine = n_l if n_l >= sin_r else (n_l + sin_r) ** 2 / (4.0 * sin_r)
            for k in range(3):
                direct[y, x, k] += irradiance[k] * (cosine * lit / math.pi)
            share = min(1.0, max(0.0, (roughness[y, x] - gloss_from) / (gloss_to - gloss_from)))
            if share <= 0.0:
                continue
            # Representative point: that point of the disc which is nearest to the mirror ray.
            rx, ry, rz = ray[y, x, 0], ray[y, x, 1], ray[y, x, 2]
            v_n = 2.0 * (nx * rx + ny * ry + nz * rz)
            mx, my, mz = rx - v_n * nx, ry - v_n * ny, rz - v_n * nz
            along = mx * lx + my * ly + mz * lz
            if along < cos_r:
                tx, ty, tz = mx - along * lx, my - along * ly, mz - along * lz
                side = sin_r / max(1e-6, math.sqrt(tx * tx + ty * ty + tz * tz))
                mx, my, mz = lx * cos_r + tx * side, ly * cos_r + ty * side, lz * cos_r + tz * side
            lobe, schlick = highlight_lobe(mx, my, mz, nx, ny, nz, rx, ry, rz, roughness[y, x], radius / 3.0)
            for k in range(3):
                # Never brighter than the light itself in a perfect mirror.
                seen = min(lobe * irradiance[k], radiance[k]) * lit * share
                highlight[y, x, k] += fresnel(albedo[y, x, k], metallic[y, x], schlick) * seen


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
