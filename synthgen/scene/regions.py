"""Where things are let go over a table or a tote: how loose, how close together, how heaped."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synthgen.config.models import ClutterConfig
from synthgen.scene.capacity import footprint_m2
from synthgen.scene.drop import Region
from synthgen.scene.supports import Support, pile_volume_m3
from synthgen.types.arrays import F64
from synthgen.types.assets import ObjectModel


@dataclass(frozen=True)
class Clutter:
    """How things lie on a table.

    Attributes:
        fill: lowest and highest share of the scattered ellipse that footprints cover; above 1 they must heap.
        tries: places tried per thing, of which the lowest is taken: few let things fall onto one another.
    """

    fill: tuple[float, float]
    tries: int


CLUTTER: dict[str, Clutter] = {
    "scattered": Clutter((0.12, 0.4), 12),
    "close": Clutter((0.55, 1.05), 16),
    "piled": Clutter((1.3, 2.2), 2),
}
# Cameras look at the middle from half a metre or so: many or large things lie closer rather than out of sight.
SCATTER_RADIUS_M = 0.38
DENSEST_FILL = 0.9
EDGE_MARGIN_M = 0.05
# Into a tote: share of its length and width that is poured into, and places tried: an even layer to a heap.
POUR_SPREAD = (0.55, 1.0)
POUR_TRIES = (1, 2, 4)
WALL_GAP_M = 0.002


def drop_region(
    models: tuple[ObjectModel, ...], support: Support, clutter: ClutterConfig, *, rng: np.random.Generator
) -> Region:
    """A loose or tight ellipse somewhere on a table; a more or less concentrated pour into a tote."""
    half = np.array(support.half_size_m)
    level, spread, aspect = rng.random(), rng.uniform(*POUR_SPREAD), rng.uniform(0.75, 1.35)
    shares = np.array([getattr(clutter, name) for name in CLUTTER])
    mode = list(CLUTTER.values())[int(rng.choice(len(CLUTTER), p=shares / shares.sum()))]
    pour_tries = int(rng.choice(POUR_TRIES))
    shift = rng.uniform(-1.0, 1.0, size=2)
    if support.wall_m:
        volume = sum(pile_volume_m3(model) for model in models)
        filled = volume / (4 * half[0] * half[1] * support.wall_m)
        axes = half * min(1.0, max(spread, float(np.sqrt(filled))))
        return Region(_pair(shift * (half - axes)), _pair(axes), _pair(half - WALL_GAP_M), False, pour_tries)
    limit = half - np.minimum(EDGE_MARGIN_M, 0.1 * half)
    fill = mode.fill[0] + level * (mode.fill[1] - mode.fill[0])
    area = _area_m2(sum(footprint_m2(model) for model in models), fill)
    axes = np.minimum(np.sqrt(area / np.pi) * np.array([np.sqrt(aspect), 1 / np.sqrt(aspect)]), limit)
    return Region(_pair(0.5 * shift * (limit - axes)), _pair(axes), _pair(limit), True, mode.tries)


def _area_m2(footprint: float, fill: float) -> float:
    """Of the ellipse that things with this footprint are scattered over."""
    widest = max(np.pi * SCATTER_RADIUS_M**2, footprint / max(fill, DENSEST_FILL))
    return float(min(footprint / fill, widest))


def _pair(values: F64) -> tuple[float, float]:
    return float(values[0]), float(values[1])
