"""Recomputation and memory: planning which values to keep, which to make again."""
