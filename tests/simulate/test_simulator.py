"""The event loop on graphs small enough to work out by hand: exact times, order, contention."""

import json

import numpy as np
import pytest

import penstock as ps
from penstock import errors
from penstock.graph.extract import extract
from penstock.simulate import DeviceModel, LinkModel, Machine, Simulation, simulate
from tests.simulate.graphs import ir, machine, node, seconds


def spans(s: Simulation) -> dict[str, tuple[float, float]]:
    return {n.name: (n.start, n.end) for n in s.nodes.values()}


def test_one_device_runs_one_after_another_in_order() -> None:
    s = simulate(ir(node("a"), node("b"), node("c", "a")), machine(1), seconds(b=2.0))
    assert spans(s) == {"a": (0, 1), "b": (1, 3), "c": (3, 4)}
    assert s.step_time == 4 and not s.transfers
    assert list(s.utilisation.values()) == [1.0]


def test_two_devices_and_a_link() -> None:
    """First a (1 s), 0.5 s until the first byte and 1 s for 100 bytes, then b; c meanwhile."""
    s = simulate(ir(node("a"), node("b", "a", on=1), node("c", "a")), machine(), seconds(c=2))
    assert spans(s) == {"a": (0, 1), "b": (2.5, 3.5), "c": (1, 3)}
    (sent,) = s.transfers
    assert (sent.tensor, sent.bytes, sent.asked, sent.start, sent.end) == ("a:0", 100, 1, 1, 2.5)
    assert s.step_time == 3.5
    assert [stage.name for stage in s.critical_path] == ["a", "a:0", "b"]


def test_a_value_is_sent_once_to_each_device() -> None:
    nodes = [node("a"), node("b", "a", on=1), node("c", "a", on=1), node("d", "a", on=2)]
    s = simulate(ir(*nodes), machine(3), seconds())
    assert [(t.tensor, t.destination[-1]) for t in s.transfers] == [("a:0", "1"), ("a:0", "2")]


def test_transfers_wait_for_a_shared_link() -> None:
    """Both values are there at 1; the second one gets the link when the first has left it."""
    nodes = [node("a"), node("b", on=1), node("c", "a", on=2), node("d", "b", on=2)]
    s = simulate(ir(*nodes), machine(3), seconds())
    assert [(t.tensor, t.start, t.end) for t in s.transfers] == [("a:0", 1, 2.5), ("b:0", 2, 3.5)]
    assert spans(s)["d"] == (3.5, 4.5)
    assert [stage.name for stage in s.critical_path] == ["a", "a:0", "b:0", "d"]


def test_links_of_their_own_do_not_wait() -> None:
    devices = [DeviceModel(f"CPU:{i}") for i in range(3)]
    links = [LinkModel("x", 100), LinkModel("y", 100)]
    routes = {("CPU:0", "*"): ["x"], ("CPU:1", "*"): ["y"]}
    nodes = [node("a"), node("b", on=1), node("c", "a", on=2), node("d", "b", on=2)]
    s = simulate(ir(*nodes), Machine(devices, links, routes), seconds())
    assert [t.end for t in s.transfers] == [2, 2]


def test_a_route_of_two_links_is_as_fast_as_the_slower() -> None:
    devices = [DeviceModel("CPU:0"), DeviceModel("CPU:1")]
    links = [LinkModel("x", 100, 0.25), LinkModel("y", 50, 0.5)]
    two = Machine(devices, links, {("*", "*"): ["x", "y"]})
    s = simulate(ir(node("a"), node("b", "a", on=1)), two, seconds())
    assert s.transfers[0].end == 1 + 2 + 0.75


def test_a_control_edge_costs_the_latency() -> None:
    s = simulate(ir(node("a"), node("b", on=1, after=("a",))), machine(), seconds())
    assert [(t.tensor, t.bytes) for t in s.transfers] == [("^a", 0)]
    assert spans(s)["b"] == (1.5, 2.5)


def test_lanes_run_side_by_side() -> None:
    nodes = [node("a"), node("b"), node("c")]
    assert simulate(ir(*nodes), machine(1, lanes=2), seconds()).step_time == 2
    assert simulate(ir(*nodes), machine(1, lanes=3), seconds()).step_time == 1


def test_devices_of_a_pool_share_its_processors() -> None:
    devices = [DeviceModel(f"CPU:{i}", pool="host") for i in range(3)]
    nodes = [node("a"), node("b", on=1), node("c", on=2), node("d", "a")]
    for cores, step in ((1, 4), (2, 2), (3, 2)):
        shared = Machine(devices, pools={"host": cores})
        assert simulate(ir(*nodes), shared, seconds()).step_time == step


def test_of_ready_nodes_the_first_in_order_starts() -> None:
    nodes = [node("a"), node("late", "a"), node("b"), node("c")]
    s = simulate(ir(*nodes), machine(1), seconds())
    assert spans(s)["late"] == (1, 2)  # ready when b is, and stands before it


