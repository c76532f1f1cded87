"""The client's side of a dataset folder: open and lock it, begin, and complete it.

Models and pipeline come first, so that an interrupted dataset can be validated; at the end COCO, dataset.json (means
complete), report.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from synthgen import __version__
from synthgen.assets.licences import provenance
from synthgen.assets.store import store_for
from synthgen.contract import layout
from synthgen.contract.packs import CARD, PARTS
from synthgen.errors import DatasetError
from synthgen.report.build import build_report, read_report, write_report
from synthgen.report.reading import DatasetHead
from synthgen.run.beside import Beside, here
from synthgen.run.plan import Plan
from synthgen.types.assets import ObjectModel
from synthgen.types.catalog import AssetSpec
from synthgen.types.records import Receipt
from synthgen.write import clean, coco, dataset, files, lock, models
from synthgen.write.receipts import read_receipts, require_fingerprint

# For replay: the pipeline with absolute paths. In logs/, because a path must not change a byte of the dataset.
RESOLVED_PIPELINE = "logs/resolved.yaml"


@contextmanager
def opened(plan: Plan, folder: Path, *, fresh: bool) -> Iterator[dict[int, Receipt]]:
    """Locks the folder and yields the receipts of the shards that exist.

    Raises:
        DatasetError: another run holds it, or it belongs to another pipeline, or it is full of foreign files.
        EnvironmentFault: it cannot be written.
    """
    blocked = next((path for path in (folder, *folder.parents) if path.exists() and not path.is_dir()), None)
    if blocked is not None:
        raise DatasetError(f"{str(blocked)!r} is a file; --out needs a folder. Give another --out")
    if (folder / CARD).exists() or (folder / PARTS).is_dir():
        raise DatasetError(f"{str(folder)!r} holds a pack of training pairs, not a dataset; give another --out")
    with lock.locked(folder):
        if fresh:
            clean.fresh(folder)
        receipts = read_receipts(folder)
        try:
            require_fingerprint(folder, receipts, plan.job.fingerprint)
        except DatasetError as error:
            raise DatasetError(f"{error}. {_what_differs(plan, folder)}") from error
        yield receipts.done


def _what_differs(plan: Plan, folder: Path) -> str:
    """A sentence on the settings that differ from those in the folder, and how to grow a finished set."""
    try:
        stored = yaml.safe_load((folder / layout.PIPELINE).read_text(encoding="utf-8"))
        if not isinstance(stored, dict):
            return "Its pipeline.yaml cannot be read"
    except (OSError, ValueError, yaml.YAMLError):  # ValueError: not UTF-8
        return "Its pipeline.yaml cannot be read"
    keys = _flat(plan.loaded.as_given) | _flat(stored)
    old, new = _flat(stored), _flat(plan.loaded.as_given)
    different = sorted(key for key in keys if old.get(key) != new.get(key))
    if different == ["count"]:
        return (
            f"Only count differs ({old['count']} there, {new['count']} here). A finished set grows into a new folder: "
            "the same command with --out NEW_FOLDER; "
            f"the first {min(old['count'], new['count'])} images come out the same"
        )
    if not different:
        return "The settings are the same: an asset's content, or a library's version, is not"
    shown = ", ".join(f"{key} ({old.get(key)!r} there, {new.get(key)!r} here)" for key in different[:5])
    return f"What differs: {shown}" + (f" and {len(different) - 5} more" if len(different) > 5 else "")


def _flat(tree: Any, prefix: str = "") -> dict[str, Any]:
    """Leaves of a tree of mappings by dotted key; lists are leaves."""
    if not isinstance(tree, dict):
        return {prefix: tree}
    return {
        key: value
        for name, branch in tree.items()
        for key, value in _flat(branch, f"{prefix}.{name}" if prefix else str(name)).items()
    }


def is_complete(plan: Plan, folder: Path, receipts: dict[int, Receipt]) -> bool:
    """Every shard is there, and dataset.json with every file it lists, undamaged."""
    if sorted(receipts) != list(range(plan.shard_count)):
        return False
    try:
        listed = json.loads((folder / layout.DATASET).read_bytes())["sha256"]
        return all(_sha256(folder / file) == sha256 for file, sha256 in listed.items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass(frozen=True)
class Begun:
    """What ``begin`` wrote and saw, for dataset.json.

    Attributes:
        sha256: of the pipeline and the models, by path relative to the dataset.
        attributions: every mesh, environment and texture a scene of this run can use, once each, by content.
    """

    sha256: dict[str, str]
    attributions: list[dataset.Attribution]


def begin(plan: Plan, folder: Path) -> Begun:
    """Removes leftovers of killed shards; writes the pipeline and the models."""
    (folder / layout.DATASET).unlink(missing_ok=True)
    clean.clean_leftovers(folder)
    resolved = plan.pipeline.model_dump(mode="json", by_alias=True)
    files.replace_file(folder / RESOLVED_PIPELINE, yaml.safe_dump(resolved, sort_keys=False).encode())
    meshes: dict[str, dataset.Attribution] = {}
    sha256 = models.write_models(folder, _objects(plan, meshes))
    sha256 = {**sha256, layout.PIPELINE: dataset.write_pipeline(folder, plan.loaded.as_given)}
    return Begun(sha256, [*meshes.values(), *_file_attributions(plan, set(meshes))])


def _objects(plan: Plan, meshes: dict[str, dataset.Attribution]) -> Iterator[tuple[AssetSpec, ObjectModel]]:
    """Labelled objects, one model in memory at a time (the store's bounded cache decides how many). Every model is
    read once: whom to name for it, of distractors and supports too, is put into ``meshes`` on the way."""
    store = store_for(plan.job.catalog)
    for spec in plan.job.catalog.specs:
        model = store.model(spec.source)
        meshes.setdefault(
            spec.key,
            dataset.Attribution("mesh", model.name, model.key, model.source, model.licence, model.attribution),
        )
        if spec.role == "object":
            yield spec, model


def attributions(plan: Plan) -> list[dataset.Attribution]:
    """Every mesh, environment and texture a scene of this run can use, once each, by content."""
    meshes: dict[str, dataset.Attribution] = {}
    for _ in _objects(plan, meshes):
        pass
    return [*meshes.values(), *_file_attributions(plan, set(meshes))]


def mend_report(folder: Path) -> None:
    """Makes the report of a complete dataset when a kill came between dataset.json and the report."""
    if not (folder / "report" / "index.html").is_file():
        build_report(folder)


def complete(plan: Plan, folder: Path, receipts: dict[int, Receipt], begun: Begun, beside: Beside = here) -> None:
    """Everything after the last shard. Each file appears whole or not at all; dataset.json comes last, but for the
    report, which is read while COCO is written: on one core of many they would be a tenth of a small run.

    Args:
        plan: the run.
        folder: the dataset.
        receipts: of all shards.
        begun: what ``begin`` returned.
        beside: runs a function beside this process.
    """
    pipeline, catalog = plan.pipeline, plan.job.catalog
    receipts = dict(sorted(receipts.items()))
    head = dataset.coco_head(pipeline, catalog.categories, __version__)
    report = beside(read_report, folder, report_head(plan))  # there, kernels and libraries are warm
    annotations = coco.write_coco(folder, receipts, pipeline.splits, head)
    dataset.write_dataset(
        folder,
        pipeline,
        receipts,
        annotations,
        categories=catalog.categories,
        fingerprint=plan.job.fingerprint,
        versions=dataset.installed_versions(__version__),
        attributions=begun.attributions,
        sha256=begun.sha256,
    )
    write_report(folder, report())


def report_head(plan: Plan) -> DatasetHead:
    """What ``reading.read_head`` will find in the finished dataset."""
    pipeline = plan.pipeline
    return DatasetHead(
        name=pipeline.name,
        description=pipeline.description,
        licence=pipeline.licence,
        synthgen_version=__version__,
        fingerprint=plan.job.fingerprint,
        categories=tuple(plan.job.catalog.categories),
        splits=tuple(name for name, share in pipeline.splits.items() if share > 0),
    )


def _file_attributions(plan: Plan, found: set[str]) -> Iterator[dataset.Attribution]:
    """Environments and textures, once each by content; ``found`` are the keys that are there already."""
    catalog = plan.job.catalog
    for kind, assets in (
        ("environment", catalog.environments),
        ("texture", catalog.support_textures + catalog.backdrop_textures),
        ("texture", tuple(asset for _, group in catalog.material_textures for asset in group)),
    ):
        for asset in assets:
            if asset.key in found:
                continue
            found.add(asset.key)
            known = provenance(asset.path)
            yield dataset.Attribution(
                kind, Path(asset.path).name, asset.key, known.source, known.licence, known.attribution
            )
