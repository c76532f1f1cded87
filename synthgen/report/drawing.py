"""Drawing labels onto images: masks, amodal outlines, boxes, pose axes, keypoints, depth. RGB uint8 throughout."""

from __future__ import annotations

import colorsys
from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Literal

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from synthgen import rle
from synthgen.projection import project
from synthgen.report.grasp_drawing import draw_grasps
from synthgen.types.annotations import Annotation, Rle
from synthgen.types.arrays import F32, F64, U8
from synthgen.types.geometry import Camera
from synthgen.types.records import Sample

Part = Literal["mask", "amodal", "box", "box_3d", "keypoints", "axes", "grasps", "name"]
ALL_PARTS: tuple[Part, ...] = ("mask", "amodal", "box", "box_3d", "keypoints", "axes", "grasps", "name")
CALM_PARTS: tuple[Part, ...] = ("mask", "amodal", "box", "name")

AXIS_COLORS = ((230, 60, 60), (70, 200, 80), (70, 110, 250))
BOX_EDGES = tuple((i, i | bit) for i in range(8) for bit in (1, 2, 4) if not i & bit)
# Saturation and value change as well: golden-ratio hues come back close after 8, 13 and 21 classes, five tones do not.
TONES = ((0.72, 1.0), (0.55, 0.88), (0.95, 0.80), (0.40, 1.0), (0.85, 0.60))
TEXT_PX = 11
NEAR_PLANE_M = 0.02
AXIS_SHARE = 0.35
FARTHEST_PX = 5000.0
FULLY_VISIBLE = 0.995
# How much worse it is for a name to cover another name than to cover an object.
NAME_OVER_NAME = 4

Rectangle = tuple[int, int, int, int]


def class_color(category_id: int) -> tuple[int, int, int]:
    """A stable, well separated colour per category (golden-ratio hues)."""
    saturation, value = TONES[category_id % len(TONES)]
    red, green, blue = colorsys.hsv_to_rgb((category_id * 0.6180339887) % 1.0, saturation, value)
    return int(red * 255), int(green * 255), int(blue * 255)


def draw_labels(
    sample: Sample,
    names: dict[int, str],
    *,
    scale: float = 1,
    parts: Collection[Part] = ALL_PARTS,
    text_px: int = TEXT_PX,
) -> U8:
    """The image with its labels drawn on top.

    Args:
        sample: an image (not an empty slot) with its camera and annotations.
        names: category id -> class name.
        scale: of the result; lines and text keep their size in pixels.
        parts: what to draw: "mask" (tinted), "amodal" (thin outline of mask and hidden part), "box", "box_3d",
            "keypoints" (filled = seen, ring = hidden), "axes" (x red, y green, z blue), "grasps" (the best
            collision-free ones), "name" (and visible share where it is not all).
        text_px: height of the names.

    Returns:
        (round(H * scale), round(W * scale), 3) uint8 RGB.
    """
    assert sample.image is not None and sample.camera is not None
    canvas = resized(sample.image, scale)
    for annotation in sample.annotations:
        if "mask" in parts:
            _tint(canvas, annotation)
        if "amodal" in parts:
            _outline(canvas, annotation.amodal_segmentation, class_color(annotation.category_id))
    for annotation in sample.annotations:
        color = class_color(annotation.category_id)
        if "box" in parts:
            x, y, right, bottom = _scaled_box(annotation, scale)
            cv2.rectangle(canvas, (x, y), (right - 1, bottom - 1), color, 1)
        if "box_3d" in parts:
            _draw_box_3d(canvas, annotation, scale)
        if "keypoints" in parts:
            _draw_keypoints(canvas, annotation, scale)
        if "axes" in parts:
            _draw_axes(canvas, annotation, sample.camera, scale)
        if "grasps" in parts:
            draw_grasps(canvas, annotation, sample.camera, scale)
    return _draw_names(canvas, sample.annotations, names, scale, text_px) if "name" in parts else canvas


def resized(image: U8, scale: float) -> U8:
    """(H, W, ...) enlarged (bicubic) or reduced (area average); a copy even at scale 1."""
    height, width = image.shape[:2]
    if scale == 1:
        return image.copy()
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    interpolation = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
    return np.ascontiguousarray(cv2.resize(image, size, interpolation=interpolation), np.uint8)


def _mask(canvas: U8, segmentation: Rle) -> U8:
    """The mask at the canvas's size, 0 or 1, with smooth edges."""
    mask = rle.decode(segmentation).astype(np.uint8) * 255
    size = (canvas.shape[1], canvas.shape[0])
    return (cv2.resize(mask, size, interpolation=cv2.INTER_LINEAR) > 127).astype(np.uint8)


def _tint(canvas: U8, annotation: Annotation) -> None:
    mask = _mask(canvas, annotation.segmentation)
    x, y, width, height = cv2.boundingRect(mask)
    part, inside = canvas[y : y + height, x : x + width], mask[y : y + height, x : x + width].astype(bool)
    color = np.array(class_color(annotation.category_id), np.float32)
    part[inside] = (0.68 * part[inside] + 0.32 * color).astype(np.uint8)


