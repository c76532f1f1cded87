"""From a scene to views: draw, shade, light, pack. ``render_views`` is the stage; everything beneath it is one view."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from synthgen.errors import InternalError
from synthgen.render.assets_protocol import Assets
from synthgen.render.channels import Visibility, fill_surfaces, new_surfaces
from synthgen.render.compact import store_half, store_labels, turn_normals
from synthgen.render.edges import blend_edges
from synthgen.render.gather import gather
from synthgen.render.lens import Lens, lens_of
from synthgen.render.light import LitChannels, build_scene_light, light_surfaces
from synthgen.render.raster import place_vertices, rasterise
from synthgen.render.scene_rays import SceneRays, scene_rays
from synthgen.render.surfaces import Surfaces
from synthgen.render.things import Thing, may_be_seen, things_of
from synthgen.render.truncation import truncation_of
from synthgen.types.arrays import F32, U64
from synthgen.types.gbuffer import GATHERED, EdgeBlend, GBuffers, Views
from synthgen.types.geometry import Camera
from synthgen.types.scene import Scene

BATCH_VIEWS = 8


def render_views(scene: Scene, store: Assets, *, gathered: bool = False) -> list[Views]:
    """All views of a scene in camera order, in batches of at most ``BATCH_VIEWS``; the bytes do not depend on batching.

    Args:
        scene, store: what to render.
        gathered: whether to gather light between surfaces as well (``types.gbuffer.GATHERED``).

    Raises:
        InternalError: cameras of different image sizes, or a thing without one material per slot.
        UserError: a lens distortion that cannot be inverted.
    """
    if not scene.cameras:
        return []
    sizes = {(camera.intrinsics.width, camera.intrinsics.height) for camera in scene.cameras}
    if len(sizes) != 1:
        raise InternalError(f"scene {scene.index} has cameras of sizes {sorted(sizes)}; all must have the same size")
    ready = _prepared(scene, store)
    firsts = range(0, len(scene.cameras), BATCH_VIEWS)
    return [_render_batch(scene, first, ready, gathered) for first in firsts]


class _Ready:
    """What all views of a scene need."""

    def __init__(self, scene: Scene, store: Assets) -> None:
        self.scene, self.store = scene, store
        self.things = things_of(scene, store)
        self.light = build_scene_light(scene, store)

    @cached_property
    def rays(self) -> SceneRays:
        return scene_rays(self.things, [thing.role for thing in self.scene.objects])

    def serves(self, scene: Scene, store: Assets) -> bool:
        """Scenes that differ in their cameras alone share their parts."""
        last = self.scene
        parts = ((last.objects, scene.objects), (last.lights, scene.lights), (last.environment, scene.environment))
        return self.store is store and all(a is b for a, b in parts)


# The scene rendered last: its things and shadow maps serve all its views, also when they come in several calls.
_last: _Ready | None = None


def _prepared(scene: Scene, store: Assets) -> _Ready:
    """What all views need, once per scene."""
    global _last
    if _last is None or not _last.serves(scene, store):
        _last = None  # one scene's maps in memory, not two
        _last = _Ready(scene, store)
    return _last


def _render_batch(scene: Scene, first: int, ready: _Ready, gathered: bool) -> Views:
    things, light = ready.things, ready.light
    cameras = scene.cameras[first : first + BATCH_VIEWS]
    height, width = cameras[0].intrinsics.height, cameras[0].intrinsics.width
    instances = max((thing.instance_index for thing in things), default=0)
    channels = _empty_channels(len(cameras), height, width, gathered, words=max(1, -(-instances // 64)))
    surfaces = new_surfaces(height, width)
    truncation: list[F32] = []
    edges: list[EdgeBlend] = []
    for i, camera in enumerate(cameras):
        drawn = draw_view(things, camera, channels["amodal"][i])
        lens, pose = drawn.lens, camera.world_from_camera
        fill_surfaces(surfaces, drawn.seen, drawn.things, lens, pose)
        edges.append(blend_edges(surfaces, drawn.seen, drawn.things, lens, pose))
        truncation.append(drawn.truncation)
        lit = light_surfaces(light, surfaces)
        _pack(channels, i, things, drawn, surfaces, lit, camera)
        if gathered:
            between = gather(light, ready.rays, surfaces, lit, drawn.seen.depth_m, camera)
            for name, light_of in (("skylight", lit.skylight), ("bounce", between.bounce), ("gloss", between.gloss)):
                store_half(light_of, channels[name][i])
    return Views(scene, first, GBuffers(**channels, truncation=tuple(truncation), edges=tuple(edges)))


@dataclass(frozen=True, eq=False)
class Drawn:
    """Visibility of one view: what is seen, through which lens, by which things, and (N,) truncation by instance."""

    seen: Visibility
    lens: Lens
    things: tuple[Thing, ...]
    truncation: F32


def draw_view(things: tuple[Thing, ...], camera: Camera, amodal: U64) -> Drawn:
    """The visibility buffers of one view.

    Args:
        things: of the whole scene; their scratch afterwards holds this view's vertices.
        amodal: (H, W, words) uint64 zeros, filled in place.
    """
    lens = lens_of(camera.intrinsics)
    shape = (lens.height, lens.width)
    depth, number, face = np.full(shape, np.inf), np.zeros(shape, np.uint16), np.full(shape, -1, np.int32)
    truncation = np.zeros(sum(thing.instance_index > 0 for thing in things), np.float32)
    camera_from_world = camera.camera_from_world
    drawn: list[Thing] = []
    for thing in things:
        k = thing.instance_index
        camera_from_object = camera_from_world @ thing.world_from_object
        if not may_be_seen(thing, camera_from_object, lens):
            if k > 0:
                truncation[k - 1] = 1.0
            continue
        mesh = thing.model.mesh
        front, projected, *bounds = place_vertices(mesh.vertices, camera_from_object, lens, thing.camera, thing.image)
        if front:
            drawn.append(thing)
            word, bit = ((k - 1) // 64, np.uint64(1) << np.uint64((k - 1) % 64)) if k > 0 else (0, np.uint64(0))
            rasterise(thing.camera, thing.image, mesh.faces, lens, thing.number, word, bit, depth, number, face, amodal)
        whole = projected == len(mesh.vertices) and _within(bounds, lens)
        if k > 0 and not whole:
            beyond = projected == len(mesh.vertices) and not lens.curved and _beyond(bounds, lens)
            truncation[k - 1] = 1.0 if beyond else truncation_of(thing, camera_from_object, lens)
    return Drawn(Visibility(depth, number, face, amodal), lens, tuple(drawn), truncation)


def _within(bounds: list[float], lens: Lens) -> bool:
    x_min, x_max, y_min, y_max = bounds
    return x_min >= 0 and x_max <= lens.width and y_min >= 0 and y_max <= lens.height


def _beyond(bounds: list[float], lens: Lens) -> bool:
    """Wholly on one side of the frame; on a curved lens corners do not bound what lies between them."""
    x_min, x_max, y_min, y_max = bounds
    return x_max < 0 or x_min > lens.width or y_max < 0 or y_min > lens.height


def _empty_channels(views: int, height: int, width: int, gathered: bool, *, words: int) -> dict[str, npt.NDArray[Any]]:
    """Room for one batch, by field of ``GBuffers``."""
    grey = ("roughness", "metallic", "occlusion")
    color = (
        "normal",
        "albedo",
        "direct",
        "highlight",
        "irradiance",
        "reflection",
        *(sorted(GATHERED) if gathered else ()),
    )
    shape = (views, height, width)
    return {
        "instance": np.empty(shape, np.uint16),
        "category": np.empty(shape, np.uint16),
        "depth_m": np.empty(shape, np.float32),
        "amodal": np.zeros((*shape, words), np.uint64),
        **{name: np.empty(shape, np.float16) for name in grey},
        **{name: np.empty((*shape, 3), np.float16) for name in color},
    }


def _pack(
    channels: dict[str, npt.NDArray[Any]],
    i: int,
    things: tuple[Thing, ...],
    drawn: Drawn,
    surfaces: Surfaces,
    lit: LitChannels,
    camera: Camera,
) -> None:
    """Writes one view into slice ``i`` of the batch, in compact types."""
    instances = np.array([0, *(thing.instance_index for thing in things)], np.uint16)
    categories = np.array([0, *(thing.category_id for thing in things)], np.uint16)
    store_labels(
        drawn.seen.thing,
        drawn.seen.depth_m,
        instances,
        categories,
        channels["instance"][i],
        channels["category"][i],
        channels["depth_m"][i],
    )
    normal = np.empty_like(surfaces.normal)
    turn_normals(surfaces.normal, camera.camera_from_world, normal)
    store_half(normal, channels["normal"][i])
    for name in ("albedo", "roughness", "metallic"):
        store_half(getattr(surfaces, name), channels[name][i])
    for name in ("direct", "highlight", "irradiance", "occlusion", "reflection"):
        store_half(getattr(lit, name), channels[name][i])
