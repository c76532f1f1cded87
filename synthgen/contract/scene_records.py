"""A settled scene as one line of JSON, and back: every number to the last bit, so that its G-buffer is too.

Equal materials, sources and lenses are written once. Poses are their upper three rows.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import numpy as np

from synthgen.types.arrays import F64
from synthgen.types.assets import Material
from synthgen.types.catalog import FamilySource, MeshSource
from synthgen.types.geometry import Camera, Intrinsics
from synthgen.types.scene import AreaLight, EnvironmentLight, Scene, SceneObject

Source = FamilySource | MeshSource


def scene_text(scene: Scene) -> str:
    """One line of JSON; numbers are written so that they are read back bit for bit."""
    materials = list(dict.fromkeys(material for thing in scene.objects for material in thing.materials))
    sources = list(dict.fromkeys((thing.asset_key, thing.source) for thing in scene.objects))
    lenses = list(dict.fromkeys(camera.intrinsics for camera in scene.cameras))
    body = {
        "index": scene.index,
        "attempt": scene.attempt,
        "seed": scene.seed,
        "materials": [list(asdict(material).values()) for material in materials],
        "sources": [[key, *_source_fields(source)] for key, source in sources],
        "objects": [
            [
                thing.instance_index,
                thing.role,
                sources.index((thing.asset_key, thing.source)),
                thing.category_id,
                [materials.index(material) for material in thing.materials],
                _pose_numbers(thing.world_from_object),
            ]
            for thing in scene.objects
        ],
        "environment": [scene.environment.key, scene.environment.rotation_rad, scene.environment.intensity],
        "lights": [
            [np.asarray(light.position_m).tolist(), np.asarray(light.direction).tolist(), light.size_m, light.radiance]
            for light in scene.lights
        ],
        "lenses": [list(asdict(lens).values()) for lens in lenses],
        "cameras": [
            [lenses.index(camera.intrinsics), _pose_numbers(camera.world_from_camera)] for camera in scene.cameras
        ],
        "view_indices": list(scene.view_indices),
    }
    return json.dumps(body, separators=(",", ":"), allow_nan=False)


def parse_scene(text: str) -> Scene:
    """The scene of a line that ``scene_text`` wrote.

    Raises:
        ValueError: it is not such a line (also as KeyError, TypeError or IndexError).
    """
    body = json.loads(text)
    materials = [Material(tuple(color), *rest) for color, *rest in body["materials"]]
    sources = [(key, _source(*fields)) for key, *fields in body["sources"]]
    lenses = [_lens(*numbers) for numbers in body["lenses"]]
    return Scene(
        index=body["index"],
        attempt=body["attempt"],
        seed=body["seed"],
        objects=tuple(
            SceneObject(
                instance,
                role,
                sources[source][0],
                sources[source][1],
                category,
                _pose(pose),
                tuple(materials[i] for i in slots),
            )
            for instance, role, source, category, slots, pose in body["objects"]
        ),
        environment=EnvironmentLight(*body["environment"]),
        lights=tuple(
            AreaLight(np.array(position, np.float64), np.array(direction, np.float64), (size[0], size[1]), tuple(color))
            for position, direction, size, color in body["lights"]
        ),
        cameras=tuple(Camera(lenses[lens], _pose(pose)) for lens, pose in body["cameras"]),
        view_indices=tuple(body["view_indices"]),
    )


def _lens(width: int, height: int, fx: float, fy: float, cx: float, cy: float, distortion: list[float]) -> Intrinsics:
    return Intrinsics(width, height, fx, fy, cx, cy, tuple(distortion))


def _source_fields(source: Source) -> list[Any]:
    if isinstance(source, FamilySource):
        return ["family", source.family, dict(source.parameters)]
    return ["mesh", source.path, source.scale, source.collision]


def _source(kind: str, name: str, *rest: Any) -> Source:
    if kind == "family":
        return FamilySource(name, tuple(rest[0].items()))
    return MeshSource(name, *rest)


def _pose_numbers(pose: F64) -> list[float]:
    return [float(number) for number in np.asarray(pose, np.float64)[:3].ravel()]


def _pose(numbers: list[float]) -> F64:
    pose = np.eye(4)
    pose[:3] = np.array(numbers, np.float64).reshape(3, 4)
    return pose
