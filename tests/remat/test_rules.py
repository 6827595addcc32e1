"""The correctness rules of repetition: what has an effect happens once, readers see one value.

Each test compares a graph whose gradients keep nothing, or what they are told, with the plain one,
and looks at the clones: without any, nothing would have been tested.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import penstock as ps
from penstock.graph.ir import Node
from penstock.ops.registry import find_op, has_op
from penstock.remat.purity import may_repeat, purity
from tests.remat.test_rewrite import SIDE, clones, normal, plan_of

X = normal(*SIDE)
NOTHING: dict[str, Any] = {"checkpoints": []}


def both(
    build: Callable[[dict[str, Any]], tuple[list[Any], dict[Any, Any]]], runs: int = 2
) -> tuple[list[Node], list[Any], Any]:
    """Run plain and with nothing kept; return the clones, the last values and the plan."""
    results = []
    for wish in ({}, NOTHING):
        with ps.Graph().as_default():
            fetches, feed = build(wish)
            with ps.Session() as session:
                session.run(ps.global_variables_initializer())
                values = [session.run(fetches, feed) for _ in range(runs)]
                results.append((values, plan_of(session, fetches, feed)))
    (plain, _), (again, plan) = results
    for a, b in zip(plain, again, strict=True):
        for one, other in zip(a, b, strict=True):
            np.testing.assert_array_equal(one, other)
    made_again = clones(plan)
    assert made_again
    for node in made_again:
        assert not find_op(node.op).stateful, node
    return made_again, again[-1], plan


# ---- effects and variables


def test_moving_averages_are_updated_once() -> None:
    def build(wish: dict[str, Any]) -> tuple[list[Any], dict[Any, Any]]:
        x = ps.placeholder(ps.float32, [16, 4])
        h = x
        for _ in range(3):
            h = ps.layers.batch_normalization(ps.tanh(h), training=True, momentum=0.5)
        updates = ps.get_collection(ps.GraphKeys.UPDATE_OPS)
        assert len(updates) == 6
        with ps.control_dependencies(updates):
            optimizer = ps.train.GradientDescentOptimizer(0.1)
            step = optimizer.minimize(ps.reduce_sum(h * h * x), **wish)
        with ps.control_dependencies([step]):
            return [v.read_value() for v in ps.global_variables()], {x: normal(16, 4)}

    both(build, runs=3)


def test_an_effect_in_the_forward_pass_happens_once() -> None:
    def build(wish: dict[str, Any]) -> tuple[list[Any], dict[Any, Any]]:
        x = ps.placeholder(ps.float32, SIDE)
        count = ps.Variable(0.0)
        h = ps.tanh(ps.tanh(x) * ps.assign_add(count, 1.0))
        (g,) = ps.gradients(ps.reduce_sum(ps.tanh(h)), x, **wish)
        with ps.control_dependencies([g.op]):
            return [g, count.read_value()], {x: X}

    _, (_, count), _ = both(build, runs=3)
    assert count == 3.0


def test_clones_read_variables_as_the_forward_pass_did() -> None:
    """The variable changes as soon as the forward pass is over, before anything is repeated."""

    def build(wish: dict[str, Any]) -> tuple[list[Any], dict[Any, Any]]:
        x = ps.placeholder(ps.float32, SIDE)
        w = ps.Variable(normal(*SIDE, seed=2))
        y = ps.reduce_sum(ps.tanh(ps.tanh(ps.tanh(x * w) * w)))
        with ps.control_dependencies([y]):
            changed = ps.assign(w, w * 0.5)
        with ps.control_dependencies([changed.op]):
            seed = ps.identity(1.0)
        (g,) = ps.gradients(y, x, grad_ys=seed, **wish)
        return [g, w], {x: X}

    made_again, _, plan = both(build, runs=3)
    order = list(plan.ir.nodes)
    (change,) = [n.name for n in plan.ir if n.op == "AssignVariableOp"]
    assert min(order.index(n.name) for n in made_again) > order.index(change)


def test_rows_of_a_table_are_gathered_once() -> None:
    def build(wish: dict[str, Any]) -> tuple[list[Any], dict[Any, Any]]:
        ids = ps.placeholder(ps.int32, [6])
        table = ps.Variable(normal(9, 8))
        h = ps.tanh(ps.tanh(ps.nn.embedding_lookup(table, ids)))
        twice = ps.tanh(ps.nn.embedding_lookup(table, ids + 1))
        optimizer = ps.train.AdagradOptimizer(0.1)
        grads = optimizer.compute_gradients(ps.reduce_sum(h * twice), **wish)
        assert isinstance(grads[0][0], ps.IndexedSlices)
        with ps.control_dependencies([optimizer.apply_gradients(grads)]):
            return [table.read_value()], {ids: np.arange(6, dtype=np.int32)}

    both(build, runs=3)


def test_what_nobody_defined_is_stateful() -> None:
    node = Node("n", "Mystery", (), (), {}, "", (ps.float32,), ((),))
    assert not has_op("Mystery") and purity(node) == "stateful" and not may_repeat(node)
    assert purity(node._replace(op="RandomGamma")) == "random"
    assert not may_repeat(node._replace(op="RandomGamma"))


# ---- what is fed, fetched and waited for


def test_fetches_come_from_the_originals_and_feeds_stay() -> None:
    def build(wish: dict[str, Any]) -> tuple[list[Any], dict[Any, Any]]:
        x = ps.placeholder(ps.float32, SIDE)
        a = ps.tanh(x)
        b = ps.tanh(ps.sin(a))
        c = ps.tanh(ps.cos(b))
        (g,) = ps.gradients(ps.reduce_sum(ps.exp(c)), x, **wish)
        return [g, b, c], {x: X, a: np.tanh(X)}

    made_again, _, plan = both(build)
    names = {n.name for n in made_again}
    assert not any(e[0] in names for n in plan.ir if n.op == "_Retval" for e in n.inputs[:1])
    assert not any(n.attrs["_recomputed"].decode() == "Tanh" for n in made_again)


def test_clones_wait_for_what_the_original_waited_for() -> None:
    def build(wish: dict[str, Any]) -> tuple[list[Any], dict[Any, Any]]:
        x = ps.placeholder(ps.float32, SIDE)
        sane = ps.Assert(ps.reduce_all(x < 99.0), [x], name="sane")
        with ps.control_dependencies([sane]):
            h = ps.tanh(x, name="waits")
        (g,) = ps.gradients(ps.reduce_sum(ps.sin(ps.sin(h))), x, **wish)
        return [g], {x: X}

    made_again, _, _ = both(build)
    (again,) = [n for n in made_again if n.attrs["_recomputed"] == b"waits"]
    assert "sane" in again.controls


# ---- shapes of graphs


def test_outputs_beyond_the_first() -> None:
    def build(wish: dict[str, Any]) -> tuple[list[Any], dict[Any, Any]]:
        x = ps.placeholder(ps.float32, SIDE)
        parts = ps.split(ps.tanh(ps.sin(x)), 4, axis=1)
        values, _ = ps.nn.top_k(ps.tanh(parts[1] * parts[3]), 5)
        mean, variance = ps.nn.moments(ps.exp(parts[2]), [0])
        ys = [parts[2], values, variance]
        return ps.gradients(ys, [x, parts[1], mean], **wish)[:2], {x: X}

    both(build)


def test_without_a_path_there_is_no_gradient() -> None:
    def build(wish: dict[str, Any]) -> tuple[list[Any], dict[Any, Any]]:
        x, other = ps.placeholder(ps.float32, SIDE), ps.placeholder(ps.float32, SIDE)
        y = ps.tanh(ps.sin(x)) + ps.stop_gradient(ps.tanh(other))
        grads = ps.gradients(ps.reduce_sum(ps.tanh(y)), [x, other], **wish)
        assert grads[1] is None
        return grads[:1], {x: X, other: X}

    both(build)


def test_second_order_through_clones() -> None:
    def build(wish: dict[str, Any]) -> tuple[list[Any], dict[Any, Any]]:
        x = ps.placeholder(ps.float32, SIDE)
        (g,) = ps.gradients(ps.reduce_sum(ps.tanh(ps.sin(ps.tanh(x)))), x, **wish)
        (second,) = ps.gradients(ps.reduce_sum(g * g), x)
        return [g, second], {x: X}

    both(build)


def test_points_that_have_no_gradient_are_no_mistake() -> None:
    x = ps.placeholder(ps.float32, SIDE)
    a = ps.tanh(ps.sin(ps.sin(x)))
    b = ps.tanh(ps.sin(a))
    number, other = ps.cast(a, ps.int32), ps.tanh(ps.constant(X))
    loss = ps.reduce_sum(ps.tanh(b))
    (plain,) = ps.gradients(loss, x)
    (g,) = ps.gradients(loss, x, checkpoints=[a, number, other, ps.argmax(b)])
    with ps.Session() as session:
        np.testing.assert_array_equal(session.run(plain, {x: X}), session.run(g, {x: X}))
        again = {n.attrs["_recomputed"] for n in clones(plan_of(session, g, {x: X}))}
    assert again == {b"Sin"}, "a is kept, and what lies behind it is needed first"


def removed_point(case: str, x: Any) -> tuple[Any, Any]:
    """Return a tensor that passes take out, and a network on it."""
    first, second = ps.tanh(ps.sin(x)), ps.tanh(ps.sin(x))
    if case == "merged":
        return second, first + second
    if case == "merged, then passed on":
        point = ps.identity(second * 1.0)
        return point, first + point
    point = first * 1.0 if case == "times one" else ps.stop_gradient(first) - 0.0
    return point, point * first


@pytest.mark.parametrize("case", ["merged", "times one", "minus zero", "merged, then passed on"])
def test_points_that_passes_take_out_are_kept(case: str) -> None:
    x = ps.placeholder(ps.float32, SIDE)
    point, h = removed_point(case, x)
    y = ps.tanh(ps.sin(ps.tanh(ps.sin(ps.tanh(ps.sin(h))))))
    (g,) = ps.gradients(ps.reduce_sum(y), x, checkpoints=[point, y.op.inputs[0]])
    with ps.Session() as session:
        again = {n.attrs["_recomputed"].decode() for n in clones(plan_of(session, g, {x: X}))}
    assert "Tanh" not in again and "Tanh_2" in again


def test_the_last_segment_is_not_repeated() -> None:
    """What lies behind the last point is read first: dropping it would gain nothing."""
    x = ps.placeholder(ps.float32, SIDE)
    steps = [x]
    for _ in range(9):
        steps.append(ps.tanh(steps[-1]))
    (g,) = ps.gradients(ps.reduce_sum(steps[-1]), x, checkpoints=[steps[3], steps[6]])
    with ps.Session() as session:
        again = {n.attrs["_recomputed"].decode() for n in clones(plan_of(session, g, {x: X}))}
    assert again == {steps[i].op.name for i in (1, 2, 4, 5)}


# ---- recompute_grad


def test_a_tensor_given_twice_to_a_repeated_function() -> None:
    def product(a: Any, b: Any) -> Any:
        return ps.tanh(a) * ps.sin(b) + ps.tanh(b)

    x = ps.placeholder(ps.float32, SIDE)
    h = ps.exp(x)
    (plain,) = ps.gradients(ps.reduce_sum(ps.tanh(product(h, h))), x)
    (g,) = ps.gradients(ps.reduce_sum(ps.tanh(ps.recompute_grad(product)(h, h))), x)
    with ps.Session() as session:
        np.testing.assert_array_equal(session.run(plain, {x: X}), session.run(g, {x: X}))
        assert clones(plan_of(session, g, {x: X}))


def test_repeated_functions_close_over_tensors_and_variables() -> None:
    def build(wrap: Callable[[Any], Any]) -> tuple[list[Any], Any]:
        x = ps.placeholder(ps.float32, SIDE)
        w, scale = ps.Variable(normal(*SIDE, seed=3)), ps.tanh(x)
        block = wrap(lambda h: ps.tanh(ps.sin(h * w) * scale))
        return ps.gradients(ps.reduce_sum(block(block(x))), [x, w]), x

    found = []
    for wrap in (lambda f: f, ps.recompute_grad):
        with ps.Graph().as_default(), ps.Session() as session:
            fetches, x = build(wrap)
            session.run(ps.global_variables_initializer())
            found.append(session.run(fetches, {x: X}))
            plan = plan_of(session, fetches, {x: X})
    assert clones(plan)
    for a, b in zip(*found, strict=True):
        np.testing.assert_array_equal(a, b)


def test_nested_functions_are_repeated_with_the_outer_one() -> None:
    @ps.recompute_grad
    def inner(a: Any) -> Any:
        return ps.tanh(ps.sin(a))

    @ps.recompute_grad
    def outer(a: Any) -> Any:
        return inner(inner(a)) * inner(a)

    x = ps.placeholder(ps.float32, SIDE)
    (g,) = ps.gradients(ps.reduce_sum(ps.exp(outer(x))), x)
    with ps.Session() as session:
        made_again = clones(plan_of(session, g, {x: X}))
    assert {n.op for n in made_again} >= {"Tanh", "Sin"}
    assert len({n.attrs["_recompute"] for n in made_again}) == 1
    assert not any(n.op == "Exp" for n in made_again)


# ---- imported graphs


def test_an_imported_graph_is_differentiated_with_checkpoints() -> None:
    with ps.Graph().as_default() as graph:
        x = ps.placeholder(ps.float32, SIDE, name="x")
        w = ps.Variable(normal(*SIDE, seed=4), name="w")
        ps.set_random_seed(2)
        h = ps.nn.dropout(ps.tanh(ps.sin(x) * w), rate=0.25)
        ps.tanh(h * w, name="y")
        start = ps.global_variables_initializer().name
        definition = graph.as_graph_def()

    def build(wish: dict[str, Any]) -> tuple[list[Any], dict[Any, Any]]:
        names = ["x:0", "y:0", start]
        x, y, made = ps.import_graph_def(definition, return_elements=names, name="net")
        initializers.append(made)
        return ps.gradients(ps.reduce_sum(y), [x], **wish), {x: X}

    values = []
    for wish in ({}, NOTHING):
        initializers: list[Any] = []
        with ps.Graph().as_default() as graph:
            fetches, feed = build(wish)
            again = ps.Graph()
            with again.as_default():  # and what was asked survives another trip
                ps.import_graph_def(graph.as_graph_def(), name="")
            with ps.Session(graph=again) as session:
                session.run(initializers[0].name)
                names = [f.name for f in fetches], {k.name: v for k, v in feed.items()}
                values.append([session.run(*names) for _ in range(2)])
                plan = plan_of(session, *names)
    assert {"_RandomUniformAt", "Tanh"} <= {n.op for n in clones(plan)}
    np.testing.assert_array_equal(values[0], values[1])


def test_reference_variables_of_imported_graphs() -> None:
    def build(wish: dict[str, Any]) -> tuple[list[Any], dict[Any, Any]]:
        x = ps.placeholder(ps.float32, SIDE)
        w = ps.raw_ops.VariableV2(shape=SIDE, dtype=ps.float32, name="w")
        start = ps.raw_ops.Assign(w, ps.constant(normal(*SIDE, seed=5)))
        ps.add_to_collection("start", start.op)
        y = ps.reduce_sum(ps.tanh(ps.tanh(ps.tanh(x * w)) * w))
        g, by_w = ps.gradients(y, [x, w], **wish)
        step = ps.raw_ops.ApplyGradientDescent(w, 0.5, by_w)
        return [g, step], {x: X}

    found = []
    for wish in ({}, NOTHING):
        with ps.Graph().as_default(), ps.Session() as session:
            fetches, feed = build(wish)
            session.run(ps.get_collection("start"))
            found.append([session.run(fetches, feed) for _ in range(3)])
            plan = plan_of(session, fetches, feed)
    assert clones(plan)
    np.testing.assert_array_equal(found[0], found[1])
