"""Programs with devices that tell late of what went wrong: they are asked at the end of each run.

Kernels of a GPU are only started by the time that a run returns. A device that overrides
`Device.settle` raises there what its kernels met, so that it concerns the run that caused it.
A run whose fetches stay on their devices ends when those have computed them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

from penstock import _native
from penstock.kernel_api import Device


class _Settled:
    """A program whose runs end by calling functions of some devices."""

    def __init__(self, program: _native.Program, ends: Sequence[Callable[[], None]]) -> None:
        self._program = program
        self._ends = ends

    def __getattr__(self, name: str) -> Any:
        return getattr(self._program, name)

    def run(self, *given: Any) -> Any:
        return self._asked(self._program.run(*given))

    def call(self, *given: Any) -> Any:
        return self._asked(self._program.call(*given))

    def run_with_stats(self, *given: Any) -> Any:
        return self._asked(self._program.run_with_stats(*given))

    def run_traced(self, *given: Any) -> Any:
        return self._asked(self._program.run_traced(*given))

    def run_logged(self, *given: Any) -> Any:
        return self._asked(self._program.run_logged(*given))

    def _asked(self, results: Any) -> Any:
        for end in self._ends:
            end()
        return results


def settled(program: _native.Program, devices: Sequence[Device]) -> _native.Program:
    """Return a program that asks those of `devices` that may tell late; else the program itself."""
    late = [device.settle for device in devices if type(device).settle is not Device.settle]
    return cast(_native.Program, _Settled(program, late)) if late else program


def awaited(program: _native.Program, devices: Sequence[Device]) -> _native.Program:
    """Return a program whose runs end when `devices` have done all that was started on them."""
    ends = [device.synchronize for device in devices]
    return cast(_native.Program, _Settled(program, ends)) if ends else program
