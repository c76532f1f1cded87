"""Anti-aliasing: which pixels hold an edge, and how much of each neighbour's surface such a pixel really shows.

Labels and channels stay exact at pixel centres. Where neighbouring centres see different surfaces (another thing, a
crease, a step in depth), 16 sub-pixel rays are cast, only there, and each is given to that pixel of the 3 x 3
neighbourhood whose surface it hit. The counts are the weights with which ``synthgen.antialias`` mixes radiance.
"""

from __future__ import annotations

import math

import numpy as np

from synthgen.kernels import inner, njit
from synthgen.render.channels import Visibility, ray_step
from synthgen.render.lens import Lens
from synthgen.render.subpixel import OFFSETS, OFFSETS_X, OFFSETS_Y, SAMPLES, Hits, cast_subpixels, room_for_hits
from synthgen.render.surfaces import Surfaces
from synthgen.render.things import Thing
from synthgen.types.arrays import F32, F64, I32, I64, U8, U16, Bool
from synthgen.types.gbuffer import EdgeBlend

CREASE_COS = math.cos(math.radians(20.0))
STEP_PX = 1.5  # a point off its neighbour's tangent plane by more pixel footprints than this lies behind an edge
CREASE_WEIGHT_PX = 8.0  # footprints of plane distance that a right angle between normals counts for
CENTRE_WEIGHT_PX = 0.25  # footprints that one pixel of distance counts for: nearest wins among equals
CEILING_SLACK = 1.0 - 1e-6  # rounding of single precision


def _distances() -> F32:
    """(16, 9) float32: pixels from each sub-pixel offset to each centre of the 3 x 3 neighbourhood."""
    centres = np.stack([np.tile([-1.0, 0.0, 1.0], 3), np.repeat([-1.0, 0.0, 1.0], 3)], axis=1)
    return np.linalg.norm(OFFSETS[:, None] - centres, axis=2).astype(np.float32)


DISTANCES = _distances()
NEAREST_FIRST = np.argsort(DISTANCES, axis=1, kind="stable").astype(np.int64)


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
def _mark(
    thing: U16, face: I32, depth: F64, position: F32, normal: F32, geometric: F32, pixel_slope: float, mark: U8
) -> int:
    """Sets bit 1 at pixels beside another thing and bit 2 beside a crease or step of their own; returns their number.

    Args:
        pixel_slope: pixel size / focal length: metres per pixel at one metre.
    """
    height, width = thing.shape
    for y in range(height):
        for x in range(width):
            t, f = thing[y, x], face[y, x]
            p = y * width + x
            for k in range(2):
                # Right and down suffice: a straight edge that crosses a pixel parts two centres side by side.
                qx, qy = (x + 1, y) if k == 0 else (x, y + 1)
                if qx >= width or qy >= height:
                    continue
                if thing[qy, qx] != t:
                    mark[y, x] |= 1
                    mark[qy, qx] |= 1
                elif t > 0 and face[qy, qx] != f:
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
def _list_edges(mark: U8, depth: F64, lens: Lens, edges_above: I32, pixels: I32, floor: F32, ray: F64) -> None:
    """Numbers the marked pixels in raster order.

    Args:
        edges_above: (H + 1, W + 1) zeros; becomes the number of edge pixels above and left of each pixel corner.
        pixels: (E,) output, flat indices.
        floor: (E,) output, 1 / the farthest depth seen around the pixel: nothing beyond it can show.
        ray: (E, 6) output, u, v and their steps per pixel (``ray_step``).
    """
    height, width = mark.shape
    count = 0
    for y in range(height):
        row_start = count
        for x in range(width):
            edges_above[y + 1, x + 1] = edges_above[y, x + 1] + count - row_start + (mark[y, x] != 0)
            if mark[y, x] == 0:
                continue
            pixels[count] = y * width + x
            farthest = 0.0
            for qy in range(max(y - 1, 0), min(y + 2, height)):
                for qx in range(max(x - 1, 0), min(x + 2, width)):
                    farthest = max(farthest, depth[qy, qx])
            floor[count] = CEILING_SLACK / farthest
            ray[count, 0], ray[count, 1] = lens.u[y, x], lens.v[y, x]
            ray[count, 2], ray[count, 3], ray[count, 4], ray[count, 5] = ray_step(lens.u, lens.v, y, x)
            count += 1


@njit(cache=True, nogil=True, error_model="numpy")
def _gather(
    thing: U16, position: F32, normal: F32, geometric: F32, m: F64, y: int, x: int, around: I32, near: F32
) -> None:
    """Reads the 3 x 3 neighbourhood of a pixel that lies beside a crease or step.

    Args:
        m: world_from_camera.
        around: (9,) int32 output: the thing each centre shows, -1 outside the image.
        near: (7, 9) float32 output: shading normal (3 rows), geometric normal in camera axes (3), and the distance of
            its tangent plane from the camera along that normal, metres.
    """
    height, width = thing.shape
    for k in range(9):
        qy, qx = y + k // 3 - 1, x + k % 3 - 1
        around[k] = -1
        if qy < 0 or qx < 0 or qy >= height or qx >= width:
            continue
        q = qy * width + qx
        around[k] = thing[qy, qx]
        plane = 0.0
        for c in range(3):
            near[c, k] = normal[q, c]
            near[3 + c, k] = m[0, c] * geometric[q, 0] + m[1, c] * geometric[q, 1] + m[2, c] * geometric[q, 2]
            plane += (position[q, c] - m[c, 3]) * geometric[q, c]
        near[6, k] = plane


