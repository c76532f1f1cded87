"""Reading a pack: pairs by index, G-buffers rendered again on the fly. Needs neither MuJoCo nor a path tracer.

    pack = open_pack(Path("packs/training"))
    for pair in pack.pairs(pack.where(split="train")):
        pair.views.gbuffers, pair.image

The images are stored as what a path tracer adds to ``shaded`` (``pack.radiance``); what costs is the G-buffer: light
once per scene, then some 10 ms per view at 128 x 128. Neighbouring indices are of the same scene and often of the same
view: a shuffle that keeps scenes together pays for the light once.
"""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from synthgen.assets.store import AssetStore
from synthgen.contract.packs import CARD, HELD_OUT, PACK_VERSION, TRAIN, instance_crc32, part_path
from synthgen.errors import DatasetError
from synthgen.generate.shaded import shaded_alone
from synthgen.pack import radiance
from synthgen.pack.assets import outside
from synthgen.pack.parts import read_index, read_part
from synthgen.render.views import render_views
from synthgen.types.arrays import F32
from synthgen.types.catalog import Catalog, FileAsset
from synthgen.types.gbuffer import Views
from synthgen.types.pairs import Pair, SceneTargets, Target

PARTS_KEPT = 32  # some 200 KB each
SAME_LIGHT = 1e-3  # of logarithms: rounding differs less between kinds of CPU, anything else more


@dataclass(frozen=True)
class PairKey:
    """Where a pair lies: ``row`` of ``part``, ``place`` among the scene's targets."""

    pair_id: int
    split: str
    variation: int
    scene: int
    part: int
    row: int
    place: int


class Pack:
    """A complete pack.

    Attributes:
        folder: where it lies.
        card: what pack.json says.
        keys: one per pair, by pair id.
    """

    def __init__(self, folder: Path, card: dict[str, Any], keys: Sequence[PairKey]) -> None:
        self.folder, self.card, self.keys = folder, card, tuple(keys)
        files = tuple(FileAsset(entry["key"], str(folder / entry["file"])) for entry in card["files"])
        self.store = AssetStore(Catalog((), (), environments=files))
        self._parts: OrderedDict[int, list[SceneTargets]] = OrderedDict()
        self._last: tuple[tuple[int, int], tuple[Views, F32]] | None = None

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def trained_on(self) -> bool:
        """Whether its seed makes training data; a pack for evaluation has another one (``packs.TRAINING_SEEDS``)."""
        return bool(self.card["purpose"] == "training")

    def where(self, *, split: str | None = None, varied: bool | None = None) -> list[int]:
        """Indices of the pairs of a split; ``varied``: only variations (True), or only scenes as they are (False).

        Raises:
            DatasetError: no such split.
        """
        if split not in (None, TRAIN, HELD_OUT):
            raise DatasetError(f"a pack has no split {split!r}; allowed: {TRAIN}, {HELD_OUT}")
        return [
            index
            for index, key in enumerate(self.keys)
            if split in (None, key.split) and varied in (None, key.variation > 0)
        ]

    def camera(self, index: int) -> int:
        """Which of its scene's cameras a pair was seen by; renders nothing."""
        return self._target(index)[1].camera

    def target(self, index: int) -> F32:
        """(H, W, 3) float32 linear radiance, path traced.

        Raises:
            DatasetError: as ``views`` does, and when ``shaded`` draws the view otherwise than it did.
        """
        target = self._target(index)[1]
        predicted = self._shown(index)[1]
        now = radiance.brightness(predicted, target.knee)
        if abs(now - target.brightness) > SAME_LIGHT:
            raise DatasetError(self._other(target, "other light"))
        return radiance.decode(target.code, target.knee, target.span, predicted)

    def views(self, index: int, *, gathered: bool = False) -> Views:
        """The G-buffer of a pair, rendered now: one view. That of the last pair is kept.

        Args:
            index: of the pair.
            gathered: whether light between surfaces is wanted (``types.gbuffer.GATHERED``).

        Raises:
            DatasetError: what is rendered now shows other things than the image.
        """
        return self._shown(index, gathered)[0]

    def _shown(self, index: int, gathered: bool = False) -> tuple[Views, F32]:
        """The view of a pair, and what ``shaded`` draws of it."""
        entry, target = self._target(index)
        scene = entry.scene
        key = (scene.index, target.camera)
        last = self._last
        if last is None or last[0] != key or (gathered and last[1][0].gbuffers.gloss is None):
            alone = replace(
                scene, cameras=(scene.cameras[target.camera],), view_indices=(scene.view_indices[target.camera],)
            )
            views = render_views(alone, self.store, gathered=gathered)[0]
            if instance_crc32(views.gbuffers.instance[0]) != target.instance_crc32:
                raise DatasetError(self._other(target, "other shapes"))
            self._last = last = key, (views, shaded_alone(views))
        return last[1]

    def _other(self, target: Target, what: str) -> str:
        made = self.card["versions"]["synthgen"]
        return (
            f"pair {target.pair_id} of {str(self.folder)!r} shows {what} than this synthgen renders: the pack was made "
            f"by version {made}, or with other libraries (pack.json lists them); make it again, or read it with those"
        )

    def __getitem__(self, index: int) -> Pair:
        key = self.keys[index]
        return Pair(key.pair_id, key.split, key.variation, self.views(index), self.target(index))

    def pairs(self, indices: Iterable[int] | None = None) -> Iterator[Pair]:
        """The pairs of these indices, in their order (None: all). Variations in a row share one G-buffer."""
        for index in range(len(self)) if indices is None else indices:
            yield self[index]

    def require_whole(self) -> None:
        """Reads every file once and compares it with the card.

        Raises:
            DatasetError: a file is missing or not the one that was written.
        """
        for name, sha256 in self.card["sha256"].items():
            if sha256_of(self.folder / name) != sha256:
                raise DatasetError(
                    f"{str(self.folder / name)!r} is missing or damaged (its sha256 is not that of {CARD}); remove it "
                    "and give the 'synthgen pairs' command that made the pack again: only that file is made anew"
                )

    def _target(self, index: int) -> tuple[SceneTargets, Target]:
        key = self.keys[index]
        entry = self._part(key.part)[key.row]
        return entry, entry.targets[key.place]

    def _part(self, part: int) -> list[SceneTargets]:
        if part in self._parts:
            self._parts.move_to_end(part)
            return self._parts[part]
        rows = [
            replace(entry, scene=outside(entry.scene, self.folder))
            for entry in read_part(self.folder / part_path(part))
        ]
        self._parts[part] = rows
        if len(self._parts) > PARTS_KEPT:
            self._parts.popitem(last=False)
        return rows


