"""The camera: linear scene radiance -> 8-bit picture.

Order of a real camera: exposure metered on the scene, lens (blur, vignette), sensor (shot and read noise in
electrons, before any curve), white balance, tone curve, sRGB encoding, the processor's sharpening, 8 bits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np

from synthgen.config.models import SenseConfig
from synthgen.errors import InternalError
from synthgen.sense.noise import NORMAL_QUANTILES, fill_normal
from synthgen.sense.presets import Draw, Preset, draw_settings, preset_named
from synthgen.sense.sensor import develop, finish
from synthgen.sense.tone import tone_table
from synthgen.types.arrays import F32, U8
from synthgen.types.images import Images

LUMA = np.array([0.2126, 0.7152, 0.0722])  # Rec. 709
MIDDLE_GREY = 0.22  # where the metered log-average lands, linear
HIGHLIGHT_PERCENTILE = 97.0
HIGHLIGHT_LIMIT = 0.95  # linear value that the highlight percentile may reach before the meter darkens the picture
HIGHLIGHT_WEIGHT = 0.65
METER_RANGE_EV = (-10.0, 12.0)
METER_FLOOR = 2e-6  # radiance below which the meter sees nothing: a black frame stays black
METER_STRIDE = 4  # every fourth pixel in x and y is enough for a meter
FLARE_LIMIT = 24.0  # white levels: radiance above it only widens the lens' blur of lamps and the sun
CAST_LIMIT_EV = 0.6  # white balance never moves red against blue by more than this each way
TINT_LIMIT_EV = 0.15  # ... and green against both: lights are near the Planckian locus, green things are not lights


def sense(images: Images, config: SenseConfig, *, rngs: Sequence[np.random.Generator]) -> Images:
    """Turns linear radiance into camera pictures; finished pictures pass through untouched.

    Args:
        images: B images.
        config: preset and overrides.
        rngs: one stream per image; image i depends on ``images.pixels[i]`` and ``rngs[i]`` alone.

    Returns:
        B images with encoding "srgb8".

    Raises:
        ConfigError: the preset does not exist.
        InternalError: the number of streams is not the number of images.
    """
    preset = preset_named(config.preset)
    if images.encoding == "srgb8":
        return images
    if len(rngs) != len(images.pixels):
        raise InternalError(
            f"sense was given {len(rngs)} random streams for {len(images.pixels)} images; exactly one per image is "
            "allowed; report this as a bug"
        )
    out = np.empty(images.pixels.shape, np.uint8)
    for i, rng in enumerate(rngs):
        settings = draw_settings(preset, config, rng=rng)
        out[i] = photograph(images.pixels[i].astype(np.float32, copy=False), preset, settings, rng=rng)
    return Images("srgb8", out)


def photograph(radiance: F32, preset: Preset, settings: Draw, *, rng: np.random.Generator) -> U8:
    """(H, W, 3) float32 linear radiance -> (H, W, 3) uint8 sRGB with one camera's drawn settings."""
    exposure = (meter(radiance) if preset.auto_exposure else 1.0) * 2.0**settings.exposure_ev
    gains = white_balance_gains(radiance, left=settings.white_balance)
    if settings.red_ev or settings.blue_ev:
        gains = _tinted(gains, settings.red_ev, settings.blue_ev)
    image = np.minimum(radiance, np.float32(FLARE_LIMIT / exposure))
    if settings.blur_px > 0:
        image = cv2.GaussianBlur(image, (0, 0), settings.blur_px, dst=image, borderType=cv2.BORDER_REFLECT_101)
    encoded = develop(
        image,
        _noise(image.shape, preset.grain, settings.noise, rng=rng),
        np.float32(exposure),
        gains,
        np.float32(settings.vignette),
        np.float32(settings.noise**2 * settings.gain / preset.full_well_e),
        np.float32((settings.noise * settings.gain * preset.read_noise_e / preset.full_well_e) ** 2),
        tone_table(preset.shoulder, preset.contrast),
    )
    halo = encoded
    if settings.sharpen > 0:
        halo = cv2.GaussianBlur(encoded, (0, 0), 1.0, borderType=cv2.BORDER_REFLECT_101)
    return finish(encoded, halo, np.float32(settings.sharpen), np.float32(settings.saturation))


