"""Packs of training pairs: made with a stand-in for the path tracer, read back, interrupted, damaged, refused."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from synthgen.config.load import load_pipeline
from synthgen.config.models import ShadedConfig
from synthgen.contract.packs import CARD, TRAINING_SEEDS, is_training_seed, part_path
from synthgen.contract.scene_records import parse_scene, scene_text
from synthgen.errors import (
    AssetError,
    ConfigError,
    DatasetError,
    EnvironmentFault,
    IncompleteError,
    InternalError,
    Rejection,
)
from synthgen.generate import catalog as generators
from synthgen.generate.shaded import Shaded, shaded_alone
from synthgen.pack import radiance
from synthgen.pack.assets import copy_assets, inside, outside
from synthgen.pack.reading import open_pack
from synthgen.run import pairs, pairs_scenes
from synthgen.run.pairs import PairsSummary, make_pairs
from synthgen.types.assets import Material
from synthgen.types.catalog import AssetSpec, Catalog, FamilySource, FileAsset, MeshSource
from synthgen.types.gbuffer import GATHERED, GBuffers, Views
from synthgen.types.geometry import Camera, Intrinsics
from synthgen.types.images import Images
from synthgen.types.scene import AreaLight, EnvironmentLight, Scene, SceneObject

SEED = TRAINING_SEEDS.start + 5
SMALL = (
    "image.width=48",
    "image.height=40",
    f"seed={SEED}",
    "scene.objects=[{family: box, variants: 2}, {family: die, variants: 2}, {family: washer, variants: 2}]",
    "scene.objects_per_scene=3",
    "scene.distractors=0",
    "scene.occluders=0",
    "camera.views_per_scene=3",
    "run.shard_images=6",
    "labels.min_visible_px=2",
    "camera.placement.distance_m=0.4",
    "pairs={varied: 0.5, held_out: {share: 0.4, objects: [die], environments: [warehouse]}}",
)

needs_cycles = pytest.mark.skipif(
    find_spec("bpy") is None, reason='needs Cycles: pip install "synthgen[pathtraced]" (Python 3.11)'
)


class StandIn:
    """``shaded`` in the place of the path tracer, a little darker for odd seeds; notes what it was asked for."""

    channels = Shaded.channels
    uses_seeds = True
    fingerprint = "stand-in"

    def __init__(self) -> None:
        self.asked: list[tuple[Views, int, np.ndarray]] = []
        self.stop_after = 10_000

    def __call__(self, views: Views, seeds: Sequence[int]) -> Images:
        if len(self.asked) >= self.stop_after:
            raise KeyboardInterrupt
        pixels = Shaded(ShadedConfig())(views, seeds).pixels * np.float32(1.0 if seeds[0] % 2 else 0.9)
        self.asked.append((views, seeds[0], pixels[0]))
        return Images("linear", pixels)


@pytest.fixture
def tracer(monkeypatch: pytest.MonkeyPatch) -> StandIn:
    made = StandIn()
    monkeypatch.setitem(generators.GENERATORS, "pathtraced", lambda config, store, device: made)
    monkeypatch.setattr(pairs, "cycles_version", lambda: "4.2.0")
    monkeypatch.setattr(pairs, "require_path_tracer", lambda: None)
    return made


def make(folder: Path, *overrides: str, count: int = 12, fresh: bool = False) -> PairsSummary:
    loaded = load_pipeline("training", [*SMALL, f"count={count}", *overrides])
    return make_pairs(loaded, out=folder, workers=1, scheduler=None, fresh=fresh, progress=lambda progress: None)


def files_of(folder: Path) -> dict[str, str]:
    found = sorted(path for path in folder.rglob("*") if path.is_file() and "logs" not in path.parts)
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def same_arrays(one: GBuffers, other: GBuffers) -> Iterator[bool]:
    for field in fields(GBuffers):
        a, b = getattr(one, field.name), getattr(other, field.name)
        if field.name in GATHERED:
            yield a is None and b is None
            continue
        if field.name == "edges":
            pairs_of = [(x.pixels, y.pixels) for x, y in zip(a, b, strict=True)]
            pairs_of += [(x.weights, y.weights) for x, y in zip(a, b, strict=True)]
        else:
            pairs_of = list(zip(a, b, strict=True))
        yield from (x.tobytes() == y.tobytes() for x, y in pairs_of)


def test_a_pack_gives_back_what_the_run_saw(tmp_path: Path, tracer: StandIn) -> None:
    summary = make(tmp_path / "pack")
    assert summary.card["counts"]["pairs"] == summary.made == 12
    pack = open_pack(tmp_path / "pack")
    pack.require_whole()
    assert len(pack) == 12 and [key.pair_id for key in pack.keys] == list(range(1, 13))
    seen = list(pack.pairs())
    assert len(seen) == len(tracer.asked) == 12
    compared = 0
    for index, (pair, (views, _, pixels)) in enumerate(zip(seen, tracer.asked, strict=True)):
        flags = list(same_arrays(pair.views.gbuffers, views.gbuffers))
        assert all(flags) and len(flags) >= 16
        assert radiance.psnr_db(pixels, pair.image) >= radiance.PSNR_DB
        assert pair.image.dtype == np.float32 and pair.image.shape == (40, 48, 3)
        alone = pack[index]
        assert alone.pair_id == pair.pair_id and (alone.image == pair.image).all()
        assert all(same_arrays(alone.views.gbuffers, pair.views.gbuffers))
        compared += 1
    assert compared == 12


def test_splits_share_no_family_and_no_environment(tmp_path: Path, tracer: StandIn) -> None:
    make(tmp_path, count=18)
    pack = open_pack(tmp_path)
    families: dict[str, set[str]] = {"train": set(), "held_out": set()}
    kinds: dict[str, set[str]] = {"train": set(), "held_out": set()}
    of_scene: dict[int, set[str]] = {}
    for index, key in enumerate(pack.keys):
        scene = pack.views(index).scene
        labelled = [thing.source for thing in scene.objects if thing.category_id > 0]
        families[key.split] |= {source.family for source in labelled if isinstance(source, FamilySource)}
        kinds[key.split].add(scene.environment.key.split(":")[1])
        of_scene.setdefault(key.scene, set()).add(key.split)
    assert len(of_scene) == 6 and all(len(splits) == 1 for splits in of_scene.values())
    assert families == {"train": {"box", "washer"}, "held_out": {"die"}}
    assert kinds["held_out"] == {"warehouse"} and kinds["train"] and "warehouse" not in kinds["train"]
    assert pack.card["splits"]["held_out"] == {"objects": ["die"], "environments": ["warehouse"]}
    assert len(pack.where(split="train")) + len(pack.where(split="held_out")) == 18
    assert pack.card["counts"]["splits"]["train"] == len(pack.where(split="train"))
    assert pack.trained_on and pack.card["purpose"] == "training"


def test_files_travel_in_the_pack(tmp_path: Path, tracer: StandIn) -> None:
    import cv2
    import trimesh

    there = tmp_path / "there"
    there.mkdir()
    trimesh.creation.box((0.08, 0.06, 0.05)).export(there / "block.glb")
    cv2.imwrite(str(there / "oak.png"), np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8))
    cv2.imwrite(str(there / "yard.hdr"), np.random.default_rng(1).random((32, 64, 3), dtype=np.float32))
    overrides = [
        f"scene.objects=[{{mesh: {there}/block.glb}}]",
        f"scene.support.texture={there}/oak.png",
        f"scene.environment.hdr={there}/yard.hdr",
        "pairs={varied: 0, photographs: 1, procedural_environments: false}",
    ]
    make(tmp_path / "pack", *overrides, count=3)
    (tmp_path / "pack").rename(tmp_path / "moved")
    for path in there.iterdir():
        path.rename(path.with_name(f"no_longer_{path.name}"))
    pack = open_pack(tmp_path / "moved")
    assert [entry["name"] for entry in pack.card["files"]] == ["yard.hdr", "oak.png"]
    compared = 0
    for pair, (views, _, _) in zip(pack.pairs(), tracer.asked, strict=True):
        assert all(same_arrays(pair.views.gbuffers, views.gbuffers))
        assert pair.views.scene.environment.key.startswith("file:")
        textures = {material.texture for thing in pair.views.scene.objects for material in thing.materials}
        assert any(texture.startswith("file:") for texture in textures)
        compared += 1
    assert compared == 3
    assert sorted(path.suffix for path in (tmp_path / "moved" / "assets").iterdir()) == [".glb", ".hdr", ".png"]


def test_variations_share_the_g_buffer_and_nothing_moves(tmp_path: Path, tracer: StandIn) -> None:
    make(tmp_path, "pairs.varied=1", count=6)
    asked = tracer.asked
    assert len(asked) == 6
    for first in (0, 3):
        plain, *varied = asked[first : first + 3]
        assert len(varied) == 2
        for views, seed, _ in varied:
            assert views.gbuffers is plain[0].gbuffers and seed != plain[1]
            assert views.scene.environment != plain[0].scene.environment
            for thing, other in zip(views.scene.objects, plain[0].scene.objects, strict=True):
                assert thing.source == other.source and (thing.world_from_object == other.world_from_object).all()
    keys = open_pack(tmp_path).keys
    assert [key.variation for key in keys] == [0, 1, 2, 0, 1, 2]
    train = {"office", "workshop", "window", "lab", "overcast"}
    for views, _, _ in asked:
        held = pairs_scenes.split_of(load_pipeline("training", SMALL).pipeline, views.scene.index) == "held_out"
        assert (views.scene.environment.key.split(":")[1] in train) != held


def test_the_same_command_goes_on_and_ends_with_the_same_bytes(tmp_path: Path, tracer: StandIn) -> None:
    make(tmp_path / "whole")
    expected = files_of(tmp_path / "whole")
    assert sorted(expected) == [CARD, part_path(0), part_path(1)]
    tracer.asked.clear()
    tracer.stop_after = 8  # in the second part
    with pytest.raises(KeyboardInterrupt):
        make(tmp_path / "cut")
    assert sorted(files_of(tmp_path / "cut")) == [part_path(0)]
    (tmp_path / "cut" / "parts" / "00001.parquet.tmp").write_bytes(b"half")
    tracer.asked.clear()
    tracer.stop_after = 10_000
    assert make(tmp_path / "cut").made == 6 and len(tracer.asked) == 6
    assert files_of(tmp_path / "cut") == expected
    again = make(tmp_path / "cut")
    assert again.already_complete and files_of(tmp_path / "cut") == expected


def test_a_damaged_part_alone_is_made_again(tmp_path: Path, tracer: StandIn) -> None:
    make(tmp_path)
    expected = files_of(tmp_path)
    part = tmp_path / part_path(1)
    data = bytearray(part.read_bytes())
    group = pq.ParquetFile(part).metadata.row_group(0)
    columns = [group.column(k) for k in range(group.num_columns)]
    (images,) = (column for column in columns if column.path_in_schema.endswith(".code"))
    data[images.data_page_offset + images.total_compressed_size // 2] ^= 1
    part.write_bytes(data)
    pack = open_pack(tmp_path)
    with pytest.raises(DatasetError, match="is damaged"):
        list(pack.pairs(range(6, 12)))
    with pytest.raises(DatasetError, match="is missing or damaged"):
        pack.require_whole()
    part.unlink()
    tracer.asked.clear()
    make(tmp_path)
    assert len(tracer.asked) == 6 and files_of(tmp_path) == expected


def test_a_view_that_cannot_be_drawn_leaves_a_gap_and_its_traceback(
    tmp_path: Path, tracer: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = StandIn.__call__

    def poisoned(self: StandIn, views: Views, seeds: Sequence[int]) -> Images:
        if (views.scene.index, views.scene.view_indices) == (1, (1,)):
            raise ZeroDivisionError("poison")
        return whole(self, views, seeds)

    monkeypatch.setattr(StandIn, "__call__", poisoned)
    summary = make(tmp_path, "run.failure_budget=0.5", "pairs.varied=0", count=6)
    assert summary.card["counts"]["pairs"] == 5 and summary.card["empty_reasons"] == {"error:ZeroDivisionError": 1}
    assert [pair.pair_id for pair in open_pack(tmp_path).pairs()] == [1, 2, 3, 4, 6]
    assert ("empty slots", "1 (1 error:ZeroDivisionError)") in summary.lines
    (log,) = (tmp_path / "logs" / "poison").iterdir()
    assert log.name == "scene-000000001-view-001-draw-attempt-0.log" and "poison" in log.read_text()


def test_fresh_leaves_foreign_files(tmp_path: Path, tracer: StandIn) -> None:
    make(tmp_path, count=6)
    (tmp_path / "parts" / "notes.txt").write_text("mine")
    make(tmp_path, "seed=1", count=3, fresh=True)
    assert sorted(files_of(tmp_path)) == [CARD, part_path(0), "parts/notes.txt"]
    assert open_pack(tmp_path).card["purpose"] == "evaluation"


def test_reading_needs_no_simulator_and_no_path_tracer(tmp_path: Path, tracer: StandIn) -> None:
    make(tmp_path, count=3)
    script = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("mujoco", "bpy", "dask", "distributed", "torch", "albumentations"):
            raise ImportError(name)
sys.meta_path.insert(0, Blocked())
from pathlib import Path
from synthgen.pack.reading import open_pack
print(sum(float(pair.image.mean()) > 0 for pair in open_pack(Path(sys.argv[1])).pairs()))
"""
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, timeout=300)
    assert done.stdout.strip() == "3", done.stderr


