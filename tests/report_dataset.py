"""A dataset made by hand for the report's tests: discs with true masks, boxes and poses, written as a run writes it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from synthgen import rle
from synthgen.config.models import ObjectEntry, Pipeline, SceneConfig
from synthgen.projection import project
from synthgen.seeding import split_of
from synthgen.types.annotations import Annotation
from synthgen.types.arrays import F64, U8, U16
from synthgen.types.catalog import Category
from synthgen.types.geometry import Camera, Intrinsics
from synthgen.types.records import Receipt, Rejected, Sample
from synthgen.write.coco import write_coco
from synthgen.write.dataset import coco_head, write_dataset, write_pipeline
from synthgen.write.shard import close_shard, write_sample

CLASSES = ("mug", "bottle", "gear", "never")
VIEWS = 2


@dataclass(frozen=True)
class Disc:
    """A ball of ``radius_px`` at (x, y), nearer discs hide farther ones (drawn in order)."""

    x: float
    y: float
    radius_px: float
    category_id: int


def camera_for(width: int, height: int) -> Camera:
    """A pinhole camera 0.7 m above the world's origin, looking straight down."""
    pose = np.diag([1.0, -1.0, -1.0, 1.0])
    pose[2, 3] = 0.7
    return Camera(Intrinsics(width, height, width * 1.1, width * 1.1, width / 2, height / 2), pose)


def look_from(azimuth: float, elevation: float, distance_m: float) -> F64:
    """camera_from_object of a camera that looks at the object's origin from there (object frame, radians)."""
    back = np.array(
        [math.cos(elevation) * math.cos(azimuth), math.cos(elevation) * math.sin(azimuth), math.sin(elevation)]
    )
    right = np.array([-math.sin(azimuth), math.cos(azimuth), 0.0])
    down = np.cross(-back, right)
    pose = np.eye(4)
    pose[:3, :3] = np.stack([right, down, -back])
    pose[2, 3] = distance_m
    return pose


def make_sample(
    image_id: int, scene: int, view: int, discs: list[Disc], *, width: int, height: int, rng: np.random.Generator
) -> Sample:
    """A photograph of discs on a mottled ground, with every label true."""
    y, x = np.mgrid[0:height, 0:width] + 0.5
    ids = np.zeros((height, width), np.uint16)
    covers = [(x - d.x) ** 2 + (y - d.y) ** 2 <= d.radius_px**2 for d in discs]
    for k, cover in enumerate(covers, start=1):
        ids[cover] = k
    camera = camera_for(width, height)
    annotations = tuple(
        _annotation(k, disc, covers[k - 1], ids, camera, rng)
        for k, disc in enumerate(discs, start=1)
        if (ids == k).any()
    )
    return Sample(
        image_id=image_id,
        scene=scene,
        view=view,
        split=split_of(scene, run_seed=0, splits={"train": 0.6, "val": 0.2, "test": 0.2}),
        camera=camera,
        image=_photograph(ids, rng),
        depth_m=np.full((height, width), 0.7, np.float32),
        instances=ids,
        annotations=annotations,
        scene_seed=scene,
        draw_seed=image_id,
        scene_attempt=0,
        camera_attempt=0,
        draw_attempt=0,
        rejected=(Rejected("scene", 0, "settling_overlap"),) if scene % 4 == 1 else (),
    )


def _photograph(ids: U16, rng: np.random.Generator) -> U8:
    height, width = ids.shape
    coarse = rng.uniform(90, 190, (6, 8, 3)).astype(np.float32)
    image = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    for k in range(1, int(ids.max(initial=0)) + 1):
        image[ids == k] = rng.uniform(40, 220, 3)
    return np.asarray(np.clip(image + rng.normal(0, 4, image.shape), 0, 255), np.uint8)


