"""What the rasteriser hands to the light stage: the surface seen at each pixel centre, in world axes."""

from __future__ import annotations

from dataclasses import dataclass

from synthgen.types.arrays import F32, U16


@dataclass(frozen=True, eq=False)
class Surfaces:
    """One view, (H, W) pixels; entries are only meaningful where ``hit``.

    Attributes:
        thing: (H, W) uint16, 0 = nothing hit, k = scene.objects[k - 1].
        position: (H, W, 3) float32 world point, metres.
        normal: (H, W, 3) float32 unit shading normal, world axes, turned towards the camera.
        geometric_normal: (H, W, 3) float32 unit triangle normal, world axes, turned towards the camera.
        ray: (H, W, 3) float32 unit world direction from the camera through the pixel centre (for every pixel).
        albedo: (H, W, 3) float32 linear base colour.
        roughness, metallic: (H, W) float32.
    """

    thing: U16
    position: F32
    normal: F32
    geometric_normal: F32
    ray: F32
    albedo: F32
    roughness: F32
    metallic: F32
