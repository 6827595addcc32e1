"""Where nodes go and why: the heuristics one by one, groups, soft placement, speed.

`SomeKernels` lacks some ops on the accelerator, so that every kind of constraint occurs. Devices
are named short (`SIM_GPU:1`) throughout.
"""

from __future__ import annotations

import time
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import penstock as ps
from penstock import dtypes, errors, options
from penstock.graph.devices import LOCAL, short_name
from penstock.graph.extract import extract
from penstock.graph.ir import IR, Node
from penstock.passes.context import PassContext, Placing, PlanLog
from penstock.passes.place import place
from penstock.passes.placement.constraints import tie_all
from penstock.passes.placement.reasons import TEXTS, text_of
from penstock.passes.placement.record import Placement
from penstock.passes.placement.relatives import relatives
from tests.passes.placed import session_of
from tests.random_graphs import Grown, grown

ONLY_CPU = {"Tanh", "StringJoin", "RandomStandardNormal", "ResourceScatterAdd", "Sqrt"}


class SomeKernels:
    """An accelerator without kernels for a few ops and for float64."""

    def supports(self, node: Node, device_type: str) -> bool:
        """Return True unless the accelerator lacks it."""
        if device_type == "CPU":
            return True
        return node.op not in ONLY_CPU and dtypes.float64 not in node.dtypes

    def host_inputs(self, node: Node, device_type: str) -> frozenset[int]:
        """Return the shape of a reshape: all that the placer asks for."""
        return frozenset((1,)) if node.op == "Reshape" else frozenset()

    host_outputs = host_inputs


def run_place(
    fetches: Any, *kinds: str, feeds: Any = (), targets: Any = (), **options_: Any
) -> tuple[Placement, IR]:
    """Place what computes `fetches` on CPU:0 and a device for each of `kinds`."""
    graph = ps.get_default_graph()
    ir = extract(graph, list(fetches), list(targets), list(feeds))
    options_.setdefault("kernels", SomeKernels())
    placing = Placing(session_of(*kinds), relatives=partial(relatives, graph), **options_)
    context = PassContext(options.current, lambda part: (), PlanLog(), placing)
    placed = place(ir, context)
    assert context.log.placement is not None
    return context.log.placement, placed


def where(placed: IR, name: str) -> str:
    return short_name(placed[name].device)


SIMS = ("SIM_GPU", "SIM_GPU")


# ---- one device


def test_one_device_leaves_nodes_as_they_are() -> None:
    x = ps.constant(1.0, name="x")
    with ps.device("/cpu:0"):
        y = ps.sin(x, name="y")
    with ps.device("/job:localhost"):
        z = ps.sin(y, name="z")
    placement, placed = run_place([z])
    assert placed["x"].device == "", "nothing asked, nothing said: the only device"
    assert placed["y"].device == placed["z"].device == LOCAL + "CPU:0"
    assert placement.device("x") == LOCAL + "CPU:0"
    assert text_of(placement.reason("x")) == "the session has this device only"
    assert placement.moves == []


# ---- the heuristics


def test_the_best_type_of_device_with_a_kernel_is_the_default() -> None:
    x = ps.placeholder(ps.float32, [2, 2], name="x")
    y = ps.matmul(x, x, name="y")
    z = ps.tanh(y, name="z")
    placement, placed = run_place([z], "CPU", *SIMS, feeds=[x])
    assert where(placed, "_arg_0_x") == where(placed, "_retval_0_z") == "CPU:0"
    assert where(placed, "y") == "SIM_GPU:0"
    assert where(placed, "z") == "CPU:0"
    assert placement.reason("y").code == "best_device"
    assert placement.reason("_arg_0_x").code == "host"


def test_gpus_come_before_others_and_these_before_the_cpu() -> None:
    x = ps.random_uniform([2], name="x")
    y = ps.matmul([x], [x], transpose_b=True, name="y")
    for kinds, best in (
        (("SIM_GPU", "GPU"), "GPU:0"),
        (("DSP", "SIM_GPU"), "SIM_GPU:0"),
        (("DSP", "CPU"), "DSP:0"),
        (("CPU", "CPU"), "CPU:0"),
    ):
        assert where(run_place([y], *kinds)[1], "y") == best


