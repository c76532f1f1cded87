"""What a dataset on disk looks like (DESIGN 6): paths, Arrow schemas, COCO keys, JSON schemas, schema version."""
