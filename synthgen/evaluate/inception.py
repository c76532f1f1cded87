"""Inception v3 of 2015-12-05, the network that FID, KID and IS are defined with; its weights are the user's to give.

Either file that goes round is read: the TorchScript module of StyleGAN's authors (``inception-2015-12-05.pt``) or the
state dict of pytorch-fid (``pt_inception-2015-12-05-6726825d.pth``). torchvision's Inception is another network (other
weights, other pooling, 1000 classes) and is refused.
"""

from __future__ import annotations

import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from synthgen.errors import AssetError
from synthgen.networks.lite0 import Embedding, import_torch
from synthgen.types.arrays import U8

INPUT_PX = 299
FEATURES, CLASSES = 2048, 1008
BATCH_NORM_EPSILON = 1e-3
ALLOWED = (
    "allowed: the Inception of 2015-12-05 with 2048 features and 1008 classes, as TorchScript "
    "(inception-2015-12-05.pt) or as the state dict of pytorch-fid (pt_inception-2015-12-05-6726825d.pth)"
)

# One row per branch of a block: layers one after the other; a tuple of layers is a fork whose outputs are joined.
# Pools: "avg" does not count its padding, "max" keeps the size, "max2" halves it. "/2": stride 2.
Layer = str | tuple[str, str]
A: tuple[tuple[Layer, ...], ...] = (
    ("branch1x1",),
    ("branch5x5_1", "branch5x5_2"),
    ("branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3"),
    ("avg", "branch_pool"),
)
B: tuple[tuple[Layer, ...], ...] = (
    ("branch3x3/2",),
    ("branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3/2"),
    ("max2",),
)
C: tuple[tuple[Layer, ...], ...] = (
    ("branch1x1",),
    ("branch7x7_1", "branch7x7_2", "branch7x7_3"),
    ("branch7x7dbl_1", "branch7x7dbl_2", "branch7x7dbl_3", "branch7x7dbl_4", "branch7x7dbl_5"),
    ("avg", "branch_pool"),
)
D: tuple[tuple[Layer, ...], ...] = (
    ("branch3x3_1", "branch3x3_2/2"),
    ("branch7x7x3_1", "branch7x7x3_2", "branch7x7x3_3", "branch7x7x3_4/2"),
    ("max2",),
)
E_FRONT: tuple[tuple[Layer, ...], ...] = (
    ("branch1x1",),
    ("branch3x3_1", ("branch3x3_2a", "branch3x3_2b")),
    ("branch3x3dbl_1", "branch3x3dbl_2", ("branch3x3dbl_3a", "branch3x3dbl_3b")),
)
E_AVERAGE = (*E_FRONT, ("avg", "branch_pool"))
E_MAXIMUM = (*E_FRONT, ("max", "branch_pool"))  # the last block of these weights has a maximum there
BLOCKS: tuple[tuple[str, tuple[tuple[Layer, ...], ...]], ...] = (
    ("Mixed_5b", A), ("Mixed_5c", A), ("Mixed_5d", A),
    ("Mixed_6a", B), ("Mixed_6b", C), ("Mixed_6c", C), ("Mixed_6d", C), ("Mixed_6e", C),
    ("Mixed_7a", D), ("Mixed_7b", E_AVERAGE), ("Mixed_7c", E_MAXIMUM),
)  # fmt: skip
STEM = ("Conv2d_1a_3x3/2", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "max2", "Conv2d_3b_1x1", "Conv2d_4a_3x3", "max2")
UNPADDED = ("Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_4a_3x3")


def load_inception(path: Path) -> Any:
    """The network of that file, with ``embed(image)`` and ``name`` as ``lite0.Lite0`` has them.

    Raises:
        AssetError: the file cannot be read or holds another network.
        EnvironmentFault: PyTorch is not installed.
    """
    torch = import_torch()
    try:
        scripted = zipfile.is_zipfile(path) and any("/code/" in name for name in zipfile.ZipFile(path).namelist())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            loaded = (
                torch.jit.load(str(path), map_location="cpu")
                if scripted
                else torch.load(path, map_location="cpu", weights_only=True)
            )
    except Exception as error:  # torch raises anything from OSError to UnpicklingError
        cause = error.strerror if isinstance(error, OSError) and error.strerror else "it holds no weights"
        raise AssetError(f"--inception-weights: {str(path)!r} cannot be read ({cause}); {ALLOWED}") from error
    network = ScriptedInception(torch, loaded) if scripted else Inception(torch, _checked(loaded, path))
    _try(network, path)
    return network


