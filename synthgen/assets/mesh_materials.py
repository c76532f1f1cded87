"""Materials of mesh files: PBR factors, embedded albedo images and vertex colours become slots, images and uvs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import trimesh
from PIL import Image

from synthgen.assets.textures import EMBEDDED_MAX_PX, SRGB_DECODE, bound_image, decode_opened, encode_srgb8
from synthgen.errors import AssetError
from synthgen.types.arrays import F32, F64, U8
from synthgen.types.assets import Material

UNKNOWN_FINISH = "unknown"
PALETTE_COLOURS = 256
PALETTE_WIDTH = 16
EVEN_COLOUR_SD = 4.0  # 8-bit codes: below, vertex colours are one colour


@dataclass(frozen=True, eq=False)
class Surface:
    """How one piece of a mesh file looks.

    Attributes:
        name: of the material in the file, or of the piece.
        material: factors, without texture key.
        finish: "fixed", or "unknown" when the file says nothing about the surface.
        image: (H, W, 3) uint8 sRGB albedo, or None.
        corner_uvs: (F, 3, 2) float32, v down, or None when the file has none.
    """

    name: str
    material: Material
    finish: str
    image: U8 | None
    corner_uvs: F32 | None


def read_surface(piece: trimesh.Trimesh, name: str, *, path: str) -> Surface:
    """The look of one piece: texture before vertex colours before factors before nothing.

    Metallic-roughness textures are averaged over the corners' texture coordinates into the two factors: G-buffers carry
    one roughness and one metallic value per slot. Normal maps, emission and transparency are not used.
    Factors that are not finite count as not given.

    Raises:
        AssetError: a texture of ``path`` cannot be decoded.
    """
    try:
        return _surface(piece, name, f"a texture of {path}")
    except (ValueError, TypeError, LookupError, AttributeError) as error:  # trimesh hands on whatever the file says
        raise AssetError(
            f"{path} has a material that cannot be read (that of {name!r}); allowed: colours, factors and textures as "
            "Blender exports them. Open it there and export it again"
        ) from error


def _surface(piece: trimesh.Trimesh, name: str, label: str) -> Surface:
    visual = piece.visual
    uvs = _corner_uvs(piece)
    source = getattr(visual, "material", None)
    if source is not None:
        return _from_material(source, piece, uvs, name, label)
    if getattr(visual, "kind", None) in ("vertex", "face"):
        return _from_colours(piece, name)
    return Surface(name, Material(), UNKNOWN_FINISH, None, uvs)


def _corner_uvs(piece: trimesh.Trimesh) -> F32 | None:
    uv = getattr(piece.visual, "uv", None)
    if uv is None or len(uv) != len(piece.vertices):
        return None
    flipped = np.array(uv, dtype=np.float32)[:, :2]
    if flipped.shape[1:] != (2,) or not np.isfinite(flipped).all():
        return None
    flipped[:, 1] = 1.0 - flipped[:, 1]  # trimesh counts v upwards
    return np.ascontiguousarray(flipped[np.asarray(piece.faces)])


def _from_material(source: Any, piece: trimesh.Trimesh, uvs: F32 | None, name: str, label: str) -> Surface:
    pbr = isinstance(source, trimesh.visual.material.PBRMaterial)
    image = _image(source.baseColorTexture if pbr else getattr(source, "image", None), label)
    factor = _rgb(source.baseColorFactor if pbr else None if image is not None else source.diffuse)
    if pbr:
        roughness, metallic = _finite(source.roughnessFactor, 1.0), _finite(source.metallicFactor, 1.0)
        if source.metallicRoughnessTexture is not None and uvs is not None:
            green, blue = _mean_at(source.metallicRoughnessTexture, uvs, label)
            roughness, metallic = roughness * green, metallic * blue
        base = tuple(factor / 255.0)  # glTF factors are linear
    else:
        shininess = max(_finite(np.max(source.kwargs.get("ns", 30.0), initial=0.0), 30.0), 0.0)
        roughness, metallic = (2.0 / (shininess + 2.0)) ** 0.25, 0.0  # Blinn-Phong to GGX: alpha^2 = 2 / (n + 2)
        base = tuple(SRGB_DECODE[np.clip(np.rint(factor), 0, 255).astype(int)])  # MTL colours are meant for the screen
    colours = piece.visual.vertex_attributes.get("color") if image is None else None
    if colours is not None and len(colours) == len(piece.vertices):
        base = tuple(np.array(base) * SRGB_DECODE[np.asarray(colours, dtype=np.uint8)[:, :3]].mean(axis=0))
    material = Material(
        base_color=(float(base[0]), float(base[1]), float(base[2])),
        roughness=float(np.clip(roughness, 0.05, 1.0)),
        metallic=float(np.clip(metallic, 0.0, 1.0)),
    )
    given = getattr(source, "name", None)
    called = given if isinstance(given, str) and given else name
    return Surface(called, material, "fixed", image if uvs is not None else None, uvs)


def _finite(value: Any, default: float) -> float:
    return default if value is None or not np.isfinite(float(value)) else float(value)


def _image(texture: Any, label: str) -> U8 | None:
    """Embedded image, opaque (alpha is not part of an opaque glTF material), bounded to 1024 px."""
    if not isinstance(texture, Image.Image):
        return None
    return bound_image(decode_opened(texture, name=label), max_px=EMBEDDED_MAX_PX)


def _rgb(factor: Any) -> F64:
    """(3,) colour factor in 8-bit codes; white when there is none."""
    if factor is None:
        return np.full(3, 255.0)
    values = np.asarray(factor)
    codes = values.astype(np.float64) * (1.0 if values.dtype.kind in "ui" else 255.0)
    return np.asarray(np.clip(np.nan_to_num(codes.reshape(-1)[:3], nan=255.0), 0, 255))


def _mean_at(texture: Any, uvs: F32, label: str) -> tuple[float, float]:
    """Mean (green, blue) = (roughness, metallic) of a texture at the mesh's corners, in [0, 1]."""
    pixels = np.asarray(decode_opened(texture, name=label))
    height, width = pixels.shape[:2]
    u = np.floor((uvs[..., 0] % 1.0) * width).astype(int).clip(0, width - 1)
    v = np.floor((uvs[..., 1] % 1.0) * height).astype(int).clip(0, height - 1)
    mean = pixels[v, u].reshape(-1, 3).mean(axis=0) / 255.0
    return float(mean[1]), float(mean[2])


