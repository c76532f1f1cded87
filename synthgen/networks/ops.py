"""The alphabet that networks are written in.

torch speaks it for training (``networks.torch_ops``), an ONNX graph for inference (``networks.onnx_graph``): there
is one definition of each network, and no file but its weights has to travel.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, Protocol

Value = Any
Pad = Literal["zeros", "border"]
Shapes = dict[str, tuple[int, ...]]


class Ops(Protocol):
    """Operations on (B, C, H, W) values."""

    def conv(
        self,
        name: str,
        x: Value,
        inputs: int,
        outputs: int,
        *,
        kernel: int = 3,
        stride: int = 1,
        norm: bool = True,
        pad: Pad = "zeros",
    ) -> Value:
        """Convolution, then (``norm``) batch normalisation, or else a bias.

        An odd kernel is padded to keep the size, with zeros or with what stands at the border: zeros let a network know
        where its picture ends, and draw a frame. An even kernel is for strides of its own size.
        """
        ...

    def standard(self, x: Value, means: Sequence[float], spreads: Sequence[float]) -> Value:
        """Each of the C channels less its mean, over its spread: fixed numbers."""
        ...

    def relu(self, x: Value) -> Value: ...

    def add(self, x: Value, y: Value) -> Value:
        """The sum; a side of 1 is repeated, as numpy does."""
        ...

    def mul(self, x: Value, y: Value) -> Value:
        """The product; a side of 1 is repeated, as numpy does."""
        ...

    def enlarge(self, x: Value) -> Value:
        """Twice the height and width, nearest neighbour."""
        ...

    def depth_to_space(self, x: Value) -> Value:
        """(B, 4 C, H, W) -> (B, C, 2 H, 2 W): each pixel's channels become a 2 x 2 cell, row by row."""
        ...


class _Shapes:
    """``Ops`` that only writes down which tensors a network has."""

    def __init__(self) -> None:
        self.found: Shapes = {}

    def conv(
        self,
        name: str,
        x: Value,
        inputs: int,
        outputs: int,
        *,
        kernel: int = 3,
        stride: int = 1,
        norm: bool = True,
        pad: Pad = "zeros",
    ) -> Value:
        self.found[f"{name}.weight"] = (outputs, inputs, kernel, kernel)
        for part in ("gain", "bias", "mean", "variance") if norm else ("bias",):
            self.found[f"{name}.{part}"] = (outputs,)
        return x

    def standard(self, x: Value, means: Sequence[float], spreads: Sequence[float]) -> Value:
        return x

    def add(self, x: Value, y: Value) -> Value:
        return x

    def mul(self, x: Value, y: Value) -> Value:
        return x

    def relu(self, x: Value) -> Value:
        return x

    enlarge = depth_to_space = relu


def tensor_shapes(network: Callable[[Ops], Any]) -> Shapes:
    """Name -> shape of every tensor of a network, in the order of use.

    ``NAME.weight``; with normalisation ``gain``, ``bias``, ``mean`` and ``variance`` (of the features, measured while
    training), otherwise only ``bias``.
    """
    ops = _Shapes()
    network(ops)
    return ops.found
