"""Sessions: life, defaults, plans, errors, limits, many threads, flat memory."""

import os
import signal
import threading
import time

import numpy as np
import pytest

import penstock as ps
from penstock.options import Options


def slow_graph(nodes: int = 3000, size: int = 1 << 18):
    """A chain that takes seconds."""
    x = ps.placeholder(ps.float32, [size], name="x")
    y = x
    for _ in range(nodes):
        y = ps.exp(y * 0.5)
    return x, y, np.zeros(size, np.float32)


def test_default_session_and_graph():
    with pytest.raises(ValueError, match="needs a session"):
        ps.constant(1).eval()
    graph = ps.Graph()
    with graph.as_default():
        c = ps.constant(4, name="c")
    with ps.Session(graph=graph) as outer:
        assert ps.get_default_session() is outer and ps.get_default_graph() is graph
        assert c.eval() == 4 and c.op.run() is None
    assert ps.get_default_session() is None
    with pytest.raises(RuntimeError, match="closed"):
        outer.run(c)


def test_interactive_session():
    session = ps.InteractiveSession()
    assert ps.constant(2).eval() == 2
    session.close()
    assert ps.get_default_session() is None


def test_wrong_constructor_arguments():
    with pytest.raises(ps.errors.UnimplementedError, match="only the local process"):
        ps.Session("grpc://elsewhere")
    with pytest.raises(TypeError, match="graph must be a Graph"):
        ps.Session(graph=3)
    with pytest.raises(TypeError, match="config must be"):
        ps.Session(config={})


def test_thread_counts_of_the_config():
    for intra, inter in [(1, 1), (2, 1), (1, 2), (4, -1)]:
        config = ps.ConfigProto(
            intra_op_parallelism_threads=intra, inter_op_parallelism_threads=inter
        )
        with ps.Session(config=config) as session:
            x = ps.random_uniform([300, 300], seed=1)
            assert session.run(ps.matmul(x, x)).shape == (300, 300)


def test_variables_belong_to_their_session():
    v = ps.Variable(1.0)
    with ps.Session() as a, ps.Session() as b:
        a.run(v.initializer)
        b.run(v.initializer)
        a.run(ps.assign_add(v, 5.0))
        assert a.run(v) == 6.0 and b.run(v) == 1.0


def test_uninitialised_variable_is_named():
    v = ps.Variable(1.0, name="weights")
    with ps.Session() as session:
        with pytest.raises(ps.errors.FailedPreconditionError, match="weights"):
            session.run(v)
        session.run(v.initializer)
        assert session.run(v) == 1.0


def test_a_kernels_error_names_node_inputs_and_line():
    x = ps.placeholder(ps.int32, [2], name="x")
    y = ps.floordiv(x, 0, name="halves")
    with ps.Session() as session, pytest.raises(ps.errors.InvalidArgumentError) as caught:
        session.run(y, {x: [1, 2]})
    text = str(caught.value)
    assert 'FloorDiv "halves" on CPU:0' in text and "division by zero" in text
    assert "input 0  int32[2]" in text
    assert "test_session.py" in text and "ps.floordiv" in text
    assert caught.value.op is y.op and caught.value.error_code == 3
    assert caught.value.node_def.name == "halves"


def test_an_error_in_folding_comes_only_when_a_run_gets_there():
    bad = ps.constant(1) // ps.constant(0)
    x = ps.placeholder(ps.int32, [])
    with ps.Session() as session:
        assert session.run(x + 1, {x: 1}) == 2
        with pytest.raises(ps.errors.InvalidArgumentError, match="division by zero"):
            session.run([x + 1, bad], {x: 1})


def test_plans_are_made_once_and_survive_a_growing_graph():
    x = ps.placeholder(ps.float32, [])
    y = x * 2.0
    with ps.Session() as session:
        session.run(y, {x: 1})
        assert len(session._plans) == 1
        for i in range(3):
            ps.constant(i)
            assert session.run(y, {x: 1}) == 2.0
        assert session.run([y], {x: 1}) == [2.0]
        assert len(session._plans) == 1


def test_a_changed_node_makes_a_new_plan():
    x = ps.placeholder(ps.float32, [None])
    y = ps.reduce_sum(x, keepdims=True)
    v = ps.Variable(0.0)
    with ps.Session() as session:
        session.run(v.initializer)
        assert session.run(y, {x: [1, 2]}).shape == (1,)
        y.op.add_control_inputs([ps.assign_add(v, 1.0).op])
        session.run(y, {x: [1, 2]})
        assert session.run(v) == 1.0


