"""Mesh files by hand, right ones and broken ones: a tetrahedron of 0.1 m in every format."""

from __future__ import annotations

import copy
import io
import json
import struct
from typing import Any

import numpy as np
from PIL import Image

CORNERS = np.array([[0, 0, 0], [0.1, 0, 0], [0, 0.1, 0], [0, 0, 0.1]], np.float32)
FACES = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]], np.uint32)
UVS = np.array([[0, 0], [1, 0], [0, 1], [1, 1]], np.float32)
HEADER: dict[str, Any] = {
    "asset": {"version": "2.0"},
    "scene": 0,
    "scenes": [{"nodes": [0]}],
    "nodes": [{"mesh": 0, "name": "thing"}],
    "meshes": [{"primitives": [{"attributes": {"POSITION": 0, "TEXCOORD_0": 2}, "indices": 1, "material": 0}]}],
    "materials": [
        {
            "name": "paint",
            "pbrMetallicRoughness": {
                "baseColorTexture": {"index": 0},
                "metallicRoughnessTexture": {"index": 0},
                "baseColorFactor": [1, 1, 1, 1],
                "roughnessFactor": 0.5,
                "metallicFactor": 0.0,
            },
        }
    ],
    "textures": [{"source": 0}],
    "images": [{"bufferView": 3, "mimeType": "image/png"}],
    "accessors": [
        {"bufferView": 0, "componentType": 5126, "count": 4, "type": "VEC3", "min": [0, 0, 0], "max": [0.1, 0.1, 0.1]},
        {"bufferView": 1, "componentType": 5125, "count": 12, "type": "SCALAR"},
        {"bufferView": 2, "componentType": 5126, "count": 4, "type": "VEC2"},
    ],
    "bufferViews": [
        {"buffer": 0, "byteOffset": 0, "byteLength": 48},
        {"buffer": 0, "byteOffset": 48, "byteLength": 48},
        {"buffer": 0, "byteOffset": 96, "byteLength": 32},
    ],
}
PLY_XYZ = "property float x\nproperty float y\nproperty float z\n"
OBJ_CORNERS = "v 0 0 0\nv .1 0 0\nv 0 .1 0\nv 0 0 .1\n"
OBJ_FACES = "f 1 3 2\nf 1 2 4\nf 1 4 3\nf 2 3 4\n"


def png(width: int = 16, height: int = 16, mode: str = "RGB") -> bytes:
    """A picture; noise where it is small."""
    if width * height > 1 << 20:
        image = Image.new(mode, (width, height))
    else:
        image = Image.fromarray(np.random.default_rng(0).integers(0, 255, (height, width, 3), np.uint8)).convert(mode)
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


def header(picture: bytes, **changes: Any) -> dict[str, Any]:
    """The header of the tetrahedron whose buffer ends with ``picture``, with top-level keys replaced."""
    made = copy.deepcopy(HEADER)
    made["bufferViews"].append({"buffer": 0, "byteOffset": 128, "byteLength": len(picture)})
    made["buffers"] = [{"byteLength": 128 + len(picture)}]
    return {**made, **changes}


def binary(picture: bytes) -> bytes:
    return CORNERS.tobytes() + FACES.tobytes() + UVS.tobytes() + picture


def glb(head: dict[str, Any] | list[Any] | bytes | None = None, picture: bytes | None = None) -> bytes:
    """A binary glTF file: the tetrahedron with a texture, unless another header is given."""
    picture = png() if picture is None else picture
    head = header(picture) if head is None else head
    text = head if isinstance(head, bytes) else json.dumps(head).encode()
    text, data = text + b" " * (-len(text) % 4), binary(picture)
    data += b"\0" * (-len(data) % 4)
    length = 12 + 8 + len(text) + 8 + len(data)
    return (
        struct.pack("<4sII", b"glTF", 2, length)
        + struct.pack("<II", len(text), 0x4E4F534A)
        + text
        + struct.pack("<II", len(data), 0x004E4942)
        + data
    )


def ply(*, corners: int | str = 4, faces: int = 4, index: int = 3, kind: str = "binary_little_endian") -> bytes:
    """A PLY file; ``corners`` and ``faces`` are what its header announces, ``index`` is its last index."""
    head = f"ply\nformat {kind} 1.0\nelement vertex {corners}\n{PLY_XYZ}element face {faces}\n"
    indices = FACES.astype(np.int32)
    indices[3, 2] = index
    body = CORNERS.tobytes() + b"".join(struct.pack("<B3i", 3, *map(int, face)) for face in indices)
    return f"{head}property list uchar int vertex_indices\nend_header\n".encode() + body


def stl(*, faces: int = 4, scale: float = 1.0) -> bytes:
    """A binary STL file of four triangles that announces ``faces``."""
    with np.errstate(over="ignore", invalid="ignore"):
        rows = [struct.pack("<12fH", 0, 0, 0, *(CORNERS[face].ravel() * np.float32(scale)), 0) for face in FACES]
    return b"\0" * 80 + struct.pack("<I", faces) + b"".join(rows)


def obj(before: str = "", after: str = "") -> bytes:
    """A text OBJ file with lines before its faces and after them."""
    return f"{OBJ_CORNERS}{before}{OBJ_FACES}{after}".encode()
