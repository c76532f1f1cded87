"""``synthgen evaluate variety``: how much a generator's pictures of one view differ, beside the path tracer's.

A pack shows some views several times, under other light and with other finishes that the G-buffer does not tell. How
far those pictures are from each other is what there is to vary; how far a generator's draws are, what it does. Every
picture is exposed by its own meter: brightness alone is no variety.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import asdict

import numpy as np

from synthgen import seeding
from synthgen.errors import DatasetError
from synthgen.evaluate import metrics
from synthgen.evaluate.pictures import develop
from synthgen.evaluate.reports import Report
from synthgen.generate.protocol import Generator
from synthgen.generate.shaded import shaded_alone
from synthgen.networks.lite0 import Lite0, map_distance
from synthgen.pack.reading import Pack
from synthgen.sense.camera_model import meter
from synthgen.types.arrays import F32, F64, I64, U8
from synthgen.types.gbuffer import GATHERED, Views
from synthgen.types.images import Images
from synthgen.verify.crops import bounds
from synthgen.verify.verifier import Verifier

FEWEST_VIEWS = 10
JUDGED_PX = 64  # visible; smaller instances say little


def evaluate_variety(
    generator: Generator,
    pack: Pack,
    verifier: Verifier,
    *,
    views: int,
    styles: int,
    seed: int,
    progress: Callable[[int, int], None],
) -> Report:
    """Draws each varied view of a pack ``styles`` times.

    Args:
        generator: to measure.
        pack: has views with variations.
        verifier: says whether the labels fit every draw.
        views: at most so many, spread evenly.
        styles: draws of each, 2 or more.
        seed: of the draws.
        progress: told (views done, of).

    Raises:
        DatasetError: the pack has too few varied views.
        EnvironmentFault: PyTorch or the Lite0 weights are not installed.
    """
    groups = varied_views(pack)
    if len(groups) < FEWEST_VIEWS:
        raise DatasetError(
            f"{str(pack.folder)!r} shows {len(groups)} views under several lights and finishes; needed: {FEWEST_VIEWS} "
            "or more; make a larger pack, or one with a larger pairs.varied"
        )
    chosen = [groups[int(k)] for k in np.linspace(0, len(groups) - 1, min(views, len(groups)))]
    lite0 = Lite0()
    spreads = np.zeros((len(chosen), 2))
    scores: list[F64] = []
    for i, indices in enumerate(chosen):
        seen = pack.views(indices[0], gathered=bool(generator.channels & GATHERED))
        key = pack.keys[indices[0]]
        drawn = [
            generator(seen, [seeding.draw_seed(seed, "variety.draw", scene=key.scene, view=key.pair_id, attempt=k)])
            for k in range(styles)
        ]
        pictures = [_developed(images) for images in drawn]
        spreads[i] = spread(lite0, pictures), spread(lite0, [_metered(pack.target(index)) for index in indices])
        plain = _metered(shaded_alone(seen))
        scores.append(_agreements(verifier, seen, [plain, *pictures]))
        progress(i + 1, len(chosen))
    scenes = np.array([pack.keys[indices[0]].scene for indices in chosen], np.int64)
    return report(spreads, scenes, np.concatenate(scores), seed)


def varied_views(pack: Pack) -> list[list[int]]:
    """Indices of the pairs of each view that is shown several times, as it is first."""
    shown: dict[tuple[int, int], list[int]] = {}
    for index in pack.where():
        shown.setdefault((pack.keys[index].scene, pack.camera(index)), []).append(index)
    return [sorted(group, key=lambda i: pack.keys[i].variation) for group in shown.values() if len(group) > 1]


def spread(lite0: Lite0, pictures: Sequence[U8]) -> float:
    """Mean ``lite0.map_distance`` of all pairs of some pictures."""
    maps = [lite0.maps(picture) for picture in pictures]
    return float(np.mean([map_distance(a, b) for a, b in itertools.combinations(maps, 2)]))


def report(spreads: F64, scenes: I64, scores: F64, seed: int) -> Report:
    """The table.

    Args:
        spreads: (views, 2) of the generator's draws and of the path tracer's variations.
        scenes: (views,) scene of each.
        scores: (instances, 1 + styles) agreement on ``shaded``'s picture and on each draw.
        seed: of the bootstrap.
    """
    rng = seeding.stream(seed, "variety", scene=-1)
    generated, traced = (metrics.mean_with_interval(spreads[:, k], scenes, rng=rng) for k in range(2))
    share = float(spreads[:, 0].mean() / max(spreads[:, 1].mean(), 1e-12))
    means = scores.mean(axis=0)
    of_ceiling = means[1:] / max(float(means[0]), 1e-12)
    lines = [
        ("views", f"{len(spreads)}, {len(scores)} instances, {scores.shape[1] - 1} draws of each"),
        ("spread of draws", f"{generated.value:.4f} [{generated.low:.4f}, {generated.high:.4f}]"),
        ("of path-traced variations", f"{traced.value:.4f} [{traced.low:.4f}, {traced.high:.4f}]"),
        ("share", f"{share:.2f}"),
        ("agreement of draws", f"{means[1:].mean():.4f}, {of_ceiling.mean():.3f} of shaded's {means[0]:.4f}"),
        ("of the worst draw", f"{means[1:].min():.4f}, {of_ceiling.min():.3f} of it"),
    ]
    numbers = {
        "views": len(spreads),
        "instances": len(scores),
        "draws": scores.shape[1] - 1,
        "spread": asdict(generated),
        "spread_pathtraced": asdict(traced),
        "share": share,
        "agreement": {"mean": means[1:].tolist(), "shaded": float(means[0]), "of_ceiling": of_ceiling.tolist()},
    }
    return Report(lines, numbers)


def _developed(images: Images) -> U8:
    if images.encoding == "srgb8":
        return np.asarray(images.pixels[0], np.uint8)
    return _metered(np.asarray(images.pixels[0], np.float32))


def _metered(radiance: F32) -> U8:
    return develop(radiance, exposure=meter(radiance))


def _agreements(verifier: Verifier, seen: Views, pictures: Sequence[U8]) -> F64:
    """(instances, pictures) of every instance that is large enough."""
    ids = seen.gbuffers.instance[0]
    found = bounds(ids, list(range(1, int(ids.max(initial=0)) + 1)))
    large = [k for k, (_, pixels) in found.items() if pixels >= JUDGED_PX]
    columns = [list(verifier.agreements(picture, ids, large).values()) for picture in pictures]
    return np.array(columns, np.float64).reshape(len(pictures), -1).T
