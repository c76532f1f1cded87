"""Round, ringed and bent pieces of gadgets: rod, block, cone, disc, ring, tube, bow, hook, bowl.

Every maker takes ``size`` (about the longest side, metres), ``stout`` (factor on all thicknesses) and ``rng``; axial
pieces lie about z, bent ones in the xy plane.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
from manifold3d import CrossSection, Manifold

from synthgen.assets.families import forms, mapping, parts
from synthgen.assets.families.gadget_pieces import (
    BROKEN_EDGE,
    THINNEST_M,
    Piece,
    bevelled_prism,
    points,
    port,
    rim_port,
    thickness,
)
from synthgen.types.arrays import F64

RING_CHORDS = 40
RING_WEDGES = 8


def rod(size: float, stout: float, rng: np.random.Generator) -> Piece:
    """A round, tapered, square or hexagonal bar about z."""
    radius = thickness(size, 0.05, 0.13, stout, rng)
    half, edge = 0.5 * size, 0.4 * radius
    section = rng.choice(["round", "tapered", "square", "hexagonal"], p=[0.5, 0.2, 0.15, 0.15])
    if section in ("round", "tapered"):
        top = radius * (rng.uniform(0.5, 0.8) if section == "tapered" else 1.0)
        body = forms.turned([(0, -half, 0), (radius, -half, edge), (top, half, edge), (0, half, 0)], segments=28)
        wrap = mapping.cylinder()
    else:
        top = radius
        outline = forms.polygon(4 if section == "square" else 6, 1.8 * radius)
        body = bevelled_prism([outline], half, 0.2 * radius)
        wrap = mapping.planar
    ports = [port("end", (0, 0, -half), (0, 0, -1), 1.2 * radius), port("end", (0, 0, half), (0, 0, 1), 1.2 * top)]
    for angle in np.arange(4) * 0.5 * np.pi:
        z = rng.uniform(-0.8, 0.8) * half
        across, reach = (math.cos(angle), math.sin(angle), 0.0), 0.9 * float(np.interp(z, [-half, half], [radius, top]))
        ports.append(port("side", (reach * across[0], reach * across[1], z), across, 1.1 * reach))
    return Piece(body, [points(body)], ports, 2 * top, wrap)


def block(size: float, stout: float, rng: np.random.Generator) -> Piece:
    """A block with rounded edges, longest along z."""
    half = 0.5 * np.array(
        [min(thickness(size, low, high, stout, rng), size) for low, high in ((0.25, 0.7), (0.25, 0.9))] + [size]
    )
    least = 2 * float(half.min())
    body = forms.rounded_block((-half).tolist(), half.tolist(), rng.uniform(0.04, 0.3) * least)
    ports = []
    for axis, sign in itertools.product(range(3), (-1.0, 1.0)):
        at = rng.uniform(-0.5, 0.5, 3) * half
        at[axis] = sign * half[axis]
        ports.append(port("end" if axis == 2 else "side", at, sign * np.eye(3)[axis], 0.5 * least))
    return Piece(body, [points(body)], ports, least, mapping.planar)


def cone(size: float, stout: float, rng: np.random.Generator) -> Piece:
    """A cone or frustum about z, sometimes stepped like a knob."""
    wide = min(0.5 * thickness(size, 0.4, 1.0, stout, rng), 0.7 * size)
    tip, half = wide * rng.uniform(0.12, 0.65), 0.5 * size
    edge = 0.3 * tip
    body = forms.turned([(0, -half, 0), (wide, -half, edge), (tip, half, edge), (0, half, 0)], segments=36)
    ports = [port("end", (0, 0, -half), (0, 0, -1), 0.6 * wide), port("end", (0, 0, half), (0, 0, 1), 1.2 * tip)]
    return Piece(body, [points(body)], ports, 2 * tip, mapping.cylinder())


def disc(size: float, stout: float, rng: np.random.Generator) -> Piece:
    """A flat round about z with a rounded rim."""
    radius, half = 0.5 * size, 0.5 * thickness(size, 0.08, 0.35, stout, rng)
    edge = rng.uniform(0.2, 0.9) * half
    body = forms.turned([(0, -half, 0), (radius, -half, edge), (radius, half, edge), (0, half, 0)], segments=36)
    ports = [rim_port(radius, angle, 0.0, half) for angle in rng.uniform(0, 2 * np.pi, 2)]
    for sign in (-1.0, 1.0):
        away, angle = rng.choice([0.0, 0.7]) * radius, rng.uniform(0, 2 * np.pi)
        at = (away * math.cos(angle), away * math.sin(angle), sign * half)
        ports.append(port("face", at, (0, 0, sign), 1.4 * half))
    return Piece(body, [points(body)], ports, 2 * half, mapping.cylinder())


def ring(size: float, stout: float, rng: np.random.Generator) -> Piece:
    """A ring about z, round or rectangular in section, flat or tall; most of it is hole."""
    outer = 0.5 * size
    wide = min(thickness(size, 0.07, 0.17, stout, rng), 0.6 * outer)
    if rng.random() < 0.45:
        section = forms.circle(0.5 * wide, centre=(outer - 0.5 * wide, 0.0), count=16)
        return _hoop(section, outer, wide, wide, mapping.planar)
    tall = max(wide * rng.uniform(0.6, 2.2), THINNEST_M)
    section = forms.rectangle(0.5 * wide, 0.5 * tall, 0.15 * min(wide, tall)) + np.array([outer - 0.5 * wide, 0.0])
    return _hoop(section, outer, wide, tall, mapping.cylinder())


def tube(size: float, stout: float, rng: np.random.Generator) -> Piece:
    """An open pipe about z."""
    outer = 0.5 * size * rng.uniform(0.35, 0.9)
    wall = min(thickness(2 * outer, 0.06, 0.14, stout, rng), 0.35 * outer)
    section = forms.rectangle(0.5 * wall, 0.5 * size, 0.3 * wall) + np.array([outer - 0.5 * wall, 0.0])
    return _hoop(section, outer, wall, size, mapping.cylinder())


def _hoop(section: F64, outer: float, wide: float, tall: float, wrap: mapping.TextureMapping) -> Piece:
    body = Manifold.revolve(CrossSection([section]), RING_CHORDS)
    start, angle = 0.6, outer - 0.5 * wide
    ports = [rim_port(outer, start + turn, 0.3 * tall * lift, 0.7 * wide) for turn, lift in ((0, 0), (2.3, 1), (4, -1))]
    ports += [port("face", (angle, 0, sign * 0.5 * tall), (0, 0, sign), 0.5 * min(tall, 2 * wide)) for sign in (-1, 1)]
    return Piece(body, _wedges(section), ports, min(wide, tall), wrap)


def arc(size: float, stout: float, rng: np.random.Generator) -> Piece:
    """A bow: part of a ring, open between its ends."""
    radius, thick = 0.45 * size, thickness(size, 0.06, 0.13, stout, rng)
    sweep = rng.uniform(1.9, 4.8)
    steps = max(10, round(sweep / 0.17))
    angle = np.linspace(-0.5 * sweep, 0.5 * sweep, steps + 1)
    path = radius * np.stack([np.cos(angle), np.sin(angle), np.zeros(len(angle))], axis=1)
    edges = np.linspace(0, steps, math.ceil(sweep / 0.8) + 1).round().astype(int)
    return _swept(path, edges, thick, rng)


def hook(size: float, stout: float, rng: np.random.Generator) -> Piece:
    """A bent bar: two straight legs and a bend between them."""
    thick = thickness(size, 0.06, 0.13, stout, rng)
    bend, turn = max(size * rng.uniform(0.1, 0.28), 0.9 * thick), rng.uniform(1.0, 3.1)
    steps = max(5, round(turn / 0.2))
    angle = np.linspace(0.0, turn, steps + 1)
    curve = bend * np.stack([np.sin(angle), 1 - np.cos(angle), np.zeros(len(angle))], axis=1)
    step = bend * turn / steps
    ahead = np.array([math.cos(turn), math.sin(turn), 0.0])
    long, short = size * rng.uniform(0.5, 0.8), size * rng.uniform(0.12, 0.5)
    before = np.array([[-long - step, 0.0, 0.0], [-step, 0.0, 0.0]])
    after = curve[-1] + np.array([[step], [short + step]]) * ahead
    path = np.concatenate([before, curve, after])
    middle = np.linspace(2, 2 + steps, math.ceil(turn / 0.8) + 1).round().astype(int)
    return _swept(path, np.array([0, *middle, len(path) - 1]), thick, rng)


def _swept(path: F64, edges: np.ndarray, thick: float, rng: np.random.Generator) -> Piece:
    """A bar along a flat path; one convex part between every two ``edges`` (indices into the path)."""
    tall = thick * rng.uniform(0.6, 1.6)
    if rng.random() < 0.6:
        tall, section = thick, forms.ellipse(0.5 * thick, 0.5 * thick, 16)
    else:
        section = forms.rectangle(0.5 * thick, 0.5 * tall, BROKEN_EDGE * min(thick, tall))
    rings = forms.sweep_rings(path, section)
    hulls = [rings[a : b + 1].reshape(-1, 3) for a, b in itertools.pairwise(edges.tolist())]
    tangents = [path[0] - path[1], path[-1] - path[-2]]
    ports = [
        port("end", at, out / np.linalg.norm(out), 0.6 * thick) for at, out in zip(path[[0, -1]], tangents, strict=True)
    ]
    at, along = path[len(path) // 2], path[len(path) // 2 + 1] - path[len(path) // 2 - 1]
    out = np.array([along[1], -along[0], 0.0]) / np.linalg.norm(along)
    ports.append(port("rim", at + 0.5 * thick * out, out, 0.7 * thick))
    for sign in (-1.0, 1.0):
        at = path[0] + rng.uniform(0.15, 0.8) * (path[1] - path[0])
        ports.append(port("side", at + np.array([0, 0, sign * 0.5 * tall]), (0, 0, sign), 0.7 * tall))
    return Piece(forms.lofted(rings), hulls, ports, min(thick, tall), mapping.planar)


def _wedges(profile: F64) -> list[F64]:
    """The body of revolution of an (n, 2) profile of (radius, z), cut into wedges at its own chords."""
    angle = np.linspace(0.0, 2 * np.pi, RING_CHORDS + 1)
    points = np.stack(
        [profile[:, 0] * np.cos(angle)[:, None], profile[:, 0] * np.sin(angle)[:, None],
         np.broadcast_to(profile[:, 1], (len(angle), len(profile)))], axis=-1
    )  # fmt: skip
    return parts.segments(points, RING_WEDGES)


def cap(size: float, stout: float, rng: np.random.Generator) -> Piece:
    """A curved bowl about z, open at the top."""
    radius, wall = 0.5 * size, thickness(size, 0.035, 0.07, stout, rng)
    deep = rng.uniform(0.35, 1.0)
    angle = np.radians(np.linspace(-90.0, rng.uniform(-25.0, 0.0), 9))
    ball = np.stack([np.cos(angle), deep * np.sin(angle)], axis=1)
    outer, inner = radius * ball, (radius - wall) * ball
    inner[:, 1] -= (1 - deep) * wall * np.sin(angle)  # keeps the floor as thick as the wall
    outer[0, 0] = inner[0, 0] = 0.0
    body = Manifold.revolve(CrossSection([np.concatenate([outer, inner[::-1]])]), RING_CHORDS)
    split = 3
    floor = parts.round_solid([(float(r), float(z)) for r, z in [*outer[: split + 1], inner[split]]], count=RING_CHORDS)
    profile = np.concatenate([outer[split:], inner[split:]])
    lip = 0.5 * (outer[-2] + outer[-1])
    ports = [rim_port(float(lip[0]), turn, float(lip[1]), 0.9 * wall) for turn in (0.0, 2.2, 3.6)]
    ports.append(port("face", (0, 0, outer[0, 1]), (0, 0, -1), 0.9 * wall))
    return Piece(body, [floor, *_wedges(profile)], ports, wall, mapping.planar)
