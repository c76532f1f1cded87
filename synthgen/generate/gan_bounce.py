"""Light that surfaces pass on to each other: one diffuse bounce off what the picture shows.

The G-buffer's ambient light knows how much of the sky a point sees, not what stands in the way: a red roll reddens the
table around it. What stands there and is seen by the camera is found by rays through the depth image (screen-space
global illumination; Ritschel et al. 2009, "Approximating Dynamic Global Illumination in Image Space"), on a coarse grid
whose rays take turns in direction, smoothed and enlarged along surfaces.
"""

from __future__ import annotations

import math

import numpy as np

from synthgen.generate.depth_rays import lens_of, met
from synthgen.generate.shaded import image_plane
from synthgen.kernels import inner, njit
from synthgen.types.arrays import F32, F64, freeze
from synthgen.types.geometry import Camera

GRID = 96  # points along the picture's width, about; never closer than two pixels
RAYS = 16  # per point, cosine-weighted
TURNS = 16  # directions that the pattern of rays is turned to, point by point
STEPS, FIRST_M, GROWTH = 16, 0.004, 1.4  # along a ray; the last is at 0.6 m
THICKNESS_M = 0.015  # how deep behind a visible surface a ray still hits it, at least
LIFT = 0.002  # of the distance: how far off its surface a ray starts
SMOOTHED = (1, 2)  # distances between the points that are blended (a trous)
SAME_DEPTH = 0.02  # relative difference of depth at which a neighbour counts by half
LEAST_COSINE = 0.5  # between normals of neighbours


