"""Anti-aliasing: which pixels hold an edge, and how much of each neighbour's surface such a pixel really shows.

Labels and channels stay exact at pixel centres. Where neighbouring centres see different surfaces (another thing, a
crease, a step in depth), 16 sub-pixel rays are cast, only there, and each is given to that pixel of the 3 x 3
neighbourhood whose surface it hit. The counts are the weights with which ``synthgen.antialias`` mixes radiance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from synthgen.kernels import njit
from synthgen.render.channels import Visibility, ray_step
from synthgen.render.lens import Lens
from synthgen.render.subpixel import OFFSETS, SAMPLES, cast_subpixels
from synthgen.render.surfaces import Surfaces
from synthgen.render.things import Thing
from synthgen.types.arrays import F32, F64, I32, U8, U16, Bool
from synthgen.types.gbuffer import EdgeBlend

CREASE_COS = math.cos(math.radians(20.0))
STEP_PX = 1.5  # a point off its neighbour's tangent plane by more pixel footprints than this lies behind an edge
CREASE_WEIGHT_PX = 8.0  # footprints of plane distance that a right angle between normals counts for
CENTRE_WEIGHT_PX = 0.25  # footprints that one pixel of distance counts for: nearest wins among equals


@dataclass(frozen=True, eq=False)
class _Samples:
    """The sub-pixel rays of E edge pixels: what each hit first (depth inf, thing 0 = nothing)."""

    depth: F64
    thing: U16
    normal: F32


@njit(cache=True, nogil=True, error_model="numpy")
def _step_between(position: F32, geometric: F32, p: int, q: int, limit: float) -> bool:
    """Whether two points lie off each other's tangent planes by more than ``limit`` metres."""
    above_p, above_q = np.float32(0.0), np.float32(0.0)
    for c in range(3):
        d = position[q, c] - position[p, c]
        above_p += d * geometric[p, c]
        above_q += d * geometric[q, c]
    return bool(min(abs(above_p), abs(above_q)) > limit)


@njit(cache=True, nogil=True, error_model="numpy")
def _mark(thing: U16, depth: F64, position: F32, normal: F32, geometric: F32, pixel_slope: float, mark: U8) -> int:
    """Sets bit 1 at pixels beside another thing and bit 2 beside a crease or step of their own; returns their number.

    Args:
        pixel_slope: pixel size / focal length: metres per pixel at one metre.
    """
    height, width = thing.shape
    for y in range(height):
        for x in range(width):
            t = thing[y, x]
            p = y * width + x
            for k in range(2):
                # Right and down suffice: a straight edge that crosses a pixel parts two centres side by side.
                qx, qy = (x + 1, y) if k == 0 else (x, y + 1)
                if qx >= width or qy >= height:
                    continue
                if thing[qy, qx] != t:
                    mark[y, x] |= 1
                    mark[qy, qx] |= 1
                elif t > 0:
                    q = qy * width + qx
                    cosine = normal[p, 0] * normal[q, 0] + normal[p, 1] * normal[q, 1] + normal[p, 2] * normal[q, 2]
                    limit = STEP_PX * pixel_slope * min(depth[y, x], depth[qy, qx])
                    if cosine < CREASE_COS or _step_between(position, geometric, p, q, limit):
                        mark[y, x] |= 2
                        mark[qy, qx] |= 2
    count = 0
    for y in range(height):
        for x in range(width):
            count += mark[y, x] != 0
    return count


@njit(cache=True, nogil=True, error_model="numpy")
def _list_edges(
    mark: U8, depth: F64, lens: Lens, slot: I32, edges_above: I32, pixels: I32, ceiling: F64, ray: F64
) -> None:
    """Numbers the marked pixels in raster order.

    Args:
        slot: (H, W) output, number of each edge pixel, -1 elsewhere.
        edges_above: (H + 1, W + 1) zeros; becomes the number of edge pixels above and left of each pixel corner.
        pixels: (E,) output, flat indices.
        ceiling: (E,) output, farthest depth seen around the pixel: nothing beyond it can show.
        ray: (E, 6) output, u, v and their steps per pixel (``ray_step``).
    """
    height, width = mark.shape
    count = 0
    for y in range(height):
        row_start = count
        for x in range(width):
            slot[y, x] = -1
            edges_above[y + 1, x + 1] = edges_above[y, x + 1] + count - row_start + (mark[y, x] != 0)
            if mark[y, x] == 0:
                continue
            slot[y, x] = count
            pixels[count] = y * width + x
            farthest = 0.0
            for qy in range(max(y - 1, 0), min(y + 2, height)):
                for qx in range(max(x - 1, 0), min(x + 2, width)):
                    farthest = max(farthest, depth[qy, qx])
            ceiling[count] = farthest
            ray[count, 0], ray[count, 1] = lens.u[y, x], lens.v[y, x]
            ray[count, 2], ray[count, 3], ray[count, 4], ray[count, 5] = ray_step(lens.u, lens.v, y, x)
            count += 1


