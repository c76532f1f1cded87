"""The report: its numbers against brute force, its sentences word for word, its page, and how it fails."""

from __future__ import annotations

import json
import math
import re
import shutil
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report_dataset import VIEWS, look_from, make_dataset

from synthgen.errors import DatasetError, EnvironmentFault
from synthgen.report import charts, histograms, pixels, viewpoints
from synthgen.report.build import build_report, gather
from synthgen.report.facts import ClassFacts, Histogram, PixelFacts, ReportFacts, SplitFacts, ViewpointFacts
from synthgen.report.findings import findings
from synthgen.report.pictures import load_samples
from synthgen.report.reading import ImageRows, read_head
from synthgen.report.tally import Tally

SCENES = 20


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_dataset(tmp_path_factory.mktemp("report") / "discs", scenes=SCENES)


@pytest.fixture(scope="module")
def facts(dataset: Path) -> ReportFacts:
    return build_report(dataset)


@pytest.fixture
def copy(dataset: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(dataset, tmp_path / "copy"))


def gathered(folder: Path) -> tuple[ReportFacts, list[pixels.Pick]]:
    return gather(folder, read_head(folder))


def rows(folder: Path, part: str) -> list[dict[str, Any]]:
    files = sorted((folder / "manifest" / part).glob("*.parquet"))
    assert len(files) == 3
    return [row for file in files for row in pq.read_table(file).to_pylist()]


# ---------------------------------------------------------------------------------------------- numbers of a dataset


def test_the_headline_counts_are_those_of_the_manifest(dataset: Path, facts: ReportFacts) -> None:
    images, instances = rows(dataset, "images"), rows(dataset, "instances")
    assert (facts.slots, facts.images, facts.scenes) == (SCENES * VIEWS, SCENES * VIEWS - 1, SCENES)
    assert facts.instances == len(instances)
    assert facts.images_without_instances == 1
    assert facts.empty_reasons == {"nothing_visible": 1}
    assert (facts.image_width, facts.image_height) == (128, 96)
    by_split = Counter(row["split"] for row in images if row["file_name"])
    assert {split.name: split.images for split in facts.splits} == dict(by_split)
    assert [split.name for split in facts.splits] == ["train", "val", "test"]
    assert sum(split.scenes for split in facts.splits) == SCENES
    assert sum(split.instances for split in facts.splits) == len(instances)


