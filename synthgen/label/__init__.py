"""Labels: id maps and scenes -> annotations. Exact, because both come from the same geometry as the pixels."""
