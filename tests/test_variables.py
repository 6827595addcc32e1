"""Variables: their nodes, reads at the point of use, updates, initialisation, messages."""

import operator
from typing import Any

import numpy as np
import pytest

import penstock as ps
from penstock import protos


def run(fetches: Any, *before: Any) -> Any:
    """Initialise everything, run `before` one after the other, then the fetches."""
    init = ps.global_variables_initializer()
    with ps.Session() as sess:
        sess.run(init)
        for step in before:
            sess.run(step)
        return sess.run(fetches)


def nodes() -> dict[str, str]:
    return {op.name: op.type for op in ps.get_default_graph().get_operations()}


def test_a_variable_is_four_nodes_and_its_initial_value() -> None:
    v = ps.Variable(3.0, name="w")
    assert nodes() == {
        "w/Initializer/initial_value": "Const",
        "w": "VarHandleOp",
        "w/IsInitialized/VarIsInitializedOp": "VarIsInitializedOp",
        "w/Assign": "AssignVariableOp",
        "w/Read/ReadVariableOp": "ReadVariableOp",
    }
    assert v.name == "w:0"
    assert v.op.name == "w"
    assert v.initializer.name == "w/Assign"
    assert v.handle.op.get_attr("shared_name") == b"w"
    assert v.initial_value is v.initializer.inputs[1]
    assert v.initial_value.op.get_attr("_class") == [b"loc:@w"]
    assert (v.dtype, v.shape.as_list(), v.graph) == (ps.float32, [], ps.get_default_graph())


def test_names_are_unique_and_scoped() -> None:
    with ps.name_scope("layer"):
        assert [ps.Variable(1, name="b").name for _ in range(2)] == ["layer/b:0", "layer/b_1:0"]
    assert ps.Variable(1).name == "Variable:0"
    assert ps.Variable(1).name == "Variable_1:0"


@pytest.mark.parametrize(
    ("value", "dtype", "expected"),
    [
        (1, None, "int32"),
        (1.5, None, "float32"),
        (1, ps.float64, "float64"),
        (np.ones(2), None, "float64"),
        ([True], None, "bool"),
        (lambda: [1.0, 2.0], ps.float16, "float16"),
        ("text", None, "string"),
    ],
)
def test_dtypes_of_initial_values(value: Any, dtype: Any, expected: str) -> None:
    assert ps.Variable(value, dtype=dtype).dtype.name == expected


def test_nodes_of_an_initial_value_do_not_wait() -> None:
    with ps.control_dependencies([ps.no_op(name="before")]):
        v = ps.Variable(lambda: ps.zeros([2]) + 1.0, name="v")
        read = v + 1.0
    made = [op for op in ps.get_default_graph().get_operations() if op.name.startswith("v")]
    assert all(not op.control_inputs for op in made)
    assert [c.name for c in read.op.inputs[0].op.control_inputs] == ["before"]


def test_collections() -> None:
    a = ps.Variable(1.0)
    b = ps.Variable(1.0, trainable=False)
    c = ps.Variable(1.0, collections=[ps.GraphKeys.LOCAL_VARIABLES], trainable=False)
    d = ps.Variable(1.0, collections=["mine"])
    assert ps.global_variables() == [a, b]
    assert ps.trainable_variables() == [a, d]
    assert ps.local_variables() == [c]
    assert ps.get_collection("mine") == [d]
    assert ps.model_variables() == ps.moving_average_variables() == []
    ps.add_to_collections(["x", "y", "x"], a)
    assert ps.get_collection("x") == ps.get_collection_ref("y") == [a]
    assert ps.global_variables("no such scope") == []


def test_a_read_is_named_for_its_use() -> None:
    v = ps.Variable(np.eye(2, dtype=np.float32), name="v")
    with ps.name_scope("s"):
        for _ in range(2):
            ps.nn.relu(v)
        ps.add_n([v, v])
    reads = [n for n, op in nodes().items() if op == "ReadVariableOp"]
    assert reads[1:3] == ["s/Relu/ReadVariableOp", "s/Relu_1/ReadVariableOp"]
    assert reads[3:] == ["s/AddN/ReadVariableOp", "s/AddN/ReadVariableOp_1"]


def test_a_read_sees_what_its_control_dependencies_did() -> None:
    v = ps.Variable(1.0)
    early = v + 0.0
    with ps.control_dependencies([early, v.assign(5.0).op]):
        late = v + 0.0
    assert run([early, late])[1] == 5


