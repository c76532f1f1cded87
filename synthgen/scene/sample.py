"""One settled scene from a pipeline, a catalog and a scene number. Cameras are added afterwards, per view."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.spatial.transform import Rotation

from synthgen import seeding
from synthgen.config.models import FixtureConfig, MaterialConfig, Pipeline, SceneConfig
from synthgen.scene.bodies import Body, placed_parts, turned_box
from synthgen.scene.capacity import capacity_fault
from synthgen.scene.cast import Cast, ModelStore, Streams, draw_cast
from synthgen.scene.drop import Thing, start_poses
from synthgen.scene.lights import draw_environment, draw_lights
from synthgen.scene.materials import draw_materials, draw_surface
from synthgen.scene.occluders import draw_occluder
from synthgen.scene.regions import drop_region
from synthgen.scene.settle import settle
from synthgen.scene.supports import Support, arena_of, draw_support, tote_obstacles
from synthgen.types.arrays import F64
from synthgen.types.assets import Material, ObjectModel
from synthgen.types.catalog import DISTRACTOR_ENTRIES, AssetSpec, Catalog, FileAsset
from synthgen.types.scene import Scene, SceneObject

__all__ = ["capacity_fault", "sample_scene"]


@dataclass(frozen=True, eq=False)
class Stage:
    """What is fixed before anything is dropped."""

    support: Support
    statics: tuple[SceneObject, ...]
    obstacles: tuple[F64, ...]


def sample_scene(pipeline: Pipeline, catalog: Catalog, store: ModelStore, *, scene_index: int, attempt: int) -> Scene:
    """Draws, drops and lights one scene; ``cameras`` is still empty.

    Instance indices: objects 1..n, then distractors. Everything is drawn from streams named "scene.*" of
    (pipeline.seed, scene_index, attempt), one per kind of draw.

    Raises:
        Rejection: "settling_*" (see ``settle``), "object_lost" (something fell off the support).
    """
    streams: Streams = partial(seeding.stream, pipeline.seed, scene=scene_index, attempt=attempt)
    cast = draw_cast(pipeline.scene, catalog, streams)
    models = tuple(store.model(spec.source) for spec in cast.everyone)
    stage = _build_stage(pipeline.scene, catalog, store, models, streams)
    poses = _drop(pipeline.scene, cast, models, stage, streams)
    instances = _instances(pipeline.scene, catalog, cast, models, poses, streams)
    middle, top = _middle_and_top(models, poses, stage)
    occluders = _occluders(pipeline.scene, store, stage.obstacles, middle, top, streams)
    lights = pipeline.scene.lights
    lamp_count = lights.area.sample_int(rng=streams("scene.light_count"))
    return Scene(
        index=scene_index,
        attempt=attempt,
        seed=seeding.draw_seed(pipeline.seed, "scene", scene=scene_index, attempt=attempt),
        objects=stage.statics + instances + occluders,
        environment=draw_environment(pipeline.scene.environment, catalog, rng=streams("scene.environment")),
        lights=draw_lights(
            lights,
            count=lamp_count,
            target_m=np.append(middle, 0.0),
            walled=stage.support.wall_m > 0,
            rng=streams("scene.lights"),
        ),
        cameras=(),
        view_indices=(),
    )


def _build_stage(
    scene: SceneConfig, catalog: Catalog, store: ModelStore, models: tuple[ObjectModel, ...], streams: Streams
) -> Stage:
    """Floor, support and fixtures with their looks, and the convex parts that things collide with."""
    support = draw_support(scene.support, models, store, rng=streams("scene.support"))
    statics, obstacles = [], list(tote_obstacles(support, store))
    for piece in support.furnishings:
        finishes = scene.support.finishes if piece.kind == scene.support.kind else None
        material = draw_surface(
            piece.kind, finishes, _photos(piece.kind, catalog), rng=streams(f"scene.surface.{piece.kind}")
        )
        model = store.model(piece.source)
        materials = (material,) * len(model.slots)
        statics.append(SceneObject(0, piece.role, model.key, piece.source, 0, piece.world_from_object, materials))
    for spec in catalog.with_role("fixture"):
        model, fixture = store.model(spec.source), scene.fixtures[spec.entry]
        pose = fixture_pose(fixture)
        rng = streams(f"scene.fixture.{spec.entry}")
        materials = draw_materials(model, spec, fixture.material, (), rng=rng)
        statics.append(SceneObject(0, "fixture", spec.key, spec.source, 0, pose, materials))
        obstacles += placed_parts(model, pose)
    return Stage(support, tuple(statics), tuple(obstacles))


def fixture_pose(fixture: FixtureConfig) -> F64:
    """(4, 4) world_from_object: turns about the world's x, then y, then z axis, then the shift."""
    pose = np.eye(4)
    pose[:3, :3] = Rotation.from_euler("xyz", fixture.rotation_deg, degrees=True).as_matrix()
    pose[:3, 3] = fixture.position_m
    return pose


