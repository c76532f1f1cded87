"""The path tracer sees what the labels say, through every lens, and under the light that ``shaded`` estimates."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec

import cv2
import numpy as np
import pytest
import trimesh
from render_doubles import SCANS, ShelfStore, looking, mesh_of, model_of, pinhole, placed, pose, pyramid, scene_of

from synthgen.config.models import PathtracedConfig, ShadedConfig
from synthgen.errors import AssetError, InternalError
from synthgen.generate.pathtraced import Pathtraced
from synthgen.generate.pathtraced_packing import (
    KNOWN_BYTES,
    NEAR_M,
    Known,
    corner_rays,
    pack_camera,
    pack_scene,
    white_card,
)
from synthgen.generate.shaded import Shaded
from synthgen.projection import project
from synthgen.render.raster import NEAR_M as RASTER_NEAR_M
from synthgen.render.views import render_views
from synthgen.types.assets import EnvironmentMap, Material, ObjectModel
from synthgen.types.gbuffer import Views
from synthgen.types.geometry import Camera, Intrinsics
from synthgen.types.scene import AreaLight, EnvironmentLight, Scene, SceneObject

needs_cycles = pytest.mark.skipif(
    find_spec("bpy") is None, reason='needs Cycles: pip install "synthgen[pathtraced]" (Python 3.11)'
)

PLUMB_BOB = (-0.21, 0.06, 0.002, -0.001, 0.0)
RATIONAL = (0.5, -2.7, 0.0004, -0.0002, 1.6, 0.38, -2.5, 1.5)  # of the size of an Azure Kinect's
BALL = model_of("ball", mesh_of(trimesh.creation.icosphere(3, 0.1)))
BOX = model_of("box", mesh_of(trimesh.creation.box((0.12, 0.1, 0.16))))
FLOOR = model_of("floor", mesh_of(trimesh.creation.box((3.0, 3.0, 0.02))))


class LitStore(ShelfStore):
    """A shelf under an environment of its own."""

    def __init__(self, models: Sequence[ObjectModel], radiance: np.ndarray, textures: Sequence = ()) -> None:
        super().__init__(models, textures)
        self._radiance = np.ascontiguousarray(radiance, np.float32)

    def environment(self, key: str) -> EnvironmentMap:
        """Its key is one of its content, as all keys are: what has been sent under a key is not sent again."""
        return EnvironmentMap(f"{key}:{zlib.crc32(self._radiance.tobytes())}", self._radiance)


def things() -> list[SceneObject]:
    return [
        placed("floor", pose(0, 0, -0.01), index=0, role="support"),
        placed("ball", pose(0.0, 0.05, 0.1), index=1),
        placed("box", pose(0.14, -0.08, 0.08, turn=(0.0, 0.0, 0.6)), index=2),
        placed("ball", pose(-0.2, -0.1, 0.25), index=3),
    ]


def views_of(scene: Scene, store: ShelfStore) -> Views:
    (views,) = render_views(scene, store)
    return views


def off_edges(instance: np.ndarray) -> np.ndarray:
    """True where all four neighbours show the same instance."""
    flat = np.ones(instance.shape, bool)
    for axis in (0, 1):
        step = np.diff(instance.astype(int), axis=axis) != 0
        ahead, behind = [slice(None)] * 2, [slice(None)] * 2
        ahead[axis], behind[axis] = slice(1, None), slice(None, -1)
        flat[tuple(ahead)] &= ~step
        flat[tuple(behind)] &= ~step
    return flat


def assert_same_geometry(generator: Pathtraced, views: Views) -> None:
    """Ids equal in >= 99.9 % of the pixels off id boundaries, depth to 0.1 mm there (0.5 % may lie on folds)."""
    numbers, depth_m = generator.facts(views)
    index_of = np.array([0, *(thing.instance_index for thing in views.scene.objects)])
    for i in range(len(views)):
        instance = views.gbuffers.instance[i]
        inside = off_edges(instance)
        assert inside.mean() > 0.5
        assert (index_of[numbers[i]] == instance)[inside].mean() >= 0.999
        assert (np.abs(depth_m[i] - views.gbuffers.depth_m[i]) < 1e-4)[inside].mean() >= 0.995


LENSES: list[tuple[str, Intrinsics]] = [
    ("off-centre principal point, fy > fx", pinhole(160, 120, f=150)),
    ("fx > fy", Intrinsics(160, 120, 170.0, 150.0, 71.3, 66.1)),
    ("portrait", Intrinsics(90, 150, 130.0, 133.0, 48.0, 71.0)),
    ("barrel and tangential", pinhole(160, 120, f=110, distortion=PLUMB_BOB)),
    ("rational", pinhole(160, 120, f=110, distortion=RATIONAL)),
    ("portrait, distorted", Intrinsics(90, 150, 130.0, 126.0, 48.0, 71.0, PLUMB_BOB)),
]


@needs_cycles
@pytest.mark.parametrize(("intent", "lens"), LENSES, ids=[row[0] for row in LENSES])
def test_same_geometry_through_every_lens(intent: str, lens: Intrinsics) -> None:
    store = ShelfStore([BALL, BOX, FLOOR])
    cameras = [looking((0.55, -0.4, 0.5), (0, 0, 0.1), lens), looking((0.02, 0.03, 0.8), (0, 0, 0.0), lens)]
    assert_same_geometry(Pathtraced(PathtracedConfig(), store), views_of(scene_of(things(), cameras), store))


@needs_cycles
def test_near_surfaces_are_cut_as_in_the_rasteriser() -> None:
    assert NEAR_M == RASTER_NEAR_M
    store = ShelfStore([BALL, BOX, FLOOR])
    for distortion in ((), PLUMB_BOB):
        camera = looking((0.0, 0.05, 0.1), (1.0, 0.05, 0.1), pinhole(64, 48, f=50, distortion=distortion))
        ahead = placed("box", pose(0.06, 0.05, 0.1), index=1)  # its front face lies on the camera
        views = views_of(scene_of([ahead], [camera]), store)
        assert (views.gbuffers.instance == 1).all() and views.gbuffers.depth_m.min() > 0.05
        assert_same_geometry(Pathtraced(PathtracedConfig(), store), views)


@needs_cycles
@pytest.mark.real
@pytest.mark.slow
@pytest.mark.skipif(not SCANS.is_dir(), reason="the scans lie beside the repository")
def test_same_geometry_on_scans() -> None:
    from synthgen.assets.store import AssetStore
    from synthgen.types.catalog import Catalog, MeshSource

    store, objects = AssetStore(Catalog((), ())), []
    for k, path in enumerate(sorted(SCANS.rglob("*.glb"))[:6]):
        source = MeshSource(str(path), 1.0, "hull")
        model = store.model(source)
        turn = pose(0.14 * (k % 3 - 1), 0.14 * (k // 3), 0.1, turn=(0.3 * k, 0.5, k))
        materials = tuple(slot.material for slot in model.slots)
        objects.append(SceneObject(k + 1, "object", model.key, source, 1, turn, materials))
    assert len(objects) == 6
    for lens in (pinhole(160, 120, f=150), pinhole(160, 120, f=150, distortion=PLUMB_BOB)):
        scene = scene_of(objects, [looking((0.3, -0.4, 0.5), (0, 0.05, 0.1), lens)])
        views = views_of(replace(scene, environment=EnvironmentLight("procedural:office:0", 0.0, 1.0)), store)
        assert len(np.unique(views.gbuffers.instance)) == 7
        assert_same_geometry(Pathtraced(PathtracedConfig(), store), views)


def gradient_room(seed: int = 0) -> np.ndarray:
    """A smooth environment without symmetry, horizontal irradiance about pi."""
    rng = np.random.default_rng(seed)
    v, u = np.meshgrid((np.arange(32) + 0.5) / 32, (np.arange(64) + 0.5) / 64, indexing="ij")
    light = np.ones((32, 64, 3))
    for k in range(1, 4):
        light += (
            rng.uniform(-0.25, 0.25, 3)
            * np.cos(2 * np.pi * (k * u + rng.random()))[..., None]
            * np.sin(np.pi * v)[..., None]
        )
        light += rng.uniform(-0.2, 0.2, 3) * np.cos(np.pi * k * v)[..., None]
    return np.maximum(light, 0.05)


def lamp(
    x: float, y: float, z: float, *, towards: Sequence[float], size: tuple[float, float], level: float
) -> AreaLight:
    direction = np.subtract(towards, (x, y, z))
    return AreaLight(
        np.array([x, y, z]), direction / np.linalg.norm(direction), size, (level, 0.8 * level, 0.6 * level)
    )


OVERHEAD = lamp(0.1, 0.0, 1.2, towards=(0.1, 0.0, 0.0), size=(0.6, 0.3), level=6.0)
SIDE = lamp(0.7, 0.5, 0.8, towards=(0.0, 0.0, 0.0), size=(0.1, 1.1), level=9.0)
CARDS: list[tuple[str, float, float, tuple[AreaLight, ...]]] = [
    ("environment alone", 0.0, 1.0, ()),
    ("environment turned", 2.0, 0.7, ()),
    ("lamp overhead, faint room", 0.0, 0.02, (OVERHEAD,)),
    ("long lamp from the side: its edges lie as in shaded", 0.0, 0.02, (SIDE,)),
    ("everything", -1.0, 0.5, (OVERHEAD, SIDE)),
]


def grey_card(rotation_rad: float, intensity: float, lights: tuple[AreaLight, ...]) -> tuple[Scene, LitStore]:
    store = LitStore([FLOOR, BALL], gradient_room())
    card = placed("floor", pose(0, 0, -0.01), index=0, role="support", material=Material((0.18,) * 3, 0.9))
    scene = scene_of([card], [looking((0.3, -0.3, 0.9), (0, 0, 0), pinhole(48, 40, f=60))])
    return replace(scene, environment=EnvironmentLight("room", rotation_rad, intensity), lights=lights), store


@needs_cycles
@pytest.mark.parametrize(("intent", "turn", "intensity", "lights"), CARDS, ids=[row[0] for row in CARDS])
def test_grey_card_has_the_radiance_that_shaded_estimates(
    intent: str, turn: float, intensity: float, lights: tuple[AreaLight, ...]
) -> None:
    scene, store = grey_card(turn, intensity, lights)
    views = views_of(scene, store)
    expected = Shaded(ShadedConfig())(views, [0]).pixels[0]
    traced = Pathtraced(PathtracedConfig(samples=64), store)(views, [1]).pixels[0]
    assert traced.mean((0, 1)) == pytest.approx(expected.mean((0, 1)), rel=0.05), intent
    # Also from place to place: a lamp turned by 90 degrees would have the same mean.
    blocks = [image.reshape(5, 8, 6, 8, 3).mean((1, 3)) for image in (traced, expected)]
    assert np.abs(blocks[0] / blocks[1] - 1).max() < 0.1, intent


@needs_cycles
def test_brighter_lights_make_the_same_image_brighter() -> None:
    """No limit of the path tracer's is one of absolute radiance (which lamp a ray asks may differ: 12 x 12 means)."""
    images = []
    for factor in (0.02, 1.0, 60.0):
        lights = tuple(replace(light, radiance=tuple(factor * c for c in light.radiance)) for light in (OVERHEAD, SIDE))
        store = LitStore([BALL, BOX, FLOOR], gradient_room())
        scene = scene_of(things(), [looking((0.5, -0.4, 0.5), (0, 0, 0.1), pinhole(48, 36, f=40))])
        scene = replace(scene, environment=EnvironmentLight("room", 0.0, 0.5 * factor), lights=lights)
        generator = Pathtraced(PathtracedConfig(samples=32, denoise=False), store)
        pixels = generator(views_of(scene, store), [1]).pixels[0] / factor
        images.append(pixels.reshape(3, 12, 4, 12, 3).mean((1, 3)))
    for image in (images[0], images[2]):
        assert np.allclose(image, images[1], rtol=0.03)


