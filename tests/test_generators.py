"""Conformance: what every generator of the catalog promises, one suite over every entry."""

from __future__ import annotations

import tempfile
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import trimesh
from gan_doubles import untrained_gan
from render_doubles import ShelfStore, mesh_of, model_of, placed, pose

from synthgen.config.models import GanConfig, PathtracedConfig, ShadedConfig
from synthgen.generate.catalog import GENERATORS, make_generator
from synthgen.generate.protocol import Generator
from synthgen.types.gbuffer import EdgeBlend, GBuffers, Views
from synthgen.types.geometry import Camera, Intrinsics
from synthgen.types.scene import EnvironmentLight, Scene

CONFIGS = {
    "gan": GanConfig(),
    "shaded": ShadedConfig(),
    "pathtraced": PathtracedConfig(samples=2, bounces=1),
}
NEEDS = {"pathtraced": "bpy"}  # packages of optional extras
KINDS = sorted(GENERATORS)
WIDTH, HEIGHT = 48, 32


GLOBE = model_of("globe", mesh_of(trimesh.creation.icosphere(2, 0.1)))


def make(kind: str) -> Generator:
    """A generator of the catalog, or a skip that says what to install."""
    if kind in NEEDS and find_spec(NEEDS[kind]) is None:
        pytest.skip(f'needs {NEEDS[kind]}: pip install "synthgen[{kind}]"')
    config = GanConfig(weights=untrained(), style=1) if kind == "gan" else CONFIGS[kind]
    return make_generator(config, ShelfStore([GLOBE]))


@lru_cache(maxsize=1)
def untrained() -> str:
    return str(untrained_gan(Path(tempfile.mkdtemp())))


@pytest.fixture(params=KINDS)
def generator(request: pytest.FixtureRequest) -> Generator:
    return make(request.param)


def random_views(count: int, seed: int = 0, order: tuple[int, ...] | None = None) -> Views:
    """Views of a globe with random but legal channels and a few edge pixels; ``order`` permutes the same views."""
    rng = np.random.default_rng(seed)
    shape = (count, HEIGHT, WIDTH)
    normal = rng.normal(size=(*shape, 3))
    normal[..., 2] = -np.abs(normal[..., 2]) - 0.1
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)

    def random(*channels: int, scale: float = 1.0) -> np.ndarray:
        return (rng.random((*shape, *channels)) * scale).astype(np.float16)

    depth = rng.uniform(0.3, 1.0, shape).astype(np.float32)
    depth[:, :6] = 0.0
    arrays = {
        "instance": rng.integers(0, 5, shape).astype(np.uint16),
        "category": rng.integers(0, 3, shape).astype(np.uint16),
        "depth_m": depth,
        "normal": normal.astype(np.float16),
        "albedo": random(3),
        "roughness": np.maximum(random(), np.float16(0.03)),
        "metallic": random(),
        "direct": random(3, scale=4.0),
        "highlight": random(3, scale=9.0),
        "irradiance": random(3, scale=2.0),
        "occlusion": random(),
        "reflection": random(3, scale=50.0),
        "amodal": rng.integers(0, 9, (*shape, 1)).astype(np.uint64),
        "skylight": random(3, scale=2.0),
        "bounce": random(3),
        "gloss": random(3, scale=50.0),
    }
    cameras = []
    edges = []
    for _ in range(count):
        focal = float(rng.uniform(40, 60))
        cameras.append(Camera(Intrinsics(WIDTH, HEIGHT, focal, focal, WIDTH / 2, HEIGHT / 2), np.eye(4)))
        pixels = np.array([y * WIDTH + x for y in range(8, 20, 3) for x in range(5, 40, 7)], np.int32)
        edges.append(EdgeBlend(pixels, rng.multinomial(16, np.full(9, 1 / 9), len(pixels)).astype(np.uint8)))
    picked = list(order if order is not None else range(count))
    globe = placed("globe", pose(0.05, 0.0, 0.6), index=1)
    scene = Scene(
        0, 0, 7, (globe,), EnvironmentLight("none", 0.0, 1.0), (), tuple(cameras[i] for i in picked), tuple(picked)
    )
    gbuffers = GBuffers(
        **{name: np.ascontiguousarray(array[picked]) for name, array in arrays.items()},
        truncation=(np.zeros(4, np.float32),) * len(picked),
        edges=tuple(edges[i] for i in picked),
    )
    return Views(scene, 0, gbuffers)


def test_every_kind_is_in_the_suite() -> None:
    assert sorted(CONFIGS) == KINDS


def test_channels_exist_and_fingerprint_says_something(generator: Generator) -> None:
    assert generator.channels
    assert generator.channels <= set(GBuffers.__dataclass_fields__)
    assert generator.fingerprint and generator.fingerprint == generator.fingerprint.strip()


@pytest.mark.parametrize("kind", KINDS)
def test_fingerprint_is_stable(kind: str) -> None:
    assert make(kind).fingerprint == make(kind).fingerprint


def test_shape_dtype_and_range(generator: Generator) -> None:
    images = generator(random_views(3), [1, 2, 3])
    assert images.pixels.shape == (3, HEIGHT, WIDTH, 3)
    if images.encoding == "linear":
        assert images.pixels.dtype == np.float32
        assert np.isfinite(images.pixels).all() and images.pixels.min() >= 0
    else:
        assert images.pixels.dtype == np.uint8


def test_same_seed_same_image(generator: Generator) -> None:
    first, second = (generator(random_views(2), [11, 12]).pixels for _ in range(2))
    assert first.tobytes() == second.tobytes()


def test_batch_order_and_size_do_not_matter(generator: Generator) -> None:
    together = generator(random_views(4), [1, 2, 3, 4]).pixels
    turned = generator(random_views(4, order=(2, 0, 3, 1)), [3, 1, 4, 2]).pixels
    assert turned.tobytes() == together[[2, 0, 3, 1]].tobytes()
    alone = generator(random_views(4, order=(2,)), [3]).pixels
    assert alone.tobytes() == together[2:3].tobytes()


def test_empty_batch(generator: Generator) -> None:
    images = generator(random_views(2, order=()), [])
    assert images.pixels.shape == (0, HEIGHT, WIDTH, 3)


def test_inputs_are_left_alone(generator: Generator) -> None:
    views = random_views(2)
    before = {name: getattr(views.gbuffers, name).copy() for name in ("albedo", "reflection", "depth_m", "normal")}
    generator(views, [1, 2])
    for name, array in before.items():
        assert np.array_equal(getattr(views.gbuffers, name), array), name


def test_seeds_matter_where_declared(generator: Generator) -> None:
    first, second = (generator(random_views(1), [seed]).pixels for seed in (1, 2))
    assert (first.tobytes() != second.tobytes()) == generator.uses_seeds
