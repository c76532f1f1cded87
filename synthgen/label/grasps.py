"""Grasp labels: candidates once per object and process, placed once per scene, projected once per view."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any, Protocol

import numpy as np

from synthgen.assets.derived import Arrays, derived
from synthgen.config.grasps import GraspsConfig
from synthgen.label.grasps_candidates import make_candidates
from synthgen.label.grasps_mesh import Tree, make_forest, make_tree
from synthgen.label.grasps_placement import Choice, place_grasps
from synthgen.label.grippers import make_gripper
from synthgen.projection import project
from synthgen.types.annotations import Annotation
from synthgen.types.arrays import F64, Bool
from synthgen.types.assets import ObjectModel
from synthgen.types.catalog import FamilySource, MeshSource
from synthgen.types.gbuffer import Views
from synthgen.types.geometry import Camera
from synthgen.types.grasps import Grasp, GraspCandidates, Gripper, PlacedGrasp
from synthgen.types.scene import Scene

CACHE_BYTES = 96 << 20
RECT_MAX_TILT_DEG = 30.0
NEAREST_M = 1e-3
# The floor is 0.7 m below what the objects lie on; the carrying surface itself is the plane z = 0.
IGNORED_ROLES = ("floor",)


class Models(Protocol):
    """The part of the asset store that grasps need."""

    def model(self, source: FamilySource | MeshSource) -> ObjectModel: ...


class _Cache:
    """Most recently used trees and candidates, bounded by their size. Values follow from their key alone."""

    def __init__(self, limit: int) -> None:
        self._limit, self._total = limit, 0
        self._values: OrderedDict[Hashable, tuple[Tree | GraspCandidates, int]] = OrderedDict()
        self._lock = threading.RLock()

    def tree(self, model: ObjectModel) -> Tree:
        with self._lock:
            found = self._get(model.key)
            if isinstance(found, Tree):
                return found
            tree = make_tree(model.mesh)
            self._put(model.key, tree, tree.nbytes)
            return tree

    def candidates(self, model: ObjectModel, gripper: Gripper, config: GraspsConfig) -> GraspCandidates:
        key = (model.key, gripper, config.friction_max, config.approach_m, config.preshape_m)
        with self._lock:
            found = self._get(key)
            if isinstance(found, GraspCandidates):
                return found
            made = unpacked(derived("grasp-candidates", repr(key), lambda: packed(self._make(model, gripper, config))))
            self._put(key, made, made.approach.nbytes + made.clear.nbytes + 4096)
            return made

    def _make(self, model: ObjectModel, gripper: Gripper, config: GraspsConfig) -> GraspCandidates:
        return make_candidates(
            model,
            self.tree(model),
            gripper,
            friction_max=config.friction_max,
            approach_m=config.approach_m,
            preshape_m=config.preshape_m,
        )

    def _get(self, key: Hashable) -> Tree | GraspCandidates | None:
        if key not in self._values:
            return None
        self._values.move_to_end(key)
        return self._values[key][0]

    def _put(self, key: Hashable, value: Tree | GraspCandidates, size: int) -> None:
        self._values[key] = (value, size)
        self._total += size
        while self._total > self._limit and len(self._values) > 1:
            self._total -= self._values.popitem(last=False)[1][1]


# Fields of GraspCandidates and their shapes in pairs P, approaches A and depths R.
_PACKED = (
    ("centre_m", "3"),
    ("middle_m", "P3"),
    ("closing", "P3"),
    ("width_m", "P"),
    ("min_friction", "P"),
    ("approach", "PA3"),
    ("reach_m", "R"),
    ("clear", "PAR"),
)


def packed(made: GraspCandidates) -> Arrays:
    """One array: every array of a file costs half a millisecond to read, whatever its size."""
    head = np.array([made.pairs_found, *made.clear.shape], dtype=np.float64)
    return {"all": np.concatenate([head, *(np.ravel(getattr(made, name)).astype(np.float64) for name, _ in _PACKED)])}


def unpacked(arrays: Arrays) -> GraspCandidates:
    """The inverse of ``packed``."""
    numbers = arrays["all"]
    pairs_found, *sizes = (int(number) for number in numbers[:4])
    lengths = {"3": 3, **dict(zip("PAR", sizes, strict=True))}
    found: dict[str, Any] = {}
    start = 4
    for name, axes in _PACKED:
        shape = [lengths[axis] for axis in axes]
        stop = start + math.prod(shape)
        found[name] = numbers[start:stop].reshape(shape)
        start = stop
    return GraspCandidates(pairs_found=pairs_found, **{**found, "clear": found["clear"] != 0.0})


_cache = _Cache(CACHE_BYTES)


def candidates_of(model: ObjectModel, config: GraspsConfig) -> GraspCandidates:
    """What the configured gripper can do with a model alone; cached in this process.

    Raises:
        ConfigError: an unknown gripper.
    """
    return _cache.candidates(model, make_gripper(config.gripper), config)


def scene_grasps(scene: Scene, store: Models, config: GraspsConfig) -> dict[int, tuple[PlacedGrasp, ...]]:
    """Grasps of every labelled object of a settled scene, by instance index.

    The open gripper and its approach path are tried against everything else in the scene: objects, distractors, tote,
    fixtures, occluders and the carrying plane.

    Raises:
        ConfigError: an unknown gripper.
    """
    gripper = make_gripper(config.gripper)
    choice = Choice(config.friction_max, config.per_object, config.approach_m, config.clearance_m, config.preshape_m)
    things = [thing for thing in scene.objects if thing.role not in IGNORED_ROLES]
    forest = make_forest(
        [_cache.tree(store.model(thing.source)) for thing in things], [thing.world_from_object for thing in things]
    )
    placed = {}
    for number, thing in enumerate(things):
        if thing.role != "object" or thing.category_id == 0:
            continue
        model = store.model(thing.source)
        placed[thing.instance_index] = place_grasps(
            candidates_of(model, config),
            gripper,
            thing.world_from_object,
            forest,
            number,
            diameter_m=model.diameter_m,
            choice=choice,
        )
    return placed


def seen_grasps(
    placed: Sequence[tuple[PlacedGrasp, ...]], camera_from_object: F64, camera: Camera, *, jaw_m: float
) -> list[tuple[Grasp, ...]]:
    """The grasps of N instances as one camera sees them, in the same order.

    Args:
        placed: per instance its grasps.
        camera_from_object: (N, 4, 4) poses of the instances.
        jaw_m: pad width of the gripper.
    """
    counts = [len(grasps) for grasps in placed]
    together = [grasp for grasps in placed for grasp in grasps]
    if not together:
        return [() for _ in placed]
    own = np.array([grasp.object_from_gripper for grasp in together])
    poses = np.repeat(camera_from_object, counts, axis=0) @ own
    rectangles = grasp_rectangles(poses, camera, width_m=np.array([grasp.width_m for grasp in together]), jaw_m=jaw_m)
    found = iter(
        Grasp(
            object_from_gripper=grasp.object_from_gripper,
            camera_from_gripper=pose,
            width_m=grasp.width_m,
            min_friction=grasp.min_friction,
            score=grasp.score,
            collision_free=grasp.collision_free,
            rect_px=rectangle,
        )
        for grasp, pose, rectangle in zip(together, poses, rectangles, strict=True)
    )
    return [tuple(islice(found, count)) for count in counts]


def grasp_rectangles(
    camera_from_gripper: F64, camera: Camera, *, width_m: F64, jaw_m: float
) -> list[tuple[float, float, float, float, float] | None]:
    """(cx, cy, width, jaw, angle_deg) in pixels of N grasps, see ``types.grasps.Grasp``; None when seen from the side.

    Args:
        camera_from_gripper: (N, 4, 4).
        width_m: (N,) distances of the contacts.
        jaw_m: pad width of the gripper.
    """
    origin, closing, across = (camera_from_gripper[:, :3, column] for column in (3, 0, 1))
    along_m, beside_m = 0.5 * width_m[:, None] * closing, 0.5 * jaw_m * across
    points = np.stack([origin, origin - along_m, origin + along_m, origin - beside_m, origin + beside_m], axis=1)
    faces = camera_from_gripper[:, 2, 2] >= np.cos(np.radians(RECT_MAX_TILT_DEG))
    rows = np.flatnonzero(faces & (points[:, :, 2].min(axis=1) > NEAREST_M))
    pixels = project(points[rows].reshape(-1, 3), camera.intrinsics).reshape(-1, 5, 2)
    (along, beside), centre = (pixels[:, k] - pixels[:, k - 1] for k in (2, 4)), pixels[:, 0]
    angle = (np.degrees(np.arctan2(along[:, 1], along[:, 0])) + 90.0) % 180.0 - 90.0
    size = np.array([camera.intrinsics.width, camera.intrinsics.height])
    inside: Bool = np.asarray(((centre >= 0.0) & (centre < size)).all(axis=1), dtype=np.bool_)
    found: list[tuple[float, float, float, float, float] | None] = [None] * len(points)
    values = np.column_stack([centre, np.hypot(*along.T), np.hypot(*beside.T), angle])
    for row, (cx, cy, width, jaw, degrees) in zip(rows[inside].tolist(), values[inside].tolist(), strict=True):
        found[row] = (cx, cy, width, jaw, degrees)
    return found


def with_grasps(
    views: Views, labels: list[tuple[Annotation, ...]], store: Models, config: GraspsConfig
) -> list[tuple[Annotation, ...]]:
    """The annotations of every view of a batch with the grasps of their objects.

    Args:
        views: as given to ``annotate``.
        labels: what ``annotate`` returned for them.
        store: gives the models.

    Raises:
        ConfigError: an unknown gripper.
    """
    placed = _last_scenes.grasps(views.scene, store, config)
    jaw_m = make_gripper(config.gripper).pad_width_m
    found = []
    for labelled, camera in zip(labels, views.scene.cameras[views.first :], strict=False):
        poses = np.array([annotation.camera_from_object for annotation in labelled]).reshape(-1, 4, 4)
        seen = seen_grasps([placed[annotation.instance_index] for annotation in labelled], poses, camera, jaw_m=jaw_m)
        found.append(tuple(replace(one, grasps=grasps) for one, grasps in zip(labelled, seen, strict=True)))
    return found


class _LastScenes:
    """Grasps of the scenes that were met last: the batches of one scene share its tuple of objects.

    By identity, not by content: a scene that came here in two copies is placed twice, to the same grasps.
    """

    def __init__(self, kept: int) -> None:
        self._kept = kept
        self._found: list[tuple[Scene, Models, GraspsConfig, dict[int, tuple[PlacedGrasp, ...]]]] = []

    def grasps(self, scene: Scene, store: Models, config: GraspsConfig) -> dict[int, tuple[PlacedGrasp, ...]]:
        for known, its_store, its_config, placed in self._found:
            if known.objects is scene.objects and its_store is store and its_config == config:
                return placed
        placed = scene_grasps(scene, store, config)
        self._found = [(scene, store, config, placed), *self._found[: self._kept - 1]]
        return placed


_last_scenes = _LastScenes(kept=2)
