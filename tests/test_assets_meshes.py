"""Users' mesh files: formats, frames, materials, and every way in which a file can be wrong."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image

from synthgen.assets.meshes import convex_hull, hash_mesh, is_closed, load_mesh, read_mesh
from synthgen.errors import AssetError
from synthgen.types.catalog import MeshSource

DATA = Path(__file__).parents[2] / "shared" / "data"


def write_text(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


def write_obj(path: Path, vertices: np.ndarray, faces: np.ndarray) -> str:
    lines = [f"v {x} {y} {z}" for x, y, z in vertices] + [f"f {a + 1} {b + 1} {c + 1}" for a, b, c in faces]
    return write_text(path, "\n".join(lines) + "\n")


def box(size: float) -> trimesh.Trimesh:
    return trimesh.creation.box((size, size, size))


@pytest.mark.parametrize("ending", [".glb", ".gltf", ".obj", ".ply", ".stl"])
def test_every_format_gives_the_same_solid(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"thing{ending}"
    mesh = trimesh.creation.box((0.1, 0.2, 0.3))
    if ending == ".gltf":
        for name, data in mesh.export(file_type="gltf").items():
            (tmp_path / ("thing.gltf" if name == "model.gltf" else name)).write_bytes(data)
    else:
        mesh.export(path)
    model = load_mesh(MeshSource(str(path)))
    assert np.allclose(model.extent_m, (0.1, 0.2, 0.3), atol=1e-6)
    assert model.watertight
    assert model.volume_m3 == pytest.approx(0.006, rel=1e-5)
    assert model.name == "thing"
    assert len(model.parts) == 1
    assert len(model.parts[0]) == 8
    assert len(model.mesh.vertices) == 24, "sharp edges stay sharp in every format"


def test_scale_and_node_transforms_place_the_object(tmp_path: Path) -> None:
    scene = trimesh.Scene()
    mirrored = np.diag([-1.0, 1.0, 1.0, 1.0])
    mirrored[0, 3] = 300.0
    scene.add_geometry(box(100.0), transform=mirrored)
    scene.add_geometry(box(50.0))
    scene.export(tmp_path / "two.glb")
    model = load_mesh(MeshSource(str(tmp_path / "two.glb"), scale=0.001))
    assert np.allclose(model.bounds_m, [[-0.025, -0.05, -0.05], [0.35, 0.05, 0.05]], atol=1e-6)
    assert model.watertight
    assert model.volume_m3 == pytest.approx(0.1**3 + 0.05**3, rel=1e-4), "the mirrored node is not inside out"


def test_an_inside_out_mesh_is_turned(tmp_path: Path) -> None:
    inverted = box(0.1)
    inverted.invert()
    inverted.export(tmp_path / "inverted.stl")
    mesh = load_mesh(MeshSource(str(tmp_path / "inverted.stl"))).mesh
    assert ((mesh.normals * mesh.vertices).sum(axis=1) > 0).all()


def test_embedded_texture_keeps_its_place(tmp_path: Path) -> None:
    """v runs down: the texel at uv (0, 0) is the image's first."""
    quad = trimesh.Trimesh([[0, 0, 0], [0.1, 0, 0], [0.1, 0.1, 0], [0, 0.1, 0]], [[0, 1, 2], [0, 2, 3]], process=False)
    image = np.zeros((8, 8, 3), dtype=np.uint8)
    image[:4, :4] = (255, 0, 0)  # top left of the picture
    material = trimesh.visual.material.PBRMaterial(
        baseColorTexture=Image.fromarray(image), roughnessFactor=0.3, metallicFactor=0.25
    )
    quad.visual = trimesh.visual.TextureVisuals(uv=[[0, 0], [1, 0], [1, 1], [0, 1]], material=material)
    quad.export(tmp_path / "quad.glb")
    loaded = read_mesh(MeshSource(str(tmp_path / "quad.glb")))
    slot = loaded.model.slots[0]
    assert slot.finish == "fixed"
    assert slot.material.texture == loaded.textures[0].key == f"mesh:{loaded.model.key}:0"
    assert (slot.material.roughness, slot.material.metallic) == (0.3, 0.25)
    mesh = loaded.model.mesh
    top_left = np.argmin(np.abs(mesh.vertices - (0, 0.1, 0)).sum(axis=1))
    assert np.allclose(mesh.uvs[top_left], (0, 0), atol=1e-6)
    assert loaded.textures[0].texels[0].tolist() == [255, 0, 0]