def test_a_white_card_is_as_bright_as_its_lamps_are_drawn() -> None:
    """The estimate that limits go by, held against the light stage's own units."""
    scene, store = grey_card(0.0, 0.02, (OVERHEAD,))
    (views,) = render_views(scene, store)
    middle = views.gbuffers.direct[0, 18:22, 22:26, 0].astype(float).mean()
    assert white_card(scene) == pytest.approx(0.02 + middle, rel=0.15)


@needs_cycles
@pytest.mark.parametrize("turn", [0.0, 1.1, -2.4])
@pytest.mark.parametrize("distortion", [(), PLUMB_BOB])
def test_background_is_the_same_map_turned_the_same_way(turn: float, distortion: tuple[float, ...]) -> None:
    store = LitStore([BALL], gradient_room(3))
    far = placed("ball", pose(0, 0, -5.0), index=1)
    camera = looking((0, 0, 0.5), (1.0, 0.4, 0.7), pinhole(48, 36, f=30, distortion=distortion))
    scene = replace(scene_of([far], [camera]), environment=EnvironmentLight("room", turn, 0.8), lights=(BESIDE,))
    views = views_of(scene, store)
    expected = Shaded(ShadedConfig())(views, [0]).pixels[0]
    traced = Pathtraced(PathtracedConfig(samples=32, denoise=False), store)(views, [1]).pixels[0]
    assert np.abs(traced - expected).max() < 0.02
    assert np.ptp(expected) > 0.2, "a map without contrast would prove nothing"


