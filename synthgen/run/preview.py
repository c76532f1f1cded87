"""``synthgen preview``: a contact sheet of a pipeline (nothing else is written) or of a dataset."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from synthgen import recipe
from synthgen.config.load import LoadedPipeline
from synthgen.errors import DatasetError, EnvironmentFault, IncompleteError
from synthgen.recipe import Batch
from synthgen.report.drawing import ALL_PARTS, Part, contact_sheet, draw_depth, draw_labels
from synthgen.report.pictures import load_samples
from synthgen.report.pixels import Pick
from synthgen.report.reading import image_rows, read_head, shards
from synthgen.run.plan import Plan, make_plan
from synthgen.run.worker import settle_process
from synthgen.types.arrays import U8
from synthgen.types.records import Sample

SHEET_TILE_PX = 320
GRASP_PARTS: tuple[Part, ...] = ("grasps",)
SHEET_PARTS = tuple(part for part in ALL_PARTS if part != "grasps")


def preview_pipeline(loaded: LoadedPipeline, *, out: Path, views: int, labels: bool = True) -> Path:
    """Draws the first views of a pipeline, one per scene: image, labels, depth side by side. Returns ``out``.

    Raises:
        IncompleteError: no view could be made.
    """
    plan = make_plan(loaded, folder=None)
    samples = first_samples(plan, views)
    if not samples:
        raise IncompleteError(
            f"none of the first {views} scenes of {loaded.path} gave an image; see 'synthgen check' for the cause"
        )
    names = {category.id: category.name for category in plan.job.catalog.categories}
    tiles = _sheet_tiles(samples, names, labels)
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


def first_samples(plan: Plan, views: int) -> list[Sample]:
    """One view of each of the first scenes, then the second views, until there are ``views`` of them."""
    settle_process()
    per_scene = plan.pipeline.camera.views_per_scene
    found: list[Sample] = []
    for index in range(min(views, plan.pipeline.count)):
        scene, view = index % plan.scenes, index // plan.scenes
        if view >= per_scene:
            break
        drawn = recipe.draw(plan.job, recipe.prepare(plan.job, Batch(scene, view, 1)))
        found += [sample for sample in recipe.samples(plan.job, drawn) if sample.image is not None]
    return found


def _sheet_tiles(samples: list[Sample], names: dict[int, str], labels: bool) -> list[U8]:
    """The tiles of every sample, as many for each: grasps have one of their own where any sample has them."""
    grasps = any(found.grasps is not None for sample in samples for found in sample.annotations)
    return [tile for sample in samples for tile in _tiles(sample, names, labels, grasps)]


def _tiles(sample: Sample, names: dict[int, str], labels: bool, grasps: bool) -> list[U8]:
    assert sample.image is not None
    scale = max(1, SHEET_TILE_PX // sample.image.shape[1])
    height, width = sample.image.shape[:2]
    plain = cv2.resize(sample.image, (width * scale, height * scale), interpolation=cv2.INTER_CUBIC)
    tiles = [np.asarray(plain, np.uint8)]
    if labels:
        tiles.append(draw_labels(sample, names, scale=scale, parts=SHEET_PARTS))
    if labels and grasps:
        tiles.append(draw_labels(sample, names, scale=scale, parts=GRASP_PARTS))
    if labels and sample.depth_m is not None:
        tiles.append(draw_depth(sample.depth_m, scale=scale))
    return tiles


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
