"""The GAN renderer: what its network sees, what becomes of its corrections, and the weights it refuses."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from gan_doubles import WIDTHS, untrained_gan
from test_generators import HEIGHT, WIDTH, random_views

from synthgen.config.load import load_pipeline
from synthgen.config.models import GanConfig
from synthgen.errors import AssetError, ConfigError, EnvironmentFault, InternalError
from synthgen.generate import gan as module
from synthgen.generate.gan import Gan, read_gan
from synthgen.generate.gan_channels import CHANNELS, compose, condition
from synthgen.generate.gan_network import MULTIPLE, STYLE
from synthgen.shading import albedo_table
from synthgen.types.gbuffer import Views
from synthgen.weights import CARD, MODEL


def seen(views: Views, i: int = 0) -> module.Condition:
    return condition(views.gbuffers, i, views.scene.cameras[i])


def draw(generator: Gan, condition: module.Condition, style: np.ndarray) -> np.ndarray:
    return next(generator.draw([condition], [style]))


def test_channels_are_what_they_are_called() -> None:
    views = random_views(1)
    found, gbuffers = seen(views), views.gbuffers
    by_name = dict(zip(CHANNELS, found.channels, strict=True))
    assert len(by_name) == 27
    np.testing.assert_allclose(by_name["albedo.green"] ** 2, gbuffers.albedo[0, ..., 1], atol=1e-3)
    np.testing.assert_array_equal(by_name["normal.z"], gbuffers.normal[0, ..., 2].astype(np.float32))
    np.testing.assert_array_equal(by_name["metallic"], gbuffers.metallic[0].astype(np.float32))
    assert (by_name["depth"][:6] == 3).all() and np.abs(by_name["depth"][6:]).max() <= 2
    up = gbuffers.normal[0].astype(np.float32) @ views.scene.cameras[0].world_from_camera[2, :3]
    np.testing.assert_allclose(by_name["up"], up, atol=1e-3)
    assert by_name["direct"].min() >= 0 and by_name["direct"].max() <= 1
    assert not by_name["gloss.red"][:6].any() and (by_name["gloss.red"][6:] > 0).any(), "the sky itself is no gloss"
    assert gbuffers.bounce is not None
    bounce = (2 ** (4 * by_name["bounce.green"]) - 1) / 4 * found.exposure
    np.testing.assert_allclose(bounce, gbuffers.bounce[0, ..., 1], rtol=1e-3, atol=1e-3)
    light = (2 ** (4 * by_name["lit.blue"]) - 1) / 4 * found.exposure
    np.testing.assert_allclose(light, found.lit[..., 2], rtol=1e-3, atol=1e-3)


def test_twice_the_light_is_twice_the_image(tmp_path: Path) -> None:
    views = random_views(1)
    once, generator = seen(views), Gan(GanConfig(weights=str(untrained_gan(tmp_path)), style=0))
    style = np.zeros(STYLE, np.float32)
    twice = module.Condition(once.channels, 2 * once.lit, 2 * once.exposure)
    np.testing.assert_allclose(draw(generator, twice, style), 2 * draw(generator, once, style), rtol=1e-5)


def test_without_corrections_it_is_the_lit_g_buffer() -> None:
    views = random_views(2)
    for i in range(2):
        found = seen(views, i)
        np.testing.assert_allclose(compose(np.zeros((9, HEIGHT, WIDTH), np.float32), found), found.lit, rtol=1e-6)


@pytest.mark.parametrize("roughness", [0.1, 0.3, 0.6, 1.0])
@pytest.mark.parametrize(
    ("intent", "metallic", "albedo", "expected"),
    [
        ("a white room around white metal cannot be told from it", 1.0, 1.0, 1.0),
        ("nor around white paint", 0.0, 1.0, 1.0),
        ("black paint mirrors 1.4 to 12 % of it", 0.0, 0.0, None),
    ],
)
def test_white_furnace(intent: str, metallic: float, albedo: float, expected: float | None, roughness: float) -> None:
    views = random_views(1)
    buffers, camera = views.gbuffers, views.scene.cameras[0]
    ones = np.ones_like(buffers.albedo)
    gbuffers = replace(
        buffers,
        normal=np.broadcast_to(np.array([0, 0, -1], np.float16), ones.shape).copy(),
        albedo=albedo * ones,
        roughness=np.full_like(buffers.roughness, roughness),
        metallic=np.full_like(buffers.metallic, metallic),
        direct=0 * ones,
        highlight=0 * ones,
        skylight=0.5 * ones,
        bounce=0.5 * ones,
        gloss=ones,
    )
    hit = gbuffers.depth_m[0] > 0
    lit = condition(gbuffers, 0, camera).lit[hit]
    if expected is None:
        assert lit.min() > 0.014 and lit.max() < 0.12
    else:
        np.testing.assert_allclose(lit, expected, atol=0.01)


def test_albedo_of_a_dielectric_seen_head_on_is_f0() -> None:
    np.testing.assert_allclose(albedo_table()[:8, -1, 2], 0.04, rtol=0.03)


CORRECTIONS: list[tuple[str, int, Callable[[module.Condition], np.ndarray]]] = [
    ("gain: 1 is 1.25 of 2.5 stops over 1.75", 0, lambda s: s.lit[..., 0] * (2 ** (2.5 / 3.5) - 1)),
    ("bounce: light on the diffuse albedo", 4, lambda s: s.exposure * s.channels[7] ** 2 * (1 - s.channels[13])),
    ("free: added as it is", 8, lambda s: np.full((HEIGHT, WIDTH), s.exposure, np.float32)),
]


@pytest.mark.parametrize(("intent", "output", "more"), CORRECTIONS, ids=[row[0] for row in CORRECTIONS])
def test_corrections(intent: str, output: int, more: Callable[[module.Condition], np.ndarray]) -> None:
    found = seen(random_views(1))
    corrections = np.zeros((9, HEIGHT, WIDTH), np.float32)
    corrections[output] = 1
    difference = compose(corrections, found) - compose(np.zeros_like(corrections), found)
    np.testing.assert_allclose(difference[..., output % 3], more(found), rtol=1e-3, atol=1e-3)
    assert not np.delete(difference, output % 3, axis=2).any()


def test_any_size_is_drawn_as_if_it_were_larger(tmp_path: Path) -> None:
    generator = Gan(GanConfig(weights=str(untrained_gan(tmp_path))))
    whole = seen(random_views(1))
    assert (HEIGHT % MULTIPLE, WIDTH % MULTIPLE) == (0, 0)
    part = module.Condition(np.ascontiguousarray(whole.channels[:, :29, :37]), whole.lit[:29, :37], whole.exposure)
    style = generator.style(3)
    drawn, all_of_it = draw(generator, part, style), draw(generator, whole, style)
    assert drawn.shape == (29, 37, 3)
    np.testing.assert_allclose(drawn[:8, :16], all_of_it[:8, :16], rtol=1e-4, atol=1e-4)  # far from the cut


def test_a_flat_scene_gets_no_frame(tmp_path: Path) -> None:
    """With zeros beyond the border, a network draws one that any style makes visible."""
    generator = Gan(GanConfig(weights=str(untrained_gan(tmp_path))))
    channels = np.ones((len(CHANNELS), 64, 64), np.float32) * np.linspace(0, 1, len(CHANNELS))[:, None, None]
    flat = module.Condition(channels.astype(np.float32), np.ones((64, 64, 3), np.float32), 1.0)
    drawn = draw(generator, flat, np.linspace(-2, 2, STYLE).astype(np.float32))
    assert np.ptp(drawn.mean(axis=2)) < 1e-4 and drawn.std() > 1e-3


def test_styles(tmp_path: Path) -> None:
    folder = str(untrained_gan(tmp_path))
    views = random_views(1)
    plain, lively = Gan(GanConfig(weights=folder)), Gan(GanConfig(weights=folder, style=1))
    assert plain.fingerprint != lively.fingerprint
    assert plain(views, [1]).pixels.tobytes() == plain(views, [2]).pixels.tobytes()
    assert lively(views, [1]).pixels.tobytes() != lively(views, [2]).pixels.tobytes()
    with pytest.raises(InternalError, match="gan was given 2 seeds for 1 views; exactly one per view is allowed"):
        lively(views, [1, 2])


def test_styles_are_drawn_as_training_images_had_them(tmp_path: Path) -> None:
    mean, covariance = np.arange(8.0), np.full((8, 8), 0.99) + 0.01 * np.eye(8)  # all but one dimension of them
    generator = Gan(GanConfig(weights=str(untrained_gan(tmp_path, styles=(mean, covariance))), style=0.5))
    drawn = np.stack([generator.style(seed) for seed in range(2000)])
    np.testing.assert_allclose(drawn.mean(axis=0), 0.5 * mean, atol=0.05)
    np.testing.assert_allclose(np.cov(drawn.T), 0.25 * covariance, atol=0.03)


def test_torch_draws_the_same(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason='needs torch: pip install "synthgen[train]"')
    from synthgen.train.gan import radiance, resolved

    folder = untrained_gan(tmp_path)
    generator, views = Gan(GanConfig(weights=str(folder))), random_views(1)
    found, style, edges = seen(views), generator.style(5), views.gbuffers.edges[0]
    expected = generator(views, [5]).pixels[0]
    weights = {
        f"generator/{name}": torch.tensor(np.asarray(t, np.float32)) for name, t in read_gan(folder).tensors.items()
    }
    at = edges.pixels.astype(np.int64)
    around = at[:, None] + np.array([d * WIDTH + a for d in (-1, 0, 1) for a in (-1, 0, 1)])
    shares = torch.tensor(edges.weights.astype(np.float32) / 16)
    mixing = torch.tensor(at), torch.tensor(around), shares
    lit = torch.tensor((found.lit / found.exposure).transpose(2, 0, 1)[None])
    image = radiance(weights, torch.tensor(found.channels[None]), lit, torch.tensor(style[None]), mixing, WIDTHS)
    drawn = image[0].permute(1, 2, 0).numpy() * found.exposure
    np.testing.assert_allclose(drawn, expected, rtol=2e-3, atol=2e-3)
    assert torch.equal(resolved(lit, (mixing[0][:0], mixing[1][:0], shares[:0])), lit)


def on_gpu(folder: Path, batch: int) -> module._OnGpu:
    """The GPU's way on the CPU."""
    return module._OnGpu(read_gan(folder), batch, device="cpu")


