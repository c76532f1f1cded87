"""The command line. The only module that prints; heavy imports happen inside the commands."""

from __future__ import annotations

import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from synthgen import __version__, terminal
from synthgen import cli_options as options
from synthgen.errors import ConfigError, DatasetError, GateError, IncompleteError, InternalError, SynthgenError

if TYPE_CHECKING:
    from synthgen.config.load import LoadedPipeline
    from synthgen.evaluate.reports import Report

BROKEN_PIPE = 141


class Commands(click.Group):
    """Turns every error into one clean message on stderr and the exit code of DESIGN 5."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)  # in the order of use, not of the alphabet

    def invoke(self, ctx: click.Context) -> Any:
        try:
            with _sigterm_raises():
                return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except BrokenPipeError:
            sys.stdout = None  # the reader has gone: nothing left to flush
            ctx.exit(BROKEN_PIPE)
        except (Exception, KeyboardInterrupt, terminal.Terminated) as error:
            ctx.exit(_report_error(error, debug=bool(ctx.params.get("debug"))))


def _report_error(error: BaseException, *, debug: bool) -> int:
    code, text = terminal.error_text(error)
    if debug:
        click.echo("".join(traceback.format_exception(error)), err=True)
    click.echo(f"{click.style('error:', fg='red', bold=True)} {text}", err=True)
    if code == 1 and not isinstance(error, SynthgenError) and not debug:
        log = terminal.write_traceback(error, Path.cwd())
        where = f"its traceback is in {log}" if log else "run it again as 'synthgen --debug ...' for a traceback"
        click.echo(f"Please report it; {where}.", err=True)
    return code


@contextmanager
def _sigterm_raises() -> Iterator[None]:
    def raise_terminated(signum: int, frame: object) -> None:
        raise terminal.Terminated

    try:
        before = signal.signal(signal.SIGTERM, raise_terminated)
    except ValueError:  # not the main thread (embedded use): the host keeps its own handling
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _load(pipeline: str, sets: tuple[str, ...], **short: int | None) -> LoadedPipeline:
    """The pipeline with its overrides. A value given twice would hide one of the two, wrong or not: that is a fault."""
    from synthgen.config.load import load_pipeline

    for key, value in short.items():
        twice = next((word for word in sets if word.partition("=")[0].strip() == key), None)
        if value is not None and twice is not None:
            raise ConfigError(
                f"command line: {key} is given twice, as --{key} {value} and as --set {twice}; one is allowed. "
                "Leave one of them out"
            )
    overrides = [*sets, *(f"{key}={value}" for key, value in short.items() if value is not None)]
    return load_pipeline(pipeline, overrides)


def _echo_pairs(lines: list[tuple[str, str]]) -> None:
    click.echo(terminal.pairs(lines, width=terminal.terminal_width() if sys.stdout.isatty() else None))


def _tell_report(report: Report, json_path: Path | None) -> None:
    """A measurement's numbers into a file, where one is asked for, and its table."""
    from synthgen.write.files import write_file

    if json_path is not None:
        write_file(json_path, report.json_text().encode())
    _echo_pairs(report.lines)


def _tenths(what: str) -> Callable[[int, int], None]:
    """A progress (done, of) that tells every tenth."""

    def tell(done: int, of: int) -> None:
        if done * 10 // of > (done - 1) * 10 // of:
            click.echo(f"{done}/{of} {what}", err=True)

    return tell


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="synthgen")
@click.option("--debug", is_flag=True, help="Show Python tracebacks of errors.")
def cli(debug: bool) -> None:
    """Labelled image datasets for robot perception, from meshes, photographs and one YAML file.

    \b
    Start here:
      synthgen run smoke                      a tiny dataset, in seconds
      synthgen preview grasping               a contact sheet, before a long run
      synthgen run grasping --count 2000      a table-top dataset in ./out/grasping
      synthgen init grasping my_cell.yaml     a pipeline of your own to edit

    \b
    Exit codes: 0 done, 1 a bug of ours, 2 your input, 3 a check failed,
    4 incomplete, 5 disk, scheduler or permission, 130/143 interrupted.
    """


