"""Where the six sides of a folding carton lie in its print: one literal table for the drawing and for the mapping.

+-----------------+--------+--------+
|                 |        |        |
|   front (and    |  left  | right  |   512
|   back)         |  side  | side   |
+-----------------+--------+--------+
|   top           |     bottom      |   256
+-----------------+-----------------+
     512            256 + 256
"""

from __future__ import annotations

WIDTH_PX, HEIGHT_PX = 1024, 768
MARGIN_PX = 2.0  # the mapping stays this far inside a cell: neighbours must not show through the filter

# Cells as (left, top, right, bottom) in pixels.
FRONT = (0, 0, 512, 512)
LEFT = (512, 0, 768, 512)
RIGHT = (768, 0, 1024, 512)
TOP = (0, 512, 512, 768)
BOTTOM = (512, 512, 1024, 768)

# The cell of every side of the box, in the order +x, -x, +y, -y, +z, -z.
CELL_OF_SIDE = (RIGHT, LEFT, FRONT, FRONT, TOP, BOTTOM)
