"""The list of op families: importing this module defines every op."""

from penstock.ops import (
    activation,
    binary,
    cast,
    compare,
    constants,
    control,
    division,
    identity,
    importing,
    overloads,
    select,
    shape,
    sources,
    sums,
    trigonometry,
    unary,
)

__all__ = [
    "activation",
    "binary",
    "cast",
    "compare",
    "constants",
    "control",
    "division",
    "identity",
    "importing",
    "overloads",
    "select",
    "shape",
    "sources",
    "sums",
    "trigonometry",
    "unary",
]
