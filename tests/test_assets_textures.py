"""Mip pyramids, image files and the procedural patterns."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from synthgen.assets import carton_atlas
from synthgen.assets.texture_atlas import fill_unused
from synthgen.assets.texture_fields import cells, fractal
from synthgen.assets.texture_lettering import HEADLINES, Style, coverage, write
from synthgen.assets.texture_patterns import PATTERNS, procedural_texture
from synthgen.assets.textures import (
    SRGB_DECODE,
    encode_srgb8,
    linear_to_srgb,
    load_texture,
    make_texture,
    read_image,
    srgb_to_linear,
)
from synthgen.errors import AssetError
from synthgen.types.assets import Texture


def level(texture: Texture, number: int) -> np.ndarray:
    width, height = int(texture.widths[number]), int(texture.heights[number])
    start = int(texture.offsets[number])
    return texture.texels[start : start + width * height].reshape(height, width, 3)


def test_srgb_codes_survive_a_round_trip() -> None:
    assert (encode_srgb8(SRGB_DECODE) == np.arange(256)).all()
    values = np.linspace(0, 1, 101)
    assert np.allclose(srgb_to_linear(linear_to_srgb(values)), values, atol=1e-12)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 70), st.integers(1, 70), st.integers(0, 2**32 - 1))
def test_pyramid_layout_and_brightness(height: int, width: int, seed: int) -> None:
    """Any size: level 0 is the image, levels halve down to 1 x 1, the last texel is the mean in linear light."""
    image = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    texture = make_texture("k", image)
    assert (level(texture, 0) == image).all()
    for number in range(1, len(texture.widths)):
        assert texture.widths[number] == max(1, texture.widths[number - 1] // 2)
        assert texture.heights[number] == max(1, texture.heights[number - 1] // 2)
    last = level(texture, len(texture.widths) - 1)
    assert last.shape == (1, 1, 3)
    assert len(texture.texels) == int((texture.widths * texture.heights).sum())
    mean = SRGB_DECODE[image].mean(axis=(0, 1))
    assert np.abs(SRGB_DECODE[last[0, 0]] - mean).max() < 0.02


def test_black_and_white_average_in_linear_light() -> None:
    checker = np.zeros((2, 2, 3), dtype=np.uint8)
    checker[0, 0] = checker[1, 1] = 255
    assert level(make_texture("k", checker), 1).reshape(-1).tolist() == [188, 188, 188]


def save(path: Path, image: Image.Image, **options: object) -> str:
    image.save(path, **options)  # type: ignore[arg-type]
    return str(path)


def halves(mode: str = "RGB") -> Image.Image:
    """Left red, right blue, 8 x 4."""
    pixels = np.zeros((4, 8, 3), dtype=np.uint8)
    pixels[:, :4, 0] = 255
    pixels[:, 4:, 2] = 255
    return Image.fromarray(pixels).convert(mode)


def test_formats_and_modes(tmp_path: Path) -> None:
    grey16 = Image.fromarray(np.full((4, 4), 32896, dtype=np.uint16))
    clear = Image.fromarray(np.array([[[0, 0, 0, 0], [0, 0, 0, 255]]], dtype=np.uint8))
    rows = [
        ("PNG", save(tmp_path / "a.png", halves()), (4, 8), [255, 0, 0]),
        ("palette PNG", save(tmp_path / "p.png", halves("P")), (4, 8), [255, 0, 0]),
        ("lossless WebP", save(tmp_path / "a.webp", halves(), lossless=True), (4, 8), [255, 0, 0]),
        ("16-bit grey PNG", save(tmp_path / "g.png", grey16), (4, 4), [128, 128, 128]),
        ("transparent becomes white", save(tmp_path / "c.png", clear), (1, 2), [255, 255, 255]),
    ]
    for intent, path, shape, first in rows:
        image = read_image(path)
        assert image.shape[:2] == shape, intent
        assert image[0, 0].tolist() == first, intent


def test_phone_photographs_are_turned_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held on its side: turn by 90 degrees clockwise
    path = save(tmp_path / "phone.png", halves(), exif=exif)
    image = read_image(path)
    assert image.shape[:2] == (8, 4)
    assert image[0, 0].tolist() == [255, 0, 0]
    assert image[-1, 0].tolist() == [0, 0, 255]


@pytest.mark.parametrize("size", [(5000, 300), (2500, 2100), (300, 4200)])
def test_large_photographs_are_bounded(tmp_path: Path, size: tuple[int, int]) -> None:
    path = save(tmp_path / "big.jpg", Image.new("RGB", size, (90, 120, 30)))
    texture = load_texture("file:0", path)
    assert max(texture.widths[0], texture.heights[0]) <= 2048
    assert abs(int(texture.widths[0]) / int(texture.heights[0]) / (size[0] / size[1]) - 1) < 0.02
    assert np.abs(texture.texels[-1].astype(int) - (90, 120, 30)).max() <= 2


def test_files_that_are_no_images(tmp_path: Path) -> None:
    sentence = (
        "{path} cannot be read as an image; allowed: JPEG, PNG, WebP, TIFF or BMP. "
        "Open it in an image viewer to check it, and export it again"
    )
    data = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(data, "PNG")
    for name, content in (("text.jpg", b"hello"), ("short.png", data.getvalue()[:3000]), ("empty.png", b"")):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(AssetError) as caught:
            read_image(str(path))
        assert str(caught.value) == sentence.format(path=path)


def test_an_absurdly_large_image_is_refused_before_decoding(tmp_path: Path) -> None:
    path = save(tmp_path / "huge.png", Image.new("1", (20000, 8600)))
    with pytest.raises(AssetError) as caught:
        read_image(path)
    assert str(caught.value) == (
        f"{path} has 20000 x 8600 pixels (172 megapixels); allowed: up to 170 megapixels. Scale it down"
    )


QUICK = (
    "brushed", "worn_paint", "handle_wood", "kraft", "carton_print", "label_print", "can_print", "cell_wrap",
    "tool_grip", "wood_boards", "cutting_mat", "rubber_mat", "tote_plastic",
)  # fmt: skip


@pytest.mark.parametrize("name", QUICK)
def test_patterns_repeat_and_differ(name: str) -> None:
    one, again, other = procedural_texture(name, 0), procedural_texture(name, 0), procedural_texture(name, 1)
    assert one.texels.tobytes() == again.texels.tobytes(), "the same seed gives the same bytes"
    assert one.texels.tobytes() != other.texels.tobytes(), "seeds matter"
    assert one.texels.std() > 2, "not flat"


@pytest.mark.slow
def test_every_pattern_draws_every_variant() -> None:
    assert len(PATTERNS) == 36
    for name, pattern in PATTERNS.items():
        seen = {procedural_texture(name, seed).texels.tobytes() for seed in range(pattern.variants)}
        assert len(seen) == pattern.variants, name


# Boards of wood meet at v = 0: a joint like every other. Along the boards, nothing may show.
SEAMLESS = [
    *((name, (0, 1)) for name in ("tote_plastic", "rubber_mat", "brushed", "kraft", "worn_paint", "cloth", "tiles",
                                  "cutting_mat", "laminate", "stone")),
    *((name, (1,)) for name in ("wood_boards", "wood_planks", "wood_veneer", "parquet")),
]  # fmt: skip


@pytest.mark.parametrize(("name", "axes"), SEAMLESS)
def test_surface_patterns_have_no_seam(name: str, axes: tuple[int, ...]) -> None:
    """The step across the border is no larger than steps inside."""
    image = level(procedural_texture(name, 0), 0).astype(float)
    for axis in axes:
        inside = np.abs(np.diff(image, axis=axis)).mean()
        across = np.abs(np.take(image, 0, axis=axis) - np.take(image, -1, axis=axis)).mean()
        assert across < 1.6 * inside + 1.0


def test_an_unknown_pattern_names_the_known_ones() -> None:
    with pytest.raises(AssetError) as caught:
        procedural_texture("marble", 0)
    assert str(caught.value) == (
        f"there is no procedural texture 'marble'; allowed: {', '.join(PATTERNS)}. Correct the name"
    )


def test_unused_texels_of_an_atlas_do_not_darken_it() -> None:
    """A chart in one corner of a black atlas: the rest takes its colour, its inside is untouched."""
    image = np.zeros((64, 64, 3), dtype=np.uint8)
    image[:20, :20] = (200, 150, 100)
    image[5, 5] = (10, 10, 10)
    image[19, :20] //= 2  # a rim stained by the ground
    square = np.array([[[0, 0], [0.3, 0], [0.3, 0.3]], [[0, 0], [0.3, 0.3], [0, 0.3]]], dtype=np.float32)
    filled = fill_unused(image, square)
    assert (filled[:16, :16] == image[:16, :16]).all()
    assert np.abs(filled[19, :14].astype(int) - (200, 150, 100)).max() < 12
    assert np.abs(filled[30:, 30:].astype(int) - (200, 150, 100)).max() < 12
    assert fill_unused(image, square + 1.0) is image, "a texture that repeats uses every texel"


def test_fields() -> None:
    field = fractal(np.random.default_rng(0), (64, 96), slope=1.0)
    assert field.shape == (64, 96)
    assert field.mean() == pytest.approx(0, abs=1e-5)
    assert field.std() == pytest.approx(1, abs=1e-4)
    index, border = cells(np.random.default_rng(0), (64, 96), count=12)
    assert set(np.unique(index)) <= set(range(12))
    assert border.min() >= 0


def test_every_side_of_a_carton_has_a_cell_of_its_own() -> None:
    """The cells fill the print, none overlaps another, and only front and back share one."""
    covered = np.zeros((carton_atlas.HEIGHT_PX, carton_atlas.WIDTH_PX), dtype=int)
    for left, top, right, bottom in set(carton_atlas.CELL_OF_SIDE):
        covered[top:bottom, left:right] += 1
    assert (covered == 1).all()
    assert len(set(carton_atlas.CELL_OF_SIDE)) == 5
    image = level(procedural_texture("carton_print", 0), 0)
    assert image.shape == (*covered.shape, 3)
    cells_ = [image[top:bottom, left:right] for left, top, right, bottom in set(carton_atlas.CELL_OF_SIDE)]
    assert all(cell.std() > 3 for cell in cells_), "no side is bare of any mark"


@pytest.mark.parametrize("name", ["label_print", "can_print", "cell_wrap"])
def test_wraps_close_without_a_step(name: str) -> None:
    """Left and right edge meet on the far side of the bottle: no step but in rows that lettering crosses."""
    for seed in range(4):
        image = level(procedural_texture(name, seed), 0).astype(float)
        step_ = np.abs(image[:, 0] - image[:, -1]).max(axis=1)
        assert np.median(step_) < 6, (name, seed)


@pytest.mark.parametrize("style", HEADLINES)
def test_lettering_is_ink_in_its_box(style: Style) -> None:
    ink = coverage("Korax", style)
    assert ink.dtype == np.float32
    assert 0 <= ink.min() < 0.1 < 0.9 < ink.max() <= 1
    for edge in (ink[0], ink[-1], ink[:, 0], ink[:, -1]):
        assert edge.max() > 0.02, "cropped to the ink"
    for turns, box in ((0, (20, 30, 150, 40)), (1, (20, 30, 40, 150)), (0, (20, 30, 30, 60))):
        image = np.ones((200, 200, 3), dtype=np.float32)
        write(image, "Korax", box, (0.0, 0.0, 0.0), style, quarter_turns=turns)
        rows, columns = np.nonzero(image[..., 0] < 0.5)
        assert box[0] - 1 <= columns.min() <= columns.max() <= box[0] + box[2]
        assert box[1] - 1 <= rows.min() <= rows.max() <= box[1] + box[3]


def test_words_read_from_left_to_right() -> None:
    """An L keeps its foot at the lower right; turned by a quarter, it reads upwards."""
    ink = coverage("L")
    half = ink.shape[1] // 2
    assert ink[-5:, half:].mean() > 0.8 > 0.2 > ink[:20, half:].mean()
    image = np.ones((120, 120, 3), dtype=np.float32)
    write(image, "LLL", (40, 10, 30, 100), (0.0, 0.0, 0.0), quarter_turns=1)
    dark = image[..., 0] < 0.5
    rows, columns = np.nonzero(dark)
    assert dark[:, columns.max() - 1].sum() > 1.5 * dark[:, columns.min() + 1].sum(), "the feet stand at the right"
    assert rows.max() - rows.min() > columns.max() - columns.min()