@inner
def _alike(
    around: I32,
    near: F32,
    turned: F32,
    distances: F32,
    s: int,
    wanted: int,
    u: float,
    v: float,
    z: float,
    slope: float,
    scores: F32,
) -> int:
    """Which neighbour showing ``wanted`` lies on the surface a sample hit: plane distance, normal, then nearness."""
    best, choice = np.float32(np.inf), 4
    ru, rv, depth = np.float32(u), np.float32(v), np.float32(z)
    per_pixel, most = np.float32(1.0 / (slope * z)), np.float32(4 * STEP_PX)
    for k in range(9):  # without branches: all nine at once
        off = abs(depth * (near[3, k] * ru + near[4, k] * rv + near[5, k]) - near[6, k]) * per_pixel
        off = off if off < most else most
        score = off + turned[k] + np.float32(CENTRE_WEIGHT_PX) * distances[s, k]
        scores[k] = score if around[k] == wanted else np.float32(np.inf)
    for k in range(9):
        if scores[k] < best:
            best, choice = scores[k], k
    return choice


@njit(cache=True, nogil=True, error_model="numpy")
def _weigh(
    thing: U16,
    face: I32,
    position: F32,
    normal: F32,
    geometric: F32,
    world_from_camera: F64,
    pixel_slope: float,
    mark: U8,
    pixels: I32,
    ray: F64,
    offset_x: F32,
    offset_y: F32,
    distances: F32,
    nearest_first: I64,
    hits: Hits,
    nearness: F32,
    hit: I32,
    weights: U8,
    mixed: Bool,
) -> None:
    """Counts, per edge pixel, how many of its 16 samples belong to each neighbour; ``mixed``: not all to the centre."""
    height, width = thing.shape
    around, near, turned = np.empty(9, np.int32), np.zeros((7, 9), np.float32), np.empty(9, np.float32)
    scores = np.empty(9, np.float32)
    for e in range(len(pixels)):
        y, x = pixels[e] // width, pixels[e] % width
        own, own_face, gathered, last = thing[y, x], face[y, x], False, np.int32(-1)
        for s in range(SAMPLES):
            row = hit[e, s]
            wanted = hits.thing[row]
            if wanted == own and (hits.face[row] == own_face or not mark[y, x] & 2):
                weights[e, 4] += 1
                continue
            if wanted == 0 or not mark[y, x] & 2:
                choice = 4
                for i in range(9):
                    k = nearest_first[s, i]
                    qy, qx = y + k // 3 - 1, x + k % 3 - 1
                    if 0 <= qy < height and 0 <= qx < width and thing[qy, qx] == wanted:
                        choice = k
                        break
                weights[e, choice] += 1
                continue
            if not gathered:
                gathered = True
                _gather(thing, position, normal, geometric, world_from_camera, y, x, around, near)
            if row != last:
                last = row
                nx, ny, nz = hits.normal[row, 0], hits.normal[row, 1], hits.normal[row, 2]
                for k in range(9):
                    cosine = abs(nx * near[0, k] + ny * near[1, k] + nz * near[2, k])
                    turned[k] = np.float32(CREASE_WEIGHT_PX) * (np.float32(1.0) - cosine)
            u = ray[e, 0] + ray[e, 2] * offset_x[s] + ray[e, 4] * offset_y[s]
            v = ray[e, 1] + ray[e, 3] * offset_x[s] + ray[e, 5] * offset_y[s]
            z = 1.0 / nearness[e, s]
            weights[e, _alike(around, near, turned, distances, s, wanted, u, v, z, pixel_slope, scores)] += 1
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
    count = _mark(seen.thing, seen.face, seen.depth_m, position, normal, geometric, pixel_slope, mark)
    pixels = np.empty(count, np.int32)
    floor, ray = np.empty(count, np.float32), np.empty((count, 6))
    edges_above = np.zeros((height + 1, width + 1), np.int32)
    _list_edges(mark, seen.depth_m, lens, edges_above, pixels, floor, ray)
    nearness, hit = np.zeros((count, SAMPLES), np.float32), np.zeros((count, SAMPLES), np.int32)
    hits, rows = room_for_hits(sum(len(thing.model.mesh.faces) for thing in things)), 1
    for thing in things:
        mesh = thing.model.mesh
        rows = cast_subpixels(
            thing.camera, thing.image, mesh.faces, mesh.normals, thing.world_from_object, lens, thing.number,
            edges_above, ray, OFFSETS_X, OFFSETS_Y, hits, rows, floor, nearness, hit,
        )  # fmt: skip
    weights, mixed = np.zeros((count, 9), np.uint8), np.zeros(count, np.bool_)
    _weigh(
        seen.thing, seen.face, position, normal, geometric, world_from_camera, pixel_slope, mark, pixels, ray,
        OFFSETS_X, OFFSETS_Y, DISTANCES, NEAREST_FIRST, hits, nearness, hit, weights, mixed,
    )  # fmt: skip
    return EdgeBlend(pixels=pixels[mixed], weights=weights[mixed])
