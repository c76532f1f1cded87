"""The verifier's network: a crop with its box in, the visible mask of the boxed thing out.

A plain U-Net of about 0.45 M parameters on 64 x 64 crops.
"""

from __future__ import annotations

from functools import partial

from synthgen.networks.ops import Ops, Shapes, Value, tensor_shapes
from synthgen.networks.unet import unet

VERSION = 2
CROP_PX = 64
CHANNELS = ("red", "green", "blue", "place")  # place: 1 in the box, 0 round it, -1 outside the image
INPUTS = len(CHANNELS)
WIDTHS = (16, 32, 64, 96)  # features at 32, 16, 8 and 4 pixels; multiples of 16 fill the vector registers


def network(ops: Ops, x: Value, widths: tuple[int, ...] = WIDTHS) -> Value:
    """(B, 4, 64, 64) crops -> (B, 1, 64, 64) logits of the mask.

    All inputs are in [-1, 1]; see ``verify.crops``.
    """
    return unet(ops, x, INPUTS, 1, widths)


def shapes(widths: tuple[int, ...] = WIDTHS) -> Shapes:
    """Name -> shape of every tensor."""
    return tensor_shapes(partial(network, x=None, widths=widths))
