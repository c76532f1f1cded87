"""The product pictures on prints: heaps of shaded lumps, discs, rods and leaves that pass for a photograph."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from synthgen.assets.texture_fields import Colour
from synthgen.types.arrays import F32


@dataclass(frozen=True)
class Goods:
    """What a package holds.

    Attributes:
        name: as printed.
        colours: of the single pieces.
        size: half length of a piece, as a share of the picture's height.
        aspect: half width / half length of a piece.
        count: pieces in the heap.
        shine: strength of their highlights.
    """

    name: str
    colours: tuple[Colour, ...]
    size: float
    aspect: float
    count: int
    shine: float


GOLD: tuple[Colour, ...] = ((0.85, 0.62, 0.30), (0.78, 0.52, 0.22), (0.90, 0.72, 0.42))
GREENS: tuple[Colour, ...] = ((0.35, 0.58, 0.20), (0.46, 0.66, 0.26), (0.28, 0.48, 0.18))
REDS: tuple[Colour, ...] = ((0.78, 0.14, 0.08), (0.84, 0.22, 0.12), (0.70, 0.10, 0.07))
BROWNS: tuple[Colour, ...] = ((0.30, 0.17, 0.10), (0.40, 0.24, 0.14), (0.22, 0.13, 0.09))
METALS: tuple[Colour, ...] = ((0.68, 0.69, 0.70), (0.58, 0.59, 0.61), (0.76, 0.76, 0.75))
GOODS: tuple[Goods, ...] = (
    Goods("Crunchy Oats", GOLD, 0.07, 0.62, 120, 0.15),
    Goods("Tomato Soup", REDS, 0.22, 0.92, 9, 0.6),
    Goods("Fine Black Tea", BROWNS, 0.06, 0.28, 160, 0.1),
    Goods("Wood Screws", METALS, 0.20, 0.13, 42, 0.9),
    Goods("Penne", ((0.93, 0.80, 0.48), (0.90, 0.74, 0.40)), 0.14, 0.30, 60, 0.25),
    Goods("Salted Crackers", ((0.86, 0.66, 0.36), (0.80, 0.58, 0.28)), 0.17, 0.9, 18, 0.1),
    Goods("Dark Cocoa", BROWNS, 0.13, 0.75, 34, 0.35),
    Goods("Ball Bearings", METALS, 0.13, 1.0, 26, 1.0),
    Goods("Garden Peas", GREENS, 0.085, 0.96, 80, 0.5),
    Goods("Sea Salt", ((0.93, 0.94, 0.95), (0.86, 0.89, 0.92)), 0.05, 0.8, 160, 0.5),
    Goods("Peach Halves", ((0.95, 0.62, 0.24), (0.93, 0.54, 0.20)), 0.20, 0.88, 11, 0.55),
    Goods("Valve Kit", ((0.80, 0.66, 0.36), (0.66, 0.67, 0.68)), 0.16, 0.45, 22, 0.9),
    Goods("Almonds", ((0.62, 0.38, 0.20), (0.70, 0.46, 0.27)), 0.11, 0.58, 60, 0.25),
    Goods("Espresso", ((0.28, 0.16, 0.09), (0.36, 0.21, 0.12)), 0.10, 0.66, 80, 0.45),
    Goods("Orange Drink", ((0.96, 0.56, 0.10), (0.94, 0.48, 0.08)), 0.23, 0.97, 8, 0.5),
    Goods("Herbal Blend", GREENS, 0.12, 0.36, 70, 0.15),
    Goods("Berry Mix", ((0.45, 0.09, 0.20), (0.24, 0.18, 0.42), (0.68, 0.12, 0.20)), 0.09, 0.95, 70, 0.6),
    Goods("Rubber Seals", ((0.13, 0.13, 0.14), (0.20, 0.20, 0.21)), 0.15, 0.98, 22, 0.35),
    Goods("Cleaning Tabs", ((0.88, 0.93, 0.96), (0.35, 0.60, 0.86)), 0.13, 0.7, 26, 0.4),
    Goods("Honey Snaps", ((0.88, 0.62, 0.24), (0.72, 0.44, 0.16)), 0.12, 0.8, 36, 0.3),
)  # fmt: skip

POURED = tuple(goods for goods in GOODS if goods.shine < 0.7)  # what comes in bottles: no hardware


def heap(rng: np.random.Generator, size: tuple[int, int], goods: Goods) -> tuple[F32, F32]:
    """A heap of the goods, lit from the upper left: (h, w, 3) float32 sRGB, and its (h, w) coverage."""
    height, width = size
    picture = np.zeros((height, width, 3), dtype=np.float32)
    cover = np.zeros((height, width), dtype=np.float32)
    reach = 0.5 * width - goods.size * height * 0.6
    for number in range(goods.count):
        # From the back to the front: an arched heap whose pieces hide the ones before.
        depth = (number + 0.5) / goods.count
        across = float(rng.uniform(-1, 1))
        arch = 0.62 * np.sqrt(1 - across * across)
        x = 0.5 * width + across * reach * (0.75 + 0.25 * depth)
        y = height * (0.86 - arch * (1 - depth) - 0.10 * float(rng.random()))
        colour = goods.colours[int(rng.integers(len(goods.colours)))]
        long = goods.size * height * float(rng.uniform(0.85, 1.15))
        _piece(picture, cover, (x, y), (long, long * goods.aspect), float(rng.uniform(0, np.pi)), colour, goods.shine)
    return picture, cover


def _piece(
    picture: F32,
    cover: F32,
    centre: tuple[float, float],
    half: tuple[float, float],
    turn: float,
    colour: Colour,
    shine: float,
) -> None:
    """One ellipsoid with Lambert shading, a highlight and a soft dark rim, in place."""
    reach = int(np.ceil(half[0])) + 2
    left, top = int(centre[0]) - reach, int(centre[1]) - reach
    rows, columns = slice(max(top, 0), max(top + 2 * reach, 0)), slice(max(left, 0), max(left + 2 * reach, 0))
    patch = picture[rows, columns]
    if not patch.size:
        return
    y, x = np.ogrid[rows.start : rows.start + patch.shape[0], columns.start : columns.start + patch.shape[1]]
    cos, sin = np.float32(np.cos(turn)), np.float32(np.sin(turn))
    dx, dy = (x - centre[0]).astype(np.float32), (y - centre[1]).astype(np.float32)
    a, b = (dx * cos + dy * sin) / half[0], (dy * cos - dx * sin) / half[1]
    inside = a * a + b * b
    up = np.sqrt(np.maximum(1 - inside, 0))
    normal_x, normal_y = a * cos - b * sin, a * sin + b * cos
    lit = np.clip(0.30 + 0.55 * (0.62 * up - 0.45 * normal_x - 0.62 * normal_y), 0.12, 1.05)
    gloss = shine * np.clip(0.55 * up - 0.5 * normal_x - 0.66 * normal_y, 0, 1) ** 14
    body = np.asarray(colour, dtype=np.float32) * (1.25 * lit)[..., None] + gloss[..., None]
    weight = np.clip((1 - inside) * half[1] * 0.6, 0, 1).astype(np.float32)
    # What lies behind darkens around the piece: contact shadow.
    shade = 1 - 0.45 * np.exp(-3 * np.maximum(inside - 1, 0)).astype(np.float32)
    patch *= np.where(inside > 1, shade, 1)[..., None]
    patch += weight[..., None] * (np.minimum(body, 1) - patch)
    covered = cover[rows, columns]
    np.maximum(covered, weight, out=covered)


def glow(size: tuple[int, int], centre: tuple[float, float], inner: Colour, outer: Colour) -> F32:
    """(h, w, 3) radial blend from ``inner`` at ``centre`` (shares of width and height) to ``outer``."""
    height, width = size
    y, x = np.ogrid[0:height, 0:width]
    away = np.hypot((x / width - centre[0]) * (width / height), y / height - centre[1]).astype(np.float32)
    share = np.clip(1 - away / 0.75, 0, 1)[..., None] ** 1.5
    far, near = np.array(outer, dtype=np.float32), np.array(inner, dtype=np.float32)
    return np.asarray(far + share * (near - far), dtype=np.float32)


def sweep(size: tuple[int, int], level: float, swing: float, phase: float) -> F32:
    """(h, w) anti-aliased coverage of everything below a wave at ``level`` (share of the height), periodic in x."""
    height, width = size
    x = np.arange(width, dtype=np.float32) * np.float32(2 * np.pi / width)
    line = height * (level + swing * np.sin(x + phase))
    return np.clip(np.arange(height, dtype=np.float32)[:, None] - line[None, :] + 0.5, 0, 1)


def star(size: int, spikes: int, depth: float, turn: float = 0.0) -> F32:
    """(size, size) coverage of a rosette: a circle whose radius waves ``spikes`` times by ``depth``; 0 = a disc."""
    fine = cv2.getGaussianKernel(3, 0.6).astype(np.float32)
    y, x = np.ogrid[0:size, 0:size]
    dx, dy = x - (size - 1) / 2, y - (size - 1) / 2
    angle = np.arctan2(dy, dx) + turn
    radius = 0.47 * size * (1 - depth * np.abs(np.sin(0.5 * spikes * angle)))
    cover = np.clip(radius - np.hypot(dx, dy) + 0.5, 0, 1).astype(np.float32)
    return np.asarray(cv2.sepFilter2D(cover, -1, fine, fine), dtype=np.float32)
