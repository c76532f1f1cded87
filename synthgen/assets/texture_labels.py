"""Procedural wraps: paper labels of bottles, printed cans and the foil of batteries. sRGB in [0, 1].

Each is wrapped once around its part: u = 0..1 around (seamless), v = 0..1 from top to bottom.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from synthgen.assets.texture_fields import Colour, fractal, step
from synthgen.assets.texture_lettering import BOLD, HEADLINES, REGULAR, blend, write, write_lines
from synthgen.assets.texture_panels import (
    INK,
    WHITE,
    Scheme,
    barcode,
    draw_scheme,
    facts,
    panel,
    recycling,
    small_print,
)
from synthgen.assets.texture_pictures import POURED, glow, heap, star, sweep
from synthgen.types.arrays import F32

HEIGHT, WIDTH = 512, 1024
DRINKS = ("Orange", "Lemon", "Cola", "Tonic Water", "Iced Tea", "Malt", "Energy", "Ginger Ale", "Pale Ale", "Grape")


def _canvas(colour: Colour) -> F32:
    image = np.empty((HEIGHT, WIDTH, 3), dtype=np.float32)
    image[:] = colour
    return image


def label_print(rng: np.random.Generator) -> F32:
    """A bottle's paper or film label, 512 x 1024: front with brand and picture, back with table, text and barcode."""
    scheme = draw_scheme(rng, POURED)
    image = _canvas(scheme.ground)
    edge = int(rng.integers(18, 46))
    if rng.random() < 0.6:
        image[:edge] = scheme.accent
        image[-edge:] = scheme.accent
        image[edge + 5 : edge + 9] = scheme.trim
        image[-edge - 9 : -edge - 5] = scheme.trim
    else:
        blend(image, sweep((HEIGHT, WIDTH), 0.74, 0.05, float(rng.uniform(0, 6))), (0, 0), scheme.accent)
    front = image[:, 60:560]
    if rng.random() < 0.5:
        panel(front, (20, 76, 460, 150), scheme.trim, fill=scheme.accent, rim_px=5)
        write(front, scheme.brand, (44, 96, 412, 100), scheme.on_accent, scheme.headline)
    else:
        write(front, scheme.brand, (30, 76, 440, 130), scheme.lettering, scheme.headline)
    write(front, scheme.goods.name, (70, 240, 360, 30), scheme.lettering, BOLD)
    picture, cover = heap(rng, (180, 380), scheme.goods)
    under = front[278:458, 60:440]
    under += cover[..., None] * (picture - under)
    size = 92
    blend(front, star(size, int(rng.choice([0, 14])), 0.08), (6, 330), scheme.trim)
    write(front, scheme.amount, (20, 362, 64, 28), WHITE if sum(scheme.trim) < 1.4 else INK, BOLD)
    _back(image[:, 560:], rng, scheme)
    return _handled(image, rng)


def _back(back: F32, rng: np.random.Generator, scheme: Scheme) -> None:
    """Table, barcode and small print on the far side, (512, 464, 3)."""
    facts(back, rng, (24, 72, 190, 226))
    barcode(back, rng, (24, 316, 170, 82))
    for top in (80, 190, 300):
        write(back, small_print(rng, 1, 12)[0], (236, top, 120, 15), scheme.lettering, BOLD, align=0.0)
        write_lines(back, small_print(rng, 5, 30), (236, top + 22), scheme.lettering, 12)
    recycling(back, (380, 396), scheme.lettering)


