"""Occluders: gantry beams, cables and boards that hang between cameras and objects; not settled, without a label."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.optimize import linprog
from scipy.spatial import ConvexHull

from synthgen.scene.bodies import placed_parts
from synthgen.scene.cast import ModelStore
from synthgen.types.arrays import F64
from synthgen.types.catalog import FamilySource

HEIGHT_M = (0.25, 0.5)  # of their lowest point above the support
OBJECT_CLEARANCE_M = 0.03
OBSTACLE_CLEARANCE_M = 0.01  # of the user's fixtures and a tote's walls
OFFSET_M = 0.25  # sideways from the objects' middle
TRIES = 12


def _beam(rng: np.random.Generator) -> FamilySource:
    length, width = _pick(rng, 1.2, 2.0, 0.2), _pick(rng, 0.02, 0.06, 0.01)
    return FamilySource("beam", (("length", length), ("width", width)))


def _cable(rng: np.random.Generator) -> FamilySource:
    length, diameter = _pick(rng, 1.2, 1.8, 0.2), _pick(rng, 0.006, 0.014, 0.002)
    sag, seed = _pick(rng, 0.02, 0.06, 0.01), float(rng.integers(16))
    return FamilySource("cable", (("diameter", diameter), ("length", length), ("sag", sag), ("seed", seed)))


def _panel(rng: np.random.Generator) -> FamilySource:
    width, height = _pick(rng, 0.15, 0.35, 0.05), _pick(rng, 0.1, 0.25, 0.05)
    return FamilySource("panel", (("height", height), ("thickness", 0.008), ("width", width)))


# Sizes come in steps, so that a worker's store builds each shape once.
OCCLUDERS: tuple[tuple[float, Callable[[np.random.Generator], FamilySource]], ...] = (
    (0.4, _beam),
    (0.4, _cable),
    (0.2, _panel),
)


def draw_occluder(
    store: ModelStore, obstacles: tuple[F64, ...], *, middle_m: F64, top_m: float, rng: np.random.Generator
) -> tuple[FamilySource, F64] | None:
    """One occluder near ``middle_m`` (world x, y) that clears everything up to ``top_m``, and its world_from_object.

    None if ``TRIES`` of them all met the ``obstacles`` (convex parts in the world frame, each (n, 3)): where the user's
    cell leaves no room, none hangs.
    """
    weights = np.array([weight for weight, _ in OCCLUDERS])
    for _ in range(TRIES):
        _, build = OCCLUDERS[int(rng.choice(len(OCCLUDERS), p=weights / weights.sum()))]
        source = build(rng)
        lowest = max(float(rng.uniform(*HEIGHT_M)), top_m + OBJECT_CLEARANCE_M)
        yaw = float(rng.uniform(0.0, 2 * np.pi))
        offset = rng.uniform(-OFFSET_M, OFFSET_M, size=2)
        pose = np.eye(4)
        pose[:2, :2] = [[np.cos(yaw), -np.sin(yaw)], [np.sin(yaw), np.cos(yaw)]]
        pose[:2, 3] = middle_m + offset
        model = store.model(source)
        pose[2, 3] = lowest - float(model.bounds_m[0, 2])
        parts = placed_parts(model, pose)
        if not any(_meet(part, obstacle) for part in parts for obstacle in obstacles):
            return source, pose
    return None


def _meet(first: F64, second: F64) -> bool:
    """Whether two convex parts, (n, 3) and (m, 3) points, come nearer than ``OBSTACLE_CLEARANCE_M`` to each other.

    Boxes first; then a linear programme looks for a point in both hulls.
    """
    gap = np.maximum(first.min(axis=0) - second.max(axis=0), second.min(axis=0) - first.max(axis=0))
    if gap.max() > OBSTACLE_CLEARANCE_M:
        return False
    one, two = ConvexHull(first).equations, ConvexHull(second).equations
    normals = np.concatenate([one[:, :3], two[:, :3]])
    bounds = np.concatenate([OBSTACLE_CLEARANCE_M - one[:, 3], -two[:, 3]])
    found = linprog(np.zeros(3), A_ub=normals, b_ub=bounds, bounds=(None, None), method="highs")
    return bool(found.status == 0)


def _pick(rng: np.random.Generator, low: float, high: float, step: float) -> float:
    """One of low, low + step, ..., high."""
    return round(low + step * int(rng.integers(0, round((high - low) / step), endpoint=True)), 6)
