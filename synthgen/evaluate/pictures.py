"""Where the pictures come from that ``score`` compares: a dataset, a folder of images, a pack, a generator."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from synthgen import seeding
from synthgen.assets.textures import read_image
from synthgen.config.choices import IMAGE_SUFFIXES
from synthgen.config.files import matched_files
from synthgen.contract import layout
from synthgen.errors import DatasetError
from synthgen.generate.protocol import Generator
from synthgen.report.reading import read_head, shards
from synthgen.sense.camera_model import meter
from synthgen.sense.tone import TABLE_MAX, TABLE_STEPS, tone_table
from synthgen.types.arrays import F32, U8
from synthgen.types.gbuffer import GATHERED, Views

LARGEST_PX = 2048  # long side; larger photographs say no more to a network that looks at 224 pixels
SHOULDER = 0.72  # of the tone curve that radiance is seen through
COLUMNS = ("image_id", "file_name", "width", "height", "scene_seed", "camera", "instances_sha256")


@dataclass(frozen=True)
class Picture:
    """One picture of a set.

    Attributes:
        name: what an error calls it.
        scene: pictures of equal scenes are never taken for independent ones.
        pair: equal keys of two sets show the same scene through the same camera; "" = nothing to pair with.
    """

    name: str
    scene: str
    pair: str = ""


class PictureSet(Protocol):
    """Pictures that are made or read when asked for.

    Attributes:
        title: what it is, for people.
        pictures: in a fixed order.
        parallel: whether ``read`` may be called from several threads.
    """

    @property
    def title(self) -> str: ...
    @property
    def pictures(self) -> Sequence[Picture]: ...
    @property
    def parallel(self) -> bool: ...

    def read(self, index: int) -> U8:
        """(H, W, 3) uint8 sRGB of one picture. Raises AssetError when its file is damaged."""
        ...


@dataclass(frozen=True)
class Files:
    """A folder of images, or the images of a dataset: each is a file."""

    title: str
    pictures: tuple[Picture, ...]
    parallel: bool = True

    def read(self, index: int) -> U8:
        """See ``PictureSet.read``."""
        return read_image(self.pictures[index].name, max_px=LARGEST_PX)


def folder_pictures(folder: Path, most: int) -> Files:
    """At most ``most`` image files of a folder and its subfolders; each is a scene of its own.

    Raises:
        DatasetError: there are none.
    """
    found = matched_files(str(folder / "**" / "*"), IMAGE_SUFFIXES)
    if not found:
        raise DatasetError(
            f"{str(folder)!r} holds nothing to score; allowed: a dataset, a pack, or a folder of images "
            f"({' '.join(IMAGE_SUFFIXES)}). Check the path"
        )
    pictures = [Picture(str(path), f"file {path}") for path in found]
    return Files(f"{len(found)} images in {folder}", tuple(smallest(pictures, most)))


def dataset_pictures(folder: Path, most: int) -> Files:
    """At most ``most`` images of a finished dataset, by image id; see ``smallest``.

    Two images of two datasets are a pair when number, scene seed, camera and instance map are equal: the same pipeline
    drawn by two generators.

    Raises:
        DatasetError: not a finished dataset, or damaged.
    """
    head = read_head(folder)
    kept: list[Picture] = []
    images = 0
    for shard in shards(folder):
        for row in sorted(_image_rows(folder, shard), key=lambda row: int(row["image_id"])):
            if row["file_name"]:
                images += 1
                name = str(folder / layout.pixel_path("images", row["file_name"]))
                kept.append(Picture(name, f"seed {row['scene_seed']}", _pair_key(row)))
        kept = smallest(kept, most)  # memory does not grow with the dataset
    return Files(f"dataset {folder} ({head.name}, {images} images)", tuple(kept))


def smallest(pictures: Sequence[Picture], most: int) -> list[Picture]:
    """At most ``most`` pictures, in their order: those whose scenes hash smallest.

    The same whatever the order, and of two sets of the same scenes the same views: pairs stay together.
    """
    if len(pictures) <= most:
        return list(pictures)
    rank = sorted(range(len(pictures)), key=lambda i: (hashlib.sha256(pictures[i].scene.encode()).digest(), i))
    return [pictures[i] for i in sorted(rank[:most])]


def _image_rows(folder: Path, shard: int) -> list[dict[str, Any]]:
    path = folder / layout.part_path("images", shard)
    try:
        rows: list[dict[str, Any]] = pq.read_table(path, columns=list(COLUMNS)).to_pylist()
        if fault := layout.name_fault(row["file_name"] for row in rows):
            raise pa.ArrowInvalid(fault)
        return [{name: row[name] for name in COLUMNS} for row in rows]
    except (OSError, KeyError, pa.ArrowException) as error:
        raise DatasetError(
            f"{str(path)!r} cannot be read ({error}); allowed: the manifest part that 'synthgen run' wrote. "
            "'synthgen validate' lists everything that is damaged"
        ) from error


def _pair_key(row: dict[str, Any]) -> str:
    return json.dumps([row[name] for name in COLUMNS if name != "file_name"], sort_keys=True)


class PairKeyLike(Protocol):
    """What a pack knows of a pair before anything is rendered; ``variation`` 0 = the scene itself."""

    @property
    def pair_id(self) -> int: ...
    @property
    def scene(self) -> int: ...
    @property
    def variation(self) -> int: ...


class PackLike(Protocol):
    """What is read of a pack (``pack.reading.Pack``), by index."""

    @property
    def folder(self) -> Path: ...
    @property
    def keys(self) -> Sequence[PairKeyLike]: ...

    def target(self, index: int) -> F32:
        """(H, W, 3) float32 linear radiance."""
        ...

    def views(self, index: int, *, gathered: bool = False) -> Views:
        """The G-buffer, one view; ``gathered``: with light between surfaces."""
        ...


class PackTargets:
    """The reference pictures of a pack, developed.

    Variations (factors that the G-buffer does not show were changed) count among the pictures, but pair with nothing:
    no generator can know which of them was meant.
    """

    parallel = False

    def __init__(self, pack: PackLike, indices: Sequence[int], most: int, *, what: str = "pairs") -> None:
        """``indices``: which pairs (``what`` for people); at most ``most`` of them are taken, see ``smallest``."""
        keys = {f"pair {pack.keys[i].pair_id} of {pack.folder}": i for i in indices}
        self.pictures = tuple(smallest([_pair_picture(pack, name, i) for name, i in keys.items()], most))
        self.indices = tuple(keys[picture.name] for picture in self.pictures)
        self.title = f"pack {pack.folder} ({len(indices)} {what})"
        self.pack = pack

    def read(self, index: int) -> U8:
        """See ``PictureSet.read``."""
        image = self.pack.target(self.indices[index])
        return develop(image, exposure=meter(image))


def _pair_picture(pack: PackLike, name: str, index: int) -> Picture:
    key = pack.keys[index]
    return Picture(name, f"scene {key.scene} of {pack.folder}", name if key.variation == 0 else "")


class Generated:
    """What a generator makes of a pack's views; radiance is developed as the view's target is."""

    parallel = False

    def __init__(self, generator: Generator, targets: PackTargets, *, seed: int) -> None:
        self.title = f"generator {generator.fingerprint} on {targets.title}"
        self.pictures = targets.pictures
        self._generator, self._targets, self._seed = generator, targets, seed

    def read(self, index: int) -> U8:
        """See ``PictureSet.read``."""
        pack, place = self._targets.pack, self._targets.indices[index]
        key = pack.keys[place]
        seed = seeding.draw_seed(self._seed, "score.draw", scene=key.scene, view=key.pair_id)
        views = pack.views(place, gathered=bool(self._generator.channels & GATHERED))
        made = self._generator(views, [seed])
        if made.encoding == "srgb8":
            return np.asarray(made.pixels[0], np.uint8)
        return develop(np.asarray(made.pixels[0], np.float32), exposure=meter(pack.target(place)))


def develop(radiance: F32, *, exposure: float) -> U8:
    """(H, W, 3) linear radiance -> (H, W, 3) uint8 sRGB: one fixed tone curve, no noise, no blur.

    The curve is sRGB's, highlights rolling off from 0.72. ``exposure`` multiplies first; both pictures of a pair get
    that which the camera's meter (``sense.camera_model.meter``) sets for the reference: brightness errors count.
    """
    steps = np.sqrt(np.clip(radiance * exposure / TABLE_MAX, 0.0, 1.0)) * (TABLE_STEPS - 1)
    return np.asarray(np.rint(255.0 * tone_table(SHOULDER, 0.0)[np.rint(steps).astype(np.int32)]), np.uint8)
