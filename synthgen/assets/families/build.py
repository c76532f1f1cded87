"""From a family name and its numbers to a finished model."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable

import numpy as np

from synthgen.assets.families import distractors, fasteners, gadgets, household, machine, supports, tools, vessels
from synthgen.assets.families.shape import Shape
from synthgen.assets.model import make_model, split_creases
from synthgen.errors import AssetError
from synthgen.types.arrays import F32
from synthgen.types.assets import ObjectModel
from synthgen.types.catalog import FamilySource
from synthgen.types.geometry import Mesh

GEOMETRY_VERSION = "2"  # raise it whenever a builder's output changes: it is part of every family's key
CREASE_DEG = 28.0  # fillets turn by 22.5 degrees per step (smooth), chamfers by 30 and more (sharp)

# Families a pipeline may name; their ranges are in config.family_ranges.
LABELLED: dict[str, Callable[..., Shape]] = {
    "battery": household.battery,
    "bottle": vessels.bottle,
    "bowl": vessels.bowl,
    "box": household.box,
    "bracket": machine.bracket,
    "brick": household.brick,
    "can": vessels.can,
    "cup": vessels.cup,
    "die": household.die,
    "flange": machine.flange,
    "gadget": gadgets.gadget,
    "gear": machine.gear,
    "hammer": tools.hammer,
    "hex_bolt": fasteners.hex_bolt,
    "hex_nut": fasteners.hex_nut,
    "mug": vessels.mug,
    "pipe_elbow": machine.pipe_elbow,
    "plate": vessels.plate,
    "screwdriver": tools.screwdriver,
    "spoon": vessels.spoon,
    "t_slot_profile": machine.t_slot_profile,
    "tape_roll": household.tape_roll,
    "toy_brick": household.toy_brick,
    "washer": fasteners.washer,
    "wrench": tools.wrench,
}

# Supports, occluders and distractors that scenes ask for themselves.
INTERNAL: dict[str, Callable[..., Shape]] = {
    "beam": supports.beam,
    "blob": distractors.blob,
    "block": distractors.block,
    "cable": supports.cable,
    "cone": distractors.cone,
    "cylinder": distractors.cylinder,
    "floor": supports.floor,
    "l_profile": distractors.l_profile,
    "marker": distractors.marker,
    "notebook": distractors.notebook,
    "panel": supports.panel,
    "table_top": supports.table_top,
    "telephone": distractors.telephone,
    "tote": supports.tote,
    "tray": distractors.tray,
}

BUILDERS: dict[str, Callable[..., Shape]] = {**LABELLED, **INTERNAL}


def accepted_parameters(family: str) -> tuple[str, ...]:
    """Names of the numbers a family is built from, sorted."""
    return tuple(sorted(inspect.signature(BUILDERS[family]).parameters))


def family_key(source: FamilySource) -> str:
    """16 hex digits of the sha256 of geometry version, family and parameters (in any order)."""
    parameters = ",".join(f"{name}={float(value)!r}" for name, value in sorted(source.parameters))
    text = f"family:{GEOMETRY_VERSION}:{source.family}:{parameters}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def build_shape(source: FamilySource) -> Shape:
    """The bare shape of a family.

    Raises:
        AssetError: unknown family, or parameters that are not the family's own.
    """
    if source.family not in BUILDERS:
        raise AssetError(
            f"there is no procedural family {source.family!r}; allowed: {', '.join(sorted(LABELLED))}; "
            "use 'mesh' for your own models"
        )
    given, wanted = sorted(name for name, _ in source.parameters), list(accepted_parameters(source.family))
    if given != wanted:
        raise AssetError(
            f"family {source.family!r} was given the parameters {given}; it needs exactly {wanted}; "
            "name each of them once"
        )
    return BUILDERS[source.family](**{name: float(value) for name, value in source.parameters})


def build_family(source: FamilySource) -> ObjectModel:
    """The finished model of a family; the same source gives the same bytes.

    Raises:
        AssetError: see ``build_shape``.
    """
    shape = build_shape(source)
    key = family_key(source)
    mesh = split_creases(shape.vertices, shape.faces, shape.corner_uvs, shape.face_slot, crease_deg=CREASE_DEG)
    return make_model(
        key=key,
        name=f"{source.family}-{key[:6]}",
        mesh=flatten_normals(mesh),
        parts=shape.parts,
        slots=shape.slots,
        symmetries=shape.symmetries,
        watertight=True,
        volume_m3=shape.volume_m3,
        source="synthgen procedural",
        licence="CC0-1.0",
        attribution="",
    )


def flatten_normals(mesh: Mesh) -> Mesh:
    """The mesh with normals weighted by face area, smooth groups kept.

    Our flat sides are single large faces next to narrow fillets: weighted by area, they stay flat and the fillets
    carry the whole turn; weighted by angle alone, they would shade like pillows.
    """
    shared = np.ascontiguousarray(np.concatenate([mesh.vertices, mesh.normals], axis=1)) + np.float32(0)
    _, group = np.unique(shared.view([("", np.float32)] * 6).reshape(-1), return_inverse=True)
    corners = mesh.vertices[mesh.faces].astype(np.float64)
    doubled_area = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    sums = np.zeros((int(group.max()) + 1, 3))
    for axis in range(3):
        weights = np.repeat(doubled_area[:, axis], 3)
        sums[:, axis] = np.bincount(group[mesh.faces.reshape(-1)], weights=weights, minlength=len(sums))
    length = np.linalg.norm(sums, axis=1, keepdims=True)
    unit = sums / np.maximum(length, 1e-300)
    # Groups made of slivers only have no area to speak of: they keep the normal they came with.
    normals: F32 = np.where(length[group] > 1e-16, unit[group], mesh.normals).astype(np.float32)
    return Mesh(mesh.vertices, normals, mesh.uvs, mesh.faces, mesh.face_slot)
