"""The catalog of a run: every glob expanded, every file hashed and loaded once, so that all faults show at once."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from synthgen import seeding
from synthgen.assets.families.build import family_key
from synthgen.assets.families.distractors import distractor_parameters
from synthgen.assets.meshes import hash_mesh
from synthgen.assets.store import AssetStore, store_for
from synthgen.config.calibration import load_calibration
from synthgen.config.choices import HDR_SUFFIXES, IMAGE_SUFFIXES, MESH_SUFFIXES
from synthgen.config.classes import class_of, read_coco_categories
from synthgen.config.family_ranges import FAMILIES
from synthgen.config.files import matched_files
from synthgen.config.models import FixtureConfig, ObjectEntry, Pipeline
from synthgen.errors import AssetError, ConfigError, UserError
from synthgen.types.catalog import (
    DISTRACTOR_ENTRIES,
    AssetSpec,
    Catalog,
    Category,
    FamilySource,
    FileAsset,
    MeshSource,
    Role,
)

DISTRACTOR_FAMILIES = (
    "block", "cylinder", "cone", "blob", "l_profile", "notebook", "marker", "telephone", "tray", "notebook", "marker",
)  # fmt: skip


def build_catalog(pipeline: Pipeline) -> Catalog:
    """Expands globs and families into asset specs; every mesh is loaded once, so that all faults show at once."""
    scene, faults = pipeline.scene, _Faults()
    drafts = [
        draft
        for index, entry in enumerate(scene.objects)
        for draft in _drafts(pipeline, entry, index, f"scene.objects[{index}]", "object", faults)
    ]
    categories = _categories(pipeline, drafts)
    ids = {category.name: category for category in categories}
    objects = [_labelled(draft, ids) for draft in drafts if draft.class_name in ids]
    distractors = _distractors(pipeline, faults)
    fixtures = [draft for index, fixture in enumerate(scene.fixtures) for draft in _fixture(fixture, index, faults)]
    catalog = Catalog(
        specs=(*objects, *distractors, *fixtures),
        categories=tuple(categories),
        environments=_files(scene.environment.hdr, HDR_SUFFIXES, "scene.environment.hdr", faults),
        support_textures=_files(scene.support.texture, IMAGE_SUFFIXES, "scene.support.texture", faults),
        backdrop_textures=_files(scene.backdrop, IMAGE_SUFFIXES, "scene.backdrop", faults),
        material_textures=tuple(
            (index, _files(entry.material.texture, IMAGE_SUFFIXES, f"scene.objects[{index}].material.texture", faults))
            for index, entry in enumerate(scene.objects)
            if entry.material and entry.material.texture
        ),
        calibration=_calibration(pipeline, faults),
    )
    faults.raise_any()
    _load_all(catalog, faults)
    faults.raise_any()
    return catalog


class _Faults:
    """Collects sentences, so that the user sees every fault of the assets at once."""

    def __init__(self) -> None:
        self.sentences: list[str] = []

    def collect(self, where: str, make: Any) -> Any:
        try:
            return make()
        except ConfigError as error:
            self.sentences += [f if f.startswith(where) else f"{where}: {f}" for f in error.faults]
        except UserError as error:
            self.sentences.append(f"{where}: {error}")
        return None

    def raise_any(self) -> None:
        if self.sentences:
            raise ConfigError(tuple(dict.fromkeys(self.sentences)))


def _drafts(
    pipeline: Pipeline, entry: ObjectEntry, index: int, where: str, role: Role, faults: _Faults
) -> list[AssetSpec]:
    """Specs of one entry, without category."""
    if entry.family is not None:
        made = _family_variants(pipeline, entry, index, role)
    else:
        made = faults.collect(f"{where}.mesh", lambda: _mesh_specs(entry, index, role)) or []
    share = entry.weight / max(len(made), 1)
    return [replace(spec, weight=share) for spec in made]


def _family_variants(pipeline: Pipeline, entry: ObjectEntry, index: int, role: Role) -> list[AssetSpec]:
    """``variants`` sizes of one family; each parameter has its own stream, so that overriding one moves no other."""
    family = str(entry.family)
    ranges = FAMILIES[family]
    specs: dict[str, AssetSpec] = {}
    for variant in range(entry.variants):
        values = []
        for name, parameter in sorted(ranges.parameters.items()):
            rng = seeding.stream(pipeline.seed, f"variant:{name}", scene=index, view=variant)
            value = entry.size.get(name, parameter.default).sample(rng=rng)
            values.append((name, float(round(value)) if parameter.unit in ("count", "seed") else float(value)))
        source = FamilySource(family, tuple(values))
        key = family_key(source)
        specs.setdefault(
            key,
            AssetSpec(
                key=key,
                name=f"{family}-{variant:02d}",
                role=role,
                source=source,
                class_name=class_of(entry),
                supercategory=entry.supercategory,
                up=entry.up or ranges.up,
                density_kg_m3=entry.density_kg_m3 or ranges.density_kg_m3,
                friction=entry.friction or ranges.friction,
                entry=index,
            ),
        )
    return list(specs.values())


def _mesh_specs(entry: ObjectEntry, index: int, role: Role) -> list[AssetSpec]:
    """One spec per file of the glob, sorted; ``{stem}`` in the class name is the file's name without ending."""
    specs = []
    for path in matched_files(str(entry.mesh), MESH_SUFFIXES):
        source = MeshSource(str(path), entry.scale, entry.collision)
        specs.append(
            AssetSpec(
                key=hash_mesh(source),
                name=path.stem,
                role=role,
                source=source,
                class_name=class_of(entry, path),
                supercategory=entry.supercategory,
                up=entry.up or "any",
                density_kg_m3=entry.density_kg_m3 or 400.0,
                friction=entry.friction or 0.6,
                entry=index,
            )
        )
    return specs