def test_a_rejected_scene_counts_once_and_not_once_per_view(facts: ReportFacts) -> None:
    assert facts.redraws == {"scene:settling_overlap": SCENES // 4, "camera:nothing_visible": 2}


@pytest.mark.parametrize("name", ["mug", "bottle", "gear", "never"])
def test_each_class_adds_up_as_by_brute_force(dataset: Path, facts: ReportFacts, name: str) -> None:
    found = next(c for c in facts.classes if c.name == name)
    mine = [row for row in rows(dataset, "instances") if row["category_id"] == found.category_id]
    splits = {row["image_id"]: row["split"] for row in rows(dataset, "images")}
    assert found.instances == len(mine)
    assert found.images == len({row["image_id"] for row in mine})
    assert found.models == len({row["model_id"] for row in mine})
    assert sum(found.viewpoints.counts) == len(mine)
    per_split = Counter(splits[row["image_id"]] for row in mine)
    for split in facts.splits:
        assert split.instances_per_class[name] == per_split[split.name]
    if not mine:
        assert (found.area_px, found.visibility) == ((), ())
        return
    areas = np.array([row["area"] for row in mine], float)
    assert (found.area_px[0], found.area_px[2]) == (areas.min(), areas.max())
    assert found.area_px[1] == pytest.approx(np.sort(areas)[len(areas) // 2], rel=0.02)
    seen = np.array([row["visibility"] for row in mine])
    worst, middle = np.sort(seen)[[int(0.1 * len(seen)), len(seen) // 2]]
    assert found.visibility == pytest.approx((worst, middle), abs=0.001)
    assert found.occluded_share == pytest.approx((seen < 0.5).mean())
    assert found.truncated_share == pytest.approx(np.mean([row["truncation"] > 0.01 for row in mine]))


def test_every_histogram_holds_every_value(facts: ReportFacts) -> None:
    totals = {name: histogram.total for name, histogram in facts.histograms.items()}
    expected = dict.fromkeys(("mask_area", "visibility", "truncation", "distance"), facts.instances)
    assert totals == {**expected, "instances_per_image": facts.images}
    assert sum(map(sum, facts.centres)) == facts.instances
    assert (len(facts.centres), len(facts.centres[0])) == (18, 24)


def test_sizes_follow_cocos_limits(dataset: Path, facts: ReportFacts) -> None:
    areas = np.array([row["area"] for row in rows(dataset, "instances")])
    assert facts.size_shares["small"] == pytest.approx((areas < 1024).mean())
    assert facts.size_shares["large"] == pytest.approx((areas >= 9216).mean())
    assert facts.size_shares["tiny"] == pytest.approx((areas < 256).mean())
    assert sum(facts.size_shares[name] for name in ("small", "medium", "large")) == pytest.approx(1)


def test_the_same_dataset_gives_the_same_bytes(dataset: Path, facts: ReportFacts, copy: Path) -> None:
    shutil.rmtree(copy / "report")
    assert build_report(copy) == facts
    for name in ("index.html", "report.json"):
        assert (copy / "report" / name).read_bytes() == (dataset / "report" / name).read_bytes()
    assert sorted(path.name for path in (copy / "report").iterdir()) == ["index.html", "report.json"]


def test_the_sharding_does_not_change_the_numbers(facts: ReportFacts, tmp_path: Path) -> None:
    other, _ = gathered(make_dataset(tmp_path / "other", scenes=SCENES, scenes_per_shard=SCENES))
    assert replace(other, pixels=facts.pixels, shown=facts.shown) == facts
    assert [name.split("/")[1] for name in other.shown] == [name.split("/")[1] for name in facts.shown]


def test_report_json_says_what_was_returned(dataset: Path, facts: ReportFacts) -> None:
    document = json.loads((dataset / "report" / "report.json").read_text())
    assert document["report_version"] == 1
    assert document["instances"] == facts.instances
    assert [found["name"] for found in document["classes"]] == ["mug", "bottle", "gear", "never"]
    assert document["findings"][0]["code"] == "empty_slots"
    assert document["histograms"]["distance"]["unit"] == "m"


# ------------------------------------------------------------------------------------------------------------ sample


def image_rows(scenes: range, shard: int, views: int = 3) -> ImageRows:
    scene = np.repeat(np.array(scenes, np.int64), views)
    view = np.tile(np.arange(views), len(scenes))
    image_id = scene * views + view + 1
    names = [f"{shard:05d}/{i:09d}.jpg" for i in image_id.tolist()]
    size = np.full(scene.size, 64)
    return ImageRows(shard, image_id, scene, ["train"] * scene.size, names, size, size, Counter(), Counter())


@settings(max_examples=8, deadline=None)
@given(per_shard=st.integers(1, 400), reverse=st.booleans())
def test_the_sample_depends_neither_on_shards_nor_on_their_order(per_shard: int, reverse: bool) -> None:
    def ids(size: int, backwards: bool) -> tuple[list[int], list[int]]:
        sampler = pixels.Sampler()
        starts = list(range(0, 700, size))
        for start in reversed(starts) if backwards else starts:
            sampler.add(image_rows(range(start, min(start + size, 700)), start // size))
        return [pick.image_id for pick in sampler.sample()], [pick.image_id for pick in sampler.shown()]

    assert ids(per_shard, reverse) == ids(700, False)


def test_the_sample_is_bounded_and_spread_over_scenes() -> None:
    sampler = pixels.Sampler()
    sampler.add(image_rows(range(5000), 0))
    assert len(sampler.sample()) == 320
    shown = sampler.shown()
    assert len(shown) == 12
    assert len({pick.scene_hash for pick in shown}) == 12
    few = pixels.Sampler()
    few.add(image_rows(range(2), 0))
    assert len(few.shown()) == 6
    assert len({pick.scene_hash for pick in few.shown()}) == 2


# ------------------------------------------------------------------------------------------------------------ pixels

LUMAS = [
    # what the image looks like, luma, verdict
    ("a mid grey", np.full((64, 64), 120, np.uint8), "good"),
    ("white paper everywhere", np.full((64, 64), 255, np.uint8), "over"),
    ("bright, but nothing clipped", np.full((64, 64), 230, np.uint8), "over"),
    ("a third clipped", np.tile(np.where(np.arange(63) < 21, 255, 110).astype(np.uint8), (64, 1)), "over"),
    ("a fifth clipped", np.tile(np.where(np.arange(60) < 12, 255, 110).astype(np.uint8), (64, 1)), "good"),
    ("lens cap on", np.zeros((64, 64), np.uint8), "under"),
    ("mostly black", np.tile(np.where(np.arange(60) < 45, 2, 90).astype(np.uint8), (64, 1)), "under"),
    ("a dark scene", np.full((64, 64), 35, np.uint8), "good"),
]


@pytest.mark.parametrize(("intent", "luma", "verdict"), LUMAS, ids=[row[0] for row in LUMAS])
def test_exposure(intent: str, luma: Any, verdict: str) -> None:
    assert pixels.exposure(luma) == verdict


def test_near_duplicates_are_found_and_different_pictures_are_not() -> None:
    rng = np.random.Generator(np.random.PCG64(5))
    picture = cv2.resize(rng.uniform(30, 220, (9, 9)).astype(np.float32), (128, 128), interpolation=cv2.INTER_CUBIC)
    other = cv2.resize(rng.uniform(30, 220, (9, 9)).astype(np.float32), (128, 128), interpolation=cv2.INTER_CUBIC)
    noisy = np.clip(picture + rng.normal(0, 3, picture.shape) + 5, 0, 255)
    hashes = [pixels.difference_hash(np.asarray(p, np.uint8)) for p in (picture, other, noisy)]
    found = pixels.near_duplicates(hashes)
    assert [(a, b) for _, a, b in found] == [(0, 2)]
    assert pixels.near_duplicates([]) == []
    assert pixels.near_duplicates(hashes[:1]) == []


def test_a_damaged_or_missing_image_is_a_finding_and_no_crash(copy: Path) -> None:
    files = sorted((copy / "images").rglob("*.jpg"))
    files[0].write_bytes(b"not a picture")
    files[1].unlink()
    files[2].write_bytes(b"")
    facts = build_report(copy)
    assert facts.pixels.sampled == facts.images - 3
    assert len(facts.pixels.unreadable) == 3
    assert (
        "3 of 39 sampled image files cannot be read: 00000/000000001.jpg, 00000/000000002.jpg, 00000/000000003.jpg."
        in [finding.text for finding in facts.findings]
    )
    assert (copy / "report" / "index.html").is_file()


# -------------------------------------------------------------------------------------------------------- viewpoints


def test_the_cells_tile_the_sphere_and_are_nearly_equal() -> None:
    areas = viewpoints.cell_areas()
    assert areas.size == viewpoints.CELLS == 184
    assert areas.sum() == pytest.approx(1)
    assert areas.max() / areas.min() < 1.45


@given(azimuth=st.floats(-math.pi, math.pi), elevation=st.floats(-math.pi / 2, math.pi / 2))
def test_every_direction_lies_in_the_cell_it_is_counted_in(azimuth: float, elevation: float) -> None:
    cell = int(viewpoints.cell_of(np.array([[azimuth, elevation]]))[0])
    band = max(b for b in range(viewpoints.BANDS) if viewpoints.FIRST[b] <= cell)
    low = -90 + band * viewpoints.BAND_DEG
    assert low - 1e-6 <= math.degrees(elevation) <= low + viewpoints.BAND_DEG + 1e-6
    part = cell - viewpoints.FIRST[band]
    turn = (azimuth + math.pi) / (2 * math.pi) * viewpoints.PARTS[band]
    assert part - 1e-6 <= turn <= part + 1 + 1e-6


@given(azimuth=st.floats(-3.1, 3.1), elevation=st.floats(-1.5, 1.5), distance=st.floats(0.1, 5))
def test_the_camera_direction_is_read_from_the_pose(azimuth: float, elevation: float, distance: float) -> None:
    pose = look_from(azimuth, elevation, distance)
    found = viewpoints.camera_directions(pose[None])[0]
    assert found == pytest.approx([azimuth, elevation], abs=1e-6)


def test_random_directions_hit_as_many_cells_as_expected() -> None:
    rng = np.random.Generator(np.random.PCG64(0))
    hits = []
    for _ in range(50):
        directions = np.stack([rng.uniform(-np.pi, np.pi, 200), np.arcsin(rng.uniform(-1, 1, 200))], axis=1)
        hits.append(np.unique(viewpoints.cell_of(directions)).size)
    assert np.mean(hits) == pytest.approx(viewpoints.expected_cells(200), rel=0.02)
    assert viewpoints.expected_cells(0) == 0


@given(azimuth=st.floats(-math.pi, math.pi), elevation=st.floats(-math.pi / 2, math.pi / 2))
def test_the_map_is_inside_its_ellipse(azimuth: float, elevation: float) -> None:
    x, y = viewpoints.mollweide(azimuth, elevation)
    assert (x / 2) ** 2 + y**2 <= 1 + 1e-9


def test_the_map_keeps_areas() -> None:
    for cell in range(viewpoints.CELLS):
        points = np.array(viewpoints.cell_outline(cell, steps=40))
        x, y = points[:, 0], points[:, 1]
        area = abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) / 2
        assert area / (2 * math.pi) == pytest.approx(viewpoints.cell_areas()[cell], rel=0.02)


# -------------------------------------------------------------------------------------------------------- histograms

AXES = [
    histograms.AREA_PX,
    histograms.SHARE,
    histograms.DISTANCE_M,
    histograms.COUNT,
    histograms.LUMA,
    histograms.SHARPNESS,
]


@settings(max_examples=60, deadline=None)
@given(axis=st.sampled_from(AXES), values=st.lists(st.floats(0, 3e7), min_size=1, max_size=60))
def test_drawn_histograms_lose_no_value_and_keep_their_bins_few(axis: histograms.Axis, values: list[float]) -> None:
    drawn = histograms.drawn(axis, histograms.count(axis, np.array(values)))
    assert drawn.total == len(values)
    assert 1 <= len(drawn.counts) <= 32
    assert len(drawn.edges) == len(drawn.counts) + 1
    assert list(drawn.edges) == sorted(set(drawn.edges))
    inside = [v for v in values if drawn.edges[0] <= v < drawn.edges[-1]]
    by_hand, _ = np.histogram(inside, bins=np.array(drawn.edges))
    if len(inside) == len(values) and drawn.edges[-1] not in values:
        assert by_hand.tolist() == list(drawn.counts)


def test_an_empty_histogram_has_no_median_and_can_be_drawn() -> None:
    drawn = histograms.drawn(histograms.DISTANCE_M, np.zeros(histograms.DISTANCE_M.bins, np.int64))
    assert drawn.median is None
    assert charts.histogram(drawn, title="Distance") == '<p class="empty">Distance: no values</p>'


def test_a_bar_that_dwarfs_the_others_is_cut_and_numbered() -> None:
    data = Histogram("", (0.0, 0.25, 0.5, 0.75, 1.0), (3, 0, 5, 900), 0.9)
    svg = charts.histogram(data, title="Visible share", percent=True)
    assert 'class="cut"' in svg
    assert ">900</text>" in svg
    assert ">13</text>" in svg  # the axis ends at 2.5 times the second bar
    assert 'class="cut"' not in charts.histogram(replace(data, counts=(300, 0, 500, 900)), title="t", percent=True)


NUMBERS = [(0.25, "0.25"), (7.0, "7"), (640.0, "640"), (9999.0, "9999"), (12_345.0, "12.3k"), (3_400_000.0, "3.4M")]


@pytest.mark.parametrize(("value", "text"), NUMBERS)
def test_numbers_on_charts_are_short(value: float, text: str) -> None:
    assert charts.short(value) == text


@given(st.floats(1e-6, 1e6))
def test_axis_steps_are_nice_and_large_enough(rough: float) -> None:
    step = charts.nice_step(rough)
    assert rough * (1 - 1e-6) <= step <= rough * 2.5 * (1 + 1e-6)
    assert f"{step:e}"[0] in "125"


# ---------------------------------------------------------------------------------------------------------- findings


def a_class(name: str, instances: int, *, category_id: int = 1, coverage: int = 150, **changes: Any) -> ClassFacts:
    counts = tuple(1 if i < coverage else 0 for i in range(viewpoints.CELLS))
    seen = ViewpointFacts(counts, coverage, 170.0, (10.0, 40.0, 80.0))
    return replace(
        ClassFacts(category_id, name, "", instances, instances, 1, (400, 900, 2000), (0.6, 0.9), 0.1, 0.1, seen),
        **changes,
    )


def good_facts() -> ReportFacts:
    """A dataset that nothing is wrong with; each row below spoils one thing."""
    classes = (a_class("mug", 600), a_class("bottle", 500, category_id=2), a_class("gear", 400, category_id=3))
    per_class = {"mug": 500, "bottle": 400, "gear": 300}
    luma = Histogram("", (0.0, 256.0), (200,), 120.0)
    return ReportFacts(
        name="good", description="", licence="CC0-1.0", synthgen_version="0", fingerprint="f",
        image_width=256, image_height=256, slots=200, images=200, images_without_instances=0, scenes=40, instances=1500,
        empty_reasons={}, redraws={},
        splits=(SplitFacts("train", 32, 160, 1200, per_class), SplitFacts("val", 8, 40, 300, per_class)),
        classes=classes, size_shares={"tiny": 0.1, "small": 0.4, "medium": 0.5, "large": 0.1},
        histograms={}, centres=((125, 125, 125), (125, 500, 125), (125, 125, 125)),
        pixels=PixelFacts(200, (), luma, luma, (), (), (), 0), shown=(), findings=(),
    )  # fmt: skip


def spoiled(**changes: Any) -> ReportFacts:
    return replace(good_facts(), **changes)


def with_classes(*classes: ClassFacts) -> ReportFacts:
    splits = tuple(replace(s, instances_per_class={c.name: c.instances for c in classes}) for s in good_facts().splits)
    return spoiled(classes=classes, splits=splits, instances=sum(c.instances for c in classes))


def with_pixels(**changes: Any) -> ReportFacts:
    return spoiled(pixels=replace(good_facts().pixels, **changes))


NAMES = tuple(f"00000/{i:09d}.jpg" for i in range(1, 13))
FINDINGS = [
    (
        "empty slots give their reasons and the remedy of each",
        spoiled(empty_reasons={"nothing_visible": 3, "error:ValueError": 1}),
        "empty_slots",
        "4 of 200 slots stayed empty (nothing_visible: 3, error:ValueError: 1).",
        "Bring the camera nearer (camera.placement.distance_m) or lower labels.min_visible_px; this is a fault of "
        "synthgen: please report it with the reason and pipeline.yaml.",
    ),
    (
        "an unknown reason still gets a remedy",
        spoiled(empty_reasons={"odd": 1}),
        "empty_slots",
        "1 of 200 slots stayed empty (odd: 1).",
        "Look at the scenes with 'synthgen preview' and at the rejected draws in the manifest.",
    ),
    (
        "files that cannot be read",
        with_pixels(sampled=10, unreadable=NAMES[:1]),
        "unreadable_images",
        "1 of 11 sampled image files cannot be read: 00000/000000001.jpg.",
        "Run 'synthgen validate' to list everything that is damaged.",
    ),
    (
        "too few scenes for splits",
        spoiled(scenes=4),
        "few_scenes",
        "The dataset has 4 scenes; splits are made of whole scenes and need about 10.",
        "Raise count, or lower camera.views_per_scene.",
    ),
    (
        "a declared class that never shows",
        with_classes(*good_facts().classes, a_class("nut", 0, category_id=4)),
        "class_without_instances",
        "1 class declared but never labelled: nut.",
        "Raise count or the weight in scene.objects, or take what is not wanted out of labels.classes.",
    ),
    (
        "a class with fewer than 50 instances",
        with_classes(a_class("mug", 120), a_class("nut", 49, category_id=2), a_class("die", 50, category_id=3)),
        "rare_classes",
        "1 class has fewer than 50 instances or less than a tenth of the median class (50): nut (49).",
        "Raise count, or the weight in scene.objects.",
    ),
    (
        "classes far below the median, though above 50",
        with_classes(
            *(a_class(n, 9000, category_id=i) for i, n in enumerate("abc")), a_class("nut", 100, category_id=4)
        ),
        "rare_classes",
        "1 class has fewer than 50 instances or less than a tenth of the median class (9000): nut (100).",
        "Raise count, or the weight in scene.objects.",
    ),
    (
        "a class that dominates",
        with_classes(a_class("mug", 3000), a_class("nut", 300, category_id=2), a_class("die", 200, category_id=3)),
        "dominant_classes",
        "1 class has more than 5 times the median class (300): mug (3000).",
        "Lower the weight in scene.objects.",
    ),
    (
        "a split without images",
        spoiled(splits=(*good_facts().splits, SplitFacts("test", 0, 0, 0, {}))),
        "empty_split",
        "Split 'test' has no images.",
        "Raise count: splits take whole scenes and are filled from about ten scenes on.",
    ),
    (
        "a split without a class",
        spoiled(splits=(good_facts().splits[0], SplitFacts("val", 8, 40, 99, {"mug": 99, "bottle": 0}))),
        "split_without_class",
        "1 split lacks classes that the dataset has: val (bottle, gear).",
        "Raise count, the weight of these classes, or the share of the split.",
    ),
    (
        "many tiny masks",
        spoiled(size_shares={"tiny": 0.42, "small": 0.8, "medium": 0.2, "large": 0.0}),
        "tiny_masks",
        "42% of the masks are tiny (below 16 x 16 = 256 px); more than 30% is a lot.",
        "Bring the camera nearer (camera.placement.distance_m), narrow camera.fov_deg, or make images larger.",
    ),
    (
        "heaps in which little is seen",
        with_classes(*(replace(c, occluded_share=0.55) for c in good_facts().classes)),
        "heavy_occlusion",
        "55% of the instances are less than half visible; more than 40% is a lot.",
        "Lower scene.objects_per_scene, unless your cell is that full.",
    ),
    (
        "objects cut by the frame",
        with_classes(*(replace(c, truncated_share=0.35) for c in good_facts().classes)),
        "truncation",
        "35% of the instances are cut by the frame; more than 30% is a lot.",
        "Move the camera back (camera.placement.distance_m), widen camera.fov_deg, or use a smaller support.",
    ),
    (
        "everything in the middle",
        spoiled(centres=((50, 50, 50), (50, 1100, 50), (50, 50, 50))),
        "centre_bias",
        "73% of the boxes have their centre in the middle ninth of the frame (11% would be even).",
        "Spread the objects over a larger support, or raise camera.placement.target_jitter_m.",
    ),
    (
        "a class seen from one side",
        with_classes(a_class("mug", 600, coverage=20), *good_facts().classes[1:]),
        "few_viewpoints",
        "Classes seen from less than 15% of all directions: mug (11%).",
        "Widen camera.placement.elevation_deg, or let the objects lie on any side (up: any), if yours do.",
    ),
    (
        "overexposed images",
        with_pixels(overexposed=NAMES),
        "overexposed",
        "12 of 200 sampled images are overexposed: " + ", ".join(NAMES[:8]) + " and 4 more.",
        "Lower scene.environment.intensity or sense.exposure_ev.",
    ),
    (
        "underexposed images",
        with_pixels(underexposed=NAMES[:11]),
        "underexposed",
        "11 of 200 sampled images are underexposed: " + ", ".join(NAMES[:8]) + " and 3 more.",
        "Raise scene.environment.intensity, scene.lights.area or sense.exposure_ev.",
    ),
    (
        "views that look the same",
        with_pixels(near_duplicate_images=20),
        "near_duplicates",
        "20 of 200 sampled images look nearly the same as another one.",
        "Widen camera.placement, or lower camera.views_per_scene, so that the views of a scene differ more.",
    ),
]


@pytest.mark.parametrize(
    ("intent", "given_facts", "code", "text", "remedy"), FINDINGS, ids=[row[0] for row in FINDINGS]
)
def test_findings(intent: str, given_facts: ReportFacts, code: str, text: str, remedy: str) -> None:
    assert [(found.code, found.text, found.remedy) for found in findings(given_facts)] == [(code, text, remedy)]


NOT_FINDINGS = [
    ("nothing is wrong", good_facts()),
    ("30 % tiny masks are still fine", spoiled(size_shares={"tiny": 0.3, "small": 1, "medium": 0, "large": 0})),
    ("one odd image in twenty is fine", with_pixels(overexposed=NAMES[:10])),
    ("too few instances to speak about viewpoints", with_classes(*(a_class(n, 199, coverage=3) for n in "abc"))),
]


@pytest.mark.parametrize(("intent", "given_facts"), NOT_FINDINGS, ids=[row[0] for row in NOT_FINDINGS])
def test_no_findings(intent: str, given_facts: ReportFacts) -> None:
    assert findings(given_facts) == ()


def test_every_rule_has_a_row_here() -> None:
    codes = {row[2] for row in FINDINGS}
    text = (Path(__file__).parents[1] / "synthgen" / "report" / "findings.py").read_text()
    assert set(re.findall(r'Finding\(\s*"(\w+)"', text)) | {"overexposed", "underexposed"} == codes
    assert len(codes) == 16


# -------------------------------------------------------------------------------------------------------------- page


class Page(HTMLParser):
    """Collects what the page refers to, and checks that its tags are balanced."""

    VOID = frozenset({"meta", "img", "input", "line", "rect", "path", "ellipse", "br", "hr", "link"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.images: list[str] = []
        self.tags: Counter[str] = Counter()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        values = dict(attrs)
        self.links += [str(values["href"])] if "href" in values else []
        self.images += [str(values["src"])] if "src" in values else []
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag


@pytest.fixture(scope="module")
def html(dataset: Path, facts: ReportFacts) -> str:
    return (dataset / "report" / "index.html").read_text(encoding="utf-8")


def test_the_page_is_well_formed_and_needs_nothing_else(dataset: Path, html: str) -> None:
    page = Page(html)
    assert page.open == []
    assert page.tags["script"] == page.tags["link"] == page.tags["iframe"] == 0
    assert "http://" not in html and "https://" not in html and "url(" not in html and "@import" not in html
    assert len(page.images) == 24
    assert all(source.startswith("data:image/jpeg;base64,") for source in page.images)
    missing = [link for link in page.links if not (dataset / "report" / link).is_file()]
    assert len(page.links) >= 13
    assert missing == []


def test_the_page_says_what_matters(html: str, facts: ReportFacts) -> None:
    for text in ("discs", "mug", "bottle", "gear", "nothing_visible: 1", "scene:settling_overlap", "Viewpoints"):
        assert text in html
    for finding in facts.findings:
        assert finding.text.replace("'", "&#39;") in html
        assert finding.remedy.replace("'", "&#39;") in html
    assert html.count("<svg") == 5 + 1 + 2 + 3  # histograms, centres, pixels, one map per class seen


def test_names_cannot_break_the_page(copy: Path) -> None:
    path = copy / "dataset.json"
    document = json.loads(path.read_text())
    document["name"] = "<script>alert(1)</script>"
    document["classes"][0]["name"] = '"><b>&mug'
    path.write_text(json.dumps(document))
    build_report(copy)
    text = (copy / "report" / "index.html").read_text()
    assert Page(text).open == []
    assert Page(text).tags["script"] == 0
    assert '"><b>&mug' not in text


def test_labels_come_back_from_disk_as_they_were_written(dataset: Path) -> None:
    _, shown = gathered(dataset)
    samples = load_samples(dataset, shown, depth=True)
    assert [sample.image_id for sample in samples] == [pick.image_id for pick in shown]
    by_id = Counter(row["image_id"] for row in rows(dataset, "instances"))
    for sample in samples:
        assert sample.image is not None and sample.image.shape == (96, 128, 3)
        assert sample.depth_m is not None and sample.depth_m == pytest.approx(0.7, abs=1e-6)
        assert len(sample.annotations) == by_id[sample.image_id]


# ------------------------------------------------------------------------------------------------------------ damage


def test_a_folder_that_holds_no_dataset(tmp_path: Path) -> None:
    with pytest.raises(DatasetError) as caught:
        build_report(tmp_path)
    assert str(caught.value) == (
        f"'{tmp_path}' is not a finished dataset: it has no dataset.json; give the folder of a finished run, "
        "or finish it with the same 'synthgen run' command"
    )


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"name": 1}'])
def test_a_damaged_dataset_json(copy: Path, text: str) -> None:
    (copy / "dataset.json").write_text(text)
    with pytest.raises(DatasetError) as caught:
        build_report(copy)
    assert str(caught.value).startswith(f"'{copy / 'dataset.json'}' cannot be read (")
    assert str(caught.value).endswith(
        "); allowed: the file that 'synthgen run' wrote. Remove it and give the same 'synthgen run' command again: "
        "it is rebuilt from the shards"
    )


def test_a_dataset_without_manifest(copy: Path) -> None:
    shutil.rmtree(copy / "manifest")
    with pytest.raises(DatasetError) as caught:
        build_report(copy)
    assert str(caught.value) == (
        f"'{copy}' has no manifest (manifest/images holds no part-*.parquet); allowed: a finished dataset. "
        "Give the same 'synthgen run' command again to make it"
    )


@pytest.mark.parametrize("part", ["images", "instances"])
@pytest.mark.parametrize("damage", ["truncated", "missing", "garbage"])
def test_a_damaged_manifest_part(copy: Path, part: str, damage: str) -> None:
    path = copy / "manifest" / part / "part-00001.parquet"
    data = path.read_bytes()
    path.unlink()
    if damage != "missing":
        path.write_bytes(data[: len(data) // 2] if damage == "truncated" else b"garbage")
    if (part, damage) == ("images", "missing"):
        return  # the shard is then simply not there: 'validate' says so
    with pytest.raises(DatasetError) as caught:
        build_report(copy)
    assert str(caught.value).startswith(f"'{path}' cannot be read (")
    assert str(caught.value).endswith(
        "); allowed: the manifest part that 'synthgen run' wrote. 'synthgen validate' lists everything that is damaged"
    )


def test_a_folder_that_cannot_be_written(copy: Path) -> None:
    shutil.rmtree(copy / "report", ignore_errors=True)
    (copy / "report").write_text("in the way")
    with pytest.raises(EnvironmentFault) as caught:
        build_report(copy)
    assert str(caught.value) == (
        f"'{copy / 'report' / 'index.html'}' cannot be written (File exists); allowed: a folder that you may write, on "
        "a disk with space left. Everything else of the dataset is whole: the same command writes the report again"
    )


def test_a_split_with_a_share_of_zero_is_not_missed(copy: Path) -> None:
    document = json.loads((copy / "dataset.json").read_text())
    document["splits"]["extra"] = {"file": "", "images": 0, "annotations": 0}
    (copy / "dataset.json").write_text(json.dumps(document))
    found, _ = gathered(copy)
    assert "Split 'extra' has no images." in [finding.text for finding in found.findings]
    (copy / "pipeline.yaml").write_text("splits: {train: 0.6, val: 0.2, test: 0.2, extra: 0}\n")
    found, _ = gathered(copy)
    assert [split.name for split in found.splits] == ["train", "val", "test"]


def test_the_tally_does_not_grow_with_the_dataset(dataset: Path, tmp_path: Path) -> None:
    from synthgen.report import reading

    def size(folder: Path) -> int:
        tally = Tally(reading.read_head(folder))
        for shard in reading.shards(folder):
            tally.add_shard(reading.image_rows(folder, shard), reading.instance_rows(folder, shard))
        return sum(value.nbytes for value in vars(tally).values() if isinstance(value, np.ndarray))

    assert size(make_dataset(tmp_path / "small", scenes=2)) == size(dataset)