def _annotation(
    k: int,
    disc: Disc,
    cover: np.ndarray,
    ids: U16,
    camera: Camera,
    rng: np.random.Generator,  # type: ignore[type-arg]
) -> Annotation:
    visible, amodal = rle.encode(ids == k), rle.encode(cover)
    area = rle.area(visible)
    intrinsics, distance = camera.intrinsics, float(rng.uniform(0.5, 0.9))
    pose = look_from(rng.uniform(-math.pi, math.pi), math.asin(rng.uniform(0.2, 1.0)), distance)
    pose[0, 3] = (disc.x - intrinsics.cx) / intrinsics.fx * distance
    pose[1, 3] = (disc.y - intrinsics.cy) / intrinsics.fy * distance
    size = 2 * disc.radius_px / intrinsics.fx * distance
    half = np.array([[(i >> axis & 1) - 0.5 for axis in range(3)] for i in range(8)] + [[0, 0, 0]]) * size
    pixels = project(half @ pose[:3, :3].T + pose[:3, 3], intrinsics)
    keypoints = [[*point, 1.0 if i % 2 else 2.0] for i, point in enumerate(pixels)]
    x, y, width, height = rle.bounds(visible)
    whole = math.pi * disc.radius_px**2
    return Annotation(
        instance_index=k,
        category_id=disc.category_id,
        model_id=f"{disc.category_id:016x}",
        bbox=(float(x), float(y), float(width), float(height)),
        area=area,
        segmentation=visible,
        amodal_bbox=tuple(float(v) for v in rle.bounds(amodal)),  # type: ignore[arg-type]
        amodal_segmentation=amodal,
        visibility=area / rle.area(amodal),
        truncation=max(0.0, 1 - rle.area(amodal) / whole) if _cut(disc, ids) else 0.0,
        camera_from_object=pose,
        corners_px=tuple(pixels[:8].ravel().tolist()),
        extent_m=(size, size, size),
        keypoints=tuple(np.array(keypoints).ravel().tolist()),
    )


def _cut(disc: Disc, ids: U16) -> bool:
    height, width = ids.shape
    r = disc.radius_px
    return disc.x < r or disc.y < r or disc.x + r > width or disc.y + r > height


def random_discs(number: int, *, width: int, height: int, rng: np.random.Generator) -> list[Disc]:
    """Discs of classes 1 to 3, the first far more often than the last."""
    kinds = rng.choice([1, 2, 3], number, p=[0.7, 0.28, 0.02])
    return [
        Disc(rng.uniform(0, width), rng.uniform(0, height), rng.uniform(3, 30) * width / 256, int(kind))
        for kind in kinds
    ]


def empty_slot(image_id: int, scene: int, view: int) -> Sample:
    """A slot that stayed empty."""
    return Sample(
        image_id, scene, view, "train", None, None, None, None, (), scene, 0, 0, 7, 0,
        rejected=(Rejected("camera", 0, "nothing_visible"), Rejected("camera", 1, "nothing_visible")),
        empty_reason="nothing_visible",
    )  # fmt: skip


def make_dataset(
    folder: Path, *, scenes: int = 20, scenes_per_shard: int = 7, width: int = 128, height: int = 96, seed: int = 0
) -> Path:
    """Writes a finished dataset: ``scenes`` scenes of two views, the very last slot empty, one negative image."""
    rng = np.random.Generator(np.random.PCG64(seed))
    pipeline = Pipeline(
        name="discs",
        description="Discs on a mottled ground",
        count=scenes * VIEWS,
        image={"width": width, "height": height},
        scene=SceneConfig(objects=[ObjectEntry(family="mug")]),
        splits={"train": 0.6, "val": 0.2, "test": 0.2},
    )  # type: ignore[arg-type]
    receipts: dict[int, Receipt] = {}
    for shard, first in enumerate(range(0, scenes, scenes_per_shard)):
        stored = []
        last = min(first + scenes_per_shard, scenes)
        for scene in range(first, last):
            for view in range(VIEWS):
                image_id = scene * VIEWS + view + 1
                number = 0 if image_id == 3 else int(rng.integers(3, 9))
                discs = random_discs(number, width=width, height=height, rng=rng)
                sample = make_sample(image_id, scene, view, discs, width=width, height=height, rng=rng)
                if image_id == scenes * VIEWS:
                    sample = empty_slot(image_id, scene, view)
                stored.append(write_sample(folder, sample, pipeline, shard))
        receipts[shard] = close_shard(
            folder, shard, stored, first_scene=first, scenes=last - first, fingerprint="f" * 64
        )
    _finish(folder, pipeline, receipts)
    return folder


def _finish(folder: Path, pipeline: Pipeline, receipts: dict[int, Receipt]) -> None:
    categories = tuple(Category(i, name, "object") for i, name in enumerate(CLASSES, start=1))
    coco = write_coco(folder, receipts, pipeline.splits, coco_head(pipeline, categories, "0.0.0"))
    write_pipeline(folder, {"name": pipeline.name, "splits": dict(pipeline.splits)})
    write_dataset(
        folder, pipeline, receipts, coco, categories=categories, fingerprint="f" * 64,
        versions={"synthgen": "0.0.0"}, attributions=[], sha256={},
    )  # fmt: skip
