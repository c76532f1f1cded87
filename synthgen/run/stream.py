"""The Python API: ``for sample in synthgen.stream("pipeline.yaml")``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from synthgen import recipe
from synthgen.config.load import load_pipeline
from synthgen.run.plan import make_plan
from synthgen.run.worker import settle_process
from synthgen.types.records import Sample


def stream(pipeline: str | Path, *, overrides: Sequence[str] = (), skip_empty: bool = True) -> Iterator[Sample]:
    """Yields images with their labels, in image order, without writing anything.

    Args:
        pipeline: a pipeline file, or the name of a shipped pipeline ("grasping").
        overrides: as ``--set`` on the command line: ["count=20", "image.width=640"].
        skip_empty: leave out slots that stayed empty (their ``image`` is None and ``empty_reason`` says why).

    Yields:
        ``Sample``: image (H, W, 3) uint8 RGB, depth_m (H, W) float32, instances (H, W) uint16, annotations.

    Raises:
        ConfigError, AssetError: the pipeline or an asset cannot be used.
    """
    plan = make_plan(load_pipeline(str(pipeline), list(overrides)), folder=None)
    settle_process()
    for shard in plan.shards():
        for batch in recipe.batches_of(plan.job, shard):
            drawn = recipe.draw(plan.job, recipe.prepare(plan.job, batch))
            for sample in recipe.samples(plan.job, drawn):
                if sample.image is not None or not skip_empty:
                    yield sample
