"""The scenes of a pack: settled with the objects and under the light of their split, seen, and path traced."""

from __future__ import annotations

import contextlib
from collections import Counter
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path

import numpy as np

from synthgen import recipe, seeding
from synthgen.assets.environments import SEEDS_PER_KIND, environment_kinds
from synthgen.assets.store import AssetStore, store_for
from synthgen.attempts import Trouble, try_twice
from synthgen.config.models import ObjectEntry, Pipeline
from synthgen.config.pairs import PairsConfig
from synthgen.contract import layout
from synthgen.contract.packs import HELD_OUT, TRAIN, instance_crc32
from synthgen.errors import Rejection
from synthgen.generate.catalog import make_generator
from synthgen.generate.pathtraced_variation import vary
from synthgen.generate.shaded import shaded_alone
from synthgen.pack.assets import inside
from synthgen.pack.radiance import brightness, encode
from synthgen.recipe import Batch, Job
from synthgen.render.views import render_views
from synthgen.scene.cameras import sample_camera, with_cameras
from synthgen.scene.sample import sample_scene
from synthgen.types.arrays import U16
from synthgen.types.catalog import Catalog
from synthgen.types.gbuffer import Views
from synthgen.types.pairs import SceneTargets, Target
from synthgen.types.scene import Scene
from synthgen.write.poison import MOST_FILES


@dataclass(frozen=True, eq=False)
class PairsJob(Job):
    """A job whose shards are parts of a pack."""


@dataclass(frozen=True, eq=False)
class MadeScene:
    """What one scene gave: ``made`` is None where nothing did. ``empty``: reason -> pairs that are missing;
    ``rejections``: "stage:reason" -> draws."""

    made: SceneTargets | None
    empty: dict[str, int]
    rejections: dict[str, int]


def pairs_config(pipeline: Pipeline) -> PairsConfig:
    """The pipeline's ``pairs`` block, or the defaults."""
    return pipeline.pairs or PairsConfig()


def split_of(pipeline: Pipeline, scene: int) -> str:
    """ "train" or "held_out"."""
    share = pairs_config(pipeline).held_out.share
    return seeding.split_of(scene, run_seed=pipeline.seed, splits={TRAIN: 1.0 - share, HELD_OUT: share})


def is_varied(pipeline: Pipeline, scene: int) -> bool:
    """Whether the scene has one view under several lights and finishes, not several views."""
    draw = seeding.stream(pipeline.seed, "pairs.varied", scene=scene).random()
    return bool(draw < pairs_config(pipeline).varied)


def entry_names(entry: ObjectEntry) -> set[str]:
    """What ``pairs.held_out.objects`` may call an entry: its family or its class."""
    return {name for name in (entry.family, entry.class_name) if name}


def environment_groups(pipeline: Pipeline, catalog: Catalog) -> dict[str, tuple[str, ...]]:
    """Environment keys by the name that ``pairs.held_out.environments`` calls them by: kind, or file without ending."""
    groups: dict[str, list[str]] = {}
    for asset in catalog.environments:
        groups.setdefault(Path(asset.path).stem, []).append(asset.key)
    if pairs_config(pipeline).procedural_environments or not groups:
        for kind in environment_kinds():
            groups.setdefault(kind, []).extend(f"procedural:{kind}:{seed}" for seed in range(SEEDS_PER_KIND))
    return {name: tuple(keys) for name, keys in groups.items()}


@dataclass(frozen=True, eq=False)
class SplitAssets:
    """What the scenes of one split are made of: its catalog, and its environments by name."""

    catalog: Catalog
    environments: dict[str, tuple[str, ...]]


@lru_cache(maxsize=4)
def split_assets(job: Job, split: str) -> SplitAssets:
    """The objects and environments of a split. Where nothing is held out, both splits share everything."""
    held = pairs_config(job.pipeline).held_out
    objects, surroundings, wanted = set(held.objects), set(held.environments), split == HELD_OUT
    entries = job.pipeline.scene.objects
    specs = tuple(
        spec
        for spec in job.catalog.specs
        if spec.role != "object"
        or not objects
        or bool(_names(entries, spec.entry, spec.class_name) & objects) == wanted
    )
    groups = environment_groups(job.pipeline, job.catalog)
    kept = {name: keys for name, keys in groups.items() if not surroundings or (name in surroundings) == wanted}
    return SplitAssets(replace(job.catalog, specs=specs), kept)


def _names(entries: list[ObjectEntry], entry: int, class_name: str) -> set[str]:
    return entry_names(entries[entry]) | {class_name}


def draw_scene(job: Job, batch: Batch) -> MadeScene:
    """One scene of the pack: its record, its views, and what the path tracer saw."""
    store, split = store_for(job.catalog), split_of(job.pipeline, batch.scene)
    assets = split_assets(job, split)
    rejections: Counter[str] = Counter()
    scene, trouble = _settled(job, batch.scene, assets, store, rejections)
    if scene is None:
        return MadeScene(None, {trouble.reason: batch.views}, dict(rejections))
    varied = is_varied(job.pipeline, batch.scene)
    seen, lost = _seen(job, scene, store, range(1 if varied else batch.views), rejections)
    empty = Counter({reason: batch.views if varied else number for reason, number in lost.items()})
    targets: list[Target] = []
    kept: list[Views] = []
    for views, attempt in seen:
        number = views.scene.view_indices[0]
        numbers = range(batch.views) if varied else range(1)
        made, wrong = try_twice(partial(_targets, job, views, attempt, len(kept), numbers, assets))
        if wrong is not None:
            _note(job, rejections, f"draw:{wrong.reason}", layout.poison_path(scene.index, number, "draw", 0), wrong)
            empty[wrong.reason] += len(numbers)
            continue
        kept.append(views)
        targets += made
    if not kept:
        return MadeScene(None, dict(empty), dict(rejections))
    whole = with_cameras(
        scene, [views.scene.cameras[0] for views in kept], [views.scene.view_indices[0] for views in kept]
    )
    return MadeScene(SceneTargets(inside(whole), split, tuple(targets)), dict(empty), dict(rejections))


