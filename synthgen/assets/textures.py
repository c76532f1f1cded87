"""Albedo textures: image files and arrays become bounded mip pyramids, averaged in linear light."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageOps

from synthgen.assets.hashing import require_file
from synthgen.errors import AssetError
from synthgen.types.arrays import F32, U8
from synthgen.types.assets import Texture

PHOTO_MAX_PX = 2048
EMBEDDED_MAX_PX = 1024
FILE_MAX_MEGAPIXELS = 170  # PIL itself refuses 179
ENCODE_STEPS = 8192


def _decode_table() -> F32:
    code = np.arange(256) / 255.0
    return np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4).astype(np.float32)


def _encode_table() -> U8:
    # Quadratic spacing: index = sqrt(linear) keeps the steep dark end of the sRGB curve exact to one code.
    linear = np.square(np.arange(ENCODE_STEPS) / (ENCODE_STEPS - 1))
    return np.rint(linear_to_srgb(linear) * 255.0).astype(np.uint8)


def linear_to_srgb(linear: np.ndarray) -> np.ndarray:
    """sRGB transfer function (IEC 61966-2-1), any shape, values in [0, 1]."""
    clipped = np.clip(linear, 0.0, 1.0)
    return np.where(clipped <= 0.0031308, clipped * 12.92, 1.055 * np.power(clipped, 1 / 2.4) - 0.055)


def srgb_to_linear(srgb: np.ndarray) -> np.ndarray:
    """Inverse sRGB transfer function, any shape, values in [0, 1]."""
    clipped = np.clip(srgb, 0.0, 1.0)
    return np.where(clipped <= 0.04045, clipped / 12.92, ((clipped + 0.055) / 1.055) ** 2.4)


SRGB_DECODE: F32 = _decode_table()
SRGB_ENCODE: U8 = _encode_table()


def encode_srgb8(linear: F32) -> U8:
    """Linear light in [0, 1] -> 8-bit sRGB, any shape, rounded to the nearest code."""
    return SRGB_ENCODE[np.rint(np.sqrt(np.clip(linear, 0.0, 1.0)) * (ENCODE_STEPS - 1)).astype(np.int32)]


def make_texture(key: str, rgb: U8) -> Texture:
    """Builds the mip pyramid of an image down to 1 x 1.

    Level l + 1 has half the size of level l (rounded down, at least 1); every texel is the area average of the texels
    it covers, taken in linear light, so that a minified texture keeps its brightness.

    Args:
        key: key of the texture in the asset store.
        rgb: (H, W, 3) uint8 sRGB.
    """
    height, width = rgb.shape[:2]
    levels = [np.ascontiguousarray(rgb)]
    linear = SRGB_DECODE[rgb]
    while height > 1 or width > 1:
        height, width = max(1, height // 2), max(1, width // 2)
        linear = cv2.resize(linear, (width, height), interpolation=cv2.INTER_AREA).reshape(height, width, 3)
        levels.append(encode_srgb8(linear))
    sizes = [level.shape[0] * level.shape[1] for level in levels]
    return Texture(
        key=key,
        texels=np.concatenate([level.reshape(-1, 3) for level in levels]),
        offsets=np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int32),
        widths=np.array([level.shape[1] for level in levels], dtype=np.int32),
        heights=np.array([level.shape[0] for level in levels], dtype=np.int32),
    )


def load_texture(key: str, path: str, *, max_px: int = PHOTO_MAX_PX) -> Texture:
    """Reads an image file (JPEG, PNG, WebP, TIFF, BMP) as a texture.

    Raises:
        AssetError: missing, not an image, truncated, or larger than 170 megapixels.
    """
    return make_texture(key, read_image(path, max_px=max_px))


def read_image(path: str, *, max_px: int = PHOTO_MAX_PX) -> U8:
    """(H, W, 3) uint8 sRGB of an image file: EXIF turned upright, alpha laid over white, long side <= ``max_px``.

    Raises:
        AssetError: as ``load_texture``.
    """
    require_file(path)
    return decode_image(Path(path).read_bytes(), name=path, max_px=max_px)


def decode_image(data: bytes, *, name: str, max_px: int) -> U8:
    """As ``read_image``, from bytes; ``name`` is what an error calls the image."""
    with _image_sentences(name), Image.open(io.BytesIO(data)) as image:
        _check_size(image, name)
        image.draft("RGB", (max_px, max_px))  # JPEG only: decodes at 1/2, 1/4, 1/8 size, never below max_px
        return bound_image(to_rgb(ImageOps.exif_transpose(image)), max_px=max_px)


def check_image(data: bytes, *, name: str) -> None:
    """Raises AssetError when ``data`` does not begin as an image of an allowed size; decodes nothing."""
    with _image_sentences(name), Image.open(io.BytesIO(data)) as image:
        _check_size(image, name)


def decode_opened(image: Image.Image, *, name: str) -> Image.Image:
    """The RGB image of one that another library has opened but not yet decoded; alpha is dropped.

    Raises:
        AssetError: as ``load_texture``.
    """
    with _image_sentences(name):
        _check_size(image, name)
        return image.convert("RGB")


@contextmanager
def _image_sentences(name: str) -> Iterator[None]:
    """Says what Pillow's exceptions mean, and keeps its warnings to itself."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except AssetError:
        raise
    except Image.DecompressionBombError as error:
        raise AssetError(
            f"{name} is far larger than what is allowed, {FILE_MAX_MEGAPIXELS} megapixels. Scale it down"
        ) from error
    except Exception as error:  # Pillow's readers raise anything from SyntaxError to struct.error on damaged files
        raise AssetError(
            f"{name} cannot be read as an image; allowed: JPEG, PNG, WebP, TIFF or BMP. "
            "Open it in an image viewer to check it, and export it again"
        ) from error


def _check_size(image: Image.Image, name: str) -> None:
    megapixels = image.width * image.height / 1e6
    if megapixels > FILE_MAX_MEGAPIXELS:
        raise AssetError(
            f"{name} has {image.width} x {image.height} pixels ({megapixels:.0f} megapixels); "
            f"allowed: up to {FILE_MAX_MEGAPIXELS} megapixels. Scale it down"
        )


def to_rgb(image: Image.Image) -> Image.Image:
    """Any PIL mode to RGB: 16 bits become 8, alpha is laid over white."""
    if image.mode.startswith(("I", "F")):
        values = np.asarray(image, dtype=np.float64)
        top = 255.0 if values.max(initial=0.0) <= 255 else 65535.0
        image = Image.fromarray(np.clip(np.rint(values / top * 255.0), 0, 255).astype(np.uint8))
    if "A" in image.getbands() or "transparency" in image.info:
        layer = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", layer.size, (255, 255, 255, 255)), layer)
    return image.convert("RGB")


def bound_image(image: Image.Image, *, max_px: int) -> U8:
    """(H, W, 3) uint8, long side at most ``max_px``, area-averaged in linear light, one channel at a time."""
    longest = max(image.size)
    if longest >= 2 * max_px:
        image = image.reduce(longest // max_px)  # whole factors first: bounds the memory of the float pass
    rgb = np.asarray(image, dtype=np.uint8)
    if max(rgb.shape[:2]) <= max_px:
        return np.ascontiguousarray(rgb)
    scale = max_px / max(rgb.shape[:2])
    size = (max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale)))
    channels = [cv2.resize(SRGB_DECODE[rgb[..., k]], size, interpolation=cv2.INTER_AREA) for k in range(3)]
    return encode_srgb8(np.stack(channels, axis=-1))