def _checked(weights: Any, path: Path) -> dict[str, Any]:
    shapes = {name: tuple(value.shape) for name, value in weights.items()} if isinstance(weights, dict) else {}
    last = shapes.get("fc.weight")
    if last != (CLASSES, FEATURES):
        found = f"a last layer fc.weight of {last}" if last else "no last layer fc.weight"
        raise AssetError(f"--inception-weights: {str(path)!r} has {found}; {ALLOWED}")
    return dict(weights)


def _try(network: Any, path: Path) -> None:
    """One grey image through the whole network."""
    try:
        found = network.embed(np.full((64, 64, 3), 128, np.uint8))
        shapes = found.features.shape, found.probabilities.shape
    except Exception as error:  # whatever a foreign network raises
        cause = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise AssetError(f"--inception-weights: {str(path)!r} does not work as one ({cause}); {ALLOWED}") from error
    if shapes != ((FEATURES,), (CLASSES,)):
        raise AssetError(
            f"--inception-weights: {str(path)!r} gives {shapes[0][0]} features and {shapes[1][0]} classes; {ALLOWED}"
        )


class ScriptedInception:
    """The TorchScript module: resizes by itself, takes uint8."""

    name = "inception"

    def __init__(self, torch: Any, module: Any) -> None:
        self._torch, self._module = torch, module.eval()

    def embed(self, image: U8) -> Embedding:
        """(H, W, 3) uint8 RGB -> features and class probabilities (without the last layer's bias, as in IS)."""
        batch = self._torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)[None]))
        with self._torch.inference_mode(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            features = self._module(batch, return_features=True)
            probabilities = self._module(batch, no_output_bias=True)
        return Embedding(features[0].float().numpy(), probabilities[0].float().numpy())


class Inception:
    """The network over a state dict."""

    name = "inception"

    def __init__(self, torch: Any, weights: dict[str, Any]) -> None:
        self._torch, self._weights = torch, weights

    def embed(self, image: U8) -> Embedding:
        """(H, W, 3) uint8 RGB -> features and class probabilities (without the last layer's bias, as in IS)."""
        torch, functional = self._torch, self._torch.nn.functional
        with torch.inference_mode():
            x = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)[None])).float() / 255.0
            x = functional.interpolate(x, size=(INPUT_PX, INPUT_PX), mode="bilinear", align_corners=False) * 2.0 - 1.0
            for layer in STEM:
                x = self._layer(x, "", layer)
            for name, branches in BLOCKS:
                x = torch.cat([self._branch(x, f"{name}.", branch) for branch in branches], dim=1)
            pooled = x.mean(dim=(2, 3))
            logits = functional.linear(pooled, self._weights["fc.weight"])
            return Embedding(pooled[0].numpy(), torch.softmax(logits, dim=1)[0].numpy())

    def _branch(self, x: Any, block: str, layers: tuple[Layer, ...]) -> Any:
        for layer in layers:
            if isinstance(layer, tuple):
                x = self._torch.cat([self._layer(x, block, fork) for fork in layer], dim=1)
            else:
                x = self._layer(x, block, layer)
        return x

    def _layer(self, x: Any, block: str, layer: str) -> Any:
        functional = self._torch.nn.functional
        if layer == "avg":
            return functional.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)
        if layer == "max":
            return functional.max_pool2d(x, 3, stride=1, padding=1)
        if layer == "max2":
            return functional.max_pool2d(x, 3, stride=2)
        name, _, stride = layer.partition("/")
        weight = self._weights[f"{block}{name}.conv.weight"]
        padded = not stride and name not in UNPADDED
        padding = tuple(side // 2 if padded else 0 for side in weight.shape[2:])
        x = functional.conv2d(x, weight, stride=int(stride or 1), padding=padding)
        norm = [self._weights[f"{block}{name}.bn.{part}"] for part in ("running_mean", "running_var", "weight", "bias")]
        return functional.batch_norm(x, *norm, training=False, eps=BATCH_NORM_EPSILON).relu_()
