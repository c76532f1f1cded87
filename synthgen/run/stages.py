"""Milliseconds per image of every stage, measured alone in this process on warm caches."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from synthgen import recipe, seeding
from synthgen.assets.store import AssetStore, store_for
from synthgen.augment.pictures import augment
from synthgen.config.models import Pipeline
from synthgen.drawing import labelled_indices
from synthgen.generate.catalog import GATHERING, make_generator
from synthgen.label.annotate import annotate
from synthgen.label.grasps import with_grasps
from synthgen.recipe import Batch
from synthgen.render.views import render_views
from synthgen.run.plan import Plan
from synthgen.run.worker import settle_process
from synthgen.scene.cameras import sample_camera, with_cameras
from synthgen.scene.sample import sample_scene
from synthgen.sense.camera_model import sense
from synthgen.sense.depth import sense_depth
from synthgen.types.gbuffer import Views
from synthgen.validate.checks import check_sample
from synthgen.verify.verifier import make_verifier
from synthgen.write.shard import write_sample

SCENES = 5


def stage_milliseconds(plan: Plan) -> dict[str, float]:
    """Median over a few scenes of the milliseconds per image of each stage (a scene's cost divided by its views)."""
    settle_process()
    spent: dict[str, list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory(prefix="synthgen-stages-") as folder:
        for scene in range(min(SCENES, plan.scenes) + 1):
            row = _one_scene(plan, scene, Path(folder))
            if scene > 0 and row:  # the first scene loads what the others find in caches
                for name, value in row.items():
                    spent[name].append(value)
    return {name: statistics.median(values) for name, values in spent.items()}


def _one_scene(plan: Plan, index: int, folder: Path) -> dict[str, float]:
    job, pipeline = plan.job, plan.pipeline
    store, views = store_for(job.catalog), min(pipeline.camera.views_per_scene, 8)
    clock = _Clock(views)
    scene, _, _ = recipe.settled_scene(job, index)
    if scene is None:
        return {}
    attempt = scene.attempt
    clock("scene", sample_scene, pipeline, job.catalog, store, scene_index=index, attempt=attempt)
    try:
        cameras = [sample_camera(pipeline, job.catalog, scene, store, view=v, attempt=0) for v in range(views)]
    except Exception:
        return {}
    render = partial(render_views, gathered=pipeline.generate.kind in GATHERING)
    seen = clock("render", render, with_cameras(scene, cameras, list(range(views))), store)
    rngs = _draw(clock, pipeline, store, seen, index)
    if pipeline.labels.depth_sensor is not None:
        for v, streams in zip(seen, rngs, strict=True):
            clock("depth sensor", sense_depth, v, pipeline.labels.depth_sensor, rngs=streams)
    for v in seen:
        labels = clock("label", annotate, v, store, min_visible_px=pipeline.labels.min_visible_px)
        if pipeline.labels.grasps is not None:
            clock("grasps", with_grasps, v, labels, store, pipeline.labels.grasps)
    drawn = recipe.draw(job, recipe.prepare(job, Batch(index, 0, views)))
    for sample in recipe.samples(job, drawn):
        if sample.image is not None:
            clock("validate", check_sample, sample, store, scene)
        clock("write", write_sample, folder, sample, pipeline, 0)
    return dict(clock.milliseconds)


def _draw(
    clock: _Clock, pipeline: Pipeline, store: AssetStore, seen: list[Views], scene: int
) -> list[list[np.random.Generator]]:
    """Generate, sense, augment and verify; returns the random streams of every view of every batch."""
    generator = make_generator(pipeline.generate, store)
    radiance = [clock("generate", generator, v, list(range(len(v)))) for v in seen]
    rngs = [[seeding.stream(0, "bench", scene=scene, view=i) for i in range(len(v))] for v in seen]
    for v, images, streams in zip(seen, radiance, rngs, strict=True):
        pictures = clock("sense", sense, images, pipeline.sense, rngs=streams)
        if pipeline.augment:
            pictures, _ = clock("augment", augment, pictures, pipeline.augment, rngs=streams)
        if pipeline.verify is not None:
            verifier = make_verifier(pipeline.verify.weights)
            for i, pixels in enumerate(pictures.pixels):
                alone = v.part(range(i, i + 1))
                labelled = labelled_indices(pipeline, alone)
                clock("verify", verifier.agreements, pixels, alone.gbuffers.instance[0], labelled)
    return rngs


class _Clock:
    """Adds up milliseconds per image by stage."""

    def __init__(self, images: int) -> None:
        self.images = images
        self.milliseconds: dict[str, float] = defaultdict(float)

    def __call__(self, name: str, fn: Callable[..., Any], *args: Any, **named: Any) -> Any:
        start = time.perf_counter()
        result = fn(*args, **named)
        self.milliseconds[name] += 1000 * (time.perf_counter() - start) / self.images
        return result