# Before the camera of the test above and facing it: lamps light, but are not seen.
BESIDE = lamp(0.8, 0.32, 1.1, towards=(0, 0, 0.5), size=(0.3, 0.3), level=50.0)


FINISHES = [("plaster", 0.0, 1.0), ("gloss", 0.0, 0.15), ("silver", 1.0, 0.1), ("rough silver", 1.0, 0.8)]


@needs_cycles
@pytest.mark.parametrize(("intent", "metallic", "roughness"), FINISHES, ids=[row[0] for row in FINISHES])
def test_white_furnace(intent: str, metallic: float, roughness: float) -> None:
    """A white ball in a room of radiance 1 is as bright as the room: no energy appears or is lost."""
    store = LitStore([BALL], np.ones((16, 32, 3)))
    ball = placed("ball", pose(), index=1, material=Material((1.0, 1.0, 1.0), roughness, metallic))
    views = views_of(scene_of([ball], [looking((0, -0.5, 0.1), (0, 0, 0), pinhole(48, 36, f=70))]), store)
    traced = Pathtraced(PathtracedConfig(samples=64, bounces=8, denoise=False), store)(views, [3]).pixels[0]
    inside = views.gbuffers.instance[0] == 1
    assert traced[inside].mean() == pytest.approx(1.0, abs=0.02), intent


