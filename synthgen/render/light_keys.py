"""Compiled kernels: distant disc lights (sun, window, lamp) that were taken out of the environment."""

from __future__ import annotations

import math

import numpy as np

from synthgen.kernels import inner, njit
from synthgen.render.light_cells import STEPS, UNSET, fill, halved, lit_alike, no_cells, open_cells, open_pixels
from synthgen.render.light_fresnel import dielectric, fresnel, schlick
from synthgen.render.light_panels import lobe_share
from synthgen.types.arrays import F32, F64, U8, U16


@inner
def _disc_at(
    y: int,
    x: int,
    normal: F32,
    ray: F32,
    roughness: F32,
    direction: F64,
    radius: float,
    strength: float,
    gloss: float,
    corners: F64,
    table: F32,
    local: F64,
    clipped: F64,
    out: F32,
) -> None:  # pragma: no cover - compiled
    """Fills out[y, x]; see ``_disc``."""
    lx, ly, lz = direction[0], direction[1], direction[2]
    sin_r = math.sin(radius)
    nx, ny, nz = normal[y, x, 0], normal[y, x, 1], normal[y, x, 2]
    out[y, x, 0], out[y, x, 1], out[y, x, 2] = 0.0, 0.0, 0.0
    n_l = nx * lx + ny * ly + nz * lz
    if n_l <= -sin_r:
        return
    # Irradiance of a disc that the horizon cuts: smooth from -radius to +radius.
    out[y, x, 0] = n_l if n_l >= sin_r else (n_l + sin_r) ** 2 / (4.0 * sin_r)
    if roughness[y, x] <= gloss:
        return
    share, out[y, x, 2] = lobe_share(
        corners, 0.0, 0.0, 0.0, nx, ny, nz, ray[y, x, 0], ray[y, x, 1], ray[y, x, 2], roughness[y, x], table, local,
        clipped,
    )  # fmt: skip
    out[y, x, 1] = share * strength / (math.pi * sin_r * sin_r)


@njit(cache=True, nogil=True)
def _square(direction: F64, radius: float) -> F64:  # pragma: no cover - compiled
    """(4, 3) corners, one away from the eye, of a square as large as the disc: on rough surfaces they shine alike."""
    x, y, z = direction[0], direction[1], direction[2]
    ux, uy, uz = (-y, x, 0.0) if abs(z) < 0.9 else (0.0, -z, y)
    scale = 0.5 * math.sqrt(math.pi) * math.tan(radius) / math.sqrt(ux * ux + uy * uy + uz * uz)
    ux, uy, uz = ux * scale, uy * scale, uz * scale
    vx, vy, vz = y * uz - z * uy, z * ux - x * uz, x * uy - y * ux
    corners = np.empty((4, 3))
    for i in range(4):
        a, b = (-1.0 if i in (0, 3) else 1.0), (-1.0 if i < 2 else 1.0)
        corners[i, 0], corners[i, 1], corners[i, 2] = x + a * ux + b * vx, y + a * uy + b * vy, z + a * uz + b * vz
    return corners


@njit(cache=True, nogil=True, error_model="numpy")
def _disc(
    thing: U16,
    position: F32,
    normal: F32,
    ray: F32,
    roughness: F32,
    shadow: F32,
    agree: U8,
    direction: F64,
    radius: float,
    strength: float,
    gloss: float,
    table: F32,
) -> F32:  # pragma: no cover - compiled
    """(H, W, 3) cosine of the light, radiance of its highlight on a white mirror of the surface's roughness (for an
    irradiance of ``strength``), and v.h; unset where no light arrives. Interpolated like panels.

    Args:
        gloss: roughness up to which there is no highlight.
    """
    height, width = thing.shape
    out = np.full((height, width, 3), UNSET, np.float32)
    filled, todo = no_cells(height, width)
    corners, local, clipped = _square(direction, radius), np.empty((4, 3)), np.empty((8, 3))
    for step in STEPS:
        for n in range(open_cells(agree, filled, step, todo)):
            y0, x0 = divmod(todo[n], width)
            for corner in range(4):
                y, x = y0 + (step if corner & 1 else 0), x0 + (step if corner & 2 else 0)
                if out[y, x, 0] == UNSET:
                    _disc_at(
                        y, x, normal, ray, roughness, direction, radius, strength, gloss, corners, table, local,
                        clipped, out,
                    )  # fmt: skip
            if lit_alike(out, normal, roughness, y0, x0, step):
                fill(out, filled, y0, x0, step)
    for odd in range(2):
        for n in range(open_pixels(filled, height, width, odd, todo)):
            y, x = divmod(todo[n], width)
            if out[y, x, 0] != UNSET or shadow[y, x, 0] <= 0.0:
                continue
            if odd == 0 or not halved(out, thing, position, normal, roughness, y, x):
                _disc_at(
                        y, x, normal, ray, roughness, direction, radius, strength, gloss, corners, table, local,
                        clipped, out,
                    )  # fmt: skip
    return out


@njit(cache=True, nogil=True, error_model="numpy")
def add_key(
    thing: U16,
    position: F32,
    normal: F32,
    ray: F32,
    albedo: F32,
    roughness: F32,
    metallic: F32,
    shadow: F32,
    agree: U8,
    direction: F64,
    irradiance: F64,
    radius: float,
    gloss_from: float,
    gloss_to: float,
    table: F32,
    direct: F32,
    highlight: F32,
) -> None:  # pragma: no cover - compiled
    """Adds a distant disc light (sun, window) to ``direct`` and ``highlight`` of one view.

    Args:
        shadow: from ``shadow_field``; agree: from ``light_cells.agreeing``.
        direction: (3,) unit, towards the light; irradiance: (3,) on a facing surface; radius: angular, rad.
        gloss_from, gloss_to: below the first roughness the reflection shows this light, above the second the
            highlight does, between them both in part.
        table: ``light_lobes.lobe_table()``.
    """
    height, width = thing.shape
    strength = max(irradiance.max(), 1e-9)
    disc = _disc(thing, position, normal, ray, roughness, shadow, agree, direction, radius, strength, gloss_from, table)
    diffuse, glossy = (irradiance / math.pi).astype(np.float32), (irradiance / strength).astype(np.float32)
    for y in range(height):
        for x in range(width):
            lit = shadow[y, x, 0]
            cosine = disc[y, x, 0] * lit
            if cosine <= 0.0:
                continue
            for k in range(3):
                direct[y, x, k] += diffuse[k] * cosine
            share = (roughness[y, x] - gloss_from) / (gloss_to - gloss_from)
            seen = disc[y, x, 1] * lit * min(1.0, share)
            if share <= 0.0 or seen <= 0.0:
                continue
            dull, metal = dielectric(disc[y, x, 2]), schlick(disc[y, x, 2])
            for k in range(3):
                highlight[y, x, k] += fresnel(albedo[y, x, k], metallic[y, x], dull, metal) * seen * glossy[k]
