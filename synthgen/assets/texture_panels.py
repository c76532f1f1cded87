"""What prints are put together from: colour schemes, brands, tables, barcodes, small print, marks."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from synthgen.assets.texture_fields import Colour
from synthgen.assets.texture_lettering import BOLD, HEADLINES, REGULAR, Box, Style, blend, write, write_lines
from synthgen.assets.texture_pictures import GOODS, Goods
from synthgen.types.arrays import F32

STARTS = ("Va", "No", "Mi", "Kro", "Te", "Lu", "Bel", "Ra", "Zo", "Fen", "Hal", "Jo", "Qui", "Sol", "Dra", "Ori")
MIDDLES = ("la", "ri", "no", "ve", "tta", "mi", "ra", "so", "lo", "ne", "da", "bo")
ENDS = ("x", "ta", "na", "lis", "ro", "den", "va", "ko", "m", "ra", "to", "fit")
WORDS = (
    "with", "and", "keep", "dry", "store", "cool", "natural", "quality", "serve", "contains", "may", "of", "the",
    "best", "before", "see", "top", "pack", "no", "added", "made", "for", "use", "avoid", "heat", "open", "fibre",
    "source", "in", "a", "closed", "after", "within", "days", "portion", "daily", "total", "net", "weight",
    "produced", "under", "control",
)  # fmt: skip
CLAIMS = ("NEW", "ORIGINAL", "EXTRA", "CLASSIC", "PLUS", "2 in 1", "ECO", "PRO", "FRESH", "+20 %")
AMOUNTS = ("500 g", "250 ml", "12 pcs", "1 kg", "330 g", "100 pcs", "0.75 L", "200 g", "50 pcs")
INK: Colour = (0.08, 0.08, 0.09)
WHITE: Colour = (0.95, 0.95, 0.94)

# Ground, accent, trim: as printers' brands combine them.
COLOURS: tuple[tuple[Colour, Colour, Colour], ...] = (
    ((0.94, 0.94, 0.92), (0.72, 0.08, 0.10), (0.93, 0.74, 0.20)),
    ((0.93, 0.94, 0.95), (0.08, 0.18, 0.38), (0.35, 0.62, 0.82)),
    ((0.93, 0.88, 0.77), (0.36, 0.20, 0.12), (0.83, 0.48, 0.16)),
    ((0.70, 0.09, 0.10), (0.93, 0.92, 0.88), (0.86, 0.70, 0.32)),
    ((0.09, 0.17, 0.36), (0.90, 0.91, 0.92), (0.76, 0.13, 0.14)),
    ((0.92, 0.93, 0.88), (0.13, 0.40, 0.22), (0.62, 0.76, 0.28)),
    ((0.93, 0.76, 0.18), (0.66, 0.10, 0.10), (0.14, 0.22, 0.44)),
    ((0.70, 0.82, 0.90), (0.09, 0.27, 0.52), (0.95, 0.95, 0.94)),
    ((0.11, 0.11, 0.12), (0.80, 0.66, 0.36), (0.90, 0.89, 0.86)),
    ((0.10, 0.38, 0.40), (0.92, 0.89, 0.80), (0.89, 0.60, 0.22)),
    ((0.84, 0.85, 0.86), (0.20, 0.22, 0.25), (0.88, 0.44, 0.12)),
    ((0.90, 0.50, 0.14), (0.95, 0.94, 0.91), (0.32, 0.16, 0.09)),
    ((0.11, 0.27, 0.19), (0.90, 0.86, 0.72), (0.78, 0.62, 0.30)),
    ((0.93, 0.91, 0.93), (0.36, 0.20, 0.42), (0.75, 0.62, 0.80)),
    ((0.93, 0.83, 0.80), (0.52, 0.12, 0.22), (0.95, 0.94, 0.90)),
    ((0.94, 0.92, 0.86), (0.16, 0.16, 0.17), (0.70, 0.20, 0.14)),
)  # fmt: skip


@dataclass(frozen=True)
class Scheme:
    """What all sides of one package share: colours, letters, brand and contents."""

    ground: Colour
    accent: Colour
    trim: Colour
    pale: Colour
    lettering: Colour
    on_accent: Colour
    headline: Style
    brand: str
    goods: Goods
    claim: str
    amount: str
    code: str


def draw_scheme(rng: np.random.Generator, goods: tuple[Goods, ...] = GOODS) -> Scheme:
    """One package's design, for one of ``goods``."""
    ground, accent, trim = COLOURS[int(rng.integers(len(COLOURS)))]
    bright = _luma(ground) > 0.55
    return Scheme(
        ground=ground,
        accent=accent,
        trim=trim,
        pale=_towards(ground, 0.98 if bright else 0.45, 0.65 if bright else 0.3),
        lettering=(accent if _luma(accent) < 0.4 else INK) if bright else WHITE,
        on_accent=WHITE if _luma(accent) < 0.55 else (ground if not bright else INK),
        headline=HEADLINES[int(rng.integers(len(HEADLINES)))],
        brand=_brand(rng),
        goods=goods[int(rng.integers(len(goods)))],
        claim=str(rng.choice(CLAIMS)),
        amount=str(rng.choice(AMOUNTS)),
        code=f"{rng.choice(STARTS).upper()}-{rng.integers(100, 999)}",
    )


