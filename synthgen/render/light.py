"""Light of a scene: everything view-independent once per scene, then four channels and one occlusion per view.

Per scene: the prepared environment turned to the scene, key lights (sources taken out of the environment) with one
shadow map each, area lights with one per part (``light_parts``), and small depth maps from every cell of the sky, which
all views share. So a point of the scene has the same light in every view, and nothing depends on what the camera
happens to see.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from synthgen.render.assets_protocol import Assets
from synthgen.render.environment import IRRADIANCE_HEIGHT, KEY_HIGHLIGHT_ROUGHNESS, PreparedEnvironment, prepared
from synthgen.render.light_ambient import visibility
from synthgen.render.light_cells import agreeing
from synthgen.render.light_curvature import pixel_roughness
from synthgen.render.light_environment import environment_light
from synthgen.render.light_keys import add_key
from synthgen.render.light_lobes import lobe_table
from synthgen.render.light_mirror import mirror_table
from synthgen.render.light_panels import add_area
from synthgen.render.light_parts import PanelLight, panel_maps, panel_of
from synthgen.render.light_scene import Casters, Ground, gather_casters, ground_of, support_albedo
from synthgen.render.light_shadow import shadow_field
from synthgen.render.light_sky import SkyMaps, sky_maps
from synthgen.render.shadow import DepthMaps
from synthgen.render.shadow_cast import cast, frame_towards
from synthgen.render.surfaces import Surfaces
from synthgen.types.arrays import F32, F64, U8, freeze
from synthgen.types.scene import Scene

LIGHT_VERSION = 4  # counts up when the same scene gets other light: a run must not go on with shards of another one
SKY_TEXELS = 160
KEY_TEXELS = 640
TAPS = 18
PART_TAPS = 10  # of each part of a light: their mean is as smooth
GLOW_CELLS = 96
GLOW_MARGIN_M = 0.3


@dataclass(frozen=True, eq=False)
class LitChannels:
    """The light part of the G-buffer for one view; semantics as in ``types.gbuffer.GBuffers``.

    Attributes:
        direct, highlight, irradiance, reflection, skylight: (H, W, 3) float32.
        occlusion: (H, W) float32.
        roughness: (H, W) float32 of what a pixel sees (``light_curvature``), with which it was lit.
    """

    direct: F32
    highlight: F32
    irradiance: F32
    occlusion: F32
    reflection: F32
    skylight: F32
    roughness: F32


@dataclass(frozen=True, eq=False)
class KeyLight:
    """A distant disc light in world axes: (3,) direction towards it, (3,) irradiance of a facing surface, radius."""

    direction: F64
    irradiance: F64
    radius_rad: float


@dataclass(frozen=True, eq=False)
class SceneLight:
    """View-independent light of one scene.

    Attributes:
        environment, turn_rad, intensity: the sky.
        ground: the support and the flags per thing number.
        glow: (G, G, 3) float32 radiance of the support around the objects, shadows included.
        glow_area: (3,) its corner x, y and grid cells per metre; open_glow: (3,) its radiance in the open, 0 = none.
        sky: one depth map per sky cell.
        keys, key_maps: distant lights and their shadow maps, in the same order.
        panels, panel_maps: area lights, and the shadow maps of their parts, one light after the other.
    """

    environment: PreparedEnvironment
    turn_rad: float
    intensity: float
    ground: Ground
    glow: F32
    glow_area: F64
    open_glow: F64
    sky: SkyMaps
    keys: tuple[KeyLight, ...]
    key_maps: DepthMaps
    panels: tuple[PanelLight, ...]
    panel_maps: DepthMaps


def build_scene_light(scene: Scene, store: Assets) -> SceneLight:
    """Prepares the light of a scene: filtered environment (cached per process), shadow maps, sky depth maps."""
    environment = prepared(store.environment(scene.environment.key))
    turn, intensity = scene.environment.rotation_rad, scene.environment.intensity
    ground = ground_of(scene, store)
    casters = gather_casters(scene, store, ground)
    rotation = _about_z(turn)
    sky_directions = environment.strata_direction @ rotation.T
    distant = _distant_maps(casters, sky_directions, SKY_TEXELS, np.zeros(len(sky_directions)))
    keys = tuple(KeyLight(rotation @ k.direction, k.irradiance * intensity, k.radius_rad) for k in environment.keys)
    panels = tuple(panel_of(light, casters) for light in scene.lights)
    light = SceneLight(
        environment=environment,
        turn_rad=turn,
        intensity=intensity,
        ground=ground,
        glow=np.zeros((2, 2, 3), np.float32),
        glow_area=np.zeros(3),
        open_glow=np.zeros(3),
        sky=sky_maps(sky_directions, environment.strata_energy, environment.strata_spread, distant),
        keys=keys,
        key_maps=_distant_maps(
            casters,
            np.array([key.direction for key in keys]).reshape(-1, 3),
            KEY_TEXELS,
            np.array([math.tan(key.radius_rad) for key in keys]),
        ),
        panels=panels,
        panel_maps=panel_maps(casters, panels),
    )
    return _with_glow(light, casters, support_albedo(scene, store))


def light_surfaces(light: SceneLight, surfaces: Surfaces) -> LitChannels:
    """Lights one view. Pixels without a surface get the environment in ``reflection``, occlusion 1 and 0 elsewhere."""
    s, ground = surfaces, light.ground
    s = replace(s, roughness=pixel_roughness(s.thing, s.normal, s.roughness))
    direct, highlight = np.zeros(s.position.shape, np.float32), np.zeros(s.position.shape, np.float32)
    agree = agreeing(s.thing, s.position, s.normal)
    seen = visibility(
        s.thing, s.position, s.normal, s.ray, s.roughness, ground.flags, ground.bias_m, agree,
        light.sky.parts, ground.table,
    )  # fmt: skip
    environment = light.environment
    ambient = environment_light(
        s.thing, s.position, s.normal, s.ray, s.roughness, s.metallic, seen, ground.flags, agree, ground.height_m,
        light.open_glow, light.glow, light.glow_area, math.cos(light.turn_rad), math.sin(light.turn_rad),
        light.intensity,
        environment.sharp, environment.sharp_height, environment.texels, environment.offsets, environment.heights,
        environment.upward, mirror_table(), environment.irradiance, IRRADIANCE_HEIGHT,
    )  # fmt: skip
    _add_lights(light, s, agree, direct, highlight)
    return LitChannels(
        direct, highlight, ambient[..., 0:3], ambient[..., 6], ambient[..., 3:6], ambient[..., 7:10], s.roughness
    )


def _add_lights(light: SceneLight, surfaces: Surfaces, agree: U8, direct: F32, highlight: F32) -> None:
    s = surfaces
    material = (s.albedo, s.roughness, s.metallic)
    for i, key in enumerate(light.keys):
        tangent = math.tan(key.radius_rad)
        shadow = _shadow(light, s, agree, light.key_maps, i, 1, (tangent, tangent), DISC_TAPS)
        add_key(
            s.thing, s.position, s.normal, s.ray, *material, shadow, agree, key.direction, key.irradiance,
            key.radius_rad, *KEY_HIGHLIGHT_ROUGHNESS, lobe_table(), direct, highlight,
        )  # fmt: skip
    first = 0
    for panel in light.panels:
        half, parts = (float(panel.part_half[0]), float(panel.part_half[1])), len(panel.part_centres)
        taps = SQUARE_TAPS[: TAPS if parts == 1 else PART_TAPS]
        shadow = _shadow(light, s, agree, light.panel_maps, first, parts, half, taps)
        first += parts
        add_area(
            s.thing, s.position, s.normal, s.ray, *material, shadow, agree, panel.radiance, panel.corners,
            lobe_table(), direct, highlight,
        )  # fmt: skip


def _shadow(
    light: SceneLight,
    s: Surfaces,
    agree: U8,
    maps: DepthMaps,
    first: int,
    parts: int,
    spread: tuple[float, float],
    taps: F64,
) -> F32:
    ground = light.ground
    return shadow_field(
        s.thing, s.position, s.geometric_normal, ground.flags, ground.bias_m, agree, *spread, taps, maps.frames,
        maps.origins, maps.scales, maps.perspective, maps.depth, maps.coarse, first, parts, ground.table,
    )  # fmt: skip


def _with_glow(light: SceneLight, casters: Casters, albedo: F64 | None) -> SceneLight:
    """Lights a grid of points on the support, shadows included: what objects see when they look down."""
    if albedo is None:
        return light
    low, side = casters.area_xy(GLOW_MARGIN_M)
    step = side / GLOW_CELLS
    x, y = np.meshgrid(low[0] + (np.arange(GLOW_CELLS) + 0.5) * step, low[1] + (np.arange(GLOW_CELLS) + 0.5) * step)
    position = np.stack([x, y, np.full_like(x, light.ground.height_m)], axis=-1).astype(np.float32)
    up = np.zeros_like(position)
    up[..., 2] = 1.0
    cells = position.shape[:2]
    lit = light_surfaces(
        light,
        Surfaces(
            thing=np.full(cells, light.ground.plain_number, np.uint16),
            position=position,
            normal=up,
            geometric_normal=up,
            ray=-up,
            albedo=np.full_like(position, 0.5),
            roughness=np.ones(cells, np.float32),
            metallic=np.zeros(cells, np.float32),
        ),
    )
    glow = ((lit.direct + lit.irradiance * lit.occlusion[..., None]) * albedo).astype(np.float32)
    return replace(
        light,
        glow=freeze(glow),
        glow_area=np.array([low[0], low[1], 1.0 / step]),
        open_glow=np.percentile(glow.reshape(-1, 3), 90, axis=0).astype(np.float64),
    )


def _distant_maps(casters: Casters, directions: F64, texels: int, spread: F64) -> DepthMaps:
    frames = np.array([frame_towards(direction) for direction in directions]).reshape(-1, 3, 3)
    origins = np.repeat(casters.centre[None], len(directions), axis=0)
    return cast(
        casters.vertices,
        casters.faces,
        frames,
        origins,
        size=texels,
        perspective=False,
        spread=spread,
    )


def _about_z(angle_rad: float) -> F64:
    c, s = math.cos(angle_rad), math.sin(angle_rad)
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


def _disc_taps(count: int) -> F64:
    """(T, 2) Vogel's sunflower in the unit disc."""
    k = np.arange(count) + 0.5
    radius, angle = np.sqrt(k / count), k * math.pi * (3.0 - math.sqrt(5.0))
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


def _square_taps(count: int) -> F64:
    """(T, 2) Roberts' R2 sequence in [-1, 1]^2."""
    g = 1.32471795724474602596
    k = np.arange(count)[:, None] + 1.0
    return 2.0 * np.mod(0.5 + k * np.array([1.0 / g, 1.0 / g**2]), 1.0) - 1.0


DISC_TAPS = freeze(_disc_taps(TAPS))
SQUARE_TAPS = freeze(_square_taps(TAPS))
