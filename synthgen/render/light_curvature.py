"""Rough as a pixel: small round things have many normals within one pixel, and shine as if they were rougher.

Specular anti-aliasing (Tokuyoshi & Kaplanyan 2019, "Improved Geometric Specular Antialiasing", eq. 3 and 4): the spread
of the normals over a pixel is added to the facets' own. Without it a chrome rim of three pixels is a row of dashes, as
each pixel mirrors one direction of a room that is bright here and dark there.
"""

from __future__ import annotations

import math

import numpy as np

from synthgen.kernels import inner, njit
from synthgen.types.arrays import F32, U16

FILTER_VARIANCE = 0.12  # of a pixel's filter, in pixels squared along one axis
LEAST = 0.25  # of the facets' own spread: less is not to be seen, and smooth surfaces keep one roughness


@njit(cache=True, nogil=True, error_model="numpy")
def pixel_roughness(thing: U16, normal: F32, roughness: F32) -> F32:  # pragma: no cover - compiled
    """(H, W) float32 roughness of what a pixel sees, at least the surface's own; arguments: see ``Surfaces``."""
    height, width = thing.shape
    out = roughness.copy()
    for y in range(height):
        for x in range(width):
            if thing[y, x] == 0:
                continue
            across = _turn(thing, normal, y, x, 0, 1)
            down = _turn(thing, normal, y, x, 1, 0)
            own = roughness[y, x] ** 4
            added = np.float32(FILTER_VARIANCE) * (across + down)
            if added > np.float32(LEAST) * own:
                out[y, x] = np.float32(math.sqrt(math.sqrt(min(own + added, 1.0))))
    return out


@inner
def _turn(thing, normal, y, x, dy, dx):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Squared change of the normal per pixel along one axis: the smaller one of both sides, so that a crease, which has
    a plane on one side, is none; 0 where the thing has one pixel."""
    height, width = thing.shape
    least, found = np.float32(4.0), False
    for side in range(2):
        v, u = (y + dy, x + dx) if side == 0 else (y - dy, x - dx)
        if v < 0 or u < 0 or v >= height or u >= width or thing[v, u] != thing[y, x]:
            continue
        change = np.float32(0.0)
        for k in range(3):
            off = normal[v, u, k] - normal[y, x, k]
            change += off * off
        least, found = min(least, change), True
    return least if found else np.float32(0.0)
