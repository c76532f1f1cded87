"""What the words on the command line of ``synthgen score`` stand for: a dataset, a pack, a folder, a generator."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from synthgen.config.faults import nearest
from synthgen.config.models import GenerateConfig
from synthgen.contract import layout
from synthgen.contract.packs import CARD, HELD_OUT
from synthgen.errors import UserError
from synthgen.evaluate.agreement import agreement_of
from synthgen.evaluate.inception import load_inception
from synthgen.evaluate.pictures import Generated, PackTargets, PictureSet, dataset_pictures, folder_pictures
from synthgen.evaluate.score import Comparison
from synthgen.generate.catalog import GENERATORS, make_generator
from synthgen.generate.protocol import Generator
from synthgen.networks.lite0 import Network
from synthgen.pack.reading import Pack, open_pack

WEIGHTS_CARD = "card.json"


def comparison_of(
    scored: str, reference: Path, *, most: int, seed: int, version: str, inception_weights: Path | None = None
) -> Comparison:
    """Opens both sides.

    Args:
        scored: a dataset, a pack, a folder of images, a generator's kind, or the folder of a trained generator. A
            folder goes before a kind of the same name.
        reference: a dataset, a pack or a folder of images.
        most: how many pictures of each side to look at.
        seed: of bootstrap and draws.
        version: of synthgen.
        inception_weights: a file for ``inception.load_inception``.

    Raises:
        UserError: the words stand for nothing, or for a generator without a pack to draw.
        DatasetError: a dataset or pack that cannot be read.
    """
    if inception_weights is not None and not inception_weights.is_file():
        raise UserError(
            f"--inception-weights: {str(inception_weights)!r} is no file; give inception-2015-12-05.pt or "
            "pt_inception-2015-12-05-6726825d.pth, or leave the option out: the lite0 scores need no download"
        )
    networks: Callable[[], list[Network]] = lambda: (  # noqa: E731
        [] if inception_weights is None else [load_inception(inception_weights)]
    )
    kind = _generator_kind(scored)
    if kind is not None:
        drawn, targets = _generated(scored, kind, reference, most=most, seed=seed)
        return Comparison(drawn, targets, seed, version, networks)
    return Comparison(
        _pictures(Path(scored), most),
        _pictures(reference, most),
        seed,
        version,
        networks,
        agreement_of(Path(scored)) if _is_dataset(Path(scored)) else None,
    )


def _generator_kind(scored: str) -> str | None:
    """The kind of generator that the word names, or None; a trained one says its kind in its card."""
    if scored in GENERATORS and not Path(scored).is_dir():
        return scored
    card = Path(scored) / WEIGHTS_CARD
    if not card.is_file():
        return None
    try:
        kind = json.loads(card.read_text(encoding="utf-8"))["kind"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{str(card)!r} cannot be read ({type(error).__name__}); allowed: the card of a trained generator, as "
            "'synthgen train' writes it"
        ) from error
    if kind not in GENERATORS:
        raise UserError(
            f"{scored!r} holds a trained {kind!r}, which draws no pictures; allowed: the folder of a generator "
            f"({', '.join(GENERATORS)})"
        )
    return str(kind)


def generator_and_pack(scored: str, reference: Path, *, style: float | None = None) -> tuple[Generator, Pack]:
    """A generator by its kind or the folder of its weights, and the pack whose views it can draw.

    ``style``: spread of the styles of a generator that has them; None: the default of its kind.

    Raises:
        UserError: the word names no generator, or the folder is no pack.
        DatasetError: the pack cannot be read.
    """
    kind = _generator_kind(scored)
    if kind is None:
        close = nearest(scored, GENERATORS)
        hint = f"nearest: {close}; " if close else ""
        raise UserError(
            f"{scored!r} is no generator; {hint}allowed: the folder of a trained one, or one of: "
            + ", ".join(GENERATORS)
        )
    return _opened(scored, kind, reference, style)


def _generated(scored: str, kind: str, reference: Path, *, most: int, seed: int) -> tuple[Generated, PackTargets]:
    generator, pack = _opened(scored, kind, reference)
    targets = _targets(pack, most)
    return Generated(generator, targets, seed=seed), targets


def _opened(scored: str, kind: str, reference: Path, style: float | None = None) -> tuple[Generator, Pack]:
    if not (reference / CARD).is_file():
        raise UserError(
            f"{scored!r} is a generator, and {str(reference)!r} no pack whose scenes it could draw; give --reference a "
            f"pack (synthgen pairs), or score what it drew: synthgen run PIPELINE --set generate.kind={kind}"
        )
    settings: dict[str, Any] = {"kind": kind} | ({} if scored == kind else {"weights": scored})
    if style is not None and kind == "gan":
        settings["style"] = style
    try:
        config = TypeAdapter(GenerateConfig).validate_python(settings)
    except ValidationError as error:
        raise UserError(
            f"generator {kind!r} takes no weights, and {scored!r} holds some; give the word {kind} alone"
        ) from error
    pack = open_pack(reference)
    return make_generator(config, pack.store), pack


def _targets(pack: Pack, most: int) -> PackTargets:
    """Of a pack for training only what training never sees; of any other one everything."""
    split = HELD_OUT if pack.trained_on else None
    return PackTargets(pack, pack.where(split=split), most, what="held-out pairs" if split else "pairs")


def _pictures(path: Path, most: int) -> PictureSet:
    if not path.is_dir():
        raise UserError(
            f"{str(path)!r} is no folder and no generator; allowed: a dataset, a pack, a folder of images, the folder "
            f"of a trained generator, or one of: {', '.join(GENERATORS)}"
        )
    if (path / CARD).is_file():
        return _targets(open_pack(path), most)
    if _is_dataset(path):
        return dataset_pictures(path, most)
    return folder_pictures(path, most)


def _is_dataset(path: Path) -> bool:
    return (path / layout.DATASET).exists() or (path / "receipts").exists()
