"""Draws materials: one per slot of a model, and one for a table, tote or floor."""

from __future__ import annotations

import difflib
from dataclasses import replace
from typing import Literal

import numpy as np

from synthgen.assets.texture_patterns import PATTERNS
from synthgen.assets.textures import srgb_to_linear
from synthgen.config.models import MaterialConfig
from synthgen.errors import ConfigError
from synthgen.scene.finishes import (
    DEFAULT_SURFACES,
    FINISHES,
    PHOTO_SPAN_M,
    SURFACES,
    UNKNOWN_CHOICES,
    UNKNOWN_FINISH,
    WHITE,
    Colour,
    Finish,
)
from synthgen.types.assets import Material, ObjectModel
from synthgen.types.catalog import AssetSpec, FileAsset, MeshSource

MIN_ROUGHNESS = 0.03
SCAN_ROUGHNESS_SD = 0.06  # scans carry a guessed roughness: vary it a little


def finish_names() -> tuple[str, ...]:
    """Names allowed as ``material.finish``."""
    return tuple(FINISHES)


def surface_names() -> tuple[str, ...]:
    """Names allowed in ``support.finishes``."""
    return tuple(SURFACES)


def draw_materials(
    model: ObjectModel,
    spec: AssetSpec | None,
    override: MaterialConfig | None,
    textures: tuple[FileAsset, ...],
    *,
    rng: np.random.Generator,
) -> tuple[Material, ...]:
    """One material per slot of ``model``.

    Slots of one finish share a draw (bolt and thread are one piece of metal). "fixed" slots of built-in families keep
    their material; those of users' meshes keep the file's, their roughness varied a little. ``override`` applies to
    every slot but the families' fixed ones: ``finish`` first, then ``colors`` (in place of a texture with its own
    colours), then ``textures`` (tinted by ``colors`` if both are given), then ``roughness`` and ``metallic``.

    Args:
        model: what is painted.
        spec: its catalog entry, None for supports and occluders.
        override: the ``material`` block of its pipeline entry.
        textures: the image files of ``override.texture``.
        rng: source of randomness.

    Raises:
        ConfigError: ``override.finish`` is no finish.
    """
    from_file = spec is not None and isinstance(spec.source, MeshSource)
    shared: dict[str, Material] = {}
    materials = []
    for slot in model.slots:
        kept = slot.finish == "fixed" and not from_file
        finish = slot.finish if kept or override is None or override.finish is None else override.finish
        if finish == "fixed":
            material = _vary(slot.material, rng=rng) if from_file else slot.material
            materials.append(material if kept or override is None else _override(material, override, textures, rng=rng))
            continue
        if finish not in shared:
            material = draw_finish(finish, rng=rng)
            shared[finish] = material if override is None else _override(material, override, textures, rng=rng)
        materials.append(shared[finish])
    return tuple(materials)


def draw_finish(name: str, *, rng: np.random.Generator) -> Material:
    """A material of one finish of the table, or of any likely one for "unknown".

    Raises:
        ConfigError: no such finish.
    """
    if name == UNKNOWN_FINISH:
        name = UNKNOWN_CHOICES[int(rng.integers(len(UNKNOWN_CHOICES)))]
    return _draw(_look_up(FINISHES, name, "finish"), rng=rng)


def draw_surface(
    kind: Literal["table", "tote", "floor"],
    finishes: list[str] | None,
    photos: tuple[FileAsset, ...],
    *,
    rng: np.random.Generator,
) -> Material:
    """The material of a support or floor, whose uv is in metres: ``uv_scale`` is in repeats per metre.

    Args:
        kind: what is painted.
        finishes: surface names to choose from, None = the usual ones of that kind.
        photos: users' photographs; when given, one of them is the texture.
        rng: source of randomness.

    Raises:
        ConfigError: a name in ``finishes`` is no surface.
    """
    names = tuple(finishes) if finishes else DEFAULT_SURFACES[kind]
    material = _draw(_look_up(SURFACES, names[int(rng.integers(len(names)))], "surface finish"), rng=rng)
    if not photos:
        return material
    photo = photos[int(rng.integers(len(photos)))]
    span_m = float(rng.uniform(*PHOTO_SPAN_M[kind]))
    roughness = float(rng.uniform(0.35, 0.85))
    return Material(roughness=roughness, base_color=(1.0, 1.0, 1.0), texture=photo.key, uv_scale=1.0 / span_m)


def _look_up(table: dict[str, Finish], name: str, what: str) -> Finish:
    if name not in table:
        near = difflib.get_close_matches(name, table, n=1)
        hint = f"did you mean {near[0]!r}?" if near else "choose one of them"
        raise ConfigError(f"there is no {what} {name!r}; allowed: {', '.join(table)}; {hint}")
    return table[name]


def _draw(finish: Finish, *, rng: np.random.Generator) -> Material:
    colour = finish.palette[int(rng.integers(len(finish.palette)))]
    base = _linear(np.clip(np.array(colour) + rng.normal(0.0, 1.0, 3) * finish.jitter, 0.02, 0.98))
    roughness = float(rng.uniform(*finish.roughness))
    texture, uv_scale = "", 1.0
    if finish.patterns and rng.random() < finish.patterned:
        name = finish.patterns[int(rng.integers(len(finish.patterns)))]
        pattern = PATTERNS[name]
        texture = f"procedural:{name}:{int(rng.integers(pattern.variants))}"
        uv_scale = 1.0 / pattern.span_m if pattern.span_m else 1.0
        base = _tone(finish, rng=rng) if pattern.coloured else base
    return Material(base, roughness, finish.metallic, texture, uv_scale)


def _tone(finish: Finish, *, rng: np.random.Generator) -> Colour:
    """Factor on a coloured pattern: white, or for finishes with ``tone`` a little darker and warmer or cooler."""
    shade = 1.0 - finish.tone * float(rng.random())
    warmth = 0.15 * finish.tone * float(rng.uniform(-1, 1))
    return shade * min(1.0, 1.0 + warmth), shade, shade * min(1.0, 1.0 - warmth)


def _linear(srgb: np.ndarray) -> Colour:
    red, green, blue = (float(value) for value in srgb_to_linear(np.asarray(srgb, dtype=np.float64)))
    return red, green, blue


def _vary(material: Material, *, rng: np.random.Generator) -> Material:
    roughness = material.roughness + rng.normal(0.0, SCAN_ROUGHNESS_SD)
    return replace(material, roughness=float(np.clip(roughness, MIN_ROUGHNESS, 1.0)))


def _override(
    material: Material, override: MaterialConfig, textures: tuple[FileAsset, ...], *, rng: np.random.Generator
) -> Material:
    """Replaces what the pipeline entry gives and nothing else."""
    if override.colors:
        colour = override.colors[int(rng.integers(len(override.colors)))]
        neutral = material.texture.startswith("procedural:") and not PATTERNS[material.texture.split(":")[1]].coloured
        material = replace(
            material, base_color=_linear(np.array(colour)), texture=material.texture if neutral else "", uv_scale=1.0
        )
    if textures:
        image = textures[int(rng.integers(len(textures)))]
        tint = material.base_color if override.colors else WHITE
        material = replace(material, base_color=tint, texture=image.key, uv_scale=1.0)
    if override.roughness is not None:
        material = replace(material, roughness=max(MIN_ROUGHNESS, override.roughness.sample(rng=rng)))
    if override.metallic is not None:
        material = replace(material, metallic=override.metallic.sample(rng=rng))
    return material
