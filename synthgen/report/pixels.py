"""Looks at a bounded sample of the image files: brightness, sharpness, exposure, near-duplicates."""

from __future__ import annotations

import heapq
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from synthgen.assets.pixels import decode_pixels
from synthgen.contract import layout
from synthgen.report import histograms as axes
from synthgen.report.facts import PixelFacts
from synthgen.report.histograms import count, drawn
from synthgen.report.reading import ImageRows
from synthgen.types.arrays import I64, U8, U64

SAMPLE_IMAGES = 320
VIEWS_PER_SCENE = 5
SHOWN_IMAGES = 12
MOST_THREADS = 8

CLIPPED_LUMA, CLIPPED_SHARE, BRIGHT_MEAN = 250, 0.25, 225.0
BLACK_LUMA, BLACK_SHARE, DARK_MEAN = 8, 0.6, 20.0

HASH_SIDE = 16
# A view moved by 1 % of the frame differs in about 20 bits; different views of one scene in more than 50.
NEAR_BITS = 24
LISTED_PAIRS = 12


@dataclass(frozen=True, order=True)
class Pick:
    """One image of the sample. Ordered by scene hash, then by its turn within the scene."""

    scene_hash: int
    turn: int
    image_id: int
    shard: int
    file_name: str


class Sampler:
    """Keeps the scenes with the smallest hashes: the same images whatever the number and order of the shards."""

    def __init__(self) -> None:
        self._kept: list[tuple[int, list[Pick]]] = []  # a heap by negated hash: the largest hash leaves first

    def add(self, rows: ImageRows) -> None:
        """Offers the images of one shard (scenes never span shards)."""
        drawn_at = np.array([i for i, name in enumerate(rows.file_name) if name], np.int64)
        hashes = scene_hash(rows.scene[drawn_at])
        if len(self._kept) == SAMPLE_IMAGES:
            small = hashes < np.uint64(-self._kept[0][0])
            drawn_at, hashes = drawn_at[small], hashes[small]
        scenes: dict[int, list[Pick]] = {}
        for i, hashed in zip(drawn_at.tolist(), hashes.tolist(), strict=True):
            picks = scenes.setdefault(hashed, [])
            if len(picks) < VIEWS_PER_SCENE:
                picks.append(Pick(hashed, len(picks), int(rows.image_id[i]), rows.shard, rows.file_name[i]))
        for hashed, picks in scenes.items():
            heapq.heappush(self._kept, (-hashed, picks))
            if len(self._kept) > SAMPLE_IMAGES:
                heapq.heappop(self._kept)

    def sample(self) -> list[Pick]:
        """At most 320 images, by image id: all kept views of as many scenes as fit."""
        chosen = sorted(pick for _, picks in self._kept for pick in picks)[:SAMPLE_IMAGES]
        return sorted(chosen, key=lambda pick: pick.image_id)

    def shown(self) -> list[Pick]:
        """At most 12 images of as many scenes as there are, by image id."""
        by_turn = sorted((pick for _, picks in self._kept for pick in picks), key=lambda p: (p.turn, p.scene_hash))
        return sorted(by_turn[:SHOWN_IMAGES], key=lambda pick: pick.image_id)


def scene_hash(scene: I64) -> U64:
    """Scene numbers mixed into 62-bit numbers (the finaliser of SplitMix64, Steele et al. 2014)."""
    z = scene.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (z ^ (z >> np.uint64(31))) >> np.uint64(2)


def read_rgb(path: Path) -> U8 | None:
    """(H, W, 3) uint8 RGB, or None when the file is missing or no image."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    image = decode_pixels(data, cv2.IMREAD_COLOR)
    return None if image is None else np.ascontiguousarray(image[:, :, ::-1], np.uint8)


@dataclass(frozen=True, eq=False)
class _Measured:
    """What is measured on one image; ``verdict`` as ``exposure`` gives it."""

    brightness: float
    sharpness: float
    difference_hash: U8
    verdict: str


def look(folder: Path, picks: list[Pick]) -> PixelFacts:
    """Reads the sampled files and measures them, on all cores: no more shards are made, and OpenCV lets threads run."""
    with ThreadPoolExecutor(max_workers=min(MOST_THREADS, len(os.sched_getaffinity(0)))) as pool:
        found = list(pool.map(partial(_measure, folder), picks))
    names = [pick.file_name for pick, measured in zip(picks, found, strict=True) if measured]
    whole = [measured for measured in found if measured]
    pairs = near_duplicates([measured.difference_hash for measured in whole])
    verdicts = [(name, measured.verdict) for name, measured in zip(names, whole, strict=True)]
    return PixelFacts(
        sampled=len(names),
        unreadable=tuple(pick.file_name for pick, measured in zip(picks, found, strict=True) if not measured),
        brightness=drawn(axes.LUMA, count(axes.LUMA, np.array([measured.brightness for measured in whole]))),
        sharpness=drawn(axes.SHARPNESS, count(axes.SHARPNESS, np.array([measured.sharpness for measured in whole]))),
        overexposed=tuple(name for name, verdict in verdicts if verdict == "over"),
        underexposed=tuple(name for name, verdict in verdicts if verdict == "under"),
        near_duplicates=tuple((names[a], names[b], bits) for bits, a, b in pairs[:LISTED_PAIRS]),
        near_duplicate_images=len({i for _, a, b in pairs for i in (a, b)}),
    )


def _measure(folder: Path, pick: Pick) -> _Measured | None:
    """None when the file is missing or no image."""
    image = read_rgb(folder / layout.pixel_path("images", pick.file_name))
    if image is None:
        return None
    luma = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)
    sharpness = float(cv2.Laplacian(luma, cv2.CV_32F).var())
    return _Measured(float(luma.mean()), sharpness, difference_hash(luma), exposure(luma))


def exposure(luma: U8) -> str:
    """ "over": over 25 % of the pixels at 250 or more, or a mean over 225; "under": over 60 % at 8 or less, or a mean
    under 20; else "good"."""
    mean = float(luma.mean())
    if float((luma >= CLIPPED_LUMA).mean()) > CLIPPED_SHARE or mean > BRIGHT_MEAN:
        return "over"
    if float((luma <= BLACK_LUMA).mean()) > BLACK_SHARE or mean < DARK_MEAN:
        return "under"
    return "good"


def difference_hash(luma: U8) -> U8:
    """(32,) uint8: 256 bits, each says whether one of 16 x 16 cells is brighter than its left neighbour."""
    small = cv2.resize(luma, (HASH_SIDE + 1, HASH_SIDE), interpolation=cv2.INTER_AREA).astype(np.int16)
    return np.packbits(small[:, 1:] > small[:, :-1])


def near_duplicates(hashes: list[U8]) -> list[tuple[int, int, int]]:
    """(differing bits, a, b) of all pairs a < b that differ in at most 24 of 256 bits, nearest first."""
    found: list[tuple[int, int, int]] = []
    stack = np.array(hashes, np.uint8).reshape(-1, HASH_SIDE * HASH_SIDE // 8)
    ones = np.array([bin(i).count("1") for i in range(256)], np.int64)
    for a in range(len(hashes) - 1):
        bits = ones[stack[a + 1 :] ^ stack[a]].sum(axis=1)
        found += [(int(bits[i]), a, a + 1 + int(i)) for i in np.flatnonzero(bits <= NEAR_BITS)]
    return sorted(found)
