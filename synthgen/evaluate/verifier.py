"""``synthgen evaluate verifier``: agreement on datasets whose labels are right, and on faults planted into them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from synthgen.errors import DatasetError, UserError
from synthgen.evaluate.faults import FAULTS
from synthgen.evaluate.labelled_images import annotations_of, image_names, labelled_image
from synthgen.types.arrays import F64, U16
from synthgen.verify.size_bins import SIZE_BINS, bins_of, titled
from synthgen.verify.verifier import Verifier

FEWEST = 200  # instances, for a size bin's mean to count
LEAST_MEAN, LEAST_AUC = 0.90, 0.95
LEAST_CEILING = 0.01  # for a quotient
FAULT_FEWEST_PX = 256  # faults are planted into instances that the gate looks at
SEED = 900_777


@dataclass(frozen=True, eq=False)
class Found:
    """Scores of one dataset.

    Attributes:
        name: of the dataset.
        areas, scores: (N,) visible pixels and agreement of every untouched instance.
        faults: name -> (n, 3) agreement with and without the fault, of the instances it was planted into, and their
            ceiling (nan where it was not asked for).
    """

    name: str
    areas: F64
    scores: F64
    faults: dict[str, F64]


@dataclass(frozen=True)
class VerifierReport:
    """``lines``: for the terminal; ``numbers``: for JSON; ``failed``: what misses its target."""

    lines: list[tuple[str, str]]
    numbers: dict[str, Any]
    failed: list[str]


def evaluate_verifier(
    verifier: Verifier,
    datasets: list[Path],
    *,
    ceilings: Sequence[Path] = (),
    images: int,
    faulty: int,
    least: float = LEAST_MEAN,
    progress: Callable[[int, int], None],
) -> VerifierReport:
    """Scores untouched instances, and planted faults, of finished datasets.

    Args:
        verifier: to measure.
        datasets: finished datasets with instance maps; none of them may be one it was trained on.
        ceilings: for each of them, the same scenes as ``shaded`` draws them; faults are then also told apart by
            agreement / ceiling, as the gate of ``verify`` compares them. Empty = by agreement alone.
        images: looked at per dataset at most, spread evenly.
        faulty: of these images, how many also get planted faults (one instance each per fault).
        least: mean agreement that is asked for.
        progress: told (images done, of).

    Raises:
        DatasetError: not a finished dataset with instance maps, or a ceiling that shows other things.
        UserError: some datasets have a ceiling and some have none.
    """
    if ceilings and len(ceilings) != len(datasets):
        raise UserError(
            f"--ceiling is given {len(ceilings)} times for {len(datasets)} datasets; allowed: once for each, in their "
            "order, or not at all"
        )
    found = []
    beside: list[Path | None] = [*ceilings] or [None] * len(datasets)
    for dataset, ceiling in zip(datasets, beside, strict=True):
        rows = image_names(dataset)
        chosen = [rows[int(k)] for k in np.linspace(0, len(rows) - 1, min(images, len(rows)))]
        found.append(_measure(verifier, dataset, ceiling, chosen, faulty, progress))
    return _report(found, least)


def auc(good: F64, bad: F64) -> float:
    """Area under the ROC curve: the chance that a right label scores higher than a faulty one (ties count half)."""
    both = np.concatenate([good, bad])
    _, inverse, counts = np.unique(both, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]  # mean rank of equal values, from 1
    n, m = len(good), len(bad)
    return float((ranks[:n].sum() - n * (n + 1) / 2) / (n * m))


def _measure(
    verifier: Verifier,
    dataset: Path,
    ceiling: Path | None,
    chosen: list[tuple[int, str]],
    faulty: int,
    progress: Callable[[int, int], None],
) -> Found:
    areas: list[float] = []
    scores: list[float] = []
    faults: dict[str, list[tuple[float, float, float]]] = {name: [] for name in FAULTS}
    for done, (name, annotated) in enumerate(annotations_of(dataset, chosen)):
        image, ids = labelled_image(dataset, name)
        found = verifier.agreements(image, ids, list(annotated))
        pixels = np.bincount(ids.ravel())
        areas += [float(pixels[k]) for k in found]
        scores += list(found.values())
        large = [k for k in found if pixels[k] >= FAULT_FEWEST_PX]
        if done * faulty // len(chosen) < (done + 1) * faulty // len(chosen) and large:
            rng = np.random.default_rng([SEED, done])
            best = {} if ceiling is None else _ceiling(verifier, dataset, ceiling, name, ids, large)
            for key, plant in FAULTS.items():
                k = int(rng.choice(large))
                wrong = plant(image, ids, k, rng)
                if wrong is not None:
                    picture, mask = wrong
                    score = verifier.agreements(picture, mask.astype(np.uint16), [1])
                    faults[key].append((score[1], found[k], best.get(k, np.nan)))
        progress(done + 1, len(chosen))
    planted = {name: np.array(rows).reshape(-1, 3) for name, rows in faults.items()}
    return Found(dataset.name, np.array(areas), np.array(scores), planted)


def _ceiling(
    verifier: Verifier, dataset: Path, ceiling: Path, name: str, ids: U16, indices: list[int]
) -> dict[int, float]:
    """Agreement of ``shaded``'s picture with the right labels, whatever is wrong elsewhere.

    Raises:
        DatasetError: it shows other things.
    """
    image, same = labelled_image(ceiling, name)
    if not np.array_equal(ids, same):
        raise DatasetError(
            f"image {name} shows other things in {str(ceiling)!r} than in {str(dataset)!r}; allowed as --ceiling: a "
            "dataset of the same pipeline and seed, made with --set generate.kind=shaded"
        )
    return verifier.agreements(image, ids, indices)


def _report(found: list[Found], least: float = LEAST_MEAN) -> VerifierReport:
    lines: list[tuple[str, str]] = []
    failed: list[str] = []
    numbers: dict[str, Any] = {}
    for one in found:
        numbers[one.name] = {"instances": len(one.scores), "mean": _mean(one.scores), "bins": {}, "auc": {}}
        lines.append((one.name, f"{len(one.scores)} instances, mean agreement {_mean(one.scores):.3f}"))
        _note(one.scores, one.name, least, failed)
        place = bins_of(one.areas)
        for k, (bare, _) in enumerate(SIZE_BINS):
            name = titled(bare)
            scores = one.scores[place == k]
            if len(scores):
                low, middle = np.quantile(scores, [0.05, 0.5])
                numbers[one.name]["bins"][name] = {"instances": len(scores), "mean": _mean(scores), "p05": float(low)}
                text = f"{len(scores)} instances, mean {_mean(scores):.3f}, median {middle:.3f}, 5 % below {low:.3f}"
                lines.append((f"  {name}", text))
                _note(scores, f"{one.name}, {name}", least, failed)
        for name, rows in one.faults.items():
            if len(rows):
                numbers[one.name]["auc"][name] = told = _told(rows)
                text = f"AUC {told['auc']:.3f} of {len(rows)} faults, mean {told['mean']:.3f}"
                if "auc_of_ceiling" in told:
                    text += f"; by agreement / ceiling AUC {told['auc_of_ceiling']:.3f}"
                lines.append((f"  {name}", text))
                for key, by in (("auc", ""), ("auc_of_ceiling", " by agreement / ceiling")):
                    if told.get(key, 1.0) < LEAST_AUC:
                        failed.append(f"{one.name}, {name}: AUC{by} {told[key]:.3f} (at least {LEAST_AUC})")
    return VerifierReport(lines, numbers, failed)


def _told(rows: F64) -> dict[str, float]:
    """How well a fault is told from right labels: (n, 3) rows as in ``Found.faults``."""
    wrong, right, ceiling = rows.T
    told = {"faults": len(rows), "auc": auc(right, wrong), "mean": _mean(wrong)}
    if not np.isnan(ceiling).any():
        best = np.maximum(ceiling, LEAST_CEILING)
        told["auc_of_ceiling"] = auc(right / best, wrong / best)
    return told


def _note(scores: F64, where: str, least: float, failed: list[str]) -> None:
    if len(scores) >= FEWEST and scores.mean() < least:
        failed.append(f"{where}: mean agreement {scores.mean():.3f} (at least {least:g})")


def _mean(values: F64) -> float:
    return float(values.mean()) if len(values) else 0.0


def report_text(report: VerifierReport) -> str:
    """The JSON file."""
    return json.dumps({**report.numbers, "failed": report.failed}, indent=2) + "\n"
