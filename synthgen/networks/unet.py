"""The plain U-Net (Ronneberger et al. 2015) of small masks and maps, for the verifier and for measurements.

Half the resolution is its finest: every 2 x 2 cell of pixels is one place with all of their channels, in and out.
Batch normalisation is part of ``conv`` and is folded into its weights for inference.
"""

from __future__ import annotations

from synthgen.networks.ops import Ops, Value


def unet(ops: Ops, x: Value, inputs: int, outputs: int, widths: tuple[int, ...]) -> Value:
    """(B, inputs, H, W) -> (B, outputs, H, W).

    Args:
        ops: what it is written in.
        x: H and W are multiples of 2 ** len(widths).
        inputs, outputs: channels.
        widths: features at 1/2, 1/4, ... of the resolution.
    """
    skips = []
    x = ops.relu(ops.conv("in", x, inputs, widths[0], kernel=2, stride=2))
    for level, width in enumerate(widths):
        if level:
            x = ops.relu(ops.conv(f"down{level}", x, widths[level - 1], width, stride=2))
            x = _block(ops, f"encode{level}", x, width)
        skips.append(x)
    for level in range(len(widths) - 2, -1, -1):
        x = ops.conv(f"up{level}", x, widths[level + 1], widths[level], kernel=1)
        x = ops.relu(ops.add(ops.enlarge(x), skips[level]))
        x = _block(ops, f"decode{level}", x, widths[level])
    return ops.depth_to_space(ops.conv("out", x, widths[0], 4 * outputs, kernel=1, norm=False))


def _block(ops: Ops, name: str, x: Value, width: int) -> Value:
    y = ops.relu(ops.conv(f"{name}.a", x, width, width))
    return ops.relu(ops.add(x, ops.conv(f"{name}.b", y, width, width)))
