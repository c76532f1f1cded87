"""What a picture says about the camera that took it: exposure, colour cast, noise in flat areas, sharpness of edges.

Photographs and our own pictures are measured by the same code; only differences between the two count.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

from synthgen.types.arrays import F32, F64, U8

BLOCK_PX = 16
BINS = np.arange(16.0, 241.0, 32.0)  # brightness levels (of 255) at which noise is compared: edges of the bins
FLAT_SHARE = 0.2  # noise is read from the flattest blocks of a bin: the others hold texture
MIN_BLOCKS = 20  # fewer blocks say too little about a bin
FINE_PX, COARSE_PX = 0.8, 1.6  # scales at which gradients are compared
EDGE_LEVELS = 10.0  # levels per pixel from which a gradient is an edge
EDGE_QUANTILE = 0.35  # below: soft shading and texture; above: lines and corners, which seem sharper than they are
MIN_EDGES = 50
LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)


@dataclass(frozen=True, eq=False)
class Picture:
    """Statistics of one picture.

    Attributes:
        brightness: mean luma, levels of 255.
        red_ev, blue_ev: stops of red and blue against green of the light, by shades of grey.
        blocks: (N, 2) float64: mean green level and residual standard deviation of every block.
        sharpness: ratio of edge gradients at the fine and the coarse scale: 1 soft to 2 sharp; nan = too few edges.
        detail: root mean square of what a blur of 1 px takes away, levels of 255.
    """

    brightness: float
    red_ev: float
    blue_ev: float
    blocks: F64
    sharpness: float
    detail: float


def statistics_of(image: U8) -> Picture:
    """Measures an (H, W, 3) uint8 RGB picture."""
    luma = image.astype(np.float32) @ LUMA
    red_ev, blue_ev = cast_of(image)
    soft = cv2.GaussianBlur(luma, (0, 0), 1.0, borderType=cv2.BORDER_REFLECT_101)
    return Picture(
        brightness=float(luma.mean(dtype=np.float64)),
        red_ev=red_ev,
        blue_ev=blue_ev,
        blocks=flatness(image[..., 1]),
        sharpness=edge_sharpness(luma),
        detail=float(np.sqrt(np.mean((luma - soft).astype(np.float64) ** 2))),
    )


def cast_of(image: U8) -> tuple[float, float]:
    """Stops of red and of blue against green, by "shades of grey" (Finlayson and Trezzi 2004, Minkowski norm 6).

    In linear light, on pixels that are not clipped: what the white balance of ``sense`` estimates, too.
    """
    sample = image[::2, ::2].reshape(-1, 3)
    kept = sample[(sample.max(axis=1) < 250)]
    if len(kept) < 100:
        return 0.0, 0.0
    linear = np.where(kept <= 10, kept / (255 * 12.92), ((kept / 255.0 + 0.055) / 1.055) ** 2.4)
    light = (linear**6).mean(axis=0) ** (1 / 6) + 1e-6
    return math.log2(light[0] / light[1]), math.log2(light[2] / light[1])


def noise_curve(blocks: F64) -> dict[float, float]:
    """Brightness level -> standard deviation of the flattest blocks there; levels with too few blocks are left out."""
    curve: dict[float, float] = {}
    for low, high in pairwise(BINS):
        within = blocks[(blocks[:, 0] >= low) & (blocks[:, 0] < high), 1]
        if len(within) >= MIN_BLOCKS:
            curve[float(0.5 * (low + high))] = float(np.quantile(within, FLAT_SHARE))
    return curve


def flatness(green: U8) -> F64:
    """(N, 2) mean and residual standard deviation of every block, a plane taken off (light falls off smoothly)."""
    rows, columns = green.shape[0] // BLOCK_PX, green.shape[1] // BLOCK_PX
    cut = green[: rows * BLOCK_PX, : columns * BLOCK_PX].astype(np.float64)
    blocks = cut.reshape(rows, BLOCK_PX, columns, BLOCK_PX).transpose(0, 2, 1, 3).reshape(-1, BLOCK_PX * BLOCK_PX)
    y, x = np.mgrid[0:BLOCK_PX, 0:BLOCK_PX] - (BLOCK_PX - 1) / 2
    plane = np.stack([np.ones(BLOCK_PX**2), x.ravel(), y.ravel()], axis=1)
    plane /= np.linalg.norm(plane, axis=0)
    residual = blocks - (blocks @ plane) @ plane.T
    deviation = np.sqrt((residual**2).sum(axis=1) / (BLOCK_PX**2 - 3))
    return np.stack([blocks.mean(axis=1), deviation], axis=1)


def edge_sharpness(luma: F32) -> float:
    """Ratio of the gradient at two scales on the ridges of strong edges: a step blurred by s px gives
    sqrt((s^2 + coarse^2) / (s^2 + fine^2)) (Elder and Zucker 1998). nan where there are too few edges."""
    fine, direction = _gradient(luma, FINE_PX)
    coarse, _ = _gradient(luma, COARSE_PX)
    ridge = (fine > EDGE_LEVELS) & _is_ridge(fine, direction) & (coarse > 0.4 * fine)
    ridge[:4] = ridge[-4:] = False
    ridge[:, :4] = ridge[:, -4:] = False
    if ridge.sum() < MIN_EDGES:
        return math.nan
    return float(np.quantile(fine[ridge] / coarse[ridge], EDGE_QUANTILE))


def _gradient(luma: F32, scale_px: float) -> tuple[F32, F32]:
    """(magnitude in levels per pixel, direction in radians) of the smoothed picture."""
    smooth = cv2.GaussianBlur(luma, (0, 0), scale_px, borderType=cv2.BORDER_REFLECT_101)
    dx = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, ksize=1, scale=0.5)
    dy = cv2.Sobel(smooth, cv2.CV_32F, 0, 1, ksize=1, scale=0.5)
    return np.asarray(np.hypot(dx, dy), np.float32), np.asarray(np.arctan2(dy, dx), np.float32)


def _is_ridge(magnitude: F32, direction: F32) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Local maxima across the edge, to the nearest of four directions."""
    sector = np.rint(direction / (np.pi / 4)).astype(np.int64) % 4
    out = np.zeros(magnitude.shape, np.bool_)
    for number, (dy, dx) in enumerate(((0, 1), (1, 1), (1, 0), (1, -1))):
        ahead = np.roll(magnitude, (-dy, -dx), (0, 1))
        behind = np.roll(magnitude, (dy, dx), (0, 1))
        out |= (sector == number) & (magnitude >= ahead) & (magnitude > behind)
    return out
