"""Out-of-memory reports: the native half lists tensors by node, here each gets its user's line."""

from __future__ import annotations

import os
import re
from collections.abc import Callable

from penstock.graph.source import Source

_TENSOR = re.compile(r'\s*\d+  \S.*  (?:\w+) "([^"]+)"')


def with_places(message: str, source_of: Callable[[str], Source | None]) -> str:
    """Return the message with ``train.py:41`` behind each tensor whose node has a source.

    >>> from penstock.graph.source import Source
    >>> from penstock.runtime.exhausted import with_places
    >>> with_places('   4096  float32[1024]  Exp "a"', lambda name: Source("code/train.py", 41))
    '   4096  float32[1024]  Exp "a"  train.py:41'
    """
    lines = message.split("\n")
    for i, line in enumerate(lines):
        match = _TENSOR.fullmatch(line)
        source = source_of(match[1].partition(":")[0]) if match else None
        if source is not None:
            lines[i] = f"{line}  {os.path.basename(source.filename)}:{source.lineno}"
    return "\n".join(lines)
