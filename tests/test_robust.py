"""Runs that meet poison: exceptions, crashing and growing workers; what is lost, kept, logged and said."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar

import dask
import distributed  # its defaults must be there before dask.config is set
import numpy as np
import pyarrow.parquet as pq
import pytest
from test_run import digest, run, tiny

from synthgen import drawing, recipe, seeding
from synthgen.attempts import try_twice, view_by_view
from synthgen.config.load import load_pipeline
from synthgen.contract.rejections import OTHERWISE, REMEDIES, remedy
from synthgen.errors import AssetError, EnvironmentFault, IncompleteError, InternalError, Rejection
from synthgen.recipe import Shard
from synthgen.run import breadcrumbs, memory
from synthgen.run.api import check_pipeline, run_pipeline
from synthgen.run.breadcrumbs import Breadcrumb
from synthgen.run.plan import make_plan
from synthgen.run.recycling import Recycling, default_limit_bytes
from synthgen.run.replay import replay_image, replay_images
from synthgen.run.retries import LOST_WITHOUT_FAULT, Retries
from synthgen.types.records import Rejected, Sample
from synthgen.validate.dataset import validate_dataset
from synthgen.write import poison

FAULTS = Path(__file__).with_name("worker_faults.py")


# Exceptions -----------------------------------------------------------------------------------------------------------


class Makes:
    """Raises what it is given, one call after the other; None: returns."""

    def __init__(self, *raised: Exception | None) -> None:
        self.raised = list(raised)

    def __call__(self) -> str:
        error = self.raised.pop(0)
        if error is not None:
            raise error
        return "made"


ATTEMPTS: list[tuple[str, Makes, str | None]] = [
    ("nothing wrong", Makes(None), None),
    ("a seed-determined cause is not tried again", Makes(Rejection("object_lost")), "object_lost"),
    ("once is chance", Makes(ValueError("x"), None), None),
    ("twice is the seed", Makes(ValueError("x"), ValueError("x")), "error:ValueError"),
    ("another exception the second time: the last one counts", Makes(ValueError(), KeyError()), "error:KeyError"),
]


@pytest.mark.parametrize(("intent", "make", "reason"), ATTEMPTS, ids=[row[0] for row in ATTEMPTS])
def test_try_twice(intent: str, make: Makes, reason: str | None) -> None:
    result, trouble = try_twice(make)
    assert (result, trouble and trouble.reason) == ((None, reason) if reason else ("made", None)), intent
    assert make.raised == []
    if reason and reason.startswith("error:"):
        assert trouble is not None and "Traceback" in trouble.detail and "in __call__" in trouble.detail


@pytest.mark.parametrize("error", [InternalError("x"), AssetError("x"), MemoryError(), OSError("disk")])
def test_try_twice_leaves_what_is_no_matter_of_seeds(error: Exception) -> None:
    with pytest.raises(type(error)):
        try_twice(Makes(error))


def test_view_by_view_isolates_the_poison_view() -> None:
    calls: list[range] = []

    def make(some: range) -> list[int]:
        calls.append(some)
        if 2 in some:
            raise ZeroDivisionError
        return list(some)

    done, troubles = view_by_view(make, range(4))
    assert done == [(range(1), [0]), (range(1, 2), [1]), (range(3, 4), [3])]
    assert {view: trouble.reason for view, trouble in troubles.items()} == {2: "error:ZeroDivisionError"}
    calls.clear()
    assert view_by_view(make, range(2)) == ([(range(2), [0, 1])], {})
    assert calls == [range(2)]


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six scenes of two views, whole."""
    out = tmp_path_factory.mktemp("robust") / "healthy"
    run(tiny("count=12"), out)
    return out


def raises_at(function: Callable[..., Any], *, where: Callable[..., bool]) -> Callable[..., Any]:
    def faulty(*args: Any, **named: Any) -> Any:
        if where(*args, **named):
            raise ZeroDivisionError("poison")
        return function(*args, **named)

    return faulty


# stage, function of the recipe or its drawing that raises, whether it does so (scene 2, view 1 = image 6)
POISONS: list[tuple[str, str, Callable[..., bool], tuple[int, ...], int]] = [
    ("scene", "sample_scene", lambda *a, scene_index, attempt, **n: scene_index == 2, (5, 6), 8),
    ("camera", "sample_camera", lambda *a, view, attempt: a[2].index == 2 and view == 1, (6,), 8),
    ("camera", "render_views", lambda scene, *a, **n: scene.index == 2 and 1 in scene.view_indices, (6,), 8),
    ("draw", "sense", lambda images, config, rngs: any(has_state_of(rng, "sense", 2, 1) for rng in rngs), (6,), 1),
    ("label", "annotate", lambda v, *a, **n: v.scene.index == 2 and 1 in shown(v), (6,), 1),
]


