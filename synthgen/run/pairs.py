"""``synthgen pairs``: plans a pack, makes its missing parts like the shards of any run, and writes its card."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from synthgen import __version__, kernels
from synthgen.config.load import LoadedPipeline
from synthgen.config.models import PathtracedConfig, Pipeline
from synthgen.contract.packs import (
    ASSETS,
    CARD,
    HELD_OUT,
    OWN_PART,
    PACK_VERSION,
    PARTS,
    TRAIN,
    is_training_seed,
    part_path,
)
from synthgen.errors import ConfigError, DatasetError, EnvironmentFault, IncompleteError
from synthgen.generate.pathtraced_process import cycles_version
from synthgen.pack import radiance
from synthgen.pack.assets import copy_assets, file_assets, packed_name
from synthgen.pack.parts import read_index, read_receipt
from synthgen.pack.reading import read_card, sha256_of
from synthgen.run import finish
from synthgen.run.api import FIRST_RUN, Crew, Progress, make_missing
from synthgen.run.pairs_checks import pairs_faults
from synthgen.run.pairs_scenes import PairsJob, entry_names, environment_groups, pairs_config
from synthgen.run.plan import Plan, make_plan
from synthgen.run.worker import wait_for_writers
from synthgen.types.records import Receipt
from synthgen.write import lock
from synthgen.write.dataset import installed_versions
from synthgen.write.files import replace_file, writing

PROCEDURAL = "synthgen procedural"  # source of every family's models


@dataclass(frozen=True)
class PairsSummary:
    """The short table at the end. ``size_bytes``: of the whole pack, without logs/."""

    folder: Path
    already_complete: bool
    card: dict[str, Any]
    size_bytes: int
    elapsed_s: float
    made: int

    @property
    def lines(self) -> list[tuple[str, str]]:
        counts, held = self.card["counts"], self.card["held_out"]
        pairs = counts["pairs"]
        lines = [
            ("pairs", f"{pairs} of {counts['slots']} at {self.card['image']['width']}x{self.card['image']['height']}"),
            *((f"  {split}", str(number)) for split, number in counts["splits"].items()),
            ("  variations", f"{counts['variations']} (light and finishes behind the G-buffer's back)"),
            ("scenes", str(counts["scenes"])),
            (
                "held out",
                ", ".join([*held["objects"], *held["environments"]]) or "scenes only: no object, no environment",
            ),
            ("for", f"{self.card['purpose']} (seed {self.card['seed']})"),
            ("size", f"{self.size_bytes / 1e6:.1f} MB, {self.size_bytes / max(pairs, 1):.0f} bytes per pair"),
        ]
        if counts["empty"]:
            reasons = ", ".join(f"{number} {reason}" for reason, number in self.card["empty_reasons"].items())
            lines.append(("empty slots", f"{counts['empty']} ({reasons})"))
        if self.made:
            lines.append(("speed", f"{3600 * self.made / max(self.elapsed_s, 1e-9):.0f} pairs per hour"))
        return [*lines, ("pack", str(self.folder))]


def make_pairs(
    loaded: LoadedPipeline,
    *,
    out: Path,
    workers: int | None,
    scheduler: str | None,
    fresh: bool,
    progress: Callable[[Progress], None],
    worker_memory_mb: int | None = None,
) -> PairsSummary:
    """Makes the pack, or the rest of it; ``count`` of the pipeline is the number of pairs.

    Args:
        loaded, out, workers, scheduler, fresh, progress, worker_memory_mb: as ``run.api.run_pipeline``.

    Raises:
        ConfigError, AssetError: the user's input.
        DatasetError: the folder holds a dataset or another pack, or another run is writing it.
        IncompleteError: failure budget exceeded, or parts that failed three times.
        EnvironmentFault: no path tracer, no AVIF, disk, permissions, scheduler.
    """
    start = time.monotonic()
    note = "" if kernels.compiled() else FIRST_RUN
    plan = plan_pairs(loaded, folder=out)
    with opened(plan, out, fresh=fresh) as receipts:
        card = read_card(out)
        if card is not None and _is_whole(card, plan, out):
            return _summary(out, card, start, made=0, already_complete=True)
        if not wait_for_writers(out, seconds=60):
            raise EnvironmentFault(
                f"workers of an earlier run still write into {str(out)!r}; wait until they have ended, or end them"
            )
        _begin(out, receipts)
        sha256 = copy_assets(out, plan.job.catalog)
        crew = Crew(workers, scheduler, "auto", worker_memory_mb)
        made = make_missing(plan, out, receipts, crew, progress, note, _require_budget)
        card = _write_card(plan, out, receipts, sha256)
    return _summary(out, card, start, made=made, already_complete=False)


def plan_pairs(loaded: LoadedPipeline, *, folder: Path | None) -> Plan:
    """The plan of a pack: a dataset's, drawn by the path tracer.

    Raises:
        ConfigError, AssetError: the user's input.
        EnvironmentFault: no path tracer, or no AVIF.
    """
    require_path_tracer()
    radiance.require_avif()
    pipeline = loaded.pipeline
    if not isinstance(pipeline.generate, PathtracedConfig):
        pipeline = pipeline.model_copy(update={"generate": PathtracedConfig()})
    plan = make_plan(replace(loaded, pipeline=pipeline), folder=folder)
    faults = pairs_faults(pipeline, plan.job.catalog)
    if faults:
        raise ConfigError(faults)
    basis = f"{plan.job.fingerprint} pack-{PACK_VERSION} {radiance.CODEC}"
    job = PairsJob(pipeline, plan.job.catalog, hashlib.sha256(basis.encode()).hexdigest(), plan.job.folder)
    return replace(plan, job=job)


def require_path_tracer() -> None:
    """Raises EnvironmentFault where Cycles is not installed, or is of another series."""
    if find_spec("bpy") is None:
        raise EnvironmentFault(
            "synthgen pairs draws its images with Cycles, and the Python package 'bpy' is not installed; install it "
            'with: pip install "synthgen[pathtraced]" (it exists for Python 3.11). Reading a finished pack works '
            "without it"
        )
    cycles_version()


@contextmanager
def opened(plan: Plan, folder: Path, *, fresh: bool) -> Iterator[dict[int, Receipt]]:
    """Locks the folder and yields the receipts of the parts that exist."""
    blocked = next((path for path in (folder, *folder.parents) if path.exists() and not path.is_dir()), None)
    if blocked is not None:
        raise DatasetError(f"{str(blocked)!r} is a file; --out needs a folder. Give another --out")
    if any((folder / name).exists() for name in ("dataset.json", "receipts")):
        raise DatasetError(f"{str(folder)!r} holds a dataset, not a pack; give another --out")
    with lock.locked(folder):
        if fresh:
            _remove(folder)
        receipts = _receipts(folder, plan.shard_count)
        others = {receipt.fingerprint for receipt in receipts.values()} - {plan.job.fingerprint}
        if others:
            raise DatasetError(
                f"{str(folder)!r} holds a pack of another pipeline, seed, count, size, asset or synthgen version "
                f"(fingerprint {min(others)[:16]}, this run has {plan.job.fingerprint[:16]}). Give another --out, or "
                "--fresh to delete that pack and start again"
            )
        if not others:
            read_card(folder)  # of another version: refused before anything is written
        yield receipts


def _receipts(folder: Path, parts: int) -> dict[int, Receipt]:
    found = {}
    for path in sorted((folder / PARTS).glob("*.parquet")):
        match = OWN_PART.fullmatch(path.name)
        receipt = read_receipt(path, int(match[1])) if match else None
        if receipt is not None:
            found[receipt.shard] = receipt
    return dict(sorted(found.items()))


def _begin(folder: Path, receipts: dict[int, Receipt]) -> None:
    """Removes the card, and what a killed run or a bad disk left of parts that do not count."""
    with writing(folder):
        (folder / CARD).unlink(missing_ok=True)
        for path in (folder / PARTS).glob("*.parquet*"):
            match = OWN_PART.fullmatch(path.name.removesuffix(".tmp"))
            if match and (path.suffix == ".tmp" or int(match[1]) not in receipts):
                path.unlink()
        for number in list(receipts):
            if not _readable(folder / part_path(number)):
                (folder / part_path(number)).unlink()
                del receipts[number]


def _readable(part: Path) -> bool:
    try:
        read_index(part)
    except DatasetError:
        return False
    return True


def _remove(folder: Path) -> None:
    """Deletes a pack: its card first, then its parts and assets; never a foreign file."""
    with writing(folder):
        (folder / CARD).unlink(missing_ok=True)
        for path in (folder / PARTS).glob("*.parquet*"):
            if OWN_PART.fullmatch(path.name.removesuffix(".tmp")):
                path.unlink()
        for path in (folder / ASSETS).glob("*"):
            if len(path.stem) == 16 and all(letter in "0123456789abcdef" for letter in path.stem):
                path.unlink()
        for name in (PARTS, ASSETS):
            if (folder / name).is_dir() and not any((folder / name).iterdir()):
                (folder / name).rmdir()


def _require_budget(plan: Plan, out: Path, receipts: dict[int, Receipt]) -> None:
    empty, budget = sum(receipt.empty for receipt in receipts.values()), plan.pipeline.run.failure_budget
    if empty <= budget * plan.pipeline.count:
        return
    made = sum(receipt.slots for receipt in receipts.values())
    reasons = _sum(receipt.empty_reasons for receipt in receipts.values())
    listed = ", ".join(f"{number} {reason}" for reason, number in reasons.items())
    raise IncompleteError(
        f"{empty} of the first {made} pairs could not be made ({listed}); allowed of {plan.pipeline.count} by "
        f"run.failure_budget {budget:g}: {math.floor(budget * plan.pipeline.count)}. What is made is kept: look at the "
        "scenes with 'synthgen preview', mend the cause and start anew with --fresh"
    )


def _is_whole(card: dict[str, Any], plan: Plan, folder: Path) -> bool:
    if card.get("fingerprint") != plan.job.fingerprint or len(card.get("sha256", ())) < plan.shard_count:
        return False
    return all(sha256_of(folder / name) == sha256 for name, sha256 in card["sha256"].items())


def _write_card(plan: Plan, folder: Path, receipts: dict[int, Receipt], assets: dict[str, str]) -> dict[str, Any]:
    """Writes pack.json, the last file: complete."""
    pipeline, parts = plan.pipeline, dict(sorted(receipts.items()))
    splits: Counter[str] = Counter({TRAIN: 0, HELD_OUT: 0})
    variations = scenes = 0
    for number in parts:
        for _, split, targets in read_index(folder / part_path(number)):
            splits[split] += len(targets)
            variations += sum(variation > 0 for _, variation in targets)
            scenes += 1
    generate = pipeline.generate.model_dump()
    card = {
        "schema_version": PACK_VERSION,
        "name": pipeline.name,
        "description": pipeline.description,
        "licence": pipeline.licence,
        "purpose": "training" if is_training_seed(pipeline.seed) else "evaluation",
        "seed": pipeline.seed,
        "fingerprint": plan.job.fingerprint,
        "image": {"width": pipeline.image.width, "height": pipeline.image.height, "encoding": radiance.CODEC},
        "counts": {
            "pairs": sum(splits.values()),
            "slots": sum(receipt.slots for receipt in parts.values()),
            "empty": sum(receipt.empty for receipt in parts.values()),
            "scenes": scenes,
            "parts": len(parts),
            "variations": variations,
            "splits": dict(splits),
        },
        **_split_facts(plan),
        "path_tracer": {"name": "Cycles", "version": cycles_version(), **generate},
        "empty_reasons": _sum(receipt.empty_reasons for receipt in parts.values()),
        "rejections": _sum(receipt.rejections for receipt in parts.values()),
        "files": [
            {"key": asset.key, "name": Path(asset.path).name, "file": packed_name(asset.key, asset.path)}
            for asset in file_assets(plan.job.catalog)
        ],
        "attributions": _attributions(plan),
        "versions": installed_versions(__version__),
        "pipeline": plan.loaded.as_given,
        "sha256": {**{part_path(number): sha256_of(folder / part_path(number)) for number in parts}, **assets},
    }
    data = (json.dumps(card, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()
    replace_file(folder / CARD, data)
    return card


def _split_facts(plan: Plan) -> dict[str, Any]:
    """What is held out, by name, and what each split is made of."""
    config = pairs_config(plan.pipeline)
    objects = _names(plan.pipeline)
    environments = list(environment_groups(plan.pipeline, plan.job.catalog))
    held = config.held_out

    def of(split: str, names: list[str], out: list[str]) -> list[str]:
        return [name for name in names if not out or (name in out) == (split == HELD_OUT)]

    held_objects = [name for name, also in objects.items() if also & set(held.objects)]
    return {
        "held_out": held.model_dump(),
        "varied": config.varied,
        "splits": {
            split: {
                "objects": of(split, list(objects), held_objects),
                "environments": of(split, environments, held.environments),
            }
            for split in (TRAIN, HELD_OUT)
        },
    }


def _attributions(plan: Plan) -> list[dict[str, str]]:
    """Whom to name; everything procedural is one entry."""
    found: dict[tuple[str, ...], dict[str, str]] = {}
    for entry in finish.attributions(plan):
        own = entry.source == PROCEDURAL
        shown = replace(entry, kind="mesh", name="procedural families", key="") if own else entry
        found.setdefault((shown.kind, shown.name, shown.key), asdict(shown))
    return list(found.values())


def _names(pipeline: Pipeline) -> dict[str, set[str]]:
    """Entries of scene.objects by what to call them, with all their names."""
    return {str(entry.class_name or entry.family or entry.mesh): entry_names(entry) for entry in pipeline.scene.objects}


def _sum(counts: Any) -> dict[str, int]:
    total: Counter[str] = Counter()
    for count in counts:
        total.update(count)
    return dict(sorted(total.items()))


def _summary(out: Path, card: dict[str, Any], start: float, *, made: int, already_complete: bool) -> PairsSummary:
    size = (out / CARD).stat().st_size + sum((out / name).stat().st_size for name in card["sha256"])
    return PairsSummary(out, already_complete, card, size, time.monotonic() - start, made)
