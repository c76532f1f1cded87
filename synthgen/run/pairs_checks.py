"""What is wrong with a pack before anything of it is made: all faults at once."""

from __future__ import annotations

from collections.abc import Iterator

from synthgen.config.faults import unknown_name
from synthgen.config.models import Pipeline
from synthgen.run.pairs_scenes import entry_names, environment_groups, pairs_config
from synthgen.types.catalog import Catalog


def pairs_faults(pipeline: Pipeline, catalog: Catalog) -> list[str]:
    """One sentence per fault of the ``pairs`` block."""
    config = pairs_config(pipeline)
    classes = {spec.class_name for spec in catalog.specs if spec.role == "object"}
    objects = {spec.key: _names(pipeline, spec.entry, spec.class_name) for spec in catalog.with_role("object")}
    known = sorted(classes.union(*objects.values()))
    groups = environment_groups(pipeline, catalog)
    held = config.held_out
    faults = [f"pairs.held_out.objects: {unknown_name(name, known)}" for name in held.objects if name not in known]
    faults += [
        f"pairs.held_out.environments: {unknown_name(name, groups)}" for name in held.environments if name not in groups
    ]
    if faults:
        return faults
    kept = [key for key, names in objects.items() if not names & set(held.objects)]
    faults += _nothing_left("objects", held.share, bool(held.objects), bool(kept))
    faults += _nothing_left(
        "environments", held.share, bool(held.environments), bool(set(groups) - set(held.environments))
    )
    if config.varied > 0 and pipeline.camera.views_per_scene < 2:
        faults.append(
            f"pairs.varied: is {config.varied:g}, but camera.views_per_scene is 1: the one view of a scene would have "
            "no variation; give camera.views_per_scene 2 or more (5 = the scene itself and 4 variations), or "
            "pairs.varied 0"
        )
    return faults


def _nothing_left(what: str, share: float, held: bool, kept: bool) -> Iterator[str]:
    if share < 1 and held and not kept:
        yield (
            f"pairs.held_out.{what}: names all there are, which leaves none for training; take some out, or give "
            "pairs.held_out.share 1 for a pack that is for evaluation alone"
        )


def _names(pipeline: Pipeline, entry: int, class_name: str) -> set[str]:
    return entry_names(pipeline.scene.objects[entry]) | {class_name}