def odd_scene() -> Scene:
    """Everything that a record can hold, with numbers that no short text gives."""
    third = np.eye(4)
    third[:3, :3] = np.array([[0.6, -0.8, 0.0], [0.8, 0.6, 0.0], [0.0, 0.0, 1.0]])
    third[:3, 3] = (1 / 3, -0.0, 1e-17)
    paint = Material((0.1 + 0.2, 1.0, 0.0), 0.5, 1.0, "file:0123456789abcdef", 1 / 7)
    lens = Intrinsics(48, 40, 50.1, 49.9, 23.7, 20.2, (-0.2, 0.06, 0.002, -0.001, 0.0))
    return Scene(
        7,
        1,
        2**62 + 1,
        (
            SceneObject(0, "floor", "f" * 16, FamilySource("floor", ()), 0, np.eye(4), (Material(), paint)),
            SceneObject(1, "object", "a" * 16, MeshSource("/there/a.GLB", 0.001, "coacd"), 3, third, (paint,)),
            SceneObject(2, "object", "b" * 16, FamilySource("die", (("edge_m", 0.1 * 3),)), 1, third, (paint,)),
        ),
        EnvironmentLight("procedural:office:3", 2 / 3, 1.1),
        (AreaLight(np.array([0.0, 1 / 3, 2.0]), np.array([0.0, 0.0, -1.0]), (0.1, 0.2), (1.0, 2.0, 1 / 3)),),
        (Camera(lens, third), Camera(replace(lens, distortion=()), np.eye(4))),
        (0, 4),
    )