def shown(views: Any) -> tuple[int, ...]:
    return tuple(views.scene.view_indices[views.first : views.first + len(views)])


def has_state_of(rng: np.random.Generator, stage: str, scene: int, view: int) -> bool:
    fresh = seeding.stream(0, stage, scene=scene, view=view)
    return bool(rng.bit_generator.state == fresh.bit_generator.state)


@pytest.mark.parametrize(("stage", "function", "where", "lost", "attempts"), POISONS, ids=[p[1] for p in POISONS])
def test_an_exception_costs_its_slot_and_is_logged_listed_and_replayed(
    stage: str,
    function: str,
    where: Callable[..., bool],
    lost: tuple[int, ...],
    attempts: int,
    healthy: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    module = drawing if stage == "draw" else recipe
    monkeypatch.setattr(module, function, raises_at(getattr(module, function), where=where))
    recipe.settled_scene.cache_clear()
    out = tmp_path / "out"
    summary = run(tiny("count=12", "run.failure_budget=0.5"), out)
    assert validate_dataset(out).problems == ()

    # Every other image is as it would be without the poison.
    images = {path.name: path.read_bytes() for path in (healthy / "images").rglob("*.jpg")}
    found = {path.name: path.read_bytes() for path in (out / "images").rglob("*.jpg")}
    assert found == {name: data for name, data in images.items() if int(name[:9]) not in lost}
    assert len(found) == 12 - len(lost)

    (group,) = summary.failures
    assert (group.reason, group.examples, group.slots) == ("error:ZeroDivisionError", lost, len(lost))
    assert summary.redrawn_errors == {f"{stage}:error:ZeroDivisionError": attempts * len(lost)}
    logs = sorted((out / "logs" / "poison").iterdir())
    assert len(logs) == attempts and group.log in logs
    text = logs[0].read_text()
    assert f"stage: {stage}\nscene: 2\n" in text and "ZeroDivisionError: poison" in text
    assert f"again: synthgen replay {out} {lost[0]}\n" in text

    report = replay_image(out, lost[-1], out=None)
    assert (report.verdict, report.reason) == ("error", "error:ZeroDivisionError")
    assert "ZeroDivisionError: poison" in report.traceback
    assert replay_image(out, 4, out=None).verdict == "identical"
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    recipe.settled_scene.cache_clear()
    assert replay_image(out, lost[-1], out=None).verdict == "differs"  # the bug is gone: now there is an image


def test_replay_of_an_ordinary_empty_slot_gives_the_same_reason(tmp_path: Path) -> None:
    out = tmp_path / "out"
    impossible = ("labels.min_visible_px=4000", "count=2", "scene.objects_per_scene=1", "run.failure_budget=1")
    run(tiny(*impossible), out)
    report = replay_image(out, 2, out=None)
    assert (report.verdict, report.reason, report.traceback) == ("identical", "nothing_visible", "")
    rows = pq.read_table(out / "manifest/images/part-00000.parquet", columns=["rejected"]).to_pylist()
    shown = [value for label, value in report.lines if label == "rejected"]
    assert shown == [f"{r['stage']} attempt {r['attempt']}: {r['reason']}" for r in rows[1]["rejected"]]
    assert len(shown) == 8


def test_replay_of_a_range_and_of_an_unfinished_shard(healthy: Path, tmp_path: Path) -> None:
    reports = list(replay_images(healthy, range(4, 8), out=tmp_path / "r"))
    assert [(r.image_id, r.verdict) for r in reports] == [(i, "identical") for i in range(4, 8)]
    assert sorted(path.name for path in (tmp_path / "r").iterdir()) == [f"replay_{i}.jpg" for i in range(4, 8)]
    out = tmp_path / "part"
    out.mkdir()
    (out / "pipeline.yaml").write_bytes((healthy / "pipeline.yaml").read_bytes())
    report = replay_image(out, 1, out=tmp_path / "one.jpg")
    assert (report.verdict, report.lines[-2]) == (
        "new",
        ("note", "its shard is not finished: there is nothing to compare with"),
    )
    assert report.image.read_bytes() == (healthy / "images/00000/000000001.jpg").read_bytes()


def test_tracebacks_are_bounded_and_never_a_fault_of_their_own(tmp_path: Path) -> None:
    bare: dict[str, Any] = dict.fromkeys(("camera", "image", "depth_m", "instances"))
    numbers = dict.fromkeys(("scene_seed", "draw_seed", "scene_attempt", "camera_attempt", "draw_attempt"), 0)

    def sample(scene: int, *rejected: Rejected) -> Sample:
        return Sample(
            image_id=scene + 1, scene=scene, view=0, split="train", annotations=(), rejected=rejected, **bare, **numbers
        )

    poison.keep_tracebacks(tmp_path, [sample(0, Rejected("scene", 0, "object_lost"))])
    assert list(tmp_path.iterdir()) == []
    many = [sample(k, Rejected("scene", 0, "error:X", "Traceback")) for k in range(poison.MOST_FILES + 20)]
    poison.keep_tracebacks(tmp_path, many)
    assert len(list((tmp_path / "logs" / "poison").iterdir())) == poison.MOST_FILES
    (tmp_path / "file").write_text("")
    poison.keep_tracebacks(tmp_path / "file", many[:1])
    assert poison.replay_command(Path("a b"), 1, 5) == "synthgen replay 'a b' 1-5"


def test_every_reason_has_a_remedy() -> None:
    reasons = ["object_lost", "settling_overlap", "settling_unstable", "settling_restless", "camera_below_support"]
    reasons += ["camera_inside_object", "nothing_in_view", "nothing_visible", "error:ValueError"]
    assert all(remedy(reason) != OTHERWISE for reason in reasons)
    assert remedy("odd") == OTHERWISE
    assert len({text for _, text in REMEDIES}) == len(REMEDIES)


# Dying and growing processes --------------------------------------------------------------------------------------


def crumb(shard: int, scene: int = 3, process: str = "host-7") -> Breadcrumb:
    return Breadcrumb(shard, scene, 61, 65, "prepare", process)


def leave(folder: Path, left: Breadcrumb) -> None:
    path = folder / breadcrumbs.WORKING / f"{left.shard:05d}-{left.first_image:09d}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(left)))


def test_a_shard_whose_process_dies_is_tried_three_times_and_the_scene_named(tmp_path: Path) -> None:
    retries, shard = Retries(tmp_path), Shard(4, 0, 2, 10)
    for _ in range(2):
        leave(tmp_path, crumb(4))
        leave(tmp_path, crumb(5))
        assert retries.reason_to_give_up(shard, RuntimeError("killed"), lost=True) is None
    leave(tmp_path, crumb(4))
    assert retries.reason_to_give_up(shard, RuntimeError("killed"), lost=True) == (
        "a worker process died at scene 3, images 61 to 65, step prepare (killed from outside, as when memory runs "
        f"out); again: synthgen replay {tmp_path} 61-65"
    )
    assert breadcrumbs.pick_up(tmp_path) == [crumb(5)]  # another shard's


def test_a_shard_that_only_waited_in_a_dying_process_is_not_blamed(tmp_path: Path) -> None:
    retries, shard = Retries(tmp_path), Shard(4, 0, 2, 10)
    for _ in range(LOST_WITHOUT_FAULT):
        assert retries.reason_to_give_up(shard, RuntimeError("killed"), lost=True) is None
    for _ in range(2):
        assert retries.reason_to_give_up(shard, RuntimeError("killed"), lost=True) is None
    reason = retries.reason_to_give_up(shard, RuntimeError("killed"), lost=True)
    assert reason == "worker processes died 20 times before they came to it"
    assert Retries(tmp_path).reason_to_give_up(shard, OSError("x"), lost=False) is None


def test_breadcrumbs_come_and_go_also_with_exceptions(tmp_path: Path) -> None:
    job = make_job(tmp_path)
    with (
        pytest.raises(ZeroDivisionError),
        breadcrumbs.working(job, Shard(0, 0, 1, 2), "prepare", (recipe.Batch(1, 0, 2),)),
    ):
        (path,) = (tmp_path / breadcrumbs.WORKING).iterdir()
        stored = Breadcrumb(**json.loads(path.read_text()))
        raise ZeroDivisionError
    assert (stored.scene, stored.first_image, stored.last_image, stored.step) == (1, 3, 4, "prepare")
    assert breadcrumbs.pick_up(tmp_path) == []
    closing = Breadcrumb(7, -1, 0, 0, "close", "host-7").sentence(tmp_path)
    assert closing.startswith("a worker process died while it finished shard 7 (killed from outside")


def make_job(folder: Path) -> recipe.Job:
    return make_plan(tiny(), folder=folder).job


def test_an_earlier_process_that_died_twice_at_one_scene_is_mentioned(healthy: Path, tmp_path: Path) -> None:
    notes: list[str] = []
    for _ in range(2):
        out = tmp_path / "out"
        if not out.exists():
            shutil.copytree(healthy, out)
        (out / "receipts" / "00001.json").unlink()
        leave(out, crumb(1))
        run(tiny("count=12"), out, progress=lambda progress: notes.append(progress.note))
    assert [note for note in notes if note] == [
        "2 earlier processes ended at scene 3; if it was not you who ended them, try "
        f"'synthgen replay {tmp_path / 'out'} 61-65'"
    ]
    assert digest(tmp_path / "out") == digest(healthy)


def test_a_cluster_that_lost_its_workers_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    from synthgen.run import cluster

    class Client:
        workers: ClassVar[dict[str, str]] = {"tcp://a": "..."}

        def scheduler_info(self, n_workers: int) -> dict[str, Any]:
            return {"workers": self.workers}

    class Completed:
        batches: ClassVar[list[list[str]]] = [["first"], [], ["second", "third"]]

        def is_empty(self) -> bool:
            return False

        def next_batch(self, *, block: bool) -> list[str]:
            return self.batches.pop(0) if self.batches else []

    monkeypatch.setattr(cluster, "LOOK_S", 0.0)
    monkeypatch.setattr(cluster, "NO_WORKERS_S", 0.1)
    ended = cluster._ended(Client(), Completed())
    assert [next(ended) for _ in range(3)] == ["first", "second", "third"]
    Client.workers.clear()
    with pytest.raises(EnvironmentFault) as caught:
        next(ended)
    assert str(caught.value) == (
        "the cluster has had no worker for 0.1 s; at least one is needed. The finished shards are kept: start workers "
        "(or look why they end), then give the same command again"
    )


RECYCLING = [
    ("small", [500, 600], [False, False]),
    ("above the limit and grown", [800, 1100], [False, True]),
    ("above the limit from its first shard: another start would not help", [1200, 1300, 1400], [False] * 3),
    ("but it has grown since", [1200, 1600], [False, True]),
    ("a fresh process counts anew", [800, 1100, 1100], [False, True, False]),
]


@pytest.mark.parametrize(("intent", "rss_mb", "due"), RECYCLING, ids=[row[0] for row in RECYCLING])
def test_recycling(intent: str, rss_mb: list[int], due: list[bool]) -> None:
    policy = Recycling(1_000_000_000)
    assert [policy.due("tcp://a", size * 1_000_000) for size in rss_mb] == due, intent
    assert default_limit_bytes(64_000_000_000, 8) == 2_000_000_000
    assert default_limit_bytes(8_000_000_000, 4) == 1_200_000_000


@pytest.fixture
def faulty_workers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Worker processes that are started from now on have the fault."""

    def have(fault: str) -> None:
        monkeypatch.setenv("SYNTHGEN_TEST_FAULT", fault)

    assert distributed.__version__
    with dask.config.set({"distributed.worker.preload": [str(FAULTS)]}):
        yield have


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["kill", "segfault"])
def test_a_scene_that_kills_its_worker_is_isolated_and_named(
    fault: str, healthy: Path, tmp_path: Path, faulty_workers: Callable[[str], None]
) -> None:
    faulty_workers(fault)
    out = tmp_path / "out"
    with pytest.raises(IncompleteError) as caught:
        run(tiny("count=12"), out, workers=2)
    sentence = str(caught.value)
    assert sentence.startswith(
        "1 shard of 6 failed three times. The finished shards are kept: once the cause is gone, the same command makes "
        "the rest\n  1 x a worker process died at scene 3, images 7 to 8, step prepare ("
    )
    assert sentence.endswith(f"; again: synthgen replay {out} 7-8")
    if fault == "segfault":
        (log, *_) = sorted((out / "logs" / "crashes").iterdir())
        assert "worker_faults.py" in log.read_text() and str(out / "logs" / "crashes") in sentence
    else:
        assert "killed from outside" in sentence and not (out / "logs" / "crashes").exists()
    assert sorted(path.name for path in (out / "receipts").iterdir()) == [f"{n:05d}.json" for n in (0, 1, 2, 4, 5)]
    run(tiny("count=12"), out)  # without the fault
    assert digest(out) == digest(healthy)


@pytest.mark.slow
@pytest.mark.parametrize("device", ["cpu", "gpu"])
def test_growing_workers_are_replaced_and_the_bytes_stay_the_same(
    device: str, healthy: Path, tmp_path: Path, faulty_workers: Callable[[str], None]
) -> None:
    import dask
    import distributed

    faulty_workers("grow")
    out = tmp_path / "out"
    with ExitStack() as stack:
        scheduler = None
        if device == "gpu":  # a running cluster: each submit of a shard is a task
            # Dask's own default gives a worker's place up for good if its new process takes longer than 15 s to start.
            stack.enter_context(dask.config.set({"distributed.deploy.lost-worker-timeout": "1 hour"}))
            cluster = distributed.LocalCluster(
                n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0", resources={"GPU": 1}
            )
            scheduler = stack.enter_context(cluster).scheduler_address
        summary = run_pipeline(
            tiny("count=24"),
            out=out,
            workers=2,
            scheduler=scheduler,
            device=device,
            fresh=False,
            progress=lambda _: None,
            worker_memory_mb=100,
        )
    assert summary.images == 24
    rows = [json.loads(line) for line in (out / "logs" / "shards.jsonl").read_text().splitlines()]
    recycled = [row for row in rows if "recycled_worker" in row]
    assert recycled and all(row["rss_bytes"] > row["limit_bytes"] == 100_000_000 for row in recycled)
    assert len({row["worker"] for row in rows if "worker" in row}) > 2  # new processes went on
    run(tiny("count=24"), tmp_path / "alone")
    assert digest(out) == digest(tmp_path / "alone")


# Memory over a run --------------------------------------------------------------------------------------------------


def samples(process: str, mb: Callable[[int], float], images: range) -> list[memory.MemorySample]:
    return [memory.MemorySample(process, n, int(1e6 * mb(n))) for n in images]


def test_growth_is_fitted_after_the_warm_up() -> None:
    rows = samples("worker 7", lambda n: 300 + 2.0 * min(n, 100) + 0.05 * n, range(0, 1001, 10))
    rows += samples("client", lambda n: 330.0, range(0, 1001, 10))
    rows += samples("worker 8", lambda n: 900.0, range(0, 300, 10))  # recycled early: no slope can be told
    client, worker = memory.growth_of(rows)
    assert (client.process, client.slope_mb_per_1000, client.growth_mb) == ("client", pytest.approx(0, abs=1e-6), 0)
    assert (worker.process, worker.samples) == ("worker 7", 91)
    assert worker.slope_mb_per_1000 == pytest.approx(50)
    assert worker.growth_mb == pytest.approx(30, abs=1)
    assert worker.peak_mb == pytest.approx(550)
    assert memory.memory_lines([worker]) == [
        (
            "memory, worker 7",
            "+50.0 MB per 1,000 images; first third 512 MB, last third 542 MB (+30 MB), peak 550 MB",
        )
    ]
    assert len(memory.memory_json(rows)[1]["points"]) == 101


def test_a_run_too_short_tells_nothing() -> None:
    assert memory.growth_of([]) == []
    assert memory.growth_of(samples("client", lambda n: 1.0, range(3))) == []
    assert memory.memory_lines([]) == [("memory", "too short a run to tell: give more --images")]


def test_the_watch_samples_this_process() -> None:
    watch = memory.MemoryWatch()
    watch.sample()
    (row,) = [sample for sample in watch.samples if sample.process == "client"]
    assert row.rss_bytes == pytest.approx(memory.rss_bytes(), rel=0.2)


# Check --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "warned"),
    [
        (("camera.placement.distance_m={uniform: [0.06, 0.1]}",), True),
        (("camera.placement={kind: above, height_m: 0.08}",), True),
        (("camera.placement.distance_m={uniform: [0.5, 0.9]}",), False),
    ],
)
def test_check_warns_of_a_camera_that_only_sees_parts(settings: tuple[str, ...], warned: bool) -> None:
    lines = check_pipeline(load_pipeline("smoke", ["count=2", *settings]), workers=1).lines
    assert any(label == "warning" and "cuts most objects off" in value for label, value in lines) == warned
