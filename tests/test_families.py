"""Procedural families: true solids of the right size, mapped, painted, with honest parts and symmetries."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from manifold3d import Manifold, Mesh64, OpType
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import ConvexHull, cKDTree

from synthgen.assets import carton_atlas
from synthgen.assets.families import symmetry
from synthgen.assets.families.build import (
    BUILDERS,
    INTERNAL,
    LABELLED,
    accepted_parameters,
    build_family,
    build_shape,
    family_key,
)
from synthgen.assets.families.distractors import RANGES, distractor_parameters
from synthgen.assets.families.household import DIE_FACES, PIPS
from synthgen.assets.families.shape import Shape
from synthgen.config.family_ranges import FAMILIES
from synthgen.errors import AssetError
from synthgen.types.catalog import FamilySource

INTERNAL_SIZES: dict[str, dict[str, float]] = {
    "beam": {"length": 0.5, "width": 0.04},
    "blob": {"size": 0.08, "lumpiness": 0.2, "seed": 3},
    "block": {"size_x": 0.1, "size_y": 0.06, "size_z": 0.04},
    "cable": {"length": 0.8, "diameter": 0.012, "sag": 0.15, "seed": 2},
    "cone": {"diameter": 0.06, "height": 0.1},
    "cylinder": {"diameter": 0.05, "height": 0.09},
    "floor": {"size": 1.8},
    "l_profile": {"length": 0.2, "leg": 0.04, "thickness": 0.004},
    "marker": {"length": 0.13, "diameter": 0.015},
    "notebook": {"length": 0.18, "width": 0.12, "thickness": 0.012},
    "panel": {"width": 0.4, "height": 0.3, "thickness": 0.01},
    "table_top": {"size_x": 1.2, "size_y": 0.8, "thickness": 0.04},
    "telephone": {"length": 0.15, "width": 0.072, "thickness": 0.009},
    "tray": {"length": 0.2, "width": 0.13, "height": 0.025},
    "tote": {"inner_x": 0.5, "inner_y": 0.35, "height": 0.18, "wall": 0.006},
}
METRIC_UV = ("floor", "table_top", "tote")
FINISHES = {
    "ceramic", "plastic_glossy", "plastic_matte", "painted_metal", "brushed_steel", "polished_steel", "zinc", "brass",
    "black_oxide", "cast_iron", "anodised_aluminium", "rubber", "wood", "clay", "carton_print", "label_print",
    "cardboard", "paper", "can_print", "cell_wrap", "aluminium", "bottle_plastic", "cap_plastic", "cup_lid", "tape",
    "tool_grip", "book_cover", "tray", "fixed",
}  # fmt: skip


def source(family: str, values: dict[str, float]) -> FamilySource:
    return FamilySource(family, tuple(sorted(values.items())))


def typical(family: str, seed: int = 0) -> FamilySource:
    if family in INTERNAL:
        return source(family, INTERNAL_SIZES[family])
    rng = np.random.default_rng(seed)
    return source(family, {name: p.default.sample(rng=rng) for name, p in FAMILIES[family].parameters.items()})


def extreme(family: str, end: str) -> FamilySource:
    return source(family, {name: getattr(p, end) for name, p in FAMILIES[family].parameters.items()})


@cache
def shape_of(made: FamilySource) -> Shape:
    return build_shape(made)


CASES = [
    *((typical(family), f"{family} as usually drawn") for family in BUILDERS),
    *((extreme(family, "low"), f"{family}, everything at its smallest") for family in LABELLED),
    *((extreme(family, "high"), f"{family}, everything at its largest") for family in LABELLED),
]
every_case = pytest.mark.parametrize("made", [made for made, _ in CASES], ids=[intent for _, intent in CASES])
every_family = pytest.mark.parametrize("family", list(BUILDERS))


def is_closed(shape: Shape) -> bool:
    """Every directed edge occurs once, and its opposite once."""
    edges = np.concatenate([shape.faces[:, (a, (a + 1) % 3)] for a in range(3)]).astype(np.int64)
    forward = np.sort(edges[:, 0] * len(shape.vertices) + edges[:, 1])
    backward = np.sort(edges[:, 1] * len(shape.vertices) + edges[:, 0])
    return bool(np.array_equal(forward, backward) and len(np.unique(forward)) == len(forward))


def signed_volume(shape: Shape) -> float:
    a, b, c = (shape.vertices[shape.faces[:, k]] for k in range(3))
    return float((a * np.cross(b, c)).sum() / 6)


def plane_distance(points: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Largest signed distance to a face plane of the part's hull: <= 0 inside."""
    equations = ConvexHull(part).equations
    return (points @ equations[:, :3].T + equations[:, 3]).max(axis=1)