def test_a_record_gives_the_scene_back_to_the_last_bit() -> None:
    scene = odd_scene()
    back = parse_scene(scene_text(scene))
    assert scene_text(back) == scene_text(scene)
    assert (back.index, back.attempt, back.seed, back.view_indices) == (7, 1, 2**62 + 1, (0, 4))
    assert back.environment == scene.environment
    for a, b in zip(back.objects, scene.objects, strict=True):
        assert (a.instance_index, a.role, a.asset_key, a.source, a.category_id, a.materials) == (
            b.instance_index, b.role, b.asset_key, b.source, b.category_id, b.materials,
        )  # fmt: skip
        assert a.world_from_object.tobytes() == b.world_from_object.tobytes()
    for one, other in zip(back.lights, scene.lights, strict=True):
        assert one.position_m.tobytes() == other.position_m.tobytes()
        assert one.direction.tobytes() == other.direction.tobytes()
        assert (one.size_m, one.radiance) == (other.size_m, other.radiance)
    for mine, theirs in zip(back.cameras, scene.cameras, strict=True):
        assert mine.intrinsics == theirs.intrinsics
        assert mine.world_from_camera.tobytes() == theirs.world_from_camera.tobytes()


def test_meshes_are_found_inside_the_pack(tmp_path: Path) -> None:
    scene = odd_scene()
    packed = inside(scene)
    assert packed.objects[1].source == MeshSource("assets/aaaaaaaaaaaaaaaa.glb", 0.001, "coacd")
    assert packed.objects[0] is scene.objects[0]
    assert outside(packed, tmp_path).objects[1].source == MeshSource(
        str(tmp_path / "assets/aaaaaaaaaaaaaaaa.glb"), 0.001, "coacd"
    )


