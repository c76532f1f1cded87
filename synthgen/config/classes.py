"""Class names of the object entries, and categories taken over from an existing COCO file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from synthgen.config.choices import MESH_SUFFIXES
from synthgen.config.faults import Fault, dotted, nearest, shown
from synthgen.config.files import matched_files
from synthgen.config.models import LabelsConfig, ObjectEntry
from synthgen.errors import AssetError
from synthgen.types.catalog import Category

STEM = "{stem}"


def class_of(entry: ObjectEntry, mesh: Path | None = None) -> str:
    """Class name of one object of an entry: ``class`` with {stem} replaced; default: the family, or the file's stem.

    Args:
        entry: from ``scene.objects``.
        mesh: the mesh file, for entries with ``mesh``.
    """
    name = entry.class_name or (entry.family if mesh is None else STEM) or ""
    return name if mesh is None else name.replace(STEM, mesh.stem)


def classes_of(entry: ObjectEntry) -> list[str]:
    """Class names that an entry (with an absolute ``mesh``) brings, in the order of its files."""
    if entry.mesh is None:
        return [class_of(entry)]
    files = matched_files(entry.mesh, MESH_SUFFIXES)
    return list(dict.fromkeys(class_of(entry, mesh) for mesh in files))


def read_coco_categories(path: Path) -> tuple[Category, ...]:
    """The categories of a COCO file, by id. Raises AssetError when it has none that can be used."""
    try:
        content = json.loads(path.read_bytes())
        rows = content["categories"]
        found = [Category(int(row["id"]), str(row["name"]), str(row.get("supercategory") or "object")) for row in rows]
    except OSError as error:
        raise AssetError(f"{path} cannot be read ({error.strerror}); check the path in labels.classes") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise AssetError(
            f"{path} is not a COCO file: it needs a list 'categories' of {{id, name}}; "
            "or list the class names: labels: {classes: [mug, bottle]}"
        ) from error
    ids, names = [row.id for row in found], [row.name for row in found]
    if not found or min(ids) < 1 or len(set(ids)) < len(ids) or len(set(names)) < len(names):
        raise AssetError(
            f"{path} has {len(found)} categories with ids {shown(sorted(ids))}; "
            "allowed: at least one, ids from 1, every id and name once; or list the class names in labels.classes"
        )
    return tuple(sorted(found, key=lambda row: row.id))


def class_faults(entries: Mapping[int, ObjectEntry], labels: LabelsConfig | None) -> Iterator[Fault]:
    """Placeholders that do not exist, one class with two supercategories, classes missing from ``labels.classes``.

    Args:
        entries: the valid entries of ``scene.objects`` by index, meshes absolute.
        labels: None where the block itself is at fault.
    """
    seen: dict[str, tuple[int, str]] = {}
    for index, entry in entries.items():
        yield from _placeholder_faults(index, entry)
        for name in classes_of(entry):
            first, supercategory = seen.setdefault(name, (index, entry.supercategory))
            if supercategory != entry.supercategory:
                yield Fault(
                    ("scene", "objects", index, "supercategory"),
                    f"class {name!r} has supercategory {supercategory!r} in scene.objects[{first}] and "
                    f"{entry.supercategory!r} in scene.objects[{index}]; give both the same, or different classes",
                )
                break
    if labels is not None and labels.classes is not None:
        yield from _declared_faults(labels.classes, {name: index for name, (index, _) in seen.items()})


def _placeholder_faults(index: int, entry: ObjectEntry) -> Iterator[Fault]:
    name = entry.class_name
    path = ("scene", "objects", index, "class")
    if name is None:
        return
    if not name.strip():
        yield Fault(path, "is empty; give a name, e.g. class: mug, or remove the key")
    elif "{" in name.replace(STEM, "") or "}" in name.replace(STEM, ""):
        yield Fault(path, f"{name!r} has an unknown placeholder; allowed: {STEM}, the mesh file's name without ending")
    elif STEM in name and entry.mesh is None:
        yield Fault(path, f"{name!r} uses {STEM}, but a family has no file; allowed: a plain name, e.g. {entry.family}")


def _declared_faults(classes: Sequence[str] | str, used: Mapping[str, int]) -> Iterator[Fault]:
    path = ("labels", "classes")
    declared: list[Any] = list(classes)
    if isinstance(classes, str):
        if not Path(classes).is_file():
            return
        try:
            declared = [row.name for row in read_coco_categories(Path(classes))]
        except AssetError as error:
            yield Fault(path, str(error))
            return
    twice = next((name for name in declared if declared.count(name) > 1), None)
    if twice is not None:
        yield Fault(path, f"{twice!r} is listed twice; keep one of them")
    if not declared:
        yield Fault(path, "is an empty list; list the class names, or remove the key")
    for name, index in used.items():
        if declared and name not in declared:
            close = nearest(name, declared)
            hint = f" (nearest: {close})" if close else ""
            yield Fault(
                path,
                f"class {name!r} of {dotted(('scene', 'objects', index))} is not in labels.classes{hint}; "
                "add it, or give the object one of the listed classes with class:",
            )