def _photos(kind: str, catalog: Catalog) -> tuple[FileAsset, ...]:
    """Photographs of a table surface go on the table (also under a tote), those of a backdrop on the floor."""
    return {"table": catalog.support_textures, "floor": catalog.backdrop_textures}.get(kind, ())


def _drop(scene: SceneConfig, cast: Cast, models: tuple[ObjectModel, ...], stage: Stage, streams: Streams) -> F64:
    """(N, 4, 4) poses at rest of everyone in the cast."""
    upright = streams("scene.upright").random(len(models)) < scene.upright
    things = tuple(
        Thing(model, spec.up, bool(stands)) for model, spec, stands in zip(models, cast.everyone, upright, strict=True)
    )
    rng = streams("scene.drop")
    region = drop_region(models, stage.support, scene.clutter, rng=rng)
    starts = start_poses(things, region, stage.obstacles, rng=rng)
    bodies = tuple(
        Body(model, start, spec.density_kg_m3, spec.friction)
        for model, start, spec in zip(models, starts, cast.everyone, strict=True)
    )
    return settle(bodies, arena_of(stage.support, models, starts, stage.obstacles)).world_from_object


def _instances(
    scene: SceneConfig,
    catalog: Catalog,
    cast: Cast,
    models: tuple[ObjectModel, ...],
    poses: F64,
    streams: Streams,
) -> tuple[SceneObject, ...]:
    textures = dict(catalog.material_textures)
    instances = []
    for index, (spec, model, pose) in enumerate(zip(cast.everyone, models, poses, strict=True), start=1):
        photos = textures.get(spec.entry, ()) if spec.role == "object" else ()
        materials: tuple[Material, ...] = draw_materials(
            model, spec, _override(scene, spec), photos, rng=streams(f"scene.material.{index}")
        )
        instances.append(SceneObject(index, spec.role, spec.key, spec.source, spec.category_id, pose, materials))
    return tuple(instances)


def _override(scene: SceneConfig, spec: AssetSpec) -> MaterialConfig | None:
    """The material block of the entry that a spec comes from."""
    if spec.role == "object":
        return scene.objects[spec.entry].material
    entry = spec.entry - DISTRACTOR_ENTRIES
    return scene.distractor_objects[entry].material if scene.distractor_objects and entry >= 0 else None


def _middle_and_top(models: tuple[ObjectModel, ...], poses: F64, stage: Stage) -> tuple[F64, float]:
    """World (x, y) of the middle of all things, and the z that everything stays below."""
    tops, middles = [stage.support.wall_m], []
    for model, pose in zip(models, poses, strict=True):
        low, high = turned_box(model, pose)
        tops.append(float(high[2]))
        middles.append((low[:2] + high[:2]) / 2)
    return (np.mean(middles, axis=0) if middles else np.zeros(2)), max(tops)


def _occluders(
    scene: SceneConfig,
    store: ModelStore,
    obstacles: tuple[F64, ...],
    middle_m: F64,
    top_m: float,
    streams: Streams,
) -> tuple[SceneObject, ...]:
    count = scene.occluders.sample_int(rng=streams("scene.occluder_count"))
    occluders = []
    for number in range(count):
        rng = streams(f"scene.occluder.{number}")
        placed = draw_occluder(store, obstacles, middle_m=middle_m, top_m=top_m, rng=rng)
        if placed is None:
            continue
        source, pose = placed
        model = store.model(source)
        materials = draw_materials(model, None, None, (), rng=rng)
        occluders.append(SceneObject(0, "occluder", model.key, source, 0, pose, materials))
    return tuple(occluders)
