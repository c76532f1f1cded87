"""The camera model: exposure, white balance, lens, noise, tone, and what it promises about randomness."""

from __future__ import annotations

import numpy as np
import pytest

from synthgen.config.distributions import constant
from synthgen.config.models import SenseConfig
from synthgen.errors import ConfigError, InternalError
from synthgen.sense.camera_model import meter, sense, white_balance_gains
from synthgen.sense.noise import NORMAL_QUANTILES, fill_normal
from synthgen.sense.presets import PRESETS, draw_settings, sense_preset_names
from synthgen.sense.tone import roll_off, srgb_encode, tone_table
from synthgen.types.images import Images


def picture(
    value: float | tuple[float, float, float] = 0.2, count: int = 1, height: int = 48, width: int = 64
) -> Images:
    pixels = np.empty((count, height, width, 3), np.float32)
    pixels[...] = value
    return Images("linear", pixels)


def ramp(height: int = 64, width: int = 96) -> Images:
    values = np.linspace(0.01, 1.5, width, dtype=np.float32)
    return Images("linear", np.broadcast_to(values[None, None, :, None], (1, height, width, 3)).copy())


def rngs(count: int, seed: int = 5) -> list[np.random.Generator]:
    return [np.random.default_rng((seed, i)) for i in range(count)]


@pytest.mark.parametrize("preset", sense_preset_names())
def test_every_preset_gives_a_usable_picture(preset: str) -> None:
    out = sense(ramp(), SenseConfig(preset=preset), rngs=rngs(1))
    assert out.encoding == "srgb8" and out.pixels.dtype == np.uint8 and out.pixels.shape == (1, 64, 96, 3)
    columns = out.pixels[0, 16:48].mean(axis=(0, 2))
    assert columns[-8:].mean() > columns[:8].mean() + 60, "the ramp is still a ramp"
    assert 40 < out.pixels.mean() < 225, "neither black nor burnt out"


def test_all_presets_are_here() -> None:
    assert sense_preset_names() == (
        "none", "generic", "realsense_d435", "realsense_d415", "azure_kinect", "industrial_5mp", "webcam",
    )  # fmt: skip


def test_unknown_preset_names_the_nearest() -> None:
    with pytest.raises(ConfigError) as error:
        sense(picture(), SenseConfig(preset="realsense_d455"), rngs=rngs(1))
    assert str(error.value) == (
        "sense.preset: 'realsense_d455' is not known; allowed: none, generic, realsense_d435, realsense_d415, "
        "azure_kinect, industrial_5mp, webcam; did you mean realsense_d435?"
    )


def test_wrong_number_of_streams() -> None:
    with pytest.raises(InternalError) as error:
        sense(picture(count=2), SenseConfig(), rngs=rngs(1))
    assert str(error.value) == (
        "sense was given 1 random streams for 2 images; exactly one per image is allowed; report this as a bug"
    )


def test_none_is_the_srgb_curve_and_nothing_else() -> None:
    values = np.array([0.0, 0.001, 0.0031308, 0.02, 0.18, 0.5, 0.99, 1.0, 3.0], np.float32)
    image = Images("linear", np.broadcast_to(values[None, None, :, None], (1, 4, 9, 3)).copy())
    out = sense(image, SenseConfig(preset="none"), rngs=rngs(1)).pixels
    expected = np.round(255 * srgb_encode(np.minimum(values.astype(float), 1)))
    assert np.abs(out.astype(int) - expected[None, None, :, None]).max() <= 1


def test_finished_pictures_pass_through_untouched() -> None:
    done = Images("srgb8", np.arange(48, dtype=np.uint8).reshape(1, 4, 4, 3))
    assert sense(done, SenseConfig(), rngs=rngs(1)) is done


def test_empty_batch() -> None:
    out = sense(picture(count=0), SenseConfig(), rngs=[])
    assert out.pixels.shape == (0, 48, 64, 3) and out.pixels.dtype == np.uint8


