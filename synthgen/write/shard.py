"""One shard on disk: pixel files as they come, then manifest parts, one sync, and the receipt renamed into place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from synthgen.config.models import Pipeline
from synthgen.contract import layout
from synthgen.contract.tables import TABLES
from synthgen.errors import InternalError
from synthgen.types.records import Receipt, Sample
from synthgen.write.encode import encode_depth, encode_image, encode_instances
from synthgen.write.files import replace_file, sync_all, write_file
from synthgen.write.receipts import receipt_bytes
from synthgen.write.rows import Row, image_row, instance_row, parquet_bytes

K = TypeVar("K", int, str)


@dataclass(frozen=True, eq=False)
class StoredSample:
    """What the manifest needs to know about a slot whose files are written: rows of its two tables."""

    image: Row
    instances: tuple[Row, ...]


def write_sample(folder: Path, sample: Sample, pipeline: Pipeline, shard: int) -> StoredSample:
    """Writes the files of one slot (an empty slot has none). They count once ``close_shard`` wrote the receipt.

    Args:
        folder: the dataset.
        sample: a finished or empty slot.
        pipeline: for ``image`` (format, quality, size) and ``labels.outputs``.
        shard: number of the shard.

    Raises:
        EnvironmentFault: disk full, no permission, ...
        InternalError: a sample with an image but without maps, or of another size than the pipeline's.
    """
    config = pipeline.image
    if (sample.image is None) == (sample.empty_reason == ""):
        raise InternalError(
            f"image {sample.image_id} must have either pixels or a reason for being empty; its reason is "
            f"{sample.empty_reason!r}"
        )
    if sample.image is None:
        row = image_row(sample, width=config.width, height=config.height, file_name=None, sha256={})
        return StoredSample(row, ())
    _check_shapes(sample, (config.height, config.width))
    name = layout.file_name(shard, sample.image_id, config.format)
    data = {"images": encode_image(sample.image, config.format, config.quality)}
    if "depth" in pipeline.labels.outputs and sample.depth_m is not None:
        data["depth"] = encode_depth(sample.depth_m)
    if sample.depth_sensor_m is not None:
        data["depth_sensor"] = encode_depth(sample.depth_sensor_m)
    if "instances" in pipeline.labels.outputs and sample.instances is not None:
        data["instances"] = encode_instances(sample.instances)
    sha256: dict[str, str] = {
        pixels: write_file(folder / layout.pixel_path(pixels, name), data[pixels])
        for pixels in layout.PIXELS
        if pixels in data
    }
    row = image_row(sample, width=config.width, height=config.height, file_name=name, sha256=sha256)
    return StoredSample(row, tuple(instance_row(sample.image_id, found) for found in sample.annotations))


def close_shard(
    folder: Path, shard: int, stored: Sequence[StoredSample], *, first_scene: int, scenes: int, fingerprint: str
) -> Receipt:
    """Writes the manifest parts, syncs the shard once, then renames its receipt into place: now the shard exists.

    Args:
        folder: the dataset.
        shard: number of the shard.
        stored: one entry per slot of the shard, in any order, empty slots included.
        first_scene, scenes: the shard's scene range.
        fingerprint: of the pipeline.

    Raises:
        EnvironmentFault: disk full, no permission, ...
        InternalError: two entries for one image.
    """
    ordered = sorted(stored, key=lambda slot: int(slot.image["image_id"]))
    ids = [slot.image["image_id"] for slot in ordered]
    if len(set(ids)) != len(ids):
        raise InternalError(f"shard {shard} holds an image id twice: {[i for i, n in Counter(ids).items() if n > 1]}")
    rows = {
        "images": [slot.image for slot in ordered],
        "instances": [row for slot in ordered for row in slot.instances],
    }
    sha256 = {}
    for part in layout.PARTS:
        path = layout.part_path(part, shard)
        sha256[path] = write_file(folder / path, parquet_bytes(rows[part], TABLES[part]))
    sync_all(folder)
    receipt = Receipt(
        shard=shard,
        first_scene=first_scene,
        scenes=scenes,
        slots=len(ordered),
        images=sum(not slot.image["empty_reason"] for slot in ordered),
        empty=sum(bool(slot.image["empty_reason"]) for slot in ordered),
        annotations=len(rows["instances"]),
        per_class=_counts(row["category_id"] for row in rows["instances"]),
        empty_reasons=_counts(slot.image["empty_reason"] for slot in ordered if slot.image["empty_reason"]),
        rejections=_counts(f"{r['stage']}:{r['reason']}" for slot in ordered for r in slot.image["rejected"]),
        sha256=sha256,
        fingerprint=fingerprint,
    )
    replace_file(folder / layout.receipt_path(shard), receipt_bytes(receipt))
    return receipt


def _counts(values: Iterable[K]) -> dict[K, int]:
    """How often each value occurs, keys ascending."""
    return dict(sorted(Counter(values).items()))


def _check_shapes(sample: Sample, shape: tuple[int, int]) -> None:
    found = {"image": sample.image, "depth_m": sample.depth_m, "instances": sample.instances}
    if sample.depth_sensor_m is not None:
        found["depth_sensor_m"] = sample.depth_sensor_m
    for name, array in found.items():
        if array is None or array.shape[:2] != shape:
            raise InternalError(
                f"{name} of image {sample.image_id} has shape {None if array is None else array.shape}; "
                f"the pipeline's images are {shape[0]} rows x {shape[1]} columns"
            )
