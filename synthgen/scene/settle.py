"""Settling: rigid bodies dropped with MuJoCo until they rest. Pure: the same bodies give the same bits.

World frame: z up, the support's surface is the plane z = 0. Fixed order of insertion, fixed number of steps at most, no
clock. Collision geometry is the models' convex parts, without a vertex limit; concave user meshes rest on their hulls.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import mujoco
import numpy as np

from synthgen.errors import Rejection
from synthgen.scene.bodies import SLEEP, Arena, Body, compile_model, quaternion, turned_box
from synthgen.types.arrays import F64

STEP_S = 0.004
CHECK_STEPS = 8
MAX_STEPS = 1000  # 4 s; a scene that still moves is drawn again
GUARD_STEPS = 200  # guards above the support's edge until then
LINEAR_CAP_M_S = 1.5  # 6 mm a step: nothing jumps through its neighbour
ANGULAR_CAP_RAD_S = 25.0
REST_CHECKS = 4
MAX_PENETRATION_M = 0.0009
REPAIRS = 3
REPAIR_PULL = 0.5  # towards the middle of the support, more each time
REPAIR_CLEARANCE_M = 0.005
LOST_M = 50.0
DIVERGENCE_WARNINGS = tuple(
    int(kind)
    for kind in (
        mujoco.mjtWarning.mjWARN_BADQPOS,
        mujoco.mjtWarning.mjWARN_BADQVEL,
        mujoco.mjtWarning.mjWARN_BADQACC,
        mujoco.mjtWarning.mjWARN_CONTACTFULL,
    )
)


@dataclass(frozen=True)
class Stage:
    """From ``step`` on: friction and damping that bring to rest what would creep for seconds.

    Damping alone turns a slow roll into a slower one. Rolling friction ends it: with c metres (MuJoCo's unit) a thing
    of radius r stays on slopes up to c / r. Both rise late, when what was going to fall has fallen.

    Attributes:
        rolling_m: rolling friction.
        grip: factor on sliding friction.
        damping: share of velocity lost per step.
        rest_speed_m_s: a body whose fastest point stays below this over a check interval is at rest.
    """

    step: int
    rolling_m: float
    grip: float
    damping: float
    rest_speed_m_s: float


STAGES = (
    Stage(0, 0.0008, 1.0, 0.002, 0.004),
    Stage(150, 0.002, 1.0, 0.005, 0.004),
    Stage(250, 0.005, 1.2, 0.01, 0.004),
    Stage(350, 0.01, 1.4, 0.03, 0.005),
    Stage(500, 0.02, 1.7, 0.06, 0.008),
)


@dataclass(frozen=True, eq=False)
class Settled:
    """Poses at rest.

    Attributes:
        world_from_object: (N, 4, 4) float64, in the order of the bodies.
        steps: simulation steps taken.
        penetration_m: deepest contact between collision parts that is left.
    """

    world_from_object: F64
    steps: int
    penetration_m: float


def settle(bodies: tuple[Body, ...], arena: Arena) -> Settled:
    """Drops ``bodies`` from their start poses and returns where they come to rest.

    A body that fell off, or that is jammed deeper than 0.9 mm into another, is hung over the others once more and
    dropped again, ``REPAIRS`` times at most.

    Raises:
        Rejection: "settling_unstable" (diverged), "settling_restless" (still moving after the step limit),
            "settling_overlap" (parts stay jammed), "object_lost" (keeps falling off).
    """
    if not bodies:
        return Settled(np.zeros((0, 4, 4)), 0, 0.0)
    model, guards = compile_model(bodies, arena, step_s=STEP_S)
    data = mujoco.MjData(model)
    reach = np.array([body.reach_m for body in bodies])
    steps = 0
    for repair in range(REPAIRS + 1):
        steps += _run_until_rest(model, data, [] if repair else guards, reach)
        jammed, penetration = _jammed(model, data)
        poses = _poses(data.qpos.reshape(-1, 7))
        lost = _lost(bodies, poses, arena)
        if not jammed and not lost:
            return Settled(poses, steps, penetration)
        _drop_guards(model, guards)
        _hang_again(data, bodies, poses, sorted(jammed | lost), pull=REPAIR_PULL ** (repair + 1))
    raise Rejection("object_lost" if lost else "settling_overlap")


def _run_until_rest(model: mujoco.MjModel, data: mujoco.MjData, guards: list[int], reach_m: F64) -> int:
    """Steps until every body stood still over ``REST_CHECKS`` checks; returns the number of steps."""
    velocity = data.qvel.reshape(-1, 6)
    stages = {stage.step: stage for stage in STAGES}
    sliding = model.geom_friction[:, 0].copy()
    stage, quiet, before = STAGES[0], 0, data.qpos.reshape(-1, 7).copy()
    for step in range(MAX_STEPS):
        if step in stages:
            stage = stages[step]
            model.geom_friction[:, 0] = sliding * stage.grip
            model.geom_friction[:, 2] = stage.rolling_m
        # Sleepers do not notice that a guard goes away or that a neighbour was taken: for one step nobody sleeps.
        model.opt.enableflags = 0 if step in (0, GUARD_STEPS) else SLEEP
        if step == GUARD_STEPS:
            _drop_guards(model, guards)
        mujoco.mj_step(model, data)
        _calm(velocity, stage.damping)
        if (step + 1) % CHECK_STEPS:
            continue
        now = data.qpos.reshape(-1, 7)
        if _diverged(data):
            raise Rejection("settling_unstable")
        quiet = quiet + 1 if _fastest_point(before, now, reach_m) < stage.rest_speed_m_s else 0
        before = now.copy()
        if quiet >= REST_CHECKS and (step > GUARD_STEPS or not _leans_on(model, data, guards)):
            break
    else:
        raise Rejection("settling_restless")
    model.geom_friction[:, 0] = sliding
    return step + 1


def _lost(bodies: tuple[Body, ...], poses: F64, arena: Arena) -> set[int]:
    """Bodies whose middle is no longer over the support, or below its surface."""
    lost = set()
    for number, (body, pose) in enumerate(zip(bodies, poses, strict=True)):
        middle = pose[:3, :3] @ body.model.bounds_m.mean(axis=0) + pose[:3, 3]
        if (np.abs(middle[:2]) > np.array(arena.keep_half_m)).any() or middle[2] < 0:
            lost.add(number)
    return lost


def _jammed(model: mujoco.MjModel, data: mujoco.MjData) -> tuple[set[int], float]:
    """The lighter body of every contact that is too deep, and the depth of the deepest; sleepers count too."""
    model.opt.enableflags = 0
    mujoco.mj_forward(model, data)
    distances = data.contact.dist
    jammed = set()
    for geoms in data.contact.geom[distances < -MAX_PENETRATION_M]:
        pair = [int(row) for row in model.geom_bodyid[geoms] if row > 0]
        jammed.add(min(pair, key=lambda row: (float(model.body_mass[row]), row)) - 1)
    return jammed, float(max(0.0, -distances.min(initial=0.0)))


def _hang_again(data: mujoco.MjData, bodies: tuple[Body, ...], poses: F64, numbers: list[int], *, pull: float) -> None:
    """Puts bodies back into the air, in their start orientation, one above the other over everything else."""
    rest = [number for number in range(len(bodies)) if number not in numbers]
    top = max((float(turned_box(bodies[number].model, poses[number])[1][2]) for number in rest), default=0.0)
    for number in numbers:
        start = bodies[number].world_from_object.copy()
        low, high = turned_box(bodies[number].model, start)
        start[:2, 3] *= pull
        start[2, 3] += top + REPAIR_CLEARANCE_M - low[2]
        top += float(high[2] - low[2]) + REPAIR_CLEARANCE_M
        data.qpos.reshape(-1, 7)[number] = np.concatenate([start[:3, 3], quaternion(start)])
        data.qvel.reshape(-1, 6)[number] = 0.0


def _diverged(data: mujoco.MjData) -> bool:
    """MuJoCo resets a state that is not finite and only counts a warning: the count tells."""
    bad = sum(int(data.warning[kind].number) for kind in DIVERGENCE_WARNINGS)
    return bad > 0 or float(np.abs(data.qpos.reshape(-1, 7)[:, :3]).max()) > LOST_M


def _drop_guards(model: mujoco.MjModel, guards: list[int]) -> None:
    model.geom_contype[guards] = 0
    model.geom_conaffinity[guards] = 0


def _leans_on(model: mujoco.MjModel, data: mujoco.MjData, guards: list[int]) -> bool:
    """Whether any body touches a guard, sleeping ones included."""
    model.opt.enableflags = 0
    mujoco.mj_forward(model, data)
    return bool(np.isin(data.contact.geom, guards).any())


def _calm(velocity: F64, damping: float) -> None:
    """Caps velocities, then damps them. velocity: (N, 6) linear (world) and angular (body), changed in place."""
    for columns, cap in ((slice(0, 3), LINEAR_CAP_M_S), (slice(3, 6), ANGULAR_CAP_RAD_S)):
        speed = np.sqrt((velocity[:, columns] ** 2).sum(axis=1, keepdims=True))
        velocity[:, columns] *= (1.0 - damping) * cap / np.maximum(speed, cap)


def _fastest_point(before: F64, now: F64, reach_m: F64) -> float:
    """Upper bound on the mean speed of any point of any body between two checks, m/s."""
    shift = np.sqrt(((now[:, :3] - before[:, :3]) ** 2).sum(axis=1))
    cosine = np.minimum(1.0, np.abs((now[:, 3:] * before[:, 3:]).sum(axis=1)))
    # acos loses half the digits near 1, and rest is exactly there: the chord between the quaternions does not.
    turn = 2.0 * np.sqrt(np.maximum(0.0, 2.0 - 2.0 * cosine))
    return float((shift + turn * reach_m).max() / (CHECK_STEPS * STEP_S))


def _poses(qpos: F64) -> F64:
    """(N, 7) position and quaternion (w x y z) -> (N, 4, 4)."""
    poses = np.tile(np.eye(4), (len(qpos), 1, 1))
    rotation = np.empty(9)
    for pose, state in zip(poses, qpos, strict=True):
        quaternion = state[3:] / math.sqrt(float((state[3:] ** 2).sum()))
        mujoco.mju_quat2Mat(rotation, quaternion)
        pose[:3, :3] = rotation.reshape(3, 3)
        pose[:3, 3] = state[:3]
    return poses
