"""Compiled kernels for environment light: sky visibility from depth maps, irradiance, reflection, one bounce."""

from __future__ import annotations

import numpy as np
from numba import njit

from synthgen.render.environment_filter import bilinear_corners, lookup, lookup_reflection, map_coordinates
from synthgen.render.light_cells import SPREAD, STEPS, UNSET, between, spread
from synthgen.render.shadow import blocker_reach, soft_block
from synthgen.types.arrays import F32, F64, I32, U8, U16

MIN_FACING = 0.15  # below it a surface is seen so edge-on from a sky direction that its own slope bias would leak
GLOSSY = 0.3  # roughness below which the support is seen as in a mirror
PROBE_TILT = (0.7, 1.5, 4.0)  # how far rough surfaces bend their normal down to look for the support
PROBE_REACH_M = 0.4
HIDDEN = 0.4  # radiance of hidden directions, as a share of the support's


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
    px: float,
    py: float,
    pz: float,
    nx: float,
    ny: float,
    nz: float,
    mx: float,
    my: float,
    mz: float,
    squarings: int,
    below: bool,
    bias: float,
    cells: F64,
    depth: F32,
    coarse: F32,
    table: F64,
) -> tuple[float, float]:  # pragma: no cover - compiled
    """Energy-weighted visibility of the sky cells from one point, for diffuse light and for the mirror lobe.

    Args:
        p, n, m: point, normal, mirror direction.
        squarings: how often the mirror lobe's cosine is squared.
        below: whether the flat table may be above the point; bias: metres a blocker must rise above the point.
        cells: (N, 20) see ``light.sky_cells``; depth, coarse: its depth maps.
    """
    size = depth.shape[1]
    open_d, all_d, open_s, all_s = 0.0, 1e-9, 0.0, 1e-9
    for i in range(len(cells)):
        nd = nx * cells[i, 0] + ny * cells[i, 1] + nz * cells[i, 2]
        if nd <= 0.0:
            continue
        weight = nd * cells[i, 3]
        gloss = mx * cells[i, 0] + my * cells[i, 1] + mz * cells[i, 2]
        if gloss > 0.0:
            for _ in range(squarings):
                gloss *= gloss
            gloss *= weight
        else:
            gloss = 0.0
        all_d += weight
        all_s += gloss
        visible = 1.0
        u = cells[i, 5] * px + cells[i, 6] * py + cells[i, 7] * pz + cells[i, 8]
        v = cells[i, 9] * px + cells[i, 10] * py + cells[i, 11] * pz + cells[i, 12]
        if u >= 0.0 and v >= 0.0 and u < size and v < size:
            s = cells[i, 13] * px + cells[i, 14] * py + cells[i, 15] * pz + cells[i, 16] + bias
            reach = blocker_reach(coarse, i, u, v, s)
            if reach > 0.0:
                facing = max(nd, MIN_FACING)
                gu = -(nx * cells[i, 5] + ny * cells[i, 6] + nz * cells[i, 7]) * cells[i, 17] / facing
                gv = -(nx * cells[i, 9] + ny * cells[i, 10] + nz * cells[i, 11]) * cells[i, 18] / facing
                visible = 1.0 - soft_block(depth, i, u, v, s, gu, gv, 2.0 * cells[i, 4] * reach * cells[i, 19])
        if below:
            visible *= table_shadow(px, py, pz, cells[i, 0], cells[i, 1], cells[i, 2], cells[i, 4], table)
        open_d += weight * visible
        open_s += gloss * visible
    diffuse = open_d / all_d if all_d > 1e-6 else 1.0
    return diffuse, (open_s / all_s if all_s > 1e-6 else diffuse)


@njit(cache=True, nogil=True)
def _visibility_at(
    y: int,
    x: int,
    position: F32,
    normal: F32,
    ray: F32,
    roughness: F32,
    below: bool,
    bias: float,
    cells: F64,
    depth: F32,
    coarse: F32,
    table: F64,
    out: F32,
) -> None:  # pragma: no cover - compiled
    nx, ny, nz = normal[y, x, 0], normal[y, x, 1], normal[y, x, 2]
    towards = 2.0 * (nx * ray[y, x, 0] + ny * ray[y, x, 1] + nz * ray[y, x, 2])
    r = roughness[y, x]
    out[y, x, 0], out[y, x, 1] = sky_visibility(
        position[y, x, 0], position[y, x, 1], position[y, x, 2],
        nx, ny, nz,
        ray[y, x, 0] - towards * nx, ray[y, x, 1] - towards * ny, ray[y, x, 2] - towards * nz,
        2 if r < 0.5 else 1, below, bias, cells, depth, coarse, table,
    )  # fmt: skip


