"""synthgen: labelled image datasets for robot perception from meshes, photographs and one YAML file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from synthgen.run.stream import stream as stream

__version__ = "0.1.0"
__all__ = ["__version__", "stream"]


def __getattr__(name: str) -> Any:
    # Lazy, so that `import synthgen` and `synthgen --help` stay free of numpy, numba and dask.
    if name == "stream":
        from synthgen.run.stream import stream

        return stream
    raise AttributeError(f"module 'synthgen' has no attribute {name!r}")
