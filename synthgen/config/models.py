"""The pipeline file as frozen pydantic models (extra keys refused). Units in names; defaults are the embedded ones."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from synthgen.config.augment import EXAMPLE, AugmentEntry
from synthgen.config.depth_sensor import DepthSensorConfig
from synthgen.config.distributions import Distribution, constant, normal, uniform, uniform_int, within
from synthgen.config.family_ranges import FAMILIES
from synthgen.config.frozen import Frozen
from synthgen.config.grasps import GraspsConfig
from synthgen.config.pairs import PairsConfig


class ImageConfig(Frozen):
    """Size and encoding of the images."""

    width: int = Field(256, ge=32, le=4096, description="pixels")
    height: int = Field(256, ge=32, le=4096, description="pixels")
    format: Literal["jpeg", "png"] = Field("jpeg", description="of the colour images")
    quality: int = Field(95, ge=1, le=100, description="JPEG quality")


Channel = Annotated[float, Field(ge=0, le=1, description="sRGB, 0 to 1 (divide 0..255 by 255)")]
Extent = Annotated[float, Field(ge=0.1, le=5, description="metres")]


class MaterialConfig(Frozen):
    """Look of an object entry or of the support; what is left out is drawn from the part's own finish."""

    colors: list[tuple[Channel, Channel, Channel]] | None = Field(
        None, min_length=1, description="sRGB colours in 0..1 to choose from", examples=[[[0.8, 0.1, 0.1]]]
    )
    finish: str | None = Field(None, description="a finish of the built-in table", examples=["brushed_steel"])
    texture: str | None = Field(
        None,
        description="glob of image files used as albedo; family box: its unfolded sides, 4:3, front at the top left",
        examples=["prints/*.jpg"],
    )
    roughness: Annotated[Distribution, within(0.03, 1)] | None = Field(
        None, description="0.03 mirror-like to 1 matt", examples=[0.5]
    )
    metallic: Annotated[Distribution, within(0, 1)] | None = Field(
        None, description="0 plastic, ceramic, paint; 1 bare metal", examples=[0]
    )


TWO_SOURCES = "has both 'family' (procedural) and 'mesh' (file or glob), allowed: one of them; write two entries"


def _default_supercategory(given: dict[str, Any]) -> str:
    family = FAMILIES.get(given.get("family") or "")
    return family.supercategory if family else "object"


class ObjectEntry(Frozen):
    """One line of ``scene.objects``: a procedural family or a glob of mesh files."""

    family: str | None = Field(None, description="procedural family", examples=["mug"])
    mesh: str | None = Field(None, description="mesh file or glob (GLB, OBJ, PLY, STL)", examples=["meshes/*.glb"])
    class_name: str | None = Field(
        None,
        alias="class",
        description="class name; {stem} = the mesh file's name; default: family, or {stem}",
        examples=["mug"],
    )
    supercategory: str = Field(
        default_factory=_default_supercategory,
        description="COCO supercategory of the class; default: the family's, or object",
        examples=["object"],
    )
    weight: float = Field(1.0, gt=0, description="relative share in the scenes")
    variants: int = Field(8, ge=1, le=200, description="how many sizes of a family are made")
    size: dict[str, Distribution] = Field(default_factory=dict, description="family parameters to override")
    scale: float = Field(1.0, gt=0, description="multiplies the mesh file's coordinates to give metres")
    up: Literal["x", "y", "z", "any"] | None = Field(None, description="object axis that points up when placed upright")
    density_kg_m3: float | None = Field(None, ge=1, le=25000, description="kg per m3 of solid", examples=[400.0])
    friction: float | None = Field(None, ge=0.05, le=2.0, description="sliding friction", examples=[0.6])
    collision: Literal["hull", "coacd"] = Field(
        "hull", description="how a mesh collides: its convex hull, or convex parts (coacd: slow, for open shapes)"
    )
    material: MaterialConfig | None = Field(
        None, description="its look; default: its own, or the finishes of its parts"
    )

    @model_validator(mode="after")
    def _one_source(self) -> ObjectEntry:
        if self.family is not None and self.mesh is not None:
            raise ValueError(TWO_SOURCES)
        if self.family is None and self.mesh is None:
            raise ValueError("needs 'family' (procedural) or 'mesh' (file or glob); try family: mug")
        if self.mesh is not None and self.size:
            raise ValueError("'size' belongs to procedural families; use 'scale' for meshes")
        if self.family is not None and self.scale != 1.0:
            raise ValueError("'scale' belongs to meshes; use 'size' for procedural families")
        return self