@needs_cycles
@pytest.mark.parametrize("roughness", [0.2, 0.4, 0.7])
@pytest.mark.parametrize("metallic", [0.0, 1.0])
def test_finishes_look_as_shaded_draws_them(roughness: float, metallic: float) -> None:
    """A lone ball under room and lamp: the same highlight and gloss, which no bounce of light disturbs."""
    store = LitStore([BALL], gradient_room())
    ball = placed("ball", pose(), index=1, material=Material((0.7, 0.4, 0.2), roughness, metallic))
    scene = replace(scene_of([ball], [looking((0.2, -0.5, 0.3), (0, 0, 0), pinhole(64, 48, f=90))]), lights=(OVERHEAD,))
    views = views_of(scene, store)
    expected = Shaded(ShadedConfig())(views, [0]).pixels[0]
    traced = Pathtraced(PathtracedConfig(samples=64), store)(views, [3]).pixels[0]
    inside = views.gbuffers.instance[0] == 1
    # shaded takes its highlights and gloss from analytic fits, which are 11 % dark on rough metal.
    assert traced[inside].mean(0) == pytest.approx(expected[inside].mean(0), rel=0.15)


def letter_f() -> np.ndarray:
    """A picture without symmetry: it shows every flip and quarter turn."""
    pixels = np.full((64, 64, 3), (200, 190, 40), np.uint8)
    pixels[8:56, 8:20] = pixels[8:18, 8:52] = pixels[28:38, 8:40] = (30, 40, 120)
    return pixels


@needs_cycles
@pytest.mark.parametrize("uv_scale", [1.0, 3.0])
def test_textures_lie_as_in_the_g_buffer(uv_scale: float) -> None:
    square = trimesh.Trimesh([(-0.2, -0.2, 0), (0.2, -0.2, 0), (0.2, 0.2, 0), (-0.2, 0.2, 0)], [(0, 1, 2), (0, 2, 3)])
    card = model_of("card", mesh_of(square, np.array([(0, 1), (1, 1), (1, 0), (0, 0)], float)))
    store = LitStore([card], np.ones((16, 32, 3)), [pyramid("f", letter_f())])
    printed = placed("card", pose(), index=1, material=Material((0.9, 1.0, 0.8), 1.0, 0.0, "f", uv_scale))
    views = views_of(scene_of([printed], [looking((0.05, -0.1, 0.5), (0, 0, 0), pinhole(96, 72, f=110))]), store)
    albedo = views.gbuffers.albedo[0].astype(np.float32)
    traced = Pathtraced(PathtracedConfig(samples=64), store)(views, [1]).pixels[0]
    inside = off_edges(views.gbuffers.instance[0]) & (views.gbuffers.instance[0] == 1)
    assert np.abs(traced - albedo)[inside].mean() < 0.05  # the gloss adds about 0.02
    assert np.corrcoef(traced[inside].ravel(), albedo[inside].ravel())[0, 1] > 0.97


