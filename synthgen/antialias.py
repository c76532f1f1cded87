"""Anti-aliasing of finished radiance: edge pixels become the mix of neighbours that ``render.edges`` measured."""

from __future__ import annotations

import numpy as np

from synthgen.kernels import njit
from synthgen.types.arrays import F32, I32, U8
from synthgen.types.gbuffer import EdgeBlend


def resolve(linear: F32, edges: EdgeBlend) -> F32:
    """Mixes the edge pixels of one view.

    Args:
        linear: (H, W, 3) float32 linear radiance, one sample per pixel centre; left as it is.
        edges: of the same view.

    Returns:
        (H, W, 3) float32; pixels that are no edge keep their value bit for bit.
    """
    source = np.ascontiguousarray(linear, np.float32)
    mixed = source.copy()
    _mix(source, edges.pixels, edges.weights, mixed)
    return mixed


@njit(cache=True, nogil=True)
def _mix(source: F32, pixels: I32, weights: U8, mixed: F32) -> None:
    width = source.shape[1]
    for e in range(len(pixels)):
        y, x = pixels[e] // width, pixels[e] % width
        for c in range(3):
            total = np.float32(0.0)
            for k in range(9):
                if weights[e, k]:
                    total += np.float32(weights[e, k]) * source[y + k // 3 - 1, x + k % 3 - 1, c]
            mixed[y, x, c] = total / np.float32(16.0)
