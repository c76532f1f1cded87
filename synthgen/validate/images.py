"""One image of a stored dataset: its files against their sha256, its labels against its maps."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from synthgen import rle
from synthgen.assets.pixels import decode_pixels
from synthgen.contract import layout
from synthgen.errors import DatasetError
from synthgen.types.annotations import Rle
from synthgen.types.arrays import F64, I64
from synthgen.types.geometry import Intrinsics
from synthgen.validate.geometry import Placed, outside_box_m
from synthgen.validate.report import Findings

Row = Mapping[str, Any]

# What each kind of file holds: (dtype, number of axes).
_HOLDS: dict[str, tuple[str, int]] = {
    "images": ("uint8", 3),
    "depth": ("uint16", 2),
    "depth_sensor": ("uint16", 2),
    "instances": ("uint16", 2),
}
_SHA_COLUMN: dict[str, str] = {
    "images": "image_sha256",
    "depth": "depth_sha256",
    "depth_sensor": "depth_sensor_sha256",
    "instances": "instances_sha256",
}
DEPTH_STEP_M = 0.001


@dataclass(frozen=True, eq=False)
class Known:
    """What labels may refer to: category ids, and per model key its (2, 3) bounds in metres."""

    categories: frozenset[int]
    bounds_m: Mapping[str, F64]


def listed_files(row: Row) -> dict[layout.Pixels, str]:
    """The files that belong to one row of the images table, by kind."""
    if row["file_name"] is None or layout.name_fault([row["file_name"]]):
        return {}
    return {p: layout.pixel_path(p, row["file_name"]) for p in layout.PIXELS if row[_SHA_COLUMN[p]] is not None}


def check_image(folder: Path, row: Row, instances: Sequence[Row], known: Known | None, findings: Findings) -> None:
    """Adds a problem for everything that is wrong with one image; never raises for damaged data."""
    part = f"image {row['image_id']}"
    if row["file_name"] is None:
        if instances or not row["empty_reason"]:
            findings.add("manifest", f"{part} is an empty slot, but has labels or no reason")
        return
    if fault := layout.name_fault([row["file_name"]]):
        findings.add("manifest", f"{part}: {fault}")
        return
    found = {kind: _read(folder, kind, file, row, findings) for kind, file in listed_files(row).items()}
    ids, depth = found.get("instances"), found.get("depth")
    pixels = None if ids is None else rle.histogram(ids)
    placed: list[_Seen] = []
    for instance in instances:
        try:
            placed += _check_instance(row, instance, ids, pixels, known, findings)
        except DatasetError as error:
            findings.add(row["file_name"], f"annotation {instance['annotation_id']}: {error}")
    if depth is not None and row["camera"] is not None:
        _check_depth(row, depth, placed, findings)


def _read(folder: Path, kind: layout.Pixels, file: str, row: Row, findings: Findings) -> Any:
    """The decoded file if it is what the manifest says, else None and a problem."""
    try:
        data = (folder / file).read_bytes()
    except FileNotFoundError:
        findings.add(file, "is missing")
        return None
    except OSError as error:
        findings.add(file, f"cannot be read ({error.strerror})")
        return None
    if hashlib.sha256(data).hexdigest() != row[_SHA_COLUMN[kind]]:
        findings.add(file, f"was changed or damaged: its {len(data)} bytes have another sha256 than the manifest says")
        return None
    pixels = decode_pixels(data, cv2.IMREAD_UNCHANGED)
    dtype, axes = _HOLDS[kind]
    size = (row["height"], row["width"])
    if pixels is None:
        findings.add(file, "cannot be decoded as an image")
    elif pixels.shape[:2] != size or pixels.ndim != axes or pixels.dtype != dtype:
        findings.add(
            file, f"holds {pixels.dtype} {pixels.shape}; the manifest says {dtype}, {size[1]}x{size[0]} pixels"
        )
    else:
        return pixels
    return None


@dataclass(frozen=True, eq=False)
class _Seen:
    """What the depth check needs of one usable label."""

    instance: Row
    mask: Rle
    camera_from_object: F64
    bounds_m: F64


def _check_instance(
    row: Row, instance: Row, ids: Any, pixels: I64 | None, known: Known | None, findings: Findings
) -> list[_Seen]:
    """Adds problems; returns what the depth check needs (nothing if the label is unusable)."""
    index, size = instance["instance_index"], (row["height"], row["width"])
    mask, whole = Rle(*size, instance["segmentation"]), Rle(*size, instance["amodal_segmentation"])
    area, whole_area = rle.area(mask), rle.area(whole)
    numbers = [x for name in _NUMBERS for x in instance[name]] + [instance["visibility"], instance["truncation"]]
    bounds = known.bounds_m.get(instance["model_id"]) if known else None
    on_map = ids is None or pixels is None or rle.covers_exactly(mask, ids, index, int(pixels[index]))
    rules: tuple[tuple[bool, str], ...] = (
        (
            instance["annotation_id"] == row["image_id"] * 65536 + index,
            "has an id that is not image_id * 65536 + index",
        ),
        (
            known is None or instance["category_id"] in known.categories,
            f"has category {instance['category_id']}, which is not declared",
        ),
        (
            known is None or bounds is not None,
            f"names model {instance['model_id']}, which models.parquet does not list",
        ),
        (area > 0, "has an empty mask"),
        (instance["area"] == area, f"has area {instance['area']}, its mask {area}"),
        (tuple(instance["bbox"]) == rle.bounds(mask), "has a box that is not the bounds of its mask"),
        (tuple(instance["amodal_bbox"]) == rle.bounds(whole), "has an amodal box that is not its amodal mask's bounds"),
        (rle.contains(whole, mask), "is visible outside its amodal mask"),
        (
            abs(instance["visibility"] - area / max(whole_area, 1)) < 1e-6,
            "has a visibility that is not area / amodal area",
        ),
        (0 <= instance["truncation"] <= 1, f"has truncation {instance['truncation']}, allowed: 0 to 1"),
        (all(math.isfinite(x) for x in numbers), "has a number that is not finite"),
        (on_map, "has a mask that is not its pixels in the instance map"),
    )
    for holds, sentence in rules:
        if not holds:
            findings.add(row["file_name"], f"annotation {instance['annotation_id']} {sentence}")
    if area == 0 or bounds is None:
        return []
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = np.reshape(instance["rotation"], (3, 3)), instance["translation_m"]
    return [_Seen(instance, mask, pose, bounds)]


_NUMBERS = ("rotation", "translation_m", "corners_px", "extent_m", "keypoints")


def _check_depth(row: Row, depth: Any, seen: Sequence[_Seen], findings: Findings) -> None:
    if not seen:
        return
    k = row["camera"]["K"]
    intrinsics = Intrinsics(row["width"], row["height"], k[0], k[4], k[2], k[5], tuple(row["camera"]["distortion"]))
    in_metres = depth.astype(np.float32) * np.float32(DEPTH_STEP_M)
    placed = Placed(
        rle.read_runs([one.mask for one in seen]),
        np.array([one.camera_from_object for one in seen]),
        np.array([one.bounds_m for one in seen]),
    )
    outside = outside_box_m(in_metres, intrinsics, placed, depth_error_m=DEPTH_STEP_M / 2)
    for instance, worst in zip((one.instance for one in seen), outside.tolist(), strict=True):
        if worst > 0 and math.isfinite(worst):  # depth 0 also stands for what is beyond 65.535 m
            sentence = f"annotation {instance['annotation_id']} has depth {worst * 1000:.1f} mm outside its 3D box"
            findings.add(row["file_name"], sentence)