@cli.command(short_help="Make a dataset, or finish one that was interrupted.")
@options.pipeline
@options.out_folder
@options.count
@options.seed
@options.workers
@options.scheduler
@options.worker_memory
@options.device
@options.sets
@options.fresh
def run(
    pipeline: str,
    out: Path | None,
    count: int | None,
    seed: int | None,
    workers: int | None,
    scheduler: str | None,
    worker_memory_mb: int | None,
    device: str,
    sets: tuple[str, ...],
    fresh: bool,
) -> None:
    """Make a dataset, or finish one that was interrupted.

    PIPELINE is a YAML file or a shipped name (synthgen init --list). The same command again continues where an
    earlier run stopped, and does nothing when the dataset is complete.

    \b
    Examples:
      synthgen run grasping
      synthgen run my_cell.yaml --count 10000 --seed 7 --out /data/cell
      synthgen run grasping --set image.width=640 --set image.height=480
      synthgen run grasping --set scene.objects='[{mesh: "meshes/*.glb"}]'
      synthgen run grasping --set 'scene.objects[0].weight=5' --workers 8
      synthgen run my_cell.yaml --scheduler tcp://10.0.0.5:8786
    """
    loaded = _load(pipeline, sets, count=count, seed=seed)  # before the heavy import: faults show at once
    from synthgen.run.api import run_pipeline
    from synthgen.run.failures import failure_lines

    folder = out or Path("out") / loaded.pipeline.name
    with _progress() as show:
        summary = run_pipeline(
            loaded,
            out=folder,
            workers=workers,
            scheduler=scheduler,
            device=device,
            fresh=fresh,
            progress=show,
            worker_memory_mb=worker_memory_mb,
        )
    if summary.already_complete:
        click.echo("Already complete; nothing was changed.")
    _echo_pairs(
        terminal.summary_lines(
            folder=summary.folder,
            images=summary.images,
            slots=summary.slots,
            annotations=summary.annotations,
            per_class=summary.per_class,
            failures=failure_lines(summary.failures),
            redrawn_errors=summary.redrawn_errors,
            elapsed_s=summary.elapsed_s,
            images_per_s=0.0 if summary.already_complete else summary.images_per_s,
        )
    )


@cli.command(short_help="Make training pairs: G-buffers beside path-traced images.")
@options.pipeline
@options.out_pack
@options.pair_count
@options.pair_size
@options.seed
@options.workers
@options.scheduler
@options.worker_memory
@options.sets
@options.fresh_pack
def pairs(
    pipeline: str,
    out: Path | None,
    count: int | None,
    size: tuple[int, int] | None,
    seed: int | None,
    workers: int | None,
    scheduler: str | None,
    worker_memory_mb: int | None,
    sets: tuple[str, ...],
    fresh: bool,
) -> None:
    """Make a pack of training pairs: settled scenes, and what the path tracer sees of them.

    The G-buffer is not stored: it is rendered again when the pack is read. A quarter of the scenes shows one view under
    several lights and finishes. The same command again continues where an earlier run stopped. Seeds from 1000000000 to
    1999999999 make training data; all others are for evaluation.

    \b
    Examples:
      synthgen pairs training
      synthgen pairs training --count 8000 --size 128x128 --out packs/train
      synthgen pairs training --count 1000 --seed 1 --set pairs.held_out.share=1 --out packs/test
    """
    width, height = size or (None, None)
    loaded = _load(pipeline, sets, count=count, seed=seed, **{"image.width": width, "image.height": height})
    from synthgen.run.pairs import make_pairs

    with _progress() as show:
        summary = make_pairs(
            loaded,
            out=out or Path("packs") / loaded.pipeline.name,
            workers=workers,
            scheduler=scheduler,
            fresh=fresh,
            progress=show,
            worker_memory_mb=worker_memory_mb,
        )
    if summary.already_complete:
        click.echo("Already complete; nothing was changed.")
    _echo_pairs(summary.lines)