def test_consumer_with_producer() -> None:
    with ps.device("/device:SIM_GPU:1"):
        big = ps.random_uniform([9, 9], name="big")
    with ps.device("/device:SIM_GPU:0"):
        small = ps.random_uniform([9], name="small")
    total = ps.add(small, big, name="total")
    placement, placed = run_place([total], *SIMS)
    assert where(placed, "total") == "SIM_GPU:1"
    assert placement.reason("total") == ("consumer_with_producer", ("big",))


def test_a_producer_on_a_lesser_device_is_not_followed() -> None:
    with ps.device("/cpu:0"):
        x = ps.random_uniform([9, 9])
    assert where(run_place([ps.square(x, name="y")], *SIMS)[1], "y") == "SIM_GPU:0"


def test_metadata_with_producer() -> None:
    with ps.device("/device:SIM_GPU:1"):
        x = ps.random_uniform([4, 4], name="x")
    placement, placed = run_place([ps.shape(x, name="s"), ps.rank(x, name="r")], *SIMS)
    ir = [n for n in placed if n.op in ("Shape", "Rank")]
    for node in ir:
        assert short_name(node.device) == "SIM_GPU:1"
        assert placement.reason(node.name).code == "metadata_with_producer"


def test_constants_and_shapes_stand_beside_their_readers() -> None:
    x = ps.placeholder(ps.float32, [None, 4], name="x")
    rows = ps.shape(x, name="s")[0]
    stacked = ps.stack([rows, 2, 2], name="stacked")
    with ps.device("/device:SIM_GPU:1"):
        y = ps.reshape(x, stacked, name="y")
    placement, placed = run_place([y], *SIMS, feeds=[x])
    assert where(placed, "s") == "CPU:0", "metadata with the feed it looks at"
    assert where(placed, "strided_slice") == where(placed, "stacked") == "SIM_GPU:1"
    assert placement.reason("stacked").code == "shape_arithmetic_with_consumers"
    assert placement.reason("stacked/values_1").code == "constant_with_consumers"


def test_generators_stand_beside_their_only_reader() -> None:
    noise = ps.random_uniform([3], name="noise")
    made = ps.raw_ops.Placeholder(dtype=ps.float32, shape=[3], name="made")
    with ps.device("/device:SIM_GPU:1"):
        z = ps.square(made, name="z")
    placement, placed = run_place([noise, z], *SIMS)
    assert where(placed, "made") == "SIM_GPU:1"
    assert placement.reason("made") == ("generator_with_consumers", ("z",))


def test_what_only_waits_stands_where_it_waits() -> None:
    with ps.device("/device:SIM_GPU:1"):
        parts = [ps.random_uniform([2]).op for _ in range(3)]
    with ps.device("/cpu:0"):
        other = ps.random_uniform([2]).op
    done = ps.group(other, *parts, name="done")
    placement, placed = run_place([], *SIMS, targets=[done])
    assert where(placed, "done") == "SIM_GPU:1"
    assert placement.reason("done").code == "waiting_with_producers"


def test_every_reason_has_words() -> None:
    for text in TEXTS.values():
        assert text.format("a", "b", "c")


# ---- groups


def test_a_variable_lives_with_all_that_use_it() -> None:
    with ps.device("/device:SIM_GPU:1"):
        v = ps.Variable(ps.ones([2, 2]), name="v")
    with ps.device("/cpu:0"):
        y = ps.matmul(v, v, name="y")
        up = v.assign_add(y)
    placement, placed = run_place([y], *SIMS, targets=[up.op])
    assert where(placed, "y") == "CPU:0"
    members = placement.members("v")
    assert {placed[m].op for m in members} >= {"VarHandleOp", "ReadVariableOp"}
    assert {where(placed, m) for m in members} == {"SIM_GPU:1"}
    (move,) = [m for m in placement.moves if m.node == up.op.name]
    assert (move.asked, short_name(move.given)) == ("/device:CPU:0", "SIM_GPU:1")
    assert move.why == '"v" shares the device, and "/device:SIM_GPU:1" is asked for'


