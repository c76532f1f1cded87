"""Candidates of every object, tried in a settled scene: which are free, and which of them to keep.

World frame: z up, the surface that carries everything is the plane z = 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synthgen.label.grasps_candidates import gripper_poses, swept_boxes
from synthgen.label.grasps_mesh import Tree, boxes_meet
from synthgen.types.arrays import F64, I64, Bool
from synthgen.types.grasps import GraspCandidates, Gripper, PlacedGrasp

ENOUGH = 3  # times the grasps asked for: free ones to choose from, after which the search ends
NEAR = 0.25  # of the object's diameter: grasps further apart than this count as different places
PLACE_WORTH, APPROACH_WORTH = 0.35, 0.15  # in scores: what a new place and a new approach are worth


@dataclass(frozen=True, eq=False)
class Obstacle:
    """Anything in the scene that a gripper must not touch.

    Attributes:
        tree: of its mesh.
        world_from_object: (4, 4) rigid.
        low_m, high_m: (3,) its box in the world.
    """

    tree: Tree
    world_from_object: F64
    low_m: F64
    high_m: F64


@dataclass(frozen=True)
class Choice:
    """How many grasps to keep, and what counts as free (see ``config.grasps.GraspsConfig``)."""

    friction_max: float
    per_object: int
    approach_m: float
    clearance_m: float


@dataclass(frozen=True, eq=False)
class _Tries:
    """Candidates of one object in the order in which they are tried, N of them.

    Attributes:
        pair: (N,) row of the candidates.
        turn: (N,) 0 for a pair's first approach, 1 for its second, ...
        object_from_gripper: (N, 4, 4).
    """

    pair: I64
    turn: I64
    object_from_gripper: F64


def place_grasps(
    candidates: GraspCandidates,
    gripper: Gripper,
    world_from_object: F64,
    obstacles: tuple[Obstacle, ...],
    *,
    diameter_m: float,
    choice: Choice,
) -> tuple[PlacedGrasp, ...]:
    """At most ``choice.per_object`` grasps of one object where it lies: free ones first, then good and spread-out ones.

    Args:
        candidates: of the object's model.
        gripper: fully open.
        world_from_object: (4, 4) pose of the object.
        obstacles: everything else in the scene but what is z = 0.
        diameter_m: of the object.

    Returns:
        Collision-free grasps by falling worth; where they are too few, colliding ones fill up, flagged.
    """
    tries = _tries(candidates, world_from_object)
    if not len(tries.pair):
        return ()
    free = _free(tries, gripper, world_from_object, obstacles, choice)
    score = 1.0 - candidates.min_friction / choice.friction_max
    first = _choose(tries, np.flatnonzero(free), score, diameter_m, choice.per_object)
    # A colliding one per pair: its most promising approach.
    blocked = np.setdiff1d(np.flatnonzero(tries.turn == 0), np.flatnonzero(free))
    blocked = blocked[~np.isin(tries.pair[blocked], tries.pair[free])]
    rest = _choose(tries, blocked, score, diameter_m, choice.per_object - len(first))
    return tuple(
        PlacedGrasp(
            object_from_gripper=tries.object_from_gripper[row],
            width_m=float(candidates.width_m[tries.pair[row]]),
            min_friction=float(candidates.min_friction[tries.pair[row]]),
            score=float(max(score[tries.pair[row]], 0.0)),
            collision_free=bool(free[row]),
        )
        for row in (*first, *rest)
    )


def _tries(candidates: GraspCandidates, world_from_object: F64) -> _Tries:
    """Every approach of every pair that is clear of the object, at each depth: from above before from the side, deep
    before shallow."""
    pair, angle, depth = np.nonzero(candidates.clear)
    approach = candidates.approach[pair, angle]
    downwards = -(approach @ world_from_object[2, :3])
    # Rounded, so that equal approaches stay equal whatever the last bits of the pose are.
    order = np.lexsort((depth, angle, -np.round(downwards, 3), pair))
    pair, angle, depth = pair[order], angle[order], depth[order]
    starts = np.r_[True, pair[1:] != pair[:-1]] if len(pair) else np.zeros(0, dtype=bool)
    numbers = np.arange(len(pair))
    turn = numbers - np.maximum.accumulate(np.where(starts, numbers, 0)) if len(pair) else numbers
    poses = gripper_poses(
        candidates.middle_m[pair], candidates.closing[pair], candidates.approach[pair, angle], candidates.reach_m[depth]
    )
    return _Tries(pair, turn, poses)


def _free(
    tries: _Tries, gripper: Gripper, world_from_object: F64, obstacles: tuple[Obstacle, ...], choice: Choice
) -> Bool:
    """(N,) whether a try is free; pairs are left alone after their first free one, and all when there are plenty."""
    low, high = _grown_boxes(gripper, choice)
    poses = world_from_object @ tries.object_from_gripper
    above = _lowest_z(poses, low, high) > 0.0
    radius = float(np.sqrt(np.maximum(low**2, high**2).sum(axis=1)).max())
    near = [o for o in obstacles if _within(o, tries, world_from_object, radius)]
    inverses = [_inverse(o.world_from_object) for o in near]
    free = np.zeros(len(poses), dtype=bool)
    pairs = int(tries.pair.max()) + 1
    open_pair = np.ones(pairs, dtype=bool)
    left = np.flatnonzero(above)
    while len(left) and np.count_nonzero(~open_pair) < ENOUGH * choice.per_object:
        # One try per pair that has no free one yet: the next in its order.
        _, at = np.unique(tries.pair[left], return_index=True)
        batch = left[at]
        for obstacle, inverse in zip(near, inverses, strict=True):
            batch = batch[~boxes_meet(obstacle.tree, inverse @ poses[batch], low, high)]
        free[batch] = True
        open_pair[tries.pair[batch]] = False
        left = np.delete(left, at)
        left = left[open_pair[tries.pair[left]]]
    return free


def _grown_boxes(gripper: Gripper, choice: Choice) -> tuple[F64, F64]:
    """What the gripper sweeps on its way and when it closes, grown by the clearance. (B, 3) low and high corners."""
    low, high = swept_boxes(gripper, choice.approach_m)
    between_low = [-gripper.opening_m / 2, -gripper.pad_width_m / 2, -gripper.depth_m]
    between_high = [gripper.opening_m / 2, gripper.pad_width_m / 2, 0.0]
    low, high = np.vstack([low, between_low]), np.vstack([high, between_high])
    return low - choice.clearance_m, high + choice.clearance_m


def _lowest_z(poses: F64, low: F64, high: F64) -> F64:
    """(N,) height of the lowest corner of the boxes at each pose."""
    up = poses[:, 2, :3]
    centre, half = (low + high) / 2, (high - low) / 2
    heights = up @ centre.T - np.abs(up) @ half.T
    return heights.min(axis=1) + poses[:, 2, 3]


def _within(obstacle: Obstacle, tries: _Tries, world_from_object: F64, radius: float) -> bool:
    """Whether a gripper at any of the tries could reach the obstacle's box at all."""
    origins = tries.object_from_gripper[:, :3, 3] @ world_from_object[:3, :3].T + world_from_object[:3, 3]
    gap = np.maximum(obstacle.low_m - origins.max(axis=0), origins.min(axis=0) - obstacle.high_m)
    return bool((gap < radius).all())


