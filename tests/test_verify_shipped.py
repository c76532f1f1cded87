"""The verifier that ships: it fits, it is small, and it tells right labels from wrong ones on images it never saw."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from synthgen.config.load import load_pipeline
from synthgen.contract.packs import is_training_seed
from synthgen.evaluate.faults import FAULTS
from synthgen.evaluate.verifier import auc
from synthgen.run.api import run_pipeline
from synthgen.verify.network import WIDTHS
from synthgen.verify.verifier import SHIPPED, make_verifier, read_verifier
from synthgen.weights import MODEL

LEAST_PX = 256


def test_the_shipped_weights_are_small_and_say_where_they_come_from() -> None:
    weights = read_verifier(SHIPPED)
    assert (SHIPPED / MODEL).stat().st_size < 5e6
    assert weights.card["licence"] == "Apache-2.0" and weights.card["architecture"]["widths"] == list(WIDTHS)
    assert weights.card["data"] and all(is_training_seed(part["seed"]) for part in weights.card["data"])
    assert not any(is_training_seed(part["seed"]) for part in weights.card["held_out"])
    assert (SHIPPED / "README.md").read_text().startswith("# ")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[np.ndarray, np.ndarray, list[int]]]:
    """(image, id map, indices of at least 256 pixels) of a table-top pipeline with an evaluation seed."""
    folder = tmp_path_factory.mktemp("shipped") / "d"
    overrides = ["count=12", "seed=31", "labels.grasps=null", "labels.outputs=[instances]", "camera.views_per_scene=3"]
    loaded = load_pipeline("grasping", [*overrides, "generate.kind=shaded", "verify=null"])
    how = {"workers": 1, "scheduler": None, "device": "cpu", "fresh": False}
    run_pipeline(loaded, out=folder, progress=lambda now: None, **how)  # type: ignore[arg-type]
    found = []
    for path in sorted((folder / "instances").glob("*/*.png")):
        ids = np.asarray(cv2.imread(str(path), cv2.IMREAD_UNCHANGED), np.uint16)
        image = cv2.imread(str(folder / "images" / path.parent.name / f"{path.stem}.jpg"))[..., ::-1]
        large = [int(k) for k in np.unique(ids) if k and (ids == k).sum() >= LEAST_PX]
        found.append((np.ascontiguousarray(image), ids, large))
    assert len(found) == 12
    return found


@pytest.mark.slow
def test_right_labels_score_high_and_planted_faults_low(
    pictures: list[tuple[np.ndarray, np.ndarray, list[int]]],
) -> None:
    verifier = make_verifier(None)
    right = [verifier.agreements(image, ids, large) for image, ids, large in pictures]
    good = np.array([score for scores in right for score in scores.values()])
    assert len(good) > 50 and good.mean() > 0.8
    for name in ("shifted", "erased", "mirrored"):
        bad = []
        for n, (image, ids, large) in enumerate(pictures):
            for k in large:
                wrong = FAULTS[name](image, ids, k, np.random.default_rng([n, k]))
                if wrong is not None:
                    bad.append(verifier.agreements(wrong[0], wrong[1].astype(np.uint16), [1])[1])
        assert len(bad) > 20 and auc(good, np.array(bad)) > 0.85, name


@pytest.mark.slow
def test_an_image_scores_the_same_every_time(pictures: list[tuple[np.ndarray, np.ndarray, list[int]]]) -> None:
    image, ids, large = next(found for found in pictures if len(found[2]) > 2)
    verifier = make_verifier(None)
    whole = verifier.agreements(image, ids, large)
    assert whole == verifier.agreements(image, ids, large[::-1])
    assert whole == {k: verifier.agreements(image, ids, [k])[k] for k in large}


def test_weights_travel_in_the_wheel() -> None:
    assert Path(SHIPPED).is_relative_to(Path(__file__).parents[1] / "synthgen")
