"""Symbolic differentiation: nodes in, more nodes out."""