def surface_samples(shape: Shape, spacing: float) -> np.ndarray:
    """Points all over the surface, at most about ``spacing`` apart."""
    corners = shape.vertices[shape.faces]
    longest = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max(axis=1)
    points = [shape.vertices]
    for steps in np.unique(np.ceil(longest / spacing).astype(int)):
        steps = min(int(steps), 60)
        weights = np.array([(i, j, steps - i - j) for i in range(steps + 1) for j in range(steps + 1 - i)]) / steps
        chosen = corners[np.minimum(np.ceil(longest / spacing), 60).astype(int) == steps]
        points.append(np.einsum("wk,fkd->fwd", weights, chosen).reshape(-1, 3))
    return np.concatenate(points)


# --- tables agree ------------------------------------------------------------------------------------------------


def test_the_pipeline_and_the_builders_know_the_same_families_and_parameters() -> None:
    assert {name: sorted(ranges.parameters) for name, ranges in FAMILIES.items()} == {
        name: list(accepted_parameters(name)) for name in LABELLED
    }
    assert len(LABELLED) == 25
    assert not set(LABELLED) & set(INTERNAL)
    assert set(INTERNAL) == set(INTERNAL_SIZES)


def test_default_sizes_lie_within_the_allowed_range_and_units_fit_the_names() -> None:
    suffixes = {"m": "_m", "deg": "_deg"}
    for family, ranges in FAMILIES.items():
        for name, parameter in ranges.parameters.items():
            assert parameter.low <= parameter.default.low <= parameter.default.high <= parameter.high, (family, name)
            assert name.endswith(suffixes.get(parameter.unit, "")), (family, name)
            if parameter.unit in ("ratio", "count", "seed"):
                assert not name.endswith(("_m", "_deg")), (family, name)


def test_finishes_come_from_the_agreed_list() -> None:
    used = {slot.finish for family in BUILDERS for slot in shape_of(typical(family)).slots}
    assert used <= FINISHES


# --- solids ------------------------------------------------------------------------------------------------------


@every_case
def test_shape_is_a_closed_solid_centred_on_its_box(made: FamilySource) -> None:
    shape = shape_of(made)
    assert is_closed(shape)
    assert shape.volume_m3 > 0
    assert signed_volume(shape) == pytest.approx(shape.volume_m3, rel=1e-6)
    low, high = shape.vertices.min(axis=0), shape.vertices.max(axis=0)
    assert np.abs(low + high).max() < 1e-9
    if made.family in LABELLED:
        assert 0.002 < (high - low).max() < 1.0
        assert len(shape.faces) <= 8000
    assert set(np.unique(shape.face_slot)) == set(range(len(shape.slots)))


@every_case
def test_texture_coordinates_are_bounded_and_never_mirrored(made: FamilySource) -> None:
    check_texture_coordinates(shape_of(made), metric=made.family in METRIC_UV)


def check_texture_coordinates(shape: Shape, *, metric: bool = False) -> None:
    uv = shape.corner_uvs
    assert np.isfinite(uv).all()
    assert uv.min() >= -1e-9
    if not metric:
        assert uv.max() <= 1 + 1e-9
    # Counter-clockwise from outside with v down means a negative signed area in (u, v).
    u, v = uv[:, 1] - uv[:, 0], uv[:, 2] - uv[:, 0]
    area = u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]
    assert (area > 1e-7).sum() == 0


