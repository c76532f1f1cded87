"""Compiled kernels for environment light on surfaces: irradiance, reflection, and one bounce off the support."""

from __future__ import annotations

import math

import numpy as np

from synthgen.kernels import inner, njit
from synthgen.render.environment_filter import (
    bilinear_corners,
    filtered_row,
    lookup,
    lookup_reflection,
    map_coordinates,
    picture_row,
)
from synthgen.render.environment_upward import FACING_UP, UPWARD_ROUGHNESS, lookup_upward
from synthgen.render.light_cells import (
    SPREAD,
    STEPS,
    UNSET,
    fill,
    no_cells,
    open_cells,
    open_pixels,
    settled_pair,
    spread,
    turned,
)
from synthgen.render.light_mirror import mirror_at
from synthgen.types.arrays import F32, F64, I32, U8, U16

GLOSSY = 0.3  # roughness below which the support is seen as in a mirror
PROBE_TILT = (0.7, 1.5, 4.0)  # how far rough surfaces bend their normal down to look for the support
PROBE_REACH_M = 0.4
CLEAR_BELOW = 0.6  # ambient visibility from which nothing stands between a surface and the support below
HIDDEN = 0.4  # radiance of hidden directions, as a share of the support's
INTERPOLATED_ROUGHNESS = 0.2  # sharper reflections are computed at every pixel
CHANNELS = 10
PAIR_SPREAD = 0.06  # of irradiance, between a pixel's neighbours
# Relative difference of a cell's corners up to which they are blended, by cell edge.
ALIKE = (0.0, 0.2, 0.2, 0.0, 0.2, 0.0, 0.0, 0.0, 0.06)


@inner
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


@inner
def _seen_below(
    px: float, py: float, rise: float, gx: float, gy: float, gz: float, glow: F32, area: F64
) -> tuple[float, float, float]:  # pragma: no cover - compiled
    """What a ray from a point ``rise`` above the support meets there."""
    reach = min(max(rise, 0.0) / max(0.15, -gz), PROBE_REACH_M)
    return _glow_at(px + gx * reach, py + gy * reach, glow, area)


