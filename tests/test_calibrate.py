"""Calibrate: known settings are found again from pictures taken with them; real photographs are matched."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml
from click.testing import CliRunner

import synthgen
from synthgen.cli import cli
from synthgen.config.distributions import constant
from synthgen.config.load import load_pipeline
from synthgen.config.models import SenseConfig
from synthgen.errors import AssetError, SynthgenError
from synthgen.run.calibrate import calibrate, photo_files
from synthgen.sense.camera_model import sense, white_balance_gains
from synthgen.sense.fit import Fit, fit_sense
from synthgen.sense.statistics import noise_curve, statistics_of
from synthgen.types.arrays import U8
from synthgen.types.images import Images

DICE = Path(__file__).parents[2] / "shared" / "data" / "real" / "dice_d6" / "images"


def radiance(seed: int, size: int = 320) -> np.ndarray[Any, Any]:
    """Tilted boxes of many colours on a plain ground, each pixel the mean of its area; light falls off softly."""
    rng = np.random.default_rng(seed)
    big = np.full((size * 3, size * 3, 3), rng.uniform(0.3, 0.5), np.float32)
    for _ in range(14):
        centre, side = rng.uniform(0.1, 0.9, 2) * size * 3, rng.uniform(0.1, 0.25) * size * 3
        box = cv2.boxPoints(((float(centre[0]), float(centre[1])), (side, side * 0.7), float(rng.uniform(0, 90))))
        cv2.fillConvexPoly(big, np.rint(box).astype(np.int32), tuple(rng.uniform(0.02, 0.8, 3).tolist()))
    small = cv2.resize(big, (size, size), interpolation=cv2.INTER_AREA)
    ramp = np.linspace(0.8, 1.1, size, dtype=np.float32)
    return small * ramp[:, None, None]


def taken(count: int = 6, **settings: float) -> list[U8]:
    """Pictures of one camera with these settings."""
    config = SenseConfig.model_validate(
        {"preset": "generic", "white_balance": 0, "gain": 1, "sharpen": 0, "exposure_ev": 0} | settings
    )
    scenes = np.stack([radiance(seed) for seed in range(count)])
    rngs = [np.random.default_rng((9, i)) for i in range(count)]
    return list(sense(Images("linear", scenes), config, rngs=rngs).pixels.astype(np.uint8))


def mean(fit: Fit, name: str) -> float:
    return float(getattr(fit.config, name).values[0])


FOUND = [
    ("sharp and clean", {"blur_px": 0.3, "noise": 0.5, "exposure_ev": 0.0}),
    ("usual", {"blur_px": 0.6, "noise": 1.0, "exposure_ev": 0.4}),
    ("soft, noisy, dark", {"blur_px": 1.2, "noise": 3.0, "exposure_ev": -0.8}),
    ("warm", {"blur_px": 0.6, "noise": 1.0, "exposure_ev": 0.0, "red_ev": 0.3, "blue_ev": -0.25}),
]


@pytest.mark.parametrize(("intent", "settings"), FOUND, ids=[row[0] for row in FOUND])
def test_known_settings_are_found_again(intent: str, settings: dict[str, float]) -> None:
    fit = fit_sense(taken(**settings), preset_name="generic")
    assert fit.unknown == ()
    assert mean(fit, "exposure_ev") == pytest.approx(settings["exposure_ev"], abs=0.15)
    assert mean(fit, "noise") == pytest.approx(settings["noise"], rel=0.2)
    assert mean(fit, "blur_px") == pytest.approx(settings["blur_px"], abs=0.3)


def test_the_cast_is_found_again() -> None:
    """Against the same scenes without a cast: what the scenes' own colours do to the estimate cancels out."""
    plain, warm = (fit_sense(taken(**cast), preset_name="generic") for cast in ({}, {"red_ev": 0.3, "blue_ev": -0.25}))
    assert mean(warm, "red_ev") - mean(plain, "red_ev") == pytest.approx(0.3, abs=0.05)
    assert mean(warm, "blue_ev") - mean(plain, "blue_ev") == pytest.approx(-0.25, abs=0.05)


def test_calibrated_pictures_measure_like_the_photographs() -> None:
    """Round trip on other scenes: brightness, noise and sharpness of pictures taken with the fitted block agree."""
    photographs = taken(blur_px=0.8, noise=2.0, exposure_ev=0.3)
    config = fit_sense(photographs, preset_name="generic").config
    scenes = np.stack([radiance(seed) for seed in range(20, 26)])
    again = sense(Images("linear", scenes), config, rngs=[np.random.default_rng(i) for i in range(6)]).pixels
    old, new = ([statistics_of(image) for image in images] for images in (photographs, list(again)))
    assert np.mean([p.brightness for p in new]) == pytest.approx(np.mean([p.brightness for p in old]), abs=10)
    assert np.mean([p.sharpness for p in new]) == pytest.approx(np.mean([p.sharpness for p in old]), abs=0.08)
    curves = [noise_curve(np.concatenate([p.blocks for p in pictures])) for pictures in (old, new)]
    common = sorted(set(curves[0]) & set(curves[1]))
    assert len(common) >= 1
    for level in common:
        if (np.abs(np.concatenate([p.blocks for p in old])[:, 0] - level) < 16).mean() > 0.1:
            assert curves[1][level] == pytest.approx(curves[0][level], rel=0.25)


