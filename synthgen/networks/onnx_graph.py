"""Weights -> an ONNX model, as bytes. Writes protocol buffers itself: ONNX Runtime then is all that inference needs.

Field numbers are those of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto (ModelProto, GraphProto, NodeProto,
AttributeProto, TensorProto, ValueInfoProto).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from synthgen.errors import EnvironmentFault
from synthgen.networks.ops import Pad
from synthgen.types.arrays import F32
from synthgen.weights import Array

OPSET = 13
IR_VERSION = 8
EPSILON = 1e-5  # of the batch normalisation
FLOAT, INT64 = 1, 7  # TensorProto.DataType
ATTRIBUTE_INT, ATTRIBUTE_STRING, ATTRIBUTE_INTS = 2, 3, 7  # AttributeProto.AttributeType


Shape = tuple[int | str, ...]  # a name stands for any size


def onnx_model(
    network: Callable[..., str], tensors: Mapping[str, Array], inputs: Mapping[str, Shape], output: Shape
) -> bytes:
    """A network with these weights.

    Args:
        network: called with ``Ops`` and a value per input, gives the output.
        tensors: its weights, by name.
        inputs: name -> shape of its float32 inputs, in order.
        output: shape of its output, which is called "output".
    """
    ops: Any = _Graph(tensors)
    ops.node("Identity", [network(ops, *inputs)], output="output")
    graph = b"".join(_field(1, node) for node in ops.nodes)
    graph += _field(2, b"network")
    graph += b"".join(_field(5, tensor) for tensor in ops.initializers)
    graph += b"".join(_field(11, _value_info(name, shape)) for name, shape in inputs.items())
    graph += _field(12, _value_info("output", output))
    return _number(1, IR_VERSION) + _field(2, b"synthgen") + _field(7, graph) + _field(8, _number(2, OPSET))


def onnx_session(model: bytes, purpose: str) -> Any:
    """An ONNX Runtime session of a model, on one thread.

    Args:
        model: from ``onnx_model``.
        purpose: the pipeline's key that needs it, for the sentence.

    Raises:
        EnvironmentFault: ONNX Runtime is not installed.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise EnvironmentFault(
            f"{purpose} needs ONNX Runtime, which is not installed; install it with: pip install onnxruntime, or take "
            f"{purpose} out of the pipeline"
        ) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_mem_pattern = False  # memory planned ahead is a third more, and no faster
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def folded(tensors: Mapping[str, Array], name: str) -> tuple[F32, F32]:
    """Weight (O, I, k, k) and bias (O,) of a convolution with its batch normalisation folded in, float32."""
    weight = tensors[f"{name}.weight"].astype(np.float64)
    bias = tensors[f"{name}.bias"].astype(np.float64)
    if f"{name}.gain" in tensors:
        scale = tensors[f"{name}.gain"] / np.sqrt(tensors[f"{name}.variance"].astype(np.float64) + EPSILON)
        weight, bias = weight * scale[:, None, None, None], bias - tensors[f"{name}.mean"] * scale
    return weight.astype(np.float32), bias.astype(np.float32)


class _Graph:
    """``Ops`` that writes ONNX nodes; values are names."""

    def __init__(self, tensors: Mapping[str, Array]) -> None:
        self.tensors = tensors
        self.nodes: list[bytes] = []
        self.initializers: list[bytes] = []

    def node(self, kind: str, inputs: Sequence[str], output: str = "", **attributes: int | Sequence[int] | str) -> str:
        output = output or f"v{len(self.nodes)}"
        message = b"".join(_field(1, name.encode()) for name in inputs) + _field(2, output.encode())
        message += _field(4, kind.encode())
        self.nodes.append(message + b"".join(_field(5, _attribute(key, attributes[key])) for key in attributes))
        return output

    def constant(self, name: str, values: Array) -> str:
        self.initializers.append(_tensor(name, values))
        return name

    def conv(
        self,
        name: str,
        x: str,
        inputs: int,
        outputs: int,
        *,
        kernel: int = 3,
        stride: int = 1,
        norm: bool = True,
        pad: Pad = "zeros",
    ) -> str:
        weight, bias = folded(self.tensors, name)
        side = (kernel - 1) // 2
        if pad == "border" and side:
            sides = self.constant(f"sides{len(self.nodes)}", np.array([0, 0, side, side] * 2, np.int64))
            x, side = self.node("Pad", [x, sides], mode="edge"), 0
        names = [x, self.constant(f"{name}.weight", weight), self.constant(f"{name}.bias", bias)]
        return self.node("Conv", names, kernel_shape=(kernel, kernel), strides=(stride, stride), pads=(side,) * 4)

    def standard(self, x: str, means: Sequence[float], spreads: Sequence[float]) -> str:
        shape, number = (1, len(means), 1, 1), len(self.nodes)
        factors = self.constant(f"factors{number}", (1 / np.array(spreads, np.float32)).reshape(shape))
        offsets = self.constant(f"offsets{number}", np.array(means, np.float32).reshape(shape))
        return self.node("Mul", [self.node("Sub", [x, offsets]), factors])

    def relu(self, x: str) -> str:
        return self.node("Relu", [x])

    def add(self, x: str, y: str) -> str:
        return self.node("Add", [x, y])

    def mul(self, x: str, y: str) -> str:
        return self.node("Mul", [x, y])

    def enlarge(self, x: str) -> str:
        scales = self.constant(f"scales{len(self.nodes)}", np.array([1, 1, 2, 2], np.float32))
        settings = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
        return self.node("Resize", [x, "", scales], **settings)

    def depth_to_space(self, x: str) -> str:
        return self.node("DepthToSpace", [x], blocksize=2, mode="DCR")


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _field(field: int, data: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(data)) + data


def _attribute(name: str, value: int | Sequence[int] | str) -> bytes:
    head = _field(1, name.encode())
    if isinstance(value, int):
        return head + _number(3, value) + _number(20, ATTRIBUTE_INT)
    if isinstance(value, str):
        return head + _field(4, value.encode()) + _number(20, ATTRIBUTE_STRING)
    return head + b"".join(_number(8, item) for item in value) + _number(20, ATTRIBUTE_INTS)


def _tensor(name: str, values: Array) -> bytes:
    kind = FLOAT if values.dtype == np.float32 else INT64
    dims = b"".join(_number(1, side) for side in values.shape)
    return (
        dims
        + _number(2, kind)
        + _field(8, name.encode())
        + _field(9, values.astype(values.dtype.newbyteorder("<")).tobytes())
    )


def _value_info(name: str, shape: Shape) -> bytes:
    sides = [_field(2, side.encode()) if isinstance(side, str) else _number(1, side) for side in shape]
    dims = b"".join(_field(1, side) for side in sides)
    tensor = _number(1, FLOAT) + _field(2, dims)
    return _field(1, name.encode()) + _field(2, _field(1, tensor))
