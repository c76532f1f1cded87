"""A bounding volume hierarchy of one mesh: exact rays and box overlaps, with the same bits on every machine.

Rays: Moeller and Trumbore 1997. Box against triangle: separating axes (Akenine-Moeller 2001). Triangles have two sides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from synthgen.kernels import njit
from synthgen.types.arrays import F32, F64, I32, I64, Bool
from synthgen.types.geometry import Mesh

LEAF = 4
STACK = 64
MAX_HITS = 32
PARALLEL = 1e-14


@dataclass(frozen=True, eq=False)
class Tree:
    """Triangles in the order of the leaves, and the nodes above them.

    Attributes:
        triangles: (F, 3, 3) float32 corners.
        order: (F,) int32 index of each triangle in the mesh.
        low, high: (N, 3) float32 node boxes.
        first: (N,) int32: of a leaf its first triangle, of an inner node its left child (the right one follows it).
        count: (N,) int32 triangles of a leaf, 0 for inner nodes.
    """

    triangles: F32
    order: I32
    low: F32
    high: F32
    first: I32
    count: I32

    @property
    def nbytes(self) -> int:
        """Memory taken."""
        return sum(array.nbytes for array in (self.triangles, self.order, self.low, self.high, self.first, self.count))


def make_tree(mesh: Mesh) -> Tree:
    """The tree of a mesh: medians along the longest side, leaves of at most 4 triangles."""
    corners = np.ascontiguousarray(mesh.vertices[mesh.faces])
    low, high = corners.min(axis=1), corners.max(axis=1)
    order, node_low, node_high, first, count = _build(low, high)
    return Tree(np.ascontiguousarray(corners[order]), order, node_low, node_high, first, count)


@njit(cache=True, nogil=True)
def _build(low: F32, high: F32) -> tuple[I32, F32, F32, I32, I32]:
    faces = low.shape[0]
    order = np.arange(faces).astype(np.int32)
    limit = max(2 * faces, 2)
    node_low, node_high = np.empty((limit, 3), np.float32), np.empty((limit, 3), np.float32)
    first, count = np.zeros(limit, np.int32), np.zeros(limit, np.int32)
    start, stop = np.zeros(limit, np.int64), np.zeros(limit, np.int64)
    stop[0] = faces
    nodes = 1
    node = 0
    while node < nodes:  # breadth first: children are appended behind
        a, b = start[node], stop[node]
        for k in range(3):
            node_low[node, k], node_high[node, k] = np.inf, -np.inf
        for i in range(a, b):
            for k in range(3):
                node_low[node, k] = min(node_low[node, k], low[order[i], k])
                node_high[node, k] = max(node_high[node, k], high[order[i], k])
        if b - a <= LEAF:
            first[node], count[node] = a, b - a
        else:
            part = order[a:b]
            spread, axis = -1.0, 0
            for k in range(3):
                centre_low, centre_high = np.inf, -np.inf
                for i in part:
                    centre = low[i, k] + high[i, k]
                    centre_low, centre_high = min(centre_low, centre), max(centre_high, centre)
                if centre_high - centre_low > spread:
                    spread, axis = centre_high - centre_low, k
            ranks = np.argsort(low[part, axis] + high[part, axis], kind="mergesort")
            order[a:b] = part[ranks]
            middle = (a + b) // 2
            first[node] = nodes
            start[nodes], stop[nodes] = a, middle
            start[nodes + 1], stop[nodes + 1] = middle, b
            nodes += 2
        node += 1
    return order, node_low[:nodes].copy(), node_high[:nodes].copy(), first[:nodes].copy(), count[:nodes].copy()


@dataclass(frozen=True, eq=False)
class Forest:
    """Several trees in one set of arrays, each placed in the world: what one kernel call searches.

    Attributes:
        triangles, low, high, first, count: of all trees, one behind the other, indices shifted.
        roots: (K,) int32 row of each tree's root.
        object_from_world: (K, 4, 4) float64.
    """

    triangles: F32
    low: F32
    high: F32
    first: I32
    count: I32
    roots: I32
    object_from_world: F64


def make_forest(trees: Sequence[Tree], world_from_object: Sequence[F64]) -> Forest:
    """Trees and where they are, as one."""
    roots, first, nodes, triangles = [], [], 0, 0
    for tree in trees:
        roots.append(nodes)
        first.append(np.where(tree.count > 0, tree.first + triangles, tree.first + nodes))
        nodes, triangles = nodes + len(tree.count), triangles + len(tree.triangles)
    return Forest(
        triangles=np.concatenate([np.zeros((0, 3, 3), np.float32), *(tree.triangles for tree in trees)]),
        low=np.concatenate([np.zeros((0, 3), np.float32), *(tree.low for tree in trees)]),
        high=np.concatenate([np.zeros((0, 3), np.float32), *(tree.high for tree in trees)]),
        first=np.concatenate([np.zeros(0, np.int32), *first]).astype(np.int32),
        count=np.concatenate([np.zeros(0, np.int32), *(tree.count for tree in trees)]),
        roots=np.array(roots, dtype=np.int32),
        object_from_world=np.array([_inverse(pose) for pose in world_from_object]).reshape(-1, 4, 4),
    )


def _inverse(pose: F64) -> F64:
    result = np.eye(4)
    result[:3, :3] = pose[:3, :3].T
    result[:3, 3] = -pose[:3, :3].T @ pose[:3, 3]
    return result


def lines_through(tree: Tree, origins: F64, directions: F64, reach_m: float) -> tuple[I32, F64, I32]:
    """All crossings of rays with the mesh, nearest first (the first 32 found where there are more).

    Args:
        origins, directions: (N, 3) float64; unit directions.
        reach_m: length of the rays.

    Returns:
        (counts (N,), distances (N, 32), triangles (N, 32): rows of ``tree.triangles``).
    """
    return _lines_through(
        np.ascontiguousarray(origins), np.ascontiguousarray(directions), reach_m,
        tree.triangles, tree.low, tree.high, tree.first, tree.count,
    )  # fmt: skip


@njit(cache=True, nogil=True)
def _lines_through(
    origins: F64, directions: F64, reach_m: float, triangles: F32, low: F32, high: F32, first: I32, count: I32
) -> tuple[I32, F64, I32]:
    rays = origins.shape[0]
    counts = np.zeros(rays, np.int32)
    distances, found = np.zeros((rays, MAX_HITS)), np.zeros((rays, MAX_HITS), np.int32)
    stack = np.empty(STACK, np.int32)
    for ray in range(rays):
        o, d = origins[ray], directions[ray]
        stack[0] = 0
        top = 1
        while top:
            top -= 1
            node = stack[top]
            if not _ray_meets_box(o, d, reach_m, low[node], high[node]):
                continue
            if count[node] == 0:
                stack[top], stack[top + 1] = first[node] + 1, first[node]
                top += 2
                continue
            for triangle in range(first[node], first[node] + count[node]):
                t = ray_triangle(o, d, triangles[triangle])
                n = counts[ray]
                if 0.0 <= t <= reach_m and n < MAX_HITS:
                    place = n
                    while place > 0 and distances[ray, place - 1] > t:
                        distances[ray, place] = distances[ray, place - 1]
                        found[ray, place] = found[ray, place - 1]
                        place -= 1
                    distances[ray, place], found[ray, place] = t, triangle
                    counts[ray] = n + 1
    return counts, distances, found


@njit(cache=True, nogil=True, inline="always")
def _ray_meets_box(o: F64, d: F64, reach_m: float, low: F32, high: F32) -> bool:
    enter, leave = 0.0, reach_m
    for k in range(3):
        if abs(d[k]) < PARALLEL:
            if o[k] < low[k] or o[k] > high[k]:
                return False
        else:
            a, b = (low[k] - o[k]) / d[k], (high[k] - o[k]) / d[k]
            enter, leave = max(enter, min(a, b)), min(leave, max(a, b))
    # Boxes are float32: a little room, so that none is missed by rounding.
    return enter <= leave + 1e-7


@njit(cache=True, nogil=True)
def ray_triangle(o: F64, d: F64, triangle: F32) -> float:
    """Distance along the ray at which it crosses the triangle, -1 where it misses."""
    ax, ay, az = np.float64(triangle[0, 0]), np.float64(triangle[0, 1]), np.float64(triangle[0, 2])
    ux, uy, uz = triangle[1, 0] - ax, triangle[1, 1] - ay, triangle[1, 2] - az
    vx, vy, vz = triangle[2, 0] - ax, triangle[2, 1] - ay, triangle[2, 2] - az
    px, py, pz = d[1] * vz - d[2] * vy, d[2] * vx - d[0] * vz, d[0] * vy - d[1] * vx
    det = ux * px + uy * py + uz * pz
    if abs(det) < PARALLEL:
        return -1.0
    sx, sy, sz = o[0] - ax, o[1] - ay, o[2] - az
    u = (sx * px + sy * py + sz * pz) / det
    if u < 0.0 or u > 1.0:
        return -1.0
    qx, qy, qz = sy * uz - sz * uy, sz * ux - sx * uz, sx * uy - sy * ux
    v = (d[0] * qx + d[1] * qy + d[2] * qz) / det
    if v < 0.0 or u + v > 1.0:
        return -1.0
    t = (vx * qx + vy * qy + vz * qz) / det
    return t if t >= 0.0 else -1.0


def boxes_meet(tree: Tree, poses: F64, low_m: F64, high_m: F64) -> Bool:
    """Whether any of a set of boxes, placed at each pose, touches a triangle of the mesh.

    Args:
        poses: (M, 4, 4) float64 mesh_from_boxes, rigid.
        low_m, high_m: (B, 3), or (M, B, 3) for boxes that change from pose to pose: corners in the boxes' own frame.

    Returns:
        (M,) bool. A box wholly inside a closed mesh touches nothing.
    """
    low_m, high_m = (np.ascontiguousarray(corner.reshape(-1, *corner.shape[-2:])) for corner in (low_m, high_m))
    return _boxes_meet(
        np.ascontiguousarray(poses), 0.5 * (low_m + high_m), 0.5 * (high_m - low_m),
        tree.triangles, tree.low, tree.high, tree.first, tree.count,
    )  # fmt: skip


@njit(cache=True, nogil=True)
def _boxes_meet(
    poses: F64, centres: F64, halves: F64, triangles: F32, low: F32, high: F32, first: I32, count: I32
) -> Bool:
    result = np.zeros(poses.shape[0], np.bool_)
    stack = np.empty(STACK, np.int32)
    centre = np.empty(3)
    for m in range(poses.shape[0]):
        pose, own = poses[m], min(m, centres.shape[0] - 1)
        for b in range(centres.shape[1]):
            for k in range(3):
                centre[k] = pose[k, 3]
                for j in range(3):
                    centre[k] += pose[k, j] * centres[own, b, j]
            if box_meets_tree(0, pose, centre, halves[own, b], triangles, low, high, first, count, stack):
                result[m] = True
                break
    return result


@njit(cache=True, nogil=True)
def box_meets_tree(
    root: int,
    pose: F64,
    centre: F64,
    half: F64,
    triangles: F32,
    low: F32,
    high: F32,
    first: I32,
    count: I32,
    stack: I32,
) -> bool:
    """Whether a box touches a triangle of the tree at ``root``.

    Args:
        pose: (4, 4) of which the rotation, mesh_from_box, is used.
        centre: (3,) of the box, in the mesh frame.
        half: (3,) half edge lengths.
        stack: (STACK,) scratch.
    """
    stack[0] = root
    top = 1
    while top:
        top -= 1
        node = stack[top]
        if not _box_meets_node(pose, centre, half, low[node], high[node]):
            continue
        if count[node] == 0:
            stack[top], stack[top + 1] = first[node] + 1, first[node]
            top += 2
            continue
        for triangle in range(first[node], first[node] + count[node]):
            if box_meets_triangle(pose, centre, half, triangles[triangle]):
                return True
    return False


@njit(cache=True, nogil=True)
def _box_meets_node(pose: F64, centre: F64, half: F64, low: F32, high: F32) -> bool:
    """Separation along the face normals of both boxes only: never misses, now and then lets through too much."""
    sx, sy, sz = 0.5 * (high[0] - low[0]), 0.5 * (high[1] - low[1]), 0.5 * (high[2] - low[2])
    dx, dy, dz = (
        centre[0] - 0.5 * (low[0] + high[0]),
        centre[1] - 0.5 * (low[1] + high[1]),
        centre[2] - 0.5 * (low[2] + high[2]),
    )
    room = 1e-7  # node boxes are float32
    for k in range(3):
        reach = abs(pose[k, 0]) * half[0] + abs(pose[k, 1]) * half[1] + abs(pose[k, 2]) * half[2] + room
        if k == 0:
            apart = abs(dx) > sx + reach
        elif k == 1:
            apart = abs(dy) > sy + reach
        else:
            apart = abs(dz) > sz + reach
        if apart:
            return False
    for k in range(3):
        reach = abs(pose[0, k]) * sx + abs(pose[1, k]) * sy + abs(pose[2, k]) * sz + room
        if abs(pose[0, k] * dx + pose[1, k] * dy + pose[2, k] * dz) > half[k] + reach:
            return False
    return True


@njit(cache=True, nogil=True)
def box_meets_triangle(pose: F64, centre: F64, half: F64, triangle: F32) -> bool:
    """Separating axes: the box's face normals, the triangle's normal, the nine cross products of edges."""
    v = np.empty((3, 3))
    for i in range(3):
        x, y, z = triangle[i, 0] - centre[0], triangle[i, 1] - centre[1], triangle[i, 2] - centre[2]
        for k in range(3):
            v[i, k] = pose[0, k] * x + pose[1, k] * y + pose[2, k] * z
    for k in range(3):
        if min(v[0, k], v[1, k], v[2, k]) > half[k] or max(v[0, k], v[1, k], v[2, k]) < -half[k]:
            return False
    e = np.empty((3, 3))
    for i in range(3):
        j = (i + 1) % 3
        for k in range(3):
            e[i, k] = v[j, k] - v[i, k]
    nx = e[0, 1] * e[1, 2] - e[0, 2] * e[1, 1]
    ny = e[0, 2] * e[1, 0] - e[0, 0] * e[1, 2]
    nz = e[0, 0] * e[1, 1] - e[0, 1] * e[1, 0]
    reach = abs(nx) * half[0] + abs(ny) * half[1] + abs(nz) * half[2]
    if abs(nx * v[0, 0] + ny * v[0, 1] + nz * v[0, 2]) > reach:
        return False
    for i in range(3):
        other = (i + 2) % 3  # the corner that is not on edge i
        for k in range(3):
            a, b = (k + 1) % 3, (k + 2) % 3
            # axis = unit vector k x edge i: its components along a and b are -edge[b] and edge[a]
            p = -e[i, b] * v[i, a] + e[i, a] * v[i, b]
            q = -e[i, b] * v[other, a] + e[i, a] * v[other, b]
            reach = abs(e[i, b]) * half[a] + abs(e[i, a]) * half[b]
            if min(p, q) > reach or max(p, q) < -reach:
                return False
    return True


def contact_normals(mesh: Mesh, tree: Tree, triangles: I64 | I32, points: F64) -> F64:
    """(N, 3) unit normals at points on the surface: vertex normals, interpolated.

    Args:
        triangles: (N,) rows of ``tree.triangles`` that the points lie on.
        points: (N, 3).
    """
    corners = tree.triangles[triangles].astype(np.float64)
    normals = mesh.normals[mesh.faces[tree.order[triangles]]].astype(np.float64)
    weights = _barycentric(corners, points)
    mixed = (normals * weights[:, :, None]).sum(axis=1)
    return mixed / np.maximum(np.sqrt((mixed**2).sum(axis=1, keepdims=True)), 1e-12)


def _barycentric(corners: F64, points: F64) -> F64:
    """(N, 3) weights of the corners; slivers without area share evenly."""
    u, v, w = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0], points - corners[:, 0]
    uu, uv, vv = (u * u).sum(axis=1), (u * v).sum(axis=1), (v * v).sum(axis=1)
    wu, wv = (w * u).sum(axis=1), (w * v).sum(axis=1)
    det = uu * vv - uv * uv
    safe = np.where(det > 1e-24, det, 1.0)
    b, c = (vv * wu - uv * wv) / safe, (uu * wv - uv * wu) / safe
    weights = np.clip(np.stack([1.0 - b - c, b, c], axis=1), 0.0, 1.0)
    return np.where(det[:, None] > 1e-24, weights, 1.0 / 3.0)
