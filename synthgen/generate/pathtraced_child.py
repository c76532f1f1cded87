"""The path tracer's own process: Cycles, driven through a pipe. Imports Blender, and of synthgen one neighbour.

Blender keeps one global state per process, prints as it likes and may crash, so it lives here and not in the worker.
Whatever it is asked for arrives as plain data (see ``pathtraced_packing``); every answer is ("ok", value) or
("error", sentence). The process ends when its parent does: a thread waits on the pipe, also while Cycles renders.
"""

from __future__ import annotations

import os
import queue
import sys
import tempfile
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import bpy
import numpy as np
import numpy.typing as npt

from synthgen.generate import pathtraced_blender as blender

F32 = npt.NDArray[np.float32]
Request = dict[str, Any]

EXACT_FILTER_PX = 0.01  # the smallest that Cycles takes: one ray through the middle of every pixel


class Studio:
    """What Blender holds: assets by key, and one scene at a time, which is built anew for every scene rendered.

    A new Blender scene means a new Cycles session, so that no image depends on what was rendered before it; the views
    of one scene share its acceleration structures and textures.
    """

    def __init__(self, folder: str) -> None:
        bpy.ops.wm.read_factory_settings(use_empty=True)
        bpy.context.preferences.edit.use_global_undo = False
        self.picture = Path(folder) / "picture.exr"
        self.meshes: dict[str, Any] = {}
        self.images: dict[str, Any] = {}
        self.scene: Any = bpy.context.scene
        self.materials: dict[tuple[Any, ...], Any] = {}
        self.white_card = 1.0

    def answer(self, request: Request) -> Any:
        return {"version": self.version, "scene": self.build, "view": self.view, "facts": self.facts}[request["do"]](
            request
        )

    def version(self, request: Request) -> str:
        return str(bpy.app.version_string)

    def build(self, request: Request) -> None:
        """Replaces the scene; keeps, adds and forgets assets as told."""
        self._clear()
        for key in request["forget"]:
            mesh, image = self.meshes.pop(key, None), self.images.pop(key, None)
            if mesh is not None:
                bpy.data.meshes.remove(mesh)
            if image is not None:
                bpy.data.images.remove(image)
        for key, arrays in request["meshes"].items():
            self.meshes[key] = blender.mesh(key, arrays)
        for key, texels in request["textures"].items():
            self.images[key] = blender.texture_image(key, texels)
        for key, radiance in request["environments"].items():
            self.images[key] = blender.float_image(key, blender.equirect(radiance))
        self._fill(request)

    def _clear(self) -> None:
        old, self.scene = self.scene, bpy.data.scenes.new("scene")
        old.render.use_persistent_data = False  # ends its Cycles session
        bpy.data.scenes.remove(old)
        for block in (bpy.data.objects, bpy.data.materials, bpy.data.lights, bpy.data.cameras, bpy.data.worlds):
            for thing in list(block):
                block.remove(thing)
        self.materials = {}

    def _fill(self, request: Request) -> None:
        for number, (key, pose, materials) in enumerate(request["objects"], start=1):
            thing = bpy.data.objects.new(f"thing {number}", self.meshes[key])
            thing.matrix_world = blender.matrix(pose)
            thing.pass_index = number
            for slot, material in zip(thing.material_slots, materials, strict=True):
                slot.link = "OBJECT"
                slot.material = self._material(material)
            self.scene.collection.objects.link(thing)
        for light in request["lights"]:
            self.scene.collection.objects.link(blender.area_light(*light))
        self.scene.world = blender.world(self.images[request["environment"]], *request["sky"])
        self.white_card = request["white_card"]
        self.camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
        self.scene.collection.objects.link(self.camera)
        self.scene.camera = self.camera
        self.pane: blender.Pane | None = None

    def _material(self, given: tuple[Any, ...]) -> Any:
        if given not in self.materials:
            self.materials[given] = blender.principled(self.images.get(given[3]), *given)
        return self.materials[given]

    def view(self, request: Request) -> F32:
        """(H, W, 3) float32 linear radiance."""
        _settle(self.scene, self.white_card, **request["settings"])
        self.scene.cycles.seed = request["seed"]
        self._aim(request["camera"])
        return self._render()

    def facts(self, request: Request) -> F32:
        """(H, W, 3) float32: number of the thing seen at each pixel's centre, its camera z, 0."""
        _settle(self.scene, 1.0, samples=1, bounces=0, denoise=False)
        cycles, layer = self.scene.cycles, self.scene.view_layers[0]
        cycles.pixel_filter_type, cycles.filter_width = "GAUSSIAN", EXACT_FILTER_PX
        cycles.seed = 0
        self._aim(request["camera"])
        world, self.scene.world = self.scene.world, None
        layer.material_override = material = blender.facts_material(request["camera"]["world_from_camera"], self.pane)
        try:
            return self._render()
        finally:
            layer.material_override, self.scene.world = None, world
            bpy.data.materials.remove(material)

    def _aim(self, camera: Request) -> None:
        render = self.scene.render
        render.resolution_x, render.resolution_y, render.resolution_percentage = camera["width"], camera["height"], 100
        render.pixel_aspect_x = render.pixel_aspect_y = 1.0
        if self.pane is not None:
            self.pane.remove()
            self.pane = None
        if camera["rays"] is None:
            blender.aim_pinhole(self.camera, render, camera)
        else:
            blender.aim_at_pane(self.camera)
            self.pane = blender.Pane(camera)
            self.scene.collection.objects.link(self.pane.thing)

    def _render(self) -> F32:
        self.scene.render.filepath = str(self.picture)
        if bpy.ops.render.render(write_still=True, scene=self.scene.name) != {"FINISHED"}:
            raise RuntimeError("Cycles did not finish the image")
        image = bpy.data.images.load(str(self.picture))
        try:
            width, height = image.size
            flat = np.empty(width * height * image.channels, np.float32)
            image.pixels.foreach_get(flat)
        finally:
            bpy.data.images.remove(image)
        pixels = flat.reshape(height, width, -1)[::-1, :, :3]
        return np.ascontiguousarray(pixels)


