"""The training loop: everything that happens, in order, on one screen. What is trained is an ``Objective``.

Step k depends on the state after step k - 1 and on random streams named by (seed, k) alone, so that a training that
was killed goes on from its checkpoint and ends with the same bytes (same device and thread count).
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from synthgen.errors import IncompleteError
from synthgen.networks.torch_ops import STATISTICS, Tensor, Tensors
from synthgen.train.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from synthgen.train.config import Training
from synthgen.weights import Array
from synthgen.write.files import replace_file

LOG = "log.jsonl"
ADAM_EPSILON = 1e-8
LONGEST_GRADIENT = 1.0
PARTS = ("weights", "average", "first", "second")


@dataclass(frozen=True, eq=False)
class Phase:
    """A part of one step: a loss, and the weights that go down it.

    Attributes:
        loss: scalar to minimise.
        parts: what it is made of, for the log.
        measured: new values of what is measured, not learned.
        learns: the weights whose names start with one of these; all others keep their values.
        betas: decay of Adam's moments.
    """

    loss: Tensor
    parts: dict[str, Tensor]
    measured: Tensors
    learns: str | tuple[str, ...] = ""
    betas: tuple[float, float] = (0.9, 0.99)


class Objective(Protocol):
    """What is trained. Batches are numpy arrays; tensors live on the loop's device."""

    def initial(self) -> dict[str, Array]:
        """Name -> float32 array of everything that is trained or measured."""
        ...

    def batch(self, step: int) -> tuple[Array, ...]:
        """The arrays of one step; a function of the step alone. Called from another thread."""
        ...

    def phases(self, weights: Tensors, batch: tuple[Tensor, ...], step: int) -> Iterator[Phase]:
        """The step's phases in order; each sees the weights as the ones before it left them."""
        ...

    def look(self, average: Tensors) -> tuple[dict[str, float], bytes]:
        """Scores of the averaged weights on what is held out, and a picture (PNG)."""
        ...


@dataclass(frozen=True)
class Progress:
    """For the terminal. ``eta_s``: seconds left at the pace so far."""

    step: int
    steps: int
    losses: dict[str, float]
    scores: dict[str, float]
    eta_s: float


def train(
    objective: Objective, training: Training, settings: str, *, out: Path, device: str, tell: Callable[[Progress], None]
) -> dict[str, Array]:
    """Trains, or goes on training, and returns the averaged weights as float32 arrays.

    Args:
        objective: what.
        training: how.
        settings: hash of everything that decides the result.
        out: folder of checkpoint, log and pictures.
        device: "cpu" or "cuda".
        tell: called every ``log_every`` steps.

    Raises:
        IncompleteError: the loss is no finite number any more.
        DatasetError: ``out`` holds another training.
    """
    torch.use_deterministic_algorithms(True)
    torch.utils.deterministic.fill_uninitialized_memory = False
    first, state = _start(objective, settings, out, device)
    _shorten_log(out / LOG, first)
    started = time.monotonic()
    for step, arrays in _batches(objective, range(first + 1, training.steps + 1)):
        tensors = tuple(_tensor(a, device) for a in arrays)
        for name in state["weights"]:
            state["weights"][name].requires_grad_(name.rpartition(".")[2] not in STATISTICS)
        rate = learning_rate(training, step)
        losses: dict[str, Tensor] = {}
        phases = objective.phases(state["weights"], tensors, step)
        while (phase := _next(phases, device, training.precision)) is not None:
            if not math.isfinite(phase.loss.item()):
                raise IncompleteError(_nan_sentence(step, out))
            phase.loss.backward()
            _update(state, phase, rate, training, step)
            losses |= {"loss": losses.get("loss", 0) + phase.loss.detach(), **phase.parts}
        _average(state, training, step)
        saving = step % training.save_every == 0 or step == training.steps
        if saving:
            _save(out, step, settings, state)
        if saving or step % training.log_every == 0:
            numbers = {name: round(value.item(), 6) for name, value in losses.items()}
            scores = _look(objective, state["average"], out, step) if saving else {}
            _log(out / LOG, {"step": step, "learning_rate": round(rate, 9), **numbers, **scores})
            left = (time.monotonic() - started) / (step - first) * (training.steps - step)
            tell(Progress(step, training.steps, numbers, scores, left))
    return {name: tensor.detach().cpu().numpy() for name, tensor in state["average"].items()}


def learning_rate(training: Training, step: int) -> float:
    """Linear warm-up, then half a cosine to 0 at the last step."""
    if step <= training.warmup_steps:
        return training.learning_rate * step / max(training.warmup_steps, 1)
    done = (step - training.warmup_steps) / max(training.steps - training.warmup_steps, 1)
    return training.learning_rate * (0.5 + 0.5 * math.cos(math.pi * done))


