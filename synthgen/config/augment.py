"""The ``augment`` list: photometric effects by name, with distributions. None of them moves a pixel's content.

An entry is a block with one key, the effect's name: ``{blur: {p: 0.3, sigma_px: {uniform: [0.3, 1.5]}}}``.
``augment.effects`` holds the code of each; a test compares the two tables.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from synthgen.config.distributions import Distribution, constant, log_uniform, uniform, uniform_int, within
from synthgen.config.frozen import Frozen

Angle = Annotated[Distribution, within(-360, 360, "deg")]
Strength = Annotated[Distribution, within(0, 1)]
Factor = Annotated[Distribution, within(0, 4)]
EXAMPLE = [{"blur": {"p": 0.3, "sigma_px": {"uniform": [0.3, 1.5]}}}]


class Effect(Frozen):
    """One effect: ``p`` and its own parameters, each drawn anew for every image."""

    p: float = Field(1.0, ge=0, le=1, description="share of the images that get it")


class Blur(Effect):
    """Gaussian blur."""

    sigma_px: Annotated[Distribution, within(0, 10, "px")] = Field(uniform(0.3, 1.5), description="standard deviation")


class MotionBlur(Effect):
    """Camera or belt moving during the exposure: a straight, centred streak."""

    length_px: Annotated[Distribution, within(0, 60, "px")] = Field(uniform(2, 8), description="of the streak")
    angle_deg: Angle = Field(uniform(0, 180), description="of the streak from image +x towards +y")


class Defocus(Effect):
    """Out of focus: every point becomes an even disc."""

    radius_px: Annotated[Distribution, within(0, 20, "px")] = Field(uniform(0.5, 2.5), description="of the disc")


class Downscale(Effect):
    """Taken at a lower resolution and enlarged again."""

    factor: Annotated[Distribution, within(1, 8)] = Field(uniform(1.2, 2.5), description="old size / low resolution")


class Noise(Effect):
    """Gaussian noise."""

    sd_levels: Annotated[Distribution, within(0, 100)] = Field(uniform(2, 10), description="levels of 255")
    color: Strength = Field(constant(0.6), description="0 = the same in red, green and blue, 1 = independent")


class IsoNoise(Effect):
    """Noise of a high gain: in hue and lightness, stronger in the shadows."""

    color_shift: Annotated[Distribution, within(0, 0.5)] = Field(uniform(0.01, 0.05), description="spread of the hue")
    strength: Strength = Field(uniform(0.05, 0.2), description="spread of the lightness")


class Jpeg(Effect):
    """JPEG compression, with coloured detail halved as most cameras do."""

    quality: Annotated[Distribution, within(1, 100)] = Field(uniform_int(35, 90), description="1 coarse to 100 fine")


class Brightness(Effect):
    """More or less light, clipped at white."""

    ev: Annotated[Distribution, within(-5, 5, "EV")] = Field(uniform(-0.6, 0.6), description="stops, in linear light")


class Contrast(Effect):
    """Contrast around the image's own mean brightness."""

    factor: Factor = Field(uniform(0.7, 1.3), description="1 = unchanged, 0 = flat")


class Gamma(Effect):
    """Another tone curve: value ** exponent on 0..1."""

    exponent: Annotated[Distribution, within(0.2, 5)] = Field(log_uniform(0.75, 1.33), description="above 1 darker")


class Hue(Effect):
    """All colours turned around the grey axis, brightness kept."""

    shift_deg: Annotated[Distribution, within(-180, 180, "deg")] = Field(uniform(-10, 10), description="of the turn")


class Saturation(Effect):
    """Colourfulness."""

    factor: Factor = Field(uniform(0.6, 1.4), description="1 = unchanged, 0 = grey")


class ColorTemperature(Effect):
    """A white balance that was set for another light."""

    temperature_k: Annotated[Distribution, within(3000, 15000, "K")] = Field(
        uniform(4500, 9000), description="colour of the light; 6500 is neutral, less is warmer"
    )


class Grayscale(Effect):
    """A monochrome camera: three equal channels."""


class ChannelDropout(Effect):
    """Colour channels that fail: black."""

    channels: Annotated[Distribution, within(1, 2)] = Field(constant(1), description="how many of the three")


class LocalContrast(Effect):
    """Contrast-limited adaptive histogram equalisation, as some cameras' processors do it."""

    clip: Annotated[Distribution, within(1, 10)] = Field(uniform(1, 3), description="limit of the local gain")


