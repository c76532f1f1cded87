"""Physically based shading of the G-buffer: no network, no randomness; the baseline every network has to beat."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from synthgen import antialias
from synthgen.config.models import ShadedConfig
from synthgen.errors import InternalError
from synthgen.generate.halves import bits, unpack
from synthgen.kernels import njit
from synthgen.projection import pixel_rays
from synthgen.shading import albedo_table, look_up, mirrored_share, multibounce
from synthgen.types.arrays import F32, U16, freeze
from synthgen.types.gbuffer import GBuffers, Views
from synthgen.types.geometry import Intrinsics
from synthgen.types.images import Images

SHADING_VERSION = 3
RADIANCE_LIMIT = 6.0e4  # below the largest float16: a pixel that looks into the sun stays finite


class Shaded:
    """Linear radiance of the lit G-buffer, edges anti-aliased.

    radiance = diffuse albedo * (direct + irradiance * occlusion) + highlight + reflection * directional albedo,
    with the integrated albedo of GGX surfaces (``synthgen.shading``) and energy compensation for rough metals, so that
    a white surface in a white room stays white at every roughness.
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
            shade(gbuffers, i, views.scene.cameras[views.first + i].intrinsics, pixels[i])
            antialias.resolve_in_place(pixels[i], gbuffers.edges[i])
        return Images("linear", pixels)


def shaded_alone(views: Views) -> F32:
    """(H, W, 3) float32 radiance of a single view."""
    drawn: F32 = Shaded(ShadedConfig())(views, [0]).pixels[0].astype(np.float32, copy=False)
    return drawn


@lru_cache(maxsize=8)
def image_plane(intrinsics: Intrinsics) -> tuple[F32, F32]:
    """(x/z, y/z) of the pixel centres, float32: (1, W) and (H, 1) without distortion, else (H, W) both."""
    if intrinsics.distortion:
        u, v = pixel_rays(intrinsics)
        return freeze(u.astype(np.float32)), freeze(v.astype(np.float32))
    row = (np.arange(intrinsics.width) + 0.5 - intrinsics.cx) / intrinsics.fx
    column = (np.arange(intrinsics.height) + 0.5 - intrinsics.cy) / intrinsics.fy
    return freeze(row[None].astype(np.float32)), freeze(column[:, None].astype(np.float32))


def shade(gbuffers: GBuffers, index: int, intrinsics: Intrinsics, out: F32) -> None:
    """One view of the G-buffer -> linear radiance at pixel centres, not anti-aliased.

    Args:
        gbuffers: B views.
        index: which of them.
        intrinsics: of its camera.
        out: (H, W, 3) float32 output.
    """
    _shade(
        gbuffers.depth_m[index],
        *image_plane(intrinsics),
        bits(gbuffers.normal[index]),
        bits(gbuffers.albedo[index]),
        bits(gbuffers.roughness[index]),
        bits(gbuffers.metallic[index]),
        bits(gbuffers.direct[index]),
        bits(gbuffers.highlight[index]),
        bits(gbuffers.irradiance[index]),
        bits(gbuffers.occlusion[index]),
        bits(gbuffers.reflection[index]),
        albedo_table(),
        out,
    )


@njit(cache=True, nogil=True, error_model="numpy")
def _shade(
    depth: F32,
    ray_u: F32,
    ray_v: F32,
    normal: U16,
    albedo: U16,
    roughness: U16,
    metallic: U16,
    direct: U16,
    highlight: U16,
    irradiance: U16,
    occlusion: U16,
    reflection: U16,
    table: F32,
    out: F32,
) -> None:  # pragma: no cover - compiled
    """Shades (H, W) pixels row by row; halves come as their bits, three per pixel for colours and normals."""
    height, width = depth.shape
    room = np.empty((9, 3 * width), np.float32)
    as_bits = room.view(np.uint32)
    one, zero = np.float32(1.0), np.float32(0.0)
    for y in range(height):
        unpack(normal[y], as_bits[0], room[0])
        unpack(albedo[y], as_bits[1], room[1])
        unpack(direct[y], as_bits[2], room[2])
        unpack(highlight[y], as_bits[3], room[3])
        unpack(irradiance[y], as_bits[4], room[4])
        unpack(reflection[y], as_bits[5], room[5])
        unpack(roughness[y], as_bits[6], room[6])
        unpack(metallic[y], as_bits[7], room[7])
        unpack(occlusion[y], as_bits[8], room[8])
        n, base_of, lit, shine = room[0], room[1], room[2], room[3]
        sky, mirrored, rough, metals, openness = room[4], room[5], room[6], room[7], room[8]
        across, down = ray_u[min(y, ray_u.shape[0] - 1)], ray_v[y]
        level = ray_v.shape[1] == 1
        for x in range(width):
            i = 3 * x
            u, v = across[x], down[0 if level else x]
            toward = -(n[i] * u + n[i + 1] * v + n[i + 2]) / np.sqrt(u * u + v * v + one)
            scale, bias, dielectric, white = look_up(table, rough[x], min(one, max(zero, toward)))
            metal, hit = metals[x], depth[y, x] > zero
            for k in range(3):
                base = base_of[i + k]
                specular = mirrored_share(base, metal, scale, bias, dielectric, white)
                diffuse = base * (one - metal) * (one - specular)
                ambient = sky[i + k] * multibounce(openness[x], base)
                radiance = diffuse * (lit[i + k] + ambient) + shine[i + k] + specular * mirrored[i + k]
                value = radiance if hit else mirrored[i + k]
                value = value if value > zero else zero  # nan becomes 0 as well
                out[y, x, k] = value if value < np.float32(RADIANCE_LIMIT) else np.float32(RADIANCE_LIMIT)
