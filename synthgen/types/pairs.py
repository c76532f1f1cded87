"""Training pairs: what of a scene was path traced, and what a reader of a pack hands out."""

from __future__ import annotations

from dataclasses import dataclass

from synthgen.types.arrays import F32
from synthgen.types.gbuffer import Views
from synthgen.types.scene import Scene


@dataclass(frozen=True)
class Target:
    """One stored image of a scene.

    Attributes:
        pair_id: scene * pairs per scene + place within the scene + 1.
        camera: which of the scene's cameras (index into ``Scene.cameras``).
        variation: 0 = the scene itself; above, its light and finishes were varied (``vary``), but not its G-buffer.
        camera_attempt: 0 unless earlier cameras were rejected.
        seed: of the path tracer's samples.
        instance_crc32: of the G-buffer's instance map (H, W) uint16, little-endian: what the image shows.
        brightness: of what ``shaded`` draws of the view, see ``pack.radiance.brightness``.
        knee, span: of the code's curve, see ``pack.radiance``.
        code: the image, as ``pack.radiance`` writes it.
    """

    pair_id: int
    camera: int
    variation: int
    camera_attempt: int
    seed: int
    instance_crc32: int
    brightness: float
    knee: float
    span: float
    code: bytes


@dataclass(frozen=True, eq=False)
class SceneTargets:
    """A scene with its cameras, its split and its images."""

    scene: Scene
    split: str
    targets: tuple[Target, ...]


@dataclass(frozen=True, eq=False)
class Pair:
    """What a network learns from: a G-buffer and the image that belongs to it.

    Attributes:
        pair_id, split, variation: see ``Target``.
        views: one view.
        image: (H, W, 3) float32 linear radiance, path traced.
    """

    pair_id: int
    split: str
    variation: int
    views: Views
    image: F32
