"""Photometric augmentation of finished pictures: replayed from what the manifest records, never a pixel moved."""
