"""The augment stage: draws which effects an image gets and with which values, applies them, and says what it did."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from synthgen.augment.effects import EFFECTS
from synthgen.config.augment import AugmentEntry
from synthgen.config.distributions import Distribution
from synthgen.errors import InternalError
from synthgen.types.arrays import U8
from synthgen.types.images import AppliedEffect, Images

SEED_LIMIT = 2**31 - 1  # what every library takes as a seed


def augment(
    images: Images, entries: Sequence[AugmentEntry], *, rngs: Sequence[np.random.Generator]
) -> tuple[Images, tuple[tuple[AppliedEffect, ...], ...]]:
    """Draws and applies effects, entry after entry.

    Args:
        images: B finished pictures (encoding "srgb8").
        entries: the pipeline's ``augment`` list.
        rngs: one stream per image; image i depends on its own pixels and ``rngs[i]`` alone, and each entry on a stream
            of its own, so that changing one entry moves no other.

    Returns:
        The pictures, and per image what was applied, with all drawn values: ``replay`` makes the same picture from it.

    Raises:
        InternalError: linear images, or not one stream per image.
    """
    if images.encoding != "srgb8":
        raise InternalError(
            f"augment was given images encoded {images.encoding!r}; only finished pictures (srgb8) are allowed; run "
            "sense first, and report this as a bug"
        )
    if len(rngs) != len(images.pixels):
        raise InternalError(
            f"augment was given {len(rngs)} random streams for {len(images.pixels)} images; exactly one per image is "
            "allowed; report this as a bug"
        )
    applied = tuple(draw_effects(entries, rng=rng) for rng in rngs)
    pixels = np.empty(images.pixels.shape, np.uint8)
    for i, effects in enumerate(applied):
        pixels[i] = replay(images.pixels[i].astype(np.uint8, copy=False), effects)
    return Images("srgb8", pixels), applied


def draw_effects(entries: Sequence[AugmentEntry], *, rng: np.random.Generator) -> tuple[AppliedEffect, ...]:
    """Which effects one image gets, with their values, in the order of the list."""
    drawn = (_draw(entry, rng=own) for entry, own in zip(entries, rng.spawn(len(entries)), strict=True))
    return tuple(effect for effect in drawn if effect is not None)


def _draw(entry: AugmentEntry, *, rng: np.random.Generator) -> AppliedEffect | None:
    effect = entry.effect
    if not rng.random() < effect.p:
        return None
    seed = int(rng.integers(0, SEED_LIMIT))
    given = {name: getattr(effect, name) for name in type(effect).model_fields}
    distributions = {name: value for name, value in given.items() if isinstance(value, Distribution)}
    streams = rng.spawn(len(distributions))
    values = [(name, d.sample(rng=own)) for (name, d), own in zip(distributions.items(), streams, strict=True)]
    return AppliedEffect(entry.name, tuple(values), seed)


def replay(image: U8, effects: Sequence[AppliedEffect]) -> U8:
    """Applies recorded effects to the picture as ``sense`` left it: the same picture as when they were drawn.

    Args:
        image: (H, W, 3) uint8 RGB.
        effects: as recorded in the manifest.
    """
    for effect in effects:
        image = EFFECTS[effect.name](image, dict(effect.parameters), effect.seed)
    return image
