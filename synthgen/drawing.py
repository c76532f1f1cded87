"""Pixels of one batch: generate, sense, augment, and verify with its redraws.

A picture that does not show what its labels say is drawn again, with new streams for everything that is drawn after the
geometry: the generator's seed, the camera's settings and noise, the effects. A generator that does not look at its seed
keeps its radiance: only the camera and the effects are drawn anew. Where nothing would change, nothing is repeated.

Some things are hard to make out for anyone: half hidden, in the dark, black on black. So an instance is compared with
its ceiling, what the same verifier says to ``shaded``'s picture of the same view through the same camera settings; that
is drawn only where the score alone does not pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from synthgen import seeding
from synthgen.augment.pictures import augment
from synthgen.config.models import Pipeline, ShadedConfig
from synthgen.generate.protocol import Generator
from synthgen.generate.shaded import Shaded
from synthgen.sense.camera_model import sense
from synthgen.types.arrays import U8
from synthgen.types.gbuffer import Views
from synthgen.types.images import AppliedEffect, Images
from synthgen.types.records import Rejected
from synthgen.verify.verifier import Verifier

ATTEMPTS = 8
CEILING_SHARE = 0.05  # of the images: their views are also shown by ``shaded`` and scored, as the best that can be had
DISAGREES = "agreement"

Effects = tuple[AppliedEffect, ...]
Scores = dict[int, float]


@dataclass(frozen=True, eq=False)
class Picture:
    """One view's final picture and how it came about.

    Attributes:
        pixels: (H, W, 3) uint8 RGB.
        effects: what ``augment`` did; None without it.
        attempt: of the draw.
        rejected: draws thrown away before it.
        agreement: instance index -> agreement with its label; None without ``verify``.
        ceiling: the same for ``shaded``'s picture of the view; None outside the sample.
        reason: "" or why all draws were thrown away.
    """

    pixels: U8
    effects: Effects | None
    attempt: int = 0
    rejected: tuple[Rejected, ...] = ()
    agreement: Scores | None = None
    ceiling: Scores | None = None
    reason: str = ""


def stream(pipeline: Pipeline, stage: str, views: Views, i: int, attempt: int = 0) -> np.random.Generator:
    """The random stream of a stage for view i of a batch."""
    view = views.scene.view_indices[views.first + i]
    return seeding.stream(pipeline.seed, stage, scene=views.scene.index, view=view, attempt=attempt)


def draw_seed(pipeline: Pipeline, views: Views, i: int, attempt: int = 0) -> int:
    """The generator's seed for view i of a batch."""
    view = views.scene.view_indices[views.first + i]
    return seeding.draw_seed(pipeline.seed, "draw", scene=views.scene.index, view=view, attempt=attempt)


def draw_pictures(pipeline: Pipeline, generator: Generator, verifier: Verifier | None, views: Views) -> list[Picture]:
    """One picture per view.

    Args:
        pipeline: its blocks sense, augment, verify and labels.
        generator: draws radiance or finished pictures.
        verifier: None where the pipeline has no ``verify``.
        views: B views.
    """
    drawn = generator(views, [draw_seed(pipeline, views, i) for i in range(len(views))])
    pixels, effects = _developed(pipeline, drawn, views, 0)
    pictures = [Picture(pixels[i], None if effects is None else effects[i]) for i in range(len(views))]
    if verifier is None:
        return pictures
    found = []
    for i, first in enumerate(pictures):
        alone = views.part(range(i, i + 1))
        picture = _agreeing(pipeline, generator, verifier, alone, _one(drawn, i), first)
        found.append(_with_ceiling(pipeline, verifier, alone, picture))
    return found


