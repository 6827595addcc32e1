"""Threads: limits are kept, sessions and callers share workers, results need not depend on them."""

import os
import subprocess
import sys
import threading

import numpy as np
import pytest

import penstock as ps
from penstock import options

needs_proc = pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="needs /proc")

WORK = """
import os, threading, time
import numpy as np
import penstock as ps

def count():
    time.sleep(0.1)  # a thread that was joined may not be gone yet
    return len(os.listdir("/proc/self/task"))

def session(intra, inter):
    return ps.Session(config=ps.ConfigProto(
        intra_op_parallelism_threads=intra, inter_op_parallelism_threads=inter))

x = ps.placeholder(ps.float32, [8, 24, 24, 16])
w = ps.constant(np.full((3, 3, 16, 32), 0.01, np.float32))
y = ps.nn.conv2d(x, w, strides=[1, 1, 1, 1], padding="SAME")
dx, = ps.gradients(y, [x])
z = ps.reshape(y, [-1, 288])
fetches = [ps.reduce_sum(ps.matmul(z, z, transpose_a=True)), dx, ps.reduce_sum(ps.exp(y))]
value = np.ones((8, 24, 24, 16), np.float32)
first = threading.Thread(target=count)  # with it, the thread sanitizer starts one of its own
first.start()
first.join()
before = count()
"""


def output_of(code: str) -> list[int]:
    """Run Python on the graph above in a process of its own; the numbers it prints."""
    done = subprocess.run(
        [sys.executable, "-c", WORK + code],
        env=dict(os.environ, OPENBLAS_NUM_THREADS="1"),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return [int(word) for word in done.stdout.split()]


@needs_proc
def test_one_thread_each_starts_no_worker():
    code = """
with session(1, 1) as s:
    for _ in range(8):
        s.run(fetches, {x: value})
    print(count() - before)
"""
    assert output_of(code) == [0]


@needs_proc
def test_sessions_and_callers_share_the_workers():
    code = """
sessions = [session(3, 3) for _ in range(4)]
def work(s):
    for _ in range(6):
        s.run(fetches, {x: value})
for _ in range(3):
    callers = [threading.Thread(target=work, args=(s,)) for s in sessions * 2]
    for c in callers: c.start()
    for c in callers: c.join()
print(count() - before)
"""
    assert output_of(code) == [2]


@needs_proc
def test_pools_of_two_sizes_are_two():
    code = """
with session(2, 4) as s:
    for _ in range(8):
        s.run(fetches, {x: value})
print(count() - before)
"""
    assert output_of(code) == [1 + 3]


def train(threads: int, steps: int = 5) -> list[np.ndarray]:
    """The weights of a small convolutional network after some steps, and a scattered sum."""
    rng = np.random.default_rng(5)
    images = rng.standard_normal((32, 16, 16, 3)).astype(np.float32)
    labels = rng.integers(0, 10, 32).astype(np.int32)
    with ps.Graph().as_default():
        x = ps.placeholder(ps.float32, [32, 16, 16, 3])
        shapes = [(5, 5, 3, 32), (3, 3, 32, 64), (1024, 256), (256, 10)]
        kernels = [ps.Variable((0.05 * rng.standard_normal(s)).astype(np.float32)) for s in shapes]
        y = x
        for i, w in enumerate(kernels[:2]):
            y = ps.nn.conv2d(y, w, strides=[1, 1, 1, 1], padding="SAME")
            mean, variance = ps.nn.moments(y, [0, 1, 2])
            y = ps.nn.relu(ps.nn.batch_normalization(y, mean, variance, None, None, 1e-5))
            y = ps.nn.max_pool(y, [1, 2, 2, 1], [1, 2, 2, 1], "SAME", name=f"pool{i}")
        y = ps.nn.relu(ps.matmul(ps.reshape(y, [32, 1024]), kernels[2]))
        y = ps.nn.dropout(y, rate=0.3, seed=4)
        logits = ps.matmul(y, kernels[3])
        losses = ps.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
        update = ps.train.AdamOptimizer(1e-3).minimize(ps.reduce_mean(losses))
        table = ps.Variable(np.zeros((64, 300), np.float32))
        rows = ps.constant(rng.integers(0, 64, 2000), ps.int32)
        added = ps.constant(rng.standard_normal((2000, 300)).astype(np.float32))
        scatter = ps.scatter_add(table, rows, added) if hasattr(ps, "scatter_add") else table
        sums = ps.unsorted_segment_sum(added, rows, 64)
        config = ps.ConfigProto(
            intra_op_parallelism_threads=threads, inter_op_parallelism_threads=threads
        )
        with ps.Session(config=config) as session:
            session.run(ps.global_variables_initializer())
            for _ in range(steps):
                session.run(update, {x: images})
            return session.run([*kernels, losses, scatter, sums], {x: images})


@pytest.mark.parametrize("portable", [False, True])
def test_deterministic_runs_agree_bit_by_bit(monkeypatch, portable):
    chosen = options.Options(deterministic=True, portable_kernels=portable)
    monkeypatch.setattr("penstock.options.current", chosen)
    first = train(1)
    for threads in (2, 3):
        for a, b in zip(first, train(threads), strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("dtype", [ps.float32, ps.float64, ps.bfloat16])
@pytest.mark.parametrize("sizes", [(301, 517, 129), (1, 700, 900), (4096, 3, 333), (16, 16, 9000)])
def test_deterministic_products(monkeypatch, dtype, sizes):
    monkeypatch.setattr("penstock.options.current", options.Options(deterministic=True))
    m, n, k = sizes
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((m, k)), rng.standard_normal((n, k))
    results = []
    for threads in (1, 2, 3):
        config = ps.ConfigProto(intra_op_parallelism_threads=threads)
        a, b = ps.placeholder(dtype, [m, k]), ps.placeholder(dtype, [n, k])
        product = ps.matmul(a, b, transpose_b=True)
        with ps.Session(config=config) as session:
            results.append(session.run(product, {a: x, b: y}))
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])


