"""The critic and the style encoder that a generator is trained against; neither is needed to draw."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

from synthgen.generate.gan_network import INPUTS, STYLE
from synthgen.networks.ops import Shapes
from synthgen.networks.torch_ops import Tensor, TorchOps

SCALES = 2  # the image itself, and half its size
CRITIC = ((3 + INPUTS, 32, 2), (32, 64, 2), (64, 128, 2), (128, 128, 1))  # inputs, outputs, stride
ENCODER = ((9, 32, 2), (32, 48, 2), (48, 64, 2), (64, 96, 2))
SLOPE = 0.2


def critic_shapes() -> Shapes:
    """Name -> shape of the critic's tensors."""
    found: Shapes = {}
    for scale in range(SCALES):
        for k, (inputs, outputs, _) in enumerate(CRITIC):
            found |= {f"{scale}.{k}.weight": (outputs, inputs, 3, 3), f"{scale}.{k}.bias": (outputs,)}
        found |= {f"{scale}.out.weight": (1, CRITIC[-1][1], 3, 3), f"{scale}.out.bias": (1,)}
    return found


def encoder_shapes() -> Shapes:
    """Name -> shape of the encoder's tensors."""
    found: Shapes = {}
    for k, (inputs, outputs, _) in enumerate(ENCODER):
        found |= {f"{k}.weight": (outputs, inputs, 3, 3), f"{k}.bias": (outputs,)}
    return found | {"out.weight": (2 * STYLE, ENCODER[-1][1], 1, 1), "out.bias": (2 * STYLE,)}


def scores(tensors: dict[str, Tensor], image: Tensor, channels: Tensor) -> list[Tensor]:
    """Patch scores (B, 1, h, w) of every scale (Isola et al. 2017; Wang et al. 2018, section 3.2).

    Args:
        tensors: of ``critic_shapes``.
        image: (B, 3, H, W) developed, in [0, 1].
        channels: (B, 28, H, W) what the generator saw.
    """
    ops = TorchOps(tensors, training=True)
    found = []
    both: Any = torch.cat([2 * image - 1, channels], dim=1)
    for scale in range(SCALES):
        x = both if scale == 0 else F.avg_pool2d(both, 2)
        for k, (inputs, outputs, stride) in enumerate(CRITIC):
            x = F.leaky_relu(ops.conv(f"{scale}.{k}", x, inputs, outputs, stride=stride, norm=False), SLOPE)
        found.append(ops.conv(f"{scale}.out", x, CRITIC[-1][1], 1, norm=False).float())  # a hinge near 0 needs digits
    return found


def encoded(tensors: dict[str, Tensor], image: Tensor, channels: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and log variance, (B, 8) each, of the style that an image has beside its G-buffer.

    Args:
        tensors: of ``encoder_shapes``.
        image: (B, 3, H, W) developed, in [0, 1].
        channels: (B, 28, H, W); the lit G-buffer and its albedo are looked at.
    """
    ops = TorchOps(tensors, training=True)
    x: Any = torch.cat([2 * image - 1, channels[:, :3], channels[:, 6:9]], dim=1)
    for k, (inputs, outputs, stride) in enumerate(ENCODER):
        x = F.leaky_relu(ops.conv(f"{k}", x, inputs, outputs, stride=stride, norm=False), SLOPE)
    both = ops.conv("out", x.mean((2, 3), keepdim=True), ENCODER[-1][1], 2 * STYLE, kernel=1, norm=False)
    both = both.float()[:, :, 0, 0]
    return both[:, :STYLE], both[:, STYLE:].clamp(-8, 4)
