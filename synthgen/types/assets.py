"""What the asset store hands out: models, textures, environment maps. Big, per process, never sent between workers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synthgen.types.arrays import F32, F64, I32, U8, freeze
from synthgen.types.geometry import Mesh


@dataclass(frozen=True)
class Material:
    """PBR metallic-roughness surface (glTF 2.0 semantics).

    Attributes:
        base_color: linear RGB factor in [0, 1], multiplies the texture.
        roughness: perceptual roughness in [0.03, 1] (alpha = roughness squared).
        metallic: 0 dielectric (F0 = 0.04) .. 1 metal (F0 = base colour).
        texture: key of an sRGB albedo texture in the asset store, "" for none.
        uv_scale: uv is multiplied by this before the look-up (textures repeat).
    """

    base_color: tuple[float, float, float] = (0.8, 0.8, 0.8)
    roughness: float = 0.5
    metallic: float = 0.0
    texture: str = ""
    uv_scale: float = 1.0


@dataclass(frozen=True)
class MaterialSlot:
    """One paintable part of a model.

    Attributes:
        name: e.g. "body", "label", "pips".
        finish: key of the literal finish table in ``scene.materials`` ("ceramic", "brushed_steel", ...);
            "fixed" means that ``material`` is used as it is (user meshes, die pips).
        material: the file's own material, or a neutral default.
    """

    name: str
    finish: str
    material: Material = Material()


@dataclass(frozen=True, eq=False)
class Symmetries:
    """Symmetries in BOP's models_info convention, object frame, metres.

    Attributes:
        discrete: (N, 4, 4) float64 rigid transforms other than the identity.
        continuous_axes: (M, 3) float64 unit axes of rotational symmetry.
        continuous_offsets: (M, 3) float64 points on those axes.
    """

    discrete: F64
    continuous_axes: F64
    continuous_offsets: F64

    @staticmethod
    def none() -> Symmetries:
        return Symmetries(np.zeros((0, 4, 4)), np.zeros((0, 3)), np.zeros((0, 3)))


@dataclass(frozen=True, eq=False)
class ObjectModel:
    """One object, loaded or built, checked and bounded.

    Attributes:
        key: content hash, 16 hex digits: of file bytes and options, or of family and parameters.
        name: for people: "mug-03", "ycb_005_tomato_soup_can".
        mesh: what is rendered and labelled.
        light_mesh: the same surface with at most ~6000 faces: casts shadows and ambient occlusion.
        parts: convex collision parts, each (n, 3) float64 hull points in the object frame.
        bounds_m: (2, 3) float64 min and max corner of ``mesh`` in the object frame.
        diameter_m: largest distance between two vertices (BOP).
        volume_m3: of the solid, > 0 (of the convex parts where the mesh is not watertight).
        watertight: whether ``mesh`` encloses a volume.
        slots: material slots, indexed by ``mesh.face_slot``.
        symmetries, source, licence, attribution: as in models.parquet.
    """

    key: str
    name: str
    mesh: Mesh
    light_mesh: Mesh
    parts: tuple[F64, ...]
    bounds_m: F64
    diameter_m: float
    volume_m3: float
    watertight: bool
    slots: tuple[MaterialSlot, ...]
    symmetries: Symmetries
    source: str
    licence: str
    attribution: str

    @property
    def extent_m(self) -> F64:
        """(3,) size of the axis-aligned box in the object frame."""
        return self.bounds_m[1] - self.bounds_m[0]


@dataclass(frozen=True, eq=False)
class Texture:
    """A mip pyramid of 8-bit sRGB texels, packed level after level into one array (numba reads it flat).

    Attributes:
        texels: (T, 3) uint8 sRGB; level l starts at offsets[l], row-major, widths[l] x heights[l].
        offsets, widths, heights: (L,) int32.
    """

    key: str
    texels: U8
    offsets: I32
    widths: I32
    heights: I32

    def __post_init__(self) -> None:
        freeze(self.texels)


@dataclass(frozen=True, eq=False)
class EnvironmentMap:
    """Equirectangular linear radiance, world z up.

    ``radiance``: (H, W, 3) float32, W = 2 H; row 0 is the zenith; column u in [0, 1) looks along azimuth
    2 pi u measured counter-clockwise from world +x. Scaled so that the mean irradiance on a horizontal upward
    surface is pi (a white diffuse card then has radiance 1).
    """

    key: str
    radiance: F32

    def __post_init__(self) -> None:
        freeze(self.radiance)
