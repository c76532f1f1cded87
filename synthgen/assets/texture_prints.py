"""Procedural prints of folding cartons, unfolded as ``carton_atlas`` says: invented brands. sRGB in [0, 1]."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from synthgen.assets import carton_atlas
from synthgen.assets.texture_fields import Colour, fractal, mix, step
from synthgen.assets.texture_lettering import BOLD, REGULAR, Box, blend, write, write_lines
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
from synthgen.assets.texture_pictures import glow, heap, star, sweep
from synthgen.types.arrays import F32

KRAFT: Colour = (0.74, 0.60, 0.43)
SIZE = (carton_atlas.HEIGHT_PX, carton_atlas.WIDTH_PX)


def carton_print(rng: np.random.Generator) -> F32:
    """All sides of a folding carton, 768 x 1024, not tiled: front, two sides with small print, top, bottom."""
    scheme = draw_scheme(rng)
    layout = LAYOUTS[int(rng.integers(len(LAYOUTS)))]
    if layout in GROUNDS:
        ink = scheme.accent if sum(scheme.accent) < 1.2 else INK
        scheme = replace(scheme, ground=GROUNDS[layout], accent=ink, lettering=ink, on_accent=WHITE)
    image = np.empty((*SIZE, 3), dtype=np.float32)
    image[:] = scheme.ground
    layout(_cell(image, carton_atlas.FRONT), rng, scheme)
    _facts_side(_cell(image, carton_atlas.LEFT), rng, scheme)
    _text_side(_cell(image, carton_atlas.RIGHT), rng, scheme)
    _top(_cell(image, carton_atlas.TOP), rng, scheme)
    _bottom(_cell(image, carton_atlas.BOTTOM), rng)
    return _worn(image, rng)


def _cell(image: F32, cell: Box) -> F32:
    left, top, right, bottom = cell
    return image[top:bottom, left:right]


def _scene(part: F32, rng: np.random.Generator, scheme: Scheme, box: Box) -> None:
    """The product picture in a box."""
    x, y, w, h = box
    picture, cover = heap(rng, (h, w), scheme.goods)
    under = part[y : y + h, x : x + w]
    under += cover[..., None] * (picture - under)


def _big_picture(front: F32, rng: np.random.Generator, scheme: Scheme) -> None:
    """Food style: brand on a coloured field above, the heap below on a glow, claim rosette."""
    front[:] = glow((512, 512), (0.5, 0.62), scheme.pale, scheme.ground)
    edge = float(rng.uniform(0.36, 0.44))
    below = sweep((512, 512), edge, float(rng.uniform(-0.03, 0.03)), float(rng.uniform(0, 6)))
    blend(front, 1 - below, (0, 0), scheme.accent)
    line = np.clip(1 - np.abs(below - 0.5) * 2, 0, 1)
    blend(front, line, (0, 0), scheme.trim)
    write(front, scheme.brand, (40, 34, 432, 92), scheme.on_accent, scheme.headline)
    write(front, scheme.goods.name, (70, 138, 372, 32), scheme.on_accent, REGULAR)
    _scene(front, rng, scheme, (20, 224, 472, 268))
    _claim(front, rng, scheme, (386, 190, 96))
    write(front, scheme.amount, (24, 474, 90, 20), scheme.lettering, BOLD, align=0.0)


def _band(front: F32, rng: np.random.Generator, scheme: Scheme) -> None:
    """Calm: plain ground, a band with the brand, a framed picture, thin rules."""
    top = int(rng.integers(70, 150))
    front[top : top + 118] = scheme.accent
    front[top + 122 : top + 126] = scheme.trim
    write(front, scheme.brand, (36, top + 18, 440, 82), scheme.on_accent, scheme.headline)
    write(front, scheme.goods.name, (40, 28, 432, 30), scheme.lettering, BOLD)
    height = 512 - (top + 150) - 54
    box = (96, top + 150, 320, height)
    front[box[1] : box[1] + height, box[0] : box[0] + box[2]] = glow((height, 320), (0.5, 0.7), WHITE, scheme.pale)
    _scene(front, rng, scheme, (box[0] + 8, box[1] + 6, box[2] - 16, height - 10))
    write(front, scheme.amount, (36, 470, 110, 24), scheme.lettering, BOLD, align=0.0)
    write_lines(front, small_print(rng, 2, 30), (300, 468), scheme.lettering, 11)


def _technical(front: F32, rng: np.random.Generator, scheme: Scheme) -> None:
    """Parts and tools: white or grey, small brand at the top left, picture on the right, list of data, colour bar."""
    bar = int(rng.integers(60, 110))
    front[512 - bar :] = scheme.accent
    front[:14] = scheme.accent
    write(front, scheme.brand, (34, 40, 260, 56), scheme.accent, scheme.headline, align=0.0)
    write(front, scheme.goods.name, (34, 112, 300, 30), INK, BOLD, align=0.0)
    _scene(front, rng, scheme, (150, 160, 340, 512 - bar - 175))
    for number in range(4):
        y = 176 + 44 * number
        blend(front, star(20, 0, 0.0), (36, y - 2), scheme.trim)
        write(front, small_print(rng, 1, 10)[0], (64, y, 110, 17), INK, REGULAR, align=0.0)
    write(front, scheme.amount, (34, 512 - bar + 18, 150, bar - 36), scheme.on_accent, BOLD, align=0.0)
    write(front, scheme.code, (330, 512 - bar + 26, 150, bar - 52), scheme.on_accent, REGULAR, align=1.0)


def _diagonal(front: F32, rng: np.random.Generator, scheme: Scheme) -> None:
    """Household chemistry and drinks: two fields with a soft edge, big slanted brand, a drop-like emblem."""
    y, x = np.mgrid[0:512, 0:512].astype(np.float32) / 512
    slope = float(rng.uniform(0.12, 0.4)) * float(rng.choice([-1, 1]))
    away = (y - 0.68 + slope * (x - 0.5)) * 512
    front[:] = glow((512, 512), (0.5, 0.3), scheme.pale, scheme.ground)
    blend(front, np.clip(away + 0.5, 0, 1), (0, 0), scheme.accent)
    blend(front, np.clip(9 - np.abs(away + 16), 0, 1), (0, 0), scheme.trim)
    write(front, scheme.brand, (30, 60, 452, 120), scheme.lettering, scheme.headline)
    write(front, scheme.goods.name, (60, 196, 392, 34), scheme.lettering, BOLD)
    _scene(front, rng, scheme, (230, 300, 262, 196))
    _claim(front, rng, scheme, (40, 330, 120))
    write(front, scheme.amount, (30, 468, 110, 26), scheme.on_accent, BOLD, align=0.0)


def _kraft(front: F32, rng: np.random.Generator, scheme: Scheme) -> None:
    """Natural board with one ink: brand in a frame, a rule, no picture."""
    ink = scheme.accent
    panel(front, (60, 110, 392, 150), ink, rim_px=5)
    write(front, scheme.brand, (84, 140, 344, 90), ink, scheme.headline)
    write(front, scheme.goods.name, (96, 284, 320, 30), ink, REGULAR)
    front[336:339, 120:392] = ink
    write(front, scheme.amount, (180, 352, 152, 28), ink, BOLD)
    blend(front, 0.9 * star(96, int(rng.integers(6, 14)), 0.25), (208, 398), ink)
    write(front, "100%", (226, 436, 60, 22), KRAFT, BOLD)


def _pharmacy(front: F32, rng: np.random.Generator, scheme: Scheme) -> None:
    """White with one colour field at the side, product name large, small print below."""
    split = int(rng.integers(120, 190))
    front[:, :split] = glow((512, split), (0.5, 0.2), scheme.trim, scheme.accent)
    write(front, scheme.brand, (split + 24, 60, 480 - split, 76), scheme.accent, scheme.headline, align=0.0)
    write(front, scheme.goods.name, (split + 26, 150, 420 - split, 26), INK, BOLD, align=0.0)
    write(front, scheme.amount, (split + 26, 196, 150, 28), INK, REGULAR, align=0.0)
    front[244:248, split + 24 : 488] = scheme.trim
    write_lines(front, small_print(rng, 5, 38), (split + 26, 262), INK, 13)
    _scene(front, rng, scheme, (split + 40, 360, 430 - split, 140))
    write(front, scheme.brand, (26, 120, split - 52, 340), scheme.on_accent, BOLD, quarter_turns=1)


LAYOUTS: tuple[Callable[[F32, np.random.Generator, Scheme], None], ...] = (
    _big_picture, _band, _technical, _diagonal, _kraft, _pharmacy, _big_picture, _band, _big_picture,
)  # fmt: skip
GROUNDS = {_technical: (0.93, 0.93, 0.93), _kraft: KRAFT, _pharmacy: (0.95, 0.95, 0.95)}  # of all sides


def _claim(front: F32, rng: np.random.Generator, scheme: Scheme, at: Box | tuple[int, int, int]) -> None:
    """A rosette with a claim in it, ``at`` = (x, y, size)."""
    x, y, size = at[:3]
    blend(front, star(size, int(rng.choice([0, 12, 18])), 0.08), (x, y), scheme.trim)
    dark = sum(scheme.trim) < 1.4
    write(front, scheme.claim, (x + size // 6, y + size // 3, 2 * size // 3, size // 3), WHITE if dark else INK, BOLD)


def _facts_side(side: F32, rng: np.random.Generator, scheme: Scheme) -> None:
    """Nutrition-like table, paragraphs, barcode."""
    write(side, scheme.brand, (24, 24, 208, 44), scheme.lettering, scheme.headline)
    facts(side, rng, (22, 88, 212, 226))
    write_lines(side, small_print(rng, 5, 34), (24, 326), scheme.lettering, 11)
    barcode(side, rng, (36, 404, 184, 86))


def _text_side(side: F32, rng: np.random.Generator, scheme: Scheme) -> None:
    """Brand upright over the accent colour, paragraphs in columns, marks."""
    side[:, :84] = scheme.accent
    write(side, scheme.brand, (18, 60, 48, 392), scheme.on_accent, scheme.headline, quarter_turns=1)
    write(side, scheme.goods.name, (98, 28, 146, 24), scheme.lettering, BOLD, align=0.0)
    for top in (70, 176, 282):
        write(side, small_print(rng, 1, 12)[0], (98, top, 100, 13), scheme.lettering, BOLD, align=0.0)
        write_lines(side, small_print(rng, 5, 26), (98, top + 20), scheme.lettering, 11)
    recycling(side, (102, 420), scheme.lettering)
    write(side, scheme.amount, (170, 426, 74, 26), scheme.lettering, BOLD)


def _top(top: F32, rng: np.random.Generator, scheme: Scheme) -> None:
    """Tuck flap: brand, opening line, date stamp in another ink."""
    write(top, scheme.brand, (130, 56, 252, 70), scheme.lettering, scheme.headline)
    top[226:228] = np.asarray(scheme.ground, dtype=np.float32) * 0.8
    stamp = f"{rng.integers(1, 28):02d}.{rng.integers(1, 12):02d}.2{rng.integers(5, 9)}  L{rng.integers(1000, 9999)}"
    write(top, stamp, (300, 176, 180, 20), INK if sum(scheme.ground) > 1.2 else WHITE, REGULAR)


def _bottom(bottom: F32, rng: np.random.Generator) -> None:
    """Bare board with two flaps, glue and a lot number."""
    bottom[:] = (0.80, 0.77, 0.71) if rng.random() < 0.5 else (0.70, 0.60, 0.47)
    bottom[126:130] *= 0.62
    bottom[128:, 60:452] *= 0.97
    write(bottom, f"LOT {rng.integers(10000, 99999)}", (350, 190, 120, 22), (0.25, 0.24, 0.24), REGULAR)


def _worn(image: F32, rng: np.random.Generator) -> F32:
    """Edges rubbed down to the board, a few scuffs, slow tone changes."""
    rub = np.zeros(SIZE, dtype=np.float32)
    for left, top, right, bottom in (
        carton_atlas.FRONT, carton_atlas.LEFT, carton_atlas.RIGHT, carton_atlas.TOP, carton_atlas.BOTTOM,
    ):  # fmt: skip
        y, x = np.arange(bottom - top, dtype=np.float32), np.arange(right - left, dtype=np.float32)
        from_edge = np.minimum(np.minimum(x, x[::-1])[None, :], np.minimum(y, y[::-1])[:, None])
        rub[top:bottom, left:right] = np.maximum(0.0, 1 - from_edge / 6)
    noise = fractal(rng, (256, 256), slope=0.9)
    noise = np.tile(noise, (SIZE[0] // 256, SIZE[1] // 256))
    worn = step(rub + 0.22 * noise, 0.75, 1.25) * np.float32(rng.uniform(0.1, 0.55))
    scuffs = 0.18 * step(noise, 2.2, 3.4)
    image = mix(image, (0.85, 0.81, 0.74), np.asarray(np.maximum(worn, scuffs), dtype=np.float32))
    slow = np.tile(fractal(rng, (256, 256), slope=2.0), (SIZE[0] // 256, SIZE[1] // 256))
    return np.asarray(image * (1 + 0.008 * slow)[..., None], dtype=np.float32)
