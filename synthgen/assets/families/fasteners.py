"""Hex nut, hex bolt and washer with ISO proportions (4014/4032/7089, coarse pitch)."""

from __future__ import annotations

import math

import numpy as np
from manifold3d import Manifold

from synthgen.assets.families import forms, mapping, parts, symmetry
from synthgen.assets.families.shape import Shape, finish
from synthgen.assets.families.solid import cut, paint, union
from synthgen.types.arrays import F64
from synthgen.types.assets import MaterialSlot

# Thread diameter, coarse pitch, width across flats, head height, nut height, washer diameter and thickness, all mm.
ISO = np.array(
    [
        (3, 0.5, 5.5, 2.0, 2.4, 7, 0.5),
        (4, 0.7, 7, 2.8, 3.2, 9, 0.8),
        (5, 0.8, 8, 3.5, 4.7, 10, 1.0),
        (6, 1.0, 10, 4.0, 5.2, 12, 1.6),
        (8, 1.25, 13, 5.3, 6.8, 16, 1.6),
        (10, 1.5, 16, 6.4, 8.4, 20, 2.0),
        (12, 1.75, 18, 7.5, 10.8, 24, 2.5),
        (16, 2.0, 24, 10.0, 14.8, 30, 3.0),
        (20, 2.5, 30, 12.5, 18.0, 37, 3.0),
        (24, 3.0, 36, 15.0, 21.5, 44, 4.0),
        (30, 3.5, 46, 18.7, 25.6, 56, 4.0),
    ]
)
MOST_TURNS = 24


def _iso(thread_m: float) -> list[float]:
    """Pitch, across flats, head height, nut height, washer diameter, washer thickness for a thread, metres."""
    return [float(np.interp(thread_m * 1e3, ISO[:, 0], ISO[:, column])) * 1e-3 for column in range(1, 7)]


def hex_nut(*, thread_m: float) -> Shape:
    """A hex nut, chamfered on both sides, with a helical thread in its bore."""
    pitch, flats, _, height, _, _ = _iso(thread_m)
    radius = 0.5 * thread_m
    prism = forms.extruded([forms.polygon(6, flats)], 0.0, height) ^ _chamfer(flats, 0.0, height, both=True)
    turns = math.ceil(height / pitch) + 1
    thread = forms.threaded_rod(radius, pitch, turns, segments=28).translate((0.0, 0.0, -1.0 * pitch))
    entry = 0.5 * thread_m + 0.0002
    sinks = [
        forms.turned([(0, -0.001, 0), (entry + 0.001, -0.001, 0), (entry - 1.1 * pitch, 1.1 * pitch, 0),
                      (0, 1.1 * pitch, 0)], segments=28),
        forms.turned([(0, height - 1.1 * pitch, 0), (entry - 1.1 * pitch, height - 1.1 * pitch, 0),
                      (entry + 0.001, height + 0.001, 0), (0, height + 0.001, 0)], segments=28),
    ]  # fmt: skip
    solid = cut(
        paint(prism, 0, mapping.planar),
        paint(thread, 1, mapping.cylinder()),
        *(paint(sink, 1, mapping.planar) for sink in sinks),
    )
    (_, edge, drop), inner = _chamfer_sizes(flats), radius - 0.3 * pitch
    hulls = [
        np.concatenate([_sector(k, flats / math.sqrt(3), drop, height - drop), _sector(k, inner, 0.0, height),
                        _rim(k, edge, 0.0), _rim(k, edge, height)])
        for k in range(6)
    ]  # fmt: skip
    slots = [MaterialSlot("body", "zinc"), MaterialSlot("thread", "zinc")]
    # A single-start thread has no symmetry of its own; BOP's threshold (surface deviation) ignores it, and so do we.
    return finish(solid, slots=slots, parts=hulls, symmetries=symmetry.dihedral(6))


def _sector(index: int, radius: float, low: float, high: float) -> F64:
    angle = (index + np.array([0.0, 1.0])) * math.pi / 3
    return parts.prism(np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1), low, high)


