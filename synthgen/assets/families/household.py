"""Boxy and small goods: box, brick, toy brick, die, tape roll, battery."""

from __future__ import annotations

import numpy as np
from manifold3d import Manifold

from synthgen.assets.families import forms, mapping, parts, symmetry
from synthgen.assets.families.shape import Shape, finish
from synthgen.assets.families.solid import common, cut, join, paint, union
from synthgen.types.arrays import F64
from synthgen.types.assets import Material, MaterialSlot

BEVEL_M = 0.0008  # of a carton's folded edges


def box(*, width_m: float, depth_m: float, height_m: float) -> Shape:
    """A printed folding carton: tuck-in flap line along the top edge, its print unfolded as in ``carton_atlas``."""
    w, d, h = 0.5 * width_m, 0.5 * depth_m, height_m
    body = forms.bevelled_block((-w, -d, 0), (w, d, h), BEVEL_M)
    gap, inset = 0.0007, 0.0012
    line = forms.block((-w - 0.01, -d + inset, h - gap), (w + 0.01, -d + inset + gap, h + 0.01))
    sides = [forms.block((x - 0.5 * gap, -d + inset, h - gap), (x + 0.5 * gap, d - inset, h + 0.01))
             for x in (-w + inset, w - inset)]  # fmt: skip
    notch = forms.disc(min(0.010, 0.25 * width_m), h - 0.001, h + 0.01, segments=32).translate((0, -d, 0))
    solid = cut(paint(body, 0, mapping.carton), paint(join(line, notch, *sides), 1, mapping.planar))
    slots = [MaterialSlot("print", "carton_print"), MaterialSlot("inside", "cardboard")]
    # The flap line is 0.7 mm wide: below any symmetry threshold, so the box counts as plain.
    symmetries = symmetry.block(width_m, depth_m, height_m)
    return finish(
        solid, slots=slots, parts=[parts.bevelled_box((-w, -d, 0), (w, d, h), BEVEL_M)], symmetries=symmetries
    )


def brick(*, length_m: float, width_m: float, height_m: float) -> Shape:
    """A clay house brick with a frog (the tapered hollow) on top."""
    x, y, h = 0.5 * length_m, 0.5 * width_m, height_m
    body = forms.rounded_block((-x, -y, 0), (x, y, h), 0.0028, segments=8)
    fx, fy, deep = 0.74 * x, 0.56 * y, 0.24 * h
    top = forms.rectangle(fx, fy, 0.2 * fy)
    floor = forms.rectangle(fx - 0.9 * deep, fy - 0.8 * deep, 0.2 * fy)
    frog = Manifold.hull_points(
        np.concatenate([np.c_[top * 1.006, np.full(len(top), h + 0.0003)], np.c_[floor, np.full(len(floor), h - deep)]])
    )
    solid = cut(paint(body, 0, mapping.planar), paint(frog, 0, mapping.planar))
    hulls = _brick_parts((x, y, h), (fx, fy), (fx - 0.9 * deep, fy - 0.8 * deep), deep)
    half_turn = symmetry.discrete(symmetry.turns(2))
    return finish(solid, slots=[MaterialSlot("body", "clay")], parts=hulls, symmetries=half_turn)


def _brick_parts(
    half: tuple[float, float, float],
    top: tuple[float, float],
    floor: tuple[float, float],
    deep: float,
    *,
    round_m: float = 0.0028,
) -> list[F64]:
    """The slab below the frog and the four sloping rims around it; ``half`` = (x, y, full height)."""
    x, y, h = half
    slab = parts.bevelled_box((-x, -y, 0), (x, y, h), round_m)
    slab[:, 2] = np.minimum(slab[:, 2], h - deep)
    rims = []
    for axis in (0, 1):
        other = 1 - axis
        for sign in (-1.0, 1.0):
            ring = []
            for end in (-1.0, 1.0):
                for out, along, z in (
                    (half[axis], half[other] - round_m, h - deep), (half[axis], half[other] - round_m, h - round_m),
                    (half[axis] - round_m, half[other] - round_m, h), (top[axis], top[other], h),
                    (floor[axis], floor[other], h - deep),
                ):  # fmt: skip
                    point = [0.0, 0.0, z]
                    point[axis], point[other] = sign * out, end * along
                    ring.append(point)
            rims.append(np.array(ring))
    return [slab, *rims]


