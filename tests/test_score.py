"""synthgen score: what is compared, under which conditions, and what is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import small_dataset
from click.testing import CliRunner, Result

from synthgen.contract.packs import HELD_OUT
from synthgen.errors import AssetError, DatasetError, EnvironmentFault, SynthgenError, UserError
from synthgen.evaluate import score as scoring
from synthgen.evaluate import score_inputs
from synthgen.evaluate.agreement import agreement_of, size_bin
from synthgen.evaluate.pictures import (
    Generated,
    PackTargets,
    Picture,
    dataset_pictures,
    develop,
    folder_pictures,
    smallest,
)
from synthgen.evaluate.score import Comparison, score, score_lines, write_score
from synthgen.evaluate.score_inputs import comparison_of
from synthgen.networks.lite0 import Embedding
from synthgen.sense.camera_model import meter
from synthgen.types.arrays import F32, U8
from synthgen.types.images import Images


class FakeLite0:
    """A few statistics of the picture in place of a network: no torch, no weights."""

    name = "lite0"
    versions = {"torch": "none", "lite0_sha256": "0" * 64}  # noqa: RUF012

    def embed(self, image: U8) -> Embedding:
        x = image.astype(np.float64) / 255
        high = x[1:] - x[:-1]
        features = np.concatenate([x.mean(axis=(0, 1)), x.std(axis=(0, 1)), 4 * np.abs(high).mean(axis=(0, 1))])
        odds = np.exp(features[:4])
        return Embedding(features.astype(np.float32), (odds / odds.sum()).astype(np.float32))

    def maps(self, image: U8) -> list[F32]:
        x = image.transpose(2, 0, 1).astype(np.float32) + 1
        return [x / np.linalg.norm(x, axis=0)]


@pytest.fixture(autouse=True)
def no_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring, "Lite0", FakeLite0)


def picture(seed: int, *, side: int = 40) -> U8:
    coarse = np.random.default_rng(seed).random((5, 5, 3)).astype(np.float32)
    return np.asarray(np.clip(255 * cv2.resize(coarse, (side, side)), 0, 255), np.uint8)


def write_images(folder: Path, images: list[U8]) -> Path:
    folder.mkdir(parents=True)
    for k, image in enumerate(images):
        cv2.imwrite(str(folder / f"{k:03d}.png"), image[:, :, ::-1])
    return folder


def compare(a: Any, b: Any, **more: Any) -> dict[str, Any]:
    return score(Comparison(a, b, 0, "1.2.3", list, **more))


@dataclass(frozen=True)
class Made:
    """Pictures in memory, of scenes with numbers; pairs by index."""

    title: str
    images: list[U8]
    scenes: int = 30
    paired: bool = True
    parallel: bool = True

    @property
    def pictures(self) -> list[Picture]:
        return [
            Picture(
                f"{self.title} {k}", f"s{k % self.scenes}" if self.paired else f"{self.title} {k}", f"{k}" * self.paired
            )
            for k in range(len(self.images))
        ]

    def read(self, index: int) -> U8:
        if self.images[index].size == 0:
            raise AssetError(f"{self.pictures[index].name} is broken")
        return self.images[index]


def test_a_set_against_itself() -> None:
    images = [picture(k) for k in range(60)]
    found = compare(Made("a", images), Made("b", images))
    assert found["paired"] == {
        "pairs": 60,
        "distance_lite0": {"value": 0.0, "low": 0.0, "high": 0.0},
        "absolute_error": {"value": 0.0, "low": 0.0, "high": 0.0},
    }
    unpaired = found["unpaired"]
    assert unpaired["kid_lite0"]["value"] == pytest.approx(0.0, abs=1e-9)
    assert unpaired["fd_lite0"] == {"value": pytest.approx(0.0, abs=1e-6), "judged": False}
    assert unpaired["is_lite0"]["value"] == unpaired["is_lite0"]["reference"]
    assert found["conditions"]["shared_scenes"] == 30 and found["conditions"]["same_scene_compared"] is False
    assert found["scored"] == {"what": "a", "images": 60, "scenes": 30, "sizes": {"40x40": 60}}


def test_without_pairs_only_the_sets_are_compared() -> None:
    found = compare(Made("a", [picture(k) for k in range(60)], paired=False),
                    Made("b", [picture(100 + k) for k in range(50)], paired=False))  # fmt: skip
    assert found["paired"] is None and found["conditions"]["shared_scenes"] == 0
    kid = found["unpaired"]["kid_lite0"]
    assert kid["low"] <= 0.0 <= kid["high"]
    assert ("pairs", "none: the two sets do not show the same views") in score_lines(found)


@pytest.mark.parametrize("kind", ["blur", "noise"])
def test_every_distance_grows_with_the_damage(kind: str) -> None:
    whole = [picture(k) for k in range(60)]
    rows = []
    for amount in (0, 1, 2, 4):
        rng = np.random.default_rng(1)
        images = [
            image if amount == 0
            else np.asarray(cv2.GaussianBlur(image, (0, 0), 1.5 * amount), np.uint8) if kind == "blur"
            else np.asarray(np.clip(image + rng.normal(0, 12 * amount, image.shape), 0, 255), np.uint8)
            for image in whole
        ]  # fmt: skip
        found = compare(Made("a", images), Made("b", whole))
        rows.append([
            found["paired"]["distance_lite0"]["value"], found["paired"]["absolute_error"]["value"],
            found["unpaired"]["kid_lite0"]["value"], found["unpaired"]["fd_lite0"]["value"],
        ])  # fmt: skip
    for column in np.array(rows).T:
        assert (np.diff(column) > 0).all(), kind


def test_the_same_numbers_whatever_the_threads_and_twice() -> None:
    a, b = [picture(k) for k in range(60)], [picture(k + 1) for k in range(60)]
    first = compare(Made("a", a), Made("b", b))
    assert json.dumps(first) == json.dumps(compare(Made("a", a), Made("b", b)))
    assert json.dumps(first) == json.dumps(compare(Made("a", a, parallel=False), Made("b", b)))


def test_progress_reaches_the_number_of_pictures() -> None:
    told: list[tuple[int, int]] = []
    images = [picture(k) for k in range(50)]
    comparison = Comparison(Made("a", images), Made("b", [*images, picture(99)]), 0, "1", list)
    score(comparison, progress=lambda done, of: told.append((done, of)))
    assert told[-1] == (101, 101) and [done for done, _ in told] == sorted(done for done, _ in told)


def test_images_of_different_sizes_are_said_to_be() -> None:
    small, large = [picture(k) for k in range(50)], [picture(k, side=60) for k in range(50)]
    found = compare(Made("a", small), Made("b", large))
    assert found["paired"] is None, "different sizes are no pairs"
    assert found["conditions"]["notes"] == [
        "the two sets have images of different sizes: all are brought to the network's input, and what looks different "
        "may be their sharpness; compare at one size"
    ]


def test_broken_images_are_named() -> None:
    images = [picture(k) for k in range(50)]
    torn = [np.zeros((0, 0, 3), np.uint8) if k < 7 else image for k, image in enumerate(images)]
    with pytest.raises(DatasetError) as caught:
        compare(Made("a", torn), Made("b", images))
    assert str(caught.value) == (
        "7 of 100 images cannot be scored (and 2 more); replace or remove them, all others are fine:\n"
        "a 0 is broken\na 1 is broken\na 2 is broken\na 3 is broken\na 4 is broken"
    )


@pytest.mark.parametrize(("intent", "images", "scenes"), [("too few images", 49, 30), ("too few scenes", 60, 9)])
def test_too_few_images_say_how_many_are_needed(intent: str, images: int, scenes: int) -> None:
    few = Made("few", [picture(k) for k in range(images)], scenes)
    enough = Made("enough", [picture(k) for k in range(60)])
    for a, b in ((few, enough), (enough, few)):
        with pytest.raises(DatasetError) as caught:
            compare(a, b)
        assert str(caught.value) == (
            f"few has {images} images of {scenes} scenes to score; needed: 50 images of 10 scenes or more, and 2000 "
            "before a Frechet distance means anything. Make more (--count), give more photographs, or raise --images"
        ), intent


def test_a_frechet_distance_is_judged_from_two_thousand_images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring, "JUDGED_FROM", 55)
    images = [picture(k) for k in range(60)]
    assert compare(Made("a", images), Made("b", images))["unpaired"]["fd_lite0"]["judged"] is True
    assert compare(Made("a", images), Made("b", images[:54]))["unpaired"]["fd_lite0"]["judged"] is False


LINES = """\
scored                    a: 60 images of 30 scenes (60 of 40x40)
reference                 b: 60 images of 30 scenes (60 of 40x40)
pairs                     60
  distance_lite0          0.0000 (0.0000 to 0.0000), 0 = the same pictures
  absolute error          0.0000 (0.0000 to 0.0000), 1 = white against black
