"""The finish table: what each finish of a part, and each surface of a table, tote or floor, looks like.

Colours are sRGB in [0, 1], as one would pick them on a screen; of a metal they are its reflectance at normal incidence.
"""

from __future__ import annotations

from dataclasses import dataclass

Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Finish:
    """How to draw a material.

    Attributes:
        palette: base colours to choose from, each jittered a little; ignored by patterns with a colour of their own.
        roughness: lowest and highest, uniform.
        metallic: 0 or 1.
        patterns: procedural textures (``assets.texture_patterns``) to choose from; () = plain.
        patterned: share of draws that use a pattern.
        jitter: standard deviation of the colour jitter, in sRGB units.
        tone: largest darkening of patterns with a colour of their own, a share of their reflectance.
    """

    palette: tuple[Colour, ...]
    roughness: tuple[float, float]
    metallic: float = 0.0
    patterns: tuple[str, ...] = ()
    patterned: float = 1.0
    jitter: float = 0.03
    tone: float = 0.0


WHITE: Colour = (1.0, 1.0, 1.0)
VIVID: tuple[Colour, ...] = (
    (0.80, 0.10, 0.09), (0.93, 0.42, 0.07), (0.96, 0.77, 0.10), (0.16, 0.55, 0.22), (0.08, 0.33, 0.66),
    (0.10, 0.55, 0.62), (0.91, 0.88, 0.78), (0.30, 0.32, 0.34), (0.93, 0.93, 0.91), (0.09, 0.09, 0.10),
    (0.45, 0.47, 0.49), (0.36, 0.52, 0.24), (0.12, 0.20, 0.42), (0.62, 0.08, 0.18),
)  # fmt: skip
MUTED: tuple[Colour, ...] = (
    (0.86, 0.84, 0.78), (0.25, 0.27, 0.30), (0.55, 0.33, 0.25), (0.35, 0.44, 0.36), (0.28, 0.38, 0.50),
    (0.72, 0.62, 0.45), (0.10, 0.10, 0.11), (0.60, 0.62, 0.63), (0.78, 0.30, 0.20), (0.20, 0.42, 0.46),
)  # fmt: skip
GLAZES: tuple[Colour, ...] = (
    (0.94, 0.93, 0.90), (0.92, 0.90, 0.83), (0.20, 0.32, 0.46), (0.16, 0.17, 0.18), (0.42, 0.54, 0.48),
    (0.66, 0.30, 0.20), (0.80, 0.66, 0.42), (0.55, 0.66, 0.74), (0.36, 0.20, 0.15), (0.74, 0.74, 0.72),
)  # fmt: skip
MACHINE_PAINT: tuple[Colour, ...] = (
    (0.12, 0.30, 0.52), (0.88, 0.40, 0.08), (0.90, 0.72, 0.10), (0.22, 0.42, 0.28), (0.62, 0.64, 0.65),
    (0.12, 0.12, 0.13), (0.70, 0.12, 0.10), (0.90, 0.90, 0.88), (0.30, 0.33, 0.36),
)  # fmt: skip
STEEL: tuple[Colour, ...] = ((0.76, 0.76, 0.75), (0.70, 0.70, 0.71), (0.80, 0.80, 0.79))
ZINC: tuple[Colour, ...] = ((0.78, 0.80, 0.82), (0.70, 0.73, 0.77), (0.80, 0.76, 0.60), (0.74, 0.75, 0.76))
# Natural aluminium is by far the most common; of the dyed ones, black.
ANODISED: tuple[Colour, ...] = (
    (0.84, 0.85, 0.86), (0.80, 0.81, 0.82), (0.78, 0.79, 0.80), (0.82, 0.82, 0.81), (0.83, 0.84, 0.85),
    (0.76, 0.77, 0.78), (0.16, 0.165, 0.17), (0.18, 0.18, 0.185), (0.52, 0.20, 0.20), (0.26, 0.35, 0.50),
)  # fmt: skip
ALUMINIUM: tuple[Colour, ...] = ((0.91, 0.92, 0.92), (0.88, 0.89, 0.90), (0.86, 0.87, 0.88))
TOTES: tuple[Colour, ...] = (
    (0.10, 0.28, 0.58), (0.45, 0.47, 0.50), (0.14, 0.15, 0.16), (0.68, 0.13, 0.12), (0.16, 0.44, 0.26),
    (0.90, 0.72, 0.14), (0.80, 0.80, 0.78), (0.24, 0.32, 0.42),
)  # fmt: skip

