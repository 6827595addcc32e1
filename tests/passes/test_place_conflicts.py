"""What the placer says when it cannot: both parties, both lines, what to change. Word for word."""

from __future__ import annotations

import linecache
import textwrap
from typing import Any

import pytest

import penstock as ps
from penstock import errors
from tests.passes.test_place import run_place

NAME = "conflict.py"

CASES: list[tuple[str, str, str, str]] = [
    (
        "a device that is not there",
        """
        with ps.device("/gpu:3"):
            y = ps.constant(1.0, name="y")
        """,
        "y",
        """
        Const "y": asks for "/device:GPU:3", which this session does not have
          it has SIM_GPU:0, SIM_GPU:1, CPU:0, CPU:1
          ask for one of these, give the session more devices (ConfigProto(device_count=...)), or \
let it take the nearest with ConfigProto(allow_soft_placement=True)
          built at conflict.py:2:  y = ps.constant(1.0, name="y")
        """,
    ),
    (
        "no kernel for the dtype",
        """
        with ps.device("/device:SIM_GPU:1"):
            y = ps.fill([2], ps.constant(1.0, ps.float64), name="y")
        """,
        "y",
        """
        Const "Const": asks for "/device:SIM_GPU:1", where there is no kernel for Const(float64)
          kernels are on CPU:0, CPU:1
          ask for one of these, change the dtype, or let it move with \
ConfigProto(allow_soft_placement=True)
          built at conflict.py:2:  y = ps.fill([2], ps.constant(1.0, ps.float64), name="y")
        """,
    ),
    (
        "two requests in one class",
        """
        with ps.device("/cpu:1"):
            x = ps.random_uniform([2], name="x")
        y = ps.raw_ops.Square(x=x, name="y", )
        y.op._device, y.op._attrs["_class"] = "/device:CPU:0", [b"loc:@x"]
        """,
        "y",
        """
        Square "y": cannot share a device with Identity "x", as it must: they are colocated (loc:@x)
          "y" asks for "/device:CPU:0"  at conflict.py:3:  y = ps.raw_ops.Square(x=x, name="y", )
          "x" asks for "/device:CPU:1"  at conflict.py:2:  x = ps.random_uniform([2], name="x")
          put both on one device, or do not colocate them, or let the session choose with \
ConfigProto(allow_soft_placement=True)
          built at conflict.py:3:  y = ps.raw_ops.Square(x=x, name="y", )
        """,
    ),
    (
        "a partner without a kernel",
        """
        x = ps.tanh(ps.random_uniform([2]), name="x")
        with ps.colocate_with(x), ps.device("/device:SIM_GPU:0"):
            y = ps.square(x, name="y")
        """,
        "y",
        """
        Square "y": cannot share a device with Tanh "x", as it must: they are colocated (loc:@x)
          "y" asks for "/device:SIM_GPU:0"  at conflict.py:3:  y = ps.square(x, name="y")
          "x" has a kernel for Tanh(float32) only on CPU:0, CPU:1  at conflict.py:1:  \
x = ps.tanh(ps.random_uniform([2]), name="x")
          put both on one device, or do not colocate them, or let the session choose with \
ConfigProto(allow_soft_placement=True)
          built at conflict.py:3:  y = ps.square(x, name="y")
        """,
    ),
    (
        "a variable whose user has no kernel there",
        """
        with ps.device("/device:SIM_GPU:0"):
            v = ps.Variable(ps.ones([2]), name="v")
        y = ps.raw_ops.ResourceScatterAdd(v.handle, [0], 1.0, name="y")
        y = ps.random_uniform([2], name="after")
        """,
        "ResourceScatterAdd",
        """
        VarHandleOp "v": cannot share a device with ResourceScatterAdd "y", as it must: \
"y" uses the resource "v"
          "v" asks for "/device:SIM_GPU:0"  at conflict.py:2:  \
v = ps.Variable(ps.ones([2]), name="v")
          "y" has a kernel for ResourceScatterAdd only on CPU:0, CPU:1  at conflict.py:3:  \
y = ps.raw_ops.ResourceScatterAdd(v.handle, [0], 1.0, name="y")
          put both on one device, or let the session choose with \
ConfigProto(allow_soft_placement=True)
          built at conflict.py:2:  v = ps.Variable(ps.ones([2]), name="v")
        """,
    ),
]


def run_program(program: str) -> dict[str, Any]:
    """Run a program as `conflict.py` and return its variables."""
    text = textwrap.dedent(program).lstrip("\n")
    linecache.cache[NAME] = (len(text), None, text.splitlines(keepends=True), NAME)
    names: dict[str, Any] = {"ps": ps}
    exec(compile(text, NAME, "exec"), names)
    return names


@pytest.mark.parametrize(("title", "program", "fetch", "message"), CASES, ids=lambda c: c[:30])
def test_message(title: str, program: str, fetch: str, message: str) -> None:
    names = run_program(program)
    operations = ps.get_default_graph().get_operations()
    targets = [op for op in operations if op.type == fetch] or [names[fetch].op]
    with pytest.raises(errors.PlacementError) as caught:
        run_place([], "CPU", "SIM_GPU", "SIM_GPU", targets=targets)
    assert caught.value.message == textwrap.dedent(message).strip("\n")
    assert isinstance(caught.value, errors.InvalidArgumentError)
    softly = "ConfigProto(allow_soft_placement=True)" in message
    if softly:
        run_place([], "CPU", "SIM_GPU", "SIM_GPU", targets=targets, soft=True)


def test_kernels_that_no_device_has_together() -> None:
    """An op that only an accelerator computes, colocated with one that only the CPU does."""

    class Split:
        def supports(self, node: Any, device_type: str) -> bool:
            return (device_type == "CPU") is (node.op != "Square")

        host_inputs = host_outputs = supports

    x = ps.random_uniform([2], name="x")
    with ps.colocate_with(x):
        y = ps.square(x, name="y")
    with pytest.raises(errors.PlacementError) as caught:
        run_place([y], "SIM_GPU", kernels=Split())
    assert 'Square "y": cannot share a device with Identity "x"' in caught.value.message
    assert '"y" has a kernel for Square(float32) only on SIM_GPU:0' in caught.value.message
    assert "allow_soft_placement" not in caught.value.message


def test_two_variables_that_live_apart() -> None:
    v, w = ps.Variable([1.0], name="v"), ps.Variable([1.0], name="w")
    residents: dict[str, str] = {}
    for variable, device in ((v, "/device:SIM_GPU:0"), (w, "/device:SIM_GPU:1")):
        variable.handle.op._device = device
        variable.handle.op._node = None
        run_place([], "SIM_GPU", "SIM_GPU", targets=[variable.handle.op], residents=residents)
        variable.handle.op._device, variable.handle.op._node = "", None
    up = ps.raw_ops.ResourceApplyMomentum(v.handle, w.handle, 0.1, [1.0], 0.9, name="up")
    with pytest.raises(errors.PlacementError) as caught:
        run_place([], "SIM_GPU", "SIM_GPU", targets=[up], residents=residents)
    assert 'VarHandleOp "w": cannot share a device with "v", as it must' in caught.value.message
    assert '"w" lives on SIM_GPU:1 since an earlier run' in caught.value.message
