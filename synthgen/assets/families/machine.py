"""Machine parts: bracket, spur gear, pipe elbow, flange, T-slot profile."""

from __future__ import annotations

import math

import numpy as np
from manifold3d import CrossSection

from synthgen.assets.families import forms, mapping, parts, symmetry
from synthgen.assets.families.shape import Shape, finish
from synthgen.assets.families.solid import cut, join, paint
from synthgen.types.arrays import F64
from synthgen.types.assets import MaterialSlot


def bracket(*, leg_m: float, rise_m: float, width_m: float, thickness_m: float, holes: float) -> Shape:
    """An L bracket: ``leg_m`` along x on the ground, ``rise_m`` up along z, ``holes`` per leg."""
    t, half, count = thickness_m, 0.5 * width_m, max(1, round(holes))
    profile = forms.outline(
        [(0, 0, 1.5 * t), (leg_m, 0, 0.15 * t), (leg_m, t, 0.15 * t), (t, t, t), (t, rise_m, 0.15 * t),
         (0, rise_m, 0.15 * t)]
    )  # fmt: skip
    plate = forms.extruded([profile], -half, half).rotate((90, 0, 0))
    corner_r = min(0.3 * width_m, 0.4 * (min(leg_m, rise_m) - 2 * t))
    footprint = forms.outline([(-t, -half, 0), (leg_m, -half, corner_r), (leg_m, half, corner_r), (-t, half, 0)])
    face = forms.outline([(-half, -t, 0), (half, -t, 0), (half, rise_m, corner_r), (-half, rise_m, corner_r)])
    plate = plate ^ forms.extruded([footprint], -t, 2 * rise_m)
    plate = plate ^ forms.extruded([face], -2 * leg_m, 2 * leg_m).rotate((90, 0, 0)).rotate((0, 0, 90))
    radius = min(0.17 * width_m, 0.3 * (min(leg_m, rise_m) - 2.5 * t) / count)
    drill = forms.disc(radius, -5 * t, 5 * t, segments=36)
    tools = []
    for index in range(count):
        share = (index + 0.5) / count
        tools.append(drill.translate((2.2 * t + share * (leg_m - 2.2 * t), 0, 0)))
        tools.append(drill.rotate((0, 90, 0)).translate((0, 0, 2.2 * t + share * (rise_m - 2.2 * t))))
    solid = cut(paint(plate, 0, mapping.planar), paint(join(*tools), 0, mapping.planar))
    hulls = _plate_parts(leg_m, rise_m, half, t, corner_r)
    # Equal legs would add a half turn about the diagonal.
    equal = abs(leg_m - rise_m) < 1e-4
    diagonal = np.array([math.sqrt(0.5), 0.0, math.sqrt(0.5)])
    symmetries = symmetry.discrete([symmetry.rotation(diagonal, math.pi)]) if equal else None
    return finish(solid, slots=[MaterialSlot("body", "zinc")], parts=hulls, symmetries=symmetries)


def _plate_parts(leg: float, rise: float, half: float, t: float, corner_r: float) -> list[F64]:
    """One rounded plate per leg and the bend; holes are closed (nothing of that size falls through)."""
    bend = 1.5 * t  # the outside of the bend is round: both legs end short of the corner and meet in a third part
    flat = forms.outline([(bend, -half, 0), (leg, -half, corner_r), (leg, half, corner_r), (bend, half, 0)])
    wall = forms.outline([(-half, bend, 0), (half, bend, 0), (half, rise, corner_r), (-half, rise, corner_r)])
    upright = np.concatenate([np.c_[np.full(len(wall), x), wall] for x in (0.0, t)])
    corner = np.array([(bend, 0.0), (0.44 * t, 0.44 * t), (0.0, bend), (t, bend), (bend, t)])
    elbow = np.concatenate([np.c_[corner[:, 0], np.full(5, y), corner[:, 1]] for y in (-half, half)])
    return [parts.prism(flat, 0.0, t), upright, elbow]