BRASS: tuple[Colour, ...] = ((0.87, 0.78, 0.56), (0.80, 0.70, 0.48), (0.84, 0.75, 0.56), (0.76, 0.64, 0.46))
OXIDE: tuple[Colour, ...] = ((0.18, 0.18, 0.19), (0.24, 0.23, 0.23))
RUBBERS: tuple[Colour, ...] = ((0.10, 0.10, 0.10), (0.16, 0.16, 0.17), (0.60, 0.12, 0.10))
CLAYS: tuple[Colour, ...] = ((0.66, 0.34, 0.24), (0.58, 0.28, 0.20), (0.74, 0.50, 0.36), (0.72, 0.66, 0.58))
BOTTLES: tuple[Colour, ...] = (
    (0.93, 0.93, 0.91), (0.90, 0.88, 0.82), (0.95, 0.95, 0.95), (0.62, 0.10, 0.09), (0.88, 0.70, 0.16),
    (0.22, 0.13, 0.08), (0.12, 0.25, 0.17), (0.13, 0.20, 0.36), (0.11, 0.11, 0.12), (0.62, 0.76, 0.84),
    (0.80, 0.84, 0.74), (0.76, 0.58, 0.62),
)  # fmt: skip
CAPS: tuple[Colour, ...] = (
    (0.92, 0.92, 0.91), (0.10, 0.10, 0.11), (0.90, 0.90, 0.89), (0.66, 0.12, 0.11), (0.12, 0.24, 0.48),
    (0.16, 0.40, 0.24), (0.86, 0.68, 0.16), (0.45, 0.46, 0.47),
)  # fmt: skip
LIDS: tuple[Colour, ...] = (
    (0.93, 0.93, 0.92), (0.12, 0.12, 0.12), (0.16, 0.15, 0.14), (0.92, 0.91, 0.88), (0.30, 0.18, 0.12),
    (0.55, 0.12, 0.10),
)  # fmt: skip
COVERS: tuple[Colour, ...] = (
    (0.11, 0.11, 0.12), (0.16, 0.20, 0.30), (0.40, 0.13, 0.12), (0.62, 0.48, 0.33), (0.45, 0.46, 0.46),
    (0.20, 0.30, 0.25), (0.85, 0.83, 0.78), (0.12, 0.12, 0.13),
)  # fmt: skip
TRAYS: tuple[Colour, ...] = (
    (0.45, 0.47, 0.49), (0.14, 0.14, 0.15), (0.80, 0.80, 0.78), (0.16, 0.30, 0.50), (0.52, 0.40, 0.28),
    (0.60, 0.62, 0.62),
)  # fmt: skip
TAPES: tuple[Colour, ...] = (
    (0.62, 0.45, 0.26), (0.86, 0.82, 0.72), (0.70, 0.71, 0.72), (0.10, 0.10, 0.11), (0.90, 0.80, 0.52),
    (0.20, 0.42, 0.62), (0.92, 0.92, 0.91), (0.70, 0.12, 0.10), (0.86, 0.70, 0.14), (0.14, 0.40, 0.24),
)  # fmt: skip
# Painted benches and desks: RAL greys, white, a little colour.
BENCHES: tuple[Colour, ...] = (
    (0.80, 0.81, 0.80), (0.60, 0.62, 0.62), (0.92, 0.92, 0.91), (0.42, 0.45, 0.47), (0.84, 0.82, 0.76),
    (0.29, 0.31, 0.33), (0.47, 0.55, 0.60), (0.50, 0.57, 0.50), (0.70, 0.70, 0.68), (0.30, 0.40, 0.50),
)  # fmt: skip
PAPERS: tuple[Colour, ...] = ((0.95, 0.95, 0.93), (0.93, 0.92, 0.89), (0.90, 0.86, 0.76), (0.72, 0.58, 0.42))

