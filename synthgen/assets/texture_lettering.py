"""Words on prints: the sans serif that comes with Pillow (Aileron, CC0), made bold, condensed, slanted or rounded."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from synthgen.assets.texture_fields import Colour
from synthgen.types.arrays import F32

MASTER_PX = 72  # headlines are drawn at this size and scaled down
TRACKING = 1.4  # extra advance per pixel of thickening
NARROWEST = 0.62  # words that are too long for their box are condensed down to this, then made smaller

Box = tuple[int, int, int, int]  # x, y, width, height in pixels


@dataclass(frozen=True)
class Style:
    """How headlines are set.

    Attributes:
        stroke_px: thickening of the strokes at ``MASTER_PX``.
        narrow: width factor.
        slant: sideways shift per unit of height.
        rounded_px: radius of rounding at ``MASTER_PX``, 0 = none.
    """

    stroke_px: int = 0
    narrow: float = 1.0
    slant: float = 0.0
    rounded_px: float = 0.0


REGULAR = Style()
BOLD = Style(stroke_px=2)
HEADLINES: tuple[Style, ...] = (
    BOLD,
    Style(stroke_px=4),
    Style(stroke_px=3, narrow=0.72),
    Style(stroke_px=3, slant=0.2),
    Style(stroke_px=3, rounded_px=2.6),
    Style(stroke_px=1),
    Style(stroke_px=2, narrow=0.85, slant=0.12),
)


@lru_cache(maxsize=12)
def _font(size_px: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size_px)


@lru_cache(maxsize=64)
def coverage(words: str, style: Style = REGULAR, size_px: int = MASTER_PX) -> F32:
    """(h, w) float32 in [0, 1], cropped to the ink."""
    font, pad = _font(size_px), 6 + style.stroke_px
    # Letter by letter: thickened strokes need more room between them than the font gives.
    starts = np.cumsum([0.0] + [font.getlength(letter) + TRACKING * style.stroke_px for letter in words])
    canvas = Image.new("L", (int(starts[-1]) + 2 * pad, 2 * size_px))
    pen = ImageDraw.Draw(canvas)
    for letter, start in zip(words, starts, strict=False):
        at = (round(pad + start), round(0.3 * size_px))
        pen.text(at, letter, fill=255, font=font, stroke_width=style.stroke_px, stroke_fill=255)
    ink = np.asarray(canvas, dtype=np.float32) / np.float32(255)
    if style.rounded_px:
        ink = np.clip((cv2.GaussianBlur(ink, (0, 0), style.rounded_px) - 0.52) * 4 + 0.5, 0, 1)
    if style.slant or style.narrow != 1.0:
        reach = style.slant * ink.shape[0]
        shear = np.array([[style.narrow, -style.slant, reach], [0.0, 1.0, 0.0]])
        size = (int(np.ceil(ink.shape[1] * style.narrow + reach)), ink.shape[0])
        ink = cv2.warpAffine(ink, shear, size, flags=cv2.INTER_AREA)
    rows, columns = np.flatnonzero(ink.max(axis=1) > 0.02), np.flatnonzero(ink.max(axis=0) > 0.02)
    if not len(rows):
        return np.zeros((1, 1), dtype=np.float32)
    return np.ascontiguousarray(ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], dtype=np.float32)


def blend(image: F32, ink: F32, at: tuple[int, int], colour: Colour) -> None:
    """Lays ``colour`` over (H, W, 3) ``image`` by ``ink`` (h, w), its top-left corner at ``at`` = (x, y); clipped."""
    x, y = max(at[0], 0), max(at[1], 0)
    ink = ink[y - at[1] :, x - at[0] :]
    part = image[y : y + ink.shape[0], x : x + ink.shape[1]]
    weight = ink[: part.shape[0], : part.shape[1], None]
    part += weight * (np.asarray(colour, dtype=np.float32) - part)


def write(
    image: F32,
    words: str,
    box: Box,
    colour: Colour,
    style: Style = BOLD,
    *,
    align: float = 0.5,
    quarter_turns: int = 0,
) -> None:
    """Writes words as large as they fit into a box, in place.

    Args:
        image: (H, W, 3) float32 sRGB in [0, 1].
        words: what to write.
        box: where.
        colour: of the ink.
        style: of the letters.
        align: 0 = at the left of the box, 1 = at its right.
        quarter_turns: turns the words counter-clockwise.
    """
    ink = np.rot90(coverage(words, style), quarter_turns)
    along = 0 if quarter_turns % 2 else 1
    room = (box[3], box[2])
    scale = room[1 - along] / ink.shape[1 - along]
    length = ink.shape[along] * scale
    squeeze = min(1.0, room[along] / length)
    if squeeze < NARROWEST:
        scale, squeeze = scale * squeeze / NARROWEST, NARROWEST
    factor = [scale, scale]
    factor[along] *= squeeze
    size = (max(1, round(ink.shape[1] * factor[1])), max(1, round(ink.shape[0] * factor[0])))
    small = cv2.resize(np.ascontiguousarray(ink), size, interpolation=cv2.INTER_AREA)
    x = box[0] + round((box[2] - size[0]) * (align if along else 0.5))
    y = box[1] + round((box[3] - size[1]) * (0.5 if along else align))
    blend(image, small, (x, y), colour)


def write_lines(image: F32, lines: list[str], at: tuple[int, int], colour: Colour, size_px: int = 12) -> None:
    """Small print: lines of text from ``at`` = (x, y) downwards, in place; clipped at the image."""
    font = _font(size_px)
    pitch = round(size_px * 1.25)
    wide = max((int(np.ceil(font.getbbox(line)[2])) for line in lines), default=0) + 2
    canvas = Image.new("L", (wide, pitch * len(lines) + 4))
    pen = ImageDraw.Draw(canvas)
    for number, line in enumerate(lines):
        pen.text((0, number * pitch), line, fill=255, font=font)
    blend(image, np.asarray(canvas, dtype=np.float32) / np.float32(255), at, colour)
