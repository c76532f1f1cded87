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
    mixed = np.array(linear, np.float32, order="C")
    resolve_in_place(mixed, edges)
    return mixed


def resolve_in_place(linear: F32, edges: EdgeBlend) -> None:
    """As ``resolve``, but ``linear`` (contiguous) becomes the result: no picture is copied."""
    colors = np.empty((len(edges.pixels), 3), np.float32)
    _mix(linear.reshape(-1, 3), linear.shape[1], edges.pixels, edges.weights, colors)


@njit(cache=True, nogil=True, error_model="numpy")
def _mix(picture: F32, width: int, pixels: I32, weights: U8, colors: F32) -> None:
    """Mixes from the (H * W, 3) picture into ``colors`` (E, 3) first, so that no mix sees another one."""
    for e in range(len(pixels)):
        red = green = blue = np.float32(0.0)
        for k in range(9):
            if weights[e, k]:
                share = np.float32(weights[e, k])
                p = pixels[e] + (k // 3 - 1) * width + k % 3 - 1
                red, green, blue = (
                    red + share * picture[p, 0],
                    green + share * picture[p, 1],
                    blue + share * picture[p, 2],
                )
        colors[e, 0], colors[e, 1], colors[e, 2] = red, green, blue
    for e in range(len(pixels)):
        for c in range(3):
            picture[pixels[e], c] = colors[e, c] * np.float32(1.0 / 16.0)
