"""Several devices compute what one computes: random graphs, training, variables, threads."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import penstock as ps
from tests.random_graphs import Grown, grown
from tests.runtime.several_devices import names, session, spread
from tests.runtime.test_random_graphs import assert_agree


@given(program=grown(most=40), cpus=st.integers(1, 8), data=st.data())
def test_random_requests_on_cpus_equal_one_device(program: Grown, cpus: int, data: Any) -> None:
    fetches = [v.tensor for v in program.fetches]
    with session(graph=program.graph) as one:
        expected = one.run(fetches, program.feeds)
    spread(program.graph, names(cpus), lambda all: data.draw(st.sampled_from(all)))
    with session(cpus, graph=program.graph) as several:
        for _ in range(2):
            results = several.run(fetches, program.feeds)
            for result, other in zip(results, expected, strict=True):
                np.testing.assert_array_equal(result, other)


@given(
    program=grown(most=30),
    cpus=st.integers(1, 4),
    simulated=st.integers(1, 4),
    data=st.data(),
)
def test_random_requests_on_accelerators_equal_one_device(
    program: Grown, cpus: int, simulated: int, data: Any
) -> None:
    spread(program.graph, names(cpus, simulated), lambda all: data.draw(st.sampled_from(all)))
    with session(cpus, simulated, graph=program.graph) as several:
        results = several.run([v.tensor for v in program.fetches], program.feeds)
    for result, value in zip(results, program.fetches, strict=True):
        if value.exact or value.array.dtype.kind != "f":
            assert_agree(np.asarray(result), value.array, value.exact)
        else:  # even float64 values may be made of float32 ones
            np.testing.assert_allclose(result, value.array, rtol=1e-3, atol=1e-3)


# ---- training


def perceptron(devices: list[str]) -> tuple[Any, Any, Any, list[Any]]:
    """Return input, loss, step and variables of three layers, each on its device."""
    rng = np.random.default_rng(3)
    x = ps.placeholder(ps.float32, [None, 20])
    y, variables = x, []
    for i, (rows, columns) in enumerate(((20, 32), (32, 16), (16, 4))):
        with ps.device(devices[i % len(devices)]):
            w = ps.Variable((rng.standard_normal((rows, columns)) / 6).astype(np.float32))
            b = ps.Variable(np.zeros(columns, np.float32))
            y = ps.tanh(ps.matmul(y, w) + b)
            variables += [w, b]
    loss = ps.reduce_mean(ps.square(y - 0.3))
    return x, loss, ps.train.AdamOptimizer(0.01).minimize(loss), variables


def trained(devices: list[str], cpus: int, simulated: int = 0) -> list[Any]:
    """Return losses, gradients and weights of ten steps."""
    batch = np.random.default_rng(4).standard_normal((16, 20)).astype(np.float32)
    with ps.Graph().as_default():
        x, loss, step, variables = perceptron(devices)
        slopes = ps.gradients(loss, variables)
        with session(cpus, simulated) as opened:
            opened.run(ps.global_variables_initializer())
            losses = [opened.run([loss, step], {x: batch})[0] for _ in range(10)]
            return [np.array(losses), *opened.run([*slopes, *variables], {x: batch})]


def test_training_over_three_cpus_equals_one() -> None:
    one = trained([""], 1)
    several = trained([f"/device:CPU:{i}" for i in range(3)], 3)
    assert one[0][-1] < one[0][0] / 2
    for a, b in zip(one, several, strict=True):
        np.testing.assert_array_equal(a, b)


def test_training_with_an_accelerator_equals_one_cpu() -> None:
    one = trained([""], 1)
    several = trained(["/device:SIM_GPU:0", "/device:CPU:1", "/device:SIM_GPU:1"], 2, 2)
    for a, b in zip(one, several, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kind", ["CPU", "SIM_GPU"])
def test_variables_live_on_their_devices(kind: str) -> None:
    last = f"/device:{kind}:{1 if kind == 'CPU' else 0}"
    with ps.device("/device:CPU:0"):
        a = ps.Variable(np.full(1000, 2.0, np.float32))
    with ps.device(last):
        b = ps.Variable(np.full(3000, 3.0, np.float32))
    add = ps.assign_add(b, ps.concat([a, a, a], 0))
    with session(2, 1) as opened:
        opened.run(ps.global_variables_initializer())
        np.testing.assert_array_equal(opened.run(add), np.full(3000, 5.0))
        opened.run(add.op)
        np.testing.assert_array_equal(opened.run(b), np.full(3000, 7.0))
        np.testing.assert_array_equal(opened.run(a), np.full(1000, 2.0))


# ---- several callers


@pytest.mark.parametrize("kind", ["CPU", "SIM_GPU"])
def test_eight_threads_at_once(kind: str) -> None:
    x = ps.placeholder(ps.float32, [64])
    y = x
    for i in range(12):
        with ps.device(f"/device:{kind}:{i % 3}"):
            y = y * 2.0 - x
    z = ps.reduce_sum(y)
    failures: list[BaseException] = []
    with session(3, 3) as opened:

        def work(start: int) -> None:
            try:
                for i in range(start, start + 40):
                    value = np.full(64, i, np.float32)
                    assert opened.run(z, {x: value}) == 64 * i
            except BaseException as e:
                failures.append(e)

        threads = [threading.Thread(target=work, args=(100 * i,)) for i in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not failures, failures[0]


# ---- what a run shows


def test_partition_graphs_are_returned() -> None:
    x = ps.placeholder(ps.float32, [2], name="x")
    with ps.device("/device:CPU:1"):
        y = ps.add(ps.exp(x, name="e"), x, name="y")
    with ps.device("/device:CPU:0"):
        z = ps.negative(y, name="z")
    metadata = ps.RunMetadata()
    with session(2) as opened:
        asked = ps.RunOptions(output_partition_graphs=True)
        opened.run(z, {x: [0.0, 1.0]}, options=asked, run_metadata=metadata)
    graphs = metadata.partition_graphs
    assert len(graphs) == 2
    ops = [sorted(n.op for n in g.node) for g in graphs]
    assert ops == [["Neg", "_Arg", "_Recv", "_Retval", "_Send"], ["AddV2", "Exp", "_Recv", "_Send"]]
    (send,) = [n for n in graphs[0].node if n.op == "_Send"]
    (recv,) = [n for n in graphs[1].node if n.op == "_Recv"]
    for name in ("tensor_name", "send_device", "send_device_incarnation", "recv_device"):
        assert send.attr[name] == recv.attr[name]
    assert send.attr["T"] == recv.attr["tensor_type"]
    assert send.attr["recv_device"].s.endswith(b"/device:CPU:1")
    assert {n.device for n in graphs[1].node} == {recv.device}
