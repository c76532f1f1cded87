"""``synthgen train``: what it refuses, and that a killed training ends as an uninterrupted one does."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from synthgen.config.load import load_pipeline
from synthgen.contract.packs import TRAINING_SEEDS, is_training_seed
from synthgen.errors import ConfigError, DatasetError, EnvironmentFault, IncompleteError
from synthgen.train.checkpoint import FILE, Checkpoint, load_checkpoint, save_checkpoint
from synthgen.train.config import load_training, overlap_fault
from synthgen.train.data import open_pool
from synthgen.train.examples import batch, empty_box, lay_over, moved
from synthgen.verify.crops import Box

TRAINING = """
version: 1
objective: verifier
name: tiny
seed: 3
data: [{dataset: discs}]
held_out: [{dataset: held}]
widths: [4, 8]
steps: 6
batch: 4
warmup_steps: 2
log_every: 1
save_every: 2
"""
SEED = TRAINING_SEEDS.start + 7


def discs(folder: Path, seed: int, images: int = 4) -> Path:
    """A finished dataset of white discs on a dark ground, as far as training reads one."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:64, :64] + 0.5
    for name in ("images", "instances"):
        (folder / name / "00000").mkdir(parents=True)
    for i in range(1, images + 1):
        ids = np.zeros((64, 64), np.uint16)
        for k in range(1, 4):
            cx, cy = rng.uniform(8, 56, 2)
            ids[(x - cx) ** 2 + (y - cy) ** 2 < rng.uniform(4, 9) ** 2] = k
        image = np.where(ids > 0, 230, 30)[..., None].repeat(3, 2) + rng.integers(-10, 10, (64, 64, 3))
        cv2.imwrite(str(folder / "images" / "00000" / f"{i:09d}.png"), image.astype(np.uint8))
        cv2.imwrite(str(folder / "instances" / "00000" / f"{i:09d}.png"), ids)
    (folder / "dataset.json").write_text(json.dumps({"seed": seed, "pipeline_fingerprint": f"{seed:064d}"}))
    return folder


@pytest.fixture
def home(tmp_path: Path) -> Path:
    discs(tmp_path / "discs", SEED)
    discs(tmp_path / "held", 8)
    (tmp_path / "t.yaml").write_text(TRAINING)
    return tmp_path


def test_the_shipped_training_is_sound() -> None:
    training, _ = load_training("verifier")
    parts = (*training.data, *training.held_out)
    assert len(parts) == 4
    for part in parts:
        load_pipeline(part.pipeline, [*part.set, f"count={part.count}", f"seed={part.seed}"])
    assert not any(is_training_seed(part.seed) for part in training.held_out)


def test_the_shipped_gan_training_reads_packs_where_it_is_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    training, base = load_training("gan")
    assert (training.objective, base) == ("gan", tmp_path)
    assert [part.pack for part in training.data] == ["packs/train1", "packs/train2"]


FILES = [
    (
        "no such file",
        None,
        "verifer is no file and no shipped training; nearest: verifier; shipped: gan, verifier",
    ),
    ("not YAML", "a: [", "F cannot be read as YAML (ParserError); allowed: a training file"),
    ("a list", "[1]", "F holds no block of keys; allowed: objective:, name:, data:, steps: ..."),
    (
        "steps below 1",
        TRAINING.replace("steps: 6", "steps: 0"),
        "F: steps: Input should be greater than or equal to 1, given: 0; mend this key",
    ),
    (
        "a held-out seed in the data",
        TRAINING.replace("{dataset: discs}", "{name: a, pipeline: smoke, count: 1, seed: 900001}"),
        "F: data a has the seed 900001, which is held out for scores; allowed for training: seeds from 1000000000 to "
        "1999999999; take one of them",
    ),
]


