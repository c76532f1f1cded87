"""Augment: every effect by the same suite; drawing, recording and replaying; labels stay where they are."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgen.augment.albums import library
from synthgen.augment.effects import EFFECTS
from synthgen.augment.light import to_bytes, to_linear
from synthgen.augment.pictures import SEED_LIMIT, augment, draw_effects, replay
from synthgen.augment.tone import planckian
from synthgen.config import augment as config
from synthgen.config.augment import AugmentEntry
from synthgen.config.distributions import Distribution
from synthgen.errors import InternalError
from synthgen.types.images import Images

# Values at which an effect surely shows on the test picture, where its defaults may draw next to nothing.
STRONG: dict[str, dict[str, float]] = {
    "brightness": {"ev": 0.7},
    "contrast": {"factor": 1.5},
    "gamma": {"exponent": 1.4},
    "hue": {"shift_deg": 30},
    "saturation": {"factor": 0.3},
    "dust": {"specks": 20, "radius": 0.05, "opacity": 0.5},
    "dirt": {"cover": 0.1},
    "droplets": {"cover": 0.2},
}
# Effects that soften or cover: here an edge's place is its half-way crossing, averaged over all rows.
EDGE_TOLERANCE_PX = 0.5


def entry(name: str, **parameters: Any) -> AugmentEntry:
    return AugmentEntry.model_validate({name: parameters})


def scene(height: int = 72, width: int = 96) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Smooth colours, a dark disc, some texture."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    image = np.stack([60 + x, 70 + 1.2 * y, 160 - x], axis=-1)
    image[(x - 40) ** 2 + (y - 30) ** 2 < 200] = (30, 40, 90)
    image += np.random.default_rng(0).normal(0, 3, image.shape)
    return np.clip(image, 0, 255).astype(np.uint8)


def pictures(count: int = 3) -> Images:
    return Images("srgb8", np.stack([scene()] * count))


def rngs(count: int, seed: int = 3) -> list[np.random.Generator]:
    return [np.random.default_rng((seed, i)) for i in range(count)]


def test_the_names_of_the_pipeline_file_are_those_of_the_code() -> None:
    assert tuple(EFFECTS) == config.EFFECTS
    assert len(EFFECTS) == 23


@pytest.mark.parametrize("name", config.EFFECTS)
def test_every_effect(name: str) -> None:
    always = [entry(name, p=1, **STRONG.get(name, {}))]
    before = pictures()
    after, applied = augment(before, always, rngs=rngs(3))
    assert after.encoding == "srgb8" and after.pixels.dtype == np.uint8 and after.pixels.shape == before.pixels.shape
    assert (before.pixels == scene()).all(), "the input is left as it was"
    again, _ = augment(before, always, rngs=rngs(3))
    assert (again.pixels == after.pixels).all(), "same stream, same bytes"
    for i, effects in enumerate(applied):
        assert [effect.name for effect in effects] == [name]
        assert (after.pixels[i] != before.pixels[i]).any(), "p = 1 changes every picture"
        assert (replay(before.pixels[i], effects) == after.pixels[i]).all(), "the record makes the same picture again"
    alone, _ = augment(Images("srgb8", before.pixels[2:]), always, rngs=rngs(3)[2:])
    assert (alone.pixels[0] == after.pixels[2]).all(), "the rest of the batch does not matter"
    never, nothing = augment(before, [entry(name, p=0)], rngs=rngs(3))
    assert (never.pixels == before.pixels).all() and nothing == ((), (), ())


@pytest.mark.parametrize("name", config.EFFECTS)
@pytest.mark.parametrize("corner", ["low", "high"])
def test_the_bounds_of_every_parameter_can_be_used(name: str, corner: str) -> None:
    model = type(entry(name).effect)
    limits = {
        key: next(m for m in field.metadata if hasattr(m, "low"))
        for key, field in model.model_fields.items()
        if key != "p"
    }
    values = {key: limit.low if corner == "low" else limit.high for key, limit in limits.items()}
    image = scene(40, 56)
    applied = augment(Images("srgb8", image[None]), [entry(name, **values)], rngs=rngs(1))[0]
    assert applied.pixels.shape == (1, 40, 56, 3)


def edge_column(image: np.ndarray[Any, Any]) -> float:
    """Column at which the mean row crosses the middle between the dark left and the bright right side."""
    values = to_linear(image).mean(axis=(0, 2)).astype(np.float64)
    dark, bright = np.median(values[24:36]), np.median(values[60:72])
    middle = 0.5 * (dark + bright)
    i = next(i for i in range(30, 66) if values[i] < middle <= values[i + 1])
    return float(i + 0.5 + (middle - values[i]) / (values[i + 1] - values[i]))


@pytest.mark.parametrize("name", config.EFFECTS)
def test_labels_stay_where_they_are(name: str) -> None:
    """The edge of a step image does not move, whatever blurs, covers or tints it."""
    step = np.full((96, 96, 3), (70, 60, 50), np.uint8)
    step[:, 48:] = (190, 200, 210)
    places = []
    for seed in range(4):
        effects = draw_effects([entry(name)], rng=np.random.default_rng(seed))
        places.append(edge_column(replay(step, effects)) - edge_column(step))
        turned = replay(np.ascontiguousarray(step.transpose(1, 0, 2)), effects).transpose(1, 0, 2)
        places.append(edge_column(turned) - edge_column(step))
    assert np.abs(places).max() < EDGE_TOLERANCE_PX, (name, places)


def test_p_is_the_share_of_images() -> None:
    drawn = [draw_effects([entry("blur", p=0.3)], rng=rng) for rng in rngs(800)]
    assert np.mean([len(effects) for effects in drawn]) == pytest.approx(0.3, abs=0.05)


def test_entries_have_streams_of_their_own() -> None:
    both = draw_effects([entry("noise"), entry("blur")], rng=np.random.default_rng(1))
    other = draw_effects([entry("jpeg", p=0), entry("blur")], rng=np.random.default_rng(1))
    assert both[1] == other[0]


def test_effects_come_in_the_order_of_the_list_and_may_repeat() -> None:
    names = ["noise", "blur", "noise"]
    effects = draw_effects([entry(name) for name in names], rng=np.random.default_rng(1))
    assert [effect.name for effect in effects] == names
    assert effects[0].seed != effects[2].seed


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(config.EFFECTS))
def test_drawn_values_are_those_of_the_distributions(seed: int, name: str) -> None:
    (effect,) = draw_effects([entry(name)], rng=np.random.default_rng(seed))
    model = entry(name).effect
    assert 0 <= effect.seed < SEED_LIMIT
    assert [key for key, _ in effect.parameters] == [key for key in type(model).model_fields if key != "p"]
    for key, value in effect.parameters:
        distribution = getattr(model, key)
        assert isinstance(distribution, Distribution) and distribution.low <= value <= distribution.high


MEANINGS = [
    ("a stop doubles the light", "brightness", {"ev": 1.0}, lambda a, b: np.isclose(b / a, 2.0, rtol=0.03).all()),
    ("contrast 0 is flat", "contrast", {"factor": 0.0}, lambda a, b: np.ptp(b) == 0),
    ("saturation 0 is grey", "saturation", {"factor": 0.0}, lambda a, b: (b.max(-1) == b.min(-1)).all()),
    ("grayscale has equal channels", "grayscale", {}, lambda a, b: (b.max(-1) == b.min(-1)).all()),
    ("warm light is red", "color_temperature", {"temperature_k": 3500}, lambda a, b: b[..., 0].sum() > b[..., 2].sum()),
    ("cold light is blue", "color_temperature", {"temperature_k": 9e3}, lambda a, b: b[..., 0].sum() < b[..., 2].sum()),
    ("6500 K is neutral", "color_temperature", {"temperature_k": 6500}, lambda a, b: np.abs(a - b).max() < 0.01),
    ("two channels fail", "channel_dropout", {"channels": 2}, lambda a, b: (b.sum(axis=(0, 1)) == 0).sum() == 2),
    ("fog lifts the dark", "fog", {"density": 0.5}, lambda a, b: b.min() > a.min() + 0.02),
    ("a shadow darkens", "shadow", {"strength": 0.6}, lambda a, b: (b < a + 1e-3).all() and b.mean() < 0.9 * a.mean()),
]  # fmt: skip


@pytest.mark.parametrize(("intent", "name", "parameters", "holds"), MEANINGS, ids=[row[0] for row in MEANINGS])
def test_effects_do_what_they_say(intent: str, name: str, parameters: dict[str, float], holds: Any) -> None:
    grey = np.full((64, 64, 3), (110, 112, 111), np.uint8)
    grey[20:40, 20:40] = (70, 90, 60)
    after = EFFECTS[name](grey, parameters, 5)
    assert holds(to_linear(grey).astype(float), to_linear(after).astype(float)), intent


def test_noise_has_its_standard_deviation() -> None:
    flat = np.full((200, 200, 3), 128, np.uint8)
    for color in (0.0, 0.6, 1.0):
        after = EFFECTS["noise"](flat, {"sd_levels": 8.0, "color": color}, 3).astype(float)
        assert after.std() == pytest.approx(8.0, rel=0.03)
        shared = np.corrcoef(after[..., 0].ravel(), after[..., 1].ravel())[0, 1]
        assert shared == pytest.approx(1 - color, abs=0.03)


def test_blurs_have_their_widths() -> None:
    """The second moment of a blurred point: sigma^2, length^2 / 12 along the streak, radius^2 / 4 per axis."""
    point = np.zeros((65, 65, 3), np.uint8)
    point[32, 32] = 255
    rows = {
        ("motion_blur", ("length_px", 12.0), ("angle_deg", 0.0)): (144 / 12, 0.0),
        ("motion_blur", ("length_px", 12.0), ("angle_deg", 90.0)): (0.0, 144 / 12),
        ("defocus", ("radius_px", 6.0)): (36 / 4, 36 / 4),
    }
    for (name, *parameters), expected in rows.items():
        after = to_linear(EFFECTS[str(name)](point, dict(parameters), 0)).astype(float)[..., 0]  # type: ignore[arg-type]
        offsets = np.arange(65) - 32
        moments = [(after.sum(axis=axis) * offsets**2).sum() / after.sum() for axis in (0, 1)]
        assert moments == pytest.approx(expected, abs=0.12 * 12), name
        first = [(after.sum(axis=axis) * offsets).sum() / after.sum() for axis in (0, 1)]
        assert first == pytest.approx((0, 0), abs=0.02), "centred"


def test_light_tables_are_inverse() -> None:
    levels = np.arange(256, dtype=np.uint8)
    assert (to_bytes(to_linear(levels)) == levels).all()


def test_the_locus_passes_d65_at_about_6500_kelvin() -> None:
    white = planckian(6504)
    assert white / white[1] == pytest.approx([1.0, 1.0, 1.0], abs=0.06)


WRONG = [
    (
        "linear radiance",
        Images("linear", np.zeros((1, 8, 8, 3), np.float32)),
        1,
        "augment was given images encoded 'linear'; only finished pictures (srgb8) are allowed; run sense first, and "
        "report this as a bug",
    ),
    (
        "streams",
        Images("srgb8", np.zeros((2, 8, 8, 3), np.uint8)),
        1,
        "augment was given 1 random streams for 2 images; exactly one per image is allowed; report this as a bug",
    ),
]


@pytest.mark.parametrize(("intent", "images", "streams", "sentence"), WRONG, ids=[row[0] for row in WRONG])
def test_wrong_use_is_our_bug(intent: str, images: Images, streams: int, sentence: str) -> None:
    with pytest.raises(InternalError) as error:
        augment(images, [entry("blur")], rngs=rngs(streams))
    assert str(error.value) == sentence


def test_albumentations_is_imported_late_and_leaves_the_environment_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    code = (
        "import sys, os, numpy as np\n"
        "import synthgen.recipe\n"
        "from synthgen.augment.effects import EFFECTS\n"
        "EFFECTS['blur'](np.zeros((8, 8, 3), np.uint8), {'sigma_px': 1.0}, 0)\n"
        "assert 'albumentations' not in sys.modules\n"
        "EFFECTS['local_contrast'](np.zeros((8, 8, 3), np.uint8), {'clip': 1.0}, 0)\n"
        "assert 'albumentations' in sys.modules and 'NO_ALBUMENTATIONS_UPDATE' not in os.environ\n"
    )
    environment = {key: value for key, value in os.environ.items() if key != "NO_ALBUMENTATIONS_UPDATE"}
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, env=environment)
    monkeypatch.setenv("NO_ALBUMENTATIONS_UPDATE", "0")
    library.cache_clear()
    library()
    assert os.environ["NO_ALBUMENTATIONS_UPDATE"] == "0"
