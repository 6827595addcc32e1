"""Passes: plain functions IR → IR, listed in order in `pipeline.py`."""
