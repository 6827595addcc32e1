"""Partitions of real graphs, accelerators and narrow transfers included, are put together again."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock import errors
from penstock.graph.ir import IR
from penstock.graph.transfers import SENDS
from penstock.passes.order import order
from penstock.passes.partition import partition
from penstock.simulate import Machine, simulate
from tests.passes.placed import context, placed, session_of
from tests.random_graphs import Grown, grown
from tests.simulate.graphs import machine, node


@settings(deadline=None, max_examples=25)
@given(
    program=grown(most=30),
    types=st.lists(st.sampled_from(("CPU", "SIM_GPU")), min_size=1, max_size=4),
    compress=st.booleans(),
    data=st.data(),
)
def test_any_partitions_are_simulated(
    program: Grown, types: list[str], compress: bool, data: st.DataObject
) -> None:
    devices = session_of(*types)
    ctx = context(devices, compress=compress)
    names = [d.name for d in devices]
    graph = placed(order(program.ir(), ctx), lambda _: data.draw(st.sampled_from(names)))
    world = Machine.of(devices, cores=2)
    parts, whole = partition(graph, ctx), simulate(graph, world)
    cut = simulate(parts, world)
    assert whole.nodes.keys() <= cut.nodes.keys()
    between = [n for part in parts.values() for n in part if n.op in SENDS and _crosses(n.attrs)]
    assert len(cut.transfers) <= len(between)  # host and device memory there share one
    assert {t.destination for t in cut.transfers} == {t.destination for t in whole.transfers}


def _crosses(attrs: dict[str, bytes]) -> bool:
    return attrs["send_device"] != attrs["recv_device"]


def test_a_receive_without_its_send() -> None:
    a, b = node("a"), node("b", "a", on=1)
    parts = partition(IR([a, b], ["b"]), context(machine().attributes()))
    lost = {d: IR([n for n in p if n.op != "_Send"], []) for d, p in parts.items()}
    with pytest.raises(errors.GraphError, match=r'nothing is sent to "a/_recv_1"'):
        simulate(lost, machine())
