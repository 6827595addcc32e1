"""Tests of the pictures of graphs and plans."""