@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    white=st.floats(1e-3, 50.0),
    lamp=st.sampled_from([None, 0.0, 30.0, 6e4]),
    detail=st.floats(0.0, 0.3),
)
@example(seed=0, white=0.25, lamp=30.0, detail=0.0)
def test_radiance_survives_its_encoding(seed: int, white: float, lamp: float | None, detail: float) -> None:
    rng = np.random.default_rng(seed)
    ramp = np.linspace(0.02, 1.0, 64, dtype=np.float32)[None, :, None] * np.array([1.0, 0.8, 0.6], np.float32)
    predicted = np.repeat(ramp, 48, axis=0) * np.float32(white)
    bounce = np.linspace(0.7, 1.6, 48, dtype=np.float32)[:, None, None]  # what the path tracer adds is smooth, ...
    image = predicted * bounce * np.exp(rng.normal(0, detail, predicted.shape)).astype(np.float32)  # ... or is not
    if lamp is not None:
        image[10:14, 20:26] = lamp
    code, knee, span = radiance.encode(image, predicted)
    shown = radiance.decode(code, knee, span, predicted)
    assert shown.dtype == np.float32 and shown.shape == image.shape and np.isfinite(shown).all() and shown.min() >= 0
    # Between noise and a lamp that fills the range 8 bits are few: what quality 100 gives is taken.
    plain = lamp is None and detail < 0.05
    assert radiance.psnr_db(image, shown) >= (radiance.PSNR_DB if plain else 38.0)
    # A lamp more than a hundred times as bright as white, which any tone curve shows as white, has few of 256 steps:
    # measured 0.22 at 120 times, 0.32 at 480, 0.44 at 30,000.
    real = float(image[11:13, 22:24].mean())
    there, most = min(real, radiance.MOST), 0.15 if not lamp else (0.2 if real < 100 * white else 0.45)
    assert abs(float(shown[11:13, 22:24].mean()) - there) <= most * there + 0.01
    assert radiance.encode(image, predicted) == (code, knee, span)


