"""Capture and replay on a pretended stream: launches are recorded while it captures."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import numpy as np
import pytest

from penstock.kernel_api import Step, Stretch
from penstock.kernels.gpu.graphs import MOST_CAPTURES, WARM_RUNS, Recorder
from tests.kernels.host_gpu import OwnHandle


class Pretended:
    """A device whose kernels are Python functions that a capture keeps for later."""

    def __init__(self) -> None:
        self.recording: list[Callable[[], None]] | None = None
        self.launched = self.captured = 0

    def start(self, kernel: Callable[[], None]) -> None:
        """Run a kernel, or, within a capture, keep it."""
        if self.recording is not None:
            self.recording.append(kernel)
        else:
            self.launched += 1
            kernel()

    def entered(self) -> AbstractContextManager[None]:
        return nullcontext()

    @contextmanager
    def capturing(self) -> Iterator[Callable[[], Any]]:
        self.captured += 1
        self.recording = kept = []
        device = self

        class Kept:
            def launch(self) -> None:
                device.launched += 1
                for kernel in kept:
                    kernel()

        try:
            yield Kept
        finally:
            self.recording = None

    def copy(self, array: Any) -> Any:
        return array.copy()

    def overwrite(self, target: Any, source: Any) -> None:
        target[...] = source

    def address(self, array: Any) -> Hashable:
        return int(array.ctypes.data)

    def is_own(self, handle: Any) -> bool:
        return not handle.is_shared

    def doubled(self, x: Any) -> Any:
        out = np.empty_like(x)
        self.start(lambda: np.multiply(x, 2, out=out))
        return (out,)

    def add_in_place(self, handle: Any, x: Any) -> Any:
        value = handle.read()
        self.start(lambda: np.add(value, x, out=value))
        handle.assign(value)
        return ()

    def add_elsewhere(self, handle: Any, x: Any) -> Any:
        value = handle.read()
        out = np.empty_like(value)
        self.start(lambda: np.add(value, x, out=out))
        handle.assign(out)
        return ()


def read(handle: Any) -> Any:
    return (handle.read(),)


def chain(device: Pretended) -> Recorder:
    steps = (Step(device.doubled, (0,), (1,)), Step(device.doubled, (1,), (2,), (1,)))
    return Recorder(device, Stretch(steps, (2,)))


def test_replays_after_a_few_equal_runs() -> None:
    device = Pretended()
    recorder = chain(device)
    for number in range(WARM_RUNS + 4):
        before = device.launched
        assert recorder(np.full(3, number))[0].tolist() == [4 * number] * 3
        replays = number >= WARM_RUNS
        assert device.launched - before == (1 if replays else 2)
        assert recorder.replays == replays
    assert device.captured == 1


def test_results_outlive_the_next_replay() -> None:
    recorder = chain(Pretended())
    results = [recorder(np.full(2, number))[0] for number in range(8)]
    assert [r.tolist() for r in results] == [[4 * n] * 2 for n in range(8)]


def test_other_shapes_begin_again_and_too_many_give_up() -> None:
    device = Pretended()
    recorder = chain(device)
    for size in range(1, MOST_CAPTURES + 3):
        for _ in range(WARM_RUNS + 2):
            assert recorder(np.ones(size))[0].tolist() == [4.0] * size
    assert device.captured == MOST_CAPTURES
    assert not recorder.replays
    assert recorder.state().given_up == "shapes or variables change too often"


def test_variables_are_updated_where_they_lie() -> None:
    device = Pretended()
    steps = (
        Step(read, (1,), (2,)),
        Step(device.doubled, (2,), (3,), (2,)),
        Step(device.add_in_place, (1, 0), ()),
    )
    recorder = Recorder(device, Stretch(steps, (3,), handles=1))
    handle = OwnHandle(np.zeros(2))
    for number in range(WARM_RUNS + 3):
        assert recorder(np.ones(2), handle)[0].tolist() == [2 * number] * 2
    assert device.captured == 1 and recorder.replays
    handle.assign(np.full(2, 50.0))  # somebody else does: other memory
    assert recorder(np.ones(2), handle)[0].tolist() == [100.0] * 2
    assert recorder(np.ones(2), handle)[0].tolist() == [102.0] * 2
    assert device.captured == 2 and handle.read().tolist() == [52.0] * 2


def test_a_variable_that_moves_is_not_captured() -> None:
    device = Pretended()
    steps = (Step(device.add_elsewhere, (1, 0), ()),)
    recorder = Recorder(device, Stretch(steps, (), handles=1))
    handle = OwnHandle(np.zeros(2))
    for number in range(1, WARM_RUNS + 4):
        recorder(np.ones(2), handle)
        assert handle.read().tolist() == [number] * 2
    assert device.captured == 1 and not recorder.replays
    assert recorder.state().given_up == 'variable "v" gets other memory'


def test_a_kernel_that_waits_is_not_captured() -> None:
    device = Pretended()

    def waits(x: Any) -> Any:
        if device.recording is not None:
            raise RuntimeError("operation not permitted when stream is capturing")
        return (x + 1,)

    recorder = Recorder(device, Stretch((Step(waits, (0,), (1,)),), (1,)))
    for _ in range(WARM_RUNS + 3):
        assert recorder(np.ones(1))[0].tolist() == [2.0]
    assert device.captured == 1 and not recorder.replays
    state = recorder.state()
    assert (state.runs, state.captures, state.replays) == (WARM_RUNS + 3, 1, 0)
    assert "stream is capturing" in str(state)


def test_an_error_of_a_kernel_does_not_count_as_a_run() -> None:
    device = Pretended()
    broken = [True]

    def maybe(x: Any) -> Any:
        if broken[0]:
            raise ValueError("not yet")
        return device.doubled(x)

    recorder = Recorder(device, Stretch((Step(maybe, (0,), (1,)),), (1,)))
    for _ in range(WARM_RUNS + 2):
        with pytest.raises(ValueError, match="not yet"):
            recorder(np.ones(1))
    assert device.captured == 0
    broken[0] = False
    for number in range(WARM_RUNS + 2):
        assert recorder(np.full(1, number))[0].tolist() == [2 * number]
    assert recorder.state() == (WARM_RUNS + 2, 1, 2, "")


def test_a_graph_that_cannot_be_launched_gives_way_to_its_kernels() -> None:
    device = Pretended()
    steps = (Step(device.add_in_place, (1, 0), ()), Step(read, (1,), (2,)))
    recorder = Recorder(device, Stretch(steps, (2,), handles=1))
    handle = OwnHandle(np.zeros(2))
    for _ in range(WARM_RUNS + 1):
        recorder(np.ones(2), handle)
    captured = recorder._captured
    assert captured is not None

    def refuse() -> None:
        raise RuntimeError("invalid argument")

    captured.graph.launch = refuse  # type: ignore[method-assign]
    for number in range(WARM_RUNS + 2, WARM_RUNS + 6):
        recorder(np.ones(2), handle)
        assert handle.read().tolist() == [number] * 2, "each update once"
    assert recorder.state().given_up == "the graph cannot be launched: invalid argument"
    assert recorder.state().replays == 1
