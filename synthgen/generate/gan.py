"""The conditional GAN renderer: near path-traced radiance from the G-buffer, in one pass of a small network."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from synthgen import antialias
from synthgen.config.models import GanConfig
from synthgen.errors import AssetError, InternalError
from synthgen.generate.gan_channels import CHANNELS, GBUFFERS, Condition, compose, condition
from synthgen.generate.gan_network import INPUTS, KIND, MULTIPLE, OUTPUTS, STYLE, VERSION, WIDTHS, network, shapes
from synthgen.networks.onnx_graph import onnx_model, onnx_session
from synthgen.types.arrays import F32
from synthgen.types.gbuffer import Views
from synthgen.types.images import Images
from synthgen.weights import Weights, check_fit, read_weights

SHIPPED = Path(__file__).parent / "weights" / "grasping-gan"
PREFIX = "generator/"


class Gan:
    """``Generator``: the lit G-buffer, corrected by a network that learned from a path tracer.

    The seed draws the style: what the G-buffer does not say, such as the mood of the light and the finish of surfaces.
    One image per network call, one thread: an image does not depend on what is drawn beside it.
    """

    channels = GBUFFERS
    uses_seeds = True

    def __init__(self, config: GanConfig, store: object = None) -> None:
        """Raises AssetError where the weights cannot be used, EnvironmentFault where ONNX Runtime is not installed."""
        self.spread = config.style
        self._run, sha256 = _loaded(str(config.weights or SHIPPED), config.weights is None)
        self.fingerprint = f"{KIND}-{VERSION}-{sha256[:16]}-{self.spread:g}"

    def __call__(self, views: Views, seeds: Sequence[int]) -> Images:
        """(B views, B seeds) -> linear float32 images; see ``Generator``."""
        if len(seeds) != len(views):
            raise InternalError(
                f"gan was given {len(seeds)} seeds for {len(views)} views; exactly one per view is allowed; report "
                "this as a bug"
            )
        height, width = views.gbuffers.instance.shape[1:3]
        pixels = np.empty((len(views), height, width, 3), np.float32)
        for i, seed in enumerate(seeds):
            seen = condition(views.gbuffers, i, views.scene.cameras[views.first + i].intrinsics)
            pixels[i] = self.draw(seen, self.style(seed))
            antialias.resolve_in_place(pixels[i], views.gbuffers.edges[i])
        return Images("linear", pixels)

    def style(self, seed: int) -> F32:
        """(8,) float32: the style code of a seed."""
        drawn = np.random.default_rng(seed).normal(size=STYLE)
        return np.asarray(self.spread * drawn, np.float32)

    def draw(self, seen: Condition, style: F32) -> F32:
        """(H, W, 3) float32 radiance of one view with a style (8,), not anti-aliased."""
        height, width = seen.shaded.shape[:2]
        down, across = -height % MULTIPLE, -width % MULTIPLE
        channels = np.pad(seen.channels, ((0, 0), (0, down), (0, across)), mode="edge")
        corrections = self._run(None, {"channels": channels[None], "style": style[None, :, None, None]})[0][0]
        return compose(np.ascontiguousarray(corrections[:, :height, :width]), seen)


def read_gan(folder: Path) -> Weights:
    """The weights of a trained generator, checked against its network; those of its critic are left out.

    Raises:
        AssetError: they cannot be used.
    """
    weights = read_weights(folder, kind=KIND, version=VERSION)
    asked = list(weights.card.get("channels", ()))
    if asked != list(CHANNELS):
        unknown = [name for name in asked if name not in CHANNELS]
        raise AssetError(
            f"{str(folder)!r} was trained on other channels than the pipeline renders "
            f"({'unknown: ' + ', '.join(map(str, unknown)) if unknown else 'another order or fewer'}); allowed: "
            f"{', '.join(CHANNELS)}; train it again with this version"
        )
    tensors = {n.removeprefix(PREFIX): t for n, t in weights.tensors.items() if n.startswith(PREFIX)}
    generator = Weights(tensors, weights.card, weights.sha256)
    check_fit(generator, shapes(widths_of(weights)), folder)
    return generator


def widths_of(weights: Weights) -> tuple[int, ...]:
    """Features per level, as the card says."""
    return tuple(int(width) for width in weights.card["architecture"].get("widths", WIDTHS))


@lru_cache(maxsize=2)
def _loaded(folder: str, shipped: bool) -> tuple[Any, str]:
    """The network's ``run`` and the weights' sha256; kept per process."""
    if shipped and not Path(folder).is_dir():
        raise AssetError(
            "generate.weights is not given, and no generator ships with this version; allowed: the folder of a trained "
            "one; make it with 'synthgen train', or take generate: {kind: shaded}"
        )
    weights = read_gan(Path(folder))
    inputs: dict[str, tuple[int | str, ...]] = {"channels": (1, INPUTS, "height", "width"), "style": (1, STYLE, 1, 1)}
    model = onnx_model(
        partial(network, widths=widths_of(weights)), weights.tensors, inputs, (1, OUTPUTS, "height", "width")
    )
    return onnx_session(model, "generate: {kind: gan}").run, weights.sha256
