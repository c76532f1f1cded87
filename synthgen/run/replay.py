"""``synthgen replay DATASET ID``: makes one image again and compares it with the stored files, byte for byte."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from synthgen import recipe
from synthgen.config.load import load_pipeline
from synthgen.contract import layout
from synthgen.errors import DatasetError
from synthgen.recipe import Batch
from synthgen.run.finish import RESOLVED_PIPELINE
from synthgen.run.plan import Plan, make_plan
from synthgen.run.worker import settle_process
from synthgen.types.records import Sample
from synthgen.write.encode import encode_depth, encode_image, encode_instances
from synthgen.write.receipts import read_receipts


@dataclass(frozen=True)
class ReplayReport:
    """``identical``: every stored file came out again; ``lines``: label and value pairs; ``image``: where it lies."""

    identical: bool
    lines: list[tuple[str, str]]
    image: Path


def replay_image(folder: Path, image_id: int, *, out: Path | None) -> ReplayReport:
    """Makes image ``image_id`` of a dataset again.

    Args:
        folder: the dataset.
        image_id: 1 .. count.
        out: where to put the image; default: ./replay_<id>.<ending>.

    Raises:
        DatasetError: not a dataset, or no such image.
    """
    plan = _plan_of(folder)
    count = plan.pipeline.count
    if not 1 <= image_id <= count:
        raise DatasetError(f"{str(folder)!r} has no image {image_id}; allowed: 1 to {count}")
    sample = _remake(plan, image_id)
    shard = (image_id - 1) // plan.pipeline.camera.views_per_scene // plan.shard_scenes
    target = out or Path(f"replay_{image_id}{layout.IMAGE_SUFFIX[plan.pipeline.image.format]}")
    lines = [("image", str(image_id)), ("scene", f"{sample.scene}, view {sample.view}"), ("split", sample.split)]
    lines += [("rejected", f"{r.stage} attempt {r.attempt}: {r.reason}") for r in sample.rejected]
    if sample.image is None:
        return ReplayReport(True, [*lines, ("empty slot", sample.empty_reason)], target)
    files = _files(plan, sample, shard)
    verdicts = {name: _verdict(folder / name, content) for name, content in files.items()}
    lines += list(verdicts.items())
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(next(iter(files.values())))
    stored_with = next(iter(read_receipts(folder).done.values()), None)
    if stored_with is not None and stored_with.fingerprint != plan.job.fingerprint:
        lines.append(("note", "assets, settings or library versions differ from those the dataset was made with"))
    return ReplayReport(all(v == "identical" for v in verdicts.values()), [*lines, ("written", str(target))], target)


def _plan_of(folder: Path) -> Plan:
    resolved = folder / RESOLVED_PIPELINE
    source = resolved if resolved.is_file() else folder / "pipeline.yaml"
    if not source.is_file():
        raise DatasetError(
            f"{str(folder)!r} is not a synthgen dataset: it has no pipeline.yaml. "
            "Give the folder that 'synthgen run' wrote"
        )
    return make_plan(load_pipeline(str(source)), folder=None)


def _remake(plan: Plan, image_id: int) -> Sample:
    settle_process()
    scene, view = divmod(image_id - 1, plan.pipeline.camera.views_per_scene)
    drawn = recipe.draw(plan.job, recipe.prepare(plan.job, Batch(scene, view, 1)))
    return recipe.samples(plan.job, drawn)[0]


def _files(plan: Plan, sample: Sample, shard: int) -> dict[str, bytes]:
    """Encoded files of a sample by path relative to the dataset, the image first."""
    assert sample.image is not None and sample.depth_m is not None and sample.instances is not None
    image, outputs = plan.pipeline.image, plan.pipeline.labels.outputs
    name = layout.file_name(shard, sample.image_id, image.format)
    files = {layout.pixel_path("images", name): encode_image(sample.image, image.format, image.quality)}
    if "depth" in outputs:
        files[layout.pixel_path("depth", name)] = encode_depth(sample.depth_m)
    if sample.depth_sensor_m is not None:
        files[layout.pixel_path("depth_sensor", name)] = encode_depth(sample.depth_sensor_m)
    if "instances" in outputs:
        files[layout.pixel_path("instances", name)] = encode_instances(sample.instances)
    return files


def _verdict(path: Path, content: bytes) -> str:
    """'identical', or what is different: pixels within 2/255 are the promise on another kind of device."""
    if not path.is_file():
        return "missing in the dataset"
    stored = path.read_bytes()
    if hashlib.sha256(stored).digest() == hashlib.sha256(content).digest():
        return "identical"
    old, new = _decode(stored), _decode(content)
    if old is None or new is None or old.shape != new.shape:
        return "differs: the stored file cannot be compared (damaged, or another size)"
    difference = np.abs(old.astype(np.int64) - new.astype(np.int64))
    return f"differs in {np.count_nonzero(difference)} values, by at most {difference.max()}"


def _decode(content: bytes) -> Any:
    return cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
