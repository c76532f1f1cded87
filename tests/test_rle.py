"""Run-length masks against pycocotools, byte for byte."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pycocotools import mask as reference

from synthgen import rle
from synthgen.errors import DatasetError, InternalError
from synthgen.types.annotations import Rle

SHAPES = hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=24)
MAPS = SHAPES.flatmap(lambda shape: hnp.arrays(np.uint16, shape, elements=st.integers(0, 5)))
MASKS = SHAPES.flatmap(lambda shape: hnp.arrays(np.bool_, shape))


def encoded(mask: np.ndarray) -> dict[str, object]:
    return reference.encode(np.asfortranarray(mask.astype(np.uint8)))


@given(MAPS, st.integers(1, 3))
@settings(deadline=None)  # the first example compiles kernels
def test_every_instance_of_a_map_equals_pycocotools(small: np.ndarray, zoom: int) -> None:
    instance_map = np.repeat(np.repeat(small, zoom, 0), 2 * zoom, 1)
    found = rle.visible_masks(instance_map, 5)
    for k in range(5):
        mask = instance_map == k + 1
        expected = encoded(mask)
        assert found.areas[k] == mask.sum() == reference.area(expected)
        if not mask.any():
            assert found.rles[k] is None and not found.bounds[k].any()
            continue
        one = found.rles[k]
        assert one is not None and one.counts.encode() == expected["counts"]
        assert (one.height, one.width) == instance_map.shape
        assert found.bounds[k].tolist() == reference.toBbox(expected).tolist() == list(rle.bounds(one))
        assert rle.area(one) == mask.sum()
        assert np.array_equal(rle.decode(one), mask)
    assert rle.encode_instances(instance_map, 5) == list(found.rles)


@given(
    SHAPES.flatmap(lambda shape: hnp.arrays(np.uint64, (*shape, 2), elements=st.integers(0, 2**64 - 1))),
    st.sampled_from([1, 63, 64, 65, 100, 128]),
)
@settings(max_examples=50, deadline=None)
def test_amodal_bits_equal_pycocotools(words: np.ndarray, n: int) -> None:
    found = rle.amodal_masks(words, n)
    assert len(found.rles) == n
    for k in {0, n // 2, min(n - 1, 63), n - 1}:
        mask = (words[..., k // 64] >> np.uint64(k % 64)) & np.uint64(1)
        one = found.rles[k]
        assert (one.counts.encode() if one else encoded(mask * 0)["counts"]) == encoded(mask)["counts"]
        assert found.areas[k] == mask.sum()


@given(MASKS)
@settings(deadline=None)
def test_one_mask_and_back(mask: np.ndarray) -> None:
    one = rle.encode(mask)
    assert one.counts.encode() == encoded(mask)["counts"]
    assert np.array_equal(rle.decode(one), mask)


@given(MASKS, st.data())
@settings(deadline=None)
def test_contains_and_covers_agree_with_arrays(mask: np.ndarray, data: st.DataObject) -> None:
    other = data.draw(hnp.arrays(np.bool_, mask.shape))
    assert rle.contains(rle.encode(mask), rle.encode(mask & other))
    assert rle.contains(rle.encode(mask), rle.encode(other)) == bool((mask | ~other).all())
    instance_map = np.where(mask, 3, 0).astype(np.uint16)
    pixels = int(mask.sum())
    assert rle.covers_exactly(rle.encode(mask), instance_map, 3, pixels)
    same = np.array_equal(mask, other)
    assert rle.covers_exactly(rle.encode(other), instance_map, 3, pixels) == same


@given(SHAPES.flatmap(lambda shape: hnp.arrays(np.bool_, (4, *shape))), st.integers(2, 9), st.data())
@settings(deadline=None)
def test_several_masks_at_once_agree_with_one_by_one(masks: np.ndarray, count: int, data: st.DataObject) -> None:
    """Intent: what the checks read back in one pass is what each mask says alone; an empty mask among them is fine."""
    rles = [rle.encode(mask) for mask in masks]
    runs = rle.read_runs(rles)
    assert runs.areas.tolist() == masks.sum(axis=(1, 2)).tolist()
    assert [tuple(box) for box in runs.bounds.tolist()] == [rle.bounds(one) for one in rles]
    instance_map = data.draw(hnp.arrays(np.uint16, masks[0].shape, elements=st.integers(0, 4)))
    held = rle.pixels_held(runs, instance_map, np.array([1, 2, 3, 4]))
    assert held.tolist() == [int((mask & (instance_map == k + 1)).sum()) for k, mask in enumerate(masks)]
    turned = rle.read_runs(rles[::-1])
    assert rle.each_contains(runs, turned).tolist() == [
        rle.contains(a, b) for a, b in zip(rles, rles[::-1], strict=True)
    ]
    if masks.any(axis=(1, 2)).all():
        for mask, places in zip(masks, rle.spread_pixels(runs, count), strict=True):
            column_major = np.flatnonzero(mask.T)
            wanted = column_major[np.arange(count) * (len(column_major) - 1) // (count - 1)]
            assert (places[:, 1] * mask.shape[0] + places[:, 0]).tolist() == wanted.tolist()


@pytest.mark.parametrize("bad", ["zzzz", "é"])
def test_the_damaged_one_among_several_is_named(bad: str) -> None:
    good = rle.encode(np.ones((4, 6), bool))
    with pytest.raises(DatasetError) as caught:
        rle.read_runs([good, Rle(4, 6, bad), good])
    assert str(caught.value) == (
        f"{bad!r} is not a COCO run-length mask of 6 x 4 pixels; its runs must be >= 0 and add up to width * height"
    )


def test_histogram_counts_every_index() -> None:
    instance_map = np.array([[0, 1, 65535], [1, 1, 0]], np.uint16)
    found = rle.histogram(instance_map)
    assert found.shape == (65536,) and found.sum() == 6
    assert (found[0], found[1], found[65535]) == (2, 3, 1)


@pytest.mark.parametrize("counts", ["", "zzzz", "1", "é", "04", "o" * 40, "\x00", "0000"])
def test_damaged_counts_are_refused(counts: str) -> None:
    """Intent: what a damaged file may hold (nothing, foreign characters, runs too long or short) gives a sentence."""
    with pytest.raises(DatasetError) as caught:
        rle.decode(Rle(4, 6, counts))
    assert str(caught.value) == (
        f"{counts!r} is not a COCO run-length mask of 6 x 4 pixels; its runs must be >= 0 and add up to width * height"
    )


@given(st.text(alphabet=[chr(c) for c in range(40, 120)], max_size=12))
@settings(deadline=None)
def test_any_text_decodes_or_is_refused(counts: str) -> None:
    try:
        mask = rle.decode(Rle(5, 7, counts))
    except DatasetError:
        return
    assert np.array_equal(reference.decode({"size": [5, 7], "counts": counts.encode()}), mask)


def test_an_index_beyond_the_scene_is_our_bug() -> None:
    with pytest.raises(InternalError, match=r"^the instance map holds index 9, but its scene has 3 instances$"):
        rle.visible_masks(np.full((2, 2), 9, np.uint16), 3)
    with pytest.raises(InternalError, match=r"^65 instances do not fit into 1 amodal word\(s\) of 64 bits$"):
        rle.amodal_masks(np.zeros((2, 2, 1), np.uint64), 65)


def test_thousands_of_runs_outgrow_the_first_buffer() -> None:
    """Intent: a checkerboard has more edges than the kernels' first allocation."""
    board = (np.indices((120, 120)).sum(axis=0) % 2).astype(np.uint16)
    words = board.astype(np.uint64)[..., None]
    expected = encoded(board)["counts"]
    visible, amodal = rle.visible_masks(board, 1).rles[0], rle.amodal_masks(words, 1).rles[0]
    assert visible is not None and visible == amodal and visible.counts.encode() == expected
