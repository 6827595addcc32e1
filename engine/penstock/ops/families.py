"""The list of op families: importing this module defines every op."""

from penstock.ops import constants, control, identity, importing, overloads, shape, sources

__all__ = ["constants", "control", "identity", "importing", "overloads", "shape", "sources"]