def test_plans_are_bounded(monkeypatch):
    monkeypatch.setattr("penstock.options.current", Options(plans=4))
    x = ps.placeholder(ps.float32, [])
    with ps.Session() as session:
        tensors = [x + float(i) for i in range(12)]
        for _ in range(2):
            assert [float(session.run(t, {x: 0})) for t in tensors] == list(range(12))
        assert len(session._plans) <= 4 and len(session._calls) <= 4


def test_explain_plan_tells_what_happened():
    x = ps.placeholder(ps.float32, [2], name="x")
    y = ps.identity(x, name="same") * (ps.constant(2.0) + 1.0)
    with ps.Session() as session:
        explanation = session.explain_plan(y, {x: None})
    assert [n.action for n in explanation.of("same")] == ["removed"]
    assert explanation.of("add")[0].action == "folded"
    assert "fold_constants" in str(explanation)
    assert [n.op for n in explanation.ir] == ["_Arg", "Const", "Mul", "_Retval"]


def test_partition_graph_of_a_run():
    metadata = ps.RunMetadata()
    options = ps.RunOptions(output_partition_graphs=True)
    with ps.Session() as session:
        x = ps.placeholder(ps.float32, [])
        session.run(x + 1.0, {x: 1}, options=options, run_metadata=metadata)
        assert session.run(x, {x: 1}, options=ps.RunOptions(trace_level=3)) == 1.0
    (device,) = {n.device for n in metadata.partition_graphs[0].node}
    assert device.endswith("device:CPU:0")
    assert {n.op for n in metadata.partition_graphs[0].node} == {
        "_Arg",
        "AddV2",
        "Const",
        "_Retval",
    }


@pytest.mark.parametrize("threads", [1, 2])
def test_deadline(threads):
    x, y, value = slow_graph()
    config = ps.ConfigProto(inter_op_parallelism_threads=threads)
    with ps.Session(config=config) as session:
        session.run(x, {x: value})
        began = time.monotonic()
        with pytest.raises(ps.errors.DeadlineExceededError):
            session.run(y, {x: value}, options=ps.RunOptions(timeout_in_ms=100))
        assert time.monotonic() - began < 10
        assert session.run(x, {x: value}).shape == value.shape


def test_time_out_of_the_session():
    x, y, value = slow_graph()
    config = ps.ConfigProto(operation_timeout_in_ms=100)
    with ps.Session(config=config) as session, pytest.raises(ps.errors.DeadlineExceededError):
        session.run(y, {x: value})


def test_close_cancels_concurrent_runs():
    x, y, value = slow_graph(nodes=8000)  # so long that even the luckiest thread is not done
    session = ps.Session()
    results: list[object] = []

    def work():
        try:
            session.run(y, {x: value})
            results.append("finished")
        except Exception as e:
            results.append(e)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for t in threads:
        t.start()
    time.sleep(1.5)
    session.close()
    for t in threads:
        t.join(60)
        assert not t.is_alive()
    kinds = (ps.errors.CancelledError, RuntimeError)
    assert len(results) == 8 and all(isinstance(r, kinds) for r in results), results


@pytest.mark.skipif(not hasattr(signal, "SIGINT"), reason="needs signals")
def test_ctrl_c_ends_a_step_and_the_session_goes_on():
    x, y, value = slow_graph()
    caught = threading.Event()

    def interrupt():  # again and again: one that comes within a callback of the collector is lost
        while not caught.wait(1.5):
            os.kill(os.getpid(), signal.SIGINT)

    with ps.Session() as session:
        session.run(y.op.inputs[0], {y.op.inputs[0]: value})
        thread = threading.Thread(target=interrupt)
        thread.start()
        with pytest.raises(KeyboardInterrupt):
            for _ in range(100):
                session.run(y, {x: value})
        caught.set()
        thread.join()
        assert session.run(ps.constant(1)) == 1


