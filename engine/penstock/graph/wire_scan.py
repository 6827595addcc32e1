"""What a parsed GraphDef no longer shows: attributes that its bytes give twice.

Attributes are a map on the wire; every parser keeps the last of equal keys in silence. The
bytes here have been parsed already, so their structure is sound; nothing is read but keys.
"""

from __future__ import annotations

from collections.abc import Iterator

_NODE, _NAME, _ATTR, _KEY = 1, 1, 5, 1  # GraphDef.node; NodeDef.name, .attr; a map entry's key
_FIXED = {1: 8, 5: 4}  # bytes of the wire types without a length


def duplicate_attribute(data: bytes) -> tuple[str, str] | None:
    """Return the first node that has an attribute twice, and the attribute; None without one."""
    view = memoryview(data)
    for number, node in _fields(view):
        if number != _NODE:
            continue
        name, seen = b"", set()
        for inner, content in _fields(node):
            if inner == _NAME:
                name = bytes(content)
            elif inner == _ATTR:
                key = next((bytes(c) for n, c in _fields(content) if n == _KEY), b"")
                if key in seen:
                    return name.decode(errors="replace"), key.decode(errors="replace")
                seen.add(key)
    return None


def _fields(view: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Yield the number and content of each field that has a length."""
    at = 0
    while at < len(view):
        tag, at = _varint(view, at)
        kind = tag & 7
        if kind == 2:
            size, at = _varint(view, at)
            yield tag >> 3, view[at : at + size]
            at += size
        elif kind == 0:
            _, at = _varint(view, at)
        elif kind in _FIXED:
            at += _FIXED[kind]
        else:
            return  # a group, which a GraphDef has none of: it ends what can be told


def _varint(view: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(view):
        octet = view[at]
        value |= (octet & 127) << shift
        at, shift = at + 1, shift + 7
        if octet < 128:
            break
    return value, at
