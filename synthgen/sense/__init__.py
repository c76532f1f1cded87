"""The camera model: linear radiance in, 8-bit pictures out."""
