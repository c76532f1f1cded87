"""Unlabelled filler: block, cylinder, cone, blob, L profile."""

from __future__ import annotations

import numpy as np
from manifold3d import Manifold

from synthgen.assets.families import forms, mapping, parts, symmetry
from synthgen.assets.families.shape import Shape, finish
from synthgen.assets.families.solid import paint
from synthgen.types.assets import MaterialSlot

BLOB_WAVES = 7

# Ranges of what scenes throw in beside their objects, by family: metres, or a ratio for lumpiness.
RANGES: dict[str, dict[str, tuple[float, float]]] = {
    "block": {"size_x": (0.03, 0.09), "size_y": (0.03, 0.07), "size_z": (0.02, 0.06)},
    "cylinder": {"diameter": (0.02, 0.06), "height": (0.03, 0.10)},
    "cone": {"diameter": (0.035, 0.07), "height": (0.05, 0.11)},
    "blob": {"size": (0.04, 0.09), "lumpiness": (0.05, 0.28), "seed": (0.0, 1e6)},
    "l_profile": {"length": (0.06, 0.14), "leg": (0.02, 0.04), "thickness": (0.002, 0.004)},
}


def distractor_parameters(family: str, *, rng: np.random.Generator) -> dict[str, float]:
    """Draws the parameters of a distractor family (a key of ``RANGES``); seeds come out whole."""
    drawn = {name: float(rng.uniform(low, high)) for name, (low, high) in RANGES[family].items()}
    return {name: float(round(value)) if name == "seed" else value for name, value in drawn.items()}


def block(*, size_x: float, size_y: float, size_z: float) -> Shape:
    """A block with rounded edges."""
    high = (0.5 * size_x, 0.5 * size_y, 0.5 * size_z)
    low = tuple(-value for value in high)
    edge = 0.05 * min(size_x, size_y, size_z)
    solid = paint(forms.rounded_block(low, high, edge), 0, mapping.planar)
    symmetries = symmetry.block(size_x, size_y, size_z)
    slots = [MaterialSlot("body", "painted_metal")]
    return finish(solid, slots=slots, parts=[parts.bevelled_box(low, high, edge)], symmetries=symmetries)


def cylinder(*, diameter: float, height: float) -> Shape:
    """A cylinder with broken edges."""
    radius, half = 0.5 * diameter, 0.5 * height
    edge = 0.04 * min(diameter, height)
    body = forms.turned([(0, -half, 0), (radius, -half, edge), (radius, half, edge), (0, half, 0)])
    hull = parts.round_solid(
        [(radius - edge, -half), (radius, edge - half), (radius, half - edge), (radius - edge, half)]
    )
    slots = [MaterialSlot("body", "plastic_matte")]
    symmetries = symmetry.continuous(flip=True)
    return finish(paint(body, 0, mapping.cylinder()), slots=slots, parts=[hull], symmetries=symmetries)


def cone(*, diameter: float, height: float) -> Shape:
    """A blunt cone."""
    radius, tip = 0.5 * diameter, 0.06 * diameter
    body = forms.turned([(0, 0, 0), (radius, 0, 0.5 * tip), (tip, height, 0.8 * tip), (0, height, 0)])
    hull = parts.round_solid([(radius - 0.3 * tip, 0.0), (radius - 0.06 * tip, 0.3 * tip), (0.5 * tip, height)])
    slots = [MaterialSlot("body", "plastic_matte")]
    return finish(paint(body, 0, mapping.cylinder()), slots=slots, parts=[hull], symmetries=symmetry.continuous())


def blob(*, size: float, lumpiness: float, seed: float) -> Shape:
    """A smooth lumpy solid about ``size`` across: a ball whose radius waves by ``lumpiness`` (0..0.3)."""
    rng = np.random.default_rng(round(seed))
    axes = rng.normal(size=(BLOB_WAVES, 3))
    axes /= np.linalg.norm(axes, axis=1, keepdims=True)
    rates, phases = rng.uniform(1.5, 4.0, BLOB_WAVES), rng.uniform(0, 2 * np.pi, BLOB_WAVES)
    squash = rng.uniform(0.65, 1.0, 3)

    def lumpy(points: np.ndarray) -> np.ndarray:
        wave = np.sin(points @ axes.T * rates + phases).mean(axis=1, keepdims=True)
        return points * (1 + 2.2 * lumpiness * wave) * squash * 0.5 * size

    body = Manifold.sphere(1.0, 72).warp_batch(lumpy)
    hull = Manifold.sphere(1.0, 28).warp_batch(lumpy).to_mesh64().vert_properties[:, :3]
    solid = paint(body, 0, mapping.planar)
    return finish(solid, slots=[MaterialSlot("body", "plastic_matte")], parts=[np.array(hull)])


def l_profile(*, length: float, leg: float, thickness: float) -> Shape:
    """An angle bar along x with two equal legs."""
    section = forms.outline([(0, 0, 0), (leg, 0, 0.3 * thickness), (leg, thickness, 0.3 * thickness),
                             (thickness, thickness, 0.8 * thickness), (thickness, leg, 0.3 * thickness),
                             (0, leg, 0.3 * thickness)])  # fmt: skip
    body = forms.extruded([section], -0.5 * length, 0.5 * length).rotate((90, 0, 0)).rotate((0, 0, 90))
    hulls = [
        parts.box((-0.5 * length, 0, 0), (0.5 * length, leg, thickness)),
        parts.box((-0.5 * length, 0, thickness), (0.5 * length, thickness, leg)),
    ]
    return finish(paint(body, 0, mapping.planar), slots=[MaterialSlot("body", "zinc")], parts=hulls)
