"""Tableware and packages that are turned on a lathe: mug, cup, bottle, can, bowl, plate, spoon."""

from __future__ import annotations

import itertools
import math

import numpy as np
from manifold3d import Manifold

from synthgen.assets.families import forms, mapping, parts, symmetry
from synthgen.assets.families.shape import Shape, finish
from synthgen.assets.families.solid import common, cut, join, paint, union
from synthgen.types.arrays import F64
from synthgen.types.assets import MaterialSlot

EGG = 0.16  # how much narrower a spoon's bowl is at its tip than at its middle


def mug(*, diameter_m: float, height_m: float, wall_m: float, taper_ratio: float, handle_clearance_m: float) -> Shape:
    """A hollow mug; ``taper_ratio`` = bottom / top diameter, ``handle_clearance_m`` = room for fingers."""
    top, bottom, floor = 0.5 * diameter_m, 0.5 * diameter_m * taper_ratio, 1.5 * wall_m
    body = forms.turned(
        [
            (0, 0.0015, 0), (bottom - 2 * wall_m, 0.0015, 0.001), (bottom - 1.6 * wall_m, 0, 0.001),
            (bottom, 0, 0.006), (top, height_m, 0.49 * wall_m), (top - wall_m, height_m, 0.49 * wall_m),
            (bottom - wall_m, floor, min(0.010, 0.2 * bottom)), (0, floor, 0),
        ]
    )  # fmt: skip
    rings = _handle(top, bottom, height_m, wall_m, handle_clearance_m)
    solid = union(paint(body, 0, mapping.cylinder()), paint(forms.lofted(rings), 0, mapping.planar))
    edge = 0.4 * wall_m
    wall = [(bottom - 0.003, 0.0), (bottom, 0.004), (top, height_m - edge), (top - edge, height_m),
            (top - wall_m, height_m - edge), (bottom - wall_m, 0.0)]  # fmt: skip
    base = parts.round_solid([(bottom - wall_m, 0.0), (bottom - wall_m, floor)])
    hulls = [*parts.wedges(wall, 12), base, *parts.segments(rings, 6)]
    return finish(solid, slots=[MaterialSlot("body", "ceramic")], parts=hulls)


def _handle(top: float, bottom: float, height_m: float, wall_m: float, clearance_m: float) -> F64:
    """(K, M, 3) rings of a squared C from wall to wall, in the x z plane."""
    half_width, half_thickness = 0.0058, 0.0042
    angle = np.linspace(0.5 * np.pi, -0.5 * np.pi, 25)
    reach, half_height = clearance_m + half_thickness + 0.5 * wall_m, 0.34 * height_m
    out, up = np.cos(angle) ** 0.72, np.sign(np.sin(angle)) * np.abs(np.sin(angle)) ** 0.85
    z = 0.52 * height_m + half_height * up
    x = bottom + (top - bottom) * z / height_m - 0.5 * wall_m + reach * out
    path = np.stack([x, np.zeros_like(x), z], axis=1)
    return forms.sweep_rings(path, forms.ellipse(half_width, half_thickness, 14, power=0.85))


