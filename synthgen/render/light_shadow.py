"""Compiled kernel: how much of a key light reaches each pixel."""

from __future__ import annotations

import math

import numpy as np

from synthgen.kernels import inner, njit
from synthgen.render.light_cells import (
    CENTRE_SPREAD,
    SPREAD,
    STEPS,
    UNSET,
    between,
    fill,
    no_cells,
    open_cells,
    open_pixels,
    settled_pair,
    spread,
)
from synthgen.render.light_visibility import table_shadow
from synthgen.render.shadow import soft_shadow
from synthgen.types.arrays import F32, F64, U8, U16

MIN_FACING = 0.1
TERMINATOR = 0.2  # cosine over which facets that turn away from the light go dark: their smooth normal dims them too
SAMPLES = (1, 1, 4, 0, 5, 0, 0, 0, 5)  # of a cell, by its edge: its corners, and its centre


@inner
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
    first: int,
    parts: int,
    table: F64,
) -> float:  # pragma: no cover - compiled
    """Share of a light that reaches a point, the mean of its parts': 1 = all of it. All parts have one frame, and lie
    in one plane."""
    rx, ry, rz = frames[first, 0, 0], frames[first, 0, 1], frames[first, 0, 2]
    ux, uy, uz = frames[first, 1, 0], frames[first, 1, 1], frames[first, 1, 2]
    fx, fy, fz = frames[first, 2, 0], frames[first, 2, 1], frames[first, 2, 2]
    w = fx * (px - origins[first, 0]) + fy * (py - origins[first, 1]) + fz * (pz - origins[first, 2])
    if perspective and w <= 1e-3:
        return 0.0
    ga, gb, gw = gx * rx + gy * ry + gz * rz, gx * ux + gy * uy + gz * uz, gx * fx + gy * fy + gz * fz
    angular, s, inverse = spread_u, w + bias, 1.0
    if perspective:
        s, inverse = 1.0 / max(1e-3, w - bias), 1.0 / w
    total = 0.0
    for n in range(first, first + parts):
        ox, oy, oz = px - origins[n, 0], py - origins[n, 1], pz - origins[n, 2]
        a, b = rx * ox + ry * oy + rz * oz, ux * ox + uy * oy + uz * oz
        if perspective:
            distance = math.sqrt(a * a + b * b + w * w)
            angular = max(spread_u, spread_v) / distance
            plane = ga * a + gb * b + gw * w
            facing = -plane / distance
            # On a plane g.p = c through the light's frame, 1 / w = (g_a a/w + g_b b/w + g_w) / c.
            slope = 1.0 / min(-MIN_FACING * distance, plane)
        else:
            distance, facing = 1.0, gw
            slope = -1.0 / max(gw, MIN_FACING)
        # Facets that turn away from the light stay dark even where the smooth normal still sees it.
        shadow = min(1.0, max(0.0, 1.0 + facing / max(TERMINATOR, angular)))
        su, sv = scales[n, 0], scales[n, 1]
        if shadow > 0.0 and su > 0.0:
            shadow *= soft_shadow(
                depth, coarse, n, taps, a * inverse * su + scales[n, 2], b * inverse * sv + scales[n, 3], s,
                ga * slope / su, gb * slope / sv, spread_u * su, spread_v * sv,
            )  # fmt: skip
        if below and shadow > 0.0:
            lx, ly, lz = fx, fy, fz
            if perspective:
                lx, ly, lz = -ox / distance, -oy / distance, -oz / distance
            shadow *= table_shadow(px, py, pz, lx, ly, lz, angular, table)
        total += shadow
    return total / parts


@njit(cache=True, nogil=True, error_model="numpy")
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
    first: int,
    parts: int,
    table: F64,
) -> F32:  # pragma: no cover - compiled
    """(H, W, 1) float32 share of a light that reaches each pixel; interpolated where corners and centre agree.

    Args:
        agree: from ``light_cells.agreeing``.
        spread_u, spread_v: penumbra radius of a part per unit of s (see ``shadow``) along the map's axes.
        taps .. coarse: see ``soft_shadow`` and ``DepthMaps``; table: see ``table_shadow``.
        first, parts: which maps are those of the light.
    """
    height, width = thing.shape
    out = np.full((height, width, 1), UNSET, np.float32)
    filled, todo = no_cells(height, width)
    for step in STEPS:
        middle = step // 2
        for n in range(open_cells(agree, filled, step, todo)):
            y0, x0 = divmod(todo[n], width)
            y1, x1 = y0 + step, x0 + step
            below, bias = flags[thing[y0, x0]] == 1, biases[thing[y0, x0]]
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
                        origins, scales, perspective, depth, coarse, first, parts, table,
                    )  # fmt: skip
            if spread(out, y0, x0, y1, x1, 0) > SPREAD[step]:
                continue
            if step > 2:
                off = out[y0 + middle, x0 + middle, 0] - between(out, y0, x0, y1, x1, y0 + middle, x0 + middle, 0)
                if abs(off) > CENTRE_SPREAD:
                    continue
                if step == 8 and out[y0, x0, 0] < 1.0:
                    continue  # only open ground: a gleam or a dark crack is often narrower
            fill(out, filled, y0, x0, step)
    for odd in range(2):
        for n in range(open_pixels(filled, height, width, odd, todo)):
            y, x = divmod(todo[n], width)
            if out[y, x, 0] != UNSET:
                continue
            if thing[y, x] == 0:
                out[y, x, 0] = 0.0
                continue
            ya, xa, yb, xb = -1, -1, -1, -1
            if odd == 1:
                ya, xa, yb, xb = settled_pair(out, thing, position, geometric, y, x, SPREAD[2])
            if ya >= 0:
                out[y, x, 0] = 0.5 * (out[ya, xa, 0] + out[yb, xb, 0])
            else:
                below, bias = flags[thing[y, x]] == 1, biases[thing[y, x]]
                out[y, x, 0] = _shadow_at(
                    position[y, x, 0], position[y, x, 1], position[y, x, 2], geometric[y, x, 0], geometric[y, x, 1],
                    geometric[y, x, 2], below, bias, spread_u, spread_v, taps, frames, origins, scales, perspective,
                    depth, coarse, first, parts, table,
                )  # fmt: skip
    return out