def test_same_stream_same_bytes_and_images_do_not_see_each_other() -> None:
    images = Images("linear", np.random.default_rng(0).random((3, 40, 56, 3), dtype=np.float32))
    together = sense(images, SenseConfig(preset="webcam"), rngs=rngs(3)).pixels
    again = sense(images, SenseConfig(preset="webcam"), rngs=rngs(3)).pixels
    assert together.tobytes() == again.tobytes()
    alone = sense(Images("linear", images.pixels[2:]), SenseConfig(preset="webcam"), rngs=rngs(3)[2:]).pixels
    assert alone.tobytes() == together[2:].tobytes()
    other = sense(images, SenseConfig(preset="webcam"), rngs=rngs(3, seed=6)).pixels
    assert other.tobytes() != together.tobytes()


def test_overriding_one_setting_moves_no_other() -> None:
    preset = PRESETS["webcam"]
    plain = draw_settings(preset, SenseConfig(preset="webcam"), rng=np.random.default_rng(1))
    fixed = draw_settings(preset, SenseConfig(preset="webcam", blur_px=constant(0)), rng=np.random.default_rng(1))
    assert fixed.blur_px == 0 != plain.blur_px
    assert (fixed.noise, fixed.gain, fixed.exposure_ev) == (plain.noise, plain.gain, plain.exposure_ev)


@pytest.mark.parametrize("factor", [1e-3, 1.0, 50.0])
def test_automatic_exposure_finds_the_same_picture_in_any_light(factor: float) -> None:
    scene = np.random.default_rng(2).random((1, 64, 64, 3), dtype=np.float32) * 0.8 + 0.05
    config = SenseConfig(preset="industrial_5mp", noise=constant(0))
    dim = sense(Images("linear", scene * np.float32(factor)), config, rngs=rngs(1)).pixels
    reference = sense(Images("linear", scene), config, rngs=rngs(1)).pixels
    assert np.abs(dim.astype(float) - reference).mean() < 8


def test_a_black_frame_stays_black_and_finite() -> None:
    out = sense(picture(0.0), SenseConfig(preset="industrial_5mp"), rngs=rngs(1)).pixels
    assert out.mean() < 60


def test_exposure_override_is_in_stops() -> None:
    config = {ev: SenseConfig(preset="none", exposure_ev=constant(ev)) for ev in (0.0, 1.0)}
    plain = sense(picture(0.2), config[0.0], rngs=rngs(1)).pixels[0, 0, 0, 0]
    brighter = sense(picture(0.2), config[1.0], rngs=rngs(1)).pixels[0, 0, 0, 0]
    assert plain == round(255 * float(srgb_encode(np.array(0.2))))
    assert brighter == round(255 * float(srgb_encode(np.array(0.4))))


def test_highlights_hold_the_exposure_back() -> None:
    dark = np.full((64, 64, 3), 0.05, np.float32)
    lamp = dark.copy()
    lamp[:16] = 20.0
    assert meter(lamp) < 0.5 * meter(dark)


def test_white_balance_takes_the_cast_out_in_part() -> None:
    warm = np.full((64, 64, 3), (0.5, 0.4, 0.28), np.float32)
    full = warm * white_balance_gains(warm, left=0.0)
    half = warm * white_balance_gains(warm, left=0.5)
    assert np.allclose(white_balance_gains(warm, left=1.0), 1.0)
    before, after, between = (image[0, 0, 0] / image[0, 0, 2] for image in (warm, full, half))
    assert after == pytest.approx(1.0, abs=0.02)
    assert after < between < before
    luma = np.array([0.2126, 0.7152, 0.0722])
    assert white_balance_gains(warm, left=0.0) @ luma == pytest.approx(1.0)


def test_white_balance_leaves_a_blue_bin_blue() -> None:
    blue = np.full((64, 64, 3), (0.05, 0.1, 0.6), np.float32)
    balanced = blue * white_balance_gains(blue, left=0.0)
    assert balanced[0, 0, 2] > 3 * balanced[0, 0, 0]


