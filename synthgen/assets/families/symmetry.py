"""Geometric symmetries of centred shapes, in BOP's models_info convention (discrete transforms, continuous axes).

They describe the shape, not what is printed on it: a can with a label keeps its continuous axis, as in BOP.
"""

from __future__ import annotations

import numpy as np

from synthgen.types.arrays import F64
from synthgen.types.assets import Symmetries

X, Y, Z = np.eye(3)


def rotation(axis: F64, angle_rad: float) -> F64:
    """(4, 4) turn about a unit axis through the origin (Rodrigues)."""
    x, y, z = axis
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    result = np.eye(4)
    result[:3, :3] += np.sin(angle_rad) * cross + (1 - np.cos(angle_rad)) * cross @ cross
    result[np.abs(result) < 1e-15] = 0.0
    return result


def turns(count: int, axis: F64 = Z) -> list[F64]:
    """The count - 1 turns of a count-fold axis, without the identity."""
    return [rotation(axis, 2 * np.pi * k / count) for k in range(1, count)]


def dihedral(count: int, *, flip: F64 = X, axis: F64 = Z) -> Symmetries:
    """A count-fold axis and half turns across it (count = 2: the three half turns of a plain box)."""
    about = [np.eye(4), *turns(count, axis)]
    over = rotation(flip, np.pi)
    return discrete([*about[1:], *(turn @ over for turn in about)])


def discrete(transforms: list[F64]) -> Symmetries:
    """Discrete symmetries only."""
    return Symmetries(np.array(transforms).reshape(-1, 4, 4), np.zeros((0, 3)), np.zeros((0, 3)))


def continuous(*, flip: bool = False) -> Symmetries:
    """A body of revolution about z; ``flip``: it also looks the same upside down."""
    transforms = [rotation(X, np.pi)] if flip else []
    return Symmetries(np.array(transforms).reshape(-1, 4, 4), Z[None, :].copy(), np.zeros((1, 3)))


def block(size_x: float, size_y: float, size_z: float) -> Symmetries:
    """A plain box: half turns, and quarter turns about an axis whose cross-section is square (within 0.1 mm)."""
    x, y, z = (np.abs(np.subtract(*pair)) < 1e-4 for pair in ((size_y, size_z), (size_x, size_z), (size_x, size_y)))
    quarter = [axis for axis, square in ((X, x), (Y, y), (Z, z)) if square]
    generators = [rotation(axis, np.pi) for axis in (X, Y, Z)] + [rotation(axis, np.pi / 2) for axis in quarter]
    group = [np.eye(4)]
    for element in group:
        for generator in generators:
            candidate = np.round(element @ generator, 12)
            if not any(np.allclose(candidate, known) for known in group):
                group.append(candidate)
    return discrete(group[1:])
