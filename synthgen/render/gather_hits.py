"""Compiled kernels: what surfaces send to all sides, and what rays that meet them bring back."""

from __future__ import annotations

import math

import numpy as np

from synthgen.kernels import inner, njit
from synthgen.render.environment_filter import lookup_reflection, map_coordinates
from synthgen.shading import look_up, mirrored_share, multibounce
from synthgen.types.arrays import F32, F64, I32, I64, U16, Bool

SAME_DEPTH_M, SAME_DEPTH = 0.003, 0.008  # how far behind or before what the picture shows a hit may be: m, of its depth
SAME_WAY = 0.2  # cosine between the normals of a hit and of the pixel that shows it
KEYS_OUT = 0.25  # roughness from which filtered maps leave out the key lights
NARROWER = 0.5  # a ray's map is filtered for this share of its surface's roughness
COLUMNS = 7  # what rays bring: from surfaces RGB, from the surroundings RGB, share that met a surface


@njit(cache=True, nogil=True, error_model="numpy")
def send(
    thing: U16,
    normal: F32,
    ray: F32,
    albedo: F32,
    roughness: F32,
    metallic: F32,
    direct: F32,
    irradiance: F32,
    occlusion: F32,
    table: F32,
    out: F32,
    total: F64,
) -> None:  # pragma: no cover - compiled
    """Radiance of every pixel's surface, the mean over all sides: what a gleam sends to the eye it does not send
    elsewhere.

    Args:
        thing .. metallic: see ``Surfaces``; direct, irradiance, occlusion: see ``GBuffers``.
        table: ``shading.albedo_table()``.
        out: (H, W, 3) output; total: (4,) output, sums of the light that arrives, RGB, and how many pixels.
    """
    height, width = thing.shape
    zero, one = np.float32(0.0), np.float32(1.0)
    for y in range(height):
        for x in range(width):
            if thing[y, x] == 0:
                continue
            facing = zero
            for k in range(3):
                facing -= normal[y, x, k] * ray[y, x, k]
            scale, bias, dielectric, white = look_up(table, roughness[y, x], min(one, max(zero, facing)))
            metal = metallic[y, x]
            for k in range(3):
                base = albedo[y, x, k]
                specular = mirrored_share(base, metal, scale, bias, dielectric, white)
                arriving = direct[y, x, k] + irradiance[y, x, k] * multibounce(occlusion[y, x], base)
                share = base * (one - metal) * (one - specular) + specular
                out[y, x, k] = max(zero, share * arriving)
                total[k] += arriving
            total[3] += 1.0


@inner
def _glow_at(x: float, y: float, glow: F32, area: F64) -> tuple[int, int]:  # pragma: no cover - compiled
    """Nearest cell of the support's radiance."""
    side = glow.shape[0]
    return int(min(max((y - area[1]) * area[2], 0.0), side - 1.0)), int(
        min(max((x - area[0]) * area[2], 0.0), side - 1.0)
    )


@njit(cache=True, nogil=True, error_model="numpy")
def collect(
    pixels: I64,
    count: int,
    origins: F32,
    directions: F32,
    weights: F32,
    face: I32,
    distance: F32,
    face_normal: F32,
    thing_of: U16,
    support: Bool,
    color: F32,
    sent: F32,
    depth: F32,
    thing: U16,
    normal: F32,
    camera_from_world: F32,
    lens: F32,
    guess: F32,
    glow: F32,
    area: F64,
    surroundings: bool,
    roughness: F32,
    turn_cos: float,
    turn_sin: float,
    intensity: float,
    sharp: F32,
    sharp_height: int,
    texels: F32,
    offsets: I32,
    heights: I32,
    out: F32,
) -> None:  # pragma: no cover - compiled
    """Weighted means of what each pixel's ``count`` rays bring.

    Args:
        pixels: (N,) flat indices; origins, directions, weights: (N count, ...) rays, see ``gather_rays``.
        face, distance, face_normal: what they meet, see ``SceneRays.first_hits``; thing_of, support, color: its.
        sent, depth, thing, normal: (H, W, ...) of the view: radiance, camera z, thing numbers, world normals.
        camera_from_world: (4, 4); lens: (4,) fx, fy, cx, cy.
        guess: (3,) light on what nobody sees; glow, area: see ``SceneLight``.
        surroundings: whether rays that meet nothing bring the environment.
        roughness: (H W,) of the pixels; the rest: see ``environment_light``.
        out: (N, 7) output, zeros before, see ``COLUMNS``.
    """
    height, width = thing.shape
    m = camera_from_world
    found = np.empty(7)
    for p in range(len(pixels)):
        own = roughness[pixels[p]]
        blur = own if own < KEYS_OUT else max(KEYS_OUT, NARROWER * own)
        total = 0.0
        for n in range(p * count, (p + 1) * count):
            weight = weights[n]
            if weight <= 0.0:
                continue
            total += weight
            dx, dy, dz = directions[n, 0], directions[n, 1], directions[n, 2]
            if face[n] < 0:
                if surroundings:
                    turn, fall = map_coordinates(turn_cos * dx + turn_sin * dy, turn_cos * dy - turn_sin * dx, dz)
                    lookup_reflection(sharp, sharp_height, texels, offsets, heights, turn, fall, blur, found)
                    for k in range(3):
                        out[p, 3 + k] += weight * intensity * (found[k] + found[3 + k])
                continue
            out[p, 6] += weight
            hx, hy, hz = (
                origins[n, 0] + distance[n] * dx,
                origins[n, 1] + distance[n] * dy,
                origins[n, 2] + distance[n] * dz,
            )
            number = thing_of[face[n]]
            z = m[2, 0] * hx + m[2, 1] * hy + m[2, 2] * hz + m[2, 3]
            shown = False
            if z > 0.01:
                u = lens[0] * (m[0, 0] * hx + m[0, 1] * hy + m[0, 2] * hz + m[0, 3]) / z + lens[2]
                v = lens[1] * (m[1, 0] * hx + m[1, 1] * hy + m[1, 2] * hz + m[1, 3]) / z + lens[3]
                if u >= 0.0 and v >= 0.0 and u < width and v < height:
                    row, column = int(v), int(u)
                    if thing[row, column] == number and abs(depth[row, column] - z) < SAME_DEPTH_M + SAME_DEPTH * z:
                        fx, fy, fz = face_normal[n, 0], face_normal[n, 1], face_normal[n, 2]
                        away = fx * dx + fy * dy + fz * dz
                        same = fx * normal[row, column, 0] + fy * normal[row, column, 1] + fz * normal[row, column, 2]
                        length = math.sqrt(fx * fx + fy * fy + fz * fz)
                        shown = (same if away < 0.0 else -same) > SAME_WAY * length
                        if shown:
                            for k in range(3):
                                out[p, k] += weight * sent[row, column, k]
            if shown:
                continue
            if support[number]:
                row, column = _glow_at(hx, hy, glow, area)
                for k in range(3):
                    out[p, k] += weight * glow[row, column, k]
            else:
                for k in range(3):
                    out[p, k] += weight * color[number, k] * guess[k]
        if total > 0.0:
            for k in range(COLUMNS):
                out[p, k] /= total