@every_case
def test_parts_cover_the_mesh_and_stay_inside_its_hull(made: FamilySource) -> None:
    check_parts(shape_of(made))


def check_parts(shape: Shape) -> None:
    extent = float(np.ptp(shape.vertices, axis=0).max())
    assert 1 <= len(shape.parts) <= 24
    bare = shape.vertices
    for part in shape.parts:
        bare = bare[plane_distance(bare, part) > max(0.0015, 0.03 * extent)]
    assert len(bare) == 0
    outside = plane_distance(np.concatenate(shape.parts), shape.vertices).max()
    assert outside <= max(0.0007, 0.007 * extent)


HOLLOWS = [
    ("mug", lambda e: (-0.12 * e[0], 0, 0.45 * e[2]), "a mug is open at the top"),
    ("mug", lambda e: (-0.12 * e[0], 0, -0.25 * e[2]), "a mug is hollow far down"),
    ("mug", lambda e: (0.5 * e[0] - 0.018, 0, 0.0), "a finger fits through a mug's handle"),
    ("bowl", lambda e: (0, 0, 0.3 * e[2]), "a bowl is open"),
    ("bowl", lambda e: (0.2 * e[0], 0, 0.2 * e[2]), "a bowl is wide"),
    ("plate", lambda e: (0, 0, 0.3 * e[2]), "a plate is a dish"),
    ("spoon", lambda e: (0.5 * e[0] - 0.5 * e[1], 0, 0.0), "a spoon holds soup"),
    ("hex_nut", lambda e: (0, 0, 0), "a nut has a bore"),
    ("washer", lambda e: (0.2 * e[0], 0, 0), "a washer has a hole"),
    ("gear", lambda e: (0, 0, 0), "a gear has a bore"),
    ("flange", lambda e: (0, 0, 0), "a flange is open through"),
    ("tape_roll", lambda e: (0.25 * e[0], 0, 0), "a tape roll is a ring"),
    ("wrench", lambda e: (0.5 * e[0] - 0.1 * e[1], 0.05 * e[1], 0), "a wrench's jaw is open"),
    ("wrench", lambda e: (-0.5 * e[0] + 0.38 * e[1], 0, 0), "a wrench's ring is open"),
    ("t_slot_profile", lambda e: (0, 0, 0.42 * e[2]), "a T-slot is open outwards"),
    ("tote", lambda e: (0, 0, 0.4 * e[2]), "a tote is open"),
    ("tote", lambda e: (0.45 * INTERNAL_SIZES["tote"]["inner_x"], 0, -0.4 * e[2]), "a tote is roomy at its floor"),
]


@pytest.mark.parametrize(("family", "place", "intent"), HOLLOWS, ids=[intent for *_, intent in HOLLOWS])
def test_hollow_things_stay_hollow(family: str, place: Callable[[np.ndarray], tuple[float, ...]], intent: str) -> None:
    for seed in range(3):
        shape = shape_of(typical(family, seed))
        point = np.array(place(np.ptp(shape.vertices, axis=0)), dtype=np.float64)
        assert all(plane_distance(point[None, :], part)[0] > 0 for part in shape.parts), intent
        assert abs(winding_number(shape, point)) < 0.5, intent


def winding_number(shape: Shape, point: np.ndarray) -> float:
    """1 inside, 0 outside (Van Oosterom & Strackee 1983)."""
    a, b, c = (shape.vertices[shape.faces[:, k]] - point for k in range(3))
    la, lb, lc = (np.linalg.norm(v, axis=1) for v in (a, b, c))
    above = (a * np.cross(b, c)).sum(axis=1)
    below = la * lb * lc + (a * b).sum(axis=1) * lc + (b * c).sum(axis=1) * la + (c * a).sum(axis=1) * lb
    return float(np.arctan2(above, below).sum() / (2 * np.pi))


