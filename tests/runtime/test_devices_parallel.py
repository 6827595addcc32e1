"""Steps of several devices on several threads: values, failures, callers.

A plan goes parallel by itself when measurements say that it pays; each test waits for that.
"""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np
import pytest

import penstock as ps
from tests.runtime.several_devices import session

SIZE, WIDTH, DEPTH = 1 << 15, 6, 6
KINDS = pytest.mark.parametrize("kind", ["CPU", "SIM_GPU"])


class Net:
    """Columns of nodes that read each other, a column a device, and a division that may fail."""

    def __init__(self, kind: str) -> None:
        self.x = ps.placeholder(ps.float32, [SIZE], name="x")
        self.divisor = ps.placeholder(ps.int32, [], name="divisor")
        columns = [self.x * (1.0 + i) for i in range(WIDTH)]
        for layer in range(DEPTH):
            mixed = []
            for i in range(WIDTH):
                with ps.device(f"/device:{kind}:{i % 4}"):
                    mixed.append(ps.sin(columns[i]) + ps.exp(columns[i - 1] * 0.1))
                if layer == DEPTH // 2 and i == 2:
                    with ps.device("/device:CPU:2"), ps.control_dependencies([mixed[-1]]):
                        self.quotient = ps.floordiv(7, self.divisor, name="quotient")
            columns = mixed
        self.fetches = [*columns, self.quotient]
        self.value = np.random.default_rng(7).standard_normal(SIZE).astype(np.float32)

    def feeds(self, divisor: int = 1) -> dict[Any, Any]:
        return {self.x: self.value, self.divisor: divisor}


def parallel(kind: str, net: Net) -> ps.Session:
    """Return a session with four devices whose plan of the net has gone parallel."""
    config = {"intra_op_parallelism_threads": 1, "inter_op_parallelism_threads": 4}
    opened = session(4, 4 if kind == "SIM_GPU" else 0, **config)
    program = opened._find_call(net.fetches, net.feeds()).plan.program
    for _ in range(10):
        if program.run_with_stats([net.value, 1], 0)[2] == "parallel":
            return opened
    pytest.skip("no gain by threads was measured here")


@KINDS
def test_values_are_those_of_one_device(kind: str) -> None:
    net = Net(kind)
    with session(1) as one:
        expected = one.run(net.fetches, net.feeds())
    with parallel(kind, net) as opened:
        for _ in range(30):
            for a, b in zip(opened.run(net.fetches, net.feeds()), expected, strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


@KINDS
def test_an_error_ends_all_partitions(kind: str) -> None:
    net = Net(kind)
    with parallel(kind, net) as opened:
        live = [opened.memory_stats(d.name)["live"] for d in opened.list_devices()]
        for _ in range(100):
            with pytest.raises(ps.errors.InvalidArgumentError, match='"quotient" on CPU:2'):
                opened.run(net.fetches, net.feeds(0))
            now = [opened.memory_stats(d.name)["live"] for d in opened.list_devices()]
            assert now == live
        assert opened.run(net.quotient, net.feeds(2)) == 3


@KINDS
def test_a_deadline_ends_all_partitions(kind: str) -> None:
    net = Net(kind)
    with parallel(kind, net) as opened:
        soon = ps.RunOptions(timeout_in_ms=1)
        live = [opened.memory_stats(d.name)["live"] for d in opened.list_devices()]
        missed = 0
        for _ in range(50):
            try:
                opened.run(net.fetches, net.feeds(), options=soon)
            except ps.errors.DeadlineExceededError:
                missed += 1
            now = [opened.memory_stats(d.name)["live"] for d in opened.list_devices()]
            assert now == live
        assert missed
        assert opened.run(net.quotient, net.feeds(2)) == 3


@KINDS
def test_callers_share_the_session(kind: str) -> None:
    """Some fail, some succeed, then all end as the session closes."""
    net = Net(kind)
    wrong: list[BaseException] = []
    counts = [0] * 8
    with parallel(kind, net) as opened:

        def work(i: int) -> None:
            try:
                while True:
                    try:
                        results = opened.run(net.fetches, net.feeds(i % 2))
                        assert results[-1] == 7
                    except ps.errors.InvalidArgumentError:
                        assert i % 2 == 0
                    counts[i] += 1
            except (ps.errors.CancelledError, RuntimeError):
                pass
            except BaseException as e:
                wrong.append(e)

        threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
        for thread in threads:
            thread.start()
        end = time.monotonic() + 20
        while min(counts) < 3 and not wrong and time.monotonic() < end:
            time.sleep(0.05)
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()
    assert not wrong, wrong[0]
    assert min(counts) >= 1