def _rim(index: int, radius: float, z: float) -> F64:
    angle = (index + np.array([0.0, 0.5, 1.0])) * math.pi / 3
    return np.c_[radius * np.cos(angle), radius * np.sin(angle), np.full(3, z)]


def _chamfer_sizes(flats: float) -> tuple[float, float, float]:
    """Corner radius, radius of the flat face, and how far the chamfer comes down at the corners."""
    corner, edge = flats / math.sqrt(3) * 1.002, 0.475 * flats
    return corner, edge, (corner - edge) * math.tan(math.radians(30))


def _chamfer(flats: float, low: float, high: float, *, both: bool) -> Manifold:
    """The turned envelope that rounds off the corners of a hexagon: 30 degree chamfers."""
    corner, edge, drop = _chamfer_sizes(flats)
    bottom = [(edge, low, 0.0), (corner, low + drop, 0.0)] if both else [(corner, low, 0.0)]
    return forms.turned(
        [(0.0, low, 0.0), *bottom, (corner, high - drop, 0.0), (edge, high, 0.0), (0.0, high, 0.0)], segments=72
    )


def hex_bolt(*, thread_m: float, length_m: float) -> Shape:
    """A hex bolt, head at the bottom, thread pointing up; long bolts have a plain shank under the head."""
    pitch, flats, head, _, _, _ = _iso(thread_m)
    radius, top = 0.5 * thread_m, head + length_m
    turns = max(2, min(math.ceil((length_m - 0.0005) / pitch), MOST_TURNS))
    start = max(top - turns * pitch, head - 0.4 * pitch)
    body = forms.extruded([forms.polygon(6, flats)], 0.0, head) ^ _chamfer_low(flats, head)
    collar = forms.disc(0.47 * flats, head - 0.0001, head + 0.04 * thread_m)
    rod = forms.threaded_rod(radius, pitch, turns + 1).translate((0.0, 0.0, start - 1.0 * pitch))
    reach = 0.9 * pitch
    envelope = forms.turned(
        [(0, start - 0.1 * pitch, 0), (radius * 1.01, start - 0.1 * pitch, 0), (radius * 1.01, top - reach, 0),
         (radius - reach, top, 0), (0, top, 0)], segments=24,
    )  # fmt: skip
    pieces = [paint(body, 0, mapping.planar), paint(collar, 0, mapping.planar)]
    if start > head:
        shank = forms.disc(radius * 0.995, head - 0.0002, start + 0.6 * pitch)
        pieces.append(paint(shank, 0, mapping.cylinder()))
    pieces.append(paint(rod ^ envelope, 1, mapping.cylinder()))
    _, edge, drop = _chamfer_sizes(flats)
    hulls = [
        np.concatenate([parts.prism(forms.polygon(6, flats), drop, head),
                        parts.round_solid([(edge, 0.0)], count=12)]),
        parts.round_solid([(radius, head), (radius, top - reach), (radius - reach, top)], count=12),
    ]  # fmt: skip
    slots = [MaterialSlot("body", "zinc"), MaterialSlot("thread", "zinc")]
    return finish(union(*pieces), slots=slots, parts=hulls, symmetries=symmetry.discrete(symmetry.turns(6)))


def _chamfer_low(flats: float, head: float) -> Manifold:
    return _chamfer(flats, 0.0, head, both=False).mirror((0.0, 0.0, 1.0)).translate((0.0, 0.0, head))


def washer(*, thread_m: float) -> Shape:
    """A flat washer with slightly rounded edges, as stamped."""
    *_, diameter, thickness = _iso(thread_m)
    outer, inner = 0.5 * diameter, 0.5 * thread_m * 1.07
    edge = 0.2 * thickness
    ring = forms.turned(
        [(inner, 0, edge), (outer, 0, edge), (outer, thickness, edge), (inner, thickness, edge)],
        segments=forms.chords(outer, least=48),
    )
    hulls = parts.wedges([(inner, 0.0), (outer, 0.0), (outer, thickness), (inner, thickness)], 12)
    solid = paint(ring, 0, mapping.planar)
    return finish(solid, slots=[MaterialSlot("body", "zinc")], parts=hulls, symmetries=symmetry.continuous(flip=True))
