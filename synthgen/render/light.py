"""Light of a scene: everything view-independent once per scene, then four channels and one occlusion per view.

Per scene: the prepared environment turned to the scene, key lights (sources taken out of the environment, and area
lights) with one shadow map each, and small depth maps from every cell of the sky, which all views share. So a point
of the scene has the same light in every view, and nothing depends on what the camera happens to see.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from synthgen.render.assets_protocol import Assets
from synthgen.render.environment import KEY_HIGHLIGHT_ROUGHNESS, PreparedEnvironment, prepared
from synthgen.render.light_ambient import environment_light, visibility
from synthgen.render.light_direct import add_area, add_key
from synthgen.render.light_scene import Casters, Ground, gather_casters, ground_of, support_albedo
from synthgen.render.shadow import DepthMaps, cast, frame_towards
from synthgen.render.surfaces import Surfaces
from synthgen.types.arrays import F32, F64, U8, freeze
from synthgen.types.scene import AreaLight, Scene

SKY_TEXELS = 160
KEY_TEXELS = 640
AREA_TEXELS = 640
TAPS = 28
BOUNCE_SHARE = 0.8  # of the support's open-sky radiance: objects stand on it and take some of its light


@dataclass(frozen=True, eq=False)
class LitChannels:
    """The light part of the G-buffer for one view; semantics as in ``types.gbuffer.GBuffers``.

    Attributes:
        direct, highlight, irradiance, reflection: (H, W, 3) float32.
        occlusion: (H, W) float32.
    """

    direct: F32
    highlight: F32
    irradiance: F32
    occlusion: F32
    reflection: F32


@dataclass(frozen=True, eq=False)
class KeyLight:
    """A distant disc light in world axes: (3,) direction towards it, (3,) irradiance of a facing surface, radius."""

    direction: F64
    irradiance: F64
    radius_rad: float


@dataclass(frozen=True, eq=False)
class PanelLight:
    """An area light ready for the kernels: (3, 3) frame, (3,) centre, (2,) half edges, (4, 3) corners, (3,) radiance."""

    frame: F64
    centre: F64
    half: F64
    corners: F64
    radiance: F64


@dataclass(frozen=True, eq=False)
class SceneLight:
    """View-independent light of one scene.

    Attributes:
        environment, turn_rad, intensity: the sky.
        ground: the support and the flags per thing number.
        bounce: (5,) float32 radiance that the support sends up, 1 if there is a support, share due to the sky.
        strata: (N, 5) float64 direction, energy and angular radius of each sky cell, world axes.
        sky_maps: one depth map per sky cell.
        keys, key_maps; panels, panel_maps: lights and their shadow maps, in the same order.
    """

    environment: PreparedEnvironment
    turn_rad: float
    intensity: float
    ground: Ground
    bounce: F32
    strata: F64
    sky_maps: DepthMaps
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
    keys = tuple(
        KeyLight(rotation @ key.direction, key.irradiance * intensity, key.radius_rad) for key in environment.keys
    )
    panels = tuple(_panel(light) for light in scene.lights)
    strata = np.concatenate(
        [
            environment.strata_direction @ rotation.T,
            environment.strata_energy[:, None],
            environment.strata_spread[:, None],
        ],
        axis=1,
    )
    return SceneLight(
        environment=environment,
        turn_rad=turn,
        intensity=intensity,
        ground=ground,
        bounce=_bounce(scene, store, environment, keys, panels, ground),
        strata=freeze(strata),
        sky_maps=_distant_maps(casters, strata[:, :3], SKY_TEXELS, np.zeros(len(strata))),
        keys=keys,
        key_maps=_distant_maps(
            casters,
            np.array([key.direction for key in keys]).reshape(-1, 3),
            KEY_TEXELS,
            np.array([math.tan(key.radius_rad) for key in keys]),
        ),
        panels=panels,
        panel_maps=cast(
            casters.vertices,
            casters.faces,
            np.array([panel.frame for panel in panels]).reshape(-1, 3, 3),
            np.array([panel.centre for panel in panels]).reshape(-1, 3),
            size=AREA_TEXELS,
            perspective=True,
            spread=np.array([panel.half.max() for panel in panels]),
        ),
    )


def light_surfaces(light: SceneLight, surfaces: Surfaces) -> LitChannels:
    """Lights one view. Pixels without a surface get the environment itself in ``reflection``, 0 and occlusion 1 else."""
    shape = surfaces.thing.shape
    direct, highlight = np.zeros((*shape, 3), np.float32), np.zeros((*shape, 3), np.float32)
    irradiance, reflection = np.empty((*shape, 3), np.float32), np.empty((*shape, 3), np.float32)
    occlusion = np.empty(shape, np.float32)
    sky, ground, environment = light.sky_maps, light.ground, light.environment
    origin = sky.origins[0] if len(sky.origins) else np.zeros(3)
    # The geometric normal decides what a point can see; the shading normal decides how it weighs light.
    seen = visibility(
        surfaces.thing, surfaces.position, surfaces.geometric_normal, surfaces.normal, surfaces.ray, surfaces.roughness,
        ground.flags, ground.height_m, light.strata, sky.frames, origin, sky.scales, sky.depth, sky.coarse, ground.table,
    )  # fmt: skip
    environment_light(
        surfaces.thing, surfaces.normal, surfaces.ray, surfaces.roughness, seen, ground.flags, light.bounce,
        math.cos(light.turn_rad), math.sin(light.turn_rad), light.intensity, environment.sharp, environment.texels,
        environment.offsets, environment.heights, environment.sky, environment.ground,
        irradiance, occlusion, reflection,
    )  # fmt: skip
    _add_lights(light, surfaces, ground.flags, direct, highlight)
    return LitChannels(direct, highlight, irradiance, occlusion, reflection)


def _add_lights(light: SceneLight, surfaces: Surfaces, flags: U8, direct: F32, highlight: F32) -> None:
    s = surfaces
    common = (s.thing, s.position, s.normal, s.geometric_normal, s.ray, s.albedo, s.roughness, s.metallic, flags)
    maps = light.key_maps
    for i, key in enumerate(light.keys):
        add_key(
            *common, key.direction, key.irradiance, key.radius_rad, *KEY_HIGHLIGHT_ROUGHNESS, DISC_TAPS,
            maps.frames[i], maps.origins[i], maps.scales[i], maps.depth[i], maps.coarse[i],
            light.ground.table, direct, highlight,
        )  # fmt: skip
    maps = light.panel_maps
    for i, panel in enumerate(light.panels):
        add_area(
            *common, panel.frame, panel.centre, panel.half, panel.radiance, panel.corners, SQUARE_TAPS,
            maps.scales[i], maps.depth[i], maps.coarse[i], light.ground.table, direct, highlight,
        )  # fmt: skip


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


def _panel(light: AreaLight) -> PanelLight:
    """The light's frame: forward = the way it shines, right = along its width (horizontal where that is possible)."""
    frame = frame_towards(np.asarray(light.direction, np.float64))
    half = 0.5 * np.array(light.size_m, np.float64)
    signs = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)], np.float64)
    centre = np.asarray(light.position_m, np.float64)
    corners = centre + (signs * half) @ frame[:2]
    return PanelLight(frame, centre, half, corners, np.array(light.radiance, np.float64))


