"""``synthgen score``: how near the pictures of a dataset or generator are to a reference; numbers with conditions."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from synthgen import seeding
from synthgen.device import device_kind
from synthgen.errors import DatasetError, EnvironmentFault
from synthgen.evaluate import metrics
from synthgen.evaluate.looking import PairLook, Progress, SetLook, look_at_sets, scene_numbers
from synthgen.evaluate.pictures import PictureSet
from synthgen.networks.lite0 import Lite0, Network

FEWEST_IMAGES, FEWEST_SCENES = 50, 10
JUDGED_FROM = 2000  # images on each side: below, a Frechet distance says more about their number than about them
MOST_IMAGES = 5000
NAMES = {"lite0": ("kid_lite0", "fd_lite0", "is_lite0", "_lite0"), "inception": ("kid", "fid", "is", "_inception")}


@dataclass(frozen=True)
class Comparison:
    """What to compare.

    Attributes:
        scored, reference: the two sets.
        seed: of the bootstrap (and of a generator's draws).
        version: of synthgen.
        networks: makes the networks beside Lite0; called once everything cheap has been checked.
        agreement: of the scored dataset's labels (``agreement.agreement_of``), None = not verified.
    """

    scored: PictureSet
    reference: PictureSet
    seed: int
    version: str
    networks: Callable[[], list[Network]]
    agreement: dict[str, Any] | None = None


def score(comparison: Comparison, *, progress: Progress = lambda done, of: None) -> dict[str, Any]:
    """Every score of one set of pictures against another, as JSON data; ``score_lines`` makes a table of it.

    Raises:
        DatasetError: too few images or scenes, or images that cannot be read.
        EnvironmentFault: PyTorch or the Lite0 weights are not installed.
        AssetError: the Inception weights do not fit.
    """
    scored, reference = comparison.scored, comparison.reference
    for pictures in (scored, reference):
        _check_enough(pictures)
    lite0 = Lite0()
    networks: list[Network] = [lite0, *comparison.networks()]
    left, right, pairs = look_at_sets(scored, reference, networks, lite0, progress=progress)
    found: dict[str, Any] = {
        "scored": _set_json(scored, left),
        "reference": _set_json(reference, right),
        "conditions": _conditions(comparison, left, right, lite0),
        "paired": _paired(pairs, comparison.seed),
        "unpaired": {
            name: value
            for network in networks
            for name, value in _unpaired(network.name, left, right, comparison.seed).items()
        },
    }
    return found if comparison.agreement is None else {**found, "agreement": comparison.agreement}


def _check_enough(pictures: PictureSet) -> None:
    images, scenes = len(pictures.pictures), len({picture.scene for picture in pictures.pictures})
    if images < FEWEST_IMAGES or scenes < FEWEST_SCENES:
        raise DatasetError(
            f"{pictures.title} has {images} images of {scenes} scenes to score; needed: {FEWEST_IMAGES} images of "
            f"{FEWEST_SCENES} scenes or more, and {JUDGED_FROM} before a Frechet distance means anything. "
            "Make more (--count), give more photographs, or raise --images"
        )


def _set_json(pictures: PictureSet, look: SetLook) -> dict[str, Any]:
    sizes = {f"{width}x{height}": count for (width, height), count in sorted(look.sizes.items())}
    scenes = len({picture.scene for picture in pictures.pictures})
    return {"what": pictures.title, "images": len(pictures.pictures), "scenes": scenes, "sizes": sizes}


def _conditions(comparison: Comparison, left: SetLook, right: SetLook, lite0: Lite0) -> dict[str, Any]:
    notes = []
    if set(left.sizes) != set(right.sizes):
        notes.append(
            "the two sets have images of different sizes: all are brought to the network's input, and what looks "
            "different may be their sharpness; compare at one size"
        )
    numbers = scene_numbers(comparison.scored, comparison.reference)
    return {
        "seed": comparison.seed,
        "bootstrap_replicates": metrics.REPLICATES,
        "interval": "95 %, scenes drawn with replacement",
        "same_scene_compared": False,
        "shared_scenes": len(set(numbers[0].tolist()) & set(numbers[1].tolist())),
        "neighbours": metrics.NEIGHBOURS,
        "versions": {"synthgen": comparison.version, **lite0.versions},
        "device": device_kind(),
        "notes": notes,
    }


def _paired(pairs: PairLook, seed: int) -> dict[str, Any] | None:
    if not len(pairs.scenes):
        return None
    rng = seeding.stream(seed, "score.paired", scene=-1)
    return {
        "pairs": len(pairs.scenes),
        "distance_lite0": asdict(metrics.mean_with_interval(pairs.distance, pairs.scenes, rng=rng)),
        "absolute_error": asdict(metrics.mean_with_interval(pairs.absolute_error, pairs.scenes, rng=rng)),
    }


def _unpaired(network: str, left: SetLook, right: SetLook, seed: int) -> dict[str, Any]:
    a, b = left.features[network], right.features[network]
    rng = seeding.stream(seed, f"score.kernel.{network}", scene=-1)
    kernel, frechet, inception, suffix = NAMES[network]
    precision, recall = metrics.precision_recall(a, b)
    return {
        kernel: asdict(metrics.kernel_distance(a, b, rng=rng)),
        frechet: {"value": metrics.frechet_distance(a.values, b.values), "judged": min(len(a), len(b)) >= JUDGED_FROM},
        inception: {
            "value": metrics.inception_score(left.probabilities[network]),
            "reference": metrics.inception_score(right.probabilities[network]),
        },
        f"precision{suffix}": {"value": precision},
        f"recall{suffix}": {"value": recall},
    }


def score_lines(found: dict[str, Any]) -> list[tuple[str, str]]:
    """Label and value pairs for the terminal."""
    lines = []
    for name in ("scored", "reference"):
        one = found[name]
        sizes = ", ".join(f"{count} of {size}" for size, count in one["sizes"].items())
        lines.append((name, f"{one['what']}: {one['images']} images of {one['scenes']} scenes ({sizes})"))
    paired = found["paired"]
    if paired is None:
        lines.append(("pairs", "none: the two sets do not show the same views"))
    else:
        lines.append(("pairs", str(paired["pairs"])))
        lines.append(("  distance_lite0", f"{_interval(paired['distance_lite0'])}, 0 = the same pictures"))
        lines.append(("  absolute error", f"{_interval(paired['absolute_error'])}, 1 = white against black"))
    fewest = min(found["scored"]["images"], found["reference"]["images"])
    for name, one in found["unpaired"].items():
        lines.append((name, _unpaired_text(one, fewest)))
    lines += _agreement_lines(found.get("agreement"))
    conditions = found["conditions"]
    lines.append(
        ("conditions", f"seed {conditions['seed']}, intervals {conditions['interval']}, {conditions['device']}")
    )
    return lines


def _interval(one: dict[str, Any]) -> str:
    return f"{one['value']:.4f} ({one['low']:.4f} to {one['high']:.4f})"


def _unpaired_text(one: dict[str, Any], fewest: int) -> str:
    if "low" in one:
        return _interval(one)
    if "judged" in one:
        note = "" if one["judged"] else f", not to be judged: {fewest} images, {JUDGED_FROM} are needed"
        return f"{one['value']:.2f}{note}"
    if "reference" in one:
        return f"{one['value']:.2f} (reference {one['reference']:.2f})"
    return f"{one['value']:.3f}"


def _agreement_lines(agreement: dict[str, Any] | None) -> list[tuple[str, str]]:
    if agreement is None:
        return []
    rows = [("agreement", agreement["all"])]
    rows += [(f"  {name}", cell) for part in ("sizes", "classes") for name, cell in agreement[part].items()]
    return [(name, _cell_text(cell)) for name, cell in rows]


def _cell_text(cell: dict[str, Any]) -> str:
    text = f"{cell['mean']:.3f} of {cell['instances']} instances"
    if "ceiling" not in cell:
        return text
    return (
        f"{text}; {cell['of_ceiling']:.1%} of the ceiling {cell['ceiling']:.3f} ({cell['ceiling_instances']} instances)"
    )


def write_score(found: dict[str, Any], path: Path) -> None:
    """Writes the numbers as JSON.

    Raises:
        EnvironmentFault: the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise EnvironmentFault(
            f"{str(path)!r} cannot be written ({error.strerror}); give --json a file in a folder that you may write"
        ) from error
