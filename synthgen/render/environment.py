"""Environment maps made ready for light: key sources split off, prefiltered reflections, irradiance, sky strata.

Everything here is in map axes (z up, azimuth 0 along x); a scene turns its query directions, never the map.
"""

from __future__ import annotations

import hashlib
import weakref
from dataclasses import dataclass, replace

import cv2
import numpy as np

from synthgen.assets.derived import Arrays, derived
from synthgen.render.environment_filter import prefilter_ggx
from synthgen.render.environment_upward import upward_reflection
from synthgen.types.arrays import F32, F64, I32, freeze
from synthgen.types.assets import EnvironmentMap

LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)
ANALYSIS_HEIGHT = 128
IRRADIANCE_HEIGHT = 16
# Roughness of each reflection level and its height in texels; level 0 is the map itself.
LEVELS: tuple[tuple[float, int], ...] = ((0.12, 128), (0.25, 64), (0.4, 32), (0.6, 16), (0.8, 16), (1.0, 16))
# Levels from this roughness on leave the key sources out: those shine as shadowed highlights instead.
KEY_HIGHLIGHT_ROUGHNESS = (0.12, 0.25)

KEY_COUNT = 2
KEY_MIN_RADIANCE = 2.5  # in white-card units; above it, and above a multiple of the sky's median, a source is "bright"
KEY_OVER_MEDIAN = 5.0
KEY_MIN_IRRADIANCE = 0.22  # of pi: fainter sources stay in the map
KEY_MAX_RADIUS_RAD = 0.45
KEY_MIN_HEIGHT = 0.06  # sine of the elevation

# Rings of the upper hemisphere (sine of the elevation) and how many sky directions each is cut into.
RING_EDGES = (0.0, 0.25, 0.57, 0.81, 1.0001)
RING_CELLS = (8, 8, 8, 4)
STRATUM_MIN_SHARE = 0.002


@dataclass(frozen=True, eq=False)
class KeySource:
    """A sun, window or lamp taken out of an environment map.

    Attributes:
        direction: (3,) unit vector towards it, map axes.
        irradiance: (3,) on a surface that faces it, radiance units x sr.
        radius_rad: angular radius of a disc with the same spread.
    """

    direction: F64
    irradiance: F64
    radius_rad: float


@dataclass(frozen=True, eq=False)
class PreparedEnvironment:
    """What the light kernels read.

    Attributes:
        sharp: (H * 2H, 3) float32 radiance as loaded, row-major: backgrounds and mirrors; sharp_height: H.
        texels: (T, 7) float32, reflection levels 1.. packed one after the other; see ``prefilter_ggx``.
        offsets, heights: (L,) int32 per level; width = 2 height.
        upward: (5, 24, 48, 6) float32, see ``environment_upward``; key sources left out.
        irradiance: (h * 2h, 6) float32 irradiance / pi by normal, RGB from the upper, then from the lower half of
            the map, key sources left out.
        strata_direction: (N, 3) float64 unit, mean direction of each sky cell.
        strata_energy: (N,) float64 luminance x sr of each sky cell, key sources left out.
        strata_spread: (N,) float64 angular radius of each cell's light, rad.
        keys: the sources taken out, strongest first.
    """

    sharp: F32
    sharp_height: int
    texels: F32
    offsets: I32
    heights: I32
    upward: F32
    irradiance: F32
    strata_direction: F64
    strata_energy: F64
    strata_spread: F64
    keys: tuple[KeySource, ...]


_STORED = (
    *("texels", "offsets", "heights", "upward", "irradiance"),
    *("strata_direction", "strata_energy", "strata_spread"),
)

# One preparation per loaded map and process; it goes when the asset store lets the map go.
_PREPARED: weakref.WeakKeyDictionary[EnvironmentMap, PreparedEnvironment] = weakref.WeakKeyDictionary()


def prepared(environment: EnvironmentMap) -> PreparedEnvironment:
    """``prepare`` once per map and process."""
    found = _PREPARED.get(environment)
    if found is None:
        # Filtering a map takes longer than rendering a scene under it: the arrays are kept on disk by its content.
        radiance = np.ascontiguousarray(environment.radiance)
        content = f"{radiance.shape} {hashlib.sha256(radiance.tobytes()).hexdigest()}"
        stored = _unpacked(derived("environment", content, lambda: _packed(prepare(radiance))))
        found = replace(stored, sharp=radiance.reshape(-1, 3), sharp_height=len(radiance))
        _PREPARED[environment] = found
    return found


