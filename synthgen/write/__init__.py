"""Writing: a shard appears whole or not at all; COCO and dataset.json are made from finished shards only."""
