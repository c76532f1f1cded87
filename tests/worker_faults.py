"""Faults for worker processes, loaded by Dask in each of them (distributed.worker.preload); see test_robust.py.

``SYNTHGEN_TEST_FAULT``: "kill" or "segfault" ends the process at scene 3, "grow" leaks 60 MB a scene, slowly.
"""

from __future__ import annotations

import ctypes
import os
import signal
import time
from typing import Any

from synthgen import recipe
from synthgen.scene.sample import sample_scene

POISON_SCENE = 3
LEAK: list[bytearray] = []


def _faulty(*args: Any, scene_index: int, **named: Any) -> Any:
    fault = os.environ["SYNTHGEN_TEST_FAULT"]
    if fault == "grow":
        LEAK.append(bytearray(b"x" * 60_000_000))
        time.sleep(1.5)  # a fresh process takes seconds to start: there must be scenes left for it
    elif scene_index == POISON_SCENE and fault == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif scene_index == POISON_SCENE and fault == "segfault":
        ctypes.string_at(0)
    return sample_scene(*args, scene_index=scene_index, **named)


if "SYNTHGEN_TEST_FAULT" in os.environ:
    recipe.sample_scene = _faulty
