"""What a measurement tells: a table for the terminal, and the numbers behind it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Report:
    """``lines``: (name, text) for the terminal; ``numbers``: for JSON."""

    lines: list[tuple[str, str]]
    numbers: dict[str, Any]

    def json_text(self) -> str:
        """The JSON file."""
        return json.dumps(self.numbers, indent=2) + "\n"
