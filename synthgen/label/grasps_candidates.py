"""What a gripper can do with one object alone: antipodal pairs by ray casting, and approaches that stay clear of it.

Antipodal pairs and the friction cone test: Nguyen 1988, "Constructing force-closure grasps"; sampled as in Dex-Net.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np

from synthgen import seeding
from synthgen.label.grasps_mesh import Tree, boxes_meet, contact_normals, lines_through
from synthgen.types.arrays import F64, I64, Bool
from synthgen.types.assets import ObjectModel
from synthgen.types.geometry import Mesh
from synthgen.types.grasps import GraspCandidates, Gripper

SAMPLES = 640  # surface points; half spread by area, half evenly over the directions that surfaces face
PAIRS = 64
APPROACHES = 12  # every 30 degrees about the closing axis
OPENING_MARGIN_M = 0.003  # left between the object and both pads together
MIN_WIDTH_M = 0.0005
DEEPEST_M = 0.02
REACHES_M = (0.005, 0.002, 0.001)  # past the contacts; before them half a pad's length
# A pad may touch at most this much before the contact that the pair promises.
EARLY_TOUCH_M = 0.002
SCORE_FLOOR = 0.3  # how much a pair with score 0 still counts when pairs are spread
AXIS_SHARE = 0.5  # what 90 degrees between closing axes count, in object diameters


@dataclass(frozen=True, eq=False)
class Pairs:
    """Antipodal contacts: ``first`` and ``second`` (N, 3), ``min_friction`` (N,); object frame."""

    first: F64
    second: F64
    min_friction: F64

    def __len__(self) -> int:
        return len(self.first)

    def __getitem__(self, rows: I64 | Bool) -> Pairs:
        return Pairs(self.first[rows], self.second[rows], self.min_friction[rows])

    @property
    def middle(self) -> F64:
        return 0.5 * (self.first + self.second)

    @property
    def width(self) -> F64:
        return np.sqrt(((self.second - self.first) ** 2).sum(axis=1))

    @property
    def axis(self) -> F64:
        return (self.second - self.first) / self.width[:, None]


def make_candidates(
    model: ObjectModel,
    tree: Tree,
    gripper: Gripper,
    *,
    friction_max: float,
    approach_m: float,
    preshape_m: float | None,
) -> GraspCandidates:
    """All that is worth trying with this object, wherever it lies.

    Args:
        model: the object; its key seeds the draws, so that the same model gives the same candidates.
        tree: of ``model.mesh``.
        gripper: its sizes.
        friction_max: pairs that need more are dropped.
        approach_m: length of the straight approach path.
        preshape_m: see ``Gripper.opening_for``.
    """
    rng = seeding.stream(zlib.crc32(model.key.encode()), "grasps", scene=-1)
    pairs = antipodal_pairs(
        model.mesh, tree, opening_m=gripper.opening_m - OPENING_MARGIN_M, friction_max=friction_max, rng=rng
    )
    found = len(pairs)
    pairs = pairs[_open_outside(tree, gripper, pairs, preshape_m)]
    pairs = pairs[_spread(pairs, model.diameter_m, friction_max)]
    reaches = np.array(sorted({min(gripper.pad_length_m / 2, DEEPEST_M), *REACHES_M}, reverse=True))
    approach = approach_directions(pairs.axis)
    return GraspCandidates(
        pairs_found=found,
        centre_m=_surface_centre(tree),
        middle_m=pairs.middle,
        closing=pairs.axis,
        width_m=pairs.width,
        min_friction=pairs.min_friction,
        approach=approach,
        reach_m=reaches,
        clear=_clear(tree, gripper, pairs, approach, reaches, approach_m, gripper.opening_for(pairs.width, preshape_m)),
    )


def antipodal_pairs(
    mesh: Mesh, tree: Tree, *, opening_m: float, friction_max: float, rng: np.random.Generator
) -> Pairs:
    """Contact pairs no further apart than ``opening_m`` whose normals lie in the friction cone of ``friction_max``.

    From every sampled point three rays go into the object: against the normal, tilted within the friction cone, and
    along the bisector of the normals that the first one meets, which is what faces that lean towards each other need.
    Every place where a ray leaves the object is a possible partner: of a mug's wall, and of the whole mug.
    """
    points, triangles = _surface_samples(mesh, tree, rng=rng)
    normals = contact_normals(mesh, tree, triangles, points)
    bisectors = _bisectors(mesh, tree, points, normals, opening_m)
    directions = np.concatenate([-normals, _tilted(-normals, friction_max, rng=rng), bisectors])
    points, normals = np.tile(points, (3, 1)), np.tile(normals, (3, 1))
    ray, distance, normals_out = _exits(mesh, tree, points, directions, opening_m)
    along = directions[ray]
    cosine = np.minimum(-(normals[ray] * along).sum(axis=1), (normals_out * along).sum(axis=1))
    holds = cosine > 1.0 / np.sqrt(1.0 + friction_max**2)
    friction = np.sqrt(np.maximum(1.0 - cosine[holds] ** 2, 0.0)) / cosine[holds]
    first = points[ray][holds]
    return Pairs(first, first + along[holds] * distance[holds][:, None], friction)


def _exits(mesh: Mesh, tree: Tree, points: F64, directions: F64, opening_m: float) -> tuple[I64, F64, F64]:
    """(ray, distance, normal) of every crossing but the start itself."""
    counts, distances, hits = lines_through(tree, points, directions, opening_m)
    real = np.arange(distances.shape[1]) < counts[:, None]
    ray, column = np.nonzero(real & (distances > MIN_WIDTH_M))
    distance = distances[ray, column]
    places = points[ray] + directions[ray] * distance[:, None]
    return ray, distance, contact_normals(mesh, tree, hits[ray, column], places)


def _bisectors(mesh: Mesh, tree: Tree, points: F64, normals: F64, opening_m: float) -> F64:
    """(N, 3) unit directions between each inward normal and the outward normal where it leaves the object first."""
    ray, _, normals_out = _exits(mesh, tree, points, -normals, opening_m)
    leaves = (normals_out * -normals[ray]).sum(axis=1) > 0.0
    rays, at = np.unique(ray[leaves], return_index=True)
    result = -normals
    result[rays] += normals_out[leaves][at]
    return result / np.sqrt((result**2).sum(axis=1, keepdims=True))


def _surface_centre(tree: Tree) -> F64:
    corners = tree.triangles.astype(np.float64)
    cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    area = np.sqrt((cross**2).sum(axis=1))
    return (corners.mean(axis=1) * area[:, None]).sum(axis=0) / max(float(area.sum()), 1e-300)


def _surface_samples(mesh: Mesh, tree: Tree, *, rng: np.random.Generator) -> tuple[F64, I64]:
    """(SAMPLES, 3) points and the rows of ``tree.triangles`` that they lie on."""
    corners = tree.triangles.astype(np.float64)
    cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    area = np.sqrt((cross**2).sum(axis=1))
    # The thin sides of a plate are a sliver of its area, and the only place to grasp it when it lies.
    facing = np.rint(cross / np.maximum(area, 1e-300)[:, None]).astype(np.int64) @ np.array([9, 3, 1]) + 13
    per_direction = np.bincount(facing, weights=area, minlength=27)
    large = per_direction > 1e-4 * per_direction.sum()
    even = np.where(large[facing], area / np.maximum(per_direction[facing], 1e-300), 0.0)
    half = SAMPLES // 2
    triangles = np.concatenate([_weighted(area, half, rng=rng), _weighted(even, SAMPLES - half, rng=rng)])
    root, v = np.sqrt(rng.random(SAMPLES)), rng.random(SAMPLES)
    weights = np.stack([1.0 - root, root * (1.0 - v), root * v], axis=1)
    return (corners[triangles] * weights[:, :, None]).sum(axis=1), triangles


def _weighted(weights: F64, count: int, *, rng: np.random.Generator) -> I64:
    """Stratified draws in proportion to ``weights``."""
    edges = np.cumsum(weights)
    places = (np.arange(count) + rng.random(count)) / count * edges[-1]
    return np.minimum(np.searchsorted(edges, places, side="right"), len(weights) - 1)


def _tilted(directions: F64, friction_max: float, *, rng: np.random.Generator) -> F64:
    """(N, 3) unit directions, tilted to anywhere within the friction cone."""
    x, y = _sideways(directions)
    angle, radius = rng.uniform(0.0, 2 * np.pi, len(x)), friction_max * np.sqrt(rng.random(len(x)))
    tilted = directions + x * (radius * np.cos(angle))[:, None] + y * (radius * np.sin(angle))[:, None]
    return tilted / np.sqrt((tilted**2).sum(axis=1, keepdims=True))


def _sideways(axes: F64) -> tuple[F64, F64]:
    """Two unit vectors across each unit axis; the first lies across the object's z axis too, where it can."""
    steep = np.abs(axes[:, 2]) > 0.95
    other = np.where(steep[:, None], np.array([1.0, 0.0, 0.0]), np.array([0.0, 0.0, 1.0]))
    x = np.cross(other, axes)
    x /= np.sqrt((x**2).sum(axis=1, keepdims=True))
    return x, np.cross(axes, x)


