"""Grippers as data: the shipped ones, and the boxes that follow from a gripper's sizes."""

from __future__ import annotations

from synthgen.config.grasps import GripperConfig
from synthgen.errors import ConfigError
from synthgen.types.grasps import Gripper, GripperBox

# Bounding boxes of the vendors' collision models (Franka description package; Robotiq 2F-85, fully open), to 2 mm.
SHIPPED: dict[str, GripperConfig] = {
    "franka_hand": GripperConfig(
        name="franka_hand",
        opening_m=0.08,
        finger_depth_m=0.047,
        finger_width_m=0.02,
        finger_thickness_m=0.0152,
        pad_length_m=0.0185,
        base_offset_m=0.011,
        base_thickness_m=0.015,
        palm_m=(0.205, 0.064, 0.092),
        wrist_m=(0.09, 0.09, 0.08),
    ),
    # Opened, its linkage stands out beside the pads, up to the width of the palm's box.
    "robotiq_2f85": GripperConfig(
        name="robotiq_2f85",
        opening_m=0.085,
        finger_depth_m=0.061,
        finger_width_m=0.022,
        finger_thickness_m=0.014,
        pad_length_m=0.0375,
        base_offset_m=0.004,
        base_thickness_m=0.028,
        palm_m=(0.15, 0.075, 0.045),
        wrist_m=(0.076, 0.076, 0.12),
    ),
}


def make_gripper(config: str | GripperConfig) -> Gripper:
    """The gripper of a shipped name or of its sizes.

    Raises:
        ConfigError: no shipped gripper of that name.
    """
    if isinstance(config, str):
        if config not in SHIPPED:
            raise ConfigError(
                f"labels.grasps.gripper: there is no gripper {config!r}; shipped: {', '.join(SHIPPED)}; "
                "or give a YAML file or block with its sizes (opening_m, finger_depth_m, ...)"
            )
        config = SHIPPED[config]
    pad = min(config.pad_length_m or config.finger_depth_m, config.finger_depth_m)
    return Gripper(
        name=config.name,
        opening_m=config.opening_m,
        depth_m=config.finger_depth_m,
        pad_length_m=pad,
        pad_width_m=config.finger_width_m,
        boxes=(*_fingers(config, pad), *_hand(config)),
    )


def _fingers(config: GripperConfig, pad_m: float) -> list[GripperBox]:
    """The tip with its pad and, where the pad ends before the palm, the finger's base behind it; both sides."""
    half_width, face = config.finger_width_m / 2, config.opening_m / 2
    pieces = [(face, config.finger_thickness_m, -pad_m, 0.0)]
    if config.finger_depth_m > pad_m:
        thickness = config.base_thickness_m or config.finger_thickness_m
        pieces.append((face + config.base_offset_m, thickness, -config.finger_depth_m, -pad_m))
    boxes = []
    for inner, thickness, z_low, z_high in pieces:
        outer = inner + thickness
        boxes.append(GripperBox((-outer, -half_width, z_low), (-inner, half_width, z_high), finger=-1))
        boxes.append(GripperBox((inner, -half_width, z_low), (outer, half_width, z_high), finger=1))
    return boxes


def _hand(config: GripperConfig) -> list[GripperBox]:
    """Palm, and behind it the wrist."""
    boxes, z = [], -config.finger_depth_m
    for size in (config.palm_m, config.wrist_m):
        if size is not None:
            boxes.append(GripperBox((-size[0] / 2, -size[1] / 2, z - size[2]), (size[0] / 2, size[1] / 2, z)))
            z -= size[2]
    return boxes
