"""The stages of a plan: every pass has a picture, marked with what it did."""

import numpy as np
import pytest

import penstock as ps
from penstock import dtypes
from penstock.graph.ir import IR, Node
from penstock.passes.context import Note, PlanLog
from penstock.passes.pipeline import PIPELINE
from penstock.view.stages import compare, difference, same
from penstock.view.view import view_stages
from tests.view.graphs import network, node, two_devices


def test_every_pass_has_a_stage() -> None:
    graph, update, feeds = network()
    with ps.Session(graph=graph) as session:
        explanation = session.explain_plan(update, feeds)
        view = explanation.visualize(title="update")
        assert view.html() == explanation.visualize(title="update").html()
    with pytest.raises(RuntimeError, match="closed session"):
        explanation.visualize()
    names = [picture.title for picture in view.pictures]
    assert names[:1] == ["extract"]
    assert names[1 : 1 + len(PIPELINE)] == [apply.__name__ for apply, _ in PIPELINE]
    for picture, (stage, count) in zip(view.pictures, explanation.counts, strict=False):
        assert picture.title == stage and picture.about
        assert sum(mark != "gone" for mark in picture.marks) == count
    assert view.svg("extract") != view.svg()
    with pytest.raises(ValueError, match="no stage 'nothing'; there are extract"):
        view.svg("nothing")


def test_what_a_pass_removed_is_marked_with_the_reason() -> None:
    with ps.Graph().as_default() as graph:
        x = ps.placeholder(ps.float32, [2], name="x")
        y = ps.multiply(ps.identity(x, name="same"), 1.0, name="y") + ps.constant(1.0)
    with ps.Session(graph=graph) as session:
        view = session.explain_plan(y, [x]).visualize()
    simplify = next(p for p in view.pictures if p.title == "simplify")
    marks = dict(zip([n.name for n in simplify.nodes], simplify.marks, strict=True))
    assert marks["same"] == "gone" and marks["_arg_0_x"] == ""
    assert simplify.remarks["same"]


def test_plans_keep_no_stages_unless_asked() -> None:
    log = PlanLog()
    log.keep("extract", IR((), ()))
    assert log.stages is None


def test_partitions_are_the_last_stage() -> None:
    before = IR([node("x", "Neg"), node("y", "Neg", ("x",))], ("y",))
    notes = [Note("place", "placed", "y", "near x")]
    view = view_stages([("place", before), ("partition", two_devices())], notes)
    assert view.pictures[1].transfers and view.pictures[0].remarks == {"y": "near x"}


def test_a_request_has_the_colour_of_the_device_it_means() -> None:
    full = "/job:localhost/replica:0/task:0/device:CPU:"
    stages = [
        ("extract", IR([node("x", "Neg", device="/cpu:1"), node("y", "Neg", device="/cpu:*")], ())),
        (
            "place",
            IR([node("x", "Neg", device=f"{full}1"), node("y", "Neg", device=f"{full}0")], ()),
        ),
    ]
    view = view_stages(stages)
    assert [n.device for n in view.pictures[0].nodes] == [f"{full}1", "/cpu:*"]
    assert set(view.pictures[1].marks) == {""}
    assert "CPU:1" in view.svg("place") and "/device" not in view.svg("place")


def test_differences_are_told() -> None:
    a = node("a", "Neg", ("x",))
    assert difference(a, a._replace(device="/cpu:0")) == "", "colours tell devices"
    assert difference(a, a._replace(op="Abs")) == "Neg became Abs"
    assert difference(a, a._replace(inputs=(("z", 1),))) == "input 0 was x"
    assert difference(a, a._replace(inputs=())) == "1 inputs became 0"
    assert difference(a, a._replace(controls=("c",))) == "now after c"
    assert difference(a._replace(controls=("c",)), a) == "no longer after c"
    assert difference(a, a._replace(attrs={"axis": 1})) == "attribute axis differs"


def test_new_changed_and_gone() -> None:
    x = Node("x", "Const", (), (), {"value": np.ones(3)}, "", (dtypes.float64,), ((3,),))
    before = IR([x, node("a", "Neg", ("x",)), node("b", "Neg", ("a",))], ())
    after = IR([x, node("c", "Abs", ("x",)), node("b", "Neg", ("c",))], ())
    union, marks, changes = compare(before, after)
    assert marks == {"c": "new", "b": "changed", "a": "gone"}
    assert changes == {"b": "input 0 was a"} and list(union.nodes) == ["x", "c", "b", "a"]


def test_attribute_values_are_compared_by_content() -> None:
    assert same(np.ones(2), np.ones(2)) and not same(np.ones(2), np.ones(2, np.float32))
    assert same([np.ones(2), 3], [np.ones(2), 3]) and not same([1], [1, 2])
    assert not same(np.ones(1), 1.0)
