"""Whether what a pipeline asks for can lie on its support at all: told before the run, with the numbers."""

from __future__ import annotations

import numpy as np

from synthgen.config.models import Pipeline, SupportConfig
from synthgen.scene.cast import ModelStore, shares
from synthgen.scene.supports import TABLE_SIZES_M, TOTE_SIZES_M, pile_volume_m3
from synthgen.types.assets import ObjectModel
from synthgen.types.catalog import AssetSpec, Catalog

TABLE_LAYERS = 1.5  # footprints that a table can carry, in heaps, per area
TOTE_HEAP = 1.2  # volume that a tote can hold, with a heap above its rim, per inner volume


def capacity_fault(pipeline: Pipeline, catalog: Catalog, store: ModelStore) -> str | None:
    """A sentence if the largest scene cannot fit on the table or in the tote, else None.

    Counts: the most objects and distractors that one scene can have, at their mean size by weight.
    """
    scene = pipeline.scene
    objects, distractors = catalog.with_role("object"), catalog.with_role("distractor")
    groups = (
        (objects, int(scene.objects_per_scene.high), scene.balance),
        (distractors, int(scene.distractors.high), "weights"),
    )
    if scene.support.kind == "tote":
        return _tote_fault(scene.support, groups, store)
    return _table_fault(scene.support, groups, store)


def footprint_m2(model: ObjectModel) -> float:
    """Area that a thing takes when it lies on its largest side."""
    return float(np.prod(np.sort(model.extent_m)[1:]))


Groups = tuple[tuple[tuple[AssetSpec, ...], int, str], ...]


def _table_fault(support: SupportConfig, groups: Groups, store: ModelStore) -> str | None:
    size = support.size_m or (TABLE_SIZES_M[0][1], TABLE_SIZES_M[1][1])
    needed = sum(_expected(specs, count, balance, store, footprint_m2) for specs, count, balance in groups)
    allowed = TABLE_LAYERS * size[0] * size[1]
    if needed <= allowed:
        return None
    most = sum(count for specs, count, _ in groups if specs)
    return (
        f"scene.objects_per_scene: up to {most} objects (distractors included) cover about {needed:.2f} m2 when they "
        f"lie, but a table of {size[0]:g} x {size[1]:g} m carries {allowed:.2f} m2 of objects, heaps included. "
        f"Allow at most {_affordable(most, allowed, needed)} objects per scene, or give scene.support.size_m a larger "
        "table"
    )


def _tote_fault(support: SupportConfig, groups: Groups, store: ModelStore) -> str | None:
    size = support.size_m or TOTE_SIZES_M[-1]
    height = support.height_m.low
    for specs, _, _ in groups:
        for spec in specs:
            extent = np.sort(store.model(spec.source).extent_m)
            if extent[0] > min(size) or extent[1] > max(size) or extent[2] > float(np.hypot(*size)):
                return (
                    f"scene.support: {spec.name} ({extent[2]:.3g} x {extent[1]:.3g} x {extent[0]:.3g} m) does not fit "
                    f"into a tote of {size[0]:g} x {size[1]:g} m. Give scene.support.size_m a larger tote, use "
                    "support.kind: table, or leave this object out"
                )
    needed = sum(_expected(specs, count, balance, store, pile_volume_m3) for specs, count, balance in groups)
    allowed = TOTE_HEAP * size[0] * size[1] * height
    if needed <= allowed:
        return None
    most = sum(count for specs, count, _ in groups if specs)
    return (
        f"scene.objects_per_scene: up to {most} objects (distractors included) pile up to about "
        f"{1000 * needed:.1f} litres, but a tote of {size[0]:g} x {size[1]:g} x {height:g} m holds "
        f"{1000 * allowed:.1f} litres, heaped. Allow at most {_affordable(most, allowed, needed)} objects per scene, "
        "or give scene.support a larger size_m or height_m"
    )


def _expected(specs: tuple[AssetSpec, ...], count: int, balance: str, store: ModelStore, measure: object) -> float:
    """``count`` times the mean of ``measure`` over the specs by their shares."""
    assert callable(measure)
    if not specs or count <= 0:
        return 0.0
    values = np.array([measure(store.model(spec.source)) for spec in specs])
    return count * float(shares(specs, balance) @ values)


def _affordable(most: int, allowed: float, needed: float) -> int:
    return max(1, int(most * allowed / needed))
