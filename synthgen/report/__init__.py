"""The data-quality report of a finished dataset, made from disk only, and the drawing of labels onto images."""
