"""Sizes and costs: work from shapes, shapes from feeds, times measured or told."""

import numpy as np
import pytest

import penstock as ps
from penstock import dtypes, errors, protos
from penstock.graph.extract import extract
from penstock.graph.ir import IR, Node
from penstock.ops.registry import all_ops
from penstock.simulate import (
    DeviceModel,
    EstimatedCosts,
    FixedCosts,
    Machine,
    MeasuredCosts,
    Sizes,
    simulate,
    work,
    work_of,
)


def extracted(y: ps.Tensor, *feeds: ps.Tensor) -> IR:
    return extract(y.graph, [y], [], list(feeds))


def by_op(ir: IR, op: str) -> Node:
    return next(n for n in ir if n.op == op)


def test_work_of_a_matmul() -> None:
    ir = extracted(ps.matmul(ps.zeros([3, 4]), ps.zeros([5, 4]), transpose_b=True))
    work = work_of(by_op(ir, "MatMul"), Sizes(ir))
    assert work.flops == 2 * 3 * 4 * 5 and work.bytes == 4 * (12 + 20 + 15)


def test_work_of_convolutions() -> None:
    """Gradients of a convolution do as much as it does."""
    x, w = ps.zeros([2, 8, 8, 3]), ps.zeros([3, 3, 3, 16])
    y = ps.nn.conv2d(x, w, [1, 1, 1, 1], "SAME")
    dx, dw = ps.gradients(y, [x, w])
    ir = extract(y.graph, [y, dx, dw], [], [])
    sizes, ops = Sizes(ir), ("Conv2D", "Conv2DBackpropInput", "Conv2DBackpropFilter")
    assert {work_of(by_op(ir, op), sizes).flops for op in ops} == {2 * 27 * 2 * 8 * 8 * 16}


def test_work_of_other_ops() -> None:
    x = ps.ones([10, 10])
    y = ps.reduce_sum(ps.reshape(ps.tanh(x), [100]))
    ir, sizes = extracted(y), Sizes(extracted(y))
    assert work_of(by_op(ir, "Tanh"), sizes) == (2000, 800, 1)
    assert work_of(by_op(ir, "Reshape"), sizes) == (0, 0, 1)
    assert work_of(by_op(ir, "Sum"), sizes).flops == 100
    assert work_of(by_op(ir, "_Retval"), sizes) == (0, 0, 0)


def test_an_update_reads_and_writes_its_variable() -> None:
    v = ps.get_variable("v", [1000])
    train = ps.train.GradientDescentOptimizer(0.1).minimize(ps.reduce_sum(v * v))
    ir = extract(v.graph, [], [train], [])
    assert work_of(by_op(ir, "ResourceApplyGradientDescent"), Sizes(ir)).bytes == 3 * 4000


def test_a_look_up_reads_only_what_it_finds() -> None:
    rows = ps.gather(ps.zeros([1000, 8]), [1, 2, 3])
    ir = extracted(rows)
    assert work_of(by_op(ir, "GatherV2"), Sizes(ir)) == (0, 2 * 3 * 8 * 4, 1)


def test_the_tables_name_ops_that_exist() -> None:
    names = {*work.FLOPS, *work.PASSES, *work.FREE, *work.VIEWS, *work.METADATA, *work.PICKING}
    assert names - {op.name for op in all_ops()} == {"_Arg", "_Retval"}


def test_estimates_are_a_launch_and_the_longer_of_two() -> None:
    ir = extracted(ps.matmul(ps.zeros([3, 4]), ps.zeros([4, 5])))
    node, sizes = by_op(ir, "MatMul"), Sizes(ir)
    slow = DeviceModel("GPU:0", flops=60, bandwidth=1e9, launch=0.5)
    narrow = DeviceModel("GPU:0", flops=1e9, bandwidth=47, launch=0.5)
    assert EstimatedCosts().seconds(node, sizes, slow) == 2.5
    assert EstimatedCosts(scale=2).seconds(node, sizes, narrow) == 9.0


def test_shapes_of_feeds_reach_the_end() -> None:
    x = ps.placeholder(ps.float32, [None, 100], name="x")
    y = ps.nn.relu(ps.matmul(x, ps.zeros([100, 10])))
    ir = extracted(y, x)
    relu = (by_op(ir, "Relu").name, 0)
    assert Sizes(ir).dims(relu) == (32, 10)
    assert Sizes(ir, unknown_dim=7).dims(relu) == (7, 10)
    for key in (x, "x", "x:0"):
        assert Sizes(ir, {key: (64, 100)}).dims(relu) == (64, 10)
    assert Sizes(ir, {x: (64, 100)}).bytes(relu) == 2560


def test_unknown_ranks_are_vectors() -> None:
    x = ps.placeholder(ps.float32, name="x")
    ir = extracted(ps.exp(x), x)
    assert Sizes(ir).dims((by_op(ir, "Exp").name, 0)) == (32,)


def test_shapes_that_do_not_fit() -> None:
    x = ps.placeholder(ps.float32, [None, 100], name="x")
    ir = extracted(ps.matmul(x, ps.zeros([100, 10])), x)
    with pytest.raises(errors.ShapeError, match=r'given for "x:0": shapes .* not compatible'):
        Sizes(ir, {x: (64, 99)})
    with pytest.raises(errors.GraphError, match=r"not fed: z:0"):
        Sizes(ir, {"z": (1,)})


def test_strings_and_handles() -> None:
    def made(dtype: dtypes.DType) -> Node:
        return Node("n", "Work", (), (), {}, "", (dtype,), ((10,),))

    sizes = {d: Sizes(IR([made(d)], ["n"])).bytes(("n", 0)) for d in (ps.string, ps.resource)}
    assert sizes == {ps.string: 320, ps.resource: 0}


def test_measured_times_count_where_they_were_measured() -> None:
    stats = protos.StepStats()
    for device, micros in (("/device:CPU:0", 5), ("/device:CPU:1", 3)):
        full = f"/job:localhost/replica:0/task:0{device}"
        entry = stats.dev_stats.add(device=full).node_stats.add(node_name="a")
        entry.op_end_rel_micros = micros
    costs = MeasuredCosts.from_step_stats(stats, otherwise=FixedCosts(default=9.0))
    node = Node("a", "Work", (), (), {}, "", (), ())
    sizes = Sizes(IR([node], ["a"]))
    assert costs.seconds(node, sizes, DeviceModel("CPU:5")) == pytest.approx(4e-6)  # the median
    assert costs.seconds(node, sizes, DeviceModel("GPU:0")) == 9.0


def test_a_class_with_one_method_is_a_cost_model() -> None:
    class Bytes:
        def seconds(self, node: Node, sizes: Sizes, device: DeviceModel) -> float:
            return 1.0 if node.op == "Tanh" and device.kind == "CPU" else 0.0

    y = ps.tanh(ps.tanh(ps.constant(np.float32(1.0))))
    assert simulate(extracted(y), Machine.local(), Bytes()).step_time == 2.0
