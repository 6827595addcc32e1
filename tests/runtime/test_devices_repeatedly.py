"""The bar for faults: a thousand errors, a thousand deadlines, 300 closings leave nothing behind.

Over two CPU devices and over two simulated accelerators, in short programs: what counts is the
number. `test_devices_failing.py` looks closer at a few.
"""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np
import pytest

import penstock as ps
from tests.runtime.several_devices import session
from tests.runtime.test_devices_failing import ADDRESS_SANITIZER, live, repeat, resident

pytestmark = pytest.mark.slow
KINDS = pytest.mark.parametrize("kind", ["CPU", "SIM_GPU"])
VALUE = np.random.default_rng(5).random((32, 32), np.float32)


def chain(kind: str, length: int) -> tuple[Any, Any]:
    """Return a feed and a fetch between which the value goes to and fro."""
    x = ps.placeholder(ps.float32, [32, 32], name="x")
    y = x
    for i in range(length):
        with ps.device(f"/device:{kind}:{i % 2}"):
            y = ps.tanh(ps.matmul(y, x))
    return x, ps.reduce_sum(y)


def opened_for(kind: str) -> ps.Session:
    return session(2) if kind == "CPU" else session(1, 2)


@KINDS
def test_a_thousand_errors(kind: str) -> None:
    x = ps.placeholder(ps.float32, [None, 32], name="x")
    with ps.device(f"/device:{kind}:1"):
        far = ps.tanh(x + 1.0)
        wrong = ps.reshape(far, [-1, 2, 32], name="pairs")
    with ps.device(f"/device:{kind}:0"):
        fetches = [ps.exp(wrong), ps.exp(far), ps.matmul(x, x, transpose_b=True)]
    with opened_for(kind) as opened:
        expected = opened.run(fetches, {x: VALUE})

        def fail() -> None:
            with pytest.raises(ps.errors.InvalidArgumentError, match=f'"pairs" on {kind}:1'):
                opened.run(fetches, {x: VALUE[:31]})

        repeat(1000, opened, fail)
        np.testing.assert_array_equal(opened.run(fetches, {x: VALUE})[0], expected[0])


@KINDS
def test_a_thousand_deadlines(kind: str) -> None:
    x, y = chain(kind, 3000 if kind == "CPU" else 300)
    soon = ps.RunOptions(timeout_in_ms=1)
    with opened_for(kind) as opened:
        expected = opened.run(y, {x: VALUE})

        def fail() -> None:
            for _ in range(100):  # a lucky run may be in time
                try:
                    opened.run(y, {x: VALUE}, options=soon)
                except ps.errors.DeadlineExceededError:
                    return
            pytest.fail("no run of 100 met its deadline")

        repeat(1000, opened, fail)
        assert opened.run(y, {x: VALUE}) == expected


@KINDS
def test_three_hundred_closings(kind: str) -> None:
    x, y = chain(kind, 60)
    before, took = 0, []
    for i in range(300):
        opened = opened_for(kind)
        opened.run(y, {x: VALUE})
        ended: list[type] = []

        def work(opened: ps.Session = opened, ended: list[type] = ended) -> None:
            try:
                while True:
                    opened.run(y, {x: VALUE})
            except BaseException as e:
                ended.append(type(e))  # its traceback would keep the plan

        thread = threading.Thread(target=work)
        thread.start()
        time.sleep(0.002)
        began = time.monotonic()
        opened.close()
        thread.join(10)
        took.append(time.monotonic() - began)
        assert issubclass(ended[0], (ps.errors.CancelledError, RuntimeError)), ended
        assert not any(live(opened).values())
        if i == 60:
            before = resident()
    if not ADDRESS_SANITIZER:  # which keeps freed memory
        assert resident() - before < 16 << 20
    assert sorted(took)[150] < 1
