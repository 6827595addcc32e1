"""Options of the process, in one frozen record: `current`.

The environment sets them at import and `configure` afterwards; a session, or a plan, takes what
holds when it is made. What belongs to one session alone comes from its `ConfigProto`.

| variable | option |
| --- | --- |
| `PENSTOCK_KERNELS=portable` | `portable_kernels`: only kernels that need no library |
| `PENSTOCK_DETERMINISTIC=1` | `deterministic`: any number of threads gives the same bits |
| `TF_DETERMINISTIC_OPS=1` | the same, under TensorFlow's name |
| `PENSTOCK_MEMORY_LIMIT=2GiB` | `memory_limit`: bytes that one session may have in use |
| `PENSTOCK_DEVICE_MEMORY_LIMIT=2GiB` | `device_memory_limit`: of each device that is no CPU |
| `PENSTOCK_PLACEMENT=greedy_earliest_finish` | `placement`: the strategy that chooses devices |
| `PENSTOCK_CHECKPOINTS=memory` | `checkpoints`: what gradient calls ask that ask for nothing |
| `PENSTOCK_SOLVER_SECONDS=10` | `solver_seconds`: time for a solver on a plan with a budget |
| `PENSTOCK_MEMORY_PLAN=on` | `memory_plan`: values of a step go to planned places in one block |
| `PENSTOCK_ORDER=memory` | `order`: of nodes that may run in several orders, one that holds less |
| `PENSTOCK_CUDA_GRAPHS=0` | `cuda_graphs`: GPUs replay kernels as CUDA graphs, unless it is 0 |
| `PENSTOCK_DEBUG=plan,order` | `debug`: print stages to standard error |
| `PENSTOCK_CHECK=1` | `check`: verify the graph after each pass |
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True)
class Options:
    """Options of the process."""

    debug: frozenset[str] = frozenset()
    """Subjects to print to standard error: `plan`, `passes`, or the name of one stage."""

    check: bool = False
    """Check that the IR is well formed after every pass."""

    portable_kernels: bool = False
    """Choose only kernels that need no library."""

    deterministic: bool = False
    """Cut work into pieces by the sizes alone: the same bits from any number of threads."""

    memory_limit: int = 0
    """Most bytes that the tensors of one session may take; 0 is no limit."""

    device_memory_limit: int = 0
    """The same for each device that is no CPU."""

    max_folded_bytes: int = 1 << 20
    """Largest constant, in bytes, that folding may make (unless its inputs were larger)."""

    placement: str = "default"
    """The strategy that chooses among the devices that a node may be on."""

    checkpoints: str = ""
    """Strategy (`speed`, `memory`) of gradient calls that name none; empty: keep everything."""

    solver_seconds: float = 0.0
    """Seconds that the extra `solvers` may work on the plan of a `memory_budget`; 0: not asked."""

    memory_plan: str = "off"
    """Plan one block for the values of a step: `off`, `on`, or `search` for a smaller one."""

    order: str = "depth"
    """The order of nodes: `depth` first, or one that holds less `memory` where there is one."""

    cuda_graphs: bool = True
    """Let devices run stretches of nodes as one: GPUs capture and replay them."""

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
        deterministic=any(
            environment.get(name, "").lower() not in ("", "0", "false")
            for name in ("PENSTOCK_DETERMINISTIC", "TF_DETERMINISTIC_OPS")
        ),
        cuda_graphs=environment.get("PENSTOCK_CUDA_GRAPHS", "").lower() not in ("0", "false"),
        memory_limit=parse_bytes(environment.get("PENSTOCK_MEMORY_LIMIT", "") or "0"),
        placement=environment.get("PENSTOCK_PLACEMENT", "") or "default",
        checkpoints=environment.get("PENSTOCK_CHECKPOINTS", ""),
        solver_seconds=_seconds(environment.get("PENSTOCK_SOLVER_SECONDS", "")),
        order=environment.get("PENSTOCK_ORDER", "") or "depth",
        memory_plan=environment.get("PENSTOCK_MEMORY_PLAN", "") or "off",
        device_memory_limit=parse_bytes(environment.get("PENSTOCK_DEVICE_MEMORY_LIMIT", "") or "0"),
    )


def _seconds(text: str) -> float:
    try:
        return max(0.0, float(text or "0"))
    except ValueError:
        raise ValueError(f"{text!r} is no number of seconds: write 10 or 0.5") from None


_UNITS = {"": 0, "b": 0, "k": 10, "kib": 10, "m": 20, "mib": 20, "g": 30, "gib": 30}


def parse_bytes(text: str) -> int:
    """Return the number of bytes that a text such as `512MiB` or `2g` means.

    >>> parse_bytes("1.5 KiB"), parse_bytes("100")
    (1536, 100)
    """
    number = text.strip().rstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
    unit = text.strip()[len(number) :].lower()
    try:
        return int(float(number) * (1 << _UNITS[unit]))
    except (KeyError, ValueError, OverflowError):
        raise ValueError(f"{text!r} is no number of bytes: write 1000000, 512MiB or 2GiB") from None


current = from_environment()
"""The options that hold now."""


def configure(**changes: Any) -> Options:
    """Change options for the sessions and plans made from now on; returns those that held.

    Raises `TypeError` for an option that does not exist.

    >>> before = configure(plans=100)
    >>> configure(plans=before.plans).plans
    100
    """
    global current
    before, current = current, replace(current, **changes)
    return before
