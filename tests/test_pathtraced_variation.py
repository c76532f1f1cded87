"""Hidden factors: what ``vary`` may change, by how much, and what it must leave alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from render_doubles import ShelfStore, looking, mesh_of, model_of, pinhole, placed, pose, scene_of

from synthgen import seeding
from synthgen.generate.pathtraced_variation import LUMINANCE, vary
from synthgen.render.views import render_views
from synthgen.types.assets import Material
from synthgen.types.scene import AreaLight, EnvironmentLight, Scene

STEEL = Material((0.7, 0.7, 0.72), 0.3, 1.0, "procedural:brushed:0", 4.0)
GLAZE = Material((0.9, 0.1, 0.95), 0.04)
LAMP = AreaLight(np.array([0.0, 0.0, 1.0]), np.array([0.0, 0.0, -1.0]), (0.5, 0.2), (3.0, 2.0, 1.0))


def scene_to_vary(key: str = "procedural:office:3") -> Scene:
    bolt = replace(placed("ball", pose(), index=1), materials=(STEEL, GLAZE, STEEL))
    cup = replace(placed("ball", pose(0.3), index=2), materials=(GLAZE,))
    scene = scene_of([bolt, cup], [looking((0.5, -0.4, 0.5), (0, 0, 0.1), pinhole(48, 36))])
    return replace(scene, environment=EnvironmentLight(key, 6.0, 0.8), lights=(LAMP,))


def variation(number: int, scene: Scene | None = None, **options: object) -> Scene:
    rng = seeding.stream(0, "vary", scene=0, attempt=number)
    return vary(scene or scene_to_vary(), rng=rng, **options)  # type: ignore[arg-type]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000))
def test_nothing_moves_and_everything_stays_legal(number: int) -> None:
    scene = scene_to_vary()
    varied = variation(number, scene)
    assert varied.cameras is scene.cameras and varied.view_indices is scene.view_indices
    assert (varied.index, varied.attempt, varied.seed) == (scene.index, scene.attempt, scene.seed)
    for before, after in zip(scene.objects, varied.objects, strict=True):
        assert after.world_from_object is before.world_from_object
        assert replace(after, materials=before.materials).__dict__ == before.__dict__
        for old, new in zip(before.materials, after.materials, strict=True):
            assert (new.texture, new.uv_scale, new.metallic) == (old.texture, old.uv_scale, old.metallic)
            assert 0.03 <= new.roughness <= 1 and all(0 <= value <= 1 for value in new.base_color)
    (lamp,) = varied.lights
    assert lamp.position_m is LAMP.position_m and lamp.direction is LAMP.direction and lamp.size_m == LAMP.size_m
    assert all(value > 0 for value in lamp.radiance)
    assert varied.environment.intensity > 0 and 0 <= varied.environment.rotation_rad < 2 * np.pi
    assert varied.environment.key.startswith("procedural:office:")


def test_same_stream_same_variation() -> None:
    one, two, other = variation(1), variation(1), variation(2)
    assert one.objects[0].materials == two.objects[0].materials and one.environment == two.environment
    assert one.lights[0].radiance == two.lights[0].radiance
    assert one.objects[0].materials != other.objects[0].materials and one.environment != other.environment
    assert one.lights[0].radiance != other.lights[0].radiance


def test_parts_of_one_material_stay_of_one_material() -> None:
    bolt, cup = variation(3).objects
    assert bolt.materials[0] == bolt.materials[2] != bolt.materials[1] == cup.materials[0]


@pytest.mark.parametrize(
    ("intent", "key", "environments", "expected"),
    [
        ("another room of the same kind", "procedural:lab:2", (), {f"procedural:lab:{k}" for k in range(8)}),
        ("one of those allowed", "procedural:lab:2", ("file:a", "procedural:lab:2"), {"file:a", "procedural:lab:2"}),
        ("a lone file is only turned", "file:a", (), {"file:a"}),
        ("another file", "file:a", ("file:a", "file:b", "file:c"), {"file:a", "file:b", "file:c"}),
    ],
)
def test_environments(intent: str, key: str, environments: tuple[str, ...], expected: set[str]) -> None:
    found = [variation(k, scene_to_vary(key), environments=environments).environment for k in range(200)]
    assert {light.key for light in found} == expected, intent
    kept = [light for light in found if light.key == key]
    assert len({light.rotation_rad for light in found}) == 200
    assert len(kept) == 200 if len(expected) == 1 else 60 < len(kept) < 140


def test_size_of_the_changes() -> None:
    """In the middle nothing is shifted; the spread is what the constants say."""
    many = [variation(k) for k in range(400)]
    roughness = np.array([scene.objects[0].materials[0].roughness for scene in many])
    stops = np.log2([scene.lights[0].radiance @ LUMINANCE for scene in many]) - np.log2(
        np.array(LAMP.radiance) @ LUMINANCE
    )
    warmth = np.log2([scene.lights[0].radiance[0] / scene.lights[0].radiance[2] / 3.0 for scene in many])
    room = np.log2([scene.environment.intensity / 0.8 for scene in many])
    for values, middle, sd in ((roughness, 0.3, 0.08), (stops, 0.0, 0.4), (warmth, 0.0, 0.25), (room, 0.0, 0.35)):
        assert np.mean(values) == pytest.approx(middle, abs=0.25 * sd)
        assert np.std(values) == pytest.approx(sd, rel=0.15)


def test_labels_do_not_know_of_it() -> None:
    """The geometric channels of the G-buffer are the same bytes."""
    store = ShelfStore([model_of("ball", mesh_of(trimesh.creation.icosphere(2, 0.1)))])
    scene = scene_to_vary("procedural:test:0")
    plain = replace(scene, objects=tuple(replace(t, materials=(GLAZE,)) for t in scene.objects))
    (before,), (after,) = render_views(plain, store), render_views(variation(5, plain), store)
    for name in ("instance", "category", "depth_m", "normal", "amodal", "metallic"):
        assert getattr(before.gbuffers, name).tobytes() == getattr(after.gbuffers, name).tobytes(), name
    assert before.gbuffers.roughness.tobytes() != after.gbuffers.roughness.tobytes()
