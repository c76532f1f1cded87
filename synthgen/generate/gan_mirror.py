"""What shiny surfaces mirror of the scene itself: rays through the depth image.

``shaded`` mirrors the surroundings alone. A spoon mirrors the table it lies on, and a table the mug that stands on it;
so much of that as the picture shows is found here, for the network to weigh.
"""

from __future__ import annotations

import math

import numpy as np

from synthgen.generate.depth_rays import lens_of, met
from synthgen.generate.shaded import image_plane
from synthgen.kernels import njit
from synthgen.types.arrays import F32, U16
from synthgen.types.geometry import Camera

SHINY_METAL, SHINY_ROUGHNESS = 0.3, 0.45  # metals, and dielectrics smoother than this, are looked at
STEPS = 28
FIRST_M, GROWTH = 0.004, 1.25  # of the steps along a ray; the last is at 2 m
THICKNESS_M = 0.01  # how deep behind a visible surface a ray still hits it, at least
LIFT = 0.002  # of the distance: how far off its surface a ray starts
SEEN, GUESSED = 1.0, 0.5
DARKEST = 1e-4


def mirrored(depth: F32, instance: U16, normal: F32, roughness: F32, metallic: F32, camera: Camera, lit: F32) -> F32:
    """What a view mirrors of itself (screen-space ray tracing, McGuire and Mara 2014, with growing 3D steps).

    Rays are projected without the lens's distortion; they need not be exact.

    Args:
        depth, instance: (H, W) camera z in metres, 0 = nothing; numbers of the objects, 0 = unlabelled.
        normal, roughness, metallic: (H, W, 3) in the camera's frame, (H, W), (H, W), all float32.
        camera: of the view.
        lit: (H, W, 3) radiance of the view.

    Returns:
        (4, H, W) float32: radiance that arrives along the mirrored ray, and how it is known: 1 = a surface in the
        picture, 0.5 = a ray downwards that leaves the picture, given the mean radiance of unlabelled surfaces, 0 = not
        known (then the radiance is 0).
    """
    intrinsics = camera.intrinsics
    around = lit[(instance == 0) & (depth > 0)]
    ground = np.exp(np.log(around + np.float32(DARKEST)).mean(axis=0)) if len(around) else np.zeros(3)
    out = np.zeros((4, *depth.shape), np.float32)
    _trace(
        depth,
        *image_plane(intrinsics),
        normal,
        roughness,
        metallic,
        lit,
        lens_of(intrinsics),
        np.ascontiguousarray(camera.world_from_camera[2, :3], np.float32),
        ground.astype(np.float32),
        out,
    )
    return out


@njit(cache=True, nogil=True, error_model="numpy")
def _trace(
    depth: F32,
    plane_x: F32,
    plane_y: F32,
    normal: F32,
    roughness: F32,
    metallic: F32,
    lit: F32,
    lens: F32,
    up: F32,
    ground: F32,
    out: F32,
) -> None:  # pragma: no cover - compiled
    height, width = depth.shape
    one, two = np.float32(1.0), np.float32(2.0)
    for y in range(height):
        for x in range(width):
            d = depth[y, x]
            if d <= 0 or (metallic[y, x] < SHINY_METAL and roughness[y, x] > SHINY_ROUGHNESS):
                continue
            vx = plane_x[min(y, plane_x.shape[0] - 1), x]
            vy = plane_y[y, min(x, plane_y.shape[1] - 1)]
            scale = one / np.float32(math.sqrt(vx * vx + vy * vy + one))
            nx, ny, nz = normal[y, x, 0], normal[y, x, 1], normal[y, x, 2]
            along = two * scale * (vx * nx + vy * ny + nz)
            rx, ry, rz = scale * vx - along * nx, scale * vy - along * ny, scale - along * nz
            lift = np.float32(LIFT) * d
            px, py, pz = d * vx + lift * nx, d * vy + lift * ny, d + lift * nz
            place = met(depth, px, py, pz, rx, ry, rz, lens, STEPS, FIRST_M, GROWTH, THICKNESS_M)
            if place >= 0:
                for k in range(3):
                    out[k, y, x] = lit[place // width, place % width, k]
                out[3, y, x] = np.float32(SEEN)
            elif rx * up[0] + ry * up[1] + rz * up[2] < 0:
                for k in range(3):
                    out[k, y, x] = ground[k]
                out[3, y, x] = np.float32(GUESSED)
