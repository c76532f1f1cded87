"""The training file as frozen pydantic models."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, ValidationError

from synthgen.config.faults import nearest
from synthgen.config.frozen import Frozen
from synthgen.contract.packs import TRAINING_SEEDS, is_training_seed
from synthgen.errors import ConfigError

RECIPES = Path(__file__).parent / "recipes"


class PipelineData(Frozen):
    """Images that the training makes for itself, with ``synthgen run``, in data/ of its folder."""

    name: str = Field(pattern=r"^[a-z0-9_]+$", max_length=40, description="of its folder")
    pipeline: str = Field(description="shipped name, or a file relative to this one")
    set: list[str] = Field(default_factory=list, description="overrides, as --set")
    count: int = Field(ge=1, description="images")
    seed: int = Field(ge=0, le=2**63 - 1, description="of the run")
    share: float = Field(1.0, gt=0, description="weight among the data of a batch")


class DatasetData(Frozen):
    """A finished dataset that has instance maps."""

    dataset: str = Field(description="folder, relative to this file")
    share: float = Field(1.0, gt=0, description="weight among the data of a batch")


class PackData(Frozen):
    """Pairs of G-buffers and path-traced images, made by ``synthgen pairs``."""

    pack: str = Field(description="folder, relative to this file")
    share: float = Field(1.0, gt=0, description="weight among the data of a batch")


Data = Annotated[PipelineData | DatasetData | PackData, Field()]


class GanLosses(Frozen):
    """How much each loss of the generator counts; 0 leaves it out."""

    pixels: float = Field(10.0, ge=0, description="absolute error of the developed image")
    features: float = Field(4.0, ge=0, description="1 - cosine of EfficientNet-Lite0 features")
    adversarial: float = Field(0.1, ge=0, description="hinge loss of the critic's patches")
    contrast: float = Field(2.0, ge=0, description="what outlines of labels lose in contrast")
    divergence: float = Field(0.02, ge=0, description="KL divergence of the encoder's styles from the prior")
    latent: float = Field(0.2, ge=0, description="error of the style that the encoder reads off an image of it")
    r1: float = Field(1.0, ge=0, description="squared gradient of the critic at real images")
    r1_every: int = Field(16, ge=1, description="steps between two R1 penalties (Karras et al. 2020, 'lazy')")
    from_prior: float = Field(0.25, ge=0, le=1, description="share of images drawn with styles of the prior")


class Training(Frozen):
    """One training file."""

    version: Literal[1] = Field(1, description="of the file format")
    objective: Literal["verifier", "gan"] = Field(description="what is trained")
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=100, description="of the model")
    licence: str = Field("Apache-2.0", description="of the weights")
    seed: int = Field(0, ge=0, le=2**63 - 1, description="of weights and batches")
    data: list[Data] = Field(min_length=1, description="what is trained on")
    held_out: list[Data] = Field(default_factory=list, description="what scores are measured on")
    start_from: str | None = Field(None, description="folder of a trained model to go on from")
    widths: tuple[int, ...] | None = Field(
        None, min_length=2, max_length=5, description="features per level; default: the objective's own"
    )
    crop: int | None = Field(
        None,
        ge=16,
        le=4096,
        description="side of the squares that the objective gan learns from; default: the packs' smallest",
    )
    losses: GanLosses = Field(GanLosses(), description="of the objective gan")
    steps: int = Field(ge=1, le=100_000_000, description="optimizer steps")
    batch: int = Field(64, ge=1, le=65536, description="crops or squares per step")
    learning_rate: float = Field(2e-3, gt=0, le=1, description="at its highest; cosine to 0")
    warmup_steps: int = Field(200, ge=0, description="steps of linear warm-up")
    weight_decay: float = Field(0.02, ge=0, le=1, description="AdamW, decoupled")
    precision: Literal["float32", "bfloat16"] | None = Field(
        None, description="of convolutions; default: bfloat16 on CUDA, float32 on the CPU"
    )
    ema: float = Field(0.999, ge=0, lt=1, description="decay of the averaged weights, which are what is kept")
    log_every: int = Field(50, ge=1, description="steps between lines of the log")
    save_every: int = Field(500, ge=1, description="steps between checkpoints, scores and pictures")


def load_training(path_or_name: str) -> tuple[Training, Path]:
    """A training file, or the name of a shipped one, and the folder that its relative paths start from.

    That is the file's own folder, and for a shipped one the current folder.

    Raises:
        ConfigError: no such file, or something in it is wrong.
    """
    path = _find(path_or_name)
    base = Path.cwd() if path.parent == RECIPES else path.resolve().parent
    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(
            f"{path} cannot be read as YAML ({type(error).__name__}); allowed: a training file"
        ) from error
    if not isinstance(tree, dict):
        raise ConfigError(f"{path} holds no block of keys; allowed: objective:, name:, data:, steps: ...")
    try:
        training = Training.model_validate(tree)
    except ValidationError as error:
        raise ConfigError([_sentence(path, fault) for fault in error.errors()]) from error
    for part in (*training.data, *training.held_out):
        if isinstance(part, PipelineData) and part in training.data:
            check_seed(part.seed, f"{path}: data {part.name}")
    return training, base


def check_seed(seed: int, where: str) -> None:
    """Refuses to train on a seed that is kept for measuring.

    Raises:
        ConfigError: it is.
    """
    if not is_training_seed(seed):
        raise ConfigError(
            f"{where} has the seed {seed}, which is held out for scores; allowed for training: seeds from "
            f"{TRAINING_SEEDS.start} to {TRAINING_SEEDS.stop - 1}; take one of them"
        )


def overlap_fault(trained: dict[int, str], held_out: dict[int, str]) -> str:
    """The sentence about a seed that is both trained on and held out, or ""; both map seed -> name of the data."""
    for seed in sorted(set(trained) & set(held_out)):
        return (
            f"{trained[seed]} and {held_out[seed]} are both drawn from seed {seed}: the held-out scores would be "
            "measured on what was trained on; allowed: seeds that do not overlap; take another seed for one of them"
        )
    return ""


def _find(path_or_name: str) -> Path:
    path = Path(path_or_name)
    if path.is_file():
        return path
    names = {file.stem: file for file in sorted(RECIPES.glob("*.yaml"))}
    if path_or_name in names:
        return names[path_or_name]
    close = nearest(path_or_name, names)
    hint = f"nearest: {close}; " if close else ""
    raise ConfigError(f"{path_or_name} is no file and no shipped training; {hint}shipped: {', '.join(names)}")


def _sentence(path: Path, fault: Any) -> str:
    place = ".".join(str(part) for part in fault["loc"] if part not in ("PipelineData", "DatasetData", "PackData"))
    return f"{path}: {place}: {fault['msg']}, given: {fault['input']!r}; mend this key"


def settings_hash(training: Training, data: list[str]) -> str:
    """Of everything that decides what comes out; ``data``: fingerprints of the datasets."""
    text = json.dumps([training.model_dump(mode="json"), data], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
