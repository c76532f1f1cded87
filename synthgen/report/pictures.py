"""Images of a dataset with their labels, read back from disk, and as small pictures to put into a page."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from synthgen.assets.pixels import decode_pixels
from synthgen.contract import layout
from synthgen.report.drawing import CALM_PARTS, draw_labels, resized
from synthgen.report.pixels import Pick, read_rgb
from synthgen.report.reading import rows_of
from synthgen.types.annotations import Annotation, Rle
from synthgen.types.arrays import F32, F64, U8
from synthgen.types.geometry import Camera, Intrinsics
from synthgen.types.grasps import Grasp
from synthgen.types.records import Sample

PICTURE_WIDTH_PX = 560
PICTURE_TEXT_PX = 15
PICTURE_QUALITY = 82


@dataclass(frozen=True)
class Picture:
    """One image to show: data URIs of the plain and of the labelled image, and what to write below."""

    file_name: str
    image_id: int
    split: str
    instances: int
    width: int
    height: int
    plain: str
    labelled: str


def pictures(folder: Path, picks: Sequence[Pick], names: dict[int, str]) -> list[Picture]:
    """The picks as small pictures, in their order; unreadable images are left out."""
    found = []
    samples = {sample.image_id: sample for sample in load_samples(folder, picks)}
    for pick in picks:
        sample = samples.get(pick.image_id)
        if sample is None or sample.image is None:
            continue
        scale = PICTURE_WIDTH_PX / sample.image.shape[1]
        plain = resized(sample.image, scale)
        labelled = draw_labels(sample, names, scale=scale, parts=CALM_PARTS, text_px=PICTURE_TEXT_PX)
        found.append(
            Picture(
                file_name=pick.file_name,
                image_id=pick.image_id,
                split=sample.split,
                instances=len(sample.annotations),
                width=plain.shape[1],
                height=plain.shape[0],
                plain=_data_uri(plain),
                labelled=_data_uri(labelled),
            )
        )
    return found


def load_samples(folder: Path, picks: Sequence[Pick], *, depth: bool = False) -> list[Sample]:
    """Reads images and labels back from a dataset, by image id; those whose file cannot be read are left out.

    Args:
        folder: the dataset.
        picks: which images; shard and file name say where they are.
        depth: also read the depth maps (None where there is no file).

    Raises:
        DatasetError: a manifest part is damaged.
    """
    found: list[Sample] = []
    for shard in sorted({pick.shard for pick in picks}):
        ids = [pick.image_id for pick in picks if pick.shard == shard]
        images = rows_of(folder, "images", shard, ids)
        instances = rows_of(folder, "instances", shard, ids)
        for row in images:
            mine = [other for other in instances if other["image_id"] == row["image_id"]]
            image = read_rgb(folder / layout.pixel_path("images", row["file_name"]))
            if image is not None:
                found.append(_sample(row, mine, image, _depth(folder, row) if depth else None))
    return sorted(found, key=lambda sample: sample.image_id)


def _sample(row: dict[str, Any], instances: list[dict[str, Any]], image: U8, depth_m: F32 | None) -> Sample:
    size = image.shape[:2]
    return Sample(
        image_id=row["image_id"],
        scene=row["scene"],
        view=row["view"],
        split=row["split"],
        camera=_camera(row),
        image=image,
        depth_m=depth_m,
        instances=None,
        annotations=tuple(_annotation(other, size) for other in instances),
        scene_seed=row["scene_seed"],
        draw_seed=row["draw_seed"],
        scene_attempt=row["scene_attempt"],
        camera_attempt=row["camera_attempt"],
        draw_attempt=row["draw_attempt"],
        generator=row["generator"],
    )


def _camera(row: dict[str, Any]) -> Camera:
    camera = row["camera"]
    K = camera["K"]
    intrinsics = Intrinsics(row["width"], row["height"], K[0], K[4], K[2], K[5], tuple(camera["distortion"]))
    return Camera(intrinsics, np.array(camera["world_from_camera"]).reshape(4, 4))


def _annotation(row: dict[str, Any], size: tuple[int, ...]) -> Annotation:
    return Annotation(
        instance_index=row["instance_index"],
        category_id=row["category_id"],
        model_id=row["model_id"],
        bbox=_four(row["bbox"]),
        area=row["area"],
        segmentation=Rle(size[0], size[1], row["segmentation"]),
        amodal_bbox=_four(row["amodal_bbox"]),
        amodal_segmentation=Rle(size[0], size[1], row["amodal_segmentation"]),
        visibility=row["visibility"],
        truncation=row["truncation"],
        camera_from_object=_pose(row),
        corners_px=tuple(row["corners_px"]),
        extent_m=(row["extent_m"][0], row["extent_m"][1], row["extent_m"][2]),
        keypoints=tuple(row["keypoints"]),
        grasps=None if row["grasps"] is None else tuple(_grasp(grasp) for grasp in row["grasps"]),
        agreement=row.get("agreement"),
        ceiling=row.get("ceiling"),
    )


def _grasp(row: dict[str, Any]) -> Grasp:
    rect = row["rect_px"]
    return Grasp(
        object_from_gripper=_pose({"rotation": row["object_rotation"], "translation_m": row["object_translation_m"]}),
        camera_from_gripper=_pose(row),
        width_m=row["width_m"],
        min_friction=row["min_friction"],
        score=row["score"],
        collision_free=row["collision_free"],
        rect_px=(rect[0], rect[1], rect[2], rect[3], rect[4]) if rect else None,
    )


def _four(values: list[float]) -> tuple[float, float, float, float]:
    return values[0], values[1], values[2], values[3]


def _pose(row: dict[str, Any]) -> F64:
    pose = np.eye(4)
    pose[:3, :3] = np.array(row["rotation"]).reshape(3, 3)
    pose[:3, 3] = row["translation_m"]
    return pose


def _depth(folder: Path, row: dict[str, Any]) -> F32 | None:
    path = folder / layout.pixel_path("depth", row["file_name"])
    if not path.is_file():
        return None
    data = decode_pixels(path.read_bytes(), cv2.IMREAD_UNCHANGED)
    return None if data is None else (data.astype(np.float32) / 1000).astype(np.float32)


def _data_uri(image: U8) -> str:
    quality = [cv2.IMWRITE_JPEG_QUALITY, PICTURE_QUALITY]
    ok, encoded = cv2.imencode(".jpg", np.ascontiguousarray(image[:, :, ::-1]), quality)
    assert ok
    return "data:image/jpeg;base64," + base64.b64encode(encoded.tobytes()).decode("ascii")
