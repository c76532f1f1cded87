"""When a worker process is replaced by a fresh one: the pure part. ``cluster`` carries it out."""

from __future__ import annotations

from dataclasses import dataclass, field

MOST_BYTES = 2_000_000_000
SHARE_OF_MACHINE = 0.6  # of a worker's equal share of the memory: Dask ends a process at 0.95
GROWN = 1.25  # a worker that needs this much for its first shard is not helped by another start


@dataclass
class Recycling:
    """Decides by the resident memory that workers report after each shard.

    A worker is due when it is above the limit **and** has grown by a quarter since its first shard: a limit that is
    below what the pipeline needs at all must not end in one restart per shard.

    Attributes:
        limit_bytes: resident memory from which on a grown worker is due.
        first_bytes: by worker, after its first shard.
    """

    limit_bytes: int
    first_bytes: dict[str, int] = field(default_factory=dict)

    def due(self, worker: str, rss_bytes: int) -> bool:
        """Takes note of a report; whether the worker is to be replaced now. A worker that is due is new to the next."""
        first = self.first_bytes.setdefault(worker, rss_bytes)
        if rss_bytes <= self.limit_bytes or rss_bytes < GROWN * first:
            return False
        del self.first_bytes[worker]
        return True


def default_limit_bytes(machine_bytes: int, workers: int) -> int:
    """2 GB, or 60 % of a worker's share of the machine where that is less."""
    return min(MOST_BYTES, int(SHARE_OF_MACHINE * machine_bytes / workers))
