"""Grasps from scene to files: whole scenes, validation, Parquet and COCO."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pyarrow as pa
import pytest

from synthgen import recipe
from synthgen.config.grasps import GraspsConfig
from synthgen.config.load import load_pipeline
from synthgen.contract.coco import COCO_GRASPS, grasp_texts
from synthgen.contract.jsonschemas import schemas
from synthgen.contract.tables import INSTANCES
from synthgen.evaluate.grasps import evaluate_grasps
from synthgen.evaluate.lift import LiftSetup
from synthgen.label.grasps import candidates_of, packed, scene_grasps, unpacked
from synthgen.recipe import Batch
from synthgen.run.plan import Plan, make_plan
from synthgen.types.annotations import Annotation
from synthgen.types.grasps import Grasp, GraspCandidates
from synthgen.types.records import Sample
from synthgen.types.scene import Scene
from synthgen.validate.grasps import grasp_fault
from synthgen.write.rows import instance_row, parquet_bytes

SCANS = Path(__file__).parents[2] / "shared" / "data" / "meshes"


@cache
def plan(*overrides: str) -> Plan:
    return make_plan(load_pipeline("smoke", ("labels.grasps={gripper: franka_hand}", *overrides)), folder=None)


@cache
def sample() -> Sample:
    job = plan().job
    found = recipe.samples(job, recipe.draw(job, recipe.prepare(job, Batch(0, 0, 1))))[0]
    assert found.image is not None and found.annotations
    return found


def test_every_labelled_object_has_grasps_and_free_ones_come_first() -> None:
    annotations = sample().annotations
    for found in annotations:
        assert found.grasps is not None and 0 < len(found.grasps) <= 16
        free = [grasp.collision_free for grasp in found.grasps]
        assert free == sorted(free, reverse=True)
    assert any(grasp.collision_free for found in annotations for grasp in found.grasps or ())


def test_without_the_block_there_are_none() -> None:
    job = make_plan(load_pipeline("smoke"), folder=None).job
    assert job.pipeline.labels.grasps is None
    made = recipe.samples(job, recipe.draw(job, recipe.prepare(job, Batch(0, 0, 1))))[0]
    assert all(found.grasps is None for found in made.annotations)


def test_a_scene_gives_the_same_grasps_again() -> None:
    job = plan().job
    scene, _, _ = recipe.settled_scene(job, 1)
    assert isinstance(scene, Scene)
    from synthgen.assets.store import store_for

    one, two = (scene_grasps(scene, store_for(job.catalog), GraspsConfig()) for _ in range(2))
    assert one.keys() == two.keys() and one
    for index in one:
        assert [g.object_from_gripper.tobytes() for g in one[index]] == [
            g.object_from_gripper.tobytes() for g in two[index]
        ]


def test_what_the_cache_gives_back_is_what_was_made() -> None:
    """Intent: candidates travel through the cache on disk as one array; shapes, types and numbers come back."""
    from synthgen.assets.store import store_for

    job = plan().job
    source = job.catalog.with_role("object")[0].source
    made = candidates_of(store_for(job.catalog).model(source), GraspsConfig())
    assert len(made.width_m) > 0
    again = unpacked(packed(made))
    for name in GraspCandidates.__dataclass_fields__:
        one, two = np.asarray(getattr(made, name)), np.asarray(getattr(again, name))
        assert one.dtype == two.dtype and np.array_equal(one, two), name


def table(annotations: list[Annotation]) -> pa.Table:
    import pyarrow.parquet as pq

    rows = [instance_row(7, found) for found in annotations]
    return pq.read_table(pa.BufferReader(parquet_bytes(rows, INSTANCES)))


def test_parquet_holds_all_and_coco_the_best_five() -> None:
    with_grasps = list(sample().annotations)
    annotations = [*with_grasps, replace(with_grasps[0], grasps=None), replace(with_grasps[0], grasps=())]
    stored = table(annotations).column("grasps").combine_chunks()
    texts = grasp_texts(stored)
    assert texts[-2] is None and texts[-1] == "[]"
    schema = schemas()["coco.schema.json"]["properties"]["annotations"]["items"]["properties"]["grasps"]
    for found, rows, text in zip(with_grasps, stored.to_pylist(), texts, strict=False):
        assert found.grasps is not None and text is not None
        assert len(rows) == len(found.grasps)
        best = json.loads(text)
        jsonschema.validate(best, schema)
        assert len(best) == min(COCO_GRASPS, len(rows))
        for grasp, row, record in zip(found.grasps, rows, best, strict=False):
            pose = grasp.camera_from_gripper
            assert np.allclose(record["pose"]["rotation"], pose[:3, :3].ravel(), atol=1e-6)
            assert np.allclose(record["object_pose"]["translation_m"], grasp.object_from_gripper[:3, 3], atol=1e-6)
            assert record["collision_free"] == row["collision_free"] == grasp.collision_free
            assert record["score"] == pytest.approx(grasp.score, abs=1e-5)
            assert (record["rect_px"] is None) == (grasp.rect_px is None) == (not row["rect_px"])
            if grasp.rect_px is not None:
                assert np.allclose(record["rect_px"], grasp.rect_px, rtol=1e-5)


def damaged(**changes: Any) -> Annotation:
    found = sample().annotations[0]
    assert found.grasps is not None
    first: Grasp = replace(found.grasps[0], **changes)
    return replace(found, grasps=(first, *found.grasps[1:]))


FAULTS = [
    ("moved against its object", {"camera_from_gripper": np.eye(4)}, "has a grasp whose camera pose is "),
    ("score beyond 1", {"score": 1.5}, "has a grasp with score 1.5, friction "),
    ("no width", {"width_m": 0.0}, "has a grasp with score "),
    ("rectangle elsewhere", {"rect_px": (0.0, 0.0, 10.0, 5.0, 0.0)}, "has a grasp rectangle "),
]


@pytest.mark.parametrize(("intent", "changes", "sentence"), FAULTS, ids=[row[0] for row in FAULTS])
def test_validation_finds_grasps_that_do_not_fit(intent: str, changes: dict[str, Any], sentence: str) -> None:
    from synthgen.assets.store import store_for

    job, camera = plan().job, sample().camera
    scene, _, _ = recipe.settled_scene(job, 0)
    assert isinstance(scene, Scene) and camera is not None
    good = sample().annotations[0]
    model = store_for(job.catalog).model(scene.instances[good.instance_index - 1].source)
    assert grasp_fault([good, good], [model, model], camera) is None
    for labels, which in (([damaged(**changes), good], 0), ([good, damaged(**changes)], 1)):
        fault = grasp_fault(labels, [model, model], camera)
        assert fault is not None and fault[0] == which and fault[1].startswith(sentence), intent


@pytest.mark.slow
def test_most_grasps_of_a_pipeline_hold() -> None:
    report = evaluate_grasps(plan().job, grasps=40, setup=LiftSetup())
    assert report.json["all"]["tested"] == 40 == len(report.json["lifts"])
    assert report.json["all"]["success"] >= 0.8
    assert report.json["coverage"]["share_with_free"] >= 0.6
    assert sum(report.json["outcomes"].values()) == 40
    assert sum(rate["tested"] for rate in report.json["thirds"].values()) == 40


@pytest.mark.real
@pytest.mark.skipif(not SCANS.is_dir(), reason="the real scans are not beside the repository (../shared/data/meshes)")
def test_scans_that_are_not_watertight_get_grasps_too() -> None:
    job = plan(f"scene.objects=[{{mesh: '{SCANS}/ycb_00*.glb'}}]", "scene.objects_per_scene=4").job
    scene, _, _ = recipe.settled_scene(job, 0)
    assert isinstance(scene, Scene)
    from synthgen.assets.store import store_for

    placed = scene_grasps(scene, store_for(job.catalog), GraspsConfig())
    assert len(placed) == 4
    assert sum(grasp.collision_free for grasps in placed.values() for grasp in grasps) >= 8
