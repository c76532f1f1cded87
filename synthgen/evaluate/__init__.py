"""Does a dataset's labelling do what it promises? Measured by other means than those that made it."""
