"""Cameras that cannot work in any scene of a pipeline: told before the run, with the numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from synthgen.config.camera_presets import preset_intrinsics
from synthgen.config.models import AbovePlacement, HemispherePlacement, Pipeline, PosesPlacement
from synthgen.scene.camera_poses import DEFAULT_FOV_DEG, reaches_view, rigid
from synthgen.scene.supports import TABLE_SIZES_M, TOTE_SIZES_M
from synthgen.types.arrays import F64
from synthgen.types.catalog import Catalog
from synthgen.types.geometry import Camera, Intrinsics

LARGEST_OBJECT_M = 2.0  # larger meshes are refused
THINGS_HEIGHT_M = 0.3  # objects are looked for up to here above the support
GRID_POINTS = 15
ROTATION_TOLERANCE = 1e-3


def camera_fault(pipeline: Pipeline, catalog: Catalog) -> str | None:
    """A sentence if no camera of this pipeline can ever see an object, or a pose is not rigid; else None."""
    placement = pipeline.camera.placement
    fault = _lens_fault(pipeline, catalog)
    if fault is not None:
        return fault
    if isinstance(placement, PosesPlacement):
        return _poses_fault(pipeline, catalog, placement.world_from_camera)
    return _size_fault(pipeline, catalog, placement) or _wall_fault(pipeline, placement)


def _lens(pipeline: Pipeline, catalog: Catalog, *, widest: bool) -> Intrinsics:
    """The intrinsics with the widest or the narrowest field of view that can be drawn."""
    image, camera = pipeline.image, pipeline.camera
    if catalog.calibration is not None:
        return catalog.calibration
    if camera.K is not None:
        return Intrinsics(image.width, image.height, *camera.K)
    if camera.preset is not None:
        return preset_intrinsics(camera.preset, width=image.width, height=image.height)
    fov = camera.fov_deg or DEFAULT_FOV_DEG
    focal = image.width / 2 / math.tan(math.radians((fov.high if widest else fov.low) / 2))
    return Intrinsics(image.width, image.height, focal, focal, image.width / 2, image.height / 2)


def widest_view_m(pipeline: Pipeline, catalog: Catalog, *, distance_m: float) -> float:
    """Metres that the shorter side of the image shows at a distance, through the widest lens that can be drawn."""
    lens = _lens(pipeline, catalog, widest=True)
    return distance_m * min(lens.width / lens.fx, lens.height / lens.fy)


def _lens_fault(pipeline: Pipeline, catalog: Catalog) -> str | None:
    if pipeline.camera.K is None or catalog.calibration is not None:
        return None
    fx, fy, cx, cy = pipeline.camera.K
    width, height = pipeline.image.width, pipeline.image.height
    if fx <= 0 or fy <= 0:
        return (
            f"camera.K: the focal lengths ({fx:g}, {fy:g}) must be positive pixels. "
            "Give K as [fx, fy, cx, cy], or use camera.fov_deg"
        )
    aims = not isinstance(pipeline.camera.placement, PosesPlacement)
    if aims and not (0 <= cx <= width and 0 <= cy <= height):
        return (
            f"camera.K: the principal point ({cx:g}, {cy:g}) lies outside the {width} x {height} image, so that a "
            "camera aimed at the objects does not see them. Give K for this image size (scale all four numbers with "
            "the image), or set image.width and image.height to the size K was measured at"
        )
    return None


def _size_fault(pipeline: Pipeline, catalog: Catalog, placement: HemispherePlacement | AbovePlacement) -> str | None:
    """Too far away for the narrowest lens to show even the largest allowed object."""
    nearest = placement.distance_m.low if isinstance(placement, HemispherePlacement) else placement.height_m.low
    name = "distance_m" if isinstance(placement, HemispherePlacement) else "height_m"
    pixels = (_lens(pipeline, catalog, widest=False).fx * LARGEST_OBJECT_M / nearest) ** 2
    if pixels >= pipeline.labels.min_visible_px:
        return None
    return (
        f"camera.placement.{name}: from {nearest:g} m even an object of {LARGEST_OBJECT_M:g} m covers only "
        f"{pixels:.1f} pixels, fewer than labels.min_visible_px = {pipeline.labels.min_visible_px}, so that nothing "
        "can be labelled. Bring the camera nearer, narrow camera.fov_deg, or enlarge the image"
    )


def _wall_fault(pipeline: Pipeline, placement: HemispherePlacement | AbovePlacement) -> str | None:
    """Too flat a view to look over the walls of a tote."""
    support = pipeline.scene.support
    if support.kind != "tote":
        return None
    size = support.size_m or TOTE_SIZES_M[-1]
    wall = support.height_m.low
    needed = math.degrees(math.atan2(wall, math.hypot(*size)))
    if isinstance(placement, AbovePlacement):
        if placement.height_m.high > wall:
            return None
        return (
            f"camera.placement.height_m: at most {placement.height_m.high:g} m above the tote's floor, but its walls "
            f"are {wall:g} m high. Raise height_m above the walls"
        )
    if placement.elevation_deg.high >= needed:
        return None
    return (
        f"camera.placement.elevation_deg: cameras at most {placement.elevation_deg.high:g} deg above the horizon "
        f"cannot look into a tote of {size[0]:g} x {size[1]:g} m with walls of {wall:g} m; at least {needed:.0f} deg "
        "are needed. Raise elevation_deg, or lower scene.support.height_m"
    )


def _poses_fault(pipeline: Pipeline, catalog: Catalog, poses: Sequence[Sequence[float]]) -> str | None:
    for index, numbers in enumerate(poses):
        fault = _rigid_fault(f"camera.placement.world_from_camera[{index}]", numbers)
        if fault is not None:
            return fault
    matrices = [rigid(numbers) for numbers in poses]
    heights = [float(pose[2, 3]) for pose in matrices]
    if max(heights) <= 0:
        return (
            f"camera.placement.world_from_camera: every camera is at or below the support (z = 0; the highest is at "
            f"z = {max(heights):g} m). World z points up and the support's surface is z = 0: raise the cameras, and "
            "check that the poses are world_from_camera, not camera_from_world"
        )
    lens, points = _lens(pipeline, catalog, widest=True), _support_points(pipeline)
    if not any(reaches_view(Camera(lens, pose), points) for pose in matrices if pose[2, 3] > 0):
        return (
            "camera.placement.world_from_camera: no camera looks at the support, so that nothing can be seen. Camera "
            "axes are x right, y down, z forward (OpenCV); check that the poses are world_from_camera, in metres, and "
            "do not use OpenGL's axes (x right, y up, z backward)"
        )
    return None


def _rigid_fault(where: str, numbers: Sequence[float]) -> str | None:
    if len(numbers) != 16:
        return f"{where}: has {len(numbers)} numbers; a pose is 16 numbers, a 4 x 4 matrix row by row"
    pose = np.array(numbers, dtype=np.float64).reshape(4, 4)
    if not np.isfinite(pose).all():
        return f"{where}: holds a number that is not finite; all 16 numbers must be"
    if np.abs(pose[3] - (0, 0, 0, 1)).max() > 1e-6:
        return (
            f"{where}: its last row is {[float(x) for x in pose[3]]}; a pose ends with [0, 0, 0, 1]. Give the matrix "
            "row by row (transpose it if it was stored by columns)"
        )
    rotation = pose[:3, :3]
    determinant = float(np.linalg.det(rotation))
    if np.abs(rotation @ rotation.T - np.eye(3)).max() > ROTATION_TOLERANCE or determinant < 0:
        return (
            f"{where}: its 3 x 3 part is not a rotation (determinant {determinant:.3g}; a rotation has orthonormal "
            "rows and determinant 1). Remove scale and mirroring, e.g. flip a left-handed axis"
        )
    return None


def _support_points(pipeline: Pipeline) -> F64:
    """(N, 3) grid over the box above the largest support in which objects are looked for."""
    support = pipeline.scene.support
    default = TOTE_SIZES_M[-1] if support.kind == "tote" else (TABLE_SIZES_M[0][1], TABLE_SIZES_M[1][1])
    x, y = support.size_m or default
    steps = np.linspace(-0.5, 0.5, GRID_POINTS)
    grid = np.meshgrid(x * steps, y * steps, np.array([0.0, THINGS_HEIGHT_M / 2, THINGS_HEIGHT_M]))
    return np.stack([axis.ravel() for axis in grid], axis=1)
