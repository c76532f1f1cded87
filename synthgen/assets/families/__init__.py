"""Procedural families."""
