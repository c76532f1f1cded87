"""What a gadget's pieces are: a solid with convex parts and with ports that other pieces grow from.

Sizes are nominal: a whole gadget comes out some 0.1 to 0.3 m long, and is scaled at the end.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from manifold3d import CrossSection, Manifold, triangulate

from synthgen.assets.families import forms, mapping, parts
from synthgen.types.arrays import F64

PortKind = Literal["end", "side", "rim", "face"]

THINNEST_M = 0.0028  # at nominal size, about 0.15 m: no foil, no wire
BROKEN_EDGE = 0.12  # bevels and fillets, a share of the thickness


@dataclass(frozen=True, eq=False)
class Port:
    """A place where another piece may grow: point on the surface, (3,) outward direction, depth of matter, metres."""

    kind: PortKind
    at: F64
    out: F64
    depth: float


@dataclass(frozen=True, eq=False)
class Piece:
    """One primitive.

    Attributes:
        body: solid, metres.
        parts: convex parts, (n, 3) hull points each, within the body's matter but for the chords of holes.
        ports: places to grow from.
        gauge_m: thickness of its matter.
        wrap: texture mapping in the piece's own frame.
    """

    body: Manifold
    parts: list[F64]
    ports: list[Port]
    gauge_m: float
    wrap: mapping.TextureMapping


Maker = Callable[[float, float, np.random.Generator], Piece]


def thickness(size: float, low: float, high: float, stout: float, rng: np.random.Generator) -> float:
    return max(size * float(rng.uniform(low, high)) * stout, THINNEST_M)


def port(kind: PortKind, at: Sequence[float] | F64, out: Sequence[float] | F64, depth: float) -> Port:
    return Port(kind, np.array(at, dtype=np.float64), np.array(out, dtype=np.float64), float(depth))


def rim_port(radius: float, angle: float, z: float, depth: float) -> Port:
    out = np.array([math.cos(angle), math.sin(angle), 0.0])
    return port("rim", radius * out + np.array([0.0, 0.0, z]), out, depth)


def points(body: Manifold) -> F64:
    return np.array(body.to_mesh64().vert_properties[:, :3], dtype=np.float64)


def flat(outlines: list[F64], half: float, cells: list[CrossSection], ports: list[Port], gauge: float) -> Piece:
    """A bevelled prism; its convex parts are what every cell holds of it."""
    bevel = min(BROKEN_EDGE * gauge, 0.3 * half)
    levels = [(outlines, half - bevel), ([_inset(loop, bevel) for loop in outlines], half)]
    hulls = []
    for cell in cells:
        held = [(CrossSection(loops) ^ cell, z) for loops, z in levels]
        hulls.append(np.concatenate([parts.prism(loop, -z, z) for area, z in held for loop in area.to_polygons()]))
    body = bevelled_prism(outlines, half, bevel)
    return Piece(body, hulls, ports, gauge, mapping.planar)


def rectangle(low_x: float, low_y: float, high_x: float, high_y: float) -> CrossSection:
    return CrossSection([np.array([[low_x, low_y], [high_x, low_y], [high_x, high_y], [low_x, high_y]])])


def bevelled_prism(outlines: Sequence[F64], half_m: float, bevel_m: float) -> Manifold:
    """A prism from z = -half to half whose upper and lower edges are bevelled, those of holes too.

    Args:
        outlines: (n, 2) loops, counter-clockwise; holes clockwise. Fillets at convex corners exceed the bevel.
        half_m: half its height.
        bevel_m: width and height of the bevels.
    """
    loops, inner = list(outlines), [_inset(loop, bevel_m) for loop in outlines]
    flat, small, total = np.concatenate(loops), np.concatenate(inner), sum(map(len, loops))
    heights = (-half_m, bevel_m - half_m, half_m - bevel_m, half_m)
    vertices = np.concatenate(
        [np.c_[at, np.full(total, z)] for at, z in zip((small, flat, flat, small), heights, strict=True)]
    )
    lid = np.asarray(triangulate(inner), dtype=np.int64)
    triangles, first = [lid[:, ::-1], lid + 3 * total], 0
    for loop in loops:
        here = np.arange(first, first + len(loop))
        after = np.roll(here, -1)
        for layer in range(3):
            a, b, c, d = (index + layer * total for index in (here, after, after + total, here + total))
            triangles += [np.stack([a, b, c], axis=1), np.stack([a, c, d], axis=1)]
        first += len(loop)
    return forms.from_triangles(vertices, np.concatenate(triangles))


def _inset(loop: F64, by: float) -> F64:
    """The loop moved to its left (into the matter) with mitred corners."""
    along = np.roll(loop, -1, axis=0) - loop
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    left = np.stack([-along[:, 1], along[:, 0]], axis=1)
    before = np.roll(left, 1, axis=0)
    moved: F64 = loop + by * (left + before) / (1 + (left * before).sum(axis=1, keepdims=True))
    return moved
