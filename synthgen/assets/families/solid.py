"""Painted solids: manifold3d booleans that remember which piece every face came from.

A family builds plain ``Manifold`` pieces in place, paints each one (slot and texture mapping), and only then joins or
cuts them: manifold3d carries the original piece of every triangle through booleans, so that the mapping can be applied
to the final mesh. Faces left by a cutting tool belong to the tool's paint.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from manifold3d import Manifold, OpType

from synthgen.assets.families.mapping import TextureMapping
from synthgen.types.arrays import F64


@dataclass(frozen=True, eq=False)
class Skin:
    """Paint of one piece: slot index, texture mapping and the piece's own (2, 3) box, metres."""

    slot: int
    mapping: TextureMapping
    bounds: F64


@dataclass(frozen=True, eq=False)
class Solid:
    """A manifold and the paint of the pieces it was made of, by manifold3d's original id."""

    body: Manifold
    skins: Mapping[int, Skin]


def paint(body: Manifold, slot: int, mapping: TextureMapping) -> Solid:
    """A solid with one paint all over. Move the piece into place first: mappings see final coordinates."""
    original = body.as_original()
    return Solid(original, {original.original_id(): Skin(slot, mapping, bounds_of(original))})


def union(*solids: Solid) -> Solid:
    """All solids as one. Keep surfaces of different paint apart: where they coincide, either paint may show."""
    return _combine(solids, OpType.Add)


def cut(solid: Solid, *tools: Solid) -> Solid:
    """The first solid without the others; the cut faces carry the tools' paint."""
    return _combine((solid, *tools), OpType.Subtract)


def common(*solids: Solid) -> Solid:
    """What lies inside all solids."""
    return _combine(solids, OpType.Intersect)


def join(*bodies: Manifold) -> Manifold:
    """Union of unpainted pieces."""
    return Manifold.batch_boolean(list(bodies), OpType.Add)


def bounds_of(body: Manifold) -> F64:
    """(2, 3) min and max corner of a manifold's box."""
    return np.array(body.bounding_box(), dtype=np.float64).reshape(2, 3)


def _combine(solids: tuple[Solid, ...], operation: OpType) -> Solid:
    skins: dict[int, Skin] = {}
    for solid in solids:
        skins.update(solid.skins)
    return Solid(Manifold.batch_boolean([solid.body for solid in solids], operation), skins)