OPERATORS = [
    (operator.add, 3.0),
    (operator.sub, 3.0),
    (operator.mul, 3.0),
    (operator.truediv, 3.0),
    (operator.floordiv, 3.0),
    (operator.mod, 3.0),
    (operator.pow, 3.0),
    (operator.lt, 3.0),
    (operator.le, 3.0),
    (operator.gt, 3.0),
    (operator.ge, 3.0),
    (operator.matmul, np.ones((2, 2), np.float32)),
]


@pytest.mark.parametrize(("function", "other"), OPERATORS, ids=[f.__name__ for f, _ in OPERATORS])
def test_operators_both_ways(function: Any, other: Any) -> None:
    value = np.array([[1.0, -2.0], [3.0, 4.5]], np.float32)
    v = ps.Variable(value)
    other_array = np.asarray(other, np.float32)
    np.testing.assert_allclose(run(function(v, other)), function(value, other_array), rtol=1e-6)
    np.testing.assert_allclose(run(function(other, v)), function(other_array, value), rtol=1e-6)


def test_unary_and_logical_operators_and_slices() -> None:
    v, b = ps.Variable([-1.0, 2.0, 3.0]), ps.Variable([True, False])
    results = run([-v, abs(v), v[1:], v[..., None], ~b, b & True, True | b, b ^ b])
    expected = [[1, -2, -3], [1, 2, 3], [2, 3], [[-1], [2], [3]]]
    for got, want in zip(results[:4], expected, strict=True):
        np.testing.assert_array_equal(got, want)
    assert [r.tolist() for r in results[4:]] == [
        [False, True],
        [True, False],
        [True, True],
        [False, False],
    ]


def test_arrays_leave_operators_to_the_variable() -> None:
    v = ps.Variable([1.0, 2.0])
    assert isinstance(np.ones(2, np.float32) + v, ps.Tensor)


def test_identity_semantics() -> None:
    v, w = ps.Variable(1.0), ps.Variable(1.0)
    assert v == v
    assert v != w
    assert {v: 1}[v] == 1
    assert {v.ref()} == {v}
    for refused in (lambda: bool(v), lambda: iter(v)):
        with pytest.raises(TypeError, match="Variable:0"):
            refused()
    with pytest.raises(NotImplementedError, match="run it in a session"):
        np.asarray(v)


def test_updates_return_the_variable_afterwards() -> None:
    v = ps.Variable([1.0, 2.0])
    assert run(v.assign([5.0, 6.0])).tolist() == [5, 6]
    assert run(v.assign_add([1.0, 1.0])).tolist() == [2, 3]
    assert run(v.assign_sub([1.0, 1.0]) * 10.0).tolist() == [0, 10]
    assert run(v.assign([0.0, 0.0]).assign_add([1.0, 1.0]).assign_sub([3.0, 3.0])).tolist() == [
        -2,
        -2,
    ]


def test_updates_without_a_read_are_operations() -> None:
    v = ps.Variable(1.0)
    operation = v.assign_add(1.0, read_value=False)
    assert isinstance(operation, ps.Operation)
    assert run(operation) is None
    assert ps.assign_add(v, 1.0).op.type == "AssignAddVariableOp"
    assert run(v, operation, operation) == 3


def test_functions_do_what_the_methods_do() -> None:
    v = ps.Variable([1.0, 2.0])
    assert run(ps.assign(v, [3.0, 4.0])).tolist() == [3, 4]
    assert run(ps.assign_add(v, [3.0, 4.0])).tolist() == [4, 6]
    assert run(ps.assign_sub(v, [3.0, 4.0])).tolist() == [-2, -2]
    with pytest.raises(TypeError, match="assign changes a Variable, not 3"):
        ps.assign(3, 4)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("update", [[9, 9], [3, 4], [9, 9]]),
        ("add", [[10, 11], [3, 4], [14, 15]]),
        ("sub", [[-8, -7], [3, 4], [-4, -3]]),
        ("mul", [[9, 18], [3, 4], [45, 54]]),
        ("div", [[1 / 9, 2 / 9], [3, 4], [5 / 9, 6 / 9]]),
        ("min", [[1, 2], [3, 4], [5, 6]]),
        ("max", [[9, 9], [3, 4], [9, 9]]),
    ],
)
def test_scatters_change_rows(name: str, expected: Any) -> None:
    v = ps.Variable(np.arange(1.0, 7.0, dtype=np.float32).reshape(3, 2))
    rows = ps.IndexedSlices(ps.fill([2, 2], 9.0), ps.constant([0, 2]))
    np.testing.assert_allclose(run(getattr(v, f"scatter_{name}")(rows)), expected, rtol=1e-6)
    function = getattr(ps, f"scatter_{name}", None)
    if function is not None:
        got = run(function(v, [0, 2], np.full((2, 2), 9.0)))
        np.testing.assert_allclose(got, expected, rtol=1e-6)


