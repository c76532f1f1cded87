"""Distributions in YAML: a constant, or one of {uniform, uniform_int, normal, log_uniform, choice}."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, model_serializer, model_validator

Kind = Literal["constant", "uniform", "uniform_int", "normal", "log_uniform", "choice"]
FORMS = (
    "a number, {uniform: [a, b]}, {uniform_int: [a, b]}, {normal: [mean, sd]}, {log_uniform: [a, b]} "
    "or {choice: [...], weights: [...]}"
)
NORMAL_CLIP_SD = 3.0


class Distribution(BaseModel):
    """One scalar distribution. Normals are clipped at three standard deviations, so that every support is bounded."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    values: tuple[float, ...]
    weights: tuple[float, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _parse(cls, raw: Any) -> Any:
        if isinstance(raw, Distribution) or (isinstance(raw, dict) and "kind" in raw):
            return raw
        return _parse_distribution(raw)

    @model_serializer
    def _dump(self) -> Any:
        values = [int(v) if float(v).is_integer() and self.kind == "uniform_int" else v for v in self.values]
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
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{value!r} is not a finite number; allowed: {FORMS}")
    return float(value)


def _parse_distribution(raw: Any) -> dict[str, Any]:
    if not isinstance(raw, dict):
        return {"kind": "constant", "values": (_number(raw),)}
    kinds = [key for key in raw if key in ("uniform", "uniform_int", "normal", "log_uniform", "choice")]
    if len(kinds) != 1 or set(raw) - {kinds[0] if kinds else "", "weights"}:
        raise ValueError(f"{raw!r} is not a distribution; allowed: {FORMS}")
    kind = kinds[0]
    if not isinstance(raw[kind], list | tuple):
        raise ValueError(f"{{{kind}: {raw[kind]!r}}} needs a list; allowed: {FORMS}")
    values = tuple(_number(value) for value in raw[kind])
    weights = tuple(_number(value) for value in raw.get("weights", ()))
    if kind == "choice":
        if not values:
            raise ValueError("{choice: []} is empty; give at least one value")
        if weights and (len(weights) != len(values) or min(weights) < 0 or sum(weights) <= 0):
            raise ValueError(f"weights {list(weights)} must be one number >= 0 per choice with a positive sum")
    elif len(values) != 2 or weights:
        raise ValueError(f"{raw!r} needs exactly two numbers; allowed: {FORMS}")
    elif kind == "normal" and values[1] < 0:
        raise ValueError(f"{{normal: {list(values)}}} has a negative standard deviation; give [mean, sd] with sd >= 0")
    elif kind != "normal" and values[0] > values[1]:
        raise ValueError(f"{{{kind}: {list(values)}}} runs backwards; write the smaller number first")
    elif kind == "log_uniform" and values[0] <= 0:
        raise ValueError(f"{{log_uniform: {list(values)}}} must be positive")
    elif kind == "uniform_int" and any(v != int(v) for v in values):
        raise ValueError(f"{{uniform_int: {list(values)}}} needs whole numbers")
    return {"kind": kind, "values": values, "weights": weights}


def constant(value: float) -> Distribution:
    """A distribution that always gives ``value``."""
    return Distribution(kind="constant", values=(value,))


def uniform(low: float, high: float) -> Distribution:
    """Uniform on [low, high)."""
    return Distribution(kind="uniform", values=(low, high))


def uniform_int(low: int, high: int) -> Distribution:
    """Uniform over the whole numbers low..high, both included."""
    return Distribution(kind="uniform_int", values=(float(low), float(high)))


def normal(mean: float, sd: float) -> Distribution:
    """Normal, clipped at three standard deviations."""
    return Distribution(kind="normal", values=(mean, sd))


def within(low: float, high: float, unit: str = "") -> AfterValidator:
    """Validator: every value the distribution can give lies in [low, high]."""

    def check(distribution: Distribution) -> Distribution:
        if distribution.low < low or distribution.high > high:
            suffix = f" {unit}" if unit else ""
            raise ValueError(
                f"reaches from {distribution.low:g} to {distribution.high:g}{suffix}; "
                f"allowed: {low:g} to {high:g}{suffix}"
            )
        return distribution

    return AfterValidator(check)


Share = Annotated[Distribution, within(0, 1)]