def test_texture_costs_nothing_where_it_is_predicted() -> None:
    rng = np.random.default_rng(5)
    texture = rng.uniform(0.1, 1.0, (96, 96, 3)).astype(np.float32)
    light = np.linspace(0.8, 1.5, 96, dtype=np.float32)[:, None, None]
    textured = len(radiance.encode(texture * light, texture)[0])
    flat = np.full_like(texture, 0.5)
    assert textured < 1.5 * len(radiance.encode(flat * light, flat)[0])


def test_training_seeds_are_apart_from_all_others() -> None:
    assert is_training_seed(load_pipeline("training").pipeline.seed)
    others = [load_pipeline(name).pipeline.seed for name in ("grasping", "bin_picking", "smoke")]
    assert others == [0, 0, 0] and not any(map(is_training_seed, others))
    assert not is_training_seed(2_000_000_000) and not is_training_seed(999_999_999)


Trigger = Callable[[Path, pytest.MonkeyPatch], object]


def run(*overrides: str) -> Trigger:
    return lambda folder, patch: make(folder / "pack", *overrides, count=3)


def into_a_dataset(folder: Path, patch: pytest.MonkeyPatch) -> None:
    (folder / "pack").mkdir()
    (folder / "pack" / "dataset.json").write_text("{}")
    make(folder / "pack")


