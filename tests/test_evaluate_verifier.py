"""``synthgen evaluate verifier``: planted faults are what they say, and the measure sees them."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.config.load import load_pipeline
from synthgen.errors import DatasetError, UserError
from synthgen.evaluate.faults import FAULTS
from synthgen.evaluate.verifier import Found as Measured
from synthgen.evaluate.verifier import _report, auc, evaluate_verifier, report_text
from synthgen.run.api import run_pipeline
from synthgen.types.arrays import F32
from synthgen.verify.verifier import Verifier, one_by_one


def scene() -> tuple[np.ndarray, np.ndarray]:
    """A red bar and three quarters of a green disc, left of the middle, on noise."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:256, :256] + 0.5
    ids = np.zeros((256, 256), np.uint16)
    ids[(abs(x - 60) < 45) & (abs(y - 60) < 12)] = 1
    ids[((x - 70) ** 2 + (y - 160) ** 2 < 40**2) & ((x < 70) | (y < 160))] = 2
    image = rng.integers(90, 110, (256, 256, 3)).astype(np.uint8)
    image[ids == 1] = (220, 20, 20)
    image[ids == 2] = (20, 220, 20)
    return image, ids


def share_red(image: np.ndarray, mask: np.ndarray) -> float:
    return float((image[mask][:, 0] > 180).mean())


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_is_what_it_says(name: str) -> None:
    image, ids = scene()
    truth = ids == 1
    found = FAULTS[name](image, ids, 1, np.random.default_rng(3))
    assert found is not None
    picture, mask = found
    overlap = (mask & truth).sum() / (mask | truth).sum()
    if name in ("shifted", "exchanged"):
        assert np.array_equal(picture, image)
        assert 0.4 < overlap < 0.95
    else:
        assert np.array_equal(mask, truth)
    if name == "erased":
        assert share_red(picture, truth) == 0
    if name == "half_erased":
        assert 0.3 < share_red(picture, truth) < 0.55
    if name == "melted":
        ring = cv2.dilate(truth.astype(np.uint8), np.ones((9, 9))).astype(bool) & ~truth
        assert share_red(picture, truth) == 1 and share_red(picture, ring) > 0.7
    if name == "mirrored":
        assert np.array_equal(picture, image[:, ::-1])
    assert np.array_equal(scene()[0], image)  # the picture given is left as it was


def test_faults_that_would_be_none_are_left_out() -> None:
    image, ids = scene()
    centred = np.zeros_like(ids)
    centred[100:150, 103:153] = 1
    rng = np.random.default_rng(0)
    assert FAULTS["mirrored"](image, centred, 1, rng) is None
    assert FAULTS["exchanged"](image, centred, 1, rng) is None  # nothing to exchange it with


@given(st.lists(st.integers(0, 5), min_size=1), st.lists(st.integers(0, 5), min_size=1))
def test_auc_is_the_share_of_pairs_in_order(good: list[int], bad: list[int]) -> None:
    pairs = [(g > b) + 0.5 * (g == b) for g in good for b in bad]
    assert auc(np.array(good, float), np.array(bad, float)) == pytest.approx(np.mean(pairs))


def measured(scores: float, faulty: float, count: int = 250, ceiling: float = np.nan) -> Measured:
    pairs = np.tile([faulty, scores, ceiling], (50, 1))
    return Measured("set", np.full(count, 300.0), np.full(count, scores), {"erased": pairs})


TARGETS = [
    ("all met", measured(0.95, 0.2), []),
    ("too few for a bin to count", measured(0.5, 0.2, 199), []),
    (
        "a low mean",
        measured(0.8, 0.2),
        ["set: mean agreement 0.800 (at least 0.9)", "set, small (< 32x32): mean agreement 0.800 (at least 0.9)"],
    ),
    ("a fault that is not seen", measured(0.95, 0.95), ["set, erased: AUC 0.500 (at least 0.95)"]),
    (
        "nor beside its ceiling",
        measured(0.95, 0.95, ceiling=0.9),
        ["set, erased: AUC 0.500 (at least 0.95)", "set, erased: AUC by agreement / ceiling 0.500 (at least 0.95)"],
    ),
]


