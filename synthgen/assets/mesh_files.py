"""Mesh files: their kind, face count (from headers, before anything is built) and geometry, read through trimesh."""

from __future__ import annotations

import json
import re
import struct
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import trimesh

from synthgen.assets.hashing import require_file
from synthgen.errors import AssetError
from synthgen.types.arrays import F64

MAX_FACES = 2_000_000
CHUNK = 1 << 24
COMPANION_HEAD = 1 << 20  # material libraries are named in the first lines of an OBJ file
UNSUPPORTED_EXTENSIONS = ("KHR_draco_mesh_compression", "EXT_meshopt_compression", "KHR_texture_basisu")


def read_pieces(path: str) -> list[tuple[trimesh.Trimesh, F64]]:
    """Every triangle mesh of a file with its (4, 4) transform into the file's own frame, by node name.

    Raises:
        AssetError: missing file, unknown type, not what its name says, too many faces, or nothing but points and lines.
    """
    require_file(path)
    kind = Path(path).suffix.lower()
    if kind not in FACE_COUNTERS:
        raise AssetError(
            f"{path} is of no known mesh type ({kind or 'no ending'}); "
            f"allowed: {', '.join(FACE_COUNTERS)}. Export it as .glb"
        )
    faces = _count_faces(path, kind)
    if faces > MAX_FACES:
        raise AssetError(
            f"{path} has {faces:,} faces; allowed: up to {MAX_FACES:,}. Decimate it "
            "(MeshLab: Quadric Edge Collapse Decimation; Blender: Decimate modifier): 50,000 faces look the same"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # No processing: merging vertices here would tear texture seams (so does maintain_order=True).
            scene = trimesh.load_scene(path, process=False)
    except AssetError:
        raise
    except Exception as error:  # trimesh's readers raise anything from KeyError to struct.error on damaged files
        raise _unreadable(path, kind, str(error)) from error
    pieces = []
    for node in sorted(scene.graph.nodes_geometry):  # the graph's own order is not stable
        transform, name = scene.graph[node]
        geometry = scene.geometry[name]
        if isinstance(geometry, trimesh.Trimesh) and len(geometry.faces):
            pieces.append((geometry, np.asarray(transform, dtype=np.float64)))
    if not pieces:
        raise AssetError(
            f"{path} has no faces (only points or lines, or nothing at all); a mesh needs triangles. "
            "Reconstruct a surface first, or check the export"
        )
    return pieces


def _unreadable(path: str, kind: str, reason: str) -> AssetError:
    detail = " ".join(reason.split())[:120]
    return AssetError(
        f"{path} cannot be read as {kind} ({detail or 'no reason given'}); "
        "open it in a viewer such as MeshLab or Blender to check it, and export it again"
    )


def _count_faces(path: str, kind: str) -> int:
    """Triangles announced by the file, without building them."""
    try:
        return FACE_COUNTERS[kind](path)
    except (ValueError, KeyError, IndexError, TypeError, struct.error, OSError) as error:
        raise _unreadable(path, kind, str(error)) from error


def _count_glb(path: str) -> int:
    with Path(path).open("rb") as stream:
        head = stream.read(20)
        if len(head) < 20 or head[:4] != b"glTF":
            raise ValueError("it does not begin with 'glTF': not a binary glTF file")
        length = struct.unpack("<I", head[12:16])[0]
        text = stream.read(length)
    if len(text) < length:
        raise ValueError("it ends early")
    return count_gltf(json.loads(text))


def _count_gltf_text(path: str) -> int:
    return count_gltf(json.loads(Path(path).read_bytes()))


def count_gltf(header: dict[str, Any]) -> int:
    """Triangles of a glTF header, instances counted as often as they are placed."""
    required = [name for name in header.get("extensionsRequired", []) if name in UNSUPPORTED_EXTENSIONS]
    if required:
        raise ValueError(f"it needs {', '.join(required)}, which is not supported: export without compression")
    placed: dict[int, int] = {}
    for node in header.get("nodes", []):
        if "mesh" in node:
            placed[node["mesh"]] = placed.get(node["mesh"], 0) + 1
    faces = 0
    for number, mesh in enumerate(header.get("meshes", [])):
        for primitive in mesh["primitives"]:
            accessor = primitive.get("indices", primitive["attributes"]["POSITION"])
            faces += placed.get(number, 0) * (header["accessors"][accessor]["count"] // 3)
    return faces


def _count_ply(path: str) -> int:
    with Path(path).open("rb") as stream:
        head = stream.read(1 << 16)
    if not head.startswith(b"ply"):
        raise ValueError("it does not begin with 'ply'")
    found = re.search(rb"element face (\d+)", head.split(b"end_header")[0])
    return int(found[1]) if found else 0


def _count_stl(path: str) -> int:
    size = Path(path).stat().st_size
    with Path(path).open("rb") as stream:
        head = stream.read(84)
    if len(head) == 84:
        faces = int(struct.unpack("<I", head[80:84])[0])
        if size == 84 + 50 * faces:
            return faces
    if not head.lstrip().lower().startswith(b"solid"):
        raise ValueError("it is neither a binary STL of the announced length nor a text STL beginning with 'solid'")
    return _count_words(path, b"endfacet")


def _count_obj(path: str) -> int:
    return _count_words(path, b"\nf ")


def _count_words(path: str, word: bytes) -> int:
    """Occurrences of ``word`` in a text file, read in blocks."""
    total, tail = 0, b""
    with Path(path).open("rb") as stream:
        while block := stream.read(CHUNK):
            if b"\0" in block:
                raise ValueError("it holds binary data where text is expected")
            joined = tail + block
            total += joined.count(word)
            tail = joined[-(len(word) - 1) :]
    return total


def companions(path: str) -> list[str]:
    """Existing files that a mesh file names: MTL libraries and their images, glTF buffers and images."""
    file = Path(path)
    names: list[str] = []
    if file.suffix.lower() == ".obj":
        with file.open("rb") as stream:
            head = stream.read(COMPANION_HEAD).decode(errors="replace")
        for library in re.findall(r"^mtllib (.+)$", head, re.M):
            names.append(library.strip())
            if (file.parent / names[-1]).is_file():
                text = (file.parent / names[-1]).read_text("utf-8", "replace")
                names += re.findall(r"^\s*map_Kd\s+(?:.*\s)?(\S+)\s*$", text, re.M)
    elif file.suffix.lower() == ".gltf":
        try:
            header = json.loads(file.read_bytes())
            names = [item["uri"] for kind in ("buffers", "images") for item in header.get(kind, []) if "uri" in item]
        except (ValueError, TypeError, AttributeError):
            names = []
    files = (file.parent / name for name in dict.fromkeys(names) if not name.startswith("data:"))
    return [str(found) for found in files if found.is_file()]


FACE_COUNTERS: dict[str, Callable[[str], int]] = {
    ".glb": _count_glb,
    ".gltf": _count_gltf_text,
    ".obj": _count_obj,
    ".ply": _count_ply,
    ".stl": _count_stl,
}