def into_a_file(folder: Path, patch: pytest.MonkeyPatch) -> None:
    (folder / "pack").write_text("a file")
    make(folder / "pack")


def into_another_pack(folder: Path, patch: pytest.MonkeyPatch) -> None:
    make(folder / "pack", count=3)
    make(folder / "pack", "seed=3", count=3)


def pack_of_another_version(folder: Path, patch: pytest.MonkeyPatch) -> None:
    (folder / "pack").mkdir()
    (folder / "pack" / CARD).write_text('{"schema_version": 9}')
    make(folder / "pack", count=3)


def dataset_into_a_pack(folder: Path, patch: pytest.MonkeyPatch) -> None:
    from synthgen.run.api import run_pipeline

    make(folder / "pack", count=3)
    loaded = load_pipeline("smoke", ["count=1"])
    run_pipeline(
        loaded, out=folder / "pack", workers=1, scheduler=None, device="cpu", fresh=False, progress=lambda p: None
    )


def nothing_ever_seen(folder: Path, patch: pytest.MonkeyPatch) -> None:
    def never(*args: Any) -> None:
        raise Rejection("nothing_visible")

    patch.setattr(pairs_scenes, "_require_visible", never)
    make(folder / "pack", count=3)


def without_bpy(folder: Path, patch: pytest.MonkeyPatch) -> None:
    patch.undo()
    patch.setattr(pairs, "find_spec", lambda name: None)
    make(folder / "pack")


def without_avif(folder: Path, patch: pytest.MonkeyPatch) -> None:
    from PIL import features

    patch.setattr(features, "check", lambda name: False)
    patch.setattr("PIL.__version__", "10.1.0")
    open_pack(folder)


def other_shapes(folder: Path, patch: pytest.MonkeyPatch) -> None:
    make(folder / "pack", count=3)
    patch.setattr("synthgen.pack.reading.instance_crc32", lambda instance: 0)
    open_pack(folder / "pack")[0]


def other_light(folder: Path, patch: pytest.MonkeyPatch) -> None:
    make(folder / "pack", count=3)
    patch.setattr("synthgen.pack.reading.shaded_alone", lambda views: 1.01 * shaded_alone(views))
    open_pack(folder / "pack")[0]


def damaged_footer(folder: Path, patch: pytest.MonkeyPatch) -> None:
    make(folder / "pack", count=3)
    (folder / "pack" / part_path(0)).write_bytes(b"PAR1")
    open_pack(folder / "pack")


def damaged_file(folder: Path, patch: pytest.MonkeyPatch) -> None:
    make(folder / "pack", count=3)
    pack = open_pack(folder / "pack")
    (folder / "pack" / part_path(0)).unlink()
    pack.require_whole()


def opened(*names: str) -> Trigger:
    def trigger(folder: Path, patch: pytest.MonkeyPatch) -> None:
        for name in names:
            path = folder / "pack" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.mkdir() if name == "parts" else path.write_text("{")
        open_pack(folder / "pack")

    return trigger


def unknown_split(folder: Path, patch: pytest.MonkeyPatch) -> None:
    make(folder / "pack", count=3)
    open_pack(folder / "pack").where(split="test")


