"""Materials: the finish tables, overrides, and what stays as the file says."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from synthgen.assets.model import make_model, split_creases
from synthgen.assets.texture_patterns import PATTERNS
from synthgen.config.models import MaterialConfig
from synthgen.errors import ConfigError
from synthgen.scene.finishes import DEFAULT_SURFACES, FINISHES, SURFACES, UNKNOWN_CHOICES, Finish
from synthgen.scene.materials import draw_finish, draw_materials, draw_surface, finish_names, surface_names
from synthgen.types.assets import Material, MaterialSlot, ObjectModel, Symmetries
from synthgen.types.catalog import AssetSpec, FamilySource, FileAsset, MeshSource

FILE_MATERIAL = Material((1.0, 1.0, 1.0), roughness=0.6, texture="mesh:abc:0")
PIPS = MaterialSlot("pips", "fixed", Material((0.01, 0.01, 0.01), 0.45))
USER_SPEC = AssetSpec("abc", "scan", "object", MeshSource("scan.glb"))
FAMILY_SPEC = AssetSpec("def", "die-00", "object", FamilySource("die", ()))
RED, GREEN = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0)
PHOTO = FileAsset("file:1234", "wood.jpg")


def model(*slots: MaterialSlot) -> ObjectModel:
    box = trimesh.creation.box((0.1, 0.1, 0.1))
    mesh = split_creases(box.vertices, box.faces, np.zeros((8, 2)), np.zeros(12, dtype=int), crease_deg=40.0)
    return make_model(
        key="k", name="n", mesh=mesh, parts=(), slots=slots, symmetries=Symmetries.none(), watertight=True,
        volume_m3=1e-3, source="s", licence="l", attribution="a",
    )  # fmt: skip


def draw(
    slots: tuple[MaterialSlot, ...], spec: AssetSpec | None, override: MaterialConfig | None = None,
    textures: tuple[FileAsset, ...] = (), seed: int = 0,
) -> tuple[Material, ...]:  # fmt: skip
    return draw_materials(model(*slots), spec, override, textures, rng=np.random.default_rng(seed))


@pytest.mark.parametrize(("name", "finish"), [*FINISHES.items(), *SURFACES.items()])
def test_tables_are_sound(name: str, finish: Finish) -> None:
    assert 0.03 <= finish.roughness[0] <= finish.roughness[1] <= 1
    assert 0 <= finish.metallic <= 1
    assert 0 <= finish.patterned <= 1
    assert finish.palette, name
    assert all(0 <= channel <= 1 for colour in finish.palette for channel in colour)
    assert all(pattern in PATTERNS for pattern in finish.patterns)
    assert all(PATTERNS[pattern].variants <= 16 for pattern in finish.patterns)


def test_tables_know_each_other() -> None:
    assert set(UNKNOWN_CHOICES) <= set(FINISHES)
    assert {name for names in DEFAULT_SURFACES.values() for name in names} <= set(SURFACES)
    assert finish_names() == tuple(FINISHES)
    assert surface_names() == tuple(SURFACES)
    for name, surface in SURFACES.items():
        assert all(PATTERNS[pattern].span_m > 0 for pattern in surface.patterns), f"{name} needs a size in metres"


@pytest.mark.parametrize("name", [*FINISHES, "unknown"])
def test_draws_are_valid_repeatable_and_varied(name: str) -> None:
    draws = [draw_finish(name, rng=np.random.default_rng(seed)) for seed in range(40)]
    assert draws == [draw_finish(name, rng=np.random.default_rng(seed)) for seed in range(40)]
    assert len({material.roughness for material in draws}) > 30
    for material in draws:
        assert all(0 <= channel <= 1 for channel in material.base_color)
        assert 0.03 <= material.roughness <= 1
        assert material.texture == "" or material.texture.split(":")[1] in PATTERNS


def test_coloured_patterns_are_not_tinted() -> None:
    assert draw_finish("carton_print", rng=np.random.default_rng(1)).base_color == (1.0, 1.0, 1.0)


def test_slots_of_one_finish_are_one_piece_of_metal() -> None:
    body, thread, cap = draw(
        (MaterialSlot("body", "zinc"), MaterialSlot("thread", "zinc"), MaterialSlot("cap", "plastic_glossy")), None
    )
    assert body == thread
    assert cap.metallic == 0.0


def test_scans_keep_their_material_with_a_little_variation() -> None:
    slots = (MaterialSlot("scan", "fixed", FILE_MATERIAL),)
    drawn = [draw(slots, USER_SPEC, seed=seed)[0] for seed in range(30)]
    assert all(material.texture == "mesh:abc:0" and material.base_color == (1.0, 1.0, 1.0) for material in drawn)
    roughness = [material.roughness for material in drawn]
    assert min(roughness) < 0.56 < 0.64 < max(roughness)
    assert min(roughness) > 0.3


OVERRIDES = [
    ("a colour replaces the scan's texture", {"colors": [RED]}, (), {"base_color": RED, "texture": ""}),
    ("an image replaces texture and colour", {}, (PHOTO,), {"base_color": (1.0, 1.0, 1.0), "texture": "file:1234"}),
    ("a colour tints an image", {"colors": [GREEN]}, (PHOTO,), {"base_color": GREEN, "texture": "file:1234"}),
    ("roughness alone leaves the rest", {"roughness": 0.2}, (), {"roughness": 0.2, "texture": "mesh:abc:0"}),
    ("metallic alone leaves the rest", {"metallic": 1.0}, (), {"metallic": 1.0, "texture": "mesh:abc:0"}),
    ("a finish replaces everything", {"finish": "rubber"}, (), {"metallic": 0.0}),
]  # fmt: skip


@pytest.mark.parametrize(("intent", "block", "textures", "expected"), OVERRIDES, ids=[row[0] for row in OVERRIDES])
def test_overrides_of_users_meshes(
    intent: str, block: dict[str, object], textures: tuple[FileAsset, ...], expected: dict[str, object]
) -> None:
    override = MaterialConfig.model_validate(block)
    (material,) = draw((MaterialSlot("scan", "fixed", FILE_MATERIAL),), USER_SPEC, override, textures)
    for name, value in expected.items():
        assert getattr(material, name) == value, intent
    if "finish" in block:
        assert material.texture.startswith("procedural:rubber_grain:")


def test_a_family_keeps_its_fixed_slots_and_obeys_elsewhere() -> None:
    slots = (MaterialSlot("body", "plastic_glossy"), PIPS)
    body, pips = draw(slots, FAMILY_SPEC, MaterialConfig(colors=[RED]))
    assert body.base_color == RED
    assert pips == PIPS.material


def test_a_colour_keeps_neutral_wear() -> None:
    """A red steel part still has its scratches; they are neutral and take the colour."""
    (material,) = draw((MaterialSlot("body", "brushed_steel"),), FAMILY_SPEC, MaterialConfig(colors=[RED]))
    assert material.base_color == RED
    assert material.texture.startswith("procedural:brushed:")


def test_srgb_colours_become_linear() -> None:
    (material,) = draw((MaterialSlot("b", "plastic_matte"),), None, MaterialConfig(colors=[(0.5, 0.5, 0.5)]))
    assert material.base_color == pytest.approx((0.21404, 0.21404, 0.21404), abs=1e-4)


@pytest.mark.parametrize("kind", ["table", "tote", "floor"])
def test_surfaces_have_a_size_in_metres(kind: str) -> None:
    for seed in range(20):
        material = draw_surface(kind, None, (), rng=np.random.default_rng(seed))  # type: ignore[arg-type]
        name = material.texture.split(":")[1]
        assert material.uv_scale == pytest.approx(1 / PATTERNS[name].span_m)


def test_photographs_win_over_finishes() -> None:
    material = draw_surface("table", ["cloth"], (PHOTO,), rng=np.random.default_rng(0))
    assert material.texture == "file:1234"
    assert 1 / 1.2 <= material.uv_scale <= 1 / 0.6


def test_unknown_names_propose_the_nearest() -> None:
    with pytest.raises(ConfigError) as caught:
        draw_finish("bras", rng=np.random.default_rng(0))
    assert str(caught.value) == (f"there is no finish 'bras'; allowed: {', '.join(FINISHES)}; did you mean 'brass'?")
    with pytest.raises(ConfigError) as caught:
        draw_surface("table", ["marble"], (), rng=np.random.default_rng(0))
    assert str(caught.value) == (
        f"there is no surface finish 'marble'; allowed: {', '.join(SURFACES)}; choose one of them"
    )
