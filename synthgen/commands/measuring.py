"""``bench``, ``score``: how fast, and how near to a reference."""

from __future__ import annotations

from pathlib import Path

import click

from synthgen import __version__
from synthgen.commands import options
from synthgen.commands.telling import echo_pairs, load


@click.command(short_help="Measure speed and memory.")
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
    loaded = load(pipeline, (*fixed, *sets, f"count={images}"))
    from synthgen.run.bench import run_bench

    report = run_bench(loaded, workers=workers, json_path=json_path, memory=memory, independent=independent)
    echo_pairs(report.lines)


@click.command(short_help="Measure how near pictures are to a reference.")
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
    echo_pairs(score_lines(found))
    for note in found["conditions"]["notes"]:
        click.echo(f"note: {note}", err=True)
