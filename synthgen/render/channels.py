"""Deferred attributes: what the visibility buffers saw, turned into surfaces (position, normals, materials)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synthgen.kernels import njit
from synthgen.render.lens import Lens
from synthgen.render.raster import edge_planes, face_normal
from synthgen.render.surfaces import Surfaces
from synthgen.render.texture import LINEAR_OF_SRGB, NO_TEXTURE, fetch, plan_taps
from synthgen.render.things import Thing
from synthgen.types.arrays import F32, F64, I32, I64, U8, U16, U64

GRAZING = 0.02  # smallest cosine between shading normal and view: interpolation must not turn a surface away
FOOTPRINT_PX = 4  # neighbours in a row, on one face, that share a texture footprint: it changes by a percent or so


@dataclass(frozen=True, eq=False)
class Visibility:
    """What is seen at each pixel centre of one view.

    Attributes:
        depth_m: (H, W) float64 camera z, inf where nothing was hit.
        thing: (H, W) uint16, k = scene.objects[k - 1], 0 = nothing.
        face: (H, W) int32 face of that thing's mesh, -1 = nothing.
        amodal: (H, W, words) uint64, see ``types.gbuffer.GBuffers``.
    """

    depth_m: F64
    thing: U16
    face: I32
    amodal: U64


@njit(cache=True, nogil=True)
def pixels_by_thing(thing: U16, things: int) -> tuple[I32, I64]:
    """Counting sort by thing number 0..things: (flat pixel indices, (things + 2,) where each number's group starts)."""
    flat = thing.ravel()
    starts = np.zeros(things + 2, np.int64)
    for i in range(len(flat)):
        starts[flat[i] + 1] += 1
    for k in range(1, things + 2):
        starts[k] += starts[k - 1]
    place = starts.copy()
    order = np.empty(len(flat), np.int32)
    for i in range(len(flat)):
        k = flat[i]
        order[place[k]] = i
        place[k] += 1
    return order, starts


@njit(cache=True, nogil=True, error_model="numpy")
def _turn(m: F64, x: float, y: float, z: float) -> tuple[float, float, float]:
    """Rotates a vector by the upper left 3 x 3 of a matrix."""
    return (
        m[0, 0] * x + m[0, 1] * y + m[0, 2] * z,
        m[1, 0] * x + m[1, 1] * y + m[1, 2] * z,
        m[2, 0] * x + m[2, 1] * y + m[2, 2] * z,
    )


@njit(cache=True, nogil=True, error_model="numpy")
def world_rays(ray_u: F64, ray_v: F64, world_from_camera: F64, ray: F32) -> None:
    """Writes the unit world direction through every pixel centre to ``ray`` (H, W, 3) float32."""
    m = world_from_camera.astype(np.float32)
    ax, ay, az = m[0, 0], m[1, 0], m[2, 0]
    bx, by, bz = m[0, 1], m[1, 1], m[2, 1]
    cx, cy, cz = m[0, 2], m[1, 2], m[2, 2]
    for y in range(ray_u.shape[0]):
        for x in range(ray_u.shape[1]):
            u, v = np.float32(ray_u[y, x]), np.float32(ray_v[y, x])
            scale = np.float32(1.0) / np.sqrt(u * u + v * v + np.float32(1.0))
            ray[y, x, 0] = (ax * u + bx * v + cx) * scale
            ray[y, x, 1] = (ay * u + by * v + cy) * scale
            ray[y, x, 2] = (az * u + bz * v + cz) * scale


@njit(cache=True, nogil=True, error_model="numpy")
def ray_step(u: F64, v: F64, y: int, x: int) -> tuple[float, float, float, float]:
    """Change of a pixel's ray per pixel step, from its neighbours' rays: (du/dx, dv/dx, du/dy, dv/dy)."""
    height, width = u.shape
    x0, x1 = max(x - 1, 0), min(x + 1, width - 1)
    y0, y1 = max(y - 1, 0), min(y + 1, height - 1)
    nx, ny = max(x1 - x0, 1), max(y1 - y0, 1)
    return (
        (u[y, x1] - u[y, x0]) / nx,
        (v[y, x1] - v[y, x0]) / nx,
        (u[y1, x] - u[y0, x]) / ny,
        (v[y1, x] - v[y0, x]) / ny,
    )


@njit(cache=True, nogil=True, error_model="numpy")
def _facing(
    nx: float, ny: float, nz: float, gx: float, gy: float, gz: float, rx: float, ry: float, rz: float
) -> tuple[float, float, float]:
    """Unit shading normal on the side of the unit geometric normal g, never turned away from the unit ray r."""
    length = np.sqrt(nx * nx + ny * ny + nz * nz)
    if not length > 0.0:
        return gx, gy, gz
    scale = (-1.0 if nx * gx + ny * gy + nz * gz < 0.0 else 1.0) / length
    nx, ny, nz = nx * scale, ny * scale, nz * scale
    lift = GRAZING + (nx * rx + ny * ry + nz * rz)
    if lift > 0.0 and (rx != 0.0 or ry != 0.0 or rz != 0.0):
        nx, ny, nz = nx - lift * rx, ny - lift * ry, nz - lift * rz
        scale = 1.0 / np.sqrt(nx * nx + ny * ny + nz * nz)
        nx, ny, nz = nx * scale, ny * scale, nz * scale
    return nx, ny, nz


@njit(cache=True, nogil=True, error_model="numpy")
def _orient_points(
    pixels: I32,
    face: I32,
    depth: F64,
    ray_u: F64,
    ray_v: F64,
    ray: F32,
    camera: F64,
    normals: F32,
    faces: I32,
    world_from_camera: F64,
    world_from_object: F64,
    position: F32,
    normal: F32,
    geometric: F32,
) -> None:
    """Positions and normals of one thing's pixels, world axes ((H * W, 3) outputs).

    The interpolated normal is sum(e_i normal_i) up to length, and e_i = d . plane_i: a linear map of the ray, set up
    once per run of pixels on the same face.
    """
    width = face.shape[1]
    m = world_from_camera
    y, row_end, last, flat = 0, width, -1, False
    fx = fy = fz = 0.0
    gx = gy = gz = xu = xv = x1 = yu = yv = y1 = zu = zv = z1 = 0.0
    for p in pixels:
        while p >= row_end:
            y, row_end = y + 1, row_end + width
        x = p - row_end + width
        u, v, f = ray_u[y, x], ray_v[y, x], face[y, x]
        if f != last:
            last = f
            a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
            gx, gy, gz = face_normal(camera, a, b, c)
            scale = (-1.0 if gx * u + gy * v + gz > 0.0 else 1.0) / np.sqrt(gx * gx + gy * gy + gz * gz)
            gx, gy, gz = _turn(m, gx * scale, gy * scale, gz * scale)
            au, av, a1, bu, bv, b1, cu, cv, c1 = edge_planes(camera, a, b, c)
            nax, nbx, ncx = np.float64(normals[a, 0]), np.float64(normals[b, 0]), np.float64(normals[c, 0])
            nay, nby, ncy = np.float64(normals[a, 1]), np.float64(normals[b, 1]), np.float64(normals[c, 1])
            naz, nbz, ncz = np.float64(normals[a, 2]), np.float64(normals[b, 2]), np.float64(normals[c, 2])
            xu, xv, x1 = au * nax + bu * nbx + cu * ncx, av * nax + bv * nbx + cv * ncx, a1 * nax + b1 * nbx + c1 * ncx
            yu, yv, y1 = au * nay + bu * nby + cu * ncy, av * nay + bv * nby + cv * ncy, a1 * nay + b1 * nby + c1 * ncy
            zu, zv, z1 = au * naz + bu * nbz + cu * ncz, av * naz + bv * nbz + cv * ncz, a1 * naz + b1 * nbz + c1 * ncz
            flat = nax == nbx == ncx and nay == nby == ncy and naz == nbz == ncz
            if flat:  # one normal for the whole face
                nax, nay, naz = _turn(world_from_object, nax, nay, naz)
                fx, fy, fz = _facing(nax, nay, naz, gx, gy, gz, 0.0, 0.0, 0.0)
        rx, ry, rz = np.float64(ray[y, x, 0]), np.float64(ray[y, x, 1]), np.float64(ray[y, x, 2])
        nx, ny, nz = fx, fy, fz
        if not flat or GRAZING + (nx * rx + ny * ry + nz * rz) > 0.0:
            nx, ny, nz = _turn(world_from_object, xu * u + xv * v + x1, yu * u + yv * v + y1, zu * u + zv * v + z1)
            nx, ny, nz = _facing(nx, ny, nz, gx, gy, gz, rx, ry, rz)
        z = depth[y, x]
        wx, wy, wz = _turn(m, u * z, v * z, z)
        position[p, 0], position[p, 1], position[p, 2] = wx + m[0, 3], wy + m[1, 3], wz + m[2, 3]
        normal[p, 0], normal[p, 1], normal[p, 2] = nx, ny, nz
        geometric[p, 0], geometric[p, 1], geometric[p, 2] = gx, gy, gz


@njit(cache=True, nogil=True, error_model="numpy")
def _colour_points(
    pixels: I32,
    face: I32,
    ray_u: F64,
    ray_v: F64,
    pinhole_step: tuple[float, float],
    curved: bool,
    camera: F64,
    uvs: F32,
    faces: I32,
    face_slot: I32,
    slot: int,
    base_color: F32,
    slot_roughness: F32,
    slot_metallic: F32,
    uv_scale: F32,
    textured: bool,
    texels: U8,
    offsets: I32,
    widths: I32,
    heights: I32,
    linear: F32,
    albedo: F32,
    roughness: F32,
    metallic: F32,
) -> None:
    """Materials of those of one thing's pixels that lie on one slot ((H * W, ...) outputs).

    With e_i = d . plane_i, the texture coordinates are s = (d . S) / (d . N), t = (d . T) / (d . N), where
    S = sum(s_i plane_i), T = sum(t_i plane_i), N = sum(plane_i): perspective-correct, with exact derivatives.
    """
    width = face.shape[1]
    red, green, blue = base_color[slot, 0], base_color[slot, 1], base_color[slot, 2]
    rough, metal, repeat = slot_roughness[slot], slot_metallic[slot], np.float64(uv_scale[slot])
    ux, uy, vx, vy = pinhole_step[0], 0.0, 0.0, pinhole_step[1]
    y, row_end, last, shared_until = 0, width, -1, 0
    taps, step_u, step_v, level, blend = 1, 0.0, 0.0, 0, 0.0
    su = sv = s1 = tu = tv = t1 = nu = nv = n1 = 0.0
    for p in pixels:
        while p >= row_end:
            y, row_end = y + 1, row_end + width
        x = p - row_end + width
        f = face[y, x]
        if face_slot[f] != slot:
            continue
        albedo[p, 0], albedo[p, 1], albedo[p, 2] = red, green, blue
        roughness[p], metallic[p] = rough, metal
        if not textured:
            continue
        if f != last:
            last, shared_until = f, 0
            a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
            au, av, a1, bu, bv, b1, cu, cv, c1 = edge_planes(camera, a, b, c)
            sa, sb, sc = uvs[a, 0] * repeat, uvs[b, 0] * repeat, uvs[c, 0] * repeat
            ta, tb, tc = uvs[a, 1] * repeat, uvs[b, 1] * repeat, uvs[c, 1] * repeat
            su, sv, s1 = au * sa + bu * sb + cu * sc, av * sa + bv * sb + cv * sc, a1 * sa + b1 * sb + c1 * sc
            tu, tv, t1 = au * ta + bu * tb + cu * tc, av * ta + bv * tb + cv * tc, a1 * ta + b1 * tb + c1 * tc
            nu, nv, n1 = au + bu + cu, av + bv + cv, a1 + b1 + c1
        u, v = ray_u[y, x], ray_v[y, x]
        total = nu * u + nv * v + n1
        inverse = 1.0 / total if total != 0.0 else 0.0
        s, t = (su * u + sv * v + s1) * inverse, (tu * u + tv * v + t1) * inverse
        if p >= shared_until:
            shared_until = min(p + FOOTPRINT_PX, row_end)
            dsdu, dsdv = (su - s * nu) * inverse, (sv - s * nv) * inverse
            dtdu, dtdv = (tu - t * nu) * inverse, (tv - t * nv) * inverse
            if curved:
                ux, vx, uy, vy = ray_step(ray_u, ray_v, y, x)
            taps, step_u, step_v, level, blend = plan_taps(
                widths,
                heights,
                dsdu * ux + dsdv * vx,
                dtdu * ux + dtdv * vx,
                dsdu * uy + dsdv * vy,
                dtdu * uy + dtdv * vy,
            )
        r, g, b_ = fetch(texels, offsets, widths, heights, s, t, taps, step_u, step_v, level, blend, linear)
        albedo[p, 0], albedo[p, 1], albedo[p, 2] = red * r, green * g, blue * b_


@njit(cache=True, nogil=True)
def _clear_points(
    pixels: I32, position: F32, normal: F32, geometric: F32, albedo: F32, roughness: F32, metallic: F32
) -> None:
    """Zeroes the surface channels where nothing was hit."""
    for p in pixels:
        roughness[p] = metallic[p] = 0.0
        for c in range(3):
            position[p, c] = normal[p, c] = geometric[p, c] = albedo[p, c] = 0.0


def new_surfaces(height: int, width: int) -> Surfaces:
    """Room for one view; ``fill_surfaces`` overwrites every entry."""
    return Surfaces(
        thing=np.empty((height, width), np.uint16),
        position=np.empty((height, width, 3), np.float32),
        normal=np.empty((height, width, 3), np.float32),
        geometric_normal=np.empty((height, width, 3), np.float32),
        ray=np.empty((height, width, 3), np.float32),
        albedo=np.empty((height, width, 3), np.float32),
        roughness=np.empty((height, width), np.float32),
        metallic=np.empty((height, width), np.float32),
    )


def fill_surfaces(
    surfaces: Surfaces, seen: Visibility, things: tuple[Thing, ...], lens: Lens, world_from_camera: F64
) -> None:
    """Evaluates every visible point of one view into ``surfaces`` (in place); ``things`` hold this view's vertices."""
    world_rays(lens.u, lens.v, world_from_camera, surfaces.ray)
    np.copyto(surfaces.thing, seen.thing)
    points = seen.thing.size
    position, normal = surfaces.position.reshape(points, 3), surfaces.normal.reshape(points, 3)
    geometric, albedo = surfaces.geometric_normal.reshape(points, 3), surfaces.albedo.reshape(points, 3)
    roughness, metallic = surfaces.roughness.reshape(points), surfaces.metallic.reshape(points)
    order, starts = pixels_by_thing(seen.thing, max((thing.number for thing in things), default=0))
    _clear_points(order[: starts[1]], position, normal, geometric, albedo, roughness, metallic)
    for thing in things:
        pixels = order[starts[thing.number] : starts[thing.number + 1]]
        if len(pixels):
            mesh = thing.model.mesh
            _orient_points(
                pixels, seen.face, seen.depth_m, lens.u, lens.v, surfaces.ray, thing.camera, mesh.normals, mesh.faces,
                world_from_camera, thing.world_from_object, position, normal, geometric,
            )  # fmt: skip
            _colour_thing(thing, pixels, seen.face, lens, albedo, roughness, metallic)


def _colour_thing(thing: Thing, pixels: I32, face: I32, lens: Lens, albedo: F32, roughness: F32, metallic: F32) -> None:
    """Materials of one thing's pixels, slot by slot: every slot has its own texture."""
    mesh, slots = thing.model.mesh, thing.slots
    for slot, texture in enumerate(slots.textures):
        image = texture or NO_TEXTURE
        _colour_points(
            pixels, face, lens.u, lens.v, (1.0 / lens.fx, 1.0 / lens.fy), lens.curved,
            thing.camera, mesh.uvs, mesh.faces, mesh.face_slot, slot,
            slots.base_color, slots.roughness, slots.metallic, slots.uv_scale,
            texture is not None, image.texels, image.offsets, image.widths, image.heights, LINEAR_OF_SRGB,
            albedo, roughness, metallic,
        )  # fmt: skip
