"""G-buffer -> what the generator's network sees, and its corrections -> radiance.

    radiance = lit * 2 ** gain + exposure * (diffuse albedo * bounce + free)

``lit`` is the lit G-buffer before anti-aliasing, with the light that surfaces pass on to each other as rays gathered
it (``GBuffers.bounce`` and ``gloss``). Gain and bounce may be smooth and the picture still has every texture and
outline of the G-buffer. All light is measured in ``exposure``, the geometric mean luminance of ``lit``: a scene that is
twice as bright gives an image that is twice as bright.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synthgen.errors import InternalError
from synthgen.generate.halves import floats
from synthgen.generate.shaded import RADIANCE_LIMIT, image_plane
from synthgen.kernels import njit
from synthgen.shading import albedo_table, look_up, mirrored_share
from synthgen.types.arrays import F32
from synthgen.types.gbuffer import GBuffers
from synthgen.types.geometry import Camera

SURFACE = ("normal", "albedo", "roughness", "metallic")
LIGHT = ("direct", "highlight", "skylight", "bounce", "gloss", "occlusion")
GBUFFERS = frozenset(("depth_m", "edges", *SURFACE, *LIGHT))
# What the network sees, in order. Light is log2(1 + 4 x / exposure) / 4; colours are square roots of linear ones;
# depth is log2(z / geometric mean of z) in [-2, 2], and 3 where nothing was hit; up is the normal's part along the
# world's vertical, direct the share of lamps and sun in the diffuse light; gloss is what the surface mirrors, facing
# the cosine between normal and view, shine the share of mirrored light in ``lit``, edge 1 where surfaces are mixed;
# bounce is the light that surfaces send to this one.
CHANNELS = (
    *("lit.red", "lit.green", "lit.blue", "diffuse.red", "diffuse.green", "diffuse.blue"),
    *("albedo.red", "albedo.green", "albedo.blue", "normal.x", "normal.y", "normal.z"),
    *("roughness", "metallic", "occlusion", "depth", "up", "direct"),
    *("gloss.red", "gloss.green", "gloss.blue", "facing", "shine", "edge"),
    *("bounce.red", "bounce.green", "bounce.blue"),
)
LIT, DIFFUSE, DEPTH, GLOSS, EDGE, BOUNCE = (
    CHANNELS.index(name) for name in ("lit.red", "diffuse.red", "depth", "gloss.red", "edge", "bounce.red")
)
DARKEST = 1e-4  # radiance; added before logarithms
MOST_STOPS = 2.5  # that the gain brightens or darkens by
NOTHING = 3.0


@dataclass(frozen=True, eq=False)
class Condition:
    """One view as the network sees it.

    Attributes:
        channels: (27, H, W) float32, see ``CHANNELS``.
        lit: (H, W, 3) float32 radiance at pixel centres, not anti-aliased.
        exposure: geometric mean luminance of ``lit``.
    """

    channels: F32
    lit: F32
    exposure: float


def condition(gbuffers: GBuffers, index: int, camera: Camera) -> Condition:
    """View ``index`` of a G-buffer, seen by ``camera``.

    Raises:
        InternalError: light between surfaces was not gathered.
    """
    if gbuffers.skylight is None or gbuffers.bounce is None or gbuffers.gloss is None:
        raise InternalError(
            "gan was given a G-buffer without light between surfaces; it has to be rendered with gathered=True; report "
            "this as a bug"
        )
    height, width = gbuffers.instance.shape[1:3]
    depth = gbuffers.depth_m[index]
    surface = [floats(getattr(gbuffers, name)[index]) for name in SURFACE]
    light = [floats(getattr(gbuffers, name)[index]) for name in LIGHT]
    lit = np.empty((height, width, 3), np.float32)
    channels = np.empty((len(CHANNELS), height, width), np.float32)
    vertical = np.ascontiguousarray(camera.world_from_camera[2, :3], np.float32)
    _light(depth, *image_plane(camera.intrinsics), *surface, *light, vertical, albedo_table(), lit, channels)
    luminance = lit @ np.array([0.2126, 0.7152, 0.0722], np.float32)
    exposure = float(np.exp(np.log(luminance + np.float32(DARKEST)).mean(dtype=np.float64)))
    for first in (LIT, DIFFUSE, GLOSS, BOUNCE):
        _in_stops(channels[first : first + 3], exposure)
    channels[DEPTH] = _relative(depth)
    channels[EDGE] = 0
    channels[EDGE].reshape(-1)[gbuffers.edges[index].pixels] = 1
    return Condition(channels, lit, exposure)


def _relative(depth: F32) -> F32:
    """log2(z / geometric mean of z) in [-2, 2], and 3 where nothing was hit."""
    hit = depth > 0
    stops = np.log2(depth, out=np.zeros_like(depth), where=hit)
    stops -= stops.sum(dtype=np.float64) / max(int(hit.sum()), 1)
    np.clip(stops, -2, 2, out=stops)
    stops[~hit] = NOTHING
    return stops


@njit(cache=True, nogil=True, error_model="numpy")
def _light(
    depth: F32,
    ray_u: F32,
    ray_v: F32,
    normal: F32,
    albedo: F32,
    roughness: F32,
    metallic: F32,
    direct: F32,
    highlight: F32,
    skylight: F32,
    bounce: F32,
    gloss: F32,
    occlusion: F32,
    vertical: F32,
    table: F32,
    lit: F32,
    out: F32,
) -> None:  # pragma: no cover - compiled
    """Lights the G-buffer, and fills the channels that belong to one pixel; those of light hold radiance yet."""
    height, width = depth.shape
    one, zero = np.float32(1.0), np.float32(0.0)
    for y in range(height):
        for x in range(width):
            u, v = ray_u[min(y, ray_u.shape[0] - 1), x], ray_v[y, min(x, ray_v.shape[1] - 1)]
            nx, ny, nz = normal[y, x, 0], normal[y, x, 1], normal[y, x, 2]
            facing = min(one, max(zero, -(nx * u + ny * v + nz) / np.sqrt(u * u + v * v + one)))
            scale, bias, dielectric, white = look_up(table, roughness[y, x], facing)
            metal, hit = metallic[y, x], depth[y, x] > zero
            lamps, diffuse_light, shining, total = zero, np.float32(1e-6), zero, np.float32(1e-6)
            for k in range(3):
                base = albedo[y, x, k]
                specular = mirrored_share(base, metal, scale, bias, dielectric, white)
                light = direct[y, x, k] + skylight[y, x, k] + bounce[y, x, k]
                shine = highlight[y, x, k] + specular * gloss[y, x, k]
                value = base * (one - metal) * (one - specular) * light + shine if hit else gloss[y, x, k]
                value = value if value > zero else zero  # nan becomes 0 as well
                value = min(value, np.float32(RADIANCE_LIMIT))
                lit[y, x, k] = out[k, y, x] = value
                lamps += direct[y, x, k]
                diffuse_light += light
                shining += shine
                total += value
                out[3 + k, y, x] = max(light, zero)
                out[6 + k, y, x] = np.sqrt(max(base, zero))
                out[9 + k, y, x] = normal[y, x, k]
                out[18 + k, y, x] = max(gloss[y, x, k], zero) if hit else zero
                out[24 + k, y, x] = max(bounce[y, x, k], zero)
            out[12, y, x] = roughness[y, x]
            out[13, y, x] = metal
            out[14, y, x] = occlusion[y, x]
            out[16, y, x] = nx * vertical[0] + ny * vertical[1] + nz * vertical[2]
            out[17, y, x] = min(lamps / diffuse_light, one)
            out[21, y, x] = facing
            out[22, y, x] = min(shining / total, one) if hit else zero


def _in_stops(light: F32, exposure: float) -> None:
    """Radiance -> log2(1 + 4 x / exposure) / 4, in place."""
    light *= np.float32(4.0 / exposure)
    light += 1
    np.log2(light, out=light)
    light *= np.float32(0.25)


def compose(corrections: F32, seen: Condition) -> F32:
    """(9, H, W) float32 corrections -> (H, W, 3) float32 radiance at pixel centres, not anti-aliased."""
    out = np.empty_like(seen.lit)
    _compose(corrections, seen.channels, seen.lit, np.float32(seen.exposure), out)
    return out


@njit(cache=True, nogil=True, error_model="numpy")
def _compose(
    corrections: F32, channels: F32, lit: F32, exposure: np.float32, out: F32
) -> None:  # pragma: no cover - compiled
    height, width = lit.shape[:2]
    one, most, zero = np.float32(1.0), np.float32(MOST_STOPS), np.float32(0.0)
    for y in range(height):
        for x in range(width):
            dull = one - channels[13, y, x]
            for k in range(3):
                raw = corrections[k, y, x]
                stops = most * raw / (most + abs(raw))
                root = channels[6 + k, y, x]
                added = root * root * dull * corrections[3 + k, y, x] + corrections[6 + k, y, x]
                value = lit[y, x, k] * np.float32(2.0) ** stops + exposure * added
                value = value if value > zero else zero  # nan becomes 0 as well
                out[y, x, k] = min(value, np.float32(RADIANCE_LIMIT))
