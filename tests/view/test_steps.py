"""Moments of a run: pictures of what is done, ready and waiting."""

import numpy as np
import pytest

import penstock as ps
from penstock.graph.extract import extract
from penstock.view.steps import Moment, picture_of_moment, value_text, view_moment
from tests.view.graphs import two_devices
from tests.view.test_page import parse

HOST = "/job:localhost/replica:0/task:0/device:CPU:0"


def halfway() -> Moment:
    """Return a moment of `two_devices` at which `left/Tanh` has just run."""
    nodes = [
        (device, node.name)
        for device, ir in two_devices().items()
        for node in ir
        if node.op not in ("_Arg", "_Retval", "Const")
    ]
    states = dict.fromkeys(nodes, "waiting")
    states[HOST, "left/Tanh"] = "done"
    states[HOST, "left/mul"] = "ready"
    total = (HOST, "y")
    return Moment(
        states,
        {total: [(HOST, "left/mul")]},
        {(HOST, "left/Tanh"): ["float32[2, 3] from 0 to 1"]},
        {HOST: 48},
        (HOST, "left/Tanh"),
    )


def test_a_moment_as_a_picture() -> None:
    picture = picture_of_moment(two_devices(), halfway(), "run")
    marks = dict(zip([n.name for n in picture.nodes], picture.marks, strict=True))
    assert marks["left/Tanh"] == "done" and marks["left/mul"] == "ready"
    assert marks["_arg_0_x"] == "done" and marks["_retval_0_y"] == "waiting"
    assert picture.remarks["y"] == "waits for left/mul"
    assert picture.about == "after left/Tanh on CPU:0; live memory: CPU:0 48 B"
    parse(view_moment(two_devices(), halfway()).html())


def test_a_plan_on_one_device_has_no_lanes() -> None:
    with ps.Graph().as_default() as graph:
        y = ps.negative(ps.constant(1.0), name="y")
    parts = {HOST: extract(graph, [y], [], [])}
    picture = picture_of_moment(parts, Moment({(HOST, "y"): "done"}), "run")
    assert set(picture.marks) == {"done"} and not any(s.is_lane for s in picture.scopes)


def test_a_large_plan_is_shown_by_its_scopes() -> None:
    view = view_moment(two_devices(), halfway(), max_nodes=10)
    (picture,) = view.pictures
    assert len(picture.nodes) <= 10
    marks = dict(zip([n.name for n in picture.nodes], picture.marks, strict=True))
    assert marks["left"] == "ready" and marks["y"] == "waiting"
    assert picture.remarks["left"] == "2 of 4 done"
    assert picture.about.startswith("after left on CPU:0")
    parse(view.html())
    with pytest.raises(ValueError, match="at least one node"):
        view_moment(two_devices(), halfway(), max_nodes=1)


def test_values_in_short() -> None:
    assert value_text(np.float32(2)) == "float32[] = [2.0]"
    assert value_text(np.array([1.0, np.nan, np.inf])) == "float64[3] with 1 NaN and 1 infinite"
    assert value_text(np.zeros((0, 3), np.int32)) == "int32[0, 3] = []"
    assert value_text(np.array([b"a"] * 9, object)).startswith("object[9] = [b'a', b'a'")
    assert value_text(np.ones((3, 4))) == "float64[3, 4] all 1"
    assert value_text(np.linspace(0, 1, 50)) == "float64[50] from 0 to 1"


def test_a_stepper_shows_where_it_is() -> None:
    x = ps.placeholder(ps.float32, [3], name="x")
    with ps.device("/cpu:1"):
        y = ps.square(x, name="y")
    with ps.device("/cpu:0"):
        z = ps.add(y, 1.0, name="z")
    config = ps.ConfigProto(device_count={"CPU": 2})
    with ps.Session(config=config) as session:
        stepper = session.stepper(z, {x: [1.0, 2.0, 3.0]}, keep=True)
        stepper.run_to("y")
        (picture,) = stepper.visualize().pictures
        parse(stepper._repr_html_())
    marks = dict(zip([n.name for n in picture.nodes], picture.marks, strict=True))
    assert marks["y"] == "done" and marks["z"] == "waiting" and "ready" in marks.values()
    assert picture.remarks["y"] == "float32[3] = [1.0, 4.0, 9.0]"
    assert picture.remarks["z"].startswith("waits for ")
