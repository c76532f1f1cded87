"""The MuJoCo model of one scene: bodies of convex parts over a plane, obstacles, guards at the support's edge."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import mujoco
import numpy as np

from synthgen.scene.collision import fitted_parts
from synthgen.types.arrays import F64
from synthgen.types.assets import ObjectModel

GEOM = mujoco.mjtGeom
# MuJoCo writes its warnings to a log file in the working folder; ``settle`` reads them from the data instead.
mujoco.set_mju_user_warning(lambda _message: None)
SLEEP = int(mujoco.mjtEnableBit.mjENBL_SLEEP)
# Mass ratios beyond these make a stack creep or jump, and the resting pose does not depend on them.
MASS_RANGE_KG = (0.02, 2.0)
# Radius of gyration below which a 4 ms step no longer follows a body as it topples: tiny parts turn a little slower.
GYRATION_MIN_M = 0.006
PLANE_FRICTION = 0.2  # MuJoCo takes the larger of the two: the object's own counts
TORSION_M = 0.004
SOLREF = (0.009, 1.0)  # stiff: two steps; resting contacts sink by < 0.05 mm
SOLIMP = (0.95, 0.99, 0.0005, 0.5, 2.0)
GUARD_THICKNESS_M, GUARD_HEIGHT_M = 0.3, 3.0


@dataclass(frozen=True, eq=False)
class Body:
    """One thing to settle.

    Attributes:
        model: its convex parts (fitted to its mesh, see ``collision``) and volume are used.
        world_from_object: (4, 4) float64 start pose.
        density_kg_m3, friction: physics.
    """

    model: ObjectModel
    world_from_object: F64
    density_kg_m3: float
    friction: float

    @cached_property
    def reach_m(self) -> float:
        """Largest distance of a collision point from the object's origin."""
        return float(max(np.sqrt((part**2).sum(axis=1)).max() for part in fitted_parts(self.model)))


@dataclass(frozen=True, eq=False)
class Arena:
    """What does not move. The plane z = 0 carries everything.

    Attributes:
        half_size_m: half edge lengths of the region that invisible guards enclose while things fall.
        keep_half_m: half edge lengths of the region outside of which a thing's middle counts as lost.
        guard_from_z_m: where the guards begin: 0 on a table, the rim of a tote.
        obstacles: convex parts in the world frame, each (n, 3): tote walls, fixtures.
    """

    half_size_m: tuple[float, float]
    keep_half_m: tuple[float, float]
    guard_from_z_m: float = 0.0
    obstacles: tuple[F64, ...] = ()


def compile_model(bodies: tuple[Body, ...], arena: Arena, *, step_s: float) -> tuple[mujoco.MjModel, list[int]]:
    """The compiled model and the geom ids of its guards."""
    spec, guard_names = scene_spec(bodies, arena, step_s=step_s)
    model = spec.compile()
    set_masses(model, bodies)
    return model, [mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_GEOM, name) for name in guard_names]


def scene_spec(bodies: tuple[Body, ...], arena: Arena, *, step_s: float) -> tuple[mujoco.MjSpec, list[str]]:
    """The scene before it is compiled (body i is called "body<i>"), and the names of its guards."""
    spec = mujoco.MjSpec()
    _set_options(spec, step_s)
    _add_plane(spec)
    guard_names = _add_guards(spec, arena)
    for number, part in enumerate(arena.obstacles):
        _add_mesh(spec, f"obstacle{number}", part)
        _add_mesh_geom(spec.worldbody, f"obstacle{number}", PLANE_FRICTION)
    meshes: set[str] = set()
    for number, body in enumerate(bodies):
        _add_body(spec, number, body, meshes)
    return spec, guard_names


def _set_options(spec: mujoco.MjSpec, step_s: float) -> None:
    spec.compiler.usethread = 0
    spec.option.timestep = step_s
    spec.option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
    spec.option.impratio = 5.0  # friction firmer than normal force: things do not creep down one another
    spec.option.iterations = 20
    spec.option.tolerance = 1e-7
    spec.option.enableflags = SLEEP  # islands at rest cost nothing; must be on when MjData is made
    spec.option.sleep_tolerance = 2e-3


