"""Poison scenes: exceptions raised twice with the same seed leave their traceback in logs/poison/, one file a draw."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path

from synthgen.contract import layout
from synthgen.types.records import Rejected, Sample

MOST_FILES = 100  # a fault in every scene must not fill the disk


def keep_tracebacks(folder: Path, samples: Iterable[Sample]) -> None:
    """Writes a file per rejected draw that carries a traceback; none for ordinary rejections, and 100 in all.

    A file that cannot be written is left out: the log of a fault must not cause another one.

    Args:
        folder: the dataset.
        samples: finished and empty slots.
    """
    for sample in samples:
        for rejected in sample.rejected:
            if rejected.detail:
                with contextlib.suppress(OSError):
                    _keep(folder, sample, rejected)


def _keep(folder: Path, sample: Sample, rejected: Rejected) -> None:
    view = None if rejected.stage == "scene" else sample.view
    path = folder / layout.poison_path(sample.scene, view, rejected.stage, rejected.attempt)
    if path.exists():  # the other views of the scene, or an earlier try of the shard
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    if sum(1 for _ in path.parent.iterdir()) < MOST_FILES:
        path.write_text(poison_text(folder, sample, rejected), encoding="utf-8")


def poison_text(folder: Path, sample: Sample, rejected: Rejected) -> str:
    """What the file holds: the place of the draw, its seeds, the command that makes it again, the traceback."""
    return (
        f"reason: {rejected.reason}\n"
        f"stage: {rejected.stage}\n"
        f"scene: {sample.scene}\n"
        f"view: {sample.view}\n"
        f"attempt: {rejected.attempt}\n"
        f"scene_seed: {sample.scene_seed}\n"
        f"draw_seed: {sample.draw_seed}\n"
        f"again: {replay_command(folder, sample.image_id)}\n\n"
        f"{rejected.detail.rstrip()}\n"
    )


def replay_command(folder: Path, first: int, last: int | None = None) -> str:
    """The command that makes one image, or all from ``first`` to ``last``, again."""
    ids = str(first) if last in (None, first) else f"{first}-{last}"
    path = str(folder)
    return f"synthgen replay {path!r} {ids}" if " " in path else f"synthgen replay {path} {ids}"