def _settle(scene: Any, white_card: float, *, samples: int, bounces: int, denoise: bool) -> None:
    """Everything that Cycles can be told, told: nothing is left to a default that a version may change.

    ``white_card``: about the radiance of a white card in this light; limits go with it, so that no image changes but
    in brightness when all its lights are made brighter.
    """
    render, cycles = scene.render, scene.cycles
    render.engine = "CYCLES"
    render.threads_mode, render.threads = "FIXED", 1
    render.use_persistent_data = True
    render.use_sequencer = render.use_motion_blur = render.film_transparent = False
    render.dither_intensity = 0.0
    image = render.image_settings
    image.file_format, image.color_mode, image.color_depth, image.exr_codec = "OPEN_EXR", "RGB", "32", "NONE"
    image.color_management = "FOLLOW_SCENE"
    scene.view_settings.view_transform, scene.view_settings.look = "Raw", "None"
    cycles.device, cycles.samples = "CPU", samples
    cycles.use_adaptive_sampling = cycles.use_guiding = cycles.use_auto_tile = cycles.use_fast_gi = False
    cycles.sampling_pattern, cycles.use_light_tree, cycles.light_sampling_threshold = (
        "TABULATED_SOBOL",
        True,
        0.01 * white_card,
    )
    cycles.max_bounces = cycles.diffuse_bounces = cycles.glossy_bounces = bounces
    cycles.transmission_bounces = cycles.volume_bounces = 0
    cycles.transparent_max_bounces = 8
    cycles.sample_clamp_direct, cycles.sample_clamp_indirect, cycles.blur_glossy = 0.0, 10.0 * white_card, 1.0
    cycles.caustics_reflective, cycles.caustics_refractive = True, False
    cycles.film_exposure = 1.0
    cycles.pixel_filter_type = "BOX"  # the mean over the pixel, as the edges of ``render.edges``
    cycles.use_denoising = False  # of the finished picture; see ``pathtraced_blender.denoise``
    render.use_compositing = denoise
    if denoise and not scene.use_nodes:
        blender.denoise(scene, white_card)


def _listen(pipe: Connection, requests: queue.SimpleQueue[Request]) -> None:
    """Passes requests on; ends the process, whatever it is doing, when the parent has gone."""
    while True:
        try:
            requests.put(pipe.recv())
        except (EOFError, OSError):
            os._exit(0)


def serve(pipe: Connection) -> None:
    """Answers requests until the pipe closes."""
    requests: queue.SimpleQueue[Request] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(pipe, requests), daemon=True).start()
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as folder:
        studio = Studio(folder)
        answer: Callable[[Request], Any] = studio.answer
        while True:
            request = requests.get()
            try:
                reply = ("ok", answer(request))
            except Exception as error:
                reply = ("error", f"{type(error).__name__}: {error}")
            pipe.send(reply)


if __name__ == "__main__":
    serve(Connection(int(sys.argv[1])))
