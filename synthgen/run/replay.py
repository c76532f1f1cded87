"""``synthgen replay DATASET ID``: makes images again and compares them with the stored files, byte for byte."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from synthgen import recipe
from synthgen.assets.pixels import decode_pixels
from synthgen.config.load import load_pipeline
from synthgen.contract import layout
from synthgen.contract.rejections import ERROR
from synthgen.errors import DatasetError
from synthgen.recipe import Shard, batches_of
from synthgen.run.finish import RESOLVED_PIPELINE
from synthgen.run.plan import Plan, make_plan
from synthgen.run.worker import settle_process
from synthgen.types.records import Receipt, Sample
from synthgen.write.encode import encode_depth, encode_image, encode_instances
from synthgen.write.receipts import read_receipts

Verdict = Literal["identical", "differs", "new", "error"]


@dataclass(frozen=True)
class ReplayReport:
    """What became of one slot.

    Attributes:
        image_id: of the slot.
        verdict: "identical": every stored file, or the same reason for an empty slot, came out again; "differs";
            "new": the dataset has nothing to compare with, because the slot's shard is not finished; "error": the slot
            stays empty because of an exception.
        lines: label and value pairs.
        image: where the image lies (not written for an empty slot).
        reason: "" or why the slot stays empty.
        traceback: of the exceptions on the way, "" for none.
    """

    image_id: int
    verdict: Verdict
    lines: list[tuple[str, str]]
    image: Path
    reason: str = ""
    traceback: str = ""

    @property
    def identical(self) -> bool:
        return self.verdict == "identical"


def replay_image(folder: Path, image_id: int, *, out: Path | None) -> ReplayReport:
    """``replay_images`` of one image."""
    return next(replay_images(folder, range(image_id, image_id + 1), out=out))


def replay_images(folder: Path, image_ids: range, *, out: Path | None) -> Iterator[ReplayReport]:
    """Makes images of a dataset again, or tries slots again that stayed empty or whose shard was never finished.

    Views of one scene are made together, as in the run, so that what went wrong there goes wrong here.

    Args:
        folder: the dataset.
        image_ids: 1 .. count, ascending.
        out: where to put the image, for a range the folder; default: ./replay_<id>.<ending>.

    Raises:
        DatasetError: not a dataset, or no such image.
    """
    plan = _plan_of(folder)
    count, per_scene = plan.pipeline.count, plan.pipeline.camera.views_per_scene
    for image_id in (image_ids[0], image_ids[-1]):
        if not 1 <= image_id <= count:
            raise DatasetError(f"{str(folder)!r} has no image {image_id}; allowed: 1 to {count}")
    receipts = read_receipts(folder).done
    settle_process()
    for scene in range((image_ids[0] - 1) // per_scene, (image_ids[-1] - 1) // per_scene + 1):
        first, last = max(image_ids[0], scene * per_scene + 1), min(image_ids[-1], (scene + 1) * per_scene)
        shard = Shard(scene // plan.shard_scenes, scene, 1, last - first + 1)
        for batch in batches_of(plan.job, shard):
            moved = replace(batch, first_view=batch.first_view + first - 1 - scene * per_scene)
            drawn = recipe.draw(plan.job, recipe.prepare(plan.job, moved))
            for sample in recipe.samples(plan.job, drawn):
                yield _report(plan, folder, sample, receipts.get(shard.number), _target(plan, sample, image_ids, out))


def _target(plan: Plan, sample: Sample, image_ids: range, out: Path | None) -> Path:
    name = f"replay_{sample.image_id}{layout.IMAGE_SUFFIX[plan.pipeline.image.format]}"
    if out is None:
        return Path(name)
    return out if len(image_ids) == 1 else out / name


def _report(plan: Plan, folder: Path, sample: Sample, receipt: Receipt | None, target: Path) -> ReplayReport:
    """Compares one slot with what the dataset holds of it, and writes its image."""
    lines = [("image", str(sample.image_id)), ("scene", f"{sample.scene}, view {sample.view}"), ("split", sample.split)]
    lines += [("rejected", f"{r.stage} attempt {r.attempt}: {r.reason}") for r in sample.rejected]
    notes = []
    if receipt is None:
        notes = [("note", "its shard is not finished: there is nothing to compare with")]
    elif receipt.fingerprint != plan.job.fingerprint:
        notes = [("note", "assets, settings or library versions differ from those the dataset was made with")]
    verdict: Verdict
    if sample.image is None:
        lines.append(("empty slot", sample.empty_reason))
        stored = None if receipt is None else _stored_reason(folder, receipt.shard, sample.image_id)
        verdict = "new" if stored is None else "identical" if stored == sample.empty_reason else "differs"
        if verdict == "differs":
            notes.append(("differs", f"in the dataset: {stored}" if stored else "the dataset holds an image"))
        verdict = "error" if sample.empty_reason.startswith(ERROR) else verdict
    else:
        shard = sample.scene // plan.shard_scenes
        files = _files(plan, sample, shard)
        if receipt is None:
            verdict = "new"
        else:
            verdicts = {name: _verdict(folder / name, content) for name, content in files.items()}
            lines += list(verdicts.items())
            verdict = "identical" if all(v == "identical" for v in verdicts.values()) else "differs"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(next(iter(files.values())))
        notes.append(("written", str(target)))
    details = "\n".join(dict.fromkeys(rejected.detail for rejected in sample.rejected if rejected.detail))
    return ReplayReport(sample.image_id, verdict, lines + notes, target, sample.empty_reason, details)


def _stored_reason(folder: Path, shard: int, image_id: int) -> str | None:
    """Why the dataset's slot is empty, "" if it holds an image; None if the manifest cannot tell."""
    try:
        table = pq.read_table(folder / layout.part_path("images", shard), columns=["image_id", "empty_reason"])
    except (OSError, pa.ArrowException):
        return None
    rows = {row["image_id"]: str(row["empty_reason"]) for row in table.to_pylist()}
    return rows.get(image_id)


def _plan_of(folder: Path) -> Plan:
    resolved = folder / RESOLVED_PIPELINE
    source = resolved if resolved.is_file() else folder / "pipeline.yaml"
    if not source.is_file():
        raise DatasetError(
            f"{str(folder)!r} is not a synthgen dataset: it has no pipeline.yaml. "
            "Give the folder that 'synthgen run' wrote"
        )
    return make_plan(load_pipeline(str(source)), folder=None)


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
    return decode_pixels(content, cv2.IMREAD_UNCHANGED)
