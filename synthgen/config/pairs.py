"""The ``pairs`` block: which objects and surroundings training never sees, and how often hidden factors vary."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from synthgen.config.frozen import Frozen

Name = Annotated[str, Field(min_length=1, max_length=100)]


class HeldOutConfig(Frozen):
    """The held-out split: whole scenes, with objects and under environments that no other scene has."""

    share: float = Field(0.1, ge=0, le=1, description="of the scenes")
    objects: list[Name] = Field(
        default_factory=list,
        description="families or classes of scene.objects that only held-out scenes have, and they no others",
        examples=[["bottle", "gear"]],
    )
    environments: list[Name] = Field(
        default_factory=list,
        description="procedural kinds, or .hdr files without their ending, that light held-out scenes alone",
        examples=[["warehouse"]],
    )


class PairsConfig(Frozen):
    """What ``synthgen pairs`` makes: G-buffers beside path-traced images."""

    held_out: HeldOutConfig = HeldOutConfig()
    varied: float = Field(
        0.25,
        ge=0,
        le=1,
        description="share of scenes with one view only: as it is, and camera.views_per_scene - 1 times under light "
        "and finishes that the G-buffer does not show",
    )
    photographs: float = Field(
        0.5,
        ge=0,
        le=1,
        description="share of scenes whose table and floor show the files of scene.support.texture and scene.backdrop, "
        "where those are given",
    )
    procedural_environments: bool = Field(
        True, description="procedural environments also where scene.environment.hdr gives files"
    )
