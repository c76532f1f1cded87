"""The table of procedural textures, by name: how each is drawn, how many variants there are, what it spans."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from synthgen.assets import (
    texture_labels,
    texture_objects,
    texture_prints,
    texture_stones,
    texture_surfaces,
    texture_woods,
)
from synthgen.assets.textures import make_texture
from synthgen.errors import AssetError
from synthgen.types.arrays import F32
from synthgen.types.assets import Texture


@dataclass(frozen=True)
class Pattern:
    """One procedural texture.

    Attributes:
        draw: rng -> (H, W, 3) float32 sRGB in [0, 1].
        variants: seeds 0 .. variants - 1 are used, so that caches stay small.
        span_m: metres that one repeat covers on surfaces whose uv is in metres; 0 = spans the part once.
        coloured: has a colour of its own; otherwise it is neutral and takes the material's base colour.
    """

    draw: Callable[[np.random.Generator], F32]
    variants: int
    span_m: float
    coloured: bool


PATTERNS: dict[str, Pattern] = {
    "wood_boards": Pattern(texture_woods.wood_boards, 8, 1.1, True),
    "wood_planks": Pattern(texture_woods.wood_planks, 6, 1.1, True),
    "wood_veneer": Pattern(texture_woods.wood_veneer, 8, 1.1, True),
    "laminate": Pattern(texture_surfaces.laminate, 10, 0.6, True),
    "brushed_metal": Pattern(texture_surfaces.brushed_metal, 3, 0.7, False),
    "cloth": Pattern(texture_surfaces.cloth, 8, 0.5, True),
    "conveyor": Pattern(texture_surfaces.conveyor, 6, 0.6, True),
    "cardboard_sheet": Pattern(texture_surfaces.cardboard_sheet, 3, 0.9, True),
    "rubber_mat": Pattern(texture_surfaces.rubber_mat, 8, 0.5, True),
    "cutting_mat": Pattern(texture_surfaces.cutting_mat, 5, 0.5, True),
    "stone": Pattern(texture_stones.stone, 8, 0.8, True),
    "terrazzo": Pattern(texture_stones.terrazzo, 4, 0.8, True),
    "concrete": Pattern(texture_stones.concrete, 4, 2.4, True),
    "tiles": Pattern(texture_stones.tiles, 6, 2.0, True),
    "parquet": Pattern(texture_woods.parquet, 6, 2.0, True),
    "tote_plastic": Pattern(texture_surfaces.tote_plastic, 3, 0.5, False),
    "painted": Pattern(texture_surfaces.painted, 3, 0.7, False),
    "brushed": Pattern(texture_objects.brushed, 4, 0.0, False),
    "steel_scratches": Pattern(texture_objects.steel_scratches, 6, 0.0, False),
    "zinc_spangle": Pattern(texture_objects.zinc_spangle, 4, 0.0, False),
    "worn_paint": Pattern(texture_objects.worn_paint, 6, 0.0, False),
    "cast_grain": Pattern(texture_objects.cast_grain, 4, 0.0, False),
    "clay_grain": Pattern(texture_objects.clay_grain, 4, 0.0, False),
    "glaze": Pattern(texture_objects.glaze, 4, 0.0, False),
    "tarnish": Pattern(texture_objects.tarnish, 4, 0.0, False),
    "tape_layers": Pattern(texture_objects.tape_layers, 3, 0.0, False),
    "tool_grip": Pattern(texture_objects.tool_grip, 12, 0.0, True),
    "moulded": Pattern(texture_objects.moulded, 4, 0.0, False),
    "rubber_grain": Pattern(texture_objects.rubber_grain, 4, 0.0, False),
    "handle_wood": Pattern(texture_objects.handle_wood, 6, 0.0, True),
    "kraft": Pattern(texture_objects.kraft, 4, 0.0, True),
    "paper_fibre": Pattern(texture_objects.paper_fibre, 2, 0.0, False),
    "carton_print": Pattern(texture_prints.carton_print, 16, 0.0, True),
    "label_print": Pattern(texture_labels.label_print, 16, 0.0, True),
    "can_print": Pattern(texture_labels.can_print, 16, 0.0, True),
    "cell_wrap": Pattern(texture_labels.cell_wrap, 12, 0.0, True),
}


def procedural_texture(pattern: str, seed: int) -> Texture:
    """The texture of key "procedural:<pattern>:<seed>"; the same arguments give the same bytes.

    Raises:
        AssetError: no such pattern.
    """
    if pattern not in PATTERNS:
        raise AssetError(
            f"there is no procedural texture {pattern!r}; allowed: {', '.join(PATTERNS)}. Correct the name"
        )
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([zlib.crc32(pattern.encode()), seed])))
    image = np.rint(np.clip(PATTERNS[pattern].draw(rng), 0.0, 1.0) * 255.0).astype(np.uint8)
    return make_texture(f"procedural:{pattern}:{seed}", image)
