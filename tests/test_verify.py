"""The verifier: crops, the network in its two tongues, agreement, and the gate."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from gan_doubles import untrained_gan
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgen import drawing
from synthgen.config.load import load_pipeline
from synthgen.errors import AssetError, ConfigError, EnvironmentFault
from synthgen.run.api import run_pipeline
from synthgen.validate.dataset import validate_dataset
from synthgen.verify import verifier as module
from synthgen.verify.crops import (
    Box,
    bounds,
    crop,
    grid_of,
    label_on_grid,
    mask_crop,
    prediction_on_grid,
    region_of,
)
from synthgen.verify.network import CROP_PX, VERSION, WIDTHS, shapes
from synthgen.verify.verifier import Verifier, gpu_network, make_verifier, one_by_one, onnx_network, read_verifier
from synthgen.weights import Weights, model_files

SMALL = (16, 16)


def disc(size: int = 64, radius: float = 12.0) -> tuple[np.ndarray, np.ndarray]:
    """A picture of a white disc on black with a grey one beside it, and its id map (5 and 9)."""
    y, x = np.mgrid[:size, :size] + 0.5
    ids = np.zeros((size, size), np.uint16)
    ids[(x - 20) ** 2 + (y - 30) ** 2 < radius**2] = 5
    ids[(x - 50) ** 2 + (y - 30) ** 2 < 64] = 9
    image = np.where(ids == 5, 255, np.where(ids == 9, 90, 0))[..., None].repeat(3, 2).astype(np.uint8)
    return image, ids


def bright(crop: np.ndarray) -> np.ndarray:
    """A "network" for white things on black: inside the box whatever is brighter than half of white."""
    return np.where(crop[3] > 0, crop[0], -1.0).astype(np.float32)


def random_tensors(widths: tuple[int, ...], seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    found = {name: rng.normal(size=shape).astype(np.float32) * 0.2 for name, shape in shapes(widths).items()}
    return {
        name: np.abs(array) + 0.5 if name.endswith(("variance", "gain")) else array for name, array in found.items()
    }


def test_bounds_are_those_of_the_map() -> None:
    ids = np.zeros((8, 10), np.uint16)
    ids[2:4, 3:7] = 3
    ids[7, 9] = 40000
    assert bounds(ids, [3, 4, 40000]) == {3: (Box(3, 2, 7, 4), 8), 40000: (Box(9, 7, 10, 8), 1)}
    assert bounds(np.zeros((4, 4), np.uint16), [1]) == {}


@settings(deadline=None)  # the first crop compiles
@given(st.floats(-20, 90), st.floats(-20, 90), st.floats(0.5, 200), st.floats(0.5, 200), st.integers(1, 80))
def test_crops_of_any_box_are_finite_and_in_range(x: float, y: float, width: float, height: float, size: int) -> None:
    image = np.full((size, 2 * size, 3), 200, np.uint8)
    box = Box(x, y, x + width, y + height)
    found = crop(image, box)
    assert found.shape == (4, CROP_PX, CROP_PX) and found.dtype == np.float32
    assert np.isfinite(found).all() and (np.abs(found) <= 1.0001).all()
    region = region_of(box)
    assert region.x0 <= x and region.x1 >= x + width and region.y0 <= y and region.y1 >= y + height
    across, down = region.x1 - region.x0, region.y1 - region.y0
    assert max(across, down) <= 3 * min(across, down) + 6
    seen = max(min(region.x1, 2 * size) - max(region.x0, 0), 0) * max(min(region.y1, size) - max(region.y0, 0), 0)
    assert (found[3].mean() + 1) * across * down == pytest.approx(width * height + seen, rel=1e-3)


def test_what_lies_outside_the_image_is_grey_and_marked() -> None:
    found = crop(np.full((20, 20, 3), 255, np.uint8), Box(0, 0, 10, 10))
    assert found[3].min() == -1 and found[3].max() == 1
    outside = found[3] == -1
    assert outside.any() and np.median(np.abs(found[:3, outside])) < 0.01  # interpolation reaches over the edge
    assert (found[:3, found[3] >= 0] > 0.99).mean() > 0.9


def test_a_mask_is_cropped_as_the_image_is() -> None:
    _, ids = disc()
    box, _ = bounds(ids, [5])[5]
    mask = mask_crop(ids, 5, box)
    np.testing.assert_allclose(
        crop(np.where(ids == 5, 255, 0)[..., None].repeat(3, 2).astype(np.uint8), box)[0], mask / 127.5 - 1, atol=0.01
    )


AGREEMENT = [
    ("the label is right", lambda ids: ids, 5, 0.97, 1.0),
    ("the label is moved", lambda ids: np.roll(ids, 8, 1), 5, 0.2, 0.75),
    ("the picture shows nothing there", lambda ids: np.roll(ids, 30, 0), 5, 0.0, 0.1),
    ("another thing is there", lambda ids: ids, 9, 0.0, 0.0),
]


@pytest.mark.parametrize(("intent", "change", "index", "low", "high"), AGREEMENT, ids=[row[0] for row in AGREEMENT])
def test_agreement(intent: str, change: Any, index: int, low: float, high: float) -> None:
    image, ids = disc()
    score = Verifier(one_by_one(bright), "x").agreements(image, change(ids), [index])[index]
    assert low <= score <= high


def test_an_instance_does_not_depend_on_the_others_nor_on_their_order() -> None:
    image, ids = disc()
    verifier = Verifier(one_by_one(bright), "x")
    both = verifier.agreements(image, ids, [9, 5])
    assert both == {k: verifier.agreements(image, ids, [k])[k] for k in (5, 9)}
    assert verifier.agreements(image, ids, [77]) == {}


GRIDS = [
    ("a small thing: the image's pixels", Box(30, 40, 50, 50), (30, 18)),
    ("a large one: the crop's", Box(30, 40, 220, 200), (64, 64)),
    ("a long one: one of each", Box(60, 40, 150, 48), (64, 46)),
]


@pytest.mark.parametrize(("intent", "box", "grid"), GRIDS, ids=[row[0] for row in GRIDS])
def test_a_right_prediction_agrees_whole_at_any_size(intent: str, box: Box, grid: tuple[int, int]) -> None:
    ids = np.zeros((256, 256), np.uint16)
    y, x = np.mgrid[:256, :256] + 0.5
    middle, across, down = (box.x0 + box.x1) / 2, box.x1 - box.x0, box.y1 - box.y0
    ids[(abs(x - middle) / across + abs(y - (box.y0 + box.y1) / 2) / down) < 0.5] = 2
    label = label_on_grid(ids, 2, box)
    assert label.shape[::-1] == grid_of(box) == grid
    region = region_of(box)
    share = (box.x1 - box.x0) * (box.y1 - box.y0) / 2 / ((region.x1 - region.x0) * (region.y1 - region.y0))
    assert label.mean() == pytest.approx(share, rel=0.1)
    smooth = mask_crop(ids, 2, box).astype(np.float32) / 32 - 4
    found = prediction_on_grid(smooth, box)
    assert found.shape == label.shape
    assert (found & label).sum() / (found | label).sum() > 0.97


def test_onnx_and_torch_say_the_same() -> None:
    torch = pytest.importorskip("torch", reason='needs torch: pip install "synthgen[train]"')
    from synthgen.networks.torch_ops import TorchOps
    from synthgen.verify.network import network

    for widths in (WIDTHS, SMALL):
        tensors = random_tensors(widths)
        one = np.random.default_rng(1).normal(size=(4, CROP_PX, CROP_PX)).astype(np.float32)
        ops = TorchOps({name: torch.from_numpy(array) for name, array in tensors.items()}, training=False)
        expected = network(ops, torch.from_numpy(one[None]), widths)[0, 0].numpy()
        found = onnx_network(Weights(tensors, {}, ""), widths)(one[None])[0]
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3 * np.abs(expected).max())
        batched = gpu_network(Weights(tensors, {}, ""), widths, device="cpu")
        many = np.repeat(one[None], 19, axis=0)  # a whole batch of 16, and a short one
        for logits in batched(many):
            np.testing.assert_allclose(logits, expected, rtol=1e-3, atol=1e-3 * np.abs(expected).max())


def test_the_graph_is_valid_onnx() -> None:
    onnx = pytest.importorskip("onnx", reason="needs onnx: pip install onnx")
    from synthgen.networks.onnx_graph import onnx_model
    from synthgen.verify.network import network

    made = partial(network, widths=SMALL)
    model = onnx_model(made, random_tensors(SMALL), {"crop": (1, 4, "height", "width")}, (1, 1, "height", "width"))
    onnx.checker.check_model(onnx.load_from_string(model), full_check=True)


def test_the_network_is_small() -> None:
    assert 2 * sum(int(np.prod(shape)) for shape in shapes().values()) < 5e6


def test_without_onnx_runtime(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(EnvironmentFault) as caught:
        onnx_network(Weights(random_tensors(SMALL), {}, ""), SMALL)
    assert str(caught.value) == (
        "verify needs ONNX Runtime, which is not installed; install it with: pip install onnxruntime, or take verify "
        "out of the pipeline"
    )


def test_without_weights(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "SHIPPED", tmp_path / "none")
    with pytest.raises(AssetError) as caught:
        make_verifier(None)
    assert str(caught.value) == (
        "verify.weights is not given, and no verifier ships with this version; allowed: the folder of a trained one; "
        "make it with 'synthgen train verifier', or take verify out of the pipeline"
    )


def test_weights_of_another_architecture(tmp_path: Path) -> None:
    card = {"kind": "verifier", "version": VERSION, "architecture": {}}
    for name, data in model_files(random_tensors(SMALL), card, "").items():
        (tmp_path / name).write_bytes(data)
    with pytest.raises(AssetError, match="do not fit"):
        read_verifier(tmp_path)


GATES = [
    ("a gate above 1", "verify={gate: 2}", "command line: verify.gate: 2 is out of range; allowed: 0 to 1"),
    ("a gate that is no number", "verify={gate: high}", "command line: verify.gate: "),
]


@pytest.mark.parametrize(("intent", "override", "start"), GATES, ids=[row[0] for row in GATES])
def test_a_gate_that_cannot_be(intent: str, override: str, start: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_pipeline("smoke", [override])
    assert "verify.gate" in str(caught.value)


TINY = ["count=4", "image.width=96", "image.height=80", "camera.views_per_scene=2", "run.shard_images=2"]
GATED = [*TINY, "verify={least: 0.5, min_px: 40}", "sense.exposure_ev={uniform: [-1, 1]}"]


class Moody:
    """A verifier whose agreement is a function of the pixels alone; ``low`` until a picture's mean fits."""

    fingerprint = "moody"

    def __init__(self, passes: Any) -> None:
        self.passes, self.calls = passes, 0

    def agreements(self, image: np.ndarray, ids: np.ndarray, indices: list[int]) -> dict[int, float]:
        self.calls += 1
        return {k: 0.75 if self.passes(image) else 0.25 for k in indices}