def test_overrides_of_sharpening_and_gain() -> None:
    soft, crisp = (statistics_of(taken(1, noise=0, blur_px=0.6, sharpen=s)[0]).sharpness for s in (0.0, 1.0))
    assert crisp > soft + 0.1
    flat = Images("linear", np.full((1, 128, 128, 3), 0.3, np.float32))
    spread = []
    for gain in (1.0, 4.0):
        config = SenseConfig.model_validate({"preset": "none", "noise": 3, "gain": gain})
        spread.append(sense(flat, config, rngs=[np.random.default_rng(0)]).pixels.std())
    assert spread[1] / spread[0] == pytest.approx(2.0, rel=0.1), "shot noise grows with the root of the gain"


def test_white_balance_takes_a_green_tint_out_within_limits() -> None:
    for green, left in ((1.08, 1.0), (2.0, 2.0 / 2**0.15)):
        tinted = np.full((64, 64, 3), (0.3, 0.3 * green, 0.3), np.float32)
        balanced = tinted * white_balance_gains(tinted, left=0.0)
        assert balanced[0, 0, 1] / balanced[0, 0, 0] == pytest.approx(left, abs=0.01)


def test_what_cannot_be_measured_is_left_to_the_preset() -> None:
    flat = [np.full((96, 96, 3), 120, np.uint8)]
    fit = fit_sense(flat, preset_name="webcam")
    assert fit.config.blur_px is None and fit.config.sharpen is None and fit.config.preset == "webcam"
    assert fit.unknown == ("blur: too few sharp edges in the photographs; the preset's stays. Show some objects",)


def write(folder: Path, images: list[U8]) -> None:
    folder.mkdir(exist_ok=True)
    for i, image in enumerate(images):
        cv2.imwrite(str(folder / f"{i}.png"), image[:, :, ::-1])


def test_the_block_loads_in_a_pipeline(tmp_path: Path) -> None:
    write(tmp_path / "frames", taken(5, blur_px=0.6, noise=1.0))
    result = CliRunner().invoke(cli, ["calibrate", str(tmp_path / "frames")])
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(
        "# From 5 photographs of 320x320. Put it into a pipeline with images of that size (blur and noise are per "
        "pixel).\nsense:\n  preset: generic\n  exposure_ev: "
    )
    block = yaml.safe_load(result.stdout)["sense"]
    loaded = load_pipeline("smoke", [f"sense={json.dumps(block)}"])
    assert loaded.pipeline.sense.white_balance == constant(0)
    written = CliRunner().invoke(
        cli, ["calibrate", str(tmp_path / "frames" / "*.png"), "--out", str(tmp_path / "s.yaml")]
    )
    assert written.exit_code == 0 and "edge sharpness" in written.stdout
    assert (tmp_path / "s.yaml").read_text() == result.stdout
    again = CliRunner().invoke(cli, ["calibrate", str(tmp_path / "frames"), "--out", str(tmp_path / "s.yaml")])
    assert again.exit_code == 2


def test_few_photographs_are_said_to_be_few(tmp_path: Path) -> None:
    write(tmp_path / "frames", taken(1))
    assert calibrate([str(tmp_path / "frames")], preset="generic", out=None).notes == (
        "1 photographs say little about how the camera varies; about ten are better",
    )


def _nothing(folder: Path) -> None:
    folder.mkdir()


def _text(folder: Path) -> None:
    folder.mkdir()
    (folder / "a.jpg").write_text("no image")


def _black(folder: Path) -> None:
    write(folder, [np.zeros((64, 64, 3), np.uint8)] * 2)


def _sizes(folder: Path) -> None:
    write(folder, [np.full((64, 64 + i, 3), 99, np.uint8) for i in range(2)])


def _thumbnail(folder: Path) -> None:
    folder.mkdir()
    cv2.imwrite(str(folder / "a.png"), np.full((12, 16, 3), 99, np.uint8))