FINISHES: dict[str, Finish] = {
    "ceramic": Finish(GLAZES, (0.08, 0.35), patterns=("glaze",), patterned=0.6),
    "plastic_glossy": Finish(VIVID, (0.12, 0.35), patterns=("moulded",), patterned=0.7),
    "plastic_matte": Finish(VIVID + MUTED, (0.40, 0.70), patterns=("moulded",), patterned=0.7),
    "painted_metal": Finish(MACHINE_PAINT, (0.25, 0.55), patterns=("worn_paint",), patterned=0.8),
    "brushed_steel": Finish(STEEL, (0.28, 0.45), 1.0, ("brushed",), jitter=0.015),
    "polished_steel": Finish(STEEL, (0.10, 0.24), 1.0, ("steel_scratches",), patterned=0.8, jitter=0.015),
    "zinc": Finish(ZINC, (0.25, 0.48), 1.0, ("zinc_spangle",), jitter=0.02),
    "brass": Finish(BRASS, (0.24, 0.48), 1.0, ("tarnish", "steel_scratches"), jitter=0.02),
    "black_oxide": Finish(OXIDE, (0.32, 0.55), 0.8, ("steel_scratches",), jitter=0.01),
    "cast_iron": Finish(((0.36, 0.36, 0.37), (0.42, 0.41, 0.40)), (0.55, 0.8), 0.7, ("cast_grain",), jitter=0.015),
    "anodised_aluminium": Finish(
        ANODISED, (0.28, 0.48), 1.0, ("brushed", "steel_scratches"), patterned=0.7, jitter=0.01
    ),
    "rubber": Finish(RUBBERS, (0.65, 0.95), patterns=("rubber_grain",)),
    "wood": Finish((WHITE,), (0.40, 0.70), patterns=("handle_wood",), jitter=0.0, tone=0.3),
    "clay": Finish(CLAYS, (0.75, 0.95), patterns=("clay_grain",)),
    "carton_print": Finish((WHITE,), (0.25, 0.55), patterns=("carton_print",), jitter=0.0),
    "label_print": Finish((WHITE,), (0.22, 0.50), patterns=("label_print",), jitter=0.0),
    "can_print": Finish((WHITE,), (0.20, 0.38), patterns=("can_print",), jitter=0.0),
    "cell_wrap": Finish((WHITE,), (0.22, 0.40), patterns=("cell_wrap",), jitter=0.0),
    "aluminium": Finish(ALUMINIUM, (0.26, 0.40), 1.0, ("steel_scratches",), patterned=0.8, jitter=0.01),
    "bottle_plastic": Finish(BOTTLES, (0.16, 0.38), patterns=("moulded",), patterned=0.7, jitter=0.02),
    "cap_plastic": Finish(CAPS, (0.30, 0.55), patterns=("moulded",), patterned=0.7, jitter=0.02),
    "cup_lid": Finish(LIDS, (0.30, 0.50), patterns=("moulded",), patterned=0.6, jitter=0.015),
    "book_cover": Finish(COVERS, (0.45, 0.70), patterns=("moulded", "paper_fibre"), jitter=0.02),
    "tray": Finish(TRAYS, (0.35, 0.60), patterns=("moulded",), jitter=0.02),
    "tape": Finish(TAPES, (0.24, 0.50), patterns=("tape_layers",), jitter=0.02),
    "tool_grip": Finish((WHITE,), (0.28, 0.55), patterns=("tool_grip",), jitter=0.0),
    "cardboard": Finish((WHITE,), (0.75, 0.95), patterns=("kraft",), jitter=0.0, tone=0.3),
    "paper": Finish(PAPERS, (0.70, 0.92), patterns=("paper_fibre",)),
}  # fmt: skip

