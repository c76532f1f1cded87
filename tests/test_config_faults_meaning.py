"""Names, files, cameras and what only a later version has: the literal sentence of every fault, one row per intent."""

from __future__ import annotations

from pathlib import Path

import pytest

from synthgen.config.family_ranges import FAMILIES
from synthgen.config.load import load_pipeline
from synthgen.errors import ConfigError

BASE = "name: t\nscene:\n  objects:\n    - {family: mug}\n"
# intent, pipeline file, sentences (DIR stands for the folder of the file, <families> for their names)
ROWS: list[tuple[str, str, list[str]]] = [
    (
        "generator that comes later",
        BASE + "generate: {kind: diffusion}\n",
        [
            "p.yaml:5: generate.kind: this version does not have 'diffusion' yet; use one of: shaded, gan, pathtraced",
        ],
    ),
    (
        "generator unknown",
        BASE + "generate: {kind: gann}\n",
        [
            "p.yaml:5: generate.kind: 'gann' is not known; nearest known: gan. Allowed: shaded, gan, pathtraced",
        ],
    ),
    (
        "settings of the path tracer",
        BASE + "generate: {kind: pathtraced, samples: 0, bounces: 99, denoiser: yes}\n",
        [
            "p.yaml:5: generate.samples: 0 is outside what is allowed: 1 to 4096; try samples: 16",
            "p.yaml:5: generate.bounces: 99 is outside what is allowed: 0 to 32; try bounces: 4",
            (
                "p.yaml:5: generate.denoiser: unknown key; nearest known: denoise. "
                "Allowed keys: kind, samples, bounces, denoise"
            ),
        ],
    ),
    (
        "effect that is no block",
        BASE + "augment: [{blur: 1}]\n",
        [
            "p.yaml:5: augment[0].blur: 1 is not a block of keys; allowed keys: p, sigma_px",
        ],
    ),
    (
        "unknown effect",
        BASE + "augment: [{motionblur: {p: 1}}]\n",
        [
            (
                "p.yaml:5: augment[0].motionblur: unknown key; nearest known: motion_blur. Allowed keys: blur, "
                "motion_blur, defocus, downscale, noise, iso_noise, jpeg, brightness, contrast, gamma, hue, "
                "saturation, color_temperature, grayscale, channel_dropout, local_contrast, uneven_light, shadow, "
                "glare, fog, dust, dirt, droplets"
            ),
        ],
    ),
    (
        "unknown parameter of an effect, and one out of bounds",
        BASE + "augment: [{blur: {sigma: 1}}, {blur: {sigma_px: 100}}, {noise: {p: 30}}]\n",
        [
            "p.yaml:5: augment[0].blur.sigma: unknown key; nearest known: sigma_px. Allowed keys: p, sigma_px",
            "p.yaml:5: augment[1].blur.sigma_px: 100 is outside 0 to 10 px; try sigma_px: {uniform: [0.3, 1.5]}",
            "p.yaml:5: augment[2].noise.p: 30 is outside what is allowed: 0 to 1; try p: 1",
        ],
    ),
    (
        "no effect, two effects",
        BASE + "augment: [{}, {blur: {}, noise: {}}]\n",
        [
            "p.yaml:5: augment[0]: holds no effect; allowed: one per entry; write - {blur: {p: 0.3}}",
            "p.yaml:5: augment[1]: holds 2 effects (blur, noise); allowed: one per entry; write - {blur: {p: 0.3}}",
        ],
    ),
    (
        "augment that is no list",
        BASE + "augment: {blur: {p: 0.3}}\n",
        [
            (
                "p.yaml:5: augment: a block of keys is not a list; try augment: [{blur: {p: 0.3, sigma_px: {uniform: "
                "[0.3, 1.5]}}}]"
            ),
        ],
    ),
    (
        "grasps of a block that is none",
        BASE + "labels: {grasps: true, min_visible_px: 8}\n",
        [
            (
                "p.yaml:5: labels.grasps: true is not a block of keys; allowed keys: gripper, friction_max, "
                "per_object, approach_m, preshape_m, clearance_m"
            ),
        ],
    ),
    (
        "depth_sensor among the outputs",
        BASE + "labels: {outputs: [depth, depth_sensor]}\n",
        [
            (
                "p.yaml:5: labels.outputs[1]: 'depth_sensor' is a key of its own; write labels.depth_sensor: stereo "
                "(or structured_light, tof)"
            ),
        ],
    ),
    (
        "unknown depth sensor",
        BASE + "labels: {depth_sensor: stero}\n",
        [
            (
                "p.yaml:5: labels.depth_sensor.kind: 'stero' is not known; nearest known: stereo. Allowed: "
                "structured_light, tof, stereo"
            ),
        ],
    ),
    (
        "depth sensor whose range runs backwards",
        BASE + "labels: {depth_sensor: {kind: tof, min_m: 3, max_m: 1}}\n",
        [
            "p.yaml:5: labels.depth_sensor: min_m 3 is not below max_m 1; write the smaller number first",
        ],
    ),
    (
        "depth sensor without a kind",
        BASE + "labels: {depth_sensor: {noise: 2}}\n",
        [
            "p.yaml:5: labels.depth_sensor.kind: missing (how it measures); add kind: stereo",
        ],
    ),
    (
        "unknown camera preset",
        BASE + "camera: {preset: d435}\n",
        [
            (
                "p.yaml:5: camera.preset: 'd435' is not known; nearest known: realsense_d435. Allowed: "
                "realsense_d435, realsense_d415, azure_kinect, industrial_5mp_8mm"
            ),
        ],
    ),
    (
        "camera preset and field of view",
        BASE + "camera: {preset: azure_kinect, fov_deg: 50}\n",
        [
            (
                "p.yaml:5: camera: fov_deg and preset contradict each other; give one of fov_deg, K, calibration and "
                "preset (--set camera.fov_deg=null takes one away)"
            ),
        ],
    ),
    (
        "unknown output",
        BASE + "labels: {outputs: [dept]}\n",
        [
            "p.yaml:5: labels.outputs[0]: 'dept' is not known; nearest known: depth. Allowed: depth, instances",
        ],
    ),
    (
        "output twice",
        BASE + "labels: {outputs: [depth, depth]}\n",
        [
            "p.yaml:5: labels.outputs: 'depth' is listed twice; keep one of them",
        ],
    ),
    (
        "unknown preset",
        BASE + "sense: {preset: realsense_435}\n",
        [
            (
                "p.yaml:5: sense.preset: 'realsense_435' is not known; nearest known: realsense_d435. Allowed: "
                "none, generic, realsense_d435, realsense_d415, azure_kinect, industrial_5mp, webcam"
            ),
        ],
    ),
    (
        "unknown family",
        "name: t\nscene:\n  objects:\n    - {family: mugg}\n",
        [
            "p.yaml:4: scene.objects[0].family: 'mugg' is not known; nearest known: mug. Allowed: <families>",
        ],
    ),
    (
        "unknown size",
        "name: t\nscene:\n  objects:\n    - {family: can, size: {hight_m: 0.1}}\n",
        [
            (
                "p.yaml:4: scene.objects[0].size.hight_m: family 'can' has no such size; nearest known: height_m. "
                "Allowed: diameter_m (0.045 to 0.09 m), height_m (0.07 to 0.2 m)"
            ),
        ],
    ),
    (
        "size in millimetres",
        "name: t\nscene:\n  objects:\n    - {family: can, size: {height_m: 110}}\n",
        [
            (
                "p.yaml:4: scene.objects[0].size.height_m: 110 is outside 0.07 to 0.2 m of family 'can'; try "
                "height_m: {uniform: [0.105, 0.165]}"
            ),
        ],
    ),
    (
        "size range too wide",
        "name: t\nscene:\n  objects:\n    - {family: can, size: {height_m: {uniform: [0.1, 0.5]}}}\n",
        [
            (
                "p.yaml:4: scene.objects[0].size.height_m: reaches from 0.1 to 0.5, outside 0.07 to 0.2 m of "
                "family 'can'; try height_m: {uniform: [0.105, 0.165]}"
            ),
        ],
    ),
    (
        "size of a mesh",
        "name: t\nscene:\n  objects:\n    - {mesh: a.glb, size: {height_m: 1}}\n",
        [
            "p.yaml:4: scene.objects[0]: 'size' belongs to procedural families; use 'scale' for meshes",
            (
                "p.yaml:4: scene.objects[0].mesh: 'DIR/a.glb' does not exist; the folder DIR has no .glb or .gltf "
                "or .obj or .ply or .stl; check the path"
            ),
        ],
    ),
    (
        "scale of a family",
        "name: t\nscene:\n  objects:\n    - {family: mug, scale: 0.001}\n",
        [
            "p.yaml:4: scene.objects[0]: 'scale' belongs to meshes; use 'size' for procedural families",
        ],
    ),
    (
        "weight zero",
        "name: t\nscene:\n  objects:\n    - {family: mug, weight: 0}\n",
        [
            "p.yaml:4: scene.objects[0].weight: 0 is outside what is allowed: more than 0; try weight: 1",
        ],
    ),
    (
        "unknown finish",
        "name: t\nscene:\n  objects:\n    - {family: mug, material: {finish: steel}}\n",
        [
            (
                "p.yaml:4: scene.objects[0].material.finish: 'steel' is not known; nearest known: brushed_steel. "
                "Allowed: ceramic, plastic_glossy, plastic_matte, painted_metal, brushed_steel, polished_steel, "
                "zinc, brass, black_oxide, cast_iron, anodised_aluminium, rubber, wood, clay, carton_print, "
                "label_print, can_print, cell_wrap, aluminium, bottle_plastic, cap_plastic, cup_lid, book_cover, "
                "tray, tape, tool_grip, cardboard, paper"
            ),
        ],
    ),
    (
        "colours in 0..255",
        "name: t\nscene:\n  objects:\n    - {family: mug, material: {colors: [[255, 0, 0]]}}\n",
        [
            (
                "p.yaml:4: scene.objects[0].material.colors[0][0]: 255 is outside what is allowed: 0 to 1; try the "
                "whole colors: [[0.8, 0.1, 0.1]]"
            ),
        ],
    ),
    (
        "colour with two channels",
        "name: t\nscene:\n  objects:\n    - {family: mug, material: {colors: [[1, 0]]}}\n",
        [
            (
                "p.yaml:4: scene.objects[0].material.colors[0]: has 2 entries; allowed: exactly 3; try the whole "
                "colors: [[0.8, 0.1, 0.1]]"
            ),
        ],
    ),
    (
        "one class, two supercategories",
        (
            "name: t\n"
            "scene:\n"
            "  objects:\n"
            "    - {family: mug, supercategory: kitchen}\n"
            "    - {family: cup, class: mug, supercategory: tool}\n"
        ),
        [
            (
                "p.yaml:5: scene.objects[1].supercategory: class 'mug' has supercategory 'kitchen' in "
                "scene.objects[0] and 'tool' in scene.objects[1]; give both the same, or different classes"
            ),
        ],
    ),
    (
        "unknown placeholder",
        "name: t\nscene:\n  objects:\n    - {family: mug, class: '{name}'}\n",
        [
            (
                "p.yaml:4: scene.objects[0].class: '{name}' has an unknown placeholder; allowed: {stem}, the mesh "
                "file's name without ending"
            ),
        ],
    ),
    (
        "stem of a family",
        "name: t\nscene:\n  objects:\n    - {family: mug, class: 'a_{stem}'}\n",
        [
            (
                "p.yaml:4: scene.objects[0].class: 'a_{stem}' uses {stem}, but a family has no file; allowed: a "
                "plain name, e.g. mug"
            ),
        ],
    ),
    (
        "class missing from labels.classes",
        BASE + "labels: {classes: [mugs, can]}\n",
        [
            (
                "p.yaml:5: labels.classes: class 'mug' of scene.objects[0] is not in labels.classes (nearest: "
                "mugs); add it, or give the object one of the listed classes with class:"
            ),
        ],
    ),
    (
        "class listed twice",
        BASE + "labels: {classes: [mug, mug]}\n",
        [
            "p.yaml:5: labels.classes: 'mug' is listed twice; keep one of them",
        ],
    ),
    (
        "classes of a wrong type",
        BASE + "labels: {classes: 3}\n",
        [
            (
                "p.yaml:5: labels.classes: 3 is not a list of class names, or the path of a COCO file; try "
                "classes: [mug, bottle]"
            ),
        ],
    ),
    (
        "threshold above the image",
        BASE + "image: {width: 32, height: 32}\nlabels: {min_visible_px: 2000}\n",
        [
            (
                "p.yaml:6: labels.min_visible_px: 2000 is more than the 1024 pixels of an image of 32x32, so that "
                "nothing would be labelled; try min_visible_px: 32"
            ),
        ],
    ),
    (
        "splits beyond 1",
        BASE + "splits: {train: 0.8, val: 0.3}\n",
        [
            (
                "p.yaml:5: splits: {train: 0.8, val: 0.3} sums to 1.1; allowed: shares that sum to 1; try splits: "
                "{train: 0.8, val: 0.1, test: 0.1}"
            ),
        ],
    ),
    (
        "unknown split",
        BASE + "splits: {train: 0.8, dev: 0.2}\n",
        [
            (
                "p.yaml:5: splits: unknown split 'dev'; allowed: train, val, test; try splits: {train: 0.8, val: "
                "0.1, test: 0.1}"
            ),
        ],
    ),
    (
        "negative split",
        BASE + "splits: {train: 1.2, val: -0.2}\n",
        [
            (
                "p.yaml:5: splits: val is -0.2; allowed: shares from 0 to 1 that sum to 1; try splits: {train: "
                "0.8, val: 0.1, test: 0.1}"
            ),
        ],
    ),
    (
        "K with a far principal point",
        BASE + "camera: {K: [300, 300, 1280, 960]}\n",
        [
            (
                "p.yaml:5: camera.K: principal point (1280, 960) is far outside the image of 256x256; allowed: x "
                "from -128 to 384 px, y from -128 to 384 px; K is [fx, fy, cx, cy], try [256, 256, 128, 128]"
            ),
        ],
    ),
    (
        "K in metres",
        BASE + "camera: {K: [0.004, 0.004, 128, 128]}\n",
        [
            (
                "p.yaml:5: camera.K: focal lengths 0.004 and 0.004 px do not fit images of 256x256; allowed: fx "
                "from 33.28 to 2944 px (150 to 5 deg) and fy within a factor 2 of it; try K: [256, 256, 128, 128]"
            ),
        ],
    ),
    (
        "K with three numbers",
        BASE + "camera: {K: [300, 300, 128]}\n",
        [
            "p.yaml:5: camera.K: has 3 entries; allowed: exactly 4; try K: [610, 610, 320, 240]",
        ],
    ),
    (
        "K and field of view",
        BASE + "camera: {K: [300, 300, 128, 128], fov_deg: 50}\n",
        [
            (
                "p.yaml:5: camera: fov_deg and K contradict each other; give one of fov_deg, K, calibration and "
                "preset (--set camera.fov_deg=null takes one away)"
            ),
        ],
    ),
    (
        "no intrinsics",
        BASE + "camera: {fov_deg: null}\n",
        [
            (
                "p.yaml:5: camera: has no intrinsics; give one of fov_deg, K, calibration and preset, or leave all "
                "four out"
            ),
        ],
    ),
    (
        "no arrangement left",
        BASE + "  clutter: {scattered: 0, close: 0, piled: 0}\n",
        [
            (
                "p.yaml:5: scene.clutter: gives every arrangement the share 0; allowed: at least one above 0; "
                "try scattered: 1"
            ),
        ],
    ),
    (
        "lamp of no kind",
        BASE + "  lights: {kinds: [candle]}\n",
        [
            (
                "p.yaml:5: scene.lights.kinds[0]: 'candle' is not known; allowed: ceiling_panel, tube, softbox, spot, "
                "window"
            ),
        ],
    ),
    (
        "target beyond the border",
        BASE + "camera: {placement: {kind: hemisphere, off_centre: 1.5}}\n",
        [
            "p.yaml:5: camera.placement.off_centre: 1.5 is outside 0 to 1; try off_centre: {uniform: [0, 0.5]}",
        ],
    ),
    (
        "distortion without K",
        BASE + "camera: {distortion: [0.1, 0, 0, 0, 0]}\n",
        [
            ("p.yaml:5: camera: 'distortion' goes with 'K' (a calibration file brings its own); give K, or remove it"),
        ],
    ),
    (
        "distortion of three numbers",
        BASE + "camera: {K: [300, 300, 128, 128], distortion: [1, 2, 3]}\n",
        [
            "p.yaml:5: camera: 'distortion' has 3 numbers; allowed: 4, 5 or 8; write zeros for the rest",
        ],
    ),
    (
        "lens that folds over",
        BASE + "camera: {K: [150, 150, 128, 128], distortion: [-0.6, 0, 0, 0, 0]}\n",
        [
            (
                "p.yaml:5: camera.distortion: the distortion [-0.6, 0.0, 0.0, 0.0, 0.0] folds over at 41% of the "
                "way to the image corner, so that some pixels see nothing; allowed: coefficients that fit the "
                "whole image; check their order (k1 k2 p1 p2 k3 k4 k5 k6) or recalibrate"
            ),
        ],
    ),
    (
        "pose of 12 numbers",
        (
            "name: t\n"
            "scene:\n"
            "  objects:\n"
            "    - {family: mug}\n"
            "camera:\n"
            "  placement:\n"
            "    kind: poses\n"
            "    world_from_camera: [[1,0,0,0, 0,1,0,0, 0,0,1,0]]\n"
        ),
        [
            (
                "p.yaml:8: camera.placement.world_from_camera[0]: has 12 numbers, not 16; allowed: 4 rows of "
                "[rotation | position in metres], last row 0 0 0 1; write the 4x4 matrix row by row"
            ),
        ],
    ),
    (
        "pose written by columns",
        (
            "name: t\n"
            "scene:\n"
            "  objects:\n"
            "    - {family: mug}\n"
            "camera:\n"
            "  placement:\n"
            "    kind: poses\n"
            "    world_from_camera: [[1,0,0,0, 0,1,0,0, 0,0,1,0, 0,0,0.8,1]]\n"
        ),
        [
            (
                "p.yaml:8: camera.placement.world_from_camera[0]: has the last row [0.0, 0.0, 0.8, 1.0]; allowed: "
                "4 rows of [rotation | position in metres], last row 0 0 0 1; is it written column by column?"
            ),
        ],
    ),
    (
        "pose with a scale",
        (
            "name: t\n"
            "scene:\n"
            "  objects:\n"
            "    - {family: mug}\n"
            "camera:\n"
            "  placement:\n"
            "    kind: poses\n"
            "    world_from_camera: [[2,0,0,0, 0,2,0,0, 0,0,2,0.8, 0,0,0,1]]\n"
        ),
        [
            (
                "p.yaml:8: camera.placement.world_from_camera[0]: has a rotation that is off by 3 from "
                "orthonormal; allowed: 4 rows of [rotation | position in metres], last row 0 0 0 1; remove any "
                "scale"
            ),
        ],
    ),
    (
        "mirrored pose",
        (
            "name: t\n"
            "scene:\n"
            "  objects:\n"
            "    - {family: mug}\n"
            "camera:\n"
            "  placement:\n"
            "    kind: poses\n"
            "    world_from_camera: [[1,0,0,0, 0,1,0,0, 0,0,-1,0.8, 0,0,0,1]]\n"
        ),
        [
            (
                "p.yaml:8: camera.placement.world_from_camera[0]: has a mirrored rotation (determinant -1); "
                "allowed: 4 rows of [rotation | position in metres], last row 0 0 0 1; check the signs of its axes"
            ),
        ],
    ),
    (
        "tote walls on a table",
        "name: t\nscene:\n  objects: [{family: mug}]\n  support: {kind: table, height_m: 0.3}\n",
        [
            (
                "p.yaml:4: scene.support.height_m: is the wall height of a tote, and a table has no walls; remove "
                "it, or use kind: tote"
            ),
        ],
    ),
    (
        "table of 60 (centimetres)",
        "name: t\nscene:\n  objects: [{family: mug}]\n  support: {size_m: [60, 40]}\n",
        [
            (
                "p.yaml:4: scene.support.size_m[0]: 60 is outside what is allowed: 0.1 to 5 m; try the whole "
                "size_m: [0.6, 0.4]"
            ),
            (
                "p.yaml:4: scene.support.size_m[1]: 40 is outside what is allowed: 0.1 to 5 m; try the whole "
                "size_m: [0.6, 0.4]"
            ),
        ],
    ),
    (
        "unknown surface",
        "name: t\nscene:\n  objects: [{family: mug}]\n  support: {finishes: [wood]}\n",
        [
            (
                "p.yaml:4: scene.support.finishes[0]: 'wood' is not known; nearest known: wood_table. Allowed: "
                "wood_table, wood_veneer, laminate, brushed_metal, cloth, conveyor, cardboard_sheet, rubber_mat, "
                "cutting_mat, painted_table, stone, concrete, parquet, tiles, terrazzo, tote_plastic"
            ),
        ],
    ),
    (
        "no surface",
        "name: t\nscene:\n  objects: [{family: mug}]\n  support: {finishes: []}\n",
        [
            (
                "p.yaml:4: scene.support.finishes: is an empty list; remove the key, or list some of: wood_table, "
                "wood_veneer, laminate, brushed_metal, cloth, conveyor, cardboard_sheet, rubber_mat, "
                "cutting_mat, painted_table, stone, concrete, parquet, tiles, terrazzo, tote_plastic"
            ),
        ],
    ),
    (
        "distractors of nothing",
        "name: t\nscene:\n  objects: [{family: mug}]\n  distractor_objects: [{family: can}]\n",
        [
            (
                "p.yaml:4: scene.distractor_objects: lists 1, but scene.distractors is 0, so that none would be "
                "placed; try distractors: 2"
            ),
        ],
    ),
    (
        "distractor with a class",
        (
            "name: t\n"
            "scene:\n"
            "  objects: [{family: mug}]\n"
            "  distractors: 1\n"
            "  distractor_objects: [{family: can, class: can}]\n"
        ),
        [
            (
                "p.yaml:5: scene.distractor_objects[0].class: a distractor is never labelled, so it has no class; "
                "remove the key, or move it to scene.objects"
            ),
        ],
    ),
    (
        "nothing placed",
        "name: t\nscene:\n  objects: [{family: mug}]\n  objects_per_scene: 0\n",
        [
            (
                "p.yaml:4: scene.objects_per_scene: 0 leaves every scene without a labelled object; try "
                "objects_per_scene: {uniform_int: [5, 12]}"
            ),
        ],
    ),
    (
        "glob without match",
        "name: t\nscene:\n  objects:\n    - {mesh: 'meshes/*.glb'}\n",
        [
            (
                "p.yaml:4: scene.objects[0].mesh: 'DIR/meshes/*.glb' matches no file of type .glb .gltf .obj .ply "
                ".stl; the folder DIR/meshes has cup.stl, jug.stl; check the path"
            ),
        ],
    ),
    (
        "missing .hdr",
        "name: t\nscene:\n  objects: [{family: mug}]\n  environment: {hdr: nosuch/lab.hdr}\n",
        [
            (
                "p.yaml:4: scene.environment.hdr: 'DIR/nosuch/lab.hdr' does not exist; there is no folder "
                "DIR/nosuch; relative paths start at the pipeline file's folder, in --set at the working directory"
            ),
        ],
    ),
    (
        "a folder for a mesh",
        "name: t\nscene:\n  objects:\n    - {mesh: meshes}\n",
        [
            (
                "p.yaml:4: scene.objects[0].mesh: 'DIR/meshes' is a folder; allowed: a file or a glob; try "
                "DIR/meshes/*.glb"
            ),
        ],
    ),
    (
        "misspelt mesh",
        "name: t\nscene:\n  objects:\n    - {mesh: meshes/cupp.stl}\n",
        [
            (
                "p.yaml:4: scene.objects[0].mesh: 'DIR/meshes/cupp.stl' does not exist; the folder DIR/meshes has "
                "cup.stl, jug.stl; did you mean cup.stl?"
            ),
        ],
    ),
    (
        "text file for a mesh",
        "name: t\nscene:\n  objects:\n    - {mesh: meshes/readme.txt}\n",
        [
            (
                "p.yaml:4: scene.objects[0].mesh: 'DIR/meshes/readme.txt' is not of an allowed file type; allowed: "
                ".glb .gltf .obj .ply .stl; convert the file"
            ),
        ],
    ),
    (
        "fixture of two meshes",
        "name: t\nscene:\n  objects: [{family: mug}]\n  fixtures:\n    - {mesh: 'meshes/*.stl'}\n",
        [
            (
                "p.yaml:5: scene.fixtures[0].mesh: 'DIR/meshes/*.stl' matches 2 files; allowed: one file; name it, "
                "e.g. DIR/meshes/cup.stl"
            ),
        ],
    ),
    (
        "missing calibration",
        BASE + "camera: {calibration: cam.yaml}\n",
        [
            (
                "p.yaml:5: camera.calibration: 'DIR/cam.yaml' does not exist; the folder DIR has p.yaml; did you "
                "mean p.yaml?"
            ),
        ],
    ),
]


@pytest.mark.parametrize(("intent", "text", "expected"), ROWS, ids=[row[0] for row in ROWS])
def test_sentence(intent: str, text: str, expected: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("meshes").mkdir()
    for name in ("cup.stl", "jug.stl", "readme.txt"):
        Path("meshes", name).write_text("x", encoding="utf-8")
    Path("p.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_pipeline("p.yaml")
    expected = [sentence.replace("<families>", ", ".join(FAMILIES)) for sentence in expected]
    assert [fault.replace(str(tmp_path), "DIR") for fault in caught.value.faults] == expected, intent


def test_rows_are_distinct() -> None:
    assert len({row[0] for row in ROWS}) == len({row[1] for row in ROWS}) == len(ROWS) == 67
