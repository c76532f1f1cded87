"""Users' mesh files: loaded, checked, bounded, turned into object models with collision parts.

The object frame is the file's own axes and origin (glTF node transforms applied) x scale. Normals are recomputed with a
40 degree crease on merged positions, because scanners and exporters leave seams in theirs. Frames of reference and
conventions: DESIGN 5.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial import ConvexHull, QhullError

from synthgen.assets.hashing import hash_bytes, hash_files, require_file
from synthgen.assets.licences import provenance
from synthgen.assets.mesh_files import companions, read_pieces
from synthgen.assets.mesh_materials import Surface, read_surface
from synthgen.assets.model import make_model, split_creases, weld
from synthgen.assets.texture_atlas import fill_unused
from synthgen.assets.textures import make_texture
from synthgen.errors import AssetError
from synthgen.types.arrays import F32, F64, I64, U8
from synthgen.types.assets import MaterialSlot, ObjectModel, Symmetries, Texture
from synthgen.types.catalog import MeshSource

CREASE_DEG = 40.0
MIN_EXTENT_M, MAX_EXTENT_M = 0.002, 2.0
FLAT_M = 5e-4  # thinner meshes get this thickness for collision
UNITS = (("millimetres", 0.001), ("centimetres", 0.01), ("inches", 0.0254))
TYPICAL_EXTENT_M = 0.15
COACD_THRESHOLD, COACD_PARTS = 0.05, 24


@dataclass(frozen=True, eq=False)
class LoadedMesh:
    """A model and the embedded textures its slots refer to ("mesh:<model key>:<n>")."""

    model: ObjectModel
    textures: tuple[Texture, ...]


@dataclass(frozen=True, eq=False)
class _Soup:
    """All pieces of a file in one frame: (V, 3) metres, (F, 3), (F, 3, 2), (F,) and the surfaces of the slots."""

    vertices: F64
    faces: I64
    uvs: F32
    face_slot: I64
    surfaces: tuple[Surface, ...]


def load_mesh(source: MeshSource) -> ObjectModel:
    """The object model of a mesh file (GLB, glTF, OBJ, PLY, STL).

    Raises:
        AssetError: missing or unreadable file, no faces, no area, coordinates that are not finite, more than 2,000,000
            faces, an extent above 2 m or below 2 mm, or ``collision: coacd`` without the coacd extra.
    """
    return read_mesh(source).model


def hash_mesh(source: MeshSource) -> str:
    """Key of the model: 16 hex digits over the file, the files it names (materials, images, buffers), the options."""
    require_file(source.path)
    options = f"scale={source.scale!r} collision={source.collision}".encode()
    return hash_files([source.path, *companions(source.path)], salt=options)


def read_mesh(source: MeshSource) -> LoadedMesh:
    """As ``load_mesh``, with the textures."""
    with np.errstate(all="ignore"):  # infinite and giant coordinates get their sentence
        soup = _read_soup(source)
        _check_shape(soup, source)
    key = hash_mesh(source)
    mesh = split_creases(soup.vertices, soup.faces, soup.uvs, soup.face_slot, crease_deg=CREASE_DEG)
    first, group = weld(soup.vertices)
    points, triangles = soup.vertices[first], group[soup.faces]
    triangles = triangles[(triangles != np.roll(triangles, 1, axis=1)).all(axis=1)]
    watertight = is_closed(triangles)
    hull_points, hull_volume = convex_hull(points[np.unique(triangles)])
    textures, slots = _slots(soup.surfaces, key)
    origin = provenance(source.path)
    model = make_model(
        key=key,
        name=Path(source.path).stem,
        mesh=mesh,
        parts=(hull_points,) if source.collision == "hull" else _coacd(points, triangles, source.path),
        slots=slots,
        symmetries=Symmetries.none(),
        watertight=watertight,
        volume_m3=abs(signed_volume(points, triangles)) if watertight else hull_volume,
        source=origin.source,
        licence=origin.licence,
        attribution=origin.attribution,
    )
    return LoadedMesh(model, textures)


def _read_soup(source: MeshSource) -> _Soup:
    vertices, faces, uvs, slots, count = [], [], [], [], 0
    surfaces: list[Surface] = []
    seen: dict[Any, int] = {}
    for number, (piece, transform) in enumerate(read_pieces(source.path)):
        flat, corners = np.asarray(piece.vertices, dtype=np.float64), np.asarray(piece.faces, dtype=np.int64)
        _check_indices(flat, corners, source.path)
        points = flat @ transform[:3, :3].T + transform[:3, 3]
        name = f"{Path(source.path).stem}_{number}" if number else Path(source.path).stem
        surface = read_surface(piece, name, path=source.path)
        corner_uvs = _box_uvs(points, corners) if surface.corner_uvs is None else surface.corner_uvs
        if np.linalg.det(transform[:3, :3]) < 0:  # a mirrored node turns its faces inside out
            corners, corner_uvs = corners[:, ::-1], corner_uvs[:, ::-1]
        look = (surface.name, surface.material, surface.finish, _image_digest(surface.image))
        if look not in seen:
            seen[look] = len(surfaces)
            surfaces.append(surface)
        vertices.append(points * source.scale)
        faces.append(corners + count)
        uvs.append(corner_uvs)
        slots.append(np.full(len(corners), seen[look], dtype=np.int64))
        count += len(points)
    soup = _Soup(
        np.concatenate(vertices), np.concatenate(faces), np.concatenate(uvs), np.concatenate(slots), tuple(surfaces)
    )
    return _outward(soup)


def _check_indices(points: F64, corners: I64, path: str) -> None:
    """Raises AssetError for vertices without three coordinates and for corners without a vertex."""
    if points.ndim != 2 or points.shape[1] != 3 or corners.ndim != 2 or corners.shape[1] != 3:
        raise AssetError(
            f"{path} has vertices or faces of {points.shape[-1]} and {corners.shape[-1]} numbers; allowed: 3 each. "
            "Export it again as triangles"
        )
    low, high = int(corners.min()), int(corners.max())
    if low < 0 or high >= len(points):
        raise AssetError(
            f"{path} has faces that name vertex {low if low < 0 else high}; it has vertices 0 to {len(points) - 1:,}. "
            "It is damaged: export it again"
        )


def _outward(soup: _Soup) -> _Soup:
    """Turns a closed mesh that is inside out the right way round."""
    if not np.isfinite(soup.vertices).all():
        return soup
    first, group = weld(soup.vertices)
    triangles = group[soup.faces]
    if is_closed(triangles) and signed_volume(soup.vertices[first], triangles) < 0:
        return replace(soup, faces=soup.faces[:, ::-1], uvs=soup.uvs[:, ::-1])
    return soup


def _image_digest(image: U8 | None) -> str:
    return "" if image is None else hash_bytes(str(image.shape).encode(), image.tobytes())


def _slots(surfaces: tuple[Surface, ...], key: str) -> tuple[tuple[Texture, ...], tuple[MaterialSlot, ...]]:
    """Material slots, and a mip pyramid for every slot with an image."""
    textures: list[Texture] = []
    slots = []
    for surface in surfaces:
        material = surface.material
        if surface.image is not None:
            image = surface.image if surface.corner_uvs is None else fill_unused(surface.image, surface.corner_uvs)
            textures.append(make_texture(f"mesh:{key}:{len(textures)}", image))
            material = replace(material, texture=textures[-1].key)
        slots.append(MaterialSlot(surface.name, surface.finish, material))
    return tuple(textures), tuple(slots)


def _box_uvs(points: F64, faces: I64) -> F32:
    """(F, 3, 2) box projection along each face's dominant axis; the largest extent spans one repeat."""
    corners = points[faces]
    normal = np.abs(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]))
    axis = normal.argmax(axis=1)
    low = points.min(axis=0)
    unit = (corners - low) / max(float((points.max(axis=0) - low).max()), 1e-12)
    planes = np.array([(1, 2), (0, 2), (0, 1)])[axis]
    u = np.take_along_axis(unit, planes[:, None, :1], axis=2)[..., 0]
    v = np.take_along_axis(unit, planes[:, None, 1:], axis=2)[..., 0]
    return np.stack([u, 1.0 - v], axis=-1).astype(np.float32)


