"""Camera presets: one literal table. Numbers are typical of the sensor class (pixel size, full well, read noise)."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, replace

import numpy as np

from synthgen.config.distributions import Distribution, constant, normal, uniform
from synthgen.config.models import SenseConfig
from synthgen.errors import ConfigError


@dataclass(frozen=True)
class Preset:
    """One camera.

    Attributes:
        auto_exposure: meter the picture; False = the scene's radiance 1 is white.
        exposure_ev: stops added to the metered exposure.
        white_balance: share of the illuminant's colour that is left in the picture, 0 = perfect, 1 = none corrected.
        blur_px: standard deviation of the lens' Gaussian point spread, pixels.
        vignette: relative loss of light in the image corners, 0..1.
        full_well_e: electrons of a white pixel at gain 1.
        read_noise_e: electrons, standard deviation.
        gain: analogue gain the auto exposure ended up with (1 = bright scene).
        noise: factor on shot and read noise: what the camera's own denoiser leaves of it.
        grain: 1 = noise smoothed by demosaicing (as colour cameras give it), 0 = independent in every pixel.
        sharpen: unsharp-mask amount of the camera's own processor.
        shoulder: linear value from which highlights roll off, 1 = hard clip.
        contrast: strength of the S-curve after sRGB encoding, 0 = none.
        saturation: factor on colourfulness.
    """

    auto_exposure: bool
    exposure_ev: Distribution
    white_balance: Distribution
    blur_px: Distribution
    vignette: Distribution
    full_well_e: float
    read_noise_e: float
    gain: Distribution
    noise: Distribution
    grain: float
    sharpen: Distribution
    shoulder: float
    contrast: float
    saturation: Distribution


NEUTRAL = constant(0)

# A small colour camera in a well-lit room; the others say where they differ.
GENERIC = Preset(
    auto_exposure=True,
    exposure_ev=normal(0.0, 0.25),
    white_balance=uniform(0.15, 0.5),
    blur_px=uniform(0.35, 0.7),
    vignette=uniform(0.05, 0.25),
    full_well_e=6000.0,
    read_noise_e=3.0,
    gain=uniform(1.0, 4.0),
    noise=uniform(0.4, 0.9),
    grain=0.6,
    sharpen=uniform(0.0, 0.3),
    shoulder=0.72,
    contrast=0.15,
    saturation=uniform(0.95, 1.1),
)

PRESETS: dict[str, Preset] = {
    "none": replace(
        GENERIC,
        auto_exposure=False,
        exposure_ev=constant(0),
        white_balance=constant(1),
        blur_px=constant(0),
        vignette=constant(0),
        noise=constant(0),
        sharpen=constant(0),
        shoulder=1.0,
        contrast=0.0,
        saturation=constant(1),
    ),
    "generic": GENERIC,
    # 1.4 um rolling-shutter colour sensor behind a cheap wide lens; its processor sharpens and saturates little.
    "realsense_d435": replace(
        GENERIC,
        exposure_ev=normal(-0.05, 0.25),
        white_balance=uniform(0.2, 0.6),
        blur_px=uniform(0.5, 0.9),
        vignette=uniform(0.1, 0.3),
        full_well_e=5000.0,
        gain=uniform(1.0, 5.0),
        noise=uniform(0.3, 0.7),
        grain=0.8,
        sharpen=uniform(0.1, 0.4),
        contrast=0.1,
        saturation=uniform(0.85, 1.0),
    ),
    # The same sensor behind a narrower lens: less vignette, a little sharper.
    "realsense_d415": replace(
        GENERIC,
        exposure_ev=normal(-0.05, 0.25),
        white_balance=uniform(0.2, 0.6),
        blur_px=uniform(0.4, 0.75),
        vignette=uniform(0.05, 0.2),
        full_well_e=5000.0,
        gain=uniform(1.0, 5.0),
        noise=uniform(0.3, 0.7),
        grain=0.8,
        sharpen=uniform(0.1, 0.4),
        contrast=0.1,
        saturation=uniform(0.85, 1.0),
    ),
    # 1.25 um, binned from 12 MP: less noise per output pixel, visible sharpening halos.
    "azure_kinect": replace(
        GENERIC,
        white_balance=uniform(0.1, 0.4),
        blur_px=uniform(0.35, 0.6),
        vignette=uniform(0.05, 0.2),
        full_well_e=9000.0,
        read_noise_e=2.5,
        gain=uniform(1.0, 4.0),
        sharpen=uniform(0.2, 0.5),
        contrast=0.2,
        saturation=uniform(1.0, 1.15),
    ),
    # 3.45 um global-shutter machine-vision sensor, good lens, no processing beyond gamma.
    "industrial_5mp": replace(
        GENERIC,
        exposure_ev=normal(-0.1, 0.15),
        white_balance=uniform(0.0, 0.25),
        blur_px=uniform(0.25, 0.45),
        vignette=uniform(0.0, 0.12),
        full_well_e=10500.0,
        read_noise_e=2.4,
        gain=uniform(1.0, 2.5),
        noise=constant(1.0),
        grain=0.3,
        sharpen=constant(0),
        shoulder=0.95,
        contrast=0.0,
        saturation=constant(1),
    ),
    # Small sensor in a dim room: noise, soft lens, heavy processing, colour cast.
    "webcam": replace(
        GENERIC,
        exposure_ev=normal(0.1, 0.35),
        white_balance=uniform(0.2, 0.7),
        blur_px=uniform(0.6, 1.2),
        vignette=uniform(0.15, 0.4),
        full_well_e=3500.0,
        read_noise_e=4.0,
        gain=uniform(2.0, 10.0),
        noise=uniform(0.3, 0.8),
        grain=1.0,
        sharpen=uniform(0.3, 0.9),
        shoulder=0.6,
        contrast=0.3,
        saturation=uniform(1.0, 1.3),
    ),
}


def sense_preset_names() -> tuple[str, ...]:
    """Names of the presets, in table order."""
    return tuple(PRESETS)


def preset_named(name: str) -> Preset:
    """The preset of that name.

    Raises:
        ConfigError: there is none.
    """
    if name in PRESETS:
        return PRESETS[name]
    nearest = difflib.get_close_matches(name, PRESETS, n=1, cutoff=0.3)
    hint = f"did you mean {nearest[0]}?" if nearest else "use generic if unsure"
    raise ConfigError(f"sense.preset: {name!r} is not known; allowed: {', '.join(PRESETS)}; {hint}")


@dataclass(frozen=True)
class Draw:
    """One camera's settings for one image, drawn from the preset and the pipeline's overrides (units as ``Preset``)."""

    exposure_ev: float
    white_balance: float
    blur_px: float
    vignette: float
    noise: float
    gain: float
    sharpen: float
    saturation: float
    red_ev: float
    blue_ev: float


def draw_settings(preset: Preset, config: SenseConfig, *, rng: np.random.Generator) -> Draw:
    """Draws every setting from a stream of its own: overriding one moves no other."""
    distributions = {
        "exposure_ev": config.exposure_ev or preset.exposure_ev,
        "white_balance": config.white_balance or preset.white_balance,
        "blur_px": config.blur_px or preset.blur_px,
        "vignette": config.vignette or preset.vignette,
        "noise": config.noise or preset.noise,
        "gain": config.gain or preset.gain,
        "sharpen": config.sharpen or preset.sharpen,
        "saturation": preset.saturation,
        "red_ev": config.red_ev or NEUTRAL,
        "blue_ev": config.blue_ev or NEUTRAL,
    }
    streams = rng.spawn(len(distributions))
    drawn = {name: d.sample(rng=own) for (name, d), own in zip(distributions.items(), streams, strict=True)}
    return Draw(**drawn)