def _bounce(
    scene: Scene,
    store: Assets,
    environment: PreparedEnvironment,
    keys: tuple[KeyLight, ...],
    panels: tuple[PanelLight, ...],
    ground: Ground,
) -> F32:
    """Radiance of the support's top under the open sky and all lights, at its mean colour."""
    albedo = support_albedo(scene, store)
    if albedo is None:
        return np.zeros(5, np.float32)
    intensity = scene.environment.intensity
    light = light_on_top(environment, intensity, keys)
    sky = float(light_on_top(environment, intensity, ()).sum())
    for panel in panels:
        offset = panel.centre - np.array([ground.centre[0], ground.centre[1], ground.height_m])
        distance = max(0.05, float(np.linalg.norm(offset)))
        facing = max(0.0, float(offset[2]) / distance) * max(0.0, float(-(panel.frame[2] @ offset)) / distance)
        light = light + panel.radiance * (4 * panel.half[0] * panel.half[1] * facing / (math.pi * distance**2))
    share = sky / max(float(light.sum()), 1e-9)
    return np.array([*(BOUNCE_SHARE * albedo * light), 1.0, share], np.float32)


def light_on_top(environment: PreparedEnvironment, intensity: float, keys: tuple[KeyLight, ...]) -> F64:
    """(3,) irradiance / pi of an open horizontal surface from the environment, key sources included."""
    light = intensity * environment.sky[0].mean(axis=0).astype(np.float64)
    for key in keys:
        light = light + key.irradiance * max(0.0, float(key.direction[2])) / math.pi
    return light


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
