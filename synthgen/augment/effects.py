"""The effects by name: one literal table. ``config.augment`` holds their parameters and bounds.

Every effect is a pure function (image, parameters, seed) -> image on (H, W, 3) uint8 RGB; the seed draws what is too
much to list (noise, places of specks). None of them is geometric.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from synthgen.augment import albums, lens, signal, tone
from synthgen.types.arrays import U8

EffectFn = Callable[[U8, Mapping[str, float], int], U8]

EFFECTS: dict[str, EffectFn] = {
    "blur": lens.blur,
    "motion_blur": lens.motion_blur,
    "defocus": lens.defocus,
    "downscale": signal.downscale,
    "noise": signal.noise,
    "iso_noise": albums.iso_noise,
    "jpeg": signal.jpeg,
    "brightness": tone.brightness,
    "contrast": tone.contrast,
    "gamma": tone.gamma,
    "hue": tone.hue,
    "saturation": tone.saturation,
    "color_temperature": tone.color_temperature,
    "grayscale": tone.grayscale,
    "channel_dropout": albums.channel_dropout,
    "local_contrast": albums.local_contrast,
    "uneven_light": tone.uneven_light,
    "shadow": tone.shadow,
    "glare": lens.glare,
    "fog": lens.fog,
    "dust": lens.dust,
    "dirt": lens.dirt,
    "droplets": lens.droplets,
}
