"""Compiled kernels for environment light: sky visibility from depth maps, irradiance, reflection, one bounce."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from synthgen.render.environment_filter import lookup, lookup_reflection, map_coordinates
from synthgen.render.shadow import BLOCK, blocked_share
from synthgen.types.arrays import F32, F64, I32, U8, U16

STEP = 4  # visibility is computed on every fourth pixel and in between only where it may differ
AGREE_NORMAL = 0.9  # cosine
AGREE_VISIBILITY = 0.05
AGREE_PLANE = 0.3  # sine of the angle by which a neighbour may leave the tangent plane
BIAS_M = 0.0008
MIN_FACING = 0.15  # below it a surface is seen so edge-on from a sky direction that its own slope bias would leak
GLOSSY = 0.3  # roughness below which the support is seen as in a mirror
PROBE_TILT = (0.9, 1.6, 4.0)  # how far rough surfaces bend their normal down to look for the support
PROBE_REACH_M = 0.4
UNSET = np.float32(-1.0)


@njit(cache=True, nogil=True)
def table_shadow(
    px: float, py: float, pz: float, dx: float, dy: float, dz: float, spread: float, table: F64
) -> float:  # pragma: no cover - compiled
    """Share of a distant light (angular radius ``spread``) that a flat table leaves for a point below it.

    Args:
        table: (7,) centre x, y, half extents along its own axes, cos and sin of its turn, height of its top.
    """
    rise = table[6] - pz
    if rise <= 0.01 or dz <= 0.01:
        return 1.0
    reach = rise / dz
    x, y = px + dx * reach - table[0], py + dy * reach - table[1]
    a = abs(table[4] * x + table[5] * y)
    b = abs(-table[5] * x + table[4] * y)
    width = max(0.005, spread * reach)
    ca = min(1.0, max(0.0, 0.5 + 0.5 * (table[2] - a) / width))
    cb = min(1.0, max(0.0, 0.5 + 0.5 * (table[3] - b) / width))
    return 1.0 - ca * ca * (3.0 - 2.0 * ca) * cb * cb * (3.0 - 2.0 * cb)


@njit(cache=True, nogil=True)
def sky_visibility(
    p: F64, n: F64, mirror: F64, lobe: int, below: bool, strata: F64, frames: F64, origin: F64, scales: F64,
    depth: F32, coarse: F32, table: F64, out: F64,
) -> None:  # pragma: no cover - compiled
    """Energy-weighted visibility of the sky cells from one point; writes out[0] (diffuse) and out[1] (mirror lobe).

    Args:
        p, n, mirror: (3,) point, geometric normal, mirror direction.
        lobe: how often the mirror lobe's cosine is squared.
        below: whether the flat table may be above the point.
        strata: (N, 5) direction, energy, spread; frames, origin, scales, depth, coarse: its depth maps.
    """
    size = depth.shape[1]
    cells = coarse.shape[1]
    open_d, all_d, open_s, all_s = 0.0, 1e-9, 0.0, 1e-9
    rx, ry, rz = p[0] - origin[0], p[1] - origin[1], p[2] - origin[2]
    for i in range(len(strata)):
        nd = n[0] * strata[i, 0] + n[1] * strata[i, 1] + n[2] * strata[i, 2]
        if nd <= 0.0:
            continue
        weight = nd * strata[i, 3]
        gloss = max(0.0, mirror[0] * strata[i, 0] + mirror[1] * strata[i, 1] + mirror[2] * strata[i, 2])
        for _ in range(lobe):
            gloss *= gloss
        gloss *= strata[i, 3]
        visible = 1.0
        f = frames[i]
        u = (f[0, 0] * rx + f[0, 1] * ry + f[0, 2] * rz) * scales[i, 0] + scales[i, 2]
        v = (f[1, 0] * rx + f[1, 1] * ry + f[1, 2] * rz) * scales[i, 1] + scales[i, 3]
        if u >= 0.0 and v >= 0.0 and u < size and v < size:
            s = f[2, 0] * rx + f[2, 1] * ry + f[2, 2] * rz + BIAS_M
            nearest = coarse[i, min(int(v) // BLOCK, cells - 1), min(int(u) // BLOCK, cells - 1)]
            if nearest > s:
                facing = max(nd, MIN_FACING)
                gu = -(n[0] * f[0, 0] + n[1] * f[0, 1] + n[2] * f[0, 2]) / (facing * scales[i, 0])
                gv = -(n[0] * f[1, 0] + n[1] * f[1, 1] + n[2] * f[1, 2]) / (facing * scales[i, 1])
                width = 2.0 * strata[i, 4] * (nearest - s) * min(scales[i, 0], scales[i, 1])
                stride = 1 if width < 1.5 else (2 if width < 3.0 else (4 if width < 6.0 else 8))
                visible = 1.0 - blocked_share(depth[i], u, v, s, gu, gv, stride)
        if below:
            visible *= table_shadow(p[0], p[1], p[2], strata[i, 0], strata[i, 1], strata[i, 2], strata[i, 4], table)
        open_d += weight * visible
        all_d += weight
        open_s += gloss * visible
        all_s += gloss
    out[0] = open_d / all_d if all_d > 1e-6 else 1.0
    out[1] = open_s / all_s if all_s > 1e-6 else out[0]


@njit(cache=True, nogil=True)
def _visibility_at(
    y: int, x: int, position: F32, geometric: F32, normal: F32, ray: F32, roughness: F32, flags: int, ground: float,
    strata: F64, frames: F64, origin: F64, scales: F64, depth: F32, coarse: F32, table: F64,
    scratch: F64, out: F32,
) -> None:  # pragma: no cover - compiled
    """Diffuse sky, mirrored sky and bounce visibility of one pixel into out[y, x, 0:3].

    The bounce is what the support sends up: it is as bright as the sky seen from the points of the support that the
    pixel looks at, one along its mirror direction where it is glossy, three below its normal where it is rough.
    """
    p, n, m, up, result = scratch[0], scratch[1], scratch[2], scratch[3], scratch[4]
    towards = 0.0
    for k in range(3):
        p[k] = position[y, x, k]
        n[k] = geometric[y, x, k]
        towards += normal[y, x, k] * ray[y, x, k]
    for k in range(3):
        m[k] = ray[y, x, k] - 2.0 * towards * normal[y, x, k]
    r = roughness[y, x]
    lobe = 3 if r < 0.35 else (2 if r < 0.6 else 1)
    sky_visibility(p, n, m, lobe, flags == 1, strata, frames, origin, scales, depth, coarse, table, result)
    out[y, x, 0], out[y, x, 1], out[y, x, 2] = result[0], result[1], result[0]
    if flags != 2 or n[2] > 0.7:
        return
    px, py, rise = p[0], p[1], max(0.0, p[2] - ground)
    p[2] = min(p[2], ground)
    probes = 1 if r < GLOSSY and m[2] < -0.05 else 3
    total = 0.0
    for k in range(probes):
        if probes == 1:
            gx, gy, gz = m[0], m[1], m[2]
        else:
            gx, gy, gz = n[0], n[1], n[2] - PROBE_TILT[k]
        reach = min(rise / max(0.2, -gz), PROBE_REACH_M)
        p[0], p[1] = px + gx * reach, py + gy * reach
        sky_visibility(p, up, up, 0, False, strata, frames, origin, scales, depth, coarse, table, result)
        total += result[0]
    out[y, x, 2] = total / probes


@njit(cache=True, nogil=True)
def _agree(
    y0: int, x0: int, y1: int, x1: int, thing: U16, position: F32, normal: F32
) -> bool:  # pragma: no cover - compiled
    """Whether a cell's pixels show one thing and its four corners one smooth surface."""
    first = thing[y0, x0]
    for y in range(y0, y1 + 1):
        for x in range(x0, x1 + 1):
            if thing[y, x] != first:
                return False
    for corner in range(1, 4):
        y = y1 if corner & 1 else y0
        x = x1 if corner & 2 else x0
        cosine, along, length = 0.0, 0.0, 0.0
        for k in range(3):
            cosine += normal[y0, x0, k] * normal[y, x, k]
            d = position[y, x, k] - position[y0, x0, k]
            along += d * normal[y0, x0, k]
            length += d * d
        if cosine < AGREE_NORMAL or along * along > AGREE_PLANE * AGREE_PLANE * length:
            return False
    return True


