"""Sensor depth: noise, steps, shadows and holes, each by its statistics on scenes made of numpy."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest
from analytic_scene import make_scene, render
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgen.config.depth_sensor import DepthSensorConfig, SensorKind
from synthgen.errors import InternalError
from synthgen.sense.depth import SENSORS, Surface, measure, returned_light, sense_depth
from synthgen.sense.depth_shadow import shadowed
from synthgen.types.geometry import Intrinsics

KINDS = get_args(SensorKind)
LENS = Intrinsics(160, 120, 150.0, 150.0, 80.0, 60.0)


def wall(depth_m: Any, **changes: Any) -> Surface:
    """A matt, mid-grey surface facing the camera."""
    depth = np.zeros((120, 160), np.float32)
    depth[...] = depth_m
    one = np.ones_like(depth)
    surface = Surface(depth, one, 0.5 * one, 0.8 * one, 0 * one, one)
    return replace(surface, **{name: (value * one).astype(np.float32) for name, value in changes.items()})


def seen(surface: Surface, kind: str = "stereo", seed: int = 0, **changes: Any) -> np.ndarray[Any, Any]:
    config = DepthSensorConfig.model_validate({"kind": kind, **changes})
    return measure(surface, LENS, config, rng=np.random.default_rng(seed))


def step(near_m: float, far_m: float) -> Surface:
    """A near block in the middle columns 60..99 before a far wall."""
    depth = np.full((120, 160), far_m, np.float32)
    depth[:, 60:100] = near_m
    return wall(depth)


def test_every_kind_is_in_the_table() -> None:
    assert sorted(SENSORS) == sorted(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_noise_grows_with_the_distance_squared(kind: str) -> None:
    """Doubling the distance quadruples the noise (the floor of tof and the steps' own spread taken off)."""
    spread = []
    for distance in (0.6, 1.2):
        found = seen(wall(distance), kind, baseline_m=0)
        assert (found > 0).mean() > 0.99, "an easy wall has no holes"
        assert np.median(found) == pytest.approx(distance, rel=0.003), "no bias"
        steps = SENSORS[kind].step_per_m * distance**2 / np.sqrt(12)
        spread.append(np.sqrt(found[found > 0].std() ** 2 - steps**2) - SENSORS[kind].floor_m)
    assert spread[1] / spread[0] == pytest.approx(4.0, rel=0.12)
    assert spread[0] == pytest.approx(SENSORS[kind].noise_per_m * 0.36, rel=0.15)


@pytest.mark.parametrize("kind", ["structured_light", "stereo"])
def test_depth_comes_in_steps_of_disparity(kind: str) -> None:
    depth = np.linspace(0.5, 3.0, 120 * 160, dtype=np.float32).reshape(120, 160)
    found = seen(wall(depth), kind, baseline_m=0, noise=0, holes=0)
    steps = 1.0 / (found[found > 0].astype(np.float64) * SENSORS[kind].step_per_m)
    assert np.abs(steps - np.rint(steps)).max() < 2e-3
    for distance in (1.0, 2.0):
        near = np.unique(found[np.abs(depth - distance) < 0.05])
        assert np.diff(near).mean() == pytest.approx(SENSORS[kind].step_per_m * distance**2, rel=0.05)


@pytest.mark.parametrize("kind", ["structured_light", "stereo"])
def test_what_the_second_eye_cannot_see_has_no_depth(kind: str) -> None:
    """The shadow lies left of a near block (the second eye is on the right) and is as wide as the disparity step."""
    found = seen(step(0.6, 1.0), kind, holes=0, noise=0)
    lost = (found == 0).mean(axis=0)
    width = LENS.fx * SENSORS[kind].baseline_m * (1 / 0.6 - 1 / 1.0)
    left = lost[30:60] > 0.5
    assert left.sum() == pytest.approx(width, abs=1.5)
    assert left[-1] and (lost[100:150] == 0).all(), "right beside the block, and none to its right"
    band = LENS.fx * SENSORS[kind].baseline_m / 1.0
    assert (lost[:30] > 0.5).sum() == pytest.approx(band, abs=1.5), "what lies outside the second image has none either"


def test_time_of_flight_has_no_shadow() -> None:
    assert (seen(step(0.6, 1.0), "tof", holes=0, noise=0) > 0).all()


@settings(max_examples=30, deadline=None)
@given(st.floats(0.3, 3.0), st.floats(-0.6, 0.6), st.floats(-0.6, 0.6), st.floats(0.0, 0.2))
def test_a_plane_casts_no_shadow_on_itself(distance: float, along: float, down: float, baseline: float) -> None:
    """z = d + a x + b y, seen along every ray: only the band outside the second image may be lost."""
    u = (np.arange(160) + 0.5 - 80.0) / 150.0 + np.zeros((120, 1))
    v = (np.arange(120)[:, None] + 0.5 - 60.0) / 150.0
    depth = distance / (1 - along * u - down * v)
    lost = shadowed(depth, u, 150.0, 80.0, baseline)
    inside = 150.0 * (u - baseline / depth) + 80.0 >= 1.0
    assert not (lost & inside).any()


HOLES = [
    ("black rubber", {"albedo": 0.004}, 0.9, 1.0),
    ("mid grey", {"albedo": 0.5}, 0.0, 0.001),
    ("dark paint", {"albedo": 0.06}, 0.0, 0.05),
    ("polished steel", {"metallic": 1.0, "roughness": 0.1}, 0.9, 1.0),
    ("brushed steel", {"metallic": 1.0, "roughness": 0.45}, 0.0, 0.2),
    ("grazing", {"cosine": 0.06}, 0.9, 1.0),
    ("slanted", {"cosine": 0.5}, 0.0, 0.001),
    ("gloss facing the sensor", {"roughness": 0.1, "cosine": 1.0}, 0.9, 1.0),
    ("gloss turned away", {"roughness": 0.1, "cosine": 0.9}, 0.0, 0.001),
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("intent", "changes", "low", "high"), HOLES, ids=[row[0] for row in HOLES])
def test_holes(intent: str, changes: dict[str, float], low: float, high: float, kind: str) -> None:
    lost = (seen(wall(0.8, **changes), kind, baseline_m=0) == 0).mean()
    assert low <= lost <= high, intent


@pytest.mark.parametrize("kind", KINDS)
def test_edges_have_holes_and_surfaces_do_not(kind: str) -> None:
    found = seen(step(0.6, 1.0), kind, baseline_m=0)
    lost = (found == 0).mean(axis=0)
    beside = lost[[59, 60, 99, 100]]
    assert (beside > 0.3).all(), "beside a jump of the depth"
    assert lost[65:95].max() < 0.02 and lost[:50].max() < 0.02, "away from it"


def test_flying_pixels_lie_between_the_two_distances() -> None:
    found = seen(step(0.6, 1.0), "tof", noise=0)
    between = (found > 0.63) & (found < 0.97)
    columns = np.flatnonzero(between.any(axis=0))
    assert between[:, 59:61].mean() > 0.15 and set(columns) <= {58, 59, 60, 61, 98, 99, 100, 101}


def test_enclosed_corners_seem_farther_to_time_of_flight() -> None:
    open_, closed = (np.median(seen(wall(1.0, openness=share), "tof", noise=0)) for share in (1.0, 0.3))
    assert open_ == pytest.approx(1.0, abs=1e-4)
    assert closed - open_ == pytest.approx(0.7 * SENSORS["tof"].multipath_m, rel=0.01)


def test_dark_surfaces_are_noisier() -> None:
    bright, dark = (seen(wall(1.0, albedo=a), "tof").std() for a in (0.8, 0.15))
    assert dark > 1.5 * bright


@pytest.mark.parametrize("kind", KINDS)
def test_range(kind: str) -> None:
    sensor = SENSORS[kind]
    assert (seen(wall(0.8 * sensor.min_m), kind) == 0).all()
    assert (seen(wall(1.2 * sensor.max_m), kind) == 0).all()
    assert (seen(wall(0.0), kind) == 0).all(), "where nothing is, nothing is measured"
    assert (seen(wall(0.1), kind, min_m=0.05, baseline_m=0) > 0).mean() > 0.99


@pytest.mark.parametrize("kind", KINDS)
def test_same_stream_same_depth(kind: str) -> None:
    assert (seen(step(0.6, 1.0), kind, seed=4) == seen(step(0.6, 1.0), kind, seed=4)).all()
    assert (seen(step(0.6, 1.0), kind, seed=4) != seen(step(0.6, 1.0), kind, seed=5)).any()


def test_a_perfect_sensor_gives_the_ideal_depth() -> None:
    found = seen(step(0.6, 1.0), "tof", noise=0, holes=0)
    away = np.r_[0:57, 63:97, 103:160]
    assert np.abs(found - step(0.6, 1.0).depth_m)[:, away].max() < 1e-6


CHANNELS = ("instance", "depth_m", "normal", "albedo", "roughness", "metallic", "occlusion")


def test_views_of_a_batch() -> None:
    views = render(make_scene([("large", 0.0, 0.0, 0.07)], cameras=2))
    buffers = views.gbuffers
    facing = np.zeros_like(buffers.normal)
    facing[..., 2] = -1
    grey = np.full_like(buffers.albedo, 0.5)
    rough, open_ = np.full_like(buffers.roughness, 0.8), np.ones_like(buffers.occlusion)
    views = replace(views, gbuffers=replace(buffers, normal=facing, albedo=grey, roughness=rough, occlusion=open_))
    config = DepthSensorConfig(kind="structured_light")
    found = sense_depth(views, config, rngs=[np.random.default_rng(i) for i in range(2)])
    assert found.shape == buffers.depth_m.shape and found.dtype == np.float32
    second = replace(buffers, **{name: getattr(views.gbuffers, name)[1:] for name in CHANNELS})
    alone = sense_depth(replace(views, first=1, gbuffers=second), config, rngs=[np.random.default_rng(1)])
    assert (alone[0] == found[1]).all(), "the rest of the batch does not matter"
    there = found > 0
    assert 0.6 < there.mean() < 0.97
    assert np.abs(found - buffers.depth_m)[there].max() < 0.01


def test_wrong_number_of_streams() -> None:
    views = render(make_scene([("large", 0.0, 0.0, 0.07)]))
    with pytest.raises(InternalError) as error:
        sense_depth(views, DepthSensorConfig(kind="tof"), rngs=[])
    assert str(error.value) == (
        "sense_depth was given 0 random streams for 1 views; exactly one per view is allowed; report this as a bug"
    )


def test_metal_throws_light_back_only_when_rough() -> None:
    rough, smooth = (returned_light(wall(1.0, metallic=1.0, roughness=r)).mean() for r in (0.9, 0.2))
    assert rough > 10 * smooth
