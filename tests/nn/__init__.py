"""Tests of what networks are composed of."""
