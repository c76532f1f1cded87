"""Fresnel: how much of a light facets mirror, by the cosine v.h between view and facet."""

from __future__ import annotations

import math

from synthgen.kernels import inner

IOR = 1.5


@inner
def schlick(v_h: float) -> float:  # pragma: no cover - compiled
    """(1 - v.h)^5: how far a metal's reflectance is from its colour to 1 (Schlick 1994)."""
    grazing = 1.0 - v_h
    squared = grazing * grazing
    return squared * squared * grazing


@inner
def dielectric(v_h: float) -> float:  # pragma: no cover - compiled
    """Reflectance of a dielectric with an index of refraction of 1.5, by Fresnel's equations (Cook & Torrance 1982):
    Schlick's fit is a fifth too low where tables are seen aslant."""
    g = math.sqrt(IOR * IOR - 1.0 + v_h * v_h)
    minus, plus = g - v_h, g + v_h
    parallel = (v_h * plus - 1.0) / (v_h * minus + 1.0)
    return 0.5 * minus * minus / (plus * plus) * (1.0 + parallel * parallel)


@inner
def fresnel(albedo: float, metallic: float, dielectric: float, schlick: float) -> float:  # pragma: no cover - compiled
    """Reflectance of one colour from those of the two kinds of surface at the same v.h."""
    return (1.0 - metallic) * dielectric + metallic * (albedo + (1.0 - albedo) * schlick)
