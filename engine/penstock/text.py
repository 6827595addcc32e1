"""Text and bytes: `compat.as_bytes` and its siblings, and the groups of Python number types."""

from __future__ import annotations

import numbers
import os
from typing import Any

import numpy as np

from penstock.exports import export, export_value


@export("compat.as_bytes")
def as_bytes(bytes_or_text: Any, encoding: str = "utf-8") -> bytes:
    r"""Return text as bytes; bytes stay as they are. `TypeError` for anything else.

    >>> ps.compat.as_bytes("é")
    b'\xc3\xa9'
    """
    if isinstance(bytes_or_text, (bytes, bytearray)):
        return bytes(bytes_or_text)
    if isinstance(bytes_or_text, str):
        return bytes_or_text.encode(encoding)
    raise TypeError(f"expected bytes or text, got {bytes_or_text!r}")


@export("compat.as_text compat.as_str")
def as_text(bytes_or_text: Any, encoding: str = "utf-8") -> str:
    """Return bytes as text; text stays as it is. `TypeError` for anything else.

    >>> ps.compat.as_text(b"abc")
    'abc'
    """
    if isinstance(bytes_or_text, str):
        return bytes_or_text
    if isinstance(bytes_or_text, (bytes, bytearray)):
        return bytes(bytes_or_text).decode(encoding)
    raise TypeError(f"expected bytes or text, got {bytes_or_text!r}")


@export("compat.as_str_any")
def as_str_any(value: Any, encoding: str = "utf-8") -> str:
    """Return bytes as text, anything else by `str`.

    >>> ps.compat.as_str_any(3)
    '3'
    """
    return as_text(value, encoding) if isinstance(value, (bytes, bytearray)) else str(value)


@export("compat.path_to_str")
def path_to_str(path: Any) -> Any:
    """Return what a path object stands for as text; text and bytes stay as they are."""
    return os.fspath(path) if hasattr(path, "__fspath__") else path


export_value("compat.integral_types", (numbers.Integral, np.integer))
export_value("compat.real_types", (numbers.Real, np.integer, np.floating))
export_value("compat.complex_types", (numbers.Complex, np.number))
export_value("compat.bytes_or_text_types", (bytes, str))
