"""Rays through the scene itself: what light between surfaces is gathered with (Embree, single rays, one thread)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from synthgen.render.things import Thing
from synthgen.types.arrays import F32, F64, I32, U16, Bool, freeze


@dataclass(frozen=True, eq=False)
class SceneRays:
    """A scene to send rays through: every thing of it, objects as the light sees them (``ObjectModel.light_mesh``).

    Attributes:
        scene: Embree's.
        thing: (F,) uint16 thing number of every face.
        color: (T + 1, 3) float32 mean linear base colour of every thing number.
        support: (T + 1,) bool, whether it is what the objects stand on.
    """

    scene: Any
    thing: U16
    color: F32
    support: Bool

    def first_hits(self, origins: F32, directions: F32) -> tuple[I32, F32, F32]:
        """What (N,) rays meet first.

        Args:
            origins, directions: (N, 3) float32 world axes, C order; unit directions.

        Returns:
            (N,) int32 face, -1 = none; (N,) float32 metres; (N, 3) float32 normal of the face, not of unit length,
            on either side.
        """
        found = self.scene.run(origins, directions, query="INTERSECT", output=1)
        return found["primID"], found["tfar"], found["Ng"]


def scene_rays(things: Sequence[Thing], roles: Sequence[str]) -> SceneRays:
    """Makes ready for rays what a scene consists of; ``roles``: of its things."""
    from embreex.mesh_construction import TriangleMesh
    from embreex.rtcore_scene import EmbreeScene

    vertices, faces, numbers, first = [], [], [], 0
    color = np.zeros((len(things) + 1, 3), np.float32)
    for thing in things:
        mesh, pose = thing.model.light_mesh, thing.world_from_object
        vertices.append((mesh.vertices @ pose[:3, :3].T + pose[:3, 3]).astype(np.float32))
        faces.append(mesh.faces.astype(np.int32) + np.int32(first))
        numbers.append(np.full(len(mesh.faces), thing.number, np.uint16))
        color[thing.number] = _mean_color(thing)
        first += len(mesh.vertices)
    scene = EmbreeScene(robust=True)
    if first:
        TriangleMesh(scene, np.concatenate(vertices), np.concatenate(faces))
    number = np.concatenate([np.zeros(0, np.uint16), *numbers])
    return SceneRays(scene, freeze(number), freeze(color), np.array([False, *(role == "support" for role in roles)]))


def _mean_color(thing: Thing) -> F64:
    """(3,) linear, over its slots; of textures the coarsest level."""
    colors = []
    for base, texture in zip(thing.slots.base_color, thing.slots.textures, strict=True):
        color = np.asarray(base, np.float64)
        if texture is not None:
            encoded = texture.texels[int(texture.offsets[-1]) :].reshape(-1, 3).mean(axis=0) / 255.0
            color = color * np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
        colors.append(color)
    return np.mean(colors, axis=0)