def cup(*, top_diameter_m: float, height_m: float, taper_ratio: float) -> Shape:
    """A take-away cup with sleeve and plastic lid; ``taper_ratio`` = bottom / top diameter."""
    top, bottom = 0.5 * top_diameter_m, 0.5 * top_diameter_m * taper_ratio
    body = forms.turned(
        [(0, 0.004, 0), (bottom - 0.003, 0.004, 0), (bottom - 0.0025, 0, 0), (bottom, 0, 0.0005),
         (top, height_m, 0), (0, height_m, 0)], segments=52,
    )  # fmt: skip
    low, high = 0.30 * height_m, 0.72 * height_m
    low_r, high_r = (bottom + (top - bottom) * share + 0.0008 for share in (0.30, 0.72))
    sleeve = forms.turned(
        [(0, low, 0), (low_r, low, 0.0003), (high_r, high, 0.0003), (0, high, 0)],
        segments=52,
    )
    lid_top = height_m + 0.011
    lid = forms.turned(
        [(0, height_m - 0.004, 0), (top + 0.0015, height_m - 0.004, 0.0008), (top + 0.0030, height_m - 0.001, 0.0012),
         (top + 0.0028, height_m + 0.0025, 0.001), (top - 0.0018, height_m + 0.003, 0.0008),
         (top - 0.0048, lid_top, 0.0016), (top - 0.0078, lid_top, 0.001), (top - 0.0095, lid_top - 0.005, 0.001),
         (0, lid_top - 0.005, 0)], segments=52,
    )  # fmt: skip
    sip = forms.rounded_block((top - 0.017, -0.005, lid_top - 0.009), (top - 0.013, 0.005, lid_top), 0.0018, segments=8)
    solid = union(
        paint(body, 0, mapping.cylinder()), paint(sleeve, 1, mapping.cylinder()),
        cut(paint(lid, 2, mapping.cylinder()), paint(sip, 3, mapping.planar)),
    )  # fmt: skip
    hulls = [
        parts.round_solid([(bottom, 0.0), (top, height_m)]),
        parts.round_solid([(top + 0.0026, height_m - 0.003), (top + 0.0026, height_m + 0.0015)]),
        parts.round_solid([(top, height_m), (top - 0.0048, lid_top)]),
    ]
    slots = [MaterialSlot("body", "paper"), MaterialSlot("sleeve", "cardboard"),
             MaterialSlot("lid", "cup_lid"), MaterialSlot("opening", "cup_lid")]  # fmt: skip
    # The sip hole breaks the turn symmetry of the body.
    return finish(solid, slots=slots, parts=hulls)


def bottle(*, diameter_m: float, height_m: float, neck_ratio: float, shoulder_ratio: float) -> Shape:
    """A closed bottle with a label and a ribbed screw cap; ``neck_ratio`` = neck / body diameter."""
    body_r, cap_h = 0.5 * diameter_m, 0.018
    neck_r = max(neck_ratio * body_r, 0.008)
    cap_z = height_m - cap_h
    neck_z = cap_z - 0.010
    shoulder_z = neck_z - shoulder_ratio * height_m
    body = forms.turned(
        [(0, 0.006, 0), (0.55 * body_r, 0.004, 0.006), (0.78 * body_r, 0, 0.004), (body_r, 0, 0.008),
         (body_r, shoulder_z, 0.6 * body_r), (neck_r, neck_z, 0.8 * body_r), (neck_r, cap_z - 0.004, 0),
         (neck_r + 0.003, cap_z - 0.004, 0.0012), (neck_r + 0.003, cap_z - 0.001, 0.0012), (neck_r, cap_z - 0.001, 0),
         (neck_r, cap_z + 0.004, 0), (0, cap_z + 0.004, 0)]
    )  # fmt: skip
    band_low, band_high = 0.16 * shoulder_z, 0.86 * shoulder_z
    band = forms.turned(
        [(0, band_low, 0), (body_r + 0.0003, band_low, 0), (body_r + 0.0003, band_high, 0), (0, band_high, 0)]
    )
    solid = union(
        paint(body, 0, mapping.cylinder()), paint(band, 2, mapping.label()),
        paint(_ribbed_cap(neck_r + 0.0025, cap_z, height_m), 1, mapping.cylinder()),
    )  # fmt: skip
    straight = shoulder_z - 0.2 * body_r
    hulls = [
        parts.round_solid([(0.78 * body_r, 0.0), (0.93 * body_r, 0.001), (body_r, 0.008), (body_r, straight)]),
        parts.round_solid([(body_r, straight), (0.5 * (body_r + neck_r), 0.5 * (shoulder_z + neck_z))]),
        parts.round_solid([(0.5 * (body_r + neck_r), 0.5 * (shoulder_z + neck_z)), (neck_r, neck_z)]),
        parts.round_solid(
            [
                (neck_r, neck_z),
                (neck_r + 0.0025, cap_z),
                (neck_r + 0.0025, height_m - 0.0012),
                (neck_r + 0.0012, height_m),
            ]
        ),
    ]
    slots = [MaterialSlot("body", "bottle_plastic"), MaterialSlot("cap", "cap_plastic"),
             MaterialSlot("label", "label_print")]  # fmt: skip
    return finish(solid, slots=slots, parts=hulls, symmetries=symmetry.continuous())


