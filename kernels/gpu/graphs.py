"""CUDA graphs: a run of kernels, captured once and then replayed with one launch.

A `Recorder` stands for the kernels of a partition without loops. Its first runs call them one by
one; after `WARM_RUNS` with equal shapes they are called once more while the stream captures, and
from then on the captured graph runs, on inputs copied to where it expects them. Results are copies
too: the next replay writes where this one wrote.

What cannot be captured stays as it is, for good: a kernel that waits for the device, one that
copies something to it, or one that puts a variable's value into other memory. `state` says why.
Other shapes, or a variable that somebody assigned to, mean another capture. While somebody else
holds a value that a replay would update in place, the kernels run one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from penstock.kernel_api import Array, Stretch, StretchState
from penstock.kernels.gpu.guard import CaptureError

WARM_RUNS = 3
"""Runs with equal shapes before a capture: by then everything is compiled and cached."""

MOST_CAPTURES = 4
"""Captures of one recorder before it gives up: shapes or variables change too often."""


class Graph(Protocol):
    """A captured graph."""

    def launch(self) -> None:
        """Start it on the device's compute stream."""


class GraphDevice(Protocol):
    """What a recorder needs of a device."""

    def entered(self) -> AbstractContextManager[None]:
        """Return a context for copies and launches in the order of the compute stream."""

    def capturing(self) -> AbstractContextManager[Callable[[], Graph]]:
        """Return a context that captures instead of running.

        It gives a function that returns the graph afterwards. Memory taken within belongs to the
        graph. Leaving it raises when something could not be captured.
        """

    def copy(self, array: Array) -> Array:
        """Return a copy in memory of the device's own."""

    def overwrite(self, target: Array, source: Array) -> None:
        """Copy the elements of one array into another of its shape."""

    def address(self, array: Array) -> Hashable:
        """Return where an array lies."""

    def is_own(self, handle: Any) -> bool:
        """Return True when nobody but the variable holds its value: it may be written to."""


@dataclass
class _Captured:
    graph: Graph
    inputs: list[Array]
    outputs: list[Array]
    constants: Sequence[Array]  # the graph reads them where they lie
    variables: list[Hashable]
    written: list[int]  # which handles' values it updates


class _Fixed:
    """A variable's handle while kernels are captured: its value must stay where it is."""

    def __init__(self, handle: Any, device: GraphDevice) -> None:
        self._handle, self._device = handle, device
        self.name = handle.name
        self.written = False

    @property
    def is_shared(self) -> bool:
        shared: bool = self._handle.is_shared
        return shared

    def read(self) -> Array:
        return self._handle.read()

    def assign(self, value: Array) -> None:
        if self._device.address(value) != self._device.address(self._handle.read()):
            raise CaptureError(f'variable "{self.name}" gets other memory')
        self.written = True


class Recorder:
    """Runs the steps of a stretch. One caller at a time."""

    def __init__(self, device: GraphDevice, stretch: Stretch) -> None:
        """Make it for a stretch of kernels of this device."""
        self._device, self._stretch = device, stretch
        self._signature: Hashable = None
        self._equal_runs = self._runs = self._captures = self._replays = 0
        self._given_up = ""
        self._captured: _Captured | None = None

    @property
    def replays(self) -> bool:
        """Whether the next run of the same kind is a replay."""
        return self._captured is not None

    def state(self) -> StretchState:
        """Return how it has run so far."""
        return StretchState(self._runs, self._captures, self._replays, self._given_up)

    def __call__(self, *given: Any) -> list[Array]:
        """Return the outputs for what the stretch is given."""
        results = None if self._given_up else self._replayed(given)
        if results is None:
            results = self._run(given)
        self._runs += 1
        self._equal_runs += 1
        return results

    def _replayed(self, given: Sequence[Any]) -> list[Array] | None:
        """Return the outputs of a replay; None when the kernels must run."""
        first_handle = len(given) - self._stretch.handles
        first_constant = first_handle - self._stretch.constants
        arrays, handles = given[:first_constant], given[first_handle:]
        signature = tuple([(array.shape, str(array.dtype)) for array in arrays])
        if signature != self._signature:
            self._signature, self._equal_runs, self._captured = signature, 0, None
        if self._captured is not None and self._captured.variables != self._where(handles):
            self._captured = None
        if self._captured is None and self._equal_runs >= WARM_RUNS:
            self._capture(arrays, given[first_constant:first_handle], handles)
        captured = self._captured
        if captured is None or not all(self._device.is_own(handles[i]) for i in captured.written):
            return None
        return self._replay(captured, arrays)

    def _give_up(self, why: str) -> None:
        self._captured, self._given_up = None, why

    def _run(self, given: Sequence[Any]) -> list[Array]:
        values: dict[int, Any] = dict(enumerate(given))
        for step in self._stretch.steps:
            inputs = [values[i] for i in step.inputs]
            for number in step.last:  # a variable's value must be nobody else's to be updated
                del values[number]
            made = step.compute(*inputs)
            del inputs
            values.update(zip(step.outputs, made, strict=True))
            del made
        return [values[number] for number in self._stretch.outputs]

    def _capture(
        self, arrays: Sequence[Array], constants: Sequence[Array], handles: Sequence[Any]
    ) -> None:
        """Capture, unless it has turned out to be no use."""
        if self._captures == MOST_CAPTURES:
            self._give_up("shapes or variables change too often")
            return
        self._captures += 1
        fixed = [_Fixed(handle, self._device) for handle in handles]
        try:
            with self._device.entered():
                inputs = [self._device.copy(array) for array in arrays]
            with self._device.capturing() as graph:
                outputs = self._run([*inputs, *constants, *fixed])
        except Exception as error:  # what is wrong with the kernels themselves, their run will say
            self._give_up(str(error) or type(error).__name__)
            return
        written = [number for number, handle in enumerate(fixed) if handle.written]
        self._captured = _Captured(
            graph(), inputs, outputs, constants, self._where(handles), written
        )

    def _replay(self, captured: _Captured, arrays: Sequence[Array]) -> list[Array] | None:
        with self._device.entered():
            for target, source in zip(captured.inputs, arrays, strict=True):
                self._device.overwrite(target, source)
            try:
                captured.graph.launch()
            except RuntimeError as error:  # nothing of it was started
                self._give_up(f"the graph cannot be launched: {error}")
                return None
            self._replays += 1
            return [self._device.copy(array) for array in captured.outputs]

    def _where(self, handles: Sequence[Any]) -> list[Hashable]:
        return [self._device.address(handle.read()) for handle in handles]
