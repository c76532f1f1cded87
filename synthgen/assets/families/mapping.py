"""Texture mappings: triangle corners -> texture coordinates, u to the right and v down as seen from outside.

A mapping is a pure function ``(corners (F, 3, 3), normals (F, 3), bounds (2, 3)) -> (F, 3, 2)``, all float64, metres;
``bounds`` is the box of the piece as it was painted. Results lie in [0, 1], except for ``metric`` (metres).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from synthgen.assets import carton_atlas
from synthgen.types.arrays import F64, I64

TextureMapping = Callable[[F64, F64, F64], F64]

CAP_COSINE = 0.8  # faces steeper than this towards the axis of a cylinder are mapped flat, like a lid

# For every face direction (+x, -x, +y, -y, +z, -z): the axis and sign that u and v run along.
_U_AXIS = np.array([1, 1, 0, 0, 0, 0])
_U_SIGN = np.array([1.0, -1.0, -1.0, 1.0, 1.0, -1.0])
_V_AXIS = np.array([2, 2, 2, 2, 1, 1])


def planar(corners: F64, normals: F64, bounds: F64) -> F64:
    """Each face seen along its main axis, one scale for the whole piece: unstretched, charts overlap."""
    direction = _direction(normals)
    return _clip(_project(corners, direction, bounds) / float((bounds[1] - bounds[0]).max()))


def faces(corners: F64, normals: F64, bounds: F64) -> F64:
    """Each of the six sides of the box fills [0, 1] x [0, 1]: for prints."""
    direction = _direction(normals)
    extent = bounds[1] - bounds[0]
    size = np.stack([extent[_U_AXIS[direction]], extent[_V_AXIS[direction]]], axis=1)
    return _clip(_project(corners, direction, bounds) / size[:, None, :])


def carton(corners: F64, normals: F64, bounds: F64) -> F64:
    """Each of the six sides of the box shows its cell of the print (``assets.carton_atlas``); front and back alike."""
    cells = np.array(carton_atlas.CELL_OF_SIDE, dtype=np.float64)[_direction(normals)][:, None, :]
    low, high = cells[..., :2] + carton_atlas.MARGIN_PX, cells[..., 2:] - carton_atlas.MARGIN_PX
    at = low + faces(corners, normals, bounds) * (high - low)
    return np.asarray(at / np.array([carton_atlas.WIDTH_PX, carton_atlas.HEIGHT_PX]))


def metric(corners: F64, normals: F64, bounds: F64) -> F64:
    """Like ``planar`` in metres from the box corner: textures of supports keep their real scale."""
    return _project(corners, _direction(normals), bounds)


def label(axis: int = 2) -> TextureMapping:
    """Wrapped once around the axis: u = 0..1 around, v = 0..1 from top to bottom."""

    def mapping(corners: F64, normals: F64, bounds: F64) -> F64:
        turn, _ = _around(corners, bounds, axis)
        height = bounds[1, axis] - bounds[0, axis]
        return _unmirrored(_clip(np.stack([turn, (bounds[1, axis] - corners[..., axis]) / height], axis=-1)))

    return mapping


def cylinder(axis: int = 2) -> TextureMapping:
    """Unrolled around the axis at one scale for both directions; faces across the axis are mapped flat."""

    def mapping(corners: F64, normals: F64, bounds: F64) -> F64:
        extent = bounds[1] - bounds[0]
        first, second = (axis + 1) % 3, (axis + 2) % 3
        girth = np.pi * 0.5 * float(extent[first] + extent[second])
        scale = max(girth, float(extent[axis]))
        turn, centre = _around(corners, bounds, axis)
        side = np.stack([turn * girth, bounds[1, axis] - corners[..., axis]], axis=-1) / scale
        flat = np.stack([corners[..., first] - centre[0], -(corners[..., second] - centre[1])], axis=-1) / scale + 0.5
        lid = np.abs(normals[:, axis]) > CAP_COSINE
        return _unmirrored(_clip(np.where(lid[:, None, None], flat, side)))

    return mapping


def _around(corners: F64, bounds: F64, axis: int) -> tuple[F64, F64]:
    """Turn in [0, 1] about the box's centre line for every corner, unwrapped per triangle, and the (2,) centre."""
    first, second = (axis + 1) % 3, (axis + 2) % 3
    centre = 0.5 * (bounds[0] + bounds[1])[[first, second]]
    x, y = corners[..., first] - centre[0], corners[..., second] - centre[1]
    middle = np.arctan2(y.mean(axis=1), x.mean(axis=1))[:, None] % (2 * np.pi)
    away = (np.arctan2(y, x) - middle + np.pi) % (2 * np.pi) - np.pi
    away = np.where(np.hypot(x, y) > 1e-9, away, 0.0)  # a corner on the axis has no angle of its own
    return (middle + away) / (2 * np.pi), centre


def _direction(normals: F64) -> I64:
    """(F,) index of the main direction of each face: 0..5 = +x, -x, +y, -y, +z, -z."""
    axis = np.abs(normals).argmax(axis=1)
    negative = np.take_along_axis(normals, axis[:, None], axis=1)[:, 0] < 0
    return (2 * axis + negative).astype(np.int64)


def _project(corners: F64, direction: I64, bounds: F64) -> F64:
    """Metres to the right and down of the box's top-left corner, as seen from outside on that side: (F, 3, 2)."""
    u_axis, v_axis, sign = _U_AXIS[direction], _V_AXIS[direction], _U_SIGN[direction]
    u = np.take_along_axis(corners, u_axis[:, None, None], axis=2)[..., 0]
    v = np.take_along_axis(corners, v_axis[:, None, None], axis=2)[..., 0]
    left = np.where(sign > 0, bounds[0][u_axis], bounds[1][u_axis])
    return np.stack([(u - left[:, None]) * sign[:, None], bounds[1][v_axis][:, None] - v], axis=-1)


def _unmirrored(uv: F64) -> F64:
    """Turns the faces over that came out mirrored: inner walls and undersides."""
    right, down = uv[:, 1] - uv[:, 0], uv[:, 2] - uv[:, 0]
    mirrored = right[:, 0] * down[:, 1] - right[:, 1] * down[:, 0] > 0
    return np.stack([np.where(mirrored[:, None], 1.0 - uv[..., 0], uv[..., 0]), uv[..., 1]], axis=-1)


def _clip(uv: F64) -> F64:
    return np.clip(uv, 0.0, 1.0)