def gear(*, teeth: float, module_m: float, width_m: float, bore_ratio: float) -> Shape:
    """A spur gear with involute teeth (20 degrees), hub and keyed bore; ``bore_ratio`` = bore / root diameter."""
    count = round(teeth)
    pitch_r = 0.5 * module_m * count
    root_r, tip_r = pitch_r - 1.25 * module_m, pitch_r + module_m
    bore_r = bore_ratio * root_r
    hub_r = min(bore_r + max(0.22 * root_r, 0.0015), 0.8 * root_r)
    half = 0.5 * width_m
    rim_r = root_r - max(0.12 * root_r, 0.6 * module_m)
    disc = forms.extruded([_involute(count, module_m)], -half, half)
    envelope = forms.turned(
        [(0, -half, 0), (tip_r - 0.3 * module_m, -half, 0), (tip_r + 0.0002, -half + 0.4 * module_m, 0),
         (tip_r + 0.0002, half - 0.4 * module_m, 0), (tip_r - 0.3 * module_m, half, 0), (0, half, 0)], segments=72,
    )  # fmt: skip
    body = disc ^ envelope
    keyway = forms.block((0, -0.22 * bore_r, -2 * width_m), (1.28 * bore_r, 0.22 * bore_r, 2 * width_m))
    hole = join(forms.disc(bore_r, -2 * width_m, 2 * width_m, segments=40), keyway)
    tools = [paint(hole, 0, mapping.cylinder())]
    if rim_r > 1.15 * hub_r:
        web = forms.extruded([forms.circle(rim_r), forms.circle(hub_r)[::-1]], 0.0, width_m)
        tools += [paint(web.translate((0, 0, 0.2 * width_m)), 0, mapping.planar),
                  paint(web.translate((0, 0, -1.2 * width_m)), 0, mapping.planar)]  # fmt: skip
    solid = cut(paint(body, 0, mapping.planar), *tools)
    hulls = parts.wedges([(bore_r, -half), (tip_r, -half), (tip_r, half), (bore_r, half)], 12)
    # The keyway leaves one half turn: over, about the keyway's own direction.
    half_turn = symmetry.discrete([symmetry.rotation(symmetry.X, math.pi)])
    return finish(solid, slots=[MaterialSlot("body", "brushed_steel")], parts=hulls, symmetries=half_turn)


def _involute(count: int, module_m: float, *, pressure_deg: float = 20.0) -> F64:
    """(n, 2) outline of an involute spur gear, a gap's middle on the +x axis (Litvin, Gear Geometry, ch. 10)."""
    pitch_r = 0.5 * module_m * count
    base_r = pitch_r * math.cos(math.radians(pressure_deg))
    root_r, tip_r = pitch_r - 1.25 * module_m, pitch_r + module_m
    half_tooth = 0.5 * math.pi / count * 0.97 + _inv(math.radians(pressure_deg))
    radii = np.linspace(max(base_r, root_r + 0.1 * module_m), tip_r, 6)
    flank = half_tooth - np.array([_inv(math.acos(min(1.0, base_r / r))) for r in radii])
    flank = np.maximum(flank, 0.1 * math.pi / count)
    radii = np.concatenate([[root_r], radii])
    flank = np.concatenate([[min(flank[0] * 1.12, 0.46 * 2 * math.pi / count)], flank])
    angle = np.concatenate([-flank, flank[::-1]])
    radius = np.concatenate([radii, radii[::-1]])
    centres = (np.arange(count) + 0.5) * 2 * math.pi / count
    theta = (centres[:, None] + angle[None, :]).ravel()
    rho = np.tile(radius, count)
    return np.stack([rho * np.cos(theta), rho * np.sin(theta)], axis=1)


def _inv(angle: float) -> float:
    return math.tan(angle) - angle