def meter(radiance: F32) -> float:
    """Exposure factor of a camera's automatic: log-average to middle grey, held back by the highlights.

    Args:
        radiance: (H, W, 3) linear.
    """
    sample = radiance[::METER_STRIDE, ::METER_STRIDE]
    luminance = (sample @ np.array([0.2126, 0.7152, 0.0722], np.float32)).astype(np.float64)
    log_average = math.exp(float(np.log(luminance + METER_FLOOR).mean()))
    exposure = MIDDLE_GREY / max(log_average, METER_FLOOR)
    highlight = float(np.percentile(luminance, HIGHLIGHT_PERCENTILE))
    if highlight * exposure > HIGHLIGHT_LIMIT:
        # Real meters compromise: they give up a good part of the excess (in stops) to the highlights.
        exposure *= (HIGHLIGHT_LIMIT / (highlight * exposure)) ** HIGHLIGHT_WEIGHT
    return float(np.clip(exposure, 2.0 ** METER_RANGE_EV[0], 2.0 ** METER_RANGE_EV[1]))


def white_balance_gains(radiance: F32, *, left: float) -> F32:
    """(3,) gains that remove the share 1 - ``left`` of the estimated warm-cold cast, luminance kept.

    The illuminant is estimated by "shades of grey" (Finlayson and Trezzi 2004, Minkowski norm 6) on unclipped
    pixels; its red-blue part, and a little of its green, is corrected, within limits, so that a blue bin stays blue.
    """
    channels = np.moveaxis(radiance[::METER_STRIDE, ::METER_STRIDE], -1, 0).reshape(3, -1).astype(np.float64)
    brightest = np.maximum(np.maximum(channels[0], channels[1]), channels[2])
    limit = np.percentile(brightest, 95)
    square = np.square(channels[:, brightest <= max(limit, 1e-6)])
    illuminant = (square * square * square).mean(axis=1) ** (1 / 6) + 1e-6
    cast = 0.5 * math.log2(illuminant[0] / illuminant[2])
    tint = math.log2(illuminant[1]) - 0.5 * math.log2(illuminant[0] * illuminant[2])
    correction = float(np.clip(cast, -CAST_LIMIT_EV, CAST_LIMIT_EV)) * (1.0 - left)
    green = float(np.clip(tint, -TINT_LIMIT_EV, TINT_LIMIT_EV)) * (1.0 - left)
    gains = np.array([2.0**-correction, 2.0**-green, 2.0**correction])
    return (gains / (gains @ LUMA)).astype(np.float32)


def _tinted(gains: F32, red_ev: float, blue_ev: float) -> F32:
    """White balance gains with the cast that the camera leaves, luminance kept."""
    cast = gains * np.array([2.0**red_ev, 1.0, 2.0**blue_ev])
    return (cast / (cast @ LUMA)).astype(np.float32)


def _noise(shape: tuple[int, ...], grain: float, amount: float, *, rng: np.random.Generator) -> F32:
    """(H, W, 3) standard normal noise, partly correlated between neighbours as demosaicing leaves it."""
    if amount <= 0:
        return np.zeros(shape, np.float32)
    noise = np.empty(shape, np.float32)
    fill_normal(noise.reshape(-1), np.uint64(rng.integers(2**63)), NORMAL_QUANTILES)
    if grain <= 0:
        return noise
    side = grain / 4.0  # [side, 1 - 2 side, side] along x and y; grain 1 = binomial
    kernel = np.array([side, 1.0 - 2.0 * side, side], np.float32)
    scale = 1.0 / float((kernel**2).sum())  # keeps the standard deviation at 1
    return cv2.sepFilter2D(noise, -1, kernel, kernel * np.float32(scale), borderType=cv2.BORDER_REFLECT_101)