def _inverse(pose: F64) -> F64:
    result = np.eye(4)
    result[:3, :3] = pose[:3, :3].T
    result[:3, 3] = -pose[:3, :3].T @ pose[:3, 3]
    return result


def _choose(tries: _Tries, rows: I64, score: F64, diameter_m: float, count: int) -> list[int]:
    """At most ``count`` of the rows: each the best by score plus how much it differs from those before."""
    chosen: list[int] = []
    if not len(rows) or count <= 0:
        return chosen
    value = score[tries.pair[rows]]
    origins, approach = tries.object_from_gripper[rows, :3, 3], tries.object_from_gripper[rows, :3, 2]
    novelty = np.full(len(rows), PLACE_WORTH + APPROACH_WORTH)
    left = np.ones(len(rows), dtype=bool)
    while left.any() and len(chosen) < count:
        best = int(np.argmax(np.where(left, value + novelty, -np.inf)))
        left[best] = False
        chosen.append(int(rows[best]))
        gap = np.sqrt(((origins - origins[best]) ** 2).sum(axis=1)) / (NEAR * diameter_m)
        turn = 0.5 * (1.0 - approach @ approach[best])
        novelty = np.minimum(novelty, PLACE_WORTH * np.minimum(gap, 1.0) + APPROACH_WORTH * np.minimum(4 * turn, 1.0))
    return chosen
