"""Light: an environment map turned about the vertical, and rectangular lamps above the objects."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synthgen.assets.environments import SEEDS_PER_KIND, environment_kinds
from synthgen.config.models import EnvironmentConfig, LightsConfig
from synthgen.types.arrays import F64
from synthgen.types.catalog import Catalog
from synthgen.types.scene import AreaLight, EnvironmentLight

LUMINANCE = np.array([0.2126, 0.7152, 0.0722])  # Rec. 709


@dataclass(frozen=True)
class Lamp:
    """One kind of lamp: ranges of its edges, of its height over the objects, and of its lean from straight above."""

    weight: float
    width_m: tuple[float, float]
    length_m: tuple[float, float]
    height_m: tuple[float, float]
    lean_deg: tuple[float, float]
    aimed: bool  # turned towards the objects, or facing straight down


LAMPS: dict[str, Lamp] = {
    "ceiling_panel": Lamp(0.25, (0.5, 0.65), (0.5, 1.2), (1.4, 2.0), (0, 35), aimed=False),
    "tube": Lamp(0.15, (0.06, 0.12), (0.9, 1.5), (1.0, 2.0), (0, 35), aimed=False),
    "softbox": Lamp(0.2, (0.4, 0.7), (0.4, 0.9), (0.8, 1.4), (15, 55), aimed=True),
    "spot": Lamp(0.2, (0.06, 0.15), (0.06, 0.15), (0.6, 1.5), (0, 50), aimed=True),
    # Daylight or a lit wall from one side: long soft shadows.
    "window": Lamp(0.2, (0.7, 1.2), (0.9, 1.5), (0.6, 1.1), (56, 66), aimed=True),
}
WALLED_LEAN_DEG = 25.0  # over a tote: cells light the inside of their bins, not one wall


def draw_environment(config: EnvironmentConfig, catalog: Catalog, *, rng: np.random.Generator) -> EnvironmentLight:
    """One of the user's .hdr files, or one of the procedural rooms when there are none; turned at random."""
    keys = [asset.key for asset in catalog.environments] or [
        f"procedural:{kind}:{seed}" for kind in environment_kinds() for seed in range(SEEDS_PER_KIND)
    ]
    key = keys[int(rng.integers(len(keys)))]
    rotation_rad = float(rng.uniform(0.0, 2 * np.pi))
    return EnvironmentLight(key, rotation_rad, config.intensity.sample(rng=rng))


def draw_lights(
    config: LightsConfig, *, count: int, target_m: F64, walled: bool = False, rng: np.random.Generator
) -> tuple[AreaLight, ...]:
    """``count`` lamps over ``target_m`` (world x, y, z); between walls (``walled``) none leans by more than 25 degrees.

    Each gives the target's horizontal surface a diffuse radiance (irradiance / pi, white card) of the drawn intensity,
    in units in which the environment gives 1.
    """
    lean_limit_deg = WALLED_LEAN_DEG if walled else 90.0
    return tuple(_draw_lamp(config, target_m, lean_limit_deg, rng=rng) for _ in range(count))


def _draw_lamp(config: LightsConfig, target_m: F64, lean_limit_deg: float, *, rng: np.random.Generator) -> AreaLight:
    lamps = [LAMPS[kind] for kind in config.kinds or LAMPS]
    weights = np.array([lamp.weight for lamp in lamps])
    lamp = lamps[int(rng.choice(len(lamps), p=weights / weights.sum()))]
    width, length = float(rng.uniform(*lamp.width_m)), float(rng.uniform(*lamp.length_m))
    height = float(rng.uniform(*lamp.height_m))
    lean = np.radians(min(rng.uniform(*lamp.lean_deg), lean_limit_deg))
    azimuth = rng.uniform(0.0, 2 * np.pi)
    offset = height * np.array([np.tan(lean) * np.cos(azimuth), np.tan(lean) * np.sin(azimuth), 1.0])
    direction = -offset / np.linalg.norm(offset) if lamp.aimed else np.array([0.0, 0.0, -1.0])
    intensity = config.intensity.sample(rng=rng)
    color = blackbody_rgb(config.temperature_k.sample(rng=rng))
    radiance = intensity * _radiance_for_unit(offset, direction, width * length) * color
    return AreaLight(
        position_m=target_m + offset,
        direction=direction,
        size_m=(width, length),
        radiance=(float(radiance[0]), float(radiance[1]), float(radiance[2])),
    )


def _radiance_for_unit(offset_m: F64, direction: F64, area_m2: float) -> float:
    """Radiance at which a small patch at ``offset_m`` gives a horizontal surface an irradiance of pi.

    Point-to-patch: E = L A cos(patch) cos(surface) / d^2; the cosines are held above 0.2 for lamps at grazing angles.
    """
    distance = float(np.linalg.norm(offset_m))
    at_surface = max(0.2, float(offset_m[2]) / distance)
    at_patch = max(0.2, float(-offset_m @ direction) / distance)
    return float(np.pi * distance**2 / (area_m2 * at_surface * at_patch))


def blackbody_rgb(temperature_k: float) -> F64:
    """(3,) linear Rec. 709 colour of a black body, luminance 1.

    Chromaticity: Kim et al. 2002 (cubic fit of the Planckian locus, 1667-25000 K); XYZ to RGB: IEC 61966-2-1.
    """
    t = float(np.clip(temperature_k, 1667.0, 25000.0))
    if t <= 4000:
        x = -0.2661239e9 / t**3 - 0.2343589e6 / t**2 + 0.8776956e3 / t + 0.179910
    else:
        x = -3.0258469e9 / t**3 + 2.1070379e6 / t**2 + 0.2226347e3 / t + 0.240390
    if t <= 2222:
        y = -1.1063814 * x**3 - 1.34811020 * x**2 + 2.18555832 * x - 0.20219683
    elif t <= 4000:
        y = -0.9549476 * x**3 - 1.37418593 * x**2 + 2.09137015 * x - 0.16748867
    else:
        y = 3.0817580 * x**3 - 5.87338670 * x**2 + 3.75112997 * x - 0.37001483
    xyz = np.array([x / y, 1.0, (1.0 - x - y) / y])
    rgb_from_xyz = np.array([[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]])
    rgb = np.maximum(rgb_from_xyz @ xyz, 0.01)
    return rgb / float(LUMINANCE @ rgb)
