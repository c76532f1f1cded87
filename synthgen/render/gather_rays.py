"""Compiled kernels: the directions that light is gathered from, so that the mean over them is what a surface receives.

Directions of neighbouring pixels are turned against each other, so that what is blended has looked into many.
"""

from __future__ import annotations

import math

from synthgen.ggx import mirrored_by
from synthgen.kernels import inner, njit
from synthgen.render.light_fresnel import dielectric
from synthgen.types.arrays import F32, I64

# A sunflower (Vogel 1979): the next point lies a golden angle further round the disc.
TURN_COS, TURN_SIN = math.cos(2.0 * math.pi * 0.6180339887498949), math.sin(2.0 * math.pi * 0.6180339887498949)


@inner
def _turned(pixel: int, width: int) -> tuple[float, float]:  # pragma: no cover - compiled
    """Two numbers in [0, 1) of a pixel: interleaved gradient noise (Jimenez 2014), evenly spread over neighbours."""
    x, y = pixel % width, pixel // width
    a = 52.9829189 * ((0.06711056 * x + 0.00583715 * y) % 1.0)
    b = 52.9829189 * ((0.06711056 * y + 0.00583715 * (x + 37)) % 1.0)
    return a % 1.0, b % 1.0


@inner
def _on_disc(along: float, across: float, share: float) -> tuple[float, float]:  # pragma: no cover - compiled
    """The point of the unit disc in a direction, inside of which lies this share of it."""
    radius = math.sqrt(share)
    return radius * along, radius * across


@inner
def _turned_on(along: float, across: float) -> tuple[float, float]:  # pragma: no cover - compiled
    return along * TURN_COS - across * TURN_SIN, along * TURN_SIN + across * TURN_COS


@inner
def _beside(x: float, y: float, z: float) -> tuple[float, float, float]:  # pragma: no cover - compiled
    """A unit tangent (Duff et al. 2017, "Building an Orthonormal Basis, Revisited")."""
    sign = 1.0 if z >= 0.0 else -1.0
    a = -1.0 / (sign + z)
    return 1.0 + sign * x * x * a, sign * x * y * a, -sign * x


@inner
def _put(n, pixel, a, b, c, t, s, position, normal, lift, origins, directions):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Writes ray ``n`` of a pixel: the direction (a, b, c) between tangent t, tangent s and normal."""
    for axis in range(3):
        directions[n, axis] = a * t[axis] + b * s[axis] + c * normal[pixel, axis]
        origins[n, axis] = position[pixel, axis] + lift[pixel, axis]


@njit(cache=True, nogil=True, error_model="numpy")
def cosine_rays(
    pixels: I64, width: int, position: F32, normal: F32, lift: F32, count: int, origins: F32, directions: F32
) -> None:  # pragma: no cover - compiled
    """``count`` rays per pixel, denser towards its normal: their mean is irradiance / pi.

    Args:
        pixels: (N,) flat indices; position, normal, lift: (H W, 3) points, unit normals, offsets off the surface.
        origins, directions: (N count, 3) output, a pixel's rays one after the other.
    """
    n = 0
    for pixel in pixels:
        nx, ny, nz = normal[pixel, 0], normal[pixel, 1], normal[pixel, 2]
        tx, ty, tz = _beside(nx, ny, nz)
        bx, by, bz = ny * tz - nz * ty, nz * tx - nx * tz, nx * ty - ny * tx
        u, v = _turned(pixel, width)
        along, across = math.cos(2.0 * math.pi * v), math.sin(2.0 * math.pi * v)
        for k in range(count):
            a, b = _on_disc(along, across, (k + u) / count)
            along, across = _turned_on(along, across)
            c = math.sqrt(max(0.0, 1.0 - (k + u) / count))
            _put(n, pixel, a, b, c, (tx, ty, tz), (bx, by, bz), position, normal, lift, origins, directions)
            n += 1


@njit(cache=True, nogil=True, error_model="numpy")
def lobe_rays(
    pixels: I64,
    width: int,
    position: F32,
    normal: F32,
    lift: F32,
    ray: F32,
    roughness: F32,
    metallic: F32,
    count: int,
    origins: F32,
    directions: F32,
    weights: F32,
) -> None:  # pragma: no cover - compiled
    """``count`` rays per pixel into its GGX lobe, by facets that the eye sees (Heitz 2018, see ``synthgen.ggx``).

    Args:
        pixels .. directions: as in ``cosine_rays``; ray: (H W, 3) unit, from the eye; roughness, metallic: (H W,).
        weights: (N count,) output: how much of the light along the ray goes to the eye, 0 = from beneath the surface.
    """
    n = 0
    for pixel in pixels:
        nx, ny, nz = normal[pixel, 0], normal[pixel, 1], normal[pixel, 2]
        vx, vy, vz = -ray[pixel, 0], -ray[pixel, 1], -ray[pixel, 2]
        n_v = min(1.0, max(1e-3, nx * vx + ny * vy + nz * vz))
        tx, ty, tz = vx - n_v * nx, vy - n_v * ny, vz - n_v * nz
        length = math.sqrt(tx * tx + ty * ty + tz * tz)
        if length > 1e-4:
            tx, ty, tz = tx / length, ty / length, tz / length
        else:
            tx, ty, tz = _beside(nx, ny, nz)
        bx, by, bz = ny * tz - nz * ty, nz * tx - nx * tz, nx * ty - ny * tx
        alpha, metal = max(roughness[pixel] * roughness[pixel], 1e-4), metallic[pixel]
        u, v = _turned(pixel, width)
        along, across = math.cos(2.0 * math.pi * v), math.sin(2.0 * math.pi * v)
        for k in range(count):
            a, b = _on_disc(along, across, (k + u) / count)
            along, across = _turned_on(along, across)
            lx, ly, lz, v_h, seen = mirrored_by(alpha, n_v, a, b)
            weights[n] = seen * (metal + (1.0 - metal) * dielectric(v_h))
            _put(n, pixel, lx, ly, lz, (tx, ty, tz), (bx, by, bz), position, normal, lift, origins, directions)
            n += 1
