"""The process: imports, streams, progress, devices, workers."""