def test_metallic_roughness_textures_become_factors(tmp_path: Path) -> None:
    mesh = box(0.1)
    packed = np.zeros((4, 4, 3), dtype=np.uint8)
    packed[..., 1], packed[..., 2] = 128, 255
    material = trimesh.visual.material.PBRMaterial(
        metallicRoughnessTexture=Image.fromarray(packed), roughnessFactor=1.0, metallicFactor=1.0
    )
    mesh.visual = trimesh.visual.TextureVisuals(uv=np.full((8, 2), 0.5), material=material)
    mesh.export(tmp_path / "metal.glb")
    material_read = load_mesh(MeshSource(str(tmp_path / "metal.glb"))).slots[0].material
    assert material_read.roughness == pytest.approx(128 / 255, abs=1e-3)
    assert material_read.metallic == 1.0


def test_obj_with_a_missing_texture_falls_back_to_its_colour(tmp_path: Path) -> None:
    write_text(tmp_path / "a.mtl", "newmtl red\nKd 1 0 0\nmap_Kd nowhere.png\n")
    quad = "mtllib a.mtl\nv 0 0 0\nv .1 0 0\nv .1 .1 0\nv 0 .1 0\nvt 0 0\nusemtl red\nf 1/1 2/1 3/1\nf 1/1 3/1 4/1\n"
    loaded = read_mesh(MeshSource(write_text(tmp_path / "a.obj", quad)))
    assert loaded.textures == ()
    assert loaded.model.slots[0].material.base_color == (1.0, 0.0, 0.0)


def test_vertex_colours_become_a_palette(tmp_path: Path) -> None:
    sphere = trimesh.creation.icosphere(3, 0.05)
    colours = np.zeros((len(sphere.vertices), 4), dtype=np.uint8)
    colours[:] = np.where(sphere.vertices[:, 2:] > 0, (220, 30, 30, 255), (30, 30, 220, 255))
    sphere.visual.vertex_colors = colours
    sphere.export(tmp_path / "ball.ply")
    loaded = read_mesh(MeshSource(str(tmp_path / "ball.ply")))
    mesh, texture = loaded.model.mesh, loaded.textures[0]
    texel = np.floor(mesh.uvs * 16).astype(int)
    seen = texture.texels[texel[:, 1] * 16 + texel[:, 0]]
    top = mesh.vertices[:, 2] > 0.02
    assert np.abs(seen[top].astype(int) - (220, 30, 30)).max() < 12
    assert np.abs(seen[mesh.vertices[:, 2] < -0.02].astype(int) - (30, 30, 220)).max() < 12


def test_a_bare_mesh_says_nothing_about_its_surface(tmp_path: Path) -> None:
    box(0.1).export(tmp_path / "bare.stl")
    assert load_mesh(MeshSource(str(tmp_path / "bare.stl"))).slots[0].finish == "unknown"


def test_a_flat_mesh_gets_a_solid_for_collision(tmp_path: Path) -> None:
    path = write_obj(
        tmp_path / "card.obj",
        np.array([[0, 0, 0], [0.1, 0, 0], [0.1, 0.05, 0], [0, 0.05, 0]]),
        np.array([[0, 1, 2], [0, 2, 3]]),
    )
    model = load_mesh(MeshSource(path))
    assert not model.watertight
    assert model.volume_m3 == pytest.approx(0.1 * 0.05 * 5e-4, rel=1e-6)


def test_key_follows_content_and_options_not_the_path(tmp_path: Path) -> None:
    for name in ("a.stl", "b.stl"):
        box(0.1).export(tmp_path / name)
    one, two = MeshSource(str(tmp_path / "a.stl")), MeshSource(str(tmp_path / "b.stl"))
    assert hash_mesh(one) == hash_mesh(two) == load_mesh(one).key
    assert hash_mesh(one) != hash_mesh(MeshSource(one.path, scale=0.5))
    assert hash_mesh(one) != hash_mesh(MeshSource(one.path, collision="coacd"))


def test_key_follows_the_material_library(tmp_path: Path) -> None:
    write_text(tmp_path / "a.mtl", "newmtl m\nKd 1 0 0\n")
    path = write_text(tmp_path / "a.obj", "mtllib a.mtl\nv 0 0 0\n")
    before = hash_mesh(MeshSource(path))
    write_text(tmp_path / "a.mtl", "newmtl m\nKd 0 1 0\n")
    assert hash_mesh(MeshSource(path)) != before


def test_loading_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    trimesh.creation.icosphere(4, 0.1).export(tmp_path / "ball.stl")
    source = MeshSource(str(tmp_path / "ball.stl"))
    one, two = load_mesh(source), load_mesh(source)
    for a, b in ((one.mesh, two.mesh), (one.light_mesh, two.light_mesh)):
        assert a.vertices.tobytes() == b.vertices.tobytes()
        assert a.faces.tobytes() == b.faces.tobytes()
    assert one.parts[0].tobytes() == two.parts[0].tobytes()


