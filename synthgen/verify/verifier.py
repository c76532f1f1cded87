"""The verifier at work: images and id maps in, agreement per instance out.

On the CPU ONNX Runtime on one thread, without torch; on a GPU torch, in batches of one shape.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from synthgen.device import Device
from synthgen.errors import AssetError
from synthgen.networks.gpu import GpuNetwork, Setting
from synthgen.networks.onnx_graph import onnx_model, onnx_session
from synthgen.types.arrays import F32, U8, U16
from synthgen.verify.crops import bounds, crop, label_on_grid, prediction_on_grid
from synthgen.verify.network import CROP_PX, INPUTS, VERSION, WIDTHS, network, shapes
from synthgen.weights import Weights, check_fit, read_weights

KIND = "verifier"
SHIPPED = Path(__file__).parent / "weights"


BATCH = 16  # crops at once on a GPU


class Network(Protocol):
    """(N, 4, 64, 64) float32 crops -> (N, 64, 64) float32 logits; a crop's do not depend on the others."""

    def __call__(self, crops: F32, /) -> F32: ...


class Verifier:
    """Predicts each instance's visible mask from the image and its box alone, and compares it with the label.

    What an instance is given depends on its image and its own label only, never on what is verified beside it.
    """

    def __init__(self, network: Network, fingerprint: str) -> None:
        self.network = network
        self.fingerprint = fingerprint

    def agreements(self, image: U8, ids: U16, indices: Sequence[int]) -> dict[int, float]:
        """How well the image shows what the labels say.

        Args:
            image: (H, W, 3) uint8 RGB, the final image.
            ids: (H, W) uint16 instance map.
            indices: instance indices to look at; those that the map does not show are left out.

        Returns:
            Instance index -> intersection over union of predicted mask and label, on ``crops.grid_of``, in [0, 1].
        """
        found = bounds(ids, list(indices))
        if not found:
            return {}
        logits = self.network(np.stack([crop(image, box) for box, _ in found.values()]))
        return {
            k: iou(prediction_on_grid(one, box), label_on_grid(ids, k, box))
            for one, (k, (box, _)) in zip(logits, found.items(), strict=True)
        }


def iou(predicted: Any, label: Any) -> float:
    """Intersection over union of two masks; 1 when both are empty. 6 digits: what is written is what is compared."""
    union = int(np.count_nonzero(predicted | label))
    return round(int(np.count_nonzero(predicted & label)) / union, 6) if union else 1.0


def one_by_one(network: Callable[[F32], F32]) -> Network:
    """A network of (4, 64, 64) crops as one of many."""
    return lambda crops: np.stack([network(one) for one in crops])


def make_verifier(folder: str | None, device: Device = "cpu") -> Verifier:
    """The verifier of a weights folder; None = the shipped one. Kept per process.

    Raises:
        AssetError: the weights cannot be used.
        EnvironmentFault: ONNX Runtime, or on a GPU PyTorch or the GPU itself, is not there.
    """
    if folder is None and not SHIPPED.is_dir():
        raise AssetError(
            "verify.weights is not given, and no verifier ships with this version; allowed: the folder of a trained "
            "one; make it with 'synthgen train verifier', or take verify out of the pipeline"
        )
    return _made(str(folder or SHIPPED), device)


@lru_cache(maxsize=2)
def _made(folder: str, device: Device) -> Verifier:
    weights = read_verifier(Path(folder))
    running = gpu_network(weights) if device == "gpu" else onnx_network(weights)
    return Verifier(running, f"{KIND}-{VERSION}-{weights.sha256[:16]}")


def read_verifier(folder: Path) -> Weights:
    """The weights of a verifier, checked against its network.

    Raises:
        AssetError: they cannot be used.
    """
    weights = read_weights(folder, kind=KIND, version=VERSION)
    check_fit(weights, shapes(WIDTHS), folder)
    return weights


def onnx_network(weights: Weights, widths: tuple[int, ...] = WIDTHS) -> Network:
    """The network in ONNX Runtime, one thread, one crop per call.

    Raises:
        EnvironmentFault: ONNX Runtime is not installed.
    """
    shape_in, shape_out = (1, INPUTS, CROP_PX, CROP_PX), (1, 1, CROP_PX, CROP_PX)
    model = onnx_model(partial(network, widths=widths), weights.tensors, {"crop": shape_in}, shape_out)
    running = onnx_session(model, "verify")

    def run(one: F32) -> F32:
        logits: F32 = running.run(None, {"crop": one[None]})[0]
        return logits.reshape(CROP_PX, CROP_PX)

    return one_by_one(run)


def gpu_network(weights: Weights, widths: tuple[int, ...] = WIDTHS, *, device: str = "cuda") -> Network:
    """The network on a GPU, in batches of one shape.

    Raises:
        EnvironmentFault: no PyTorch, or no GPU.
    """
    setting = Setting("verify", BATCH)
    running = GpuNetwork(partial(network, widths=widths), weights.tensors, setting, device=device)

    def run(crops: F32) -> F32:
        batches = ((crops[k : k + BATCH],) for k in range(0, len(crops), BATCH))
        return np.concatenate([logits[:, 0] for logits in running.run(batches)])

    return run
