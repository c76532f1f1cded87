"""Scenes: what is in them, how it settles, its materials, lights and cameras."""
