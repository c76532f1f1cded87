"""Finished models: crease-angle normals, vertices split at seams and creases, bounds, diameter and a light twin."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import ConvexHull, QhullError
from scipy.spatial.distance import cdist

from synthgen.types.arrays import F32, F64, I32, I64, freeze
from synthgen.types.assets import MaterialSlot, ObjectModel, Symmetries
from synthgen.types.geometry import Mesh

LIGHT_FACES, LIGHT_FACES_MOST = 3000, 6000
LIGHT_DETAIL = 8  # of very detailed meshes every eighth face is kept, within those bounds
LIGHT_AGGRESSIVENESS = 3  # the library's 7 strays twice as far from the surface
LIGHT_INSET_M = 0.0004
WELD_STEPS = 2**20  # positions closer than extent / 2**20 are one point: below float32 noise of exported files


def make_model(
    *,
    key: str,
    name: str,
    mesh: Mesh,
    parts: tuple[F64, ...],
    slots: tuple[MaterialSlot, ...],
    symmetries: Symmetries,
    watertight: bool,
    volume_m3: float,
    source: str,
    licence: str,
    attribution: str,
) -> ObjectModel:
    """Adds what follows from the mesh: bounds, diameter and the light mesh (the mesh itself when it is small)."""
    points = mesh.vertices.astype(np.float64)
    return ObjectModel(
        key=key,
        name=name,
        mesh=mesh,
        light_mesh=mesh if len(mesh.faces) <= LIGHT_FACES else lighten(mesh, faces=_light_faces(len(mesh.faces))),
        parts=tuple(freeze(np.ascontiguousarray(part, dtype=np.float64)) for part in parts),
        bounds_m=freeze(np.stack([points.min(axis=0), points.max(axis=0)])),
        diameter_m=diameter(points),
        volume_m3=float(volume_m3),
        watertight=bool(watertight),
        slots=slots,
        symmetries=symmetries,
        source=source,
        licence=licence,
        attribution=attribution,
    )


def diameter(points: F64) -> float:
    """Largest distance between two of the (N, 3) points: attained on the convex hull, searched there in blocks."""
    try:
        corners = points[ConvexHull(points).vertices]
    except QhullError:  # flat or thinner than qhull's tolerance
        corners = np.unique(points, axis=0)
    blocks = range(0, len(corners), 512)
    largest = max(float(cdist(corners[k : k + 512], corners[k:], "sqeuclidean").max()) for k in blocks)
    return float(np.sqrt(largest))


def weld(vertices: F32 | F64) -> tuple[I64, I64]:
    """Merges positions that agree to extent / 2**20.

    Args:
        vertices: (V, 3) positions.

    Returns:
        (first, group): ``first`` (W,) index of the first vertex of every merged point, ``group`` (V,) the merged
        point of every vertex.
    """
    low = vertices.min(axis=0)
    step = max(float((vertices.max(axis=0) - low).max()) / WELD_STEPS, 1e-12)
    cells = np.rint((vertices.astype(np.float64) - low) / step).astype(np.int64)
    keys = (cells[:, 0] << 42) | (cells[:, 1] << 21) | cells[:, 2]
    _, first, group = np.unique(keys, return_index=True, return_inverse=True)
    return first.astype(np.int64), group.astype(np.int64)


def split_creases(
    vertices: F32 | F64, faces: I32 | I64, uvs: F32 | F64, face_slot: I32 | I64, *, crease_deg: float
) -> Mesh:
    """Crease-angle normals; vertices are split where the normal or the texture coordinate jumps.

    Around every (merged) position, faces joined by edges with a dihedral angle below ``crease_deg`` form a smooth
    group; its normal is the mean of its face normals weighted by corner angle (Thuermer & Wuethrich 1998).
    Faces that collapse when positions are merged are dropped.

    Args:
        vertices: (V, 3) positions in metres; duplicates along seams are welcome.
        faces: (F, 3) counter-clockwise seen from outside.
        uvs: (V, 2) per vertex or (F, 3, 2) per corner, v down.
        face_slot: (F,) material slot of each face.
        crease_deg: edges sharper than this stay sharp.
    """
    first, group = weld(vertices)
    positions = np.asarray(vertices, dtype=np.float64)[first]
    corners = group[faces]
    alive = (corners[:, 0] != corners[:, 1]) & (corners[:, 1] != corners[:, 2]) & (corners[:, 2] != corners[:, 0])
    corners, slot = corners[alive], np.asarray(face_slot)[alive]
    uv_ids, uv_values = _uv_ids(np.asarray(uvs, dtype=np.float32), np.asarray(faces)[alive], alive)

    face_normals, angles = _face_frames(positions, corners)
    smooth = _smooth_groups(corners, face_normals, cos_crease=float(np.cos(np.radians(crease_deg))))
    normals = _group_normals(smooth, corners, face_normals, angles)

    keys = smooth.astype(np.int64) * len(uv_values) + uv_ids.reshape(-1)
    _, sample, index = np.unique(keys, return_index=True, return_inverse=True)
    return Mesh(
        vertices=np.ascontiguousarray(positions[corners.reshape(-1)[sample]], dtype=np.float32),
        normals=np.ascontiguousarray(normals[smooth[sample]], dtype=np.float32),
        uvs=np.ascontiguousarray(uv_values[uv_ids.reshape(-1)[sample]], dtype=np.float32),
        faces=np.ascontiguousarray(index.reshape(-1, 3), dtype=np.int32),
        face_slot=np.ascontiguousarray(slot, dtype=np.int32),
    )


def _uv_ids(uvs: F32, faces: I32 | I64, alive: np.ndarray) -> tuple[I64, F32]:
    """Numbers distinct texture coordinates: (F, 3) ids per corner and the (N, 2) values they stand for."""
    per_corner = uvs.ndim == 3
    flat = np.ascontiguousarray((uvs[alive] if per_corner else uvs).reshape(-1, 2)) + np.float32(0)  # -0 becomes +0
    _, first, ids = np.unique(flat.view(np.int64).reshape(-1), return_index=True, return_inverse=True)
    return (ids.reshape(-1, 3) if per_corner else ids[faces]).astype(np.int64), flat[first]


def _face_frames(positions: F64, corners: I64) -> tuple[F64, F64]:
    """(F, 3) unit face normals (zero for slivers without area) and (F, 3) interior angles at the corners."""
    a, b, c = positions[corners[:, 0]], positions[corners[:, 1]], positions[corners[:, 2]]
    cross = np.cross(b - a, c - a)
    area = np.linalg.norm(cross, axis=1)
    normals = cross / np.maximum(area, 1e-300)[:, None]
    normals[area < 1e-18] = 0.0
    angles = np.empty((len(corners), 3))
    for k, (p, q, r) in enumerate(((a, b, c), (b, c, a), (c, a, b))):
        # The doubled area is the same at every corner: atan2(sin, cos) needs one cross product for all three.
        angles[:, k] = np.arctan2(area, ((q - p) * (r - p)).sum(axis=1))
    return normals, angles


def _smooth_groups(corners: I64, face_normals: F64, *, cos_crease: float) -> I32:
    """(3F,) smooth group of every corner: corners at one position joined through edges flatter than the crease."""
    count = len(corners)
    start = corners.reshape(-1)
    end = corners[:, (1, 2, 0)].reshape(-1)
    edge = np.minimum(start, end) * (start.max() + 1) + np.maximum(start, end)
    order = np.argsort(edge, kind="stable")
    one, two = order[:-1], order[1:]
    same = edge[one] == edge[two]
    one, two = one[same], two[same]
    flat = (face_normals[one // 3] * face_normals[two // 3]).sum(axis=1) >= cos_crease
    one, two = one[flat], two[flat]
    # Half-edge h = 3 f + k runs from corner h to the face's next corner; match the ends that are the same point.
    next_one, next_two = _next_corner(one), _next_corner(two)
    opposed = start[one] != start[two]
    links = (
        np.concatenate([one, next_one]),
        np.concatenate([np.where(opposed, next_two, two), np.where(opposed, two, next_two)]),
    )
    graph = coo_matrix((np.ones(len(links[0]), dtype=np.int8), links), shape=(3 * count, 3 * count))
    _, labels = connected_components(graph, directed=False)
    return labels


def _next_corner(half_edges: I64) -> I64:
    return half_edges - half_edges % 3 + (half_edges % 3 + 1) % 3


def _group_normals(smooth: I32, corners: I64, face_normals: F64, angles: F64) -> F64:
    """(G, 3) unit normal of every smooth group; groups of slivers borrow one from the same position."""
    weighted = (face_normals[:, None, :] * angles[:, :, None]).reshape(-1, 3)
    groups = int(smooth.max(initial=-1)) + 1
    sums = np.stack([np.bincount(smooth, weights=weighted[:, k], minlength=groups) for k in range(3)], axis=1)
    length = np.linalg.norm(sums, axis=1)
    empty = length < 1e-12
    normals = sums / np.where(empty, 1.0, length)[:, None]
    if empty.any():
        flat = corners.reshape(-1)
        at_point = np.stack([np.bincount(flat, weights=weighted[:, k]) for k in range(3)], axis=1)
        point_of_group = np.zeros(groups, dtype=np.int64)
        point_of_group[smooth] = flat
        borrowed = at_point[point_of_group[empty]]
        size = np.linalg.norm(borrowed, axis=1, keepdims=True)
        normals[empty] = np.where(size < 1e-12, (0.0, 0.0, 1.0), borrowed / np.maximum(size, 1e-12))
    return normals


def _light_faces(faces: int) -> int:
    return min(LIGHT_FACES_MOST, max(LIGHT_FACES, faces // LIGHT_DETAIL))


def lighten(mesh: Mesh, *, faces: int) -> Mesh:
    """The same surface with about ``faces`` faces, for casting shadows; uv and slots are zero.

    Quadric decimation of the welded mesh (Garland & Heckbert 1997), then moved 0.4 mm beneath the surface (at most
    0.2 % of its size): a simplified caster that stands out of the true surface would darken it in blotches.
    """
    import fast_simplification

    first, group = weld(mesh.vertices)
    points, triangles = fast_simplification.simplify(
        np.ascontiguousarray(mesh.vertices[first]),
        np.ascontiguousarray(group[mesh.faces], dtype=np.int32),
        target_count=faces,
        agg=LIGHT_AGGRESSIVENESS,
    )
    if not len(triangles):  # many faces on very few points: nothing was left
        return mesh
    uvs, slots = np.zeros((len(points), 2)), np.zeros(len(triangles), dtype=np.int32)
    smooth = split_creases(points, triangles, uvs, slots, crease_deg=180.0)  # one normal per point: no cracks
    inset = min(LIGHT_INSET_M, 0.002 * float(np.ptp(points, axis=0).max()))
    beneath = smooth.vertices - inset * smooth.normals
    return split_creases(beneath, smooth.faces, smooth.uvs, smooth.face_slot, crease_deg=60.0)