fd_lite0                  0.00, not to be judged: 60 images, 2000 are needed
agreement                 0.900 of 3 instances; 95.0% of the ceiling 0.920 (1 instances)
  large                   0.900 of 3 instances
  mug                     0.900 of 3 instances"""


def test_the_table() -> None:
    images = [picture(k) for k in range(60)]
    plain = {"instances": 3, "mean": 0.9}
    agreement = {
        "all": {**plain, "ceiling_instances": 1, "ceiling": 0.92, "of_ceiling": 0.95},
        "classes": {"mug": plain},
        "sizes": {"large": plain},
    }
    lines = [
        f"{name:<26}{value}"
        for name, value in score_lines(compare(Made("a", images), Made("b", images), agreement=agreement))
    ]
    assert [line for line in LINES.splitlines() if line not in lines] == []


def test_numbers_are_written_or_one_sentence_says_why_not(tmp_path: Path) -> None:
    write_score({"a": 1}, tmp_path / "x" / "s.json")
    assert json.loads((tmp_path / "x" / "s.json").read_text()) == {"a": 1}
    with pytest.raises(EnvironmentFault) as caught:
        write_score({}, tmp_path)
    assert str(caught.value) == (
        f"'{tmp_path}' cannot be written (Is a directory); give --json a file in a folder that you may write"
    )


def test_a_cut_keeps_whole_scenes_and_pairs() -> None:
    left = [Picture(f"a{k}", f"s{k // 4}", f"{k}") for k in range(80)]
    kept = smallest(left, 20)
    assert [p.name for p in kept] == sorted((p.name for p in kept), key=lambda name: int(name[1:]))
    assert len({p.scene for p in kept}) == 5
    right = smallest([Picture(f"b{p.name}", p.scene, p.pair) for p in left[::-1]], 20)
    assert {p.pair for p in kept} == {p.pair for p in right}
    assert smallest(left, 80) == left


def test_a_folder_of_images(tmp_path: Path) -> None:
    write_images(tmp_path / "photos" / "deep", [picture(k) for k in range(3)])
    found = folder_pictures(tmp_path / "photos", 5000)
    assert [Path(p.name).name for p in found.pictures] == ["000.png", "001.png", "002.png"]
    assert len({p.scene for p in found.pictures}) == 3 and not any(p.pair for p in found.pictures)
    assert np.array_equal(found.read(1), picture(1))
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError) as caught:
        folder_pictures(tmp_path / "empty", 5000)
    assert str(caught.value) == (
        f"'{tmp_path / 'empty'}' holds nothing to score; allowed: a dataset, a pack, or a folder of images "
        "(.jpg .jpeg .png .webp .bmp .tif .tiff). Check the path"
    )


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_dataset.build(tmp_path_factory.mktemp("score") / "d")


def test_a_dataset(dataset: Path) -> None:
    found = dataset_pictures(dataset, 5000)
    assert found.title == f"dataset {dataset} (spheres, 11 images)"
    assert len({p.scene for p in found.pictures}) == 4 and len({p.pair for p in found.pictures}) == 11
    assert found.read(0).shape[2] == 3
    cut = dataset_pictures(dataset, 4)
    assert len(cut.pictures) == 4 and {p.name for p in cut.pictures} < {p.name for p in found.pictures}


def test_two_datasets_pair_only_where_they_show_the_same(dataset: Path, tmp_path: Path) -> None:
    other = shutil.copytree(dataset, tmp_path / "other")
    same = {p.pair for p in dataset_pictures(dataset, 99).pictures}
    assert {p.pair for p in dataset_pictures(other, 99).pictures} == same
    rewrite(other, "images", "instances_sha256", lambda values: ["f" * 64, *values[1:]])
    assert len({p.pair for p in dataset_pictures(other, 99).pictures} & same) == 9  # one image of each of two shards


def rewrite(folder: Path, part: str, column: str, change: Callable[[list[Any]], list[Any]]) -> None:
    """Changes (or adds) one column of every manifest part."""
    for path in sorted((folder / "manifest" / part).glob("*.parquet")):
        table = pq.read_table(path)
        values = table[column].to_pylist() if column in table.column_names else [None] * len(table)
        kept = table.drop_columns([column]) if column in table.column_names else table
        kind = table.schema.field(column).type if column in table.column_names else pa.float64()
        pq.write_table(kept.append_column(column, pa.array(change(values), kind)), path)


def test_agreement_per_class_and_size(dataset: Path, tmp_path: Path) -> None:
    other = shutil.copytree(dataset, tmp_path / "other")
    assert agreement_of(dataset) is None, "verify did not run"
    rewrite(other, "instances", "agreement", lambda values: [0.5 + 0.1 * (k % 2) for k in range(len(values))])
    plain = agreement_of(other)
    assert plain is not None and "ceiling" not in plain["all"]
    rewrite(other, "instances", "ceiling", lambda values: [0.8 if k == 0 else None for k in range(len(values))])
    found = agreement_of(other)
    assert found is not None
    rows = [row for path in (other / "manifest" / "instances").glob("*") for row in pq.read_table(path).to_pylist()]
    assert found["all"] == {
        "instances": len(rows),
        "mean": pytest.approx(np.mean([row["agreement"] for row in rows])),
        "ceiling_instances": 2,
        "ceiling": pytest.approx(0.8),
        "of_ceiling": pytest.approx(0.5 / 0.8),
    }
    assert set(found["classes"]) == {"ball", "globe"}
    for part in ("classes", "sizes"):
        assert sum(cell["instances"] for cell in found[part].values()) == len(rows)


@pytest.mark.parametrize(
    ("area", "name"), [(1, "tiny"), (255, "tiny"), (256, "small"), (1024, "medium"), (9999, "large")]
)
def test_size_bins(area: int, name: str) -> None:
    assert size_bin(area) == name


@pytest.mark.parametrize("part", ["images", "instances"])
def test_a_damaged_manifest_is_one_sentence(dataset: Path, tmp_path: Path, part: str) -> None:
    other = shutil.copytree(dataset, tmp_path / "other")
    path = other / "manifest" / part / "part-00000.parquet"
    path.write_bytes(b"nothing")
    with pytest.raises(DatasetError) as caught:
        dataset_pictures(other, 99) if part == "images" else agreement_of(other)
    text = str(caught.value)
    assert text.startswith(f"'{path}' cannot be read (")
    assert text.endswith(
        "); allowed: the manifest part that 'synthgen run' wrote. 'synthgen validate' lists everything that is damaged"
    )


@dataclass(frozen=True)
class Key:
    pair_id: int
    scene: int
    variation: int
    split: str = "train"


class FakePack:
    """Radiance that names its pair; variation 1 is brighter."""

    trained_on = True

    def __init__(self, folder: Path = Path("pk"), pairs: int = 60) -> None:
        self.folder, self.store = folder, None
        self.keys = [Key(k + 1, k // 2, int(k % 4 == 3), HELD_OUT if k >= 4 else "train") for k in range(pairs)]

    def where(self, *, split: str | None) -> list[int]:
        return [k for k, key in enumerate(self.keys) if split in (None, key.split)]

    def target(self, index: int) -> F32:
        return np.asarray(picture(index) / 200.0 * (1 + self.keys[index].variation), np.float32)

    def views(self, index: int, *, gathered: bool = False) -> Any:
        return SimpleNamespace(index=index)


class FakeGenerator:
    fingerprint, channels, uses_seeds = "fake-1", frozenset[str](), True

    def __init__(self, pack: FakePack, gain: float = 1.0, encoding: str = "linear") -> None:
        self.pack, self.gain, self.encoding, self.seeds = pack, gain, encoding, set[int]()

    def __call__(self, views: Any, seeds: Any) -> Images:
        self.seeds.add(seeds[0])
        if self.encoding == "srgb8":
            return Images("srgb8", np.full((1, 40, 40, 3), 77, np.uint8))
        return Images("linear", self.gain * self.pack.target(views.index)[None])


def test_a_generator_draws_the_views_of_a_pack() -> None:
    pack = FakePack()
    targets = PackTargets(pack, pack.where(split=HELD_OUT), 5000, what="held-out pairs")  # type: ignore[arg-type]
    generator = FakeGenerator(pack)
    drawn = Generated(generator, targets, seed=0)  # type: ignore[arg-type]
    found = compare(drawn, targets)
    assert found["scored"]["what"] == "generator fake-1 on pack pk (56 held-out pairs)"
    assert found["scored"]["images"] == 56 and found["scored"]["scenes"] == 28
    assert found["paired"]["pairs"] == 42, "variations pair with nothing"
    assert found["paired"]["absolute_error"]["value"] == 0.0
    assert len(generator.seeds) == 56, "every picture is drawn with a seed of its own"


def test_a_generator_that_is_too_dark_is_not_forgiven() -> None:
    """Exposure is metered on the target, for both."""
    pack = FakePack()
    targets = PackTargets(pack, range(60), 5000)  # type: ignore[arg-type]
    dark = Generated(FakeGenerator(pack, gain=0.5), targets, seed=0)  # type: ignore[arg-type]
    assert float(dark.read(0).mean()) < 0.85 * float(targets.read(0).mean())
    finished = Generated(FakeGenerator(pack, encoding="srgb8"), targets, seed=0)  # type: ignore[arg-type]
    assert (finished.read(0) == 77).all(), "a finished picture is left as it is"


def test_developing_is_one_fixed_curve() -> None:
    grey = np.full((8, 8, 3), 0.02, np.float32)
    ramp = develop(np.linspace(0, 20, 1000, dtype=np.float32).reshape(-1, 1, 1).repeat(3, 2), exposure=1.0)
    assert ramp[0, 0, 0] == 0 and ramp[-1, 0, 0] == 255 and (np.diff(ramp[:, 0, 0].astype(int)) >= 0).all()
    assert abs(int(develop(grey, exposure=meter(grey))[0, 0, 0]) - 129) <= 1  # sRGB of middle grey 0.22
    assert develop(grey, exposure=9.0)[0, 0, 0] == pytest.approx(255 * (1.055 * 0.18 ** (1 / 2.4) - 0.055), abs=1)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with photographs, a pack and trained folders, as the working directory."""
    monkeypatch.chdir(tmp_path)
    write_images(tmp_path / "photos", [picture(k) for k in range(50)])
    for name in ("pk", "named"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "pack.json").write_text("{}")
    for name, text in {"judge": '{"kind": "verifier"}', "torn": "{", "plain": '{"kind": "shaded"}'}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "card.json").write_text(text)
    monkeypatch.setattr(score_inputs, "open_pack", FakePack)
    return tmp_path