def _ribbed_cap(radius: float, z_low: float, z_high: float, *, ribs: int = 36) -> Manifold:
    angle = np.linspace(0, 2 * np.pi, 4 * ribs, endpoint=False)
    wave = np.tile([radius, radius, radius - 0.0007, radius - 0.0007], ribs)
    rim = forms.extruded([np.stack([wave * np.cos(angle), wave * np.sin(angle)], axis=1)], z_low, z_high)
    envelope = forms.turned(
        [(0, z_low, 0), (radius, z_low, 0.0004), (radius, z_high, 0.0025), (0, z_high, 0)], segments=48
    )
    return rim ^ envelope


def can(*, diameter_m: float, height_m: float) -> Shape:
    """A drinks can with necked top, recessed lid and ring pull."""
    radius = 0.5 * diameter_m
    neck, rim_z = 0.82 * radius, height_m - 0.003
    wall = forms.turned(
        [(0, 0.008, 0), (0.45 * radius, 0.0065, 0.02), (0.72 * radius, 0.002, 0.003), (0.78 * radius, 0, 0.002),
         (0.86 * radius, 0.002, 0.003), (radius, 0.009, 0.006), (radius, height_m - 0.016, 0.008),
         (neck, rim_z - 0.0035, 0.003), (0, rim_z - 0.0035, 0)]
    )  # fmt: skip
    label_band = forms.disc(radius + 0.001, 0.009, height_m - 0.007)
    # The print lies 0.1 mm proud: coincident surfaces would share their paint triangle by triangle.
    fat = 1 + 0.0001 / radius
    printed = common(paint(wall.scale((fat, fat, 1)), 0, mapping.label()), paint(label_band, 0, mapping.label()))
    body = union(paint(wall, 1, mapping.cylinder()), printed)
    rim = forms.turned(
        [(0, rim_z - 0.006, 0), (neck - 0.001, rim_z - 0.006, 0), (neck + 0.0012, rim_z, 0.001),
         (neck + 0.0012, height_m, 0.0011), (neck - 0.0014, height_m, 0.0011), (neck - 0.0032, rim_z - 0.003, 0.001),
         (neck - 0.0052, rim_z - 0.0022, 0.001), (0, rim_z - 0.0022, 0)]
    )  # fmt: skip
    pull = paint(_ring_pull(neck, rim_z - 0.0022), 2, mapping.planar)
    solid = union(body, paint(rim, 1, mapping.cylinder()), pull)
    hulls = [
        parts.round_solid([(0.78 * radius, 0.0), (radius, 0.009), (radius, height_m - 0.016), (neck, rim_z - 0.0035)]),
        parts.round_solid([(neck - 0.004, rim_z - 0.006), (neck - 0.006, rim_z - 0.0008)]),
        *parts.wedges([(neck - 0.0032, rim_z - 0.004), (neck + 0.0012, rim_z - 0.004), (neck + 0.0012, height_m),
                       (neck - 0.0014, height_m)], 10),
    ]  # fmt: skip
    slots = [MaterialSlot("label", "can_print"), MaterialSlot("ends", "aluminium"),
             MaterialSlot("ring_pull", "aluminium")]  # fmt: skip
    # The ring pull breaks the turn symmetry of the body.
    return finish(solid, slots=slots, parts=hulls)