def test_repeated_runs_agree_bit_by_bit():
    """What holds without the option: the same number of threads gives the same bits."""
    first = train(2)
    for a, b in zip(first, train(2), strict=True):
        np.testing.assert_array_equal(a, b)


def test_determinism_is_asked_for_by_the_environment():
    for variable in ("PENSTOCK_DETERMINISTIC", "TF_DETERMINISTIC_OPS"):
        assert options.from_environment({variable: "1"}).deterministic
        assert not options.from_environment({variable: "0"}).deterministic


def test_portable_kernels_on_request():
    before = options.configure(portable_kernels=True)
    try:
        x = ps.random_uniform([200, 300], seed=2)
        with ps.Session() as session:
            value, product = session.run([x, ps.matmul(x, x, transpose_b=True)])
    finally:
        options.configure(portable_kernels=before.portable_kernels)
    np.testing.assert_allclose(product, value @ value.T, rtol=1e-4)
    with pytest.raises(TypeError):
        options.configure(no_such_option=True)
    assert options.from_environment({"PENSTOCK_KERNELS": "portable"}).portable_kernels


def test_the_first_error_is_kept_and_nothing_leaks():
    """Several branches fail at once on several threads: one error, told whole, and no memory."""
    x = ps.placeholder(ps.int32, [1 << 16])
    zero = ps.placeholder(ps.int32, [])
    branches = []
    for i in range(6):
        y = x + i
        for _ in range(10):
            y = y * 3 - x
        branches.append(ps.floordiv(y, zero + (i % 2), name=f"branch{i}"))
    value = np.ones(1 << 16, np.int32)
    config = ps.ConfigProto(inter_op_parallelism_threads=3, intra_op_parallelism_threads=1)
    with ps.Session(config=config) as session:
        session.run(branches, {x: value, zero: 1})  # branches 1, 3, 5 divide by 2, none by 0
        live = session.memory_stats()["live"]
        failures: list[BaseException] = []

        def work() -> None:
            for _ in range(10):
                try:
                    session.run(branches, {x: value, zero: 0})
                except ps.errors.InvalidArgumentError as e:
                    if 'FloorDiv "branch' not in str(e) or "division by zero" not in str(e):
                        failures.append(e)
                else:
                    failures.append(AssertionError("no error"))

        callers = [threading.Thread(target=work) for _ in range(4)]
        for c in callers:
            c.start()
        for c in callers:
            c.join()
        assert not failures, failures[0]
        assert session.memory_stats()["live"] == live
        assert len(session.run(branches, {x: value, zero: 1})) == 6


def test_nodes_change_while_others_run():
    """A run works on the plan it began with; the next one sees the edited graph."""
    x = ps.placeholder(ps.float32, [4096])
    counter = ps.Variable(0.0)
    y = ps.reduce_sum(ps.exp(x))
    bumps = [ps.assign_add(counter, 1.0).op for _ in range(20)]
    failures: list[BaseException] = []
    stop = threading.Event()
    with ps.Session() as session:
        session.run(counter.initializer)

        def work() -> None:
            try:
                while not stop.is_set():
                    assert session.run(y, {x: np.zeros(4096, np.float32)}) == 4096.0
            except BaseException as e:
                failures.append(e)

        callers = [threading.Thread(target=work) for _ in range(4)]
        for c in callers:
            c.start()
        for bump in bumps:
            y.op.add_control_inputs([bump])
            session.run(y, {x: np.zeros(4096, np.float32)})
        stop.set()
        for c in callers:
            c.join()
        assert not failures, failures[0]
        before = session.run(counter)
        session.run(y, {x: np.zeros(4096, np.float32)})
        assert session.run(counter) == before + len(bumps)
