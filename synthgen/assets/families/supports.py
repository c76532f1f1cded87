"""What scenes stand on, and what gets in the way: table top, tote, floor; beam, cable, panel."""

from __future__ import annotations

import numpy as np
from manifold3d import CrossSection, Manifold

from synthgen.assets.families import forms, mapping, parts
from synthgen.assets.families.shape import Shape, finish
from synthgen.assets.families.solid import cut, paint, union
from synthgen.types.arrays import F64
from synthgen.types.assets import MaterialSlot

TOTE_TAPER = 0.05  # outward lean of the walls: metres per metre of height
TOTE_LIP_M = 0.014
TOTE_LIP_HEIGHT_M = 0.012
TOTE_CORNER_M = 0.02  # radius of the upright inner edges
CABLE_POINTS = 5


def table_top(*, size_x: float, size_y: float, thickness: float) -> Shape:
    """A slab; its top is at object z = thickness / 2. uv in metres."""
    x, y, z = 0.5 * size_x, 0.5 * size_y, 0.5 * thickness
    edge = min(0.003, 0.2 * thickness)
    body = forms.bevelled_block((-x, -y, -z), (x, y, z), edge)
    hulls = [parts.bevelled_box((-x, -y, -z), (x, y, z), edge)]
    return finish(paint(body, 0, mapping.metric), slots=[MaterialSlot("surface", "fixed")], parts=hulls)


def floor(*, size: float) -> Shape:
    """A square slab 2 cm thick; its top is at object z = 0.01. uv in metres."""
    half = 0.5 * size
    low, high = (-half, -half, -0.01), (half, half, 0.01)
    body = paint(forms.block(low, high), 0, mapping.metric)
    return finish(body, slots=[MaterialSlot("surface", "fixed")], parts=[parts.box(low, high)])


def tote(*, inner_x: float, inner_y: float, height: float, wall: float) -> Shape:
    """An open box; the inner floor (inner_x by inner_y) is at object z = -height / 2 + wall. uv in metres.

    Walls lean outwards by ``TOTE_TAPER``; a lip of ``TOTE_LIP_M`` runs around the rim.
    """
    lean = TOTE_TAPER * height
    x, y = 0.5 * inner_x, 0.5 * inner_y
    slope = lean / (height - wall)
    shell = _frustum(x + wall, y + wall, lean, 0.0, height, TOTE_CORNER_M + wall)
    hollow = _frustum(x, y, lean + slope * 0.01, wall, height + 0.01, TOTE_CORNER_M)
    out = lean + wall + TOTE_LIP_M
    lip = CrossSection([forms.rectangle(x + out, y + out, TOTE_CORNER_M + wall + TOTE_LIP_M)])
    rim = lip.extrude(TOTE_LIP_HEIGHT_M).translate((0, 0, height - TOTE_LIP_HEIGHT_M))
    solid = cut(union(paint(shell, 0, mapping.metric), paint(rim, 0, mapping.metric)), paint(hollow, 0, mapping.metric))
    base = parts.prism(forms.rectangle(x + wall, y + wall, TOTE_CORNER_M + wall), 0.0, wall)
    hulls = [base, *_tote_walls((x, y), height, wall, lean), *_tote_corners((x, y), height, wall, lean)]
    return finish(solid, slots=[MaterialSlot("body", "fixed")], parts=hulls)


def _frustum(x: float, y: float, lean: float, z_low: float, z_high: float, radius: float) -> Manifold:
    low, high = forms.rectangle(x, y, radius), forms.rectangle(x + lean, y + lean, radius)
    return forms.lofted(np.stack([np.c_[low, np.full(len(low), z_low)], np.c_[high, np.full(len(high), z_high)]]))