def test_scatters_change_elements() -> None:
    v = ps.Variable([1.0, 2.0, 3.0])
    assert run(ps.scatter_nd_update(v, [[0], [2]], [7.0, 8.0])).tolist() == [7, 2, 8]
    assert run(ps.scatter_nd_add(v, [[0], [2]], [7.0, 8.0])).tolist() == [8, 2, 11]
    assert run(ps.scatter_nd_sub(v, [[0], [2]], [7.0, 8.0])).tolist() == [-6, 2, -5]
    with pytest.raises(TypeError, match="must be IndexedSlices"):
        v.scatter_add([1.0])  # type: ignore[arg-type]


def test_count_up_to() -> None:
    v = ps.Variable(0)
    count = ps.count_up_to(v, 2)
    with ps.Session() as sess:
        sess.run(v.initializer)
        assert [sess.run(count), sess.run(count)] == [0, 1]
        with pytest.raises(ps.errors.OutOfRangeError, match="Reached limit of 2"):
            sess.run(count)


def test_sessions_keep_their_own_values() -> None:
    v = ps.Variable(1.0)
    with ps.Session() as a, ps.Session() as b:
        a.run(v.initializer)
        b.run(v.initializer)
        v.load(5.0, a)
        assert (v.eval(a), v.eval(b)) == (5, 1)


def test_load_adds_no_nodes_and_works_when_finalized() -> None:
    v = ps.Variable([1.0])
    changed = v.assign_add([1.0])
    graph = ps.get_default_graph()
    graph.finalize()
    with ps.Session() as sess:
        v.load([3.0])
        assert sess.run(v).tolist() == [3]
        assert sess.run(changed).tolist() == [4]


def test_an_uninitialised_variable_says_so() -> None:
    v = ps.Variable(1.0, name="weights")
    with ps.Session() as sess:
        with pytest.raises(ps.errors.FailedPreconditionError, match='variable "weights" has no'):
            sess.run(v * 2.0)
        assert not sess.run(v.is_initialized())
        sess.run(v.initializer)
        assert sess.run(ps.is_variable_initialized(v))


def test_report_uninitialized_variables() -> None:
    a, b = ps.Variable(1.0, name="a"), ps.Variable(1.0, name="b")
    report = ps.report_uninitialized_variables()
    with ps.Session() as sess:
        assert sess.run(report).tolist() == [b"a", b"b"]
        sess.run(a.initializer)
        assert sess.run(report).tolist() == [b"b"]
        assert sess.run(ps.report_uninitialized_variables([a])).size == 0
        sess.run(b.initializer)
        assert sess.run(report).size == 0


def test_report_without_variables_is_empty() -> None:
    assert run(ps.report_uninitialized_variables()).size == 0


def test_initializers_of_lists() -> None:
    a, b = ps.Variable(1.0), ps.Variable(2.0)
    c = ps.Variable(3.0, collections=[ps.GraphKeys.LOCAL_VARIABLES])
    with ps.Session() as sess:
        sess.run(ps.variables_initializer([b]))
        assert sess.run([v.is_initialized() for v in (a, b, c)]) == [False, True, False]
        sess.run([ps.global_variables_initializer(), ps.local_variables_initializer()])
        assert sess.run([a, b, c]) == [1, 2, 3]
        assert sess.run(ps.variables_initializer([])) is None


def test_initialized_value_starts_two_variables_alike() -> None:
    a = ps.Variable(ps.random_uniform([4]))
    b = ps.Variable(a.initialized_value() * 2.0)
    first, second = run([a, b])
    np.testing.assert_array_equal(first * 2, second)


def test_gradients_by_a_variable_count_every_read() -> None:
    v, unused = ps.Variable(3.0), ps.Variable(1.0)
    assert run(ps.gradients(v * v + v, [v])[0]) == 7
    assert ps.gradients(v * 2.0, [unused]) == [None]


def test_sparse_read_has_a_sparse_gradient() -> None:
    v = ps.Variable(np.arange(6.0).reshape(3, 2))
    rows = v.sparse_read([2, 2])
    (g,) = ps.gradients(rows, v)
    assert isinstance(g, ps.IndexedSlices)
    assert run(rows).tolist() == [[4, 5], [4, 5]]
    assert run(v.gather_nd([[2, 0], [0, 1]])).tolist() == [4, 1]
    assert run(g).indices.tolist() == [2, 2]


