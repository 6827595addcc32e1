"""Arithmetic on shapes on accelerators: in host memory, without copies to the device and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import penstock as ps
from penstock.kernels.sim_gpu.device import SimulatedDevice

GPU = "/device:SIM_GPU:0"
VALUE = np.arange(12, dtype=np.float32).reshape(2, 3, 2)


@pytest.fixture
def copied(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, tuple[int, ...]]]:
    """Return the list of copies to and from the device, with their shapes."""
    found: list[tuple[str, tuple[int, ...]]] = []
    for way in ("to_device", "to_host"):
        real = getattr(SimulatedDevice, way)

        def counted(self: Any, value: Any, real: Any = real, way: str = way) -> Any:
            found.append((way, value.shape))
            return real(self, value)

        monkeypatch.setattr(SimulatedDevice, way, counted)
    return found


def session() -> ps.Session:
    return ps.Session(config=ps.ConfigProto(device_count={"CPU": 1, "SIM_GPU": 2}))


def flattened(x: ps.Tensor) -> ps.Tensor:
    """Return x without its inner dimensions, by way of its shape."""
    rows = ps.identity(ps.shape(x, name="shape")[0], name="rows")
    return ps.reshape(x, ps.stack([rows, -1], name="to"), name="flat")


@pytest.mark.parametrize("asked", [None, GPU])
def test_a_reshape_by_the_shape_copies_the_values_only(
    asked: str | None, copied: list[tuple[str, tuple[int, ...]]]
) -> None:
    x = ps.placeholder(ps.float32, [None, 3, 2], name="x")
    with ps.device(asked):
        y = flattened(ps.tanh(x, name="inner"))
    with session() as sess:
        got = sess.run(y, {x: VALUE})
        np.testing.assert_allclose(got, np.tanh(VALUE).reshape(2, 6), 1e-6)
        assert copied == [("to_device", (2, 3, 2)), ("to_host", (2, 6))]
        told = sess.explain_placement(y, [x])
        assert told.devices["to"].endswith("SIM_GPU:0") == told.devices["flat"].endswith(
            "SIM_GPU:0"
        )
        assert "computed in host memory" in str(told.of("to"))
        assert told.of("strided_slice").memory and not told.of("flat").memory
        assert [n.node for n in sess.explain_plan(y, [x]).notes if n.action == "kept"]


def test_what_is_asked_for_holds(copied: list[tuple[str, tuple[int, ...]]]) -> None:
    x = ps.placeholder(ps.float32, [None, 3, 2])
    with ps.device(GPU):
        inner = ps.tanh(x)
        rows = ps.shape(inner)[0]
        with ps.device("/device:SIM_GPU:1"):
            doubled = ps.multiply(rows, 2, name="doubled")
        y = ps.reshape(inner, ps.stack([doubled, 3]))
    with session() as sess:
        assert sess.run(y, {x: VALUE}).shape == (4, 3)
        assert [way for way, _ in copied] == ["to_device", "to_host"]
        assert sess.explain_placement(y, [x]).devices["doubled"].endswith("SIM_GPU:1")


def test_what_is_fed_or_read_on_the_device_is_computed_there() -> None:
    x = ps.placeholder(ps.float32, [None, 3, 2])
    n = ps.placeholder(ps.int32, [2], name="n")
    with ps.device(GPU):
        fed = ps.multiply(n, 3, name="fed")
        rows = ps.multiply(ps.shape(x)[0], 2, name="rows")
        scaled = x * ps.cast(rows, ps.float32)
    with session() as sess:
        values = sess.run([fed, scaled], {n: [1, 2], x: VALUE})
        assert values[0].tolist() == [3, 6]
        np.testing.assert_array_equal(values[1], VALUE * 4)
        told = sess.explain_placement([fed, scaled], [n, x])
        assert not told.of("fed").memory and not told.of("rows").memory


def test_readers_in_both_memories() -> None:
    x = ps.placeholder(ps.float32, [None, 3, 2])
    with ps.device(GPU):
        rows = ps.multiply(ps.shape(x)[0], 3, name="rows")
        y = ps.reshape(x, ps.stack([rows, 2])) * ps.cast(rows, ps.float32)
        total = ps.reduce_sum(ps.fill([rows], 1.0))
    with session() as sess:
        got = sess.run([y, total, rows], {x: VALUE})
        np.testing.assert_array_equal(got[0], VALUE.reshape(6, 2) * 6)
        assert got[1:] == [6.0, 6]
        assert sess.explain_placement(y, [x]).of("rows").memory


def test_gradients_of_sums_over_unknown_shapes() -> None:
    x = ps.placeholder(ps.float32, [None, 3])
    with ps.device(GPU):
        w = ps.get_variable("w", [1, 3], initializer=ps.ones_initializer())
        loss = ps.reduce_mean(ps.square(x + w))
        (grad,) = ps.gradients(loss, [w])
    with session() as sess:
        sess.run(ps.global_variables_initializer())
        given = np.arange(6, dtype=np.float32).reshape(2, 3)
        np.testing.assert_allclose(
            sess.run(grad, {x: given}), (2 * (given + 1) / 6).sum(0, keepdims=True), 1e-6
        )
