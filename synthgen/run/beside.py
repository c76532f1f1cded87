"""``Beside``: how a run has something done beside itself, at its end, by workers that have nothing else to do."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

# beside(fn, *args) begins fn and returns what waits for its result, or raises its error.
Beside = Callable[..., Callable[[], Any]]


def here(fn: Callable[..., Any], *args: Any) -> Callable[[], Any]:
    """The ``Beside`` of a run without workers: done when its result is waited for."""
    return partial(fn, *args)
