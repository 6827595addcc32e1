"""Partitions compute what the whole computes, move what they must and nothing twice."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import penstock as ps
from penstock import errors
from penstock.graph.check import check_partitions
from penstock.graph.devices import HOST, LOCAL
from penstock.graph.extract import extract
from penstock.graph.ir import IR, Node
from penstock.graph.transfers import RECVS, SENDS, key_of
from penstock.passes.memory_kinds import MemoryKinds
from penstock.passes.order import order
from penstock.passes.partition import partition
from penstock.passes.pipeline import run_pipeline
from tests.passes.placed import LEAVES, READS, context, placed, session_of
from tests.random_graphs import Grown, grown
from tests.reference import evaluate, evaluate_partitions

raw = ps.raw_ops


def at_random(draw: Any, ir: IR, names: list[str]) -> IR:
    """Return the IR ordered, each node on a drawn device; sources mostly on few of them."""
    ir = order(ir, context(session_of()))
    return placed(ir, lambda _: draw(st.sampled_from(names)))


@given(program=grown(most=40), types=st.integers(0, 7), data=st.data())
def test_partitions_on_cpus_equal_the_whole(program: Grown, types: int, data: Any) -> None:
    devices = session_of(*["CPU"] * types)
    ir = at_random(data.draw, program.ir(), [d.name for d in devices])
    parts = partition(ir, context(devices))
    assert_same_values(program, ir, parts)
    assert_transfers(ir, parts)
    assert all(n.op not in ("_HostSend", "_HostRecv") for part in parts.values() for n in part)


@given(
    program=grown(most=40),
    types=st.lists(st.sampled_from(("CPU", "SIM_GPU")), min_size=1, max_size=7),
    data=st.data(),
)
def test_partitions_on_accelerators_equal_the_whole(
    program: Grown, types: list[str], data: Any
) -> None:
    devices = session_of(*types)
    ir = at_random(data.draw, program.ir(), [d.name for d in devices])
    ctx = context(devices)
    parts = partition(ir, ctx)
    assert_same_values(program, ir, parts)
    for part in parts.values():
        assert_memory(part, MemoryKinds(part, ctx.placing))


@given(
    program=grown(most=40),
    types=st.lists(st.sampled_from(("CPU", "SIM_GPU")), min_size=1, max_size=7),
    data=st.data(),
)
def test_random_requests_placed_and_cut(program: Grown, types: list[str], data: Any) -> None:
    devices = session_of(*types)
    wanted = ["", *[d.name for d in devices]]
    for operation in program.graph.get_operations():
        operation.set_device(data.draw(st.sampled_from(wanted)))
    before = program.ir()
    ctx = context(devices, soft=True)
    ir = run_pipeline(before, ctx)
    assert_same_values(program, before, partition(ir, ctx))


@given(program=grown(most=20), data=st.data())
def test_narrow_transfers_lose_precision_only(program: Grown, data: Any) -> None:
    devices = session_of("CPU", "SIM_GPU")
    ir = at_random(data.draw, program.ir(), [d.name for d in devices])
    parts = partition(ir, context(devices, compress=True))
    for node in (n for part in parts.values() for n in part):
        if node.op == "_Send" and not node.controls and node.inputs[0][0] in ir:
            assert node.attrs["T"] is not ps.float32
    values = evaluate_partitions(parts, list(program.feeds.values()))
    for value, exact in zip(values, program.fetches, strict=True):
        assert (value.dtype, value.shape) == (exact.array.dtype, exact.array.shape)


def assert_same_values(program: Grown, ir: IR, parts: dict[str, IR]) -> None:
    feeds = list(program.feeds.values())
    for old, new in zip(evaluate(ir, feeds), evaluate_partitions(parts, feeds), strict=True):
        assert (new.dtype, new.shape) == (old.dtype, old.shape)
        assert new.tobytes() == old.tobytes()


def assert_transfers(ir: IR, parts: dict[str, IR]) -> None:
    """One for each tensor and node end that another device needs; all else as it was."""
    needed = set()
    for node in ir:
        ends = [*node.inputs, *[(name, -1) for name in node.controls]]
        needed |= {(*e, node.device) for e in ends if ir[e[0]].device != node.device}
    every = [n for part in parts.values() for n in part]
    assert sum(n.op in SENDS for n in every) == len(needed)
    assert sum(n.op in RECVS for n in every) == len(needed)
    assert {n.name for n in ir} <= {n.name for n in every}


def assert_memory(part: IR, memory: MemoryKinds) -> None:
    """Every input stands in the memory in which its reader's kernel looks for it."""
    for node in part:
        for i, (name, index) in enumerate(node.inputs):
            source = part[name]
            on_host = {
                "_Recv": source.device not in memory.accelerators,
                "_HostRecv": True,
                "Const": "_host_memory" in source.attrs or source.device not in memory.accelerators,
            }.get(source.op, memory.leaves_on_host((name, index)))
            wanted = {
                "_Send": source.device not in memory.accelerators,
                "_HostSend": True,
            }.get(node.op, memory.reads_on_host(node, i, source.dtypes[index]))
            assert on_host == wanted, (str(source), str(node))