# --- models ------------------------------------------------------------------------------------------------------


@every_family
def test_model_is_ready_to_render(family: str) -> None:
    made = typical(family)
    model = build_family(made)
    mesh = model.mesh
    assert model.key == family_key(made)
    assert np.abs(np.linalg.norm(mesh.normals, axis=1) - 1).max() < 1e-5
    corners = mesh.vertices[mesh.faces].astype(np.float64)
    flat = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    size = np.linalg.norm(flat, axis=1)
    wide = size > 1e-9  # m^2: slivers have no direction worth comparing
    facing = (mesh.normals[mesh.faces[wide]] * (flat[wide] / size[wide, None])[:, None]).sum(axis=2)
    assert facing.min() > 0.5
    assert (model.source, model.licence, model.watertight) == ("synthgen procedural", "CC0-1.0", True)
    assert np.abs(model.bounds_m.sum(axis=0)).max() < 1e-6


def test_the_same_source_gives_the_same_bytes_whatever_was_built_before() -> None:
    first = [build_family(typical(family)) for family in ("mug", "hex_bolt", "die", "gadget")]
    build_family(typical("gear"))
    again = [build_family(typical(family)) for family in ("gadget", "die", "hex_bolt", "mug")][::-1]
    for one, two in zip(first, again, strict=True):
        for name in ("vertices", "normals", "uvs", "faces", "face_slot"):
            assert getattr(one.mesh, name).tobytes() == getattr(two.mesh, name).tobytes()
        assert [part.tobytes() for part in one.parts] == [part.tobytes() for part in two.parts]


def test_keys_depend_on_family_and_values_only() -> None:
    forward = FamilySource("can", (("diameter_m", 0.06), ("height_m", 0.12)))
    backward = FamilySource("can", (("height_m", 0.12), ("diameter_m", 0.06)))
    keys = {family_key(typical(family, seed)) for family in LABELLED for seed in (0, 1)}
    assert (
        family_key(forward) == family_key(backward) != family_key(source("can", {"diameter_m": 0.06, "height_m": 0.13}))
    )
    assert len(keys) > 40
    assert all(len(key) == 16 and int(key, 16) >= 0 for key in keys)


def test_large_flat_sides_stay_flat() -> None:
    """Fillets must not tilt the normals of the sides they round off."""
    mesh = build_family(typical("brick")).mesh
    under = mesh.vertices[:, 2] < mesh.vertices[:, 2].min() + 1e-6
    assert mesh.normals[under, 2].max() < -0.999


# --- symmetries --------------------------------------------------------------------------------------------------

TOLERATED_M = 0.0012  # flap lines, pull tabs, single-start threads: below BOP's threshold, so they do not count
SYMMETRIES = [
    ("bottle", 0, 1, "a bottle turns freely"),
    ("bowl", 0, 1, "a bowl turns freely"),
    ("plate", 0, 1, "a plate turns freely"),
    ("battery", 0, 1, "a battery turns freely, but has a plus end"),
    ("washer", 1, 1, "a washer also turns over"),
    ("tape_roll", 1, 1, "a tape roll also turns over"),
    ("box", 3, 0, "a carton has three half turns"),
    ("brick", 1, 0, "a brick's frog is on top"),
    ("toy_brick", 1, 0, "a 2 x 4 brick has one half turn"),
    ("hex_nut", 11, 0, "a nut: six turns, twice"),
    ("hex_bolt", 5, 0, "a bolt: six turns"),
    ("flange", 3, 0, "four bolts: four turns"),
    ("gear", 1, 0, "a keyed gear turns over only"),
    ("screwdriver", 1, 0, "a flat blade: one half turn"),
    ("t_slot_profile", 7, 0, "a square bar: four turns, twice"),
    ("pipe_elbow", 1, 0, "an elbow swaps its ends"),
    ("die", 0, 0, "pips break every symmetry"),
    ("mug", 0, 0, "a handle breaks every symmetry"),
    ("can", 0, 0, "the ring pull breaks the turn"),
    ("cup", 0, 0, "the sip hole breaks the turn"),
    ("hammer", 0, 0, "a hammer has none"),
    ("wrench", 0, 0, "a turned jaw has none"),
    ("spoon", 0, 0, "a spoon has none"),
    ("bracket", 0, 0, "unequal legs have none"),
    ("gadget", 0, 0, "a gadget is lopsided"),
]


