"""Passes before the placer leave alone what was asked: requested devices and colocation."""

from __future__ import annotations

from typing import Any

import penstock as ps
from penstock import options
from penstock.graph.extract import extract
from penstock.graph.ir import IR
from penstock.passes.context import HostKernels, PassContext, Placing, PlanLog
from penstock.passes.fold_constants import fold_constants
from penstock.passes.merge_duplicates import merge_duplicates
from penstock.passes.place import place
from penstock.passes.simplify import simplify
from tests.passes.placed import session_of
from tests.reference import evaluate


def context(*kinds: str) -> PassContext:
    placing = Placing(session_of(*kinds), HostKernels())
    return PassContext(options.current, lambda part: evaluate(part, []), PlanLog(), placing)


def ir_of(*fetches: Any, feeds: Any = ()) -> IR:
    return extract(ps.get_default_graph(), fetches, [], feeds)


def classes(ir: IR, name: str) -> list[str]:
    return [c.decode() for c in ir[name].attrs.get("_class", ())]


def test_nodes_that_ask_for_different_devices_are_not_merged() -> None:
    x = ps.placeholder(ps.float32, [2], name="x")
    made = []
    for device in ("/cpu:0", "/cpu:1", "/cpu:1"):
        with ps.device(device):
            made.append(ps.square(x))
    merged = merge_duplicates(ir_of(*made, feeds=[x]), context("CPU"))
    assert sorted(n.device for n in merged if n.op == "Square") == [
        "/device:CPU:0",
        "/device:CPU:1",
    ]


def test_an_identity_that_brings_its_input_elsewhere_stays() -> None:
    x = ps.placeholder(ps.float32, [2], name="x")
    with ps.device("/cpu:1"):
        there = ps.identity(x, name="there")
    near = ps.identity(there, name="near")
    with ps.device("/cpu:0"):
        once = ps.multiply(near, 1.0, name="once")
    with ps.colocate_with(x):
        beside = ps.identity(once, name="beside")
    ir = ir_of(ps.square(beside), feeds=[x])
    simple = simplify(ir, context("CPU"))
    assert {"there", "once", "beside"} <= set(simple.nodes)
    assert "near" not in simple
    alone = simplify(ir, context())
    assert not {"there", "near", "once"} & set(alone.nodes), "with one device it is nothing"


def test_a_folded_node_keeps_its_device_and_class() -> None:
    x = ps.constant([1.0, 2.0], name="x")
    with ps.device("/cpu:1"), ps.get_default_graph().marked(_class=[b"loc:@x"]):
        y = ps.square(x, name="y")
    folded = fold_constants(ir_of(y), context("CPU"))
    assert folded["y"].op == "Const"
    assert folded["y"].device == "/device:CPU:1"
    assert classes(folded, "y") == ["loc:@x"]


def test_a_class_follows_the_node_it_names() -> None:
    x = ps.placeholder(ps.float32, [2], name="x")
    a, b = ps.square(x, name="a"), ps.square(x, name="b")
    i = ps.identity(b, name="i")
    with ps.colocate_with(b):
        c = ps.sin(i, name="c")
    with ps.colocate_with(i):
        d = ps.cos(i, name="d")
    merged = merge_duplicates(ir_of(a, c, d, feeds=[x]), context("CPU"))
    assert classes(merged, "c") == ["loc:@a"]
    both = merge_duplicates(simplify(ir_of(a, c, d, feeds=[x]), context("CPU")), context("CPU"))
    assert classes(both, "c") == classes(both, "d") == ["loc:@a"]


def test_classes_of_absent_nodes_are_renamed_or_dropped() -> None:
    x = ps.placeholder(ps.float32, [2], name="x")
    gone = ps.square(x, name="gone")
    with ps.colocate_with(gone):
        one, two = ps.sin(x, name="one"), ps.cos(x, name="two")
    with ps.colocate_with(two), ps.colocate_with(ps.square(x, name="also")):
        three = ps.tan(x, name="three")
    for kinds in ((), ("CPU",)):
        placed = place(ir_of(one, two, three, feeds=[x]), context(*kinds))
        assert [classes(placed, n) for n in ("one", "two", "three")] == [["loc:@one"]] * 3
        assert classes(place(ir_of(two, feeds=[x]), context(*kinds)), "two") == []