VIEWER = "open it in a viewer such as MeshLab or Blender to check it, and export it again"
FRAME = "paths in a pipeline are relative to the pipeline file, on the command line to the working directory"
BAD_FILES = [
    ("a text file called .glb", "t.glb", "hello world, this is not a mesh\n",
     f"{{path}} cannot be read as .glb (it does not begin with 'glTF': not a binary glTF file); {VIEWER}"),
    ("a text file called .ply", "t.ply", "hello",
     f"{{path}} cannot be read as .ply (it does not begin with 'ply'); {VIEWER}"),
    ("a text file called .stl", "t.stl", "hello",
     "{path} cannot be read as .stl (it is neither a binary STL of the announced length nor a text STL beginning "
     f"with 'solid'); {VIEWER}"),
    ("a text file called .obj", "t.obj", "hello",
     "{path} has no faces (only points or lines, or nothing at all); a mesh needs triangles. "
     "Reconstruct a surface first, or check the export"),
    ("an empty glTF", "t.gltf", "{}",
     "{path} has no faces (only points or lines, or nothing at all); a mesh needs triangles. "
     "Reconstruct a surface first, or check the export"),
    ("a compressed glTF", "c.gltf", json.dumps({"extensionsRequired": ["KHR_draco_mesh_compression"]}),
     "{path} cannot be read as .gltf (it needs KHR_draco_mesh_compression, which is not supported: export without "
     f"compression); {VIEWER}"),
    ("another type", "t.fbx", "",
     "{path} is of no known mesh type (.fbx); allowed: .glb, .gltf, .obj, .ply, .stl. Export it as .glb"),
    ("all faces of zero area", "z.obj", "v 0 0 0\nv .1 0 0\nv .2 0 0\nf 1 2 3\n",
     "{path} has 1 faces, all of them with zero area; a mesh needs a surface. "
     "Check the export, or that its points were not flattened to a line"),
    ("not a number", "n.obj", "v 0 0 0\nv nan 0 0\nv 0 .1 0\nf 1 2 3\n",
     "{path} has 1 of 3 vertices with coordinates that are not finite (NaN or infinity); "
     "export it again, or remove them in a mesh editor"),
    ("millimetres", "mm.obj", "v 0 0 0\nv 120 0 0\nv 0 80 0\nf 1 2 3\n",
     "{path} is 120 m across at scale 1; allowed: 0.002 m to 2 m. It looks like millimetres: "
     "try scale: 0.001 if it is in millimetres, or scale: 0.01 if it is in centimetres"),
    ("centimetres", "cm.obj", "v 0 0 0\nv 15 0 0\nv 0 8 0\nf 1 2 3\n",
     "{path} is 15 m across at scale 1; allowed: 0.002 m to 2 m. It looks like centimetres: "
     "try scale: 0.01 if it is in centimetres, or scale: 0.0254 if it is in inches, "
     "or scale: 0.001 if it is in millimetres"),
    ("no unit fits", "huge.obj", "v 0 0 0\nv 90000 0 0\nv 0 8 0\nf 1 2 3\n",
     "{path} is 9e+04 m across at scale 1; allowed: 0.002 m to 2 m. "
     "No common unit explains that size: check the file, or scale it to metres"),
]  # fmt: skip


@pytest.mark.parametrize(("intent", "name", "text", "sentence"), BAD_FILES, ids=[row[0] for row in BAD_FILES])
def test_bad_files_are_explained(tmp_path: Path, intent: str, name: str, text: str, sentence: str) -> None:
    path = write_text(tmp_path / name, text)
    with pytest.raises(AssetError) as caught:
        load_mesh(MeshSource(path))
    assert str(caught.value) == sentence.format(path=path), intent


def test_a_metre_file_scaled_as_if_in_millimetres(tmp_path: Path) -> None:
    path = tmp_path / "m.stl"
    box(0.1).export(path)
    with pytest.raises(AssetError) as caught:
        load_mesh(MeshSource(str(path), scale=0.001))
    assert str(caught.value) == (
        f"{path} is 0.0001 m across at scale 0.001; allowed: 0.002 m to 2 m. "
        "Try scale: 1 (remove the scale, the file seems to be in metres)"
    )


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(AssetError) as caught:
        load_mesh(MeshSource(str(tmp_path / "no.glb")))
    assert str(caught.value) == f"{tmp_path / 'no.glb'} does not exist; {FRAME}"
    with pytest.raises(AssetError) as caught:
        load_mesh(MeshSource(str(tmp_path)))
    assert str(caught.value) == (
        f"{tmp_path} is a folder, not a file; name the file itself or give a glob such as {tmp_path}/*.glb"
    )


