"""``synthgen evaluate segmenter``: it learns what the pictures show, and compares like with like."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from synthgen.config.load import load_pipeline
from synthgen.errors import DatasetError, EnvironmentFault
from synthgen.evaluate import class_maps, segmenter
from synthgen.evaluate.class_maps import BACKGROUND, UNKNOWN, ClassMaps, read_class_maps
from synthgen.evaluate.segmenter import Setup, check_comparable, evaluate_segmenter, mean_iou, report
from synthgen.report.reading import read_head
from synthgen.run.api import run_pipeline

COLOURS = {1: (200, 40, 40), 2: (40, 60, 200)}


def squares(name: str = "squares", *, seed: int, count: int = 24, tinted: bool = True, size: int = 32) -> ClassMaps:
    """Squares on grey noise, red ones of class 1 and blue ones of class 2; not ``tinted``: all of them green."""
    rng = np.random.default_rng(seed)
    images = rng.integers(100, 140, (count, size, size, 3)).astype(np.uint8)
    maps = np.zeros((count, size, size), np.uint8)
    for image, classes in zip(images, maps, strict=True):
        for kind, colour in COLOURS.items():
            y, x = rng.integers(0, size - 12, 2)
            image[y : y + 12, x : x + 12] = colour if tinted else (40, 180, 40)
            classes[y : y + 12, x : x + 12] = kind
    return ClassMaps(name, seed, ("red", "blue"), images, maps)


CONFUSIONS = [
    ("all right", [[5, 0], [0, 3]], 1.0),
    ("all wrong", [[0, 5], [3, 0]], 0.0),
    ("one of four strays: 4/5 and 3/4", [[4, 0], [1, 3]], (0.8 + 0.75) / 2),
    ("a class that the truth does not have counts only against the others", [[4, 1], [0, 0]], 0.8),
]


@pytest.mark.parametrize(("intent", "confusion", "expected"), CONFUSIONS, ids=[row[0] for row in CONFUSIONS])
def test_mean_iou(intent: str, confusion: list[list[int]], expected: float) -> None:
    assert mean_iou(np.array(confusion, np.int64)) == pytest.approx(expected)


def test_the_share_of_the_gap_that_is_closed() -> None:
    scores = np.array([[0.40, 0.41, 0.42], [0.60, 0.61, 0.62], [0.80, 0.81, 0.82]])
    found = report(["shaded", "gan", "traced"], scores, "test", Setup(3, 100, 50))
    assert found.numbers["gap"]["measurable"]
    assert found.numbers["closed"] == {"gan": pytest.approx(0.5)}
    assert found.lines[-1] == ("  gan", "closes 50 % of it")
    assert found.lines[1] == ("shaded", "mean IoU 0.4100, standard error 0.0058")


def test_a_gap_within_the_noise_is_none() -> None:
    scores = np.array([[0.40, 0.50, 0.60], [0.55, 0.45, 0.50], [0.45, 0.52, 0.62]])
    found = report(["shaded", "gan", "traced"], scores, "test", Setup(3, 100, 50))
    assert not found.numbers["gap"]["measurable"] and "closed" not in found.numbers
    assert found.lines[-1] == ("", "no measurable gap: below 2 standard errors")


def test_it_learns_what_the_pictures_show(monkeypatch: pytest.MonkeyPatch) -> None:
    made = [squares("green", seed=1, tinted=False), squares("right", seed=1), squares("twice", seed=1)]
    sets = {each.name: each for each in (*made, squares("test", seed=2))}
    monkeypatch.setattr(segmenter, "read_class_maps", lambda path, most: sets[path.name])
    told: list[tuple[int, int]] = []
    paths = [Path(each.name) for each in made]
    found = evaluate_segmenter(paths, Path("test"), Setup(2, 60, 24), progress=lambda *at: told.append(at))
    scores = found.numbers["mean_iou"]
    assert min(scores["right"]) > 0.75 and max(scores["green"]) < 0.7  # green squares teach nothing of red and blue
    assert scores["right"] == scores["twice"]  # the same images and seeds: the same segmenters
    assert told == [(done, 6) for done in range(1, 7)]


REFUSED = [
    (
        "test scenes that were trained on",
        None,
        squares("t", seed=1),
        "first and t are both drawn from seed 1: the test would show scenes that were trained on; make the test "
        "dataset from another seed",
    ),
    (
        "other classes",
        ClassMaps("a", 1, ("red",), *(getattr(squares(seed=1), name) for name in ("images", "maps"))),
        squares("t", seed=2),
        "a has the classes red, and t has red, blue; allowed: datasets of the same classes; make them from one "
        "pipeline",
    ),
    (
        "another size",
        squares("a", seed=1, size=48),
        squares("t", seed=2),
        "a has images of 48x48, and t of 32x32; allowed: one size",
    ),
    (
        "other scenes than the first",
        squares("b", seed=3),
        squares("t", seed=2),
        "first has 24 images of seed 1, and b has 24 of seed 3; allowed: the same scenes, drawn differently; make them "
        "with the same count and seed, or lower --images to what both have",
    ),
    (
        "fewer images than the first",
        squares("b", seed=1, count=20),
        squares("t", seed=2),
        "first has 24 images of seed 1, and b has 20 of seed 1; allowed: the same scenes, drawn differently; make them "
        "with the same count and seed, or lower --images to what both have",
    ),
    (
        "sides that cannot be halved",
        None,
        squares("t", seed=2, size=40),
        "t has images of 40x40; allowed: sides that are multiples of 16 pixels; make the datasets with --size 128x128",
    ),
]


@pytest.mark.parametrize(("intent", "other", "test", "sentence"), REFUSED, ids=[row[0] for row in REFUSED])
def test_what_cannot_be_compared(intent: str, other: ClassMaps | None, test: ClassMaps, sentence: str) -> None:
    first = squares("first", seed=1, size=test.images.shape[1])
    with pytest.raises(DatasetError) as refused:
        check_comparable([first] if other is None else [first, other], test)
    assert str(refused.value) == sentence


def test_maps_of_a_dataset_say_what_every_pixel_is(tmp_path: Path) -> None:
    """Distractors and slivers have an instance index and no annotation: nobody knows their class."""
    settings = ("count=2", "image.width=64", "image.height=64", "scene.distractors=2", "labels.outputs=[instances]")
    loaded = load_pipeline("grasping", [*settings, "labels.grasps=null", "camera.views_per_scene=2", "verify=null"])
    run_pipeline(
        loaded, out=tmp_path / "set", workers=1, scheduler=None, device="cpu", fresh=False, progress=lambda *at: None
    )
    found = read_class_maps(tmp_path / "set", 5000)
    assert found.images.shape == (2, 64, 64, 3) and found.maps.shape == (2, 64, 64)
    kinds = set(np.unique(found.maps).tolist())
    assert {BACKGROUND, UNKNOWN} < kinds and max(kinds - {UNKNOWN}) <= len(found.classes)
    assert len(read_class_maps(tmp_path / "set", 1).images) == 1


@pytest.fixture(scope="module")
def smoke(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("smoke") / "set"
    loaded = load_pipeline("smoke", ["count=2", "labels.outputs=[instances]"])
    run_pipeline(loaded, out=out, workers=1, scheduler=None, device="cpu", fresh=False, progress=lambda *at: None)
    return out


def test_too_many_classes_are_refused(smoke: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(class_maps, "MOST_CLASSES", 2)
    with pytest.raises(DatasetError) as refused:
        read_class_maps(smoke, 10)
    count = len(read_head(smoke).categories)
    assert str(refused.value) == (
        f"'{smoke}' has {count} classes; at most 2 fit this measurement; give fewer scene.objects a class of their own"
    )


def test_images_of_several_sizes_are_refused(smoke: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = iter([(32, 32), (32, 48)])

    def some_image(dataset: Path, name: str) -> tuple[np.ndarray, np.ndarray]:
        size = next(sizes)
        return np.zeros((*size, 3), np.uint8), np.zeros(size, np.uint16)

    monkeypatch.setattr(class_maps, "labelled_image", some_image)
    with pytest.raises(DatasetError) as refused:
        read_class_maps(smoke, 10)
    assert str(refused.value) == (
        f"'{smoke}' has images of several sizes; allowed: one size; set image.width and image.height"
    )


def test_without_torch_it_says_what_to_install(smoke: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(EnvironmentFault) as refused:
        evaluate_segmenter([smoke], smoke, Setup(2, 1, 1), progress=lambda *at: None)
    assert str(refused.value) == (
        'evaluate segmenter needs PyTorch, which is not installed; install it with: pip install "synthgen[train]" (on '
        "a machine without GPU add --extra-index-url https://download.pytorch.org/whl/cpu)"
    )


def test_a_dataset_without_instance_maps_is_refused(tmp_path: Path) -> None:
    loaded = load_pipeline("smoke", ["count=1", "labels.outputs=[]"])
    run_pipeline(
        loaded, out=tmp_path / "set", workers=1, scheduler=None, device="cpu", fresh=False, progress=lambda *at: None
    )
    with pytest.raises(DatasetError, match="has no images with instance maps; allowed: a finished dataset with labels"):
        read_class_maps(tmp_path / "set", 5000)
