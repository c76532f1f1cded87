"""The verifier's network: a crop with its box in, the visible mask of the boxed thing out.

A plain U-Net of about 0.45 M parameters on 64 x 64 crops. Batch normalisation is part of ``conv`` and is folded into
its weights for inference.
"""

from __future__ import annotations

from functools import partial

from synthgen.networks.ops import Ops, Shapes, Value, tensor_shapes

VERSION = 2
CROP_PX = 64
CHANNELS = ("red", "green", "blue", "place")  # place: 1 in the box, 0 round it, -1 outside the image
INPUTS = len(CHANNELS)
WIDTHS = (16, 32, 64, 96)  # features at 32, 16, 8 and 4 pixels; multiples of 16 fill the vector registers


def network(ops: Ops, x: Value, widths: tuple[int, ...] = WIDTHS) -> Value:
    """(B, 4, 64, 64) crops -> (B, 1, 64, 64) logits of the mask.

    All inputs are in [-1, 1]; see ``verify.crops``.
    """
    skips = []
    x = ops.relu(ops.conv("in", x, INPUTS, widths[0], kernel=2, stride=2))
    for level, width in enumerate(widths):
        if level:
            x = ops.relu(ops.conv(f"down{level}", x, widths[level - 1], width, stride=2))
            x = _block(ops, f"encode{level}", x, width)
        skips.append(x)
    for level in range(len(widths) - 2, -1, -1):
        x = ops.conv(f"up{level}", x, widths[level + 1], widths[level], kernel=1)
        x = ops.relu(ops.add(ops.enlarge(x), skips[level]))
        x = _block(ops, f"decode{level}", x, widths[level])
    return ops.depth_to_space(ops.conv("out", x, widths[0], 4, kernel=1, norm=False))


def _block(ops: Ops, name: str, x: Value, width: int) -> Value:
    y = ops.relu(ops.conv(f"{name}.a", x, width, width))
    return ops.relu(ops.add(x, ops.conv(f"{name}.b", y, width, width)))


def shapes(widths: tuple[int, ...] = WIDTHS) -> Shapes:
    """Name -> shape of every tensor."""
    return tensor_shapes(partial(network, x=None, widths=widths))
