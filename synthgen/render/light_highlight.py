"""The GGX highlight of a light at its representative point."""

from __future__ import annotations

import math

from synthgen.kernels import inner

MIN_ALPHA = 0.003


@inner
def ggx(alpha: float, n_l: float, n_v: float, n_h: float) -> float:  # pragma: no cover - compiled
    """D V of the microfacet model without Fresnel: Walter et al. 2007 eq. 33, height-correlated Smith of
    Heitz 2014 eq. 99 (V = G / (4 n.l n.v))."""
    a2 = alpha * alpha
    d = n_h * n_h * (a2 - 1.0) + 1.0
    v = n_l * math.sqrt(n_v * n_v * (1.0 - a2) + a2) + n_v * math.sqrt(n_l * n_l * (1.0 - a2) + a2)
    return a2 / (math.pi * d * d) * 0.5 / max(v, 1e-6)


@inner
def highlight_lobe(
    lx: float,
    ly: float,
    lz: float,
    nx: float,
    ny: float,
    nz: float,
    rx: float,
    ry: float,
    rz: float,
    roughness: float,
    widening: float,
) -> tuple[float, float]:  # pragma: no cover - compiled
    """D V n.l towards a light's representative point and Schlick's (1 - v.h)^5.

    The lobe is lowered by (alpha / (alpha + widening))^2 as the light's size spreads it (Karis 2013).

    Args:
        l: unit direction to the point; n: normal; r: view ray (away from the camera).
    """
    n_l = nx * lx + ny * ly + nz * lz
    if n_l <= 0.0:
        return 0.0, 0.0
    n_v = max(1e-3, -(nx * rx + ny * ry + nz * rz))
    hx, hy, hz = lx - rx, ly - ry, lz - rz
    inverse = 1.0 / max(1e-6, math.sqrt(hx * hx + hy * hy + hz * hz))
    n_h = min(1.0, (nx * hx + ny * hy + nz * hz) * inverse)
    v_h = min(1.0, max(0.0, -(rx * hx + ry * hy + rz * hz) * inverse))
    alpha = max(MIN_ALPHA, roughness * roughness)
    wide = min(1.0, alpha + widening)
    grazing = 1.0 - v_h
    squared = grazing * grazing
    return ggx(alpha, n_l, n_v, n_h) * (alpha / wide) ** 2 * n_l, squared * squared * grazing


@inner
def fresnel(albedo: float, metallic: float, schlick: float) -> float:  # pragma: no cover - compiled
    """Schlick's approximation with F0 = 0.04 for dielectrics and the base colour for metals."""
    f0 = 0.04 * (1.0 - metallic) + albedo * metallic
    return f0 + (1.0 - f0) * schlick
