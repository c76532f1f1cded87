"""Basic forms: filleted outlines, turned, lofted, swept, rounded and threaded bodies. Metres, z up."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from manifold3d import CrossSection, Manifold, Mesh64

from synthgen.assets.families import parts
from synthgen.types.arrays import F64

SAGITTA_M = 0.00006  # a circle is drawn with enough chords to stay this close to the true one
ARC_STEP = math.radians(22.5)

Corner = tuple[float, float, float]


def chords(radius_m: float, *, least: int = 32, most: int = 72) -> int:
    """Number of chords of a circle, a multiple of four so that the box of a turned body is centred on its axis."""
    wanted = math.pi / math.sqrt(2 * SAGITTA_M / max(radius_m, 1e-4))
    return 4 * math.ceil(min(max(wanted, least), most) / 4)


def outline(corners: Sequence[Corner]) -> F64:
    """A closed polygon with rounded corners.

    Args:
        corners: (x, y, fillet radius) in order; fillets shrink where an edge is too short for them.

    Returns:
        (n, 2) float64 points.
    """
    points = np.array([corner[:2] for corner in corners], dtype=np.float64)
    result: list[F64] = []
    for index, (_, _, radius) in enumerate(corners):
        before, here, after = points[index - 1], points[index], points[(index + 1) % len(points)]
        result.extend(_fillet(before, here, after, radius))
    return np.array(result)


def _fillet(before: F64, here: F64, after: F64, radius: float) -> list[F64]:
    back, ahead = before - here, after - here
    reach = 0.48 * min(float(np.linalg.norm(back)), float(np.linalg.norm(ahead)))
    back, ahead = back / np.linalg.norm(back), ahead / np.linalg.norm(ahead)
    half = 0.5 * math.acos(float(np.clip(back @ ahead, -1, 1)))
    if radius <= 0 or math.cos(half) < 1e-3:
        return [here]
    tangent = min(radius / math.tan(half), reach)
    radius = tangent * math.tan(half)
    middle = (back + ahead) / np.linalg.norm(back + ahead)
    centre = here + middle * radius / math.sin(half)
    start, end = here + back * tangent - centre, here + ahead * tangent - centre
    sweep = math.pi - 2 * half
    steps = max(1, math.ceil(sweep / ARC_STEP - 1e-9))
    return [
        centre + (start * math.sin((1 - t) * sweep) + end * math.sin(t * sweep)) / math.sin(sweep)
        for t in np.linspace(0.0, 1.0, steps + 1)
    ]


def turned(corners: Sequence[Corner], *, segments: int = 0) -> Manifold:
    """A body of revolution about z from (radius, z, fillet) corners, counter-clockwise in the (r, z) half plane."""
    points = outline(corners)
    points[:, 0] = np.maximum(points[:, 0], 0.0)
    segments = segments or chords(float(points[:, 0].max()))
    return Manifold.revolve(CrossSection([points]), segments)


def disc(radius_m: float, z_low: float, z_high: float, *, segments: int = 0) -> Manifold:
    """A cylinder about z."""
    body = Manifold.cylinder(z_high - z_low, radius_m, radius_m, segments or chords(radius_m))
    return body.translate((0.0, 0.0, z_low))


def extruded(outlines: Sequence[F64], z_low: float, z_high: float) -> Manifold:
    """A prism along z; holes are clockwise outlines."""
    return CrossSection(list(outlines)).extrude(z_high - z_low).translate((0.0, 0.0, z_low))


def block(low: Sequence[float], high: Sequence[float]) -> Manifold:
    """An axis-aligned box with sharp edges."""
    size = np.subtract(high, low)
    return Manifold.cube(tuple(size)).translate(tuple(low))


def rounded_block(low: Sequence[float], high: Sequence[float], radius_m: float, *, segments: int = 12) -> Manifold:
    """An axis-aligned box with all edges and corners rounded."""
    lower, upper = np.array(low, dtype=np.float64), np.array(high, dtype=np.float64)
    radius = min(radius_m, 0.49 * float((upper - lower).min()))
    ball = Manifold.sphere(radius, segments)
    centres = [[(lower, upper)[bit >> axis & 1][axis] for axis in range(3)] for bit in range(8)]
    middle = 0.5 * (lower + upper)
    return Manifold.batch_hull([ball.translate(tuple(np.array(c) + radius * np.sign(middle - c))) for c in centres])


def bevelled_block(low: Sequence[float], high: Sequence[float], bevel_m: float) -> Manifold:
    """An axis-aligned box with narrow flat bevels along all edges."""
    return Manifold.hull_points(parts.bevelled_box(low, high, bevel_m))


def lofted(rings: F64) -> Manifold:
    """A solid through stacked rings.

    Args:
        rings: (K, M, 3): K >= 2 closed loops of M points, counter-clockwise seen from the last ring's side; the end
            loops are star-shaped about their mean point.
    """
    count, around = rings.shape[:2]
    index = np.arange(count * around).reshape(count, around)
    a, b = index[:-1], index[1:]
    a_next, b_next = np.roll(a, -1, axis=1), np.roll(b, -1, axis=1)
    sides = np.concatenate(
        [np.stack([a, a_next, b_next], axis=-1).reshape(-1, 3), np.stack([a, b_next, b], axis=-1).reshape(-1, 3)]
    )
    low, high = count * around, count * around + 1
    first, last = index[0], index[-1]
    caps = [
        np.stack([np.full(around, low), np.roll(first, -1), first], axis=-1),
        np.stack([np.full(around, high), last, np.roll(last, -1)], axis=-1),
    ]
    ends = [rings[0].mean(axis=0), rings[-1].mean(axis=0)]
    return from_triangles(np.concatenate([rings.reshape(-1, 3), ends]), np.concatenate([sides, *caps]))


def sweep_rings(path: F64, sections: F64) -> F64:
    """Sections carried along a path without twist (parallel transport, Bishop 1975).

    Args:
        path: (K, 3) points.
        sections: (M, 2) or (K, M, 2) outline, counter-clockwise; its first axis starts across the path's start,
            horizontal where possible, its second axis completes the frame with the direction of travel.

    Returns:
        (K, M, 3) rings for ``lofted``.
    """
    sections = np.broadcast_to(sections, (len(path), *sections.shape[-2:]))
    tangents = np.gradient(path, axis=0)
    tangents /= np.linalg.norm(tangents, axis=1, keepdims=True)
    up = np.array([0.0, 0.0, 1.0]) if abs(tangents[0, 2]) < 0.9 else np.array([1.0, 0.0, 0.0])
    side = np.cross(up, tangents[0])
    side /= np.linalg.norm(side)
    rings = []
    for point, tangent, section in zip(path, tangents, sections, strict=True):
        side = side - (side @ tangent) * tangent
        side /= np.linalg.norm(side)
        other = np.cross(tangent, side)
        rings.append(point + section[:, :1] * side + section[:, 1:] * other)
    return np.array(rings)


def ellipse(half_x: float, half_y: float, count: int, *, power: float = 1.0) -> F64:
    """(count, 2) points of a (super)ellipse, counter-clockwise; power < 1 squares it off."""
    angle = np.linspace(0.0, 2 * np.pi, count, endpoint=False)
    x, y = np.cos(angle), np.sin(angle)
    return np.stack([half_x * np.sign(x) * np.abs(x) ** power, half_y * np.sign(y) * np.abs(y) ** power], axis=1)


def rectangle(half_x: float, half_y: float, radius: float = 0.0) -> F64:
    """Counter-clockwise rectangle about the origin with rounded corners."""
    return outline([(-half_x, -half_y, radius), (half_x, -half_y, radius), (half_x, half_y, radius),
                    (-half_x, half_y, radius)])  # fmt: skip


def circle(radius: float, *, centre: tuple[float, float] = (0.0, 0.0), count: int = 0) -> F64:
    """Counter-clockwise circle; reversed (``[::-1]``) it is a hole."""
    return ellipse(radius, radius, count or chords(radius)) + np.array(centre)


def polygon(sides: int, across_flats: float, *, turn_rad: float = 0.0) -> F64:
    """Counter-clockwise regular polygon about the origin."""
    angle = np.arange(sides) * 2 * np.pi / sides + turn_rad
    radius = 0.5 * across_flats / math.cos(math.pi / sides)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


def threaded_rod(radius_m: float, pitch_m: float, turns: int, *, segments: int = 24) -> Manifold:
    """A rod with a real single-start helical V thread (ISO 68-1 proportions), z from 0 to (turns + 1) pitches.

    The two ends are ragged (one pitch each): cut them off or bury them.
    """
    root = radius_m - 0.6134 * pitch_m
    radii, fractions = np.array([root, radius_m, radius_m]), np.array([0.0, 0.42, 0.58])
    rows, columns = len(radii), turns * segments
    i = np.arange(columns + segments + 1)
    angle = 2 * np.pi * i / segments
    z = pitch_m * (i[:, None] / segments + fractions[None, :])
    points = np.stack([radii * np.cos(angle)[:, None], radii * np.sin(angle)[:, None], z], axis=-1)
    keep = np.ones((len(i), rows), dtype=bool)
    keep[columns + 1 :, 1:] = False
    number = np.where(keep, np.cumsum(keep.ravel()).reshape(keep.shape) - 1, -1)
    full = np.concatenate([number[: columns + 1], number[segments : columns + segments + 1, :1]], axis=1)
    a, b, c, d = full[:-1, :-1], full[1:, :-1], full[1:, 1:], full[:-1, 1:]
    sides = [np.stack([a, b, c], axis=-1).reshape(-1, 3), np.stack([a, c, d], axis=-1).reshape(-1, 3)]
    low, high = int(keep.sum()), int(keep.sum()) + 1
    loop_low = np.concatenate([number[: segments + 1, 0], full[0, rows - 1 : 0 : -1]])
    loop_high = np.concatenate([number[columns:, 0], full[columns, rows - 1 : 0 : -1]])
    caps = [
        np.stack([np.full(len(loop_low), low), np.roll(loop_low, -1), loop_low], axis=-1),
        np.stack([np.full(len(loop_high), high), loop_high, np.roll(loop_high, -1)], axis=-1),
    ]
    ends = [[0.0, 0.0, 0.5 * pitch_m], [0.0, 0.0, (turns + 0.5) * pitch_m]]
    return from_triangles(np.concatenate([points[keep], ends]), np.concatenate([*sides, *caps]))


def from_triangles(vertices: F64, triangles: np.ndarray) -> Manifold:
    """A manifold from a closed triangle mesh, (V, 3) and (F, 3)."""
    return Manifold(Mesh64(np.ascontiguousarray(vertices), np.ascontiguousarray(triangles, dtype=np.uint64)))
