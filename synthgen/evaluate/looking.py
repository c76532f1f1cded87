"""Sends pictures through the networks, each once, several at a time where they are files."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from synthgen.errors import AssetError, DatasetError
from synthgen.evaluate.metrics import Features
from synthgen.evaluate.pictures import PictureSet
from synthgen.networks.lite0 import Embedding, Lite0, Network, map_distance
from synthgen.types.arrays import F64, I64, U8

MOST_THREADS = 8
LISTED = 5

T = TypeVar("T")
R = TypeVar("R")
Progress = Callable[[int, int], None]  # (done, in all)


@dataclass(frozen=True, eq=False)
class SetLook:
    """What the networks make of one set of N pictures.

    Attributes:
        features: by network name.
        probabilities: (N, classes) float64 by network name.
        sizes: (width, height) -> pictures.
    """

    features: dict[str, Features]
    probabilities: dict[str, F64]
    sizes: dict[tuple[int, int], int]


@dataclass(frozen=True, eq=False)
class PairLook:
    """What is measured between the P pairs of two sets.

    Attributes:
        scenes: (P,) int64, as in ``Features``.
        distance: (P,) float64 ``lite0.map_distance``.
        absolute_error: (P,) float64 mean over pixels and channels, 1 = white against black.
    """

    scenes: I64
    distance: F64
    absolute_error: F64


@dataclass(frozen=True)
class _Look:
    size: tuple[int, int]
    embeddings: tuple[Embedding, ...]


def pairs_of(scored: PictureSet, reference: PictureSet) -> dict[int, int]:
    """Index in scored -> index in reference of all pictures that show the same view."""
    keys = {picture.pair: j for j, picture in enumerate(reference.pictures) if picture.pair}
    return {i: keys[picture.pair] for i, picture in enumerate(scored.pictures) if picture.pair in keys}


def scene_numbers(*sets: PictureSet) -> list[I64]:
    """The scenes of several sets' pictures as numbers; equal scenes, equal numbers."""
    names = [picture.scene for pictures in sets for picture in pictures.pictures]
    number = {name: k for k, name in enumerate(dict.fromkeys(names))}
    return [np.array([number[picture.scene] for picture in pictures.pictures], np.int64) for pictures in sets]


def look_at_sets(
    scored: PictureSet, reference: PictureSet, networks: Sequence[Network], lite0: Lite0, *, progress: Progress
) -> tuple[SetLook, SetLook, PairLook]:
    """Looks at all pictures of both sets and at all their pairs.

    Args:
        scored, reference: the sets.
        networks: give features and class probabilities.
        lite0: measures pairs.
        progress: told after every picture or pair.

    Raises:
        DatasetError: pictures that cannot be read, by name.
    """
    pairs = pairs_of(scored, reference)
    alone = set(range(len(reference.pictures))) - set(pairs.values())
    work = [*((i, pairs.get(i)) for i in range(len(scored.pictures))), *((None, j) for j in sorted(alone))]
    pictures, done = len(scored.pictures) + len(reference.pictures), 0

    def look(job: tuple[int | None, int | None]) -> _Looks:
        return _look(scored, job[0], reference, job[1], networks, lite0)

    found: list[_Looks] = []
    for one in _in_order(look, work, parallel=scored.parallel and reference.parallel):
        found.append(one)
        done += len(one.seen) + len(one.faults)
        progress(done, pictures)
    faults = sorted(fault for one in found for fault in one.faults)
    if faults:
        raise DatasetError(_damage_sentence(faults, pictures))
    left, right = scene_numbers(scored, reference)
    jobs = list(zip(work, found, strict=True))
    compared = [(left[i], *one.between) for (i, _), one in jobs if i is not None and one.between is not None]
    between = np.array(compared, np.float64).reshape(-1, 3)
    return (
        _set_look({i: one.seen[0] for (i, _), one in jobs if i is not None}, left, networks),
        _set_look({j: one.seen[-1] for (_, j), one in jobs if j is not None}, right, networks),
        PairLook(between[:, 0].astype(np.int64), between[:, 1], between[:, 2]),
    )


@dataclass(frozen=True)
class _Looks:
    """One or two pictures. ``between``: (distance, absolute error) of two that could be compared."""

    seen: tuple[_Look, ...]
    faults: tuple[str, ...]
    between: tuple[float, float] | None


def _look(
    scored: PictureSet, i: int | None, reference: PictureSet, j: int | None, networks: Sequence[Network], lite0: Lite0
) -> _Looks:
    images: list[U8] = []
    faults: list[str] = []
    for pictures, index in ((scored, i), (reference, j)):
        try:
            images += [] if index is None else [pictures.read(index)]
        except AssetError as error:
            faults.append(str(error))
    seen = tuple(
        _Look((image.shape[1], image.shape[0]), tuple(network.embed(image) for network in networks)) for image in images
    )
    if len(images) < 2 or images[0].shape != images[1].shape:
        return _Looks(seen, tuple(faults), None)
    between = float(np.abs(images[0].astype(np.int16) - images[1]).mean()) / 255.0
    return _Looks(seen, tuple(faults), (map_distance(lite0.maps(images[0]), lite0.maps(images[1])), between))


def _set_look(looks: dict[int, _Look], scenes: I64, networks: Sequence[Network]) -> SetLook:
    features, probabilities = {}, {}
    for k, network in enumerate(networks):
        found = [looks[i].embeddings[k] for i in range(len(scenes))]
        features[network.name] = Features(np.array([one.features for one in found], np.float64), scenes)
        probabilities[network.name] = np.array([one.probabilities for one in found], np.float64)
    return SetLook(features, probabilities, dict(Counter(look.size for look in looks.values())))


def _in_order(call: Callable[[T], R], work: Sequence[T], *, parallel: bool) -> Iterator[R]:
    """``map``, in several threads where allowed; an error or Ctrl-C drops what has not begun."""
    if not parallel:
        yield from map(call, work)
        return
    pool = ThreadPoolExecutor(max_workers=min(MOST_THREADS, len(os.sched_getaffinity(0))))
    try:
        yield from pool.map(call, work)
    finally:
        pool.shutdown(cancel_futures=True)


def _damage_sentence(faults: list[str], pictures: int) -> str:
    more = f" (and {len(faults) - LISTED} more)" if len(faults) > LISTED else ""
    return (
        f"{len(faults)} of {pictures} images cannot be scored{more}; replace or remove them, all others are fine:\n"
        + "\n".join(faults[:LISTED])
    )