def test_beside_their_ceilings_faults_of_easy_and_hard_things_are_told_alike() -> None:
    found = measured(0.95, 0.2)
    hard = np.array([[0.2, 0.5, 0.5], [0.6, 0.95, 0.97]] * 50)  # a fault of the easy one scores above the hard one
    report = _report([Measured("set", found.areas, found.scores, {"erased": hard})])
    assert dict(report.lines)["  erased"] == ("AUC 0.750 of 100 faults, mean 0.400; by agreement / ceiling AUC 1.000")
    assert report.failed == ["set, erased: AUC 0.750 (at least 0.95)"]


def test_least_may_be_lower_for_scans() -> None:
    assert _report([measured(0.87, 0.2)], 0.85).failed == []


@pytest.mark.parametrize(("intent", "found", "failed"), TARGETS, ids=[row[0] for row in TARGETS])
def test_targets(intent: str, found: Measured, failed: list[str]) -> None:
    report = _report([found])
    assert report.failed == failed and '"failed"' in report_text(report)


def test_missed_targets_are_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from synthgen.cli import main

    monkeypatch.setattr("synthgen.verify.verifier.make_verifier", lambda weights: Verifier(one_by_one(constant), "x"))
    monkeypatch.setattr("synthgen.evaluate.verifier.evaluate_verifier", lambda *a, **k: _report([measured(0.95, 0.95)]))
    (tmp_path / "set").mkdir()
    monkeypatch.setattr("sys.argv", ["synthgen", "evaluate", "verifier", str(tmp_path / "set")])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 3
    assert "the verifier misses its targets: set, erased: AUC 0.500 (at least 0.95)" in capsys.readouterr().err


def constant(crop: F32, /) -> F32:
    return np.where(crop[3] > 0.5, 1.0, -1.0).astype(np.float32)


def test_a_whole_dataset(tmp_path: Path) -> None:
    out = tmp_path / "set"
    loaded = load_pipeline("smoke", ["count=4", "image.width=96", "image.height=80"])
    run_pipeline(loaded, out=out, workers=1, scheduler=None, device="cpu", fresh=False, progress=lambda _: None)
    told: list[tuple[int, int]] = []
    report = evaluate_verifier(
        Verifier(one_by_one(constant), "x"), [out], images=4, faulty=4, progress=lambda *now: told.append(now)
    )
    assert told[-1] == (4, 4)
    assert report.numbers["set"]["instances"] > 4
    assert 0.3 < report.numbers["set"]["mean"] < 0.95  # a box is no mask
    beside = evaluate_verifier(
        Verifier(one_by_one(constant), "x"), [out], ceilings=[out], images=4, faulty=4, progress=lambda *now: None
    )
    assert beside.numbers["set"]["auc"]["erased"]["auc_of_ceiling"] == 0.5  # the double does not look at the picture
    other = Path(shutil.copytree(out, tmp_path / "other"))
    (other / "instances" / "00000" / "000000001.png").write_bytes(
        (other / "instances" / "00000" / "000000002.png").read_bytes()
    )
    with pytest.raises(DatasetError) as caught:
        evaluate_verifier(
            Verifier(one_by_one(constant), "x"), [out], ceilings=[other], images=4, faulty=4, progress=lambda *now: None
        )
    assert str(caught.value) == (
        f"image 00000/000000001.png shows other things in {str(other)!r} than in {str(out)!r}; allowed as --ceiling: a "
        "dataset of the same pipeline and seed, made with --set generate.kind=shaded"
    )
    with pytest.raises(UserError) as refused:
        evaluate_verifier(
            Verifier(one_by_one(constant), "x"), [out], ceilings=[out] * 2, images=4, faulty=0, progress=lambda *n: None
        )
    assert str(refused.value) == (
        "--ceiling is given 2 times for 1 datasets; allowed: once for each, in their order, or not at all"
    )
    (out / "instances" / "00000" / "000000001.png").write_bytes(b"x")
    with pytest.raises(DatasetError) as caught:
        evaluate_verifier(Verifier(one_by_one(constant), "x"), [out], images=4, faulty=0, progress=lambda *now: None)
    assert str(caught.value) == (
        f"image 00000/000000001.png of {str(out)!r} or its instance map cannot be read; 'synthgen validate' says what "
        "is damaged"
    )
    (out / "instances" / "00000" / "000000001.png").unlink()
    with pytest.raises(DatasetError) as caught:
        evaluate_verifier(Verifier(one_by_one(constant), "x"), [out], images=4, faulty=0, progress=lambda *now: None)
    assert str(caught.value) == (
        f"{str(out)!r} has no images with instance maps; allowed: a finished dataset with labels.outputs: [instances]; "
        "make it again with --set labels.outputs=[instances]"
    )
