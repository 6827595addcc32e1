"""Every option that the environment sets, in one frozen record.

What belongs to one session comes from its `ConfigProto`; this is about the process:
`PENSTOCK_DEBUG` prints stages, `PENSTOCK_CHECK` verifies the IR after each pass,
`PENSTOCK_KERNELS=portable` keeps to the kernels that need no library.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """Options of the process."""

    debug: frozenset[str] = frozenset()
    """Subjects to print to standard error: `plan`, `passes`, or the name of one stage."""

    check: bool = False
    """Check that the IR is well formed after every pass."""

    portable_kernels: bool = False
    """Choose only kernels that need no library."""

    max_folded_bytes: int = 1 << 20
    """Largest constant, in bytes, that folding may make (unless its inputs were larger)."""

    plans: int = 256
    """How many plans a session keeps."""


def from_environment(environment: Mapping[str, str] = os.environ) -> Options:
    """Return the options that environment variables set.

    >>> sorted(from_environment({"PENSTOCK_DEBUG": "plan,order"}).debug)
    ['order', 'plan']
    """
    debug = environment.get("PENSTOCK_DEBUG", "").replace("|", ",").split(",")
    return Options(
        debug=frozenset(s.strip().replace(" ", "_") for s in debug if s.strip()),
        check=environment.get("PENSTOCK_CHECK", "") not in ("", "0"),
        portable_kernels=environment.get("PENSTOCK_KERNELS", "") == "portable",
    )


current = from_environment()
"""The options this process started with."""
