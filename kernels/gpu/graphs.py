"""CUDA graphs: a run of kernels, captured once and then replayed with one launch.

A `Recorder` stands for the kernels of a partition without loops. Its first runs call them one by
one; after `WARM_RUNS` with equal shapes they are called once more while the stream captures, and
from then on the captured graph runs, on inputs copied to where it expects them. Results are copies
too: the next replay writes where this one wrote.

What cannot be captured stays as it is, for good: a kernel that waits for the device, or one that
puts a variable's value into other memory. Other shapes, or a variable that somebody assigned to,
mean another capture.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from penstock.kernel_api import Array, Compute

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


class Step(NamedTuple):
    """One kernel: which values it reads and which it makes, by number.

    `last` are the values that nobody needs after it. Without a `compute` it reads a variable: the
    value of its only input's handle.
    """

    compute: Compute | None
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    last: tuple[int, ...] = ()


@dataclass
class _Captured:
    graph: Graph
    inputs: list[Array]
    outputs: list[Array]
    variables: list[Hashable]


class _Fixed:
    """A variable's handle while kernels are captured: its value must stay where it is."""

    def __init__(self, handle: Any, device: GraphDevice) -> None:
        self._handle, self._device = handle, device
        self.name = handle.name

    @property
    def is_shared(self) -> bool:
        shared: bool = self._handle.is_shared
        return shared

    def read(self) -> Array:
        return self._handle.read()

    def assign(self, value: Array) -> None:
        if self._device.address(value) != self._device.address(self._handle.read()):
            raise RuntimeError(f'variable "{self.name}" gets other memory: nothing to replay')


class Recorder:
    """Runs steps; values are numbered, `arrays` and `handles` first. One caller at a time."""

    def __init__(
        self,
        device: GraphDevice,
        steps: Sequence[Step],
        outputs: Sequence[int],
        handles: int = 0,
        enabled: bool = True,
    ) -> None:
        """Make it for steps in an order that they can run in; `handles` inputs are variables'."""
        self._device, self._steps, self._outputs = device, tuple(steps), tuple(outputs)
        self._handles = handles
        self._enabled = enabled
        self._signature: Hashable = None
        self._runs = self._captures = 0
        self._captured: _Captured | None = None

    @property
    def replays(self) -> bool:
        """Whether the next run of the same kind is a replay."""
        return self._captured is not None

    def __call__(self, *given: Any) -> list[Array]:
        """Return the outputs for these arrays, after which come the handles of variables."""
        split = len(given) - self._handles
        arrays, handles = given[:split], given[split:]
        if not self._enabled:
            return self._run(given)
        signature = tuple([(array.shape, str(array.dtype)) for array in arrays])
        if signature != self._signature:
            self._signature, self._runs, self._captured = signature, 0, None
        self._runs += 1
        if self._captured is not None and self._captured.variables != self._where(handles):
            self._captured = None
        if self._captured is None and self._runs > WARM_RUNS:
            self._capture(arrays, handles)
        return self._run(given) if self._captured is None else self._replay(arrays)

    def _run(self, given: Sequence[Any]) -> list[Array]:
        values: dict[int, Any] = dict(enumerate(given))
        for step in self._steps:
            inputs = [values[i] for i in step.inputs]
            for number in step.last:  # a variable's value must be nobody else's to be updated
                del values[number]
            made = inputs[0].read() if step.compute is None else step.compute(*inputs)
            del inputs
            values.update(zip(step.outputs, made if type(made) is tuple else (made,), strict=True))
            del made
        return [values[number] for number in self._outputs]

    def _capture(self, arrays: Sequence[Array], handles: Sequence[Any]) -> None:
        """Capture, unless it has turned out to be no use."""
        if self._captures == MOST_CAPTURES:
            self._enabled = False
            return
        self._captures += 1
        fixed = [_Fixed(handle, self._device) for handle in handles]
        try:
            with self._device.entered():
                inputs = [self._device.copy(array) for array in arrays]
            with self._device.capturing() as graph:
                outputs = self._run([*inputs, *fixed])
        except RuntimeError:  # a variable moved, or, says CUDA, a kernel waited for the device
            self._enabled = False
            return
        self._captured = _Captured(graph(), inputs, outputs, self._where(handles))

    def _replay(self, arrays: Sequence[Array]) -> list[Array]:
        captured = self._captured
        assert captured is not None
        with self._device.entered():
            for target, source in zip(captured.inputs, arrays, strict=True):
                self._device.overwrite(target, source)
            captured.graph.launch()
            return [self._device.copy(array) for array in captured.outputs]

    def _where(self, handles: Sequence[Any]) -> list[Hashable]:
        return [self._device.address(handle.read()) for handle in handles]
