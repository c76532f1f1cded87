"""A settled scene: asset keys, poses, materials, lights and cameras; never bytes."""

from __future__ import annotations

from dataclasses import dataclass

from synthgen.types.arrays import F64
from synthgen.types.assets import Material
from synthgen.types.catalog import FamilySource, MeshSource, Role
from synthgen.types.geometry import Camera


@dataclass(frozen=True, eq=False)
class SceneObject:
    """One thing in the scene.

    Attributes:
        instance_index: 1-based for objects and distractors (the same in all views), 0 for everything else.
        role: see ``types.catalog.Role``.
        asset_key: resolves to an ``ObjectModel`` in the store through ``source``.
        source: what the store builds or loads (supports and occluders are not in the catalog's specs).
        category_id: COCO category, 0 = not labelled.
        world_from_object: (4, 4) float64.
        materials: one per slot of the model.
    """

    instance_index: int
    role: Role
    asset_key: str
    source: FamilySource | MeshSource
    category_id: int
    world_from_object: F64
    materials: tuple[Material, ...]


@dataclass(frozen=True)
class EnvironmentLight:
    """An environment map turned about world z.

    Attributes:
        key: "file:..." or "procedural:<kind>:<seed>", resolved by the store.
        rotation_rad: added to the azimuth of every direction of the map.
        intensity: factor on its radiance, > 0.
    """

    key: str
    rotation_rad: float
    intensity: float


@dataclass(frozen=True, eq=False)
class AreaLight:
    """A rectangular, one-sided emitter.

    Attributes:
        position_m: (3,) centre, world frame.
        direction: (3,) unit vector from the light into the scene.
        size_m: edge lengths (width, height).
        radiance: linear RGB radiance of its surface, in the environment's units.
    """

    position_m: F64
    direction: F64
    size_m: tuple[float, float]
    radiance: tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class Scene:
    """One settled scene and its cameras.

    Attributes:
        index: scene number, >= 0.
        attempt: 0 unless earlier draws were rejected.
        seed: 63-bit seed recorded in the outputs.
        objects: floor, support, fixtures, objects, distractors, occluders; instance indices are 1..N in order.
        environment, lights: illumination.
        cameras: one per view that survived geometric rejection, in view order.
        view_indices: the view number of each camera.
    """

    index: int
    attempt: int
    seed: int
    objects: tuple[SceneObject, ...]
    environment: EnvironmentLight
    lights: tuple[AreaLight, ...]
    cameras: tuple[Camera, ...]
    view_indices: tuple[int, ...]

    @property
    def instances(self) -> tuple[SceneObject, ...]:
        """Objects and distractors by instance index: instances[k - 1] has instance index k."""
        return tuple(thing for thing in self.objects if thing.instance_index > 0)
