"""Gadgets: unknown objects. Random assemblies of two to six pieces, most of them slim, concave or with holes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from manifold3d import Manifold

from synthgen.assets.families import gadget_bars as bars
from synthgen.assets.families import gadget_plates as plates
from synthgen.assets.families import mapping, symmetry
from synthgen.assets.families.gadget_pieces import Maker, Piece, Port, PortKind
from synthgen.assets.families.shape import Shape, finish
from synthgen.assets.families.solid import Skin, Solid, bounds_of
from synthgen.types.arrays import F64
from synthgen.types.assets import MaterialSlot

NOMINAL_M = 0.1
MOST_PARTS = 24
ATTEMPTS = 8  # whole gadgets
TRIES = 10  # places for one piece
MOST_SHARED = 0.4  # of a piece's volume inside the others: more, and it would hardly be seen
LEAST_SHARED = 0.1  # of the cube of the thinner gauge: less, and it would hang by a thread
LOPSIDED = 0.04  # of the longest side: how far every half turn must miss the hull

MAKERS: dict[str, tuple[Maker, float]] = {  # and how often it is drawn when pieces grow freely
    "rod": (bars.rod, 2.2), "block": (bars.block, 0.9), "cone": (bars.cone, 0.7), "disc": (bars.disc, 0.7),
    "ring": (bars.ring, 1.8), "tube": (bars.tube, 0.9), "arc": (bars.arc, 1.3), "hook": (bars.hook, 1.3),
    "plate": (plates.plate, 1.4), "frame": (plates.frame, 0.9), "fork": (plates.fork, 1.2),
    "blade": (plates.blade, 1.2), "cap": (bars.cap, 0.6),
}  # fmt: skip


@dataclass(frozen=True)
class Step:
    """A piece of a plan: what, on which earlier piece, from which kind of port to which, its size over the first's."""

    kind: str
    on: int = 0
    there: PortKind = "end"
    here: PortKind = "end"
    size: tuple[float, float] = (0.3, 0.6)


# Arrangements that tools and fittings have; a gadget follows one as far as it has pieces, then grows freely.
PLANS: tuple[tuple[Step, ...], ...] = (
    (Step("rod"), Step("block", 0, "end", "side", (0.3, 0.5)), Step("cone", 1, "end", "end", (0.2, 0.4))),
    (Step("rod"), Step("cone", 0, "end", "end", (0.25, 0.45)), Step("fork", 0, "end", "end", (0.3, 0.5))),
    (Step("rod"), Step("disc", 0, "end", "face", (0.3, 0.6)), Step("ring", 0, "end", "rim", (0.25, 0.5))),
    (Step("rod"), Step("tube", 0, "end", "rim", (0.25, 0.5)), Step("rod", 0, "side", "end", (0.3, 0.7))),
    (Step("rod"), Step("rod", 0, "side", "side", (0.5, 1.0)), Step("ring", 1, "end", "rim", (0.3, 0.5))),
    (Step("cap"), Step("rod", 0, "rim", "end", (0.9, 1.6)), Step("ring", 1, "end", "rim", (0.2, 0.4))),
    (Step("ring"), Step("rod", 0, "rim", "end", (0.9, 1.8)), Step("fork", 1, "end", "end", (0.4, 0.7))),
    (Step("ring"), Step("blade", 0, "rim", "end", (1.0, 2.0)), Step("block", 1, "side", "end", (0.2, 0.4))),
    (Step("ring"), Step("hook", 0, "rim", "end", (0.7, 1.4)), Step("disc", 1, "end", "face", (0.3, 0.6))),
    (Step("blade"), Step("blade", 0, "face", "face", (0.7, 1.1)), Step("ring", 0, "end", "rim", (0.25, 0.4)),
     Step("ring", 1, "end", "rim", (0.25, 0.4))),
    (Step("blade"), Step("ring", 0, "end", "rim", (0.25, 0.45)), Step("fork", 0, "end", "end", (0.3, 0.5))),
    (Step("plate"), Step("plate", 0, "face", "rim", (0.5, 1.0)), Step("tube", 0, "rim", "rim", (0.2, 0.5))),
    (Step("plate"), Step("hook", 0, "rim", "end", (0.6, 1.2)), Step("rod", 0, "face", "end", (0.3, 0.6))),
    (Step("arc"), Step("rod", 0, "end", "end", (0.5, 1.0)), Step("disc", 1, "end", "face", (0.2, 0.4)),
     Step("rod", 0, "rim", "end", (0.5, 1.2))),
    (Step("tube"), Step("arc", 0, "rim", "end", (0.6, 1.0)), Step("tube", 0, "rim", "rim", (0.4, 0.7))),
    (Step("frame"), Step("rod", 0, "rim", "end", (0.6, 1.3)), Step("block", 1, "end", "side", (0.2, 0.4))),
)  # fmt: skip
PLANNED = 0.6  # share of gadgets that follow a plan

