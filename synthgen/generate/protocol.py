"""What every generator is: a G-buffer and seeds in, images out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from synthgen.types.assets import EnvironmentMap, ObjectModel, Texture
from synthgen.types.catalog import FamilySource, MeshSource
from synthgen.types.gbuffer import Views
from synthgen.types.images import Images


class Assets(Protocol):
    """Resolves what a scene only names; ``assets.store.AssetStore`` does, as test doubles do."""

    def model(self, source: FamilySource | MeshSource) -> ObjectModel: ...

    def texture(self, key: str) -> Texture: ...

    def environment(self, key: str) -> EnvironmentMap: ...


class Generator(Protocol):
    """Turns views into images; a pure function of views, seeds and the generator's own settings and weights.

    Attributes:
        channels: names of the ``GBuffers`` fields it reads, checked against the renderer before any worker starts.
        fingerprint: weights and settings in one short string, stored with every image.
        uses_seeds: whether the seed changes the pixels. Every generator accepts and is recorded with a seed; one that
            says False gives the same image for every seed, and a redraw of it is pointless.
    """

    @property
    def channels(self) -> frozenset[str]: ...

    @property
    def fingerprint(self) -> str: ...

    @property
    def uses_seeds(self) -> bool: ...

    def __call__(self, views: Views, seeds: Sequence[int]) -> Images:
        """Draws one image per view.

        Args:
            views: B views of one size, B >= 0.
            seeds: B numbers in [0, 2**63), one per view.

        Returns:
            B images, in the order of the views; image i depends on view i and seed i alone.

        Raises:
            InternalError: the number of seeds is not the number of views.
        """
        ...
