"""Programs with a memory budget on devices that Python code drives.

The native half bounds what a run takes of host memory; an accelerator has a memory of its own, so
its limit is lowered while such a run is under way, to what is in use and the budget. Runs with a
budget on one device therefore take turns, and what others allocate there meanwhile counts.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any, cast
from weakref import WeakKeyDictionary

from penstock import _native
from penstock.kernel_api import Device

_turns: WeakKeyDictionary[Device, threading.Lock] = WeakKeyDictionary()


class _Bounded:
    """A program whose runs lower the limits of some devices."""

    def __init__(self, program: _native.Program, budgets: Sequence[tuple[Device, int]]) -> None:
        self._program = program
        self._budgets = budgets
        for device, _ in budgets:
            _turns.setdefault(device, threading.Lock())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._program, name)

    def run(self, *given: Any) -> Any:
        return self._within(self._program.run, *given)

    def call(self, *given: Any) -> Any:
        return self._within(self._program.call, *given)

    def run_with_stats(self, *given: Any) -> Any:
        return self._within(self._program.run_with_stats, *given)

    def run_traced(self, *given: Any) -> Any:
        return self._within(self._program.run_traced, *given)

    def _within(self, run: Callable[..., Any], *given: Any) -> Any:
        with ExitStack() as stack:
            for device, budget in self._budgets:
                stack.enter_context(_turns[device])
                limit = device.memory_limit
                lowered = device.memory_stats().get("live", 0) + budget
                stack.callback(device.set_memory_limit, limit)
                device.set_memory_limit(min(lowered, limit or lowered))
            return run(*given)


def bounded(program: _native.Program, budgets: Sequence[tuple[Device, int]]) -> _native.Program:
    """Return a program that keeps these budgets; the program itself where there are none."""
    return cast(_native.Program, _Bounded(program, budgets)) if budgets else program
