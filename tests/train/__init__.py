"""Tests of training: each rule against NumPy in float64."""