def _agreeing(
    pipeline: Pipeline, generator: Generator, verifier: Verifier, view: Views, drawn: Images, picture: Picture
) -> Picture:
    """The first draw of one view that passes the gate, or the last one, with its reason."""
    assert pipeline.verify is not None
    ids = view.gbuffers.instance[0]
    pixels_of = np.bincount(ids.ravel())
    labelled = labelled_indices(pipeline, view)
    judged = [k for k in labelled if pixels_of[k] >= pipeline.verify.min_px]
    changes = generator.uses_seeds or drawn.encoding == "linear" or bool(pipeline.augment)
    rejected: list[Rejected] = []
    for attempt in range(ATTEMPTS):
        if attempt:
            if generator.uses_seeds:
                drawn = generator(view, [draw_seed(pipeline, view, 0, attempt)])
            pixels, effects = _developed(pipeline, drawn, view, attempt)
            picture = Picture(pixels[0], None if effects is None else effects[0])
        scores = verifier.agreements(picture.pixels, ids, labelled)
        if _passes(pipeline, verifier, view, attempt, scores, judged):
            return Picture(picture.pixels, picture.effects, attempt, tuple(rejected), scores)
        rejected.append(Rejected("verify", attempt, DISAGREES))
        if not changes:
            break
    return Picture(picture.pixels, picture.effects, rejected[-1].attempt, tuple(rejected), scores, reason=DISAGREES)


def _passes(
    pipeline: Pipeline, verifier: Verifier, view: Views, attempt: int, scores: Scores, judged: Sequence[int]
) -> bool:
    """Whether every judged instance reaches ``verify.least``, and ``verify.gate`` times its ceiling."""
    assert pipeline.verify is not None
    gate, least = pipeline.verify.gate, pipeline.verify.least
    if any(scores[k] < least for k in judged):
        return False
    doubtful = [k for k in judged if scores[k] < gate]
    if not doubtful or pipeline.generate.kind == "shaded":
        return True  # no ceiling is above 1; and shaded is its own
    ceiling = _ceiling(pipeline, verifier, view, attempt, doubtful)
    return all(scores[k] >= gate * ceiling[k] for k in doubtful)


def _ceiling(pipeline: Pipeline, verifier: Verifier, view: Views, attempt: int, indices: Sequence[int]) -> Scores:
    """Agreement of ``shaded``'s picture of one view, with an attempt's camera settings and effects."""
    pixels, _ = _developed(pipeline, Shaded(ShadedConfig())(view, [0]), view, attempt)
    return verifier.agreements(pixels[0], view.gbuffers.instance[0], indices)


def _with_ceiling(pipeline: Pipeline, verifier: Verifier, view: Views, picture: Picture) -> Picture:
    """The picture with what ``shaded`` reaches for the same view, camera settings and effects, where it is sampled."""
    if picture.reason or stream(pipeline, "ceiling", view, 0).random() >= CEILING_SHARE:
        return picture
    ceiling = picture.agreement
    if pipeline.generate.kind != "shaded":
        ceiling = _ceiling(pipeline, verifier, view, picture.attempt, labelled_indices(pipeline, view))
    return Picture(
        picture.pixels, picture.effects, picture.attempt, picture.rejected, picture.agreement, ceiling, picture.reason
    )


def labelled_indices(pipeline: Pipeline, view: Views) -> list[int]:
    """Instance indices of the first view of a batch that get an annotation."""
    pixels = np.bincount(view.gbuffers.instance[0].ravel(), minlength=len(view.scene.instances) + 1)
    fewest = max(pipeline.labels.min_visible_px, 1)
    return [
        thing.instance_index
        for thing in view.scene.instances
        if thing.role == "object" and thing.category_id > 0 and pixels[thing.instance_index] >= fewest
    ]


def _developed(pipeline: Pipeline, drawn: Images, views: Views, attempt: int) -> tuple[U8, Sequence[Effects] | None]:
    """(B, H, W, 3) uint8 pictures of the generator's images, and what ``augment`` did to them."""

    def streams(stage: str) -> list[np.random.Generator]:
        return [stream(pipeline, stage, views, i, attempt) for i in range(len(views))]

    pictures = sense(drawn, pipeline.sense, rngs=streams("sense"))
    if not pipeline.augment:
        return pictures.pixels.astype(np.uint8, copy=False), None
    pictures, effects = augment(pictures, pipeline.augment, rngs=streams("augment"))
    return pictures.pixels.astype(np.uint8, copy=False), effects


def _one(images: Images, i: int) -> Images:
    return Images(images.encoding, images.pixels[i : i + 1])
