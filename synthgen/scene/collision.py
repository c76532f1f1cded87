"""Collision parts that reach exactly as far out as the mesh, so that what rests on them neither sinks nor floats.

Parts by construction (and those of coacd) are coarser than the mesh. What lies on a table touches it with its convex
hull: there, and only there, the parts are made to agree with the mesh.
"""

from __future__ import annotations

from itertools import pairwise
from weakref import WeakKeyDictionary

import numpy as np
from scipy.spatial import ConvexHull, QhullError

from synthgen.assets.derived import Arrays, derived
from synthgen.types.arrays import F64, freeze
from synthgen.types.assets import ObjectModel

TOLERANCE_M = 0.0004  # parts may end this far inside or outside of the mesh's hull
ROUNDS = 12
PULLS = 8

_fitted: WeakKeyDictionary[ObjectModel, tuple[F64, ...]] = WeakKeyDictionary()


def fitted_parts(model: ObjectModel) -> tuple[F64, ...]:
    """The model's convex parts, each (n, 3), agreeing with its mesh's convex hull to ``TOLERANCE_M``.

    Points outside the mesh's hull are pulled back onto it. Then vertices of the mesh's hull that all parts together do
    not reach are given to the part they are nearest to, the farthest out of every facet first (as in quickhull, Barber
    et al. 1996), until none is left. The parts follow from the model alone and are kept, here and on disk.
    """
    found = _fitted.get(model)
    if found is None:
        stored = derived("collision", model.key, lambda: _packed(_fit(model)))
        found = tuple(freeze(stored["points"][first:last]) for first, last in pairwise([0, *stored["ends"].tolist()]))
        _fitted[model] = found
    return found


def _packed(parts: list[F64]) -> Arrays:
    return {"points": np.concatenate(parts), "ends": np.cumsum([len(part) for part in parts])}


def _fit(model: ObjectModel) -> list[F64]:
    vertices = model.mesh.vertices.astype(np.float64)
    try:
        hull = ConvexHull(vertices)
        parts = [_pulled_in(part, hull.equations) for part in model.parts]
        return _grown(parts, vertices[hull.vertices])
    except QhullError:  # a flat mesh has no hull: its parts were given a thickness on purpose
        return [part.copy() for part in model.parts]


def _pulled_in(part: F64, planes: F64) -> F64:
    """The points, those outside the hull of ``planes`` (k, 4) moved back along the normal they violate most."""
    points = part.copy()
    for _ in range(PULLS):
        over = points @ planes[:, :3].T + planes[:, 3]
        outside = np.flatnonzero(over.max(axis=1) > TOLERANCE_M)
        if not len(outside):
            break
        worst = over[outside].argmax(axis=1)
        points[outside] -= over[outside, worst][:, None] * planes[worst, :3]
    return points


def _grown(parts: list[F64], outer: F64) -> list[F64]:
    """The parts with those of the ``outer`` (n, 3) points that lie outside all of them together."""
    for _ in range(ROUNDS):
        together = ConvexHull(np.concatenate(parts)).equations
        over = outer @ together[:, :3].T + together[:, 3]
        facets = over.max(axis=0) > TOLERANCE_M
        if not facets.any():
            break
        farthest = np.unique(over[:, facets].argmax(axis=0))
        nearest = _nearest_part(parts, outer[farthest])
        parts = [
            np.concatenate([part, outer[farthest[nearest == number]]]) if (nearest == number).any() else part
            for number, part in enumerate(parts)
        ]
    return parts


def _nearest_part(parts: list[F64], points: F64) -> np.ndarray:
    """(n,) number of the part whose facets a point violates least."""
    planes = [ConvexHull(part).equations for part in parts]
    return np.argmin([(points @ plane[:, :3].T + plane[:, 3]).max(axis=1) for plane in planes], axis=0)
