"""RunOptions(trace_level=...): what RunMetadata.step_stats says of a run, and when it fails."""

import contextlib
import itertools
import json
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import penstock as ps
from penstock.timeline.slices import parse_label, read_step

LOCAL = "/job:localhost/replica:0/task:0/device:"
FULL = ps.RunOptions(trace_level=ps.RunOptions.FULL_TRACE)
SOFTWARE = ps.RunOptions(trace_level=ps.RunOptions.SOFTWARE_TRACE)


@pytest.fixture(autouse=True)
def graph() -> Iterator[ps.Graph]:
    with ps.Graph().as_default() as graph:
        yield graph


def traced(
    sess: ps.Session, fetches: Any, feeds: Any = None, options: Any = FULL, runs: int = 1
) -> Any:
    """Return the statistics of the last of some runs, whether it fails or not."""
    metadata = ps.RunMetadata()
    for _ in range(runs):
        with contextlib.suppress(ps.OpError):
            sess.run(fetches, feeds, options=options, run_metadata=metadata)
    return metadata.step_stats


def nodes_of(stats: Any, device: str = "CPU:0") -> dict[str, Any]:
    (found,) = (d for d in stats.dev_stats if d.device == LOCAL + device)
    return {n.node_name: n for n in found.node_stats}


def chain() -> tuple[ps.Tensor, ps.Tensor]:
    """x: [n, 4] → a = x @ w → b = exp(a) → c = sum(b)."""
    x = ps.placeholder(ps.float32, [None, 4], name="x")
    w = ps.constant(np.ones((4, 8), np.float32), name="w")
    return x, ps.reduce_sum(ps.exp(ps.matmul(x, w, name="a"), name="b"), name="c")


def test_every_node_with_its_times() -> None:
    x, c = chain()
    before = time.time_ns()
    with ps.Session() as sess:
        stats = traced(sess, c, {x: np.zeros((2, 4))}, runs=4)
    after = time.time_ns()
    nodes = nodes_of(stats)
    assert list(nodes) == ["a", "b", "c"]
    for node in nodes.values():
        assert before <= node.scheduled_nanos <= node.all_start_nanos <= after
        assert 0 < node.op_end_rel_nanos <= node.all_end_rel_nanos
        assert node.all_start_micros == node.all_start_nanos // 1000
        assert abs(node.all_end_rel_micros - node.all_end_rel_nanos / 1000) <= 1
    for first, second in itertools.pairwise(nodes.values()):
        assert second.scheduled_nanos == first.all_start_nanos + first.all_end_rel_nanos


def test_labels_tell_inputs() -> None:
    x = ps.placeholder(ps.float32, [4], name="x")
    first = ps.negative(x, name="first")
    halves = ps.split(first, 2, name="halves")
    with ps.control_dependencies([ps.Print(first, [first], name="said")]):
        y = ps.add(halves[1], halves[0], name="y")
    with ps.Session() as sess:
        nodes = nodes_of(traced(sess, y, {x: np.zeros(4)}))
    label = parse_label(nodes["y"].timeline_label)
    assert label is not None
    assert (label.op, label.inputs) == (y.op.type, ("halves:1", "halves", "^said"))


def test_sizes_of_results() -> None:
    x, c = chain()
    with ps.Session() as sess:
        nodes = nodes_of(traced(sess, c, {x: np.zeros((2, 4))}))
    (output,) = nodes["a"].output
    described = output.tensor_description
    assert output.slot == 0 and described.dtype == ps.float32.as_datatype_enum
    assert [d.size for d in described.shape.dim] == [2, 8]
    assert described.allocation_description.requested_bytes == 2 * 8 * 4
    assert described.allocation_description.allocated_bytes >= 2 * 8 * 4
    assert not nodes["c"].output[0].tensor_description.shape.unknown_rank


def test_memory_of_the_device() -> None:
    x, c = chain()
    with ps.Session() as sess:
        sess.run(c, {x: np.zeros((1000, 4))})
        live = sess.memory_stats()["live"]
        nodes = nodes_of(traced(sess, c, {x: np.zeros((1000, 4), np.float32)}))
    (of_a,), (of_c,) = nodes["a"].memory, nodes["c"].memory
    assert of_a.allocator_name == "CPU:0"
    assert of_a.total_bytes >= 32000 and of_a.allocator_bytes_in_use >= live + 32000
    dropped = [r.alloc_bytes for r in of_c.allocation_records if r.alloc_bytes < 0]
    assert sum(dropped) <= -32000
    assert of_c.allocator_bytes_in_use < of_a.allocator_bytes_in_use


def test_software_trace_leaves_memory_out() -> None:
    x, c = chain()
    with ps.Session() as sess:
        nodes = nodes_of(traced(sess, c, {x: np.zeros((2, 4))}, SOFTWARE))
    assert list(nodes) == ["a", "b", "c"]
    assert not any(node.memory for node in nodes.values())
    assert nodes["a"].output


