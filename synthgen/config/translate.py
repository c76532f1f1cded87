"""pydantic's findings -> our sentences: what is wrong, the value, what is allowed, what to try."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from synthgen.config.choices import NOT_YET_VALUES, OWN_KEYS
from synthgen.config.distributions import FORMS, Distribution
from synthgen.config.faults import Fault, YamlPath, kind_of, nearest, shown, unknown_name
from synthgen.config.model_walk import Place, bounds, example, keys_of, place_of

M = TypeVar("M", bound=BaseModel)

# pydantic error type -> what would have been right
WANTED = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a whole number of at most 18 digits",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "string_type": "text",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a block of keys",
    "model_type": "a block of keys",
    "model_attributes_type": "a block of keys",
}
MOST_FINDINGS = 200  # nobody reads more, and looking for the nearest key takes a millisecond
UNIT_WORDS = ("pixels", "images")
KEY_UNITS = {"_m": " m", "_deg": " deg", "_px": " px"}
# Keys whose allowed values are better said in words than by the types of their union.
UNIONS: dict[YamlPath, str] = {("labels", "classes"): "a list of class names, or the path of a COCO file"}


def faults_of(error: ValidationError, tree: Any) -> list[Fault]:
    """One fault per finding (findings about the members of one union count once), for the first 200 findings.

    Args:
        error: from validating ``tree`` against ``Pipeline``.
        tree: the plain tree that was validated.
    """
    faults: dict[tuple[YamlPath, str], Fault] = {}
    for detail in error.errors(include_url=False)[:MOST_FINDINGS]:
        if detail["type"] == "default_factory_not_called":
            continue  # a default that depends on a value which is at fault itself
        union = next((key for key in UNIONS if detail["loc"][: len(key)] == key), None)
        if union is not None:
            given = _value(tree, union)
            fault = Fault(union, f"{shown(given)} is not {UNIONS[union]}; try {union[-1]}: [mug, bottle]")
        else:
            fault = _fault(detail, tree)
        faults.setdefault((fault.path, fault.sentence), fault)
    return list(faults.values())


def _fault(detail: ErrorDetails, tree: Any) -> Fault:
    place = place_of(detail["loc"])
    value = _value(tree, place.path)
    writer = _SENTENCES.get(detail["type"], _plain)
    return writer(place, value, detail)


def _value(tree: Any, path: YamlPath) -> Any:
    for part in path:
        try:
            tree = tree[part]
        except (KeyError, IndexError, TypeError):
            return None
    return tree


def try_it(place: Place) -> str:
    """ "; try width: 256", or "" where no example is known."""
    value = example(place.field)
    key = next((part for part in reversed(place.path) if isinstance(part, str)), "")
    if value is None or value == "" or value == {}:
        return ""
    if isinstance(place.path[-1], int) and isinstance(value, list):
        return f"; try the whole {key}: {as_yaml(value)}"
    return f"; try {key}: {as_yaml(value)}"


def as_yaml(value: Any) -> str:
    """A value on one line of YAML."""
    if isinstance(value, Distribution):
        value = value.model_dump(mode="json")
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {as_yaml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(as_yaml(item) for item in value) + "]"
    return f"{value:g}" if isinstance(value, float) else value if isinstance(value, str) else json.dumps(value)


def _unknown_key(place: Place, value: Any, detail: ErrorDetails) -> Fault:
    keys = place_of(detail["loc"][:-1]).keys
    close = nearest(str(place.path[-1]), keys)
    hint = f"nearest known: {close}. Allowed keys" if close else "allowed keys"
    return Fault(place.path, f"unknown key; {hint}: {', '.join(keys)}")


def _missing(place: Place, value: Any, detail: ErrorDetails) -> Fault:
    if place.path and isinstance(place.path[-1], int):
        return _too_few(place_of(detail["loc"][:-1]), detail["input"], detail)
    given = example(place.field)
    if place.path == ("scene",):
        given = {"objects": [{"family": "mug"}]}
    add = f"; add {place.path[-1]}: {as_yaml(given)}" if given is not None else "; add it"
    what = f" ({place.field.description})" if place.field is not None and place.field.description else ""
    return Fault(place.path, f"missing{what}{add}")


def _too_few(place: Place, value: Any, detail: ErrorDetails) -> Fault:
    given = value if isinstance(value, list | tuple) else []
    count = _tuple_length(place)
    allowed = f"exactly {count}" if count else "at least 1"
    sentence = f"has {len(given)} entr{'y' if len(given) == 1 else 'ies'}; allowed: {allowed}"
    return Fault(place.path, sentence + try_it(place))


def _tuple_length(place: Place) -> int:
    if place.field is None:
        return 0
    annotations = [place.field.annotation, *get_args(place.field.annotation)]
    for annotation in [*annotations, *(inner for outer in annotations for inner in get_args(outer))]:
        if getattr(annotation, "__origin__", None) is tuple:
            return len(get_args(annotation))
    return 0


def _outside(place: Place, value: Any, detail: ErrorDetails) -> Fault:
    low, high = bounds(place.field) if place.field is not None else (None, None)
    open_low = detail["type"] == "greater_than"
    unit = _unit(place)
    if low is not None and high is not None:
        allowed = f"{as_yaml(low)} to {as_yaml(high)}{unit}"
    elif low is not None:
        allowed = f"more than {as_yaml(low)}" if open_low else f"at least {as_yaml(low)}"
    else:
        allowed = f"at most {as_yaml(high)}"
    return Fault(place.path, f"{shown(value)} is outside what is allowed: {allowed}{try_it(place)}")


def _unit(place: Place) -> str:
    """ " pixels", " m", ... : from the field's description where that is a unit, else from the key's ending."""
    words = place.field.description if place.field is not None else ""
    key = next((part for part in reversed(place.path) if isinstance(part, str)), "")
    ending = f"_{key.rpartition('_')[2]}"
    return f" {words}" if words in UNIT_WORDS else KEY_UNITS.get(ending, "")


def _choice(place: Place, value: Any, detail: ErrorDetails) -> Fault:
    path = (*place.path, "kind") if "union_tag" in detail["type"] else place.path
    if detail["type"] == "union_tag_not_found":
        allowed = ", ".join(_tags(place))
        return Fault(path, f"missing; allowed: {allowed}; try kind: {_tags(place)[0]}")
    value = detail["ctx"]["tag"] if "union_tag" in detail["type"] else detail["input"] if value is None else value
    known = _tags(place) if "union_tag" in detail["type"] else _literals(place)
    named = tuple(part for part in path if isinstance(part, str))
    if value in NOT_YET_VALUES.get(named, ()):
        return Fault(path, f"this version does not have {value!r} yet; use one of: {', '.join(map(str, known))}")
    if isinstance(value, str) and (*named, value) in OWN_KEYS:
        return Fault(path, f"{value!r} is a key of its own; write {OWN_KEYS[*named, value]}")
    if isinstance(value, str):
        return Fault(path, unknown_name(value, [str(name) for name in known]))
    return Fault(path, f"{shown(value)} is not known; allowed: {', '.join(map(str, known))}")


def _tags(place: Place) -> list[str]:
    return [str(keys_of(model)["kind"].default) for model in place.models if "kind" in keys_of(model)]


def _literals(place: Place) -> list[Any]:
    found: list[Any] = []

    def walk(annotation: Any) -> None:
        for argument in get_args(annotation):
            if isinstance(argument, str | int):
                found.append(argument)
            walk(argument)

    walk(place.field.annotation if place.field is not None else None)
    return found


def _value_error(place: Place, value: Any, detail: ErrorDetails) -> Fault:
    sentence = str(detail.get("ctx", {}).get("error", detail["msg"])).removeprefix("Value error, ")
    has_remedy = any(word in sentence for word in ("; give", "; try", "; use", "; write", "; or ", FORMS))
    return Fault(place.path, sentence if has_remedy or not place.path else sentence + try_it(place))


def _wrong_type(place: Place, value: Any, detail: ErrorDetails) -> Fault:
    wanted = WANTED[detail["type"]]
    given = shown(value) if not isinstance(value, dict | list) and value is not None else kind_of(value)
    if value is None:
        given = "nothing (null)"
    if place.path == ():
        return Fault((), f"the file is {kind_of(value)}; allowed: a block of keys, e.g. name: grasping")
    if isinstance(value, str) and wanted != "text":
        given = f"{shown(value)} (text)"
    sentence = f"{given} is not {wanted}"
    if wanted == "a block of keys" and place.keys:
        return Fault(place.path, f"{sentence}; allowed keys: {', '.join(place.keys)}")
    if wanted == "text" and isinstance(value, int | float):
        return Fault(place.path, f'{sentence}; put it in quotes: "{shown(value)}"')
    return Fault(place.path, sentence + (try_it(place) or f"; write {wanted}"))


def _bad_name(place: Place, value: Any, detail: ErrorDetails) -> Fault:
    words = place.field.description if place.field is not None else ""
    return Fault(place.path, f"{shown(value)} is not allowed; allowed: {words}, at most 100 of them{try_it(place)}")


def _too_long(place: Place, value: Any, detail: ErrorDetails) -> Fault:
    return _bad_name(place, value, detail) if isinstance(value, str) else _too_few(place, value, detail)


def _plain(place: Place, value: Any, detail: ErrorDetails) -> Fault:
    words = place.field.description if place.field is not None and place.field.description else "see synthgen schema"
    return Fault(place.path, f"{shown(value)} cannot be used; allowed: {words}{try_it(place) if place.path else ''}")


_SENTENCES: dict[str, Callable[[Place, Any, ErrorDetails], Fault]] = {
    "extra_forbidden": _unknown_key,
    "missing": _missing,
    "too_short": _too_few,
    "too_long": _too_long,
    "string_too_short": _bad_name,
    "string_too_long": _bad_name,
    "string_pattern_mismatch": _bad_name,
    "greater_than": _outside,
    "greater_than_equal": _outside,
    "less_than": _outside,
    "less_than_equal": _outside,
    "literal_error": _choice,
    "union_tag_invalid": _choice,
    "union_tag_not_found": _choice,
    "value_error": _value_error,
    **dict.fromkeys(WANTED, _wrong_type),
}


def validate_section(model: type[M], tree: Any) -> M | None:
    """A part of the pipeline as its model, or None where that part has faults of its own."""
    try:
        return validate(model, tree)
    except (ValidationError, ValueError):
        return None


def validate(model: type[M], tree: Any) -> M:
    """Validates a plain tree strictly (no text for numbers, no true for 1), lists standing in for tuples."""
    return model.model_validate_json(json.dumps(tree), strict=True)
