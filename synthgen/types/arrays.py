"""Array aliases used in every signature, and the one way to freeze an array."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

F16 = npt.NDArray[np.float16]
F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
U8 = npt.NDArray[np.uint8]
U16 = npt.NDArray[np.uint16]
U32 = npt.NDArray[np.uint32]
U64 = npt.NDArray[np.uint64]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

A = TypeVar("A", bound=npt.NDArray[Any])


def freeze(array: A) -> A:
    """Marks an array read-only and returns it: shared data of frozen types must not change under its users."""
    array.flags.writeable = False
    return array
