"""The cast of a scene: which objects and distractors appear, how many, and whether the scene is a negative."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from synthgen.config.models import SceneConfig
from synthgen.types.assets import ObjectModel
from synthgen.types.catalog import AssetSpec, Catalog, FamilySource, MeshSource

Streams = Callable[[str], np.random.Generator]  # name of the draw -> its own random stream


class ModelStore(Protocol):
    """What scenes need of ``assets.store``: models by source."""

    def model(self, source: FamilySource | MeshSource) -> ObjectModel:
        """The model, loaded or built on first use."""
        ...


@dataclass(frozen=True)
class Cast:
    """Who appears, in the order of their instance indices: objects, then distractors."""

    objects: tuple[AssetSpec, ...]
    distractors: tuple[AssetSpec, ...]

    @property
    def everyone(self) -> tuple[AssetSpec, ...]:
        return self.objects + self.distractors


def draw_cast(scene: SceneConfig, catalog: Catalog, streams: Streams) -> Cast:
    """Draws counts and specs; every kind of draw has a stream of its own, so that one setting does not move another."""
    objects, distractors = catalog.with_role("object"), catalog.with_role("distractor")
    negative = streams("scene.negative").random() < scene.negatives
    wanted = 0 if negative else scene.objects_per_scene.sample_int(rng=streams("scene.object_count"))
    clutter = scene.distractors.sample_int(rng=streams("scene.distractor_count"))
    balance = scene.balance if len(catalog.categories) > 1 else "weights"
    return Cast(
        _draw(objects, wanted, shares(objects, balance), rng=streams("scene.objects")),
        _draw(distractors, clutter, shares(distractors, "weights"), rng=streams("scene.distractors")),
    )


def shares(specs: tuple[AssetSpec, ...], balance: str) -> np.ndarray:
    """(len(specs),) probability of each spec: by weight, or every category equally often and by weight within it."""
    weights = np.array([spec.weight for spec in specs], dtype=np.float64)
    if balance == "classes":
        category = np.array([spec.category_id for spec in specs])
        for one in np.unique(category):
            weights[category == one] /= weights[category == one].sum()
    return weights / weights.sum() if len(weights) else weights


def _draw(
    specs: tuple[AssetSpec, ...], count: int, probability: np.ndarray, *, rng: np.random.Generator
) -> tuple[AssetSpec, ...]:
    if not specs or count <= 0:
        return ()
    return tuple(specs[int(i)] for i in rng.choice(len(specs), size=count, p=probability))
