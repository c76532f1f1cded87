"""``synthgen preview``: a contact sheet of a pipeline (nothing else is written) or of a dataset."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np

from synthgen import recipe
from synthgen.config.load import LoadedPipeline
from synthgen.config.models import GenerateConfig, PathtracedConfig, ShadedConfig
from synthgen.errors import DatasetError, EnvironmentFault, IncompleteError
from synthgen.recipe import Batch, Prepared
from synthgen.report.drawing import ALL_PARTS, Part, contact_sheet, draw_depth, draw_labels
from synthgen.report.pictures import load_samples
from synthgen.report.pixels import Pick
from synthgen.report.reading import image_rows, read_head, shards
from synthgen.run.plan import Plan, make_plan
from synthgen.run.worker import settle_process
from synthgen.types.arrays import U8
from synthgen.types.records import Sample

SHEET_TILE_PX = 320
LEARNED = ("gan",)  # kinds shown between what they start from and what they learned from
GRASP_PARTS: tuple[Part, ...] = ("grasps",)
SHEET_PARTS = tuple(part for part in ALL_PARTS if part != "grasps")


def preview_pipeline(loaded: LoadedPipeline, *, out: Path, views: int, labels: bool = True) -> Path:
    """Draws the first views of a pipeline, one per scene: image, labels, depth side by side. Returns ``out``.

    Raises:
        IncompleteError: no view could be made.
    """
    plan = make_plan(loaded, folder=None)
    shown = list(_first_views(plan, views))
    samples = [sample for _, sample in shown]
    if not samples:
        raise IncompleteError(
            f"none of the first {views} scenes of {loaded.path} gave an image; see 'synthgen check' for the cause"
        )
    names = {category.id: category.name for category in plan.job.catalog.categories}
    tiles = _sheet_tiles(samples, names, labels)
    per_view = len(tiles) // len(samples)
    if plan.pipeline.generate.kind in LEARNED:
        tiles = [
            tile
            for k, (prepared, _) in enumerate(shown)
            for tile in _between(_beside(plan, prepared), tiles[k * per_view : (k + 1) * per_view])
        ]
        per_view = len(tiles) // len(samples)
    write_png(out, contact_sheet(tiles, columns=per_view * max(1, 6 // per_view)))
    return out


def preview_dataset(folder: Path, *, out: Path, views: int) -> Path:
    """The same sheet from a finished dataset's files: ``views`` images spread evenly over it.

    Raises:
        DatasetError: not a finished dataset, or damaged.
    """
    head = read_head(folder)
    stored = [
        Pick(0, 0, int(image_id), shard, name)
        for shard in shards(folder)
        for rows in [image_rows(folder, shard)]
        for image_id, name in zip(rows.image_id, rows.file_name, strict=True)
        if name
    ]
    if not stored:
        raise DatasetError(f"{str(folder)!r} holds no images (every slot stayed empty); there is nothing to show")
    step = max(1, len(stored) // views)
    samples = load_samples(folder, stored[::step][:views], depth=True)
    names = {category.id: category.name for category in head.categories}
    tiles = _sheet_tiles(samples, names, True)
    per_view = len(tiles) // len(samples)
    write_png(out, contact_sheet(tiles, columns=per_view * max(1, 6 // per_view)))
    return out


def _first_views(plan: Plan, views: int) -> Iterator[tuple[Prepared, Sample]]:
    """One view of each of the first scenes, then the second views, until there are ``views`` of them."""
    settle_process()
    per_scene = plan.pipeline.camera.views_per_scene
    for index in range(min(views, plan.pipeline.count)):
        scene, view = index % plan.scenes, index // plan.scenes
        if view >= per_scene:
            break
        prepared = recipe.prepare(plan.job, Batch(scene, view, 1))
        drawn = recipe.draw(plan.job, prepared)
        yield from ((prepared, sample) for sample in recipe.samples(plan.job, drawn) if sample.image is not None)


def _between(beside: list[U8], own: list[U8]) -> list[U8]:
    """shaded | the pipeline's own image | path traced | labels, depth ..."""
    return [beside[0], own[0], *beside[1:], *own[1:]]


def _beside(plan: Plan, prepared: Prepared) -> list[U8]:
    """The view as ``shaded`` draws it, and as the path tracer does where it is installed; camera and effects alike."""
    configs: list[GenerateConfig] = [ShadedConfig()]
    if find_spec("bpy") is not None:
        configs.append(PathtracedConfig())
    tiles = []
    for config in configs:
        pipeline = plan.pipeline.model_copy(update={"generate": config, "verify": None})
        drawn = recipe.draw(replace(plan.job, pipeline=pipeline), prepared)
        tiles.append(_plain(drawn.pictures[0][0].pixels))
    return tiles


def _sheet_tiles(samples: list[Sample], names: dict[int, str], labels: bool) -> list[U8]:
    """The tiles of every sample, as many for each: grasps have one of their own where any sample has them."""
    grasps = any(found.grasps is not None for sample in samples for found in sample.annotations)
    return [tile for sample in samples for tile in _tiles(sample, names, labels, grasps)]


def _tiles(sample: Sample, names: dict[int, str], labels: bool, grasps: bool) -> list[U8]:
    assert sample.image is not None
    scale = _scale(sample.image)
    tiles = [_plain(sample.image)]
    if labels:
        tiles.append(draw_labels(sample, names, scale=scale, parts=SHEET_PARTS))
    if labels and grasps:
        tiles.append(draw_labels(sample, names, scale=scale, parts=GRASP_PARTS))
    if labels and sample.depth_m is not None:
        tiles.append(draw_depth(sample.depth_m, scale=scale))
    return tiles


def _scale(image: U8) -> int:
    return max(1, SHEET_TILE_PX // image.shape[1])


def _plain(image: U8) -> U8:
    height, width = image.shape[:2]
    size = width * _scale(image), height * _scale(image)
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_CUBIC), np.uint8)


def write_png(path: Path, image: U8) -> None:
    """Writes an RGB image.

    Raises:
        EnvironmentFault: the folder cannot be written.
    """
    ok, encoded = cv2.imencode(".png", image[:, :, ::-1])
    assert ok
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded.tobytes())
    except OSError as error:
        raise EnvironmentFault(
            f"{str(path)!r} cannot be written ({error.strerror}); give --out a file in a folder that you may write"
        ) from error