def open_pack(folder: Path) -> Pack:
    """A pack to read.

    Raises:
        DatasetError: there is none, it is incomplete or damaged, or of another version.
        EnvironmentFault: this Pillow has no AVIF.
    """
    radiance.require_avif()
    card = read_card(folder)
    if card is None:
        raise DatasetError(_no_pack(folder))
    keys = []
    for part in range(card["counts"]["parts"]):
        for row, (scene, split, targets) in enumerate(read_index(folder / part_path(part))):
            keys += [
                PairKey(pair_id, split, variation, scene, part, row, place)
                for place, (pair_id, variation) in enumerate(targets)
            ]
    return Pack(folder, card, keys)


def read_card(folder: Path) -> dict[str, Any] | None:
    """What pack.json says; None where there is none.

    Raises:
        DatasetError: it cannot be read, or is of another version.
    """
    path = folder / CARD
    try:
        card = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise DatasetError(
            f"{str(path)!r} cannot be read ({error}). Remove it and give the same 'synthgen pairs' command again: "
            "it is written anew"
        ) from error
    version = card.get("schema_version") if isinstance(card, dict) else None
    if version != PACK_VERSION:
        raise DatasetError(
            f"{str(path)!r} is of a pack with version {version!r}; this synthgen reads and writes {PACK_VERSION}. Make "
            "it again into another folder with --out, or use the synthgen that wrote it"
        )
    return dict(card)


def _no_pack(folder: Path) -> str:
    if not folder.is_dir():
        return f"{str(folder)!r} is not a folder; give the folder that 'synthgen pairs' wrote"
    if (folder / "dataset.json").exists():
        return f"{str(folder)!r} is a dataset, not a pack of training pairs; 'synthgen pairs' makes one"
    if (folder / "parts").is_dir():
        return (
            f"{str(folder)!r} is an incomplete pack: it has no {CARD}; the same 'synthgen pairs' command makes the rest"
        )
    return f"{str(folder)!r} holds no pack: it has no {CARD}; give the folder that 'synthgen pairs' wrote"


def sha256_of(path: Path) -> str:
    """Of a file; "" where it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""
