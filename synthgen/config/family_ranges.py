"""The procedural families a pipeline may name: sizes, their limits, and what physics needs to know.

Names ending in _m are metres, in _deg degrees; the rest are counts and ratios. ``size:`` in an object entry overrides
single parameters; every value must stay within [low, high], inside of which every combination builds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from synthgen.config.distributions import Distribution, constant, uniform, uniform_int
from synthgen.types.catalog import Up

Unit = Literal["m", "deg", "count", "ratio", "seed"]


@dataclass(frozen=True)
class Parameter:
    """One number a family is built from: default distribution, allowed range (both ends included) and unit."""

    default: Distribution
    low: float
    high: float
    unit: Unit


@dataclass(frozen=True)
class FamilyRanges:
    """What the pipeline knows of a family.

    Attributes:
        parameters: by name, as its builder in ``assets.families.build`` takes them.
        density_kg_m3: of the volume its mesh encloses (filled packages: mean density with contents).
        friction: Coulomb coefficient against a table.
        up: object axis that points up when placed upright; "any" = it has no upright.
        supercategory: suggestion for the COCO category.
    """

    parameters: dict[str, Parameter]
    density_kg_m3: float
    friction: float
    up: Up
    supercategory: str


def _m(low: float, high: float, allowed_low: float, allowed_high: float) -> Parameter:
    return Parameter(uniform(low, high), allowed_low, allowed_high, "m")


def _ratio(low: float, high: float, allowed_low: float, allowed_high: float) -> Parameter:
    return Parameter(uniform(low, high), allowed_low, allowed_high, "ratio")


def _count(low: int, high: int, allowed_low: int, allowed_high: int) -> Parameter:
    return Parameter(uniform_int(low, high), allowed_low, allowed_high, "count")


def _one_of(values: tuple[float, ...], allowed_low: float, allowed_high: float, unit: Unit = "m") -> Parameter:
    return Parameter(Distribution(kind="choice", values=values), allowed_low, allowed_high, unit)


FAMILIES: dict[str, FamilyRanges] = {
    "battery": FamilyRanges(
        {"diameter_m": _one_of((0.0105, 0.0145), 0.008, 0.040), "length_ratio": _ratio(3.45, 3.55, 1.6, 5.0)},
        density_kg_m3=2800, friction=0.4, up="any", supercategory="household",
    ),
    "bottle": FamilyRanges(
        {"diameter_m": _m(0.058, 0.078, 0.040, 0.110), "height_m": _m(0.18, 0.26, 0.12, 0.35),
         "neck_ratio": _ratio(0.34, 0.44, 0.25, 0.60), "shoulder_ratio": _ratio(0.18, 0.28, 0.10, 0.35)},
        density_kg_m3=950, friction=0.45, up="z", supercategory="package",
    ),
    "bowl": FamilyRanges(
        {"diameter_m": _m(0.12, 0.17, 0.08, 0.30), "depth_ratio": _ratio(0.34, 0.46, 0.25, 0.55),
         "wall_m": _m(0.003, 0.005, 0.002, 0.008)},
        density_kg_m3=2300, friction=0.5, up="z", supercategory="tableware",
    ),
    "box": FamilyRanges(
        {"width_m": _m(0.07, 0.16, 0.03, 0.40), "depth_m": _m(0.035, 0.07, 0.02, 0.40),
         "height_m": _m(0.09, 0.20, 0.02, 0.40)},
        density_kg_m3=350, friction=0.5, up="z", supercategory="package",
    ),
    "bracket": FamilyRanges(
        {"leg_m": _m(0.035, 0.070, 0.020, 0.150), "rise_m": _m(0.035, 0.070, 0.020, 0.150),
         "width_m": _m(0.018, 0.035, 0.010, 0.080), "thickness_m": _m(0.002, 0.004, 0.0012, 0.005),
         "holes": _count(1, 2, 1, 4)},
        density_kg_m3=7800, friction=0.35, up="any", supercategory="part",
    ),
    "brick": FamilyRanges(
        {"length_m": _m(0.195, 0.240, 0.10, 0.30), "width_m": _m(0.095, 0.115, 0.06, 0.15),
         "height_m": _m(0.055, 0.071, 0.04, 0.10)},
        density_kg_m3=1900, friction=0.7, up="z", supercategory="part",
    ),
    "can": FamilyRanges(
        {"diameter_m": _m(0.058, 0.067, 0.045, 0.090), "height_m": _m(0.105, 0.165, 0.070, 0.200)},
        density_kg_m3=1000, friction=0.35, up="z", supercategory="package",
    ),
    "cup": FamilyRanges(
        {"top_diameter_m": _m(0.080, 0.092, 0.060, 0.120), "height_m": _m(0.085, 0.150, 0.060, 0.200),
         "taper_ratio": _ratio(0.64, 0.74, 0.50, 0.95)},
        density_kg_m3=600, friction=0.5, up="z", supercategory="tableware",
    ),
    "die": FamilyRanges(
        {"edge_m": _m(0.014, 0.019, 0.008, 0.080), "rounding_ratio": _ratio(0.09, 0.15, 0.04, 0.20)},
        density_kg_m3=1200, friction=0.4, up="any", supercategory="toy",
    ),
    "flange": FamilyRanges(
        {"diameter_m": _m(0.07, 0.12, 0.04, 0.25), "bore_ratio": _ratio(0.30, 0.42, 0.20, 0.50),
         "thickness_m": _m(0.008, 0.014, 0.004, 0.030), "bolts": _one_of((4, 6, 8), 3, 12, "count")},
        density_kg_m3=7200, friction=0.4, up="z", supercategory="part",
    ),
    "gadget": FamilyRanges(
        {"form": Parameter(uniform_int(0, 999_999), 0, 999_999, "seed"), "extent_m": _m(0.05, 0.20, 0.02, 0.40),
         "pieces": _count(2, 6, 2, 6), "stoutness": _ratio(0.45, 2.00, 0.30, 2.50)},
        density_kg_m3=1200, friction=0.45, up="any", supercategory="part",
    ),
    "gear": FamilyRanges(
        {"teeth": _count(14, 32, 8, 60), "module_m": _m(0.0012, 0.0025, 0.0008, 0.004),
         "width_m": _m(0.008, 0.016, 0.003, 0.040), "bore_ratio": _ratio(0.20, 0.35, 0.12, 0.50)},
        density_kg_m3=7800, friction=0.3, up="z", supercategory="part",
    ),
    "hammer": FamilyRanges(
        {"length_m": _m(0.26, 0.33, 0.18, 0.40), "head_m": _m(0.105, 0.130, 0.08, 0.16)},
        density_kg_m3=2200, friction=0.5, up="z", supercategory="tool",
    ),
    "hex_bolt": FamilyRanges(
        {"thread_m": _one_of((0.006, 0.008, 0.010, 0.012, 0.016), 0.003, 0.030),
         "length_m": _m(0.020, 0.060, 0.008, 0.120)},
        density_kg_m3=7800, friction=0.3, up="any", supercategory="part",
    ),
    "hex_nut": FamilyRanges(
        {"thread_m": _one_of((0.008, 0.010, 0.012, 0.016, 0.020), 0.003, 0.030)},
        density_kg_m3=7800, friction=0.3, up="z", supercategory="part",
    ),
    "mug": FamilyRanges(
        {"diameter_m": _m(0.076, 0.092, 0.060, 0.130), "height_m": _m(0.085, 0.110, 0.070, 0.160),
         "wall_m": _m(0.0035, 0.0050, 0.0025, 0.008), "taper_ratio": _ratio(0.86, 1.0, 0.70, 1.0),
         "handle_clearance_m": _m(0.023, 0.030, 0.018, 0.045)},
        density_kg_m3=2300, friction=0.5, up="z", supercategory="tableware",
    ),
    "pipe_elbow": FamilyRanges(
        {"diameter_m": _m(0.018, 0.032, 0.010, 0.060), "bend_ratio": _ratio(0.75, 1.1, 0.65, 2.0)},
        density_kg_m3=8500, friction=0.35, up="any", supercategory="part",
    ),
    "plate": FamilyRanges(
        {"diameter_m": _m(0.18, 0.26, 0.12, 0.35), "depth_ratio": _ratio(0.085, 0.12, 0.07, 0.16),
         "wall_m": _m(0.0035, 0.0050, 0.0025, 0.007)},
        density_kg_m3=2300, friction=0.45, up="z", supercategory="tableware",
    ),
    "screwdriver": FamilyRanges(
        {"handle_m": _m(0.085, 0.115, 0.060, 0.140), "shaft_m": _m(0.075, 0.140, 0.040, 0.250),
         "grip_diameter_m": _m(0.025, 0.034, 0.015, 0.042)},
        density_kg_m3=1500, friction=0.5, up="any", supercategory="tool",
    ),
    "spoon": FamilyRanges(
        {"length_m": _m(0.150, 0.200, 0.110, 0.280), "width_m": _m(0.032, 0.042, 0.022, 0.060)},
        density_kg_m3=7900, friction=0.3, up="z", supercategory="tableware",
    ),
    "t_slot_profile": FamilyRanges(
        {"size_m": _one_of((0.020, 0.030, 0.040), 0.015, 0.060), "length_m": _m(0.06, 0.18, 0.02, 0.50)},
        density_kg_m3=2700, friction=0.35, up="any", supercategory="part",
    ),
    "tape_roll": FamilyRanges(
        {"diameter_m": _m(0.075, 0.120, 0.040, 0.160), "width_m": _m(0.018, 0.050, 0.008, 0.080),
         "core_ratio": _ratio(0.64, 0.78, 0.40, 0.88)},
        density_kg_m3=950, friction=0.6, up="z", supercategory="household",
    ),
    "toy_brick": FamilyRanges(
        {"studs_x": _count(2, 4, 1, 8), "studs_y": _count(1, 2, 1, 4), "pitch_m": _one_of((0.008, 0.016), 0.006, 0.032),
         "plates": _one_of((3,), 1, 6, "count")},
        density_kg_m3=1050, friction=0.4, up="z", supercategory="toy",
    ),
    "washer": FamilyRanges(
        {"thread_m": _one_of((0.008, 0.010, 0.012, 0.016, 0.020), 0.003, 0.030)},
        density_kg_m3=7800, friction=0.3, up="z", supercategory="part",
    ),
    "wrench": FamilyRanges(
        {"size_m": _one_of((0.010, 0.013, 0.017, 0.019), 0.006, 0.032), "length_ratio": _ratio(8.5, 11.5, 7.0, 14.0),
         "offset_deg": Parameter(constant(15.0), 0.0, 25.0, "deg")},
        density_kg_m3=7800, friction=0.35, up="z", supercategory="tool",
    ),
}  # fmt: skip
