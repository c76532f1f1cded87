"""The path tracer's own process: Cycles, driven through a pipe. Run as a script; imports numpy and bpy, never synthgen.

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

F32 = npt.NDArray[np.float32]
Request = dict[str, Any]

# A distorted lens: an orthographic camera far below the scene looks at a pane that sends each of its rays off from the
# true camera's centre. Only z is far away, so that x and y on the pane keep their float32 precision.
PANE_Z_M = -50.0
PANE_DISTANCE_M = 1.0
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
            self.meshes[key] = _mesh(key, arrays)
        for key, texels in request["textures"].items():
            self.images[key] = _texture_image(key, texels)
        for key, radiance in request["environments"].items():
            self.images[key] = _float_image(key, _blender_equirect(radiance))
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
            thing.matrix_world = _matrix(pose)
            thing.pass_index = number
            for slot, material in zip(thing.material_slots, materials, strict=True):
                slot.link = "OBJECT"
                slot.material = self._material(material)
            self.scene.collection.objects.link(thing)
        for light in request["lights"]:
            self.scene.collection.objects.link(_area_light(*light))
        self.scene.world = _world(self.images[request["environment"]], *request["sky"])
        self.white_card = request["white_card"]
        self.camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
        self.scene.collection.objects.link(self.camera)
        self.scene.camera = self.camera
        self.pane: Pane | None = None

    def _material(self, given: tuple[Any, ...]) -> Any:
        if given not in self.materials:
            self.materials[given] = _principled(self.images.get(given[3]), *given)
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
        layer.material_override = material = _facts_material(request["camera"]["world_from_camera"], self.pane)
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
            _aim_pinhole(self.camera, render, camera)
        else:
            _aim_at_pane(self.camera)
            self.pane = Pane(camera)
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
    render.use_compositing = render.use_sequencer = render.use_motion_blur = render.film_transparent = False
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
    cycles.use_denoising = denoise
    cycles.denoiser, cycles.denoising_input_passes = "OPENIMAGEDENOISE", "RGB_ALBEDO_NORMAL"
    cycles.denoising_quality, cycles.denoising_prefilter, cycles.denoising_use_gpu = "FAST", "FAST", False


def _matrix(pose: npt.NDArray[np.float64]) -> Any:
    from mathutils import Matrix

    return Matrix(pose.tolist())


def _mesh(key: str, arrays: Request) -> Any:
    """A triangle mesh with its own normals; v runs up in Blender, so it is stored negated (textures repeat)."""
    mesh = bpy.data.meshes.new(key)
    vertices, faces, uvs = arrays["vertices"], arrays["faces"], arrays["uvs"]
    mesh.vertices.add(len(vertices))
    mesh.vertices.foreach_set("co", vertices.ravel())
    mesh.loops.add(faces.size)
    mesh.loops.foreach_set("vertex_index", faces.ravel())
    mesh.polygons.add(len(faces))
    mesh.polygons.foreach_set("loop_start", np.arange(0, faces.size, 3, dtype=np.int32))
    mesh.polygons.foreach_set("material_index", arrays["face_slot"])
    layer = mesh.uv_layers.new(name="uv", do_init=False)
    layer.data.foreach_set("uv", (uvs * np.array([1, -1], np.float32))[faces].ravel())
    for _ in range(arrays["slots"]):
        mesh.materials.append(None)
    mesh.update(calc_edges=True)
    mesh.shade_smooth()
    mesh.normals_split_custom_set_from_vertices(arrays["normals"])
    return mesh


def _float_image(key: str, rows_up: F32) -> Any:
    """A float image of linear values from (H, W, 3), bottom row first."""
    height, width = rows_up.shape[:2]
    image = bpy.data.images.new(key, width, height, alpha=False, float_buffer=True, is_data=True)
    rgba = np.ones((height, width, 4), np.float32)
    rgba[..., :3] = rows_up
    image.pixels.foreach_set(rgba.ravel())
    image.update()
    return image


def _texture_image(key: str, texels: npt.NDArray[np.uint8]) -> Any:
    """An 8-bit sRGB image from (H, W, 3), top row first."""
    height, width = texels.shape[:2]
    image = bpy.data.images.new(key, width, height, alpha=False, float_buffer=False)
    image.colorspace_settings.name = "sRGB"
    rgba = np.ones((height, width, 4), np.float32)
    rgba[..., :3] = texels[::-1].astype(np.float32) / np.float32(255)
    image.pixels.foreach_set(rgba.ravel())
    image.update()
    return image


def _blender_equirect(radiance: F32) -> F32:
    """Our map (row 0 = zenith, column u = azimuth 2 pi u) as Blender reads one: bottom row first, u = 1/2 - azimuth."""
    flipped = radiance[::-1, ::-1]
    return np.roll(flipped, radiance.shape[1] // 2, axis=1)


def _area_light(
    frame: npt.NDArray[np.float64], centre: npt.NDArray[np.float64], size_m: tuple[float, float], radiance: Any
) -> Any:
    """A one-sided rectangle of this radiance; frame: rows right, up, forward (the way it shines)."""
    light = bpy.data.lights.new("light", "AREA")
    light.shape, light.size, light.size_y = "RECTANGLE", *size_m
    light.spread = np.pi
    light.use_shadow = True
    light.cycles.max_bounces = 1024
    light.cycles.use_multiple_importance_sampling = True
    light.energy = np.pi * size_m[0] * size_m[1]  # a Lambertian emitter of radiance 1 gives off pi W per m2
    light.color = radiance
    thing = bpy.data.objects.new("light", light)
    pose = np.eye(4)
    pose[:3, 0], pose[:3, 1], pose[:3, 2], pose[:3, 3] = -frame[0], frame[1], -frame[2], centre  # shines along -z
    thing.matrix_world = _matrix(pose)
    thing.visible_camera = False
    return thing


class _Nodes:
    """Adds nodes to a tree and joins their sockets."""

    def __init__(self, tree: Any) -> None:
        self.tree = tree
        tree.nodes.clear()

    def add(self, kind: str, settings: Request | None = None, **inputs: Any) -> Any:
        node = self.tree.nodes.new(kind)
        for name, value in (settings or {}).items():
            setattr(node, name, value)
        for name, value in inputs.items():
            socket = node.inputs[int(name[1:])] if name[0] == "_" else node.inputs[name.replace("_", " ")]
            if isinstance(value, bpy.types.NodeSocket):
                self.tree.links.new(value, socket)
            else:
                socket.default_value = value
        return node

    def vector(self, operation: str, first: Any, second: Any = None, *, out: str = "Vector") -> Any:
        inputs = {"_0": first} if second is None else {"_0": first, "_1": second}
        return self.add("ShaderNodeVectorMath", {"operation": operation}, **inputs).outputs[out]

    def image(self, image: Any, at: Any, interpolation: str = "Linear", extension: str = "REPEAT") -> Any:
        settings = {"image": image, "interpolation": interpolation, "extension": extension}
        return self.add("ShaderNodeTexImage", settings, Vector=at).outputs["Color"]


def _new_material(name: str) -> tuple[Any, _Nodes]:
    material = bpy.data.materials.new(name)
    material.use_nodes = True
    material.cycles.emission_sampling = "NONE"
    return material, _Nodes(material.node_tree)


def _principled(
    image: Any, base_color: tuple[float, ...], roughness: float, metallic: float, texture: str, uv_scale: float
) -> Any:
    """glTF's metallic-roughness surface: GGX with multiple scattering, F0 = 0.04 (IOR 1.5) or the base colour."""
    material, nodes = _new_material("material")
    color: Any = (*base_color, 1.0)
    if image is not None:
        uv = nodes.add("ShaderNodeTexCoord").outputs["UV"]
        texel = nodes.image(image, nodes.vector("MULTIPLY", uv, (uv_scale, uv_scale, 1.0)))
        color = nodes.vector("MULTIPLY", texel, base_color)
    surface = nodes.add(
        "ShaderNodeBsdfPrincipled", {"distribution": "MULTI_GGX"},
        Base_Color=color, Roughness=roughness, Metallic=metallic, IOR=1.5,
    )  # fmt: skip
    nodes.add("ShaderNodeOutputMaterial", Surface=surface.outputs[0])
    return material


