"""Compiled kernels: how much of the sky one point sees, from a depth map of every sky cell."""

from __future__ import annotations

import numpy as np

from synthgen.kernels import inner, njit
from synthgen.render.light_sky import LANES, ROWS, Sky
from synthgen.render.shadow import BLOCK
from synthgen.types.arrays import F32, F64, I32, I64

Scratch = tuple[F32, I32, I64]

GRAZING = np.float32(0.03)  # cosine below which a sky cell gives a surface next to nothing but noise
MIN_FACING = np.float32(0.15)  # below it a surface is so edge-on to a sky direction that its own slope bias would leak
WHOLE_BLOCK, PER_BLOCK = np.float32(BLOCK), np.float32(1.0 / BLOCK)
ZERO, HALF, ONE, TWO, FOUR, EIGHT = (np.float32(x) for x in (0.0, 0.5, 1.0, 2.0, 4.0, 8.0))
NEARLY_TWO, A_LITTLE, ENOUGH = np.float32(1.001), np.float32(0.001), np.float32(1e-6)
ZERO_I, ONE_I = np.int32(0), np.int32(1)

# Where the rows of ``SkyMaps.cells`` and of a point's scratch begin, counted from the first (x of the direction;
# weight; block or texel). Unsigned: numba wraps signed indices around, which keeps the compiler from vector code.
LANE = np.uint64(LANES)
DY, DZ, ENERGY, SPREAD, UX, UY, UZ, U0, VX, VY, VZ, V0, SX, SY, SZ, S0, PER_M, SLOPE_U, SLOPE_V, WIDTH = (
    np.uint64(LANES * row) for row in range(1, ROWS)
)
GLOSS, U, V, S, GU, GV, FX, FY, RISES, CLEAR = (np.uint64(LANES * row) for row in range(1, 11))
STEP, NEAR, NEAR_RIGHT, NEAR_UNDER, NEAR_LAST, LIST = (np.uint64(LANES * row) for row in range(1, 7))
WORK_ROWS, AT_ROWS = 11, 7
CELL_GROUP, WORK_GROUP, AT_GROUP = (np.uint64(LANES * rows) for rows in (ROWS, WORK_ROWS, AT_ROWS))


@inner
def table_shadow(
    px: float, py: float, pz: float, dx: float, dy: float, dz: float, spread: float, table: F64
) -> float:  # pragma: no cover - compiled
    """Share of a distant light (angular radius ``spread``) that a flat table leaves for a point below it.

    Args:
        table: (7,) centre x, y, half extents along its own axes, cos and sin of its turn, height of its top.
    """
    rise = table[6] - pz
    if rise <= 0.01 or dz <= 0.01:
        return 1.0
    reach = rise / dz
    x, y = px + dx * reach - table[0], py + dy * reach - table[1]
    a = abs(table[4] * x + table[5] * y)
    b = abs(-table[5] * x + table[4] * y)
    width = max(0.005, spread * reach)
    ca = min(1.0, max(0.0, 0.5 + 0.5 * (table[2] - a) / width))
    cb = min(1.0, max(0.0, 0.5 + 0.5 * (table[3] - b) / width))
    return 1.0 - ca * ca * (3.0 - 2.0 * ca) * cb * cb * (3.0 - 2.0 * cb)


@njit(cache=True, nogil=True)
def scratch_for(sky: Sky) -> Scratch:  # pragma: no cover - compiled
    """Room for one point at a time: (WORK_ROWS N,) float32, (AT_ROWS N,) int32, (N,) int64."""
    count = len(sky[0]) // ROWS
    return np.empty(WORK_ROWS * count, np.float32), np.empty(AT_ROWS * count, np.int32), np.empty(count, np.int64)