@njit(cache=True, nogil=True)
def visibility(
    thing: U16, position: F32, geometric: F32, normal: F32, ray: F32, roughness: F32, flags: U8, ground: float,
    strata: F64, frames: F64, origin: F64, scales: F64, depth: F32, coarse: F32, table: F64,
) -> F32:  # pragma: no cover - compiled
    """(H, W, 3) float32 visibility of diffuse sky, mirrored sky and bounce, 1 where nothing was hit.

    Cells of 4 x 4 pixels whose corners agree in surface and visibility are interpolated, all others are computed.

    Args:
        flags: per thing number: 0 = plain, 1 = may lie below the table (the floor), 2 = stands above the support.
        ground: height of the support's surface, metres.
        others: see ``Surfaces`` and ``sky_visibility``.
    """
    height, width = thing.shape
    out = np.full((height, width, 3), UNSET, np.float32)
    scratch = np.zeros((5, 3))
    scratch[3, 2] = 1.0
    for cy in range(0, height, STEP):
        y0, y1 = cy, min(cy + STEP, height - 1)
        for cx in range(0, width, STEP):
            x0, x1 = cx, min(cx + STEP, width - 1)
            smooth = thing[y0, x0] > 0 and y1 - y0 == STEP and x1 - x0 == STEP
            smooth = smooth and _agree(y0, x0, y1, x1, thing, position, normal)
            if smooth:
                for corner in range(4):
                    y, x = (y1 if corner & 1 else y0), (x1 if corner & 2 else x0)
                    if out[y, x, 0] == UNSET:
                        _visibility_at(
                            y, x, position, geometric, normal, ray, roughness, flags[thing[y, x]], ground, strata,
                            frames, origin, scales, depth, coarse, table, scratch, out,
                        )  # fmt: skip
                for k in range(3):
                    a, b, c, d = out[y0, x0, k], out[y0, x1, k], out[y1, x0, k], out[y1, x1, k]
                    if max(max(a, b), max(c, d)) - min(min(a, b), min(c, d)) > AGREE_VISIBILITY:
                        smooth = False
            for y in range(y0, min(cy + STEP, height)):
                fy = (y - y0) / STEP
                for x in range(x0, min(cx + STEP, width)):
                    if out[y, x, 0] != UNSET:
                        continue
                    if smooth:
                        fx = (x - x0) / STEP
                        for k in range(3):
                            top = out[y0, x0, k] * (1.0 - fx) + out[y0, x1, k] * fx
                            out[y, x, k] = top * (1.0 - fy) + (out[y1, x0, k] * (1.0 - fx) + out[y1, x1, k] * fx) * fy
                    elif thing[y, x] == 0:
                        out[y, x, 0], out[y, x, 1], out[y, x, 2] = 1.0, 1.0, 1.0
                    else:
                        _visibility_at(
                            y, x, position, geometric, normal, ray, roughness, flags[thing[y, x]], ground, strata,
                            frames, origin, scales, depth, coarse, table, scratch, out,
                        )  # fmt: skip
    return out