@needs_cycles
def test_denoising_keeps_faint_grain() -> None:
    """Grain of two levels under the noise of two samples: of it, a denoiser of the picture itself keeps 78 %."""
    grain = np.random.default_rng(0).integers(-2, 3, (32, 32, 1)).repeat(2, 0).repeat(2, 1)
    square = trimesh.Trimesh([(-0.2, -0.2, 0), (0.2, -0.2, 0), (0.2, 0.2, 0), (-0.2, 0.2, 0)], [(0, 1, 2), (0, 2, 3)])
    card = model_of("card", mesh_of(square, np.array([(0, 1), (1, 1), (1, 0), (0, 0)], float)))
    store = LitStore([card], 0.2 * gradient_room(), [pyramid("grain", (160 + grain).repeat(3, 2).astype(np.uint8))])
    printed = placed("card", pose(), index=1, material=Material((1.0, 1.0, 1.0), 0.9, 0.0, "grain"))
    camera = looking((0, -0.01, 0.5), (0, 0, 0), pinhole(80, 80, f=100))
    views = views_of(replace(scene_of([printed], [camera]), lights=(SIDE, OVERHEAD)), store)
    traced = Pathtraced(PathtracedConfig(samples=2), store)(views, [1]).pixels[0][8:-8, 8:-8, 1]
    albedo = views.gbuffers.albedo[0, 8:-8, 8:-8, 1].astype(np.float32)
    kept, there = (x / x.mean() - 1 - cv2.GaussianBlur(x / x.mean() - 1, (0, 0), 8) for x in (traced, albedo))
    assert there.std() > 0.01
    assert 0.86 < (kept * there).sum() / (there * there).sum() < 1.05


@needs_cycles
@pytest.mark.parametrize("distortion", [(), PLUMB_BOB])
def test_denoising_neither_adds_nor_takes_light(distortion: tuple[float, ...]) -> None:
    store = LitStore([BALL, BOX, FLOOR], gradient_room())
    lens = pinhole(64, 48, f=50, distortion=distortion)
    views = views_of(scene_of(things(), [looking((0.5, -0.4, 0.5), (0, 0, 0.1), lens)]), store)
    plain = Pathtraced(PathtracedConfig(samples=128, denoise=False), store)(views, [1]).pixels[0]
    denoised = Pathtraced(PathtracedConfig(samples=32), store)(views, [2]).pixels[0]
    assert denoised.mean(axis=(0, 1)) == pytest.approx(plain.mean(axis=(0, 1)), rel=0.02)
    assert np.abs(denoised - plain).mean() < 0.05 * plain.mean()
    rim = views.gbuffers.edges[0].pixels
    rims = (x.reshape(-1, 3)[rim].mean() for x in (denoised, plain))
    assert next(rims) == pytest.approx(next(rims), rel=0.02)


@needs_cycles
def test_images_do_not_depend_on_what_was_drawn_before() -> None:
    """Scenes and views in any order, new assets or known ones, pinholes after distorted lenses: the same bytes."""
    store = ShelfStore([BALL, BOX, FLOOR], [pyramid("f", letter_f())])
    lenses = (pinhole(48, 36, f=40), pinhole(48, 36, f=40, distortion=PLUMB_BOB), pinhole(48, 36, f=44))
    cameras = [looking((0.5, -0.4, 0.5), (0, 0, 0.1), lens) for lens in lenses]
    one = scene_of(things(), cameras)
    other = replace(one, objects=(placed("box", pose(z=0.1), index=1, material=Material(texture="f")), one.objects[0]))
    generator = Pathtraced(PathtracedConfig(samples=4), store)
    first = generator(views_of(one, store), [1, 2, 3]).pixels
    generator(views_of(other, store), [1, 2, 3])
    for i in (2, 0, 1):
        alone = replace(one, cameras=one.cameras[i : i + 1], view_indices=(i,))
        assert generator(views_of(alone, store), [i + 1]).pixels.tobytes() == first[i : i + 1].tobytes()


