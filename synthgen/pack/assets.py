"""The files that a pack's scenes refer to: copied into it, so that it can be read on another machine."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from synthgen.assets.mesh_files import companions
from synthgen.contract.packs import ASSETS
from synthgen.errors import AssetError
from synthgen.types.catalog import Catalog, FileAsset, MeshSource
from synthgen.types.scene import Scene
from synthgen.write.files import replace_file


def file_assets(catalog: Catalog) -> tuple[FileAsset, ...]:
    """.hdr and image files of a catalog, once each by content."""
    materials = tuple(asset for _, assets in catalog.material_textures for asset in assets)
    every = catalog.environments + catalog.support_textures + catalog.backdrop_textures + materials
    return tuple({asset.key: asset for asset in every}.values())


def packed_name(key: str, path: str) -> str:
    """Path of a copy inside the pack: its content hash and the file's ending."""
    return f"{ASSETS}/{key.rpartition(':')[2]}{Path(path).suffix.lower()}"


def copy_assets(folder: Path, catalog: Catalog) -> dict[str, str]:
    """Copies every file of the catalog into the pack; returns their sha256 by path relative to the pack.

    Raises:
        AssetError: a mesh that is more than one file, or a file that has changed since it was looked at.
        EnvironmentFault: disk full, no permission, ...
    """
    wanted = {packed_name(asset.key, asset.path): asset.path for asset in file_assets(catalog)}
    for spec in catalog.specs:
        if isinstance(spec.source, MeshSource):
            if companions(spec.source.path):
                raise AssetError(
                    f"{spec.source.path} refers to other files, so that a pack cannot hold it; allowed: .glb, .ply, "
                    ".stl, or .obj without a material file. Export it as .glb"
                )
            wanted[packed_name(spec.key, spec.source.path)] = spec.source.path
    sha256 = {}
    for name, path in sorted(wanted.items()):
        try:
            data = Path(path).read_bytes()
        except OSError as error:
            raise AssetError(
                f"{path} cannot be read any more ({error.strerror}); give the same command again"
            ) from error
        there = folder / name
        sha256[name] = hashlib.sha256(data).hexdigest()
        if not there.is_file() or there.read_bytes() != data:
            replace_file(there, data)
    return sha256


def inside(scene: Scene) -> Scene:
    """The scene with its mesh files named as they are inside the pack."""
    return _renamed(scene, lambda key, path: packed_name(key, path))


def outside(scene: Scene, folder: Path) -> Scene:
    """The scene with the mesh files of a pack found through ``folder``."""
    return _renamed(scene, lambda key, path: str(folder / path))


def _renamed(scene: Scene, rename: Callable[[str, str], str]) -> Scene:
    if not any(isinstance(thing.source, MeshSource) for thing in scene.objects):
        return scene
    objects = tuple(
        replace(thing, source=replace(thing.source, path=rename(thing.asset_key, thing.source.path)))
        if isinstance(thing.source, MeshSource)
        else thing
        for thing in scene.objects
    )
    return replace(scene, objects=objects)
