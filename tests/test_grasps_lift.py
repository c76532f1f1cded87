"""The lift test and its statistics."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from test_grasps_candidates import FRANKA, model_from

from synthgen.evaluate.grasps import Lift, by_thirds, wilson_interval
from synthgen.evaluate.lift import LiftSetup, lift_test
from synthgen.label.grasps_candidates import gripper_poses
from synthgen.scene.bodies import Arena, Body

ARENA = Arena(half_size_m=(5.0, 5.0), keep_half_m=(5.0, 5.0))
QUICK = LiftSetup(close_s=0.4, lift_s=0.5, shake_s=0.6)


def block(x: float = 0.0, density: float = 500.0) -> Body:
    pose = np.eye(4)
    pose[:3, 3] = x, 0.0, 0.03
    return Body(model_from(trimesh.creation.box((0.04, 0.05, 0.06))), pose, density, 0.6)


def from_above(x: float = 0.0, z: float = 0.04) -> np.ndarray:
    down = np.array([[0.0, 0.0, -1.0]])
    return gripper_poses(np.array([[x, 0.0, z]]), np.array([[1.0, 0.0, 0.0]]), down, 0.009)[0]


ROWS = [
    ("a light block between the pads", from_above(), QUICK, block(), "held"),
    (
        "pads of ice",
        from_above(),
        LiftSetup(friction=0.05, close_s=0.4, lift_s=0.5, shake_s=0.6),
        block(density=5000.0),
        "slipped",
    ),
    ("a weak hand", from_above(), LiftSetup(force_n=1.0, close_s=0.4, lift_s=0.5), block(density=9000.0), "slipped"),
    ("a grasp beside the object", from_above(x=0.3), QUICK, block(), "missed"),
    ("a grasp over the object", from_above(z=0.09), QUICK, block(), "missed"),
]


@pytest.mark.parametrize(("intent", "pose", "setup", "body", "outcome"), ROWS, ids=[row[0] for row in ROWS])
def test_outcomes(intent: str, pose: np.ndarray, setup: LiftSetup, body: Body, outcome: str) -> None:
    assert lift_test((body,), ARENA, 0, FRANKA, pose, 0.08, setup) == outcome, intent


def test_preshaped_fingers_start_closer_and_hold_as_well() -> None:
    assert lift_test((block(),), ARENA, 0, FRANKA, from_above(), 0.05, QUICK) == "held"


def test_only_the_target_counts() -> None:
    """Intent: the neighbour is lifted, the target stays."""
    assert lift_test((block(), block(x=0.3)), ARENA, 1, FRANKA, from_above(), 0.08, QUICK) == "missed"


def test_the_same_lift_ends_the_same() -> None:
    pose = from_above(z=0.055)
    outcomes = {lift_test((block(), block(x=0.12)), ARENA, 0, FRANKA, pose, 0.08, QUICK) for _ in range(2)}
    assert len(outcomes) == 1


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    # Wilson 1927; checked against statsmodels' proportion_confint(method="wilson").
    [(0, 0, 0.0, 1.0), (0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (80, 100, 0.7112, 0.8666), (1, 2, 0.0945, 0.9055)],
)
def test_wilson_interval(successes: int, trials: int, low: float, high: float) -> None:
    found = wilson_interval(successes, trials)
    assert found == pytest.approx((low, high), abs=1e-3)


def test_thirds_are_sorted_by_score_and_cover_everything() -> None:
    scores = [0.9, 0.1, 0.5, 0.95, 0.2, 0.6, 1.0]
    lifts = [
        Lift(0, k, "mug", score, 1 - score, "held" if score > 0.5 else "slipped") for k, score in enumerate(scores)
    ]
    thirds = by_thirds(lifts)
    assert list(thirds) == ["lowest third", "middle third", "top third"]
    assert [third["tested"] for third in thirds.values()] == [2, 3, 2]
    assert [third["held"] for third in thirds.values()] == [0, 2, 2]
    assert thirds["middle third"]["score_range"] == [0.5, 0.9]
