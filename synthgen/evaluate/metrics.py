"""Distances between two sets of images, given as one feature vector per image. Pure numpy; no network, no files.

Images of one scene look alike. Every estimator here takes ``scenes``, a number per image, and never compares two images
of the same scene, within a set or across the two: what is left are independent draws, as the published estimators
assume, also when both sets show the same scenes. Where every image is a scene of its own, they are the published ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synthgen.types.arrays import F64, I64, Bool

REPLICATES = 1000
ROWS_AT_ONCE = 512
NEIGHBOURS = 3
INTERVAL_PERCENT = (2.5, 97.5)


@dataclass(frozen=True, eq=False)
class Features:
    """One set of N images.

    Attributes:
        values: (N, D) float64 features.
        scenes: (N,) int64; images with equal numbers, also of two sets, show the same scene.
    """

    values: F64
    scenes: I64

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float


def frechet_distance(a: F64, b: F64) -> float:
    """Squared Frechet distance of the Gaussians fitted to two sets (Dowson and Landau 1982; FID: Heusel et al. 2017).

    ``|mean_a - mean_b|^2 + tr(C_a + C_b - 2 (C_a C_b)^1/2)``. With ``C_a = A'A`` the last trace is the sum of the
    singular values of ``A B'``: no square root of a matrix, exact for sets smaller than D too. It is biased upwards,
    the more the smaller the sets.

    Args:
        a, b: (N, D) and (M, D) float64, N >= 2 and M >= 2.
    """
    mean = a.mean(axis=0) - b.mean(axis=0)
    factor_a, factor_b = _covariance_factor(a), _covariance_factor(b)
    shared = np.linalg.svd(factor_a @ factor_b.T, compute_uv=False).sum()
    distance = mean @ mean + (factor_a**2).sum() + (factor_b**2).sum() - 2.0 * shared
    return max(float(distance), 0.0)


def _covariance_factor(values: F64) -> F64:
    """(R, D) float64 F, R <= D, with ``F'F`` the unbiased covariance."""
    centred = (values - values.mean(axis=0)) / np.sqrt(len(values) - 1)
    return np.asarray(np.linalg.qr(centred, mode="r")) if len(centred) > centred.shape[1] else centred


def kernel_distance(a: Features, b: Features, *, rng: np.random.Generator, replicates: int = REPLICATES) -> Estimate:
    """Kernel distance KID (Binkowski et al. 2018): unbiased MMD^2 with ``k(x, y) = (x.y / D + 1)^3``.

    The paper averages the estimator over random subsets to keep it cheap. Its mean over all subsets is the estimator
    over all images, which is what is computed: the same expectation, less variance, no luck of the draw.

    Interval: scenes are drawn with replacement (one draw for both sets where they share scenes), the estimator is
    taken over pairs of different scenes, and the percentiles of ``replicates`` such values are given. It is a little
    wide where the two distributions are the same.

    Raises:
        ValueError: a set has fewer than 2 scenes.
    """
    counts_a, counts_b = _bootstrap_counts(a.scenes, b.scenes, replicates, rng=rng)
    found = _mmd2(a, b, np.vstack([np.ones(len(a)), counts_a]), np.vstack([np.ones(len(b)), counts_b]))
    low, high = np.nanpercentile(found[1:], INTERVAL_PERCENT)
    return Estimate(float(found[0]), float(low), float(high))


def _mmd2(a: Features, b: Features, counts_a: F64, counts_b: F64) -> F64:
    """(R,) estimates over pairs of different scenes, one per row of (R, N) and (R, M) weights of the images."""
    numbers = np.unique(np.concatenate([a.scenes, b.scenes]), return_inverse=True)[1]
    per_a = _per_scene(counts_a, numbers[: len(a)], numbers.max() + 1)
    per_b = _per_scene(counts_b, numbers[len(a) :], numbers.max() + 1)
    means = []
    for x, y, left, right, shared in (
        (a, a, counts_a, counts_a, per_a * per_a),
        (b, b, counts_b, counts_b, per_b * per_b),
        (a, b, counts_a, counts_b, per_a * per_b),
    ):
        pairs = left.sum(axis=1) * right.sum(axis=1) - shared.sum(axis=1)
        total = ((left @ _masked_kernel(x, y)) * right).sum(axis=1)  # one kernel at a time: they are large
        means.append(total / np.where(pairs > 0, pairs, np.nan))  # a replicate of one scene only says nothing
    within_a, within_b, across = means
    return np.asarray(within_a + within_b - 2.0 * across, np.float64)


def _masked_kernel(x: Features, y: Features) -> F64:
    kernel = x.values @ y.values.T
    kernel /= x.values.shape[1]
    kernel += 1.0
    kernel *= kernel * kernel
    kernel[x.scenes[:, None] == y.scenes[None, :]] = 0.0
    return kernel