class SupportConfig(Frozen):
    """What the objects lie on."""

    kind: Literal["table", "tote"] = "table"
    size_m: tuple[Extent, Extent] | None = Field(
        None, description="table top, or inner floor of the tote (x, y), metres", examples=[[0.6, 0.4]]
    )
    height_m: Annotated[Distribution, within(0.04, 0.6, "m")] = Field(
        default=constant(0.16), description="tote wall height"
    )
    texture: str | None = Field(None, description="glob of photographs for the surface")
    finishes: list[str] | None = Field(
        None, description="built-in surface finishes to choose from", examples=[["wood_table", "concrete"]]
    )


class FixtureConfig(Frozen):
    """A mesh of the user's cell at a given pose: occludes, collides, is not labelled."""

    mesh: str = Field(description="mesh file", examples=["cell/gantry.glb"])
    scale: float = Field(1.0, gt=0, description="multiplies the mesh file's coordinates to give metres")
    position_m: tuple[float, float, float] = Field(
        (0.0, 0.0, 0.0), description="of the mesh's origin in the world; z = 0 is the table top or the bin's floor"
    )
    rotation_deg: tuple[float, float, float] = Field((0.0, 0.0, 0.0), description="extrinsic x, y, z turns")
    collision: Literal["hull", "coacd"] = Field(
        "hull", description="how a mesh collides: its convex hull, or convex parts (coacd: slow, for open shapes)"
    )
    material: MaterialConfig | None = Field(
        None, description="its look; default: its own, or the finishes of its parts"
    )


class EnvironmentConfig(Frozen):
    """Image-based light: .hdr files, or procedural rooms when ``hdr`` is left out."""

    hdr: str | None = Field(None, description="glob of equirectangular .hdr files", examples=["hdri/*.hdr"])
    intensity: Annotated[Distribution, within(0.01, 100)] = uniform(0.6, 1.4)

    @model_validator(mode="before")
    @classmethod
    def _word(cls, raw: Any) -> Any:
        return {} if raw == "procedural" else raw


LampKind = Literal["ceiling_panel", "tube", "softbox", "spot", "window"]


class LightsConfig(Frozen):
    """Rectangular area lights above the scene, beside the environment."""

    area: Annotated[Distribution, within(0, 4)] = uniform_int(0, 2)
    intensity: Annotated[Distribution, within(0, 100)] = uniform(0.4, 1.6)
    temperature_k: Annotated[Distribution, within(1500, 15000, "K")] = uniform(2700, 6500)
    kinds: list[LampKind] | None = Field(
        None, min_length=1, description="lamps to choose from; default: all", examples=[["ceiling_panel", "tube"]]
    )


class ClutterConfig(Frozen):
    """How things lie on a table: relative shares of the scenes. Totes are poured full, whatever is given here."""

    scattered: float = Field(0.3, ge=0, description="apart from each other")
    close: float = Field(0.45, ge=0, description="close together, some touch or lean on others")
    piled: float = Field(0.25, ge=0, description="in a heap")

    @model_validator(mode="after")
    def _some(self) -> ClutterConfig:
        if not any((self.scattered, self.close, self.piled)):
            raise ValueError("gives every arrangement the share 0; allowed: at least one above 0; try scattered: 1")
        return self


class SceneConfig(Frozen):
    """What is in a scene."""

    objects: list[ObjectEntry] = Field(
        min_length=1, description="what is placed and labelled", examples=[[{"family": "mug"}]]
    )
    objects_per_scene: Annotated[Distribution, within(0, 200)] = uniform_int(5, 12)
    distractors: Annotated[Distribution, within(0, 100)] = constant(0)
    distractor_objects: list[ObjectEntry] | None = Field(
        None, description="what distractors are made of; default: notebooks, pens, telephones, trays, blocks, pebbles"
    )
    occluders: Annotated[Distribution, within(0, 8)] = constant(0)
    negatives: float = Field(0.0, ge=0, le=1, description="share of scenes without any labelled object")
    balance: Literal["weights", "classes"] = Field(
        "weights", description="weights: by entry weight; classes: every class equally often"
    )
    upright: float = Field(0.5, ge=0, le=1, description="share of objects with a known 'up' that are placed upright")
    clutter: ClutterConfig = ClutterConfig()
    support: SupportConfig = SupportConfig()
    fixtures: list[FixtureConfig] = Field(
        default_factory=list, description="meshes of the user's cell at given poses, not labelled"
    )
    environment: EnvironmentConfig = EnvironmentConfig()
    lights: LightsConfig = LightsConfig()
    backdrop: str | None = Field(None, description="glob of photographs seen behind the support (the floor)")