@njit(cache=True, nogil=True)
def visibility(
    thing: U16,
    position: F32,
    normal: F32,
    ray: F32,
    roughness: F32,
    flags: U8,
    biases: F32,
    agree: U8,
    cells: F64,
    depth: F32,
    coarse: F32,
    table: F64,
) -> F32:  # pragma: no cover - compiled
    """(H, W, 2) float32 visibility of the diffuse and of the mirrored sky, 1 where nothing was hit.

    Cells of 4 x 4, then of 2 x 2 pixels whose corners agree in surface and in visibility are interpolated; all other
    pixels are computed.

    Args:
        flags, biases: per thing number, see ``light_scene.Ground``.
        agree: from ``light_cells.agreeing``.
        others: see ``Surfaces`` and ``sky_visibility``.
    """
    height, width = thing.shape
    out = np.full((height, width, 2), UNSET, np.float32)
    for step in STEPS:
        for y0 in range(0, height, step):
            y1, stop = min(y0 + step, height - 1), min(y0 + step, height)
            for x0 in range(0, width, step):
                if agree[y0, x0] < step and step > 1:
                    continue
                below, bias = flags[thing[y0, x0]] == 1, biases[thing[y0, x0]]
                if step == 1:
                    if out[y0, x0, 0] == UNSET:
                        if thing[y0, x0] == 0:
                            out[y0, x0, 0], out[y0, x0, 1] = 1.0, 1.0
                        else:
                            _visibility_at(
                                y0, x0, position, normal, ray, roughness, below, bias, cells, depth, coarse,
                                table, out,
                            )  # fmt: skip
                    continue
                middle = step // 2
                if out[y0 + middle, x0 + middle, 0] != UNSET:
                    continue
                x1 = x0 + step
                for corner in range(4):
                    y, x = (y1 if corner & 1 else y0), (x1 if corner & 2 else x0)
                    if out[y, x, 0] == UNSET:
                        _visibility_at(
                            y, x, position, normal, ray, roughness, below, bias, cells, depth, coarse, table, out
                        )  # fmt: skip
                if spread(out, y0, x0, y1, x1, 0) > SPREAD[step] or spread(out, y0, x0, y1, x1, 1) > 2 * SPREAD[step]:
                    continue
                for y in range(y0, stop):
                    for x in range(x0, x1):
                        if out[y, x, 0] == UNSET:
                            out[y, x, 0] = between(out, y0, x0, y1, x1, y, x, 0)
                            out[y, x, 1] = between(out, y0, x0, y1, x1, y, x, 1)
    return out


@njit(cache=True, nogil=True)
def _glow_at(x: float, y: float, glow: F32, area: F64) -> tuple[float, float, float]:  # pragma: no cover - compiled
    """Bilinear look-up of the support's radiance at a world point; clamps at the border."""
    side = glow.shape[0]
    u = min(max((x - area[0]) * area[2] - 0.5, 0.0), side - 1.001)
    v = min(max((y - area[1]) * area[2] - 0.5, 0.0), side - 1.001)
    i, j = int(u), int(v)
    fu, fv = u - i, v - j
    wa, wb, wc, wd = (1.0 - fu) * (1.0 - fv), fu * (1.0 - fv), (1.0 - fu) * fv, fu * fv
    return (
        wa * glow[j, i, 0] + wb * glow[j, i + 1, 0] + wc * glow[j + 1, i, 0] + wd * glow[j + 1, i + 1, 0],
        wa * glow[j, i, 1] + wb * glow[j, i + 1, 1] + wc * glow[j + 1, i, 1] + wd * glow[j + 1, i + 1, 1],
        wa * glow[j, i, 2] + wb * glow[j, i + 1, 2] + wc * glow[j + 1, i, 2] + wd * glow[j + 1, i + 1, 2],
    )


@njit(cache=True, nogil=True)
def _seen_below(
    px: float, py: float, rise: float, gx: float, gy: float, gz: float, glow: F32, area: F64
) -> tuple[float, float, float]:  # pragma: no cover - compiled
    """What a ray from a point ``rise`` above the support meets there."""
    reach = min(max(rise, 0.0) / max(0.15, -gz), PROBE_REACH_M)
    return _glow_at(px + gx * reach, py + gy * reach, glow, area)


