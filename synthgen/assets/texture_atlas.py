"""Fills the unused texels of a texture atlas, so that minified scans show no dark seams.

The charts of a scan's atlas lie on a black ground; averaging texels for the mip pyramid (and filtering across a chart's
border) would mix that black in. Texels outside every chart take the colour of the charts around them instead
(push-pull of Gortler et al. 1996, "The Lumigraph", section 3.3, with boxes).
"""

from __future__ import annotations

import cv2
import numpy as np

from synthgen.assets.textures import SRGB_DECODE, encode_srgb8
from synthgen.kernels import njit
from synthgen.types.arrays import F32, U8

RIM_PX = 2
OUTSIDE = 0.02  # uvs further out than this repeat the texture: then every texel is in use


def fill_unused(rgb: U8, corner_uvs: F32) -> U8:
    """(H, W, 3) uint8 with the texels that no triangle uses replaced; unchanged where the texture repeats.

    Args:
        rgb: (H, W, 3) uint8 sRGB.
        corner_uvs: (F, 3, 2) float32, v down.
    """
    if corner_uvs.min() < -OUTSIDE or corner_uvs.max() > 1 + OUTSIDE:
        return rgb
    height, width = rgb.shape[:2]
    used = np.zeros((height, width), dtype=np.uint8)
    _cover(corner_uvs * np.array([width, height], dtype=np.float32), used)
    if used.all() or not used.any():
        return rgb
    known = _without_rims(used)
    filled = _push_pull(SRGB_DECODE[rgb], known.astype(np.float32))
    return np.where(known[..., None] > 0, rgb, encode_srgb8(filled))


def _without_rims(used: U8) -> U8:
    """Drops the outermost texels of each chart, stained by the ground in bakers and JPEG; slivers are kept whole."""
    core = cv2.erode(used, np.ones((2 * RIM_PX + 1, 2 * RIM_PX + 1), dtype=np.uint8), borderValue=1)
    reached = cv2.dilate(core, np.ones((4 * RIM_PX + 1, 4 * RIM_PX + 1), dtype=np.uint8))
    return np.asarray(core | (used & (1 - reached)), dtype=np.uint8)


@njit(cache=True, nogil=True)
def _cover(corners: F32, used: U8) -> None:
    """Marks the texels whose centre lies in a triangle (F, 3, 2) of texel coordinates, in place."""
    height, width = used.shape
    for f in range(len(corners)):
        ax, ay = corners[f, 0, 0], corners[f, 0, 1]
        bx, by = corners[f, 1, 0], corners[f, 1, 1]
        cx, cy = corners[f, 2, 0], corners[f, 2, 1]
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if area == 0.0:
            continue
        for y in range(max(0, int(min(ay, by, cy))), min(height - 1, int(max(ay, by, cy))) + 1):
            for x in range(max(0, int(min(ax, bx, cx))), min(width - 1, int(max(ax, bx, cx))) + 1):
                px, py = x + 0.5, y + 0.5
                one = ((bx - px) * (cy - py) - (by - py) * (cx - px)) / area
                two = ((cx - px) * (ay - py) - (cy - py) * (ax - px)) / area
                if one >= 0.0 and two >= 0.0 and one + two <= 1.0:
                    used[y, x] = 1


def _push_pull(linear: F32, weight: F32) -> F32:
    """Averages of the known texels at the coarsest level that has some, refined towards the known ones."""
    height, width = weight.shape
    if min(height, width) < 2 or weight.min() > 0:
        return linear
    size = ((width + 1) // 2, (height + 1) // 2)
    coarse_weight = cv2.resize(weight, size, interpolation=cv2.INTER_AREA)
    coarse = cv2.resize(linear * weight[..., None], size, interpolation=cv2.INTER_AREA)
    coarse = coarse / np.maximum(coarse_weight, 1e-6)[..., None]
    coarse = _push_pull(coarse, np.minimum(coarse_weight * 4, 1.0))
    fine = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(linear * weight[..., None] + fine * (1 - weight[..., None]), dtype=np.float32)