@pytest.mark.parametrize(("intent", "text", "sentence"), FILES, ids=[row[0] for row in FILES])
def test_training_files_that_are_refused(intent: str, text: str | None, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "F"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_training("verifer" if text is None else str(path))
    assert str(caught.value).replace(str(tmp_path) + "/", "") == sentence


def test_seeds_that_overlap() -> None:
    assert overlap_fault({1: "a"}, {2: "b"}) == ""
    assert overlap_fault({7: "a"}, {7: "b"}) == (
        "a and b are both drawn from seed 7: the held-out scores would be measured on what was trained on; allowed: "
        "seeds that do not overlap; take another seed for one of them"
    )


def no_dataset(folder: Path) -> None:
    (folder / "discs" / "dataset.json").unlink()


def no_maps(folder: Path) -> None:
    import shutil

    shutil.rmtree(folder / "discs" / "instances")


def damaged(folder: Path) -> None:
    (folder / "discs" / "images" / "00000" / "000000001.png").write_bytes(b"no image")


DATASETS: list[tuple[Callable[[Path], None], str]] = [
    (
        no_dataset,
        "'H/discs' is not a finished dataset: dataset.json cannot be read; allowed: a folder that 'synthgen run' has "
        "finished; finish it with the same command",
    ),
    (
        no_maps,
        "'H/discs' has no instance maps; allowed: a dataset with labels.outputs: [instances]; make it again with --set "
        "labels.outputs=[instances]",
    ),
    (
        damaged,
        "'H/discs/images/00000/000000001.png' cannot be read as an image; 'synthgen validate' says what else is "
        "damaged; make the dataset again",
    ),
]


@pytest.mark.parametrize(("damage", "sentence"), DATASETS, ids=[row[0].__name__ for row in DATASETS])
def test_datasets_that_are_refused(damage: Callable[[Path], None], sentence: str, home: Path) -> None:
    damage(home)
    with pytest.raises(DatasetError) as caught:
        open_pool(home / "discs", home / "pool")
    assert str(caught.value).replace(str(home), "H") == sentence
    assert not list((home / "pool").rglob("table.npy"))


def test_a_batch_is_a_function_of_its_stream(home: Path) -> None:
    pools = [open_pool(home / name, home / "pool") for name in ("discs", "held")]
    assert len(pools[0].table) >= 8 and (pools[0].areas >= 24).all()
    first = batch(pools, [3.0, 1.0], 8, rng=np.random.default_rng(1))
    again = batch(pools, [3.0, 1.0], 8, rng=np.random.default_rng(1))
    other = batch(pools, [3.0, 1.0], 8, rng=np.random.default_rng(2))
    assert [a.shape for a in first] == [(8, 4, 64, 64), (8, 1, 64, 64)]
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0], other[0])


def test_masks_cover_what_crops_show_however_they_are_varied(home: Path) -> None:
    pool = open_pool(home / "discs", home / "pool")
    crops, masks = batch([pool], [1.0], 200, rng=np.random.default_rng(0))
    white, covered = crops[:, 0] > 0.2, masks[:, 0] > 0.5
    whole = covered.any((1, 2))
    assert 170 < whole.sum() < 199  # the others: boxes of nothing
    assert (white & covered).sum() > 0.85 * covered.sum()  # tinted discs may be darker
    place = crops[:, 3]
    assert place.min() >= -1 and place.max() <= 1
    outside = [
        (mask & (where < 0.5)).sum() / mask.sum() for mask, where in zip(covered[whole], place[whole], strict=True)
    ]
    assert 20 < sum(share > 0.05 for share in outside) < 80  # loose boxes leave a part of their thing out


def test_boxes_are_moved_by_no_more_than_asked() -> None:
    rng = np.random.default_rng(0)
    boxes = [moved(Box(10, 20, 60, 30), 0.04, 0.5, rng=rng) for _ in range(300)]
    assert 2.2 < max(abs(box.x0 - 10) for box in boxes) <= 2.5 and max(abs(box.y1 - 30) for box in boxes) <= 0.9
    tiny = [moved(Box(10, 20, 11, 21), 0.2, 2.0, rng=rng) for _ in range(300)]
    assert all(box.x1 >= box.x0 + 1 and box.y1 >= box.y0 + 1 for box in tiny)


def test_an_empty_box_is_no_things_box(home: Path) -> None:
    pool = open_pool(home / "discs", home / "pool")
    rng = np.random.default_rng(0)
    found = [(row, empty_box(pool, row, rng=rng)) for row in range(len(pool.table)) for _ in range(10)]
    kept = [(row, box) for row, box in found if box is not None]
    assert len(kept) > 50
    for row, box in kept:
        across = box.x1 - box.x0
        assert across == pytest.approx(pool.box(row).x1 - pool.box(row).x0) and box.x0 >= 0 and box.x1 <= 64
        others = pool.table[pool.table[:, 0] == pool.table[row, 0]]
        assert len(others)
        for x0, y0, x1, y1 in others[:, 2:]:
            both = max(min(x1, box.x1) - max(x0, box.x0), 0) * max(min(y1, box.y1) - max(y0, box.y0), 0)
            either = (x1 - x0) * (y1 - y0) + across * (box.y1 - box.y0) - both
            assert both < 0.25 * either


