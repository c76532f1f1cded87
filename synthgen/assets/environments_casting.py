"""Ray casting of box rooms: what a point above the table sees of walls, lamps, windows and furniture.

Light on walls and furniture is one bounce from every emitter (form factor of a small patch) plus a constant for all
further bounces: enough for believable gradients, reflections and colour casts at 512 x 256.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

import numpy as np

from synthgen.assets.environments_painting import FurnitureKind, paint_floor, paint_furniture, paint_picture, paint_wall
from synthgen.kernels import njit
from synthgen.types.arrays import F64, I64

WIDTH, HEIGHT = 512, 256
SUPERSAMPLE = 2
Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Patch:
    """A rectangle on one of the room's faces.

    Attributes:
        face: 0..5 = -x, +x, -y, +y, floor, ceiling.
        centre, size: in the two in-plane axes of the face (the remaining axes in x, y, z order), metres.
        colour: linear RGB radiance of an emitter, albedo otherwise.
        emits: lamp or window.
        window: radiance falls off below the horizon, mullions divide it.
    """

    face: int
    centre: tuple[float, float]
    size: tuple[float, float]
    colour: Colour
    emits: bool = True
    window: bool = False


@dataclass(frozen=True)
class Furniture:
    """An axis-aligned box: centre of its footprint, footprint, z range, albedo, and what its faces look like."""

    centre: tuple[float, float]
    size: tuple[float, float]
    z: tuple[float, float]
    albedo: Colour
    kind: FurnitureKind = "plain"


@dataclass(frozen=True)
class Room:
    """Half sizes in x and y, height above and depth below the eye (metres), albedos and contents."""

    half: tuple[float, float]
    above: float
    below: float
    wall: Colour
    ceiling: Colour
    floor: Colour
    grid_m: float = 0.0
    patches: list[Patch] = field(default_factory=list)
    furniture: list[Furniture] = field(default_factory=list)
    floor_cell_m: float = 0.6


def directions() -> F64:
    """(H, W, 3) unit directions of the supersampled map: row 0 = zenith, azimuth counter-clockwise from +x."""
    height, width = HEIGHT * SUPERSAMPLE, WIDTH * SUPERSAMPLE
    theta = ((np.arange(height) + 0.5) * np.pi / height)[:, None]
    phi = ((np.arange(width) + 0.5) * 2 * np.pi / width)[None, :]
    return np.stack([np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta) + 0 * phi], axis=-1)


def cast_room(room: Room) -> F64:
    """Linear radiance of a room in every direction from its origin: (2 HEIGHT, 2 WIDTH, 3), row 0 = zenith."""
    direction = directions().reshape(-1, 3)
    low = np.array([-room.half[0], -room.half[1], -room.below])
    high = np.array([room.half[0], room.half[1], room.above])
    safe = np.where(np.abs(direction) < 1e-9, 1e-9, direction)
    exits = np.where(safe > 0, high / safe, low / safe)
    axis = exits.argmin(axis=1)
    distance = exits[np.arange(len(axis)), axis]
    positive = direction[np.arange(len(axis)), axis] > 0
    face = 2 * axis + positive
    point = direction * distance[:, None]
    normal = np.zeros_like(point)
    normal[np.arange(len(axis)), axis] = np.where(positive, -1.0, 1.0)

    albedo, emitted = _paint(room, face, point)
    _furnish(room, direction, distance, point, normal, albedo, emitted)
    fine = (HEIGHT * SUPERSAMPLE, WIDTH * SUPERSAMPLE, 3)
    coarse = (slice(None, None, SUPERSAMPLE), slice(None, None, SUPERSAMPLE))  # light varies slowly: one per pixel
    light = _bounce(room, point.reshape(fine)[coarse].reshape(-1, 3), normal.reshape(fine)[coarse].reshape(-1, 3))
    light *= _corners(room, point.reshape(fine)[coarse].reshape(-1, 3))[:, None]
    light = light.reshape(HEIGHT, WIDTH, 3).repeat(SUPERSAMPLE, axis=0).repeat(SUPERSAMPLE, axis=1)
    return emitted.reshape(fine) + albedo.reshape(fine) * light


def _corners(room: Room, point: F64) -> F64:
    """(N,) share of the light that reaches a point near the edges where walls, floor and ceiling meet."""
    gaps = np.stack(
        [room.half[0] - np.abs(point[:, 0]), room.half[1] - np.abs(point[:, 1]), point[:, 2] + room.below,
         room.above - point[:, 2]]
    )  # fmt: skip
    second = np.partition(np.maximum(gaps, 0.0), 1, axis=0)[1]  # the nearest face is the one the point lies on
    return np.asarray(1 - 0.35 * np.exp(-second / 0.25), dtype=np.float64)


def _in_plane(face: int) -> tuple[int, int]:
    return ((1, 2), (0, 2), (0, 1))[face // 2]


def _paint(room: Room, face: np.ndarray, point: F64) -> tuple[F64, F64]:
    """Albedo and emitted radiance of the room's own faces at the hit points."""
    base = np.array([room.wall] * 4 + [room.floor, room.ceiling])
    albedo = base[face].copy()
    if room.grid_m > 0:  # suspended ceiling: thin darker T-bars
        on = face == 5
        lines = np.abs((point[on, :2] / room.grid_m) % 1.0 - 0.5).max(axis=1) > 0.475
        albedo[on] = np.where(lines[:, None], albedo[on] * 0.72, albedo[on])
    upright, ground = face < 4, face == 4
    along = np.where(face // 2 == 0, point[:, 1], point[:, 0])
    albedo[upright] *= paint_wall(along[upright], point[upright, 2] + room.below)[:, None]
    albedo[ground] *= paint_floor(point[ground, 0], point[ground, 1], room.floor_cell_m)[:, None]
    skirting = (face < 4) & (point[:, 2] < -room.below + 0.12)
    albedo[skirting] *= 0.45
    emitted = np.zeros_like(albedo)
    for number, patch in enumerate(room.patches):
        a, b = _in_plane(patch.face)
        u = (point[:, a] - patch.centre[0]) / patch.size[0]
        v = (point[:, b] - patch.centre[1]) / patch.size[1]
        inside = (face == patch.face) & (np.abs(u) <= 0.5) & (np.abs(v) <= 0.5)
        frame = (
            (face == patch.face) & (np.abs(u) <= 0.5 + 0.05 / patch.size[0]) & (np.abs(v) <= 0.5 + 0.05 / patch.size[1])
        )
        if not patch.emits:
            albedo[inside] = paint_picture(np.array(patch.colour), u[inside], v[inside], number)
            continue
        albedo[frame] *= 0.6
        albedo[inside] = 0.05
        emitted[inside] = patch.colour
        if patch.window:
            emitted[inside] *= _outdoors(u[inside], v[inside], patch)[:, None]
    return albedo, emitted


def _outdoors(u: F64, v: F64, patch: Patch) -> F64:
    """Brightness seen through a window: sky above, a skyline, darker ground, mullions every 1.2 m."""
    skyline = -0.18 + 0.07 * np.sin(9.0 * u + patch.centre[0]) + 0.05 * np.sign(np.sin(31.0 * u + 1.3))
    brightness = np.where(v > skyline, 0.75 + 0.5 * (v + 0.5), 0.22 + 0.1 * (v + 0.5))
    bars = np.abs(((u + 0.5) * patch.size[0] / 1.2) % 1.0 - 0.5) > 0.47
    return np.where(bars, 0.03, brightness)


def _furnish(room: Room, direction: F64, distance: F64, point: F64, normal: F64, albedo: F64, emitted: F64) -> None:
    """Replaces what the furniture hides, in place."""
    if not room.furniture:
        return
    centre = np.array([thing.centre for thing in room.furniture])
    size = np.array([thing.size for thing in room.furniture])
    z = np.array([thing.z for thing in room.furniture])
    low = np.column_stack([centre - size / 2, z[:, 0]])
    high = np.column_stack([centre + size / 2, z[:, 1]])
    thing, axis = _nearest_box(direction, low, high, distance)
    hit = np.flatnonzero(thing >= 0)
    point[hit] = direction[hit] * distance[hit, None]
    normal[hit] = 0.0
    normal[hit, axis[hit]] = -np.sign(direction[hit, axis[hit]])
    emitted[hit] = 0.0
    for number, piece in enumerate(room.furniture):
        mine = thing == number
        top, side = mine & (axis == 2), mine & (axis != 2)
        across = np.where(axis[side] == 0, point[side, 1], point[side, 0])
        albedo[top] = piece.albedo
        albedo[side] = paint_furniture(
            piece.kind, np.array(piece.albedo), across, point[side, 2] - piece.z[0], 13 * number
        )


@njit(cache=True, nogil=True)
def _nearest_box(direction: F64, low: F64, high: F64, distance: F64) -> tuple[I64, I64]:
    """First box hit by each ray from the origin before ``distance`` (slab test), which is shortened in place."""
    thing = np.full(len(direction), -1, dtype=np.int64)
    side = np.zeros(len(direction), dtype=np.int64)
    for i in range(len(direction)):
        for b in range(len(low)):
            enter, leave, axis = -np.inf, np.inf, 0
            for k in range(3):
                d = direction[i, k] if abs(direction[i, k]) > 1e-9 else 1e-9
                one, two = low[b, k] / d, high[b, k] / d
                if min(one, two) > enter:
                    enter, axis = min(one, two), k
                leave = min(leave, max(one, two))
            if 0.0 < enter < leave and enter < distance[i]:
                distance[i], thing[i], side[i] = enter, b, axis
    return thing, side


def _bounce(room: Room, point: F64, normal: F64) -> F64:
    """(N, 3) irradiance / pi at the hit points: every emitter as point sources, plus the room's average."""
    sources, facings, colours, flux = [], [], [], np.zeros(3)
    bounds = (-room.half[0], room.half[0], -room.half[1], room.half[1], -room.below, room.above)
    for patch in room.patches:
        if not patch.emits:
            continue
        a, b = _in_plane(patch.face)
        colour = np.array(patch.colour) * (0.6 if patch.window else 1.0)
        area = patch.size[0] * patch.size[1]
        flux += colour * area
        facing = np.zeros(3)
        facing[patch.face // 2] = -1.0 if patch.face % 2 else 1.0
        offsets = (-0.25, 0.25) if area > 0.5 else (0.0,)
        for du, dv in itertools.product(offsets, offsets):
            source = np.zeros(3)
            source[patch.face // 2] = bounds[patch.face]
            source[a], source[b] = patch.centre[0] + du * patch.size[0], patch.centre[1] + dv * patch.size[1]
            sources.append(source)
            facings.append(facing)
            colours.append(colour * (area / len(offsets) ** 2 / np.pi))
    x, y, z = 2 * room.half[0], 2 * room.half[1], room.above + room.below
    surface = 2 * (x * y + x * z + y * z)
    mean_albedo = (
        np.array(room.wall) * 2 * (x + y) * z + (np.array(room.floor) + np.array(room.ceiling)) * x * y
    ) / surface
    ambient = flux / surface * mean_albedo / (1 - np.minimum(mean_albedo, 0.9))
    return ambient + _gather(point, normal, np.array(sources), np.array(facings), np.array(colours))


@njit(cache=True, nogil=True)
def _gather(point: F64, normal: F64, sources: F64, facings: F64, colours: F64) -> F64:
    """Sum over point sources of cos cos / r^2 times colour; r is bounded by 0.2 m."""
    light = np.zeros_like(point)
    for i in range(len(point)):
        for s in range(len(sources)):
            squared, arriving, leaving = 0.04, 0.0, 0.0
            for k in range(3):
                to = sources[s, k] - point[i, k]
                squared += to * to
                arriving += to * normal[i, k]
                leaving -= to * facings[s, k]
            if arriving > 0.0 and leaving > 0.0:
                weight = arriving * leaving / (squared * squared)
                for k in range(3):
                    light[i, k] += weight * colours[s, k]
    return light
