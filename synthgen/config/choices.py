"""Names a pipeline may use that live in stage packages, as literal tables (config imports no stage).

``tests/test_config_choices.py`` compares each table with its stage, both ways.
"""

from __future__ import annotations

SENSE_PRESETS = ("none", "generic", "realsense_d435", "realsense_d415", "azure_kinect", "industrial_5mp", "webcam")

OBJECT_FINISHES = (
    "ceramic",
    "plastic_glossy",
    "plastic_matte",
    "painted_metal",
    "brushed_steel",
    "polished_steel",
    "zinc",
    "brass",
    "black_oxide",
    "cast_iron",
    "anodised_aluminium",
    "rubber",
    "wood",
    "clay",
    "carton_print",
    "label_print",
    "can_print",
    "cell_wrap",
    "aluminium",
    "bottle_plastic",
    "cap_plastic",
    "cup_lid",
    "book_cover",
    "tray",
    "tape",
    "tool_grip",
    "cardboard",
    "paper",
)

SURFACE_FINISHES = (
    "wood_table",
    "wood_veneer",
    "laminate",
    "brushed_metal",
    "cloth",
    "conveyor",
    "cardboard_sheet",
    "rubber_mat",
    "cutting_mat",
    "painted_table",
    "stone",
    "concrete",
    "parquet",
    "tiles",
    "terrazzo",
    "tote_plastic",
)

MESH_SUFFIXES = (".glb", ".gltf", ".obj", ".ply", ".stl")
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")
HDR_SUFFIXES = (".hdr",)

# Keys and values of the file format that a later version understands: said plainly instead of "unknown key".
NOT_YET_VALUES: dict[tuple[str | int, ...], tuple[str, ...]] = {
    ("generate", "kind"): ("diffusion", "latent_diffusion"),
    ("labels", "outputs"): ("normals", "class", "amodal"),
}
# Values that are looked for in a list but are keys elsewhere -> what to write.
OWN_KEYS: dict[tuple[str, ...], str] = {
    ("labels", "outputs", "depth_sensor"): "labels.depth_sensor: stereo (or structured_light, tof)",
    ("labels", "outputs", "grasps"): "labels.grasps: {gripper: franka_hand}",
}