def _open_outside(tree: Tree, gripper: Gripper, pairs: Pairs, preshape_m: float | None) -> Bool:
    """(N,) whether nothing of the object lies between each contact and the outer side of its open finger."""
    tip = max(box.high_m[0] - box.low_m[0] for box in gripper.boxes if box.finger > 0 and box.high_m[2] == 0.0)
    outer = gripper.opening_for(pairs.width, preshape_m) / 2 + tip
    clear = np.ones(len(pairs), dtype=bool)
    for contact, outward in ((pairs.first, -pairs.axis), (pairs.second, pairs.axis)):
        counts, distances, _ = lines_through(tree, contact + outward * EARLY_TOUCH_M, outward, gripper.opening_m)
        first = np.where(counts > 0, distances[:, 0], np.inf) + EARLY_TOUCH_M
        clear &= first > outer - pairs.width / 2
    return clear


def _spread(pairs: Pairs, diameter_m: float, friction_max: float) -> I64:
    """Rows of at most ``PAIRS`` pairs: low friction first, far from each other in place and direction."""
    count = min(PAIRS, len(pairs))
    chosen = np.zeros(count, dtype=np.int64)
    if not count:
        return chosen
    middle, axis = pairs.middle / diameter_m, pairs.axis
    worth = SCORE_FLOOR + 1.0 - pairs.min_friction / friction_max
    nearest = np.full(len(pairs), np.inf)
    chosen[0] = np.argmax(worth)
    for k in range(1, count):
        last = chosen[k - 1]
        gap = np.sqrt(((middle - middle[last]) ** 2).sum(axis=1))
        turn = 1.0 - np.abs(axis @ axis[last])
        nearest = np.minimum(nearest, gap + AXIS_SHARE * turn)
        chosen[k] = np.argmax(worth * nearest)
    return chosen