# One row is drawn; its pieces are finished in one to four of its finishes.
FINISHES: tuple[tuple[str, ...], ...] = (
    ("plastic_matte", "plastic_glossy", "cap_plastic", "rubber"),
    ("painted_metal", "cap_plastic", "brushed_steel", "plastic_matte"),
    ("brushed_steel", "brass", "plastic_matte", "black_oxide"),
    ("polished_steel", "plastic_glossy", "rubber", "zinc"),
    ("wood", "brushed_steel", "painted_metal", "brass"),
    ("zinc", "painted_metal", "plastic_matte", "cast_iron"),
    ("anodised_aluminium", "aluminium", "plastic_matte", "cap_plastic"),
    ("ceramic", "wood", "plastic_glossy", "aluminium"),
)


@dataclass(frozen=True, eq=False)
class Placed:
    """A piece in the gadget's frame: its (4, 4) pose and its moved body."""

    piece: Piece
    pose: F64
    body: Manifold
    size: float


def gadget(*, form: float, extent_m: float, pieces: float, stoutness: float) -> Shape:
    """A random rigid assembly of ``pieces`` primitives (rarely fewer, where no place is left for another).

    ``form`` is its seed, ``extent_m`` the longest side of its box, ``stoutness`` the factor on the thickness of its
    matter. It has no symmetry: assemblies that might look alike after a turn are drawn again.
    """
    rng = np.random.default_rng(round(form))
    for _ in range(ATTEMPTS):
        grown, whole = _grow(round(pieces), stoutness, rng)
        if len(grown) > 1 and _lopsided(whole):
            break
    slots, of_piece = _materials(len(grown), rng)
    longest = float(np.ptp(bounds_of(whole), axis=0).max())
    scale = extent_m / longest
    skins = {
        placed.body.original_id(): Skin(slot, _within(placed, scale), _uv_box(placed.piece, 0.5 * longest))
        for placed, slot in zip(grown, of_piece, strict=True)
    }
    hulls = [
        (part @ placed.pose[:3, :3].T + placed.pose[:3, 3]) * scale for placed in grown for part in placed.piece.parts
    ]
    return finish(Solid(whole.scale((scale, scale, scale)), skins), slots=slots, parts=hulls)


def _grow(count: int, stout: float, rng: np.random.Generator) -> tuple[list[Placed], Manifold]:
    """Up to ``count`` pieces, each grown out of an earlier one, and their union."""
    kinds, weights = list(MAKERS), np.array([weight for _, weight in MAKERS.values()])
    plan = PLANS[int(rng.integers(len(PLANS)))] if rng.random() < PLANNED else ()
    first = plan[0].kind if plan else str(rng.choice(kinds, p=weights / weights.sum()))
    size = NOMINAL_M * rng.uniform(0.8, 1.2)
    piece = MAKERS[first][0](size, stout, rng)
    grown = [Placed(piece, np.eye(4), piece.body.as_original(), size)]
    whole = grown[0].body
    while len(grown) < count:
        for attempt in range(TRIES):
            step = plan[len(grown)] if len(grown) < len(plan) and attempt < TRIES // 2 else None
            kind = step.kind if step else str(rng.choice(kinds, p=weights / weights.sum()))
            size = grown[0].size * float(rng.uniform(*(step.size if step else (0.3, 1.0))))
            piece = MAKERS[kind][0](size, stout, rng)
            parent = grown[step.on if step else int(rng.integers(len(grown)))]
            there = _pick(parent.piece.ports, step.there if step else None, rng)
            here = _pick(piece.ports, step.here if step else None, rng)
            pose = parent.pose @ _joint(there, here, rng)
            placed = Placed(piece, pose, piece.body.transform(pose[:3]).as_original(), size)
            joined = whole + placed.body
            parts = sum(len(other.piece.parts) for other in (*grown, placed))
            room = MOST_PARTS - parts >= count - len(grown) - 1
            if room and _holds(whole, placed, joined, min(piece.gauge_m, parent.piece.gauge_m)):
                grown, whole = [*grown, placed], joined
                break
        else:
            break
    return grown, whole


def _pick(ports: Sequence[Port], kind: PortKind | None, rng: np.random.Generator) -> Port:
    allowed = [port for port in ports if kind in (None, port.kind)]
    return allowed[int(rng.integers(len(allowed)))]