def _settled(
    job: Job, index: int, assets: SplitAssets, store: AssetStore, rejections: Counter[str]
) -> tuple[Scene | None, Trouble]:
    """The scene under an environment of its split; None and why when all attempts were rejected."""
    config = pairs_config(job.pipeline)
    trouble, catalog = Trouble(""), assets.catalog
    if seeding.stream(job.pipeline.seed, "pairs.photographs", scene=index).random() >= config.photographs:
        catalog = replace(catalog, support_textures=(), backdrop_textures=())
    for attempt in range(recipe.ATTEMPTS):
        scene, wrong = try_twice(
            partial(sample_scene, job.pipeline, catalog, store, scene_index=index, attempt=attempt)
        )
        if wrong is None:
            rng = seeding.stream(job.pipeline.seed, "pairs.environment", scene=index, attempt=attempt)
            names = list(assets.environments)
            keys = assets.environments[names[int(rng.integers(len(names)))]]
            key = keys[int(rng.integers(len(keys)))]
            return replace(scene, environment=replace(scene.environment, key=key)), trouble
        trouble = wrong
        path = layout.poison_path(index, None, "scene", attempt)
        _note(job, rejections, f"scene:{wrong.reason}", path, wrong)
    return None, trouble


def _seen(
    job: Job, scene: Scene, store: AssetStore, wanted: range, rejections: Counter[str]
) -> tuple[list[tuple[Views, int]], Counter[str]]:
    """(one view, its camera attempt) for every view that shows something labelled; the others by reason."""
    found: list[tuple[Views, int]] = []
    lost: Counter[str] = Counter()
    for view in wanted:
        trouble = Trouble("")
        for attempt in range(recipe.ATTEMPTS):
            views, wrong = try_twice(partial(_one_view, job, scene, store, view, attempt))
            if wrong is None:
                found.append((views, attempt))
                break
            trouble = wrong
            path = layout.poison_path(scene.index, view, "camera", attempt)
            _note(job, rejections, f"camera:{wrong.reason}", path, wrong)
        else:
            lost[trouble.reason] += 1
    return found, lost


def _note(job: Job, rejections: Counter[str], what: str, log: str, trouble: Trouble) -> None:
    """Counts a rejected draw; the traceback of an exception is kept in ``log``, if the disk takes it."""
    rejections[what] += 1
    path = Path(job.folder) / log
    if trouble.detail and not path.exists():
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            if sum(1 for _ in path.parent.iterdir()) < MOST_FILES:
                path.write_text(f"reason: {trouble.reason}\n\n{trouble.detail.rstrip()}\n", encoding="utf-8")


def _one_view(job: Job, scene: Scene, store: AssetStore, view: int, attempt: int) -> Views:
    camera = sample_camera(job.pipeline, job.catalog, scene, store, view=view, attempt=attempt)
    views = render_views(with_cameras(scene, [camera], [view]), store)[0]
    _require_visible(job.pipeline, scene, views.gbuffers.instance[0])
    return views


def _require_visible(pipeline: Pipeline, scene: Scene, instance: U16) -> None:
    """Raises Rejection unless a labelled object of the scene, where it has any, shows enough pixels for a label."""
    labelled = [thing.instance_index for thing in scene.instances if thing.category_id > 0]
    pixels = np.bincount(instance.ravel(), minlength=max(labelled, default=0) + 1)
    if labelled and not (pixels[labelled] >= pipeline.labels.min_visible_px).any():
        raise Rejection("nothing_visible")


def _targets(
    job: Job, views: Views, camera_attempt: int, camera: int, variations: range, assets: SplitAssets
) -> list[Target]:
    """What the path tracer sees of one view: of the scene itself (0), and of its variations (1, ...)."""
    pipeline, scene = job.pipeline, views.scene
    tracer = make_generator(pipeline.generate, store_for(job.catalog))
    everywhere = [key for keys in assets.environments.values() for key in keys]
    view = scene.view_indices[0]
    predicted = shaded_alone(views)
    targets = []
    for variation in variations:
        shown = views
        if variation:
            rng = seeding.stream(pipeline.seed, "pairs.vary", scene=scene.index, view=view, attempt=variation)
            shown = replace(views, scene=vary(scene, environments=everywhere, rng=rng))
        seed = seeding.draw_seed(pipeline.seed, "pairs.draw", scene=scene.index, view=view, attempt=variation)
        code, knee, span = encode(tracer(shown, [seed]).pixels[0].astype(np.float32, copy=False), predicted)
        place = variation if len(variations) > 1 else view
        pair_id = scene.index * pipeline.camera.views_per_scene + place + 1
        crc = instance_crc32(views.gbuffers.instance[0])
        light = brightness(predicted, knee)
        targets.append(Target(pair_id, camera, variation, camera_attempt, seed, crc, light, knee, span, code))
    return targets
