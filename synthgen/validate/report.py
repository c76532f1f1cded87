"""What ``synthgen validate`` found."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from synthgen.contract import layout

# Sentences kept; beyond it problems are only counted, so that a ruined set of millions does not fill the memory.
KEPT_PROBLEMS = 1000

_SHARD_FILE = re.compile(
    r"(?:(?:images|depth|depth_sensor|instances|receipts)/|manifest/(?:images|instances)/part-)(\d{5,})"
)


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: ``file`` relative to the dataset, ``sentence`` for people."""

    file: str
    sentence: str


@dataclass(frozen=True)
class ValidationReport:
    """The outcome of ``validate_dataset``.

    Attributes:
        folder: the dataset.
        complete: dataset.json is there: all shards are done.
        shards, slots, images, empty, annotations: what was found and read.
        problems: the first ``KEPT_PROBLEMS`` problems.
        problem_count: all of them.
    """

    folder: Path
    complete: bool
    shards: int
    slots: int
    images: int
    empty: int
    annotations: int
    problems: tuple[Problem, ...]
    problem_count: int

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong with what is there (an incomplete dataset may be ok)."""
        return self.problem_count == 0

    @property
    def remedy(self) -> str:
        """What to do about the problems: which receipts to remove, or that a new run is enough."""
        shards = sorted({shard for problem in self.problems if (shard := _shard_of(problem.file)) is not None})
        again = "give the same 'synthgen run' command again"
        if not shards:
            return f"{again}: it writes the files that belong to the whole dataset anew"
        listed = " ".join(layout.receipt_path(shard) for shard in shards[:8]) + (" ..." if len(shards) > 8 else "")
        return f"remove the receipts of the damaged shards ({listed}) and {again}: it makes them anew"

    @property
    def counts(self) -> dict[str, int]:
        """For tables: shards, slots, images, empty, annotations, problems."""
        return {
            "shards": self.shards,
            "slots": self.slots,
            "images": self.images,
            "empty": self.empty,
            "annotations": self.annotations,
            "problems": self.problem_count,
        }


def _shard_of(file: str) -> int | None:
    """The shard that a file of the dataset belongs to; None for files of the whole dataset."""
    match = _SHARD_FILE.match(file)
    return int(match[1]) if match else None


@dataclass
class Findings:
    """Collects problems while a dataset is read."""

    problems: list[Problem] = field(default_factory=list)
    count: int = 0

    def add(self, file: str, sentence: str) -> None:
        self.count += 1
        if len(self.problems) < KEPT_PROBLEMS:
            self.problems.append(Problem(file, sentence))