def test_shape_may_change_without_validation() -> None:
    v = ps.Variable([1.0], validate_shape=False)
    assert v.shape.ndims is None
    assert run(v.assign([1.0, 2.0, 3.0])).tolist() == [1, 2, 3]
    partly = ps.Variable([[1.0]], shape=[None, 1])
    assert partly.shape.as_list() == [None, 1]
    assert run(partly.assign([[1.0], [2.0]])).shape == (2, 1)


def test_a_fed_value_is_checked_when_it_arrives() -> None:
    v, x = ps.Variable([1.0, 2.0], name="v"), ps.placeholder(ps.float32)
    update = v.assign(x)
    with ps.Session() as sess:
        sess.run(v.initializer)
        assert sess.run(update, {x: [3, 4]}).tolist() == [3, 4]
        with pytest.raises(ps.errors.InvalidArgumentError, match='to variable "v" of shape'):
            sess.run(update, {x: [1, 2, 3]})


def test_constraint_and_caching_device_are_kept() -> None:
    v = ps.Variable(2.0, constraint=ps.nn.relu, caching_device="/cpu:0")
    assert v.constraint is ps.nn.relu
    assert v.value() is v.value()
    assert run([v.value(), v.read_value(), v * 2.0]) == [2, 2, 4]


def test_proto_round_trip() -> None:
    v = ps.Variable([1.0], name="w", trainable=False)
    message = v.to_proto()
    assert isinstance(message, protos.VariableDef)
    assert message.variable_name == "w:0"
    assert message.snapshot_name == "w/Read/ReadVariableOp:0"
    assert message.initializer_name == "w/Assign"
    again = ps.Variable.from_proto(protos.VariableDef.FromString(message.SerializeToString()))
    assert again.handle is v.handle
    assert (again.trainable, again.dtype, again.shape) == (False, v.dtype, v.shape)
    assert run(again + 1.0).tolist() == [2]
    assert v.to_proto(export_scope="elsewhere") is None


def test_an_imported_variable_is_found_by_its_names() -> None:
    v = ps.Variable([1.0], name="w")
    message, definition = v.to_proto(), ps.get_default_graph().as_graph_def()
    with ps.Graph().as_default():
        ps.import_graph_def(definition, name="copy")
        found = ps.Variable.from_proto(message, import_scope="copy")
        with ps.Session() as sess:
            sess.run(found.initializer)
            assert sess.run(found.assign_add([1.0])).tolist() == [2]


class TestMessages:
    """Mistakes are told with names, shapes and dtypes."""

    def test_constructor(self) -> None:
        with pytest.raises(ValueError, match="needs an initial_value"):
            ps.Variable()
        with pytest.raises(ValueError, match="must be a function, not 3"):
            ps.Variable(1.0, constraint=3)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="not the string 'variables'"):
            ps.Variable(1.0, collections="variables")
        with pytest.raises(ValueError, match='variable "v" must have a known rank'):
            ps.Variable(ps.placeholder(ps.float32), name="v")
        with pytest.raises(ValueError, match=r"of shape \[3\] cannot hold .* shape \[2\]"):
            ps.Variable([1.0, 2.0], shape=[3])
        with pytest.raises(ValueError, match="ON_READ cannot be trainable"):
            sync = ps.VariableSynchronization.ON_READ
            ps.Variable(1.0, trainable=True, synchronization=sync)

    def test_shapes_and_dtypes(self) -> None:
        v = ps.Variable([1.0, 2.0], name="v")
        for method in (v.assign, v.assign_add, v.assign_sub):
            with pytest.raises(ps.errors.ShapeError, match=r'"v:0" has shape \[2\], .* has \[3\]'):
                method([1.0, 2.0, 3.0])
        with pytest.raises(TypeError, match="float32"):
            v.assign(ps.constant([1, 2]))
        with pytest.raises(TypeError, match=r"\"v:0\" has dtype float32, int32 is needed"):
            ps.convert_to_tensor(v, ps.int32)


def test_assert_variables_initialized() -> None:
    assert ps.assert_variables_initialized() is None
    v = ps.Variable(1.0, name="v")
    check = ps.assert_variables_initialized()
    with ps.Session() as session:
        with pytest.raises(ps.errors.FailedPreconditionError, match="v"):
            session.run(check)
        session.run(v.initializer)
        session.run(check)
