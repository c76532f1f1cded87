"""``evaluate``: how useful labels and pictures are, by other means than those that made them."""

from __future__ import annotations

from pathlib import Path

import click

from synthgen.commands import options
from synthgen.commands.telling import echo_pairs, existing_folder, load, tell_report, tenths
from synthgen.errors import GateError


@click.group(short_help="Measure how useful labels are.")
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
    loaded = load(pipeline, sets, seed=seed)
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
    echo_pairs(report.lines)


@evaluate.command(name="verifier", short_help="Score right labels and planted faults.")
@options.datasets
@options.verifier_weights
@options.verifier_ceilings
@options.verifier_images
@options.verifier_faulty
@options.verifier_least
@options.bench_json
def evaluate_verifier(
    datasets: tuple[Path, ...],
    weights: str | None,
    ceilings: tuple[Path, ...],
    images: int,
    faulty: int,
    least: float,
    json_path: Path | None,
) -> None:
    """Agreement on datasets whose labels are right, per size, and how well planted faults are told from them.

    Give datasets of objects and seeds that the verifier was not trained on. The exit code is 3 when a mean over 200
    instances or more is below --least, or a fault's area under the ROC curve is below 0.95.

    With --ceiling faults are also told by agreement / ceiling, as the gate of 'verify' tells them: the ceiling is what
    the same instance reaches, rightly labelled, in shaded's picture of the same view.

    \b
    Examples:
      synthgen evaluate verifier out/unseen out/scans --weights out/verifier/model
      synthgen evaluate verifier out/traced --ceiling out/shaded
    """
    for dataset in (*datasets, *ceilings):
        existing_folder(dataset)
    from synthgen.evaluate.verifier import evaluate_verifier as measure
    from synthgen.evaluate.verifier import report_text
    from synthgen.verify.verifier import make_verifier
    from synthgen.write.files import write_file

    report = measure(
        make_verifier(weights),
        list(datasets),
        ceilings=ceilings,
        images=images,
        faulty=faulty,
        least=least,
        progress=tenths("images scored"),
    )
    if json_path is not None:
        write_file(json_path, report_text(report).encode())
    echo_pairs(report.lines)
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
        existing_folder(dataset)
    from synthgen.evaluate.segmenter import Setup
    from synthgen.evaluate.segmenter import evaluate_segmenter as measure

    report = measure(
        list(datasets),
        test,
        Setup(seeds, steps, images),
        progress=lambda done, of: click.echo(f"{done}/{of} segmenters trained", err=True),
    )
    tell_report(report, json_path)


@evaluate.command(name="variety", short_help="How much a generator's pictures of one view differ.")
@options.generator
@options.reference_pack
@options.variety_views
@options.variety_styles
@options.variety_style
@options.score_seed
@options.bench_json
def evaluate_variety(
    generator: str, reference: Path, views: int, styles: int, style: float, seed: int, json_path: Path | None
) -> None:
    """How much a generator's pictures of one view differ, beside the path tracer's under other lights and finishes.

    GENERATOR is a kind or the folder of a trained generator; --reference is a pack that shows views several times
    (pairs.varied). Also told: whether the labels fit every draw as they fit what 'shaded' draws.

    \b
    Example:
      synthgen evaluate variety gan --reference packs/test
    """
    existing_folder(reference)
    from synthgen.evaluate.score_inputs import generator_and_pack
    from synthgen.evaluate.variety import evaluate_variety as measure
    from synthgen.run.worker import settle_process
    from synthgen.verify.verifier import make_verifier

    settle_process()
    made, pack = generator_and_pack(generator, reference, style=style)
    report = measure(
        made,
        pack,
        make_verifier(None),
        views=views,
        styles=styles,
        seed=seed,
        progress=tenths("views drawn"),
    )
    tell_report(report, json_path)
