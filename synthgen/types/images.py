"""Generated images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from synthgen.types.arrays import F32, U8


@dataclass(frozen=True, eq=False)
class Images:
    """B images of one size.

    Attributes:
        encoding: "linear" (scene radiance, RGB, >= 0) or "srgb8" (a finished camera image).
        pixels: (B, H, W, 3), float32 for linear, uint8 for srgb8; RGB order.
    """

    encoding: Literal["linear", "srgb8"]
    pixels: F32 | U8


@dataclass(frozen=True)
class AppliedEffect:
    """One photometric effect that an image was given by ``augment``.

    Attributes:
        name: of the effect, a key of ``augment.effects.EFFECTS``.
        parameters: (name, drawn value), in the units of their names.
        seed: draws what is too much to list (noise, places of specks); 0 <= seed < 2**31.
    """

    name: str
    parameters: tuple[tuple[str, float], ...]
    seed: int
