"""The ``labels.grasps`` block: which gripper, and what counts as a grasp."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Discriminator, Field, Tag

from synthgen.config.frozen import Frozen

Length = Annotated[float, Field(gt=0, le=1, description="metres")]
# Behind a discriminator that is a function, pydantic's strict mode no longer takes a JSON list for a tuple.
Size = Annotated[
    tuple[Length, Length, Length], BeforeValidator(lambda given: tuple(given) if isinstance(given, list) else given)
]

NAMED, SIZES = "GripperName", "GripperConfig"
UNION_TAGS = (NAMED, SIZES)  # appear in the places of pydantic's findings
GRIPPER_SUFFIXES = (".yaml", ".yml")
GRIPPERS = ("franka_hand", "robotiq_2f85")  # ``label.grippers`` holds their sizes; a test compares the two


class GripperConfig(Frozen):
    """A two-finger gripper of your own, as boxes; sizes along (closing, across, approach)."""

    name: str = Field("own", min_length=1, max_length=100, description="for people")
    opening_m: Length = Field(description="distance between the pads when fully open", examples=[0.08])
    finger_depth_m: Length = Field(description="from the finger tips back to the palm", examples=[0.047])
    finger_width_m: Length = Field(description="of the pads, across the closing direction", examples=[0.02])
    finger_thickness_m: Length = Field(description="of a finger tip, along the closing direction", examples=[0.015])
    pad_length_m: Length | None = Field(
        None, description="length of the flat pads from the tips back; default: the whole finger", examples=[0.018]
    )
    base_offset_m: float = Field(
        0.0, ge=0, le=0.2, description="how far the finger behind its pad stands back from the pad's face"
    )
    base_thickness_m: Length | None = Field(
        None, description="of the finger behind its pad; default: finger_thickness_m", examples=[0.02]
    )
    palm_m: Size = Field(description="of the palm's box", examples=[[0.2, 0.065, 0.09]])
    wrist_m: Size | None = Field(
        None, description="of the box behind the palm: wrist, flange, camera", examples=[[0.09, 0.09, 0.1]]
    )


def _form(given: Any) -> str:
    return SIZES if isinstance(given, dict | GripperConfig) else NAMED


class GraspsConfig(Frozen):
    """Parallel-jaw grasp labels."""

    gripper: Annotated[Annotated[str, Tag(NAMED)] | Annotated[GripperConfig, Tag(SIZES)], Discriminator(_form)] = Field(
        "franka_hand",
        description="franka_hand, robotiq_2f85, a YAML file with the sizes of your own gripper, or a block of them",
        examples=["franka_hand"],
    )
    friction_max: float = Field(
        1.0, ge=0.1, le=2, description="grasps that need more friction are left out; score = 1 - min_friction / this"
    )
    per_object: int = Field(16, ge=1, le=16, description="grasps per object at most")
    approach_m: float = Field(0.1, ge=0, le=0.5, description="length of the straight approach path that must be free")
    preshape_m: float | None = Field(
        None,
        ge=0.002,
        le=0.2,
        description="the fingers open this much wider than the object on each side; default: they open fully",
        examples=[0.015],
    )
    clearance_m: float = Field(
        0.001, ge=0, le=0.05, description="distance that the gripper keeps from everything but the object itself"
    )
