"""Which failed shards are tried again: the pure part of the Dask runner, but for the breadcrumbs it picks up."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from synthgen.recipe import Shard
from synthgen.run import breadcrumbs

RETRIES = 2
LOST_WITHOUT_FAULT = 20  # deaths of processes that only had the shard in their queue


class Retries:
    """Counts the failures of shards; a shard whose process died while it waited there is not to blame."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._failures: Counter[int] = Counter()
        self._lost: Counter[int] = Counter()

    def reason_to_give_up(self, shard: Shard, error: BaseException, *, lost: bool) -> str | None:
        """None to try the shard again, else why it failed.

        Args:
            shard: that failed.
            error: what was raised.
            lost: the worker process died; breadcrumbs tell whether it did so while it made this shard, and where.
        """
        reason = f"{type(error).__name__}: {error}"
        if lost:
            left = breadcrumbs.pick_up(self._folder, shard.number)
            if left:
                reason = "; ".join(crumb.sentence(self._folder) for crumb in left)
            elif self._lost[shard.number] < LOST_WITHOUT_FAULT:
                self._lost[shard.number] += 1
                return None
            else:
                reason = f"worker processes died {LOST_WITHOUT_FAULT} times before they came to it"
        if self._failures[shard.number] < RETRIES:
            self._failures[shard.number] += 1
            return None
        return reason
