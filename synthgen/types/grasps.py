"""Parallel-jaw grippers and grasps.

Gripper frame: origin midway between the finger tips, +z approach (out of the palm, towards the object), +x closing
direction, +y = z cross x. Metres. In this frame the tips lie at z = 0 and the fingers reach back to z = -depth.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synthgen.types.arrays import F64, Bool, freeze


@dataclass(frozen=True)
class GripperBox:
    """One box of a fully open gripper, aligned with the gripper frame.

    Attributes:
        low_m, high_m: opposite corners.
        finger: -1 moves with the finger at negative x, +1 with the one at positive x, 0 is fixed.
    """

    low_m: tuple[float, float, float]
    high_m: tuple[float, float, float]
    finger: int = 0


@dataclass(frozen=True)
class Gripper:
    """A two-finger gripper as a few boxes; hashable, so that it can key a cache.

    Attributes:
        name: for people.
        opening_m: distance between the pads when fully open.
        depth_m: from the tips back to the palm.
        pad_length_m: length of the flat pads, from the tips back.
        pad_width_m: width of the pads (along y), the "jaw size" of a grasp rectangle.
        boxes: fingers, palm and wrist, fully open.
    """

    name: str
    opening_m: float
    depth_m: float
    pad_length_m: float
    pad_width_m: float
    boxes: tuple[GripperBox, ...]

    def corners(self) -> tuple[F64, F64]:
        """(B, 3) low and (B, 3) high corners of the boxes."""
        return np.array([box.low_m for box in self.boxes]), np.array([box.high_m for box in self.boxes])

    def corners_at(self, opening_m: F64) -> tuple[F64, F64]:
        """(P, B, 3) low and high corners with the pads (P,) ``opening_m`` apart."""
        low, high = self.corners()
        shift = np.zeros((len(opening_m), len(low), 3))
        fingers = np.array([box.finger for box in self.boxes], dtype=np.float64)
        shift[:, :, 0] = -fingers[None, :] * (self.opening_m - opening_m[:, None]) / 2
        return low + shift, high + shift

    def opening_for(self, width_m: F64, preshape_m: float | None) -> F64:
        """(P,) distance of the pads during the approach: fully open, or ``preshape_m`` wider on each side."""
        if preshape_m is None:
            return np.full(len(width_m), self.opening_m)
        return np.minimum(self.opening_m, width_m + 2 * preshape_m)


@dataclass(frozen=True, eq=False)
class GraspCandidates:
    """What a gripper can do with one object alone; object frame.

    P antipodal contact pairs, A approach directions about each closing axis, R depths to which the tips reach past the
    contacts.

    Attributes:
        pairs_found: antipodal pairs within the opening, before the choice of P spread-out ones: 0 = not graspable.
        centre_m: (3,) centroid of the object's surface.
        middle_m: (P, 3) midpoint of the contacts.
        closing: (P, 3) unit closing axis.
        width_m: (P,) distance of the contacts.
        min_friction: (P,) smallest Coulomb coefficient for which both contact normals lie in the friction cone.
        approach: (P, A, 3) unit approach directions.
        reach_m: (R,) distance of the tips past the contacts, descending.
        clear: (P, A, R) whether the open gripper gets there, along its straight approach path, without touching the
            object, and closes on the contacts before it touches anything else of it.
    """

    pairs_found: int
    centre_m: F64
    middle_m: F64
    closing: F64
    width_m: F64
    min_friction: F64
    approach: F64
    reach_m: F64
    clear: Bool

    def __post_init__(self) -> None:
        for array in (self.middle_m, self.closing, self.width_m, self.min_friction, self.approach, self.clear):
            freeze(array)


@dataclass(frozen=True, eq=False)
class PlacedGrasp:
    """One grasp of one object in a settled scene.

    Attributes:
        object_from_gripper: (4, 4) float64 pose of the gripper frame in the object frame.
        width_m: distance of the contacts.
        min_friction: smallest Coulomb coefficient that holds.
        score: 1 - min_friction / friction_max, in [0, 1].
        collision_free: the open gripper gets there along its approach path without touching anything.
    """

    object_from_gripper: F64
    width_m: float
    min_friction: float
    score: float
    collision_free: bool


@dataclass(frozen=True, eq=False)
class Grasp:
    """One grasp of one labelled instance, seen by one camera.

    Attributes:
        object_from_gripper, camera_from_gripper: (4, 4) float64 poses of the gripper frame.
        width_m, min_friction, score, collision_free: as in ``PlacedGrasp``.
        rect_px: (cx, cy, width, jaw, angle_deg): the grasp rectangle of the Cornell and Jacquard sets: pixels, centre =
            projected gripper origin, width = projected distance of the contacts, jaw = projected pad width, angle of
            the closing axis from image +x towards image +y (clockwise as displayed; Jacquard's sign), in [-90, 90).
            None where the approach is more than 30 degrees off the optical axis or the centre is out of frame.
    """

    object_from_gripper: F64
    camera_from_gripper: F64
    width_m: float
    min_friction: float
    score: float
    collision_free: bool
    rect_px: tuple[float, float, float, float, float] | None
