"""Effects of the lens and of what lies on it or before it. Blurs are centred: they move no edge."""

from __future__ import annotations

import math
from collections.abc import Mapping

import cv2
import numpy as np

from synthgen.augment.clouds import clouds
from synthgen.augment.light import to_bytes, to_linear
from synthgen.types.arrays import F32, F64, U8

SMALLEST_BLUR_PX = 0.05
OVERSAMPLE = 8


def blur(image: U8, parameters: Mapping[str, float], seed: int) -> U8:
    """Gaussian, in linear light."""
    sigma = parameters["sigma_px"]
    if sigma < SMALLEST_BLUR_PX:
        return image
    return to_bytes(cv2.GaussianBlur(to_linear(image), (0, 0), sigma, borderType=cv2.BORDER_REFLECT_101))


def motion_blur(image: U8, parameters: Mapping[str, float], seed: int) -> U8:
    """A straight streak through the pixel, in linear light: bright things leave bright streaks."""
    length, angle = parameters["length_px"], math.radians(parameters["angle_deg"])
    reach = math.ceil(length / 2) + 1
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1))
    for t in np.linspace(-0.5, 0.5, max(OVERSAMPLE * math.ceil(length), 1) + 1) * length:
        x, y = reach + t * math.cos(angle), reach + t * math.sin(angle)
        i, j = math.floor(x), math.floor(y)
        fx, fy = x - i, y - j
        kernel[j, i] += (1 - fx) * (1 - fy)
        kernel[j, i + 1] += fx * (1 - fy)
        kernel[j + 1, i] += (1 - fx) * fy
        kernel[j + 1, i + 1] += fx * fy
    return _filtered(image, kernel / kernel.sum())


def defocus(image: U8, parameters: Mapping[str, float], seed: int) -> U8:
    """An even disc, in linear light: highlights become discs."""
    radius = parameters["radius_px"]
    reach = math.ceil(radius)
    size = 2 * reach + 1
    steps = (np.arange(size * OVERSAMPLE) + 0.5) / OVERSAMPLE - size / 2
    disc = (steps[:, None] ** 2 + steps**2 <= max(radius, 0.5) ** 2).astype(np.float64)
    kernel = disc.reshape(size, OVERSAMPLE, size, OVERSAMPLE).sum(axis=(1, 3))
    return _filtered(image, kernel / kernel.sum())


def glare(image: U8, parameters: Mapping[str, float], seed: int) -> U8:
    """A glow around a lamp just outside the frame, and an even veil over everything."""
    rng = np.random.default_rng(seed)
    height, width = image.shape[:2]
    angle, out = float(rng.uniform(0, 2 * math.pi)), float(rng.uniform(0.45, 0.65))
    warm = float(rng.uniform(0.85, 1.0))
    size = float(max(height, width))
    x, y = _grid(height, width)
    far = np.hypot(x - width * (0.5 + out * math.cos(angle)), y - height * (0.5 + out * math.sin(angle))) / size
    # A bright core and wide wings: the sum of two lobes looks like scattering in glass, a single one like a lamp shade.
    radius = parameters["radius"]
    glow = 0.7 * np.exp(-((far / (0.5 * radius)) ** 2)) + 0.3 * np.exp(-far / radius) + 0.06
    light = (parameters["strength"] * glow).astype(np.float32)[..., None]
    color = np.array([1.0, 0.5 + 0.5 * warm, warm], np.float32)
    return to_bytes(to_linear(image) * (1.0 - 0.3 * light) + light * color)


def fog(image: U8, parameters: Mapping[str, float], seed: int) -> U8:
    """Koschmieder's law with the density varying softly over the image; the veil is as bright as the bright parts."""
    rng = np.random.default_rng(seed)
    linear = to_linear(image)
    veil = np.percentile(linear.reshape(-1, 3), 90, axis=0).mean() * 0.7 + 0.25
    field = clouds(image.shape[0], image.shape[1], cells=2, octaves=2, rng=rng)
    lost = np.clip(parameters["density"] * (1.0 + 0.15 * field), 0.0, 0.98)[..., None]
    return to_bytes(linear * (1.0 - lost) + np.float32(veil) * lost)