@contextmanager
def _progress() -> Iterator[terminal.Show]:
    if sys.stderr.isatty():
        with terminal.progress_bar() as show:
            yield show
    else:
        yield terminal.plain_progress(lambda line: click.echo(line, err=True))


@cli.command(short_help="Draw a contact sheet with all labels.")
@options.pipeline_or_dataset
@options.out_sheet
@options.views
@options.count
@options.seed
@options.sets
def preview(
    pipeline_or_dataset: str,
    out: Path | None,
    views: int,
    count: int | None,
    seed: int | None,
    sets: tuple[str, ...],
) -> None:
    """Draw a contact sheet (PNG): images, masks, amodal outlines, boxes, pose axes, keypoints, depth.

    \b
    Examples:
      synthgen preview grasping
      synthgen preview my_cell.yaml --views 24 --out sheet.png --set camera.fov_deg=40
      synthgen preview out/grasping            images of a finished dataset
    """
    if _is_dataset(Path(pipeline_or_dataset)):
        from synthgen.run.preview import preview_dataset

        folder = Path(pipeline_or_dataset)
        target = preview_dataset(folder, out=out or Path(f"preview_{folder.resolve().name}.png"), views=views)
    else:
        loaded = _load(pipeline_or_dataset, sets, count=count, seed=seed)
        from synthgen.run.preview import preview_pipeline

        target = preview_pipeline(loaded, out=out or Path(f"preview_{loaded.pipeline.name}.png"), views=views)
    click.echo(str(target))


def _is_dataset(path: Path) -> bool:
    return any((path / name).exists() for name in ("dataset.json", "receipts"))


@cli.command(short_help="Check a pipeline; estimate time and disk.")
@options.pipeline
@options.disk_of
@options.count
@options.seed
@options.workers
@options.sets
def check(
    pipeline: str,
    out: Path | None,
    count: int | None,
    seed: int | None,
    workers: int | None,
    sets: tuple[str, ...],
) -> None:
    """Check a pipeline and its assets, and estimate time and disk; writes nothing.

    \b
    Examples:
      synthgen check my_cell.yaml
      synthgen check my_cell.yaml --count 1000000 --workers 64
    """
    loaded = _load(pipeline, sets, count=count, seed=seed)
    from synthgen.run.api import check_pipeline

    _echo_pairs(check_pipeline(loaded, workers=workers, out=out).lines)


@cli.command(short_help="Check every file and label of a dataset.")
@options.dataset
def validate(dataset: Path) -> None:
    """Check every file, checksum and label of a dataset.

    The exit code is 3 when something is wrong, and 4 when nothing is wrong but the dataset is incomplete.

    \b
    Example:
      synthgen validate out/grasping
    """
    _existing_folder(dataset)
    from synthgen.validate.dataset import validate_dataset

    report = validate_dataset(dataset)
    for problem in report.problems:
        click.echo(f"{problem.file}: {problem.sentence}", err=True)
    _echo_pairs([(name, str(count)) for name, count in report.counts.items()])
    if not report.ok:
        noun = "problem" if report.problem_count == 1 else "problems"
        raise GateError(f"{dataset} has {report.problem_count} {noun}; {report.remedy}")
    if not report.complete:
        raise IncompleteError(
            f"{dataset} is incomplete: it has no dataset.json; the same 'synthgen run' command makes the rest"
        )
    click.echo("complete, no problems")


def _existing_folder(dataset: Path) -> None:
    if not dataset.is_dir():
        raise DatasetError(f"{dataset} is not a folder; give the folder that 'synthgen run' wrote, e.g. out/grasping")


