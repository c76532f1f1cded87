"""``pairs``, ``train``: what networks learn from, and how."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from synthgen import __version__, terminal
from synthgen.commands import options
from synthgen.commands.telling import echo_pairs, load, progress

if TYPE_CHECKING:
    from synthgen.config.load import LoadedPipeline


@click.command(short_help="Make training pairs: G-buffers beside path-traced images.")
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
    loaded = load(pipeline, sets, count=count, seed=seed, **{"image.width": width, "image.height": height})
    from synthgen.run.pairs import make_pairs

    with progress() as show:
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
    echo_pairs(summary.lines)


@click.command(short_help="Train a network, or go on training it.")
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
        with progress() as show:
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
    echo_pairs([("model", str(trained.folder)), *((name, f"{score:.3f}") for name, score in trained.scores.items())])
