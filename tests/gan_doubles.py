"""Small untrained generators on disk: right in shape, wrong in everything else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from synthgen.generate.gan_channels import CHANNELS
from synthgen.generate.gan_network import KIND, STYLE, STYLE_COVARIANCE, STYLE_MEAN, VERSION, shapes
from synthgen.weights import model_files

WIDTHS = (8, 8)


def untrained_gan(
    folder: Path, *, seed: int = 0, scale: float = 0.3, styles: tuple[Any, Any] | None = None, **card: Any
) -> Path:
    """A model folder of random weights; ``styles``: mean and covariance; ``card`` replaces entries of its card."""
    rng = np.random.default_rng(seed)
    tensors = {
        f"generator/{name}": (scale * rng.normal(size=shape) / np.sqrt(np.prod(shape[1:]) or 1)).astype(np.float32)
        for name, shape in shapes(WIDTHS).items()
    }
    for name in tensors:
        if name.endswith(".scale.bias"):
            tensors[name][:] = 1
    mean, covariance = styles or (np.zeros(STYLE), np.eye(STYLE))
    tensors[f"generator/{STYLE_MEAN}"][:], tensors[f"generator/{STYLE_COVARIANCE}"][:] = mean, covariance
    tensors["critic/0.weight"] = np.zeros(3, np.float32)
    made = {
        "kind": KIND,
        "version": VERSION,
        "architecture": {"network": "gan_network", "widths": list(WIDTHS)},
        "channels": list(CHANNELS),
        **card,
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in model_files(tensors, made, "untrained").items():
        (folder / name).write_bytes(data)
    return folder