@cli.command(short_help="Make one image again and compare it.")
@options.dataset
@options.image_ids
@options.out_image
def replay(dataset: Path, image_ids: range, out: Path | None) -> None:
    """Make images of a dataset again and compare them byte by byte.

    ID is an image or a range of them. A slot that stayed empty is tried again, and the reason or the exception shown.
    The exit code is 0 when the same comes out, 3 when it differs, and 1 when the slot is empty because of an exception.

    \b
    Examples:
      synthgen replay out/grasping 17 --out again.jpg
      synthgen replay out/grasping 61-65
    """
    _existing_folder(dataset)
    import faulthandler

    from synthgen.run.replay import replay_images

    if sys.stderr is sys.__stderr__:
        faulthandler.enable()  # a crash of a kernel or a library shows where it was
    differing, errors = [], []
    for report in replay_images(dataset, image_ids, out=out):
        _echo_pairs(report.lines)
        if report.traceback:
            click.echo(report.traceback, err=True)
        if report.verdict == "error":
            errors.append(report)
        elif report.verdict == "differs":
            differing.append(report)
    if errors:
        raise InternalError(
            f"image {errors[0].image_id} of {dataset} cannot be made: {errors[0].reason}. This is a bug in synthgen: "
            "please report it with the traceback and pipeline.yaml"
        )
    if differing:
        raise GateError(
            f"image {differing[0].image_id} of {dataset} differs from what this machine makes; the bytes are only "
            "promised for the same kind of device, versions and assets: compare them with dataset.json"
        )


@cli.command(short_help="Print a JSON schema.")
@options.schema_name
def schema(name: str) -> None:
    """Print a JSON schema: of the pipeline file, or of what a dataset holds.

    \b
    Examples:
      synthgen schema > pipeline.schema.json    for completion in your editor
      synthgen schema coco
    """
    from synthgen.config.locate import shipped

    click.echo(shipped("schemas", ".schema.json")[name].read_text(encoding="utf-8"), nl=False)


@cli.command(short_help="Copy a shipped pipeline to edit.")
@options.shipped_name
@options.init_target
@options.init_list
def init(name: str | None, target: Path | None, listing: bool) -> None:
    """Copy a shipped pipeline, with its comments, to edit. Never overwrites a file.

    \b
    Examples:
      synthgen init --list
      synthgen init grasping                  writes ./grasping.yaml
      synthgen init bin_picking my_bin.yaml
    """
    from synthgen.config.template import copy_pipeline, pipeline_titles

    if listing or name is None:
        _echo_pairs(list(pipeline_titles().items()))
        return
    written = copy_pipeline(name, target)
    click.echo(f"{written}  (edit it, then: synthgen preview {written})")


@cli.command(short_help="Fit exposure, colour, noise and blur to photographs.")
@options.photos
@options.sense_preset
@options.out_sense
def calibrate(photos: tuple[str, ...], preset: str, out: Path | None) -> None:
    """Estimate exposure, white balance, noise and blur from about ten photographs of your camera.

    PHOTOS are image files, globs or folders, all of one size: that of the images to be made. The result is a 'sense'
    block for the pipeline file, with which its images come out like the photographs.

    \b
    Examples:
      synthgen calibrate frames/
      synthgen calibrate frames/*.png --preset realsense_d435 --out sense.yaml
    """
    from synthgen.run.calibrate import calibrate as fit

    found = fit(photos, preset=preset, out=out)
    if out is None:
        click.echo(found.text, nl=False)
    else:
        _echo_pairs([*found.lines, ("written", str(out))])
    for note in found.notes:
        click.echo(f"note: {note}", err=True)


