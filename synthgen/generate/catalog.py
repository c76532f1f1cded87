"""The generators a pipeline can ask for: one literal table, config kind -> constructor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from synthgen.config.models import GenerateConfig
from synthgen.generate.gan import Gan
from synthgen.generate.pathtraced import Pathtraced
from synthgen.generate.protocol import Assets, Generator
from synthgen.generate.shaded import Shaded

GENERATORS: dict[str, Callable[[Any, Assets], Generator]] = {
    "gan": Gan,
    "pathtraced": Pathtraced,
    "shaded": lambda config, store: Shaded(config),
}


def make_generator(config: GenerateConfig, store: Assets) -> Generator:
    """The generator that ``generate:`` of the pipeline asks for (its kind was checked when the file was loaded).

    Args:
        config: the ``generate`` block.
        store: resolves what a scene names, for generators that draw the scene itself.

    Raises:
        EnvironmentFault: what it needs is not installed.
    """
    return GENERATORS[config.kind](config, store)
