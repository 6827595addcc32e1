"""Tests of static memory planning: lifetimes, offsets, what kernels do with memory."""
