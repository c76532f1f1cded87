"""Occluders: gantry beams, cables and boards that hang between cameras and objects; not settled, without a label."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from synthgen.scene.cast import ModelStore
from synthgen.types.arrays import F64
from synthgen.types.catalog import FamilySource

HEIGHT_M = (0.25, 0.5)  # of their lowest point above the support
OBJECT_CLEARANCE_M = 0.03
OFFSET_M = 0.25  # sideways from the objects' middle


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
    store: ModelStore, *, middle_m: F64, top_m: float, rng: np.random.Generator
) -> tuple[FamilySource, F64]:
    """One occluder near ``middle_m`` (world x, y) that clears everything up to ``top_m``, and its world_from_object."""
    weights = np.array([weight for weight, _ in OCCLUDERS])
    _, build = OCCLUDERS[int(rng.choice(len(OCCLUDERS), p=weights / weights.sum()))]
    source = build(rng)
    lowest = max(float(rng.uniform(*HEIGHT_M)), top_m + OBJECT_CLEARANCE_M)
    yaw = float(rng.uniform(0.0, 2 * np.pi))
    offset = rng.uniform(-OFFSET_M, OFFSET_M, size=2)
    pose = np.eye(4)
    pose[:2, :2] = [[np.cos(yaw), -np.sin(yaw)], [np.sin(yaw), np.cos(yaw)]]
    pose[:2, 3] = middle_m + offset
    pose[2, 3] = lowest - float(store.model(source).bounds_m[0, 2])
    return source, pose


def _pick(rng: np.random.Generator, low: float, high: float, step: float) -> float:
    """One of low, low + step, ..., high."""
    return round(low + step * int(rng.integers(0, round((high - low) / step), endpoint=True)), 6)
