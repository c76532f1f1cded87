"""models/: the mesh of every labelled object as PLY, and models.parquet with what a pose evaluation needs (BOP)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from synthgen.contract import layout
from synthgen.contract.tables import MODELS
from synthgen.types.assets import ObjectModel, Symmetries
from synthgen.types.catalog import AssetSpec
from synthgen.types.geometry import Mesh
from synthgen.write.files import replace_file
from synthgen.write.rows import Row, parquet_bytes

_VERTEX = np.dtype([("position", "<f4", 3), ("normal", "<f4", 3), ("uv", "<f4", 2)])
_FACE = np.dtype([("count", "u1"), ("index", "<i4", 3)])


def write_models(folder: Path, models: Iterable[tuple[AssetSpec, ObjectModel]]) -> dict[str, str]:
    """Writes models/<key>.ply once per key and one row per (key, class) of models.parquet, in the given order.

    Args:
        folder: the dataset.
        models: labelled objects: catalog entry and its model; only one model is held at a time.

    Returns:
        sha256 of every file written, by path relative to the dataset.

    Raises:
        EnvironmentFault: disk full, no permission, ...
    """
    sha256: dict[str, str] = {}
    rows: dict[tuple[str, int], Row] = {}
    for spec, model in models:
        path = layout.model_path(model.key)
        if path not in sha256:
            data = ply_bytes(model.mesh)
            sha256[path] = hashlib.sha256(data).hexdigest()
            _write_once(folder / path, data)
        rows.setdefault((model.key, spec.category_id), _row(spec, model, sha256[path]))
    sha256[layout.MODELS_TABLE] = replace_file(folder / layout.MODELS_TABLE, parquet_bytes(list(rows.values()), MODELS))
    return sha256


def ply_bytes(mesh: Mesh) -> bytes:
    """Binary little-endian PLY: x y z (metres, object frame), nx ny nz, s t, triangles.

    PLY readers put texture coordinate t = 0 at the bottom; our v runs down: t = 1 - v.
    """
    vertices = np.empty(len(mesh.vertices), dtype=_VERTEX)
    vertices["position"], vertices["normal"] = mesh.vertices, mesh.normals
    vertices["uv"][:, 0], vertices["uv"][:, 1] = mesh.uvs[:, 0], 1.0 - mesh.uvs[:, 1]
    faces = np.empty(len(mesh.faces), dtype=_FACE)
    faces["count"], faces["index"] = 3, mesh.faces
    header = [
        "ply",
        "format binary_little_endian 1.0",
        "comment unit: metre; frame: object",
        f"element vertex {len(vertices)}",
        *(f"property float {name}" for name in ("x", "y", "z", "nx", "ny", "nz", "s", "t")),
        f"element face {len(faces)}",
        "property list uchar int vertex_indices",
        "end_header\n",
    ]
    return "\n".join(header).encode() + vertices.tobytes() + faces.tobytes()


def _write_once(path: Path, data: bytes) -> None:
    """Leaves a file with these bytes untouched: a resumed run changes nothing that is already right."""
    if not (path.is_file() and path.stat().st_size == len(data) and path.read_bytes() == data):
        replace_file(path, data)


def _row(spec: AssetSpec, model: ObjectModel, sha256: str) -> Row:
    return {
        "model_id": model.key,
        "name": model.name,
        "category_id": spec.category_id,
        "class_name": spec.class_name,
        "file": layout.model_path(model.key),
        "sha256": sha256,
        "vertices": len(model.mesh.vertices),
        "faces": len(model.mesh.faces),
        "bounds_min_m": np.asarray(model.bounds_m[0], dtype=np.float64).tolist(),
        "extent_m": np.asarray(model.extent_m, dtype=np.float64).tolist(),
        "diameter_m": float(model.diameter_m),
        "volume_m3": float(model.volume_m3),
        "watertight": bool(model.watertight),
        **_symmetries(model.symmetries),
        "source": model.source,
        "licence": model.licence,
        "attribution": model.attribution,
    }


def _symmetries(symmetries: Symmetries) -> Row:
    axes = zip(symmetries.continuous_axes.tolist(), symmetries.continuous_offsets.tolist(), strict=True)
    return {
        "symmetries_discrete": symmetries.discrete.reshape(-1, 16).tolist(),
        "symmetries_continuous": [{"axis": axis, "offset": offset} for axis, offset in axes],
    }
