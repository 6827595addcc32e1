"""Benchmarks of recomputation: networks as abstract problems, strategies, tables."""
