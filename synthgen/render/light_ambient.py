"""Compiled kernels for ambient visibility: how much of the sky a point sees, from depth maps of every sky cell."""

from __future__ import annotations

import numpy as np

from synthgen.kernels import njit
from synthgen.render.light_cells import STEPS, UNSET, fill, settled_pair, skipped, spread
from synthgen.render.light_sky import Sky
from synthgen.render.light_visibility import Scratch, scratch_for, sky_visibility
from synthgen.types.arrays import F32, F64, U8, U16

# Largest difference of a cell's corners in diffuse visibility, by cell edge; twice that in the mirrored sky's.
SMOOTH = (0.0, 0.0, 0.25, 0.0, 0.14, 0.0, 0.0, 0.0, 0.05)


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
    sky: Sky,
    scratch: Scratch,
    table: F64,
    out: F32,
) -> None:  # pragma: no cover - compiled
    nx, ny, nz = normal[y, x, 0], normal[y, x, 1], normal[y, x, 2]
    towards = np.float32(2.0) * (nx * ray[y, x, 0] + ny * ray[y, x, 1] + nz * ray[y, x, 2])
    r = roughness[y, x]
    out[y, x, 0], out[y, x, 1] = sky_visibility(
        position[y, x, 0], position[y, x, 1], position[y, x, 2],
        nx, ny, nz,
        ray[y, x, 0] - towards * nx, ray[y, x, 1] - towards * ny, ray[y, x, 2] - towards * nz,
        r < 0.5, below, bias, sky, scratch, table,
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
    sky: Sky,
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
    scratch = scratch_for(sky)
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
                    _visibility_at(y0, x0, position, normal, ray, roughness, below, bias, sky, scratch, table, out)
                    continue
                middle = step // 2
                if out[y0 + middle, x0 + middle, 0] != UNSET:
                    continue
                x1 = x0 + step
                for corner in range(4):
                    y, x = (y1 if corner & 1 else y0), (x1 if corner & 2 else x0)
                    if out[y, x, 0] == UNSET:
                        _visibility_at(y, x, position, normal, ray, roughness, below, bias, sky, scratch, table, out)
                most = SMOOTH[step]
                if spread(out, y0, x0, y1, x1, 0) <= most and spread(out, y0, x0, y1, x1, 1) <= 2.0 * most:
                    fill(out, y0, x0, step)
    return out