@inner
def _light_pixel(
    y: int,
    x: int,
    thing: U16,
    position: F32,
    normal: F32,
    ray: F32,
    roughness: F32,
    metallic: F32,
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
    upward: F32,
    mirrors: F32,
    by_normal: F32,
    by_normal_height: int,
    last: F64,
    found: F64,
    out: F32,
) -> None:  # pragma: no cover - compiled
    """Fills out[y, x]; ``last``: (9,) the normal looked up last, and its sky and ground irradiance; found: (7,)."""
    rx, ry, rz = ray[y, x, 0], ray[y, x, 1], ray[y, x, 2]
    if thing[y, x] == 0:
        turn, fall = map_coordinates(turn_cos * rx + turn_sin * ry, turn_cos * ry - turn_sin * rx, rz)
        ar, ag, ab = lookup(sharp, 0, sharp_height, turn, picture_row(sharp_height, fall))
        out[y, x, 3], out[y, x, 4] = intensity * ar, intensity * ag
        out[y, x, 5] = intensity * ab
        out[y, x, 0], out[y, x, 1], out[y, x, 2], out[y, x, 6] = 0.0, 0.0, 0.0, 1.0
        out[y, x, 7], out[y, x, 8], out[y, x, 9] = 0.0, 0.0, 0.0
        return
    nx, ny, nz = normal[y, x, 0], normal[y, x, 1], normal[y, x, 2]
    px, py, rise = position[y, x, 0], position[y, x, 1], position[y, x, 2] - ground_z
    has_support = open_glow[0] + open_glow[1] + open_glow[2] > 0.0
    supported = has_support and flags[thing[y, x]] != 1
    rough = roughness[y, x]
    if nx != last[0] or ny != last[1] or nz != last[2]:  # flat surfaces look up once
        last[0], last[1], last[2] = nx, ny, nz
        turn, fall = map_coordinates(turn_cos * nx + turn_sin * ny, turn_cos * ny - turn_sin * nx, nz)
        a, b, c, d, fu, fv = bilinear_corners(by_normal_height, turn, filtered_row(by_normal_height, fall))
        wa, wb, wc, wd = (1.0 - fu) * (1.0 - fv), fu * (1.0 - fv), (1.0 - fu) * fv, fu * fv
        for k in range(6):
            value = wa * by_normal[a, k] + wb * by_normal[b, k] + wc * by_normal[c, k] + wd * by_normal[d, k]
            last[3 + k] = intensity * value
    share = max(0.0, 0.5 - 0.5 * nz)
    br, bg, bb = 0.0, 0.0, 0.0
    if supported and share > 0.01:
        for k in range(3):
            gr, gg, gb = _seen_below(px, py, rise, nx, ny, nz - PROBE_TILT[k], glow, area)
            br, bg, bb = br + gr / 3.0, bg + gg / 3.0, bb + gb / 3.0
    sees, most = 0.0, 1e-9
    for k in range(3):
        above = last[3 + k]
        if supported:
            under = share * open_glow[k]
            near = br if k == 0 else (bg if k == 1 else bb)
            lit = share * near
        else:
            under = last[6 + k]
            lit = under * (seen[y, x, 0] if has_support else 1.0)
        out[y, x, k] = above + under
        out[y, x, 7 + k] = above * seen[y, x, 0] + (0.0 if supported else lit)
        part = 0.2126 if k == 0 else (0.7152 if k == 1 else 0.0722)
        sees += part * (above * seen[y, x, 0] + lit)
        most += part * (above + under)
    out[y, x, 6] = min(1.0, sees / most)
    facing = nx * rx + ny * ry + nz * rz
    mx, my, mz = rx - 2.0 * facing * nx, ry - 2.0 * facing * ny, rz - 2.0 * facing * nz
    if nz > FACING_UP and rough >= UPWARD_ROUGHNESS[0]:
        turn, fall = map_coordinates(turn_cos * mx + turn_sin * my, turn_cos * my - turn_sin * mx, mz)
        lookup_upward(upward, rough, -facing, turn, metallic[y, x], found)
    else:
        tilt, wide = mirror_at(mirrors, rough, -facing, metallic[y, x])
        mx, my, mz = _tilted(mx, my, mz, nx, ny, nz, -facing, tilt)
        turn, fall = map_coordinates(turn_cos * mx + turn_sin * my, turn_cos * my - turn_sin * mx, mz)
        lookup_reflection(sharp, sharp_height, texels, offsets, heights, turn, fall, wide, found)
    open_sky = intensity * seen[y, x, 1]
    if not supported:
        for k in range(3):
            out[y, x, 3 + k] = open_sky * (found[k] + found[3 + k])
        return
    if mz < 0.2:
        # A glossy surface sees the support along its mirror ray, a rough one about below itself.
        blur = min(1.0, max(0.0, (rough - GLOSSY) / GLOSSY))
        tilt = blur * PROBE_TILT[1]
        gr, gg, gb = _seen_below(px, py, rise, mx, my, min(mz, 0.0) - tilt, glow, area)
    else:
        gr, gg, gb = _glow_at(px, py, glow, area)
    # The rest of the lobe lies below the horizon, where it meets the support instead of the map.
    t = found[6]
    # Where the sky is hidden, neighbours are: darker than the support in the open, darkest at contacts.
    hidden = HIDDEN * t * (1.0 - seen[y, x, 1]) * (0.3 + 0.7 * seen[y, x, 0])
    luminance = 0.2126 * gr + 0.7152 * gg + 0.0722 * gb
    grey = 0.5 * hidden * luminance  # neighbours have colours of their own
    # Deep in a pile a ray downwards meets other parts before it meets a coloured tote.
    clear = min(1.0, seen[y, x, 0] / CLEAR_BELOW)
    gr, gg, gb, dim = clear * gr, clear * gg, clear * gb, (1.0 - clear) * HIDDEN * luminance
    gr, gg, gb = gr + dim, gg + dim, gb + dim
    below = 1.0 - t + 0.5 * hidden
    out[y, x, 3] = open_sky * found[0] + below * gr + grey
    out[y, x, 4] = open_sky * found[1] + below * gg + grey
    out[y, x, 5] = open_sky * found[2] + below * gb + grey


@inner
def _tilted(
    mx: float, my: float, mz: float, nx: float, ny: float, nz: float, n_v: float, tilt: float
) -> tuple[float, float, float]:  # pragma: no cover - compiled
    """The mirror ray m turned by ``tilt`` towards the normal n; n_v = m.n."""
    qx, qy, qz = nx - n_v * mx, ny - n_v * my, nz - n_v * mz
    length = math.sqrt(qx * qx + qy * qy + qz * qz)
    if length < 1e-4:
        return mx, my, mz
    along, across = math.cos(tilt), math.sin(tilt) / length
    return along * mx + across * qx, along * my + across * qy, along * mz + across * qz


