"""Compiled kernels for ambient visibility: how much of the sky a point sees, from depth maps of every sky cell."""

from __future__ import annotations

import numpy as np

from synthgen.kernels import inner, njit
from synthgen.render.light_cells import STEPS, UNSET, fill, no_cells, open_cells, open_pixels, settled_pair, spread
from synthgen.render.light_sky import Sky
from synthgen.render.light_visibility import Scratch, scratch_for, sky_visibility
from synthgen.types.arrays import F32, F64, U8, U16

# Largest difference of a cell's corners in diffuse visibility, by cell edge; twice that in the mirrored sky's.
SMOOTH = (0.0, 0.0, 0.25, 0.0, 0.14, 0.0, 0.0, 0.0, 0.05)
HALF = np.float32(0.5)


@inner
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
    filled, todo = no_cells(height, width)
    for step in STEPS:
        most = SMOOTH[step]
        for n in range(open_cells(agree, filled, step, todo)):
            y0, x0 = divmod(todo[n], width)
            below, bias = flags[thing[y0, x0]] == 1, biases[thing[y0, x0]]
            for corner in range(4):
                y, x = y0 + (step if corner & 1 else 0), x0 + (step if corner & 2 else 0)
                if out[y, x, 0] == UNSET:
                    _visibility_at(y, x, position, normal, ray, roughness, below, bias, sky, scratch, table, out)
            y1, x1 = y0 + step, x0 + step
            if spread(out, y0, x0, y1, x1, 0) <= most and spread(out, y0, x0, y1, x1, 1) <= 2.0 * most:
                fill(out, filled, y0, x0, step)
    for odd in range(2):
        for n in range(open_pixels(filled, height, width, odd, todo)):
            y, x = divmod(todo[n], width)
            if out[y, x, 0] != UNSET:
                continue
            if thing[y, x] == 0:
                out[y, x, 0], out[y, x, 1] = 1.0, 1.0
                continue
            ya, xa, yb, xb = -1, -1, -1, -1
            if odd == 1:
                ya, xa, yb, xb = settled_pair(out, thing, position, normal, y, x, SMOOTH[2])
            if ya >= 0:
                out[y, x, 0] = HALF * (out[ya, xa, 0] + out[yb, xb, 0])
                out[y, x, 1] = HALF * (out[ya, xa, 1] + out[yb, xb, 1])
            else:
                below, bias = flags[thing[y, x]] == 1, biases[thing[y, x]]
                _visibility_at(y, x, position, normal, ray, roughness, below, bias, sky, scratch, table, out)
    return out
