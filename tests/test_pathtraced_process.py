"""The path tracer's process: not installed, refusing, dying, and gone when its parent is."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import psutil
import pytest
import trimesh
from click.testing import CliRunner
from render_doubles import ShelfStore, looking, mesh_of, model_of, pinhole, placed, pose, scene_of

from synthgen.cli import cli
from synthgen.config.models import PathtracedConfig
from synthgen.errors import EnvironmentFault, InternalError
from synthgen.generate import pathtraced_process
from synthgen.generate.catalog import make_generator
from synthgen.generate.pathtraced import Pathtraced
from synthgen.generate.pathtraced_process import close_path_tracer, cycles_version, path_tracer
from synthgen.render.views import render_views
from synthgen.types.gbuffer import Views

GLOBE = model_of("globe", mesh_of(trimesh.creation.icosphere(2, 0.1)))
needs_cycles = pytest.mark.skipif(
    find_spec("bpy") is None, reason='needs Cycles: pip install "synthgen[pathtraced]" (Python 3.11)'
)
NOT_INSTALLED = (
    "generate.kind: 'pathtraced' needs Cycles, and the Python package 'bpy' is not installed; install it with: "
    'pip install "synthgen[pathtraced]" (it exists for Python 3.11), or use generate: {kind: shaded}'
)


@pytest.fixture
def without_cycles(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == "bpy" else real(name, *rest))
    monkeypatch.setattr(pathtraced_process, "PYTHON", (3, 11))


@pytest.mark.usefixtures("without_cycles")
def test_not_installed_names_the_command() -> None:
    with pytest.raises(EnvironmentFault) as error:
        make_generator(PathtracedConfig(), ShelfStore([]))
    assert str(error.value) == NOT_INSTALLED
    assert error.value.exit_code == 5


@pytest.mark.usefixtures("without_cycles")
def test_not_installed_on_another_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pathtraced_process, "PYTHON", (3, 13))
    with pytest.raises(EnvironmentFault) as error:
        cycles_version()
    assert "(it exists for Python 3.11; this is Python 3.13)" in str(error.value)


@pytest.mark.usefixtures("without_cycles")
@pytest.mark.parametrize("command", ["check", "run"])
def test_not_installed_shows_before_anything_starts(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    family = "scene.objects=[{family: washer, variants: 1}]"
    result = CliRunner().invoke(
        cli, [command, "smoke", "--set", "generate={kind: pathtraced}", "--set", family, "--set", "scene.distractors=0"]
    )
    assert result.exit_code == 5
    assert NOT_INSTALLED in " ".join(result.output.split())
    assert not list(tmp_path.glob("out/*/images"))


@needs_cycles
def test_another_series_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "version", lambda name: "5.1.0")
    with pytest.raises(EnvironmentFault) as error:
        cycles_version()
    assert str(error.value) == (
        "generate.kind: 'pathtraced' was given bpy 5.1.0; allowed: 4.2.*, whose images are known; "
        'install it with: pip install "synthgen[pathtraced]"'
    )


def some_view() -> tuple[Views, ShelfStore]:
    store = ShelfStore([GLOBE])
    camera = looking((0.4, 0, 0.3), (0, 0, 0), pinhole(48, 36, f=60))
    (views,) = render_views(scene_of([placed("globe", pose(), index=1)], [camera]), store)
    return views, store


@needs_cycles
def test_fingerprint_names_version_and_settings() -> None:
    _, store = some_view()
    config = PathtracedConfig(samples=8, bounces=2, denoise=False)
    version = metadata.version("bpy")
    assert Pathtraced(config, store).fingerprint == f"pathtraced-3-cycles-{version}-8spp-2b-plain"
    assert Pathtraced(PathtracedConfig(), store).fingerprint == f"pathtraced-3-cycles-{version}-16spp-4b-oidn"


@needs_cycles
def test_it_runs_the_version_it_names_in_one_thread() -> None:
    tracer = path_tracer()
    assert tracer.ask({"do": "version"}) == f"{metadata.version('bpy')} LTS"
    assert path_tracer() is tracer, "kept from image to image"
    assert os.getpgid(tracer.process.pid) != os.getpgid(0), "Ctrl-C does not reach it"


@needs_cycles
def test_a_killed_tracer_is_replaced_and_draws_the_same() -> None:
    views, store = some_view()
    generator = Pathtraced(PathtracedConfig(samples=2), store)
    before = generator(views, [7]).pixels
    process = path_tracer().process
    process.send_signal(signal.SIGKILL)
    assert generator(views, [7]).pixels.tobytes() == before.tobytes()
    assert process.returncode == -signal.SIGKILL, "waited for: no zombie"
    assert path_tracer().process.pid != process.pid


def test_dying_twice_is_told_with_the_last_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "child.py"
    script.write_text(
        "import os, sys\nfrom multiprocessing.connection import Connection\n"
        "Connection(int(sys.argv[1])).recv()\nprint('bad_alloc', file=sys.stderr, flush=True)\nos._exit(11)\n"
    )
    monkeypatch.setattr(pathtraced_process, "CHILD", (str(script),))
    monkeypatch.setattr(pathtraced_process, "cycles_version", lambda: "4.2.0")
    monkeypatch.setattr("synthgen.generate.pathtraced.cycles_version", lambda: "4.2.0")
    close_path_tracer()
    views, store = some_view()
    with pytest.raises(EnvironmentFault) as error:
        Pathtraced(PathtracedConfig(), store)(views, [1])
    assert str(error.value) == (
        "the path tracer (Cycles 4.2.0) ended with exit code 11 (bad_alloc) while it drew view 0 of scene 0, and again "
        "in a new process; it needs about 0.5 GB of memory per worker and 0.5 KB per face: try fewer workers "
        "(--workers 1) or smaller meshes, or use generate: {kind: shaded}"
    )
    close_path_tracer()


@needs_cycles
def test_a_refused_request_is_our_bug_and_the_next_one_finds_a_new_process() -> None:
    tracer = path_tracer()
    with pytest.raises(InternalError) as error:
        tracer.ask({"do": "dance"})
    assert str(error.value) == "the path tracer refused a request (KeyError: 'dance'); report this as a bug"
    assert tracer.process.returncode == 0
    assert path_tracer() is not tracer


@needs_cycles
def test_closing_leaves_nothing() -> None:
    process = path_tracer().process
    close_path_tracer()
    assert process.returncode == 0 and not psutil.pid_exists(process.pid)


WORKER = """
import sys
sys.path[:0] = {paths!r}
from test_pathtraced_process import some_view
from synthgen.config.models import PathtracedConfig
from synthgen.generate.pathtraced import Pathtraced
from synthgen.generate.pathtraced_process import path_tracer
views, store = some_view()
Pathtraced(PathtracedConfig(samples=1), store)(views, [1])
print(path_tracer().process.pid, flush=True)
Pathtraced(PathtracedConfig(samples=4096, denoise=False), store)(views, [1])
"""


@needs_cycles
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_it_is_gone_when_its_worker_is_killed_in_the_middle_of_an_image(how: signal.Signals) -> None:
    paths = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]
    code = textwrap.dedent(WORKER.format(paths=paths))
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        child = psutil.Process(int(worker.stdout.readline()))
        time.sleep(1.0)
        assert child.is_running()
        os.kill(worker.pid, how)
        worker.wait()
        gone, alive = psutil.wait_procs([child], timeout=20)
    assert gone == [child] and not alive


@needs_cycles
@pytest.mark.slow
def test_memory_stays_flat_over_many_scenes() -> None:
    """60 scenes with new poses and materials: what one leaves behind must not add up."""
    views, store = some_view()
    generator = Pathtraced(PathtracedConfig(samples=1), store)
    resident = []
    for k in range(60):
        globe = placed("globe", pose(0.001 * k), index=1)
        scene = replace(views.scene, objects=(globe,) * 20)
        generator(Views(scene, 0, views.gbuffers), [k])
        resident.append(psutil.Process(path_tracer().process.pid).memory_info().rss)
    assert np.mean(resident[-10:]) - np.mean(resident[20:30]) < 8 << 20
