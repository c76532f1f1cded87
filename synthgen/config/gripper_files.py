"""``labels.grasps.gripper: my_gripper.yaml``: the file's sizes take the place of its path."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from synthgen.config.document import parse
from synthgen.config.faults import Fault
from synthgen.config.files import GRIPPER, is_path

MAX_BYTES = 100_000


def read_gripper(tree: dict[str, Any]) -> list[Fault]:
    """Replaces the path of a gripper file in an absolute tree by what the file holds; the faults of the file itself.

    A missing file is left to ``files.file_faults``, wrong sizes to the checks of the block.
    """
    labels = tree.get("labels")
    block = labels.get("grasps") if isinstance(labels, dict) else None
    given = block.get("gripper") if isinstance(block, dict) else None
    if not isinstance(given, str) or not is_path(GRIPPER, given) or not Path(given).is_file():
        return []
    assert isinstance(block, dict)
    reason, sizes = _read(Path(given))
    if reason:
        return [
            Fault(GRIPPER, f"{given!r} cannot be read as YAML ({reason}); mend the file, or name a shipped gripper")
        ]
    if not isinstance(sizes, dict):
        sentence = f"{given!r} holds no block of sizes; allowed: opening_m, finger_depth_m, finger_width_m, ..."
        return [Fault(GRIPPER, f"{sentence}; name a shipped gripper, or write one key per line")]
    block["gripper"] = {"name": Path(given).stem, **sizes}
    return []


def _read(path: Path) -> tuple[str, Any]:
    """Why the file cannot be read, or "", and what it holds."""
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            return f"{size} bytes; allowed: {MAX_BYTES}", None
        document = parse(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        return str(error.strerror), None
    except UnicodeDecodeError:
        return "it is not UTF-8 text", None
    if not document.faults:
        return "", document.tree
    line = document.faults[0].line
    return f"{f'line {line}: ' if line else ''}{document.faults[0].sentence}", None
