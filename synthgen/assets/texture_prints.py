"""Procedural prints: cartons and wrap-around labels with invented brands, barcodes and small print. sRGB in [0, 1]."""

from __future__ import annotations

import colorsys

import cv2
import numpy as np

from synthgen.assets.texture_fields import Colour
from synthgen.types.arrays import F32, U8

STARTS = ("Va", "No", "Mi", "Kro", "Te", "Lu", "Bel", "Ra", "Zo", "Fen", "Hal", "Jo", "Qui", "Sol", "Dra", "Ori")
MIDDLES = ("la", "ri", "no", "ve", "tta", "mi", "ra", "so", "lo", "ne", "da", "bo")
ENDS = ("x", "ta", "na", "lis", "ro", "den", "va", "ko", "m", "ra", "to", "fit")
GOODS = (
    "CRISP OATS", "TOMATO SOUP", "FINE TEA", "WOOD SCREWS", "LED LAMP", "SUGAR", "PASTA", "CRACKERS", "SODA", "COCOA",
    "O-RINGS", "BEARINGS", "MUSTARD", "GREEN PEAS", "SOAP", "FUSES", "SEA SALT", "PEACHES", "VALVE KIT", "GLUE",
)  # fmt: skip
CLAIMS = ("NEW", "500 g", "12 pcs", "250 ml", "ORIGINAL", "EXTRA", "M6 x 40", "1 kg", "BIO", "24 V", "2 in 1")
FONTS = (cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_TRIPLEX, cv2.FONT_HERSHEY_COMPLEX, cv2.FONT_HERSHEY_SIMPLEX)
INK: Colour = (0.07, 0.07, 0.08)
WHITE: Colour = (0.96, 0.96, 0.94)


def _code(colour: Colour) -> tuple[int, int, int]:
    return round(colour[0] * 255), round(colour[1] * 255), round(colour[2] * 255)


def _scheme(rng: np.random.Generator) -> tuple[Colour, Colour, Colour]:
    """Ground, accent and lettering colours with enough contrast to read."""
    hue = float(rng.random())
    ground = colorsys.hsv_to_rgb(hue, float(rng.uniform(0.55, 0.95)), float(rng.uniform(0.45, 0.9)))
    if rng.random() < 0.3:
        ground = (0.93, 0.92, 0.88)
    accent = colorsys.hsv_to_rgb(
        (hue + float(rng.choice([0.12, 0.5, 0.58, 0.33]))) % 1, 0.85, float(rng.uniform(0.6, 0.95))
    )
    bright = 0.3 * ground[0] + 0.59 * ground[1] + 0.11 * ground[2] > 0.62
    return ground, accent, INK if bright else WHITE


def _brand(rng: np.random.Generator) -> str:
    word = str(rng.choice(STARTS)) + (str(rng.choice(MIDDLES)) if rng.random() < 0.5 else "") + str(rng.choice(ENDS))
    return word.upper() if rng.random() < 0.5 else word


def _text(image: U8, words: str, box: tuple[int, int, int, int], colour: Colour, font: int, weight: int = 2) -> None:
    """Writes words as large as they fit into (x, y, w, h), centred."""
    (width, height), baseline = cv2.getTextSize(words, font, 1.0, weight)
    scale = min(box[2] / max(width, 1), box[3] / (height + baseline))
    thick = max(1, round(weight * scale))
    x = round(box[0] + (box[2] - width * scale) / 2)
    y = round(box[1] + (box[3] + (height - baseline) * scale) / 2)
    cv2.putText(image, words, (x, y), font, scale, _code(colour), thick, cv2.LINE_AA)


