"""``schema``, ``init``, ``calibrate``: what goes into a pipeline file."""

from __future__ import annotations

from pathlib import Path

import click

from synthgen.commands import options
from synthgen.commands.telling import echo_pairs


@click.command(short_help="Print a JSON schema.")
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


@click.command(short_help="Copy a shipped pipeline to edit.")
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
        echo_pairs(list(pipeline_titles().items()))
        return
    written = copy_pipeline(name, target)
    click.echo(f"{written}  (edit it, then: synthgen preview {written})")


@click.command(short_help="Fit exposure, colour, noise and blur to photographs.")
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
        echo_pairs([*found.lines, ("written", str(out))])
    for note in found.notes:
        click.echo(f"note: {note}", err=True)