def test_nodes_that_take_no_time_wait_for_no_lane() -> None:
    nodes = [node("a"), node("free"), node("b", "free", on=1)]
    s = simulate(ir(*nodes), machine(), seconds(free=0.0, a=9.0))
    assert spans(s)["b"] == (1.5, 2.5)


def test_the_same_arguments_give_the_same_result() -> None:
    rng = np.random.default_rng(3)
    nodes = [
        node(f"n{i}", *{f"n{int(j)}" for j in rng.integers(0, i, 2)}, on=int(rng.integers(3)))
        if i
        else node("n0")
        for i in range(200)
    ]
    first, second = (simulate(ir(*nodes), machine(3), seconds()) for _ in range(2))
    assert first == second and str(first) == str(second)


def test_memory_counts_lifetimes() -> None:
    """A value lives from its node's start to its last reader's end, a copy from its sending on."""
    nodes = [node("a"), node("b", "a"), node("c", "b"), node("d", "a", on=1)]
    s = simulate(ir(*nodes), machine(), seconds(c=4))
    here, there = s.memory.values()
    assert here == [(0, 100), (1, 200), (2, 300), (2.5, 200), (6, 0)]
    assert there == [(0, 0), (1, 100), (2.5, 200), (3.5, 0)]
    assert list(s.peak.values()) == [300, 200]
    assert s.memory_at("CPU:0", 2.25) == 300 and s.memory_at("CPU:1", 9) == 0


def test_constants_and_variables_stay_views_share() -> None:
    with ps.Graph().as_default() as graph:
        v = ps.get_variable("v", [10], ps.float32)
        y = ps.reshape(ps.constant(np.ones(8, np.float32)) * 2.0, [2, 4])
        fetched = [v + 1.0, ps.reduce_sum(y)]
        graph_ir = extract(graph, fetched, [], [])
    s = simulate(graph_ir, Machine.local(cores=1), seconds())
    (steps,) = s.memory.values()
    constants = sum(n.attrs["value"].nbytes for n in graph_ir if n.op == "Const")
    assert steps[0][1] >= constants + 40
    assert max(s.peak.values()) <= constants + 40 + 32 + 40 + 4


def test_too_small_a_memory_is_told() -> None:
    small = machine().with_device("CPU:0", memory=150)
    s = simulate(ir(node("a"), node("b", "a")), small, seconds())
    assert list(s.overflows.values()) == [50] and "does not fit" in str(s)


def test_a_device_that_is_not_there() -> None:
    with pytest.raises(errors.NotFoundError, match=r"no device CPU:7, only CPU:0, CPU:1"):
        simulate(ir(node("a", on=7)), machine())


def test_a_cost_that_is_no_time() -> None:
    with pytest.raises(errors.InvalidArgumentError, match=r'-1.0 seconds for "a"'):
        simulate(ir(node("a")), machine(), seconds(a=-1.0))


def test_timeline_has_every_node_and_transfer() -> None:
    s = simulate(ir(node("a"), node("b", "a", on=1)), machine(), seconds())
    stats = s.timeline(start=10.0)
    names = {d.device[-5:]: [n.node_name for n in d.node_stats] for d in stats.dev_stats}
    assert names == {"CPU:0": ["a/_send_0", "a"], "CPU:1": ["a/_recv_0", "b"]}
    b = stats.dev_stats[1].node_stats[1]
    assert b.timeline_label == "b = Work(a/_recv_0)"
    assert b.memory[0].allocator_bytes_in_use == 0
    assert (b.all_start_micros, b.op_end_rel_micros) == (12_500_000, 1_000_000)
    assert b.all_start_nanos == 12_500_000_000
    assert ps.simulate.MeasuredCosts.from_step_stats(stats).times["b", "CPU"] == 1.0


def test_timeline_is_drawn_like_a_traced_one() -> None:
    s = simulate(ir(node("a"), node("b", "a", on=1)), machine(), seconds())
    timeline = ps.timeline.Timeline(s.timeline())
    assert repr(timeline) == "<Timeline of 1 step: 4 nodes on 2 devices in 3500000.0 us>"
    arrows = json.loads(timeline.generate_chrome_trace_format())["traceEvents"]
    kinds = sorted(e["cat"] for e in arrows if e["ph"] == "s")
    assert kinds == ["data", "data", "transfer"]


def test_text() -> None:
    s = simulate(ir(node("a"), node("b", "a", on=1)), machine(), seconds())
    assert str(s).splitlines() == [
        "step 3.5 s: 2 nodes, 1 transfers of 100 B",
        "  CPU:0           1 nodes  busy  29%  peak 100 B",
        "  CPU:1           1 nodes  busy  29%  peak 200 B",
        "critical path:",
        "        1 s  a  CPU:0",
        "      1.5 s  a:0  CPU:0 -> CPU:1",
        "        1 s  b  CPU:1",
    ]


def test_empty() -> None:
    assert simulate(ir(), machine()).step_time == 0