def test_the_first_error_ends_the_other_branches():
    x, y, value = slow_graph(500)
    bad = ps.placeholder(ps.int32, [])
    both = [y, ps.constant(1) // bad]
    with ps.Session() as session:
        for _ in range(5):
            with pytest.raises(ps.errors.InvalidArgumentError, match="division by zero"):
                session.run(both, {x: value, bad: 0})
        assert session.run(both[1], {bad: 1}) == 1


def test_a_constant_that_waits_holds_back_its_reader():
    """An optimizer's step counter must not move before the updates have read it."""
    step, seen = ps.Variable(0.0), ps.Variable(0.0)
    slow = step + 0.0
    for _ in range(40):
        slow = ps.reduce_mean(ps.fill([1 << 14], slow))
    update = ps.assign(seen, slow)
    with ps.control_dependencies([update]):
        advance = ps.assign_add(step, ps.constant(1.0)).op
    with ps.Session() as session:
        session.run([step.initializer, seen.initializer])
        for i in range(30):
            session.run(advance)
            assert session.run([seen, step]) == [i, i + 1]


def test_threads_share_a_session():
    x = ps.placeholder(ps.float32, [None])
    v = ps.Variable(0.0)
    total = ps.reduce_sum(ps.square(x)) + 0.0 * v
    bump = ps.assign_add(v, 1.0).op
    with ps.Session() as session:
        session.run(v.initializer)
        failures: list[object] = []

        def work(seed: int):
            try:
                values = np.random.default_rng(seed).integers(0, 9, 50).astype(np.float32)
                for i in range(200):
                    n = i % 50
                    got = session.run(total, {x: values[:n]})
                    assert got == (values[:n] ** 2).sum()
                    session.run(bump)
            except BaseException as e:
                failures.append(e)

        threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert not failures, failures[0]
        assert session.run(v) == 1600.0


def test_the_graph_may_grow_while_others_run():
    x = ps.placeholder(ps.float32, [])
    graph = ps.get_default_graph()
    stop, failures = threading.Event(), []

    def build():
        with graph.as_default():
            y = x
            while not stop.is_set():
                y = y + 1.0

    builder = threading.Thread(target=build)
    with ps.Session() as session:
        builder.start()
        try:
            for i in range(200):
                assert session.run(x * float(i), {x: 2}) == 2.0 * i
        finally:
            stop.set()
            builder.join()
    assert not failures


@pytest.mark.skipif(
    os.environ.get("PENSTOCK_SANITIZE") == "address", reason="the sanitizer keeps freed memory"
)
def test_memory_of_a_run_and_of_the_session():
    x = ps.placeholder(ps.float32, [1 << 16])
    y = ps.exp(ps.exp(x) + x)
    value = np.zeros(1 << 16, np.float32)
    with ps.Session() as session:
        session.run(y, {x: value})
        result, memory = session.run_with_memory(y, {x: value})
        assert result.shape == value.shape
        size = value.nbytes
        assert size <= memory.peak - memory.live_before <= 2.5 * size
        assert memory.allocations >= 1
        stats = session.memory_stats()
        assert stats["reserved"] >= stats["live"] and stats["peak"] >= memory.peak
        session.reset_peak_memory()
        assert session.memory_stats()["peak"] == session.memory_stats()["live"]
        del result
        assert session.trim_memory() > 0


def resident_bytes() -> int:
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGESIZE")


@pytest.mark.skipif(
    os.environ.get("PENSTOCK_SANITIZE") == "address", reason="the sanitizer keeps freed memory"
)
@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="needs /proc")
def test_memory_stays_flat_over_100000_runs():
    x = ps.placeholder(ps.float32, [None, 16])
    v = ps.Variable(np.ones((16, 16), np.float32))
    y = ps.reduce_sum(ps.matmul(x, v))
    update = ps.assign_sub(v, 0.0 * ps.gradients(y, [v])[0])
    with ps.Session() as session:
        session.run(v.initializer)
        value = np.ones((4, 16), np.float32)
        for _ in range(2000):
            session.run([y, update], {x: value})
        before, live = resident_bytes(), session.memory_stats()["live"]
        for _ in range(100_000):
            session.run([y, update], {x: value})
        assert session.memory_stats()["live"] == live
        assert resident_bytes() - before < 4 << 20


def test_32_threads_for_a_while():
    """The thread sanitizer watches this one: PENSTOCK_SOAK_SECONDS makes it longer."""
    seconds = float(os.environ.get("PENSTOCK_SOAK_SECONDS", "2"))
    x = ps.placeholder(ps.float32, [None, 32])
    w = ps.Variable(np.full((32, 32), 0.01, np.float32))
    hidden = ps.nn.relu(ps.matmul(x, w))
    loss = ps.reduce_sum(hidden)
    train = ps.assign_sub(w, 1e-6 * ps.gradients(loss, [w])[0]).op
    noise = ps.random_uniform([8], seed=3)
    with ps.Session() as session:
        session.run(w.initializer)
        end = time.monotonic() + seconds
        failures: list[BaseException] = []

        def work(seed: int):
            value = np.random.default_rng(seed).random((seed + 1, 32), np.float32)
            try:
                while time.monotonic() < end:
                    session.run([loss, train, noise], {x: value})
            except BaseException as e:
                failures.append(e)

        threads = [threading.Thread(target=work, args=(i,)) for i in range(32)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
    assert not failures, failures[0]
