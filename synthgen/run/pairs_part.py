"""One part of a pack, on a worker: its scenes, and the file that appears whole or not at all."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from synthgen.contract.packs import part_path
from synthgen.pack.parts import write_part
from synthgen.recipe import Batch, Job, Shard, Submit
from synthgen.run.pairs_scenes import MadeScene, draw_scene
from synthgen.types.records import Receipt
from synthgen.write.files import replacing


def run_part(job: Job, shard: Shard, submit: Submit) -> Any:
    """Makes one part. Returns its ``Receipt`` (or what ``submit`` returns for it)."""
    per_scene, left, made = job.pipeline.camera.views_per_scene, shard.slots, []
    for scene in range(shard.first_scene, shard.first_scene + shard.scenes):
        pairs = min(per_scene, left)
        left -= pairs
        made.append(submit("cpu", draw_scene, job, Batch(scene, 0, pairs)))
    return submit("cpu", close_part, job, shard, made)


def close_part(job: Job, shard: Shard, made: list[MadeScene]) -> Receipt:
    """Writes the part beside its place, syncs it and renames it: now it exists."""
    empty: Counter[str] = Counter()
    rejections: Counter[str] = Counter()
    for scene in made:
        empty.update(scene.empty)
        rejections.update(scene.rejections)
    scenes = [scene.made for scene in made if scene.made is not None]
    receipt = Receipt(
        shard=shard.number,
        first_scene=shard.first_scene,
        scenes=shard.scenes,
        slots=shard.slots,
        images=sum(len(scene.targets) for scene in scenes),
        empty=sum(empty.values()),
        annotations=0,
        empty_reasons=dict(sorted(empty.items())),
        rejections=dict(sorted(rejections.items())),
        fingerprint=job.fingerprint,
    )
    with replacing(Path(job.folder) / part_path(shard.number)) as temporary:
        write_part(temporary, scenes, receipt)
    return receipt
