"""The catalog: which assets a run may use, by key. Small, sent to every worker once, resolved by ``assets.store``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from synthgen.types.geometry import Intrinsics

Up = Literal["x", "y", "z", "any"]
Role = Literal["object", "distractor", "occluder", "fixture", "support", "floor"]

DISTRACTOR_ENTRIES = 10_000


@dataclass(frozen=True)
class FamilySource:
    """A procedural model: the family's name and its parameters, sorted by name (metres, degrees, counts, seeds)."""

    family: str
    parameters: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class MeshSource:
    """A user's mesh file. ``scale`` multiplies its coordinates; ``collision`` is "hull" or "coacd"."""

    path: str
    scale: float = 1.0
    collision: Literal["hull", "coacd"] = "hull"


@dataclass(frozen=True)
class AssetSpec:
    """One entry of the catalog.

    Attributes:
        key: content hash, equal to the model's key.
        name: for people.
        role: object (labelled), distractor (settled, indexed, unlabelled), fixture, ...
        source: where it comes from.
        class_name, supercategory: "" for unlabelled roles.
        category_id: 1..K, or 0 for unlabelled roles.
        weight: relative share in sampling (of this variant, not of its whole entry), > 0.
        up: object axis that points up in upright placement; "any" = no preference.
        density_kg_m3, friction: physics.
        entry: index of the pipeline entry it came from (-1 for supports and built-in distractors;
            ``DISTRACTOR_ENTRIES`` + index for entries of ``distractor_objects``).
    """

    key: str
    name: str
    role: Role
    source: FamilySource | MeshSource
    class_name: str = ""
    supercategory: str = ""
    category_id: int = 0
    weight: float = 1.0
    up: Up = "any"
    density_kg_m3: float = 400.0
    friction: float = 0.6
    entry: int = -1


@dataclass(frozen=True)
class FileAsset:
    """An image or .hdr file: ``key`` is "file:" + the first 16 hex digits of its sha256."""

    key: str
    path: str


@dataclass(frozen=True)
class Category:
    """One COCO category."""

    id: int
    name: str
    supercategory: str


@dataclass(frozen=True)
class Catalog:
    """Everything a scene may refer to, by key.

    Attributes:
        specs: objects, distractors, fixtures, in pipeline order (globs sorted). Keys may repeat across roles.
        categories: the COCO categories, ids ascending.
        environments: .hdr files; empty = procedural environments.
        support_textures, backdrop_textures: users' photographs; empty = procedural.
        material_textures: per pipeline entry (index, files): image textures from a folder.
        calibration: intrinsics read from ``camera.calibration``, at the pipeline's image size.
    """

    specs: tuple[AssetSpec, ...]
    categories: tuple[Category, ...]
    environments: tuple[FileAsset, ...] = ()
    support_textures: tuple[FileAsset, ...] = ()
    backdrop_textures: tuple[FileAsset, ...] = ()
    material_textures: tuple[tuple[int, tuple[FileAsset, ...]], ...] = ()
    calibration: Intrinsics | None = None

    def with_role(self, role: Role) -> tuple[AssetSpec, ...]:
        return tuple(spec for spec in self.specs if spec.role == role)