@njit(cache=True, nogil=True, error_model="numpy")
def environment_light(
    thing: U16,
    position: F32,
    normal: F32,
    ray: F32,
    roughness: F32,
    metallic: F32,
    seen: F32,
    flags: U8,
    agree: U8,
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
    upward: F32,
    mirrors: F32,
    by_normal: F32,
    by_normal_height: int,
) -> F32:  # pragma: no cover - compiled
    """(H, W, 10) float32 irradiance RGB, reflection RGB, occlusion, skylight RGB of one view; see ``LitChannels``.

    Where there is a support it fills the lower hemisphere in place of the map: its radiance (``glow``: its colour
    times the light that reaches it, shadows included) is looked up where the surface's normal or mirror ray meets it.
    Smooth cells whose corners differ little are interpolated, glossy surfaces never.

    Args:
        seen: from ``visibility``; agree: from ``light_cells.agreeing``.
        ground_z: height of the support's surface; open_glow: (3,) its largest radiance, all 0 without a support.
        glow, area: (G, G, 3) the support's radiance around the objects; corner x, y and cells per metre.
        turn_cos, turn_sin: of the environment's rotation about z.
        sharp .. by_normal_height: see ``PreparedEnvironment``; mirrors: ``light_mirror.mirror_table()``.
    """
    height, width = thing.shape
    out = np.full((height, width, CHANNELS), UNSET, np.float32)
    filled, todo = no_cells(height, width)
    last, found = np.full(9, 2.0), np.empty(7)
    for step in STEPS:
        for n in range(open_cells(agree, filled, step, todo)):
            y0, x0 = divmod(todo[n], width)
            if roughness[y0, x0] < INTERPOLATED_ROUGHNESS:
                continue
            for corner in range(4):
                y, x = y0 + (step if corner & 1 else 0), x0 + (step if corner & 2 else 0)
                if out[y, x, 6] == UNSET:
                    _light_pixel(
                        y, x, thing, position, normal, ray, roughness, metallic, seen, flags, ground_z, open_glow, glow,
                        area, turn_cos, turn_sin, intensity, sharp, sharp_height, texels, offsets, heights, upward,
                        mirrors, by_normal, by_normal_height, last, found, out,
                    )  # fmt: skip
            if _alike(out, normal, roughness, y0, x0, step):
                fill(out, filled, y0, x0, step)
    for odd in range(2):
        for n in range(open_pixels(filled, height, width, odd, todo)):
            y, x = divmod(todo[n], width)
            if out[y, x, 6] != UNSET:
                continue
            ya, xa, yb, xb = -1, -1, -1, -1
            if odd == 1 and roughness[y, x] > GLOSSY:
                ya, xa, yb, xb = settled_pair(out, thing, position, normal, y, x, PAIR_SPREAD)
            if ya >= 0 and abs(out[ya, xa, 4] - out[yb, xb, 4]) <= ALIKE[1] * out[ya, xa, 4]:
                for k in range(CHANNELS):
                    out[y, x, k] = 0.5 * (out[ya, xa, k] + out[yb, xb, k])
            else:
                _light_pixel(
                    y, x, thing, position, normal, ray, roughness, metallic, seen, flags, ground_z, open_glow, glow,
                    area, turn_cos, turn_sin, intensity, sharp, sharp_height, texels, offsets, heights, upward,
                    mirrors, by_normal, by_normal_height, last, found, out,
                )  # fmt: skip
    return out


@inner
def _alike(out: F32, normal: F32, roughness: F32, y0: int, x0: int, step: int) -> bool:  # pragma: no cover - compiled
    """Whether the corners of a cell are lit so alike that the light between them is theirs, blended."""
    r, y1, x1 = roughness[y0, x0], y0 + step, x0 + step
    if roughness[y0, x1] != r or roughness[y1, x0] != r or roughness[y1, x1] != r:
        return False
    return not turned(normal, y0, x0, step, r) and (
        spread(out, y0, x0, y1, x1, 6) < SPREAD[4]
        and spread(out, y0, x0, y1, x1, 1) < ALIKE[step] * out[y0, x0, 1]
        and spread(out, y0, x0, y1, x1, 4) < ALIKE[step] * out[y0, x0, 4]
    )
