"""Faults that types cannot express: names that must exist, keys that contradict each other, numbers out of scale.

Every check takes what is already valid and leaves the rest to the other checks, so that one run finds all faults.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from synthgen.config.calibration import lens_fault, load_calibration
from synthgen.config.camera_presets import CAMERA_PRESETS
from synthgen.config.choices import OBJECT_FINISHES, SENSE_PRESETS, SURFACE_FINISHES
from synthgen.config.classes import class_faults
from synthgen.config.family_ranges import FAMILIES
from synthgen.config.faults import Fault, YamlPath, nearest, shown, unknown_name
from synthgen.config.files import GRIPPER, file_faults, is_path
from synthgen.config.grasps import GRIPPERS, GripperConfig
from synthgen.config.models import (
    INTRINSICS,
    TWO_SOURCES,
    CameraConfig,
    ImageConfig,
    LabelsConfig,
    MaterialConfig,
    ObjectEntry,
    PosesPlacement,
    SupportConfig,
)
from synthgen.config.translate import as_yaml, validate_section
from synthgen.errors import AssetError
from synthgen.types.geometry import Intrinsics

# A rotation matrix typed with four digits is orthonormal to about this.
ROTATION_TOLERANCE = 2e-3


def semantic_faults(tree: dict[str, Any]) -> Iterator[Fault]:
    """Every fault of an absolute tree (see ``files.make_absolute``) that its types do not show."""
    for check in CHECKS:
        yield from check(tree)


def _block(tree: Any, *keys: str) -> dict[str, Any]:
    for key in keys:
        tree = tree.get(key) if isinstance(tree, dict) else None
    return tree if isinstance(tree, dict) else {}


def _entries(tree: dict[str, Any], key: str) -> dict[int, dict[str, Any]]:
    listed = _block(tree, "scene").get(key)
    return {i: item for i, item in enumerate(listed) if isinstance(item, dict)} if isinstance(listed, list) else {}


def _valid_entries(tree: dict[str, Any], key: str) -> dict[int, ObjectEntry]:
    found = {index: validate_section(ObjectEntry, item) for index, item in _entries(tree, key).items()}
    return {index: entry for index, entry in found.items() if entry is not None}


def check_families(tree: dict[str, Any]) -> Iterator[Fault]:
    """Families and their size parameters exist, sizes lie in their ranges."""
    for key in ("objects", "distractor_objects"):
        for index, item in _entries(tree, key).items():
            family = item.get("family")
            path: YamlPath = ("scene", key, index)
            if isinstance(family, str) and family not in FAMILIES:
                yield Fault((*path, "family"), unknown_name(family, FAMILIES))
        for index, entry in _valid_entries(tree, key).items():
            if entry.family in FAMILIES:
                yield from _size_faults(entry, ("scene", key, index, "size"))


def _size_faults(entry: ObjectEntry, path: YamlPath) -> Iterator[Fault]:
    parameters = FAMILIES[entry.family or ""].parameters
    for name, given in entry.size.items():
        if name not in parameters:
            listed = ", ".join(f"{known} ({_range(parameter)})" for known, parameter in parameters.items())
            close = nearest(name, parameters)
            hint = f"nearest known: {close}. Allowed" if close else "allowed"
            yield Fault((*path, name), f"family {entry.family!r} has no such size; {hint}: {listed}")
            continue
        parameter = parameters[name]
        if given.low < parameter.low or given.high > parameter.high:
            reach = f"{given.low:g}" if given.low == given.high else f"reaches from {given.low:g} to {given.high:g},"
            verb = "is outside" if given.low == given.high else "outside"
            yield Fault(
                (*path, name),
                f"{reach} {verb} {_range(parameter)} of family {entry.family!r}; "
                f"try {name}: {as_yaml(parameter.default)}",
            )


def _range(parameter: Any) -> str:
    unit = {"count": "", "ratio": "", "seed": ""}.get(parameter.unit, f" {parameter.unit}")
    return f"{parameter.low:g} to {parameter.high:g}{unit}"


def check_objects(tree: dict[str, Any]) -> Iterator[Fault]:
    """Finishes exist, keys of meshes and families are not mixed, distractors make sense."""
    for key in ("objects", "distractor_objects", "fixtures"):
        for index, item in _entries(tree, key).items():
            path: YamlPath = ("scene", key, index)
            material = validate_section(MaterialConfig, item.get("material"))
            if material is not None and material.finish is not None and material.finish not in OBJECT_FINISHES:
                yield Fault((*path, "material", "finish"), unknown_name(material.finish, OBJECT_FINISHES))
            if key != "fixtures" and item.get("family") is not None and item.get("mesh") is not None:
                yield Fault(path, TWO_SOURCES)
    for index, item in _entries(tree, "distractor_objects").items():
        if item.get("class") is not None:
            sentence = "a distractor is never labelled, so it has no class; remove the key, or move it to scene.objects"
            yield Fault(("scene", "distractor_objects", index, "class"), sentence)
    if _entries(tree, "distractor_objects") and _block(tree, "scene").get("distractors", 0) == 0:
        count = len(_entries(tree, "distractor_objects"))
        sentence = f"lists {count}, but scene.distractors is 0, so that none would be placed; try distractors: 2"
        yield Fault(("scene", "distractor_objects"), sentence)
    if _block(tree, "scene").get("objects_per_scene") == 0 and _block(tree, "scene").get("negatives", 0) != 1:
        sentence = "0 leaves every scene without a labelled object; try objects_per_scene: {uniform_int: [5, 12]}"
        yield Fault(("scene", "objects_per_scene"), sentence)


def check_classes(tree: dict[str, Any]) -> Iterator[Fault]:
    """Class names, supercategories, ``labels.classes``."""
    yield from class_faults(_valid_entries(tree, "objects"), validate_section(LabelsConfig, _block(tree, "labels")))


def check_support(tree: dict[str, Any]) -> Iterator[Fault]:
    """Surface finishes exist; a table has no walls."""
    support = _block(tree, "scene", "support")
    path: YamlPath = ("scene", "support")
    finishes = support.get("finishes")
    for index, name in enumerate(finishes if isinstance(finishes, list) else []):
        if isinstance(name, str) and name not in SURFACE_FINISHES:
            yield Fault((*path, "finishes", index), unknown_name(name, SURFACE_FINISHES))
    if finishes == []:
        listed = ", ".join(SURFACE_FINISHES)
        yield Fault((*path, "finishes"), f"is an empty list; remove the key, or list some of: {listed}")
    valid = validate_section(SupportConfig, support)
    if valid is not None and valid.kind == "table" and valid.height_m != SupportConfig().height_m:
        sentence = "is the wall height of a tote, and a table has no walls; remove it, or use kind: tote"
        yield Fault((*path, "height_m"), sentence)


def check_sense(tree: dict[str, Any]) -> Iterator[Fault]:
    """The camera preset exists."""
    preset = _block(tree, "sense").get("preset")
    if isinstance(preset, str) and preset not in SENSE_PRESETS:
        yield Fault(("sense", "preset"), unknown_name(preset, SENSE_PRESETS))


def check_grasps(tree: dict[str, Any]) -> Iterator[Fault]:
    """The gripper exists, and its pads are no longer than its fingers."""
    gripper = _block(tree, "labels", "grasps").get("gripper")
    if isinstance(gripper, str) and gripper not in GRIPPERS and not is_path(GRIPPER, gripper):
        sentence = f"{unknown_name(gripper, GRIPPERS)}; or give a YAML file with the sizes of your own"
        yield Fault(GRIPPER, sentence)
    sizes = validate_section(GripperConfig, gripper)
    if sizes is not None and (sizes.pad_length_m or 0.0) > sizes.finger_depth_m:
        yield Fault(
            (*GRIPPER, "pad_length_m"),
            f"{sizes.pad_length_m:g} m is more than finger_depth_m, {sizes.finger_depth_m:g} m; allowed: up to the "
            "length of the finger; leave it out when the pad covers the whole finger",
        )


def check_camera(tree: dict[str, Any]) -> Iterator[Fault]:
    """Intrinsics that contradict each other or the image size, lenses that fold over, poses that are not rigid."""
    block = _block(tree, "camera")
    preset = block.get("preset")
    if isinstance(preset, str) and preset not in CAMERA_PRESETS:
        yield Fault(("camera", "preset"), unknown_name(preset, CAMERA_PRESETS))
    given = [name for name in INTRINSICS if block.get(name) is not None]
    camera = validate_section(CameraConfig, block)
    if camera is None and len(given) > 1:
        sentence = (
            f"{' and '.join(given)} contradict each other; give one of fov_deg, K, calibration and preset "
            f"(--set camera.{given[0]}=null takes one away)"
        )
        yield Fault(("camera",), sentence)
    image = validate_section(ImageConfig, _block(tree, "image"))
    placement = validate_section(PosesPlacement, block.get("placement"))
    if placement is not None:
        yield from _pose_faults(placement)
    if camera is None or image is None:
        return
    if camera.K is not None:
        yield from _matrix_faults(camera.K, tuple(camera.distortion), image)
    if camera.calibration is not None and Path(camera.calibration).is_file():
        try:
            load_calibration(Path(camera.calibration), width=image.width, height=image.height)
        except AssetError as error:
            yield Fault(("camera", "calibration"), str(error))


def _matrix_faults(
    matrix: tuple[float, float, float, float], distortion: tuple[float, ...], image: ImageConfig
) -> Iterator[Fault]:
    fx, fy, cx, cy = matrix
    path: YamlPath = ("camera", "K")
    size = f"{image.width}x{image.height}"
    middle = f"[{image.width:g}, {image.width:g}, {image.width / 2:g}, {image.height / 2:g}]"
    low, high = 0.13, 11.5  # focal length / width of 150 and 5 deg
    if not (low * image.width <= fx <= high * image.width and 0.5 <= fy / fx <= 2):
        yield Fault(
            path,
            f"focal lengths {fx:g} and {fy:g} px do not fit images of {size}; allowed: fx from {low * image.width:g} "
            f"to {high * image.width:g} px (150 to 5 deg) and fy within a factor 2 of it; try K: {middle}",
        )
    elif not (-0.5 * image.width <= cx <= 1.5 * image.width and -0.5 * image.height <= cy <= 1.5 * image.height):
        yield Fault(
            path,
            f"principal point ({cx:g}, {cy:g}) is far outside the image of {size}; allowed: x from "
            f"{-0.5 * image.width:g} to {1.5 * image.width:g} px, y from {-0.5 * image.height:g} to "
            f"{1.5 * image.height:g} px; K is [fx, fy, cx, cy], try {middle}",
        )
    elif any(distortion):
        padded = (*distortion, 0.0)[:5] if len(distortion) < 5 else distortion
        fault = lens_fault(Intrinsics(image.width, image.height, fx, fy, cx, cy, padded))
        if fault:
            yield Fault(("camera", "distortion"), fault)


def _pose_faults(placement: PosesPlacement) -> Iterator[Fault]:
    for index, pose in enumerate(placement.world_from_camera):
        path: YamlPath = ("camera", "placement", "world_from_camera", index)
        wanted = "allowed: 4 rows of [rotation | position in metres], last row 0 0 0 1"
        if len(pose) != 16:
            yield Fault(path, f"has {len(pose)} numbers, not 16; {wanted}; write the 4x4 matrix row by row")
            continue
        matrix = np.array(pose).reshape(4, 4)
        rotation = matrix[:3, :3]
        error = float(np.abs(rotation @ rotation.T - np.eye(3)).max())
        if not np.array_equal(matrix[3], [0, 0, 0, 1]):
            yield Fault(path, f"has the last row {shown(pose[12:])}; {wanted}; is it written column by column?")
        elif not error <= ROTATION_TOLERANCE:
            yield Fault(path, f"has a rotation that is off by {error:.2g} from orthonormal; {wanted}; remove any scale")
        elif np.linalg.det(rotation) < 0:
            yield Fault(path, f"has a mirrored rotation (determinant -1); {wanted}; check the signs of its axes")


def check_labels(tree: dict[str, Any]) -> Iterator[Fault]:
    """The visibility threshold can be reached; no output is asked for twice."""
    labels = validate_section(LabelsConfig, _block(tree, "labels"))
    image = validate_section(ImageConfig, _block(tree, "image"))
    if labels is None or image is None:
        return
    if labels.min_visible_px > image.width * image.height:
        yield Fault(
            ("labels", "min_visible_px"),
            f"{labels.min_visible_px} is more than the {image.width * image.height} pixels of an image of "
            f"{image.width}x{image.height}, so that nothing would be labelled; try min_visible_px: 32",
        )
    twice = next((name for name in labels.outputs if labels.outputs.count(name) > 1), None)
    if twice is not None:
        yield Fault(("labels", "outputs"), f"{twice!r} is listed twice; keep one of them")


CHECKS: tuple[Callable[[dict[str, Any]], Iterator[Fault]], ...] = (
    check_families,
    check_objects,
    check_classes,
    check_support,
    check_sense,
    check_grasps,
    check_camera,
    check_labels,
    file_faults,
)