def dust(image: U8, parameters: Mapping[str, float], seed: int) -> U8:
    """Soft discs, most of them dark."""
    rng = np.random.default_rng(seed)
    height, width = image.shape[:2]
    size = max(height, width)
    gain, veil = np.ones((height, width), np.float32), np.zeros((height, width), np.float32)
    for _ in range(round(parameters["specks"])):
        cx, cy, grow, strength, bright = rng.random(5)
        radius = max(parameters["radius"] * size * (0.5 + grow), 0.7)
        rows, columns, dx, dy = _patch(height, width, cx, cy, math.ceil(1.5 * radius) + 1)
        far = np.hypot(dx, dy)
        disc = np.clip((1.25 - far / radius) / 0.5, 0.0, 1.0) ** 2
        cover = (parameters["opacity"] * (0.4 + 0.6 * strength) * disc).astype(np.float32)
        gain[rows, columns] *= 1.0 - cover
        if bright > 0.7:
            veil[rows, columns] += 0.6 * cover
    return to_bytes(to_linear(image) * gain[..., None] + veil[..., None])


def dirt(image: U8, parameters: Mapping[str, float], seed: int) -> U8:
    """Ragged patches in the colours of earth and oil, out of focus because they lie on the glass."""
    if parameters["cover"] <= 0:
        return image
    rng = np.random.default_rng(seed)
    height, width = image.shape[:2]
    field = clouds(height, width, cells=7, octaves=4, rng=rng)
    patches = (field > np.quantile(field, 1.0 - parameters["cover"])).astype(np.float32)
    soft = cv2.GaussianBlur(patches, (0, 0), 0.008 * max(height, width), borderType=cv2.BORDER_REFLECT_101)
    texture = 0.8 + 0.2 * np.clip(clouds(height, width, cells=30, octaves=2, rng=rng), -2.0, 1.0)
    alpha = (np.float32(rng.uniform(0.5, 0.85)) * soft * texture)[..., None]
    brown = np.array([0.11, 0.085, 0.06], np.float32) * np.float32(rng.uniform(0.4, 2.0))
    return to_bytes(to_linear(image) * (1.0 - alpha) + alpha * brown)


def droplets(image: U8, parameters: Mapping[str, float], seed: int) -> U8:
    """Drops on the glass, out of focus: what lies behind is smeared, darker above and lighter below (they invert)."""
    rng = np.random.default_rng(seed)
    height, width = image.shape[:2]
    size = max(height, width)
    mask, slope = np.zeros((height, width), np.float32), np.zeros((height, width), np.float32)
    left = parameters["cover"] * height * width
    while left > 0:
        cx, cy, share, stretch = rng.random(4)
        radius = size * (0.012 + 0.045 * share**3)
        tall = radius * (1.0 + 0.3 * stretch)
        rows, columns, dx, dy = _patch(height, width, cx, cy, math.ceil(1.3 * tall))
        far = np.hypot(dx / radius, dy / tall)
        disc = np.clip((1.2 - far) / 0.5, 0.0, 1.0).astype(np.float32)
        disc = disc * disc * (3.0 - 2.0 * disc)
        fresh = disc > mask[rows, columns]
        mask[rows, columns] = np.where(fresh, disc, mask[rows, columns])
        slope[rows, columns] = np.where(fresh, (dy / tall) * disc, slope[rows, columns])
        left -= math.pi * radius * tall
    linear = to_linear(image)
    behind = cv2.GaussianBlur(linear, (0, 0), 0.015 * size, borderType=cv2.BORDER_REFLECT_101)
    alpha = mask[..., None]
    return to_bytes(linear * (1.0 - alpha) + alpha * behind * (1.0 + 0.3 * slope[..., None]))


def _patch(height: int, width: int, cx: float, cy: float, reach: int) -> tuple[slice, slice, F64, F64]:
    """Rows and columns around a point given in 0..1, and the pixels' offsets from it (x as a row, y as a column)."""
    x0, y0 = int(cx * width), int(cy * height)
    rows = slice(max(y0 - reach, 0), min(y0 + reach + 1, height))
    columns = slice(max(x0 - reach, 0), min(x0 + reach + 1, width))
    dx = np.arange(columns.start, columns.stop, dtype=np.float64) - x0
    return rows, columns, dx, np.arange(rows.start, rows.stop, dtype=np.float64)[:, None] - y0


def _grid(height: int, width: int) -> tuple[F32, F32]:
    """Pixel centres: x as a row, y as a column."""
    x = (np.arange(width) + 0.5).astype(np.float32)
    return x, (np.arange(height) + 0.5).astype(np.float32)[:, None]


def _filtered(image: U8, kernel: F64) -> U8:
    return to_bytes(cv2.filter2D(to_linear(image), -1, kernel.astype(np.float32), borderType=cv2.BORDER_REFLECT_101))