# ---- by hand


def two_towers() -> tuple[IR, dict[str, IR]]:
    """Two devices, one tensor with three readers on the other device."""
    x = ps.placeholder(ps.float32, [2], name="x")
    a = raw.Neg(x, name="a")
    b = raw.AddV2(raw.Mul(a, a, name="b1"), a, name="b")
    ir = extract(ps.get_default_graph(), [b], [], [x])
    ir = placed(ir, lambda n: "CPU:1" if n.name.startswith("b") else "CPU:0")
    return ir, partition(ir, context(session_of("CPU")))


def names(part: IR) -> list[str]:
    return [n.name for n in part]


def test_a_tensor_travels_once_however_many_read_it() -> None:
    _, parts = two_towers()
    first, second = parts[HOST], parts[LOCAL + "CPU:1"]
    assert names(first) == ["_arg_0_x", "a", "a/_send_1", "b/_recv_2", "_retval_0_b"]
    assert names(second) == ["a/_recv_1", "b1", "b", "b/_send_2"]
    assert second["b1"].inputs == (("a/_recv_1", 0),) * 2
    assert first.roots == ("a/_send_1", "_retval_0_b")
    send, recv = first["a/_send_1"], second["a/_recv_1"]
    assert dict(send.attrs) == {
        "T": ps.float32,
        "tensor_name": b"edge_1_a:0",
        "send_device": HOST.encode(),
        "send_device_incarnation": 1000,
        "recv_device": (LOCAL + "CPU:1").encode(),
        "client_terminated": False,
    }
    assert recv.attrs["tensor_type"] is ps.float32
    assert recv.shapes == ((2,),)
    assert key_of(send) == key_of(recv)


def test_one_device_costs_nothing() -> None:
    ir = placed(extract(ps.get_default_graph(), [ps.constant(1.0) + 2.0], [], []), lambda _: HOST)
    assert partition(ir, context(session_of()))[HOST] is ir
    assert partition(ir, context(session_of("CPU", "SIM_GPU"))) == {HOST: ir}


def test_an_order_across_devices_carries_an_empty_tensor() -> None:
    x = ps.placeholder(ps.float32, [2], name="x")
    a = raw.Neg(x, name="a")
    with ps.control_dependencies([a]):
        b, c = raw.Abs(x, name="b"), raw.Exp(x, name="c")
    ir = extract(ps.get_default_graph(), [b, c], [], [x])
    ir = placed(ir, lambda n: "SIM_GPU:0" if n.name == "a" else "CPU:0")
    parts = partition(ir, context(session_of("SIM_GPU")))
    device = parts[LOCAL + "SIM_GPU:0"]
    empty, send = device["a/_end"], device["a/_send_2"]
    assert empty.attrs["value"].shape == (0,)
    assert empty.attrs["_host_memory"]
    assert (send.op, send.controls) == ("_HostSend", ("a",))
    assert parts[HOST]["b"].controls == parts[HOST]["c"].controls == ("a/_recv_2",)


