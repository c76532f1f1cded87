"""Compiled kernels: few rays per point made smooth by neighbours of the same surface, and coarse grids made fine."""

from __future__ import annotations

import math

import numpy as np

from synthgen.kernels import inner, njit
from synthgen.types.arrays import F32, U8, U16

OFF_PLANE = 8.0  # weight of the squared sine of the angle by which the way to a neighbour leaves the surface's plane
LEAST_COSINE = 0.5  # between normals of neighbours
SMOOTH = 0.25  # roughness from which what is mirrored may be blended with all neighbours


@inner
def pixel_of(point, stride, length):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Row or column of the pixel that a point of the coarse grid stands for."""
    return min(length - 1, point * stride + stride // 2)


@inner
def _alike(thing, position, normal, y, x, sy, sx):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """How far two pixels are of one surface, in [0, 1]: same thing, same way up, in one plane."""
    if thing[sy, sx] != thing[y, x]:
        return np.float32(0.0)
    cosine, off, apart = np.float32(0.0), np.float32(0.0), np.float32(1e-12)
    for k in range(3):
        cosine += normal[y, x, k] * normal[sy, sx, k]
        step = position[sy, sx, k] - position[y, x, k]
        off += normal[y, x, k] * step
        apart += step * step
    if cosine < np.float32(LEAST_COSINE):
        return np.float32(0.0)
    cosine *= cosine
    cosine *= cosine
    slope = off * off / apart  # squared sine of the angle that the step leaves the plane by
    return cosine * cosine / (np.float32(1.0) + np.float32(OFF_PLANE) * slope)


@njit(cache=True, nogil=True, error_model="numpy")
def smoothed_points(
    points: F32, thing: U16, position: F32, normal: F32, stride: int, apart: int
) -> F32:  # pragma: no cover - compiled
    """Means over 3 x 3 points of one surface, ``apart`` from each other (Dammertz et al. 2010, "Edge-Avoiding A-Trous
    Wavelet Transform").

    Args:
        points: (h, w, C) float32, ``stride`` pixels apart; thing, position, normal: of the (H, W) pixels.
    """
    height, width = thing.shape
    rows, columns, channels = points.shape
    out = np.zeros_like(points)
    for j in range(rows):
        for i in range(columns):
            y, x = pixel_of(j, stride, height), pixel_of(i, stride, width)
            if thing[y, x] == 0:
                continue
            total = np.float32(0.0)
            for m in range(j - apart, j + apart + 1, apart):
                for n in range(i - apart, i + apart + 1, apart):
                    if m < 0 or n < 0 or m >= rows or n >= columns:
                        continue
                    sy, sx = pixel_of(m, stride, height), pixel_of(n, stride, width)
                    weight = _alike(thing, position, normal, y, x, sy, sx)
                    total += weight
                    for k in range(channels):
                        out[j, i, k] += weight * points[m, n, k]
            for k in range(channels):
                out[j, i, k] /= total  # the point itself counts 1
    return out


@njit(cache=True, nogil=True, error_model="numpy")
def enlarged(points: F32, thing: U16, position: F32, normal: F32, stride: int) -> F32:  # pragma: no cover - compiled
    """(H, W, C) float32: bilinear between the four points around a pixel that are of its surface (Kopf et al. 2007,
    "Joint Bilateral Upsampling"); where none is, between those of its thing, or 0."""
    height, width = thing.shape
    rows, columns, channels = points.shape
    out = np.zeros((height, width, channels), np.float32)
    one = np.float32(1.0)
    for y in range(height):
        v = (y - stride // 2) / stride
        j = min(max(math.floor(v), 0), rows - 1)
        down = np.float32(min(max(v - j, 0.0), 1.0))
        for x in range(width):
            if thing[y, x] == 0:
                continue
            u = (x - stride // 2) / stride
            i = min(max(math.floor(u), 0), columns - 1)
            right = np.float32(min(max(u - i, 0.0), 1.0))
            total = np.float32(0.0)
            for m in range(j, min(j + 2, rows)):
                for n in range(i, min(i + 2, columns)):
                    sy, sx = pixel_of(m, stride, height), pixel_of(n, stride, width)
                    if thing[sy, sx] != thing[y, x]:
                        continue
                    weight = _alike(thing, position, normal, y, x, sy, sx) + np.float32(1e-3)
                    weight *= (down if m > j else one - down) * (right if n > i else one - right) + np.float32(1e-3)
                    total += weight
                    for k in range(channels):
                        out[y, x, k] += weight * points[m, n, k]
            if total > 0:
                for k in range(channels):
                    out[y, x, k] /= total
    return out


@njit(cache=True, nogil=True, error_model="numpy")
def smoothed_pixels(
    pixels: F32, chosen: U8, thing: U16, position: F32, normal: F32, roughness: F32
) -> F32:  # pragma: no cover - compiled
    """Means over 3 x 3 chosen pixels of one surface, the less the smoother it is; others stay as they are.

    Args:
        pixels: (H, W, C) float32; chosen: (H, W) 1 = has a value of its own.
    """
    height, width, channels = pixels.shape
    out = pixels.copy()
    one = np.float32(1.0)
    for y in range(height):
        for x in range(width):
            if not chosen[y, x]:
                continue
            share = min(one, roughness[y, x] / np.float32(SMOOTH))
            share *= share
            total = one
            for sy in range(max(y - 1, 0), min(y + 2, height)):
                for sx in range(max(x - 1, 0), min(x + 2, width)):
                    if not chosen[sy, sx] or (sy == y and sx == x) or roughness[sy, sx] > 2 * roughness[y, x]:
                        continue
                    weight = share * _alike(thing, position, normal, y, x, sy, sx)
                    total += weight
                    for k in range(channels):
                        out[y, x, k] += weight * pixels[sy, sx, k]
            for k in range(channels):
                out[y, x, k] /= total
    return out
