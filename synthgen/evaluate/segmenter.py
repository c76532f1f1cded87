"""``synthgen evaluate segmenter``: what pictures are worth as training data.

A small segmenter is trained from scratch on each dataset, several times, and tested on images that none of them has:
the mean intersection over union of its classes says what a network learned from the pictures. The first dataset is the
baseline and the last one the bar (pictures like those of the test); those between close a share of the gap.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from synthgen.errors import DatasetError
from synthgen.evaluate.class_maps import UNKNOWN, ClassMaps, read_class_maps
from synthgen.evaluate.reports import Report
from synthgen.networks.need_torch import need_torch
from synthgen.networks.ops import tensor_shapes
from synthgen.networks.unet import unet
from synthgen.types.arrays import F32, F64, I64, U8

WIDTHS = (16, 32, 64, 96)
MULTIPLE = 2 ** len(WIDTHS)
BATCH = 16
LEARNING_RATE = 4e-3
WARMUP = 0.05  # of the steps
WEIGHT_DECAY = 0.02
TEST_BATCH = 8
MEASURABLE = 2.0  # standard errors: a gap below is none


@dataclass(frozen=True)
class Setup:
    """How segmenters are trained. ``seeds``: trainings per dataset, 2 or more; ``images``: of each dataset at most."""

    seeds: int
    steps: int
    images: int


def evaluate_segmenter(
    trained_on: list[Path], test: Path, setup: Setup, *, progress: Callable[[int, int], None]
) -> Report:
    """Trains ``setup.seeds`` segmenters on each dataset and tests them all on ``test``.

    Args:
        trained_on: finished datasets with instance maps, of the same scenes, drawn differently.
        test: another one with the same classes and image size, drawn from another seed.
        setup: of the trainings.
        progress: told (trainings done, of).

    Raises:
        DatasetError: the datasets cannot be compared.
        EnvironmentFault: PyTorch is not installed.
    """
    need_torch("evaluate segmenter")
    truth = read_class_maps(test, setup.images)
    datasets = [read_class_maps(path, setup.images) for path in trained_on]
    check_comparable(datasets, truth)
    scores = np.zeros((len(datasets), setup.seeds))
    for i, dataset in enumerate(datasets):
        for seed in range(setup.seeds):
            weights = _train(dataset, setup.steps, seed)
            scores[i, seed] = _tested(weights, truth)
            progress(i * setup.seeds + seed + 1, scores.size)
    return report([dataset.name for dataset in datasets], scores, truth.name, setup)


def report(names: list[str], scores: F64, test: str, setup: Setup) -> Report:
    """The table of (datasets, seeds) mean IoU."""
    means, errors = scores.mean(axis=1), _standard_errors(scores)
    lines = [("test", f"{test}; {setup.seeds} trainings of {setup.steps} steps on each dataset")]
    for name, mean, error in zip(names, means, errors, strict=True):
        lines.append((name, f"mean IoU {mean:.4f}, standard error {error:.4f}"))
    numbers: dict[str, Any] = {
        "test": test,
        "steps": setup.steps,
        "mean_iou": {name: row.tolist() for name, row in zip(names, scores, strict=True)},
    }
    if len(names) > 1:
        gap, noise = float(means[-1] - means[0]), math.hypot(errors[0], errors[-1])
        numbers["gap"] = {"value": gap, "standard_error": noise, "measurable": gap > MEASURABLE * noise}
        lines.append(("gap", f"{gap:+.4f}, standard error {noise:.4f}: {names[-1]} against {names[0]}"))
        if gap <= MEASURABLE * noise:
            lines.append(("", f"no measurable gap: below {MEASURABLE:g} standard errors"))
        else:
            closed = {name: float((mean - means[0]) / gap) for name, mean in zip(names[1:-1], means[1:-1], strict=True)}
            numbers["closed"] = closed
            lines += [(f"  {name}", f"closes {100 * share:.0f} % of it") for name, share in closed.items()]
    return Report(lines, numbers)


def mean_iou(confusion: I64) -> float:
    """Of (classes, classes) pixel counts, truth by prediction: mean over the classes that the truth has."""
    both = np.diag(confusion)
    either = confusion.sum(axis=0) + confusion.sum(axis=1) - both
    there = confusion.sum(axis=1) > 0
    return float((both[there] / either[there]).mean())


def _standard_errors(scores: F64) -> F64:
    return np.asarray(scores.std(axis=1, ddof=1) / math.sqrt(scores.shape[1]))


def check_comparable(datasets: list[ClassMaps], truth: ClassMaps) -> None:
    """Raises DatasetError where a comparison of the datasets would say nothing."""
    for dataset in datasets:
        if dataset.classes != truth.classes:
            raise DatasetError(
                f"{dataset.name} has the classes {', '.join(dataset.classes)}, and {truth.name} has "
                f"{', '.join(truth.classes)}; allowed: datasets of the same classes; make them from one pipeline"
            )
        if dataset.images.shape[1:] != truth.images.shape[1:]:
            raise DatasetError(
                f"{dataset.name} has images of {_size(dataset)}, and {truth.name} of {_size(truth)}; allowed: one size"
            )
        if dataset.seed == truth.seed:
            raise DatasetError(
                f"{dataset.name} and {truth.name} are both drawn from seed {truth.seed}: the test would show scenes "
                "that were trained on; make the test dataset from another seed"
            )
        first = datasets[0]
        if (dataset.seed, len(dataset.images)) != (first.seed, len(first.images)):
            raise DatasetError(
                f"{first.name} has {len(first.images)} images of seed {first.seed}, and {dataset.name} has "
                f"{len(dataset.images)} of seed {dataset.seed}; allowed: the same scenes, drawn differently; make them "
                "with the same count and seed, or lower --images to what both have"
            )
    height, width = truth.images.shape[1:3]
    if height % MULTIPLE or width % MULTIPLE:
        raise DatasetError(
            f"{truth.name} has images of {_size(truth)}; allowed: sides that are multiples of {MULTIPLE} pixels; "
            "make the datasets with --size 128x128"
        )


def _size(dataset: ClassMaps) -> str:
    return f"{dataset.images.shape[2]}x{dataset.images.shape[1]}"


def _train(dataset: ClassMaps, steps: int, seed: int) -> dict[str, Any]:
    """The weights after ``steps`` steps of AdamW, cosine schedule; a function of dataset and seed."""
    import torch
    import torch.nn.functional as functional

    from synthgen.networks.torch_ops import TorchOps, initial

    outputs = len(dataset.classes) + 1
    network = partial(unet, inputs=3, outputs=outputs, widths=WIDTHS)
    start = initial(tensor_shapes(partial(network, x=None)), rng=np.random.default_rng([seed, 0]))
    weights = {name: torch.from_numpy(array) for name, array in start.items()}
    learned = [t.requires_grad_() for name, t in weights.items() if not name.endswith((".mean", ".variance"))]
    optimizer = torch.optim.AdamW(learned, lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = _rate(step, steps)
        pixels, maps = _batch(dataset, np.random.default_rng([seed, 1, step]))
        ops = TorchOps(weights, training=True)
        x = torch.from_numpy(pixels).contiguous(memory_format=torch.channels_last)
        logits = network(ops, x)
        loss = functional.cross_entropy(logits, torch.from_numpy(maps.astype(np.int64)), ignore_index=UNKNOWN)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call, unused-ignore]
        optimizer.step()
        weights |= ops.measured
    return {name: tensor.detach() for name, tensor in weights.items()}


def _rate(step: int, steps: int) -> float:
    """Linear warm-up, then half a cosine to 0."""
    warm = min((step + 1) / (WARMUP * steps), 1.0)
    return LEARNING_RATE * warm * (0.5 + 0.5 * math.cos(math.pi * step / steps))


def _batch(dataset: ClassMaps, rng: np.random.Generator) -> tuple[F32, U8]:
    """Images (B, 3, H, W) in [-1, 1] and maps (B, H, W): mirrored, and brighter or darker, at random."""
    chosen = rng.integers(0, len(dataset.images), BATCH)
    pixels = _scaled(dataset.images[chosen])
    maps = dataset.maps[chosen].copy()
    pixels *= np.exp(rng.normal(0, 0.15, (BATCH, 1, 1, 3))).astype(np.float32)
    pixels += rng.normal(0, 0.1, (BATCH, 1, 1, 1)).astype(np.float32)
    for k in np.flatnonzero(rng.random(BATCH) < 0.5):
        pixels[k], maps[k] = pixels[k, :, ::-1].copy(), maps[k, :, ::-1].copy()
    return np.ascontiguousarray(pixels.transpose(0, 3, 1, 2)), maps


def _scaled(images: U8) -> F32:
    """uint8 -> float32 in [-1, 1]."""
    return np.asarray(images / np.float32(127.5) - np.float32(1), np.float32)


def _tested(weights: dict[str, Any], truth: ClassMaps) -> float:
    """Mean IoU on every image of ``truth``."""
    import torch

    from synthgen.networks.torch_ops import TorchOps

    classes = len(truth.classes) + 1
    confusion = np.zeros((classes, classes), np.int64)
    ops = TorchOps(weights, training=False)
    for k in range(0, len(truth.images), TEST_BATCH):
        pixels = _scaled(truth.images[k : k + TEST_BATCH]).transpose(0, 3, 1, 2)
        with torch.no_grad():
            logits = unet(ops, torch.from_numpy(np.ascontiguousarray(pixels)), 3, classes, WIDTHS)
        guess, label = logits.argmax(1).numpy(), truth.maps[k : k + TEST_BATCH].astype(np.int64)
        known = label != UNKNOWN
        confusion += np.bincount(classes * label[known] + guess[known], minlength=classes**2).reshape(classes, classes)
    return mean_iou(confusion)
