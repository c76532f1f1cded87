"""The asset store: resolves keys to models, textures and environments; one per process, bounded in bytes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from synthgen.assets.derived import Arrays, derived
from synthgen.assets.environments import load_environment, procedural_environment
from synthgen.assets.families.build import build_family, family_key
from synthgen.assets.meshes import read_mesh
from synthgen.assets.model_arrays import pack_model, unpack_model
from synthgen.assets.texture_patterns import procedural_texture
from synthgen.assets.textures import load_texture
from synthgen.errors import AssetError, InternalError
from synthgen.types.assets import EnvironmentMap, ObjectModel, Texture
from synthgen.types.catalog import Catalog, FamilySource, FileAsset, MeshSource
from synthgen.types.geometry import Mesh

MODEL_BYTES = 32 << 20
TEXTURE_BYTES = 48 << 20
ENVIRONMENT_BYTES = 20 << 20  # three maps of 1024 x 512

V = TypeVar("V")


class _Cache(Generic[V]):
    """Least-recently-used values, bounded by the sum of their sizes in bytes; one value is always kept."""

    def __init__(self, limit: int, size: Callable[[V], int]) -> None:
        self._limit, self._size = limit, size
        self._values: OrderedDict[Hashable, V] = OrderedDict()
        self._total = 0

    def get(self, key: Hashable) -> V | None:
        if key not in self._values:
            return None
        self._values.move_to_end(key)
        return self._values[key]

    def put(self, key: Hashable, value: V) -> V:
        if key in self._values:
            self._total -= self._size(self._values.pop(key))
        self._values[key] = value
        self._total += self._size(value)
        while self._total > self._limit and len(self._values) > 1:
            _, dropped = self._values.popitem(last=False)
            self._total -= self._size(dropped)
        return value


class AssetStore:
    """Loads what a catalog and its scenes refer to, and keeps the most recently used.

    Values are built from their source alone, so whether something was cached never changes a byte.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._paths = {asset.key: asset.path for asset in _file_assets(catalog)}
        self._mesh_sources = {spec.key: spec.source for spec in catalog.specs if isinstance(spec.source, MeshSource)}
        self._models = _Cache[ObjectModel](MODEL_BYTES, _model_bytes)
        self._textures = _Cache[Texture](TEXTURE_BYTES, lambda texture: texture.texels.nbytes)
        self._environments = _Cache[EnvironmentMap](ENVIRONMENT_BYTES, lambda environment: environment.radiance.nbytes)
        self._lock = threading.RLock()

    def model(self, source: FamilySource | MeshSource) -> ObjectModel:
        """The model of a family or mesh file.

        Raises:
            AssetError: as ``assets.meshes.load_mesh``.
        """
        with self._lock:
            model = self._models.get(source)
            if model is not None:
                return model
            if isinstance(source, FamilySource):
                arrays = derived("model", family_key(source), lambda: pack_model(build_family(source)))
                return self._models.put(source, unpack_model(arrays))
            loaded = read_mesh(source)
            self._mesh_sources[loaded.model.key] = source
            for texture in loaded.textures:
                self._textures.put(texture.key, texture)
            return self._models.put(source, loaded.model)

    def texture(self, key: str) -> Texture:
        """The texture of a key "file:<hash>", "mesh:<model key>:<n>" or "procedural:<pattern>:<seed>".

        Raises:
            AssetError: the file cannot be read.
            InternalError: no such key in this run.
        """
        with self._lock:
            texture = self._textures.get(key)
            return texture if texture is not None else self._textures.put(key, self._load_texture(key))

    def _load_texture(self, key: str) -> Texture:
        kind, _, rest = key.partition(":")
        if kind == "file" and key in self._paths:
            return load_texture(key, self._paths[key])
        name, _, number = rest.rpartition(":")
        if kind == "procedural":
            arrays = derived("texture", key, lambda: _texture_arrays(procedural_texture(name, int(number))))
            return Texture(key, arrays["texels"], arrays["offsets"], arrays["widths"], arrays["heights"])
        if kind == "mesh" and name in self._mesh_sources:
            # Reading a whole mesh again for a texture that the cache let go takes a hundred times as long.
            arrays = derived("mesh-texture", key, lambda: _texture_arrays(self._mesh_texture(name, key)))
            return Texture(key, arrays["texels"], arrays["offsets"], arrays["widths"], arrays["heights"])
        raise InternalError(f"there is no texture {key!r} in this run's catalog")

    def _mesh_texture(self, model_key: str, key: str) -> Texture:
        source = self._mesh_sources[model_key]
        for texture in read_mesh(source).textures:
            if texture.key == key:
                return texture
        raise AssetError(f"{source.path} changed during the run: start the run again")

    def environment(self, key: str) -> EnvironmentMap:
        """The environment of a key "file:<hash>" or "procedural:<kind>:<seed>".

        Raises:
            AssetError: the file cannot be read, or the kind is unknown.
            InternalError: no such key in this run.
        """
        with self._lock:
            environment = self._environments.get(key)
            return environment if environment is not None else self._environments.put(key, self._load_environment(key))

    def _load_environment(self, key: str) -> EnvironmentMap:
        if key in self._paths:
            return load_environment(key, self._paths[key])
        kind, _, rest = key.partition(":")
        if kind == "procedural":
            name, _, number = rest.rpartition(":")
            arrays = derived("room", key, lambda: {"radiance": procedural_environment(name, int(number)).radiance})
            return EnvironmentMap(key, arrays["radiance"])
        raise InternalError(f"there is no environment {key!r} in this run's catalog")


def _texture_arrays(texture: Texture) -> Arrays:
    return {name: getattr(texture, name) for name in ("texels", "offsets", "widths", "heights")}


def _file_assets(catalog: Catalog) -> tuple[FileAsset, ...]:
    materials = tuple(asset for _, assets in catalog.material_textures for asset in assets)
    return catalog.environments + catalog.support_textures + catalog.backdrop_textures + materials


def _mesh_bytes(mesh: Mesh) -> int:
    return mesh.vertices.nbytes + mesh.normals.nbytes + mesh.uvs.nbytes + mesh.faces.nbytes + mesh.face_slot.nbytes


def _model_bytes(model: ObjectModel) -> int:
    light = 0 if model.light_mesh is model.mesh else _mesh_bytes(model.light_mesh)
    return _mesh_bytes(model.mesh) + light + sum(part.nbytes for part in model.parts)


_store: tuple[Catalog, AssetStore] | None = None
_store_lock = threading.Lock()


def store_for(catalog: Catalog) -> AssetStore:
    """This process's store for a catalog: the same object as long as the catalog is equal to the last one."""
    global _store
    with _store_lock:
        if _store is None or (_store[0] is not catalog and _store[0] != catalog):
            _store = (catalog, AssetStore(catalog))
        return _store[1]
