"""Collision parts fitted to the mesh: nothing sinks into what carries it and nothing floats over it."""

from __future__ import annotations

import numpy as np
import pytest
from scene_things import family_source, model_of
from scipy.spatial import ConvexHull

from synthgen.config.family_ranges import FAMILIES
from synthgen.scene import collision
from synthgen.scene.collision import TOLERANCE_M, fitted_parts
from synthgen.types.arrays import F64


def reach_beyond(points: F64, of: F64) -> float:
    """How far the points reach out of the convex hull of others, metres."""
    planes = ConvexHull(of).equations
    return float((points @ planes[:, :3].T + planes[:, 3]).max())


@pytest.mark.parametrize("family", FAMILIES)
def test_parts_reach_as_far_out_as_the_mesh(family: str) -> None:
    for variant in (0, 1):
        model = model_of(family_source(family, variant))
        vertices = model.mesh.vertices.astype(np.float64)
        points = np.concatenate(fitted_parts(model))
        assert reach_beyond(vertices, points) <= TOLERANCE_M + 1e-9, "it would sink in"
        assert reach_beyond(points, vertices) <= TOLERANCE_M + 1e-9, "it would float"


@pytest.mark.parametrize("family", ["mug", "bowl", "wrench", "tape_roll", "t_slot_profile", "gadget"])
def test_open_things_stay_open(family: str) -> None:
    model = model_of(family_source(family))
    parts = fitted_parts(model)
    assert len(parts) == len(model.parts)
    for fitted, built in zip(parts, model.parts, strict=True):
        assert reach_beyond(fitted, built) < 0.0025, "a part takes up what lies beside it and no more"


def test_parts_are_fitted_once_and_the_same_again() -> None:
    model = model_of(family_source("hammer"))
    first = fitted_parts(model)
    assert fitted_parts(model) is first
    collision._fitted.pop(model)
    assert [part.tobytes() for part in fitted_parts(model)] == [part.tobytes() for part in first]
