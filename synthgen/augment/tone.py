"""Effects on brightness and colour, pixel by pixel."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from synthgen.augment.clouds import clouds
from synthgen.augment.light import LINEAR, to_bytes, to_linear
from synthgen.types.arrays import F32, F64, U8

NEUTRAL_K = 6500.0
RGB_OF_XYZ = np.array([[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]])
LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)


def brightness(image: U8, parameters: Mapping[str, float], seed: int) -> U8:
    """Stops of exposure, in linear light."""
    table = to_bytes(LINEAR * np.float32(2.0 ** parameters["ev"]))
    return table[image]


def contrast(image: U8, parameters: Mapping[str, float], seed: int) -> U8:
    """Spreads values around the image's mean luma."""
    middle = float(image.reshape(-1, 3).mean(axis=0) @ LUMA.astype(np.float64))
    return _table(middle + parameters["factor"] * (np.arange(256.0) - middle))[image]


def gamma(image: U8, parameters: Mapping[str, float], seed: int) -> U8:
    """value ** exponent on 0..1."""
    return _table(255.0 * (np.arange(256.0) / 255.0) ** parameters["exponent"])[image]


def hue(image: U8, parameters: Mapping[str, float], seed: int) -> U8:
    """Turn around the grey axis that keeps luma (matrix of SVG's feColorMatrix hueRotate)."""
    angle = math.radians(parameters["shift_deg"])
    c, s = math.cos(angle), math.sin(angle)
    r, g, b = (float(x) for x in (0.213, 0.715, 0.072))
    matrix = (
        np.array([[r, g, b]] * 3)
        + c * (np.eye(3) - np.array([[r, g, b]] * 3))
        + s * np.array([[-r, -g, 1 - b], [0.143, 0.140, -0.283], [r - 1, g, b]])
    )
    return rounded(image.astype(np.float32) @ matrix.T.astype(np.float32))


def saturation(image: U8, parameters: Mapping[str, float], seed: int) -> U8:
    """Away from (or towards) the pixel's own luma."""
    values = image.astype(np.float32)
    luma = (values @ LUMA)[..., None]
    return rounded(luma + np.float32(parameters["factor"]) * (values - luma))


def color_temperature(image: U8, parameters: Mapping[str, float], seed: int) -> U8:
    """Gains in linear light: a Planckian light seen with a white balance for 6500 K, luma of grey kept."""
    gains = planckian(parameters["temperature_k"]) / planckian(NEUTRAL_K)
    return to_bytes(to_linear(image) * (gains / (gains @ LUMA)).astype(np.float32))


def planckian(temperature_k: float) -> F64:
    """(3,) linear sRGB of a black body, green about 1 (Kim et al. 2002, cubic fit of the locus, 1667 to 25000 K)."""
    t = 1000.0 / temperature_k
    if temperature_k <= 4000:
        x = -0.2661239 * t**3 - 0.2343589 * t**2 + 0.8776956 * t + 0.179910
        y = -0.9549476 * x**3 - 1.37418593 * x**2 + 2.09137015 * x - 0.16748867
    else:
        x = -3.0258469 * t**3 + 2.1070379 * t**2 + 0.2226347 * t + 0.240390
        y = 3.0817580 * x**3 - 5.8733867 * x**2 + 3.75112997 * x - 0.37001483
    xyz = np.array([x / y, 1.0, (1.0 - x - y) / y])
    return RGB_OF_XYZ @ xyz


def grayscale(image: U8, parameters: Mapping[str, float], seed: int) -> U8:
    """Luma in all three channels."""
    return np.repeat(rounded(image.astype(np.float32) @ LUMA)[..., None], 3, axis=2)


def uneven_light(image: U8, parameters: Mapping[str, float], seed: int) -> U8:
    """A smooth ramp of light across the image."""
    height, width = image.shape[:2]
    angle = math.radians(parameters["angle_deg"])
    x = (np.arange(width) + 0.5) / width - 0.5
    y = ((np.arange(height) + 0.5) / height - 0.5)[:, None]
    reach = 0.5 * (abs(math.cos(angle)) + abs(math.sin(angle)))
    ramp = np.clip(0.5 + 0.5 * (math.cos(angle) * x + math.sin(angle) * y) / reach, 0.0, 1.0)
    gain = 1.0 - parameters["strength"] * ramp * ramp * (3.0 - 2.0 * ramp)
    return to_bytes(to_linear(image) * gain.astype(np.float32)[..., None])


def shadow(image: U8, parameters: Mapping[str, float], seed: int) -> U8:
    """Large soft patches with less light; their edges stay wider than those of things."""
    rng = np.random.default_rng(seed)
    field = clouds(image.shape[0], image.shape[1], cells=2, octaves=2, rng=rng)
    level = np.quantile(field, float(rng.uniform(0.45, 0.75)))
    dark = np.clip(0.5 + (field - level) / 0.7, 0.0, 1.0)
    lost = np.float32(parameters["strength"]) * dark * dark * (3.0 - 2.0 * dark)
    return to_bytes(to_linear(image) * (1.0 - lost)[..., None])


def rounded(values: F32 | F64) -> U8:
    """0..255 floats -> uint8, clipped."""
    return np.rint(np.clip(values, 0.0, 255.0)).astype(np.uint8)


def _table(values: F64) -> U8:
    return np.rint(np.clip(values, 0.0, 255.0)).astype(np.uint8)
