"""compute_gradient: both Jacobians, complex parts, several inputs, and that it finds mistakes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

import penstock as ps
from penstock import errors


@pytest.fixture(autouse=True)
def session(graph: ps.Graph) -> Iterator[ps.Session]:
    with ps.Session(graph=graph) as opened:
        yield opened


def test_both_jacobians() -> None:
    x = ps.placeholder(ps.float64, [2])
    y = ps.stack([x[0] * x[1], x[0], x[1] ** 2.0])
    exact, numeric = ps.test.compute_gradient(x, [2], y, [3], np.array([3.0, 5.0]))
    np.testing.assert_allclose(exact, [[5, 1, 0], [3, 0, 10]])
    np.testing.assert_allclose(numeric, exact, atol=1e-6)


def test_the_error_is_small_where_the_rule_is_right() -> None:
    x = ps.placeholder(ps.float64, [2, 3])
    assert ps.test.compute_gradient_error(x, [2, 3], ps.tanh(x), [2, 3]) < 1e-6


def test_the_error_is_large_where_it_is_wrong(graph: ps.Graph) -> None:
    ps.RegisterGradient("TestWrong")(lambda op, dy: dy * 3.0)
    x = ps.placeholder(ps.float64, [2])
    with graph.gradient_override_map({"Tanh": "TestWrong"}):
        y = ps.tanh(x)
    assert ps.test.compute_gradient_error(x, [2], y, [2]) > 1.0


def test_complex_parts_count_separately() -> None:
    x = ps.placeholder(ps.complex128, [2])
    start = np.array([1 + 2j, 3 - 1j])
    exact, numeric = ps.test.compute_gradient(x, [2], x * x, [2], start)
    assert exact.shape == (4, 4)
    np.testing.assert_allclose(exact, numeric, atol=1e-6)


def test_several_inputs_and_other_feeds() -> None:
    a, b = ps.placeholder(ps.float64, [2]), ps.placeholder(ps.float64, [])
    scale = ps.placeholder(ps.float64, [])
    found = ps.test.compute_gradient(
        [a, b], [[2], []], a * b * scale, [2], [[1.0, 2.0], 3.0], extra_feed_dict={scale: 10.0}
    )
    (exact_a, numeric_a), (exact_b, numeric_b) = found
    np.testing.assert_allclose(exact_a, [[30, 0], [0, 30]])
    np.testing.assert_allclose(exact_b, [[10, 20]])
    np.testing.assert_allclose(numeric_a, exact_a)
    np.testing.assert_allclose(numeric_b, exact_b)


def test_no_path_is_a_jacobian_of_zeros() -> None:
    x = ps.placeholder(ps.float64, [2])
    exact, numeric = ps.test.compute_gradient(x, [2], ps.constant([1.0], ps.float64), [1])
    assert exact.tolist() == numeric.tolist() == [[0.0], [0.0]]


def test_initial_targets_run_first() -> None:
    v = ps.Variable(2.0, dtype=ps.float64)
    x = ps.placeholder(ps.float64, [])
    y = x * v
    exact, _ = ps.test.compute_gradient(x, [], y, [], init_targets=v.initializer)
    assert exact.tolist() == [[2.0]]


def test_mistakes() -> None:
    x = ps.placeholder(ps.float64, [2])
    whole = ps.placeholder(ps.int32, [2])
    with pytest.raises(errors.DTypeError, match="only floats"):
        ps.test.compute_gradient(whole, [2], x, [2])
    with pytest.raises(errors.DTypeError, match="only floats"):
        ps.test.compute_gradient(x, [2], whole, [2])
    with pytest.raises(ValueError, match="x_init_value has shape"):
        ps.test.compute_gradient(x, [2], x, [2], [1.0])
    with pytest.raises(ValueError, match="2 tensors need as many shapes"):
        ps.test.compute_gradient([x, x], [[2]], x, [2])


def test_without_a_session(graph: ps.Graph, session: ps.Session) -> None:
    session.close()
    session.__exit__(None, None, None)
    x = ps.placeholder(ps.float64, [])
    try:
        with pytest.raises(ValueError, match="needs a session"):
            ps.test.compute_gradient(x, [], x, [])
    finally:
        session.__enter__()