def _ring_pull(neck: float, z: float) -> Manifold:
    """Ring, hole and rivet on the lid, pointing along +x."""
    length, width = 0.95 * neck, 0.3 * neck
    ring = forms.rectangle(0.5 * length, width, 0.9 * width) + np.array([0.32 * neck, 0.0])
    hole = forms.rectangle(0.27 * length, 0.66 * width, 0.6 * width) + np.array([0.46 * neck, 0.0])
    plate = forms.extruded([ring, hole[::-1]], z + 0.0004, z + 0.0014)
    rivet = forms.disc(0.0028, z - 0.002, z + 0.0020, segments=20)
    return join(plate, rivet)


def bowl(*, diameter_m: float, depth_ratio: float, wall_m: float) -> Shape:
    """A round bowl on a foot ring; ``depth_ratio`` = height / diameter."""
    radius, height = 0.5 * diameter_m, depth_ratio * diameter_m
    foot_r, foot_h = 0.45 * radius, 0.05 * diameter_m * 0.6
    outer = _bowl_curve(radius, foot_r, foot_h, height)
    inner = _bowl_curve(radius - wall_m, max(foot_r - wall_m, 0.2 * radius), foot_h + wall_m, height)[::-1]
    corners = [(0.0, 0.6 * foot_h, 0.0), (foot_r - 1.6 * wall_m, 0.6 * foot_h, 0.0),
               (foot_r - 1.3 * wall_m, 0.0, 0.001), (foot_r - 0.2 * wall_m, 0.0, 0.001)]  # fmt: skip
    corners += [(r, z, 0.0) for r, z in outer[:-1]]
    corners += [(*outer[-1], 0.45 * wall_m), (*inner[0], 0.45 * wall_m)]
    corners += [(r, z, 0.0) for r, z in inner[1:]]
    corners.append((0.0, foot_h + wall_m, 0.0))
    solid = paint(forms.turned(corners), 0, mapping.planar)
    middle = len(outer) // 3
    hulls = [parts.round_solid([(foot_r, 0.0), (outer[1][0], outer[1][1]), (inner[-2][0], foot_h + 1.5 * wall_m)])]
    for first, last, count in ((0, middle, 11), (middle, len(outer) - 1, 12)):
        ring = [*outer[first : last + 1], *inner[::-1][first : last + 1]]
        hulls += parts.wedges(ring, count)
    return finish(solid, slots=[MaterialSlot("body", "ceramic")], parts=hulls, symmetries=symmetry.continuous())


def _bowl_curve(radius: float, foot_r: float, foot_h: float, height: float) -> list[tuple[float, float]]:
    """(r, z) from foot to rim along a quarter of a superellipse."""
    angle = np.linspace(0.0, 0.5 * np.pi, 12)
    r = foot_r + (radius - foot_r) * np.sin(angle) ** 0.9
    z = foot_h + (height - foot_h) * (1 - np.cos(angle) ** 1.15)
    return [(float(a), float(b)) for a, b in zip(r, z, strict=True)]


def plate(*, diameter_m: float, depth_ratio: float, wall_m: float) -> Shape:
    """A dinner plate: flat well, raised rim, foot ring; ``depth_ratio`` = height / diameter."""
    radius, height = 0.5 * diameter_m, depth_ratio * diameter_m
    well, foot, lift = 0.64 * radius, 0.56 * radius, 0.0025
    knee = 0.62 * height
    solid = paint(
        forms.turned(
            [(0, lift, 0), (foot - 0.004, lift, 0.001), (foot - 0.003, 0, 0.001), (foot, 0, 0.001),
             (foot + 0.002, lift, 0.002), (well + 0.3 * wall_m, lift, 0.006), (0.74 * radius, knee, 0.012),
             (radius, height - 0.8 * wall_m, 0.3 * wall_m), (radius, height, 0.4 * wall_m),
             (0.73 * radius, knee + wall_m, 0.012), (well - 0.2 * wall_m, lift + wall_m, 0.008),
             (0, lift + wall_m, 0)]
        ),
        0,
        mapping.planar,
    )  # fmt: skip
    inner = [(well, lift), (0.74 * radius, knee), (0.73 * radius, knee + wall_m), (well - 0.003, lift + wall_m)]
    rim = [(0.74 * radius, knee), (radius, height - 0.8 * wall_m), (radius, height), (0.73 * radius, knee + wall_m)]
    base = parts.round_solid([(foot, 0.0), (well, lift), (well, lift + wall_m)])
    hulls = [base, *parts.wedges(inner, 10), *parts.wedges(rim, 12)]
    return finish(solid, slots=[MaterialSlot("body", "ceramic")], parts=hulls, symmetries=symmetry.continuous())


