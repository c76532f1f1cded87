"""Area lights in parts, for their shadows.

A shadow map sees the scene from one point. From the middle of a window that is wider than its distance other things
hide each other than from its ends, and a penumbra guessed from there has holes, and no shadow where two things touch.
So a wide light casts its shadow in up to four parts, each from its own middle, and their mean is the light's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synthgen.render.light_scene import Casters
from synthgen.render.shadow import DepthMaps
from synthgen.render.shadow_cast import cast, frame_towards
from synthgen.types.arrays import F64
from synthgen.types.scene import AreaLight

PART_TANGENT = 0.25  # a light's edge over its distance above which it is cut in two
MOST_PARTS = 4
TEXELS = 640  # of the shadow map of a whole light: sharp
PART_TEXELS = 320


@dataclass(frozen=True, eq=False)
class PanelLight:
    """An area light ready for the kernels.

    Attributes:
        frame: (3, 3) rows right (along its width), up, forward = the way it shines.
        centre: (3,); corners: (4, 3) world points, in order; radiance: (3,) RGB.
        part_centres: (P, 3) middles of the parts that its shadow is cast from, row by row.
        part_half: (2,) half edges of a part.
    """

    frame: F64
    centre: F64
    corners: F64
    radiance: F64
    part_centres: F64
    part_half: F64


def panel_of(light: AreaLight, casters: Casters) -> PanelLight:
    """The light, cut as its distance from the casters asks for. Its width is horizontal where that is possible."""
    frame = frame_towards(np.asarray(light.direction, np.float64))
    half = 0.5 * np.array(light.size_m, np.float64)
    centre = np.asarray(light.position_m, np.float64)
    across, down = parts_of(2.0 * half, float(np.linalg.norm(centre - casters.centre)))
    u = ((np.arange(across) + 0.5) / across * 2.0 - 1.0) * half[0]
    v = ((np.arange(down) + 0.5) / down * 2.0 - 1.0) * half[1]
    places = np.stack([np.tile(u, down), np.repeat(v, across)], axis=1)
    signs = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)], np.float64)
    return PanelLight(
        frame=frame,
        centre=centre,
        corners=centre + (signs * half) @ frame[:2],
        radiance=np.array(light.radiance, np.float64),
        part_centres=centre + places @ frame[:2],
        part_half=half / (across, down),
    )


def parts_of(size_m: F64, distance_m: float) -> tuple[int, int]:
    """Into how many parts a light of (2,) edges is cut along each of them: halved, the longer part edge first, as long
    as that is wide for its distance, and the parts are no more than ``MOST_PARTS``."""
    parts = [1, 1]
    while parts[0] * parts[1] * 2 <= MOST_PARTS:
        edges = (size_m[0] / parts[0], size_m[1] / parts[1])
        longer = int(edges[1] > edges[0])
        if edges[longer] <= PART_TANGENT * distance_m:
            break
        parts[longer] *= 2
    return parts[0], parts[1]


def panel_maps(casters: Casters, panels: tuple[PanelLight, ...]) -> DepthMaps:
    """A shadow map per part: of the first panel, of the second, ..."""
    counts = [len(panel.part_centres) for panel in panels]
    return cast(
        casters.vertices,
        casters.faces,
        np.repeat(np.array([panel.frame for panel in panels]).reshape(-1, 3, 3), counts, axis=0),
        np.concatenate([np.zeros((0, 3)), *(panel.part_centres for panel in panels)]),
        size=TEXELS if 1 in counts else PART_TEXELS,
        perspective=True,
        spread=np.repeat(np.array([panel.part_half.max() for panel in panels]), counts),
    )