def _world(image: Any, rotation_rad: float, intensity: float) -> Any:
    world = bpy.data.worlds.new("world")
    world.use_nodes = True
    world.cycles.sampling_method, world.cycles.sample_map_resolution = "MANUAL", max(image.size[0], 256)
    nodes = _Nodes(world.node_tree)
    direction = nodes.add("ShaderNodeTexCoord").outputs["Generated"]
    turned = nodes.add("ShaderNodeMapping", {"vector_type": "POINT"}, Vector=direction, Rotation=(0, 0, -rotation_rad))
    texel = nodes.add("ShaderNodeTexEnvironment", {"image": image}, Vector=turned.outputs[0])
    sky = nodes.add("ShaderNodeBackground", Color=texel.outputs[0], Strength=intensity)
    nodes.add("ShaderNodeOutputWorld", Surface=sky.outputs[0])
    return world


def _aim_pinhole(thing: Any, render: Any, camera: Request) -> None:
    """K exactly: pixels that are not square by the pixel aspect, the principal point by shifting the sensor."""
    width, height, fx, fy = camera["width"], camera["height"], camera["fx"], camera["fy"]
    if fy >= fx:  # aspects below 1 are not taken
        render.pixel_aspect_x = fy / fx
    else:
        render.pixel_aspect_y = fx / fy
    lens = thing.data
    lens.type, lens.sensor_fit, lens.sensor_width = "PERSP", "HORIZONTAL", 36.0
    lens.lens = 36.0 * fx / width
    lens.shift_x = (width / 2 - camera["cx"]) / width
    lens.shift_y = (camera["cy"] - height / 2) * (fx / fy) / width
    lens.clip_start, lens.clip_end = camera["near_m"], 1e4
    lens.dof.use_dof = False
    thing.matrix_world = _matrix(camera["world_from_camera"] @ np.diag([1.0, -1.0, -1.0, 1.0]))


