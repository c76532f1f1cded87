"""Start poses: where each thing hangs before it is let go: clear of everything else, low, scattered as people do.

World frame: z up, support surface z = 0. Each thing is bounded by the box of its turned collision points; it starts a
few millimetres above the support or above what lies below it ("stacked drop").
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from synthgen.scene.collision import fitted_parts
from synthgen.types.arrays import F64
from synthgen.types.assets import ObjectModel
from synthgen.types.catalog import Up

CLEARANCE_M = 0.003
ORIENTATION_TRIES = 12
UP_AXES: dict[Up, tuple[float, float, float]] = {"x": (1.0, 0.0, 0.0), "y": (0.0, 1.0, 0.0), "z": (0.0, 0.0, 1.0)}


@dataclass(frozen=True, eq=False)
class Region:
    """Where things are let go.

    Attributes:
        centre_m: world (x, y).
        half_size_m: half axes of the rectangle or ellipse that bounds the things' centres.
        limit_half_m: half edge lengths of the rectangle around the origin that no thing's box may leave.
        ellipse: scattered on an ellipse (table) or over the whole rectangle (tote).
        tries: places tried per thing, of which the lowest is taken: 1 gives a heap, many give a scatter.
    """

    centre_m: tuple[float, float]
    half_size_m: tuple[float, float]
    limit_half_m: tuple[float, float]
    ellipse: bool
    tries: int


@dataclass(frozen=True, eq=False)
class Thing:
    """A model and whether it starts upright (``up`` axis to the ceiling) or in any orientation."""

    model: ObjectModel
    up: Up
    upright: bool


def start_poses(
    things: tuple[Thing, ...], region: Region, obstacles: tuple[F64, ...], *, rng: np.random.Generator
) -> F64:
    """(N, 4, 4) world_from_object, in the order of ``things``; the largest things are given their places first.

    Args:
        obstacles: convex parts in the world frame, each (n, 3), that the start boxes must clear.
    """
    boxes = [(part.min(axis=0), part.max(axis=0)) for part in obstacles]
    taken = np.array([[*low, *high] for low, high in boxes]).reshape(-1, 6)
    poses = np.tile(np.eye(4), (len(things), 1, 1))
    sizes = [float(np.prod(np.sort(thing.model.extent_m)[1:])) for thing in things]
    for index in sorted(range(len(things)), key=lambda i: (-sizes[i], i)):
        rotation, low, high = _orientation(things[index], region.limit_half_m, rng=rng)
        spot, floor_z = _lowest_spot(low, high, region, taken, rng=rng)
        position = np.array([spot[0], spot[1], floor_z + CLEARANCE_M - low[2]])
        poses[index, :3, :3], poses[index, :3, 3] = rotation, position
        taken = np.vstack([taken, np.concatenate([low + position, high + position])])
    return poses


def _orientation(thing: Thing, limit_half_m: tuple[float, float], *, rng: np.random.Generator) -> tuple[F64, F64, F64]:
    """Rotation and the box (low, high) of the turned parts; of the tries the first whose box fits the support."""
    points = np.concatenate(fitted_parts(thing.model))
    best: tuple[float, F64, F64, F64] | None = None
    for _ in range(ORIENTATION_TRIES):
        rotation = _rotation(thing, rng=rng)
        turned = points @ rotation.T
        low, high = turned.min(axis=0), turned.max(axis=0)
        excess = float(np.maximum(high[:2] - low[:2] - 2 * np.array(limit_half_m), 0.0).sum())
        if best is None or excess < best[0]:
            best = (excess, rotation, low, high)
        if excess <= 0:
            break
    assert best is not None
    return best[1:]


def _rotation(thing: Thing, *, rng: np.random.Generator) -> F64:
    quaternion = rng.normal(size=4)  # normalised Gaussians are uniform over rotations (Muller 1959)
    yaw = rng.uniform(0.0, 2 * np.pi)
    if not thing.upright or thing.up == "any":
        return Rotation.from_quat(quaternion / np.sqrt((quaternion**2).sum())).as_matrix()
    to_ceiling = Rotation.align_vectors([[0.0, 0.0, 1.0]], [UP_AXES[thing.up]])[0]
    return (Rotation.from_euler("z", yaw) * to_ceiling).as_matrix()


def _lowest_spot(low: F64, high: F64, region: Region, taken: F64, *, rng: np.random.Generator) -> tuple[F64, float]:
    """Of ``region.tries`` random spots the one where the box low..high comes to hang lowest, and the z under it."""
    draws = rng.uniform(-1.0, 1.0, size=(region.tries, 2))
    if region.ellipse:
        radius, angle = np.sqrt((draws[:, 0] + 1) / 2), np.pi * draws[:, 1]
        draws = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    spots = np.array(region.centre_m) + draws * np.array(region.half_size_m)
    limit = np.array(region.limit_half_m)
    spots = np.clip(spots, np.minimum(-limit - low[:2], 0.0), np.maximum(limit - high[:2], 0.0))
    heights = [_resting_height(spot, low, high, taken) for spot in spots]
    best = int(np.argmin(heights))
    return spots[best], heights[best]


def _resting_height(spot: F64, low: F64, high: F64, taken: F64) -> float:
    """The lowest z >= 0 at which the box fits between the taken boxes that it overlaps in plan."""
    if not len(taken):
        return 0.0
    inside = (taken[:, :2] < spot + high[:2]).all(axis=1) & (taken[:, 3:5] > spot + low[:2]).all(axis=1)
    below = taken[inside]
    height = float(high[2] - low[2]) + 2 * CLEARANCE_M
    z = 0.0
    for bottom, top in sorted((float(box[2]), float(box[5])) for box in below):
        if bottom < z + height:
            z = max(z, top)
    return z
