"""What a pack of training pairs looks like on disk, and which seeds may be trained on.

PACK/
  pack.json             the card: means complete
  parts/00000.parquet   one row per scene: its record, and the images of its views; whole or not there
  assets/<hash>.hdr     .hdr and image files that its scenes refer to
  logs/                 timings; the only place with a clock
"""

from __future__ import annotations

import re
import zlib

import numpy as np

from synthgen.types.arrays import U16

PACK_VERSION = 2

CARD = "pack.json"
PARTS = "parts"
ASSETS = "assets"
TRAIN, HELD_OUT = "train", "held_out"

OWN_PART = re.compile(r"(\d{5,})\.parquet")

# Runs with these seeds make training data and nothing else; all others are free for evaluation, among them 0, the
# default of every other pipeline. Every random stream derives from the seed, so the two never share a scene.
TRAINING_SEEDS = range(1_000_000_000, 2_000_000_000)


def part_path(part: int) -> str:
    """File of one part, relative to the pack."""
    return f"{PARTS}/{part:05d}.parquet"


def is_training_seed(seed: int) -> bool:
    """Whether a run with this seed makes training data (True) or may be used to evaluate what was trained (False)."""
    return seed in TRAINING_SEEDS


def instance_crc32(instance: U16) -> int:
    """Of an instance map (H, W) uint16, little-endian: what a stored image shows."""
    return zlib.crc32(np.ascontiguousarray(instance, "<u2").tobytes())
