"""Hand tools lying flat: screwdriver, combination wrench, claw hammer."""

from __future__ import annotations

import math

import numpy as np
from manifold3d import CrossSection, Manifold

from synthgen.assets.families import forms, mapping, parts, symmetry
from synthgen.assets.families.shape import Shape, finish
from synthgen.assets.families.solid import cut, join, paint, union
from synthgen.types.arrays import F64
from synthgen.types.assets import MaterialSlot


def screwdriver(*, handle_m: float, shaft_m: float, grip_diameter_m: float) -> Shape:
    """A slotted screwdriver along x, tip at +x; the fluted handle ends in a domed butt."""
    radius, shaft_r = 0.5 * grip_diameter_m, max(0.11 * grip_diameter_m, 0.0022)
    rings = _fluted_handle(radius, handle_m)
    collar = _along_x(forms.turned(
        [(0, -0.004, 0), (0.42 * radius, -0.004, 0), (0.42 * radius, 0.003, 0.0015), (0, 0.003, 0)], segments=32,
    ))  # fmt: skip
    tip = 0.16 * shaft_m
    shaft = _along_x(forms.disc(shaft_r, -0.02, shaft_m - tip, segments=32))
    blade = _blade(shaft_r, shaft_m - tip, shaft_m)
    solid = union(
        paint(forms.lofted(rings), 0, mapping.cylinder(0)),
        paint(collar, 1, mapping.cylinder(0)),
        paint(join(shaft, forms.lofted(blade)), 1, mapping.cylinder(0)),
    )
    hulls = [
        *parts.segments(rings, 4),
        np.concatenate([_ring_x(0.42 * radius, -0.004, 16), _ring_x(0.42 * radius, 0.003, 16)]),
        np.concatenate([_ring_x(shaft_r, 0.0, 16), _ring_x(shaft_r, shaft_m - tip, 16)]),
        *parts.segments(blade, 2),
    ]
    slots = [MaterialSlot("handle", "tool_grip"), MaterialSlot("shaft", "polished_steel")]
    half_turn = symmetry.discrete(symmetry.turns(2, symmetry.X))
    return finish(solid, slots=slots, parts=hulls, symmetries=half_turn)


def _fluted_handle(radius: float, length: float, *, flutes: int = 6, count: int = 72) -> F64:
    """(K, M, 3) rings from the butt to the ferrule at x = 0."""
    t = np.array([0.0, 0.006, 0.022, 0.05, 0.09, 0.14, 0.2, 0.3, 0.45, 0.6, 0.68, 0.74, 0.8, 0.86, 0.92, 0.97, 1.0])
    r = np.array([0.3, 0.52, 0.76, 0.91, 0.98, 1.0, 1.0, 0.98, 0.97, 0.96, 0.9, 0.78, 0.66, 0.61, 0.63, 0.62, 0.54])
    depth = np.interp(t, [0.08, 0.2, 0.6, 0.74], [0.0, 0.13, 0.13, 0.0])
    angle = np.linspace(0.0, 2 * np.pi, count, endpoint=False)
    groove = np.maximum(np.cos(flutes * angle), 0.0) ** 0.8
    rho = radius * r[:, None] * (1 - depth[:, None] * groove[None, :])
    x = np.broadcast_to((t[:, None] - 1.0) * length, rho.shape)
    return np.stack([x, rho * np.cos(angle), rho * np.sin(angle)], axis=-1)


def _blade(radius: float, start: float, end: float, *, count: int = 24) -> F64:
    """(K, M, 3) rings: round shaft flattening into a blade that flares and ends square."""
    t = np.array([0.0, 0.25, 0.5, 0.75, 1.0])
    width = radius * np.array([1.0, 1.08, 1.2, 1.28, 1.22])
    thick = radius * np.array([1.0, 0.72, 0.46, 0.28, 0.18])
    power = np.array([1.0, 0.8, 0.5, 0.35, 0.3])
    rings = [
        np.c_[np.full(count, start + share * (end - start)), forms.ellipse(w, h, count, power=p)]
        for share, w, h, p in zip(t, width, thick, power, strict=True)
    ]
    rings.insert(0, rings[0] - np.array([0.002, 0.0, 0.0]))
    return np.array(rings)


