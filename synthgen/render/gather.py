"""Light that surfaces pass on to each other, gathered by rays through the scene: one bounce off what they meet.

What a view's surfaces send is known where the view shows it: a ray that meets a visible point brings what that point
sends to all sides on average (Ritschel et al. 2009, "Approximating Dynamic Global Illumination in Image Space", but
with the scene's own geometry in place of the depth image). Of the support around the picture ``light.glow`` knows it,
of the rest a guess. Few rays per point, smoothed along surfaces; rough surfaces on a coarse grid, smooth ones pixel by
pixel.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from synthgen.render.gather_hits import COLUMNS, collect, send
from synthgen.render.gather_rays import cosine_rays, lobe_rays
from synthgen.render.gather_smooth import enlarged, smoothed_pixels, smoothed_points
from synthgen.render.light import LitChannels, SceneLight
from synthgen.render.scene_rays import SceneRays
from synthgen.render.surfaces import Surfaces
from synthgen.shading import albedo_table
from synthgen.types.arrays import F32, F64, I64, Bool
from synthgen.types.geometry import Camera

GATHER_VERSION = 1  # as ``light.LIGHT_VERSION``, for generators that ask for this light
GRID = 96  # points along the picture's width, about; never closer than two pixels
BOUNCE_RAYS, LOBE_RAYS, SHARP_RAYS = 16, 12, 8  # per point, per point, per pixel of a smooth surface
SMOOTHED = (1, 2)  # distances between the points that are blended
SHARP, SHARP_SUPPORT = 0.6, 0.15  # roughness below which surfaces are looked at pixel by pixel
RAYS_AT_ONCE = 1 << 16  # they take 64 bytes each
LIFT = 0.001  # of the distance, beside the bias of the thing: how far off its surface a ray starts
HIDDEN_LIGHT = 0.5  # light on what the picture does not show, as a share of the mean light on what it does
MET = 0.25  # share of a lobe that has to meet surfaces for rays alone to say what it receives


@dataclass(frozen=True, eq=False)
class Gathered:
    """Light between surfaces of one view.

    Attributes:
        bounce: (H, W, 3) float32 irradiance / pi from surfaces.
        gloss: (H, W, 3) float32 mean radiance that a surface's mirror lobe receives, from surfaces and surroundings;
            where nothing was hit: the surroundings themselves.
    """

    bounce: F32
    gloss: F32


def gather(
    light: SceneLight, rays: SceneRays, surfaces: Surfaces, lit: LitChannels, depth: F64, camera: Camera
) -> Gathered:
    """Gathers the light of one view.

    Args:
        light, rays: of the scene.
        surfaces, lit: of the view.
        depth: (H, W) camera z in metres, inf where nothing was hit.
        camera: of the view. Hits are projected without the lens's distortion; they need not be exact.
    """
    s = surfaces
    seen = _Seen(light, rays, s, lit, depth, camera)
    sharp = _sharp(s, lit.roughness, rays.support)

    def look(grid: I64) -> F32:
        return np.concatenate([seen.around(grid)[:, :3], seen.mirrored(grid, LOBE_RAYS)], axis=1)

    found = _on_grid(s, look)
    lobes = np.ascontiguousarray(found[..., 3:])
    chosen = np.flatnonzero(sharp)
    lobes.reshape(-1, COLUMNS)[chosen] = seen.mirrored(chosen, SHARP_RAYS)
    lobes = smoothed_pixels(lobes, sharp.view(np.uint8), s.thing, s.position, s.normal, lit.roughness)
    # Surroundings alone are integrated already, without noise; rays say where surfaces stand before them.
    met = np.minimum(lobes[..., 6:7] / np.float32(MET), 1.0)
    gloss = lit.reflection + met * (lobes[..., 0:3] + lobes[..., 3:6] - lit.reflection)
    return Gathered(found[..., :3], np.asarray(gloss, np.float32))


def _on_grid(s: Surfaces, look: Callable[[I64], F32]) -> F32:
    """(H, W, C) float32 of every pixel from what ``look`` finds at (N,) flat indices of a coarse grid, (N, C)."""
    height, width = s.thing.shape
    stride = max(2, round(width / GRID))
    rows = _places(-(-height // stride), stride, height)
    columns = _places(-(-width // stride), stride, width)
    grid = (rows[:, None] * width + columns[None, :]).reshape(-1)
    hit = np.flatnonzero(s.thing.reshape(-1)[grid])
    found = look(grid[hit])
    points = np.zeros((len(rows), len(columns), found.shape[1]), np.float32)
    points.reshape(len(grid), -1)[hit] = found
    for apart in SMOOTHED:
        points = smoothed_points(points, s.thing, s.position, s.normal, stride, apart)
    return enlarged(points, s.thing, s.position, s.normal, stride)


def _places(count: int, stride: int, length: int) -> I64:
    """(count,) rows or columns of the grid's points."""
    return np.minimum(length - 1, np.arange(count) * stride + stride // 2)


def _sharp(s: Surfaces, roughness: F32, support: Bool) -> Bool:
    """(H, W): surfaces that mirror so sharply that every pixel sends rays of its own."""
    limit = np.where(support[np.minimum(s.thing, len(support) - 1)], SHARP_SUPPORT, SHARP)
    return np.asarray((s.thing > 0) & (roughness < limit))


class _Seen:
    """What rays bring to a view's points, in pieces of ``RAYS_AT_ONCE``."""

    def __init__(
        self, light: SceneLight, rays: SceneRays, s: Surfaces, lit: LitChannels, depth: F64, camera: Camera
    ) -> None:
        self.light, self.rays, self.s, self.camera = light, rays, s, camera
        self.depth = np.where(np.isfinite(depth), depth, 0.0).astype(np.float32)
        self.width = s.thing.shape[1]
        flat = s.thing.reshape(-1)
        self.position, self.normal = s.position.reshape(-1, 3), s.normal.reshape(-1, 3)
        self.ray = s.ray.reshape(-1, 3)
        self.metallic, self.roughness = s.metallic.reshape(-1), lit.roughness.reshape(-1)
        bias = light.ground.bias_m[flat] + np.float32(LIFT) * self.depth.reshape(-1)
        self.lift = s.geometric_normal.reshape(-1, 3) * bias[:, None]
        self.sent = np.zeros((*s.thing.shape, 3), np.float32)
        total = np.zeros(4)
        send(
            s.thing, s.normal, s.ray, s.albedo, lit.roughness, s.metallic, lit.direct, lit.irradiance, lit.occlusion,
            albedo_table(), self.sent, total,
        )  # fmt: skip
        self.guess = (HIDDEN_LIGHT * total[:3] / max(total[3], 1.0)).astype(np.float32)

    def around(self, pixels: I64) -> F32:
        """(N, 7) float32 means over the hemispheres of (N,) pixels; of the surroundings nothing."""
        out = np.zeros((len(pixels), COLUMNS), np.float32)
        step = RAYS_AT_ONCE // BOUNCE_RAYS
        for start in range(0, len(pixels), step):
            some = pixels[start : start + step]
            origins, directions = _room(len(some) * BOUNCE_RAYS)
            cosine_rays(some, self.width, self.position, self.normal, self.lift, BOUNCE_RAYS, origins, directions)
            weights = np.ones(len(origins), np.float32)
            self._bring(some, origins, directions, weights, BOUNCE_RAYS, False, out[start : start + step])
        return out

    def mirrored(self, pixels: I64, count: int) -> F32:
        """(N, 7) float32 means over the mirror lobes of (N,) pixels, by ``count`` rays."""
        out = np.zeros((len(pixels), COLUMNS), np.float32)
        step = RAYS_AT_ONCE // count
        for start in range(0, len(pixels), step):
            some = pixels[start : start + step]
            origins, directions = _room(len(some) * count)
            weights = np.empty(len(origins), np.float32)
            lobe_rays(
                some, self.width, self.position, self.normal, self.lift, self.ray, self.roughness, self.metallic, count,
                origins, directions, weights,
            )  # fmt: skip
            self._bring(some, origins, directions, weights, count, True, out[start : start + step])
        return out

    def _bring(
        self, pixels: I64, origins: F32, directions: F32, weights: F32, count: int, surroundings: bool, out: F32
    ) -> None:
        light, lens = self.light, self.camera.intrinsics
        face, distance, normal = self.rays.first_hits(origins, directions)
        environment = light.environment
        collect(
            pixels, count, origins, directions, weights, face, distance, normal, self.rays.thing, self.rays.support,
            self.rays.color, self.sent, self.depth, self.s.thing, self.s.normal,
            np.ascontiguousarray(self.camera.camera_from_world, np.float32),
            np.array([lens.fx, lens.fy, lens.cx, lens.cy], np.float32), self.guess, light.glow, light.glow_area,
            surroundings, self.roughness, math.cos(light.turn_rad), math.sin(light.turn_rad), light.intensity,
            environment.sharp, environment.sharp_height, environment.texels, environment.offsets, environment.heights,
            out,
        )  # fmt: skip


def _room(count: int) -> tuple[F32, F32]:
    return np.empty((count, 3), np.float32), np.empty((count, 3), np.float32)
