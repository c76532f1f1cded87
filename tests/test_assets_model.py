"""Crease splitting, welding, bounds, diameter and the light mesh."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgen.assets.model import LIGHT_FACES, diameter, make_model, split_creases, weld
from synthgen.types.assets import ObjectModel, Symmetries
from synthgen.types.geometry import Mesh


def split(mesh: trimesh.Trimesh, *, crease_deg: float = 40.0) -> Mesh:
    uvs = np.zeros((len(mesh.vertices), 2))
    return split_creases(mesh.vertices, mesh.faces, uvs, np.zeros(len(mesh.faces), dtype=int), crease_deg=crease_deg)


def model_of(mesh: Mesh) -> ObjectModel:
    return make_model(
        key="k", name="n", mesh=mesh, parts=(), slots=(), symmetries=Symmetries.none(), watertight=True,
        volume_m3=1.0, source="s", licence="l", attribution="a",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("intent", "mesh", "crease_deg", "vertices"),
    [
        ("a box has three normals at every corner", trimesh.creation.box((1, 1, 1)), 40.0, 24),
        ("a crease above 90 degrees keeps the box smooth", trimesh.creation.box((1, 1, 1)), 95.0, 8),
        ("a sphere stays whole", trimesh.creation.icosphere(3), 40.0, 642),
        ("a cylinder splits at its two rims", trimesh.creation.cylinder(1, 1, sections=32), 40.0, 2 * (2 * 32 + 1)),
    ],
)
def test_vertices_split_only_at_creases(intent: str, mesh: trimesh.Trimesh, crease_deg: float, vertices: int) -> None:
    assert len(split(mesh, crease_deg=crease_deg).vertices) == vertices, intent


def test_normals_of_a_sphere_point_outwards() -> None:
    mesh = split(trimesh.creation.icosphere(4))
    assert np.abs(mesh.normals - mesh.vertices).max() < 0.005
    assert np.allclose(np.linalg.norm(mesh.normals, axis=1), 1.0, atol=1e-6)


def test_fully_split_files_become_smooth_again() -> None:
    """Some scans store three vertices per face; the seams of the file must not show as facets."""
    sphere = trimesh.creation.icosphere(3)
    soup = sphere.vertices[sphere.faces].reshape(-1, 3)
    faces = np.arange(len(soup)).reshape(-1, 3)
    mesh = split_creases(soup, faces, np.zeros((len(soup), 2)), np.zeros(len(faces), dtype=int), crease_deg=40.0)
    assert len(mesh.vertices) == len(sphere.vertices)


def test_uv_seams_split_vertices_but_not_normals() -> None:
    sphere = trimesh.creation.icosphere(2)
    corner_uvs = np.zeros((len(sphere.faces), 3, 2))
    corner_uvs[: len(sphere.faces) // 2] += 0.5
    mesh = split_creases(
        sphere.vertices, sphere.faces, corner_uvs, np.zeros(len(sphere.faces), dtype=int), crease_deg=40.0
    )
    assert len(mesh.vertices) > len(sphere.vertices)
    assert np.abs(mesh.normals - mesh.vertices).max() < 0.02
    assert np.allclose(mesh.uvs[mesh.faces], corner_uvs)


def test_collapsed_faces_are_dropped_and_slots_follow() -> None:
    box = trimesh.creation.box((1, 1, 1))
    faces = np.concatenate([[[0, 0, 1]], box.faces])
    slots = np.concatenate([[7], np.arange(12)])
    mesh = split_creases(box.vertices, faces, np.zeros((8, 2)), slots, crease_deg=40.0)
    assert mesh.face_slot.tolist() == list(range(12))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.01, 1.9), st.floats(-1, 1))
def test_splitting_never_moves_a_surface(seed: int, size: float, shift: float) -> None:
    """Whatever the size and place of a mesh, the triangles that come out are the triangles that went in."""
    rng = np.random.default_rng(seed)
    cloud = trimesh.convex.convex_hull(rng.standard_normal((30, 3)) * size / 4 + shift)
    mesh = split(cloud)
    triangles = cloud.vertices[cloud.faces]
    assert np.abs(mesh.vertices[mesh.faces] - triangles).max() < 2e-6 * max(1.0, abs(shift) + size)
    geometric = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    facing = (mesh.normals[mesh.faces] * geometric[:, None]).sum(axis=2)
    assert (facing > -1e-9).all(), "a shading normal points into its own face"


def test_weld_groups_equal_positions() -> None:
    first, group = weld(np.array([[0.0, 0, 0], [1, 0, 0], [0, 0, 0], [1, 0, 1e-9]]))
    assert len(first) == 2
    assert group[0] == group[2]
    assert group[1] == group[3]


@pytest.mark.parametrize(
    ("intent", "points", "expected"),
    [
        ("box diagonal", trimesh.creation.box((3, 4, 12)).vertices, 13.0),
        ("flat square", np.array([[0.0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]]), np.sqrt(2)),
        ("two points", np.array([[0.0, 0, 0], [0, 0, 2]]), 2.0),
    ],
)
def test_diameter(intent: str, points: np.ndarray, expected: float) -> None:
    assert diameter(np.asarray(points, dtype=np.float64)) == pytest.approx(expected), intent


def test_small_meshes_are_their_own_light_mesh() -> None:
    mesh = split(trimesh.creation.icosphere(2))
    assert model_of(mesh).light_mesh is mesh


def test_light_mesh_stays_near_the_surface() -> None:
    mesh = split(trimesh.creation.icosphere(5, radius=0.1))
    light = model_of(mesh).light_mesh
    assert len(light.faces) <= LIGHT_FACES * 1.02
    radius = np.linalg.norm(light.vertices, axis=1)
    assert radius.max() < 0.1, "beneath the surface, so that it does not shade itself"
    assert radius.min() > 0.0990
