"""Wide area lights: cut into parts, their shadows are those that rays find."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_light import BOX, TABLE, SmallStore, lit, plane, scene_of, thing, uniform_map

from synthgen.render import light_parts
from synthgen.render.light_parts import MOST_PARTS, PART_TANGENT, parts_of
from synthgen.render.light_scene import Casters
from synthgen.types.scene import AreaLight

CUTS = [
    ("a spot is small from anywhere", (0.05, 0.05), 0.6, (1, 1)),
    ("a panel over the table", (0.5, 0.5), 1.0, (2, 2)),
    ("the same, far away", (0.5, 0.5), 3.0, (1, 1)),
    ("a tube, along its length only", (1.2, 0.05), 1.0, (4, 1)),
    ("a tall window, no more than four", (0.8, 2.0), 1.0, (1, 4)),
    ("wide enough for two", (0.4, 0.1), 1.0, (2, 1)),
]


@pytest.mark.parametrize(("intent", "size", "distance", "parts"), CUTS, ids=[row[0] for row in CUTS])
def test_lights_are_cut_where_they_are_wide(
    intent: str, size: tuple[float, float], distance: float, parts: tuple[int, int]
) -> None:
    assert parts_of(np.array(size), distance) == parts


@given(
    st.floats(0.02, 3), st.floats(0.02, 3), st.floats(0.2, 3), st.floats(-1, 1), st.floats(-1, 1), st.floats(-1, -0.1)
)
def test_parts_tile_the_light(width: float, height: float, distance: float, x: float, y: float, z: float) -> None:
    light = AreaLight(np.array([0.1, 0.2, distance]), np.array([x, y, z]), (width, height), (1.0, 2.0, 3.0))
    casters = Casters(np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int32), np.zeros(3))
    panel = light_parts.panel_of(light, casters)
    count = len(panel.part_centres)
    assert 1 <= count <= MOST_PARTS
    assert np.allclose(panel.part_centres.mean(axis=0), light.position_m)
    assert count * np.prod(2 * panel.part_half) == pytest.approx(width * height)
    around = (panel.part_centres - panel.centre) @ panel.frame.T
    assert np.allclose(around[:, 2], 0, atol=1e-9)  # all in the light's plane
    assert (np.abs(around[:, :2]) + panel.part_half <= np.array([width, height]) / 2 + 1e-9).all()
    wide = 2 * panel.part_half.max() > PART_TANGENT * np.linalg.norm(light.position_m)
    assert not wide or count * 2 > MOST_PARTS


def seen_by_rays(points: np.ndarray, light: AreaLight, low: np.ndarray, high: np.ndarray, side: int = 24) -> np.ndarray:
    """Mean over side x side points of a light that shines down: its part of the irradiance that a box lets through."""
    steps = (np.arange(side) + 0.5) / side - 0.5
    u, v = np.meshgrid(steps * light.size_m[0], steps * light.size_m[1])
    places = light.position_m + np.stack([u, v, np.zeros_like(u)], axis=-1).reshape(-1, 3)
    seen, all_of_it = np.zeros(len(points)), np.zeros(len(points))
    for place in places:
        way = place - points
        with np.errstate(divide="ignore", invalid="ignore"):
            enter, leave = (low - points) / way, (high - points) / way
        near, far = np.minimum(enter, leave).max(axis=1), np.maximum(enter, leave).min(axis=1)
        open_way = ~((near < far) & (far > 1e-6) & (near < 1))
        weight = way[:, 2] ** 2 / (way**2).sum(axis=1) ** 2  # both cosines over the distance squared
        seen += weight * open_way
        all_of_it += weight
    return seen / all_of_it


def test_a_wide_light_shades_as_rays_say(monkeypatch: pytest.MonkeyPatch) -> None:
    light = AreaLight(np.array([-0.5, 0.1, 0.7]), np.array([0, 0, -1.0]), (0.9, 0.9), (5.0, 5.0, 5.0))
    store = SmallStore({"table": TABLE, "box": BOX}, uniform_map(0.0))
    things = (thing("table", "support", 0, -0.01), thing("box", "object", 1, 0.05))
    grid = np.linspace(-0.22, 0.22, 64)
    surfaces = plane(grid, grid)
    points = surfaces.position.reshape(-1, 3).astype(float)
    beneath = (np.abs(points[:, :2]) < 0.032).all(axis=1)
    expected = seen_by_rays(points, light, np.array([-0.03, -0.03, 0.0]), np.array([0.03, 0.03, 0.1]))

    def error(most: int) -> np.ndarray:
        monkeypatch.setattr(light_parts, "MOST_PARTS", most)
        shaded = lit(scene_of(*things, lights=(light,)), store, surfaces).direct[..., 0].reshape(-1)
        open_ = lit(scene_of(things[0], lights=(light,)), store, surfaces).direct[..., 0].reshape(-1)
        return np.abs(shaded / open_ - expected)[~beneath]

    whole, cut = error(1), error(MOST_PARTS)
    assert expected[~beneath].min() < 0.2  # there is a shadow to get right
    assert cut.mean() < 0.01 and np.quantile(cut, 0.99) < 0.15
    assert cut.mean() < 0.75 * whole.mean()
