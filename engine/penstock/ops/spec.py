"""The little language in which op signatures are written, and its parser.

Arguments: ``"x: T, shape: int32, values: N*T, parts: Tparts..., ref: Ref(T)"`` name the type
attribute, a fixed dtype, N tensors of one type, a list of types, a reference.
Attributes: ``"T: number, k: int >= 1 = 3, padding: {'SAME', 'VALID'}, dims: list(int) = []"``:
a kind or a set of allowed values, an optional least value, an optional default.
"""

from __future__ import annotations

import ast
import functools
import re
from typing import Any, NamedTuple

from penstock import dtypes
from penstock.dtypes import DType
from penstock.shapes import TensorShape

_FLOATING = (dtypes.bfloat16, dtypes.float16, dtypes.float32, dtypes.float64)
_SIGNED = (dtypes.int8, dtypes.int16, dtypes.int32, dtypes.int64)
_UNSIGNED = (dtypes.uint8, dtypes.uint16, dtypes.uint32, dtypes.uint64)
_COMPLEX = (dtypes.complex64, dtypes.complex128)

TYPE_SETS: dict[str, tuple[DType, ...]] = {
    "floating": _FLOATING,
    "float2": (dtypes.float32, dtypes.float64),
    "integer": _SIGNED + _UNSIGNED,
    "signed": _SIGNED,
    "unsigned": _UNSIGNED,
    "real": _FLOATING + _SIGNED + _UNSIGNED,
    "complex": _COMPLEX,
    "number": _FLOATING + _SIGNED + _UNSIGNED + _COMPLEX,
    "plain": (*_FLOATING, *_SIGNED, *_UNSIGNED, *_COMPLEX, dtypes.bool),
    "index": (dtypes.int32, dtypes.int64),
}

KINDS = ("int", "float", "bool", "string", "type", "shape", "tensor", "func")


class ArgDef(NamedTuple):
    """An input or output of an op; exactly one of the three type fields is set."""

    name: str
    dtype: DType | None = None
    type_attr: str | None = None
    type_list_attr: str | None = None
    number_attr: str | None = None
    is_ref: bool = False
    is_list: bool = False  # stands for several tensors


class AttrDef(NamedTuple):
    """An attribute of an op."""

    name: str
    kind: str
    allowed: tuple[Any, ...] | None = None
    minimum: int | None = None
    default: Any = None
    has_default: bool = False
    is_list: bool = False  # of a ``list(...)`` kind
    element_kind: str = ""  # the kind of the elements (of the value itself when it is no list)


def parse_args(text: str) -> tuple[ArgDef, ...]:
    """Return the arguments written in `text`."""
    return tuple([_parse_arg(part) for part in _split(text)])


def parse_attrs(text: str) -> dict[str, AttrDef]:
    """Return the attributes written in `text`, by name, in order."""
    attrs = [_parse_attr(part) for part in _split(text)]
    return {a.name: a for a in attrs}


_NESTING = re.compile(r"[({\['\"]")


def _split(text: str) -> list[str]:
    """Split at commas outside brackets and quotes."""
    if _NESTING.search(text) is None:
        return [p.strip() for p in text.split(",") if p.strip()]
    parts, depth, start, quote = [], 0, 0, ""
    for i, c in enumerate(text):
        if quote:
            quote = "" if c == quote else quote
        elif c in "'\"":
            quote = c
        elif c in "({[":
            depth += 1
        elif c in ")}]":
            depth -= 1
        elif c == "," and depth == 0:
            parts.append(text[start:i])
            start = i + 1
    parts.append(text[start:])
    return [p.strip() for p in parts if p.strip()]


@functools.cache
def _parse_arg(text: str) -> ArgDef:
    name, _, kind = (p.strip() for p in text.partition(":"))
    is_ref = kind.startswith("Ref(")
    if is_ref:
        kind = kind[4:-1]
    if kind.endswith("..."):
        return ArgDef(name, type_list_attr=kind[:-3], is_list=True)
    number, star, rest = kind.partition("*")
    number_attr = number.strip() if star else None
    is_list = number_attr is not None
    kind = rest.strip() if star else kind
    dtype = dtypes._LOOKUP.get(kind)
    if dtype is not None:
        return ArgDef(name, dtype, None, None, number_attr, is_ref, is_list)
    return ArgDef(name, None, kind, None, number_attr, is_ref, is_list)


_ATTR = re.compile(
    r"(?P<name>\w+)\s*:\s*(?P<kind>list\((?:\{[^}]*\}|\w+)\)|\{[^}]*\}|\w+)"
    r"(?:\s*>=\s*(?P<minimum>-?\d+))?(?:\s*=\s*(?P<default>.+))?\Z",
    re.DOTALL,
)


@functools.cache  # most attributes are written the same way in many ops
def _parse_attr(text: str) -> AttrDef:
    match = _ATTR.match(text)
    if match is None:
        raise ValueError(f"cannot read the attribute {text!r}")
    kind, allowed = _parse_kind(match["kind"])
    minimum = None if match["minimum"] is None else int(match["minimum"])
    written = match["default"]
    default = None if written is None else _parse_default(written.strip(), kind)
    is_list = kind.startswith("list(")
    element_kind = kind[5:-1] if is_list else kind
    return AttrDef(
        match["name"], kind, allowed, minimum, default, written is not None, is_list, element_kind
    )


def _parse_kind(text: str) -> tuple[str, tuple[Any, ...] | None]:
    if text.startswith("list("):
        kind, allowed = _parse_kind(text[5:-1])
        return f"list({kind})", allowed
    if text in KINDS:
        return text, None
    if text in TYPE_SETS:
        return "type", TYPE_SETS[text]
    items = [p.strip() for p in text[1:-1].split(",")]
    if items[0][:1] in "'\"":
        return "string", tuple([ast.literal_eval(p).encode() for p in items])
    return "type", tuple([d for p in items for d in _named_types(p)])


def _named_types(name: str) -> tuple[DType, ...]:
    return TYPE_SETS[name] if name in TYPE_SETS else (dtypes.as_dtype(name),)


def _parse_default(text: str, kind: str) -> Any:
    if kind == "type":
        return dtypes.as_dtype(text)
    if kind == "list(type)":
        return [dtypes.as_dtype(p.strip()) for p in text[1:-1].split(",") if p.strip()]
    value = ast.literal_eval(text)
    if kind == "shape":
        return TensorShape(value)
    if kind == "list(shape)":
        return [TensorShape(v) for v in value]
    if kind == "string":
        return value.encode()
    if kind == "list(string)":
        return [v.encode() for v in value]
    if kind == "float":
        return float(value)
    return value
