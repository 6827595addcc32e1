"""Composed functions over elementwise ops, and what they refuse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import penstock as ps
from penstock import errors


def run(fetches: Any, feeds: Any = None) -> Any:
    return ps.Session().run(fetches, feeds)


def test_add_joins_strings() -> None:
    assert run(ps.add("pen", ["stock"])).tolist() == [b"penstock"]
    word = ps.constant("pen")
    assert run([word + "stock", "re" + word]) == [b"penstock", b"repen"]


def test_divisions_of_integers() -> None:
    x = ps.constant([7, -7])
    assert run(ps.div(x, 2)).tolist() == [3, -4]
    assert run(ps.truediv(x, 2)).tolist() == [3.5, -3.5]
    assert run(ps.floordiv(x, 2)).tolist() == [3, -4]
    assert run(ps.truncatediv(x, 2)).tolist() == [3, -3]
    assert run(ps.mod(x, 4)).tolist() == [3, 1]
    assert ps.truediv(x, 2).dtype is ps.float64
    assert ps.truediv(ps.constant([1], ps.int16), 2).dtype is ps.float32


@pytest.mark.parametrize("op", ["FloorDiv", "FloorMod", "TruncateDiv", "TruncateMod", "Div", "Mod"])
def test_zero_divisor_is_told_with_the_node(op: str) -> None:
    y = ps.placeholder(ps.int32, [2])
    z = getattr(ps.raw_ops, op)(ps.constant([4, 5]), y, name="quotient")
    with pytest.raises(errors.InvalidArgumentError, match="division by zero: element 1") as raised:
        run(z, {y: [2, 0]})
    assert '"quotient"' in str(raised.value)


def test_no_division_no_error() -> None:
    y = ps.placeholder(ps.int32, [1])
    assert run(ps.floordiv(np.zeros([0], np.int32), y), {y: [0]}).shape == (0,)


@pytest.mark.parametrize("dtype", [ps.int8, ps.uint8, ps.int32, ps.uint32, ps.int64, ps.uint64])
@pytest.mark.parametrize("source", [ps.float32, ps.float64])
def test_saturate_cast_stops_at_the_ends(dtype: Any, source: Any) -> None:
    values = run(ps.saturate_cast(ps.constant([-1e30, 1e30, 3.7], source), dtype))
    assert values[0] == dtype.min
    # The largest integer is not always a float; then it is the largest float below.
    assert dtype.max - 2**40 < int(values[1]) <= dtype.max
    assert values[2] == 3


def test_saturate_cast_between_integers() -> None:
    assert run(ps.saturate_cast([300, -5, 7], ps.uint8)).tolist() == [255, 0, 7]


def test_cast_keeps_the_tensor_of_the_same_dtype() -> None:
    x = ps.constant([1.0])
    assert ps.cast(x, ps.float32) is x


def test_where_needs_both() -> None:
    with pytest.raises(ValueError, match="both x and y"):
        ps.where([True], [1.0])


def test_where_gives_places() -> None:
    assert run(ps.where([[True, False], [False, True]])).tolist() == [[0, 0], [1, 1]]


def test_scalar_mul_of_slices() -> None:
    slices = ps.IndexedSlices(ps.constant([[1.0], [2.0]]), ps.constant([0, 2]), ps.constant([3, 1]))
    product = ps.scalar_mul(2.0, slices)
    assert isinstance(product, ps.IndexedSlices)
    assert run(ps.convert_to_tensor(product)).tolist() == [[2.0], [0.0], [4.0]]
    with pytest.raises(ValueError, match="needs a scalar"):
        ps.scalar_mul([1.0, 2.0], slices)


def test_clip_by_global_norm_keeps_none_and_slices() -> None:
    slices = ps.IndexedSlices(ps.constant([[4.0]]), ps.constant([1]), ps.constant([3, 1]))
    clipped, norm = ps.clip_by_global_norm([ps.constant([3.0]), None, slices], 1.0)
    assert clipped[1] is None
    assert isinstance(clipped[2], ps.IndexedSlices)
    values = run([clipped[0], clipped[2].values, norm])
    np.testing.assert_allclose([v.item() for v in values], [0.6, 0.8, 5.0], rtol=1e-6)


def test_clip_by_global_norm_leaves_small_ones() -> None:
    clipped, _ = ps.clip_by_global_norm([[0.3], [0.4]], 1.0)
    np.testing.assert_allclose(run(clipped), [[0.3], [0.4]], rtol=1e-6)


@pytest.mark.parametrize("bad", [np.inf, np.nan])
def test_clip_by_global_norm_shows_what_is_not_finite(bad: float) -> None:
    clipped, _ = ps.clip_by_global_norm([[1.0], [bad]], 1.0)
    assert np.isnan(run(clipped)).all()


def test_clip_by_norm_of_zeros_has_a_finite_gradient() -> None:
    x = ps.placeholder(ps.float32, [2])
    y = ps.clip_by_norm(x, 1.0)
    values, slope = run([y, ps.gradients(y, x)[0]], {x: [0.0, 0.0]})
    assert values.tolist() == [0.0, 0.0]
    assert np.isfinite(slope).all()


def test_clip_by_norm_along_an_axis() -> None:
    clipped = run(ps.clip_by_norm([[3.0, 4.0], [0.3, 0.4]], 1.0, axes=[1]))
    np.testing.assert_allclose(clipped, [[0.6, 0.8], [0.3, 0.4]], rtol=1e-6)


def test_clip_by_value_broadcasts_its_bounds_only() -> None:
    assert run(ps.clip_by_value([[1.0, 9.0]], [0.0, 2.0], 5.0)).tolist() == [[1.0, 5.0]]
    with pytest.raises(ValueError, match="does not broadcast to the shape"):
        ps.clip_by_value([1.0], [[0.0], [1.0]], 5.0)


def test_pow_of_a_constant_has_no_nan_in_its_gradient() -> None:
    x = ps.placeholder(ps.float32, [3])
    y = ps.constant(2.0)
    slopes = run(ps.gradients(ps.pow(x, y), [x, y]), {x: [-1.0, 0.0, 2.0]})
    assert slopes[0].tolist() == [-2.0, 0.0, 4.0]
    assert np.isfinite(slopes[1])


def test_accumulate_n_checks_shape_and_dtype() -> None:
    with pytest.raises(ValueError, match="compatible"):
        ps.accumulate_n([[1.0, 2.0]], shape=[3])
    with pytest.raises(TypeError):
        ps.accumulate_n([ps.constant([1.0])], tensor_dtype=ps.int32)


def test_complex_parts() -> None:
    z = ps.complex([3.0], [4.0])
    assert run(ps.abs(z)).tolist() == [5.0]
    assert run(ps.real(z)).tolist() == [3.0]
    assert run(ps.imag(ps.conj(z))).tolist() == [-4.0]
    assert run(ps.real(ps.constant([2.0]))).tolist() == [2.0]


ANALYTIC = {  # function → its first and second derivative, told by x
    "tanh": (lambda x: 1 - np.tanh(x) ** 2, lambda x: -2 * np.tanh(x) * (1 - np.tanh(x) ** 2)),
    "sigmoid": (
        lambda x: np.exp(-x) / (1 + np.exp(-x)) ** 2,
        lambda x: np.exp(-x) * (np.exp(-x) - 1) / (1 + np.exp(-x)) ** 3,
    ),
    "sqrt": (lambda x: 0.5 * x**-0.5, lambda x: -0.25 * x**-1.5),
    "rsqrt": (lambda x: -0.5 * x**-1.5, lambda x: 0.75 * x**-2.5),
    "reciprocal": (lambda x: -(x**-2), lambda x: 2 * x**-3),
}


@pytest.mark.parametrize("name", ANALYTIC)
def test_gradients_of_complex_functions_take_conjugates(name: str) -> None:
    first, second = ANALYTIC[name]
    rng = np.random.default_rng(3)
    at, weight, outer = (rng.normal(size=5) + 1j * rng.normal(size=5) for _ in range(3))
    x, w = ps.placeholder(ps.complex128, [5]), ps.placeholder(ps.complex128, [5])
    y = getattr(ps.math, name)(x) if name != "sqrt" else ps.sqrt(x)
    (slope,) = ps.gradients(y, x, w)
    slopes = ps.gradients(slope, [x, w], ps.constant(outer))
    found = run([slope, *slopes], {x: at, w: weight})
    np.testing.assert_allclose(found[0], weight * np.conj(first(at)))
    # The slope is a function of the conjugate of x, so the outer gradient is conjugated instead.
    np.testing.assert_allclose(found[1], np.conj(outer) * weight * np.conj(second(at)))
    np.testing.assert_allclose(found[2], outer * first(at))
