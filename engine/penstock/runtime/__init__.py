"""Sessions: plans made by the pipeline, loaded into the native half, run."""