# What a bare mesh (no material in the file) may be made of.
UNKNOWN_FINISH = "unknown"
UNKNOWN_CHOICES = ("plastic_matte", "plastic_glossy", "painted_metal", "brushed_steel", "zinc", "anodised_aluminium")

SURFACES: dict[str, Finish] = {
    "wood_table": Finish((WHITE,), (0.42, 0.68), patterns=("wood_boards", "wood_planks"), jitter=0.0, tone=0.2),
    "wood_veneer": Finish((WHITE,), (0.35, 0.58), patterns=("wood_veneer",), jitter=0.0, tone=0.2),
    "laminate": Finish((WHITE,), (0.38, 0.55), patterns=("laminate",), jitter=0.0, tone=0.15),
    "brushed_metal": Finish(STEEL, (0.42, 0.60), 1.0, ("brushed_metal",), jitter=0.015),
    "cloth": Finish((WHITE,), (0.88, 1.0), patterns=("cloth",), jitter=0.0, tone=0.2),
    "conveyor": Finish((WHITE,), (0.55, 0.80), patterns=("conveyor",), jitter=0.0, tone=0.2),
    "cardboard_sheet": Finish((WHITE,), (0.80, 0.97), patterns=("cardboard_sheet",), jitter=0.0, tone=0.35),
    "rubber_mat": Finish((WHITE,), (0.65, 0.92), patterns=("rubber_mat",), jitter=0.0, tone=0.2),
    "cutting_mat": Finish((WHITE,), (0.60, 0.80), patterns=("cutting_mat",), jitter=0.0, tone=0.2),
    "painted_table": Finish(BENCHES, (0.40, 0.60), patterns=("painted",), jitter=0.02),
    "stone": Finish((WHITE,), (0.26, 0.55), patterns=("stone",), jitter=0.0, tone=0.15),
    "concrete": Finish((WHITE,), (0.70, 0.95), patterns=("concrete",), jitter=0.0, tone=0.35),
    "parquet": Finish((WHITE,), (0.35, 0.60), patterns=("parquet",), jitter=0.0, tone=0.2),
    "tiles": Finish((WHITE,), (0.18, 0.45), patterns=("tiles",), jitter=0.0, tone=0.35),
    "terrazzo": Finish((WHITE,), (0.20, 0.45), patterns=("terrazzo",), jitter=0.0, tone=0.35),
    "tote_plastic": Finish(TOTES, (0.38, 0.62), patterns=("tote_plastic",)),
}  # fmt: skip

# Surfaces drawn when the pipeline names none; what stands in it twice is drawn twice as often.
DEFAULT_SURFACES: dict[str, tuple[str, ...]] = {
    "table": (
        "wood_table", "wood_table", "wood_table", "wood_veneer", "wood_veneer", "laminate", "laminate", "laminate",
        "painted_table", "painted_table", "brushed_metal", "brushed_metal", "stone", "stone", "terrazzo", "cloth",
        "cloth", "cardboard_sheet", "conveyor", "rubber_mat", "rubber_mat", "cutting_mat",
    ),
    "tote": ("tote_plastic",),
    "floor": ("concrete", "concrete", "tiles", "terrazzo", "parquet", "parquet", "painted_table"),
}  # fmt: skip

# Metres that one repeat of a user's photograph covers, lowest and highest.
PHOTO_SPAN_M: dict[str, tuple[float, float]] = {"table": (0.6, 1.2), "tote": (0.4, 0.7), "floor": (1.5, 3.0)}