@pytest.mark.parametrize(("intent", "batch"), [("whole and short batches", 2), ("one short batch", 8), ("singly", 1)])
def test_batches_draw_what_single_images_do(intent: str, batch: int, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason='needs torch: pip install "synthgen[train]"')
    folder = untrained_gan(tmp_path)
    generator, views = Gan(GanConfig(weights=str(folder))), random_views(5)
    expected = generator(views, range(5)).pixels
    generator._network = on_gpu(folder, batch)
    np.testing.assert_allclose(generator(views, range(5)).pixels, expected, rtol=2e-3, atol=2e-3)


TOO_MUCH = [
    ("a quarter fits", 2, "generate.batch=8: so many images of 48x32 do not fit into the GPU's free memory; allowed "
     "here: up to 2; set generate.batch=2"),
    ("not even one fits", 0, "generate.batch=8: so many images of 48x32 do not fit into the GPU's free memory, and "
     "neither does one; end what else uses the GPU, or draw smaller images"),
]  # fmt: skip


@pytest.mark.parametrize(("intent", "most", "sentence"), TOO_MUCH, ids=[row[0] for row in TOO_MUCH])
def test_a_batch_that_does_not_fit(intent: str, most: int, sentence: str, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason='needs torch: pip install "synthgen[train]"')
    network = on_gpu(untrained_gan(tmp_path), 8)
    works = network._network

    def small_memory(ops: object, channels: object, style: object) -> object:
        if len(channels) > most:  # type: ignore[arg-type]
            raise torch.OutOfMemoryError("CUDA out of memory")
        return works(ops, channels, style)

    network._network = small_memory
    inputs = np.zeros((3, len(CHANNELS), 32, 48), np.float32), np.zeros((3, STYLE, 1, 1), np.float32)
    with pytest.raises(EnvironmentFault) as refused:
        list(network.run([inputs]))
    assert str(refused.value) == sentence


