"""The generator's network: channels of the G-buffer and a style in, corrections of the lit G-buffer out.

A U-Net of about 1.4 M parameters. Most of its work is done at half the resolution and below; a thin path at full
resolution puts edges where the G-buffer has them, so that nothing bleeds over an outline and no lattice appears. The
style scales and shifts the features of every block (FiLM, Perez et al. 2018, eq. 2). Without normalisation: what a
pixel becomes does not depend on the size of the image, apart from its exposure. Beyond the border stands what stands at
the border, so that no frame is drawn.
"""

from __future__ import annotations

from functools import partial

from synthgen.networks.ops import Ops, Shapes, Value, tensor_shapes

KIND = "gan"
VERSION = 4
INPUTS = 27  # see ``generate.gan_channels``
OUTPUTS = 9  # gain, bounce and free term, three colours each
STYLE = 8  # numbers in a style code
STYLE_MEAN, STYLE_COVARIANCE = "style.mean", "style.covariance"
FULL = 16  # features at full resolution
# Mean and spread of the channels over training scenes, about: networks learn faster from numbers of one size.
MEANS = (
    *(0.58,) * 3,
    *(1.03,) * 3,
    *(0.41,) * 3,
    0.0,
    -0.38,
    -0.7,
    0.5,
    0.07,
    0.87,
    0.2,
    0.78,
    0.4,
    *(0.75,) * 3,
    *(0.65, 0.27, 0.07),
    *(0.1,) * 3,
)
SPREADS = (
    *(*(0.24,) * 3, *(0.37,) * 3, *(0.24,) * 3, 0.26, 0.39, 0.29, 0.23, 0.26, 0.18, 0.98, 0.4, 0.33),
    *(*(0.34,) * 3, 0.25, 0.25, 0.25, *(0.15,) * 3),
)
WIDTHS = (32, 64, 96, 128)  # features at 1/2, 1/4, 1/8 and 1/16
MULTIPLE = 2 ** len(WIDTHS)  # sides of the image are padded to multiples of this


def network(ops: Ops, x: Value, style: Value, widths: tuple[int, ...] = WIDTHS) -> Value:
    """(B, 27, H, W) channels and (B, 8, 1, 1) style -> (B, 9, H, W) corrections; H and W are multiples of 16."""
    fine = ops.relu(ops.conv("in", ops.standard(x, MEANS, SPREADS), INPUTS, FULL, norm=False, pad="border"))
    skips = []
    y = fine
    for level, width in enumerate(widths):
        inputs = widths[level - 1] if level else FULL
        y = ops.relu(ops.conv(f"down{level}", y, inputs, width, stride=2, norm=False, pad="border"))
        y = _block(ops, f"encode{level}", y, style, width)
        skips.append(y)
    y = _block(ops, "middle", y, style, widths[-1])
    for level in range(len(widths) - 2, -1, -1):
        y = ops.conv(f"up{level}", y, widths[level + 1], widths[level], kernel=1, norm=False)
        y = ops.relu(ops.add(ops.enlarge(y), skips[level]))
        y = _block(ops, f"decode{level}", y, style, widths[level])
    y = ops.enlarge(ops.conv("up", y, widths[0], FULL, kernel=1, norm=False))
    y = ops.relu(ops.add(y, fine))
    y = ops.relu(ops.conv("last", y, FULL, FULL, norm=False, pad="border"))
    return ops.conv("out", y, FULL, OUTPUTS, kernel=1, norm=False)


def _block(ops: Ops, name: str, x: Value, style: Value, width: int) -> Value:
    y = ops.relu(ops.conv(f"{name}.a", x, width, width, norm=False, pad="border"))
    scale = ops.conv(f"{name}.scale", style, STYLE, width, kernel=1, norm=False)
    shift = ops.conv(f"{name}.shift", style, STYLE, width, kernel=1, norm=False)
    y = ops.add(ops.mul(y, scale), shift)
    return ops.relu(ops.add(x, ops.conv(f"{name}.b", y, width, width, norm=False, pad="border")))


def shapes(widths: tuple[int, ...] = WIDTHS) -> Shapes:
    """Name -> shape of every tensor: the network's own, and mean and covariance of training images' styles."""
    own = tensor_shapes(partial(network, x=None, style=None, widths=widths))
    return {**own, STYLE_MEAN: (STYLE,), STYLE_COVARIANCE: (STYLE, STYLE)}
