"""The objective "gan": from a G-buffer and a style, draw what the path tracer drew.

A cVAE-GAN (Zhu et al. 2017, "Toward Multimodal Image-to-Image Translation") in residual form. Style 0 is the scene as
it is: from it the generator has to draw the very image that the path tracer drew. Of images in which light and finishes
were varied, an encoder reads off what the G-buffer does not say, and the generator draws the image from both; a critic
compares. At sampling time styles are drawn with the mean and covariance that the encoder's had, times a spread; some
images of every batch are drawn so in training too, with spreads from 0 to 1. Styles close to 0 are the scene as it is
as well, so that a little spread changes little.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from synthgen.generate.gan_channels import MOST_STOPS
from synthgen.generate.gan_network import KIND, STYLE, STYLE_COVARIANCE, STYLE_MEAN, VERSION, WIDTHS, network, shapes
from synthgen.networks.lite0 import Lite0
from synthgen.networks.torch_ops import Tensor, Tensors, TorchOps, initial
from synthgen.train.config import Training
from synthgen.train.critic import critic_shapes, encoded, encoder_shapes, scores
from synthgen.train.gan_batches import drawn, gathered, whole
from synthgen.train.loop import Phase
from synthgen.train.losses import (
    developed,
    feature_distance,
    feature_distances,
    gaussian_divergence,
    hinge_critic,
    hinge_generator,
    kept_contrast,
    r1_penalty,
)
from synthgen.train.pack_pool import PackPool
from synthgen.types.arrays import U8
from synthgen.weights import Array, check_fit, read_weights

GENERATOR, CRITIC, ENCODER = "generator/", "critic/", "encoder/"
BETAS = (0.9, 0.99)
CRITIC_BETAS = (0.5, 0.99)  # of a target that moves: a short memory
LEAST_ERROR = 0.004  # of the lit G-buffer; what it draws better than this counts no more
NOT_CRITIC = (GENERATOR, ENCODER)
NEAR = 0.1  # of the styles' deviation: as good as style 0
STYLE_RATE = 0.01  # how fast their mean and covariance follow a batch's
LOOKED_AT = 48  # held-out targets per look
LOOK_BATCH = 8
COLUMNS = 8  # of the picture


def all_shapes(widths: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    """Name -> shape of every tensor of a training: what is shipped, so that it can go on."""
    groups = ((GENERATOR, shapes(widths)), (CRITIC, critic_shapes()), (ENCODER, encoder_shapes()))
    return {f"{prefix}{name}": shape for prefix, found in groups for name, shape in found.items()}


@dataclass(frozen=True, eq=False)
class GanObjective:
    """``train.loop.Objective``."""

    training: Training
    pools: list[PackPool]
    shares: list[float]
    held_out: list[PackPool]
    start_from: Path | None
    device: str
    _features: list[Any] = field(default_factory=list)

    @property
    def widths(self) -> tuple[int, ...]:
        return self.training.widths or WIDTHS

    def initial(self) -> dict[str, Array]:
        wanted = all_shapes(self.widths)
        if self.start_from is not None:
            weights = read_weights(self.start_from, kind=KIND, version=VERSION)
            check_fit(weights, wanted, self.start_from)
            return {name: weights.tensors[name].astype(np.float32) for name in wanted}
        found: dict[str, Array] = dict(initial(wanted, rng=np.random.default_rng([self.training.seed, 0])))
        for name, array in found.items():
            if name == f"{GENERATOR}out.weight" or (name.startswith(GENERATOR) and name.endswith(".b.weight")):
                array[:] = 0  # the first image is the lit G-buffer, and every block the identity
            if name.endswith(".scale.bias"):
                array[:] = 1
            if name.endswith((".scale.weight", ".shift.weight")):
                array *= 0.2
        found[GENERATOR + STYLE_COVARIANCE] = np.eye(STYLE, dtype=np.float32)
        return found

    def batch(self, step: int) -> tuple[Array, ...]:
        rng = np.random.default_rng([self.training.seed, step])
        count = self.training.batch
        which = rng.choice(len(self.pools), count, p=np.array(self.shares) / sum(self.shares))
        side = self.training.crop or min(min(pool.ids.shape[1:]) for pool in self.pools)
        shown = [drawn(self.pools[int(k)], side, rng) for k in which]
        varied = np.array([each.pool.variation[each.row] > 0 for each in shown], np.float32)
        noise = rng.normal(size=(2, count, STYLE)).astype(np.float32)
        spread = rng.random((count, 1), np.float32)
        from_prior = np.zeros(count, np.float32)
        from_prior[: round(self.training.losses.from_prior * count)] = 1
        return (*gathered(shown), noise, spread, varied, from_prior)

    def phases(self, weights: Tensors, batch: tuple[Tensor, ...], step: int) -> Iterator[Phase]:
        channels, lit, target, ids, pixels, neighbours, shares, noise, spread, varied, from_prior = batch
        losses = self.training.losses
        critic = partial(scores, _group(weights, CRITIC))
        judge = partial(scores, {name: t.detach() for name, t in _group(weights, CRITIC).items()})
        encoder = partial(encoded, _group(weights, ENCODER))
        truth = developed(target)
        mean, log_variance = encoder(truth, channels)
        middle, covariance = weights[GENERATOR + STYLE_MEAN], weights[GENERATOR + STYLE_COVARIANCE]
        deviation, root = covariance.diagonal().sqrt(), _root(covariance)
        read_off = mean + (0.5 * log_variance).exp() * noise[0]
        known_style = torch.where(varied[:, None] > 0, read_off, NEAR * deviation * noise[0])
        style = torch.where(from_prior[:, None] > 0, spread * (middle + _times(noise[1], root)), known_style)
        edges = (pixels, neighbours, shares)
        image = developed(radiance(weights, channels, lit, style, edges, self.widths))

        real = truth.detach().requires_grad_(True)
        real_scores = critic(real, channels)
        fake_scores = critic(image.detach(), channels)
        hinge = torch.stack([hinge_critic(r, f) for r, f in zip(real_scores, fake_scores, strict=True)]).mean()
        loss, parts = hinge, {"critic": hinge.detach()}
        if losses.r1 and step % losses.r1_every == 0:
            penalty = r1_penalty(torch.cat([s.mean((1, 2, 3)) for s in real_scores]), real)
            loss = loss + 0.5 * losses.r1 * losses.r1_every * penalty
            parts["r1"] = penalty.detach()
        yield Phase(loss, parts, {}, CRITIC, CRITIC_BETAS)

        known = 1 - from_prior  # a style of the prior shows another mood than the truth: no pixel can be compared
        weight = ease((developed(resolved(lit, edges)) - truth).abs().mean((1, 2, 3)), known)
        error = ((image - truth).abs().mean((1, 2, 3)) * weight).sum()
        given = known > 0
        maps = [self._maps(255 * x[given]) for x in (image, truth)]
        distance = (feature_distances(*maps) * weight[given]).sum() if bool(given.any()) else image.new_zeros(())
        fooled = torch.stack([hinge_generator(s) for s in judge(image, channels)]).mean()
        contrast = kept_contrast(image, truth, ids)
        read = varied * (1 - from_prior)
        divergence = (gaussian_divergence(mean, log_variance) * read).sum() / read.sum().clamp(min=1)
        again, _ = encoded({name: t.detach() for name, t in _group(weights, ENCODER).items()}, image, channels)
        missed = ((again - style).abs() / deviation).mean(1)
        latent = (missed * from_prior).sum() / from_prior.sum().clamp(min=1)
        parts = {
            "pixels": error,
            "features": distance,
            "adversarial": fooled,
            "contrast": contrast,
            "divergence": divergence,
            "latent": latent,
        }
        total = sum(getattr(losses, name) * part for name, part in parts.items())
        logged = {name: part.detach() for name, part in parts.items()}
        yield Phase(total, logged, _styles(middle, covariance, mean, log_variance, varied), NOT_CRITIC, BETAS)

    def _maps(self, pixels: Tensor) -> list[Tensor]:
        if not self._features:
            self._features.append(Lite0(torch).to(self.device))
        found: list[Tensor] = self._features[0].feature_maps(pixels.float())
        return found

    def look(self, average: Tensors) -> tuple[dict[str, float], bytes]:
        """Errors of generated (mean style) and uncorrected images on held-out targets, and a picture of some."""
        found: dict[str, list[float]] = {}
        rows: list[U8] = []
        for pool in self.held_out or self.pools[:1]:
            plain = pool.plain_rows
            chosen = plain[np.linspace(0, len(plain) - 1, min(LOOKED_AT, len(plain))).astype(int)]
            for k in range(0, len(chosen), LOOK_BATCH):
                arrays = gathered([whole(pool, int(row)) for row in chosen[k : k + LOOK_BATCH]])
                shown = self._shown(average, tuple(torch.tensor(a).to(self.device) for a in arrays))
                truth = shown[-1]
                for name, image in (("generated", shown[1]), ("lit", shown[0])):
                    error = (image - truth).abs().mean((1, 2, 3))
                    found.setdefault(f"error/{name}", []).extend(error.tolist())
                    maps = self._maps(255 * image), self._maps(255 * truth)
                    found.setdefault(f"features/{name}", []).append(float(feature_distance(*maps)))
                if len(rows) < 2:
                    rows.append(_rows(shown))
        return {name: round(float(np.mean(values)), 5) for name, values in found.items()}, _png(np.concatenate(rows))

    def _shown(self, weights: Tensors, batch: tuple[Tensor, ...]) -> list[Tensor]:
        """Developed: uncorrected, generated with the mean style and with two others, true."""
        channels, lit, target, _, pixels, neighbours, shares = batch
        edges = (pixels, neighbours, shares)
        noise = np.random.default_rng(0).normal(size=(2, STYLE)).astype(np.float32)
        middle, covariance = weights[GENERATOR + STYLE_MEAN], weights[GENERATOR + STYLE_COVARIANCE]
        drawn = middle + _times(torch.from_numpy(noise).to(self.device), _root(covariance))
        images = []
        for style in (torch.zeros_like(middle), *drawn):
            styles = style.expand(len(lit), -1)
            images.append(developed(radiance(weights, channels, lit, styles, edges, self.widths)))
        return [developed(resolved(lit, edges)), *images, developed(target)]


Edges = tuple[Tensor, Tensor, Tensor]


def ease(errors: Tensor, known: Tensor) -> Tensor:
    """How much each image counts: the nearer the lit G-buffer is to the truth, the more.

    Else the few scenes with strong or varied light, whose errors are ten times as large, are all that is learned from.

    Args:
        errors: (B,) of the lit G-buffer.
        known: (B,) 1 where the truth can be compared, else 0.

    Returns:
        (B,) weights, 0 where nothing is known, 1 in sum.
    """
    weights = known / (errors + LEAST_ERROR)
    return weights / weights.sum().clamp(min=1e-6)


@torch.no_grad()  # type: ignore[misc, untyped-decorator, unused-ignore]
def _styles(middle: Tensor, covariance: Tensor, mean: Tensor, log_variance: Tensor, varied: Tensor) -> Tensors:
    """Mean and covariance of styles, moved towards those of a batch (B, 8) of which ``varied`` (B,) count."""
    share = varied[:, None] / varied.sum().clamp(min=1)
    rate = STYLE_RATE * float(varied.sum() > 0)
    off = mean - middle
    between = (off[:, :, None] * off[:, None, :] * share[:, :, None]).sum(0)
    within = torch.diag((log_variance.exp() * share).sum(0))
    return {
        GENERATOR + STYLE_MEAN: middle.lerp((mean * share).sum(0), rate),
        GENERATOR + STYLE_COVARIANCE: covariance.lerp(between + within, rate),
    }


@torch.no_grad()  # type: ignore[misc, untyped-decorator, unused-ignore]
def _root(covariance: Tensor) -> Tensor:
    """(8, 8) R with R R^T = covariance."""
    root: Tensor = torch.linalg.cholesky(covariance + 1e-6 * torch.eye(STYLE, device=covariance.device))
    return root


def _times(noise: Tensor, root: Tensor) -> Tensor:
    """(B, 8) normal noise -> of the root's covariance, in float32 under autocast too."""
    return (noise[:, None, :] * root).sum(2)


