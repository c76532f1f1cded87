"""The device kind: what the byte promise holds for (CPU instruction set or GPU model)."""

from __future__ import annotations

from functools import cache
from typing import Literal

Device = Literal["cpu", "gpu"]  # where networks that draw and verify run


@cache
def device_kind() -> str:
    """This process's kind of CPU as the compiler names it, e.g. "cpu:znver4"."""
    from llvmlite import binding

    return f"cpu:{binding.get_host_cpu_name()}"
