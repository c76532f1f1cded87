"""The objective "verifier": from an image and one instance's box, predict the instance's visible mask."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F

from synthgen.networks.torch_ops import Tensor, Tensors, TorchOps, initial
from synthgen.train.config import Training
from synthgen.train.data import Pool
from synthgen.train.examples import batch
from synthgen.train.loop import Phase
from synthgen.types.arrays import F32, U8
from synthgen.verify.crops import HALF
from synthgen.verify.network import VERSION, WIDTHS, network, shapes
from synthgen.verify.size_bins import SIZE_BINS, bins_of
from synthgen.verify.verifier import KIND
from synthgen.weights import Array, check_fit, read_weights

LOOKED_AT = 400  # held-out instances per dataset and look
ROWS = 16  # of the picture


@dataclass(frozen=True, eq=False)
class VerifierObjective:
    """``train.loop.Objective``: binary cross-entropy plus soft overlap of the masks (Milletari et al. 2016, eq. 1)."""

    training: Training
    pools: list[Pool]
    shares: list[float]
    held_out: list[Pool]
    start_from: Path | None
    device: str

    @property
    def widths(self) -> tuple[int, ...]:
        return self.training.widths or WIDTHS

    def initial(self) -> dict[str, Array]:
        wanted = shapes(self.widths)
        if self.start_from is None:
            return dict(initial(wanted, rng=np.random.default_rng([self.training.seed, 0])))
        weights = read_weights(self.start_from, kind=KIND, version=VERSION)
        check_fit(weights, wanted, self.start_from)
        return {name: weights.tensors[name].astype(np.float32) for name in wanted}

    def batch(self, step: int) -> tuple[Array, ...]:
        rng = np.random.default_rng([self.training.seed, step])
        return batch(self.pools, self.shares, self.training.batch, rng=rng)

    def phases(self, weights: Tensors, batch: tuple[Tensor, ...], step: int) -> Iterator[Phase]:
        crops, masks = batch
        ops = TorchOps(weights, training=True)
        logits = network(ops, crops.contiguous(memory_format=torch.channels_last), self.widths).float()
        entropy = F.binary_cross_entropy_with_logits(logits, masks)
        guess = torch.sigmoid(logits)
        both, either = (guess * masks).sum((1, 2, 3)), (guess + masks - guess * masks).sum((1, 2, 3))
        overlap = 1 - ((both + 1) / (either + 1)).mean()
        yield Phase(entropy + overlap, {"entropy": entropy, "overlap": overlap}, ops.measured)

    def predict(self, weights: Tensors, crops: F32) -> F32:
        """(B, 4, 64, 64) -> (B, 64, 64) logits, on the weights' device."""
        ops = TorchOps(weights, training=False)
        with torch.no_grad():
            logits = network(ops, torch.from_numpy(crops).to(self.device), self.widths)
        found: F32 = logits[:, 0].float().cpu().numpy()
        return found

    def look(self, average: Tensors) -> tuple[dict[str, float], bytes]:
        """Mean IoU per held-out dataset, over all and per size bin, and a picture of the first ones."""
        scores: dict[str, float] = {}
        rows: list[U8] = []
        for pool in self.held_out or self.pools[:1]:
            chosen = np.linspace(0, len(pool.table) - 1, min(LOOKED_AT, len(pool.table))).astype(int)
            examples = [pool.example(int(row)) for row in chosen]
            crops, masks = np.stack([e[0] for e in examples]), np.stack([e[1] for e in examples])
            logits = np.concatenate([self.predict(average, crops[k : k + 100]) for k in range(0, len(crops), 100)])
            found = ious(logits, masks)
            scores |= {f"iou/{pool.name}": round(float(found.mean()), 4)}
            bins = bins_of(pool.areas[chosen])
            for k, (name, _) in enumerate(SIZE_BINS):
                if (bins == k).any():
                    scores[f"iou/{pool.name}/{name}"] = round(float(found[bins == k].mean()), 4)
            rows.append(_picture(crops, masks, logits))
        return scores, _png(np.concatenate(rows, axis=0))


def ious(logits: F32, masks: U8) -> Any:
    """(B,) intersection over union of predicted and true masks."""
    guess, truth = logits > 0, masks >= HALF
    return (guess & truth).sum((1, 2)) / np.maximum((guess | truth).sum((1, 2)), 1)


def _picture(crops: F32, masks: U8, logits: F32) -> U8:
    """Crop, label, prediction, and where the two differ (red missing, blue too much), four columns of each."""
    chosen = np.linspace(0, len(crops) - 1, min(ROWS, len(crops))).astype(int)
    tiles = []
    for i in chosen:
        image = np.clip(127.5 * (crops[i, :3].transpose(1, 2, 0) + 1), 0, 255).astype(np.uint8)
        label, guess = masks[i] >= HALF, logits[i] > 0
        share = (255 / (1 + np.exp(-np.clip(logits[i], -30, 30)))).astype(np.uint8)
        wrong = np.stack([label & ~guess, label & guess, guess & ~label], axis=2) * np.uint8(255)
        grey = [np.repeat(m[..., None], 3, axis=2) for m in (masks[i], share)]
        tiles.append(np.concatenate([image, *grey, wrong], axis=1))
    while len(tiles) % 4:
        tiles.append(np.zeros_like(tiles[0]))
    lines = [np.concatenate(tiles[k : k + 4], axis=1) for k in range(0, len(tiles), 4)]
    return np.asarray(np.concatenate(lines, axis=0), np.uint8)


def _png(picture: U8) -> bytes:
    return bytes(cv2.imencode(".png", np.ascontiguousarray(picture[..., ::-1]))[1].tobytes())