@cli.command(short_help="Measure speed and memory.")
@options.bench_pipeline
@options.bench_size
@options.bench_images
@options.bench_views
@options.bench_objects
@options.bench_workers
@options.bench_memory
@options.bench_independent
@options.bench_json
@options.sets
def bench(
    pipeline: str,
    size: tuple[int, int],
    images: int,
    views: int,
    objects: int,
    workers: int,
    memory: bool,
    independent: bool,
    json_path: Path | None,
    sets: tuple[str, ...],
) -> None:
    """Measure: ms per stage, images/s, images/s per core, peak memory. Leaves no dataset behind.

    Counted are all seconds from the first draw to the last file of the finished dataset, COCO and report included; not
    counted are start-up and a few images before, with which the workers warm up.

    \b
    Examples:
      synthgen bench
      synthgen bench --independent
      synthgen bench --pipeline bin_picking --objects 25
      synthgen bench --set scene.objects='[{mesh: "scans/*.glb"}]'
      synthgen bench --size 640x480 --workers 4 --json bench.json
      synthgen bench --images 3000 --memory    does memory stay flat over a long run?
    """
    fixed = (
        f"image.width={size[0]}",
        f"image.height={size[1]}",
        f"camera.views_per_scene={views}",
        f"scene.objects_per_scene={objects}",
    )
    loaded = _load(pipeline, (*fixed, *sets, f"count={images}"))
    from synthgen.run.bench import run_bench

    report = run_bench(loaded, workers=workers, json_path=json_path, memory=memory, independent=independent)
    _echo_pairs(report.lines)


@cli.group(short_help="Measure how useful labels are.")
def evaluate() -> None:
    """Measure how useful labels are, by other means than those that made them.

    \b
    Example:
      synthgen evaluate grasps grasping
    """


@evaluate.command(name="grasps", short_help="Lift sampled grasps in a physics simulator.")
@options.pipeline
@options.grasp_count
@options.grasp_friction
@options.grasp_force
@options.evaluate_json
@options.seed
@options.sets
def evaluate_grasps(
    pipeline: str,
    grasps: int,
    friction: float,
    force: float,
    json_path: Path | None,
    seed: int | None,
    sets: tuple[str, ...],
) -> None:
    """Lift test: one random collision-free grasp per visible object, in its settled clutter, in MuJoCo.

    The gripper closes, lifts the object 10 cm and shakes it; a grasp holds when both fingers still touch the object.
    Reported: success with its 95 % confidence interval, over all and per third of the scores; how many of the visible
    objects that the gripper could grasp alone have a collision-free grasp.

    \b
    Examples:
      synthgen evaluate grasps grasping
      synthgen evaluate grasps my_cell.yaml --grasps 1000 --friction 0.4 --json lift.json
      synthgen evaluate grasps grasping --set labels.grasps.gripper=robotiq_2f85
    """
    loaded = _load(pipeline, sets, seed=seed)
    from synthgen.evaluate.grasps import evaluate_grasps as measure
    from synthgen.evaluate.grasps import write_report
    from synthgen.evaluate.lift import LiftSetup
    from synthgen.run.plan import make_plan
    from synthgen.run.worker import settle_process

    def tell(done: int, before: int, of: int) -> None:
        if done * 10 // of > before * 10 // of:
            click.echo(f"{done}/{of} grasps lifted", err=True)

    settle_process()
    report = measure(
        make_plan(loaded, folder=None).job,
        grasps=grasps,
        setup=LiftSetup(friction=friction, force_n=force),
        progress=tell,
    )
    if json_path is not None:
        write_report(report, json_path)
    _echo_pairs(report.lines)


