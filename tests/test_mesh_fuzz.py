"""Mesh files that are broken on purpose or by chance: a sentence of ours or a sound model, and nothing else.

Nothing else = no other exception, no warning (pytest turns them into errors), nothing on stderr, no hang, and no more
memory than a sound file of that size takes.
"""

from __future__ import annotations

import json
import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from broken_meshes import CORNERS, FACES, OBJ_CORNERS, OBJ_FACES, UVS, glb, header, obj, ply, png, stl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synthgen.assets import mesh_files
from synthgen.assets.mesh_materials import read_surface
from synthgen.assets.meshes import LoadedMesh, hash_mesh, read_mesh
from synthgen.errors import AssetError
from synthgen.types.catalog import MeshSource

HANG_S = 60
ROOM_BYTES = 3 << 30  # address space that one small file may add: what a sound one maps, and threads' stacks
VIEWER = "; open it in a viewer such as MeshLab or Blender to check it, and export it again"
DECIMATE = (
    ". Decimate it (MeshLab: Quadric Edge Collapse Decimation; Blender: Decimate modifier): 50,000 faces look the same"
)
EMPTY = (
    "{path} has no faces (only points or lines, or nothing at all); a mesh needs triangles. Reconstruct a surface "
    "first, or check the export"
)
NO_IMAGE = (
    " cannot be read as an image; allowed: JPEG, PNG, WebP, TIFF or BMP. Open it in an image viewer to check it, and "
    "export it again"
)