def test_a_gpu_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch", reason='needs torch: pip install "synthgen[train]"')
    config = GanConfig(weights=str(untrained_gan(tmp_path)))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(EnvironmentFault) as refused:
        Gan(config, device="gpu")
    assert str(refused.value) == (
        "--device gpu: PyTorch finds no GPU here; allowed: a machine with a CUDA GPU, or --scheduler with workers that "
        "have one and the Dask resource GPU; or leave --device out"
    )
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(EnvironmentFault) as refused:
        Gan(config, device="gpu")
    assert str(refused.value) == (
        "--device gpu needs PyTorch, which is not installed here; install it with: pip install torch, or leave "
        "--device out"
    )


def other_channels(folder: Path) -> None:
    untrained_gan(folder, channels=[*CHANNELS[:-1], "velocity"])


def fewer_channels(folder: Path) -> None:
    untrained_gan(folder, channels=list(CHANNELS[:-1]))


def another_version(folder: Path) -> None:
    untrained_gan(folder, version=7)


def a_verifier(folder: Path) -> None:
    untrained_gan(folder, kind="verifier")


def other_widths(folder: Path) -> None:
    untrained_gan(folder, architecture={"widths": [16, 16]})


def tampered(folder: Path) -> None:
    data = bytearray((folder / MODEL).read_bytes())
    data[-1] ^= 1
    (folder / MODEL).write_bytes(bytes(data))