def spoon(*, length_m: float, width_m: float) -> Shape:
    """A table spoon lying on its back, handle along -x."""
    bowl_length = 1.45 * width_m
    half_l, half_w, depth, thickness = 0.5 * bowl_length, 0.5 * width_m, 0.2 * width_m, 0.0016
    ball = Manifold.sphere(1.0, 56)
    outer = ball.scale((half_l, half_w, depth))
    hollow = ball.scale((half_l - thickness, half_w - thickness, depth - 0.8 * thickness))
    reach = half_l + 0.002
    below = forms.block((-reach, -half_w - 0.002, -depth - 0.002), (reach, half_w + 0.002, 0.0))
    shell = (outer - hollow) ^ below

    def narrowed(points: F64) -> F64:
        egg: F64 = points * (1 - EGG * points[:, :1] / half_l * np.array([0.0, 1.0, 0.0]))
        return egg

    shell = shell.warp_batch(narrowed)
    rings = _spoon_handle(length_m, half_l, half_w, depth)
    solid = paint(join(shell, forms.lofted(rings)), 0, mapping.planar)
    angle = np.linspace(0, 2 * np.pi, 9)
    hulls = [_spoon_wedge(a, b, half_l, half_w, depth, thickness) for a, b in itertools.pairwise(angle)]
    base = np.array([[0.55 * half_l * math.cos(a), 0.55 * half_w * math.sin(a), -0.83 * depth] for a in angle[:-1]])
    hulls += [np.concatenate([base, [[0.0, 0.0, -depth]]]), *parts.segments(rings, 6)]
    return finish(solid, slots=[MaterialSlot("body", "polished_steel")], parts=hulls)


def _spoon_handle(length_m: float, half_l: float, half_w: float, depth: float) -> F64:
    """(K, M, 3) rings from the bowl's rear edge backwards and up in a shallow S, widening to the end."""
    t = 1 - np.linspace(1.0, 0.0, 25) ** 1.7  # denser towards the rounded end
    x = -0.93 * half_l - t * (length_m - 1.93 * half_l)
    z = -0.0012 + 0.55 * depth * np.sin(np.pi * t**0.75) * (1 - t) * 2 + 0.35 * depth * t - 0.9 * depth * t**3
    stations = [0.0, 0.15, 0.45, 0.85, 0.94, 0.97, 0.985, 0.995, 1.0]
    share = np.array([0.30, 0.17, 0.15, 0.31, 0.31, 0.28, 0.23, 0.16, 0.06])
    width = np.interp(t, stations, share * half_w)
    thick = np.interp(t, [0.0, 0.3, 1.0], [0.0011, 0.0016, 0.0009])
    sections = np.stack([forms.ellipse(float(w), float(h), 14, power=0.8) for w, h in zip(width, thick, strict=True)])
    return forms.sweep_rings(np.stack([x, np.zeros_like(x), z], axis=1), sections)


def _spoon_wedge(a: float, b: float, half_l: float, half_w: float, depth: float, thickness: float) -> F64:
    points = []
    for angle in np.linspace(a, b, 3):
        for share, drop in ((1.0, 0.0), (0.87, 0.5), (0.55, 0.83)):
            for inset in (0.0, thickness):
                x = share * (half_l - inset) * math.cos(angle)
                y = share * (half_w - inset) * math.sin(angle) * (1 - EGG * x / half_l)
                points.append((x, y, -drop * depth))
    return np.array(points)
