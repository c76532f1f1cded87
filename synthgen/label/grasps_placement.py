"""Candidates of every object, tried in a settled scene: which are free, and which of them to keep.

World frame: z up, the surface that carries everything is the plane z = 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synthgen.kernels import njit
from synthgen.label.grasps_candidates import gripper_poses, swept_boxes
from synthgen.label.grasps_mesh import STACK, Forest, box_meets_tree
from synthgen.types.arrays import F32, F64, I32, I64, Bool
from synthgen.types.grasps import GraspCandidates, Gripper, PlacedGrasp

ENOUGH = 3  # times the grasps asked for: free ones to choose from, after which the search ends
NEAR = 0.25  # of the object's diameter: grasps further apart than this count as different places
PLACE_WORTH, APPROACH_WORTH = 0.35, 0.15  # in scores: what a new place and a new approach are worth
CENTRE_WORTH = 0.5  # in scores, per object diameter that a grasp is away from the object's centre
UNTRIED, BLOCKED, COLLIDES, FREE = 0, 1, 2, 3


@dataclass(frozen=True)
class Choice:
    """How many grasps to keep, and what counts as free (see ``config.grasps.GraspsConfig``)."""

    friction_max: float
    per_object: int
    approach_m: float
    clearance_m: float
    preshape_m: float | None = None


def place_grasps(
    candidates: GraspCandidates,
    gripper: Gripper,
    world_from_object: F64,
    forest: Forest,
    own: int,
    *,
    diameter_m: float,
    choice: Choice,
) -> tuple[PlacedGrasp, ...]:
    """At most ``choice.per_object`` grasps of one object where it lies: free ones first, then good and spread-out ones.

    Args:
        candidates: of the object's model.
        gripper: fully open.
        world_from_object: (4, 4) pose of the object.
        forest: everything in the scene but what is z = 0.
        own: which tree of the forest is the object itself (-1 for none).
        diameter_m: of the object.

    Returns:
        Collision-free grasps by falling worth; where they are too few, colliding ones fill up, flagged. Of every
        contact pair the first free approach is taken, from above before from the side, deep before shallow.
    """
    if not len(candidates.width_m):
        return ()
    low, high = _grown_boxes(gripper, candidates.width_m, choice)
    state, angle, depth = _search(
        candidates.middle_m, candidates.closing, candidates.approach, candidates.reach_m, candidates.clear,
        np.ascontiguousarray(world_from_object), (low + high) / 2, (high - low) / 2, ENOUGH * choice.per_object, own,
        forest.roots, forest.object_from_world, forest.triangles, forest.low, forest.high, forest.first, forest.count,
    )  # fmt: skip
    pairs = np.arange(len(state))
    approach = candidates.approach[pairs, angle]
    poses = gripper_poses(candidates.middle_m, candidates.closing, approach, candidates.reach_m[depth])
    score = np.maximum(1.0 - candidates.min_friction / choice.friction_max, 0.0)
    off_centre = np.sqrt(((candidates.middle_m - candidates.centre_m) ** 2).sum(axis=1)) / diameter_m
    worth = score - CENTRE_WORTH * off_centre
    kept = _choose(worth, candidates.middle_m / diameter_m, approach, state == FREE, choice.per_object)
    kept = np.concatenate(
        [
            kept,
            _choose(
                worth, candidates.middle_m / diameter_m, approach, state == COLLIDES, choice.per_object - len(kept)
            ),
        ]
    )
    return tuple(
        PlacedGrasp(
            object_from_gripper=poses[row],
            width_m=float(candidates.width_m[row]),
            min_friction=float(candidates.min_friction[row]),
            score=float(score[row]),
            collision_free=bool(state[row] == FREE),
        )
        for row in kept
    )


def _grown_boxes(gripper: Gripper, width_m: F64, choice: Choice) -> tuple[F64, F64]:
    """What the gripper sweeps on its way and when it closes, grown by the clearance: (P, B, 3) low and high corners."""
    opening = gripper.opening_for(width_m, choice.preshape_m)
    low, high = swept_boxes(gripper, choice.approach_m, opening)
    between = np.empty((len(opening), 1, 3))
    between[:, 0] = np.stack([opening / 2, np.full_like(opening, gripper.pad_width_m / 2), np.zeros_like(opening)], 1)
    behind = between * -1.0
    behind[:, :, 2] = -gripper.depth_m
    low, high = np.concatenate([low, behind], axis=1), np.concatenate([high, between], axis=1)
    return low - choice.clearance_m, high + choice.clearance_m


@njit(cache=True, nogil=True)
def _search(
    middle: F64,
    closing: F64,
    approach: F64,
    reach: F64,
    clear: Bool,
    world_from_object: F64,
    centres: F64,
    halves: F64,
    enough: int,
    own: int,
    roots: I32,
    object_from_world: F64,
    triangles: F32,
    low: F32,
    high: F32,
    first: I32,
    count: I32,
) -> tuple[I64, I64, I64]:
    """(P,) state of every pair, and the angle and depth of its first free approach (else of its first approach)."""
    pairs, angles = approach.shape[0], approach.shape[1]
    state, angle, depth = np.zeros(pairs, np.int64), np.zeros(pairs, np.int64), np.zeros(pairs, np.int64)
    order, key = np.empty(angles, np.int64), np.empty(angles)
    turn, pose, local, centre = np.empty((3, 3)), np.empty((4, 4)), np.empty((4, 4)), np.empty(3)
    stack = np.empty(STACK, np.int32)
    found = 0
    for p in range(pairs):
        if found >= enough:
            break
        state[p] = BLOCKED
        _sort_from_above(approach[p], world_from_object, order, key)
        for n in range(angles * reach.shape[0]):
            a, r = order[n // reach.shape[0]], n % reach.shape[0]
            if not clear[p, a, r]:
                continue
            if state[p] == BLOCKED:
                state[p], angle[p], depth[p] = COLLIDES, a, r
            _pose(world_from_object, middle[p], closing[p], approach[p, a], reach[r], turn, pose)
            if _free(
                pose, centres[p], halves[p], own, roots, object_from_world, triangles, low, high, first, count,
                local, centre, stack,
            ):  # fmt: skip
                state[p], angle[p], depth[p] = FREE, a, r
                found += 1
                break
    return state, angle, depth


@njit(cache=True, nogil=True)
def _sort_from_above(approach: F64, world_from_object: F64, order: I64, key: F64) -> None:
    """Angles by how much they point down, rounded: equal ones stay in order whatever the last bits of a pose are."""
    for a in range(approach.shape[0]):
        up = 0.0
        for j in range(3):
            up += world_from_object[2, j] * approach[a, j]
        value = np.floor(up * 1000.0 + 0.5)
        place = a
        while place > 0 and key[place - 1] > value:
            key[place], order[place] = key[place - 1], order[place - 1]
            place -= 1
        key[place], order[place] = value, a


@njit(cache=True, nogil=True)
def _pose(world_from_object: F64, middle: F64, closing: F64, approach: F64, reach: float, turn: F64, pose: F64) -> None:
    """world_from_gripper into ``pose``; ``turn`` is scratch."""
    for k in range(3):
        turn[k, 0], turn[k, 2] = closing[k], approach[k]
        turn[k, 1] = approach[(k + 1) % 3] * closing[(k + 2) % 3] - approach[(k + 2) % 3] * closing[(k + 1) % 3]
    for i in range(3):
        pose[i, 3] = world_from_object[i, 3]
        for j in range(3):
            pose[i, 3] += world_from_object[i, j] * (middle[j] + reach * approach[j])
            pose[i, j] = 0.0
            for k in range(3):
                pose[i, j] += world_from_object[i, k] * turn[k, j]


@njit(cache=True, nogil=True)
def _free(
    pose: F64,
    centres: F64,
    halves: F64,
    own: int,
    roots: I32,
    object_from_world: F64,
    triangles: F32,
    low: F32,
    high: F32,
    first: I32,
    count: I32,
    local: F64,
    centre: F64,
    stack: I32,
) -> bool:
    """Whether the boxes, placed at ``pose`` in the world, stay above z = 0 and touch no tree but their own."""
    for b in range(centres.shape[0]):
        z = pose[2, 3]
        for j in range(3):
            z += pose[2, j] * centres[b, j] - abs(pose[2, j]) * halves[b, j]
        if z <= 0.0:
            return False
    for tree in range(roots.shape[0]):
        if tree == own:
            continue
        back = object_from_world[tree]
        for i in range(3):
            local[i, 3] = back[i, 3]
            for j in range(3):
                local[i, 3] += back[i, j] * pose[j, 3]
                local[i, j] = 0.0
                for k in range(3):
                    local[i, j] += back[i, k] * pose[k, j]
        for b in range(centres.shape[0]):
            for k in range(3):
                centre[k] = local[k, 3]
                for j in range(3):
                    centre[k] += local[k, j] * centres[b, j]
            if box_meets_tree(
                roots[tree], local, centre, halves[b], triangles, low, high, first, count, stack
            ):  # fmt: skip
                return False
    return True


@njit(cache=True, nogil=True)
def _choose(worth: F64, place: F64, approach: F64, allowed: Bool, count: int) -> I64:
    """At most ``count`` of the allowed rows: each the best by worth plus how much it differs from those before.

    Args:
        worth: (N,) in scores.
        place: (N, 3) in object diameters.
        approach: (N, 3) unit directions.
    """
    chosen = np.empty(max(count, 0), np.int64)
    novelty = np.full(len(worth), PLACE_WORTH + APPROACH_WORTH)
    left = allowed.copy()
    taken = 0
    while taken < count:
        best = -1
        for i in range(len(worth)):
            if left[i] and (best < 0 or worth[i] + novelty[i] > worth[best] + novelty[best]):
                best = i
        if best < 0:
            break
        left[best] = False
        chosen[taken] = best
        taken += 1
        for i in range(len(worth)):
            gap = turn = 0.0
            for k in range(3):
                gap += (place[i, k] - place[best, k]) ** 2
                turn += approach[i, k] * approach[best, k]
            new = PLACE_WORTH * min(np.sqrt(gap) / NEAR, 1.0) + APPROACH_WORTH * min(2.0 * (1.0 - turn), 1.0)
            novelty[i] = min(novelty[i], new)
    return chosen[:taken]
