"""What travels from workers to the client, and what a finished slot leaves behind."""

from __future__ import annotations

from dataclasses import dataclass, field

from synthgen.types.annotations import Annotation
from synthgen.types.arrays import F32, U8, U16
from synthgen.types.geometry import Camera
from synthgen.types.images import AppliedEffect


@dataclass(frozen=True)
class Rejected:
    """One rejected draw: which stage, which attempt, why.

    ``detail``: the traceback of an exception, for logs/ only (it names paths of this machine); "" for other causes.
    """

    stage: str
    attempt: int
    reason: str
    detail: str = field(default="", compare=False)


@dataclass(frozen=True, eq=False)
class Sample:
    """One finished image with its labels, in memory (what ``synthgen.stream`` yields and ``write`` stores).

    Attributes:
        image_id: scene * views_per_scene + view + 1.
        scene, view: the slot.
        split: train, val, test, ...
        camera: intrinsics and pose.
        image: (H, W, 3) uint8 RGB; None for an empty slot.
        depth_m: (H, W) float32 ideal depth, 0 = none.
        instances: (H, W) uint16 instance index.
        annotations: labelled instances, by instance index.
        scene_seed, draw_seed: seeds recorded in the outputs.
        scene_attempt, camera_attempt, draw_attempt: 0 = first try.
        rejected: draws that were thrown away on the way.
        empty_reason: "" or why the slot stayed empty.
        generator: fingerprint of the generator.
        device: kind of device that drew the image (CPU instruction set or GPU model).
        depth_sensor_m: (H, W) float32 depth as the sensor sees it, 0 = none; None where ``labels.depth_sensor`` was not
            asked for.
        augment: effects applied after the camera model; None where the pipeline has no ``augment``.
    """

    image_id: int
    scene: int
    view: int
    split: str
    camera: Camera | None
    image: U8 | None
    depth_m: F32 | None
    instances: U16 | None
    annotations: tuple[Annotation, ...]
    scene_seed: int
    draw_seed: int
    scene_attempt: int
    camera_attempt: int
    draw_attempt: int
    rejected: tuple[Rejected, ...] = ()
    empty_reason: str = ""
    generator: str = ""
    device: str = ""
    depth_sensor_m: F32 | None = None
    augment: tuple[AppliedEffect, ...] | None = None


@dataclass(frozen=True)
class Receipt:
    """What a finished shard reports; stored as receipts/NNNNN.json (about 1 KB).

    Attributes:
        shard: shard number.
        first_scene, scenes: the shard's scene range.
        slots: images asked for; images: images written; empty: slots left empty.
        annotations: labelled instances written.
        per_class: category id -> instances.
        empty_reasons: reason -> slots.
        rejections: "stage:reason" -> draws.
        sha256: of its two manifest parts, by part path relative to the dataset.
        fingerprint: of the pipeline.
    """

    shard: int
    first_scene: int
    scenes: int
    slots: int
    images: int
    empty: int
    annotations: int
    per_class: dict[int, int] = field(default_factory=dict)
    empty_reasons: dict[str, int] = field(default_factory=dict)
    rejections: dict[str, int] = field(default_factory=dict)
    sha256: dict[str, str] = field(default_factory=dict)
    fingerprint: str = ""