def gated_run(monkeypatch: pytest.MonkeyPatch, out: Path, passes: Any, *overrides: str) -> list[dict[str, Any]]:
    moody = Moody(passes)
    for place in ("synthgen.recipe", "synthgen.run.plan"):
        monkeypatch.setattr(f"{place}.make_verifier", lambda weights, device="cpu": moody)
    run_pipeline(
        load_pipeline("smoke", [*GATED, *overrides]),
        out=out,
        workers=1,
        scheduler=None,
        device="cpu",
        fresh=False,
        progress=lambda _: None,
    )
    parts = sorted((out / "manifest" / "images").glob("*.parquet"))
    return [row for part in parts for row in pq.read_table(part).to_pylist()]


def test_a_picture_that_disagrees_is_drawn_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(drawing, "CEILING_SHARE", 1.0)
    rows = gated_run(monkeypatch, tmp_path / "a", lambda image: int(image.sum()) % 2 == 1)
    assert [row["draw_attempt"] for row in rows] == [len(row["rejected"]) for row in rows]
    assert any(row["draw_attempt"] for row in rows) and all(row["file_name"] for row in rows)
    assert all(
        r == {"stage": "verify", "attempt": k, "reason": "agreement"}
        for row in rows
        for k, r in enumerate(row["rejected"])
    )
    parts = sorted((tmp_path / "a" / "manifest" / "instances").glob("*.parquet"))
    instances = [row for part in parts for row in pq.read_table(part).to_pylist()]
    assert {row["agreement"] for row in instances} == {row["ceiling"] for row in instances} == {0.75}
    assert validate_dataset(tmp_path / "a").problems == ()
    report = json.loads((tmp_path / "a" / "report" / "report.json").read_text())["agreement"]
    assert report["instances"] == report["sampled"] == len(instances)
    assert report["mean"] == report["sampled_mean"] == report["ceiling"] == 0.75
    assert "mean agreement" in (tmp_path / "a" / "report" / "index.html").read_text()
    coco = "".join(p.read_text() for p in (tmp_path / "a" / "annotations").glob("*.json"))
    assert coco.count('"agreement":0.75') == len(instances)
    again = gated_run(monkeypatch, tmp_path / "b", lambda image: int(image.sum()) % 2 == 1)
    assert again == rows


