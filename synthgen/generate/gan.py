"""The conditional GAN renderer: near path-traced radiance from the G-buffer, in one pass of a small network."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Protocol

import numpy as np

from synthgen import antialias
from synthgen.config.models import GanConfig
from synthgen.device import Device
from synthgen.errors import AssetError, InternalError
from synthgen.generate.gan_channels import CHANNELS, GBUFFERS, Condition, compose, condition
from synthgen.generate.gan_network import (
    INPUTS,
    KIND,
    MULTIPLE,
    OUTPUTS,
    STYLE,
    STYLE_COVARIANCE,
    STYLE_MEAN,
    VERSION,
    WIDTHS,
    network,
    shapes,
)
from synthgen.networks.gpu import GpuNetwork, Setting
from synthgen.networks.onnx_graph import onnx_model, onnx_session
from synthgen.types.arrays import F32, F64
from synthgen.types.gbuffer import Views
from synthgen.types.images import Images
from synthgen.weights import Weights, check_fit, read_weights

SHIPPED = Path(__file__).parent / "weights" / "grasping-gan"
PREFIX = "generator/"


class Corrections(Protocol):
    """The network at work. ``most``: views at once."""

    most: int

    def run(self, inputs: Iterable[tuple[F32, ...]]) -> Iterator[F32]:
        """Batches of (n, 27, H, W) channels and (n, 8, 1, 1) styles -> (n, 9, H, W) each, in order; n <= ``most``."""
        ...


class Gan:
    """``Generator``: the lit G-buffer, corrected by a network that learned from a path tracer.

    The seed draws the style: what the G-buffer does not say, such as the mood of the light and the finish of surfaces.
    Styles are drawn as an encoder read them off varied training images, normal with their mean and covariance (Ghosh et
    al. 2020, "From Variational to Deterministic Autoencoders", section 4), times a spread. With a spread of 0 the style
    is that of the scene as it is, and no seed matters.
    On the CPU one image per network call, one thread; on a GPU ``generate.batch`` of them. Either way an image does not
    depend on what is drawn beside it.
    """

    channels = GBUFFERS

    def __init__(self, config: GanConfig, store: object = None, device: Device = "cpu") -> None:
        """
        Raises:
            AssetError: the weights cannot be used.
            EnvironmentFault: ONNX Runtime, or on a GPU PyTorch or the GPU itself, is not there.
        """
        self.spread = config.style
        self.uses_seeds = config.style > 0
        self._network, self._styles, sha256 = _loaded(str(config.weights or SHIPPED), device, config.batch)
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
        conditions = (condition(views.gbuffers, i, views.scene.cameras[views.first + i]) for i in range(len(views)))
        for i, radiance in enumerate(self.draw(conditions, [self.style(seed) for seed in seeds])):
            pixels[i] = radiance
            antialias.resolve_in_place(pixels[i], views.gbuffers.edges[i])
        return Images("linear", pixels)

    def style(self, seed: int) -> F32:
        """(8,) float32: the style code of a seed."""
        mean, root = self._styles
        drawn = mean + root @ np.random.default_rng(seed).normal(size=STYLE)
        return np.asarray(self.spread * drawn, np.float32)

    def draw(self, conditions: Iterable[Condition], styles: Sequence[F32]) -> Iterator[F32]:
        """(H, W, 3) float32 radiance of each view with its style (8,), not anti-aliased.

        ``conditions`` are made as they are needed, no more than two batches of them at a time.
        """
        waiting: deque[Condition] = deque()
        for corrections in self._network.run(self._inputs(iter(conditions), styles, waiting)):
            for one in corrections:
                seen = waiting.popleft()
                height, width = seen.lit.shape[:2]
                yield compose(np.ascontiguousarray(one[:, :height, :width]), seen)

    def _inputs(
        self, conditions: Iterator[Condition], styles: Sequence[F32], waiting: deque[Condition]
    ) -> Iterator[tuple[F32, F32]]:
        most = self._network.most
        for start in range(0, len(styles), most):
            batch = list(itertools.islice(conditions, min(most, len(styles) - start)))
            waiting.extend(batch)
            height, width = batch[0].lit.shape[:2]
            channels = batch[0].channels[None] if len(batch) == 1 else np.stack([seen.channels for seen in batch])
            if height % MULTIPLE or width % MULTIPLE:
                sides = ((0, 0), (0, 0), (0, -height % MULTIPLE), (0, -width % MULTIPLE))
                channels = np.pad(channels, sides, mode="edge")
            yield channels, np.stack(styles[start : start + len(batch)])[:, :, None, None]


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
def _loaded(folder: str, device: Device, batch: int) -> tuple[Corrections, tuple[F64, F64], str]:
    """The network at work, mean of its styles and a root of their covariance, the weights' sha256; kept per process."""
    weights = read_gan(Path(folder))
    running = _OnGpu(weights, batch) if device == "gpu" else _OnCpu(weights)
    mean, covariance = (weights.tensors[name].astype(np.float64) for name in (STYLE_MEAN, STYLE_COVARIANCE))
    variances, axes = np.linalg.eigh(covariance)
    return running, (mean, axes * np.sqrt(np.maximum(variances, 0))), weights.sha256


class _OnCpu:
    """ONNX Runtime, one thread, one image per call."""

    most = 1

    def __init__(self, weights: Weights) -> None:
        shapes_in: dict[str, tuple[int | str, ...]] = {
            "channels": (1, INPUTS, "height", "width"),
            "style": (1, STYLE, 1, 1),
        }
        shape_out = (1, OUTPUTS, "height", "width")
        model = onnx_model(partial(network, widths=widths_of(weights)), weights.tensors, shapes_in, shape_out)
        self._session = onnx_session(model, "generate: {kind: gan}")

    def run(self, inputs: Iterable[tuple[F32, ...]]) -> Iterator[F32]:
        for channels, style in inputs:
            yield self._session.run(None, {"channels": channels, "style": style})[0]


class _OnGpu(GpuNetwork):
    """PyTorch on CUDA."""

    def __init__(self, weights: Weights, batch: int, *, device: str = "cuda") -> None:
        setting = Setting("generate.batch", batch)
        super().__init__(partial(network, widths=widths_of(weights)), weights.tensors, setting, device=device)
        self.most = batch