def test_one_seed_per_view(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synthgen.generate.pathtraced.cycles_version", lambda: "4.2.0")
    store = ShelfStore([BALL, BOX, FLOOR])
    views = views_of(scene_of(things(), [looking((0.5, -0.4, 0.5), (0, 0, 0.1), pinhole(48, 36))] * 2), store)
    with pytest.raises(InternalError) as error:
        Pathtraced(PathtracedConfig(), store)(views, [1])
    assert str(error.value) == (
        "pathtraced was given 1 seeds for 2 views; exactly one per view is allowed; report this as a bug"
    )


def test_corner_rays_project_onto_the_corners() -> None:
    for _, lens in LENSES:
        rays = corner_rays(lens)
        pixels = project(rays.reshape(-1, 3), lens).reshape(lens.height + 1, lens.width + 1, 2)
        x, y = np.meshgrid(np.arange(lens.width + 1), np.arange(lens.height + 1))
        assert np.allclose(pixels, np.stack([x, y], axis=-1), atol=1e-6)


def test_rays_between_corners_stay_within_a_hundredth_of_a_pixel() -> None:
    """What the path tracer interpolates bilinearly, held against the lens itself at pixel centres."""
    for _, lens in LENSES:
        rays = corner_rays(lens)
        centres = 0.25 * (rays[1:, 1:] + rays[1:, :-1] + rays[:-1, 1:] + rays[:-1, :-1])
        pixels = project(centres.reshape(-1, 3), lens).reshape(lens.height, lens.width, 2)
        x, y = np.meshgrid(np.arange(lens.width) + 0.5, np.arange(lens.height) + 0.5)
        assert np.abs(pixels - np.stack([x, y], axis=-1)).max() < 0.01


def test_pinholes_need_no_rays() -> None:
    camera = Camera(pinhole(48, 36), np.eye(4))
    assert pack_camera(camera)["rays"] is None


def broken(**arrays: np.ndarray) -> ObjectModel:
    mesh = replace(BALL.mesh, **{name: array.astype(np.float32) for name, array in arrays.items()})
    return replace(BALL, mesh=mesh)


BROKEN = [
    (
        "vertex is not a number",
        {"vertices": np.where(np.arange(3) == 1, np.nan, BALL.mesh.vertices)},
        "the mesh 'ball' cannot be path traced: it has vertices or normals that are not numbers below 100000. "
        "Export it again, or use generate: {kind: shaded}",
    ),
    (
        "texture coordinate is not a number",
        {"uvs": np.full_like(BALL.mesh.uvs, np.inf)},
        "the mesh 'ball' cannot be path traced: it has texture coordinates that are not numbers. "
        "Export it again, or use generate: {kind: shaded}",
    ),
]


@pytest.mark.parametrize(("intent", "arrays", "sentence"), BROKEN, ids=[row[0] for row in BROKEN])
def test_a_mesh_it_cannot_take_is_named(intent: str, arrays: dict[str, np.ndarray], sentence: str) -> None:
    scene = scene_of([placed("ball", pose(), index=1)], [])
    known = Known()
    with pytest.raises(AssetError) as error:
        pack_scene(scene, ShelfStore([broken(**arrays)]), known)
    assert str(error.value) == sentence
    assert not known.sizes, "nothing was sent, so nothing is known"


def test_too_many_faces_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synthgen.generate.pathtraced_packing.MOST_FACES", 100)
    with pytest.raises(AssetError) as error:
        pack_scene(scene_of([placed("ball", pose(), index=1)], []), ShelfStore([BALL]), Known())
    assert str(error.value) == (
        "the mesh 'ball' cannot be path traced: it has 1280 faces; allowed: up to 100. Reduce it in a mesh editor, "
        "or use generate: {kind: shaded}"
    )


def test_every_slot_needs_a_material() -> None:
    bare = replace(placed("ball", pose(), index=1), materials=())
    with pytest.raises(InternalError) as error:
        pack_scene(scene_of([bare], []), ShelfStore([BALL]), Known())
    assert str(error.value) == (
        "object 0 of scene 0 (ball) has 0 materials for 1 slots; every slot needs exactly one; report this as a bug"
    )


def test_assets_are_sent_once_and_forgotten_oldest_first() -> None:
    known = Known()
    store = ShelfStore([BALL, BOX])
    scene = scene_of(
        [placed("ball", pose(), index=1), placed("box", pose(), index=2), placed("box", pose(), index=3)], []
    )
    assert sorted(pack_scene(scene, store, known)["meshes"]) == ["mesh ball", "mesh box"]
    again = pack_scene(scene, store, known)
    assert not again["meshes"] and not again["environments"] and again["forget"] == []
    assert known.use({"a": KNOWN_BYTES}) == ["mesh ball", "mesh box", "environment procedural:test:0"]
    assert known.use({"b": 1, "a": KNOWN_BYTES}) == [], "what a scene uses is never dropped"
