"""The README.md of a trained model, from its card."""

from __future__ import annotations

from typing import Any

from synthgen.weights import MODEL

WHAT = {
    "verifier": (
        "It sees an image and the box of one instance, and predicts the instance's visible mask; its overlap with the "
        "label is the label's `agreement`."
    ),
    "gan": (
        "It sees the G-buffer of a scene and a style code, and draws the scene's radiance as a path tracer would. Its "
        "critic and encoder are in the file too: training can go on from it."
    ),
}
USE = {
    "verifier": "`verify: {gate: 0.7, weights: FOLDER}` in a pipeline, measure it with `synthgen evaluate verifier`",
    "gan": "`generate: {kind: gan, weights: FOLDER}` in a pipeline, measure it with `synthgen score`",
}


def model_readme(card: dict[str, Any]) -> str:
    """Markdown: what the model is, what it learned from, its scores, how to use it."""
    kind, recipe = card["kind"], card["recipe"]
    rows = "\n".join(f"| {name} | {value:.4g} |" for name, value in card["scores"].items())
    data = "\n".join(_data_line(part) for part in card["data"])
    made = ", ".join(f"{key} {value}" for key, value in card["made_with"].items())
    return f"""# {card["name"]}

A synthgen {kind}, version {card["version"]}. {WHAT[kind]} {MODEL} holds its weights (float16),
card.json how it was made.

Licence: {card["licence"]}. Trained on:

{data}

for {recipe["steps"]} steps of {recipe["batch"]}, seed {recipe["seed"]} ({made}){_start_line(card)}. On held-out data:

| score | value |
|-|-|
{rows}

Use it with {USE[kind]}. Made by `synthgen train` from the settings under "recipe" in card.json.
"""


def _data_line(part: dict[str, Any]) -> str:
    counts = [f"{part[key]} {key}" for key in ("images", "instances", "views") if key in part]
    counts.append(f"seed {part['seed']}")
    lists = [
        f"{what} {', '.join(part[key])}" for key, what in (("kept_out", "without"), ("files", "with")) if part.get(key)
    ]
    return "; ".join([f"- {part['name']}: {', '.join(counts)}", *lists])


def _start_line(card: dict[str, Any]) -> str:
    """Which trainings came before, the last one first."""
    before = card.get("started_from")
    if not before:
        return ""
    recipe = before["recipe"]
    return f", after {recipe['steps']} steps of {recipe['batch']}, seed {recipe['seed']}{_start_line(before)}"
