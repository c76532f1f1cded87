"""Packs of training pairs: G-buffers that are rendered again when read, beside path-traced images that are stored."""