def _check_shape(soup: _Soup, source: MeshSource) -> None:
    """Raises AssetError for coordinates, areas and sizes that cannot be right."""
    bad = int((~np.isfinite(soup.vertices)).any(axis=1).sum())
    if bad:
        raise AssetError(
            f"{source.path} has {bad:,} of {len(soup.vertices):,} vertices with coordinates that are not finite "
            "(NaN or infinity); export it again, or remove them in a mesh editor"
        )
    a, b, c = (soup.vertices[soup.faces[:, k]] for k in range(3))
    extent = float(np.ptp(np.concatenate([a, b, c]), axis=0).max())
    if extent > MAX_EXTENT_M:  # before squares of giant coordinates overflow
        raise AssetError(_size_sentence(source, extent))
    area = float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum()) / 2
    if area <= 1e-12 * extent * extent:
        raise AssetError(
            f"{source.path} has {len(soup.faces):,} faces, all of them with zero area; a mesh needs a surface. "
            "Check the export, or that its points were not flattened to a line"
        )
    if extent < MIN_EXTENT_M:
        raise AssetError(_size_sentence(source, extent))


def _size_sentence(source: MeshSource, extent: float) -> str:
    """What is wrong with an extent in metres, and the scale to try."""
    head = (
        f"{source.path} is {extent:.4g} m across at scale {source.scale:g}; "
        f"allowed: {MIN_EXTENT_M:g} m to {MAX_EXTENT_M:g} m"
    )
    if extent < MIN_EXTENT_M:
        remedy = "remove the scale, the file seems to be in metres" if source.scale < 0.1 else "check the file's unit"
        back = 1.0 if source.scale < 0.1 else 1000.0 * source.scale
        return f"{head}. Try scale: {back:g} ({remedy})"
    readings = [(unit, factor) for unit, factor in UNITS if MIN_EXTENT_M <= extent * factor <= MAX_EXTENT_M]
    if not readings:
        return f"{head}. No common unit explains that size: check the file, or scale it to metres"
    readings.sort(key=lambda reading: abs(np.log(extent * reading[1] / TYPICAL_EXTENT_M)))
    options = [f"scale: {source.scale * factor:g} if it is in {unit}" for unit, factor in readings]
    return f"{head}. It looks like {readings[0][0]}: try {', or '.join(options)}"


