"""The sky as depth maps: a block of numbers per 16 sky cells for the kernels, and the maps in 16 bits.

Every look-up of ambient visibility reads all maps, so they have to stay close to the processor: half the bytes, and
everything that does not depend on the point is worked out here, once per scene.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synthgen.kernels import njit
from synthgen.render.shadow import BLOCK, EMPTY, DepthMaps
from synthgen.types.arrays import F32, F64, I64, U16, freeze

LANES = 16  # sky cells that the processor works on at once
ROWS = 21
SOFT = 2.0  # penumbra in texels per angular radius, reach and texels per metre
STEPS_PER_MAP = 65534.0

Sky = tuple[F32, U16, I64, int, int]


@dataclass(frozen=True, eq=False)
class SkyMaps:
    """The sky of one scene, ready for ``light_ambient``; N = its cells, padded with dark ones to a multiple of LANES.

    Attributes:
        cells: (N * ROWS,) float32, for each LANES cells row by row:
            0-2 direction, 3 energy, 4 angular radius;
            5-8, 9-12, 13-16 their maps' u, v (texels) and depth (steps) as linear functions of the world point;
            17 steps per metre; 18, 19 steps per texel along u and v per (n . rows 5-7, n . rows 9-11) of a surface
            seen face on; 20 penumbra width in texels per step of reach.
        depth: (N * S * S,) uint16 steps, 0 = empty, as they are along the right and lower borders (BLOCK texels).
        coarse: (N * C * C,) int64: the largest depth of a block of texels (and the blocks around it), of the block
            right of it, of the one below, and of the one below to the right, 16 bits each, in this order from the
            lowest bits on.
        size, blocks: S and C = (S - BLOCK) / BLOCK.
    """

    cells: F32
    depth: U16
    coarse: I64
    size: int
    blocks: int

    @property
    def parts(self) -> Sky:
        """The same as one argument of a kernel."""
        return self.cells, self.depth, self.coarse, self.size, self.blocks


def sky_maps(directions: F64, energy: F64, spread: F64, maps: DepthMaps) -> SkyMaps:
    """Packs (N, 3) unit world directions, (N,) energies and angular radii, and one distant depth map per cell."""
    count, size, blocks = len(directions), maps.depth.shape[1], maps.coarse.shape[1]
    padded = max(LANES, -(-count // LANES) * LANES)
    cells = np.zeros((ROWS, padded))
    # A border of the widest stride, so that a look-up within the map never leaves it.
    depth = np.zeros((padded, size + BLOCK, size + BLOCK), np.uint16)
    coarse = np.zeros((padded, blocks, blocks), np.uint16)
    cells[0:3, :count], cells[3, :count], cells[4, :count] = directions.T, energy, spread
    low, per_m = _in_steps(maps.depth, maps.coarse, depth, coarse)
    for i, (frame, origin, scale) in enumerate(zip(maps.frames, maps.origins, maps.scales, strict=True)):
        if scale[0] <= 0:  # nothing casts
            continue
        for k in range(2):
            cells[5 + 4 * k : 8 + 4 * k, i] = frame[k] * scale[k]
            cells[8 + 4 * k, i] = scale[2 + k] - frame[k] @ origin * scale[k]
            cells[18 + k, i] = -per_m[i] / scale[k] ** 2
        cells[13:16, i] = frame[2] * per_m[i]
        cells[16, i] = (-frame[2] @ origin - low[i]) * per_m[i] + 1.0
        cells[17, i] = per_m[i]
        cells[20, i] = SOFT * spread[i] * min(scale[0], scale[1]) / per_m[i]
    by_lanes = cells.reshape(ROWS, -1, LANES).transpose(1, 0, 2).astype(np.float32)
    return SkyMaps(
        freeze(by_lanes.ravel()), freeze(depth.ravel()), freeze(_corners(coarse).ravel()), size + BLOCK, blocks
    )


def _corners(coarse: U16) -> I64:
    """Each block with its right and lower neighbours (itself at the border) in one number."""
    wide = np.pad(coarse, ((0, 0), (0, 1), (0, 1)), mode="edge").astype(np.uint64)
    four = (wide[:, :-1, :-1], wide[:, :-1, 1:], wide[:, 1:, :-1], wide[:, 1:, 1:])
    packed = four[0] | four[1] << np.uint64(16) | four[2] << np.uint64(32) | four[3] << np.uint64(48)
    return packed.view(np.int64)


@njit(cache=True, nogil=True)
def _in_steps(
    depth: F32, coarse: F32, depth_steps: U16, coarse_steps: U16
) -> tuple[F64, F64]:  # pragma: no cover - compiled
    """Fills the maps in steps of each map's own range; returns the (N,) metres at step 1, steps per metre."""
    count = len(depth)
    lowest, per_m = np.zeros(count), np.ones(count)
    for n in range(count):
        low, high = -EMPTY, EMPTY
        for s in depth[n].ravel():
            if s != EMPTY:
                low, high = (s if s < low else low), (s if s > high else high)
        if high == EMPTY:
            continue
        lowest[n], per_m[n] = low, STEPS_PER_MAP / max(float(high - low), 1e-3)
        scale = np.float32(per_m[n])
        for source, target in ((depth[n], depth_steps[n]), (coarse[n], coarse_steps[n])):
            for y in range(len(source)):
                for x in range(len(source)):
                    s = source[y, x]
                    target[y, x] = np.uint16(0) if s == EMPTY else np.uint16((s - low) * scale + np.float32(1.5))
    return lowest, per_m
