"""Blender data of a scene: meshes, images, materials, lamps, sky and cameras. Imported by the child process only."""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np
import numpy.typing as npt
from mathutils import Matrix

F32 = npt.NDArray[np.float32]
Request = dict[str, Any]

# A distorted lens: an orthographic camera far below the scene looks at a pane that sends each of its rays off from the
# true camera's centre. Only z is far away, so that x and y on the pane keep their float32 precision.
PANE_Z_M = -50.0
PANE_DISTANCE_M = 1.0
LEAST_COLOUR = 1e-4  # that a picture is divided by


def matrix(pose: npt.NDArray[np.float64]) -> Any:
    """A (4, 4) array as Blender takes it."""
    return Matrix(pose.tolist())


def mesh(key: str, arrays: Request) -> Any:
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


def float_image(key: str, rows_up: F32) -> Any:
    """A float image of linear values from (H, W, 3), bottom row first."""
    height, width = rows_up.shape[:2]
    image = bpy.data.images.new(key, width, height, alpha=False, float_buffer=True, is_data=True)
    rgba = np.ones((height, width, 4), np.float32)
    rgba[..., :3] = rows_up
    image.pixels.foreach_set(rgba.ravel())
    image.update()
    return image


def texture_image(key: str, texels: npt.NDArray[np.uint8]) -> Any:
    """An 8-bit sRGB image from (H, W, 3), top row first."""
    height, width = texels.shape[:2]
    image = bpy.data.images.new(key, width, height, alpha=False, float_buffer=False)
    image.colorspace_settings.name = "sRGB"
    rgba = np.ones((height, width, 4), np.float32)
    rgba[..., :3] = texels[::-1].astype(np.float32) / np.float32(255)
    image.pixels.foreach_set(rgba.ravel())
    image.update()
    return image


