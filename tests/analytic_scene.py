"""Spheres over a plane, rendered with numpy by the closed form: exact G-buffers without the renderer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import trimesh

from synthgen.config.models import Pipeline
from synthgen.label.annotate import annotate
from synthgen.projection import pixel_rays
from synthgen.types.assets import MaterialSlot, ObjectModel, Symmetries
from synthgen.types.catalog import AssetSpec, Category, FamilySource
from synthgen.types.gbuffer import EdgeBlend, GBuffers, Views
from synthgen.types.geometry import Camera, Intrinsics, Mesh
from synthgen.types.records import Rejected, Sample
from synthgen.types.scene import EnvironmentLight, Scene, SceneObject

RADII = {"small": 0.03, "large": 0.07}
CATEGORIES = (Category(1, "ball", "toy"), Category(2, "globe", "toy"), Category(3, "never seen", "toy"))
CATEGORY_OF = {"small": 1, "large": 2}


@cache
def sphere_model(name: str) -> ObjectModel:
    radius = RADII[name]
    solid = trimesh.creation.icosphere(subdivisions=1, radius=radius)
    vertices = solid.vertices.astype(np.float32)
    mesh = Mesh(
        vertices,
        (vertices / radius).astype(np.float32),
        np.abs(vertices[:, :2]).astype(np.float32),
        solid.faces.astype(np.int32),
        np.zeros(len(solid.faces), np.int32),
    )
    axes = np.eye(3)
    symmetries = Symmetries(np.zeros((0, 4, 4)), axes, np.zeros((3, 3)))
    bounds = np.array([[-radius] * 3, [radius] * 3])
    return ObjectModel(
        key=f"{name:0<16}".encode().hex()[:16],
        name=name,
        mesh=mesh,
        light_mesh=mesh,
        parts=(solid.vertices,),
        bounds_m=bounds,
        diameter_m=2 * radius,
        volume_m3=float(solid.volume),
        watertight=True,
        slots=(MaterialSlot("body", "ceramic"),),
        symmetries=symmetries,
        source="synthgen procedural",
        licence="CC0-1.0",
        attribution="",
    )


@dataclass(frozen=True)
class Store:
    """The asset store's ``model``, for the two spheres."""

    def model(self, source: FamilySource) -> ObjectModel:
        return sphere_model(source.family)


def specs() -> list[AssetSpec]:
    return [
        AssetSpec(sphere_model(n).key, n, "object", FamilySource(n, ()), CATEGORIES[i - 1].name, "toy", i)
        for n, i in CATEGORY_OF.items()
    ]


def look_down(height_m: float, *, x: float = 0.0, y: float = 0.0) -> np.ndarray:
    """Camera at (x, y, height), looking straight down: camera x = world x, camera y = -world y."""
    pose = np.diag([1.0, -1.0, -1.0, 1.0])
    pose[:3, 3] = [x, y, height_m]
    return pose


def make_scene(
    spheres: list[tuple[str, float, float, float]],
    *,
    distractors: tuple[int, ...] = (),
    intrinsics: Intrinsics | None = None,
    index: int = 0,
    cameras: int = 1,
) -> Scene:
    """Spheres (model, x, y, z of the centre), the k-th with instance index k + 1; some of them distractors."""
    things = []
    for k, (name, x, y, z) in enumerate(spheres):
        pose = np.eye(4)
        pose[:3, 3] = [x, y, z]
        extra = k + 1 in distractors
        things.append(
            SceneObject(
                instance_index=k + 1,
                role="distractor" if extra else "object",
                asset_key=sphere_model(name).key,
                source=FamilySource(name, ()),
                category_id=0 if extra else CATEGORY_OF[name],
                world_from_object=pose,
                materials=(),
            )
        )
    lens = intrinsics or Intrinsics(96, 64, 90.0, 90.0, 48.0, 32.0)
    views = tuple(Camera(lens, look_down(0.6, x=0.02 * i)) for i in range(cameras))
    return Scene(
        index,
        0,
        1234 + index,
        tuple(things),
        EnvironmentLight("procedural:x:0", 0.0, 1.0),
        (),
        views,
        tuple(range(cameras)),
    )