def test_nothing_is_recorded_unless_asked() -> None:
    x, c = chain()
    feeds = {x: np.zeros((2, 4))}
    with ps.Session() as sess:
        assert not traced(sess, c, feeds, ps.RunOptions()).dev_stats
        assert not traced(sess, c, feeds, None).dev_stats
        # Options without a place for the answer, and a place without the question.
        assert sess.run(c, feeds, options=FULL) == 16.0
        stale = ps.RunMetadata()
        stale.step_stats.dev_stats.add(device="old")
        sess.run(c, feeds, options=ps.RunOptions(), run_metadata=stale)
        assert not stale.step_stats.dev_stats


def test_results_are_the_same_and_metadata_is_new_each_time() -> None:
    x, c = chain()
    metadata = ps.RunMetadata()
    with ps.Session() as sess:
        call = sess.make_callable(c, [x], accept_options=True)
        for rows in (2, 3):
            assert call(np.zeros((rows, 4)), options=FULL, run_metadata=metadata) == rows * 8.0
            (described,) = nodes_of(metadata.step_stats)["a"].output
            assert described.tensor_description.shape.dim[0].size == rows
    assert len(metadata.step_stats.dev_stats) == 1


def wide(count: int) -> tuple[ps.Tensor, ps.Tensor]:
    """A sum of matrix products that do not depend on each other, worth running side by side."""
    factors = [ps.constant(np.full((160, 160), i, np.float32)) for i in range(count)]
    x = ps.placeholder(ps.float32, [160, 160], name="x")
    return x, ps.add_n([ps.matmul(x, f, name=f"m{i}") for i, f in enumerate(factors)], name="sum")


def test_parallel_runs_are_recorded_by_thread() -> None:
    config = ps.ConfigProto(inter_op_parallelism_threads=4, intra_op_parallelism_threads=1)
    x, total = wide(16)
    feeds = {x: np.ones((160, 160), np.float32)}
    with ps.Session(config=config) as sess:
        for _ in range(4):  # until the session has measured and decided
            expected = sess.run(total, feeds)
        threads: set[str] = set()
        for run in range(1000):
            if run >= 20 and len(threads) > 1:
                break  # on a busy machine helpers come late
            metadata = ps.RunMetadata()
            result = sess.run(total, feeds, options=FULL, run_metadata=metadata)
            np.testing.assert_array_equal(result, expected)
            (device,) = metadata.step_stats.dev_stats
            assert {n.node_name for n in device.node_stats} >= {f"m{i}" for i in range(16)}
            threads.update(device.thread_names.values())
            assert {n.thread_id for n in device.node_stats} == set(device.thread_names)
            assert_one_at_a_time(device)
    assert len(threads) > 1 and threads - {"caller"} == {t for t in threads if "worker " in t}


def assert_one_at_a_time(device: Any) -> None:
    """Check that no thread ran two nodes at once; transfers wait beside what it does."""
    by_thread: dict[int, list[tuple[int, int]]] = {}
    for node in device.node_stats:
        if not node.timeline_label.startswith("["):
            span = node.all_start_nanos, node.all_start_nanos + node.op_end_rel_nanos
            by_thread.setdefault(node.thread_id, []).append(span)
    for spans in by_thread.values():
        for (_, end), (start, _) in itertools.pairwise(sorted(spans)):
            assert end <= start


def test_failed_run_tells_what_it_did() -> None:
    x = ps.placeholder(ps.int32, [], name="x")
    good = ps.negative(x, name="good")
    bad = ps.floordiv(good, ps.zeros_like(x), name="bad")
    after = ps.negative(bad, name="after")
    metadata = ps.RunMetadata()
    with ps.Session() as sess:
        with pytest.raises(ps.errors.InvalidArgumentError, match="division by zero"):
            sess.run(after, {x: 1}, options=FULL, run_metadata=metadata)
        nodes = nodes_of(metadata.step_stats)
        assert "good" in nodes and "after" not in nodes
        assert not nodes["bad"].output and nodes["bad"].all_end_rel_nanos >= 0
        assert sess.run(good, {x: 1}) == -1


def test_run_past_its_deadline_tells_what_it_did() -> None:
    x = ps.placeholder(ps.float32, [256, 256], name="x")
    y = x
    for i in range(400):
        y = ps.matmul(y, x, name=f"m{i}")
    options = ps.RunOptions(trace_level=ps.RunOptions.FULL_TRACE, timeout_in_ms=20)
    with ps.Session() as sess:
        found = nodes_of(traced(sess, y, {x: np.ones((256, 256))}, options))
    assert "m0" in found and "m399" not in found


def two_devices() -> ps.Session:
    return ps.Session(config=ps.ConfigProto(device_count={"CPU": 2}))