@njit(cache=True, nogil=True)
def environment_light(
    thing: U16, normal: F32, ray: F32, roughness: F32, seen: F32, flags: U8, bounce: F32, turn_cos: float,
    turn_sin: float, intensity: float, sharp: F32, texels: F32, offsets: I32, heights: I32, sky: F32, ground: F32,
    irradiance: F32, occlusion: F32, reflection: F32,
) -> None:  # pragma: no cover - compiled
    """Fills irradiance, occlusion and reflection of one view.

    Args:
        seen: from ``visibility``.
        bounce: (5,) radiance that the support sends up, 1 if there is a support (else 0), share due to the sky.
        turn_cos, turn_sin: of the environment's rotation about z.
        sharp .. ground: see ``PreparedEnvironment``.
    """
    height, width = thing.shape
    a, b = np.empty(3, np.float32), np.empty(3, np.float32)
    for y in range(height):
        for x in range(width):
            if thing[y, x] == 0:
                dx, dy = ray[y, x, 0], ray[y, x, 1]
                turn, fall = map_coordinates(
                    turn_cos * dx + turn_sin * dy, turn_cos * dy - turn_sin * dx, ray[y, x, 2]
                )
                lookup(sharp, turn, fall, a)
                occlusion[y, x] = 1.0
                for k in range(3):
                    irradiance[y, x, k] = 0.0
                    reflection[y, x, k] = intensity * a[k]
                continue
            nx, ny, nz = normal[y, x, 0], normal[y, x, 1], normal[y, x, 2]
            supported = bounce[3] > 0.0 and flags[thing[y, x]] != 1
            # The share of the support's light that comes from key lights fades more slowly under an object than the
            # share that comes from the sky.
            lower = bounce[4] * seen[y, x, 2] + (1.0 - bounce[4]) * math.sqrt(seen[y, x, 2])
            turn, fall = map_coordinates(turn_cos * nx + turn_sin * ny, turn_cos * ny - turn_sin * nx, nz)
            lookup(sky, turn, fall, a)
            lookup(ground, turn, fall, b)
            if supported:
                share = 0.5 - 0.5 * nz
                for k in range(3):
                    b[k] = bounce[k] * share / intensity
            above = 0.2126 * a[0] + 0.7152 * a[1] + 0.0722 * a[2]
            under = 0.2126 * b[0] + 0.7152 * b[1] + 0.0722 * b[2]
            occlusion[y, x] = (above * seen[y, x, 0] + under * lower) / max(above + under, 1e-9)
            for k in range(3):
                irradiance[y, x, k] = intensity * (a[k] + b[k])
            facing = 2.0 * (nx * ray[y, x, 0] + ny * ray[y, x, 1] + nz * ray[y, x, 2])
            mx, my, mz = ray[y, x, 0] - facing * nx, ray[y, x, 1] - facing * ny, ray[y, x, 2] - facing * nz
            turn, fall = map_coordinates(turn_cos * mx + turn_sin * my, turn_cos * my - turn_sin * mx, mz)
            r = roughness[y, x]
            lookup_reflection(sharp, texels, offsets, heights, turn, fall, r, a)
            if supported:
                # How much of the lobe lies below the horizon, where it meets the support instead of the map.
                soft = 0.03 + 0.5 * r * r
                t = min(1.0, max(0.0, 0.5 + 0.5 * mz / soft))
                t = t * t * (3.0 - 2.0 * t)
            else:
                t = 1.0
            for k in range(3):
                over = intensity * a[k] * seen[y, x, 1]
                # Where the sky is hidden, neighbours are: they are about as bright as the support in the shade.
                near = bounce[k] * lower
                hidden = 0.5 * near * (1.0 - seen[y, x, 1])
                reflection[y, x, k] = t * (over + hidden) + (1.0 - t) * near
