"""A camera so near that it shows parts of objects only: allowed (close-ups are), but worth a warning before a run."""

from __future__ import annotations

import math

from synthgen.assets.store import store_for
from synthgen.config.models import HemispherePlacement, PosesPlacement
from synthgen.run.plan import Plan
from synthgen.scene.camera_faults import widest_view_m

MOST_MODELS = 0.5  # a share of larger models than this is no accident


def closeness_warning(plan: Plan) -> str | None:
    """A sentence if the nearest camera's image is smaller than most objects are, else None.

    The camera aims at the middle of the objects, so that its distance is measured to there; what the image shows at
    that distance is its shorter side.
    """
    placement = plan.pipeline.camera.placement
    if isinstance(placement, PosesPlacement):
        return None
    if isinstance(placement, HemispherePlacement):
        name, reach = "distance_m", placement.distance_m
    else:
        name, reach = "height_m", placement.height_m
    seen_m = widest_view_m(plan.pipeline, plan.job.catalog, distance_m=reach.low)
    store = store_for(plan.job.catalog)
    sizes_m = sorted(
        float((bounds[1] - bounds[0]).max())
        for bounds in (store.model(spec.source).bounds_m for spec in plan.job.catalog.with_role("object"))
    )
    cut = sum(size > seen_m for size in sizes_m)
    if cut <= MOST_MODELS * len(sizes_m):
        return None
    middle_m = sizes_m[len(sizes_m) // 2]
    enough_m = math.ceil(100 * 2 * reach.low * middle_m / seen_m) / 100
    return (
        f"camera.placement.{name}: from {100 * reach.low:.0f} cm the image shows {100 * seen_m:.0f} cm, and {cut} of "
        f"{len(sizes_m)} models are larger (half of them above {100 * middle_m:.0f} cm), so that the frame cuts most "
        f"objects off. Unless close-ups are wanted, raise {name} to {enough_m:g} m or widen camera.fov_deg"
    )