def _outline(canvas: U8, segmentation: Rle, color: tuple[int, int, int]) -> None:
    outlines, _ = cv2.findContours(_mask(canvas, segmentation), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(canvas, outlines, -1, color, 1, cv2.LINE_AA)


def _scaled_box(annotation: Annotation, scale: float) -> Rectangle:
    """Left, top, right, bottom on the canvas; right and bottom are the first pixels outside."""
    x, y, width, height = annotation.bbox
    left, top = int(x * scale), int(y * scale)
    return left, top, max(round((x + width) * scale), left + 1), max(round((y + height) * scale), top + 1)


def _draw_box_3d(canvas: U8, annotation: Annotation, scale: float) -> None:
    corners = np.array(annotation.corners_px).reshape(8, 2)
    missing = (corners == 0).all(axis=1)
    for a, b in BOX_EDGES:
        if not (missing[a] or missing[b]):
            color = class_color(annotation.category_id)
            cv2.line(canvas, _pixel(corners[a] * scale), _pixel(corners[b] * scale), color, 1, cv2.LINE_AA)


def _draw_keypoints(canvas: U8, annotation: Annotation, scale: float) -> None:
    for x, y, flag in np.array(annotation.keypoints).reshape(9, 3):
        if flag:
            centre = _pixel(np.array([x, y]) * scale)
            cv2.circle(canvas, centre, 3, (20, 20, 20), -1 if flag == 2 else 1, cv2.LINE_AA)
            cv2.circle(canvas, centre, 2, (255, 255, 255), -1 if flag == 2 else 1, cv2.LINE_AA)


def _draw_axes(canvas: U8, annotation: Annotation, camera: Camera, scale: float) -> None:
    """The object's axes from its origin, about a third of its size long."""
    points = np.vstack([np.zeros(3), np.eye(3) * AXIS_SHARE * max(annotation.extent_m)])
    pose = annotation.camera_from_object
    seen = points @ pose[:3, :3].T + pose[:3, 3]
    if seen[:, 2].min() <= NEAR_PLANE_M:
        return
    origin, *tips = project(seen, camera.intrinsics) * scale
    for tip, color in zip(tips, AXIS_COLORS, strict=True):
        cv2.line(canvas, _pixel(origin), _pixel(tip), color, 2, cv2.LINE_AA)


def _pixel(point: F64) -> tuple[int, int]:
    x, y = np.clip(point, -FARTHEST_PX, FARTHEST_PX)
    return int(x), int(y)


@lru_cache(maxsize=4)
def _font(size_px: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size_px)


def _draw_names(canvas: U8, annotations: Sequence[Annotation], names: dict[int, str], scale: float, text_px: int) -> U8:
    """Small plates with class and visible share, each where it covers little of the objects and of other plates."""
    picture = Image.fromarray(canvas)
    draw = ImageDraw.Draw(picture)
    taken: list[Rectangle] = []
    boxes = [_scaled_box(annotation, scale) for annotation in annotations]
    for annotation in sorted(annotations, key=lambda a: -a.area):
        share = f" {annotation.visibility:.0%}" if annotation.visibility < FULLY_VISIBLE else ""
        text = f"{names[annotation.category_id]}{share}"
        width, height = int(draw.textlength(text, font=_font(text_px))) + 6, text_px + 4
        plate = _place(_scaled_box(annotation, scale), (width, height), canvas.shape, taken, boxes)
        taken.append(plate)
        color = class_color(annotation.category_id)
        draw.rectangle((plate[0], plate[1], plate[2] - 1, plate[3] - 1), fill=color)
        ink = (0, 0, 0) if 0.299 * color[0] + 0.587 * color[1] + 0.114 * color[2] > 110 else (255, 255, 255)
        draw.text((plate[0] + 3, plate[1] + 1), text, fill=ink, font=_font(text_px))
    return np.array(picture, np.uint8)


def _place(
    box: Rectangle,
    size: tuple[int, int],
    shape: tuple[int, ...],
    taken: Sequence[Rectangle],
    boxes: Sequence[Rectangle],
) -> Rectangle:
    """Where a name goes: above its box, below, beside or inside it, in the picture, over as little as possible.

    ``taken`` are the names that are there, ``boxes`` all objects.
    """
    (left, top, right, bottom), (width, height) = box, size
    tries = [
        (left, top - height),
        (left, bottom),
        (right - width, top - height),
        (right - width, bottom),
        (right, top),
        (left - width, top),
        (left, top),
        (left, bottom - height),
    ]
    places = []
    for x, y in tries:
        x = min(max(x, 0), max(shape[1] - width, 0))
        y = min(max(y, 0), max(shape[0] - height, 0))
        places.append((x, y, x + width, y + height))

    def covered(place: Rectangle) -> int:
        names = sum(_overlap(place, other) for other in taken)
        return NAME_OVER_NAME * names + sum(_overlap(place, other) for other in boxes)

    return min(places, key=covered)  # the first of equals


def _overlap(a: Rectangle, b: Rectangle) -> int:
    return max(0, min(a[2], b[2]) - max(a[0], b[0])) * max(0, min(a[3], b[3]) - max(a[1], b[1]))


def draw_depth(depth_m: F32, *, scale: float = 1) -> U8:
    """Depth as colours, near = yellow, far = dark; black where nothing was hit."""
    hit = depth_m > 0
    low, high = np.percentile(depth_m[hit], [1, 95]) if hit.any() else (0.0, 1.0)
    nearness = np.clip((high - depth_m) / max(high - low, 1e-6), 0, 1)
    colored = cv2.applyColorMap((nearness * 255).astype(np.uint8), cv2.COLORMAP_VIRIDIS)[:, :, ::-1].copy()
    colored[~hit] = 0
    return resized(colored.astype(np.uint8), scale)


def contact_sheet(tiles: Sequence[U8], *, columns: int, gap: int = 4) -> U8:
    """Tiles of one size in rows on a dark ground."""
    height, width = tiles[0].shape[:2]
    columns = min(columns, len(tiles))
    rows = -(-len(tiles) // columns)
    sheet = np.full((rows * (height + gap) + gap, columns * (width + gap) + gap, 3), 24, np.uint8)
    for index, tile in enumerate(tiles):
        y, x = gap + (index // columns) * (height + gap), gap + (index % columns) * (width + gap)
        sheet[y : y + height, x : x + width] = tile
    return sheet
