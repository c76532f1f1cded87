"""Flat pieces of gadgets, in the xy plane: pierced plate, frame, fork, blade.

Every maker takes ``size`` (about the longest side, metres), ``stout`` (factor on all thicknesses) and ``rng``.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
from manifold3d import CrossSection

from synthgen.assets.families import forms
from synthgen.assets.families.gadget_pieces import Piece, flat, port, rectangle, thickness


def plate(size: float, stout: float, rng: np.random.Generator) -> Piece:
    """A flat plate with one to three big holes in a row: round, slots or squares."""
    holes = int(rng.choice([1, 2, 3], p=[0.45, 0.35, 0.2]))
    width = size * (rng.uniform(0.45, 0.9) if holes == 1 else rng.uniform(0.35, 0.6))
    margin = width * rng.uniform(0.12, 0.22)
    return _pierced(size, width, margin, thickness(size, 0.04, 0.10, stout, rng), holes, rng)


def frame(size: float, stout: float, rng: np.random.Generator) -> Piece:
    """A rectangular frame round one opening."""
    width = size * rng.uniform(0.5, 0.95)
    margin = min(thickness(size, 0.07, 0.14, stout, rng), 0.28 * width)
    return _pierced(size, width, margin, margin * rng.uniform(0.5, 1.4), 0, rng)


def _pierced(length: float, width: float, margin: float, thick: float, holes: int, rng: np.random.Generator) -> Piece:
    """A plate with that many holes in a row, ``margin`` from its sides; 0 = one rectangular opening."""
    x, y, half = 0.5 * length, 0.5 * width, 0.5 * thick
    corner = margin * rng.uniform(0.3, 1.2)
    outlines, cells = [forms.rectangle(x, y, corner)], []
    edges = np.linspace(-x, x, max(holes, 1) + 1)
    for low, high in itertools.pairwise(edges.tolist()):
        room_x, room_y = 0.5 * (high - low) - margin * (1.0 if holes < 2 else 0.7), y - margin
        kind = "square" if holes == 0 else str(rng.choice(["round", "slot", "square"]))
        reach_x, reach_y = (min(room_x, room_y),) * 2 if kind == "round" else (room_x, room_y)
        fillet = min(reach_x, reach_y) * {"round": 1.0, "slot": 0.98, "square": 0.12}[kind]
        hole = forms.circle(reach_x, count=28) if kind == "round" else forms.rectangle(reach_x, reach_y, fillet)
        centre = np.array([0.5 * (low + high), 0.0])
        outlines.append((hole + centre)[::-1])
        diagonal = math.atan2(reach_y, reach_x)
        turns = np.array([diagonal, np.pi - diagonal, np.pi + diagonal, 2 * np.pi - diagonal])
        if kind != "square" and holes < 3:
            turns = np.sort(np.concatenate([turns, np.arange(0, 4, holes) * (0.5 * np.pi)]))
        far = 4 * length
        for a, b in zip(turns, [*turns[1:], turns[0] + 2 * np.pi], strict=True):
            fan = np.array([[0, 0], [math.cos(a), math.sin(a)], [math.cos(b), math.sin(b)]]) * far + centre
            strip = forms.rectangle(0.5 * (high - low), width) + centre
            cells.append(CrossSection([fan]) ^ CrossSection([strip]))
    ports = []
    for sign in (-1.0, 1.0):
        ports.append(port("rim", (sign * x, rng.uniform(-0.6, 0.6) * y, 0), (sign, 0, 0), 0.8 * margin))
        ports.append(port("rim", (rng.uniform(-0.7, 0.7) * x, sign * y, 0), (0, sign, 0), 0.8 * margin))
        at = (rng.choice([-1, 1]) * (x - 0.5 * margin), rng.uniform(-0.6, 0.6) * y, sign * half)
        ports.append(port("face", at, (0, 0, sign), 0.8 * thick))
    return flat(outlines, half, cells, ports, min(thick, margin))


def fork(size: float, stout: float, rng: np.random.Generator) -> Piece:
    """Two or three prongs on a base, along x."""
    prongs, width = int(rng.integers(2, 4)), size * rng.uniform(0.4, 0.85)
    bar = min(thickness(size, 0.10, 0.2, stout, rng), 0.25 * size)
    each, back = min(bar, 0.6 * width / prongs), bar * rng.uniform(0.9, 1.8)
    half = 0.5 * thickness(size, 0.05, 0.13, stout, rng)
    x, y, fillet = 0.5 * size, 0.5 * width, 0.25 * each
    corners: list[forms.Corner] = [(-x, y, 2 * fillet), (-x, -y, 2 * fillet)]
    lows = np.linspace(-y, y - each, prongs)
    tips = x - size * rng.uniform(0.0, 0.3, prongs)
    cells = [rectangle(-x, -y, back - x, y)]
    for index, (low, tip) in enumerate(zip(lows.tolist(), tips.tolist(), strict=True)):
        corners += [] if index == 0 else [(back - x, low, fillet)]
        corners += [(tip, low, 1.4 * fillet), (tip, low + each, 1.4 * fillet)]
        corners += [] if index == prongs - 1 else [(back - x, low + each, fillet)]
        cells.append(rectangle(back - x, low, x, low + each))
    ports = [port("end", (-x, rng.uniform(-0.5, 0.5) * y, 0), (-1, 0, 0), 0.8 * back)]
    ports += [
        port("face", (0.5 * back - x, rng.uniform(-0.6, 0.6) * y, s * half), (0, 0, s), half) for s in (-1.0, 1.0)
    ]
    return flat([forms.outline(corners)], half, cells, ports, min(each, 2 * half))


def blade(size: float, stout: float, rng: np.random.Generator) -> Piece:
    """A flat bar along x, straight or tapered to a blunt tip, lopsided."""
    wide = 0.5 * thickness(size, 0.12, 0.3, stout, rng)
    low, high = wide * rng.uniform(0.25, 1.0, 2)
    half, x = 0.5 * thickness(size, 0.035, 0.08, stout, rng), 0.5 * size
    outline = forms.outline([(-x, -wide, 0.4 * wide), (x, -low, 0.6 * low), (x, high, 0.6 * high),
                             (-x, wide, 0.4 * wide)])  # fmt: skip
    ports = [port("end", (-x, 0, 0), (-1, 0, 0), wide), port("end", (x, 0, 0), (1, 0, 0), 1.2 * low)]
    for sign in (-1.0, 1.0):
        ports.append(port("face", (rng.uniform(-0.7, 0.5) * x, 0, sign * half), (0, 0, sign), 1.5 * half))
    ports.append(port("side", (rng.uniform(-0.8, 0) * x, 0.7 * wide, 0), (0, 1, 0), 0.8 * wide))
    return flat([outline], half, [rectangle(-x, -2 * wide, x, 2 * wide)], ports, 2 * half)
