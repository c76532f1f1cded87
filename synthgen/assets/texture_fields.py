"""Tileable scalar fields that procedural textures are made of: fractal noise, cells, scratches, colour ramps."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from synthgen.types.arrays import F16, F32, I64

Colour = tuple[float, float, float]

FIELDS_KEPT = 24  # up to 1.2 megabytes each
FIELD_SEED = 20260


def fractal(
    rng: np.random.Generator, size: tuple[int, int], *, slope: float, stretch: tuple[float, float] = (1.0, 1.0)
) -> F32:
    """Periodic fractal noise with mean 0 and standard deviation 1.

    One field per kind is computed and kept; ``rng`` shifts and mirrors it, which is forty times faster than a new one.

    Args:
        rng: source of the placement.
        size: (H, W).
        slope: amplitude falls as frequency ** -slope: 0 white, 1 clouds with detail, 2 smooth clouds.
        stretch: features are this much longer along (y, x).
    """
    return _placed(_fractal_field(size, slope, stretch), rng)


def band(rng: np.random.Generator, size: tuple[int, int], *, pixels: float) -> F32:
    """Periodic noise with features of about one size, mean 0 and standard deviation 1; placed like ``fractal``."""
    return _placed(_band_field(size, pixels), rng)


def _placed(field: F16, rng: np.random.Generator) -> F32:
    """The field shifted round and mirrored at random."""
    shifted = np.roll(field, (int(rng.integers(field.shape[0])), int(rng.integers(field.shape[1]))), axis=(0, 1))
    flips = rng.integers(0, 2, 2)
    return shifted[:: 1 - 2 * int(flips[0]), :: 1 - 2 * int(flips[1])].astype(np.float32)


@lru_cache(maxsize=FIELDS_KEPT)
def _fractal_field(size: tuple[int, int], slope: float, stretch: tuple[float, float]) -> F16:
    height, width = size
    fy = np.fft.fftfreq(height)[:, None] * height * stretch[0]
    fx = np.fft.rfftfreq(width)[None, :] * width * stretch[1]
    radius = np.sqrt(fy * fy + fx * fx)
    radius[0, 0] = 1.0
    noise = np.random.Generator(np.random.PCG64(FIELD_SEED)).standard_normal(size, dtype=np.float32)
    spectrum = np.fft.rfft2(noise) * radius**-slope
    spectrum[0, 0] = 0.0
    field = np.fft.irfft2(spectrum, s=size)
    return (field / max(float(field.std()), 1e-9)).astype(np.float16)


@lru_cache(maxsize=FIELDS_KEPT)
def _band_field(size: tuple[int, int], pixels: float) -> F16:
    noise = np.random.Generator(np.random.PCG64(FIELD_SEED + 1)).standard_normal(size, dtype=np.float32)
    low = blur(noise, pixels / 2) - blur(noise, pixels)
    return (low / max(float(low.std()), 1e-9)).astype(np.float16)


def blur(field: F32, sigma: float) -> F32:
    """Gaussian blur with wrap-around."""
    pad = int(np.ceil(3 * sigma)) + 1
    padded = np.pad(field, [(pad, pad), (pad, pad)] + [(0, 0)] * (field.ndim - 2), mode="wrap")
    soft = cv2.GaussianBlur(padded, (0, 0), sigma)
    return np.asarray(soft[pad:-pad, pad:-pad], dtype=np.float32)


def cells(rng: np.random.Generator, size: tuple[int, int], *, count: int) -> tuple[I64, F32]:
    """Periodic Voronoi cells: (H, W) cell number and (H, W) distance to the nearest border in pixels."""
    height, width = size
    pad_y, pad_x = height // 2, width // 2
    at = np.floor(rng.random((count, 2)) * size).astype(np.int64)
    seeds = np.full(size, 255, dtype=np.uint8)
    seeds[at[:, 0], at[:, 1]] = 0
    number = np.zeros(size, dtype=np.int64)
    number[at[:, 0], at[:, 1]] = np.arange(count)
    wrapped = np.pad(seeds, [(pad_y, pad_y), (pad_x, pad_x)], mode="wrap")
    _, labels = cv2.distanceTransformWithLabels(wrapped, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    of_label = np.zeros(int(labels.max()) + 1, dtype=np.int64)
    sources = wrapped == 0
    of_label[labels[sources]] = np.pad(number, [(pad_y, pad_y), (pad_x, pad_x)], mode="wrap")[sources]
    inner = (slice(pad_y, pad_y + height), slice(pad_x, pad_x + width))
    edge = (labels != np.roll(labels, 1, axis=0)) | (labels != np.roll(labels, 1, axis=1))
    border = cv2.distanceTransform((~edge).astype(np.uint8), cv2.DIST_L2, 5)
    return of_label[labels[inner]], np.ascontiguousarray(border[inner], dtype=np.float32)


def scratches(
    rng: np.random.Generator, size: tuple[int, int], *, count: int, length: tuple[float, float], spread: float
) -> F32:
    """Fine curved scratches in [0, 1], anti-aliased and periodic.

    Args:
        rng: positions, directions and strengths.
        size: (H, W).
        count: how many.
        length: shortest and longest, in pixels.
        spread: standard deviation of their direction about the u axis in radians; large = every direction.
    """
    height, width = size
    canvas = np.zeros(size, dtype=np.float32)
    for _ in range(count):
        start = rng.random(2) * (width, height)
        angle, bend = rng.normal(0, spread), rng.normal(0, 0.25)
        heading = angle + bend * np.linspace(0, 1, 9)
        steps = np.stack([np.cos(heading), np.sin(heading)], axis=1) * rng.uniform(*length) / len(heading)
        path = start + np.cumsum(steps, axis=0)
        low = np.floor(path.min(axis=0)).astype(int) - 2
        spanned = np.ceil(path.max(axis=0)).astype(int) + 3 - low
        stroke = np.zeros((spanned[1], spanned[0]), dtype=np.uint8)
        cv2.polylines(stroke, [np.rint((path - low) * 16).astype(np.int32)[:, None]], False, 255, 1, cv2.LINE_AA, 4)
        patch = np.ix_((low[1] + np.arange(spanned[1])) % height, (low[0] + np.arange(spanned[0])) % width)
        canvas[patch] = np.maximum(canvas[patch], stroke * np.float32(rng.uniform(0.25, 1.0) / 255.0))
    return canvas


def ramp(value: F32, stops: list[tuple[float, Colour]]) -> F32:
    """(H, W, 3) colours interpolated between (position, colour) stops."""
    positions = [position for position, _ in stops]
    return np.stack(
        [np.interp(value, positions, [colour[k] for _, colour in stops]).astype(np.float32) for k in range(3)], axis=-1
    )


def mix(one: F32, two: F32 | Colour, share: F32) -> F32:
    """Blends (H, W, 3) images by an (H, W) share in [0, 1]."""
    weight = np.clip(share, 0.0, 1.0)[..., None]
    return np.asarray(one * (1 - weight) + np.asarray(two, dtype=np.float32) * weight, dtype=np.float32)


def step(value: F32, low: float, high: float) -> F32:
    """Smooth step from 0 below ``low`` to 1 above ``high``."""
    t = np.clip((value - low) / (high - low), 0.0, 1.0)
    return np.asarray(t * t * (3 - 2 * t), dtype=np.float32)