def _barcode(image: U8, rng: np.random.Generator, box: tuple[int, int, int, int]) -> None:
    """A white field with bars and digits."""
    x, y, w, h = box
    cv2.rectangle(image, (x, y), (x + w, y + h), _code(WHITE), -1)
    bars = np.repeat(rng.random(w // 3) < 0.5, 3)[: w - 12]
    strip = np.where(bars, 20, 245).astype(np.uint8)
    image[y + 6 : y + round(h * 0.76), x + 6 : x + 6 + len(strip)] = strip[None, :, None]
    digits = "".join(str(digit) for digit in rng.integers(0, 10, 12))
    _text(image, digits, (x + 6, y + round(h * 0.78), w - 12, round(h * 0.2)), INK, cv2.FONT_HERSHEY_SIMPLEX, 1)


def _small_print(image: U8, rng: np.random.Generator, box: tuple[int, int, int, int], colour: Colour) -> None:
    """Lines of little words: too small to read, as on the real thing."""
    x, y, w, h = box
    line = 13
    for top in range(y, y + h - line, line):
        words = " ".join(
            str(rng.choice(MIDDLES)) + str(rng.choice(MIDDLES)) + str(rng.choice(ENDS)) for _ in range(w // 52)
        )
        cv2.putText(image, words, (x, top + 10), cv2.FONT_HERSHEY_SIMPLEX, 0.34, _code(colour), 1, cv2.LINE_AA)


def _table(image: U8, rng: np.random.Generator, box: tuple[int, int, int, int]) -> None:
    """A framed table of values on white."""
    x, y, w, h = box
    cv2.rectangle(image, (x, y), (x + w, y + h), _code(WHITE), -1)
    cv2.rectangle(image, (x, y), (x + w, y + h), _code(INK), 2)
    for top in range(y + 18, y + h - 4, 16):
        cv2.line(image, (x, top), (x + w, top), (150, 150, 150), 1)
        name = str(rng.choice(MIDDLES)) + str(rng.choice(ENDS))
        cv2.putText(image, name, (x + 5, top - 4), cv2.FONT_HERSHEY_SIMPLEX, 0.36, _code(INK), 1, cv2.LINE_AA)
        value = f"{rng.integers(1, 99)}.{rng.integers(0, 9)}"
        cv2.putText(image, value, (x + w - 40, top - 4), cv2.FONT_HERSHEY_SIMPLEX, 0.36, _code(INK), 1, cv2.LINE_AA)


def _emblem(
    image: U8, rng: np.random.Generator, centre: tuple[int, int], radius: int, colours: tuple[Colour, Colour]
) -> None:
    """A logo: disc, ring, star, leaf pair, gear or sliced fruit."""
    one, two = _code(colours[0]), _code(colours[1])
    kind = int(rng.integers(5))
    if kind == 0:
        cv2.circle(image, centre, radius, one, -1, cv2.LINE_AA)
        cv2.circle(image, centre, round(radius * 0.78), two, max(2, radius // 14), cv2.LINE_AA)
        return
    spikes = {1: 5, 2: 12, 3: 24, 4: 3}[kind]
    inner = {1: 0.45, 2: 0.78, 3: 0.88, 4: 0.55}[kind]
    angle = np.arange(2 * spikes) * np.pi / spikes - np.pi / 2
    reach = np.where(np.arange(2 * spikes) % 2 == 0, radius, radius * inner)
    points = np.stack([centre[0] + reach * np.cos(angle), centre[1] + reach * np.sin(angle)], axis=1)
    cv2.fillPoly(image, [np.rint(points * 16).astype(np.int32)], one, cv2.LINE_AA, 4)
    cv2.circle(image, centre, round(radius * 0.4), two, -1, cv2.LINE_AA)
    for turn in range(8):
        a = turn * np.pi / 4
        end = (round(centre[0] + 0.37 * radius * np.cos(a)), round(centre[1] + 0.37 * radius * np.sin(a)))
        cv2.line(image, centre, end, one, max(1, radius // 30), cv2.LINE_AA)


def _backdrop(image: U8, rng: np.random.Generator, accent: Colour, ground: Colour) -> None:
    """The large shapes behind the lettering: a band, a sweep, stripes, dots or a sunburst."""
    height, width = image.shape[:2]
    kind, colour = int(rng.integers(5)), _code(accent)
    if kind == 0:
        low = int(rng.uniform(0.5, 0.7) * height)
        cv2.rectangle(image, (0, low), (width, height), colour, -1)
        cv2.rectangle(image, (0, low - 10), (width, low - 4), _code(WHITE), -1)
    elif kind == 1:
        x = np.linspace(0, width, 60)
        y = height * (0.62 + 0.1 * np.sin(2 * np.pi * x / width + rng.uniform(0, 6)))
        outline = np.concatenate([np.stack([x, y], axis=1), [[width, height], [0, height]]])
        cv2.fillPoly(image, [np.rint(outline * 16).astype(np.int32)], colour, cv2.LINE_AA, 4)
    elif kind == 2:
        for top in range(0, height, height // 8):
            cv2.rectangle(image, (0, top), (width, top + height // 20), colour, -1)
    elif kind == 3:
        tint = _code(
            (0.7 * ground[0] + 0.3 * accent[0], 0.7 * ground[1] + 0.3 * accent[1], 0.7 * ground[2] + 0.3 * accent[2])
        )
        for row in range(height // 32 + 1):
            for column in range(16 * (row % 2), width + 32, 32):
                cv2.circle(image, (column, 32 * row), 9, tint, -1, cv2.LINE_AA)
    else:
        centre = np.array([width * 0.5, height * 0.45])
        for ray in range(0, 24, 2):
            a, b = ray * np.pi / 12, (ray + 1) * np.pi / 12
            wedge = [
                centre,
                centre + 2 * width * np.array([np.cos(a), np.sin(a)]),
                centre + 2 * width * np.array([np.cos(b), np.sin(b)]),
            ]
            cv2.fillPoly(image, [np.rint(np.array(wedge) * 16).astype(np.int32)], colour, cv2.LINE_AA, 4)


def carton_print(rng: np.random.Generator) -> F32:
    """Front of a folding carton, 512 x 512, not tiled: brand, product, emblem, claim, table, barcode."""
    ground, accent, lettering = _scheme(rng)
    font = int(rng.choice(FONTS))
    image = np.full((512, 512, 3), _code(ground), dtype=np.uint8)
    _backdrop(image, rng, accent, ground)
    plate = lettering == WHITE
    cv2.rectangle(image, (24, 34), (488, 158), _code(ground if plate else WHITE), -1)
    if rng.random() < 0.5:
        cv2.rectangle(image, (24, 34), (488, 158), _code(accent), 6)
    _text(image, _brand(rng), (44, 40, 424, 112), lettering if plate else accent, font, 4)
    cv2.rectangle(image, (24, 172), (330, 220), _code(INK if plate else ground), -1)
    _text(image, str(rng.choice(GOODS)), (34, 176, 286, 40), WHITE if plate else lettering, font)
    _emblem(
        image, rng, (int(rng.integers(110, 160)), 330), int(rng.integers(70, 92)), (accent if plate else ground, WHITE)
    )
    cv2.circle(image, (420, 235), 52, _code((0.92, 0.78, 0.1) if rng.random() < 0.5 else WHITE), -1, cv2.LINE_AA)
    _text(image, str(rng.choice(CLAIMS)), (380, 215, 80, 40), INK, cv2.FONT_HERSHEY_DUPLEX)
    _table(image, rng, (270, 300, 150, 132))
    _small_print(image, rng, (30, 436, 230, 62), lettering)
    _barcode(image, rng, (350, 446, 138, 56))
    return np.asarray(image, dtype=np.float32) / np.float32(255)


def label_print(rng: np.random.Generator) -> F32:
    """Wrap-around label, 512 x 1024, seamless in u: the front twice, a back with table and barcode between."""
    ground, accent, lettering = _scheme(rng)
    font = int(rng.choice(FONTS))
    image = np.full((512, 1024, 3), _code(ground), dtype=np.uint8)
    low = int(rng.integers(60, 100))
    for top, bottom in ((0, low), (512 - low, 512)):
        cv2.rectangle(image, (0, top), (1024, bottom), _code(accent), -1)
    for line in (low + 6, 512 - low - 12):
        cv2.rectangle(image, (0, line), (1024, line + 5), _code(lettering), -1)
    brand, goods, claim = _brand(rng), str(rng.choice(GOODS)), str(rng.choice(CLAIMS))
    state = int(rng.integers(1 << 31))
    for x in (40, 552):
        again = np.random.Generator(np.random.PCG64(state))  # both fronts carry the same emblem
        _text(image, brand, (x, 110, 260, 90), lettering, font, 4)
        _emblem(image, again, (x + 130, 275), 68, (accent, WHITE))
        _text(image, goods, (x + 10, 352, 240, 40), lettering, font)
        _text(image, claim, (x + 80, 512 - low + 8, 100, low - 24), WHITE, cv2.FONT_HERSHEY_DUPLEX)
    _table(image, rng, (345, 125, 150, 180))
    _barcode(image, rng, (350, 318, 140, 72))
    _small_print(image, rng, (850, 120, 150, 200), lettering)
    _barcode(image, rng, (856, 320, 132, 70))
    return np.asarray(image, dtype=np.float32) / np.float32(255)
