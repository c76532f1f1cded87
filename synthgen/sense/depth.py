"""Depth as a sensor sees it: noise, steps, shadows and holes on the ideal depth, for three kinds of sensors.

Triangulating sensors (stereo, structured light) measure a disparity, so noise and steps of the depth z grow with z^2
(Khoshelham and Elberink 2012, eqs. 3 to 7), and what the second eye or the projector cannot see has no depth. Time of
flight measures a phase: noise grows with z^2 and with darkness, edges mix two distances ("flying pixels"), light that
took a longer way makes corners seem farther (Hansard et al. 2012, ch. 1). The map is aligned with the colour camera.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from synthgen.config.depth_sensor import DepthSensorConfig, SensorKind
from synthgen.errors import InternalError
from synthgen.projection import pixel_rays
from synthgen.sense.depth_shadow import shadowed
from synthgen.types.arrays import F32, F64, Bool, freeze
from synthgen.types.gbuffer import GBuffers, Views
from synthgen.types.geometry import Intrinsics


@dataclass(frozen=True)
class DepthSensor:
    """One kind of sensor.

    Attributes:
        baseline_m: from the camera to the second eye or projector, along image +x; 0 = none.
        min_m, max_m: range of camera z.
        floor_m: standard deviation of the noise at z = 0.
        noise_per_m: standard deviation of the noise at z = 1 m on a matt mid-grey surface; grows with z^2.
        grain_px: size of a patch of equal noise (matching windows average): Gaussian standard deviation, pixels.
        step_per_m: step of the depth at z = 1 m; grows with z^2 (equal steps of disparity); 0 = none.
        edge_px: matching needs a window: share of it that may cross an edge, as a Gaussian standard deviation.
        dark: returned light (albedo x cosine, mid-grey = 0.5) below which half of the pixels fail.
        grazing_cos: cosine of incidence below which half of the pixels fail.
        flying: share of edge pixels that give a mixed distance instead of none.
        multipath_m: bias in a fully enclosed corner.
    """

    baseline_m: float
    min_m: float
    max_m: float
    floor_m: float
    noise_per_m: float
    grain_px: float
    step_per_m: float
    edge_px: float
    dark: float
    grazing_cos: float
    flying: float
    multipath_m: float


SENSORS: dict[SensorKind, DepthSensor] = {
    # PrimeSense class (Kinect v1): Khoshelham and Elberink 2012 measured sd = 1.425 mm z^2 and steps of 7 cm at 5 m
    # (2.85 mm z^2); baseline 75 mm; near mode from 0.35 m.
    "structured_light": DepthSensor(
        baseline_m=0.075, min_m=0.35, max_m=3.5, floor_m=0.0, noise_per_m=0.001425, grain_px=0.6, step_per_m=0.00285,
        edge_px=1.0, dark=0.02, grazing_cos=0.26, flying=0.0, multipath_m=0.0,
    ),
    # Intel RealSense D435: baseline 50 mm, about 430 px focal length at 848 x 480, subpixel error 0.08 px (Intel's
    # tuning guide: RMS = z^2 subpixel / (f b)) = 3.7 mm z^2, disparity in 1/32 px = 1.45 mm z^2.
    "stereo": DepthSensor(
        baseline_m=0.05, min_m=0.2, max_m=6.0, floor_m=0.0, noise_per_m=0.0037, grain_px=2.0, step_per_m=0.00145,
        edge_px=1.6, dark=0.012, grazing_cos=0.16, flying=0.0, multipath_m=0.0,
    ),
    # Azure Kinect DK, WFOV 2 x 2 binned: 0.25 to 2.88 m, random error <= 17 mm, systematic < 11 mm + 0.1 % of z;
    # measured sd about 1 mm at 1 m (Toelgyessy et al. 2021).
    "tof": DepthSensor(
        baseline_m=0.0, min_m=0.25, max_m=2.88, floor_m=0.0003, noise_per_m=0.0009, grain_px=0.4, step_per_m=0.0,
        edge_px=0.9, dark=0.015, grazing_cos=0.10, flying=0.45, multipath_m=0.012,
    ),
}  # fmt: skip

MID_GREY = 0.5  # albedo x cosine at which ``noise_per_m`` is stated
EDGE_STEP = 0.03  # relative jump of depth between neighbours that counts as an edge
BLOTCH_PX = 1.5  # failures come in blotches of about this size, not as single pixels
SATURATION_COS = 0.985  # a glossy surface facing the camera throws the sensor's own light straight back


def sense_depth(views: Views, config: DepthSensorConfig, *, rngs: Sequence[np.random.Generator]) -> F32:
    """The sensor's depth of every view of a batch.

    Args:
        views: B views.
        config: kind and overrides.
        rngs: one stream per view; view i depends on its own G-buffer, its camera and ``rngs[i]`` alone.

    Returns:
        (B, H, W) float32 camera z in metres, 0 = nothing measured.

    Raises:
        InternalError: not one stream per view.
    """
    if len(rngs) != len(views):
        raise InternalError(
            f"sense_depth was given {len(rngs)} random streams for {len(views)} views; exactly one per view is "
            "allowed; report this as a bug"
        )
    out = np.empty_like(views.gbuffers.depth_m)
    for i, rng in enumerate(rngs):
        camera = views.scene.cameras[views.first + i]
        out[i] = measure(surface_at(views.gbuffers, i, camera.intrinsics), camera.intrinsics, config, rng=rng)
    return out


@dataclass(frozen=True, eq=False)
class Surface:
    """What a depth sensor meets in one view, all (H, W) float32.

    Attributes:
        depth_m: ideal camera z, 0 = nothing.
        cosine: of the angle between surface normal and viewing ray, 0..1.
        albedo: reflectance for the sensor's near-infrared light: the largest of the linear base colour's channels, as
            dyes and inks that are dark in one colour are bright there, and only carbon black stays dark.
        roughness, metallic: of the material.
        openness: ambient visibility, 1 = open, 0 = enclosed.
    """

    depth_m: F32
    cosine: F32
    albedo: F32
    roughness: F32
    metallic: F32
    openness: F32


def surface_at(gbuffers: GBuffers, i: int, intrinsics: Intrinsics) -> Surface:
    """Reads view i of a batch."""
    u, v = (plane.astype(np.float32) for plane in _rays(intrinsics))
    normal = gbuffers.normal[i].astype(np.float32)
    facing = -(normal[..., 0] * u + normal[..., 1] * v + normal[..., 2]) / np.sqrt(u * u + v * v + 1.0)
    return Surface(
        depth_m=gbuffers.depth_m[i],
        cosine=np.clip(facing, 0.0, 1.0).astype(np.float32),
        albedo=gbuffers.albedo[i].astype(np.float32).max(axis=-1),
        roughness=gbuffers.roughness[i].astype(np.float32),
        metallic=gbuffers.metallic[i].astype(np.float32),
        openness=gbuffers.occlusion[i].astype(np.float32),
    )


@lru_cache(maxsize=2)
def _rays(intrinsics: Intrinsics) -> tuple[F64, F64]:
    # Undistorting every pixel takes longer than all the rest; cameras with distortion are mostly all the same one.
    u, v = pixel_rays(intrinsics)
    return freeze(u), freeze(v)


def measure(surface: Surface, intrinsics: Intrinsics, config: DepthSensorConfig, *, rng: np.random.Generator) -> F32:
    """(H, W) float32 depth in metres of one view, 0 = nothing measured."""
    sensor = SENSORS[config.kind]
    ideal = surface.depth_m
    returned = returned_light(surface)
    noise, failures, mixing = (
        _field(ideal.shape, size, rng=own)
        for size, own in zip((sensor.grain_px, BLOTCH_PX, 0.0), rng.spawn(3), strict=True)
    )
    edges = _edges(ideal, sensor.edge_px)
    depth = _mixed(ideal, edges, returned) if sensor.flying > 0 else ideal
    darkness = np.clip(np.sqrt(MID_GREY / np.maximum(returned, 1e-3)), 0.7, 3.0)
    deviation = config.noise * (sensor.floor_m + sensor.noise_per_m * ideal * ideal * darkness)
    depth = depth + deviation * noise + sensor.multipath_m * (1.0 - surface.openness)
    if sensor.step_per_m > 0:
        depth = 1.0 / (np.rint(1.0 / (np.maximum(depth, 1e-3) * sensor.step_per_m)) * sensor.step_per_m)
    lost = _fails(surface, returned, edges, sensor, failures, mixing, config.holes)
    baseline = sensor.baseline_m if config.baseline_m is None else config.baseline_m
    if baseline > 0:
        u, _ = _rays(intrinsics)
        lost |= shadowed(ideal.astype(np.float64), np.ascontiguousarray(u), intrinsics.fx, intrinsics.cx, baseline)
    low = sensor.min_m if config.min_m is None else config.min_m
    high = sensor.max_m if config.max_m is None else config.max_m
    lost |= (ideal <= 0) | (depth < low) | (depth > high)
    return np.where(lost, 0.0, depth).astype(np.float32)


def returned_light(surface: Surface) -> F32:
    """(H, W) share of the sensor's own light that a surface throws back: diffuse, or scattered by a rough metal."""
    scattered = surface.metallic * surface.roughness**2
    return (surface.albedo * (1.0 - surface.metallic + scattered) * surface.cosine).astype(np.float32)