def _labelled(spec: AssetSpec, categories: dict[str, Category]) -> AssetSpec:
    category = categories[spec.class_name]
    return replace(spec, category_id=category.id, supercategory=category.supercategory)


def _categories(pipeline: Pipeline, drafts: list[AssetSpec]) -> tuple[Category, ...]:
    """Categories 1..K by ``labels.classes`` (names in id order, or a COCO file), else by first appearance."""
    supercategory = {spec.class_name: spec.supercategory for spec in drafts}
    wanted = pipeline.labels.classes
    if isinstance(wanted, str):
        return read_coco_categories(Path(wanted))
    names = wanted or list(supercategory)
    return tuple(Category(i + 1, name, supercategory.get(name, "object")) for i, name in enumerate(names))


def _distractors(pipeline: Pipeline, faults: _Faults) -> list[AssetSpec]:
    """The user's distractor entries, or a few primitives of every kind."""
    scene = pipeline.scene
    if scene.distractors.high <= 0:
        return []
    if scene.distractor_objects is not None:
        return [
            replace(draft, class_name="", supercategory="")
            for i, entry in enumerate(scene.distractor_objects)
            for draft in _drafts(
                pipeline, entry, DISTRACTOR_ENTRIES + i, f"scene.distractor_objects[{i}]", "distractor", faults
            )
        ]
    specs = []
    for index, family in enumerate(DISTRACTOR_FAMILIES):
        for variant in range(6):
            rng = seeding.stream(pipeline.seed, f"distractor:{family}", scene=index, view=variant)
            source = FamilySource(family, tuple(sorted(distractor_parameters(family, rng=rng).items())))
            specs.append(AssetSpec(family_key(source), f"{family}-{variant:02d}", "distractor", source, entry=-1))
    return specs


def _fixture(fixture: FixtureConfig, index: int, faults: _Faults) -> list[AssetSpec]:
    where = f"scene.fixtures[{index}].mesh"

    def make() -> AssetSpec:
        path = Path(fixture.mesh)
        source = MeshSource(str(path), fixture.scale, fixture.collision)
        return AssetSpec(hash_mesh(source), path.stem, "fixture", source, entry=index)

    spec = faults.collect(where, make)
    return [spec] if spec else []


def _files(pattern: str | None, suffixes: tuple[str, ...], where: str, faults: _Faults) -> tuple[FileAsset, ...]:
    """File assets of a glob, by content; an unreadable file is a fault of its own."""
    found = matched_files(pattern, suffixes) if pattern is not None else ()
    return tuple(asset for path in found if (asset := faults.collect(where, partial(_file, path))))


def _file(path: Path) -> FileAsset:
    try:
        return FileAsset(f"file:{hashlib.sha256(path.read_bytes()).hexdigest()[:16]}", str(path))
    except OSError as error:
        raise AssetError(f"{str(path)!r} cannot be read ({error.strerror}). Check its permissions") from error


def _calibration(pipeline: Pipeline, faults: _Faults) -> Any:
    path = pipeline.camera.calibration
    if path is None:
        return None
    image = pipeline.image
    return faults.collect(
        "camera.calibration", lambda: load_calibration(Path(path), width=image.width, height=image.height)
    )


def _load_all(catalog: Catalog, faults: _Faults) -> None:
    """Loads every file once: a broken mesh or environment must show before any worker starts."""
    store: AssetStore = store_for(catalog)
    for spec in catalog.specs:
        if isinstance(spec.source, MeshSource):
            where = f"scene.{'fixtures' if spec.role == 'fixture' else 'objects'}[{spec.entry}].mesh"
            faults.collect(where, lambda spec=spec: store.model(spec.source))
    for asset in catalog.environments:
        faults.collect("scene.environment.hdr", lambda asset=asset: store.environment(asset.key))
    for where, files in (
        ("scene.support.texture", catalog.support_textures),
        ("scene.backdrop", catalog.backdrop_textures),
    ):
        for asset in files:
            faults.collect(where, lambda asset=asset: store.texture(asset.key))
    for entry, files in catalog.material_textures:
        for asset in files:
            faults.collect(f"scene.objects[{entry}].material.texture", lambda asset=asset: store.texture(asset.key))
