"""The lift test: a two-finger gripper closes on an object in its settled clutter, lifts it and shakes it, in MuJoCo.

Nothing of the grasp planner is used: contacts come from MuJoCo's own collision detection on the convex parts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import mujoco
import numpy as np

from synthgen.scene.bodies import SLEEP, Arena, Body, quaternion, scene_spec, set_masses
from synthgen.types.arrays import F64
from synthgen.types.grasps import Gripper

Outcome = Literal["held", "missed", "slipped", "shaken_off", "unstable"]
OUTCOMES: tuple[Outcome, ...] = ("held", "missed", "slipped", "shaken_off", "unstable")

GEOM = mujoco.mjtGeom
# Several contact points between flat sides: the default since MuJoCo 4, a flag before.
MULTICCD = int(getattr(mujoco.mjtEnableBit, "mjENBL_MULTICCD", 0))
STEP_S = 0.001
HAND_KG, FINGER_KG = 1.0, 0.1
HAND_STIFFNESS_N_M = 30_000.0
CLOSING_SPEED_M_S = 0.12
ROLLING_M = 0.005  # things in the clutter do not roll away while one of them is picked
PAD_TORSION_M = 0.004
HELD_RISE = 0.5  # of the lift height that the object's centre has to rise with the hand
LOST_M = 5.0


@dataclass(frozen=True)
class LiftSetup:
    """What the test assumes.

    Attributes:
        friction: Coulomb coefficient between the pads and anything else.
        force_n: closing force of each finger.
        close_s, lift_s, shake_s: how long each phase takes.
        lift_m: height of the lift.
        shake_m, shake_hz: amplitude and frequency of the shaking, along all three world axes in turn.
    """

    friction: float = 0.6
    force_n: float = 40.0
    close_s: float = 0.8
    lift_s: float = 0.8
    shake_s: float = 1.2
    lift_m: float = 0.1
    shake_m: float = 0.02
    shake_hz: float = 2.5


def lift_test(
    bodies: tuple[Body, ...],
    arena: Arena,
    target: int,
    gripper: Gripper,
    world_from_gripper: F64,
    opening_m: float,
    setup: LiftSetup,
) -> Outcome:
    """Closes, lifts 10 cm, shakes.

    Args:
        bodies: everything that can move, at rest.
        arena: what does not move.
        target: index of the body to lift.
        gripper: its sizes.
        world_from_gripper: (4, 4) pose of the grasp.
        opening_m: distance of the pads at the start.

    Returns:
        "held": still touched by both fingers and off the ground after shaking; else the phase that it was lost in.
    """
    spec, guards = scene_spec(bodies, arena, step_s=STEP_S)
    _add_gripper(spec, gripper, world_from_gripper, setup)
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    spec.option.enableflags = SLEEP | MULTICCD
    spec.option.impratio = 10.0
    model = spec.compile()
    set_masses(model, bodies)
    for name in guards:
        model.geom(name).contype, model.geom(name).conaffinity = 0, 0
    free = model.geom_priority == 0
    model.geom_friction[free, 2] = ROLLING_M
    return _run(model, target, (gripper.opening_m - opening_m) / 2, setup)


def _run(model: mujoco.MjModel, target: int, closed_m: float, setup: LiftSetup) -> Outcome:
    """``closed_m``: how far each finger is closed at the start."""
    data = mujoco.MjData(model)
    for side in (-1, 1):
        data.joint(f"finger{side:+d}").qpos[0] = closed_m
    body = model.body(f"body{target}").id
    mujoco.mj_forward(model, data)
    start_z = float(data.xipos[body, 2])
    fingers = [model.body("finger-1").id, model.body("finger+1").id]
    hand = [model.actuator(f"hand{axis}").id for axis in "xyz"]
    squeeze = [model.actuator("squeeze-1").id, model.actuator("squeeze+1").id]
    data.ctrl[squeeze] = setup.force_n
    phases: tuple[tuple[float, Outcome], ...] = (
        (setup.close_s, "missed"),
        (setup.lift_s, "slipped"),
        (setup.shake_s, "shaken_off"),
    )
    for number, (seconds, loss) in enumerate(phases):
        for step in range(round(seconds / STEP_S)):
            share = (step + 1) * STEP_S / seconds
            data.ctrl[hand] = _hand_target(number, share, setup)
            mujoco.mj_step(model, data)
        if not np.isfinite(data.qpos).all() or np.abs(data.xipos[body]).max() > LOST_M:
            return "unstable"
        risen = float(data.xipos[body, 2]) - start_z
        needed = -np.inf if number == 0 else HELD_RISE * setup.lift_m
        if not _touched_by_both(model, data, body, fingers) or risen < needed:
            return loss
    return "held"


def _hand_target(phase: int, share: float, setup: LiftSetup) -> F64:
    """(3,) where the hand should be, relative to its start, at a share of a phase (0 close, 1 lift, 2 shake)."""
    if phase == 0:
        return np.zeros(3)
    up = np.array([0.0, 0.0, setup.lift_m])
    if phase == 1:
        return up * (share * share * (3.0 - 2.0 * share))
    swing = setup.shake_m * np.sin(2 * np.pi * setup.shake_hz * share * setup.shake_s)
    axis = min(int(3 * share), 2)
    return up + swing * np.eye(3)[axis]


def _touched_by_both(model: mujoco.MjModel, data: mujoco.MjData, body: int, fingers: list[int]) -> bool:
    pairs = model.geom_bodyid[data.contact.geom]
    return all(bool((((pairs == body) | (pairs == finger)).all(axis=1) & (data.contact.dist < 5e-4)).any())
               for finger in fingers)  # fmt: skip


def _add_gripper(spec: mujoco.MjSpec, gripper: Gripper, pose: F64, setup: LiftSetup) -> None:
    """A hand on three stiff slides along the world's axes, and two fingers that close together."""
    hand = spec.worldbody.add_body(name="hand", pos=pose[:3, 3], quat=quaternion(pose), gravcomp=1.0)
    hand.mass, hand.inertia, hand.explicitinertial = HAND_KG, [1e-3] * 3, True
    for number, axis in enumerate("xyz"):
        # A joint's axis is given in the body's own frame.
        hand.add_joint(name=f"hand{axis}", type=mujoco.mjtJoint.mjJNT_SLIDE, axis=pose[number, :3])
        damping = 2.0 * float(np.sqrt(HAND_STIFFNESS_N_M * HAND_KG))
        _add_servo(spec, f"hand{axis}", HAND_STIFFNESS_N_M, damping)
    for box in gripper.boxes:
        if box.finger == 0:
            _add_box(hand, box.low_m, box.high_m, setup)
    for side in (-1, 1):
        finger = hand.add_body(name=f"finger{side:+d}", gravcomp=1.0)
        finger.mass, finger.inertia, finger.explicitinertial = FINGER_KG, [1e-4] * 3, True
        finger.add_joint(
            name=f"finger{side:+d}", type=mujoco.mjtJoint.mjJNT_SLIDE, axis=[-side, 0, 0],
            range=[0.0, gripper.opening_m / 2], limited=1, damping=setup.force_n / CLOSING_SPEED_M_S,
        )  # fmt: skip
        for box in gripper.boxes:
            if box.finger == side:
                _add_box(finger, box.low_m, box.high_m, setup)
        motor = spec.add_actuator(name=f"squeeze{side:+d}", target=f"finger{side:+d}")
        motor.trntype = mujoco.mjtTrn.mjTRN_JOINT
    couple = spec.add_equality(name="together", type=mujoco.mjtEq.mjEQ_JOINT, name1="finger-1", name2="finger+1")
    couple.objtype = mujoco.mjtObj.mjOBJ_JOINT
    couple.data[:5] = [0.0, 1.0, 0.0, 0.0, 0.0]
    couple.solref = [0.01, 1.0]


def _add_servo(spec: mujoco.MjSpec, joint: str, stiffness: float, damping: float) -> None:
    servo = spec.add_actuator(name=joint, target=joint)
    servo.trntype = mujoco.mjtTrn.mjTRN_JOINT
    servo.biastype = mujoco.mjtBias.mjBIAS_AFFINE
    servo.gainprm[0] = stiffness
    servo.biasprm[1:3] = -stiffness, -damping


def _add_box(body: mujoco.MjsBody, low: tuple[float, ...], high: tuple[float, ...], setup: LiftSetup) -> None:
    centre, half = (np.array(low) + high) / 2, (np.array(high) - low) / 2
    geom = body.add_geom(type=GEOM.mjGEOM_BOX, pos=centre, size=half)
    geom.condim = 4
    geom.priority = 1  # its friction counts, whatever it touches
    geom.friction = [setup.friction, PAD_TORSION_M, 0.0]
    geom.solref, geom.solimp = [0.006, 1.0], [0.95, 0.99, 0.001, 0.5, 2.0]