def test_handles_are_followed_through_identities() -> None:
    v = ps.Variable(ps.ones([2]), name="v")
    passed = ps.raw_ops.Identity(ps.raw_ops.Identity(v.handle), name="passed")
    read = ps.raw_ops.ReadVariableOp(passed, dtype=ps.float32, name="read")
    placement, _ = run_place([read], *SIMS)
    assert {"v", "passed", "read"} <= set(placement.members("v"))


def test_two_handles_of_one_variable_share_a_device() -> None:
    one, two = (
        ps.raw_ops.VarHandleOp(dtype=ps.float32, shape=[2], shared_name="s", name=n) for n in "ab"
    )
    with ps.device("/device:SIM_GPU:1"):
        three = ps.raw_ops.VarHandleOp(dtype=ps.float32, shape=[2], shared_name="s", name="c")
    reads = [ps.raw_ops.ReadVariableOp(h, dtype=ps.float32) for h in (one, two, three)]
    _, placed = run_place(reads, *SIMS)
    assert {short_name(n.device) for n in placed if n.op == "ReadVariableOp"} == {"SIM_GPU:1"}


def test_every_run_puts_a_variable_on_the_same_device() -> None:
    v = ps.Variable(ps.ones([2, 2]), name="v")
    scattered = ps.scatter_add(v, [0], [[1.0, 1.0]])  # has no kernel on the accelerator
    _, placed = run_place([], *SIMS, targets=[v.initializer])
    assert where(placed, "v") == "CPU:0"
    placement, placed = run_place([v + 1.0], *SIMS)
    assert where(placed, "v") == "CPU:0"
    assert "which other runs use: ResourceScatterAdd has" in text_of(placement.reason("v"))
    assert scattered is not None


def test_residents_stay_where_they_are() -> None:
    v = ps.Variable(ps.ones([2]), name="v")
    residents: dict[str, str] = {}
    _, placed = run_place([], *SIMS, targets=[v.initializer], residents=residents)
    assert list(residents.values()) == [LOCAL + "SIM_GPU:0"]
    residents.update(dict.fromkeys(residents, LOCAL + "SIM_GPU:1"))
    placement, placed = run_place([v + 1.0], *SIMS, residents=residents)
    assert where(placed, "v") == "SIM_GPU:1"
    assert placement.reason("v") == ("resident", ("v",))
    late = ps.scatter_add(v, [0], 1.0, name="late")
    with pytest.raises(errors.PlacementError, match="lives on SIM_GPU:1 since an earlier run"):
        run_place([], *SIMS, targets=[late.op], residents=residents)


def test_slots_stay_with_their_variable() -> None:
    with ps.device("/device:SIM_GPU:1"):
        v = ps.Variable(ps.ones([2]), name="v")
    train: Any = ps.train.AdamOptimizer().minimize(ps.reduce_sum(ps.square(v)))
    for targets in ([ps.global_variables_initializer()], [train]):
        _, placed = run_place([], *SIMS, targets=targets)
        homes = {n.name: where(placed, n.name) for n in placed if n.op == "VarHandleOp"}
        assert set(homes.values()) == {"SIM_GPU:1"}, homes


def test_an_initial_value_without_a_kernel_is_computed_elsewhere() -> None:
    v = ps.Variable(lambda: ps.random_normal([2]), name="v")
    placement, placed = run_place([], *SIMS, targets=[v.initializer])
    assert where(placed, "v") == where(placed, "v/Assign") == "SIM_GPU:0"
    (noise,) = [n.name for n in placed if n.op == "RandomStandardNormal"]
    assert where(placed, noise) == "CPU:0"
    assert noise in [m.node for m in placement.moves]