def toy_brick(*, studs_x: float, studs_y: float, pitch_m: float, plates: float) -> Shape:
    """A clamping toy brick: studs on top, hollow with tubes below; height = ``plates`` x 0.4 pitch."""
    nx, ny, p = max(1, round(studs_x)), max(1, round(studs_y)), pitch_m
    x, y, h = 0.5 * nx * p - 0.0125 * p, 0.5 * ny * p - 0.0125 * p, max(1, round(plates)) * 0.4 * p
    wall = 0.19 * p
    detail = 32 if nx * ny <= 8 else 20  # chords per stud and tube
    shell = forms.bevelled_block((-x, -y, 0), (x, y, h), 0.02 * p)
    hollow = forms.block((-x + wall, -y + wall, -p), (x - wall, y - wall, h - 0.16 * p))
    stud = forms.turned([(0, h - 0.05 * p, 0), (0.3 * p, h - 0.05 * p, 0), (0.3 * p, h + 0.205 * p, 0),
                         (0.28 * p, h + 0.225 * p, 0), (0, h + 0.225 * p, 0)], segments=detail)  # fmt: skip
    grid = [((i - 0.5 * (nx - 1)) * p, (j - 0.5 * (ny - 1)) * p) for i in range(nx) for j in range(ny)]
    studs = join(*(stud.translate((sx, sy, 0.0)) for sx, sy in grid))
    body = join(shell - hollow, studs)
    tubes = [((i + 1 - 0.5 * nx) * p, (j + 1 - 0.5 * ny) * p) for i in range(nx - 1) for j in range(ny - 1)]
    if tubes:
        ring = [forms.circle(0.407 * p, count=detail), forms.circle(0.3 * p, count=detail)[::-1]]
        tube = forms.extruded(ring, 0.0, h - 0.1 * p)
        body = join(body, *(tube.translate((tx, ty, 0.0)) for tx, ty in tubes))
    solid = paint(body, 0, mapping.planar)
    hulls = [parts.bevelled_box((-x, -y, 0), (x, y, h), 0.02 * p)]
    hulls += [parts.round_solid([(0.3 * p, h), (0.28 * p, h + 0.225 * p)], count=12) + np.array([sx, sy, 0.0])
              for sx, sy in grid] if len(grid) <= 16 else [_stud_field(x, y, h, p)]  # fmt: skip
    fold = 4 if nx == ny else 2
    symmetries = symmetry.discrete(symmetry.turns(fold))
    return finish(solid, slots=[MaterialSlot("body", "plastic_glossy")], parts=hulls, symmetries=symmetries)


def _stud_field(x: float, y: float, h: float, pitch: float) -> F64:
    """One slab over all studs, for plates with too many of them."""
    edge = 0.19 * pitch
    return parts.prism(forms.rectangle(x - edge, y - edge, 0.3 * pitch), h, h + 0.225 * pitch)


# Western, right-handed: 1, 2, 3 run counter-clockwise about their common corner; opposite faces sum to seven.
# For every face: outward normal, and the two directions its pips are laid out along.
DIE_FACES: dict[int, tuple[tuple[int, int, int], tuple[int, int, int], tuple[int, int, int]]] = {
    1: ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    2: ((0, 1, 0), (0, 0, 1), (1, 0, 0)),
    3: ((0, 0, 1), (1, 0, 0), (0, 1, 0)),
    4: ((0, 0, -1), (1, 0, 0), (0, 1, 0)),
    5: ((0, -1, 0), (0, 0, 1), (1, 0, 0)),
    6: ((-1, 0, 0), (0, 1, 0), (0, 0, 1)),
}
PIPS: dict[int, tuple[tuple[int, int], ...]] = {
    1: ((0, 0),),
    2: ((-1, -1), (1, 1)),
    3: ((-1, -1), (0, 0), (1, 1)),
    4: ((-1, -1), (-1, 1), (1, -1), (1, 1)),
    5: ((-1, -1), (-1, 1), (0, 0), (1, -1), (1, 1)),
    6: ((-1, -1), (-1, 0), (-1, 1), (1, -1), (1, 0), (1, 1)),
}
PIP_COLOUR = (0.02, 0.02, 0.022)


def die(*, edge_m: float, rounding_ratio: float) -> Shape:
    """A six-sided die with indented, inked pips; ``rounding_ratio`` = edge radius / edge length."""
    half = 0.5 * edge_m
    cube = forms.rounded_block((-half,) * 3, (half,) * 3, rounding_ratio * edge_m, segments=20)
    pip_r = 0.098 * edge_m
    sink = 0.35 * pip_r
    lens = _lens(pip_r, sink)
    pips = []
    for number, (normal, u, v) in DIE_FACES.items():
        n, a, b = (np.array(axis, dtype=np.float64) for axis in (normal, u, v))
        x_axis = np.cross(b, n)
        for pu, pv in PIPS[number]:
            place = np.column_stack([x_axis, b, n, half * n + 0.25 * edge_m * (pu * a + pv * b)])
            pips.append(lens.transform(place))
    solid = cut(paint(cube, 0, mapping.faces), paint(join(*pips), 1, mapping.planar))
    slots = [
        MaterialSlot("body", "plastic_glossy"),
        MaterialSlot("pips", "fixed", Material(base_color=PIP_COLOUR, roughness=0.45)),
    ]
    return finish(solid, slots=slots, parts=[_rounded_box_points(half, rounding_ratio * edge_m)])


