"""Procedural families: real-world objects built from numbers, watertight, with UVs, slots and convex parts."""