@pytest.mark.parametrize(("family", "discrete", "axes", "intent"), SYMMETRIES, ids=[row[3] for row in SYMMETRIES])
def test_symmetries_carry_the_surface_onto_itself(family: str, discrete: int, axes: int, intent: str) -> None:
    fixed = {"toy_brick": {"studs_x": 4.0, "studs_y": 2.0}, "flange": {"bolts": 4.0}}
    made = source(family, {**dict(typical(family).parameters), **fixed.get(family, {})})
    shape = shape_of(made)
    declared = shape.symmetries
    assert (len(declared.discrete), len(declared.continuous_axes)) == (discrete, axes), intent
    extent = float(np.ptp(shape.vertices, axis=0).max())
    tree = cKDTree(surface_samples(shape, 0.02 * extent))
    turns = list(declared.discrete)
    turns += [symmetry.rotation(axis, angle) for axis in declared.continuous_axes for angle in (0.31, 1.7)]
    for turn in turns:
        assert np.allclose(turn[:3, :3] @ turn[:3, :3].T, np.eye(3), atol=1e-9)
        assert np.linalg.det(turn[:3, :3]) == pytest.approx(1)
        gap, _ = tree.query(shape.vertices @ turn[:3, :3].T + turn[:3, 3])
        assert gap.max() <= TOLERATED_M + 0.02 * extent


def test_every_labelled_family_has_a_symmetry_row() -> None:
    assert sorted(row[0] for row in SYMMETRIES) == sorted(LABELLED)


def test_square_and_cubic_boxes_gain_quarter_turns() -> None:
    rows = [((0.1, 0.2, 0.3), 3), ((0.1, 0.1, 0.3), 7), ((0.1, 0.1, 0.1), 23)]
    assert [len(symmetry.block(*size).discrete) for size, _ in rows] == [count for _, count in rows]


# --- details a buyer would check ---------------------------------------------------------------------------------


def test_die_is_a_right_handed_western_die() -> None:
    assert {n: sum(p is not None for p in PIPS[n]) for n in PIPS} == {n: n for n in range(1, 7)}
    normals = {number: np.array(DIE_FACES[number][0]) for number in DIE_FACES}
    for number in (1, 2, 3):
        assert (normals[number] == -normals[7 - number]).all(), "opposite faces sum to seven"
    assert np.linalg.det([normals[1], normals[2], normals[3]]) == 1, "1, 2, 3 run counter-clockwise about their corner"
    shape = shape_of(typical("die"))
    pips = shape.faces[shape.face_slot == 1]
    for number, normal in normals.items():
        on_face = pips[(shape.vertices[pips] @ normal).min(axis=1) > 0.85 * shape.vertices.max()]
        assert islands(on_face) == number
    assert shape.slots[1].finish == "fixed"
    assert max(shape.slots[1].material.base_color) < 0.05


def islands(faces: np.ndarray) -> int:
    """How many connected pieces the faces form."""
    used, index = np.unique(faces, return_inverse=True)
    index = index.reshape(-1, 3)
    links = coo_matrix((np.ones(index.size), (index.ravel(), np.roll(index, 1, axis=1).ravel())), (len(used),) * 2)
    return int(connected_components(links, directed=False)[0])