def can_print(rng: np.random.Generator) -> F32:
    """A drinks can's print, 512 x 1024: a fade over the whole can, the brand large on two sides, often upright."""
    scheme = replace(draw_scheme(rng), amount=str(rng.choice(("330 ml", "500 ml", "250 ml"))))
    drink = str(rng.choice(DRINKS))
    image = _canvas(scheme.ground)
    fade = np.linspace(0, 1, HEIGHT, dtype=np.float32)[:, None, None] ** float(rng.uniform(0.6, 2.0))
    image += fade * 0.6 * (np.array(scheme.accent, dtype=np.float32) - image)
    kind = int(rng.integers(4))
    if kind == 0:
        blend(image, sweep((HEIGHT, WIDTH), 0.62, 0.12, float(rng.uniform(0, 6))), (0, 0), scheme.accent)
    elif kind == 1:
        band = step(-np.abs(np.linspace(-1, 1, HEIGHT, dtype=np.float32)[:, None]), -0.36, -0.34)
        blend(image, np.repeat(band, WIDTH, axis=1), (0, 0), scheme.accent)
    elif kind == 2:
        image[:] = glow((HEIGHT, WIDTH), (0.27, 0.5), scheme.pale, scheme.ground)
    image[34:40] = scheme.trim
    image[-40:-34] = scheme.trim
    behind = float(image[150:400, 40:370].mean())
    ink = WHITE if behind < 0.5 else min(scheme.accent, scheme.ground, INK, key=lambda colour: abs(sum(colour) - 0.5))
    upright = rng.random() < 0.45
    for x in (40, 552):
        front = image[:, x : x + 330]
        if upright:
            write(front, scheme.brand, (90, 60, 150, 392), ink, scheme.headline, quarter_turns=1)
            write(front, drink, (258, 80, 34, 352), ink, BOLD, quarter_turns=1)
        else:
            write(front, scheme.brand, (10, 190, 310, 120), ink, scheme.headline)
            write(front, drink, (40, 326, 250, 30), ink, REGULAR)
            blend(front, star(100, int(rng.choice([0, 5, 8, 16])), 0.3), (115, 72), scheme.trim)
        write(front, scheme.amount, (10, 444, 90, 24), ink, BOLD, align=0.0)
    facts(image, rng, (396, 90, 132, 190))
    barcode(image, rng, (396, 300, 132, 74))
    write_lines(image, small_print(rng, 8, 22), (904, 120), ink, 12)
    write_lines(image, small_print(rng, 8, 22), (904, 260), ink, 12)
    return _handled(image, rng)


FOILS: tuple[tuple[Colour, Colour, Colour], ...] = (  # body, lower zone, lettering
    ((0.09, 0.09, 0.10), (0.09, 0.09, 0.10), (0.93, 0.93, 0.92)),
    ((0.78, 0.10, 0.10), (0.10, 0.10, 0.11), (0.95, 0.94, 0.90)),
    ((0.10, 0.26, 0.58), (0.85, 0.86, 0.88), (0.95, 0.95, 0.95)),
    ((0.92, 0.92, 0.91), (0.20, 0.50, 0.26), (0.16, 0.42, 0.22)),
    ((0.16, 0.46, 0.28), (0.90, 0.90, 0.88), (0.94, 0.94, 0.90)),
    ((0.93, 0.76, 0.20), (0.12, 0.12, 0.13), (0.12, 0.12, 0.13)),
    ((0.80, 0.81, 0.82), (0.14, 0.20, 0.36), (0.14, 0.20, 0.36)),
    ((0.20, 0.22, 0.26), (0.86, 0.44, 0.12), (0.94, 0.93, 0.90)),
)  # fmt: skip


def cell_wrap(rng: np.random.Generator) -> F32:
    """The foil of a round cell, 512 x 512: brand along the cell on two sides, volts, signs, small print."""
    body, zone, ink = FOILS[int(rng.integers(len(FOILS)))]
    scheme = draw_scheme(rng)
    image = np.empty((512, 512, 3), dtype=np.float32)
    image[:] = body
    image[512 - int(rng.integers(60, 150)) :] = zone
    style = HEADLINES[int(rng.integers(len(HEADLINES)))]
    for x in (16, 272):
        write(image, scheme.brand, (x + 20, 60, 96, 300), ink, style, quarter_turns=1)
        write(image, "ALKALINE  1.5 V", (x + 126, 70, 24, 250), ink, REGULAR, quarter_turns=1)
        write(image, "+", (x + 52, 12, 34, 34), ink, BOLD)
    column = np.zeros((220, 44, 3), dtype=np.float32)
    column[:] = body
    turned = np.ascontiguousarray(np.rot90(column, -1))
    write_lines(turned, small_print(rng, 3, 34), (6, 3), ink, 11)
    image[90:310, 208:252] = np.rot90(turned)
    return _handled(image, rng)


def _handled(image: F32, rng: np.random.Generator) -> F32:
    """Slow tone changes and a few pale rubs."""
    tile = (image.shape[0] // 256, image.shape[1] // 256)
    slow = np.tile(fractal(rng, (256, 256), slope=1.8), tile)[..., None]
    rubs = np.tile(step(fractal(rng, (256, 256), slope=1.1), 2.3, 3.6), tile)[..., None]
    worn = image * (1 + 0.01 * slow)
    return np.asarray(worn + 0.16 * rubs * (0.85 - worn), dtype=np.float32)
