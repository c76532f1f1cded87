"""The flow of one shard, on one screen.

    scene -> render -> generate -> sense -> augment -> verify -> label -> validate -> write
    `-- prepare (CPU) -'`---------- draw (GPU; synthgen/drawing.py) --'`------ finish (CPU) ------'

All geometry comes first, all photometry after; no label is ever warped. Each batch is three submits in a straight
line; no loop crosses a submit. Arrays move in batches of at most 8 views; only receipts travel to the client.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from synthgen import seeding
from synthgen.assets.store import AssetStore, store_for
from synthgen.attempts import Trouble, try_twice, view_by_view
from synthgen.config.models import Pipeline
from synthgen.device import Device, device_kind
from synthgen.drawing import Picture, draw_pictures, draw_seed, stream
from synthgen.generate.catalog import GATHERING, ON_GPU, make_generator
from synthgen.label.annotate import annotate
from synthgen.label.grasps import with_grasps
from synthgen.networks.gpu import gpu_kind
from synthgen.render.views import render_views
from synthgen.scene.cameras import sample_camera, with_cameras
from synthgen.scene.sample import sample_scene
from synthgen.sense.depth import sense_depth
from synthgen.types.annotations import Annotation
from synthgen.types.arrays import F32
from synthgen.types.catalog import Catalog
from synthgen.types.gbuffer import Views
from synthgen.types.records import Receipt, Rejected, Sample
from synthgen.types.scene import Scene
from synthgen.validate.checks import check_sample
from synthgen.verify.verifier import make_verifier
from synthgen.write import shard as shard_files
from synthgen.write.poison import keep_tracebacks

ATTEMPTS = 8
VIEWS_PER_BATCH = 8
# Larger images travel in smaller batches, so that a worker's memory does not grow with their size: on CPUs, whose
# networks take one image per call anyway, one of 640x480 or five of 256x256; a GPU wants more at once.
BATCH_PIXELS: dict[Device, int] = {"cpu": 5 * 256 * 256, "gpu": 1_000_000}


@dataclass(frozen=True, eq=False)
class Job:
    """What every worker needs to know about a run; small, sent once. Equal only to itself, so that it can key a cache.

    Attributes:
        pipeline: the resolved pipeline (file paths are not looked at any more: the catalog has them).
        catalog: assets by key.
        fingerprint: of pipeline, assets and versions.
        folder: the dataset folder ("" when nothing is written).
        device: where networks run that draw and verify.
    """

    pipeline: Pipeline
    catalog: Catalog
    fingerprint: str
    folder: str = ""
    device: Device = "cpu"


@dataclass(frozen=True)
class Shard:
    """A range of whole scenes: ``scenes`` scenes from ``first_scene`` on, ``slots`` images in all."""

    number: int
    first_scene: int
    scenes: int
    slots: int


@dataclass(frozen=True)
class Batch:
    """Views first_view .. first_view + views - 1 of one scene."""

    scene: int
    first_view: int
    views: int


@dataclass(frozen=True, eq=False)
class Prepared:
    """One batch after all geometry. ``accepted``: (views, camera attempt per view); ``empty``: view -> reason."""

    batch: Batch
    accepted: tuple[tuple[Views, tuple[int, ...]], ...]
    empty: dict[int, str]
    rejected: dict[int, tuple[Rejected, ...]]
    scene_attempt: int
    scene_seed: int


@dataclass(frozen=True, eq=False)
class Drawn:
    """One batch with its pictures, one tuple of them per ``prepared.accepted`` entry, and what drew them where."""

    prepared: Prepared
    pictures: tuple[tuple[Picture, ...], ...]
    generator: str
    device: str


class Submit(Protocol):
    """``submit("cpu" | "gpu", fn, *args)``: calls at once in-process, becomes ``client.submit`` on Dask."""

    def __call__(self, kind: str, fn: Callable[..., Any], *args: Any) -> Any: ...


def call_now(kind: str, fn: Callable[..., Any], *args: Any) -> Any:
    """The in-process ``Submit``."""
    return fn(*args)


def run_shard(job: Job, shard: Shard, submit: Submit = call_now) -> Any:
    """Makes one shard: a straight line of submits. Returns its ``Receipt`` (or what ``submit`` returns for it)."""
    stored = []
    for batch in batches_of(job, shard):
        prepared = submit("cpu", prepare, job, batch)
        drawn = submit("gpu", draw, job, prepared)
        stored.append(submit("cpu", finish, job, shard, drawn))
    return submit("cpu", close, job, shard, stored)


def batches_of(job: Job, shard: Shard) -> Iterator[Batch]:
    """The batches of a shard, in image order; the last scene of a dataset may be short."""
    pipeline = job.pipeline
    per_scene, left = pipeline.camera.views_per_scene, shard.slots
    most = min(VIEWS_PER_BATCH, max(1, BATCH_PIXELS[job.device] // (pipeline.image.width * pipeline.image.height)))
    for scene in range(shard.first_scene, shard.first_scene + shard.scenes):
        views = min(per_scene, left)
        left -= views
        for first in range(0, views, most):
            yield Batch(scene, first, min(most, views - first))


def prepare(job: Job, batch: Batch) -> Prepared:
    """Scene, cameras, G-buffers: everything geometric, with its redraws."""
    scene, attempt, rejected = settled_scene(job, batch.scene)
    wanted = range(batch.first_view, batch.first_view + batch.views)
    if scene is None:
        empty = dict.fromkeys(wanted, rejected[-1].reason)
        return Prepared(batch, (), empty, dict.fromkeys(wanted, rejected), attempt, 0)
    return _see(job, batch, scene, list(wanted), rejected)


@lru_cache(maxsize=2)
def settled_scene(job: Job, index: int) -> tuple[Scene | None, int, tuple[Rejected, ...]]:
    """The scene of this number (None when all attempts were rejected), its attempt, and what was thrown away."""
    rejected: list[Rejected] = []
    store = store_for(job.catalog)
    for attempt in range(ATTEMPTS):
        scene, trouble = try_twice(
            partial(sample_scene, job.pipeline, job.catalog, store, scene_index=index, attempt=attempt)
        )
        if trouble is None:
            return scene, attempt, tuple(rejected)
        rejected.append(Rejected("scene", attempt, *trouble))
    return None, ATTEMPTS - 1, tuple(rejected)


def _see(job: Job, batch: Batch, scene: Scene, wanted: list[int], scene_rejected: tuple[Rejected, ...]) -> Prepared:
    """Draws cameras and renders, round by round, until every view shows a labelled object or its attempts are spent."""
    store = store_for(job.catalog)
    accepted: list[tuple[Views, tuple[int, ...]]] = []
    rejected = {view: list(scene_rejected) for view in wanted}
    pending = list(wanted)
    for attempt in range(ATTEMPTS):
        cameras, views = [], []
        for view in pending:
            camera, trouble = try_twice(
                partial(sample_camera, job.pipeline, job.catalog, scene, store, view=view, attempt=attempt)
            )
            if trouble is not None:
                rejected[view].append(Rejected("camera", attempt, *trouble))
            else:
                cameras.append(camera)
                views.append(view)
        kept, unseen = _render(job, scene, cameras, views, store)
        accepted += [(batch_views, (attempt,) * len(batch_views)) for batch_views in kept]
        for view, why in unseen.items():
            rejected[view].append(Rejected("camera", attempt, *why))
        done = {v for batch_views in kept for v in batch_views.scene.view_indices}
        pending = [view for view in pending if view not in done]
        if not pending:
            break
    empty = {view: rejected[view][-1].reason for view in pending}
    return Prepared(
        batch, tuple(accepted), empty, {v: tuple(r) for v, r in rejected.items()}, scene.attempt, scene.seed
    )


def _render(
    job: Job, scene: Scene, cameras: list[Any], views: list[int], store: AssetStore
) -> tuple[list[Views], dict[int, Trouble]]:
    """Renders the views; keeps those that show what a slot must show."""
    if not cameras:
        return [], {}

    gathered = job.pipeline.generate.kind in GATHERING

    def render(some: range) -> list[Views]:
        part = with_cameras(scene, cameras[some.start : some.stop], views[some.start : some.stop])
        return render_views(part, store, gathered=gathered)

    rendered, troubles = view_by_view(render, range(len(views)))
    labelled = [thing.instance_index for thing in scene.instances if thing.category_id > 0]
    kept, unseen = [], {views[i]: trouble for i, trouble in troubles.items()}
    for batch_views in (found for _, several in rendered for found in several):
        visible = [_shows_any(batch_views.gbuffers.instance[i], labelled, job) for i in range(len(batch_views))]
        if all(visible):
            kept.append(batch_views)
            continue
        for i, ok in enumerate(visible):
            view = batch_views.scene.view_indices[batch_views.first + i]
            if ok:
                alone = with_cameras(scene, [batch_views.scene.cameras[batch_views.first + i]], [view])
                kept += render_views(alone, store, gathered=gathered)
            else:
                unseen[view] = Trouble("nothing_visible")
    return kept, unseen


def _shows_any(instance: np.ndarray[Any, Any], labelled: list[int], job: Job) -> bool:
    if not labelled:
        return True  # a negative image: nothing has to be seen
    pixels = np.bincount(instance.ravel(), minlength=max(labelled) + 1)
    return bool((pixels[labelled] >= job.pipeline.labels.min_visible_px).any())


def draw(job: Job, prepared: Prepared) -> Drawn:
    """Pixels: generate, sense, augment, verify. A view whose drawing raises twice, or of which no picture agrees with
    its labels, leaves its slot empty."""
    pipeline = job.pipeline
    generator = make_generator(pipeline.generate, store_for(job.catalog), job.device)
    verifier = None if pipeline.verify is None else make_verifier(pipeline.verify.weights, job.device)
    entries: list[tuple[Views, tuple[int, ...]]] = []
    pictures: list[tuple[Picture, ...]] = []
    lost: dict[int, Trouble] = {}
    rejected = dict(prepared.rejected)
    for views, attempts in prepared.accepted:

        def some_pictures(some: range, views: Views = views) -> list[Picture]:
            return draw_pictures(pipeline, generator, verifier, views.part(some))

        drawn, troubles = view_by_view(some_pictures, range(len(views)))
        for some, made in drawn:
            for i, picture in zip(some, made, strict=True):
                view = views.scene.view_indices[views.first + i]
                rejected[view] = (*rejected.get(view, ()), *picture.rejected)
            for run in _runs([not picture.reason for picture in made]):
                there = range(some.start + run.start, some.start + run.stop)
                entries.append((views.part(there), attempts[there.start : there.stop]))
                pictures.append(tuple(made[run.start : run.stop]))
        lost |= {views.scene.view_indices[views.first + i]: trouble for i, trouble in troubles.items()}
    accepted = {v for views, _ in entries for v in _view_numbers(views)} | set(lost)
    failed = {
        v: rejected[v][-1].reason for views, _ in prepared.accepted for v in _view_numbers(views) if v not in accepted
    }
    kept = replace(prepared, accepted=tuple(entries), rejected=rejected, empty=prepared.empty | failed)
    return Drawn(_without(kept, lost, "draw"), tuple(pictures), generator.fingerprint, drawn_by(job))


def drawn_by(job: Job) -> str:
    """The device kind that images are recorded with."""
    return gpu_kind() if job.device == "gpu" and job.pipeline.generate.kind in ON_GPU else device_kind()


def _runs(good: list[bool]) -> list[range]:
    """Maximal ranges of True: neighbouring views stay one batch."""
    edges = np.flatnonzero(np.diff([False, *good, False]))
    return [range(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _view_numbers(views: Views) -> tuple[int, ...]:
    return views.scene.view_indices[views.first : views.first + len(views)]


def _without(prepared: Prepared, lost: dict[int, Trouble], stage: str) -> Prepared:
    """``lost`` views become empty slots; ``accepted`` is without them already."""
    rejected = {
        view: (*prepared.rejected.get(view, ()), Rejected(stage, 0, *trouble)) for view, trouble in lost.items()
    }
    empty = {view: trouble.reason for view, trouble in lost.items()}
    return replace(prepared, empty=prepared.empty | empty, rejected=prepared.rejected | rejected) if lost else prepared


def samples(job: Job, drawn: Drawn) -> list[Sample]:
    """Labels and validates: one ``Sample`` per slot of the batch, empty ones included, in image order.

    A view whose labelling raises twice leaves its slot empty; a label that fails its check is our bug and is raised.
    """
    found: list[Sample] = []
    prepared = drawn.prepared
    for entry in range(len(prepared.accepted)):
        views, _ = prepared.accepted[entry]
        labelled, troubles = view_by_view(partial(_labelled, job, drawn, entry), range(len(views)))
        found += [sample for _, several in labelled for sample in several]
        lost = {views.scene.view_indices[views.first + i]: trouble for i, trouble in troubles.items()}
        prepared = _without(prepared, lost, "label")
    slots = replace(drawn, prepared=prepared)
    found += [replace(_slot(job, slots, view), empty_reason=reason) for view, reason in prepared.empty.items()]
    return sorted(found, key=lambda sample: sample.image_id)


def _labelled(job: Job, drawn: Drawn, entry: int, some: range) -> list[Sample]:
    """The samples of some views of one entry of ``drawn.prepared.accepted``."""
    store = store_for(job.catalog)
    batch, attempts = drawn.prepared.accepted[entry]
    pictures, views = drawn.pictures[entry], batch.part(some)
    labels = annotate(views, store, min_visible_px=job.pipeline.labels.min_visible_px)
    if job.pipeline.labels.grasps is not None:
        labels = with_grasps(views, labels, store, job.pipeline.labels.grasps)
    sensor_m = _sensor_depth(job, views)
    found = []
    for i, (k, labelled) in enumerate(zip(some, labels, strict=True)):
        sample = replace(
            _slot(job, drawn, views.scene.view_indices[views.first + i]),
            camera=views.scene.cameras[views.first + i],
            image=pictures[k].pixels,
            depth_m=views.gbuffers.depth_m[i],
            instances=views.gbuffers.instance[i],
            annotations=_with_agreement(labelled, pictures[k]),
            draw_seed=draw_seed(job.pipeline, views, i, pictures[k].attempt),
            camera_attempt=attempts[k],
            draw_attempt=pictures[k].attempt,
            depth_sensor_m=None if sensor_m is None else sensor_m[i],
            augment=pictures[k].effects,
        )
        check_sample(sample, store, views.scene, min_visible_px=job.pipeline.labels.min_visible_px)
        found.append(sample)
    return found


def _with_agreement(labels: tuple[Annotation, ...], picture: Picture) -> tuple[Annotation, ...]:
    if picture.agreement is None:
        return labels
    ceiling = picture.ceiling or {}
    return tuple(
        replace(label, agreement=picture.agreement[label.instance_index], ceiling=ceiling.get(label.instance_index))
        for label in labels
    )


def _sensor_depth(job: Job, views: Views) -> F32 | None:
    """Depth as the sensor sees it, where it was asked for."""
    config = job.pipeline.labels.depth_sensor
    if config is None:
        return None
    return sense_depth(views, config, rngs=[stream(job.pipeline, "depth_sensor", views, i) for i in range(len(views))])


def _slot(job: Job, drawn: Drawn, view: int) -> Sample:
    pipeline, prepared = job.pipeline, drawn.prepared
    scene = prepared.batch.scene
    return Sample(
        image_id=scene * pipeline.camera.views_per_scene + view + 1,
        scene=scene,
        view=view,
        split=seeding.split_of(scene, run_seed=pipeline.seed, splits=pipeline.splits),
        camera=None,
        image=None,
        depth_m=None,
        instances=None,
        annotations=(),
        scene_seed=prepared.scene_seed,
        draw_seed=0,
        scene_attempt=prepared.scene_attempt,
        camera_attempt=0,
        draw_attempt=0,
        rejected=prepared.rejected.get(view, ()),
        generator=drawn.generator,
        device=drawn.device,
    )


def finish(job: Job, shard: Shard, drawn: Drawn) -> list[shard_files.StoredSample]:
    """Labels, validates and writes one batch; returns what the manifest needs to know."""
    folder, made = Path(job.folder), samples(job, drawn)
    keep_tracebacks(folder, made)
    return [shard_files.write_sample(folder, sample, job.pipeline, shard.number) for sample in made]


def close(job: Job, shard: Shard, stored: list[list[shard_files.StoredSample]]) -> Receipt:
    """Writes the shard's manifest parts, syncs once, renames the receipt into place: now the shard exists."""
    return shard_files.close_shard(
        Path(job.folder),
        shard.number,
        [sample for batch in stored for sample in batch],
        first_scene=shard.first_scene,
        scenes=shard.scenes,
        fingerprint=job.fingerprint,
    )
