"""Validation: assertions against geometry and schemas. A failure in ``checks`` is our bug, never a redraw."""
