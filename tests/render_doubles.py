"""Test doubles of rendering: models from trimesh shapes or files, a store that holds them, scenes that show them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import trimesh

from synthgen.types.assets import EnvironmentMap, Material, MaterialSlot, ObjectModel, Symmetries, Texture
from synthgen.types.catalog import FamilySource, MeshSource, Role
from synthgen.types.geometry import Camera, Intrinsics, Mesh
from synthgen.types.scene import EnvironmentLight, Scene, SceneObject

SCANS = Path(__file__).parents[2] / "shared" / "data" / "meshes"


def mesh_of(shape: trimesh.Trimesh, uvs: npt.NDArray[np.float64] | None = None) -> Mesh:
    """A renderable mesh with trimesh's own vertex normals."""
    if uvs is None:
        uvs = np.asarray(shape.vertices)[:, :2]
    return Mesh(
        vertices=np.array(shape.vertices, np.float32),
        normals=np.array(shape.vertex_normals, np.float32),
        uvs=np.array(uvs, np.float32),
        faces=np.array(shape.faces, np.int32),
        face_slot=np.zeros(len(shape.faces), np.int32),
    )


def model_of(name: str, mesh: Mesh) -> ObjectModel:
    bounds = np.stack([mesh.vertices.min(axis=0), mesh.vertices.max(axis=0)]).astype(np.float64)
    return ObjectModel(
        key=name,
        name=name,
        mesh=mesh,
        light_mesh=mesh,
        parts=(),
        bounds_m=bounds,
        diameter_m=float(np.linalg.norm(bounds[1] - bounds[0])),
        volume_m3=1e-3,
        watertight=True,
        slots=(MaterialSlot("body", "fixed"),),
        symmetries=Symmetries.none(),
        source="test",
        licence="",
        attribution="",
    )


def pyramid(key: str, pixels: npt.NDArray[np.uint8]) -> Texture:
    """A mip pyramid of a square power-of-two image, averaged 2 x 2 in linear light."""
    level = (pixels / 255.0).astype(np.float64)
    level = np.where(level <= 0.04045, level / 12.92, ((level + 0.055) / 1.055) ** 2.4)
    levels = [level]
    while len(levels[-1]) > 1:
        n = len(levels[-1]) // 2
        levels.append(levels[-1].reshape(n, 2, n, 2, 3).mean(axis=(1, 3)))
    coded = [np.where(x <= 0.0031308, 12.92 * x, 1.055 * x ** (1 / 2.4) - 0.055) for x in levels]
    sizes = np.array([len(x) for x in coded], np.int32)
    return Texture(
        key=key,
        texels=np.concatenate([np.rint(x * 255).astype(np.uint8).reshape(-1, 3) for x in coded]),
        offsets=np.concatenate([[0], np.cumsum(sizes[:-1] ** 2)]).astype(np.int32),
        widths=sizes,
        heights=sizes,
    )


class ShelfStore:
    """A store whose models and textures lie on a shelf."""

    def __init__(self, models: Sequence[ObjectModel], textures: Sequence[Texture] = ()) -> None:
        self._models = {model.name: model for model in models}
        self._textures = {texture.key: texture for texture in textures}

    def model(self, source: FamilySource | MeshSource) -> ObjectModel:
        return self._models[source.family if isinstance(source, FamilySource) else source.path]

    def texture(self, key: str) -> Texture:
        return self._textures[key]

    def environment(self, key: str) -> EnvironmentMap:
        return EnvironmentMap(key, np.ones((16, 32, 3), np.float32))


def pose(x: float = 0.0, y: float = 0.0, z: float = 0.0, *, turn: Sequence[float] = (0.0, 0.0, 0.0)) -> npt.NDArray:
    """world_from_object from a position and extrinsic x, y, z turns in radians."""
    matrix = trimesh.transformations.euler_matrix(*turn)
    matrix[:3, 3] = (x, y, z)
    return np.asarray(matrix)


def placed(
    name: str,
    world_from_object: npt.NDArray,
    *,
    index: int,
    role: Role = "object",
    material: Material | None = None,
) -> SceneObject:
    return SceneObject(
        instance_index=index,
        role=role,
        asset_key=name,
        source=FamilySource(name, ()),
        category_id=1 if index and role == "object" else 0,
        world_from_object=world_from_object,
        materials=(material or Material(),),
    )


def scene_of(objects: Sequence[SceneObject], cameras: Sequence[Camera]) -> Scene:
    return Scene(
        index=0,
        attempt=0,
        seed=0,
        objects=tuple(objects),
        environment=EnvironmentLight("procedural:test:0", 0.0, 1.0),
        lights=(),
        cameras=tuple(cameras),
        view_indices=tuple(range(len(cameras))),
    )


def looking(eye: Sequence[float], target: Sequence[float], intrinsics: Intrinsics) -> Camera:
    """A camera at ``eye`` (world, metres) that looks at ``target`` with world z up in the image."""
    forward = np.subtract(target, eye) / np.linalg.norm(np.subtract(target, eye))
    side = np.array([1.0, 0.0, 0.0]) if abs(forward[2]) > 0.999 else np.cross(forward, [0.0, 0.0, 1.0])
    right = side / np.linalg.norm(side)
    matrix = np.eye(4)
    matrix[:3, :3] = np.stack([right, np.cross(forward, right), forward], axis=1)
    matrix[:3, 3] = eye
    return Camera(intrinsics, matrix)


def pinhole(width: int = 128, height: int = 96, *, f: float = 120.0, distortion: tuple[float, ...] = ()) -> Intrinsics:
    """A camera whose principal point is not the centre, so that mixed-up axes show."""
    return Intrinsics(width, height, f, f * 1.02, width / 2 + 3.3, height / 2 - 2.7, distortion)
