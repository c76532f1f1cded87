"""What the light stage takes from a scene: the casters, and the support that everything stands on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synthgen.render.assets_protocol import Assets
from synthgen.types.arrays import F32, F64, I32, U8, freeze
from synthgen.types.assets import ObjectModel
from synthgen.types.scene import Scene, SceneObject

FLAT_TOLERANCE_M = 0.01
MIN_ALBEDO = 0.01
EXACT_BIAS_M, COARSE_BIAS_M = 0.0008, 0.0028
PLAIN, UNDER_TABLE = 0, 1


@dataclass(frozen=True, eq=False)
class Casters:
    """Triangles that cast shadows: (V, 3) float32 world vertices, (F, 3) int32 faces, (3,) centre of their bounds."""

    vertices: F32
    faces: I32
    centre: F64

    def area_xy(self, margin_m: float) -> tuple[F64, float]:
        """Lower corner (2,) and edge of the square in x and y that holds all casters and ``margin_m`` around them."""
        extent = np.ptp(self.vertices[:, :2], axis=0).max() if len(self.vertices) else 0.0
        side = float(extent) + 2.0 * margin_m
        return self.centre[:2] - 0.5 * side, side


@dataclass(frozen=True, eq=False)
class Ground:
    """What the objects stand on.

    Attributes:
        height_m: world height of the surface they stand on.
        centre: (2,) world x, y of the middle of the support.
        table: (7,) float64 flat support as ``light_visibility.table_shadow`` takes it; zero extents = none.
        flags: (T + 2,) uint8 per thing number: PLAIN or UNDER_TABLE (the floor); the last one is PLAIN and no thing's.
        bias_m: (T + 2,) float32 per thing number: how far a blocker must rise above its surface to count.
        flat: per thing: whether it is a flat support, whose shadow is computed and not cast.
    """

    height_m: float
    centre: F64
    table: F64
    flags: U8
    bias_m: F32
    flat: tuple[bool, ...]

    @property
    def plain_number(self) -> int:
        """A thing number that stands for a point in the open which is no thing of the scene."""
        return len(self.flags) - 1


def ground_of(scene: Scene, store: Assets) -> Ground:
    """Finds the support: flat if all instances are above its top, else (a tote) its walls cast like any object."""
    boxes = [_world_vertices(thing, store) for thing in scene.objects]
    standing = [box for thing, box in zip(scene.objects, boxes, strict=True) if thing.instance_index > 0]
    lowest = min((float(box[:, 2].min()) for box in standing), default=np.inf)
    flags = np.zeros(len(scene.objects) + 2, np.uint8)
    bias = np.full(len(flags), EXACT_BIAS_M, np.float32)
    table, flat, height, centre = np.zeros(7), [], 0.0, np.zeros(2)
    table[4], table[6] = 1.0, -1e9
    tops = []
    for k, (thing, box) in enumerate(zip(scene.objects, boxes, strict=True)):
        top = float(box[:, 2].max()) if len(box) else 0.0
        is_flat = thing.role == "support" and (top <= lowest + FLAT_TOLERANCE_M if standing else _slab_like(box))
        flat.append(is_flat)
        if thing.role == "support":
            centre = 0.5 * (box[:, :2].min(axis=0) + box[:, :2].max(axis=0)).astype(np.float64)
        if is_flat:
            tops.append(top)
            table = _table(thing, store, top)
        bias[k + 1] = _bias(store.model(thing.source))
        flags[k + 1] = UNDER_TABLE if thing.role == "floor" else PLAIN
    if tops:
        height = max(tops)
    if standing and (not tops or lowest > height + FLAT_TOLERANCE_M):
        height = lowest if np.isfinite(lowest) else height
    return Ground(height, centre, freeze(table), freeze(flags), freeze(bias), tuple(flat))


def gather_casters(scene: Scene, store: Assets, ground: Ground) -> Casters:
    """Light meshes of everything but the floor and flat supports, in world axes."""
    vertices, faces, first = [np.zeros((0, 3), np.float32)], [np.zeros((0, 3), np.int32)], 0
    for thing, flat in zip(scene.objects, ground.flat, strict=True):
        if thing.role == "floor" or flat:
            continue
        points = _world_vertices(thing, store)
        vertices.append(points)
        faces.append(store.model(thing.source).light_mesh.faces + np.int32(first))
        first += len(points)
    points = np.concatenate(vertices)
    centre = 0.5 * (points.min(axis=0) + points.max(axis=0)) if len(points) else np.zeros(3)
    return Casters(points, np.concatenate(faces).astype(np.int32), centre.astype(np.float64))


def _bias(model: ObjectModel) -> float:
    """Exact casters need next to none; a simplified one leaves its surface by about a hundredth of its size."""
    if model.light_mesh is model.mesh:
        return EXACT_BIAS_M
    return float(np.clip(0.012 * model.diameter_m, EXACT_BIAS_M, COARSE_BIAS_M))


def support_albedo(scene: Scene, store: Assets) -> F64 | None:
    """(3,) mean linear colour of the support (of the innermost one where a tote stands on a table); None without."""
    found: F64 | None = None
    for thing in scene.objects:
        if thing.role != "support" or not thing.materials:
            continue
        material = thing.materials[0]
        color = np.array(material.base_color, np.float64)
        if material.texture:
            texture = store.texture(material.texture)
            texels = texture.texels[int(texture.offsets[-1]) :].reshape(-1, 3)
            color = color * _linear(texels.mean(axis=0))
        # Bare metal sends up less: it mirrors its surroundings, which are darker than the light above.
        found = np.clip(color * (1.0 - 0.4 * material.metallic), MIN_ALBEDO, 1.0)
    return found


def _linear(srgb_bytes: F64) -> F64:
    value = np.asarray(srgb_bytes, np.float64) / 255.0
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def _world_vertices(thing: SceneObject, store: Assets) -> F32:
    mesh = store.model(thing.source).light_mesh
    pose = thing.world_from_object
    return (mesh.vertices @ pose[:3, :3].T + pose[:3, 3]).astype(np.float32)


def _slab_like(box: F32) -> bool:
    """An empty support is a table if it is much flatter than wide."""
    extent = box.max(axis=0) - box.min(axis=0)
    return bool(extent[2] < 0.15 * min(extent[0], extent[1]))


def _table(thing: SceneObject, store: Assets, top: float) -> F64:
    low, high = store.model(thing.source).bounds_m
    pose = thing.world_from_object
    middle = pose[:3, :3] @ (0.5 * (low + high)) + pose[:3, 3]
    along = pose[:2, 0] / max(1e-9, float(np.linalg.norm(pose[:2, 0])))
    half = 0.5 * (high - low)
    return np.array([middle[0], middle[1], half[0], half[1], along[0], along[1], top])
