"""What every simulation obeys, whatever the graph, the placement and the machine."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.graph.ir import IR
from penstock.options import Options
from penstock.passes.context import PassContext, Placing, PlanLog
from penstock.passes.partition import partition
from penstock.simulate import FixedCosts, Simulation, simulate
from tests.simulate.graphs import ir, machine, node

EPSILON = 1e-9


@st.composite
def placed(draw: st.DrawFn) -> tuple[IR, FixedCosts, int]:
    """Draw a graph of up to 25 nodes on up to 4 devices, with times of 0 to 3 s."""
    devices = draw(st.integers(1, 4))
    nodes, times = [], {}
    for i in range(draw(st.integers(1, 25))):
        before = st.integers(0, max(0, i - 1)).map(lambda k: f"n{k}")
        inputs = draw(st.lists(before, max_size=3 if i else 0))
        after = tuple(draw(st.lists(before, max_size=1 if i else 0, unique=True)))
        on, size = draw(st.integers(0, devices - 1)), draw(st.integers(0, 50))
        nodes.append(node(f"n{i}", *inputs, on=on, after=after, size=size))
        times[f"n{i}"] = draw(st.sampled_from([0.0, 0.25, 1.0, 3.0]))
    return ir(*nodes), FixedCosts(times), devices


def longest_chain(graph: IR, costs: FixedCosts) -> float:
    """Return the time of the longest path, transfers free."""
    end: dict[str, float] = {}
    for n in graph:
        end[n.name] = max([end[p] for p in n.predecessors()], default=0.0) + costs.times[n.name]
    return max(end.values())


@settings(deadline=None, max_examples=30)
@given(placed(), st.integers(1, 2))
def test_a_step_takes_no_less_than_its_work_and_no_more_than_all_in_a_row(
    case: tuple[IR, FixedCosts, int], lanes: int
) -> None:
    graph, costs, devices = case
    s = simulate(graph, machine(devices, lanes=lanes), costs)
    work = sum(costs.times.values())
    moving = sum(t.end - t.start for t in s.transfers)
    assert s.step_time >= longest_chain(graph, costs) - EPSILON
    assert s.step_time >= work / (devices * lanes) - EPSILON
    assert s.step_time <= work + moving + EPSILON
    assert sum(s.busy.values()) == pytest.approx(work)


@settings(deadline=None, max_examples=30)
@given(placed())
def test_nothing_starts_before_what_it_waits_for(case: tuple[IR, FixedCosts, int]) -> None:
    graph, costs, devices = case
    s = simulate(graph, machine(devices), costs)
    arrived = {(t.tensor, t.destination): t.end for t in s.transfers}
    wanted = set()
    for n in graph:
        run = s.nodes[n.name]
        edges = [(p, f"{p}:0") for p, _ in n.inputs] + [(p, f"^{p}") for p in n.controls]
        for producer, tensor in edges:
            source = s.nodes[producer]
            there = source.end
            if source.device != run.device:
                wanted.add((tensor, run.device))
                there = arrived[tensor, run.device]
            assert run.start >= there - EPSILON
        assert run.end == pytest.approx(run.start + costs.times[n.name])
    assert len(s.transfers) == len(arrived) and wanted == set(arrived)


@settings(deadline=None, max_examples=30)
@given(placed())
def test_lanes_and_links_do_one_thing_at_a_time(case: tuple[IR, FixedCosts, int]) -> None:
    graph, costs, devices = case
    s = simulate(graph, machine(devices), costs)
    for device in s.memory:
        runs = sorted((n.start, n.end) for n in s.nodes.values() if n.device == device)
        spans = [span for span in runs if span[1] > span[0]]
        assert all(a[1] <= b[0] for a, b in itertools.pairwise(spans))
    carried = sorted((t.start, t.start + t.bytes / 100.0) for t in s.transfers)
    assert all(a[1] <= b[0] + EPSILON for a, b in itertools.pairwise(carried))


@settings(deadline=None, max_examples=30)
@given(placed())
def test_the_critical_path_is_the_step_without_gaps(case: tuple[IR, FixedCosts, int]) -> None:
    graph, costs, devices = case
    s = simulate(graph, machine(devices), costs)
    path = s.critical_path
    assert path[0].start == 0 and path[-1].end == s.step_time
    for before, after in itertools.pairwise(path):
        assert after.start <= before.end + EPSILON
        assert after.end >= before.end - EPSILON


@settings(deadline=None, max_examples=30)
@given(placed())
def test_memory_is_all_given_back(case: tuple[IR, FixedCosts, int]) -> None:
    graph, costs, devices = case
    s = simulate(graph, machine(devices), costs)
    for steps in s.memory.values():
        assert min(level for _, level in steps) >= 0
        assert steps[-1][1] == 0


@settings(deadline=None, max_examples=25)
@given(placed())
def test_partitions_take_as_long_as_the_whole(case: tuple[IR, FixedCosts, int]) -> None:
    """Only whose value gets a link first may change, so these links carry at any speed."""
    graph, costs, devices = case
    world = machine(devices, bandwidth=math.inf)
    whole = simulate(graph, world, costs)
    cut = simulate(_cut(graph, Placing(devices=world.attributes())), world, costs)
    assert {k: n.device for k, n in whole.nodes.items()}.items() <= {
        k: n.device for k, n in cut.nodes.items()
    }.items()
    assert cut.step_time == pytest.approx(whole.step_time)
    assert _sent(cut) == _sent(whole)


def _sent(s: Simulation) -> list[tuple[str, str]]:
    return sorted((t.tensor, t.destination) for t in s.transfers)


def _cut(graph: IR, placing: Placing) -> dict[str, IR]:
    context = PassContext(Options(), lambda _: [], PlanLog(), placing)
    return partition(graph, context)
