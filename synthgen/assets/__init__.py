"""Meshes, families, textures, environments: loaded or made, checked, bounded, cached by content."""
