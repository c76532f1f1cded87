"""TODO(docstring by owner)."""
