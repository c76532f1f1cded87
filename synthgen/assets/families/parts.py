"""Convex collision parts by construction: each part is an (n, 3) float64 array of hull points, metres."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from synthgen.types.arrays import F64

Profile = Sequence[tuple[float, float]]


def box(low: Sequence[float], high: Sequence[float]) -> F64:
    """The eight corners of an axis-aligned box."""
    return np.array([[(low, high)[bit >> axis & 1][axis] for axis in range(3)] for bit in range(8)], dtype=np.float64)


def bevelled_box(low: Sequence[float], high: Sequence[float], bevel_m: float) -> F64:
    """A box whose edges are cut off ``bevel_m`` from each side: lies inside one rounded by that radius, (24, 3)."""
    lower, upper = np.array(low, dtype=np.float64), np.array(high, dtype=np.float64)
    points = []
    for axis in range(3):
        inset = np.full(3, min(bevel_m, 0.49 * float((upper - lower).min())))
        inset[axis] = 0.0
        points.append(box(lower + inset, upper - inset))
    return np.concatenate(points)


def prism(outline: F64, z_low: float, z_high: float) -> F64:
    """(n, 2) outline at two heights."""
    return np.concatenate([np.c_[outline, np.full(len(outline), z)] for z in (z_low, z_high)])


def round_solid(profile: Profile, *, count: int = 24) -> F64:
    """A convex body of revolution about z through (radius, z) rings."""
    angle = np.linspace(0.0, 2 * np.pi, count, endpoint=False)
    return np.concatenate([np.c_[r * np.cos(angle), r * np.sin(angle), np.full(count, z)] for r, z in profile])


def wedges(profile: Profile, count: int, *, start_rad: float = 0.0, corners: int = 3) -> list[F64]:
    """A ring about z, cut into ``count`` wedges; ``profile`` = (radius, z) corners of its cross-section.

    Between two corners of a wedge the hull cuts the inner circle's arc by its chord: a hole of radius r shrinks to
    r cos(pi / count) at worst.
    """
    step = 2 * np.pi / count
    result = []
    for index in range(count):
        angle = start_rad + index * step + np.linspace(0.0, step, corners)
        result.append(np.concatenate([np.c_[r * np.cos(angle), r * np.sin(angle), np.full(corners, z)]
                                      for r, z in profile]))  # fmt: skip
    return result


def segments(rings: F64, count: int) -> list[F64]:
    """A lofted body, (K, M, 3), cut along its length into ``count`` hulls."""
    edges = np.linspace(0, len(rings) - 1, count + 1).round().astype(int)
    return [rings[a : b + 1].reshape(-1, 3) for a, b in itertools.pairwise(edges) if b > a]


def moved(parts: Sequence[F64], transform: F64) -> list[F64]:
    """Parts carried by a (4, 4) rigid transform."""
    return [part @ transform[:3, :3].T + transform[:3, 3] for part in parts]