@njit(cache=True, nogil=True)
def environment_light(
    thing: U16,
    position: F32,
    normal: F32,
    ray: F32,
    roughness: F32,
    seen: F32,
    flags: U8,
    ground_z: float,
    open_glow: F64,
    glow: F32,
    area: F64,
    turn_cos: float,
    turn_sin: float,
    intensity: float,
    sharp: F32,
    sharp_height: int,
    texels: F32,
    offsets: I32,
    heights: I32,
    by_normal: F32,
    by_normal_height: int,
    irradiance: F32,
    occlusion: F32,
    reflection: F32,
) -> None:  # pragma: no cover - compiled
    """Fills irradiance, occlusion and reflection of one view.

    Where there is a support it fills the lower hemisphere in place of the map: its radiance (``glow``: its colour
    times the light that reaches it, shadows included) is looked up where the surface's normal or mirror ray meets it.

    Args:
        seen: from ``visibility``.
        ground_z: height of the support's surface; open_glow: (3,) its largest radiance, all 0 without a support.
        glow, area: (G, G, 3) the support's radiance around the objects; corner x, y and cells per metre.
        turn_cos, turn_sin: of the environment's rotation about z.
        sharp .. by_normal_height: see ``PreparedEnvironment``.
    """
    height, width = thing.shape
    ox, oy, oz = 2.0, 2.0, 2.0
    sky = np.zeros(6)
    has_support = open_glow[0] + open_glow[1] + open_glow[2] > 0.0
    for y in range(height):
        for x in range(width):
            rx, ry, rz = ray[y, x, 0], ray[y, x, 1], ray[y, x, 2]
            if thing[y, x] == 0:
                turn, fall = map_coordinates(turn_cos * rx + turn_sin * ry, turn_cos * ry - turn_sin * rx, rz)
                ar, ag, ab = lookup(sharp, 0, sharp_height, turn, fall)
                reflection[y, x, 0], reflection[y, x, 1] = intensity * ar, intensity * ag
                reflection[y, x, 2] = intensity * ab
                occlusion[y, x] = 1.0
                irradiance[y, x, 0], irradiance[y, x, 1], irradiance[y, x, 2] = 0.0, 0.0, 0.0
                continue
            nx, ny, nz = normal[y, x, 0], normal[y, x, 1], normal[y, x, 2]
            px, py, rise = position[y, x, 0], position[y, x, 1], position[y, x, 2] - ground_z
            supported = has_support and flags[thing[y, x]] != 1
            rough = roughness[y, x]
            if nx != ox or ny != oy or nz != oz:  # flat surfaces look up once
                ox, oy, oz = nx, ny, nz
                turn, fall = map_coordinates(turn_cos * nx + turn_sin * ny, turn_cos * ny - turn_sin * nx, nz)
                a, b, c, d, fu, fv = bilinear_corners(by_normal_height, turn, fall)
                wa, wb, wc, wd = (1.0 - fu) * (1.0 - fv), fu * (1.0 - fv), (1.0 - fu) * fv, fu * fv
                for k in range(6):
                    value = wa * by_normal[a, k] + wb * by_normal[b, k] + wc * by_normal[c, k] + wd * by_normal[d, k]
                    sky[k] = intensity * value
            share = max(0.0, 0.5 - 0.5 * nz)
            br, bg, bb = 0.0, 0.0, 0.0
            if supported and share > 0.01:
                for k in range(3):
                    gr, gg, gb = _seen_below(px, py, rise, nx, ny, nz - PROBE_TILT[k], glow, area)
                    br, bg, bb = br + gr / 3.0, bg + gg / 3.0, bb + gb / 3.0
            sees, most = 0.0, 1e-9
            for k in range(3):
                above = sky[k]
                if supported:
                    under = share * open_glow[k]
                    near = br if k == 0 else (bg if k == 1 else bb)
                    lit = share * near
                else:
                    under = sky[k + 3]
                    lit = under * (seen[y, x, 0] if has_support else 1.0)
                irradiance[y, x, k] = above + under
                luminance = 0.2126 if k == 0 else (0.7152 if k == 1 else 0.0722)
                sees += luminance * (above * seen[y, x, 0] + lit)
                most += luminance * (above + under)
            occlusion[y, x] = min(1.0, sees / most)
            facing = 2.0 * (nx * rx + ny * ry + nz * rz)
            mx, my, mz = rx - facing * nx, ry - facing * ny, rz - facing * nz
            turn, fall = map_coordinates(turn_cos * mx + turn_sin * my, turn_cos * my - turn_sin * mx, mz)
            ar, ag, ab = lookup_reflection(sharp, sharp_height, texels, offsets, heights, turn, fall, rough)
            open_sky = intensity * seen[y, x, 1]
            if not supported:
                reflection[y, x, 0], reflection[y, x, 1] = open_sky * ar, open_sky * ag
                reflection[y, x, 2] = open_sky * ab
                continue
            if mz < 0.2:
                # A glossy surface sees the support along its mirror ray, a rough one about below itself.
                blur = min(1.0, max(0.0, (rough - GLOSSY) / GLOSSY))
                tilt = blur * PROBE_TILT[1]
                gr, gg, gb = _seen_below(px, py, rise, mx, my, min(mz, 0.0) - tilt, glow, area)
            else:
                gr, gg, gb = _glow_at(px, py, glow, area)
            # How much of the lobe lies below the horizon, where it meets the support instead of the map.
            t = min(1.0, max(0.0, 0.5 + 0.5 * mz / (0.03 + 0.5 * rough * rough)))
            t = t * t * (3.0 - 2.0 * t)
            # Where the sky is hidden, neighbours are: darker than the support in the open, darkest at contacts.
            hidden = HIDDEN * t * (1.0 - seen[y, x, 1]) * (0.3 + 0.7 * seen[y, x, 0]) + (1.0 - t)
            reflection[y, x, 0] = t * open_sky * ar + hidden * gr
            reflection[y, x, 1] = t * open_sky * ag + hidden * gg
            reflection[y, x, 2] = t * open_sky * ab + hidden * gb
