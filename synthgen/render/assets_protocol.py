"""What rendering needs of the asset store: three look-ups. ``assets.store.AssetStore`` has them, as test doubles do."""

from __future__ import annotations

from typing import Protocol

from synthgen.types.assets import EnvironmentMap, ObjectModel, Texture
from synthgen.types.catalog import FamilySource, MeshSource


class Assets(Protocol):
    """Resolves what a scene only names."""

    def model(self, source: FamilySource | MeshSource) -> ObjectModel: ...

    def texture(self, key: str) -> Texture: ...

    def environment(self, key: str) -> EnvironmentMap: ...
