"""The networks' alphabet of operations in torch, over a plain dictionary of tensors.

Imported where torch is wanted: in training, in measurements and on a GPU.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from synthgen.networks.onnx_graph import EPSILON
from synthgen.networks.ops import Pad

Tensor = Any  # torch carries its own types; this package is checked where torch may be absent
Tensors = dict[str, Tensor]
STATISTICS = ("mean", "variance", "covariance")  # measured, not learned
STATISTICS_RATE = 0.05  # how fast the running statistics follow the batch's


class TorchOps:
    """``networks.ops.Ops`` in torch.

    With ``training`` features are normalised by the batch's own statistics, and ``measured`` holds the running ones of
    ``tensors`` moved towards them; without, they are normalised by those in ``tensors``.
    """

    def __init__(self, tensors: Tensors, *, training: bool) -> None:
        self.tensors = tensors
        self.training = training
        self.measured: Tensors = {}

    def conv(
        self,
        name: str,
        x: Tensor,
        inputs: int,
        outputs: int,
        *,
        kernel: int = 3,
        stride: int = 1,
        norm: bool = True,
        pad: Pad = "zeros",
    ) -> Tensor:
        weight, bias = self.tensors[f"{name}.weight"], self.tensors[f"{name}.bias"]
        side = (kernel - 1) // 2
        if pad == "border" and side:
            x, side = _bordered(x, side), 0
        if not norm:
            return F.conv2d(x, weight, bias, stride=stride, padding=side)
        x = F.conv2d(x, weight, stride=stride, padding=side)
        mean, variance = self.tensors[f"{name}.mean"], self.tensors[f"{name}.variance"]
        if self.training:
            mean, variance = mean.detach().clone(), variance.detach().clone()  # torch moves them in place
            self.measured |= {f"{name}.mean": mean, f"{name}.variance": variance}
        gain = self.tensors[f"{name}.gain"]
        return F.batch_norm(x, mean, variance, gain, bias, self.training, STATISTICS_RATE, EPSILON)

    def standard(self, x: Tensor, means: Sequence[float], spreads: Sequence[float]) -> Tensor:
        return (x - _per_channel(means, x)) * _per_channel([1 / spread for spread in spreads], x)

    def relu(self, x: Tensor) -> Tensor:
        return F.relu(x)

    def add(self, x: Tensor, y: Tensor) -> Tensor:
        return x + y

    def mul(self, x: Tensor, y: Tensor) -> Tensor:
        return x * y

    def enlarge(self, x: Tensor) -> Tensor:
        return F.interpolate(x, scale_factor=2, mode="nearest")

    def depth_to_space(self, x: Tensor) -> Tensor:
        b, c, h, w = x.shape
        cells = x.reshape(b, 2, 2, c // 4, h, w)
        return cells.permute(0, 3, 4, 1, 5, 2).reshape(b, c // 4, 2 * h, 2 * w)


def _bordered(x: Tensor, side: int) -> Tensor:
    """``F.pad(mode="replicate")``, whose gradients come out the same every time on a GPU too."""
    for axis in (2, 3):
        first, last = x.narrow(axis, 0, 1), x.narrow(axis, x.shape[axis] - 1, 1)
        x = torch.cat([*[first] * side, x, *[last] * side], dim=axis)
    return x


def _per_channel(values: Sequence[float], x: Tensor) -> Tensor:
    return torch.tensor(values, dtype=x.dtype, device=x.device)[:, None, None]


def initial(shapes: dict[str, tuple[int, ...]], *, rng: np.random.Generator) -> dict[str, np.ndarray[Any, Any]]:
    """First values of all tensors, float32, the same on every device: He et al. 2015, eq. 10, for the weights.

    The second convolution of every block starts with gain 0, so that each block starts as the identity.
    """
    found = {}
    for name, shape in shapes.items():
        part = name.rpartition(".")[2]
        if part == "weight":
            spread = math.sqrt(2 / math.prod(shape[1:]))
            found[name] = (rng.normal(size=shape) * spread).astype(np.float32)
        else:
            one = part == "variance" or (part == "gain" and not name.endswith(".b.gain"))
            found[name] = np.full(shape, one, np.float32)
    return found
