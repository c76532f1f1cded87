"""``synthgen train``: data, loop, and the folder of the trained model."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synthgen.config.load import LoadedPipeline, load_pipeline
from synthgen.contract.packs import HELD_OUT, TRAIN
from synthgen.errors import ConfigError, EnvironmentFault
from synthgen.generate import gan_channels, gan_network
from synthgen.networks.need_torch import need_torch
from synthgen.pack.reading import Pack, open_pack
from synthgen.train.config import (
    Data,
    PackData,
    PipelineData,
    Training,
    check_seed,
    load_training,
    overlap_fault,
    settings_hash,
)
from synthgen.train.data import Pool, open_pool
from synthgen.train.model_card import model_readme
from synthgen.train.pack_pool import PackPool, open_pack_pool
from synthgen.verify import network as verifier_network
from synthgen.verify import verifier
from synthgen.weights import CARD, model_files
from synthgen.write.files import replace_file
from synthgen.write.lock import locked

MakeDataset = Callable[[LoadedPipeline, Path], None]


@dataclass(frozen=True)
class Prepared:
    """For the terminal, before the first step: views of a pack that have been rendered, of all."""

    what: str
    done: int
    of: int


@dataclass(frozen=True)
class Trained:
    """``folder``: of the model; ``scores``: of its last look."""

    folder: Path
    scores: dict[str, float]


def train_model(
    path_or_name: str,
    *,
    out: Path | None,
    device: str,
    threads: int,
    version: str,
    make_dataset: MakeDataset,
    tell: Callable[[Any], None],
    preparing: Callable[[Prepared], None],
) -> Trained:
    """Trains the model of a training file, or goes on where an earlier call was stopped.

    Args:
        path_or_name: a training file or the name of a shipped one.
        out: folder for data, checkpoint, log, pictures and model/; default: out/NAME.
        device: "cpu" or "cuda".
        threads: of torch on the CPU; the same number gives the same bytes.
        version: of synthgen, for the card.
        make_dataset: runs a pipeline into a folder (does nothing when it is complete).
        tell: is given ``loop.Progress``.
        preparing: is given ``Prepared``.

    Raises:
        ConfigError: the training file cannot be used, or its data overlap.
        EnvironmentFault: torch or the device is not there.
    """
    training, base = load_training(path_or_name)
    torch = _torch(device)
    if training.precision == "bfloat16" and device == "cpu":
        _require_bfloat16(torch)
    torch.set_num_threads(threads)
    folder = out or Path("out") / training.name
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder):
        made = OBJECTIVES[training.objective](_Order(training, base, folder, device, make_dataset, preparing))
        settings = settings_hash(training, made.fingerprints)
        from synthgen.train.loop import train

        tensors = train(made.objective, training, settings, out=folder, device=device, tell=tell)
        scores, _ = made.objective.look({name: torch.from_numpy(a).to(device) for name, a in tensors.items()})
        made_with = {
            "synthgen": version,
            "torch": str(torch.__version__),
            "device": device,
            "machine": platform.machine(),
        }
        card = _card(training, made, scores, made_with) | started_from(base, training)
        for name, data in model_files(tensors, card, model_readme(card)).items():
            replace_file(folder / "model" / name, data)
    return Trained(folder / "model", scores)


@dataclass(frozen=True)
class _Order:
    """What to train, from what, where."""

    training: Training
    base: Path
    folder: Path
    device: str
    make_dataset: MakeDataset
    preparing: Callable[[Prepared], None]

    @property
    def start(self) -> Path | None:
        return None if self.training.start_from is None else self.base / self.training.start_from

    @property
    def shares(self) -> list[float]:
        return [part.share for part in self.training.data]


@dataclass(frozen=True, eq=False)
class _Made:
    """An objective ready to train, with what its card says about it."""

    objective: Any
    fingerprints: list[str]
    data: list[dict[str, Any]]
    held_out: list[dict[str, Any]]
    kind: str
    version: int
    architecture: dict[str, Any]
    channels: Sequence[str]


def _verifier(order: _Order) -> _Made:
    from synthgen.train.verifier import VerifierObjective

    training = order.training
    pools = [_pool(part, order) for part in training.data]
    held_out = [_pool(part, order) for part in training.held_out]
    _check_seeds(pools, held_out)
    objective = VerifierObjective(training, pools, order.shares, held_out, order.start, order.device)
    return _Made(
        objective,
        [pool.fingerprint for pool in (*pools, *held_out)],
        [_described(pool) for pool in pools],
        [_described(pool) for pool in held_out],
        verifier.KIND,
        verifier_network.VERSION,
        {"network": verifier_network.__name__, "widths": list(objective.widths)},
        verifier_network.CHANNELS,
    )


def _gan(order: _Order) -> _Made:
    from synthgen.train.gan import GanObjective

    training = order.training
    packs = [_pack(part, order.base) for part in training.data]
    levels = len(training.widths or gan_network.WIDTHS)
    for pack in packs:
        check_seed(int(pack.card["seed"]), str(pack.folder))
        _check_size(pack, levels)
        _check_crop(training, pack, levels)
    pools = [_pack_pool(pack, TRAIN, order) for pack in packs]
    others = [_pack(part, order.base) for part in training.held_out]
    held_out = [_pack_pool(pack, None, order) for pack in others] or [
        _pack_pool(pack, HELD_OUT, order) for pack in packs if pack.where(split=HELD_OUT)
    ]
    objective = GanObjective(training, pools, order.shares, held_out, order.start, order.device)
    return _Made(
        objective,
        [str(pool.card["fingerprint"]) for pool in (*pools, *held_out)],
        [_described_pack(pool) for pool in pools],
        [_described_pack(pool) for pool in held_out],
        gan_network.KIND,
        gan_network.VERSION,
        {"network": gan_network.__name__, "widths": list(objective.widths)},
        gan_channels.CHANNELS,
    )


OBJECTIVES: dict[str, Callable[[_Order], _Made]] = {"verifier": _verifier, "gan": _gan}


def _torch(device: str) -> Any:
    torch = need_torch("train")
    if device == "cuda" and not torch.cuda.is_available():
        raise EnvironmentFault("--device cuda: PyTorch finds no GPU here; allowed: cpu, or a machine with a GPU")
    return torch


def _require_bfloat16(torch: Any) -> None:
    """An AVX2 CPU emulates it, 48 times slower than float32; with AVX512-BF16 or AMX it is twice as fast."""
    if not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        raise EnvironmentFault(
            "precision: bfloat16 needs a CPU that computes in it (AVX512-BF16 or AMX), and this one does not; allowed "
            "here: float32; take precision out of the training file"
        )


def _pool(part: Data, order: _Order) -> Pool:
    if isinstance(part, PackData):
        raise ConfigError(
            f"data: pack {part.pack!r}: the objective verifier learns from datasets, not from packs; allowed: "
            "{pipeline: ...} or {dataset: ...}; packs are for the objective gan"
        )
    if isinstance(part, PipelineData):
        pipeline = order.base / part.pipeline if (order.base / part.pipeline).is_file() else part.pipeline
        loaded = load_pipeline(str(pipeline), [*part.set, f"count={part.count}", f"seed={part.seed}"])
        dataset = order.folder / "data" / part.name
        order.make_dataset(loaded, dataset)
    else:
        dataset = order.base / part.dataset
    return open_pool(dataset, order.folder / "pool")


def _pack(part: Data, base: Path) -> Pack:
    if not isinstance(part, PackData):
        name = part.name if isinstance(part, PipelineData) else part.dataset
        raise ConfigError(
            f"data: {name!r}: the objective gan learns from packs of pairs, not from datasets; allowed: "
            "{pack: FOLDER}; make one with 'synthgen pairs'"
        )
    return open_pack(base / part.pack)


def _check_size(pack: Pack, levels: int) -> None:
    width, height, multiple = pack.card["image"]["width"], pack.card["image"]["height"], 2**levels
    if width % multiple or height % multiple:
        raise ConfigError(
            f"widths: {levels} levels need images whose sides are multiples of {multiple}; {pack.folder.name!r} has "
            f"{width}x{height}; allowed: fewer widths, or a pack of another size"
        )


def _check_crop(training: Training, pack: Pack, levels: int) -> None:
    smallest, multiple = min(pack.card["image"]["width"], pack.card["image"]["height"]), 2**levels
    if training.crop is not None and (training.crop % multiple or training.crop > smallest):
        raise ConfigError(
            f"crop: {training.crop} does not fit {pack.folder.name!r}, whose smaller side is {smallest}; allowed: "
            f"multiples of {multiple} up to {smallest}; lower it, or leave it out"
        )


def _pack_pool(pack: Pack, split: str | None, order: _Order) -> PackPool:
    def tell(done: int, of: int) -> None:
        if done % 100 == 0 or done == of:
            order.preparing(Prepared(f"{pack.folder.name} ({split or 'all'})", done, of))

    return open_pack_pool(pack, split, order.folder / "pool", tell)


def _check_seeds(pools: list[Pool], held_out: list[Pool]) -> None:
    for pool in pools:
        check_seed(pool.seed, pool.name)
    fault = overlap_fault({pool.seed: pool.name for pool in pools}, {pool.seed: pool.name for pool in held_out})
    if fault:
        raise ConfigError(fault)


def _described(pool: Pool) -> dict[str, Any]:
    return {
        "name": pool.name,
        "seed": pool.seed,
        "images": int(pool.ids.shape[0]),
        "instances": len(pool.table),
        "fingerprint": pool.fingerprint,
    }


def _described_pack(pool: PackPool) -> dict[str, Any]:
    kept_out: Any = pool.card["held_out"]
    files: Any = pool.card["files"]
    return {
        "name": pool.name,
        "seed": pool.card["seed"],
        "images": len(pool.targets),
        "views": len(pool.channels),
        "fingerprint": pool.card["fingerprint"],
        "kept_out": [*kept_out["objects"], *kept_out["environments"]],
        "files": sorted(file["name"] for file in files),
    }


def started_from(base: Path, training: Training) -> dict[str, Any]:
    """What the card says of the model that the training went on from: its own card, with where that one started."""
    if training.start_from is None:
        return {}
    card = json.loads((base / training.start_from / CARD).read_text(encoding="utf-8"))
    told = ("name", "sha256", "recipe", "data", "made_with", "started_from")
    return {"started_from": {key: card[key] for key in told if key in card}}


def _card(training: Training, made: _Made, scores: dict[str, float], made_with: dict[str, str]) -> dict[str, Any]:
    return {
        "kind": made.kind,
        "version": made.version,
        "name": training.name,
        "architecture": made.architecture,
        "channels": list(made.channels),
        "recipe": training.model_dump(mode="json"),
        "data": made.data,
        "held_out": made.held_out,
        "scores": scores,
        "licence": training.licence,
        "made_with": made_with,
    }
