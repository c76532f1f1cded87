"""Finds the ``sense`` settings with which our camera gives pictures like a set of photographs.

Analysis by synthesis: charts with known radiance are photographed by ``camera_model`` itself with trial settings and
measured by the same code as the photographs, until both agree. So whatever an estimator gets wrong cancels out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from synthgen.config.distributions import Distribution, constant, normal
from synthgen.config.models import SenseConfig
from synthgen.errors import AssetError
from synthgen.sense.camera_model import meter, photograph
from synthgen.sense.presets import Draw, Preset, draw_settings, preset_named
from synthgen.sense.statistics import BLOCK_PX, Picture, edge_sharpness, flatness, noise_curve, statistics_of
from synthgen.sense.tone import TABLE_MAX, TABLE_STEPS, tone_table
from synthgen.types.arrays import F32, F64, U8

NOISE_TRIALS = (0.0, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.4, 2.0, 3.0, 4.5, 7.0, 11.0, 16.0)
BLUR_TRIALS_PX = (0.0, 0.25, 0.4, 0.55, 0.7, 0.85, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0)
SHARPEN_TRIALS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0)
BIN_SHARE = 0.02  # a brightness level counts when at least this share of all blocks has it
SUPERSAMPLE = 4
CHART_PX = 256


@dataclass(frozen=True, eq=False)
class Fit:
    """What ``fit_sense`` found.

    Attributes:
        config: the settings; fields that the photographs say nothing about are None.
        pictures: statistics of every photograph.
        unknown: what could not be measured, and why, as sentences.
    """

    config: SenseConfig
    pictures: tuple[Picture, ...]
    unknown: tuple[str, ...]


def fit_sense(photographs: Sequence[U8], *, preset_name: str) -> Fit:
    """Settings that override the preset's so that pictures come out like these photographs.

    Args:
        photographs: (H, W, 3) uint8 RGB each, of one camera, at the size of the images to be made.
        preset_name: the preset whose tone curve, grain and colours are kept.

    Raises:
        AssetError: the photographs are black, white or empty.
        ConfigError: no such preset.
    """
    preset = preset_named(preset_name)
    pictures = tuple(statistics_of(photograph) for photograph in photographs)
    usable = [p for p in pictures if 4.0 < p.brightness < 251.0]
    if not usable:
        levels = ", ".join(f"{p.brightness:.0f}" for p in pictures[:5]) or "none"
        raise AssetError(
            f"none of the {len(pictures)} photographs can be used: their mean brightness is {levels} of 255; allowed: "
            "4 to 251. Take pictures of the cell in its usual light"
        )
    lost = vignette_ev(preset)
    exposures = [
        exposure_ev(image, preset) - lost for image, p in zip(photographs, pictures, strict=True) if p in usable
    ]
    blur_px, sharpen = _fit_edges(usable, preset)
    noise = _fit_noise(usable, preset, sharpen=sharpen or 0.0, blur_px=blur_px or 0.0)
    config = SenseConfig(
        preset=preset_name,
        exposure_ev=spread(exposures, -8.0, 8.0),
        white_balance=constant(0),
        red_ev=spread([p.red_ev for p in usable], -2.0, 2.0),
        blue_ev=spread([p.blue_ev for p in usable], -2.0, 2.0),
        blur_px=None if blur_px is None else constant(blur_px),
        sharpen=None if sharpen is None else constant(sharpen),
        noise=None if noise is None else constant(noise),
        gain=None if noise is None else constant(1),
    )
    unknown = []
    if blur_px is None:
        unknown.append("blur: too few sharp edges in the photographs; the preset's stays. Show some objects")
    if noise is None:
        unknown.append("noise: no flat areas in the photographs; the preset's stays. Show some plain surface")
    return Fit(config, pictures, tuple(unknown))


def exposure_ev(image: U8, preset: Preset) -> float:
    """Stops by which the photograph is brighter than our meter would make it."""
    table = tone_table(preset.shoulder, preset.contrast).astype(np.float64)
    linear = TABLE_MAX * np.linspace(0.0, 1.0, TABLE_STEPS) ** 2
    # Past the table's white everything is white: take the first value that rounds to it.
    rising = np.flatnonzero(np.diff(table, prepend=-1.0) > 0)
    levels = np.interp(np.minimum(np.arange(256) / 255.0, 254.5 / 255.0), table[rising], linear[rising])
    return float(np.clip(-math.log2(meter(levels.astype(np.float32)[image])), -8.0, 8.0))


def vignette_ev(preset: Preset) -> float:
    """Mean stops that the preset's vignette takes from a picture: the photographs already hold their own."""
    share = 0.5 * (preset.vignette.low + preset.vignette.high)
    falloff = 1.0 / math.sqrt(max(1.0 - share, 0.01)) - 1.0
    x = (np.arange(64) + 0.5) / 32 - 1.0
    return float(-2.0 * np.log2(1.0 + falloff * 0.5 * (x * x + x[:, None] ** 2)).mean())