@evaluate.command(name="verifier", short_help="Score right labels and planted faults.")
@options.datasets
@options.verifier_weights
@options.verifier_images
@options.verifier_faulty
@options.verifier_least
@options.bench_json
def evaluate_verifier(
    datasets: tuple[Path, ...], weights: str | None, images: int, faulty: int, least: float, json_path: Path | None
) -> None:
    """Agreement on datasets whose labels are right, per size, and how well planted faults are told from them.

    Give datasets of objects and seeds that the verifier was not trained on. The exit code is 3 when a mean over 200
    instances or more is below --least, or a fault's area under the ROC curve is below 0.95.

    \b
    Example:
      synthgen evaluate verifier out/unseen out/scans --weights out/verifier/model
    """
    for dataset in datasets:
        _existing_folder(dataset)
    from synthgen.evaluate.verifier import evaluate_verifier as measure
    from synthgen.evaluate.verifier import report_text
    from synthgen.verify.verifier import make_verifier
    from synthgen.write.files import write_file

    report = measure(
        make_verifier(weights),
        list(datasets),
        images=images,
        faulty=faulty,
        least=least,
        progress=_tenths("images scored"),
    )
    if json_path is not None:
        write_file(json_path, report_text(report).encode())
    _echo_pairs(report.lines)
    if report.failed:
        raise GateError("the verifier misses its targets: " + "; ".join(report.failed))


@evaluate.command(name="segmenter", short_help="Train small segmenters on datasets and test them.")
@options.datasets
@options.segmenter_test
@options.segmenter_seeds
@options.segmenter_steps
@options.segmenter_images
@options.bench_json
def evaluate_segmenter(
    datasets: tuple[Path, ...], test: Path, seeds: int, steps: int, images: int, json_path: Path | None
) -> None:
    """What pictures are worth as training data: mean IoU of segmenters trained on each dataset, on images of another.

    Give datasets of the same scenes, drawn differently, the baseline first and pictures like those of --test last:
    those between close a share of the gap. A gap below two standard errors is none.

    \b
    Example:
      synthgen evaluate segmenter out/shaded out/gan out/pathtraced --test out/pathtraced_test
    """
    for dataset in (*datasets, test):
        _existing_folder(dataset)
    from synthgen.evaluate.segmenter import Setup
    from synthgen.evaluate.segmenter import evaluate_segmenter as measure

    report = measure(
        list(datasets),
        test,
        Setup(seeds, steps, images),
        progress=lambda done, of: click.echo(f"{done}/{of} segmenters trained", err=True),
    )
    _tell_report(report, json_path)


@evaluate.command(name="variety", short_help="How much a generator's pictures of one view differ.")
@options.generator
@options.reference_pack
@options.variety_views
@options.variety_styles
@options.score_seed
@options.bench_json
def evaluate_variety(
    generator: str, reference: Path, views: int, styles: int, seed: int, json_path: Path | None
) -> None:
    """How much a generator's pictures of one view differ, beside the path tracer's under other lights and finishes.

    GENERATOR is a kind or the folder of a trained generator; --reference is a pack that shows views several times
    (pairs.varied). Also told: whether the labels fit every draw as they fit what 'shaded' draws.

    \b
    Example:
      synthgen evaluate variety gan --reference packs/test
    """
    _existing_folder(reference)
    from synthgen.evaluate.score_inputs import generator_and_pack
    from synthgen.evaluate.variety import evaluate_variety as measure
    from synthgen.run.worker import settle_process
    from synthgen.verify.verifier import make_verifier

    settle_process()
    made, pack = generator_and_pack(generator, reference)
    report = measure(
        made,
        pack,
        make_verifier(None),
        views=views,
        styles=styles,
        seed=seed,
        progress=_tenths("views drawn"),
    )
    _tell_report(report, json_path)


