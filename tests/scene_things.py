"""A small catalog of procedural families and a store of their models, for the scene tests."""

from __future__ import annotations

from functools import cache
from typing import Any

import manifold3d
import numpy as np

from synthgen import seeding
from synthgen.assets.families.build import build_family, family_key
from synthgen.assets.model import weld
from synthgen.config.family_ranges import FAMILIES
from synthgen.config.models import Pipeline
from synthgen.types.arrays import F64
from synthgen.types.assets import ObjectModel
from synthgen.types.catalog import AssetSpec, Catalog, Category, FamilySource, MeshSource

HOUSEHOLD = ("mug", "can", "box", "screwdriver", "bowl", "hex_nut")
FASTENERS = ("hex_nut", "hex_bolt", "washer", "die")


@cache
def model_of(source: FamilySource | MeshSource) -> ObjectModel:
    assert isinstance(source, FamilySource)
    return build_family(source)


class FamilyStore:
    """The part of the asset store that scenes use, for families only."""

    def model(self, source: FamilySource | MeshSource) -> ObjectModel:
        return model_of(source)


def family_source(family: str, variant: int = 0) -> FamilySource:
    values = []
    for name, parameter in sorted(FAMILIES[family].parameters.items()):
        value = parameter.default.sample(rng=seeding.stream(7, name, scene=variant))
        values.append((name, float(round(value)) if parameter.unit in ("count", "seed") else value))
    return FamilySource(family, tuple(values))


def spec(family: str, category_id: int, variant: int = 0, **changes: Any) -> AssetSpec:
    source, ranges = family_source(family, variant), FAMILIES[family]
    values: dict[str, Any] = {
        "key": family_key(source), "name": f"{family}-{variant:02d}", "role": "object", "source": source,
        "class_name": family, "category_id": category_id, "up": ranges.up, "density_kg_m3": ranges.density_kg_m3,
        "friction": ranges.friction, "entry": 0,
    }  # fmt: skip
    return AssetSpec(**(values | changes))


def catalog(families: tuple[str, ...] = HOUSEHOLD, **changes: Any) -> Catalog:
    """One category per family, two sizes each, and two distractors."""
    specs = [spec(family, i, variant) for i, family in enumerate(families, start=1) for variant in (0, 1)]
    block = FamilySource("block", (("size_x", 0.05), ("size_y", 0.04), ("size_z", 0.03)))
    cone = FamilySource("cone", (("diameter", 0.05), ("height", 0.06)))
    specs += [AssetSpec(family_key(source), source.family, "distractor", source) for source in (block, cone)]
    categories = tuple(Category(i, family, "object") for i, family in enumerate(families, start=1))
    return Catalog(tuple(specs), categories, **changes)


def pipeline(scene: dict[str, Any] | None = None, camera: dict[str, Any] | None = None, **top: Any) -> Pipeline:
    """A pipeline of six objects per scene; ``scene``, ``camera`` and ``top`` override."""
    values = {"objects": [{"family": "mug"}], "objects_per_scene": 6} | (scene or {})
    return Pipeline.model_validate({"name": "test", "scene": values, "camera": camera or {}} | top)


def world_vertices(model: ObjectModel, pose: F64) -> F64:
    return model.mesh.vertices.astype(np.float64) @ pose[:3, :3].T + pose[:3, 3]


def solid(model: ObjectModel, pose: F64) -> manifold3d.Manifold:
    """The true mesh in the world as a manifold (watertight models only)."""
    first, group = weld(model.mesh.vertices)
    corners = group[model.mesh.faces]
    alive = (corners != np.roll(corners, 1, axis=1)).all(axis=1)
    points = world_vertices(model, pose)[first]
    made = manifold3d.Manifold(manifold3d.Mesh64(points, corners[alive].astype(np.uint64)))
    assert made.status() == manifold3d.Error.NoError
    return made
