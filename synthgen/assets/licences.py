"""Where an asset comes from and under which licence: glTF copyright, a manifest.json, or a LICENSE file beside it."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

UNSPECIFIED = "unspecified"
MAX_LENGTH = 300


@dataclass(frozen=True)
class Provenance:
    """``source``: where it was obtained; ``licence``: its name; ``attribution``: whom or what to credit."""

    source: str
    licence: str
    attribution: str


def provenance(path: str) -> Provenance:
    """Provenance of a mesh or environment file, best knowledge first.

    A ``manifest.json`` beside the file (a list of objects with "name", "licence", "source") that names its stem wins,
    then ``asset.copyright`` or ``asset.extras`` of a glTF file, then the first line of a ``LICENSE*.txt`` beside it.
    """
    file = Path(path)
    sidecar = _sidecar(file)
    entry = _manifest_entry(file)
    asset = _gltf_asset(file)
    extras = asset.get("extras")
    extras = extras if isinstance(extras, dict) else {}
    licence = entry.get("licence") or entry.get("license") or extras.get("licence") or extras.get("license")
    source = entry.get("source") or extras.get("source") or file.name
    attribution = (
        entry.get("attribution") or asset.get("copyright") or extras.get("author") or entry.get("licence") or sidecar
    )
    return Provenance(_line(source), _line(licence or UNSPECIFIED), _line(attribution or UNSPECIFIED))


def _line(text: Any) -> str:
    return " ".join(str(text).split())[:MAX_LENGTH]


def _sidecar(file: Path) -> str:
    """Name and first line of the licence file in the same folder."""
    for licence in sorted(file.parent.glob("LICENSE*.txt")):
        lines = licence.read_text(encoding="utf-8", errors="replace").splitlines()
        first = next((line.strip() for line in lines if line.strip()), "")
        if first:
            return f"{licence.name}: {first}"
    return ""


def _manifest_entry(file: Path) -> dict[str, Any]:
    manifest = file.parent / "manifest.json"
    try:
        entries = json.loads(manifest.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if isinstance(entries, list):
        for entry in entries:
            if isinstance(entry, dict) and entry.get("name") in (file.stem, file.name):
                return entry
    return {}


def _gltf_asset(file: Path) -> dict[str, Any]:
    """The "asset" block of a .glb or .gltf header; empty when there is none."""
    try:
        if file.suffix.lower() == ".gltf":
            header = json.loads(file.read_bytes())
        elif file.suffix.lower() == ".glb":
            with file.open("rb") as stream:
                head = stream.read(20)
                header = json.loads(stream.read(struct.unpack("<I", head[12:16])[0]))
        else:
            return {}
    except (OSError, ValueError, struct.error):
        return {}
    asset = header.get("asset", {}) if isinstance(header, dict) else {}
    return asset if isinstance(asset, dict) else {}
