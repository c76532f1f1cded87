"""Hidden factors: the same scene under other light and finishes, which its G-buffer does not show.

One G-buffer then has several true pictures, and a generator that learns from all of them learns that there is variety,
not the mean. Nothing moves: geometry, textures and cameras are shared with the scene given, and so are all its labels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from synthgen.assets.environments import SEEDS_PER_KIND
from synthgen.types.assets import Material
from synthgen.types.scene import AreaLight, EnvironmentLight, Scene, SceneObject

TURN_DEG = 25.0  # of the environment, standard deviation: shadows move, but light still comes from about there
SWAPPED = 0.5  # share of variations under another environment
ENVIRONMENT_EV = 0.35  # standard deviations, in stops
LAMP_EV = 0.4
WARMTH_EV = 0.25  # of red over blue
ROUGHNESS_SD = 0.08
ROUGHNESS = (0.03, 1.0)
TINT_EV = 0.08  # of each channel of a base colour
LUMINANCE = np.array([0.2126, 0.7152, 0.0722])  # Rec. 709


def vary(scene: Scene, *, environments: Sequence[str] = (), rng: np.random.Generator) -> Scene:
    """The same scene under other light and with other finishes.

    Args:
        scene: left as it is; poses, meshes, textures and cameras of the result are its own objects.
        environments: keys to choose another environment from; where empty, another procedural one of the same kind
            (and only a turn for one from a file).
        rng: source of randomness.
    """
    finishes: dict[Material, Material] = {}
    return replace(
        scene,
        objects=tuple(_finished(thing, finishes, rng=rng) for thing in scene.objects),
        environment=_environment(scene.environment, environments, rng=rng),
        lights=tuple(_lamp(light, rng=rng) for light in scene.lights),
    )


def _finished(thing: SceneObject, finishes: dict[Material, Material], *, rng: np.random.Generator) -> SceneObject:
    """Equal materials stay equal: bolt and thread are one piece of metal, all slots of a tote one plastic."""
    for material in thing.materials:
        if material not in finishes:
            finishes[material] = _finish(material, rng=rng)
    return replace(thing, materials=tuple(finishes[material] for material in thing.materials))


def _finish(material: Material, *, rng: np.random.Generator) -> Material:
    roughness = float(np.clip(material.roughness + rng.normal(0.0, ROUGHNESS_SD), *ROUGHNESS))
    factor = np.exp2(rng.normal(0.0, TINT_EV, 3))
    red, green, blue = (float(value) for value in np.clip(np.array(material.base_color) * factor, 0.0, 1.0))
    return replace(material, roughness=roughness, base_color=(red, green, blue))


def _environment(light: EnvironmentLight, environments: Sequence[str], *, rng: np.random.Generator) -> EnvironmentLight:
    swapped, place = rng.random() < SWAPPED, rng.random()
    turn, stops = math.radians(rng.normal(0.0, TURN_DEG)), rng.normal(0.0, ENVIRONMENT_EV)
    others = [key for key in environments or _same_kind(light.key) if key != light.key]
    key = others[int(place * len(others))] if swapped and others else light.key
    return EnvironmentLight(key, (light.rotation_rad + turn) % math.tau, light.intensity * 2.0 ** float(stops))


def _same_kind(key: str) -> list[str]:
    source, _, rest = key.partition(":")
    if source != "procedural":
        return []
    kind = rest.rpartition(":")[0]
    return [f"procedural:{kind}:{seed}" for seed in range(SEEDS_PER_KIND)]


def _lamp(light: AreaLight, *, rng: np.random.Generator) -> AreaLight:
    """Brighter or darker, warmer or cooler at the same luminance."""
    warmth, stops = float(rng.normal(0.0, WARMTH_EV)), float(rng.normal(0.0, LAMP_EV))
    before = np.array(light.radiance)
    after = before * np.exp2([0.5 * warmth, 0.0, -0.5 * warmth])
    after *= 2.0**stops * float(LUMINANCE @ before) / max(float(LUMINANCE @ after), 1e-9)
    return replace(light, radiance=(float(after[0]), float(after[1]), float(after[2])))