def test_classes_tie_nodes_even_to_absent_ones() -> None:
    a = ps.random_uniform([2], name="a")
    with ps.colocate_with(a):
        b, c = ps.random_uniform([2], name="b"), ps.random_uniform([2], name="c")
    with ps.device("/device:SIM_GPU:1"):
        d = ps.raw_ops.Square(x=b, name="d")
    with ps.colocate_with(d):
        e = ps.square(c, name="e")
    _, placed = run_place([e, b], *SIMS)
    assert where(placed, "e") == "SIM_GPU:1"
    names = [n.name for n in placed]
    assert "a" not in names
    bs, cs = b.op.name, c.op.name
    assert where(placed, bs) == where(placed, cs)
    for node in placed:
        for group in node.attrs.get("_class", ()):
            assert group[5:].decode() in names


# ---- requests


def test_partial_requests_leave_the_rest_to_the_heuristics() -> None:
    with ps.device("/device:SIM_GPU:1"):
        x = ps.random_uniform([4], name="x")
    with ps.device("/device:SIM_GPU:*"):
        y = ps.square(x, name="y")
    with ps.device("/cpu"):
        z = ps.square(x, name="z")
    with ps.device("/job:localhost/task:0"):
        w = ps.square(x, name="w")
    placement, placed = run_place([y, z, w], "CPU", *SIMS)
    assert [where(placed, n) for n in "yzw"] == ["SIM_GPU:1", "CPU:0", "SIM_GPU:1"]
    assert placement.requests("z") == [("z", "/device:CPU:*")]


def test_soft_placement_takes_the_nearest_and_tells() -> None:
    with ps.device("/device:SIM_GPU:7"):
        a = ps.random_uniform([2], name="a")
    with ps.device("/device:TPU:0"):
        b = ps.square(a, name="b")
    with ps.device("/device:SIM_GPU:0"):
        c = ps.tanh(b, name="c")
    with ps.device("/cpu:0"):
        d = ps.square(c, name="d")
    placement, _ = run_place([d], *SIMS, soft=True)
    a_name = a.op.name
    moved = {m.node: (m.asked, short_name(m.given), m.why) for m in placement.moves}
    assert moved["b"] == ("/device:TPU:0", "SIM_GPU:0", "the session has no such device")
    assert moved["c"] == ("/device:SIM_GPU:0", "CPU:0", "there is no kernel for Tanh(float32)")
    assert moved[a_name][1].startswith("SIM_GPU")
    assert "d" not in moved


def test_soft_placement_breaks_the_later_of_two_requests() -> None:
    with ps.device("/device:SIM_GPU:0"):
        x = ps.random_uniform([2]).op
    y = ps.square(x.outputs[0], name="y")
    y.op._device, y.op._attrs["_class"] = "/device:SIM_GPU:1", [b"loc:@" + x.name.encode()]
    placement, placed = run_place([y], *SIMS, soft=True)
    assert where(placed, "y") == where(placed, x.name) == "SIM_GPU:0"
    (move,) = placement.moves
    assert move.node == "y"
    assert f'"{x.name}" shares the device, and "/device:SIM_GPU:0" is asked for' == move.why


def test_log_device_placement(caplog: pytest.LogCaptureFixture) -> None:
    run_place([ps.square(ps.random_uniform([2]), name="y")], "SIM_GPU", log=True)
    assert f"y: (Square): {LOCAL}SIM_GPU:0" in caplog.messages
    run_place([ps.constant(1.0, name="one")], log=True)
    assert f"one: (Const): {LOCAL}CPU:0" in caplog.messages


def test_an_unknown_strategy() -> None:
    with pytest.raises(errors.InvalidArgumentError, match="no placement strategy 'best'"):
        run_place([ps.constant(1.0)], "CPU", strategy="best")


# ---- random graphs, random requests

