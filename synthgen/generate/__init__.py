"""Generators: the G-buffer in, images out."""