def render(scene: Scene) -> Views:
    """All cameras of the scene."""
    frames = [_render_one(scene, camera) for camera in scene.cameras]
    instance, depth, amodal, truncation = zip(*frames, strict=True)
    shape = (*np.shape(instance)[:3],)
    grey, vector = np.zeros(shape, np.float16), np.zeros((*shape, 3), np.float16)
    categories = np.array([0] + [thing.category_id for thing in scene.instances], np.uint16)
    buffers = GBuffers(
        instance=np.stack(instance),
        category=categories[np.stack(instance)],
        depth_m=np.stack(depth),
        normal=vector,
        albedo=vector,
        roughness=grey,
        metallic=grey,
        direct=vector,
        highlight=vector,
        irradiance=vector,
        occlusion=grey,
        reflection=vector,
        amodal=np.stack(amodal),
        truncation=truncation,
        edges=(EdgeBlend(np.zeros(0, np.int32), np.zeros((0, 9), np.uint8)),) * len(frames),
    )
    return Views(scene, 0, buffers)


def _render_one(scene: Scene, camera: Camera) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    u, v = pixel_rays(camera.intrinsics)
    rays = np.stack([u, v, np.ones_like(u)], axis=-1)
    down = camera.world_from_camera[2, 3]  # the plane z = 0, seen from straight above
    depth = np.full(u.shape, down, np.float64)
    instance = np.zeros(u.shape, np.uint16)
    amodal = np.zeros((*u.shape, 1), np.uint64)
    for thing in scene.instances:
        centre = (camera.camera_from_world @ thing.world_from_object)[:3, 3]
        radius = RADII[thing.source.family]
        a, b, c = (rays**2).sum(-1), rays @ centre, centre @ centre - radius**2
        root = b * b - a * c
        z = np.where(root > 0, (b - np.sqrt(np.maximum(root, 0))) / a, np.inf)
        z = np.where(z > 0.01, z, np.inf)
        amodal[..., 0] |= np.where(np.isfinite(z), np.uint64(1 << (thing.instance_index - 1)), np.uint64(0))
        nearer = z < depth
        depth[nearer], instance[nearer] = z[nearer], thing.instance_index
    return instance, depth.astype(np.float32), amodal, np.zeros(len(scene.instances), np.float32)


def make_pipeline(**changes: object) -> Pipeline:
    raw = {
        "name": "spheres",
        "description": "spheres on a plane",
        "count": 6,
        "image": {"width": 96, "height": 64, "format": "jpeg", "quality": 95},
        "scene": {"objects": [{"family": "mug"}]},
        "camera": {"views_per_scene": 3},
        "labels": {"min_visible_px": 8},
    }
    return Pipeline.model_validate({**raw, **changes})


def make_samples(
    scene: Scene, *, split: str = "train", min_visible_px: int = 8, empty_view: int | None = None
) -> list[Sample]:
    """Labelled samples of all views of a scene; the image is a colour per instance."""
    views = render(scene)
    labels = annotate(views, Store(), min_visible_px=min_visible_px)
    colours = np.random.default_rng(7).integers(40, 255, (256, 3)).astype(np.uint8)
    found = []
    for i, labelled in enumerate(labels):
        sample = Sample(
            image_id=scene.index * len(labels) + i + 1,
            scene=scene.index,
            view=i,
            split=split,
            camera=scene.cameras[i],
            image=colours[views.gbuffers.instance[i]],
            depth_m=views.gbuffers.depth_m[i],
            instances=views.gbuffers.instance[i],
            annotations=labelled,
            scene_seed=scene.seed,
            draw_seed=99 + i,
            scene_attempt=0,
            camera_attempt=0,
            draw_attempt=0,
            generator="shaded:test",
            device="cpu:test",
        )
        if i == empty_view:
            sample = replace(
                sample,
                camera=None,
                image=None,
                depth_m=None,
                instances=None,
                annotations=(),
                rejected=(Rejected("camera", 0, "nothing_visible"), Rejected("camera", 1, "nothing_visible")),
                empty_reason="nothing_visible",
            )
        found.append(sample)
    return found
