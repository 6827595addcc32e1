"""The strategies that place by simulated time: better where they can be, never worse, allowed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import penstock as ps
from penstock.graph.devices import short_name
from penstock.graph.extract import extract
from penstock.graph.ir import IR
from penstock.passes.context import PassContext
from penstock.passes.order import order
from penstock.passes.place import place
from penstock.passes.placement import simulated_annealing
from penstock.passes.placement.strategies import STRATEGIES
from penstock.simulate import Costs, FixedCosts, Machine, Simulation, simulate
from tests.passes.placed import context
from tests.simulate.graphs import ir, machine, node

JUDGED = ["greedy_earliest_finish", "simulated_annealing"]


def settled(world: Machine, strategy: str, costs: Costs | None = None) -> PassContext:
    return context(world.attributes(), strategy=strategy, machine=world, costs=costs)


def step(graph: IR, world: Machine, strategy: str, costs: Costs | None = None) -> Simulation:
    """Return the simulation of the graph as the strategy places it."""
    ctx = settled(world, strategy, costs)
    return simulate(order(place(graph, ctx), ctx), world, costs)


def anywhere(graph: IR) -> IR:
    return IR([n._replace(device="") for n in graph], graph.roots)


def towers(width: int = 64, depth: int = 4, count: int = 2) -> IR:
    """Towers of layers with variables on one input, their outputs joined."""
    with ps.Graph().as_default() as graph:
        x = ps.placeholder(ps.float32, [32, width], name="x")
        ends = []
        for tower in range(count):
            h = x
            for layer in range(depth):
                w = ps.get_variable(f"w{tower}_{layer}", [width, width])
                h = ps.tanh(ps.matmul(h, w))
            ends.append(h)
        y = ps.concat(ends, 1)
        return extract(graph, [y], [], [x])


@pytest.mark.parametrize("strategy", JUDGED)
def test_two_towers_go_to_two_devices(strategy: str) -> None:
    """The heuristics keep all on one device; two of them take little more than half the time."""
    world = Machine.local(cpus=2, cores=2)
    default, found = (step(towers(256), world, s) for s in ("default", strategy))
    assert found.step_time < 0.65 * default.step_time
    if strategy == "simulated_annealing":
        return  # it may leave a variable elsewhere where that costs nothing
    tower = {n.name[-3]: n.device for n in found.nodes.values() if n.op == "VarHandleOp"}
    assert len(set(tower.values())) == 2
    assert all(n.device == tower[n.name[1]] for n in found.nodes.values() if n.name[0] == "w")


@pytest.mark.parametrize("strategy", JUDGED)
def test_one_processor_is_not_two(strategy: str) -> None:
    """Devices that share one processor gain nothing: all stays where the heuristics put it."""
    world = Machine.local(cpus=2, cores=1)
    default, found = (step(towers(), world, s) for s in ("default", strategy))
    assert found.step_time == pytest.approx(default.step_time)


@pytest.mark.parametrize("strategy", JUDGED)
def test_a_slow_link_is_not_crossed(strategy: str) -> None:
    slow = machine(bandwidth=1.0, latency=1e6)
    graph = anywhere(ir(node("a"), node("b", "a"), node("c", "a"), node("d", "b", "c")))
    found = step(graph, slow, strategy, FixedCosts(default=1.0))
    assert found.step_time == 4 and not found.transfers


@pytest.mark.parametrize("strategy", JUDGED)
def test_a_textbook_graph(strategy: str) -> None:
    """Two chains of 3 and a join: 7 s on one device, 3 + 1.5 to travel + 1 on two."""
    chains = [node("a1"), node("a2", "a1"), node("a3", "a2")]
    chains += [node("b1"), node("b2", "b1"), node("b3", "b2"), node("end", "a3", "b3")]
    graph, costs = anywhere(ir(*chains)), FixedCosts(default=1.0)
    assert step(graph, machine(), "default", costs).step_time == 7
    assert step(graph, machine(), strategy, costs).step_time == 5.5


@pytest.mark.parametrize("strategy", JUDGED)
def test_requests_and_kernels_are_kept(strategy: str) -> None:
    graph = anywhere(ir(*[node(f"n{i}") for i in range(6)]))
    asked = [n._replace(device="/device:CPU:1") if n.name == "n3" else n for n in graph]
    found = step(IR(asked, graph.roots), machine(3), strategy, FixedCosts(default=1.0))
    assert short_name(found.nodes["n3"].device) == "CPU:1"
    assert found.step_time == 2


@pytest.mark.parametrize("strategy", JUDGED)
def test_memory_limits_are_kept(strategy: str) -> None:
    """Four constants of 100 bytes with a reader each; only two of them fit on a device."""
    with ps.Graph().as_default() as graph:
        reads = [ps.reduce_max(ps.constant(np.arange(25, dtype=np.float32) + i)) for i in range(4)]
        whole = extract(graph, reads, [], [])
    world = machine(2).with_device("CPU:0", memory=280).with_device("CPU:1", memory=280)
    costs = FixedCosts({"Max": 1.0})
    assert step(whole, world, "default", costs).overflows
    assert not step(whole, world, strategy, costs).overflows


@st.composite
def questions(draw: st.DrawFn) -> tuple[IR, FixedCosts, Machine]:
    """Draw a graph, times, and a machine of 2 or 3 devices whose links may be slow."""
    nodes, times = [], {}
    count = draw(st.integers(2, 3))
    for i in range(draw(st.integers(1, 15))):
        inputs = draw(st.lists(st.integers(0, max(0, i - 1)), max_size=2 if i else 0))
        made = node(f"n{i}", *[f"n{k}" for k in inputs], size=draw(st.integers(0, 50)))
        asked = draw(st.sampled_from(["", "", "/device:CPU:1"]))
        nodes.append(made._replace(device=asked))
        times[f"n{i}"] = draw(st.sampled_from([0.0, 1.0, 2.0]))
    world = machine(count, latency=draw(st.sampled_from([0.0, 0.5, 5.0])))
    return ir(*nodes), FixedCosts(times), world


@settings(deadline=None, max_examples=20)
@given(questions())
def test_never_slower_than_the_heuristics(case: tuple[IR, FixedCosts, Machine]) -> None:
    graph, costs, world = case
    before = simulated_annealing.MOVES
    simulated_annealing.MOVES = 40
    try:
        default, greedy, annealed = (
            step(graph, world, s, costs).step_time for s in ("default", *JUDGED)
        )
        again = step(graph, world, JUDGED[1], costs).step_time
    finally:
        simulated_annealing.MOVES = before
    assert annealed <= greedy <= default
    assert again == annealed


def test_strategies_are_in_the_table() -> None:
    assert {"default", *JUDGED} <= STRATEGIES.keys()


def test_the_explanation_names_the_strategy() -> None:
    ctx = settled(machine(), JUDGED[0], FixedCosts(default=1.0))
    placed = place(anywhere(ir(node("a"), node("b"))), ctx)
    moved = next(n.name for n in placed if short_name(n.device) == "CPU:1")
    assert ctx.log.placement is not None
    assert "greedy_earliest_finish" in ctx.log.placement.reason(moved).args


def test_links_are_booked_too() -> None:
    """Four chains behind one slow link: the scheduler sees that not all can be fed in time."""
    chains = [node("x", size=200)]
    for k in range(4):
        chains += [node(f"a{k}", "x"), node(f"b{k}", f"a{k}"), node(f"c{k}", f"b{k}")]
    graph, costs = anywhere(ir(*chains)), FixedCosts({"x": 0.0}, default=1.0)
    found = step(graph, machine(4, latency=0.0), JUDGED[0], costs)
    assert found.step_time == 8 and step(graph, machine(4), "default", costs).step_time == 12
    assert {t.bytes for t in found.transfers} == {100}  # sending x would take 8 s
