"""A scene's things, resolved once: models and material slots from the store, and room for their projected vertices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synthgen.errors import InternalError
from synthgen.kernels import njit
from synthgen.render.assets_protocol import Assets
from synthgen.render.lens import Lens
from synthgen.render.raster import NEAR_M
from synthgen.types.arrays import F32, F64
from synthgen.types.assets import Material, ObjectModel, Texture
from synthgen.types.scene import Scene


@dataclass(frozen=True, eq=False)
class Slots:
    """The materials of one thing, by slot, as arrays: base_color (S, 3), roughness, metallic, uv_scale (S,) float32."""

    base_color: F32
    roughness: F32
    metallic: F32
    uv_scale: F32
    textures: tuple[Texture | None, ...]


@dataclass(frozen=True, eq=False)
class Thing:
    """One entry of ``scene.objects``, ready to draw.

    Attributes:
        number: index in ``scene.objects`` + 1.
        instance_index, category_id: as in the scene.
        world_from_object: (4, 4) float64, rigid.
        camera, image: (V, 3), (V, 2) float64 scratch that each view overwrites: vertices in camera axes and in pixels.
    """

    number: int
    instance_index: int
    category_id: int
    model: ObjectModel
    world_from_object: F64
    slots: Slots
    camera: F64
    image: F64


def things_of(scene: Scene, store: Assets) -> tuple[Thing, ...]:
    """Every object of the scene with its model and textures.

    Raises:
        InternalError: a thing has not one material per slot.
    """
    return tuple(_thing(scene, index, store) for index in range(len(scene.objects)))


def _thing(scene: Scene, index: int, store: Assets) -> Thing:
    entry = scene.objects[index]
    model = store.model(entry.source)
    if len(entry.materials) != len(model.slots):
        raise InternalError(
            f"object {index} of scene {scene.index} ({model.name}) has {len(entry.materials)} materials "
            f"for {len(model.slots)} slots; every slot needs exactly one"
        )
    vertices = len(model.mesh.vertices)
    return Thing(
        number=index + 1,
        instance_index=entry.instance_index,
        category_id=entry.category_id,
        model=model,
        world_from_object=entry.world_from_object,
        slots=_slots(entry.materials, store),
        camera=np.empty((vertices, 3)),
        image=np.empty((vertices, 2)),
    )


def _slots(materials: tuple[Material, ...], store: Assets) -> Slots:
    return Slots(
        base_color=np.array([m.base_color for m in materials], np.float32).reshape(-1, 3),
        roughness=np.array([m.roughness for m in materials], np.float32),
        metallic=np.array([m.metallic for m in materials], np.float32),
        uv_scale=np.array([m.uv_scale for m in materials], np.float32),
        textures=tuple(store.texture(m.texture) if m.texture else None for m in materials),
    )


def may_be_seen(thing: Thing, camera_from_object: F64, lens: Lens) -> bool:
    """False only when the thing's box lies wholly behind the near plane or beyond one side of the view."""
    return not _box_beyond(thing.model.bounds_m, camera_from_object, lens.region)


@njit(cache=True, nogil=True, error_model="numpy")
def _box_beyond(bounds: F64, m: F64, region: F64) -> bool:
    """Whether all corners of a (2, 3) box lie behind the near plane, or all beyond the same side of the region."""
    left = right = above = below = behind = 0
    for i in range(8):
        a, b, c = bounds[i & 1, 0], bounds[i >> 1 & 1, 1], bounds[i >> 2, 2]
        x = m[0, 0] * a + m[0, 1] * b + m[0, 2] * c + m[0, 3]
        y = m[1, 0] * a + m[1, 1] * b + m[1, 2] * c + m[1, 3]
        z = m[2, 0] * a + m[2, 1] * b + m[2, 2] * c + m[2, 3]
        left, right = left + (x < region[0] * z), right + (x > region[1] * z)
        above, below, behind = above + (y < region[2] * z), below + (y > region[3] * z), behind + (z <= NEAR_M)
    return bool(max(left, right, above, below, behind) == 8)
