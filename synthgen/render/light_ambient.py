"""Compiled kernels for ambient visibility: how much of the sky a point sees, from depth maps of every sky cell."""

from __future__ import annotations

import numpy as np

from synthgen.kernels import njit
from synthgen.render.light_cells import STEPS, UNSET, fill, settled_pair, skipped, spread
from synthgen.render.shadow import MAX_STRIDE, blocked_share, blocker_reach
from synthgen.types.arrays import F32, F64, U8, U16

# Largest difference of a cell's corners in diffuse visibility, by cell edge; twice that in the mirrored sky's.
SMOOTH = (0.0, 0.0, 0.25, 0.0, 0.14, 0.0, 0.0, 0.0, 0.05)
GRAZING = 0.03  # cosine below which a sky cell gives a surface next to nothing but noise
SOFT = 2.0  # penumbra in texels per angular radius, reach and texels per metre
MIN_FACING = 0.15  # below it a surface is seen so edge-on from a sky direction that its own slope bias would leak


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
    cells: F32,
    facing: F32,
    depth: F32,
    coarse: F32,
    table: F64,
) -> tuple[float, float]:  # pragma: no cover - compiled
    """Energy-weighted visibility of the sky cells from one point, for diffuse light and for the mirror lobe.

    Args:
        p, n, m: point, normal, mirror direction.
        squarings: how often the mirror lobe's cosine is squared.
        below: whether the flat table may be above the point; bias: metres a blocker must rise above the point.
        cells: (20, N) see ``light.sky_cells``; facing: (5, N) float32 scratch; depth, coarse: its depth maps.
    """
    size = depth.shape[1]
    # One pass of plain arithmetic over all cells, which the compiler does several at a time.
    for i in range(cells.shape[1]):
        facing[0, i] = nx * cells[0, i] + ny * cells[1, i] + nz * cells[2, i]
        facing[1, i] = mx * cells[0, i] + my * cells[1, i] + mz * cells[2, i]
        facing[2, i] = px * cells[5, i] + py * cells[6, i] + pz * cells[7, i] + cells[8, i]
        facing[3, i] = px * cells[9, i] + py * cells[10, i] + pz * cells[11, i] + cells[12, i]
        facing[4, i] = px * cells[13, i] + py * cells[14, i] + pz * cells[15, i] + (cells[16, i] + bias)
    open_d, all_d, open_s, all_s = 0.0, 1e-9, 0.0, 1e-9
    for i in range(cells.shape[1]):
        nd = facing[0, i]
        if nd <= GRAZING:
            continue
        weight = nd * cells[3, i]
        gloss = facing[1, i]
        if gloss > 0.0:
            for _ in range(squarings):
                gloss *= gloss
            gloss *= weight
        else:
            gloss = np.float32(0.0)
        all_d += weight
        all_s += gloss
        visible = 1.0
        u, v, s = facing[2, i], facing[3, i], facing[4, i]
        if u >= 0.0 and v >= 0.0 and u < size and v < size:
            reach = blocker_reach(coarse, i, u, v, s)
            if reach > 0.0:
                slope = 1.0 / max(nd, MIN_FACING)
                gu = -(nx * cells[5, i] + ny * cells[6, i] + nz * cells[7, i]) * cells[17, i] * slope
                gv = -(nx * cells[9, i] + ny * cells[10, i] + nz * cells[11, i]) * cells[18, i] * slope
                # One stride serves: a step from one to the next is lost among so many sky cells. It is the finer one:
                # small things shade themselves under taller neighbours.
                width = SOFT * cells[4, i] * reach * cells[19, i]
                stride = 1 if width < 2.0 else (2 if width < 4.0 else (4 if width < 8.0 else MAX_STRIDE))
                visible = 1.0 - blocked_share(depth, i, u, v, s, gu, gv, stride)
        if below:
            visible *= table_shadow(px, py, pz, cells[0, i], cells[1, i], cells[2, i], cells[4, i], table)
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
    cells: F32,
    facing: F32,
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
        2 if r < 0.5 else 1, below, bias, cells, facing, depth, coarse, table,
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
    cells: F32,
    depth: F32,
    coarse: F32,
    table: F64,
) -> F32:  # pragma: no cover - compiled
    """(H, W, 2) float32 visibility of the diffuse and of the mirrored sky, 1 where nothing was hit.

    Cells of 8 x 8, then 4 x 4, then 2 x 2 pixels whose corners agree in surface and in visibility are interpolated;
    of the others every second pixel is computed, and the rest as well where its neighbours do not agree.

    Args:
        flags, biases: per thing number, see ``light_scene.Ground``.
        agree: from ``light_cells.agreeing``.
        others: see ``Surfaces`` and ``sky_visibility``.
    """
    height, width = thing.shape
    out = np.full((height, width, 2), UNSET, np.float32)
    facing = np.empty((5, cells.shape[1]), np.float32)
    for step in STEPS:
        for y0 in range(0, height, max(step, 1)):
            y1 = y0 + step
            for x0 in range(0, width, max(step, 1)):
                if agree[y0, x0] < step and step > 1:
                    continue
                below, bias = flags[thing[y0, x0]] == 1, biases[thing[y0, x0]]
                if step <= 1:
                    if out[y0, x0, 0] != UNSET or skipped(step, y0, x0):
                        continue
                    if thing[y0, x0] == 0:
                        out[y0, x0, 0], out[y0, x0, 1] = 1.0, 1.0
                        continue
                    if step == 0:
                        ya, xa, yb, xb = settled_pair(out, thing, position, normal, y0, x0, SMOOTH[2])
                        if ya >= 0:
                            out[y0, x0, 0] = 0.5 * (out[ya, xa, 0] + out[yb, xb, 0])
                            out[y0, x0, 1] = 0.5 * (out[ya, xa, 1] + out[yb, xb, 1])
                            continue
                    _visibility_at(
                        y0, x0, position, normal, ray, roughness, below, bias, cells, facing, depth, coarse, table, out
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
                            y, x, position, normal, ray, roughness, below, bias, cells, facing, depth, coarse, table,
                            out,
                        )  # fmt: skip
                most = SMOOTH[step]
                if spread(out, y0, x0, y1, x1, 0) <= most and spread(out, y0, x0, y1, x1, 1) <= 2.0 * most:
                    fill(out, y0, x0, step)
    return out
