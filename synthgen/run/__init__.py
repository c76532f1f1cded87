"""Running pipelines: the pure planner, the in-process and the Dask runner, replay, preview, bench."""
