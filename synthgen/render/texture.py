"""Filtered texture look-up: an elliptical pixel footprint over a mip pyramid of sRGB texels, filtered in linear light.

The footprint's axes are the singular values of d(texel)/d(pixel). Up to ``MAX_TAPS`` trilinear taps lie along the long
axis, at the level where one texel is as wide as the short one (the scheme of EXT_texture_filter_anisotropic, with the
exact axes of Heckbert's 1989 thesis in place of the two derivative vectors).
"""

from __future__ import annotations

import math

import numpy as np

from synthgen.kernels import njit
from synthgen.types.arrays import F32, I32, U8
from synthgen.types.assets import Texture

MAX_TAPS = 8
TAP_ROUNDING = 0.5  # blur along the long axis by up to a half is cheaper than one more tap, and hardly seen
BLEND_STEEPNESS = 2.0  # near a level's own size only that level is read (as graphics cards do): half of the look-ups


def _linear_of_srgb() -> F32:
    """(256,) float32: linear light of every sRGB byte (IEC 61966-2-1)."""
    s = np.arange(256) / 255.0
    return np.where(s <= 0.04045, s / 12.92, ((s + 0.055) / 1.055) ** 2.4).astype(np.float32)


LINEAR_OF_SRGB = _linear_of_srgb()
NO_TEXTURE = Texture(
    key="",
    texels=np.zeros((1, 3), np.uint8),
    offsets=np.zeros(1, np.int32),
    widths=np.ones(1, np.int32),
    heights=np.ones(1, np.int32),
)


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def footprint(su: float, sv: float, tu: float, tv: float) -> tuple[float, float, float, float]:
    """The ellipse that a unit pixel circle becomes in texel space.

    Args:
        su, sv: texels per pixel step in x; tu, tv: per pixel step in y.

    Returns:
        (squared long axis, squared short axis, and a vector along the long axis of any length, possibly 0).
    """
    a, b, c = su * su + tu * tu, su * sv + tu * tv, sv * sv + tv * tv
    half, mean = 0.5 * (a - c), 0.5 * (a + c)
    radius = math.sqrt(half * half + b * b)
    # Eigenvector of [[a, b], [b, c]] for mean + radius, from the better conditioned row.
    x = half + radius if half >= 0.0 else b
    y = b if half >= 0.0 else radius - half
    return mean + radius, max(mean - radius, 0.0), x, y


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _bilinear(
    texels: U8, start: int, width: int, height: int, u: float, v: float, linear: F32
) -> tuple[np.float32, np.float32, np.float32]:
    """Linear RGB at (u, v) in [0, 1) of one level; the level repeats."""
    x, y = u * width + 0.5, v * height + 0.5  # one texel up, so that truncation is floor
    x1, y1 = int(x), int(y)
    fx, fy = np.float32(x - x1), np.float32(y - y1)
    x0, y0 = x1 - 1, y1 - 1
    x0 = width - 1 if x0 < 0 else x0
    y0 = height - 1 if y0 < 0 else y0
    x1 = 0 if x1 >= width else x1
    y1 = 0 if y1 >= height else y1
    upper, lower = start + y0 * width, start + y1 * width
    p, q, r, s = upper + x0, upper + x1, lower + x0, lower + x1
    one = np.float32(1.0)
    wp, wq, wr, ws = (one - fx) * (one - fy), fx * (one - fy), (one - fx) * fy, fx * fy
    return (
        wp * linear[texels[p, 0]] + wq * linear[texels[q, 0]] + wr * linear[texels[r, 0]] + ws * linear[texels[s, 0]],
        wp * linear[texels[p, 1]] + wq * linear[texels[q, 1]] + wr * linear[texels[r, 1]] + ws * linear[texels[s, 1]],
        wp * linear[texels[p, 2]] + wq * linear[texels[q, 2]] + wr * linear[texels[r, 2]] + ws * linear[texels[s, 2]],
    )


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def plan_taps(
    widths: I32, heights: I32, dudx: float, dvdx: float, dudy: float, dvdy: float
) -> tuple[int, float, float, int, float]:
    """How a footprint is filtered; the same for pixels close to each other, and most of a look-up's arithmetic.

    Args:
        widths, heights: as in ``types.assets.Texture``.
        dudx, dvdx, dudy, dvdy: change of u and v per pixel step right and down.

    Returns:
        (taps, step in u and v from tap to tap, level, share of the next coarser level).
    """
    w, h = np.float64(widths[0]), np.float64(heights[0])
    long2, short2, along_u, along_v = footprint(dudx * w, dvdx * h, dudy * w, dvdy * h)
    taps, step_u, step_v, wide2 = 1, 0.0, 0.0, long2
    ratio2 = long2 / max(short2, 1.0)
    # Divisions and roots are most of the work here, so they wait until more than one tap is really needed.
    if ratio2 >= (2.0 - TAP_ROUNDING) ** 2:
        taps = min(int(math.sqrt(ratio2) + TAP_ROUNDING), MAX_TAPS)
        share = 1.0 / taps
        wide2 = max(short2, long2 * share * share)
        scale = share * math.sqrt(long2 / (along_u * along_u + along_v * along_v))
        step_u, step_v = along_u * scale / w, along_v * scale / h
    # Halve until one texel is as wide as the footprint; between levels blend by width (log2 costs more than it gains).
    level, top = 0, len(widths) - 1
    while wide2 >= 4.0 and level < top:
        wide2, level = 0.25 * wide2, level + 1
    blend = math.sqrt(wide2) - 1.0 if wide2 > 1.0 and level < top else 0.0
    blend = min(max((blend - 0.5) * BLEND_STEEPNESS + 0.5, 0.0), 1.0)
    return taps, step_u, step_v, level + (blend >= 1.0), blend if blend < 1.0 else 0.0


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def fetch(
    texels: U8,
    offsets: I32,
    widths: I32,
    heights: I32,
    u: float,
    v: float,
    taps: int,
    step_u: float,
    step_v: float,
    level: int,
    blend: float,
    linear: F32,
) -> tuple[np.float32, np.float32, np.float32]:
    """The linear colour at (u, v), v down, filtered as ``plan_taps`` says; textures repeat."""
    start, width, height = offsets[level], widths[level], heights[level]
    above = level + 1 if blend > 0.0 else level
    start_, width_, height_ = offsets[above], widths[above], heights[above]
    share = 1.0 / taps if taps > 1 else 1.0
    fine, coarse = np.float32(share * (1.0 - blend)), np.float32(share * blend)
    u, v = u - 0.5 * (taps - 1) * step_u, v - 0.5 * (taps - 1) * step_v
    red = green = blue = np.float32(0.0)
    for _ in range(taps):
        tu, tv = u - np.floor(u), v - np.floor(v)
        r, g, b = _bilinear(texels, start, width, height, tu, tv, linear)
        red, green, blue = red + fine * r, green + fine * g, blue + fine * b
        if blend > 0.0:
            r, g, b = _bilinear(texels, start_, width_, height_, tu, tv, linear)
            red, green, blue = red + coarse * r, green + coarse * g, blue + coarse * b
        u, v = u + step_u, v + step_v
    return red, green, blue


@njit(cache=True, nogil=True, error_model="numpy")
def sample(
    texels: U8,
    offsets: I32,
    widths: I32,
    heights: I32,
    u: float,
    v: float,
    dudx: float,
    dvdx: float,
    dudy: float,
    dvdy: float,
    linear: F32,
) -> tuple[np.float32, np.float32, np.float32]:
    """``plan_taps`` and ``fetch`` in one; ``linear``: ``LINEAR_OF_SRGB``."""
    taps, step_u, step_v, level, blend = plan_taps(widths, heights, dudx, dvdx, dudy, dvdy)
    return fetch(texels, offsets, widths, heights, u, v, taps, step_u, step_v, level, blend, linear)