def wrench(*, size_m: float, length_ratio: float, offset_deg: float) -> Shape:
    """A combination wrench along x: open jaw at +x turned by ``offset_deg``, twelve-point ring at -x.

    ``size_m`` = width across flats, ``length_ratio`` = distance between the two centres / size.
    """
    half = 0.5 * length_ratio * size_m
    jaw_r, ring_r = 1.12 * size_m, 0.82 * size_m
    thick, ring_thick, shank = 0.21 * size_m + 0.0015, 0.27 * size_m + 0.002, 0.13 * size_m + 0.0011
    jaw, ring = _lens(jaw_r, thick).translate((half, 0, 0)), _lens(ring_r, ring_thick).translate((-half, 0, 0))
    rings = _shank(-half, half, 0.40 * size_m, shank)
    body = join(jaw, ring, forms.lofted(rings))
    slot = forms.outline(
        [(0.42 * size_m, 0.5 * size_m, 0), (2 * jaw_r, 0.5 * size_m, 0), (2 * jaw_r, -0.5 * size_m, 0),
         (0.42 * size_m - 0.9 * size_m, -0.5 * size_m, 0.42 * size_m),
         (0.42 * size_m - 0.9 * size_m, 0.5 * size_m, 0.42 * size_m)][::-1]
    )  # fmt: skip
    mouth = forms.extruded([slot], -thick, thick).rotate((0, 0, offset_deg)).translate((half, 0, 0))
    star = CrossSection([forms.polygon(6, size_m)]) + CrossSection([forms.polygon(6, size_m, turn_rad=math.pi / 6)])
    bore = star.extrude(4 * ring_thick).translate((-half, 0, -2 * ring_thick))
    recess = _recess(-0.45 * half, 0.42 * half, 0.22 * size_m, shank)
    solid = cut(
        paint(body, 0, mapping.planar), paint(mouth, 0, mapping.planar), paint(bore, 0, mapping.planar),
        paint(recess, 1, mapping.planar),
    )  # fmt: skip
    edge = 0.5 * ring_thick
    ring_hulls = parts.wedges([(0.5 * size_m, -edge), (0.9 * ring_r, -edge), (ring_r, -0.5 * edge),
                               (ring_r, 0.5 * edge), (0.9 * ring_r, edge), (0.5 * size_m, edge)], 10)  # fmt: skip
    hulls = [ring + np.array([-half, 0.0, 0.0]) for ring in ring_hulls]
    hulls += [*parts.segments(rings[1:-1], 2), *_jaw_parts(half, size_m, jaw_r, thick, math.radians(offset_deg))]
    slots = [MaterialSlot("body", "polished_steel"), MaterialSlot("recess", "brushed_steel")]
    return finish(solid, slots=slots, parts=hulls)


def _lens(radius: float, thickness: float) -> Manifold:
    """A disc with rounded rim about z."""
    half = 0.5 * thickness
    return forms.turned(
        [(0, -half, 0), (0.9 * radius, -half, 0.25 * radius), (radius, -0.55 * half, 0.35 * half),
         (radius, 0.55 * half, 0.35 * half), (0.9 * radius, half, 0.25 * radius), (0, half, 0)]
    )  # fmt: skip


def _shank(start: float, end: float, half_width: float, half_thickness: float) -> F64:
    t = np.linspace(0.0, 1.0, 9)
    width = half_width * np.array([1.25, 1.1, 0.95, 0.9, 0.9, 0.93, 1.0, 1.15, 1.4])
    section = np.stack([forms.ellipse(float(w), half_thickness, 24, power=0.55) for w in width])
    path = np.stack([start + t * (end - start), np.zeros(9), np.zeros(9)], axis=1)
    return forms.sweep_rings(path, section)


def _recess(start: float, end: float, half_width: float, half_thickness: float) -> Manifold:
    """Stamped panels on both sides of the shank."""
    middle, half_length = 0.5 * (start + end), 0.5 * (end - start)
    panel = forms.rectangle(half_length, half_width, half_width) + np.array([middle, 0.0])
    deep = 0.72 * half_thickness
    return join(forms.extruded([panel], deep, 2 * half_thickness), forms.extruded([panel], -2 * half_thickness, -deep))


def _jaw_parts(half: float, size: float, radius: float, thickness: float, turn: float) -> list[F64]:
    """Two prongs and the back of the open jaw."""
    edge = math.asin(0.5 * size / radius)
    outlines = []
    for sign in (1.0, -1.0):
        angle = sign * np.linspace(edge, math.pi - 1.1, 7)
        arc = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
        outlines.append(np.concatenate([arc, [[-0.3 * size, sign * 0.5 * size]]]))
    angle = np.linspace(math.pi - 1.15, math.pi + 1.15, 7)
    back = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    outlines.append(np.concatenate([back, [[-0.45 * size, 0.3 * size], [-0.45 * size, -0.3 * size]]]))
    spin = np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
    return [
        np.concatenate([parts.prism(outline @ spin + np.array([half, 0.0]), -0.28 * thickness, 0.28 * thickness),
                        parts.prism(0.9 * outline @ spin + np.array([half, 0.0]), -0.5 * thickness, 0.5 * thickness)])
        for outline in outlines
    ]  # fmt: skip