@contextmanager
def bounded() -> Iterator[None]:
    """Ends a hang with an error, and refuses memory far beyond what a small mesh needs."""

    def give_up(signum: int, frame: object) -> None:
        pytest.fail(f"no answer after {HANG_S} s")

    now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    limits = resource.getrlimit(resource.RLIMIT_AS)
    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(HANG_S)
    resource.setrlimit(resource.RLIMIT_AS, (now + ROOM_BYTES, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def load(path: Path) -> LoadedMesh:
    with bounded():
        key = hash_mesh(MeshSource(str(path)))
        loaded = read_mesh(MeshSource(str(path)))
    mesh, slots = loaded.model.mesh, loaded.model.slots
    assert loaded.model.key == key
    for array in (mesh.vertices, mesh.normals, mesh.uvs, *loaded.model.parts, loaded.model.light_mesh.vertices):
        assert np.isfinite(array).all() and len(array)
    assert mesh.faces.min() >= 0 and mesh.faces.max() < len(mesh.vertices)
    numbers = [number for slot in slots for number in (*slot.material.base_color, slot.material.roughness)]
    assert all(0 <= number <= 1 for number in numbers) and all(0 <= slot.material.metallic <= 1 for slot in slots)
    assert 0.002 <= max(loaded.model.extent_m) <= 2
    return loaded


def try_load(path: Path) -> None:
    """Loads, or is told why not in a sentence that names the file and is not about Python or memory."""
    try:
        load(path)
    except AssetError as error:
        sentence = str(error)
        assert str(path) in sentence and len(sentence) < 700, sentence
        jargon = ("object has no", "object is not", "NoneType", "Unable to allocate", "Traceback", "unhashable")
        assert not any(word in sentence for word in jargon), sentence


def head(**changes: Any) -> bytes:
    return glb(header(png(), **changes))


def accessor(number: int, **changes: Any) -> bytes:
    made = header(png())
    made["accessors"][number].update(changes)
    return glb({**made, "accessors": [{k: v for k, v in row.items() if v is not None} for row in made["accessors"]]})


def gltf(**changes: Any) -> bytes:
    return json.dumps(header(png(), **changes)).encode()


# intent, file, content, sentence
BROKEN: list[tuple[str, str, bytes, str]] = [
    ("empty GLB", "a.glb", b"",
     "{path} cannot be read as .glb (it does not begin with 'glTF': not a binary glTF file)" + VIEWER),
    ("GLB cut in its header", "a.glb", glb()[:60], "{path} cannot be read as .glb (it ends early)" + VIEWER),
    ("GLB cut in its data", "a.glb", glb()[:-40],
     "{path} cannot be read as .glb (its contents do not fit together: chunk was not expected length!)" + VIEWER),
    ("header is a list", "a.glb", glb([1, 2]),
     "{path} cannot be read as .glb (its header is no JSON object)" + VIEWER),
    ("header is no JSON", "a.glb", glb(b'{"a":'),
     "{path} cannot be read as .glb (its header is no JSON: Expecting value: line 1 column 9 (char 8))" + VIEWER),
    ("header nested 100,000 deep", "a.glb", glb(b"[" * 100_000 + b"]" * 100_000),
     "{path} cannot be read as .glb (its header is nested too deeply)" + VIEWER),
    ("not a number in the header", "a.glb", head(nodes=[{"mesh": 0, "matrix": [float("nan")] * 16}]),
     "{path} cannot be read as .glb (its header holds NaN, which JSON does not have)" + VIEWER),
    ("nodes are no list", "a.glb", head(nodes=3),
     "{path} cannot be read as .glb (its header is damaged: a value is of the wrong kind)" + VIEWER),
    ("mesh without pieces", "a.glb", head(meshes=[{}]),
     "{path} cannot be read as .glb (its header is damaged: 'primitives' is missing)" + VIEWER),
    ("material that is not there", "a.glb", head(materials=[]),
     "{path} cannot be read as .glb (its contents do not fit together: an index leads nowhere)" + VIEWER),
    ("count below zero", "a.glb", accessor(0, count=-3),
     "{path} cannot be read as .glb (its header counts -3 values, which is no number of values)" + VIEWER),
    ("indices outside", "a.glb", accessor(1, bufferView=0, componentType=5125),
     "{path} has faces that name vertex 1036831949; it has vertices 0 to 3. It is damaged: export it again"),
    ("memory bomb: a made-up accessor", "a.glb", accessor(0, count=200_000_000, bufferView=None),
     "{path} has 400,000,000 vertices; allowed: up to 10,000,000" + DECIMATE),
    ("memory bomb: a thousand million vertices", "a.ply", ply(corners=10**9),
     "{path} has 1,000,000,000 vertices; allowed: up to 10,000,000" + DECIMATE),
    ("memory bomb: instances", "a.glb", head(nodes=[{"mesh": 0}] * 6000),
     "{path} places 6,000 pieces; allowed: up to 5,000. Join them into one mesh (Blender: select all, Ctrl+J), and "
     "export it again"),
    ("texture that is no image", "a.glb", glb(header(b"no image"), b"no image"), "picture 0 in {path}" + NO_IMAGE),
    ("texture cut in half", "a.glb", glb(header(png()[:400]), png()[:400]), "a texture of {path}" + NO_IMAGE),
    ("texture of 20,000 x 20,000", "a.glb", glb(header(png(20_000, 20_000, "1")), png(20_000, 20_000, "1")),
     "picture 0 in {path} is far larger than what is allowed, 170 megapixels. Scale it down"),
    ("texture of 13,200 x 13,200", "a.glb", glb(header(png(13_200, 13_200, "1")), png(13_200, 13_200, "1")),
     "picture 0 in {path} has 13200 x 13200 pixels (174 megapixels); allowed: up to 170 megapixels. Scale it down"),
    ("buffer that is missing", "a.gltf", gltf(buffers=[{"byteLength": 9, "uri": "no.bin"}]),
     "{path} cannot be read as .gltf (it names 'no.bin', which is not there: copy that file beside it, or export as "
     ".glb)" + VIEWER),
    ("buffer outside the folder", "a.gltf", gltf(buffers=[{"byteLength": 9, "uri": "../../etc/passwd"}]),
     "{path} cannot be read as .gltf (it names '../../etc/passwd', which is outside its folder: copy that file beside "
     "it)" + VIEWER),
    ("buffer is a device", "a.gltf", gltf(buffers=[{"byteLength": 9, "uri": "/dev/zero"}]),
     "{path} cannot be read as .gltf (it names '/dev/zero', which is outside its folder: copy that file beside it)"
     + VIEWER),
    ("buffer with a number for a name", "a.gltf", gltf(buffers=[{"byteLength": 9, "uri": 7}]),
     "{path} cannot be read as .gltf (its header is damaged: a value is of the wrong kind)" + VIEWER),
    ("PLY cut", "a.ply", ply()[:-5],
     "{path} cannot be read as .ply (its contents do not fit together: PLY is unexpected length!)" + VIEWER),
    ("PLY index outside", "a.ply", ply(index=99),
     "{path} has faces that name vertex 99; it has vertices 0 to 3. It is damaged: export it again"),
    ("PLY index below zero", "a.ply", ply(index=-1),
     "{path} has faces that name vertex -1; it has vertices 0 to 3. It is damaged: export it again"),
    ("PLY of points", "a.ply", ply(faces=0)[:-52], EMPTY),
    ("STL that announces one more", "a.stl", stl(faces=5),
     "{path} cannot be read as .stl (it is neither a binary STL of the announced length nor a text STL beginning with "
     "'solid')" + VIEWER),
    ("STL without faces", "a.stl", b"\0" * 84, EMPTY),
    ("STL of giant coordinates", "a.stl", stl(scale=3e38),
     "{path} is 3e+37 m across at scale 1; allowed: 0.002 m to 2 m. No common unit explains that size: check the "
     "file, or scale it to metres"),
    ("STL of points closer than an atom", "a.stl", stl(scale=1e-9),
     "{path} is 1e-10 m across at scale 1; allowed: 0.002 m to 2 m. Try scale: 1000 (check the file's unit)"),
    ("OBJ of giant coordinates", "a.obj", b"v 0 0 0\nv 1e300 0 0\nv 0 1e300 0\nf 1 2 3\n",
     "{path} is 1e+300 m across at scale 1; allowed: 0.002 m to 2 m. No common unit explains that size: check the "
     "file, or scale it to metres"),
    ("OBJ index outside", "a.obj", obj(after="f 1 2 99\n"),
     "{path} cannot be read as .obj (its contents do not fit together: an index leads nowhere)" + VIEWER),
    ("OBJ with two coordinates", "a.obj", b"v 0 0\nv 0 1\nv 1 1\nf 1 2 3\n",
     "{path} has vertices or faces of 2 and 3 numbers; allowed: 3 each. Export it again as triangles"),
    ("OBJ in UTF-16", "a.obj", obj().decode().encode("utf-16"),
     "{path} cannot be read as .obj (it holds binary data where text is expected)" + VIEWER),
    ("empty OBJ", "a.obj", b"", EMPTY),
    ("no ending", "mesh", stl(),
     "{path} is of no known mesh type (no ending); allowed: .glb, .gltf, .obj, .ply, .stl. Export it as .glb"),
]  # fmt: skip


@pytest.mark.parametrize(("intent", "name", "content", "sentence"), BROKEN, ids=[row[0] for row in BROKEN])
def test_broken_files_are_explained(
    intent: str, name: str, content: bytes, sentence: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(AssetError) as caught:
        load(path)
    assert str(caught.value) == sentence.format(path=path), intent
    assert capfd.readouterr() == ("", ""), intent


# intent, file, content, faces
ODD: list[tuple[str, str, bytes, int]] = [
    ("the sound GLB", "a.glb", glb(), 4),
    ("the sound PLY", "a.ply", ply(), 4),
    ("the sound STL", "a.stl", stl(), 4),
    ("the sound OBJ", "a.obj", obj(), 4),
    ("faces without area", "a.obj", obj(after="f 1 1 1\nf 2 2 3\n"), 4),
    ("edges with four faces", "a.obj", obj(after="f 1 2 4\nf 1 2 4\n"), 6),
    ("Windows line ends", "a.obj", obj().replace(b"\n", b"\r\n"), 4),
    ("a comment that is no UTF-8", "a.obj", b"# caf\xe9\n" + obj(), 4),
    ("library that is missing", "a.obj", b"mtllib no.mtl\n" + obj(before="usemtl x\n"), 4),
    ("library that is a folder", "a.obj", b"mtllib .\n" + obj(before="usemtl x\n"), 4),
    ("library outside the folder", "a.obj", b"mtllib ../../../etc/passwd\n" + obj(before="usemtl root\n"), 4),
    ("library that is a device", "a.obj", b"mtllib /dev/zero\n" + obj(before="usemtl x\n"), 4),
    ("library with an endless name", "a.obj", b"mtllib " + b"a" * 5000 + b"\n" + obj(), 4),
    ("unused vertex that is no number", "a.obj", obj(before="v 1 1 1\n"), 4),
    ("colours that are no numbers", "a.obj",
     "".join(f"v {x} nan 9 -3\n" for x in ("0 0 0", ".1 0 0", "0 .1 0", "0 0 .1")).encode() + OBJ_FACES.encode(), 4),
    ("a needle", "a.obj", b"v 0 0 0\nv .2 0 0\nv .1 1e-12 0\nf 1 2 3\n", 1),
    ("ten thousand faces on four points", "a.obj", OBJ_CORNERS.encode() + OBJ_FACES.encode() * 2500, 10_000),
    ("nodes that hold each other", "a.glb",
     head(nodes=[{"mesh": 0, "children": [1]}, {"children": [0]}]), 4),
    ("texture that a PLY file does not have", "a.ply",
     ply().replace(b"1.0\n", b"1.0\ncomment TextureFile ../../secret.png\n"), 4),
    ("texture of one pixel", "a.glb", glb(header(png(1, 1)), png(1, 1)), 4),
    ("texture of one column", "a.glb", glb(header(png(1, 3000)), png(1, 3000)), 4),
    ("texture of 16 bits", "a.glb", glb(header(png(8, 8, "I;16")), png(8, 8, "I;16")), 4),
]  # fmt: skip


@pytest.mark.parametrize(("intent", "name", "content", "faces"), ODD, ids=[row[0] for row in ODD])
def test_odd_files_load(
    intent: str, name: str, content: bytes, faces: int, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert len(load(path).model.mesh.faces) == faces, intent
    assert capfd.readouterr() == ("", ""), intent


def test_factors_that_are_not_finite_count_as_not_given(tmp_path: Path) -> None:
    (tmp_path / "a.mtl").write_text("newmtl m\nKd nan inf 0.5\nNs nan\n")
    path = tmp_path / "a.obj"
    path.write_bytes(b"mtllib a.mtl\n" + obj(before="usemtl m\n"))
    assert load(path).model.slots[0].material.roughness == pytest.approx(0.5)
    (tmp_path / "a.mtl").write_text("newmtl m\nKd 1 1 1\nNs -5\n")
    assert load(path).model.slots[0].material.roughness == 1.0


def test_a_material_that_makes_no_sense(tmp_path: Path) -> None:
    piece = trimesh.Trimesh(CORNERS, FACES, process=False)
    material = trimesh.visual.material.SimpleMaterial(ns="shiny")
    piece.visual = trimesh.visual.TextureVisuals(uv=UVS, material=material)
    with pytest.raises(AssetError) as caught:
        read_surface(piece, "thing", path="a.obj")
    assert str(caught.value) == (
        "a.obj has a material that cannot be read (that of 'thing'); allowed: colours, factors and textures as Blender "
        "exports them. Open it there and export it again"
    )


def test_a_picture_that_an_obj_file_names_is_checked(tmp_path: Path) -> None:
    (tmp_path / "a.mtl").write_text("newmtl m\nmap_Kd skin.png\n")
    (tmp_path / "skin.png").write_bytes(b"no image")
    path = tmp_path / "a.obj"
    path.write_bytes(b"mtllib a.mtl\n" + obj(before="usemtl m\n"))
    with pytest.raises(AssetError) as caught:
        load(path)
    assert str(caught.value) == f"{tmp_path / 'skin.png'}, named by {path}," + NO_IMAGE


def test_what_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "loop.stl").symlink_to(tmp_path / "loop.stl")
    (tmp_path / "gone.stl").symlink_to(tmp_path / "no.stl")
    os.mkfifo(tmp_path / "pipe.stl")
    for name in ("loop.stl", "gone.stl", "pipe.stl"):
        with pytest.raises(AssetError) as caught:
            load(tmp_path / name)
        assert str(caught.value).startswith(f"{tmp_path / name} does not exist; paths in a pipeline are relative to")
    (tmp_path / "real.stl").write_bytes(stl())
    (tmp_path / "link.stl").symlink_to(tmp_path / "real.stl")
    assert load(tmp_path / "link.stl").model.key == load(tmp_path / "real.stl").model.key


def test_a_polygon_counts_as_its_triangles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mesh_files, "MAX_FACES", 1000)
    path = tmp_path / "a.obj"
    path.write_bytes(obj(after="f" + " 1 2 3" * 1000 + "\n"))
    with pytest.raises(AssetError) as caught:
        load(path)
    assert str(caught.value) == f"{path} has 3,002 faces; allowed: up to 1,000" + DECIMATE


def test_a_file_of_more_than_a_thousand_megabytes_is_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "a.obj"
    with path.open("wb") as stream:
        stream.truncate(1_001_000_000)  # sparse
    with pytest.raises(AssetError) as caught:
        read_mesh(MeshSource(str(path)))
    assert str(caught.value) == (f"{path} has 1,001 MB; allowed: up to 1,000 MB. Decimate it, or scale its textures")


SOUND = {".glb": glb(), ".ply": ply(), ".stl": stl(), ".obj": obj(), ".gltf": gltf()}
EXTREMES = [b"\xff" * 4, b"\0" * 4, b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\0\0\xc0\x7f", b"\0\0\x80\x7f"]


def damage(data: bytes, at: float, patch: bytes, cut: int, *, insert: bool) -> bytes:
    """``data`` with a patch put over a place, or between, and bytes taken off its end."""
    position = int(at * len(data))
    rest = data[position if insert else position + len(patch) :]
    changed = data[:position] + patch + rest
    return changed[: len(changed) - cut]


def damaged_file(folder: Path, ending: str, at: float, patch: bytes, cut: int, insert: bool) -> Path:
    path = folder / f"a{ending}"
    path.write_bytes(damage(SOUND[ending], at, patch, cut, insert=insert))
    return path


endings = st.sampled_from(sorted(SOUND))
patches = st.binary(min_size=1, max_size=6) | st.sampled_from(EXTREMES)
cuts = st.just(0) | st.integers(0, 300)
shares = st.floats(0, 1)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 20) | st.integers() | st.floats() | st.text(max_size=4)
    | st.sampled_from(["VEC2", "MAT4", "SCALAR", "../x", "data:,", 5120, 5121, 5123, 5125, 5126, 2**31, 10**12]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.sampled_from(["mesh", "children", "matrix", "count", "index", "source", "uri", "sparse", "indices"]), inner
    ),
    max_leaves=5,
)  # fmt: skip


def places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [path, *(inner for key, value in items for inner in places(value, (*path, key)))]


PLACES = [path for path in places(header(png())) if path]
RELAXED = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}