def _lens(radius: float, depth: float, *, segments: int = 28) -> Manifold:
    """A spherical cap below z = 0, ``radius`` wide there and ``depth`` deep, with a straight collar above."""
    ball = (radius**2 + depth**2) / (2 * depth)
    angle = np.linspace(0.0, np.arcsin(radius / ball), 5)
    curve = [(ball * np.sin(a), ball - depth - ball * np.cos(a), 0.0) for a in angle]
    return forms.turned([*curve, (radius, depth, 0), (0, depth, 0)], segments=segments)


def _rounded_box_points(half: float, radius: float) -> F64:
    """Hull points that follow a rounded cube: face corners, edges and one point on every corner's ball."""
    inner = half - radius
    points = []
    for bit in range(8):
        sign = np.array([1.0 if bit >> axis & 1 else -1.0 for axis in range(3)])
        points += [sign * (inner + radius * np.eye(3)[axis]) for axis in range(3)]
        points += [sign * (inner + radius * (1 - np.eye(3)[axis]) / np.sqrt(2)) for axis in range(3)]
        points.append(sign * (inner + radius / np.sqrt(3)))
    return np.array(points)


def tape_roll(*, diameter_m: float, width_m: float, core_ratio: float) -> Shape:
    """A roll of tape on a cardboard core, standing on its side; ``core_ratio`` = hole / outer diameter."""
    outer, hole = 0.5 * diameter_m, 0.5 * diameter_m * core_ratio
    core = hole + min(0.0035, 0.3 * (outer - hole))
    half = 0.5 * width_m
    tape = forms.turned([(core - 0.0002, -half, 0), (outer, -half, 0.0003), (outer, half, 0.0003),
                         (core - 0.0002, half, 0)])  # fmt: skip
    ring = forms.turned([(hole, -half - 0.0004, 0), (core, -half - 0.0004, 0), (core, half + 0.0004, 0),
                         (hole, half + 0.0004, 0)])  # fmt: skip
    angle = np.radians(np.linspace(-9.0, 0.0, 5))
    lift = outer + np.array([0.0010, 0.0009, 0.0007, 0.0006, 0.0005])
    below = np.full(5, outer - 0.0004)
    tab = np.concatenate([np.stack([lift * np.cos(angle), lift * np.sin(angle)], axis=1),
                          np.stack([below * np.cos(angle), below * np.sin(angle)], axis=1)[::-1]])  # fmt: skip
    end = forms.extruded([tab], -half + 0.0002, half - 0.0002)
    solid = union(paint(ring, 1, mapping.cylinder()), paint(join(tape, end), 0, mapping.cylinder()))
    hulls = parts.wedges([(hole, -half), (outer, -half), (outer, half), (hole, half)], 14)
    slots = [MaterialSlot("tape", "tape"), MaterialSlot("core", "cardboard")]
    return finish(solid, slots=slots, parts=hulls, symmetries=symmetry.continuous(flip=True))


def battery(*, diameter_m: float, length_ratio: float) -> Shape:
    """A round cell standing on its minus end, plus nub up; ``length_ratio`` = length / diameter."""
    radius, height = 0.5 * diameter_m, diameter_m * length_ratio
    nub_r, nub_h = 0.38 * radius, 0.022 * height
    top = height - nub_h
    edge, groove = 0.10 * radius, top - 0.06 * radius
    case = forms.turned(
        [(0, 0.012 * radius, 0), (0.62 * radius, 0.012 * radius, 0), (0.66 * radius, 0, 0), (0.9 * radius, 0, edge),
         (radius, 0.03 * height, edge), (radius, groove, edge), (0.9 * radius, top, edge),
         (0.62 * radius, top, 0), (0.58 * radius, groove, 0), (nub_r + 0.04 * radius, groove, 0),
         (nub_r, height, 0.4 * nub_h), (0, height, 0)], segments=48,
    )  # fmt: skip
    low, split, high = 0.02 * height, 0.72 * height, top - 0.07 * radius
    # Each foil lies proud of the metal: coincident surfaces would share their paint triangle by triangle.
    foils = [(low, split, 0, 1 + 0.0001 / radius), (split - 0.001, high, 1, 1 + 0.00005 / radius)]
    pieces = [paint(case, 2, mapping.planar)]
    for z_low, z_high, slot, fat in foils:
        band = paint(forms.disc(2 * radius, z_low, z_high, segments=8), slot, mapping.planar)
        pieces.append(common(paint(case.scale((fat, fat, 1)), slot, mapping.label()), band))
    hulls = [
        parts.round_solid([(0.9 * radius, 0), (radius, 0.03 * height), (radius, groove), (0.9 * radius, top)]),
        parts.round_solid([(nub_r, groove), (nub_r, height)], count=12),
    ]
    slots = [MaterialSlot("label", "cell_wrap"), MaterialSlot("band", "brass"), MaterialSlot("ends", "zinc")]
    return finish(union(*pieces), slots=slots, parts=hulls, symmetries=symmetry.continuous())