def a_pickle(folder: Path) -> None:
    (folder / MODEL).write_bytes(b"PK\x03\x04")


def no_card(folder: Path) -> None:
    (folder / CARD).unlink()


WEIGHTS: list[tuple[Callable[[Path], None], str]] = [
    (
        other_channels,
        "'F' was trained on other channels than the pipeline renders (unknown: velocity); allowed: "
        f"{', '.join(CHANNELS)}; train it again with this version",
    ),
    (
        fewer_channels,
        "'F' was trained on other channels than the pipeline renders (another order or fewer); allowed: "
        f"{', '.join(CHANNELS)}; train it again with this version",
    ),
    (
        another_version,
        "'F' is version 7 of the gan; this synthgen reads version 4; train it again with this version, or install the "
        "version of synthgen it was made with",
    ),
    (a_verifier, "'F' is a verifier; allowed here: a gan; give the folder of one"),
    (
        other_widths,
        "the weights in 'F' do not fit: down0.weight has the shape [8, 16, 3, 3]; allowed: the shape [16, 16, 3, 3]; "
        "the file belongs to another architecture",
    ),
    (tampered, "'F/model.safetensors' is not the file its card describes"),
    (a_pickle, "'F/model.safetensors' is a pickle (what torch.save writes), which can run code when it is read"),
    (no_card, "'F/card.json' cannot be read"),
]


@pytest.mark.parametrize(("change", "sentence"), WEIGHTS, ids=[row[0].__name__ for row in WEIGHTS])
def test_weights_that_are_refused(change: Callable[[Path], None], sentence: str, tmp_path: Path) -> None:
    folder = untrained_gan(tmp_path / "F")
    change(folder)
    with pytest.raises(AssetError) as caught:
        read_gan(folder)
    assert str(caught.value).replace(str(tmp_path) + "/", "").startswith(sentence)


SETTINGS = [
    ("a kind that is almost one", "generate={kind: gann}", "gan"),
    ("a style outside the prior", "generate={kind: gan, style: 2.5}", "style"),
    ("a style below 0", "generate={kind: gan, style: -1}", "style"),
]


@pytest.mark.parametrize(("intent", "setting", "word"), SETTINGS, ids=[row[0] for row in SETTINGS])
def test_settings_that_are_refused(intent: str, setting: str, word: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_pipeline("smoke", [setting])
    assert word in str(caught.value)


def test_a_pipeline_drawn_by_it(tmp_path: Path) -> None:
    from synthgen.run.api import run_pipeline
    from synthgen.validate.dataset import validate_dataset

    folder = untrained_gan(tmp_path / "w")
    loaded = load_pipeline("smoke", [f"generate={{kind: gan, weights: {folder}}}", "count=2"])
    run_pipeline(
        loaded, out=tmp_path / "d", workers=0, scheduler=None, device="cpu", fresh=False, progress=lambda now: None
    )
    assert not validate_dataset(tmp_path / "d").problems
    facts = json.loads((tmp_path / "d" / "dataset.json").read_text())
    assert facts["counts"]["images"] == 2


def test_a_preview_shows_it_beside_what_it_starts_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import cv2

    from synthgen.run import preview

    monkeypatch.setattr(preview, "find_spec", lambda name: None)  # the path tracer takes too long here
    folder = untrained_gan(tmp_path / "w", scale=0)  # corrects nothing: as shaded, but for mirrored light
    loaded = load_pipeline("smoke", [f"generate={{kind: gan, weights: {folder}}}"])
    out = preview.preview_pipeline(loaded, out=tmp_path / "sheet.png", views=1, labels=False)
    sheet = cv2.imread(str(out)).astype(int)
    half = (sheet.shape[1] - 12) // 2
    shaded, own = sheet[4:-4, 4 : 4 + half], sheet[4:-4, 8 + half : 8 + 2 * half]
    assert shaded.std() > 10 and np.abs(shaded - own).mean() < 1
