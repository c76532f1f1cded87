"""``build_report``: a finished dataset -> report/index.html and report/report.json, from disk only."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from synthgen.errors import EnvironmentFault
from synthgen.report import histograms as axes
from synthgen.report import reading, viewpoints
from synthgen.report.facts import AgreementFacts, ClassFacts, PixelFacts, ReportFacts, SplitFacts, ViewpointFacts
from synthgen.report.findings import findings
from synthgen.report.histograms import drawn, quantile
from synthgen.report.page import page
from synthgen.report.pixels import Pick, Sampler, look
from synthgen.report.tally import Tally
from synthgen.types.arrays import I64
from synthgen.types.catalog import Category

PAGE = "report/index.html"
NUMBERS = "report/report.json"


def build_report(folder: Path) -> ReportFacts:
    """Reads the dataset once, shard by shard, and writes both files (each appears whole or not at all).

    Memory does not grow with the dataset: fixed histograms, and a sample of at most 320 images. The same dataset gives
    the same bytes.

    Args:
        folder: a finished dataset.

    Raises:
        DatasetError: no finished dataset, or a damaged manifest (a damaged image is a warning in the report).
        EnvironmentFault: the files cannot be written.
    """
    report = read_report(folder, reading.read_head(folder))
    write_report(folder, report)
    return report.facts


@dataclass(frozen=True)
class Report:
    """A report in memory: its numbers and its page."""

    facts: ReportFacts
    page: str


def read_report(folder: Path, head: reading.DatasetHead) -> Report:
    """Reads everything but dataset.json, which may not be there yet; writes nothing.

    Raises:
        DatasetError: a damaged manifest.
    """
    facts, shown = gather(folder, head)
    return Report(facts, page(folder, facts, shown))


def write_report(folder: Path, report: Report) -> None:
    """Writes both files.

    Raises:
        EnvironmentFault: they cannot be written.
    """
    _write(folder / PAGE, report.page)
    _write(folder / NUMBERS, report.facts.to_json())


def gather(folder: Path, head: reading.DatasetHead) -> tuple[ReportFacts, list[Pick]]:
    """The numbers of a report and the images to show, without writing anything."""
    tally, sampler = Tally(head), Sampler()
    for shard in reading.shards(folder):
        images = reading.image_rows(folder, shard)
        tally.add_shard(images, reading.instance_rows(folder, shard))
        sampler.add(images)
    shown = sampler.shown()
    facts = _facts(tally, look(folder, sampler.sample()), shown)
    return replace(facts, findings=findings(facts)), shown


def _facts(tally: Tally, pixels: PixelFacts, shown: list[Pick]) -> ReportFacts:
    head = tally.head
    return ReportFacts(
        name=head.name,
        description=head.description,
        licence=head.licence,
        synthgen_version=head.synthgen_version,
        fingerprint=head.fingerprint,
        image_width=tally.width,
        image_height=tally.height,
        slots=tally.slots,
        images=tally.images,
        images_without_instances=tally.images_without_instances,
        scenes=tally.scenes,
        instances=tally.instances,
        empty_reasons=_most_first(tally.empty_reasons),
        redraws=_most_first(tally.redraws),
        splits=tuple(_split(tally, i) for i in range(len(tally.splits))),
        classes=tuple(_class(tally, i, category) for i, category in enumerate(head.categories)),
        size_shares=_size_shares(tally),
        histograms={
            "mask_area": drawn(axes.AREA_PX, tally.class_areas.sum(axis=0)),
            "visibility": drawn(axes.SHARE, tally.class_visibility.sum(axis=0)),
            "truncation": drawn(axes.SHARE, tally.truncation),
            "distance": drawn(axes.DISTANCE_M, tally.distance),
            "instances_per_image": drawn(axes.COUNT, tally.per_image),
        },
        centres=tuple(tuple(int(n) for n in row) for row in tally.centres),
        pixels=pixels,
        shown=tuple(pick.file_name for pick in shown),
        findings=(),
        agreement=_agreement(tally),
    )


def _agreement(tally: Tally) -> AgreementFacts | None:
    sums = tally.agreement
    total = int(sums.counts.sum())
    if not total:
        return None
    sizes = {
        name: (int(count), float(value / count))
        for name, count, value in zip(("tiny", "small", "medium", "large"), sums.counts, sums.sums, strict=True)
        if count
    }
    sampled_mean = sums.sampled_sum / sums.sampled if sums.sampled else None
    ceiling = sums.ceiling_sum / sums.sampled if sums.sampled else None
    return AgreementFacts(total, float(sums.sums.sum() / total), sizes, sums.sampled, sampled_mean, ceiling)


def _most_first(counter: Counter[str]) -> dict[str, int]:
    return dict(sorted(counter.items(), key=lambda item: (-item[1], item[0])))


def _split(tally: Tally, i: int) -> SplitFacts:
    names = [category.name for category in tally.head.categories]
    return SplitFacts(
        name=tally.splits[i],
        scenes=int(tally.split_scenes[i]),
        images=int(tally.split_images[i]),
        instances=int(tally.split_classes[i].sum()),
        instances_per_class=dict(zip(names, tally.split_classes[i].tolist(), strict=True)),
    )


def _size_shares(tally: Tally) -> dict[str, float]:
    total = max(tally.instances, 1)
    parts = {"tiny": tally.tiny, "small": tally.small, "medium": tally.medium, "large": tally.large}
    return {name: number / total for name, number in parts.items()}


def _class(tally: Tally, i: int, category: Category) -> ClassFacts:
    instances = int(tally.split_classes[:, i].sum())
    area: tuple[int, ...] = ()
    if instances:
        smallest, largest = int(tally.class_smallest[i]), int(tally.class_largest[i])
        middle = quantile(axes.AREA_PX, tally.class_areas[i], 0.5) or 0.0
        area = (smallest, int(np.clip(round(middle), smallest, largest)), largest)
    return ClassFacts(
        category_id=category.id,
        name=category.name,
        supercategory=category.supercategory,
        instances=instances,
        images=int(tally.class_images[i]),
        models=sum(of == category.id for of, _ in tally.models),
        area_px=area,
        visibility=_quantiles(axes.SHARE, tally.class_visibility[i], 0.1, 0.5),
        occluded_share=int(tally.class_occluded[i]) / max(instances, 1),
        truncated_share=int(tally.class_truncated[i]) / max(instances, 1),
        viewpoints=_viewpoints(tally.class_directions[i], tally.class_elevation[i]),
    )


def _viewpoints(cells: I64, elevation: I64) -> ViewpointFacts:
    return ViewpointFacts(
        counts=tuple(cells.tolist()),
        seen=int((cells > 0).sum()),
        expected=viewpoints.expected_cells(int(cells.sum())),
        elevation_deg=_quantiles(axes.ELEVATION_DEG, elevation, 0.05, 0.5, 0.95),
    )


def _quantiles(axis: axes.Axis, counts: I64, *shares: float) -> tuple[float, ...]:
    found = (quantile(axis, counts, share) for share in shares)
    return tuple(value for value in found if value is not None)


def _write(path: Path, text: str) -> None:
    temporary = path.with_name(path.name + ".tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        raise EnvironmentFault(
            f"{str(path)!r} cannot be written ({error.strerror}); allowed: a folder that you may write, on a disk with "
            "space left. Everything else of the dataset is whole: the same command writes the report again"
        ) from error
