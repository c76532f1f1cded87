"""Reasons for which draws are rejected and slots stay empty, and what a user can try against each."""

from __future__ import annotations

ERROR = "error:"  # + type of an exception that was raised twice with the same seed: our bug

# Beginning of the reason that the manifest gives -> what to try; the first that fits counts.
REMEDIES: tuple[tuple[str, str], ...] = (
    ("nothing_visible", "bring the camera nearer (camera.placement.distance_m) or lower labels.min_visible_px"),
    ("nothing_in_view", "widen camera.fov_deg, or aim camera.placement at the objects"),
    ("object_lost", "make the support larger (scene.support.size_m), or put fewer objects into a scene"),
    ("settling", "put fewer objects into a scene (scene.objects_per_scene) or make the support larger"),
    ("agreement", "the pictures do not show their labels: soften augment and sense, or lower verify.gate"),
    ("camera", "widen camera.placement, so that the camera does not start inside the scene"),
    (ERROR, "this is a fault of synthgen: please report it with the reason and pipeline.yaml"),
)
OTHERWISE = "look at the scenes with 'synthgen preview' and at the rejected draws in the manifest"


def remedy(reason: str) -> str:
    """What to try against slots that stay empty for this reason."""
    return next((text for start, text in REMEDIES if reason.startswith(start)), OTHERWISE)
