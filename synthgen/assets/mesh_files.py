"""Mesh files: their kind, face count (from headers, before anything is built) and geometry, read through trimesh."""

from __future__ import annotations

import logging
import re
import struct
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import trimesh

from synthgen.assets.gltf_headers import Announced, count_glb, count_gltf_text, read_json
from synthgen.assets.hashing import require_file
from synthgen.assets.textures import check_image
from synthgen.errors import AssetError
from synthgen.types.arrays import F64

MAX_FACES = 2_000_000
MAX_VERTICES = 10_000_000  # a vertex buffer shared by several materials counts once for each
MAX_PIECES = 5_000
MAX_MEGABYTES = 1_000
CHUNK = 1 << 24
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")
COMPANION_HEAD = 1 << 20  # material libraries are named in the first lines of an OBJ file

# Otherwise Python prints the tracebacks that trimesh logs, about pictures it could not find, on stderr.
logging.getLogger("trimesh").addHandler(logging.NullHandler())


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
    _check_size(path, kind)
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            # No processing: merging vertices here would tear texture seams (so does maintain_order=True).
            scene = trimesh.load_scene(path, process=False)
            pieces = _pieces(scene)
    except Exception as error:  # trimesh's readers raise anything from KeyError to struct.error on damaged files
        raise _unreadable(path, kind, f"its contents do not fit together: {_detail(error)}") from error
    if not pieces:
        raise AssetError(
            f"{path} has no faces (only points or lines, or nothing at all); a mesh needs triangles. "
            "Reconstruct a surface first, or check the export"
        )
    built = (sum(len(piece.faces) for piece, _ in pieces), sum(len(piece.vertices) for piece, _ in pieces))
    _check_counts(path, Announced(*built, len(pieces)))  # polygons become many triangles, strips hide them
    return pieces


def _pieces(scene: trimesh.Scene) -> list[tuple[trimesh.Trimesh, F64]]:
    pieces = []
    for node in sorted(scene.graph.nodes_geometry):  # the graph's own order is not stable
        transform, name = scene.graph[node]
        geometry = scene.geometry[name]
        if isinstance(geometry, trimesh.Trimesh) and len(geometry.faces):
            pieces.append((geometry, np.asarray(transform, dtype=np.float64)))
    return pieces


def _check_size(path: str, kind: str) -> None:
    """Raises AssetError for a file that is too large, by its bytes or by what its header announces."""
    megabytes = Path(path).stat().st_size / 1e6
    if megabytes > MAX_MEGABYTES:
        raise AssetError(
            f"{path} has {megabytes:,.0f} MB; allowed: up to {MAX_MEGABYTES:,} MB. Decimate it, or scale its textures"
        )
    try:
        announced = FACE_COUNTERS[kind](path)
    except AssetError:
        raise
    except ValueError as error:
        raise _unreadable(path, kind, str(error)) from error
    except Exception as error:  # a header may hold anything anywhere
        raise _unreadable(path, kind, f"its header is damaged: {_detail(error)}") from error
    _check_counts(path, announced)
    for picture in companions(path):
        if Path(picture).suffix.lower() in IMAGE_SUFFIXES:
            check_image(Path(picture).read_bytes(), name=f"{picture}, named by {path},")


def _check_counts(path: str, found: Announced) -> None:
    if found.faces > MAX_FACES or found.vertices > MAX_VERTICES:
        many = f"{found.faces:,} faces; allowed: up to {MAX_FACES:,}"
        if found.faces <= MAX_FACES:
            many = f"{found.vertices:,} vertices; allowed: up to {MAX_VERTICES:,}"
        raise AssetError(
            f"{path} has {many}. Decimate it "
            "(MeshLab: Quadric Edge Collapse Decimation; Blender: Decimate modifier): 50,000 faces look the same"
        )
    if found.pieces > MAX_PIECES:
        raise AssetError(
            f"{path} places {found.pieces:,} pieces; allowed: up to {MAX_PIECES:,}. Join them into one mesh "
            "(Blender: select all, Ctrl+J), and export it again"
        )


def _detail(error: Exception) -> str:
    """What a reader's exception says, in words where it speaks of Python."""
    if isinstance(error, KeyError):
        return f"{error} is missing"
    if isinstance(error, IndexError):
        return "an index leads nowhere"
    if isinstance(error, TypeError | AttributeError):
        return "a value is of the wrong kind"
    return str(error) or type(error).__name__


def _unreadable(path: str, kind: str, reason: str) -> AssetError:
    detail = " ".join(reason.split())[:160]
    return AssetError(
        f"{path} cannot be read as {kind} ({detail}); "
        "open it in a viewer such as MeshLab or Blender to check it, and export it again"
    )


def _count_ply(path: str) -> Announced:
    with Path(path).open("rb") as stream:
        head = stream.read(1 << 16)
    if not head.startswith(b"ply"):
        raise ValueError("it does not begin with 'ply'")
    said = dict(re.findall(rb"element (face|vertex) (\d+)", head.split(b"end_header")[0]))
    return Announced(int(said.get(b"face", 0)), int(said.get(b"vertex", 0)))


def _count_stl(path: str) -> Announced:
    size = Path(path).stat().st_size
    with Path(path).open("rb") as stream:
        head = stream.read(84)
    if len(head) == 84:
        faces = int(struct.unpack("<I", head[80:84])[0])
        if size == 84 + 50 * faces:
            return Announced(faces, 3 * faces)
    if not head.lstrip().lower().startswith(b"solid"):
        raise ValueError("it is neither a binary STL of the announced length nor a text STL beginning with 'solid'")
    return Announced(_count_words(path, b"endfacet"))


def _count_obj(path: str) -> Announced:
    return Announced(_count_words(path, b"\nf "))


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
            if _exists(file.parent / names[-1]):
                text = (file.parent / names[-1]).read_text("utf-8", "replace")
                names += re.findall(r"^\s*map_Kd\s+(?:.*\s)?(\S+)\s*$", text, re.M)
    elif file.suffix.lower() == ".gltf":
        try:
            header = read_json(file.read_bytes())
            names = [item["uri"] for kind in ("buffers", "images") for item in header.get(kind, []) if "uri" in item]
        except (ValueError, TypeError, AttributeError):
            names = []  # ``read_pieces`` says what is wrong with the header
    inside = [str(name) for name in names if not str(name).startswith("data:")]
    files = (file.parent / name for name in dict.fromkeys(inside))
    return [str(found) for found in files if _exists(found)]


def _exists(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is too long, a loop of links
        return False


FACE_COUNTERS: dict[str, Callable[[str], Announced]] = {
    ".glb": count_glb,
    ".gltf": count_gltf_text,
    ".obj": _count_obj,
    ".ply": _count_ply,
    ".stl": _count_stl,
}
