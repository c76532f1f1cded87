"""The generators a pipeline can ask for: one literal table, config kind -> constructor."""

from __future__ import annotations

from collections.abc import Callable

from synthgen.config.models import ShadedConfig
from synthgen.generate.protocol import Generator
from synthgen.generate.shaded import Shaded

GENERATORS: dict[str, Callable[[ShadedConfig], Generator]] = {
    "shaded": Shaded,
}


def make_generator(config: ShadedConfig) -> Generator:
    """The generator that ``generate:`` of the pipeline asks for (its kind was checked when the file was loaded)."""
    return GENERATORS[config.kind](config)