def pipe_elbow(*, diameter_m: float, bend_ratio: float) -> Shape:
    """A 90 degree pipe elbow with beaded sockets, open through; ``bend_ratio`` = bend radius / diameter."""
    radius, bend = 0.5 * diameter_m, bend_ratio * diameter_m
    wall = max(0.09 * diameter_m, 0.0018)
    socket_r, socket = 1.22 * radius, 0.55 * diameter_m
    outer, inner = _bend(radius, bend, socket, over=0.0), _bend(radius - wall, bend, socket, over=0.004)
    bead = forms.turned(
        [(0, 0, 0), (socket_r, 0, 0.15 * wall), (socket_r, 0.34 * diameter_m, 0.6 * wall),
         (radius - 0.2 * wall, 0.42 * diameter_m, 0), (0, 0.42 * diameter_m, 0)]
    )  # fmt: skip
    mouth = forms.disc(radius, -0.004, 0.22 * diameter_m)
    places = [((0, 90, 0), (-socket, 0, bend)), ((0, 0, 0), (bend, 0, -socket))]
    beads = [bead.rotate(turn).translate(shift) for turn, shift in places]
    mouths = [mouth.rotate(turn).translate(shift) for turn, shift in places]
    # The bend runs along +x at z = bend, then turns down to z = 0 at x = bend: its centre is (0, 0).
    solid = cut(
        paint(join(forms.lofted(outer), *beads), 0, mapping.planar),
        paint(join(forms.lofted(inner), *mouths), 0, mapping.planar),
    )
    hulls = _elbow_parts(radius, wall, bend, socket, socket_r, diameter_m)
    # Box centre and mirror plane: half turn about the bend's diagonal.
    diagonal = np.array([math.sqrt(0.5), 0.0, math.sqrt(0.5)])
    symmetries = symmetry.discrete([symmetry.rotation(diagonal, math.pi)])
    return finish(solid, slots=[MaterialSlot("body", "brass")], parts=hulls, symmetries=symmetries)


def _bend(radius: float, bend: float, socket: float, *, over: float, count: int = 40, steps: int = 14) -> F64:
    """(K, M, 3) rings of a pipe: straight in along x, a quarter turn, straight out along -z."""
    angle = np.linspace(0.5 * np.pi, 0.0, steps + 1)
    arc = np.stack([bend * np.cos(angle), np.zeros(steps + 1), bend * np.sin(angle)], axis=1)
    path = np.concatenate([[[-socket - over, 0.0, bend]], arc, [[bend, 0.0, -socket - over]]])
    tangents = np.stack([np.sin(angle), np.zeros(steps + 1), -np.cos(angle)], axis=1)
    tangents = np.concatenate([tangents[:1], tangents, tangents[-1:]])
    side = np.array([0.0, 1.0, 0.0])
    section = forms.circle(radius, count=count)
    return np.array([point + section[:, :1] * side + section[:, 1:] * np.cross(tangent, side)
                     for point, tangent in zip(path, tangents, strict=True)])  # fmt: skip


def _elbow_parts(radius: float, wall: float, bend: float, socket: float, socket_r: float, diameter: float) -> list[F64]:
    """Two socket rings of six wedges and three stretches of four staves each: open through."""
    ring = [(radius - wall, 0.0), (socket_r, 0.0), (socket_r, 0.36 * diameter), (radius - wall, 0.42 * diameter)]
    turn = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]])
    hulls = []
    for wedge in parts.wedges(ring, 6, corners=5):
        hulls.append(wedge @ turn.T + np.array([-socket, 0.0, bend]))
        hulls.append(wedge + np.array([bend, 0.0, -socket]))
    outer = _bend(radius, bend, socket - 0.36 * diameter, over=0.0, count=24, steps=6)
    inner = _bend(radius - wall, bend, socket - 0.36 * diameter, over=0.0, count=24, steps=6)
    for first, last in ((0, 3), (3, 5), (5, 8)) if len(outer) > 8 else ((0, 4), (4, len(outer) - 1)):
        for quarter in range(4):
            columns = (np.arange(7) + 6 * quarter) % 24
            rows = slice(first, last + 1)
            hulls.append(np.concatenate([outer[rows][:, columns], inner[rows][:, columns]]).reshape(-1, 3))
    return hulls