def no_image(folder: Path, patch: pytest.MonkeyPatch) -> None:
    radiance.decode(b"not an image", 0.1, 1.0, np.ones((4, 4, 3), np.float32))


def mesh_in_pieces(folder: Path, patch: pytest.MonkeyPatch) -> None:
    (folder / "a.obj").write_text("mtllib a.mtl\nv 0 0 0\n")
    (folder / "a.mtl").write_text("newmtl a\n")
    spec = AssetSpec("0" * 16, "a", "object", MeshSource(str(folder / "a.obj")))
    copy_assets(folder / "pack", Catalog((spec,), ()))


def vanished_file(folder: Path, patch: pytest.MonkeyPatch) -> None:
    copy_assets(folder, Catalog((), (), environments=(FileAsset("file:0123456789abcdef", str(folder / "a.hdr")),)))


REFUSED = [
    ("no path tracer", without_bpy, EnvironmentFault,
     "synthgen pairs draws its images with Cycles, and the Python package 'bpy' is not installed; install it with: pip "
     'install "synthgen[pathtraced]" (it exists for Python 3.11). Reading a finished pack works without it'),
    ("no AVIF", without_avif, EnvironmentFault,
     "packs hold their images as AVIF, which this Pillow (10.1.0) was built without; install one with: pip install "
     '"pillow>=11.3"'),
    ("misspelt family", run("pairs.held_out.objects=[dye]"), ConfigError,
     "pairs.held_out.objects: 'dye' is not known; nearest known: die. Allowed: box, die, washer"),
    ("misspelt environment", run("pairs.held_out.environments=[warehous]"), ConfigError,
     "pairs.held_out.environments: 'warehous' is not known; nearest known: warehouse. Allowed: office, workshop, "
     "window, lab, warehouse, overcast"),
    ("all objects held out", run("pairs.held_out.objects=[die, box, washer]"), ConfigError,
     "pairs.held_out.objects: names all there are, which leaves none for training; take some out, or give "
     "pairs.held_out.share 1 for a pack that is for evaluation alone"),
    ("one view to vary", run("camera.views_per_scene=1"), ConfigError,
     "pairs.varied: is 0.5, but camera.views_per_scene is 1: the one view of a scene would have no variation; give "
     "camera.views_per_scene 2 or more (5 = the scene itself and 4 variations), or pairs.varied 0"),
    ("into a file", into_a_file, DatasetError, "'DIR/pack' is a file; --out needs a folder. Give another --out"),
    ("into a dataset", into_a_dataset, DatasetError, "'DIR/pack' holds a dataset, not a pack; give another --out"),
    ("dataset into a pack", dataset_into_a_pack, DatasetError,
     "'DIR/pack' holds a pack of training pairs, not a dataset; give another --out"),
    ("another pack", into_another_pack, DatasetError,
     "'DIR/pack' holds a pack of another pipeline, seed, count, size, asset or synthgen version (fingerprint ..., this "
     "run has ...). Give another --out, or --fresh to delete that pack and start again"),
    ("another version", pack_of_another_version, DatasetError,
     "'DIR/pack/pack.json' is of a pack with version 9; this synthgen reads and writes 2. Make it again into another "
     "folder with --out, or use the synthgen that wrote it"),
    ("card is no JSON", opened(CARD), DatasetError,
     "'DIR/pack/pack.json' cannot be read (Expecting property name enclosed in double quotes: line 1 column 2 (char 1))"
     ". Remove it and give the same 'synthgen pairs' command again: it is written anew"),
    ("no folder", opened(), DatasetError, "'DIR/pack' is not a folder; give the folder that 'synthgen pairs' wrote"),
    ("a dataset", opened("dataset.json"), DatasetError,
     "'DIR/pack' is a dataset, not a pack of training pairs; 'synthgen pairs' makes one"),
    ("incomplete", opened("parts"), DatasetError,
     "'DIR/pack' is an incomplete pack: it has no pack.json; the same 'synthgen pairs' command makes the rest"),
    ("something else", opened("notes.txt"), DatasetError,
     "'DIR/pack' holds no pack: it has no pack.json; give the folder that 'synthgen pairs' wrote"),
    ("unknown split", unknown_split, DatasetError, "a pack has no split 'test'; allowed: train, held_out"),
    ("other shapes", other_shapes, DatasetError,
     "pair 1 of 'DIR/pack' shows other shapes than this synthgen renders: the pack was made by version 0.1.0, or "
     "with other libraries (pack.json lists them); make it again, or read it with those"),
    ("other light", other_light, DatasetError,
     "pair 1 of 'DIR/pack' shows other light than this synthgen renders: the pack was made by version 0.1.0, or "
     "with other libraries (pack.json lists them); make it again, or read it with those"),
    ("damaged part", damaged_footer, DatasetError,
     "'DIR/pack/parts/00000.parquet' is damaged (...); remove that file and give the 'synthgen pairs' command that "
     "made the pack again: only this part is made anew"),
    ("missing part", damaged_file, DatasetError,
     "'DIR/pack/parts/00000.parquet' is missing or damaged (its sha256 is not that of pack.json); remove it and give "
     "the 'synthgen pairs' command that made the pack again: only that file is made anew"),
    ("nothing is ever seen", nothing_ever_seen, IncompleteError,
     "3 of the first 3 pairs could not be made (3 nothing_visible); allowed of 3 by run.failure_budget 0.02: 0. What "
     "is made is kept: look at the scenes with 'synthgen preview', mend the cause and start anew with --fresh"),
    ("mesh of several files", mesh_in_pieces, AssetError,
     "DIR/a.obj refers to other files, so that a pack cannot hold it; allowed: .glb, .ply, .stl, or .obj without a "
     "material file. Export it as .glb"),
    ("file gone", vanished_file, AssetError,
     "DIR/a.hdr cannot be read any more (No such file or directory); give the same command again"),
    ("no image", no_image, InternalError,
     "an image of a pack cannot be decoded (cannot identify image file ...); report this as a bug"),
]  # fmt: skip


