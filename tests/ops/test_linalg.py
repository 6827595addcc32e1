"""Linear algebra: gradients by symmetric matrices, errors, composed functions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import penstock as ps


def _spd(n: int, seed: int = 0) -> np.ndarray[Any, Any]:
    x = np.random.default_rng(seed).standard_normal((n, n))
    return x @ x.T / n + np.eye(n)


def _run(tensor: Any, feed: Any = None) -> Any:
    with ps.Session() as session:
        return session.run(tensor, feed)


def test_cholesky_gradient_through_a_symmetric_matrix() -> None:
    value = np.random.default_rng(1).standard_normal((4, 4))
    x = ps.placeholder(ps.float64, [4, 4])
    matrix = ps.matmul(x, x, transpose_b=True) + ps.eye(4, dtype=ps.float64)
    weights = np.random.default_rng(2).standard_normal((4, 4))
    y = ps.reduce_sum(ps.linalg.cholesky(matrix) * weights)
    (gradient,) = ps.gradients(y, [x])
    with ps.Session() as session:
        found = session.run(gradient, {x: value})
        for i in range(4):
            for j in range(4):
                step = np.zeros((4, 4))
                step[i, j] = 1e-6
                up, down = (session.run(y, {x: value + s * step}) for s in (1, -1))
                assert found[i, j] == pytest.approx((up - down) / 2e-6, abs=1e-6)


def test_log_determinant_gradient() -> None:
    value = _spd(4)
    x = ps.constant(value)
    _, log = ps.linalg.slogdet(x)
    (gradient,) = ps.gradients(log, [x])
    np.testing.assert_allclose(_run(gradient), np.linalg.inv(value).T, rtol=1e-10)


def test_singular_matrices() -> None:
    zero = ps.zeros([2, 2])
    sign, log = _run(ps.linalg.slogdet(zero))
    assert (float(sign), float(log)) == (0.0, -np.inf)
    assert float(_run(ps.linalg.det(zero))) == 0.0
    for refused in (
        ps.linalg.inv(zero),
        ps.linalg.solve(zero, ps.ones([2, 1])),
        ps.linalg.triangular_solve(zero, ps.ones([2, 1])),
    ):
        with pytest.raises(ps.errors.InvalidArgumentError, match="not invertible"):
            _run(refused)
    with pytest.raises(ps.errors.InvalidArgumentError, match="not positive definite"):
        _run(ps.linalg.cholesky(-ps.eye(3)))
    with pytest.raises(ps.errors.InvalidArgumentError, match="not positive definite"):
        _run(ps.linalg.cholesky(ps.fill([2, 2], np.float32(np.nan))))


def test_one_factor_for_a_stack_of_right_hand_sides() -> None:
    matrix = np.tril(_spd(3))
    rhs = np.random.default_rng(3).standard_normal((4, 3, 2))
    a, b = ps.constant(matrix), ps.constant(rhs)
    x = ps.linalg.triangular_solve(a, b)
    np.testing.assert_allclose(_run(x), np.linalg.solve(matrix, rhs), rtol=1e-10)
    da, db = ps.gradients(x, [a, b])
    assert da.shape.as_list() == [3, 3]
    assert db.shape.as_list() == [4, 3, 2]
    ones = np.ones_like(rhs)
    want_b = np.linalg.solve(matrix.T, ones)
    np.testing.assert_allclose(_run(db), want_b, rtol=1e-10)
    want_a = np.tril(-np.einsum("bik,bjk->ij", want_b, np.linalg.solve(matrix, rhs)))
    np.testing.assert_allclose(_run(da), want_a, rtol=1e-9)


@pytest.mark.parametrize("shape", [(6, 3), (3, 6)])
def test_least_squares(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(4)
    matrix, rhs = rng.standard_normal(shape), rng.standard_normal((shape[0], 2))
    want = np.linalg.lstsq(matrix, rhs, rcond=None)[0]
    np.testing.assert_allclose(_run(ps.linalg.lstsq(matrix, rhs)), want, rtol=1e-8, atol=1e-10)


def test_cholesky_solve_and_logdet() -> None:
    value, rhs = _spd(5), np.ones((5, 1))
    factor = ps.linalg.cholesky(value)
    np.testing.assert_allclose(
        _run(ps.linalg.cholesky_solve(factor, rhs)), np.linalg.solve(value, rhs), rtol=1e-10
    )
    np.testing.assert_allclose(
        _run(ps.linalg.logdet(value)), np.linalg.slogdet(value)[1], rtol=1e-10
    )