def approach_directions(axis: F64) -> F64:
    """(P, A, 3) unit directions across each of the (P, 3) closing axes, even all around, one of them along the
    object's z axis where the axis is level in the object frame."""
    x, y = _sideways(axis)
    angle = 2 * np.pi * np.arange(APPROACHES) / APPROACHES
    return x[:, None] * np.cos(angle)[None, :, None] + y[:, None] * np.sin(angle)[None, :, None]


def gripper_poses(middle: F64, closing: F64, approach: F64, reach_m: F64 | float) -> F64:
    """(N, 4, 4) gripper poses: +x closing, +z approach, origin ``reach_m`` past the middle of the contacts."""
    poses = np.tile(np.eye(4), (len(middle), 1, 1))
    poses[:, :3, 0] = closing
    poses[:, :3, 1] = np.cross(approach, closing)
    poses[:, :3, 2] = approach
    poses[:, :3, 3] = middle + approach * np.broadcast_to(reach_m, len(middle))[:, None]
    return poses


def swept_boxes(gripper: Gripper, approach_m: float, opening_m: F64) -> tuple[F64, F64]:
    """(P, B, 3) low and high corners of what the gripper, its pads (P,) ``opening_m`` apart, sweeps on its straight
    way: its boxes, longer at the back."""
    low, high = gripper.corners_at(opening_m)
    low[:, :, 2] -= approach_m
    return low, high


def _clear(
    tree: Tree, gripper: Gripper, pairs: Pairs, approach: F64, reaches: F64, approach_m: float, opening: F64
) -> Bool:
    """(P, A, R): see ``GraspCandidates.clear``."""
    clear = np.zeros((len(pairs), approach.shape[1], len(reaches)), dtype=bool)
    pair, angle = np.indices(clear.shape[:2]).reshape(2, -1)
    low, high = swept_boxes(gripper, approach_m, opening)
    for depth in reversed(range(len(reaches))):  # what is in the way of a shallow grasp is in the way of a deep one
        poses = gripper_poses(pairs.middle[pair], pairs.axis[pair], approach[pair, angle], reaches[depth])
        open_way = ~boxes_meet(tree, poses, low[pair], high[pair])
        pair, angle, poses = pair[open_way], angle[open_way], poses[open_way]
        clear[pair, angle, depth] = _closes_on_contacts(tree, gripper, poses, pairs.width[pair], opening[pair])
    return clear


def _closes_on_contacts(tree: Tree, gripper: Gripper, poses: F64, width: F64, opening: F64) -> Bool:
    """(M,) whether neither pad touches the object by more than ``EARLY_TOUCH_M`` before the contacts."""
    inner, outer = width / 2 + EARLY_TOUCH_M, opening / 2
    low = np.empty((len(poses), 2, 3))
    low[:, :, 1:] = -gripper.pad_width_m / 2, -gripper.pad_length_m
    high = np.empty_like(low)
    high[:, :, 1:] = gripper.pad_width_m / 2, 0.0
    low[:, 0, 0], high[:, 0, 0] = -outer, -np.minimum(inner, outer)
    low[:, 1, 0], high[:, 1, 0] = np.minimum(inner, outer), outer
    return ~boxes_meet(tree, poses, low, high)
