"""The generator that ships: it fits, it is small, and draws nearer to the path tracer than ``shaded``, labels kept."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from test_generators import random_views

from synthgen.config.load import load_pipeline
from synthgen.config.models import GanConfig
from synthgen.contract.packs import is_training_seed
from synthgen.evaluate.agreement import agreement_of
from synthgen.evaluate.pictures import develop
from synthgen.generate.gan import SHIPPED, Gan, read_gan
from synthgen.generate.gan_channels import CHANNELS, Condition, condition
from synthgen.generate.gan_network import STYLE, VERSION
from synthgen.generate.shaded import shaded_alone
from synthgen.pack.reading import open_pack
from synthgen.run.api import run_pipeline
from synthgen.run.pairs import make_pairs
from synthgen.sense.camera_model import meter
from synthgen.train.gan import all_shapes
from synthgen.weights import MODEL, check_fit, read_weights

HOW = {"workers": 1, "scheduler": None, "fresh": False, "progress": lambda now: None}


def test_the_shipped_weights_are_small_and_say_where_they_come_from() -> None:
    weights = read_gan(SHIPPED)
    assert (SHIPPED / MODEL).stat().st_size < 15e6
    assert weights.card["licence"] == "Apache-2.0"
    assert weights.card["data"] and all(is_training_seed(part["seed"]) for part in weights.card["data"])
    held_out = ("bottle", "wrench", "flange", "toy_brick", "spoon", "warehouse")
    assert all(name in (SHIPPED / "README.md").read_text() for name in held_out)


def test_training_can_go_on_from_them() -> None:
    pytest.importorskip("torch", reason='needs torch: pip install "synthgen[train]"')
    weights = read_weights(SHIPPED, kind="gan", version=VERSION)
    check_fit(weights, all_shapes(tuple(weights.card["architecture"]["widths"])), SHIPPED)


def test_styles_are_moods_of_one_scene() -> None:
    """They differ, by less than the picture itself varies."""
    generator, views = Gan(GanConfig(style=1)), random_views(1)
    seen = condition(views.gbuffers, 0, views.scene.cameras[0])
    drawn = [next(generator.draw([seen], [generator.style(seed)])) for seed in range(6)]
    plain = next(generator.draw([seen], [np.zeros(STYLE, np.float32)]))
    levels = np.log2(np.stack(drawn) + 1e-3)
    between, within = levels.std(axis=0).mean(), np.log2(plain + 1e-3).std()
    assert 0.01 < between < within


def test_no_lattice() -> None:
    """Pixels at the same place of the network's grid, 2 to 16 wide, are on average as bright as all others."""
    generator = Gan(GanConfig())
    rng = np.random.default_rng(0)
    views = random_views(1)
    seen = condition(views.gbuffers, 0, views.scene.cameras[0])
    noise = rng.normal(scale=0.02, size=(len(CHANNELS), 128, 128))
    flat = (seen.channels.mean(axis=(1, 2), keepdims=True) + noise).astype(np.float32)
    wall = Condition(flat, np.ones((128, 128, 3), np.float32), 1.0)
    picture = np.log2(next(generator.draw([wall], [np.zeros(STYLE, np.float32)])).mean(axis=2) + 1e-3)[16:-16, 16:-16]
    for period in (2, 4, 8, 16):
        cells = picture.reshape(96 // period, period, 96 // period, period).mean(axis=(0, 2))
        assert cells.std() < 0.02, f"a lattice of {period} pixels"


@pytest.mark.slow
@pytest.mark.skipif(find_spec("bpy") is None, reason='needs Cycles: pip install "synthgen[pathtraced]" (Python 3.11)')
def test_it_draws_nearer_to_the_path_tracer_than_shaded(tmp_path: Path) -> None:
    """Families and surroundings that it was not trained on."""
    settings = ("count=20", "seed=5", "camera.views_per_scene=1", "pairs.held_out.share=1", "pairs.varied=0")
    loaded = load_pipeline("training", [*settings, "generate={kind: pathtraced, samples: 32}"])
    make_pairs(loaded, out=tmp_path / "pack", worker_memory_mb=None, **HOW)  # type: ignore[arg-type]
    pack, generator = open_pack(tmp_path / "pack"), Gan(GanConfig(style=0))
    errors = []
    for index in range(len(pack)):
        views, target = pack.views(index, gathered=True), pack.target(index)
        true = develop(target, exposure=meter(target)).astype(float)
        pictures = (generator(views, [index]).pixels[0], shaded_alone(views))
        errors.append([np.abs(develop(p, exposure=meter(target)) - true).mean() for p in pictures])
    assert len(errors) == 20
    drawn, shaded = np.mean(errors, axis=0)
    assert drawn < 0.95 * shaded
    assert drawn < 2.85, "levels of 255: what these weights reach, with a margin for other CPUs"


@pytest.mark.slow
def test_labels_fit_its_images_as_they_fit_shaded_ones(tmp_path: Path) -> None:
    means = {}
    for kind in ("shaded", "gan"):
        settings = ("count=24", "seed=32", "labels.grasps=null", "labels.outputs=[]", "camera.views_per_scene=3")
        loaded = load_pipeline("grasping", [*settings, "verify={gate: 0}", f"generate.kind={kind}", "augment=[]"])
        run_pipeline(loaded, out=tmp_path / kind, device="cpu", **HOW)  # type: ignore[arg-type]
        found = agreement_of(tmp_path / kind)
        assert found is not None and found["all"]["instances"] > 100
        means[kind] = found["all"]["mean"]
    assert means["gan"] > 0.96 * means["shaded"]