def bounced(depth: F32, normal: F32, camera: Camera, lit: F32) -> F32:
    """Light on a view from its own surfaces.

    Rays are projected without the lens's distortion; they need not be exact.

    Args:
        depth: (H, W) camera z in metres, 0 = nothing.
        normal: (H, W, 3) unit, in the camera's frame, float32.
        camera: of the view.
        lit: (H, W, 3) radiance of the view, float32.

    Returns:
        (H, W, 4) float32: irradiance / pi from surfaces in the picture, RGB, and the share of the cosine-weighted
        hemisphere that they fill.
    """
    intrinsics = camera.intrinsics
    height, width = depth.shape
    stride = max(2, round(width / GRID))
    coarse = np.zeros((-(-height // stride), -(-width // stride), 4), np.float32)
    _gather(depth, *image_plane(intrinsics), normal, lit, lens_of(intrinsics), _RAYS, stride, coarse)
    smooth = coarse
    for apart in SMOOTHED:
        smooth = _smoothed(smooth, depth, normal, stride, apart)
    out = np.zeros((height, width, 4), np.float32)
    _enlarge(smooth, depth, normal, stride, out)
    return out


def _cosine_rays(count: int) -> F32:
    """(N, 3) directions about z, denser towards it: a sunflower on the disc, lifted to the hemisphere."""
    k = np.arange(count) + 0.5
    radius, angle = np.sqrt(k / count), k * math.pi * (3.0 - math.sqrt(5.0))
    rays: F64 = np.stack([radius * np.cos(angle), radius * np.sin(angle), np.sqrt(1.0 - radius * radius)], axis=1)
    return freeze(rays.astype(np.float32))


_RAYS = _cosine_rays(RAYS)


@inner
def _pixel(point, stride, length):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Row or column of the pixel that a point of the coarse grid stands for."""
    return min(length - 1, point * stride + stride // 2)


@njit(cache=True, nogil=True, error_model="numpy")
def _gather(
    depth: F32, plane_x: F32, plane_y: F32, normal: F32, lit: F32, lens: F32, rays: F32, stride: int, out: F32
) -> None:  # pragma: no cover - compiled
    """Fills the coarse grid; its points are pixels, ``stride`` apart."""
    height, width = depth.shape
    one = np.float32(1.0)
    for j in range(out.shape[0]):
        for i in range(out.shape[1]):
            y, x = _pixel(j, stride, height), _pixel(i, stride, width)
            d = depth[y, x]
            if d <= 0:
                continue
            nx, ny, nz = normal[y, x, 0], normal[y, x, 1], normal[y, x, 2]
            # Duff et al. 2017, "Building an Orthonormal Basis, Revisited".
            sign = one if nz >= 0 else -one
            a = -one / (sign + nz)
            b = nx * ny * a
            tx, ty, tz = one + sign * nx * nx * a, sign * b, -sign * nx
            bx, by, bz = b, sign + ny * ny * a, -ny
            angle = np.float32(((5 * i + 11 * j) % TURNS) * (2.0 * math.pi / TURNS))
            cosine, sine = np.float32(math.cos(angle)), np.float32(math.sin(angle))
            lift = np.float32(LIFT) * d
            px = d * plane_x[min(y, plane_x.shape[0] - 1), x] + lift * nx
            py = d * plane_y[y, min(x, plane_y.shape[1] - 1)] + lift * ny
            pz = d + lift * nz
            for k in range(len(rays)):
                u, v, w = rays[k, 0] * cosine - rays[k, 1] * sine, rays[k, 0] * sine + rays[k, 1] * cosine, rays[k, 2]
                rx, ry, rz = u * tx + v * bx + w * nx, u * ty + v * by + w * ny, u * tz + v * bz + w * nz
                place = met(depth, px, py, pz, rx, ry, rz, lens, STEPS, FIRST_M, GROWTH, THICKNESS_M)
                if place < 0:
                    continue
                row, column = place // width, place % width
                if normal[row, column, 0] * rx + normal[row, column, 1] * ry + normal[row, column, 2] * rz < 0:
                    for channel in range(3):
                        out[j, i, channel] += lit[row, column, channel]
                    out[j, i, 3] += one
            for channel in range(4):
                out[j, i, channel] /= np.float32(len(rays))


@inner
def _alike(depth, normal, y, x, sy, sx):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """How far two pixels are of one surface, in [0, 1]."""
    cosine = np.float32(0.0)
    for k in range(3):
        cosine += normal[y, x, k] * normal[sy, sx, k]
    if depth[sy, sx] <= 0 or cosine < np.float32(LEAST_COSINE):
        return np.float32(0.0)
    off = (depth[sy, sx] - depth[y, x]) / (depth[y, x] * np.float32(SAME_DEPTH))
    cosine *= cosine
    cosine *= cosine
    return cosine * cosine / (np.float32(1.0) + off * off)


@njit(cache=True, nogil=True, error_model="numpy")
def _smoothed(coarse: F32, depth: F32, normal: F32, stride: int, apart: int) -> F32:  # pragma: no cover - compiled
    """Means over 3 x 3 points of one surface, ``apart`` from each other: neighbours' rays go other ways (Dammertz et
    al. 2010, "Edge-Avoiding A-Trous Wavelet Transform")."""
    height, width = depth.shape
    rows, columns = coarse.shape[:2]
    out = np.zeros_like(coarse)
    for j in range(rows):
        for i in range(columns):
            y, x = _pixel(j, stride, height), _pixel(i, stride, width)
            if depth[y, x] <= 0:
                continue
            total = np.float32(0.0)
            for m in range(j - apart, j + apart + 1, apart):
                for n in range(i - apart, i + apart + 1, apart):
                    if m < 0 or n < 0 or m >= rows or n >= columns:
                        continue
                    sy, sx = _pixel(m, stride, height), _pixel(n, stride, width)
                    weight = _alike(depth, normal, y, x, sy, sx)
                    total += weight
                    for k in range(4):
                        out[j, i, k] += weight * coarse[m, n, k]
            for k in range(4):
                out[j, i, k] /= total  # the point itself counts 1
    return out


@njit(cache=True, nogil=True, error_model="numpy")
def _enlarge(coarse: F32, depth: F32, normal: F32, stride: int, out: F32) -> None:  # pragma: no cover - compiled
    """Bilinear between the four points around a pixel that are of its surface (Kopf et al. 2007, "Joint Bilateral
    Upsampling"); 0 where none is."""
    height, width = depth.shape
    rows, columns = coarse.shape[:2]
    one = np.float32(1.0)
    for y in range(height):
        v = (y - stride // 2) / stride
        j = min(max(math.floor(v), 0), rows - 1)
        down = np.float32(min(max(v - j, 0.0), 1.0))
        for x in range(width):
            if depth[y, x] <= 0:
                continue
            u = (x - stride // 2) / stride
            i = min(max(math.floor(u), 0), columns - 1)
            right = np.float32(min(max(u - i, 0.0), 1.0))
            total = np.float32(0.0)
            for m in range(j, min(j + 2, rows)):
                for n in range(i, min(i + 2, columns)):
                    sy, sx = _pixel(m, stride, height), _pixel(n, stride, width)
                    weight = _alike(depth, normal, y, x, sy, sx)
                    weight *= (down if m > j else one - down) * (right if n > i else one - right) + np.float32(1e-3)
                    total += weight
                    for k in range(4):
                        out[y, x, k] += weight * coarse[m, n, k]
            if total > np.float32(1e-5):
                for k in range(4):
                    out[y, x, k] /= total
            else:
                for k in range(4):
                    out[y, x, k] = 0
