"""G-buffer -> what the generator's network sees, and its corrections -> radiance.

    radiance = lit * 2 ** gain + exposure * (diffuse albedo * bounce + free)

``lit`` is the lit G-buffer before anti-aliasing, as ``generate.shaded`` computes it, but for light between surfaces: so
much of that as comes from surfaces in the picture is gathered from them (``gan_bounce``). Gain and bounce may be smooth
and the picture still has every texture and outline of the G-buffer. All light is measured in ``exposure``, the
geometric mean luminance of ``lit``: a scene that is twice as bright gives an image that is twice as bright.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synthgen.generate.gan_bounce import bounced
from synthgen.generate.gan_mirror import mirrored
from synthgen.generate.ggx_albedo import albedo_table, look_up, mirrored_share
from synthgen.generate.halves import floats
from synthgen.generate.shaded import RADIANCE_LIMIT, image_plane, multibounce
from synthgen.kernels import njit
from synthgen.types.arrays import F32
from synthgen.types.gbuffer import GBuffers
from synthgen.types.geometry import Camera

SURFACE = ("normal", "albedo", "roughness", "metallic")
LIGHT = ("direct", "highlight", "irradiance", "occlusion", "reflection")
GBUFFERS = frozenset(("depth_m", "edges", *SURFACE, *LIGHT))
# What the network sees, in order. Light is log2(1 + 4 x / exposure) / 4; colours are square roots of linear ones;
# depth is log2(z / geometric mean of z) in [-2, 2], and 3 where nothing was hit; up is the normal's part along the
# world's vertical, direct the share of lamps and sun in the diffuse light; mirror and mirrored: ``gan_mirror``; facing
# is the cosine between normal and view, shine the share of mirrored light in ``lit``, edge 1 where surfaces are mixed;
# bounce is the light that surfaces in the picture send to this one.
CHANNELS = (
    *("lit.red", "lit.green", "lit.blue", "diffuse.red", "diffuse.green", "diffuse.blue"),
    *("albedo.red", "albedo.green", "albedo.blue", "normal.x", "normal.y", "normal.z"),
    *("roughness", "metallic", "occlusion", "depth", "up", "direct"),
    *("mirror.red", "mirror.green", "mirror.blue", "mirrored", "facing", "shine", "edge"),
    *("bounce.red", "bounce.green", "bounce.blue"),
)
LIT, DIFFUSE, DEPTH, MIRROR, EDGE, BOUNCE = (
    CHANNELS.index(name) for name in ("lit.red", "diffuse.red", "depth", "mirror.red", "edge", "bounce.red")
)
DARKEST = 1e-4  # radiance; added before logarithms
MOST_STOPS = 2.5  # that the gain brightens or darkens by
NOTHING = 3.0
# Fitted to path-traced training scenes: surfaces that the picture does not show pass light on as well, and rays miss
# thin ones; the estimate that is taken back counts on all that hides the sky, these rays on what is near.
BOUNCE_GAIN, TAKEN_BACK = 1.25, 1.4
LEAST_HIDDEN = 0.02  # share of the sky


@dataclass(frozen=True, eq=False)
class Condition:
    """One view as the network sees it.

    Attributes:
        channels: (28, H, W) float32, see ``CHANNELS``.
        lit: (H, W, 3) float32 radiance at pixel centres, not anti-aliased.
        exposure: geometric mean luminance of ``lit``.
    """

    channels: F32
    lit: F32
    exposure: float


def condition(gbuffers: GBuffers, index: int, camera: Camera) -> Condition:
    """View ``index`` of a G-buffer, seen by ``camera``."""
    height, width = gbuffers.instance.shape[1:3]
    depth = gbuffers.depth_m[index]
    surface = {name: floats(getattr(gbuffers, name)[index]) for name in SURFACE}
    light = [floats(getattr(gbuffers, name)[index]) for name in LIGHT]
    lit = np.empty((height, width, 3), np.float32)
    channels = np.empty((len(CHANNELS), height, width), np.float32)
    vertical = np.ascontiguousarray(camera.world_from_camera[2, :3], np.float32)
    diffuse, between = np.zeros((height, width, 3), np.float32), np.zeros((height, width, 3), np.float32)
    _light(
        depth, *image_plane(camera.intrinsics), *surface.values(), *light, vertical, albedo_table(), lit, channels,
        diffuse, between,
    )  # fmt: skip
    _pass_on(bounced(depth, surface["normal"], camera, lit), diffuse, between, lit, channels)
    luminance = lit @ np.array([0.2126, 0.7152, 0.0722], np.float32)
    exposure = float(np.exp(np.log(luminance + np.float32(DARKEST)).mean(dtype=np.float64)))
    normal, _, roughness, metallic = surface.values()
    channels[MIRROR : MIRROR + 4] = mirrored(depth, gbuffers.instance[index], normal, roughness, metallic, camera, lit)
    for first in (LIT, DIFFUSE, MIRROR, BOUNCE):
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
    irradiance: F32,
    occlusion: F32,
    reflection: F32,
    vertical: F32,
    table: F32,
    lit: F32,
    out: F32,
    reflected: F32,
    between: F32,
) -> None:  # pragma: no cover - compiled
    """Lights the G-buffer, and fills the channels that belong to one pixel; those of light hold radiance yet.

    Args:
        reflected: (H, W, 3) output: share of diffuse light that is reflected.
        between: (H, W, 3) output: diffuse light that ``multibounce`` guesses.
    """
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
                open_sky = multibounce(occlusion[y, x], base)
                light = direct[y, x, k] + irradiance[y, x, k] * open_sky
                shine = highlight[y, x, k] + specular * reflection[y, x, k]
                diffuse = base * (one - metal) * (one - specular)
                if hit:
                    reflected[y, x, k] = diffuse
                    between[y, x, k] = irradiance[y, x, k] * (open_sky - occlusion[y, x])
                value = diffuse * light + shine if hit else reflection[y, x, k]
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
            out[12, y, x] = roughness[y, x]
            out[13, y, x] = metal
            out[14, y, x] = occlusion[y, x]
            out[16, y, x] = nx * vertical[0] + ny * vertical[1] + nz * vertical[2]
            out[17, y, x] = min(lamps / diffuse_light, one)
            out[22, y, x] = facing
            out[23, y, x] = min(shining / total, one) if hit else zero


@njit(cache=True, nogil=True, error_model="numpy")
def _pass_on(bounce: F32, reflected: F32, between: F32, lit: F32, out: F32) -> None:  # pragma: no cover - compiled
    """Adds the light that surfaces in the picture pass on, in place of what was guessed of it.

    Args:
        bounce: of ``gan_bounce.bounced``; reflected, between: of ``_light``.
    """
    height, width = lit.shape[:2]
    zero, one, most = np.float32(0.0), np.float32(1.0), np.float32(RADIANCE_LIMIT)
    for y in range(height):
        for x in range(width):
            hidden = max(one - out[14, y, x], np.float32(LEAST_HIDDEN))
            known = min(np.float32(TAKEN_BACK) * bounce[y, x, 3] / hidden, one)
            for k in range(3):
                out[25 + k, y, x] = bounce[y, x, k]
                change = np.float32(BOUNCE_GAIN) * bounce[y, x, k] - known * between[y, x, k]
                value = min(max(lit[y, x, k] + reflected[y, x, k] * change, zero), most)
                lit[y, x, k] = out[k, y, x] = value
                out[3 + k, y, x] = max(out[3 + k, y, x] + change, zero)


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
