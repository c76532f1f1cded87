"""Compiled kernel: distant disc lights (sun, window, lamp) that were taken out of the environment."""

from __future__ import annotations

import math

from synthgen.kernels import njit
from synthgen.render.light_highlight import fresnel, highlight_lobe
from synthgen.types.arrays import F32, F64, U16


@njit(cache=True, nogil=True)
def add_key(
    thing: U16,
    normal: F32,
    ray: F32,
    albedo: F32,
    roughness: F32,
    metallic: F32,
    shadow: F32,
    direction: F64,
    irradiance: F64,
    radius: float,
    gloss_from: float,
    gloss_to: float,
    direct: F32,
    highlight: F32,
) -> None:  # pragma: no cover - compiled
    """Adds a distant disc light (sun, window) to ``direct`` and ``highlight`` of one view.

    Args:
        shadow: from ``shadow_field``.
        direction: (3,) unit, towards the light; irradiance: (3,) on a facing surface; radius: angular, rad.
        gloss_from, gloss_to: below the first roughness the reflection shows this light, above the second the
            highlight does, between them both in part.
    """
    height, width = thing.shape
    lx, ly, lz = direction[0], direction[1], direction[2]
    cos_r, sin_r = math.cos(radius), math.sin(radius)
    radiance = irradiance / (math.pi * sin_r * sin_r)
    for y in range(height):
        for x in range(width):
            lit = shadow[y, x, 0]
            if lit <= 0.0:
                continue
            nx, ny, nz = normal[y, x, 0], normal[y, x, 1], normal[y, x, 2]
            n_l = nx * lx + ny * ly + nz * lz
            if n_l <= -sin_r:
                continue
            # Irradiance of a disc that the horizon cuts: smooth from -radius to +radius.
            cosine = n_l if n_l >= sin_r else (n_l + sin_r) ** 2 / (4.0 * sin_r)
            for k in range(3):
                direct[y, x, k] += irradiance[k] * (cosine * lit / math.pi)
            share = min(1.0, max(0.0, (roughness[y, x] - gloss_from) / (gloss_to - gloss_from)))
            if share <= 0.0:
                continue
            # Representative point: that point of the disc which is nearest to the mirror ray.
            rx, ry, rz = ray[y, x, 0], ray[y, x, 1], ray[y, x, 2]
            v_n = 2.0 * (nx * rx + ny * ry + nz * rz)
            mx, my, mz = rx - v_n * nx, ry - v_n * ny, rz - v_n * nz
            along = mx * lx + my * ly + mz * lz
            if along < cos_r:
                tx, ty, tz = mx - along * lx, my - along * ly, mz - along * lz
                side = sin_r / max(1e-6, math.sqrt(tx * tx + ty * ty + tz * tz))
                mx, my, mz = lx * cos_r + tx * side, ly * cos_r + ty * side, lz * cos_r + tz * side
            lobe, schlick = highlight_lobe(mx, my, mz, nx, ny, nz, rx, ry, rz, roughness[y, x], radius / 3.0)
            for k in range(3):
                # Never brighter than the light itself in a perfect mirror.
                seen = min(lobe * irradiance[k], radiance[k]) * lit * share
                highlight[y, x, k] += fresnel(albedo[y, x, k], metallic[y, x], schlick) * seen