def radiance(
    weights: Tensors, channels: Tensor, lit: Tensor, style: Tensor, edges: Edges, widths: tuple[int, ...]
) -> Tensor:
    """(B, 3, H, W) generated radiance, relative to the exposure: ``gan_channels.compose``, then anti-aliasing."""
    ops = TorchOps(_group(weights, GENERATOR), training=True)
    raw = network(ops, channels.contiguous(memory_format=torch.channels_last), style[:, :, None, None], widths).float()
    stops = MOST_STOPS * raw[:, :3] / (MOST_STOPS + raw[:, :3].abs())
    diffuse = channels[:, 6:9].square() * (1 - channels[:, 13:14])
    light = lit * torch.exp2(stops) + diffuse * raw[:, 3:6] + raw[:, 6:9]
    return resolved(light.clamp(min=0), edges)


def resolved(image: Tensor, edges: Edges) -> Tensor:
    """``antialias.resolve`` with gradients, for a batch (B, 3, H, W); edges from ``gathered``."""
    pixels, neighbours, shares = edges
    count, colours, height, width = image.shape
    flat = image.permute(0, 2, 3, 1).reshape(-1, colours)
    mixed = (flat[neighbours] * shares[:, :, None]).sum(1)
    flat = flat.index_put((pixels,), mixed)
    return flat.reshape(count, height, width, colours).permute(0, 3, 1, 2)


def _group(weights: Tensors, prefix: str) -> Tensors:
    return {name.removeprefix(prefix): tensor for name, tensor in weights.items() if name.startswith(prefix)}


def _rows(shown: list[Tensor]) -> U8:
    """Columns of a batch: uncorrected, generated three times, true; one under the other."""
    lines = []
    for image in shown:
        pixels = (255 * image.clamp(0, 1)).byte().permute(0, 2, 3, 1).cpu().numpy()
        blank = np.zeros((COLUMNS - len(pixels), *pixels.shape[1:]), np.uint8)
        lines.append(np.concatenate([*pixels, *blank], axis=1))
    return np.concatenate(lines, axis=0)


def _png(picture: U8) -> bytes:
    return bytes(cv2.imencode(".png", np.ascontiguousarray(picture[..., ::-1]))[1].tobytes())
