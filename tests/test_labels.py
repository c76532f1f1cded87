"""Annotations of analytic scenes: every number against a second way of getting it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from analytic_scene import RADII, Store, look_down, make_scene, render
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgen.errors import InternalError
from synthgen.label.annotate import annotate
from synthgen.label.box3d import box_points, imaged, project_boxes, valid_radius
from synthgen.projection import distort
from synthgen.rle import decode
from synthgen.types.geometry import Intrinsics

LENS = Intrinsics(96, 64, 90.0, 90.0, 48.0, 32.0)
BARREL = (-0.3, 0.05, 0.001, -0.001, 0.0)
POSITION = st.tuples(
    st.sampled_from(sorted(RADII)), st.floats(-0.35, 0.35), st.floats(-0.25, 0.25), st.floats(0.0, 0.3)
)


@given(st.lists(POSITION, min_size=1, max_size=6), st.sampled_from([(), BARREL]))
@settings(max_examples=40, deadline=None)
def test_labels_agree_with_the_maps(spheres: list[tuple[str, float, float, float]], lens: tuple[float, ...]) -> None:
    scene = make_scene(spheres, distractors=(2,), intrinsics=dataclasses.replace(LENS, distortion=lens))
    views = render(scene)
    instance, bits = views.gbuffers.instance[0], views.gbuffers.amodal[0, ..., 0]
    labels = annotate(views, Store(), min_visible_px=8)[0]
    seen = {k: int((instance == k).sum()) for k in range(1, len(spheres) + 1)}
    assert [a.instance_index for a in labels] == [k for k, n in seen.items() if n >= 8 and k != 2]
    for found in labels:
        k = found.instance_index
        mask, whole = instance == k, (bits >> np.uint64(k - 1)) & np.uint64(1) == 1
        assert np.array_equal(decode(found.segmentation), mask)
        assert np.array_equal(decode(found.amodal_segmentation), whole)
        for box, shape in ((found.bbox, mask), (found.amodal_bbox, whole)):
            rows, columns = np.nonzero(shape)
            low = (columns.min(), rows.min())
            assert box == (*low, columns.max() + 1 - low[0], rows.max() + 1 - low[1])
        assert found.area == mask.sum()
        assert found.visibility == mask.sum() / whole.sum()
        assert 0 < found.visibility <= 1
        assert np.allclose(
            scene.cameras[0].world_from_camera @ found.camera_from_object, scene.instances[k - 1].world_from_object
        )


def test_a_known_annotation() -> None:
    """Intent: one sphere straight below the camera; every number can be worked out by hand."""
    scene = make_scene([("large", 0.0, 0.0, 0.07)])
    (found,) = annotate(render(scene), Store(), min_visible_px=1)[0]
    assert (found.category_id, found.instance_index, found.visibility, found.truncation) == (2, 1, 1.0, 0.0)
    assert found.extent_m == pytest.approx((0.14, 0.14, 0.14))
    assert np.allclose(found.camera_from_object[:3, 3], [0, 0, 0.53])
    # corner 0 = (min, min, min): the far, left corner; world y points up in the image
    assert found.corners_px[:2] == pytest.approx((48 - 90 * 0.07 / 0.60, 32 + 90 * 0.07 / 0.60))
    # corner 7 = (max, max, max): nearer by twice the radius
    assert found.corners_px[14:] == pytest.approx((48 + 90 * 0.07 / 0.46, 32 - 90 * 0.07 / 0.46))
    assert found.keypoints[24:26] == pytest.approx((48.0, 32.0))
    assert found.keypoints[26] == 1, "the centre is hidden by the sphere itself"
    assert set(found.keypoints[2:24:3]) == {2.0}


def test_box_points_by_bits() -> None:
    (points,) = box_points(np.array([[[1.0, 2.0, 3.0], [11.0, 12.0, 13.0]]]))
    assert points.shape == (9, 3)
    for i in range(8):
        assert points[i].tolist() == [11 if i & 1 else 1, 12 if i >> 1 & 1 else 2, 13 if i >> 2 & 1 else 3]
    assert points[8].tolist() == [6, 7, 8]


KEYPOINT_ROWS = [
    # (depth at the pixel in metres, expected flag of a point at 1 m, intent)
    (0.0, 2, "nothing was hit there: nothing hides it"),
    (1.2, 2, "the surface lies behind it"),
    (0.996, 2, "4 mm nearer does not hide"),
    (0.994, 1, "6 mm nearer hides"),
]


@pytest.mark.parametrize(("depth", "flag", "intent"), KEYPOINT_ROWS)
def test_keypoint_flags_by_depth(depth: float, flag: int, intent: str) -> None:
    pose = np.eye(4)
    pose[2, 3] = 1.0
    point = np.zeros((1, 2, 3))
    (box,) = project_boxes(point, pose[None], LENS, np.full((64, 96), depth, np.float32))
    assert box.keypoints[2::3] == (flag,) * 9, intent
    assert box.keypoints[:2] == (48.0, 32.0)


OUTSIDE_ROWS = [
    ((0.6, 0.0, 1.0), False, "right of the frame: corner unclipped, keypoint zero"),
    ((0.0, 0.0, -1.0), True, "behind the camera: corner zero as well"),
    ((0.0, 0.0, 0.005), True, "nearer than the near plane"),
]


@pytest.mark.parametrize(("position", "zero", "intent"), OUTSIDE_ROWS)
def test_points_that_are_not_in_the_frame(position: tuple[float, float, float], zero: bool, intent: str) -> None:
    pose = np.eye(4)
    pose[:3, 3] = position
    (box,) = project_boxes(np.zeros((1, 2, 3)), pose[None], LENS, np.zeros((64, 96), np.float32))
    assert set(box.keypoints) == {0.0}, intent
    expected = (0.0, 0.0) if zero else (48 + 90 * 0.6, 32.0)
    assert box.corners_px[:2] == pytest.approx(expected), intent


def test_a_lens_that_folds_back_does_not_bring_far_points_into_the_frame() -> None:
    """Intent: beyond the turning point of r * radial(r) the polynomial returns to the image; nothing is seen there."""
    barrel = dataclasses.replace(LENS, distortion=(-0.3, 0.0, 0.0, 0.0, 0.0))
    turning = valid_radius(barrel.distortion)
    assert turning == pytest.approx(np.sqrt(1 / 0.9), rel=1e-3)
    folded = np.array([[1.8, 0.0, 1.0]])
    u, _ = distort(folded[:, 0], folded[:, 1], barrel.distortion)
    assert 0 < 48 + 90 * u[0] < 96, "the bare formula would place it in the frame"
    assert not imaged(folded, barrel).any()
    assert imaged(np.array([[0.9, 0.0, 1.0]]), barrel).all()


@given(st.lists(st.floats(-0.4, 0.4), min_size=5, max_size=8).filter(lambda k: len(k) in (5, 8)))
@settings(max_examples=60)
def test_the_lens_is_monotone_up_to_its_valid_radius(k: list[float]) -> None:
    lens = (k[0], k[1], 0.0, 0.0, *k[4:])
    radius = np.linspace(0, min(valid_radius(lens), 5.0) * 0.999, 400)
    out, _ = distort(radius, np.zeros_like(radius), lens)
    assert (np.diff(out) > -1e-9).all()


def test_visible_but_covering_nothing_is_our_bug() -> None:
    scene = make_scene([("large", 0.0, 0.0, 0.07)])
    views = render(scene)
    buffers = dataclasses.replace(views.gbuffers, amodal=np.zeros_like(views.gbuffers.amodal))
    with pytest.raises(InternalError, match=r"^instance 1 has \d+ visible pixels, but 0 amodal ones$"):
        annotate(dataclasses.replace(views, gbuffers=buffers), Store(), min_visible_px=1)


def test_the_camera_of_a_view_is_counted_from_the_batch() -> None:
    scene = make_scene([("large", 0.0, 0.0, 0.07)], cameras=3)
    views = render(scene)
    one = dataclasses.replace(
        views, first=2, gbuffers=render(dataclasses.replace(scene, cameras=scene.cameras[2:])).gbuffers
    )
    assert annotate(one, Store(), min_visible_px=1)[0][0].bbox == annotate(views, Store(), min_visible_px=1)[2][0].bbox
    assert np.allclose(scene.cameras[2].world_from_camera, look_down(0.6, x=0.04))
