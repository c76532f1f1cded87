"""Seeds: every random stream of a run is derived from (run_seed, stage, scene, view or -1, attempt)."""

from __future__ import annotations

import math
import zlib

import numpy as np

GOLDEN_RATIO_FRACTION = 0.6180339887


def stream(run_seed: int, stage: str, *, scene: int, view: int = -1, attempt: int = 0) -> np.random.Generator:
    """The random stream of one stage of one slot; independent of workers, order and every other slot.

    Args:
        run_seed: the pipeline's ``seed``, 0 <= seed < 2**63.
        stage: name of the stage ("scene", "camera", "sense", ...).
        scene: scene number, >= 0 (-1 for draws that belong to the whole run).
        view: view within the scene, or -1 for scene-wide draws.
        attempt: 0 for the first try, then 1, 2, ...
    """
    entropy = [run_seed, zlib.crc32(stage.encode()), scene + 1, view + 1, attempt]
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(entropy)))


def draw_seed(run_seed: int, stage: str, *, scene: int, view: int = -1, attempt: int = 0) -> int:
    """A 63-bit integer seed for code that takes a number (generators, manifests)."""
    return int(stream(run_seed, stage, scene=scene, view=view, attempt=attempt).integers(0, 2**63 - 1))


def split_of(scene: int, *, run_seed: int, splits: dict[str, float]) -> str:
    """The split of a scene: fractions applied to frac(u(seed) + scene * 0.6180339887).

    Prefix-stable (growing a dataset never moves a scene) and non-empty from about ten scenes on.
    """
    u = float(stream(run_seed, "splits", scene=-1).random())
    position = math.fmod(u + scene * GOLDEN_RATIO_FRACTION, 1.0)
    edge = 0.0
    names = [name for name, share in splits.items() if share > 0]
    for name in names:
        edge += splits[name]
        if position < edge:
            return name
    return names[-1]
