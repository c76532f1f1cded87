"""What a family builder returns, and the step that turns a painted solid into it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from synthgen.assets.families.solid import Solid
from synthgen.types.arrays import F64, I32
from synthgen.types.assets import MaterialSlot, Symmetries


@dataclass(frozen=True, eq=False)
class Shape:
    """A built object in its object frame: box centre at the origin, z up, metres.

    Attributes:
        vertices: (V, 3) float64, shared between faces (watertight).
        faces: (F, 3) int32, counter-clockwise seen from outside.
        corner_uvs: (F, 3, 2) float64 in [0, 1] for objects, metres for supports; v runs down.
        face_slot: (F,) int32 index into ``slots``.
        slots: material slots.
        parts: convex collision parts, (n, 3) float64 hull points each.
        symmetries: geometric symmetries (of the shape, whatever is printed on it), as BOP lists them.
        volume_m3: enclosed volume.
    """

    vertices: F64
    faces: I32
    corner_uvs: F64
    face_slot: I32
    slots: tuple[MaterialSlot, ...]
    parts: tuple[F64, ...]
    symmetries: Symmetries
    volume_m3: float


def finish(
    solid: Solid, *, slots: Sequence[MaterialSlot], parts: Sequence[F64], symmetries: Symmetries | None = None
) -> Shape:
    """Reads the mesh out of a painted solid, maps its texture coordinates and moves the box centre to the origin.

    Args:
        solid: painted solid, metres.
        slots: material slots; the solid's skins index into them.
        parts: convex parts in the solid's own frame.
        symmetries: in the centred frame; None = none.
    """
    mesh = solid.body.to_mesh64()
    vertices = np.array(mesh.vert_properties[:, :3], dtype=np.float64)
    faces = np.array(mesh.tri_verts, dtype=np.int32)
    face_slot = np.zeros(len(faces), dtype=np.int32)
    uvs = np.zeros((len(faces), 3, 2))
    corners = vertices[faces]
    normals = _unit(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]))
    edges = np.array(mesh.run_index, dtype=np.int64) // 3
    for first, last, origin in zip(edges[:-1], edges[1:], mesh.run_original_id, strict=True):
        skin = solid.skins[int(origin)]
        face_slot[first:last] = skin.slot
        uvs[first:last] = skin.mapping(corners[first:last], normals[first:last], skin.bounds)
    centre = 0.5 * (vertices.min(axis=0) + vertices.max(axis=0))
    return Shape(
        vertices=vertices - centre,
        faces=faces,
        corner_uvs=uvs,
        face_slot=face_slot,
        slots=tuple(slots),
        parts=tuple(np.asarray(part, dtype=np.float64) - centre for part in parts),
        symmetries=symmetries or Symmetries.none(),
        volume_m3=float(solid.body.volume()),
    )


def _unit(vectors: F64) -> F64:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: F64 = vectors / np.where(length > 0, length, 1.0)
    return unit