class UnevenLight(Effect):
    """Brightness that falls off towards one side."""

    strength: Annotated[Distribution, within(0, 0.9)] = Field(uniform(0.1, 0.5), description="lost on the dark side")
    angle_deg: Angle = Field(uniform(0, 360), description="of the dark side from image +x towards +y")


class Shadow(Effect):
    """Soft, irregular shadows of things outside the scene."""

    strength: Annotated[Distribution, within(0, 0.95)] = Field(uniform(0.15, 0.45), description="of the darkening")


class Glare(Effect):
    """Veiling glare: a lamp beside the view lights up the lens."""

    strength: Strength = Field(uniform(0.1, 0.5), description="of the glow at its brightest")
    radius: Annotated[Distribution, within(0.05, 2)] = Field(uniform(0.3, 0.9), description="of the glow / image size")


class Fog(Effect):
    """Haze, steam or a misted lens: a bright veil with soft clouds."""

    density: Annotated[Distribution, within(0, 0.95)] = Field(uniform(0.1, 0.4), description="share of the light lost")


class Dust(Effect):
    """Specks on the lens, far out of focus: soft dark and bright discs."""

    specks: Annotated[Distribution, within(0, 200)] = Field(uniform_int(3, 20), description="how many")
    radius: Annotated[Distribution, within(0.002, 0.2)] = Field(uniform(0.008, 0.03), description="/ image size")
    opacity: Strength = Field(uniform(0.1, 0.4), description="of a speck")


class Dirt(Effect):
    """Dried splashes on the lens or its window."""

    cover: Annotated[Distribution, within(0, 0.5)] = Field(uniform(0.01, 0.06), description="share of the image")


class Droplets(Effect):
    """Water or coolant drops on the lens or its window."""

    cover: Annotated[Distribution, within(0, 0.5)] = Field(uniform(0.01, 0.05), description="share of the image")


class AugmentEntry(Frozen):
    """One entry of ``augment``: exactly one effect."""

    blur: Blur | None = Field(None, description="Gaussian blur")
    motion_blur: MotionBlur | None = Field(None, description="a moving camera or belt")
    defocus: Defocus | None = Field(None, description="out of focus")
    downscale: Downscale | None = Field(None, description="taken at a lower resolution")
    noise: Noise | None = Field(None, description="Gaussian noise")
    iso_noise: IsoNoise | None = Field(None, description="colour noise of a high gain")
    jpeg: Jpeg | None = Field(None, description="JPEG compression")
    brightness: Brightness | None = Field(None, description="more or less light")
    contrast: Contrast | None = Field(None, description="contrast around the mean")
    gamma: Gamma | None = Field(None, description="another tone curve")
    hue: Hue | None = Field(None, description="colours turned")
    saturation: Saturation | None = Field(None, description="colourfulness")
    color_temperature: ColorTemperature | None = Field(None, description="white balance set for another light")
    grayscale: Grayscale | None = Field(None, description="a monochrome camera")
    channel_dropout: ChannelDropout | None = Field(None, description="failed colour channels")
    local_contrast: LocalContrast | None = Field(None, description="adaptive histogram equalisation")
    uneven_light: UnevenLight | None = Field(None, description="brightness falls off to one side")
    shadow: Shadow | None = Field(None, description="soft shadows of things outside the scene")
    glare: Glare | None = Field(None, description="a lamp lights up the lens")
    fog: Fog | None = Field(None, description="haze, steam, a misted lens")
    dust: Dust | None = Field(None, description="specks on the lens")
    dirt: Dirt | None = Field(None, description="dried splashes on the lens")
    droplets: Droplets | None = Field(None, description="drops on the lens")

    @model_validator(mode="after")
    def _one_effect(self) -> AugmentEntry:
        given = [name for name in EFFECTS if getattr(self, name) is not None]
        if len(given) != 1:
            held = f"holds {len(given)} effects ({', '.join(given)})" if given else "holds no effect"
            raise ValueError(f"{held}; allowed: one per entry; write - {{{given[0] if given else 'blur'}: {{p: 0.3}}}}")
        return self

    @property
    def name(self) -> str:
        """The effect's name."""
        return next(name for name in EFFECTS if getattr(self, name) is not None)

    @property
    def effect(self) -> Effect:
        """The effect's parameters."""
        found = getattr(self, self.name)
        assert isinstance(found, Effect)
        return found


EFFECTS: tuple[str, ...] = tuple(AugmentEntry.model_fields)