def hammer(*, length_m: float, head_m: float) -> Shape:
    """A claw hammer lying on its side: handle along x, head along y with the face at +y and the claw at -y."""
    face_r = 0.118 * head_m
    reach = 0.42 * head_m
    poll = forms.turned(
        [(0, 0.1 * head_m, 0), (0.8 * face_r, 0.1 * head_m, 0), (0.78 * face_r, 0.7 * reach, 0.004),
         (face_r, 0.78 * reach, 0.003), (face_r, reach, 0.002), (0, reach, 0)], segments=40,
    ).rotate((-90, 0, 0))  # fmt: skip
    cheek_box = (-1.15 * face_r, -0.14 * head_m, -face_r), (1.15 * face_r, 0.15 * head_m, face_r)
    cheek = forms.rounded_block(*cheek_box, 0.3 * face_r)
    claw = _claw(head_m, face_r)
    notch = forms.extruded([np.array([(-0.1 * face_r, -0.26 * head_m), (-0.1 * face_r, -0.30 * head_m),
                                      (-0.62 * face_r, -0.8 * head_m), (0.62 * face_r, -0.8 * head_m),
                                      (0.1 * face_r, -0.30 * head_m), (0.1 * face_r, -0.26 * head_m)])],
                           -head_m, head_m).rotate((0, 90, 0))  # fmt: skip
    grip = _hammer_handle(length_m, face_r)
    split = int(0.55 * len(grip))
    head = cut(paint(join(poll, cheek, forms.lofted(claw)), 0, mapping.planar), paint(notch, 0, mapping.planar))
    solid = union(
        head,
        paint(forms.lofted(grip[split:]), 1, mapping.cylinder(0)),
        paint(forms.lofted(_swollen(grip[: split + 1])), 2, mapping.cylinder(0)),
    )
    hulls = [
        np.concatenate([_ring_y(0.8 * face_r, 0.1 * head_m), _ring_y(0.77 * face_r, 0.72 * reach)]),
        np.concatenate([_ring_y(0.9 * face_r, 0.75 * reach), _ring_y(face_r, 0.8 * reach),
                        _ring_y(face_r, reach - 0.0015), _ring_y(face_r - 0.0015, reach)]),
        parts.bevelled_box(*cheek_box, 0.3 * face_r),
        *parts.segments(claw, 4), *parts.segments(grip, 6),
    ]  # fmt: skip
    slots = [MaterialSlot("head", "black_oxide"), MaterialSlot("handle", "wood"), MaterialSlot("grip", "rubber")]
    return finish(solid, slots=slots, parts=hulls)


def _claw(head_m: float, face_r: float) -> F64:
    """(K, M, 3) rings curving from the cheek towards the handle, wide across z and thin at the end."""
    t = np.linspace(0.0, 1.0, 13)
    y = -0.08 * head_m - 0.5 * head_m * np.sin(0.5 * np.pi * t)
    x = -0.30 * head_m * t**2.2 + 0.25 * face_r * (1 - t)
    width = face_r * np.interp(t, [0.0, 0.3, 1.0], [0.85, 1.0, 1.18])
    thick = face_r * np.interp(t, [0.0, 0.3, 0.9, 1.0], [0.95, 0.62, 0.2, 0.07])
    section = np.stack([forms.ellipse(float(h), float(w), 24, power=0.6) for w, h in zip(width, thick, strict=True)])
    path = np.stack([x, y, np.zeros_like(x)], axis=1)
    return forms.sweep_rings(path, section)


def _hammer_handle(length: float, face_r: float) -> F64:
    """(K, M, 3) rings of the oval handle from its butt to the top of the head."""
    t = np.array([0.0, 0.01, 0.03, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.75, 0.9, 1.0])
    tall = face_r * np.array([0.85, 1.05, 1.15, 1.12, 1.0, 1.04, 1.08, 0.98, 0.82, 0.74, 0.8, 0.8])
    x = -length + 1.3 * face_r + t * length
    section = [np.c_[np.full(28, px), forms.ellipse(float(h), 0.78 * float(h), 28, power=0.85)]
               for px, h in zip(x, tall, strict=True)]  # fmt: skip
    return np.array(section)


def _swollen(rings: F64) -> F64:
    """The same rings 0.8 mm fatter, so that the grip shows a lip."""
    centre = rings.mean(axis=1, keepdims=True)
    away = rings - centre
    length = np.linalg.norm(away, axis=2, keepdims=True)
    fat: F64 = centre + away * (1 + 0.0008 / length)
    return fat


def _along_x(body: Manifold) -> Manifold:
    return body.rotate((0, 90, 0))


def _ring_x(radius: float, x: float, count: int) -> F64:
    circle = forms.circle(radius, count=count)
    return np.c_[np.full(count, x), circle]


def _ring_y(radius: float, y: float, count: int = 16) -> F64:
    circle = forms.circle(radius, count=count)
    return np.c_[circle[:, 0], np.full(count, y), circle[:, 1]]
