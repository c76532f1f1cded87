"""The tree under the grasps: rays and box overlaps against independent answers."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from scene_things import family_source, model_of
from scipy.optimize import linprog
from scipy.spatial.transform import Rotation

from synthgen.label.grasps_mesh import (
    MAX_HITS,
    Tree,
    box_meets_triangle,
    boxes_meet,
    contact_normals,
    lines_through,
    make_tree,
)
from synthgen.types.assets import ObjectModel


@cache
def model_and_tree(family: str) -> tuple[ObjectModel, Tree]:
    model = model_of(family_source(family))
    return model, make_tree(model.mesh)


@pytest.mark.parametrize("family", ["mug", "wrench", "hex_bolt"])
def test_rays_cross_what_an_independent_ray_caster_crosses(family: str) -> None:
    model, tree = model_and_tree(family)
    rng = np.random.default_rng(1)
    origins = rng.uniform(-0.1, 0.1, (500, 3))
    directions = rng.normal(size=(500, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    counts, distances, triangles = lines_through(tree, origins, directions, 1.0)
    mesh = trimesh.Trimesh(model.mesh.vertices, model.mesh.faces, process=False)
    places, rays, _ = mesh.ray.intersects_location(origins, directions)
    assert np.mean(np.bincount(rays, minlength=500) != counts) < 0.01, "only rays through an edge may differ"
    far = np.linalg.norm(places - origins[rays], axis=1)
    for ray in np.flatnonzero((np.bincount(rays, minlength=500) == counts) & (counts > 0)):
        found = distances[ray, : counts[ray]]
        assert (np.diff(found) >= 0).all()
        assert np.allclose(found, np.sort(far[rays == ray]), atol=1e-5)
        assert (triangles[ray, : counts[ray]] < len(tree.triangles)).all()


def test_a_ray_through_too_many_layers_keeps_what_fits() -> None:
    sheets = [trimesh.creation.box((0.1, 0.1, 1e-4)).apply_translation((0, 0, 0.01 * k)) for k in range(MAX_HITS)]
    stack = trimesh.util.concatenate(sheets)
    tree = make_tree(_mesh(stack))
    counts, distances, _ = lines_through(tree, np.array([[0.011, 0.02, -1.0]]), np.array([[0.0, 0.0, 1.0]]), 2.0)
    assert counts[0] == MAX_HITS and (np.diff(distances[0]) >= 0).all()


def _mesh(solid: trimesh.Trimesh):  # type: ignore[no-untyped-def]
    from synthgen.assets.model import split_creases

    uvs, slots = np.zeros((len(solid.vertices), 2)), np.zeros(len(solid.faces), np.int32)
    return split_creases(np.asarray(solid.vertices), np.asarray(solid.faces), uvs, slots, crease_deg=30.0)


def _share_a_point(pose: np.ndarray, half: np.ndarray, triangle: np.ndarray) -> float:
    """How much the box must grow (negative: may shrink) until it holds a point of the triangle: a linear programme."""
    corners = (triangle - pose[:3, 3]) @ pose[:3, :3]
    # variables: three weights, growth g; -half - g <= corners^T w <= half + g
    rows = np.vstack([np.c_[corners.T, -np.ones(3)], np.c_[-corners.T, -np.ones(3)]])
    found = linprog(
        [0, 0, 0, 1], A_ub=rows, b_ub=np.r_[half, half], A_eq=[[1, 1, 1, 0]], b_eq=[1],
        bounds=[(0, None)] * 3 + [(None, None)],
    )  # fmt: skip
    return float(found.x[3])


@settings(max_examples=120, deadline=None)
@given(seed=st.integers(0, 2**31), size=st.floats(0.05, 2.0))
def test_box_against_triangle_is_a_linear_programme(seed: int, size: float) -> None:
    rng = np.random.default_rng(seed)
    pose = np.eye(4)
    pose[:3, :3] = Rotation.random(random_state=seed).as_matrix()
    pose[:3, 3] = rng.normal(size=3)
    half = rng.uniform(0.05, 1.0, 3)
    triangle = (rng.normal(size=(3, 3)) * size + rng.normal(size=3)).astype(np.float32)
    growth = _share_a_point(pose, half, triangle.astype(np.float64))
    if abs(growth) > 1e-6:
        assert box_meets_triangle(pose, pose[:3, 3].copy(), half, triangle) == (growth < 0)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_a_box_meets_the_mesh_exactly_where_it_meets_one_of_its_triangles(seed: int) -> None:
    _, tree = model_and_tree("wrench")
    rng = np.random.default_rng(seed)
    poses = np.tile(np.eye(4), (4, 1, 1))
    poses[:, :3, :3] = Rotation.random(4, random_state=seed).as_matrix()
    poses[:, :3, 3] = rng.uniform(-0.08, 0.08, (4, 3))
    low, high = -rng.uniform(0.002, 0.03, (2, 3)), rng.uniform(0.002, 0.03, (2, 3))
    found = boxes_meet(tree, poses, low, high)
    for pose, meets in zip(poses, found, strict=True):
        one_by_one = any(
            box_meets_triangle(pose, pose[:3, :3] @ (a + b) / 2 + pose[:3, 3], (b - a) / 2, triangle)
            for a, b in zip(low, high, strict=True)
            for triangle in tree.triangles
        )
        assert meets == one_by_one


def test_normals_between_vertices_follow_the_round_shape() -> None:
    ball = trimesh.creation.icosphere(subdivisions=3, radius=0.03)
    mesh = _mesh(ball)
    tree = make_tree(mesh)
    corners = tree.triangles.astype(np.float64)
    weights = np.array([0.2, 0.3, 0.5])
    points = (corners * weights[None, :, None]).sum(axis=1)
    normals = contact_normals(mesh, tree, np.arange(len(points)), points)
    outward = points / np.linalg.norm(points, axis=1, keepdims=True)
    assert np.degrees(np.arccos(np.clip((normals * outward).sum(axis=1), -1, 1))).max() < 1.0
