"""Tests of kernels that are driven directly, without a session."""