def ten_million_stl(path: Path) -> None:
    with path.open("wb") as stream:  # sparse: 500 MB that take no room
        stream.write(b"\0" * 80 + (10_000_000).to_bytes(4, "little"))
        stream.truncate(84 + 50 * 10_000_000)


def ten_million_ply(path: Path) -> None:
    path.write_bytes(b"ply\nformat binary_little_endian 1.0\nelement vertex 3\nelement face 10000000\nend_header\n")


def ten_million_gltf(path: Path) -> None:
    header = {
        "nodes": [{"mesh": 0}] * 10,
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1}]}],
        "accessors": [{"count": 9}, {"count": 3_000_000}],
    }
    path.write_text(json.dumps(header))


@pytest.mark.parametrize(
    ("ending", "write"), [(".stl", ten_million_stl), (".ply", ten_million_ply), (".gltf", ten_million_gltf)]
)
def test_a_ten_million_face_mesh_is_refused_from_its_header(tmp_path: Path, ending: str, write: object) -> None:
    path = tmp_path / f"big{ending}"
    assert callable(write)
    write(path)
    with pytest.raises(AssetError) as caught:
        load_mesh(MeshSource(str(path)))
    assert str(caught.value) == (
        f"{path} has 10,000,000 faces; allowed: up to 2,000,000. Decimate it (MeshLab: Quadric Edge Collapse "
        "Decimation; Blender: Decimate modifier): 50,000 faces look the same"
    )


def test_coacd_names_the_extra_when_it_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "coacd", None)
    box(0.1).export(tmp_path / "a.stl")
    with pytest.raises(AssetError) as caught:
        load_mesh(MeshSource(str(tmp_path / "a.stl"), collision="coacd"))
    assert str(caught.value) == (
        f"collision: coacd for {tmp_path / 'a.stl'} needs the optional package coacd, which is not installed; "
        "install it with: pip install 'synthgen[coacd]', or use collision: hull"
    )


def test_provenance_from_manifest_sidecar_and_nothing(tmp_path: Path) -> None:
    source = MeshSource(str(tmp_path / "mug.stl"))
    box(0.1).export(source.path)
    assert (load_mesh(source).licence, load_mesh(source).attribution) == ("unspecified", "unspecified")
    write_text(tmp_path / "LICENSE.txt", "\nMade by Ada.\nmore\n")
    assert (load_mesh(source).licence, load_mesh(source).attribution) == ("unspecified", "LICENSE.txt: Made by Ada.")
    manifest = [{"name": "mug", "licence": "CC BY 4.0 (Ada)", "source": "ada.example"}]
    write_text(tmp_path / "manifest.json", json.dumps(manifest))
    model = load_mesh(source)
    assert (model.licence, model.attribution, model.source) == ("CC BY 4.0 (Ada)", "CC BY 4.0 (Ada)", "ada.example")


def test_closedness_needs_matching_directions() -> None:
    closed = np.asarray(box(1).faces, dtype=np.int64)
    assert is_closed(closed)
    assert not is_closed(closed[1:])
    turned = closed.copy()
    turned[0] = turned[0, ::-1]
    assert not is_closed(turned)


def test_convex_hull_has_no_vertex_limit() -> None:
    points, volume = convex_hull(np.asarray(trimesh.creation.icosphere(4).vertices, dtype=np.float64))
    assert len(points) == 2562
    assert volume == pytest.approx(4 / 3 * np.pi, rel=0.01)


def check_scan(file: Path) -> None:
    entries = json.loads((file.parent / "manifest.json").read_text())
    entry = next(entry for entry in entries if entry["name"] == file.stem)
    model = load_mesh(MeshSource(str(file)))
    assert np.allclose(model.extent_m * 100, entry["extent_cm"], atol=0.06)
    assert 0.98 * entry["faces"] <= len(model.mesh.faces) <= entry["faces"]
    assert model.licence == entry["licence"]
    assert model.slots[0].material.texture
    assert 0 < model.volume_m3 < 0.005


@pytest.mark.real
@pytest.mark.parametrize(
    ("intent", "name"),
    [
        ("z up, one vertex per corner", "gso_chefmate_8_frypan"),
        ("y up, not watertight", "ycb_005_tomato_soup_can"),
        ("open surface", "gso_plate"),
    ],
)
def test_real_scans_load(intent: str, name: str) -> None:
    file = DATA / "meshes" / f"{name}.glb"
    if not file.exists():
        pytest.skip("the real scans (../shared/data/meshes) are not beside the repository")
    check_scan(file)


@pytest.mark.real
@pytest.mark.slow
def test_all_real_scans_load() -> None:
    files = sorted((DATA / "meshes").glob("*.glb"))
    if not files:
        pytest.skip("the real scans (../shared/data/meshes) are not beside the repository")
    assert len(files) == 14
    for file in files:
        check_scan(file)