def _per_scene(counts: F64, scene: I64, scenes: int) -> F64:
    """(R, scenes) sums of the weights of each scene's images."""
    total = np.zeros((scenes, len(counts)))
    np.add.at(total, scene, counts.T)
    return total.T


def _bootstrap_counts(scenes_a: I64, scenes_b: I64, replicates: int, *, rng: np.random.Generator) -> tuple[F64, F64]:
    """(R, N) and (R, M): how often each image is drawn when scenes are drawn with replacement."""
    for scenes in (scenes_a, scenes_b):
        if len(np.unique(scenes)) < 2:
            raise ValueError(f"{len(scenes)} images of one scene; two scenes or more are needed")
    if np.isin(scenes_a, scenes_b).any():
        both = scene_counts(np.concatenate([scenes_a, scenes_b]), replicates, rng=rng)
        return both[:, : len(scenes_a)], both[:, len(scenes_a) :]
    return scene_counts(scenes_a, replicates, rng=rng), scene_counts(scenes_b, replicates, rng=rng)


def scene_counts(scenes: I64, replicates: int, *, rng: np.random.Generator) -> F64:
    """(R, N) float64: how often each image is drawn when whole scenes are drawn with replacement."""
    names, number = np.unique(scenes, return_inverse=True)
    drawn = rng.multinomial(len(names), np.full(len(names), 1.0 / len(names)), size=replicates)
    return drawn[:, number].astype(np.float64)


def mean_with_interval(values: F64, scenes: I64, *, rng: np.random.Generator, replicates: int = REPLICATES) -> Estimate:
    """Mean of (N,) values and its bootstrap interval over scenes; one scene has none (low = high = mean)."""
    counts = scene_counts(scenes, replicates, rng=rng)
    means = counts @ values / counts.sum(axis=1)
    low, high = np.percentile(means, INTERVAL_PERCENT)
    return Estimate(float(values.mean()), float(low), float(high))


def inception_score(probabilities: F64) -> float:
    """exp of the mean KL divergence of each image's class distribution from the set's (Salimans et al. 2016).

    Over all images at once (the paper's ten splits make the score depend on the number of images even more).

    Args:
        probabilities: (N, classes), rows sum to 1.
    """
    marginal = probabilities.mean(axis=0)
    tiny = np.finfo(np.float64).tiny
    divergence = probabilities * (np.log(np.maximum(probabilities, tiny)) - np.log(np.maximum(marginal, tiny)))
    return float(np.exp(divergence.sum(axis=1).mean()))


def precision_recall(scored: Features, reference: Features, *, neighbours: int = NEIGHBOURS) -> tuple[float, float]:
    """Precision and recall (Kynkaanniemi et al. 2019): shares of a set inside the other set's manifold.

    A manifold is the union of balls round its images, each reaching to the ``neighbours``-th nearest other image.

    Returns:
        precision (scored images inside the reference's manifold), recall (the reverse).

    Raises:
        ValueError: a set has no image with that many images of other scenes.
    """
    return _inside(scored, reference, neighbours), _inside(reference, scored, neighbours)


def _inside(points: Features, manifold: Features, neighbours: int) -> float:
    radius2 = _radii2(manifold, neighbours)
    hits = 0
    for start in range(0, len(points), ROWS_AT_ONCE):
        part = slice(start, start + ROWS_AT_ONCE)
        distance2, same = _distances2(points, part, manifold)
        hits += int(((distance2 <= radius2) & ~same).any(axis=1).sum())
    return hits / len(points)


def _radii2(manifold: Features, neighbours: int) -> F64:
    radii = np.empty(len(manifold))
    for start in range(0, len(manifold), ROWS_AT_ONCE):
        part = slice(start, start + ROWS_AT_ONCE)
        distance2, same = _distances2(manifold, part, manifold)
        if (~same).sum(axis=1).min() < neighbours:
            raise ValueError(f"{len(manifold)} images; every one needs {neighbours} of other scenes")
        distance2[same] = np.inf
        radii[part] = np.partition(distance2, neighbours - 1, axis=1)[:, neighbours - 1]
    return radii


def _distances2(a: Features, part: slice, b: Features) -> tuple[F64, Bool]:
    """Squared distances from a part of ``a`` to all of ``b``, and which of them are of the same scene."""
    x, y = a.values[part], b.values
    squared = (x**2).sum(axis=1)[:, None] + (y**2).sum(axis=1)[None, :] - 2.0 * (x @ y.T)
    return np.maximum(squared, 0.0), a.scenes[part, None] == b.scenes[None, :]
