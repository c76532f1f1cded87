"""A network at work on a GPU: batches of one shape in half precision, copies that overlap with the work.

The batch has one shape whatever is asked for, and short ones are padded: the same kernels run each time, so that what
an image becomes does not depend on what is drawn beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from synthgen.errors import EnvironmentFault
from synthgen.types.arrays import F32
from synthgen.weights import Array

Tensor = Any


@dataclass(frozen=True)
class Setting:
    """What decides a batch, for the sentence about one that does not fit: ``key`` of the pipeline, and its value."""

    key: str
    batch: int


class GpuNetwork:
    """A network of ``networks.ops`` in torch."""

    def __init__(
        self, network: Callable[..., Tensor], tensors: Mapping[str, Array], setting: Setting, *, device: str = "cuda"
    ) -> None:
        """
        Args:
            network: (ops, *inputs) -> output; every input and output has the batch first.
            tensors: its weights.
            setting: how many at once.
            device: "cuda"; tests say "cpu", where everything is float32.

        Raises:
            EnvironmentFault: no PyTorch, or no GPU.
        """
        torch = _torch(device)
        from synthgen.networks.torch_ops import TorchOps

        self.setting = setting
        self._torch, self._device = torch, device
        self._type = torch.float16 if device == "cuda" else torch.float32
        placed = {name: self._placed(torch.tensor(array)) for name, array in tensors.items()}
        self._ops = TorchOps(placed, training=False)
        self._network = network
        self._copies = torch.cuda.Stream() if device == "cuda" else None
        torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic = False, True  # the same kernels each time

    def run(self, inputs: Iterable[tuple[F32, ...]]) -> Iterator[F32]:
        """Batches of inputs -> batches of outputs, in order.

        While the GPU works on a batch, the next one is taken from ``inputs``: what makes it runs beside.

        Args:
            inputs: each is at most ``setting.batch`` long.

        Raises:
            EnvironmentFault: a batch does not fit into the GPU's memory; the sentence names one that does.
        """
        waiting: tuple[Tensor, int] | None = None
        for arrays in inputs:
            launched = self._launched(arrays, self.setting.batch), len(arrays[0])
            if waiting is not None:
                yield self._collected(*waiting)
            waiting = launched
        if waiting is not None:
            yield self._collected(*waiting)

    def _launched(self, arrays: tuple[F32, ...], batch: int) -> Tensor:
        try:
            return self._begun(arrays, batch)
        except self._torch.OutOfMemoryError:
            pass  # the sentence is made outside: the exception holds on to what did not fit
        raise EnvironmentFault(self._too_large(arrays))

    def _begun(self, arrays: tuple[F32, ...], batch: int) -> tuple[Tensor, Tensor]:
        """The output on its way to this side, and the event that says that it has come."""
        torch = self._torch
        tensors = [torch.from_numpy(_padded(array[:batch], batch)).to(self._type) for array in arrays]
        with torch.inference_mode():
            if self._copies is None:
                return self._network(self._ops, *(self._placed(t) for t in tensors)).float(), None
            with torch.cuda.stream(self._copies):
                there = [self._placed(t.pin_memory()) for t in tensors]
            torch.cuda.current_stream().wait_stream(self._copies)
            for t in there:
                t.record_stream(torch.cuda.current_stream())
            made = self._network(self._ops, *there)
            here = torch.empty(made.shape, dtype=made.dtype, pin_memory=True)
            here.copy_(made, non_blocking=True)
            come = torch.cuda.Event()
            come.record()
            return here, come

    def _collected(self, launched: tuple[Tensor, Tensor], count: int) -> F32:
        here, come = launched
        if come is not None:
            come.synchronize()
        return np.asarray(here[:count].float().numpy(), np.float32)

    def _placed(self, tensor: Tensor) -> Tensor:
        """On the device; what has height and width with its channels last."""
        there = tensor.to(self._device, self._type, non_blocking=True)
        return there.contiguous(memory_format=self._torch.channels_last) if there.ndim == 4 else there

    def _too_large(self, arrays: tuple[F32, ...]) -> str:
        """The sentence about a batch that does not fit, with the largest half, quarter, ... of it that does."""
        key, batch = self.setting.key, self.setting.batch
        height, width = arrays[0].shape[2:]
        fits = batch // 2
        while fits and not self._fits(arrays, fits):
            fits //= 2
        what = f"{key}={batch}: so many images of {width}x{height} do not fit into the GPU's free memory"
        if not fits:
            return f"{what}, and neither does one; end what else uses the GPU, or draw smaller images"
        return f"{what}; allowed here: up to {fits}; set {key}={fits}"

    def _fits(self, arrays: tuple[F32, ...], batch: int) -> bool:
        if self._device == "cuda":
            self._torch.cuda.empty_cache()
        try:
            self._collected(self._begun(arrays, batch), 1)
        except self._torch.OutOfMemoryError:
            return False
        return True


def _padded(array: F32, batch: int) -> F32:
    return np.concatenate([array, np.zeros((batch - len(array), *array.shape[1:]), array.dtype)])


@cache
def gpu_kind() -> str:
    """This process's kind of GPU, e.g. "gpu:NVIDIA H100".

    Raises:
        EnvironmentFault: no PyTorch, or no GPU.
    """
    return f"gpu:{_torch('cuda').cuda.get_device_name()}"


def _torch(device: str) -> Any:
    try:
        import torch
    except ImportError as error:
        raise EnvironmentFault(
            "--device gpu needs PyTorch, which is not installed here; install it with: pip install torch, or leave "
            "--device out"
        ) from error
    if device == "cuda" and not torch.cuda.is_available():
        raise EnvironmentFault(
            "--device gpu: PyTorch finds no GPU here; allowed: a machine with a CUDA GPU, or --scheduler with workers "
            "that have one and the Dask resource GPU; or leave --device out"
        )
    return torch
