"""PyTorch, or one sentence that says how to get it."""

from __future__ import annotations

from typing import Any

from synthgen.errors import EnvironmentFault


def need_torch(command: str) -> Any:
    """The module.

    Raises:
        EnvironmentFault: it is not installed; ``command`` names what needs it.
    """
    try:
        import torch
    except ImportError as error:
        raise EnvironmentFault(
            f'{command} needs PyTorch, which is not installed; install it with: pip install "synthgen[train]" (on a '
            "machine without GPU add --extra-index-url https://download.pytorch.org/whl/cpu)"
        ) from error
    return torch