@inner
def sky_visibility(
    px: float,
    py: float,
    pz: float,
    nx: float,
    ny: float,
    nz: float,
    mx: float,
    my: float,
    mz: float,
    glossy: bool,
    below: bool,
    bias: float,
    sky: Sky,
    scratch: Scratch,
    table: F64,
) -> tuple[np.float32, np.float32]:  # pragma: no cover - compiled
    """Energy-weighted visibility of the sky cells from one point, for diffuse light and for the mirror lobe.

    Arithmetic for all cells takes turns with look-ups: loops of plain float32 over LANES numbers, without a branch
    and without a look-up in a map, are what the compiler turns into vector code.

    Args:
        p, n, m: float32 point, normal, mirror direction; bias: metres a blocker must rise above the point.
        glossy: mirror lobe of a cosine to the fourth power, else squared.
        below: whether the flat table may be above the point.
        sky: ``SkyMaps.parts``; scratch: from ``scratch_for``.
    """
    cells, depth, coarse, size, blocks = sky
    work, at, four = scratch
    count = len(four)
    _project(px, py, pz, nx, ny, nz, mx, my, mz, glossy, bias, cells, work, at, np.int32(blocks))
    for i in range(count):
        k = np.uint64(i)
        four[k] = coarse[np.uint64(i * blocks * blocks + at[(k // LANE) * AT_GROUP + k % LANE])]
    _aim(cells, work, at, four, np.int32(size))
    found = 0
    for i in range(count):
        k = np.uint64(i)
        group, lane = k // LANE, k % LANE
        at[np.uint64(found // LANES) * AT_GROUP + LIST + np.uint64(found % LANES)] = i
        found += 1 if work[group * WORK_GROUP + lane + RISES] > ZERO else 0
    for n in range(found):
        cell = np.uint64(at[np.uint64(n // LANES) * AT_GROUP + LIST + np.uint64(n % LANES)])
        k = (cell // LANE) * AT_GROUP + cell % LANE
        here, step = cell * np.uint64(size * size) + np.uint64(at[k]), np.uint64(at[k + STEP])
        under = here + step * np.uint64(size)
        at[k + NEAR], at[k + NEAR_RIGHT] = depth[here], depth[here + step]
        at[k + NEAR_UNDER], at[k + NEAR_LAST] = depth[under], depth[under + step]
    if below:
        for i in range(count):
            k, c = np.uint64(i // LANES) * WORK_GROUP, np.uint64(i // LANES) * CELL_GROUP
            k, c = k + np.uint64(i % LANES), c + np.uint64(i % LANES)
            dx, dy, dz, spread = cells[c], cells[c + DY], cells[c + DZ], cells[c + SPREAD]
            work[k + CLEAR] = table_shadow(px, py, pz, dx, dy, dz, spread, table)
    all_d, all_s, open_d, open_s = _weigh(work, at, count // LANES)
    diffuse = open_d / all_d if all_d > ENOUGH else ONE
    return diffuse, (open_s / all_s if all_s > ENOUGH else diffuse)


@inner
def _project(
    px: float,
    py: float,
    pz: float,
    nx: float,
    ny: float,
    nz: float,
    mx: float,
    my: float,
    mz: float,
    glossy: bool,
    bias: float,
    cells: F32,
    work: F32,
    at: I32,
    blocks: int,
) -> None:  # pragma: no cover - compiled
    """What every sky cell means to a point: weights, place in its map, slopes, and the coarse block it falls into."""
    edge, last = np.float32(blocks) * WHOLE_BLOCK, np.float32(blocks) - NEARLY_TWO
    for group in range(len(cells) // (ROWS * LANES)):
        for lane in range(LANES):
            c = np.uint64(group) * CELL_GROUP + np.uint64(lane)
            k = np.uint64(group) * WORK_GROUP + np.uint64(lane)
            dx, dy, dz = cells[c], cells[c + DY], cells[c + DZ]
            nd = nx * dx + ny * dy + nz * dz
            gloss = mx * dx + my * dy + mz * dz
            gloss = gloss if gloss > ZERO else ZERO
            gloss = gloss * gloss
            weight = nd * cells[c + ENERGY] if nd > GRAZING else ZERO
            work[k] = weight
            work[k + GLOSS] = (gloss * gloss if glossy else gloss) * weight
            ux, uy, uz = cells[c + UX], cells[c + UY], cells[c + UZ]
            vx, vy, vz = cells[c + VX], cells[c + VY], cells[c + VZ]
            u = px * ux + py * uy + pz * uz + cells[c + U0]
            v = px * vx + py * vy + pz * vz + cells[c + V0]
            work[k + U], work[k + V] = u, v
            rise = px * cells[c + SX] + py * cells[c + SY] + pz * cells[c + SZ]
            work[k + S] = rise + (cells[c + S0] + bias * cells[c + PER_M])
            # Change of s per texel on the point's plane, so that a tilted plane does not shadow itself.
            slope = ONE / (nd if nd > MIN_FACING else MIN_FACING)
            work[k + GU] = (nx * ux + ny * uy + nz * uz) * (cells[c + SLOPE_U] * slope)
            work[k + GV] = (nx * vx + ny * vy + nz * vz) * (cells[c + SLOPE_V] * slope)
            x, y = u * PER_BLOCK - HALF, v * PER_BLOCK - HALF
            x, y = (x if x > ZERO else ZERO), (y if y > ZERO else ZERO)
            x, y = (x if x < last else last), (y if y < last else last)
            i, j = np.int32(x), np.int32(y)
            at[np.uint64(group) * AT_GROUP + np.uint64(lane)] = j * blocks + i
            work[k + FX], work[k + FY] = x - np.float32(i), y - np.float32(j)
            outside = min(min(u, v), min(edge - u, edge - v))
            work[k + RISES] = weight if outside > ZERO else ZERO
            work[k + CLEAR] = ONE


@inner
def _aim(cells: F32, work: F32, at: I32, four: I64, size: int) -> None:  # pragma: no cover - compiled
    """How far blockers rise above the point in each map (0 where that does not matter), and which texels to ask.

    One stride serves: a step from one to the next is lost among so many sky cells. It is the finer one: small things
    shade themselves under taller neighbours.
    """
    for group in range(len(four) // LANES):
        for lane in range(LANES):
            c = np.uint64(group) * CELL_GROUP + np.uint64(lane)
            k = np.uint64(group) * WORK_GROUP + np.uint64(lane)
            p = np.uint64(group) * AT_GROUP + np.uint64(lane)
            tops = four[np.uint64(group * LANES + lane)]
            s, fx = work[k + S], work[k + FX]
            a, b = _above(tops & 0xFFFF, s), _above((tops >> 16) & 0xFFFF, s)
            d, e = _above((tops >> 32) & 0xFFFF, s), _above((tops >> 48) & 0xFFFF, s)
            upper, lower = a + (b - a) * fx, d + (e - d) * fx
            reach = upper + (lower - upper) * work[k + FY]
            work[k + RISES] = reach if work[k + RISES] > ZERO else ZERO
            width = reach * cells[c + WIDTH]
            level = ONE_I if width >= TWO else ZERO_I
            level = level + (ONE_I if width >= FOUR else ZERO_I)
            level = level + (ONE_I if width >= EIGHT else ZERO_I)
            step = ONE_I << level
            stride = np.float32(step)
            most = np.float32((size - ONE_I) >> level) - A_LITTLE
            u, v = work[k + U], work[k + V]
            x, y = (u - HALF) / stride, (v - HALF) / stride
            x, y = (x if x > ZERO else ZERO), (y if y > ZERO else ZERO)
            x, y = (x if x < most else most), (y if y < most else most)
            i, j = np.int32(x), np.int32(y)
            work[k + FX], work[k + FY] = x - np.float32(i), y - np.float32(j)
            i, j = i << level, j << level
            gu, gv = work[k + GU], work[k + GV]
            work[k + S] = s + gu * (np.float32(i) + HALF - u) + gv * (np.float32(j) + HALF - v)
            work[k + GU], work[k + GV] = gu * stride, gv * stride
            at[p], at[p + STEP] = j * size + i, step
            at[p + NEAR], at[p + NEAR_RIGHT], at[p + NEAR_UNDER], at[p + NEAR_LAST] = ZERO_I, ZERO_I, ZERO_I, ZERO_I


@inner
def _weigh(
    work: F32, at: I32, groups: int
) -> tuple[np.float32, np.float32, np.float32, np.float32]:  # pragma: no cover - compiled
    """Sums of the cells' weights for diffuse and mirrored light, and of what of them is open (bilinear between the
    texels that were asked)."""
    for group in range(groups):
        for lane in range(LANES):
            k = np.uint64(group) * WORK_GROUP + np.uint64(lane)
            p = np.uint64(group) * AT_GROUP + np.uint64(lane)
            s, across, down, fx = work[k + S], work[k + GU], work[k + GV], work[k + FX]
            a, b = _nearer(at[p + NEAR], s), _nearer(at[p + NEAR_RIGHT], s + across)
            d, e = _nearer(at[p + NEAR_UNDER], s + down), _nearer(at[p + NEAR_LAST], s + across + down)
            upper, lower = a + (b - a) * fx, d + (e - d) * fx
            clear = (ONE - (upper + (lower - upper) * work[k + FY])) * work[k + CLEAR]
            work[k + U], work[k + V] = work[k] * clear, work[k + GLOSS] * clear
    all_d, all_s, open_d, open_s = ZERO, ZERO, ZERO, ZERO
    for group in range(groups):
        for lane in range(LANES):
            k = np.uint64(group) * WORK_GROUP + np.uint64(lane)
            all_d += work[k]
            all_s += work[k + GLOSS]
            open_d += work[k + U]
            open_s += work[k + V]
    return all_d, all_s, open_d, open_s


@inner
def _above(top: int, s: float) -> np.float32:  # pragma: no cover - compiled
    """How far a block's highest texel rises above depth s; nothing does where the block is empty."""
    rise = np.float32(top) - s
    rise = rise if rise > ZERO else ZERO
    return rise if top > 0 else ZERO


@inner
def _nearer(top: int, s: float) -> np.float32:  # pragma: no cover - compiled
    """1 where a texel is nearer to the light than s, which may be below all of them; empty texels (0) never are."""
    nearer = ONE if np.float32(top) > s else ZERO
    return nearer if top > 0 else ZERO