@pytest.mark.parametrize(("intent", "trigger", "kind", "sentence"), REFUSED, ids=[row[0] for row in REFUSED])
def test_refused_with_one_sentence(
    intent: str,
    trigger: Trigger,
    kind: type[Exception],
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    tracer: StandIn,
) -> None:
    with pytest.raises(kind) as caught:
        trigger(tmp_path, monkeypatch)
    said = str(caught.value).replace(str(tmp_path), "DIR")
    position = 0
    for piece in sentence.split("..."):
        found = said.find(piece, position)
        assert found >= 0, f"{intent}: {said}"
        position = found + len(piece)


def test_parts_hold_one_row_per_scene_with_units(tmp_path: Path, tracer: StandIn) -> None:
    make(tmp_path)
    tables = [pq.read_table(tmp_path / part_path(part)) for part in range(2)]
    assert [table.num_rows for table in tables] == [2, 2]
    assert tables[0].column_names == ["scene", "split", "record", "targets"]
    assert json.loads((tmp_path / CARD).read_text())["counts"]["parts"] == 2


@pytest.mark.slow
@needs_cycles
def test_path_traced_pairs_come_out_the_same(tmp_path: Path) -> None:
    make(tmp_path / "one", count=3)
    make(tmp_path / "two", count=3)
    assert files_of(tmp_path / "one") == files_of(tmp_path / "two")
    pack = open_pack(tmp_path / "one")
    pairs_of = list(pack.pairs())
    assert len(pairs_of) == 3 and pack.card["path_tracer"]["name"] == "Cycles"
    shaded = Shaded(ShadedConfig())
    for pair in pairs_of:
        if pair.variation == 0:
            assert radiance.psnr_db(pair.image, shaded(pair.views, [0]).pixels[0]) > 18.0