def _fails(
    surface: Surface, returned: F32, edges: F32, sensor: DepthSensor, blotches: F32, single: F32, holes: float
) -> Bool:
    """Where no depth comes out: dark, grazing, mirroring, saturated, or at an edge."""
    if holes <= 0:
        return np.zeros(returned.shape, np.bool_)
    # Thresholds move with the blotches, so that a hole's rim is ragged and a mid surface has none.
    shift = 0.3 * blotches
    dark = np.log(np.maximum(returned, 1e-4) / (sensor.dark * holes)) < shift
    grazing = surface.cosine < sensor.grazing_cos * holes * (1.0 + 0.12 * blotches)
    mirror = surface.metallic * (1.0 - surface.roughness) > 0.82 / max(holes, 0.85) + 0.04 * blotches
    glossy = (surface.roughness < 0.25) & (surface.cosine > SATURATION_COS + 0.005 * blotches)
    kept = sensor.flying > 0
    torn = edges > np.maximum(0.30 + 0.12 * blotches, 0.08) / holes
    if kept:
        torn &= single > np.float32(_quantile(sensor.flying))
    return np.asarray(dark | grazing | mirror | glossy | torn)


def _quantile(share: float) -> float:
    """Value that a standard normal stays below with this probability (logistic approximation, error < 0.02)."""
    return float(np.log(share / (1.0 - share)) / 1.702)