def back_and_forth() -> tuple[ps.Tensor, ps.Tensor]:
    """Feed x → a on CPU:0 → b on CPU:1 → c on CPU:0."""
    x = ps.placeholder(ps.float32, [None], name="x")
    with ps.device("/cpu:0"):
        a = ps.exp(x, name="a")
    with ps.device("/cpu:1"):
        b = ps.sin(a, name="b")
    with ps.device("/cpu:0"):
        return x, ps.add(a, b, name="c")


@pytest.mark.parametrize("runs", [1, 6])
def test_transfers_between_devices(runs: int) -> None:
    x, c = back_and_forth()
    with two_devices() as sess:
        stats = traced(sess, c, {x: np.zeros(100)}, runs=runs)
    assert [d.device for d in stats.dev_stats] == [LOCAL + "CPU:0", LOCAL + "CPU:1"]
    transfers = [s for s in read_step(stats) if s.is_transfer]
    by_key: dict[Any, list[Any]] = {}
    for item in transfers:
        assert item.transfer is not None and item.transfer.bytes == 400
        by_key.setdefault(item.transfer.key[:2], []).append(item)
    assert set(by_key) == {("CPU:0", "CPU:1"), ("CPU:1", "CPU:0")}
    for pair in by_key.values():
        send, receive = sorted(pair, key=lambda s: not s.is_send)
        assert send.is_send and not receive.is_send
        assert receive.end >= send.start
        waited = max(0, send.start - receive.start) // 1000
        assert receive.transfer.waited_us == waited


def test_timeline_of_a_run_has_an_arrow_for_each_transfer() -> None:
    x, c = back_and_forth()
    with two_devices() as sess:
        steps = [traced(sess, c, {x: np.zeros(100)}) for _ in range(3)]
    trace = json.loads(ps.timeline.Timeline.merge(steps).generate_chrome_trace_format(True, True))
    events = trace["traceEvents"]
    sends = [e for e in events if e["ph"] == "X" and e["name"] == "_Send"]
    arrows = [e for e in events if e["ph"] == "s" and e["cat"] == "transfer"]
    assert len(sends) == len(arrows) == 3 * 2
    assert all(e["args"]["bytes"] >= 0 for e in events if e["ph"] == "C")


def test_python_kernels_are_recorded() -> None:
    x = ps.placeholder(ps.float32, [None], name="x")
    with ps.device("/device:SIM_GPU:0"):
        y = ps.exp(x, name="y")
    with ps.Session(config=ps.ConfigProto(device_count={"SIM_GPU": 1})) as sess:
        stats = traced(sess, y, {x: np.zeros(100)}, runs=2)
    nodes = nodes_of(stats, "SIM_GPU:0")
    (output,) = nodes["y"].output
    assert output.tensor_description.allocation_description.requested_bytes == 400
    (memory,) = nodes["y"].memory
    assert memory.allocator_name == "SIM_GPU:0" and memory.allocator_bytes_in_use >= 400


def test_kernels_of_a_device_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    x = ps.placeholder(ps.float32, [None], name="x")
    with ps.device("/device:SIM_GPU:0"):
        y = ps.sin(ps.exp(x, name="e"), name="y")
    waits: list[str] = []
    with ps.Session(config=ps.ConfigProto(device_count={"SIM_GPU": 1})) as sess:
        (device,) = sess._devices.python.values()
        monkeypatch.setattr(device, "synchronize", lambda: waits.append("waited"))
        traced(sess, y, {x: np.zeros(100)}, SOFTWARE)
        assert not waits
        traced(sess, y, {x: np.zeros(100)})
        assert len(waits) == 2

        def broken() -> None:
            raise RuntimeError("the kernel before has failed")

        monkeypatch.setattr(device, "synchronize", broken)
        with pytest.raises(ps.OpError, match="the kernel before has failed"):
            sess.run(y, {x: np.zeros(100)}, options=FULL, run_metadata=ps.RunMetadata())
        monkeypatch.undo()
        assert sess.run(y, {x: np.zeros(2)}).tolist() == [np.sin(np.float32(1))] * 2


def test_error_on_one_device_keeps_what_the_other_did() -> None:
    x = ps.placeholder(ps.int32, [], name="x")
    with ps.device("/cpu:1"):
        fine = ps.negative(x, name="fine")
    with ps.device("/cpu:0"):
        bad = ps.floordiv(fine, ps.zeros_like(x), name="bad")
    with ps.device("/cpu:1"):
        after = ps.negative(bad, name="after")
    with two_devices() as sess:
        for _ in range(3):
            stats = traced(sess, after, {x: 1})
            assert "fine" in nodes_of(stats, "CPU:1")
            assert "bad" in nodes_of(stats) and "after" not in nodes_of(stats, "CPU:1")
