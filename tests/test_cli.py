"""The command line: what it passes on, prints and returns, with the run, preview, replay and bench behind it faked."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import synthgen.run.api
import synthgen.run.bench
import synthgen.run.preview
import synthgen.run.replay
import synthgen.validate.dataset
from synthgen import __version__, terminal
from synthgen.cli import cli
from synthgen.errors import (
    AssetError,
    ConfigError,
    DatasetError,
    EnvironmentFault,
    GateError,
    IncompleteError,
    InternalError,
)
from synthgen.run.api import CheckReport, Progress, RunSummary
from synthgen.run.bench import BenchReport
from synthgen.run.failures import FailureGroup
from synthgen.run.replay import ReplayReport
from synthgen.validate.report import Problem, ValidationReport

SYNTHGEN = [sys.executable, "-m", "synthgen.cli"]
COMMANDS = (
    "run", "pairs", "preview", "check", "validate", "replay", "schema", "init", "calibrate", "bench", "evaluate",
    "train", "score", "completion",
)  # fmt: skip


@pytest.fixture
def invoke(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Runs the command line in an empty working directory."""
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(cli, list(arguments), prog_name="synthgen")


@dataclass
class Calls:
    """What the faked functions were called with, and what they raise."""

    seen: dict[str, Any]
    error: BaseException | None = None


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    record = Calls({})

    def fake(result: Callable[[dict[str, Any]], Any]) -> Callable[..., Any]:
        def call(*positional: Any, **named: Any) -> Any:
            record.seen = {"positional": positional, **named}
            if record.error is not None:
                raise record.error
            return result(record.seen)

        return call

    def summary(seen: dict[str, Any]) -> RunSummary:
        for done in (0, 5, 10):
            seen["progress"](Progress(done, 10, done // 5, 2, 1.0 + done, 0))
        lost = FailureGroup("object_lost", 1, 0.1, (7,), "use a larger table", None, "synthgen replay d 7")
        return RunSummary(
            seen["out"], False, 9, 10, 31, {"mug": 20, "can": 11}, {"object_lost": 1}, 11.0, 0.9, (lost,),
            {"camera:error:ValueError": 2},
        )  # fmt: skip

    monkeypatch.setattr(synthgen.run.api, "run_pipeline", fake(summary))
    monkeypatch.setattr(synthgen.run.api, "check_pipeline", fake(lambda seen: CheckReport([("images", "10")])))
    monkeypatch.setattr(synthgen.run.preview, "preview_pipeline", fake(lambda seen: seen["out"]))
    monkeypatch.setattr(synthgen.run.preview, "preview_dataset", fake(lambda seen: seen["out"]))
    monkeypatch.setattr(synthgen.run.bench, "run_bench", fake(lambda seen: BenchReport([("images/s", "9.1")], {})))
    return record


def test_run_passes_its_options_on(invoke: Callable[..., Result], calls: Calls) -> None:
    result = invoke(
        *("run", "smoke", "--out", "d", "--count", "7", "--seed", "3", "--workers", "2", "--scheduler", "tcp://h:1"),
        *("--device", "cpu", "--set", "image.width=64", "--fresh", "--worker-memory", "900"),
    )
    assert result.exit_code == 0, result.output
    (loaded,) = calls.seen["positional"]
    assert (loaded.pipeline.count, loaded.pipeline.seed, loaded.pipeline.image.width) == (7, 3, 64)
    assert {key: calls.seen[key] for key in ("out", "workers", "scheduler", "device", "fresh", "worker_memory_mb")} == {
        "out": Path("d"),
        "workers": 2,
        "scheduler": "tcp://h:1",
        "device": "cpu",
        "fresh": True,
        "worker_memory_mb": 900,
    }


def test_a_value_given_twice_is_a_fault(invoke: Callable[..., Result], calls: Calls) -> None:
    result = invoke("run", "smoke", "--count", "4", "--set", "count=3.5")
    assert (result.exit_code, calls.seen) == (2, {})
    assert result.stderr == (
        "error: command line: count is given twice, as --count 4 and as --set count=3.5; one is allowed. "
        "Leave one of them out\n"
    )


def test_run_by_default_writes_below_out_and_ends_with_a_table(invoke: Callable[..., Result], calls: Calls) -> None:
    Path("out/smoke/images").mkdir(parents=True)
    result = invoke("run", "smoke")
    assert calls.seen["out"] == Path("out/smoke")
    assert result.stdout == (
        "images                     9 of 10\n"
        "instances                  31\n"
        "  mug                      20\n"
        "  can                      11\n"
        "empty slots                1\n"
        "  object_lost              1 (10.0%), images 7\n"
        "    try                    use a larger table\n"
        "    again                  synthgen replay d 7\n"
        "exceptions                 2 draws were thrown away: please report them\n"
        "  camera:error:ValueError  2\n"
        "  tracebacks               out/smoke/logs/poison\n"
        "time                       11 s, 0.9 images/s\n"
        "dataset                    out/smoke\n"
        "  images                   out/smoke/images\n"
    )


def test_progress_without_a_terminal_is_plain_lines_on_stderr(invoke: Callable[..., Result], calls: Calls) -> None:
    assert invoke("run", "smoke").stderr == "0/10 images\n10/10 images, 1.0 images/s\n"


def test_a_complete_dataset_says_so(
    invoke: Callable[..., Result], calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = RunSummary(Path("d"), True, 10, 10, 3, {"mug": 3}, {}, 0.1, 0.0)
    monkeypatch.setattr(synthgen.run.api, "run_pipeline", lambda *args, **named: done)
    result = invoke("run", "smoke")
    assert (result.exit_code, result.stdout.splitlines()[0]) == (0, "Already complete; nothing was changed.")


def test_preview_tells_a_dataset_from_a_pipeline(invoke: Callable[..., Result], calls: Calls) -> None:
    assert invoke("preview", "smoke", "--views", "3").stdout == "preview_smoke.png\n"
    assert calls.seen["views"] == 3
    Path("data/receipts").mkdir(parents=True)
    assert invoke("preview", "data", "--out", "sheet.png").stdout == "sheet.png\n"
    assert calls.seen["positional"] == (Path("data"),)


def test_check_prints_its_lines(invoke: Callable[..., Result], calls: Calls) -> None:
    result = invoke("check", "smoke", "--workers", "4", "--out", "d")
    assert (result.stdout, calls.seen["workers"], calls.seen["out"]) == ("images  10\n", 4, Path("d"))


def test_bench_builds_its_pipeline(invoke: Callable[..., Result], calls: Calls) -> None:
    result = invoke(
        "bench", "--size", "640x480", "--images", "40", "--objects", "6", "--views", "4", "--json", "b.json"
    )
    assert result.stdout == "images/s  9.1\n"
    pipeline = calls.seen["positional"][0].pipeline
    assert (pipeline.image.width, pipeline.image.height, pipeline.count) == (640, 480, 40)
    assert (pipeline.scene.objects_per_scene.high, pipeline.camera.views_per_scene) == (6, 4)
    assert (calls.seen["workers"], calls.seen["json_path"], calls.seen["independent"]) == (2, Path("b.json"), False)
    invoke("bench", "--independent", "--pipeline", "bin_picking")
    assert (calls.seen["positional"][0].pipeline.name, calls.seen["independent"]) == ("bin_picking", True)


CLEAN = ValidationReport(Path("d"), True, 1, 2, 2, 0, 5, (), 0)
VALIDATIONS = [
    ("clean", CLEAN, 0, ""),
    (
        "incomplete",
        replace(CLEAN, complete=False),
        4,
        "error: d is incomplete: it has no dataset.json; the same 'synthgen run' command makes the rest\n",
    ),
    (
        "damaged",
        replace(CLEAN, problems=(Problem("images/00000/000000001.jpg", "is missing"),), problem_count=1),
        3,
        "images/00000/000000001.jpg: is missing\n"
        "error: d has 1 problem; remove the receipts of the damaged shards (receipts/00000.json) and give the same "
        "'synthgen run' command again: it makes them anew\n",
    ),
]


@pytest.mark.parametrize(("intent", "report", "code", "stderr"), VALIDATIONS, ids=[row[0] for row in VALIDATIONS])
def test_validate(
    intent: str,
    report: ValidationReport,
    code: int,
    stderr: str,
    invoke: Callable[..., Result],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(synthgen.validate.dataset, "validate_dataset", lambda folder: report)
    Path("d").mkdir()
    result = invoke("validate", "d")
    assert (result.exit_code, result.stderr) == (code, stderr), intent


REPLAYS = [
    ("identical", "identical", "", "", 0, ""),
    ("nothing to compare with", "new", "", "", 0, ""),
    ("an ordinary empty slot, again", "identical", "object_lost", "", 0, ""),
    (
        "differs",
        *("differs", "", "", 3),
        "error: image 3 of d differs from what this machine makes; the bytes are only promised for the same kind of "
        "device, versions and assets: compare them with dataset.json\n",
    ),
    (
        "an exception",
        *("error", "error:ValueError", "Traceback ...", 1),
        "Traceback ...\nerror: image 3 of d cannot be made: error:ValueError. This is a bug in synthgen: please report "
        "it with the traceback and pipeline.yaml\n",
    ),
    ("an exception, then an image", "identical", "", "Traceback ...", 0, "Traceback ...\n"),
]


@pytest.mark.parametrize(
    ("intent", "verdict", "reason", "trace", "code", "stderr"), REPLAYS, ids=[r[0] for r in REPLAYS]
)
def test_replay(
    intent: str,
    verdict: Any,
    reason: str,
    trace: str,
    code: int,
    stderr: str,
    invoke: Callable[..., Result],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    report = ReplayReport(3, verdict, [("image", "3")], Path("x.jpg"), reason, trace)
    monkeypatch.setattr(synthgen.run.replay, "replay_images", lambda folder, image_ids, out: iter([report]))
    Path("d").mkdir()
    result = invoke("replay", "d", "3")
    assert (result.exit_code, result.stdout, result.stderr) == (code, "image  3\n", stderr), intent


@pytest.mark.parametrize(("given", "ids"), [("3", range(3, 4)), ("61-65", range(61, 66)), ("7-7", range(7, 8))])
def test_replay_takes_an_image_or_a_range(
    given: str, ids: range, invoke: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[range] = []

    def replay(folder: Path, image_ids: range, out: Path | None) -> list[ReplayReport]:
        seen.append(image_ids)
        return []

    monkeypatch.setattr(synthgen.run.replay, "replay_images", replay)
    Path("d").mkdir()
    assert invoke("replay", "d", given).exit_code == 0
    assert seen == [ids]


ERRORS = [
    ("one fault", ConfigError("a.yaml:1: b"), 2, "error: a.yaml:1: b\n"),
    ("many faults", ConfigError(["a", "b"]), 2, "error: 2 faults\n  a\n  b\n"),
    ("asset", AssetError("mesh"), 2, "error: mesh\n"),
    ("dataset", DatasetError("in use"), 2, "error: in use\n"),
    ("gate", GateError("gate"), 3, "error: gate\n"),
    ("incomplete", IncompleteError("half"), 4, "error: half\n"),
    ("environment", EnvironmentFault("disk"), 5, "error: disk\n"),
    ("our bug, noticed", InternalError("label"), 1, "error: label\n"),
    (
        "disk full",
        OSError(errno.ENOSPC, "No space left on device", "d/x"),
        5,
        "error: d/x: the disk is full; free some space or give another --out, then run the same command again\n",
    ),
    (
        "no permission",
        PermissionError(errno.EACCES, "Permission denied", "/root/x"),
        5,
        "error: /root/x: permission denied; give a folder you may write, or fix its permissions\n",
    ),
    (
        "another refusal",
        OSError(errno.ENODEV, "No such device"),
        5,
        "error: No such device; check the path and the disk\n",
    ),
    (
        "memory",
        MemoryError(),
        5,
        "error: out of memory; use fewer --workers, smaller images or lighter meshes. Finished shards are kept\n",
    ),
    (
        "ctrl-C",
        KeyboardInterrupt(),
        130,
        "error: interrupted; finished shards are kept, the same command makes the rest\n",
    ),
    (
        "SIGTERM",
        terminal.Terminated(),
        143,
        "error: terminated; finished shards are kept, the same command makes the rest\n",
    ),
]


@pytest.mark.parametrize(("intent", "error", "code", "stderr"), ERRORS, ids=[row[0] for row in ERRORS])
def test_errors_become_one_sentence_and_a_code(
    intent: str, error: BaseException, code: int, stderr: str, invoke: Callable[..., Result], calls: Calls
) -> None:
    calls.error = error
    result = invoke("run", "smoke")
    assert (result.exit_code, result.stderr, result.stdout) == (code, stderr, ""), intent
    assert list(Path().iterdir()) == []


def test_an_unexpected_error_leaves_a_log_and_no_traceback_on_screen(
    invoke: Callable[..., Result], calls: Calls
) -> None:
    calls.error = ZeroDivisionError("division by zero")
    result = invoke("run", "smoke")
    log = Path("synthgen-bug-001.log").resolve()
    assert (result.exit_code, result.stderr) == (
        1,
        "error: this is a bug in synthgen, not in your input: ZeroDivisionError: division by zero\n"
        f"Please report it; its traceback is in {log}.\n",
    )
    assert "Traceback" in log.read_text(encoding="utf-8")


def test_debug_shows_the_traceback(invoke: Callable[..., Result], calls: Calls) -> None:
    calls.error = ZeroDivisionError("division by zero")
    result = invoke("--debug", "run", "smoke")
    assert result.exit_code == 1 and "Traceback" in result.stderr
    assert list(Path().iterdir()) == []


# intent, arguments, exit code, the last words on stderr
CLUMSY = [
    ("out of an unset variable", ["run", "smoke", "--out", ""], 2,
     "Invalid value for '-o' / '--out': it is empty; give a path (is a shell variable unset?)."),
    ("sheet into a folder", ["preview", "smoke", "--out", "folder"], 2,
     "Invalid value for '-o' / '--out': 'folder' is a folder; give the name of a file in it."),
    ("sheet below a file", ["preview", "smoke", "--out", "file/x/y.png"], 2,
     "Invalid value for '-o' / '--out': 'DIR/file' is a file, not a folder; give a file in a folder."),
    ("numbers below a file", ["bench", "--json", "file/b.json"], 2,
     "Invalid value for '--json': 'DIR/file' is a file, not a folder; give a file in a folder."),
    ("lifts into a folder", ["evaluate", "grasps", "smoke", "--json", "folder"], 2,
     "Invalid value for '--json': 'folder' is a folder; give the name of a file in it."),
    ("name that does not exist", ["run", "graspin"], 2,
     "error: 'graspin' is no file and no shipped pipeline; nearest: grasping; shipped: bin_picking, grasping, smoke, "
     "training; synthgen init NAME copies one to edit"),
    ("file that does not exist", ["check", "my.yaml"], 2,
     "error: 'my.yaml' is no file and no shipped pipeline; shipped: bin_picking, grasping, smoke, training; "
     "synthgen init NAME copies one to edit"),
    ("address of a web page", ["run", "https://example.com/a.yaml"], 2,
     "error: 'https://example.com/a.yaml' is no file and no shipped pipeline; shipped: bin_picking, grasping, smoke, "
     "training; synthgen init NAME copies one to edit"),
    ("folder for a pipeline", ["run", "folder"], 2,
     "error: folder is a folder; allowed: a pipeline file (.yaml) or a shipped name; or give one of: bin_picking, "
     "grasping, smoke, training"),
    ("text for a pipeline", ["run", "file"], 2,
     "error: file:1: holds text; allowed: a block of keys such as name:, scene:, camera:"),
    ("binary for a pipeline", ["preview", "binary"], 2,
     "error: binary: byte 0 is not UTF-8 text; allowed: a YAML file in UTF-8; save it in that encoding"),
    ("empty pipeline", ["run", "empty"], 2,
     "error: empty:1: is empty; synthgen init NAME writes a pipeline to start from"),
    ("count in words", ["run", "smoke", "--count", "many"], 2,
     "Invalid value for '--count': 'many' is not a valid integer."),
    ("count below zero", ["run", "smoke", "--count", "-5"], 2,
     "error: command line: count: -5 is outside what is allowed: 1 to 100000000 images; try count: 200"),
    ("seed below zero", ["run", "smoke", "--seed", "-1"], 2,
     "error: command line: seed: -1 is outside what is allowed: 0 to 9223372036854775807; try seed: 0"),
    ("--set without anything", ["run", "smoke", "--set"], 2, "Error: Option '--set' requires an argument."),
    ("--set without a value", ["run", "smoke", "--set", "count"], 2,
     "error: command line: --set: 'count' is not key.path=value; write it like --set image.width=640 or --set "
     "scene.objects[0].weight=3"),
    ("--set to nothing", ["run", "smoke", "--set", "count="], 2,
     "error: command line: count: nothing (null) is not a whole number; try count: 200"),
    ("two pipelines", ["run", "smoke", "grasping"], 2, "Error: Got unexpected extra argument (grasping)"),
    ("device that is none", ["run", "smoke", "--device", "tpu"], 2,
     "Invalid value for '--device': 'tpu' is not one of 'auto', 'cpu', 'gpu'."),
    ("too many workers", ["run", "smoke", "--workers", "99999"], 2,
     "Invalid value for '--workers': 99999 is not in the range 1<=x<=1024."),
    ("giant images", ["run", "smoke", "--set", "image.width=100000"], 2,
     "error: command line: image.width: 100000 is outside what is allowed: 32 to 4096 pixels; try width: 256"),
    ("a mesh that is none", ["run", "smoke", "--set", "scene.objects=[{mesh: file}]"], 2,
     "error: command line: scene.objects[0].mesh: 'DIR/file' is not of an allowed file type; allowed: .glb .gltf .obj "
     ".ply .stl; convert the file"),
    ("no views", ["preview", "smoke", "--views", "0"], 2,
     "Invalid value for '--views': 0 is not in the range 1<=x<=200."),
    ("file for a dataset", ["validate", "file"], 2, "Invalid value for 'DATASET': Directory 'file' is a file."),
    ("folder that is no dataset", ["validate", "folder"], 2,
     "error: 'folder' is not a synthgen dataset: it has neither dataset.json nor receipts/. Give the folder that "
     "'synthgen run --out' wrote"),
    ("replay in words", ["replay", "folder", "one"], 2,
     "Invalid value for 'ID': 'one' is not an image id or a range of them, e.g. 17 or 61-65."),
    ("replay of no dataset", ["replay", "folder", "1"], 2,
     "error: 'folder' is not a synthgen dataset: it has no pipeline.yaml. Give the folder that 'synthgen run' wrote"),
    ("schema that is none", ["schema", "pipelin"], 2,
     "'pipelin' is not one of 'pipeline', 'dataset', 'coco', 'manifest'."),
    ("init of nothing shipped", ["init", "graspings"], 2,
     "error: 'graspings' is no shipped pipeline; nearest: grasping; shipped: bin_picking, grasping, smoke, training"),
    ("init over a file", ["init", "smoke", "there.yaml"], 2,
     "error: there.yaml exists already and is left as it is; give another name, or move it away"),
    ("init as text", ["init", "smoke", "a.txt"], 2,
     "error: a.txt has no YAML ending; allowed: .yaml or .yml; try a.yaml"),
    ("calibrate without photographs", ["calibrate"], 2, "Error: Missing argument 'PHOTOS...'."),
    ("calibrate an empty folder", ["calibrate", "folder"], 2,
     "error: 'folder' holds no photographs; allowed: image files (.jpg .jpeg .png .webp .bmp .tif .tiff), globs of "
     "them, or a folder of them. Check the path"),
    ("calibrate text", ["calibrate", "file"], 2,
     "error: file cannot be read as an image; allowed: JPEG, PNG, WebP, TIFF or BMP. Open it in an image viewer to "
     "check it, and export it again"),
    ("bench of no pixels", ["bench", "--size", "0x256"], 2,
     "error: command line: image.width: 0 is outside what is allowed: 32 to 4096 pixels; try width: 256"),
    ("bench of no images", ["bench", "--images", "0"], 2,
     "Invalid value for '--images': 0 is not in the range x>=1."),
    ("friction of glue", ["evaluate", "grasps", "smoke", "--friction", "9"], 2,
     "Invalid value for '--friction': 9.0 is not in the range 0.05<=x<=2.0."),
    ("shell that is none", ["completion", "tcsh"], 2, "'tcsh' is not one of 'bash', 'zsh', 'fish'."),
    ("command in capitals", ["Run", "smoke"], 2, "Error: No such command 'Run'. Did you mean 'run'?"),
]  # fmt: skip


@pytest.mark.parametrize(("intent", "arguments", "code", "words"), CLUMSY, ids=[row[0] for row in CLUMSY])
def test_clumsy_commands(
    intent: str, arguments: list[str], code: int, words: str, invoke: Callable[..., Result], tmp_path: Path
) -> None:
    for name, content in {"file": b"hello\n", "binary": b"\xff\xfe\0", "empty": b"", "there.yaml": b"a: 1\n"}.items():
        Path(name).write_bytes(content)
    Path("folder").mkdir()
    before = sorted(Path().rglob("*"))
    result = invoke(*arguments)
    assert result.exit_code == code, intent
    assert result.stderr.rstrip().replace(str(tmp_path), "DIR").endswith(words), intent
    assert "Traceback" not in result.stderr and result.stdout == ""
    assert sorted(Path().rglob("*")) == before, "a refused command leaves nothing behind"


def test_a_result_that_may_not_be_written_is_refused_before_the_work(
    invoke: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    result = invoke("preview", "smoke", "--out", "a/x.png")
    assert (result.exit_code, result.stderr) == (
        5,
        f"error: 'a/x.png' cannot be written: no permission for {str(tmp_path)!r}; give a file in a folder that you "
        "may write\n",
    )


def test_there_are_forty_clumsy_commands() -> None:
    assert len({row[0] for row in CLUMSY}) == len(CLUMSY) == 40


USAGE = [
    ("no such command", ["rum"], "No such command 'rum'"),
    ("no such option", ["run", "smoke", "--cout", "3"], "No such option"),
    ("no pipeline", ["run"], "Missing argument 'PIPELINE'"),
    ("no workers", ["run", "smoke", "--workers", "0"], "0 is not in the range 1<=x<=1024"),
    ("no image id", ["replay", "d", "x3"], "'x3' is not an image id or a range of them, e.g. 17 or 61-65."),
    ("a range that goes back", ["replay", "d", "5-3"], "'5-3' is not an image id or a range of them"),
    ("no size", ["bench", "--size", "640"], "'640' is not WIDTHxHEIGHT in pixels, e.g. 640x480."),
]


@pytest.mark.parametrize(("intent", "arguments", "words"), USAGE, ids=[row[0] for row in USAGE])
def test_usage_errors(intent: str, arguments: list[str], words: str, invoke: Callable[..., Result]) -> None:
    result = invoke(*arguments)
    assert result.exit_code == 2 and words in result.stderr, intent


def test_folders_that_are_no_folders(invoke: Callable[..., Result]) -> None:
    sentence = "error: d is not a folder; give the folder that 'synthgen run' wrote, e.g. out/grasping\n"
    for arguments in (("validate", "d"), ("replay", "d", "1")):
        result = invoke(*arguments)
        assert (result.exit_code, result.stderr) == (2, sentence)


def test_config_faults_come_before_anything_is_written(invoke: Callable[..., Result]) -> None:
    result = invoke("run", "smoke", "--count", "0", "--set", "camra=1")
    assert result.exit_code == 2
    assert result.stderr.startswith(
        "error: 2 faults\n  command line: count: 0 is outside what is allowed: 1 to 100000000 images; try count: 200\n"
        "  command line: camra: unknown key; nearest known: camera. Allowed keys: "
    )
    assert list(Path().iterdir()) == []


def test_init_then_load(invoke: Callable[..., Result], calls: Calls) -> None:
    assert invoke("init", "smoke", "cell.yaml").stdout == "cell.yaml  (edit it, then: synthgen preview cell.yaml)\n"
    assert invoke("run", "cell.yaml").exit_code == 0
    assert calls.seen["out"] == Path("out/cell")
    assert invoke("init", "smoke", "cell.yaml").exit_code == 2
    listed = invoke("init", "--list").stdout
    assert [line.split()[0] for line in listed.splitlines()] == ["bin_picking", "grasping", "smoke", "training"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(shell: str, invoke: Callable[..., Result]) -> None:
    result = invoke("completion", shell)
    assert result.exit_code == 0 and "_SYNTHGEN_COMPLETE" in result.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_teaches_by_example(command: str, invoke: Callable[..., Result]) -> None:
    assert tuple(cli.commands) == COMMANDS
    result = invoke(command, "--help")
    assert result.exit_code == 0 and "Example" in result.output and f"synthgen {command}" in result.output


def test_plain_progress_speaks_every_ten_seconds_and_at_the_end() -> None:
    lines: list[str] = []
    show = terminal.plain_progress(lines.append)
    for second in range(31):
        show(Progress(10 + second * 2, 72, 0, 1, float(second), 10))
    show(Progress(72, 72, 1, 1, 31.0, 10))
    assert lines == [
        "10/72 images",
        "30/72 images, 2.0 images/s, 21 s left",
        "50/72 images, 2.0 images/s, 11 s left",
        "70/72 images, 2.0 images/s, 1.0 s left",
        "72/72 images, 2.0 images/s",
    ]


RATES = [
    # intent, workers, (images done, at which second), rate, seconds left
    ("nothing yet", 1, [(0, 0)], 0.0, 0.0),
    ("the first shard compiles: not told", 1, [(0, 0), (10, 100)], 0.0, 0.0),
    ("the first shard does not count", 1, [(0, 0), (10, 100), (20, 101)], 10.0, 8.0),
    ("half a burst is not told", 2, [(0, 0), (10, 100), (20, 101), (30, 110), (40, 111)], 2.0, 30.0),
    ("time passes while no shard ends", 1, [(0, 0), (10, 100), (20, 101), (20, 103)], 10.0, 6.0),
    ("images of an earlier run do not count", 1, [(50, 0), (60, 50), (70, 60)], 1.0, 30.0),
    ("too short to tell, but done", 2, [(0, 0), (100, 50)], 2.0, 0.0),
    ("several at once", 1, [(0, 0), (10, 5), (20, 5)], 0.0, 0.0),
]


@pytest.mark.parametrize(("intent", "workers", "ends", "rate", "left_s"), RATES, ids=[row[0] for row in RATES])
def test_rate_and_time_left(
    intent: str, workers: int, ends: list[tuple[int, float]], rate: float, left_s: float
) -> None:
    meter = terminal.Rate()
    for done, second in ends:
        told = meter(Progress(done, 100, 0, 1, float(second), 0, workers=workers))
    assert told == (rate, left_s), intent


def test_rate_follows_the_last_shards() -> None:
    meter = terminal.Rate()
    for shard in range(40):
        meter(Progress(shard, 1000, 0, 1, 10.0 * shard, 0))
    for shard in range(40, 80):
        rate, _ = meter(Progress(shard, 1000, 0, 1, 400.0 + shard, 0))
    assert rate == 1.0


def test_the_live_bar_draws(capsys: pytest.CaptureFixture[str]) -> None:
    with terminal.progress_bar() as show:
        show(Progress(0, 4, 0, 1, 0.0, 0))
        show(Progress(4, 4, 1, 1, 2.0, 0))
    assert capsys.readouterr().out == ""


DURATIONS = [(0.42, "0.4 s"), (59.4, "59 s"), (59.9, "1 min 00 s"), (200.0, "3 min 20 s"), (7500.0, "2 h 05 min")]


@pytest.mark.parametrize(("seconds", "words"), DURATIONS)
def test_duration(seconds: float, words: str) -> None:
    assert terminal.duration(seconds) == words


def test_pairs_wrap_to_a_terminal_and_never_in_a_pipe() -> None:
    lines = [("classes", "mug, can, box, bowl, plate"), ("n", "1")]
    assert terminal.pairs(lines, width=30) == "classes  mug, can, box, bowl,\n         plate\nn        1"
    assert terminal.pairs(lines, width=None) == "classes  mug, can, box, bowl, plate\nn        1"


def test_processes_return_the_codes_and_help_is_quick(tmp_path: Path) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*SYNTHGEN, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False)

    version = run("--version")
    assert (version.returncode, version.stdout) == (0, f"synthgen, version {__version__}\n")
    wrong = run("run", "smoke", "--count", "0")
    assert wrong.returncode == 2 and "Traceback" not in wrong.stderr
    assert run("schema").returncode == 0
    times = []
    for _ in range(3):
        start = os.times()
        assert run("--help").returncode == 0
        end = os.times()  # processor time: other programs on the machine do not count
        times.append(end.children_user + end.children_system - start.children_user - start.children_system)
    assert min(times) < 0.4
    heavy = "import sys, synthgen.cli; print([m for m in sys.modules if m in ('numpy', 'pydantic', 'yaml', 'dask')])"
    loaded = subprocess.run([sys.executable, "-c", heavy], capture_output=True, text=True, check=True)
    assert loaded.stdout == "[]\n"
    assert list(tmp_path.iterdir()) == []


def test_sigterm_ends_with_143(tmp_path: Path) -> None:
    script = (
        "import sys, time, synthgen.cli, synthgen.config.template as t\n"
        "t.pipeline_titles = lambda: (print('ready', flush=True), time.sleep(30))\n"
        "sys.argv = ['synthgen', 'init', '--list']\n"
        "synthgen.cli.main()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    os.kill(process.pid, signal.SIGTERM)
    _, stderr = process.communicate(timeout=20)
    assert (process.returncode, stderr) == (
        143,
        "error: terminated; finished shards are kept, the same command makes the rest\n",
    )
