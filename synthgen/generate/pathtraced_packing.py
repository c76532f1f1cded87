"""A scene and its cameras as the plain data that the path tracer's process takes."""

from __future__ import annotations

from collections import OrderedDict
from functools import lru_cache
from typing import Any

import numpy as np

from synthgen.errors import AssetError, InternalError
from synthgen.generate.protocol import Assets
from synthgen.projection import undistort
from synthgen.types.arrays import F32, F64, freeze
from synthgen.types.assets import EnvironmentMap, Material, ObjectModel, Texture
from synthgen.types.geometry import Camera, Intrinsics
from synthgen.types.scene import AreaLight, Scene

NEAR_M = 0.01  # as the rasteriser's
KNOWN_BYTES = 256 << 20  # assets of earlier scenes that the child keeps
MOST_FACES = 20_000_000
FURTHEST_M = 1e5


class Known:
    """What the child holds, least recently used first, by key: the mirror by which the parent decides for both."""

    def __init__(self) -> None:
        self.sizes: OrderedDict[str, int] = OrderedDict()

    def use(self, used: dict[str, int]) -> list[str]:
        """Notes that a scene uses these keys (of these sizes in bytes); returns the keys to drop, oldest first."""
        for key, size in used.items():
            self.sizes[key] = size
            self.sizes.move_to_end(key)
        dropped: list[str] = []
        total = sum(self.sizes.values())
        for key in list(self.sizes):
            if total <= KNOWN_BYTES:
                break
            if key not in used:
                total -= self.sizes.pop(key)
                dropped.append(key)
        return dropped


def pack_scene(scene: Scene, store: Assets, known: Known) -> dict[str, Any]:
    """The request that builds the scene, with those assets that the child does not have.

    Raises:
        AssetError: a mesh that Cycles cannot take.
        InternalError: a thing without one material per slot.
    """
    meshes: dict[str, Any] = {}
    textures: dict[str, Any] = {}
    environments: dict[str, Any] = {}
    objects: list[tuple[str, F64, list[tuple[Any, ...]]]] = []
    used: dict[str, int] = {}

    def need(key: str, size: int) -> bool:
        fresh = key not in known.sizes and key not in used
        used[key] = size
        return fresh

    for index, thing in enumerate(scene.objects):
        model = store.model(thing.source)
        if len(thing.materials) != len(model.slots):
            raise InternalError(
                f"object {index} of scene {scene.index} ({model.name}) has {len(thing.materials)} materials for "
                f"{len(model.slots)} slots; every slot needs exactly one; report this as a bug"
            )
        key = f"mesh {model.key}"
        if need(key, 150 * len(model.mesh.faces)):
            meshes[key] = _mesh(model)
        for material in thing.materials:
            if material.texture:
                texture = store.texture(material.texture)
                if need(_texture_key(material), 4 * int(texture.widths[0]) * int(texture.heights[0])):
                    textures[_texture_key(material)] = _texels(texture)
        objects.append((key, thing.world_from_object, [_surface(material) for material in thing.materials]))
    environment: EnvironmentMap = store.environment(scene.environment.key)
    sky = f"environment {environment.key}"
    if need(sky, 16 * environment.radiance.shape[0] * environment.radiance.shape[1]):
        environments[sky] = environment.radiance
    return {
        "do": "scene",
        "forget": known.use(used),
        "meshes": meshes,
        "textures": textures,
        "environments": environments,
        "objects": objects,
        "lights": [_lamp(light) for light in scene.lights],
        "environment": sky,
        "white_card": white_card(scene),
        "sky": (scene.environment.rotation_rad, scene.environment.intensity),
    }


def white_card(scene: Scene) -> float:
    """About the radiance of a white card at the world's origin that faces up: 1 per unit of the environment, and
    L A cos cos / (pi d^2) of every lamp, with both cosines held above 0.2."""
    total = scene.environment.intensity
    for light in scene.lights:
        offset = np.asarray(light.position_m, np.float64)
        distance = max(float(np.linalg.norm(offset)), 0.1)
        at_card, at_lamp = offset[2] / distance, -float(offset @ light.direction) / distance
        area_m2 = light.size_m[0] * light.size_m[1]
        total += max(light.radiance) * area_m2 * max(at_card, 0.2) * max(at_lamp, 0.2) / (np.pi * distance**2)
    return float(total)


