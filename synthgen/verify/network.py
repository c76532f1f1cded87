"""The verifier's network, written once: a crop with its box in, the visible mask of the boxed thing out.

A plain U-Net of about 0.6 M parameters on 64 x 64 crops. It is written over ``Ops``, an alphabet of six operations,
that torch speaks for training (``train.torch_ops``) and an ONNX graph for inference (``verify.graph``): there is
one definition, and no file but the weights has to travel.

Batch normalisation is part of ``conv`` and is folded into its weights for inference.
"""

from __future__ import annotations

from typing import Any, Protocol

VERSION = 1
CROP_PX = 64
INPUTS = 4  # red, green, blue, and where: 1 in the box, 0 round it, -1 outside the image
WIDTHS = (16, 32, 64, 128)  # features at 32, 16, 8 and 4 pixels; multiples of 16 fill the vector registers

Value = Any


class Ops(Protocol):
    """Operations on (B, C, H, W) values."""

    def space_to_depth(self, x: Value) -> Value:
        """(B, C, H, W) -> (B, 4 C, H / 2, W / 2)."""
        ...

    def conv(
        self, name: str, x: Value, inputs: int, outputs: int, *, kernel: int = 3, stride: int = 1, norm: bool = True
    ) -> Value:
        """Convolution with "same" padding, then (``norm``) batch normalisation, or else a bias."""
        ...

    def relu(self, x: Value) -> Value: ...

    def add(self, x: Value, y: Value) -> Value: ...

    def enlarge(self, x: Value) -> Value:
        """Twice the height and width, nearest neighbour."""
        ...

    def depth_to_space(self, x: Value) -> Value:
        """(B, 4 C, H, W) -> (B, C, 2 H, 2 W), the inverse of ``space_to_depth``."""
        ...


def network(ops: Ops, x: Value, widths: tuple[int, ...] = WIDTHS) -> Value:
    """(B, 4, 64, 64) crops -> (B, 1, 64, 64) logits of the mask.

    All inputs are in [-1, 1]; see ``verify.crops``.
    """
    skips = []
    x = ops.relu(ops.conv("in", ops.space_to_depth(x), 4 * INPUTS, widths[0]))
    for level, width in enumerate(widths):
        if level:
            x = ops.relu(ops.conv(f"down{level}", x, widths[level - 1], width, stride=2))
            x = _block(ops, f"encode{level}", x, width)
        skips.append(x)
    for level in range(len(widths) - 2, -1, -1):
        x = ops.conv(f"up{level}", x, widths[level + 1], widths[level], kernel=1)
        x = ops.relu(ops.add(ops.enlarge(x), skips[level]))
        x = _block(ops, f"decode{level}", x, widths[level])
    return ops.depth_to_space(ops.conv("out", x, widths[0], 4, norm=False))


def _block(ops: Ops, name: str, x: Value, width: int) -> Value:
    y = ops.relu(ops.conv(f"{name}.a", x, width, width))
    return ops.relu(ops.add(x, ops.conv(f"{name}.b", y, width, width)))


class _Shapes:
    """``Ops`` that only writes down which tensors the network has."""

    def __init__(self) -> None:
        self.found: dict[str, tuple[int, ...]] = {}

    def space_to_depth(self, x: Value) -> Value:
        return x

    def conv(
        self, name: str, x: Value, inputs: int, outputs: int, *, kernel: int = 3, stride: int = 1, norm: bool = True
    ) -> Value:
        self.found[f"{name}.weight"] = (outputs, inputs, kernel, kernel)
        for part in ("gain", "bias", "mean", "variance") if norm else ("bias",):
            self.found[f"{name}.{part}"] = (outputs,)
        return x

    def relu(self, x: Value) -> Value:
        return x

    def add(self, x: Value, y: Value) -> Value:
        return x

    def enlarge(self, x: Value) -> Value:
        return x

    def depth_to_space(self, x: Value) -> Value:
        return x


def shapes(widths: tuple[int, ...] = WIDTHS) -> dict[str, tuple[int, ...]]:
    """Name -> shape of every tensor, in the order of use.

    ``NAME.weight``; with normalisation ``gain``, ``bias``, ``mean`` and ``variance`` (of the features, measured while
    training), otherwise only ``bias``.
    """
    ops = _Shapes()
    network(ops, None, widths)
    return ops.found
