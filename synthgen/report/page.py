"""Facts and pictures -> one self-contained HTML page (no scripts, no network)."""

from __future__ import annotations

from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from synthgen.report import charts, viewpoints
from synthgen.report.drawing import class_color
from synthgen.report.facts import ClassFacts, Histogram, ReportFacts
from synthgen.report.pictures import pictures
from synthgen.report.pixels import Pick
from synthgen.report.tally import MEDIUM_PX, SMALL_PX, TINY_PX

TEMPLATE = "page.html.j2"
MAPS_SHOWN = 60

# Histogram of the facts -> title, named limits, whether the values are shares.
HISTOGRAMS: dict[str, tuple[str, tuple[charts.Mark, ...], bool]] = {
    "instances_per_image": ("Instances per image", (), False),
    "mask_area": ("Visible mask area, px", ((SMALL_PX, "small", "medium"), (MEDIUM_PX, "", "large")), False),
    "visibility": ("Visible share of each object", (), True),
    "truncation": ("Share cut off by the frame", (), True),
    "distance": ("Camera to object origin, m", (), False),
}


def page(folder: Path, facts: ReportFacts, shown: list[Pick]) -> str:
    """The text of report/index.html. Reads the shown images and their labels from ``folder``.

    Raises:
        DatasetError: a manifest part is damaged.
    """
    names = {found.category_id: found.name for found in facts.classes}
    return _template().render(
        facts=facts,
        tiles=_tiles(facts),
        pictures=pictures(folder, shown, names),
        rows=_class_rows(facts),
        histograms=[Markup(_chart(facts.histograms[key], key)) for key in HISTOGRAMS],
        centres=Markup(charts.heat_map(facts.centres, title="Centres of the boxes over the frame")),
        brightness=Markup(charts.histogram(facts.pixels.brightness, title="Mean brightness of the images, 0 to 255")),
        sharpness=Markup(charts.histogram(facts.pixels.sharpness, title="Sharpness (variance of the Laplacian)")),
        maps=_maps(facts),
        hidden_maps=max(len(_seen(facts)) - MAPS_SHOWN, 0),
        cells=viewpoints.CELLS,
        tiny_px=TINY_PX,
    )


@lru_cache(maxsize=1)
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["count"] = lambda value: f"{value:,}"
    environment.filters["percent"] = _percent
    environment.filters["short"] = charts.short
    text = resources.files(__package__).joinpath(TEMPLATE).read_text(encoding="utf-8")
    return environment.from_string(text)


def _percent(share: float) -> str:
    """Whole per cent, but never "0%" or "100%" for something that is not."""
    if 0 < share < 0.01:
        return "<1%"
    if 0.99 < share < 1:
        return ">99%"
    return f"{share:.0%}"


def _tiles(facts: ReportFacts) -> list[tuple[str, str, str]]:
    """(number, what, small print)."""
    empty = sum(facts.empty_reasons.values())
    per_image = facts.instances / max(facts.images, 1)
    used = sum(found.instances > 0 for found in facts.classes)
    models = sum(found.models for found in facts.classes)
    declared = f", {len(facts.classes)} classes declared" if used < len(facts.classes) else ""
    reasons = ", ".join(f"{reason}: {number:,}" for reason, number in facts.empty_reasons.items())
    tiles = [
        (f"{facts.images:,}", "images", f"{facts.image_width} x {facts.image_height} px, {facts.scenes:,} scenes"),
        (f"{facts.instances:,}", "labelled instances", f"{per_image:.1f} per image"),
        (f"{used:,}", "classes", f"{models:,} models{declared}"),
        (f"{facts.images_without_instances:,}", "negative images", "without a labelled instance"),
        (f"{empty:,}", "empty slots", reasons or f"all {facts.slots:,} slots hold an image"),
    ]
    found = facts.agreement
    if found is None:
        return tiles
    best = "" if found.ceiling is None else f"; {found.sampled_mean:.3f} where the plain render has {found.ceiling:.3f}"
    return [*tiles, (f"{found.mean:.3f}", "mean agreement", f"of {found.instances:,} instances{best}")]


def _chart(data: Histogram, key: str) -> str:
    title, limits, percent = HISTOGRAMS[key]
    return charts.histogram(data, title=title, marks=limits, percent=percent)


def _class_rows(facts: ReportFacts) -> list[dict[str, Any]]:
    """Classes for the table, most instances first."""
    most = max((found.instances for found in facts.classes), default=0)
    ordered = sorted(facts.classes, key=lambda found: (-found.instances, found.category_id))
    return [
        {
            "fact": found,
            "color": _hex(found),
            "bar": round(100 * found.instances / max(most, 1), 1),
            "splits": [split.instances_per_class.get(found.name, 0) for split in facts.splits],
        }
        for found in ordered
    ]


def _seen(facts: ReportFacts) -> list[ClassFacts]:
    return [found for found in facts.classes if found.instances]


def _maps(facts: ReportFacts) -> list[dict[str, Any]]:
    """Sphere maps, least covered first."""
    ordered = sorted(_seen(facts), key=lambda found: (found.viewpoints.coverage, found.category_id))
    return [
        {
            "fact": found,
            "color": _hex(found),
            "svg": Markup(charts.sphere_map(found.viewpoints.counts, title=f"Viewpoints of {found.name}")),
        }
        for found in ordered[:MAPS_SHOWN]
    ]


def _hex(found: ClassFacts) -> str:
    return "#{:02x}{:02x}{:02x}".format(*class_color(found.category_id))