class HemispherePlacement(Frozen):
    """Cameras on a hemisphere around the objects, looking at them."""

    kind: Literal["hemisphere"] = "hemisphere"
    distance_m: Annotated[Distribution, within(0.05, 20, "m")] = uniform(0.5, 0.9)
    elevation_deg: Annotated[Distribution, within(1, 90, "deg")] = uniform(25, 85)
    azimuth_deg: Annotated[Distribution, within(-360, 720, "deg")] = uniform(0, 360)
    roll_deg: Annotated[Distribution, within(-360, 360, "deg")] = normal(0, 5)
    target_jitter_m: Annotated[Distribution, within(0, 1, "m")] = constant(0.03)
    off_centre: Annotated[Distribution, within(0, 1)] = Field(
        constant(0),
        description="how far from the image's centre the target appears, in any direction: 1 = at the border",
        examples=[{"uniform": [0, 0.5]}],
    )


class AbovePlacement(Frozen):
    """Cameras above the support (bin), looking down with some tilt."""

    kind: Literal["above"] = "above"
    height_m: Annotated[Distribution, within(0.05, 20, "m")] = uniform(0.6, 0.9)
    tilt_deg: Annotated[Distribution, within(0, 80, "deg")] = uniform(0, 15)
    azimuth_deg: Annotated[Distribution, within(-360, 720, "deg")] = uniform(0, 360)
    roll_deg: Annotated[Distribution, within(-360, 360, "deg")] = constant(0)
    target_jitter_m: Annotated[Distribution, within(0, 1, "m")] = constant(0.03)
    off_centre: Annotated[Distribution, within(0, 1)] = Field(
        constant(0),
        description="how far from the image's centre the target appears, in any direction: 1 = at the border",
        examples=[{"uniform": [0, 0.5]}],
    )


class PosesPlacement(Frozen):
    """Cameras at given poses, taken in turn (view v uses pose v modulo their number)."""

    kind: Literal["poses"] = "poses"
    world_from_camera: list[list[float]] = Field(
        min_length=1,
        description="16 numbers each, row-major, OpenCV camera axes, metres",
        examples=[[[1, 0, 0, 0, 0, -1, 0, 0, 0, 0, -1, 0.8, 0, 0, 0, 1]]],
    )


Placement = Annotated[HemispherePlacement | AbovePlacement | PosesPlacement, Field(discriminator="kind")]


INTRINSICS = ("fov_deg", "K", "calibration", "preset")


def _default_fov(given: dict[str, Any]) -> Distribution | None:
    return None if any(given.get(name) for name in INTRINSICS) else uniform(45, 65)


