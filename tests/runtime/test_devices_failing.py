"""What goes wrong on one device ends the step on all of them, leaks nothing and harms nobody."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import penstock as ps
from tests.runtime.several_devices import session

KINDS = pytest.mark.parametrize("kind", ["CPU", "SIM_GPU"])
SIZE = 1 << 12
ADDRESS_SANITIZER = os.environ.get("PENSTOCK_SANITIZE") == "address"


def divided(kind: str) -> tuple[Any, Any, list[Any]]:
    """Return numerator, denominator and three fetches; the middle device divides."""
    x = ps.placeholder(ps.int32, [SIZE], name="x")
    zero = ps.placeholder(ps.int32, [], name="zero")
    with ps.device(f"/device:{kind}:1"):
        quotient = ps.floordiv(x, zero, name="quotient")
    with ps.device(f"/device:{kind}:2"):
        waiting = ps.add(quotient, 1, name="waiting")
        other = x
        for _ in range(10):
            other = other + x
    return x, zero, [quotient * 2, waiting, other]


def slow(kind: str, length: int) -> tuple[Any, Any]:
    """Return a feed and a fetch: the second device works while the others wait for it."""
    x = ps.placeholder(ps.float32, [1 << 16], name="x")
    with ps.device(f"/device:{kind}:1"):
        y = x
        for i in range(length):
            y = ps.exp(y * 0.5, name=f"step{i}")
    with ps.device(f"/device:{kind}:2"):
        z = ps.reduce_sum(y)
    return x, z + 1.0


def resident() -> int:
    """Return the resident memory of this process in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def live(opened: ps.Session) -> dict[str, int]:
    """Return the bytes in use on each device."""
    return {d.name: opened.memory_stats(d.name)["live"] for d in opened.list_devices()}


def repeat(times: int, opened: ps.Session, fail: Callable[[], None]) -> None:
    """Fail again and again: soon (but for a busy machine), and with nothing left behind."""
    at_first = live(opened)
    before = 0
    took = []
    for i in range(times):
        began = time.monotonic()
        fail()
        took.append(time.monotonic() - began)
        assert live(opened) == at_first
        if i == times // 5:
            before = resident()
    if not ADDRESS_SANITIZER:  # which keeps freed memory
        assert resident() - before < 8 << 20
    assert sorted(took)[times // 2] < 1


def test_an_error_ends_all_partitions_a_thousand_times() -> None:
    x, zero, fetches = divided("CPU")
    value = np.ones(SIZE, np.int32)
    with session(3) as opened:
        opened.run(fetches, {x: value, zero: 1})

        def fail() -> None:
            with pytest.raises(ps.errors.InvalidArgumentError) as caught:
                opened.run(fetches, {x: value, zero: 0})
            text = str(caught.value)
            assert 'FloorDiv "quotient" on CPU:1' in text and "division by zero" in text
            assert "built at" in text and caught.value.op.name == "quotient"

        repeat(1000, opened, fail)
        assert opened.run(fetches, {x: value, zero: 1})[1][0] == 2


def test_an_error_on_an_accelerator_ends_all_partitions() -> None:
    x = ps.placeholder(ps.float32, [None, 3], name="x")
    with ps.device("/device:SIM_GPU:1"):
        y = ps.reshape(x, [-1, 2], name="pairs")
    with ps.device("/device:SIM_GPU:0"):
        fetches = [ps.exp(y), ps.exp(x), y + 1.0]
    good, bad = np.ones((4, 3), np.float32), np.ones((3, 3), np.float32)
    with session(1, 2) as opened:
        opened.run(fetches, {x: good})

        def fail() -> None:
            with pytest.raises(ps.errors.InvalidArgumentError, match='"pairs" on SIM_GPU:1'):
                opened.run(fetches, {x: bad})

        repeat(300, opened, fail)
        assert opened.run(fetches, {x: good})[0].shape == (6, 2)


@KINDS
def test_a_deadline_ends_all_partitions(kind: str) -> None:
    x, y = slow(kind, 400)
    value = np.zeros(1 << 16, np.float32)
    soon = ps.RunOptions(timeout_in_ms=1)
    with session(3, 3) as opened:
        expected = opened.run(y, {x: value})

        def fail() -> None:
            with pytest.raises(ps.errors.DeadlineExceededError):
                opened.run(y, {x: value}, options=soon)

        repeat(300 if kind == "CPU" else 100, opened, fail)
        assert opened.run(y, {x: value}) == expected


@KINDS
def test_closing_ends_all_partitions(kind: str) -> None:
    x, y = slow(kind, 1000)
    value = np.zeros(1 << 16, np.float32)
    took = []
    for _ in range(2):
        opened = session(3, 3)
        opened.run(y, {x: value})
        ended: list[object] = []

        def work(opened: ps.Session = opened, ended: list[object] = ended) -> None:
            try:
                while True:
                    opened.run(y, {x: value})
            except (ps.errors.CancelledError, RuntimeError) as e:
                ended.append(e)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        time.sleep(0.2)
        began = time.monotonic()
        opened.close()
        for thread in threads:
            thread.join(10)
        took.append(time.monotonic() - began)
        assert len(ended) == 4
    assert min(took) < 1


def test_errors_while_others_succeed() -> None:
    """Callers share the session: one's failing step does not touch another's."""
    x, zero, fetches = divided("CPU")
    value = np.ones(SIZE, np.int32)
    wrong: list[BaseException] = []
    with session(3) as opened:

        def work(divisor: int) -> None:
            for _ in range(100):
                try:
                    result = opened.run(fetches, {x: value, zero: divisor})
                    assert divisor and result[2][0] == 11
                except ps.errors.InvalidArgumentError as e:
                    if divisor:
                        wrong.append(e)
                except BaseException as e:
                    wrong.append(e)

        threads = [threading.Thread(target=work, args=(i % 2,)) for i in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not wrong, wrong[0]


@KINDS
def test_a_memory_limit_concerns_its_device(kind: str) -> None:
    x = ps.placeholder(ps.float32, [None], name="x")
    with ps.device(f"/device:{kind}:1"):
        y = ps.exp(x, name="y")
    z = ps.reduce_sum(y)
    with session(2, 2) as opened:
        opened.run(z, {x: np.zeros(10)})
        device = next(d.name for d in opened.list_devices() if d.name.endswith(f"{kind}:1"))
        opened.set_memory_limit(1 << 20, device)
        with pytest.raises(ps.errors.ResourceExhaustedError, match=f'"y" on {kind}:1|{kind}:1'):
            opened.run(z, {x: np.zeros(1 << 20)})
        assert opened.run(z, {x: np.zeros(10)}) == 10.0
