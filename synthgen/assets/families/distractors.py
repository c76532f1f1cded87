"""Unlabelled clutter: block, dowel, cone, pebble, L profile; notebook, marker pen, telephone, shallow tray."""

from __future__ import annotations

import numpy as np
from manifold3d import Manifold

from synthgen.assets.families import forms, mapping, parts, symmetry
from synthgen.assets.families.shape import Shape, finish
from synthgen.assets.families.solid import cut, join, paint, union
from synthgen.types.arrays import F64
from synthgen.types.assets import Material, MaterialSlot

BLOB_WAVES = 7

# Ranges of what scenes throw in beside their objects, by family: metres, or a ratio for lumpiness.
RANGES: dict[str, dict[str, tuple[float, float]]] = {
    "block": {"size_x": (0.03, 0.09), "size_y": (0.03, 0.07), "size_z": (0.02, 0.06)},
    "cylinder": {"diameter": (0.02, 0.06), "height": (0.03, 0.10)},
    "cone": {"diameter": (0.035, 0.07), "height": (0.05, 0.11)},
    "blob": {"size": (0.04, 0.09), "lumpiness": (0.05, 0.28), "seed": (0.0, 1e6)},
    "l_profile": {"length": (0.06, 0.14), "leg": (0.02, 0.04), "thickness": (0.002, 0.004)},
    "notebook": {"length": (0.13, 0.21), "width": (0.09, 0.15), "thickness": (0.007, 0.016)},
    "marker": {"length": (0.115, 0.145), "diameter": (0.011, 0.019)},
    "telephone": {"length": (0.138, 0.165), "width": (0.067, 0.078), "thickness": (0.0075, 0.010)},
    "tray": {"length": (0.16, 0.24), "width": (0.10, 0.16), "height": (0.018, 0.034)},
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
    slots = [MaterialSlot("body", "wood")]
    return finish(solid, slots=slots, parts=[parts.bevelled_box(low, high, edge)], symmetries=symmetries)


def cylinder(*, diameter: float, height: float) -> Shape:
    """A cylinder with broken edges."""
    radius, half = 0.5 * diameter, 0.5 * height
    edge = 0.04 * min(diameter, height)
    body = forms.turned([(0, -half, 0), (radius, -half, edge), (radius, half, edge), (0, half, 0)])
    hull = parts.round_solid(
        [(radius - edge, -half), (radius, edge - half), (radius, half - edge), (radius - edge, half)]
    )
    slots = [MaterialSlot("body", "wood")]
    symmetries = symmetry.continuous(flip=True)
    return finish(paint(body, 0, mapping.cylinder()), slots=slots, parts=[hull], symmetries=symmetries)


def cone(*, diameter: float, height: float) -> Shape:
    """A blunt cone."""
    radius, tip = 0.5 * diameter, 0.06 * diameter
    body = forms.turned([(0, 0, 0), (radius, 0, 0.5 * tip), (tip, height, 0.8 * tip), (0, height, 0)])
    hull = parts.round_solid([(radius - 0.3 * tip, 0.0), (radius - 0.06 * tip, 0.3 * tip), (0.5 * tip, height)])
    slots = [MaterialSlot("body", "cap_plastic")]
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
    return finish(solid, slots=[MaterialSlot("body", "clay")], parts=[np.array(hull)])


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


def notebook(*, length: float, width: float, thickness: float) -> Shape:
    """A bound notebook: covers and spine round a block of pages that stands back on three sides."""
    x, y, z = 0.5 * length, 0.5 * width, 0.5 * thickness
    cover, inset = min(0.0014, 0.2 * thickness), 0.003
    body = forms.rounded_block((-x, -y, -z), (x, y, z), 0.8 * cover, segments=8)
    room = forms.block((-x - 0.01, -y + cover, -z + cover), (x + 0.01, y + 0.01, z - cover))
    pages = forms.block((-x + inset, -y + 0.5 * cover, -z + 0.5 * cover), (x - inset, y - inset, z - 0.5 * cover))
    solid = union(cut(paint(body, 0, mapping.planar), paint(room, 0, mapping.planar)), paint(pages, 1, mapping.planar))
    slots = [MaterialSlot("cover", "book_cover"), MaterialSlot("pages", "paper")]
    return finish(solid, slots=slots, parts=[parts.bevelled_box((-x, -y, -z), (x, y, z), 0.8 * cover)])


def marker(*, length: float, diameter: float) -> Shape:
    """A felt pen with its cap on, along x."""
    radius, split = 0.5 * diameter, 0.12 * length
    barrel = forms.turned(
        [(0, -0.5 * length, 0), (0.9 * radius, -0.5 * length, 0.15 * radius), (0.94 * radius, split, 0), (0, split, 0)],
        segments=32,
    )
    cap = forms.turned(
        [(0, split - 0.001, 0), (radius, split - 0.001, 0.0004), (0.96 * radius, 0.45 * length, 0.1 * radius),
         (0.6 * radius, 0.5 * length, 0.2 * radius), (0, 0.5 * length, 0)], segments=32,
    )  # fmt: skip
    turn = (0, 90, 0)
    solid = union(
        paint(barrel.rotate(turn), 0, mapping.cylinder(0)), paint(cap.rotate(turn), 1, mapping.cylinder(0))
    )  # fmt: skip
    rings = [(0.8 * radius, -0.5 * length), (0.9 * radius, -0.48 * length), (radius, split),
             (0.96 * radius, 0.45 * length), (0.6 * radius, 0.5 * length)]  # fmt: skip
    hull = parts.round_solid(rings, count=16)[:, [2, 1, 0]]
    slots = [MaterialSlot("barrel", "bottle_plastic"), MaterialSlot("cap", "cap_plastic")]
    return finish(solid, slots=slots, parts=[hull])


def telephone(*, length: float, width: float, thickness: float) -> Shape:
    """A mobile telephone that is off: metal frame, black glass above, a camera bump below."""
    x, y, z = 0.5 * length, 0.5 * width, 0.5 * thickness
    corner = 0.14 * width
    outline = forms.rectangle(x, y, corner)
    frame = forms.extruded([outline], -z, z)
    glass = forms.extruded([forms.rectangle(x - 0.0016, y - 0.0016, corner - 0.0016)], z - 0.0008, z + 0.0003)
    bump = forms.extruded([forms.rectangle(0.13 * length, 0.2 * width, 0.006) + np.array([0.33 * length, 0.2 * width])],
                          -z - 0.0015, -z + 0.001)  # fmt: skip
    solid = union(
        paint(frame, 0, mapping.planar), paint(glass, 1, mapping.planar), paint(bump, 1, mapping.planar)
    )  # fmt: skip
    slots = [MaterialSlot("frame", "aluminium"),
             MaterialSlot("glass", "fixed", Material(base_color=(0.012, 0.012, 0.014), roughness=0.09))]  # fmt: skip
    raised = forms.rectangle(0.13 * length, 0.2 * width, 0.006) + np.array([0.33 * length, 0.2 * width])
    hulls = [parts.prism(outline, -z, z + 0.0003), parts.prism(raised, -z - 0.0015, -z)]
    return finish(solid, slots=slots, parts=hulls)


def tray(*, length: float, width: float, height: float) -> Shape:
    """A shallow workshop or cafeteria tray with a rounded rim, open at the top."""
    wall = 0.0025
    shell, hollow = _pan(length, width, 0.0, height, 0.0), _pan(length, width, wall, height + 0.01, wall)
    rim = forms.rectangle(0.5 * length + 0.006, 0.5 * width + 0.006, 0.024)
    lip = forms.extruded([rim], height - 0.0025, height)
    solid = cut(paint(join(shell, lip), 0, mapping.planar), paint(hollow, 0, mapping.planar))
    x, y, lean = 0.5 * length, 0.5 * width, 0.25 * height
    hulls: list[F64] = [parts.prism(forms.rectangle(x - lean, y - lean, 0.015), 0.0, wall)]
    for axis, (main, other) in enumerate(((x, y), (y, x))):
        for sign in (-1.0, 1.0):
            corners = [(main - lean, 0.0), (main - lean - wall, wall), (main + 0.006, height),
                       (main + 0.006, height - 0.0025), (main - wall, height)]  # fmt: skip
            flat = [
                (sign * m, end * (other - 0.018 - lean * (1 - z / height)), z)
                for m, z in corners
                for end in (-1.0, 1.0)
            ]
            hulls.append(np.array([(m, o, z) if axis == 0 else (o, m, z) for m, o, z in flat]))
    hulls += _tray_corners(rim, forms.rectangle(x - lean, y - lean, 0.018), height)
    return finish(solid, slots=[MaterialSlot("body", "tray")], parts=hulls)


def _tray_corners(rim: F64, foot: F64, height: float) -> list[F64]:
    """One hull per rounded corner: the rim's arc at both its heights and the arc of the foot."""
    hulls = []
    for sign in ((1, 1), (-1, 1), (-1, -1), (1, -1)):
        arcs = []
        for outline, radius, z in ((rim, 0.024, height), (rim, 0.024, height - 0.0025), (foot, 0.018, 0.0)):
            inner = np.abs(outline).max(axis=0) - radius - 1e-9
            arc = outline[(outline * sign >= inner).all(axis=1)]
            arcs.append(np.c_[arc, np.full(len(arc), z)])
        hulls.append(np.concatenate(arcs))
    return hulls


def _pan(length: float, width: float, low: float, high: float, inset: float) -> Manifold:
    """The tray's volume between two heights; its walls lean outwards by a quarter of their height."""
    rings = []
    for z in (low, high):
        lean = inset + (0.25 * (high - low) if z == low else 0.0)
        outline = forms.rectangle(0.5 * length - lean, 0.5 * width - lean, 0.018)
        rings.append(np.c_[outline, np.full(len(outline), z)])
    return forms.lofted(np.stack(rings))