def _aim_at_pane(thing: Any) -> None:
    """The image spans [-1/2, 1/2] of the pane's x."""
    lens = thing.data
    lens.type, lens.sensor_fit, lens.ortho_scale, lens.shift_x, lens.shift_y = "ORTHO", "HORIZONTAL", 1.0, 0.0, 0.0
    lens.clip_start, lens.clip_end = 0.5 * PANE_DISTANCE_M, 1.5 * PANE_DISTANCE_M
    pose = np.eye(4)
    pose[2, 3] = PANE_Z_M
    thing.matrix_world = _matrix(pose)


class Pane:
    """Any lens exactly: every ray that meets the pane goes on from the camera's near plane along its own direction.

    ``rays`` (H + 1, W + 1, 3): world directions through the pixels' corners, camera z = 1; between them bilinear.
    """

    def __init__(self, camera: Request) -> None:
        self.rays = _float_image("rays", camera["rays"][::-1])
        self.near_m = camera["near_m"]
        self.centre = tuple(float(x) for x in camera["world_from_camera"][:3, 3])
        z, half = PANE_Z_M - PANE_DISTANCE_M, 0.75 * max(1.0, camera["height"] / camera["width"])
        corners = [(-half, -half, z), (half, -half, z), (half, half, z), (-half, half, z)]
        self.mesh = bpy.data.meshes.new("pane")
        self.mesh.from_pydata(corners, [], [(0, 1, 2, 3)])
        self.material, nodes = _new_material("pane")
        nodes.add("ShaderNodeOutputMaterial", Surface=self.portal(nodes))
        self.mesh.materials.append(self.material)
        self.thing = bpy.data.objects.new("pane", self.mesh)

    def portal(self, nodes: _Nodes) -> Any:
        """The shader that sends rays on."""
        width, height = self.rays.size[0] - 1, self.rays.size[1] - 1
        place = nodes.add("ShaderNodeNewGeometry").outputs["Position"]
        # Pixel corner k lies in the middle of texel k of a row of width + 1 texels.
        scale = (width / (width + 1), width / (height + 1), 0.0)
        uv = nodes.vector("ADD", nodes.vector("MULTIPLY", place, scale), (0.5, 0.5, 0.0))
        ray = nodes.image(self.rays, uv, extension="EXTEND")
        start = nodes.vector("ADD", nodes.vector("MULTIPLY", ray, (self.near_m,) * 3), self.centre)
        direction = nodes.vector("NORMALIZE", ray)
        return nodes.add("ShaderNodeBsdfRayPortal", Color=(1, 1, 1, 1), Position=start, Direction=direction).outputs[0]

    def remove(self) -> None:
        bpy.data.objects.remove(self.thing)
        bpy.data.meshes.remove(self.mesh)
        bpy.data.materials.remove(self.material)
        bpy.data.images.remove(self.rays)


def _facts_material(world_from_camera: npt.NDArray[np.float64], pane: Pane | None) -> Any:
    """Emits the number of the thing and the camera z of the point; the pane (number 0) lets rays through."""
    material, nodes = _new_material("facts")
    place = nodes.add("ShaderNodeNewGeometry").outputs["Position"]
    forward = tuple(float(x) for x in world_from_camera[:3, 2])
    offset = tuple(-float(x) for x in world_from_camera[:3, 3])
    depth = nodes.vector("DOT_PRODUCT", nodes.vector("ADD", place, offset), forward, out="Value")
    number = nodes.add("ShaderNodeObjectInfo").outputs["Object Index"]
    color = nodes.add("ShaderNodeCombineXYZ", X=number, Y=depth).outputs[0]
    surface = nodes.add("ShaderNodeEmission", Color=color, Strength=1.0).outputs[0]
    if pane is not None:
        surface = nodes.add("ShaderNodeMixShader", _0=number, _1=pane.portal(nodes), _2=surface).outputs[0]
    nodes.add("ShaderNodeOutputMaterial", Surface=surface)
    return material


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