def _packed(map: PreparedEnvironment) -> Arrays:
    """Everything but the map itself as plain arrays."""
    keys = [np.concatenate([key.direction, key.irradiance, [key.radius_rad]]) for key in map.keys]
    rest = {name: getattr(map, name) for name in _STORED}
    return {**rest, "keys": np.array(keys, np.float64).reshape(-1, 7)}


def _unpacked(arrays: Arrays) -> PreparedEnvironment:
    keys = tuple(KeySource(row[:3], row[3:6], float(row[6])) for row in arrays["keys"])
    rest = {name: freeze(arrays[name]) for name in _STORED}
    return PreparedEnvironment(sharp=np.zeros((0, 3), np.float32), sharp_height=0, keys=keys, **rest)


def prepare(radiance: F32) -> PreparedEnvironment:
    """Splits and filters one map, (H, 2H, 3) float32 linear radiance."""
    full = _resized(radiance, ANALYSIS_HEIGHT)
    residual, keys = split_keys(full)
    texels, offsets, heights = _reflection_levels(radiance, residual)
    directions, energy, spread = _strata(residual)
    return PreparedEnvironment(
        sharp=np.ascontiguousarray(radiance).reshape(-1, 3),
        sharp_height=len(radiance),
        texels=freeze(texels),
        offsets=freeze(offsets),
        heights=freeze(heights),
        upward=freeze(upward_reflection(residual)),
        irradiance=freeze(_irradiance(residual)),
        strata_direction=freeze(directions),
        strata_energy=freeze(energy),
        strata_spread=freeze(spread),
        keys=keys,
    )


def texel_directions(height: int) -> tuple[F64, F64]:
    """(H, 2H, 3) unit directions of an equirectangular map's texel centres, and (H, 2H) their solid angles in sr."""
    theta = (np.arange(height) + 0.5) / height * np.pi
    phi = (np.arange(2 * height) + 0.5) / height * np.pi
    sine, cosine = np.sin(theta)[:, None], np.cos(theta)[:, None]
    directions = np.stack([sine * np.cos(phi), sine * np.sin(phi), np.broadcast_to(cosine, (height, 2 * height))], -1)
    edges = np.cos(np.linspace(0, np.pi, height + 1))
    solid = np.repeat((edges[:-1] - edges[1:])[:, None], 2 * height, axis=1) * (np.pi / height)
    return directions, solid


def filtered_directions(height: int) -> F64:
    """(H, 2H, 3) unit directions of a filtered map's texels, rows from pole to pole."""
    theta = np.arange(height) / (height - 1) * np.pi
    phi = (np.arange(2 * height) + 0.5) / height * np.pi
    sine, cosine = np.sin(theta)[:, None], np.cos(theta)[:, None]
    return np.stack([sine * np.cos(phi), sine * np.sin(phi), np.broadcast_to(cosine, (height, 2 * height))], -1)


def split_keys(radiance: F32) -> tuple[F32, tuple[KeySource, ...]]:
    """Takes up to two compact bright sources out of an (H, 2H, 3) map.

    Returns:
        The map with those sources cut down to their surroundings' level, and the sources.
    """
    directions, solid = texel_directions(radiance.shape[0])
    luminance = radiance @ LUMINANCE
    upper = directions[..., 2] > 0
    threshold = max(KEY_MIN_RADIANCE, KEY_OVER_MEDIAN * float(np.median(luminance[upper])))
    regions = _bright_regions(luminance > threshold)
    excess = radiance * np.maximum(1.0 - threshold / np.maximum(luminance, 1e-6), 0.0)[..., None]
    found: list[tuple[float, int, KeySource]] = []
    for region in np.unique(regions[regions > 0]):
        inside = regions == region
        energy = (excess[inside].astype(np.float64) * solid[inside][:, None]).sum(axis=0)
        source = _key_source(directions[inside], (excess[inside] @ LUMINANCE) * solid[inside], energy)
        strength = float(energy @ LUMINANCE)
        useful = strength * max(source.direction[2], 0.2) > KEY_MIN_IRRADIANCE * np.pi
        if useful and source.direction[2] > KEY_MIN_HEIGHT and source.radius_rad < KEY_MAX_RADIUS_RAD:
            found.append((strength, int(region), source))
    found.sort(key=lambda entry: -entry[0])
    residual = radiance.copy()
    for _, region, _ in found[:KEY_COUNT]:
        inside = regions == region
        residual[inside] -= excess[inside]
    return residual, tuple(source for _, _, source in found[:KEY_COUNT])


