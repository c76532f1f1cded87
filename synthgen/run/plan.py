"""The planner: pipeline in, catalog and shards out. Reads asset files, writes nothing, starts nothing."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from synthgen import __version__
from synthgen.assets.store import store_for
from synthgen.config.load import LoadedPipeline
from synthgen.config.models import Pipeline
from synthgen.errors import ConfigError
from synthgen.generate.catalog import GATHERING, make_generator
from synthgen.generate.protocol import Generator
from synthgen.recipe import Job, Shard
from synthgen.render.gather import GATHER_VERSION
from synthgen.render.light import LIGHT_VERSION
from synthgen.run.catalog import build_catalog
from synthgen.scene.cameras import camera_fault
from synthgen.scene.sample import capacity_fault
from synthgen.types.catalog import Catalog
from synthgen.types.gbuffer import GBuffers
from synthgen.verify.verifier import make_verifier
from synthgen.write.dataset import installed_versions


@dataclass(frozen=True, eq=False)
class Plan:
    """A run, decided: ``job`` for the workers, shards, and what the client writes.

    Attributes:
        job: pipeline, catalog, fingerprint.
        loaded: the pipeline file as the user gave it.
        shard_scenes: scenes per shard (the last shard may have fewer).
    """

    job: Job
    loaded: LoadedPipeline
    shard_scenes: int

    @property
    def pipeline(self) -> Pipeline:
        return self.job.pipeline

    @property
    def scenes(self) -> int:
        """Number of scenes; the last one may be short."""
        return math.ceil(self.pipeline.count / self.pipeline.camera.views_per_scene)

    @property
    def shard_count(self) -> int:
        return math.ceil(self.scenes / self.shard_scenes)

    def shard(self, number: int) -> Shard:
        """Shard ``number``: whole scenes, never a function of the number of workers."""
        first = number * self.shard_scenes
        scenes = min(self.shard_scenes, self.scenes - first)
        per_scene = self.pipeline.camera.views_per_scene
        slots = min(scenes * per_scene, self.pipeline.count - first * per_scene)
        return Shard(number, first, scenes, slots)

    def shards(self) -> Iterator[Shard]:
        return (self.shard(number) for number in range(self.shard_count))


def make_plan(loaded: LoadedPipeline, *, folder: Path | None) -> Plan:
    """Resolves every glob, hashes and loads every asset once, checks that the scene and the camera are possible.

    Raises:
        ConfigError: all faults found, each with where and what to try.
        AssetError: a file that cannot be used.
        EnvironmentFault: what the generator needs is not installed.
    """
    pipeline = loaded.pipeline
    catalog = build_catalog(pipeline)
    store = store_for(catalog)
    faults = [fault for fault in (camera_fault(pipeline, catalog), capacity_fault(pipeline, catalog, store)) if fault]
    if faults:
        raise ConfigError(faults)
    generator = make_generator(pipeline.generate, store)
    _check_channels(pipeline, generator)
    shard_scenes = scenes_per_shard(pipeline)
    verifier = "" if pipeline.verify is None else make_verifier(pipeline.verify.weights).fingerprint
    fingerprint = fingerprint_of(pipeline, catalog, shard_scenes, generator.fingerprint, verifier)
    return Plan(Job(pipeline, catalog, fingerprint, str(folder) if folder else ""), loaded, shard_scenes)


def scenes_per_shard(pipeline: Pipeline) -> int:
    """clamp(count / 200, 10, 1000) images, rounded up to whole scenes."""
    images = pipeline.run.shard_images or min(max(pipeline.count // 200, 10), 1000)
    return max(1, math.ceil(images / pipeline.camera.views_per_scene))


def fingerprint_of(pipeline: Pipeline, catalog: Catalog, shard_scenes: int, generator: str, verifier: str = "") -> str:
    """sha256 over everything the output depends on: settings, asset contents, versions; never a path."""
    settings = pipeline.model_dump(mode="json", by_alias=True)
    settings["run"] = {"shard_scenes": shard_scenes}
    if settings["pairs"] is None:
        del settings["pairs"]
    scene = settings["scene"]
    for block in (*scene["objects"], *(scene["distractor_objects"] or ()), *scene["fixtures"]):
        block["mesh"] = bool(block.get("mesh"))
        if block.get("material"):
            block["material"]["texture"] = bool(block["material"]["texture"])
    scene["support"]["texture"] = bool(scene["support"]["texture"])
    scene["environment"]["hdr"] = bool(scene["environment"]["hdr"])
    scene["backdrop"] = bool(scene["backdrop"])
    settings["camera"]["calibration"] = bool(settings["camera"]["calibration"])
    if "weights" in settings["generate"]:
        settings["generate"]["weights"] = bool(settings["generate"]["weights"])
    if settings["verify"]:
        settings["verify"]["weights"] = bool(settings["verify"]["weights"])
    if isinstance(settings["labels"]["classes"], str):
        settings["labels"]["classes"] = ""
    assets = {
        "specs": [[s.key, s.role, s.class_name, s.supercategory, s.category_id, s.entry] for s in catalog.specs],
        "categories": [[c.id, c.name, c.supercategory] for c in catalog.categories],
        "files": [
            [f.key for f in files]
            for files in (catalog.environments, catalog.support_textures, catalog.backdrop_textures)
        ],
        "materials": [[entry, [f.key for f in files]] for entry, files in catalog.material_textures],
        "calibration": repr(catalog.calibration),
    }
    text = json.dumps(
        {
            "settings": settings,
            "assets": assets,
            "generator": generator,
            "verifier": verifier,
            "light": [LIGHT_VERSION, GATHER_VERSION if pipeline.generate.kind in GATHERING else 0],
            "versions": installed_versions(__version__),
        },
        sort_keys=True,
    )
    return hashlib.sha256(text.encode()).hexdigest()


def _check_channels(pipeline: Pipeline, generator: Generator) -> None:
    """The generator's channels must be among those that the renderer makes."""
    missing = sorted(generator.channels - set(GBuffers.__dataclass_fields__))
    if missing:
        raise ConfigError(
            f"generate.kind: {pipeline.generate.kind!r} needs the channels {missing}, which the renderer "
            f"does not make; allowed: {', '.join(GBuffers.__dataclass_fields__)}. Use weights made for this version"
        )
