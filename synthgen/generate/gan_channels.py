"""G-buffer -> what the generator's network sees, and its corrections -> radiance.

    radiance = shaded * 2 ** gain + exposure * (diffuse albedo * bounce + free)

``shaded`` is the radiance that ``generate.shaded`` computes, before anti-aliasing; gain and bounce may be smooth and
the picture still has every texture and outline of the G-buffer. All light is measured in ``exposure``, the geometric
mean luminance of ``shaded``: a scene that is twice as bright gives an image that is twice as bright.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synthgen.generate.gan_mirror import mirrored
from synthgen.generate.shaded import RADIANCE_LIMIT, multibounce, shade
from synthgen.kernels import njit
from synthgen.types.arrays import F32
from synthgen.types.gbuffer import GBuffers
from synthgen.types.geometry import Camera

GBUFFERS = frozenset(
    ("depth_m", "normal", "albedo", "roughness", "metallic", "direct", "highlight", "irradiance", "occlusion")
) | {"reflection", "edges"}
# What the network sees, in order. Light is log2(1 + 4 x / exposure) / 4; colours are square roots of linear ones;
# depth is log2(z / geometric mean of z) in [-2, 2], and 3 where nothing was hit; up is the normal's part along the
# world's vertical, direct the share of lamps and sun in the diffuse light; mirror and mirrored: ``gan_mirror``.
CHANNELS = (
    *("shaded.red", "shaded.green", "shaded.blue", "diffuse.red", "diffuse.green", "diffuse.blue"),
    *("albedo.red", "albedo.green", "albedo.blue", "normal.x", "normal.y", "normal.z"),
    *("roughness", "metallic", "occlusion", "depth", "up", "direct"),
    *("mirror.red", "mirror.green", "mirror.blue", "mirrored"),
)
MIRROR = CHANNELS.index("mirror.red")
DARKEST = 1e-4  # radiance; added before logarithms
MOST_STOPS = 2.5  # that the gain brightens or darkens by
NOTHING = 3.0


@dataclass(frozen=True, eq=False)
class Condition:
    """One view as the network sees it.

    Attributes:
        channels: (22, H, W) float32, see ``CHANNELS``.
        shaded: (H, W, 3) float32 radiance at pixel centres, not anti-aliased.
        exposure: geometric mean luminance of ``shaded``.
    """

    channels: F32
    shaded: F32
    exposure: float


def condition(gbuffers: GBuffers, index: int, camera: Camera) -> Condition:
    """View ``index`` of a G-buffer, seen by ``camera``."""
    height, width = gbuffers.instance.shape[1:3]
    shaded = np.empty((height, width, 3), np.float32)
    shade(gbuffers, index, camera.intrinsics, shaded)
    luminance = shaded @ np.array([0.2126, 0.7152, 0.0722], np.float32)
    exposure = float(np.exp(np.log(luminance + np.float32(DARKEST)).mean(dtype=np.float64)))
    depth = gbuffers.depth_m[index]
    hit = depth > 0
    middle = float(np.exp(np.log(depth[hit]).mean(dtype=np.float64))) if hit.any() else 1.0
    channels = np.empty((len(CHANNELS), height, width), np.float32)
    _fill(
        channels,
        shaded,
        depth,
        *(
            np.asarray(getattr(gbuffers, name)[index], np.float32)
            for name in ("normal", "albedo", "roughness", "metallic", "direct", "irradiance", "occlusion")
        ),
        np.float32(1.0 / exposure),
        np.float32(1.0 / middle),
        np.ascontiguousarray(camera.world_from_camera[2, :3], np.float32),
    )
    channels[MIRROR:] = mirrored(gbuffers, index, camera, shaded)
    light = channels[MIRROR : MIRROR + 3]
    np.log2(1 + (4 / exposure) * light, out=light)
    light *= 0.25
    return Condition(channels, shaded, exposure)


@njit(cache=True, nogil=True, error_model="numpy")
def _fill(
    out: F32,
    shaded: F32,
    depth: F32,
    normal: F32,
    albedo: F32,
    roughness: F32,
    metallic: F32,
    direct: F32,
    irradiance: F32,
    occlusion: F32,
    unit: np.float32,
    per_depth: np.float32,
    vertical: F32,
) -> None:  # pragma: no cover - compiled
    height, width = depth.shape
    quarter, four, one = np.float32(0.25), np.float32(4.0), np.float32(1.0)
    for y in range(height):
        for x in range(width):
            hit = depth[y, x] > 0
            up, lamps, light = np.float32(0.0), np.float32(0.0), np.float32(1e-6)
            for k in range(3):
                base = albedo[y, x, k]
                out[k, y, x] = quarter * np.log2(one + four * unit * shaded[y, x, k])
                lit = direct[y, x, k] + irradiance[y, x, k] * multibounce(occlusion[y, x], base)
                lamps += direct[y, x, k]
                light += lit
                up += normal[y, x, k] * vertical[k]
                out[3 + k, y, x] = quarter * np.log2(one + four * unit * max(lit, np.float32(0.0)))
                out[6 + k, y, x] = np.sqrt(max(base, np.float32(0.0)))
                out[9 + k, y, x] = normal[y, x, k]
            out[12, y, x] = roughness[y, x]
            out[13, y, x] = metallic[y, x]
            out[14, y, x] = occlusion[y, x]
            if hit:
                stops = np.log2(depth[y, x] * per_depth)
                out[15, y, x] = min(max(stops, np.float32(-2.0)), np.float32(2.0))
            else:
                out[15, y, x] = np.float32(NOTHING)
            out[16, y, x] = up
            out[17, y, x] = min(lamps / light, one)


def compose(corrections: F32, seen: Condition) -> F32:
    """(9, H, W) float32 corrections -> (H, W, 3) float32 radiance at pixel centres, not anti-aliased."""
    out = np.empty_like(seen.shaded)
    _compose(corrections, seen.channels, seen.shaded, np.float32(seen.exposure), out)
    return out


@njit(cache=True, nogil=True, error_model="numpy")
def _compose(
    corrections: F32, channels: F32, shaded: F32, exposure: np.float32, out: F32
) -> None:  # pragma: no cover - compiled
    height, width = shaded.shape[:2]
    one, most, zero = np.float32(1.0), np.float32(MOST_STOPS), np.float32(0.0)
    for y in range(height):
        for x in range(width):
            dull = one - channels[13, y, x]
            for k in range(3):
                raw = corrections[k, y, x]
                stops = most * raw / (most + abs(raw))
                root = channels[6 + k, y, x]
                added = root * root * dull * corrections[3 + k, y, x] + corrections[6 + k, y, x]
                value = shaded[y, x, k] * np.float32(2.0) ** stops + exposure * added
                value = value if value > zero else zero  # nan becomes 0 as well
                out[y, x, k] = min(value, np.float32(RADIANCE_LIMIT))
