"""The list of op families: importing this module defines every op."""

from penstock.ops import control, importing, overloads, sources

__all__ = ["control", "importing", "overloads", "sources"]