def test_bolt_thread_is_a_right_handed_helix_of_iso_pitch() -> None:
    """M10: the crest climbs 1.5 mm per counter-clockwise turn."""
    shape = shape_of(source("hex_bolt", {"thread_m": 0.010, "length_m": 0.030}))
    radius = np.hypot(shape.vertices[:, 0], shape.vertices[:, 1])
    top = shape.vertices[:, 2].max()
    crest = shape.vertices[
        (radius > 0.00499) & (radius < 0.00501) & (np.abs(shape.vertices[:, 2] - top + 0.012) < 0.008)
    ]
    assert len(crest) > 200
    phase = (crest[:, 2] / 0.0015 - np.arctan2(crest[:, 1], crest[:, 0]) / (2 * np.pi)) % 1
    centre = np.angle(np.exp(2j * np.pi * phase).mean()) / (2 * np.pi)
    assert np.abs((phase - centre + 0.5) % 1 - 0.5).max() < 0.1


def test_gear_has_the_teeth_it_was_asked_for() -> None:
    shape = shape_of(source("gear", {"teeth": 17, "module_m": 0.002, "width_m": 0.01, "bore_ratio": 0.3}))
    points = shape.vertices
    radius = np.hypot(points[:, 0], points[:, 1])
    tips = np.sort(np.arctan2(points[:, 1], points[:, 0])[radius > 0.0188])
    gaps = np.diff(np.concatenate([tips, [tips[0] + 2 * np.pi]]))
    assert (gaps > 0.5 * 2 * np.pi / 17).sum() == 17
    assert 2 * radius.max() == pytest.approx(0.002 * (17 + 2), rel=0.02)


@pytest.mark.parametrize(
    ("family", "values", "extent_m", "intent"),
    [
        ("hex_nut", {"thread_m": 0.010}, (0.01848, 0.016, 0.0084), "ISO 4032 M10: 16 across flats, 8.4 high"),
        ("washer", {"thread_m": 0.008}, (0.016, 0.016, 0.0016), "ISO 7089 M8: 16 x 1.6"),
        ("toy_brick", {"studs_x": 4, "studs_y": 2, "pitch_m": 0.008, "plates": 3}, (0.0318, 0.0158, 0.0114), "2 x 4"),
        ("battery", {"diameter_m": 0.0145, "length_ratio": 3.483}, (0.0147, 0.0147, 0.0505), "AA cell"),
        ("box", {"width_m": 0.1, "depth_m": 0.05, "height_m": 0.2}, (0.1, 0.05, 0.2), "a carton as asked"),
        ("table_top", {"size_x": 1.0, "size_y": 0.6, "thickness": 0.03}, (1.0, 0.6, 0.03), "a table top as asked"),
    ],
)
def test_sizes_are_real(family: str, values: dict[str, float], extent_m: tuple[float, ...], intent: str) -> None:
    extent = np.ptp(shape_of(source(family, values)).vertices, axis=0)
    assert np.allclose(extent, extent_m, atol=1.5e-4), intent


def test_tote_floor_lies_where_its_docstring_says() -> None:
    shape = shape_of(typical("tote"))
    sizes = INTERNAL_SIZES["tote"]
    inner = shape.vertices[np.abs(shape.vertices[:, 2] - (-0.5 * sizes["height"] + sizes["wall"])) < 1e-9]
    assert np.allclose(np.ptp(inner, axis=0)[:2], (sizes["inner_x"], sizes["inner_y"]), atol=1e-6)


