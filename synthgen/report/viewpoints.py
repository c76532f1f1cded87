"""Directions on the sphere, in cells about 15 degrees wide, and the Mollweide map they are drawn on.

The cells are rings of equal height in elevation, each cut into so many parts that all cells have nearly the same area
(as in Snyder, "Map Projections: A Working Manual", 1987, the map itself is his equations 31-1 to 31-4).
"""

from __future__ import annotations

import math

import numpy as np

from synthgen.types.arrays import F64, I64

BAND_DEG = 15.0
BANDS = round(180 / BAND_DEG)


def _parts(band: int) -> int:
    middle = math.radians(-90 + BAND_DEG * (band + 0.5))
    return max(3, round(360 / BAND_DEG * math.cos(middle)))


PARTS = tuple(_parts(band) for band in range(BANDS))
FIRST = tuple(sum(PARTS[:band]) for band in range(BANDS))
CELLS = sum(PARTS)


def camera_directions(camera_from_object: F64) -> F64:
    """(N, 4, 4) poses -> (N, 2) azimuth and elevation in radians of the camera's centre, seen from the object's origin.

    Object frame: azimuth counter-clockwise from +x about +z in [-pi, pi], elevation towards +z in [-pi/2, pi/2].
    """
    rotation, translation = camera_from_object[:, :3, :3], camera_from_object[:, :3, 3]
    centre = -np.einsum("nji,nj->ni", rotation, translation)
    azimuth = np.arctan2(centre[:, 1], centre[:, 0])
    elevation = np.arctan2(centre[:, 2], np.hypot(centre[:, 0], centre[:, 1]))
    return np.stack([azimuth, elevation], axis=1)


def cell_of(directions: F64) -> I64:
    """(N, 2) azimuth and elevation in radians -> (N,) cell index, lowest ring first, counter-clockwise from -pi."""
    band = np.clip(((np.degrees(directions[:, 1]) + 90) / BAND_DEG).astype(np.int64), 0, BANDS - 1)
    parts = np.array(PARTS)[band]
    turn = (directions[:, 0] + math.pi) / (2 * math.pi)
    return np.array(FIRST)[band] + np.clip((turn * parts).astype(np.int64), 0, parts - 1)


def cell_areas() -> F64:
    """(CELLS,) share of the sphere's area per cell; sums to 1."""
    edges = np.sin(np.radians(-90 + BAND_DEG * np.arange(BANDS + 1)))
    return np.concatenate([np.full(PARTS[b], (edges[b + 1] - edges[b]) / 2 / PARTS[b]) for b in range(BANDS)])


def expected_cells(directions: int) -> float:
    """How many cells that many directions, even at random over the sphere, hit on average."""
    return float((1 - (1 - cell_areas()) ** directions).sum())


def mollweide(azimuth: float, elevation: float) -> tuple[float, float]:
    """Radians -> map: x in [-2, 2] with azimuth, y in [-1, 1] upwards (Snyder 31-1 to 31-4, R = 1/sqrt 2)."""
    theta = elevation
    for _ in range(50):
        slope = 2 + 2 * math.cos(2 * theta)
        if slope < 1e-12:
            break
        step = (2 * theta + math.sin(2 * theta) - math.pi * math.sin(elevation)) / slope
        theta -= step
        if abs(step) < 1e-9:
            break
    theta = min(max(theta, -math.pi / 2), math.pi / 2)
    return 2 / math.pi * azimuth * math.cos(theta), math.sin(theta)


def cell_outline(cell: int, *, steps: int = 3) -> list[tuple[float, float]]:
    """Corners of one cell on the Mollweide map, its curved sides cut into ``steps`` pieces."""
    band = max(b for b in range(BANDS) if FIRST[b] <= cell)
    part = cell - FIRST[band]
    west, east = (-math.pi + 2 * math.pi * (part + side) / PARTS[band] for side in (0, 1))
    low, high = (math.radians(-90 + BAND_DEG * (band + side)) for side in (0, 1))
    rise = [low + (high - low) * i / steps for i in range(steps + 1)]
    return [mollweide(east, y) for y in rise] + [mollweide(west, y) for y in reversed(rise)]