def _add_plane(spec: mujoco.MjSpec) -> None:
    plane = spec.worldbody.add_geom(type=GEOM.mjGEOM_PLANE, size=[0.0, 0.0, 1.0])
    _set_contact(plane, PLANE_FRICTION)


def _add_guards(spec: mujoco.MjSpec, arena: Arena) -> list[str]:
    """Four invisible walls around the support: what bounces or rolls stays above it while things still fall."""
    names, half_size_m = [], arena.half_size_m
    reach = [half + GUARD_THICKNESS_M for half in half_size_m]
    for axis in (0, 1):
        for sign in (-1, 1):
            centre = [0.0, 0.0, arena.guard_from_z_m + GUARD_HEIGHT_M / 2]
            size = [reach[0], reach[1], GUARD_HEIGHT_M / 2]
            centre[axis] = sign * (half_size_m[axis] + GUARD_THICKNESS_M / 2)
            size[axis] = GUARD_THICKNESS_M / 2
            names.append(f"guard{axis}{sign:+d}")
            guard = spec.worldbody.add_geom(name=names[-1], type=GEOM.mjGEOM_BOX, pos=centre, size=size)
            _set_contact(guard, PLANE_FRICTION)
    return names


def _add_body(spec: mujoco.MjSpec, number: int, body: Body, meshes: set[str]) -> None:
    start = body.world_from_object
    added = spec.worldbody.add_body(name=f"body{number}", pos=start[:3, 3], quat=quaternion(start))
    added.add_freejoint()
    for index, part in enumerate(fitted_parts(body.model)):
        name = f"{body.model.key}.{index}"
        if name not in meshes:
            _add_mesh(spec, name, part)
            meshes.add(name)
        _add_mesh_geom(added, name, body.friction)


def _add_mesh(spec: mujoco.MjSpec, name: str, points: F64) -> None:
    mesh = spec.add_mesh(name=name, uservert=np.asarray(points, dtype=np.float32).ravel())
    mesh.maxhullvert = -1  # a vertex limit lets true meshes overlap while contacts look fine
    mesh.inertia = mujoco.mjtMeshInertia.mjMESH_INERTIA_CONVEX


def _add_mesh_geom(parent: mujoco.MjsBody, mesh: str, friction: float) -> None:
    _set_contact(parent.add_geom(type=GEOM.mjGEOM_MESH, meshname=mesh), friction)


def _set_contact(geom: mujoco.MjsGeom, friction: float) -> None:
    geom.condim = 6  # sliding, torsional and rolling friction; ``settle`` sets the last one over time
    geom.friction = [friction, TORSION_M, 0.0]
    geom.solref = list(SOLREF)
    geom.solimp = list(SOLIMP)


def set_masses(model: mujoco.MjModel, bodies: tuple[Body, ...]) -> None:
    """Mass = density x volume within ``MASS_RANGE_KG``; inertia as the parts give it, scaled, with a floor."""
    for row, body in enumerate(bodies, start=1):
        mass = float(np.clip(body.density_kg_m3 * body.model.volume_m3, *MASS_RANGE_KG))
        inertia = model.body_inertia[row] * (mass / model.body_mass[row])
        model.body_mass[row] = mass
        model.body_inertia[row] = np.maximum(inertia, mass * GYRATION_MIN_M**2)
    mujoco.mj_setConst(model, mujoco.MjData(model))


def quaternion(pose: F64) -> F64:
    """(4,) w x y z of the rotation of a (4, 4) pose."""
    wxyz = np.empty(4)
    mujoco.mju_mat2Quat(wxyz, np.ascontiguousarray(pose[:3, :3]).ravel())
    return wxyz


def placed_parts(model: ObjectModel, world_from_object: F64) -> tuple[F64, ...]:
    """The model's convex parts as they were built, in the world frame, each (n, 3)."""
    rotation, translation = world_from_object[:3, :3], world_from_object[:3, 3]
    return tuple(part @ rotation.T + translation for part in model.parts)


def turned_box(model: ObjectModel, world_from_object: F64) -> tuple[F64, F64]:
    """Low and high corner in the world of the box around a placed model's collision points."""
    points = np.concatenate(fitted_parts(model)) @ world_from_object[:3, :3].T + world_from_object[:3, 3]
    return points.min(axis=0), points.max(axis=0)