def _edges(depth_m: F32, size_px: float) -> F32:
    """(H, W) nearness to a jump of the depth: about 0.5 beside it, falling off over ``size_px``; 0 far away."""
    far = np.where(depth_m > 0, depth_m, np.float32(1e3))
    kernel = np.ones((3, 3), np.uint8)
    low, high = cv2.erode(far, kernel), cv2.dilate(far, kernel)
    # A slope also changes from pixel to pixel: only what bends away from a plane is a jump.
    plane = cv2.Laplacian(far, cv2.CV_32F, ksize=1)
    jump = ((high - low > EDGE_STEP * low) & (np.abs(plane) > 0.5 * EDGE_STEP * low)).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(jump, (0, 0), max(size_px, 0.3), borderType=cv2.BORDER_REPLICATE), np.float32)


def _mixed(depth_m: F32, edges: F32, returned: F32) -> F32:
    """Distances averaged by returned light across a pixel's footprint, at edges only."""
    weight = np.where(depth_m > 0, np.maximum(returned, 0.02), 0.0).astype(np.float32)
    total = cv2.GaussianBlur(weight, (0, 0), 0.7, borderType=cv2.BORDER_REPLICATE)
    mixed = cv2.GaussianBlur(weight * depth_m, (0, 0), 0.7, borderType=cv2.BORDER_REPLICATE) / np.maximum(total, 1e-6)
    return np.where((edges > 0.1) & (depth_m > 0), mixed, depth_m).astype(np.float32)


def _field(shape: tuple[int, ...], size_px: float, *, rng: np.random.Generator) -> F32:
    """(H, W) float32 Gaussian noise of standard deviation 1, smooth over ``size_px``."""
    white = rng.standard_normal(shape, dtype=np.float32)
    if size_px < 0.3:
        return white
    reach = int(np.ceil(4 * size_px))
    kernel = cv2.getGaussianKernel(2 * reach + 1, size_px)
    smooth = cv2.sepFilter2D(white, -1, kernel, kernel, borderType=cv2.BORDER_REFLECT_101)
    return np.asarray(smooth / np.float32((kernel**2).sum()), np.float32)