def flange(*, diameter_m: float, bore_ratio: float, thickness_m: float, bolts: float) -> Shape:
    """A weld-neck flange: bolt circle, raised neck, bore through; ``bore_ratio`` = bore / flange diameter."""
    radius, count = 0.5 * diameter_m, round(bolts)
    bore = bore_ratio * radius
    neck = bore + max(0.09 * radius, 0.002)
    height = thickness_m + 0.32 * radius
    edge = 0.12 * thickness_m
    body = forms.turned(
        [(bore, 0, edge), (radius, 0, edge), (radius, thickness_m, edge),
         (neck + 0.1 * radius, thickness_m, 0.06 * radius), (neck, height - 0.06 * radius, 0.03 * radius),
         (neck, height, edge), (bore, height, edge)]
    )  # fmt: skip
    circle_r = 0.5 * (neck + 0.12 * radius + radius)
    hole_r = min(0.32 * (radius - neck - 0.12 * radius), 0.36 * math.pi * circle_r / count)
    hole = forms.disc(hole_r, -thickness_m, 2 * thickness_m, segments=32)
    turn = 2 * math.pi / count
    holes = [hole.translate((circle_r * math.cos(k * turn), circle_r * math.sin(k * turn), 0)) for k in range(count)]
    solid = cut(paint(body, 0, mapping.planar), paint(join(*holes), 0, mapping.planar))
    hulls = parts.wedges([(bore, 0), (radius, 0), (radius, thickness_m), (bore, thickness_m)], 12)
    hulls += parts.wedges([(bore, thickness_m), (neck + 0.1 * radius, thickness_m), (neck, height), (bore, height)], 10)
    symmetries = symmetry.discrete(symmetry.turns(count))
    return finish(solid, slots=[MaterialSlot("body", "cast_iron")], parts=hulls, symmetries=symmetries)


def t_slot_profile(*, size_m: float, length_m: float) -> Shape:
    """A length of square aluminium T-slot extrusion along x, cut ends."""
    half, radius = 0.5 * size_m, 0.06 * size_m
    square = CrossSection([forms.rectangle(half, half, radius)])
    mouth, depth, lip, wide = 0.155 * size_m, 0.31 * size_m, 0.09 * size_m, 0.29 * size_m
    slot = forms.outline(
        [(half + 0.001, -mouth, 0), (half + 0.001, mouth, 0), (half - lip, mouth, 0), (half - lip, wide, 0),
         (half - lip - 0.04 * size_m, wide, 0), (half - depth, 0.11 * size_m, 0), (half - depth, -0.11 * size_m, 0),
         (half - lip - 0.04 * size_m, -wide, 0), (half - lip, -wide, 0), (half - lip, -mouth, 0)]
    )  # fmt: skip
    section = square
    for quarter in range(4):
        section = section - CrossSection([slot]).rotate(90.0 * quarter)
    section = section - CrossSection([forms.circle(0.105 * size_m, count=24)])
    bar = section.extrude(length_m).translate((0, 0, -0.5 * length_m)).rotate((0, 90, 0))
    solid = paint(bar, 0, mapping.planar)
    hulls = [_bar(outline, length_m) for outline in _profile_outlines(half, mouth, lip, size_m)]
    slots = [MaterialSlot("body", "anodised_aluminium")]
    return finish(solid, slots=slots, parts=hulls, symmetries=symmetry.dihedral(4, axis=symmetry.X, flip=symmetry.Z))


def _profile_outlines(half: float, mouth: float, lip: float, size: float) -> list[F64]:
    """Core, four diagonal webs and eight lips of the cross-section, each convex."""
    core = forms.rectangle(0.19 * size, 0.19 * size)
    corner = np.array([(0.12, 0.19), (0.19, 0.12), (0.5, 0.36), (0.49, 0.49), (0.36, 0.5)]) * size
    flap = np.array([(half - lip, mouth), (half, mouth), (half, 0.36 * size), (half - lip, 0.36 * size)])
    outlines = [core]
    for quarter in range(4):
        angle = 0.5 * math.pi * quarter
        spin = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
        outlines += [corner @ spin, flap @ spin, (flap * np.array([1.0, -1.0])) @ spin]
    return outlines


def _bar(outline: F64, length: float) -> F64:
    return np.concatenate([np.c_[np.full(len(outline), x), outline] for x in (-0.5 * length, 0.5 * length)])
