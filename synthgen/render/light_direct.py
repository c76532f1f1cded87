"""Compiled kernels for key lights: exact diffuse form factors, GGX highlights, soft shadows."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from synthgen.render.light_ambient import table_shadow
from synthgen.render.shadow import soft_shadow
from synthgen.types.arrays import F32, F64, U8, U16

BIAS_M = 0.0008
MIN_FACING = 0.1
MIN_ALPHA = 0.003


@njit(cache=True, nogil=True)
def ggx(alpha: float, n_l: float, n_v: float, n_h: float) -> float:  # pragma: no cover - compiled
    """D V of the microfacet model without Fresnel: Walter et al. 2007 eq. 33, height-correlated Smith of
    Heitz 2014 eq. 99 (V = G / (4 n.l n.v))."""
    a2 = alpha * alpha
    d = n_h * n_h * (a2 - 1.0) + 1.0
    v = n_l * math.sqrt(n_v * n_v * (1.0 - a2) + a2) + n_v * math.sqrt(n_l * n_l * (1.0 - a2) + a2)
    return a2 / (math.pi * d * d) * 0.5 / max(v, 1e-6)


@njit(cache=True, nogil=True)
def add_highlight(
    y: int, x: int, lx: float, ly: float, lz: float, n: F32, ray: F32, roughness: float, metallic: float, albedo: F32,
    widening: float, power: F64, radiance: F64, shadow: float, out: F32,
) -> None:  # pragma: no cover - compiled
    """Adds the GGX highlight of a light at its representative point (Karis 2013): lobe widened by the light's size,
    never brighter than the light itself seen in a perfect mirror.

    Args:
        lx, ly, lz: unit direction to the representative point.
        widening: added to alpha.
        power: (3,) irradiance on a surface facing that point; radiance: (3,) of the light's surface.
    """
    vx, vy, vz = -ray[0], -ray[1], -ray[2]
    n_l = n[0] * lx + n[1] * ly + n[2] * lz
    n_v = max(1e-3, n[0] * vx + n[1] * vy + n[2] * vz)
    if n_l <= 0.0:
        return
    hx, hy, hz = vx + lx, vy + ly, vz + lz
    inverse = 1.0 / max(1e-6, math.sqrt(hx * hx + hy * hy + hz * hz))
    n_h = min(1.0, (n[0] * hx + n[1] * hy + n[2] * hz) * inverse)
    v_h = max(0.0, (vx * hx + vy * hy + vz * hz) * inverse)
    alpha = max(MIN_ALPHA, roughness * roughness)
    wide = min(1.0, alpha + widening)
    lobe = ggx(alpha, n_l, n_v, n_h) * (alpha / wide) ** 2 * n_l
    schlick = (1.0 - v_h) ** 5
    for k in range(3):
        f0 = 0.04 * (1.0 - metallic) + albedo[k] * metallic
        fresnel = f0 + (1.0 - f0) * schlick
        out[y, x, k] += fresnel * min(lobe * power[k], radiance[k]) * shadow


@njit(cache=True, nogil=True)
def add_key(
    thing: U16, position: F32, normal: F32, geometric: F32, ray: F32, albedo: F32, roughness: F32, metallic: F32,
    flags: U8, direction: F64, irradiance: F64, radius: float, gloss_from: float, gloss_to: float, taps: F64,
    frame: F64, origin: F64, scale: F64, depth: F32, coarse: F32, table: F64, direct: F32, highlight: F32,
) -> None:  # pragma: no cover - compiled
    """Adds a distant disc light (sun, window) to ``direct`` and ``highlight`` of one view.

    Args:
        direction: (3,) unit, towards the light; irradiance: (3,) on a facing surface; radius: angular, rad.
        gloss_from, gloss_to: below the first roughness the reflection shows this light, above the second the
            highlight does, between them both in part.
    """
    height, width = thing.shape
    lx, ly, lz = direction[0], direction[1], direction[2]
    ku, kv = math.tan(radius) * scale[0], math.tan(radius) * scale[1]
    cos_r, sin_r = math.cos(radius), math.sin(radius)
    radiance = irradiance / (math.pi * sin_r * sin_r)
    for y in range(height):
        for x in range(width):
            if thing[y, x] == 0:
                continue
            n, g = normal[y, x], geometric[y, x]
            n_l = n[0] * lx + n[1] * ly + n[2] * lz
            g_l = g[0] * lx + g[1] * ly + g[2] * lz
            # Facets that turn away from the light stay dark even where the smooth normal still sees it.
            lit = min(1.0, max(0.0, 1.0 + g_l / max(0.05, sin_r)))
            if lit <= 0.0 or n_l <= -sin_r:
                continue
            shadow = lit
            p = position[y, x]
            rx, ry, rz = p[0] - origin[0], p[1] - origin[1], p[2] - origin[2]
            u = (frame[0, 0] * rx + frame[0, 1] * ry + frame[0, 2] * rz) * scale[0] + scale[2]
            v = (frame[1, 0] * rx + frame[1, 1] * ry + frame[1, 2] * rz) * scale[1] + scale[3]
            if scale[0] > 0.0:
                s = frame[2, 0] * rx + frame[2, 1] * ry + frame[2, 2] * rz + BIAS_M
                facing = max(g_l, MIN_FACING)
                gu = -(g[0] * frame[0, 0] + g[1] * frame[0, 1] + g[2] * frame[0, 2]) / (facing * scale[0])
                gv = -(g[0] * frame[1, 0] + g[1] * frame[1, 1] + g[2] * frame[1, 2]) / (facing * scale[1])
                shadow *= soft_shadow(depth, coarse, taps, u, v, s, gu, gv, ku, kv)
            if flags[thing[y, x]] == 1:
                shadow *= table_shadow(p[0], p[1], p[2], lx, ly, lz, math.tan(radius), table)
            if shadow <= 0.0:
                continue
            # Irradiance of a disc that the horizon cuts: smooth from -radius to +radius.
            if n_l >= sin_r:
                cosine = n_l
            else:
                cosine = (n_l + sin_r) ** 2 / (4.0 * sin_r)
            for k in range(3):
                direct[y, x, k] += irradiance[k] / math.pi * cosine * shadow
            share = min(1.0, max(0.0, (roughness[y, x] - gloss_from) / (gloss_to - gloss_from)))
            if share <= 0.0:
                continue
            v_n = 2.0 * (n[0] * ray[y, x, 0] + n[1] * ray[y, x, 1] + n[2] * ray[y, x, 2])
            mx, my, mz = ray[y, x, 0] - v_n * n[0], ray[y, x, 1] - v_n * n[1], ray[y, x, 2] - v_n * n[2]
            along = mx * lx + my * ly + mz * lz
            if along < cos_r:
                tx, ty, tz = mx - along * lx, my - along * ly, mz - along * lz
                scale_t = sin_r / max(1e-6, math.sqrt(tx * tx + ty * ty + tz * tz))
                mx, my, mz = lx * cos_r + tx * scale_t, ly * cos_r + ty * scale_t, lz * cos_r + tz * scale_t
            add_highlight(
                y, x, mx, my, mz, n, ray[y, x], roughness[y, x], metallic[y, x], albedo[y, x], radius / 3.0,
                irradiance, radiance, shadow * share, highlight,
            )  # fmt: skip


@njit(cache=True, nogil=True)
def _edge(a: F64, b: F64) -> float:  # pragma: no cover - compiled
    """z of one edge's share of Lambert's formula: angle between two unit vectors times the unit edge normal.

    theta / sin(theta) by the rational fit of Heitz and Hill 2016 ("Real-Time Polygonal-Light Shading with LTC")."""
    x = a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
    y = abs(x)
    ratio = (0.8543985 + (0.4965155 + 0.0145206 * y) * y) / (3.4175940 + (4.1616724 + y) * y)
    if x <= 0.0:
        ratio = 0.5 / math.sqrt(max(1.0 - x * x, 1e-7)) - ratio
    return (a[0] * b[1] - a[1] * b[0]) * ratio


@njit(cache=True, nogil=True)
def form_factor(corners: F64, p: F32, n: F32, local: F64, clipped: F64) -> float:  # pragma: no cover - compiled
    """Share of a surface's cosine-weighted hemisphere that a polygon fills (Lambert 1760), clipped at the horizon.

    Args:
        corners: (4, 3) world points, in order; p, n: (3,) receiver and its unit normal.
        local: (4, 3), clipped: (8, 3) scratch.
    """
    if abs(n[2]) < 0.9:
        tx, ty, tz = n[1], -n[0], 0.0
    else:
        tx, ty, tz = 0.0, n[2], -n[1]
    scale = 1.0 / math.sqrt(tx * tx + ty * ty + tz * tz)
    tx, ty, tz = tx * scale, ty * scale, tz * scale
    bx, by, bz = n[1] * tz - n[2] * ty, n[2] * tx - n[0] * tz, n[0] * ty - n[1] * tx
    for i in range(4):
        dx, dy, dz = corners[i, 0] - p[0], corners[i, 1] - p[1], corners[i, 2] - p[2]
        local[i, 0] = tx * dx + ty * dy + tz * dz
        local[i, 1] = bx * dx + by * dy + bz * dz
        local[i, 2] = n[0] * dx + n[1] * dy + n[2] * dz
    count = 0
    for i in range(4):
        a, b = local[i], local[(i + 1) % 4]
        if a[2] >= 0.0:
            clipped[count, 0], clipped[count, 1], clipped[count, 2] = a[0], a[1], a[2]
            count += 1
        if (a[2] >= 0.0) != (b[2] >= 0.0):
            t = a[2] / (a[2] - b[2])
            clipped[count, 0], clipped[count, 1] = a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])
            clipped[count, 2] = 0.0
            count += 1
    if count < 3:
        return 0.0
    for i in range(count):
        c = clipped[i]
        inverse = 1.0 / max(1e-9, math.sqrt(c[0] * c[0] + c[1] * c[1] + c[2] * c[2]))
        c[0], c[1], c[2] = c[0] * inverse, c[1] * inverse, c[2] * inverse
    total = 0.0
    for i in range(count):
        total += _edge(clipped[i], clipped[(i + 1) % count])
    return abs(total)


@njit(cache=True, nogil=True)
def add_area(
    thing: U16, position: F32, normal: F32, geometric: F32, ray: F32, albedo: F32, roughness: F32, metallic: F32,
    flags: U8, frame: F64, centre: F64, half: F64, radiance: F64, corners: F64, taps: F64, scale: F64, depth: F32,
    coarse: F32, table: F64, direct: F32, highlight: F32,
) -> None:  # pragma: no cover - compiled
    """Adds a one-sided rectangular light to ``direct`` and ``highlight`` of one view.

    Args:
        frame: (3, 3) rows: its width axis, height axis, and the way it shines.
        centre: (3,); half: (2,) half edge lengths; corners: (4, 3); radiance: (3,).
    """
    height, width = thing.shape
    local, clipped = np.empty((4, 3)), np.empty((8, 3))
    area = 4.0 * half[0] * half[1]
    size = math.sqrt(area / math.pi)
    power = np.empty(3)
    f = frame
    for y in range(height):
        for x in range(width):
            if thing[y, x] == 0:
                continue
            p, n, g = position[y, x], normal[y, x], geometric[y, x]
            rx, ry, rz = p[0] - centre[0], p[1] - centre[1], p[2] - centre[2]
            w = f[2, 0] * rx + f[2, 1] * ry + f[2, 2] * rz
            if w <= 1e-3:
                continue
            factor = form_factor(corners, p, n, local, clipped)
            if factor <= 1e-6:
                continue
            a = f[0, 0] * rx + f[0, 1] * ry + f[0, 2] * rz
            b = f[1, 0] * rx + f[1, 1] * ry + f[1, 2] * rz
            distance = math.sqrt(rx * rx + ry * ry + rz * rz)
            g_l = -(g[0] * rx + g[1] * ry + g[2] * rz) / distance
            lit = min(1.0, max(0.0, 1.0 + g_l / max(0.05, size / distance)))
            if lit <= 0.0:
                continue
            shadow = lit
            if scale[0] > 0.0:
                s = 1.0 / max(1e-3, w - BIAS_M)
                # On a plane n.p = c through the light's frame, 1 / w = (n_a a/w + n_b b/w + n_w) / c.
                c = min(-MIN_FACING * distance, g[0] * rx + g[1] * ry + g[2] * rz)
                gu = (g[0] * f[0, 0] + g[1] * f[0, 1] + g[2] * f[0, 2]) / (c * scale[0])
                gv = (g[0] * f[1, 0] + g[1] * f[1, 1] + g[2] * f[1, 2]) / (c * scale[1])
                u, v = a / w * scale[0] + scale[2], b / w * scale[1] + scale[3]
                shadow *= soft_shadow(
                    depth, coarse, taps, u, v, s, gu, gv, half[0] * scale[0], half[1] * scale[1]
                )  # fmt: skip
            if flags[thing[y, x]] == 1:
                shadow *= table_shadow(
                    p[0], p[1], p[2], -rx / distance, -ry / distance, -rz / distance, size / distance, table
                )  # fmt: skip
            if shadow <= 0.0:
                continue
            for k in range(3):
                direct[y, x, k] += radiance[k] * factor * shadow
            # Representative point: where the mirror ray meets the light's plane, clamped into the rectangle.
            v_n = 2.0 * (n[0] * ray[y, x, 0] + n[1] * ray[y, x, 1] + n[2] * ray[y, x, 2])
            mx, my, mz = ray[y, x, 0] - v_n * n[0], ray[y, x, 1] - v_n * n[1], ray[y, x, 2] - v_n * n[2]
            sinking = min(-0.02, f[2, 0] * mx + f[2, 1] * my + f[2, 2] * mz)
            t = -w / sinking
            ha = min(half[0], max(-half[0], a + t * (f[0, 0] * mx + f[0, 1] * my + f[0, 2] * mz)))
            hb = min(half[1], max(-half[1], b + t * (f[1, 0] * mx + f[1, 1] * my + f[1, 2] * mz)))
            lx = ha * f[0, 0] + hb * f[1, 0] - rx
            ly = ha * f[0, 1] + hb * f[1, 1] - ry
            lz = ha * f[0, 2] + hb * f[1, 2] - rz
            d2 = lx * lx + ly * ly + lz * lz
            d = math.sqrt(d2)
            for k in range(3):
                power[k] = radiance[k] * area * (w / d) / d2
            add_highlight(
                y, x, lx / d, ly / d, lz / d, n, ray[y, x], roughness[y, x], metallic[y, x], albedo[y, x],
                size / (3.0 * d), power, radiance, shadow, highlight,
            )  # fmt: skip