def test_after_eight_pictures_the_slot_stays_empty(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    rows = gated_run(monkeypatch, tmp_path / "a", lambda image: False, "run.failure_budget=1")
    assert [row["empty_reason"] for row in rows] == ["agreement"] * 4
    assert [len(row["rejected"]) for row in rows] == [8] * 4


GATE = [
    ("as good as shaded", 0.4, 0.4, True),
    ("above the gate whatever shaded reaches", 0.72, 1.0, True),
    ("poor, but shaded is hardly better", 0.3, 0.4, True),
    ("poor where shaded is good", 0.3, 0.9, False),
    ("gone", 0.0, 0.5, False),
]


@pytest.mark.parametrize(("intent", "score", "ceiling", "passes"), GATE, ids=[row[0] for row in GATE])
def test_the_gate_is_a_share_of_what_shaded_reaches(
    intent: str, score: float, ceiling: float, passes: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[list[int]] = []

    def shaded_reaches(pipeline: Any, verifier: Any, view: Any, attempt: int, indices: list[int]) -> dict[int, float]:
        asked.append(list(indices))
        return dict.fromkeys(indices, ceiling)

    monkeypatch.setattr(drawing, "_ceiling", shaded_reaches)
    weights = untrained_gan(tmp_path)
    pipeline = load_pipeline("smoke", [f"generate={{kind: gan, weights: {weights}}}", "verify={gate: 0.7}"]).pipeline
    assert drawing._passes(pipeline, None, None, 0, {1: 0.9, 2: score}, [1, 2]) == passes
    assert asked == ([[2]] if score < 0.7 else [])  # only what is in doubt
    plain = load_pipeline("smoke", ["verify={gate: 0.7}"]).pipeline
    assert drawing._passes(plain, None, None, 0, {1: 0.9, 2: score}, [1, 2])  # shaded is its own ceiling
    strict = load_pipeline("smoke", ["verify={gate: 0, least: 0.5}"]).pipeline
    assert drawing._passes(strict, None, None, 0, {1: 0.9, 2: score}, [1, 2]) == (score >= 0.5)


def test_small_instances_never_cause_a_redraw(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    rows = gated_run(monkeypatch, tmp_path / "a", lambda image: False, "verify.min_px=7000")
    assert all(row["rejected"] == [] and row["file_name"] for row in rows)


def test_without_verify_nothing_is_said_of_agreement(tmp_path: Path) -> None:
    run_pipeline(
        load_pipeline("smoke", TINY),
        out=tmp_path / "a",
        workers=1,
        scheduler=None,
        device="cpu",
        fresh=False,
        progress=lambda _: None,
    )
    part = pq.read_table(sorted((tmp_path / "a" / "manifest" / "instances").glob("*.parquet"))[0])
    assert part["agreement"].null_count == part["ceiling"].null_count == part.num_rows > 0
    assert not any("agreement" in p.read_text() for p in (tmp_path / "a" / "annotations").glob("*.json"))
    assert "agreement" not in json.loads((tmp_path / "a" / "report" / "report.json").read_text())