def _from_colours(piece: trimesh.Trimesh, name: str) -> Surface:
    """Vertex or face colours: one factor when they hardly differ, else a palette image with one colour per face."""
    visual = piece.visual
    if visual.kind == "vertex":
        corners = SRGB_DECODE[np.asarray(visual.vertex_colors, dtype=np.uint8)[:, :3]][np.asarray(piece.faces)]
        faces = encode_srgb8(corners.mean(axis=1))
    else:
        faces = np.ascontiguousarray(np.asarray(visual.face_colors, dtype=np.uint8)[:, :3])
    if faces.std(axis=0).max() < EVEN_COLOUR_SD:
        mean = SRGB_DECODE[faces].mean(axis=0)
        even = Material((float(mean[0]), float(mean[1]), float(mean[2])), roughness=0.6)
        return Surface(name, even, "fixed", None, _corner_uvs(piece))
    picture = Image.fromarray(faces[None]).quantize(PALETTE_COLOURS, method=Image.Quantize.MEDIANCUT)
    index = np.asarray(picture).reshape(-1).astype(np.int64)
    palette = np.zeros((PALETTE_COLOURS, 3), dtype=np.uint8)
    used = np.array(picture.getpalette(), dtype=np.uint8).reshape(-1, 3)
    palette[: len(used)] = used
    # Each face looks up the centre of one texel: no derivative, hence no mixing with the palette's neighbours.
    centre = (np.stack([index % PALETTE_WIDTH, index // PALETTE_WIDTH], axis=1) + 0.5) / PALETTE_WIDTH
    uvs = np.repeat(centre[:, None, :], 3, axis=1).astype(np.float32)
    image = palette.reshape(PALETTE_COLOURS // PALETTE_WIDTH, PALETTE_WIDTH, 3)
    return Surface(name, Material((1.0, 1.0, 1.0), roughness=0.6), "fixed", image, uvs)
