"""Scene to G-buffer: visibility (raster), surfaces (channels, texture), anti-aliasing (edges), light, views."""
