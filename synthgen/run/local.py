"""The in-process runner: for tests, debugging and small datasets."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from synthgen.errors import EnvironmentFault, InternalError, UserError
from synthgen.recipe import Job, Shard
from synthgen.run.retries import RETRIES
from synthgen.run.worker import ShardReport, run_one


def run_shards(
    job: Job, shards: Iterable[Shard], *, done: Callable[[ShardReport], None], failed: Callable[[Shard, str], None]
) -> None:
    """Makes the shards one after the other. ``failed`` is told of a shard that could not be made in three tries."""
    for shard in shards:
        for attempt in range(RETRIES + 1):
            try:
                report = run_one(job, shard)
            except (InternalError, UserError, EnvironmentFault):
                raise
            except (MemoryError, OSError) as error:
                if attempt == RETRIES:
                    failed(shard, f"{type(error).__name__}: {error}")
            else:
                done(report)
                break
