"""Empty slots grouped by reason: how many, for example which, what to try, and where a traceback lies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from synthgen.contract import layout
from synthgen.contract.rejections import ERROR, remedy
from synthgen.types.records import Receipt
from synthgen.write.poison import replay_command

EXAMPLES = 3


@dataclass(frozen=True)
class FailureGroup:
    """Slots that stayed empty for one reason.

    Attributes:
        reason: as in the manifest.
        slots: number of them.
        share: of all slots of the pipeline.
        examples: up to three of their image ids, ascending.
        remedy: what to try.
        log: traceback of an example, for exceptions; None where there is none.
        again: the command that makes the first example again.
    """

    reason: str
    slots: int
    share: float
    examples: tuple[int, ...]
    remedy: str
    log: Path | None
    again: str


def failure_groups(folder: Path, receipts: Mapping[int, Receipt], *, count: int) -> tuple[FailureGroup, ...]:
    """The groups, largest first. Reads manifest parts only as far as examples are wanted.

    Args:
        folder: the dataset.
        receipts: of the shards that exist.
        count: slots of the whole pipeline.
    """
    slots: Counter[str] = Counter()
    for receipt in receipts.values():
        slots.update(receipt.empty_reasons)
    examples = _examples(folder, receipts, slots)
    return tuple(
        FailureGroup(
            reason=reason,
            slots=number,
            share=number / count,
            examples=tuple(image_id for image_id, _, _ in examples[reason]),
            remedy=remedy(reason),
            log=_log(folder, examples[reason]) if reason.startswith(ERROR) else None,
            again=replay_command(folder, examples[reason][0][0]) if examples[reason] else "",
        )
        for reason, number in sorted(slots.items(), key=lambda item: (-item[1], item[0]))
    )


def _examples(
    folder: Path, receipts: Mapping[int, Receipt], slots: Mapping[str, int]
) -> dict[str, list[tuple[int, int, int]]]:
    """(image id, scene, view) of the first empty slots of each reason."""
    found: dict[str, list[tuple[int, int, int]]] = {reason: [] for reason in slots}
    for number in sorted(receipts):
        wanted = [
            reason for reason in receipts[number].empty_reasons if len(found[reason]) < min(EXAMPLES, slots[reason])
        ]
        if not wanted:
            continue
        columns = ["image_id", "scene", "view", "empty_reason"]
        table = pq.read_table(folder / layout.part_path("images", number), columns=columns)
        for row in table.filter(pc.is_in(table["empty_reason"], value_set=pa.array(wanted))).to_pylist():
            group = found[row["empty_reason"]]
            if len(group) < EXAMPLES:
                group.append((row["image_id"], row["scene"], row["view"]))
    return found


def _log(folder: Path, examples: list[tuple[int, int, int]]) -> Path | None:
    """The last traceback that was kept of one of the examples."""
    for _, scene, view in examples:
        for about in (view, None):
            logs = sorted(folder.glob(layout.poison_path(scene, about, "*", 0).replace("attempt-0", "attempt-*")))
            if logs:
                return logs[-1]
    return None


def redrawn_errors(receipts: Mapping[int, Receipt]) -> dict[str, int]:
    """Exceptions among all rejected draws, also where a later attempt filled the slot: "stage:error:type" -> draws."""
    draws: Counter[str] = Counter()
    for receipt in receipts.values():
        draws.update({why: n for why, n in receipt.rejections.items() if why.partition(":")[2].startswith(ERROR)})
    return dict(draws.most_common())


def failure_lines(groups: tuple[FailureGroup, ...]) -> list[tuple[str, str]]:
    """The table: one label and value pair per reason, and one for what to try."""
    lines: list[tuple[str, str]] = []
    for group in groups:
        shown = ", ".join(map(str, group.examples)) + (", ..." if group.slots > len(group.examples) else "")
        what = f"{group.slots} ({group.share:.1%})"
        lines.append((f"  {group.reason}", f"{what}, images {shown}" if group.examples else what))
        lines.append(("    try", group.remedy))
        if group.log is not None:
            lines.append(("    traceback", str(group.log)))
        if group.again:
            lines.append(("    again", group.again))
    return lines
