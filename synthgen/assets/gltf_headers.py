"""Headers of glTF files: what they announce, counted and checked before any of it is built."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from synthgen.assets.textures import check_image

LONGEST_URI = 255
GLB_HEAD_BYTES, CHUNK_HEAD_BYTES = 20, 8
UNSUPPORTED_EXTENSIONS = ("KHR_draco_mesh_compression", "EXT_meshopt_compression", "KHR_texture_basisu")


@dataclass(frozen=True)
class Announced:
    """What a mesh file says it holds: triangles, vertices (instances counted once) and placed pieces."""

    faces: int
    vertices: int = 0
    pieces: int = 1


def count_glb(path: str) -> Announced:
    """Counts of a binary glTF file; its pictures are checked.

    Raises:
        ValueError, LookupError, TypeError, AttributeError: it is damaged, or no binary glTF file.
        AssetError: a picture in it is none, or too large.
    """
    with Path(path).open("rb") as stream:
        head = stream.read(GLB_HEAD_BYTES)
        if len(head) < GLB_HEAD_BYTES or head[:4] != b"glTF":
            raise ValueError("it does not begin with 'glTF': not a binary glTF file")
        length = struct.unpack("<I", head[12:16])[0]
        text = stream.read(length)
        if len(text) < length:
            raise ValueError("it ends early")
        header = read_json(text)
        announced = count_gltf(header)
        start = GLB_HEAD_BYTES + length + CHUNK_HEAD_BYTES
        for number, view in _used_pictures(header):
            stream.seek(start + int(view.get("byteOffset", 0)))
            check_image(stream.read(int(view["byteLength"])), name=f"picture {number} in {path}")
    return announced


def count_gltf_text(path: str) -> Announced:
    """As ``count_glb``, of a glTF file with its buffers and pictures beside it (or inside, as base64)."""
    header = read_json(Path(path).read_bytes())
    for buffer in header.get("buffers", []):
        _check_buffer(buffer["uri"], Path(path).parent)
    return count_gltf(header)


def _check_buffer(uri: str, folder: Path) -> None:
    """Raises ValueError when a buffer is not a file in the folder of its glTF file, or below."""
    if uri.startswith("data:"):
        return
    if "\0" not in uri and not (folder / uri).resolve().is_relative_to(folder.resolve()):
        raise ValueError(f"it names {uri[:80]!r}, which is outside its folder: copy that file beside it")
    names = (uri, unquote(uri))
    if len(uri) > LONGEST_URI or "\0" in uri or not any((folder / name).is_file() for name in names):
        raise ValueError(f"it names {uri[:80]!r}, which is not there: copy that file beside it, or export as .glb")


def read_json(text: bytes) -> dict[str, Any]:
    """The JSON of a glTF file.

    Raises:
        ValueError: it is no JSON object.
    """

    def refuse(name: str) -> None:
        raise ValueError(f"its header holds {name}, which JSON does not have")

    try:
        header = json.loads(text, parse_constant=refuse)
    except RecursionError as error:
        raise ValueError("its header is nested too deeply") from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"its header is no JSON: {error}") from error
    if not isinstance(header, dict):
        raise ValueError("its header is no JSON object")
    return header


def count_gltf(header: dict[str, Any]) -> Announced:
    """Counts of a glTF header: triangles as often as they are placed, vertices as often as pieces name them."""
    required = [name for name in header.get("extensionsRequired", []) if name in UNSUPPORTED_EXTENSIONS]
    if required:
        raise ValueError(f"it needs {', '.join(required)}, which is not supported: export without compression")
    counts = [_count(accessor) for accessor in header.get("accessors", [])]
    placed: dict[int, int] = {}
    for node in header.get("nodes", []):
        if "mesh" in node:
            placed[node["mesh"]] = placed.get(node["mesh"], 0) + 1
    faces = pieces = 0
    # Without data in a buffer, zeros are made up for them, as many as the header likes.
    vertices = sum(count for count, made in zip(counts, header.get("accessors", []), strict=True) if _empty(made))
    for number, mesh in enumerate(header.get("meshes", [])):
        for primitive in mesh["primitives"]:
            position = primitive["attributes"]["POSITION"]
            faces += placed.get(number, 0) * (counts[primitive.get("indices", position)] // 3)
            vertices += counts[position]
            pieces += placed.get(number, 0)
    return Announced(faces, vertices, pieces)


def _empty(accessor: dict[str, Any]) -> bool:
    return "bufferView" not in accessor


def _count(accessor: dict[str, Any]) -> int:
    count = accessor["count"]
    if not isinstance(count, int) or count < 0:
        raise ValueError(f"its header counts {count!r} values, which is no number of values")
    return count


def _used_pictures(header: dict[str, Any]) -> list[tuple[int, dict[str, Any]]]:
    """(number, buffer view) of every embedded picture that a material looks up."""
    used: set[int] = set()
    for material in header.get("materials", []):
        factors = material.get("pbrMetallicRoughness", {})
        for key in ("baseColorTexture", "metallicRoughnessTexture"):
            if key in factors:
                used.add(header["textures"][factors[key]["index"]].get("source", -1))
    pictures = [(number, header["images"][number]) for number in sorted(used) if number >= 0]
    return [
        (number, header["bufferViews"][picture["bufferView"]])
        for number, picture in pictures
        if "bufferView" in picture
    ]
