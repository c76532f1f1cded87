"""The store: keys, caching within bounds, one per process."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image

from synthgen.assets import derived
from synthgen.assets import store as store_module
from synthgen.assets.hashing import file_key
from synthgen.assets.meshes import hash_mesh
from synthgen.assets.store import AssetStore, store_for
from synthgen.errors import AssetError, InternalError
from synthgen.types.catalog import AssetSpec, Catalog, FamilySource, FileAsset, MeshSource

EMPTY = Catalog(specs=(), categories=())


def textured_mesh(path: Path, *, seed: int = 0) -> MeshSource:
    mesh = trimesh.creation.box((0.1, 0.1, 0.1))
    pixels = np.random.default_rng(seed).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    material = trimesh.visual.material.PBRMaterial(baseColorTexture=Image.fromarray(pixels))
    mesh.visual = trimesh.visual.TextureVisuals(uv=np.random.default_rng(1).random((8, 2)), material=material)
    mesh.export(path)
    return MeshSource(str(path))


def test_models_are_built_once(tmp_path: Path) -> None:
    store = AssetStore(EMPTY)
    source = textured_mesh(tmp_path / "a.glb")
    assert store.model(source) is store.model(MeshSource(source.path))
    family = FamilySource("block", (("size_x", 0.05), ("size_y", 0.04), ("size_z", 0.06)))
    assert store.model(family) is store.model(family)


def test_embedded_textures_are_found_in_any_order(tmp_path: Path) -> None:
    """A worker may be asked for a texture before, or long after, it loaded the mesh."""
    source = textured_mesh(tmp_path / "a.glb")
    key = hash_mesh(source)
    catalog = Catalog(specs=(AssetSpec(key, "a", "object", source),), categories=())
    fresh = AssetStore(catalog).texture(f"mesh:{key}:0")
    loaded = AssetStore(EMPTY)
    slot = loaded.model(source).slots[0]
    assert slot.material.texture == fresh.key
    assert loaded.texture(slot.material.texture).texels.tobytes() == fresh.texels.tobytes()


def test_files_resolve_through_the_catalog(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    Image.new("RGB", (8, 8), (10, 20, 30)).save(path)
    asset = FileAsset(file_key(str(path)), str(path))
    for catalog in (
        Catalog((), (), support_textures=(asset,)),
        Catalog((), (), backdrop_textures=(asset,)),
        Catalog((), (), material_textures=((0, (asset,)),)),
    ):
        store = AssetStore(catalog)
        assert store.texture(asset.key).texels[0].tolist() == [10, 20, 30]
        assert store.texture(asset.key) is store.texture(asset.key)


def test_procedural_keys() -> None:
    store = AssetStore(EMPTY)
    assert store.texture("procedural:paper_fibre:1").key == "procedural:paper_fibre:1"
    assert store.environment("procedural:overcast:2").key == "procedural:overcast:2"


def test_unknown_keys_are_our_bug() -> None:
    store = AssetStore(EMPTY)
    with pytest.raises(InternalError, match="there is no texture 'file:12' in this run's catalog"):
        store.texture("file:12")
    with pytest.raises(InternalError, match="there is no environment 'file:12' in this run's catalog"):
        store.environment("file:12")


def test_a_mesh_that_changes_during_the_run_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Without the cache on disk, which would still hold the texture as it was planned.
    monkeypatch.setattr(derived, "cache_folder", lambda: None)
    source = textured_mesh(tmp_path / "a.glb")
    catalog = Catalog(specs=(AssetSpec(hash_mesh(source), "a", "object", source),), categories=())
    key = f"mesh:{hash_mesh(source)}:0"
    textured_mesh(tmp_path / "a.glb", seed=5)
    with pytest.raises(AssetError) as caught:
        AssetStore(catalog).texture(key)
    assert str(caught.value) == f"{source.path} changed during the run: start the run again"


def test_caches_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "TEXTURE_BYTES", 2 << 20)
    store = AssetStore(EMPTY)
    kept = [store.texture(f"procedural:moulded:{seed}") for seed in range(4)]
    assert sum(texture.texels.nbytes for texture in kept) > 2 << 20
    assert store.texture("procedural:moulded:3") is kept[3], "recent ones stay"
    assert store.texture("procedural:moulded:0") is not kept[0], "old ones go"
    assert store.texture("procedural:moulded:1").texels.tobytes() == kept[1].texels.tobytes(), "and come back the same"


def test_one_store_per_process_and_catalog() -> None:
    assert store_for(EMPTY) is store_for(Catalog(specs=(), categories=()))
    other = Catalog(specs=(), categories=(), environments=(FileAsset("file:1", "a.hdr"),))
    assert store_for(other) is not store_for(EMPTY)