def test_constants_of_an_accelerator_stay_where_their_readers_are() -> None:
    x = ps.placeholder(ps.int32, [2], name="x")
    shape, both = ps.constant([2, 1], name="shape"), ps.constant([1, 2], name="both")
    y = raw.Reshape(x, shape, name="y")
    z = raw.Reshape(raw.Mul(x, both, name="m"), both, name="z")
    ir = extract(ps.get_default_graph(), [y, z], [], [x])
    part = partition(placed(ir, lambda _: "SIM_GPU:0"), context(session_of("SIM_GPU")))
    device = part[LOCAL + "SIM_GPU:0"]
    assert device["shape"].attrs["_host_memory"]
    assert "_host_memory" not in device["both"].attrs
    assert device["z"].inputs[1] == ("both/_host", 0)
    assert device["m"].inputs[1] == ("both", 0)


def test_a_constant_that_waits_does_so_in_both_memories() -> None:
    x = ps.placeholder(ps.int32, [2], name="x")
    with ps.control_dependencies([raw.Neg(x, name="first")]):
        both = ps.constant([1, 2], name="both")
    y = raw.Reshape(raw.Mul(x, both, name="m"), both, name="y")
    ir = extract(ps.get_default_graph(), [y], [], [x])
    ir = placed(ir, lambda n: "CPU:0" if n.name == "first" else "SIM_GPU:0")
    device = partition(ir, context(session_of("SIM_GPU")))[LOCAL + "SIM_GPU:0"]
    assert device["both"].controls == device["both/_host"].controls == ("first/_recv_1",)


def test_a_value_changes_memory_by_a_transfer_to_its_own_device() -> None:
    x = ps.placeholder(ps.int32, [2], name="x")
    dims = raw.Neg(raw.Shape(raw.Neg(x, name="n"), name="s"), name="dims")
    y = raw.Reshape(x, dims, name="y")
    ir = extract(ps.get_default_graph(), [y], [], [x])
    parts = partition(placed(ir, lambda _: "SIM_GPU:0"), context(session_of("SIM_GPU")))
    ops = [n.op for n in parts[LOCAL + "SIM_GPU:0"]]
    assert "_HostSend" in ops and "_HostRecv" in ops
    own = [n for n in parts[LOCAL + "SIM_GPU:0"] if n.op in SENDS and key_of(n)[0] == key_of(n)[2]]
    assert [(n.op, n.name) for n in own] == [("_HostSend", "s/_send_2"), ("_Send", "dims/_send_3")]


def test_narrow_transfers_cast_at_both_ends() -> None:
    x = ps.placeholder(ps.float32, [2], name="x")
    b = raw.AddV2(raw.Neg(x, name="b1"), raw.Exp(x, name="b2"), name="b")
    c = raw.Abs(x, name="c")
    where = {"b": "CPU:1", "b1": "CPU:1", "b2": "CPU:1", "c": "SIM_GPU:0"}
    ir = placed(extract(ps.get_default_graph(), [b, c], [], [x]), lambda n: where[n.name])
    parts = partition(ir, context(session_of("CPU", "SIM_GPU"), compress=True))
    casts = [n for part in parts.values() for n in part if n.op == "Cast"]
    to_narrow = [n for n in casts if n.attrs["DstT"] is ps.bfloat16]
    assert len(to_narrow) == 3  # of x once, for both destinations; of b; of c
    assert len(casts) == 7
    (y, _) = evaluate_partitions(parts, [[1.0, 1.0 + 2.0**-12]])
    assert y.dtype == "float32" and y[0] == y[1]


def test_strings_are_in_host_memory_everywhere() -> None:
    text = ps.constant("a", name="text")
    y = raw.Identity(text, name="y")
    ir = placed(extract(ps.get_default_graph(), [y], [], []), lambda _: "SIM_GPU:0")
    device = partition(ir, context(session_of("SIM_GPU")))[LOCAL + "SIM_GPU:0"]
    assert [n.op for n in device] == ["Const", "Identity", "_HostSend"]


