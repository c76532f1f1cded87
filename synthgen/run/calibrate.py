"""``synthgen calibrate``: photographs of the user's camera in, a ``sense`` block for the pipeline file out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml

from synthgen.assets.textures import decode_image
from synthgen.config.choices import IMAGE_SUFFIXES
from synthgen.config.files import matched_files
from synthgen.errors import AssetError, EnvironmentFault, UserError
from synthgen.run.worker import settle_process
from synthgen.sense.fit import Fit, fit_sense
from synthgen.types.arrays import U8

LARGEST_PX = 1 << 20  # never scaled down: noise is measured per pixel
SMALLEST_PX = 32
MOST = 40  # photographs that are looked at; more say nothing new
FEW = 5


@dataclass(frozen=True)
class Calibration:
    """``text``: the block, as YAML with comments; ``lines``: label and value pairs; ``notes``: what to know."""

    text: str
    lines: list[tuple[str, str]]
    notes: tuple[str, ...]


def calibrate(photos: Sequence[str], *, preset: str, out: Path | None) -> Calibration:
    """Estimates exposure, colour cast, noise and blur, and writes them as a ``sense`` block.

    Args:
        photos: files, globs or folders.
        preset: the sense preset whose other settings are kept.
        out: file to write, or None.

    Raises:
        AssetError: no photographs, unreadable ones, ones of different sizes, or black or white ones.
        ConfigError: no such preset.
        UserError: ``out`` exists.
        EnvironmentFault: ``out`` cannot be written.
    """
    settle_process()
    if out is not None and out.exists():
        raise UserError(f"{str(out)!r} exists and is not overwritten; give another --out, or remove it first")
    files = photo_files(photos)
    images = [_read(path) for path in _spaced(files)]
    _check_sizes(files, images)
    fit = fit_sense(images, preset_name=preset)
    text = _text(fit, images)
    if out is not None:
        try:
            out.parent.mkdir(parents=True, exist_ok=True)
            out.write_text(text, encoding="utf-8")
        except OSError as error:
            raise EnvironmentFault(
                f"{str(out)!r} cannot be written ({error.strerror}); give --out a file in a folder that you may write"
            ) from error
    notes = list(fit.unknown)
    if len(images) < FEW:
        notes.append(f"{len(images)} photographs say little about how the camera varies; about ten are better")
    return Calibration(text, _lines(fit, images), tuple(notes))


def photo_files(photos: Sequence[str]) -> list[Path]:
    """Image files of files, globs and folders, sorted, each once.

    Raises:
        AssetError: there are none.
    """
    found: dict[Path, None] = {}
    for given in photos:
        pattern = str(Path(given) / "*") if Path(given).is_dir() else given
        matches = matched_files(pattern, IMAGE_SUFFIXES)
        if not matches:
            raise AssetError(
                f"{given!r} holds no photographs; allowed: image files ({' '.join(IMAGE_SUFFIXES)}), globs of them, or "
                "a folder of them. Check the path"
            )
        found.update(dict.fromkeys(matches))
    return sorted(found)


def _spaced(files: list[Path]) -> list[Path]:
    """At most ``MOST`` files, spread evenly over all."""
    return [files[i] for i in np.unique(np.linspace(0, len(files) - 1, min(len(files), MOST)).round().astype(int))]


def _read(path: Path) -> U8:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise AssetError(f"{str(path)!r} cannot be read ({error.strerror}). Check its permissions") from error
    image = decode_image(data, name=str(path), max_px=LARGEST_PX)
    if min(image.shape[:2]) < SMALLEST_PX:
        raise AssetError(
            f"{str(path)!r} has {image.shape[1]}x{image.shape[0]} pixels; allowed: {SMALLEST_PX} or more on each side, "
            "because blur and noise are measured in blocks. Give whole photographs"
        )
    return image


def _check_sizes(files: list[Path], images: list[U8]) -> None:
    sizes = sorted({image.shape[:2] for image in images})
    if len(sizes) > 1:
        listed = ", ".join(f"{width}x{height}" for height, width in sizes[:4])
        raise AssetError(
            f"the {len(files)} photographs have {len(sizes)} sizes ({listed}); allowed: one, because blur and noise "
            "are measured per pixel. Leave the others out, or scale all to the size of the images to be made"
        )


def _text(fit: Fit, images: list[U8]) -> str:
    height, width = images[0].shape[:2]
    block = fit.config.model_dump(mode="json", exclude_none=True)
    head = (
        f"# From {len(images)} photographs of {width}x{height}. Put it into a pipeline with images of that size "
        "(blur and noise are per pixel).\n"
    )
    flow = [f"  {key}: {_on_one_line(value)}" for key, value in block.items()]
    return head + "sense:\n" + "\n".join(flow) + "\n" + "".join(f"# {sentence}\n" for sentence in fit.unknown)


def _on_one_line(value: object) -> str:
    return str(yaml.safe_dump(value, default_flow_style=True)).splitlines()[0]


def _lines(fit: Fit, images: list[U8]) -> list[tuple[str, str]]:
    pictures = fit.pictures
    height, width = images[0].shape[:2]

    def mean(values: list[float], digits: int) -> str:
        known = [value for value in values if math.isfinite(value)]
        return f"{np.mean(known):.{digits}f} (sd {np.std(known):.{digits}f})" if known else "not measurable"

    return [
        ("photographs", f"{len(images)} of {width}x{height}"),
        ("brightness", mean([p.brightness for p in pictures], 1) + " of 255"),
        ("red against green", mean([p.red_ev for p in pictures], 3) + " EV"),
        ("blue against green", mean([p.blue_ev for p in pictures], 3) + " EV"),
        ("edge sharpness", mean([p.sharpness for p in pictures], 2) + " (1 soft, 2 sharp)"),
        ("fine detail", mean([p.detail for p in pictures], 2) + " of 255"),
    ]