def spread(values: Sequence[float], low: float, high: float) -> Distribution:
    """The values as a normal distribution that stays within the bounds."""
    mean = float(np.clip(np.mean(values), low, high))
    sd = float(np.std(values)) if len(values) > 1 else 0.0
    sd = min(sd, (high - mean) / 3.0, (mean - low) / 3.0)
    return constant(round(mean, 3)) if round(sd, 3) == 0 else normal(round(mean, 3), round(sd, 3))


def _fit_edges(pictures: Sequence[Picture], preset: Preset) -> tuple[float | None, float | None]:
    """(blur_px, sharpen): lens blur, or sharpening where the photographs are crisper than any lens."""
    known = [p.sharpness for p in pictures if math.isfinite(p.sharpness)]
    if not known:
        return None, None
    wanted = float(np.median(known))
    chart = edge_chart()
    blurred = [_chart_sharpness(chart, preset, blur_px=b, sharpen=0.0) for b in BLUR_TRIALS_PX]
    if wanted <= blurred[0]:
        return round(_crossing(BLUR_TRIALS_PX, blurred, wanted), 3), 0.0
    crisp = [_chart_sharpness(chart, preset, blur_px=0.0, sharpen=s) for s in SHARPEN_TRIALS]
    return 0.0, round(_crossing(SHARPEN_TRIALS, crisp, wanted), 3)


def _chart_sharpness(chart: F32, preset: Preset, *, blur_px: float, sharpen: float) -> float:
    settings = replace(_plain(preset), blur_px=blur_px, sharpen=sharpen)
    picture = photograph(chart, replace(preset, auto_exposure=False), settings, rng=np.random.default_rng(0))
    return edge_sharpness(picture[..., 1].astype(np.float32))


def _fit_noise(pictures: Sequence[Picture], preset: Preset, *, sharpen: float, blur_px: float) -> float | None:
    """Factor on the preset's noise with which flat areas of equal brightness come out as noisy."""
    blocks = np.concatenate([p.blocks for p in pictures])
    curve = noise_curve(blocks)
    wide = 0.5 * (max(curve) - min(curve)) / max(len(curve) - 1, 1) if len(curve) > 1 else 16.0
    share = {level: float((np.abs(blocks[:, 0] - level) < max(wide, 8.0)).mean()) for level in curve}
    curve = {level: sd for level, sd in curve.items() if share[level] >= BIN_SHARE}
    if not curve:
        return None
    chart = flat_chart()
    settings = replace(_plain(preset), blur_px=blur_px, sharpen=sharpen)
    fixed = replace(preset, auto_exposure=False)
    ratios = []
    for trial in NOISE_TRIALS:
        picture = photograph(chart, fixed, replace(settings, noise=trial), rng=np.random.default_rng(1))
        own = noise_curve(flatness(picture[..., 1]))
        # 8-bit rounding hides what is finer than about a quarter of a level, in the photographs as in ours.
        both = [(max(own[level], 0.15), max(curve[level], 0.15), share[level]) for level in curve if level in own]
        if not both:
            return None
        # Levels may hold nothing but texture: the lowest noise that a level asks for is the safest to believe.
        ratios.append(float(min(math.log(theirs / ours) for ours, theirs, _ in both)))
    return round(_crossing(NOISE_TRIALS, ratios, 0.0), 3)


def _crossing(trials: Sequence[float], found: Sequence[float], wanted: float) -> float:
    """Trial value at which a monotonic curve reaches the wanted value, interpolated; an end where it does not."""
    x, y = np.asarray(trials), np.asarray(found)
    if y[0] > y[-1]:
        x, y = x[::-1], y[::-1]
    return float(np.interp(wanted, np.maximum.accumulate(y), x))


def _plain(preset: Preset) -> Draw:
    """The preset with everything off that the charts must not show."""
    drawn = draw_settings(preset, SenseConfig(), rng=np.random.default_rng(0))
    return replace(
        drawn, exposure_ev=0.0, white_balance=1.0, blur_px=0.0, vignette=0.0, noise=0.0, gain=1.0, sharpen=0.0,
        saturation=1.0,
    )  # fmt: skip


def edge_chart() -> F32:
    """(256, 256, 3) radiance: dark tilted squares on a bright ground, each pixel the mean of its area."""
    size = CHART_PX * SUPERSAMPLE
    big = np.full((size, size), 0.5, np.float32)
    for i, angle in enumerate(np.linspace(5.0, 80.0, 9)):
        centre = (np.array([i % 3, i // 3]) + 0.5) * size / 3
        box = cv2.boxPoints(((float(centre[0]), float(centre[1])), (size / 6, size / 6), float(angle)))
        cv2.fillConvexPoly(big, np.rint(box).astype(np.int32), 0.06 + 0.02 * i)
    small = cv2.resize(big, (CHART_PX, CHART_PX), interpolation=cv2.INTER_AREA)
    return np.repeat(small[..., None], 3, axis=2)


def flat_chart() -> F32:
    """(H, W, 3) radiance: even patches of every brightness, large enough for many blocks."""
    side = 4 * BLOCK_PX
    levels: F64 = np.linspace(0.002, 1.0, 36) ** 1.5
    rows = [np.hstack([np.full((side, side), level) for level in levels[i : i + 6]]) for i in range(0, 36, 6)]
    return np.repeat(np.vstack(rows).astype(np.float32)[..., None], 3, axis=2)
