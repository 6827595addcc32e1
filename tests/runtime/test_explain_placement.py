"""explain_placement: from a session, and what its texts say about several devices."""

from __future__ import annotations

import pytest

import penstock as ps
from penstock import errors
from penstock.passes.context import PlanLog
from penstock.runtime.placement_explanation import PlacementExplanation
from tests.passes.test_place import run_place


def test_a_plan_and_what_is_not_in_it() -> None:
    x = ps.placeholder(ps.float32, [2], name="x")
    v = ps.Variable([1.0, 2.0], name="v")
    y = ps.add(x * 1.0, v, name="y")
    with ps.Session() as session:
        explanation = session.explain_placement([y], {x: None})
        assert repr(explanation) == "<PlacementExplanation of 5 nodes, 0 moves>"
        assert explanation.of(v).op == "VarHandleOp"
        assert explanation.of("y") == explanation.of(y) == explanation.of(y.op)
        with pytest.raises(errors.NotFoundError) as caught:
            explanation.of("mul")
        assert caught.value.message == (
            'node "mul" is not in the plan\n  simplify removed it: multiplication by 1'
        )
        with pytest.raises(errors.NotFoundError, match="nothing that is fetched needs it"):
            explanation.of("v/Assign")
        with pytest.raises(KeyError):
            explanation.of("nowhere")
        assert str(session.explain_placement("y:0", [x])).startswith('AddV2 "y" is on CPU:0')
        everything = session.explain_placement()
        assert {op.name for op in session.graph.get_operations()} <= set(everything.devices)
    with pytest.raises(RuntimeError, match="closed"):
        session.explain_placement(y)


def explanation_of_two_devices() -> PlacementExplanation:
    x = ps.placeholder(ps.float32, [2], name="x")
    with ps.device("/device:SIM_GPU:0"):
        v = ps.Variable([1.0, 2.0], name="v")
        y = ps.tanh(ps.add(x, v, name="sum"), name="y")
    placement, _ = run_place([y], "SIM_GPU", feeds=[x], soft=True)
    return PlacementExplanation(placement, PlanLog(), ps.get_default_graph())


def test_the_text_of_a_node() -> None:
    explanation = explanation_of_two_devices()
    assert str(explanation.of("v")) == (
        'VarHandleOp "v" is on SIM_GPU:0: asked for: "/device:SIM_GPU:0"\n'
        '  shares the device with "ReadVariableOp"\n'
        '  "v" asks for "/device:SIM_GPU:0"\n'
        '  not CPU:0: "/device:SIM_GPU:0" is asked for'
    )
    assert str(explanation.of("y")) == (
        'Tanh "y" is on CPU:0: only CPU devices have a kernel for Tanh(float32)\n'
        '  "y" asks for "/device:SIM_GPU:0"\n'
        "  not SIM_GPU:0: there is no kernel for Tanh(float32)"
    )
    (move,) = explanation.moves
    assert move.text() == (
        'asked for "/device:SIM_GPU:0", is on CPU:0: there is no kernel for Tanh(float32)'
    )


def test_the_text_of_everything() -> None:
    assert str(explanation_of_two_devices()) == (
        "CPU:0           3 nodes\n"
        "SIM_GPU:0       3 nodes\n"
        "\n"
        "moved\n"
        '  "y" asked for "/device:SIM_GPU:0", is on CPU:0: '
        "there is no kernel for Tanh(float32)\n"
        "\n"
        "node            op              device     why\n"
        "_arg_0_x        _Arg            CPU:0      "
        "feeds enter and fetches leave on the host's CPU:0\n"
        'v               VarHandleOp     SIM_GPU:0  asked for: "/device:SIM_GPU:0"\n'
        'ReadVariableOp  ReadVariableOp  SIM_GPU:0  shares a device with "v", which asks for '
        '"/device:SIM_GPU:0"\n'
        'sum             AddV2           SIM_GPU:0  asked for: "/device:SIM_GPU:0"\n'
        "y               Tanh            CPU:0      "
        "only CPU devices have a kernel for Tanh(float32)\n"
        "_retval_0_y     _Retval         CPU:0      "
        "feeds enter and fetches leave on the host's CPU:0"
    )
