"""The sky's depth maps and the vector code that reads them, against plain code for one cell and one texel at a time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgen.render.light_sky import LANES, SkyMaps, sky_maps
from synthgen.render.light_visibility import GRAZING, MIN_FACING, scratch_for, sky_visibility
from synthgen.render.shadow import BLOCK, EMPTY, DepthMaps, blocked_share, blocker_reach
from synthgen.render.shadow_cast import MOST_BENEATH_M, SHEET_BENEATH_M, cast, frame_towards

SIZE = 64
NO_TABLE = np.array([0.0, 0.0, 0.0, 0.0, 1.0, 0.0, -1e9])


def directions_of(count: int) -> np.ndarray:
    """(count, 3) unit vectors spread over the upper hemisphere."""
    k = np.arange(count) + 0.5
    z, turn = 0.15 + 0.8 * k / count, k * 2.399963
    ring = np.sqrt(1 - z * z)
    return np.stack([ring * np.cos(turn), ring * np.sin(turn), z], axis=1)


def heap_of_triangles(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Triangles of 2 to 10 cm in a box of 0.4 x 0.4 x 0.15 m: (3 count, 3) vertices, (count, 3) faces."""
    rng = np.random.default_rng(seed)
    centres = rng.uniform([-0.2, -0.2, 0.0], [0.2, 0.2, 0.15], (count, 3))
    corners = centres[:, None] + rng.uniform(-0.05, 0.05, (count, 3, 3))
    return corners.reshape(-1, 3).astype(np.float32), np.arange(3 * count, dtype=np.int32).reshape(-1, 3)


def maps_of(directions: np.ndarray, triangles: int, seed: int) -> DepthMaps:
    vertices, faces = heap_of_triangles(triangles, seed)
    frames = np.array([frame_towards(direction) for direction in directions])
    origins, spread = np.tile([0.0, 0.0, 0.07], (len(directions), 1)), np.zeros(len(directions))
    return cast(vertices, faces, frames, origins, size=SIZE, perspective=False, spread=spread)


def by_cells(
    point: np.ndarray, normal: np.ndarray, mirror: np.ndarray, power: int, bias: float, energy: np.ndarray,
    spread: np.ndarray, maps: DepthMaps,
) -> tuple[float, float]:  # fmt: skip
    """What ``sky_visibility`` computes, cell by cell, from the maps as they were cast."""
    sums = np.zeros(4)
    for n, (frame, origin, scale) in enumerate(zip(maps.frames, maps.origins, maps.scales, strict=True)):
        facing = float(normal @ frame[2])
        if facing <= GRAZING:
            continue
        weight = facing * energy[n]
        gloss = weight * max(0.0, float(mirror @ frame[2])) ** power
        u, v = frame[:2] @ (point - origin) * scale[:2] + scale[2:]
        s = float(frame[2] @ (point - origin)) + bias
        gu, gv = -(frame[:2] @ normal) / scale[:2] / max(facing, MIN_FACING)
        visible = 1.0
        if 0 < u < SIZE and 0 < v < SIZE:
            reach = blocker_reach(maps.coarse, n, u, v, s)
            width = 2.0 * spread[n] * reach * scale[:2].min()
            if reach > 0:
                stride = next((k for k in (1, 2, 4) if width < 2 * k), 8)
                visible -= blocked_share(maps.depth, n, u, v, s, gu, gv, stride)
        sums += weight * visible, weight, gloss * visible, gloss
    diffuse = sums[0] / sums[1] if sums[1] > 1e-6 else 1.0
    return diffuse, sums[2] / sums[3] if sums[3] > 1e-6 else diffuse


def looked_up(
    sky: SkyMaps, point: np.ndarray, normal: np.ndarray, mirror: np.ndarray, power: int, bias: float
) -> tuple[float, float]:
    f32 = np.float32
    return sky_visibility(
        *point.astype(f32), *normal.astype(f32), *mirror.astype(f32), power == 4, False, f32(bias), sky.parts,
        scratch_for(sky.parts), NO_TABLE,
    )  # fmt: skip


@pytest.mark.parametrize(("intent", "count"), [("one full and one partly filled group", 28), ("less than a group", 5)])
def test_vector_code_sees_what_plain_code_sees(intent: str, count: int) -> None:
    rng = np.random.default_rng(count)
    directions = directions_of(count)
    energy, spread = rng.uniform(0.1, 1.0, count), rng.uniform(0.05, 0.4, count)
    maps = maps_of(directions, 60, seed=count)
    sky = sky_maps(directions, energy, spread, maps)
    errors, seen = [], []
    for i in range(300):
        point = rng.uniform([-0.35, -0.35, -0.1], [0.35, 0.35, 0.3])
        normal, mirror = (v / np.linalg.norm(v) for v in rng.normal(size=(2, 3)))
        power, bias = (2, 4)[i % 2], (0.0008, 0.0028)[i % 3 > 0]
        expected = by_cells(point, normal, mirror, power, bias, energy, spread, maps)
        errors.append(np.abs(np.subtract(looked_up(sky, point, normal, mirror, power, bias), expected)).max())
        seen.append(expected[0])
    # 16 bits and float32 flip a texel now and then, never more than a few of 28 cells' worth.
    assert np.median(errors) < 1e-5 and np.quantile(errors, 0.97) < 0.01, (intent, np.sort(errors)[-9:])
    assert min(seen) < 0.5 and max(seen) == 1.0, "open and hidden points were among them"


