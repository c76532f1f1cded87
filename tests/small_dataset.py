"""A small whole dataset of analytic spheres: 2 shards of 2 scenes x 3 views, one of its 12 slots empty."""

from __future__ import annotations

from pathlib import Path

from analytic_scene import CATEGORIES, Store, make_pipeline, make_samples, make_scene, specs

from synthgen.types.records import Receipt
from synthgen.types.scene import Scene
from synthgen.write.coco import write_coco
from synthgen.write.dataset import Attribution, coco_head, write_dataset, write_pipeline
from synthgen.write.models import write_models
from synthgen.write.shard import close_shard, write_sample

FINGERPRINT = "f" * 64
SHARDS = {0: (0, 1), 1: (2, 3)}
SPLIT_OF = {0: "train", 1: "val", 2: "train", 3: "train"}
EMPTY = (1, 2)  # scene, view
PIPELINE = make_pipeline(count=12, splits={"train": 0.8, "val": 0.2, "test": 0.0})


def scene_of(index: int) -> Scene:
    spheres = [
        ("small", -0.1 + 0.01 * index, 0.0, 0.03),
        ("large", 0.05, 0.02 * index, 0.07),
        ("small", 0.05, 0.0, 0.2),  # a distractor that hides a part of the large sphere
        ("small", 0.3, 0.1, 0.03),  # cut by the frame's edge in some views
    ]
    return make_scene(spheres, distractors=(3,), index=index, cameras=3)


def write_shard(folder: Path, shard: int, *, fingerprint: str = FINGERPRINT) -> Receipt:
    scenes = SHARDS[shard]
    stored = [
        write_sample(folder, sample, PIPELINE, shard)
        for index in scenes
        for sample in make_samples(
            scene_of(index), split=SPLIT_OF[index], empty_view=EMPTY[1] if index == EMPTY[0] else None
        )
    ]
    return close_shard(folder, shard, stored, first_scene=scenes[0], scenes=len(scenes), fingerprint=fingerprint)


def finish(folder: Path, receipts: dict[int, Receipt]) -> None:
    sha256 = write_models(folder, [(spec, Store().model(spec.source)) for spec in specs()])
    sha256["pipeline.yaml"] = write_pipeline(folder, PIPELINE.model_dump(mode="json", by_alias=True))
    files = write_coco(folder, receipts, PIPELINE.splits, coco_head(PIPELINE, CATEGORIES, "0.1.0"))
    write_dataset(
        folder,
        PIPELINE,
        receipts,
        files,
        categories=CATEGORIES,
        fingerprint=FINGERPRINT,
        versions={"synthgen": "0.1.0", "numpy": "2.0.0"},
        attributions=[Attribution("mesh", "small", "0" * 16, "synthgen procedural", "CC0-1.0", "")],
        sha256=sha256,
    )


def build(folder: Path) -> Path:
    finish(folder, {shard: write_shard(folder, shard) for shard in SHARDS})
    return folder