def test_a_carton_shows_each_side_its_own_cell_upright() -> None:
    """On every large side, u runs to the right and v down as seen from outside, over the side's cell of the print."""
    shape = shape_of(source("box", {"width_m": 0.12, "depth_m": 0.05, "height_m": 0.16}))
    size = np.array([carton_atlas.WIDTH_PX, carton_atlas.HEIGHT_PX])
    corners = shape.vertices[shape.faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-30)
    seen = 0
    for side, (left, top, right, bottom) in enumerate(carton_atlas.CELL_OF_SIDE):
        out = np.zeros(3)
        out[side // 2] = -1.0 if side % 2 else 1.0
        chosen = (normals @ out > 0.99) & (shape.face_slot == 0)
        uv, at = shape.corner_uvs[chosen].reshape(-1, 2) * size, corners[chosen].reshape(-1, 3)
        assert uv[:, 0].min() >= left
        assert uv[:, 0].max() <= right
        assert uv[:, 1].min() >= top
        assert uv[:, 1].max() <= bottom
        assert np.ptp(uv[:, 0]) > 0.9 * (right - left)
        down = np.array([0.0, -1.0, 0.0]) if side >= 4 else np.array([0.0, 0.0, -1.0])
        to_the_right = np.cross(out, -down) * -1.0
        assert np.corrcoef(at @ down, uv[:, 1])[0, 1] > 0.999
        assert np.corrcoef(at @ to_the_right, uv[:, 0])[0, 1] > 0.999
        seen += 1
    assert seen == 6


def test_table_texture_is_in_metres() -> None:
    shape = shape_of(typical("table_top"))
    assert np.ptp(shape.corner_uvs.reshape(-1, 2), axis=0) == pytest.approx((1.2, 0.8), abs=0.02)


def test_distractor_parameters_build_and_are_drawn_in_range() -> None:
    for family, ranges in RANGES.items():
        drawn = distractor_parameters(family, rng=np.random.default_rng(5))
        assert tuple(sorted(drawn)) == accepted_parameters(family)
        assert all(low <= drawn[name] <= high for name, (low, high) in ranges.items())
        assert is_closed(build_shape(source(family, drawn)))


# --- gadgets -----------------------------------------------------------------------------------------------------


def gadget(form: int, **other: float) -> Shape:
    values = {"extent_m": 0.1, "pieces": 2.0 + form % 5, "stoutness": 0.5 + 0.1 * (form % 16), **other}
    return shape_of(source("gadget", {"form": float(form), **values}))


def as_manifold(shape: Shape) -> Manifold:
    return Manifold(Mesh64(shape.vertices, shape.faces.astype(np.uint64)))


GADGETS = range(60)


@pytest.mark.parametrize("form", GADGETS)
def test_a_gadget_is_one_solid_with_honest_parts_and_textures(form: int) -> None:
    shape = gadget(form)
    check_parts(shape)
    check_texture_coordinates(shape)
    assert len(as_manifold(shape).decompose()) == 1
    assert np.ptp(shape.vertices, axis=0).max() == pytest.approx(0.1, abs=1e-9)
    assert is_closed(shape)
    assert len(shape.faces) <= 8000
    assert 1 <= len(shape.slots) <= 4
    assert len({slot.finish for slot in shape.slots}) == len(shape.slots)


def test_gadgets_are_concave_or_have_holes_and_their_parts_keep_them_open() -> None:
    holed = concave = 0
    for form in GADGETS:
        shape = gadget(form)
        body = as_manifold(shape)
        holed += body.genus() > 0
        concave += body.volume() < 0.5 * body.hull().volume()
        parts = Manifold.batch_boolean([Manifold.hull_points(part) for part in shape.parts], OpType.Add)
        spilled = (parts - body).volume() / (body.hull().volume() - body.volume())
        assert spilled < 0.12, f"gadget {form}: its parts fill {spilled:.0%} of what is free within its hull"
    assert holed > 0.5 * len(GADGETS)
    assert concave > 0.66 * len(GADGETS)


@pytest.mark.parametrize("form", GADGETS[:20])
def test_no_half_turn_carries_a_gadget_onto_itself(form: int) -> None:
    """Half turns about the axes of inertia are the only candidates: the moments of inertia differ."""
    shape = gadget(form)
    points = surface_samples(shape, 0.002)
    corners = shape.vertices[shape.faces]
    volume = (corners[:, 0] * np.cross(corners[:, 1], corners[:, 2])).sum(axis=1)
    centre = (volume[:, None] * corners.sum(axis=1)).sum(axis=0) / (4 * volume.sum())
    tree = cKDTree(points)
    corners = np.concatenate([corners - centre, corners.sum(axis=1, keepdims=True) - 3 * centre], axis=1)
    spread, axes = np.linalg.eigh(np.einsum("f,fki,fkj->ij", volume, corners, corners))
    assert np.min(spread[1:] / spread[:-1]) > 1.05
    for axis in axes.T:
        turned = (shape.vertices - centre) @ (2 * np.outer(axis, axis) - np.eye(3)) + centre
        assert tree.query(turned)[0].max() > TOLERATED_M + 0.002


def test_the_size_of_a_gadget_changes_nothing_else() -> None:
    small, large = gadget(7, extent_m=0.05), gadget(7, extent_m=0.4)
    assert np.allclose(8 * small.vertices, large.vertices, atol=1e-9)
    assert np.array_equal(small.faces, large.faces)
    assert np.allclose(small.corner_uvs, large.corner_uvs, atol=1e-6)
    assert small.slots == large.slots


@settings(max_examples=25, deadline=None)
@given(form=st.integers(0, 999_999), pieces=st.integers(2, 6), stoutness=st.floats(0.3, 2.5))
@example(form=620, pieces=6, stoutness=2.0)  # closed hollows off
def test_any_gadget_has_parts_that_fit(form: int, pieces: int, stoutness: float) -> None:
    shape = build_shape(source("gadget", {"form": form, "extent_m": 0.1, "pieces": pieces, "stoutness": stoutness}))
    assert len(shape.faces) <= 8000
    assert len(as_manifold(shape).decompose()) == 1
    check_parts(shape)
    check_texture_coordinates(shape)


# --- every combination of sizes ----------------------------------------------------------------------------------


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_allowed_sizes_build(data: st.DataObject) -> None:
    family = data.draw(st.sampled_from(sorted(LABELLED)))
    values = {}
    for name, parameter in FAMILIES[family].parameters.items():
        if parameter.unit in ("count", "seed"):
            values[name] = float(data.draw(st.integers(int(parameter.low), int(parameter.high))))
        else:
            values[name] = data.draw(st.floats(parameter.low, parameter.high))
    check_builds(source(family, values))


@pytest.mark.slow
def test_every_corner_of_every_allowed_range_builds() -> None:
    count = 0
    for family, ranges in FAMILIES.items():
        names = sorted(ranges.parameters)
        for ends in itertools.product(("low", "high"), repeat=len(names)):
            values = {name: getattr(ranges.parameters[name], end) for name, end in zip(names, ends, strict=True)}
            check_builds(source(family, values))
            count += 1
    assert count == sum(2 ** len(ranges.parameters) for ranges in FAMILIES.values())


def check_builds(made: FamilySource) -> None:
    shape = build_shape(made)
    assert is_closed(shape), made
    assert shape.volume_m3 > 0, made
    assert len(shape.faces) <= 8000, made
    assert np.isfinite(shape.vertices).all(), made


# --- wrong input -------------------------------------------------------------------------------------------------

FAULTS = [
    (
        FamilySource("teapot", ()),
        "there is no procedural family 'teapot'; allowed: battery, bottle, bowl, box, bracket, brick, can, cup, die, "
        "flange, gadget, gear, hammer, hex_bolt, hex_nut, mug, pipe_elbow, plate, screwdriver, spoon, t_slot_profile, "
        "tape_roll, toy_brick, washer, wrench; use 'mesh' for your own models",
    ),
    (
        FamilySource("can", (("diameter_m", 0.06), ("hieght_m", 0.1))),
        "family 'can' was given the parameters ['diameter_m', 'hieght_m']; it needs exactly "
        "['diameter_m', 'height_m']; name each of them once",
    ),
]


@pytest.mark.parametrize(("made", "sentence"), FAULTS)
def test_wrong_sources_are_refused_with_a_remedy(made: FamilySource, sentence: str) -> None:
    with pytest.raises(AssetError) as caught:
        build_family(made)
    assert str(caught.value) == sentence
