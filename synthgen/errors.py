"""The error tree. Every error a user can cause says what was wrong, the value, what is allowed and what to try.

SynthgenError                 exit code
|-- InternalError             1   our bug: a label that does not fit its geometry, a schema we broke
|-- UserError                 2   the user's input
|   |-- ConfigError           2   the pipeline file or --set (carries every fault at once)
|   |-- AssetError            2   a mesh, texture, environment or calibration file
|   `-- DatasetError          2   the output folder: another pipeline's, damaged, in use
|-- GateError                 3   a quality gate failed
|-- IncompleteError           4   failure budget exceeded, or shards that could not be finished
`-- EnvironmentFault          5   disk full, no permission, scheduler unreachable

Rejection                     not an error: a seed-determined cause to draw again (never escapes a run)
"""

from __future__ import annotations


class SynthgenError(Exception):
    """Base of all errors that synthgen raises on purpose; ``str(error)`` is the sentence shown to the user."""

    exit_code = 1


class InternalError(SynthgenError):
    """A promise of ours does not hold: a bug to report, never something to redraw."""


class UserError(SynthgenError):
    """Something the user gave cannot be used."""

    exit_code = 2


class ConfigError(UserError):
    """The pipeline file or a ``--set`` override is wrong. ``faults`` holds one sentence per fault."""

    def __init__(self, faults: list[str] | tuple[str, ...] | str) -> None:
        self.faults: tuple[str, ...] = (faults,) if isinstance(faults, str) else tuple(faults)
        super().__init__("\n".join(self.faults))

    def __reduce__(self) -> tuple[type[ConfigError], tuple[tuple[str, ...]]]:
        return type(self), (self.faults,)


class AssetError(UserError):
    """A mesh, texture, environment or calibration file cannot be used."""


class DatasetError(UserError):
    """The output folder cannot be used: another pipeline's, damaged, or in use by another run."""


class GateError(SynthgenError):
    """A quality gate failed."""

    exit_code = 3


class IncompleteError(SynthgenError):
    """The failure budget was exceeded, or shards could not be finished."""

    exit_code = 4


class EnvironmentFault(SynthgenError):
    """The machine: disk full, no permission, scheduler unreachable."""

    exit_code = 5


class Rejection(Exception):
    """A seed-determined cause to draw again. ``reason`` is a short snake_case word that lands in the manifest."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)
