"""The user's source line that made a node.

`caller()` walks up the stack to the first frame outside the package and remembers file and
line number only; the text is read when somebody asks for it.
"""

from __future__ import annotations

import linecache
import os
import sys
from types import FrameType
from typing import NamedTuple

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_INSIDE: dict[str, bool] = {}


class Source(NamedTuple):
    """A place in the user's program."""

    filename: str
    lineno: int

    def render(self) -> str:
        """Return ``train.py:41:  y = ps.matmul(x, w)``, without the text if there is none."""
        line = linecache.getline(self.filename, self.lineno).strip()
        place = f"{os.path.basename(self.filename)}:{self.lineno}"
        return f"{place}:  {line}" if line else place


def caller() -> Source | None:
    """Return the innermost place outside the package on the current stack."""
    frame: FrameType | None = sys._getframe(1)
    inside = _INSIDE
    while frame is not None:
        name = frame.f_code.co_filename
        known = inside.get(name)
        if known is None:
            known = inside[name] = _is_inside(name)
        if not known:
            return Source(name, frame.f_lineno)
        frame = frame.f_back
    return None


def _is_inside(filename: str) -> bool:
    """Tell the package's own frames (and those it generates) from a user's."""
    if filename.startswith(("<penstock", "<frozen")) or filename == _CONTEXTLIB:
        return True
    return os.path.abspath(filename).startswith(_PACKAGE) and (
        os.sep + "demo" + os.sep not in filename
    )


_CONTEXTLIB = sys.modules["contextlib"].__file__ if "contextlib" in sys.modules else None
