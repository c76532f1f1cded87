"""Distributions in YAML: a constant, or one of {uniform, uniform_int, normal, log_uniform, choice}."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import (
    BaseModel,
    ConfigDict,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    model_serializer,
    model_validator,
)
from pydantic_core import CoreSchema, core_schema

Kind = Literal["constant", "uniform", "uniform_int", "normal", "log_uniform", "choice"]
FORMS = (
    "a number, {uniform: [a, b]}, {uniform_int: [a, b]}, {normal: [mean, sd]}, {log_uniform: [a, b]} "
    "or {choice: [...], weights: [...]}"
)
KEYWORDS = ("uniform", "uniform_int", "normal", "log_uniform", "choice")
PAIRS = {
    "uniform": "[low, high]",
    "uniform_int": "[low, high] in whole numbers",
    "normal": "[mean, sd] with sd >= 0",
    "log_uniform": "[low, high] with low > 0",
}
NORMAL_CLIP_SD = 3.0
LARGEST = 1e15


class Distribution(BaseModel):
    """One scalar distribution. Normals are clipped at three standard deviations, so that every support is bounded."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    values: tuple[float, ...]
    weights: tuple[float, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _parse(cls, raw: Any) -> Any:
        # A tuple of values only comes from Python code; YAML gives lists, which must pass the checks below.
        if isinstance(raw, Distribution) or (isinstance(raw, dict) and isinstance(raw.get("values"), tuple)):
            return raw
        return _parse_distribution(raw)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return json_schema()

    @model_serializer
    def _dump(self) -> Any:
        values = [int(v) if float(v).is_integer() else v for v in self.values]
        if self.kind == "constant":
            return values[0]
        if self.kind == "choice" and self.weights:
            return {"choice": values, "weights": list(self.weights)}
        return {self.kind: values}

    @property
    def low(self) -> float:
        """Smallest value that can be drawn."""
        if self.kind == "normal":
            return self.values[0] - NORMAL_CLIP_SD * self.values[1]
        return min(self.values)

    @property
    def high(self) -> float:
        """Largest value that can be drawn."""
        if self.kind == "normal":
            return self.values[0] + NORMAL_CLIP_SD * self.values[1]
        return max(self.values)

    def sample(self, *, rng: np.random.Generator) -> float:
        """One draw; always takes the same amount from ``rng`` for the same distribution."""
        a, b = self.values[0], self.values[-1]
        match self.kind:
            case "constant":
                return a
            case "uniform":
                return float(rng.uniform(a, b))
            case "uniform_int":
                return float(rng.integers(int(a), int(b), endpoint=True))
            case "normal":
                return float(np.clip(rng.normal(a, b), self.low, self.high))
            case "log_uniform":
                return float(math.exp(rng.uniform(math.log(a), math.log(b))))
            case "choice":
                weights = np.array(self.weights or [1.0] * len(self.values))
                return float(rng.choice(np.array(self.values), p=weights / weights.sum()))

    def sample_int(self, *, rng: np.random.Generator) -> int:
        """One draw, rounded to the nearest integer."""
        return round(self.sample(rng=rng))


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < LARGEST:
        raise ValueError(f"{_brief(value)} is not a finite number; allowed: {FORMS}")
    return float(value)


def _parse_distribution(raw: Any) -> dict[str, Any]:
    if not isinstance(raw, dict):
        return {"kind": "constant", "values": (_number(raw),)}
    kinds = [key for key in raw if key in KEYWORDS]
    if len(kinds) != 1 or set(raw) - {kinds[0], "weights"}:
        raise ValueError(f"{_brief(raw)} is not a distribution; allowed: {FORMS}")
    kind = kinds[0]
    values, weights = _numbers(raw, kind), _numbers(raw, "weights")
    fault = _choice_fault(values, weights) if kind == "choice" else _range_fault(kind, values, weights)
    if fault:
        raise ValueError(fault)
    return {"kind": kind, "values": values, "weights": weights}


def _numbers(raw: dict[str, Any], key: str) -> tuple[float, ...]:
    given = raw.get(key, [])
    if not isinstance(given, list | tuple):
        raise ValueError(f"{{{key}: {_brief(given)}}} needs a list; allowed: {FORMS}")
    return tuple(_number(value) for value in given)


def _choice_fault(values: tuple[float, ...], weights: tuple[float, ...]) -> str:
    if not values:
        return "{choice: []} is empty; give at least one value"
    if weights and (len(weights) != len(values) or min(weights) < 0 or sum(weights) <= 0):
        return (
            f"weights {_short(weights)} do not fit {len(values)} choices; "
            "allowed: one number >= 0 per choice, not all 0; or leave weights out"
        )
    return ""


def _range_fault(kind: str, values: tuple[float, ...], weights: tuple[float, ...]) -> str:
    text = f"{{{kind}: {_short(values)}}}"
    if weights:
        return f"{text} has weights; allowed: weights only beside choice"
    if len(values) != 2:
        return f"{text} has {len(values)} numbers; allowed: exactly two, {PAIRS[kind]}"
    if kind == "normal":
        return f"{text} has a negative standard deviation; allowed: {PAIRS[kind]}" if values[1] < 0 else ""
    if values[0] > values[1]:
        return f"{text} runs backwards; write the smaller number first"
    if kind == "log_uniform" and values[0] <= 0:
        return f"{text} reaches 0 or below; allowed: {PAIRS[kind]}"
    if kind == "uniform_int" and any(v != int(v) for v in values):
        return f"{text} has a fraction; allowed: whole numbers; or use uniform"
    return ""


def _brief(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _short(values: tuple[float, ...]) -> str:
    return f"[{', '.join(f'{value:g}' for value in values)}]"


def json_schema() -> dict[str, Any]:
    """JSON schema of the YAML form: a number, or exactly one of the five keywords."""
    number = {"type": "number"}
    pair = {"type": "array", "items": number, "minItems": 2, "maxItems": 2}
    some = {"type": "array", "items": number, "minItems": 1}
    forms: list[dict[str, Any]] = [{"type": "number", "description": "a constant"}]
    for keyword in KEYWORDS[:-1]:
        forms.append(_form({keyword: pair | {"description": PAIRS[keyword]}}, keyword))
    weights = {"type": "array", "items": {"type": "number", "minimum": 0}, "description": "one per choice"}
    forms.append(_form({"choice": some, "weights": weights}, "choice"))
    return {"title": "Distribution", "description": FORMS, "oneOf": forms}


def _form(properties: dict[str, Any], required: str) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": [required], "additionalProperties": False}


def constant(value: float) -> Distribution:
    """A distribution that always gives ``value``."""
    return Distribution(kind="constant", values=(value,))


def uniform(low: float, high: float) -> Distribution:
    """Uniform on [low, high)."""
    return Distribution(kind="uniform", values=(low, high))


def uniform_int(low: int, high: int) -> Distribution:
    """Uniform over the whole numbers low..high, both included."""
    return Distribution(kind="uniform_int", values=(float(low), float(high)))


def log_uniform(low: float, high: float) -> Distribution:
    """Uniform in the logarithm over [low, high), low > 0."""
    return Distribution(kind="log_uniform", values=(low, high))


def normal(mean: float, sd: float) -> Distribution:
    """Normal, clipped at three standard deviations."""
    return Distribution(kind="normal", values=(mean, sd))


@dataclass(frozen=True)
class Within:
    """Annotation: every value the distribution can give lies in [low, high]; the JSON schema says so too."""

    low: float
    high: float
    unit: str = ""

    @property
    def allowed(self) -> str:
        """ "5 to 150 deg"."""
        return f"{self.low:g} to {self.high:g}{f' {self.unit}' if self.unit else ''}"

    def check(self, distribution: Distribution) -> Distribution:
        """Returns it unchanged; raises ValueError when it can leave the bounds."""
        if distribution.low < self.low or distribution.high > self.high:
            if distribution.low == distribution.high:
                problem = f"{distribution.low:g} is outside {self.allowed}"
            else:
                problem = f"reaches from {distribution.low:g} to {distribution.high:g}, outside {self.allowed}"
            if distribution.kind == "normal":
                problem += f" (a normal is clipped at {NORMAL_CLIP_SD:g} standard deviations)"
            raise ValueError(problem)
        return distribution

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        # minimum and maximum only speak about numbers: they bound the constant and leave the other forms alone.
        bounds = {"minimum": self.low, "maximum": self.high}
        return handler(schema) | bounds | {"description": f"{self.allowed}; a number or a distribution"}


def within(low: float, high: float, unit: str = "") -> Within:
    """Validator: every value the distribution can give lies in [low, high]."""
    return Within(low, high, unit)


Share = Annotated[Distribution, within(0, 1)]