def test_what_is_laid_over_a_crop_takes_its_mask_away() -> None:
    rng = np.random.default_rng(0)
    shares = []
    for _ in range(50):
        crop, mask, cover = (
            np.zeros((4, 64, 64), np.float32),
            np.full((64, 64), 255, np.uint8),
            np.ones((4, 64, 64), np.float32),
        )
        lay_over(crop, mask, cover, rng=rng)
        assert np.array_equal(crop[0] == 1, mask == 0) and not crop[3].any()
        shares.append((mask == 0).mean())
    assert min(shares) < 0.1 and max(shares) > 0.5


def test_checkpoints(tmp_path: Path) -> None:
    assert load_checkpoint(tmp_path, "s") is None
    save_checkpoint(tmp_path, Checkpoint(5, "s", {"weights/a": np.ones(3, np.float32)}))
    found = load_checkpoint(tmp_path, "s")
    assert found is not None and found.step == 5 and found.tensors["weights/a"].tolist() == [1, 1, 1]
    with pytest.raises(DatasetError) as caught:
        load_checkpoint(tmp_path, "other")
    assert str(caught.value) == (
        f"{str(tmp_path)!r} holds a training with other settings or data; the same file goes on with it, another one "
        "needs another --out (its start_from may name the model of this one)"
    )
    (tmp_path / FILE).write_bytes(b"x" * 40)
    with pytest.raises(DatasetError) as caught:
        load_checkpoint(tmp_path, "s")
    assert str(caught.value) == (
        f"{str(tmp_path / FILE)!r} is damaged; allowed: the checkpoint as it was saved; remove it to train from the "
        "start"
    )


