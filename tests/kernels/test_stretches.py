"""Sessions on a device that runs stretches of kernels as one: nothing else may differ."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import numpy as np
import pytest

import penstock as ps
from penstock import errors, kernel_api
from penstock.kernel_api import Compute, DeviceType, Stretch
from penstock.kernels.array import ARRAY
from penstock.kernels.gpu.graphs import WARM_RUNS, Recorder
from tests.kernels.host_gpu import HostGpu

NAME = "/device:WHOLE:0"


class Whole(HostGpu):
    """A device whose captured graph runs the kernels again, on the memory of the capture."""

    made: list[Recorder]
    launched = 0

    def stretch(self, stretch: Stretch) -> Compute:
        recorder = Recorder(self, stretch)
        self.made.append(recorder)

        def compute(*given: Any) -> Any:
            self.recorder = recorder
            return recorder(*given)

        compute.state = recorder.state  # type: ignore[attr-defined]
        return compute

    def entered(self) -> AbstractContextManager[None]:
        return nullcontext()

    @contextmanager
    def capturing(self) -> Iterator[Any]:
        recorder, device = self.recorder, self

        class Again:
            def launch(self) -> None:
                type(device).launched += 1
                captured = recorder._captured
                assert captured is not None
                assert not captured.variables
                results = recorder._run([*captured.inputs, *captured.constants])
                for kept, new in zip(captured.outputs, results, strict=True):
                    np.copyto(kept, new)

        yield Again

    def copy(self, array: Any) -> Any:
        return np.array(array)

    def overwrite(self, target: Any, source: Any) -> None:
        target[...] = source

    def address(self, array: Any) -> Hashable:
        return int(array.ctypes.data)

    def is_own(self, handle: Any) -> bool:
        return not handle.is_shared


@pytest.fixture(autouse=True)
def whole(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(Whole, "made", [], raising=False)
    monkeypatch.setattr(Whole, "launched", 0)
    kind = DeviceType("WHOLE", (ARRAY,), lambda: 0, Whole)
    monkeypatch.setitem(kernel_api.device_types, "WHOLE", kind)
    before = ps.options.configure(cuda_graphs=True)  # as it is without PENSTOCK_CUDA_GRAPHS
    yield
    ps.options.configure(cuda_graphs=before.cuda_graphs)


def session() -> ps.Session:
    return ps.Session(config=ps.ConfigProto(device_count={"WHOLE": 2}, allow_soft_placement=True))


def test_replays_give_the_same_and_shapes_may_change() -> None:
    x = ps.placeholder(ps.float32, [None, 3])
    with ps.device(NAME):
        y = ps.reduce_sum(ps.tanh(x * 2.0 + 1.0), axis=1)
        z = ps.reshape(y, [1, -1]) * y
    with session() as sess:
        for rows in (2, 2, 2, 2, 2, 5, 5, 2, 5):
            given = np.random.default_rng(rows).normal(size=(rows, 3)).astype(np.float32)
            sums = np.tanh(given * 2 + 1).sum(axis=1)
            one, other = sess.run([y, z], {x: given})
            np.testing.assert_allclose(one, sums, 1e-5)
            np.testing.assert_allclose(other, (sums * sums)[None], 1e-5)
        told = sess.explain_plan([y, z], [x])
    assert len(Whole.made) == 1 and Whole.launched == 5 - WARM_RUNS
    (stretch,) = told.stretches
    assert stretch.device.endswith("WHOLE:0") and len(stretch.nodes) > 2
    assert stretch.state() == (9, 1, 2, "")
    assert 'from "' in str(told) and "9 runs, 2 as replays of 1 captures" in str(told)


def test_switched_off() -> None:
    ps.options.configure(cuda_graphs=False)  # the fixture sets it back
    with ps.device(NAME):
        y = ps.exp(ps.placeholder_with_default([1.0], [1])) * 2.0 + 1.0
    with session() as sess:
        sess.run(y)
        assert sess.explain_plan(y).stretches == []
    assert Whole.made == []
    assert ps.options.from_environment({}).cuda_graphs
    assert not ps.options.from_environment({"PENSTOCK_CUDA_GRAPHS": "0"}).cuda_graphs


def test_values_that_come_back_from_elsewhere_do_not_wait_for_themselves() -> None:
    x = ps.placeholder(ps.float32, [2])
    with ps.device(NAME):
        a = ps.exp(x) + x
    with ps.device("/device:WHOLE:1"):
        b = ps.square(a) - a
    with ps.device("/cpu:0"):
        c = ps.sqrt(a)
    with ps.device(NAME):
        d = ps.add(b * c, a) * ps.tanh(x)
    with session() as sess:
        given = np.array([0.5, 1.5], np.float32)
        e = np.exp(given) + given
        expected = ((e * e - e) * np.sqrt(e) + e) * np.tanh(given)
        for _ in range(WARM_RUNS + 2):
            np.testing.assert_allclose(sess.run(d, {x: given}), expected, 1e-5)
    assert len(Whole.made) >= 2


def test_variables_in_two_sessions() -> None:
    with ps.device(NAME):
        v = ps.get_variable("v", [2], initializer=ps.zeros_initializer())
        loss = ps.reduce_sum(ps.square(v * 2.0 - 4.0))
        step = ps.train.GradientDescentOptimizer(0.05).minimize(loss)
    with session() as one, session() as other:
        for sess in (one, other):
            sess.run(ps.global_variables_initializer())
        expected = 0.0
        for _ in range(WARM_RUNS + 3):
            one.run(step)
            expected -= 0.05 * 4.0 * (expected * 2.0 - 4.0)
            np.testing.assert_allclose(one.run(v), [expected] * 2, 1e-5)
        assert other.run(v).tolist() == [0, 0]


def test_random_numbers_advance() -> None:
    with ps.device(NAME):
        y = ps.tanh(ps.random_uniform([4], seed=3) + 1.0) * 2.0
    with session() as sess:
        drawn = [tuple(sess.run(y).tolist()) for _ in range(WARM_RUNS + 4)]
    assert len(set(drawn)) == len(drawn)


def test_an_error_names_its_node() -> None:
    x = ps.placeholder(ps.float32, None)
    with ps.device(NAME):
        y = ps.tanh(ps.add(ps.exp(x), ps.ones([3]) * ps.sin(x), name="culprit"))
    with session() as sess:
        for _ in range(WARM_RUNS + 2):
            sess.run(y, {x: np.ones((2, 3), np.float32)})
            with pytest.raises(errors.InvalidArgumentError, match="do not broadcast") as caught:
                sess.run(y, {x: np.ones((2, 2), np.float32)})
            assert "culprit" in str(caught.value)
            assert "_Stretch" not in str(caught.value)


def test_a_variable_without_a_value() -> None:
    with ps.device(NAME):
        v = ps.get_variable("v", [2], initializer=ps.zeros_initializer())
        y = ps.exp(v * 2.0)
    with session() as sess, pytest.raises(errors.FailedPreconditionError, match="ReadVariableOp"):
        sess.run(y)


def test_the_stepper_goes_node_by_node() -> None:
    x = ps.placeholder(ps.float32, [2])
    with ps.device(NAME):
        y = ps.tanh(ps.exp(x, name="inner") + 1.0)
    with session() as sess:
        stepper = sess.stepper(y, {x: [0.0, 1.0]})
        stepper.run_to("inner")
        assert stepper.peek("inner")[0] == 1.0