@cli.command(short_help="Train a network, or go on training it.")
@options.training
@options.out_training
@options.train_device
@options.threads
@options.workers
def train(training: str, out: Path | None, device: str, threads: int, workers: int | None) -> None:
    """Train a network, or go on where an earlier call of the same command was stopped.

    TRAINING is a YAML file or a shipped name (verifier, gan). The folder gets the data, a checkpoint, log.jsonl,
    pictures/ and, at the end, model/: the weights with their card, to be named wherever a pipeline takes weights.

    \b
    Examples:
      synthgen train verifier
      synthgen train my_verifier.yaml --out /data/verifier --device cuda
    """
    from synthgen.run.api import run_pipeline
    from synthgen.train.run import train_model

    def make_dataset(loaded: LoadedPipeline, folder: Path) -> None:
        click.echo(f"data: {folder}", err=True)
        with _progress() as show:
            run_pipeline(loaded, out=folder, workers=workers, scheduler=None, device="cpu", fresh=False, progress=show)

    trained = train_model(
        training,
        out=out,
        device=device,
        threads=threads,
        version=__version__,
        make_dataset=make_dataset,
        tell=lambda step: click.echo(terminal.training_line(step), err=True),
        preparing=lambda step: click.echo(terminal.preparing_line(step), err=True),
    )
    _echo_pairs([("model", str(trained.folder)), *((name, f"{score:.3f}") for name, score in trained.scores.items())])


@cli.command(short_help="Measure how near pictures are to a reference.")
@options.scored
@options.score_reference
@options.score_images
@options.score_seed
@options.score_inception
@options.bench_json
def score(
    scored: str, reference: Path, images: int, seed: int, inception_weights: Path | None, json_path: Path | None
) -> None:
    """Measure how near the pictures of a dataset or a generator are to a reference.

    DATASET_OR_GENERATOR is a dataset, a folder of images, a kind of generator (shaded, pathtraced; it draws the views
    of the pack) or the folder of a trained one. Where both sides show the same views, pairs are measured too: a pack
    does, and so do two datasets of one pipeline and seed.

    \b
    distance_lite0    paired feature distance, 0 = the same pictures
    absolute error    paired, after one fixed tone curve, 1 = white against black
    kid_lite0         kernel distance of the two sets, 0 = no difference to be seen
    fd_lite0          Frechet distance; means something from 2,000 images on each side
    is_lite0          variety and clearness of what is seen, beside that of the reference
    precision, recall shares of pictures inside the other set's manifold
    agreement         of pictures and labels, where 'verify' ran

    All are on features of EfficientNet-Lite0 and comparable with each other, not with published FIDs; give
    --inception-weights for those.

    \b
    Examples:
      synthgen score out/grasping --reference photos/
      synthgen score shaded --reference packs/held_out --json score.json
      synthgen score out/learned --reference out/pathtraced
    """
    from synthgen.evaluate.score import score as measure
    from synthgen.evaluate.score import score_lines, write_score
    from synthgen.evaluate.score_inputs import comparison_of
    from synthgen.run.worker import settle_process

    told = 0

    def tell(done: int, of: int) -> None:
        nonlocal told
        if done * 10 // of > told:
            told = done * 10 // of
            click.echo(f"{done}/{of} pictures", err=True)

    settle_process()
    comparison = comparison_of(
        scored, reference, most=images, seed=seed, version=__version__, inception_weights=inception_weights
    )
    found = measure(comparison, progress=tell)
    if json_path is not None:
        write_score(found, json_path)
    _echo_pairs(score_lines(found))
    for note in found["conditions"]["notes"]:
        click.echo(f"note: {note}", err=True)


@cli.command(short_help="Print a shell completion script.")
@options.shell
def completion(shell: str) -> None:
    """Print the script that teaches a shell to complete synthgen's commands, options, pipelines and keys.

    \b
    Examples:
      synthgen completion bash > ~/.local/share/bash-completion/completions/synthgen
      synthgen completion zsh  > ~/.zfunc/_synthgen
      synthgen completion fish > ~/.config/fish/completions/synthgen.fish
    """
    from click.shell_completion import get_completion_class

    script = get_completion_class(shell)
    if script is None:  # click knows all three
        raise click.UsageError(f"{shell} is not supported; allowed: bash, zsh, fish.")
    click.echo(script(cli, {}, "synthgen", "_SYNTHGEN_COMPLETE").source())


def main() -> None:
    """Entry point of the ``synthgen`` command."""
    cli(prog_name="synthgen")


if __name__ == "__main__":
    main()
