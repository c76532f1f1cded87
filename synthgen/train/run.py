"""``synthgen train``: data, loop, and the folder of the trained model."""

from __future__ import annotations

import platform
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synthgen.config.load import LoadedPipeline, load_pipeline
from synthgen.errors import ConfigError, EnvironmentFault
from synthgen.train.config import (
    Data,
    PipelineData,
    Training,
    check_seed,
    load_training,
    overlap_fault,
    settings_hash,
)
from synthgen.train.data import Pool, open_pool
from synthgen.verify.network import VERSION
from synthgen.verify.verifier import KIND
from synthgen.weights import MODEL, model_files
from synthgen.write.files import replace_file
from synthgen.write.lock import locked

MakeDataset = Callable[[LoadedPipeline, Path], None]


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

    Raises:
        ConfigError: the training file cannot be used, or its data overlap.
        EnvironmentFault: torch or the device is not there.
    """
    training, base = load_training(path_or_name)
    torch = _torch(device)
    torch.set_num_threads(threads)
    folder = out or Path("out") / training.name
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder):
        pools = [_pool(part, base, folder, make_dataset) for part in training.data]
        held_out = [_pool(part, base, folder, make_dataset) for part in training.held_out]
        _check_seeds(pools, held_out)
        settings = settings_hash(training, [pool.fingerprint for pool in (*pools, *held_out)])
        from synthgen.train.loop import train
        from synthgen.train.verifier import VerifierObjective

        start = None if training.start_from is None else base / training.start_from
        shares = [part.share for part in training.data]
        objective = VerifierObjective(training, VERSION, pools, shares, held_out, start, device)
        tensors = train(objective, training, settings, out=folder, device=device, tell=tell)
        scores, _ = objective.look({name: torch.from_numpy(array).to(device) for name, array in tensors.items()})
        made_with = {
            "synthgen": version,
            "torch": str(torch.__version__),
            "device": device,
            "machine": platform.machine(),
        }
        card = _card(training, pools, held_out, scores, made_with)
        for name, data in model_files(tensors, card, _readme(training, card)).items():
            replace_file(folder / "model" / name, data)
    return Trained(folder / "model", scores)


def _torch(device: str) -> Any:
    try:
        import torch
    except ImportError as error:
        raise EnvironmentFault(
            'train needs PyTorch, which is not installed; install it with: pip install "synthgen[train]" (on a machine '
            "without GPU add --extra-index-url https://download.pytorch.org/whl/cpu)"
        ) from error
    if device == "cuda" and not torch.cuda.is_available():
        raise EnvironmentFault("--device cuda: PyTorch finds no GPU here; allowed: cpu, or a machine with a GPU")
    return torch


def _pool(part: Data, base: Path, folder: Path, make_dataset: MakeDataset) -> Pool:
    if isinstance(part, PipelineData):
        pipeline = base / part.pipeline if (base / part.pipeline).is_file() else part.pipeline
        loaded = load_pipeline(str(pipeline), [*part.set, f"count={part.count}", f"seed={part.seed}"])
        dataset = folder / "data" / part.name
        make_dataset(loaded, dataset)
    else:
        dataset = base / part.dataset
    return open_pool(dataset, folder / "pool")


def _check_seeds(pools: list[Pool], held_out: list[Pool]) -> None:
    for pool in pools:
        check_seed(pool.seed, pool.name)
    fault = overlap_fault({pool.seed: pool.name for pool in pools}, {pool.seed: pool.name for pool in held_out})
    if fault:
        raise ConfigError(fault)


def _card(
    training: Training, pools: list[Pool], held_out: list[Pool], scores: dict[str, float], made_with: dict[str, str]
) -> dict[str, Any]:
    def described(pool: Pool) -> dict[str, Any]:
        images, instances = int(pool.ids.shape[0]), len(pool.table)
        return {
            "name": pool.name,
            "seed": pool.seed,
            "images": images,
            "instances": instances,
            "fingerprint": pool.fingerprint,
        }

    return {
        "kind": KIND,
        "version": VERSION,
        "name": training.name,
        "architecture": {"network": "synthgen.verify.network", "widths": list(training.widths)},
        "channels": ["red", "green", "blue", "place"],
        "recipe": training.model_dump(mode="json"),
        "data": [described(pool) for pool in pools],
        "held_out": [described(pool) for pool in held_out],
        "scores": scores,
        "licence": training.licence,
        "made_with": made_with,
    }


def _readme(training: Training, card: dict[str, Any]) -> str:
    rows = "\n".join(f"| {name.removeprefix('iou/')} | {value:.3f} |" for name, value in card["scores"].items())
    data = "\n".join(
        f"- {part['name']}: {part['images']} images, {part['instances']} instances, seed {part['seed']}"
        for part in card["data"]
    )
    return f"""# {training.name}

A synthgen {card["kind"]}, version {card["version"]}. It sees an image and the box of one instance, and predicts the
instance's visible mask; its overlap with the label is the label's `agreement`. {MODEL} holds its weights (float16),
card.json how it was made.

Licence: {training.licence}. Trained on:

{data}

for {training.steps} steps of {training.batch} crops, seed {training.seed}. Mean overlap with exact labels on held-out
data:

| data | mean IoU |
|-|-|
{rows}

Use it with `verify: {{gate: 0.7, weights: FOLDER}}` in a pipeline, measure it with `synthgen evaluate verifier`. Made
by `synthgen train` from the settings under "recipe" in card.json.
"""