def _start(objective: Objective, settings: str, out: Path, device: str) -> tuple[int, dict[str, Tensors]]:
    """Steps done, and weights, their average and Adam's moments: from the checkpoint, or new."""
    found = load_checkpoint(out, settings)
    if found is not None:
        stored: dict[str, Tensors] = {part: {} for part in PARTS}
        for name, array in found.tensors.items():
            part, _, rest = name.partition("/")
            stored[part][rest] = _tensor(array, device)
        return found.step, stored
    weights = {name: _tensor(array, device) for name, array in objective.initial().items()}
    average = {name: tensor.clone() for name, tensor in weights.items()}
    moments = {part: {name: torch.zeros_like(tensor) for name, tensor in weights.items()} for part in PARTS[2:]}
    return 0, {"weights": weights, "average": average, **moments}


def _tensor(array: Array, device: str) -> Tensor:
    """A copy in torch's own memory: where numpy's happens to lie, kernels may add in another order."""
    return torch.tensor(array).to(device)


def _batches(objective: Objective, steps: range) -> Iterator[tuple[int, tuple[Array, ...]]]:
    """Steps with their batches, one made ahead in a thread."""
    with ThreadPoolExecutor(1) as pool:
        ahead = pool.submit(objective.batch, steps[0]) if steps else None
        for step in steps:
            assert ahead is not None
            arrays = ahead.result()
            ahead = pool.submit(objective.batch, step + 1) if step + 1 in steps else None
            yield step, arrays


def _next(phases: Iterator[Phase], device: str, precision: str | None) -> Phase | None:
    half = (precision or {"cuda": "bfloat16"}.get(device)) == "bfloat16"
    with torch.autocast(device, dtype=torch.bfloat16, enabled=half):
        return next(phases, None)


@torch.no_grad()  # type: ignore[misc, untyped-decorator, unused-ignore]
def _update(state: dict[str, Tensors], phase: Phase, rate: float, training: Training, step: int) -> None:
    """One step of AdamW (Loshchilov and Hutter 2019, algorithm 2), gradients of length 1 at most."""
    weights, _, first, second = (state[part] for part in PARTS)
    slow, fast = phase.betas
    learned = sorted(  # a checkpoint's order
        name for name, tensor in weights.items() if name.startswith(phase.learns) and tensor.grad is not None
    )
    length = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(weights[n].grad) for n in learned]))
    scale = torch.clamp(LONGEST_GRADIENT / (length + 1e-6), max=1.0)
    for name in learned:
        weight, gradient = weights[name], weights[name].grad * scale
        first[name].lerp_(gradient, 1 - slow)
        second[name].lerp_(gradient * gradient, 1 - fast)
        spread = (second[name] / (1 - fast**step)).sqrt_().add_(ADAM_EPSILON)
        if weight.ndim > 1:
            weight.mul_(1 - rate * training.weight_decay)
        weight.addcdiv_(first[name], spread, value=-rate / (1 - slow**step))
    for tensor in weights.values():
        tensor.grad = None
    for name, value in phase.measured.items():
        weights[name].copy_(value)


@torch.no_grad()  # type: ignore[misc, untyped-decorator, unused-ignore]
def _average(state: dict[str, Tensors], training: Training, step: int) -> None:
    keep = min(training.ema, step / (step + 9))  # the first weights are forgotten quickly
    for name, tensor in state["weights"].items():
        state["average"][name].lerp_(tensor, 1 - keep)


def _save(out: Path, step: int, settings: str, state: dict[str, Tensors]) -> None:
    tensors = {
        f"{part}/{name}": tensor.detach().cpu().numpy() for part in PARTS for name, tensor in state[part].items()
    }
    if not all(np.isfinite(array).all() for array in tensors.values()):
        raise IncompleteError(_nan_sentence(step, out))
    save_checkpoint(out, Checkpoint(step, settings, tensors))


def _look(objective: Objective, average: Tensors, out: Path, step: int) -> dict[str, float]:
    with torch.no_grad():
        scores, picture = objective.look(average)
    replace_file(out / "pictures" / f"step-{step:07d}.png", picture)
    return scores


def _nan_sentence(step: int, out: Path) -> str:
    return (
        f"step {step}: the loss or the weights are not finite any more; the last good checkpoint is kept in "
        f"{str(out)!r}; lower learning_rate and train into another folder"
    )


def _shorten_log(path: Path, step: int) -> None:
    """Drops lines that a killed run wrote after its last checkpoint: they are written again."""
    if path.exists():
        kept = []
        for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
            try:
                known = line.endswith("\n") and json.loads(line)["step"] <= step
            except (ValueError, KeyError, TypeError):
                known = False
            if known:
                kept.append(line)
        replace_file(path, "".join(kept).encode())


def _log(path: Path, row: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")
