"""Path tracing with Cycles (Blender's renderer, an optional extra): global illumination for the same scene and camera.

Cycles and not Mitsuba 3: on CPUs only Blender brings a denoiser (Open Image Denoise), which makes 16 samples enough.
Its GPL is kept at arm's length: it runs in a process of its own (``pathtraced_child``) and is never loaded here. Cycles
has no Brown-Conrady lens, so a distorted one is a pane of ray portals: every ray is looked up, no picture is warped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from synthgen.config.models import PathtracedConfig
from synthgen.errors import EnvironmentFault, InternalError
from synthgen.generate.pathtraced_packing import bounded, pack_camera, pack_scene
from synthgen.generate.pathtraced_process import ChildLost, PathTracer, cycles_version, lock, path_tracer
from synthgen.generate.protocol import Assets
from synthgen.generate.shaded import RADIANCE_LIMIT
from synthgen.types.arrays import F32, U16
from synthgen.types.gbuffer import Views
from synthgen.types.images import Images
from synthgen.types.scene import Scene

PATHTRACED_VERSION = 3
CYCLES_SEEDS = 2**31 - 1

T = TypeVar("T")


class Pathtraced:
    """Linear radiance of the scene itself, path traced; the G-buffer is not read."""

    channels: frozenset[str] = frozenset(("instance",))
    uses_seeds = True

    def __init__(self, config: PathtracedConfig, store: Assets) -> None:
        """Raises EnvironmentFault where Cycles is not installed."""
        self._store = store
        self._settings = {"samples": config.samples, "bounces": config.bounces, "denoise": config.denoise}
        ending = f"{config.samples}spp-{config.bounces}b-{'oidn' if config.denoise else 'plain'}"
        self.fingerprint = f"{config.kind}-{PATHTRACED_VERSION}-cycles-{cycles_version()}-{ending}"

    def __call__(self, views: Views, seeds: Sequence[int]) -> Images:
        """(B views, B seeds) -> linear float32 images; see ``Generator``.

        Raises:
            AssetError: a mesh that Cycles cannot take.
            EnvironmentFault: the path tracer's process died twice over the same image.
        """
        if len(seeds) != len(views):
            raise InternalError(
                f"pathtraced was given {len(seeds)} seeds for {len(views)} views; exactly one per view is allowed; "
                "report this as a bug"
            )
        height, width = views.gbuffers.instance.shape[1:3]
        pixels = np.empty((len(views), height, width, 3), np.float32)
        for i, seed in enumerate(seeds):
            request = {"do": "view", "settings": self._settings, "seed": seed % CYCLES_SEEDS}
            pixels[i] = bounded(self._draw(views, i, request), RADIANCE_LIMIT)
        return Images("linear", pixels)

    def facts(self, views: Views) -> tuple[U16, F32]:
        """What Cycles sees along the ray of every pixel's centre: to check that it draws what the labels say.

        Returns:
            (B, H, W) uint16 number of the thing (``scene.objects[number - 1]``, 0 = nothing) and (B, H, W) float32
            camera z in metres (0 = nothing).
        """
        seen = [self._draw(views, i, {"do": "facts"}) for i in range(len(views))]
        shape = (len(views), *views.gbuffers.instance.shape[1:3])
        stacked = np.array(seen, np.float32).reshape(*shape, 3)
        return np.rint(stacked[..., 0]).astype(np.uint16), stacked[..., 1]

    def _draw(self, views: Views, i: int, request: dict[str, Any]) -> F32:
        camera = pack_camera(views.scene.cameras[views.first + i])

        def ask(tracer: PathTracer) -> F32:
            build(tracer, views.scene, self._store)
            return tracer.ask({**request, "camera": camera})

        return _twice(ask, f"view {views.scene.view_indices[views.first + i]} of scene {views.scene.index}")


def build(tracer: PathTracer, scene: Scene, store: Assets) -> None:
    """Has the scene built, unless it stands there already: scenes that differ in their cameras alone share it."""
    identity = (store, scene.objects, scene.lights, scene.environment)
    if tracer.scene is not None and all(a is b for a, b in zip(tracer.scene, identity, strict=True)):
        return
    tracer.scene = None
    tracer.ask(pack_scene(scene, store, tracer.known))
    tracer.scene = identity


def _twice(ask: Callable[[PathTracer], T], what: str) -> T:
    """Asks; if the process dies over it, asks a new one once more."""
    with lock():
        for last in (False, True):
            try:
                return ask(path_tracer())
            except ChildLost as lost:
                if last:
                    raise EnvironmentFault(
                        f"the path tracer (Cycles {cycles_version()}) ended with {lost} while it drew {what}, and "
                        "again in a new process; it needs about 0.5 GB of memory per worker and 0.5 KB per face: try "
                        "fewer workers (--workers 1) or smaller meshes, or use generate: {kind: shaded}"
                    ) from lost
    raise AssertionError("unreachable")
