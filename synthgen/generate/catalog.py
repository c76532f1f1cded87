"""The generators a pipeline can ask for: one literal table, config kind -> constructor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from synthgen.config.models import GenerateConfig
from synthgen.device import Device
from synthgen.generate.gan import Gan
from synthgen.generate.pathtraced import Pathtraced
from synthgen.generate.protocol import Assets, Generator
from synthgen.generate.shaded import Shaded

GENERATORS: dict[str, Callable[[Any, Assets, Device], Generator]] = {
    "gan": Gan,
    "pathtraced": lambda config, store, device: Pathtraced(config, store),
    "shaded": lambda config, store, device: Shaded(config),
}
# Kinds that read light between surfaces (``types.gbuffer.GATHERED``), which is gathered for them alone.
GATHERING = frozenset({"gan"})
ON_GPU = frozenset({"gan"})  # kinds that draw there when asked to; the others draw on the CPU of the same worker


def make_generator(config: GenerateConfig, store: Assets, device: Device = "cpu") -> Generator:
    """The generator that ``generate:`` of the pipeline asks for (its kind was checked when the file was loaded).

    Args:
        config: the ``generate`` block.
        store: resolves what a scene names, for generators that draw the scene itself.
        device: where its network runs.

    Raises:
        EnvironmentFault: what it needs is not installed.
    """
    return GENERATORS[config.kind](config, store, device)