def is_closed(triangles: I64) -> bool:
    """Whether every edge of (F, 3) welded triangles is shared by exactly two of them, in opposite directions."""
    start, end = triangles.reshape(-1), triangles[:, (1, 2, 0)].reshape(-1)
    size = int(triangles.max()) + 1
    forward, backward = np.sort(start * size + end), np.sort(end * size + start)
    return bool((forward[1:] != forward[:-1]).all() and (forward == backward).all())


def signed_volume(points: F64, triangles: I64) -> float:
    """Volume enclosed by a closed mesh (divergence theorem), negative when its faces point inwards."""
    centred = points - points.mean(axis=0)
    a, b, c = (centred[triangles[:, k]] for k in range(3))
    return float((np.cross(a, b) * c).sum() / 6.0)


def convex_hull(points: F64) -> tuple[F64, float]:
    """Corners (n, 3) and volume of the convex hull; a flat mesh is first given half a millimetre of thickness."""
    centred = points - points.mean(axis=0)
    axis = np.linalg.svd(centred.T @ centred)[2][-1]
    if np.ptp(centred @ axis) < FLAT_M:
        points = np.concatenate([points - axis * FLAT_M / 2, points + axis * FLAT_M / 2])
    try:
        hull = ConvexHull(points)
    except QhullError:
        hull = ConvexHull(points, qhull_options="QJ")
    return points[hull.vertices], float(hull.volume)


def _coacd(points: F64, triangles: I64, path: str) -> tuple[F64, ...]:
    """Approximate convex decomposition (Wei et al. 2022); seconds to minutes, the store keeps the result."""
    try:
        import coacd
    except ImportError as error:
        raise AssetError(
            f"collision: coacd for {path} needs the optional package coacd, which is not installed; "
            "install it with: pip install 'synthgen[coacd]', or use collision: hull"
        ) from error
    coacd.set_log_level("error")
    parts = coacd.run_coacd(
        coacd.Mesh(points, triangles), threshold=COACD_THRESHOLD, max_convex_hull=COACD_PARTS, seed=0
    )
    return tuple(convex_hull(np.asarray(vertices, dtype=np.float64))[0] for vertices, _ in parts)