@njit(cache=True, nogil=True, error_model="numpy")
def _nearest_of_thing(thing: U16, y: int, x: int, ox: float, oy: float, wanted: int) -> int:
    """Which of the 3 x 3 neighbours shows ``wanted`` closest to a sub-pixel offset; 4, the centre, if none does."""
    best, choice = np.inf, 4
    for k in range(9):
        qy, qx = y + k // 3 - 1, x + k % 3 - 1
        if qy < 0 or qx < 0 or qy >= thing.shape[0] or qx >= thing.shape[1] or thing[qy, qx] != wanted:
            continue
        distance = (k % 3 - 1 - ox) ** 2 + (k // 3 - 1 - oy) ** 2
        if distance < best:
            best, choice = distance, k
    return choice


@njit(cache=True, nogil=True, error_model="numpy")
def _alike_of_thing(
    thing: U16,
    position: F32,
    normal: F32,
    geometric: F32,
    y: int,
    x: int,
    ox: float,
    oy: float,
    wanted: int,
    point: F64,
    direction: F32,
    footprint: float,
) -> int:
    """Which neighbour showing ``wanted`` lies on the surface a sample hit: plane distance, normal, then nearness."""
    best, choice = np.inf, 4
    length = np.sqrt(direction[0] ** 2 + direction[1] ** 2 + direction[2] ** 2)
    for k in range(9):
        qy, qx = y + k // 3 - 1, x + k % 3 - 1
        if qy < 0 or qx < 0 or qy >= thing.shape[0] or qx >= thing.shape[1] or thing[qy, qx] != wanted:
            continue
        q = qy * thing.shape[1] + qx
        above, cosine = 0.0, 0.0
        for c in range(3):
            above += (point[c] - position[q, c]) * geometric[q, c]
            cosine += direction[c] * normal[q, c]
        turned = 1.0 - abs(cosine) / length if length > 0.0 else 0.0
        off = np.sqrt((k % 3 - 1 - ox) ** 2 + (k // 3 - 1 - oy) ** 2)
        score = min(abs(above) / footprint, 4 * STEP_PX) + CREASE_WEIGHT_PX * turned + CENTRE_WEIGHT_PX * off
        if score < best:
            best, choice = score, k
    return choice


@njit(cache=True, nogil=True, error_model="numpy")
def _weigh(
    thing: U16,
    position: F32,
    normal: F32,
    geometric: F32,
    world_from_camera: F64,
    pixel_slope: float,
    mark: U8,
    pixels: I32,
    ray: F64,
    offsets: F64,
    sample_depth: F64,
    sample_thing: U16,
    sample_normal: F32,
    weights: U8,
    mixed: Bool,
) -> None:
    """Counts, per edge pixel, how many of its 16 samples belong to each neighbour; ``mixed``: not all to the centre."""
    m = world_from_camera
    width = thing.shape[1]
    point = np.empty(3)
    for e in range(len(pixels)):
        y, x = pixels[e] // width, pixels[e] % width
        for s in range(SAMPLES):
            ox, oy, wanted, z = offsets[s, 0], offsets[s, 1], sample_thing[e, s], sample_depth[e, s]
            if wanted == 0 or not mark[y, x] & 2:
                k = 4 if thing[y, x] == wanted else _nearest_of_thing(thing, y, x, ox, oy, wanted)
            else:
                u = ray[e, 0] + ray[e, 2] * ox + ray[e, 4] * oy
                v = ray[e, 1] + ray[e, 3] * ox + ray[e, 5] * oy
                for c in range(3):
                    point[c] = (m[c, 0] * u + m[c, 1] * v + m[c, 2]) * z + m[c, 3]
                k = _alike_of_thing(
                    thing,
                    position,
                    normal,
                    geometric,
                    y,
                    x,
                    ox,
                    oy,
                    wanted,
                    point,
                    sample_normal[e, s],
                    pixel_slope * z,
                )
            weights[e, k] += 1
        mixed[e] = weights[e, 4] != SAMPLES


def blend_edges(
    surfaces: Surfaces, seen: Visibility, things: tuple[Thing, ...], lens: Lens, world_from_camera: F64
) -> EdgeBlend:
    """The anti-aliasing weights of one view; ``things`` hold this view's vertices (of those that were drawn)."""
    height, width = seen.thing.shape
    points = height * width
    position, normal = surfaces.position.reshape(points, 3), surfaces.normal.reshape(points, 3)
    geometric = surfaces.geometric_normal.reshape(points, 3)
    pixel_slope = 0.5 * (1.0 / lens.fx + 1.0 / lens.fy)
    mark = np.zeros((height, width), np.uint8)
    count = _mark(seen.thing, seen.depth_m, position, normal, geometric, pixel_slope, mark)
    slot, pixels = np.empty((height, width), np.int32), np.empty(count, np.int32)
    ceiling, ray = np.empty(count), np.empty((count, 6))
    edges_above = np.zeros((height + 1, width + 1), np.int32)
    _list_edges(mark, seen.depth_m, lens, slot, edges_above, pixels, ceiling, ray)
    samples = _Samples(
        depth=np.full((count, SAMPLES), np.inf),
        thing=np.zeros((count, SAMPLES), np.uint16),
        normal=np.zeros((count, SAMPLES, 3), np.float32),
    )
    for thing in things:
        mesh = thing.model.mesh
        cast_subpixels(
            thing.camera,
            thing.image,
            mesh.faces,
            mesh.normals,
            thing.world_from_object,
            lens,
            thing.number,
            slot,
            edges_above,
            mark,
            ceiling,
            ray,
            OFFSETS,
            samples.depth,
            samples.thing,
            samples.normal,
        )
    weights, mixed = np.zeros((count, 9), np.uint8), np.zeros(count, np.bool_)
    _weigh(
        seen.thing,
        position,
        normal,
        geometric,
        world_from_camera,
        pixel_slope,
        mark,
        pixels,
        ray,
        OFFSETS,
        samples.depth,
        samples.thing,
        samples.normal,
        weights,
        mixed,
    )
    return EdgeBlend(pixels=pixels[mixed], weights=weights[mixed])