@settings(max_examples=50, deadline=None)
@given(
    st.floats(-30.0, 30.0), st.floats(-30.0, 30.0), st.floats(-3.0, -0.2), st.sampled_from([(0, 0, 1), (0.6, 0, 0.8)])
)
def test_far_away_and_far_below_nothing_is_hidden(x: float, y: float, z: float, normal: tuple[float, ...]) -> None:
    """Points whose look-ups fall beyond the maps, or onto them where they are empty, see all of the sky."""
    directions = directions_of(9)
    sky = sky_maps(directions, np.ones(9), np.full(9, 0.3), maps_of(directions, 3, seed=1))
    axis = np.array(normal, float)
    hidden = np.hypot(x, y) < 1.0 + 8.0 * abs(z)  # the lowest direction rises by 0.19 over its length
    diffuse, _ = looked_up(sky, np.array([x, y, z]), axis, axis, 4, 0.001)
    assert 0.0 <= diffuse <= 1.0 + 1e-6
    if not hidden:
        assert diffuse == pytest.approx(1.0, abs=1e-6)


def test_an_empty_sky_is_open_and_padded_to_whole_groups() -> None:
    directions = directions_of(3)
    empty = DepthMaps(
        depth=np.full((3, SIZE, SIZE), EMPTY, np.float32),
        coarse=np.full((3, SIZE // BLOCK, SIZE // BLOCK), EMPTY, np.float32),
        frames=np.array([frame_towards(direction) for direction in directions]),
        origins=np.zeros((3, 3)),
        scales=np.zeros((3, 4)),
        perspective=False,
    )
    sky = sky_maps(directions, np.ones(3), np.full(3, 0.2), empty)
    assert len(sky.coarse) == LANES * (SIZE // BLOCK) ** 2
    up = np.array([0.0, 0.0, 1.0])
    assert looked_up(sky, np.zeros(3), up, up, 2, 0.001) == (1.0, 1.0)


# ---------------------------------------------------------------- casting


@pytest.mark.parametrize(("intent", "triangles"), [("one batch", 40), ("one and a bit", 140), ("several", 500)])
@pytest.mark.parametrize("perspective", [False, True])
def test_every_texel_keeps_what_is_nearest_to_the_light(intent: str, triangles: int, perspective: bool) -> None:
    """Against all triangles at every texel centre, in double precision; centres near an edge may go either way."""
    vertices, faces = heap_of_triangles(triangles, seed=triangles)
    direction = np.array([0.3, -0.2, -0.93 if perspective else 0.93])
    frame = frame_towards(direction)[None]
    origin = -0.8 * direction[None] if perspective else np.zeros((1, 3))
    maps = cast(vertices, faces, frame, origin, size=SIZE, perspective=perspective, spread=np.zeros(1))
    local = (vertices.astype(float) - origin[0]) @ frame[0].T
    a, b, s = local.T if not perspective else (local[:, 0] / local[:, 2], local[:, 1] / local[:, 2], 1 / local[:, 2])
    u, v = a * maps.scales[0, 0] + maps.scales[0, 2], b * maps.scales[0, 1] + maps.scales[0, 3]
    y, x = np.mgrid[0:SIZE, 0:SIZE] + 0.5
    layers, unsure = np.full((2, SIZE, SIZE), -np.inf), np.zeros((SIZE, SIZE), bool)
    for i, j, k in faces:
        area = (u[j] - u[i]) * (v[k] - v[i]) - (v[j] - v[i]) * (u[k] - u[i])
        q = ((x - u[i]) * (v[k] - v[i]) - (y - v[i]) * (u[k] - u[i])) / area
        r = ((u[j] - u[i]) * (y - v[i]) - (v[j] - v[i]) * (x - u[i])) / area
        least = np.minimum(np.minimum(q, r), 1 - q - r)
        unsure |= np.abs(least) < 1e-3
        depth = np.where(least >= 0, s[i] + q * (s[j] - s[i]) + r * (s[k] - s[i]), -np.inf)
        layers[int(area <= 0)] = np.maximum(layers[int(area <= 0)], depth)
    first, second = layers.max(axis=0), layers.min(axis=0)
    covered = np.isfinite(first)
    metres = (lambda t: 1.0 / t) if perspective else (lambda t: -t)
    with np.errstate(divide="ignore", invalid="ignore"):
        beneath = np.minimum(0.5 * (metres(second) - metres(first)), MOST_BENEATH_M)
    expected = metres(metres(first) + np.where(np.isfinite(second), beneath, SHEET_BENEATH_M))
    sure = ~unsure
    assert (sure & covered).sum() > 500 and (sure & ~covered).sum() > 100, intent
    assert ((maps.depth[0] != EMPTY) == covered)[sure].all(), intent
    assert np.allclose(maps.depth[0][sure & covered], expected[sure & covered], atol=2e-5), intent


def test_what_is_behind_an_area_light_casts_nothing() -> None:
    vertices = np.array([(-0.1, -0.1, 0.5), (0.1, -0.1, 0.5), (0, 0.1, 0.5), (0, 0.1, 1.5)], np.float32)
    faces = np.array([(0, 1, 2), (0, 1, 3)], np.int32)
    maps = cast(
        vertices, faces, frame_towards(np.array([0, 0, -1.0]))[None], np.array([[0, 0, 1.0]]), size=SIZE,
        perspective=True, spread=np.zeros(1),
    )  # fmt: skip
    shown = maps.depth[0][maps.depth[0] != EMPTY]
    assert len(shown) > 500 and np.allclose(1 / shown, 0.5 + SHEET_BENEATH_M, atol=1e-5)
