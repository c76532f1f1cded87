"""The rasteriser against an independent ray caster (Intel Embree), and the cases where rasterisers go wrong."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from render_doubles import SCANS, ShelfStore, looking, mesh_of, model_of, pinhole, placed, pose, scene_of

from synthgen.errors import UserError
from synthgen.projection import pixel_rays, project
from synthgen.render.lens import lens_of
from synthgen.render.raster import NEAR_M
from synthgen.render.things import things_of
from synthgen.render.views import Drawn, draw_view
from synthgen.types.geometry import Camera, Intrinsics

BARREL = (-0.28, 0.09, 0.0012, -0.0007, 0.003)
PINCUSHION = (0.18, 0.04, -0.001, 0.0015, 0.0)
RATIONAL = (0.4, -0.1, 0.0005, -0.0003, 0.01, 0.62, -0.05, 0.02)
LENSES = {"no distortion": (), "barrel": BARREL, "pincushion": PINCUSHION, "rational": RATIONAL}

Shapes = dict[str, trimesh.Trimesh]
Poses = Sequence[npt.NDArray[np.float64]]


def draw(shapes: Sequence[trimesh.Trimesh], poses: Poses, camera: Camera, *, unlabelled: int = 0) -> Drawn:
    """Draws shapes as instances 1, 2, ...; the first ``unlabelled`` of them without an index."""
    models = [model_of(f"shape{i}", mesh_of(shape)) for i, shape in enumerate(shapes)]
    objects = [placed(f"shape{i}", matrix, index=max(0, i + 1 - unlabelled)) for i, matrix in enumerate(poses)]
    instances = sum(thing.instance_index > 0 for thing in objects)
    words = max(1, -(-instances // 64))
    amodal = np.zeros((camera.intrinsics.height, camera.intrinsics.width, words), np.uint64)
    return draw_view(things_of(scene_of(objects, [camera]), ShelfStore(models)), camera, amodal)


def cast(shapes: Sequence[trimesh.Trimesh], poses: Poses, camera: Camera) -> tuple[npt.NDArray, npt.NDArray]:
    """(H, W) thing numbers and camera z of the first surface beyond the near plane, by Embree."""
    u, v = pixel_rays(camera.intrinsics)
    rays = np.stack([u, v, np.ones_like(u)], axis=-1).reshape(-1, 3)
    moved, owners = [], []
    for number, (shape, matrix) in enumerate(zip(shapes, poses, strict=True), start=1):
        # Embree computes in float32: in camera axes its error is smallest.
        vertices = np.array(shape.vertices, np.float32).astype(np.float64)
        moved.append(trimesh.Trimesh(trimesh.transform_points(vertices, camera.camera_from_world @ matrix),
                                     shape.faces, process=False))  # fmt: skip
        owners.append(np.full(len(shape.faces), number))
    whole = trimesh.util.concatenate(moved)
    # Rays start on the near plane, as the first surface beyond it is asked for.
    hit = trimesh.ray.ray_pyembree.RayMeshIntersector(whole, scale_to_box=False).intersects_first(rays * NEAR_M, rays)
    number = np.where(hit >= 0, np.concatenate(owners)[hit], 0)
    normal = np.cross(whole.triangles[:, 1] - whole.triangles[:, 0], whole.triangles[:, 2] - whole.triangles[:, 0])
    along = np.einsum("ij,ij->i", normal[hit], rays)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.einsum("ij,ij->i", normal[hit], whole.triangles[hit, 0]) / along
    shape2 = u.shape
    return number.reshape(shape2), np.where(hit >= 0, z, 0.0).reshape(shape2)


def near_boundary(number: npt.NDArray) -> npt.NDArray[np.bool_]:
    """Pixels with another id in their 3 x 3 neighbourhood."""
    padded = np.pad(number, 1, mode="edge")
    h, w = number.shape
    return np.any([padded[y : y + h, x : x + w] != number for y in range(3) for x in range(3)], axis=0)


def agreement(drawn: Drawn, number: npt.NDArray, z: npt.NDArray) -> tuple[float, float, float]:
    """(share of equal ids off boundaries, share of equal ids, largest depth error in mm where ids agree)."""
    seen = drawn.seen
    inner = ~near_boundary(number)
    same = seen.thing == number
    both = same & (number > 0) & inner
    error_mm = np.abs(seen.depth_m[both] - z[both]) * 1e3
    return float(same[inner].mean()), float(same.mean()), float(error_mm.max(initial=0.0))


def primitives() -> tuple[list[trimesh.Trimesh], Poses]:
    shapes = [
        trimesh.creation.box((1.2, 1.2, 0.03)),
        trimesh.creation.icosphere(4, 0.07),
        trimesh.creation.cylinder(0.04, 0.15, sections=64),
        trimesh.creation.torus(0.07, 0.012, major_sections=64, minor_sections=24),
        trimesh.creation.capsule(0.12, 0.03),
        trimesh.creation.annulus(0.03, 0.05, 0.02, sections=48),
        trimesh.creation.box((0.001, 0.3, 0.001)),
    ]
    turns = [(0, 0, 0), (0, 0, 0), (0.3, 1.1, 0), (0.9, 0.2, 0), (1.5, 0.4, 1), (0, 0, 0), (0.2, 0, 0.7)]
    places = [(0, 0, -0.015), (0.1, 0.05, 0.07), (-0.12, 0, 0.06), (0, -0.15, 0.06), (0.05, 0.16, 0.04),
              (-0.05, 0.1, 0.01), (0, 0.02, 0.12)]  # fmt: skip
    return shapes, [pose(*p, turn=t) for p, t in zip(places, turns, strict=True)]


@pytest.mark.parametrize("lens", LENSES)
def test_agrees_with_embree_on_primitives(lens: str) -> None:
    shapes, poses = primitives()
    camera = looking((0.45, -0.3, 0.42), (0, 0, 0.03), pinhole(320, 240, f=300, distortion=LENSES[lens]))
    off_boundaries, everywhere, depth_mm = agreement(draw(shapes, poses, camera), *cast(shapes, poses, camera))
    assert off_boundaries >= 0.9999
    assert everywhere >= 0.9995
    assert depth_mm <= 0.02


AWKWARD = {
    # intent: (shapes, poses, eye, target)
    "a table that reaches behind the camera": (
        [trimesh.creation.box((20, 20, 0.1))], [pose(z=-0.05)], (0, 0, 0.3), (1, 0, 0.1)),
    "inside a box": ([trimesh.creation.box((1, 1, 1))], [pose()], (0.1, -0.2, 0.15), (1, 0.3, -0.1)),
    "a sphere cut by the near plane": (
        [trimesh.creation.icosphere(4, 0.2), trimesh.creation.box((4, 4, 4))], [pose(0.2055), pose()],
        (0, 0, 0), (1, 0, 0)),
    "a wall through the camera plane": (
        [trimesh.creation.box((3, 0.01, 3))], [pose(y=0.02, turn=(0, 0, 0.05))], (0, 0, 0), (1, 0, 0)),
    "interpenetrating boxes": (
        [trimesh.creation.box((0.3, 0.3, 0.3)), trimesh.creation.box((0.5, 0.1, 0.1))],
        [pose(turn=(0.1, 0.2, 0.3)), pose(turn=(0.5, 0.1, 0.2))], (0.8, 0.6, 0.5), (0, 0, 0)),
    "one huge triangle": (
        [trimesh.Trimesh([[-50, -50, 0], [50, -50, 0], [0, 80, 0]], [[0, 1, 2]], process=False)], [pose()],
        (0, 0, 0.5), (2, 0, 0)),
    "thousands of faces smaller than a pixel": (
        [trimesh.creation.icosphere(5, 0.02)], [pose()], (1.1, 0.3, 0.2), (0, 0, 0)),
}  # fmt: skip


@pytest.mark.parametrize("lens", ["no distortion", "barrel"])
@pytest.mark.parametrize("case", AWKWARD)
def test_agrees_with_embree_on_awkward_views(case: str, lens: str) -> None:
    shapes, poses, eye, target = AWKWARD[case]
    camera = looking(eye, target, pinhole(160, 120, f=110, distortion=LENSES[lens]))
    off_boundaries, everywhere, depth_mm = agreement(draw(shapes, poses, camera), *cast(shapes, poses, camera))
    assert off_boundaries >= 0.9999
    assert everywhere >= 0.999
    assert depth_mm <= 0.02


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    f=st.floats(60, 500),
    distance=st.floats(0.05, 2.0),
    distorted=st.booleans(),
)
def test_agrees_with_embree_on_random_triangles(seed: int, f: float, distance: float, distorted: bool) -> None:
    """Triangle soups of all sizes around the camera, some of them behind it or through its plane."""
    rng = np.random.default_rng(seed)
    corners = rng.normal(size=(30, 1, 3)) * distance + rng.normal(size=(30, 3, 3)) * rng.choice(
        [0.01, 0.3, 3], (30, 1, 1)
    )
    soup = trimesh.Trimesh(corners.reshape(-1, 3), np.arange(90).reshape(-1, 3), process=False)
    camera = looking((0, 0, 0), (1, 0.2, 0.1), pinhole(96, 72, f=f, distortion=BARREL if distorted and f > 150 else ()))
    drawn = draw([soup], [pose()], camera)
    number, z = cast([soup], [pose()], camera)
    wrong = (drawn.seen.thing != number) & ~near_boundary(number)
    assert wrong.sum() <= 0.001 * wrong.size
    both = (drawn.seen.thing == number) & (number > 0)
    # A ray through the border of two triangles of the soup may fall to either.
    off = np.abs(drawn.seen.depth_m - z)[both] > 2e-5 * np.maximum(1, z[both])
    assert off.sum() <= 0.003 * wrong.size


@pytest.mark.real
@pytest.mark.parametrize("lens", ["no distortion", "barrel"])
@pytest.mark.parametrize(
    "name", ["ycb_006_mustard_bottle", "ycb_037_scissors", "ycb_011_banana", "gso_basket", "gso_plate"]
)
def test_agrees_with_embree_on_scans(name: str, lens: str) -> None:
    path = SCANS / f"{name}.glb"
    if not path.exists():
        pytest.skip(f"needs the real scan shared/data/meshes/{path.name} beside the repository")
    loaded = trimesh.load(path)
    shape = loaded.to_geometry() if isinstance(loaded, trimesh.Scene) else loaded
    matrix = pose(turn=(0.4, 0.8, 0.3))
    matrix[:3, 3] = -matrix[:3, :3] @ shape.bounds.mean(axis=0)
    camera = looking((0.3, 0.2, 0.25), (0, 0, 0), pinhole(320, 240, f=380, distortion=LENSES[lens]))
    off_boundaries, everywhere, depth_mm = agreement(draw([shape], [matrix], camera), *cast([shape], [matrix], camera))
    assert off_boundaries >= 0.9999
    assert everywhere >= 0.999
    assert depth_mm <= 0.02


@pytest.mark.parametrize("lens", ["no distortion", "barrel"])
def test_closed_surfaces_have_no_pinholes(lens: str) -> None:
    """Every ray from inside a closed mesh hits it: shared edges and corners leave no gap."""
    camera = looking((0, 0, 0), (1, 0, 0), pinhole(200, 200, f=160, distortion=LENSES[lens]))
    for shape in (trimesh.creation.icosphere(4, 0.5), trimesh.creation.uv_sphere(0.5), trimesh.creation.box((1, 1, 1))):
        assert (draw([shape], [pose()], camera).seen.thing == 1).all()


def test_rays_through_shared_corners_hit() -> None:
    """Vertices exactly on pixel centres: an even grid seen square on, where every ray meets edges and corners."""
    camera = Camera(Intrinsics(32, 32, 32.0, 32.0, 16.0, 16.0), np.eye(4))
    ticks = (np.arange(33) - 16.5 + 0.0) / 32.0
    x, y = np.meshgrid(ticks + 1 / 32, ticks + 1 / 32)
    vertices = np.stack([x.ravel(), y.ravel(), np.ones(x.size)], axis=1)
    i = np.arange(32 * 33).reshape(32, 33)[:, :32].ravel()
    faces = np.concatenate([np.stack([i, i + 1, i + 34], 1), np.stack([i, i + 34, i + 33], 1)])
    grid = trimesh.Trimesh(vertices, faces, process=False)
    seen = draw([grid], [np.eye(4)], camera).seen
    assert (seen.thing[1:-1, 1:-1] == 1).all()
    assert np.abs(seen.depth_m[1:-1, 1:-1] - 1.0).max() < 1e-12


def test_amodal_mask_is_what_the_thing_alone_covers() -> None:
    shapes, poses = primitives()
    camera = looking((0.4, -0.3, 0.3), (0, 0, 0.03), pinhole(160, 120, f=140, distortion=BARREL))
    together = draw(shapes, poses, camera).seen
    for k in range(1, len(shapes) + 1):
        alone = draw([shapes[k - 1]], [poses[k - 1]], camera).seen
        mask = (together.amodal[..., 0] >> np.uint64(k - 1)) & np.uint64(1)
        np.testing.assert_array_equal(mask.astype(bool), alone.thing == 1)
        assert not (together.thing == k)[~mask.astype(bool)].any()


def test_seventy_instances_use_two_words() -> None:
    shape = trimesh.creation.icosphere(1, 0.02)
    poses = [pose((i % 10 - 4.5) * 0.05, (i // 10 - 3) * 0.05, 0) for i in range(71)]
    seen = draw([shape] * 71, poses, looking((0, 0, 0.8), (0, 0, 0), pinhole()), unlabelled=1).seen
    assert seen.amodal.shape[2] == 2
    for k in (1, 64, 65, 70):
        mask = (seen.amodal[..., (k - 1) // 64] >> np.uint64((k - 1) % 64)) & np.uint64(1) > 0
        np.testing.assert_array_equal(mask, seen.thing == k + 1)
        assert mask.sum() > 10


EMPTY = {
    "no things at all": ([], []),
    "behind the camera": ([trimesh.creation.box((0.1, 0.1, 0.1))], [pose(-1)]),
    "nearer than the near plane": ([trimesh.creation.box((0.005, 0.005, 0.005))], [pose(0.004)]),
    "no area": (
        [trimesh.Trimesh([[1, 0, 0], [1, 0.1, 0], [1, 0.2, 0]], [[0, 1, 2], [0, 0, 1]], process=False)],
        [pose()],
    ),
    "edge-on": ([trimesh.Trimesh([[1, 0, 0], [2, 0.5, 0], [2, -0.5, 0]], [[0, 1, 2]], process=False)], [pose()]),
}


@pytest.mark.parametrize("case", EMPTY)
def test_nothing_to_see(case: str) -> None:
    shapes, poses = EMPTY[case]
    seen = draw(shapes, poses, looking((0, 0, 0), (1, 0, 0), pinhole())).seen
    assert not seen.thing.any() and not seen.amodal.any()
    assert np.isinf(seen.depth_m).all()


def test_first_drawn_wins_ties() -> None:
    shape = trimesh.creation.box((0.2, 0.2, 0.2))
    seen = draw([shape, shape], [pose(1), pose(1)], looking((0, 0, 0), (1, 0, 0), pinhole())).seen
    assert set(np.unique(seen.thing)) == {0, 1}
    assert (seen.amodal[seen.thing == 1] == 3).all()


TRUNCATION = {
    # intent: (centre along the image's x in pixels from the left border, expected share outside)
    "whole": (64.0, 0.0),
    "touching the border from within": (20.5, 0.0),
    "half out": (0.0, 0.5),
    "all out": (-30.0, 1.0),
}


@pytest.mark.parametrize("case", TRUNCATION)
def test_truncation_of_a_disc(case: str) -> None:
    x, expected = TRUNCATION[case]
    camera = Camera(Intrinsics(128, 96, 100.0, 100.0, 64.0, 48.0), np.eye(4))
    disc = trimesh.creation.cylinder(0.2, 0.0001, sections=90)
    drawn = draw([disc], [pose((x - 64) / 100, 0, 1.0)], camera)
    assert drawn.truncation[0] == pytest.approx(expected, abs=0.01)


def test_truncation_through_a_lens_agrees_with_a_wider_image() -> None:
    """The same lens on a larger sensor shows the whole silhouette: count its pixels outside the small frame."""
    shape, matrix = trimesh.creation.torus(0.1, 0.03), pose(0.19, 0.1, 0.7, turn=(0.4, 0.2, 0))
    small = Intrinsics(160, 120, 200.0, 200.0, 80.0, 60.0, BARREL)
    wide = Intrinsics(300, 220, 200.0, 200.0, 150.0, 110.0, BARREL)
    cover = draw([shape], [matrix], Camera(wide, np.eye(4))).seen.thing > 0
    assert not cover[0].any() and not cover[-1].any() and not cover[:, -1].any()
    u, v = pixel_rays(wide)
    area = np.abs(np.gradient(u, axis=1) * np.gradient(v, axis=0) - np.gradient(u, axis=0) * np.gradient(v, axis=1))
    frame = np.zeros_like(cover)
    frame[50:170, 70:230] = True
    expected = 1 - (area * (cover & frame)).sum() / (area * cover).sum()
    drawn = draw([shape], [matrix], Camera(small, np.eye(4)))
    assert 0.1 < expected < 0.9
    assert drawn.truncation[0] == pytest.approx(expected, abs=0.01)


def test_truncation_of_what_reaches_behind_the_camera() -> None:
    drawn = draw([trimesh.creation.box((4, 0.2, 0.2))], [pose(z=-0.3)], looking((0, 0, 0), (1, 0, 0), pinhole()))
    assert 0.5 < drawn.truncation[0] < 1.0


@settings(max_examples=40, deadline=None)
@given(x=st.floats(-0.3, 0.3), y=st.floats(-0.3, 0.3), z=st.floats(0.4, 2), lens=st.sampled_from(sorted(LENSES)))
def test_a_point_is_drawn_where_it_projects(x: float, y: float, z: float, lens: str) -> None:
    intrinsics = pinhole(128, 96, distortion=LENSES[lens])
    px, py = project(np.array([[x, y, z]]), intrinsics)[0]
    ball = trimesh.creation.icosphere(2, 0.02)
    seen = draw([ball], [pose(x, y, z)], Camera(intrinsics, np.eye(4))).seen
    if 1 < px < 127 and 1 < py < 95:
        assert seen.thing[int(py), int(px)] == 1
        # The pixel's centre lies up to 0.7 pixels, 2 cm at the far end, beside the middle of the ball's front.
        assert z - 0.021 < seen.depth_m[int(py), int(px)] < z + 0.001


def test_a_lens_that_folds_over_is_refused() -> None:
    with pytest.raises(UserError) as refused:
        lens_of(Intrinsics(64, 48, 30.0, 30.0, 32.0, 24.0, (-0.9, 0.0, 0.0, 0.0, 0.0)))
    assert str(refused.value) == (
        "the lens distortion [-0.9, 0, 0, 0, 0] cannot be undone at pixel (0, 0): the image folds over there; "
        "allowed: coefficients whose distorted radius grows up to the image corners; "
        "try calibrating again with fewer coefficients, or a larger focal length"
    )