REQUESTS = ["", "/cpu:0", "/cpu:1", "/cpu", "/device:SIM_GPU:0", "/sim_gpu:1", "/device:SIM_GPU:*"]


@given(grown(most=30), st.data())
def test_any_graph_with_any_requests(program: Grown, data: st.DataObject) -> None:
    """Softly, all is placed: groups together, kernels there, and kept requests are kept."""
    kinds = data.draw(st.lists(st.sampled_from(["CPU", "SIM_GPU"]), min_size=1, max_size=7))
    with program.graph.as_default():
        for operation in program.graph.get_operations():
            operation._device = data.draw(st.sampled_from(REQUESTS))
            if data.draw(st.integers(0, 4)) == 0:
                other = data.draw(st.sampled_from(program.graph.get_operations()))
                operation._attrs["_class"] = [b"loc:@" + other.name.encode()]
            operation._node = None
        asked = program.ir()
        placing = Placing(session_of(*kinds), SomeKernels(), soft=True)
        context = PassContext(options.current, lambda part: (), PlanLog(), placing)
        try:
            placed = place(asked, context)
        except errors.PlacementError as e:
            assert "has a kernel for" in e.message, "softly, only kernels can conflict"
            return
    placement = context.log.placement
    assert placement is not None and placement.groups is not None
    names = {d.name for d in placing.devices}
    moved = {m.node for m in placement.moves}
    ties = tie_all(asked.nodes)
    homes: dict[str, str] = {}
    for node in placed:
        kind = short_name(node.device).partition(":")[0]
        before = asked[node.name]
        assert node.device in names
        assert placing.kernels.supports(before, kind)
        if before.device and node.name not in moved:
            assert placement.table.asked(before.device) & placement.table.bit(node.device)
        if node.name in ties:
            assert homes.setdefault(ties.find(node.name), node.device) == node.device
        assert text_of(placement.reason(node.name))
        refused = placement.refused(node.name)
        assert {device for device, _ in refused} == names - {node.device}


# ---- speed


def chain(count: int) -> IR:
    """Return blocks of ten nodes: a product, a sum and constants, some with requests."""
    nodes: dict[str, Node] = {}
    float32 = (dtypes.float32,)
    shape: Any = ((4, 4),)
    attrs = {"T": dtypes.float32}
    last = "c0"
    nodes[last] = Node(last, "RandomUniform", (), (), attrs, "", float32, shape)
    for i in range(count // 2):
        device = f"/device:SIM_GPU:{i % 7}" if i % 10 == 0 else ""
        c, y = f"c{i + 1}", f"y{i}"
        nodes[c] = Node(c, "Const", (), (), {"dtype": dtypes.float32}, "", float32, shape)
        inputs = ((last, 0), (c, 0))
        nodes[y] = Node(y, "MatMul", inputs, (), attrs, device, float32, shape)
        last = y
    return IR(nodes, [last])


def test_ten_thousand_nodes_on_eight_devices() -> None:
    ir = chain(10_000)
    placing = Placing(session_of(*["SIM_GPU"] * 7), SomeKernels())
    took = []
    for _ in range(2):
        context = PassContext(options.current, lambda part: (), PlanLog(), placing)
        start = time.process_time()
        place(ir, context)
        took.append(time.process_time() - start)
    assert min(took) < 0.5


def test_many_variables_on_eight_devices() -> None:
    """Groups, relatives and all: placing a plan takes time in proportion to the graph."""
    v: Any = ps.ones([2])
    for i in range(150):
        with ps.device(f"/sim_gpu:{i % 7}" if i % 3 == 0 else ""):
            v = v * ps.Variable(lambda: ps.random_uniform([2]), name=f"v{i}")
    train: Any = ps.train.AdamOptimizer().minimize(ps.reduce_sum(v))
    everything = [ps.global_variables_initializer(), train]
    start = time.process_time()
    _, placed = run_place([], *["SIM_GPU"] * 7, targets=everything)
    took = time.process_time() - start
    assert len(placed) > 2000
    assert took < len(placed) * 200e-6