def _bright_regions(bright: np.ndarray) -> I32:
    """Connected regions of a (H, W) mask, 1.., joined across the seam at azimuth 0."""
    _, regions = cv2.connectedComponents(bright.astype(np.uint8), connectivity=8)
    for row in range(len(regions)):
        left, right = regions[row, 0], regions[row, -1]
        if left and right and left != right:
            regions[regions == right] = left
    return regions.astype(np.int32)


def _key_source(directions: F64, weight: F64, irradiance: F64) -> KeySource:
    mean = (directions * weight[:, None]).sum(axis=0)
    mean /= max(float(np.linalg.norm(mean)), 1e-12)
    angle = np.arccos(np.clip(directions @ mean, -1, 1))
    mean_square = float((angle**2 * weight).sum() / max(weight.sum(), 1e-12))
    # A uniform disc of radius R has a mean squared distance of R^2 / 2 from its centre.
    return KeySource(mean, irradiance, max(0.006, float(np.sqrt(2.0 * mean_square))))


def _resized(radiance: F32, height: int) -> F32:
    if radiance.shape[0] <= height:
        return radiance.astype(np.float32)
    return cv2.resize(radiance, (2 * height, height), interpolation=cv2.INTER_AREA)


def _reflection_levels(radiance: F32, residual: F32) -> tuple[F32, I32, I32]:
    """Each level filters a map about as fine as its own lobe, which bounds the work."""
    levels = []
    for roughness, height in LEVELS:
        source = radiance if roughness <= KEY_HIGHLIGHT_ROUGHNESS[0] else residual
        levels.append(prefilter_ggx(_resized(source, 2 * height), height, roughness))
    heights = np.array([len(level) for level in levels], np.int32)
    sizes = np.array([level.shape[0] * level.shape[1] for level in levels])
    offsets = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int32)
    return np.concatenate([level.reshape(-1, level.shape[-1]) for level in levels]), offsets, heights


def _irradiance(residual: F32) -> F32:
    """Exact cosine convolution on a small grid, divided by pi: unlike spherical harmonics it never rings below 0."""
    source = _resized(residual, 2 * IRRADIANCE_HEIGHT)
    directions, solid = texel_directions(source.shape[0])
    normals = filtered_directions(IRRADIANCE_HEIGHT)
    flat = directions.reshape(-1, 3)
    cosine = np.maximum(normals.reshape(-1, 3) @ flat.T, 0.0) * (solid.reshape(-1) / np.pi)
    weight = source.reshape(-1, 3).astype(np.float64)
    up = (flat[:, 2] > 0)[:, None]
    return np.concatenate([cosine @ (weight * up), cosine @ (weight * ~up)], axis=1).astype(np.float32)


def _strata(residual: F32) -> tuple[F64, F64, F64]:
    """Cuts the upper hemisphere into cells: mean direction, energy and spread of each cell's light."""
    directions, solid = texel_directions(residual.shape[0])
    height = directions[..., 2].reshape(-1)
    flat = directions.reshape(-1, 3)
    light = ((residual @ LUMINANCE) * solid).reshape(-1).astype(np.float64)
    turn = np.mod(np.arctan2(flat[:, 1], flat[:, 0]) / (2 * np.pi), 1.0)
    ring = np.searchsorted(RING_EDGES, height, side="right") - 1
    first = np.concatenate([[0], np.cumsum(RING_CELLS)])
    count = np.array([*RING_CELLS, 1])[np.clip(ring, -1, len(RING_CELLS) - 1)]
    # Every other ring is turned by half a cell, so that no two cells cast along one vertical plane.
    cell = np.floor(np.mod(turn + 0.5 * (ring % 2) / count, 1.0) * count).astype(np.int64)
    index = np.where(height > 0, first[np.clip(ring, 0, len(RING_CELLS) - 1)] + np.minimum(cell, count - 1), first[-1])
    total = np.bincount(index, light, minlength=first[-1] + 1)[: first[-1]]
    moment = np.stack([np.bincount(index, light * flat[:, k], minlength=first[-1] + 1) for k in range(3)], 1)
    moment = moment[: first[-1]]
    kept = total > STRATUM_MIN_SHARE * max(total.sum(), 1e-12)
    length = np.linalg.norm(moment[kept], axis=1)
    resultant = np.clip(length / total[kept], 0.0, 1.0)
    # Mean resultant length of a disc of angular radius R is about 1 - R^2 / 4.
    spread = np.clip(2.0 * np.sqrt(1.0 - resultant), 0.02, 0.6)
    return moment[kept] / length[:, None], total[kept], spread
