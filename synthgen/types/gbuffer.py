"""The G-buffer: exact labels and the generator's condition in one. Batch axis first, compact types."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from synthgen.types.arrays import F16, F32, I32, U8, U16, U64
from synthgen.types.scene import Scene


@dataclass(frozen=True, eq=False)
class EdgeBlend:
    """How to anti-alias one view: at edge pixels the colour is a mix of the 3 x 3 neighbourhood.

    Attributes:
        pixels: (E,) int32 flat index y * width + x of each edge pixel.
        weights: (E, 9) uint8, row-major over dy, dx in -1..1 (index 4 = the pixel itself), each row sums to 16.
    """

    pixels: I32
    weights: U8


@dataclass(frozen=True, eq=False)
class GBuffers:
    """B views of one size. All of these describe the surface seen at each pixel's centre.

    Attributes:
        instance: (B, H, W) uint16 instance index, 0 = anything unlabelled without index.
        category: (B, H, W) uint16 category id, 0 = none.
        depth_m: (B, H, W) float32 camera z, 0 = nothing hit.
        normal: (B, H, W, 3) float16 unit shading normal in camera axes, facing the camera, 0 where nothing was hit.
        albedo: (B, H, W, 3) float16 linear textured base colour.
        roughness, metallic: (B, H, W) float16.
        direct: (B, H, W, 3) float16 diffuse irradiance (divided by pi) from key lights, soft shadows included.
        highlight: (B, H, W, 3) float16 GGX specular radiance of the key lights, soft shadows included.
        irradiance: (B, H, W, 3) float16 environment diffuse irradiance (divided by pi), occlusion not included.
        occlusion: (B, H, W) float16 ambient visibility, 1 = open, 0 = enclosed.
        reflection: (B, H, W, 3) float16 environment radiance along the mirror direction, blurred by roughness;
            where nothing was hit: the environment itself.
        skylight, bounce, gloss: light between surfaces, for generators that ask for it, else None: (B, H, W, 3) float16
            environment irradiance (divided by pi) that reaches the surface past all that stands there, the support's
            light left out; irradiance (divided by pi) from surfaces; mean radiance that the surface's mirror lobe
            receives from surfaces and surroundings, where nothing was hit: the environment itself.
        amodal: (B, H, W, words) uint64; bit (k - 1) % 64 of word (k - 1) // 64 = instance k covers this pixel centre.
        truncation: per view (N,) float32: share of instance k's silhouette outside the frame, at index k - 1.
        edges: one ``EdgeBlend`` per view.
    """

    instance: U16
    category: U16
    depth_m: F32
    normal: F16
    albedo: F16
    roughness: F16
    metallic: F16
    direct: F16
    highlight: F16
    irradiance: F16
    occlusion: F16
    reflection: F16
    amodal: U64
    truncation: tuple[F32, ...]
    edges: tuple[EdgeBlend, ...]
    skylight: F16 | None = None
    bounce: F16 | None = None
    gloss: F16 | None = None


GATHERED = frozenset(("skylight", "bounce", "gloss"))  # what is there only when asked for


@dataclass(frozen=True, eq=False)
class Views:
    """A batch of at most 8 views of one scene: view i of ``gbuffers`` was seen by ``scene.cameras[first + i]``."""

    scene: Scene
    first: int
    gbuffers: GBuffers

    def __len__(self) -> int:
        return int(self.gbuffers.instance.shape[0])

    def part(self, some: range) -> Views:
        """Consecutive views of the batch as a batch of their own; its arrays are shared."""
        if len(some) == len(self):
            return self
        cut = slice(some.start, some.stop)
        arrays = {field.name: getattr(self.gbuffers, field.name) for field in fields(GBuffers)}
        buffers: dict[str, Any] = {name: None if array is None else array[cut] for name, array in arrays.items()}
        return Views(self.scene, self.first + some.start, GBuffers(**buffers))
