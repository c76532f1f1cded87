"""Finds, for a place in the YAML, the pydantic field that describes it: allowed keys, bounds, examples, defaults."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, get_args

import annotated_types
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from synthgen.config.distributions import Distribution
from synthgen.config.faults import YamlPath
from synthgen.config.grasps import UNION_TAGS
from synthgen.config.models import Pipeline


@dataclass(frozen=True)
class Place:
    """One place in the YAML.

    Attributes:
        path: its YAML path, free of pydantic's union tags.
        models: the models that may stand at this place.
        field: the nearest field around it (None at the top).
    """

    path: YamlPath
    models: tuple[type[BaseModel], ...]
    field: FieldInfo | None

    @property
    def keys(self) -> list[str]:
        """Keys that a block at this place may have."""
        names = [name for model in self.models for name in keys_of(model)]
        return list(dict.fromkeys(names))


def keys_of(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """The YAML keys of a model with their fields; a distribution has none."""
    if issubclass(model, Distribution):
        return {}
    return {field.alias or name: field for name, field in model.model_fields.items()}


def place_of(loc: tuple[str | int, ...]) -> Place:
    """Follows a pydantic error location from ``Pipeline`` down."""
    path: list[str | int] = []
    models: tuple[type[BaseModel], ...] = (Pipeline,)
    field: FieldInfo | None = None
    for part in loc:
        if part in UNION_TAGS:
            continue
        tagged = tuple(model for model in models if _tag(model) == part)
        known = [keys_of(model)[part] for model in models if part in keys_of(model)] if isinstance(part, str) else []
        if tagged and len(models) > 1:
            models = tagged
            continue
        path.append(part)
        if known:
            field = known[0]
            models = tuple(dict.fromkeys(model for info in known for model in _models_in(info.annotation)))
        elif isinstance(part, str) and not _is_block(field):
            models, field = (), None
    return Place(tuple(path), models, field)


def bounds(field: FieldInfo) -> tuple[Any, Any]:
    """(low, high) of a numeric field or of the numbers inside its lists; None where there is no bound."""
    low: Any = None
    high: Any = None
    for item in _metadata(field):
        if isinstance(item, annotated_types.Ge | annotated_types.Gt):
            low = item.ge if isinstance(item, annotated_types.Ge) else item.gt
        if isinstance(item, annotated_types.Le | annotated_types.Lt):
            high = item.le if isinstance(item, annotated_types.Le) else item.lt
    return low, high


def _metadata(annotation: Any) -> Iterator[Any]:
    """annotated_types bounds of a field or annotation, those of nested Annotated types included."""
    if isinstance(annotation, FieldInfo):
        yield from annotation.metadata
        yield from _metadata(annotation.annotation)
    for item in getattr(annotation, "__metadata__", ()):
        yield from item.metadata if isinstance(item, FieldInfo) else [item]
    for argument in get_args(annotation):
        yield from _metadata(argument)


def example(field: FieldInfo | None) -> Any:
    """A value that is allowed: the field's example, else its default; None when it has neither."""
    if field is None:
        return None
    if field.examples:
        return field.examples[0]
    if field.default is PydanticUndefined:
        takes_others = field.default_factory_takes_validated_data
        return field.default_factory() if field.default_factory and not takes_others else None  # type: ignore[call-arg]
    if isinstance(field.default, BaseModel):
        return field.default.model_dump(mode="json", by_alias=True, exclude_none=True)
    return field.default


def _tag(model: type[BaseModel]) -> Any:
    kind = model.model_fields.get("kind")
    return kind.default if kind is not None else None


def _is_block(field: FieldInfo | None) -> bool:
    return field is not None and "dict" in str(field.annotation)


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)
