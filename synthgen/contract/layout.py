"""Paths inside a dataset folder, and how to recognise our own files. All paths are relative, with ``/``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

SCHEMA_VERSION = 1

DATASET = "dataset.json"
PIPELINE = "pipeline.yaml"
MODELS_TABLE = "models/models.parquet"
LOCK = "logs/run.lock"
SPLITS = ("train", "val", "test")

# Written under this suffix first, then renamed: such a file never counts and may always be removed.
TEMPORARY = ".tmp"

Part = Literal["images", "instances"]
PARTS: tuple[Part, ...] = ("images", "instances")
Pixels = Literal["images", "depth", "depth_sensor", "instances"]
PIXELS: tuple[Pixels, ...] = ("images", "depth", "depth_sensor", "instances")

DATA_FOLDERS = ("images", "depth", "depth_sensor", "instances", "annotations", "models", "manifest", "receipts")

IMAGE_SUFFIX: dict[str, str] = {"jpeg": ".jpg", "png": ".png"}

# Folder (regular expression of its path) -> what our own files in it are called. The first group is the shard.
OWN_FILES: tuple[tuple[re.Pattern[str], re.Pattern[str]], ...] = (
    (re.compile(r"images/(\d{5,})"), re.compile(r"\d{9,}\.(jpg|png)")),
    (re.compile(r"(?:depth|depth_sensor|instances)/(\d{5,})"), re.compile(r"\d{9,}\.png")),
)
OWN_NAME = re.compile(r"\d{5,}/\d{9,}\.(jpg|png)")
OWN_PART = re.compile(r"part-(\d{5,})\.parquet(?:\.tmp)?")
OWN_RECEIPT = re.compile(r"(\d{5,})\.json")


def shard_folder(pixels: Pixels, shard: int) -> str:
    """Folder of one shard's images, depth maps, sensor depth maps or instance maps."""
    return f"{pixels}/{shard:05d}"


def file_name(shard: int, image_id: int, image_format: str) -> str:
    """COCO ``file_name``, relative to ``images/``."""
    return f"{shard:05d}/{image_id:09d}{IMAGE_SUFFIX[image_format]}"


def name_fault(names: Iterable[str | None]) -> str:
    """What is wrong with the first name that no image of ours has (it may lead anywhere), or ""; None is no name."""
    for name in names:
        if name is not None and OWN_NAME.fullmatch(name) is None:
            return f"it names an image {name!r}, which is not like 00000/000000001.jpg"
    return ""


def pixel_path(pixels: Pixels, name: str) -> str:
    """Path of the image with this COCO ``file_name``, or of the depth or instance map that belongs to it."""
    return f"images/{name}" if pixels == "images" else f"{pixels}/{name.rsplit('.', 1)[0]}.png"


def part_path(part: Part, shard: int) -> str:
    """Manifest part of one shard."""
    return f"manifest/{part}/part-{shard:05d}.parquet"


def receipt_path(shard: int) -> str:
    """Receipt of one shard: the shard exists if and only if this file does."""
    return f"receipts/{shard:05d}.json"


def coco_path(split: str) -> str:
    """COCO file of one split."""
    return f"annotations/instances_{split}.json"


def model_path(key: str) -> str:
    """Mesh of one labelled object."""
    return f"models/{key}.ply"


def poison_path(scene: int, view: int | None, stage: str, attempt: int) -> str:
    """Traceback of a draw that raised an exception twice; ``view`` is None for the scene itself."""
    where = f"scene-{scene:09d}" + ("" if view is None else f"-view-{view:03d}")
    return f"logs/poison/{where}-{stage}-attempt-{attempt}.log"