def opened(scored: str, reference: str, **more: Any) -> Comparison:
    return comparison_of(scored, Path(reference), most=5000, seed=0, version="1", **more)


def test_what_the_words_stand_for(world: Path) -> None:
    assert opened("photos", "pk").scored.title == "50 images in photos"
    assert opened("photos", "pk").reference.title == "pack pk (56 held-out pairs)"
    assert opened("pk", "photos").scored.title == "pack pk (56 held-out pairs)"
    assert opened("shaded", "pk").scored.title.startswith("generator shaded-")
    shutil.copytree("photos", "shaded")
    assert opened("shaded", "pk").scored.title == "50 images in shaded", "a folder goes before a kind"


@pytest.mark.parametrize(
    ("intent", "scored", "reference", "more", "error", "words"),
    [
        ("nothing of that name", "graspin", "photos", {}, UserError,
         "'graspin' is no folder and no generator; allowed: a dataset, a pack, a folder of images, the folder of a "
         "trained generator, or one of: gan, pathtraced, shaded"),
        ("a generator against photographs", "shaded", "photos", {}, UserError,
         "'shaded' is a generator, and 'photos' no pack whose scenes it could draw; give --reference a pack (synthgen "
         "pairs), or score what it drew: synthgen run PIPELINE --set generate.kind=shaded"),
        ("a trained verifier", "judge", "pk", {}, UserError,
         "'judge' holds a trained 'verifier', which draws no pictures; allowed: the folder of a generator (gan, "
         "pathtraced, shaded)"),
        ("a torn card", "torn", "pk", {}, UserError,
         "'torn/card.json' cannot be read (JSONDecodeError); allowed: the card of a trained generator, as 'synthgen "
         "train' writes it"),
        ("weights for what has none", "plain", "pk", {}, UserError,
         "generator 'shaded' takes no weights, and 'plain' holds some; give the word shaded alone"),
        ("inception that is not there", "photos", "pk", {"inception_weights": Path("x.pt")}, UserError,
         "--inception-weights: 'x.pt' is no file; give inception-2015-12-05.pt or "
         "pt_inception-2015-12-05-6726825d.pth, or leave the option out: the lite0 scores need no download"),
    ],
)  # fmt: skip
def test_refusals(
    intent: str, scored: str, reference: str, more: dict[str, Any], error: type[SynthgenError], words: str, world: Path
) -> None:
    with pytest.raises(error) as caught:
        opened(scored, reference, **more)
    assert str(caught.value) == words, intent