SUFFIXES = ".jpg .jpeg .png .webp .bmp .tif .tiff"
BAD = [
    (
        "no photographs",
        _nothing,
        f"'DIR' holds no photographs; allowed: image files ({SUFFIXES}), globs of them, or a folder of them. Check the "
        "path",
    ),
    (
        "not an image",
        _text,
        "DIR/a.jpg cannot be read as an image; allowed: JPEG, PNG, WebP, TIFF or BMP. Open it in an image viewer to "
        "check it, and export it again",
    ),
    (
        "a thumbnail",
        _thumbnail,
        "'DIR/a.png' has 16x12 pixels; allowed: 32 or more on each side, because blur and noise are measured in "
        "blocks. Give whole photographs",
    ),
    (
        "black",
        _black,
        "none of the 2 photographs can be used: their mean brightness is 0, 0 of 255; allowed: 4 to 251. Take pictures "
        "of the cell in its usual light",
    ),
    (
        "sizes",
        _sizes,
        "the 2 photographs have 2 sizes (64x64, 65x64); allowed: one, because blur and noise are measured per pixel. "
        "Leave the others out, or scale all to the size of the images to be made",
    ),
]


@pytest.mark.parametrize(("intent", "make", "sentence"), BAD, ids=[row[0] for row in BAD])
def test_bad_photographs(intent: str, make: Callable[[Path], None], sentence: str, tmp_path: Path) -> None:
    make(tmp_path / "p")
    with pytest.raises(AssetError) as error:
        calibrate([str(tmp_path / "p")], preset="generic", out=None)
    assert str(error.value) == sentence.replace("DIR", str(tmp_path / "p"))


def test_unknown_preset_and_existing_file(tmp_path: Path) -> None:
    write(tmp_path / "frames", taken(1))
    with pytest.raises(SynthgenError, match=r"sense\.preset: 'web' is not known"):
        calibrate([str(tmp_path / "frames")], preset="web", out=None)
    (tmp_path / "there.yaml").touch()
    with pytest.raises(SynthgenError) as error:
        calibrate([str(tmp_path / "frames")], preset="generic", out=tmp_path / "there.yaml")
    there = str(tmp_path / "there.yaml")
    assert str(error.value) == f"{there!r} exists and is not overwritten; give another --out, or remove it first"


@pytest.mark.slow
@pytest.mark.real
def test_dice_come_out_like_the_photographs(tmp_path: Path) -> None:
    """Ten real photographs of dice on a tray against rendered dice with the fitted block, on the middle of the image.

    Tolerances: brightness 10 of 255, cast 0.05 EV, edge sharpness 0.12, noise in flat areas 0.2 levels, fine detail
    (which is mostly the dice themselves) within a factor of two.
    """
    if not DICE.is_dir():
        pytest.skip("the real photographs are not beside the repository: ../shared/data/real/dice_d6")
    files = photo_files([str(DICE)])
    assert len(files) == 200
    photographs = [np.ascontiguousarray(cv2.imread(str(path))[:, :, ::-1]) for path in files[10::20]]
    fit = fit_sense(photographs, preset_name="generic")
    tray = cv2.GaussianBlur(cv2.imread(str(files[60]))[330:520, 60:250], (0, 0), 3)
    cv2.imwrite(str(tmp_path / "tray.png"), tray)
    colors = [[0.85, 0.1, 0.1], [0.05, 0.5, 0.2], [0.95, 0.85, 0.1], [0.05, 0.05, 0.05], [0.95, 0.95, 0.95]]
    die = {"family": "die", "size": {"edge_m": 0.018}, "material": {"colors": colors}}
    overrides = {
        "count": 12,
        "image": {"width": 640, "height": 640},
        "augment": [],
        "generate": {"kind": "shaded"},
        "verify": None,
        "camera": {"views_per_scene": 2, "fov_deg": 45, "placement": {"kind": "above", "height_m": 0.5, "tilt_deg": 5}},
        "scene.objects": [die],
        "scene.objects_per_scene": {"uniform_int": [4, 9]},
        "scene.distractors": 0,
        "scene.support.texture": str(tmp_path / "tray.png"),
        "scene.lights.area": 1,
        "sense": fit.config.model_dump(mode="json", exclude_none=True),
        "labels": {"min_visible_px": 32},
    }
    sets = [f"{key}={json.dumps(value)}" for key, value in overrides.items()]
    made = [sample.image for sample in synthgen.stream("grasping", overrides=sets) if sample.image is not None]
    middle = np.s_[120:520, 120:520]
    real, ours = (
        [statistics_of(np.ascontiguousarray(image[middle])) for image in images] for images in (photographs, made)
    )
    allowed = {"brightness": 10.0, "red_ev": 0.05, "blue_ev": 0.05, "sharpness": 0.12}
    for name, tolerance in allowed.items():
        theirs, own = (float(np.mean([getattr(p, name) for p in pictures])) for pictures in (real, ours))
        assert own == pytest.approx(theirs, abs=tolerance), name
    ratio = np.mean([p.detail for p in ours]) / np.mean([p.detail for p in real])
    assert 0.5 < ratio < 2
    curves = [noise_curve(np.concatenate([p.blocks for p in pictures])) for pictures in (real, ours)]
    assert curves[1][192.0] == pytest.approx(curves[0][192.0], abs=0.2)
