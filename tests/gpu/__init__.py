"""Tests that need a CUDA device, all marked `gpu`: they are skipped where there is none."""