class CameraConfig(Frozen):
    """Intrinsics (one of fov_deg, K, calibration, preset) and placement."""

    views_per_scene: int = Field(5, ge=1, le=1000, description="images of each settled scene")
    K: tuple[float, float, float, float] | None = Field(
        None,
        description="[fx, fy, cx, cy] in pixels; (0, 0) is the outer corner of the top-left pixel",
        examples=[[610.0, 610.0, 320.0, 240.0]],
    )
    distortion: list[float] = Field(default_factory=list, description="[k1, k2, p1, p2, k3(, k4, k5, k6)] with K")
    calibration: str | None = Field(
        None, description="ROS camera_info or OpenCV calibration YAML", examples=["camera_info.yaml"]
    )
    preset: str | None = Field(
        None,
        description="a common camera: field of view and distortion; sense.preset then follows it",
        examples=["realsense_d435"],
    )
    # After K, calibration and preset: its default depends on them.
    fov_deg: Annotated[Distribution, within(5, 150, "deg")] | None = Field(
        default_factory=_default_fov,
        description="horizontal field of view; {uniform: [45, 65]} when K, calibration and preset are left out too",
        examples=[{"uniform": [45, 65]}],
    )
    placement: Placement = Field(HemispherePlacement(), description="where the cameras are: hemisphere, above or poses")

    @model_validator(mode="after")
    def _one_intrinsics(self) -> CameraConfig:
        given = [name for name in INTRINSICS if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(
                f"{' and '.join(given)} contradict each other; give one of fov_deg, K, calibration and preset "
                f"(--set camera.{given[0]}=null takes one away)"
            )
        if not given:
            raise ValueError("has no intrinsics; give one of fov_deg, K, calibration and preset, or leave all four out")
        if self.distortion and self.K is None:
            raise ValueError("'distortion' goes with 'K' (a calibration file brings its own); give K, or remove it")
        if len(self.distortion) not in (0, 4, 5, 8):
            raise ValueError(
                f"'distortion' has {len(self.distortion)} numbers; allowed: 4, 5 or 8; write zeros for the rest"
            )
        return self


class ShadedConfig(Frozen):
    """No network: physically based shading of the G-buffer."""

    kind: Literal["shaded"] = "shaded"


class PathtracedConfig(Frozen):
    """Cycles: true global illumination, in seconds per image. Optional: pip install "synthgen[pathtraced]"."""

    kind: Literal["pathtraced"] = "pathtraced"
    samples: int = Field(16, ge=1, le=4096, description="light paths per pixel: time grows with them, noise falls")
    bounces: int = Field(4, ge=0, le=32, description="times that light is passed on between surfaces; 0 = direct only")
    denoise: bool = Field(True, description="Open Image Denoise on the samples; without it take 256 samples or more")


class GanConfig(Frozen):
    """A small network that learned from a path tracer: its light, at a hundredth of its cost."""

    kind: Literal["gan"] = "gan"
    weights: str | None = Field(
        None,
        min_length=1,
        description="folder of a trained generator; default: the shipped one",
        examples=["my_generator"],
    )
    style: float = Field(
        0.0,
        ge=0,
        le=1.5,
        description="spread of light moods and finishes: 1 = as in varied training images, 0 = the scene as it is",
    )
    batch: int = Field(8, ge=1, le=1024, description="images at once on a GPU (--device gpu); a CPU draws one")


GenerateConfig = Annotated[ShadedConfig | GanConfig | PathtracedConfig, Field(discriminator="kind")]


class SenseConfig(Frozen):
    """Camera model: linear radiance -> 8-bit image. Values given here override the preset's."""

    preset: str = Field("generic", description="camera whose noise, blur, vignette and tone curve are imitated")
    exposure_ev: Annotated[Distribution, within(-8, 8, "EV")] | None = Field(
        None, description="stops brighter or darker than metered", examples=[{"normal": [0, 0.3]}]
    )
    white_balance: Annotated[Distribution, within(0, 1)] | None = Field(
        None, description="0 = perfect white balance, 1 = none", examples=[{"uniform": [0.1, 0.5]}]
    )
    red_ev: Annotated[Distribution, within(-2, 2, "EV")] | None = Field(
        None, description="stops of red against green that are left in grey, beside white_balance", examples=[0]
    )
    blue_ev: Annotated[Distribution, within(-2, 2, "EV")] | None = Field(
        None, description="stops of blue against green that are left in grey, beside white_balance", examples=[0]
    )
    blur_px: Annotated[Distribution, within(0, 5, "px")] | None = Field(
        None, description="standard deviation of the lens blur, pixels", examples=[0.5]
    )
    vignette: Annotated[Distribution, within(0, 1)] | None = Field(
        None, description="share of light lost in the corners", examples=[0.2]
    )
    noise: Annotated[Distribution, within(0, 20)] | None = Field(
        None, description="factor on the preset's noise", examples=[1]
    )
    gain: Annotated[Distribution, within(0.1, 100)] | None = Field(
        None, description="analogue gain: 1 in bright scenes, more in dim ones, with more noise", examples=[2]
    )
    sharpen: Annotated[Distribution, within(0, 4)] | None = Field(
        None, description="amount of the camera's own sharpening (unsharp mask)", examples=[0.3]
    )


Output = Literal["depth", "instances"]


class LabelsConfig(Frozen):
    """What is labelled and written."""

    classes: list[str] | str | None = Field(
        None, description="class names in id order, or an existing COCO file whose ids and names are taken over"
    )
    min_visible_px: int = Field(32, ge=1, description="instances with fewer visible pixels are not labelled")
    outputs: list[Output] = Field(
        default_factory=lambda: list[Output](("depth", "instances")), description="maps written beside the COCO files"
    )
    depth_sensor: DepthSensorConfig | None = Field(
        None,
        description="depth as a sensor of that kind sees it, beside the ideal depth: structured_light, tof or stereo",
        examples=["stereo"],
    )
    grasps: GraspsConfig | None = Field(
        None,
        description="parallel-jaw grasps of every labelled object; default: none",
        examples=[{"gripper": "franka_hand"}],
    )


class VerifyConfig(Frozen):
    """An independent network looks at every final image and says whether it shows what its labels say."""

    gate: float = Field(
        0.7,
        ge=0,
        le=1,
        description="an image is drawn again, 8 times at most, when an instance's agreement is below this share of "
        "what the same view drawn without network (shaded) reaches; 0 = only scored",
    )
    least: float = Field(
        0.0,
        ge=0,
        le=1,
        description="agreement below which an image is drawn again whatever the ceiling, shaded ones too",
    )
    min_px: int = Field(
        256, ge=1, description="instances with fewer visible pixels are scored too, but never the reason for a redraw"
    )
    weights: str | None = Field(
        None,
        min_length=1,
        description="folder of a trained verifier; default: the shipped one",
        examples=["my_verifier"],
    )


class RunConfig(Frozen):
    """How a run behaves; nothing here changes the pixels."""

    failure_budget: float = Field(0.01, ge=0, le=1, description="share of slots that may stay empty")
    shard_images: int | None = Field(
        None, ge=1, le=100_000, description="images per shard; default: count / 200, at least 10 and at most 1000"
    )


SPLITS = ("train", "val", "test")


class Pipeline(Frozen):
    """One pipeline file."""

    version: Literal[1] = Field(1, description="of the file format")
    name: str = Field(
        min_length=1,
        max_length=100,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$",
        description="letters, digits, '.', '_' and '-', starting with a letter or digit",
        examples=["grasping"],
    )
    description: str = Field("", description="goes into the COCO files")
    count: int = Field(200, ge=1, le=100_000_000, description="images")
    seed: int = Field(0, ge=0, le=2**63 - 1, description="the same seed gives the same bytes")
    licence: str = Field("CC0-1.0", description="of the dataset; goes into the COCO files")
    image: ImageConfig = ImageConfig()
    scene: SceneConfig
    camera: CameraConfig = CameraConfig()
    generate: GenerateConfig = Field(default=ShadedConfig(), description="what draws the pixels")
    sense: SenseConfig = SenseConfig()
    augment: list[AugmentEntry] = Field(
        default_factory=list, description="photometric effects, applied in this order", examples=[EXAMPLE]
    )
    verify: VerifyConfig | None = Field(None, description="checks pixels against labels; default: not")
    labels: LabelsConfig = LabelsConfig()
    splits: dict[str, float] = Field(
        default_factory=lambda: {"train": 0.8, "val": 0.1, "test": 0.1},
        description="shares of train, val and test that sum to 1; whole scenes go to one split",
    )
    run: RunConfig = RunConfig()
    pairs: PairsConfig | None = Field(
        None,
        description="training pairs of 'synthgen pairs'; other commands do not look at it",
        examples=[{"varied": 0.25}],
    )

    @field_validator("splits")
    @classmethod
    def _splits_sum(cls, splits: dict[str, float]) -> dict[str, float]:
        unknown = [name for name in splits if name not in SPLITS]
        if unknown:
            raise ValueError(f"unknown split {unknown[0]!r}; allowed: {', '.join(SPLITS)}")
        negative = [name for name, share in splits.items() if share < 0]
        if negative:
            raise ValueError(f"{negative[0]} is {splits[negative[0]]:g}; allowed: shares from 0 to 1 that sum to 1")
        total = sum(splits.values())
        if abs(total - 1) > 1e-6:
            text = ", ".join(f"{name}: {share:g}" for name, share in splits.items())
            raise ValueError(f"{{{text}}} sums to {total:g}; allowed: shares that sum to 1")
        return splits
