"""GGX surfaces: facets drawn as the eye sees them. What tables of mirroring surfaces are integrated with.

Frame: normal (0, 0, 1), view (sqrt(1 - n_v^2), 0, n_v). alpha = roughness squared.
"""

from __future__ import annotations

import math

from synthgen.kernels import inner


@inner
def mirrored_to(alpha: float, n_v: float, i: int, side: int) -> tuple[float, float, float, float, float]:
    """The i-th of side * side directions that light comes from, drawn by how much of each facet is seen (Heitz 2018,
    "Sampling the GGX Distribution of Visible Normals").

    Returns:
        As ``mirrored_by``.
    """
    radius, turn = math.sqrt((i // side + 0.5) / side), 2.0 * math.pi * (i % side + 0.5) / side
    return mirrored_by(alpha, n_v, radius * math.cos(turn), radius * math.sin(turn))


@inner
def mirrored_by(alpha: float, n_v: float, a: float, b: float) -> tuple[float, float, float, float, float]:
    """Where light comes from that one facet sends to the eye; the facet: a point (a, b) of the unit disc.

    Returns:
        (l_x, l_y, l_z, v.h, weight): weight = share of the facet's light that neighbours do not hide from the eye, 0
        for directions from beneath the surface. Mean weight = albedo of a surface whose facets mirror all.
    """
    vx = math.sqrt(1.0 - n_v * n_v)
    stretched = math.sqrt(alpha * alpha * vx * vx + n_v * n_v)
    sx, sz = alpha * vx / stretched, n_v / stretched
    b = (1.0 - 0.5 * (1.0 + sz)) * math.sqrt(max(0.0, 1.0 - a * a)) + 0.5 * (1.0 + sz) * b
    c = math.sqrt(max(0.0, 1.0 - a * a - b * b))
    # Tangents of the stretched view (sx, 0, sz): (0, 1, 0) and (-sz, 0, sx).
    hx, hy, hz = alpha * (c * sx - b * sz), alpha * a, max(1e-6, c * sz + b * sx)
    scale = 1.0 / math.sqrt(hx * hx + hy * hy + hz * hz)
    hx, hy, hz = hx * scale, hy * scale, hz * scale
    v_h = max(1e-4, hx * vx + hz * n_v)
    n_l = 2.0 * v_h * hz - n_v
    weight = 0.0
    if n_l > 0.0:
        mine = shadowing(alpha, n_v)
        weight = (1.0 + mine) / (1.0 + mine + shadowing(alpha, n_l))
    return 2.0 * v_h * hx - vx, 2.0 * v_h * hy, n_l, v_h, weight


@inner
def shadowing(alpha: float, cosine: float) -> float:  # pragma: no cover - compiled
    """Smith's Lambda (Heitz 2014, "Understanding the Masking-Shadowing Function", eq. 72)."""
    tangent2 = (1.0 - cosine * cosine) / (cosine * cosine)
    return 0.5 * (math.sqrt(1.0 + alpha * alpha * tangent2) - 1.0)


@inner
def ggx_density(alpha: float, n_v: float, n_l: float, n_h: float) -> float:  # pragma: no cover - compiled
    """D G / (4 n.v), per sr: what facets that mirror all send to the eye of light from a direction (Walter et al. 2007,
    eq. 20 times n.l; G of both directions together, Heitz 2014, eq. 99)."""
    a2 = alpha * alpha
    spread = n_h * n_h * (a2 - 1.0) + 1.0
    return a2 / (math.pi * spread * spread * 4.0 * n_v * (1.0 + shadowing(alpha, n_v) + shadowing(alpha, n_l)))