def altered_file(folder: Path, place: tuple[Any, ...], value: Any) -> Path:
    made = header(png())
    holder: Any = made
    for part in place[:-1]:
        holder = holder[part]
    holder[place[-1]] = value
    path = folder / "a.glb"
    path.write_bytes(glb(made))
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("meshes")


@settings(max_examples=120, **RELAXED)
@given(ending=endings, at=shares, patch=patches, cut=cuts, insert=st.booleans())
def test_any_damage_to_the_bytes(ending: str, at: float, patch: bytes, cut: int, insert: bool, folder: Path) -> None:
    try_load(damaged_file(folder, ending, at, patch, cut, insert))


@settings(max_examples=120, **RELAXED)
@given(place=st.sampled_from(PLACES), value=JSON_VALUES)
def test_any_value_in_a_gltf_header(place: tuple[Any, ...], value: Any, folder: Path) -> None:
    try_load(altered_file(folder, place, value))


LINES = (
    "f 1 2 3", "f -1 -2 -3", "f 0 0 0", "f 1/1 2/1 3/1", "f 1//1 2//9 3//1", "f", "f a", "v 1", "v", "v 0 0 1e38",
    "v nan 0 0", "v 0 0 0 1", "vt 0 0", "vt nan 9", "vt", "vn 0 0 1", "vn", "o", "g", "s off", "usemtl", "usemtl x y",
    "mtllib", "mtllib  ", "f 1 2 3 4 1 2", "l 1 2", "p 1", "\\", "f 1 2 \\", "f 9999999999999999999 1 2", "call x",
    "\t", "#",
)  # fmt: skip


