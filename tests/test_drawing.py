"""Drawing labels: what is drawn where, at any scale, and never outside the picture."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report_dataset import Disc, make_sample, random_discs

from synthgen.report import drawing
from synthgen.report.drawing import (
    ALL_PARTS,
    CALM_PARTS,
    class_color,
    contact_sheet,
    draw_depth,
    draw_labels,
    resized,
)
from synthgen.types.records import Sample

NAMES = {1: "mug", 2: "bottle", 3: "gear"}


def sample_of(*discs: Disc, width: int = 64, height: int = 48) -> Sample:
    rng = np.random.Generator(np.random.PCG64(3))
    return make_sample(1, 0, 0, list(discs), width=width, height=height, rng=rng)


@pytest.mark.parametrize("scale", [0.5, 1, 2, 2.5])
def test_the_result_has_the_scaled_size_and_the_input_is_not_touched(scale: float) -> None:
    sample = sample_of(Disc(30, 20, 10, 1), Disc(36, 24, 8, 2))
    assert sample.image is not None
    before = sample.image.copy()
    drawn = draw_labels(sample, NAMES, scale=scale)
    assert drawn.shape == (round(48 * scale), round(64 * scale), 3)
    assert drawn.dtype == np.uint8
    assert (sample.image == before).all()


PARTS = [
    # part alone, what it must change, what it must leave alone
    ("mask", "pixels inside the mask", (20, 30), (5, 5)),
    ("amodal", "the rim of the disc", (20, 40), (20, 30)),
    ("box", "the corner of the box", (10, 20), (20, 30)),
]


@pytest.mark.parametrize(("part", "intent", "changed", "kept"), PARTS, ids=[row[1] for row in PARTS])
def test_each_part_draws_where_it_should(
    part: drawing.Part, intent: str, changed: tuple[int, int], kept: tuple[int, int]
) -> None:
    sample = sample_of(Disc(30, 20, 10, 1))
    assert sample.image is not None
    differs = (draw_labels(sample, NAMES, parts=(part,)) != sample.image).any(axis=2)
    near = differs[changed[0] - 1 : changed[0] + 2, changed[1] - 1 : changed[1] + 2]
    assert near.any(), f"{part} did not change {intent}"
    assert not differs[kept]


@pytest.mark.parametrize("part", ["box_3d", "keypoints", "axes", "name"])
def test_parts_that_need_pose_or_text_draw_something(part: drawing.Part) -> None:
    sample = sample_of(Disc(30, 20, 10, 1))
    assert (draw_labels(sample, NAMES, parts=(part,)) != sample.image).any()


def test_no_part_and_no_annotation_give_the_image_itself() -> None:
    sample = sample_of(Disc(30, 20, 10, 1))
    assert (draw_labels(sample, NAMES, parts=()) == sample.image).all()
    assert (draw_labels(sample_of(), NAMES) == sample_of().image).all()


def test_the_hidden_part_is_outlined_but_not_tinted() -> None:
    front, back = Disc(40, 24, 10, 2), Disc(28, 24, 10, 1)
    sample = sample_of(back, front)
    only_back = replace(sample, annotations=sample.annotations[:1])
    differs = (draw_labels(only_back, NAMES, parts=("mask", "amodal")) != sample.image).any(axis=2)
    assert differs[24, 22]  # tint in the visible part
    assert not differs[24, 33]  # no tint where the front disc hides it
    assert differs[23:26, 36:40].any()  # but its outline


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), number=st.integers(0, 9), scale=st.sampled_from([0.7, 1.0, 3.0]))
def test_anything_can_be_drawn(seed: int, number: int, scale: float) -> None:
    rng = np.random.Generator(np.random.PCG64(seed))
    discs = random_discs(number, width=40, height=30, rng=rng)
    sample = make_sample(1, 0, 0, discs, width=40, height=30, rng=rng)
    drawn = draw_labels(sample, NAMES, scale=scale, parts=ALL_PARTS)
    assert drawn.shape == (round(30 * scale), round(40 * scale), 3)


def test_drawing_is_repeatable() -> None:
    sample = sample_of(Disc(30, 20, 10, 1), Disc(36, 24, 8, 2))
    assert (draw_labels(sample, NAMES, parts=CALM_PARTS) == draw_labels(sample, NAMES, parts=CALM_PARTS)).all()


def test_plates_avoid_each_other_where_there_is_room() -> None:
    taken: list[drawing.Rectangle] = []
    for box in [(40, 40, 60, 60), (42, 42, 58, 58), (44, 40, 64, 60)]:
        taken.append(drawing._place(box, (30, 10), (100, 120, 3), taken, [box]))
    overlaps = [drawing._overlap(a, b) for i, a in enumerate(taken) for b in taken[:i]]
    assert overlaps == [0, 0, 0]


@given(
    box=st.tuples(st.integers(-5, 70), st.integers(-5, 50), st.integers(1, 40), st.integers(1, 40)),
    size=st.tuples(st.integers(1, 60), st.integers(1, 20)),
)
def test_plates_stay_in_the_picture(box: tuple[int, int, int, int], size: tuple[int, int]) -> None:
    x, y, width, height = box
    left, top, right, bottom = drawing._place((x, y, x + width, y + height), size, (48, 64, 3), [], [])
    assert 0 <= left < right <= 64
    assert 0 <= top < bottom <= 48


def test_the_first_forty_classes_have_different_colours() -> None:
    colors = [class_color(i) for i in range(1, 41)]
    nearest = min(sum(abs(a - b) for a, b in zip(x, y, strict=True)) for i, x in enumerate(colors) for y in colors[:i])
    assert len(set(colors)) == 40
    assert nearest >= 50


def test_depth_is_black_where_nothing_was_hit_and_brighter_when_near() -> None:
    depth = np.tile(np.linspace(0.4, 1.2, 30, dtype=np.float32), (20, 1))
    depth[:5] = 0
    drawn = draw_depth(depth)
    assert (drawn[:5] == 0).all()
    assert drawn[10, 1].sum() > drawn[10, 28].sum()
    assert (draw_depth(np.zeros((4, 4), np.float32)) == 0).all()


SHEETS = [
    # tiles, columns, expected size (tiles are 6 high and 8 wide, gaps of 4)
    (1, 4, (14, 16)),
    (4, 4, (14, 52)),
    (5, 4, (24, 52)),
    (5, 1, (54, 16)),
]


@pytest.mark.parametrize(("number", "columns", "size"), SHEETS)
def test_contact_sheets_hold_all_tiles_in_order(number: int, columns: int, size: tuple[int, int]) -> None:
    tiles = [np.full((6, 8, 3), 100 + i, np.uint8) for i in range(number)]
    sheet = contact_sheet(tiles, columns=columns)
    assert sheet.shape == (*size, 3)
    seen = sheet[:, :, 0].ravel()
    order = [int(v) for v in dict.fromkeys(seen[seen >= 100].tolist())]
    assert order == list(range(100, 100 + number))
    assert [int((seen == v).sum()) for v in order] == [48] * number


def test_resizing_by_one_gives_a_copy() -> None:
    image = np.zeros((4, 4, 3), np.uint8)
    copy = resized(image, 1)
    copy[0, 0] = 7
    assert image.max() == 0
