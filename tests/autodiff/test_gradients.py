"""gradients: sums of paths, what stops them, what flows in, what is left where nothing does."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import penstock as ps
from penstock import errors


def run(fetches: Any, feeds: Any = None) -> Any:
    with ps.Session() as session:
        return session.run(fetches, feeds)


def placeholder(name: str = "x") -> ps.Tensor:
    return ps.placeholder(ps.float32, [], name=name)


def gradient(y: Any, x: Any, **arguments: Any) -> Any:
    (found,) = ps.gradients(y, x, **arguments)
    return found


def test_paths_add_up() -> None:
    x = placeholder()
    y = x * x + 3.0 * x + x / 2.0 + x
    g = gradient(y, x)
    assert run(g, {x: 5.0}) == 2 * 5 + 3 + 0.5 + 1
    sums = [op for op in x.graph.get_operations() if op.type == "AddN"]
    assert [len(op.inputs) for op in sums] == [5], "all paths in one sum"


def test_shared_parts_are_visited_once() -> None:
    x = placeholder()
    y = x
    for _ in range(50):  # 2^50 paths
        y = y * 0.5 + y * 0.5
    assert run(gradient(y, x), {x: 1.0}) == 1.0


def test_several_ys_and_xs() -> None:
    x, y = placeholder("x"), placeholder("y")
    dx, dy = ps.gradients([x * y, x + 2.0 * y], [x, y])
    assert run([dx, dy], {x: 3.0, y: 4.0}) == [4.0 + 1.0, 3.0 + 2.0]


def test_grad_ys_flow_in() -> None:
    x = ps.placeholder(ps.float32, [2])
    y = x * x
    g = gradient(y, x, grad_ys=[[10.0, 100.0]])
    assert run(g, {x: [1.0, 2.0]}).tolist() == [20.0, 400.0]
    g = gradient([y, 3.0 * x], x, grad_ys=[None, ps.constant([1.0, 0.0])])
    assert run(g, {x: [1.0, 2.0]}).tolist() == [5.0, 4.0]


def test_wrong_grad_ys() -> None:
    x = ps.placeholder(ps.float32, [2])
    y = x * x
    with pytest.raises(ValueError, match="1 ys need as many grad_ys, got 2"):
        ps.gradients(y, x, grad_ys=[None, None])
    with pytest.raises(errors.ShapeError, match=r"grad_ys\[0\] has shape \[3\]"):
        ps.gradients(y, x, grad_ys=[[1.0, 2.0, 3.0]])
    with pytest.raises(errors.DTypeError):
        ps.gradients(y, x, grad_ys=[ps.constant([1, 2])])


def test_of_a_tensor_by_itself() -> None:
    x = ps.placeholder(ps.float32, [2])
    assert run(gradient(x, x), {x: [5.0, 6.0]}).tolist() == [1.0, 1.0]


def test_by_an_inner_tensor() -> None:
    x = placeholder()
    y = x * x
    z = ps.exp(y) * x
    dx, dy = ps.gradients(z, [x, y])
    e = np.exp(4.0)
    result = run([dx, dy], {x: 2.0})
    np.testing.assert_allclose(result, [e + 2 * e * 2 * 2, 2 * e], rtol=1e-5)


def test_stop_gradients_count_as_constants() -> None:
    x = placeholder()
    y = x * x
    z = y * x
    assert run(gradient(z, x, stop_gradients=[y]), {x: 3.0}) == 9.0
    total = ps.gradients(z, [x, y], stop_gradients=[x])
    assert run(total, {x: 3.0}) == [27.0, 3.0], "what flows into x counts, not what flows through"
    both = ps.gradients(z, [x, y], stop_gradients=[x, y])
    assert run(both, {x: 3.0}) == [9.0, 3.0], "partial derivatives"


def test_stop_gradient_op() -> None:
    x = placeholder()
    y = ps.stop_gradient(x * x) * x
    assert run(gradient(y, x), {x: 3.0}) == 9.0
    assert gradient(ps.stop_gradient(x), x) is None


def test_unconnected() -> None:
    x, y = placeholder("x"), placeholder("y")
    assert ps.gradients(x * 2.0, [y]) == [None]
    assert gradient(x * 2.0, x) is not None
    zero = gradient(x * 2.0, y, unconnected_gradients=ps.UnconnectedGradients.ZERO)
    assert run(zero, {y: 7.0}) == 0.0
    with pytest.raises(ValueError, match="'none' or 'zero'"):
        ps.gradients(x, y, unconnected_gradients="maybe")


def test_integers_and_conditions_pass_nothing() -> None:
    x = ps.placeholder(ps.float32, [3])
    assert gradient(ps.cast(ps.cast(x, ps.int32), ps.float32), x) is None
    assert gradient(ps.cast(ps.argmax(x), ps.float32), x) is None
    assert gradient(ps.cast(x > 0.0, ps.float32), x) is None


def test_ys_must_be_floats() -> None:
    x = ps.placeholder(ps.int32, [])
    with pytest.raises(errors.DTypeError, match="is int32; only floats have derivatives"):
        ps.gradients(x + 1, x)


def test_arguments_are_checked() -> None:
    x = placeholder()
    with pytest.raises(TypeError, match="needs tensors or variables"):
        ps.gradients(x, 3.0)
    with pytest.raises(ValueError, match="aggregation"):
        ps.gradients(x, x, aggregation_method=9)
    with ps.Graph().as_default():
        foreign = placeholder("foreign")
    with pytest.raises(errors.GraphError, match='"x:0" and "foreign:0" belong to different'):
        ps.gradients(x, foreign)
    assert ps.gradients([], [x]) == [None]


def test_gradients_are_built_beside_the_forward_graph() -> None:
    x = placeholder()
    y = ps.tanh(x, name="squash")
    g = gradient(y, x)
    added = [op for op in x.graph.get_operations() if op.name.startswith("gradients/")]
    marked = [op for op in added if op._attrs.get("_grad_of") == b"squash"]
    assert g.op in marked
    assert all(op.name.startswith("gradients/squash_grad/") for op in marked)
    assert gradient(y, x).name.startswith("gradients_1/")


def test_outside_the_default_graph(graph: ps.Graph) -> None:
    x = placeholder()
    y = x * x
    with ps.Graph().as_default() as other:
        g = gradient(y, x)
        assert other.version == 0
    assert g.graph is graph


def test_several_outputs_share_a_gradient() -> None:
    x = ps.placeholder(ps.float32, [4])
    first, _ = ps.split(x, 2)
    g = gradient(ps.reduce_sum(first * first), x)
    assert run(g, {x: [1.0, 2.0, 3.0, 4.0]}).tolist() == [2.0, 4.0, 0.0, 0.0]


def test_gate_gradients() -> None:
    x, y = placeholder("x"), placeholder("y")
    dx, dy = ps.gradients(x * y, [x, y], gate_gradients=True)
    waits = [{t.op for t in g.op.inputs} | set(g.op.control_inputs) for g in (dx, dy)]
    assert waits[0] == waits[1]
    assert run([dx, dy], {x: 2.0, y: 3.0}) == [3.0, 2.0]


def test_colocated_gradients() -> None:
    x = placeholder()
    y = ps.tanh(x, name="squash")
    g = gradient(y, x, colocate_gradients_with_ops=True)
    assert g.op.get_attr("_class") == [b"loc:@squash"]


def test_control_edges_are_no_paths() -> None:
    x = placeholder()
    with ps.control_dependencies([x]):
        y = ps.constant(1.0)
    assert gradient(y, x) is None


# ---- higher orders


def test_third_order() -> None:
    x = placeholder()
    y = x**4.0
    for expected in (4 * 8.0, 12 * 4.0, 24 * 2.0):
        y = gradient(y, x)
        assert run(y, {x: 2.0}) == expected


def test_hessian_vector_product() -> None:
    x = ps.placeholder(ps.float64, [3])
    y = ps.reduce_sum(x[0] * x[1] * x[2] + x[0] ** 3.0)
    v = ps.constant([1.0, 2.0, 3.0], ps.float64)
    product = gradient(ps.reduce_sum(gradient(y, x) * v), x)
    a, b, c = 2.0, 3.0, 5.0
    hessian = np.array([[6 * a, c, b], [c, 0, a], [b, a, 0]])
    np.testing.assert_allclose(run(product, {x: [a, b, c]}), hessian @ [1, 2, 3])


# ---- variables and sparse gradients


def test_by_variables() -> None:
    w = ps.Variable([2.0, 3.0])
    (g,) = ps.gradients(w * w, [w])
    with ps.Session() as session:
        session.run(ps.global_variables_initializer())
        assert session.run(g).tolist() == [4.0, 6.0]


def test_gather_from_a_variable_stays_sparse() -> None:
    table = ps.Variable(np.arange(8, dtype=np.float32).reshape(4, 2))
    rows = ps.gather(table, [1, 3, 1])
    (g,) = ps.gradients(rows * rows, [table])
    assert isinstance(g, ps.IndexedSlices)
    with ps.Session() as session:
        session.run(ps.global_variables_initializer())
        indices, values, dense = session.run([g.indices, g.values, ps.convert_to_tensor(g)])
    assert indices.tolist() == [1, 3, 1]
    assert values.tolist() == [[4.0, 6.0], [12.0, 14.0], [4.0, 6.0]]
    assert dense.tolist() == [[0.0, 0.0], [8.0, 12.0], [0.0, 0.0], [12.0, 14.0]]


def test_sparse_gradients_add_up_sparse_and_dense() -> None:
    table = ps.Variable(np.ones((3, 2), np.float32))
    first, second = ps.gather(table, [0]), ps.gather(table, [2, 0])
    (sparse,) = ps.gradients([first, second], [table])
    assert isinstance(sparse, ps.IndexedSlices)
    (mixed,) = ps.gradients([first, table * 10.0], [table])
    assert isinstance(mixed, ps.Tensor)
    with ps.Session() as session:
        session.run(ps.global_variables_initializer())
        one, two = session.run([ps.convert_to_tensor(sparse), mixed])
    assert one.tolist() == [[2.0, 2.0], [0.0, 0.0], [1.0, 1.0]]
    assert two.tolist() == [[11.0, 11.0], [10.0, 10.0], [10.0, 10.0]]


# ---- registered gradients


def test_gradient_override_map(graph: ps.Graph) -> None:
    name = "TestOverride"

    @ps.RegisterGradient(name)
    def _(op: ps.Operation, dy: ps.Tensor) -> ps.Tensor:
        return dy * 100.0

    x = placeholder()
    with graph.gradient_override_map({"Tanh": name}):
        y = ps.tanh(x)
    assert run(gradient(y, x), {x: 0.5}) == 100.0
    assert run(gradient(ps.tanh(x), x), {x: 0.0}) == 1.0, "only inside the block"
    with pytest.raises(KeyError, match="registered already"):
        ps.RegisterGradient(name)(lambda op, dy: dy)
    with pytest.raises(KeyError, match="registered already"):
        ps.RegisterGradient("Tanh")(lambda op, dy: dy)
    with pytest.raises(TypeError):
        ps.RegisterGradient(3)  # type: ignore[arg-type]


def test_an_override_that_does_not_exist(graph: ps.Graph) -> None:
    x = placeholder()
    with graph.gradient_override_map({"Tanh": "Nowhere"}):
        y = ps.tanh(x, name="y")
    with pytest.raises(LookupError, match=r'"y" .Tanh.*RegisterGradient'):
        ps.gradients(y, x)


def test_a_rule_with_the_wrong_number_of_results(graph: ps.Graph) -> None:
    ps.RegisterGradient("TestTooMany")(lambda op, dy: (dy, dy))
    x = placeholder()
    with graph.gradient_override_map({"Tanh": "TestTooMany"}):
        y = ps.tanh(x, name="y")
    with pytest.raises(ValueError, match=r'"y" .Tanh. returned 2 values for 1 inputs'):
        ps.gradients(y, x)


# ---- why not


@pytest.mark.parametrize(
    ("build", "text"),
    [
        (lambda x: ps.constant(1.0), "does not depend on"),
        (lambda x: ps.argmax(x), "only floats have derivatives"),
        (lambda x: ps.cast(ps.argmax(x, name="arg"), ps.float32), '"arg" .ArgMax. is not diff'),
        (lambda x: ps.stop_gradient(x, name="stop") * 2.0, '"stop" .StopGradient.'),
        (lambda x: ps.cast(ps.cast(x, ps.int32, name="c"), ps.float32), '"c" .Cast. gives int32'),
        (lambda x: x * 2.0, "there is a gradient"),
    ],
)
def test_why_no_gradient(build: Any, text: str) -> None:
    x = ps.placeholder(ps.float32, [3], name="x")
    y = build(x)
    assert re.search(text, ps.why_no_gradient(y, x))


@pytest.mark.parametrize("dtype", [ps.float32, ps.float64, ps.bfloat16])
def test_sums_that_accumulate_are_the_same_bits(dtype: ps.DType) -> None:
    values = np.random.default_rng(0).standard_normal((9, 7, 5))
    w = ps.placeholder(dtype, [7, 5])
    y = sum(ps.reduce_sum(ps.sin(w * ps.constant(v, dtype))) for v in values)
    (plain,) = ps.gradients(y, w)
    (frugal,) = ps.gradients(y, w, memory_budget="1GB")
    (asked,) = ps.gradients(y, w, aggregation_method=2)
    with ps.Session() as session:
        results = session.run([plain, frugal, asked], {w: np.ones((7, 5))})
    np.testing.assert_array_equal(results[0], results[1])
    assert len(plain.op.inputs) == 9 and len(asked.op.inputs) == 2
    assert len(frugal.op.inputs) == (9 if dtype == ps.bfloat16 else 2)