def test_without_torch(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    import sys

    from synthgen.train.run import train_model

    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(EnvironmentFault) as caught:
        train_model(
            str(home / "t.yaml"),
            out=home / "o",
            device="cpu",
            threads=1,
            version="0",
            make_dataset=none,
            tell=none,
            preparing=none,
        )
    assert str(caught.value) == (
        'train needs PyTorch, which is not installed; install it with: pip install "synthgen[train]" (on a machine '
        "without GPU add --extra-index-url https://download.pytorch.org/whl/cpu)"
    )


def none(*args: Any) -> None:
    """Makes no dataset and tells nothing."""


REST: dict[str, Any] = {"threads": 1, "version": "0", "make_dataset": none, "preparing": none}


class Killed(Exception):
    pass


def run(home: Path, out: str, tell: Callable[[Any], None] = none, *, device: str = "cpu") -> Any:
    pytest.importorskip("torch", reason='needs torch: pip install "synthgen[train]"')
    from synthgen.train.run import train_model

    return train_model(
        str(home / "t.yaml"),
        out=home / out,
        device=device,
        threads=1,
        version="0",
        make_dataset=none,
        tell=tell,
        preparing=none,
    )


def test_killed_in_the_middle_ends_as_uninterrupted(home: Path) -> None:
    whole = run(home, "whole")

    def kill_at(step: int) -> Callable[[Any], None]:
        def tell(now: Any) -> None:
            if now.step == step:
                raise Killed

        return tell

    for step in (1, 3, 4):  # before the first checkpoint, between two, right after one
        with pytest.raises(Killed):
            run(home, "parts", kill_at(step))
    parts = run(home, "parts")
    names = ("model/model.safetensors", "model/card.json", "model/README.md", FILE, "log.jsonl")
    for name in (*names, "pictures/step-0000006.png"):
        assert (home / "whole" / name).read_bytes() == (home / "parts" / name).read_bytes(), name
    assert whole.scores == parts.scores and set(whole.scores) >= {"iou/held"}
    lines = [json.loads(line) for line in (home / "parts" / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3, 4, 5, 6]
    run(home, "parts")  # complete: the same again
    assert (home / "whole" / "model" / "card.json").read_bytes() == (
        home / "parts" / "model" / "card.json"
    ).read_bytes()


def test_more_steps_from_a_finished_model_start_where_it_ended(home: Path) -> None:
    run(home, "one")
    text = TRAINING.replace("name: tiny", "name: tiny\nstart_from: one/model\nlearning_rate: 1.0e-9")
    (home / "t.yaml").write_text(text)
    run(home, "two")
    one, two = (json.loads((home / name / "model" / "card.json").read_text()) for name in ("one", "two"))
    assert "started_from" not in one and two["started_from"]["sha256"] == one["sha256"]
    assert two["started_from"]["recipe"] == one["recipe"] and two["recipe"]["start_from"] == "one/model"
    from synthgen.networks.torch_ops import STATISTICS
    from synthgen.weights import MODEL, decode_safetensors

    first, second = (decode_safetensors((home / n / "model" / MODEL).read_bytes(), n) for n in ("one", "two"))
    for name in first:
        if name.rpartition(".")[2] not in STATISTICS:
            np.testing.assert_allclose(first[name], second[name], atol=2e-3, rtol=2e-3)


def test_it_learns(home: Path) -> None:
    longer = TRAINING.replace("steps: 6", "steps: 160").replace("save_every: 2", "save_every: 160")
    (home / "t.yaml").write_text(longer.replace("[4, 8]", "[8, 16]") + "learning_rate: 0.01\n")
    assert run(home, "o").scores["iou/held"] > 0.75


def test_nan_stops_it_and_keeps_the_last_good_checkpoint(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch", reason='needs torch: pip install "synthgen[train]"')
    from synthgen.train import verifier

    whole = verifier.batch

    def poisoned(pools: Any, shares: Any, size: int, *, rng: np.random.Generator) -> Any:
        crops, masks = whole(pools, shares, size, rng=rng)
        calls.append(1)
        return (crops * np.float32(np.nan) if len(calls) == 5 else crops), masks

    calls: list[int] = []
    monkeypatch.setattr(verifier, "batch", poisoned)
    with pytest.raises(IncompleteError) as caught:
        run(home, "o")
    assert str(caught.value) == (
        f"step 5: the loss or the weights are not finite any more; the last good checkpoint is kept in "
        f"{str(home / 'o')!r}; lower learning_rate and train into another folder"
    )
    training, _ = load_training(str(home / "t.yaml"))
    from synthgen.train.config import settings_hash

    found = load_checkpoint(home / "o", settings_hash(training, [f"{SEED:064d}", f"{8:064d}"]))
    assert found is not None and found.step == 4
    assert all(np.isfinite(array).all() for array in found.tensors.values())


def test_training_on_what_is_held_out_is_refused(home: Path) -> None:
    facts = {"seed": SEED, "pipeline_fingerprint": "0" * 64}
    (home / "held" / "dataset.json").write_text(json.dumps(facts))
    with pytest.raises(ConfigError) as caught:
        run(home, "o")
    assert str(caught.value).startswith("discs and held are both drawn from seed 1000000007: ")


def test_no_gpu(home: Path) -> None:
    torch = pytest.importorskip("torch", reason='needs torch: pip install "synthgen[train]"')
    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    with pytest.raises(EnvironmentFault) as caught:
        run(home, "o", device="cuda")
    assert str(caught.value) == ("--device cuda: PyTorch finds no GPU here; allowed: cpu, or a machine with a GPU")


def test_bfloat16_needs_a_cpu_that_has_it(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch", reason='needs torch: pip install "synthgen[train]"')
    from types import SimpleNamespace

    (home / "t.yaml").write_text(TRAINING + "precision: bfloat16\n")
    known = torch.ops.mkldnn._is_mkldnn_bf16_supported()
    monkeypatch.setattr(torch.ops, "mkldnn", SimpleNamespace(_is_mkldnn_bf16_supported=lambda: False))
    with pytest.raises(EnvironmentFault) as caught:
        run(home, "o")
    assert str(caught.value) == (
        "precision: bfloat16 needs a CPU that computes in it (AVX512-BF16 or AMX), and this one does not; allowed "
        "here: float32; take precision out of the training file"
    )
    monkeypatch.undo()
    if known:
        assert run(home, "o").scores["iou/held"] >= 0
