"""Roughness of a pixel: of round things that are few pixels wide, and not of flat or creased ones."""

from __future__ import annotations

import math

import numpy as np
import pytest

from synthgen.render.light_curvature import pixel_roughness
from synthgen.types.arrays import F32

CHROME = 0.1


def rod(pixels: int, roughness: float) -> F32:
    """(8, pixels + 4) pixel roughness of an upright rod that is ``pixels`` wide, between pixels of nothing."""
    thing = np.zeros((8, pixels + 4), np.uint16)
    thing[:, 2:-2] = 1
    across = (np.arange(pixels) + 0.5) / pixels * 2 - 1
    normal = np.zeros((*thing.shape, 3), np.float32)
    normal[:, 2:-2, 0], normal[:, 2:-2, 2] = across, -np.sqrt(1 - across**2)
    return pixel_roughness(thing, normal, np.full(thing.shape, roughness, np.float32))


@pytest.mark.parametrize(
    ("intent", "pixels", "low", "high"),
    [
        ("a handle of three pixels mirrors half of the room in each of them", 3, 0.45, 0.6),
        ("one of eight pixels a part of it", 8, 0.25, 0.4),
        ("a chrome cylinder across the picture mirrors sharply", 400, CHROME, CHROME + 1e-6),
    ],
)
def test_the_narrower_a_rod_the_rougher_its_pixels(intent: str, pixels: int, low: float, high: float) -> None:
    middle = float(rod(pixels, CHROME)[4, 2 + pixels // 2])
    assert low <= middle <= high, intent


def test_what_is_rough_anyway_keeps_its_roughness() -> None:
    np.testing.assert_array_equal(rod(60, 0.5), np.float32(0.5))


@pytest.mark.parametrize("angle_deg", [20, 90])
def test_a_crease_is_no_curve(angle_deg: float) -> None:
    thing = np.ones((6, 10), np.uint16)
    normal = np.zeros((6, 10, 3), np.float32)
    normal[:, :5] = (0, 0, -1)
    normal[:, 5:] = (math.sin(math.radians(angle_deg)), 0, -math.cos(math.radians(angle_deg)))
    np.testing.assert_array_equal(
        pixel_roughness(thing, normal, np.full((6, 10), CHROME, np.float32)), np.float32(CHROME)
    )


def test_other_things_beside_it_do_not_count() -> None:
    thing = np.arange(48, dtype=np.uint16).reshape(6, 8) + 1
    normal = np.random.default_rng(0).normal(size=(6, 8, 3)).astype(np.float32)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    np.testing.assert_array_equal(
        pixel_roughness(thing, normal, np.full((6, 8), CHROME, np.float32)), np.float32(CHROME)
    )