def test_noise_grows_like_the_root_of_the_signal() -> None:
    """Shot noise: four times the light, twice the noise; the curve is undone before measuring."""
    spread = []
    for level in (0.1, 0.4):
        config = SenseConfig(preset="none", noise=constant(6.0))
        out = sense(picture(level, height=200, width=200), config, rngs=rngs(1)).pixels[0].astype(float) / 255
        linear = np.where(out <= 0.04045, out / 12.92, ((out + 0.055) / 1.055) ** 2.4)
        spread.append(linear.std())
        assert linear.mean() == pytest.approx(level, rel=0.03), "noise does not shift the mean"
    assert spread[1] / spread[0] == pytest.approx(2.0, rel=0.15)


def test_noise_factor_zero_is_noise_free() -> None:
    config = SenseConfig(preset="webcam", noise=constant(0), vignette=constant(0), exposure_ev=constant(0))
    out = sense(picture(0.2), config, rngs=rngs(1)).pixels
    assert len(np.unique(out.reshape(-1, 3), axis=0)) == 1


def test_vignette_darkens_corners_by_its_share() -> None:
    config = SenseConfig(preset="none", vignette=constant(0.5))
    out = sense(picture(0.5, height=201, width=201), config, rngs=rngs(1)).pixels[0, :, :, 0].astype(float) / 255
    linear = ((out + 0.055) / 1.055) ** 2.4
    assert linear[100, 100] == pytest.approx(0.5, abs=0.01)
    assert linear[0, 0] == pytest.approx(0.25, abs=0.015)


def test_blur_keeps_the_light_and_spreads_it() -> None:
    image = picture(0.0)
    image.pixels[0, 24, 32] = 0.8
    sharp = sense(image, SenseConfig(preset="none"), rngs=rngs(1)).pixels
    soft = sense(image, SenseConfig(preset="none", blur_px=constant(1.5)), rngs=rngs(1)).pixels
    assert (sharp > 0).sum() == 3 < (soft > 0).sum()
    assert soft.max() < sharp.max()


@pytest.mark.parametrize(("shoulder", "contrast"), [(1.0, 0.0), (0.7, 0.2), (0.6, 0.3)])
def test_tone_curves_rise_from_black_to_white(shoulder: float, contrast: float) -> None:
    table = tone_table(shoulder, contrast)
    assert table[0] == 0 and table[-1] == pytest.approx(1, abs=1e-6)
    assert (np.diff(table) >= -1e-7).all()
    knee = roll_off(np.array([shoulder - 1e-4, shoulder, shoulder + 1e-4]), shoulder)
    assert np.diff(knee) == pytest.approx([1e-4, 1e-4 if shoulder < 1 else 0], rel=1e-2, abs=1e-9)


def test_noise_is_normal_and_a_function_of_key_and_place() -> None:
    first, longer, other = np.empty(100_001, np.float32), np.empty(200_000, np.float32), np.empty(100_001, np.float32)
    fill_normal(first, np.uint64(7), NORMAL_QUANTILES)
    fill_normal(longer, np.uint64(7), NORMAL_QUANTILES)
    fill_normal(other, np.uint64(8), NORMAL_QUANTILES)
    np.testing.assert_array_equal(first, longer[: len(first)])
    assert longer.mean() == pytest.approx(0, abs=0.01)
    assert longer.std() == pytest.approx(1, abs=0.01)
    assert (longer.astype(float) ** 4).mean() == pytest.approx(3, abs=0.06)
    assert np.abs(longer).max() > 3.3
    for step in (1, 2, 3, 4, 256 * 3):
        assert abs(np.corrcoef(longer[:-step], longer[step:])[0, 1]) < 0.01, step
    assert abs(np.corrcoef(first, other)[0, 1]) < 0.015
