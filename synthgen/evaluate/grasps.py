"""``synthgen evaluate grasps``: how many objects get a grasp, and how many sampled grasps hold in the lift test."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from synthgen import recipe, seeding
from synthgen.assets.store import AssetStore, store_for
from synthgen.config.grasps import GraspsConfig
from synthgen.errors import EnvironmentFault, IncompleteError
from synthgen.evaluate.lift import OUTCOMES, LiftSetup, Outcome, lift_test
from synthgen.label.annotate import annotate
from synthgen.label.grasps import candidates_of, scene_grasps
from synthgen.label.grippers import make_gripper
from synthgen.recipe import Batch, Job
from synthgen.scene.bodies import Arena, Body, placed_parts
from synthgen.types.catalog import AssetSpec, FamilySource, MeshSource
from synthgen.types.gbuffer import Views
from synthgen.types.grasps import PlacedGrasp
from synthgen.types.scene import Scene

Progress = Callable[[int, int, int], None]

SCENES_PER_GRASP, FEWEST = 3, 20  # how many scenes are looked at before giving up
Z_95 = 1.959963984540054
ARENA_HALF_M = 5.0
FLAT_PARTS_M = 0.005  # a tote's bottom lies below this: the plane carries instead
THIRDS = ("lowest third", "middle third", "top third")


@dataclass(frozen=True)
class Lift:
    """One tested grasp."""

    scene: int
    instance_index: int
    class_name: str
    score: float
    min_friction: float
    outcome: Outcome


@dataclass(frozen=True)
class Coverage:
    """Visible, labelled objects: all, those that the gripper could grasp alone, and those with a collision-free grasp.

    Attributes:
        grasps, free: placed grasps in all, and the collision-free ones of them.
    """

    visible: int = 0
    graspable: int = 0
    with_free: int = 0
    grasps: int = 0
    free: int = 0


@dataclass(frozen=True)
class GraspReport:
    """``lines``: label and value pairs for the terminal; ``json``: the same as data."""

    lines: list[tuple[str, str]]
    json: dict[str, Any]


def evaluate_grasps(
    job: Job, *, grasps: int, setup: LiftSetup, progress: Progress = lambda done, before, of: None
) -> GraspReport:
    """Goes through the pipeline's scenes and lifts one random collision-free grasp per visible object.

    Args:
        job: a planned pipeline; without ``labels.grasps`` the defaults are taken.
        grasps: how many to test. Scenes are drawn, in order, until there are as many (``count`` does not matter).
        setup: what the lift test assumes.
        progress: called after each scene with (tested, tested before, asked for).

    Raises:
        IncompleteError: no scene gave a collision-free grasp.
    """
    config = job.pipeline.labels.grasps or GraspsConfig()
    lifts: list[Lift] = []
    coverage: dict[str, Coverage] = {}
    scenes = 0
    for index in range(SCENES_PER_GRASP * max(grasps, FEWEST)):
        if len(lifts) >= grasps:
            break
        prepared = recipe.prepare(job, Batch(index, 0, 1))
        if not prepared.accepted:
            continue
        scenes += 1
        views, _ = prepared.accepted[0]
        before = len(lifts)
        lifts += _lift_scene(job, views, config, setup, coverage, limit=grasps - before)
        progress(len(lifts), before, grasps)
    if not lifts:
        raise IncompleteError(
            f"none of {scenes} scenes has a visible object with a collision-free grasp; "
            "look at 'synthgen preview', or try another gripper (labels.grasps.gripper) or looser scenes"
        )
    return _report(job, config, setup, lifts, coverage, scenes)


def _lift_scene(
    job: Job, views: Views, config: GraspsConfig, setup: LiftSetup, coverage: dict[str, Coverage], *, limit: int
) -> list[Lift]:
    scene, store = views.scene, store_for(job.catalog)
    names = {category.id: category.name for category in job.catalog.categories}
    placed = scene_grasps(scene, store, config)
    bodies, arena = _bodies(scene, job, store), _arena(scene, store)
    gripper = make_gripper(config.gripper)
    rng = seeding.stream(job.pipeline.seed, "evaluate.grasps", scene=scene.index)
    lifts: list[Lift] = []
    for found in annotate(views, store, min_visible_px=job.pipeline.labels.min_visible_px)[0]:
        thing = scene.instances[found.instance_index - 1]
        grasps = placed[found.instance_index]
        free = [grasp for grasp in grasps if grasp.collision_free]
        alone = candidates_of(store.model(thing.source), config).pairs_found > 0
        name = names[thing.category_id]
        coverage[name] = _add(coverage.get(name, Coverage()), grasps, free, alone)
        chosen = int(rng.integers(1 << 30))  # one draw per object, whatever it has
        if not free or len(lifts) >= limit:
            continue
        grasp = free[chosen % len(free)]
        pose = thing.world_from_object @ grasp.object_from_gripper
        opening = float(gripper.opening_for(np.array([grasp.width_m]), config.preshape_m)[0])
        outcome = lift_test(bodies, arena, found.instance_index - 1, gripper, pose, opening, setup)
        lifts.append(Lift(scene.index, found.instance_index, name, grasp.score, grasp.min_friction, outcome))
    return lifts


def _add(so_far: Coverage, grasps: tuple[PlacedGrasp, ...], free: list[PlacedGrasp], alone: bool) -> Coverage:
    return replace(
        so_far,
        visible=so_far.visible + 1,
        graspable=so_far.graspable + alone,
        with_free=so_far.with_free + bool(free),
        grasps=so_far.grasps + len(grasps),
        free=so_far.free + len(free),
    )


def _bodies(scene: Scene, job: Job, store: AssetStore) -> tuple[Body, ...]:
    specs: dict[tuple[str, str], AssetSpec] = {(spec.role, spec.key): spec for spec in job.catalog.specs}
    bodies = []
    for thing in scene.instances:
        spec = specs[thing.role, thing.asset_key]
        bodies.append(Body(store.model(thing.source), thing.world_from_object, spec.density_kg_m3, spec.friction))
    return tuple(bodies)


def _arena(scene: Scene, store: AssetStore) -> Arena:
    """Plane, tote walls and fixtures."""
    parts = [
        part
        for thing in scene.objects
        if thing.role == "fixture" or (thing.role == "support" and not _is_table(thing.source))
        for part in placed_parts(store.model(thing.source), thing.world_from_object)
        if thing.role == "fixture" or part[:, 2].max() > FLAT_PARTS_M
    ]
    half = (ARENA_HALF_M, ARENA_HALF_M)
    return Arena(half_size_m=half, keep_half_m=half, obstacles=tuple(parts))


def _is_table(source: FamilySource | MeshSource) -> bool:
    return isinstance(source, FamilySource) and source.family == "table_top"


def wilson_interval(successes: int, trials: int) -> tuple[float, float]:
    """95 % confidence interval of a share (Wilson 1927, equation of the score interval)."""
    if trials == 0:
        return 0.0, 1.0
    share, z2 = successes / trials, Z_95 * Z_95
    centre = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    half = Z_95 / (1 + z2 / trials) * math.sqrt(share * (1 - share) / trials + z2 / (4 * trials * trials))
    return max(0.0, centre - half), min(1.0, centre + half)


def _rate(lifts: list[Lift]) -> dict[str, Any]:
    held = sum(lift.outcome == "held" for lift in lifts)
    low, high = wilson_interval(held, len(lifts))
    scores = [lift.score for lift in lifts]
    return {
        "tested": len(lifts),
        "held": held,
        "success": held / len(lifts) if lifts else None,
        "interval_95": [low, high],
        "score_range": [min(scores), max(scores)] if scores else None,
    }


def by_thirds(lifts: list[Lift]) -> dict[str, dict[str, Any]]:
    """Success per third of the scores, lowest first; equal scores stay in the order of testing."""
    order = sorted(lifts, key=lambda lift: lift.score)
    edges = [round(len(order) * k / 3) for k in range(4)]
    return {name: _rate(order[edges[k] : edges[k + 1]]) for k, name in enumerate(THIRDS)}


def _report(
    job: Job,
    config: GraspsConfig,
    setup: LiftSetup,
    lifts: list[Lift],
    coverage: dict[str, Coverage],
    scenes: int,
) -> GraspReport:
    total = Coverage(*(sum(getattr(c, name) for c in coverage.values()) for name in Coverage.__dataclass_fields__))
    thirds, outcomes = by_thirds(lifts), Counter(lift.outcome for lift in lifts)
    per_class = {
        name: {**asdict(coverage[name]), **_rate([lift for lift in lifts if lift.class_name == name])}
        for name in sorted(coverage)
    }
    data: dict[str, Any] = {
        "pipeline": job.pipeline.name,
        "seed": job.pipeline.seed,
        "scenes": scenes,
        "gripper": make_gripper(config.gripper).name,
        "setup": asdict(setup),
        "coverage": {**asdict(total), "share_with_free": total.with_free / max(total.graspable, 1)},
        "all": _rate(lifts),
        "thirds": thirds,
        "outcomes": {name: outcomes[name] for name in OUTCOMES},
        "classes": per_class,
        "lifts": [asdict(lift) for lift in lifts],
    }
    return GraspReport(_lines(data), data)


def write_report(report: GraspReport, path: Path) -> None:
    """Writes the numbers as JSON.

    Raises:
        EnvironmentFault: the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(report.json, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise EnvironmentFault(
            f"{str(path)!r} cannot be written ({error.strerror}); give --json a file in a folder that you may write"
        ) from error


def _lines(data: dict[str, Any]) -> list[tuple[str, str]]:
    cover, setup = data["coverage"], data["setup"]
    lines = [
        ("gripper", data["gripper"]),
        ("scenes", f"{data['scenes']}, {cover['visible']} visible objects"),
        (
            "collision-free",
            f"{cover['share_with_free']:.0%} of {cover['graspable']} graspable objects have such a grasp, "
            f"{cover['free'] / max(cover['visible'], 1):.1f} each on average",
        ),
        (
            "lift test",
            f"friction {setup['friction']:g}, {setup['force_n']:g} N per finger, {setup['lift_m'] * 100:g} cm up, "
            f"shaken +-{setup['shake_m'] * 100:g} cm at {setup['shake_hz']:g} Hz",
        ),
    ]
    for name, rate in (("all grasps", data["all"]), *reversed(data["thirds"].items())):
        if rate["tested"]:
            low, high = rate["interval_95"]
            scores = f"score {rate['score_range'][0]:.2f} to {rate['score_range'][1]:.2f}"
            counts = f"{rate['held']} of {rate['tested']} held"
            lines.append((name, f"{rate['success']:.0%} ({low:.0%} to {high:.0%}), {counts}, {scores}"))
    lost = ", ".join(f"{name} {count}" for name, count in data["outcomes"].items() if name != "held" and count)
    lines.append(("lost", lost or "none"))
    return lines
