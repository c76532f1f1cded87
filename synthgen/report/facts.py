"""The numbers of a report: frozen, plain, written to report.json as they stand."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

REPORT_VERSION = 1
DIGITS = 6


@dataclass(frozen=True)
class Histogram:
    """Counts between edges.

    Attributes:
        unit: of the edges, "" for a plain number.
        edges: n + 1 ascending bin edges; a value lies in [edges[i], edges[i + 1]).
        counts: n counts.
        median: of all values, to the accuracy of the fine bins it was made from; None when there are none.
        log: whether the edges are spaced evenly in the logarithm (for drawing).
    """

    unit: str
    edges: tuple[float, ...]
    counts: tuple[int, ...]
    median: float | None
    log: bool = False

    @property
    def total(self) -> int:
        return sum(self.counts)


@dataclass(frozen=True)
class SplitFacts:
    """One split. ``instances_per_class`` is keyed by class name."""

    name: str
    scenes: int
    images: int
    instances: int
    instances_per_class: dict[str, int]


@dataclass(frozen=True)
class ViewpointFacts:
    """From where the instances of one class were seen.

    Attributes:
        counts: instances per direction cell of ``viewpoints.CELLS`` (object frame, lowest band first).
        seen: cells with at least one instance.
        expected: cells that as many directions, even at random over the whole sphere, would hit on average.
        elevation_deg: 5th, 50th and 95th percentile of the camera's elevation in the object frame; () if none.
    """

    counts: tuple[int, ...]
    seen: int
    expected: float
    elevation_deg: tuple[float, ...]

    @property
    def coverage(self) -> float:
        """Share of all directions."""
        return self.seen / len(self.counts)


@dataclass(frozen=True)
class ClassFacts:
    """One class.

    Attributes:
        images: images with at least one instance of it.
        models: different models it appears as.
        area_px: smallest, median and largest visible mask in pixels; () if none. The median is within 2 %.
        visibility: 10th percentile and median of the visible share of the amodal mask; () if there are no instances.
        occluded_share: share of instances that are less than half visible.
        truncated_share: share of instances of which more than 1 % of the silhouette lies outside the frame.
    """

    category_id: int
    name: str
    supercategory: str
    instances: int
    images: int
    models: int
    area_px: tuple[int, ...]
    visibility: tuple[float, ...]
    occluded_share: float
    truncated_share: float
    viewpoints: ViewpointFacts


@dataclass(frozen=True)
class PixelFacts:
    """What a bounded sample of the image files looks like.

    Attributes:
        sampled: images read; ``unreadable``: file names that could not be decoded.
        brightness: mean luma per image, 0..255.
        sharpness: variance of the Laplacian of the luma per image (higher = sharper; depends on the image size).
        overexposed, underexposed: file names (see ``pixels.exposure``).
        near_duplicates: pairs (file name, file name, differing bits of 256), nearest first, at most 12.
        near_duplicate_images: images that belong to at least one such pair.
    """

    sampled: int
    unreadable: tuple[str, ...]
    brightness: Histogram
    sharpness: Histogram
    overexposed: tuple[str, ...]
    underexposed: tuple[str, ...]
    near_duplicates: tuple[tuple[str, str, int], ...]
    near_duplicate_images: int


@dataclass(frozen=True)
class AgreementFacts:
    """What the verify step found.

    Attributes:
        instances: that were scored; ``mean``: of their agreement.
        sizes: size of mask -> (instances, mean agreement), sizes that occur.
        sampled: instances of the views that were also shown by ``shaded``.
        sampled_mean, ceiling: mean agreement of those, in the dataset's images and in ``shaded``'s; None without any.
    """

    instances: int
    mean: float
    sizes: dict[str, tuple[int, float]]
    sampled: int
    sampled_mean: float | None
    ceiling: float | None


@dataclass(frozen=True)
class Finding:
    """One warning: a short stable code, what was found (with the numbers), what to do about it."""

    code: str
    text: str
    remedy: str


@dataclass(frozen=True)
class ReportFacts:
    """Everything in the report. ``centres``: box centres over the frame, rows from the top (rows x columns counts)."""

    name: str
    description: str
    licence: str
    synthgen_version: str
    fingerprint: str
    image_width: int
    image_height: int
    slots: int
    images: int
    images_without_instances: int
    scenes: int
    instances: int
    empty_reasons: dict[str, int]
    redraws: dict[str, int]
    splits: tuple[SplitFacts, ...]
    classes: tuple[ClassFacts, ...]
    size_shares: dict[str, float]
    histograms: dict[str, Histogram]
    centres: tuple[tuple[int, ...], ...]
    pixels: PixelFacts
    shown: tuple[str, ...]
    findings: tuple[Finding, ...]
    agreement: AgreementFacts | None = None

    def to_json(self) -> str:
        """The text of report.json: same facts, same bytes."""
        document = {"report_version": REPORT_VERSION, **_rounded(asdict(self))}
        if self.agreement is None:
            del document["agreement"]
        return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, DIGITS)
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    return value