@settings(max_examples=60, **RELAXED)
@given(rows=st.lists(st.sampled_from(LINES), max_size=8))
def test_any_lines_in_an_obj_file(rows: list[str], folder: Path) -> None:
    path = folder / "a.obj"
    path.write_bytes(obj(before="\n".join(rows) + "\n", after="\n".join(reversed(rows))))
    try_load(path)


@pytest.mark.slow
@settings(max_examples=4000, **RELAXED)
@given(ending=endings, at=shares, patch=patches, cut=cuts, insert=st.booleans())
def test_long_any_damage_to_the_bytes(
    ending: str, at: float, patch: bytes, cut: int, insert: bool, folder: Path
) -> None:
    try_load(damaged_file(folder, ending, at, patch, cut, insert))


@pytest.mark.slow
@settings(max_examples=4000, **RELAXED)
@given(place=st.sampled_from(PLACES), value=JSON_VALUES)
def test_long_any_value_in_a_gltf_header(place: tuple[Any, ...], value: Any, folder: Path) -> None:
    try_load(altered_file(folder, place, value))


def test_the_tables_say_each_thing_once() -> None:
    assert (len({row[0] for row in BROKEN}), len({row[0] for row in ODD})) == (37, 22)
    assert len(FACES) == 4 and len(PLACES) > 50