def _towards(colour: Colour, level: float, share: float) -> Colour:
    """The colour mixed with a grey of brightness ``level``."""
    red, green, blue = (c + share * (level - c) for c in colour)
    return red, green, blue


def _luma(colour: Colour) -> float:
    return 0.3 * colour[0] + 0.59 * colour[1] + 0.11 * colour[2]


def _brand(rng: np.random.Generator) -> str:
    word = str(rng.choice(STARTS)) + (str(rng.choice(MIDDLES)) if rng.random() < 0.5 else "") + str(rng.choice(ENDS))
    return word.upper() if rng.random() < 0.5 else word


def small_print(rng: np.random.Generator, lines: int, letters: int) -> list[str]:
    """Lines of about ``letters`` letters that say nothing much."""
    picked = [WORDS[number] for number in rng.integers(0, len(WORDS), lines * (letters // 3 + 2))]
    result = []
    for _ in range(lines):
        line = picked.pop()
        while picked and len(line) + 1 + len(picked[-1]) <= letters:
            line += " " + picked.pop()
        result.append(line.capitalize())
    return result


def barcode(image: F32, rng: np.random.Generator, box: Box) -> None:
    """A white field with bars of one to four modules and digits."""
    x, y, w, h = box
    image[y : y + h, x : x + w] = WHITE
    bars = np.concatenate([np.full(int(n), i % 2 == 0) for i, n in enumerate(rng.integers(1, 5, w // 5))])
    bars = np.repeat(bars, 2)[: w - 20]
    strip = np.where(bars, 0.07, 0.95).astype(np.float32)
    image[y + 7 : y + round(h * 0.76), x + 10 : x + 10 + len(strip)] = strip[None, :, None]
    digits = "".join(str(digit) for digit in rng.integers(0, 10, 13))
    write(image, digits, (x + 12, y + round(h * 0.80), w - 24, round(h * 0.15)), INK, REGULAR)


def facts(image: F32, rng: np.random.Generator, box: Box) -> None:
    """A framed table of values on white, as on food: title, thick rule, rows with values at the right."""
    x, y, w, h = box
    panel(image, box, INK, fill=WHITE, rim_px=2)
    write(image, small_print(rng, 1, 14)[0], (x + 8, y + 7, w - 16, 20), INK, BOLD, align=0.0)
    image[y + 31 : y + 36, x + 8 : x + w - 8] = INK
    rows = (h - 42) // 17
    names = small_print(rng, rows, 13)
    write_lines(image, names, (x + 9, y + 38), INK, 13)
    values = [f"{rng.integers(0, 60)}.{rng.integers(0, 9)} g" for _ in range(rows)]
    write_lines(image, values, (x + w - 52, y + 38), INK, 13)
    pitch = 16
    for row in range(1, rows):
        at = y + 38 + row * pitch
        image[at : at + 1, x + 8 : x + w - 8] = (0.55, 0.55, 0.55)


def panel(image: F32, box: Box, rim: Colour, *, fill: Colour | None = None, rim_px: int = 3) -> None:
    """A rectangle with a rim, in place; None leaves its inside as it is."""
    x, y, w, h = box
    part = image[y : y + h, x : x + w]
    inside = part[rim_px:-rim_px, rim_px:-rim_px].copy() if fill is None else np.array(fill, dtype=np.float32)
    part[:] = rim
    part[rim_px:-rim_px, rim_px:-rim_px] = inside


def recycling(image: F32, at: tuple[int, int], colour: Colour) -> None:
    """A triangle mark and an open circle, 50 px each."""
    canvas = np.zeros((56, 56), dtype=np.uint8)
    corners = np.array([[28, 6], [50, 46], [6, 46]]) * 16
    cv2.polylines(canvas, [corners.astype(np.int32)], True, 255, 5, cv2.LINE_AA, 4)
    cv2.circle(canvas, (28, 33), 4, 255, -1, cv2.LINE_AA)
    blend(image, canvas.astype(np.float32) / np.float32(255), at, colour)
