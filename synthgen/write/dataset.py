"""dataset.json, written last: it means that the dataset is complete. And pipeline.yaml beside it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import yaml

from synthgen.config.models import Pipeline
from synthgen.contract import layout
from synthgen.contract.coco import CocoHead
from synthgen.contract.receipts import receipts_digest
from synthgen.types.catalog import Category
from synthgen.types.records import Receipt
from synthgen.write.coco import CocoFile
from synthgen.write.files import replace_file

LIBRARIES = (
    "numpy",
    "numba",
    "scipy",
    "mujoco",
    "trimesh",
    "manifold3d",
    "embreex",
    "opencv-python-headless",
    "pillow",
    "albumentations",
    "pyarrow",
    "pydantic",
)


@dataclass(frozen=True)
class Attribution:
    """One asset that was used, and whom to name for it.

    Attributes:
        kind: "mesh", "environment" or "texture".
        name: for people.
        key: content hash.
        source, licence, attribution: as its file says; "" where it says nothing.
    """

    kind: str
    name: str
    key: str
    source: str
    licence: str
    attribution: str


def coco_head(pipeline: Pipeline, categories: Sequence[Category], version: str) -> CocoHead:
    """The description of the dataset's COCO files."""
    return CocoHead(pipeline.name, pipeline.description, pipeline.licence, version, tuple(categories))


def installed_versions(version: str) -> dict[str, str]:
    """Versions of synthgen and of the libraries that the bytes depend on."""
    found = {"synthgen": version}
    for name in LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:  # e.g. opencv under another distribution's name
            found[name] = ""
    return found


def write_pipeline(folder: Path, as_given: Mapping[str, Any]) -> str:
    """Writes pipeline.yaml: the resolved pipeline with its paths as given. Returns the sha256."""
    text = yaml.safe_dump(dict(as_given), sort_keys=False, allow_unicode=True, width=120)
    return replace_file(folder / layout.PIPELINE, text.encode())


def write_dataset(
    folder: Path,
    pipeline: Pipeline,
    receipts: Mapping[int, Receipt],
    coco: Mapping[str, CocoFile],
    *,
    categories: Sequence[Category],
    fingerprint: str,
    versions: Mapping[str, str],
    attributions: Sequence[Attribution],
    sha256: Mapping[str, str],
) -> dict[str, Any]:
    """Writes dataset.json, the last file of a run, and returns what it says.

    Args:
        folder: the dataset.
        pipeline: the resolved pipeline.
        receipts: of all shards.
        coco: from ``write_coco``, by split.
        categories: all declared categories.
        fingerprint: of the pipeline.
        versions: of synthgen and libraries.
        attributions: every mesh, environment and texture used.
        sha256: of models/ and pipeline.yaml, by path relative to the dataset.

    Raises:
        EnvironmentFault: disk full, no permission, ...
    """
    counts = _totals(receipts)
    body = {
        "schema_version": layout.SCHEMA_VERSION,
        "name": pipeline.name,
        "description": pipeline.description,
        "licence": pipeline.licence,
        "pipeline_fingerprint": fingerprint,
        "seed": pipeline.seed,
        "image": {"width": pipeline.image.width, "height": pipeline.image.height, "format": pipeline.image.format},
        "counts": counts,
        "classes": _classes(categories, receipts),
        "splits": {
            split: {"file": file.file, "images": file.images, "annotations": file.annotations}
            for split, file in coco.items()
        },
        "empty_reasons": _sum(receipt.empty_reasons for receipt in receipts.values()),
        "rejections": _sum(receipt.rejections for receipt in receipts.values()),
        "outputs": [*pipeline.labels.outputs, *(["depth_sensor"] if pipeline.labels.depth_sensor else [])],
        "min_visible_px": pipeline.labels.min_visible_px,
        "versions": dict(versions),
        "attributions": [asdict(attribution) for attribution in attributions],
        "receipts_sha256": receipts_digest(receipts),
        "sha256": dict(sorted({**sha256, **{file.file: file.sha256 for file in coco.values()}}.items())),
    }
    data = (json.dumps(body, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()
    replace_file(folder / layout.DATASET, data)
    return body


def _totals(receipts: Mapping[int, Receipt]) -> dict[str, int]:
    found = receipts.values()
    return {
        "images": sum(receipt.images for receipt in found),
        "slots": sum(receipt.slots for receipt in found),
        "empty": sum(receipt.empty for receipt in found),
        "annotations": sum(receipt.annotations for receipt in found),
        "scenes": sum(receipt.scenes for receipt in found),
        "shards": len(receipts),
    }


def _classes(categories: Sequence[Category], receipts: Mapping[int, Receipt]) -> list[dict[str, Any]]:
    per_class: Counter[int] = Counter()
    for receipt in receipts.values():
        per_class.update(receipt.per_class)
    return [
        {
            "id": category.id,
            "name": category.name,
            "supercategory": category.supercategory,
            "annotations": per_class[category.id],
        }
        for category in categories
    ]


def _sum(counts: Any) -> dict[str, int]:
    total: Counter[str] = Counter()
    for count in counts:
        total.update(count)
    return dict(sorted(total.items()))