def invoke(*arguments: str) -> Result:
    from synthgen.cli import cli

    return CliRunner().invoke(cli, list(arguments))


def test_the_command(world: Path) -> None:
    result = invoke("score", "photos", "--reference", "pk", "--json", "out/s.json")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.splitlines()[0].split(maxsplit=1) == [
        "scored", "50 images in photos: 50 images of 50 scenes (50 of 40x40)",
    ]  # fmt: skip
    assert result.stderr.splitlines()[-1] == "106/106 pictures" and len(result.stderr.splitlines()) == 10
    found = json.loads(Path("out/s.json").read_text())
    assert found["conditions"]["seed"] == 0 and found["conditions"]["versions"]["torch"] == "none"
    again = invoke("score", "photos", "--reference", "pk", "--json", "out/t.json")
    assert again.exit_code == 0 and Path("out/t.json").read_bytes() == Path("out/s.json").read_bytes()


def test_the_command_tells_the_note(world: Path) -> None:
    write_images(world / "large", [picture(k, side=64) for k in range(50)])
    result = invoke("score", "photos", "--reference", "large")
    assert result.exit_code == 0 and "note: the two sets have images of different sizes" in result.stderr


@pytest.mark.parametrize(
    ("intent", "arguments", "words"),
    [
        ("no reference", ["photos"], "Missing option '--reference'"),
        (
            "a file as the reference",
            ["photos", "--reference", "photos/000.png"],
            "Directory 'photos/000.png' is a file",
        ),
        ("no images", ["photos", "--reference", "pk", "--images", "0"], "0 is not in the range x>=1"),
        ("nothing", ["", "--reference", "pk"], "it is empty; give a path"),
        ("few images", ["photos", "--reference", "pk", "--images", "20"], "has 20 images of 20 scenes to score"),
        ("numbers into a folder", ["photos", "--reference", "pk", "--json", "pk"], "'pk' is a folder"),
    ],
)
def test_usage(intent: str, arguments: list[str], words: str, world: Path) -> None:
    result = invoke("score", *arguments)
    assert result.exit_code == 2 and words in result.stderr, intent
    assert "Traceback" not in result.stderr
