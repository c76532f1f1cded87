"""Physically based shading of the G-buffer: no network, no randomness; the baseline every network has to beat."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from synthgen import antialias
from synthgen.config.models import ShadedConfig
from synthgen.errors import InternalError
from synthgen.kernels import njit
from synthgen.projection import pixel_rays
from synthgen.types.arrays import F16, F32, freeze
from synthgen.types.gbuffer import GBuffers, Views
from synthgen.types.geometry import Intrinsics
from synthgen.types.images import Images

SHADING_VERSION = 1
DIELECTRIC_F0 = 0.04
RADIANCE_LIMIT = 6.0e4  # below the largest float16: a pixel that looks into the sun stays finite


class Shaded:
    """Linear radiance of the lit G-buffer, edges anti-aliased.

    radiance = diffuse albedo * (direct + irradiance * occlusion) + highlight + reflection * directional albedo,
    with Karis' analytic fit of the split-sum integral and energy compensation for rough metals, so that a white
    surface in a white room stays white at every roughness.
    """

    channels = frozenset(
        ("depth_m", "normal", "albedo", "roughness", "metallic", "direct", "highlight", "irradiance", "occlusion")
    ) | {"reflection", "edges"}
    uses_seeds = False

    def __init__(self, config: ShadedConfig) -> None:
        self.fingerprint = f"{config.kind}-{SHADING_VERSION}"

    def __call__(self, views: Views, seeds: Sequence[int]) -> Images:
        """(B views, B seeds) -> linear float32 images; see ``Generator``. The seeds do not matter here."""
        if len(seeds) != len(views):
            raise InternalError(
                f"shaded was given {len(seeds)} seeds for {len(views)} views; exactly one per view is allowed; "
                "report this as a bug"
            )
        gbuffers = views.gbuffers
        height, width = gbuffers.instance.shape[1:3]
        pixels = np.empty((len(views), height, width, 3), np.float32)
        for i in range(len(views)):
            rays = unit_rays(views.scene.cameras[views.first + i].intrinsics)
            pixels[i] = antialias.resolve(shade(gbuffers, i, rays), gbuffers.edges[i])
        return Images("linear", pixels)


@lru_cache(maxsize=8)
def unit_rays(intrinsics: Intrinsics) -> F32:
    """(H, W, 3) unit directions through the pixel centres, camera axes."""
    u, v = pixel_rays(intrinsics)
    rays = np.stack([u, v, np.ones_like(u)], axis=-1)
    rays /= np.linalg.norm(rays, axis=-1, keepdims=True)
    return freeze(rays.astype(np.float32))


def shade(gbuffers: GBuffers, index: int, rays: F32) -> F32:
    """One view of the G-buffer -> (H, W, 3) float32 linear radiance at pixel centres, not anti-aliased.

    Args:
        gbuffers: B views.
        index: which of them.
        rays: (H, W, 3) unit directions through the pixel centres, camera axes.
    """

    def channel(array: F16) -> F32:
        return array[index].astype(np.float32)

    return _shade(
        gbuffers.depth_m[index],
        rays,
        channel(gbuffers.normal),
        channel(gbuffers.albedo),
        channel(gbuffers.roughness),
        channel(gbuffers.metallic),
        channel(gbuffers.direct),
        channel(gbuffers.highlight),
        channel(gbuffers.irradiance),
        channel(gbuffers.occlusion),
        channel(gbuffers.reflection),
    )


@njit(cache=True, nogil=True)
def split_sum(roughness: float, n_dot_v: float) -> tuple[float, float]:  # pragma: no cover - compiled
    """Scale and bias on F0 of the GGX directional albedo: Karis 2014, "Physically Based Shading on Mobile"."""
    rx = 1.0 - roughness
    ry = 0.0425 - 0.0275 * roughness
    rz = 1.04 - 0.572 * roughness
    rw = 0.022 * roughness - 0.04
    a = min(rx * rx, 2.0 ** (-9.28 * n_dot_v)) * rx + ry
    return max(0.0, -1.04 * a + rz), max(0.0, 1.04 * a + rw)


@njit(cache=True, nogil=True)
def multibounce(occlusion: float, albedo: float) -> float:  # pragma: no cover - compiled
    """Ambient visibility brightened by light between surfaces: Jimenez et al. 2016, "Practical Realtime Strategies
    for Accurate Indirect Occlusion", eq. 10: a white corner is less dark than a black one."""
    a = 2.0404 * albedo - 0.3324
    b = -4.7951 * albedo + 0.6417
    c = 2.7552 * albedo + 0.6903
    return max(occlusion, ((occlusion * a + b) * occlusion + c) * occlusion)


@njit(cache=True, nogil=True)
def _shade(
    depth: F32,
    rays: F32,
    normal: F32,
    albedo: F32,
    roughness: F32,
    metallic: F32,
    direct: F32,
    highlight: F32,
    irradiance: F32,
    occlusion: F32,
    reflection: F32,
) -> F32:  # pragma: no cover - compiled
    height, width = depth.shape
    out = np.empty((height, width, 3), np.float32)
    for y in range(height):
        for x in range(width):
            if depth[y, x] <= 0.0:
                for k in range(3):
                    out[y, x, k] = _bounded(reflection[y, x, k])
                continue
            n_dot_v = 0.0
            for k in range(3):
                n_dot_v -= normal[y, x, k] * rays[y, x, k]
            n_dot_v = min(1.0, max(0.0, n_dot_v))
            scale, bias = split_sum(roughness[y, x], n_dot_v)
            metal = metallic[y, x]
            for k in range(3):
                base = albedo[y, x, k]
                f0 = DIELECTRIC_F0 * (1.0 - metal) + base * metal
                # Energy lost to multiple scattering comes back tinted by F0 (Fdez-Aguera 2019, eq. 17 simplified).
                single = min(1.0, f0 * scale + bias)
                specular = min(1.0, single * (1.0 + f0 * (1.0 / max(scale + bias, 0.05) - 1.0)))
                diffuse = base * (1.0 - metal) * (1.0 - specular)
                ambient = irradiance[y, x, k] * multibounce(occlusion[y, x], base)
                radiance = diffuse * (direct[y, x, k] + ambient) + highlight[y, x, k] + specular * reflection[y, x, k]
                out[y, x, k] = _bounded(radiance)
    return out


@njit(cache=True, nogil=True)
def _bounded(value: float) -> float:  # pragma: no cover - compiled
    if not math.isfinite(value):
        return RADIANCE_LIMIT if value > 0.0 else 0.0
    return min(RADIANCE_LIMIT, max(0.0, value))