def _tote_walls(inner: tuple[float, float], height: float, wall: float, lean: float) -> list[F64]:
    """The straight part of the four walls and of their lips."""
    hulls = []
    lip_low, out = height - TOTE_LIP_HEIGHT_M, wall + TOTE_LIP_M
    for axis in (0, 1):
        across = inner[1 - axis] - TOTE_CORNER_M
        for sign in (-1.0, 1.0):
            wall_box = [(inner[axis], wall, 0.0), (inner[axis] + wall, wall, 0.0),
                        (inner[axis] + lean, height, lean), (inner[axis] + lean + wall, height, lean)]  # fmt: skip
            lip_box = [(inner[axis] + lean + depth, z, lean) for depth in (0.5 * wall, out) for z in (lip_low, height)]
            hulls += [
                np.array([_place(axis, sign * main, end * (across + shift), z) for main, z, shift in corners
                          for end in (-1.0, 1.0)])
                for corners in (wall_box, lip_box)
            ]  # fmt: skip
    return hulls


def _tote_corners(inner: tuple[float, float], height: float, wall: float, lean: float) -> list[F64]:
    """Two wedges per rounded corner, wall and lip in one."""
    hulls = []
    rings = [(TOTE_CORNER_M, wall, 0.0), (TOTE_CORNER_M + wall, wall, 0.0), (TOTE_CORNER_M, height, lean),
             (TOTE_CORNER_M + wall + TOTE_LIP_M, height, lean),
             (TOTE_CORNER_M + wall + TOTE_LIP_M, height - TOTE_LIP_HEIGHT_M, lean)]  # fmt: skip
    for quarter in range(4):
        sign = np.array([(1, 1), (-1, 1), (-1, -1), (1, -1)][quarter])
        centre = sign * (np.array(inner) - TOTE_CORNER_M)
        for part in (0, 1):
            angle = 0.5 * np.pi * quarter + 0.25 * np.pi * (part + np.linspace(0.0, 1.0, 3))
            ray = np.stack([np.cos(angle), np.sin(angle)], axis=1)
            hulls.append(np.concatenate([np.c_[centre + sign * shift + radius * ray, np.full(3, z)]
                                         for radius, z, shift in rings]))  # fmt: skip
    return hulls


def _place(axis: int, main: float, other: float, z: float) -> tuple[float, float, float]:
    return (main, other, z) if axis == 0 else (other, main, z)


def beam(*, length: float, width: float) -> Shape:
    """A square bar along x."""
    low, high = (-0.5 * length, -0.5 * width, -0.5 * width), (0.5 * length, 0.5 * width, 0.5 * width)
    body = paint(forms.rounded_block(low, high, 0.08 * width, segments=8), 0, mapping.planar)
    return finish(
        body, slots=[MaterialSlot("body", "painted_metal")], parts=[parts.bevelled_box(low, high, 0.08 * width)]
    )


def panel(*, width: float, height: float, thickness: float) -> Shape:
    """An upright board in the x z plane."""
    low, high = (-0.5 * width, -0.5 * thickness, -0.5 * height), (0.5 * width, 0.5 * thickness, 0.5 * height)
    body = paint(forms.bevelled_block(low, high, 0.2 * thickness), 0, mapping.planar)
    return finish(
        body, slots=[MaterialSlot("body", "plastic_matte")], parts=[parts.bevelled_box(low, high, 0.2 * thickness)]
    )


def cable(*, length: float, diameter: float, sag: float, seed: float) -> Shape:
    """A bent round cable along x; ``sag`` = sideways swing / length, ``seed`` = which bends."""
    rng = np.random.default_rng(round(seed))
    knots = rng.uniform(-1.0, 1.0, (CABLE_POINTS, 2)) * sag * length
    t = np.linspace(0.0, 1.0, 41)
    wave = np.array([np.sin((k + 1) * np.pi * t) / (k + 1) for k in range(CABLE_POINTS)])
    path = np.column_stack([(t - 0.5) * length, wave.T @ knots])
    rings = forms.sweep_rings(path, forms.circle(0.5 * diameter, count=16))
    body = paint(forms.lofted(rings), 0, mapping.planar)
    return finish(body, slots=[MaterialSlot("body", "rubber")], parts=parts.segments(rings, 20))
