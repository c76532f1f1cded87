"""``run``, ``preview``, ``check``, ``validate``, ``replay``: making datasets and looking at them."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from synthgen import terminal
from synthgen.commands import options
from synthgen.commands.telling import echo_pairs, existing_folder, load, progress
from synthgen.errors import GateError, IncompleteError, InternalError


@click.command(short_help="Make a dataset, or finish one that was interrupted.")
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
    loaded = load(pipeline, sets, count=count, seed=seed)  # before the heavy import: faults show at once
    from synthgen.run.api import run_pipeline
    from synthgen.run.failures import failure_lines

    folder = out or Path("out") / loaded.pipeline.name
    with progress() as show:
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
    echo_pairs(
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


@click.command(short_help="Draw a contact sheet with all labels.")
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
        loaded = load(pipeline_or_dataset, sets, count=count, seed=seed)
        from synthgen.run.preview import preview_pipeline

        target = preview_pipeline(loaded, out=out or Path(f"preview_{loaded.pipeline.name}.png"), views=views)
    click.echo(str(target))


def _is_dataset(path: Path) -> bool:
    return any((path / name).exists() for name in ("dataset.json", "receipts"))


@click.command(short_help="Check a pipeline; estimate time and disk.")
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
    loaded = load(pipeline, sets, count=count, seed=seed)
    from synthgen.run.api import check_pipeline

    echo_pairs(check_pipeline(loaded, workers=workers, out=out).lines)


@click.command(short_help="Check every file and label of a dataset.")
@options.dataset
def validate(dataset: Path) -> None:
    """Check every file, checksum and label of a dataset.

    The exit code is 3 when something is wrong, and 4 when nothing is wrong but the dataset is incomplete.

    \b
    Example:
      synthgen validate out/grasping
    """
    existing_folder(dataset)
    from synthgen.validate.dataset import validate_dataset

    report = validate_dataset(dataset)
    for problem in report.problems:
        click.echo(f"{problem.file}: {problem.sentence}", err=True)
    echo_pairs([(name, str(count)) for name, count in report.counts.items()])
    if not report.ok:
        noun = "problem" if report.problem_count == 1 else "problems"
        raise GateError(f"{dataset} has {report.problem_count} {noun}; {report.remedy}")
    if not report.complete:
        raise IncompleteError(
            f"{dataset} is incomplete: it has no dataset.json; the same 'synthgen run' command makes the rest"
        )
    click.echo("complete, no problems")


@click.command(short_help="Make one image again and compare it.")
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
    existing_folder(dataset)
    import faulthandler

    from synthgen.run.replay import replay_images

    if sys.stderr is sys.__stderr__:
        faulthandler.enable()  # a crash of a kernel or a library shows where it was
    differing, errors = [], []
    for report in replay_images(dataset, image_ids, out=out):
        echo_pairs(report.lines)
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
