"""Losses of image generators, in torch: functions that every family of them shares.

Images are (B, 3, H, W). Radiance is in units of the picture's exposure (its geometric mean luminance), so that it is
developed as a metered camera does it.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

Tensor = Any
MIDDLE_GREY = 0.18
SHOULDER = 0.72  # of the tone curve that ``evaluate.pictures.develop`` looks through


def developed(radiance: Tensor) -> Tensor:
    """Relative radiance >= 0 -> [0, 1]: sRGB (IEC 61966-2-1), highlights rolling off from 0.72."""
    linear = MIDDLE_GREY * radiance
    room = 1 - SHOULDER
    above = 1 - room * torch.exp(-(linear - SHOULDER).clamp(min=0) / room)
    linear = torch.where(linear < SHOULDER, linear, above)
    curved = 1.055 * linear.clamp(min=1e-4) ** (1 / 2.4) - 0.055
    return torch.where(linear <= 0.0031308, 12.92 * linear, curved)


def hinge_critic(real: Tensor, fake: Tensor) -> Tensor:
    """Lim and Ye 2017, "Geometric GAN", eq. 9: scores of real patches above 1, of generated ones below -1."""
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()


def hinge_generator(fake: Tensor) -> Tensor:
    """Lim and Ye 2017, eq. 10: generated patches score as high as they can."""
    return -fake.mean()


def r1_penalty(scores: Tensor, images: Tensor) -> Tensor:
    """Mescheder et al. 2018, eq. 9 without its factor: mean over images of the squared gradient at real ones.

    ``images`` is a leaf that requires gradients, and ``scores`` were computed from it.
    """
    (gradient,) = torch.autograd.grad(scores.sum(), images, create_graph=True)
    return gradient.square().sum(dim=(1, 2, 3)).mean()


def gaussian_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL divergence of N(mean, exp(log_variance)) (B, D) from N(0, 1): Kingma and Welling 2014, appendix B.

    Returns:
        (B,) mean over the D numbers.
    """
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean(dim=1)


def feature_distances(a: list[Tensor], b: list[Tensor]) -> Tensor:
    """(B,) mean over feature maps (B, C, h, w) of 1 - cosine: ``networks.lite0.map_distance`` with gradients."""
    distances = [(1 - F.cosine_similarity(x, y, dim=1, eps=1e-6)).mean((1, 2)) for x, y in zip(a, b, strict=True)]
    return torch.stack(distances).mean(0)


def feature_distance(a: list[Tensor], b: list[Tensor]) -> Tensor:
    """Mean of ``feature_distances``."""
    return feature_distances(a, b).mean()


def kept_contrast(image: Tensor, truth: Tensor, ids: Tensor) -> Tensor:
    """How much less than the truth an image shows of its labels' outlines.

    Args:
        image: developed.
        truth: developed, the same scenes.
        ids: (B, H, W) integer instance maps.

    Returns:
        Mean over all pixels two apart, across or down, with different ids, of what the image's step between them falls
        short of the truth's. A step larger than the truth's is no loss.
    """
    total, count = image.new_zeros(()), image.new_zeros(())
    for axis in (2, 3):
        side = image.shape[axis]
        low, high = (slice(0, side - 2), slice(2, side))
        here: tuple[Any, ...] = (slice(None), slice(None), *((low, slice(None)) if axis == 2 else (slice(None), low)))
        there: tuple[Any, ...] = (
            slice(None),
            slice(None),
            *((high, slice(None)) if axis == 2 else (slice(None), high)),
        )
        outline = (ids[:, None][here] != ids[:, None][there]).to(image.dtype)
        step = (image[here] - image[there]).abs().mean(dim=1, keepdim=True)
        wanted = (truth[here] - truth[there]).abs().mean(dim=1, keepdim=True)
        total = total + (F.relu(wanted - step) * outline).sum()
        count = count + outline.sum()
    return total / count.clamp(min=1)
