"""Set distances against cases whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgen.evaluate.metrics import (
    Features,
    _mmd2,
    frechet_distance,
    inception_score,
    kernel_distance,
    mean_with_interval,
    precision_recall,
)
from synthgen.types.arrays import F64


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def alone(values: F64, first: int = 0) -> Features:
    """Every image a scene of its own."""
    return Features(values, np.arange(first, first + len(values)))


def normal(count: int, dimensions: int = 6, *, seed: int, shift: float = 0.0) -> F64:
    return rng(seed).normal(size=(count, dimensions)) + shift


def test_frechet_distance_of_a_set_to_itself_is_zero() -> None:
    for count in (4, 40, 400):  # fewer and more images than dimensions
        a = normal(count, 16, seed=count)
        assert frechet_distance(a, a.copy()) == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("count", [5, 3000])
def test_frechet_distance_of_a_shift_is_its_square(count: int) -> None:
    a = normal(count, 8, seed=1)
    shift = np.linspace(-1, 2, 8)
    assert frechet_distance(a, a + shift) == pytest.approx(float(shift @ shift), rel=1e-9)


def test_frechet_distance_of_two_known_gaussians() -> None:
    """Diagonal covariances: |m|^2 + sum (sd_a - sd_b)^2, exactly when the samples have exactly these moments."""
    white = normal(500, 4, seed=2)
    white -= white.mean(axis=0)
    white = white @ np.linalg.inv(np.linalg.cholesky(np.cov(white.T)).T)
    a, b = white * [1, 2, 3, 4], white[::-1] * [2, 2, 1, 0.5] + [0, 0, 5, 0]
    assert frechet_distance(a, b) == pytest.approx(25 + 1 + 0 + 4 + 12.25, rel=1e-9)


def test_frechet_distance_agrees_with_the_matrix_square_root() -> None:
    from scipy.linalg import sqrtm

    a = normal(300, 5, seed=3) @ normal(5, 5, seed=4)
    b = normal(200, 5, seed=5) @ normal(5, 5, seed=6) + 0.3
    ca, cb = np.cov(a.T), np.cov(b.T)
    mean = a.mean(axis=0) - b.mean(axis=0)
    expected = mean @ mean + np.trace(ca + cb - 2 * np.real(sqrtm(ca @ cb)))
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-8)


def test_kernel_distance_is_the_textbook_double_sum() -> None:
    a, b = normal(7, 3, seed=1), normal(5, 3, seed=2, shift=0.5)

    def k(x: F64, y: F64) -> float:
        return float((x @ y / 3 + 1) ** 3)

    within_a = sum(k(x, y) for i, x in enumerate(a) for j, y in enumerate(a) if i != j) / (7 * 6)
    within_b = sum(k(x, y) for i, x in enumerate(b) for j, y in enumerate(b) if i != j) / (5 * 4)
    across = sum(k(x, y) for x in a for y in b) / 35
    found = kernel_distance(alone(a), alone(b, 100), rng=rng(), replicates=20)
    assert found.value == pytest.approx(within_a + within_b - 2 * across, rel=1e-12)


def test_kernel_distance_is_unbiased_and_its_interval_covers_zero() -> None:
    """80 pairs of samples of one distribution: the mean is 0 within its own error, nearly every interval holds 0."""
    values, covered = [], 0
    for seed in range(80):
        a, b = normal(60, seed=2 * seed), normal(50, seed=2 * seed + 1)
        found = kernel_distance(alone(a), alone(b, 1000), rng=rng(seed), replicates=200)
        values.append(found.value)
        covered += found.low <= 0.0 <= found.high
    assert abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(80)
    assert covered >= 72


def test_kernel_distance_of_a_shift_has_the_known_value_inside_its_interval() -> None:
    """For unit Gaussians in D dimensions with means 0 and m: E k is a polynomial, MMD^2 its combination."""
    dimensions, shift, inside = 4, 0.7, 0
    m2 = dimensions * shift**2

    # x.y with independent x ~ N(m, 1), y ~ N(n, 1): E = m.n, E^2 = D + |m|^2 + |n|^2 + (m.n)^2,
    # E^3 = (m.n)^3 + 3 (m.n) (D + |m|^2 + |n|^2 + 2)   [Isserlis]
    def expected(own2: float, other2: float, dot: float) -> float:
        second = dimensions + own2 + other2 + dot**2
        third = dot**3 + 3 * dot * (dimensions + own2 + other2 + 2)
        d = dimensions
        return third / d**3 + 3 * second / d**2 + 3 * dot / d + 1

    truth = expected(0, 0, 0) + expected(m2, m2, m2) - 2 * expected(0, m2, 0)
    for seed in range(60):
        a = normal(150, dimensions, seed=2 * seed)
        b = normal(150, dimensions, seed=2 * seed + 1, shift=shift)
        found = kernel_distance(alone(a), alone(b, 1000), rng=rng(seed), replicates=200)
        inside += found.low <= truth <= found.high
    assert inside >= 52


def test_views_of_one_scene_do_not_pass_for_independent_images() -> None:
    """Five near-equal views per scene: without scene numbers the distance is biased upwards, with them it is not."""
    naive, honest = [], []
    for seed in range(60):
        a = np.repeat(normal(20, seed=2 * seed), 5, axis=0) + 0.01 * normal(100, seed=900 + seed)
        b = np.repeat(normal(20, seed=2 * seed + 1), 5, axis=0) + 0.01 * normal(100, seed=1900 + seed)
        scenes = np.repeat(np.arange(20), 5)
        naive.append(kernel_distance(alone(a), alone(b, 1000), rng=rng(), replicates=2).value)
        honest.append(kernel_distance(Features(a, scenes), Features(b, scenes + 20), rng=rng(), replicates=2).value)
    assert abs(np.mean(honest)) < 3 * np.std(honest) / np.sqrt(60)
    assert np.mean(naive) > 6 * np.std(naive) / np.sqrt(60)


def test_two_pictures_of_the_same_scenes_are_compared_across_scenes_only() -> None:
    a = normal(40, seed=1)
    same = kernel_distance(alone(a), alone(a), rng=rng(), replicates=50)
    assert (same.value, same.low, same.high) == pytest.approx((0, 0, 0), abs=1e-12)
    assert kernel_distance(alone(a), alone(a, 1000), rng=rng(), replicates=50).value < -1e-3  # counts i with itself


def test_kernel_distance_grows_with_the_shift() -> None:
    a = normal(200, seed=1)
    grown = [
        kernel_distance(alone(a), alone(normal(200, seed=2, shift=s), 1000), rng=rng(), replicates=2).value
        for s in (0.0, 0.2, 0.5, 1.0, 2.0)
    ]
    assert grown == sorted(grown) and grown[-1] > 10 * abs(grown[0])


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 5))
def test_whole_weights_are_repeated_images(seed: int, most: int) -> None:
    """A bootstrap draw in which image i occurs w times is the estimator over the list with i repeated w times."""
    draw = rng(seed)
    a, b = draw.normal(size=(6, 3)), draw.normal(size=(5, 3))
    counts_a, counts_b = draw.integers(1, most, 6), draw.integers(1, most, 5)
    sets = Features(a, np.arange(6)), Features(b, np.arange(3, 8))
    long_a = Features(np.repeat(a, counts_a, axis=0), np.repeat(np.arange(6), counts_a))
    long_b = Features(np.repeat(b, counts_b, axis=0), np.repeat(np.arange(3, 8), counts_b))

    weighted = _mmd2(*sets, counts_a[None].astype(float), counts_b[None].astype(float))
    repeated = _mmd2(long_a, long_b, np.ones((1, len(long_a))), np.ones((1, len(long_b))))
    assert weighted[0] == pytest.approx(repeated[0], rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(
    ("intent", "probabilities", "score"),
    [
        ("sure of ten different classes", np.eye(10), 10.0),
        ("sure of one class", np.tile(np.eye(10)[3], (10, 1)), 1.0),
        ("knows nothing", np.full((8, 5), 0.2), 1.0),
        ("half and half", np.repeat(np.eye(4)[:2], 3, axis=0), 2.0),
    ],
)
def test_inception_score(intent: str, probabilities: F64, score: float) -> None:
    assert inception_score(probabilities) == pytest.approx(score), intent


SQUARE = np.array([[0.0, 0], [1, 0], [0, 1], [1, 1]])


@pytest.mark.parametrize(
    ("intent", "scored", "reference", "precision", "recall"),
    [
        ("the same points", SQUARE, SQUARE, 1.0, 1.0),
        ("far away", SQUARE + 100, SQUARE, 0.0, 0.0),
        ("one of two clusters", SQUARE, np.concatenate([SQUARE, SQUARE + 100]), 1.0, 0.5),
        ("one cluster too many", np.concatenate([SQUARE, SQUARE + 100]), SQUARE, 0.5, 1.0),
        ("all in the middle", SQUARE * 1e-3 + 0.5, SQUARE, 1.0, 0.0),
    ],
)
def test_precision_recall(intent: str, scored: F64, reference: F64, precision: float, recall: float) -> None:
    found = precision_recall(alone(scored), alone(reference, 1000))
    assert found == (precision, recall), intent


def test_precision_recall_over_more_than_one_block_of_rows() -> None:
    a, b = normal(1100, 3, seed=1), normal(700, 3, seed=2)
    precision, recall = precision_recall(alone(a), alone(b, 5000))
    assert 0.9 < precision <= 1.0 and 0.9 < recall <= 1.0
    far, none = precision_recall(alone(a + 50), alone(b, 5000))
    assert (far, none) == (0.0, 0.0)


def test_a_manifold_reaches_to_other_scenes() -> None:
    """Four equal views of each scene would leave balls of no size, and nothing new inside them."""
    a, b = normal(60, 2, seed=1), normal(60, 2, seed=2)
    views = Features(np.repeat(a, 4, axis=0), np.repeat(np.arange(60), 4))
    precision, _ = precision_recall(alone(b, 1000), views)
    assert precision > 0.8
    assert precision_recall(alone(b, 1000), alone(views.values))[0] == 0.0


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x: kernel_distance(x, alone(SQUARE, 9), rng=rng()), "4 images of one scene; two scenes or more"),
        (lambda x: precision_recall(alone(SQUARE, 9), x), "4 images; every one needs 3 of other scenes"),
    ],
)
def test_one_scene_is_no_set(call: object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        call(Features(SQUARE, np.zeros(4, np.int64)))  # type: ignore[operator]


def test_mean_with_interval_follows_scenes() -> None:
    scenes = np.repeat(np.arange(10), 5)
    values = scenes.astype(float)
    by_scene = mean_with_interval(values, scenes, rng=rng())
    by_image = mean_with_interval(values, np.arange(50), rng=rng())
    assert by_scene.value == by_image.value == 4.5
    assert (by_scene.high - by_scene.low) > 1.8 * (by_image.high - by_image.low)
    one = mean_with_interval(values[:5], scenes[:5], rng=rng())
    assert (one.low, one.high) == (0.0, 0.0)
