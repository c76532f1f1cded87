"""The pipeline file: models, loading with all faults at once, schema."""
