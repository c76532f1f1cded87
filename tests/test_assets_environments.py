"""Environment maps: .hdr files, orientation, normalisation, procedural rooms."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from synthgen.assets.environments import (
    LAMP_CAP,
    environment_kinds,
    horizontal_irradiance,
    load_environment,
    normalise,
    procedural_environment,
)
from synthgen.assets.environments_painting import FurnitureKind, paint_furniture, scrambled
from synthgen.errors import AssetError

DATA = Path(__file__).parents[2] / "shared" / "data"


def write_hdr(path: Path, radiance: np.ndarray) -> str:
    cv2.imwrite(str(path), np.ascontiguousarray(radiance[..., ::-1], dtype=np.float32))
    return str(path)


def test_a_uniform_map_has_irradiance_pi() -> None:
    assert horizontal_irradiance(np.ones((256, 512, 3))) == pytest.approx(np.pi, rel=1e-3)
    assert normalise(np.full((64, 128, 3), 7.0)).mean() == pytest.approx(1.0, rel=1e-3)


def test_files_turn_counter_clockwise(tmp_path: Path) -> None:
    """A lamp a quarter turn to the right of the picture's left edge stands at azimuth 3/4 of a turn."""
    radiance = np.full((64, 128, 3), 0.01)
    radiance[20:24, 31:33] = (40.0, 20.0, 10.0)
    environment = load_environment("file:0", write_hdr(tmp_path / "lamp.hdr", radiance))
    row, column = np.unravel_index(environment.radiance[..., 0].argmax(), (64, 128))
    assert 20 <= row < 24
    assert 95 <= column < 97
    red, _, blue = environment.radiance[row, column]
    assert red == pytest.approx(4 * blue, rel=0.02), "channels are RGB"
    assert horizontal_irradiance(environment.radiance.astype(np.float64)) == pytest.approx(np.pi, rel=1e-5)


def test_large_files_are_averaged_down(tmp_path: Path) -> None:
    path = write_hdr(tmp_path / "wide.hdr", np.ones((1024, 2048, 3)))
    assert load_environment("file:0", path).radiance.shape == (512, 1024, 3)


def test_bad_files_are_explained(tmp_path: Path) -> None:
    whole = Path(write_hdr(tmp_path / "whole.hdr", np.random.default_rng(0).random((64, 128, 3)))).read_bytes()
    (tmp_path / "text.hdr").write_text("not a picture")
    (tmp_path / "short.hdr").write_bytes(whole[: len(whole) // 2])
    write_hdr(tmp_path / "square.hdr", np.ones((64, 64, 3)))
    black = np.ones((64, 128, 3))
    black[:32] = 0
    write_hdr(tmp_path / "black.hdr", black)
    rows = [
        ("text.hdr", "is not a Radiance .hdr file (it does not begin with #?RADIANCE and a -Y +X size); "
                     "convert other formats, such as .exr, to .hdr"),
        ("short.hdr", "is damaged: its pixels end early or cannot be decoded; download or export it again"),
        ("square.hdr", "has 64 x 64 pixels; an equirectangular environment is twice as wide as high and at least "
                       "32 x 16. Export it as equirectangular (latitude-longitude), not as cube map or mirror ball"),
        ("black.hdr", "is black above the horizon and would light nothing; check that row 0 is the sky"),
        ("none.hdr", "does not exist; paths in a pipeline are relative to the pipeline file, "
                     "on the command line to the working directory"),
    ]  # fmt: skip
    for name, sentence in rows:
        path = str(tmp_path / name)
        with pytest.raises(AssetError) as caught:
            load_environment("file:0", path)
        assert str(caught.value).removeprefix(path + " ") == sentence


@pytest.mark.parametrize("kind", environment_kinds())
def test_rooms(kind: str) -> None:
    room = procedural_environment(kind, 3).radiance
    assert room.shape == (256, 512, 3)
    assert room.dtype == np.float32
    assert np.isfinite(room).all()
    assert room.min() >= 0
    assert horizontal_irradiance(room.astype(np.float64)) == pytest.approx(np.pi, rel=1e-5)
    assert room[160:].mean() < 0.5 * room[:128].mean(), "the floor is darker than lamps and sky"
    assert room.max() < 1.02 * LAMP_CAP, "small lamps that are too bright speckle"
    band = room[124:150].mean(axis=2)
    assert band.std() > 0.15 * band.mean(), "there is something to see behind the table"


@pytest.mark.parametrize("kind", ["plain", "cabinet", "shelf", "rack", "bench"])
def test_furniture_is_painted_with_albedos(kind: FurnitureKind) -> None:
    """Every kind stays a believable reflectance, repeats, and (but for the plain one) shows parts."""
    along, height = (axis.ravel() for axis in np.meshgrid(np.linspace(-2, 2, 80), np.linspace(0, 2, 60)))
    own = np.array([0.4, 0.3, 0.2])
    one = paint_furniture(kind, own, along, height, 3)
    assert one.shape == (4800, 3)
    assert 0.0 <= one.min() <= one.max() < 0.9
    assert (one == paint_furniture(kind, own, along, height, 3)).all()
    assert (kind == "plain") == bool((one == own).all())


def test_scrambled_numbers_are_even() -> None:
    drawn = scrambled(np.arange(-5000, 5000), np.array(7))
    assert 0 <= drawn.min() <= drawn.max() < 1
    assert np.histogram(drawn, bins=10, range=(0, 1))[0].min() > 800
    assert len(np.unique(scrambled(np.arange(100), np.array(8)) - scrambled(np.arange(100), np.array(7)))) > 50


def test_rooms_follow_their_seed() -> None:
    one, again, other = (procedural_environment("lab", seed).radiance.tobytes() for seed in (3, 3, 4))
    assert one == again
    assert one != other


def test_an_unknown_kind_names_the_known_ones() -> None:
    with pytest.raises(AssetError) as caught:
        procedural_environment("beach", 0)
    assert str(caught.value) == (
        "there is no procedural environment 'beach'; "
        "allowed: office, workshop, window, lab, warehouse, overcast. Correct the name"
    )


@pytest.mark.real
def test_real_environments_load() -> None:
    files = sorted((DATA / "hdri").glob("*.hdr"))
    if not files:
        pytest.skip("the real environments (../shared/data/hdri) are not beside the repository")
    assert len(files) == 8
    for file in files:
        radiance = load_environment("file:0", str(file)).radiance
        assert radiance.shape == (512, 1024, 3)
        assert horizontal_irradiance(radiance.astype(np.float64)) == pytest.approx(np.pi, rel=1e-4)
