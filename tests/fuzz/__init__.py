"""Fuzz targets: programs of their own, which pytest does not collect."""