def _joint(there: Port, here: Port, rng: np.random.Generator) -> F64:
    """(4, 4) pose of a piece in its parent's frame: ``here`` lies on ``there``, a little sunk in."""
    sink = min(there.depth, here.depth) * rng.uniform(0.75, 1.0)
    roll = 0.5 * np.pi * rng.integers(4) if rng.random() < 0.55 else rng.uniform(0, 2 * np.pi)
    tilt = 0.0 if rng.random() < 0.65 else rng.uniform(-0.6, 0.6)
    pose = symmetry.rotation(there.out, float(roll)) @ _turn(here.out, -there.out)
    across = np.cross(there.out, np.eye(3)[np.abs(there.out).argmin()])
    pose = symmetry.rotation(across / np.linalg.norm(across), float(tilt)) @ pose
    pose[:3, 3] = there.at - sink * there.out - pose[:3, :3] @ here.at
    return pose


def _turn(start: F64, end: F64) -> F64:
    """(4, 4) shortest rotation that carries one unit vector onto another."""
    axis = np.cross(start, end)
    size = float(np.linalg.norm(axis))
    if size < 1e-9:
        axis, size = np.cross(start, np.eye(3)[np.abs(start).argmin()]), 0.0
    return symmetry.rotation(axis / np.linalg.norm(axis), float(np.arctan2(size, start @ end)))


def _holds(whole: Manifold, placed: Placed, joined: Manifold, gauge_m: float) -> bool:
    """Whether a piece is fused with the rest well enough, not hidden in it, and closes no hollow off."""
    before, own = whole.volume(), placed.body.volume()
    shared = before + own - joined.volume()
    fused = LEAST_SHARED * gauge_m**3 < shared < MOST_SHARED * min(before, own)
    return fused and len(joined.decompose()) == 1


def _lopsided(whole: Manifold) -> bool:
    """Whether a solid has surely no rotational symmetry: its principal moments differ (a three-fold or higher axis
    would make two of them equal), and every half turn about a principal axis changes its hull."""
    mesh = whole.to_mesh64()
    corners = np.asarray(mesh.vert_properties)[:, :3][np.asarray(mesh.tri_verts, dtype=np.int64)]
    volumes = (corners[:, 0] * np.cross(corners[:, 1], corners[:, 2])).sum(axis=1) / 6
    total = corners.sum(axis=1)
    centre = (volumes @ total) / (4 * volumes.sum())
    corners, total = corners - centre, total - 3 * centre
    second = np.einsum("f,fki,fkj->ij", volumes, corners, corners) + np.einsum("f,fi,fj->ij", volumes, total, total)
    spread, axes = np.linalg.eigh(second / (20 * volumes.sum()))
    if min(spread[1] / spread[0], spread[2] / spread[1]) < 1.06:
        return False
    points = (np.asarray(whole.hull().to_mesh64().vert_properties)[:, :3] - centre) @ axes
    longest = float(np.ptp(points, axis=0).max())
    reach = (points @ DIRECTIONS.T).max(axis=0)
    turned = [(points @ (DIRECTIONS * sign).T).max(axis=0) for sign in ((1, -1, -1), (-1, 1, -1), (-1, -1, 1))]
    return all(np.abs(reach - other).max() > LOPSIDED * longest for other in turned)


def _directions(count: int) -> F64:
    """(count, 3) unit vectors all over the sphere (a Fibonacci spiral)."""
    z = 1 - (2 * np.arange(count) + 1) / count
    angle = np.arange(count) * np.pi * (3 - np.sqrt(5.0))
    flat = np.sqrt(1 - z * z)
    return np.stack([flat * np.cos(angle), flat * np.sin(angle), z], axis=1)


DIRECTIONS = _directions(64)


def _materials(count: int, rng: np.random.Generator) -> tuple[list[MaterialSlot], list[int]]:
    """The slots of a gadget of ``count`` pieces, and the slot of every piece; all slots are used."""
    row = FINISHES[int(rng.integers(len(FINISHES)))]
    used = min(count, int(rng.choice([1, 2, 3, 4], p=[0.25, 0.4, 0.25, 0.1])))
    slots = [MaterialSlot(row[index], row[index]) for index in rng.permutation(len(row))[:used]]
    of_piece = [*range(used), *rng.integers(0, used, count - used).tolist()]
    return slots, [of_piece[index] for index in rng.permutation(count)]


def _uv_box(piece: Piece, reach: float) -> F64:
    """The (2, 3) box a piece is mapped in; flat mappings share one scale unless the piece exceeds ``reach``."""
    own = bounds_of(piece.body)
    return np.stack([own[0], np.maximum(own[1], own[0] + reach)]) if piece.wrap is mapping.planar else own


def _within(placed: Placed, scale: float) -> mapping.TextureMapping:
    """The mapping of a piece that was made at the origin, then posed and scaled."""
    wrap, turn, shift = placed.piece.wrap, placed.pose[:3, :3], placed.pose[:3, 3]

    def mapped(corners: F64, normals: F64, bounds: F64) -> F64:
        return wrap((corners / scale - shift) @ turn, normals @ turn, bounds)

    return mapped
