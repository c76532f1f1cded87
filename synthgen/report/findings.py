"""Warnings in plain sentences: what was found, with the numbers, and what to do about it in the pipeline file.

Each rule is a function of the facts; the table at the end is the order in which they are printed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median

from synthgen.contract import rejections
from synthgen.report.facts import ClassFacts, Finding, ReportFacts

FEW_INSTANCES = 50
FAR_BELOW_MEDIAN = 0.1
DOMINANT = 5.0
TINY_LIMIT = 0.30
OCCLUDED_LIMIT = 0.40
TRUNCATED_LIMIT = 0.30
EXPOSURE_LIMIT = 0.05
DUPLICATE_LIMIT = 0.05
DIRECTIONS_LIMIT = 0.15
DIRECTIONS_FROM = 200
CENTRE_LIMIT = 0.40
CENTRE_FROM = 200
FEW_SCENES = 10
NAMED = 8


def findings(facts: ReportFacts) -> tuple[Finding, ...]:
    """All warnings that the facts give rise to (``facts.findings`` itself is not read)."""
    return tuple(finding for rule in RULES for finding in rule(facts))


def _empty_slots(facts: ReportFacts) -> list[Finding]:
    empty = sum(facts.empty_reasons.values())
    if not empty:
        return []
    reasons = ", ".join(f"{reason}: {number}" for reason, number in facts.empty_reasons.items())
    remedies = "; ".join(dict.fromkeys(rejections.remedy(reason) for reason in facts.empty_reasons))
    text = f"{empty} of {facts.slots} slots stayed empty ({reasons})."
    return [Finding("empty_slots", text, _sentence(remedies))]


def _unreadable(facts: ReportFacts) -> list[Finding]:
    names = facts.pixels.unreadable
    if not names:
        return []
    text = f"{len(names)} of {len(names) + facts.pixels.sampled} sampled image files cannot be read: {_some(names)}."
    return [Finding("unreadable_images", text, "Run 'synthgen validate' to list everything that is damaged.")]


def _few_scenes(facts: ReportFacts) -> list[Finding]:
    if facts.scenes >= FEW_SCENES:
        return []
    text = f"The dataset has {facts.scenes} scenes; splits are made of whole scenes and need about {FEW_SCENES}."
    return [Finding("few_scenes", text, "Raise count, or lower camera.views_per_scene.")]


def _missing_classes(facts: ReportFacts) -> list[Finding]:
    names = [found.name for found in facts.classes if not found.instances]
    if not names:
        return []
    text = f"{_classes(names)} declared but never labelled: {_some(names)}."
    remedy = "Raise count or the weight in scene.objects, or take what is not wanted out of labels.classes."
    return [Finding("class_without_instances", text, remedy)]


def _balance(facts: ReportFacts) -> list[Finding]:
    seen = sorted((c for c in facts.classes if c.instances), key=lambda c: (c.instances, c.category_id))
    if not seen:
        return []
    middle = median(found.instances for found in seen)
    rare = [c for c in seen if c.instances < max(FEW_INSTANCES, FAR_BELOW_MEDIAN * middle)]
    dominant = [c for c in reversed(seen) if c.instances > DOMINANT * middle]
    found: list[Finding] = []
    if rare:
        limit = f"fewer than {FEW_INSTANCES} instances or less than a tenth of the median class ({middle:g})"
        has = "has" if len(rare) == 1 else "have"
        text = f"{_classes(rare)} {has} {limit}: {_some([_counted(c) for c in rare])}."
        found.append(Finding("rare_classes", text, "Raise count, or the weight in scene.objects."))
    if dominant:
        has = "has" if len(dominant) == 1 else "have"
        text = f"{_classes(dominant)} {has} more than {DOMINANT:g} times the median class ({middle:g}): "
        text += f"{_some([_counted(c) for c in dominant])}."
        found.append(Finding("dominant_classes", text, "Lower the weight in scene.objects."))
    return found


def _splits(facts: ReportFacts) -> list[Finding]:
    found: list[Finding] = []
    lacking: list[str] = []
    seen = [c.name for c in facts.classes if c.instances]
    for split in facts.splits:
        if not split.images:
            text = f"Split {split.name!r} has no images."
            remedy = "Raise count: splits take whole scenes and are filled from about ten scenes on."
            found.append(Finding("empty_split", text, remedy))
            continue
        missing = [name for name in seen if not split.instances_per_class.get(name)]
        if missing:
            lacking.append(f"{split.name} ({_some(missing)})")
    if lacking:
        has = "1 split lacks" if len(lacking) == 1 else f"{len(lacking)} splits lack"
        text = f"{has} classes that the dataset has: {', '.join(lacking)}."
        remedy = "Raise count, the weight of these classes, or the share of the split."
        found.append(Finding("split_without_class", text, remedy))
    return found


def _masks(facts: ReportFacts) -> list[Finding]:
    if not facts.instances:
        return []
    found: list[Finding] = []
    tiny = facts.size_shares["tiny"]
    if tiny > TINY_LIMIT:
        text = f"{tiny:.0%} of the masks are tiny (below 16 x 16 = 256 px); more than {TINY_LIMIT:.0%} is a lot."
        remedy = "Bring the camera nearer (camera.placement.distance_m), narrow camera.fov_deg, or make images larger."
        found.append(Finding("tiny_masks", text, remedy))
    occluded = _mean(facts.classes, "occluded_share")
    if occluded > OCCLUDED_LIMIT:
        text = f"{occluded:.0%} of the instances are less than half visible; more than {OCCLUDED_LIMIT:.0%} is a lot."
        remedy = "Lower scene.objects_per_scene, unless your cell is that full."
        found.append(Finding("heavy_occlusion", text, remedy))
    truncated = _mean(facts.classes, "truncated_share")
    if truncated > TRUNCATED_LIMIT:
        text = f"{truncated:.0%} of the instances are cut by the frame; more than {TRUNCATED_LIMIT:.0%} is a lot."
        remedy = "Move the camera back (camera.placement.distance_m), widen camera.fov_deg, or use a smaller support."
        found.append(Finding("truncation", text, remedy))
    return found


def _centres(facts: ReportFacts) -> list[Finding]:
    rows, columns = len(facts.centres), len(facts.centres[0])
    total = sum(map(sum, facts.centres))
    if total < CENTRE_FROM or rows < 3:
        return []
    top, bottom, left, right = rows // 3, rows - rows // 3, columns // 3, columns - columns // 3
    middle = sum(sum(row[left:right]) for row in facts.centres[top:bottom]) / total
    if middle <= CENTRE_LIMIT:
        return []
    text = f"{middle:.0%} of the boxes have their centre in the middle ninth of the frame (11% would be even)."
    remedy = "Spread the objects over a larger support, or raise camera.placement.target_jitter_m."
    return [Finding("centre_bias", text, remedy)]


def _viewpoints(facts: ReportFacts) -> list[Finding]:
    low = [
        f"{c.name} ({c.viewpoints.coverage:.0%})"
        for c in facts.classes
        if c.instances >= DIRECTIONS_FROM and c.viewpoints.coverage < DIRECTIONS_LIMIT
    ]
    if not low:
        return []
    text = f"Classes seen from less than {DIRECTIONS_LIMIT:.0%} of all directions: {_some(low)}."
    remedy = "Widen camera.placement.elevation_deg, or let the objects lie on any side (up: any), if yours do."
    return [Finding("few_viewpoints", text, remedy)]


def _exposure(facts: ReportFacts) -> list[Finding]:
    found: list[Finding] = []
    tries = {
        "overexposed": "Lower scene.environment.intensity or sense.exposure_ev.",
        "underexposed": "Raise scene.environment.intensity, scene.lights.area or sense.exposure_ev.",
    }
    for kind, remedy in tries.items():
        names: tuple[str, ...] = getattr(facts.pixels, kind)
        if facts.pixels.sampled and len(names) / facts.pixels.sampled > EXPOSURE_LIMIT:
            text = f"{len(names)} of {facts.pixels.sampled} sampled images are {kind}: {_some(names)}."
            found.append(Finding(kind, text, remedy))
    return found


def _duplicates(facts: ReportFacts) -> list[Finding]:
    pixels = facts.pixels
    if not pixels.sampled or pixels.near_duplicate_images / pixels.sampled <= DUPLICATE_LIMIT:
        return []
    text = f"{pixels.near_duplicate_images} of {pixels.sampled} sampled images look nearly the same as another one."
    remedy = "Widen camera.placement, or lower camera.views_per_scene, so that the views of a scene differ more."
    return [Finding("near_duplicates", text, remedy)]


def _mean(classes: Sequence[ClassFacts], name: str) -> float:
    total = sum(found.instances for found in classes)
    return float(sum(found.instances * getattr(found, name) for found in classes)) / total


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def _counted(found: ClassFacts) -> str:
    return f"{found.name} ({found.instances})"


def _classes(found: Sequence[object]) -> str:
    return "1 class" if len(found) == 1 else f"{len(found)} classes"


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


RULES: tuple[Callable[[ReportFacts], list[Finding]], ...] = (
    _empty_slots,
    _unreadable,
    _few_scenes,
    _missing_classes,
    _balance,
    _splits,
    _masks,
    _centres,
    _viewpoints,
    _exposure,
    _duplicates,
)
