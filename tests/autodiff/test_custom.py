"""Gradients by hand, Hessians, checks of every float."""

from typing import Any

import numpy as np
import pytest

import penstock as ps
from penstock import errors


def run(fetch: Any, feeds: Any = None) -> Any:
    with ps.Session() as session:
        session.run(ps.global_variables_initializer())
        return session.run(fetch, feeds)


def test_the_gradient_given_is_used() -> None:
    @ps.custom_gradient
    def both(x: Any, y: Any) -> Any:
        return (x * y, x + y), lambda d1, d2: (d1 * 10.0, d2 * 100.0)

    x, y = ps.constant([1.0, 2.0]), ps.constant([3.0, 4.0])
    product, total = both(x, y)
    np.testing.assert_array_equal(run(product), [3.0, 8.0])
    dx, dy = ps.gradients([product, total], [x, y])
    np.testing.assert_array_equal(run([dx, dy]), [[10.0, 10.0], [100.0, 100.0]])
    assert ps.custom_gradient()(lambda x: (x, lambda d: d))(x).shape == x.shape


def test_a_variable_needs_a_gradient_of_its_own() -> None:
    v = ps.Variable(3.0)

    def without(x: Any) -> Any:
        return x * v, lambda dy: dy

    with pytest.raises(TypeError, match="variables"):
        ps.custom_gradient(without)(ps.constant(2.0))

    def scaled(x: Any) -> Any:
        def grad(dy: Any, variables: Any = None) -> Any:
            assert variables == [v]
            return dy * 5.0, [dy * 7.0]

        return x * v, grad

    x = ps.constant(2.0)
    y = ps.custom_gradient(scaled)(x)
    assert run([y, *ps.gradients(y, [x, v])]) == [6.0, 5.0, 7.0]


def test_gradients_of_the_gradient_function() -> None:
    @ps.custom_gradient
    def cube(x: Any) -> Any:
        return x * x * x, lambda dy: dy * 3.0 * x * x

    x = ps.constant(2.0)
    (first,) = ps.gradients(cube(x), x)
    (second,) = ps.gradients(first, x)
    assert run([first, second]) == [12.0, 12.0]


def test_hessian_of_a_matrix() -> None:
    x = ps.placeholder(ps.float64, [2, 2])
    value = np.array([[1.0, 2.0], [3.0, 4.0]])
    (hessian,) = ps.hessians(ps.reduce_sum(x * x * x), x)
    assert hessian.shape.as_list() == [2, 2, 2, 2]
    np.testing.assert_allclose(run(hessian, {x: value}).reshape(4, 4), np.diag(6 * value.ravel()))
    (linear,) = ps.hessians(ps.reduce_sum(x), [x])
    np.testing.assert_array_equal(run(linear, {x: value}), np.zeros((2, 2, 2, 2)))
    with pytest.raises(errors.ShapeError, match="must be known"):
        ps.hessians(ps.reduce_sum(x), ps.placeholder(ps.float32, [None]))


def test_the_first_bad_tensor_is_named() -> None:
    x = ps.placeholder(ps.float32, [], name="x")
    y = ps.log(x, name="y")
    _ = ps.exp(y, name="z")
    check = ps.add_check_numerics_ops()
    with ps.Session() as session:
        session.run(check, {x: 1.0})
        with pytest.raises(errors.InvalidArgumentError, match="y:0"):
            session.run(check, {x: -1.0})
