"""float32 channels -> float16, bit for bit as numpy's cast (round to nearest even), sixteen times as fast.

numpy converts halves in software where the build does not assume F16C; at 640x480 that cast costs more than the
rasteriser. Values beyond the largest half become it: the sun in an environment map must not turn into infinity.
"""

from __future__ import annotations

import numpy as np

from synthgen.kernels import njit
from synthgen.types.arrays import F16, F32, F64


@njit(cache=True, nogil=True, error_model="numpy")
def _halves(values, bits, out):  # type: ignore[no-untyped-def]
    """Flat float32 values, their bits as uint32, and the uint16 bits of their halves."""
    smallest_normal = np.float32(2.0**-14)
    for i in range(len(values)):
        magnitude = bits[i] & np.uint32(0x7FFFFFFF)
        sign = (bits[i] >> np.uint32(16)) & np.uint32(0x8000)
        rounded = magnitude + np.uint32(0x0FFF) + ((magnitude >> np.uint32(13)) & np.uint32(1))
        normal = (rounded - np.uint32(0x38000000)) >> np.uint32(13)
        largest = np.uint32(0x7BFF)
        normal = largest if normal > largest else normal
        # Below 2**-14 halves are spaced evenly by 2**-24.
        tiny = np.uint32(np.rint(min(abs(values[i]), smallest_normal) * np.float32(16777216.0)))
        code = tiny if magnitude < np.uint32(0x38800000) else normal
        code = np.uint32(0x7E00) if magnitude > np.uint32(0x7F800000) else code
        out[i] = np.uint16(sign | code)


def store_half(values: F32, out: F16) -> None:
    """Writes float32 ``values`` to ``out``, same shape, both contiguous; finite overflow becomes +-65504, nan stays."""
    flat = np.ascontiguousarray(values, np.float32).reshape(-1)
    _halves(flat, flat.view(np.uint32), out.reshape(-1).view(np.uint16))


@njit(cache=True, nogil=True, error_model="numpy")
def turn_normals(normal: F32, camera_from_world: F64, out: F32) -> None:
    """Rotates (H, W, 3) world normals into camera axes; zeros stay zeros."""
    m = camera_from_world
    for y in range(normal.shape[0]):
        for x in range(normal.shape[1]):
            a, b, c = normal[y, x, 0], normal[y, x, 1], normal[y, x, 2]
            out[y, x, 0] = m[0, 0] * a + m[0, 1] * b + m[0, 2] * c
            out[y, x, 1] = m[1, 0] * a + m[1, 1] * b + m[1, 2] * c
            out[y, x, 2] = m[2, 0] * a + m[2, 1] * b + m[2, 2] * c


@njit(cache=True, nogil=True, error_model="numpy")
def store_labels(thing, depth, instances, categories, instance, category, depth_m):  # type: ignore[no-untyped-def]
    """Writes (H, W) uint16 ids and float32 depth (0 = nothing) from the visibility buffers and (things + 1,) tables."""
    for y in range(thing.shape[0]):
        for x in range(thing.shape[1]):
            k = thing[y, x]
            instance[y, x], category[y, x] = instances[k], categories[k]
            depth_m[y, x] = depth[y, x] if k > 0 else 0.0