def pack_camera(camera: Camera) -> dict[str, Any]:
    """The camera: K of a pinhole, or the world direction through every pixel corner of a distorted lens."""
    lens = camera.intrinsics
    rays = None
    if lens.distortion:
        rays = (corner_rays(lens) @ camera.world_from_camera[:3, :3].T).astype(np.float32)
    return {
        "width": lens.width,
        "height": lens.height,
        "fx": lens.fx,
        "fy": lens.fy,
        "cx": lens.cx,
        "cy": lens.cy,
        "near_m": NEAR_M,
        "world_from_camera": camera.world_from_camera,
        "rays": rays,
    }


@lru_cache(maxsize=4)
def corner_rays(intrinsics: Intrinsics) -> F64:
    """(H + 1, W + 1, 3) ideal directions (x/z, y/z, 1) through the corners of the pixels, camera axes."""
    x = (np.arange(intrinsics.width + 1) - intrinsics.cx) / intrinsics.fx
    y = (np.arange(intrinsics.height + 1) - intrinsics.cy) / intrinsics.fy
    across, down = np.meshgrid(x, y)
    u, v = undistort(across, down, intrinsics.distortion)
    return freeze(np.stack([u, v, np.ones_like(u)], axis=-1))


def _mesh(model: ObjectModel) -> dict[str, Any]:
    mesh = model.mesh
    fault = None
    if len(mesh.faces) > MOST_FACES:
        fault = f"has {len(mesh.faces)} faces; allowed: up to {MOST_FACES}. Reduce it in a mesh editor"
    elif not (np.abs(mesh.vertices) < FURTHEST_M).all() or not np.isfinite(mesh.normals).all():
        fault = f"has vertices or normals that are not numbers below {FURTHEST_M:g}. Export it again"
    elif not np.isfinite(mesh.uvs).all():
        fault = "has texture coordinates that are not numbers. Export it again"
    if fault:
        raise AssetError(
            f"the mesh {model.name!r} cannot be path traced: it {fault}, or use generate: {{kind: shaded}}"
        )
    return {
        "vertices": mesh.vertices,
        "normals": mesh.normals,
        "uvs": mesh.uvs,
        "faces": mesh.faces,
        "face_slot": mesh.face_slot,
        "slots": len(model.slots),
    }


def _texture_key(material: Material) -> str:
    return f"texture {material.texture}" if material.texture else ""


def _texels(texture: Texture) -> Any:
    """(H, W, 3) uint8 sRGB, the finest level."""
    width, height = int(texture.widths[0]), int(texture.heights[0])
    start = int(texture.offsets[0])
    return texture.texels[start : start + width * height].reshape(height, width, 3)


def _surface(material: Material) -> tuple[Any, ...]:
    color = tuple(float(value) for value in material.base_color)
    scale = float(material.uv_scale)
    return color, float(material.roughness), float(material.metallic), _texture_key(material), scale


def _lamp(light: AreaLight) -> tuple[F64, F64, tuple[float, float], tuple[float, float, float]]:
    """Frame (rows right, up, forward), centre, size and radiance.

    The frame is the one of the light stage: width along the horizontal, where there is one.
    """
    forward = np.asarray(light.direction, np.float64)
    forward = forward / np.linalg.norm(forward)
    beside = np.array([0.0, 0.0, 1.0]) if abs(forward[2]) < 0.9 else np.array([0.0, 1.0, 0.0])
    right = np.cross(beside, forward)
    right /= np.linalg.norm(right)
    frame = np.stack([right, np.cross(forward, right), forward])
    return frame, np.asarray(light.position_m, np.float64), light.size_m, light.radiance


def bounded(pixels: F32, limit: float) -> F32:
    """Finite radiance within [0, limit]."""
    return np.clip(np.nan_to_num(pixels, nan=0.0, posinf=limit, neginf=0.0), 0.0, limit)
