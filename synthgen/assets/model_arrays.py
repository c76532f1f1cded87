"""An ``ObjectModel`` as plain arrays and back, for the cache on disk."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np

from synthgen.assets.derived import Arrays
from synthgen.types.assets import Material, MaterialSlot, ObjectModel, Symmetries
from synthgen.types.geometry import Mesh

_MESH = ("vertices", "normals", "uvs", "faces", "face_slot")
_TEXTS = ("key", "name", "source", "licence", "attribution")
_NUMBERS = ("diameter_m", "volume_m3", "watertight")


def pack_model(model: ObjectModel) -> Arrays:
    """All of a model: meshes, hull parts one after the other, and the rest as JSON."""
    arrays: Arrays = {f"mesh_{name}": getattr(model.mesh, name) for name in _MESH}
    if model.light_mesh is not model.mesh:
        arrays |= {f"light_{name}": getattr(model.light_mesh, name) for name in _MESH}
    arrays["parts"] = np.concatenate(model.parts) if model.parts else np.zeros((0, 3))
    arrays["part_sizes"] = np.array([len(part) for part in model.parts], np.int64)
    arrays["bounds_m"] = model.bounds_m
    symmetries = model.symmetries
    arrays["discrete"] = symmetries.discrete
    arrays["axes"], arrays["offsets"] = symmetries.continuous_axes, symmetries.continuous_offsets
    rest = {name: getattr(model, name) for name in (*_TEXTS, *_NUMBERS)}
    rest["slots"] = [asdict(slot) for slot in model.slots]
    arrays["rest"] = np.frombuffer(json.dumps(rest).encode(), np.uint8)
    return arrays


def unpack_model(arrays: Arrays) -> ObjectModel:
    """The model that ``pack_model`` packed, equal to the last bit."""
    rest = json.loads(arrays["rest"].tobytes())
    mesh = Mesh(*(arrays[f"mesh_{name}"] for name in _MESH))
    light = Mesh(*(arrays[f"light_{name}"] for name in _MESH)) if "light_vertices" in arrays else mesh
    slots = tuple(
        MaterialSlot(
            slot["name"],
            slot["finish"],
            Material(**{**slot["material"], "base_color": tuple(slot["material"]["base_color"])}),
        )
        for slot in rest["slots"]
    )
    return ObjectModel(
        mesh=mesh,
        light_mesh=light,
        parts=tuple(np.split(arrays["parts"], np.cumsum(arrays["part_sizes"])[:-1]))
        if len(arrays["part_sizes"])
        else (),
        bounds_m=arrays["bounds_m"],
        slots=slots,
        symmetries=Symmetries(arrays["discrete"], arrays["axes"], arrays["offsets"]),
        **{name: rest[name] for name in (*_TEXTS, *_NUMBERS)},
    )