def test_names_of_the_graph_are_not_taken() -> None:
    x = ps.placeholder(ps.float32, [2], name="x")
    a = raw.Neg(x, name="a")
    b = raw.Neg(raw.AddV2(a, raw.Neg(a, name="a/_recv_1"), name="a/_send_1"), name="b")
    ir = extract(ps.get_default_graph(), [b], [], [x])
    ir = placed(ir, lambda n: "CPU:1" if n.name == "b" else "CPU:0")
    parts = partition(ir, context(session_of("CPU")))
    assert len(parts) == 2


def test_a_handle_stays_on_its_device() -> None:
    v = ps.Variable(1.0, use_resource=True, name="v")
    ir = extract(ps.get_default_graph(), [v.value()], [], [])
    wrong = placed(ir, lambda n: "CPU:1" if n.op == "VarHandleOp" else "CPU:0")
    with pytest.raises(errors.InternalError, match=r'"v.*" \(VarHandleOp\) on CPU:1 to'):
        partition(wrong, context(session_of("CPU")))
    ir = extract(ps.get_default_graph(), [v.handle], [], [])
    with pytest.raises(errors.InvalidArgumentError, match="fetch the variable's value"):
        partition(placed(ir, lambda _: "CPU:1"), context(session_of("CPU")))


def test_a_device_that_the_session_lacks_is_a_bug() -> None:
    ir = placed(extract(ps.get_default_graph(), [ps.constant(1.0)], [], []), lambda _: "CPU:7")
    with pytest.raises(errors.InternalError, match="CPU:7; the session has CPU:0, CPU:1"):
        partition(ir, context(session_of("CPU")))


# ---- the checker


def changed(parts: dict[str, IR], name: str, **fields: Any) -> dict[str, IR]:
    """Return the partitions with one node changed (or left out)."""

    def edit(node: Node) -> list[Node]:
        if node.name != name:
            return [node]
        return [node._replace(**fields)] if fields else []

    return {
        d: IR([m for n in p for m in edit(n)], [r for r in p.roots if fields or r != name])
        for d, p in parts.items()
    }


def test_the_checker_sees_what_does_not_fit() -> None:
    _, parts = two_towers()
    check_partitions(parts, "test")
    attrs = dict(parts[HOST]["a/_send_1"].attrs)
    other = LOCAL + "CPU:1"
    for wrong, problem in (
        (changed(parts, "a/_send_1"), "has no send"),
        (changed(parts, "b/_recv_2"), "reads"),
        (changed(parts, "a", device=other), "stands in the partition of CPU:0"),
        (changed(parts, "a/_send_1", attrs=attrs | {"T": ps.int32}), "sends float32"),
        (changed(parts, "a/_send_1", attrs=attrs | {"send_device": b"x"}), "says x"),
        ({HOST: parts[HOST]}, "has no receive"),
        ({**parts, other: IR([*parts[other], parts[HOST]["a"]._replace(device=other)], ())}, ""),
    ):
        with pytest.raises(errors.InternalError, match=f"after test.*{problem}"):
            check_partitions(wrong, "test")


def test_the_checker_sees_a_circle() -> None:
    _, parts = two_towers()
    first = parts[HOST]
    late = [n for n in first if n.name != "b/_recv_2"]
    at = next(i for i, n in enumerate(late) if n.name == "a")
    nodes = [*late[:at], first["b/_recv_2"], *late[at:]]
    with pytest.raises(errors.InternalError, match="waits in a circle"):
        check_partitions({**parts, HOST: IR(nodes, first.roots)}, "test")


def test_the_checker_sees_a_tensor_that_travels_twice() -> None:
    _, parts = two_towers()
    twice = {}
    for device, part in parts.items():
        nodes = list(part)
        for node in part:
            if node.name in ("a/_send_1", "a/_recv_1"):
                attrs = dict(node.attrs) | {"tensor_name": b"again"}
                nodes.append(node._replace(name=node.name + "x", attrs=attrs))
        twice[device] = IR(nodes, part.roots)
    with pytest.raises(errors.InternalError, match="sends already"):
        check_partitions(twice, "test")


def test_some_on_host_names_ops_that_exist() -> None:
    for op in {*READS, *LEAVES}:
        assert hasattr(raw, op)