def equirect(radiance: F32) -> F32:
    """Our map (row 0 = zenith, column u = azimuth 2 pi u) as Blender reads one: bottom row first, u = 1/2 - azimuth."""
    flipped = radiance[::-1, ::-1]
    return np.roll(flipped, radiance.shape[1] // 2, axis=1)


def area_light(
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
    thing.matrix_world = matrix(pose)
    thing.visible_camera = False
    return thing


class Nodes:
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

    def mixed(self, operation: str, first: Any, second: Any) -> Any:
        return self.add("CompositorNodeMixRGB", {"blend_type": operation}, _0=1.0, _1=first, _2=second).outputs[0]

    def image(self, image: Any, at: Any, interpolation: str = "Linear", extension: str = "REPEAT") -> Any:
        settings = {"image": image, "interpolation": interpolation, "extension": extension}
        return self.add("ShaderNodeTexImage", settings, Vector=at).outputs["Color"]


def denoise(scene: Any, white_card: float) -> None:
    """Has the pictures of a scene denoised as they are finished.

    What is denoised is the picture divided by the colours of its surfaces, in which there is no noise; afterwards they
    are put back. A denoiser that sees the picture itself takes faint grain for noise (a third of a wooden table's) and
    keeps speckles on metal, whose albedo it is told with the noise of what is mirrored there. The surroundings count as
    a colour as well: else all that stands before them would end at an edge of black. It is guided by normals, in grey:
    as colours they would tint what lies beside them. Against 400 samples without denoiser, in two views at 256 x 256
    with 32, this errs by 0.0075 and 0.0061 after the tone curve, the denoised picture by 0.0083 and 0.0064.

    Args:
        scene: not denoised yet.
        white_card: about the radiance of a white card in its light.
    """
    layer = scene.view_layers[0]
    layer.use_pass_diffuse_color = layer.use_pass_glossy_color = layer.use_pass_environment = True
    layer.cycles.denoising_store_passes = True
    scene.use_nodes = True
    nodes = Nodes(scene.node_tree)
    passes = nodes.add("CompositorNodeRLayers", {"scene": scene}).outputs
    sky = nodes.mixed("MULTIPLY", passes["Env"], (*[1.0 / white_card] * 3, 1.0))
    colour = nodes.mixed("ADD", nodes.mixed("ADD", passes["DiffCol"], passes["GlossCol"]), sky)
    colour = nodes.mixed("ADD", colour, (*[LEAST_COLOUR] * 3, 0.0))
    normal = passes["Denoising Normal"]
    halved = nodes.mixed("MULTIPLY", normal, (0.5, 0.5, 0.5, 1.0))
    grey = nodes.add("CompositorNodeRGBToBW", Image=nodes.mixed("ADD", halved, (0.5, 0.5, 0.5, 0.0))).outputs[0]
    light = nodes.mixed("DIVIDE", passes["Image"], colour)
    settings = {"use_hdr": True, "prefilter": "NONE"}
    quiet = nodes.add("CompositorNodeDenoise", settings, Image=light, Normal=normal, Albedo=grey).outputs[0]
    nodes.add("CompositorNodeComposite", Image=nodes.mixed("MULTIPLY", quiet, colour))


def new_material(name: str) -> tuple[Any, Nodes]:
    material = bpy.data.materials.new(name)
    material.use_nodes = True
    material.cycles.emission_sampling = "NONE"
    return material, Nodes(material.node_tree)


def principled(
    image: Any, base_color: tuple[float, ...], roughness: float, metallic: float, texture: str, uv_scale: float
) -> Any:
    """glTF's metallic-roughness surface: GGX with multiple scattering, F0 = 0.04 (IOR 1.5) or the base colour."""
    material, nodes = new_material("material")
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


def world(image: Any, rotation_rad: float, intensity: float) -> Any:
    """The environment map, turned about z; sampled at the map's own resolution, so that no lamp in it is missed."""
    world = bpy.data.worlds.new("world")
    world.use_nodes = True
    world.cycles.sampling_method, world.cycles.sample_map_resolution = "MANUAL", max(image.size[0], 256)
    nodes = Nodes(world.node_tree)
    direction = nodes.add("ShaderNodeTexCoord").outputs["Generated"]
    turned = nodes.add("ShaderNodeMapping", {"vector_type": "POINT"}, Vector=direction, Rotation=(0, 0, -rotation_rad))
    texel = nodes.add("ShaderNodeTexEnvironment", {"image": image}, Vector=turned.outputs[0])
    sky = nodes.add("ShaderNodeBackground", Color=texel.outputs[0], Strength=intensity)
    nodes.add("ShaderNodeOutputWorld", Surface=sky.outputs[0])
    return world


def aim_pinhole(thing: Any, render: Any, camera: Request) -> None:
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
    thing.matrix_world = matrix(camera["world_from_camera"] @ np.diag([1.0, -1.0, -1.0, 1.0]))


def aim_at_pane(thing: Any) -> None:
    """The image spans [-1/2, 1/2] of the pane's x."""
    lens = thing.data
    lens.type, lens.sensor_fit, lens.ortho_scale, lens.shift_x, lens.shift_y = "ORTHO", "HORIZONTAL", 1.0, 0.0, 0.0
    lens.clip_start, lens.clip_end = 0.5 * PANE_DISTANCE_M, 1.5 * PANE_DISTANCE_M
    pose = np.eye(4)
    pose[2, 3] = PANE_Z_M
    thing.matrix_world = matrix(pose)


class Pane:
    """Any lens exactly: every ray that meets the pane goes on from the camera's near plane along its own direction.

    ``rays`` (H + 1, W + 1, 3): world directions through the pixels' corners, camera z = 1; between them bilinear.
    """

    def __init__(self, camera: Request) -> None:
        self.rays = float_image("rays", camera["rays"][::-1])
        self.near_m = camera["near_m"]
        self.centre = tuple(float(x) for x in camera["world_from_camera"][:3, 3])
        z, half = PANE_Z_M - PANE_DISTANCE_M, 0.75 * max(1.0, camera["height"] / camera["width"])
        corners = [(-half, -half, z), (half, -half, z), (half, half, z), (-half, half, z)]
        self.mesh = bpy.data.meshes.new("pane")
        self.mesh.from_pydata(corners, [], [(0, 1, 2, 3)])
        self.material, nodes = new_material("pane")
        nodes.add("ShaderNodeOutputMaterial", Surface=self.portal(nodes))
        self.mesh.materials.append(self.material)
        self.thing = bpy.data.objects.new("pane", self.mesh)

    def portal(self, nodes: Nodes) -> Any:
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


def facts_material(world_from_camera: npt.NDArray[np.float64], pane: Pane | None) -> Any:
    """Emits the number of the thing and the camera z of the point; the pane (number 0) lets rays through."""
    material, nodes = new_material("facts")
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
